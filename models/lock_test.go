package models

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// One process at a time has an SQLite file, by whatever name. The lock writes nothing to it, and keeps nobody from
// reading it or copying it.
func TestLockOfAFile(t *testing.T) {
	dir := t.TempDir()
	file, link := filepath.Join(dir, "warung.db"), filepath.Join(dir, "link.db")
	unlock, err := Lock("sqlite:" + file)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(file); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the lock has made the database: %v", err)
	}
	refused := func(name string) {
		t.Helper()
		_, err := Lock("sqlite:" + name)
		if err == nil || !strings.HasPrefix(err.Error(), "DATABASE_URL sqlite:"+name+": another shop is running") || strings.Contains(err.Error(), "\n") {
			t.Errorf("a second lock: %v", err)
		}
	}
	refused(file)
	s, _ := openAt(t, "sqlite:"+file)
	place(t, s, "MNM-TEH", 1)
	if err := os.Symlink(file, link); err != nil {
		t.Fatal(err)
	}
	refused(link)
	if err := Backup(context.Background(), "sqlite:"+file, filepath.Join(dir, "copy.db")); err != nil {
		t.Errorf("backup: %v", err)
	}
	run(t, raw(t, file), "UPDATE products SET stock = 7 WHERE sku = 'MNM-TEH'")
	if err := unlock(); err != nil {
		t.Fatal(err)
	}
	unlock, err = Lock("sqlite:" + link)
	if err != nil {
		t.Fatalf("after the end of the first: %v", err)
	}
	refused(file)
	if err := unlock(); err != nil {
		t.Error(err)
	}
	if _, err := Lock("sqlite:/no/such/folder/warung.db"); err == nil || !strings.HasPrefix(err.Error(), "DATABASE_URL sqlite:/no/such/folder/warung.db: ") {
		t.Errorf("no such folder: %v", err)
	}
}

// A name that SQLite reads otherwise than the file system does, a file with two names and a link to nothing are
// refused in one sentence, each before anything is made.
func TestLockOfAnUnclearName(t *testing.T) {
	dir := t.TempDir()
	file, hard, nothing := filepath.Join(dir, "warung.db"), filepath.Join(dir, "hard.db"), filepath.Join(dir, "nothing.db")
	openAt(t, "sqlite:"+file)
	if err := errors.Join(os.Link(file, hard), os.Symlink(filepath.Join(dir, "missing.db"), nothing)); err != nil {
		t.Fatal(err)
	}
	before, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		filepath.Join(dir, "warung%2edb"):       "SQLite reads",
		filepath.Join(dir, "warung.db?x=y"):     "SQLite reads",
		filepath.Join(dir, "warung.db?mode=ro"): "SQLite reads",
		filepath.Join(dir, "warung.db#x"):       "SQLite reads",
		file:                                    "2 names",
		hard:                                    "2 names",
		nothing:                                 "a link to a file that is not there",
		filepath.Join(dir, ".", "sub%2f..", "w.d"): "SQLite reads",
	} {
		_, err := Lock("sqlite:" + name)
		if err == nil || !strings.HasPrefix(err.Error(), "DATABASE_URL sqlite:"+name+": ") || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v, want %q", name, err, want)
		}
	}
	if err := Backup(context.Background(), "sqlite:"+file, filepath.Join(dir, "copy.db?x=y")); err == nil || !strings.Contains(err.Error(), "SQLite reads") {
		t.Errorf("backup: %v", err)
	}
	if after, err := os.ReadDir(dir); err != nil || len(after) != len(before) {
		t.Errorf("%d files, were %d, %v", len(after), len(before), err)
	}
	if err := os.Remove(hard); err != nil {
		t.Fatal(err)
	}
	unlock, err := Lock("sqlite:" + file)
	if err != nil {
		t.Fatalf("with one name again: %v", err)
	}
	if err := unlock(); err != nil {
		t.Error(err)
	}
}

// A shop whose lock file was removed or replaced writes nothing any more: another may have the file.
func TestTheLockFileIsGone(t *testing.T) {
	for name, spoil := range map[string]func(lock string) error{
		"removed":  os.Remove,
		"replaced": func(lock string) error { return errors.Join(os.Remove(lock), os.WriteFile(lock, nil, 0o600)) },
	} {
		t.Run(name, func(t *testing.T) {
			url := "sqlite:" + filepath.Join(t.TempDir(), "warung.db")
			unlock, err := Lock(url)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = unlock() }()
			first, _ := openAt(t, url)
			place(t, first, "MNM-TEH", 1)
			if err := spoil(strings.TrimPrefix(url, "sqlite:") + ".lock"); err != nil {
				t.Fatal(err)
			}
			again, err := Lock(url)
			if err != nil {
				t.Fatalf("another shop: %v", err)
			}
			defer func() { _ = again() }()
			second, _ := openAt(t, url)
			if err := first.TryWriting(context.Background()); !errors.Is(err, ErrUnavailable) || !strings.Contains(err.Error(), "lock") {
				t.Errorf("the first shop goes on writing: %v", err)
			}
			if err := first.Ping(context.Background()); !errors.Is(err, ErrUnavailable) {
				t.Errorf("the first shop says that it is well: %v", err)
			}
			if err := second.TryWriting(context.Background()); err != nil {
				t.Errorf("the second shop: %v", err)
			}
		})
	}
}

// Several processes may work on a PostgreSQL database.
func TestLockOfAServer(t *testing.T) {
	for range 2 {
		unlock, err := Lock("postgres://shop@127.0.0.1/warung") // which nobody need connect to
		if err != nil {
			t.Fatal(err)
		}
		defer func() {
			if err := unlock(); err != nil {
				t.Error(err)
			}
		}()
	}
}
