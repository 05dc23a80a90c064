package handlers

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"warungjokul/jokul"
	"warungjokul/jokul/sandbox"
	"warungjokul/models"
	"warungjokul/models/testdb"
)

const (
	clientID  = "MCH-0000-00000000000001"
	secretKey = "SK-contoh-bukan-rahasia-0001"
)

// clock is the time of shop and gateway, and a test moves it.
type clock struct {
	mu sync.Mutex
	t  time.Time
}

func (c *clock) now() time.Time { c.mu.Lock(); defer c.mu.Unlock(); return c.t }

func (c *clock) advance(d time.Duration) { c.mu.Lock(); defer c.mu.Unlock(); c.t = c.t.Add(d) }

// world is a shop and a gateway that share a clock.
type world struct {
	t        testing.TB
	clock    *clock
	gateway  *sandbox.Server
	address  string // of the gateway
	database string
	numbers  []string // of the orders the console is looked at about
	*Handler

	mu    sync.Mutex
	calls map[string]int // of the gateway, by path and by Request-Id
}

// counting notes what the gateway is asked before it answers.
func (w *world) counting(gateway http.Handler) http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		w.mu.Lock()
		w.calls[r.URL.Path]++
		w.calls[r.Header.Get(jokul.HeaderRequestID)]++
		w.mu.Unlock()
		gateway.ServeHTTP(rw, r)
	})
}

// called says how often the gateway was asked at a path, or with a Request-Id.
func (w *world) called(key string) int { w.mu.Lock(); defer w.mu.Unlock(); return w.calls[key] }

// newWorld wires the real parts on real sockets and files. The worker does not
// run: a test has it make its rounds when it has moved the clock.
func newWorld(t testing.TB) *world {
	t.Helper()
	w := &world{t: t, clock: &clock{t: time.Date(2026, 11, 24, 3, 0, 0, 0, time.UTC)},
		calls: map[string]int{}, database: testdb.URL(t)}
	shop := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) { w.Handler.ServeHTTP(rw, r) }))
	t.Cleanup(shop.Close)
	var err error
	w.gateway, err = sandbox.Open(sandbox.Config{ClientID: clientID, SecretKey: secretKey, Now: w.clock.now,
		NotificationURL: shop.URL + "/payments/notifications"})
	if err != nil {
		t.Fatal(err)
	}
	till := httptest.NewServer(w.counting(w.gateway))
	t.Cleanup(till.Close)
	w.address = till.URL
	w.Handler = w.anotherShop(w.address)
	return w
}

// anotherShop is one more shop on the same database.
func (w *world) anotherShop(gateway string) *Handler {
	w.t.Helper()
	log := slog.New(slog.DiscardHandler)
	store, err := models.Open(context.Background(), w.database, w.clock.now, log)
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { store.Close() })
	client, err := jokul.New(clientID, secretKey, jokul.WithBaseURL(gateway), jokul.WithClock(w.clock.now), jokul.WithRetries(0),
		jokul.WithObserver(KeepExchanges(store, log)))
	if err != nil {
		w.t.Fatal(err)
	}
	h, err := New(context.Background(), Config{Store: store, Gateway: client, BaseURL: "http://example.com", Now: w.clock.now, Log: log,
		NotificationPath: "/payments/notifications", PaymentExpiry: time.Hour})
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(h.Finish)
	return h
}

// order places an order as a browser does and returns the path of its page.
func (w *world) order(sku string) string {
	w.t.Helper()
	cart := w.post("/cart/items", url.Values{"sku": {sku}, "quantity": {"1"}}, nil).Result().Cookies()
	placed := w.post("/checkout", url.Values{"name": {"Budi"}, "email": {"budi@example.com"}, "phone": {"081234567890"},
		"checkout_id": {w.checkoutID(cart)}}, cart)
	if placed.Code != http.StatusSeeOther {
		w.t.Fatalf("checkout: HTTP %d", placed.Code)
	}
	return placed.Header().Get("Location")
}

func (w *world) post(path string, form url.Values, cookies []*http.Cookie) *httptest.ResponseRecorder {
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

func (w *world) get(path string) string {
	w.t.Helper()
	rec := httptest.NewRecorder()
	w.ServeHTTP(rec, httptest.NewRequest(http.MethodGet, path, nil))
	if rec.Code != http.StatusOK {
		w.t.Fatalf("GET %s: HTTP %d %s", path, rec.Code, rec.Body)
	}
	return rec.Body.String()
}

func (w *world) status(order string) (s status) {
	w.t.Helper()
	if err := json.Unmarshal([]byte(w.get(order+"/status")), &s); err != nil {
		w.t.Fatal(err)
	}
	return s
}

// whole is the order as it is kept.
func (w *world) whole(order string) models.Order {
	w.t.Helper()
	o, err := w.Store.Order(context.Background(), strings.TrimPrefix(order, "/orders/"))
	if err != nil {
		w.t.Fatal(err)
	}
	return o
}

// pass lets time go by in small steps, the worker making its rounds.
func (w *world) pass(d, step time.Duration) {
	w.t.Helper()
	for ; d > 0; d -= step {
		w.clock.advance(min(step, d))
		w.rounds(w.Handler)
	}
}

func (w *world) rounds(h *Handler) {
	w.t.Helper()
	for busy := true; busy; {
		var err error
		if busy, err = h.round(context.Background()); err != nil {
			w.t.Fatal(err)
		}
		h.Finish()
	}
}

func (w *world) fault(change func(*sandbox.Faults)) {
	w.t.Helper()
	f := sandbox.DefaultFaults()
	change(&f)
	if err := w.gateway.SetFaults(f); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) act(code string, action sandbox.Action) {
	w.t.Helper()
	if _, err := w.gateway.Act(context.Background(), code, action); err != nil {
		w.t.Fatal(err)
	}
}

// asked counts the status queries about an invoice number.
func (w *world) asked(invoice string) int { return w.called("/orders/v1/status/" + invoice) }

// With every notification suppressed, and the gateway slow to admit a payment,
// all that was paid becomes paid by asking alone.
func TestReconciliationAlone(t *testing.T) {
	w := newWorld(t)
	w.fault(func(f *sandbox.Faults) { f.Notify, f.StatusLag = sandbox.NotifyNone, true })
	type purchase struct {
		order  string
		payAt  time.Duration // after it was placed; negative: never
		action sandbox.Action
		paid   bool
	}
	var all []*purchase
	for i := range 24 {
		p := &purchase{order: w.order("MNM-TEH"), action: sandbox.ActionPay, payAt: time.Duration(i) * 150 * time.Second}
		if i%4 == 3 {
			p.payAt = -1
		}
		all = append(all, p)
	}
	all = append(all,
		&purchase{order: w.order("MNM-TEH"), payAt: time.Hour - time.Second, action: sandbox.ActionPay},        // the last second
		&purchase{order: w.order("MNM-TEH"), payAt: time.Hour + 20*time.Minute, action: sandbox.ActionPayLate}, // after expiry was confirmed
		&purchase{order: w.order("MNM-TEH"), payAt: time.Hour + 17*time.Hour, action: sandbox.ActionPayLate},   // hours after
		&purchase{order: w.order("VCR-CELENGAN"), payAt: 10 * time.Minute, action: sandbox.ActionPay},          // a reusable code
	)
	const step = 30 * time.Second
	slowest := time.Duration(0)
	begin := w.clock.now()
	var found = map[string]time.Duration{}
	for at := time.Duration(0); at <= 20*time.Hour; at += step {
		for _, p := range all {
			if !p.paid && p.payAt >= 0 && p.payAt < at+step {
				w.clock.advance(begin.Add(p.payAt).Sub(w.clock.now())) // to the second
				w.act(*w.status(p.order).PaymentCode, p.action)
				p.paid = true
			}
		}
		w.clock.advance(begin.Add(at + step).Sub(w.clock.now()))
		w.rounds(w.Handler)
		for _, p := range all {
			if p.paid && found[p.order] == 0 && w.status(p.order).OrderStatus == models.OrderPaid {
				found[p.order] = at + step - p.payAt
				if p.action == sandbox.ActionPay {
					slowest = max(slowest, found[p.order])
				}
			}
		}
	}
	for _, p := range all {
		s := w.status(p.order)
		want := models.OrderExpired
		if p.payAt >= 0 {
			want = models.OrderPaid
		}
		if s.OrderStatus != want {
			t.Errorf("paid after %s by %s: order %s, want %s", p.payAt, p.action, s.OrderStatus, want)
		}
		if n := w.asked(s.InvoiceNumber); n > 25 {
			t.Errorf("the gateway was asked %d times about one payment", n)
		}
	}
	if slowest > 32*time.Minute {
		t.Errorf("a payment in time was found after %s", slowest)
	}
	t.Logf("the slowest payment made in time was found after %s", slowest)
	if kinds := w.openCases(); !slices.Equal(kinds, []models.CaseKind{models.CaseLatePayment, models.CaseLatePayment}) {
		t.Errorf("a person is told of %v, want the two late payments", kinds)
	}
	report, err := w.Store.Mismatches(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range report {
		if m.Kind != models.MismatchNotNotified {
			t.Errorf("mismatch: %+v", m)
		}
	}
	if len(report) != 22 {
		t.Errorf("%d payments are reported as never notified, want 22", len(report))
	}
}

func (w *world) openCases() (kinds []models.CaseKind) {
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

// An answer that is not SUCCESS or EXPIRED changes nothing, and is waited for
// ever longer.
func TestAnswersThatSettleNothing(t *testing.T) {
	for name, fault := range map[string]func(*sandbox.Faults){
		"500":              func(f *sandbox.Faults) { f.Answer = sandbox.Answer500 },
		"503 and HTML":     func(f *sandbox.Faults) { f.Answer = sandbox.Answer503HTML },
		"nothing":          func(f *sandbox.Faults) { f.Answer = sandbox.AnswerDrop },
		"unsigned":         func(f *sandbox.Faults) { f.Answer = sandbox.AnswerUnsigned },
		"another's":        func(f *sandbox.Faults) { f.Answer = sandbox.AnswerOtherInvoice },
		"half an answer":   func(f *sandbox.Faults) { f.Answer = sandbox.AnswerCut },
		"pending for ever": func(f *sandbox.Faults) {},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			order := w.order("MNM-TEH")
			before := w.whole(order)
			w.fault(fault)
			if name == "pending for ever" {
				w.forgetDeadline(order)
			}
			w.pass(3*time.Hour, time.Minute)
			after := w.whole(order)
			if after.Status != before.Status || after.Payment().State != models.PaymentPending || !after.StockHeld || after.Payment().Code != before.Payment().Code {
				t.Errorf("order %s, payment %s, stock held %v", after.Status, after.Payment().State, after.StockHeld)
			}
			if n := w.asked(after.Payment().InvoiceNumber); n < 6 || n > 25 {
				t.Errorf("asked %d times in three hours", n)
			}
			w.pass(26*time.Hour, 10*time.Minute)
			if kinds := w.openCases(); !slices.Equal(kinds, []models.CaseKind{models.CaseUnsettled}) {
				t.Errorf("after a day a person is told of %v", kinds)
			}

			w.fault(func(*sandbox.Faults) {})
			w.pass(7*time.Hour, 10*time.Minute)
			if got := w.whole(order); name != "pending for ever" && (got.Status != models.OrderExpired || got.StockHeld) {
				t.Errorf("the gateway is back, and the order %s", got.Status)
			}
		})
	}

	t.Run("404", func(t *testing.T) {
		w := newWorld(t)
		order := w.order("MNM-TEH")
		empty, err := sandbox.Open(sandbox.Config{ClientID: clientID, SecretKey: secretKey, Now: w.clock.now})
		if err != nil {
			t.Fatal(err)
		}
		other := httptest.NewServer(empty)
		defer other.Close()
		w.Handler = w.anotherShop(other.URL)
		w.pass(3*time.Hour, time.Minute)
		if got := w.whole(order); got.Status != models.OrderAwaitingPayment || got.Payment().State != models.PaymentPending || !got.StockHeld {
			t.Errorf("order %s, payment %s", got.Status, got.Payment().State)
		}
	})
}

// forgetDeadline has the gateway's code never expire, as if its clock stood.
func (w *world) forgetDeadline(order string) {
	w.t.Helper()
	code := *w.status(order).PaymentCode
	gateway := httptest.NewServer(w.counting(statusOnly{w, code, "PENDING"}))
	w.t.Cleanup(gateway.Close)
	counted := w.Handler.Store
	client, err := jokul.New(clientID, secretKey, jokul.WithBaseURL(gateway.URL), jokul.WithClock(w.clock.now), jokul.WithRetries(0))
	if err != nil {
		w.t.Fatal(err)
	}
	w.Handler.Gateway, w.Handler.Store = client, counted
}

// statusOnly is a gateway that signs one answer to every status query.
type statusOnly struct {
	*world
	code, status string
}

func (g statusOnly) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body := fmt.Appendf(nil, `{"order":{"invoice_number":%q,"amount":22000},"transaction":{"status":%q},"online_to_offline_info":{"payment_code":%q}}`,
		r.URL.Path[strings.LastIndexByte(r.URL.Path, '/')+1:], g.status, g.code)
	c := jokul.Component{ClientID: clientID, RequestID: r.Header.Get(jokul.HeaderRequestID), Timestamp: g.clock.now().UTC().Format(jokul.TimestampLayout),
		Target: r.URL.Path, Digest: jokul.Digest(body), Response: true}
	w.Header().Set(jokul.HeaderClientID, clientID)
	w.Header().Set(jokul.HeaderRequestID, c.RequestID)
	w.Header().Set(jokul.HeaderResponseTimestamp, c.Timestamp)
	w.Header().Set(jokul.HeaderSignature, jokul.Sign(secretKey, c))
	_, _ = w.Write(body)
}

// Several shops on one database share the work, and none is done twice.
func TestWorkersShareTheWork(t *testing.T) {
	w := newWorld(t)
	w.fault(func(f *sandbox.Faults) { f.Answer = sandbox.Answer500 })
	var orders []string
	for range 20 {
		orders = append(orders, w.order("MNM-TEH"))
	}
	w.fault(func(*sandbox.Faults) {})
	w.clock.advance(time.Minute)
	shops := []*Handler{w.Handler, w.anotherShop(w.address), w.anotherShop(w.address)}
	var rounds sync.WaitGroup
	for _, h := range shops {
		rounds.Go(func() { w.rounds(h) })
	}
	rounds.Wait()
	for _, order := range orders {
		p := w.whole(order).Payment()
		if n := w.called(p.RequestID); p.State != models.PaymentPending || n != 2 { // at checkout, and now
			t.Errorf("payment %s, asked for %d times, want 2", p.State, n)
		}
	}
}

func TestCodesThatAreHardToGet(t *testing.T) {
	tests := map[string]struct {
		first  func(*sandbox.Faults) // at checkout
		then   func(*sandbox.Faults) // afterwards
		taken  bool                  // somebody else uses the invoice number meanwhile
		states []models.PaymentState
	}{
		"the answer was lost":                         {first: answer(sandbox.AnswerLostReply), states: pending},
		"the answer was cut":                          {first: answer(sandbox.AnswerCut), states: pending},
		"the answer was another's":                    {first: answer(sandbox.AnswerOtherInvoice), states: pending},
		"the answer was lost and is not given again":  {first: answer(sandbox.AnswerLostReply), then: func(f *sandbox.Faults) { f.Idempotency = "error" }, states: pending},
		"the gateway was away":                        {first: answer(sandbox.AnswerDrop), states: pending},
		"the gateway says that it was asked before":   {first: answer(sandbox.AnswerIdempotent), states: pending},
		"the invoice number is taken":                 {first: answer(sandbox.Answer500), taken: true, states: []models.PaymentState{models.PaymentFailed, models.PaymentPending}},
		"the invoice number is taken, the answer too": {first: answer(sandbox.Answer500), then: answer(sandbox.AnswerLostReply), taken: true, states: []models.PaymentState{models.PaymentFailed, models.PaymentPending}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.fault(tt.first)
			order := w.order("MNM-TEH")
			before := w.whole(order).Payment()
			if before.State != models.PaymentCreating {
				t.Fatalf("payment %s after the first try", before.State)
			}
			w.fault(func(*sandbox.Faults) {})
			if tt.taken {
				w.take(before.InvoiceNumber)
			}
			if tt.then != nil {
				w.fault(tt.then)
			}
			w.pass(time.Minute, time.Second)
			w.fault(func(*sandbox.Faults) {})
			w.pass(2*time.Minute, time.Second)
			o := w.whole(order)
			var states []models.PaymentState
			for _, p := range o.Payments {
				states = append(states, p.State)
			}
			if !slices.Equal(states, tt.states) {
				t.Fatalf("payments %v, want %v", states, tt.states)
			}
			if p := o.Payments[0]; p.RequestID != before.RequestID || string(p.RequestBody) != string(before.RequestBody) {
				t.Error("the request changed between two sends")
			}
			p := o.Payment()
			w.act(p.Code, sandbox.ActionPay)
			if got := w.whole(order); got.Status != models.OrderPaid || len(got.OpenCases) > 0 {
				t.Errorf("order %s, open cases %v", got.Status, got.OpenCases)
			}
			used := map[string]int{}
			for _, a := range w.ledger() {
				used[a.InvoiceNumber]++
			}
			for invoice, n := range used {
				if n != 1 {
					t.Errorf("invoice number %s has %d codes", invoice, n)
				}
			}
		})
	}
}

var pending = []models.PaymentState{models.PaymentPending}

func answer(fault string) func(*sandbox.Faults) {
	return func(f *sandbox.Faults) { f.Answer = fault }
}

// take uses an invoice number before the shop does.
func (w *world) take(invoiceNumber string) {
	w.t.Helper()
	client, err := jokul.New(clientID, secretKey, jokul.WithBaseURL(w.address), jokul.WithClock(w.clock.now))
	if err != nil {
		w.t.Fatal(err)
	}
	request, err := client.Prepare(jokul.PaymentCodeRequest{InvoiceNumber: invoiceNumber, Amount: 50_000, ExpiresIn: time.Hour,
		CustomerName: "Orang lain", Description: "Lain"})
	if err != nil {
		w.t.Fatal(err)
	}
	if _, err := client.GeneratePaymentCode(context.Background(), request); err != nil {
		w.t.Fatal(err)
	}
}

func TestNoCodeForHalfAnHourIsACase(t *testing.T) {
	w := newWorld(t)
	w.fault(answer(sandbox.Answer500))
	order := w.order("MNM-TEH")
	w.pass(25*time.Minute, 20*time.Second)
	if kinds := w.openCases(); len(kinds) != 0 {
		t.Errorf("told of %v too soon", kinds)
	}
	w.pass(10*time.Minute, 20*time.Second)
	if kinds := w.openCases(); !slices.Equal(kinds, []models.CaseKind{models.CaseNoCode}) {
		t.Errorf("told of %v", kinds)
	}
	w.fault(func(*sandbox.Faults) {})
	w.pass(time.Minute, time.Second)
	if s := w.status(order); s.PaymentStatus != models.PaymentPending {
		t.Errorf("payment %s once the gateway is back", s.PaymentStatus)
	}
}

// An order that was placed while the clock was an hour ahead gets its code, and its
// mail, when the clock is right again, and not an hour later.
func TestClockThatIsSetBack(t *testing.T) {
	w := newWorld(t)
	box := &postbox{}
	w.Mail = box.send
	w.clock.advance(time.Hour)
	coded := w.order("MNM-GAYO") // and its mail is due by the wrong clock
	w.fault(answer(sandbox.Answer500))
	order := w.order("MNM-TEH")
	w.fault(func(*sandbox.Faults) {})
	w.clock.advance(-time.Hour)

	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- w.Work(ctx) }()
	soon := w.clock.now().Add(longestCreating)
	for begun := time.Now(); w.whole(order).Payment().NextCheckAt.After(soon); { // until Work has seen to it
		if time.Since(begun) > time.Minute {
			t.Fatal("the next turn waits for the wrong clock still")
		}
	}
	stop()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	w.pass(longestCreating, longestCreating)
	if s := w.status(order); s.PaymentStatus != models.PaymentPending {
		t.Errorf("payment %s, want its code", s.PaymentStatus)
	}
	w.clock.advance(2 * time.Minute) // what Work had leased when it was stopped is free by now
	for busy := true; busy; {
		var err error
		if busy, err = w.mailRound(context.Background()); err != nil {
			t.Fatal(err)
		}
	}
	var got []string
	for _, subject := range box.subjects() {
		got = append(got, subject[strings.LastIndexByte(subject, ' ')+1:])
	}
	want := []string{w.whole(coded).Number, w.whole(order).Number}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("mails about %v, want %v", got, want)
	}
}

// "I have paid" asks about every code that may have been paid, and says what
// the gateway answered, and when.
func TestCheckAsksAboutOldCodesToo(t *testing.T) {
	w := newWorld(t)
	w.fault(func(f *sandbox.Faults) { f.Notify = sandbox.NotifyNone })
	order := w.order("MNM-TEH")
	old := *w.status(order).PaymentCode
	w.pass(time.Hour+2*time.Minute, time.Minute)
	if s := w.status(order); s.OrderStatus != models.OrderExpired {
		t.Fatalf("order %s", s.OrderStatus)
	}
	w.act(old, sandbox.ActionPayLate)
	if res := w.post(order+"/payments", nil, nil); res.Code != http.StatusSeeOther {
		t.Fatalf("new code: HTTP %d", res.Code)
	}
	if s := w.status(order); s.Attempt != 2 || s.PaymentStatus != models.PaymentPending {
		t.Fatalf("got %+v", s)
	}
	if res := w.post(order+"/check", nil, nil); res.Code != http.StatusSeeOther {
		t.Fatalf("check: HTTP %d", res.Code)
	}
	if s := w.status(order); s.OrderStatus != models.OrderPaid || s.Attempt != 1 {
		t.Errorf("the old code's money was not found: %+v", s)
	}
}
