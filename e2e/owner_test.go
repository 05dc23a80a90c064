package e2e_test

import (
	"errors"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"warungjokul/models/testdb"
)

// refused starts the program and returns the one sentence it ends with.
func refused(t *testing.T, dir string, environ []string, args ...string) string {
	t.Helper()
	c := exec.CommandContext(t.Context(), binary, args...)
	c.Dir, c.Env = dir, environ
	out, err := c.CombinedOutput()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != 1 || strings.Count(string(out), "\n") != 1 {
		t.Errorf("%v and %q, want exit 1 and one sentence", err, out)
	}
	return string(out)
}

// A second shop in one folder is refused while the first one runs, by which nobody is disturbed who reads the
// database or copies it. After a kill the next start finds nothing in its way.
func TestASecondShopInOneFolder(t *testing.T) {
	if testdb.Server() != "" {
		t.Skip("this is about a file")
	}
	dir := t.TempDir()
	p := start(t, dir)
	v := visit(t, p)
	order := v.order("MNM-TEH")
	if said := refused(t, dir, p.cmd.Env); !strings.HasPrefix(said, "warung: DATABASE_URL sqlite:warung.db: another shop is running") {
		t.Errorf("the second said %q", said)
	}
	backup := exec.Command(binary, "backup", "copy.db")
	backup.Dir, backup.Env = dir, p.cmd.Env
	if out, err := backup.CombinedOutput(); err != nil {
		t.Errorf("backup: %v, %s", err, out)
	}
	if n := number(t, openSQL(t, "sqlite:"+filepath.Join(dir, "warung.db")), "SELECT COUNT(*) FROM orders"); n != 1 {
		t.Errorf("beside the shop there are %d orders", n)
	}
	v.await(order, "a code", hasCode)
	p.kill()
	next := start(t, dir)
	v.shop = next.shop
	v.await(order, "a code", hasCode)
}
