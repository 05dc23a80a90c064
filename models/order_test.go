package models

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"
)

// Every pair of statuses, tried for real: what the tables allow happens, what
// they do not allow changes nothing.
func TestMoves(t *testing.T) {
	s, _ := openStore(t)
	o := place(t, s, "MNM-GAYO", 1)

	orders := []OrderStatus{OrderAwaitingPayment, OrderPaid, OrderExpired, OrderCancelled}
	allowedOrders := map[string]bool{
		"awaiting_payment>paid": true, "awaiting_payment>expired": true, "awaiting_payment>cancelled": true,
		"expired>paid": true, "expired>awaiting_payment": true,
	}
	for _, from := range orders {
		for _, to := range orders {
			set(t, s, &Order{}, o.ID, "status", from)
			moved, err := moveBy(s, func(tx *transaction) (bool, error) {
				return moveOrder(tx, reload(t, s, o), to, map[string]any{"stock_held": true})
			})
			check(t, string(from)+">"+string(to), moved, err, allowedOrders, string(reload(t, s, o).Status), string(from), string(to))
		}
	}

	payments := []PaymentState{PaymentCreating, PaymentPending, PaymentPaid, PaymentExpired, PaymentFailed}
	allowedPayments := map[string]bool{
		"creating>pending": true, "creating>failed": true, "creating>paid": true,
		"pending>paid": true, "pending>expired": true, "expired>paid": true, "failed>paid": true,
	}
	for _, from := range payments {
		for _, to := range payments {
			set(t, s, &Payment{}, o.Payment().ID, "state", from)
			moved, err := moveBy(s, func(tx *transaction) (bool, error) {
				return movePayment(tx, reload(t, s, o).Payment(), to, map[string]any{"last_error": ""})
			})
			check(t, string(from)+">"+string(to), moved, err, allowedPayments, string(reload(t, s, o).Payment().State), string(from), string(to))
		}
	}
}

func moveBy(s *Store, move func(tx *transaction) (bool, error)) (moved bool, err error) {
	err = s.transact(context.Background(), func(tx *transaction) error {
		moved, err = move(tx)
		return err
	})
	return moved, err
}

func set(t testing.TB, s *Store, model any, id int64, column string, value any) {
	t.Helper()
	if err := s.write.Model(model).Where("id = ?", id).Update(column, value).Error; err != nil {
		t.Fatal(err)
	}
}

func check(t *testing.T, pair string, moved bool, err error, allowed map[string]bool, got, from, to string) {
	t.Helper()
	want := from
	if allowed[pair] {
		want = to
	}
	if err != nil || moved != allowed[pair] || got != want {
		t.Errorf("%s: moved %v, now %s, %v; want %v, %s", pair, moved, got, err, allowed[pair], want)
	}
}

func TestOneCheckoutIsOneOrder(t *testing.T) {
	s, _ := openStore(t)
	before := stock(t, s, "MNM-GAYO")
	const shoppers = 20
	tokens, placed := make([]string, shoppers), make([]bool, shoppers)
	together(shoppers, func(i int) {
		o, ok, err := placeAs(context.Background(), s, "one form", "MNM-GAYO", 2)
		if err != nil {
			t.Error(err)
		}
		tokens[i], placed[i] = o.Token, ok
	})
	winners := 0
	for i := range tokens {
		if tokens[i] != tokens[0] {
			t.Errorf("order %s and order %s for one form", tokens[0], tokens[i])
		}
		if placed[i] {
			winners++
		}
	}
	if winners != 1 || stock(t, s, "MNM-GAYO") != before-2 {
		t.Errorf("%d were placed and %d pieces taken, want 1 and 2", winners, before-stock(t, s, "MNM-GAYO"))
	}
}

func TestLastPieceGoesToOne(t *testing.T) {
	s, _ := openStore(t)
	left := stock(t, s, "KRJ-BATIK")
	var mu sync.Mutex
	sold, refused := int64(0), 0
	together(30, func(i int) {
		_, _, err := placeAs(context.Background(), s, fmt.Sprint("form-", i), "KRJ-BATIK", 1)
		mu.Lock()
		defer mu.Unlock()
		var out *OutOfStockError
		switch {
		case err == nil:
			sold++
		case errors.As(err, &out) && out.SKU == "KRJ-BATIK":
			refused++
		default:
			t.Error(err)
		}
	})
	if sold != left || refused != 30-int(left) || stock(t, s, "KRJ-BATIK") != 0 {
		t.Errorf("sold %d of %d, refused %d, left %d", sold, left, refused, stock(t, s, "KRJ-BATIK"))
	}
	var orders int64
	if err := s.read.Model(&Order{}).Count(&orders).Error; err != nil || orders != left {
		t.Errorf("%d orders kept, %v, want %d", orders, err, left)
	}
}

func TestExpiryGivesStockBackOnce(t *testing.T) {
	s, c := openStore(t)
	before := stock(t, s, "MNM-GAYO")
	o := withCode(t, s, c, "MNM-GAYO")
	together(10, func(int) {
		if err := s.Expire(context.Background(), nil, o.Payment().ID); err != nil {
			t.Error(err)
		}
	})
	o = reload(t, s, o)
	if o.Status != OrderExpired || o.Payment().State != PaymentExpired || o.StockHeld {
		t.Errorf("got order %s, payment %s, stock held %v", o.Status, o.Payment().State, o.StockHeld)
	}
	if next := o.Payment().NextCheckAt; next == nil || !next.Equal(c.now().Add(secondLook)) {
		t.Errorf("next check at %v: money under way would not be found", next)
	}
	if got := stock(t, s, "MNM-GAYO"); got != before {
		t.Errorf("stock is %d, was %d", got, before)
	}
}

func TestNewCodeAfterExpiry(t *testing.T) {
	s, c := openStore(t)
	ctx := context.Background()
	o := withCode(t, s, c, "KRJ-BATIK")

	if added, err := s.AddPayment(ctx, o, attempt(o, 2)); added || err != nil {
		t.Fatalf("a second code beside a good one: %v, %v", added, err)
	}
	if err := s.Expire(ctx, nil, o.Payment().ID); err != nil {
		t.Fatal(err)
	}
	o = reload(t, s, o)
	wins := 0
	var mu sync.Mutex
	together(10, func(i int) {
		p := attempt(o, 2)
		p.RequestID += fmt.Sprint(i)
		added, err := s.AddPayment(ctx, o, p)
		if err != nil {
			t.Error(err)
		}
		mu.Lock()
		defer mu.Unlock()
		if added {
			wins++
		}
	})
	o = reload(t, s, o)
	if wins != 1 || len(o.Payments) != 2 || o.Status != OrderAwaitingPayment || !o.StockHeld || o.Payment().Attempt != 2 {
		t.Errorf("%d won, %d attempts, order %s, stock held %v", wins, len(o.Payments), o.Status, o.StockHeld)
	}

	t.Run("not when sold out", func(t *testing.T) {
		if err := s.RefuseCode(ctx, nil, o.Payment(), "no", c.now()); err != nil {
			t.Fatal(err)
		}
		if err := s.Expire(ctx, nil, o.Payment().ID); err != nil {
			t.Fatal(err)
		}
		place(t, s, "KRJ-BATIK", stock(t, s, "KRJ-BATIK"))
		o := reload(t, s, o)
		added, err := s.AddPayment(ctx, o, attempt(o, 3))
		var out *OutOfStockError
		if added || !errors.As(err, &out) {
			t.Errorf("got %v, %v, want an OutOfStockError", added, err)
		}
		if got := reload(t, s, o); got.Status != OrderExpired || len(got.Payments) != 2 {
			t.Errorf("order %s with %d attempts, want it untouched", got.Status, len(got.Payments))
		}
	})
}

func TestLeases(t *testing.T) {
	s, c := openStore(t)
	ctx := context.Background()
	o := place(t, s, "MNM-GAYO", 1)
	claim := func() []Payment {
		t.Helper()
		claimed, err := s.ClaimDue(ctx, 10)
		if err != nil {
			t.Fatal(err)
		}
		return claimed
	}
	if got := claim(); len(got) != 0 {
		t.Fatalf("claimed %d payments that the checkout still holds", len(got))
	}
	if next, err := s.NextDue(ctx); err != nil || !next.Equal(c.now().Add(lease)) {
		t.Errorf("next due %v, %v, want when the lease ends, %v", next, err, c.now().Add(lease))
	}
	c.advance(lease)
	var mu sync.Mutex
	total := 0
	together(8, func(int) {
		claimed, err := s.ClaimDue(ctx, 10)
		if err != nil {
			t.Error(err)
		}
		mu.Lock()
		total += len(claimed)
		mu.Unlock()
	})
	if total != 1 {
		t.Errorf("claimed %d times, want once", total)
	}
	if err := s.Postpone(ctx, nil, o.Payment(), "gateway away", c.now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	if got := claim(); len(got) != 0 {
		t.Error("claimed before its time")
	}
	c.advance(time.Minute)
	got := claim()
	if len(got) != 1 || got[0].Tries != 1 || got[0].LastError != "gateway away" || string(got[0].RequestBody) != got[0].InvoiceNumber || got[0].Order == nil {
		t.Errorf("got %+v", got)
	}
}

func together(n int, f func(i int)) {
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() { f(i) })
	}
	wg.Wait()
}
