package e2e_test

import (
	"bufio"
	"bytes"
	"crypto/rand"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"warungjokul/jokul"
	"warungjokul/models"
)

// TestAttack lets an attacker at a shop built as for production, with a victim's
// order in it. Nothing of what is kept may change, every answer is a plain 4xx,
// and shoppers are served throughout.
func TestAttack(t *testing.T) {
	p := attacked(t)
	v := visit(t, p.program())
	victim := v.order("MNM-GAYO")
	code := v.await(victim, "a code", hasCode)
	settled := v.order("MNM-TEH")
	paid := v.await(settled, "a code", hasCode)
	act(t, p.program(), paid.PaymentCode, "pay")
	v.await(settled, "paid", isPaid)
	a := attacker{t, p, code, paid, victim}
	before := p.snapshot(t)

	t.Run("forged, replayed and reordered notifications", a.notifications)
	t.Run("other people's orders", a.tokens)
	t.Run("forms from other sites", a.crossSite)
	t.Run("headers", a.headers)
	t.Run("paths", a.paths)
	t.Run("large bodies", a.largeBodies)
	t.Run("slow clients", a.slowClients)
	t.Run("a flood of junk", a.flood)

	if after := p.snapshot(t); after != before {
		t.Errorf("the attack changed what is kept:\n%s\nbecame\n%s", before, after)
	}
	if s := v.status(victim); s.OrderStatus != "awaiting_payment" || s.PaymentCode != code.PaymentCode {
		t.Errorf("the victim's order is %+v", s)
	}
	act(t, p.program(), code.PaymentCode, "pay")
	v.await(victim, "paid after all that", isPaid)
}

type attacker struct {
	t          *testing.T
	p          *pair
	open, paid status // of the victim's orders
	victim     string // the path of the open one
}

// attacked is a pair whose shop is built as for production.
func attacked(t *testing.T) *pair {
	fast := filepath.Join(t.TempDir(), "warung")
	if out, err := exec.Command("go", "build", "-o", fast, "..").CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	p := newPair(t, "")
	if err := p.shop.stop(); err != nil {
		t.Fatal(err)
	}
	p.shop.argv = []string{fast}
	if err := p.shop.start(); err != nil {
		t.Fatal(err)
	}
	return p
}

// snapshot is everything that matters, as text.
func (p *pair) snapshot(t *testing.T) string {
	t.Helper()
	var text strings.Builder
	db := p.sql(t)
	for _, query := range []string{
		"SELECT sku, price, stock, '', '' FROM products ORDER BY id",
		"SELECT number, status, total, stock_held, '' FROM orders ORDER BY id",
		"SELECT invoice_number, state, code, amount, '' FROM payments ORDER BY id",
		"SELECT invoice_number, amount, paid_at, status, identifiers FROM receipts ORDER BY id",
		"SELECT kind, detail, order_id, closed_at, decision FROM cases ORDER BY id",
		"SELECT request_id, digest, verdict, effect, '' FROM notifications ORDER BY id",
		"SELECT kind, subject, was, became, cause_by FROM changes ORDER BY id",
	} {
		each(t, db, query, func(scan func(...any) error) error {
			var row [5]any
			err := scan(&row[0], &row[1], &row[2], &row[3], &row[4])
			fmt.Fprintln(&text, row[:]...)
			return err
		})
	}
	return text.String()
}

// refused holds an answer to an attack: a 4xx that tells nothing.
func (a attacker) refused(t *testing.T, what string, res *http.Response, err error, statuses ...int) {
	t.Helper()
	if err != nil {
		t.Errorf("%s: %v", what, err)
		return
	}
	defer res.Body.Close()
	body, _ := io.ReadAll(io.LimitReader(res.Body, 1<<20))
	if !slices.Contains(statuses, res.StatusCode) {
		t.Errorf("%s: %s, want %v", what, res.Status, statuses)
	}
	for _, secretive := range []string{secret, a.open.PaymentCode, a.open.InvoiceNumber, "goroutine ", "root:", "package main"} {
		if bytes.Contains(body, []byte(secretive)) {
			t.Errorf("%s: the answer says %q", what, secretive)
		}
	}
}

func (a attacker) notifications(t *testing.T) {
	success := func(s status) string {
		return fmt.Sprintf(`{"order":{"invoice_number":%q,"amount":%d},"transaction":{"status":"SUCCESS","date":"2026-11-24T03:00:00Z"},`+
			`"channel":{"id":"ONLINE_TO_OFFLINE_INDOMARET"},"online_to_offline_info":{"payment_code":%q}}`, s.InvoiceNumber, s.Amount, s.PaymentCode)
	}
	forged := success(a.open)
	signWith := func(key string) func(*jokul.Component, http.Header) {
		return func(c *jokul.Component, h http.Header) { h.Set(jokul.HeaderSignature, jokul.Sign(key, *c)) }
	}
	signature := func(s string) func(*jokul.Component, http.Header) {
		return func(_ *jokul.Component, h http.Header) { h.Set(jokul.HeaderSignature, s) }
	}
	for name, change := range map[string]func(*jokul.Component, http.Header){
		"no key":              signWith(""),
		"another key":         signWith("SK-guess"),
		"another Client-Id":   func(c *jokul.Component, _ http.Header) { c.ClientID = "MCH-0000-00000000000002" },
		"empty signature":     signature(" "),
		"prefix alone":        signature("HMACSHA256="),
		"zeros":               signature("HMACSHA256=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="),
		"not base64":          signature("HMACSHA256=%%%%"),
		"very long":           signature("HMACSHA256=" + strings.Repeat("A", 8000)),
		"signed as a reply":   func(c *jokul.Component, h http.Header) { c.Response = true },
		"for another path":    func(c *jokul.Component, _ http.Header) { c.Target = "/" },
		"over another body":   func(c *jokul.Component, _ http.Header) { c.Digest = jokul.Digest([]byte("{}")) },
		"no Request-Id":       func(_ *jokul.Component, h http.Header) { h.Del(jokul.HeaderRequestID) },
		"SQL as a Request-Id": func(_ *jokul.Component, h http.Header) { h.Set(jokul.HeaderRequestID, "x'; DROP TABLE orders;--") },
	} {
		if got := notify(t, a.p.program(), forged, change); got != http.StatusUnauthorized {
			t.Errorf("%s: HTTP %d, want 401", name, got)
		}
	}
	// A genuine message that was overheard, again and again: it is known.
	for range 20 {
		delivery := control(t, a.p.program(), http.MethodPost, "/control/deliveries/1/resend", nil)
		attempts := delivery["attempts"].([]any)
		if got := attempts[len(attempts)-1].(map[string]any)["http_status"]; got != 200.0 {
			t.Errorf("a repeat was answered %v", got)
		}
	}
}

func (a attacker) tokens(t *testing.T) {
	token := strings.TrimPrefix(a.victim, "/orders/")
	guesses := []string{"", "1", "..", token[:len(token)-1], token + "A", strings.ToLower(token) + "x", strings.ToUpper(token) + "x",
		"'%20OR%20'1'='1", "%25", token + "%00", token + "%20"}
	for range 200 {
		guesses = append(guesses, rand.Text()[:22])
	}
	for _, guess := range guesses {
		for _, page := range []string{"", "/status", "/events"} {
			res, err := plain.Get(a.p.shop.base + "/orders/" + guess + page)
			a.refused(t, "GET "+guess+page, res, err, http.StatusNotFound, http.StatusMethodNotAllowed)
		}
	}
	for _, action := range []string{"/payments", "/check"} {
		res, err := plain.PostForm(a.p.shop.base+"/orders/"+rand.Text()[:22]+action, nil)
		a.refused(t, "POST "+action, res, err, http.StatusNotFound)
	}
	for _, who := range [][2]string{{"WJ-00000000", "budi@example.com"}, {"%", "%"}, {"' OR 1=1 --", "x"}} {
		res, err := plain.PostForm(a.p.shop.base+"/find-order", url.Values{"order_number": {who[0]}, "email": {who[1]}})
		a.refused(t, "find "+who[0], res, err, http.StatusNotFound)
	}
}

func (a attacker) crossSite(t *testing.T) {
	for _, route := range []string{"/cart/items", "/cart/items/MNM-TEH", "/checkout", a.victim + "/payments", a.victim + "/check", "/find-order"} {
		for name, header := range map[string][2]string{
			"Sec-Fetch-Site": {"Sec-Fetch-Site", "cross-site"}, "same site only": {"Sec-Fetch-Site", "same-site"},
			"Origin": {"Origin", "https://evil.example"}, "null": {"Origin", "null"},
		} {
			req, _ := http.NewRequest(http.MethodPost, a.p.shop.base+route, strings.NewReader("sku=MNM-TEH&quantity=1"))
			req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			req.Header.Set(header[0], header[1])
			res, err := plain.Do(req)
			a.refused(t, name+" "+route, res, err, http.StatusForbidden)
		}
	}
}

func (a attacker) headers(t *testing.T) {
	v := visit(t, a.p.program())
	v.fill("MNM-TEH", "1")
	bad := v.customer()
	bad.Set("checkout_id", "evil\r\nSet-Cookie: cart=stolen")
	bad.Set("name", "Budi\r\nX-Evil: 1")
	bad.Set("email", "a@b.id\r\nBcc: all@example.com")
	res, err := v.PostForm(v.shop+"/checkout", bad)
	a.refused(t, "CRLF in fields", res, err, http.StatusUnprocessableEntity)
	for _, target := range []string{"/?lang=id%0d%0aX-Evil:%201", "/?q=%0d%0aX-Evil:1", "/find-order?lang=%0d%0aSet-Cookie:a=b"} {
		res, err := plain.Get(a.p.shop.base + target)
		if err != nil {
			t.Fatal(err)
		}
		_ = res.Body.Close()
		if res.Header.Get("X-Evil") != "" || strings.Contains(fmt.Sprint(res.Header), "a=b") || res.StatusCode != http.StatusOK {
			t.Errorf("%s: %s %v", target, res.Status, res.Header)
		}
	}
	for _, name := range []string{"Host", "X-Forwarded-Host", "X-Original-URL", "X-Rewrite-URL", "Forwarded"} {
		req, _ := http.NewRequest(http.MethodGet, a.p.shop.base+a.victim, nil)
		req.Header.Set(name, "evil.example")
		if name == "Host" {
			req.Host = "evil.example"
		}
		res, err := plain.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(res.Body)
		_ = res.Body.Close()
		if bytes.Contains(body, []byte("evil.example")) || strings.Contains(fmt.Sprint(res.Header), "evil.example") {
			t.Errorf("%s of the attacker's choice is on the page", name)
		}
	}
	req, _ := http.NewRequest(http.MethodGet, a.p.shop.base+"/cart", nil)
	req.Header.Set("Cookie", "cart="+strings.Repeat("A", 2000)+"; lang=../../etc/passwd")
	res, err = plain.Do(req)
	a.refused(t, "a made-up cart is an empty one", res, err, http.StatusOK)
	req, _ = http.NewRequest(http.MethodGet, a.p.shop.base+"/", nil)
	req.Header.Set("X-Big", strings.Repeat("A", 64<<10))
	res, err = plain.Do(req)
	a.refused(t, "64 KB of headers", res, err, http.StatusRequestHeaderFieldsTooLarge)
}

func (a attacker) paths(t *testing.T) {
	for _, path := range []string{"/static/../main.go", "/static/..%2fmain.go", "/static/%2e%2e/%2e%2e/etc/passwd", "/static//etc/passwd", "/..%2f..%2fetc/passwd",
		"/static/", "/products/../../warung.db", "/products/%00", "/warung.db", "/.git/config", "/.env", "/debug/pprof/", "/control/payments", "/simulator",
		"/orders/" + strings.Repeat("A", 5000), "/products/" + strings.Repeat("%F0%9F%92%A3", 500), "//evil.example/", "/console", "/static/app.css/../../../go.mod"} {
		conn, err := net.Dial("tcp", strings.TrimPrefix(a.p.shop.base, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		// Written by hand: clients tidy paths up.
		fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n", path, conn.RemoteAddr())
		res, err := http.ReadResponse(bufio.NewReader(conn), nil)
		a.refused(t, "GET "+path[:min(len(path), 60)], res, err, http.StatusNotFound, http.StatusBadRequest)
		_ = conn.Close()
	}
	for _, method := range []string{"PUT", "DELETE", "PATCH", "TRACE", "CONNECT", "NONSENSE"} {
		req, _ := http.NewRequest(method, a.p.shop.base+a.victim, nil)
		res, err := plain.Do(req)
		a.refused(t, method, res, err, http.StatusMethodNotAllowed, http.StatusNotFound)
	}
}

func (a attacker) largeBodies(t *testing.T) {
	const size = 10 << 20
	for _, route := range []string{path, "/cart/items", "/checkout", "/find-order", a.victim + "/check"} {
		for _, length := range []int64{size, -1} {
			req, _ := http.NewRequest(http.MethodPost, a.p.shop.base+route, io.LimitReader(endless{}, size))
			req.ContentLength = length
			req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			res, err := plain.Do(req)
			if err != nil && (strings.Contains(err.Error(), "reset") || strings.Contains(err.Error(), "broken pipe") || strings.Contains(err.Error(), "EOF")) {
				continue // it hung up on us in the middle, which is an answer
			}
			a.refused(t, fmt.Sprint("10 MB to ", route, " of length ", length), res, err, http.StatusRequestEntityTooLarge)
		}
	}
}

type endless struct{}

func (endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = 'a'
	}
	return len(p), nil
}

// slowClients hold connections open and say next to nothing. The shop lets go of
// them, and serves others meanwhile.
func (a attacker) slowClients(t *testing.T) {
	heads := []string{"GET / HTTP/1.1\r\nHost: shop\r\nX-Slow: ", "POST /checkout HTTP/1.1\r\nHost: shop\r\nContent-Length: 1000\r\n\r\n",
		"POST " + path + " HTTP/1.1\r\nHost: shop\r\nContent-Length: 1000\r\n\r\n", ""}
	var clients sync.WaitGroup
	began := time.Now()
	for i := range 200 {
		clients.Go(func() {
			conn, err := net.Dial("tcp", strings.TrimPrefix(a.p.shop.base, "http://"))
			if err != nil {
				t.Error(err)
				return
			}
			defer conn.Close()
			go func() { // a byte a second, until the shop has had enough
				for _, err := io.WriteString(conn, heads[i%len(heads)]); err == nil; _, err = io.WriteString(conn, "a") {
					pause(time.Second)
				}
			}()
			_ = conn.SetReadDeadline(time.Now().Add(patience))
			if _, err := io.Copy(io.Discard, conn); err != nil && strings.Contains(err.Error(), "timeout") {
				t.Errorf("client %d still holds its connection", i)
			}
		})
	}
	for range 20 {
		if _, err := measure(a.p.shop.base + "/"); err != nil {
			t.Error(err)
		}
	}
	clients.Wait()
	t.Logf("the last of 200 slow clients was let go after %s", time.Since(began).Round(time.Second))
}

// flood sends junk notifications as fast as they are answered, while shoppers look
// at pages. All junk is refused and counted, every page is served, and what is
// written down of it is bounded. How long a page takes meanwhile is in the log.
func (a attacker) flood(t *testing.T) {
	const total, connections = 20_000, 10
	pages := []string{"/", "/products/kopi-gayo", a.victim}
	over := make(chan struct{})
	var busy []time.Duration
	var shoppers sync.WaitGroup
	shoppers.Go(func() {
		for i := 0; ; i++ {
			took, err := measure(a.p.shop.base + pages[i%len(pages)])
			if err != nil {
				t.Error(err)
			}
			busy = append(busy, took)
			select {
			case <-over:
				return
			default:
			}
		}
	})
	before := a.size()
	var refused atomic.Int64
	var flood sync.WaitGroup
	began := time.Now()
	for i := range connections {
		flood.Go(func() { a.pour(t, i, total/connections, &refused) })
	}
	flood.Wait()
	took := time.Since(began)
	close(over)
	shoppers.Wait()
	t.Logf("%d junk notifications in %s, %.0f a second, and %d pages; half of them took %s or less",
		total, took.Round(time.Millisecond), total/took.Seconds(), len(busy), median(busy))
	if n := refused.Load(); n != total {
		t.Errorf("%d were refused, want %d", n, total)
	}
	if n := strings.Count(a.p.shop.logs.String(), "notification rejected"); n < 1 || n > total/10 { // ten, and one a second
		t.Errorf("the junk made %d log lines", n)
	}
	a.keptOfJunk(t, total, a.size()-before)
}

// size is how large the database's files are.
func (a attacker) size() (sum int64) {
	for _, file := range []string{a.p.file(), a.p.file() + "-wal"} {
		if info, err := os.Stat(file); err == nil {
			sum += info.Size()
		}
	}
	return sum
}

// keptOfJunk holds what is kept of a flood against the bound there is: samples,
// so many of each reason, whatever comes; and all of it is counted.
func (a attacker) keptOfJunk(t *testing.T, sent, grown int64) {
	db := a.p.sql(t)
	var counted int64
	for deadline := time.Now().Add(patience); counted < sent && time.Now().Before(deadline); pause(100 * time.Millisecond) {
		counted = number(t, db, "SELECT SUM(count) FROM rejection_counts")
	}
	if counted < sent {
		t.Errorf("%d of %d are counted", counted, sent)
	}
	const reasons = 3
	if n := number(t, db, "SELECT COUNT(*) FROM rejections"); n < 1 || n > reasons*models.RejectionsKept {
		t.Errorf("%d samples are kept, want %d at most", n, reasons*models.RejectionsKept)
	}
	t.Logf("the flood left %d samples, and the database %d KiB larger", number(t, db, "SELECT COUNT(*) FROM rejections"), grown>>10)
	if most := int64(reasons*models.RejectionsKept*(models.MaxRejectedBody+8<<10) + 4<<20); grown > most {
		t.Errorf("the database grew by %d bytes, want %d at most", grown, most)
	}
}

// pour sends junk over one connection, fifty at a time.
func (a attacker) pour(t *testing.T, seed, total int, refused *atomic.Int64) {
	conn, err := net.Dial("tcp", strings.TrimPrefix(a.p.shop.base, "http://"))
	if err != nil {
		t.Error(err)
		return
	}
	defer conn.Close()
	answers := bufio.NewReader(conn)
	const size = 50
	for n := 0; n < total; n += size {
		var batch bytes.Buffer
		for i := range size {
			batch.Write(junk(seed, n+i))
		}
		if _, err := conn.Write(batch.Bytes()); err != nil {
			t.Error(err)
			return
		}
		for range size {
			res, err := http.ReadResponse(answers, nil)
			if err != nil {
				t.Error(err)
				return
			}
			_ = res.Body.Close()
			if res.StatusCode == http.StatusUnauthorized {
				refused.Add(1)
			}
		}
	}
}

// junk is a notification that is wrong in one of several ways.
func junk(seed, n int) []byte {
	id, signature := clientID, fmt.Sprintf("HMACSHA256=%043d=", n)
	switch n % 5 {
	case 1:
		id = fmt.Sprintf("MCH-%d", n)
	case 2:
		signature = "nonsense"
	case 3:
		signature = ""
	}
	body := fmt.Sprintf(`{"order":{"invoice_number":"WJ-%08d-1","amount":%d},"transaction":{"status":"SUCCESS"}}`, n, n)
	return fmt.Appendf(nil, "POST %s HTTP/1.1\r\nHost: shop\r\nContent-Type: application/json\r\nContent-Length: %d\r\n"+
		"Client-Id: %s\r\nRequest-Id: junk-%d-%d\r\nRequest-Timestamp: 2026-11-24T03:00:00Z\r\nSignature: %s\r\n\r\n%s",
		path, len(body), id, seed, n, signature, body)
}

// measure loads a page and says how long that took.
func measure(address string) (time.Duration, error) {
	began := time.Now()
	res, err := plain.Get(address)
	if err != nil {
		return 0, err
	}
	defer res.Body.Close()
	_, err = io.Copy(io.Discard, res.Body)
	if err == nil && res.StatusCode != http.StatusOK {
		err = fmt.Errorf("GET %s: %s", address, res.Status)
	}
	return time.Since(began), err
}

func median(times []time.Duration) time.Duration {
	slices.Sort(times)
	return times[len(times)/2]
}
