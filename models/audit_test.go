package models

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// told is what the records say of an order, a line each.
func told(t testing.TB, s *Store, orderID int64) []string {
	t.Helper()
	list, err := s.AuditEventsOf(context.Background(), orderID)
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for _, c := range list {
		lines = append(lines, strings.Join(strings.Fields(fmt.Sprint(c.Actor.By, " ", c.Kind, " ", c.Was, " > ", c.Became)), " "))
	}
	return lines
}

// A whole life, as the records tell it: what changed, and what changed it.
func TestChangesTellWhatMoved(t *testing.T) {
	s, c := openStore(t)
	ctx := context.Background()
	o := withCode(t, s, c, "MNM-GAYO")
	n := deliver(t, s, c, "r1", "{}", PaidEvent(paid(o.Payment(), c.now())))
	deliver(t, s, c, "r1", "{}", PaidEvent(paid(o.Payment(), c.now())))              // changes nothing
	deliver(t, s, c, "r2", "{}", PaidEvent(numbered(paid(o.Payment(), c.now()), 2))) // money once too often
	left := stock(t, s, "MNM-GAYO")
	want := []string{
		"shopper order.status > awaiting_payment", fmt.Sprintf("shopper stock %d > %d", left+1, left), "shopper payment.state > creating",
		"shop payment.state creating > pending",
		"notification payment.state pending > paid", "notification receipt > 90000", "notification order.status awaiting_payment > paid",
		"notification receipt > 90000", "notification case > open",
	}
	if diff := cmp.Diff(want, told(t, s, o.ID)); diff != "" {
		t.Error(diff)
	}
	by, err := s.AuditEventsByNotification(ctx, 1)
	if err != nil || n.ID != 1 || len(by) != 3 || by[0].PaymentID != o.Payment().ID || !by[0].At.Equal(c.now()) {
		t.Errorf("by the first notification: %+v, %v", by, err)
	}

	other := withCode(t, s, c, "MNM-GAYO")
	if err := s.Expire(ctx, &APICall{ID: 7}, other.Payment().ID); err != nil {
		t.Fatal(err)
	}
	if added, err := s.AddPayment(ctx, reload(t, s, other), attempt(other, 2)); err != nil || !added {
		t.Fatal(added, err)
	}
	if cancelled, err := s.CancelOrder(ctx, other.ID); err != nil || !cancelled {
		t.Fatal(cancelled, err)
	}
	left = stock(t, s, "MNM-GAYO")
	want = append(want[:0:0],
		"shopper order.status > awaiting_payment", fmt.Sprintf("shopper stock %d > %d", left, left-1), "shopper payment.state > creating",
		"shop payment.state creating > pending",
		"exchange payment.state pending > expired", "exchange order.status awaiting_payment > expired", fmt.Sprintf("exchange stock %d > %d", left-1, left),
		"shopper order.status expired > awaiting_payment", fmt.Sprintf("shopper stock %d > %d", left, left-1), "shopper payment.state > creating",
		"staff order.status awaiting_payment > cancelled", fmt.Sprintf("staff stock %d > %d", left-1, left))
	if diff := cmp.Diff(want, told(t, s, other.ID)); diff != "" {
		t.Error(diff)
	}
}

// Whoever can do a thing is recorded as who did it.
func TestWhoChangesWhat(t *testing.T) {
	s, c := openStore(t)
	ctx := context.Background()
	o := withCode(t, s, c, "MNM-GAYO")
	must(t, s.Raise(ctx, &APICall{ID: 7}, o.Payment(), CaseUnsettled, "a test"))
	_, err := s.Decide(ctx, only(t, s).ID, Decision{Kind: DecisionNone, By: "Sari", Reason: "a test"})
	must(t, err)
	left := stock(t, s, "MNM-GAYO")
	_, _, err = s.SetStock(ctx, "MNM-GAYO", left, left+1)
	must(t, err)
	must(t, s.Expire(ctx, nil, o.Payment().ID))
	_, err = s.Erase(ctx, []int64{o.ID}, Erasure{By: "Sari", Reason: ErasureRequested})
	must(t, err)

	late := withCode(t, s, c, "MNM-GAYO")
	_, err = s.CorrectCustomer(ctx, late.ID, Customer{Name: "Siti", Email: late.CustomerEmail})
	must(t, err)
	if got := told(t, s, late.ID); got[len(got)-1] != "shopper customer Budi > Siti" {
		t.Errorf("after a correction: %v", got)
	}
	must(t, s.Expire(ctx, nil, late.Payment().ID))
	_, err = s.Erase(ctx, []int64{late.ID}, Erasure{Reason: ErasureTime})
	must(t, err)

	var events []AuditEvent
	must(t, s.read.Order("id").Find(&events).Error)
	by := map[string]bool{}
	for _, e := range events {
		by[fmt.Sprint(e.Actor.By, " ", e.Kind, " ", e.Became)] = true
	}
	for _, want := range []string{"shopper order.status awaiting_payment", "exchange case open", "staff case none",
		fmt.Sprint("staff stock ", left+1), "shop payment.state expired", "shop order.status expired",
		"staff erased requested", "shop erased time"} {
		if !by[want] {
			t.Errorf("no event is %q", want)
		}
	}
}

// What is undone was never written down.
func TestChangesLiveAndDieWithTheirTransaction(t *testing.T) {
	s, c := openStore(t)
	o := withCode(t, s, c, "MNM-GAYO")
	before := told(t, s, o.ID)
	err := s.transact(context.Background(), func(tx *transaction) error {
		if _, err := applyArrival(tx, paid(o.Payment(), c.now()), c.now()); err != nil {
			return err
		}
		return errors.New("no")
	})
	if err == nil || cmp.Diff(before, told(t, s, o.ID)) != "" {
		t.Errorf("%v; %v became %v", err, before, told(t, s, o.ID))
	}
}

// Whatever many do at once, the records add up to the books.
func TestChangesAddUp(t *testing.T) {
	s, c := openStore(t)
	ctx := context.Background()
	before := stock(t, s, "MNM-GAYO")
	together(16, func(i int) {
		o := withCode(t, s, c, "MNM-GAYO")
		p := o.Payment()
		for turn := range 4 {
			switch (i + turn) % 4 {
			case 0:
				deliver(t, s, c, fmt.Sprint(i, turn), "{}", PaidEvent(paid(p, c.now())))
			case 1:
				if _, err := s.ApplyStatus(ctx, nil, paid(p, c.now())); err != nil {
					t.Error(err)
				}
			case 2:
				if err := s.Expire(ctx, nil, p.ID); err != nil {
					t.Error(err)
				}
			case 3:
				if _, err := s.CancelOrder(ctx, o.ID); err != nil {
					t.Error(err)
				}
			}
		}
	})
	checkChanges(t, s)
	var changes []AuditEvent
	if err := s.read.Where("kind = ?", AuditStock).Order("id").Find(&changes).Error; err != nil {
		t.Fatal(err)
	}
	for _, c := range changes {
		if c.Was != strconv.FormatInt(before, 10) {
			t.Fatalf("stock was %d, a record says %s", before, c.Was)
		}
		before, _ = strconv.ParseInt(c.Became, 10, 64)
	}
	if now := stock(t, s, "MNM-GAYO"); now != before {
		t.Errorf("stock is %d, the records end at %d", now, before)
	}
}

// checkChanges holds the records against the books: each payment and order went
// from record to record to where it is, and each receipt and case has its own.
func checkChanges(t *testing.T, s *Store) {
	t.Helper()
	at := map[string]string{}
	counts := map[AuditKind]int{}
	var changes []AuditEvent
	if err := s.read.Order("id").Find(&changes).Error; err != nil {
		t.Fatal(err)
	}
	for _, c := range changes {
		counts[c.Kind]++
		if c.Kind != AuditPayment && c.Kind != AuditOrder {
			continue
		}
		if at[c.Subject] != c.Was {
			t.Errorf("%s was %q, a record says %q", c.Subject, at[c.Subject], c.Was)
		}
		at[c.Subject] = c.Became
	}
	var orders []Order
	if err := s.read.Preload("Payments.Receipts").Find(&orders).Error; err != nil {
		t.Fatal(err)
	}
	for _, o := range orders {
		if at[o.Number] != string(o.Status) {
			t.Errorf("order %s is %s, the records say %q", o.Number, o.Status, at[o.Number])
		}
		for _, p := range o.Payments {
			if at[p.InvoiceNumber] != string(p.State) {
				t.Errorf("payment %s is %s, the records say %q", p.InvoiceNumber, p.State, at[p.InvoiceNumber])
			}
			counts[AuditReceipt] -= len(p.Receipts)
		}
	}
	counts[AuditCase] -= len(caseKindsOf(t, s))
	if counts[AuditReceipt] != 0 || counts[AuditCase] != 0 {
		t.Errorf("records too many: %v", counts)
	}
}

func TestForgetChanges(t *testing.T) {
	s, c := openStore(t)
	o := place(t, s, "MNM-GAYO", 1)
	c.advance(apiCallAge)
	giveCode(t, s, c, o.Payment())
	c.advance(time.Minute)
	if err := s.DeleteOldAuditEvents(context.Background()); err != nil {
		t.Fatal(err)
	}
	if got := told(t, s, o.ID); len(got) != 1 {
		t.Errorf("left: %v", got)
	}
}

// However many are sent, so many are kept, the latest of each reason; and all
// are counted.
func TestRejectionsAreBounded(t *testing.T) {
	s, c := openStore(t)
	ctx := context.Background()
	if err := s.SaveRejections(ctx, map[string]int64{"rare": 1}, []Rejection{{Reason: "rare", Header: "{}", ReceivedAt: c.now()}}); err != nil {
		t.Fatal(err)
	}
	for i := range 50 {
		var samples []Rejection
		for j := range 3 {
			samples = append(samples, Rejection{Reason: "junk", InvoiceNumber: fmt.Sprint(i, "-", j), Header: "{}", Body: []byte("x"), Size: 2, ReceivedAt: c.now()})
		}
		c.advance(time.Second)
		if err := s.SaveRejections(ctx, map[string]int64{"junk": 1000}, samples); err != nil {
			t.Fatal(err)
		}
	}
	list, err := s.Rejections(ctx)
	if err != nil || len(list) != RejectionsKept+1 || list[0].InvoiceNumber != "49-2" || list[RejectionsKept].Reason != "rare" || list[0].Whole() {
		t.Errorf("%d kept, first %+v, %v", len(list), list[0], err)
	}
	counts, err := s.RejectionCounts(ctx)
	if err != nil || len(counts) != 2 || counts[0].Count != 50_000 || counts[1].Count != 1 || !counts[0].LastAt.Equal(c.now()) {
		t.Errorf("counted %+v, %v", counts, err)
	}
	about, err := s.RejectionsAbout(ctx, []string{"49-2"})
	if err != nil || len(about) != 1 {
		t.Errorf("about one: %v, %v", about, err)
	}
	if one, err := s.Rejection(ctx, about[0].ID); err != nil || one.InvoiceNumber != "49-2" {
		t.Errorf("%+v, %v", one, err)
	}
	if _, err := s.Rejection(ctx, 0); !errors.Is(err, ErrNotFound) {
		t.Errorf("got %v", err)
	}
	c.advance(apiCallAge)
	if err := s.DeleteOldRejections(ctx); err != nil {
		t.Fatal(err)
	}
	if list, err := s.Rejections(ctx); err != nil || len(list) != 0 {
		t.Errorf("%d left, %v", len(list), err)
	}
}

func TestInbox(t *testing.T) {
	s, c := openStore(t)
	ctx := context.Background()
	o := withCode(t, s, c, "MNM-GAYO")
	e := PaidEvent(paid(o.Payment(), c.now()))
	deliver(t, s, c, "r1", "{}", e)
	deliver(t, s, c, "r1", "{}", e)
	deliver(t, s, c, "r2", "{}", e)
	deliver(t, s, c, "r3", "{}", UnreadableEvent("OTHER-1", "no sense"))
	for _, look := range []struct {
		kind   InboxKind
		about  string
		before int64
		want   string
	}{
		{InboxAll, "", 0, "r3 r2 r1"}, {InboxApplied, "", 0, "r1"}, {InboxRepeated, "", 0, "r2 r1"}, {InboxFlagged, "", 0, "r3"},
		{InboxAll, o.Number, 0, "r2 r1"}, {InboxAll, "%", 0, ""}, {InboxAll, "", 3, "r2 r1"},
	} {
		list, err := s.Notifications(ctx, look.kind, look.about, look.before, 10)
		var got []string
		for _, n := range list {
			got = append(got, n.RequestID)
		}
		if err != nil || strings.Join(got, " ") != look.want {
			t.Errorf("%+v: %v, %v", look, got, err)
		}
	}
	counts, err := s.VerdictCounts(ctx)
	if err != nil || len(counts) != 3 || counts[0] != (VerdictCount{VerdictApplied, 1, 2}) {
		t.Errorf("%+v, %v", counts, err)
	}
	n, err := s.Notification(ctx, 1)
	if same, err2 := s.SameNotification(ctx, n); err != nil || err2 != nil || same.ID != 1 {
		t.Error(err, err2, same.ID)
	}
}
