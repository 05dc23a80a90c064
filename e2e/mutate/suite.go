package main

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"
)

// A suite is the tests of one folder: what each of them reaches, and how long it
// takes while nothing is changed.
type suite struct {
	folder string
	tests  []timed // the quickest first
}

type timed struct {
	name    string
	took    time.Duration
	reaches map[string][]lines // by the name of the file
}

// lines are those of one block of code, the first and the last.
type lines struct{ from, to int }

// measured runs every test of a folder by itself, while nothing is changed, and
// notes what code it reaches. All of them must pass.
func measured(ctx context.Context, o options, temp, folder string) (suite, error) {
	program := filepath.Join(temp, strings.ReplaceAll(folder, "/", "-")+".test")
	if out, err := compile(ctx, program, folder, "-cover"); err != nil {
		return suite{}, fmt.Errorf("the tests of %s do not compile: %w\n%s", folder, err, out)
	}
	list, err := command(ctx, folder, program, "-test.list", "^(Test|Example|Fuzz)").Output()
	if err != nil {
		return suite{}, fmt.Errorf("the tests of %s: %w", folder, err)
	}
	s := suite{folder: folder}
	var mu sync.Mutex
	err = inParallel(o.jobs, strings.Fields(string(list)), func(name string) error {
		t, err := measure(ctx, program, temp, folder, name)
		mu.Lock()
		defer mu.Unlock()
		s.tests = append(s.tests, t)
		return err
	})
	slices.SortFunc(s.tests, func(a, b timed) int { return cmp.Compare(a.took, b.took) })
	return s, err
}

func measure(ctx context.Context, program, temp, folder, name string) (timed, error) {
	profile, began := filepath.Join(temp, folder+name+".cover"), time.Now()
	if err := os.MkdirAll(filepath.Dir(profile), 0o700); err != nil {
		return timed{}, err
	}
	out, err := command(ctx, folder, program, "-test.run", "^"+name+"$", "-test.coverprofile", profile).CombinedOutput()
	if err != nil {
		return timed{}, fmt.Errorf("%s fails while nothing is changed: %w\n%s", name, err, out)
	}
	t := timed{name: name, took: time.Since(began)}
	t.reaches, err = reached(profile)
	return t, err
}

// reached reads a profile of go test: a line for each block of code, such as
// warungjokul/models/order.go:81.30,83.2 1 4, of which the last number says how
// often it was run.
func reached(profile string) (map[string][]lines, error) {
	text, err := os.ReadFile(profile)
	if err != nil {
		return nil, err
	}
	reaches := map[string][]lines{}
	for scan := bufio.NewScanner(bytes.NewReader(text)); scan.Scan(); {
		file, block, found := strings.Cut(scan.Text(), ":")
		var l lines
		var column, statements, times int
		if n, _ := fmt.Sscanf(block, "%d.%d,%d.%d %d %d", &l.from, &column, &l.to, &column, &statements, &times); found && n == 6 && times > 0 {
			reaches[filepath.Base(file)] = append(reaches[filepath.Base(file)], l)
		}
	}
	return reaches, nil
}

// reaching are the tests that may notice a mutant: those that run its function, or
// all where it is in none.
func (s suite) reaching(m mutant) (list []timed) {
	inside := func(block lines) bool { return m.within.from <= block.from && block.to <= m.within.to }
	for _, t := range s.tests {
		if m.within == (lines{}) || slices.ContainsFunc(t.reaches[filepath.Base(m.file)], inside) {
			list = append(list, t)
		}
	}
	return list
}

// compile makes a program of a folder's tests.
func compile(ctx context.Context, program, folder string, flags ...string) ([]byte, error) {
	args := append([]string{"test", "-c", "-vet=off", "-ldflags=-s -w", "-o", program}, flags...)
	return command(ctx, ".", "go", append(args, "./"+folder)...).CombinedOutput()
}

// quickFolder is where temporary files are made, the tests' databases among them:
// in TMPDIR if that is set, else where no disk is behind, as on Linux.
func quickFolder() string {
	const inMemory = "/dev/shm"
	if _, err := os.Stat(inMemory); err == nil && os.Getenv("TMPDIR") == "" {
		return inMemory
	}
	return os.TempDir()
}

// command is a program to be run in a folder. All it has started ends with ctx.
func command(ctx context.Context, folder, program string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Dir = folder
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.Env = append(os.Environ(), "TMPDIR="+quickFolder())
	return cmd
}

// inParallel does something with each of a list, some at once, until all is done
// or something fails.
func inParallel[T any](jobs int, list []T, do func(T) error) error {
	var group errgroup.Group
	group.SetLimit(jobs)
	var failed atomic.Bool
	for _, item := range list {
		group.Go(func() error {
			if failed.Load() {
				return nil
			}
			err := do(item)
			failed.CompareAndSwap(false, err != nil)
			return err
		})
	}
	return group.Wait()
}
