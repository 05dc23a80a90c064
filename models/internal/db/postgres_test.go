package db

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"
	"gorm.io/driver/postgres"
	"gorm.io/gorm"
)

// Errors of the server are told from those of a statement.
func TestPostgresTrouble(t *testing.T) {
	d := postgresDialector{&postgres.Dialector{Config: &postgres.Config{}}}
	for code, want := range map[string]error{
		"08006": ErrUnavailable, "53100": ErrUnavailable, "53300": ErrUnavailable, "57P01": ErrUnavailable, "57P03": ErrUnavailable, "57014": ErrUnavailable,
		"58030": ErrUnavailable, "25006": ErrUnavailable, "25P03": ErrUnavailable, "55P03": ErrUnavailable, "XX001": ErrUnavailable,
		"40001": ErrConflict, "40P01": ErrConflict,
		"23505": gorm.ErrDuplicatedKey, "23503": gorm.ErrForeignKeyViolated, "23514": gorm.ErrCheckConstraintViolated, "42601": nil, "22021": nil, "42501": nil,
	} {
		got := d.Translate(fmt.Errorf("statement: %w", &pgconn.PgError{Code: code, Message: "as it says"}))
		for _, kind := range []error{ErrUnavailable, ErrConflict, gorm.ErrDuplicatedKey, gorm.ErrForeignKeyViolated, gorm.ErrCheckConstraintViolated} {
			wanted := kind == want || kind == ErrUnavailable && want == ErrConflict
			if errors.Is(got, kind) != wanted {
				t.Errorf("%s: got %v, want %v", code, got, want)
			}
		}
	}
	for _, err := range []error{io.ErrUnexpectedEOF, driver.ErrBadConn, net.ErrClosed, context.DeadlineExceeded, &net.OpError{Op: "dial", Err: errors.New("refused")},
		&pgconn.ConnectError{Config: &pgconn.Config{}}, errors.New("conn closed")} {
		if _, away := err.(*pgconn.ConnectError); away {
			if !lostConnection(err) {
				t.Error("a connection that cannot be had is no trouble")
			}
			continue
		}
		if got := d.Translate(err); !errors.Is(got, ErrUnavailable) {
			t.Errorf("%v became %v", err, got)
		}
	}
	for _, err := range []error{gorm.ErrRecordNotFound, context.Canceled, errors.New("another")} {
		if got := d.Translate(err); got != err {
			t.Errorf("%v became %v", err, got)
		}
	}
}
