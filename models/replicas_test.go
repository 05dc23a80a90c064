package models

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"warungjokul/models/internal/db"
	"warungjokul/models/testdb"
)

// The shop's machine stands in Jakarta, so that a time that is not UTC shows.
func TestMain(m *testing.M) {
	time.Local = time.FixedZone("WIB", 7*60*60)
	os.Exit(m.Run())
}

// complaints is a log that tests look into.
type complaints struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (c *complaints) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.text.Write(p)
}

func (c *complaints) String() string { c.mu.Lock(); defer c.mu.Unlock(); return c.text.String() }

// openShops opens several shops at once on one empty database. Whatever the
// database complains of, a deadlock that was cut and tried again included, fails
// the test.
func openShops(t *testing.T, n int) ([]*Store, *clock) {
	t.Helper()
	databaseURL, c, said := testdb.URL(t), newClock(), &complaints{}
	shops := make([]*Store, n)
	open := func(i int) {
		var err error
		if shops[i], err = Open(context.Background(), databaseURL, c.now, slog.New(slog.NewTextHandler(said, &slog.HandlerOptions{Level: slog.LevelError}))); err != nil {
			t.Error(err)
			return
		}
		t.Cleanup(func() { shops[i].Close() })
	}
	alone := 0
	if testdb.Server() == "" { // a new file is for one; then others may join
		alone = 1
		open(0)
	}
	together(n-alone, func(i int) { open(i + alone) })
	if t.Failed() {
		t.FailNow()
	}
	t.Cleanup(func() {
		if text := said.String(); text != "" {
			t.Errorf("the database complained:\n%s", text)
		}
	})
	return shops, c
}

func TestShopsThatStartAtOnce(t *testing.T) {
	shops, _ := openShops(t, 6)
	for _, s := range shops {
		products, err := s.Products(context.Background(), "", "")
		if err != nil || len(products) != len(catalogue()) {
			t.Errorf("%d products, %v, want %d", len(products), err, len(catalogue()))
		}
		a, err := s.Key(context.Background(), "cookies")
		b, _ := shops[0].Key(context.Background(), "cookies")
		if err != nil || !bytes.Equal(a, b) {
			t.Errorf("shops have different keys, %v", err)
		}
	}
}

// ledgerOf is what must be true of an order and its shelf whatever happened at
// once: money makes it paid and nothing else does, and stock is either on the
// shelf or held.
func ledgerOf(t *testing.T, s *Store, o Order, sku string, all int64) {
	t.Helper()
	o = reload(t, s, o)
	receipts := 0
	for _, p := range o.Payments {
		receipts += len(p.Receipts)
		if (p.State == PaymentPaid) != (len(p.Receipts) > 0) {
			t.Errorf("attempt %d is %s with %d receipts", p.Attempt, p.State, len(p.Receipts))
		}
	}
	if receipts > 0 != (o.Status == OrderPaid) && o.Status != OrderCancelled {
		t.Errorf("order %s with %d receipts", o.Status, receipts)
	}
	if ended := o.Status == OrderExpired || o.Status == OrderCancelled; ended == o.StockHeld {
		t.Errorf("order %s, stock held %v", o.Status, o.StockHeld)
	}
	for i, p := range o.Payments {
		if p.Attempt != int64(i+1) {
			t.Errorf("attempt %d comes as number %d", p.Attempt, i+1)
		}
	}
	var held int64
	err := s.read.Model(&OrderLine{}).Joins("JOIN orders ON orders.id = order_id").Where("sku = ? AND stock_held", sku).
		Select("COALESCE(SUM(quantity), 0)").Scan(&held).Error
	if left := stock(t, s, sku); err != nil || left+held != all {
		t.Errorf("%d on the shelf and %d held, %v, want %d together", left, held, err, all)
	}
}

// Everything that can happen to one order happens at once, in several shops:
// its old code is paid, its new one expires or is refused, the customer wants
// another, somebody cancels.
func TestEverythingAtOnce(t *testing.T) {
	shops, c := openShops(t, 3)
	ctx := context.Background()
	all := stock(t, shops[0], "MNM-GAYO")
	for round := range 12 {
		s := shops[round%len(shops)]
		o := withCode(t, s, c, "MNM-GAYO")
		first := o.Payment()
		if err := s.Expire(ctx, nil, first.ID); err != nil {
			t.Fatal(err)
		}
		o = reload(t, s, o)
		if added, err := s.AddPayment(ctx, o, attempt(o, 2)); !added || err != nil {
			t.Fatal(added, err)
		}
		o = reload(t, s, o)
		second := o.Payment()
		acts := []func(*Store) error{
			func(s *Store) error {
				_, err := s.ApplyNotification(ctx, Notification{RequestID: fmt.Sprint("old-", round), Header: "{}", Body: []byte("{}")}, PaidEvent(paid(first, c.now())), c.now())
				return err
			},
			func(s *Store) error { _, err := s.ApplyStatus(ctx, nil, paid(first, c.now())); return err },
			func(s *Store) error { return s.Expire(ctx, nil, second.ID) },
			func(s *Store) error { return s.RefuseCode(ctx, nil, second, "no", c.now().Add(time.Hour)) },
			func(s *Store) error {
				_, err := s.IssueCode(ctx, nil, second.ID, IssuedCode{Code: "8888", IssuedAt: c.now(), ExpiresAt: c.now().Add(time.Hour)}, c.now().Add(time.Minute))
				return err
			},
			func(s *Store) error {
				next := attempt(o, 3)
				next.RequestID += fmt.Sprintf("-%p", s)
				_, err := s.AddPayment(ctx, o, next)
				return err
			},
			func(s *Store) error {
				return s.Raise(ctx, nil, first, CaseUnsettled, "x")
			},
			func(s *Store) error {
				next := attempt(o, 3)
				next.RequestID += fmt.Sprintf("-instead-%p", s)
				_, err := s.ReplacePayment(ctx, nil, second, next, "taken")
				return err
			},
		}
		if round%3 == 2 {
			acts = append(acts, func(s *Store) error { _, err := s.CancelOrder(ctx, o.ID); return err })
		}
		together(len(acts)*len(shops), func(i int) {
			if err := acts[i%len(acts)](shops[i/len(acts)]); err != nil && !errors.Is(err, ErrMoneyUndecided) {
				t.Error(err)
			}
		})
		ledgerOf(t, s, o, "MNM-GAYO", all)
		if t.Failed() {
			t.Fatalf("in round %d", round)
		}
	}
}

// Money for one attempt and the end of another meet: the order is paid, and its
// stock is held or was taken again, never both or neither.
func TestMoneyMeetsExpiry(t *testing.T) {
	shops, c := openShops(t, 2)
	ctx := context.Background()
	all := stock(t, shops[0], "VCR-050")
	for round := range 40 {
		o := withCode(t, shops[0], c, "VCR-050")
		e := PaidEvent(paid(o.Payment(), c.now()))
		together(4, func(i int) {
			s := shops[i%2]
			var err error
			switch i / 2 {
			case 0:
				_, err = s.ApplyNotification(ctx, Notification{RequestID: fmt.Sprint("n", round, i), Header: "{}", Body: []byte("{}")}, e, c.now())
			default:
				err = s.Expire(ctx, nil, o.Payment().ID)
			}
			if err != nil {
				t.Error(err)
			}
		})
		ledgerOf(t, shops[0], o, "VCR-050", all)
		if got := reload(t, shops[0], o); got.Status != OrderPaid || len(got.Payment().Receipts) != 1 {
			t.Fatalf("order %s with %d receipts", got.Status, len(got.Payment().Receipts))
		}
	}
}

// Two orders want the same things in opposite order. Nobody waits for ever, and
// no deadlock has to be cut.
func TestCartsInOppositeOrder(t *testing.T) {
	shops, _ := openShops(t, 3)
	ctx := context.Background()
	carts := [][]Item{{{"MNM-TEH", 1}, {"MNM-JAHE", 1}, {"MNM-GAYO", 1}}, {{"MNM-GAYO", 1}, {"MNM-JAHE", 1}, {"MNM-TEH", 1}}}
	together(24, func(i int) {
		s := shops[i%len(shops)]
		o, _, err := s.DraftOrder(ctx, carts[i%2])
		if err != nil {
			t.Error(err)
			return
		}
		o.FormID, o.CustomerName, o.CustomerEmail, o.Language = fmt.Sprint("opposite-", i), "Budi", "budi@example.com", "id"
		placed, _, err := s.PlaceOrder(ctx, o, attempt(o, 1))
		if err != nil {
			t.Error(err)
			return
		}
		for n, line := range placed.Lines { // as they were put into the cart
			if line.SKU != carts[i%2][n].SKU {
				t.Errorf("line %d is %s, want %s", n, line.SKU, carts[i%2][n].SKU)
			}
		}
		if i%3 == 0 {
			if _, err := s.CancelOrder(ctx, placed.ID); err != nil {
				t.Error(err)
			}
		}
	})
	if left := stock(t, shops[0], "MNM-GAYO"); left != 60-16 {
		t.Errorf("%d left, want %d", left, 60-16)
	}
}

// What is due is done by one shop, once, even where another had seen it due.
func TestShopsShareWhatIsDue(t *testing.T) {
	shops, c := openShops(t, 4)
	ctx := context.Background()
	var orders []Order
	for range 30 {
		orders = append(orders, place(t, shops[0], "MNM-TEH", 1))
	}
	c.advance(lease)
	var mu sync.Mutex
	done := map[int64]int{}
	together(len(shops)*2, func(i int) {
		s := shops[i%len(shops)]
		for {
			due, err := s.ClaimDue(ctx, 8)
			if err != nil {
				t.Error(err)
			}
			if len(due) == 0 {
				return
			}
			for _, p := range due {
				mu.Lock()
				done[p.ID]++
				mu.Unlock()
				if err := s.Postpone(ctx, nil, p, "", c.now().Add(time.Hour)); err != nil {
					t.Error(err)
				}
			}
		}
	})
	for _, o := range orders {
		if n := done[o.Payment().ID]; n != 1 {
			t.Errorf("payment %d was attended to %d times", o.Payment().ID, n)
		}
	}
}

// Each mail is leased to one shop.
func TestShopsShareMails(t *testing.T) {
	shops, c := openShops(t, 4)
	ctx := context.Background()
	for range 20 {
		withCode(t, shops[0], c, "MNM-TEH")
	}
	var mu sync.Mutex
	sent := map[int64]int{}
	together(len(shops), func(i int) {
		for {
			due, err := shops[i].ClaimMails(ctx, 4)
			if err != nil {
				t.Error(err)
			}
			if len(due) == 0 {
				return
			}
			for _, m := range due {
				mu.Lock()
				sent[m.ID]++
				mu.Unlock()
				m.Subject = "code"
				if err := shops[i].MailSent(ctx, m); err != nil {
					t.Error(err)
				}
			}
		}
	})
	for id, n := range sent {
		if n != 1 {
			t.Errorf("mail %d was sent %d times", id, n)
		}
	}
	if len(sent) != 20 {
		t.Errorf("%d mails, want 20", len(sent))
	}
}

// Shops of one database tell each other; a shop that is told by itself too.
func TestShopsTellEachOther(t *testing.T) {
	shops, _ := openShops(t, 2)
	ctx, cancel := context.WithCancel(context.Background())
	received := make([]chan string, len(shops))
	var watching sync.WaitGroup
	for i, s := range shops {
		received[i] = make(chan string, 100)
		watching.Go(func() { s.Subscribe(ctx, func(token string) { received[i] <- token }) })
	}
	hear := func(i int, want string) {
		t.Helper()
		for {
			select {
			case got := <-received[i]:
				if got == want {
					return
				}
			case <-time.After(time.Minute):
				t.Fatalf("shop %d did not hear of %q", i, want)
			}
		}
	}
	tell := func(token string) {
		t.Helper()
		if err := shops[0].Publish(ctx, token); err != nil {
			t.Fatal(err)
		}
	}
	for begun := false; !begun; { // until the first has begun to watch
		tell("anything")
		select {
		case <-received[0]:
			begun = true
		case <-time.After(10 * time.Millisecond):
		}
	}
	tell("token")
	hear(0, "token")
	if testdb.Server() != "" {
		hear(1, "") // it listens from now on
		tell("second")
		hear(1, "second")
		// A connection that breaks is made again, and all who watch are told to look.
		if err := shops[0].write.Exec("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'LISTEN%' AND usename = current_user AND application_name = 'warung'").Error; err != nil {
			t.Fatal(err)
		}
		hear(1, "")
		tell("third")
		hear(1, "third")
	}
	cancel()
	watching.Wait()
}

// Texts that some database cannot hold, or index, do not keep a notification
// from being kept.
func TestStrangeTexts(t *testing.T) {
	s, c := openStore(t)
	ctx := context.Background()
	o, other := withCode(t, s, c, "VCR-CELENGAN"), withCode(t, s, c, "VCR-CELENGAN")
	long := strings.Repeat("0123456789abcdef", 4096)
	for i, text := range []string{"zero \x00 byte", "not \xff UTF-8", long, strings.Repeat("\u2603", 1001)} {
		for name, e := range map[string]NotificationEvent{
			"unknown":    PaidEvent(Arrival{InvoiceNumber: text, Amount: 1, PaymentCode: text, Channel: text, Identifiers: text}),
			"expired":    ExpiredEvent(text),
			"noted":      NotedEvent(text),
			"unreadable": UnreadableEvent(text, text),
			"wrong code": PaidEvent(Arrival{InvoiceNumber: other.Payment().InvoiceNumber, Amount: o.Total, PaymentCode: text}),
		} {
			if _, err := s.ApplyNotification(ctx, Notification{RequestID: fmt.Sprint(name, i), Header: text, Body: []byte(text), TransactionStatus: text}, e, c.now()); err != nil {
				t.Errorf("%s %.20q: %v", name, text, err)
			}
		}
		a := paid(o.Payment(), c.now())
		a.Identifiers = fmt.Sprintf(`[{"name":"AGENT_TRX_ID","value":%q}]`, text)
		for _, want := range []Effect{EffectPaid, EffectReceiptAdded} {
			if got, err := s.ApplyStatus(ctx, nil, a); err != nil || i == 0 && want == EffectPaid && got != want || want != EffectPaid && got != EffectNone {
				t.Errorf("paid %.20q: %s, %v", text, got, err)
			}
		}
		if err := s.Postpone(ctx, nil, reload(t, s, o).Payment(), text, c.now()); err != nil {
			t.Errorf("reason %.20q: %v", text, err)
		}
		if err := s.SaveAPICall(ctx, &APICall{Operation: text, Problem: text, URL: text, ResponseHeader: text, ResponseBody: []byte(text), StartedAt: c.now()}); err != nil {
			t.Errorf("exchange %.20q: %v", text, err)
		}
		if _, err := s.Order(ctx, text); !errors.Is(err, ErrNotFound) {
			t.Errorf("token %.20q: %v", text, err)
		}
		if _, err := s.FindOrder(ctx, text, text); !errors.Is(err, ErrNotFound) {
			t.Errorf("number %.20q: %v", text, err)
		}
		if _, err := s.Product(ctx, text); !errors.Is(err, ErrNotFound) {
			t.Errorf("slug %.20q: %v", text, err)
		}
		if _, err := s.Products(ctx, text, Category(text)); err != nil {
			t.Errorf("search %.20q: %v", text, err)
		}
	}
	var n Notification
	if err := s.read.Where("request_id = 'noted0'").Take(&n).Error; err != nil || !bytes.Equal(n.Body, []byte("zero \x00 byte")) {
		t.Errorf("the body became %q, %v", n.Body, err)
	}
	// Ids that are no JSON are none, and a status answer without one names no new payment.
	if got := reload(t, s, o); len(got.Payment().Receipts) != 2 {
		t.Errorf("%d receipts, want 2", len(got.Payment().Receipts))
	}
}

// Times come back as UTC wherever the shop stands, and one that is finer than a
// database keeps is known again.
func TestTimes(t *testing.T) {
	s, c := openStore(t)
	o := withCode(t, s, c, "MNM-GAYO")
	a := paid(o.Payment(), c.now().Add(123456789*time.Nanosecond).In(time.Local))
	for _, want := range []Effect{EffectPaid, EffectNone} {
		if got, err := s.ApplyStatus(context.Background(), nil, a); err != nil || got != want {
			t.Errorf("got %s, %v, want %s", got, err, want)
		}
	}
	o = reload(t, s, o)
	p := o.Payment()
	for name, at := range map[string]time.Time{"placed": o.PlacedAt, "paid": *o.PaidAt, "issued": *p.CodeIssuedAt, "expires": *p.ExpiresAt,
		"created": p.CreatedAt, "receipt": p.Receipts[0].PaidAt} {
		if at.Location() != time.UTC || at.Sub(c.now()).Abs() > 2*time.Hour {
			t.Errorf("%s: %s", name, at)
		}
	}
	if !p.Receipts[0].PaidAt.Equal(a.PaidAt.Truncate(time.Microsecond)) {
		t.Errorf("paid at %s, kept as %s", a.PaidAt, p.Receipts[0].PaidAt)
	}
}

// A transaction that was cut because it came into another's way is begun again,
// a few times, and from the start.
func TestCutTransactionsAreBegunAgain(t *testing.T) {
	s, _ := openStore(t)
	for cuts, want := range map[int]bool{0: true, tries - 1: true, 10 * tries: false} {
		begun := 0
		err := s.transact(context.Background(), func(tx *transaction) error {
			begun++
			if err := tx.Create(&APICall{Operation: fmt.Sprint("try ", cuts)}).Error; err != nil {
				return err
			}
			if begun <= cuts {
				return fmt.Errorf("%w: %w", ErrUnavailable, db.ErrConflict)
			}
			return nil
		})
		if (err == nil) != want || !want && !errors.Is(err, ErrUnavailable) {
			t.Errorf("cut %d times: %v", cuts, err)
		}
		var kept int64
		if err := s.read.Model(&APICall{}).Where("operation = ?", fmt.Sprint("try ", cuts)).Count(&kept).Error; err != nil || kept != map[bool]int64{true: 1}[want] {
			t.Errorf("cut %d times: kept %d times, %v", cuts, kept, err)
		}
	}
}

// What differs between the databases is in internal/db, and in the migrations.
func TestOnePackageKnowsTheDatabases(t *testing.T) {
	for _, dir := range []string{".", "../handlers"} {
		files, err := filepath.Glob(dir + "/*.go")
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			if strings.HasSuffix(file, "_test.go") {
				continue
			}
			source, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			for _, detail := range []string{"Dialector", "gorm.io/driver/", "go-sqlite3", "jackc/pgx", "PRAGMA", "pg_", ".Name() =="} {
				if bytes.Contains(source, []byte(detail)) {
					t.Errorf("%s knows a database: %s", file, detail)
				}
			}
		}
	}
}
