package main

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"time"

	vegeta "github.com/tsenart/vegeta/v12/lib"
	"golang.org/x/sync/errgroup"
)

// row is one line of the table: something the shop does, and what it is held
// against.
type row struct {
	name   string
	goal   float64 // of the limit's rate
	commit bool    // the limit is bare commits, not the bare server
	status int
	many   bool                   // measured with several shops, too
	paths  func(s *shop) []string // asked for in turn; the limit server sends the same
	target func(ctx context.Context, b *bench, s *shop) (vegeta.Targeter, error)
}

func path(p string) func(*shop) []string { return func(*shop) []string { return []string{p} } }

var notifications = path(notify)

var rows = []row{
	{name: "catalogue", goal: 0.70, status: http.StatusOK, paths: path("/")},
	{name: "product page", goal: 0.70, status: http.StatusOK, paths: path("/products/kopi-gayo")},
	{name: "order page", goal: 0.50, status: http.StatusOK, many: true, paths: func(s *shop) (list []string) {
		for _, token := range s.tokens {
			list = append(list, "/orders/"+token)
		}
		return list
	}},
	{name: "static asset", goal: 0.85, status: http.StatusOK, paths: func(s *shop) []string { return []string{s.asset} }},
	{name: "notification, new", goal: 0.60, commit: true, many: true, status: http.StatusOK, target: newNotifications},
	{name: "notification, repeated", goal: 0.30, status: http.StatusOK, paths: notifications, target: repeatedNotifications},
	{name: "notification, wrong signature", goal: 0.45, status: http.StatusUnauthorized, paths: notifications, target: wrongNotifications},
	{name: "checkout to code", goal: 0.20, commit: true, many: true, status: http.StatusSeeOther, target: checkouts},
}

// enough is more than any machine applies in a second.
const enough = 15_000

func newNotifications(ctx context.Context, b *bench, s *shop) (vegeta.Targeter, error) {
	if err := s.wait(ctx, int(enough*b.time.Seconds())); err != nil {
		return nil, err
	}
	list := s.unpaid
	s.unpaid = nil
	return post(s.base+notify, func(i int) (http.Header, []byte) {
		if i >= len(list) {
			return nil, nil
		}
		return told(list[i], time.Now(), secret)
	}), nil
}

// repeatedNotifications are of a few hundred payments, the same bytes each time.
func repeatedNotifications(ctx context.Context, _ *bench, s *shop) (vegeta.Targeter, error) {
	if s.repeats == nil {
		if err := s.wait(ctx, connections*10); err != nil {
			return nil, err
		}
		for _, i := range s.unpaid {
			header, body := told(i, time.Now(), secret)
			s.repeats = append(s.repeats, vegeta.Target{Header: header, Body: body})
			if err := deliver(ctx, s.base+notify, header, body); err != nil {
				return nil, err
			}
		}
		s.unpaid = nil
	}
	return post(s.base+notify, func(i int) (http.Header, []byte) {
		t := s.repeats[i%len(s.repeats)]
		return t.Header, t.Body
	}), nil
}

// wrongNotifications are each another, signed with another key.
func wrongNotifications(_ context.Context, _ *bench, s *shop) (vegeta.Targeter, error) {
	at := time.Now()
	return post(s.base+notify, func(i int) (http.Header, []byte) {
		return told(invoice{number: fmt.Sprintf("WJ-FORGED%d-1", i), requestID: fmt.Sprintf("forged-%d", i)}, at, "another key")
	}), nil
}

// mostCheckouts is more than any machine places in a second.
const mostCheckouts = 4_000

// checkouts sends forms that were asked for before, each once.
func checkouts(ctx context.Context, b *bench, s *shop) (vegeta.Targeter, error) {
	header := browser.Clone()
	header.Set("Content-Type", "application/x-www-form-urlencoded")
	header.Set("Cookie", s.cookies)
	forms := make([][]byte, int(mostCheckouts*b.time.Seconds()))
	var group errgroup.Group
	group.SetLimit(connections)
	for i := range forms {
		group.Go(func() error {
			form, err := s.checkoutForm(ctx)
			forms[i] = []byte(form.Encode())
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	return post(s.base+"/checkout", func(i int) (http.Header, []byte) {
		if i >= len(forms) {
			return nil, nil
		}
		return header, forms[i]
	}), nil
}

// bench is one run.
type bench struct {
	options
	dir, binary string
	load        string // of the machine before
	shops       []*shop

	limit   *limitServer
	commits *commits
	results []*result
	streamed

	replicas
}

// result is what came of one row: of the limit, and of each shop, by round.
type result struct {
	row
	limit []measurement
	shops [][]measurement
}

func (b *bench) measure(ctx context.Context) (err error) {
	for _, r := range rows {
		if b.only == "" || b.only == r.name {
			b.results = append(b.results, &result{row: r, shops: make([][]measurement, len(b.shops))})
		}
	}
	if b.commits, err = openCommits(ctx, b.dir); err != nil {
		return err
	}
	if b.limit, err = b.record(ctx); err != nil {
		return err
	}
	defer b.limit.stop()
	for n := range b.rounds + 1 {
		for _, r := range b.results {
			if err := b.turn(ctx, r, n); err != nil {
				return fmt.Errorf("%s: %w", r.name, err)
			}
		}
		fmt.Fprintf(os.Stderr, "round %d of %d\n", n, b.rounds)
	}
	return b.watch(ctx)
}

// record asks the first shop for everything once, for the limit server to send.
func (b *bench) record(ctx context.Context) (*limitServer, error) {
	pages := map[string]page{notify: {Status: http.StatusOK, Header: http.Header{}}}
	for _, s := range b.shops {
		home, err := fetch(ctx, s.base+"/", "")
		if err != nil {
			return nil, err
		}
		s.asset = string(stylesheet.Find(home.Body))
	}
	for _, r := range b.results {
		if r.paths == nil || r.target != nil {
			continue
		}
		for _, path := range r.paths(b.shops[0]) {
			p, err := fetch(ctx, b.shops[0].base+path, browser.Get("Accept-Encoding"))
			if err != nil {
				return nil, err
			}
			pages[path] = p
		}
	}
	return startLimit(b.dir, pages)
}

// turn measures the limit and each shop, one after the other, in another order
// each round: who comes next to whom changes, too. Round 0 is for warming up and
// does not count.
func (b *bench) turn(ctx context.Context, r *result, round int) error {
	turns := []func() error{func() error {
		m, err := b.measureLimit(ctx, r.row)
		if round > 0 {
			r.limit = append(r.limit, m)
		}
		return err
	}}
	for i, s := range b.shops {
		turns = append(turns, func() error {
			m, err := b.measureShop(ctx, r.row, s, round == b.rounds && i == 0)
			if round > 0 {
				r.shops[i] = append(r.shops[i], m)
			}
			return err
		})
	}
	if round%2 == 1 {
		slices.Reverse(turns)
	}
	for i := range turns {
		if err := turns[(i+round)%len(turns)](); err != nil {
			return err
		}
		for _, s := range b.shops {
			if err := s.settle(ctx); err != nil {
				return err
			}
		}
	}
	return nil
}

// settle waits until the shop has sent the mails of what was placed and paid: who
// has the next turn is not to be held up by them.
func (s *shop) settle(ctx context.Context) error {
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		var due int
		err := s.db.QueryRowContext(ctx, "SELECT COUNT(*) FROM mails WHERE sent_at IS NULL AND send_at <= ?", time.Now().UTC()).Scan(&due)
		if err != nil || due == 0 {
			return err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (b *bench) measureLimit(ctx context.Context, r row) (measurement, error) {
	if r.commit {
		return b.commits.measure(ctx, b.time)
	}
	before, err := b.limit.counters(ctx)
	if err != nil {
		return measurement{}, err
	}
	next, status := around(b.limit.base, r.paths(b.shops[0])), r.status
	if r.target != nil {
		next, status = post(b.limit.base+notify, func(i int) (http.Header, []byte) {
			return told(invoice{number: "WJ-LIMIT-1", requestID: fmt.Sprint(i)}, time.Now(), secret)
		}), http.StatusOK
	}
	m, err := load(ctx, b.time, status, next)
	if err != nil {
		return m, err
	}
	after, err := b.limit.counters(ctx)
	m.used = after.since(before)
	return m, err
}

// requests are those of a row to a shop.
func (b *bench) requests(ctx context.Context, r row, s *shop) (vegeta.Targeter, error) {
	if r.target != nil {
		return r.target(ctx, b, s)
	}
	return around(s.base, r.paths(s)), nil
}

func (b *bench) measureShop(ctx context.Context, r row, s *shop, profiled bool) (m measurement, err error) {
	next, err := b.requests(ctx, r, s)
	if err != nil {
		return m, err
	}
	before, err := s.counters(ctx)
	if err != nil {
		return m, err
	}
	profile := make(chan error, 1)
	if profiled && b.profiles != "" {
		go func() { profile <- s.profile(ctx, b.time, filepath.Join(b.profiles, r.name+".pprof")) }()
	} else {
		profile <- nil
	}
	if m, err = load(ctx, b.time, r.status, next); err != nil {
		return m, err
	}
	if err := <-profile; err != nil {
		return m, err
	}
	after, err := s.counters(ctx)
	m.used = after.since(before)
	return m, err
}

func (c counters) since(before counters) counters {
	return counters{mallocs: c.mallocs - before.mallocs, bytes: c.bytes - before.bytes, cpu: c.cpu - before.cpu}
}
