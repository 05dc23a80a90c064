package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib"

	"warungjokul/e2e/servers"
)

// replicasOnly is what -only says to measure nothing else.
const replicasOnly = "replicas"

// replicas are one, two and three shops, each behind an nginx and on a database
// of their own, all on one PostgreSQL server and one gateway.
type replicas struct {
	missing  error // why they were not measured
	postgres *servers.Postgres
	gateway  *servers.Server
	fleets   []*fleet
	lines    []*line
}

// fleet is so many shops that are one to whoever asks: the front, which is where
// nginx is, and what shoppers know of it.
type fleet struct {
	front       shop
	shops       []*shop
	nginx       *servers.Server
	connections int     // to the database, after the run
	memory      float64 // MB of a shop, after the run
}

// line is what came of a row, by fleet and round.
type line struct {
	row
	fleets [][]shared
}

// shared is a measurement and what everybody used meanwhile, in the order of
// users.
type shared struct {
	measurement
	used [len(users)]time.Duration
}

var users = [...]string{"shops", "PostgreSQL", "nginx", "gateway", "clients"}

func (b *bench) measureMany(ctx context.Context) (err error) {
	for _, program := range [][2]string{{"initdb", "postgresql"}, {"nginx", "nginx"}} {
		if _, err := servers.Find(program[0], program[1]); err != nil {
			b.missing = err
			return nil
		}
	}
	defer func() { err = errors.Join(err, b.end()) }()
	if err := b.openFleets(ctx); err != nil {
		return err
	}
	for _, r := range rows {
		if r.many && (b.only == "" || b.only == replicasOnly || b.only == r.name) {
			b.lines = append(b.lines, &line{row: r, fleets: make([][]shared, len(b.fleets))})
		}
	}
	for n := range b.rounds + 1 {
		for _, l := range b.lines {
			for i := range b.fleets {
				if err := b.fleetTurn(ctx, l, (i+n)%len(b.fleets), n); err != nil {
					return fmt.Errorf("replicas: %s: %w", l.name, err)
				}
			}
		}
		fmt.Fprintf(os.Stderr, "replicas: round %d of %d\n", n, b.rounds)
	}
	for _, f := range b.fleets {
		if err := f.cost(ctx); err != nil {
			return err
		}
	}
	return nil
}

// openFleets starts everything. The database keeps what it commits, as it must
// for a shop.
func (b *bench) openFleets(ctx context.Context) (err error) {
	if b.postgres, err = servers.NewPostgres("fsync=on", "synchronous_commit=on", "full_page_writes=on"); err != nil {
		return err
	}
	gateway := filepath.Join(b.dir, "jokul")
	if err := build(ctx, "go", "build", "-o", gateway, "./jokul/cmd/jokul"); err != nil {
		return err
	}
	addr, err := servers.Address()
	if err != nil {
		return err
	}
	if b.gateway, err = servers.Start(nil, gateway, "sandbox", "--addr", addr, "--client-id", clientID, "--secret", secret); err != nil {
		return err
	}
	if err := b.gateway.Await("http://" + addr + "/control/clock"); err != nil {
		return err
	}
	for n := 1; n <= 3; n++ {
		f := &fleet{front: shop{driver: "pgx"}}
		b.fleets = append(b.fleets, f)
		if err := f.open(ctx, b, n, "http://"+addr); err != nil {
			return fmt.Errorf("replicas: %d: %w", n, err)
		}
	}
	return nil
}

func (f *fleet) open(ctx context.Context, b *bench, n int, gateway string) error {
	database, err := newDatabase(ctx, b.postgres.URL, fmt.Sprint("shops_", n))
	if err != nil {
		return err
	}
	if f.front.db, err = sql.Open(f.front.driver, database); err != nil {
		return err
	}
	f.front.db.SetMaxOpenConns(1)
	listen, err := servers.Address()
	if err != nil {
		return err
	}
	f.front.base = "http://" + listen
	var addresses []string
	for i := range n {
		s := &shop{binary: b.binary, dir: filepath.Join(b.dir, fmt.Sprintf("shop%dof%d", i+1, n)),
			environ: []string{"DATABASE_URL=" + database, "JOKUL_ENVIRONMENT=sandbox", "JOKUL_BASE_URL=" + gateway, "BASE_URL=" + f.front.base, "TRUSTED_PROXIES=127.0.0.1"}}
		f.shops = append(f.shops, s)
		if err := os.MkdirAll(s.dir, 0o700); err != nil {
			return err
		}
		if err := s.start(ctx); err != nil {
			return err
		}
		addresses = append(addresses, strings.TrimPrefix(s.base, "http://"))
	}
	f.front.orders = b.small
	if err := f.front.fill(ctx); err != nil {
		return fmt.Errorf("fill: %w", err)
	}
	if _, err := f.front.db.ExecContext(ctx, "ANALYZE"); err != nil { // as PostgreSQL does by itself within a minute
		return err
	}
	if f.nginx, err = servers.StartNginx(f.shops[0].dir, "docs/operate.md", listen, addresses); err != nil {
		return err
	}
	return f.front.placeOrders(ctx, b.tokens)
}

// newDatabase makes one on a server and returns its address.
func newDatabase(ctx context.Context, server, name string) (string, error) {
	address, err := url.Parse(server)
	if err != nil {
		return "", err
	}
	db, err := sql.Open("pgx", server)
	if err != nil {
		return "", err
	}
	defer db.Close()
	if _, err := db.ExecContext(ctx, "CREATE DATABASE "+name); err != nil {
		return "", err
	}
	address.Path = "/" + name
	return address.String(), nil
}

// fleetTurn is one fleet's turn at a row. Round 0 is for warming up and does not
// count.
func (b *bench) fleetTurn(ctx context.Context, l *line, fleet, round int) error {
	f := b.fleets[fleet]
	next, err := b.requests(ctx, l.row, &f.front)
	if err != nil {
		return err
	}
	before := b.used(f)
	m, err := load(ctx, b.time, l.status, next)
	if err != nil {
		return err
	}
	s := shared{m, b.used(f)}
	for i := range s.used {
		s.used[i] -= before[i]
	}
	if round > 0 {
		l.fleets[fleet] = append(l.fleets[fleet], s)
	}
	return nil
}

// used is what everybody who has to do with a fleet has used so far, with all the
// processes they have started.
func (b *bench) used(f *fleet) (used [len(users)]time.Duration) {
	all := processes()
	for _, s := range f.shops {
		used[0] += all.used(s.cmd.Process.Pid)
	}
	for i, pid := range []int{b.postgres.PID(), f.nginx.PID(), b.gateway.PID()} {
		used[i+1] = all.used(pid)
	}
	used[4] = cpuTime(os.Getpid())
	return used
}

// family is the processes of the machine.
type family map[int]process

func processes() family {
	all := family{}
	list, _ := os.ReadDir("/proc")
	for _, entry := range list {
		if pid, err := strconv.Atoi(entry.Name()); err == nil {
			all[pid] = readProcess(pid)
		}
	}
	return all
}

func (all family) used(pid int) time.Duration {
	used := all[pid].used + all[pid].ended
	for child, p := range all {
		if p.parent == pid {
			used += all.used(child)
		}
	}
	return used
}

// cost is what a fleet holds.
func (f *fleet) cost(ctx context.Context) error {
	for _, s := range f.shops {
		f.memory += memory(s.cmd.Process.Pid) / float64(len(f.shops))
	}
	return f.front.db.QueryRowContext(ctx, "SELECT COUNT(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'warung'").Scan(&f.connections)
}

// end stops whatever was started.
func (r *replicas) end() (err error) {
	for _, f := range r.fleets {
		if f.nginx != nil {
			f.nginx.Stop()
		}
		for _, s := range f.shops {
			err = errors.Join(err, s.stop())
		}
	}
	if r.gateway != nil {
		r.gateway.Stop()
	}
	if r.postgres != nil {
		r.postgres.End()
	}
	return err
}

func (r *replicas) report(w io.Writer, orders int) {
	if r.missing != nil {
		fmt.Fprintf(w, "Several shops were not measured: %v.\n\n", r.missing)
		return
	}
	fmt.Fprintf(w, "| %d orders, behind nginx on PostgreSQL | shops | /s | p50 ms | p99 ms | CPU µs: %s | busy |\n", orders, strings.Join(users[:], " | "))
	fmt.Fprintln(w, "|---|"+strings.Repeat("---:|", 5+len(users)))
	for _, l := range r.lines {
		for i, turns := range l.fleets {
			fmt.Fprintf(w, "| %s | %d | %.0f | %.2f | %.2f |", l.name, i+1,
				median(turns, of(rate)), median(turns, of(quantile(0.5))), median(turns, of(quantile(0.99))))
			for user := range users {
				fmt.Fprintf(w, " %.0f |", median(turns, func(s shared) float64 {
					return float64(s.used[user].Microseconds()) / float64(max(1, len(s.latencies)))
				}))
			}
			fmt.Fprintf(w, " %.0f %% |\n", median(turns, shared.busy))
		}
	}
	last := r.fleets[len(r.fleets)-1]
	fmt.Fprintf(w, "\nAll of these share %d processors; busy is how much of them they used. More shops find no more processors there, and have more to\n"+
		"take turns: they cannot serve more. What they bring is that one may die, or be replaced, while the others serve. Each costs %d\n"+
		"connections to PostgreSQL, its pool and one that listens, and %.0f MB.\n\n",
		runtime.NumCPU(), last.connections/len(last.shops), last.memory)
}

func of(value func(measurement) float64) func(shared) float64 {
	return func(s shared) float64 { return value(s.measurement) }
}

// busy is how much of the machine they used, in percent.
func (s shared) busy() float64 {
	var used time.Duration
	for _, each := range s.used {
		used += each
	}
	return 100 * used.Seconds() / s.took.Seconds() / float64(runtime.NumCPU())
}
