package e2e_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"html"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"warungjokul/jokul"
)

// signIn lets a visitor into the console of a real shop.
func signIn(t *testing.T, p *program) visitor {
	t.Helper()
	v := visit(t, p)
	if res := v.post("/console/login", url.Values{"password": {consolePassword}, "next": {"/console"}}); res.StatusCode != http.StatusSeeOther {
		t.Fatalf("sign in: %s", res.Status)
	}
	return v
}

// look gets a page of the console and holds that nothing secret is on it: no
// key, no whole signature, no order's token.
func (v visitor) look(path string, orders ...string) string {
	v.t.Helper()
	status, page := v.get(path)
	if status != http.StatusOK {
		v.t.Fatalf("GET %s: HTTP %d", path, status)
	}
	page = html.UnescapeString(page)
	for _, secretive := range append([]string{secret, secret + "-other"}, orders...) {
		if strings.Contains(page, strings.TrimPrefix(secretive, "/orders/")) {
			v.t.Errorf("GET %s: the page holds %q", path, secretive)
		}
	}
	if whole := regexp.MustCompile(`HMACSHA256=[A-Za-z0-9+/]{5,}`).FindString(page); whole != "" {
		v.t.Errorf("GET %s: a whole signature is on the page", path)
	}
	return page
}

func orderNumber(s status) string { return s.InvoiceNumber[:strings.LastIndex(s.InvoiceNumber, "-")] }

// The inspector shows what went over the wire, held against what the gateway
// says it received; what it gives to copy works when it is pasted.
func TestInspector(t *testing.T) {
	p := start(t, t.TempDir())
	v := visit(t, p)
	v.open(p)
	order := v.order("MNM-GAYO")
	s := v.await(order, "a code", hasCode)
	act(t, p, s.PaymentCode, "pay")
	v.await(order, "paid", isPaid)
	address := "/console/orders/" + orderNumber(s)
	if _, shown := v.get(order); !strings.Contains(shown, address+"#inspector") {
		t.Error("the demo's order page does not lead to the inspector")
	}
	page := v.look(address, order)
	heard, err := json.Marshal(control(t, p, http.MethodGet, "/control/requests", nil))
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range regexp.MustCompile(`"request_id":"([^"]+)"`).FindAllStringSubmatch(string(heard), -1) {
		if !strings.Contains(page, "Request-Id:"+id[1]) {
			t.Errorf("the gateway received %s, and the page does not show it", id[1])
		}
	}
	for _, want := range []string{"POST /indomaret-online-to-offline/v2/payment-code", "POST " + path, "Request-Target:" + path, s.PaymentCode,
		"Signature fits", "Signed by us", "Can be paid", "payments/notification.go:", "AGENT_TRX_ID"} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	other := newPair(t, "")
	stranger := visit(t, other.program())
	if _, page := stranger.get(stranger.order("MNM-GAYO")); strings.Contains(page, "/console") {
		t.Error("a real shop sends its shoppers to the console")
	}
	if status, _ := stranger.get(address); status != http.StatusNotFound {
		t.Errorf("without a password there is a console: HTTP %d", status)
	}

	commands := regexp.MustCompile(`data-copy="([^"]*)"`).FindAllStringSubmatch(rawPage(v, address), -1)
	if len(commands) != 3 { // the code, how to pay, the notification
		t.Errorf("%d commands to copy", len(commands))
	}
	for _, command := range commands {
		shell := exec.Command("sh", "-c", html.UnescapeString(command[1]))
		shell.Dir, shell.Env = "..", append(os.Environ(), "JOKUL_SECRET_KEY="+secret)
		out, err := shell.CombinedOutput()
		// The gateway calls a code asked for twice a duplicate, which is its word
		// on what is rightly signed.
		if err != nil || !regexp.MustCompile(`HTTP/1.1 (200|409)`).Match(out) {
			t.Errorf("%s\n%v\n%s", command[1], err, out)
		}
	}
	if page := v.look("/console/notifications/1", order); !strings.Contains(page, "<dd>2</dd>") {
		t.Error("the pasted notification was not taken as a repeat")
	}
}

func rawPage(v visitor, path string) string { _, page := v.get(path); return page }

// An open inspector shows what happens while it happens, and keeps what its
// reader has opened.
func TestInspectorFillsLive(t *testing.T) {
	p := start(t, t.TempDir())
	v := visit(t, p)
	order := v.order("MNM-GAYO")
	s := v.await(order, "a code", hasCode)
	tab := browse(t)
	err := inTime(tab, chromedp.EmulateViewport(1280, 900), chromedp.Navigate(p.link()),
		chromedp.Navigate(p.shop+"/console/orders/"+orderNumber(s)+"?lang=en"),
		chromedp.WaitVisible(`#step-2-message summary`, chromedp.ByQuery),
		click(`#step-2-message summary`),
		chromedp.Evaluate(`window.sameDocument = true`, nil))
	if err != nil {
		t.Fatal(err)
	}
	notified := func(label string) chromedp.Action {
		return until(`[...document.querySelectorAll("svg.sequence a")].some(a => a.getAttribute("aria-label").includes("` + label + `"))`)
	}
	act(t, p, s.PaymentCode, "pay")
	var same, open bool
	err = inTime(tab, notified("Notification SUCCESS"),
		chromedp.Evaluate(`window.sameDocument === true`, &same),
		chromedp.Evaluate(`document.querySelector("#step-2-message").open`, &open))
	if err != nil || !same || !open {
		t.Fatalf("the same document %v, still open %v, %v", same, open, err)
	}
	control(t, p, http.MethodPost, "/control/deliveries/1/resend", map[string]string{})
	if err := inTime(tab, notified("The same notification again")); err != nil {
		t.Errorf("a repeat, after the order was paid, is not shown: %v", err)
	}
	if got := notify(t, p, fmt.Sprintf(`{"order":{"invoice_number":%q}}`, s.InvoiceNumber), func(_ *jokul.Component, h http.Header) {
		h.Set(jokul.HeaderSignature, "HMACSHA256="+strings.Repeat("A", 43)+"=")
	}); got != http.StatusUnauthorized {
		t.Errorf("HTTP %d", got)
	}
	if err := inTime(tab, notified("Notification rejected")); err != nil {
		t.Errorf("a rejected one is not shown: %v", err)
	}
	var focused string
	err = inTime(tab, click(`svg.sequence a[href="#step-1"]`),
		chromedp.Evaluate(`document.querySelector(":target").id`, &focused))
	if err != nil || focused != "step-1" {
		t.Errorf("a step of the picture leads to %q, %v", focused, err)
	}
}

// proxy stands between the gateway and the shop and spoils one thing.
func proxy(t *testing.T, shop *atomic.Value, spoil func(r *http.Request, body []byte) []byte) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		out, err := http.NewRequest(r.Method, "", nil)
		if err != nil {
			t.Error(err)
			return
		}
		out.Header = r.Header.Clone()
		r.Header = out.Header
		body = spoil(r, body)
		if out.URL, err = url.Parse(shop.Load().(string) + r.URL.Path); err != nil {
			t.Error(err)
			return
		}
		out.Body, out.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
		res, err := http.DefaultClient.Do(out)
		if err != nil {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		defer res.Body.Close()
		w.WriteHeader(res.StatusCode)
	}))
	t.Cleanup(server.Close)
	return server.URL
}

// One thing is broken at a time, between the real gateway and the real shop; the
// page names it, first, and once it is mended a replay makes up for what was
// missed.
func TestExplainer(t *testing.T) {
	strip := func(prefix string, tell func(http.Header)) func(*http.Request, []byte) []byte {
		return func(r *http.Request, body []byte) []byte {
			if !strings.HasPrefix(r.URL.Path, prefix) {
				t.Errorf("the gateway called %s", r.URL.Path)
			}
			r.URL.Path = strings.TrimPrefix(r.URL.Path, prefix)
			tell(r.Header)
			return body
		}
	}
	reencode := func(_ *http.Request, body []byte) []byte {
		var v any
		if err := json.Unmarshal(body, &v); err != nil {
			t.Error(err)
		}
		body, _ = json.Marshal(v)
		return body
	}
	indent := func(_ *http.Request, body []byte) []byte {
		var out bytes.Buffer
		_ = json.Indent(&out, body, "", "  ")
		return out.Bytes()
	}
	as := func(_ *http.Request, body []byte) []byte { return body }
	for name, c := range map[string]struct {
		prefix string // of the Notification URL the gateway knows
		spoil  func(*http.Request, []byte) []byte
		wrong  []string // settings of the shop, while they are
		cause  string
		says   string
	}{
		"the shop's Secret Key":    {"", as, []string{"JOKUL_SECRET_KEY=" + secret + "-other"}, "key", "Compare JOKUL_SECRET_KEY"},
		"the shop's key in base64": {"", as, []string{"JOKUL_SECRET_KEY=" + base64.StdEncoding.EncodeToString([]byte(secret))}, "key_form", "decoded, encoded"},
		"the shop's Client-Id":     {"", as, []string{"JOKUL_CLIENT_ID=MCH-0000-00000000000002"}, "merchant", "ours is MCH-0000-00000000000002"},
		"a prefix nobody tells of": {"/toko", strip("/toko", func(http.Header) {}), nil, "prefix", "what was signed: /toko" + path},
		"a prefix in X-Forwarded-Prefix": {"/a-shop-of-ours", strip("/a-shop-of-ours", func(h http.Header) { h.Set("X-Forwarded-Prefix", "/a-shop-of-ours") }), nil,
			"prefix", "what was signed: /a-shop-of-ours" + path},
		"a prefix in X-Original-URI": {"/z/q", strip("/z/q", func(h http.Header) { h.Set("X-Original-URI", "/z/q"+path+"?a=b") }), nil, "prefix", "what was signed: /z/q" + path},
		"a body decoded and encoded": {"", reencode, nil, "body", "this line differs"},
		"a body laid out":            {"", indent, nil, "body", "this line differs"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var shop atomic.Value
			p := newPair(t, proxy(t, &shop, c.spoil)+c.prefix, "CONSOLE_PASSWORD="+consoleHash)
			shop.Store(p.shop.base)
			v := visit(t, p.program())
			order := v.order("MNM-GAYO")
			s := v.await(order, "a code", hasCode)
			right := p.shop.environ
			restart := func(environ []string) {
				t.Helper()
				if err := p.shop.stop(); err != nil {
					t.Fatal(err)
				}
				p.shop.environ = environ
				if err := p.shop.start(); err != nil {
					t.Fatal(err)
				}
			}
			if c.wrong != nil {
				wrong := append(append([]string{}, right...), c.wrong...)
				if c.cause == "merchant" { // a database has one owner: this is another shop's
					wrong = append(wrong, "DATABASE_URL=sqlite:"+filepath.Join(t.TempDir(), "other.db"))
				}
				restart(wrong)
			}
			act(t, p.program(), s.PaymentCode, "pay")
			staff := signIn(t, p.program())
			if inbox := staff.look("/console/notifications?lang=en", order); !strings.Contains(inbox, s.InvoiceNumber) {
				t.Fatalf("the rejected delivery is not in the inbox:\n%s", inbox)
			}
			page := staff.look("/console/notifications/r1", order)
			first := regexp.MustCompile(`data-cause="(\w+)"`).FindStringSubmatch(page)
			if len(first) != 2 || first[1] != c.cause || !strings.Contains(page, c.says) {
				t.Errorf("the page names %q, and says %q: %v", first, c.says, strings.Contains(page, c.says))
			}
			if c.wrong == nil || c.cause == "merchant" {
				return
			}
			restart(right)
			staff = signIn(t, p.program())
			res := staff.post("/console/notifications/r1/replay", nil)
			if res.StatusCode != http.StatusSeeOther || !strings.Contains(res.Header.Get("Location"), "verdict=applied") {
				t.Errorf("mended and run again: %s %s", res.Status, res.Header.Get("Location"))
			}
			v.await(order, "paid", isPaid)
		})
	}
}

// When the gateway's own key was changed, its answers show it.
func TestExplainerOfTheOtherSide(t *testing.T) {
	p := newPair(t, "", "CONSOLE_PASSWORD="+consoleHash)
	v := visit(t, p.program())
	order := v.order("MNM-GAYO")
	s := v.await(order, "a code", hasCode)
	if err := p.gateway.stop(); err != nil {
		t.Fatal(err)
	}
	p.gateway.environ = []string{"JOKUL_CLIENT_ID=" + clientID, "JOKUL_SECRET_KEY=" + secret + "-other"}
	if err := p.gateway.start(); err != nil {
		t.Fatal(err)
	}
	act(t, p.program(), s.PaymentCode, "pay")
	staff := signIn(t, p.program())
	for range 2 {
		page := staff.look("/console/notifications/r1?lang=en", order)
		if first := regexp.MustCompile(`data-cause="(\w+)"`).FindStringSubmatch(page); len(first) != 2 || first[1] != "key" {
			t.Errorf("the page names %q", first)
		}
		staff.post("/console/notifications/r1/ask", nil)
	}
	if page := staff.look("/console/notifications/r1?lang=en", order); !strings.Contains(page, "is not DOKU's, by DOKU's answer") {
		t.Error("asked, and the page does not say that the key does not fit")
	}
}

// A notification from a sender whose clock is two hours off is taken: it may be
// a late retry. The page remarks on it where the signature does not fit either.
func TestExplainerOfTheClock(t *testing.T) {
	p := start(t, t.TempDir())
	v := visit(t, p)
	v.open(p)
	order := v.order("MNM-GAYO")
	s := v.await(order, "a code", hasCode)
	body := fmt.Sprintf(`{"order":{"invoice_number":%q,"amount":%d},"transaction":{"status":"PENDING"}}`, s.InvoiceNumber, s.Amount)
	off := time.Now().Add(-2 * time.Hour).UTC().Format(jokul.TimestampLayout)
	for key, want := range map[string]int{secret: http.StatusOK, "another": http.StatusUnauthorized} {
		if got := notify(t, p, body, func(c *jokul.Component, h http.Header) {
			c.Timestamp = off
			h.Set(jokul.HeaderRequestTimestamp, off)
			h.Set(jokul.HeaderSignature, jokul.Sign(key, *c))
		}); got != want {
			t.Errorf("two hours off: HTTP %d, want %d", got, want)
		}
	}
	if page := v.look("/console/notifications/r1", order); !strings.Contains(page, "was 2 hours from this shop's clock") {
		t.Error("the page does not remark on the clock")
	}
}
