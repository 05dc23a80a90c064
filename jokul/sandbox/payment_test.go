package sandbox_test

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"warungjokul/jokul/sandbox"
)

func (g *gateway) act(t *testing.T, code string, action sandbox.Action) sandbox.Result {
	t.Helper()
	result, err := g.Act(context.Background(), code, action)
	if err != nil {
		t.Fatalf("%s: %v", action, err)
	}
	return result
}

func (g *gateway) advance(t *testing.T, d time.Duration) {
	t.Helper()
	if _, err := g.Advance(d); err != nil {
		t.Fatal(err)
	}
}

func TestTheTillRefuses(t *testing.T) {
	g := open(t)
	expired := g.issue(t, "INV-EXPIRED")
	g.advance(t, time.Hour)
	paid := g.issue(t, "INV-PAID")
	g.act(t, paid, sandbox.ActionPay)
	g.shop.next(t)
	for _, tc := range []struct {
		code   string
		action sandbox.Action
		err    error
	}{
		{"8888888800000000", sandbox.ActionPay, sandbox.ErrUnknownCode},
		{expired, sandbox.ActionPay, sandbox.ErrExpired},
		{expired, sandbox.ActionPayTwice, sandbox.ErrExpired},
		{expired, sandbox.ActionExpire, sandbox.ErrExpired},
		{paid, sandbox.ActionPay, sandbox.ErrAlreadyPaid},
		{paid, sandbox.ActionPayLate, sandbox.ErrAlreadyPaid},
		{paid, sandbox.ActionExpire, sandbox.ErrAlreadyPaid},
		{g.issue(t, "INV-1"), "steal", sandbox.ErrUnknownAction},
	} {
		if _, err := g.Act(context.Background(), tc.code, tc.action); !errors.Is(err, tc.err) {
			t.Errorf("%s: got %v, want %v", tc.action, err, tc.err)
		}
	}
	g.shop.none(t)
}

func TestACodeExpiresToTheSecond(t *testing.T) {
	g := open(t)
	code := g.issue(t, "INV-1")
	g.advance(t, time.Hour-401*time.Millisecond) // issued at .400, expiring on the whole second
	want(t, "just before", at(t, g.status(t, "INV-1").body, "transaction.status"), "PENDING")
	g.advance(t, time.Millisecond)
	m := g.status(t, "INV-1")
	want(t, "at the deadline", at(t, m.body, "transaction.status"), "EXPIRED")
	want(t, "date", at(t, m.body, "transaction.date"), "2026-11-24T04:30:15Z")

	g.act(t, code, sandbox.ActionPayLate)
	want(t, "paid late", at(t, g.status(t, "INV-1").body, "transaction.status"), "SUCCESS")
	want(t, "told", at(t, string(g.shop.next(t).body), "transaction.status"), "SUCCESS")
}

func TestExpireNow(t *testing.T) {
	g := open(t)
	result := g.act(t, g.issue(t, "INV-1"), sandbox.ActionExpire)
	want(t, "result", string(result.Status), "EXPIRED")
	want(t, "status", at(t, g.status(t, "INV-1").body, "transaction.status"), "EXPIRED")
	g.shop.none(t)
}

func TestPayLateBeforeTheDeadline(t *testing.T) {
	g := open(t)
	g.faults(t, func(f *sandbox.Faults) { f.PushExpired = true })
	result := g.act(t, g.issue(t, "INV-1"), sandbox.ActionPayLate)
	want(t, "the delivery of the answer", string(result.Delivery.Status), "SUCCESS")
	for _, status := range []string{"EXPIRED", "SUCCESS"} {
		want(t, "told", at(t, string(g.shop.next(t).body), "transaction.status"), status)
	}
	want(t, "status", at(t, g.status(t, "INV-1").body, "transaction.status"), "SUCCESS")
}

func TestPayTwice(t *testing.T) {
	g := open(t)
	result := g.act(t, g.issue(t, "INV-1"), sandbox.ActionPayTwice)
	want(t, "payments", len(result.Payments), 2)
	first, second := g.shop.next(t), g.shop.next(t)
	if first.header.Get("Request-Id") == second.header.Get("Request-Id") {
		t.Error("two payments were told under one Request-Id")
	}
	if string(first.body) == string(second.body) {
		t.Errorf("two payments were told in the same words: %s", first.body)
	}
	if result.Payments[0].TransactionID == result.Payments[1].TransactionID {
		t.Error("two payments have one transaction id")
	}
	want(t, "the delivery of the answer", result.Delivery.TransactionID, result.Payments[1].TransactionID)
	status := g.status(t, "INV-1").body
	want(t, "status tells the latest", strings.Contains(status, `"`+result.Payments[1].TransactionID+`"`), true)
	want(t, "status does not tell the first", strings.Contains(status, `"`+result.Payments[0].TransactionID+`"`), false)
	want(t, "amount", at(t, status, "order.amount"), "150000")
}

func TestPayWrongAmount(t *testing.T) {
	g := open(t)
	g.act(t, g.issue(t, "INV-1"), sandbox.ActionPayWrongAmount)
	want(t, "told", at(t, string(g.shop.next(t).body), "order.amount"), "149000")
	want(t, "status", at(t, g.status(t, "INV-1").body, "order.amount"), "149000")
}

func TestAReusableCode(t *testing.T) {
	g := open(t)
	code := paymentCode(t, g.create(t, "request", edited(t, members{"online_to_offline_info.reusable_status": true})))
	seen := map[string]bool{}
	for range 3 {
		g.act(t, code, sandbox.ActionPay)
		seen[g.shop.next(t).header.Get("Request-Id")] = true
		g.advance(t, time.Minute)
	}
	want(t, "Request-Ids", len(seen), 3)
	want(t, "status tells the latest", at(t, g.status(t, "INV-1").body, "transaction.date"), "2026-11-24T03:32:15Z")
	g.advance(t, time.Hour)
	want(t, "expired but paid", at(t, g.status(t, "INV-1").body, "transaction.status"), "SUCCESS")
	if _, err := g.Pay(context.Background(), code); !errors.Is(err, sandbox.ErrExpired) {
		t.Errorf("got %v, want %v", err, sandbox.ErrExpired)
	}
}

func TestStatus(t *testing.T) {
	g := open(t)
	m := g.status(t, "INV-1")
	want(t, "unknown", m.status, http.StatusNotFound)
	want(t, "unknown", m.body, `{"error":{"code":"data_not_found","message":"Transaction not found","type":"invalid_request_error"}}`)

	code := paymentCode(t, g.create(t, "request", edited(t, members{
		"order.invoice_number": "INV/2026 1", "additional_info": members{"integration": members{"name": "our-shop"}}})))
	for range 2 { // the same Request-Id is fine on a GET
		m = g.status(t, "INV%2F2026%201")
		want(t, "pending", m.body, `{"order":{"invoice_number":"INV/2026 1","amount":150000},`+
			`"transaction":{"status":"PENDING","original_request_id":"request"},`+
			`"service":{"id":"ONLINE_TO_OFFLINE"},"acquirer":{"id":"INDOMARET"},"channel":{"id":"ONLINE_TO_OFFLINE_INDOMARET"},`+
			`"online_to_offline_info":{"payment_code":"`+code+`"},"additional_info":{"integration":{"name":"our-shop"}}}`)
		verify(t, m, statusPath+"INV%2F2026%201")
	}
}

func TestStatusLags(t *testing.T) {
	g := open(t)
	g.faults(t, func(f *sandbox.Faults) { f.StatusLag = true })
	g.act(t, g.issue(t, "INV-1"), sandbox.ActionPay)
	g.advance(t, 59*time.Second)
	want(t, "before 60 s", at(t, g.status(t, "INV-1").body, "transaction.status"), "PENDING")
	g.advance(t, time.Second)
	want(t, "after 60 s", at(t, g.status(t, "INV-1").body, "transaction.status"), "SUCCESS")
}

func TestPushExpired(t *testing.T) {
	g := open(t)
	g.faults(t, func(f *sandbox.Faults) { f.PushExpired = true })
	g.run(t)
	result := g.act(t, g.issue(t, "INV-1"), sandbox.ActionExpire)
	want(t, "told at once", result.Delivery.Attempts[0].HTTPStatus, http.StatusOK)
	n := g.shop.next(t)
	want(t, "status", at(t, string(n.body), "transaction.status"), "EXPIRED")
	want(t, "invoice", at(t, string(n.body), "order.invoice_number"), "INV-1")

	paid := g.issue(t, "INV-2")
	g.act(t, paid, sandbox.ActionPay)
	g.shop.next(t)
	g.issue(t, "INV-3")
	g.advance(t, time.Hour) // INV-3 runs out by itself, INV-2 was paid
	want(t, "invoice", at(t, string(g.shop.next(t).body), "order.invoice_number"), "INV-3")
	g.shop.none(t)
}

// A code that was issued after Run looked, and runs out before all others.
func TestPushTheFirstToExpire(t *testing.T) {
	g := open(t)
	g.faults(t, func(f *sandbox.Faults) { f.PushExpired = true })
	g.run(t)
	g.issue(t, "INV-1")
	g.advance(t, time.Hour)
	want(t, "invoice", at(t, string(g.shop.next(t).body), "order.invoice_number"), "INV-1")
	g.issue(t, "INV-2")
	g.create(t, "request-INV-3", strings.Replace(orderFor("INV-3"), `"expired_time":60`, `"expired_time":1`, 1))
	g.advance(t, time.Minute)
	want(t, "invoice", at(t, string(g.shop.next(t).body), "order.invoice_number"), "INV-3")
	g.shop.none(t)
}

// eventually waits for a condition that a goroutine of the sandbox brings about.
func eventually(t *testing.T, what string, condition func() bool) {
	t.Helper()
	tick, deadline := time.NewTicker(time.Millisecond), time.After(time.Minute)
	defer tick.Stop()
	for !condition() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("%s: it never came about", what)
		}
	}
}

func (g *gateway) waitForState(t *testing.T, state sandbox.DeliveryState) sandbox.Delivery {
	t.Helper()
	var d sandbox.Delivery
	eventually(t, string(state), func() bool {
		d = g.Deliveries("")[0]
		return d.State == state
	})
	return d
}

func TestTheRetryTimetable(t *testing.T) {
	g := open(t)
	g.run(t)
	g.shop.answer(500, 302, 404, 503)
	result := g.act(t, g.issue(t, "INV-1"), sandbox.ActionPay)
	want(t, "first attempt", result.Delivery.Attempts[0].HTTPStatus, 500)
	want(t, "next", result.Delivery.NextAttemptAt.Sub(result.Delivery.Attempts[0].At), 30*time.Minute)
	first := g.shop.next(t)
	// Each round moves the merchants' clock, and so this one, by a minute of its own.
	for i, wait := range []time.Duration{30 * time.Minute, 5*time.Hour + 29*time.Minute, 5*time.Hour + 59*time.Minute} {
		g.advance(t, wait-time.Second)
		g.shop.none(t)
		g.clock.mu.Lock()
		g.clock.now = g.clock.now.Add(time.Minute) // merchants' clocks move too
		g.clock.mu.Unlock()
		g.advance(t, time.Second)
		again := g.shop.next(t)
		if again.err != nil {
			t.Errorf("attempt %d: %v", i+2, again.err)
		}
		want(t, "same Request-Id", again.header.Get("Request-Id"), first.header.Get("Request-Id"))
		want(t, "same body", string(again.body), string(first.body))
		if again.header.Get("Request-Timestamp") == first.header.Get("Request-Timestamp") {
			t.Errorf("attempt %d was not freshly stamped", i+2)
		}
		eventually(t, "the attempt is kept", func() bool { return len(g.Deliveries("")[0].Attempts) == i+2 })
	}
	d := g.waitForState(t, sandbox.DeliveryGivenUp)
	statuses := []int{}
	for _, a := range d.Attempts {
		statuses = append(statuses, a.HTTPStatus)
	}
	if !slices.Equal(statuses, []int{500, 302, 404, 503}) {
		t.Errorf("attempts were answered %v", statuses)
	}
	g.advance(t, 700*time.Hour)
	g.shop.none(t)
}

func TestRetriesEndWithTheFirst2xx(t *testing.T) {
	g := open(t)
	g.run(t)
	g.shop.answer(500, 204)
	g.act(t, g.issue(t, "INV-1"), sandbox.ActionPay)
	g.shop.next(t)
	g.advance(t, 24*time.Hour)
	g.shop.next(t)
	d := g.waitForState(t, sandbox.DeliveryDelivered)
	want(t, "attempts", len(d.Attempts), 2)
	g.shop.none(t)
}

// The clock jumps past every due time of two deliveries at once: they go out in
// the order they fell due.
func TestOverdueRetriesGoOutInOrder(t *testing.T) {
	g := open(t)
	g.shop.answer(500, 500, 500, 500)
	for _, invoice := range []string{"INV-1", "INV-2"} {
		g.act(t, g.issue(t, invoice), sandbox.ActionPay)
		g.shop.next(t)
		g.advance(t, time.Minute)
	}
	g.advance(t, 24*time.Hour)
	g.run(t)
	for _, invoice := range []string{"INV-1", "INV-2", "INV-1", "INV-2"} {
		want(t, "invoice", at(t, string(g.shop.next(t).body), "order.invoice_number"), invoice)
	}
}

func TestVerbatimRetries(t *testing.T) {
	g := open(t)
	g.faults(t, func(f *sandbox.Faults) {
		f.Retry, f.Schedule = "verbatim", []sandbox.Duration{sandbox.Duration(time.Minute)}
	})
	g.run(t)
	g.shop.answer(500)
	g.act(t, g.issue(t, "INV-1"), sandbox.ActionPay)
	first := g.shop.next(t)
	g.clock.mu.Lock()
	g.clock.now = g.clock.now.Add(time.Second)
	g.clock.mu.Unlock()
	g.advance(t, time.Minute)
	again := g.shop.next(t)
	for _, name := range []string{"Request-Id", "Request-Timestamp", "Signature"} {
		want(t, name, again.header.Get(name), first.header.Get(name))
	}
}

func TestResend(t *testing.T) {
	g := open(t)
	result := g.act(t, g.issue(t, "INV-1"), sandbox.ActionPay)
	first := g.shop.next(t)
	d, err := g.Resend(context.Background(), result.Delivery.ID)
	if err != nil {
		t.Fatal(err)
	}
	want(t, "attempts", len(d.Attempts), 2)
	want(t, "kind", d.Attempts[1].Kind, "resend")
	again := g.shop.next(t)
	want(t, "same Request-Id", again.header.Get("Request-Id"), first.header.Get("Request-Id"))
	want(t, "same body", string(again.body), string(first.body))
	if _, err := g.Resend(context.Background(), 99); !errors.Is(err, sandbox.ErrUnknownDelivery) {
		t.Errorf("got %v, want %v", err, sandbox.ErrUnknownDelivery)
	}
}

func TestAResendThatFailsLeavesTheTimetableAlone(t *testing.T) {
	g := open(t)
	g.shop.answer(500, 500)
	before := g.act(t, g.issue(t, "INV-1"), sandbox.ActionPay).Delivery
	after, err := g.Resend(context.Background(), before.ID)
	if err != nil {
		t.Fatal(err)
	}
	want(t, "state", after.State, sandbox.DeliveryWaiting)
	want(t, "next attempt", *after.NextAttemptAt, *before.NextAttemptAt)
}

func TestNobodyListens(t *testing.T) {
	g := open(t)
	g.shop.Close()
	a := g.act(t, g.issue(t, "INV-1"), sandbox.ActionPay).Delivery.Attempts[0]
	want(t, "status", a.HTTPStatus, 0)
	if a.Error == "" {
		t.Error("the attempt does not say why it failed")
	}
}

func TestNoNotificationURL(t *testing.T) {
	g := open(t, func(c *sandbox.Config) { c.NotificationURL = "" })
	result := g.act(t, g.issue(t, "INV-1"), sandbox.ActionPay)
	if result.Delivery != nil || len(g.Deliveries("")) != 0 {
		t.Errorf("something was delivered: %+v", result.Deliveries)
	}
	want(t, "status", at(t, g.status(t, "INV-1").body, "transaction.status"), "SUCCESS")
}

func TestTheTargetOfANotificationIsThePathAlone(t *testing.T) {
	shop := newMerchant(t)
	for _, address := range []string{shop.URL, shop.URL + "/a%20b/c?shop=1"} {
		g := open(t, func(c *sandbox.Config) { c.NotificationURL = address })
		g.act(t, g.issue(t, "INV-1"), sandbox.ActionPay)
		if n := shop.next(t); n.err != nil {
			t.Errorf("%s: %v", address, n.err)
		}
	}
}
