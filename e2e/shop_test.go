// Package e2e_test runs the shop as people do: the real program, built with the
// race detector, over real sockets, on real files, in a real browser.
package e2e_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"warungjokul/e2e/servers"
	"warungjokul/jokul"
	"warungjokul/models/testdb"
)

// The programs under test: the shop, and the gateway that runs by itself.
var (
	binary, gateway string
	built           = flag.String("built", "", "the folder in which they are built already")
)

func TestMain(m *testing.M) {
	flag.Parse()
	os.Exit(func() int {
		dir := *built
		if dir == "" {
			var err error
			if dir, err = os.MkdirTemp("", "warung"); err == nil {
				defer os.RemoveAll(dir)
				err = build(dir)
			}
			if err != nil {
				fmt.Fprintln(os.Stderr, err)
				return 1
			}
		}
		binary, gateway = filepath.Join(dir, "warung"), filepath.Join(dir, "jokul")
		defer func() {
			if shared.Postgres != nil {
				shared.End()
			}
			if chromium.stop != nil {
				chromium.stop()
			}
		}()
		return m.Run()
	}())
}

func build(dir string) error {
	for name, pkg := range map[string]string{"warung": "..", "jokul": "../jokul/cmd/jokul"} {
		if out, err := exec.Command("go", "build", "-race", "-o", filepath.Join(dir, name), pkg).CombinedOutput(); err != nil {
			return fmt.Errorf("build: %w\n%s", err, out)
		}
	}
	return nil
}

const (
	clientID = "MCH-0000-00000000000001"
	secret   = "SK-contoh-bukan-rahasia-0001"
	path     = "/payments/notifications"

	// patience ends a wait that would never end. It is no measure of speed: on a
	// busy machine everything may take long.
	patience = 3 * time.Minute
)

// program is one running shop with its sandbox.
type program struct {
	shop, sandbox string
	cmd           *exec.Cmd
	logs          *servers.Log
	links         chan string // where the console is, as the shop's terminal says: first at the start, then for each link used
}

var address = regexp.MustCompile(`http://[0-9.:]+`)

// start runs the shop in dir; more settings may be given as NAME=value. Its gateway is given the credentials that the tests
// sign with.
func start(t *testing.T, dir string, environ ...string) *program {
	t.Helper()
	p := &program{logs: &servers.Log{}, links: make(chan string, 100)}
	p.cmd = exec.Command(binary)
	p.cmd.Dir = dir
	p.cmd.Env = append([]string{"ADDR=127.0.0.1:0", "SANDBOX_ADDR=127.0.0.1:0", "LOG_FORMAT=text",
		"JOKUL_CLIENT_ID=" + clientID, "JOKUL_SECRET_KEY=" + secret, "PUBLIC_DEMO=yes", "DATABASE_URL=" + databaseOf(t, dir)}, environ...)
	p.cmd.Stderr = p.logs
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		p.kill()
		if t.Failed() {
			t.Logf("the shop said:\n%s", p.logs)
		}
		if strings.Contains(p.logs.String(), "DATA RACE") {
			t.Errorf("data race:\n%s", p.logs)
		}
		if strings.Contains(p.logs.String(), secret) {
			t.Error("the Secret Key is in the log")
		}
	})
	started := make(chan bool, 1)
	go func() {
		for lines := bufio.NewScanner(out); lines.Scan(); {
			line := lines.Text()
			switch at := address.FindString(line); {
			case strings.HasPrefix(line, "Warung Jokul "):
				p.shop = at
			case strings.HasPrefix(line, "Till simulator "):
				p.sandbox = at
			case strings.HasPrefix(line, "Console "): // the last line of the start
				p.links <- strings.TrimSpace(strings.TrimPrefix(line, "Console "))
				select {
				case started <- true:
				default:
				}
			}
		}
		close(started)
	}()
	if !<-started {
		t.Fatalf("the shop did not start:\n%s", p.logs)
	}
	return p
}

// link is the one-time link of a demo. There is another when it has been used.
func (p *program) link() string { return <-p.links }

// open has a visitor use the one-time link of a demo, which opens the console, the mailbox and the tour.
func (v visitor) open(p *program) {
	v.t.Helper()
	res, err := v.Get(p.link())
	if err != nil {
		v.t.Fatal(err)
	}
	_ = res.Body.Close()
	if res.StatusCode != http.StatusSeeOther || res.Header.Get("Location") != "/console" {
		v.t.Fatalf("the one-time link: %s to %q", res.Status, res.Header.Get("Location"))
	}
}

var databases sync.Map // by folder, for a shop that is started there again

// databaseOf is the database of the shop in a folder.
func databaseOf(t *testing.T, dir string) string {
	t.Helper()
	if known, ok := databases.Load(dir); ok {
		return known.(string)
	}
	database := "sqlite:warung.db"
	if testdb.Server() != "" {
		database = testdb.URL(t)
	}
	databases.Store(dir, database)
	return database
}

// kill ends the program without a word, as a power cut would.
func (p *program) kill() {
	_ = p.cmd.Process.Kill()
	_ = p.cmd.Wait()
}

// visitor is a shopper's browser, as far as HTTP goes.
type visitor struct {
	t *testing.T
	*http.Client
	shop string
}

func visit(t *testing.T, p *program) visitor {
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	v := visitor{t, &http.Client{Jar: jar, Timeout: patience,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}, p.shop}
	v.get("/?lang=en")
	return v
}

func (v visitor) post(path string, form url.Values) *http.Response {
	v.t.Helper()
	res, err := v.PostForm(v.shop+path, form)
	if err != nil {
		v.t.Fatal(err)
	}
	_ = res.Body.Close()
	return res
}

func (v visitor) get(path string) (int, string) {
	v.t.Helper()
	res, err := v.Get(v.shop + path)
	if err != nil {
		v.t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		v.t.Fatal(err)
	}
	return res.StatusCode, string(body)
}

func (v visitor) fill(sku, quantity string) {
	v.t.Helper()
	res := v.post("/cart/items", url.Values{"sku": {sku}, "quantity": {quantity}})
	if res.StatusCode != http.StatusSeeOther || res.Header.Get("Location") != "/cart" {
		v.t.Fatalf("add to cart: %s, Location %q", res.Status, res.Header.Get("Location"))
	}
}

// customer fills in the checkout's form.
func (v visitor) customer() url.Values {
	v.t.Helper()
	_, page := v.get("/checkout")
	form := filledIn(page)
	if form.Get("checkout_id") == "" {
		v.t.Fatal("there is no checkout form")
	}
	return form
}

var checkoutID = regexp.MustCompile(`name="checkout_id" value="([^"]+)"`)

// filledIn is the form on a page of the checkout, with a customer.
func filledIn(page string) url.Values {
	form := url.Values{"name": {"Budi Santoso"}, "email": {"budi@example.com"}, "phone": {"0812-3456-7890"}}
	if id := checkoutID.FindStringSubmatch(page); id != nil {
		form.Set("checkout_id", id[1])
	}
	return form
}

// order buys one thing and returns the path of its page.
func (v visitor) order(sku string) string {
	v.t.Helper()
	v.fill(sku, "1")
	res := v.post("/checkout", v.customer())
	if res.StatusCode != http.StatusSeeOther || !strings.HasPrefix(res.Header.Get("Location"), "/orders/") {
		v.t.Fatalf("checkout: %s, Location %q", res.Status, res.Header.Get("Location"))
	}
	return res.Header.Get("Location")
}

type status struct {
	OrderStatus   string     `json:"order_status"`
	PaymentStatus string     `json:"payment_status"`
	InvoiceNumber string     `json:"invoice_number"`
	PaymentCode   string     `json:"payment_code"`
	Amount        int64      `json:"amount"`
	ExpiresAt     *time.Time `json:"expires_at"`
	PaidAt        *time.Time `json:"paid_at"`
	Attempt       int        `json:"attempt"`
	ServerTime    time.Time  `json:"server_time"`
}

func (v visitor) status(order string) status {
	v.t.Helper()
	code, body := v.get(order + "/status")
	var s status
	if err := json.Unmarshal([]byte(body), &s); err != nil || code != http.StatusOK {
		v.t.Fatalf("status: HTTP %d, %s, %v", code, body, err)
	}
	return s
}

// await asks for the status until it is as wanted.
func (v visitor) await(order string, what string, ok func(status) bool) status {
	v.t.Helper()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(patience)
	for {
		s := v.status(order)
		if ok(s) {
			return s
		}
		select {
		case <-tick.C:
		case <-deadline:
			v.t.Fatalf("waited in vain for %s: %+v", what, s)
		}
	}
}

func hasCode(s status) bool { return s.PaymentCode != "" && s.PaymentStatus == "pending" }
func isPaid(s status) bool  { return s.OrderStatus == "paid" && s.PaymentStatus == "paid" }

// control drives the sandbox and returns its answer.
func control(t *testing.T, p *program, method, path string, body any) map[string]any {
	t.Helper()
	raw, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	req, err := http.NewRequest(method, p.sandbox+path, bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	var answer map[string]any
	if err := json.NewDecoder(res.Body).Decode(&answer); err != nil || res.StatusCode/100 != 2 {
		t.Fatalf("%s %s: %s, %v, %v", method, path, res.Status, answer, err)
	}
	return answer
}

func act(t *testing.T, p *program, code, action string) {
	t.Helper()
	control(t, p, http.MethodPost, "/control/payments", map[string]string{"payment_code": code, "action": action})
}

func TestLoop(t *testing.T) {
	p := start(t, t.TempDir())
	v := visit(t, p)
	order := v.order("MNM-GAYO")
	s := v.await(order, "a code", hasCode)
	if len(s.PaymentCode) != 16 || s.Amount != 90_000 || s.Attempt != 1 || s.OrderStatus != "awaiting_payment" || s.ExpiresAt == nil || s.PaidAt != nil {
		t.Errorf("got %+v", s)
	}
	_, page := v.get(order)
	if !strings.Contains(page, `data-code="`+s.PaymentCode+`"`) || !strings.Contains(page, `data-state="waiting"`) ||
		!strings.Contains(page, p.sandbox+"/simulator?payment_code="+s.PaymentCode) {
		t.Error("the page lacks the code, its state or the simulator's link")
	}
	act(t, p, s.PaymentCode, "pay")
	paid := v.await(order, "paid", isPaid)
	if paid.PaidAt == nil {
		t.Error("paid_at is missing")
	}
	control(t, p, http.MethodPost, "/control/deliveries/1/resend", map[string]string{})
	control(t, p, http.MethodPost, "/control/deliveries/1/resend", map[string]string{})
	_, page = v.get(order)
	if n := strings.Count(page, "Till transaction"); n != 1 {
		t.Errorf("the page lists %d receipts, want 1", n)
	}
	if strings.Contains(page, `data-code=`) {
		t.Error("a paid order still shows its code")
	}
}

func TestKilledBetweenCodeAndPayment(t *testing.T) {
	dir := t.TempDir()
	ports := []string{"ADDR=" + freePort(t), "SANDBOX_ADDR=" + freePort(t)}
	p := start(t, dir, ports...)
	v := visit(t, p)
	order := v.order("MNM-GAYO")
	s := v.await(order, "a code", hasCode)
	p.kill()

	p = start(t, dir, ports...)
	if again := v.status(order); again.PaymentCode != s.PaymentCode {
		t.Fatalf("code %q became %q", s.PaymentCode, again.PaymentCode)
	}
	act(t, p, s.PaymentCode, "pay")
	v.await(order, "paid", isPaid)
}

func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

func TestGatewayAway(t *testing.T) {
	dir, sandboxAddr := t.TempDir(), freePort(t)
	// One program lends its sandbox to the other, and is gone at first.
	p := start(t, t.TempDir(), "JOKUL_BASE_URL=http://"+sandboxAddr)
	v := visit(t, p)
	order := v.order("MNM-GAYO")
	code, page := v.get(order)
	if code != http.StatusOK || !strings.Contains(page, `data-state="preparing"`) || !strings.Contains(page, "Your order is safe with us") {
		t.Errorf("HTTP %d; the page does not say that the order is kept", code)
	}
	start(t, dir, "SANDBOX_ADDR="+sandboxAddr)
	v.await(order, "a code once the gateway is back", hasCode)
}

func TestOneFormIsOneOrder(t *testing.T) {
	p := start(t, t.TempDir())
	v := visit(t, p)
	v.fill("MNM-GAYO", "1")
	const presses = 20
	form := v.customer()
	locations := make(chan string, presses)
	for range presses {
		go func() {
			res, err := v.PostForm(p.shop+"/checkout", form)
			if err != nil {
				locations <- err.Error()
				return
			}
			_ = res.Body.Close()
			locations <- fmt.Sprint(res.StatusCode, res.Header.Get("Location"))
		}()
	}
	first := <-locations
	for range presses - 1 {
		if other := <-locations; other != first {
			t.Errorf("got %q and %q", first, other)
		}
	}
	v.await(strings.TrimPrefix(first, "303"), "a code", hasCode)
	requests, _ := json.Marshal(control(t, p, http.MethodGet, "/control/requests", nil))
	if n := strings.Count(string(requests), `payment-code"`); n != 1 {
		t.Errorf("the gateway was asked %d times for a code, want once: %s", n, requests)
	}
}

// notify posts a notification and returns the answer's status.
func notify(t *testing.T, p *program, body string, change func(*jokul.Component, http.Header)) int {
	t.Helper()
	c := jokul.Component{ClientID: clientID, RequestID: fmt.Sprint("r-", time.Now().UnixNano()),
		Timestamp: time.Now().UTC().Format(jokul.TimestampLayout), Target: path, Digest: jokul.Digest([]byte(body))}
	h := http.Header{}
	h.Set(jokul.HeaderRequestID, c.RequestID)
	h.Set(jokul.HeaderRequestTimestamp, c.Timestamp)
	change(&c, h)
	h.Set(jokul.HeaderClientID, c.ClientID)
	if h.Get(jokul.HeaderSignature) == "" {
		h.Set(jokul.HeaderSignature, jokul.Sign(secret, c))
	}
	req, err := http.NewRequest(http.MethodPost, p.shop+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header = h
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	_ = res.Body.Close()
	return res.StatusCode
}

func genuine(*jokul.Component, http.Header) {}

func TestNotifications(t *testing.T) {
	p := start(t, t.TempDir())
	v := visit(t, p)
	order := v.order("MNM-GAYO")
	s := v.await(order, "a code", hasCode)
	body := func(invoice string, amount int64) string {
		return fmt.Sprintf(`{"order":{"invoice_number":%q,"amount":%d},"transaction":{"status":"SUCCESS","date":"2026-11-23T03:00:00Z"},
			"channel":{"id":"ONLINE_TO_OFFLINE_INDOMARET"},"online_to_offline_info":{"payment_code":%q}}`, invoice, amount, s.PaymentCode)
	}
	right := body(s.InvoiceNumber, s.Amount)

	refusals := map[string]func(*jokul.Component, http.Header){
		"wrong signature": func(_ *jokul.Component, h http.Header) {
			h.Set(jokul.HeaderSignature, "HMACSHA256=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=")
		},
		"no Request-Id":   func(_ *jokul.Component, h http.Header) { h.Del(jokul.HeaderRequestID) },
		"wrong Client-Id": func(c *jokul.Component, _ http.Header) { c.ClientID = "MCH-0000-00000000000002" },
		"wrong path":      func(c *jokul.Component, _ http.Header) { c.Target += "/" },
	}
	for name, change := range refusals {
		if got := notify(t, p, right, change); got != http.StatusUnauthorized {
			t.Errorf("%s: HTTP %d, want 401", name, got)
		}
	}
	for name, amount := range map[string]int64{"too little": s.Amount - 1, "too much": s.Amount + 1} {
		if got := notify(t, p, body(s.InvoiceNumber, amount), genuine); got != http.StatusOK {
			t.Errorf("%s: HTTP %d, want 200", name, got)
		}
	}
	if got := notify(t, p, body("WJ-NOBODY-1", s.Amount), genuine); got != http.StatusOK {
		t.Errorf("unknown invoice number: HTTP %d, want 200", got)
	}
	if got := notify(t, p, strings.Repeat("x", 1<<20), genuine); got != http.StatusRequestEntityTooLarge {
		t.Errorf("1 MB: HTTP %d, want 413", got)
	}
	if got := v.status(order); got.OrderStatus != "awaiting_payment" {
		t.Errorf("the order is %s", got.OrderStatus)
	}
	if _, page := v.get(order); !strings.Contains(page, `data-testid="attention"`) {
		t.Error("the wrong amount is not flagged")
	}
	if got := notify(t, p, right, genuine); got != http.StatusOK {
		t.Errorf("the right one: HTTP %d, want 200", got)
	}
	v.await(order, "paid", isPaid)
	if _, metrics := v.get("/metrics"); !strings.Contains(metrics, `notifications_total{verdict="rejected"} 4`) {
		t.Error("the rejected notifications are not counted")
	}
}

func TestEvents(t *testing.T) {
	p := start(t, t.TempDir())
	v := visit(t, p)
	order := v.order("MNM-GAYO")
	s := v.await(order, "a code", hasCode)
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, p.shop+order+"/events", nil)
	if err != nil {
		t.Fatal(err)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	var last status
	paying := false
	for lines := bufio.NewScanner(res.Body); lines.Scan(); {
		data, ok := strings.CutPrefix(lines.Text(), "data: ")
		if !ok {
			continue
		}
		if err := json.Unmarshal([]byte(data), &last); err != nil {
			t.Fatal(err)
		}
		if !paying {
			paying = true
			act(t, p, s.PaymentCode, "pay")
		}
	}
	if !isPaid(last) {
		t.Errorf("the stream ended with %+v", last)
	}
}

func TestExpiryAndNewCode(t *testing.T) {
	p := start(t, t.TempDir(), "RATE_LIMIT=off")
	v := visit(t, p)
	order := v.order("KRJ-BATIK")
	first := v.await(order, "a code", hasCode)
	act(t, p, first.PaymentCode, "expire")
	if res := v.post(order+"/check", nil); res.StatusCode != http.StatusSeeOther {
		t.Fatalf("check: %s", res.Status)
	}
	v.await(order, "expired", func(s status) bool { return s.OrderStatus == "expired" && s.PaymentStatus == "expired" })
	if _, page := v.get(order); !strings.Contains(page, `data-state="expired"`) || strings.Contains(page, "data-code=") {
		t.Error("an expired order's page is wrong")
	}
	v.post(order+"/payments", nil)
	second := v.await(order, "a second code", hasCode)
	if second.Attempt != 2 || second.PaymentCode == first.PaymentCode || second.InvoiceNumber == first.InvoiceNumber {
		t.Errorf("got %+v after %+v", second, first)
	}
	act(t, p, second.PaymentCode, "pay")
	v.await(order, "paid", isPaid)
}

func TestReusableCode(t *testing.T) {
	p := start(t, t.TempDir())
	v := visit(t, p)
	order := v.order("VCR-CELENGAN")
	s := v.await(order, "a code", hasCode)
	act(t, p, s.PaymentCode, "pay")
	act(t, p, s.PaymentCode, "pay")
	v.await(order, "paid", isPaid)
	_, page := v.get(order)
	if strings.Count(page, "Till transaction") != 2 || !strings.Contains(page, "50.000") || !strings.Contains(page, "data-code=") || strings.Contains(page, `data-testid="attention"`) {
		t.Error("a reusable code's page does not show both payments and the code")
	}
}

func TestBadInput(t *testing.T) {
	p := start(t, t.TempDir(), "RATE_LIMIT=off")
	v := visit(t, p)
	for path, form := range map[string]url.Values{
		"/cart/items":          {"sku": {"NOBODY"}},
		"/cart/items/":         {"quantity": {"1"}},
		"/cart/items/MNM-GAYO": {"quantity": {"-1"}},
	} {
		if res := v.post(path, form); res.StatusCode/100 != 4 {
			t.Errorf("POST %s: %s, want 4xx", path, res.Status)
		}
	}
	for _, quantity := range []string{"-1", "1e3", "100", "x"} {
		if res := v.post("/cart/items", url.Values{"sku": {"MNM-GAYO"}, "quantity": {quantity}}); res.StatusCode != http.StatusUnprocessableEntity {
			t.Errorf("quantity %s: %s, want 422", quantity, res.Status)
		}
	}
	for _, path := range []string{"/nothing", "/products/nothing", "/orders/nothing", "/orders/nothing/status", "/orders/nothing/events"} {
		if code, _ := v.get(path); code != http.StatusNotFound {
			t.Errorf("GET %s: HTTP %d, want 404", path, code)
		}
	}
	v.fill("MNM-GAYO", "1")
	for field, value := range map[string]string{"name": " ", "email": "budi@", "phone": "12", "checkout_id": ""} {
		form := v.customer()
		form.Set(field, value)
		if res := v.post("/checkout", form); res.StatusCode != http.StatusUnprocessableEntity {
			t.Errorf("bad %s: %s, want 422", field, res.Status)
		}
	}
	form := v.customer()
	v.fill("KRJ-BATIK", "4") // more than the channel takes
	if res := v.post("/checkout", form); res.StatusCode != http.StatusUnprocessableEntity {
		t.Errorf("too much: %s, want 422", res.Status)
	}
	req, err := http.NewRequest(http.MethodPost, p.shop+"/cart/items", strings.NewReader("sku=MNM-GAYO"))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Sec-Fetch-Site", "cross-site")
	res, err := v.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	_ = res.Body.Close()
	if res.StatusCode != http.StatusForbidden {
		t.Errorf("cross-site form: %s, want 403", res.Status)
	}
}
