package models

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

func TestTheLastTenPiecesForTwoHundredShoppers(t *testing.T) {
	s, _ := openStore(t)
	setStock(t, s, "MNM-GAYO", 10)
	var mu sync.Mutex
	sold, refused := 0, 0
	together(200, func(i int) {
		_, placed, err := placeAs(context.Background(), s, fmt.Sprint("rush-", i), "MNM-GAYO", 1)
		mu.Lock()
		defer mu.Unlock()
		var out *OutOfStockError
		switch {
		case placed:
			sold++
		case errors.As(err, &out):
			refused++
		default:
			t.Error(err)
		}
	})
	if sold != 10 || refused != 190 || stock(t, s, "MNM-GAYO") != 0 {
		t.Errorf("%d orders, %d refusals, %d left", sold, refused, stock(t, s, "MNM-GAYO"))
	}
}

func setStock(t testing.TB, s *Store, sku string, n int64) {
	t.Helper()
	if err := s.write.Model(&Product{}).Where("sku = ?", sku).Update("stock", n).Error; err != nil {
		t.Fatal(err)
	}
}

func TestCancelGivesStockBackOnce(t *testing.T) {
	s, c := openStore(t)
	ctx := context.Background()
	before := stock(t, s, "MNM-GAYO")
	o := withCode(t, s, c, "MNM-GAYO")
	var mu sync.Mutex
	cancels := 0
	together(10, func(i int) {
		done, err := s.CancelOrder(ctx, o.ID)
		if err != nil {
			t.Error(err)
		}
		if i%2 == 0 {
			if err := s.Expire(ctx, nil, o.Payment().ID); err != nil {
				t.Error(err)
			}
		}
		mu.Lock()
		defer mu.Unlock()
		if done {
			cancels++
		}
	})
	if got := stock(t, s, "MNM-GAYO"); cancels > 1 || got != before || reload(t, s, o).StockHeld {
		t.Errorf("cancelled %d times, stock %d, was %d", cancels, got, before)
	}

	t.Run("money that comes all the same", func(t *testing.T) {
		o := withCode(t, s, c, "MNM-TEH")
		if done, err := s.CancelOrder(ctx, o.ID); !done || err != nil {
			t.Fatal(done, err)
		}
		want(t, deliver(t, s, c, "late", "{}", PaidEvent(paid(o.Payment(), c.now()))), VerdictHeld, EffectSecondPayment)
		got := reload(t, s, o)
		if got.Status != OrderCancelled || len(got.Payments[0].Receipts) != 1 || flag(got) != CasePaidCancelled {
			t.Errorf("order %s, %d receipts, attention %q", got.Status, len(got.Payments[0].Receipts), flag(got))
		}
	})
	t.Run("not once paid", func(t *testing.T) {
		o := withCode(t, s, c, "MNM-JAHE")
		deliver(t, s, c, "paid", "{}", PaidEvent(paid(o.Payment(), c.now())))
		if done, err := s.CancelOrder(ctx, o.ID); done || err != nil || reload(t, s, o).Status != OrderPaid {
			t.Errorf("cancelled %v, %v, order %s", done, err, reload(t, s, o).Status)
		}
	})
}

func TestReplacePayment(t *testing.T) {
	s, _ := openStore(t)
	ctx := context.Background()
	o := place(t, s, "KRJ-BATIK", 2)
	left := stock(t, s, "KRJ-BATIK")
	var mu sync.Mutex
	wins := 0
	together(8, func(i int) {
		next := attempt(o, 2)
		next.RequestID += fmt.Sprint("-", i)
		replaced, err := s.ReplacePayment(ctx, nil, o.Payment(), next, "duplicate")
		if err != nil {
			t.Error(err)
		}
		mu.Lock()
		defer mu.Unlock()
		if replaced {
			wins++
		}
	})
	o = reload(t, s, o)
	if wins != 1 || len(o.Payments) != 2 || o.Payments[0].State != PaymentFailed || o.Payments[1].State != PaymentCreating {
		t.Errorf("%d replacements, payments %+v", wins, o.Payments)
	}
	if o.Payments[0].NextCheckAt != nil || stock(t, s, "KRJ-BATIK") != left || !o.StockHeld || flag(o) != "" {
		t.Errorf("next check %v, stock %d was %d, attention %q", o.Payments[0].NextCheckAt, stock(t, s, "KRJ-BATIK"), left, flag(o))
	}
}

func TestHintsBringAQuestion(t *testing.T) {
	for name, event := range map[string]func(p Payment) NotificationEvent{
		"a status that settles nothing": func(p Payment) NotificationEvent { return NotedEvent(p.InvoiceNumber) },
		"unreadable":                    func(p Payment) NotificationEvent { return UnreadableEvent(p.InvoiceNumber, "no amount") },
		"another amount": func(p Payment) NotificationEvent {
			a := paid(p, time.Time{})
			a.Amount++
			return PaidEvent(a)
		},
	} {
		t.Run(name, func(t *testing.T) {
			s, c := openStore(t)
			o := withCode(t, s, c, "MNM-GAYO")
			if err := s.Postpone(context.Background(), nil, o.Payment(), "", c.now().Add(30*time.Minute)); err != nil {
				t.Fatal(err)
			}
			deliver(t, s, c, "hint", "{}", event(o.Payment()))
			if next := reload(t, s, o).Payment().NextCheckAt; next == nil || !next.Equal(c.now().Add(Settling)) {
				t.Errorf("next check at %v, want in %v", next, Settling)
			}
		})
	}
}

func TestAReusableCodeStaysOnTheList(t *testing.T) {
	s, c := openStore(t)
	o := withCode(t, s, c, "VCR-CELENGAN")
	deliver(t, s, c, "r1", "{}", PaidEvent(paid(o.Payment(), c.now())))
	if reload(t, s, o).Payment().NextCheckAt == nil {
		t.Error("a payment whose notification is lost would never be found")
	}
}

// One wrong amount is one case however often it is told, and the next is another, also
// once somebody has closed the first.
func TestACaseForEachArrival(t *testing.T) {
	s, c := openStore(t)
	ctx := context.Background()
	o := withCode(t, s, c, "VCR-CELENGAN")
	wrong := paid(o.Payment(), c.now())
	wrong.Amount += 500
	for i := range 3 { // each by notification, its resend, and query after query
		wrong.Identifiers = fmt.Sprintf(`[{"name":"AGENT_TRX_ID","value":"%d"}]`, i)
		for range 2 {
			deliver(t, s, c, fmt.Sprint("r", i), "{}", PaidEvent(wrong))
			deliver(t, s, c, fmt.Sprint("resent", i), "{}", PaidEvent(wrong))
			if _, err := s.ApplyStatus(ctx, nil, wrong); err != nil {
				t.Fatal(err)
			}
		}
		list, err := s.OpenCases(ctx, 10)
		if err != nil || len(list) != 1 {
			t.Fatalf("arrival %d: %d open cases, %v, want 1", i, len(list), err)
		}
		if a := list[0]; a.Kind != CaseWrongAmount || a.Receipt.Amount != wrong.Amount || a.Difference() != 500 || a.Order.Number != o.Number {
			t.Errorf("got %+v", a)
		}
		if _, err := s.Decide(ctx, list[0].ID, Decision{Kind: DecisionNone, By: "Sari", Reason: "a test"}); err != nil {
			t.Fatal(err)
		}
	}
}

func TestMismatches(t *testing.T) {
	s, c := openStore(t)
	ctx := context.Background()
	lines := func() (list []string) {
		t.Helper()
		found, err := s.Mismatches(ctx)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range found {
			list = append(list, string(m.Kind)+" "+m.OrderNumber)
		}
		return list
	}
	fine := withCode(t, s, c, "MNM-TEH")
	deliver(t, s, c, "fine", "{}", PaidEvent(paid(fine.Payment(), c.now())))
	box := withCode(t, s, c, "VCR-CELENGAN")
	for i := range 3 {
		deliver(t, s, c, fmt.Sprint("box", i), "{}", PaidEvent(numbered(paid(box.Payment(), c.now()), i)))
	}
	place(t, s, "MNM-TEH", 1) // asked for a moment ago
	if got := lines(); len(got) != 0 {
		t.Fatalf("all agrees, and the report says %v", got)
	}

	quiet := withCode(t, s, c, "MNM-TEH")
	if _, err := s.ApplyStatus(ctx, nil, paid(quiet.Payment(), c.now())); err != nil {
		t.Fatal(err)
	}
	twice := withCode(t, s, c, "MNM-TEH")
	for i := range 2 {
		deliver(t, s, c, fmt.Sprint("twice", i), "{}", PaidEvent(numbered(paid(twice.Payment(), c.now()), i)))
	}
	wrong := withCode(t, s, c, "MNM-TEH")
	if err := s.Checked(ctx, nil, wrong.Payment(), "SUCCESS"); err != nil {
		t.Fatal(err)
	}
	held := withCode(t, s, c, "MNM-TEH")
	if err := s.write.Model(&Order{}).Where("id = ?", held.ID).Update("stock_held", false).Error; err != nil {
		t.Fatal(err)
	}
	unpaid := withCode(t, s, c, "MNM-TEH")
	if err := s.write.Model(&Order{}).Where("id = ?", unpaid.ID).Update("status", OrderPaid).Error; err != nil {
		t.Fatal(err)
	}
	wanted := []string{"money " + unpaid.Number, "paid_there " + wrong.Number, "stock " + held.Number, "not_notified " + quiet.Number,
		"undecided " + twice.Number}
	if got := lines(); !slices.Equal(got, wanted) {
		t.Errorf("got %v\nwant %v", got, wanted)
	}

	c.advance(3 * time.Hour)
	overdue := 0
	noCode := 0
	for _, line := range lines() {
		if strings.HasPrefix(line, "overdue ") {
			overdue++
		}
		if strings.HasPrefix(line, "no_code ") {
			noCode++
		}
	}
	if overdue != 3 || noCode != 1 {
		t.Errorf("%d overdue, %d without a code, want 3 and 1: %v", overdue, noCode, lines())
	}
}
