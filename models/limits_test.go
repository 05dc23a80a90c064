package models

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"
)

// shopper places orders from one client.
type shopper struct {
	client, email, phone string
}

var formsOfShoppers atomic.Int64

func (p shopper) draft(t testing.TB, s *Store, sku string, quantity int64) Order {
	t.Helper()
	o, _, err := s.DraftOrder(context.Background(), []Item{{sku, quantity}})
	if err != nil {
		t.Fatal(err)
	}
	o.FormID, o.Language = fmt.Sprint("form-", formsOfShoppers.Add(1)), "id"
	o.Client, o.CustomerName, o.CustomerEmail, o.CustomerPhone = p.client, "Budi", p.email, p.phone
	return o
}

func (p shopper) order(t testing.TB, s *Store, sku string, quantity int64) (Order, error) {
	t.Helper()
	o := p.draft(t, s, sku, quantity)
	o, _, err := s.PlaceOrder(context.Background(), o, attempt(o, 1))
	return o, err
}

// refusedBy names the limit that refused an order, empty for none.
func refusedBy(t testing.TB, err error) string {
	t.Helper()
	var open *OpenOrdersError
	var scarce *ScarceError
	switch {
	case err == nil:
		return ""
	case errors.As(err, &open):
		return string(open.By)
	case errors.As(err, &scarce):
		return "scarce"
	}
	t.Fatal(err)
	return ""
}

// flood places orders until one is refused, and returns how many were placed and what refused the next.
func flood(t testing.TB, s *Store, next func(i int) shopper, sku string, quantity int64) (placed int, by string) {
	t.Helper()
	for ; placed < 200; placed++ {
		if _, err := next(placed).order(t, s, sku, quantity); err != nil {
			return placed, refusedBy(t, err)
		}
	}
	return placed, ""
}

func TestUnpaidOrdersAreBounded(t *testing.T) {
	someone := func(i int) (email, phone string) {
		return fmt.Sprintf("n%d@example.com", i), fmt.Sprintf("0812000%05d", i)
	}
	for name, test := range map[string]struct {
		next     func(i int) shopper
		sku      string
		quantity int64
		placed   int
		by       string
	}{
		"orders of a client":  {func(i int) shopper { e, p := someone(i); return shopper{"192.0.2.1", e, p} }, "MKN-KERUPUK", 1, 20, "client"},
		"pieces of a client":  {func(i int) shopper { e, p := someone(i); return shopper{"192.0.2.1", e, p} }, "VCR-050", 90, 2, "scarce"},
		"pieces in one order": {func(i int) shopper { e, p := someone(i); return shopper{"192.0.2.1", e, p} }, "VCR-CELENGAN", 250, 1, "client"},
		"orders of an email": {func(i int) shopper {
			_, p := someone(i)
			return shopper{"192.0.2.1", fmt.Sprintf("Budi+%d@Example.com", i), p}
		}, "MKN-KERUPUK", 1, 10, "email"},
		"orders of a phone": {func(i int) shopper {
			e, _ := someone(i)
			return shopper{"192.0.2.1", e, []string{"0812 3456 7890", "+62 812-3456-7890", "0062 81234567890"}[i%3]}
		}, "MKN-KERUPUK", 1, 10, "phone"},
		"an email from many clients": {func(i int) shopper {
			_, p := someone(i)
			return shopper{fmt.Sprint("192.0.2.", i), "budi@example.com", p}
		}, "MKN-KERUPUK", 1, 30, "email"},
		"a scarce product": {func(i int) shopper { e, p := someone(i); return shopper{"192.0.2.1", e, p} }, "KRJ-BATIK", 1, 5, "scarce"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, _ := openStore(t)
			if placed, by := flood(t, s, test.next, test.sku, test.quantity); placed != test.placed || by != test.by {
				t.Errorf("%d orders were placed, and %q refused the next; want %d and %q", placed, by, test.placed, test.by)
			}
			if _, err := (shopper{"198.51.100.7", "siti@example.com", "081298765432"}).order(t, s, test.sku, 1); err != nil {
				t.Errorf("somebody else's order: %v", err)
			}
		})
	}
}

// Orders that are paid, expired or cancelled count nothing.
func TestOrdersThatEndedAreNotCounted(t *testing.T) {
	ctx := context.Background()
	s, c := openStore(t)
	regular := shopper{"192.0.2.1", "budi@example.com", "081234567890"}
	for i := range 3 * 12 {
		o, err := regular.order(t, s, "MKN-KERUPUK", 1)
		if err != nil {
			t.Fatalf("order %d: %v", i, err)
		}
		switch i % 3 {
		case 0:
			pay(t, s, c, o)
		case 1:
			giveCode(t, s, c, o.Payment())
			expire(t, s, o)
		default:
			if done, err := s.CancelOrderAs(ctx, o.ID, "Siti", "asked by phone"); err != nil || !done {
				t.Fatal(done, err)
			}
			if o := reload(t, s, o); o.CancelledBy != "Siti" || o.CancelledFor != "asked by phone" {
				t.Errorf("cancelled by %q for %q", o.CancelledBy, o.CancelledFor)
			}
		}
	}
	var rows int64
	if err := s.read.Model(&orderHolder{}).Count(&rows).Error; err != nil || rows != 0 {
		t.Errorf("%d holders are remembered of orders that ended, %v", rows, err)
	}
}

func pay(t *testing.T, s *Store, c *clock, o Order) {
	t.Helper()
	err := s.transact(context.Background(), func(tx *transaction) error {
		moved, err := payOrder(tx, o, c.now())
		if err == nil && !moved {
			err = errors.New("not paid")
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// A stranger fills all orders that one address gives with somebody's email and phone number: that person still orders, as often as a
// family does.
func TestNobodyIsLockedOutByTheirEmail(t *testing.T) {
	s, _ := openStore(t)
	victim := shopper{"198.51.100.7", "siti@example.com", "081298765432"}
	stranger := shopper{"192.0.2.1", victim.email, victim.phone}
	if placed, by := flood(t, s, func(int) shopper { return stranger }, "MKN-KERUPUK", 1); placed != 10 || by != "email" {
		t.Fatalf("the stranger placed %d orders, refused by %q", placed, by)
	}
	for i := range 5 {
		if _, err := victim.order(t, s, "MKN-KERUPUK", 1); err != nil {
			t.Errorf("order %d of the person whose email it is: %v", i+1, err)
		}
	}
}

// Twenty checkouts at once, through two shops, do not get past a limit together.
func TestLimitsHoldAtOnce(t *testing.T) {
	shops, _ := openShops(t, 2)
	var placed atomic.Int64
	together(60, func(i int) {
		p := shopper{"192.0.2.1", fmt.Sprintf("n%d@example.com", i), fmt.Sprintf("0812000%05d", i)}
		o := p.draft(t, shops[0], "MKN-KERUPUK", 1)
		_, fresh, err := shops[i%2].PlaceOrder(context.Background(), o, attempt(o, 1))
		if by := refusedBy(t, err); by != "" && by != "client" {
			t.Errorf("refused by %q", by)
		}
		if fresh {
			placed.Add(1)
		}
	})
	if placed.Load() != maxHeld[HolderClient].Orders {
		t.Errorf("%d orders were placed at once", placed.Load())
	}
	together(20, func(i int) {
		p := shopper{"192.0.2.2", fmt.Sprintf("m%d@example.com", i), fmt.Sprintf("0813000%05d", i)}
		_, err := p.order(t, shops[i%2], "KRJ-BATIK", 1)
		if by := refusedBy(t, err); by != "" && by != "scarce" {
			t.Errorf("refused by %q", by)
		}
	})
	if p, err := shops[0].ProductsBySKU(context.Background(), "KRJ-BATIK"); err != nil || p["KRJ-BATIK"].Stock != 1 {
		t.Errorf("%d are left of 6, %v", p["KRJ-BATIK"].Stock, err)
	}
}

// The same form is the same order at the limit, too, and a new code for an expired order is one more.
func TestLimitsAndOrdersThatAre(t *testing.T) {
	ctx := context.Background()
	s, c := openStore(t)
	p := shopper{"192.0.2.1", "budi@example.com", "081234567890"}
	old, err := p.order(t, s, "MKN-KERUPUK", 1)
	if err != nil {
		t.Fatal(err)
	}
	giveCode(t, s, c, old.Payment())
	expire(t, s, old)
	first := p.draft(t, s, "MKN-KERUPUK", 1)
	placed, _, err := s.PlaceOrder(ctx, first, attempt(first, 1))
	if err != nil {
		t.Fatal(err)
	}
	if n, by := flood(t, s, func(int) shopper { return p }, "MKN-KERUPUK", 1); n != 9 || by != "email" {
		t.Fatalf("%d more, refused by %q", n, by)
	}
	again, fresh, err := s.PlaceOrder(ctx, first, attempt(first, 1))
	if err != nil || fresh || again.ID != placed.ID {
		t.Errorf("the same form again: order %d, new %v, %v", again.ID, fresh, err)
	}
	old = reload(t, s, old)
	old.Client = p.client
	if added, err := s.AddPayment(ctx, old, attempt(old, 2)); added || refusedBy(t, err) != "email" {
		t.Errorf("a new code at the limit: added %v, %v", added, err)
	}
	if o := reload(t, s, old); o.Status != OrderExpired || len(o.Payments) != 1 {
		t.Errorf("the order refused is %s with %d attempts", o.Status, len(o.Payments))
	}
	giveCode(t, s, c, placed.Payment())
	expire(t, s, placed)
	if added, err := s.AddPayment(ctx, old, attempt(old, 2)); !added || err != nil {
		t.Errorf("a new code below the limit: added %v, %v", added, err)
	}
}

// A correction moves an order to another email, which has a limit of its own.
func TestCorrectionsAreCounted(t *testing.T) {
	ctx := context.Background()
	s, _ := openStore(t)
	full := func(i int) shopper { return shopper{fmt.Sprint("198.51.100.", i), "siti@example.com", "081298765432"} }
	flood(t, s, full, "MKN-KERUPUK", 1)
	other := shopper{"192.0.2.2", "budi@example.com", "081234567890"}
	if _, err := other.order(t, s, "MKN-KERUPUK", 1); err != nil {
		t.Fatal(err)
	}
	o, err := other.order(t, s, "MKN-KERUPUK", 1)
	if err != nil {
		t.Fatal(err)
	}
	_, err = s.CorrectCustomer(ctx, o.ID, Customer{"Budi", "SITI@example.com", "081234567890"})
	if by := refusedBy(t, err); by != "email" {
		t.Errorf("a correction to an email at its limit was refused by %q", by)
	}
	if done, err := s.CorrectCustomer(ctx, o.ID, Customer{"Budi", "budi2@example.com", "081234567891"}); err != nil || !done {
		t.Fatal(done, err)
	}
	var holders []string
	err = s.read.Model(&orderHolder{}).Where("order_id = ? AND kind <> 'client'", o.ID).Order("kind").Pluck("holder", &holders).Error
	if err != nil || len(holders) != 2 || holders[0] != s.keyedHash("email", "budi2@example.com") || holders[1] != s.keyedHash("phone", "6281234567891") {
		t.Errorf("counted for %v, %v", holders, err)
	}
}

func TestSpellingsOfOnePerson(t *testing.T) {
	for email, want := range map[string]string{
		"Budi@Example.COM": "budi@example.com", "budi+toko@example.com": "budi@example.com", "b.u.d.i+x@gmail.com": "budi@gmail.com",
		"Bu.Di@googlemail.com": "budi@gmail.com", "b.udi@example.com": "b.udi@example.com", "": "",
		"B_u-d.i@protonmail.com": "budi@proton.me", "bu_di+x@pm.me": "budi@proton.me", "bu-di@gmail.com": "bu-di@gmail.com",
	} {
		if got := NormalEmail(email); got != want {
			t.Errorf("%q is %q, want %q", email, got, want)
		}
	}
	for phone, want := range map[string]string{
		"0812 3456 7890": "6281234567890", "+62 812-3456-7890": "6281234567890", "6281234567890": "6281234567890",
		"0062 (812) 34567890": "6281234567890", "+62 0812 3456 7890": "6281234567890", "81234567890": "6281234567890",
		"+65 8123 4567": "6581234567", "+81 90 1234 5678": "819012345678", "": "",
	} {
		if got := NormalPhone(phone); got != want {
			t.Errorf("%q is %q, want %q", phone, got, want)
		}
	}
}

// Whatever addresses one client makes up, its orders cause thirty mails an hour at most. Others are sent theirs.
func TestMailsOfAClientAreBounded(t *testing.T) {
	ctx := context.Background()
	s, c := openStore(t)
	var orders []Order
	for i := range 10 {
		o, err := shopper{"192.0.2.1", fmt.Sprintf("n%d@example.com", i), fmt.Sprintf("0812000%05d", i)}.order(t, s, "MKN-KERUPUK", 1)
		must(t, err)
		orders = append(orders, o)
	}
	send := func(o Order, n int) (sent int) {
		t.Helper()
		for i := range n {
			o.CustomerEmail = fmt.Sprintf("any%d@catch-all-%d.example", i, o.ID) // as corrected
			_, allowed, err := s.CountMail(ctx, Mail{Kind: MailCode, OrderID: o.ID, Order: &o})
			must(t, err)
			if allowed {
				sent++
			}
		}
		return sent
	}
	total := 0
	for _, o := range orders {
		total += send(o, 4)
	}
	if total != 30 {
		t.Errorf("%d mails in an hour", total)
	}
	if allowed, err := s.MailAllowed(ctx, orders[0]); err != nil || allowed {
		t.Errorf("the button is allowed another: %v, %v", allowed, err)
	}
	other, err := shopper{"192.0.2.2", "siti@example.com", "081298765432"}.order(t, s, "MKN-KERUPUK", 1)
	must(t, err)
	if allowed, err := s.MailAllowed(ctx, other); err != nil || !allowed || send(other, 1) != 1 {
		t.Errorf("somebody else is sent nothing: %v", err)
	}
	c.advance(time.Hour + time.Second)
	if sent := send(orders[1], 40); sent != 30 {
		t.Errorf("%d mails in the next hour", sent)
	}
}

// That a code is over is not said to who was never told of it.
func TestMailAboutACodeThatWasHeldBack(t *testing.T) {
	ctx := context.Background()
	s, c := openStore(t)
	o, err := shopper{"192.0.2.1", "siti@example.com", "081298765432"}.order(t, s, "MKN-KERUPUK", 1)
	must(t, err)
	giveCode(t, s, c, o.Payment())
	claimed, err := s.ClaimMails(ctx, 1)
	must(t, err)
	over := Mail{Kind: MailExpired, OrderID: o.ID, Order: &o, PaymentID: o.Payment().ID}
	for _, held := range []bool{false, true} {
		if held {
			must(t, s.write.Model(&Mail{}).Where("id = ?", claimed[0].ID).Update("last_error", mailOverLimit).Error)
		}
		if _, allowed, err := s.CountMail(ctx, over); err != nil || allowed == held {
			t.Errorf("held back: %v, and the other mail is allowed: %v, %v", held, allowed, err)
		}
	}
}

func TestMailsToARecipientAreBounded(t *testing.T) {
	ctx := context.Background()
	s, c := openStore(t)
	send := func(n int, email string) (sent int) {
		t.Helper()
		var all atomic.Int64
		together(n, func(i int) {
			if _, allowed, err := s.CountMail(ctx, Mail{Kind: MailCode, Order: &Order{CustomerEmail: email}}); err != nil {
				t.Error(err)
			} else if allowed {
				all.Add(1)
			}
		})
		return int(all.Load())
	}
	if sent := send(25, "budi@example.com"); sent != 10 {
		t.Errorf("%d mails in an hour", sent)
	}
	if sent := send(1, "Budi+2@example.com"); sent != 0 {
		t.Error("another spelling has a limit of its own")
	}
	if sent := send(1, "siti@example.com"); sent != 1 {
		t.Error("somebody else is sent nothing")
	}
	total := 10
	for range 30 {
		c.advance(time.Hour / 2)
		total += send(2, "budi@example.com")
	}
	if total != 30 {
		t.Errorf("%d mails in a day", total)
	}
	c.advance(25 * time.Hour)
	if err := s.DeleteOldMailSends(ctx); err != nil {
		t.Fatal(err)
	}
	id, allowed, err := s.CountMail(ctx, Mail{Kind: MailCode, Order: &Order{CustomerEmail: "budi@example.com"}})
	if err != nil || !allowed {
		t.Fatal(allowed, err)
	}
	if err := s.UncountMail(ctx, id); err != nil {
		t.Fatal(err)
	}
	var rows int64
	if err := s.read.Model(&mailSend{}).Count(&rows).Error; err != nil || rows != 0 {
		t.Errorf("%d sends are remembered, %v", rows, err)
	}
}
