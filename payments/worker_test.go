package payments

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"warungjokul/jokul"
	"warungjokul/jokul/sandbox"
	"warungjokul/models"
	"warungjokul/payments/testgateway"
)

// With every notification suppressed, and the gateway slow to admit a payment,
// all that was paid becomes paid by asking alone.
func TestReconciliationAlone(t *testing.T) {
	e := newEnv(t)
	e.gateway.SetFault(func(f *sandbox.Faults) { f.Notify, f.StatusLag = sandbox.NotifyNone, true })
	type purchase struct {
		order  string
		payAt  time.Duration // after it was placed; negative: never
		action sandbox.Action
		paid   bool
	}
	var all []*purchase
	for i := range 24 {
		p := &purchase{order: e.order("MNM-TEH"), action: sandbox.ActionPay, payAt: time.Duration(i) * 150 * time.Second}
		if i%4 == 3 {
			p.payAt = -1
		}
		all = append(all, p)
	}
	all = append(all,
		&purchase{order: e.order("MNM-TEH"), payAt: time.Hour - time.Second, action: sandbox.ActionPay},        // the last second
		&purchase{order: e.order("MNM-TEH"), payAt: time.Hour + 20*time.Minute, action: sandbox.ActionPayLate}, // after expiry was confirmed
		&purchase{order: e.order("MNM-TEH"), payAt: time.Hour + 17*time.Hour, action: sandbox.ActionPayLate},   // hours after
		&purchase{order: e.order("VCR-CELENGAN"), payAt: 10 * time.Minute, action: sandbox.ActionPay},          // a reusable code
	)
	const step = 30 * time.Second
	slowest := time.Duration(0)
	begin := e.clock.Now()
	var found = map[string]time.Duration{}
	for at := time.Duration(0); at <= 20*time.Hour; at += step {
		for _, p := range all {
			if !p.paid && p.payAt >= 0 && p.payAt < at+step {
				e.clock.Advance(begin.Add(p.payAt).Sub(e.clock.Now())) // to the second
				e.gateway.Do(e.payment(p.order).Code, p.action)
				p.paid = true
			}
		}
		e.clock.Advance(begin.Add(at + step).Sub(e.clock.Now()))
		e.work(e.Service)
		for _, p := range all {
			if p.paid && found[p.order] == 0 && e.get(p.order).Status == models.OrderPaid {
				found[p.order] = at + step - p.payAt
				if p.action == sandbox.ActionPay {
					slowest = max(slowest, found[p.order])
				}
			}
		}
	}
	for _, p := range all {
		o := e.get(p.order)
		want := models.OrderExpired
		if p.payAt >= 0 {
			want = models.OrderPaid
		}
		if o.Status != want {
			t.Errorf("paid after %s by %s: order %s, want %s", p.payAt, p.action, o.Status, want)
		}
		if n := e.gateway.StatusQueries(o.Payment().InvoiceNumber); n > 25 {
			t.Errorf("the gateway was asked %d times about one payment", n)
		}
	}
	if slowest > 32*time.Minute {
		t.Errorf("a payment in time was found after %s", slowest)
	}
	t.Logf("the slowest payment made in time was found after %s", slowest)
	if kinds := e.openCases(); !slices.Equal(kinds, []models.CaseKind{models.CaseLatePayment, models.CaseLatePayment}) {
		t.Errorf("a person is told of %v, want the two late payments", kinds)
	}
	report, err := e.Store.Mismatches(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range report {
		if m.Kind != models.MismatchNotNotified {
			t.Errorf("mismatch: %+v", m)
		}
	}
	if len(report) != 22 {
		t.Errorf("%d payments are reported as never notified, want 22", len(report))
	}
}

// An answer that is not SUCCESS or EXPIRED changes nothing, and is waited for
// ever longer.
func TestAnswersThatSettleNothing(t *testing.T) {
	for name, fault := range map[string]func(*sandbox.Faults){
		"500":              func(f *sandbox.Faults) { f.Answer = sandbox.Answer500 },
		"503 and HTML":     func(f *sandbox.Faults) { f.Answer = sandbox.Answer503HTML },
		"nothing":          func(f *sandbox.Faults) { f.Answer = sandbox.AnswerDrop },
		"unsigned":         func(f *sandbox.Faults) { f.Answer = sandbox.AnswerUnsigned },
		"another's":        func(f *sandbox.Faults) { f.Answer = sandbox.AnswerOtherInvoice },
		"half an answer":   func(f *sandbox.Faults) { f.Answer = sandbox.AnswerCut },
		"pending for ever": func(f *sandbox.Faults) {},
	} {
		t.Run(name, func(t *testing.T) {
			e := newEnv(t)
			order := e.order("MNM-TEH")
			before := e.get(order)
			e.gateway.SetFault(fault)
			if name == "pending for ever" {
				e.forgetDeadline(order)
			}
			e.pass(3*time.Hour, time.Minute)
			after := e.get(order)
			if after.Status != before.Status || after.Payment().State != models.PaymentPending || !after.StockHeld || after.Payment().Code != before.Payment().Code {
				t.Errorf("order %s, payment %s, stock held %v", after.Status, after.Payment().State, after.StockHeld)
			}
			if n := e.gateway.StatusQueries(after.Payment().InvoiceNumber); n < 6 || n > 25 {
				t.Errorf("asked %d times in three hours", n)
			}
			e.pass(26*time.Hour, 10*time.Minute)
			if kinds := e.openCases(); !slices.Equal(kinds, []models.CaseKind{models.CaseUnsettled}) {
				t.Errorf("after a day a person is told of %v", kinds)
			}

			e.gateway.SetFault(noFault)
			e.pass(7*time.Hour, 10*time.Minute)
			if got := e.get(order); name != "pending for ever" && (got.Status != models.OrderExpired || got.StockHeld) {
				t.Errorf("the gateway is back, and the order %s", got.Status)
			}
		})
	}

	t.Run("404", func(t *testing.T) {
		e := newEnv(t)
		order := e.order("MNM-TEH")
		empty, err := sandbox.Open(sandbox.Config{ClientID: testgateway.ClientID, SecretKey: testgateway.SecretKey, Now: e.clock.Now})
		if err != nil {
			t.Fatal(err)
		}
		other := httptest.NewServer(empty)
		defer other.Close()
		e.Service = e.newService(other.URL)
		e.pass(3*time.Hour, time.Minute)
		if got := e.get(order); got.Status != models.OrderAwaitingPayment || got.Payment().State != models.PaymentPending || !got.StockHeld {
			t.Errorf("order %s, payment %s", got.Status, got.Payment().State)
		}
	})
}

// forgetDeadline has the gateway's code never expire, as if its clock stood.
func (e *env) forgetDeadline(order string) {
	e.t.Helper()
	code := e.payment(order).Code
	gateway := httptest.NewServer(e.gateway.Counted(statusOnly{e, code, "PENDING"}))
	e.t.Cleanup(gateway.Close)
	counted := e.Service.Store
	client, err := jokul.New(testgateway.ClientID, testgateway.SecretKey, jokul.WithBaseURL(gateway.URL), jokul.WithClock(e.clock.Now), jokul.WithRetries(0))
	if err != nil {
		e.t.Fatal(err)
	}
	e.Service.Gateway, e.Service.Store = client, counted
}

// statusOnly is a gateway that signs one answer to every status query.
type statusOnly struct {
	*env
	code, status string
}

func (g statusOnly) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body := fmt.Appendf(nil, `{"order":{"invoice_number":%q,"amount":22000},"transaction":{"status":%q},"online_to_offline_info":{"payment_code":%q}}`,
		r.URL.Path[strings.LastIndexByte(r.URL.Path, '/')+1:], g.status, g.code)
	c := jokul.Component{ClientID: testgateway.ClientID, RequestID: r.Header.Get(jokul.HeaderRequestID), Timestamp: g.clock.Now().UTC().Format(jokul.TimestampLayout),
		Target: r.URL.Path, Digest: jokul.Digest(body), Response: true}
	w.Header().Set(jokul.HeaderClientID, testgateway.ClientID)
	w.Header().Set(jokul.HeaderRequestID, c.RequestID)
	w.Header().Set(jokul.HeaderResponseTimestamp, c.Timestamp)
	w.Header().Set(jokul.HeaderSignature, jokul.Sign(testgateway.SecretKey, c))
	_, _ = w.Write(body)
}

// Several shops on one database share the work, and none is done twice.
func TestWorkersShareTheWork(t *testing.T) {
	e := newEnv(t)
	e.gateway.SetFault(func(f *sandbox.Faults) { f.Answer = sandbox.Answer500 })
	var orders []string
	for range 20 {
		orders = append(orders, e.order("MNM-TEH"))
	}
	e.gateway.SetFault(noFault)
	e.clock.Advance(time.Minute)
	shops := []*Service{e.Service, e.newService(e.gateway.URL), e.newService(e.gateway.URL)}
	var rounds sync.WaitGroup
	for _, h := range shops {
		rounds.Go(func() { e.work(h) })
	}
	rounds.Wait()
	for _, order := range orders {
		p := e.payment(order)
		if n := e.gateway.Calls(p.RequestID); p.State != models.PaymentPending || n != 2 { // at checkout, and now
			t.Errorf("payment %s, asked for %d times, want 2", p.State, n)
		}
	}
}

func TestCodesThatAreHardToGet(t *testing.T) {
	tests := map[string]struct {
		first  func(*sandbox.Faults) // at checkout
		then   func(*sandbox.Faults) // afterwards
		taken  bool                  // somebody else uses the invoice number meanwhile
		states []models.PaymentState
	}{
		"the answer was lost":                         {first: answer(sandbox.AnswerLostReply), states: pending},
		"the answer was cut":                          {first: answer(sandbox.AnswerCut), states: pending},
		"the answer was another's":                    {first: answer(sandbox.AnswerOtherInvoice), states: pending},
		"the answer was lost and is not given again":  {first: answer(sandbox.AnswerLostReply), then: func(f *sandbox.Faults) { f.Idempotency = "error" }, states: pending},
		"the gateway was away":                        {first: answer(sandbox.AnswerDrop), states: pending},
		"the gateway says that it was asked before":   {first: answer(sandbox.AnswerIdempotent), states: pending},
		"the invoice number is taken":                 {first: answer(sandbox.Answer500), taken: true, states: []models.PaymentState{models.PaymentFailed, models.PaymentPending}},
		"the invoice number is taken, the answer too": {first: answer(sandbox.Answer500), then: answer(sandbox.AnswerLostReply), taken: true, states: []models.PaymentState{models.PaymentFailed, models.PaymentPending}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			e := newEnv(t)
			e.gateway.SetFault(tt.first)
			order := e.order("MNM-TEH")
			before := e.payment(order)
			if before.State != models.PaymentCreating {
				t.Fatalf("payment %s after the first try", before.State)
			}
			e.gateway.SetFault(noFault)
			if tt.taken {
				e.take(before.InvoiceNumber)
			}
			if tt.then != nil {
				e.gateway.SetFault(tt.then)
			}
			e.pass(time.Minute, time.Second)
			e.gateway.SetFault(noFault)
			e.pass(2*time.Minute, time.Second)
			o := e.get(order)
			var states []models.PaymentState
			for _, p := range o.Payments {
				states = append(states, p.State)
			}
			if !slices.Equal(states, tt.states) {
				t.Fatalf("payments %v, want %v", states, tt.states)
			}
			if p := o.Payments[0]; p.RequestID != before.RequestID || string(p.RequestBody) != string(before.RequestBody) {
				t.Error("the request changed between two sends")
			}
			p := o.Payment()
			e.gateway.Do(p.Code, sandbox.ActionPay)
			if got := e.get(order); got.Status != models.OrderPaid || len(got.OpenCases) > 0 {
				t.Errorf("order %s, open cases %v", got.Status, got.OpenCases)
			}
			used := map[string]int{}
			for _, a := range e.ledger() {
				used[a.InvoiceNumber]++
			}
			for invoice, n := range used {
				if n != 1 {
					t.Errorf("invoice number %s has %d codes", invoice, n)
				}
			}
		})
	}
}

var pending = []models.PaymentState{models.PaymentPending}

func TestNoCodeForHalfAnHourIsACase(t *testing.T) {
	e := newEnv(t)
	e.gateway.SetFault(answer(sandbox.Answer500))
	order := e.order("MNM-TEH")
	e.pass(25*time.Minute, 20*time.Second)
	if kinds := e.openCases(); len(kinds) != 0 {
		t.Errorf("told of %v too soon", kinds)
	}
	e.pass(10*time.Minute, 20*time.Second)
	if kinds := e.openCases(); !slices.Equal(kinds, []models.CaseKind{models.CaseNoCode}) {
		t.Errorf("told of %v", kinds)
	}
	e.gateway.SetFault(noFault)
	e.pass(time.Minute, time.Second)
	if p := e.payment(order); p.State != models.PaymentPending {
		t.Errorf("payment %s once the gateway is back", p.State)
	}
}

// "I have paid" asks about every code that may have been paid, and says what
// the gateway answered, and when.
func TestCheckAsksAboutOldCodesToo(t *testing.T) {
	e := newEnv(t)
	e.gateway.SetFault(func(f *sandbox.Faults) { f.Notify = sandbox.NotifyNone })
	order := e.order("MNM-TEH")
	old := e.payment(order).Code
	e.pass(time.Hour+2*time.Minute, time.Minute)
	if o := e.get(order); o.Status != models.OrderExpired {
		t.Fatalf("order %s", o.Status)
	}
	e.gateway.Do(old, sandbox.ActionPayLate)
	e.newCode(order)
	if p := e.payment(order); p.Attempt != 2 || p.State != models.PaymentPending {
		t.Fatalf("got %+v", p)
	}
	e.check(order)
	if o := e.get(order); o.Status != models.OrderPaid || o.Payment().Attempt != 1 {
		t.Errorf("the money of the old code was not found: order %s, attempt %d", o.Status, o.Payment().Attempt)
	}
}
