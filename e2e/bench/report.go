package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"time"
)

var stylesheet = regexp.MustCompile(`/static/app\.css\?v=[0-9a-f]+`)

// deliver sends one notification and wants it taken.
func deliver(ctx context.Context, address string, header http.Header, body []byte) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, address, bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header = header
	res, err := plain.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("notification: %s", res.Status)
	}
	return nil
}

// profile keeps what the shop spends its time on meanwhile.
func (s *shop) profile(ctx context.Context, lasts time.Duration, file string) error {
	return s.keep(ctx, fmt.Sprintf("profile?seconds=%d", max(1, int(lasts.Seconds()))), file)
}

// keep writes a profile of the running shop to a file.
func (s *shop) keep(ctx context.Context, name, file string) error {
	p, err := fetch(ctx, s.ops+"/debug/pprof/"+name, "")
	if err != nil {
		return err
	}
	return os.WriteFile(file, p.Body, 0o600)
}

func median[T any](list []T, value func(T) float64) float64 {
	var all []float64
	for _, each := range list {
		all = append(all, value(each))
	}
	if len(all) == 0 {
		return 0
	}
	slices.Sort(all)
	return all[len(all)/2]
}

func rate(m measurement) float64 { return m.rate() }

func quantile(q float64) func(measurement) float64 {
	return func(m measurement) float64 { return float64(at(m.latencies, q).Microseconds()) / 1000 }
}

// at is what so many of the sorted times are at most.
func at(sorted []time.Duration, q float64) time.Duration {
	if len(sorted) == 0 {
		return 0
	}
	return sorted[min(len(sorted)-1, int(q*float64(len(sorted))))]
}

func each(used func(counters) float64) func(measurement) float64 {
	return func(m measurement) float64 { return used(m.used) / float64(max(1, len(m.latencies))) }
}

func cpu(c counters) float64 { return float64(c.cpu.Microseconds()) }

// ratios is the shop's rate as part of the limit's, round by round: both had
// their turns side by side.
func ratios(shop, limit []measurement) (list []float64) {
	for i := range shop {
		list = append(list, shop[i].rate()/limit[i].rate())
	}
	return list
}

func same(f float64) float64 { return f }

// report prints the tables, and puts them into a page where one is named.
func (b *bench) report(w io.Writer) error {
	var text strings.Builder
	b.describe(&text)
	if len(b.shops) > 0 {
		b.table(&text)
	}
	if len(b.shops) > 1 {
		b.growth(&text)
	}
	if len(b.shops) > 0 {
		b.others(&text)
	}
	if b.many {
		b.replicas.report(&text, b.small)
	}
	fmt.Fprint(w, text.String())
	if b.write == "" {
		return nil
	}
	return put(b.write, text.String())
}

func (b *bench) describe(w io.Writer) {
	fmt.Fprintf(w, "Measured on %s: %s, %d processors, %s, %s/%s, load average %s before. %d rounds of %s each, %d connections, medians.\n\n",
		time.Now().UTC().Format("2 January 2006"), processor(), runtime.NumCPU(), runtime.Version(), runtime.GOOS, runtime.GOARCH,
		b.load, b.rounds, b.time, connections)
}

// loadAverage says how busy the machine is with other things.
func loadAverage() string {
	text, _ := os.ReadFile("/proc/loadavg")
	average, _, _ := strings.Cut(string(text), " ")
	return average
}

func processor() string {
	info, _ := os.ReadFile("/proc/cpuinfo")
	if m := regexp.MustCompile(`model name\s*:\s*(.+)`).FindSubmatch(info); m != nil {
		return string(m[1])
	}
	return "a processor that does not say"
}

func (b *bench) table(w io.Writer) {
	fmt.Fprintf(w, "| %d orders | limit /s | shop /s | ratio | goal | p50 ms | p99 ms | CPU µs | limit's | allocations | bytes |\n", b.shops[0].orders)
	fmt.Fprintln(w, "|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|")
	for _, r := range b.results {
		s := r.shops[0]
		fmt.Fprintf(w, "| %s | %.0f | %.0f | **%.2f** | %.2f | %.2f | %.2f | %.0f | %.0f | %.0f | %.0f |\n", r.name,
			median(r.limit, rate), median(s, rate), median(ratios(s, r.limit), same), r.goal,
			median(s, quantile(0.5)), median(s, quantile(0.99)),
			median(s, each(cpu)), median(r.limit, each(cpu)),
			median(s, each(func(c counters) float64 { return c.mallocs })), median(s, each(func(c counters) float64 { return c.bytes })))
	}
	fmt.Fprintln(w)
}

// growth is how the shop with the larger database did beside the other. Its part
// of the other's rate is taken round by round, in which both found the same disk.
func (b *bench) growth(w io.Writer) {
	small, large := b.shops[0], b.shops[1]
	fmt.Fprintf(w, "| %d orders beside %d | ratio | was | part | p50 ms | was | times |\n", large.orders, small.orders)
	fmt.Fprintln(w, "|---|---:|---:|---:|---:|---:|---:|")
	for _, r := range b.results {
		was, is := median(ratios(r.shops[0], r.limit), same), median(ratios(r.shops[1], r.limit), same)
		wasP50, isP50 := median(r.shops[0], quantile(0.5)), median(r.shops[1], quantile(0.5))
		fmt.Fprintf(w, "| %s | %.2f | %.2f | %.2f | %.2f | %.2f | %.2f |\n", r.name, is, was, median(ratios(r.shops[1], r.shops[0]), same), isP50, wasP50, isP50/wasP50)
	}
	fmt.Fprintln(w)
}

func (b *bench) others(w io.Writer) {
	fmt.Fprintln(w, "| | measured | goal |")
	fmt.Fprintln(w, "|---|---:|---:|")
	for i, s := range b.shops {
		cold := median(s.coldStarts, func(d time.Duration) float64 { return float64(d.Milliseconds()) })
		fmt.Fprintf(w, "| cold start to the first page, %d orders | %.0f ms | 300 ms |\n", s.orders, cold)
		fmt.Fprintf(w, "| memory after the run, %d orders | %.0f MB | 60 MB |\n", s.orders, b.idle[i])
		fmt.Fprintf(w, "| of that its own, the rest is of the program's file | %.0f MB | |\n", b.own[i])
	}
	if b.streams > 0 {
		fmt.Fprintf(w, "| memory with %d status streams open | %.0f MB | 120 MB |\n", b.streams, b.watched)
		fmt.Fprintf(w, "| a payment seen by its page meanwhile, p99 | %.1f ms | 250 ms |\n", float64(at(b.seen, 0.99).Microseconds())/1000)
	}
	fmt.Fprintln(w)
}

const beginning, ending = "<!-- make bench writes from here -->\n", "<!-- to here -->\n"

// put replaces what a page has between its marks.
func put(file, text string) error {
	old, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	before, rest, ok := strings.Cut(string(old), beginning)
	_, after, ok2 := strings.Cut(rest, ending)
	if !ok || !ok2 {
		return fmt.Errorf("%s has no marks to write between", file)
	}
	return os.WriteFile(file, []byte(before+beginning+text+ending+after), 0o644)
}
