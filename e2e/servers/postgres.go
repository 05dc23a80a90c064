package servers

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
)

// Postgres is a PostgreSQL server of our own in a temporary folder.
type Postgres struct {
	*Server
	URL string // for DATABASE_URL

	dir, bin, port string
	as             *syscall.Credential
	settings       []string
}

// PostgresPassword is what opens it.
const PostgresPassword = "rahasia-contoh"

// NewPostgres makes and starts a server. It keeps what it commits, as it would in
// a shop, unless settings say otherwise.
func NewPostgres(settings ...string) (*Postgres, error) {
	initdb, err := Find("initdb", "postgresql")
	if err != nil {
		return nil, err
	}
	addr, err := Address()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "warung-postgres") // a place another user can get to
	if err != nil {
		return nil, err
	}
	_, port, _ := net.SplitHostPort(addr)
	p := &Postgres{dir: dir, bin: filepath.Dir(initdb), port: port, settings: settings,
		URL: fmt.Sprintf("postgres://warung:%s@%s/postgres?sslmode=disable", PostgresPassword, addr)}
	err = p.make()
	if err == nil {
		err = p.Start()
	}
	if err != nil {
		p.End()
		return nil, err
	}
	return p, nil
}

func (p *Postgres) make() error {
	if err := p.own(); err != nil {
		return err
	}
	secret := filepath.Join(p.dir, "password")
	if err := os.WriteFile(secret, []byte(PostgresPassword), 0o644); err != nil { // gone with the folder
		return err
	}
	initdb := exec.Command(filepath.Join(p.bin, "initdb"), "-D", p.data(), "-U", "warung", "-A", "scram-sha-256", "--pwfile", secret,
		"-E", "UTF8", "--locale", "C.UTF-8", "--no-sync")
	initdb.Dir, initdb.SysProcAttr = "/", &syscall.SysProcAttr{Credential: p.as}
	if out, err := initdb.CombinedOutput(); err != nil {
		return fmt.Errorf("initdb: %w\n%s", err, out)
	}
	return nil
}

// own gives the folder to Debian's user for it, for PostgreSQL does not run as
// root.
func (p *Postgres) own() error {
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

func (p *Postgres) data() string { return filepath.Join(p.dir, "data") }

// Start starts it, again after it was stopped or killed, and returns once it
// serves.
func (p *Postgres) Start() (err error) {
	argv := []string{filepath.Join(p.bin, "postgres"), "-D", p.data(), "-p", p.port,
		"-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories=", "-c", "max_connections=300"}
	for _, setting := range p.settings {
		argv = append(argv, "-c", setting)
	}
	if p.Server, err = Start(p.as, argv...); err != nil {
		return err
	}
	for deadline := time.Now().Add(2 * patience); time.Now().Before(deadline); <-time.After(50 * time.Millisecond) {
		conn, err := pgx.Connect(context.Background(), p.URL)
		if err == nil {
			return conn.Close(context.Background())
		}
	}
	return fmt.Errorf("PostgreSQL does not start:\n%s", p.Log.String())
}

// Kill ends the server and all it has started without a word.
func (p *Postgres) Kill() error {
	pid, err := os.ReadFile(filepath.Join(p.data(), "postmaster.pid"))
	if err != nil {
		return err
	}
	main, err := strconv.Atoi(strings.SplitN(string(pid), "\n", 2)[0])
	if err != nil {
		return err
	}
	if err := syscall.Kill(main, syscall.SIGQUIT); err != nil { // no farewell, no checkpoint
		return err
	}
	p.Stop()
	return nil
}

// End stops it for good.
func (p *Postgres) End() {
	if p.Server != nil {
		p.Stop()
	}
	_ = os.RemoveAll(p.dir)
}
