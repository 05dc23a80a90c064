package models

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// openSQLite opens a new file, and says where it is.
func openSQLite(t testing.TB) (s *Store, c *clock, path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "shop.db")
	s, c = openAt(t, "sqlite:"+path)
	return s, c, path
}

// settle is what must not be acknowledged while the database is in trouble: it
// gives up soon.
func settle(s *Store, c *clock, o Order) error {
	return settleWithin(500*time.Millisecond, s, c, o)
}

func settleWithin(limit time.Duration, s *Store, c *clock, o Order) error {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	_, err := s.ApplyNotification(ctx, Notification{RequestID: "r1", Header: "{}", Body: []byte("{}")},
		PaidEvent(paid(o.Payment(), c.now())), c.now())
	return err
}

// afterwards the same notification comes again and pays.
func afterwards(t *testing.T, s *Store, c *clock, o Order) {
	t.Helper()
	wantOrder(t, reload(t, s, o), OrderAwaitingPayment, PaymentPending, 0, "")
	if err := settleWithin(time.Minute, s, c, o); err != nil {
		t.Fatalf("the trouble is over: %v", err)
	}
	wantOrder(t, reload(t, s, o), OrderPaid, PaymentPaid, 1, "")
}

func raw(t *testing.T, path string) *sql.DB {
	t.Helper()
	db, err := sql.Open("sqlite3", "file:"+path+"?_busy_timeout=2000")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	db.SetMaxOpenConns(1)
	return db
}

func run(t *testing.T, db *sql.DB, statements ...string) {
	t.Helper()
	for _, statement := range statements {
		if _, err := db.Exec(statement); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}
}

func TestALockedDatabase(t *testing.T) {
	s, c, path := openSQLite(t)
	o := withCode(t, s, c, "MNM-GAYO")
	other := raw(t, path)
	run(t, other, "BEGIN IMMEDIATE")
	if err := settle(s, c, o); !errors.Is(err, ErrUnavailable) {
		t.Errorf("got %v, want ErrUnavailable", err)
	}
	if err := s.Ping(context.Background()); err != nil {
		t.Errorf("reading does not need the lock: %v", err)
	}
	if err := s.TryWriting(context.Background()); !errors.Is(err, ErrUnavailable) {
		t.Errorf("trying to write: got %v, want ErrUnavailable", err)
	}
	run(t, other, "ROLLBACK")
	if err := s.TryWriting(context.Background()); err != nil {
		t.Errorf("trying to write: %v", err)
	}
	afterwards(t, s, c, o)
}

func TestAFullDatabase(t *testing.T) {
	s, c, _ := openSQLite(t)
	o := withCode(t, s, c, "MNM-GAYO")
	full := func(pages string) {
		var now int
		if err := s.write.Raw("PRAGMA max_page_count = " + pages).Scan(&now).Error; err != nil {
			t.Fatal(err)
		}
	}
	full("1") // SQLite takes it to mean what there is now
	var err error
	for i := 0; err == nil && i < 500; i++ {
		_, _, err = placeAs(context.Background(), s, fmt.Sprint("filling-", i), "MNM-TEH", 1)
		if i == 140 {
			setStock(t, s, "MNM-TEH", 1000)
		}
	}
	if !errors.Is(err, ErrUnavailable) {
		t.Fatalf("got %v, want ErrUnavailable", err)
	}
	full("1000000")
	afterwards(t, s, c, o)
}

func TestADatabaseThatIsGone(t *testing.T) {
	for name, take := range map[string]func(from, to string) error{
		"moved":    os.Rename,
		"replaced": func(from, to string) error { return errors.Join(os.Rename(from, to), os.WriteFile(from, nil, 0o600)) },
	} {
		t.Run(name, func(t *testing.T) {
			s, c, path := openSQLite(t)
			o := withCode(t, s, c, "MNM-GAYO")
			away := path + ".away"
			if err := take(path, away); err != nil {
				t.Fatal(err)
			}
			if err := settle(s, c, o); !errors.Is(err, ErrUnavailable) {
				t.Errorf("got %v: it would be acknowledged, and lost", err)
			}
			if err := s.Ping(context.Background()); !errors.Is(err, ErrUnavailable) {
				t.Errorf("got %v: the shop calls itself ready", err)
			}
			if err := os.Rename(away, path); err != nil {
				t.Fatal(err)
			}
			afterwards(t, s, c, o)
		})
	}
}

func TestFilesThatAreRefused(t *testing.T) {
	t.Run("no database at all", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "shop.db")
		if err := os.WriteFile(path, []byte(strings.Repeat("letter to mother ", 100)), 0o600); err != nil {
			t.Fatal(err)
		}
		refused(t, "sqlite:"+path, "not a database")
	})
	t.Run("no such folder", func(t *testing.T) {
		refused(t, "sqlite:"+filepath.Join(t.TempDir(), "nowhere", "shop.db"), "unable to open")
	})
}

func TestBackup(t *testing.T) {
	ctx := context.Background()
	s, c, path := openSQLite(t)
	o := withCode(t, s, c, "MNM-GAYO")
	stop := make(chan struct{})
	done := make(chan struct{})
	go func() { // the shop goes on
		defer close(done)
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			default:
				if _, _, err := placeAs(context.Background(), s, fmt.Sprint("meanwhile-", i), "VCR-050", 1); err != nil && !isOutOfStock(err) {
					t.Error(err)
					return
				}
			}
		}
	}()
	file := filepath.Join(t.TempDir(), "copy.db")
	err := Backup(ctx, "sqlite:"+path, file)
	close(stop)
	<-done
	if err != nil {
		t.Fatal(err)
	}
	if err := Backup(ctx, "sqlite:"+path, file); err == nil || !strings.Contains(err.Error(), "exists already") {
		t.Errorf("got %v: a backup was overwritten", err)
	}

	restored, _ := openAt(t, "sqlite:"+file)
	wantOrder(t, reload(t, restored, o), OrderAwaitingPayment, PaymentPending, 0, "")
	found, err := restored.Mismatches(ctx)
	if err != nil || len(found) != 0 {
		t.Errorf("the copy is not consistent: %v, %v", found, err)
	}
	var sold int64
	if err := restored.read.Model(&OrderLine{}).Where("sku = 'VCR-050'").Count(&sold).Error; err != nil {
		t.Fatal(err)
	}
	if left := stock(t, restored, "VCR-050"); left+sold != 500 {
		t.Errorf("%d sold and %d left of 500", sold, left)
	}
	if err := settleWithin(time.Minute, restored, c, o); err != nil {
		t.Errorf("the copy cannot be worked with: %v", err)
	}

	if err := Backup(ctx, "sqlite:"+file+".nothing", filepath.Join(t.TempDir(), "copy.db")); err == nil {
		t.Error("a copy was made of nothing")
	}
	if err := Backup(ctx, "postgres://shop:s3cret@host/warung", "y"); err == nil || !strings.Contains(err.Error(), "pg_dump") || strings.Contains(err.Error(), "s3cret") {
		t.Errorf("a copy of a server: got %v, want a word on pg_dump", err)
	}
}
