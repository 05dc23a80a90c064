package models

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"gorm.io/gorm"
)

// placeFor orders a tea for somebody.
func placeFor(t testing.TB, s *Store, name, email string) Order {
	t.Helper()
	o, _, err := s.DraftOrder(context.Background(), []Item{{"MNM-TEH", 1}})
	if err != nil {
		t.Fatal(err)
	}
	o.FormID, o.CustomerName, o.CustomerEmail, o.Language = o.Number, name, email, "id"
	o, placed, err := s.PlaceOrder(context.Background(), o, attempt(o, 1))
	if err != nil || !placed {
		t.Fatalf("place order: placed %v, %v", placed, err)
	}
	return o
}

// all turns every page of a filter.
func all(t testing.TB, s *Store, f OrderFilter, limit int) (numbers []string) {
	t.Helper()
	for after := ""; ; {
		p, err := s.Orders(context.Background(), f, after, limit)
		if err != nil {
			t.Fatal(err)
		}
		if len(p.Orders) > limit {
			t.Fatalf("a page of %d holds %d", limit, len(p.Orders))
		}
		for _, o := range p.Orders {
			numbers = append(numbers, o.Number)
		}
		if p.Next == "" {
			return numbers
		}
		after = p.Next
	}
}

func TestSearch(t *testing.T) {
	s, c := openStore(t)
	ctx := context.Background()
	budi := placeFor(t, s, "Budi Santoso", "budi.s@example.com")
	siti := placeFor(t, s, "Siti Nurhaliza Santoso", "siti@contoh.id")
	jose := placeFor(t, s, "José Anne-Marie O'Brien", "JB@Example.com")
	budiman := placeFor(t, s, "Budi Budiman", "budi@example.com")
	giveCode(t, s, c, siti.Payment())
	code := reload(t, s, siti).Payment().Code
	if err := s.RefuseCode(ctx, nil, jose.Payment(), "no", c.now()); err != nil {
		t.Fatal(err)
	}
	if added, err := s.AddPayment(ctx, reload(t, s, jose), attempt(jose, 2)); err != nil || !added {
		t.Fatalf("another attempt: %v, %v", added, err)
	}
	if cancelled, err := s.CancelOrder(ctx, budi.ID); err != nil || !cancelled {
		t.Fatalf("cancel: %v, %v", cancelled, err)
	}

	for query, want := range map[string][]Order{
		"":                            {budiman, jose, siti, budi},
		"WJ-":                         {budiman, jose, siti, budi},
		budi.Number:                   {budi},
		strings.ToLower(budi.Number):  {budi},
		budi.Number[3:]:               {budi},
		budi.Number[:7]:               {budi},
		InvoiceNumber(jose.Number, 2): {jose},
		InvoiceNumber(jose.Number, 3): nil,
		code:                          {siti},
		strings.Join([]string{code[:4], code[4:8], code[8:]}, " "): {siti},
		code[:10]:                     {siti},
		"budi":                        {budiman, budi}, // once each, though several of its words begin so
		"BUDIM":                       {budiman},
		"santoso":                     {siti, budi},
		"budi santoso":                {budi},
		"santoso budi":                {budi},
		"sant nur":                    {siti},
		"jose":                        {jose},
		"JOSÉ":                        {jose},
		"marie":                       {jose},
		"anne-marie":                  {jose},
		"brien":                       {jose},
		"o'brien":                     {jose},
		"jb@example.com":              {jose},
		"budi@":                       {budiman},
		"udi":                         nil,
		"%":                           nil,
		"_":                           nil,
		"' OR 1=1 --":                 nil,
		"\xff":                        nil,
		strings.Repeat("b", 999):      nil,
		strings.Repeat("budi ", 3000): {budiman, budi},
	} {
		var numbers []string
		for _, o := range want {
			numbers = append(numbers, o.Number)
		}
		for _, limit := range []int{1, 50} {
			if got := all(t, s, OrderFilter{Search: query}, limit); !slices.Equal(got, numbers) {
				t.Errorf("search %q, %d a page: got %v, want %v", query, limit, got, numbers)
			}
		}
	}
	for query, want := range map[string][]string{"budi": {budiman.Number}, "santoso": {siti.Number}, "": {budiman.Number, jose.Number, siti.Number}} {
		if got := all(t, s, OrderFilter{Status: OrderAwaitingPayment, Search: query}, 1); !slices.Equal(got, want) {
			t.Errorf("waiting, search %q: got %v, want %v", query, got, want)
		}
	}
	if got := all(t, s, OrderFilter{Flagged: true, Search: "marie"}, 1); !slices.Equal(got, []string{jose.Number}) {
		t.Errorf("flagged, search: got %v", got)
	}
	for _, search := range []string{"", "budi"} {
		if got := all(t, s, OrderFilter{Status: OrderCancelled, Search: search}, 1); !slices.Equal(got, []string{budi.Number}) {
			t.Errorf("cancelled, search %q: got %v", search, got)
		}
		if got := all(t, s, OrderFilter{From: c.now().Add(time.Second), Search: search}, 1); got != nil {
			t.Errorf("of tomorrow, search %q: got %v", search, got)
		}
	}
	for _, key := range []string{"x", "1", "1-", "1-zz", "-"} {
		for _, search := range []string{"", "budi"} {
			if _, err := s.Orders(ctx, OrderFilter{Search: search}, key, 10); err != nil && !errors.Is(err, ErrNotFound) {
				t.Errorf("key %q: %v", key, err)
			}
		}
	}
}

// Among many of the same word, few of which fit, each page looks through so
// many and no more, and all pages together miss none.
func TestSearchForAFewAmongMany(t *testing.T) {
	s, c := openStore(t)
	var rows []orderWord
	orders := make([]Order, 8000)
	for i := range orders {
		n := fmt.Sprint("o", i)
		orders[i] = Order{Token: n, Number: n, CheckoutID: n, Total: 1, Status: OrderPaid, PlacedAt: c.now()}
		if i%2500 == 17 {
			orders[i].Status = OrderExpired
		}
	}
	if err := s.write.Omit("Lines", "Payments").CreateInBatches(&orders, 1000).Error; err != nil {
		t.Fatal(err)
	}
	for _, o := range orders {
		rows = append(rows, wordRows(o.ID, []string{"budi"})...)
	}
	if err := s.write.CreateInBatches(&rows, 1000).Error; err != nil {
		t.Fatal(err)
	}
	pages, got := 0, []string{}
	for after := ""; ; {
		p, err := s.Orders(context.Background(), OrderFilter{Search: "bud", Status: OrderExpired}, after, 50)
		if err != nil {
			t.Fatal(err)
		}
		for _, o := range p.Orders {
			got = append(got, o.Number)
		}
		pages++
		if after = p.Next; after == "" {
			break
		}
	}
	if want := []string{"o7517", "o5017", "o2517", "o17"}; !slices.Equal(got, want) || pages < 2 {
		t.Errorf("%d pages: %v, want %v", pages, got, want)
	}
}

// Orders placed while somebody turns pages are neither shown twice nor push any
// other out of sight, and those of one moment are told apart.
func TestPagingWhileOrdersAreMade(t *testing.T) {
	s, c := openStore(t)
	var want []string
	for i := range 20 {
		want = append([]string{placeFor(t, s, "Budi", "budi@example.com").Number}, want...)
		if i%3 == 0 {
			c.advance(time.Minute)
		}
	}
	for _, f := range []OrderFilter{{}, {Status: OrderAwaitingPayment}, {Search: "budi"}, {From: c.now().Add(-time.Hour), To: c.now().Add(time.Second)}} {
		var got []string
		for after := ""; ; {
			p, err := s.Orders(context.Background(), f, after, 3)
			if err != nil {
				t.Fatal(err)
			}
			for _, o := range p.Orders {
				got = append(got, o.Number)
			}
			if after = p.Next; after == "" {
				break
			}
			placeFor(t, s, "Budi", "budi@example.com")
		}
		got = slices.DeleteFunc(got, func(n string) bool { return !slices.Contains(want, n) }) // those of the round before
		if !slices.Equal(got, want) {
			t.Errorf("%+v: got %v, want %v", f, got, want)
		}
	}
	var exported []string
	err := s.EachOrder(context.Background(), OrderFilter{}, func(o Order) error {
		if len(o.Lines) != 1 || len(o.Payments) != 1 {
			t.Errorf("%s has %d lines and %d attempts", o.Number, len(o.Lines), len(o.Payments))
		}
		exported = append(exported, o.Number)
		return nil
	})
	if err != nil || !slices.Equal(exported[len(exported)-len(want):], want) {
		t.Errorf("exported %v, %v", exported, err)
	}
}

func TestFigures(t *testing.T) {
	s, c := openStore(t)
	ctx := context.Background()
	day := time.Date(2026, 11, 22, 17, 0, 0, 0, time.UTC) // midnight in Jakarta
	c.t = day.Add(-time.Minute)
	late := withCode(t, s, c, "MNM-GAYO") // 90000, of the day before
	c.t = day
	quick, slow, slower := withCode(t, s, c, "MNM-TEH"), withCode(t, s, c, "MNM-TEH"), withCode(t, s, c, "MNM-TEH")
	gone := withCode(t, s, c, "MNM-GAYO")
	for o, after := range map[*Order]time.Duration{&quick: time.Minute, &slow: 5 * time.Minute, &late: 10 * time.Minute} {
		c.t = day.Add(after)
		if _, err := s.ApplyStatus(ctx, nil, paid(o.Payment(), day.Add(after))); err != nil {
			t.Fatal(err)
		}
	}
	c.t = day.Add(2 * time.Hour)
	if err := s.Expire(ctx, nil, gone.Payment().ID); err != nil {
		t.Fatal(err)
	}
	days, err := s.Days(ctx, day, 2)
	if err != nil {
		t.Fatal(err)
	}
	check := func(d Day, want DailyStats, median time.Duration) {
		t.Helper()
		got := d.DailyStats
		if got.waits = nil; fmt.Sprint(got) != fmt.Sprint(want) || d.Median() != median {
			t.Errorf("%s: got %+v, %s, want %+v, %s", d.Start, got, d.Median(), want, median)
		}
	}
	check(days[0], DailyStats{Placed: 1, PlacedAmount: 90_000, Converted: 1}, 11*time.Minute)
	check(days[1], DailyStats{Placed: 4, PlacedAmount: 3*22_000 + 90_000, Converted: 2, Paid: 3, Received: 2*22_000 + 90_000, Expired: 1}, 5*time.Minute)
	if sum := Sum(days); sum.Placed != 5 || sum.Converted != 3 || sum.Received != 134_000 || sum.Median() != 5*time.Minute {
		t.Errorf("both days: %+v, %s", sum, sum.Median())
	}

	// What has been counted is kept for a moment, unless it is to be counted anew.
	if _, err := s.ApplyStatus(ctx, nil, paid(slower.Payment(), day.Add(3*time.Hour))); err != nil {
		t.Fatal(err)
	}
	paidToday := func() int64 {
		t.Helper()
		days, err := s.Days(ctx, day, 1)
		if err != nil {
			t.Fatal(err)
		}
		return days[0].Paid
	}
	if got := paidToday(); got != 3 {
		t.Errorf("counted again at once: %d", got)
	}
	c.advance(freshDay)
	if got := paidToday(); got != 4 {
		t.Errorf("a moment later: %d paid, want 4", got)
	}
	c.advance(5 * oneDay)
	if got := paidToday(); got != 4 {
		t.Errorf("days later: %d paid, want 4", got)
	}
	set(t, s, &Order{}, slower.ID, "paid_at", nil)
	if got := paidToday(); got != 4 {
		t.Error("an old day was counted again at once")
	}
	if err := s.RefreshDays(ctx, day, 1); err != nil || paidToday() != 3 {
		t.Errorf("refreshed: %d, %v, want 3", paidToday(), err)
	}
}

// A case is done once, with the first note, and its order's flag goes with its
// last open case.
func TestACaseIsDecidedOnce(t *testing.T) {
	s, _ := openStore(t)
	ctx := context.Background()
	o := place(t, s, "MNM-TEH", 1)
	for _, kind := range []CaseKind{CaseNoCode, CaseUnsettled} {
		for range 2 { // the second finds the first
			if err := s.Raise(ctx, nil, o.Payment(), kind, "x"); err != nil {
				t.Fatal(err)
			}
		}
	}
	open, err := s.OpenCases(ctx, 10)
	if err != nil || len(open) != 2 {
		t.Fatalf("%d open cases, %v", len(open), err)
	}
	var mu sync.Mutex
	won := 0
	together(10, func(i int) {
		_, err := s.Decide(ctx, open[0].ID, Decision{Kind: DecisionNone, By: "Sari", Reason: fmt.Sprint("note ", i)})
		mu.Lock()
		defer mu.Unlock()
		if err == nil {
			won++
		} else if !errors.Is(err, ErrDecided) {
			t.Error(err)
		}
	})
	if won != 1 {
		t.Errorf("%d decided the same case", won)
	}
	if got := flag(reload(t, s, o)); got != CaseUnsettled {
		t.Errorf("the order shows %q with one case open", got)
	}
	closed, err := s.Decide(ctx, open[1].ID, Decision{Kind: DecisionNone, By: "Sari", Reason: "settled"})
	if err != nil || closed.DecidedBy != "Sari" || closed.Reason != "settled" || closed.ClosedAt == nil {
		t.Errorf("%+v, %v", closed, err)
	}
	if got := flag(reload(t, s, o)); got != "" {
		t.Errorf("the order shows %q with every case closed", got)
	}
	if n, err := s.CountOpenCases(ctx); err != nil || n != 0 {
		t.Errorf("%d open, %v", n, err)
	}
	h, err := s.History(ctx, o.ID)
	if err != nil || len(h.Cases) != 2 || !strings.HasPrefix(h.Cases[0].Reason, "note ") || h.Cases[1].Reason != "settled" {
		t.Errorf("%+v, %v", h.Cases, err)
	}
	if done, err := s.ClosedCases(ctx, 10); err != nil || len(done) != 2 {
		t.Errorf("%d closed, %v", len(done), err)
	}
	if _, err := s.Decide(ctx, 999, Decision{Kind: DecisionNone}); !errors.Is(err, ErrNotFound) {
		t.Errorf("no such case: %v", err)
	}
}

// Twenty sales and one who counts the shelf meanwhile: no sale is overwritten.
func TestStockEditRacesSales(t *testing.T) {
	s, _ := openStore(t)
	ctx := context.Background()
	const sku, sales = "MNM-TEH", 20
	seen := stock(t, s, sku)
	var wg sync.WaitGroup
	for range sales {
		wg.Go(func() { place(t, s, sku, 1) })
	}
	var added int64
	wg.Go(func() {
		for added == 0 {
			now := stock(t, s, sku)
			_, changed, err := s.SetStock(ctx, sku, now, now+100)
			if err != nil {
				t.Error(err)
				return
			}
			if changed {
				added = 100
			}
		}
	})
	wg.Wait()
	if got := stock(t, s, sku); got != seen-sales+added {
		t.Errorf("stock %d, want %d", got, seen-sales+added)
	}
	now := stock(t, s, sku)
	if p, changed, err := s.SetStock(ctx, sku, now+1, 7); err != nil || changed || p.Stock != now {
		t.Errorf("seen another stock: changed %v to %d, %v", changed, p.Stock, err)
	}
	if p, changed, err := s.SetStock(ctx, sku, now, 0); err != nil || !changed || p.Stock != 0 {
		t.Errorf("changed %v to %d, %v", changed, p.Stock, err)
	}
	for _, bad := range []int64{-1, MaxStock + 1} {
		if _, changed, err := s.SetStock(ctx, sku, 0, bad); err == nil || changed {
			t.Errorf("stock of %d: changed %v, %v", bad, changed, err)
		}
	}
	if _, _, err := s.SetStock(ctx, "NO-SUCH", 0, 1); !errors.Is(err, ErrNotFound) {
		t.Errorf("no such product: %v", err)
	}
}

// The words of orders that were there before the console are found, too.
func TestWordsAreFilledIn(t *testing.T) {
	s, c := openStore(t)
	o := withCode(t, s, c, "MNM-TEH")
	words := func() (list []string) {
		t.Helper()
		if err := s.read.Model(&orderWord{}).Where("order_id = ?", o.ID).Order("word").Pluck("word", &list).Error; err != nil {
			t.Fatal(err)
		}
		return list
	}
	kept := words()
	if err := s.write.Exec("DELETE FROM order_words").Error; err != nil {
		t.Fatal(err)
	}
	if err := s.write.Transaction(migrationRules().FillWords); err != nil {
		t.Fatal(err)
	}
	if got := words(); len(kept) != 4 || !slices.Equal(got, kept) {
		t.Errorf("filled in %q, kept %q", got, kept)
	}
}

// Every statement behind the console's lists, searches and figures finds its
// rows by an index, in the order in which they are wanted.
func TestConsolePlans(t *testing.T) {
	s, c, _ := openSQLite(t) // whose planner tells in words that can be looked through
	ctx := context.Background()
	o := withCode(t, s, c, "MNM-TEH")
	type statement struct {
		sql  string
		vars []any
	}
	var made []statement
	note := func(db *gorm.DB) {
		made = append(made, statement{db.Statement.SQL.String(), slices.Clone(db.Statement.Vars)})
	}
	for _, err := range []error{
		s.read.Callback().Query().After("gorm:query").Register("test:note", note),
		s.read.Callback().Row().After("gorm:row").Register("test:note", note),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	week := OrderFilter{From: c.now().Add(-7 * oneDay), To: c.now().Add(time.Hour)}
	for name, use := range map[string]func() error{
		"figures":       func() error { _, err := s.Days(ctx, c.now(), 1); return err },
		"order":         func() error { _, err := s.OrderByNumber(ctx, o.Number); return err },
		"history":       func() error { _, err := s.History(ctx, o.ID); return err },
		"calls":         func() error { _, err := s.APICallsOf(ctx, o); return err },
		"mails":         func() error { _, err := s.MailsOf(ctx, o.ID); return err },
		"what it did":   func() error { _, err := s.AuditEventsByNotification(ctx, 1); return err },
		"open cases":    func() error { _, err := s.CountOpenCases(ctx); return err },
		"list of cases": func() error { _, err := s.OpenCases(ctx, 10); return err },
		"done cases":    func() error { _, err := s.ClosedCases(ctx, 10); return err },
		"export":        func() error { return s.EachOrder(ctx, week, func(Order) error { return nil }) },
	} {
		if err := use(); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
	}
	for _, f := range []OrderFilter{{}, {Status: OrderPaid}, {Status: OrderAwaitingPayment}, {Flagged: true}, week, {Status: OrderPaid, From: week.From}} {
		for _, key := range []string{"", fmt.Sprintf("%d-1", c.now().UnixMicro())} {
			if _, err := s.Orders(ctx, f, key, 10); err != nil {
				t.Fatal(err)
			}
		}
		for _, search := range []string{"budi", "budi san", "WJ-0000"} {
			for _, key := range []string{"", fmt.Sprintf("1-%x", "budi")} {
				f.Search = search
				if _, err := s.Orders(ctx, f, key, 10); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	if len(made) < 30 {
		t.Fatalf("only %d statements", len(made))
	}
	// Neither a walk through a whole table nor a sort, but for one order's own rows, and for
	// the orders that have open cases, which are few.
	const openCases = "IN (SELECT order_id FROM cases WHERE closed_at IS NULL)"
	scan, own := regexp.MustCompile(`^SCAN (orders|payments|receipts|order_lines|order_words|mails|cases|exchanges|changes)$`), regexp.MustCompile("\\b(order|payment)_id`? (= |IN )")
	asked := map[string]bool{}
	for _, m := range made {
		if asked[m.sql] {
			continue
		}
		asked[m.sql] = true
		rows, err := s.write.Raw("EXPLAIN QUERY PLAN "+m.sql, m.vars...).Rows()
		if err != nil {
			t.Fatalf("%s: %v", m.sql, err)
		}
		for rows.Next() {
			var id, parent, unused int
			var detail string
			if err := rows.Scan(&id, &parent, &unused, &detail); err != nil {
				t.Fatal(err)
			}
			if strings.Contains(m.sql, ") AS words") && strings.HasPrefix(detail, "SEARCH orders") && !strings.Contains(detail, "(rowid=?)") {
				t.Errorf("%s\nplans to %s, before it looks at words", m.sql, detail)
			}
			if scan.MatchString(detail) || strings.HasPrefix(detail, "USE TEMP B-TREE") && !own.MatchString(m.sql) && !strings.Contains(m.sql, openCases) {
				t.Errorf("%s\nplans to %s", m.sql, detail)
			}
		}
		if err := errors.Join(rows.Err(), rows.Close()); err != nil {
			t.Fatal(err)
		}
	}
}

// The figures of a month hold no more for a million orders than for a thousand.
func TestWaitsAreFew(t *testing.T) {
	waits := map[time.Duration]bool{}
	for s := -60; s < 24*60*60; s++ {
		w := waitOf(time.Duration(s) * time.Second)
		waits[w] = true
		if off := time.Duration(max(0, s))*time.Second - w; off < 0 || off >= time.Minute || s < 600 && off != 0 {
			t.Fatalf("%d seconds are kept as %s", s, w)
		}
	}
	if len(waits) != 10*60+23*60+50 {
		t.Errorf("a day's customers take %d different times", len(waits))
	}
}
