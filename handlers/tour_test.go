package handlers

import (
	"html"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"warungjokul/handlers/demo"
	"warungjokul/jokul/sandbox"
	"warungjokul/models"
)

// guest takes the tour in a browser without script.
type guest struct {
	*env
	cookie string
}

func (g *guest) do(method, path string, form url.Values) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, path, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if g.cookie != "" {
		r.AddCookie(&http.Cookie{Name: demo.TourCookie, Value: g.cookie})
	}
	rec := atHome.do(g.env, r)
	for _, c := range rec.Result().Cookies() {
		if c.Name == demo.TourCookie {
			g.cookie = c.Value
		}
	}
	return rec
}

var played = regexp.MustCompile(`data-step="(\d)" data-act="([a-z]+)"`)

// at opens a step and says what is played.
func (g *guest) at(step int) (act, page string) {
	g.t.Helper()
	rec := g.do(http.MethodGet, demo.TourPath(step), nil)
	if rec.Code == http.StatusSeeOther {
		return "sent to " + rec.Header().Get("Location"), ""
	}
	page = html.UnescapeString(rec.Body.String())
	found := played.FindStringSubmatch(page)
	if rec.Code != http.StatusOK || found == nil || found[1] != strconv.Itoa(step) {
		g.t.Fatalf("step %d: HTTP %d, %v", step, rec.Code, found)
	}
	return found[2], page
}

// goOn presses a step's button and returns the step it leads to.
func (g *guest) goOn(step int) string {
	g.t.Helper()
	rec := g.do(http.MethodPost, "/tour", url.Values{"step": {strconv.Itoa(step)}})
	if rec.Code != http.StatusSeeOther {
		g.t.Fatalf("step %d: HTTP %d %s", step, rec.Code, rec.Body)
	}
	return rec.Header().Get("Location")
}

// framed is where a step's frame leads.
func (g *guest) framed(name string, step int) string {
	g.t.Helper()
	return g.do(http.MethodGet, "/tour/"+name+"?step="+strconv.Itoa(step), nil).Header().Get("Location")
}

// The story really happens, step by step, and each page tells it as it is.
func TestTourTellsWhatHappens(t *testing.T) {
	w := newDemo(t)
	g := &guest{env: w}
	play := func(step int, act, says string) string {
		t.Helper()
		got, page := g.at(step)
		if got != act || !strings.Contains(page, says) {
			t.Errorf("step %d plays %s, want %s, saying %q", step, got, act, says)
		}
		return page
	}
	play(1, "order", "belum ada apa-apa")
	if shop := g.framed("shop", 1); !strings.HasPrefix(shop, "/products/") {
		t.Errorf("step 1 shows %s", shop)
	}
	for step := 2; step <= 5; step++ {
		if got, _ := g.at(step); got != "sent to /tour?step=1" {
			t.Errorf("step %d before there is an order: %s", step, got)
		}
	}
	if got := g.goOn(1); got != demo.TourPath(2) {
		t.Fatalf("sent to %s", got)
	}
	order := g.framed("shop", 2)
	if again := g.goOn(1); again != demo.TourPath(2) || g.framed("shop", 2) != order || len(w.ledger()) != 1 {
		t.Error("pressed twice, it is two orders")
	}
	page := play(2, "code", "POST /indomaret-online-to-offline/v2/payment-code, ditandatangani. Jawabannya HTTP 200")
	if strings.Contains(page, strings.TrimPrefix(order, "/orders/")) {
		t.Error("the tour's page holds the order's token")
	}
	if !strings.Contains(page, `href="/console/orders/`+w.stored(order).Number+`"`) {
		t.Error("there is no way to the messages")
	}
	code := w.stored(order).Payment().Code
	if till := g.framed("till", 2); till != w.gateway.URL+"/simulator?lang=id" {
		t.Errorf("step 2: the till is at %s", till)
	}
	if till := g.framed("till", 3); till != w.gateway.URL+"/simulator?lang=id&payment_code="+code {
		t.Errorf("step 3: the till is at %s", till)
	}
	if got, _ := g.at(4); got != "sent to /tour?step=3" {
		t.Errorf("step 4 before the money: %s", got)
	}
	play(3, "till", "belum dibayar")
	g.goOn(3)
	if o := w.stored(order); o.Status != models.OrderAwaitingPayment || w.account(o.Payment().InvoiceNumber).Status != "SUCCESS" {
		t.Errorf("money in, notification held: the order is %s", o.Status)
	}
	play(4, "held", "masih ditahan")
	if till := g.framed("till", 4); !strings.Contains(till, "receipt=IDM") {
		t.Errorf("step 4: the till is at %s", till)
	}
	if got, _ := g.at(5); got != "sent to /tour?step=4" {
		t.Errorf("step 5 before the notification: %s", got)
	}
	g.goOn(4)
	if o := w.stored(order); o.Status != models.OrderPaid {
		t.Errorf("the notification is sent: the order is %s", o.Status)
	}
	play(4, "told", "tanda tangan cocok")
	play(5, "paid", "status SUCCESS, tanda tangan cocok")
	if got := g.goOn(5); got != demo.TourPath(6) {
		t.Errorf("sent to %s", got)
	}

	play(6, "lose", "belum ada apa-apa")
	g.goOn(6)
	lost := g.framed("shop", 6)
	if o := w.stored(lost); lost == order || o.Status != models.OrderAwaitingPayment || len(w.gateway.Deliveries(o.Payment().InvoiceNumber)) != 0 {
		t.Errorf("the second order is %s at %s", o.Status, lost)
	}
	play(6, "lost", "DOKU → toko: tidak ada")
	g.goOn(6)
	if o := w.stored(lost); o.Status != models.OrderPaid || o.Payment().Receipts[0].Source != models.SourceStatusQuery {
		t.Errorf("after the question the order is %s", o.Status)
	}
	play(6, "found", "GET /orders/v1/status/")
	if w.gateway.Faults().Notify != "" {
		t.Error("the tour has changed the faults")
	}

	g.do(http.MethodPost, "/tour/reset", nil)
	if got, _ := g.at(4); got != "sent to /tour?step=1" {
		t.Errorf("after starting over, step 4: %s", got)
	}
	play(1, "order", "")
	play(6, "lose", "")
}

// Starting over in the middle leaves nothing held, and no fault.
func TestTourStartsOver(t *testing.T) {
	w := newDemo(t)
	g := &guest{env: w}
	g.goOn(1)
	g.goOn(3)
	order := g.framed("shop", 4)
	w.gateway.SetFault(func(f *sandbox.Faults) { f.Notify = sandbox.NotifyWrongSignature })
	if _, page := g.at(4); !strings.Contains(page, "disuruh berulah") {
		t.Error("the page does not say that the gateway misbehaves")
	}
	g.goOn(4)
	if got, _ := g.at(5); got != "sent to /tour?step=4" {
		t.Errorf("with a notification that did not verify, step 5: %s", got)
	}
	if got := g.do(http.MethodPost, "/tour/reset", nil).Header().Get("Location"); got != demo.TourPath(1) {
		t.Errorf("sent to %s", got)
	}
	if o := w.stored(order); o.Status != models.OrderPaid || w.gateway.Faults().Notify != "" {
		t.Errorf("the order is %s, the fault %q", o.Status, w.gateway.Faults().Notify)
	}
}

// A gateway that misbehaves has the story told as it is, and it goes on from
// where it stands.
func TestTourWithAGatewayThatMisbehaves(t *testing.T) {
	w := newDemo(t)
	g := &guest{env: w}
	w.gateway.SetFault(func(f *sandbox.Faults) { f.Answer = sandbox.AnswerUnsigned })
	g.goOn(1)
	if act, page := g.at(2); act != "code" || !strings.Contains(page, "Tidak ada jawaban yang bisa dipercaya") || !strings.Contains(page, "disuruh berulah") {
		t.Errorf("step 2 plays %s and does not say what happened", act)
	}
	g.goOn(3)
	if got, _ := g.at(4); got != "sent to /tour?step=3" {
		t.Errorf("without a code, step 4: %s", got)
	}
	g.goOn(6)
	if got, _ := g.at(6); got != "lose" {
		t.Errorf("without a code, step 6 plays %s", got)
	}
}

// Money that somebody pays by hand, at the till in the frame, is no hindrance.
func TestTourTakesWhatHappened(t *testing.T) {
	w := newDemo(t)
	g := &guest{env: w}
	g.goOn(1)
	w.gateway.Do(w.stored(g.framed("shop", 2)).Payment().Code, sandbox.ActionPay)
	if got := g.goOn(3); got != demo.TourPath(4) {
		t.Errorf("sent to %s", got)
	}
	if got, _ := g.at(4); got != "told" {
		t.Errorf("step 4 plays %s", got)
	}
	if n := len(w.account(w.stored(g.framed("shop", 2)).Payment().InvoiceNumber).Payments); n != 1 {
		t.Errorf("%d payments", n)
	}
}

// Frames are for the tour: its page takes the shop's and the till's, the shop's
// pages go into the shop's own, and outside of a demo into none.
func TestFrames(t *testing.T) {
	demo, real := newDemo(t), newEnv(t)
	policy := func(w *env, path string) string {
		return atHome.get(w, path).Header().Get("Content-Security-Policy")
	}
	for path, want := range map[string]string{"/": "frame-ancestors 'self'", "/tour/shop": "frame-ancestors 'self'", "/gallery/order-waiting": "frame-ancestors 'self'",
		"/console": "frame-ancestors 'none'", "/console/setup": "frame-ancestors 'none'",
		"/tour": "frame-ancestors 'none'; frame-src 'self' " + demo.gateway.URL} {
		if got := policy(demo, path); !strings.HasSuffix(got, want) {
			t.Errorf("%s: %s", path, got)
		}
	}
	for _, path := range []string{"/", "/cart", "/find-order"} {
		if got := policy(real, path); !strings.HasSuffix(got, "frame-ancestors 'none'") {
			t.Errorf("outside of a demo, %s: %s", path, got)
		}
	}
	if rec := atHome.get(real, "/tour"); rec.Code != http.StatusNotFound {
		t.Errorf("outside of a demo, /tour: HTTP %d", rec.Code)
	}
}

// A cookie that is not ours is none.
func TestTourCookie(t *testing.T) {
	g := &guest{env: newDemo(t), cookie: "made-up"}
	if got, _ := g.at(3); got != "sent to /tour?step=1" {
		t.Errorf("with a made-up cookie, step 3: %s", got)
	}
	for value, want := range map[string]int{"0": 1, "7": 6, "x": 1, "-3": 1, "4": 4} {
		if got := demo.StepOf(value); got != want {
			t.Errorf("step %q is %d, want %d", value, got, want)
		}
	}
}
