// Mutate tries out the tests of the payment code. It makes mutants, which are
// copies of the code with one guard, comparison, state or call changed, and runs
// against each the tests of its package that reach the change. A mutant is killed
// when one of them fails. It survives when all pass: nothing notices the change.
//
//	go run ./e2e/mutate                              # everything, for an hour or more
//	go run ./e2e/mutate -files models/order.go       # one file
//	go run ./e2e/mutate -run payOrder -v             # mutants whose description matches
//	go run ./e2e/mutate -log m.jsonl                 # goes on where a run with this log was stopped
//	go run ./e2e/mutate -max 50                      # a sample, spread evenly
//	go run ./e2e/mutate -list                        # the mutants alone
//
// The tree is never changed: the compiler is given other files in place of those that have
// mutants (go build -overlay). All mutants of a folder are compiled into one program, and
// the environment says which of them runs. A mutant that does not compile is not counted.
// Mutants that change nothing anybody could notice are listed in equivalent.txt, with
// reasons.
//
// The exit status is 1 when a mutant survives, 2 when the run itself fails.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// paymentCode is what is mutated unless -files says otherwise.
const paymentCode = "payments/*.go,models/identity.go,models/receipt*.go,models/case.go,models/decision.go,models/payment*.go,models/order.go," +
	"models/order_place.go,models/notification.go"

type options struct {
	files   string
	match   *regexp.Regexp
	most    int
	jobs    int
	log     string
	list    bool
	verbose bool
}

func main() {
	var o options
	flag.StringVar(&o.files, "files", paymentCode, "files to mutate, by patterns with commas in between; patterns may match nothing")
	match := flag.String("run", "", "only mutants whose description matches this regular expression")
	flag.IntVar(&o.most, "max", 0, "at most so many mutants, spread evenly; 0: all")
	flag.IntVar(&o.jobs, "jobs", 2, "mutants tried at once")
	flag.StringVar(&o.log, "log", "", "append results to this file, and try no mutant again that it says was killed, while its file is as it was")
	flag.BoolVar(&o.list, "list", false, "list the mutants and try none")
	flag.BoolVar(&o.verbose, "v", false, "tell of killed mutants, too")
	flag.Parse()
	o.match = regexp.MustCompile(*match)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	survived, err := run(ctx, o)
	stop()
	switch {
	case err != nil:
		fmt.Fprintln(os.Stderr, "mutate:", err)
		os.Exit(2)
	case survived > 0:
		os.Exit(1)
	}
}

// run tries the mutants that o chooses and returns how many survived.
func run(ctx context.Context, o options) (survived int, err error) {
	mutants, err := choose(o)
	if err != nil {
		return 0, err
	}
	if o.list {
		for _, m := range mutants {
			fmt.Println(m)
		}
		fmt.Println(len(mutants), "mutants")
		return 0, nil
	}
	results, err := tryAll(ctx, o, mutants)
	if err != nil {
		return 0, err
	}
	return report(os.Stdout, results), nil
}

// choose makes the mutants of all files and returns those that are asked for.
func choose(o options) ([]mutant, error) {
	list, err := all(o.files)
	if err != nil {
		return nil, err
	}
	known, err := equivalents("e2e/mutate/equivalent.txt")
	if err != nil {
		return nil, err
	}
	list = slices.DeleteFunc(list, func(m mutant) bool { return known[m.name()] || !o.match.MatchString(m.String()) })
	if o.most == 0 || o.most >= len(list) {
		return list, nil
	}
	var sample []mutant
	for i := range o.most {
		sample = append(sample, list[i*len(list)/o.most])
	}
	return sample, nil
}

// all makes every mutant of the files that patterns name.
func all(patterns string) (list []mutant, err error) {
	files, err := expand(patterns)
	if err != nil {
		return nil, err
	}
	states, err := statesIn("models", "payments", "jokul")
	if err != nil {
		return nil, err
	}
	for _, file := range files {
		source, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		some, err := mutantsOf(file, source, states)
		if err != nil {
			return nil, err
		}
		list = append(list, some...)
	}
	return list, nil
}

// expand lists the files that patterns name, without tests.
func expand(patterns string) (files []string, err error) {
	for _, pattern := range strings.Split(patterns, ",") {
		found, err := filepath.Glob(pattern)
		if err != nil {
			return nil, fmt.Errorf("-files %s: %w", pattern, err)
		}
		for _, file := range found {
			if !strings.HasSuffix(file, "_test.go") {
				files = append(files, file)
			}
		}
	}
	if len(files) == 0 {
		return nil, fmt.Errorf("-files %s: no such file below this folder, which must be the repository's", patterns)
	}
	return files, nil
}

// equivalents reads the names of mutants that nobody could notice: a line each,
// followed by # and the reason.
func equivalents(file string) (map[string]bool, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	known := map[string]bool{}
	for line := range strings.Lines(string(text)) {
		name, reason, found := strings.Cut(line, " # ")
		switch {
		case strings.TrimSpace(line) == "" || strings.HasPrefix(line, "#"):
		case !found || strings.TrimSpace(reason) == "":
			return nil, fmt.Errorf("%s: no reason is given in %q", file, line)
		default:
			known[strings.TrimSpace(name)] = true
		}
	}
	return known, nil
}
