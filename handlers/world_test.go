package handlers

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"warungjokul/handlers/shop"
	"warungjokul/handlers/web"
	"warungjokul/jokul"
	"warungjokul/jokul/sandbox"
	"warungjokul/models"
	"warungjokul/models/testdb"
	"warungjokul/payments"
	"warungjokul/payments/testgateway"
)

// world is a shop and a gateway that share a clock.
type env struct {
	t        testing.TB
	clock    *testgateway.Clock
	gateway  *testgateway.Gateway
	database string
	numbers  []string // of the orders the console is looked at about
	*Handler
}

// newWorld wires the real parts on real sockets and files. The worker does not
// run: a test has it make its rounds when it has moved the clock.
func newEnv(t testing.TB) *env {
	t.Helper()
	w := &env{t: t, clock: testgateway.NewClock(), database: testdb.URL(t)}
	shop := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) { w.Handler.ServeHTTP(rw, r) }))
	t.Cleanup(shop.Close)
	w.gateway = testgateway.Open(t, w.clock, shop.URL+"/payments/notifications")
	w.Handler = w.anotherShop(w.gateway.URL)
	return w
}

// anotherShop is one more shop on the same database.
func (w *env) anotherShop(gateway string) *Handler {
	w.t.Helper()
	log := slog.New(slog.DiscardHandler)
	store, err := models.Open(context.Background(), w.database, w.clock.Now, log)
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { store.Close() })
	client, err := jokul.New(testgateway.ClientID, testgateway.SecretKey, jokul.WithBaseURL(gateway), jokul.WithClock(w.clock.Now), jokul.WithRetries(0),
		jokul.WithObserver(payments.RecordAPICalls(store, log)))
	if err != nil {
		w.t.Fatal(err)
	}
	h, err := New(context.Background(), web.Config{Store: store, Gateway: client, BaseURL: "http://example.com", Now: w.clock.Now, Log: log,
		NotificationPath: "/payments/notifications", PaymentExpiry: time.Hour})
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(h.Finish)
	return h
}

// order places an order as a browser does and returns the path of its page.
func (w *env) order(sku string) string {
	w.t.Helper()
	cart := w.post("/cart/items", url.Values{"sku": {sku}, "quantity": {"1"}}, nil).Result().Cookies()
	placed := w.post("/checkout", url.Values{"name": {"Budi"}, "email": {"budi@example.com"}, "phone": {"081234567890"},
		"checkout_id": {w.checkoutID(cart)}}, cart)
	if placed.Code != http.StatusSeeOther {
		w.t.Fatalf("checkout: HTTP %d", placed.Code)
	}
	return placed.Header().Get("Location")
}

func (w *env) post(path string, form url.Values, cookies []*http.Cookie) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodPost, path, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	for _, c := range cookies {
		r.AddCookie(c)
	}
	rec := httptest.NewRecorder()
	w.ServeHTTP(rec, r)
	w.Finish()
	return rec
}

func (w *env) get(path string) string {
	w.t.Helper()
	rec := httptest.NewRecorder()
	w.ServeHTTP(rec, httptest.NewRequest(http.MethodGet, path, nil))
	if rec.Code != http.StatusOK {
		w.t.Fatalf("GET %s: HTTP %d %s", path, rec.Code, rec.Body)
	}
	return rec.Body.String()
}

func (w *env) status(order string) (s shop.Status) {
	w.t.Helper()
	if err := json.Unmarshal([]byte(w.get(order+"/status")), &s); err != nil {
		w.t.Fatal(err)
	}
	return s
}

// whole is the order as it is kept.
func (w *env) stored(order string) models.Order {
	w.t.Helper()
	o, err := w.Store.Order(context.Background(), strings.TrimPrefix(order, "/orders/"))
	if err != nil {
		w.t.Fatal(err)
	}
	return o
}

// pass lets time go by in small steps, the worker making its rounds.
func (w *env) pass(d, step time.Duration) {
	w.t.Helper()
	for ; d > 0; d -= step {
		w.clock.Advance(min(step, d))
		w.work(w.Handler)
	}
}

func (w *env) work(h *Handler) {
	w.t.Helper()
	for busy := true; busy; {
		var err error
		if busy, err = h.Payments.RunOnce(context.Background()); err != nil {
			w.t.Fatal(err)
		}
		h.Finish()
	}
}

func (w *env) openCases() (kinds []models.CaseKind) {
	w.t.Helper()
	list, err := w.Store.OpenCases(context.Background(), 100)
	if err != nil {
		w.t.Fatal(err)
	}
	for _, c := range list {
		kinds = append(kinds, c.Kind)
	}
	return kinds
}

func answer(fault string) func(*sandbox.Faults) {
	return func(f *sandbox.Faults) { f.Answer = fault }
}

func noFault(*sandbox.Faults) {}

// longestWait is more than a payment without a code waits for its next turn.
const longestWait = 40 * time.Second

// An order that was placed while the clock was an hour ahead gets its code, and its
// mail, when the clock is right again, and not an hour later.
func TestClockThatIsSetBack(t *testing.T) {
	w := newEnv(t)
	box := &postbox{}
	w.Mail = box.send
	w.clock.Advance(time.Hour)
	coded := w.order("MNM-GAYO") // and its mail is due by the wrong clock
	w.gateway.SetFault(answer(sandbox.Answer500))
	order := w.order("MNM-TEH")
	w.gateway.SetFault(noFault)
	w.clock.Advance(-time.Hour)

	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- w.Work(ctx) }()
	soon := w.clock.Now().Add(longestWait)
	for begun := time.Now(); w.stored(order).Payment().NextCheckAt.After(soon); { // until Work has seen to it
		if time.Since(begun) > time.Minute {
			t.Fatal("the next turn waits for the wrong clock still")
		}
	}
	stop()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	w.pass(longestWait, longestWait)
	if s := w.status(order); s.PaymentStatus != models.PaymentPending {
		t.Errorf("payment %s, want its code", s.PaymentStatus)
	}
	w.clock.Advance(2 * time.Minute) // what Work had leased when it was stopped is free by now
	for busy := true; busy; {
		var err error
		if busy, err = w.shop.SendDueMails(context.Background()); err != nil {
			t.Fatal(err)
		}
	}
	var got []string
	for _, subject := range box.subjects() {
		got = append(got, subject[strings.LastIndexByte(subject, ' ')+1:])
	}
	want := []string{w.stored(coded).Number, w.stored(order).Number}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("mails about %v, want %v", got, want)
	}
}
