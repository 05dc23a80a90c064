package handlers

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
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
	w := newWorld(t)
	w.fault(func(f *sandbox.Faults) { f.Notify, f.StatusLag = sandbox.NotifyNone, true })
	order := w.order("MNM-TEH")
	w.pass(20*time.Minute, time.Minute) // by now questions are many minutes apart
	w.act(*w.status(order).PaymentCode, sandbox.ActionPay)
	w.post(order+"/check", nil, nil)
	p := w.whole(order).Payment()
	if p.State != models.PaymentPending || p.NextCheckAt == nil || !p.NextCheckAt.Equal(w.clock.now().Add(models.Settling)) {
		t.Fatalf("payment %s, next check %v, want one in %s", p.State, p.NextCheckAt, models.Settling)
	}
	w.clock.advance(models.Settling)
	w.rounds(w.Handler)
	if got := w.status(order).OrderStatus; got != models.OrderPaid {
		t.Errorf("order %s", got)
	}
}

// A word that is older than the gateway's answers need brings no further question.
func TestAShoppersWordGetsOld(t *testing.T) {
	w := newWorld(t)
	order := w.order("MNM-TEH")
	w.pass(20*time.Minute, time.Minute)
	w.post(order+"/check", nil, nil)
	asked := w.asked(w.whole(order).Payment().InvoiceNumber)
	w.pass(5*time.Minute, 20*time.Second)
	if n := w.asked(w.whole(order).Payment().InvoiceNumber) - asked; n != 1 {
		t.Errorf("asked %d times in the five minutes after, want once", n)
	}
}

// A status answer about another invoice, however well signed, is never taken for
// the answer that was lost: its code is somebody else's.
func TestAnothersStatusGivesNoCode(t *testing.T) {
	w := newWorld(t)
	w.fault(answer(sandbox.AnswerLostReply))
	order := w.order("MNM-TEH")
	w.fault(func(f *sandbox.Faults) {
		f.Idempotency, f.Answer, f.AnswerOn = "error", sandbox.AnswerOtherInvoice, "status"
	})
	w.pass(2*time.Minute, time.Second)
	p := w.whole(order).Payment()
	if p.State != models.PaymentCreating || p.Code != "" {
		t.Errorf("payment %s with code %q", p.State, p.Code)
	}
	if w.asked(p.RequestID) == 0 {
		t.Error("the gateway was not asked what became of the request")
	}
	w.fault(func(f *sandbox.Faults) { f.Idempotency = "error" })
	w.pass(time.Minute, time.Second)
	ledger := w.ledger()
	if p = w.whole(order).Payment(); p.State != models.PaymentPending || len(ledger) != 1 || p.Code != ledger[0].PaymentCode {
		t.Errorf("payment %s with code %q; the gateway's books: %+v", p.State, p.Code, ledger)
	}
}

// Rejected deliveries that could not be written down are counted all the same,
// once the database takes them.
func TestRejectionsOutliveTheDatabase(t *testing.T) {
	w := newWorld(t)
	ctx := context.Background()
	good := w.Store
	gone, err := models.Open(ctx, testdb.URL(t), w.clock.now, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	if err := gone.Close(); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		w.send("{}", true)
	}
	w.Store = gone
	w.keepRejections(ctx)
	w.Store = good
	if counts, err := good.RejectionCounts(ctx); err != nil || len(counts) != 0 {
		t.Fatalf("counted %v, %v", counts, err)
	}
	for range 2 {
		w.send("{}", true)
	}
	w.keepRejections(ctx)
	w.keepRejections(ctx) // what was written down once is not written down again
	if counts, err := good.RejectionCounts(ctx); err != nil || len(counts) != 1 || counts[0].Count != 5 {
		t.Errorf("counted %v, %v; want 5", counts, err)
	}
}

// Pages that are told at once do not all look at once: others' requests need the
// database too.
func TestFewStreamsLookAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const pages = 4 * maxLooking
		h := &Handler{streams: newStreams()}
		var inside, looks atomic.Int64
		leave := make(chan struct{})
		look := func(context.Context) (glimpse, error) {
			inside.Add(1)
			<-leave
			inside.Add(-1)
			looks.Add(1)
			return glimpse{seen: "news", last: true}, nil
		}
		var following sync.WaitGroup
		for range pages {
			one, end, refused := h.streams.watch("token", "")
			if refused != "" {
				t.Fatal("no room")
			}
			shop, browser := net.Pipe()
			h.streams.connect(one, shop)
			go func() { // the browser takes what is sent
				for err := error(nil); err == nil; _, err = browser.Read(make([]byte, 100)) {
				}
			}()
			following.Go(func() {
				defer end()
				defer shop.Close()
				h.follow(t.Context(), one, glimpse{seen: "first"}, []byte("data: first\n\n"), look)
			})
		}
		synctest.Wait()
		h.streams.tell("token")
		for looked := range int64(pages) {
			synctest.Wait() // until nobody can go on
			if n, most := inside.Load(), min(maxLooking, pages-looked); n != most {
				t.Fatalf("%d look at once after %d have looked, want %d", n, looked, most)
			}
			leave <- struct{}{}
		}
		following.Wait()
	})
}

// The record of a call hides who ordered, and nothing else. What was sent is kept
// whole, once, with the payment.
func TestRecordsOfCallsHideTheCustomer(t *testing.T) {
	w := newWorld(t)
	o := w.whole(w.order("MNM-GAYO"))
	calls, err := w.Store.ExchangesOf(context.Background(), o)
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
		if got := askAgain(p, now); !got.Equal(want) {
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
		if got := uncertain(err); got != want {
			t.Errorf("%v: uncertain %v", err, got)
		}
		if got, want := hasCode(err, jokul.CodeIdempotentRequest, jokul.CodeDuplicateInvoice), err != nil && err != io.ErrUnexpectedEOF; got != want {
			t.Errorf("%v: has that code %v", err, got)
		}
		if hasCode(err, jokul.CodeIdempotentRequest) {
			t.Errorf("%v: has another code", err)
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
	w := newWorld(t)
	w.fault(answer(sandbox.Answer500))
	order := w.order("MNM-TEH")
	p := w.whole(order).Payment()
	if n := w.asked(p.RequestID); n != 0 || p.Tries != 1 {
		t.Errorf("after the first try: looked for %d times, tries %d", n, p.Tries)
	}
	w.pass(3*time.Second, 3*time.Second)
	if n := w.asked(p.RequestID); n != 1 {
		t.Errorf("after the second failure: looked for %d times, want once", n)
	}
	w.fault(func(*sandbox.Faults) {})
	w.pass(time.Minute, 10*time.Second)
	p = w.whole(order).Payment()
	if n := w.asked(p.RequestID); n != 1 || p.State != models.PaymentPending || p.Code != w.ledger()[0].PaymentCode || p.HowToPayPage == "" {
		t.Errorf("after the answer: looked for %d times, payment %s with code %q", n, p.State, p.Code)
	}
}

// A shop that was killed after it had sent its request sends it again, and finds
// the code by its Request-Id where the gateway does not answer it twice.
func TestACodeIsFoundAfterAKill(t *testing.T) {
	w := newWorld(t)
	ctx := context.Background()
	draft, _, err := w.Store.DraftOrder(ctx, []models.Item{{SKU: "MNM-TEH", Quantity: 1}})
	if err != nil {
		t.Fatal(err)
	}
	draft.FormID, draft.CustomerName, draft.CustomerEmail, draft.Language = "killed", "Budi", "budi@example.com", "id"
	p, err := w.preparePayment(draft)
	if err != nil {
		t.Fatal(err)
	}
	o, _, err := w.Store.PlaceOrder(ctx, draft, p)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Gateway.GeneratePaymentCode(ctx, jokul.PreparedRequest{RequestID: p.RequestID, Body: p.RequestBody}); err != nil {
		t.Fatal(err)
	}
	w.fault(func(f *sandbox.Faults) { f.Idempotency = "error" })
	w.pass(30*time.Second, 30*time.Second) // when the lease of the one that was killed ends
	got := w.whole("/orders/" + o.Token).Payment()
	if got.State != models.PaymentPending || got.Code != w.ledger()[0].PaymentCode || len(w.ledger()) != 1 {
		t.Fatalf("payment %s with code %q; the gateway's books: %+v", got.State, got.Code, w.ledger())
	}
	if got.CodeIssuedAt == nil || !got.CodeIssuedAt.Equal(got.CreatedAt) || got.ExpiresAt == nil || !got.ExpiresAt.Equal(got.CreatedAt.Add(time.Hour)) {
		t.Errorf("issued %v, expires %v: a status answer says neither", got.CodeIssuedAt, got.ExpiresAt)
	}
}

// The search for an invoice number that the gateway takes has an end, which a
// person is told of.
func TestTheSearchForAnInvoiceNumberEnds(t *testing.T) {
	w := newWorld(t)
	w.fault(answer(sandbox.Answer500))
	order := w.order("MNM-TEH")
	w.fault(func(*sandbox.Faults) {})
	number := w.whole(order).Number
	for n := range int64(maxAttempts) {
		w.take(models.InvoiceNumber(number, n+1))
	}
	w.pass(time.Minute, 10*time.Second)
	o := w.whole(order)
	if n := len(o.Payments); n != maxAttempts || o.Payment().State != models.PaymentFailed || o.Status != models.OrderAwaitingPayment {
		t.Errorf("%d attempts, the last %s, order %s", n, o.Payment().State, o.Status)
	}
	if kinds := w.openCases(); !slices.Equal(kinds, []models.CaseKind{models.CaseRefused}) {
		t.Errorf("a person is told of %v", kinds)
	}
}

// A refused code is kept as that, for the shopper to try again until the order
// would have expired.
func TestARefusedCode(t *testing.T) {
	w := newWorld(t)
	w.fault(func(f *sandbox.Faults) { f.MinAmount = 4_000_000 })
	order := w.order("MNM-TEH")
	p := w.whole(order).Payment()
	if p.State != models.PaymentFailed || p.LastError == "" || p.NextCheckAt == nil || !p.NextCheckAt.Equal(w.clock.now().Add(time.Hour)) {
		t.Errorf("payment %+v", p)
	}
	if kinds := w.openCases(); !slices.Equal(kinds, []models.CaseKind{models.CaseRefused}) || w.asked(p.RequestID) != 0 {
		t.Errorf("a person is told of %v; the request was looked for %d times", kinds, w.asked(p.RequestID))
	}
	w.pass(time.Hour, time.Minute)
	if got := w.whole(order); got.Status != models.OrderExpired || got.StockHeld || got.Payment().State != models.PaymentFailed {
		t.Errorf("an hour later: order %s, payment %s", got.Status, got.Payment().State)
	}
}

// A payment that somebody is busy with is not asked about by another.
func TestNobodyAsksWhereAnotherIsBusy(t *testing.T) {
	w := newWorld(t)
	order := w.order("MNM-TEH")
	p := w.whole(order).Payment()
	if _, ok, err := w.Store.Claim(context.Background(), p.ID); !ok || err != nil {
		t.Fatal(ok, err)
	}
	w.post(order+"/check", nil, nil)
	if n := w.asked(p.InvoiceNumber); n != 0 {
		t.Errorf("asked %d times", n)
	}
	w.clock.advance(time.Minute)
	w.post(order+"/check", nil, nil)
	if n := w.asked(p.InvoiceNumber); n != 1 {
		t.Errorf("asked %d times after the lease, want once", n)
	}
}

// Half an hour without a code, and a day without an end, are cases for a person;
// to the second.
func TestWhatTakesTooLongIsACase(t *testing.T) {
	for name, tt := range map[string]struct {
		after time.Duration
		late  func(w *world, p models.Payment) error
		kind  models.CaseKind
	}{
		"no code": {codeOverdue, func(w *world, p models.Payment) error {
			return w.tryLater(context.Background(), p, io.ErrUnexpectedEOF)
		}, models.CaseNoCode},
		"no end": {time.Hour + answerOverdue, func(w *world, p models.Payment) error {
			return w.settle(context.Background(), p, jokul.Transaction{Status: jokul.TransactionPending}, nil)
		}, models.CaseUnsettled},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			p := w.whole(w.order("MNM-TEH")).Payment()
			w.clock.advance(tt.after)
			for _, want := range [][]models.CaseKind{nil, {tt.kind}} {
				if err := tt.late(w, p); err != nil {
					t.Fatal(err)
				}
				if got := w.openCases(); !slices.Equal(got, want) {
					t.Errorf("after %s a person is told of %v, want %v", w.clock.now().Sub(p.CreatedAt), got, want)
				}
				w.clock.advance(time.Second)
			}
		})
	}
}
