package sandbox_test

import (
	"context"
	"os"
	"strings"
	"strconv"
	"testing"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
)

func TestZZShot(t *testing.T) {
	if os.Getenv("SHOTS") == "" { t.Skip() }
	opts := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.NoSandbox)
	ctx, cancel := chromedp.NewExecAllocator(context.Background(), opts...)
	defer cancel()
	ctx, cancel = chromedp.NewContext(ctx)
	defer cancel()
	for _, line := range strings.Split(os.Getenv("SHOTS"), ";") {
		f := strings.Fields(line)
		if len(f) < 4 { continue }
		w, _ := strconv.ParseInt(f[1], 10, 64)
		media := func(ctx context.Context, t *chromedp.Target) (chromedp.Void, error) {
			_, err := cdp.Call(ctx, t, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: f[2]}}})
			return chromedp.Void{}, err
		}
		if err := chromedp.Do(ctx, chromedp.EmulateViewport(w, 800), media, chromedp.Navigate(f[3])); err != nil { t.Fatal(err) }
		b, err := chromedp.Run(ctx, chromedp.FullScreenshot(100))
		if err != nil { t.Fatal(err) }
		os.WriteFile("/tmp/sb/"+f[0]+".png", b, 0o644)
		sw, _ := chromedp.Run(ctx, chromedp.Evaluate[int64]("document.documentElement.scrollWidth"))
		t.Log(f[0], w, sw)
	}
}
