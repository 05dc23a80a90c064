package e2e_test

import (
	"context"
	"errors"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/cdproto/target"
	"github.com/chromedp/chromedp"

	"warungjokul/e2e/servers"
)

// expected is what a browser may say where a test takes the signal away, leaves a
// form empty, sends it again too soon, has a certificate of its own, or where the
// browser is too busy to show how one page becomes the next.
var expected = regexp.MustCompile(`net::ERR_(INTERNET_DISCONNECTED|INCOMPLETE_CHUNKED_ENCODING|CONNECTION_REFUSED|FAILED)|status of (422|429)|SSL certificate error|` +
	`(View ?)?Transition was (skipped|aborted)`)

// browse opens a phone-sized tab of Debian's Chromium, with cookies and storage
// of its own. What the browser complains about, a blocked script or style among
// it, fails the test.
func browse(t *testing.T) context.Context {
	t.Helper()
	browser := sharedChromium(t)
	commands := cdp.WithExecutor(browser, chromedp.FromContext(browser).Browser)
	profile, err := target.CreateBrowserContext().Do(commands)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = target.DisposeBrowserContext(profile).Do(commands) })
	// Tabs are opened in a window, which a new profile does not have.
	if _, err := target.CreateTarget("about:blank").WithBrowserContextID(profile).WithNewWindow(true).Do(commands); err != nil {
		t.Fatal(err)
	}
	tab, leave := chromedp.NewContext(browser, chromedp.WithExistingBrowserContext(profile))
	t.Cleanup(leave)

	var mu sync.Mutex
	var complaints []string
	chromedp.ListenTarget(tab, func(event any) {
		mu.Lock()
		defer mu.Unlock()
		switch e := event.(type) {
		case *log.EventEntryAdded:
			if e.Entry.Level == log.LevelError && !expected.MatchString(e.Entry.Text) {
				complaints = append(complaints, e.Entry.Text+" "+e.Entry.URL)
			}
		case *runtime.EventExceptionThrown:
			if text := e.ExceptionDetails.Error(); !expected.MatchString(text) {
				complaints = append(complaints, text)
			}
		}
	})
	t.Cleanup(func() {
		mu.Lock()
		defer mu.Unlock()
		if len(complaints) > 0 {
			t.Errorf("the browser complained:\n%s", strings.Join(complaints, "\n"))
		}
	})
	// The first run may have no deadline: the tab would end with it.
	if err := chromedp.Run(tab, chromedp.EmulateViewport(390, 844)); err != nil {
		t.Fatal(err)
	}
	return tab
}

// chromium is the browser that all tests share; each has a profile of its own in it.
var chromium struct {
	sync.Mutex
	context.Context
	stop func()
}

// sharedChromium starts the browser when it is first needed. Now and then it
// crashes at its start, before it has seen anything of ours: then it is started
// again.
func sharedChromium(t *testing.T) context.Context {
	t.Helper()
	path := servers.Need(t, "chromium", "chromium")
	chromium.Lock()
	defer chromium.Unlock()
	if chromium.Context != nil {
		select {
		case <-chromedp.FromContext(chromium.Context).Browser.LostConnection:
			chromium.stop()
		default:
			return chromium.Context
		}
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path), chromedp.NoSandbox,
		chromedp.DisableGPU, chromedp.WindowSize(390, 844), chromedp.Flag("disable-quic", true),
		chromedp.Flag("lang", "id"), chromedp.WSURLReadTimeout(patience))
	for range 4 {
		allocator, stop := chromedp.NewExecAllocator(context.Background(), options...)
		ctx, cancel := chromedp.NewContext(allocator)
		err := chromedp.Run(ctx)
		if err == nil {
			chromium.Context, chromium.stop = ctx, func() { cancel(); stop() }
			return ctx
		}
		cancel()
		stop()
		t.Logf("chromium did not start: %v", err)
	}
	t.Fatal("chromium does not start")
	return nil
}

// click presses what the selector finds. A page that has just heard news draws
// itself again, and what was found may be gone before it is pressed: then the new
// one is looked for, as a person would.
func click(selector string) chromedp.Action {
	return chromedp.ActionFunc(func(ctx context.Context) error {
		for {
			err := chromedp.Click(selector, chromedp.ByQuery).Do(ctx)
			if gone := new(cdproto.Error); !errors.As(err, &gone) || gone.Code != -32000 {
				return err
			}
		}
	})
}

func id(name string) string { return `[data-testid="` + name + `"]` }

// buy is the journey from the catalogue to the order page, in a browser, until the
// page has drawn itself again because the gateway's own steps have come.
func buy(p *program) chromedp.Tasks {
	return append(buyAs(p, "id", 390), chromedp.WaitVisible(id("gateway-steps"), chromedp.ByQuery))
}

func buyAs(p *program, lang string, width int64) chromedp.Tasks {
	return chromedp.Tasks{
		chromedp.EmulateViewport(width, 844),
		chromedp.Navigate(p.shop + "/?lang=" + lang),
		click(id("product-card") + ` a[href="/products/kopi-gayo"]`),
		click(id("add-to-cart")),
		click(id("go-to-checkout")),
		chromedp.WaitVisible(`input[name="name"]`, chromedp.ByQuery),
		chromedp.SendKeys(`input[name="name"]`, "Siti Rahma", chromedp.ByQuery),
		chromedp.SendKeys(`input[name="email"]`, "siti@example.com", chromedp.ByQuery),
		chromedp.SendKeys(`input[name="phone"]`, "081234567890", chromedp.ByQuery),
		click(id("place-order")),
		chromedp.WaitVisible(id("payment-code"), chromedp.ByQuery),
	}
}

// payAtTill opens the page's link to the simulator in a tab of its own and pays.
func payAtTill(t *testing.T, ctx context.Context) {
	t.Helper()
	var link string
	var ok bool
	if err := inTime(ctx, chromedp.AttributeValue(id("simulator-link"), "href", &link, &ok, chromedp.ByQuery)); err != nil || !ok {
		t.Fatalf("no link to the simulator: %v", err)
	}
	till, cancel := chromedp.NewContext(ctx)
	defer cancel()
	err := inTime(till,
		chromedp.Navigate(link),
		click(id("pay")),
		chromedp.WaitVisible(id("receipt"), chromedp.ByQuery),
	)
	if err != nil {
		t.Fatalf("at the till: %v", err)
	}
}

func TestBrowserJourney(t *testing.T) {
	p := start(t, t.TempDir())
	ctx := browse(t)
	if err := inTime(ctx, buy(p), chromedp.Evaluate(`window.sameDocument = true`, nil)); err != nil {
		t.Fatal(err)
	}
	payAtTill(t, ctx)
	paid := time.Now()
	var same bool
	var title, lang string
	err := inTime(ctx,
		chromedp.WaitVisible(id("order-state")+`[data-state="paid"]`, chromedp.ByQuery),
		chromedp.Evaluate(`window.sameDocument === true`, &same),
		chromedp.Title(&title),
		chromedp.Evaluate(`document.documentElement.lang`, &lang),
	)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("the open page turned to paid within %v", time.Since(paid).Round(time.Millisecond))
	if !same || !strings.HasPrefix(title, "Lunas") || lang != "id" {
		t.Errorf("same document %v, title %q, lang %q", same, title, lang)
	}
	var wide bool
	if err := inTime(ctx, chromedp.EmulateViewport(320, 800),
		chromedp.Evaluate(`document.documentElement.scrollWidth > 320`, &wide)); err != nil || wide {
		t.Errorf("the page is wider than a screen of 320 px: %v, %v", wide, err)
	}
}

// Who presses "I have paid" again at once is told to wait, by a page that was the
// answer to a form: it hears of the payment, and changes its language, like any.
func TestPressedTwice(t *testing.T) {
	p := start(t, t.TempDir())
	ctx := browse(t)
	if err := inTime(ctx, buy(p), click(id("check")), pressUntil(id("check"), `[role="alert"]`)); err != nil {
		t.Fatal(err)
	}
	payAtTill(t, ctx)
	if err := inTime(ctx, chromedp.WaitVisible(id("order-state")+`[data-state="paid"]`, chromedp.ByQuery)); err != nil {
		t.Fatalf("the page does not turn to paid: %v", err)
	}
	var title string
	if err := inTime(ctx, click(`a[hreflang="en"]`), chromedp.WaitVisible(`html[lang="en"] h1`, chromedp.ByQuery), chromedp.Title(&title)); err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(title, "Paid") {
		t.Errorf("in English it is %q", title)
	}
}

// pressUntil presses a button until something else is on the page. A press that comes just
// when another page takes the place of this one goes nowhere.
func pressUntil(button, awaited string) chromedp.Action {
	return chromedp.ActionFunc(func(ctx context.Context) error {
		for {
			if err := click(button).Do(ctx); err != nil {
				return err
			}
			soon, cancel := context.WithTimeout(ctx, 2*time.Second)
			err := chromedp.WaitVisible(awaited, chromedp.ByQuery).Do(soon)
			cancel()
			if err == nil || ctx.Err() != nil {
				return err
			}
		}
	})
}

func TestBrowserJourneyWithoutScript(t *testing.T) {
	for lang, paid := range map[string]string{"id": "Lunas", "en": "Paid"} {
		t.Run(lang, func(t *testing.T) {
			p := start(t, t.TempDir())
			ctx := browse(t)
			// What needs script is not shown, and the countdown does not count.
			var countdown string
			err := inTime(ctx, emulation.SetScriptExecutionDisabled(true), buyAs(p, lang, 320),
				chromedp.WaitNotVisible(`[data-copy]`, chromedp.ByQuery),
				chromedp.TextContent(`[data-countdown]`, &countdown, chromedp.ByQuery))
			if err != nil || countdown != "–" {
				t.Fatalf("countdown %q, %v", countdown, err)
			}
			payAtTill(t, ctx)
			var heading, html string
			err = inTime(ctx,
				click(id("refresh")),
				chromedp.WaitVisible(id("order-state")+`[data-state="paid"]`, chromedp.ByQuery),
				chromedp.Text("h1", &heading, chromedp.ByQuery),
				chromedp.OuterHTML("html", &html, chromedp.ByQuery),
			)
			if err != nil {
				t.Fatal(err)
			}
			if heading != paid || !strings.Contains(html, `lang="`+lang+`"`) {
				t.Errorf("the page says %q", heading)
			}
		})
	}
}

// awaited has an expression's promise waited for.
func awaited(p *runtime.EvaluateParams) *runtime.EvaluateParams { return p.WithAwaitPromise(true) }

// until waits for something on a page to be true. It asks by the clock: a busy
// browser may have no frame to draw, and asks nothing, for as long as it likes.
func until(isTrue string) chromedp.Action {
	return chromedp.Poll(isTrue, nil, chromedp.WithPollingInterval(100*time.Millisecond))
}
