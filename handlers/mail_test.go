package handlers

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"warungjokul/handlers/console"
	"warungjokul/handlers/web"
	"warungjokul/jokul/sandbox"
)

// postbox collects letters.
type postbox struct {
	mu      sync.Mutex
	down    bool
	letters []web.Letter
}

func (p *postbox) send(_ context.Context, l web.Letter) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.down {
		return errors.New("connection refused")
	}
	p.letters = append(p.letters, l)
	return nil
}

// subjects empties the box.
func (p *postbox) subjects() (list []string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, l := range p.letters {
		list = append(list, l.Subject)
	}
	p.letters = nil
	slices.Sort(list)
	return list
}

// Each mail is sent once, however many shops there are, in the customer's
// language, and only while there is a reason for it.
func TestMails(t *testing.T) {
	w := newEnv(t)
	box := &postbox{}
	shops := []*Handler{w.Handler, w.anotherShop(w.gateway.URL), w.anotherShop(w.gateway.URL)}
	for _, h := range shops {
		h.Mail = box.send
	}
	rounds := func() {
		t.Helper()
		var all sync.WaitGroup
		for _, h := range shops {
			all.Go(func() {
				for busy := true; busy; {
					var err error
					if busy, err = h.shop.SendDueMails(context.Background()); err != nil {
						t.Error(err)
					}
				}
			})
		}
		all.Wait()
	}
	wantMails := func(when string, want ...string) {
		t.Helper()
		rounds()
		if got := box.subjects(); !slices.Equal(got, want) {
			t.Errorf("%s: got %q, want %q", when, got, want)
		}
	}
	paid, forgotten := w.order("MNM-TEH"), w.order("MNM-GAYO")
	p, f := w.stored(paid), w.stored(forgotten)

	rounds()
	if len(box.letters) != 2 {
		t.Fatalf("%d mails after two orders", len(box.letters))
	}
	for _, l := range box.letters {
		o := p
		if strings.Contains(l.Subject, f.Number) {
			o = f
		}
		code := o.Payment().Code
		if l.To != "budi@example.com" || l.Language != "id" || !strings.Contains(l.Text, "Kode pembayaran Indomaret: "+code+"\n") ||
			!strings.Contains(strings.ReplaceAll(l.HTML, "</span><span>", ""), code) || !strings.Contains(l.Text, "http://example.com/orders/"+o.Token) || !strings.Contains(l.Text, "11.00\u00a0WIB") {
			t.Errorf("got %+v", l)
		}
	}
	box.subjects()

	w.pass(30*time.Minute, time.Minute)
	w.gateway.Do(p.Payment().Code, sandbox.ActionPay)
	wantMails("paid", "Pesanan "+p.Number+" sudah lunas")
	w.pass(16*time.Minute, time.Minute)
	wantMails("a quarter of an hour left", "Sebentar lagi kedaluwarsa: pesanan "+f.Number)
	box.down = true
	w.pass(20*time.Minute, time.Minute)
	wantMails("expired, and the mail server away")
	box.down = false
	w.pass(2*time.Minute, time.Minute)
	wantMails("the mail server back", "Kode pesanan "+f.Number+" kedaluwarsa")
	w.pass(30*time.Hour, time.Hour)
	wantMails("a day later")
}

// Mail that is hours late is not sent any more.
func TestStaleMails(t *testing.T) {
	w := newEnv(t)
	order := w.order("MNM-TEH")
	w.gateway.Do(*w.status(order).PaymentCode, sandbox.ActionPay)
	w.pass(7*time.Hour, time.Hour)
	box := &postbox{}
	w.Mail = box.send
	if busy, err := w.shop.SendDueMails(context.Background()); busy || err != nil || len(box.letters) != 0 {
		t.Errorf("busy %v, %v, %d letters", busy, err, len(box.letters))
	}
}

// Who asks for the code's mail gets it once more, and not once more for each
// press of the button.
func TestMailAgain(t *testing.T) {
	w := newEnv(t)
	order := w.order("MNM-TEH")
	again := func(want int, say string) {
		t.Helper()
		rec := w.post(order+"/mail", nil, nil)
		if rec.Code != want || !strings.Contains(rec.Body.String(), say) {
			t.Errorf("HTTP %d, want %d and %q", rec.Code, want, say)
		}
	}
	again(http.StatusNotFound, "")
	box := &postbox{}
	w.Mail = box.send
	round := func() {
		t.Helper()
		if _, err := w.shop.SendDueMails(context.Background()); err != nil {
			t.Fatal(err)
		}
	}
	again(http.StatusTooManyRequests, "baru saja dikirim") // it is on its way
	round()
	again(http.StatusTooManyRequests, "baru saja dikirim")
	w.clock.Advance(time.Minute)
	again(http.StatusSeeOther, "")
	again(http.StatusTooManyRequests, "baru saja dikirim")
	round()
	round()
	if len(box.letters) != 2 || box.letters[0].Subject != box.letters[1].Subject || box.letters[0].ID == box.letters[1].ID {
		t.Errorf("got %+v, want the mail twice, as two", box.letters)
	}
	page := w.get(order + "?mailed")
	if !strings.Contains(page, "sedang dikirim ke b***@example.com") || strings.Contains(page, "budi@") {
		t.Error("the page does not say where the mail goes, or says too much")
	}
}

// A calendar reminds in time for the shopper to go, however short the time.
func TestCalendar(t *testing.T) {
	for expiry, start := range map[time.Duration]string{time.Hour: "20261124T033000Z", 10 * time.Minute: "20261124T030500Z"} {
		w := newEnv(t)
		w.PaymentExpiry, w.Payments.Expiry = expiry, expiry
		if file := w.get(w.order("MNM-TEH") + "/calendar.ics"); !strings.Contains(file, "DTSTART:"+start+"\r\n") || !strings.Contains(file, "TRIGGER:PT0S") {
			t.Errorf("%v: got %s", expiry, file)
		}
	}
}

// A cancelled order, money that is held, and what was decided about it are told by mail,
// each once.
func TestMailsAboutCases(t *testing.T) {
	w := newEnv(t)
	w.open()
	box := &postbox{}
	w.Mail = box.send
	mails := func() (texts []string) {
		t.Helper()
		for busy := true; busy; {
			var err error
			if busy, err = w.shop.SendDueMails(context.Background()); err != nil {
				t.Fatal(err)
			}
		}
		for _, l := range box.letters {
			texts = append(texts, l.Subject+"\n"+l.Text)
		}
		box.subjects()
		return texts
	}
	o := w.orderAs("MNM-GAYO", "Budi", "budi@example.com")
	mails() // of the code
	if rec := atHome.post(w, "/console/orders/"+o.Number+"/cancel", nil); rec.Code != http.StatusSeeOther {
		t.Fatalf("HTTP %d", rec.Code)
	}
	if got := mails(); len(got) != 1 || !strings.Contains(got[0], "Pesanan "+o.Number+" dibatalkan") || !strings.Contains(got[0], "jangan dibayar lagi") || strings.Contains(got[0], o.Payment().Code) {
		t.Errorf("cancelled: %q", got)
	}
	w.gateway.Do(o.Payment().Code, sandbox.ActionPay)
	if got := mails(); len(got) != 1 || !strings.Contains(got[0], "Rp\u00a090.000 diterima setelah pesanan ini dibatalkan") {
		t.Errorf("money after the end: %q", got)
	}
	open, err := w.Store.OpenCases(context.Background(), 1)
	if err != nil || len(open) != 1 {
		t.Fatalf("%d open cases, %v", len(open), err)
	}
	form := decision("refund", map[string][]string{"refund": {"90000"}, "confirm": {"yes"}})
	if rec := atHome.post(w, console.ViewCase("id", open[0]).CasePath(), form); rec.Code != http.StatusSeeOther {
		t.Fatalf("HTTP %d", rec.Code)
	}
	if got := mails(); len(got) != 1 || !strings.Contains(got[0], "Rp\u00a090.000 sudah dikembalikan kepada Anda pada 24 Nov 2026 lewat transfer BCA.") {
		t.Errorf("decided: %q", got)
	}
	if got := mails(); len(got) != 0 {
		t.Errorf("once more: %q", got)
	}
}
