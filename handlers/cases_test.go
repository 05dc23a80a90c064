package handlers

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"warungjokul/handlers/console"
	"warungjokul/jokul/sandbox"
	"warungjokul/models"
)

var casePage = regexp.MustCompile(`href="(/console/cases/\d+)"`)

// decision is a form filled in as a person would.
func decision(kind string, more url.Values) url.Values {
	form := url.Values{"decision": {kind}, "reason": {"uang <i>dihitung</i>"}, "by": {"Sari"}, "refund": {"Rp 1.000"}, "refunded_on": {"2026-11-24"},
		"refund_method": {"transfer BCA"}}
	for name, values := range more {
		form[name] = values
	}
	return form
}

// A case is decided once, after a preview, by somebody with a name and a reason.
func TestConsoleCases(t *testing.T) {
	w := newEnv(t)
	w.open()
	if page := w.see("/console/cases?lang=en", http.StatusOK); !strings.Contains(page, "All clear") {
		t.Error("an empty list does not say so")
	}
	o := w.orderAs("MNM-TEH", "Budi", "budi@example.com")
	w.gateway.Do(o.Payment().Code, sandbox.ActionPayTwice)
	page := w.see("/console/cases?lang=en", http.StatusOK)
	found := casePage.FindStringSubmatch(page)
	if found == nil || !strings.Contains(page, "Then choose “Money was refunded”") || !strings.Contains(page, `class="count">1<`) {
		t.Fatalf("no case on the page:\n%s", page)
	}
	path := found[1]
	if page := w.see(path+"?lang=en", http.StatusOK); !strings.Contains(page, `value="refund" checked`) || strings.Contains(page, `value="accept"`) || !strings.Contains(page, "Rp\u00a022.000") {
		t.Errorf("the case offers what it should not:\n%s", page)
	}
	for name, bad := range map[string]url.Values{
		"no decision":      {"decision": {"drop"}},
		"not offered":      {"decision": {"accept"}},
		"no reason":        {"reason": {"  "}},
		"a long reason":    {"reason": {strings.Repeat("x", 501)}},
		"nobody":           {"by": {""}},
		"a long name":      {"by": {strings.Repeat("x", 61)}},
		"no amount":        {"refund": {""}},
		"nothing":          {"refund": {"0"}},
		"less":             {"refund": {"-5"}},
		"more than came":   {"refund": {"22001"}},
		"no day":           {"refunded_on": {""}},
		"another day":      {"refunded_on": {"23-11-2026"}},
		"tomorrow":         {"refunded_on": {"2026-11-25"}},
		"before it came":   {"refunded_on": {"2026-11-23"}},
		"no way":           {"refund_method": {" "}},
		"a long way":       {"refund_method": {strings.Repeat("x", 101)}},
		"not UTF-8":        {"reason": {"\xff"}},
		"a word as amount": {"refund": {"semua"}},
	} {
		form := decision("refund", bad)
		form.Set("confirm", "yes")
		if rec := atHome.post(w, path, form); rec.Code != http.StatusUnprocessableEntity || !strings.Contains(rec.Body.String(), `class="problem"`) {
			t.Errorf("%s: HTTP %d", name, rec.Code)
		}
	}
	preview := atHome.post(w, path+"?lang=en", decision("refund", nil))
	for _, text := range []string{"Rp\u00a01.000 sudah dikembalikan kepada Anda pada", "transfer BCA", "uang &lt;i&gt;dihitung", `name="confirm" value="yes"`, "sends no mail"} {
		if !strings.Contains(preview.Body.String(), text) {
			t.Errorf("HTTP %d, the preview lacks %q", preview.Code, text)
		}
	}
	if got := w.stored("/orders/" + o.Token); latestCase(got) != models.CaseSecondPayment {
		t.Error("a preview has decided")
	}
	yes := decision("refund", url.Values{"confirm": {"yes"}})
	if rec := atHome.post(w, path, yes); rec.Header().Get("Location") != "/console/cases?decided" {
		t.Fatalf("HTTP %d to %q", rec.Code, rec.Header().Get("Location"))
	}
	if rec := atHome.post(w, path, yes); rec.Header().Get("Location") != "/console/cases?already" {
		t.Errorf("decided twice: HTTP %d to %q", rec.Code, rec.Header().Get("Location"))
	}
	for _, path := range []string{"/console/cases/x", "/console/cases/999"} {
		if rec := atHome.post(w, path, yes); rec.Code != http.StatusNotFound {
			t.Errorf("%s: HTTP %d", path, rec.Code)
		}
	}
	for _, path := range []string{"/console/cases?closed", "/console/orders/" + o.Number, path} {
		if page := w.see(path, http.StatusOK); !strings.Contains(page, "uang &lt;i&gt;dihitung") || !strings.Contains(page, "Sari") {
			t.Errorf("%s lacks who decided and why", path)
		}
	}
	if rec := atHome.get(w, "/console/attention?done"); rec.Code != http.StatusMovedPermanently || rec.Header().Get("Location") != "/console/cases?closed" {
		t.Errorf("the former address: HTTP %d to %q", rec.Code, rec.Header().Get("Location"))
	}
	if shown := w.get("/orders/" + o.Token); !strings.Contains(shown, "Rp\u00a01.000 dikembalikan pada") || strings.Contains(shown, `data-testid="attention"`) {
		t.Error("the shopper does not see the refund, or still that we are looking")
	}
}

// An order is cancelled, or to be paid again, only once the whole of its held money was given back, on the day it came,
// whatever day the gateway gives it.
func TestTheWholeMoneyGoesBack(t *testing.T) {
	for _, way := range []string{"cancel", "pay_again"} {
		w := newEnv(t)
		w.open()
		o := w.orderAs("MNM-GAYO", "Budi", "budi@example.com")
		ahead := models.Arrival{InvoiceNumber: o.Payment().InvoiceNumber, Amount: 89_000, PaidAt: w.clock.Now().Add(48 * time.Hour)}
		if _, err := w.Store.ApplyStatus(t.Context(), nil, ahead); err != nil {
			t.Fatal(err)
		}
		path := casePage.FindStringSubmatch(w.see("/console/cases?lang=en", http.StatusOK))[1]
		if page := w.see(path+"?lang=en", http.StatusOK); !strings.Contains(page, "All of the money that is held must have been refunded: Rp\u00a089.000.") {
			t.Errorf("%s: the form does not say how much must have been refunded", way)
		}
		form := decision(way, url.Values{"refund": {"88.999"}, "confirm": {"yes"}})
		if rec := atHome.post(w, path+"?lang=en", form); rec.Code != http.StatusUnprocessableEntity || !strings.Contains(rec.Body.String(), "needs all of the money, Rp\u00a089.000") {
			t.Errorf("%s, with a rupiah missing: HTTP %d", way, rec.Code)
		}
		form.Set("refund", "89.000")
		if rec := atHome.post(w, path, form); rec.Code != http.StatusSeeOther {
			t.Errorf("%s: HTTP %d", way, rec.Code)
		}
		w.Finish()
	}
}

// Each way to end a case does what it says, to the order, its money and its page.
func TestEveryDecision(t *testing.T) {
	type want struct {
		order                        models.OrderStatus
		applied, unapplied, refunded int64
		attempts                     int
		payable                      bool
	}
	for _, tt := range []struct {
		name   string
		begin  func(w *env) models.Order // an order with one open case about money
		decide map[string]want           // by decision; amounts in pieces of what came
	}{
		{"wrong amount", func(w *env) models.Order {
			o := w.orderAs("MNM-GAYO", "Budi", "budi@example.com")
			w.gateway.Do(o.Payment().Code, sandbox.ActionPayWrongAmount)
			return o
		}, map[string]want{
			"accept":    {order: models.OrderPaid, applied: 1, attempts: 1},
			"refund":    {order: models.OrderExpired, unapplied: 1, refunded: 1, attempts: 1},
			"pay_again": {order: models.OrderAwaitingPayment, unapplied: 1, refunded: 1, attempts: 2, payable: true},
			"cancel":    {order: models.OrderCancelled, unapplied: 1, refunded: 1, attempts: 1},
			"none":      {order: models.OrderExpired, unapplied: 1, attempts: 1},
		}},
		{"second payment", func(w *env) models.Order {
			o := w.orderAs("MNM-GAYO", "Budi", "budi@example.com")
			w.gateway.Do(o.Payment().Code, sandbox.ActionPayTwice)
			return o
		}, map[string]want{
			"refund":    {order: models.OrderPaid, applied: 1, unapplied: 1, refunded: 1, attempts: 1},
			"duplicate": {order: models.OrderPaid, applied: 1, attempts: 1},
			"none":      {order: models.OrderPaid, applied: 1, unapplied: 1, attempts: 1},
		}},
		{"cancelled", func(w *env) models.Order {
			o := w.orderAs("MNM-GAYO", "Budi", "budi@example.com")
			if _, err := w.Store.CancelOrder(context.Background(), o.ID); err != nil {
				w.t.Fatal(err)
			}
			w.gateway.Do(o.Payment().Code, sandbox.ActionPay)
			return o
		}, map[string]want{
			"refund": {order: models.OrderCancelled, unapplied: 1, refunded: 1, attempts: 1},
			"none":   {order: models.OrderCancelled, unapplied: 1, attempts: 1},
		}},
		{"late", func(w *env) models.Order {
			o := w.orderAs("MNM-GAYO", "Budi", "budi@example.com")
			if err := w.Store.Expire(context.Background(), nil, o.Payment().ID); err != nil {
				w.t.Fatal(err)
			}
			w.gateway.Do(o.Payment().Code, sandbox.ActionPay)
			return o
		}, map[string]want{
			"none":   {order: models.OrderPaid, applied: 1, attempts: 1},
			"refund": {order: models.OrderPaid, applied: 1, refunded: 1, attempts: 1},
		}},
	} {
		for way, want := range tt.decide {
			t.Run(tt.name+"/"+way, func(t *testing.T) {
				w := newEnv(t)
				w.open()
				o := tt.begin(w)
				open, err := w.Store.OpenCases(context.Background(), 10)
				if err != nil || len(open) != 1 || len(open[0].Decisions()) != len(tt.decide) {
					t.Fatalf("%d open cases, %v; decisions %v", len(open), err, open[0].Decisions())
				}
				came := open[0].Receipt.Amount
				before := w.get("/orders/" + o.Token)
				if strings.Contains(before, "data-code=") || !strings.Contains(before, `data-testid="attention"`) {
					t.Error("the page shows the code, or nothing of the case, while it is open")
				}
				form := decision(way, url.Values{"refund": {fmt.Sprint(came)}, "confirm": {"yes"}})
				if rec := atHome.post(w, console.ViewCase("id", open[0]).CasePath(), form); rec.Code != http.StatusSeeOther {
					t.Fatalf("HTTP %d: %s", rec.Code, rec.Body.String())
				}
				w.Finish()
				got := w.stored("/orders/" + o.Token)
				money := got.Money()
				if got.Status != want.order || money.Unapplied != want.unapplied*came || money.Refunded != want.refunded*came || money.Undecided != 0 ||
					(money.Applied > 0) != (want.applied > 0) || len(got.Payments) != want.attempts || len(got.OpenCases) != 0 {
					t.Errorf("order %s, money %+v, %d attempts, %d open cases", got.Status, money, len(got.Payments), len(got.OpenCases))
				}
				if page := w.get("/orders/" + o.Token); strings.Contains(page, "data-code=") != want.payable || strings.Contains(page, `data-testid="attention"`) {
					t.Errorf("code shown, want %v; or the page still says that we are looking", want.payable)
				}
				row := strings.Split(atHome.get(w, "/console/orders.csv?q="+o.Number).Body.String(), "\r\n")[1]
				if tail := strings.Join([]string{"", fmt.Sprint(money.Unapplied), fmt.Sprint(money.Refunded)}, ","); !strings.HasSuffix(row, tail) {
					t.Errorf("the export says %q, want it to end with %q", row, tail)
				}
			})
		}
	}
}

// While money is undecided nobody is asked to pay again.
func TestUndecidedMoneyIsNotAskedForAgain(t *testing.T) {
	w := newEnv(t)
	o := w.orderAs("MNM-GAYO", "Budi", "budi@example.com")
	w.gateway.Do(o.Payment().Code, sandbox.ActionPayWrongAmount)
	path := "/orders/" + o.Token
	for _, wait := range []time.Duration{0, 2 * time.Hour, 48 * time.Hour} {
		w.clock.Advance(wait)
		w.pass(2*time.Minute, time.Minute)
		for _, page := range []string{path, path + "/cashier"} {
			shown := w.get(page)
			if strings.Contains(shown, "data-code=") || strings.Contains(shown, `data-testid="new-code"`) || !strings.Contains(shown, `data-state="checking"`) {
				t.Errorf("after %s, %s shows a code, a way to a new one, or another state", wait, page)
			}
		}
		if shown := w.get(path); !strings.Contains(shown, "yang diminta Rp\u00a090.000") {
			t.Errorf("after %s the page does not say what came and what was asked for", wait)
		}
		if s := w.status(path); s.PaymentCode != nil {
			t.Errorf("after %s a program is still told the code", wait)
		}
		if rec := w.post(path+"/payments", nil, nil); rec.Code != http.StatusConflict {
			t.Errorf("after %s a new code: HTTP %d", wait, rec.Code)
		}
		if got := w.stored(path); len(got.Payments) != 1 || got.Status != models.OrderAwaitingPayment || !got.StockHeld {
			t.Errorf("after %s: order %s, stock held %v, %d attempts", wait, got.Status, got.StockHeld, len(got.Payments))
		}
	}
	if asked := w.gateway.StatusQueries(o.Payment().InvoiceNumber); asked > 3 {
		t.Errorf("the gateway was asked %d times about a payment it calls paid", asked)
	}
	kinds := w.openCases()
	if !slices.Equal(kinds, []models.CaseKind{models.CaseWrongAmount}) {
		t.Errorf("open cases %v", kinds)
	}
}
