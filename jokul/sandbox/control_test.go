package sandbox_test

import (
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"warungjokul/jokul/sandbox"
)

func textLog(w io.Writer) *slog.Logger { return slog.New(slog.NewTextHandler(w, nil)) }

// control calls the control API; headers are name and value in turn.
func (g *gateway) control(t *testing.T, method, path, body string, headers ...string) message {
	t.Helper()
	req, err := http.NewRequest(method, g.http.URL+"/control/"+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	return do(t, req)
}

func TestControlPayments(t *testing.T) {
	g := open(t)
	code := g.issue(t, "INV-1")
	m := g.control(t, "POST", "payments", `{"invoice_number":"INV-1","action":"pay"}`, "Content-Type", "application/json; charset=utf-8")
	want(t, "status", m.status, http.StatusOK)
	want(t, "code", at(t, m.body, "payment_code"), code)
	want(t, "transaction status", at(t, m.body, "status"), "SUCCESS")
	want(t, "delivery", at(t, m.body, "delivery.state"), "delivered")
	g.shop.next(t)

	spaced := g.issue(t, "INV-2")
	m = g.control(t, "POST", "payments", `{"payment_code":"`+spaced[:4]+" "+spaced[4:]+`","action":"pay_twice"}`)
	want(t, "spaces in a code", m.status, http.StatusOK)
}

func TestControlErrors(t *testing.T) {
	g := open(t)
	g.control(t, "POST", "payments", `{"payment_code":"`+g.issue(t, "INV-PAID")+`","action":"pay"}`)
	for _, tc := range []struct {
		method, path, body string
		status             int
		says               string
	}{
		{"POST", "payments", `{"payment_code":"1","action":"pay"}`, 404, "no such payment code"},
		{"POST", "payments", `{"invoice_number":"1","action":"pay"}`, 404, "no such payment code"},
		{"POST", "payments", `{"invoice_number":"INV-PAID","action":"pay"}`, 409, "already been paid"},
		{"POST", "payments", `{"invoice_number":"INV-PAID","action":"steal"}`, 400, "action must be one of"},
		{"POST", "payments", `{"invoice_number":"INV-PAID","action":"pay","notify":"twice"}`, 400, "notify must be none or late"},
		{"POST", "payments", `{"action":"pay"}`, 400, "give either payment_code or invoice_number"},
		{"POST", "payments", `{"invoice_number":"a","payment_code":"1","action":"pay"}`, 400, "give either"},
		{"POST", "payments", `{"invoice":"a","action":"pay"}`, 400, `unknown name \"invoice\"`},
		{"POST", "payments", ``, 400, "the body is empty"},
		{"POST", "payments", `{}{}`, 400, "something follows"},
		{"POST", "payments", strings.Repeat(" ", 70_000), 413, "at most 65536 bytes"},
		{"PUT", "payments", ``, 405, "PUT is not possible here"},
		{"PUT", "faults", `{"asnwer":"500"}`, 400, `unknown name \"asnwer\"`},
		{"PUT", "faults", `{"answer":"501"}`, 400, `answer: \"501\" is not one of`},
		{"PUT", "faults", `{"times":"2"}`, 400, "times may not be a JSON string"},
		{"PUT", "faults", `{"delay":"soon"}`, 400, "soon"},
		{"PUT", "faults", `{"strict":"perhaps"}`, 400, "perhaps"},
		{"POST", "clock", `{"advance":"-1h"}`, 400, "only moves forward"},
		{"POST", "clock", `{"advance":"soon"}`, 400, "soon"},
		{"POST", "clock", `{}`, 400, "advance is required"},
		{"POST", "clock", `{"advance":"2000000h"}`, 400, "at most"},
		{"POST", "deliveries/9/resend", ``, 404, "no such delivery"},
		{"POST", "deliveries/x/resend", ``, 404, "no such delivery"},
		{"GET", "nothing", ``, 404, "no such address"},
	} {
		m := g.control(t, tc.method, tc.path, tc.body)
		want(t, tc.path+" "+tc.says, m.status, tc.status)
		if !strings.Contains(m.body, tc.says) || !strings.HasPrefix(m.body, `{"error":"`) {
			t.Errorf("%s %s: got %s, want it to say %s", tc.method, tc.path, m.body, tc.says)
		}
	}
	m := g.control(t, "POST", "payments", `action=pay`, "Content-Type", "application/x-www-form-urlencoded")
	want(t, "form", m.status, http.StatusUnsupportedMediaType)
}

// One payment may be told late or not at all while others are told at once.
func TestControlNotify(t *testing.T) {
	g := open(t)
	pay := func(invoice, notify string) string {
		g.issue(t, invoice)
		return g.control(t, "POST", "payments", `{"invoice_number":"`+invoice+`","action":"pay","notify":"`+notify+`"}`).body
	}
	want(t, "untold", at(t, pay("INV-1", "none"), "deliveries"), "[]")
	late := pay("INV-2", "late")
	want(t, "held", at(t, late, "delivery.state"), "waiting")
	g.shop.none(t)
	want(t, "let go", at(t, g.control(t, "POST", "deliveries/"+at(t, late, "delivery.id")+"/resend", "").body, "state"), "delivered")
	g.shop.next(t)
	want(t, "the next", at(t, pay("INV-3", ""), "delivery.state"), "delivered")
	g.shop.next(t)
	want(t, "the faults", g.Faults().Notify, "")
}

func TestControlFaults(t *testing.T) {
	g := open(t)
	m := g.control(t, "PUT", "faults", `{"answer":"cut","times":3,"settlement":"off","lag":true,"schedule":["1m"]}`)
	want(t, "status", m.status, http.StatusOK)
	f := g.Faults()
	want(t, "answer", f.Answer, sandbox.AnswerCut)
	want(t, "settlement", f.Settlement, sandbox.Switch(false))
	want(t, "default kept", f.MaxAmount, int64(5_000_000))
	want(t, "schedule", len(f.Schedule), 1)
	want(t, "read back", g.control(t, "GET", "faults", "").body, m.body)
	want(t, "put back", g.control(t, "PUT", "faults", m.body).body, m.body)
	g.control(t, "PUT", "faults", `{"notify":"none"}`)
	want(t, "names left out have their default", g.Faults().Answer, "")
	m = g.control(t, "DELETE", "faults", "")
	want(t, "cleared", at(t, m.body, "notify"), "")
}

func TestControlClock(t *testing.T) {
	g := open(t)
	m := g.control(t, "POST", "clock", `{"advance":"1h30m"}`)
	want(t, "now", at(t, m.body, "now"), "2026-11-24T05:00:15.4Z")
	want(t, "wall", at(t, m.body, "wall"), "2026-11-24T03:30:15.4Z")
	want(t, "offset", at(t, m.body, "offset"), "1h30m0s")
	want(t, "read back", g.control(t, "GET", "clock", "").body, m.body)
}

func TestControlDeliveriesAndRequests(t *testing.T) {
	g := open(t)
	want(t, "no deliveries", g.control(t, "GET", "deliveries", "").body, `{"deliveries":[]}`)
	want(t, "no requests", g.control(t, "GET", "requests", "").body, `{"requests":[]}`)
	for _, invoice := range []string{"INV-1", "INV-2"} {
		g.act(t, g.issue(t, invoice), sandbox.ActionPay)
		g.shop.next(t)
	}
	body := g.control(t, "GET", "deliveries?invoice_number=INV-2", "").body
	if strings.Contains(body, "INV-1") || !strings.Contains(body, "INV-2") {
		t.Errorf("deliveries of INV-2: %s", body)
	}
	m := g.control(t, "POST", "deliveries/2/resend", "")
	want(t, "resent", at(t, m.body, "invoice_number"), "INV-2")
	want(t, "resend arrives", at(t, string(g.shop.next(t).body), "order.invoice_number"), "INV-2")

	req := g.signed(t, http.MethodGet, statusPath+"INV-1", "status", "")
	req.Header.Set("Signature", "HMACSHA256=wrong")
	do(t, req)
	requests := g.Requests()
	last := requests[len(requests)-1]
	want(t, "requests", len(requests), 3)
	want(t, "verdict", last.Verdict, "invalid_signature: Invalid Header Signature")
	want(t, "signature", last.Headers["Signature"], "HMACSHA256=********")
	if !strings.Contains(last.StringToSign, "\nRequest-Target:"+statusPath+"INV-1") {
		t.Errorf("string to sign: %q", last.StringToSign)
	}
}

func TestAForeignPageCannotDriveTheSandbox(t *testing.T) {
	g := open(t)
	code := g.issue(t, "INV-1")
	for _, headers := range [][]string{
		{"Origin", "https://evil.example"},
		{"Sec-Fetch-Site", "cross-site"},
	} {
		m := g.control(t, "POST", "payments", `{"payment_code":"`+code+`","action":"pay"}`, headers...)
		want(t, "control", m.status, http.StatusForbidden)
		req, err := http.NewRequest(http.MethodPost, g.http.URL+"/simulator/payments", strings.NewReader("action=pay&payment_code="+code))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		req.Header.Set(headers[0], headers[1])
		want(t, "simulator", do(t, req).status, http.StatusForbidden)
	}
	want(t, "still unpaid", at(t, g.status(t, "INV-1").body, "transaction.status"), "PENDING")
}
