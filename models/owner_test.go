package models

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"warungjokul/models/internal/db"
	"warungjokul/models/testdb"
)

var (
	demo   = Owner{"embedded", "MCH-0000-EMBEDDED"}
	hosted = Owner{"sandbox", "MCH-1"}
	live   = Owner{Production, "MCH-1"}
)

// openAs opens a database for an owner, and says what was logged.
func openAs(t *testing.T, databaseURL string, o Owner) (*Store, string, error) {
	t.Helper()
	var said bytes.Buffer
	s, err := OpenAs(context.Background(), databaseURL, o, newClock().now, slog.New(slog.NewTextHandler(&said, nil)))
	if err == nil {
		t.Cleanup(func() { s.Close() })
	}
	return s, said.String(), err
}

func isSentence(err error, says ...string) bool {
	if err == nil || strings.Contains(err.Error(), "\n") || !strings.HasPrefix(err.Error(), "DATABASE_URL ") {
		return false
	}
	for _, text := range says {
		if !strings.Contains(err.Error(), text) {
			return false
		}
	}
	return true
}

// A database is its first owner's. Another is refused in a sentence that says what to do, and changes nothing.
func TestADatabaseHasOneOwner(t *testing.T) {
	for first, others := range map[Owner]map[Owner]string{
		demo:   {hosted: "retire-demo --yes", live: "retire-demo --yes", {"embedded", "MCH-2"}: "another DATABASE_URL"},
		hosted: {demo: "retire-demo --yes", live: "retire-demo --yes", {"sandbox", "MCH-2"}: "another DATABASE_URL"},
		live:   {demo: "set those again", hosted: "set those again", {Production, "MCH-2"}: "another DATABASE_URL"},
	} {
		databaseURL := testdb.URL(t)
		s, said, err := openAs(t, databaseURL, first)
		if err != nil || said != "" {
			t.Fatalf("%s: %v; it said %q", first, err, said)
		}
		if err := s.write.Exec("DELETE FROM products").Error; err != nil {
			t.Fatal(err)
		}
		for other, advice := range others {
			_, _, err := openAs(t, databaseURL, other)
			if !isSentence(err, first.String(), other.String(), advice) || first == live && strings.Contains(err.Error(), "retire") {
				t.Errorf("%s after %s: %v", other, first, err)
			}
			if products, err := s.Products(context.Background(), "", ""); err != nil || len(products) != 0 {
				t.Errorf("%s after %s has changed something: %d products, %v", other, first, len(products), err)
			}
		}
		if _, said, err := openAs(t, databaseURL, first); err != nil || said != "" {
			t.Errorf("%s once more: %v; it said %q", first, err, said)
		}
	}
}

// A database from before, with its orders, is whoever starts first.
func TestADatabaseFromBefore(t *testing.T) {
	databaseURL := testdb.URL(t)
	s, _ := openAt(t, databaseURL)
	o := place(t, s, "MNM-TEH", 1)
	if _, err := s.Owner(context.Background()); !errors.Is(err, ErrNotFound) {
		t.Errorf("before: %v", err)
	}
	_, said, err := openAs(t, databaseURL, live)
	if err != nil || !strings.Contains(said, "environment=production client_id=MCH-1 orders=1") {
		t.Errorf("%v; it said %q", err, said)
	}
	if got, err := s.Owner(context.Background()); err != nil || got != live || reload(t, s, o).Test {
		t.Errorf("it is %s's, %v", got, err)
	}
}

// Of shops with two owners that start at once, those of one are let in, all of them.
func TestOwnersAtOnce(t *testing.T) {
	databaseURL := testdb.URL(t)
	openAt(t, databaseURL) // a new file is for one; then others may join
	owners := []Owner{hosted, live}
	var mu sync.Mutex
	in := map[Owner]int{}
	const each = 4
	together(len(owners)*each, func(i int) {
		o := owners[i%len(owners)]
		_, _, err := openAs(t, databaseURL, o)
		mu.Lock()
		defer mu.Unlock()
		if err == nil {
			in[o]++
		} else if !isSentence(err, o.String()) {
			t.Error(err)
		}
	})
	if in[hosted]+in[live] != each || in[hosted]*in[live] != 0 {
		t.Errorf("let in were %v", in)
	}
}

// retiring is a demo's database with an order of every kind.
type retiring struct {
	*Store
	*clock
	waiting, creating, expired, cancelled, paid, reusable Order
	stock                                                 map[string]int64
}

func newDemo(t *testing.T) retiring {
	t.Helper()
	ctx := context.Background()
	s, c := openAt(t, testdb.URL(t))
	if err := s.recordOwner(ctx, demo, slog.New(slog.DiscardHandler)); err != nil {
		t.Fatal(err)
	}
	if err := s.NameSellers(ctx); err != nil {
		t.Fatal(err)
	}
	d := retiring{Store: s, clock: c, stock: map[string]int64{}}
	products, err := s.Products(ctx, "", "")
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range products {
		d.stock[p.SKU] = p.Stock
	}
	d.waiting, d.creating = withCode(t, s, c, "MNM-TEH"), place(t, s, "MNM-GAYO", 2)
	d.expired, d.cancelled = withCode(t, s, c, "MKN-TEMPE"), withCode(t, s, c, "MKN-SAMBAL")
	d.paid, d.reusable = withCode(t, s, c, "MNM-JAHE"), withCode(t, s, c, "VCR-CELENGAN")
	if err := s.Expire(ctx, nil, d.expired.Payment().ID); err != nil {
		t.Fatal(err)
	}
	if _, err := s.CancelOrder(ctx, d.cancelled.ID); err != nil {
		t.Fatal(err)
	}
	for _, o := range []Order{d.paid, d.reusable} {
		deliver(t, s, c, o.Number, "{}", PaidEvent(paid(o.Payment(), c.now())))
	}
	if err := s.Raise(ctx, nil, d.creating.Payment(), CaseNoCode, "no code"); err != nil {
		t.Fatal(err)
	}
	return d
}

// Once a demo is retired nothing of it can be paid, is asked about, is mailed, or counts, and all of it is there.
func TestRetireDemo(t *testing.T) {
	d := newDemo(t)
	ctx := context.Background()
	for range retiredAtOnce { // more than are retired in one transaction
		place(t, d.Store, "MNM-TEH", 1)
	}
	orders := []Order{d.waiting, d.creating, d.expired, d.cancelled, d.paid, d.reusable}
	plan, err := d.Retirement(ctx, live)
	if err != nil {
		t.Fatal(err)
	}
	d.advance(time.Minute)
	done, err := d.RetireDemo(ctx, live)
	if want := (Retirement{demo, int64(len(orders) + retiredAtOnce), 3 + retiredAtOnce}); err != nil || done != want || plan != want {
		t.Fatalf("%+v, planned %+v, want %+v, %v", done, plan, want, err)
	}
	if o, err := d.Owner(ctx); err != nil || o != live {
		t.Errorf("it is %s's, %v", o, err)
	}
	for _, before := range orders {
		o := reload(t, d.Store, before)
		want := OrderCancelled
		if before.ID == d.paid.ID || before.ID == d.reusable.ID {
			want = OrderPaid
		}
		p := o.Payment()
		if !o.Test || o.Status != want || o.StockHeld || len(o.OpenCases) > 0 || p.State == PaymentPending || p.State == PaymentCreating ||
			p.NextCheckAt != nil || p.ExpiresAt != nil && p.ExpiresAt.After(d.clock.now()) {
			t.Errorf("order %d: test %v, %s, stock held %v, payment %s until %v, checked at %v", o.ID, o.Test, o.Status, o.StockHeld, p.State, p.ExpiresAt, p.NextCheckAt)
		}
		if added, err := d.AddPayment(ctx, o, attempt(o, o.NextAttempt())); err != nil || added {
			t.Errorf("order %d: another code was added, %v", o.ID, err)
		}
	}
	// What the former gateway has left open is nothing that a merchant has to look into.
	err = d.write.Model(&Payment{}).Where("order_id = ?", d.expired.ID).
		Updates(map[string]any{"checked_status": "SUCCESS", "checked_at": d.clock.now()}).Error
	if err != nil {
		t.Fatal(err)
	}
	err = d.write.Model(&Receipt{}).Where("payment_id = ?", d.paid.Payment().ID).Updates(map[string]any{"notified": false, "amount": 1}).Error
	if err != nil {
		t.Fatal(err)
	}
	d.nothingIsLeftToDo(t)
	d.nothingCounts(t)

	// Money that comes for one of its codes all the same is a case for a person, and no payment.
	deliver(t, d.Store, d.clock, "late", "{}", PaidEvent(paid(d.waiting.Payment(), d.clock.now())))
	if o := reload(t, d.Store, d.waiting); o.Status != OrderCancelled || len(caseKindsOf(t, d.Store)) != 2 {
		t.Errorf("the order is %s, cases are %v", o.Status, caseKindsOf(t, d.Store))
	}
}

func (d retiring) nothingIsLeftToDo(t *testing.T) {
	t.Helper()
	ctx := context.Background()
	d.advance(24 * time.Hour)
	if due, err := d.ClaimDue(ctx, 10); err != nil || len(due) != 0 {
		t.Errorf("%d payments are due, %v", len(due), err)
	}
	d.advance(-24 * time.Hour)
	for range 2 { // now, and when the reminder would come
		if due, err := d.ClaimMails(ctx, 10); err != nil || len(due) != 0 {
			t.Errorf("%d mails are due, %v", len(due), err)
		}
		d.advance(50 * time.Minute)
	}
	d.advance(-100 * time.Minute)
	if open, err := d.CountOpenCases(ctx); err != nil || open != 0 {
		t.Errorf("%d cases are open, %v", open, err)
	}
	products, err := d.Products(ctx, "", "")
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range products {
		if p.Stock != d.stock[p.SKU] || p.SettlementAccount != "" {
			t.Errorf("%s: %d in stock, want %d; settlement account %q", p.SKU, p.Stock, d.stock[p.SKU], p.SettlementAccount)
		}
	}
	if report, err := d.Mismatches(ctx); err != nil || len(report) != 0 {
		t.Errorf("mismatches: %+v, %v", report, err)
	}
}

func (d retiring) nothingCounts(t *testing.T) {
	t.Helper()
	ctx := context.Background()
	place(t, d.Store, "MNM-TEH", 1) // the first of the real shop
	days, err := d.Days(ctx, d.clock.now().Truncate(oneDay), 1)
	if err != nil {
		t.Fatal(err)
	}
	if f := days[0].DailyStats; f.Placed != 1 || f.Paid != 0 || f.Received != 0 || f.Expired != 0 || f.Converted != 0 {
		t.Errorf("figures: %+v", f)
	}
	stats, err := d.Stats(ctx)
	if err != nil || stats.Orders[OrderAwaitingPayment] != 1 || stats.Orders[OrderPaid] != 0 || stats.Orders[OrderCancelled] != 0 {
		t.Errorf("standing: %+v, %v", stats, err)
	}
}

// What was begun and cut off is gone on with.
func TestRetireDemoAfterACut(t *testing.T) {
	d := newDemo(t)
	ctx := context.Background()
	if err := d.retireOrders(ctx, []int64{d.waiting.ID, d.paid.ID}); err != nil {
		t.Fatal(err)
	}
	if o, err := d.Owner(ctx); err != nil || o != demo {
		t.Fatalf("it is %s's, %v", o, err)
	}
	if r, err := d.RetireDemo(ctx, live); err != nil || r.Orders != 4 {
		t.Errorf("%+v, %v", r, err)
	}
	d.nothingIsLeftToDo(t)
	d.nothingCounts(t)
}

// Real orders are never retired, nor those of whom nobody knows, nor a shop's own.
func TestRetireDemoRefuses(t *testing.T) {
	ctx := context.Background()
	s, _ := openStore(t)
	o := place(t, s, "MNM-TEH", 1)
	refused := func(next Owner, says string) {
		t.Helper()
		if _, err := s.RetireDemo(ctx, next); err == nil || !strings.Contains(err.Error(), says) || reload(t, s, o).Test {
			t.Errorf("%s: %v", next, err)
		}
	}
	refused(live, "no owner yet")
	if err := s.recordOwner(ctx, live, slog.New(slog.DiscardHandler)); err != nil {
		t.Fatal(err)
	}
	refused(live, "nothing to retire")
	refused(Owner{Production, "MCH-2"}, "real")
	refused(demo, "real")
}

// While a shop is at work on a PostgreSQL database its orders are not retired; of a file that shop has the lock.
func TestRetireDemoUnderAShop(t *testing.T) {
	needPostgres(t)
	d := newDemo(t)
	ctx, stop := context.WithCancel(context.Background())
	listening, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		var once sync.Once
		d.Subscribe(ctx, func(string) { once.Do(func() { close(listening) }) })
	}()
	<-listening
	if _, err := d.RetireDemo(context.Background(), live); !errors.Is(err, db.ErrInUse) || reload(t, d.Store, d.waiting).Test {
		t.Errorf("got %v", err)
	}
	stop()
	<-ended
	for deadline := time.Now().Add(time.Minute); ; { // the server notices that the connection is closed
		_, err := d.RetireDemo(context.Background(), live)
		if err == nil {
			break
		}
		if !errors.Is(err, db.ErrInUse) || time.Now().After(deadline) {
			t.Fatal(err)
		}
	}
}
