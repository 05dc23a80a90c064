package models

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"
)

// casesOfKind are the cases of a kind, the oldest first.
func casesOfKind(t *testing.T, s *Store, kind CaseKind) []Case {
	t.Helper()
	open, err := s.OpenCases(context.Background(), 100)
	if err != nil {
		t.Fatal(err)
	}
	return slices.DeleteFunc(open, func(c Case) bool { return c.Kind != kind })
}

// wantMessages checks which notifications the cases of a kind name, 0 for none.
func wantMessages(t *testing.T, s *Store, kind CaseKind, want ...int64) {
	t.Helper()
	var got []int64
	for _, c := range casesOfKind(t, s, kind) {
		if c.NotificationID == nil {
			got = append(got, 0)
		} else {
			got = append(got, *c.NotificationID)
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("the cases of %s name the notifications %v, want %v", kind, got, want)
	}
}

// A case names the notification that raised it, whatever comes after it, and a case that none
// raised names none.
func TestACaseNamesItsNotification(t *testing.T) {
	s, c := openStore(t)
	refuseCode(t, s, c, place(t, s, "MNM-TEH", 1))
	late, o := withCode(t, s, c, "MNM-GAYO"), withCode(t, s, c, "MNM-GAYO")
	expire(t, s, late)
	wrong, less := paid(o.Payment(), c.now()), paid(o.Payment(), c.now())
	wrong.Amount, less.Amount = wrong.Amount-1, less.Amount-2
	first := deliver(t, s, c, "wrong", "{}", PaidEvent(wrong))
	deliver(t, s, c, "less", "{}", PaidEvent(less))
	paidLate := deliver(t, s, c, "late", "{}", PaidEvent(paid(late.Payment(), c.now())))
	unknown := deliver(t, s, c, "unknown", "{}", ExpiredEvent("ELSE-1"))
	elsewhere := deliver(t, s, c, "elsewhere", "{}", PaidEvent(Arrival{InvoiceNumber: "ELSE-2", Amount: 1}))
	second := deliver(t, s, c, "second", "{}", PaidEvent(numbered(paid(late.Payment(), c.now()), 2)))
	wantMessages(t, s, CaseRefused, 0)
	wantMessages(t, s, CaseWrongAmount, first.ID)
	wantMessages(t, s, CaseLatePayment, paidLate.ID)
	wantMessages(t, s, CaseSecondPayment, second.ID)
	wantMessages(t, s, CaseUnknownInvoice, unknown.ID, elsewhere.ID)
}

// A case that a status answer has raised names no notification, though one tells of the same
// money later.
func TestACaseOfAStatusAnswerNamesNoNotification(t *testing.T) {
	s, c := openStore(t)
	o := withCode(t, s, c, "MNM-GAYO")
	wrong := paid(o.Payment(), c.now())
	wrong.Amount--
	if effect, err := s.ApplyStatus(context.Background(), nil, wrong); err != nil || effect != EffectFlagged {
		t.Fatal(effect, err)
	}
	want(t, deliver(t, s, c, "later", "{}", PaidEvent(wrong)), VerdictRepeated, EffectNone)
	wantMessages(t, s, CaseWrongAmount, 0)
}

// What a person was told of is listed as such, whatever the reason.
func TestWhatTheInboxFlags(t *testing.T) {
	s, c := openStore(t)
	o := withCode(t, s, c, "MNM-GAYO")
	wrong := paid(o.Payment(), c.now())
	wrong.Amount--
	deliver(t, s, c, "mismatched", "{}", PaidEvent(wrong))
	deliver(t, s, c, "applied", "{}", PaidEvent(numbered(paid(o.Payment(), c.now()), 2)))
	deliver(t, s, c, "held", "{}", PaidEvent(numbered(paid(o.Payment(), c.now()), 3)))
	deliver(t, s, c, "noted", "{}", NotedEvent(o.Payment().InvoiceNumber))
	deliver(t, s, c, "unknown", "{}", ExpiredEvent(TrialInvoice)) // the trial is a hint, never an expiry
	deliver(t, s, c, "unreadable", "{}", UnreadableEvent(o.Payment().InvoiceNumber, "no JSON"))
	list, err := s.Notifications(context.Background(), InboxFlagged, "", 0, 10)
	var got []string
	for _, n := range list {
		got = append(got, n.RequestID)
		if string(n.Verdict) != n.RequestID && n.Verdict != VerdictUnknownInvoice {
			t.Errorf("what is %s has the verdict %s", n.RequestID, n.Verdict)
		}
	}
	if err != nil || !slices.Equal(got, []string{"unreadable", "unknown", "held", "mismatched"}) {
		t.Errorf("flagged are %v, %v", got, err)
	}
}

// Each notification that cannot be read is a case of its own, about its order where there is one.
func TestUnreadableNotificationsAreCasesOfTheirOwn(t *testing.T) {
	s, c := openStore(t)
	o := withCode(t, s, c, "MNM-GAYO")
	invoice := o.Payment().InvoiceNumber
	var ids []int64
	for _, message := range [][2]string{{"a", "?"}, {"a", "!"}, {"b", "?"}, {"a", "?"}} { // the last has come before
		n := deliver(t, s, c, message[0], message[1], UnreadablePaidEvent(invoice, "no amount"))
		if !slices.Contains(ids, n.ID) {
			ids = append(ids, n.ID)
		}
	}
	nobody := deliver(t, s, c, "c", "?", UnreadableEvent("ELSE-1", "no JSON"))
	wantMessages(t, s, CaseUnreadable, append(ids, nobody.ID)...)
	for _, found := range casesOfKind(t, s, CaseUnreadable) {
		if *found.NotificationID == nobody.ID {
			if found.OrderID != nil || found.PaymentID != nil {
				t.Errorf("of nobody: order %v, payment %v", *found.OrderID, *found.PaymentID)
			}
		} else if found.OrderID == nil || *found.OrderID != o.ID || found.PaymentID == nil || *found.PaymentID != o.Payment().ID {
			t.Errorf("order %v, payment %v; want %d, %d", found.OrderID, found.PaymentID, o.ID, o.Payment().ID)
		}
	}
}

// A notification that settles nothing has the gateway asked within a minute, unless the payment
// is paid. One that settles something, or has come before, does not.
func TestWhichNotificationsAreHints(t *testing.T) {
	asked := 60 * time.Second
	for name, tt := range map[string]struct {
		tell func(t *testing.T, s *Store, c *clock, p Payment)
		want time.Duration // until the gateway is asked, 0 for never
	}{
		"noted": {func(t *testing.T, s *Store, c *clock, p Payment) {
			deliver(t, s, c, "n", "{}", NotedEvent(p.InvoiceNumber))
		}, asked},
		"unreadable": {func(t *testing.T, s *Store, c *clock, p Payment) {
			deliver(t, s, c, "n", "{}", UnreadableEvent(p.InvoiceNumber, "no JSON"))
		}, asked},
		"another amount": {func(t *testing.T, s *Store, c *clock, p Payment) {
			a := paid(p, c.now())
			a.Amount--
			deliver(t, s, c, "n", "{}", PaidEvent(a))
		}, asked},
		"expired": {func(t *testing.T, s *Store, c *clock, p Payment) {
			deliver(t, s, c, "n", "{}", ExpiredEvent(p.InvoiceNumber))
		}, 31 * time.Minute},
		"paid": {func(t *testing.T, s *Store, c *clock, p Payment) {
			deliver(t, s, c, "n", "{}", PaidEvent(paid(p, c.now())))
		}, 0},
		"noted once it is paid": {func(t *testing.T, s *Store, c *clock, p Payment) {
			deliver(t, s, c, "n", "{}", PaidEvent(paid(p, c.now())))
			deliver(t, s, c, "again", "{}", NotedEvent(p.InvoiceNumber))
		}, 0},
		"another amount, told again": {func(t *testing.T, s *Store, c *clock, p Payment) {
			a := paid(p, c.now())
			a.Amount--
			deliver(t, s, c, "n", "{}", PaidEvent(a))
			if err := s.Postpone(context.Background(), nil, p, "", c.now().Add(time.Hour)); err != nil {
				t.Fatal(err)
			}
			deliver(t, s, c, "again", "{}", PaidEvent(a))
		}, time.Hour},
	} {
		t.Run(name, func(t *testing.T) {
			s, c := openStore(t)
			o := withCode(t, s, c, "MNM-GAYO")
			if err := s.Postpone(context.Background(), nil, o.Payment(), "", c.now().Add(time.Hour)); err != nil {
				t.Fatal(err)
			}
			tt.tell(t, s, c, o.Payment())
			next := reload(t, s, o).Payment().NextCheckAt
			if (next == nil) != (tt.want == 0) || next != nil && !next.Equal(c.now().Add(tt.want)) {
				t.Errorf("the gateway is asked at %v, want %s after %v", next, tt.want, c.now())
			}
		})
	}
}

// What came about an order is found by its number, or by an invoice number, whichever attempt it
// is about.
func TestNotificationsOfAllAttempts(t *testing.T) {
	s, c := openStore(t)
	for _, invoice := range []string{"WJ-1", "WJ-1-1", "WJ-1-30", "WJ-11-1", "WJ-2-1"} {
		deliver(t, s, c, invoice, "{}", NotedEvent(invoice))
	}
	for about, want := range map[string][]string{"WJ-1": {"WJ-1-30", "WJ-1-1", "WJ-1"}, "WJ-1-30": {"WJ-1-30"}, "WJ-3": nil} {
		list, err := s.Notifications(context.Background(), InboxAll, about, 0, 10)
		var got []string
		for _, n := range list {
			got = append(got, n.InvoiceNumber)
		}
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("about %s: %v, %v; want %v", about, got, err, want)
		}
	}
}

// A notification is found by what names it: its own row, the message, or the key that it fitted last.
func TestFindingANotification(t *testing.T) {
	s, c := openStore(t)
	ctx := context.Background()
	came := func(id, body, key string) Notification {
		t.Helper()
		c.advance(time.Second)
		n := Notification{RequestID: id, Header: "{}", Body: []byte(body), SignedWith: key}
		n, err := s.ApplyNotification(ctx, n, NotedEvent(TrialInvoice), c.now())
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	list := []Notification{came("a", "1", "current"), came("b", "1", "previous"), came("a", "2", "previous"), came("c", "3", "current")}
	for _, n := range list {
		byID, err := s.Notification(ctx, n.ID)
		same, err2 := s.SameNotification(ctx, n)
		if err != nil || err2 != nil || byID.ID != n.ID || byID.RequestID != n.RequestID || same.ID != n.ID {
			t.Errorf("%s %q: %d, %v; %d, %v; want %d", n.RequestID, n.Body, byID.ID, err, same.ID, err2, n.ID)
		}
	}
	lastWith := func(key string, want Notification) {
		t.Helper()
		if last, err := s.LastSignedWith(ctx, key); err != nil || last.ID != want.ID {
			t.Errorf("signed with the %s key last: %d, %v; want %d", key, last.ID, err, want.ID)
		}
	}
	lastWith("current", list[3])
	lastWith("previous", list[2])
	came("b", "1", "previous")
	lastWith("previous", list[1])
	if _, err := s.LastSignedWith(ctx, "next"); !errors.Is(err, ErrNotFound) {
		t.Errorf("signed with no key: %v", err)
	}
	if _, err := s.Notification(ctx, 99); !errors.Is(err, ErrNotFound) {
		t.Errorf("a notification that is not there: %v", err)
	}
}

// A notification keeps what it tells of: the money, if any, and how long it took from its arrival.
func TestWhatANotificationKeeps(t *testing.T) {
	s, c := openStore(t)
	ctx := context.Background()
	o := withCode(t, s, c, "MNM-GAYO")
	invoice, received := o.Payment().InvoiceNumber, c.now().Add(-250*time.Millisecond)
	for id, event := range map[string]NotificationEvent{"money": PaidEvent(paid(o.Payment(), c.now())), "none": NotedEvent(invoice)} {
		n, err := s.ApplyNotification(ctx, Notification{RequestID: id, Header: "{}", Body: []byte("{}")}, event, received)
		if err != nil {
			t.Fatal(err)
		}
		kept, err := s.Notification(ctx, n.ID)
		if err != nil || (kept.ReceiptID != nil) != (id == "money") || kept.Duration != 250*time.Millisecond || !kept.ReceivedAt.Equal(received) {
			t.Errorf("%s: receipt %v, received at %v, took %s, %v", id, kept.ReceiptID, kept.ReceivedAt, kept.Duration, err)
		}
		if r := reload(t, s, o).Payment().Receipts; id == "money" && (len(r) != 1 || *kept.ReceiptID != r[0].ID) {
			t.Errorf("receipt %d, the order has %+v", *kept.ReceiptID, r)
		}
	}
}

// A message that comes again is counted with its own row: when it came last, and the key it fitted then.
func TestARepeatIsCountedForItself(t *testing.T) {
	s, c := openStore(t)
	ctx := context.Background()
	first := c.now()
	var list []Notification
	for _, m := range []struct{ id, key string }{{"a", "previous"}, {"b", "previous"}, {"a", "current"}} {
		n := Notification{RequestID: m.id, Header: "{}", Body: []byte("{}"), SignedWith: m.key}
		n, err := s.ApplyNotification(ctx, n, NotedEvent(TrialInvoice), c.now())
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, n)
		c.advance(time.Minute)
	}
	if list[2].ID != list[0].ID {
		t.Errorf("the repeat is row %d, want %d", list[2].ID, list[0].ID)
	}
	for i, want := range []Notification{
		{Deliveries: 2, SignedWith: "current", ReceivedAt: first, LastReceivedAt: first.Add(2 * time.Minute)},
		{Deliveries: 1, SignedWith: "previous", ReceivedAt: first.Add(time.Minute), LastReceivedAt: first.Add(time.Minute)},
	} {
		n, err := s.Notification(ctx, list[i].ID)
		if err != nil || n.Deliveries != want.Deliveries || n.SignedWith != want.SignedWith ||
			!n.ReceivedAt.Equal(want.ReceivedAt) || !n.LastReceivedAt.Equal(want.LastReceivedAt) || n.Verdict != VerdictNoted {
			t.Errorf("row %d: %+v, %v", n.ID, n, err)
		}
	}
}

// What comes about an erased order is kept without its body where that may tell of a person, and
// whole where it tells of money alone.
func TestWhatComesForAnErasedOrder(t *testing.T) {
	s, c := openStore(t)
	ctx := context.Background()
	erased, other := withCode(t, s, c, "MNM-GAYO"), withCode(t, s, c, "MNM-GAYO")
	expire(t, s, erased)
	if list, err := s.Erase(ctx, []int64{erased.ID}, Erasure{Reason: ErasureRequested}); err != nil || len(list) != 1 {
		t.Fatalf("%d erased, %v", len(list), err)
	}
	const plain, personal = `{"order":{"amount":1}}`, `{"order":{"amount":1},"customer":{"name":"Budi"}}`
	for i, tt := range []struct {
		o          Order
		body, want string
	}{{erased, plain, plain}, {erased, personal, ""}, {other, plain, plain}, {other, personal, personal}} {
		told := deliver(t, s, c, string(rune('a'+i)), tt.body, NotedEvent(tt.o.Payment().InvoiceNumber))
		if n, err := s.Notification(ctx, told.ID); err != nil || string(n.Body) != tt.want {
			t.Errorf("erased %v, %s: kept %q, %v; want %q", tt.o.ID == erased.ID, tt.body, n.Body, err, tt.want)
		}
	}
}

// One message that comes many times at once is one row that counts them all.
func TestEveryDeliveryIsCounted(t *testing.T) {
	const times = 12
	shops, c := openShops(t, 2)
	o := withCode(t, shops[0], c, "MNM-GAYO")
	for name, event := range map[string]NotificationEvent{
		"money": PaidEvent(paid(o.Payment(), c.now())), "a hint": NotedEvent(o.Payment().InvoiceNumber), "a trial": NotedEvent(TrialInvoice),
	} {
		var rows [times]int64
		together(times, func(i int) { rows[i] = deliver(t, shops[i%2], c, name, "{}", event).ID })
		for i, row := range rows {
			if row == 0 || row != rows[0] {
				t.Errorf("%s: delivery %d is row %d, want %d", name, i+1, row, rows[0])
			}
		}
		if n, err := shops[0].Notification(context.Background(), rows[0]); err != nil || n.Deliveries != times {
			t.Errorf("%s: %d deliveries counted, %v; want %d", name, n.Deliveries, err, times)
		}
	}
}
