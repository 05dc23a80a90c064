package e2e_test

import (
	"bufio"
	"bytes"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"warungjokul/jokul"
)

// SIGTERM under load loses nothing that was accepted: every checkout that has
// begun gets its answer, and its code.
func TestStopFinishesWhatIsUnderWay(t *testing.T) {
	p := newPair(t, "", "RATE_LIMIT=off")
	control(t, p.program(), http.MethodPut, "/control/faults", map[string]any{"delay": "1500ms"})
	const shoppers = 30
	var visitors []visitor
	var forms []url.Values
	for range shoppers {
		v := visit(t, p.program())
		v.fill("MNM-TEH", "1")
		visitors, forms = append(visitors, v), append(forms, v.customer())
	}
	watched := p.openStream(t, visitors[0])

	stopped := make(chan struct{})
	var pages, broken atomic.Int64
	var load sync.WaitGroup
	for range 8 {
		load.Go(func() {
			client := http.Client{Timeout: patience, Transport: &http.Transport{}}
			for {
				select {
				case <-stopped:
					return
				default:
				}
				res, err := client.Get(p.shop.base + "/")
				if err != nil {
					continue // never accepted
				}
				body, err := io.ReadAll(res.Body)
				_ = res.Body.Close()
				if pages.Add(1); err != nil || res.StatusCode != http.StatusOK || !bytes.Contains(body, []byte("</html>")) {
					broken.Add(1)
				}
			}
		})
	}
	places := make([]string, shoppers)
	var presses sync.WaitGroup
	for i, v := range visitors {
		presses.Go(func() {
			res, err := v.PostForm(v.shop+"/checkout", forms[i])
			if err != nil {
				t.Errorf("a checkout was accepted and not answered: %v", err)
				return
			}
			_ = res.Body.Close()
			places[i] = res.Header.Get("Location")
			if res.StatusCode != http.StatusSeeOther {
				t.Errorf("checkout: %s", res.Status)
			}
		})
	}
	db := p.sql(t)
	for deadline := time.Now().Add(patience); number(t, db, "SELECT COUNT(*) FROM orders") < shoppers+1; { // one is the stream's
		if time.Now().After(deadline) {
			t.Fatal("the checkouts were not begun")
		}
		pause(10 * time.Millisecond)
	}
	began := time.Now()
	if err := p.shop.stop(); err != nil {
		t.Errorf("the shop ended with %v", err)
	}
	t.Logf("it took %s to stop", time.Since(began).Round(time.Millisecond))
	close(stopped)
	presses.Wait()
	load.Wait()
	if pages.Load() == 0 || broken.Load() > 0 {
		t.Errorf("%d of %d pages were broken", broken.Load(), pages.Load())
	}
	if _, err := io.ReadAll(watched); err != nil {
		t.Errorf("an open stream was cut, not ended: %v", err)
	}

	if err := p.shop.start(); err != nil {
		t.Fatal(err)
	}
	for i, v := range visitors {
		if s := v.status(places[i]); s.PaymentCode == "" {
			t.Errorf("order %d is %s and has no code", i, s.PaymentStatus)
		}
	}
}

// Neither a mail server that takes the connection and says nothing more, nor clients
// that have sent half of a request, make a stop an error. What was left is said, and
// the mail goes out once the shop is back.
func TestStopLeavesWhatHangs(t *testing.T) {
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	p := newPair(t, "", "SMTP_URL=smtp://"+silent.Addr().String(), "MAIL_FROM=toko@example.com")
	v := visit(t, p.program())
	s := v.await(v.order("MNM-TEH"), "a code", hasCode)
	hanging, err := silent.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer hanging.Close()
	p.sendHalf(t, "GET / HTTP/1.1\r\nHost: shop.exam")
	body := p.sendHalf(t, "POST /checkout HTTP/1.1\r\nHost: "+strings.TrimPrefix(p.shop.base, "http://")+"\r\nContent-Type: application/x-www-form-urlencoded\r\n"+
		"Content-Length: 100\r\nExpect: 100-continue\r\n\r\n")
	if line, err := bufio.NewReader(body).ReadString('\n'); err != nil || !strings.Contains(line, "100 Continue") {
		t.Fatalf("the shop does not read the form: %q, %v", line, err)
	}

	if err := p.shop.stop(); err != nil {
		t.Errorf("the shop ended with %v", err)
	}
	for _, said := range []string{`msg="mail left for the next start"`, `msg="requests cut off"`} {
		if n := strings.Count(p.shop.logs.String(), said); n != 1 {
			t.Errorf("the log says %s %d times, want once", said, n)
		}
	}

	if err := silent.Close(); err != nil {
		t.Fatal(err)
	}
	server, err := net.Listen("tcp", silent.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	taken := takeMail(t, server)
	if err := p.shop.start(); err != nil {
		t.Fatal(err)
	}
	if got := receive(t, taken); !strings.Contains(got.text, s.PaymentCode) {
		t.Errorf("got %q, want the mail that was left", got.subject)
	}
	act(t, p.program(), s.PaymentCode, "pay")
	if got := receive(t, taken); !strings.Contains(got.subject, "is paid") {
		t.Errorf("then got %q, want to hear that it is paid", got.subject)
	}
}

// sendHalf sends the beginning of a request, and no more.
func (p *pair) sendHalf(t *testing.T, request string) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(p.shop.base, "http://"))
	if err == nil {
		_, err = io.WriteString(conn, request)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

func (p *pair) openStream(t *testing.T, v visitor) io.Reader {
	t.Helper()
	other := visit(t, p.program())
	res, err := http.Get(v.shop + other.order("MNM-TEH") + "/events")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { res.Body.Close() })
	return res.Body
}

// A file in trouble: shoppers get a plain page and may read on, the gateway
// gets 503 and tells again, and when the trouble is over nothing is missing.
func TestDatabaseInTrouble(t *testing.T) {
	for name, tt := range map[string]struct {
		trouble, mend func(t *testing.T, p *pair)
		ready         int
	}{
		"locked by another program": {lockDatabase, unlockDatabase, http.StatusOK},
		"moved away":                {moveDatabase("", ".away"), moveDatabase(".away", ""), http.StatusServiceUnavailable},
		"disk full":                 {limitFiles(1), limitFiles(1 << 40), http.StatusOK},
	} {
		t.Run(name, func(t *testing.T) {
			p := newSQLitePair(t, "RATE_LIMIT=off")
			v := visit(t, p.program())
			order := v.order("MNM-TEH")
			code := v.await(order, "a code", hasCode).PaymentCode
			v.fill("MNM-TEH", "1")
			form := v.customer()

			tt.trouble(t, p)
			p.expect503(t, v, form)
			if status, _ := v.get("/products/kopi-gayo"); status != http.StatusOK {
				t.Errorf("a product's page: HTTP %d, want 200", status)
			}
			if status, _ := v.get(order); status != http.StatusOK {
				t.Errorf("the order's page: HTTP %d, want 200", status)
			}
			if status, _ := v.get("/readyz"); status != tt.ready {
				t.Errorf("/readyz: HTTP %d, want %d", status, tt.ready)
			}
			if status, _ := v.get("/healthz"); status != http.StatusOK {
				t.Errorf("/healthz: HTTP %d, want 200", status)
			}
			act(t, p.program(), code, "pay")
			if got := p.lastAttempt(t); got != http.StatusServiceUnavailable {
				t.Errorf("the notification was answered %d, want 503", got)
			}

			tt.mend(t, p)
			control(t, p.program(), http.MethodPost, "/control/clock", map[string]string{"advance": "31m"})
			v.await(order, "paid once the gateway tells again", isPaid)
			res := v.post("/checkout", form)
			if res.StatusCode != http.StatusSeeOther {
				t.Errorf("the same form again: %s", res.Status)
			}
			v.await(res.Header.Get("Location"), "a code", hasCode)
			if n := number(t, p.sql(t), "SELECT COUNT(*) FROM orders"); n != 2 {
				t.Errorf("%d orders are kept, want 2", n)
			}
		})
	}
}

// expect503 tries to order while the database is in trouble.
func (p *pair) expect503(t *testing.T, v visitor, form url.Values) {
	t.Helper()
	for lang, says := range map[string]string{"id": "Pesanan dan pembayaran Anda tidak hilang", "en": "Your orders and payments are safe"} {
		v.get("/?lang=" + lang)
		res, err := v.PostForm(v.shop+"/checkout", form)
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(res.Body)
		_ = res.Body.Close()
		if res.StatusCode != http.StatusServiceUnavailable || !strings.Contains(string(body), says) || res.Header.Get("Retry-After") == "" {
			t.Errorf("checkout: %s, Retry-After %q, %.300s", res.Status, res.Header.Get("Retry-After"), body)
		}
		for _, leak := range []string{"sql", "sqlite", "postgres", "database", "goroutine", ".go:"} {
			if strings.Contains(strings.ToLower(string(body)), leak) {
				t.Errorf("the page says %q", leak)
			}
		}
	}
}

// lastAttempt is how the shop answered the latest notification.
func (p *pair) lastAttempt(t *testing.T) int {
	t.Helper()
	deliveries := control(t, p.program(), http.MethodGet, "/control/deliveries", nil)["deliveries"].([]any)
	attempts := deliveries[len(deliveries)-1].(map[string]any)["attempts"].([]any)
	return int(attempts[len(attempts)-1].(map[string]any)["http_status"].(float64))
}

var locks sync.Map // of tests, by database

func lockDatabase(t *testing.T, p *pair) {
	db := p.sql(t)
	execute(t, db, "BEGIN IMMEDIATE")
	locks.Store(p.database, db)
}

func unlockDatabase(t *testing.T, p *pair) {
	db, _ := locks.LoadAndDelete(p.database)
	execute(t, db.(*sql.DB), "ROLLBACK")
}

func moveDatabase(from, to string) func(*testing.T, *pair) {
	return func(t *testing.T, p *pair) {
		if err := os.Rename(p.file()+from, p.file()+to); err != nil {
			t.Fatal(err)
		}
	}
}

// limitFiles has the kernel refuse the shop any write past a size, as a full
// disk would refuse every write that needs room.
func limitFiles(size uint64) func(*testing.T, *pair) {
	return func(t *testing.T, p *pair) {
		limit := syscall.Rlimit{Cur: size, Max: 1 << 40}
		_, _, failed := syscall.RawSyscall6(syscall.SYS_PRLIMIT64, uintptr(p.shop.current.Process.Pid),
			syscall.RLIMIT_FSIZE, uintptr(unsafe.Pointer(&limit)), 0, 0, 0)
		if failed != 0 {
			t.Fatalf("prlimit: %v", failed)
		}
	}
}

// A shop does not start on a database it does not understand, and says why.
func TestStartRefusesANewerDatabase(t *testing.T) {
	p := newPair(t, "")
	if err := p.shop.stop(); err != nil {
		t.Fatal(err)
	}
	execute(t, p.sql(t), "INSERT INTO migrations VALUES ('9999_from_the_future')")
	start := exec.Command(binary)
	start.Dir, start.Env = p.dir, p.shop.environ
	out, err := start.CombinedOutput()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != 1 || strings.Count(string(out), "\n") != 1 || !strings.Contains(string(out), "newer version of this shop") {
		t.Errorf("got %v and %q, want exit 1 and one sentence", err, out)
	}
}

// A backup is made while the shop works, and put in its place as
// docs/operate.md says. What came after it is told of by the gateway: nothing
// of it is taken for something else.
func TestBackupAndRestore(t *testing.T) {
	p := newSQLitePair(t, "RATE_LIMIT=off")
	v := visit(t, p.program())
	paid, open := v.order("MNM-TEH"), v.order("MNM-GAYO")
	act(t, p.program(), v.await(paid, "a code", hasCode).PaymentCode, "pay")
	openCode := v.await(open, "a code", hasCode)
	v.await(paid, "paid", isPaid)

	busy := make(chan struct{})
	var load sync.WaitGroup
	load.Go(func() {
		for {
			select {
			case <-busy:
				return
			default:
				visit(t, p.program()).order("MNM-JAHE")
			}
		}
	})
	backup := func(to string) ([]byte, error) {
		c := exec.Command(binary, "backup", to)
		c.Dir, c.Env = p.dir, p.shop.environ
		return c.CombinedOutput()
	}
	file := filepath.Join(p.dir, "copy.db")
	out, err := backup(file)
	close(busy)
	load.Wait()
	if err != nil {
		t.Fatalf("backup: %v, %s", err, out)
	}
	if out, err := backup(file); err == nil || !strings.Contains(string(out), "exists already") {
		t.Errorf("a second backup to the same file: %v, %s", err, out)
	}
	after := v.order("MNM-JAMU")
	afterCode := v.await(after, "a code", hasCode)
	act(t, p.program(), afterCode.PaymentCode, "pay")
	v.await(after, "paid", isPaid)

	if err := p.shop.stop(); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"", "-wal", "-shm"} {
		if err := os.Remove(p.file() + name); err != nil && !errors.Is(err, os.ErrNotExist) {
			t.Fatal(err)
		}
	}
	if err := os.Rename(file, p.file()); err != nil {
		t.Fatal(err)
	}
	if err := p.shop.start(); err != nil {
		t.Fatal(err)
	}
	if s := v.status(paid); !isPaid(s) {
		t.Errorf("the paid order is %+v", s)
	}
	act(t, p.program(), openCode.PaymentCode, "pay")
	v.await(open, "paid", isPaid)
	if status, _ := v.get(after); status != http.StatusNotFound {
		t.Errorf("an order after the backup: HTTP %d", status)
	}
	for _, d := range control(t, p.program(), http.MethodGet, "/control/deliveries?invoice_number="+url.QueryEscape(afterCode.InvoiceNumber), nil)["deliveries"].([]any) {
		control(t, p.program(), http.MethodPost, fmt.Sprintf("/control/deliveries/%v/resend", d.(map[string]any)["id"]), nil)
	}
	if n := number(t, p.sql(t), "SELECT COUNT(*) FROM cases WHERE kind = 'unknown_invoice' AND receipt_id IS NOT NULL"); n != 1 {
		t.Errorf("%d cases tell of the money for the lost order, want 1", n)
	}
}

var soldOut = regexp.MustCompile(`(?s)role="alert".*Gayo Coffee 250.g.{0,20}([Ss]old out)`)

// Two hundred shoppers press the button at once for the last ten pieces.
func TestTheLastTenPieces(t *testing.T) {
	p := newPair(t, "", "RATE_LIMIT=off")
	db := p.sql(t)
	execute(t, db, "UPDATE products SET stock = 10 WHERE sku = 'MNM-GAYO'")
	const shoppers = 200
	visitors, forms := make([]visitor, shoppers), make([]url.Values, shoppers)
	for i := range visitors {
		visitors[i] = visit(t, p.program())
		visitors[i].fill("MNM-GAYO", "1")
		forms[i] = visitors[i].customer()
	}
	var placed, refused atomic.Int64
	var presses sync.WaitGroup
	for i, v := range visitors {
		presses.Go(func() {
			res, err := v.PostForm(v.shop+"/checkout", forms[i])
			if err != nil {
				t.Error(err)
				return
			}
			defer res.Body.Close()
			body, _ := io.ReadAll(res.Body)
			switch {
			case res.StatusCode == http.StatusSeeOther && strings.HasPrefix(res.Header.Get("Location"), "/orders/"):
				placed.Add(1)
			case res.StatusCode == http.StatusUnprocessableEntity && soldOut.Match(body):
				refused.Add(1)
			default:
				t.Errorf("%s, Location %q, %.200s", res.Status, res.Header.Get("Location"), body)
			}
		})
	}
	presses.Wait()
	left, orders := number(t, db, "SELECT stock FROM products WHERE sku = 'MNM-GAYO'"), number(t, db, "SELECT COUNT(*) FROM orders")
	if placed.Load() != 10 || refused.Load() != 190 || left != 0 || orders != 10 {
		t.Errorf("%d placed, %d refused, %d left, %d orders kept", placed.Load(), refused.Load(), left, orders)
	}
}

// One notification a hundred times at once; then one racing the shopper's own
// question and the expiry of its code.
func TestAHundredCopies(t *testing.T) {
	p := newPair(t, "", "RATE_LIMIT=off")
	v := visit(t, p.program())
	db := p.sql(t)
	for name, race := range map[string]bool{"copies alone": false, "racing a status query and expiry": true} {
		t.Run(name, func(t *testing.T) {
			for range 3 {
				order := v.order("VCR-050")
				s := v.await(order, "a code", hasCode)
				control(t, p.program(), http.MethodPut, "/control/faults", map[string]any{"notify": "none"})
				act(t, p.program(), s.PaymentCode, "pay")
				body := paidBody(t, p, s)
				var senders sync.WaitGroup
				for i := range 100 {
					senders.Go(func() {
						if status := notify(t, p.program(), body, named("same")); status/100 != 2 {
							t.Errorf("answered %d", status)
						}
					})
					if race && i%10 == 0 {
						senders.Go(func() { v.post(order+"/check", nil) })
						senders.Go(func() {
							expired := strings.Replace(body, `"SUCCESS"`, `"EXPIRED"`, 1)
							if status := notify(t, p.program(), expired, named("expired")); status/100 != 2 {
								t.Errorf("EXPIRED was answered %d", status)
							}
						})
					}
				}
				senders.Wait()
				v.await(order, "paid", isPaid)
				if n := number(t, db, "SELECT COUNT(*) FROM receipts WHERE invoice_number = '"+s.InvoiceNumber+"'"); n != 1 {
					t.Errorf("%d receipts, want 1", n)
				}
				control(t, p.program(), http.MethodDelete, "/control/faults", nil)
			}
			stock := number(t, db, "SELECT stock FROM products WHERE sku = 'VCR-050'")
			if sold := number(t, db, "SELECT COUNT(*) FROM orders WHERE status = 'paid'"); stock+sold != 500 {
				t.Errorf("%d left and %d sold of 500", stock, sold)
			}
		})
	}
}

// paidBody is the notification the gateway would send for its latest payment.
func paidBody(t *testing.T, p *pair, s status) string {
	t.Helper()
	for _, entry := range control(t, p.program(), http.MethodGet, "/control/payments", nil)["ledger"].([]any) {
		a := entry.(map[string]any)
		if a["invoice_number"] != s.InvoiceNumber {
			continue
		}
		payment := a["payments"].([]any)[0].(map[string]any)
		body, err := json.Marshal(map[string]any{
			"service": map[string]string{"id": "ONLINE_TO_OFFLINE"}, "channel": map[string]string{"id": "ONLINE_TO_OFFLINE_INDOMARET"},
			"transaction":            map[string]any{"status": "SUCCESS", "date": payment["paid_at"]},
			"order":                  map[string]any{"invoice_number": s.InvoiceNumber, "amount": s.Amount},
			"online_to_offline_info": map[string]any{"payment_code": s.PaymentCode},
		})
		if err != nil {
			t.Fatal(err)
		}
		return string(body)
	}
	t.Fatalf("the gateway does not know %s", s.InvoiceNumber)
	return ""
}

// named gives a notification a Request-Id of its own.
func named(requestID string) func(*jokul.Component, http.Header) {
	return func(c *jokul.Component, h http.Header) {
		c.RequestID = requestID
		h.Set(jokul.HeaderRequestID, requestID)
	}
}
