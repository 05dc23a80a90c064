package e2e_test

import (
	"encoding/json"
	"fmt"
	"html"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"warungjokul/jokul"
)

// An order's address is its key, a customer's name is his own: neither, and no
// secret or signature, is in the log at its most talkative, and the record of
// calls does without the customer.
func TestNothingPrivateIsKept(t *testing.T) {
	p := newPair(t, "", "LOG_LEVEL=debug")
	v := visit(t, p.program())
	order := v.order("MNM-GAYO")
	s := v.await(order, "a code", hasCode)
	v.get(order)
	v.post(order+"/check", nil)
	v.get(order + "/nothing")
	v.get("/orders/" + strings.TrimPrefix(order, "/orders/") + "/cashier")
	v.post("/find-order", url.Values{"order_number": {"WJ-00000000"}, "email": {"budi@example.com"}})
	act(t, p.program(), s.PaymentCode, "pay")
	v.await(order, "paid", isPaid)

	db := p.sql(t)
	private := map[string]string{
		"the order's token": strings.TrimPrefix(order, "/orders/"), "the Secret Key": secret, "the customer's name": "Budi",
		"the customer's email": "budi@example.com", "the customer's phone": "0812-3456-7890",
	}
	each(t, db, "SELECT header FROM notifications", func(scan func(...any) error) error {
		var text string
		var header struct{ Signature string }
		err := scan(&text)
		if err == nil {
			err = json.Unmarshal([]byte(text), &header)
		}
		private["a signature"] = header.Signature
		return err
	})
	log := p.shop.logs.String()
	if !strings.Contains(log, "route=/orders/:token") {
		t.Errorf("the log is not at its most talkative:\n%s", log)
	}
	metrics := p.metrics(t)
	if !strings.Contains(metrics, "notifications_total") {
		t.Errorf("these are no metrics: %q", metrics)
	}
	for what, text := range private {
		if len(text) < 4 {
			t.Fatalf("%s is %q", what, text)
		}
		if strings.Contains(log, text) {
			t.Errorf("the log holds %s, %q", what, text)
		}
		if strings.Contains(metrics, text) {
			t.Errorf("the metrics hold %s, %q", what, text)
		}
	}
	delete(private, "a signature") // that one is the gateway's, on a message of its own
	exchanges := 0
	each(t, db, "SELECT request_header || string_to_sign || response_header || url || problem, request_body, response_body, operation FROM exchanges",
		func(scan func(...any) error) error {
			var text, operation string
			var request, response []byte
			err := scan(&text, &request, &response, &operation)
			for what, private := range private {
				if strings.Contains(text+string(request)+string(response), private) {
					t.Errorf("the record of a call (%s) holds %s: %s", operation, what, text)
				}
			}
			exchanges++
			return err
		})
	if exchanges < 3 { // the code, how to pay, the status
		t.Errorf("%d calls are on record", exchanges)
	}
	if n := number(t, db, "SELECT COUNT(*) FROM exchanges WHERE request_body LIKE '%\"customer\":{%\"***\"%' AND request_body LIKE '%invoice_number%'"); n == 0 {
		t.Error("of a request for a code the rest is gone too")
	}
}

// After a whole journey, with forgeries, a second code and the tour, no page of
// the console, no export, metric or line of the log holds the Secret Key, an
// order's token, or a signature whole: neither one that came nor one that was
// expected.
func TestNothingPrivateIsShown(t *testing.T) {
	p := start(t, t.TempDir(), "LOG_LEVEL=debug")
	v := visit(t, p)
	v.open(p)
	private := map[string]string{secret: "the Secret Key"}
	signed := func(c *jokul.Component, h http.Header) {
		private[jokul.Sign(secret, *c)] = "a signature that came, or was expected"
	}
	forged := func(c *jokul.Component, h http.Header) {
		signed(c, h)
		h.Set(jokul.HeaderSignature, jokul.Sign("SK-another", *c))
		private[h.Get(jokul.HeaderSignature)] = "a forged signature"
	}
	paid, renewed := v.order("MNM-GAYO"), v.order("MNM-TEH")
	for _, order := range []string{paid, renewed} {
		private[strings.TrimPrefix(order, "/orders/")] = "an order's token"
	}
	s := v.await(paid, "a code", hasCode)
	body := fmt.Sprintf(`{"order":{"invoice_number":%q,"amount":%d},"transaction":{"status":"SUCCESS","date":"2026-11-24T03:00:00Z"}}`, s.InvoiceNumber, s.Amount)
	notify(t, p, body, forged)
	notify(t, p, body, signed)
	notify(t, p, `{"order":{"invoice_number":"WJ-NOBODY-1","amount":10000},"transaction":{"status":"SUCCESS"}}`, signed)
	v.await(paid, "paid", isPaid)
	act(t, p, v.await(renewed, "a code", hasCode).PaymentCode, "expire")
	v.post(renewed+"/check", nil)
	v.post(renewed+"/payments", nil)
	v.post("/tour", url.Values{"step": {"1"}})

	texts := crawl(v, "/console")
	if len(texts) < 20 || texts["/console/orders.csv"] == "" {
		t.Fatalf("only %d pages were found", len(texts))
	}
	_, texts["/metrics"] = v.get("/metrics")
	texts["the log"] = p.logs.String()
	for where, text := range texts {
		text = html.UnescapeString(text)
		for secret, what := range private {
			if strings.Contains(text, secret) {
				t.Errorf("%s holds %s, %q", where, what, secret)
			}
		}
		if whole := regexp.MustCompile(`HMACSHA256=[A-Za-z0-9+/]{43}=`).FindString(text); whole != "" {
			t.Errorf("%s holds a whole signature, %s", where, whole)
		}
	}
}

// crawl reads every page that can be reached from one, below it.
func crawl(v visitor, from string) map[string]string {
	v.t.Helper()
	texts, waiting := map[string]string{}, []string{from}
	for len(waiting) > 0 && len(texts) < 300 {
		path := waiting[0]
		waiting = waiting[1:]
		if _, known := texts[path]; known {
			continue
		}
		_, texts[path] = v.get(path)
		for _, link := range regexp.MustCompile(`href="(`+from+`[^"#]*)`).FindAllStringSubmatch(texts[path], -1) {
			waiting = append(waiting, html.UnescapeString(link[1]))
		}
	}
	return texts
}

// Behind a proxy that speaks https, cookies and headers say so.
func TestBehindHTTPS(t *testing.T) {
	p := newPair(t, "", "BASE_URL=https://shop.example.com")
	res, err := plain.PostForm(p.shop.base+"/cart/items?lang=en", url.Values{"sku": {"MNM-TEH"}, "quantity": {"1"}})
	if err != nil {
		t.Fatal(err)
	}
	_ = res.Body.Close()
	for _, first := range []*http.Response{res, res.Request.Response} { // the cart, and the redirect to it
		if got := first.Header.Get("Strict-Transport-Security"); !strings.Contains(got, "max-age=31536000") {
			t.Errorf("%s: Strict-Transport-Security is %q", first.Request.URL, got)
		}
		policy := first.Header.Get("Content-Security-Policy")
		if !strings.Contains(policy, "default-src 'none'") || strings.Contains(policy, "unsafe") || strings.Contains(policy, "*") {
			t.Errorf("%s: Content-Security-Policy is %q", first.Request.URL, policy)
		}
		if first.Header.Get("X-Content-Type-Options") != "nosniff" || first.Header.Get("Referrer-Policy") != "same-origin" {
			t.Errorf("%s: %v", first.Request.URL, first.Header)
		}
	}
	cookies := res.Request.Response.Cookies()
	if len(cookies) != 3 {
		t.Errorf("%d cookies, want the cart, the language and the browser's name: %v", len(cookies), cookies)
	}
	for _, c := range cookies {
		if !c.Secure || !c.HttpOnly || c.SameSite != http.SameSiteLaxMode {
			t.Errorf("cookie %s: Secure %v, HttpOnly %v, SameSite %v", c.Name, c.Secure, c.HttpOnly, c.SameSite)
		}
	}
}

// Each client has its own measure, and cannot borrow another's: of what a proxy
// passes on, the last address that is not a proxy's counts.
func TestRateLimits(t *testing.T) {
	p := newPair(t, "", "TRUSTED_PROXIES=127.0.0.1, 10.0.0.0/8")
	v := visit(t, p.program())
	order := v.order("MNM-TEH")
	post := func(path, from string) int {
		t.Helper()
		req, err := http.NewRequest(http.MethodPost, p.shop.base+path, strings.NewReader("order_number=x&email=y"))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		req.Header.Set("X-Forwarded-For", from)
		res, err := v.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		body, _ := io.ReadAll(res.Body)
		if res.StatusCode == http.StatusTooManyRequests && (res.Header.Get("Retry-After") == "" || !strings.Contains(string(body), "</html>")) {
			t.Errorf("POST %s: 429 without Retry-After or a page", path)
		}
		return res.StatusCode
	}
	for path, limit := range map[string]int{"/checkout": 30, "/find-order": 10, order + "/payments": 10} {
		for i := range limit {
			if got := post(path, "203.0.113.9"); got == http.StatusTooManyRequests {
				t.Errorf("%s: refused after %d", path, i)
				break
			}
		}
		for name, from := range map[string]string{
			"the same": "203.0.113.9", "the same, with a made-up one before": "198.51.100.1, 203.0.113.9", "and a proxy after": "203.0.113.9, 10.0.0.7"} {
			if got := post(path, from); got != http.StatusTooManyRequests {
				t.Errorf("%s from %s: HTTP %d, want 429", path, name, got)
			}
		}
		if got := post(path, "203.0.113.10"); got == http.StatusTooManyRequests {
			t.Errorf("%s: another client is refused", path)
		}
		for i := range limit + 1 { // an IPv6 subscriber has more addresses than we could count
			got := post(path, fmt.Sprintf("2001:db8:0:1::%x", i+1))
			if refused := got == http.StatusTooManyRequests; refused != (i == limit) {
				t.Errorf("%s from address %d of one network: HTTP %d", path, i, got)
			}
		}
	}
	// "I have paid" has a measure for each payment beside that for each client.
	if got := post(order+"/check", "203.0.113.11"); got != http.StatusSeeOther {
		t.Errorf("check: HTTP %d", got)
	}
	if got := post(order+"/check", "203.0.113.12"); got != http.StatusTooManyRequests {
		t.Errorf("check again from elsewhere: HTTP %d, want 429", got)
	}
}

func TestFindOrder(t *testing.T) {
	p := newPair(t, "", "RATE_LIMIT=off")
	v := visit(t, p.program())
	order := v.order("MNM-TEH")
	var orderNumber string
	each(t, p.sql(t), "SELECT number, '' FROM orders", func(scan func(...any) error) error {
		var none string
		return scan(&orderNumber, &none)
	})
	if status, page := v.get("/find-order"); status != http.StatusOK || !strings.Contains(page, "Find my order") {
		t.Errorf("the form: HTTP %d", status)
	}
	for _, number := range []string{orderNumber, " " + strings.ToLower(orderNumber) + " "} {
		res := v.post("/find-order", url.Values{"order_number": {number}, "email": {"Budi@Example.com"}})
		if res.StatusCode != http.StatusSeeOther || res.Header.Get("Location") != order {
			t.Errorf("%q: %s, Location %q", number, res.Status, res.Header.Get("Location"))
		}
	}
	answers := map[string]bool{}
	for number, email := range map[string]string{orderNumber: "siti@example.com", "WJ-00000000": "budi@example.com", "%": "%"} {
		res, err := v.PostForm(v.shop+"/find-order", url.Values{"order_number": {number}, "email": {email}})
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(res.Body)
		_ = res.Body.Close()
		if res.StatusCode != http.StatusNotFound {
			t.Errorf("%q, %q: %s, want 404", number, email, res.Status)
		}
		text := strings.NewReplacer(`value="`+number+`"`, "", `value="`+email+`"`, "").Replace(string(body))
		answers[text] = true
	}
	if len(answers) != 1 {
		t.Errorf("%d different answers: one tells which orders exist", len(answers))
	}
}
