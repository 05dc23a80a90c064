package e2e_test

import (
	"cmp"
	"database/sql"
	"flag"
	"fmt"
	"io"
	"maps"
	"math"
	"math/rand/v2"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

var (
	millionOrders = flag.Int("million", 0, "TestMillion: how many orders the shop has had; 0 leaves it out")
	millionLasts  = flag.Duration("lasts", time.Minute, "TestMillion: how long to use shop and console")
)

// slowest is what a page of the console should take at most, for 95 of a hundred
// requests. The report marks what takes longer; it depends on the machine.
const slowest = 100 * time.Millisecond

// TestMillion gives a shop a year of a million orders, and then has shoppers buy
// and merchants look around at once: make million.
func TestMillion(t *testing.T) {
	if *millionOrders == 0 {
		t.Skip("only when asked to: make million")
	}
	m := newMillion(t)
	began := time.Now()
	m.fill(*millionOrders)
	t.Logf("%d orders were kept within %s", *millionOrders, time.Since(began).Round(time.Second))
	began = time.Now()
	if err := m.shop.start(); err != nil {
		t.Fatal(err)
	}
	t.Logf("the shop opened within %s", time.Since(began).Round(time.Millisecond))
	m.use(*millionLasts)
	m.report()
}

// million is a shop with a past, and a stopwatch.
type million struct {
	t        *testing.T
	shop     *process
	database string
	r        *rand.Rand
	numbers  []string // of some orders

	mu    sync.Mutex
	times map[string][]time.Duration
}

// newMillion builds the program as it is shipped, without the race detector, and
// has it make an empty database.
func newMillion(t *testing.T) *million {
	t.Helper()
	dir := t.TempDir()
	program := filepath.Join(dir, "warung")
	if out, err := exec.Command("go", "build", "-o", program, "..").CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	m := &million{t: t, database: filepath.Join(dir, "warung.db"), r: rand.New(rand.NewPCG(1, 1)), times: map[string][]time.Duration{}}
	addr := fixedPort(t)
	m.shop = &process{name: "shop", base: "http://" + addr, ready: "/readyz", dir: dir, argv: []string{program},
		environ: []string{"ADDR=" + addr, "SANDBOX_ADDR=127.0.0.1:0", "DATABASE_URL=sqlite:" + m.database, "RATE_LIMIT=off", "LOG_FORMAT=text",
			"CONSOLE_PASSWORD=" + consoleHash, "JOKUL_CLIENT_ID=" + clientID, "JOKUL_SECRET_KEY=" + secret, "PUBLIC_DEMO=yes"}}
	t.Cleanup(func() { m.shop.end(t) })
	if err := m.shop.start(); err != nil {
		t.Fatal(err)
	}
	if err := m.shop.stop(); err != nil {
		t.Fatal(err)
	}
	return m
}

// fill writes a year of orders straight into the file, without its indexes,
// which are made again at the end.
func (m *million) fill(n int) {
	db, err := sql.Open("sqlite3", "file:"+m.database)
	if err != nil {
		m.t.Fatal(err)
	}
	defer db.Close()
	db.SetMaxOpenConns(1)
	for _, pragma := range []string{"journal_mode = OFF", "synchronous = OFF", "cache_size = -500000", "temp_store = MEMORY"} {
		execute(m.t, db, "PRAGMA "+pragma)
	}
	var indexes []string
	each(m.t, db, "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL AND tbl_name IN ('orders', 'order_lines', 'payments', 'receipts', 'order_words', 'mails', 'cases')",
		func(scan func(...any) error) error {
			var name, statement string
			err := scan(&name, &statement)
			indexes = append(indexes, "DROP INDEX "+name, statement)
			return err
		})
	for i := 0; i < len(indexes); i += 2 {
		execute(m.t, db, indexes[i])
	}
	execute(m.t, db, "BEGIN")
	m.fillOrders(db, n)
	for _, statement := range theRest {
		execute(m.t, db, statement)
	}
	execute(m.t, db, "COMMIT")
	for i := 1; i < len(indexes); i += 2 {
		execute(m.t, db, indexes[i])
	}
	execute(m.t, db, "PRAGMA journal_mode = WAL")
	each(m.t, db, "SELECT number, '' FROM orders WHERE id % 997 = 1", func(scan func(...any) error) error {
		var number, none string
		err := scan(&number, &none)
		m.numbers = append(m.numbers, number)
		return err
	})
}

var (
	firstNames = strings.Fields("Siti Budi Agus Dewi Nur Sri Muhammad Ahmad Eko Putri Rina Andi Wati Bambang Hendra Yanti Dian Rizky Fitri Joko " +
		"Made Wayan Ketut Nyoman Ayu Indah Ratna Slamet Teguh Wahyu Yohanes Maria Agustina Robert Fransiska Gede Komang Lestari Mega Novi Oktavia Permata")
	lastNames = strings.Fields("Santoso Wijaya Rahayu Saputra Lestari Hidayat Setiawan Nugroho Kurniawan Susanto Wibowo Pratama Handayani Utami Siregar " +
		"Nasution Simanjuntak Hutapea Tarigan Ginting Sembiring Lubis Harahap Pangaribuan Manurung Kusuma Permana Gunawan Halim Tanuwijaya Purnomo Suryadi " +
		"Maharani Anggraini Puspita Wulandari Kartika Safitri Hasanah Ramadhan Firmansyah Maulana Iskandar Zulkifli")
)

// common is one of a list, the first ones more often.
func (m *million) common(list []string) string {
	x := m.r.Float64()
	return list[int(x*x*float64(len(list)))]
}

// fillOrders spreads n orders over a year of growth, weekends and days that are
// busiest in the evening.
func (m *million) fillOrders(db *sql.DB, n int) {
	const days = 365
	now := time.Now().UTC().Truncate(time.Millisecond)
	var prices []int64
	each(m.t, db, "SELECT price, '' FROM products WHERE kind <> 'open' ORDER BY position", func(scan func(...any) error) error {
		var price int64
		var none string
		err := scan(&price, &none)
		prices = append(prices, price)
		return err
	})
	weight := func(day int) float64 { return (0.7 + 0.6*float64(day)/days) * (1 + 0.3*float64(day%7/5)) }
	var sum float64
	for day := range days {
		sum += weight(day)
	}
	const columns = 14
	row := "(" + strings.Repeat("?,", columns-1) + "?)"
	const batch = 500
	insert, err := db.Prepare("INSERT INTO orders (id, token, number, checkout_id, customer_name, customer_email, customer_phone, language, total, status, stock_held, placed_at, paid_at, expired_at) VALUES " +
		strings.Repeat(row+",", batch-1) + row)
	if err != nil {
		m.t.Fatal(err)
	}
	defer insert.Close()
	var values []any
	id := 0
	for day := range days {
		count := int(float64(n) * weight(day) / sum)
		if day == days-1 {
			count = n - id
		}
		at := make([]time.Time, count)
		for i := range at {
			hour := 24 * (1 - math.Abs(m.r.Float64()+m.r.Float64()-1)) // few at night
			at[i] = now.Add(-time.Duration(days-day)*24*time.Hour + time.Duration(hour*float64(time.Hour))).Truncate(time.Millisecond)
		}
		slices.SortFunc(at, time.Time.Compare)
		for _, placed := range at {
			id++
			values = append(values, m.order(id, placed, now, prices)...)
			if len(values) == batch*columns {
				if _, err := insert.Exec(values...); err != nil {
					m.t.Fatal(err)
				}
				values = values[:0]
			}
		}
	}
	for i := 0; i < len(values); i += columns {
		execute(m.t, db, "INSERT INTO orders (id, token, number, checkout_id, customer_name, customer_email, customer_phone, language, total, status, stock_held, placed_at, paid_at, expired_at) VALUES "+row, values[i:i+columns]...)
	}
}

func (m *million) order(id int, placed, now time.Time, prices []int64) []any {
	const letters = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
	number, x := []byte("WJ-"), uint64(id)*0x9E3779B97F%(1<<40) // odd factor: no number twice
	for range 8 {
		number = append(number, letters[x%32])
		x /= 32
	}
	first, last := m.common(firstNames), m.common(lastNames)
	total := prices[id%len(prices)]
	if id%3 == 0 {
		total += prices[id/3%len(prices)]
	}
	status := "paid"
	var paid, expired any
	wait := min(time.Duration(m.r.ExpFloat64()*float64(22*time.Minute)), time.Hour)
	switch x := m.r.Float64(); {
	case x < 0.70 && placed.Add(wait).Before(now):
		paid = placed.Add(wait).Truncate(time.Millisecond)
	case placed.Add(time.Hour).After(now):
		status = "awaiting_payment"
	case x < 0.98:
		status, expired = "expired", placed.Add(61*time.Minute)
	default:
		status = "cancelled"
	}
	return []any{id, fmt.Sprintf("token-%016d", id), string(number), fmt.Sprint("checkout-", id), first + " " + last,
		fmt.Sprintf("%s.%s%d@example.com", strings.ToLower(first), strings.ToLower(last), id%9973), fmt.Sprintf("+62812%08d", id%100_000_000), []string{"id", "en"}[id%10/9],
		total, status, status == "paid" || status == "awaiting_payment", placed, paid, expired}
}

// receiptsOf is the money of the paid orders for which a condition holds.
func receiptsOf(status, suffix, condition string) string {
	return `INSERT INTO receipts (payment_id, invoice_number, amount, paid_at, source, notified, status, identifiers, till_transaction, created_at)
	 SELECT payments.id, invoice_number, total, paid_at, CASE WHEN orders.id % 50 = 0 THEN 'status_query' ELSE 'notification' END, orders.id % 50 > 0,
		'` + status + `', '[{"Name":"AGENT_TRX_ID","Value":"IDM' || orders.id || '` + suffix + `"},{"Name":"AGENT_STORE_ID","Value":"T4KB"}]',
		'IDM' || orders.id || '` + suffix + `', paid_at
	 FROM orders JOIN payments ON payments.id = orders.id WHERE orders.status = 'paid' AND ` + condition
}

// theRest is what belongs to the orders: their lines, attempts, receipts, cases,
// the mails of a month, and the words they are found by.
var theRest = []string{
	lines("1 + orders.id % 16", "1"),
	lines("1 + orders.id / 3 % 16", "orders.id % 3 = 0"),
	`INSERT INTO payments (order_id, attempt, invoice_number, amount, reusable, request_id, request_body, state, code, how_to_pay_page, how_to_pay_api,
		instructions, code_issued_at, expires_at, next_check_at, tries, last_error, checked_status, created_at)
	 SELECT id, 1, number || '-1', total, 0, 'request-' || id,
		CAST('{"order":{"invoice_number":"' || number || '-1","amount":' || total || '},"customer":{"name":"' || customer_name || '"},"filler":"' || printf('%.400c', 'x') || '"}' AS BLOB),
		CASE status WHEN 'paid' THEN 'paid' WHEN 'awaiting_payment' THEN 'pending' ELSE 'expired' END, printf('8888%012d', id), 'https://example.com/how-to-pay', 'https://example.com/how-to-pay/api',
		'[{"Language":"ID","Steps":["' || printf('%.400c', 'x') || '"]}]', placed_at, strftime('%Y-%m-%d %H:%M:%f', placed_at, '+60 minutes') || '+00:00',
		CASE status WHEN 'awaiting_payment' THEN strftime('%Y-%m-%d %H:%M:%f', 'now', '+1 day') || '+00:00' END, 0, '', '', placed_at FROM orders`,
	receiptsOf("applied", "", "1"),
	receiptsOf("held", "-2", "orders.id % 3000 = 7"),
	`INSERT INTO cases (kind, about, order_id, payment_id, receipt_id, detail, created_at, decision, decided_by, reason)
	 SELECT 'second_payment', 'receipt ' || receipts.id, order_id, payment_id, receipts.id, 'Rp ' || receipts.amount, paid_at, '', '', ''
	 FROM receipts JOIN payments ON payments.id = payment_id WHERE status = 'held'`,
	`UPDATE cases SET closed_at = created_at, decision = 'refund', decided_by = 'Sari', reason = 'money returned' WHERE id <= (SELECT MAX(id) - 30 FROM cases)`,
	`UPDATE receipts SET status = 'returned', refunded = amount, refunded_on = paid_at, refund_method = 'transfer'
	 WHERE id IN (SELECT receipt_id FROM cases WHERE closed_at IS NOT NULL)`,
	`UPDATE cases SET refunded_on = closed_at, refund_method = 'transfer', refunded = (SELECT refunded FROM receipts WHERE receipts.id = receipt_id)
	 WHERE closed_at IS NOT NULL`,
	`INSERT INTO mails (order_id, payment_id, kind, send_at, tries, last_error, sent_at, subject, text, html)
	 SELECT id, id, 'code', placed_at, 0, '', placed_at, 'Kode pembayaran', printf('%.600c', 'x'), printf('%.3000c', 'x') FROM orders WHERE placed_at > datetime('now', '-30 days')`,
	`UPDATE products SET stock = 1000000`,
	words("lower(substr(number, 4)) || '-1'"),
	words("printf('8888%012d', id)"),
	words("customer_email"),
	words("lower(substr(customer_name, 1, instr(customer_name, ' ') - 1))"),
	words("lower(substr(customer_name, instr(customer_name, ' ') + 1))") +
		" WHERE substr(customer_name, 1, instr(customer_name, ' ') - 1) <> substr(customer_name, instr(customer_name, ' ') + 1)", // Lestari Lestari has one
}

func lines(product, where string) string {
	return "INSERT INTO order_lines (order_id, sku, name_id, name_en, kind, drawing, price, quantity, created_at, settlement_account) " +
		"SELECT orders.id, sku, name_id, name_en, kind, drawing, price, 1, placed_at, '' FROM orders JOIN products ON products.position = " + product + " WHERE " + where
}

func words(word string) string {
	return "INSERT INTO order_words (word, order_id) SELECT CAST(" + word + " AS BLOB), id FROM orders"
}

// use has merchants and shoppers at work for a while.
func (m *million) use(lasts time.Duration) {
	over := time.Now().Add(lasts)
	var all sync.WaitGroup
	for i := range 2 {
		all.Go(func() {
			for r := rand.New(rand.NewPCG(2, uint64(i))); time.Now().Before(over); {
				m.lookAround(r)
			}
		})
	}
	for i := range 6 { // buy a hundred times as much as a million a year comes to
		all.Go(func() {
			for n := 0; time.Now().Before(over); n++ {
				m.buy(fmt.Sprintf("million-%d-%d", i, n))
				pause(time.Second)
			}
		})
	}
	all.Wait()
}

var nextPage = regexp.MustCompile(`href="(/console/orders\?[^"]*)" rel="next"`)

// lookAround is one round through the console.
func (m *million) lookAround(r *rand.Rand) {
	client := signIn(m.t, &program{shop: m.shop.base}).Client
	see := func(name, path string) string { return m.get(client, "console: "+name, path) }
	search := func(name, query string) string {
		return see("search by "+name, "/console/orders?q="+url.QueryEscape(query))
	}
	number := m.numbers[r.IntN(len(m.numbers))]
	deep := fmt.Sprintf("%d-1", time.Now().Add(-time.Duration(r.IntN(360*24))*time.Hour).UnixMicro())
	first, last := firstNames[r.IntN(len(firstNames))], lastNames[r.IntN(len(lastNames))]

	see("overview", "/console")
	page := see("orders", "/console/orders")
	for range 3 {
		if next := nextPage.FindStringSubmatch(page); next != nil {
			page = see("orders, next page", strings.ReplaceAll(next[1], "&amp;", "&"))
		}
	}
	see("orders, somewhere in the year", "/console/orders?after="+deep)
	for _, status := range []string{"awaiting", "paid", "expired", "cancelled", "attention"} {
		see("orders by status", "/console/orders?status="+status)
		see("orders by status, somewhere in the year", "/console/orders?status="+status+"&after="+deep)
	}
	see("orders of some days", "/console/orders?status=expired&from=2026-01-01&to="+time.Now().Add(-time.Duration(r.IntN(300*24))*time.Hour).Format(time.DateOnly))
	if page := search("number", number); !strings.Contains(page, "/console/orders/"+number) {
		m.t.Errorf("%s is not found", number)
	}
	search("invoice number", number+"-1")
	page = see("order", "/console/orders/"+number)
	if code := regexp.MustCompile(`8888 \d{4} \d{4} \d{4}`).FindString(page); code != "" {
		search("code", code)
	}
	if email := regexp.MustCompile(`[a-z0-9.]+@example\.com`).FindString(page); email != "" {
		search("email", email)
	}
	page = search("name", first)
	if next := nextPage.FindStringSubmatch(page); next != nil {
		see("search by name, next page", strings.ReplaceAll(next[1], "&amp;", "&"))
	}
	search("beginning of a name", last[:3])
	search("one letter", last[:1])
	search("full name", first+" "+last)
	search("nobody's name", "durian")
	see("search by name and status", "/console/orders?status=cancelled&q="+first)
	see("search by name and attention", "/console/orders?status=attention&q="+first)
	see("cases", "/console/cases")
	see("stock", "/console/stock")
}

// buy is one shopper's visit.
func (m *million) buy(name string) {
	jar, _ := cookiejar.New(nil) // fails for options only
	client := &http.Client{Jar: jar, Timeout: patience}
	m.get(client, "shop: catalogue", "/")
	m.get(client, "shop: product", "/products/keripik-tempe")
	m.post(client, "shop: to the cart", "/cart/items", url.Values{"sku": {"MKN-TEMPE"}, "quantity": {"1"}})
	place := m.post(client, "shop: checkout, with its code", "/checkout", filledIn(m.get(client, "shop: the checkout's form", "/checkout")))
	if strings.HasPrefix(place, "/orders/") {
		m.get(client, "shop: order", place)
		m.get(client, "shop: status", place+"/status")
	}
}

func (m *million) get(client *http.Client, name, path string) string {
	return m.timed(name, path, func() (*http.Response, error) { return client.Get(m.shop.base + path) })
}

// post returns where it led.
func (m *million) post(client *http.Client, name, path string, form url.Values) (place string) {
	m.timed(name, path, func() (*http.Response, error) {
		res, err := client.PostForm(m.shop.base+path, form)
		if err == nil {
			place = res.Request.URL.Path
		}
		return res, err
	})
	return place
}

func (m *million) timed(name, path string, do func() (*http.Response, error)) string {
	began := time.Now()
	res, err := do()
	if err != nil {
		m.t.Error(err)
		return ""
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	took := time.Since(began)
	if err != nil || res.StatusCode != http.StatusOK && !strings.HasPrefix(name, "shop: ") {
		m.t.Errorf("%s: %s, %v", path, res.Status, err)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.times[name] = append(m.times[name], took)
	return string(body)
}

// report prints what each page took, and marks the console's slow ones.
func (m *million) report() {
	m.t.Logf("%-55s %6s %9s %9s %9s", "page", "times", "p50", "p95", "most")
	for _, name := range slices.Sorted(maps.Keys(m.times)) {
		took := m.times[name]
		slices.SortFunc(took, cmp.Compare[time.Duration])
		at := func(share float64) time.Duration {
			return took[int(share*float64(len(took)-1))].Round(100 * time.Microsecond)
		}
		mark := ""
		if strings.HasPrefix(name, "console: ") && at(0.95) > slowest {
			mark = " slow"
		}
		m.t.Logf("%-55s %6d %9s %9s %9s%s", name, len(took), at(0.5), at(0.95), at(1), mark)
	}
}
