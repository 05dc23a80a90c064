package e2e_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"image"
	_ "image/png"
	"io"
	"net/http"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	cdpnetwork "github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/makiuchi-d/gozxing"
	"github.com/makiuchi-d/gozxing/oned"
	"github.com/makiuchi-d/gozxing/qrcode"

	"warungjokul/views"
)

// axe is the source of axe-core, which npm brings (make npm).
func axe(t *testing.T) string {
	t.Helper()
	source, err := os.ReadFile("node_modules/axe-core/axe.min.js")
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("axe-core is not here, and CI may not do without it: make npm")
		}
		t.Skip("axe-core is not here: make npm")
	}
	return string(source)
}

// Every page in every state, in both languages, both schemes, on phone and
// desktop: axe finds nothing, and nothing is wider than the screen, down to 320
// pixels, which is also 1280 at 400 %.
func TestAccessibility(t *testing.T) {
	t.Parallel() // beside the chaos, which mostly waits
	rules := axe(t)
	p := start(t, t.TempDir())
	for _, lang := range views.Langs() {
		t.Run(string(lang), func(t *testing.T) {
			t.Parallel()
			tab := browse(t)
			err := inTime(tab, chromedp.ActionFunc(func(ctx context.Context) error {
				_, err := page.AddScriptToEvaluateOnNewDocument("if (window === top) {" + rules + "}").Do(ctx)
				return err
			}))
			if err != nil {
				t.Fatal(err)
			}
			for _, sample := range views.Samples() {
				accessible(t, tab, p.shop+"/gallery/"+sample.Name+"?lang="+string(lang))
			}
		})
	}
}

// accessible holds a page against axe and against the width of the screen. What a
// page shows in frames are pages of the gallery too, and have their own turn. In
// the dark only colours differ.
func accessible(t *testing.T, tab context.Context, address string) {
	t.Helper()
	if err := inTime(tab, chromedp.Navigate(address)); err != nil {
		t.Fatalf("%s: %v", address, err)
	}
	for _, width := range []int64{1280, 390, 320} {
		var tooWide bool
		err := inTime(tab, chromedp.EmulateViewport(width, 844), chromedp.Evaluate(`document.documentElement.scrollWidth > innerWidth`, &tooWide))
		if err != nil {
			t.Fatalf("%s, %d px: %v", address, width, err)
		}
		if tooWide {
			t.Errorf("%s: wider than a screen of %d px", address, width)
		}
		if width == 320 {
			return
		}
		for _, scheme := range []struct{ name, rules string }{
			{"light", `rules: {"target-size": {enabled: true}}`},
			{"dark", `runOnly: ["color-contrast", "link-in-text-block"]`},
		} {
			var found string
			err := inTime(tab,
				emulation.SetEmulatedMedia().WithFeatures([]*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme.name}, {Name: "prefers-reduced-motion", Value: "reduce"}}),
				chromedp.Evaluate(`axe.run({iframes: false, resultTypes: ["violations"], `+scheme.rules+`}).then(r => r.violations
					.map(v => v.id + " " + v.impact + ": " + v.nodes.map(n => n.target + " " + n.failureSummary).join("; ")).join("\n"))`, &found, awaited))
			if err != nil {
				t.Fatalf("%s, %s, %d px: %v", address, scheme.name, width, err)
			}
			if found != "" {
				t.Errorf("%s, %s, %d px: axe finds %s", address, scheme.name, width, found)
			}
		}
	}
}

// inTime does something in a tab, and ends a wait that would never end.
func inTime(tab context.Context, actions ...chromedp.Action) error {
	ctx, cancel := context.WithTimeout(tab, patience)
	defer cancel()
	return chromedp.Run(ctx, actions...)
}

// One code everywhere: in the text, in what is copied, sent, printed, scanned
// and mailed, in the calendar, and in the gateway's books.
func TestOneCodeEverywhere(t *testing.T) {
	p := start(t, t.TempDir())
	tab := browse(t)
	var address, text, copied, shared, spoken, cashier string
	var qr, barcode, printed, tillBarcode []byte
	err := inTime(tab, buy(p),
		chromedp.Location(&address),
		chromedp.Text(id("payment-code")+` [aria-hidden]`, &text, chromedp.ByQuery),
		chromedp.Text(id("payment-code")+` .hidden`, &spoken, chromedp.ByQuery),
		chromedp.AttributeValue(`[data-copy]`, "data-copy", &copied, nil, chromedp.ByQuery),
		chromedp.AttributeValue(`[data-share]`, "data-share", &shared, nil, chromedp.ByQuery),
		chromedp.ScrollIntoView(`svg.qr`, chromedp.ByQuery),
		chromedp.Screenshot(`svg.qr`, &qr, chromedp.ByQuery),
		chromedp.Screenshot(`svg.barcode`, &barcode, chromedp.ByQuery),
		emulation.SetEmulatedMedia().WithMedia("print"),
		chromedp.Screenshot(`svg.qr`, &printed, chromedp.ByQuery),
		emulation.SetEmulatedMedia().WithMedia(""),
		chromedp.Navigate(p.shop+"/"), // away, and back by the cashier view
	)
	if err != nil {
		t.Fatal(err)
	}
	path := strings.TrimPrefix(address, p.shop)
	err = inTime(tab, chromedp.Navigate(address+"/cashier"),
		chromedp.AttributeValue(id("payment-code"), "data-code", &cashier, nil, chromedp.ByQuery),
		chromedp.Screenshot(`svg.barcode`, &tillBarcode, chromedp.ByQuery))
	if err != nil {
		t.Fatal(err)
	}
	v := visit(t, p)
	v.open(p)
	code := v.status(path).PaymentCode
	digits := regexp.MustCompile(`\d{16}`)
	_, calendar := v.get(path + "/calendar.ics")
	var mailed string
	for deadline := time.Now().Add(patience); mailed == "" && time.Now().Before(deadline); pause(50 * time.Millisecond) {
		_, page := v.get("/mailbox/1")
		mailed = digits.FindString(page)
	}
	ledger, _ := json.Marshal(control(t, p, http.MethodGet, "/control/payments", nil))
	for where, got := range map[string]string{
		"the page": strings.Join(strings.Fields(text), ""), "what a screen reader says": strings.ReplaceAll(spoken, " ", ""), "the copy button": copied,
		"what is shared": digits.FindString(shared), "the QR": decode(t, qrcode.NewQRCodeReader(), qr), "the barcode": decode(t, oned.NewCode128Reader(), barcode),
		"the printed QR": decode(t, qrcode.NewQRCodeReader(), printed), "the cashier view": cashier, "its barcode": decode(t, oned.NewCode128Reader(), tillBarcode),
		"the calendar": digits.FindString(strings.ReplaceAll(calendar, "\r\n ", "")), "the mail": mailed, "the gateway": digits.FindString(string(ledger)),
	} {
		if got != code {
			t.Errorf("%s says %q, want %q", where, got, code)
		}
	}
	if !strings.Contains(calendar, "BEGIN:VALARM") || !strings.Contains(calendar, "\r\n") {
		t.Errorf("the calendar file:\n%s", calendar)
	}
}

func decode(t *testing.T, reader gozxing.Reader, png []byte) string {
	t.Helper()
	img, _, err := image.Decode(bytes.NewReader(png))
	if err != nil {
		t.Fatal(err)
	}
	bitmap, err := gozxing.NewBinaryBitmapFromImage(img)
	if err != nil {
		t.Fatal(err)
	}
	result, err := reader.Decode(bitmap, map[gozxing.DecodeHintType]any{gozxing.DecodeHintType_TRY_HARDER: true})
	if err != nil {
		return err.Error()
	}
	return result.GetText()
}

// Once opened, the cashier view stays readable when the signal goes; nothing
// else is kept.
func TestCashierWithoutASignal(t *testing.T) {
	p := start(t, t.TempDir())
	tab := browse(t)
	var code string
	offline := cdpnetwork.EmulateNetworkConditions(true, 0, -1, -1)
	err := inTime(tab, buy(p),
		click(id("cashier")),
		chromedp.WaitReady(`html[data-kept]`, chromedp.ByQuery),
	)
	if err != nil {
		t.Fatal(err)
	}
	p.kill() // no signal is more than that
	var visible bool
	var background, other string
	err = inTime(tab,
		chromedp.Reload(),
		chromedp.WaitVisible(id("payment-code"), chromedp.ByQuery),
		offline,
		chromedp.WaitVisible(`[data-offline]`, chromedp.ByQuery),
		chromedp.AttributeValue(id("payment-code"), "data-code", &code, nil, chromedp.ByQuery),
		chromedp.Evaluate(`document.querySelector("svg.barcode").getBoundingClientRect().height > 80`, &visible),
		chromedp.Evaluate(`getComputedStyle(document.body).backgroundColor`, &background),
		chromedp.Evaluate(`caches.open("cashier").then(c => c.keys()).then(keys => keys.map(k => new URL(k.url).pathname.replace(/[^/]*\/cashier$/, "…/cashier")).sort().join(" "))`, &other, awaited),
	)
	if err != nil {
		t.Fatal(err)
	}
	err = inTime(tab, // an hour later, still without a signal
		chromedp.WaitNotVisible(`[data-over]`, chromedp.ByQuery),
		chromedp.Evaluate(`document.querySelector("[data-countdown]").dataset.countdown = new Date().toISOString()`, nil),
		chromedp.WaitVisible(`[data-over]`, chromedp.ByQuery))
	if err != nil {
		t.Errorf("past its deadline, the page does not say so: %v", err)
	}
	if len(code) != 16 || !visible || background != "rgb(255, 255, 255)" {
		t.Errorf("code %q, barcode %v, background %s", code, visible, background)
	}
	if other != "/orders/…/cashier /static/app.css /static/app.js" {
		t.Errorf("the phone keeps %s", other)
	}
}

// deviceClock has every page that is opened from now on believe that it is another
// time than it is, and count its own requests that have come to an end.
func deviceClock(wrong time.Duration) chromedp.Action {
	return chromedp.ActionFunc(func(ctx context.Context) error {
		_, err := page.AddScriptToEvaluateOnNewDocument(fmt.Sprintf(`{
			const right = Date.now, send = window.fetch;
			Date.now = () => right() + %d;
			window.settled = 0;
			window.fetch = (...request) => send(...request).finally(() => { window.settled++; });
		}`, wrong.Milliseconds())).Do(ctx)
		return err
	})
}

// looksForNews has a page look for news, as it does when it is seen again, and waits
// for the countdown that follows. A timer that begins after another with the same
// delay ends after it.
var looksForNews = chromedp.Tasks{
	chromedp.Evaluate(`document.dispatchEvent(new Event("visibilitychange"))`, nil),
	until(`window.settled > 0`),
	chromedp.Evaluate(`new Promise((done) => setTimeout(done, 1000))`, nil, awaited),
}

// secondsShown is what the countdown shows.
const secondsShown = `document.querySelector("[data-countdown]").textContent.split(":").reduce((sum, part) => 60 * sum + Number(part), 0)`

// A kept view says what time it was. Opened again or refreshed without a signal, it
// goes by what the shop has said last, whatever the device believes: its countdown
// does not go up, and is over after the deadline.
func TestKeptViewCountsDown(t *testing.T) {
	for name, wrong := range map[string]time.Duration{"slow": -37 * time.Minute, "fast": 37 * time.Minute} {
		t.Run("a clock that is "+name, func(t *testing.T) {
			p := start(t, t.TempDir())
			tab := browse(t)
			var address string
			var first int
			err := inTime(tab, buy(p), deviceClock(wrong),
				click(id("cashier")),
				chromedp.WaitReady(`html[data-kept]`, chromedp.ByQuery),
				until(secondsShown+` > 3500`),
				chromedp.Evaluate(secondsShown, &first),
				chromedp.Location(&address),
			)
			if err != nil || first > 3600 {
				t.Fatalf("%d seconds of an hour are left: %v", first, err)
			}
			p.kill()
			reopened := func(later time.Duration) (opened, refreshed int, over bool) {
				t.Helper()
				err := inTime(tab, deviceClock(later), // in the device's time that was wrong already
					chromedp.Navigate(address),
					chromedp.WaitVisible(id("payment-code"), chromedp.ByQuery),
					until(`/\d/.test(document.querySelector("[data-countdown]").textContent)`),
					chromedp.Evaluate(secondsShown, &opened),
					looksForNews,
					chromedp.Evaluate(secondsShown, &refreshed),
					chromedp.Evaluate(`!document.querySelector("[data-over]").hidden`, &over),
				)
				if err != nil {
					t.Fatal(err)
				}
				return opened, refreshed, over
			}
			if opened, refreshed, over := reopened(40 * time.Minute); opened > first-2400 || opened < first-2460 || refreshed > opened || over {
				t.Errorf("40 minutes later %d seconds are left, refreshed %d, over %v; at first there were %d", opened, refreshed, over, first)
			}
			if opened, refreshed, over := reopened(21 * time.Minute); opened != 0 || refreshed != 0 || !over {
				t.Errorf("after the deadline %d seconds are left, refreshed %d, over %v", opened, refreshed, over)
			}
			if opened, refreshed, _ := reopened(-5 * time.Hour); opened > first || refreshed > opened {
				t.Errorf("with the device's clock set back %d seconds are left, refreshed %d; at first there were %d", opened, refreshed, first)
			}
		})
	}
}

// What is kept is never news: a view that has shown the payment does not go back to
// the code when it is refreshed without a signal.
func TestKeptViewIsNoNews(t *testing.T) {
	p := start(t, t.TempDir())
	tab := browse(t)
	var code, state string
	err := inTime(tab, buy(p), deviceClock(0),
		click(id("cashier")),
		chromedp.WaitReady(`html[data-kept]`, chromedp.ByQuery),
		chromedp.AttributeValue(id("payment-code"), "data-code", &code, nil, chromedp.ByQuery),
	)
	if err != nil {
		t.Fatal(err)
	}
	act(t, p, code, "pay")
	if err := inTime(tab, chromedp.WaitVisible(id("order-state")+`[data-state="paid"]`, chromedp.ByQuery)); err != nil {
		t.Fatal(err)
	}
	p.kill()
	err = inTime(tab,
		chromedp.Evaluate(`window.settled = 0`, nil),
		looksForNews,
		chromedp.AttributeValue(id("order-state"), "data-state", &state, nil, chromedp.ByQuery),
	)
	if err != nil || state != "paid" {
		t.Errorf("the view is %q, %v, want paid still", state, err)
	}
}

// A page that the browser has kept as it was, and whose stream it has ended, hears
// of what happened meanwhile, and of what happens next.
func TestPageThatComesBack(t *testing.T) {
	p := start(t, t.TempDir())
	tab := browse(t)
	var code string
	err := inTime(tab,
		chromedp.ActionFunc(func(ctx context.Context) error {
			_, err := page.AddScriptToEvaluateOnNewDocument(`window.EventSource = class extends EventSource {
				constructor(address) { super(address); window.stream = this; }
			};`).Do(ctx)
			return err
		}),
		buy(p),
		chromedp.AttributeValue(id("payment-code"), "data-code", &code, nil, chromedp.ByQuery),
		until(`window.stream`),
		chromedp.Evaluate(`dispatchEvent(new PageTransitionEvent("pagehide", { persisted: true }))`, nil),
		until(`stream.readyState === EventSource.CLOSED`),
	)
	if err != nil {
		t.Fatal(err)
	}
	act(t, p, code, "pay")
	err = inTime(tab,
		chromedp.Evaluate(`dispatchEvent(new PageTransitionEvent("pageshow", { persisted: true }))`, nil),
		chromedp.WaitVisible(id("order-state")+`[data-state="paid"]`, chromedp.ByQuery),
	)
	if err != nil {
		t.Errorf("the page does not turn to paid: %v", err)
	}
}

// A device whose clock is wrong counts down by the shop's, which it learns from
// whichever comes first: the page's header, an event, the next look.
func TestCountdownByTheShopsClock(t *testing.T) {
	const (
		wrong   = `const right = Date.now; Date.now = () => right() + 37 * 60 * 1000;`
		noPage  = `Object.defineProperty(PerformanceResourceTiming.prototype, "serverTiming", { get: () => undefined });`
		noEvent = `delete window.EventSource;`
		noLook  = `window.fetch = () => Promise.reject(new Error("no signal"));`
		isRight = `(() => {
			const timer = document.querySelector("[data-countdown]");
			const shown = timer.textContent.split(":").reduce((sum, part) => 60 * sum + Number(part), 0);
			const left = (Date.parse(timer.dataset.countdown) - performance.timeOrigin - performance.now()) / 1000;
			return Math.abs(shown - left) < 10 * 60; // a busy browser may learn late what time it was
		})()`
	)
	p := start(t, t.TempDir())
	tab := browse(t)
	var address string
	if err := inTime(tab, buy(p), chromedp.Location(&address)); err != nil {
		t.Fatal(err)
	}
	for from, script := range map[string]string{"page": noEvent + noLook, "event": noPage + noLook, "look": noPage + noEvent} {
		t.Run(from, func(t *testing.T) {
			tab, cancel := chromedp.NewContext(tab)
			defer cancel()
			err := inTime(tab,
				chromedp.ActionFunc(func(ctx context.Context) error {
					_, err := page.AddScriptToEvaluateOnNewDocument(wrong + script).Do(ctx)
					return err
				}),
				chromedp.Navigate(address),
				chromedp.Evaluate(`document.dispatchEvent(new Event("visibilitychange"))`, nil),
				until(isRight))
			if err != nil {
				t.Errorf("the countdown is wrong: %v", err)
			}
		})
	}
}

// The whole journey by keyboard, at 320 pixels.
func TestBrowserJourneyByKeyboard(t *testing.T) {
	for _, lang := range []string{"id", "en"} {
		t.Run(lang, func(t *testing.T) { byKeyboard(t, lang) })
	}
}

func byKeyboard(t *testing.T, lang string) {
	p := start(t, t.TempDir())
	tab := browse(t)
	focused := func(selector string) chromedp.Action {
		return chromedp.ActionFunc(func(ctx context.Context) error {
			for range 80 {
				var there bool
				if err := chromedp.Run(ctx, chromedp.KeyEvent(kb.Tab), chromedp.Evaluate(`document.activeElement.matches(`+fmt.Sprintf("%q", selector)+`)`, &there)); err != nil {
					return err
				}
				if there {
					var ring string
					if err := chromedp.Run(ctx, chromedp.Evaluate(`getComputedStyle(document.activeElement).outlineStyle`, &ring)); err != nil || ring == "none" {
						return fmt.Errorf("%s has focus and does not show it: %q, %v", selector, ring, err)
					}
					return nil
				}
			}
			return fmt.Errorf("%s is not reached by Tab", selector)
		})
	}
	press := func(selector string) chromedp.Tasks {
		return chromedp.Tasks{focused(selector), chromedp.KeyEvent(kb.Enter)}
	}
	err := inTime(tab,
		chromedp.EmulateViewport(320, 700),
		chromedp.Navigate(p.shop+"/?lang="+lang),
		press(`a[href="/products/kopi-gayo"]`), chromedp.WaitVisible(id("add-to-cart"), chromedp.ByQuery),
		press(id("add-to-cart")), chromedp.WaitVisible(id("go-to-checkout"), chromedp.ByQuery),
		press(id("go-to-checkout")), chromedp.WaitVisible(`input[name="name"]`, chromedp.ByQuery),
		press(id("place-order")), // with nothing filled in: the summary of problems takes the focus
		chromedp.WaitVisible(`[data-focus]`, chromedp.ByQuery),
		until(`document.activeElement.matches("[data-focus]")`),
		focused(`input[name="name"]`), chromedp.KeyEvent("Siti Rahma"),
		focused(`input[name="email"]`), chromedp.KeyEvent("siti@example.com"),
		focused(`input[name="phone"]`), chromedp.KeyEvent("081234567890"+kb.Enter),
		chromedp.WaitVisible(id("payment-code"), chromedp.ByQuery),
		press(id("cashier")), chromedp.WaitVisible(`.till .digits`, chromedp.ByQuery),
	)
	if err != nil {
		t.Fatal(err)
	}
}

// Pages are light: what a first view loads, compressed, drawings apart.
func TestPagesAreLight(t *testing.T) {
	p := start(t, t.TempDir())
	v := visit(t, p)
	order := v.order("MNM-GAYO")
	v.await(order, "a code", hasCode)
	assets := 0
	for _, asset := range regexp.MustCompile(`/static/app\.(?:css|js)\?v=[0-9a-f]+`).FindAllString(page1(v), -1) {
		assets += compressed(v, asset)
	}
	for path, most := range map[string]int{"/": 40 << 10, "/products/kopi-gayo": 40 << 10, "/cart": 40 << 10, order: 12 << 10, order + "/cashier": 12 << 10} {
		html := compressed(v, path)
		t.Logf("%-40s %6d bytes of HTML, %6d with style and script", regexp.MustCompile(`orders/[^/]+`).ReplaceAllString(path, "orders/…"), html, html+assets)
		if html > most || html+assets > 40<<10 {
			t.Errorf("%s: %d bytes of HTML, %d in all", path, html, html+assets)
		}
	}
}

func page1(v visitor) string { _, page := v.get("/"); return page }

func compressed(v visitor, path string) int {
	v.t.Helper()
	_, body := v.get(path)
	var small bytes.Buffer
	w := gzip.NewWriter(&small)
	_, _ = io.WriteString(w, body)
	_ = w.Close()
	return small.Len()
}

// Nothing moves once it is there: countdown, QR and the live update of the page
// included.
func TestNothingMoves(t *testing.T) {
	p := start(t, t.TempDir())
	tab := browse(t)
	var shift float64
	err := inTime(tab, buy(p), chromedp.Sleep(time.Second), // a shift right after a press does not count
		chromedp.Reload(), chromedp.WaitVisible(id("payment-code"), chromedp.ByQuery), chromedp.Evaluate(`new Promise(done => { let sum = 0;
		new PerformanceObserver(list => { for (const e of list.getEntries()) if (!e.hadRecentInput) sum += e.value; }).observe({type: "layout-shift", buffered: true});
		setTimeout(() => done(sum), 2500); })`, &shift, awaited))
	if err != nil {
		t.Fatal(err)
	}
	if shift > 0.01 {
		t.Errorf("the order page shifts by %.3f", shift)
	}
}

// From page to page a product's drawing goes along, unless its reader wants no
// motion; what is pressed meanwhile is pressed (every journey here does). A busy
// browser leaves a movement out: what both pages ask it for is what is tested.
func TestTransitions(t *testing.T) {
	p := start(t, t.TempDir())
	tab := browse(t)
	const asked = `[getComputedStyle(document.querySelector('[data-shape="kopi-gayo"]')).viewTransitionName,
		[...document.styleSheets].some(function asks(part) {
			return part instanceof CSSViewTransitionRule ? part.navigation === "auto"
				: part instanceof CSSMediaRule && !matchMedia(part.conditionText).matches ? false : [...part.cssRules ?? []].some(asks);
		})].join()`
	for motion, want := range map[string]string{"no-preference": "kopi-gayo,true", "reduce": "none,false"} {
		var from, to string
		err := inTime(tab,
			emulation.SetEmulatedMedia().WithFeatures([]*emulation.MediaFeature{{Name: "prefers-reduced-motion", Value: motion}}),
			chromedp.Navigate(p.shop+"/"), chromedp.Evaluate(asked, &from),
			click(id("product-card")+` a[href="/products/kopi-gayo"]`),
			chromedp.WaitVisible(id("add-to-cart"), chromedp.ByQuery), chromedp.Evaluate(asked, &to))
		if err != nil {
			t.Fatal(err)
		}
		if from != want || to != want {
			t.Errorf("motion %s: the pages ask for %q and %q, want %q", motion, from, to, want)
		}
	}
}

// Printed, the page is black on white, one sheet, and without navigation.
func TestPrint(t *testing.T) {
	p := start(t, t.TempDir())
	tab := browse(t)
	for name, paper := range map[string][2]float64{"A5": {5.83, 8.27}, "A4": {8.27, 11.69}, "thermal roll": {3.15, 20}} {
		var pdf []byte
		var shown string
		err := inTime(tab, chromedp.Navigate(p.shop+"/gallery/order-waiting?lang=id"),
			emulation.SetEmulatedMedia().WithMedia("print").WithFeatures([]*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: "dark"}}),
			chromedp.Evaluate(`[...document.querySelectorAll("header, footer, button, form, nav")].filter(e => e.checkVisibility()).map(e => e.tagName).join() + getComputedStyle(document.querySelector(".code")).color`, &shown),
			chromedp.ActionFunc(func(ctx context.Context) (err error) {
				pdf, _, err = page.PrintToPDF().WithPaperWidth(paper[0]).WithPaperHeight(paper[1]).WithMarginTop(.3).WithMarginBottom(.3).WithMarginLeft(.3).WithMarginRight(.3).Do(ctx)
				return err
			}))
		if err != nil {
			t.Fatal(err)
		}
		if shown != "rgb(0, 0, 0)" {
			t.Errorf("%s: printed in colour, or with %s", name, shown)
		}
		if n := len(regexp.MustCompile(`/Type /Page\b`).FindAll(pdf, -1)); n != 1 {
			t.Errorf("%s: %d sheets, want 1", name, n)
		}
	}
}
