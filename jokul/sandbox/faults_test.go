package sandbox_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"warungjokul/jokul"
	"warungjokul/jokul/sandbox"
)

func TestAnswersThatGoWrong(t *testing.T) {
	for _, tc := range []struct {
		fault  string
		status int    // 0: the connection breaks
		signed bool   // rightly
		says   string // part of the body
		issued bool
	}{
		{sandbox.Answer500, 500, false, "INTERNAL SERVER ERROR", false},
		{sandbox.Answer503HTML, 503, false, "<html>", false},
		{sandbox.Answer429, 429, false, "TOO MANY REQUESTS", false},
		{sandbox.AnswerDrop, 0, false, "", false},
		{sandbox.AnswerCut, 0, false, "", true},
		{sandbox.AnswerLostReply, 0, false, "", true},
		{sandbox.AnswerUnsigned, 200, false, "payment_code", true},
		{sandbox.AnswerWrongSignature, 200, false, "payment_code", true},
		{sandbox.AnswerOtherInvoice, 200, true, "INV-OF-SOMEBODY-ELSE", true},
		{sandbox.AnswerMalformed, 200, true, "payment_code", true},
		{sandbox.AnswerMissingFields, 200, true, `{"order":{"invoice_number":"INV-1"}}`, true},
		{sandbox.AnswerReplay, 409, true, "payment_code", true},
		{sandbox.AnswerIdempotent, 409, true, "idempotent_request", false},
	} {
		t.Run(tc.fault, func(t *testing.T) {
			g := open(t)
			g.faults(t, func(f *sandbox.Faults) { f.Answer, f.Times = tc.fault, 1 })
			m, err := try(g.signed(t, http.MethodPost, createPath, "request", orderFor("INV-1")))
			if (err != nil) != (tc.status == 0) {
				t.Fatalf("got HTTP %d, error %v", m.status, err)
			}
			if tc.status != 0 {
				want(t, "status", m.status, tc.status)
				signature := m.header.Get(jokul.HeaderSignature)
				want(t, "signed", jokul.Verify(secretKey, responseComponent(m, createPath), signature) == nil, tc.signed)
			}
			if !strings.Contains(m.body, tc.says) {
				t.Errorf("got %s, want it to say %s", m.body, tc.says)
			}
			if tc.fault == sandbox.AnswerMalformed && json.Valid([]byte(m.body)) {
				t.Error("the body is good JSON")
			}
			want(t, "fault clears itself", g.Faults().Answer, "")
			again := g.create(t, "request", orderFor("INV-1"))
			want(t, "issued", again.status == http.StatusConflict, tc.issued)
			paymentCode(t, again)
		})
	}
}

func TestAnswerOnAndTimes(t *testing.T) {
	g := open(t)
	g.issue(t, "INV-1")
	g.faults(t, func(f *sandbox.Faults) { f.Answer, f.AnswerOn, f.Times = sandbox.Answer500, "status", 2 })
	want(t, "create", g.create(t, "request", orderFor("INV-2")).status, 200)
	for _, status := range []int{500, 500, 200} {
		want(t, "status", g.status(t, "INV-1").status, status)
	}
	g.faults(t, func(f *sandbox.Faults) { f.Answer = sandbox.Answer429 })
	for range 3 {
		want(t, "until cleared", g.status(t, "INV-1").status, 429)
	}
}

func TestStatusAnswersThatGoWrong(t *testing.T) {
	g := open(t)
	g.issue(t, "INV-1")
	g.faults(t, func(f *sandbox.Faults) { f.Answer = sandbox.AnswerOtherInvoice })
	m := g.status(t, "INV-1")
	want(t, "invoice", at(t, m.body, "order.invoice_number"), "INV-OF-SOMEBODY-ELSE")
	verify(t, m, statusPath+"INV-1")

	g.faults(t, func(f *sandbox.Faults) { f.StatusDigest = false })
	m = g.status(t, "INV-1")
	c := responseComponent(m, statusPath+"INV-1")
	c.Digest = ""
	if err := jokul.Verify(secretKey, c, m.header.Get(jokul.HeaderSignature)); err != nil {
		t.Errorf("four-line signature: %v", err)
	}
}

// The time that passes here is the test's own: it is exact, and nobody waits for it.
func TestDelay(t *testing.T) {
	g := open(t)
	g.faults(t, func(f *sandbox.Faults) { f.Delay = sandbox.Duration(9 * time.Minute) })
	synctest.Test(t, func(t *testing.T) {
		begin, answer := time.Now(), httptest.NewRecorder()
		g.ServeHTTP(answer, g.signed(t, http.MethodPost, createPath, "request", orderFor("INV-1")))
		want(t, "status", answer.Code, http.StatusOK)
		want(t, "delay", time.Since(begin), 9*time.Minute)
	})
}

func TestNotificationsThatGoWrong(t *testing.T) {
	for _, tc := range []struct {
		fault string
		good  bool   // the signature fits
		path  string // what is wrong in the body
		value string
	}{
		{sandbox.NotifyWrongSignature, false, "", ""},
		{sandbox.NotifyWrongClientID, false, "", ""},
		{sandbox.NotifyWrongAmount, true, "order.amount", "149000"},
		{sandbox.NotifyUnknownFields, true, "is_test", "true"},
		{sandbox.NotifyAmountDecimal, true, "order.amount", "150000.00"},
		{sandbox.NotifyFailed, true, "transaction.status", "FAILED"},
		{sandbox.NotifyExpired, true, "transaction.status", "EXPIRED"},
	} {
		t.Run(tc.fault, func(t *testing.T) {
			g := open(t)
			g.faults(t, func(f *sandbox.Faults) { f.Notify = tc.fault })
			g.act(t, g.issue(t, "INV-1"), sandbox.ActionPay)
			n := g.shop.next(t)
			want(t, "signature fits", n.err == nil, tc.good)
			if tc.path != "" {
				want(t, tc.path, at(t, string(n.body), tc.path), tc.value)
			}
			want(t, "status tells the truth", at(t, g.status(t, "INV-1").body, "transaction.status"), "SUCCESS")
			want(t, "amount is the truth", at(t, g.status(t, "INV-1").body, "order.amount"), "150000")
		})
	}
}

func TestAnotherMerchantsNotificationIsRightlySigned(t *testing.T) {
	g := open(t)
	g.faults(t, func(f *sandbox.Faults) { f.Notify = sandbox.NotifyWrongClientID })
	g.act(t, g.issue(t, "INV-1"), sandbox.ActionPay)
	n := g.shop.next(t)
	c := jokul.Component{ClientID: n.header.Get("Client-Id"), RequestID: n.header.Get("Request-Id"),
		Timestamp: n.header.Get("Request-Timestamp"), Target: notificationPath, Digest: jokul.Digest(n.body)}
	if err := jokul.Verify(secretKey, c, n.header.Get("Signature")); err != nil || c.ClientID == clientID {
		t.Errorf("Client-Id %s: %v", c.ClientID, err)
	}
}

func TestOtherCodeAndAmountInQuotes(t *testing.T) {
	g := open(t)
	g.faults(t, func(f *sandbox.Faults) { f.Notify = sandbox.NotifyOtherCode })
	code := g.issue(t, "INV-1")
	g.act(t, code, sandbox.ActionPay)
	if told := at(t, string(g.shop.next(t).body), "online_to_offline_info.payment_code"); told == code || len(told) != len(code) {
		t.Errorf("told code %s, issued %s", told, code)
	}
	g.faults(t, func(f *sandbox.Faults) { f.Notify = sandbox.NotifyAmountString })
	g.act(t, g.issue(t, "INV-2"), sandbox.ActionPay)
	if body := string(g.shop.next(t).body); !strings.Contains(body, `"amount":"150000"`) {
		t.Errorf("amount is not in quotes: %s", body)
	}
}

func TestNotifyNone(t *testing.T) {
	g := open(t)
	g.faults(t, func(f *sandbox.Faults) { f.Notify = sandbox.NotifyNone })
	if d := g.act(t, g.issue(t, "INV-1"), sandbox.ActionPay).Delivery; d != nil {
		t.Errorf("got delivery %+v", d)
	}
	g.shop.none(t)
}

func TestNotifyLate(t *testing.T) {
	g := open(t)
	g.run(t)
	g.faults(t, func(f *sandbox.Faults) { f.Notify = sandbox.NotifyLate })
	d := g.act(t, g.issue(t, "INV-1"), sandbox.ActionPay).Delivery
	want(t, "attempts", len(d.Attempts), 0)
	want(t, "due after", d.NextAttemptAt.Sub(d.CreatedAt), 10*time.Minute)
	g.shop.none(t)
	g.advance(t, 10*time.Minute)
	g.shop.next(t)
	want(t, "kind", g.waitForState(t, sandbox.DeliveryDelivered).Attempts[0].Kind, "first")
}

func TestNotifyTwice(t *testing.T) {
	g := open(t)
	g.faults(t, func(f *sandbox.Faults) { f.Notify = sandbox.NotifyTwice })
	d := g.act(t, g.issue(t, "INV-1"), sandbox.ActionPay).Delivery
	want(t, "attempts", len(d.Attempts), 2)
	first, second := g.shop.next(t), g.shop.next(t)
	want(t, "Request-Id", first.header.Get("Request-Id"), second.header.Get("Request-Id"))
}

func TestNotifyBeforeReply(t *testing.T) {
	g := open(t)
	g.faults(t, func(f *sandbox.Faults) { f.Notify = sandbox.NotifyBeforeReply })
	code := g.issue(t, "INV-1")
	select {
	case n := <-g.shop.arrived:
		want(t, "code", at(t, string(n.body), "online_to_offline_info.payment_code"), code)
	default:
		t.Error("the reply came before the notification")
	}
}

func TestTemplates(t *testing.T) {
	g := open(t)
	g.faults(t, func(f *sandbox.Faults) {
		f.NotificationTemplate = json.RawMessage(`{"order": {"invoice_number": "{invoice_number}", "amount": "{amount}"}, "note": "<b>"}`)
		f.HowToPayTemplate = json.RawMessage(`{"payment_instruction":[{"channel":"Indomaret","language":"{status}","step":"{steps_id}"}]}`)
		f.Biller = "PLASAMALL"
	})
	m := g.create(t, "request", orderFor("INV-1"))
	g.act(t, paymentCode(t, m), sandbox.ActionPay)
	want(t, "notification", string(g.shop.next(t).body), `{"order":{"invoice_number":"INV-1","amount":150000},"note":"<b>"}`)
	body := get(t, at(t, m.body, "online_to_offline_info.how_to_pay_api")).body
	if !strings.Contains(body, `"language":"SUCCESS"`) || !strings.Contains(body, "Mau bayar PLASAMALL") {
		t.Errorf("how to pay: %s", body)
	}
}

func TestFaultsRefused(t *testing.T) {
	for name, change := range map[string]func(*sandbox.Faults){
		"answer":                func(f *sandbox.Faults) { f.Answer = "oops" },
		"answer_on":             func(f *sandbox.Faults) { f.AnswerOn = "" },
		"notify":                func(f *sandbox.Faults) { f.Notify = "oops" },
		"retelling":             func(f *sandbox.Faults) { f.Retelling = []string{"date", "oops"} },
		"retry":                 func(f *sandbox.Faults) { f.Retry = "oops" },
		"idempotency":           func(f *sandbox.Faults) { f.Idempotency = "oops" },
		"duplicate_invoice":     func(f *sandbox.Faults) { f.DuplicateInvoice = "oops" },
		"times":                 func(f *sandbox.Faults) { f.Times = -1 },
		"min_amount":            func(f *sandbox.Faults) { f.MinAmount = f.MaxAmount + 1 },
		"max_expired_time":      func(f *sandbox.Faults) { f.MaxExpiredTime = 0 },
		"biller":                func(f *sandbox.Faults) { f.Biller = "" },
		"delay":                 func(f *sandbox.Faults) { f.Delay = sandbox.Duration(time.Hour) },
		"late_by":               func(f *sandbox.Faults) { f.LateBy = -1 },
		"schedule":              func(f *sandbox.Faults) { f.Schedule = []sandbox.Duration{2, 1} },
		"code_prefix":           func(f *sandbox.Faults) { f.CodePrefix = "8x" },
		"code_length":           func(f *sandbox.Faults) { f.CodeLength = 8 },
		"notification_template": func(f *sandbox.Faults) { f.NotificationTemplate = json.RawMessage(`{"a":"{nothing}"}`) },
		"how_to_pay_template":   func(f *sandbox.Faults) { f.HowToPayTemplate = json.RawMessage(`[]`) },
	} {
		f := sandbox.DefaultFaults()
		change(&f)
		if err := open(t).SetFaults(f); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: got error %v, want one that names it", name, err)
		}
	}
}

// get fetches an address plainly: no headers, no signature.
func get(t *testing.T, address string) message {
	t.Helper()
	req, err := http.NewRequest(http.MethodGet, address, nil)
	if err != nil {
		t.Fatal(err)
	}
	return do(t, req)
}
