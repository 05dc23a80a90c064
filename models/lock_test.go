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
