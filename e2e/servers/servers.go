// Package servers starts what several shops need, PostgreSQL and nginx, from the
// packages of this machine: in folders and at ports of their own, beside the
// machine's services, which are never touched.
package servers

import (
	"bytes"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"
)

const patience = 20 * time.Second

// Find looks for another's program, which comes with a package.
func Find(name, pkg string) (string, error) {
	if found, err := exec.LookPath(name); err == nil {
		return found, nil
	}
	// Debian keeps some where only their own tools look.
	places, _ := filepath.Glob("/usr/lib/postgresql/*/bin/" + name)
	places = append(places, "/usr/sbin/"+name)
	for _, place := range slices.Backward(places) { // the newest is last
		if _, err := os.Stat(place); err == nil {
			return place, nil
		}
	}
	return "", fmt.Errorf("%s is not here: apt-get install %s", pkg, pkg)
}

// Need finds a program for a test, which is left out where it cannot be had. CI
// leaves nothing out.
func Need(t testing.TB, name, pkg string) string {
	t.Helper()
	found, err := Find(name, pkg)
	if err != nil && os.Getenv("CI") == "true" {
		t.Fatal(err)
	}
	if err != nil {
		t.Skip(err)
	}
	return found
}

// Address is a free one that no outgoing connection will take while its program
// is down: its port lies below those the system hands out.
func Address() (string, error) {
	for range 200 {
		addr := fmt.Sprintf("127.0.0.1:%d", 20_000+rand.IntN(12_000))
		if l, err := net.Listen("tcp", addr); err == nil {
			return addr, l.Close()
		}
	}
	return "", errors.New("no free port")
}

// Log is what a program says, and may be read meanwhile.
type Log struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *Log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *Log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// Server is another's program that ends when its leash is let go: with whoever
// started it, however that ends.
type Server struct {
	Log     Log
	command *exec.Cmd
	leash   io.Closer
}

const leash = `"$@" </dev/null & child=$!; read _; kill -INT $child; wait $child`

// Start starts a program, as another user where one is given.
func Start(as *syscall.Credential, argv ...string) (*Server, error) {
	s := &Server{command: exec.Command("sh", append([]string{"-c", leash, "sh"}, argv...)...)}
	s.command.Dir, s.command.Stdout, s.command.Stderr = "/", &s.Log, &s.Log
	s.command.SysProcAttr = &syscall.SysProcAttr{Credential: as}
	var err error
	if s.leash, err = s.command.StdinPipe(); err != nil {
		return nil, err
	}
	return s, s.command.Start()
}

// Await returns once an address of the server answers 200, whatever certificate
// it has.
func (s *Server) Await(address string) error {
	client := http.Client{Timeout: patience, Transport: &http.Transport{DisableKeepAlives: true, TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}}
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); <-time.After(20 * time.Millisecond) {
		if res, err := client.Get(address); err == nil {
			_ = res.Body.Close()
			if res.StatusCode == http.StatusOK {
				return nil
			}
		}
	}
	return fmt.Errorf("%s does not serve:\n%s", address, s.Log.String())
}

// PID is the process whose children the program's are.
func (s *Server) PID() int { return s.command.Process.Pid }

// Stop ends the program as an operator does.
func (s *Server) Stop() {
	_ = s.leash.Close()
	_ = s.command.Wait()
}
