package handlers

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"warungjokul/handlers/console"
	"warungjokul/handlers/web"
	"warungjokul/jokul/sandbox"
	"warungjokul/models"
)

// input is one thing that a request may bring. TestEveryInputHasARow finds every one in the source.
type input struct {
	kind    string // query, form, param, cookie or header
	name    string // as the source names it
	request string // method and route
	most    string // the largest value that is taken as it is
	over    string // one past it
	taken   int    // the status of most
	refused int    // the status of over
	text    bool   // any text may be taken, and change something: the value is what somebody is called
}

func of(letter string, n int) string { return strings.Repeat(letter, n) }

// inputs lists everything that the shop reads of a request. Its own bodies of JSON are none: those are the gateway's,
// see TestNotificationsAreBounded.
var inputs = []input{
	{"query", "q", "GET /", of("é", web.MaxSearch), of("é", web.MaxSearch+1), 200, 200, false}, // cut, and said so: TestALongSearchIsCut
	{"query", "q", "GET /console/orders", of("é", web.MaxSearch), of("é", web.MaxSearch+1), 200, 200, false},
	{"query", "q", "GET /console/orders.csv", of("é", web.MaxSearch), of("é", web.MaxSearch+1), 200, 200, false},
	{"query", "q", "GET /console/notifications", of("W", web.MaxNumber), of("W", web.MaxNumber+1), 200, 200, false},
	{"query", "category", "GET /", "vouchers", "voucherss", 200, 200, false},
	{"query", "lang", "GET /cart", "en", "en-GB", 200, 200, false},
	{"query", "status", "GET /console/orders", "cancelled", "cancelledd", 200, 200, false},
	{"query", "from", "GET /console/orders", "2100-12-31", "2101-01-01", 200, 200, false},
	{"query", "to", "GET /console/orders", "2000-01-01", "1999-12-31", 200, 200, false},
	{"query", "after", "GET /console/orders", "4102444800000000-9223372036854775807", "4102444800000000-9223372036854775808", 200, 404, false},
	{"query", "after", "GET /console/orders?q=a", "9223372036854775807-" + of("ff", 128), "1-" + of("ff", 129), 200, 404, false},
	{"query", "saved", "GET /console/stock", "MNM-TEH", of("M", 200), 200, 200, false},
	{"query", "show", "GET /console/notifications", "rejected", "rejectedd", 200, 200, false},
	{"query", "before", "GET /console/notifications", "9223372036854775807", "9223372036854775808", 200, 200, false},
	{"query", "rejected", "GET /console/notifications/:id", "signature", "signatures", 200, 200, false},
	{"query", "verdict", "GET /console/notifications/:id", "applied", "appliedd", 200, 200, false},
	{"query", "effect", "GET /console/notifications/:id", "paid", "paidd", 200, 200, false},
	{"query", "asked", "GET /console/notifications/:id", "", "x", 200, 200, false},
	{"query", "erased", "GET /console/orders/:number", "9223372036854775807", "9223372036854775808", 200, 200, false},
	{"query", "cancelled", "GET /console/orders/:number", "", "x", 200, 200, false},
	{"query", "decided", "GET /console/cases", "", "x", 200, 200, false},
	{"query", "already", "GET /console/cases", "", "x", 200, 200, false},
	{"query", "closed", "GET /console/cases", "", "x", 200, 200, false},
	{"query", "done", "GET /console/attention", "", "x", 301, 301, false},
	{"query", "mailed", "GET /orders/:token", "", "x", 200, 200, false},
	{"query", "did", "GET /console/sandbox", "refused", "refusedd", 200, 200, false},
	{"query", "step", "GET /tour", "6", "7", 200, 200, false},
	{"query", "step", "GET /tour/shop", "6", "7", 303, 303, false},
	{"query", "step", "GET /tour/till", "6", "7", 303, 303, false},
	{"query", "key", "GET /console/login", of("A", 26), of("A", 4096), 200, 200, false}, // with a password it is not read
	{"query", "next", "GET /console/login", "/console/" + of("x", web.MaxOwnPath-9), "/console/" + of("x", web.MaxOwnPath), 200, 200, false},

	{"param", "slug", "GET /products/:slug", "teh-melati", of("x", web.MaxPathParam+1), 200, 404, false},
	{"param", "token", "GET /orders/:token", "", of("x", web.MaxPathParam+1), 200, 404, false}, // empty: the order's own
	{"param", "token", "GET /orders/:token/status", "", of("x", web.MaxPathParam+1), 200, 404, false},
	{"param", "token", "GET /orders/:token/cashier", "", of("x", web.MaxPathParam+1), 200, 404, false},
	{"param", "token", "GET /orders/:token/payments", "", of("x", web.MaxPathParam+1), 303, 404, false},
	{"param", "sku", "POST /cart/items/:sku", "MNM-TEH", of("x", web.MaxPathParam+1), 303, 404, false},
	{"param", "number", "GET /console/orders/:number", "", of("x", web.MaxPathParam+1), 200, 404, false},
	{"param", "id", "GET /console/cases/:id", "1", "9223372036854775808", 200, 404, false},
	{"param", "id", "GET /console/notifications/:id", "1", "9223372036854775808", 200, 404, false},
	{"param", "id", "GET /console/notifications/:id", "1", "r9223372036854775808", 200, 404, false},
	{"param", "id", "GET /mailbox/:id", "9223372036854775807", "9223372036854775808", 404, 404, false},
	{"param", "id", "GET /mailbox/:id/html", "9223372036854775807", "9223372036854775808", 404, 404, false},
	{"param", "id", "POST /console/sandbox/deliveries/:id/resend", "9223372036854775807", "9223372036854775808", 303, 404, false},
	{"param", "id", "POST /console/sandbox/deliveries/:id/next", "9223372036854775807", "9223372036854775808", 303, 303, false},
	{"param", "name", "GET /gallery/:name", "error-404", of("x", web.MaxPathParam+1), 200, 404, false},

	{"form", "sku", "POST /cart/items", "MNM-TEH", of("x", web.MaxPathParam+1), 303, 422, false},
	{"form", "quantity", "POST /cart/items", "99", "100", 303, 422, false},
	{"form", "quantity", "POST /cart/items/MNM-TEH", "99", "100", 303, 422, false},
	{"form", "email", "POST /checkout", of("e", web.MaxEmail-12) + "@example.com", of("e", web.MaxEmail-11) + "@example.com", 303, 422, false},
	{"form", "phone", "POST /checkout", "+" + of("1", 15), of("1", 16), 303, 422, false},
	{"form", "checkout_id", "POST /checkout", "", of("x", 4096), 303, 422, false}, // empty: the form's own
	{"form", "name", "POST /checkout", of("é", web.MaxName), of("é", web.MaxName+1), 303, 422, true},
	{"form", "order_number", "POST /find-order", of("W", web.MaxNumber), of("W", web.MaxNumber+1), 404, 404, false},
	{"form", "email", "POST /find-order", of("e", web.MaxEmail), of("e", web.MaxEmail+1), 404, 404, false},
	{"form", "next", "POST /console/login", "/console/" + of("x", web.MaxOwnPath-9), of("/console/", 1000), 403, 403, false},
	{"form", "password", "POST /console/login", of("p", 72), of("p", 4096), 403, 403, false},
	{"form", "sku", "POST /console/stock", "MNM-TEH", of("x", 4096), 409, 404, false}, // with a stock nobody saw
	{"form", "seen", "POST /console/stock", "9223372036854775807", "9223372036854775808", 409, 422, false},
	{"form", "stock", "POST /console/stock", "1000000", "1000001", 409, 422, false},
	{"form", "decision", "POST /console/cases/:id", "refund", "refunds", 200, 422, false},
	{"form", "reason", "POST /console/cases/:id", of("é", console.MaxReason), of("é", console.MaxReason+1), 200, 422, false},
	{"form", "by", "POST /console/cases/:id", of("é", console.MaxBy), of("é", console.MaxBy+1), 200, 422, false},
	{"form", "refund", "POST /console/cases/:id", "22000", "22001", 200, 422, false},
	{"form", "refunded_on", "POST /console/cases/:id", "2026-11-24", "2026-11-25", 200, 422, false},
	{"form", "refund_method", "POST /console/cases/:id", of("é", console.MaxMethod), of("é", console.MaxMethod+1), 200, 422, false},
	{"form", "same", "POST /console/orders/cancel", "client", "clients", 422, 422, false},
	{"form", "as", "POST /console/orders/cancel", of("W", web.MaxNumber), of("W", web.MaxNumber+1), 422, 422, false},
	{"form", "order", "POST /console/orders/cancel", of("W", web.MaxNumber), of("W", web.MaxNumber+1), 422, 422, false},
	{"form", "reason", "POST /console/orders/cancel", of("é", console.MaxReason), of("é", console.MaxReason+1), 422, 422, false}, // without a name
	{"form", "by", "POST /console/orders/cancel", of("é", console.MaxBy), of("é", console.MaxBy+1), 422, 422, false},             // without a reason
	{"form", "order", "POST /console/orders/:number/customer.json", of("W", web.MaxNumber), of("W", web.MaxNumber+1), 200, 200, false},
	{"form", "order", "POST /console/orders/:number/erase", of("W", web.MaxNumber), of("W", web.MaxNumber+1), 422, 422, false},
	{"form", "reason", "POST /console/orders/:number/erase", "requested", "requestedd", 422, 422, false},                    // without a name
	{"form", "by", "POST /console/orders/:number/erase", of("é", console.MaxBy), of("é", console.MaxBy+1), 422, 422, false}, // without a reason
	{"form", "confirm", "POST /console/cases/:id", "", "yess", 200, 200, false},
	{"form", "action", "POST /console/sandbox/pay", "pay_late", "pay_latee", 303, 303, false},
	{"form", "payment_code", "POST /console/sandbox/pay", of("8", 16), of("8", 4096), 303, 303, false},
	{"form", "answer", "POST /console/sandbox/faults", "500", "501", 303, 303, false},
	{"form", "notify", "POST /console/sandbox/faults", "none", "nonee", 303, 303, false},
	{"form", "switch", "POST /console/sandbox/faults", "status_lag", of("x", 4096), 303, 303, false},
	{"form", "retelling", "POST /console/sandbox/faults", "", of("x", 4096), 303, 303, false},
	{"form", "answer_on", "POST /console/sandbox/faults", "status", of("x", 4096), 303, 303, false},
	{"form", "advance", "POST /console/sandbox/clock", "0s", "9999999h", 303, 422, false},
	{"form", "step", "POST /tour", "6", "7", 303, 303, true}, // each press places the tour's own order

	{"cookie", "cart", "GET /cart", of("A", 4096), of("A", 4097), 200, 200, false},
	{"cookie", "browser", "GET /checkout", of("A", 4096), of("A", 4097), 303, 303, false},
	{"cookie", "lang", "GET /cart", "en", of("A", 4097), 200, 200, false},
	{"cookie", "console", "GET /console", of("A", 64), of("A", 4097), 303, 303, false},
	{"cookie", "device", "POST /console/login", of("A", 4096), of("A", 4097), 403, 403, false},
	{"cookie", "tour", "GET /tour", of("A", 4096), of("A", 4097), 200, 200, false},

	{"header", "Accept-Language", "GET /cart", "en;q=0.9," + of("x", web.MaxAcceptedLength), of("en,", 3000), 200, 200, false},
	{"header", "If-None-Match", "GET /", `W/"x"`, of(`W/"x",`, 2000), 200, 200, false},
	{"header", "Accept", "GET /cart", "application/json", of("x", 8000), 200, 200, false},
	{"header", "Accept-Encoding", "GET /cart", "gzip", of("gzip,", 1500), 200, 200, false},
	{"header", "Referer", "POST /find-order", "http://example.com/", "http://example.com/" + of("x", 8000), 404, 404, false},
	{"header", "X-Request-Id", "GET /cart", of("x", 64), of("x", 65), 200, 200, false},
	{"header", "X-Forwarded-For", "GET /cart", "203.0.113.9", of("203.0.113.9,", 600), 200, 200, false},
	{"header", "X-Real-Ip", "GET /cart", "203.0.113.9", of("9", 7000), 200, 200, false},
	{"header", "Forwarded", "GET /cart", "for=203.0.113.9", of("for=x;", 1000), 200, 200, false},
}

// hostile are values that no input is to stumble over.
var hostile = []string{"\x00", "a\x00b", "\xff\xfe", "\xed\xa0\x80", "%00", "%", "%zz", "\r\nX-Evil: 1", "\u202e\u200b", "-1", "1e9", "NaN",
	"9223372036854775808", "-9223372036854775809", "' OR 1=1 --", `{"a":`, "../../etc/passwd", "//evil.example", of("a ", 3000), of("9", 5000), of("\u0301", 2500)}

// inputWorld is a demo with an order, a case and a message in it, and a browser that may see all of it.
type inputEnv struct {
	*env
	at, token, number string
	host              string // that requests name
	cookies           map[string]string
	form              string // the ID of a checkout form
}

func newInputEnv(t *testing.T) *inputEnv {
	w := &inputEnv{env: newDemo(t), cookies: map[string]string{}, host: "example.com"} // as from elsewhere
	w.setPassword()
	o := w.orderAs("MNM-TEH", "Budi", "budi@example.com")
	w.gateway.Do(o.Payment().Code, sandbox.ActionPayTwice) // a case, and messages
	w.token, w.number = o.Token, o.Number
	w.at = w.serve(w)
	w.Mail = nil
	for _, r := range []struct{ path, form string }{{"/console/login", "password=" + consolePassword}, {"/cart/items", "sku=MNM-TEH&quantity=1"}} {
		res, _ := w.send(http.MethodPost, r.path, r.form, nil, w.cookies)
		for _, c := range res.Cookies() {
			w.cookies[c.Name] = c.Value
		}
	}
	_, page := w.send(http.MethodGet, "/checkout", "", nil, w.cookies)
	id := checkoutID.FindStringSubmatch(page)
	if w.cookies[console.ConsoleCookie] == "" || id == nil {
		t.Fatalf("no session or no form: %v", w.cookies)
	}
	w.form = id[1]
	return w
}

// send makes a request over a socket.
func (w *inputEnv) send(method, path, form string, header http.Header, cookies map[string]string) (*http.Response, string) {
	w.t.Helper()
	r, err := http.NewRequest(method, w.at+path, strings.NewReader(form))
	if err != nil {
		w.t.Fatalf("%s %.80q: %v", method, path, err)
	}
	r.Host = w.host
	for name, values := range header {
		r.Header[name] = values
	}
	if method == http.MethodPost {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	var sent []string
	for name, value := range cookies {
		sent = append(sent, name+"="+value)
	}
	r.Header.Set("Cookie", strings.Join(sent, "; "))
	client := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	res, err := client.Do(r)
	if err != nil {
		w.t.Fatalf("%s %.80q: %v", method, path, err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	return res, string(body)
}

// fields are the others of a form, all of them good.
func (w *inputEnv) fields(path string) url.Values {
	switch {
	case strings.HasPrefix(path, "/cart"):
		return url.Values{"sku": {"MNM-TEH"}, "quantity": {"1"}}
	case path == "/checkout":
		return url.Values{"name": {"Budi"}, "email": {"budi@example.com"}, "phone": {"081234567890"}, "checkout_id": {w.form}}
	case path == "/console/stock":
		return url.Values{"sku": {"MNM-TEH"}, "seen": {"999999"}, "stock": {"5"}}
	case strings.HasPrefix(path, "/console/cases/"):
		return decision("refund", nil)
	}
	return url.Values{}
}

// try sends a value as an input.
func (w *inputEnv) try(in input, value string) (*http.Response, string) {
	w.t.Helper()
	method, path, _ := strings.Cut(in.request, " ")
	if in.kind == "param" {
		if value != "" {
			path = strings.Replace(path, ":"+in.name, url.PathEscape(value), 1)
		}
	}
	path = strings.NewReplacer(":token", w.token, ":number", w.number, ":id", "1").Replace(path)
	fields, header, cookies := w.fields(path), http.Header{}, w.cookies
	switch in.kind {
	case "query":
		path += map[bool]string{true: "&", false: "?"}[strings.Contains(path, "?")] + in.name + "=" + url.QueryEscape(value)
	case "form":
		if value != "" || in.name != "checkout_id" {
			fields.Set(in.name, value)
		}
	case "cookie":
		cookies = map[string]string{in.name: value}
		if in.name == "tour" { // which is for whoever is signed in
			cookies[console.ConsoleCookie] = w.cookies[console.ConsoleCookie]
		}
	case "header":
		header[in.name] = []string{value}
	}
	if method == http.MethodGet {
		return w.send(method, path, "", header, cookies)
	}
	return w.send(method, path, fields.Encode(), header, cookies)
}

// kept is all that no bad input may change.
func (w *inputEnv) kept() string {
	w.t.Helper()
	ctx := context.Background()
	var text strings.Builder
	products, err := w.Store.Products(ctx, "", "")
	for _, p := range products {
		fmt.Fprintln(&text, p.SKU, p.Price, p.Stock)
	}
	if err == nil {
		err = w.Store.EachOrder(ctx, models.OrderFilter{}, func(o models.Order) error {
			p := o.Payment()
			_, err := fmt.Fprintln(&text, o.Number, o.Status, o.Total, o.Customer(), len(o.Payments), p.State, p.Code, len(p.Receipts))
			return err
		})
	}
	if err != nil {
		w.t.Fatal(err)
	}
	return text.String() + fmt.Sprint(w.openCases())
}

// Every input is taken up to its bound and answered properly past it. No value of any ends in an error of ours or a
// header of somebody else's, and what is refused changes nothing.
func TestInputs(t *testing.T) {
	w := newInputEnv(t)
	for _, in := range inputs {
		name := in.kind + " " + in.name + " of " + in.request
		before := w.kept()
		if res, _ := w.try(in, in.over); res.StatusCode != in.refused {
			t.Errorf("%s: %.40q: HTTP %d, want %d", name, in.over, res.StatusCode, in.refused)
		}
		for _, value := range hostile {
			if (in.kind == "cookie" || in.kind == "header") && strings.ContainsAny(value, "\x00\r\n") {
				continue // these do not get past any HTTP server
			}
			res, _ := w.try(in, value)
			if res.StatusCode >= 500 || res.Header.Get("X-Evil") != "" || strings.Contains(res.Header.Get("Location"), "//evil") {
				t.Errorf("%s: %.40q: HTTP %d to %q", name, value, res.StatusCode, res.Header.Get("Location"))
			}
		}
		if after := w.kept(); after != before && !in.text {
			t.Errorf("%s: what is refused changed\n%s\nto\n%s", name, before, after)
		}
		if in.request == "POST /checkout" { // a form places one order; the next is another browser's
			w.form = w.anotherForm()
		}
		if res, page := w.try(in, in.most); res.StatusCode != in.taken {
			t.Errorf("%s: %.40q: HTTP %d, want %d\n%.2000s", name, in.most, res.StatusCode, in.taken, page)
		}
		if in.request == "POST /checkout" {
			w.form = w.anotherForm()
		}
		w.gateway.SetFault(noFault)
	}
}

// anotherForm fills the cart again and opens the checkout.
func (w *inputEnv) anotherForm() string {
	w.t.Helper()
	delete(w.cookies, web.CartCookie)
	res, _ := w.send(http.MethodPost, "/cart/items", "sku=MNM-TEH&quantity=1", nil, w.cookies)
	for _, c := range res.Cookies() {
		w.cookies[c.Name] = c.Value
	}
	_, page := w.send(http.MethodGet, "/checkout", "", nil, w.cookies)
	id := checkoutID.FindStringSubmatch(page)
	if id == nil {
		w.t.Fatalf("there is no checkout form: %s", page)
	}
	return id[1]
}

// An input that comes many times, or beside others nobody knows, is one.
func TestInputsThatComeManyTimes(t *testing.T) {
	w := newInputEnv(t)
	before := w.kept()
	for _, path := range []string{"/?" + of("lang=en&", 500), "/?lang=en&lang=id&lang=xx", "/?" + of("q=kopi&", 500), "/?" + of("x=1&", 2000), "/?&&&&=&=", "/?%",
		"/?lang=%zz", "/?q=%00", "/?lang=\xff", "/?q=a;lang=en", "/cart?lang=en#x", "/console/orders?" + of("status=paid&", 400)} {
		if res, _ := w.send(http.MethodGet, path, "", nil, w.cookies); res.StatusCode != http.StatusOK {
			t.Errorf("%.60q: HTTP %d", path, res.StatusCode)
		}
	}
	for form, want := range map[string]int{of("sku=MNM-TEH&", 2500): 303, of("a=b&", 8000): 422, "sku": 422, "%": 400, "sku=%zz": 400, "sku=MNM-TEH&quantity=1&quantity=99": 303,
		of("x", web.MaxFormSize): 422, of("x", web.MaxFormSize+1): 413} {
		if res, _ := w.send(http.MethodPost, "/cart/items", form, nil, w.cookies); res.StatusCode != want {
			t.Errorf("%.40q: HTTP %d, want %d", form, res.StatusCode, want)
		}
	}
	many := http.Header{"Accept-Language": slices.Repeat([]string{"en"}, 500)}
	if res, _ := w.send(http.MethodGet, "/cart", "", many, w.cookies); res.StatusCode != http.StatusOK {
		t.Errorf("500 headers: HTTP %d", res.StatusCode)
	}
	if after := w.kept(); after != before {
		t.Errorf("this changed\n%s\nto\n%s", before, after)
	}
}
