package views

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/boombuler/barcode/code128"
	"github.com/skip2/go-qrcode"
)

// Symbol is a QR code or a barcode as one SVG path, dark on white, a unit for
// each module. Path is empty when a code cannot be drawn: the digits beside it
// are what must work.
type Symbol struct {
	Width, Height int
	Path          string
}

// ViewBox is the SVG attribute of that name.
func (s Symbol) ViewBox() string { return fmt.Sprintf("0 0 %d %d", s.Width, s.Height) }

// Pixels is a width with two pixels for each module.
func (s Symbol) Pixels() string { return strconv.Itoa(2 * s.Width) }

// QR draws code as a QR code with its quiet zone.
func QR(code string) Symbol {
	q, err := qrcode.New(code, qrcode.Medium)
	if err != nil {
		return Symbol{}
	}
	rows := q.Bitmap()
	var path strings.Builder
	for y, row := range rows {
		drawRuns(&path, y, 1, len(row), func(x int) bool { return row[x] })
	}
	return Symbol{Width: len(rows), Height: len(rows), Path: path.String()}
}

// Barcode draws code as Code 128 with ten modules of quiet zone on both sides.
func Barcode(code string) Symbol {
	const quiet, height = 10, 36
	b, err := code128.Encode(code)
	if err != nil {
		return Symbol{}
	}
	bounds := b.Bounds()
	var path strings.Builder
	drawRuns(&path, 0, height, bounds.Dx()+2*quiet, func(x int) bool {
		if x < quiet || x >= quiet+bounds.Dx() {
			return false
		}
		r, _, _, _ := b.At(bounds.Min.X+x-quiet, bounds.Min.Y).RGBA()
		return r == 0
	})
	return Symbol{Width: bounds.Dx() + 2*quiet, Height: height, Path: path.String()}
}

// drawRuns adds the dark runs of one row as rectangles.
func drawRuns(path *strings.Builder, y, height, width int, dark func(x int) bool) {
	for x := 0; x < width; x++ {
		start := x
		for x < width && dark(x) {
			x++
		}
		if x > start {
			fmt.Fprintf(path, "M%d %dh%dv%dh-%dz", start, y, x-start, height, x-start)
		}
	}
}
