package e2e_test

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// frames are the addresses of the frames of the page in a tab.
func frames(tab context.Context) (list []string, err error) {
	return list, inTime(tab, chromedp.ActionFunc(func(ctx context.Context) error {
		tree, err := page.GetFrameTree().Do(ctx)
		if err != nil {
			return err
		}
		for _, f := range tree.ChildFrames {
			list = append(list, f.Frame.URL)
		}
		return nil
	}))
}

// The six steps as they are shown to a merchant: at a projector, by the arrow
// keys, in both languages, from the first order to starting over.
func TestTour(t *testing.T) {
	for lang, words := range map[string][]string{"id": {"Pembeli memesan", "Lunas"}, "en": {"A shopper orders", "Paid"}} {
		t.Run(lang, func(t *testing.T) { takeTour(t, lang, words) })
	}
}

func takeTour(t *testing.T, lang string, words []string) {
	p := start(t, t.TempDir())
	tab := browse(t)
	if err := inTime(tab, chromedp.EmulateViewport(1280, 720), chromedp.Navigate(p.link()), chromedp.Navigate(p.shop+"/tour?lang="+lang)); err != nil {
		t.Fatal(err)
	}
	for i, scene := range []struct{ act, order, till string }{
		{"order", "", "/simulator?lang=" + lang},
		{"code", "waiting", "/simulator?lang=" + lang},
		{"till", "waiting", "payment_code=8888"},
		{"held", "waiting", "receipt=IDM000000001"},
		{"paid", "paid", "receipt=IDM000000001"},
		{"lose", "", "/simulator?lang=" + lang},
		{"lost", "waiting", "receipt=IDM000000002"},
		{"found", "paid", "receipt=IDM000000002"},
	} {
		state := fmt.Sprintf(`(frames.shop.document.querySelector('[data-testid="order-state"]')?.dataset.state ?? "") === %q`, scene.order)
		var heading string
		var high int
		err := inTime(tab, chromedp.WaitVisible(`body[data-act="`+scene.act+`"]`, chromedp.ByQuery),
			until(`document.readyState === "complete" && frames.shop.document.readyState === "complete" && `+state),
			chromedp.Text("h1", &heading, chromedp.ByQuery),
			chromedp.Evaluate(`document.documentElement.scrollHeight`, &high))
		if err != nil {
			t.Fatalf("%s: %v", scene.act, err)
		}
		if high > 720 {
			t.Errorf("%s is %d pixels high, and a projector shows 720", scene.act, high)
		}
		if i == 0 && heading != words[0] || scene.act == "paid" && heading != words[1] {
			t.Errorf("%s says %q", scene.act, heading)
		}
		list, err := frames(tab)
		if err != nil || len(list) != 2 || !strings.HasPrefix(list[1], p.sandbox) || !strings.Contains(list[1], scene.till) {
			t.Errorf("%s: the frames show %v, %v", scene.act, list, err)
		}
		if scene.act == "lose" { // and back, and on again
			err = inTime(tab, chromedp.KeyEvent(kb.ArrowLeft), chromedp.WaitVisible(`body[data-act="paid"]`, chromedp.ByQuery),
				chromedp.KeyEvent(kb.PageDown), chromedp.WaitVisible(`body[data-act="lose"]`, chromedp.ByQuery))
			if err != nil {
				t.Fatal(err)
			}
		}
		if err := inTime(tab, chromedp.KeyEvent(kb.ArrowRight)); err != nil {
			t.Fatal(err)
		}
	}
	// The last button starts over.
	err := inTime(tab, chromedp.WaitVisible(`body[data-act="order"]`, chromedp.ByQuery),
		chromedp.Navigate(p.shop+"/tour?step=6"), chromedp.WaitVisible(`body[data-act="lose"]`, chromedp.ByQuery))
	if err != nil {
		t.Fatalf("starting over: %v", err)
	}
	var paid int
	for _, a := range control(t, p, http.MethodGet, "/control/payments", nil)["ledger"].([]any) {
		if a.(map[string]any)["status"] == "SUCCESS" {
			paid++
		}
	}
	if told := control(t, p, http.MethodGet, "/control/deliveries", nil)["deliveries"].([]any); paid != 2 || len(told) != 1 {
		t.Errorf("%d orders were paid, %d notifications were made; want 2 and 1", paid, len(told))
	}
}

// The same on a phone and without script: by the buttons alone.
func TestTourWithoutScript(t *testing.T) {
	p := start(t, t.TempDir())
	tab := browse(t)
	press := func(leads string) chromedp.Tasks {
		return chromedp.Tasks{click(id("go")), chromedp.WaitVisible(`body[data-act="`+leads+`"]`, chromedp.ByQuery)}
	}
	err := inTime(tab, emulation.SetScriptExecutionDisabled(true), chromedp.EmulateViewport(320, 700), chromedp.Navigate(p.link()), chromedp.Navigate(p.shop+"/tour?lang=en"),
		press("code"), press("till"), press("held"), press("paid"), press("lose"), press("lost"), press("found"), press("order"))
	if err != nil {
		t.Fatal(err)
	}
}

// The panel in a browser: a fault is set, seen, lived through, and cleared.
func TestPanel(t *testing.T) {
	p := start(t, t.TempDir())
	tab := browse(t)
	v := visit(t, p)
	order := v.order("MNM-GAYO")
	v.await(order, "a code", hasCode)
	err := inTime(tab, chromedp.EmulateViewport(1280, 900), chromedp.Navigate(p.link()), chromedp.Navigate(p.shop+"/console/sandbox?lang=en"),
		click(`input[name="notify"][value="wrong_signature"]`), click(id("set-faults")),
		chromedp.WaitVisible(id("misbehaves"), chromedp.ByQuery),
		click(id("pay")), chromedp.WaitVisible(`.retries[data-delivery="waiting"] .bad`, chromedp.ByQuery),
		click(id("calm")), chromedp.WaitNotPresent(id("misbehaves"), chromedp.ByQuery),
		click(id("next-attempt")), chromedp.WaitVisible(`.retries[data-delivery="delivered"] .good`, chromedp.ByQuery))
	if err != nil {
		t.Fatal(err)
	}
	v.await(order, "paid", isPaid)
}

// A demo as it comes is set up well, and nothing private is on its pages.
func TestDemoIsSetUpWell(t *testing.T) {
	p := start(t, t.TempDir())
	v := visit(t, p)
	v.open(p)
	order := v.order("MNM-GAYO")
	code, setup := v.get("/console/setup")
	if code != http.StatusOK || strings.Contains(setup, `data-verdict="warn"`) || strings.Contains(setup, `data-verdict="bad"`) || strings.Count(setup, `data-verdict="ok"`) < 14 {
		t.Errorf("HTTP %d, and not all is green:\n%s", code, setup)
	}
	v.post("/tour", url.Values{"step": {"1"}})
	for _, path := range []string{"/console/setup", "/console/sandbox", "/tour?step=2", "/metrics"} {
		_, text := v.get(path)
		for what, private := range map[string]string{"the Secret Key": secret, "a signature": "HMACSHA256=", "an order's token": strings.TrimPrefix(order, "/orders/")} {
			if strings.Contains(text, private) {
				t.Errorf("%s holds %s", path, what)
			}
		}
	}
}
