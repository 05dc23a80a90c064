package e2e_test

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"warungjokul/e2e/servers"
	"warungjokul/models/testdb"
)

// fleet is several shops behind nginx on one PostgreSQL, and a gateway. Its pair
// is what the other journeys know: nginx is where the shop is.
type fleet struct {
	*pair
	shops []*process
}

// newFleet starts n shops and what they need.
func newFleet(t *testing.T, n int, notify string, environ ...string) *fleet {
	t.Helper()
	servers.Need(t, "nginx", "nginx")
	front := fixedPort(t)
	f := &fleet{pair: newGateway(t, testdb.On(t, sharedPostgres(t)), front, notify)}
	for i := range n {
		addr := fixedPort(t)
		shop := f.newShop(addr, "http://"+front, append([]string{"TRUSTED_PROXIES=127.0.0.1"}, environ...)...)
		shop.name = fmt.Sprint("shop ", i+1)
		f.shops = append(f.shops, shop)
	}
	t.Cleanup(func() {
		for _, shop := range f.shops {
			shop.end(t)
		}
		f.gateway.end(t)
	})
	if err := f.gateway.start(); err != nil {
		t.Fatal(err)
	}
	var starts sync.WaitGroup // at once, on an empty database
	for _, shop := range f.shops {
		starts.Go(func() {
			if err := shop.start(); err != nil {
				t.Error(err)
			}
		})
	}
	starts.Wait()
	f.proxy(t, front)
	f.shop = &process{name: "nginx", base: "http://" + front}
	return f
}

// proxy starts nginx as docs/operate.md says.
func (f *fleet) proxy(t *testing.T, front string) {
	t.Helper()
	var shops []string
	for _, shop := range f.shops {
		shops = append(shops, strings.TrimPrefix(shop.base, "http://"))
	}
	nginx, err := servers.StartNginx(t.TempDir(), "../docs/operate.md", front, shops)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		nginx.Stop()
		if t.Failed() {
			said := nginx.Log.String()
			t.Logf("nginx said last:\n%s", said[max(0, len(said)-3000):])
		}
	})
}

// visitShop is a visitor who gets to one shop alone.
func (f *fleet) visitShop(t *testing.T, i int) visitor {
	return visit(t, &program{shop: f.shops[i].base, sandbox: f.gateway.base})
}

// watch follows an order's events, across broken streams as a browser does, and
// tells the last one when the stream has come to its end.
func watch(t *testing.T, order string) <-chan status {
	t.Helper()
	ended, open := make(chan status, 1), make(chan struct{}, 1)
	go func() {
		var last status
		for deadline := time.Now().Add(patience); time.Now().Before(deadline); pause(100 * time.Millisecond) {
			res, err := http.Get(order + "/events")
			if err != nil {
				continue
			}
			for lines := bufio.NewScanner(res.Body); lines.Scan(); {
				if data, ok := strings.CutPrefix(lines.Text(), "data: "); ok {
					_ = json.Unmarshal([]byte(data), &last)
					select {
					case open <- struct{}{}:
					default:
					}
				}
			}
			_ = res.Body.Close()
			if isPaid(last) {
				break
			}
		}
		ended <- last
	}()
	select {
	case <-open:
	case <-time.After(patience):
		t.Fatal("the stream tells nothing")
	}
	return ended
}

// Three shops behind nginx on one PostgreSQL are one shop.
func TestReplicas(t *testing.T) {
	t.Parallel() // it waits for the leases of a shop that is killed
	mails, taken := mailServer(t)
	f := newFleet(t, 3, "", "RATE_LIMIT=off", "SMTP_URL=smtp://"+mails, "MAIL_FROM=Warung Jokul <toko@example.com>")

	t.Run("a shopper may reach any of them", func(t *testing.T) {
		for first := range f.shops {
			v := visit(t, f.program())
			at := func(n int) visitor { // with the same cookies, at one shop or the next
				v.shop = f.shops[(first+n)%len(f.shops)].base
				return v
			}
			at(0).fill("MNM-GAYO", "2")
			if _, cart := at(1).get("/cart"); !strings.Contains(cart, "180.000") {
				t.Error("another shop does not know the cart")
			}
			form := at(1).customer()
			order := at(1).post("/checkout", form).Header.Get("Location")
			if again := at(2).post("/checkout", form).Header.Get("Location"); again != order || !strings.HasPrefix(order, "/orders/") {
				t.Errorf("one form, sent to two shops, led to %q and %q", order, again)
			}
			act(t, f.program(), at(2).await(order, "a code", hasCode).PaymentCode, "pay")
			for n := range f.shops {
				at(n).await(order, "paid", isPaid)
			}
		}
		v := visit(t, f.program()) // wherever nginx leads
		for range 3 {
			order := v.order("MNM-TEH")
			act(t, f.program(), v.await(order, "a code", hasCode).PaymentCode, "pay")
			v.await(order, "paid", isPaid)
		}
	})

	t.Run("streams hear of what another was told", func(t *testing.T) {
		for from := range f.shops {
			to := (from + 1) % len(f.shops)
			v := f.visitShop(t, from)
			order := v.order("MNM-JAHE")
			s := v.await(order, "a code", hasCode)
			watching := watch(t, f.shops[from].base+order)
			control(t, f.program(), http.MethodPut, "/control/faults", map[string]any{"notify": "none"})
			act(t, f.program(), s.PaymentCode, "pay")
			body := paidBody(t, f.pair, s)
			if got := notify(t, &program{shop: f.shops[to].base}, body, genuine); got != http.StatusOK {
				t.Errorf("the notification was answered %d", got)
			}
			if last := <-watching; !isPaid(last) {
				t.Errorf("the stream ended with %+v", last)
			}
			control(t, f.program(), http.MethodDelete, "/control/faults", nil)
		}
	})

	t.Run("no mail twice", func(t *testing.T) {
		db := f.sql(t)
		for deadline := time.Now().Add(patience); number(t, db, "SELECT COUNT(*) FROM mails WHERE sent_at IS NULL AND kind <> 'reminder'") > 0; pause(50 * time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatal("not every mail was sent")
			}
		}
		sent := number(t, db, "SELECT COUNT(*) FROM mails WHERE subject <> ''")
		ids := map[string]bool{}
		for int64(len(ids)) < sent {
			select {
			case raw := <-taken:
				id := regexp.MustCompile(`(?mi)^Message-ID: (\S+)`).FindStringSubmatch(raw)
				if id == nil || ids[id[1]] {
					t.Fatalf("a mail without a name, or twice: %v", id)
				}
				ids[id[1]] = true
			case <-time.After(patience):
				t.Fatalf("%d mails arrived, %d were sent", len(ids), sent)
			}
		}
		select {
		case raw := <-taken:
			t.Errorf("one mail too many: %.300s", raw)
		default:
		}
		if sent < 9 {
			t.Errorf("only %d mails were sent", sent)
		}
	})

	t.Run("the work is shared and none is done twice", func(t *testing.T) {
		control(t, f.program(), http.MethodPut, "/control/faults", map[string]any{"answer": "500"})
		var places []string
		v := visit(t, f.program())
		for range 12 {
			places = append(places, v.order("MNM-JAMU"))
		}
		control(t, f.program(), http.MethodDelete, "/control/faults", nil)
		for _, order := range places {
			v.await(order, "a code from a worker", hasCode)
		}
		f.usedOnce(t)
	})

	t.Run("one that is killed in the middle of checkouts loses nothing", f.killedInTheMiddle)
}

// usedOnce holds the gateway to it: each invoice number has one code.
func (f *fleet) usedOnce(t *testing.T) {
	t.Helper()
	used := map[string]int{}
	for _, entry := range control(t, f.program(), http.MethodGet, "/control/payments", nil)["ledger"].([]any) {
		used[entry.(map[string]any)["invoice_number"].(string)]++
	}
	for invoice, n := range used {
		if n != 1 {
			t.Errorf("invoice number %s has %d codes", invoice, n)
		}
	}
	if kept := number(t, f.sql(t), "SELECT COUNT(*) FROM payments"); kept != int64(len(used)) {
		t.Errorf("%d attempts are kept, the gateway knows %d", kept, len(used))
	}
}

func (f *fleet) killedInTheMiddle(t *testing.T) {
	control(t, f.program(), http.MethodPut, "/control/faults", map[string]any{"delay": "1500ms"})
	const shoppers = 18
	var visitors []visitor
	var forms []url.Values
	for range shoppers {
		v := visit(t, f.program())
		v.fill("MKN-TEMPE", "1")
		visitors, forms = append(visitors, v), append(forms, v.customer())
	}
	db := f.sql(t)
	before := number(t, db, "SELECT COUNT(*) FROM orders")
	places := make([]string, shoppers)
	var presses sync.WaitGroup
	for i, v := range visitors {
		presses.Go(func() {
			res, err := v.PostForm(v.shop+"/checkout", forms[i])
			if err != nil {
				t.Error(err)
				return
			}
			_ = res.Body.Close()
			if places[i] = res.Header.Get("Location"); res.StatusCode != http.StatusSeeOther || !strings.HasPrefix(places[i], "/orders/") {
				t.Errorf("checkout: %s, Location %q", res.Status, places[i])
			}
		})
	}
	for deadline := time.Now().Add(patience); number(t, db, "SELECT COUNT(*) FROM orders")-before < shoppers/2; pause(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the checkouts were not begun")
		}
	}
	f.shops[1].kill()
	presses.Wait()
	control(t, f.program(), http.MethodDelete, "/control/faults", nil)
	if t.Failed() {
		t.FailNow()
	}
	seen := map[string]bool{}
	for i, v := range visitors {
		if seen[places[i]] {
			t.Errorf("two forms became one order")
		}
		seen[places[i]] = true
		s := v.await(places[i], "a code, though its shop is gone", hasCode)
		act(t, f.program(), s.PaymentCode, "pay")
		v.await(places[i], "paid", isPaid)
	}
	if n := number(t, db, "SELECT COUNT(*) FROM orders") - before; n != shoppers {
		t.Errorf("%d forms became %d orders", shoppers, n)
	}
	f.usedOnce(t)
	if err := f.shops[1].start(); err != nil {
		t.Error(err)
	}
}

// The shops are replaced one after another while people buy: by the same
// version, and by one that adds to tables the others are using. No request is
// dropped, and no notification has to come twice.
func TestRollingRestart(t *testing.T) {
	t.Parallel()
	f := newFleet(t, 3, "", "RATE_LIMIT=off")
	for _, tt := range []struct {
		name   string
		binary func(*testing.T) string
	}{
		{"the same version", func(*testing.T) string { return binary }},
		{"a version that migrates", nextVersion},
	} {
		t.Run(tt.name, func(t *testing.T) {
			next := tt.binary(t)
			over := make(chan struct{})
			var bought atomic.Int64
			var load sync.WaitGroup
			for range 6 {
				load.Go(func() {
					for {
						select {
						case <-over:
							return
						default:
						}
						if err := f.buyAndPay(); err != nil {
							t.Errorf("a shopper was let down: %v", err)
							return
						}
						bought.Add(1)
					}
				})
			}
			for _, shop := range f.shops {
				f.awaitBought(t, &bought, 6)
				if err := shop.stop(); err != nil {
					t.Errorf("the %s ended with %v", shop.name, err)
				}
				shop.argv = []string{next}
				if err := shop.start(); err != nil {
					t.Error(err)
				}
			}
			f.awaitBought(t, &bought, 6)
			close(over)
			load.Wait()
			t.Logf("%d orders were bought and paid meanwhile", bought.Load())
			for _, delivery := range control(t, f.program(), http.MethodGet, "/control/deliveries", nil)["deliveries"].([]any) {
				for _, attempt := range delivery.(map[string]any)["attempts"].([]any) {
					if got := attempt.(map[string]any)["http_status"]; got != 200.0 {
						t.Errorf("a notification was answered %v", got)
					}
				}
			}
			f.usedOnce(t)
		})
	}
	db := f.sql(t)
	if n := number(t, db, "SELECT COUNT(*) FROM orders WHERE gift_note = 'none'"); n != number(t, db, "SELECT COUNT(*) FROM orders") {
		t.Errorf("%d orders have what the new version added", n)
	}
	// The way back is closed: the version before does not start on what it does not know.
	old := exec.Command(binary)
	old.Dir, old.Env = f.dir, append(f.shops[0].environ, "ADDR=127.0.0.1:0")
	if out, err := old.CombinedOutput(); err == nil || !strings.Contains(string(out), "newer version of this shop") {
		t.Errorf("the version before: %v, %s", err, out)
	}
}

// awaitBought waits until so many more have bought.
func (f *fleet) awaitBought(t *testing.T, bought *atomic.Int64, more int64) {
	t.Helper()
	goal := bought.Load() + more
	for deadline := time.Now().Add(patience); bought.Load() < goal && !t.Failed(); pause(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("nobody buys any more")
		}
	}
}

// buyAndPay is a shopper who is let down by the first answer that is wrong.
func (f *fleet) buyAndPay() error {
	jar, err := cookiejar.New(nil)
	if err != nil {
		return err
	}
	client := &http.Client{Jar: jar, Timeout: patience, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	step := func(want int, send func() (*http.Response, error)) (location string, body []byte, err error) {
		res, err := send()
		if err != nil {
			return "", nil, err
		}
		defer res.Body.Close()
		body, err = io.ReadAll(res.Body)
		if err == nil && res.StatusCode != want {
			err = fmt.Errorf("%s %s: %s", res.Request.Method, routeOf(res.Request.URL.Path), res.Status)
		}
		return res.Header.Get("Location"), body, err
	}
	get := func(path string) ([]byte, error) {
		_, body, err := step(http.StatusOK, func() (*http.Response, error) { return client.Get(f.shop.base + path) })
		return body, err
	}
	post := func(path string, values url.Values) (string, error) {
		place, _, err := step(http.StatusSeeOther, func() (*http.Response, error) { return client.PostForm(f.shop.base+path, values) })
		return place, err
	}
	_, err = get("/products/teh-melati")
	if err == nil {
		_, err = post("/cart/items", url.Values{"sku": {"VCR-050"}, "quantity": {"1"}})
	}
	var form []byte
	if err == nil {
		form, err = get("/checkout")
	}
	if err != nil {
		return err
	}
	order, err := post("/checkout", filledIn(string(form)))
	if err != nil {
		return err
	}
	var s status
	paying := false
	for deadline := time.Now().Add(patience); !isPaid(s); pause(50 * time.Millisecond) {
		body, err := get(order + "/status")
		if err != nil {
			return err
		}
		if err := json.Unmarshal(body, &s); err != nil {
			return err
		}
		if hasCode(s) && !paying {
			paying = true
			res, err := plain.Post(f.gateway.base+"/control/payments", "application/json",
				strings.NewReader(fmt.Sprintf(`{"payment_code":%q,"action":"pay"}`, s.PaymentCode)))
			if err != nil {
				return err
			}
			_ = res.Body.Close()
		}
		if time.Now().After(deadline) {
			return errors.New("not paid after minutes")
		}
	}
	_, err = get(order)
	return err
}

// nextVersion builds the version to come: this one and one step more, which adds
// to tables that the shops of this version are using, and a type that reads it.
func nextVersion(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	overlay := map[string]string{}
	for file, change := range map[string][2]string{
		"../models/migrations/migrations.go": {},
		"../models/order.go":                 {"\tTotal     int64     // whole rupiah\n", "\tGiftNote string `gorm:\"default:none\"`\n"},
	} {
		source, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		text := string(source)
		if strings.HasSuffix(file, "migrations.go") {
			_, list, _ := strings.Cut(text, "return []*gormigrate.Migration{")
			list, _, _ = strings.Cut(list, "\n\t}\n}\n")
			change[0], change[1] = list, list+`
	{ID: "9000_gift_notes", Migrate: func(tx *gorm.DB) error {
		for _, statement := range []string{
			"ALTER TABLE orders ADD COLUMN gift_note text NOT NULL DEFAULT 'none'",
			"ALTER TABLE payments ADD COLUMN till text NOT NULL DEFAULT ''",
			"CREATE INDEX orders_gift ON orders (gift_note) WHERE gift_note <> 'none'",
			"CREATE TABLE gifts (id bigserial PRIMARY KEY, order_id bigint NOT NULL REFERENCES orders (id), payment_id bigint NOT NULL REFERENCES payments (id))",
		} {
			if err := tx.Exec(statement).Error; err != nil {
				return err
			}
		}
		return nil
	}},`
		} else {
			change[1] = change[0] + change[1]
		}
		if strings.Count(text, change[0]) != 1 {
			t.Fatalf("%s has %d of %q", file, strings.Count(text, change[0]), change[0])
		}
		from, err := filepath.Abs(file)
		if err != nil {
			t.Fatal(err)
		}
		overlay[from] = filepath.Join(dir, filepath.Base(file))
		if err := os.WriteFile(overlay[from], []byte(strings.Replace(text, change[0], change[1], 1)), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	list, err := json.Marshal(map[string]any{"Replace": overlay})
	if err != nil {
		t.Fatal(err)
	}
	file, next := filepath.Join(dir, "overlay.json"), filepath.Join(dir, "warung")
	if err := os.WriteFile(file, list, 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("go", "build", "-race", "-overlay", file, "-o", next, "..").CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	return next
}
