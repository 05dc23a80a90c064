package handlers

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"warungjokul/jokul/sandbox"
	"warungjokul/models"
)

// limits turns the limits on, and returns what the shop sends by mail.
func (w *env) limits() *postbox {
	box := &postbox{}
	w.RateLimit, w.Mail = true, box.send
	return box
}

// mailAll sends all mails that are due.
func (w *env) mailAll() {
	w.t.Helper()
	for busy := true; busy; {
		var err error
		if busy, err = w.shop.SendDueMails(context.Background()); err != nil {
			w.t.Fatal(err)
		}
	}
}

func filled(form url.Values, name, email, phone string) url.Values {
	form.Set("name", name)
	form.Set("email", email)
	form.Set("phone", phone)
	return form
}

// checkout places an order through the forms, from one address, with somebody's details.
func (b browser) checkout(sku, quantity, name, email, phone string) sent {
	b.t.Helper()
	b.fill(sku, quantity)
	return b.send("/checkout?lang=en", filled(b.form(), name, email, phone))
}

// A flood of orders from one address holds neither the shop nor its scarce goods. Whoever is refused is told why, and
// keeps the cart and the form; a family of five is not refused.
func TestOneVisitorCannotTakeTheShop(t *testing.T) {
	w := newEnv(t)
	w.limits()
	shop := w.serve(w.Handler)
	for i := range 5 {
		if got := w.browse(shop).checkout("MNM-TEH", "2", "Keluarga Budi", "budi@example.com", "081234567890"); got.status != http.StatusSeeOther {
			t.Fatalf("order %d of a family: HTTP %d", i+1, got.status)
		}
	}
	placed := 5
	var b browser
	var refused sent
	for ; placed < 40; placed++ {
		b = w.browse(shop)
		refused = b.checkout("MKN-KERUPUK", "1", "Bot", fmt.Sprintf("bot%d@example.com", placed), fmt.Sprintf("0813%08d", placed))
		if refused.status != http.StatusSeeOther {
			break
		}
	}
	if placed != 20 || refused.status != http.StatusTooManyRequests {
		t.Fatalf("%d orders were placed, then HTTP %d", placed, refused.status)
	}
	for _, part := range []string{"Nothing was ordered yet", "60 minutes at most", `href="/find-order"`, `value="bot20@example.com"`, `name="checkout_id"`} {
		if !strings.Contains(refused.page, part) {
			t.Errorf("the refusal lacks %q", part)
		}
	}
	if refused.emptied || len(b.holds("Prawn Crackers")) != 1 {
		t.Error("the refusal emptied the cart")
	}
	figures := w.figures()
	if figures[`shop_orders_over_limit_total{limit="client"}`] != 1 {
		t.Error("the refusal is not counted")
	}
	for _, o := range w.placed()[:1] { // paying, or cancelling, frees the limit
		if done, err := w.Store.CancelOrder(context.Background(), o.ID); err != nil || !done {
			t.Fatal(done, err)
		}
	}
	if got := b.send("/checkout?lang=en", b.filledIn(refused.page)); got.status != http.StatusSeeOther {
		t.Errorf("the same form once there is room: HTTP %d", got.status)
	}
}

// Of scarce goods one visitor holds half, unless it pays.
func TestScarceGoodsAreShared(t *testing.T) {
	w := newEnv(t)
	w.limits()
	b := w.browse(w.serve(w.Handler))
	got := b.checkout("KRJ-WAYANG", "7", "Budi", "budi@example.com", "081234567890")
	if got.status != http.StatusUnprocessableEntity || !strings.Contains(got.page, "You can order 5 more of Arjuna Wayang Golek") {
		t.Fatalf("all of it: HTTP %d", got.status)
	}
	if got := b.send("/cart/items/KRJ-WAYANG", url.Values{"quantity": {"5"}}); got.status != http.StatusSeeOther {
		t.Fatalf("change cart: HTTP %d", got.status)
	}
	got = b.send("/checkout", filled(b.form(), "Budi", "budi@example.com", "081234567890"))
	if got.status != http.StatusSeeOther || w.stockOf("KRJ-WAYANG") != 4 {
		t.Fatalf("half of it: HTTP %d", got.status)
	}
	again := b.checkout("KRJ-WAYANG", "1", "Budi", "budi@example.com", "081234567890")
	if again.status != http.StatusTooManyRequests || !strings.Contains(again.page, "hold most of the stock of Arjuna Wayang Golek") {
		t.Fatalf("one more: HTTP %d", again.status)
	}
	if held := w.figures()[`shop_stock_held_ratio{sku="KRJ-WAYANG"}`]; held != 5./9 {
		t.Errorf("the metrics say that %v of it is held", held)
	}
	w.gateway.Do(*w.status(got.location).PaymentCode, sandbox.ActionPay)
	if got := b.send("/checkout", filled(b.form(), "Budi", "budi@example.com", "081234567890")); got.status != http.StatusSeeOther {
		t.Errorf("one more once it is paid: HTTP %d", got.status)
	}
}

// The same form is the same order, also where a limit is reached meanwhile; a new code is refused where one order
// more would be.
func TestLimitsAndTheOrderOfAForm(t *testing.T) {
	w := newEnv(t)
	w.limits()
	shop := w.serve(w.Handler)
	old := w.browse(shop).checkout("MNM-TEH", "1", "Budi", "budi@example.com", "081234567890")
	w.pass(62*time.Minute, time.Minute)
	b := w.browse(shop)
	b.fill("MNM-TEH", "1")
	form := filled(b.form(), "Budi", "budi@example.com", "081234567890")
	first := b.send("/checkout", form)
	for range 9 {
		w.browse(shop).checkout("MKN-KERUPUK", "1", "Budi", "budi@example.com", "081234567890")
	}
	if got := w.browse(shop).checkout("MKN-KERUPUK", "1", "Budi", "b.udi+2@example.com", "+62 812 3456 7890"); got.status != http.StatusTooManyRequests {
		t.Fatalf("an eleventh order of a phone number: HTTP %d", got.status)
	}
	if again := b.send("/checkout", form); again.status != http.StatusSeeOther || again.location != first.location {
		t.Errorf("the same form again: HTTP %d, %s", again.status, again.location)
	}
	got := b.send(old.location+"/payments?lang=en", nil)
	if got.status != http.StatusTooManyRequests || !strings.Contains(got.page, "No new code was made") {
		t.Errorf("a new code for an expired order: HTTP %d", got.status)
	}
}

// A stranger is sent ten mails an hour at most, whatever is pressed. What follows from money is sent all the same.
func TestTheShopIsNobodysMailer(t *testing.T) {
	w := newEnv(t)
	box := w.limits()
	shop := w.serve(w.Handler)
	var orders []string
	for i := range 8 {
		got := w.browse(shop).checkout("MKN-KERUPUK", "1", "Budi", "victim@example.com", fmt.Sprintf("0813%08d", i))
		if got.status != http.StatusSeeOther {
			t.Fatalf("order %d: HTTP %d", i, got.status)
		}
		orders = append(orders, got.location)
	}
	w.mailAll()
	b := w.browse(shop)
	var full sent
	for i := range 4 {
		w.clock.Advance(time.Minute + time.Second)
		full = b.send(orders[i%2]+"/mail?lang=en", nil)
		w.mailAll()
	}
	if len(box.letters) != 10 {
		t.Fatalf("%d mails were sent to a stranger within an hour", len(box.letters))
	}
	if full.status != http.StatusTooManyRequests || !strings.Contains(full.page, "too many mails about orders") {
		t.Errorf("the page that asked for a mail: HTTP %d", full.status)
	}
	box.subjects()
	late := w.browse(shop).checkout("MKN-KERUPUK", "1", "Budi", "Victim+x@example.com", "081399999999")
	w.mailAll()
	if got := box.subjects(); len(got) != 0 || w.figures()["shop_mails_over_limit_total"] != 1 {
		t.Errorf("got %q over the limit", got)
	}
	w.clock.Advance(46 * time.Minute)
	w.mailAll()
	if got := box.subjects(); len(got) != 0 {
		t.Errorf("got the reminders %q over the limit", got)
	}
	w.gateway.Do(*w.status(late.location).PaymentCode, sandbox.ActionPay)
	w.mailAll()
	if got := box.subjects(); len(got) != 1 || !strings.Contains(got[0], "lunas") && !strings.Contains(got[0], "is paid") {
		t.Errorf("got %q after the payment", got)
	}
	o := w.stored(late.location)
	w.open()
	if page := w.see("/console/orders/"+o.Number+"?lang=en", http.StatusOK); !strings.Contains(page, "Mail not sent") {
		t.Error("the console does not say that a mail was not sent")
	}
}

// In a public demo money is free, so that a stranger can cause the mails that follow from it as well: they count, and are
// held back, as all others.
func TestFreeMoneyMailsNobodyWithoutEnd(t *testing.T) {
	w := newDemo(t)
	w.TillURL, w.Till = "", w.gateway.PublicTill()
	if err := w.route(); err != nil {
		t.Fatal(err)
	}
	box := w.limits()
	shop := w.serve(w.Handler)
	for i := range 8 {
		order := w.browse(shop).checkout("MKN-KERUPUK", "1", "Budi", "victim@example.com", fmt.Sprintf("0813%08d", i))
		if order.status != http.StatusSeeOther {
			t.Fatalf("order %d: HTTP %d", i, order.status)
		}
		w.mailAll()
		action := []sandbox.Action{sandbox.ActionPay, sandbox.ActionPayTwice}[i%2] // "paid", and "money came twice"
		w.gateway.Do(*w.status(order.location).PaymentCode, action)
		w.mailAll()
	}
	if got := box.subjects(); len(got) != 10 || w.figures()["shop_mails_over_limit_total"] == 0 {
		t.Errorf("%d mails within an hour: %q", len(got), got)
	}
	w.clock.Advance(time.Hour + time.Second)
	w.browse(shop).checkout("MKN-KERUPUK", "1", "Budi", "victim@example.com", "081399999999")
	w.mailAll()
	if got := box.subjects(); len(got) == 0 {
		t.Error("no mail an hour later")
	}
}

// Free money buys nothing away for good: the hourly maintenance of a public demo fills its shelves again. Elsewhere
// stock is the merchant's alone.
func TestPublicDemoRestocks(t *testing.T) {
	for name, public := range map[string]bool{"a public demo": true, "a demo of one's own": false} {
		t.Run(name, func(t *testing.T) {
			w := newDemo(t)
			if public {
				w.Till = w.gateway.PublicTill()
			}
			stock := func() int64 {
				list, err := w.Store.ProductsBySKU(t.Context(), "KRJ-BATIK")
				if err != nil {
					t.Fatal(err)
				}
				return list["KRJ-BATIK"].Stock
			}
			for range 6 {
				w.gateway.Do(w.stored(w.order("KRJ-BATIK")).Payment().Code, sandbox.ActionPay)
			}
			if got := stock(); got != 0 {
				t.Fatalf("%d pieces are left", got)
			}
			w.maintain(t.Context())
			want := map[bool]int64{true: 6, false: 0}[public]
			if got := stock(); got != want {
				t.Errorf("%d pieces an hour later, want %d", got, want)
			}
		})
	}
}

// The mail with a code that found no room comes by itself once there is, before the code's deadline.
func TestHeldCodeMailComesLater(t *testing.T) {
	w := newEnv(t)
	box := w.limits()
	sent := models.Mail{Kind: models.MailCode, Order: &models.Order{CustomerEmail: "victim@example.com"}}
	for range 10 {
		if _, allowed, err := w.Store.CountMail(context.Background(), sent); err != nil || !allowed {
			t.Fatal(allowed, err)
		}
	}
	w.clock.Advance(5 * time.Minute)
	order := w.browse(w.serve(w.Handler)).checkout("MNM-TEH", "1", "Siti", "victim@example.com", "081234567890")
	for _, later := range []time.Duration{0, 30 * time.Minute, 24 * time.Minute} {
		w.clock.Advance(later)
		w.mailAll()
		if got := box.subjects(); len(got) != 0 {
			t.Fatalf("got %q over the limit", got)
		}
	}
	w.clock.Advance(2 * time.Minute)
	w.mailAll()
	if len(box.letters) != 1 || !strings.Contains(box.letters[0].Text, w.stored(order.location).Token) {
		t.Errorf("got %+v an hour after the ten", box.letters)
	}
}

// One order, whose form comes again and again with another email, mails four strangers at most. What is refused
// changes nothing, and corrections that send no mail are taken.
func TestOneOrderMailsFewStrangers(t *testing.T) {
	for _, limited := range []bool{true, false} {
		w := newEnv(t)
		box := w.limits()
		w.RateLimit = limited
		b := w.browse(w.serve(w.Handler))
		b.fill("MNM-TEH", "1")
		form := b.form()
		var got sent
		taken := 0
		for i := range 8 {
			got = b.send("/checkout?lang=en", filled(form, "Budi", fmt.Sprintf("stranger%d@example.com", i), "081234567890"))
			if got.status == http.StatusSeeOther {
				taken++
			}
			w.mailAll()
		}
		if !limited {
			if taken != 8 || len(box.letters) != 8 {
				t.Errorf("without limits: %d forms were taken, %d mails sent", taken, len(box.letters))
			}
			continue
		}
		if taken != 4 || len(box.letters) != 4 || got.status != http.StatusTooManyRequests {
			t.Errorf("%d forms were taken, %d mails sent, then HTTP %d", taken, len(box.letters), got.status)
		}
		for _, part := range []string{"Nothing was changed", `value="stranger7@example.com"`, `href="/find-order"`} {
			if !strings.Contains(got.page, part) {
				t.Errorf("the refusal lacks %q", part)
			}
		}
		if o := w.placed()[0]; o.CustomerEmail != "stranger3@example.com" {
			t.Errorf("the order is %s's", o.CustomerEmail)
		}
		if got := b.send("/checkout", filled(form, "Siti", "stranger3@example.com", "081234567891")); got.status != http.StatusSeeOther {
			t.Errorf("another name: HTTP %d", got.status)
		}
		if o := w.placed()[0]; o.CustomerName != "Siti" {
			t.Errorf("the order is for %s", o.CustomerName)
		}
	}
}

// links finds what mail programs make a link of in a text.
var links = regexp.MustCompile(`(?i)[\p{L}\p{N}-]+\.\p{L}{2,}|://|www\.|@|\d{7,}`)

func TestNothingTypedBecomesALink(t *testing.T) {
	w := newEnv(t)
	box := w.limits()
	b := w.browse(w.serve(w.Handler))
	b.fill("MNM-TEH", "1")
	form := b.form()
	for _, name := range []string{"Menang di evil.example", "http://evil.example/a", "https:evil", "www.evil.example", "a@evil.example", "t.me/evil",
		"evil．example", "evil。example", "evil·example hadiah", "WA 0812-3456-7890", "Ani evil.COM", "evil.DE", "t.co", "T.CO", "wa.me 628123", "qq．com",
		"evil。COM", "ＥＶＩＬ．ＣＯＭ", "xn--p1ai.COM", "a.xn--p1ai", "x.bb.co", "Budi\r\nBcc: x@evil.example", "пример.рф"} {
		got := b.send("/checkout?lang=en", filled(form, name, "budi@example.com", "081234567890"))
		if got.status != http.StatusUnprocessableEntity || !strings.Contains(got.page, `id="name-problem"`) {
			t.Errorf("%q: HTTP %d", name, got.status)
		}
	}
	got := b.send("/checkout?lang=en", filled(form, "Drs.H.Ahmad, S.Si, M.Kom", "budi@example.com", "081234567890"))
	if got.status != http.StatusSeeOther {
		t.Fatalf("a name with titles: HTTP %d", got.status)
	}
	w.mailAll()
	old := w.stored(got.location) // a name from before names were checked
	if _, err := w.Store.CorrectCustomer(context.Background(), old.ID, models.Customer{Name: "Menang http://EVIL.example", Email: "siti@example.com", Phone: "081234567890"}); err != nil {
		t.Fatal(err)
	}
	w.mailAll()
	if len(box.letters) != 2 {
		t.Fatalf("%d mails", len(box.letters))
	}
	for i, greeting := range []string{"Hello Drs. H. Ahmad, S. Si, M. Kom, ", "Hello Pelanggan, "} {
		l := box.letters[i]
		if !strings.Contains(l.Text, greeting) || !strings.Contains(l.HTML, greeting) {
			t.Errorf("the greeting is not %q in %s", greeting, l.Text)
		}
		text := strings.ReplaceAll(l.Text, "http://example.com/orders/"+old.Token, "")
		for _, found := range links.FindAllString(text, -1) {
			if found != strings.Join(strings.Fields(old.Payment().Code), "") && found != "11.00" {
				t.Errorf("%q becomes a link in %s", found, text)
			}
		}
		if strings.Contains(l.Subject, "Ahmad") || strings.Contains(l.Subject, "Menang") {
			t.Errorf("the subject holds typed text: %s", l.Subject)
		}
	}
}
