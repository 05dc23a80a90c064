package payments

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"warungjokul/jokul"
	"warungjokul/jokul/sandbox"
	"warungjokul/models"
	"warungjokul/models/testdb"
)

// These tests hold the guards of the payment flow one by one: each fails when its
// guard is taken out. make mutants takes out every one.

// A shopper who says to have paid is taken at his word: an answer that does not
// know of the payment yet is asked for again as soon as it can be trusted, and not
// only when the code's age calls for it.
func TestAShopperWhoHasPaidIsAskedAboutAgain(t *testing.T) {
	e := newEnv(t)
	e.gateway.SetFault(func(f *sandbox.Faults) { f.Notify, f.StatusLag = sandbox.NotifyNone, true })
	order := e.order("MNM-TEH")
	e.pass(20*time.Minute, time.Minute) // by now questions are many minutes apart
	e.gateway.Do(e.payment(order).Code, sandbox.ActionPay)
	e.check(order)
	p := e.payment(order)
	if p.State != models.PaymentPending || p.NextCheckAt == nil || !p.NextCheckAt.Equal(e.clock.Now().Add(models.Settling)) {
		t.Fatalf("payment %s, next check %v, want one in %s", p.State, p.NextCheckAt, models.Settling)
	}
	e.clock.Advance(models.Settling)
	e.work(e.Service)
	if got := e.get(order).Status; got != models.OrderPaid {
		t.Errorf("order %s", got)
	}
}

// A word that is older than the gateway's answers need brings no further question.
func TestAShoppersWordGetsOld(t *testing.T) {
	e := newEnv(t)
	order := e.order("MNM-TEH")
	e.pass(20*time.Minute, time.Minute)
	e.check(order)
	asked := e.gateway.StatusQueries(e.payment(order).InvoiceNumber)
	e.pass(5*time.Minute, 20*time.Second)
	if n := e.gateway.StatusQueries(e.payment(order).InvoiceNumber) - asked; n != 1 {
		t.Errorf("asked %d times in the five minutes after, want once", n)
	}
}

// A status answer about another invoice, however well signed, is never taken for
// the answer that was lost: its code is somebody else's.
func TestAnothersStatusGivesNoCode(t *testing.T) {
	e := newEnv(t)
	e.gateway.SetFault(answer(sandbox.AnswerLostReply))
	order := e.order("MNM-TEH")
	e.gateway.SetFault(func(f *sandbox.Faults) {
		f.Idempotency, f.Answer, f.AnswerOn = "error", sandbox.AnswerOtherInvoice, "status"
	})
	e.pass(2*time.Minute, time.Second)
	p := e.payment(order)
	if p.State != models.PaymentCreating || p.Code != "" {
		t.Errorf("payment %s with code %q", p.State, p.Code)
	}
	if e.gateway.StatusQueries(p.RequestID) == 0 {
		t.Error("the gateway was not asked what became of the request")
	}
	e.gateway.SetFault(func(f *sandbox.Faults) { f.Idempotency = "error" })
	e.pass(time.Minute, time.Second)
	ledger := e.ledger()
	if p = e.payment(order); p.State != models.PaymentPending || len(ledger) != 1 || p.Code != ledger[0].PaymentCode {
		t.Errorf("payment %s with code %q; the gateway's books: %+v", p.State, p.Code, ledger)
	}
}

// Rejected deliveries that could not be written down are counted all the same,
// once the database takes them.
func TestRejectionsOutliveTheDatabase(t *testing.T) {
	e := newEnv(t)
	ctx := context.Background()
	good := e.Store
	gone, err := models.Open(ctx, testdb.URL(t), e.clock.Now, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	if err := gone.Close(); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		e.reject()
	}
	e.Store = gone
	e.SaveRejections(ctx)
	e.Store = good
	if counts, err := good.RejectionCounts(ctx); err != nil || len(counts) != 0 {
		t.Fatalf("counted %v, %v", counts, err)
	}
	for range 2 {
		e.reject()
	}
	e.SaveRejections(ctx)
	e.SaveRejections(ctx) // what was written down once is not written down again
	if counts, err := good.RejectionCounts(ctx); err != nil || len(counts) != 1 || counts[0].Count != 5 {
		t.Errorf("counted %v, %v; want 5", counts, err)
	}
}

// The record of a call hides who ordered, and nothing else. What was sent is kept
// whole, once, with the payment.
func TestRecordsOfCallsHideTheCustomer(t *testing.T) {
	e := newEnv(t)
	o := e.get(e.order("MNM-GAYO"))
	calls, err := e.Store.APICallsOf(context.Background(), o)
	if err != nil || len(calls) == 0 {
		t.Fatalf("%d calls, %v", len(calls), err)
	}
	sent, recorded := string(o.Payment().RequestBody), string(calls[0].RequestBody)
	for _, private := range []string{"Budi", "budi@example.com"} {
		if !strings.Contains(sent, private) {
			t.Fatalf("the request does not say %q: %s", private, sent)
		}
		for _, call := range calls {
			if strings.Contains(string(call.RequestBody)+string(call.ResponseBody), private) {
				t.Errorf("%s: the record says %q", call.Operation, private)
			}
		}
	}
	if want := strings.NewReplacer(`"Budi"`, `"***"`, `"budi@example.com"`, `"***"`).Replace(sent); recorded != want {
		t.Errorf("recorded %s\nwant     %s", recorded, want)
	}
}

// When to ask about a payment next: ever rarer while its code is good, a minute
// after its deadline, and then when the gateway tells again of what it could not
// deliver.
func TestWhenToAskAgain(t *testing.T) {
	issued := time.Date(2026, 11, 24, 3, 0, 0, 0, time.UTC)
	expires := issued.Add(time.Hour)
	confirm := expires.Add(time.Minute)
	never := time.Duration(-1)
	for name, tt := range map[string]struct {
		state    models.PaymentState
		reusable bool
		at       time.Duration // after it was issued
		asked    time.Duration // by the shopper, so long ago; 0: not
		want     time.Duration // after it was issued
	}{
		"at first":                            {state: models.PaymentPending, at: time.Minute, want: 4 * time.Minute},
		"later, as late again":                {state: models.PaymentPending, at: 20 * time.Minute, want: 40 * time.Minute},
		"no later than a minute after":        {state: models.PaymentPending, at: 40 * time.Minute, want: confirm.Sub(issued)},
		"exactly a minute after":              {state: models.PaymentPending, at: confirm.Sub(issued) - 30*time.Minute, want: confirm.Sub(issued)},
		"then, no answer":                     {state: models.PaymentPending, at: 61 * time.Minute, want: 62 * time.Minute},
		"no answer for long":                  {state: models.PaymentPending, at: 81 * time.Minute, want: 101 * time.Minute},
		"no answer for a day":                 {state: models.PaymentPending, at: 25 * time.Hour, want: 31 * time.Hour},
		"the shopper has just asked":          {state: models.PaymentPending, at: 20 * time.Minute, asked: 59 * time.Second, want: 21 * time.Minute},
		"the shopper asked a minute ago":      {state: models.PaymentPending, at: 20 * time.Minute, asked: time.Minute, want: 40 * time.Minute},
		"the shopper asks at the deadline":    {state: models.PaymentPending, at: 60*time.Minute + 30*time.Second, asked: time.Second, want: 61 * time.Minute},
		"expired, money may be under way":     {state: models.PaymentExpired, at: 62 * time.Minute, want: 91 * time.Minute},
		"expired, and looked half an hour on": {state: models.PaymentExpired, at: 91 * time.Minute, want: 7*time.Hour + time.Minute},
		"expired, the last look but one":      {state: models.PaymentExpired, at: 14 * time.Hour, want: 18*time.Hour + 31*time.Minute},
		"expired, after the last look":        {state: models.PaymentExpired, at: 18*time.Hour + 31*time.Minute, want: never},
		"paid, once":                          {state: models.PaymentPaid, at: 20 * time.Minute, want: never},
		"paid, and may be paid again":         {state: models.PaymentPaid, reusable: true, at: 20 * time.Minute, want: 40 * time.Minute},
		"paid, and may be no more":            {state: models.PaymentPaid, reusable: true, at: time.Hour, want: 91 * time.Minute},
	} {
		now := issued.Add(tt.at)
		p := models.Payment{State: tt.state, Reusable: tt.reusable, CodeIssuedAt: &issued, ExpiresAt: &expires}
		if tt.asked > 0 {
			asked := now.Add(-tt.asked)
			p.AskedAt = &asked
		}
		want := issued.Add(tt.want)
		if tt.want == never {
			want = time.Time{}
		}
		if got := nextCheck(p, now); !got.Equal(want) {
			t.Errorf("%s: %v, want %v", name, got, want)
		}
	}
}

// Only the gateway's clear word makes an outcome certain.
func TestWhatIsUncertain(t *testing.T) {
	answer := func(o jokul.Outcome) error {
		return fmt.Errorf("generate: %w", &jokul.Error{Outcome: o, Code: jokul.CodeDuplicateInvoice})
	}
	for err, want := range map[error]bool{nil: false, io.ErrUnexpectedEOF: true, answer(jokul.OutcomeUnknown): true,
		answer(jokul.OutcomeRefused): false, answer(jokul.OutcomeMisconfigured): false} {
		if got := isUnknown(err); got != want {
			t.Errorf("%v: uncertain %v", err, got)
		}
	}
}

// A request is sent again, later and later, and not by all at the same time.
func TestBackoff(t *testing.T) {
	for tries, least := range map[int64]time.Duration{0: time.Second, 1: 2 * time.Second, 4: 16 * time.Second, 5: 30 * time.Second, 50: 30 * time.Second} {
		for range 50 {
			if got := backoff(tries); got < least || got > least+least/4 {
				t.Errorf("after %d tries: %s, want %s and a little more", tries, got, least)
			}
		}
	}
}

// The gateway is asked what became of a request when that is not known, and then
// only: not after a first failure, which is sent again, and not after an answer.
func TestARequestIsLookedForWhenItIsLost(t *testing.T) {
	e := newEnv(t)
	e.gateway.SetFault(answer(sandbox.Answer500))
	order := e.order("MNM-TEH")
	p := e.payment(order)
	if n := e.gateway.StatusQueries(p.RequestID); n != 0 || p.Tries != 1 {
		t.Errorf("after the first try: looked for %d times, tries %d", n, p.Tries)
	}
	e.pass(3*time.Second, 3*time.Second)
	if n := e.gateway.StatusQueries(p.RequestID); n != 1 {
		t.Errorf("after the second failure: looked for %d times, want once", n)
	}
	e.gateway.SetFault(noFault)
	e.pass(time.Minute, 10*time.Second)
	p = e.payment(order)
	if n := e.gateway.StatusQueries(p.RequestID); n != 1 || p.State != models.PaymentPending || p.Code != e.ledger()[0].PaymentCode || p.HowToPayPage == "" {
		t.Errorf("after the answer: looked for %d times, payment %s with code %q", n, p.State, p.Code)
	}
}

// A shop that was killed after it had sent its request sends it again, and finds
// the code by its Request-Id where the gateway does not answer it twice.
func TestACodeIsFoundAfterAKill(t *testing.T) {
	e := newEnv(t)
	ctx := context.Background()
	draft, _, err := e.Store.DraftOrder(ctx, []models.Item{{SKU: "MNM-TEH", Quantity: 1}})
	if err != nil {
		t.Fatal(err)
	}
	draft.FormID, draft.CustomerName, draft.CustomerEmail, draft.Language = "killed", "Budi", "budi@example.com", "id"
	p, err := e.Prepare(draft)
	if err != nil {
		t.Fatal(err)
	}
	o, _, err := e.Store.PlaceOrder(ctx, draft, p)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := e.Gateway.GeneratePaymentCode(ctx, jokul.PreparedRequest{RequestID: p.RequestID, Body: p.RequestBody}); err != nil {
		t.Fatal(err)
	}
	e.gateway.SetFault(func(f *sandbox.Faults) { f.Idempotency = "error" })
	e.pass(30*time.Second, 30*time.Second) // when the lease of the one that was killed ends
	got := e.get(o.Token).Payment()
	if got.State != models.PaymentPending || got.Code != e.ledger()[0].PaymentCode || len(e.ledger()) != 1 {
		t.Fatalf("payment %s with code %q; the gateway's books: %+v", got.State, got.Code, e.ledger())
	}
	if got.CodeIssuedAt == nil || !got.CodeIssuedAt.Equal(got.CreatedAt) || got.ExpiresAt == nil || !got.ExpiresAt.Equal(got.CreatedAt.Add(time.Hour)) {
		t.Errorf("issued %v, expires %v: a status answer says neither", got.CodeIssuedAt, got.ExpiresAt)
	}
}

// The search for an invoice number that the gateway takes has an end, which a
// person is told of.
func TestTheSearchForAnInvoiceNumberEnds(t *testing.T) {
	e := newEnv(t)
	e.gateway.SetFault(answer(sandbox.Answer500))
	order := e.order("MNM-TEH")
	e.gateway.SetFault(noFault)
	number := e.get(order).Number
	for n := range int64(maxAttempts) {
		e.take(models.InvoiceNumber(number, n+1))
	}
	e.pass(time.Minute, 10*time.Second)
	o := e.get(order)
	if n := len(o.Payments); n != maxAttempts || o.Payment().State != models.PaymentFailed || o.Status != models.OrderAwaitingPayment {
		t.Errorf("%d attempts, the last %s, order %s", n, o.Payment().State, o.Status)
	}
	if kinds := e.openCases(); !slices.Equal(kinds, []models.CaseKind{models.CaseRefused}) {
		t.Errorf("a person is told of %v", kinds)
	}
}

// A refused code is kept as that, for the shopper to try again until the order
// would have expired.
func TestARefusedCode(t *testing.T) {
	e := newEnv(t)
	e.gateway.SetFault(func(f *sandbox.Faults) { f.MinAmount = 4_000_000 })
	order := e.order("MNM-TEH")
	p := e.payment(order)
	if p.State != models.PaymentFailed || p.LastError == "" || p.NextCheckAt == nil || !p.NextCheckAt.Equal(e.clock.Now().Add(time.Hour)) {
		t.Errorf("payment %+v", p)
	}
	if kinds := e.openCases(); !slices.Equal(kinds, []models.CaseKind{models.CaseRefused}) || e.gateway.StatusQueries(p.RequestID) != 0 {
		t.Errorf("a person is told of %v; the request was looked for %d times", kinds, e.gateway.StatusQueries(p.RequestID))
	}
	e.pass(time.Hour, time.Minute)
	if got := e.get(order); got.Status != models.OrderExpired || got.StockHeld || got.Payment().State != models.PaymentFailed {
		t.Errorf("an hour later: order %s, payment %s", got.Status, got.Payment().State)
	}
}

// A payment that somebody is busy with is not asked about by another.
func TestNobodyAsksWhereAnotherIsBusy(t *testing.T) {
	e := newEnv(t)
	order := e.order("MNM-TEH")
	p := e.payment(order)
	if _, ok, err := e.Store.Claim(context.Background(), p.ID); !ok || err != nil {
		t.Fatal(ok, err)
	}
	e.check(order)
	if n := e.gateway.StatusQueries(p.InvoiceNumber); n != 0 || e.logged("check status") {
		t.Errorf("asked %d times", n)
	}
	e.clock.Advance(time.Minute)
	e.check(order)
	if n := e.gateway.StatusQueries(p.InvoiceNumber); n != 1 {
		t.Errorf("asked %d times after the lease, want once", n)
	}
}

// Half an hour without a code, and a day without an end, are cases for a person;
// to the second.
func TestWhatTakesTooLongIsACase(t *testing.T) {
	for name, tt := range map[string]struct {
		after time.Duration
		late  func(e *env, p models.Payment) error
		kind  models.CaseKind
	}{
		"no code": {codeOverdue, func(e *env, p models.Payment) error {
			return e.retryLater(context.Background(), nil, p, io.ErrUnexpectedEOF)
		}, models.CaseNoCode},
		"no end": {time.Hour + answerOverdue, func(e *env, p models.Payment) error {
			return e.applyStatus(context.Background(), nil, p, jokul.Transaction{Status: jokul.TransactionPending}, nil)
		}, models.CaseUnsettled},
	} {
		t.Run(name, func(t *testing.T) {
			e := newEnv(t)
			p := e.get(e.order("MNM-TEH")).Payment()
			e.clock.Advance(tt.after)
			for _, want := range [][]models.CaseKind{nil, {tt.kind}} {
				if err := tt.late(e, p); err != nil {
					t.Fatal(err)
				}
				if got := e.openCases(); !slices.Equal(got, want) {
					t.Errorf("after %s a person is told of %v, want %v", e.clock.Now().Sub(p.CreatedAt), got, want)
				}
				e.clock.Advance(time.Second)
			}
		})
	}
}
