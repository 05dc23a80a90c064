package models

import (
	"context"
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

	// alone runs f on one connection while no other shop does the same.
	alone(db *gorm.DB, f func(*gorm.DB) error) error

	// inPlace says why what is written now would not be found again, if so.
	inPlace() error

	// tell tells all shops on this database that an order has changed; watch
	// hears of it until ctx ends.
	tell(ctx context.Context, db *gorm.DB, token string) error
	watch(ctx context.Context, heard func(token string))

	backup(ctx context.Context, file string) error
}

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
