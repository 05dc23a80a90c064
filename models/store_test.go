package models

import (
	"context"
	"fmt"
	"log/slog"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"gorm.io/gorm"
)

// clock is a shop's clock that tests move.
type clock struct {
	mu sync.Mutex
	t  time.Time
}

func (c *clock) now() time.Time { c.mu.Lock(); defer c.mu.Unlock(); return c.t }

func (c *clock) advance(d time.Duration) { c.mu.Lock(); defer c.mu.Unlock(); c.t = c.t.Add(d) }

func newClock() *clock { return &clock{t: time.Date(2026, 11, 23, 3, 0, 0, 0, time.UTC)} }

// openStore opens a real SQLite file with the catalogue in it.
func openStore(t testing.TB) (*Store, *clock) {
	t.Helper()
	c := newClock()
	s, err := Open(context.Background(), "sqlite:"+filepath.Join(t.TempDir(), "shop.db"), c.now, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s, c
}

var checkoutIDs struct {
	sync.Mutex
	n int
}

// place orders quantity pieces of a product.
func place(t testing.TB, s *Store, sku string, quantity int64) Order {
	t.Helper()
	checkoutIDs.Lock()
	checkoutIDs.n++
	id := fmt.Sprint("checkout-", checkoutIDs.n)
	checkoutIDs.Unlock()
	o, placed, err := placeAs(s, id, sku, quantity)
	if err != nil || !placed {
		t.Fatalf("place order: placed %v, %v", placed, err)
	}
	return o
}

func placeAs(s *Store, checkoutID, sku string, quantity int64) (Order, bool, error) {
	o, err := s.DraftOrder(context.Background(), []Item{{sku, quantity}})
	if err != nil {
		return Order{}, false, err
	}
	o.CheckoutID, o.CustomerName, o.CustomerEmail, o.Language = checkoutID, "Budi", "budi@example.com", "id"
	return s.PlaceOrder(context.Background(), o, attempt(o, 1))
}

func attempt(o Order, n int64) Payment {
	invoice := InvoiceNumber(o.Number, n)
	return Payment{InvoiceNumber: invoice, RequestID: "request-" + invoice, RequestBody: []byte(invoice)}
}

// withCode places an order and gives its payment a code good for an hour.
func withCode(t testing.TB, s *Store, c *clock, sku string) Order {
	t.Helper()
	o := place(t, s, sku, 1)
	giveCode(t, s, c, o.Payment())
	return reload(t, s, o)
}

func giveCode(t testing.TB, s *Store, c *clock, p Payment) {
	t.Helper()
	code := IssuedCode{Code: "88888888" + p.InvoiceNumber[3:11], IssuedAt: c.now(), ExpiresAt: c.now().Add(time.Hour)}
	if err := s.IssueCode(context.Background(), p.ID, code, c.now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
}

func reload(t testing.TB, s *Store, o Order) Order {
	t.Helper()
	o, err := s.Order(context.Background(), o.Token)
	if err != nil {
		t.Fatal(err)
	}
	return o
}

func stock(t testing.TB, s *Store, sku string) int64 {
	t.Helper()
	products, err := s.ProductsBySKU(context.Background(), sku)
	if err != nil {
		t.Fatal(err)
	}
	return products[sku].Stock
}

func attentions(t testing.TB, s *Store) []AttentionKind {
	t.Helper()
	var kinds []AttentionKind
	if err := s.read.Model(&Attention{}).Order("id").Pluck("kind", &kinds).Error; err != nil {
		t.Fatal(err)
	}
	return kinds
}

func TestSettingsHold(t *testing.T) {
	s, _ := openStore(t)
	for pragma, want := range map[string]string{"journal_mode": "wal", "synchronous": "2", "foreign_keys": "1", "busy_timeout": "2000"} {
		var got string
		if err := s.write.Raw("PRAGMA " + pragma).Scan(&got).Error; err != nil || got != want {
			t.Errorf("%s: got %q, %v, want %q", pragma, got, err, want)
		}
	}
	if err := s.read.Exec("DELETE FROM products").Error; err == nil {
		t.Error("the readers' pool can write")
	}
}

func TestCatalogue(t *testing.T) {
	s, _ := openStore(t)
	ctx := context.Background()
	products, err := s.Products(ctx, "", "")
	if err != nil {
		t.Fatal(err)
	}
	if len(products) < 14 {
		t.Errorf("got %d products, want 14 or more", len(products))
	}
	open, categories := 0, map[Category]int{}
	for _, p := range products {
		categories[p.Category]++
		if p.Kind == KindOpen {
			open++
		}
		if p.Price < 10_000 || p.Price > 1_500_000 || p.Stock < 1 {
			t.Errorf("%s: price %d, stock %d", p.SKU, p.Price, p.Stock)
		}
		for _, text := range []string{p.NameID, p.NameEN, p.TextID, p.TextEN, p.Slug, p.Drawing} {
			if text == "" {
				t.Errorf("%s has an empty text", p.SKU)
			}
		}
	}
	if len(categories) != 4 || open != 1 {
		t.Errorf("got categories %v and %d open products, want 4 and 1", categories, open)
	}
	for query, want := range map[string]int{"KOPI": 1, "coffee": 1, "batik yogyakarta": 1, "100%": 0, "_": 0, "   ": len(products)} {
		if found, err := s.Products(ctx, query, ""); err != nil || len(found) != want {
			t.Errorf("search %q: got %d products, %v, want %d", query, len(found), err, want)
		}
	}
}

// A database written by a newer shop must not be served by an older one.
func TestOpenRefusesNewerDatabase(t *testing.T) {
	path := "sqlite:" + filepath.Join(t.TempDir(), "shop.db")
	ctx, log := context.Background(), slog.New(slog.DiscardHandler)
	s, err := Open(ctx, path, time.Now, log)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.write.Exec("INSERT INTO migrations (id) VALUES ('9999_from_the_future')").Error; err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(ctx, path, time.Now, log); err == nil || !strings.Contains(err.Error(), "newer version") {
		t.Errorf("got %v, want a sentence about a newer version", err)
	}
}

func TestOpenRefusesOtherURLs(t *testing.T) {
	for _, databaseURL := range []string{"", "sqlite:", "warung.db", "mysql://localhost/shop", "sqlite:" + t.TempDir() + "/no/such/folder/shop.db"} {
		if s, err := Open(context.Background(), databaseURL, time.Now, slog.New(slog.DiscardHandler)); err == nil {
			_ = s.Close()
			t.Errorf("%q: opened", databaseURL)
		}
	}
}

func TestKeyIsMadeOnce(t *testing.T) {
	s, _ := openStore(t)
	a, err := s.Key(context.Background(), "cookies")
	b, err2 := s.Key(context.Background(), "cookies")
	other, err3 := s.Key(context.Background(), "other")
	if err != nil || err2 != nil || err3 != nil {
		t.Fatal(err, err2, err3)
	}
	if len(a) != 32 || string(a) != string(b) || string(a) == string(other) {
		t.Errorf("got %d bytes, repeated alike: %v, other alike: %v", len(a), string(a) == string(b), string(a) == string(other))
	}
}

// Whoever waits for the writer must not hold what the writer needs to finish.
func TestWritersDoNotWaitForEachOther(t *testing.T) {
	s, _ := openStore(t)
	o := place(t, s, "MNM-GAYO", 1)
	pool, err := s.write.DB()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	const others = 4
	done := make(chan error, others)
	err = s.transact(ctx, func(tx *gorm.DB) error {
		waiting := pool.Stats().WaitCount
		for range others {
			go func() {
				_, err := s.Ask(ctx, o.Payment().ID, time.Minute) // a statement nobody has made before
				done <- err
			}()
		}
		for turns := 0; pool.Stats().WaitCount == waiting || turns < 100_000; turns++ {
			runtime.Gosched()
		}
		return tx.Model(&Order{}).Where("id = ?", o.ID).Update("attention", "").Error // and another
	})
	if err != nil {
		t.Errorf("the transaction: %v", err)
	}
	for range others {
		if err := <-done; err != nil {
			t.Errorf("who waited for it: %v", err)
		}
	}
}
