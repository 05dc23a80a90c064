package main

import (
	"bufio"
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"time"

	_ "github.com/mattn/go-sqlite3"
	vegeta "github.com/tsenart/vegeta/v12/lib"

	"warungjokul/e2e/servers"
)

const (
	clientID = "MCH-0000-00000000000001"
	secret   = "SK-contoh-bukan-rahasia-0001"
	notify   = "/payments/notifications"
	patience = 20 * time.Second
)

// build makes a program by a command.
func build(ctx context.Context, name string, args ...string) error {
	out, err := exec.CommandContext(ctx, name, args...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("build: %w\n%s", err, out)
	}
	return nil
}

// shop is one running shop with so many orders in its database.
type shop struct {
	binary, dir string
	orders      int
	environ     []string // besides what all have

	cmd        *exec.Cmd
	base, ops  string
	coldStarts []time.Duration
	driver     string  // of its database
	db         *sql.DB // beside the shop, to put orders in

	tokens  []string // of orders that were placed and have a code
	cookies string   // of a browser that has a cart with one thing in it
	asset   string   // address of the stylesheet
	unpaid  []invoice
	repeats []vegeta.Target // notifications that were applied
}

// open fills a new database and starts the shop on it.
func (s *shop) open(ctx context.Context, tokens int) error {
	if err := os.MkdirAll(s.dir, 0o700); err != nil {
		return err
	}
	if err := s.start(ctx); err != nil { // makes the tables
		return err
	}
	if err := s.stop(); err != nil {
		return err
	}
	var err error
	s.driver = "sqlite3"
	if s.db, err = sql.Open(s.driver, "file:"+s.database()+"?_busy_timeout=10000&_synchronous=OFF"); err != nil {
		return err
	}
	s.db.SetMaxOpenConns(1)
	if err := s.fill(ctx); err != nil {
		return fmt.Errorf("fill: %w", err)
	}
	s.coldStarts = nil // that one made the tables
	for range 3 {
		if err := errors.Join(s.start(ctx), s.stop()); err != nil {
			return err
		}
	}
	if err := s.start(ctx); err != nil {
		return err
	}
	return s.placeOrders(ctx, tokens)
}

func (s *shop) database() string { return filepath.Join(s.dir, "warung.db") }

// start starts the program and waits for its first page.
func (s *shop) start(ctx context.Context) error {
	addr, err := servers.Address()
	if err != nil {
		return err
	}
	ops, err := servers.Address()
	if err != nil {
		return err
	}
	log, err := os.OpenFile(filepath.Join(s.dir, "log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer log.Close()
	s.cmd = exec.Command(s.binary)
	s.cmd.Dir, s.cmd.Stderr = s.dir, log
	s.cmd.Env = append([]string{"ADDR=" + addr, "SANDBOX_ADDR=127.0.0.1:0", "OPS_ADDR=" + ops, "LOG_FORMAT=json", "RATE_LIMIT=off",
		"JOKUL_CLIENT_ID=" + clientID, "JOKUL_SECRET_KEY=" + secret, "PUBLIC_DEMO=yes"}, s.environ...)
	out, err := s.cmd.StdoutPipe()
	if err != nil {
		return err
	}
	began := time.Now()
	if err := s.cmd.Start(); err != nil {
		return err
	}
	if _, err := bufio.NewReader(out).ReadString('\n'); err != nil { // where it is, once it listens
		said, _ := os.ReadFile(log.Name())
		return errors.Join(fmt.Errorf("it did not start:\n%s", said), s.stop())
	}
	s.base, s.ops = "http://"+addr, "http://"+ops
	if _, err := fetch(ctx, s.base+"/", ""); err != nil {
		return err
	}
	s.coldStarts = append(s.coldStarts, time.Since(began))
	return nil
}

func (s *shop) stop() error {
	if s.cmd == nil || s.cmd.Process == nil {
		return nil
	}
	cmd := s.cmd
	s.cmd = nil
	_ = cmd.Process.Signal(syscall.SIGTERM)
	return cmd.Wait()
}

// placeOrders has shoppers order, each one thing, and keeps where their orders are.
func (s *shop) placeOrders(ctx context.Context, n int) error {
	res, err := send(ctx, http.MethodPost, s.base+"/cart/items", "", url.Values{"sku": {"MNM-GAYO"}, "quantity": {"1"}})
	if err != nil {
		return err
	}
	var cookies []string
	for _, c := range res.Cookies() {
		cookies = append(cookies, c.Name+"="+c.Value)
	}
	s.cookies = strings.Join(cookies, "; ")
	for range n {
		form, err := s.checkoutForm(ctx)
		if err != nil {
			return err
		}
		res, err := send(ctx, http.MethodPost, s.base+"/checkout", s.cookies, form)
		if err != nil {
			return err
		}
		token, ok := strings.CutPrefix(res.Header.Get("Location"), "/orders/")
		if !ok {
			return fmt.Errorf("checkout: %s to %q", res.Status, res.Header.Get("Location"))
		}
		s.tokens = append(s.tokens, token)
	}
	return nil
}

var checkoutID = regexp.MustCompile(`name="checkout_id" value="([^"]+)"`)

// checkoutForm asks for the checkout's form and fills it in as a shopper would.
func (s *shop) checkoutForm(ctx context.Context) (url.Values, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.base+"/checkout", nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Cookie", s.cookies)
	res, err := plain.Do(req)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	id := checkoutID.FindSubmatch(body)
	if err == nil && id == nil {
		err = fmt.Errorf("no form at the checkout: %s", res.Status)
	}
	if err != nil {
		return nil, err
	}
	return url.Values{"name": {"Budi Santoso"}, "email": {"budi@example.com"}, "phone": {"081234567890"}, "checkout_id": {string(id[1])}}, nil
}

var plain = http.Client{Timeout: patience, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}

func send(ctx context.Context, method, address, cookie string, form url.Values) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, method, address, strings.NewReader(form.Encode()))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Cookie", cookie)
	res, err := plain.Do(req)
	if err != nil {
		return nil, err
	}
	_, err = io.Copy(io.Discard, res.Body)
	return res, errors.Join(err, res.Body.Close())
}

// fetch loads a page whole, compressed if encoding says so.
func fetch(ctx context.Context, address, encoding string) (page, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return page{}, err
	}
	for name, values := range browser {
		req.Header[name] = values
	}
	req.Header.Set("Accept-Encoding", encoding)
	res, err := plain.Do(req)
	if err != nil {
		return page{}, err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err == nil && res.StatusCode != http.StatusOK {
		err = fmt.Errorf("GET %s: %s", address, res.Status)
	}
	header := res.Header.Clone()
	header.Del("Date")
	return page{Status: res.StatusCode, Header: header, Body: body}, err
}

// counters are what the process has used so far.
type counters struct {
	mallocs, bytes float64
	cpu            time.Duration
}

var counted = regexp.MustCompile(`(?m)^go_memstats_(mallocs|alloc_bytes)_total (\S+)$`)

func (s *shop) counters(ctx context.Context) (counters, error) {
	metrics, err := fetch(ctx, s.ops+"/metrics", "")
	c := counters{cpu: cpuTime(s.cmd.Process.Pid)}
	for _, m := range counted.FindAllSubmatch(metrics.Body, -1) {
		value, _ := strconv.ParseFloat(string(m[2]), 64) // as prometheus printed it
		if string(m[1]) == "mallocs" {
			c.mallocs = value
		} else {
			c.bytes = value
		}
	}
	return c, err
}

// cpuTime is what a process has used of its machine; Linux counts it in hundredths
// of a second.
func cpuTime(pid int) time.Duration {
	return readProcess(pid).used
}

// process is what Linux tells of one.
type process struct {
	parent int
	used   time.Duration
	ended  time.Duration // what children that have ended had used
}

func readProcess(pid int) (p process) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return p
	}
	fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
	number := func(i int) int {
		n, _ := strconv.Atoi(fields[i])
		return n
	}
	p.parent = number(1)
	p.used = time.Duration(number(11)+number(12)) * 10 * time.Millisecond
	p.ended = time.Duration(number(13)+number(14)) * 10 * time.Millisecond
	return p
}

// memory is what a process holds, in MB: what it made itself, and of its file what
// it has looked at, which the machine may drop and read again.
func memory(pid int) float64 { return status(pid, "VmRSS:") }

func ownMemory(pid int) float64 { return status(pid, "RssAnon:") }

// status reads a line of what Linux says about a process, in MB.
func status(pid int, name string) float64 {
	text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	for line := range strings.Lines(string(text)) {
		if fields := strings.Fields(line); fields[0] == name {
			kilobytes, _ := strconv.ParseFloat(fields[1], 64)
			return kilobytes / 1024
		}
	}
	return 0
}
