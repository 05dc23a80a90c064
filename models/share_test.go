package models

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"gorm.io/gorm"
)

// crowdAt has writers wait for their turn all at once, and returns what each was
// told and how many commits there were.
func crowdAt(s *Store, writers ...func() error) (told []error, commits int) {
	sh := s.database.(*sqliteFile).shared
	check := sh.check
	sh.turn.Lock()
	sh.longest = time.Hour // on a busy machine 20 writers take longer than they have
	sh.check = func() error { commits++; return check() }
	told = make([]error, len(writers))
	done := make(chan struct{})
	for i, write := range writers {
		go func() {
			defer func() { done <- struct{}{} }()
			told[i] = write()
		}()
	}
	for sh.waiting.Load() < int32(len(writers)) {
		runtime.Gosched()
	}
	sh.turn.Unlock()
	for range writers {
		<-done
	}
	sh.turn.Lock()
	defer sh.turn.Unlock()
	sh.check = check
	return told, commits
}

// keeps is a writer that keeps a key by a name, and then does something.
func keeps(ctx context.Context, s *Store, name string, then func(tx *gorm.DB) error) func() error {
	return func() error {
		return s.transact(ctx, func(tx *gorm.DB) error {
			if _, err := execute(tx, "INSERT INTO keys (name, value) VALUES ($1, $2)", name, []byte("x")); err != nil {
				return err
			}
			return then(tx)
		})
	}
}

func nothing(*gorm.DB) error { return nil }

func kept(t *testing.T, s *Store) (names []string) {
	t.Helper()
	err := each(s.read, "SELECT name FROM keys WHERE name <> 'holders' ORDER BY name", nil, func(scan func(...any) error) error {
		names = append(names, "")
		return scan(&names[len(names)-1])
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}

func TestWritersShareCommits(t *testing.T) {
	s, _, _ := openSQLite(t)
	ctx := context.Background()
	var writers []func() error
	for i := range 20 {
		writers = append(writers, keeps(ctx, s, fmt.Sprint(i), nothing))
	}
	told, commits := crowdAt(s, writers...)
	if err := errors.Join(told...); err != nil || commits != 1 || len(kept(t, s)) != 20 {
		t.Errorf("%d commits, %d kept: %v", commits, len(kept(t, s)), err)
	}
	writers = nil
	for i := range 2*mostMembers + 2 {
		writers = append(writers, keeps(ctx, s, fmt.Sprint("more ", i), nothing))
	}
	told, commits = crowdAt(s, writers...)
	if err := errors.Join(told...); err != nil || commits < 3 {
		t.Errorf("%d commits: %v", commits, err)
	}
}

// Who fails, leaves or panics takes back what is his and nothing else.
func TestWritersFailAlone(t *testing.T) {
	s, _, _ := openSQLite(t)
	ctx := context.Background()
	leaving, leave := context.WithCancel(ctx)
	left, leftBefore := context.WithCancel(ctx)
	leftBefore()
	wrong := errors.New("wrong")
	panics := func() (err error) {
		defer func() { err = recover().(error) }()
		return keeps(ctx, s, "panics", func(*gorm.DB) error { panic(wrong) })()
	}
	told, _ := crowdAt(s,
		keeps(ctx, s, "first", nothing),
		keeps(ctx, s, "fails", func(*gorm.DB) error { return wrong }),
		keeps(ctx, s, "again", func(tx *gorm.DB) error { _, err := execute(tx, "INSERT INTO keys (name) VALUES (NULL)"); return err }),
		panics,
		keeps(leaving, s, "leaves", func(*gorm.DB) error { leave(); return nil }),
		keeps(left, s, "left", nothing),
		keeps(ctx, s, "last", nothing))
	if want := []string{"first", "last", "leaves"}; !slices.Equal(kept(t, s), want) {
		t.Errorf("kept %q, want %q", kept(t, s), want)
	}
	for i, want := range []bool{true, false, false, false, true, false, true} {
		if (told[i] == nil) != want {
			t.Errorf("writer %d was told %v", i, told[i])
		}
	}
	if told[1] != wrong || told[3] != wrong || !errors.Is(told[5], ErrUnavailable) || !errors.Is(told[5], context.Canceled) {
		t.Errorf("told %v", told)
	}
}

// Nobody writes more than twice, however many fail: who writes once more shares a
// commit with nobody who could take it back.
func TestWritersFailOnce(t *testing.T) {
	s, _, _ := openSQLite(t)
	ctx := context.Background()
	wrong := errors.New("wrong")
	written := make([]atomic.Int32, 40)
	var writers []func() error
	for i := range written {
		writers = append(writers, keeps(ctx, s, fmt.Sprint(i), func(*gorm.DB) error {
			if written[i].Add(1); i%4 > 0 {
				return wrong
			}
			return nil
		}))
	}
	told, _ := crowdAt(s, writers...)
	for i, err := range told {
		if want := map[bool]error{true: wrong}[i%4 > 0]; err != want || written[i].Load() > 2 {
			t.Errorf("writer %d wrote %d times and was told %v", i, written[i].Load(), err)
		}
	}
	if n := len(kept(t, s)); n != len(written)/4 {
		t.Errorf("%d kept", n)
	}
}

// What the database takes back, or does not bring to the disk, was nobody's.
func TestSharedCommitFails(t *testing.T) {
	s, _, _ := openSQLite(t)
	ctx := context.Background()
	takesAllBack := func(tx *gorm.DB) error { // as SQLite does when the disk is full
		_, err := execute(tx, "ROLLBACK")
		return errors.Join(ErrUnavailable, err)
	}
	told, _ := crowdAt(s, keeps(ctx, s, "one", nothing), keeps(ctx, s, "two", takesAllBack), keeps(ctx, s, "three", nothing))
	for i, err := range told {
		if name := []string{"one", "two", "three"}[i]; (err == nil) != slices.Contains(kept(t, s), name) || err != nil && !errors.Is(err, ErrUnavailable) {
			t.Errorf("%s was told %v; kept %q", name, err, kept(t, s))
		}
	}
	if told[1] == nil {
		t.Error("who lost everything was told nothing")
	}

	sh := s.database.(*sqliteFile).shared
	sh.check = func() error { return ErrUnavailable }
	told, _ = crowdAt(s, keeps(ctx, s, "four", nothing), keeps(ctx, s, "five", nothing))
	if !errors.Is(told[0], ErrUnavailable) || !errors.Is(told[1], ErrUnavailable) || slices.Contains(kept(t, s), "four") {
		t.Errorf("told %v, kept %q", told, kept(t, s))
	}
	sh.check = func() error { return nil }
	if err := keeps(ctx, s, "six", nothing)(); err != nil || !slices.Contains(kept(t, s), "six") {
		t.Errorf("afterwards: %v, kept %q", err, kept(t, s))
	}
}
