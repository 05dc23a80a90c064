package handlers

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"warungjokul/handlers/shop"
	"warungjokul/handlers/web"
	"warungjokul/jokul"
	"warungjokul/jokul/sandbox"
	"warungjokul/models"
	"warungjokul/payments/requestid"
	"warungjokul/payments/testgateway"
)

// metricsText is what OPS_ADDR serves.
func (w *env) metricsText() string {
	rec := httptest.NewRecorder()
	w.OpsHandler().ServeHTTP(rec, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	return rec.Body.String()
}

// figures reads the metrics as Prometheus would: a value for each series.
func (w *env) figures() map[string]float64 {
	w.t.Helper()
	series := map[string]float64{}
	for line := range strings.Lines(w.metricsText()) {
		if line = strings.TrimSpace(line); line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		i := strings.LastIndexByte(line, ' ')
		value, err := strconv.ParseFloat(line[i+1:], 64)
		if err != nil {
			w.t.Fatalf("%s: %v", line, err)
		}
		series[line[:i]] = value
	}
	return series
}

// moved says by how much each series named differs from before.
func (w *env) moved(what string, before map[string]float64, want map[string]float64) map[string]float64 {
	w.t.Helper()
	now := w.figures()
	for name, by := range want {
		was, known := before[name]
		if got := now[name] - was; got != by || !known {
			w.t.Errorf("%s: %s moved by %v, want %v (there before: %v)", what, name, got, by, known)
		}
	}
	return now
}

// say sends the shop a notification about a payment, and returns the answer's
// status.
func (w *env) say(s shop.Status, amount int64, transaction jokul.TransactionStatus, forged bool) int {
	w.t.Helper()
	body := fmt.Sprintf(`{"order":{"invoice_number":%q,"amount":%d},"transaction":{"status":%q,"date":%q},
		"channel":{"id":"ONLINE_TO_OFFLINE_INDOMARET"}}`, s.InvoiceNumber, amount, transaction, w.clock.Now().Format(time.RFC3339))
	return w.send(body, forged)
}

func (w *env) send(body string, forged bool) int {
	c := jokul.Component{ClientID: testgateway.ClientID, RequestID: jokul.NewRequestID(), Timestamp: w.clock.Now().Format(jokul.TimestampLayout),
		Target: "/payments/notifications", Digest: jokul.Digest([]byte(body))}
	r := httptest.NewRequest(http.MethodPost, c.Target, strings.NewReader(body))
	r.Header.Set(jokul.HeaderClientID, c.ClientID)
	r.Header.Set(jokul.HeaderRequestID, c.RequestID)
	r.Header.Set(jokul.HeaderRequestTimestamp, c.Timestamp)
	r.Header.Set(jokul.HeaderSignature, jokul.Sign(testgateway.SecretKey, c))
	if forged {
		r.Header.Set(jokul.HeaderSignature, jokul.Sign("another key", c))
	}
	rec := httptest.NewRecorder()
	w.ServeHTTP(rec, r)
	return rec.Code
}

// What happens moves the figure that asks about it, and no other of its kind.
func TestMetricsAnswer(t *testing.T) {
	w := newEnv(t)
	w.gateway.SetFault(func(f *sandbox.Faults) { f.Notify = sandbox.NotifyNone })
	minute := func() { w.clock.Advance(web.StatsAge) }
	at := w.figures()

	order := w.order("MNM-TEH")
	s := w.status(order)
	minute()
	at = w.moved("a code", at, map[string]float64{
		"shop_orders_placed_total": 1, `shop_code_seconds_count{outcome="ok"}`: 1, `shop_code_seconds_count{outcome="unknown"}`: 0,
		`shop_code_seconds_count{outcome="refused"}`: 0, `shop_orders{status="awaiting_payment"}`: 1, `shop_orders{status="paid"}`: 0})
	w.order("MNM-TEH")
	at = w.moved("the books within a minute", at, map[string]float64{`shop_orders{status="awaiting_payment"}`: 0, "shop_orders_placed_total": 1})
	minute()
	at = w.moved("the books a minute later", at, map[string]float64{`shop_orders{status="awaiting_payment"}`: 1})

	if got := w.say(s, s.Amount, jokul.TransactionSuccess, true); got != http.StatusUnauthorized {
		t.Errorf("forged: HTTP %d", got)
	}
	at = w.moved("a forgery", at, map[string]float64{`notifications_total{verdict="rejected"}`: 1, "shop_notification_seconds_count": 0})
	w.say(s, s.Amount-1, jokul.TransactionSuccess, false)
	minute()
	at = w.moved("a wrong amount", at, map[string]float64{`notifications_total{verdict="mismatched"}`: 1, "shop_notification_seconds_count": 1,
		`shop_cases{kind="wrong_amount"}`: 1, "shop_case_age_seconds": 60, `shop_receipts_total{source="notification"}`: 0})
	w.send("{", false)
	w.send(strings.Repeat(" ", jokul.MaxNotificationSize+1), false)
	w.say(shop.Status{InvoiceNumber: "WJ-NOBODY-1"}, 1, jokul.TransactionSuccess, false)
	w.say(s, s.Amount, jokul.TransactionFailed, false)
	at = w.moved("odd notifications", at, map[string]float64{`notifications_total{verdict="unreadable"}`: 1, `notifications_total{verdict="unread"}`: 1,
		`notifications_total{verdict="unknown_invoice"}`: 1, `notifications_total{verdict="noted"}`: 1})

	paid := fmt.Sprintf(`{"order":{"invoice_number":%q,"amount":%d},"transaction":{"status":"SUCCESS","date":%q}}`,
		s.InvoiceNumber, s.Amount, w.clock.Now().Add(-7*time.Second).Format(time.RFC3339))
	w.send(paid, false)
	w.send(paid, false)
	minute()
	at = w.moved("money", at, map[string]float64{`notifications_total{verdict="applied"}`: 1, `notifications_total{verdict="repeated"}`: 1,
		`shop_receipts_total{source="notification"}`: 1, `shop_receipts_total{source="status_query"}`: 0,
		`shop_payment_to_paid_seconds_sum{source="notification"}`: 7, `shop_payment_to_paid_seconds_count{source="notification"}`: 1,
		`shop_orders{status="awaiting_payment"}`: -1, `shop_orders{status="paid"}`: 1})
}

// So do codes that do not come, and money nobody tells of.
func TestMetricsOfTrouble(t *testing.T) {
	w := newEnv(t)
	w.gateway.SetFault(func(f *sandbox.Faults) { f.Notify, f.Answer = sandbox.NotifyNone, sandbox.Answer500 })
	at := w.figures()
	order := w.order("MNM-TEH")
	w.clock.Advance(web.StatsAge)
	at = w.moved("no answer", at, map[string]float64{`shop_code_seconds_count{outcome="unknown"}`: 1, "shop_payments_creating": 1,
		"shop_reconciliation_age_seconds": w.since(order)})
	w.gateway.SetFault(func(f *sandbox.Faults) { f.Notify = sandbox.NotifyNone })
	w.work(w.Handler)
	w.clock.Advance(web.StatsAge)
	at = w.moved("a code after all", at, map[string]float64{`shop_code_seconds_count{outcome="ok"}`: 1, "shop_payments_creating": -1,
		"shop_reconciliation_age_seconds": -at["shop_reconciliation_age_seconds"]})

	w.gateway.Do(*w.status(order).PaymentCode, sandbox.ActionPay)
	paidAt := w.clock.Now()
	w.clock.Advance(4 * time.Minute)
	w.work(w.Handler)
	if got := w.status(order).OrderStatus; got != models.OrderPaid {
		t.Fatalf("order %s", got)
	}
	at = w.moved("money found by asking", at, map[string]float64{`shop_status_queries_total{answer="success"}`: 1,
		`shop_receipts_total{source="status_query"}`: 1, `shop_receipts_total{source="notification"}`: 0,
		`shop_payment_to_paid_seconds_sum{source="status_query"}`: w.clock.Now().Sub(paidAt).Seconds()})
	w.maintain(context.Background())
	at = w.moved("the hourly report", at, map[string]float64{`mismatches{kind="not_notified"}`: 1, `mismatches{kind="money"}`: 0})

	w.gateway.SetFault(func(f *sandbox.Faults) { f.Answer, f.AnswerOn = sandbox.Answer503HTML, "status" })
	w.post(w.order("MNM-TEH")+"/check", nil, nil)
	at = w.moved("no answer to a question", at, map[string]float64{`shop_status_queries_total{answer="away"}`: 1, `shop_code_seconds_count{outcome="ok"}`: 1})

	w.gateway.SetFault(answer(sandbox.Answer500))
	order = w.order("MNM-TEH")
	w.gateway.SetFault(noFault)
	w.gateway.Take(jokul.PaymentCodeRequest{InvoiceNumber: w.stored(order).Payment().InvoiceNumber, Amount: 50_000, ExpiresIn: time.Hour,
		CustomerName: "Orang lain", Description: "Lain"})
	w.pass(2*time.Second, time.Second)
	at = w.moved("an invoice number that is taken", at, map[string]float64{`shop_code_seconds_count{outcome="taken"}`: 1,
		`shop_code_seconds_count{outcome="unknown"}`: 1, `shop_code_seconds_count{outcome="ok"}`: 1})
	w.gateway.SetFault(func(f *sandbox.Faults) { f.MinAmount = 4_000_000 })
	w.order("MNM-TEH")
	at = w.moved("a code refused", at, map[string]float64{`shop_code_seconds_count{outcome="refused"}`: 1})
	if err := w.Store.Close(); err != nil {
		t.Fatal(err)
	}
	if got := w.say(shop.Status{InvoiceNumber: "WJ-X-1"}, 1, jokul.TransactionSuccess, false); got != http.StatusServiceUnavailable {
		t.Errorf("a notification without a database: HTTP %d", got)
	}
	at = w.moved("the database gone", at, map[string]float64{"shop_ready": -1, `notifications_total{verdict="not_kept"}`: 1})
	if _, known := at[`shop_orders{status="paid"}`]; known {
		t.Error("the books are told of while nobody can read them")
	}
}

// since is how long an order's payment has been due, in seconds.
func (w *env) since(order string) float64 {
	p := w.stored(order).Payment()
	return w.clock.Now().Sub(*p.NextCheckAt).Seconds()
}

// Strangers cannot make series: neither with a host, nor a method, nor a path.
func TestStrangersMakeNoSeries(t *testing.T) {
	w := newEnv(t)
	for i := range 20 {
		r := httptest.NewRequest(fmt.Sprint("GUESS", i), fmt.Sprint("/nothing/", i), nil)
		r.Host = fmt.Sprint("host-", i, ".example")
		w.ServeHTTP(httptest.NewRecorder(), r)
	}
	var requests []string
	for name := range w.figures() {
		if strings.HasPrefix(name, "shop_requests_total") {
			requests = append(requests, name)
		}
		if strings.Contains(name, "GUESS") || strings.Contains(name, "host-") || strings.Contains(name, "nothing") {
			t.Errorf("a stranger's own: %s", name)
		}
	}
	if len(requests) != 1 || !strings.Contains(requests[0], `method="other"`) {
		t.Errorf("got %v, want one series for them all", requests)
	}
}

// What is counted is what the client got, a page that tells of an error included.
func TestRequestsAreCountedAsAnswered(t *testing.T) {
	w := newEnv(t)
	w.get("/") // the first
	at := w.figures()
	page := len(w.get("/"))
	w.visit("/orders/nobodys", nil)
	w.visit("/nothing", nil)
	series := func(name, code, route string) string {
		return fmt.Sprintf(`shop_%s{code=%q,host="example.com",method="GET",url=%q}`, name, code, route)
	}
	at = w.moved("the catalogue", at, map[string]float64{series("requests_total", "200", "/"): 1,
		series("request_duration_seconds_count", "200", "/"): 1, series("response_size_bytes_sum", "200", "/"): float64(page)})
	for _, kind := range [][2]string{{"404", "/orders/:token"}, {"404", ""}} {
		if got := at[series("requests_total", kind[0], kind[1])]; got != 1 {
			t.Errorf("%q counted %v times, want once", kind, got)
		}
	}
}

// A line of the log, the record of the call it tells of, and the answer's header
// carry one id; a proxy's id is taken, a stranger's is not.
func TestRequestIDs(t *testing.T) {
	w := newEnv(t)
	var log bytes.Buffer
	w.Proxies = web.Proxies{netip.MustParsePrefix("10.0.0.7/32"), netip.MustParsePrefix("::1/128")}
	w.Log = slog.New(requestid.LogHandler(slog.NewJSONHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))).With("shop", 1)
	w.Payments.Log = w.Log
	cart := w.post("/cart/items", map[string][]string{"sku": {"MNM-TEH"}, "quantity": {"1"}}, nil).Result().Cookies()
	checkout := func(id, from string) *httptest.ResponseRecorder {
		form := "name=Budi&email=budi@example.com&phone=081234567890&checkout_id=" + w.checkoutID(cart)
		log.Reset() // of what is logged for the form
		r := httptest.NewRequest(http.MethodPost, "/checkout", strings.NewReader(form))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header["X-Request-Id"] = []string{id}
		r.RemoteAddr = from
		for _, c := range cart {
			r.AddCookie(c)
		}
		rec := httptest.NewRecorder()
		w.ServeHTTP(rec, r)
		return rec
	}
	var orders []string
	for name, tt := range map[string]struct {
		sent, from string
		taken      bool
	}{
		"none":                   {"", "10.0.0.7:1", false},
		"a proxy's":              {"req-0123456789abcdef", "10.0.0.7:1", true},
		"one of this machine":    {"0af7651916cd43dd8448eb211c80319c", "[::1]:1", true},
		"one of a proxy unknown": {"req-0123456789abcdef", "10.0.0.8:1", false},
		"a stranger's":           {"req-0123456789abcdef", "203.0.113.9:1", false},
		"a proxy's with a break": {"req\" level=error", "10.0.0.7:1", false},
		"a proxy's without end":  {strings.Repeat("x", 65), "10.0.0.7:1", false},
	} {
		log.Reset()
		rec := checkout(tt.sent, tt.from)
		id := rec.Header().Get("X-Request-Id")
		if rec.Code != http.StatusSeeOther || id == "" || (id == tt.sent) != tt.taken {
			t.Fatalf("%s: HTTP %d, X-Request-Id %q", name, rec.Code, id)
		}
		var said []string
		for lines := bufio.NewScanner(&log); lines.Scan(); {
			var line struct {
				Msg       string
				Shop      int
				RequestID string `json:"request_id"`
			}
			if err := json.Unmarshal(lines.Bytes(), &line); err != nil || line.RequestID != id || line.Shop != 1 {
				t.Errorf("%s: %s is not of request %s (%v)", name, lines.Text(), id, err)
			}
			said = append(said, line.Msg)
		}
		for _, msg := range []string{"order placed", "payment code issued", "request"} {
			if !slices.Contains(said, msg) {
				t.Errorf("%s: %q is not among %q", name, msg, said)
			}
		}
		calls, err := w.Store.APICallsCausedBy(context.Background(), id)
		if err != nil {
			t.Fatal(err)
		}
		orders = append(orders, rec.Header().Get("Location"))
		invoice := w.stored(rec.Header().Get("Location")).Payment().InvoiceNumber
		if len(calls) < 1 || calls[0].InvoiceNumber != invoice || calls[0].RequestID == id {
			t.Errorf("%s: the calls of request %s are %+v", name, id, calls)
		}
	}

	// The worker asks on its own behalf, each time on another's.
	log.Reset()
	w.pass(4*time.Minute, time.Minute)
	var turns []string
	for _, path := range orders {
		calls, err := w.Store.APICallsOf(context.Background(), w.stored(path))
		if err != nil {
			t.Fatal(err)
		}
		for _, x := range calls {
			if x.Operation == "Check status" {
				turns = append(turns, x.CausedBy)
			}
		}
	}
	slices.Sort(turns)
	if len(turns) < len(orders) || !strings.HasPrefix(turns[0], "payment-") || len(slices.Compact(turns)) < len(orders) {
		t.Errorf("the worker's turns are %q", turns)
	}
}

// Streams are counted while they last.
func TestStreamsAreCounted(t *testing.T) {
	w := newEnv(t)
	at := w.figures()
	_, end, _ := w.Streams.Subscribe("one", "")
	_, other, _ := w.Streams.Subscribe("two", "")
	at = w.moved("two pages watched", at, map[string]float64{"shop_streams": 2})
	end()
	other()
	w.moved("and left", at, map[string]float64{"shop_streams": -2})
}

// leaver is a client that leaves: writing to it fails, and its request is cancelled, as the HTTP server does it.
type leaver struct {
	*httptest.ResponseRecorder
	leave context.CancelFunc
}

func (l leaver) Write([]byte) (int, error) {
	l.leave()
	return 0, fmt.Errorf("write: %w", syscall.EPIPE)
}

// A client that leaves is no error of the shop's: it counts as 499, and nothing about it is logged above debug. An
// error that a client would have met that stayed counts as ever.
func TestClientsThatLeaveAreNoErrors(t *testing.T) {
	w := newEnv(t)
	var logs bytes.Buffer
	w.Log = slog.New(slog.NewTextHandler(&logs, &slog.HandlerOptions{Level: slog.LevelInfo}))
	order := w.order("MNM-TEH")
	visit := func(left bool, code string) float64 {
		ctx, leave := context.WithCancel(context.Background())
		defer leave()
		if left {
			leave()
		}
		w.ServeHTTP(leaver{httptest.NewRecorder(), leave}, httptest.NewRequestWithContext(ctx, http.MethodGet, order, nil))
		return w.figures()[`shop_requests_total{code="`+code+`",host="example.com",method="GET",url="/orders/:token"}`]
	}
	if got := visit(false, "499"); got != 1 {
		t.Errorf("left while the page was written: %v counted as 499, want 1", got)
	}
	if got := visit(true, "499"); got != 2 {
		t.Errorf("left before the page was made: %v counted as 499, want 2", got)
	}
	if strings.Contains(logs.String(), "request failed") || strings.Contains(logs.String(), "SQL") {
		t.Errorf("logged: %s", &logs)
	}
	w.Store.Close()
	w.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, order+"?q=x", nil))
	if !strings.Contains(logs.String(), "request failed") {
		t.Error("an error of the shop's is not logged any more")
	}
}
