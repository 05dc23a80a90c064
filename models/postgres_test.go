package models

import (
	"context"
	"errors"
	"net/url"
	"strings"
	"testing"
	"time"

	"gorm.io/gorm"

	"warungjokul/models/internal/db"
	"warungjokul/models/testdb"
)

// needPostgres leaves a test about PostgreSQL alone to runs that have a server, as
// go test ./e2e/servers has.
func needPostgres(t *testing.T) {
	t.Helper()
	if testdb.Server() == "" {
		t.Skip("this is about PostgreSQL: set DATABASE_URL, or go test ./e2e/servers")
	}
}

// openPostgres opens a new database on the server the tests are run against,
// with settings of its own.
func openPostgres(t *testing.T, settings ...string) (*Store, *clock) {
	t.Helper()
	needPostgres(t)
	address, err := url.Parse(testdb.URL(t))
	if err != nil {
		t.Fatal(err)
	}
	query := address.Query()
	for _, setting := range settings {
		name, value, _ := strings.Cut(setting, "=")
		query.Set(name, value)
	}
	address.RawQuery = query.Encode()
	return openAt(t, address.String())
}

func TestPostgresSettingsHold(t *testing.T) {
	s, _ := openPostgres(t)
	for setting, want := range map[string]string{"transaction_isolation": "read committed", "idle_in_transaction_session_timeout": "10s",
		"lock_timeout": "4s", "synchronous_commit": "on"} {
		var got string
		if err := s.write.Raw("SHOW " + setting).Scan(&got).Error; err != nil || got != want {
			t.Errorf("%s: got %q, %v, want %q", setting, got, err, want)
		}
	}
	pool, err := s.write.DB()
	if err != nil {
		t.Fatal(err)
	}
	if got := pool.Stats().MaxOpenConnections; got != db.PostgresConnections || s.read != s.write {
		t.Errorf("%d connections, want %d for all", got, db.PostgresConnections)
	}
	other, _ := openPostgres(t, "lock_timeout=250ms", "default_transaction_isolation=serializable")
	for setting, want := range map[string]string{"lock_timeout": "250ms", "transaction_isolation": "read committed"} {
		var got string
		if err := other.write.Raw("SHOW " + setting).Scan(&got).Error; err != nil || got != want {
			t.Errorf("%s set by the address: got %q, %v, want %q", setting, got, err, want)
		}
	}
}

// A server in trouble acknowledges nothing, and afterwards nothing is missing.
func TestPostgresInTrouble(t *testing.T) {
	for name, trouble := range map[string]func(t *testing.T, s *Store) (mend func()){
		"the row is locked": func(t *testing.T, s *Store) func() {
			tx := s.write.Begin()
			if err := tx.Exec("SELECT * FROM orders FOR UPDATE").Error; err != nil {
				t.Fatal(err)
			}
			return func() { tx.Rollback() }
		},
		"read only": func(t *testing.T, s *Store) func() {
			alter := func(what string) {
				for range db.PostgresConnections { // each connection of the pool
					if err := s.write.Exec("SET default_transaction_read_only = " + what).Error; err != nil {
						t.Fatal(err)
					}
				}
			}
			pool, err := s.write.DB()
			if err != nil {
				t.Fatal(err)
			}
			pool.SetMaxOpenConns(1)
			alter("on")
			return func() { alter("off") }
		},
		"no more connections": func(t *testing.T, s *Store) func() {
			pool, err := s.write.DB()
			if err != nil {
				t.Fatal(err)
			}
			var taken []driverConn
			for range db.PostgresConnections {
				conn, err := pool.Conn(context.Background())
				if err != nil {
					t.Fatal(err)
				}
				taken = append(taken, conn)
			}
			return func() {
				for _, conn := range taken {
					_ = conn.Close()
				}
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			s, c := openPostgres(t, "lock_timeout=300ms")
			o := withCode(t, s, c, "MNM-GAYO")
			mend := trouble(t, s)
			if err := settle(s, c, o); !errors.Is(err, ErrUnavailable) {
				t.Errorf("got %v, want ErrUnavailable", err)
			}
			mend()
			afterwards(t, s, c, o)
		})
	}
	t.Run("every connection is cut", func(t *testing.T) {
		s, c := openPostgres(t)
		o := withCode(t, s, c, "MNM-GAYO")
		err := s.transact(context.Background(), func(tx *transaction) error {
			if err := tx.Exec("UPDATE orders SET status = 'paid'").Error; err != nil {
				return err
			}
			var pid int
			if err := tx.Raw("SELECT pg_backend_pid()").Scan(&pid).Error; err != nil {
				return err
			}
			if err := s.write.Exec("SELECT pg_terminate_backend(?)", pid).Error; err != nil {
				return err
			}
			for {
				if err := tx.Exec("SELECT 1").Error; err != nil {
					return err
				}
			}
		})
		if !errors.Is(err, ErrUnavailable) {
			t.Errorf("got %v, want ErrUnavailable", err)
		}
		afterwards(t, s, c, o)
	})
}

type driverConn interface{ Close() error }

// A shop of the version before goes on while a newer one adds to its tables: no
// statement it has prepared stops working.
func TestTablesGrowUnderAShop(t *testing.T) {
	s, c := openStore(t)
	o := withCode(t, s, c, "MNM-GAYO")
	reload(t, s, o)
	for _, table := range []string{"orders", "order_lines", "payments", "receipts", "products", "notifications", "mails", "cases"} {
		if err := s.write.Exec("ALTER TABLE " + table + " ADD COLUMN added text NOT NULL DEFAULT ''").Error; err != nil {
			t.Fatal(err)
		}
	}
	for range 2 * db.PostgresConnections { // whichever connection it is
		reload(t, s, o)
	}
	deliver(t, s, c, "r1", "{}", PaidEvent(paid(o.Payment(), c.now())))
	wantOrder(t, reload(t, s, o), OrderPaid, PaymentPaid, 1, "")
	if _, err := s.ClaimMails(context.Background(), 10); err != nil {
		t.Error(err)
	}
	place(t, s, "MNM-TEH", 1)
}

// A second shop waits while one migrates, for as long as it is allowed to.
func TestMigratingAlone(t *testing.T) {
	s, _ := openPostgres(t)
	ctx, cancel := context.WithTimeout(context.Background(), 300*time.Millisecond)
	defer cancel()
	err := s.database.WithMigrationLock(context.Background(), func(*gorm.DB) error {
		return s.database.WithMigrationLock(ctx, func(*gorm.DB) error { return errors.New("two at once") })
	})
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
	if err := s.database.WithMigrationLock(context.Background(), func(*gorm.DB) error { return nil }); err != nil {
		t.Errorf("afterwards: %v", err)
	}
}
