package db

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// Backup writes the copy under a temporary name first, so that the file is complete and checked, or does not exist.
func (s *SQLite) Backup(ctx context.Context, file string) error {
	if err := checkName(file); err != nil {
		return fmt.Errorf("back up to %s: %w", file, err)
	}
	if _, err := os.Lstat(file); err == nil {
		return fmt.Errorf("back up: %s exists already", file)
	}
	partial := file + ".partial"
	if err := os.Remove(partial); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("back up: %w", err)
	}
	if err := createPrivate(partial); err != nil { // SQLite writes into an empty file
		return fmt.Errorf("back up: %w", err)
	}
	if err := copyDatabase(ctx, s.file, partial); err != nil {
		_ = os.Remove(partial) // the first error matters
		return fmt.Errorf("back up %s: %w", s, err)
	}
	if err := os.Rename(partial, file); err != nil {
		return fmt.Errorf("back up: %w", err)
	}
	return syncFile(filepath.Dir(file))
}

func copyDatabase(ctx context.Context, from, to string) error {
	source := sql.OpenDB(connector{dsn: "file:" + filepath.Clean(from) + "?mode=rw&_busy_timeout=10000"})
	defer source.Close()
	if _, err := source.ExecContext(ctx, "VACUUM INTO ?", to); err != nil {
		return err
	}
	if err := checkIntegrity(ctx, to); err != nil {
		return err
	}
	return syncFile(to)
}

func checkIntegrity(ctx context.Context, file string) error {
	copied := sql.OpenDB(connector{dsn: "file:" + filepath.Clean(file) + "?mode=ro"})
	defer copied.Close()
	var result string
	if err := copied.QueryRowContext(ctx, "PRAGMA integrity_check").Scan(&result); err != nil {
		return err
	}
	if result != "ok" {
		return fmt.Errorf("the copy is not sound: %s", result)
	}
	return nil
}

// syncFile flushes a file, or the entries of a directory, to the disk.
func syncFile(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}
