package models

import (
	"testing"
)

// An order whose money was all given back holds no goods any more: what comes for its code afterwards is held, and a
// person is asked about it. Until then its code may be paid again and again.
func TestMoneyForARefundedOrderIsHeld(t *testing.T) {
	s, c := openStore(t)
	before := stock(t, s, "VCR-CELENGAN")
	o := withCode(t, s, c, "VCR-CELENGAN")
	if err := s.Expire(t.Context(), nil, o.Payment().ID); err != nil {
		t.Fatal(err)
	}
	first := numbered(paid(o.Payment(), c.now()), 1)
	deliver(t, s, c, "late", "1", PaidEvent(first))
	late := only(t, s)
	if late.Kind != CaseLatePayment {
		t.Fatalf("the case is %s", late.Kind)
	}
	decideRefund(t, s, late)
	if got := reload(t, s, o); got.StockHeld || stock(t, s, "VCR-CELENGAN") != before || !got.Refunded() {
		t.Fatalf("refunded: stock held %v, stock %d, was %d; refunded %v", got.StockHeld, stock(t, s, "VCR-CELENGAN"), before, got.Refunded())
	}
	deliver(t, s, c, "again", "2", PaidEvent(numbered(paid(o.Payment(), c.now().Add(Settling)), 2)))
	got := reload(t, s, o)
	receipts := got.Payment().Receipts
	if len(receipts) != 2 || receipts[1].Status != ReceiptHeld || flag(got) != CaseSecondPayment || got.StockHeld {
		t.Errorf("paid again: %d receipts, the last %s, case %q, stock held %v", len(receipts), receipts[1].Status, flag(got), got.StockHeld)
	}
	for _, kind := range only(t, s).Decisions() {
		if kind == DecisionAccept {
			t.Error("the money can be accepted for an order that holds no goods")
		}
	}
}
