// Package models is what the shop knows and where it is kept: products, orders,
// payments, receipts, and the record of everything that was said to and by the
// gateway. It knows SQL and the rules of an order's life; it knows neither HTTP
// nor the gateway.
//
// Money is whole rupiah in int64. Times are UTC. Every change of a status is one
// guarded UPDATE, and the rows it affects say who won.
package models

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"strings"
	"time"

	"gorm.io/driver/sqlite"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"
	"gorm.io/gorm/logger"
)

// ErrNotFound: there is no such thing.
var ErrNotFound = errors.New("not found")

// Store keeps everything in one database.
type Store struct {
	// SQLite takes one writer at a time and any number of readers beside it.
	// One connection for writing makes writers queue here, in order, instead of
	// racing for the file's lock until one of them gives up.
	write *gorm.DB
	read  *gorm.DB
	now   func() time.Time
}

// Open opens, creates and migrates the database at databaseURL, such as
// "sqlite:warung.db", and fills an empty catalogue. now is the shop's clock.
func Open(ctx context.Context, databaseURL string, now func() time.Time, log *slog.Logger) (*Store, error) {
	path, ok := strings.CutPrefix(databaseURL, "sqlite:")
	if !ok || path == "" {
		return nil, errors.New("DATABASE_URL must be sqlite: and a file name, such as sqlite:warung.db")
	}
	s := &Store{now: func() time.Time { return now().UTC().Truncate(time.Millisecond) }}
	var err error
	if s.write, err = s.connect(path, "rw", 1, log); err != nil {
		return nil, err
	}
	if s.read, err = s.connect(path, "ro", 4, log); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	if err := s.prepare(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("open %s: %w", databaseURL, err), s.Close())
	}
	return s, nil
}

// connect opens a pool on the SQLite file. The settings hold for each of its
// connections.
func (s *Store) connect(path, mode string, connections int, log *slog.Logger) (*gorm.DB, error) {
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
		"_busy_timeout": {"5000"},
		// Take the write lock at BEGIN. A transaction that starts by reading
		// could otherwise find, too late to wait, that it cannot write.
		"_txlock": {"immediate"},
	}
	if mode == "ro" {
		settings.Set("_query_only", "true")
		settings.Del("_txlock")
	}
	db, err := gorm.Open(sqlite.Open("file:"+path+"?"+settings.Encode()), &gorm.Config{
		NowFunc:                s.now,
		PrepareStmt:            true,
		TranslateError:         true,
		SkipDefaultTransaction: true, // a single statement is atomic by itself
		Logger:                 logger.NewSlogLogger(log, logger.Config{LogLevel: logger.Error, IgnoreRecordNotFoundError: true, ParameterizedQueries: true}),
	})
	if err != nil {
		return nil, fmt.Errorf("open database file %s: %w", path, err)
	}
	pool, err := db.DB()
	if err != nil {
		return nil, err
	}
	pool.SetMaxOpenConns(connections)
	pool.SetMaxIdleConns(connections)
	return db, nil
}

func (s *Store) prepare(ctx context.Context) error {
	if err := s.Ping(ctx); err != nil {
		return err
	}
	if err := migrate(s.write.WithContext(ctx)); err != nil {
		return err
	}
	return s.seed(ctx)
}

// Ping reports whether the database answers.
func (s *Store) Ping(ctx context.Context) error {
	return s.read.WithContext(ctx).Exec("SELECT 1").Error
}

// Close releases the database.
func (s *Store) Close() error {
	var errs []error
	for _, db := range []*gorm.DB{s.read, s.write} {
		if db == nil {
			continue
		}
		pool, err := db.DB()
		if err == nil {
			err = pool.Close()
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// transact runs f in one transaction of the writer.
func (s *Store) transact(ctx context.Context, f func(tx *gorm.DB) error) error {
	return s.write.WithContext(ctx).Transaction(f)
}

// first loads one row or says ErrNotFound.
func first[T any](query *gorm.DB) (T, error) {
	var row T
	err := query.Take(&row).Error
	if errors.Is(err, gorm.ErrRecordNotFound) {
		err = ErrNotFound
	}
	return row, err
}

// Key returns the shop's own random key of that name, 32 bytes made at the
// first call and the same for every copy of the shop on this database.
func (s *Store) Key(ctx context.Context, name string) ([]byte, error) {
	err := s.write.WithContext(ctx).Clauses(clause.OnConflict{DoNothing: true}).
		Create(&key{Name: name, Value: randomBytes(32)}).Error
	if err != nil {
		return nil, err
	}
	k, err := first[key](s.write.WithContext(ctx).Where("name = ?", name))
	return k.Value, err
}

type key struct {
	Name  string `gorm:"primaryKey"`
	Value []byte
}
