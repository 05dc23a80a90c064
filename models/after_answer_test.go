package models

import (
	"context"
	"fmt"
	"testing"
	"time"
)

// What is written after an answer of the gateway changes nothing once something else has
// moved the payment since the question was asked.
func TestAnswersUnderWay(t *testing.T) {
	ctx := context.Background()
	for name, answer := range map[string]func(s *Store, c *clock, before Payment) error{
		"PENDING": func(s *Store, c *clock, before Payment) error {
			return s.Postpone(ctx, nil, before, "", c.now().Add(30*time.Second))
		},
		"its record": func(s *Store, c *clock, before Payment) error { return s.Checked(ctx, nil, before, "PENDING") },
		"EXPIRED":    func(s *Store, c *clock, before Payment) error { return s.Expire(ctx, nil, before.ID) },
		"a refusal":  func(s *Store, c *clock, before Payment) error { return s.RefuseCode(ctx, nil, before, "no", c.now()) },
	} {
		t.Run(name, func(t *testing.T) {
			s, c := openStore(t)
			o := withCode(t, s, c, "MNM-GAYO")
			before, claimed, err := s.Claim(ctx, o.Payment().ID)
			if err != nil || !claimed {
				t.Fatal(claimed, err)
			}
			deliver(t, s, c, "paid", "{}", PaidEvent(paid(before, c.now())))
			if err := answer(s, c, before); err != nil {
				t.Fatal(err)
			}
			got := reload(t, s, o)
			if p := got.Payment(); got.Status != OrderPaid || p.State != PaymentPaid || p.NextCheckAt != nil || p.Tries != 0 || p.CheckedStatus != "" {
				t.Errorf("order %s, payment %s, next check %v, %d tries, checked %q", got.Status, p.State, p.NextCheckAt, p.Tries, p.CheckedStatus)
			}
			if stats, err := s.Stats(ctx); err != nil || stats.PaidAsked != 0 {
				t.Errorf("%d paid payments are due, %v", stats.PaidAsked, err)
			}
		})
	}
}

// A hint that comes while an answer is under way, from a payment that was due or was not, is
// followed up once an answer can be trusted: that answer was asked for before it.
func TestAHintWhileAnAnswerIsUnderWay(t *testing.T) {
	ctx := context.Background()
	never := func(s *Store, c *clock, before Payment) error { return s.Postpone(ctx, nil, before, "", time.Time{}) }
	for name, answer := range map[string]func(s *Store, c *clock, before Payment) error{
		"PENDING": func(s *Store, c *clock, before Payment) error {
			return s.Postpone(ctx, nil, before, "", c.now().Add(30*time.Minute))
		},
		"EXPIRED":   func(s *Store, c *clock, before Payment) error { return s.Expire(ctx, nil, before.ID) },
		"undecided": never,
	} {
		for due, wait := range map[string]time.Duration{"due": time.Hour, "not due": 0} {
			for _, hinted := range []bool{true, false} {
				t.Run(fmt.Sprintf("%s, %s, hinted %v", name, due, hinted), func(t *testing.T) {
					s, c := openStore(t)
					o := withCode(t, s, c, "MNM-GAYO")
					c.advance(wait)
					before, claimed, err := s.Claim(ctx, o.Payment().ID)
					if err != nil || !claimed {
						t.Fatal(claimed, err)
					}
					if hinted {
						deliver(t, s, c, "hint", "{}", UnreadableEvent(before.InvoiceNumber, "order.amount is missing"))
					}
					c.advance(5 * time.Second)
					if err := answer(s, c, before); err != nil {
						t.Fatal(err)
					}
					p := reload(t, s, o).Payment()
					soon := p.NextCheckAt != nil && p.NextCheckAt.Sub(c.now()) <= Settling
					if kept := name == "EXPIRED" && due == "not due"; soon != hinted && !kept || p.LeasedUntil != nil {
						t.Errorf("payment %s, next check %v, now %v, lease %v", p.State, p.NextCheckAt, c.now(), p.LeasedUntil)
					}
				})
			}
		}
	}
}

// A hint that comes while the code is being requested counts, too, and never delays an earlier check.
func TestAHintWhileTheCodeIsUnderWay(t *testing.T) {
	ctx := context.Background()
	s, c := openStore(t)
	o := place(t, s, "MNM-GAYO", 1)
	deliver(t, s, c, "hint", "{}", UnreadableEvent(o.Payment().InvoiceNumber, "order.amount is missing"))
	if err := s.Postpone(ctx, nil, o.Payment(), "no answer", c.now().Add(time.Second)); err != nil {
		t.Fatal(err)
	}
	if next := reload(t, s, o).Payment().NextCheckAt; next == nil || !next.Equal(c.now().Add(time.Second)) {
		t.Errorf("the code is asked for again at %v, now is %v", next, c.now())
	}
	c.advance(time.Second)
	p, claimed, err := s.Claim(ctx, o.Payment().ID)
	if err != nil || !claimed {
		t.Fatal(claimed, err)
	}
	deliver(t, s, c, "another", "{1}", UnreadableEvent(p.InvoiceNumber, "order.amount is missing"))
	code := IssuedCode{Code: "7777777700000001", IssuedAt: c.now(), ExpiresAt: c.now().Add(time.Hour)}
	if issued, err := s.IssueCode(ctx, nil, p.ID, code, c.now().Add(30*time.Minute)); err != nil || !issued {
		t.Fatal(issued, err)
	}
	if next := reload(t, s, o).Payment().NextCheckAt; next == nil || next.Sub(c.now()) > Settling+time.Second {
		t.Errorf("the hint is followed up at %v, now is %v", next, c.now())
	}
}

// A paid payment that is due all the same is counted, and settled by the gateway's SUCCESS.
func TestPaidPaymentsThatAreDue(t *testing.T) {
	s, c := openStore(t)
	ctx := context.Background()
	o := withCode(t, s, c, "MNM-GAYO")
	deliver(t, s, c, "paid", "{}", PaidEvent(paid(o.Payment(), c.now())))
	set(t, s, &Payment{}, o.Payment().ID, "next_check_at", c.now())
	if stats, err := s.Stats(ctx); err != nil || stats.PaidAsked != 1 {
		t.Errorf("%d paid payments are due, want 1 (%v)", stats.PaidAsked, err)
	}
	p := reload(t, s, o).Payment()
	if _, err := s.ApplyStatus(ctx, nil, paid(p, c.now())); err != nil {
		t.Fatal(err)
	}
	if err := s.Postpone(ctx, nil, p, "", time.Time{}); err != nil {
		t.Fatal(err)
	}
	if next := reload(t, s, o).Payment().NextCheckAt; next != nil {
		t.Errorf("asked about again at %v", next)
	}
}

// A code that another order may still be paid with is shown by neither page twice: the
// attempt fails, and a person is asked. Once it is over it may be given again.
func TestOneCodeTwoOrders(t *testing.T) {
	s, c := openStore(t)
	ctx := context.Background()
	first := withCode(t, s, c, "MNM-GAYO")
	issue := func() (Order, bool) {
		o := place(t, s, "MNM-TEH", 1)
		code := IssuedCode{Code: first.Payment().Code, IssuedAt: c.now(), ExpiresAt: c.now().Add(time.Hour)}
		issued, err := s.IssueCode(ctx, nil, o.Payment().ID, code, c.now().Add(time.Minute))
		if err != nil {
			t.Fatal(err)
		}
		return reload(t, s, o), issued
	}
	second, issued := issue()
	if p := second.Payment(); issued || p.State != PaymentFailed || p.Code != "" || flag(second) != CaseCodeTaken {
		t.Errorf("issued %v, payment %s with code %q, case %q", issued, p.State, p.Code, flag(second))
	}
	if p := reload(t, s, first).Payment(); p.State != PaymentPending || p.Code == "" {
		t.Errorf("the first order's payment is %s with code %q", p.State, p.Code)
	}
	open, err := s.OpenCases(ctx, 1)
	if err != nil || len(open) != 1 {
		t.Fatalf("%d open cases, %v", len(open), err)
	}
	next := attempt(second, 2)
	if _, err := s.Decide(ctx, open[0].ID, Decision{Kind: DecisionPayAgain, By: "Sari", Reason: "reported", Next: next}); err != nil {
		t.Fatal(err)
	}
	if got := reload(t, s, second); len(got.Payments) != 2 || got.Payment().State != PaymentCreating {
		t.Errorf("%d attempts, the last is %s", len(got.Payments), got.Payment().State)
	}
	c.advance(codeOver + time.Hour + time.Second)
	if third, issued := issue(); !issued || third.Payment().State != PaymentPending {
		t.Errorf("a day after its deadline the code is not taken: payment %s", third.Payment().State)
	}
}

// A decision that does not fit its case, or lacks what it needs, changes nothing.
func TestDecisionsThatAreRefused(t *testing.T) {
	s, c := openStore(t)
	ctx := context.Background()
	o := withCode(t, s, c, "MNM-GAYO")
	wrong := paid(o.Payment(), c.now())
	wrong.Amount -= 1_000
	deliver(t, s, c, "wrong", "{}", PaidEvent(wrong))
	open, err := s.OpenCases(ctx, 1)
	if err != nil || len(open) != 1 {
		t.Fatalf("%d open cases, %v", len(open), err)
	}
	refund := Decision{Kind: DecisionRefund, By: "Sari", Reason: "x", Refund: wrong.Amount, RefundedOn: c.now(), RefundMethod: "transfer"}
	for name, tt := range map[string]struct {
		change func(*Decision)
		want   error
	}{
		"not offered":     {func(d *Decision) { d.Kind = DecisionDuplicate }, ErrNotOffered},
		"the shop's own":  {func(d *Decision) { d.Kind = DecisionSettled }, ErrNotOffered},
		"nothing":         {func(d *Decision) { d.Refund = 0 }, ErrRefund},
		"less":            {func(d *Decision) { d.Refund = -1 }, ErrRefund},
		"more":            {func(d *Decision) { d.Refund++ }, ErrRefund},
		"no day":          {func(d *Decision) { d.RefundedOn = time.Time{} }, ErrRefund},
		"no way":          {func(d *Decision) { d.RefundMethod = "" }, ErrRefund},
		"no next attempt": {func(d *Decision) { d.Kind = DecisionPayAgain }, ErrNotOffered},
		"attempt taken":   {func(d *Decision) { d.Kind, d.Next = DecisionPayAgain, attempt(o, 3) }, ErrNotOffered},
	} {
		d := refund
		tt.change(&d)
		if _, err := s.Decide(ctx, open[0].ID, d); err != tt.want {
			t.Errorf("%s: %v, want %v", name, err, tt.want)
		}
		got := reload(t, s, o)
		if m := got.Money(); m.Undecided != wrong.Amount || m.Refunded != 0 || flag(got) != CaseWrongAmount || got.Payment().State != PaymentPending {
			t.Errorf("%s: money %+v, case %q, payment %s", name, m, flag(got), got.Payment().State)
		}
	}
	if _, err := s.Decide(ctx, open[0].ID, refund); err != nil {
		t.Error(err)
	}
}
