package e2e_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"

	"warungjokul/views"
)

var pictures = flag.String("pictures", "", "TestPictures: the folder to draw every page of the gallery into")

// TestPictures draws every page in every state, for people to look at:
// make pictures.
func TestPictures(t *testing.T) {
	if *pictures == "" {
		t.Skip("only when asked to: make pictures")
	}
	p := start(t, t.TempDir())
	tab := browse(t)
	for _, sample := range views.Samples() {
		for _, look := range []struct {
			lang, scheme string
			width        int64
		}{{"id", "light", 390}, {"en", "dark", 390}, {"en", "light", 1280}, {"id", "light", 320}} {
			name := fmt.Sprintf("%s.%s.%s.%d.png", sample.Name, look.lang, look.scheme, look.width)
			var image []byte
			err := inTime(tab,
				chromedp.EmulateViewport(look.width, 844),
				emulation.SetEmulatedMedia().WithFeatures([]*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: look.scheme}}),
				chromedp.Navigate(p.shop+"/gallery/"+sample.Name+"?lang="+look.lang),
				chromedp.FullScreenshot(&image, 100))
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			if err := os.WriteFile(filepath.Join(*pictures, name), image, 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
}
