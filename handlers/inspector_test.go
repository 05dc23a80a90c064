package handlers

import (
	"context"
	"fmt"
	"html"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"

	"warungjokul/handlers/web"
	"warungjokul/jokul"
	"warungjokul/jokul/sandbox"
	"warungjokul/models"
	"warungjokul/payments/testgateway"
)

// consoleWorld is a demo, looked at from its own machine.
func consoleEnv(t *testing.T) *env {
	w := newEnv(t)
	w.SandboxURL = "http://127.0.0.1:8081"
	return w
}

// look gets a page of the console, in English, and holds that nothing secret is
// on it.
func (w *env) getPage(path string) string {
	w.t.Helper()
	rec := atHome.get(w, path+map[bool]string{true: "&", false: "?"}[strings.Contains(path, "?")]+"lang=en")
	if rec.Code != http.StatusOK {
		w.t.Fatalf("GET %s: HTTP %d", path, rec.Code)
	}
	page := html.UnescapeString(rec.Body.String())
	if strings.Contains(page, testgateway.SecretKey) {
		w.t.Errorf("GET %s: the Secret Key is on the page", path)
	}
	if whole := regexp.MustCompile(`HMACSHA256=[A-Za-z0-9+/]{5,}`).FindString(page); whole != "" {
		w.t.Errorf("GET %s: a whole signature is on the page", path)
	}
	for _, token := range w.tokens() {
		if strings.Contains(page, token) {
			w.t.Errorf("GET %s: an order's token is on the page", path)
		}
	}
	return page
}

func (w *env) tokens() (list []string) {
	ctx := context.Background()
	for _, n := range w.numbers {
		o, err := w.Store.OrderByNumber(ctx, n)
		if err != nil {
			w.t.Fatal(err)
		}
		list = append(list, o.Token)
	}
	return list
}

// inspected places an order and remembers it for look.
func (w *env) inspected(sku string) (order string, o models.Order) {
	w.t.Helper()
	order = w.order(sku)
	o = w.stored(order)
	w.numbers = append(w.numbers, o.Number)
	return order, o
}

// labels are the steps of an inspector, one after the other.
func labels(page string) (list []string) {
	for _, a := range regexp.MustCompile(`<a href="#step-\d+" class="(\w+)" aria-label="\d+\. [0-9:]+, ([^"]*)"`).FindAllStringSubmatch(page, -1) {
		list = append(list, a[1]+" "+a[2])
	}
	return list
}

// A whole story, from the records: a call that failed, a code, money, the same
// notification again, one that was rejected.
func TestInspector(t *testing.T) {
	w := consoleEnv(t)
	w.gateway.SetFault(func(f *sandbox.Faults) { f.Answer = sandbox.Answer503HTML })
	_, o := w.inspected("MNM-GAYO")
	w.gateway.SetFault(noFault)
	w.pass(10*time.Second, time.Second)
	o, _ = w.Store.OrderByNumber(context.Background(), o.Number)
	w.clock.Advance(time.Minute)
	w.gateway.Do(o.Payment().Code, sandbox.ActionPay)
	w.clock.Advance(time.Second)
	if _, err := w.gateway.Resend(context.Background(), 1); err != nil {
		t.Fatal(err)
	}
	w.clock.Advance(time.Second)
	w.notify(func(r *http.Request) { r.Header.Set(jokul.HeaderClientID, "MCH-2") }, o.Payment().InvoiceNumber)

	page := w.getPage(web.ConsoleOrder(o.Number))
	got := labels(page)
	for i := range got {
		got[i] = regexp.MustCompile(` · [0-9.]+ ms`).ReplaceAllString(got[i], "")
	}
	want := []string{
		"went Places the order: 303",
		"failed Generate payment code: ✗ HTTP 503",
		"went Generate payment code: ✓ HTTP 200",
		"went How to pay: ✓ HTTP 200",
		"told Pays Rp\u00a090.000",
		"went Notification SUCCESS: ✓ HTTP 200 · Applied",
		"went The same notification again: ✓ HTTP 200 · Repeated",
		"failed Notification rejected: ✗ HTTP 401",
	}
	if fmt.Sprintf("%q", got) != fmt.Sprintf("%q", want) {
		t.Errorf("the steps are\n%q, want\n%q", got, want)
	}
	for _, want := range []string{"DOKU told of it, in step 6.", "AGENT_TRX_ID", `"invoice_number": "` + o.Payment().InvoiceNumber + `"`, "Request-Target:/payments/notifications",
		"Asking for a code", "Waiting for payment", "Stock of MNM-GAYO", "Signature fits", "Signed by us", "sign --quiet", "HMACSHA256=", "Budi"} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	digest := regexp.MustCompile(`Digest of the body as shown here: <code>([^<]*)`).FindStringSubmatch(page)
	if len(digest) != 2 || digest[1] != jokul.Digest(o.Payment().RequestBody) || !strings.Contains(page, "Digest:"+digest[1]) {
		t.Errorf("the digest of the first request is shown as %q", digest)
	}
	if code := outside.get(w, web.ConsoleOrder(o.Number)).Code; code != http.StatusForbidden {
		t.Errorf("a stranger is shown it: HTTP %d", code)
	}
	if code := atHome.get(w, web.ConsoleOrder("WJ-00000000")).Code; code != http.StatusNotFound {
		t.Errorf("no such order: HTTP %d", code)
	}
}

// notify sends a notification to the shop that is good but for what change does
// to it.
func (w *env) notify(change func(*http.Request), invoice string) int {
	w.t.Helper()
	body := fmt.Sprintf(`{"order":{"invoice_number":%q,"amount":90000},"transaction":{"status":"PENDING"}}`, invoice)
	r := httptest.NewRequest(http.MethodPost, "/payments/notifications", strings.NewReader(body))
	c := jokul.Component{ClientID: testgateway.ClientID, RequestID: jokul.NewRequestID(), Timestamp: w.clock.Now().UTC().Format(jokul.TimestampLayout),
		Target: "/payments/notifications", Digest: jokul.Digest([]byte(body))}
	for name, value := range map[string]string{jokul.HeaderClientID: c.ClientID, jokul.HeaderRequestID: c.RequestID,
		jokul.HeaderRequestTimestamp: c.Timestamp, jokul.HeaderSignature: jokul.Sign(testgateway.SecretKey, c)} {
		r.Header.Set(name, value)
	}
	change(r)
	rec := httptest.NewRecorder()
	w.ServeHTTP(rec, r)
	return rec.Code
}

// Whatever strangers send is counted, and a bounded part of it kept.
func TestRejectionsAreSampled(t *testing.T) {
	w := consoleEnv(t)
	const many = 500
	for i := range many {
		if code := w.notify(func(r *http.Request) {
			r.Header.Set(jokul.HeaderSignature, strings.Repeat("x", 4000))
			r.Header["X-Original-Uri"] = []string{"/a", "/b", "/c"}
		}, strings.Repeat("9", i)); code != http.StatusUnauthorized {
			t.Fatalf("HTTP %d", code)
		}
	}
	page := w.getPage("/console/notifications")
	kept, err := w.Store.Rejections(context.Background())
	if err != nil || len(kept) < 1 || len(kept) > 2*10 {
		t.Errorf("%d kept, %v", len(kept), err)
	}
	for _, r := range kept {
		if len(r.InvoiceNumber) > 64 || len(r.Header) > 4*512 || len(r.Body) > models.MaxRejectedBody {
			t.Errorf("kept of one: %d, %d, %d bytes", len(r.InvoiceNumber), len(r.Header), len(r.Body))
		}
	}
	if !strings.Contains(page, fmt.Sprintf("<dd>%d</dd>", many)) {
		t.Errorf("the page does not count %d", many)
	}
	if metrics := w.metricsText(); !strings.Contains(metrics, fmt.Sprintf(`notifications_total{verdict="rejected"} %d`, many)) {
		t.Error("the metric does not count them")
	}
	if strings.Contains(w.getPage("/console/notifications?show=applied"), `data-testid="delivery"`) {
		t.Error("rejected ones are among those that were applied")
	}
}

// An accepted notification run again is a repeat; a rejected one is applied once
// the setting is right; one that was cut cannot be run.
func TestReplay(t *testing.T) {
	w := consoleEnv(t)
	order, o := w.inspected("MNM-GAYO")
	right := w.NotificationPath
	w.Payments.NotificationPath = "/toko" + right
	w.NotificationPath = w.Payments.NotificationPath // the merchant's mistake; the route stays
	w.gateway.Do(o.Payment().Code, sandbox.ActionPay)
	if s := w.status(order); s.OrderStatus != models.OrderAwaitingPayment {
		t.Fatalf("got %+v", s)
	}
	page := w.getPage("/console/notifications/r1")
	if !strings.Contains(page, `data-cause="prefix"`) || !strings.Contains(page, "what was signed: "+right) {
		t.Errorf("not explained:\n%s", page)
	}
	replay := func(path, want string) string {
		t.Helper()
		rec := atHome.post(w, path+"/replay?lang=en", nil)
		if rec.Code != http.StatusSeeOther {
			t.Fatalf("replay %s: HTTP %d", path, rec.Code)
		}
		page := w.getPage(rec.Header().Get("Location"))
		if !strings.Contains(page, want) {
			t.Errorf("replay %s: the page lacks %q", path, want)
		}
		return rec.Header().Get("Location")
	}
	replay("/console/notifications/r1", "Ran again, and still rejected: The signature does not fit.")
	w.NotificationPath, w.Payments.NotificationPath = right, right
	if page := w.getPage("/console/notifications/r1"); !strings.Contains(page, "With the settings of now its signature fits.") || strings.Contains(page, `data-testid="cause"`) {
		t.Error("mended, and the page does not say so")
	}
	at := replay("/console/notifications/r1", "Ran again: Applied. The order became paid.")
	if !strings.HasPrefix(at, "/console/notifications/1?") || w.status(order).OrderStatus != models.OrderPaid {
		t.Errorf("%s, %+v", at, w.status(order))
	}
	before := w.stored(order)
	replay("/console/notifications/1", "Ran again: Repeated. It changed nothing.")
	if after := w.stored(order); len(after.Payments[0].Receipts) != 1 || latestCase(after) != latestCase(before) {
		t.Errorf("a repeat changed something: %+v", after)
	}
	if page := w.getPage("/console/notifications/1"); !strings.Contains(page, "2 times") && !strings.Contains(page, "<dd>2</dd>") {
		t.Error("the repeat is not counted")
	}

	w.notify(func(r *http.Request) {
		r.Body = http.NoBody
		r.Header.Set(jokul.HeaderSignature, "no")
	}, "")
	big := httptest.NewRequest(http.MethodPost, right, strings.NewReader(strings.Repeat("x", models.MaxRejectedBody+1)))
	big.Header.Set(jokul.HeaderClientID, "MCH-2")
	w.ServeHTTP(httptest.NewRecorder(), big)
	page = w.getPage("/console/notifications?show=rejected")
	last := regexp.MustCompile(`/console/notifications/r\d+`).FindString(page)
	if page := w.getPage(last); !strings.Contains(page, "Only 8192 of 8193 bytes were kept.") {
		t.Error("the page does not say that it was cut")
	}
	if code := atHome.post(w, last+"/replay", nil).Code; code != http.StatusUnprocessableEntity {
		t.Errorf("a part of a message is run again: HTTP %d", code)
	}
	for _, none := range []string{"/console/notifications/99", "/console/notifications/r99", "/console/notifications/x", "/console/notifications/rr1"} {
		if code := atHome.get(w, none).Code; code != http.StatusNotFound {
			t.Errorf("%s: HTTP %d", none, code)
		}
	}
	if code := outside.post(w, "/console/notifications/1/replay", nil).Code; code != http.StatusForbidden {
		t.Errorf("a stranger runs it again: HTTP %d", code)
	}
}

// Asked again, the gateway proves the key or does not.
func TestAskGateway(t *testing.T) {
	w := consoleEnv(t)
	_, o := w.inspected("MNM-GAYO")
	w.clock.Advance(time.Minute)
	w.notify(func(r *http.Request) { r.Header.Set(jokul.HeaderSignature, "HMACSHA256="+strings.Repeat("A", 43)+"=") }, o.Payment().InvoiceNumber)
	if page := w.getPage("/console/notifications/r1"); !strings.Contains(page, `data-cause="key"`) || !strings.Contains(page, "before this delivery") {
		t.Error("what is known of the key is not told")
	}
	w.clock.Advance(time.Minute)
	if rec := atHome.post(w, "/console/notifications/r1/ask", nil); rec.Code != http.StatusSeeOther {
		t.Fatalf("HTTP %d", rec.Code)
	}
	page := w.getPage("/console/notifications/r1?asked")
	if strings.Contains(page, `data-cause="key"`) || !strings.Contains(page, "is proven right") || !strings.Contains(page, "DOKU was asked") {
		t.Error("the key was proven, and the page does not say so")
	}
}
