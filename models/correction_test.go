package models

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"
)

var (
	budi = Customer{"Budi", "budi@example.com", ""}
	siti = Customer{"Siti Rahma", "siti@example.com", "081234567890"}
)

// place with a form of that name.
func placeItems(t *testing.T, s *Store, form string, items ...Item) (Order, bool) {
	t.Helper()
	o, _, err := s.DraftOrder(context.Background(), items)
	if err != nil {
		t.Fatal(err)
	}
	o.FormID, o.Language = form, "id"
	o.CustomerName, o.CustomerEmail, o.CustomerPhone = budi.Name, budi.Email, budi.Phone
	o, placed, err := s.PlaceOrder(context.Background(), o, attempt(o, 1))
	if err != nil {
		t.Fatal(err)
	}
	return o, placed
}

// One form and the same contents, in whatever sequence, are one order. Other contents are another.
func TestOneFormAndItsContents(t *testing.T) {
	s, _ := openStore(t)
	ctx := context.Background()
	first, _ := placeItems(t, s, "form", Item{"MNM-TEH", 1}, Item{"MNM-JAHE", 2})
	if again, placed := placeItems(t, s, "form", Item{"MNM-JAHE", 2}, Item{"MNM-TEH", 1}); placed || again.ID != first.ID {
		t.Errorf("the same contents: placed %v, order %d, want %d", placed, again.ID, first.ID)
	}
	for _, items := range [][]Item{{{"MNM-TEH", 2}, {"MNM-JAHE", 1}}, {{"MNM-TEH", 1}}, {{"MNM-TEH", 1}, {"MNM-JAHE", 2}, {"MNM-GAYO", 1}}} {
		if other, placed := placeItems(t, s, "form", items...); !placed || other.ID == first.ID {
			t.Errorf("%v: placed %v, order %d", items, placed, other.ID)
		}
	}
	latest, placed := placeItems(t, s, "form", Item{"MNM-GAYO", 1})
	if other, _ := placeItems(t, s, "other", Item{"MNM-GAYO", 1}); !placed || other.ID == latest.ID {
		t.Error("two forms with the same contents are one order")
	}
	for want, lines := range map[int64][]OrderLine{latest.ID: nil, first.ID: first.Lines} {
		if o, err := s.OrderByForm(ctx, "form", lines); err != nil || o.ID != want {
			t.Errorf("%d lines: order %d, %v, want %d", len(lines), o.ID, err, want)
		}
	}
	for _, form := range []string{"", "unknown"} {
		if _, err := s.OrderByForm(ctx, form, nil); !errors.Is(err, ErrNotFound) {
			t.Errorf("form %q: %v", form, err)
		}
	}
	if _, _, err := s.PlaceOrder(ctx, Order{Lines: first.Lines}, Payment{}); err == nil {
		t.Error("an order without a form was placed")
	}
}

// An order takes a correction while it waits to be paid, and at no other time.
func TestCorrectCustomer(t *testing.T) {
	ctx := context.Background()
	for status, reach := range map[OrderStatus]func(*Store, *clock, Order) error{
		OrderAwaitingPayment: func(*Store, *clock, Order) error { return nil },
		OrderCancelled:       func(s *Store, _ *clock, o Order) error { _, err := s.CancelOrder(ctx, o.ID); return err },
		OrderExpired:         func(s *Store, _ *clock, o Order) error { return s.Expire(ctx, nil, o.Payment().ID) },
		OrderPaid: func(s *Store, c *clock, o Order) error {
			_, err := s.ApplyNotification(ctx, Notification{RequestID: "r1", Header: "{}", Body: []byte("{}")}, PaidEvent(paid(o.Payment(), c.now())), c.now())
			return err
		},
	} {
		s, c := openStore(t)
		o := withCode(t, s, c, "MNM-TEH")
		if err := reach(s, c, o); err != nil {
			t.Fatal(err)
		}
		before := reload(t, s, o)
		open := status == OrderAwaitingPayment
		corrected, err := s.CorrectCustomer(ctx, o.ID, siti)
		after := reload(t, s, o)
		if err != nil || before.Status != status || corrected != open || (after.Customer() == siti) != open || after.Status != status {
			t.Errorf("%s: corrected %v, %v; it is %s's and %s", status, corrected, err, after.CustomerName, after.Status)
		}
		list, err := s.AuditEventsOf(ctx, o.ID)
		if err != nil {
			t.Fatal(err)
		}
		list = slices.DeleteFunc(list, func(c AuditEvent) bool { return c.Kind != AuditCustomer })
		if open != (len(list) == 3) || open && (list[1].Subject != "email" || list[1].Was != budi.Email || list[1].Became != siti.Email) {
			t.Errorf("%s: on record are %+v", status, list)
		}
		if again, err := s.CorrectCustomer(ctx, o.ID, after.Customer()); err != nil || again {
			t.Errorf("%s: the same details: corrected %v, %v", status, again, err)
		}
		for query, found := range map[string]bool{"siti": open, "rahma": open, "budi": !open, o.Payment().Code: true, o.Number: true} {
			if got := len(all(t, s, OrderFilter{Search: query}, 50)) == 1; got != found {
				t.Errorf("%s: searching for %q: found %v", status, query, got)
			}
		}
	}
}

// While the mail with the code is under way to the old address, the order is corrected. What becomes of that mail
// does not count: another goes to the new address, once.
func TestCorrectionWhileTheMailIsSent(t *testing.T) {
	ctx := context.Background()
	for name, under := range map[string]func(s *Store, m Mail, now time.Time) error{
		"sent":      func(s *Store, m Mail, _ time.Time) error { m.Subject = "sent"; return s.MailSent(ctx, m) },
		"not taken": func(s *Store, m Mail, now time.Time) error { return s.PostponeMail(ctx, m, "550", now.Add(time.Hour)) },
	} {
		s, c := openStore(t)
		o := withCode(t, s, c, "MNM-TEH")
		claim := func() Mail {
			t.Helper()
			due, err := s.ClaimMails(ctx, 10)
			if err != nil || len(due) != 1 || due[0].Kind != MailCode {
				t.Fatalf("%s: due are %+v, %v", name, due, err)
			}
			return due[0]
		}
		old := claim()
		if corrected, err := s.CorrectCustomer(ctx, o.ID, siti); err != nil || !corrected {
			t.Fatal(corrected, err)
		}
		if err := under(s, old, c.now()); err != nil {
			t.Fatal(err)
		}
		m := claim()
		if m.Order.CustomerEmail != siti.Email || m.Tries != 0 {
			t.Errorf("%s: to %s after %d tries", name, m.Order.CustomerEmail, m.Tries)
		}
		m.Subject = "code"
		if err := s.MailSent(ctx, m); err != nil {
			t.Fatal(err)
		}
		if due, err := s.ClaimMails(ctx, 10); err != nil || len(due) != 0 {
			t.Errorf("%s: due again are %+v, %v", name, due, err)
		}
		// Another name is no reason to write once more.
		if corrected, err := s.CorrectCustomer(ctx, o.ID, Customer{"Siti", siti.Email, siti.Phone}); err != nil || !corrected {
			t.Fatal(corrected, err)
		}
		if due, err := s.ClaimMails(ctx, 10); err != nil || len(due) != 0 {
			t.Errorf("%s: due after another name are %+v, %v", name, due, err)
		}
	}
}

// While money for an order is undecided its correction sends no code. What the shopper must know goes to the new address:
// that money is held, and once it is decided, how. The record says nothing of a mail with the code.
func TestCorrectionWhileMoneyIsUndecided(t *testing.T) {
	ctx := context.Background()
	s, c := openStore(t)
	o := withCode(t, s, c, "VCR-CELENGAN")
	send := func(email string, want ...MailKind) {
		t.Helper()
		due, err := s.ClaimMails(ctx, 10)
		if err != nil {
			t.Fatal(err)
		}
		var got []MailKind
		for _, m := range due {
			got = append(got, m.Kind)
			if m.Order.CustomerEmail != email || !m.Wanted(c.now()) {
				t.Errorf("%s to %s, wanted %v", m.Kind, m.Order.CustomerEmail, m.Wanted(c.now()))
			}
			m.Subject = "sent"
			if err := s.MailSent(ctx, m); err != nil {
				t.Fatal(err)
			}
		}
		if slices.Sort(got); !slices.Equal(got, want) {
			t.Errorf("to %s: %v, want %v", email, got, want)
		}
	}
	correct := func(to Customer) {
		t.Helper()
		c.advance(time.Minute)
		if corrected, err := s.CorrectCustomer(ctx, o.ID, to); err != nil || !corrected {
			t.Fatal(corrected, err)
		}
	}
	send(budi.Email, MailCode)
	wrong := paid(o.Payment(), c.now())
	wrong.Amount--
	deliver(t, s, c, "wrong", "{}", PaidEvent(wrong))
	send(budi.Email, MailMoney)
	correct(siti)
	send(siti.Email, MailMoney)
	decideRefund(t, s, only(t, s))
	send(siti.Email, MailDecided)
	correct(budi) // its code may be paid again
	send(budi.Email, MailCode, MailDecided)
}
