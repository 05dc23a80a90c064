// Package testdb gives each test a database of its own: a new SQLite file or,
// where DATABASE_URL names a PostgreSQL server, a new schema there.
package testdb

import (
	"context"
	"crypto/rand"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
)

// Server is the PostgreSQL server that DATABASE_URL names, empty for none.
func Server() string {
	if address := os.Getenv("DATABASE_URL"); strings.HasPrefix(address, "postgres") {
		return address
	}
	return ""
}

// URL is the DATABASE_URL of an empty database that lasts as long as the test.
func URL(t testing.TB) string {
	t.Helper()
	if server := Server(); server != "" {
		return On(t, server)
	}
	return "sqlite:" + filepath.Join(t.TempDir(), "shop.db")
}

// On is an empty database on a PostgreSQL server.
func On(t testing.TB, server string) string {
	t.Helper()
	schema := "test_" + strings.ToLower(rand.Text())
	administer(t, server, "CREATE SCHEMA "+schema)
	t.Cleanup(func() { administer(t, server, "DROP SCHEMA "+schema+" CASCADE") })
	address, err := url.Parse(server)
	if err != nil {
		t.Fatal(err)
	}
	query := address.Query()
	query.Set("search_path", schema)
	address.RawQuery = query.Encode()
	return address.String()
}

func administer(t testing.TB, server, statement string) {
	t.Helper()
	conn, err := pgx.Connect(context.Background(), server)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background())
	if _, err := conn.Exec(context.Background(), statement); err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
}
