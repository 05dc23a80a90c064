package sandbox_test

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// refusing follows no redirect.
var refusing = http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}

// ask makes a request as a browser or a program does. A form, if there is one, is sent as such, a body as JSON.
func (g *gateway) ask(t *testing.T, method, path, form, body string) (*http.Response, string) {
	t.Helper()
	req, err := http.NewRequest(method, g.http.URL+path, strings.NewReader(form+body))
	if err != nil {
		t.Fatal(err)
	}
	if form != "" {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	res, err := refusing.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res, string(text)
}

// x is a letter n times.
func x(letter string, n int) string { return strings.Repeat(letter, n) }

// inputs lists what the sandbox reads of a request, with the largest value that is taken as it is and one past it.
var inputs = []struct {
	request, form, body string // %s is the value
	most, over          string
	taken, refused      int
}{
	{"GET /simulator?lang=%s", "", "", "en", "enn", 200, 200},
	{"GET /simulator?payment_code=%s", "", "", x("8", 32), x("8", 33), 200, 200},
	{"GET /simulator?key=%s", "", "", "C", x("C", 9000), 200, 200},
	{"GET /simulator?receipt=%s", "", "", "1", x("1", 9000), 200, 200},
	{"POST /simulator/payments", "action=pay&payment_code=%s", "", x("8", 32), x("8", 33), 303, 303},
	{"POST /simulator/payments", "payment_code=1&action=%s", "", "pay", "payy", 303, 303}, // of a code that nobody knows
	{"POST /simulator/payments", "action=pay&payment_code=1&lang=%s", "", "en", x("e", 9000), 303, 303},
	{"POST /simulator/clock", "advance=%s", "", "0s", "99999999h", 303, 400},
	{"POST /simulator/clock", "advance=0s&back=%s", "", "receipt%3D" + x("1", 400), x("1", 513), 303, 303},
	{"POST /simulator/deliveries/%s/resend", "x=1", "", "9223372036854775807", "9223372036854775808", 404, 404},
	{"GET /control/deliveries?invoice_number=%s", "", "", x("I", 64), x("I", 9000), 200, 200},
	{"POST /control/deliveries/%s/resend", "", "", "9223372036854775807", "9223372036854775808", 404, 404},
	{"POST /control/payments", "", `{"action":"pay","payment_code":%s}`, `"` + x("8", 32) + `"`, `"` + x("8", 9000) + `"`, 404, 404},
	{"POST /control/payments", "", `{"action":"pay","invoice_number":%s}`, `"` + x("I", 64) + `"`, `"` + x("I", 9000) + `"`, 404, 404},
	{"POST /control/payments", "", `{"payment_code":"1","action":%s}`, `"pay"`, `"payy"`, 404, 400},
	{"POST /control/payments", "", `{"payment_code":"1","action":"pay","notify":%s}`, `"none"`, `"nonee"`, 404, 400},
	{"POST /control/clock", "", `{"advance":%s}`, `"0s"`, `"99999999h"`, 200, 400},
	{"PUT /control/faults", "", `{"answer":%s}`, `""`, `"` + x("5", 9000) + `"`, 200, 400},
	{"PUT /control/faults", "", `%s`, "{}" + x(" ", 65534), "{}" + x(" ", 65535), 200, 413},
	{"GET /orders/v1/status/%s", "", "", x("I", 64), x("I", 9000), 400, 400}, // nothing is signed
	{"POST /indomaret-online-to-offline/v2/payment-code", "", "%s", x(" ", 65536), x(" ", 65537), 400, 413},
	{"GET /indomaret-online-to-offline/v2/how-to-pay-page/%s/x", "", "", x("8", 16), x("8", 9000), 404, 404},
	{"GET /indomaret-online-to-offline/v2/how-to-pay-api/8888888888888888/%s", "", "", "x", x("8", 9000), 404, 404},
}

// Every input of the sandbox at its bound and past it. What is refused, or hostile, changes nothing of its books.
func TestInputs(t *testing.T) {
	g := open(t)
	g.issue(t, "INV-1")
	for _, in := range inputs {
		before := g.books(t)
		send := func(value string) (*http.Response, string) {
			method, path, _ := strings.Cut(in.request, " ")
			if strings.Contains(path, "%s") {
				path = fmt.Sprintf(path, url.PathEscape(value))
				if strings.Contains(path, "?") {
					path = strings.Replace(path, url.PathEscape(value), url.QueryEscape(value), 1)
				}
			}
			fill := func(text, value string) string { return strings.Replace(text, "%s", value, 1) }
			return g.ask(t, method, path, fill(in.form, strings.ReplaceAll(value, "%s", "")), fill(in.body, value))
		}
		if res, text := send(in.over); res.StatusCode != in.refused || len(res.Header.Get("Location")) > 1000 {
			t.Errorf("%s %s%s: %.30q: HTTP %d, want %d: %.200s", in.request, in.form, in.body, in.over, res.StatusCode, in.refused, text)
		}
		for _, value := range []string{"\x00", "\xff\xfe", "%00", "\r\nX-Evil: 1", "-1", "9e99", "\u202e", "null", "[[[[", `{"a":`, "//evil.example", x("{", 5000), x("9", 5000)} {
			if res, text := send(value); res.StatusCode >= 500 || res.Header.Get("X-Evil") != "" || strings.HasPrefix(res.Header.Get("Location"), "//") {
				t.Errorf("%s %s%s: %.30q: HTTP %d to %q: %.200s", in.request, in.form, in.body, value, res.StatusCode, res.Header.Get("Location"), text)
			}
		}
		if after := g.books(t); after != before {
			t.Errorf("%s changed\n%s\nto\n%s", in.request, before, after)
		}
		if res, text := send(in.most); res.StatusCode != in.taken {
			t.Errorf("%s %s%s: %.30q: HTTP %d, want %d: %.200s", in.request, in.form, in.body, in.most, res.StatusCode, in.taken, text)
		}
	}
}

// books are the gateway's ledger, clock and faults.
func (g *gateway) books(t *testing.T) string {
	t.Helper()
	var text string
	for _, path := range []string{"payments", "faults"} {
		text += g.control(t, "GET", path, "").body
	}
	return text
}

// HEAD is answered wherever GET is, without a body, and other methods with what is allowed. Every answer tells a
// browser what it may do with it.
func TestMethodsAndHeaders(t *testing.T) {
	g := open(t)
	page := at(t, g.create(t, "r-1", orderFor("INV-1")).body, "online_to_offline_info.how_to_pay_page")
	pageURL, err := url.Parse(page)
	if err != nil {
		t.Fatal(err)
	}
	for path, other := range map[string]string{"/": "", "/simulator": "POST", "/simulator/assets/sandbox.css": "POST", "/control/payments": "PUT", "/control/faults": "POST",
		"/control/clock": "PUT", "/control/deliveries": "POST", "/control/requests": "POST", pageURL.Path: "POST", "/orders/v1/status/INV-1": "POST"} {
		get, _ := g.ask(t, http.MethodGet, path, "", "")
		head, body := g.ask(t, http.MethodHead, path, "", "")
		if head.StatusCode != get.StatusCode || head.Header.Get("Content-Type") != get.Header.Get("Content-Type") || body != "" {
			t.Errorf("HEAD %s: HTTP %d %v, GET: HTTP %d %v", path, head.StatusCode, head.Header, get.StatusCode, get.Header)
		}
		for name, want := range map[string]string{"X-Content-Type-Options": "nosniff", "Referrer-Policy": "same-origin", "Cross-Origin-Opener-Policy": "same-origin",
			"Cross-Origin-Resource-Policy": "same-origin", "Permissions-Policy": "camera=()", "Content-Security-Policy": "default-src 'none'"} {
			if got := get.Header.Get(name); !strings.HasPrefix(got, want) {
				t.Errorf("GET %s: %s is %q, want %q", path, name, got, want)
			}
		}
		if other == "" {
			continue
		}
		res, _ := g.ask(t, other, path, "", "")
		if allow := strings.Join(res.Header.Values("Allow"), ", "); res.StatusCode != http.StatusMethodNotAllowed || !strings.Contains(allow, "GET, HEAD") {
			t.Errorf("%s %s: HTTP %d, allows %q", other, path, res.StatusCode, allow)
		}
	}
	for _, path := range []string{"/simulator/payments", "/simulator/clock", "/control/deliveries/1/resend", "/indomaret-online-to-offline/v2/payment-code"} {
		if res, _ := g.ask(t, http.MethodGet, path, "", ""); res.StatusCode != http.StatusMethodNotAllowed || !strings.Contains(res.Header.Get("Allow"), "POST") {
			t.Errorf("GET %s: HTTP %d, allows %q", path, res.StatusCode, res.Header.Get("Allow"))
		}
	}
}
