package main

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"time"
)

// page is an answer of the shop, to be sent by the limit server as it stands.
type page struct {
	Status int
	Header http.Header
	Body   []byte
}

// serveLimit is the limit server, a process of its own: net/http and nothing
// else. It sends what is in the file, a JSON object of pages by address.
func serveLimit(file string) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	var pages map[string]page
	if err := json.Unmarshal(text, &pages); err != nil {
		return err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Println("http://" + l.Addr().String())
	return http.Serve(l, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/counters" {
			var m runtime.MemStats
			runtime.ReadMemStats(&m)
			_ = json.NewEncoder(w).Encode([]uint64{m.Mallocs, m.TotalAlloc})
			return
		}
		p, known := pages[r.RequestURI]
		if !known {
			http.NotFound(w, r)
			return
		}
		_, _ = io.Copy(io.Discard, r.Body)
		header := w.Header()
		for name, values := range p.Header {
			header[name] = values
		}
		w.WriteHeader(p.Status)
		_, _ = w.Write(p.Body)
	}))
}

// limitServer is that process, seen from outside.
type limitServer struct {
	base string
	cmd  *exec.Cmd
}

func startLimit(dir string, pages map[string]page) (*limitServer, error) {
	text, err := json.Marshal(pages)
	if err != nil {
		return nil, err
	}
	file := filepath.Join(dir, "pages.json")
	if err := os.WriteFile(file, text, 0o600); err != nil {
		return nil, err
	}
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	l := &limitServer{cmd: exec.Command(self, "limit", file)}
	l.cmd.Stderr = os.Stderr
	out, err := l.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := l.cmd.Start(); err != nil {
		return nil, err
	}
	_, err = fmt.Fscanln(out, &l.base)
	return l, err
}

func (l *limitServer) counters(ctx context.Context) (counters, error) {
	p, err := fetch(ctx, l.base+"/counters", "")
	if err != nil {
		return counters{}, err
	}
	var used [2]float64
	err = json.Unmarshal(p.Body, &used)
	return counters{mallocs: used[0], bytes: used[1], cpu: cpuTime(l.cmd.Process.Pid)}, err
}

func (l *limitServer) stop() {
	_ = l.cmd.Process.Kill()
	_ = l.cmd.Wait() // killed, it says
}

// commits is how many rows a second one after the other can be made durable: one
// prepared statement, one row, one commit, with the settings of the shop.
type commits struct {
	db     *sql.DB
	insert *sql.Stmt
}

func openCommits(ctx context.Context, dir string) (*commits, error) {
	db, err := sql.Open("sqlite3", "file:"+filepath.Join(dir, "commits.db")+"?_journal_mode=WAL&_synchronous=FULL&_txlock=immediate")
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(1)
	if _, err := db.ExecContext(ctx, "PRAGMA wal_autocheckpoint = 8000; CREATE TABLE commits (id integer PRIMARY KEY, text text NOT NULL)"); err != nil {
		return nil, err
	}
	insert, err := db.PrepareContext(ctx, "INSERT INTO commits (text) VALUES (?)")
	return &commits{db, insert}, err
}

func (c *commits) measure(ctx context.Context, lasts time.Duration) (m measurement, err error) {
	began := time.Now()
	for time.Since(began) < lasts {
		started := time.Now()
		if _, err := c.insert.ExecContext(ctx, "a row of some length, as short ones are"); err != nil {
			return m, err
		}
		m.latencies = append(m.latencies, time.Since(started))
	}
	m.took = time.Since(began)
	return m, nil
}
