package e2e_test

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"warungjokul/jokul"
)

// Who is erased. The order is placed under another name and address first, and corrected.
var (
	erasedCustomer = person("Zulaikha Quetzalli", "zulaikha@quetzalli.example", "0899-7788-6655")
	erasedBefore   = person("Wulandari Oktaviani", "oktaviani@quetzalli.example", "0899-7788-6655")
	erasedRefused  = person("Zulaikha Q.", "refused@quetzalli.example", "+62 899 7788 6655")

	// erasedMarks must be nowhere afterwards, in whatever case.
	erasedMarks = []string{"zulaikha", "quetzalli", "wulandari", "oktaviani", "7788-6655", "7788 6655", "77886655"}
)

func person(name, email, phone string) url.Values {
	return url.Values{"name": {name}, "email": {email}, "phone": {phone}}
}

// One button erases a customer from the database, the gateway's state, the log, the mails and the metrics, byte for
// byte, and the books are the same before and after.
func TestErasure(t *testing.T) {
	t.Run("SQLite", func(t *testing.T) {
		dir := t.TempDir()
		eraseEverything(t, dir, "sqlite:warung.db", func() map[string][]byte { return filesIn(t, dir) })
	})
	t.Run("PostgreSQL", func(t *testing.T) {
		server, err := newPostgres(t, "fsync=off")
		if err != nil {
			t.Fatal(err)
		}
		defer server.End()
		dir := t.TempDir()
		eraseEverything(t, dir, server.URL, func() map[string][]byte {
			db := openSQL(t, server.URL)
			for _, statement := range erasureRecipe(t) {
				execute(t, db, statement)
			}
			var data string
			if err := db.QueryRow("SHOW data_directory").Scan(&data); err != nil {
				t.Fatal(err)
			}
			files := filesIn(t, filepath.Join(data, "base"))
			for name, text := range filesIn(t, dir) {
				files[name] = text
			}
			return files
		})
	})
}

// erasureRecipe is what docs/operate.md has people run on PostgreSQL, so that the bytes go, too.
func erasureRecipe(t *testing.T) (statements []string) {
	t.Helper()
	text, err := os.ReadFile("../docs/operate.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, found := range regexp.MustCompile(`-c "((?:VACUUM|CHECKPOINT)[^"]*)"`).FindAllSubmatch(text, -1) {
		statements = append(statements, string(found[1]))
	}
	if len(statements) < 2 {
		t.Fatalf("docs/operate.md has no recipe: %q", statements)
	}
	return statements
}

func filesIn(t *testing.T, dir string) map[string][]byte {
	t.Helper()
	files := map[string][]byte{}
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		files[path], err = os.ReadFile(path)
		if os.IsNotExist(err) { // a database of PostgreSQL drops its files when it likes
			err = nil
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// marked names the texts that hold a mark.
func marked(files map[string][]byte) (found []string) {
	for name, text := range files {
		for _, mark := range erasedMarks {
			if bytes.Contains(bytes.ToLower(text), []byte(mark)) {
				found = append(found, fmt.Sprintf("%s: %q", filepath.Base(name), mark))
			}
		}
	}
	slices.Sort(found)
	return found
}

// erasureJourney is a shop with a customer wherever one is kept, and with another customer.
type erasureJourney struct {
	*program
	v                          visitor
	paid, refused, open, other string // pages of orders
	numbers                    []string
	console                    string // the page of the paid order
}

func eraseEverything(t *testing.T, dir, database string, files func() map[string][]byte) {
	j := plantCustomer(t, start(t, dir, "LOG_LEVEL=debug", "RATE_LIMIT=off", "DATABASE_URL="+database,
		"SMTP_URL=smtp://"+refusingMailServer(t), "MAIL_FROM=toko@example.com"))
	if found := marked(map[string][]byte{"log": []byte(j.logs.String())}); len(found) > 0 {
		t.Errorf("the log holds the customer before anything is erased: %v", found)
	}
	if before := fmt.Sprint(marked(files())); !strings.Contains(before, "zulaikha") {
		t.Fatalf("the files hold no customer before: %s", before)
	}
	j.checkExport(t)
	j.erase(t)
	if left := marked(files()); len(left) > 0 {
		t.Errorf("the files hold the customer: %v", left)
	}
	j.checkShown(t)
}

func plantCustomer(t *testing.T, p *program) *erasureJourney {
	v := visit(t, p)
	v.open(p)
	control(t, p, http.MethodPut, "/control/faults", map[string]any{"notification_template": json.RawMessage(
		`{"order":{"invoice_number":"{invoice_number}","amount":"{amount}"},` +
			`"transaction":{"status":"{status}","date":"{date}"},` +
			`"channel":{"id":"ONLINE_TO_OFFLINE_INDOMARET"},"online_to_offline_info":{"payment_code":"{payment_code}"},` +
			`"online_to_offline_payment":{"identifier":"{identifier}"},` +
			`"customer":{"name":"{customer_name}","email":"{customer_email}"}}`)})
	j := &erasureJourney{program: p, v: v, paid: v.orderOf("MNM-GAYO", erasedBefore, erasedCustomer)}
	act(t, p, v.await(j.paid, "a code", hasCode).PaymentCode, "pay_twice")
	v.await(j.paid, "paid", isPaid)
	refundSecondPayment(t, v)
	j.refused = v.orderOf("MNM-TEH", erasedRefused)
	act(t, p, v.await(j.refused, "a code", hasCode).PaymentCode, "expire")
	v.post(j.refused+"/check", nil)
	v.await(j.refused, "expired", func(s status) bool { return s.OrderStatus == "expired" })
	j.open = v.orderOf("MNM-TEH", erasedCustomer)
	v.await(j.open, "a code", hasCode)
	j.other = v.order("MNM-GAYO")
	v.await(j.other, "a code", hasCode)
	forged := func(_ *jokul.Component, h http.Header) {
		h.Set(jokul.HeaderSignature, "HMACSHA256=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=")
	}
	notify(t, p, `{"order":{"invoice_number":"WJ-NOBODY-1"},"payer":"Zulaikha Quetzalli"}`, forged)
	waitForLog(t, p, "mail not sent")
	j.numbers = v.numbersOf(j.paid, j.refused, j.open)
	j.console = "/console/orders/" + j.numbers[0]
	return j
}

// checkExport looks for what is held in the export, and for the keys to the orders, which are not in it.
func (j *erasureJourney) checkExport(t *testing.T) {
	t.Helper()
	if alone := j.v.export(j.console); strings.Contains(alone, "refused@quetzalli.example") || !strings.Contains(alone, "Wulandari") {
		t.Error("the export holds an order with another name and email, or not what was corrected")
	}
	res, err := j.v.PostForm(j.v.shop+j.console+"/customer.json", url.Values{"order": {j.numbers[1], "WJ-00000000"}})
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	export := string(text)
	for _, want := range []string{"Zulaikha Quetzalli", "refused@quetzalli.example", "Wulandari", "transfer to Zulaikha"} {
		if !strings.Contains(export, want) {
			t.Errorf("the export lacks %q", want)
		}
	}
	if strings.Contains(export, strings.TrimPrefix(j.paid, "/orders/")) {
		t.Error("the export holds an order's address")
	}
}

// erase erases what is over, then what was open, once that is cancelled.
func (j *erasureJourney) erase(t *testing.T) {
	t.Helper()
	v := j.v
	_, preview := v.get(j.console + "/erase")
	if strings.Count(preview, `name="order"`) != 4 || strings.Count(preview, " checked") != 1 || strings.Count(preview, "disabled") != 1 ||
		!strings.Contains(preview, "Not over yet") {
		t.Errorf("the preview does not show three orders, one of them chosen, one still open, and one, apart, for the download, too:\n%s", preview)
	}
	before := v.moneyOf()
	form := url.Values{"order": j.numbers, "reason": {"requested"}, "by": {"Sari"}}
	for name, bad := range map[string]url.Values{
		"no reason":           {"order": j.numbers, "by": {"Sari"}},
		"no name":             {"order": j.numbers, "reason": {"requested"}},
		"the customer's name": {"order": j.numbers, "reason": {"requested"}, "by": {"zulaikha quetzalli"}},
		"no order":            {"reason": {"requested"}, "by": {"Sari"}},
	} {
		if res := v.post(j.console+"/erase", bad); res.StatusCode != http.StatusUnprocessableEntity {
			t.Errorf("%s: %s", name, res.Status)
		}
	}
	if res := v.post(j.console+"/erase", form); res.StatusCode != http.StatusSeeOther {
		t.Fatalf("erase: %s", res.Status)
	}
	if res := v.post(j.console+"/erase", form); res.StatusCode != http.StatusConflict {
		t.Errorf("erased twice: %s", res.Status)
	}
	if after := v.moneyOf(); after != before {
		t.Errorf("the books were\n%s\nand are\n%s", before, after)
	}
	waitForScrub(t, j.program, 1)
	if _, page := v.get(j.open); !strings.Contains(page, "Zulaikha Quetzalli") {
		t.Error("the order that is open was erased")
	}
	opened := "/console/orders/" + j.numbers[2]
	if res := v.post(opened+"/cancel", nil); res.StatusCode != http.StatusSeeOther {
		t.Fatalf("cancel: %s", res.Status)
	}
	if res := v.post(opened+"/erase", form); res.StatusCode != http.StatusSeeOther {
		t.Fatalf("erase what was open: %s", res.Status)
	}
	waitForScrub(t, j.program, 2)
}

// checkShown looks for the customer wherever something is shown, and tries to find the orders.
func (j *erasureJourney) checkShown(t *testing.T) {
	t.Helper()
	v, shown := j.v, map[string][]byte{"the log": []byte(j.logs.String())}
	for path, text := range crawl(v, "/console") {
		shown[path] = []byte(text)
	}
	for _, path := range []string{"/metrics", "/mailbox", "/privacy", j.paid, j.refused, j.open, j.paid + "/cashier"} {
		code, text := v.get(path)
		if code != http.StatusOK {
			t.Errorf("%s: HTTP %d", routeOf(path), code)
		}
		shown[path] = []byte(text)
	}
	for _, path := range []string{"/control/requests", "/control/deliveries", "/control/payments"} {
		shown[path], _ = json.Marshal(control(t, j.program, http.MethodGet, path, nil))
	}
	if left := marked(shown); len(left) > 0 {
		t.Errorf("the customer is still shown: %v", left)
	}
	for i, number := range j.numbers {
		for _, email := range []string{"zulaikha@quetzalli.example", "refused@quetzalli.example", ""} {
			form := url.Values{"order_number": {number}, "email": {email}}
			if res := v.post("/find-order", form); res.StatusCode == http.StatusSeeOther {
				t.Errorf("order %d is found by %q", i, email)
			}
		}
	}
	if _, page := v.get(j.other); !strings.Contains(page, "Budi Santoso") {
		t.Error("another customer was erased")
	}
}

// orderOf orders one thing as each of some customers: the second is a correction of the first.
func (v visitor) orderOf(sku string, customers ...url.Values) (order string) {
	v.t.Helper()
	v.fill(sku, "1")
	form := v.customer()
	for _, c := range customers {
		for name, value := range c {
			form[name] = value
		}
		res := v.post("/checkout", form)
		if res.StatusCode != http.StatusSeeOther {
			v.t.Fatalf("checkout: %s", res.Status)
		}
		order = res.Header.Get("Location")
	}
	return order
}

var orderNumberOnPage = regexp.MustCompile(`WJ-[0-9A-Z]{8}`)

// numbersOf are the order numbers of pages.
func (v visitor) numbersOf(orders ...string) (numbers []string) {
	v.t.Helper()
	for _, order := range orders {
		_, page := v.get(order)
		numbers = append(numbers, orderNumberOnPage.FindString(page))
	}
	return numbers
}

func (v visitor) export(console string) string {
	v.t.Helper()
	code, text := v.get(console + "/customer.json")
	if code != http.StatusOK || !json.Valid([]byte(text)) {
		v.t.Fatalf("export: HTTP %d, %.200s", code, text)
	}
	return text
}

// moneyOf is the export of all orders without its customers.
func (v visitor) moneyOf() string {
	v.t.Helper()
	_, text := v.get("/console/orders.csv")
	rows, err := csv.NewReader(strings.NewReader(text)).ReadAll()
	if err != nil {
		v.t.Fatal(err)
	}
	var kept []string
	for _, row := range rows {
		kept = append(kept, strings.Join(slices.Delete(row, 8, 11), ","))
	}
	if !strings.Contains(kept[0], "total") || strings.Contains(kept[0], "email") {
		v.t.Fatalf("the export's columns are %s", kept[0])
	}
	return strings.Join(kept, "\n")
}

// refundSecondPayment decides the one case there is, with words that quote the customer.
func refundSecondPayment(t *testing.T, v visitor) {
	t.Helper()
	link := regexp.MustCompile(`/console/cases/[0-9]+`)
	var found string
	for deadline := time.Now().Add(patience); found == ""; pause(20 * time.Millisecond) {
		_, page := v.get("/console/cases")
		if found = link.FindString(page); found == "" && time.Now().After(deadline) {
			t.Fatal("there is no case of a second payment")
		}
	}
	res := v.post(found, url.Values{"decision": {"refund"}, "refund": {"90000"}, "refunded_on": {jakartaDay()},
		"refund_method": {"transfer to Zulaikha"}, "reason": {"Zulaikha Quetzalli paid twice"}, "by": {"Sari"}, "confirm": {"yes"}})
	if res.StatusCode != http.StatusSeeOther {
		t.Fatalf("decide: %s", res.Status)
	}
}

func jakartaDay() string {
	return time.Now().In(time.FixedZone("WIB", 7*60*60)).Format(time.DateOnly)
}

func waitForLog(t *testing.T, p *program, text string) {
	t.Helper()
	for deadline := time.Now().Add(patience); !strings.Contains(p.logs.String(), text); pause(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("the log never said %q", text)
		}
	}
}

// waitForScrub waits until what was erased in a number of rounds is out of the database's files. The answer to a request
// may come before the lines the shop has logged of it: without the number an earlier round's end would be taken for it.
func waitForScrub(t *testing.T, p *program, rounds int) {
	t.Helper()
	for deadline := time.Now().Add(patience); ; pause(20 * time.Millisecond) {
		log := p.logs.String()
		if strings.Count(log, "customers erased") == rounds &&
			strings.LastIndex(log, "database scrubbed") > strings.LastIndex(log, "customers erased") {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal("the database was never scrubbed")
		}
	}
}

// refusingMailServer takes mail but for addresses that begin with refused, and quotes those it refuses.
func refusingMailServer(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go refuseMail(conn)
		}
	}()
	return listener.Addr().String()
}

func refuseMail(conn net.Conn) {
	defer conn.Close()
	in := bufio.NewReader(conn)
	say := func(line string) { fmt.Fprint(conn, line+"\r\n") }
	say("220 mail.example ESMTP")
	for data := false; ; {
		line, err := in.ReadString('\n')
		if err != nil {
			return
		}
		command, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		switch {
		case data && strings.TrimSpace(line) == ".":
			data = false
			say("250 taken")
		case data:
		case command == "DATA":
			data = true
			say("354 go on")
		case command == "RCPT" && strings.Contains(rest, "refused"):
			say("450 4.2.1 " + rest + ": Zulaikha Q. is over quota")
		case command == "QUIT":
			say("221 bye")
			return
		default:
			say("250 ok")
		}
	}
}
