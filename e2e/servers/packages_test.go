package servers_test

import (
	"bytes"
	"os"
	"os/exec"
	"testing"

	"warungjokul/e2e/servers"
	_ "warungjokul/handlers" // with all that it is made of: what is tested here is built once
	"warungjokul/models/testdb"
)

// TestPackagesOnPostgreSQL runs the tests of the shop's own packages on a
// PostgreSQL server. With DATABASE_URL=postgres://... they do that by themselves.
func TestPackagesOnPostgreSQL(t *testing.T) {
	if testdb.Server() != "" {
		return // so they do already
	}
	servers.Need(t, "initdb", "postgresql")
	// Nothing here is about losing power.
	p, err := servers.NewPostgres("fsync=off", "full_page_writes=off", "synchronous_commit=on")
	if err != nil {
		t.Fatal(err)
	}
	defer p.End()
	tests := exec.CommandContext(t.Context(), "go", "test", "-race", "-count=1", "-timeout", "60m", "../..", "../../models/...", "../../handlers")
	tests.Env = append(os.Environ(), "DATABASE_URL="+p.URL)
	out, err := tests.CombinedOutput()
	if err != nil || bytes.Contains(out, []byte("no tests to run")) {
		t.Errorf("%v\n%s", err, out)
	}
}
