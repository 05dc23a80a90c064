package models

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"
)

// issueTo gives an order's latest attempt a code that is good for an hour, and reports whether it
// was stored.
func issueTo(t *testing.T, s *Store, c *clock, o Order, code string) bool {
	t.Helper()
	given := IssuedCode{Code: code, IssuedAt: c.now(), ExpiresAt: c.now().Add(time.Hour)}
	issued, err := s.IssueCode(context.Background(), nil, reload(t, s, o).Payment().ID, given, c.now().Add(time.Minute))
	if err != nil {
		t.Fatal(err)
	}
	return issued
}

// A code is taken until a day after the deadline of the attempt that has it. A newer code of the
// same order does not prolong that.
func TestUntilWhenACodeIsTaken(t *testing.T) {
	const code, newer = "8888888800000001", "8888888800000002"
	s, c := openStore(t)
	o := place(t, s, "MNM-TEH", 1)
	if !issueTo(t, s, c, o, code) {
		t.Fatal("a new code was not stored")
	}
	expire(t, s, o)
	c.advance(time.Hour + 24*time.Hour - time.Second)
	if added, err := s.AddPayment(context.Background(), reload(t, s, o), attempt(o, 2)); !added || err != nil {
		t.Fatal(added, err)
	}
	if !issueTo(t, s, c, o, newer) {
		t.Fatal("the newer code was not stored")
	}
	if issueTo(t, s, c, place(t, s, "MNM-TEH", 1), code) {
		t.Error("a second before a day has passed another order got the code")
	}
	c.advance(time.Second)
	if !issueTo(t, s, c, place(t, s, "MNM-TEH", 1), code) {
		t.Error("once a day has passed no other order gets the code")
	}
	if issueTo(t, s, c, place(t, s, "MNM-TEH", 1), newer) {
		t.Error("another order got the newer code")
	}
}

// Of two orders that are given one code at once, one gets it.
func TestOneCodeForTwoOrdersAtOnce(t *testing.T) {
	shops, c := openShops(t, 2)
	for round := range 10 {
		var got [2]bool
		code := fmt.Sprintf("88888888%08d", round)
		orders := []Order{place(t, shops[0], "MNM-TEH", 1), place(t, shops[0], "MNM-TEH", 1)}
		together(len(orders), func(i int) {
			given := IssuedCode{Code: code, IssuedAt: c.now(), ExpiresAt: c.now().Add(time.Hour)}
			issued, err := shops[i].IssueCode(context.Background(), nil, orders[i].Payment().ID, given, c.now().Add(time.Minute))
			if err != nil {
				t.Error(err)
			}
			got[i] = issued
		})
		if got[0] == got[1] {
			t.Fatalf("round %d: both orders got the code: %v", round, got[0])
		}
	}
}

// A payment is due at its moment, whatever the zone that is written in.
func TestWhatIsPostponedIsDueAtItsMoment(t *testing.T) {
	s, c := openStore(t)
	ctx := context.Background()
	o := withCode(t, s, c, "MNM-TEH")
	for _, zone := range []*time.Location{time.UTC, time.FixedZone("WIB", 7*3600), time.FixedZone("", -7*3600)} {
		at := c.now().Add(time.Hour)
		if err := s.Postpone(ctx, nil, reload(t, s, o).Payment(), "away", at.In(zone)); err != nil {
			t.Fatal(err)
		}
		c.advance(time.Hour - time.Second)
		if due, err := s.ClaimDue(ctx, 1); err != nil || len(due) != 0 {
			t.Errorf("%s: due a second early: %+v, %v", zone, due, err)
		}
		c.advance(time.Second)
		if due, err := s.ClaimDue(ctx, 1); err != nil || len(due) != 1 || !due[0].NextCheckAt.Equal(at) {
			t.Errorf("%s: due at its moment: %+v, %v", zone, due, err)
		}
	}
}

// The order of an invoice number is found by its token.
func TestTokenOfAnInvoiceNumber(t *testing.T) {
	s, _ := openStore(t)
	ctx := context.Background()
	place(t, s, "MNM-TEH", 1)
	o := place(t, s, "MNM-TEH", 1)
	place(t, s, "MNM-TEH", 1)
	if token, err := s.TokenOf(ctx, o.Payment().InvoiceNumber); err != nil || token != o.Token {
		t.Errorf("token %q, %v; want %q", token, err, o.Token)
	}
	if token, err := s.TokenOf(ctx, o.Number); !errors.Is(err, ErrNotFound) {
		t.Errorf("of a number that is no invoice number: %q, %v", token, err)
	}
}
