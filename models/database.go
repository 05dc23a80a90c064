package models

import (
	"context"
	"database/sql"
	"errors"
	"log/slog"
	"strings"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/logger"
)

// database is what SQLite and PostgreSQL each do in a way of their own: how to
// get at them, what keeps two programs from migrating at once, how shops tell
// each other of changes, how a copy is made. All else is one and the same code.
type database interface {
	// connect opens what is written through, and what is read through. They
	// may be one.
	connect(settings gorm.Config, log *slog.Logger) (write, read *gorm.DB, err error)

	// transact runs f in one transaction: what it has written when that returns
	// nil is on the disk and will be found there. once does the same for an f of
	// one statement.
	transact(ctx context.Context, db *gorm.DB, f func(tx *gorm.DB) error) error
	once(ctx context.Context, db *gorm.DB, f func(tx *gorm.DB) error) error

	// alone runs f on one connection while no other shop does the same.
	alone(db *gorm.DB, f func(*gorm.DB) error) error

	// lock keeps every other process from the database, until unlock or the end of
	// this process, where only one may work on it. It writes nothing to it.
	lock() (unlock func() error, err error)

	// unused runs f if no shop is at work on the database, and keeps none from
	// starting: whoever calls it has the lock.
	unused(db *gorm.DB, f func() error) error

	// inPlace says why what is written now would not be found again, if so.
	inPlace() error

	// tell tells all shops on this database that an order has changed; watch
	// hears of it until ctx ends.
	tell(ctx context.Context, db *gorm.DB, token string) error
	watch(ctx context.Context, heard func(token string))

	// scrub removes from the files of the database what was deleted from the tables or overwritten in them.
	scrub(ctx context.Context, db *gorm.DB, tables []string) error

	// pools are the pools of connections by what they are for.
	pools(write, read *gorm.DB) map[string]func() sql.DBStats

	backup(ctx context.Context, file string) error
}

// dialect is what plain SQL needs to know of a database.
type dialect interface {
	gorm.ErrorTranslator

	// takes is a value as the database takes it.
	takes(value any) any

	// insert runs an INSERT of one row and returns the ID that was given to it, 0
	// where the statement says that a row there already is to stay.
	insert(tx *gorm.DB, statement string, values []any) (id int64, err error)

	// locking ends a query whose rows are kept for this transaction alone, with
	// room for rows that only refer to them.
	locking() string

	// lockText keeps other transactions that lock the same text waiting for this one.
	lockText(tx *gorm.DB, text string) error
}

func dialectOf(db *gorm.DB) dialect { return db.Dialector.(dialect) }

// databaseAt is the one place that asks which database the shop runs on.
func databaseAt(databaseURL string) (database, error) {
	scheme, rest, _ := strings.Cut(databaseURL, ":")
	switch {
	case scheme == "sqlite" && rest != "":
		return &sqliteFile{file: rest}, nil
	case scheme == "postgres" || scheme == "postgresql":
		return newPostgres(databaseURL)
	}
	return nil, errors.New("DATABASE_URL must be sqlite: and a file name, such as sqlite:warung.db, or postgres://user:password@host/database")
}

// gormSettings hold for both.
func gormSettings(now func() time.Time, log *slog.Logger) gorm.Config {
	return gorm.Config{
		NowFunc:                now,
		TranslateError:         true,
		SkipDefaultTransaction: true, // a single statement is atomic by itself
		// Columns are named: one that a newer shop adds to a table does not
		// change what the statements of this one return.
		QueryFields: true,
		Logger:      logger.NewSlogLogger(log, logger.Config{LogLevel: logger.Error, IgnoreRecordNotFoundError: true, ParameterizedQueries: true}),
	}
}

// errAgain is part of an ErrUnavailable that the same transaction, begun anew,
// need not meet again.
var errAgain = errors.New("it was in another's way")

// statistics are those of a pool of connections.
func statistics(db *gorm.DB) sql.DBStats {
	pool, err := db.DB()
	if err != nil {
		return sql.DBStats{} // there is a pool since Open
	}
	return pool.Stats()
}
