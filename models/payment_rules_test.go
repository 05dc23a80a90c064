package models

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// A new code is refused while money is undecided, also where the order has expired. Of a paid
// order no code is wanted, whatever is undecided about it.
func TestNoNewCodeWhileMoneyIsUndecided(t *testing.T) {
	const sku = "MNM-GAYO"
	wrong := func(t *testing.T, s *Store, c *clock, o Order) {
		a := paid(o.Payment(), c.now())
		a.Amount--
		want(t, deliver(t, s, c, "wrong", "{}", PaidEvent(a)), VerdictMismatched, EffectFlagged)
	}
	expired := func(t *testing.T, s *Store, c *clock) Order {
		o := withCode(t, s, c, sku)
		expire(t, s, o)
		wrong(t, s, c, o)
		return o
	}
	for name, tt := range map[string]struct {
		prepare func(t *testing.T, s *Store, c *clock) Order
		added   bool
		want    error
		status  OrderStatus
	}{
		"its code was refused": {func(t *testing.T, s *Store, c *clock) Order {
			o := place(t, s, sku, 1)
			refuseCode(t, s, c, o)
			wrong(t, s, c, o)
			return o
		}, false, ErrMoneyUndecided, OrderAwaitingPayment},
		"expired": {expired, false, ErrMoneyUndecided, OrderExpired},
		"paid": {func(t *testing.T, s *Store, c *clock) Order {
			o := withCode(t, s, c, sku)
			deliver(t, s, c, "first", "{}", PaidEvent(numbered(paid(o.Payment(), c.now()), 1)))
			want(t, deliver(t, s, c, "second", "{}", PaidEvent(numbered(paid(o.Payment(), c.now()), 2))), VerdictHeld, EffectSecondPayment)
			return o
		}, false, nil, OrderPaid},
		"decided": {func(t *testing.T, s *Store, c *clock) Order {
			o := expired(t, s, c)
			decideRefund(t, s, only(t, s))
			return o
		}, true, nil, OrderAwaitingPayment},
	} {
		t.Run(name, func(t *testing.T) {
			s, c := openStore(t)
			o := reload(t, s, tt.prepare(t, s, c))
			added, err := s.AddPayment(context.Background(), o, attempt(o, o.NextAttempt()))
			got := reload(t, s, o)
			if added != tt.added || !errors.Is(err, tt.want) || got.Status != tt.status || (len(got.Payments) == 2) != tt.added {
				t.Errorf("added %v, %v; order %s with %d attempts; want %v, %v, %s", added, err, got.Status, len(got.Payments),
					tt.added, tt.want, tt.status)
			}
		})
	}
}

// An expired order that waits again may take no more of what is scarce than a new one.
func TestANewCodeMindsWhatIsScarce(t *testing.T) {
	s, c := openStore(t)
	setStock(t, s, "MKN-KERUPUK", 20)
	o, err := shopper{"192.0.2.7", "siti@example.com", "081234567890"}.order(t, s, "MKN-KERUPUK", 10)
	if err != nil {
		t.Fatal(err)
	}
	giveCode(t, s, c, o.Payment())
	expire(t, s, o)
	setStock(t, s, "MKN-KERUPUK", 12)
	again := reload(t, s, o)
	again.Client = "192.0.2.7"
	if added, err := s.AddPayment(context.Background(), again, attempt(o, 2)); added || refusedBy(t, err) != "scarce" {
		t.Errorf("added %v, %v", added, err)
	}
	if got := reload(t, s, o); got.Status != OrderExpired || got.StockHeld || stock(t, s, "MKN-KERUPUK") != 12 {
		t.Errorf("order %s, stock held %v, %d left", got.Status, got.StockHeld, stock(t, s, "MKN-KERUPUK"))
	}
}

// An attempt is given up and not replaced where its order was cancelled meanwhile.
func TestNoAttemptIsReplacedForACancelledOrder(t *testing.T) {
	s, _ := openStore(t)
	ctx := context.Background()
	o := place(t, s, "MNM-GAYO", 1)
	if done, err := s.CancelOrder(ctx, o.ID); !done || err != nil {
		t.Fatal(done, err)
	}
	if replaced, err := s.ReplacePayment(ctx, nil, o.Payment(), attempt(o, 2), "taken"); replaced || err != nil {
		t.Errorf("replaced %v, %v", replaced, err)
	}
	if got := reload(t, s, o); len(got.Payments) != 1 || got.Payment().State != PaymentFailed || got.Payment().NextCheckAt != nil {
		t.Errorf("attempts %+v", got.Payments)
	}
}

// A lease is void from one second beyond twice its length, and holds until then.
func TestWhenALeaseIsVoid(t *testing.T) {
	s, c := openStore(t)
	ctx := context.Background()
	leased, free := place(t, s, "MNM-TEH", 1), place(t, s, "MNM-TEH", 1)
	longest := int(2 * lease / time.Second)
	schedule(t, s, c, leased, 0, 10+longest)
	schedule(t, s, c, free, 5, -1)
	c.advance(10 * time.Second)
	if due, err := s.ClaimDue(ctx, 1); err != nil || len(due) != 1 || due[0].ID != free.Payment().ID {
		t.Errorf("due beside a lease of %d s: %+v, %v", longest, due, err)
	}
	for seconds, want := range map[int]bool{longest: false, longest + 1: true} {
		schedule(t, s, c, leased, 0, seconds)
		if _, ok, err := s.Claim(ctx, leased.Payment().ID); ok != want || err != nil {
			t.Errorf("a lease of %d s: claimed %v, %v", seconds, ok, err)
		}
	}
}

// A code that comes after the money is stored for that payment alone, and only for one that is
// paid and has no code: neither one that was issued, nor another that was paid at the till.
func TestWhereALateCodeIsStored(t *testing.T) {
	ctx := context.Background()
	const code = "8888888812345678"
	early := func(t *testing.T, s *Store, c *clock, paidCode string) Order {
		o := place(t, s, "MNM-GAYO", 1)
		a := paid(o.Payment(), c.now())
		a.PaymentCode = paidCode
		want(t, deliver(t, s, c, "early "+o.Number, "{}", PaidEvent(a)), VerdictApplied, EffectPaid)
		return o
	}
	issued := IssuedCode{Code: code, HowToPayPage: "https://gateway.example/page"}
	for name, tt := range map[string]struct {
		prepare func(t *testing.T, s *Store, c *clock) Order
		want    bool
	}{
		"paid, and no code named": {func(t *testing.T, s *Store, c *clock) Order { return early(t, s, c, "") }, true},
		"paid with this code":     {func(t *testing.T, s *Store, c *clock) Order { return early(t, s, c, code) }, true},
		"paid with another code":  {func(t *testing.T, s *Store, c *clock) Order { return early(t, s, c, "8888888887654321") }, false},
		"given up": {func(t *testing.T, s *Store, c *clock) Order {
			o := place(t, s, "MNM-GAYO", 1)
			refuseCode(t, s, c, o)
			return o
		}, false},
		"paid, and its code is here": {func(t *testing.T, s *Store, c *clock) Order {
			o := early(t, s, c, "")
			first := IssuedCode{Code: code, IssuedAt: c.now(), ExpiresAt: c.now().Add(time.Minute)}
			if ok, err := s.IssueCode(ctx, nil, o.Payment().ID, first, c.now()); !ok || err != nil {
				t.Fatal(ok, err)
			}
			return o
		}, false},
	} {
		t.Run(name, func(t *testing.T) {
			s, c := openStore(t)
			other := reload(t, s, early(t, s, c, ""))
			before := reload(t, s, tt.prepare(t, s, c))
			late := issued
			late.IssuedAt, late.ExpiresAt = c.now(), c.now().Add(time.Hour)
			stored, err := s.IssueCode(ctx, nil, before.Payment().ID, late, c.now().Add(time.Minute))
			if stored != tt.want || err != nil {
				t.Errorf("stored %v, %v", stored, err)
			}
			got := reload(t, s, before)
			if kept := got.Payment(); tt.want && (kept.Code != code || kept.HowToPayPage != late.HowToPayPage || kept.State != PaymentPaid) {
				t.Errorf("payment %s with code %q, page %q", kept.State, kept.Code, kept.HowToPayPage)
			}
			if name == "paid with another code" && flag(got) != CaseWrongCode {
				t.Errorf("case %q, want one about the code", flag(got))
			}
			got.OpenCases = before.OpenCases
			if diff := cmp.Diff(before, got); !tt.want && diff != "" {
				t.Errorf("the payment changed:\n%s", diff)
			}
			found := all(t, s, OrderFilter{Search: code}, 10)
			if has := len(found) > 0; has != (got.Payment().Code == code) {
				t.Errorf("by the code the merchant finds %v, and the payment has %q", found, got.Payment().Code)
			}
			if diff := cmp.Diff(other, reload(t, s, other)); diff != "" {
				t.Errorf("another payment changed:\n%s", diff)
			}
		})
	}
}
