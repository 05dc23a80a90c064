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
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/gofrs/flock"
	"github.com/mattn/go-sqlite3"
	"gorm.io/driver/sqlite"
	"gorm.io/gorm"
)

// sqliteFile is a database in one file. It is for one shop, which main sees to by
// Lock: only the one that changed an order could tell its pages of it.
type sqliteFile struct {
	file   string
	opened os.FileInfo // the file as it was opened, to know it again
	shared *shared

	mu    sync.Mutex
	heard []func(token string)
}

func (f *sqliteFile) String() string { return "sqlite:" + f.file }

// What a pool of connections is for.
const (
	reading = "reading"
	writing = "writing"
)

// connect opens two pools. SQLite takes one writer at a time and any number of
// readers beside it. One connection for writing makes writers queue here, in
// order, instead of racing for the file's lock until one of them gives up. As
// many as there are processors keep them busy with reading, and one more, or two,
// is for when a question takes long; no reader waits for the writer.
func (f *sqliteFile) connect(settings gorm.Config, log *slog.Logger) (write, read *gorm.DB, err error) {
	makePrivate(f.file, log)
	if write, err = f.pool(writing, 1, settings); err == nil {
		read, err = f.pool(reading, max(3, runtime.GOMAXPROCS(0)+1), settings)
	}
	if err == nil {
		f.opened, err = os.Stat(f.file)
	}
	f.shared = &shared{db: write, check: f.inPlace, longest: longestSharing}
	return write, read, err
}

func (f *sqliteFile) transact(ctx context.Context, _ *gorm.DB, do func(*gorm.DB) error) error {
	return f.shared.transact(ctx, do)
}

// once: a statement of its own would be a commit of its own.
func (f *sqliteFile) once(ctx context.Context, _ *gorm.DB, do func(*gorm.DB) error) error {
	return f.shared.transact(ctx, do)
}

// sqliteDriver is the driver with what no address can name for a connection.
const sqliteDriver = "sqlite3 with pragmas"

// What is needed to take one change of many back is held in memory, where SQLite
// would write a file of its own for every few changes. The log is brought into the
// database once it has 8,000 pages, 32 MB, where SQLite would do so after every ten
// commits of a busy shop: most of them are the same few pages again.
const pragmas = "PRAGMA temp_store = MEMORY; PRAGMA wal_autocheckpoint = 8000"

func init() {
	sql.Register(sqliteDriver, &sqlite3.SQLiteDriver{ConnectHook: func(c *sqlite3.SQLiteConn) error {
		_, err := c.Exec(pragmas, nil)
		return err
	}})
}

// pool opens connections to the SQLite file. The settings hold for each of them.
func (f *sqliteFile) pool(purpose string, connections int, config gorm.Config) (*gorm.DB, error) {
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
		// A connection is used by one goroutine at a time, database/sql sees to
		// that: SQLite need not.
		"_mutex": {"no"},
		// Each connection keeps the statements it has prepared, a few more than
		// there are. (Not GORM: whoever first needs a statement there waits for a
		// connection holding a lock that whoever has the connection needs.)
		"_stmt_cache_size": {"128"},
	}
	// What a commit of many changes keeps at hand, in KiB; readers have to read
	// again what was written since, so they keep little.
	settings.Set("_cache_size", "-2048")
	if purpose == reading {
		settings.Set("_cache_size", "-256")
		settings.Set("_query_only", "true")
		settings.Del("_txlock")
	}
	db, err := gorm.Open(dialector{&sqlite.Dialector{DriverName: sqliteDriver, DSN: "file:" + f.file + "?" + settings.Encode()}}, &config)
	if err != nil {
		return nil, err
	}
	pool, err := db.DB()
	if err != nil {
		return nil, err
	}
	pool.SetMaxOpenConns(connections)
	pool.SetMaxIdleConns(connections)
	return db, nil
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

// pools: who waits for his turn to write waits for the one connection.
func (f *sqliteFile) pools(write, read *gorm.DB) map[string]func() sql.DBStats {
	return map[string]func() sql.DBStats{
		reading: func() sql.DBStats { return statistics(read) },
		writing: func() sql.DBStats {
			stats := statistics(write)
			stats.WaitCount += f.shared.waits.Load()
			stats.WaitDuration += time.Duration(f.shared.waited.Load())
			return stats
		},
	}
}

func (dialector) takes(value any) any { return value }

// insert does without RETURNING, for which SQLite makes a table each time.
func (dialector) insert(tx *gorm.DB, statement string, values []any) (int64, error) {
	res, err := tx.Statement.ConnPool.ExecContext(tx.Statement.Context, statement, values...)
	if err != nil {
		return 0, translated(tx, err)
	}
	if n, err := res.RowsAffected(); err != nil || n == 0 {
		return 0, err
	}
	return res.LastInsertId()
}

// locking: with one writer at a time there is nothing to lock.
func (dialector) locking() string { return "" }

func (dialector) lockText(*gorm.DB, string) error { return nil }

// inPlace reports whether the file is still where it was. A file that was moved
// or deleted takes writes as before, and whoever starts the shop again will
// never see them.
func (f *sqliteFile) inPlace() error {
	now, err := os.Stat(f.file)
	if err != nil || !os.SameFile(now, f.opened) {
		return fmt.Errorf("%w: %s is not the file that was opened any more", ErrUnavailable, f.file)
	}
	return nil
}

// lock locks a file beside the database: locks on the database itself are SQLite's, and on some systems the end of one
// ends the other. The file stays behind, and means nothing by itself.
func (f *sqliteFile) lock() (unlock func() error, err error) {
	file := f.file
	if target, err := filepath.EvalSymlinks(file); err == nil {
		file = target // all names of a file lead to one lock
	}
	lock := flock.New(file+".lock", flock.SetPermissions(0o600))
	locked, err := lock.TryLock()
	if err == nil && !locked {
		err = errInUse
	}
	if err == nil {
		_ = tighten(file + ".lock") // which holds nothing
	}
	return lock.Unlock, err
}

// unused has nothing to look for: the lock is the shop's own.
func (f *sqliteFile) unused(_ *gorm.DB, do func() error) error { return do() }

// alone: each step of a migration takes the writer's lock, and finds out then
// whether another shop has taken it meanwhile.
func (f *sqliteFile) alone(db *gorm.DB, do func(*gorm.DB) error) error { return do(db) }

// tell tells the watchers of this shop; there is no way to reach another's.
func (f *sqliteFile) tell(_ context.Context, _ *gorm.DB, token string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, heard := range f.heard {
		heard(token)
	}
	return nil
}

func (f *sqliteFile) watch(ctx context.Context, heard func(token string)) {
	f.mu.Lock()
	f.heard = append(f.heard, heard)
	f.mu.Unlock()
	<-ctx.Done()
}

// scrub writes the database anew, and cuts its log. Writers wait meanwhile, readers do not. What it needs for sorting is
// in a file, for it is as large as the database.
func (f *sqliteFile) scrub(ctx context.Context, db *gorm.DB, _ []string) error {
	return f.shared.between(func() error {
		err := inOrder(with(ctx, db), "PRAGMA temp_store = FILE", "VACUUM")
		err = errors.Join(err, inOrder(with(context.WithoutCancel(ctx), db), pragmas))
		if err != nil {
			return err
		}
		var busy, pages, moved int
		err = one(with(ctx, db), "PRAGMA wal_checkpoint(TRUNCATE)", nil, &busy, &pages, &moved)
		if err == nil && busy != 0 {
			err = fmt.Errorf("%w: somebody is reading the log of %s", ErrUnavailable, f.file)
		}
		return err
	})
}

// backup writes the copy beside its name first: it is whole and checked, or not
// there.
func (f *sqliteFile) backup(ctx context.Context, file string) error {
	if _, err := os.Lstat(file); err == nil {
		return fmt.Errorf("back up: %s exists already", file)
	}
	partial := file + ".partial"
	if err := os.Remove(partial); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("back up: %w", err)
	}
	if err := createPrivate(partial); err != nil { // SQLite writes into a file that is empty
		return fmt.Errorf("back up: %w", err)
	}
	if err := copyDatabase(ctx, f.file, partial); err != nil {
		_ = os.Remove(partial) // the error that matters is the first
		return fmt.Errorf("back up %s: %w", f, err)
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
