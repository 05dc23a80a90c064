package handlers

import (
	"context"
	"encoding/json"
	"fmt"
	"html"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"warungjokul/handlers/demo"
	"warungjokul/jokul/sandbox"
	"warungjokul/models"
)

// newDemo is a world that knows its gateway for its own, and the gateway's
// timetable runs.
func newDemo(t *testing.T) *env {
	t.Helper()
	w := newEnv(t)
	w.SandboxURL, w.TillURL = w.gateway.URL, w.gateway.URL
	if err := w.route(); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- w.gateway.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return w
}

// page is a page as somebody at the machine sees it.
func (w *env) page(path string) string {
	w.t.Helper()
	rec := atHome.get(w, path)
	if rec.Code != http.StatusOK {
		w.t.Fatalf("GET %s: HTTP %d %s", path, rec.Code, rec.Body)
	}
	return html.UnescapeString(rec.Body.String())
}

// press posts a form of the panel and returns the page it leads to.
func (w *env) press(path string, form url.Values) string {
	w.t.Helper()
	rec := atHome.post(w, demo.PanelPath+path, form)
	if rec.Code != http.StatusSeeOther || !strings.HasPrefix(rec.Header().Get("Location"), demo.PanelPath+"?did=") {
		w.t.Fatalf("POST %s: HTTP %d to %q", path, rec.Code, rec.Header().Get("Location"))
	}
	return w.page(rec.Header().Get("Location"))
}

func (w *env) ledger() []sandbox.Account {
	w.t.Helper()
	ledger, err := w.gateway.Ledger()
	if err != nil {
		w.t.Fatal(err)
	}
	return ledger
}

func (w *env) account(invoice string) sandbox.Account {
	w.t.Helper()
	ledger := w.ledger()
	i := slices.IndexFunc(ledger, func(a sandbox.Account) bool { return a.InvoiceNumber == invoice })
	if i < 0 {
		w.t.Fatalf("the gateway does not know %s", invoice)
	}
	return ledger[i]
}

// Each button of a code has its effect at the gateway and in the shop.
func TestPanelActions(t *testing.T) {
	for action, want := range map[string]struct {
		gateway  string
		payments int
		order    models.OrderStatus
		flagged  models.CaseKind
	}{
		"pay":              {"SUCCESS", 1, models.OrderPaid, ""},
		"pay_twice":        {"SUCCESS", 2, models.OrderPaid, models.CaseSecondPayment},
		"pay_late":         {"SUCCESS", 1, models.OrderPaid, models.CaseLatePayment},
		"pay_wrong_amount": {"SUCCESS", 1, models.OrderAwaitingPayment, models.CaseWrongAmount},
		"expire":           {"EXPIRED", 0, models.OrderAwaitingPayment, ""},
	} {
		t.Run(action, func(t *testing.T) {
			w := newDemo(t)
			order := w.order("MNM-GAYO")
			s := w.status(order)
			shown := w.page(demo.PanelPath)
			if !strings.Contains(shown, `href="/console/orders/`+demo.OrderNumber(s.InvoiceNumber)+`"`) || strings.Contains(shown, strings.TrimPrefix(order, "/orders/")) {
				t.Error("the code does not lead to its order in the console, or shows the order's token")
			}
			shown = w.press("/pay", url.Values{"payment_code": {*s.PaymentCode}, "action": {action}})
			if a := w.account(s.InvoiceNumber); string(a.Status) != want.gateway || len(a.Payments) != want.payments {
				t.Errorf("at the gateway: %s with %d payments", a.Status, len(a.Payments))
			}
			if o := w.stored(order); o.Status != want.order || latestCase(o) != want.flagged {
				t.Errorf("in the shop: %s, %q", o.Status, latestCase(o))
			}
			if !strings.Contains(shown, `data-status="`+want.gateway+`"`) || !strings.Contains(shown, `data-testid="notice"`) {
				t.Error("the panel does not show it")
			}
			if n := strings.Count(shown, `<li class="good">`); n != want.payments {
				t.Errorf("%d notifications are shown as taken, want %d", n, want.payments)
			}
		})
	}
}

// "Pay late" pays what the shop, too, takes for expired, and nothing before that.
func TestPanelPaysLate(t *testing.T) {
	w := newDemo(t)
	order := w.order("MNM-GAYO")
	s := w.status(order)
	press := func(action string) string {
		return w.press("/pay", url.Values{"payment_code": {*s.PaymentCode}, "action": {action}})
	}
	w.press("/faults", url.Values{"answer": {"500"}, "answer_on": {"status"}})
	if page := press("pay_late"); !strings.Contains(page, "toko belum mengetahuinya") {
		t.Error("the panel does not say that the shop could not learn of the expiry")
	}
	if a := w.account(s.InvoiceNumber); a.Status != "EXPIRED" || len(a.Payments) != 0 {
		t.Errorf("at the gateway: %s with %d payments, want EXPIRED with none", a.Status, len(a.Payments))
	}
	if o := w.stored(order); o.Status != models.OrderAwaitingPayment {
		t.Errorf("in the shop: %s", o.Status)
	}
	w.press("/calm", nil)
	press("pay_late")
	o := w.stored(order)
	if o.Status != models.OrderPaid || latestCase(o) != models.CaseLatePayment || o.ExpiredAt == nil || o.PaidAt == nil {
		t.Errorf("in the shop: %s, %q, expired at %v, paid at %v", o.Status, latestCase(o), o.ExpiredAt, o.PaidAt)
	}
	if a := w.account(s.InvoiceNumber); len(a.Payments) != 1 || a.Payments[0].PaidAt.Before(a.ExpiresAt) {
		t.Errorf("at the gateway the code expires at %s, and its payments are %v", a.ExpiresAt, a.Payments)
	}
}

// A code whose payment the shop has in its books cannot be paid late.
func TestPanelOffersPayLate(t *testing.T) {
	w := newDemo(t)
	s := w.status(w.order("VCR-CELENGAN"))
	if page := w.page(demo.PanelPath); !strings.Contains(page, `data-testid="pay_late"`) {
		t.Error("an unpaid code cannot be paid late")
	}
	page := w.press("/pay", url.Values{"payment_code": {*s.PaymentCode}, "action": {"pay"}})
	if strings.Contains(page, `data-testid="pay_late"`) || !strings.Contains(page, `data-testid="pay_twice"`) {
		t.Error("a reusable code that is paid can be paid late, or not paid again")
	}
}

func TestPanelRefusals(t *testing.T) {
	w := newDemo(t)
	code := *w.status(w.order("MNM-GAYO")).PaymentCode
	w.press("/pay", url.Values{"payment_code": {code}, "action": {"pay"}})
	for name, form := range map[string]url.Values{
		"paid already":   {"payment_code": {code}, "action": {"pay"}},
		"no such code":   {"payment_code": {"1"}, "action": {"pay"}},
		"no such action": {"payment_code": {code}, "action": {"steal"}},
	} {
		if page := w.press("/pay", form); !strings.Contains(page, "Gateway menolak") {
			t.Errorf("%s: the panel does not say that the gateway refused", name)
		}
	}
	for path, want := range map[string]int{"/deliveries/99/resend": 303, "/deliveries/99/next": 303, "/deliveries/x/resend": 404} {
		if rec := atHome.post(w, demo.PanelPath+path, nil); rec.Code != want || want == 303 && rec.Header().Get("Location") != demo.PanelPath+"?did=refused" {
			t.Errorf("%s: HTTP %d to %q", path, rec.Code, rec.Header().Get("Location"))
		}
	}
	if rec := atHome.post(w, demo.PanelPath+"/clock", url.Values{"advance": {"soon"}}); rec.Code != http.StatusUnprocessableEntity {
		t.Errorf("no duration: HTTP %d", rec.Code)
	}
}

// Each fault reaches the gateway, the page says that it is on, and one button
// clears them all. What the panel does not offer stays as it was.
func TestPanelFaults(t *testing.T) {
	w := newDemo(t)
	set := func() map[string]any {
		var f map[string]any
		text, _ := json.Marshal(w.gateway.Faults())
		_ = json.Unmarshal(text, &f)
		return f
	}
	usual := set()
	try := func(name, value string, want any, form url.Values) {
		t.Helper()
		w.gateway.SetFault(func(f *sandbox.Faults) { f.MinAmount = 20_000 })
		page := w.press("/faults", form)
		if got := set(); fmt.Sprint(got[name]) != fmt.Sprint(want) || got["min_amount"] != 20_000.0 {
			t.Errorf("%s %s: the gateway has %v, min_amount %v", name, value, got[name], got["min_amount"])
		}
		if shown := strings.Contains(page, `data-testid="misbehaves"`); shown != !strings.HasPrefix(name, "rule") {
			t.Errorf("%s %s: the page says that a fault is on: %v", name, value, shown)
		}
	}
	for _, value := range demo.FaultAnswers {
		try("answer", value, value, url.Values{"answer": {value}})
	}
	for _, value := range demo.FaultNotify {
		try("notify", value, value, url.Values{"notify": {value}})
	}
	for _, way := range demo.FaultRetellings {
		try("retelling", way, []string{way}, url.Values{"retelling": {way}})
	}
	try("retelling", "all", demo.FaultRetellings, url.Values{"retelling": demo.FaultRetellings})
	if page := w.page(demo.PanelPath); strings.Count(page, `name="retelling"`) != len(demo.FaultRetellings) || strings.Count(page, ` checked>`) < len(demo.FaultRetellings) {
		t.Error("the page does not show that all retellings are on")
	}
	for _, s := range demo.FaultSwitches {
		try(s.Name, "", s.Odd, url.Values{"switch": {s.Name}})
	}
	for _, rule := range demo.FaultRules {
		for _, value := range rule.Values {
			try(rule.Name, value, value, url.Values{"notify": {"none"}, rule.Name: {value}})
		}
	}
	page := w.press("/calm", nil)
	if strings.Contains(page, `data-testid="misbehaves"`) || fmt.Sprint(set()) != fmt.Sprint(usual) {
		t.Errorf("after clearing: %v", set())
	}
	if page := w.press("/faults", url.Values{"answer": {"nonsense"}}); !strings.Contains(page, "Gateway menolak") {
		t.Error("a fault nobody knows is not refused")
	}
}

// A shop that does not take a notification is told again when the clock has
// come to the next attempt, and by hand.
func TestPanelTimetable(t *testing.T) {
	w := newDemo(t)
	first, second := w.order("MNM-GAYO"), w.order("MNM-GAYO")
	w.press("/faults", url.Values{"notify": {"wrong_signature"}})
	for _, order := range []string{first, second} {
		w.press("/pay", url.Values{"payment_code": {*w.status(order).PaymentCode}, "action": {"pay"}})
	}
	page := w.press("/calm", nil)
	if n := strings.Count(page, `<li class="bad">`); n != 2 {
		t.Errorf("%d attempts are shown as refused, want 2", n)
	}
	if n := strings.Count(page, `<li class="coming">`); n != 2*3 {
		t.Errorf("%d attempts to come, want three each", n)
	}
	if o := w.stored(first); o.Status != models.OrderAwaitingPayment {
		t.Fatalf("before: %s", o.Status)
	}
	w.press("/deliveries/2/resend", nil) // before its own next attempt is due
	if o := w.stored(second); o.Status != models.OrderPaid {
		t.Errorf("sent by hand: %s", o.Status)
	}
	page = w.press("/deliveries/1/next", nil)
	if ahead := w.gatewayAhead(); ahead != 30*time.Minute {
		t.Errorf("the gateway's clock is %s ahead, want 30 minutes", ahead)
	}
	if o := w.stored(first); o.Status != models.OrderPaid || !strings.Contains(page, `data-delivery="delivered"`) {
		t.Errorf("after the jump: %s", o.Status)
	}
	if rec := atHome.post(w, demo.PanelPath+"/deliveries/1/next", nil); rec.Header().Get("Location") != demo.PanelPath+"?did=refused" {
		t.Errorf("there is no next attempt, and yet %q", rec.Header().Get("Location"))
	}
	page = w.press("/clock", url.Values{"advance": {"6h0m0s"}})
	if ahead := w.gatewayAhead(); ahead != 6*time.Hour+30*time.Minute || !strings.Contains(page, "6 jam 30 menit di depan jam toko") {
		t.Errorf("the gateway's clock is %s ahead", ahead)
	}
}

func (w *env) gatewayAhead() time.Duration {
	w.t.Helper()
	c, err := w.demo.GatewayClock(context.Background())
	if err != nil {
		w.t.Fatal(err)
	}
	return c.Now.Sub(c.Wall)
}

// Outside of a demo there is neither panel nor tour, and nothing leads there.
func TestNoDemoPagesOutsideOfADemo(t *testing.T) {
	w := newEnv(t)
	w.setPassword()
	in := signIn(t, w, "/console")
	for _, path := range []string{demo.PanelPath, "/tour", "/tour/shop", "/tour/till"} {
		if got := in.get(w, path).Code; got != http.StatusNotFound {
			t.Errorf("GET %s: HTTP %d, want 404", path, got)
		}
	}
	for _, path := range []string{demo.PanelPath + "/pay", demo.PanelPath + "/calm", "/tour"} {
		if got := in.post(w, path, nil).Code; got != http.StatusNotFound && got != http.StatusMethodNotAllowed {
			t.Errorf("POST %s: HTTP %d, want 404", path, got)
		}
	}
	for _, page := range []*httptest.ResponseRecorder{in.get(w, "/"), in.get(w, "/console"), in.get(w, w.order("MNM-GAYO"))} {
		if text := page.Body.String(); page.Code != http.StatusOK || strings.Contains(text, "/tour") || strings.Contains(text, demo.PanelPath) {
			t.Errorf("HTTP %d, and a way to the demo: %v", page.Code, strings.Contains(text, "/tour"))
		}
	}
}

// latestCase is the kind of an order's latest open case, empty where there is none.
func latestCase(o models.Order) models.CaseKind {
	if n := len(o.OpenCases); n > 0 {
		return o.OpenCases[n-1].Kind
	}
	return ""
}
