package handlers

import (
	"context"
	"encoding/json"
	"fmt"
	"html"
	"io"
	"maps"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"warungjokul/handlers/shop"
	"warungjokul/handlers/web"
	"warungjokul/jokul/sandbox"
	"warungjokul/models"
)

var checkoutID = regexp.MustCompile(`name="checkout_id" value="([^"]+)"`)

// checkoutID is the one in the checkout's form, for a browser with these cookies.
func (w *env) checkoutID(cookies []*http.Cookie) string {
	w.t.Helper()
	r := httptest.NewRequest(http.MethodGet, "/checkout", nil)
	for _, c := range cookies {
		r.AddCookie(c)
	}
	rec := httptest.NewRecorder()
	w.ServeHTTP(rec, r)
	id := checkoutID.FindStringSubmatch(rec.Body.String())
	if id == nil {
		w.t.Fatalf("there is no checkout form: HTTP %d %s", rec.Code, rec.Body)
	}
	return id[1]
}

// browser is a shopper's: it keeps cookies, and reaches a shop over a socket.
type browser struct {
	*env
	*http.Client
	at string
}

func (w *env) browse(at string) browser {
	w.t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		w.t.Fatal(err)
	}
	return browser{w, &http.Client{Jar: jar, Timeout: time.Minute,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}, at}
}

// serve has a shop at an address of its own.
func (w *env) serve(h http.Handler) string {
	s := httptest.NewServer(h)
	w.t.Cleanup(s.Close)
	return s.URL
}

// sent is what a form was answered.
type sent struct {
	status   int
	location string
	page     string
	emptied  bool // the cart
}

// send posts a form, with these cookies besides the browser's own. It may be called by several goroutines.
func (b browser) send(path string, form url.Values, cookies ...*http.Cookie) sent {
	b.t.Helper()
	req, err := http.NewRequest(http.MethodPost, b.at+path, strings.NewReader(form.Encode()))
	if err != nil {
		b.t.Error(err)
		return sent{}
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	for _, c := range cookies {
		req.AddCookie(c)
	}
	res, err := b.Do(req)
	if err != nil {
		b.t.Error(err)
		return sent{}
	}
	defer res.Body.Close()
	page, err := io.ReadAll(res.Body)
	if err != nil {
		b.t.Error(err)
	}
	emptied := slices.ContainsFunc(res.Cookies(), func(c *http.Cookie) bool { return c.Name == web.CartCookie && c.MaxAge < 0 })
	return sent{res.StatusCode, res.Header.Get("Location"), string(page), emptied}
}

func (b browser) page(path string) string {
	b.t.Helper()
	res, err := b.Get(b.at + path)
	if err != nil {
		b.t.Fatal(err)
	}
	defer res.Body.Close()
	page, err := io.ReadAll(res.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	return string(page)
}

func (b browser) fill(sku, quantity string) {
	b.t.Helper()
	if got := b.send("/cart/items", url.Values{"sku": {sku}, "quantity": {quantity}}); got.status != http.StatusSeeOther {
		b.t.Fatalf("add to cart: HTTP %d", got.status)
	}
}

// holds says which of some products are in the browser's cart.
func (b browser) holds(names ...string) (list []string) {
	cart := b.page("/cart?lang=en")
	for _, name := range names {
		if strings.Contains(cart, name) {
			list = append(list, name)
		}
	}
	return list
}

// form is the checkout's, filled in.
func (b browser) form() url.Values {
	b.t.Helper()
	return b.filledIn(b.page("/checkout?lang=en"))
}

func (b browser) filledIn(page string) url.Values {
	b.t.Helper()
	id := checkoutID.FindStringSubmatch(page)
	if id == nil {
		b.t.Fatalf("there is no checkout form: %.300s", page)
	}
	return url.Values{"name": {"Budi Santoso"}, "email": {"budi@example.com"}, "phone": {"081234567890"}, "checkout_id": {id[1]}}
}

// with is a form with one field changed.
func with(form url.Values, name, value string) url.Values {
	form = maps.Clone(form)
	form[name] = []string{value}
	return form
}

func (w *env) placed() []models.Order {
	w.t.Helper()
	var list []models.Order
	err := w.Store.EachOrder(context.Background(), models.OrderFilter{}, func(o models.Order) error {
		list = append(list, o)
		return nil
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return list
}

// The shop takes the IDs it has issued to the same browser, for a day. With any other the form comes back with what
// was filled in and an ID that is taken; nothing is ordered, and the cart is as it was.
func TestCheckoutIDs(t *testing.T) {
	w := newEnv(t)
	at := w.serve(w)
	stranger := w.browse(at)
	stranger.fill("MNM-TEH", "1")
	shopper := w.browse(at)
	shopper.fill("MNM-GAYO", "2")
	own := shopper.form()
	id := own.Get("checkout_id")
	old := shopper.form()
	w.clock.Advance(shop.FormAge + time.Second)
	for name, given := range map[string]string{
		"none": "", "invented": "one-form", "a stranger's": stranger.form().Get("checkout_id"), "old": old.Get("checkout_id"),
		"long": strings.Repeat("A", 4096), "control": "A\x00\r\n", "not UTF-8": "\xff\xfe", "cut": id[:len(id)-1],
		"another name": "1" + id[1:], "another code": id[:len(id)-2] + "AA", "a code alone": id[len(id)-shop.CodeLength:],
	} {
		got := shopper.send("/checkout?lang=en", with(own, "checkout_id", given))
		if got.status != http.StatusUnprocessableEntity || got.emptied || !strings.Contains(got.page, "press the button again") {
			t.Errorf("%s: HTTP %d, cart emptied %v: %.300s", name, got.status, got.emptied, got.page)
			continue
		}
		for _, kept := range []string{`value="Budi Santoso"`, `value="budi@example.com"`, `value="081234567890"`} {
			if !strings.Contains(got.page, kept) {
				t.Errorf("%s: the form has lost %s", name, kept)
			}
		}
		if fresh := shopper.filledIn(got.page); fresh.Get("checkout_id") == html.EscapeString(given) {
			t.Errorf("%s: the form has the same ID again", name)
		}
	}
	if n := len(w.placed()); n != 0 {
		t.Fatalf("%d orders were placed", n)
	}
	fresh := shopper.filledIn(shopper.send("/checkout", with(own, "checkout_id", "invented")).page)
	w.clock.Advance(shop.FormAge - time.Second)
	placed := shopper.send("/checkout", fresh)
	if placed.status != http.StatusSeeOther || !placed.emptied || len(w.placed()) != 1 {
		t.Errorf("the fresh form: HTTP %d, cart emptied %v, %d orders", placed.status, placed.emptied, len(w.placed()))
	}
	w.clock.Advance(2 * shop.FormAge) // a browser that is opened again sends a form again
	if again := shopper.send("/checkout", fresh); again.location != placed.location {
		t.Errorf("the same form days later led to %q, want %q", again.location, placed.location)
	}
}

// Two pages that are opened at once, by a browser that was here before its first cart, are forms of the same browser.
func TestTwoFormsAtOnce(t *testing.T) {
	w := newEnv(t)
	shopper := w.browse(w.serve(w))
	shopper.fill("MNM-TEH", "1")
	var pages [8]string
	var all sync.WaitGroup
	for i := range pages {
		all.Go(func() { pages[i] = shopper.page("/checkout") })
	}
	all.Wait()
	seen := map[string]bool{}
	for _, page := range pages {
		form := shopper.filledIn(page)
		seen[form.Get("checkout_id")] = true
		shopper.fill("MNM-TEH", "1")
		if got := shopper.send("/checkout", form); got.status != http.StatusSeeOther {
			t.Errorf("HTTP %d", got.status)
		}
	}
	if len(seen) != len(pages) || len(w.placed()) != len(pages) {
		t.Errorf("%d forms, %d orders, want %d", len(seen), len(w.placed()), len(pages))
	}
}

// Forty checkouts at once with one ID, at two shops on one database: twenty carts, each sent twice. Every cart is one
// order with what was in it and a payment of its own, and no cart is emptied that was not ordered.
func TestOneFormWithTwentyCartsAtOnce(t *testing.T) {
	w := newEnv(t)
	second := w.anotherShop(w.gateway.URL)
	at := []string{w.serve(w), w.serve(second)}
	shopper := w.browse(at[0])
	shopper.fill("MNM-TEH", "1")
	form := shopper.form()
	name, err := url.Parse(at[0])
	if err != nil {
		t.Fatal(err)
	}
	const carts = 20
	cookies := make([]*http.Cookie, carts)
	for i := range cookies { // one thing more each time
		for _, c := range shopper.Jar.Cookies(name) {
			if c.Name == web.CartCookie {
				cookies[i] = c
			}
		}
		shopper.fill([]string{"MNM-TEH", "MNM-JAHE"}[i%2], "1")
	}
	var identity *http.Cookie
	for _, c := range shopper.Jar.Cookies(name) {
		if c.Name == shop.BrowserCookie {
			identity = c
		}
	}
	answers := make([]sent, 2*carts)
	var all sync.WaitGroup
	for i := range answers {
		all.Go(func() {
			answers[i] = w.browse(at[i/carts]).send("/checkout", form, identity, cookies[i%carts])
		})
	}
	all.Wait()
	w.Finish()
	second.Finish()
	places := map[string]bool{}
	for i := range carts {
		first, again := answers[i], answers[carts+i]
		if first.status != http.StatusSeeOther || first.location != again.location || !first.emptied || !again.emptied {
			t.Fatalf("cart %d: HTTP %d to %q and HTTP %d to %q, emptied %v and %v", i,
				first.status, first.location, again.status, again.location, first.emptied, again.emptied)
		}
		places[first.location] = true
		o := w.stored(first.location)
		var pieces int64
		for _, l := range o.Lines {
			pieces += l.Quantity
		}
		if pieces != int64(i+1) || len(o.Payments) != 1 {
			t.Errorf("cart %d: the order has %d pieces and %d payments", i, pieces, len(o.Payments))
		}
		if n := w.gateway.Calls(o.Payment().RequestID); n != 1 {
			t.Errorf("cart %d: the gateway was asked for its code %d times", i, n)
		}
	}
	if len(places) != carts || len(w.placed()) != carts {
		t.Errorf("%d carts became %d orders at %d places", carts, len(w.placed()), len(places))
	}
}

// Whoever goes back to a form that was sent finds the order it placed; with something else in the cart it is another
// order, and what cannot be ordered stays in the cart.
func TestAFormSentAgain(t *testing.T) {
	w := newEnv(t)
	shopper := w.browse(w.serve(w))
	shopper.fill("MNM-TEH", "1")
	form := shopper.form()
	first := shopper.send("/checkout", form)
	if again := shopper.send("/checkout", form); again.location != first.location {
		t.Errorf("with the cart empty: %q, want %q", again.location, first.location)
	}
	shopper.fill("MNM-GAYO", "1")
	second := shopper.send("/checkout", form)
	if second.location == first.location || !second.emptied || w.stored(second.location).Lines[0].SKU != "MNM-GAYO" {
		t.Errorf("with another cart: %q after %q, emptied %v", second.location, first.location, second.emptied)
	}
	if again := shopper.send("/checkout", form); again.location != second.location {
		t.Errorf("with the cart empty once more: %q, want the latest, %q", again.location, second.location)
	}
	shopper.fill("MNM-TEH", "1")
	if again := shopper.send("/checkout", form); again.location != first.location {
		t.Errorf("with the first cart again: %q, want %q", again.location, first.location)
	}

	w.gateway.Do(w.stored(first.location).Payment().Code, sandbox.ActionPay)
	shopper.fill("MNM-TEH", "1") // more of the same, from a form of yesterday
	if again := shopper.send("/checkout", form); again.location != first.location || again.emptied {
		t.Errorf("the order is paid: %q, cart emptied %v", again.location, again.emptied)
	}
	shopper.fill("KRJ-BATIK", "6") // more than can be paid at a till
	if got := shopper.send("/checkout", form); got.status != http.StatusUnprocessableEntity || got.emptied {
		t.Errorf("a cart that cannot be ordered: HTTP %d, emptied %v", got.status, got.emptied)
	}
	if got := shopper.holds("Jasmine", "Batik"); len(got) != 2 {
		t.Errorf("the cart holds %q", got)
	}
	if n := len(w.placed()); n != 2 {
		t.Errorf("%d orders, want 2", n)
	}
}

// With other details the order that is open takes them: they are on record, the order is found by them, and the mail
// with the code goes to the new address. The request to the gateway stays as it was, and so does an order that is over.
func TestCorrection(t *testing.T) {
	w := newEnv(t)
	w.open()
	box := &postbox{}
	w.Mail = box.send
	mails := func() {
		t.Helper()
		for busy := true; busy; {
			var err error
			if busy, err = w.shop.SendDueMails(context.Background()); err != nil {
				t.Fatal(err)
			}
		}
	}
	shopper := w.browse(w.serve(w))
	shopper.fill("MNM-TEH", "1")
	form := shopper.form()
	order := shopper.send("/checkout", form).location
	w.Finish()
	mails()
	before := w.stored(order)

	bad := shopper.send("/checkout?lang=en", with(form, "email", "budi@"))
	if bad.status != http.StatusUnprocessableEntity || !strings.Contains(bad.page, `value="budi@"`) || !strings.Contains(bad.page, "22.000") {
		t.Errorf("a correction that is none: HTTP %d %.300s", bad.status, bad.page)
	}
	corrected := with(with(shopper.filledIn(bad.page), "name", "Siti Rahma"), "email", "siti@example.com")
	if got := shopper.send("/checkout", corrected); got.status != http.StatusSeeOther || got.location != order {
		t.Fatalf("the correction: HTTP %d to %q", got.status, got.location)
	}
	w.clock.Advance(time.Second)
	mails()
	after := w.stored(order)
	if after.Customer() != (models.Customer{Name: "Siti Rahma", Email: "siti@example.com", Phone: "081234567890"}) {
		t.Errorf("the customer is %+v", after.Customer())
	}
	if p := after.Payment(); string(p.RequestBody) != string(before.Payment().RequestBody) || p.RequestID != before.Payment().RequestID || len(after.Payments) != 1 {
		t.Error("the request to the gateway has changed")
	}
	if len(box.letters) != 2 || box.letters[0].To != "budi@example.com" || box.letters[1].To != "siti@example.com" ||
		!strings.Contains(box.letters[1].Text, after.Payment().Code) || !strings.Contains(box.letters[1].Text, "Siti Rahma") {
		t.Errorf("the mails are %+v", box.letters)
	}
	if page := w.get(order + "?lang=en"); !strings.Contains(page, "<dd>Budi Santoso</dd>") {
		t.Error("the page does not say which name is on the till's screen")
	}
	for query, found := range map[string]bool{"siti": true, "siti@example.com": true, "budi": false, after.Payment().InvoiceNumber: true, after.Payment().Code: true} {
		if got := slices.Contains(shown(w.see("/console/orders?q="+url.QueryEscape(query), http.StatusOK)), after.Number); got != found {
			t.Errorf("searching for %q: found %v", query, got)
		}
	}
	inspector := w.getPage(web.ConsoleOrder(after.Number))
	for _, says := range []string{"Customer's name", "Customer's email", "siti@example.com", "Corrects the details"} {
		if !strings.Contains(inspector, says) {
			t.Errorf("the inspector does not say %q", says)
		}
	}

	w.gateway.Do(after.Payment().Code, sandbox.ActionPay)
	if got := shopper.send("/checkout", form); got.location != order || w.stored(order).CustomerName != "Siti Rahma" {
		t.Errorf("a correction of a paid order: HTTP %d to %q, and it is %s's", got.status, got.location, w.stored(order).CustomerName)
	}
}

// What the till shows is what the gateway was told with the code that is paid, and a second code is asked for with
// the corrected name.
func TestTheTillsNameAfterACorrection(t *testing.T) {
	w := newEnv(t)
	shopper := w.browse(w.serve(w))
	shopper.fill("MNM-TEH", "1")
	form := shopper.form()
	order := shopper.send("/checkout", form).location
	shopper.send("/checkout", with(form, "name", "Siti Rahma"))
	w.Finish()
	w.gateway.Do(w.stored(order).Payment().Code, sandbox.ActionExpire)
	w.pass(3*time.Minute, time.Minute)
	if got := shopper.send(order+"/payments", nil); got.status != http.StatusSeeOther {
		t.Fatalf("new code: HTTP %d", got.status)
	}
	w.Finish()
	o := w.stored(order)
	for i, name := range []string{"Budi Santoso", "Siti Rahma"} {
		var request struct{ Customer struct{ Name string } }
		if err := json.Unmarshal(o.Payments[i].RequestBody, &request); err != nil || request.Customer.Name != name {
			t.Errorf("attempt %d was made for %q, %v", i+1, request.Customer.Name, err)
		}
	}
	if page := w.get(order); !strings.Contains(page, "<dd>Siti Rahma</dd>") {
		t.Error("the page does not say the name on the till's screen")
	}
}

// Twenty corrections at once, of a form that places its order at the same moment: one order, and the details of one
// of them.
func TestCorrectionsAtOnce(t *testing.T) {
	w := newEnv(t)
	shopper := w.browse(w.serve(w))
	shopper.fill("MNM-TEH", "1")
	form := shopper.form()
	places := make([]string, 20)
	var all sync.WaitGroup
	for i := range places {
		all.Go(func() {
			places[i] = shopper.send("/checkout", with(form, "email", fmt.Sprintf("budi%d@example.com", i))).location
		})
	}
	all.Wait()
	if slices.Sort(places); len(slices.Compact(places)) != 1 || len(w.placed()) != 1 {
		t.Fatalf("one form led to %q, %d orders", places, len(w.placed()))
	}
	o := w.stored(places[0])
	changes, err := w.Store.AuditEventsOf(context.Background(), o.ID)
	if err != nil {
		t.Fatal(err)
	}
	last := ""
	for _, c := range changes {
		if c.Kind != models.AuditCustomer {
			continue
		}
		if last != "" && c.Was != last {
			t.Errorf("%s became %s, and was %s before", c.Was, c.Became, last)
		}
		last = c.Became
	}
	if last != "" && last != o.CustomerEmail {
		t.Errorf("the record ends with %q, the order with %q", last, o.CustomerEmail)
	}
}
