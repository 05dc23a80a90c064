// Bench measures the shop beside what its machine can do at most: a bare server
// that sends the same bytes and does no work, and bare commits on the same
// database settings. All of them take turns in one run, so that a busy machine
// is busy for all; what counts is the ratio of one to the other.
//
// The shop is the program as it is shipped, with its embedded sandbox, once with
// a small database and once with a large one; and one, two and three of it behind
// nginx on one PostgreSQL server.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"time"
)

type options struct {
	rounds       int
	time         time.Duration // of one measurement
	small, large int           // orders in the two databases; large 0 for none
	tokens       int           // different orders whose pages are asked for
	streams      int
	only         string
	many         bool // measure several shops, too
	flood        bool // measure honest shoppers while one client floods the shop, and nothing else
	profiles     string
	write        string
}

func main() {
	if len(os.Args) == 3 && os.Args[1] == "limit" { // we were started by ourselves
		exit(serveLimit(os.Args[2]))
	}
	var o options
	flag.IntVar(&o.rounds, "rounds", 6, "how often everything has its turn")
	flag.DurationVar(&o.time, "time", time.Second, "how long a turn lasts")
	flag.IntVar(&o.small, "small", 1_000, "orders in the small database")
	flag.IntVar(&o.large, "large", 1_000_000, "orders in the large database; 0: no large one")
	flag.IntVar(&o.tokens, "tokens", 500, "different orders whose pages are asked for")
	flag.IntVar(&o.streams, "streams", 2_000, "status streams to open; 0: none")
	flag.StringVar(&o.only, "only", "", "the one row to measure, or replicas for several shops alone")
	flag.BoolVar(&o.many, "replicas", false, "measure several shops behind nginx on PostgreSQL, too")
	flag.BoolVar(&o.flood, "flood", false, "measure honest shoppers while one client floods the shop, and nothing else")
	flag.StringVar(&o.profiles, "profiles", "", "write a CPU profile of the shop for each row into this directory")
	flag.StringVar(&o.write, "write", "", "put the results into this page, between its marks")
	flag.Parse()
	o.many = o.many || o.only == replicasOnly
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, o)
	stop()
	exit(err)
}

func exit(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
	os.Exit(0)
}

func run(ctx context.Context, o options) error {
	load := loadAverage()
	dir, err := os.MkdirTemp("", "warung-bench")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	binary := filepath.Join(dir, "warung")
	if err := build(ctx, "make", "build", "OUT="+binary); err != nil { // as it is shipped
		return err
	}
	b := &bench{options: o, dir: dir, binary: binary, load: load}
	if o.flood {
		return b.floodAll(ctx, os.Stdout)
	}
	if o.only != replicasOnly {
		err = b.measureAlone(ctx)
	}
	if err == nil && o.many {
		err = b.measureMany(ctx)
	}
	if err != nil {
		return err
	}
	return b.report(os.Stdout)
}

// measureAlone measures shops that are alone with their databases.
func (b *bench) measureAlone(ctx context.Context) (err error) {
	defer func() {
		for _, s := range b.shops {
			err = errors.Join(err, s.stop())
		}
	}()
	for _, orders := range []int{b.small, b.large} {
		if orders == 0 {
			continue
		}
		s := &shop{binary: b.binary, dir: filepath.Join(b.dir, fmt.Sprint(orders)), orders: orders}
		b.shops = append(b.shops, s)
		if err := s.open(ctx, b.tokens); err != nil {
			return fmt.Errorf("shop with %d orders: %w", orders, err)
		}
	}
	return b.measure(ctx)
}
