package handlers

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"warungjokul/handlers/console"
	"warungjokul/handlers/web"
	"warungjokul/jokul/sandbox"
	"warungjokul/models"
)

// decide ends the one open case.
func (w *env) decide(kind string) {
	w.t.Helper()
	open, err := w.Store.OpenCases(context.Background(), 10)
	if err != nil || len(open) != 1 {
		w.t.Fatalf("%d open cases, %v", len(open), err)
	}
	form := decision(kind, map[string][]string{"refund": {fmt.Sprint(open[0].Receipt.Amount)}, "confirm": {"yes"}})
	if rec := atHome.post(w, console.ViewCase("id", open[0]).CasePath(), form); rec.Code != http.StatusSeeOther {
		w.t.Fatalf("%s: HTTP %d", kind, rec.Code)
	}
	w.Finish()
}

// letters sends the mails that are due and empties the box.
func (w *env) letters(box *postbox) (letters []web.Letter) {
	w.t.Helper()
	for busy := true; busy; {
		var err error
		if busy, err = w.shop.SendDueMails(context.Background()); err != nil {
			w.t.Fatal(err)
		}
	}
	letters = box.letters
	box.subjects()
	return letters
}

// says checks what a text says and what it does not.
func says(t *testing.T, what, text string, says []string, not []string) {
	t.Helper()
	for _, words := range says {
		if !strings.Contains(text, words) {
			t.Errorf("%s does not say %q:\n%s", what, words, text)
		}
	}
	for _, words := range not {
		if strings.Contains(text, words) {
			t.Errorf("%s says %q", what, words)
		}
	}
}

// An order whose money was given back shows no code and invites nobody to pay. Money for it is a case.
func TestARefundedOrderIsNotPaidAgain(t *testing.T) {
	w := newEnv(t)
	w.open()
	o := w.orderAs("VCR-CELENGAN", "Budi", "budi@example.com")
	path, code := "/orders/"+o.Token, o.Payment().Code
	if err := w.Store.Expire(context.Background(), nil, o.Payment().ID); err != nil {
		t.Fatal(err)
	}
	w.gateway.Do(code, sandbox.ActionPay)
	says(t, "the paid order", w.get(path+"?lang=en"), []string{`data-state="paid"`}, nil)
	w.decide("refund")
	for _, page := range []string{path, path + "/cashier"} {
		says(t, page, w.get(page+"?lang=en"), []string{">Refunded<", "nothing is sent"},
			[]string{"data-code=", "Pay again", "Pay exactly", "may be paid again", ">Paid<", "Thank you"})
	}
	if s := w.status(path); s.PaymentCode != nil {
		t.Error("a program is still told the code")
	}
	w.gateway.Do(code, sandbox.ActionPay)
	if got := w.stored(path); got.StockHeld || !got.HasUndecidedMoney() || len(got.OpenCases) != 1 {
		t.Errorf("stock held %v, undecided money %v, %d open cases", got.StockHeld, got.HasUndecidedMoney(), len(got.OpenCases))
	}
}

// A mail with the code that is not wanted any more is neither promised, nor sent, nor recorded as sent.
func TestADroppedMailIsNotSent(t *testing.T) {
	w := newEnv(t)
	box := &postbox{}
	w.Mail = box.send
	o := w.orderAs("VCR-CELENGAN", "Budi", "budi@example.com")
	path := "/orders/" + o.Token
	w.letters(box)
	w.clock.Advance(time.Minute)
	if rec := w.post(path+"/mail", nil, nil); rec.Code != http.StatusSeeOther {
		t.Fatalf("HTTP %d", rec.Code)
	}
	w.gateway.Do(o.Payment().Code, sandbox.ActionPay)
	for _, l := range w.letters(box) {
		if !strings.Contains(l.Subject, "lunas") {
			t.Errorf("sent: %s", l.Subject)
		}
	}
	sent, err := w.Store.MailsOf(context.Background(), o.ID)
	if err != nil || len(sent) != 1 || sent[0].Kind != models.MailPaid {
		t.Errorf("%v; recorded as sent: %+v", err, sent)
	}
	says(t, "the paid order", w.get(path+"?mailed"), []string{"data-code="}, []string{`data-testid="mail-again"`, "sedang dikirim"})
	if rec := w.post(path+"/mail", nil, nil); rec.Code != http.StatusConflict || !strings.Contains(rec.Body.String(), "Tidak dikirim") {
		t.Errorf("asked for a mail: HTTP %d", rec.Code)
	}
}

// An order that a decision has ended is closed. Its code has not expired: it is not to be paid, and a till may take it.
func TestAnOrderThatADecisionEnds(t *testing.T) {
	untrue := []string{"has expired", "kedaluwarsa", "othing is owed", "idak ada yang ditagih", "no longer valid", "sudah tidak berlaku"}
	for kind, want := range map[string]struct{ page, mail []string }{
		"refund":    {[]string{"This order is closed", "refunded on"}, []string{"sudah dikembalikan", "Pesanan ini ditutup"}},
		"none":      {[]string{"This order is closed", "on record, not used"}, []string{"Rp\u00a089.000 yang masuk tercatat", "Pesanan ini ditutup"}},
		"pay_again": {[]string{"Waiting for payment"}, []string{"sudah dikembalikan", "kode baru"}},
	} {
		t.Run(kind, func(t *testing.T) {
			w := newEnv(t)
			w.open()
			box := &postbox{}
			w.Mail = box.send
			o := w.orderAs("MNM-GAYO", "Budi", "budi@example.com")
			w.gateway.Do(o.Payment().Code, sandbox.ActionPayWrongAmount)
			w.letters(box)
			w.decide(kind)
			taken := []string{"do not pay it any more. A till may still take it"}
			page := w.get("/orders/" + o.Token + "?lang=en")
			says(t, "the page", page, append(taken, want.page...), untrue)
			letters := w.letters(box)
			for _, l := range letters {
				says(t, "the mail "+l.Subject, l.Text, nil, untrue)
			}
			if n := len(letters); n == 0 || kind != "pay_again" && n != 1 {
				t.Fatalf("%d mails", n)
			}
			for _, l := range letters {
				if strings.Contains(l.Subject, "Kabar tentang") {
					says(t, "the mail", l.Text, append(want.mail, "Kode pembayaran yang lama jangan dibayar lagi."), nil)
				}
			}
			w.clock.Advance(time.Hour)
			says(t, "the page after the deadline", w.get("/orders/"+o.Token+"?lang=en"), []string{"no longer valid, do not pay it"}, taken)
		})
	}
}

// The page of an order that was cancelled speaks of its code as what must not be paid, and programs are not told it.
func TestACancelledOrderAsksForNothing(t *testing.T) {
	w := newEnv(t)
	o := w.orderAs("MNM-GAYO", "Budi", "budi@example.com")
	if _, err := w.Store.CancelOrder(context.Background(), o.ID); err != nil {
		t.Fatal(err)
	}
	path := "/orders/" + o.Token
	says(t, "the page", w.get(path+"?lang=en"), []string{"Please do not pay its code", "Paid its code already?"}, []string{"turns within seconds", o.Payment().Code})
	says(t, "the view for the till", w.get(path+"/cashier?lang=en"), nil, []string{"for a new one", o.Payment().Code})
	if s := w.status(path); s.PaymentCode != nil || s.OrderStatus != models.OrderCancelled {
		t.Errorf("a program is told %+v", s)
	}
}

// A mail about money outlasts a mail server that is away for days. One that is given up is seen.
func TestMailsAboutMoneyAreTriedForDays(t *testing.T) {
	w := newEnv(t)
	w.open()
	box := &postbox{}
	w.Mail = box.send
	short := w.orderAs("MNM-GAYO", "Budi", "budi@example.com")
	w.letters(box)
	box.down = true
	w.gateway.Do(short.Payment().Code, sandbox.ActionPayWrongAmount)
	for range 24 * 6 {
		w.letters(box)
		w.clock.Advance(time.Hour)
	}
	if next, err := w.Store.NextMail(context.Background()); err != nil || next.IsZero() || next.After(w.clock.Now().Add(time.Hour)) {
		t.Errorf("the next try is at %v, %v", next, err)
	}
	w.clock.Advance(time.Hour)
	box.down = false
	if got := w.letters(box); len(got) != 1 {
		t.Fatalf("after six days: %d mails, want the one", len(got))
	}

	box.down = true
	o := w.orderAs("MNM-GAYO", "Wati", "wati@example.com")
	w.gateway.Do(o.Payment().Code, sandbox.ActionPayWrongAmount)
	before := w.figures()["shop_mails_given_up_total"]
	for range 24*7 + 2 {
		w.letters(box)
		w.clock.Advance(time.Hour)
	}
	if got := w.figures()["shop_mails_given_up_total"]; got != before+1 {
		t.Errorf("%v mails were given up, want 1", got-before)
	}
	says(t, "the console", w.see("/console/orders/"+o.Number+"?lang=en", http.StatusOK), []string{"Could not be mailed for seven days"}, nil)
	box.down = false
	if got := w.letters(box); len(got) != 0 {
		t.Errorf("given up, and sent: %s", got[0].Subject)
	}
}
