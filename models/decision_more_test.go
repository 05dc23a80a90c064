package models

import (
	"context"
	"testing"
)

// orderCase is the one open case of an order.
func orderCase(t *testing.T, s *Store, o Order) Case {
	t.Helper()
	open := reload(t, s, o).OpenCases
	if len(open) != 1 {
		t.Fatalf("%d open cases", len(open))
	}
	c, err := s.Case(context.Background(), open[0].ID)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// What is decided to be a second telling of the same money is no money, and changes nothing else.
func TestADuplicateIsNoMoney(t *testing.T) {
	s, c := openStore(t)
	o := withCode(t, s, c, "VCR-CELENGAN")
	unnamed := paid(o.Payment(), c.now())
	unnamed.Identifiers = ""
	deliver(t, s, c, "a", "{}", PaidEvent(unnamed))
	want(t, deliver(t, s, c, "b", "{}", PaidEvent(unnamed)), VerdictHeld, EffectFlagged)
	d := Decision{Kind: DecisionDuplicate, By: "Sari", Reason: "one slip"}
	if _, err := s.Decide(context.Background(), orderCase(t, s, o).ID, d); err != nil {
		t.Fatal(err)
	}
	got := reload(t, s, o)
	if m := got.Money(); m != (Money{Applied: unnamed.Amount}) || got.Status != OrderPaid || got.Payment().Receipts[1].Status != ReceiptDuplicate {
		t.Errorf("order %s, money %+v, receipts %+v", got.Status, m, got.Payment().Receipts)
	}
}

// A further payment of a reusable code may be accepted though it does not fit: its order is paid
// already, and stays so.
func TestAFurtherPaymentIsAccepted(t *testing.T) {
	s, c := openStore(t)
	o := withCode(t, s, c, "VCR-CELENGAN")
	right := paid(o.Payment(), c.now())
	wrong := numbered(right, 2)
	wrong.Amount--
	deliver(t, s, c, "right", "{}", PaidEvent(right))
	want(t, deliver(t, s, c, "wrong", "{}", PaidEvent(wrong)), VerdictMismatched, EffectFlagged)
	before := reload(t, s, o)
	if _, err := s.Decide(context.Background(), orderCase(t, s, o).ID, Decision{Kind: DecisionAccept, By: "Sari", Reason: "a rupiah"}); err != nil {
		t.Fatal(err)
	}
	got := reload(t, s, o)
	if m := got.Money(); m != (Money{Applied: right.Amount + wrong.Amount}) || got.Status != OrderPaid || !got.PaidAt.Equal(*before.PaidAt) {
		t.Errorf("order %s, paid at %v, money %+v", got.Status, got.PaidAt, m)
	}
}

// The code of an order that waits goes on after a decision about its money only where it may be
// paid again and again.
func TestWhichCodeGoesOnAfterADecision(t *testing.T) {
	for sku, wanted := range map[string]struct {
		order OrderStatus
		state PaymentState
	}{
		"VCR-CELENGAN": {OrderAwaitingPayment, PaymentPending},
		"MNM-GAYO":     {OrderExpired, PaymentExpired},
	} {
		for _, kind := range []DecisionKind{DecisionRefund, DecisionNone} {
			t.Run(sku+" "+string(kind), func(t *testing.T) {
				s, c := openStore(t)
				o := withCode(t, s, c, sku)
				wrong := paid(o.Payment(), c.now())
				wrong.Amount--
				deliver(t, s, c, "wrong", "{}", PaidEvent(wrong))
				d := Decision{Kind: kind, By: "Sari", Reason: "x", Refund: wrong.Amount, RefundedOn: c.now(), RefundMethod: "cash"}
				if _, err := s.Decide(context.Background(), orderCase(t, s, o).ID, d); err != nil {
					t.Fatal(err)
				}
				if got := reload(t, s, o); got.Status != wanted.order || got.Payment().State != wanted.state {
					t.Errorf("order %s, payment %s; want %s, %s", got.Status, got.Payment().State, wanted.order, wanted.state)
				}
			})
		}
	}
}

// A paid order whose money is all given back gives back its goods, of that order alone.
func TestGivingBackTheGoodsOfOneOrder(t *testing.T) {
	s, c := openStore(t)
	mine, other := withCode(t, s, c, "MNM-GAYO"), withCode(t, s, c, "MNM-GAYO")
	for _, o := range []Order{mine, other} {
		expire(t, s, o)
		want(t, deliver(t, s, c, o.Number, "{}", PaidEvent(paid(o.Payment(), c.now()))), VerdictApplied, EffectPaidLate)
	}
	before := stock(t, s, "MNM-GAYO")
	decideRefund(t, s, orderCase(t, s, mine))
	if reload(t, s, mine).StockHeld || !reload(t, s, other).StockHeld || stock(t, s, "MNM-GAYO") != before+1 {
		t.Errorf("stock held %v, by the other order %v; %d left, was %d", reload(t, s, mine).StockHeld,
			reload(t, s, other).StockHeld, stock(t, s, "MNM-GAYO"), before)
	}
}
