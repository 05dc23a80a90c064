package e2e_test

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	cdpbrowser "github.com/chromedp/cdproto/browser"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/security"
	"github.com/chromedp/cdproto/target"
	"github.com/chromedp/chromedp"

	"warungjokul/e2e/servers"
	"warungjokul/models/testdb"
)

// window opens a window of its own in the tab's profile, or one more tab.
func window(t *testing.T, tab context.Context, ofItsOwn bool) context.Context {
	t.Helper()
	c := chromedp.FromContext(tab)
	made, err := target.CreateTarget("about:blank").WithBrowserContextID(c.BrowserContextID).WithNewWindow(ofItsOwn).
		Do(cdp.WithExecutor(tab, c.Browser))
	if err != nil {
		t.Fatal(err)
	}
	ctx, leave := chromedp.NewContext(tab, chromedp.WithTargetID(made))
	t.Cleanup(leave)
	if err := chromedp.Run(ctx); err != nil { // the first run may have no deadline: the tab would end with it
		t.Fatal(err)
	}
	return ctx
}

// Nine pages of one browser load over HTTP/1.1, which gives a browser six
// connections, a tenth page loads beside them, and all of them turn to paid:
// whether they are all seen or one hides the others, and whether they show nine
// orders or one.
func TestNinePagesOfOneBrowser(t *testing.T) {
	const pages = 9
	p := start(t, t.TempDir(), "RATE_LIMIT=off")
	for name, tt := range map[string]struct {
		orders, streams int
		windows         bool
	}{
		"nine orders in windows": {pages, 2, true},
		"nine orders in tabs":    {pages, 2, false},
		"one order in windows":   {1, 1, true},
	} {
		t.Run(name, func(t *testing.T) {
			v := visit(t, p)
			var orders, codes []string
			for range tt.orders {
				orders = append(orders, v.order("MNM-TEH"))
				codes = append(codes, v.await(orders[len(orders)-1], "a code", hasCode).PaymentCode)
			}
			first := browse(t)
			var tabs []context.Context
			for i := range pages {
				tab := window(t, first, tt.windows)
				tabs = append(tabs, tab)
				if err := inTime(tab, chromedp.Navigate(p.shop+orders[i%len(orders)]), chromedp.WaitReady(id("payment-code"), chromedp.ByQuery)); err != nil {
					t.Fatalf("page %d does not load: %v", i+1, err)
				}
				v.awaitMetric("shop_streams", func(n int) bool { return n <= tt.streams }) // one that is given up may be seen for a moment
			}
			if err := inTime(first, chromedp.Navigate(p.shop+"/"), chromedp.WaitReady(id("product-card"), chromedp.ByQuery)); err != nil {
				t.Fatalf("the tenth page does not load: %v", err)
			}
			for _, code := range codes {
				act(t, p, code, "pay")
			}
			for i, tab := range tabs {
				if err := inTime(tab, until(`document.querySelector("[data-state=paid]")`)); err != nil {
					t.Errorf("page %d does not turn to paid: %v", i+1, err)
				}
			}
		})
	}
}

// A page that gets no stream, because the shop refuses or the browser is old, turns
// to paid all the same.
func TestPageWithoutAStream(t *testing.T) {
	p := start(t, t.TempDir(), "RATE_LIMIT=off")
	v := visit(t, p)
	for name, script := range map[string]string{
		"refused":   ``,
		"no locks":  `Object.defineProperty(navigator, "locks", { value: undefined });`,
		"no stream": `delete window.EventSource;`,
	} {
		t.Run(name, func(t *testing.T) {
			order := v.order("MNM-TEH")
			code := v.await(order, "a code", hasCode).PaymentCode
			if name == "refused" {
				openStreams(t, "127.0.0.2", p.shop, []string{order}, 20)
			}
			tab := browse(t)
			err := inTime(tab,
				chromedp.ActionFunc(func(ctx context.Context) error {
					_, err := page.AddScriptToEvaluateOnNewDocument(script).Do(ctx)
					return err
				}),
				chromedp.Navigate(p.shop+order), chromedp.WaitVisible(id("payment-code"), chromedp.ByQuery))
			if err != nil {
				t.Fatal(err)
			}
			if name == "refused" {
				v.awaitMetric(`shop_streams_refused_total{reason="order"}`, func(n int) bool { return n > 0 })
			}
			act(t, p, code, "pay")
			if err := inTime(tab, chromedp.WaitVisible(id("order-state")+`[data-state="paid"]`, chromedp.ByQuery)); err != nil {
				t.Errorf("the page does not turn to paid: %v", err)
			}
		})
	}
}

// A hidden page lets its stream go, and has one again when it is seen.
func TestHiddenPageHasNoStream(t *testing.T) {
	p := start(t, t.TempDir())
	v := visit(t, p)
	order := v.order("MNM-TEH")
	v.await(order, "a code", hasCode)
	tab := browse(t)
	if err := inTime(tab, chromedp.Navigate(p.shop+order)); err != nil {
		t.Fatal(err)
	}
	v.awaitMetric("shop_streams", func(n int) bool { return n == 1 })
	var hidden bool
	if err := inTime(tab, minimized(true), until(`document.hidden`), chromedp.Evaluate(`document.hidden`, &hidden)); err != nil || !hidden {
		t.Fatalf("the page is hidden %v, %v", hidden, err)
	}
	v.awaitMetric("shop_streams", func(n int) bool { return n == 0 })
	if err := inTime(tab, minimized(false), until(`!document.hidden`)); err != nil {
		t.Fatal(err)
	}
	v.awaitMetric("shop_streams", func(n int) bool { return n == 1 })
}

// minimized has the tab's window put away, or shown again.
func minimized(away bool) chromedp.Action {
	return chromedp.ActionFunc(func(ctx context.Context) error {
		c := chromedp.FromContext(ctx)
		commands := cdp.WithExecutor(ctx, c.Browser)
		window, _, err := cdpbrowser.GetWindowForTarget().WithTargetID(c.Target.TargetID).Do(commands)
		if err != nil {
			return err
		}
		state := cdpbrowser.WindowStateNormal
		if away {
			state = cdpbrowser.WindowStateMinimized
		}
		return cdpbrowser.SetWindowBounds(window, &cdpbrowser.Bounds{WindowState: state}).Do(commands)
	})
}

// metric is one figure of the shop.
func (v visitor) metric(name string) (n int) {
	v.t.Helper()
	_, metrics := v.get("/metrics")
	found := regexp.MustCompile(`(?m)^` + regexp.QuoteMeta(name) + ` (\d+)$`).FindStringSubmatch(metrics)
	if found == nil {
		v.t.Fatalf("%s is not counted", name)
	}
	_, _ = fmt.Sscan(found[1], &n)
	return n
}

func (v visitor) awaitMetric(name string, ok func(int) bool) {
	v.t.Helper()
	for deadline := time.Now().Add(patience); !ok(v.metric(name)); pause(50 * time.Millisecond) {
		if time.Now().After(deadline) {
			v.t.Fatalf("%s is %d", name, v.metric(name))
		}
	}
}

// openStreams opens streams from an address of this machine, which stands for a
// client, until they are refused or there are so many. Closing ends them.
func openStreams(t *testing.T, from, shop string, orders []string, each int) (open, refused int, closing func()) {
	t.Helper()
	dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}}
	ctx, end := context.WithCancel(t.Context())
	client := http.Client{Transport: &http.Transport{DialContext: dialer.DialContext}}
	for _, order := range slices.Repeat(orders, each) {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, shop+order+"/events", nil)
		if err != nil {
			t.Fatal(err)
		}
		res, err := client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { res.Body.Close() })
		switch {
		case res.StatusCode == http.StatusOK:
			open++
		case res.StatusCode == http.StatusTooManyRequests && res.Header.Get("Retry-After") != "":
			refused++
			_ = res.Body.Close()
		default:
			t.Fatalf("HTTP %s, Retry-After %q", res.Status, res.Header.Get("Retry-After"))
		}
	}
	return open, refused, end
}

// One client tries to take all streams: it gets its share and no more, others get
// theirs, pages and checkout work, and the log says it in a few lines.
func TestOneClientTakesNotAllStreams(t *testing.T) {
	const client, order = 100, 20 // the bounds
	dir := t.TempDir()
	p := start(t, dir, "RATE_LIMIT=off")
	v := visit(t, p)
	var orders []string
	for range 7 {
		orders = append(orders, v.order("MNM-TEH"))
	}
	mine := v.order("MNM-GAYO")
	code := v.await(mine, "a code", hasCode).PaymentCode
	p.kill()
	p = start(t, dir)
	v = visit(t, p)

	open, refused, end := openStreams(t, "127.0.0.2", p.shop, orders, order)
	if open != client || refused != 7*order-client {
		t.Errorf("one client has %d streams, %d were refused", open, refused)
	}
	if open, refused, end := openStreams(t, "127.0.0.3", p.shop, orders[:1], order+1); open+refused != order+1 || open >= order || open == 0 {
		t.Errorf("another client has %d streams of an order that is watched already, %d were refused", open, refused)
	} else {
		end()
	}
	watching := watch(t, p.shop+mine)
	if status, _ := v.get(mine); status != http.StatusOK {
		t.Errorf("the page: HTTP %d", status)
	}
	v.await(v.order("MNM-TEH"), "a code", hasCode)
	act(t, p, code, "pay")
	if last := <-watching; !isPaid(last) {
		t.Errorf("the stream of another ended with %+v", last)
	}
	if n := v.metric(`shop_streams_refused_total{reason="client"}`); n != refused {
		t.Errorf("%d of %d refused streams are counted", n, refused)
	}
	if said := p.logs.String(); strings.Contains(said, "request failed") || !strings.Contains(said, "stream refused") ||
		strings.Count(said, "stream refused") >= refused {
		t.Errorf("%d refusals are logged %d times", refused, strings.Count(said, "stream refused"))
	}
	end()
	v.awaitMetric("shop_streams", func(n int) bool { return n == 0 })
	if open, _, _ := openStreams(t, "127.0.0.2", p.shop, orders[:1], 1); open != 1 {
		t.Error("there is no room afterwards")
	}
}

// Behind nginx as docs/operate.md says, with TLS, a browser speaks HTTP/2, its page
// turns to paid, and nothing that nginx writes holds the address of an order: not
// after a journey, nor after requests that are odd or that no shop answers.
func TestBehindNginx(t *testing.T) {
	servers.Need(t, "nginx", "nginx")
	front, addr, dir := fixedPort(t), fixedPort(t), t.TempDir()
	p := newGateway(t, testdb.URL(t), addr, "")
	p.shop = p.newShop(addr, "https://"+front)
	t.Cleanup(func() { p.shop.end(t); p.gateway.end(t) })
	for _, process := range []*process{p.gateway, p.shop} {
		if err := process.start(); err != nil {
			t.Fatal(err)
		}
	}
	nginx, err := servers.StartNginxTLS(dir, "../docs/operate.md", front, []string{addr})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nginx.Stop)

	tab := browse(t)
	var protocol, address, code string
	err = inTime(tab, security.SetIgnoreCertificateErrors(true),
		buyAs(&program{shop: "https://" + front}, "id", 390),
		chromedp.Location(&address),
		chromedp.AttributeValue(id("payment-code"), "data-code", &code, nil, chromedp.ByQuery),
		chromedp.Evaluate(`performance.getEntriesByType("navigation")[0].nextHopProtocol`, &protocol),
		click(id("cashier")), chromedp.WaitVisible(`.till .digits`, chromedp.ByQuery), chromedp.NavigateBack(),
		chromedp.WaitVisible(id("payment-code"), chromedp.ByQuery),
	)
	if err != nil || protocol != "h2" {
		t.Fatalf("the browser speaks %q, %v", protocol, err)
	}
	act(t, p.program(), code, "pay")
	if err := inTime(tab, chromedp.WaitVisible(id("order-state")+`[data-state="paid"]`, chromedp.ByQuery)); err != nil {
		t.Errorf("the page does not turn to paid: %v", err)
	}
	token := address[strings.LastIndex(address, "/")+1:]
	asked := oddlyAsked(t, "https://"+front, token)
	p.shop.kill()
	if said := p.shop.logs.String(); strings.Contains(said, claimedAddress) || !strings.Contains(said, `msg="notification rejected"`) {
		t.Error("the shop believes a client who it is, or was told nothing")
	}
	asked += oddlyAsked(t, "https://"+front, token)
	nginx.Stop() // everything is written

	files, err := filepath.Glob(dir + "/*.log")
	if err != nil || len(files) != 2 {
		t.Fatalf("nginx has the logs %q, %v", files, err)
	}
	written := nginx.Log.String()
	for _, file := range files {
		written += read(t, file)
	}
	if i := strings.Index(written, token); i >= 0 || len(token) != 22 {
		t.Errorf("nginx has written the address %q: %s", token, written[max(0, i-200):min(len(written), i+200)])
	}
	for _, want := range []string{`"GET /orders/- HTTP/2.0" 200`, `"GET /orders/-/events HTTP/2.0" 200`, `"GET /products/kopi-gayo HTTP/2.0" 200`, `"GET /orders/- HTTP/1.1" 502`} {
		if !strings.Contains(written, want) {
			t.Errorf("the log does not tell of %s:\n%s", want, written)
		}
	}
	if lines := strings.Count(written, "HTTP/1.1"); lines < asked {
		t.Errorf("%d of %d requests are in the log", lines, asked)
	}
}

// claimedAddress is where a client says that it comes from.
const claimedAddress = "203.0.113.9"

// oddlyAsked asks for an order in ways that a log might repeat, and says how often.
func oddlyAsked(t *testing.T, base, token string) (requests int) {
	t.Helper()
	client := http.Client{Timeout: patience, Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	for _, target := range []string{"/orders/" + token, "/orders/" + token + "?lang=en", "/orders/" + token + "/status", "/orders/" + token + "/" + token,
		"//orders/" + token, "/x/../orders/" + token, "/ORDERS/" + token, "/?q=/orders/" + token, "/cart?" + token, "/orders/" + token + "/calendar.ics"} {
		req, err := http.NewRequest(http.MethodGet, base+target, nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Referer", base+"/orders/"+token)
		res, err := client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		_ = res.Body.Close()
		requests++
	}
	for target, size := range map[string]int{"/orders/" + token + "/check": 2 << 20, path: 1} { // the first is more than nginx takes
		req, err := http.NewRequest(http.MethodPost, base+target, strings.NewReader(strings.Repeat("x", size)))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("X-Forwarded-For", claimedAddress)
		res, err := client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		_ = res.Body.Close()
		requests++
	}
	return requests
}
