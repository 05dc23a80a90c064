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
	"fmt"
	"log/slog"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"warungjokul/models/internal/db"
)

var (
	// ErrNotFound: there is no such row. It is GORM's own error, so that queries return it as it is.
	ErrNotFound = gorm.ErrRecordNotFound

	// ErrUnavailable: the database cannot do its work now, because it is locked, full, broken or gone. Nothing was
	// changed or, where the connection was lost during a commit, everything. The same call may be tried again.
	ErrUnavailable = db.ErrUnavailable
)

// Store stores everything in one database.
type Store struct {
	database db.Database
	write    *gorm.DB // for transactions, and for reading the latest
	read     *gorm.DB
	now      func() time.Time

	counted   dayCache
	holderKey []byte // of the hashes that limits are counted by
}

// Open opens, creates and migrates the database at databaseURL, such as
// "sqlite:warung.db" or "postgres://shop@localhost/warung", and fills an empty
// catalogue. now is the shop's clock.
func Open(ctx context.Context, databaseURL string, now func() time.Time, log *slog.Logger) (*Store, error) {
	return OpenAs(ctx, databaseURL, Owner{}, now, log)
}

// OpenAs opens a database for its owner, and records the owner at the first start. It refuses, and changes nothing,
// where another one is recorded. A zero Owner is let in everywhere.
func OpenAs(ctx context.Context, databaseURL string, o Owner, now func() time.Time, log *slog.Logger) (*Store, error) {
	database, err := db.Parse(databaseURL)
	if err != nil {
		return nil, err
	}
	s := &Store{database: database, now: func() time.Time { return now().UTC().Truncate(time.Millisecond) }}
	if s.write, s.read, err = database.Open(s.now, log); err == nil {
		err = s.prepare(ctx, o, log)
	}
	if err == nil {
		s.holderKey, err = s.Key(ctx, "holders")
	}
	if err != nil {
		_ = s.Close() // nothing was written
		return nil, fmt.Errorf("DATABASE_URL %s: %w", database, err)
	}
	return s, nil
}

// Lock takes the database at databaseURL for this process, where only one may work on it: an SQLite file, whose
// second shop would not hear what the first one changes. It lasts until unlock, or until the process ends in whatever
// way. Programs that read the file or copy it take no notice. Several shops may work on a PostgreSQL database.
func Lock(databaseURL string) (unlock func() error, err error) {
	database, err := db.Parse(databaseURL)
	if err != nil {
		return nil, err
	}
	if unlock, err = database.Lock(); err != nil {
		return nil, fmt.Errorf("DATABASE_URL %s: %w", database, err)
	}
	return unlock, nil
}

// Backup writes a consistent copy of the database at databaseURL to a new file,
// while shops go on using it.
func Backup(ctx context.Context, databaseURL, file string) error {
	database, err := db.Parse(databaseURL)
	if err != nil {
		return err
	}
	return database.Backup(ctx, file)
}

func (s *Store) prepare(ctx context.Context, o Owner, log *slog.Logger) error {
	for _, db := range []*gorm.DB{s.write, s.read} {
		if err := learnSchema(db); err != nil {
			return err
		}
	}
	anybody := o == Owner{}
	if !anybody {
		if err := checkOwner(s.write.WithContext(ctx), o); err != nil {
			return err
		}
	}
	if err := s.database.WithMigrationLock(ctx, migrate); err != nil {
		return err
	}
	if err := s.seed(ctx); err != nil || anybody {
		return err
	}
	return s.recordOwner(ctx, o, log)
}

// Ping reports whether the database answers and is where it was.
func (s *Store) Ping(ctx context.Context) error {
	if err := s.database.CheckFile(); err != nil {
		return err
	}
	var one int // read to its end: a statement left open would keep its connection from recovering
	return s.read.WithContext(ctx).Raw("SELECT 1").Scan(&one).Error
}

// TryWriting reports whether the database takes what is written to it: it goes
// through a whole transaction that leaves everything as it was.
func (s *Store) TryWriting(ctx context.Context) error {
	return s.transact(ctx, func(tx *transaction) error { return tx.Exec("UPDATE keys SET value = value").Error })
}

// Close releases the database.
func (s *Store) Close() error { return s.database.Close() }

// deleteAtOnce is how many rows one statement deletes: other transactions have their turn in between.
const deleteAtOnce = 1000

// deleteOlder deletes rows of a table that are older than an age, by the time in a column. IDs grow with time, so the
// first rows are the oldest, and no index on the column is needed.
func deleteOlder[T any](ctx context.Context, s *Store, column string, age time.Duration) error {
	var row T
	write := s.write.WithContext(ctx)
	for {
		oldest := write.Model(&row).Select("id").Order("id").Limit(deleteAtOnce)
		deleted := write.Where("id IN (?)", oldest).Where(column+" < ?", s.now().Add(-age)).Delete(&row)
		if deleted.Error != nil || deleted.RowsAffected == 0 {
			return deleted.Error
		}
	}
}

// Publish tells every process of the shop that an order has changed.
func (s *Store) Publish(ctx context.Context, token string) error {
	return s.database.Publish(ctx, token)
}

// Subscribe calls a function with the token of each order that changed, in whatever process,
// until ctx ends. An empty token stands for any order: an event may have been missed.
func (s *Store) Subscribe(ctx context.Context, received func(token string)) {
	s.database.Subscribe(ctx, received)
}

// maxIndexed is how many bytes of a text an index takes, whatever the database.
const maxIndexed = 2000

// indexed cuts a text from elsewhere to what an index takes.
func indexed(text string) string { return text[:min(len(text), maxIndexed)] }

// Key returns the shop's own random key of that name, 32 bytes made at the
// first call and the same for every copy of the shop on this database.
func (s *Store) Key(ctx context.Context, name string) ([]byte, error) {
	err := s.write.WithContext(ctx).Clauses(clause.OnConflict{DoNothing: true}).
		Create(&key{Name: name, Value: randomBytes(32)}).Error
	if err != nil {
		return nil, err
	}
	k, err := gorm.G[key](s.write).Where("name = ?", name).Take(ctx)
	return k.Value, err
}

type key struct {
	Name  string `gorm:"primaryKey"`
	Value []byte
}
