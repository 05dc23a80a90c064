package payments

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"warungjokul/jokul"
	"warungjokul/jokul/sandbox"
	"warungjokul/models"
	"warungjokul/models/testdb"
	"warungjokul/payments/testgateway"
)

const notificationPath = "/payments/notifications"

// env is a payment flow on a real database, and a gateway behind a real socket, on
// one clock. The worker does not run: a test that has moved
// the clock calls work.
type env struct {
	t        testing.TB
	clock    *testgateway.Clock
	gateway  *testgateway.Gateway
	database string
	changed  atomic.Int64 // how often the flow said that an order may have changed
	mailDue  atomic.Int64 // likewise, of mails
	log      *logBuffer
	registry *prometheus.Registry
	*Service
}

func newEnv(t testing.TB) *env {
	t.Helper()
	e := &env{t: t, clock: testgateway.NewClock(), database: testdb.URL(t), log: &logBuffer{}, registry: prometheus.NewRegistry()}
	shop := httptest.NewServer(http.HandlerFunc(e.receive))
	t.Cleanup(shop.Close)
	e.gateway = testgateway.Open(t, e.clock, shop.URL+notificationPath)
	e.Service = e.newService(e.gateway.URL)
	e.Metrics = NewMetrics(e.registry)
	return e
}

// newService returns one more payment flow on the same database.
func (e *env) newService(gatewayURL string) *Service {
	e.t.Helper()
	log := slog.New(slog.NewTextHandler(e.log, nil))
	store, err := models.Open(context.Background(), e.database, e.clock.Now, log)
	if err != nil {
		e.t.Fatal(err)
	}
	e.t.Cleanup(func() { store.Close() })
	client, err := jokul.New(testgateway.ClientID, testgateway.SecretKey, jokul.WithBaseURL(gatewayURL), jokul.WithClock(e.clock.Now),
		jokul.WithRetries(0), jokul.WithObserver(RecordAPICalls(store, log)))
	if err != nil {
		e.t.Fatal(err)
	}
	s := New(Config{Store: store, Gateway: client, NotificationPath: notificationPath, Expiry: time.Hour, ShopName: "Warung Jokul",
		Changed: func(context.Context, string) { e.changed.Add(1) }, MailDue: func() { e.mailDue.Add(1) },
		Metrics: NewMetrics(prometheus.NewRegistry()), Now: e.clock.Now, Log: log})
	e.t.Cleanup(s.Wait)
	return s
}

// receive answers the gateway at the Notification URL.
func (e *env) receive(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err == nil {
		_, err = e.ReceiveNotification(r.Context(), Delivery{Header: r.Header, Body: body, ReceivedAt: e.clock.Now()})
	}
	if err != nil {
		w.WriteHeader(http.StatusServiceUnavailable)
	}
}

// draft is an order of one piece that is not placed yet.
func (e *env) draft(sku string) models.Order {
	e.t.Helper()
	o, _, err := e.Store.DraftOrder(context.Background(), []models.Item{{SKU: sku, Quantity: 1}})
	if err != nil {
		e.t.Fatal(err)
	}
	o.FormID, o.Language = jokul.NewRequestID(), "id"
	o.CustomerName, o.CustomerEmail, o.CustomerPhone = "Budi", "budi@example.com", "081234567890"
	return o
}

// order places an order and returns its token.
func (e *env) order(sku string) string {
	e.t.Helper()
	o, _, err := e.PlaceOrder(context.Background(), e.draft(sku))
	if err != nil {
		e.t.Fatal(err)
	}
	e.Wait()
	return o.Token
}

// get returns an order as it is stored.
func (e *env) get(token string) models.Order {
	e.t.Helper()
	o, err := e.Store.Order(context.Background(), token)
	if err != nil {
		e.t.Fatal(err)
	}
	return o
}

// payment returns the latest payment of an order.
func (e *env) payment(token string) models.Payment {
	e.t.Helper()
	return e.get(token).Payment()
}

// check presses "I have paid".
func (e *env) check(token string) {
	e.t.Helper()
	if _, err := e.CheckOrder(context.Background(), e.get(token)); err != nil {
		e.t.Fatal(err)
	}
}

// newCode presses the button for a new code.
func (e *env) newCode(token string) {
	e.t.Helper()
	if added, err := e.NewCode(context.Background(), e.get(token)); err != nil || !added {
		e.t.Fatalf("new code: %v, %v", added, err)
	}
	e.Wait()
}

// pass moves the clock in steps, and processes due payments after each.
func (e *env) pass(d, step time.Duration) {
	e.t.Helper()
	for ; d > 0; d -= step {
		e.clock.Advance(min(step, d))
		e.work(e.Service)
	}
}

// work processes due payments.
func (e *env) work(s *Service) {
	e.t.Helper()
	for busy := true; busy; {
		var err error
		if busy, err = s.RunOnce(context.Background()); err != nil {
			e.t.Fatal(err)
		}
		s.Wait()
	}
}

func (e *env) ledger() []sandbox.Account {
	e.t.Helper()
	list, err := e.gateway.Ledger()
	if err != nil {
		e.t.Fatal(err)
	}
	return list
}

func (e *env) openCases() (kinds []models.CaseKind) {
	e.t.Helper()
	list, err := e.Store.OpenCases(context.Background(), 100)
	if err != nil {
		e.t.Fatal(err)
	}
	for _, c := range list {
		kinds = append(kinds, c.Kind)
	}
	return kinds
}

// answer is a fault in every answer of the gateway.
func answer(fault string) func(*sandbox.Faults) {
	return func(f *sandbox.Faults) { f.Answer = fault }
}

func noFault(*sandbox.Faults) {}

// take has somebody else use an invoice number.
func (e *env) take(invoiceNumber string) {
	e.t.Helper()
	e.gateway.Take(jokul.PaymentCodeRequest{InvoiceNumber: invoiceNumber, Amount: 50_000, ExpiresIn: time.Hour,
		CustomerName: "Orang lain", Description: "Lain"})
}

// reject sends a message that is not signed.
func (e *env) reject() {
	e.t.Helper()
	var rejected *NotGenuineError
	if _, err := e.ReceiveNotification(context.Background(), Delivery{Body: []byte("{}"), ReceivedAt: e.clock.Now()}); !errors.As(err, &rejected) {
		e.t.Fatalf("an unsigned message: %v", err)
	}
}

// logBuffer collects what is logged.
type logBuffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *logBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

// logged reports whether a line of the log holds a text.
func (e *env) logged(text string) bool {
	e.log.mu.Lock()
	defer e.log.mu.Unlock()
	return strings.Contains(e.log.text.String(), text)
}

// operations lists the calls to the gateway that are recorded for an order.
func (e *env) operations(token string) (list []string) {
	e.t.Helper()
	calls, err := e.Store.APICallsOf(context.Background(), e.get(token))
	if err != nil {
		e.t.Fatal(err)
	}
	for _, c := range calls {
		list = append(list, c.Operation)
	}
	return list
}

// place stores an order and its first payment, and requests no code.
func (e *env) place(sku string) models.Order {
	e.t.Helper()
	draft := e.draft(sku)
	p, err := e.Prepare(draft)
	if err != nil {
		e.t.Fatal(err)
	}
	o, _, err := e.Store.PlaceOrder(context.Background(), draft, p)
	if err != nil {
		e.t.Fatal(err)
	}
	return o
}

func transaction(status string) jokul.Transaction {
	return jokul.Transaction{Status: jokul.TransactionStatus(status)}
}

// notify sends a signed notification.
func (e *env) notify(body string) (models.Notification, error) {
	e.t.Helper()
	c := jokul.Component{ClientID: testgateway.ClientID, RequestID: jokul.NewRequestID(), Target: notificationPath,
		Timestamp: e.clock.Now().Format(jokul.TimestampLayout), Digest: jokul.Digest([]byte(body))}
	header := http.Header{}
	header.Set(jokul.HeaderClientID, c.ClientID)
	header.Set(jokul.HeaderRequestID, c.RequestID)
	header.Set(jokul.HeaderRequestTimestamp, c.Timestamp)
	header.Set(jokul.HeaderSignature, jokul.Sign(testgateway.SecretKey, c))
	return e.ReceiveNotification(context.Background(), Delivery{Header: header, Body: []byte(body), ReceivedAt: e.clock.Now()})
}

// withoutDatabase has everything that the flow does next fail.
func (e *env) withoutDatabase() {
	e.t.Helper()
	gone, err := models.Open(context.Background(), testdb.URL(e.t), e.clock.Now, slog.New(slog.DiscardHandler))
	if err == nil {
		err = gone.Close()
	}
	if err != nil {
		e.t.Fatal(err)
	}
	e.Store = gone
}
