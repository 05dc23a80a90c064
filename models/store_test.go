package models

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"warungjokul/models/internal/db"
	"warungjokul/models/testdb"
)

// clock is a shop's clock that tests move.
type clock struct {
	mu sync.Mutex
	t  time.Time
}

func (c *clock) now() time.Time { c.mu.Lock(); defer c.mu.Unlock(); return c.t }

func (c *clock) advance(d time.Duration) { c.mu.Lock(); defer c.mu.Unlock(); c.t = c.t.Add(d) }

func newClock() *clock { return &clock{t: time.Date(2026, 11, 23, 3, 0, 0, 0, time.UTC)} }

// openStore opens a real database with the catalogue in it.
func openStore(t testing.TB) (*Store, *clock) {
	t.Helper()
	return openAt(t, testdb.URL(t))
}

func openAt(t testing.TB, databaseURL string) (*Store, *clock) {
	t.Helper()
	c := newClock()
	s, err := Open(context.Background(), databaseURL, c.now, slog.New(slog.DiscardHandler))
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
	o, placed, err := placeAs(context.Background(), s, id, sku, quantity)
	if err != nil || !placed {
		t.Fatalf("place order: placed %v, %v", placed, err)
	}
	return o
}

func placeAs(ctx context.Context, s *Store, checkoutID, sku string, quantity int64) (Order, bool, error) {
	o, _, err := s.DraftOrder(ctx, []Item{{sku, quantity}})
	if err != nil {
		return Order{}, false, err
	}
	o.FormID, o.CustomerName, o.CustomerEmail, o.Language = checkoutID, "Budi", "budi@example.com", "id"
	return s.PlaceOrder(ctx, o, attempt(o, 1))
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
	if _, err := s.IssueCode(context.Background(), nil, p.ID, code, c.now().Add(time.Minute)); err != nil {
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

// flag is the kind of the order's latest open case, empty where there is none.
func flag(o Order) CaseKind {
	if n := len(o.OpenCases); n > 0 {
		return o.OpenCases[n-1].Kind
	}
	return ""
}

func caseKindsOf(t testing.TB, s *Store) []CaseKind {
	t.Helper()
	var kinds []CaseKind
	if err := s.read.Model(&Case{}).Order("id").Pluck("kind", &kinds).Error; err != nil {
		t.Fatal(err)
	}
	return kinds
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

// Databases that must not be served are refused with one sentence, and left alone.
func TestDatabasesThatAreRefused(t *testing.T) {
	for name, tt := range map[string]struct {
		prepare []string
		says    string
	}{
		"newer":            {[]string{"INSERT INTO migrations VALUES ('9999_from_the_future')"}, "newer version"},
		"a step left out":  {[]string{"DELETE FROM migrations WHERE id LIKE '0001%'"}, "half migrated"},
		"a column is gone": {[]string{"ALTER TABLE cases DROP COLUMN detail"}, "half migrated"},
		"a table is gone":  {[]string{"DROP TABLE exchanges"}, "half migrated"},
		"steps forgotten":  {[]string{"DELETE FROM migrations"}, "half migrated"},
	} {
		t.Run(name, func(t *testing.T) {
			databaseURL := testdb.URL(t)
			s, _ := openAt(t, databaseURL)
			for _, statement := range tt.prepare {
				if err := s.write.Exec(statement).Error; err != nil {
					t.Fatal(err)
				}
			}
			refused(t, databaseURL, tt.says)
		})
	}
	t.Run("another program's", func(t *testing.T) {
		databaseURL := testdb.URL(t)
		database, err := db.Parse(databaseURL)
		if err != nil {
			t.Fatal(err)
		}
		write, _, err := database.Open(time.Now, slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		if err := write.Exec("CREATE TABLE songs (title text)").Error; err != nil {
			t.Fatal(err)
		}
		if err := database.Close(); err != nil {
			t.Fatal(err)
		}
		refused(t, databaseURL, "another program's")
	})
}

func refused(t *testing.T, databaseURL, says string) {
	t.Helper()
	s, err := Open(context.Background(), databaseURL, newClock().now, slog.New(slog.DiscardHandler))
	if err == nil {
		s.Close()
		t.Fatal("it was opened")
	}
	if text := err.Error(); !strings.Contains(text, says) || strings.Contains(text, "\n") {
		t.Errorf("got %q, want one line that says %q", text, says)
	}
}

func TestOpenRefusesOtherURLs(t *testing.T) {
	for _, databaseURL := range []string{"", "sqlite:", "warung.db", "mysql://localhost/shop", "sqlite:" + t.TempDir() + "/no/such/folder/shop.db",
		"postgres://shop:s3cret@127.0.0.1:1/warung", "postgres://shop:s3cret@127.0.0.1:1/warung?sslmode=perhaps", "postgres://shop:s3cret%zz@127.0.0.1/warung",
		"postgres://shop:s3cret@nowhere.invalid/warung", "postgresql://shop:s3cret@127.0.0.1:port/warung", "postgres:shop password=s3cret"} {
		s, err := Open(context.Background(), databaseURL, time.Now, slog.New(slog.DiscardHandler))
		if err == nil {
			_ = s.Close()
			t.Errorf("%q: opened", databaseURL)
			continue
		}
		if said := err.Error(); !strings.HasPrefix(said, "DATABASE_URL ") || strings.Contains(said, "\n") || strings.Contains(said, "s3cret") {
			t.Errorf("%q: got %q, want one sentence that begins with DATABASE_URL and repeats no password", databaseURL, said)
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
