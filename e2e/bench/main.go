// Bench measures the shop beside what its machine can do at most: a bare server
// that sends the same bytes and does no work, and bare commits on the same
// database settings. All of them take turns in one run, so that a busy machine
// is busy for all; what counts is the ratio of one to the other.
//
// The shop is the program as it is shipped, with its embedded sandbox, once with
// a small database and once with a large one.
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
	profiles     string
	write        string
}

func main() {
	if len(os.Args) == 3 && os.Args[1] == "limit" { // we were started by ourselves
		exit(serveLimit(os.Args[2]))
	}
	var o options
	flag.IntVar(&o.rounds, "rounds", 5, "how often everything has its turn")
	flag.DurationVar(&o.time, "time", time.Second, "how long a turn lasts")
	flag.IntVar(&o.small, "small", 1_000, "orders in the small database")
	flag.IntVar(&o.large, "large", 1_000_000, "orders in the large database; 0: no large one")
	flag.IntVar(&o.tokens, "tokens", 500, "different orders whose pages are asked for")
	flag.IntVar(&o.streams, "streams", 2_000, "status streams to open; 0: none")
	flag.StringVar(&o.only, "only", "", "the one row to measure")
	flag.StringVar(&o.profiles, "profiles", "", "write a CPU profile of the shop for each row into this directory")
	flag.StringVar(&o.write, "write", "", "put the results into this page, between its marks")
	flag.Parse()
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

func run(ctx context.Context, o options) (err error) {
	load := loadAverage()
	dir, err := os.MkdirTemp("", "warung-bench")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	binary, err := build(ctx, dir)
	if err != nil {
		return err
	}
	var shops []*shop
	defer func() {
		for _, s := range shops {
			err = errors.Join(err, s.stop())
		}
	}()
	for _, orders := range []int{o.small, o.large} {
		if orders == 0 {
			continue
		}
		s := &shop{binary: binary, dir: filepath.Join(dir, fmt.Sprint(orders)), orders: orders}
		shops = append(shops, s)
		if err := s.open(ctx, o.tokens); err != nil {
			return fmt.Errorf("shop with %d orders: %w", orders, err)
		}
	}
	b := &bench{options: o, dir: dir, load: load, shops: shops}
	if err := b.measure(ctx); err != nil {
		return err
	}
	return b.report(os.Stdout)
}
