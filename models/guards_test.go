package models

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"warungjokul/models/testdb"
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
	o.FormID, o.CustomerName, o.CustomerEmail, o.Language = "both-"+o.Number, "Budi", "budi@example.com", "id"
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
			if err := s.Expire(context.Background(), nil, o.Payment().ID); err != nil {
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
			if got := reload(t, s, o); got.Status != OrderPaid || got.StockHeld || !slices.Contains(caseKindsOf(t, s), CaseOutOfStock) {
				t.Errorf("order %s, stock held %v, cases %v", got.Status, got.StockHeld, caseKindsOf(t, s))
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
	if err := s.RefuseCode(ctx, nil, o.Payment(), "refused", c.now().Add(time.Hour)); err != nil {
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
		if err := s.Expire(ctx, nil, due[0].ID); err != nil {
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
	if _, err := s.IssueCode(ctx, nil, o.Payment().ID, issued, c.now().Add(time.Minute)); err != nil {
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

// mailKinds are the mails that wait to be sent, or were.
func mailKinds(t *testing.T, s *Store, o Order) (kinds []MailKind) {
	t.Helper()
	if err := s.read.Model(&Mail{}).Where("order_id = ?", o.ID).Order("id").Pluck("kind", &kinds).Error; err != nil {
		t.Fatal(err)
	}
	return kinds
}

// A code is mailed, with a reminder; one that comes after its money is not.
func TestCodesAreMailedWhileTheyAreWanted(t *testing.T) {
	s, c := openStore(t)
	ctx := context.Background()
	o := withCode(t, s, c, "MNM-GAYO")
	if got := mailKinds(t, s, o); !slices.Equal(got, []MailKind{MailCode, MailReminder}) {
		t.Errorf("with its code the order has mails %v", got)
	}
	if err := s.Expire(ctx, nil, o.Payment().ID); err != nil {
		t.Fatal(err)
	}
	if got := mailKinds(t, s, o); !slices.Equal(got, []MailKind{MailCode, MailReminder, MailExpired}) {
		t.Errorf("expired, it has mails %v", got)
	}
	late := place(t, s, "MNM-GAYO", 1)
	deliver(t, s, c, "early", "{}", PaidEvent(paid(late.Payment(), c.now())))
	giveCode(t, s, c, late.Payment())
	if got := mailKinds(t, s, late); !slices.Equal(got, []MailKind{MailPaid}) {
		t.Errorf("paid before its code came, it has mails %v", got)
	}
	cancelled := withCode(t, s, c, "MNM-GAYO")
	if done, err := s.CancelOrder(ctx, cancelled.ID); !done || err != nil {
		t.Fatal(done, err)
	}
	before := mailKinds(t, s, cancelled)
	if err := s.Expire(ctx, nil, cancelled.Payment().ID); err != nil {
		t.Fatal(err)
	}
	if got := mailKinds(t, s, cancelled); !slices.Equal(got, before) || reload(t, s, cancelled).Status != OrderCancelled {
		t.Errorf("cancelled, and its code expired, it has mails %v, had %v", got, before)
	}
}

// A refusal that is older than the code it refuses changes nothing.
func TestALateRefusalChangesNothing(t *testing.T) {
	s, c := openStore(t)
	ctx := context.Background()
	o := place(t, s, "MNM-GAYO", 1)
	stale := o.Payment()
	giveCode(t, s, c, stale)
	before := reload(t, s, o)
	if err := s.RefuseCode(ctx, nil, stale, "refused", c.now()); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(before, reload(t, s, o)); diff != "" || len(caseKindsOf(t, s)) != 0 {
		t.Errorf("the order changed, with cases %v:\n%s", caseKindsOf(t, s), diff)
	}
	refused := place(t, s, "MNM-GAYO", 1)
	if err := s.RefuseCode(ctx, nil, refused.Payment(), "refused", c.now()); err != nil {
		t.Fatal(err)
	}
	if got := caseKindsOf(t, s); !slices.Equal(got, []CaseKind{CaseRefused}) {
		t.Errorf("cases %v", got)
	}
}

// When another attempt to be paid may be added, and what it costs.
func TestAddPaymentOnlyWhereTheLastHasCome(t *testing.T) {
	ctx := context.Background()
	for name, tt := range map[string]struct {
		prepare func(t *testing.T, s *Store, c *clock, o Order) Order // returns the order as the caller believes it to be
		added   bool
	}{
		"its code has not come": {func(_ *testing.T, _ *Store, _ *clock, o Order) Order { return o }, false},
		"its code is good":      {func(t *testing.T, s *Store, c *clock, o Order) Order { giveCode(t, s, c, o.Payment()); return o }, false},
		"it is paid": {func(t *testing.T, s *Store, c *clock, o Order) Order {
			deliver(t, s, c, "paid", "{}", PaidEvent(paid(o.Payment(), c.now())))
			return o
		}, false},
		"its code was refused": {func(t *testing.T, s *Store, c *clock, o Order) Order { refuseCode(t, s, c, o); return o }, true},
		"its code has expired": {func(t *testing.T, s *Store, c *clock, o Order) Order {
			giveCode(t, s, c, o.Payment())
			expire(t, s, o)
			return o
		}, true},
		"it was cancelled": {func(t *testing.T, s *Store, c *clock, o Order) Order {
			giveCode(t, s, c, o.Payment())
			if done, err := s.CancelOrder(ctx, o.ID); !done || err != nil {
				t.Fatal(done, err)
			}
			expire(t, s, o)
			return o
		}, false},
		"somebody was quicker, and was refused": {func(t *testing.T, s *Store, c *clock, o Order) Order {
			refuseCode(t, s, c, o)
			stale := reload(t, s, o)
			if added, err := s.AddPayment(ctx, stale, attempt(o, 2)); !added || err != nil {
				t.Fatal(added, err)
			}
			refuseCode(t, s, c, reload(t, s, o))
			return stale
		}, false},
	} {
		t.Run(name, func(t *testing.T) {
			s, c := openStore(t)
			withCode(t, s, c, "KRJ-BATIK") // another's code is none of this order's
			all := stock(t, s, "KRJ-BATIK")
			o := tt.prepare(t, s, c, place(t, s, "KRJ-BATIK", 1))
			before := len(reload(t, s, o).Payments)
			added, err := s.AddPayment(ctx, o, attempt(o, o.NextAttempt()))
			got := reload(t, s, o)
			if err != nil || added != tt.added || (len(got.Payments) > before) != tt.added {
				t.Errorf("added %v, %v; %d attempts where there were %d", added, err, len(got.Payments), before)
			}
			taken := all - stock(t, s, "KRJ-BATIK")
			if held := map[bool]int64{true: 1}[got.StockHeld]; taken != held {
				t.Errorf("%d pieces are taken, and the order holds %d", taken, held)
			}
			if tt.added && (got.Status != OrderAwaitingPayment || got.Payment().State != PaymentCreating || got.Payment().Amount != o.Total) {
				t.Errorf("order %s, attempt %+v", got.Status, got.Payment())
			}
		})
	}
}

func refuseCode(t *testing.T, s *Store, c *clock, o Order) {
	t.Helper()
	if err := s.RefuseCode(context.Background(), nil, o.Payment(), "refused", c.now().Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
}

func expire(t *testing.T, s *Store, o Order) {
	t.Helper()
	if err := s.Expire(context.Background(), nil, o.Payment().ID); err != nil {
		t.Fatal(err)
	}
}

// What replaces an attempt asks for the same money, and nothing is replaced that
// has its code.
func TestReplacementsAreAlike(t *testing.T) {
	s, c := openStore(t)
	ctx := context.Background()
	place(t, s, "MNM-TEH", 1)
	o := place(t, s, "VCR-CELENGAN", 1)
	if replaced, err := s.ReplacePayment(ctx, nil, o.Payment(), attempt(o, 2), "taken"); !replaced || err != nil {
		t.Fatal(replaced, err)
	}
	got := reload(t, s, o)
	if p := got.Payment(); !p.Reusable || p.Amount != o.Total || p.Attempt != 2 || got.Payments[0].LastError != "taken" || got.Payments[0].State != PaymentFailed {
		t.Errorf("attempts %+v", got.Payments)
	}
	giveCode(t, s, c, got.Payment())
	if replaced, err := s.ReplacePayment(ctx, nil, got.Payment(), attempt(o, 3), "taken"); replaced || err != nil || len(reload(t, s, o).Payments) != 2 {
		t.Errorf("replaced %v, %v, %d attempts", replaced, err, len(reload(t, s, o).Payments))
	}
}

// An order does not expire with one of its attempts while another may be paid.
func TestAnOrderLivesAsLongAsAnAttempt(t *testing.T) {
	for name, tt := range map[string]struct {
		prepare func(t *testing.T, s *Store, c *clock, o Order)
		want    OrderStatus
	}{
		"another waits for its code": {func(*testing.T, *Store, *clock, Order) {}, OrderAwaitingPayment},
		"another has its code":       {func(t *testing.T, s *Store, c *clock, o Order) { giveCode(t, s, c, o.Payment()) }, OrderAwaitingPayment},
		"another was refused":        {func(t *testing.T, s *Store, c *clock, o Order) { refuseCode(t, s, c, o) }, OrderExpired},
	} {
		t.Run(name, func(t *testing.T) {
			s, c := openStore(t)
			withCode(t, s, c, "MNM-TEH") // another's code is none of this order's
			o := place(t, s, "MNM-GAYO", 1)
			refuseCode(t, s, c, o)
			if added, err := s.AddPayment(context.Background(), reload(t, s, o), attempt(o, 2)); !added || err != nil {
				t.Fatal(added, err)
			}
			tt.prepare(t, s, c, reload(t, s, o))
			expire(t, s, o) // its first attempt
			if got := reload(t, s, o); got.Status != tt.want || got.StockHeld != (tt.want == OrderAwaitingPayment) {
				t.Errorf("order %s, stock held %v, want %s", got.Status, got.StockHeld, tt.want)
			}
		})
	}
}

// schedule sets when a payment is due and until when it is leased, in seconds from
// now; negative for never.
func schedule(t *testing.T, s *Store, c *clock, o Order, due, leased int) {
	t.Helper()
	in := func(seconds int) *time.Time {
		if seconds < 0 {
			return nil
		}
		at := c.now().Add(time.Duration(seconds) * time.Second)
		return &at
	}
	set(t, s, &Payment{}, o.Payment().ID, "next_check_at", in(due))
	set(t, s, &Payment{}, o.Payment().ID, "leased_until", in(leased))
}

// Of payments with a time and a lease, the next is due when both have passed.
func TestNextDueMindsLeases(t *testing.T) {
	for name, tt := range map[string]struct {
		payments [][2]int // when due, until when leased
		want     int
	}{
		"never":                              {[][2]int{{-1, -1}, {-1, 10}}, -1},
		"not leased":                         {[][2]int{{10, -1}}, 10},
		"a lease that ends before":           {[][2]int{{10, 5}}, 10},
		"a lease that ends later":            {[][2]int{{10, 30}, {50, -1}}, 30},
		"another is due before a lease ends": {[][2]int{{10, 100}, {50, -1}, {60, -1}}, 50},
		"another's lease ends sooner":        {[][2]int{{10, 100}, {20, 40}, {60, -1}}, 40},
		"another's lease ends later":         {[][2]int{{10, 30}, {20, 100}}, 30},
		"an earlier one, a later lease":      {[][2]int{{10, -1}, {20, 40}}, 10},
		"one that is never due beside":       {[][2]int{{-1, -1}, {20, -1}}, 20},
	} {
		t.Run(name, func(t *testing.T) {
			s, c := openStore(t)
			for _, p := range tt.payments {
				schedule(t, s, c, place(t, s, "MNM-TEH", 1), p[0], p[1])
			}
			got, err := s.NextDue(context.Background())
			want := c.now().Add(time.Duration(tt.want) * time.Second)
			if tt.want < 0 {
				want = time.Time{}
			}
			if err != nil || !got.Equal(want) {
				t.Errorf("got %v, %v; want %v", got, err, want)
			}
		})
	}
}

// What is not due, or leased, takes no place among those that are; and a lease
// ends to the second.
func TestClaimDueTakesWhatIsDue(t *testing.T) {
	s, c := openStore(t)
	ctx := context.Background()
	never, leased, later, due := place(t, s, "MNM-TEH", 1), place(t, s, "MNM-TEH", 1), place(t, s, "MNM-TEH", 1), place(t, s, "MNM-TEH", 1)
	schedule(t, s, c, never, -1, -1)
	schedule(t, s, c, leased, 0, 40)
	schedule(t, s, c, later, 60, -1)
	schedule(t, s, c, due, 10, -1)
	c.advance(10 * time.Second)
	claimed, err := s.ClaimDue(ctx, 1)
	if err != nil || len(claimed) != 1 || claimed[0].ID != due.Payment().ID {
		t.Fatalf("claimed %+v, %v", claimed, err)
	}
	if until := claimed[0].LeasedUntil; until == nil || !until.Equal(c.now().Add(lease)) {
		t.Errorf("leased until %v", until)
	}
	c.advance(lease - time.Second)
	if _, ok, err := s.Claim(ctx, due.Payment().ID); ok || err != nil {
		t.Errorf("claimed a second before the lease ends: %v, %v", ok, err)
	}
	c.advance(time.Second) // both leases end now
	if _, ok, err := s.Claim(ctx, leased.Payment().ID); !ok || err != nil {
		t.Errorf("not claimed when the lease ends: %v, %v", ok, err)
	}
	if claimed, err := s.ClaimDue(ctx, 10); err != nil || len(claimed) != 1 || claimed[0].ID != due.Payment().ID {
		t.Errorf("claimed %+v, %v", claimed, err)
	}
	// Another shop may have been with it since it was seen to be due.
	for after, want := range map[time.Duration]bool{0: true, time.Second: false} {
		schedule(t, s, c, later, int(after/time.Second), -1)
		if _, ok, err := s.claim(ctx, later.Payment().ID, c.now()); ok != want || err != nil {
			t.Errorf("due in %s: claimed %v, %v", after, ok, err)
		}
	}
}

// A payment that another shop takes between our look and our grasp is not ours.
func TestClaimDueLosesToAnother(t *testing.T) {
	s, c := openStore(t)
	ctx := context.Background()
	o := place(t, s, "MNM-TEH", 1)
	c.advance(lease)
	times := 0
	s.now = func() time.Time {
		if times++; times == 2 { // ClaimDue has looked, and is about to lease
			s.now = c.now
			if _, ok, err := s.Claim(ctx, o.Payment().ID); !ok || err != nil {
				t.Errorf("the other's claim: %v, %v", ok, err)
			}
		}
		return c.now()
	}
	if claimed, err := s.ClaimDue(ctx, 10); err != nil || len(claimed) != 0 {
		t.Errorf("claimed %+v, %v", claimed, err)
	}
}

// A database that does not say what is due says that, and not that nothing is.
func TestNextDueFails(t *testing.T) {
	s, err := Open(context.Background(), testdb.URL(t), newClock().now, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if next, err := s.NextDue(context.Background()); err == nil {
		t.Errorf("next due %v", next)
	}
}

// A shopper may have the gateway asked again once the interval has passed, to the second.
func TestAskIsGrantedOnceAnInterval(t *testing.T) {
	s, c := openStore(t)
	o := withCode(t, s, c, "MNM-TEH")
	for i, want := range []bool{true, false, true} {
		granted, err := s.MayCheck(context.Background(), o.Payment().ID, 10*time.Second)
		if err != nil || granted != want {
			t.Errorf("question %d: granted %v, %v", i+1, granted, err)
		}
		c.advance([]time.Duration{9 * time.Second, time.Second, 0}[i])
	}
}

// A turn to the gateway that settled nothing is noted, and the next is when it was
// said to be, or never.
func TestPostpone(t *testing.T) {
	s, c := openStore(t)
	o := withCode(t, s, c, "MNM-TEH")
	for i, next := range []time.Time{c.now().Add(time.Hour).In(time.FixedZone("WIB", 7*3600)), {}} {
		if _, ok, err := s.Claim(context.Background(), o.Payment().ID); !ok || err != nil {
			t.Fatal(ok, err)
		}
		if err := s.Postpone(context.Background(), nil, reload(t, s, o).Payment(), "away", next); err != nil {
			t.Fatal(err)
		}
		p := reload(t, s, o).Payment()
		if (p.NextCheckAt == nil) != next.IsZero() || p.NextCheckAt != nil && !p.NextCheckAt.Equal(next) ||
			p.LeasedUntil != nil || p.Tries != int64(i+1) || p.LastError != "away" {
			t.Errorf("next check %v, want %v; %+v", p.NextCheckAt, next, p)
		}
	}
}

// A hint brings the next question forward, and never puts it off.
func TestAHintDoesNotPutAQuestionOff(t *testing.T) {
	s, c := openStore(t)
	for due, want := range map[int]int{5: 5, 600: 60, -1: 60} {
		o := withCode(t, s, c, "MNM-TEH")
		schedule(t, s, c, o, due, -1)
		deliver(t, s, c, o.Number, "{}", NotedEvent(o.Payment().InvoiceNumber))
		if next := reload(t, s, o).Payment().NextCheckAt; next == nil || !next.Equal(c.now().Add(time.Duration(want)*time.Second)) {
			t.Errorf("due in %d s: next check %v, want in %d s", due, next, want)
		}
	}
}

// Whatever is done to one order leaves all others as they are.
func TestWritesTouchOneOrder(t *testing.T) {
	s, c := openStore(t)
	ctx := context.Background()
	creating, pending, refused, over, paidFor := place(t, s, "MNM-GAYO", 1), withCode(t, s, c, "MNM-GAYO"), place(t, s, "MNM-GAYO", 1),
		withCode(t, s, c, "MNM-GAYO"), withCode(t, s, c, "MNM-GAYO")
	refuseCode(t, s, c, refused)
	expire(t, s, over)
	deliver(t, s, c, "bystander", "{}", PaidEvent(paid(paidFor.Payment(), c.now())))
	bystanders := []Order{creating, pending, refused, over, paidFor}
	snapshot := func() (list []Order) {
		for _, o := range bystanders {
			list = append(list, reload(t, s, o))
		}
		return list
	}
	before := snapshot()
	c.advance(lease)
	for _, step := range []struct {
		name string
		do   func() error
	}{
		{"asked about", func() error {
			_, err := s.MayCheck(ctx, withCode(t, s, c, "MNM-TEH").Payment().ID, time.Minute)
			return err
		}},
		{"checked", func() error { return s.Checked(ctx, nil, withCode(t, s, c, "MNM-TEH").Payment(), "PENDING") }},
		{"leased", func() error { _, _, err := s.Claim(ctx, withCode(t, s, c, "MNM-TEH").Payment().ID); return err }},
		{"postponed", func() error { return s.Postpone(ctx, nil, withCode(t, s, c, "MNM-TEH").Payment(), "away", c.now()) }},
		{"told how to pay", func() error {
			return s.SetInstructions(ctx, nil, withCode(t, s, c, "MNM-TEH").Payment().ID, []Instruction{{"ID", []string{"a"}}})
		}},
		{"refused and given up", func() error {
			o := place(t, s, "MNM-TEH", 1)
			refuseCode(t, s, c, o)
			return s.Expire(ctx, nil, o.Payment().ID)
		}},
		{"replaced", func() error {
			o := place(t, s, "MNM-TEH", 1)
			_, err := s.ReplacePayment(ctx, nil, o.Payment(), attempt(o, 2), "taken")
			return err
		}},
		{"given another code", func() error {
			o := withCode(t, s, c, "MNM-TEH")
			expire(t, s, o)
			_, err := s.AddPayment(ctx, reload(t, s, o), attempt(o, 2))
			return err
		}},
		{"cancelled", func() error { _, err := s.CancelOrder(ctx, withCode(t, s, c, "MNM-TEH").ID); return err }},
		{"paid before its code", func() error {
			o := place(t, s, "MNM-TEH", 1)
			deliver(t, s, c, o.Number, "{}", PaidEvent(paid(o.Payment(), c.now())))
			giveCode(t, s, c, o.Payment())
			return nil
		}},
		{"paid late", func() error {
			o := withCode(t, s, c, "MNM-TEH")
			expire(t, s, o)
			deliver(t, s, c, o.Number, "{}", PaidEvent(paid(o.Payment(), c.now())))
			return nil
		}},
		{"hinted at", func() error {
			deliver(t, s, c, "hint", "{}", NotedEvent(withCode(t, s, c, "MNM-TEH").Payment().InvoiceNumber))
			return nil
		}},
	} {
		if err := step.do(); err != nil {
			t.Errorf("%s: %v", step.name, err)
		}
		if diff := cmp.Diff(before, snapshot()); diff != "" {
			t.Fatalf("one order is %s, and others change:\n%s", step.name, diff)
		}
	}
}

// A code can be paid again and again only where a product of that kind is all that
// is ordered.
func TestReusableIsForOneProductAlone(t *testing.T) {
	open, goods := OrderLine{Kind: KindOpen}, OrderLine{Kind: KindGoods}
	for want, list := range map[bool][][]OrderLine{true: {{open}}, false: {{goods}, {open, goods}, {goods, open}, {}}} {
		for _, lines := range list {
			if got := (Order{Lines: lines}).Reusable(); got != want {
				t.Errorf("%+v: reusable %v", lines, got)
			}
		}
	}
}

// The attempt that counts is the one that was paid, else the latest.
func TestThePaymentThatCounts(t *testing.T) {
	attempts := func(states ...PaymentState) (o Order) {
		for i, s := range states {
			o.Payments = append(o.Payments, Payment{ID: int64(i + 1), State: s})
		}
		return o
	}
	for want, list := range map[int64][]Order{
		0: {attempts()},
		1: {attempts(PaymentPaid, PaymentPending), attempts(PaymentPaid, PaymentPaid), attempts(PaymentPending)},
		2: {attempts(PaymentExpired, PaymentPending), attempts(PaymentFailed, PaymentPaid, PaymentExpired)},
		3: {attempts(PaymentExpired, PaymentExpired, PaymentCreating)},
	} {
		for _, o := range list {
			if got := o.Payment().ID; got != want {
				t.Errorf("%+v: attempt %d counts, want %d", o.Payments, got, want)
			}
		}
	}
}

// A draft holds what the catalogue knows and somebody wants, and is found later by
// its number as people write it, with the email it was placed with.
func TestDraftAndFind(t *testing.T) {
	s, _ := openStore(t)
	ctx := context.Background()
	o, _, err := s.DraftOrder(ctx, []Item{{"NOBODY", 1}, {"MNM-TEH", 0}, {"MNM-TEH", -1}, {"MNM-GAYO", 1}})
	if err != nil || len(o.Lines) != 1 || o.Lines[0].SKU != "MNM-GAYO" || o.Total != o.Lines[0].Price || o.Status != OrderAwaitingPayment {
		t.Errorf("drafted %+v, %v", o, err)
	}
	place(t, s, "MNM-TEH", 1)
	placed := place(t, s, "MNM-GAYO", 1)
	other := placeFor(t, s, "Siti", "siti@example.com")
	for _, who := range [][2]string{{placed.Number, "budi@example.com"}, {" " + strings.ToLower(placed.Number[:5]) + " " + placed.Number[5:], " BUDI@example.com "}} {
		if token, err := s.FindOrder(ctx, who[0], who[1]); err != nil || token != placed.Token {
			t.Errorf("%q: found %q, %v", who, token, err)
		}
	}
	for _, who := range [][2]string{{placed.Number, "siti@example.com"}, {other.Number, "budi@example.com"}, {"WJ-NOBODY", "budi@example.com"}} {
		if token, err := s.FindOrder(ctx, who[0], who[1]); !errors.Is(err, ErrNotFound) {
			t.Errorf("%q: found %q, %v", who, token, err)
		}
	}
}
