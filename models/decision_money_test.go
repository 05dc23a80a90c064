package models

import (
	"context"
	"testing"
)

// caseAbout is the open case of a kind of an order.
func caseAbout(t *testing.T, s *Store, o Order, kind CaseKind) Case {
	t.Helper()
	for _, open := range reload(t, s, o).OpenCases {
		if open.Kind == kind {
			c, err := s.Case(context.Background(), open.ID)
			if err != nil {
				t.Fatal(err)
			}
			return c
		}
	}
	t.Fatalf("no open case %s of order %s", kind, o.Number)
	return Case{}
}

// refundOf is a refund of an amount, noted for today.
func refundOf(c *clock, amount int64) Decision {
	return Decision{Kind: DecisionRefund, By: "Sari", Reason: "x", Refund: amount, RefundedOn: c.now(), RefundMethod: "cash"}
}

// decide makes a decision about the open case of a kind.
func decide(t *testing.T, s *Store, o Order, kind CaseKind, d Decision) {
	t.Helper()
	if _, err := s.Decide(context.Background(), caseAbout(t, s, o, kind).ID, d); err != nil {
		t.Fatalf("%s, %s: %v", kind, d.Kind, err)
	}
}

// Goods are given back once all of the money that paid for them was refunded. A refund of other money counts for
// nothing.
func TestGoodsComeBackWithTheMoneyThatPaidForThem(t *testing.T) {
	s, c := openStore(t)
	before := stock(t, s, "MNM-GAYO")
	o := withCode(t, s, c, "MNM-GAYO")
	expire(t, s, o)
	for i := range 2 { // late, and a second payment
		deliver(t, s, c, string(rune('a'+i)), "{}", PaidEvent(numbered(paid(o.Payment(), c.now()), i)))
	}
	decide(t, s, o, CaseSecondPayment, refundOf(c, o.Total))
	decide(t, s, o, CaseLatePayment, refundOf(c, 1000))
	got := reload(t, s, o)
	if !got.StockHeld || stock(t, s, "MNM-GAYO") != before-1 {
		t.Errorf("stock held %v, %d left, was %d before the sale", got.StockHeld, stock(t, s, "MNM-GAYO"), before)
	}
	if m := got.Money(); m.Refunded != o.Total+1000 || m.AppliedRefunded != 1000 {
		t.Errorf("money %+v", m)
	}
}
