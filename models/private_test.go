package models

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// Database, log, lock and backup are their owner's alone, new or old: those that others could read are taken from them.
// (What the umask is does not matter is shown by TestFilesArePrivate.)
func TestDatabaseFilesArePrivate(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "warung.db")
	private := func(when string, names ...string) {
		t.Helper()
		for _, name := range names {
			if info, err := os.Stat(filepath.Join(dir, name)); err != nil || info.Mode().Perm() != 0o600 {
				t.Errorf("%s: %s is %v, %v", when, name, info, err)
			}
		}
	}
	for _, when := range []string{"new", "again", "after others could read it"} {
		unlock, err := Lock("sqlite:" + file)
		if err != nil {
			t.Fatal(err)
		}
		s, err := Open(context.Background(), "sqlite:"+file, time.Now, slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		private(when, "warung.db", "warung.db-wal", "warung.db-shm", "warung.db.lock")
		if err := Backup(context.Background(), "sqlite:"+file, filepath.Join(dir, when+".copy")); err != nil {
			t.Fatal(err)
		}
		private(when, when+".copy")
		if err := errors.Join(s.Close(), unlock()); err != nil {
			t.Fatal(err)
		}
		for _, end := range []string{"", "-wal", "-shm", ".lock"} {
			if err := os.Chmod(file+end, 0o644); err != nil && !errors.Is(err, fs.ErrNotExist) {
				t.Fatal(err)
			}
		}
	}
}
