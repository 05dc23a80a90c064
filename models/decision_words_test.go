package models

import (
	"context"
	"testing"
)

// An order whose money a decision gives no use is over unless something else can still pay it.
func TestWhichDecisionsEndAnOrder(t *testing.T) {
	other := func(state PaymentState, receipt ReceiptStatus) Payment {
		p := Payment{ID: 4, State: state}
		if receipt != "" {
			p.Receipts = []Receipt{{ID: 8, Status: receipt}}
		}
		return p
	}
	for name, tt := range map[string]struct {
		order OrderStatus
		more  []Payment
		want  bool
	}{
		"waiting, and nothing else can pay it": {OrderAwaitingPayment, nil, true},
		"waiting, another code can be paid":    {OrderAwaitingPayment, []Payment{other(PaymentPending, "")}, false},
		"waiting, other money is undecided":    {OrderAwaitingPayment, []Payment{other(PaymentExpired, ReceiptHeld)}, false},
		"waiting, other money was decided":     {OrderAwaitingPayment, []Payment{other(PaymentExpired, ReceiptKept)}, true},
		"expired":                              {OrderExpired, nil, true},
		"expired, whatever another code is":    {OrderExpired, []Payment{other(PaymentPending, "")}, true},
		"paid":                                 {OrderPaid, nil, false},
		"paid, and another code can be paid":   {OrderPaid, []Payment{other(PaymentPending, "")}, false},
		"cancelled":                            {OrderCancelled, nil, false},
		"cancelled, other money is undecided":  {OrderCancelled, []Payment{other(PaymentExpired, ReceiptHeld)}, false},
	} {
		c := caseOf(CaseWrongAmount, ReceiptHeld, tt.order, PaymentPending)
		c.Order.Payments = append(c.Order.Payments, tt.more...)
		if got := c.EndsOrder(); got != tt.want {
			t.Errorf("%s: %v, want %v", name, got, tt.want)
		}
	}
}

// What is a part of an order that is paid with too little, and the difference then.
func TestFurtherParts(t *testing.T) {
	part := func(change func(*Case)) Case {
		c := caseOf(CaseSecondPayment, ReceiptHeld, OrderPaid, PaymentPaid)
		c.Payment.Amount, c.Receipt.Amount = 90_000, 50_000
		c.Order.Payments = []Payment{{ID: 4, State: PaymentPaid, Receipts: []Receipt{{ID: 8, Amount: 40_000, Status: ReceiptApplied}}}}
		if change != nil {
			change(&c)
		}
		return c
	}
	for name, tt := range map[string]struct {
		c          Case
		further    bool
		difference int64
	}{
		"the rest":        {part(nil), true, 0},
		"less":            {part(func(c *Case) { c.Receipt.Amount = 49_000 }), true, -1_000},
		"no receipt":      {part(func(c *Case) { c.Receipt = nil }), false, 0},
		"no payment":      {part(func(c *Case) { c.Payment = nil }), false, 0},
		"decided":         {part(func(c *Case) { c.Receipt.Status = ReceiptKept }), false, 0},
		"a reusable code": {part(func(c *Case) { c.Payment.Reusable = true }), false, -40_000},
	} {
		if got := tt.c.IsFurtherPart(); got != tt.further {
			t.Errorf("%s: a further part %v, want %v", name, got, tt.further)
		}
		if got := tt.c.DifferenceOnceAccepted(); name != "decided" && got != tt.difference {
			t.Errorf("%s: the difference is %d, want %d", name, got, tt.difference)
		}
	}
	deposit := part(func(c *Case) { c.Payment.Reusable = true })
	if got := deposit.acceptedDifference(); got != -40_000 {
		t.Errorf("a deposit differs by %d, want -40000: those before it have nothing to do with it", got)
	}
}

// Of a contradiction a shopper is told when the record changes, and not otherwise.
func TestWhoHearsOfAContradiction(t *testing.T) {
	c := caseOf(CaseContradiction, ReceiptApplied, OrderPaid, PaymentPaid)
	if !c.TellsShopper(DecisionCorrect) || c.TellsShopper(DecisionNone) {
		t.Errorf("corrected %v, nothing done %v; want the first alone", c.TellsShopper(DecisionCorrect), c.TellsShopper(DecisionNone))
	}
}

// Correcting the amount of money changes that money alone, and is on record as money.
func TestACorrectionIsOfOneReceipt(t *testing.T) {
	s, c := openStore(t)
	ctx := context.Background()
	first, other := withCode(t, s, c, "MNM-GAYO"), withCode(t, s, c, "MNM-GAYO")
	for _, o := range []Order{first, other} {
		tell(t, s, c, o, int(o.ID), telling{by: SourceNotification, id: o.Number})
	}
	tell(t, s, c, first, 100, telling{by: SourceNotification, id: first.Number, amount: 88_000})
	decide(t, s, first, CaseContradiction, Decision{Kind: DecisionCorrect, By: "Sari", Reason: "as in the Back Office"})
	for o, want := range map[*Order]int64{&first: 88_000, &other: other.Total} {
		if got := reload(t, s, *o).Payment().Receipts[0].Amount; got != want {
			t.Errorf("order %d has Rp %d, want Rp %d", o.ID, got, want)
		}
	}
	changes, err := s.AuditEventsOf(ctx, first.ID)
	if err != nil {
		t.Fatal(err)
	}
	corrected := 0
	for _, e := range changes {
		if e.Kind == AuditReceipt && e.Was == "90000" && e.Became == "88000" && e.PaymentID == first.Payment().ID {
			corrected++
		}
	}
	if corrected != 1 {
		t.Errorf("%d records of the correction, want one: %+v", corrected, changes)
	}
}

// Where a person finds the record right, it stays as it is.
func TestAContradictionThatChangesNothing(t *testing.T) {
	s, c := openStore(t)
	o := withCode(t, s, c, "MNM-GAYO")
	for n, amount := range []int64{o.Total, 88_000} {
		tell(t, s, c, o, n, telling{by: SourceNotification, id: "1", amount: amount})
	}
	decide(t, s, o, CaseContradiction, Decision{Kind: DecisionNone, By: "Sari", Reason: "the Back Office agrees with us"})
	if got := reload(t, s, o); got.Payment().Receipts[0].Amount != o.Total || len(got.OpenCases) != 0 {
		t.Errorf("Rp %d on record, cases %v", got.Payment().Receipts[0].Amount, got.OpenCases)
	}
}

// Money for nobody's invoice number can be corrected, too.
func TestACorrectionOfMoneyForNobody(t *testing.T) {
	s, c := openStore(t)
	for n, amount := range []int64{90_000, 88_000} {
		a := telling{id: "1", by: SourceNotification, amount: amount}.arrival(Payment{InvoiceNumber: "ELSE-1"})
		deliver(t, s, c, string(rune('a'+n)), "{}", PaidEvent(a))
	}
	found := casesOfKind(t, s, CaseContradiction)
	if len(found) != 1 {
		t.Fatalf("%d contradictions", len(found))
	}
	if _, err := s.Decide(context.Background(), found[0].ID, Decision{Kind: DecisionCorrect, By: "Sari", Reason: "as in the Back Office"}); err != nil {
		t.Fatal(err)
	}
	var r Receipt
	if err := s.read.Where("invoice_number = ?", "ELSE-1").Take(&r).Error; err != nil || r.Amount != 88_000 {
		t.Errorf("Rp %d, %v", r.Amount, err)
	}
}
