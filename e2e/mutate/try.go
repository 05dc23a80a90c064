package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"
)

// outcome is what became of a mutant.
type outcome string

const (
	killed   outcome = "killed"
	survived outcome = "survived"
	invalid  outcome = "invalid" // it does not compile
)

// A result is a mutant that was tried.
type result struct {
	Name    string  `json:"name"`
	Source  string  `json:"source"` // a digest of the file as it was
	Outcome outcome `json:"outcome"`
	By      string  `json:"by,omitempty"` // what killed it, or why nothing did

	mutant mutant
}

// tryAll measures the tests as they are, and then tries the mutants, some at once.
func tryAll(ctx context.Context, o options, mutants []mutant) (results []result, err error) {
	done, err := earlier(o.log)
	if err != nil {
		return nil, err
	}
	temp, err := os.MkdirTemp(quickFolder(), "mutate")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(temp)
	untried := map[string][]mutant{} // by folder
	for _, m := range mutants {
		r := resultOf(m)
		if before := done[r.Name]; before.Source == r.Source && before.Outcome != survived {
			r.Outcome, r.By = before.Outcome, before.By
			results = append(results, r)
		} else {
			untried[filepath.Dir(m.file)] = append(untried[filepath.Dir(m.file)], m)
		}
	}
	for _, folder := range slices.Sorted(maps.Keys(untried)) {
		tried, err := tryFolder(ctx, o, temp, folder, untried[folder])
		results = append(results, tried...)
		if err != nil {
			return results, err
		}
	}
	return results, nil
}

func resultOf(m mutant) result {
	return result{Name: m.name(), Source: fmt.Sprintf("%x", sha256.Sum256(m.source)), mutant: m}
}

// tryFolder tries the mutants of one folder.
func tryFolder(ctx context.Context, o options, temp, folder string, mutants []mutant) (results []result, err error) {
	s, err := measured(ctx, o, temp, folder)
	if err != nil {
		return nil, err
	}
	fmt.Printf("%s: %d tests pass as they are\n", folder, len(s.tests))
	program, refused, err := compileTogether(ctx, temp, folder, mutants)
	if err != nil {
		return nil, err
	}
	fmt.Printf("%s: %d mutants to try, %d do not compile\n", folder, len(mutants), len(refused))
	var mu sync.Mutex
	numbers := make([]int, len(mutants))
	for i := range numbers {
		numbers[i] = i + 1
	}
	err = inParallel(o.jobs, numbers, func(n int) error {
		r := resultOf(mutants[n-1])
		var err error
		switch {
		case refused[n]:
			r.Outcome = invalid
		case r.mutant.within == (lines{}):
			err = r.tryAlone(ctx, temp, s)
		default:
			err = r.try(ctx, program, n, s)
		}
		if err != nil {
			return err
		}
		mu.Lock()
		defer mu.Unlock()
		results = append(results, r)
		if o.verbose || r.Outcome == survived {
			fmt.Printf("%d of %d: %s %s%s\n", len(results), len(mutants), r.mutant, r.Outcome, r.By)
		}
		return appendTo(o.log, r)
	})
	return results, err
}

// tryAlone tries a mutant in a program of its own.
func (r *result) tryAlone(ctx context.Context, temp string, s suite) error {
	dir, err := os.MkdirTemp(temp, "")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	overlay, err := overlaid(dir, r.mutant)
	if err != nil {
		return err
	}
	program := filepath.Join(dir, "mutant.test")
	switch out, err := compile(ctx, program, s.folder, "-overlay", overlay); {
	case err != nil && refused(out, r.mutant.file):
		r.Outcome = invalid
		return nil
	case err != nil:
		return fmt.Errorf("compile %s: %w\n%s", r.mutant, err, out)
	}
	return r.try(ctx, program, 0, s)
}

// try runs the tests that reach a mutant against it, the quickest first, until one fails.
// n is the mutant's number in its program.
func (r *result) try(ctx context.Context, program string, n int, s suite) error {
	r.Outcome = survived
	tests := s.reaching(r.mutant)
	if len(tests) == 0 {
		r.By = ": no test reaches it"
	}
	for _, t := range tests {
		limit := max(time.Minute, 20*t.took) // a mutant that takes longer hangs
		cmd := command(ctx, s.folder, program, "-test.run", "^"+t.name+"$", "-test.timeout", limit.String())
		cmd.Env = append(cmd.Env, chosenBy+"="+fmt.Sprint(n))
		err := cmd.Run()
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			r.Outcome, r.By = killed, " by "+t.name
			return nil
		}
	}
	return nil
}

// refused reports whether the compiler says that there is something wrong with a
// file: it may have been stopped for another reason.
func refused(out []byte, file string) bool {
	named := bytes.Contains(out, []byte(filepath.Base(file)+":")) || bytes.Contains(out, []byte(copyOfFile+":"))
	return named && !bytes.Contains(out, []byte("signal: "))
}

// copyOfFile is what a file with its mutant is called. Some of the compiler's complaints name
// it, and some the file in whose place it is.
const copyOfFile = "mutant.go"

// overlaid writes the mutant, and what tells the compiler to take it.
func overlaid(dir string, m mutant) (overlay string, err error) {
	original, err := filepath.Abs(m.file)
	if err != nil {
		return "", err
	}
	copied := filepath.Join(dir, copyOfFile)
	text, err := json.Marshal(map[string]map[string]string{"Replace": {original: copied}})
	if err != nil {
		return "", err
	}
	overlay = filepath.Join(dir, "overlay.json")
	return overlay, errors.Join(os.WriteFile(copied, m.mutated(), 0o600), os.WriteFile(overlay, text, 0o600))
}

// earlier reads what an earlier run has found, by name. A later line counts for more.
func earlier(log string) (map[string]result, error) {
	done := map[string]result{}
	if log == "" {
		return done, nil
	}
	text, err := os.ReadFile(log)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	for line := range strings.Lines(string(text)) {
		var r result
		if err := json.Unmarshal([]byte(line), &r); err != nil {
			return nil, fmt.Errorf("%s: %w", log, err)
		}
		done[r.Name] = r
	}
	return done, nil
}

func appendTo(log string, r result) error {
	if log == "" {
		return nil
	}
	file, err := os.OpenFile(log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	return errors.Join(json.NewEncoder(file).Encode(r), file.Close())
}

// report writes a row for each file and each survivor with its change, and returns
// how many survived.
func report(w io.Writer, results []result) int {
	slices.SortFunc(results, func(a, b result) int {
		return strings.Compare(fmt.Sprintf("%s %8d", a.mutant.file, a.mutant.start), fmt.Sprintf("%s %8d", b.mutant.file, b.mutant.start))
	})
	counts, all := map[string]map[outcome]int{}, map[outcome]int{}
	for _, r := range results {
		if counts[r.mutant.file] == nil {
			counts[r.mutant.file] = map[outcome]int{}
		}
		counts[r.mutant.file][r.Outcome]++
		all[r.Outcome]++
		if r.Outcome == survived {
			fmt.Fprintf(w, "\nsurvived: %s%s\n%s\n  name: %s\n", r.mutant, r.By, r.mutant.diff(), r.mutant.name())
		}
	}
	fmt.Fprintln(w)
	for _, file := range slices.Sorted(maps.Keys(counts)) {
		fmt.Fprintln(w, score(file, counts[file]))
	}
	fmt.Fprintln(w, score("all", all))
	return all[survived]
}

func score(what string, n map[outcome]int) string {
	valid := n[killed] + n[survived]
	percent := 100.0
	if valid > 0 {
		percent = 100 * float64(n[killed]) / float64(valid)
	}
	return fmt.Sprintf("%-28s %5.1f %%: %d of %d killed, %d survived, %d do not compile", what, percent, n[killed], valid, n[survived], n[invalid])
}
