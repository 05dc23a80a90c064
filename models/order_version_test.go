package models

import (
	"context"
	"errors"
	"testing"
	"time"
)

// glance looks at an order, and fails the test where the order itself, loaded
// whole, does not give the same.
func version(t *testing.T, s *Store, o Order) OrderVersion {
	t.Helper()
	g, err := s.OrderVersion(context.Background(), o.Token)
	if err != nil {
		t.Fatal(err)
	}
	if loaded := reload(t, s, o); loaded.Version() != g {
		t.Errorf("a look at the order gives %s, the order itself %s", g, loaded.Version())
	}
	return g
}

// Whatever changes what a shopper is shown of an order makes another glance; what
// changes nothing of it does not.
func TestGlance(t *testing.T) {
	s, c := openStore(t)
	ctx := context.Background()
	var o Order
	payment := func() Payment { return reload(t, s, o).Payment() }
	arrived := func(amount int64) (Notification, NotificationEvent) {
		p := payment()
		return Notification{RequestID: p.InvoiceNumber + c.now().String(), Body: []byte("{}")},
			PaidEvent(Arrival{InvoiceNumber: p.InvoiceNumber, Amount: amount, PaidAt: c.now()})
	}
	for _, life := range []struct {
		name, sku string
		steps     []glanceStep
	}{
		{"paid again and again", "VCR-CELENGAN", []glanceStep{
			{"leased", false, func() error { _, _, err := s.Claim(ctx, payment().ID); return err }},
			{"postponed", true, func() error { return s.Postpone(ctx, nil, payment(), "no answer", c.now()) }},
			{"postponed again", false, func() error { return s.Postpone(ctx, nil, payment(), "no answer", c.now()) }},
			{"code", true, func() error { giveCode(t, s, c, payment()); return nil }},
			{"instructions", true, func() error {
				return s.SetInstructions(ctx, nil, payment().ID, []Instruction{{"id", []string{"Bilang “DOKU”"}}})
			}},
			{"none after all", true, func() error { return s.SetInstructions(ctx, nil, payment().ID, nil) }},
			{"asked", false, func() error { _, err := s.MayCheck(ctx, payment().ID, 0); return err }},
			{"checked", true, func() error { return s.Checked(ctx, nil, payment(), "PENDING") }},
			{"checked later", true, func() error { return s.Checked(ctx, nil, payment(), "PENDING") }},
			{"another answer", true, func() error { c.advance(-time.Second); return s.Checked(ctx, nil, payment(), "SUCCESS") }},
			{"wrong amount", true, func() error { n, e := arrived(1); _, err := s.ApplyNotification(ctx, n, e, c.now()); return err }},
			{"settled by a person", true, func() error { return settleAll(ctx, s) }},
			{"paid", true, func() error { n, e := arrived(25_000); _, err := s.ApplyNotification(ctx, n, e, c.now()); return err }},
			{"the same again", false, func() error {
				c.advance(-time.Second)
				n, e := arrived(25_000)
				_, err := s.ApplyNotification(ctx, n, e, c.now())
				return err
			}},
			{"paid again", true, func() error {
				n, e := arrived(25_000)
				_, err := s.ApplyNotification(ctx, n, e, c.now())
				return err
			}},
		}},
		{"in vain", "MNM-GAYO", []glanceStep{
			{"replaced", true, func() error {
				_, err := s.ReplacePayment(ctx, nil, payment(), attempt(o, 2), "taken")
				return err
			}},
			{"refused", true, func() error { return s.RefuseCode(ctx, nil, payment(), "no", c.now()) }},
			{"given up", true, func() error { return s.Expire(ctx, nil, payment().ID) }},
			{"tried once more", true, func() error { _, err := s.AddPayment(ctx, reload(t, s, o), attempt(o, 3)); return err }},
			{"code", true, func() error { giveCode(t, s, c, payment()); return nil }},
			{"raised", true, func() error { return s.Raise(ctx, nil, payment(), CaseUnsettled, "no end") }},
			{"cancelled", true, func() error { _, err := s.CancelOrder(ctx, o.ID); return err }},
			{"expired", true, func() error { return s.Expire(ctx, nil, payment().ID) }},
		}},
	} {
		t.Run(life.name, func(t *testing.T) {
			o = place(t, s, life.sku, 1)
			before := version(t, s, o)
			for _, step := range life.steps {
				c.advance(time.Second)
				if err := step.do(); err != nil {
					t.Fatalf("%s: %v", step.name, err)
				}
				after := version(t, s, o)
				if (after != before) != step.shown {
					t.Errorf("%s: another glance %v, want %v", step.name, after != before, step.shown)
				}
				before = after
			}
		})
	}
	if _, err := s.OrderVersion(ctx, "nobody's"); !errors.Is(err, ErrNotFound) {
		t.Errorf("of no order: %v", err)
	}
}

type glanceStep struct {
	name  string
	shown bool
	do    func() error
}

// settleAll has a person settle every case.
func settleAll(ctx context.Context, s *Store) error {
	open, err := s.OpenCases(ctx, 10)
	for _, c := range open {
		if _, failed := s.Decide(ctx, c.ID, Decision{Kind: DecisionNone, By: "Sari", Reason: "settled"}); failed != nil {
			err = failed
		}
	}
	return err
}

// What a look costs, and what it saves.
func BenchmarkGlance(b *testing.B) {
	s, c := openStore(b)
	o := withCode(b, s, c, "MNM-GAYO")
	b.Run("glance", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := s.OrderVersion(b.Context(), o.Token); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("order", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := s.Order(b.Context(), o.Token); err != nil {
				b.Fatal(err)
			}
		}
	})
}
