package e2e_test

import (
	"context"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// browse opens a phone-sized tab of Debian's Chromium. It may speak to nobody
// but the shop and its sandbox.
func browse(t *testing.T) context.Context {
	t.Helper()
	path, err := exec.LookPath("chromium")
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("chromium is not here, and CI may not do without it")
		}
		t.Skip("chromium is not here: apt-get install chromium")
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path), chromedp.NoSandbox,
		chromedp.DisableGPU, chromedp.WindowSize(390, 844), chromedp.Flag("disable-component-update", true))
	ctx, cancel := chromedp.NewExecAllocator(context.Background(), options...)
	t.Cleanup(cancel)
	ctx, cancel = context.WithTimeout(ctx, 2*time.Minute)
	t.Cleanup(cancel)
	return tab(t, ctx)
}

// tab opens a tab. What the browser complains about in it, a blocked script or
// style among it, fails the test.
func tab(t *testing.T, ctx context.Context) context.Context {
	t.Helper()
	ctx, cancel := chromedp.NewContext(ctx)
	t.Cleanup(cancel)
	var mu sync.Mutex
	var complaints []string
	err := chromedp.Listen(ctx, func(event any) {
		mu.Lock()
		defer mu.Unlock()
		switch e := event.(type) {
		case *log.EventEntryAdded:
			if e.Entry.Level == log.EntryLevelError {
				complaints = append(complaints, e.Entry.Text+" "+e.Entry.URL)
			}
		case *runtime.EventConsoleAPICalled:
			if string(e.Type) == string(chromedp.ConsoleError) {
				complaints = append(complaints, "console.error was called")
			}
		case *runtime.EventExceptionThrown:
			complaints = append(complaints, e.ExceptionDetails.Text+" "+e.ExceptionDetails.URL)
		}
	})
	if err != nil {
		t.Fatalf("start chromium: %v", err)
	}
	t.Cleanup(func() {
		mu.Lock()
		defer mu.Unlock()
		if len(complaints) > 0 {
			t.Errorf("the browser complained:\n%s", strings.Join(complaints, "\n"))
		}
	})
	return ctx
}

// id selects what a page marks with data-testid.
func id(name string) chromedp.CSS { return chromedp.CSS(`[data-testid="` + name + `"]`) }

func state(name string) chromedp.CSS {
	return id("order-state") + chromedp.CSS(`[data-state="`+name+`"]`)
}

// buy is the journey from the catalogue to the order page with its code.
func buy(t *testing.T, ctx context.Context, p *program) {
	t.Helper()
	err := chromedp.Do(ctx,
		chromedp.EmulateViewport(390, 844),
		chromedp.Navigate(p.shop+"/?lang=id"),
		chromedp.Click(id("product-card")+` a[href="/products/kopi-gayo"]`),
		chromedp.Click(id("add-to-cart")),
		chromedp.Click(id("go-to-checkout")),
		chromedp.SendKeys(chromedp.CSS(`input[name="name"]`), "Siti Rahma"),
		chromedp.SendKeys(chromedp.CSS(`input[name="email"]`), "siti@example.com"),
		chromedp.SendKeys(chromedp.CSS(`input[name="phone"]`), "081234567890"),
		chromedp.Click(id("place-order")),
		chromedp.WaitVisible(state("waiting")),
		chromedp.WaitVisible(id("payment-code")),
	)
	if err != nil {
		t.Fatalf("from catalogue to code: %v", err)
	}
}

// payAtTill follows the page's link to the simulator in a tab of its own, and
// pays there.
func payAtTill(t *testing.T, ctx context.Context) {
	t.Helper()
	link, err := chromedp.Run(ctx, chromedp.AttributeValue(id("simulator-link"), "href"))
	if err != nil || !link.Exists {
		t.Fatalf("no link to the simulator: %v", err)
	}
	err = chromedp.Do(tab(t, ctx),
		chromedp.Navigate(link.Value),
		chromedp.Click(id("pay")),
		chromedp.WaitVisible(id("receipt")),
	)
	if err != nil {
		t.Fatalf("at the till: %v", err)
	}
}

func evaluate[T any](t *testing.T, ctx context.Context, expression string) T {
	t.Helper()
	value, err := chromedp.Run(ctx, chromedp.Evaluate[T](expression))
	if err != nil {
		t.Fatalf("%s: %v", expression, err)
	}
	return value
}

func TestBrowserJourney(t *testing.T) {
	p := start(t, t.TempDir())
	ctx := browse(t)
	buy(t, ctx, p)
	evaluate[bool](t, ctx, `window.__same = true`)
	payAtTill(t, ctx)
	paid := time.Now()
	if err := chromedp.Do(ctx, chromedp.WaitVisible(state("paid"))); err != nil {
		t.Fatalf("the open page did not turn to paid: %v", err)
	}
	t.Logf("the open page showed paid %v after the receipt", time.Since(paid).Round(time.Millisecond))
	if !evaluate[bool](t, ctx, `window.__same === true`) {
		t.Error("the page was loaded again on its way to paid")
	}
	if title := evaluate[string](t, ctx, `document.title`); !strings.HasPrefix(title, "Lunas") {
		t.Errorf("title %q, want Lunas...", title)
	}
	if lang := evaluate[string](t, ctx, `document.documentElement.lang`); lang != "id" {
		t.Errorf("lang %q, want id", lang)
	}
	if err := chromedp.Do(ctx, chromedp.EmulateViewport(320, 800)); err != nil {
		t.Fatal(err)
	}
	if width := evaluate[int](t, ctx, `document.documentElement.scrollWidth`); width > 320 {
		t.Errorf("the page is %d px wide on a screen of 320", width)
	}
}

func TestBrowserJourneyWithoutScript(t *testing.T) {
	p := start(t, t.TempDir())
	ctx := browse(t)
	off := emulation.SetScriptExecutionDisabledParams{Value: true}
	if _, err := chromedp.Call(ctx, emulation.SetScriptExecutionDisabled, off); err != nil {
		t.Fatal(err)
	}
	buy(t, ctx, p)
	if scripted := evaluate[bool](t, ctx, `document.documentElement.classList.contains("scripted")`); scripted {
		t.Fatal("the page's script ran, though it was to be off")
	}
	payAtTill(t, ctx)
	if err := chromedp.Do(ctx, chromedp.Click(id("refresh")), chromedp.WaitVisible(state("paid"))); err != nil {
		t.Fatalf("the page did not show paid after its refresh link: %v", err)
	}
}
