package console

import (
	"log/slog"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/bcrypt"

	"warungjokul/models"
	"warungjokul/models/testdb"
)

// Sessions are tied to the password: the same at the next start, or at another shop on the
// database, keeps them, and another one does not.
func TestPasswordCredential(t *testing.T) {
	store, err := models.Open(t.Context(), testdb.URL(t), time.Now, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	read := func(configured string) password {
		t.Helper()
		p, err := readPassword(t.Context(), store, configured)
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	first, again, other := read("rahasia-konsol-1"), read("rahasia-konsol-1"), read("rahasia-konsol-1"+"2")
	if strings.Contains(string(first.hash), "rahasia-konsol-1") || bcrypt.CompareHashAndPassword(first.hash, []byte("rahasia-konsol-1")) != nil {
		t.Errorf("%q is no hash of the password", first.hash)
	}
	if first.credential != again.credential || first.credential == other.credential {
		t.Errorf("credentials %q, %q, and of another password %q", first.credential, again.credential, other.credential)
	}
	if hashed := read(string(first.hash)); string(hashed.hash) != string(first.hash) || hashed.credential != first.credential {
		t.Errorf("a hash is not taken as it stands: %q", hashed.hash)
	}
	if none := read(""); none.hash != nil || none.credential != LinkCredential {
		t.Errorf("no password: %v", none)
	}
}
