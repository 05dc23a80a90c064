package e2e_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"warungjokul/models/testdb"
)

// need finds another's program, which tests may do without, but not in CI.
func need(t *testing.T, name, pkg string) string {
	t.Helper()
	found, err := exec.LookPath(name)
	if err != nil { // Debian keeps some where only their own tools look
		places, _ := filepath.Glob("/usr/lib/postgresql/*/bin/" + name)
		places = append(places, "/usr/sbin/"+name)
		for _, place := range places {
			if _, err := os.Stat(place); err == nil {
				found = place
			}
		}
	}
	if found != "" {
		return found
	}
	if os.Getenv("CI") == "true" {
		t.Fatalf("%s is not here, and CI may not do without it", pkg)
	}
	t.Skipf("%s is not here: apt-get install %s", pkg, pkg)
	return ""
}

// server is another's program that ends when its leash is let go: with the
// test, however that ends.
type server struct {
	command *exec.Cmd
	leash   io.Closer
	logs    lockedBuffer
}

const leash = `"$@" </dev/null & child=$!; read _; kill -INT $child; wait $child`

// serve starts a program, as another user where one is given.
func serve(as *syscall.Credential, argv ...string) (*server, error) {
	s := &server{command: exec.Command("sh", append([]string{"-c", leash, "sh"}, argv...)...)}
	s.command.Dir, s.command.Stdout, s.command.Stderr = "/", &s.logs, &s.logs
	s.command.SysProcAttr = &syscall.SysProcAttr{Credential: as}
	var err error
	if s.leash, err = s.command.StdinPipe(); err != nil {
		return nil, err
	}
	return s, s.command.Start()
}

func (s *server) stop() {
	_ = s.leash.Close()
	_ = s.command.Wait()
}

// postgres is a PostgreSQL server of our own in a temporary folder; the
// machine's service is never touched.
type postgres struct {
	dir, bin, port string
	url            string // for DATABASE_URL
	as             *syscall.Credential
	settings       []string
	running        *server
}

const postgresPassword = "rahasia-contoh"

// newPostgres makes and starts a server. It keeps what it commits, as it would in
// a shop, unless settings say otherwise.
func newPostgres(t *testing.T, settings ...string) (*postgres, error) {
	t.Helper()
	initdb := need(t, "initdb", "postgresql")
	dir, err := os.MkdirTemp("", "warung-postgres") // t.TempDir is no place another user can get to
	if err != nil {
		return nil, err
	}
	_, port, _ := net.SplitHostPort(fixedPort(t))
	p := &postgres{dir: dir, bin: filepath.Dir(initdb), port: port, settings: settings,
		url: fmt.Sprintf("postgres://warung:%s@127.0.0.1:%s/postgres?sslmode=disable", postgresPassword, port)}
	if err := p.own(); err != nil {
		return nil, err
	}
	secret := filepath.Join(dir, "password")
	if err := os.WriteFile(secret, []byte(postgresPassword), 0o644); err != nil { // gone with the folder
		return nil, err
	}
	make := exec.Command(initdb, "-D", filepath.Join(dir, "data"), "-U", "warung", "-A", "scram-sha-256", "--pwfile", secret,
		"-E", "UTF8", "--locale", "C.UTF-8", "--no-sync")
	make.Dir, make.SysProcAttr = "/", &syscall.SysProcAttr{Credential: p.as}
	if out, err := make.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("initdb: %w\n%s", err, out)
	}
	return p, p.start()
}

// own gives the folder to Debian's user for it, for PostgreSQL does not run as
// root.
func (p *postgres) own() error {
	if os.Geteuid() != 0 {
		return nil
	}
	account, err := user.Lookup("postgres")
	if err != nil {
		return err
	}
	uid, _ := strconv.Atoi(account.Uid)
	gid, _ := strconv.Atoi(account.Gid)
	p.as = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
	return os.Chown(p.dir, uid, gid)
}

func (p *postgres) start() (err error) {
	argv := []string{filepath.Join(p.bin, "postgres"), "-D", filepath.Join(p.dir, "data"), "-p", p.port,
		"-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories=", "-c", "max_connections=300"}
	for _, setting := range p.settings {
		argv = append(argv, "-c", setting)
	}
	if p.running, err = serve(p.as, argv...); err != nil {
		return err
	}
	for deadline := time.Now().Add(2 * patience); time.Now().Before(deadline); pause(50 * time.Millisecond) {
		conn, err := pgx.Connect(context.Background(), p.url)
		if err == nil {
			return conn.Close(context.Background())
		}
	}
	return fmt.Errorf("PostgreSQL does not start:\n%s", p.running.logs.String())
}

// kill ends the server and all it has started without a word.
func (p *postgres) kill(t *testing.T) {
	t.Helper()
	pid, err := os.ReadFile(filepath.Join(p.dir, "data", "postmaster.pid"))
	if err != nil {
		t.Fatal(err)
	}
	main, err := strconv.Atoi(strings.SplitN(string(pid), "\n", 2)[0])
	if err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(main, syscall.SIGQUIT); err != nil { // no farewell, no checkpoint
		t.Fatal(err)
	}
	p.running.stop()
}

func (p *postgres) end() {
	if p.running != nil {
		p.running.stop()
	}
	_ = os.RemoveAll(p.dir)
}

// shared is the server that all tests share which need one: DATABASE_URL's, or
// one of our own that is started when it is first needed.
var shared struct {
	sync.Once
	*postgres
	err error
}

func sharedPostgres(t *testing.T) string {
	t.Helper()
	if server := testdb.Server(); server != "" {
		return server
	}
	need(t, "initdb", "postgresql")
	shared.Do(func() { shared.postgres, shared.err = newPostgres(t) })
	if shared.err != nil {
		t.Fatal(shared.err)
	}
	return shared.url
}

// TestPostgreSQL runs the tests of the shop's own packages, and the journeys
// where a database can make a difference, on a PostgreSQL server. With
// DATABASE_URL=postgres://... every test does that by itself.
func TestPostgreSQL(t *testing.T) {
	if testdb.Server() != "" {
		return // so it is already
	}
	// Nothing here is about losing power.
	p, err := newPostgres(t, "fsync=off", "full_page_writes=off", "synchronous_commit=on")
	if err != nil {
		t.Fatal(err)
	}
	defer p.end()
	journeys := []string{"Loop", "Events", "Notifications", "ExpiryAndNewCode", "ReusableCode", "OneFormIsOneOrder", "KilledBetweenCodeAndPayment",
		"AHundredCopies", "TheLastTenPieces", "StopFinishesWhatIsUnderWay", "StartRefusesANewerDatabase", "NothingPrivateIsKept", "FindOrder", "Mailbox"}
	for name, argv := range map[string][]string{
		"packages": {"test", "-race", "-count=1", "..", "../models/...", "../handlers"},
		"journeys": {"test", "-race", "-count=1", ".", "-run", "^Test(" + strings.Join(journeys, "|") + ")$"},
	} {
		t.Run(name, func(t *testing.T) {
			tests := exec.CommandContext(t.Context(), "go", argv...)
			tests.Env = append(os.Environ(), "DATABASE_URL="+p.url)
			out, err := tests.CombinedOutput()
			if err != nil || bytes.Contains(out, []byte("no tests to run")) {
				t.Errorf("%v\n%s", err, out)
			}
		})
	}
}

// PostgreSQL is stopped, and killed: shoppers get a plain page, the gateway gets
// 503 and tells again. When it is back the shop is too, by itself, and what it had
// acknowledged is there.
func TestPostgreSQLAway(t *testing.T) {
	for name, away := range map[string]func(t *testing.T, db *postgres){
		"stopped": func(_ *testing.T, db *postgres) { db.running.stop() },
		"killed":  func(t *testing.T, db *postgres) { db.kill(t) },
	} {
		t.Run(name, func(t *testing.T) {
			db, err := newPostgres(t)
			if err != nil {
				t.Fatal(err)
			}
			defer db.end()
			p := newPairOn(t, db.url, "", "RATE_LIMIT=off")
			defer p.shop.kill()
			v := visit(t, p.program())
			order, settled := v.order("MNM-TEH"), v.order("MNM-GAYO")
			code := v.await(order, "a code", hasCode).PaymentCode
			act(t, p.program(), v.await(settled, "a code", hasCode).PaymentCode, "pay")
			v.await(settled, "paid", isPaid)
			watching := watch(t, p.shop.base+order)
			v.fill("MNM-TEH", "1")

			away(t, db)
			p.expect503(t, v)
			for path, want := range map[string]int{order: http.StatusServiceUnavailable, "/readyz": http.StatusServiceUnavailable, "/healthz": http.StatusOK, "/find-order": http.StatusOK} {
				if status, _ := v.get(path); status != want {
					t.Errorf("%s: HTTP %d, want %d", routeOf(path), status, want)
				}
			}
			act(t, p.program(), code, "pay")
			if got := p.lastAttempt(t); got != http.StatusServiceUnavailable {
				t.Errorf("the notification was answered %d, want 503", got)
			}

			if err := db.start(); err != nil {
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
			res := v.post("/checkout", customer("in-trouble"))
			if res.StatusCode != http.StatusSeeOther {
				t.Errorf("the same form again: %s", res.Status)
			}
			v.await(res.Header.Get("Location"), "a code", hasCode)
			if n := number(t, p.sql(t), "SELECT COUNT(*) FROM orders"); n != 3 {
				t.Errorf("%d orders are kept, want 3", n)
			}
			if strings.Contains(p.shop.logs.String(), postgresPassword) {
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
	stranger.User = url.UserPassword("nobody_here", postgresPassword)
	nowhere.Path = "/no_such_database"
	for name, address := range map[string]string{
		"nobody there":   "postgres://warung:" + postgresPassword + "@127.0.0.1:1/warung",
		"wrong password": stranger.String(),
		"no database":    nowhere.String(),
		"no address":     "postgres://warung:" + postgresPassword + "@%zz/warung",
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
		if bytes.Contains(out, []byte(postgresPassword)) {
			t.Errorf("%s: the password is in %q", name, out)
		}
	}
	c := exec.Command(binary, "backup", "copy.db")
	c.Dir, c.Env = t.TempDir(), []string{"DATABASE_URL=" + server.String()}
	if out, err := c.CombinedOutput(); err == nil || !strings.Contains(string(out), "pg_dump") || strings.Count(string(out), "\n") != 1 {
		t.Errorf("backup: %v, %q, want one sentence on pg_dump", err, out)
	}
}
