package models

import (
	"context"
	"slices"
	"testing"
	"time"
)

// only is the one open case.
func only(t *testing.T, s *Store) Case {
	t.Helper()
	open, err := s.OpenCases(context.Background(), 10)
	if err != nil || len(open) != 1 {
		t.Fatalf("%d open cases, %v", len(open), err)
	}
	return open[0]
}

func decideRefund(t *testing.T, s *Store, c Case) {
	t.Helper()
	d := Decision{Kind: DecisionRefund, By: "Sari", Reason: "x", Refund: c.Receipt.Amount, RefundedOn: time.Now(), RefundMethod: "transfer"}
	if _, err := s.Decide(context.Background(), c.ID, d); err != nil {
		t.Fatal(err)
	}
}

// What a later telling leaves out puts nothing right; what it states rightly does.
func TestWhatALaterTellingPutsRight(t *testing.T) {
	for name, tt := range map[string]struct {
		wrong func(*Arrival)
		kind  CaseKind
	}{
		"code":    {func(a *Arrival) { a.PaymentCode = "8888888800000000" }, CaseWrongCode},
		"channel": {func(a *Arrival) { a.Channel = "ONLINE_TO_OFFLINE_ALFA" }, CaseWrongChannel},
	} {
		t.Run(name, func(t *testing.T) {
			s, c := openStore(t)
			ctx := context.Background()
			o := withCode(t, s, c, "MNM-GAYO")
			right := paid(o.Payment(), c.now())
			wrong, silent := right, right
			tt.wrong(&wrong)
			silent.PaymentCode, silent.Channel = "", ""
			deliver(t, s, c, "wrong", "{}", PaidEvent(wrong))
			if _, err := s.ApplyStatus(ctx, nil, silent); err != nil {
				t.Fatal(err)
			}
			if got := reload(t, s, o); got.Status != OrderAwaitingPayment || flag(got) != tt.kind {
				t.Errorf("after an answer without it: order %s, case %q", got.Status, flag(got))
			}
			if _, err := s.ApplyStatus(ctx, nil, right); err != nil {
				t.Fatal(err)
			}
			got := reload(t, s, o)
			if r := got.Payment().Receipts[0]; got.Status != OrderPaid || flag(got) != "" || r.PaymentCode != right.PaymentCode || r.Channel != right.Channel {
				t.Errorf("after the right answer: order %s, case %q, receipt %+v", got.Status, flag(got), r)
			}
		})
	}
}

// An order that its gateway has put right too late for its goods is a case all the same.
func TestPutRightAndSoldOut(t *testing.T) {
	s, c := openStore(t)
	o := withCode(t, s, c, "KRJ-BATIK")
	if err := s.Expire(context.Background(), nil, o.Payment().ID); err != nil {
		t.Fatal(err)
	}
	place(t, s, "KRJ-BATIK", stock(t, s, "KRJ-BATIK"))
	right := paid(o.Payment(), c.now())
	wrong := right
	wrong.Amount--
	deliver(t, s, c, "wrong", "{}", PaidEvent(wrong))
	deliver(t, s, c, "right", "{}", PaidEvent(right))
	got := reload(t, s, o)
	var kinds []CaseKind
	for _, open := range got.OpenCases {
		kinds = append(kinds, open.Kind)
	}
	slices.Sort(kinds)
	if got.Status != OrderPaid || !slices.Equal(kinds, []CaseKind{CaseLatePayment, CaseOutOfStock}) {
		t.Errorf("order %s, open cases %v", got.Status, kinds)
	}
}

// Once its money is decided an order goes on: it ends where nothing can be paid any more.
func TestOrdersGoOnAfterADecision(t *testing.T) {
	ctx := context.Background()
	t.Run("a reusable code that has expired", func(t *testing.T) {
		s, c := openStore(t)
		o := withCode(t, s, c, "VCR-CELENGAN")
		wrong := paid(o.Payment(), c.now())
		wrong.Amount--
		deliver(t, s, c, "wrong", "{}", PaidEvent(wrong))
		if err := s.Expire(ctx, nil, o.Payment().ID); err != nil {
			t.Fatal(err)
		}
		if got := reload(t, s, o); got.Status != OrderAwaitingPayment {
			t.Errorf("with its money undecided the order is %s", got.Status)
		}
		decideRefund(t, s, only(t, s))
		if got := reload(t, s, o); got.Status != OrderExpired || got.StockHeld {
			t.Errorf("order %s, stock held %v", got.Status, got.StockHeld)
		}
	})
	t.Run("money before the code", func(t *testing.T) {
		s, c := openStore(t)
		o := place(t, s, "MNM-GAYO", 1)
		wrong := paid(o.Payment(), c.now())
		wrong.Amount--
		deliver(t, s, c, "wrong", "{}", PaidEvent(wrong))
		decideRefund(t, s, only(t, s))
		giveCode(t, s, c, o.Payment())
		if got := reload(t, s, o); got.Status != OrderExpired || got.Payment().State != PaymentFailed || got.Payment().Code != "" {
			t.Errorf("order %s, payment %s with code %q", got.Status, got.Payment().State, got.Payment().Code)
		}
	})
	t.Run("late money that is refunded", func(t *testing.T) {
		s, c := openStore(t)
		before := stock(t, s, "MNM-GAYO")
		o := withCode(t, s, c, "MNM-GAYO")
		if err := s.Expire(ctx, nil, o.Payment().ID); err != nil {
			t.Fatal(err)
		}
		deliver(t, s, c, "late", "{}", PaidEvent(paid(o.Payment(), c.now())))
		decideRefund(t, s, only(t, s))
		if got := reload(t, s, o); got.Status != OrderPaid || got.StockHeld || stock(t, s, "MNM-GAYO") != before {
			t.Errorf("order %s, stock held %v, stock %d, was %d", got.Status, got.StockHeld, stock(t, s, "MNM-GAYO"), before)
		}
	})
}

// While other money for an order is undecided it is neither cancelled nor asked to be
// paid again.
func TestOtherMoneyUndecided(t *testing.T) {
	s, c := openStore(t)
	o := withCode(t, s, c, "MNM-GAYO")
	for i := range 2 {
		wrong := numbered(paid(o.Payment(), c.now()), i)
		wrong.Amount -= int64(1 + i)
		deliver(t, s, c, string(rune('a'+i)), "{}", PaidEvent(wrong))
	}
	open, err := s.OpenCases(context.Background(), 10)
	if err != nil || len(open) != 2 {
		t.Fatalf("%d open cases, %v", len(open), err)
	}
	for _, c := range open {
		if ways := c.Decisions(); !slices.Equal(ways, []DecisionKind{DecisionAccept, DecisionRefund, DecisionNone}) {
			t.Errorf("offered %v", ways)
		}
	}
	decideRefund(t, s, open[0])
	last := only(t, s)
	if got := reload(t, s, o); got.Status != OrderAwaitingPayment || !got.HasUndecidedMoney() {
		t.Errorf("order %s with money undecided", got.Status)
	}
	decideRefund(t, s, last)
	if got := reload(t, s, o); got.Status != OrderExpired || len(got.OpenCases) != 0 {
		t.Errorf("order %s, %d open cases", got.Status, len(got.OpenCases))
	}
}

// Cases that the gateway has answered since are closed.
func TestCloseAnswered(t *testing.T) {
	s, c := openStore(t)
	ctx := context.Background()
	waiting, answered := place(t, s, "MNM-TEH", 1), place(t, s, "MNM-TEH", 1)
	for _, o := range []Order{waiting, answered} {
		if err := s.Raise(ctx, nil, o.Payment(), CaseNoCode, "none"); err != nil {
			t.Fatal(err)
		}
	}
	giveCode(t, s, c, answered.Payment())
	if err := s.CloseAnswered(ctx); err != nil {
		t.Fatal(err)
	}
	if got := only(t, s); *got.OrderID != waiting.ID {
		t.Errorf("the case of order %d is open, want that of %d", *got.OrderID, waiting.ID)
	}
}
