package handlers

import (
	"context"
	"log/slog"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

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
			one, end, ok := h.streams.watch("token")
			if !ok {
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
