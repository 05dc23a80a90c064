package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gofrs/flock"

	"warungjokul/jokul/sandbox"
	"warungjokul/models"
	"warungjokul/models/testdb"
)

// journal is a log that several goroutines write.
type journal struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (j *journal) Write(p []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.Write(p)
}

func (j *journal) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.String()
}

// environ is a shop on ports and files of its own, in a folder without .env.
func environ(t *testing.T, more ...string) []string {
	dir := t.TempDir()
	t.Chdir(dir)
	return append([]string{"ADDR=127.0.0.1:0", "SANDBOX_ADDR=127.0.0.1:0", "DATABASE_URL=" + testdb.URL(t),
		"SANDBOX_STATE=" + filepath.Join(dir, "sandbox.state"), "LOG_LEVEL=debug"}, more...)
}

func get(t *testing.T, address string) (int, string) {
	t.Helper()
	client := http.Client{Timeout: time.Minute}
	res, err := client.Get(address)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, string(body)
}

func TestRunServesAndStops(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	out, stdout := io.Pipe()
	log, ended := &journal{}, make(chan error, 1)
	settings := environ(t)
	go func() {
		err := run(ctx, nil, settings, stdout, log)
		_ = stdout.CloseWithError(io.EOF)
		ended <- err
	}()

	var addresses []string
	lines := bufio.NewScanner(out)
	for len(addresses) < 4 && lines.Scan() {
		addresses = append(addresses, regexp.MustCompile(`http://\S+`).FindString(lines.Text()))
	}
	if len(addresses) < 4 {
		t.Fatalf("did not start: %v\n%s", <-ended, log)
	}
	rest := make(chan string, 1)
	go func() { text, _ := io.ReadAll(out); rest <- string(text) }()
	for _, path := range []string{"/healthz", "/readyz", "/"} {
		if code, body := get(t, addresses[0]+path); code != http.StatusOK {
			t.Errorf("GET %s: HTTP %d, %s", path, code, body)
		}
	}
	if code, _ := get(t, addresses[2]); code != http.StatusForbidden || !strings.HasSuffix(addresses[2], "/tour") {
		t.Errorf("GET %s without the link: HTTP %d", addresses[2], code)
	}
	if !strings.HasPrefix(addresses[3], addresses[0]+"/console/login?key=") {
		t.Errorf("the link is %q", addresses[3])
	}
	if code, _ := get(t, addresses[1]); code != http.StatusOK || !strings.HasSuffix(addresses[1], "/simulator") {
		t.Errorf("GET %s: HTTP %d", addresses[1], code)
	}

	stop()
	select {
	case err := <-ended:
		if err != nil {
			t.Errorf("stopped with %v", err)
		}
	case <-time.After(stopTimeout + time.Minute):
		t.Fatalf("did not stop:\n%s", log)
	}
	var key bytes.Buffer
	if err := run(t.Context(), []string{"sandbox-key"}, settings, &key, io.Discard); err != nil || !sandbox.IsOfflineKey(strings.TrimSpace(key.String())) {
		t.Errorf("sandbox-key printed %q, %v", key.String(), err)
	}
	if strings.Contains(log.String()+<-rest, strings.TrimSpace(key.String())) {
		t.Error("the Secret Key is printed")
	}
	if c, err := net.Dial("tcp", strings.TrimPrefix(addresses[0], "http://")); err == nil {
		_ = c.Close()
		t.Error("still listens")
	}
}

// profiles are what tells more of a running shop than a stranger should know.
var profiles = []string{"/debug/pprof/", "/debug/pprof/cmdline", "/debug/pprof/heap?debug=1", "/debug/pprof/goroutine?debug=1",
	"/debug/pprof/symbol", "/debug/pprof/profile?seconds=1", "/debug/pprof/trace?seconds=1"}

// The metrics leave the shop for an address of their own. Profiles are there and
// nowhere else, and so is nothing of the shop.
func TestOpsAddress(t *testing.T) {
	for name, ops := range map[string]string{"with OPS_ADDR": "127.0.0.1:0", "without": ""} {
		t.Run(name, func(t *testing.T) {
			s, err := readSettings(environ(t, "OPS_ADDR="+ops))
			if err != nil {
				t.Fatal(err)
			}
			p := &program{settings: s, log: newLogger(s, io.Discard)}
			defer p.close()
			if err := p.open(t.Context()); err != nil {
				t.Fatal(err)
			}
			ctx, stop := context.WithCancel(t.Context())
			ended := make(chan error, 1)
			go func() { ended <- p.serve(ctx) }()
			for _, path := range profiles {
				if code, _ := get(t, address(p.shop)+path); code != http.StatusNotFound {
					t.Errorf("the shop's %s: HTTP %d, want 404", path, code)
				}
			}
			code, body := get(t, address(p.shop)+"/metrics")
			if elsewhere := ops != ""; elsewhere != (code == http.StatusNotFound) || !elsewhere && !strings.Contains(body, "shop_ready 1") {
				t.Errorf("the shop's /metrics: HTTP %d", code)
			}
			if ops != "" {
				askOps(t, address(p.ops))
			}
			stop()
			if err := <-ended; err != nil {
				t.Errorf("stopped with %v", err)
			}
		})
	}
}

func askOps(t *testing.T, ops string) {
	t.Helper()
	for _, path := range append(profiles, "/metrics", "/healthz", "/readyz") {
		if code, body := get(t, ops+path); code != http.StatusOK || body == "" {
			t.Errorf("OPS_ADDR %s: HTTP %d, %.200s", path, code, body)
		}
	}
	for path, want := range map[string]int{"/debug/pprof/heap": http.StatusMisdirectedRequest, "/metrics": http.StatusOK} {
		r, err := http.NewRequest(http.MethodGet, ops+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Host = "evil.example"
		res, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		_ = res.Body.Close()
		if res.StatusCode != want {
			t.Errorf("OPS_ADDR by another name, %s: %s, want %d", path, res.Status, want)
		}
	}
	if _, body := get(t, ops+"/metrics"); !strings.Contains(body, "shop_requests_total") || !strings.Contains(body, "go_goroutines") {
		t.Errorf("OPS_ADDR: these are not all metrics: %.300s", body)
	}
	for _, path := range []string{"/", "/cart", "/console", "/static/app.css"} {
		if code, _ := get(t, ops+path); code != http.StatusNotFound {
			t.Errorf("OPS_ADDR %s: HTTP %d, want 404", path, code)
		}
	}
}

func TestTakenAddress(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	for _, name := range []string{"ADDR", "SANDBOX_ADDR", "OPS_ADDR"} {
		err := run(t.Context(), nil, environ(t, name+"="+l.Addr().String()), io.Discard, io.Discard)
		if err == nil || !strings.HasPrefix(err.Error(), name+": ") || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s is taken: got %v, want one sentence that names it", name, err)
		}
	}
}

func TestUnusableDatabase(t *testing.T) {
	for _, url := range []string{"mysql://localhost", "sqlite:", "sqlite:/no/such/folder/warung.db",
		"postgres://shop:" + testSecret + "@127.0.0.1:1/warung", "postgres://shop:" + testSecret + "@127.0.0.1:x/%zz"} {
		log := &journal{}
		err := run(t.Context(), nil, environ(t, "DATABASE_URL="+url), io.Discard, log)
		if err == nil {
			t.Errorf("DATABASE_URL=%s: started", url)
			continue
		}
		if !strings.HasPrefix(err.Error(), "DATABASE_URL ") || strings.Contains(err.Error(), "\n") {
			t.Errorf("DATABASE_URL=%s: got %q, want one sentence that names it", url, err)
		}
		if strings.Contains(err.Error()+log.String(), testSecret) {
			t.Errorf("DATABASE_URL=%s: the password is in %q or in the log: %s", url, err, log)
		}
	}
}

// Outside of embedded mode there is no sandbox, whatever SANDBOX_ADDR says.
func TestNoSandboxInProduction(t *testing.T) {
	s, err := readSettings(environ(t, "JOKUL_ENVIRONMENT=production", "JOKUL_CLIENT_ID=MCH-1", "JOKUL_SECRET_KEY=SK-1",
		"BASE_URL=https://shop.example.com"))
	if err != nil {
		t.Fatal(err)
	}
	p := &program{settings: s, log: newLogger(s, io.Discard)}
	defer p.close()
	if err := p.open(t.Context()); err != nil {
		t.Fatal(err)
	}
	if p.till != nil || p.sandbox != nil || p.sandboxURL() != "" {
		t.Error("the sandbox was opened")
	}
}

func TestAddress(t *testing.T) {
	for listen, want := range map[string]string{"127.0.0.1:0": "http://127.0.0.1:", "0.0.0.0:0": "http://127.0.0.1:", ":0": "http://127.0.0.1:"} {
		l, err := net.Listen("tcp", listen)
		if err != nil {
			t.Fatal(err)
		}
		if got := address(l); !strings.HasPrefix(got, want) {
			t.Errorf("listening on %s: got %s", listen, got)
		}
		_ = l.Close()
	}
}

// A second shop on the same SQLite file, or with the same state of the sandbox, is refused in one sentence, before it
// takes an address or writes anything.
func TestASecondShopOnOneFile(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	dir := t.TempDir()
	database, state := filepath.Join(dir, "warung.db"), filepath.Join(dir, "sandbox.state")
	unlock, err := models.Lock("sqlite:" + database)
	if err != nil {
		t.Fatal(err)
	}
	sandboxLock := flock.New(state + ".lock")
	if locked, err := sandboxLock.TryLock(); err != nil || !locked {
		t.Fatal(locked, err)
	}
	for _, tt := range []struct{ says, database, state string }{
		{"DATABASE_URL sqlite:" + database + ": another shop is running", database, filepath.Join(dir, "other.state")},
		{"SANDBOX_STATE " + state + ": another sandbox is running", filepath.Join(dir, "other.db"), state},
	} {
		err := run(t.Context(), nil, environ(t, "ADDR="+taken.Addr().String(), "DATABASE_URL=sqlite:"+tt.database, "SANDBOX_STATE="+tt.state),
			io.Discard, io.Discard)
		if err == nil || !strings.HasPrefix(err.Error(), tt.says) || strings.Contains(err.Error(), "\n") {
			t.Errorf("got %v, want one sentence that begins with %q", err, tt.says)
		}
		for _, file := range []string{tt.database, tt.state} {
			if _, err := os.Stat(file); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("%s was written: %v", file, err)
			}
		}
	}
	if err := errors.Join(unlock(), sandboxLock.Unlock()); err != nil {
		t.Fatal(err)
	}
	p := openProgram(t, "DATABASE_URL=sqlite:"+database, "SANDBOX_STATE="+state)
	p.close()
	openProgram(t, "DATABASE_URL=sqlite:"+database, "SANDBOX_STATE="+state)
}

func openProgram(t *testing.T, more ...string) *program {
	t.Helper()
	s, err := readSettings(environ(t, more...))
	if err != nil {
		t.Fatal(err)
	}
	p := &program{settings: s, log: newLogger(s, io.Discard)}
	if err := p.open(t.Context()); err != nil {
		p.close()
		t.Fatal(err)
	}
	t.Cleanup(p.close)
	return p
}

// The commands are listed on request, and one that does not exist is refused in one sentence.
func TestHelp(t *testing.T) {
	for _, arg := range []string{"help", "--help", "-h"} {
		var out bytes.Buffer
		if err := run(t.Context(), []string{arg}, nil, &out, io.Discard); err != nil || !strings.Contains(out.String(), "warung backup FILE") {
			t.Errorf("%s: printed %q, failed with %v", arg, out.String(), err)
		}
	}
	err := run(t.Context(), []string{"sell"}, environ(t), io.Discard, io.Discard)
	if err == nil || !strings.Contains(err.Error(), "warung help") || strings.Contains(err.Error(), "\n") {
		t.Errorf("an unknown command failed with %v", err)
	}
}

// A demo's database is refused with the settings of a real shop until the demo is retired, and is that shop's then.
func TestRetireDemo(t *testing.T) {
	database := "DATABASE_URL=" + testdb.URL(t)
	openProgram(t, database).close()
	genuine := []string{database, "JOKUL_ENVIRONMENT=production", "JOKUL_CLIENT_ID=MCH-1", "JOKUL_SECRET_KEY=" + testSecret, "BASE_URL=https://shop.example.com"}
	said := func(more []string, args ...string) (string, string) {
		t.Helper()
		var out bytes.Buffer
		err := run(t.Context(), args, environ(t, more...), &out, io.Discard)
		if err == nil {
			return out.String(), ""
		}
		if strings.Contains(err.Error(), "\n") || strings.Contains(err.Error(), testSecret) {
			t.Errorf("%v: %v", args, err)
		}
		return out.String(), err.Error()
	}
	refused := func(says string, more []string, args ...string) {
		t.Helper()
		if out, failed := said(more, args...); out != "" || !strings.Contains(failed, says) {
			t.Errorf("%v: printed %q, failed with %q, want %q", args, out, failed, says)
		}
	}
	refused("warung retire-demo --yes", genuine)
	refused("say --yes", genuine, "retire-demo")
	refused("nothing else", genuine, "retire-demo", "--no")
	refused("nothing to retire", []string{database}, "retire-demo", "--yes")
	refused("warung retire-demo --yes", genuine) // nothing has changed
	if out, failed := said(genuine, "retire-demo", "--yes"); failed != "" ||
		!strings.Contains(out, "embedded "+embeddedClientID) || !strings.Contains(out, "belongs to production MCH-1") {
		t.Errorf("printed %q, failed with %q", out, failed)
	}
	openProgram(t, genuine...).close()
	refused("set those again", []string{database})
	refused("real", []string{database}, "retire-demo", "--yes")
}
