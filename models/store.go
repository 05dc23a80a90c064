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
	"os"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

// ErrNotFound: there is no such thing.
var ErrNotFound = errors.New("not found")

// ErrUnavailable: the database cannot do its work now, because it is locked,
// full, broken or gone. Nothing was changed; the same may succeed later.
var ErrUnavailable = errors.New("database unavailable")

// Store keeps everything in one database.
type Store struct {
	// SQLite takes one writer at a time and any number of readers beside it.
	// One connection for writing makes writers queue here, in order, instead of
	// racing for the file's lock until one of them gives up.
	write *gorm.DB
	read  *gorm.DB
	now   func() time.Time

	file   string      // of the database
	opened os.FileInfo // the file as it was opened, to know it again
}

// Open opens, creates and migrates the database at databaseURL, such as
// "sqlite:warung.db", and fills an empty catalogue. now is the shop's clock.
func Open(ctx context.Context, databaseURL string, now func() time.Time, log *slog.Logger) (*Store, error) {
	path, err := sqliteFile(databaseURL)
	if err != nil {
		return nil, err
	}
	s := &Store{file: path, now: func() time.Time { return now().UTC().Truncate(time.Millisecond) }}
	if s.write, err = s.connect(writing, 1, log); err == nil {
		s.read, err = s.connect(reading, 4, log)
	}
	if err == nil {
		err = s.prepare(ctx)
	}
	if err != nil {
		_ = s.Close() // nothing was written that could be lost
		return nil, fmt.Errorf("open %s: %w", databaseURL, err)
	}
	return s, nil
}

func (s *Store) prepare(ctx context.Context) error {
	if err := migrate(s.write.WithContext(ctx)); err != nil {
		return err
	}
	if err := s.remember(); err != nil {
		return err
	}
	return s.seed(ctx)
}

// Ping reports whether the database answers and is where it was.
func (s *Store) Ping(ctx context.Context) error {
	if err := s.inPlace(); err != nil {
		return err
	}
	var one int // read to its end: a statement left open would keep its connection from recovering
	return s.read.WithContext(ctx).Raw("SELECT 1").Scan(&one).Error
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

// transact runs f in one transaction of the writer. What it has kept when it
// returns nil is on the disk, in the file that will be opened next time.
func (s *Store) transact(ctx context.Context, f func(tx *gorm.DB) error) error {
	return s.write.WithContext(ctx).Transaction(func(tx *gorm.DB) error {
		if err := f(tx); err != nil {
			return err
		}
		return s.inPlace()
	})
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
