package sandbox

import (
	"fmt"
	"html/template"
	"image/color"
	"strings"

	"github.com/boombuler/barcode/code128"
)

// quietZone is the white a scanner needs on either side, in modules.
const quietZone = 10

// barcodeSVG draws a payment code as Code 128. It holds nothing but numbers, so
// it needs no escaping.
func barcodeSVG(code string) (template.HTML, error) {
	bars, err := code128.Encode(code)
	if err != nil {
		return "", fmt.Errorf("sandbox: draw barcode: %w", err)
	}
	width := bars.Bounds().Dx()
	var path strings.Builder
	for x := 0; x < width; x++ {
		begin := x
		for x < width && black(bars.At(x, 0)) {
			x++
		}
		if n := x - begin; n > 0 { // one shape a bar: no seams inside it
			fmt.Fprintf(&path, "M%d 0h%dv1h-%dz", quietZone+begin, n, n)
		}
	}
	return template.HTML(fmt.Sprintf(`<svg class="barcode" role="img" aria-label="Barcode %s" viewBox="0 0 %d 1" `+
		`preserveAspectRatio="none"><path d="%s"/></svg>`,
		template.HTMLEscapeString(code), width+2*quietZone, path.String())), nil
}

func black(c color.Color) bool {
	r, _, _, _ := c.RGBA()
	return r == 0
}
