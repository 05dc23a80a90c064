package models

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"
)

func casesOf(t *testing.T, s *Store) (list []Case) {
	t.Helper()
	if err := s.read.Order("id").Find(&list).Error; err != nil {
		t.Fatal(err)
	}
	return list
}

// caseChanges counts the changes of an order's cases, by what they became.
func caseChanges(t *testing.T, s *Store, orderID int64) map[string]int {
	t.Helper()
	changes, err := s.AuditEventsOf(context.Background(), orderID)
	if err != nil {
		t.Fatal(err)
	}
	counts := map[string]int{}
	for _, c := range changes {
		if c.Kind == AuditCase {
			counts[c.Subject+" "+c.Was+" > "+c.Became]++
		}
	}
	return counts
}

// A case is raised once about a thing, and is written down once.
func TestACaseIsRaisedOnce(t *testing.T) {
	s, c := openStore(t)
	ctx := context.Background()
	o, other := place(t, s, "MNM-GAYO", 1), place(t, s, "MNM-GAYO", 1)
	long := strings.Repeat("x", maxIndexed+1)
	for range 2 {
		if err := s.Raise(ctx, nil, o.Payment(), CaseNoCode, long); err != nil {
			t.Fatal(err)
		}
	}
	for _, raised := range []struct {
		order Order
		kind  CaseKind
	}{{o, CaseCodeTaken}, {o, CaseCodeTaken}, {other, CaseNoCode}} {
		if err := s.Raise(ctx, nil, raised.order.Payment(), raised.kind, "why"); err != nil {
			t.Fatal(err)
		}
	}
	list := casesOf(t, s)
	if len(list) != 3 {
		t.Fatalf("%d cases", len(list))
	}
	if first := list[0]; first.Detail != long[1:] || !first.CreatedAt.Equal(c.now()) || *first.OrderID != o.ID || *first.PaymentID != o.Payment().ID {
		t.Errorf("the case is %+v", first)
	}
	if counts := caseChanges(t, s, o.ID); counts["no_code  > open"] != 1 || counts["code_taken  > open"] != 1 {
		t.Errorf("changes %v", counts)
	}
	decide(t, s, o, CaseCodeTaken, Decision{Kind: DecisionNone, By: "Sari", Reason: "DOKU knows"})
	c.advance(2 * oneDay)
	if err := s.Raise(ctx, nil, o.Payment(), CaseCodeTaken, "why"); err != nil || len(casesOf(t, s)) != 3 {
		t.Errorf("%d cases once it is decided, %v; want no other", len(casesOf(t, s)), err)
	}
}

// A case that ends without a refund has none, whatever the form says.
func TestACaseWithoutARefund(t *testing.T) {
	s, c := openStore(t)
	o := place(t, s, "MNM-GAYO", 1)
	if err := s.Raise(context.Background(), nil, o.Payment(), CaseNoCode, "why"); err != nil {
		t.Fatal(err)
	}
	decide(t, s, o, CaseNoCode, Decision{Kind: DecisionNone, By: "Sari", Reason: "DOKU knows",
		Refund: 5, RefundMethod: "cash", RefundedOn: c.now()})
	if got := casesOf(t, s)[0]; got.ClosedAt == nil || got.Refunded != 0 || got.RefundedOn != nil || got.RefundMethod != "" {
		t.Errorf("the case is %+v", got)
	}
}

// Trouble of another payment is another case, however lately one of the order was closed.
func TestTroubleOfAnotherPayment(t *testing.T) {
	s, c := openStore(t)
	ctx := context.Background()
	o := place(t, s, "MNM-GAYO", 1)
	if err := s.Raise(ctx, nil, o.Payment(), CaseNoCode, "why"); err != nil {
		t.Fatal(err)
	}
	decide(t, s, o, CaseNoCode, Decision{Kind: DecisionNone, By: "Sari", Reason: "DOKU looks at it"})
	refuseCode(t, s, c, o)
	if added, err := s.AddPayment(ctx, reload(t, s, o), attempt(o, 2)); err != nil || !added {
		t.Fatal(added, err)
	}
	if err := s.Raise(ctx, nil, reload(t, s, o).Payment(), CaseNoCode, "why"); err != nil {
		t.Fatal(err)
	}
	open := casesOfKind(t, s, CaseNoCode)
	if len(open) != 1 || *open[0].PaymentID != reload(t, s, o).Payment().ID {
		t.Errorf("open are %+v, want one about the second payment", open)
	}
}

// The difference that a person accepts is one of money that pays. Correcting the amount of money that is held accepts none.
func TestCorrectingHeldMoneyAcceptsNothing(t *testing.T) {
	s, c := openStore(t)
	o := withCode(t, s, c, "MNM-GAYO")
	for n, amount := range []int64{89_000, 88_000} {
		tell(t, s, c, o, n, telling{by: SourceNotification, id: "1", amount: amount})
	}
	decide(t, s, o, CaseContradiction, Decision{Kind: DecisionCorrect, By: "Sari", Reason: "as in the Back Office"})
	var accepted int64
	if err := s.read.Model(&Case{}).Select("SUM(accepted_difference)").Scan(&accepted).Error; err != nil || accepted != 0 {
		t.Errorf("Rp %d accepted, %v", accepted, err)
	}
	if got := reload(t, s, o); got.Payment().Receipts[0].Amount != 88_000 || !got.HasUndecidedMoney() {
		t.Errorf("receipts %+v", got.Payment().Receipts)
	}
}

// A case is closed once, whoever else does so at the same time.
func TestACaseIsClosedOnce(t *testing.T) {
	s, c := openStore(t)
	ctx := context.Background()
	o := place(t, s, "MNM-GAYO", 1)
	if err := s.Raise(ctx, nil, o.Payment(), CaseNoCode, "why"); err != nil {
		t.Fatal(err)
	}
	deliver(t, s, c, "else", "{}", PaidEvent(Arrival{InvoiceNumber: "ELSE-1", Amount: 10_000}))
	for _, open := range casesOf(t, s) {
		for _, want := range []bool{true, false} {
			err := s.transact(ctx, func(tx *transaction) error {
				closed, err := closeCase(tx, open, Decision{Kind: DecisionNone, By: "Sari"}, c.now())
				if closed != want {
					t.Errorf("%s: closed %v, want %v", open.Kind, closed, want)
				}
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	if counts := caseChanges(t, s, o.ID); counts["no_code open > none"] != 1 {
		t.Errorf("changes of the order %v", counts)
	}
	if counts := caseChanges(t, s, 0); counts["unknown_invoice open > none"] != 1 {
		t.Errorf("changes of no order %v", counts)
	}
}

// What the gateway has not answered stays open, and what it has answered is settled.
func TestWhatTheGatewayHasAnswered(t *testing.T) {
	s, c := openStore(t)
	ctx := context.Background()
	pending, over := withCode(t, s, c, "MNM-TEH"), withCode(t, s, c, "MNM-TEH")
	for _, o := range []Order{pending, over} {
		if err := s.Raise(ctx, nil, o.Payment(), CaseUnsettled, "why"); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Raise(ctx, nil, over.Payment(), CaseCodeTaken, "why"); err != nil {
		t.Fatal(err)
	}
	if err := s.Expire(ctx, nil, over.Payment().ID); err != nil {
		t.Fatal(err)
	}
	if err := s.CloseAnswered(ctx); err != nil {
		t.Fatal(err)
	}
	var decisions []DecisionKind
	for _, c := range casesOf(t, s) {
		decisions = append(decisions, c.Decision)
	}
	if want := []DecisionKind{"", DecisionSettled, ""}; !slices.Equal(decisions, want) {
		t.Errorf("decided %q, want %q", decisions, want)
	}
}

// The gateway's right word settles what was asked about that money, contradictions too, and
// about no other.
func TestWhatTheRightWordSettles(t *testing.T) {
	s, c := openStore(t)
	mine, other := withCode(t, s, c, "MNM-GAYO"), withCode(t, s, c, "MNM-GAYO")
	for i, o := range []Order{mine, other} {
		for less := range 2 {
			wrong := numbered(paid(o.Payment(), c.now()), i)
			wrong.Amount -= int64(less + 1)
			deliver(t, s, c, o.Number, strings.Repeat("x", less), PaidEvent(wrong))
		}
	}
	if err := s.Raise(context.Background(), nil, mine.Payment(), CaseUnsettled, "why"); err != nil {
		t.Fatal(err)
	}
	deliver(t, s, c, "right", "{}", PaidEvent(numbered(paid(mine.Payment(), c.now()), 0)))
	for _, got := range casesOf(t, s) {
		want := DecisionKind("")
		if *got.OrderID == mine.ID && got.Kind != CaseUnsettled {
			want = DecisionSettled
		}
		if got.Decision != want {
			t.Errorf("%s of order %d: decided %q, want %q", got.Kind, *got.OrderID, got.Decision, want)
		}
	}
	if n := len(casesOf(t, s)); n != 5 {
		t.Errorf("%d cases", n)
	}
}

// Trouble that goes on after its case was closed is another case, a day later, for as long as the order waits.
func TestTroubleThatGoesOnIsAnotherCase(t *testing.T) {
	for _, kind := range []CaseKind{CaseNoCode, CaseUnsettled} {
		t.Run(string(kind), func(t *testing.T) {
			s, c := openStore(t)
			ctx := context.Background()
			o := place(t, s, "MNM-GAYO", 1)
			open := func(want int) {
				t.Helper()
				for range 2 {
					if err := s.Raise(ctx, nil, o.Payment(), kind, "why"); err != nil {
						t.Fatal(err)
					}
				}
				if got := reload(t, s, o); len(got.OpenCases) != want {
					t.Errorf("%d open cases, want %d", len(got.OpenCases), want)
				}
			}
			for range 3 {
				open(1)
				c.advance(2 * oneDay) // it stays open: there is one
				open(1)
				decide(t, s, o, kind, Decision{Kind: DecisionNone, By: "Sari", Reason: "DOKU looks at it"})
				c.advance(oneDay - time.Second)
				open(0)
				c.advance(time.Second)
			}
			if _, err := s.CancelOrder(ctx, o.ID); err != nil {
				t.Fatal(err)
			}
			open(0)
			if n := len(casesOf(t, s)); n != 3 {
				t.Errorf("%d cases", n)
			}
		})
	}
}

// A case about a payment closes by itself in the states that answer it, and in no other.
func TestWhichStatesAnswerACase(t *testing.T) {
	s, _ := openStore(t)
	ctx := context.Background()
	answers := map[CaseKind]map[PaymentState]bool{
		CaseNoCode:     {PaymentPending: true, PaymentPaid: true, PaymentExpired: true, PaymentFailed: true},
		CaseUnsettled:  {PaymentPaid: true, PaymentExpired: true, PaymentFailed: true},
		CaseUnreadable: {PaymentPaid: true, PaymentExpired: true},
		CaseBadExpiry:  {},
	}
	type asked struct {
		kind  CaseKind
		state PaymentState
	}
	cases := map[int64]asked{} // by payment
	for kind := range answers {
		for _, state := range []PaymentState{PaymentCreating, PaymentPending, PaymentPaid, PaymentExpired, PaymentFailed} {
			p := place(t, s, "MNM-GAYO", 1).Payment()
			if err := s.Raise(ctx, nil, p, kind, "why"); err != nil {
				t.Fatal(err)
			}
			if err := s.write.Model(&Payment{}).Where("id = ?", p.ID).Update("state", state).Error; err != nil {
				t.Fatal(err)
			}
			cases[p.ID] = asked{kind, state}
		}
	}
	if err := s.CloseAnswered(ctx); err != nil {
		t.Fatal(err)
	}
	for _, c := range casesOf(t, s) {
		about := cases[*c.PaymentID]
		if closed := c.ClosedAt != nil; closed != answers[about.kind][about.state] {
			t.Errorf("%s about a payment that is %s: closed %v", about.kind, about.state, closed)
		}
	}
}
