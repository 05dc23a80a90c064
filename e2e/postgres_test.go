package e2e_test

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"warungjokul/e2e/servers"
	"warungjokul/models/testdb"
)

// newPostgres makes and starts a server of our own.
func newPostgres(t *testing.T, settings ...string) (*servers.Postgres, error) {
	t.Helper()
	servers.Need(t, "initdb", "postgresql")
	return servers.NewPostgres(settings...)
}

// shared is the server that all tests share which need one: DATABASE_URL's, or
// one of our own that is started when it is first needed.
var shared struct {
	sync.Once
	*servers.Postgres
	err error
}

func sharedPostgres(t *testing.T) string {
	t.Helper()
	if server := testdb.Server(); server != "" {
		return server
	}
	servers.Need(t, "initdb", "postgresql")
	shared.Do(func() { shared.Postgres, shared.err = newPostgres(t) })
	if shared.err != nil {
		t.Fatal(shared.err)
	}
	return shared.URL
}

// TestPostgreSQL runs the journeys where a database can make a difference on a
// PostgreSQL server. With DATABASE_URL=postgres://... every test does that by itself.
func TestPostgreSQL(t *testing.T) {
	if testdb.Server() != "" {
		return // so it is already
	}
	t.Parallel()
	// Nothing here is about losing power.
	p, err := newPostgres(t, "fsync=off", "full_page_writes=off", "synchronous_commit=on")
	if err != nil {
		t.Fatal(err)
	}
	defer p.End()
	journeys := []string{"Loop", "ADemoBecomesAShop", "Events", "Notifications", "ExpiryAndNewCode", "ReusableCode", "ToldTwiceOverHTTP", "OneFormIsOneOrder", "KilledBetweenCodeAndPayment",
		"AHundredCopies", "TheLastTenPieces", "StopFinishesWhatIsUnderWay", "StartRefusesANewerDatabase", "NothingPrivateIsKept", "FindOrder", "Mailbox"}
	tests := exec.CommandContext(t.Context(), os.Args[0], "-built", filepath.Dir(binary), "-test.run", "^Test("+strings.Join(journeys, "|")+")$")
	tests.Env = append(os.Environ(), "DATABASE_URL="+p.URL)
	out, err := tests.CombinedOutput()
	if err != nil || bytes.Contains(out, []byte("no tests to run")) {
		t.Errorf("%v\n%s", err, out)
	}
}

// PostgreSQL is stopped, and killed: shoppers get a plain page, the gateway gets
// 503 and tells again. When it is back the shop is too, by itself, and what it had
// acknowledged is there.
func TestPostgreSQLAway(t *testing.T) {
	for name, away := range map[string]func(t *testing.T, db *servers.Postgres){
		"stopped": func(_ *testing.T, db *servers.Postgres) { db.Stop() },
		"killed": func(t *testing.T, db *servers.Postgres) {
			if err := db.Kill(); err != nil {
				t.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			db, err := newPostgres(t)
			if err != nil {
				t.Fatal(err)
			}
			defer db.End()
			p := newPairOn(t, db.URL, "", "RATE_LIMIT=off")
			defer p.shop.kill()
			v := visit(t, p.program())
			order, settled := v.order("MNM-TEH"), v.order("MNM-GAYO")
			code := v.await(order, "a code", hasCode).PaymentCode
			act(t, p.program(), v.await(settled, "a code", hasCode).PaymentCode, "pay")
			v.await(settled, "paid", isPaid)
			watching := watch(t, p.shop.base+order)
			v.fill("MNM-TEH", "1")
			form := v.customer()

			away(t, db)
			p.expect503(t, v, form)
			for path, want := range map[string]int{order: http.StatusServiceUnavailable, "/readyz": http.StatusServiceUnavailable, "/healthz": http.StatusOK, "/find-order": http.StatusOK} {
				if status, _ := v.get(path); status != want {
					t.Errorf("%s: HTTP %d, want %d", routeOf(path), status, want)
				}
			}
			act(t, p.program(), code, "pay")
			if got := p.lastAttempt(t); got != http.StatusServiceUnavailable {
				t.Errorf("the notification was answered %d, want 503", got)
			}

			if err := db.Start(); err != nil {
				t.Fatal(err)
			}
			if s := v.status(settled); !isPaid(s) {
				t.Errorf("what was acknowledged before is %+v", s)
			}
			control(t, p.program(), http.MethodPost, "/control/clock", map[string]string{"advance": "31m"})
			v.await(order, "paid once the gateway tells again", isPaid)
			if last := <-watching; !isPaid(last) {
				t.Errorf("the page that was open all the while saw %+v last", last)
			}
			res := v.post("/checkout", form)
			if res.StatusCode != http.StatusSeeOther {
				t.Errorf("the same form again: %s", res.Status)
			}
			v.await(res.Header.Get("Location"), "a code", hasCode)
			if n := number(t, p.sql(t), "SELECT COUNT(*) FROM orders"); n != 3 {
				t.Errorf("%d orders are kept, want 3", n)
			}
			if strings.Contains(p.shop.logs.String(), servers.PostgresPassword) {
				t.Error("the database's password is in the log")
			}
		})
	}
}

// A shop that cannot have its database says so in one sentence, which names the
// setting and repeats no password.
func TestStartWithoutPostgreSQL(t *testing.T) {
	server, err := url.Parse(sharedPostgres(t))
	if err != nil {
		t.Fatal(err)
	}
	stranger, nowhere := *server, *server
	stranger.User = url.UserPassword("nobody_here", servers.PostgresPassword)
	nowhere.Path = "/no_such_database"
	for name, address := range map[string]string{
		"nobody there":   "postgres://warung:" + servers.PostgresPassword + "@127.0.0.1:1/warung",
		"wrong password": stranger.String(),
		"no database":    nowhere.String(),
		"no address":     "postgres://warung:" + servers.PostgresPassword + "@%zz/warung",
	} {
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		c := exec.CommandContext(ctx, binary)
		c.Dir, c.Env = t.TempDir(), []string{"ADDR=127.0.0.1:0", "SANDBOX_ADDR=127.0.0.1:0", "DATABASE_URL=" + address}
		out, err := c.CombinedOutput()
		var exit *exec.ExitError
		if !errors.As(err, &exit) || exit.ExitCode() != 1 || !bytes.HasPrefix(out, []byte("warung: DATABASE_URL ")) || bytes.Count(out, []byte("\n")) != 1 {
			t.Errorf("%s: %v and %q, want exit 1 and one sentence that names DATABASE_URL", name, err, out)
		}
		if bytes.Contains(out, []byte(servers.PostgresPassword)) {
			t.Errorf("%s: the password is in %q", name, out)
		}
	}
	c := exec.Command(binary, "backup", "copy.db")
	c.Dir, c.Env = t.TempDir(), []string{"DATABASE_URL=" + server.String()}
	if out, err := c.CombinedOutput(); err == nil || !strings.Contains(string(out), "pg_dump") || strings.Count(string(out), "\n") != 1 {
		t.Errorf("backup: %v, %q, want one sentence on pg_dump", err, out)
	}
}
