package models

import (
	"context"
	"testing"
	"time"
)

// money is a SUCCESS for a payment as the gateway tells it, with a till transaction where id is not empty.
func money(p Payment, id string) Arrival {
	return telling{id: id}.arrival(p)
}

// A receipt that a person has found to be another telling of money stands for nothing: the next payment is not taken
// for it, and yet the telling itself, sent again, is known.
func TestADuplicateStandsForNoMoney(t *testing.T) {
	s, c := openStore(t)
	ctx := context.Background()
	o := withCode(t, s, c, "VCR-CELENGAN")
	tell(t, s, c, o, 1, telling{by: SourceNotification, id: "1"})
	tell(t, s, c, o, 2, telling{by: SourceNotification, id: "1", as: "again", second: 9})
	tell(t, s, c, o, 3, telling{by: SourceNotification, as: "resent", second: 9})
	decide := Decision{Kind: DecisionDuplicate, By: "Dewi", Reason: "one in the Back Office"}
	if _, err := s.Decide(ctx, only(t, s).ID, decide); err != nil {
		t.Fatal(err)
	}
	tell(t, s, c, o, 4, telling{by: SourceNotification, as: "resent", second: 30})
	for range 2 {
		tell(t, s, c, o, 5, telling{by: SourceStatusQuery, id: "2", second: 1200})
	}
	got := reload(t, s, o)
	if count := statuses(got); count[ReceiptApplied] != 2 || count[ReceiptDuplicate] != 1 || len(got.Payment().Receipts) != 3 || len(got.OpenCases) != 0 {
		t.Errorf("receipts %v, cases %v; want two applied, one duplicate, no case", count, got.OpenCases)
	}
}

// Of several till transaction ids in one message, one that is known is enough.
func TestOneOfSeveralTillTransactions(t *testing.T) {
	s, c := openStore(t)
	o := withCode(t, s, c, "MNM-GAYO")
	deliver(t, s, c, "r1", "1", PaidEvent(money(o.Payment(), "0002")))
	more := money(o.Payment(), "0002")
	more.Identifiers = `[{"name":"AGENT_TRX_ID","value":"0002"},{"name":"agent_trx_id","value":"0001"}]`
	deliver(t, s, c, "r2", "2", PaidEvent(more))
	if got := reload(t, s, o); len(got.Payment().Receipts) != 1 || len(got.OpenCases) != 0 {
		t.Errorf("%d receipts, cases %v; want one and none", len(got.Payment().Receipts), got.OpenCases)
	}
}

// Money of which two things were wrong is applied once both were put right, and not before.
func TestEverythingWrongIsPutRight(t *testing.T) {
	s, c := openStore(t)
	ctx := context.Background()
	o := withCode(t, s, c, "MNM-GAYO")
	wrong := money(o.Payment(), "1")
	wrong.Amount, wrong.PaymentCode = wrong.Amount-1_000, "8888888800000000"
	deliver(t, s, c, "r1", "1", PaidEvent(wrong))
	half := money(o.Payment(), "1")
	half.PaymentCode = ""
	if _, err := s.ApplyStatus(ctx, nil, half); err != nil {
		t.Fatal(err)
	}
	if got := reload(t, s, o); got.Status != OrderAwaitingPayment || statuses(got)[ReceiptHeld] != 1 {
		t.Fatalf("order %s, receipts %v; want nothing applied", got.Status, statuses(got))
	}
	if _, err := s.ApplyStatus(ctx, nil, money(o.Payment(), "1")); err != nil {
		t.Fatal(err)
	}
	if got := reload(t, s, o); got.Status != OrderPaid || got.Money().Applied != got.Total || len(got.OpenCases) != 0 {
		t.Errorf("order %s, Rp %d applied, cases %v", got.Status, got.Money().Applied, got.OpenCases)
	}
}

// Money that came before its code is compared with the code once there is one.
func TestMoneyBeforeItsCode(t *testing.T) {
	s, c := openStore(t)
	ctx := context.Background()
	o := place(t, s, "MNM-GAYO", 1)
	early := money(o.Payment(), "1")
	early.PaymentCode = "8888888899999999"
	deliver(t, s, c, "r", "r", PaidEvent(early))
	code := IssuedCode{Code: "8888888811111111", IssuedAt: c.now(), ExpiresAt: c.now().Add(time.Hour)}
	if issued, err := s.IssueCode(ctx, nil, o.Payment().ID, code, c.now().Add(time.Minute)); err != nil || issued {
		t.Fatalf("issued %v, %v", issued, err)
	}
	got := reload(t, s, o)
	if got.Status != OrderPaid || flag(got) != CaseWrongCode || got.OpenCases[0].ReceiptID == nil {
		t.Errorf("order %s, cases %v; want a case about the code that was paid", got.Status, got.OpenCases)
	}
}

// A code that another order shows pays no order that waits for its own.
func TestMoneyUnderTheCodeOfAnother(t *testing.T) {
	s, c := openStore(t)
	other := withCode(t, s, c, "MNM-GAYO")
	o := place(t, s, "MNM-GAYO", 1)
	wrong := money(o.Payment(), "1")
	wrong.PaymentCode = other.Payment().Code
	deliver(t, s, c, "x", "x", PaidEvent(wrong))
	if got := reload(t, s, o); got.Status != OrderAwaitingPayment || flag(got) != CaseWrongCode || !got.HasUndecidedMoney() {
		t.Errorf("order %s, cases %v; want the money held", got.Status, got.OpenCases)
	}
	less := place(t, s, "MNM-GAYO", 1) // what is wrong first is what the case is about
	wrong = money(less.Payment(), "2")
	wrong.Amount, wrong.PaymentCode = wrong.Amount-1_000, other.Payment().Code
	deliver(t, s, c, "y", "y", PaidEvent(wrong))
	if got := reload(t, s, less); flag(got) != CaseWrongAmount {
		t.Errorf("case %q, want %q", flag(got), CaseWrongAmount)
	}
}

// A genuine SUCCESS whose amount cannot be read is money that came. Nobody is asked to pay until the gateway or a
// person says what it was.
func TestSuccessOfAnUnreadableAmount(t *testing.T) {
	s, c := openStore(t)
	ctx := context.Background()
	unreadable := func(o Order) {
		deliver(t, s, c, "u"+o.Number, "1", UnreadablePaidEvent(o.Payment().InvoiceNumber, "order.amount is missing"))
	}
	settled, decided, noted := withCode(t, s, c, "MNM-GAYO"), withCode(t, s, c, "MNM-GAYO"), withCode(t, s, c, "MNM-GAYO")
	unreadable(settled)
	unreadable(decided)
	deliver(t, s, c, "n", "1", UnreadableEvent(noted.Payment().InvoiceNumber, "transaction.status is missing"))
	if o := reload(t, s, noted); o.HasUndecidedMoney() || flag(o) != CaseUnreadable {
		t.Errorf("a message without a status: undecided money %v, case %q", o.HasUndecidedMoney(), flag(o))
	}
	for _, o := range []Order{settled, decided} {
		o = reload(t, s, o)
		if !o.HasUndecidedMoney() || o.Payment().NextCheckAt == nil || o.Payment().NextCheckAt.After(c.now().Add(time.Minute)) {
			t.Errorf("undecided money %v, next check %v", o.HasUndecidedMoney(), o.Payment().NextCheckAt)
		}
		if _, err := s.CancelOrder(ctx, o.ID); err != ErrMoneyUndecided {
			t.Errorf("cancelling: %v, want ErrMoneyUndecided", err)
		}
	}
	if cancelled, err := s.CancelOrder(ctx, noted.ID); err != nil || !cancelled {
		t.Errorf("cancelling an order that no money came for: %v, %v", cancelled, err)
	}
	if _, err := s.ApplyStatus(ctx, nil, money(settled.Payment(), "1")); err != nil {
		t.Fatal(err)
	}
	if err := s.CloseAnswered(ctx); err != nil {
		t.Fatal(err)
	}
	if o := reload(t, s, settled); o.Status != OrderPaid || len(o.OpenCases) != 0 || o.HasUndecidedMoney() {
		t.Errorf("once the gateway has said so: order %s, cases %v", o.Status, o.OpenCases)
	}
	o := reload(t, s, decided)
	if _, err := s.Decide(ctx, o.OpenCases[0].ID, Decision{Kind: DecisionNone, By: "Dewi", Reason: "nothing in the Back Office"}); err != nil {
		t.Fatal(err)
	}
	if o = reload(t, s, decided); o.HasUndecidedMoney() || o.Status != OrderAwaitingPayment {
		t.Errorf("once a person has said that nothing came: order %s, undecided %v", o.Status, o.HasUndecidedMoney())
	}
	if cancelled, err := s.CancelOrder(ctx, o.ID); err != nil || !cancelled {
		t.Errorf("cancelling it then: %v, %v", cancelled, err)
	}
}
