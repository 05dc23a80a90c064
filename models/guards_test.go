package models

import (
	"context"
	"slices"
	"testing"
	"time"
)

// These tests hold the guards of the payment code one by one: each fails when its
// guard is taken out. make mutants takes out every one.

// placeBoth orders a piece of each product.
func placeBoth(t *testing.T, s *Store, skus ...string) Order {
	t.Helper()
	ctx := context.Background()
	var items []Item
	for _, sku := range skus {
		items = append(items, Item{sku, 1})
	}
	o, _, err := s.DraftOrder(ctx, items)
	if err != nil {
		t.Fatal(err)
	}
	o.CheckoutID, o.CustomerName, o.CustomerEmail, o.Language = "both-"+o.Number, "Budi", "budi@example.com", "id"
	o, placed, err := s.PlaceOrder(ctx, o, attempt(o, 1))
	if err != nil || !placed {
		t.Fatalf("placed %v, %v", placed, err)
	}
	return o
}

// An order that is paid late, when one of its products has been sold out, takes
// none of its products: what it cannot have whole it does not have in part.
func TestLateMoneyTakesAllStockOrNone(t *testing.T) {
	const first, second = "MNM-GAYO", "MNM-TEH"
	for _, soldOut := range []string{first, second} {
		t.Run(soldOut, func(t *testing.T) {
			s, c := openStore(t)
			o := placeBoth(t, s, first, second)
			giveCode(t, s, c, o.Payment())
			o = reload(t, s, o)
			if err := s.Expire(context.Background(), o.Payment().ID); err != nil {
				t.Fatal(err)
			}
			setStock(t, s, soldOut, 0)
			before := map[string]int64{first: stock(t, s, first), second: stock(t, s, second)}
			want(t, deliver(t, s, c, "late", "{}", PaidEvent(paid(o.Payment(), c.now()))), VerdictApplied, EffectPaidLate)
			for sku, n := range before {
				if got := stock(t, s, sku); got != n {
					t.Errorf("%s: %d pieces left, want %d", sku, got, n)
				}
			}
			if got := reload(t, s, o); got.Status != OrderPaid || got.StockHeld || !slices.Contains(attentions(t, s), AttentionOutOfStock) {
				t.Errorf("order %s, stock held %v, cases %v", got.Status, got.StockHeld, attentions(t, s))
			}
		})
	}
}

// A payment that the gateway refused ends once: it stays failed, its order
// expires, its stock comes back, and no worker is sent to it again.
func TestAFailedPaymentIsGivenUpOnce(t *testing.T) {
	s, c := openStore(t)
	ctx := context.Background()
	before := stock(t, s, "MNM-GAYO")
	o := place(t, s, "MNM-GAYO", 1)
	if err := s.RefuseCode(ctx, o.Payment(), "refused", c.now().Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	c.advance(time.Hour - time.Second)
	if due, err := s.ClaimDue(ctx, 10); err != nil || len(due) != 0 {
		t.Fatalf("due too early: %v, %v", due, err)
	}
	c.advance(time.Second)
	due, err := s.ClaimDue(ctx, 10)
	if err != nil || len(due) != 1 {
		t.Fatalf("due: %v, %v", due, err)
	}
	for range 2 {
		if err := s.Expire(ctx, due[0].ID); err != nil {
			t.Fatal(err)
		}
	}
	got := reload(t, s, o)
	if p := got.Payment(); got.Status != OrderExpired || p.State != PaymentFailed || p.NextCheckAt != nil || p.LeasedUntil != nil || p.LastError != "refused" {
		t.Errorf("order %s, payment %s, next check %v, leased until %v, last error %q", got.Status, p.State, p.NextCheckAt, p.LeasedUntil, p.LastError)
	}
	if next, err := s.NextDue(ctx); err != nil || !next.IsZero() || stock(t, s, "MNM-GAYO") != before {
		t.Errorf("next due %v, %v; stock %d, was %d", next, err, stock(t, s, "MNM-GAYO"), before)
	}
}

// A code that comes after its own money is kept with all that came with it, and
// changes nothing else: the order stays paid and nobody asks about it again.
func TestALateCodeIsKept(t *testing.T) {
	s, c := openStore(t)
	ctx := context.Background()
	o := place(t, s, "MNM-GAYO", 1)
	a := paid(o.Payment(), c.now())
	a.PaymentCode = "" // the gateway does not say which code was paid
	want(t, deliver(t, s, c, "early", "{}", PaidEvent(a)), VerdictApplied, EffectPaid)
	issued := IssuedCode{Code: "8888888812345678", IssuedAt: c.now(), ExpiresAt: c.now().Add(time.Hour),
		HowToPayPage: "https://gateway.example/page", HowToPayAPI: "https://gateway.example/api"}
	if err := s.IssueCode(ctx, o.Payment().ID, issued, c.now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	got := reload(t, s, o)
	wantOrder(t, got, OrderPaid, PaymentPaid, 1, "")
	p := got.Payment()
	if p.Code != issued.Code || p.HowToPayPage != issued.HowToPayPage || p.HowToPayAPI != issued.HowToPayAPI ||
		p.CodeIssuedAt == nil || p.ExpiresAt == nil || !p.ExpiresAt.Equal(issued.ExpiresAt) {
		t.Errorf("the late code was kept as %+v", p)
	}
	if p.NextCheckAt != nil || p.LeasedUntil != nil {
		t.Errorf("next check %v, leased until %v", p.NextCheckAt, p.LeasedUntil)
	}
	if found := all(t, s, OrderFilter{Search: issued.Code}, 10); !slices.Equal(found, []string{o.Number}) {
		t.Errorf("by its code the merchant finds %v", found)
	}
}
