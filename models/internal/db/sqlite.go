package db

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/gofrs/flock"
	"github.com/mattn/go-sqlite3"
	"gorm.io/driver/sqlite"
	"gorm.io/gorm"
	"gorm.io/gorm/callbacks"
	"gorm.io/gorm/clause"
)

// SQLite is a database in one file, for one shop: there is no way to tell another process that an order has changed.
type SQLite struct {
	file        string
	opened      os.FileInfo // of the file at Open, to recognise it
	lockName    string
	locked      os.FileInfo // of the lock file at Open, to recognise it; nil: there was none
	write, read *gorm.DB
	commits     *groupCommit

	mu          sync.Mutex
	subscribers []func(token string)
}

// Purposes of connection pools.
const (
	reading = "reading"
	writing = "writing"
)

func (s *SQLite) String() string { return "sqlite:" + s.file }

// Open opens two pools. One connection for writing makes writers queue here, in order, instead of competing for the
// lock of the file. Readers never wait for the writer; as many connections as processors, and one or two more for
// slow queries, keep the machine busy.
func (s *SQLite) Open(now func() time.Time, log *slog.Logger) (write, read *gorm.DB, err error) {
	s.lockName = s.lockFile()
	s.locked, _ = os.Stat(s.lockName) // programs that take no lock may find none
	makePrivate(s.file, log)
	s.commits = &groupCommit{pool: s.pool(writing, 1), checkFile: s.CheckFile, maxAge: maxBatchAge}
	config := gormConfig(now, log)
	config.DisableAutomaticPing = true // opening reads the version
	if s.opened, err = s.stat(); err != nil {
		return nil, nil, errors.Join(err, s.commits.pool.Close())
	}
	if s.write, err = gorm.Open(sqliteDialector{&sqlite.Dialector{Conn: s.commits}}, config); err != nil {
		return nil, nil, errors.Join(err, s.commits.pool.Close())
	}
	readers := s.pool(reading, max(3, runtime.GOMAXPROCS(0)+1))
	if s.read, err = gorm.Open(sqliteDialector{&sqlite.Dialector{Conn: readers}}, gormConfig(now, log)); err != nil {
		return nil, nil, errors.Join(err, s.Close(), readers.Close())
	}
	return s.write, s.read, nil
}

// stat connects once, which creates the file or says why it cannot be opened.
func (s *SQLite) stat() (os.FileInfo, error) {
	if err := s.commits.pool.Ping(); err != nil {
		return nil, err
	}
	return os.Stat(s.file)
}

// Close releases the database. It may be called after a failed Open.
func (s *SQLite) Close() error { return errors.Join(closePool(s.read), closePool(s.write)) }

// connector opens connections without a driver registered by name.
type connector struct{ dsn string }

// pragmas are the settings of a connection that its address cannot carry. The journal that takes single changes back
// is held in memory. The write-ahead log is copied into the database at 8,000 pages (32 MB) instead of 1,000: a busy
// shop reaches 1,000 every ten commits, mostly with the same pages.
const pragmas = "PRAGMA temp_store = MEMORY; PRAGMA wal_autocheckpoint = 8000"

func (c connector) Driver() driver.Driver {
	return &sqlite3.SQLiteDriver{ConnectHook: func(conn *sqlite3.SQLiteConn) error {
		_, err := conn.Exec(pragmas, nil)
		return err
	}}
}

func (c connector) Connect(context.Context) (driver.Conn, error) { return c.Driver().Open(c.dsn) }

// pool opens connections to the file.
func (s *SQLite) pool(purpose string, connections int) *sql.DB {
	settings := url.Values{
		// Readers do not wait for the writer, nor the writer for readers.
		"_journal_mode": {"WAL"},
		// A commit is on the disk before it counts: a notification that was answered 200 survives a power cut. NORMAL
		// would lose the last ones.
		"_synchronous": {"FULL"},
		// SQLite checks foreign keys only when asked to.
		"_foreign_keys": {"on"},
		// Another process, such as a backup, may hold the lock for a moment (milliseconds).
		"_busy_timeout": {"2000"},
		// database/sql uses a connection from one goroutine at a time.
		"_mutex": {"no"},
		// Prepared statements kept by each connection, a few more than the shop has. GORM's PrepareStmt would deadlock:
		// it prepares while holding a lock that the owner of the one connection may need.
		"_stmt_cache_size": {"128"},
		// KiB: enough for one large commit. Readers must read again what was written, so they keep little.
		"_cache_size": {"-2048"},
	}
	if purpose == reading {
		settings.Set("_cache_size", "-256")
		settings.Set("_query_only", "true")
	}
	pool := sql.OpenDB(connector{dsn: "file:" + filepath.Clean(s.file) + "?" + settings.Encode()})
	pool.SetMaxOpenConns(connections)
	pool.SetMaxIdleConns(connections)
	return pool
}

// sqliteDialector is GORM's SQLite with its own error translation and INSERT without RETURNING.
type sqliteDialector struct{ *sqlite.Dialector }

// Initialize lets new rows get their IDs from LastInsertId: for RETURNING, SQLite builds a table at every INSERT.
func (d sqliteDialector) Initialize(db *gorm.DB) error {
	if err := d.Dialector.Initialize(db); err != nil {
		return err
	}
	create := callbacks.Create(&callbacks.Config{LastInsertIDReversed: true})
	return errors.Join(db.Callback().Create().Replace("gorm:create", create), registerInsert(db, false))
}

// BindVarTo writes +? instead of ?. The + changes no value; it keeps SQLite from looking at the value when it plans a
// query, and thus from planning the query anew for every other value: that costs five times as much as running it.
func (d sqliteDialector) BindVarTo(w clause.Writer, _ *gorm.Statement, _ any) {
	_, _ = w.WriteString("+?") // to a buffer
}

// unavailableCodes are the SQLite errors that are not the fault of the statement.
func unavailableCodes() []sqlite3.ErrNo {
	return []sqlite3.ErrNo{
		sqlite3.ErrBusy, sqlite3.ErrLocked, sqlite3.ErrFull, sqlite3.ErrIoErr, sqlite3.ErrCantOpen, sqlite3.ErrReadonly,
		sqlite3.ErrCorrupt, sqlite3.ErrNotADB, sqlite3.ErrNomem, sqlite3.ErrPerm, sqlite3.ErrProtocol, sqlite3.ErrInterrupt,
	}
}

// Translate is called by GORM for every error.
func (d sqliteDialector) Translate(err error) error {
	var failed sqlite3.Error
	switch {
	case errors.Is(err, ErrUnavailable):
		return err
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &failed) && slices.Contains(unavailableCodes(), failed.Code):
		return fmt.Errorf("%w: %w", ErrUnavailable, err)
	case failed.Code == 0: // not SQLite's
		return err
	}
	return d.Dialector.Translate(failed)
}

// Stats counts waiting for a turn to write as waiting for the one connection.
func (s *SQLite) Stats() map[string]func() sql.DBStats {
	return map[string]func() sql.DBStats{
		reading: func() sql.DBStats { return poolStats(s.read) },
		writing: func() sql.DBStats {
			stats := poolStats(s.write)
			stats.WaitCount += s.commits.waits.Load()
			stats.WaitDuration += time.Duration(s.commits.waited.Load())
			return stats
		},
	}
}

// CheckFile reports whether the file, and the lock on it, are still where they were. A file that was moved or deleted
// takes writes as before, and a shop that is started again will not find them. Without its lock file another shop may
// have the database by now.
func (s *SQLite) CheckFile() error {
	if !isFile(s.file, s.opened) {
		return fmt.Errorf("%w: %s is not the file that was opened any more", ErrUnavailable, s.file)
	}
	if s.locked != nil && !isFile(s.lockName, s.locked) {
		return fmt.Errorf("%w: the lock file %s was removed or replaced, and another shop may have the database; stop this one",
			ErrUnavailable, s.lockName)
	}
	return nil
}

func isFile(name string, known os.FileInfo) bool {
	now, err := os.Stat(name)
	return err == nil && os.SameFile(now, known)
}

// checkName refuses a name that means another file to SQLite, which reads it as a URI, than to the file system.
func checkName(file string) error {
	if strings.ContainsAny(file, "%?#\x00") {
		return errors.New("SQLite reads a file name with %, ? or # in it as another one; choose a name without them")
	}
	return nil
}

// lockFile is the name of the lock file. All names of a database lead to one, but for hard links, which Lock refuses.
func (s *SQLite) lockFile() string {
	if target, err := filepath.EvalSymlinks(s.file); err == nil {
		return target + ".lock"
	}
	return s.file + ".lock"
}

// checkLinks refuses a file that other processes can lock by another name.
func (s *SQLite) checkLinks() error {
	info, err := os.Stat(s.file)
	if err == nil {
		if n := links(info); n > 1 {
			return fmt.Errorf("the file has %d names (hard links), and a shop could be running on each; remove all but one", n)
		}
		return nil
	}
	if _, linked := os.Readlink(s.file); linked == nil {
		return errors.New("the name is a link to a file that is not there; give the file itself, or make it first")
	}
	return nil // it is made at Open, or that says why not
}

// Lock locks a file beside the database. Locks on the database itself belong to SQLite, and closing a file ends all
// locks of a process on it. The lock file stays behind and means nothing once the process has ended. Until then it
// must not be removed: see CheckFile.
func (s *SQLite) Lock() (unlock func() error, err error) {
	if err := s.checkLinks(); err != nil {
		return nil, err
	}
	file := s.lockFile()
	lock := flock.New(file, flock.SetPermissions(0o600))
	locked, err := lock.TryLock()
	if err == nil && !locked {
		err = ErrInUse
	}
	if err == nil {
		_ = removeOthersAccess(file) // it holds nothing
	}
	return lock.Unlock, err
}

// WhileStopped has nothing to check: the caller's Lock keeps other shops out.
func (s *SQLite) WhileStopped(_ context.Context, f func() error) error { return f() }

// WithMigrationLock takes no lock: each step of a migration is a transaction, and checks whether it was done already.
func (s *SQLite) WithMigrationLock(ctx context.Context, f func(*gorm.DB) error) error {
	return f(s.write.WithContext(ctx))
}

// Publish calls the subscribers of this process.
func (s *SQLite) Publish(_ context.Context, token string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, receive := range s.subscribers {
		receive(token)
	}
	return nil
}

// Subscribe lasts until ctx ends.
func (s *SQLite) Subscribe(ctx context.Context, receive func(token string)) {
	s.mu.Lock()
	s.subscribers = append(s.subscribers, receive)
	s.mu.Unlock()
	<-ctx.Done()
}

// Scrub rebuilds the database and truncates its log. Writers wait meanwhile, readers do not. VACUUM sorts in a file,
// which gets as large as the database.
func (s *SQLite) Scrub(ctx context.Context, _ []string) error {
	return s.commits.between(func(pool *sql.DB) error {
		_, err := pool.ExecContext(ctx, "PRAGMA temp_store = FILE; VACUUM")
		_, restored := pool.ExecContext(context.WithoutCancel(ctx), pragmas)
		if err = errors.Join(err, restored); err != nil {
			return s.write.Dialector.(sqliteDialector).Translate(err)
		}
		var busy, pages, moved int
		err = pool.QueryRowContext(ctx, "PRAGMA wal_checkpoint(TRUNCATE)").Scan(&busy, &pages, &moved)
		if err == nil && busy != 0 {
			err = fmt.Errorf("%w: somebody is reading the log of %s", ErrUnavailable, s.file)
		}
		return err
	})
}
