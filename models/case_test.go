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
	}{{o, CaseCodeTaken}, {other, CaseNoCode}} {
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
