package models

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"
)

// Money of an order is what its receipts say. A receipt that is a second telling of the same
// money counts for nothing.
func TestMoneyOfAnOrder(t *testing.T) {
	receipt := func(status ReceiptStatus, amount, refunded int64) Receipt {
		return Receipt{Status: status, Amount: amount, Refunded: refunded}
	}
	applied, held, returned := receipt(ReceiptApplied, 100, 7), receipt(ReceiptHeld, 20, 0), receipt(ReceiptReturned, 3, 2)
	kept, duplicate := receipt(ReceiptKept, 5000, 0), receipt(ReceiptDuplicate, 600000, 0)
	for name, tt := range map[string]struct {
		attempts []Payment
		want     Money
	}{
		"nothing came":  {nil, Money{}},
		"applied":       {[]Payment{{Receipts: []Receipt{applied}}}, Money{Applied: 100, Refunded: 7, AppliedRefunded: 7}},
		"applied twice": {[]Payment{{Receipts: []Receipt{applied, applied}}}, Money{Applied: 200, Refunded: 14, AppliedRefunded: 14}},
		"held":          {[]Payment{{Receipts: []Receipt{held}}}, Money{Unapplied: 20, Undecided: 20}},
		"held twice":    {[]Payment{{Receipts: []Receipt{held, held}}}, Money{Unapplied: 40, Undecided: 40}},
		"given back":    {[]Payment{{Receipts: []Receipt{returned, returned}}}, Money{Unapplied: 6, Kept: 2, Refunded: 4}},
		"kept":          {[]Payment{{Receipts: []Receipt{kept}}}, Money{Unapplied: 5000, Kept: 5000}},
		"told twice":    {[]Payment{{Receipts: []Receipt{duplicate}}}, Money{}},
		"of all attempts": {[]Payment{{Receipts: []Receipt{held, applied}}, {}, {Receipts: []Receipt{kept, duplicate, returned}}},
			Money{Applied: 100, Unapplied: 5023, Undecided: 20, Kept: 5001, Refunded: 9, AppliedRefunded: 7}},
	} {
		if got := (Order{Payments: tt.attempts}).Money(); got != tt.want {
			t.Errorf("%s: %+v, want %+v", name, got, tt.want)
		}
	}
}

// Where two attempts of an order are paid, each keeps its own receipts, and the one whose money
// was applied is the one that counts.
func TestTheAttemptWhoseMoneyIsAppliedCounts(t *testing.T) {
	s, c := openStore(t)
	o := withCode(t, s, c, "MNM-GAYO")
	expire(t, s, o)
	o = reload(t, s, o)
	if added, err := s.AddPayment(context.Background(), o, attempt(o, 2)); !added || err != nil {
		t.Fatal(added, err)
	}
	o = reload(t, s, o)
	giveCode(t, s, c, o.Payment())
	o = reload(t, s, o)
	want(t, deliver(t, s, c, "new", "{}", PaidEvent(numbered(paid(o.Payments[1], c.now()), 2))), VerdictApplied, EffectPaid)
	want(t, deliver(t, s, c, "old", "{}", PaidEvent(numbered(paid(o.Payments[0], c.now()), 1))), VerdictHeld, EffectSecondPayment)
	got := reload(t, s, o)
	for i, want := range []ReceiptStatus{ReceiptHeld, ReceiptApplied} {
		p := got.Payments[i]
		if len(p.Receipts) != 1 || p.State != PaymentPaid || p.Receipts[0].Status != want || p.Receipts[0].InvoiceNumber != p.InvoiceNumber {
			t.Errorf("attempt %d is %s with receipts %+v, want one that is %s", i+1, p.State, p.Receipts, want)
		}
	}
	if counts := got.Payment().Attempt; counts != 2 {
		t.Errorf("attempt %d counts, want 2", counts)
	}
}

// An order is not placed without the form that placed it: a repeat could not be told from another.
func TestNoOrderWithoutItsForm(t *testing.T) {
	s, _ := openStore(t)
	before := stock(t, s, "MNM-GAYO")
	o, placed, err := placeAs(context.Background(), s, "", "MNM-GAYO", 1)
	if err == nil || placed || o.ID != 0 || stock(t, s, "MNM-GAYO") != before {
		t.Errorf("order %d, placed %v, %v; %d left, was %d", o.ID, placed, err, stock(t, s, "MNM-GAYO"), before)
	}
}

// An order that gets another attempt while it waits is counted against the limits as before.
func TestANewAttemptStaysCounted(t *testing.T) {
	s, c := openStore(t)
	ctx := context.Background()
	o, err := shopper{"192.0.2.7", "siti@example.com", "081234567890"}.order(t, s, "MNM-TEH", 1)
	if err != nil {
		t.Fatal(err)
	}
	refuseCode(t, s, c, o)
	if added, err := s.AddPayment(ctx, reload(t, s, o), attempt(o, 2)); !added || err != nil {
		t.Fatal(added, err)
	}
	counted, err := s.CountSameHolder(ctx, o.ID)
	if err != nil || counted[HolderClient] != 1 || counted[HolderEmail] != 1 || counted[HolderPhone] != 1 {
		t.Errorf("counted %v, %v; want it once for each of its holders", counted, err)
	}
}

// cancellations are the payments that mails about a cancelled order are due for.
func cancellations(t *testing.T, s *Store) (payments []int64) {
	t.Helper()
	due, err := s.ClaimMails(context.Background(), 100)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range due {
		if m.Kind == MailCancelled {
			payments = append(payments, m.PaymentID)
		}
	}
	return payments
}

// Cancelling an order touches that order alone, says by whom and why, and has its customer told
// once, of its latest attempt.
func TestCancellingTouchesOneOrder(t *testing.T) {
	s, c := openStore(t)
	ctx := context.Background()
	other := withCode(t, s, c, "MNM-GAYO")
	expire(t, s, other)
	if added, err := s.AddPayment(ctx, reload(t, s, other), attempt(other, 2)); !added || err != nil {
		t.Fatal(added, err)
	}
	o := withCode(t, s, c, "MNM-GAYO")
	for i, by := range []string{"Sari", "Tono"} {
		if done, err := s.CancelOrderAs(ctx, o.ID, by, "asked by phone"); done != (i == 0) || err != nil {
			t.Errorf("cancelled by %s: %v, %v", by, done, err)
		}
	}
	if got := reload(t, s, o); got.Status != OrderCancelled || got.CancelledBy != "Sari" || got.CancelledFor != "asked by phone" {
		t.Errorf("order %s, cancelled by %q for %q", got.Status, got.CancelledBy, got.CancelledFor)
	}
	if got := reload(t, s, other); got.Status != OrderAwaitingPayment || got.CancelledBy != "" || got.CancelledFor != "" {
		t.Errorf("another order is %s, cancelled by %q for %q", got.Status, got.CancelledBy, got.CancelledFor)
	}
	if told := cancellations(t, s); !slices.Equal(told, []int64{o.Payment().ID}) {
		t.Errorf("mails for the payments %v, want one for %d", told, o.Payment().ID)
	}
}

// An order is not cancelled once it has ended, or while money that came for it is undecided; then
// nothing about it changes, and its customer is told nothing.
func TestWhatIsNotCancelled(t *testing.T) {
	for name, tt := range map[string]struct {
		prepare func(t *testing.T, s *Store, c *clock, o Order)
		want    error
		status  OrderStatus
	}{
		"paid": {func(t *testing.T, s *Store, c *clock, o Order) {
			deliver(t, s, c, "paid", "{}", PaidEvent(paid(o.Payment(), c.now())))
		}, nil, OrderPaid},
		"expired": {func(t *testing.T, s *Store, _ *clock, o Order) { expire(t, s, o) }, nil, OrderExpired},
		"undecided": {func(t *testing.T, s *Store, c *clock, o Order) {
			wrong := paid(o.Payment(), c.now())
			wrong.Amount--
			deliver(t, s, c, "wrong", "{}", PaidEvent(wrong))
		}, ErrMoneyUndecided, OrderAwaitingPayment},
	} {
		t.Run(name, func(t *testing.T) {
			s, c := openStore(t)
			o := withCode(t, s, c, "MNM-GAYO")
			tt.prepare(t, s, c, o)
			before := stock(t, s, "MNM-GAYO")
			if done, err := s.CancelOrderAs(context.Background(), o.ID, "Sari", "asked by phone"); done || !errors.Is(err, tt.want) {
				t.Errorf("cancelled %v, %v; want %v", done, err, tt.want)
			}
			if got := reload(t, s, o); got.Status != tt.status || got.CancelledBy != "" || got.CancelledFor != "" || stock(t, s, "MNM-GAYO") != before {
				t.Errorf("order %s, cancelled by %q for %q; %d left, was %d", got.Status, got.CancelledBy, got.CancelledFor,
					stock(t, s, "MNM-GAYO"), before)
			}
			if told := cancellations(t, s); len(told) != 0 {
				t.Errorf("mails for the payments %v", told)
			}
		})
	}
}

// The case about goods that are sold out names the money that paid the order: not other money of
// it that is held, and not another order's.
func TestSoldOutNamesTheMoneyThatPaid(t *testing.T) {
	s, c := openStore(t)
	ctx := context.Background()
	o, other := withCode(t, s, c, "KRJ-BATIK"), withCode(t, s, c, "MNM-GAYO")
	expire(t, s, o)
	for i := range 2 {
		wrong := numbered(paid(o.Payment(), c.now()), i)
		wrong.Amount -= int64(1 + i)
		deliver(t, s, c, string(rune('a'+i)), "{}", PaidEvent(wrong))
	}
	deliver(t, s, c, "other", "{}", PaidEvent(paid(other.Payment(), c.now())))
	place(t, s, "KRJ-BATIK", stock(t, s, "KRJ-BATIK"))
	first := reload(t, s, o).OpenCases[0]
	if _, err := s.Decide(ctx, first.ID, Decision{Kind: DecisionAccept, By: "Sari", Reason: "a rupiah"}); err != nil {
		t.Fatal(err)
	}
	got := reload(t, s, o)
	i := slices.IndexFunc(got.OpenCases, func(c Case) bool { return c.Kind == CaseOutOfStock })
	if got.Status != OrderPaid || got.StockHeld || i < 0 {
		t.Fatalf("order %s, stock held %v, open cases %+v", got.Status, got.StockHeld, got.OpenCases)
	}
	soldOut := got.OpenCases[i]
	if soldOut.ReceiptID == nil || *soldOut.ReceiptID != *first.ReceiptID || soldOut.PaymentID == nil || *soldOut.PaymentID != o.Payment().ID {
		t.Errorf("the case is about receipt %v of payment %v, want %d of %d", soldOut.ReceiptID, soldOut.PaymentID, *first.ReceiptID, o.Payment().ID)
	}
}

// An expired code is asked about once more after 31 minutes: a notification that could not be
// delivered comes again half an hour later, and a minute passes until an answer can be trusted.
func TestAnExpiredCodeIsAskedAboutOnceMore(t *testing.T) {
	s, c := openStore(t)
	o := withCode(t, s, c, "MNM-GAYO")
	expire(t, s, o)
	if next := reload(t, s, o).Payment().NextCheckAt; next == nil || !next.Equal(c.now().Add(31*time.Minute)) {
		t.Errorf("asked about again at %v, want 31 minutes after %v", next, c.now())
	}
}
