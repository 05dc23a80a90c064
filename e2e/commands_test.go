package e2e_test

import (
	"context"
	"maps"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"warungjokul/e2e/servers"
)

// command is a command of the docs and what it takes to run it here.
type command struct {
	says    string            // what it prints, a regular expression; or
	serves  string            // what it prints once it serves; it is stopped then
	environ map[string]string // what its reader has set
	with    map[string]string // what its reader puts in the place of names and addresses
	after   func(*testing.T)  // what must hold then
}

var (
	fenced    = regexp.MustCompile("(?ms)^ *```sh\n(.*?)^ *```$")
	continued = regexp.MustCompile(`\\\n\s*`)
	remark    = regexp.MustCompile(`\s+#.*$`)
)

// docsCommands lists the commands of all pages, each once.
func docsCommands(t *testing.T) []string {
	t.Helper()
	var list []string
	known := map[string]bool{}
	for _, pattern := range []string{"../*.md", "../docs/*.md"} {
		files, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			page, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			for _, block := range fenced.FindAllSubmatch(page, -1) {
				for line := range strings.Lines(continued.ReplaceAllString(string(block[1]), "")) {
					line = strings.TrimSpace(remark.ReplaceAllString(strings.TrimRight(line, "\n"), ""))
					if line != "" && !known[line] {
						known[line] = true
						list = append(list, line)
					}
				}
			}
		}
	}
	return list
}

// Every command of the docs is run as it stands, but for what a reader puts in:
// a code, an address, a file. make test is what runs now, and begins with make
// check.
func TestCommandsOfTheDocs(t *testing.T) {
	servers.Need(t, "sqlite3", "sqlite3")
	servers.Need(t, "pg_dump", "postgresql")
	dir := t.TempDir()
	database := filepath.Join(dir, "warung.db")
	p := start(t, dir, "DATABASE_URL=sqlite:"+database)
	v := visit(t, p)
	order := v.order("MNM-GAYO")
	s := v.await(order, "a code", hasCode)
	request := regexp.MustCompile(`msg="order placed".* request_id=(\S+)`).FindStringSubmatch(p.logs.String())
	if request == nil {
		t.Fatalf("no request_id in the log:\n%s", p.logs)
	}
	log := filepath.Join(dir, "warung.log")
	if err := os.WriteFile(log, []byte(p.logs.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	inFile := map[string]string{"warung.db": database, "warung.log": log, "1K8DBQGMMUUSGKOIKBL6PLOZ4": request[1]}
	copied := filepath.Join(dir, "copy.db")
	atShop := map[string]string{"DATABASE_URL": "sqlite:" + database}
	alone := map[string]string{"ADDR": "127.0.0.1:0", "SANDBOX_ADDR": "127.0.0.1:0", "DATABASE_URL": "sqlite:" + filepath.Join(dir, "alone.db"), "SANDBOX_STATE": filepath.Join(dir, "alone.state")}
	elsewhere, retired := maps.Clone(alone), maps.Clone(alone)
	elsewhere["DATABASE_URL"] = "sqlite:" + filepath.Join(dir, "elsewhere.db")
	maps.Copy(retired, map[string]string{"JOKUL_ENVIRONMENT": "sandbox", "JOKUL_CLIENT_ID": clientID, "JOKUL_SECRET_KEY": secret, "BASE_URL": "https://shop.example.com"})
	server := filledPostgres(t)
	onServer := map[string]string{"DATABASE_URL": server}
	dump := map[string]string{"warung.dump": filepath.Join(dir, "warung.dump")}
	shopAt := regexp.MustCompile(`127\.0\.0\.1:\d+`).FindString(p.sandbox)

	commands := map[string]command{
		"make run": {serves: `Warung Jokul +http://127.0.0.1:\d+`, environ: alone},
		`curl -d '{"payment_code":"8888888844445555","action":"pay"}' -H 'Content-Type: application/json' http://127.0.0.1:8081/control/payments`: {
			says: `SUCCESS|delivery|delivered`, with: map[string]string{"8888888844445555": s.PaymentCode, "127.0.0.1:8081": shopAt},
			after: func(t *testing.T) { v.await(order, "paid", isPaid) }},
		"go run ./jokul/cmd/jokul help": {says: "sandbox"},
		"go run ./jokul/cmd/jokul sandbox --notification-url http://127.0.0.1:9000/notifications": {
			serves: `http://127.0.0.1:\d+`, with: map[string]string{"--notification-url": "--addr 127.0.0.1:0 --notification-url"}},
		"JOKUL_CLIENT_ID=MCH-0000-STANDALONE JOKUL_SECRET_KEY=SK-standalone-not-a-secret go run ./jokul/examples/merchant": {serves: "127.0.0.1:9000"},
		"JOKUL_ENVIRONMENT=sandbox JOKUL_CLIENT_ID=... JOKUL_SECRET_KEY=... BASE_URL=https://shop.example.com CONSOLE_PASSWORD=... ./warung": {
			serves: `Warung Jokul +https://shop.example.com`, environ: elsewhere, with: map[string]string{"=...": "=MCH-0000-00000000000001"}},
		`grep 'request_id=1K8DBQGMMUUSGKOIKBL6PLOZ4' warung.log`: {says: "order placed", with: inFile},
		`sqlite3 warung.db "SELECT started_at, operation, invoice_number, status, problem FROM exchanges WHERE caused_by = '1K8DBQGMMUUSGKOIKBL6PLOZ4' AND caused_by <> ''"`: {
			says: s.InvoiceNumber, with: inFile},
		`sqlite3 warung.db "SELECT created_at, kind, detail FROM cases WHERE closed_at IS NULL ORDER BY created_at"`: {with: inFile},
		"make backup": {says: `copied to warung-.*\.db`, environ: atShop, after: func(t *testing.T) {
			made, _ := filepath.Glob("../warung-*-*.db") // the pattern is sound
			if len(made) == 0 {
				t.Error("there is no copy")
			}
			for _, file := range made {
				_ = os.Remove(file)
			}
		}},
		"./warung sandbox-key":       {says: `SK-embedded-\w+`, environ: alone},
		"./warung retire-demo --yes": {says: "are test orders now", environ: retired}, // of the demo that make run has started
		"./warung backup copy.db": {environ: atShop, with: map[string]string{"copy.db": copied}, after: func(t *testing.T) {
			if _, err := os.Stat(copied); err != nil {
				t.Error(err)
			}
		}},
		`pg_dump --format=custom --file=warung.dump "$DATABASE_URL"`:                               {environ: onServer, with: dump},
		`pg_restore --clean --if-exists --single-transaction --dbname="$DATABASE_URL" warung.dump`: {environ: onServer, with: dump},
		`psql "$DATABASE_URL" -c "VACUUM FULL ANALYZE"`:                                            {says: "VACUUM", environ: onServer},
		`psql "$DATABASE_URL" -c "CHECKPOINT"`:                                                     {says: "CHECKPOINT", environ: onServer},
		"make test":                                                                                {},
		"make check":                                                                               {},
	}
	listed := docsCommands(t)
	for _, line := range listed {
		c, known := commands[line]
		delete(commands, line)
		switch {
		case !known:
			t.Errorf("nothing runs %q", line)
		case line == "make test" || line == "make check":
		case c.serves != "":
			c.serve(t, line)
		default:
			c.run(t, line)
		}
	}
	for line := range commands {
		t.Errorf("no page has %q any more", line)
	}
}

// filledPostgres is a database of a PostgreSQL server with a shop's tables.
func filledPostgres(t *testing.T) string {
	t.Helper()
	servers.Need(t, "initdb", "postgresql")
	server, err := newPostgres(t)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.End)
	start(t, t.TempDir(), "DATABASE_URL="+server.URL).kill()
	return server.URL
}

// shell is a command in the shell, at the root of the repository, with what its
// reader has put in.
func (c command) shell(ctx context.Context, line string) *exec.Cmd {
	for name, own := range c.with {
		line = strings.ReplaceAll(line, name, own)
	}
	cmd := exec.CommandContext(ctx, "sh", "-c", line)
	cmd.Dir, cmd.Env = "..", os.Environ()
	for name, value := range c.environ {
		cmd.Env = append(cmd.Env, name+"="+value)
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // to be stopped with all it has started
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM) }
	return cmd
}

func (c command) run(t *testing.T, line string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	out, err := c.shell(ctx, line).CombinedOutput()
	if err != nil || !regexp.MustCompile(c.says).Match(out) {
		t.Errorf("%s\n%v, and not %q in\n%s", line, err, c.says, out)
	}
	if c.after != nil {
		c.after(t)
	}
}

// serve waits until the command says that it serves, or is there to be asked.
func (c command) serve(t *testing.T, line string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	cmd, said := c.shell(ctx, line), &servers.Log{}
	cmd.Stdout, cmd.Stderr = said, said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	defer func() { cancel(); <-ended }()
	for ctx.Err() == nil {
		if regexp.MustCompile(c.serves).MatchString(said.String()) || listens(c.serves) {
			return
		}
		select {
		case err := <-ended:
			ended <- err
			t.Errorf("%s\n%v\n%s", line, err, said)
			return
		case <-time.After(50 * time.Millisecond):
		}
	}
	t.Errorf("%s\ndoes not serve:\n%s", line, said)
}

func listens(address string) bool {
	conn, err := net.DialTimeout("tcp", address, time.Second)
	if err == nil {
		_ = conn.Close()
	}
	return err == nil
}
