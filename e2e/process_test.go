package e2e_test

import (
	"cmp"
	"database/sql"
	"errors"
	"fmt"
	"net/http"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"warungjokul/e2e/servers"
	"warungjokul/models/testdb"
)

// process is a program at a fixed address that can be killed and started again.
type process struct {
	name, dir     string
	argv, environ []string
	base, ready   string // where it is, and the path that answers once it serves
	logs          servers.Log

	mu      sync.Mutex
	current *exec.Cmd
	exited  chan error
}

// start runs the program and returns once it serves.
func (p *process) start() error {
	for range 5 { // its port may be held by a connection that is closing
		if p.launch() {
			return nil
		}
		p.kill()
	}
	return fmt.Errorf("%s does not start:\n%s", p.name, p.logs.String())
}

func (p *process) launch() bool {
	cmd := exec.Command(p.argv[0], p.argv[1:]...)
	cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr = p.dir, p.environ, &p.logs, &p.logs
	if cmd.Start() != nil {
		return false
	}
	exited := make(chan error, 1)
	go func() { exited <- cmd.Wait() }()
	p.mu.Lock()
	p.current, p.exited = cmd, exited
	p.mu.Unlock()
	client := http.Client{Timeout: patience, Transport: &http.Transport{DisableKeepAlives: true}}
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); pause(20 * time.Millisecond) {
		if res, err := client.Get(p.base + p.ready); err == nil {
			_ = res.Body.Close()
			if res.StatusCode == http.StatusOK {
				return true
			}
		}
		select {
		case err := <-exited:
			exited <- err
			return false
		default:
		}
	}
	return false
}

func (p *process) signal(s syscall.Signal) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.current != nil {
		_ = p.current.Process.Signal(s)
	}
}

// kill ends the program without a word, as a power cut would.
func (p *process) kill() {
	p.signal(syscall.SIGKILL)
	_ = p.wait()
}

// stop ends it as an operator does, and says how that went.
func (p *process) stop() error {
	p.signal(syscall.SIGTERM)
	return p.wait()
}

func (p *process) wait() error {
	p.mu.Lock()
	exited := p.exited
	p.mu.Unlock()
	if exited == nil {
		return errors.New("it was never started")
	}
	err := <-exited
	exited <- err
	return err
}

// end kills the program, if it still runs, and looks at what it said.
func (p *process) end(t *testing.T) {
	p.kill()
	said := p.logs.String()
	for _, bad := range []string{"DATA RACE", "panic", secret} {
		if i := strings.Index(said, bad); i >= 0 {
			t.Errorf("the %s said %q:\n%s", p.name, bad, said[max(0, i-500):min(len(said), i+3000)])
		}
	}
	if t.Failed() {
		t.Logf("the %s said last:\n%s", p.name, said[max(0, len(said)-4000):])
	}
}

// fixedPort is an address that stays free while its program is down.
func fixedPort(t *testing.T) string {
	t.Helper()
	addr, err := servers.Address()
	if err != nil {
		t.Fatal(err)
	}
	return addr
}

// pair is a shop and a gateway, each a process of its own, as in real life.
type pair struct {
	shop, gateway *process
	dir, database string // database is the DATABASE_URL
	ops           string // the shop's OPS_ADDR
}

// newPair starts both on a database of their own. Notifications go to the shop at
// another address if one is given; settings of the shop may be given as NAME=value.
func newPair(t *testing.T, notify string, environ ...string) *pair {
	t.Helper()
	return newPairOn(t, testdb.URL(t), notify, environ...)
}

// newSQLitePair is for what only a file can suffer.
func newSQLitePair(t *testing.T, environ ...string) *pair {
	t.Helper()
	return newPairOn(t, "sqlite:"+filepath.Join(t.TempDir(), "warung.db"), "", environ...)
}

// file is where an SQLite database is.
func (p *pair) file() string { return strings.TrimPrefix(p.database, "sqlite:") }

// newGateway is a pair that has no shop yet.
func newGateway(t *testing.T, database, shop, notify string) *pair {
	t.Helper()
	p := &pair{dir: t.TempDir(), database: database}
	gate := fixedPort(t)
	p.gateway = &process{
		name: "gateway", base: "http://" + gate, ready: "/control/clock", dir: p.dir,
		argv: []string{gateway, "sandbox", "--addr", gate, "--state", filepath.Join(p.dir, "gateway.state"),
			"--notification-url", cmp.Or(notify, "http://"+shop) + path},
		environ: []string{"JOKUL_CLIENT_ID=" + clientID, "JOKUL_SECRET_KEY=" + secret},
	}
	return p
}

// newShop is a shop at addr, which shoppers reach at base.
func (p *pair) newShop(addr, base string, environ ...string) *process {
	return &process{
		name: "shop", base: "http://" + addr, ready: "/readyz", dir: p.dir, argv: []string{binary},
		environ: append([]string{"ADDR=" + addr, "BASE_URL=" + base, "JOKUL_ENVIRONMENT=sandbox", "JOKUL_BASE_URL=" + p.gateway.base,
			"JOKUL_CLIENT_ID=" + clientID, "JOKUL_SECRET_KEY=" + secret, "DATABASE_URL=" + p.database, "LOG_FORMAT=text"}, environ...),
	}
}

func newPairOn(t *testing.T, database, notify string, environ ...string) *pair {
	t.Helper()
	shop := fixedPort(t)
	p := newGateway(t, database, shop, notify)
	p.ops = fixedPort(t)
	p.shop = p.newShop(shop, "http://"+shop, append([]string{"OPS_ADDR=" + p.ops}, environ...)...)
	t.Cleanup(func() { p.shop.end(t); p.gateway.end(t) })
	for _, process := range []*process{p.gateway, p.shop} {
		if err := process.start(); err != nil {
			t.Fatal(err)
		}
	}
	return p
}

// program is the pair as the other journeys know it.
func (p *pair) program() *program { return &program{shop: p.shop.base, sandbox: p.gateway.base} }

// metrics are those of the shop.
func (p *pair) metrics(t *testing.T) string {
	t.Helper()
	_, text := visitor{t, &http.Client{Timeout: patience}, "http://" + p.ops}.get("/metrics")
	return text
}

// sql opens the shop's database beside the shop.
func (p *pair) sql(t *testing.T) *sql.DB {
	t.Helper()
	return openSQL(t, p.database)
}

func openSQL(t *testing.T, database string) *sql.DB {
	t.Helper()
	driver, source := "pgx", database
	if file, ok := strings.CutPrefix(database, "sqlite:"); ok {
		driver, source = "sqlite3", "file:"+file+"?_busy_timeout=5000"
	}
	db, err := sql.Open(driver, source)
	if err != nil {
		t.Fatal(err)
	}
	db.SetMaxOpenConns(1)
	t.Cleanup(func() { db.Close() })
	return db
}

func execute(t *testing.T, db *sql.DB, statement string, values ...any) {
	t.Helper()
	if _, err := db.Exec(statement, values...); err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
}

func number(t *testing.T, db *sql.DB, query string) (n int64) {
	t.Helper()
	if err := db.QueryRow(query).Scan(&n); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return n
}
