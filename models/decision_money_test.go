package models

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"
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

// An order is cancelled, or to be paid again, only with all of its customer's money given back.
func TestAPartIsNotTheWholeRefund(t *testing.T) {
	for _, kind := range []DecisionKind{DecisionCancel, DecisionPayAgain} {
		t.Run(string(kind), func(t *testing.T) {
			s, c := openStore(t)
			o := withCode(t, s, c, "MNM-GAYO")
			wrong := paid(o.Payment(), c.now())
			wrong.Amount -= 1000
			deliver(t, s, c, "wrong", "{}", PaidEvent(wrong))
			d := refundOf(c, 1)
			d.Kind, d.Next = kind, attempt(o, 2)
			if _, err := s.Decide(context.Background(), only(t, s).ID, d); !errors.Is(err, ErrRefund) {
				t.Errorf("with Rp 1 refunded: %v", err)
			}
			if got := reload(t, s, o); got.Status != OrderAwaitingPayment || len(got.Payments) != 1 || got.Money().Undecided != wrong.Amount {
				t.Errorf("order %s, %d attempts, money %+v", got.Status, len(got.Payments), got.Money())
			}
			d.Refund = wrong.Amount
			decide(t, s, o, CaseWrongAmount, d)
			if m := reload(t, s, o).Money(); m != (Money{Unapplied: wrong.Amount, Refunded: wrong.Amount}) {
				t.Errorf("money %+v", m)
			}
		})
	}
}

// What is not refunded of money that pays no order is kept, and can be seen.
func TestTheRestOfARefundIsKept(t *testing.T) {
	s, c := openStore(t)
	o := withCode(t, s, c, "MNM-GAYO")
	wrong := paid(o.Payment(), c.now())
	wrong.Amount -= 1000
	deliver(t, s, c, "wrong", "{}", PaidEvent(wrong))
	decide(t, s, o, CaseWrongAmount, refundOf(c, 1))
	if m := reload(t, s, o).Money(); m != (Money{Unapplied: wrong.Amount, Kept: wrong.Amount - 1, Refunded: 1}) {
		t.Errorf("money %+v", m)
	}
}

// Money of a receipt goes back in parts, by the cases about it, each on its day; never more than came. The goods, which
// were sold meanwhile, are not held and do not come back.
func TestRefundsOfOneReceiptAddUp(t *testing.T) {
	s, c := openStore(t)
	ctx := context.Background()
	o := withCode(t, s, c, "KRJ-BATIK")
	expire(t, s, o)
	place(t, s, "KRJ-BATIK", stock(t, s, "KRJ-BATIK"))
	deliver(t, s, c, "late", "{}", PaidEvent(paid(o.Payment(), c.now())))
	today := c.now().Truncate(oneDay)
	decide(t, s, o, CaseLatePayment, refundOf(c, 1000))
	c.advance(oneDay)
	if _, err := s.Decide(ctx, caseAbout(t, s, o, CaseOutOfStock).ID, refundOf(c, o.Total)); !errors.Is(err, ErrRefund) {
		t.Errorf("more than is left: %v", err)
	}
	decide(t, s, o, CaseOutOfStock, refundOf(c, o.Total-1000))
	got := reload(t, s, o)
	if m := got.Money(); m != (Money{Applied: o.Total, Refunded: o.Total, AppliedRefunded: o.Total}) || stock(t, s, "KRJ-BATIK") != 0 {
		t.Errorf("money %+v, %d in stock", m, stock(t, s, "KRJ-BATIK"))
	}
	days, err := s.Days(ctx, today.Add(oneDay), 2)
	if err != nil || days[0].Refunded != 1000 || days[1].Refunded != o.Total-1000 {
		t.Errorf("refunded by day %d and %d, %v", days[0].Refunded, days[1].Refunded, err)
	}
	changes, err := s.AuditEventsOf(ctx, o.ID)
	var written []string
	for _, change := range changes {
		if change.Kind == AuditReceipt && change.Was == string(ReceiptApplied) {
			written = append(written, change.Became)
		}
	}
	if want := []string{"applied 1000", fmt.Sprint("applied ", o.Total-1000)}; err != nil || !slices.Equal(written, want) {
		t.Errorf("written %q, want %q; %v", written, want, err)
	}
}

// Money that the gateway dates ahead, or long ago, is in the sums of the days, and can be refunded on the day it came.
func TestMoneyWithAnImplausibleDate(t *testing.T) {
	s, c := openStore(t)
	var came int64
	for i, date := range []time.Duration{5 * time.Hour, 40 * oneDay, -800 * oneDay, 0} {
		o := withCode(t, s, c, "MNM-GAYO")
		deliver(t, s, c, fmt.Sprint(i), "{}", PaidEvent(paid(o.Payment(), c.now().Add(date))))
		came += o.Total
		r := reload(t, s, o).Payment().Receipts[0]
		if r.KnownSince().After(c.now()) {
			t.Errorf("dated %s ahead: cannot be refunded before %s", date, r.KnownSince())
		}
	}
	days, err := s.Days(context.Background(), c.now().Truncate(oneDay), 1)
	if err != nil || days[0].Received != came {
		t.Errorf("received Rp %d, want Rp %d; %v", days[0].Received, came, err)
	}
	if days[0].Paid != 3 { // the fourth was paid in another year, says the gateway
		t.Errorf("%d orders paid", days[0].Paid)
	}
}

// The report compares with the difference that was accepted, and is not blind to what goes wrong later.
func TestMismatchesAfterAnAcceptedDifference(t *testing.T) {
	s, c := openStore(t)
	o := withCode(t, s, c, "MNM-GAYO")
	wrong := paid(o.Payment(), c.now())
	wrong.Amount -= 1000
	deliver(t, s, c, "wrong", "{}", PaidEvent(wrong))
	decide(t, s, o, CaseWrongAmount, Decision{Kind: DecisionAccept, By: "Sari", Reason: "a small difference"})
	report := func(want ...string) {
		t.Helper()
		list, err := s.Mismatches(context.Background())
		var got []string
		for _, m := range list {
			got = append(got, m.Detail)
		}
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("the report is %q, want %q; %v", got, want, err)
		}
	}
	report()
	r := reload(t, s, o).Payment().Receipts[0]
	set(t, s, &Receipt{}, r.ID, "amount", o.Total)
	report("order paid of Rp 90000, -1000 accepted, has receipts of Rp 90000")
	set(t, s, &Receipt{}, r.ID, "status", ReceiptKept)
	report("order paid of Rp 90000, -1000 accepted, has receipts of Rp 0")
}

// Two payments that make up one are both accepted; more than was asked for is not counted towards the order unseen.
func TestTwoPartsPayOneOrder(t *testing.T) {
	s, c := openStore(t)
	ctx := context.Background()
	o := withCode(t, s, c, "MNM-GAYO")
	for i, amount := range []int64{40_000, 50_000, 1_000} {
		part := numbered(paid(o.Payment(), c.now()), i)
		part.Amount = amount
		deliver(t, s, c, fmt.Sprint(i), "{}", PaidEvent(part))
	}
	open, err := s.OpenCases(ctx, 10)
	if err != nil || len(open) != 3 {
		t.Fatalf("%d open cases, %v", len(open), err)
	}
	accept := Decision{Kind: DecisionAccept, By: "Sari", Reason: "the other half"}
	for i, left := range []int64{-50_000, 0} {
		half, err := s.Case(ctx, open[i].ID)
		if err != nil || half.DifferenceOnceAccepted() != left || half.IsFurtherPart() != (i > 0) {
			t.Errorf("once accepted the difference is %d, want %d; a further part %v; %v", half.DifferenceOnceAccepted(), left, half.IsFurtherPart(), err)
		}
		if _, err := s.Decide(ctx, half.ID, accept); err != nil {
			t.Fatal(err)
		}
		if list, err := s.Mismatches(ctx); err != nil || slices.ContainsFunc(list, func(m Mismatch) bool { return m.Kind == MismatchMoney }) {
			t.Errorf("mismatches %+v, %v", list, err)
		}
	}
	if m := reload(t, s, o).Money(); m != (Money{Applied: 90_000, Unapplied: 1_000, Undecided: 1_000}) {
		t.Errorf("money %+v", m)
	}
	if _, err := s.Decide(ctx, open[2].ID, accept); !errors.Is(err, ErrNotOffered) {
		t.Errorf("more than was asked for: %v", err)
	}
}

// A gateway that puts itself right after the decision is a case that names its notification, and can put right the
// books: the receipt, the sums and the report.
func TestTheBooksFollowAGatewayThatCorrectsItself(t *testing.T) {
	for kind, want := range map[DecisionKind]Money{
		DecisionAccept: {Applied: 90_000},
		DecisionRefund: {Unapplied: 90_000, Kept: 1_000, Refunded: 89_000},
		DecisionNone:   {Unapplied: 90_000, Kept: 90_000},
	} {
		t.Run(string(kind), func(t *testing.T) {
			s, c := openStore(t)
			ctx := context.Background()
			o := withCode(t, s, c, "MNM-GAYO")
			right := paid(o.Payment(), c.now())
			wrong := right
			wrong.Amount = 89_000
			deliver(t, s, c, "wrong", "{}", PaidEvent(wrong))
			d := refundOf(c, wrong.Amount)
			d.Kind = kind
			decide(t, s, o, CaseWrongAmount, d)
			n := deliver(t, s, c, "right", "{}", PaidEvent(right))
			contradiction := caseAbout(t, s, o, CaseContradiction)
			if contradiction.NotificationID == nil || *contradiction.NotificationID != n.ID || contradiction.Told != 90_000 {
				t.Errorf("the case is of notification %v, want %d, and told of Rp %d", contradiction.NotificationID, n.ID, contradiction.Told)
			}
			if ways := contradiction.Decisions(); !slices.Equal(ways, []DecisionKind{DecisionNone, DecisionCorrect}) {
				t.Errorf("offered %v", ways)
			}
			before := reload(t, s, o)
			decide(t, s, o, CaseContradiction, Decision{Kind: DecisionCorrect, By: "Sari", Reason: "DOKU says so"})
			got := reload(t, s, o)
			if got.Money() != want || got.Status != before.Status || got.Payment().Receipts[0].Status != before.Payment().Receipts[0].Status {
				t.Errorf("order %s, money %+v, want %+v", got.Status, got.Money(), want)
			}
			days, err := s.Days(ctx, c.now().Truncate(oneDay), 1)
			if err != nil || days[0].Received+days[0].Unapplied != 90_000 {
				t.Errorf("the day has %+v, %v", days[0].DailyStats, err)
			}
			changes, err := s.AuditEventsOf(ctx, o.ID)
			if err != nil || !slices.ContainsFunc(changes, func(e AuditEvent) bool { return e.Was == "89000" && e.Became == "90000" }) {
				t.Errorf("no change of the amount is written; %v", err)
			}
			list, err := s.Mismatches(ctx)
			if err != nil || len(list) != 0 {
				t.Errorf("mismatches %+v, %v", list, err)
			}
			var mails int64
			err = s.read.Model(&Mail{}).Where("case_id = ?", contradiction.ID).Count(&mails).Error
			if err != nil || mails != 1 {
				t.Errorf("%d mails, %v", mails, err)
			}
		})
	}
}

// Nothing can be corrected to what is on record already, or to less than was refunded.
func TestWhatCanBeCorrected(t *testing.T) {
	for name, tt := range map[string]struct {
		change func(*Case)
		want   bool
	}{
		"another amount":           {func(*Case) {}, true},
		"no amount was told":       {func(c *Case) { c.Told = 0 }, false},
		"the amount on record":     {func(c *Case) { c.Told = c.Receipt.Amount }, false},
		"all that was refunded":    {func(c *Case) { c.Receipt.Refunded, c.Told = 5, 5 }, true},
		"less than was refunded":   {func(c *Case) { c.Receipt.Refunded, c.Told = 5, 4 }, false},
		"no money but a retelling": {func(c *Case) { c.Receipt.Status = ReceiptDuplicate }, false},
		"another kind of case":     {func(c *Case) { c.Kind = CaseLatePayment }, false},
	} {
		c := caseOf(CaseContradiction, ReceiptApplied, OrderPaid, PaymentPaid)
		c.Told = 90_000
		tt.change(&c)
		if got := slices.Contains(c.Decisions(), DecisionCorrect); got != tt.want {
			t.Errorf("%s: offered %v", name, got)
		}
	}
}
