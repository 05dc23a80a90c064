package models

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"
)

func paid(p Payment, at time.Time) Arrival {
	return Arrival{InvoiceNumber: p.InvoiceNumber, Amount: p.Amount, PaymentCode: p.Code, Channel: ChannelIndomaret,
		PaidAt: at, Identifiers: `[{"name":"AGENT_TRX_ID","value":"1"}]`}
}

// numbered is an arrival that the till gave that transaction id.
func numbered(a Arrival, id int) Arrival {
	a.Identifiers = fmt.Sprintf(`[{"name":"AGENT_TRX_ID","value":"%d"}]`, id)
	return a
}

// deliver applies a notification; the same id and body are the same message.
func deliver(t testing.TB, s *Store, c *clock, id, body string, e NotificationEvent) Notification {
	t.Helper()
	n, err := s.ApplyNotification(context.Background(), Notification{RequestID: id, Header: "{}", Body: []byte(body)}, e, c.now())
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func want(t *testing.T, n Notification, v Verdict, e Effect) {
	t.Helper()
	if n.Verdict != v || n.Effect != e {
		t.Errorf("got %s, %s; want %s, %s", n.Verdict, n.Effect, v, e)
	}
}

func wantOrder(t *testing.T, o Order, status OrderStatus, state PaymentState, receipts int, a CaseKind) {
	t.Helper()
	p := o.Payment()
	if o.Status != status || p.State != state || len(p.Receipts) != receipts || flag(o) != a {
		t.Errorf("got order %s, payment %s, %d receipts, case %q; want %s, %s, %d, %q",
			o.Status, p.State, len(p.Receipts), flag(o), status, state, receipts, a)
	}
}

func TestNotificationPays(t *testing.T) {
	s, c := openStore(t)
	o := withCode(t, s, c, "MNM-GAYO")
	e := PaidEvent(paid(o.Payment(), c.now()))

	want(t, deliver(t, s, c, "r1", "{}", e), VerdictApplied, EffectPaid)
	wantOrder(t, reload(t, s, o), OrderPaid, PaymentPaid, 1, "")
	if got := reload(t, s, o); got.PaidAt == nil || !got.PaidAt.Equal(c.now()) || !got.StockHeld || got.Payment().NextCheckAt != nil {
		t.Errorf("got paid at %v, stock held %v, next check %v", got.PaidAt, got.StockHeld, got.Payment().NextCheckAt)
	}

	want(t, deliver(t, s, c, "r1", "{}", e), VerdictRepeated, EffectNone)          // the same message
	want(t, deliver(t, s, c, "r1", "{ }", e), VerdictRepeated, EffectNone)         // the same Request-Id, other bytes
	want(t, deliver(t, s, c, "r2", "{}", e), VerdictRepeated, EffectNone)          // resent under a new Request-Id
	if _, err := s.ApplyStatus(context.Background(), nil, e.arrival); err != nil { // and found by a query
		t.Fatal(err)
	}
	wantOrder(t, reload(t, s, o), OrderPaid, PaymentPaid, 1, "")

	var kept []Notification
	if err := s.read.Order("id").Find(&kept).Error; err != nil {
		t.Fatal(err)
	}
	if len(kept) != 3 || kept[0].Deliveries != 2 || kept[0].Verdict != VerdictApplied || string(kept[1].Body) != "{ }" {
		t.Errorf("got %+v", kept)
	}
}

func TestOneNotificationManyTimesAtOnce(t *testing.T) {
	s, c := openStore(t)
	o := withCode(t, s, c, "MNM-GAYO")
	e := PaidEvent(paid(o.Payment(), c.now()))
	together(20, func(i int) {
		id := "same"
		if i%2 == 1 {
			id = fmt.Sprint("resent-", i)
		}
		deliver(t, s, c, id, "{}", e)
		if i%5 == 0 {
			if _, err := s.ApplyStatus(context.Background(), nil, e.arrival); err != nil {
				t.Error(err)
			}
			if err := s.Expire(context.Background(), nil, o.Payment().ID); err != nil {
				t.Error(err)
			}
		}
	})
	wantOrder(t, reload(t, s, o), OrderPaid, PaymentPaid, 1, flag(reload(t, s, o)))
	if stock(t, s, "MNM-GAYO") != 59 {
		t.Errorf("stock is %d, want 59", stock(t, s, "MNM-GAYO"))
	}
}

func TestWhatNeverPays(t *testing.T) {
	for name, tt := range map[string]struct {
		change func(*Arrival)
		kind   CaseKind
	}{
		"amount less":   {func(a *Arrival) { a.Amount-- }, CaseWrongAmount},
		"amount more":   {func(a *Arrival) { a.Amount++ }, CaseWrongAmount},
		"amount zero":   {func(a *Arrival) { a.Amount = 0 }, CaseWrongAmount},
		"other code":    {func(a *Arrival) { a.PaymentCode = "8888888800000000" }, CaseWrongCode},
		"other channel": {func(a *Arrival) { a.Channel = "ONLINE_TO_OFFLINE_ALFA" }, CaseWrongChannel},
	} {
		t.Run(name, func(t *testing.T) {
			s, c := openStore(t)
			o := withCode(t, s, c, "MNM-GAYO")
			a := paid(o.Payment(), c.now())
			tt.change(&a)
			want(t, deliver(t, s, c, "r1", "{}", PaidEvent(a)), VerdictMismatched, EffectFlagged)
			wantOrder(t, reload(t, s, o), OrderAwaitingPayment, PaymentPending, 1, tt.kind)
		})
	}
	t.Run("unknown invoice number", func(t *testing.T) {
		s, c := openStore(t)
		want(t, deliver(t, s, c, "r1", "{}", PaidEvent(Arrival{InvoiceNumber: "WJ-NOBODY-1", Amount: 1})), VerdictUnknownInvoice, EffectFlagged)
		want(t, deliver(t, s, c, "r2", "{}", ExpiredEvent("WJ-NOBODY-1")), VerdictUnknownInvoice, EffectFlagged)
		want(t, deliver(t, s, c, "r3", "?", UnreadableEvent("", "not JSON")), VerdictUnreadable, EffectFlagged)
		if got := caseKindsOf(t, s); !slices.Equal(got, []CaseKind{CaseUnknownInvoice, CaseUnknownInvoice, CaseUnreadable}) {
			t.Errorf("got attention %v", got)
		}
	})
	t.Run("the shop's own trial", func(t *testing.T) {
		s, c := openStore(t)
		want(t, deliver(t, s, c, "r1", "{}", NotedEvent(TrialInvoice)), VerdictNoted, EffectNone)
		want(t, deliver(t, s, c, "r1", "{}", NotedEvent(TrialInvoice)), VerdictRepeated, EffectNone)
		if got := caseKindsOf(t, s); len(got) > 0 {
			t.Errorf("a person is told of it: %v", got)
		}
		want(t, deliver(t, s, c, "r2", "{}", PaidEvent(Arrival{InvoiceNumber: TrialInvoice, Amount: 1})), VerdictUnknownInvoice, EffectFlagged)
		want(t, deliver(t, s, c, "r3", "{}", NotedEvent(TrialInvoice+"-1")), VerdictUnknownInvoice, EffectFlagged)
	})
	t.Run("a status that says nothing", func(t *testing.T) {
		s, c := openStore(t)
		o := withCode(t, s, c, "MNM-GAYO")
		want(t, deliver(t, s, c, "r1", "{}", NotedEvent(o.Payment().InvoiceNumber)), VerdictNoted, EffectNone)
		wantOrder(t, reload(t, s, o), OrderAwaitingPayment, PaymentPending, 0, "")
	})
}

func TestMoneyBeforeTheCode(t *testing.T) {
	s, c := openStore(t)
	o := place(t, s, "MNM-GAYO", 1)
	a := paid(o.Payment(), c.now())
	a.PaymentCode = "88888888" + o.Payment().InvoiceNumber[3:11] // the one of giveCode
	want(t, deliver(t, s, c, "r1", "{}", PaidEvent(a)), VerdictApplied, EffectPaid)
	giveCode(t, s, c, o.Payment())
	got := reload(t, s, o)
	wantOrder(t, got, OrderPaid, PaymentPaid, 1, "")
	if got.Payment().NextCheckAt != nil {
		t.Error("a paid payment is still on the worker's list")
	}
}

func TestMoneyAfterExpiry(t *testing.T) {
	ctx := context.Background()
	t.Run("pays and is flagged", func(t *testing.T) {
		s, c := openStore(t)
		o := withCode(t, s, c, "MNM-GAYO")
		before := stock(t, s, "MNM-GAYO")
		want(t, deliver(t, s, c, "r1", "{}", ExpiredEvent(o.Payment().InvoiceNumber)), VerdictApplied, EffectExpired)
		want(t, deliver(t, s, c, "r2", "{}", ExpiredEvent(o.Payment().InvoiceNumber)), VerdictNoted, EffectNone)
		want(t, deliver(t, s, c, "r3", "{}", PaidEvent(paid(o.Payment(), c.now()))), VerdictApplied, EffectPaidLate)
		wantOrder(t, reload(t, s, o), OrderPaid, PaymentPaid, 1, CaseLatePayment)
		if stock(t, s, "MNM-GAYO") != before || !reload(t, s, o).StockHeld {
			t.Error("the stock was not taken again")
		}
	})
	t.Run("out of stock by then", func(t *testing.T) {
		s, c := openStore(t)
		o := withCode(t, s, c, "KRJ-BATIK")
		if err := s.Expire(ctx, nil, o.Payment().ID); err != nil {
			t.Fatal(err)
		}
		place(t, s, "KRJ-BATIK", stock(t, s, "KRJ-BATIK"))
		deliver(t, s, c, "r1", "{}", PaidEvent(paid(o.Payment(), c.now())))
		got := reload(t, s, o)
		wantOrder(t, got, OrderPaid, PaymentPaid, 1, CaseLatePayment)
		if got.StockHeld || !slices.Contains(caseKindsOf(t, s), CaseOutOfStock) {
			t.Errorf("stock held %v, attention %v", got.StockHeld, caseKindsOf(t, s))
		}
	})
	t.Run("the old code after a new one", func(t *testing.T) {
		s, c := openStore(t)
		o := withCode(t, s, c, "MNM-GAYO")
		old := o.Payment()
		if err := s.Expire(ctx, nil, old.ID); err != nil {
			t.Fatal(err)
		}
		o = reload(t, s, o)
		if added, err := s.AddPayment(ctx, o, attempt(o, 2)); !added || err != nil {
			t.Fatal(added, err)
		}
		fresh := reload(t, s, o).Payment()
		giveCode(t, s, c, fresh)
		want(t, deliver(t, s, c, "r1", "{}", PaidEvent(paid(old, c.now()))), VerdictApplied, EffectPaidLate)
		if got := reload(t, s, o); got.Status != OrderPaid || got.Payments[0].State != PaymentPaid || got.Payments[1].State != PaymentPending {
			t.Errorf("order %s, payments %s and %s", got.Status, got.Payments[0].State, got.Payments[1].State)
		}
		want(t, deliver(t, s, c, "r2", "{}", PaidEvent(paid(reload(t, s, o).Payments[1], c.now()))), VerdictHeld, EffectSecondPayment)
		if got := reload(t, s, o); got.Status != OrderPaid || flag(got) != CaseSecondPayment {
			t.Errorf("order %s, attention %q", got.Status, flag(got))
		}
	})
}

func TestTwoPaymentsOfOneCode(t *testing.T) {
	for sku, tt := range map[string]struct {
		verdict Verdict
		effect  Effect
		flag    CaseKind
	}{
		"MNM-GAYO":     {VerdictHeld, EffectSecondPayment, CaseSecondPayment},
		"VCR-CELENGAN": {VerdictApplied, EffectReceiptAdded, ""},
	} {
		t.Run(sku, func(t *testing.T) {
			s, c := openStore(t)
			o := withCode(t, s, c, sku)
			first := paid(o.Payment(), c.now())
			second := first
			second.Identifiers = `[{"name":"AGENT_TRX_ID","value":"2"}]`
			want(t, deliver(t, s, c, "r1", "{}", PaidEvent(first)), VerdictApplied, EffectPaid)
			want(t, deliver(t, s, c, "r2", "{}", PaidEvent(second)), tt.verdict, tt.effect)
			want(t, deliver(t, s, c, "r3", "{}", PaidEvent(first)), VerdictRepeated, EffectNone)
			wantOrder(t, reload(t, s, o), OrderPaid, PaymentPaid, 2, tt.flag)
		})
	}
}
