package handlers

import (
	"bytes"
	"context"
	"encoding/csv"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"warungjokul/handlers/web"
	"warungjokul/jokul"
	"warungjokul/jokul/sandbox"
	"warungjokul/models"
	"warungjokul/payments/testgateway"
	"warungjokul/views"
)

// open lets the console in without a password: a demo, seen from its machine.
func (w *env) open() { w.SandboxURL = "http://127.0.0.1:8081" }

// orderAs places an order under a name and returns it.
func (w *env) orderAs(sku, name, email string) models.Order {
	w.t.Helper()
	return w.orderOf(sku, models.Customer{Name: name, Email: email, Phone: "+6281234567890"})
}

// orderOf places an order of a customer and returns it.
func (w *env) orderOf(sku string, customer models.Customer) models.Order {
	w.t.Helper()
	cart := w.post("/cart/items", url.Values{"sku": {sku}, "quantity": {"1"}}, nil).Result().Cookies()
	placed := w.post("/checkout", url.Values{"name": {customer.Name}, "email": {customer.Email}, "phone": {customer.Phone},
		"checkout_id": {w.checkoutID(cart)}}, cart)
	if placed.Code != http.StatusSeeOther {
		w.t.Fatalf("checkout: HTTP %d", placed.Code)
	}
	return w.stored(placed.Header().Get("Location"))
}

// see asks for a page of the console and returns it.
func (w *env) see(path string, want int) string {
	w.t.Helper()
	rec := atHome.get(w, path)
	if rec.Code != want {
		w.t.Fatalf("%s: HTTP %d, want %d", path, rec.Code, want)
	}
	return rec.Body.String()
}

var shownOrder = regexp.MustCompile(`data-testid="order-row"><div class="what"><a class="number" href="/console/orders/(WJ-\w+)"`)

func shown(page string) (numbers []string) {
	for _, m := range shownOrder.FindAllStringSubmatch(page, -1) {
		numbers = append(numbers, m[1])
	}
	return numbers
}

// Orders are found by every name they have, and filtered by status and day; the
// shop's merchants see them by number, and nowhere the shopper's address.
func TestConsoleOrders(t *testing.T) {
	w := newEnv(t)
	w.open()
	if page := w.see("/console/orders?lang=en", http.StatusOK); !strings.Contains(page, "No orders yet") {
		t.Error("an empty list does not say so")
	}
	budi := w.orderAs("MNM-TEH", "Budi Santoso", "budi@example.com")
	w.clock.Advance(time.Minute)
	siti := w.orderAs("MNM-GAYO", "=Siti Rahma", "siti@example.com")
	w.gateway.Do(siti.Payment().Code, sandbox.ActionPayTwice)
	siti = w.stored("/orders/" + siti.Token)
	w.clock.Advance(time.Minute)
	made := w.orderAs("MKN-TEMPE", "Made Wirawan", "made@example.com")

	for query, want := range map[string][]string{
		"":                                   {made.Number, siti.Number, budi.Number},
		"?q=budi":                            {budi.Number},
		"?q=" + siti.Number:                  {siti.Number},
		"?q=" + made.Payment().InvoiceNumber: {made.Number},
		"?q=" + made.Payment().Code:          {made.Number},
		"?q=made%40":                         {made.Number},
		"?status=paid":                       {siti.Number},
		"?status=attention":                  {siti.Number},
		"?status=awaiting":                   {made.Number, budi.Number},
		"?status=awaiting&q=budi":            {budi.Number},
		"?status=expired":                    nil,
		"?status=nonsense":                   {made.Number, siti.Number, budi.Number},
		"?from=2026-11-24&to=2026-11-24":     {made.Number, siti.Number, budi.Number},
		"?to=2026-11-23":                     nil,
		"?from=2026-11-25":                   nil,
		"?from=yesterday":                    {made.Number, siti.Number, budi.Number},
		"?q=%27%20OR%201%3D1":                nil,
		"?q=" + url.QueryEscape(siti.Token):  nil,
	} {
		if got := shown(w.see("/console/orders"+query, http.StatusOK)); !slices.Equal(got, want) {
			t.Errorf("%s: got %v, want %v", query, got, want)
		}
	}
	if page := w.see("/console/orders?q=nobody&status=paid&lang=en", http.StatusOK); !strings.Contains(page, "Nothing matches") {
		t.Error("a search without results does not say so")
	}
	w.see("/console/orders?after=nonsense", http.StatusNotFound)
	w.see("/console/orders/WJ-00000000", http.StatusNotFound)
	w.see("/console/orders/"+url.PathEscape(siti.Token), http.StatusNotFound)

	page := w.see("/console/orders/"+siti.Number+"?lang=en", http.StatusOK)
	for _, fact := range []string{"=Siti Rahma", "siti@example.com", "+6281234567890", "Gayo Coffee 250\u00a0g", siti.Payment().InvoiceNumber, "Payment code issued",
		"Paid twice", "Then choose “Money was refunded”", "Received in all", "learnt from a notification"} {
		if !strings.Contains(page, fact) {
			t.Errorf("the order's page lacks %q", fact)
		}
	}

	// The token is the shopper's alone.
	paths := []string{"/console", "/console/orders", "/console/orders?q=siti", "/console/cases", "/console/cases?closed", "/console/stock", "/console/orders.csv"}
	for _, o := range []models.Order{budi, siti, made} {
		paths = append(paths, "/console/orders/"+o.Number, "/console/orders/"+o.Number+"/cancel")
	}
	for _, path := range paths {
		rec := atHome.get(w, path)
		for _, o := range []models.Order{budi, siti, made} {
			if strings.Contains(rec.Body.String(), o.Token) {
				t.Errorf("%s holds the token of %s", path, o.Number)
			}
		}
		if strings.Contains(rec.Body.String(), testgateway.SecretKey) {
			t.Errorf("%s holds the Secret Key", path)
		}
		if got := outside.get(w, path).Code; got != http.StatusForbidden {
			t.Errorf("%s from outside: HTTP %d", path, got)
		}
	}
}

// Cancelling asks first, gives the stock back, tells the shopper, and comes too
// late for an order that is paid.
func TestConsoleCancel(t *testing.T) {
	w := newEnv(t)
	w.open()
	before := w.stockOf("MNM-TEH")
	o := w.orderAs("MNM-TEH", "Budi", "budi@example.com")
	path := "/console/orders/" + o.Number
	if page := w.see(path+"/cancel?lang=en", http.StatusOK); !strings.Contains(page, "Yes, cancel it") || !strings.Contains(page, "cannot be called back") {
		t.Error("nobody is asked")
	}
	if got := w.stockOf("MNM-TEH"); got != before-1 {
		t.Errorf("asking changed something: stock %d", got)
	}
	rec := atHome.post(w, path+"/cancel", nil)
	if rec.Code != http.StatusSeeOther || rec.Header().Get("Location") != path+"?cancelled" {
		t.Fatalf("HTTP %d to %q", rec.Code, rec.Header().Get("Location"))
	}
	if s := w.status("/orders/" + o.Token); s.OrderStatus != models.OrderCancelled || w.stockOf("MNM-TEH") != before {
		t.Errorf("order %s, stock %d, want %d", s.OrderStatus, w.stockOf("MNM-TEH"), before)
	}
	if page := w.see(path+"?cancelled&lang=en", http.StatusOK); !strings.Contains(page, "Order cancelled, its stock is back") {
		t.Error("the timeline does not tell")
	}
	paid := w.orderAs("MNM-TEH", "Siti", "siti@example.com")
	w.gateway.Do(paid.Payment().Code, sandbox.ActionPay)
	for _, path := range []string{path, "/console/orders/" + paid.Number} {
		if rec := atHome.post(w, path+"/cancel", nil); rec.Code != http.StatusConflict {
			t.Errorf("%s: HTTP %d, want 409", path, rec.Code)
		}
		w.see(path+"/cancel", http.StatusConflict)
	}
	if got := w.stored("/orders/" + paid.Token).Status; got != models.OrderPaid {
		t.Errorf("the paid order is %s", got)
	}
}

func (w *env) stockOf(sku string) int64 {
	w.t.Helper()
	products, err := w.Store.ProductsBySKU(context.Background(), sku)
	if err != nil {
		w.t.Fatal(err)
	}
	return products[sku].Stock
}

// What is counted on the shelf is set; a sale in between is not overwritten.
func TestConsoleStock(t *testing.T) {
	w := newEnv(t)
	w.open()
	const sku = "MNM-TEH"
	seen := w.stockOf(sku)
	set := func(seen int64, stock string) (int, string) {
		rec := atHome.post(w, "/console/stock?lang=en", url.Values{"sku": {sku}, "seen": {fmt.Sprint(seen)}, "stock": {stock}})
		return rec.Code, rec.Body.String()
	}
	w.order(sku)
	code, page := set(seen, fmt.Sprint(seen+10))
	if code != http.StatusConflict || w.stockOf(sku) != seen-1 {
		t.Errorf("overtaken: HTTP %d, stock %d, want %d", code, w.stockOf(sku), seen-1)
	}
	if !strings.Contains(page, fmt.Sprintf(`name="seen" value="%d"`, seen-1)) || !strings.Contains(page, fmt.Sprintf(`value="%d" required aria-invalid="true"`, seen+9)) {
		t.Error("the form does not come back with the difference on top")
	}
	if code, _ = set(seen-1, " "+fmt.Sprint(seen+9)+" "); code != http.StatusSeeOther || w.stockOf(sku) != seen+9 {
		t.Errorf("HTTP %d, stock %d, want %d", code, w.stockOf(sku), seen+9)
	}
	if code, _ = set(seen-1, fmt.Sprint(seen+9)); code != http.StatusConflict || w.stockOf(sku) != seen+9 {
		t.Errorf("the same form again: HTTP %d, stock %d", code, w.stockOf(sku))
	}
	for _, bad := range []string{"-1", "", "1.5", "1000001", "lots", "99999999999999999999"} {
		if code, _ = set(seen+9, bad); code != http.StatusUnprocessableEntity || w.stockOf(sku) != seen+9 {
			t.Errorf("%q: HTTP %d, stock %d", bad, code, w.stockOf(sku))
		}
	}
	if page := w.see("/console/stock?lang=en&saved="+sku, http.StatusOK); !strings.Contains(page, fmt.Sprintf("Stock of Jasmine Tea 100\u00a0g is now %d.", seen+9)) {
		t.Error("the page does not say what was saved")
	}
	if rec := atHome.post(w, "/console/stock", url.Values{"sku": {"NO-SUCH"}, "seen": {"1"}, "stock": {"2"}}); rec.Code != http.StatusNotFound {
		t.Errorf("no such product: HTTP %d", rec.Code)
	}
}

// An export is what the list shows, whole, and nothing in it is run.
func TestExport(t *testing.T) {
	w := newEnv(t)
	w.open()
	hostile := []string{`=HYPERLINK("evil")a`, "+a", "-a", "@a"}
	for _, name := range hostile {
		w.orderAs("MNM-TEH", name, "budi@example.com")
		w.clock.Advance(time.Second)
	}
	paid := w.orderAs("MNM-GAYO", `Siti "S", Rahma`, "siti@example.com")
	w.gateway.Do(paid.Payment().Code, sandbox.ActionPay)

	read := func(path string) [][]string {
		t.Helper()
		rec := atHome.get(w, path)
		if rec.Code != http.StatusOK || !strings.HasPrefix(rec.Header().Get("Content-Type"), "text/csv") || rec.Header().Get("Content-Disposition") != "attachment; filename=orders-2026-11-24.csv" {
			t.Fatalf("%s: HTTP %d, %v", path, rec.Code, rec.Header())
		}
		rows, err := csv.NewReader(bytes.NewReader(rec.Body.Bytes())).ReadAll()
		if err != nil {
			t.Fatal(err)
		}
		return rows
	}
	rows := read("/console/orders.csv")
	if len(rows) != 6 {
		t.Fatalf("%d rows", len(rows))
	}
	cell := func(row []string, column string) string { return row[slices.Index(rows[0], column)] }
	for _, row := range rows[1:] {
		for _, value := range row {
			if value != "" && strings.ContainsAny(value[:1], "=+-@\t\r\n") {
				t.Errorf("a spreadsheet would run %q", value)
			}
		}
	}
	for i, name := range hostile { // the latest order comes first
		if got := cell(rows[len(rows)-1-i], "customer_name"); got != "'"+name {
			t.Errorf("%q is exported as %q", name, got)
		}
	}
	first := rows[1]
	for column, want := range map[string]string{"order_number": paid.Number, "status": "paid", "total": "90000", "received": "90000", "customer_name": `Siti "S", Rahma`,
		"items": "1 x MNM-GAYO", "invoice_number": paid.Number + "-1", "payment_code": paid.Payment().Code, "placed_at": "2026-11-24T03:00:04Z", "expired_at": "",
		"customer_phone": "'+6281234567890"} {
		if got := cell(first, column); got != want {
			t.Errorf("%s is %q, want %q", column, got, want)
		}
	}
	if rows := read("/console/orders.csv?status=paid"); len(rows) != 2 {
		t.Errorf("of the paid ones, %d rows", len(rows))
	}
	if rows := read("/console/orders.csv?q=siti"); len(rows) != 2 {
		t.Errorf("of a search, %d rows", len(rows))
	}
}

// The overview counts by days of Jakarta.
func TestOverview(t *testing.T) {
	w := newEnv(t)
	w.open()
	w.clock.Advance(time.Date(2026, 11, 24, 16, 59, 0, 0, time.UTC).Sub(w.clock.Now()))
	w.orderAs("MNM-TEH", "Budi", "budi@example.com")
	w.clock.Advance(time.Minute) // to midnight there
	o := w.orderAs("MNM-GAYO", "Siti", "siti@example.com")
	w.clock.Advance(3 * time.Minute)
	w.gateway.Do(o.Payment().Code, sandbox.ActionPay)
	page := w.see("/console?lang=en", http.StatusOK)
	if got := regexp.MustCompile(`<dt>Orders placed</dt><dd><strong>(\d+)</strong> <span>Rp.([\d.]+)`).FindAllStringSubmatch(page, -1); len(got) != 2 ||
		got[0][1]+" "+got[0][2]+" "+got[1][1]+" "+got[1][2] != "1 90.000 2 112.000" {
		t.Errorf("placed: %v", got)
	}
	for _, want := range []string{"100.0%", "50.0%", "3 minutes", "90.000 received", `aria-label="Bar chart`, `<th scope="row">25 Nov</th>`} {
		if !strings.Contains(page, want) {
			t.Errorf("the overview lacks %q", want)
		}
	}
	if shown := shown(page); len(shown) != 2 {
		t.Errorf("latest orders: %v", shown)
	}
}

// An order with a wrong amount says once that it must not be paid again, and so does the mail about it.
func TestWrongAmountAdvisesOnce(t *testing.T) {
	w := newEnv(t)
	w.gateway.SetFault(func(f *sandbox.Faults) { f.Notify = sandbox.NotifyNone })
	order := w.order("MNM-TEH")
	s := w.status(order)
	w.say(s, s.Amount-1, jokul.TransactionSuccess, false)
	page := w.get(order + "?lang=en")
	if n := strings.Count(page, "Please do not pay again"); n != 1 || !strings.Contains(page, "was asked for") {
		t.Errorf("said %d times, want once: %s", n, page)
	}
	if got := web.CaseAdvice(views.English, models.CaseWrongAmount); !strings.HasPrefix(got, "Please do not pay again") {
		t.Errorf("the mail advises %q", got)
	}
}
