package db

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"testing"
	"time"

	"gorm.io/gorm"
)

type entry struct{ Name string }

// openEntries opens a new SQLite file with one table.
func openEntries(t *testing.T) *SQLite {
	t.Helper()
	s := &SQLite{file: filepath.Join(t.TempDir(), "test.db")}
	if _, _, err := s.Open(time.Now, slog.New(slog.DiscardHandler)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	if err := s.write.Exec("CREATE TABLE entries (name text NOT NULL UNIQUE)").Error; err != nil {
		t.Fatal(err)
	}
	return s
}

// runTogether starts writers while somebody else has the turn, so that all of them wait for it. It returns the error
// of each writer, and how many commits there were.
func runTogether(s *SQLite, writers ...func() error) (errs []error, commits int) {
	g, checkFile := s.commits, s.commits.checkFile
	g.turn.Lock()
	g.maxAge = time.Hour // on a busy machine, 20 writers take longer than a batch may stay open
	g.checkFile = func() error { commits++; return checkFile() }
	errs = make([]error, len(writers))
	done := make(chan struct{})
	for i, write := range writers {
		go func() {
			defer func() { done <- struct{}{} }()
			errs[i] = write()
		}()
	}
	for g.waiting.Load() < int32(len(writers)) {
		runtime.Gosched()
	}
	g.turn.Unlock()
	for range writers {
		<-done
	}
	g.turn.Lock()
	defer g.turn.Unlock()
	g.checkFile = checkFile
	return errs, commits
}

// add returns a writer that inserts an entry in a transaction, and then calls f in it.
func add(ctx context.Context, s *SQLite, name string, f func(tx *gorm.DB) error) func() error {
	return func() error {
		return s.write.WithContext(ctx).Transaction(func(tx *gorm.DB) error {
			if err := tx.Create(&entry{name}).Error; err != nil {
				return err
			}
			return f(tx)
		})
	}
}

func nothing(*gorm.DB) error { return nil }

func entries(t *testing.T, s *SQLite) (names []string) {
	t.Helper()
	if err := s.read.Model(&entry{}).Order("name").Pluck("name", &names).Error; err != nil {
		t.Fatal(err)
	}
	return names
}

func TestWritersShareCommits(t *testing.T) {
	s := openEntries(t)
	ctx := context.Background()
	var writers []func() error
	for i := range 20 {
		writers = append(writers, add(ctx, s, fmt.Sprint(i), nothing))
	}
	errs, commits := runTogether(s, writers...)
	if err := errors.Join(errs...); err != nil || commits != 1 || len(entries(t, s)) != 20 {
		t.Errorf("%d commits, %d entries: %v", commits, len(entries(t, s)), err)
	}
	writers = nil
	for i := range 2*maxMembers + 2 {
		writers = append(writers, add(ctx, s, fmt.Sprint("more ", i), nothing))
	}
	errs, commits = runTogether(s, writers...)
	if err := errors.Join(errs...); err != nil || commits < 3 {
		t.Errorf("%d commits: %v", commits, err)
	}
}

// Single statements outside of a transaction share commits, too, and a query for rows waits for the open batch.
func TestSingleStatementsShareCommits(t *testing.T) {
	s := openEntries(t)
	errs, commits := runTogether(s,
		func() error { return s.write.Create(&entry{"created"}).Error },
		func() error { return s.write.Exec("INSERT INTO entries VALUES ('executed')").Error },
		func() error { return s.write.Create(&[]entry{{"several"}, {"rows"}}).Error },
		func() error { return gorm.G[entry](s.write).Create(context.Background(), &entry{"generic"}) },
	)
	if err := errors.Join(errs...); err != nil || commits != 1 {
		t.Errorf("%d commits: %v", commits, err)
	}
	if err := s.write.Create(&entry{"created"}).Error; !errors.Is(err, gorm.ErrDuplicatedKey) {
		t.Errorf("a duplicate: %v", err)
	}
	errs, _ = runTogether(s, add(context.Background(), s, "before", nothing), func() error {
		var name string
		return s.write.Raw("INSERT INTO entries VALUES ('returned') RETURNING name").Scan(&name).Error
	})
	want := []string{"before", "created", "executed", "generic", "returned", "rows", "several"}
	if got := entries(t, s); errors.Join(errs...) != nil || !slices.Equal(got, want) {
		t.Errorf("entries %q, errors %v", got, errs)
	}
	if _, err := s.commits.PrepareContext(context.Background(), "DELETE FROM entries"); err == nil {
		t.Error("a statement was prepared outside of the batches")
	}
}

// A transaction that fails, panics or was cancelled takes back its own changes and nothing else.
func TestWritersFailAlone(t *testing.T) {
	s := openEntries(t)
	ctx := context.Background()
	during, cancelDuring := context.WithCancel(ctx)
	before, cancelBefore := context.WithCancel(ctx)
	cancelBefore()
	wrong := errors.New("wrong")
	panics := func() (err error) {
		defer func() { err = recover().(error) }()
		return add(ctx, s, "panics", func(*gorm.DB) error { panic(wrong) })()
	}
	nested := func(tx *gorm.DB) error {
		failed := tx.Transaction(func(tx *gorm.DB) error {
			return errors.Join(tx.Create(&entry{"inner"}).Error, wrong)
		})
		return map[bool]error{true: nil, false: failed}[errors.Is(failed, wrong)]
	}
	errs, commits := runTogether(s,
		add(ctx, s, "first", nothing),
		add(ctx, s, "fails", func(*gorm.DB) error { return wrong }),
		add(ctx, s, "constraint", func(tx *gorm.DB) error { return tx.Exec("INSERT INTO entries VALUES (NULL)").Error }),
		panics,
		add(during, s, "cancelled during", func(tx *gorm.DB) error {
			cancelDuring()
			return tx.Create(&entry{"cancelled after"}).Error
		}),
		add(before, s, "cancelled before", nothing),
		add(ctx, s, "nested", nested),
		add(ctx, s, "last", nothing))
	want := []string{"cancelled after", "cancelled during", "first", "last", "nested"}
	if got := entries(t, s); !slices.Equal(got, want) || commits != 1 {
		t.Errorf("entries %q, want %q; %d commits", got, want, commits)
	}
	for i, want := range []bool{true, false, false, false, true, false, true, true} {
		if (errs[i] == nil) != want {
			t.Errorf("writer %d got %v", i, errs[i])
		}
	}
	if errs[1] != wrong || errs[3] != wrong || !errors.Is(errs[5], ErrUnavailable) || !errors.Is(errs[5], context.Canceled) {
		t.Errorf("errors %v", errs)
	}
}

// Each function runs once, however many others fail.
func TestWritersRunOnce(t *testing.T) {
	s := openEntries(t)
	wrong := errors.New("wrong")
	runs := make([]int, 40) // each writer has its own
	var writers []func() error
	for i := range runs {
		writers = append(writers, add(context.Background(), s, fmt.Sprint(i), func(*gorm.DB) error {
			if runs[i]++; i%4 > 0 {
				return wrong
			}
			return nil
		}))
	}
	errs, _ := runTogether(s, writers...)
	for i, err := range errs {
		if want := map[bool]error{true: wrong}[i%4 > 0]; err != want || runs[i] != 1 {
			t.Errorf("writer %d ran %d times and got %v", i, runs[i], err)
		}
	}
	if n := len(entries(t, s)); n != len(runs)/4 {
		t.Errorf("%d entries", n)
	}
}

// Every member of a batch that the database rolls back, or does not bring to the disk, gets an error.
func TestSharedCommitFails(t *testing.T) {
	s := openEntries(t)
	ctx := context.Background()
	rollsBack := func(tx *gorm.DB) error { // as SQLite does when the disk is full
		return errors.Join(ErrUnavailable, tx.Exec("ROLLBACK").Error)
	}
	errs, _ := runTogether(s, add(ctx, s, "one", nothing), add(ctx, s, "two", rollsBack), add(ctx, s, "three", nothing))
	for i, err := range errs {
		name := []string{"one", "two", "three"}[i]
		if (err == nil) != slices.Contains(entries(t, s), name) || err != nil && !errors.Is(err, ErrUnavailable) {
			t.Errorf("%s got %v; entries %q", name, err, entries(t, s))
		}
	}
	if errs[1] == nil {
		t.Error("the transaction that lost everything got no error")
	}

	away := s.file + ".away"
	if err := os.Rename(s.file, away); err != nil {
		t.Fatal(err)
	}
	errs, _ = runTogether(s, add(ctx, s, "four", nothing), add(ctx, s, "five", nothing),
		func() error { return s.write.Create(&entry{"single"}).Error })
	for i, err := range errs {
		if !errors.Is(err, ErrUnavailable) {
			t.Errorf("the file was moved: writer %d got %v", i, err)
		}
	}
	if err := os.Rename(away, s.file); err != nil {
		t.Fatal(err)
	}
	err := add(ctx, s, "six", nothing)()
	if got := entries(t, s); err != nil || slices.Contains(got, "four") || slices.Contains(got, "single") || !slices.Contains(got, "six") {
		t.Errorf("afterwards: %v, entries %q", err, got)
	}
}

// A transaction that waits for its turn must not hold what the running one needs to finish, and counts as waiting.
func TestWritersDoNotWaitForEachOther(t *testing.T) {
	s := openEntries(t)
	const others = 4
	done := make(chan error, others)
	waited := s.Stats()[writing]().WaitCount
	err := s.write.Transaction(func(tx *gorm.DB) error {
		for i := range others {
			go func() { done <- s.write.Create(&entry{fmt.Sprint(i)}).Error }() // a statement that is not prepared yet
		}
		for s.commits.waiting.Load() < others {
			runtime.Gosched()
		}
		return tx.Where("name = ?", "none").Delete(&entry{}).Error // and another
	})
	if err != nil {
		t.Errorf("the transaction: %v", err)
	}
	for range others {
		if err := <-done; err != nil {
			t.Errorf("a transaction that waited: %v", err)
		}
	}
	if stats := s.Stats()[writing](); stats.WaitCount < waited+others || stats.WaitDuration == 0 {
		t.Errorf("statistics %+v", stats)
	}
}
