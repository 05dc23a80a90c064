package models

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/mattn/go-sqlite3"
	"gorm.io/driver/sqlite"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"
)

// sqliteFile takes the file's name out of a DATABASE_URL.
func sqliteFile(databaseURL string) (string, error) {
	path, ok := strings.CutPrefix(databaseURL, "sqlite:")
	if !ok || path == "" {
		return "", errors.New("DATABASE_URL must be sqlite: and a file name, such as sqlite:warung.db")
	}
	return path, nil
}

// What a pool of connections is for.
const (
	reading = "reading"
	writing = "writing"
)

// connect opens a pool on the SQLite file. The settings hold for each of its
// connections.
func (s *Store) connect(purpose string, connections int, log *slog.Logger) (*gorm.DB, error) {
	settings := url.Values{
		// Readers do not wait for the writer, nor the writer for readers.
		"_journal_mode": {"WAL"},
		// A commit is on the disk before it counts: a notification that was
		// answered 200 survives a power cut. NORMAL would lose the last ones.
		"_synchronous": {"FULL"},
		// SQLite checks references only when asked to.
		"_foreign_keys": {"on"},
		// Another process (a backup, a second shop) may hold the lock for a
		// moment: wait for it instead of failing at once.
		"_busy_timeout": {"2000"},
		// Take the write lock at BEGIN. A transaction that starts by reading
		// could otherwise find, too late to wait, that it cannot write.
		"_txlock": {"immediate"},
	}
	if purpose == reading {
		settings.Set("_query_only", "true")
		settings.Del("_txlock")
	}
	db, err := gorm.Open(dialector{&sqlite.Dialector{DSN: "file:" + s.file + "?" + settings.Encode()}}, &gorm.Config{
		NowFunc: s.now,
		// Not for the writer. Whoever first needs a statement waits for its one
		// connection, others wait for him holding the cache's lock, and the
		// transaction that has the connection waits for the lock: for ever.
		PrepareStmt:            purpose == reading,
		TranslateError:         true,
		SkipDefaultTransaction: true, // a single statement is atomic by itself
		Logger:                 logger.NewSlogLogger(log, logger.Config{LogLevel: logger.Error, IgnoreRecordNotFoundError: true, ParameterizedQueries: true}),
	})
	if err != nil {
		return nil, err
	}
	pool, err := db.DB()
	if err != nil {
		return nil, err
	}
	pool.SetMaxOpenConns(connections)
	pool.SetMaxIdleConns(connections)
	return db, learnSchema(db)
}

// dialector is GORM's SQLite with one thing more: it tells a database in trouble
// from a statement that is wrong.
type dialector struct{ *sqlite.Dialector }

// trouble is what SQLite says when the fault is not the statement's.
var trouble = []sqlite3.ErrNo{
	sqlite3.ErrBusy, sqlite3.ErrLocked, sqlite3.ErrFull, sqlite3.ErrIoErr, sqlite3.ErrCantOpen, sqlite3.ErrReadonly,
	sqlite3.ErrCorrupt, sqlite3.ErrNotADB, sqlite3.ErrNomem, sqlite3.ErrPerm, sqlite3.ErrProtocol, sqlite3.ErrInterrupt,
}

// Translate is asked about every error.
func (d dialector) Translate(err error) error {
	var failed sqlite3.Error
	if errors.Is(err, context.DeadlineExceeded) || errors.As(err, &failed) && slices.Contains(trouble, failed.Code) {
		return fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	return d.Dialector.Translate(err)
}

// remember notes which file was opened.
func (s *Store) remember() (err error) {
	s.opened, err = os.Stat(s.file)
	return err
}

// inPlace reports whether the file is still where it was. A file that was moved
// or deleted takes writes as before, and whoever starts the shop again will
// never see them.
func (s *Store) inPlace() error {
	now, err := os.Stat(s.file)
	if err != nil || !os.SameFile(now, s.opened) {
		return fmt.Errorf("%w: %s is not the file that was opened any more", ErrUnavailable, s.file)
	}
	return nil
}

// Backup writes a consistent copy of the database at databaseURL to a new file,
// while shops go on using it. The copy is whole and checked, or not there.
func Backup(ctx context.Context, databaseURL, file string) error {
	path, err := sqliteFile(databaseURL)
	if err != nil {
		return err
	}
	if _, err := os.Lstat(file); err == nil {
		return fmt.Errorf("back up: %s exists already", file)
	}
	partial := file + ".partial"
	if err := os.Remove(partial); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("back up: %w", err)
	}
	if err := copyDatabase(ctx, path, partial); err != nil {
		_ = os.Remove(partial) // the error that matters is the first
		return fmt.Errorf("back up %s: %w", databaseURL, err)
	}
	if err := os.Rename(partial, file); err != nil {
		return fmt.Errorf("back up: %w", err)
	}
	return syncFile(filepath.Dir(file))
}

func copyDatabase(ctx context.Context, from, to string) error {
	source, err := sql.Open("sqlite3", "file:"+from+"?mode=rw&_busy_timeout=10000")
	if err != nil {
		return err
	}
	defer source.Close()
	if _, err := source.ExecContext(ctx, "VACUUM INTO ?", to); err != nil {
		return err
	}
	if err := checkCopy(ctx, to); err != nil {
		return err
	}
	return syncFile(to)
}

func checkCopy(ctx context.Context, file string) error {
	copied, err := sql.Open("sqlite3", "file:"+file+"?mode=ro")
	if err != nil {
		return err
	}
	defer copied.Close()
	var verdict string
	if err := copied.QueryRowContext(ctx, "PRAGMA integrity_check").Scan(&verdict); err != nil {
		return err
	}
	if verdict != "ok" {
		return fmt.Errorf("the copy is not sound: %s", verdict)
	}
	return nil
}

// syncFile brings a file, or the names in a directory, to the disk.
func syncFile(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}
