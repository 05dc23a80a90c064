package models

import (
	"context"
	"database/sql"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"
)

func TestStanding(t *testing.T) {
	s, c := openStore(t)
	ctx := context.Background()
	begin := c.now()
	want := func(what string, change func(*Stats)) {
		t.Helper()
		want := Stats{Orders: map[OrderStatus]int64{OrderAwaitingPayment: 0, OrderPaid: 0, OrderExpired: 0, OrderCancelled: 0},
			Cases: map[CaseKind]int64{}}
		for _, kind := range CaseKinds() {
			want.Cases[kind] = 0
		}
		change(&want)
		got, err := s.Stats(ctx)
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Errorf("%s: %v, want- got+:\n%s", what, err, diff)
		}
	}
	want("an empty shop", func(*Stats) {})

	waiting, paidFor, cancelled := place(t, s, "MNM-TEH", 1), place(t, s, "MNM-TEH", 1), place(t, s, "MNM-TEH", 1)
	want("just placed: whoever placed them is at it", func(w *Stats) { w.Orders[OrderAwaitingPayment], w.Creating = 3, 3 })
	if _, err := s.IssueCode(ctx, nil, waiting.Payment().ID, IssuedCode{Code: "1", IssuedAt: begin, ExpiresAt: begin.Add(time.Hour)}, begin.Add(3*time.Minute)); err != nil {
		t.Fatal(err)
	}
	deliver(t, s, c, "n-1", "{}", PaidEvent(paid(paidFor.Payment(), begin)))
	if _, err := s.CancelOrder(ctx, cancelled.ID); err != nil {
		t.Fatal(err)
	}
	c.advance(time.Minute)
	for _, p := range []Payment{waiting.Payment(), cancelled.Payment()} {
		if err := s.Raise(ctx, nil, p, CaseNoCode, "none"); err != nil {
			t.Fatal(err)
		}
		c.advance(time.Minute)
	}
	c.advance(time.Hour)
	want("an hour later, nobody at work", func(w *Stats) {
		w.Orders[OrderAwaitingPayment], w.Orders[OrderPaid], w.Orders[OrderCancelled] = 1, 1, 1
		w.Creating = 1 // the cancelled one's
		w.Cases[CaseNoCode], w.OldestCase = 2, begin.Add(time.Minute)
		w.OldestDue = begin
	})
	due, err := s.ClaimDue(ctx, 10)
	if err != nil || len(due) != 2 {
		t.Fatalf("%d payments are due, want 2 (%v)", len(due), err)
	}
	want("all in hand", func(w *Stats) {
		w.Orders[OrderAwaitingPayment], w.Orders[OrderPaid], w.Orders[OrderCancelled] = 1, 1, 1
		w.Creating, w.Cases[CaseNoCode], w.OldestCase = 1, 2, begin.Add(time.Minute)
	})
	for _, p := range due {
		if err := s.Postpone(ctx, nil, p, "", time.Time{}); err != nil {
			t.Fatal(err)
		}
	}
	first, err := s.OpenCases(ctx, 1)
	if err != nil {
		t.Fatal(err)
	}
	set(t, s, &Case{}, first[0].ID, "closed_at", c.now())
	want("one case done, nothing due", func(w *Stats) {
		w.Orders[OrderAwaitingPayment], w.Orders[OrderPaid], w.Orders[OrderCancelled] = 1, 1, 1
		w.Cases[CaseNoCode], w.OldestCase = 1, begin.Add(2*time.Minute)
	})
}

// statements are those that were executed.
type statements struct {
	logger.Interface
	list []string
}

func (l *statements) Trace(_ context.Context, _ time.Time, statement func() (string, int64), _ error) {
	text, _ := statement()
	l.list = append(l.list, text)
}

// How the shop stands is asked every minute, of tables that grow for ever: it
// is read from indexes.
func TestStandingReadsIndexes(t *testing.T) {
	s, _ := openAt(t, "sqlite:"+filepath.Join(t.TempDir(), "shop.db"))
	log, plain := &statements{Interface: logger.Discard}, s.read
	s.read = plain.Session(&gorm.Session{Logger: log})
	if _, err := s.Stats(context.Background()); err != nil {
		t.Fatal(err)
	}
	if len(log.list) < 5 {
		t.Fatalf("these are not all statements: %q", log.list)
	}
	for _, statement := range log.list {
		var plan []struct{ Detail string }
		if err := plain.Raw("EXPLAIN QUERY PLAN " + statement).Scan(&plan).Error; err != nil {
			t.Fatal(err)
		}
		for _, step := range plan {
			if strings.HasPrefix(step.Detail, "SCAN") && !strings.Contains(step.Detail, "INDEX") {
				t.Errorf("%s\n%s", statement, step.Detail)
			}
		}
	}
}

// One pool of connections for each purpose tells how long it was waited for.
func TestPools(t *testing.T) {
	s, _ := openStore(t)
	pools, connections := s.Pools(), 0
	for purpose, stats := range pools {
		connections += stats().MaxOpenConnections
		if stats().MaxOpenConnections == 0 {
			t.Errorf("%s: no limit", purpose)
		}
	}
	if len(pools) != 1 && len(pools) != 2 || connections < 3 {
		t.Errorf("%d pools of %d connections in all", len(pools), connections)
	}
	waits := func() (n int64) {
		for _, stats := range pools {
			n += stats().WaitCount
		}
		return n
	}
	ctx, before := t.Context(), waits()
	pool, err := s.write.DB()
	if err != nil {
		t.Fatal(err)
	}
	var held []*sql.Conn
	for range pool.Stats().MaxOpenConnections {
		conn, err := pool.Conn(ctx)
		if err != nil {
			t.Fatal(err)
		}
		held = append(held, conn)
	}
	waited := make(chan error, 1)
	go func() { waited <- pool.PingContext(ctx) }()
	for waits() == before { // until it waits for one of those
		runtime.Gosched()
	}
	for _, conn := range held {
		if err := conn.Close(); err != nil {
			t.Error(err)
		}
	}
	if err := <-waited; err != nil {
		t.Error(err)
	}
}

// The calls made for a request are found by its id, and no others.
func TestExchangesCausedBy(t *testing.T) {
	s, c := openStore(t)
	ctx := context.Background()
	for _, cause := range []string{"one", "", "another", "one"} {
		if err := s.SaveAPICall(ctx, &APICall{Operation: "call", CausedBy: cause, StartedAt: c.now()}); err != nil {
			t.Fatal(err)
		}
	}
	for cause, n := range map[string]int{"one": 2, "another": 1, "none": 0, "": 0} {
		if got, err := s.APICallsCausedBy(ctx, cause); err != nil || len(got) != n {
			t.Errorf("%q caused %d calls, want %d (%v)", cause, len(got), n, err)
		}
	}
}
