package models

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"gorm.io/gorm"

	"warungjokul/models/testdb"
)

// marked is a customer whose name, email and phone number are found wherever they are kept.
var marked = Customer{"Zulaikha Quetzalli", "zulaikha@quetzalli.example", "0899-7788-6655"}

// marks are what must not be found after erasing, in small letters.
var marks = []string{"zulaikha", "quetzalli", "7788-6655", "77886655", "before@correction", "wulandari"}

// toldOf is a notification that repeats the customer, as some gateways' do.
func toldOf(p Payment, at time.Time, n int) (Notification, NotificationEvent) {
	a := paid(p, at)
	a.Identifiers = fmt.Sprintf(`[{"name":"AGENT_TRX_ID","value":"T%d-%d"},{"name":"PAYER","value":"Zulaikha"}]`, p.ID, n)
	body := fmt.Sprintf(`{"order":{"invoice_number":%q},"customer":{"name":"Zulaikha Quetzalli"}}`, p.InvoiceNumber)
	return Notification{RequestID: fmt.Sprint("told-", p.ID, "-", n), Header: "{}", Body: []byte(body)}, PaidEvent(a)
}

// placeMarked places an order of the marked customer under another name first, and corrects it.
func placeMarked(t *testing.T, s *Store, c *clock, form string) Order {
	t.Helper()
	ctx := context.Background()
	o, _, err := s.DraftOrder(ctx, []Item{{"MNM-TEH", 1}})
	if err != nil {
		t.Fatal(err)
	}
	o.FormID, o.Language = form, "id"
	o.CustomerName, o.CustomerEmail, o.CustomerPhone = "Wulandari", "before@correction.example", marked.Phone
	p := attempt(o, 1)
	p.RequestBody = []byte(`{"customer":{"name":"Zulaikha Quetzalli","email":"zulaikha@quetzalli.example"}}`)
	if o, _, err = s.PlaceOrder(ctx, o, p); err != nil {
		t.Fatal(err)
	}
	if corrected, err := s.CorrectCustomer(ctx, o.ID, marked); err != nil || !corrected {
		t.Fatalf("corrected %v, %v", corrected, err)
	}
	must(t, s.SaveAPICall(ctx, &APICall{PaymentID: &o.Payments[0].ID, Operation: "payment-code", InvoiceNumber: o.Payment().InvoiceNumber,
		RequestBody: p.RequestBody, ResponseBody: []byte("<p>Zulaikha</p>"), Problem: "no such Zulaikha", StartedAt: c.now()}))
	must(t, s.Postpone(ctx, nil, o.Payment(), "the gateway says: quetzalli", c.now()))
	giveCode(t, s, c, o.Payment())
	must(t, s.SetInstructions(ctx, nil, o.Payment().ID, []Instruction{{"id", []string{"Zulaikha membayar"}}}))
	sendMails(t, s, c)
	must(t, s.SaveRejections(ctx, map[string]int64{"signature": 2}, []Rejection{
		{Reason: "signature", InvoiceNumber: o.Payment().InvoiceNumber, Header: "{}", Body: []byte("about it"), ReceivedAt: c.now()},
		{Reason: "signature", InvoiceNumber: "WJ-ELSE-1", Header: "{}", Body: []byte(`{"name":"\u005aulaikha Quetzalli"}`), ReceivedAt: c.now()}}))
	return reload(t, s, o)
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// sendMails sends what is due, one of two with an error that quotes the address.
func sendMails(t *testing.T, s *Store, c *clock) {
	t.Helper()
	due, err := s.ClaimMails(context.Background(), 20)
	must(t, err)
	for i, m := range due {
		m.Subject, m.Text, m.HTML = "Kode "+m.Order.Number, "Halo "+m.Order.CustomerName, "<p>"+m.Order.CustomerName+m.Order.CustomerEmail+"</p>"
		if i%2 == 1 {
			must(t, s.PostponeMail(context.Background(), m, "550 <"+m.Order.CustomerEmail+"> unknown", c.now()))
			continue
		}
		must(t, s.MailSent(context.Background(), m))
	}
}

// endMarked pays an order, then pays it twice and refunds that with reasons that quote the customer.
func endMarked(t *testing.T, s *Store, c *clock, o Order) {
	t.Helper()
	ctx := context.Background()
	for n := range 2 {
		notification, event := toldOf(o.Payment(), c.now(), n)
		_, err := s.ApplyNotification(ctx, notification, event, c.now())
		must(t, err)
		c.advance(time.Minute)
	}
	sendMails(t, s, c)
	for _, open := range reload(t, s, o).OpenCases {
		_, err := s.Decide(ctx, open.ID, Decision{Kind: DecisionRefund, By: "Sari", Reason: "Zulaikha paid twice", Refund: o.Total,
			RefundedOn: c.now(), RefundMethod: "transfer to Zulaikha"})
		must(t, err)
	}
}

// dump is every table of the database as text.
func dump(t *testing.T, s *Store) map[string]string {
	t.Helper()
	tables, err := s.write.Migrator().GetTables()
	must(t, err)
	found := map[string]string{}
	for _, table := range tables {
		var rows []map[string]any
		must(t, s.write.Table(table).Find(&rows).Error)
		for _, row := range rows {
			for column, value := range row {
				if b, ok := value.([]byte); ok {
					value = string(b)
				}
				found[table+"."+column] += strings.ToLower(fmt.Sprintf("%v\n", value))
			}
		}
	}
	return found
}

// findMarks names the columns that hold a mark.
func findMarks(t *testing.T, s *Store) (columns []string) {
	t.Helper()
	for column, text := range dump(t, s) {
		for _, mark := range marks {
			if strings.Contains(text, mark) {
				columns = append(columns, column)
				break
			}
		}
	}
	return columns
}

// Every column that a customer's data gets into is erased, and every one that is said to hold it was seen to: a column
// that is new and holds it, too, is found here.
func TestErase(t *testing.T) {
	s, c := openStore(t)
	ctx := context.Background()
	first, second := placeMarked(t, s, c, "form-1"), placeMarked(t, s, c, "form-2")
	endMarked(t, s, c, first)
	must(t, s.Expire(ctx, nil, second.Payment().ID))
	other := withCode(t, s, c, "MNM-GAYO")
	before := findMarks(t, s)
	for _, column := range []string{"orders.customer_name", "orders.customer_email", "orders.customer_phone", "payments.request_body", "payments.last_error",
		"payments.instructions", "receipts.identifiers", "receipts.refund_method", "cases.reason", "mails.text", "mails.html", "mails.last_error",
		"notifications.body", "exchanges.request_body", "exchanges.response_body", "exchanges.problem", "changes.was", "changes.became", "order_words.word"} {
		if !strings.Contains(fmt.Sprintln(before), column) && column != "payments.last_error" && column != "mails.last_error" {
			t.Errorf("the journey has put nothing into %s; it went into %v", column, before)
		}
	}
	orders, err := s.CustomerOrders(ctx, first)
	must(t, err)
	if len(orders) != 2 {
		t.Fatalf("%d orders of the customer, want 2", len(orders))
	}
	books := booksOf(t, s)
	erased, err := s.Erase(ctx, []int64{first.ID, second.ID, other.ID}, Erasure{By: "Sari", Reason: ErasureRequested})
	if err != nil || len(erased) != 2 {
		t.Fatalf("%d orders were erased, %v, want 2: the third waits to be paid", len(erased), err)
	}
	if left := findMarks(t, s); len(left) > 0 {
		t.Errorf("the customer is still in %v", left)
	}
	if diff := cmp.Diff(books, booksOf(t, s)); diff != "" {
		t.Errorf("the books have changed:\n%s", diff)
	}
	if o := reload(t, s, first); o.ErasedBy != "Sari" || o.ErasureReason != ErasureRequested || o.ErasedAt == nil || o.Money().Refunded != first.Total {
		t.Errorf("the order says %v, %q, %q, money %+v", o.ErasedAt, o.ErasedBy, o.ErasureReason, o.Money())
	}
	if o := reload(t, s, other); o.CustomerName != "Budi" || len(o.Payment().RequestBody) == 0 {
		t.Error("another customer's order was touched")
	}
	if again, err := s.Erase(ctx, []int64{first.ID}, Erasure{By: "Budi", Reason: ErasureWithdrawn}); err != nil || len(again) != 0 {
		t.Errorf("erased again: %d, %v", len(again), err)
	}
	for _, email := range []string{marked.Email, ""} {
		if _, err := s.FindOrder(ctx, first.Number, email); err != ErrNotFound {
			t.Errorf("found by %q: %v", email, err)
		}
	}
	if mails, err := s.ClaimMails(ctx, 20); err != nil || len(mails) > 1 { // the other order's code
		t.Errorf("%d mails are due, %v", len(mails), err)
	}
}

// booksOf is what the figures, the report of mismatches and the rows of the export say of money.
func booksOf(t *testing.T, s *Store) map[string]any {
	t.Helper()
	ctx := context.Background()
	now := s.now()
	report, err := s.Mismatches(ctx)
	must(t, err)
	rows := map[string]any{}
	must(t, s.EachOrder(ctx, OrderFilter{}, func(o Order) error {
		rows[o.Number] = []any{o.Status, o.Total, o.Money(), o.PlacedAt, o.PaidAt, len(o.Payments), o.Payment().Code}
		return nil
	}))
	days, err := s.Days(ctx, now.Truncate(24*time.Hour), 3)
	must(t, err)
	return map[string]any{"figures": Sum(days).Received, "refunded": Sum(days).Refunded, "placed": Sum(days).PlacedAmount, "report": report, "rows": rows}
}

// What is still needed is not erased.
func TestEraseIsBlocked(t *testing.T) {
	s, c := openStore(t)
	ctx := context.Background()
	for want, reach := range map[ErasureBlock]func(Order){
		BlockOpen: func(Order) {},
		BlockMoney: func(o Order) {
			a := paid(o.Payment(), c.now())
			a.Amount += 1000
			_, err := s.ApplyNotification(ctx, Notification{RequestID: o.Number, Header: "{}", Body: []byte(o.Number)}, PaidEvent(a), c.now())
			must(t, err)
		},
		BlockCase: func(o Order) {
			must(t, s.Raise(ctx, nil, o.Payment(), CaseUnsettled, "no end"))
			must(t, s.Expire(ctx, nil, o.Payment().ID))
		},
		"": func(o Order) { must(t, s.Expire(ctx, nil, o.Payment().ID)) },
	} {
		o := withCode(t, s, c, "MNM-TEH")
		reach(o)
		o = reload(t, s, o)
		if got := o.ErasureBlock(); got != want {
			t.Errorf("blocked by %q, want %q", got, want)
		}
		erased, err := s.Erase(ctx, []int64{o.ID}, Erasure{Reason: ErasureTime})
		if err != nil || (len(erased) == 1) != (want == "") {
			t.Errorf("%q: %d erased, %v", want, len(erased), err)
		}
	}
	cancelled := place(t, s, "MNM-TEH", 1) // while its code is being asked for
	if _, err := s.CancelOrder(ctx, cancelled.ID); err != nil {
		t.Fatal(err)
	}
	if erased, err := s.Erase(ctx, []int64{cancelled.ID}, Erasure{Reason: ErasureTime}); err != nil || len(erased) != 0 {
		t.Errorf("its request may be sent again, and %d were erased, %v", len(erased), err)
	}
}

// Orders become due when they have been over for long enough, some at a time.
func TestDueForErasure(t *testing.T) {
	s, c := openStore(t)
	ctx := context.Background()
	var orders []Order
	for i := range 5 {
		o := placeMarked(t, s, c, fmt.Sprint("form-", i))
		endMarked(t, s, c, o)
		orders = append(orders, o)
	}
	waiting := withCode(t, s, c, "MNM-TEH")
	due := func(before time.Time) (all []int64) {
		for after := int64(0); ; {
			some, next, err := s.DueForErasure(ctx, before, after, 2)
			must(t, err)
			all = append(all, some...)
			if after = next; next == 0 {
				return all
			}
		}
	}
	if got := due(c.now().Add(-time.Hour)); len(got) != 0 {
		t.Errorf("%v are due at once", got)
	}
	later := c.now().Add(24 * time.Hour)
	if got := due(later); len(got) != 5 || got[0] != orders[0].ID {
		t.Errorf("%v are due, want the first five; order %d waits to be paid", got, waiting.ID)
	}
	if _, err := s.Erase(ctx, due(later)[:2], Erasure{Reason: ErasureTime}); err != nil {
		t.Fatal(err)
	}
	if got := due(later); len(got) != 3 {
		t.Errorf("%v are due, want three", got)
	}
}

// Money that comes for an order whose customer was erased is booked and decided as any other. What it repeats of the
// customer is not kept, and what is written about it is erased in its turn.
func TestMoneyAfterErasure(t *testing.T) {
	s, c := openStore(t)
	ctx := context.Background()
	o := placeMarked(t, s, c, "form")
	must(t, s.Expire(ctx, nil, o.Payment().ID))
	if erased, err := s.Erase(ctx, []int64{o.ID}, Erasure{Reason: ErasureTime}); err != nil || len(erased) != 1 {
		t.Fatalf("%d erased, %v", len(erased), err)
	}
	if added, err := s.AddPayment(ctx, o, attempt(o, 2)); added || err != nil {
		t.Errorf("a new code for an erased order: %v, %v", added, err)
	}
	endMarked(t, s, c, o)
	if o = reload(t, s, o); o.Status != OrderPaid || o.Money().Applied != 0 && o.Money().Refunded == 0 {
		t.Errorf("the order is %s, with %+v", o.Status, o.Money())
	}
	for column, text := range dump(t, s) {
		if strings.HasPrefix(column, "notifications.") && strings.Contains(text, "zulaikha") {
			t.Errorf("%s holds the customer", column)
		}
	}
	c.advance(48 * time.Hour)
	must(t, s.EraseLate(ctx, c.now()))
	if left := findMarks(t, s); len(left) > 0 && fmt.Sprint(left) != "[receipts.identifiers]" {
		t.Errorf("the customer is still in %v", left)
	}
}

// The bytes of the files hold nothing of what was erased, on SQLite at once; on PostgreSQL as docs/operate.md has it.
func TestScrub(t *testing.T) {
	s, c := openStore(t)
	ctx := context.Background()
	for i := range 30 { // enough for pages to split
		o := placeMarked(t, s, c, fmt.Sprint("form-", i))
		endMarked(t, s, c, o)
		if erased, err := s.Erase(ctx, []int64{o.ID}, Erasure{Reason: ErasureTime}); err != nil || len(erased) != 1 {
			t.Fatalf("%d erased, %v", len(erased), err)
		}
	}
	for _, want := range []bool{true, false} {
		if done, err := s.Scrub(ctx); err != nil || done != want {
			t.Fatalf("scrubbed: %v, %v, want %v", done, err, want)
		}
	}
	if testdb.Server() == "" { // the files of PostgreSQL are looked at by the journeys
		checkBytes(t, s)
	}
}

// checkBytes looks for marks in the files of SQLite.
func checkBytes(t *testing.T, s *Store) {
	t.Helper()
	file := strings.TrimPrefix(s.database.String(), "sqlite:")
	for _, name := range []string{file, file + "-wal", file + "-shm"} {
		bytes, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, mark := range marks {
			if strings.Contains(strings.ToLower(string(bytes)), mark) {
				t.Errorf("%s holds %q", name, mark)
			}
		}
	}
}

// While a reader holds an older snapshot, SQLite cannot truncate its write-ahead log: Scrub fails, and succeeds once the
// reader has ended. The database is SQLite whatever the other tests use.
func TestScrubBesideReader(t *testing.T) {
	s, c := openAt(t, "sqlite:"+filepath.Join(t.TempDir(), "shop.db"))
	ctx := context.Background()
	o := placeMarked(t, s, c, "form")
	must(t, s.Expire(ctx, nil, o.Payment().ID))
	reader := s.read.Begin()
	must(t, reader.Error)
	var seen []Order
	must(t, reader.Find(&seen).Error) // its snapshot begins here
	if erased, err := s.Erase(ctx, []int64{o.ID}, Erasure{Reason: ErasureTime}); err != nil || len(erased) != 1 {
		t.Fatalf("%d erased, %v", len(erased), err)
	}
	if done, err := s.Scrub(ctx); done || !errors.Is(err, ErrUnavailable) {
		t.Errorf("scrubbed beside a reader: %v, %v", done, err)
	}
	must(t, reader.Rollback().Error)
	if done, err := s.Scrub(ctx); !done || err != nil {
		t.Fatalf("scrubbed after the reader: %v, %v", done, err)
	}
	checkBytes(t, s)
}

// placeCorrected places an order of one customer, and corrects it to others.
func placeCorrected(t *testing.T, s *Store, form string, customers ...Customer) Order {
	t.Helper()
	ctx := context.Background()
	o, _, err := s.DraftOrder(ctx, []Item{{"MNM-TEH", 1}})
	must(t, err)
	o.FormID, o.Language = form, "id"
	o.CustomerName, o.CustomerEmail, o.CustomerPhone = customers[0].Name, customers[0].Email, customers[0].Phone
	o, _, err = s.PlaceOrder(ctx, o, attempt(o, 1))
	must(t, err)
	for _, c := range customers[1:] {
		if corrected, err := s.CorrectCustomer(ctx, o.ID, c); err != nil || !corrected {
			t.Fatalf("corrected %v, %v", corrected, err)
		}
	}
	return reload(t, s, o)
}

// A customer's orders are those with the same mailbox or phone number, however it is spelled, now or before a correction.
func TestCustomerOrders(t *testing.T) {
	s, _ := openStore(t)
	other := Customer{"Budi", "budi@example.com", "0813-0000-0001"}
	asked := placeCorrected(t, s, "asked", Customer{"Sari", "sari.dewi@gmail.com", "0812-3456-7890"})
	want := []int64{asked.ID}
	for i, c := range [][]Customer{
		{{"Sari", "Sari.Dewi@Gmail.com", "0813-0000-0002"}},
		{{"Sari", "saridewi+warung@googlemail.com", "0813-0000-0003"}},
		{{"Sari", "else@example.com", "+62 812 3456 7890"}},
		{{"Sari", "else@example.com", "0062 (812) 3456.7890"}},
		{{"Sari", "s.aridewi@gmail.com", "0813-0000-0004"}, other},
		{{"Sari", "else@example.com", "62 0812-34567890"}, other},
	} {
		want = append(want, placeCorrected(t, s, fmt.Sprint("same-", i), c...).ID)
	}
	for i, c := range [][]Customer{
		{other},
		{{"sari.dewi@gmail.com", "else@example.com", "0813-0000-0005"}, other}, // a name is no address
		{{"Sari", "sari.dewi@example.com", "0813-0000-0006"}},
		{{"Sari", "saridewi2@gmail.com", "0812-34567890-1"}},
		{{"Sari", "mysaridewi@gmail.com", "+1 812 3456 7890"}},
	} {
		placeCorrected(t, s, fmt.Sprint("other-", i), c...)
	}
	list, err := s.CustomerOrders(context.Background(), asked)
	must(t, err)
	var got []int64
	for _, o := range list {
		got = append(got, o.ID)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the customer's orders:\n%s", diff)
	}
}

// However a message spells a customer, it is found, and nobody else is taken for them.
func TestSpellingsInMessages(t *testing.T) {
	sari := Customer{"S\u00f8rina Dewi", "Sorina.Dewi+toko@gmail.com", "0812-7777-9999"}
	for _, text := range []string{
		`{"phone":"+62 812 7777 9999"}`, `{"phone":"6281277779999"}`, `{"phone":6281277779999}`, "0062 (812) 7777.9999", "phone=%2B62812-7777-9999", "c29yaW5h 62 812 7777 9999",
		"sorinadewi@gmail.com", "SORINA.DEWI+x@googlemail.com", `sorina\u002edewi@gmail.com`, `{"e":"sorina\u002edewi\u0040gmail.com"}`, "sorina%2Edewi%40gmail.com", "sorina&#46;dewi@gmail.com",
		"c29yaW5hLmRld2lAZ21haWwuY29t", `{"e":"c29yaW5hLmRld2lAZ21haWwuY29t"}`, `{"name":"SØRINA DEWI"}`, "S%C3%B8rina%20Dewi", `S\u00f8rina Dewi`, `{"a":"{\"n\":\"S\\u00f8rina Dewi\"}"}`,
	} {
		if !mentions(readable(text), sari) || !names(readable(text), []Customer{sari}) {
			t.Errorf("%s: the customer is not found", text)
		}
	}
	for _, text := range []string{"", "{}", "sorinadewi@example.com", "sorinadewi2@gmail.com", "0812-7777-9998", `{"a":"0812","b":"77779999"}`, "c29yaW5h", "%zz", `\ud800`, "1@"} {
		if mentions(readable(text), sari) {
			t.Errorf("%s: the customer is found", text)
		}
	}
	if part := readable("1081277779999"); !mentions(part, sari) || names(part, []Customer{sari}) {
		t.Error("a part of a longer number: it counts where nothing is lost, and nowhere else")
	}
}

// Samples of what was rejected are kept for a week.
func TestSamplesAreKeptForAWeek(t *testing.T) {
	s, c := openStore(t)
	ctx := context.Background()
	must(t, s.SaveRejections(ctx, map[string]int64{"signature": 1}, []Rejection{{Reason: "signature", Header: "{}", Body: []byte("x"), ReceivedAt: c.now()}}))
	for days, want := range []int{1, 1, 1, 1, 1, 1, 1, 0} {
		must(t, s.DeleteOldRejections(ctx))
		if days == 7 {
			c.advance(time.Second)
			must(t, s.DeleteOldRejections(ctx))
		}
		if list, err := s.Rejections(ctx); err != nil || len(list) != want {
			t.Errorf("after %d days there are %d samples, %v", days, len(list), err)
		}
		c.advance(24 * time.Hour)
	}
}

// Two customers are certainly the same only if name, email and phone number are.
func TestIsSame(t *testing.T) {
	sari := Customer{"Sari  Dewi", "sari.dewi@gmail.com", "0812-3456-7890"}
	for want, list := range map[bool][]Customer{
		true:  {sari, {"SARI DEWI", "saridewi+toko@googlemail.com", "+62 812 3456 7890"}},
		false: {{"Sari", sari.Email, sari.Phone}, {sari.Name, "sari@example.com", sari.Phone}, {sari.Name, sari.Email, "0813-0000-0001"}, {}},
	} {
		for _, c := range list {
			if c.IsSame(sari) != want || sari.IsSame(c) != want {
				t.Errorf("%+v: want %v", c, want)
			}
		}
	}
}

// Every spelling that a provider takes for one address is found.
func TestCustomerOrdersOfAProvider(t *testing.T) {
	s, _ := openStore(t)
	asked := placeCorrected(t, s, "asked", Customer{"Sari", "sari.dewi@proton.me", "0812-3456-7890"})
	placeCorrected(t, s, "same", Customer{"Sari", "S_ari-dewi+x@protonmail.com", "0813-0000-0002"})
	placeCorrected(t, s, "other", Customer{"Sari", "sari-dewi@example.com", "0813-0000-0003"})
	if list, err := s.CustomerOrders(context.Background(), asked); err != nil || len(list) != 2 {
		t.Errorf("%d orders, %v, want two", len(list), err)
	}
}

// What came about no order is erased where it names the customer, as the order has it or had it before a correction.
func TestEraseStrays(t *testing.T) {
	s, c := openStore(t)
	ctx := context.Background()
	o := placeCorrected(t, s, "form", Customer{"Wulandari", "before@correction.example", "0811-1111-1111"}, marked)
	kept := []string{`{"payer":"Wulandaris"}`, `{"payer":"Budi"}`} // another name
	for i, body := range append([]string{`{"phone":"+62 811 1111 1111"}`, `{"email":"before+x\u0040correction.example"}`, `{"payer":"Wulandari"}`, `{"email":"BEFORE@correction.example"}`,
		`{"phone":"0811-1111-1111"}`, `{"payer":"\u005aulaikha Quetzalli"}`}, kept...) {
		n := Notification{RequestID: fmt.Sprint("stray-", i), Header: "{}", Body: []byte(body)}
		_, err := s.ApplyNotification(ctx, n, PaidEvent(Arrival{InvoiceNumber: fmt.Sprint("WJ-NOBODY-", i), Amount: 1000,
			PaymentCode: "1", PaidAt: c.now(), Message: n.RequestID}), c.now())
		must(t, err)
		sample := Rejection{Reason: "signature", InvoiceNumber: fmt.Sprint("WJ-NOBODY-", i), Header: "{}", Body: []byte(body), ReceivedAt: c.now()}
		must(t, s.SaveRejections(ctx, map[string]int64{"signature": 1}, []Rejection{sample}))
	}
	giveCode(t, s, c, o.Payment())
	must(t, s.Expire(ctx, nil, o.Payment().ID))
	if erased, err := s.Erase(ctx, []int64{o.ID}, Erasure{Reason: ErasureRequested}); err != nil || len(erased) != 1 {
		t.Fatalf("%d erased, %v", len(erased), err)
	}
	var left []string
	came, err := s.Notifications(ctx, InboxAll, "", 0, 20)
	must(t, err)
	for _, n := range came {
		if len(n.Body) > 0 {
			left = append(left, string(n.Body))
		}
	}
	if diff := cmp.Diff([]string{kept[1], kept[0]}, left); diff != "" {
		t.Errorf("the notifications that are left:\n%s", diff)
	}
	samples, err := s.Rejections(ctx)
	must(t, err)
	if len(samples) != 1 || string(samples[0].Body) != kept[1] { // a sample is dropped when in doubt
		t.Errorf("the samples that are left: %+v", samples)
	}
}

// The export has every row about a customer's orders, and no key to them.
func TestHeld(t *testing.T) {
	s, c := openStore(t)
	o := placeMarked(t, s, c, "form")
	endMarked(t, s, c, o)
	all, err := s.Held(context.Background(), []Order{o})
	must(t, err)
	text, err := json.Marshal(all)
	must(t, err)
	for _, h := range held {
		if h.table != "rejections" && h.table != "order_holders" && len(all[h.table]) == 0 {
			t.Errorf("nothing of %s is in it", h.table)
		}
	}
	for _, want := range []string{marked.Name, marked.Email, marked.Phone, "Wulandari", "Halo Zulaikha", "transfer to Zulaikha"} {
		if !strings.Contains(string(text), want) {
			t.Errorf("%q is not in it", want)
		}
	}
	if strings.Contains(string(text), o.Token) {
		t.Error("the order's token is in it")
	}
	var tables []string
	for _, table := range schemaTables(t, s) {
		if _, known := all[table]; !known && hasColumn(t, s, table, "order_id", "payment_id", "invoice_number") {
			tables = append(tables, table)
		}
	}
	if len(tables) > 0 {
		t.Errorf("tables about orders are not in it: %v", tables)
	}
}

func schemaTables(t *testing.T, s *Store) []string {
	t.Helper()
	tables, err := s.write.Migrator().GetTables()
	must(t, err)
	return tables
}

func hasColumn(t *testing.T, s *Store, table string, names ...string) bool {
	t.Helper()
	types, err := s.write.Session(&gorm.Session{}).Migrator().ColumnTypes(table)
	must(t, err)
	for _, column := range types {
		for _, name := range names {
			if column.Name() == name {
				return table != "attentions" // which nothing is written to since cases are
			}
		}
	}
	return false
}
