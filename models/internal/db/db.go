// Package db opens the shop's database and holds everything in which SQLite and PostgreSQL differ: connections,
// file lock and backup, migration lock, notifications between shops, error translation, and group commit.
//
// What it returns is plain GORM: db.Transaction, Create, Where(...).Updates(...). Whoever writes a query does not need
// to know which database it runs on, nor that SQLite transactions share their commits.
package db

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/logger"
)

var (
	// ErrUnavailable: the database cannot do its work now, because it is locked, full, broken or gone. Nothing was
	// changed or, where the connection was lost during a commit, everything. The same call may be tried again.
	ErrUnavailable = errors.New("database unavailable")

	// ErrConflict is part of an ErrUnavailable after which the same transaction, begun anew, is likely to succeed:
	// a deadlock, or a row that somebody else has inserted meanwhile.
	ErrConflict = errors.New("conflict with another transaction")

	// ErrInUse: another shop is running on the database.
	ErrInUse = errors.New("another shop is running on this database; stop it first, and wait for its end")
)

// Database is one SQLite file or one PostgreSQL database.
type Database interface {
	// String names the database without its password.
	fmt.Stringer

	// Open opens the pool for writing and the pool for reading, which may be the same.
	Open(now func() time.Time, log *slog.Logger) (write, read *gorm.DB, err error)
	Close() error

	// Lock keeps other processes from the database where only one may work on it, until unlock or the end of this
	// process. It writes nothing to the database.
	Lock() (unlock func() error, err error)

	// WithMigrationLock runs f on one connection while no other shop does the same.
	WithMigrationLock(ctx context.Context, f func(*gorm.DB) error) error

	// WhileStopped runs f if no shop is running on the database. The caller holds Lock.
	WhileStopped(ctx context.Context, f func() error) error

	// CheckFile returns ErrUnavailable if what is written now would not be found after a restart.
	CheckFile() error

	// Publish tells every shop on this database that an order has changed. Subscribe calls receive for each such
	// order until ctx ends; an empty token means that messages may have been missed.
	Publish(ctx context.Context, token string) error
	Subscribe(ctx context.Context, receive func(token string))

	// Scrub removes deleted and overwritten values of some tables from the files of the database.
	Scrub(ctx context.Context, tables []string) error

	// Stats returns the statistics of each connection pool by its purpose.
	Stats() map[string]func() sql.DBStats

	// Backup writes a consistent copy to a new file.
	Backup(ctx context.Context, file string) error
}

// Parse returns the database that a DATABASE_URL names. It does not open it.
func Parse(databaseURL string) (Database, error) {
	scheme, rest, _ := strings.Cut(databaseURL, ":")
	switch {
	case scheme == "sqlite" && rest != "":
		if err := checkName(rest); err != nil {
			return nil, fmt.Errorf("DATABASE_URL sqlite:%s: %w", rest, err)
		}
		return &SQLite{file: rest}, nil
	case scheme == "postgres" || scheme == "postgresql":
		return parsePostgres(databaseURL)
	}
	return nil, errors.New("DATABASE_URL must be sqlite: and a file name, such as sqlite:warung.db, or postgres://user:password@host/database")
}

// AdvisoryLock makes other transactions that lock the same name wait until this one has ended. SQLite needs no lock:
// it runs one writing transaction at a time.
func AdvisoryLock(tx *gorm.DB, name string) error {
	if tx.Name() != "postgres" {
		return nil
	}
	return tx.Exec("SELECT pg_advisory_xact_lock(hashtext(?))", name).Error
}

// gormConfig holds for both databases.
func gormConfig(now func() time.Time, log *slog.Logger) *gorm.Config {
	return &gorm.Config{
		NowFunc:                now,
		TranslateError:         true,
		SkipDefaultTransaction: true, // a single statement is atomic by itself
		// Columns are named in every query: a column that a newer version adds does not change what it returns.
		QueryFields: true,
		Logger:      errorLogger{logger.NewSlogLogger(log, logger.Config{LogLevel: logger.Error})},
	}
}

// errorLogger logs statements that have failed, without their values. GORM's logger would format every statement. A
// statement that was cancelled has not failed: whoever asked for it has left.
type errorLogger struct{ logger.Interface }

func (l errorLogger) Trace(ctx context.Context, begin time.Time, f func() (string, int64), err error) {
	if err != nil && !errors.Is(err, gorm.ErrRecordNotFound) && !errors.Is(err, context.Canceled) {
		l.Interface.Trace(ctx, begin, f, err)
	}
}

// ParamsFilter leaves the values out: they may be a customer's.
func (errorLogger) ParamsFilter(_ context.Context, query string, _ ...any) (string, []any) {
	return query, nil
}

// poolStats returns the statistics of a pool of connections.
func poolStats(db *gorm.DB) sql.DBStats {
	pool, err := db.DB()
	if err != nil {
		return sql.DBStats{} // not opened
	}
	return pool.Stats()
}

// closePool closes the pool of a database that may not have been opened.
func closePool(db *gorm.DB) error {
	if db == nil {
		return nil
	}
	pool, err := db.DB()
	if err != nil {
		return err
	}
	return pool.Close()
}
