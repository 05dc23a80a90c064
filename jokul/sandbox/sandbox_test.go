package sandbox_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"warungjokul/jokul"
	"warungjokul/jokul/sandbox"
)

const (
	clientID  = "MCH-0001-10791114622547"
	secretKey = "SK-only-for-tests"

	createPath = "/indomaret-online-to-offline/v2/payment-code"
	statusPath = "/orders/v1/status/"

	notificationPath = "/payments/notifications"
)

// start is a moment with a fraction of a second, as real clocks have.
var start = time.Date(2026, 11, 24, 3, 30, 15, 400_000_000, time.UTC)

// A clock that only a test moves.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// A merchant is a shop on a real socket: it verifies every notification with
// the same code a shop would use, and answers what the test wants.
type merchant struct {
	*httptest.Server
	mu       sync.Mutex
	statuses []int // answers to come; 200 when they run out
	arrived  chan arrival
}

// An arrival is one notification as the merchant received it.
type arrival struct {
	header http.Header
	body   []byte
	err    error // what jokul.Verify said
}

func newMerchant(t *testing.T) *merchant {
	t.Helper()
	m := &merchant{arrived: make(chan arrival, 100)}
	m.Server = httptest.NewServer(m)
	t.Cleanup(m.Close)
	return m
}

func (m *merchant) notificationURL() string { return m.URL + notificationPath }

func (m *merchant) answer(statuses ...int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.statuses = statuses
}

func (m *merchant) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	err := jokul.Verify(secretKey, jokul.Component{
		ClientID:  clientID,
		RequestID: r.Header.Get(jokul.HeaderRequestID),
		Timestamp: r.Header.Get(jokul.HeaderRequestTimestamp),
		Target:    r.URL.EscapedPath(),
		Digest:    jokul.Digest(body),
	}, r.Header.Get(jokul.HeaderSignature))
	m.mu.Lock()
	status := http.StatusOK
	if len(m.statuses) > 0 {
		status, m.statuses = m.statuses[0], m.statuses[1:]
	}
	m.mu.Unlock()
	m.arrived <- arrival{r.Header, body, err}
	if status >= 300 && status < 400 {
		w.Header().Set("Location", m.URL+"/elsewhere")
	}
	w.WriteHeader(status)
}

// next waits for the next notification.
func (m *merchant) next(t *testing.T) arrival {
	t.Helper()
	select {
	case a := <-m.arrived:
		return a
	case <-time.After(time.Minute):
		t.Fatal("no notification arrived")
		return arrival{}
	}
}

// none checks that nothing else has arrived.
func (m *merchant) none(t *testing.T) {
	t.Helper()
	select {
	case a := <-m.arrived:
		t.Errorf("an unexpected notification arrived: %s", a.body)
	default:
	}
}

// A gateway is a sandbox on a real socket and a merchant that calls it.
type gateway struct {
	*sandbox.Server
	http  *httptest.Server
	clock *clock
	shop  *merchant
}

// open starts a sandbox. change adjusts its configuration before that.
func open(t *testing.T, change ...func(*sandbox.Config)) *gateway {
	t.Helper()
	g := &gateway{clock: &clock{now: start}, shop: newMerchant(t)}
	cfg := sandbox.Config{
		ClientID:        clientID,
		SecretKey:       secretKey,
		NotificationURL: g.shop.notificationURL(),
		MerchantName:    "Warung Jokul",
		Now:             g.clock.Now,
	}
	for _, c := range change {
		c(&cfg)
	}
	var err error
	if g.Server, err = sandbox.Open(cfg); err != nil {
		t.Fatal(err)
	}
	g.http = httptest.NewServer(g.Server)
	t.Cleanup(func() {
		g.http.Close()
		g.Server.Close()
	})
	return g
}

// run starts Run and stops it when the test ends.
func (g *gateway) run(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- g.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
}

func (g *gateway) faults(t *testing.T, change func(*sandbox.Faults)) {
	t.Helper()
	f := sandbox.DefaultFaults()
	change(&f)
	if err := g.SetFaults(f); err != nil {
		t.Fatal(err)
	}
}

// A message is a call to make, or an answer received.
type message struct {
	status int
	header http.Header
	body   string
}

// signed returns the request a well-behaved merchant makes.
func (g *gateway) signed(t *testing.T, method, path, requestID, body string) *http.Request {
	t.Helper()
	req, err := http.NewRequest(method, g.http.URL+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	c := jokul.Component{
		ClientID:  clientID,
		RequestID: requestID,
		Timestamp: g.clock.Now().UTC().Format(jokul.TimestampLayout),
		Target:    req.URL.EscapedPath(),
	}
	if method != http.MethodGet {
		c.Digest = jokul.Digest([]byte(body))
	}
	req.Header.Set(jokul.HeaderClientID, c.ClientID)
	req.Header.Set(jokul.HeaderRequestID, c.RequestID)
	req.Header.Set(jokul.HeaderRequestTimestamp, c.Timestamp)
	req.Header.Set(jokul.HeaderSignature, jokul.Sign(secretKey, c))
	return req
}

func do(t *testing.T, req *http.Request) message {
	t.Helper()
	m, err := try(req)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func try(req *http.Request) (message, error) {
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	res, err := client.Do(req)
	if err != nil {
		return message{}, err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	return message{res.StatusCode, res.Header, string(body)}, err
}

func (g *gateway) create(t *testing.T, requestID, body string) message {
	t.Helper()
	return do(t, g.signed(t, http.MethodPost, createPath, requestID, body))
}

func (g *gateway) status(t *testing.T, id string) message {
	t.Helper()
	return do(t, g.signed(t, http.MethodGet, statusPath+id, "status-"+id, ""))
}

// issue creates a code for an invoice number and returns it.
func (g *gateway) issue(t *testing.T, invoiceNumber string) string {
	t.Helper()
	return paymentCode(t, g.create(t, "request-"+invoiceNumber, orderFor(invoiceNumber)))
}

func paymentCode(t *testing.T, m message) string {
	t.Helper()
	var answer struct {
		Info struct {
			PaymentCode string `json:"payment_code"`
		} `json:"online_to_offline_info"`
	}
	if err := json.Unmarshal([]byte(m.body), &answer); err != nil || answer.Info.PaymentCode == "" {
		t.Fatalf("no payment code in HTTP %d %s", m.status, m.body)
	}
	return answer.Info.PaymentCode
}

// orderFor is the guide's sample order under another invoice number.
func orderFor(invoiceNumber string) string {
	return `{"order":{"invoice_number":"` + invoiceNumber + `","amount":150000},` +
		`"online_to_offline_info":{"expired_time":60,"reusable_status":false,"info":"Thanks for shopping"},` +
		`"customer":{"name":"Taufik Ismail","email":"taufik@doku.com"},` +
		`"indomaret_info":{"receipt":{"description":"Voucher 10000","footer_message":"Call 13555 for customer support"}}}`
}

// responseComponent is what the signature of an answer must cover.
func responseComponent(m message, target string) jokul.Component {
	return jokul.Component{
		ClientID:  m.header.Get(jokul.HeaderClientID),
		RequestID: m.header.Get(jokul.HeaderRequestID),
		Timestamp: m.header.Get(jokul.HeaderResponseTimestamp),
		Target:    target,
		Digest:    jokul.Digest([]byte(m.body)),
		Response:  true,
	}
}

func verify(t *testing.T, m message, target string) {
	t.Helper()
	if err := jokul.Verify(secretKey, responseComponent(m, target), m.header.Get(jokul.HeaderSignature)); err != nil {
		t.Errorf("signature of HTTP %d %s: %v", m.status, m.body, err)
	}
}

// at reads a value of a JSON text by dotted path, as its JSON text.
func at(t *testing.T, text, path string) string {
	t.Helper()
	value := json.RawMessage(text)
	for name := range strings.SplitSeq(path, ".") {
		members := map[string]json.RawMessage{}
		if err := json.Unmarshal(value, &members); err != nil {
			t.Fatalf("%s in %s: %v", path, text, err)
		}
		value = members[name]
	}
	return strings.Trim(string(value), `"`)
}

func want(t *testing.T, what string, got, want any) {
	t.Helper()
	if got != want {
		t.Errorf("%s: got %v, want %v", what, got, want)
	}
}

func TestAPaidOrder(t *testing.T) {
	g := open(t)
	m := g.create(t, "request-1", orderFor("INV-1"))
	want(t, "status", m.status, http.StatusOK)
	verify(t, m, createPath)
	want(t, "invoice number", at(t, m.body, "order.invoice_number"), "INV-1")
	for name, value := range map[string]string{
		"created_date": "20261124103015", "created_date_utc": "2026-11-24T03:30:15Z",
		"expired_date": "20261124113015", "expired_date_utc": "2026-11-24T04:30:15Z",
	} {
		want(t, name, at(t, m.body, "online_to_offline_info."+name), value)
	}
	code := paymentCode(t, m)
	if len(code) != 16 || !strings.HasPrefix(code, "88888888") {
		t.Errorf("payment code %s: want 16 digits that start with 88888888", code)
	}
	want(t, "status before", at(t, g.status(t, "INV-1").body, "transaction.status"), "PENDING")

	result, err := g.Pay(context.Background(), code)
	if err != nil {
		t.Fatal(err)
	}
	want(t, "merchant's answer", result.Delivery.Attempts[0].HTTPStatus, http.StatusOK)
	n := g.shop.next(t)
	if n.err != nil {
		t.Errorf("notification: %v", n.err)
	}
	const body = `{"service":{"id":"ONLINE_TO_OFFLINE"},"acquirer":{"id":"INDOMARET"},"channel":{"id":"ONLINE_TO_OFFLINE_INDOMARET"},` +
		`"transaction":{"status":"SUCCESS","date":"2026-11-24T03:30:15Z","original_request_id":"request-1"},` +
		`"order":{"invoice_number":"INV-1","amount":150000},"online_to_offline_info":{"payment_code":"CODE"},` +
		`"online_to_offline_payment":{"identifier":[{"name":"AGENT_ID","value":"INDOMARET"},` +
		`{"name":"AGENT_STORE_ID","value":"SANDBOX-TILL-1"},{"name":"AGENT_TRX_ID","value":"TRANSACTION"}]}}`
	want(t, "notification", string(n.body), strings.NewReplacer("CODE", code, "TRANSACTION", theOnePayment(t, g)).Replace(body))

	for _, id := range []string{"INV-1", "request-1"} {
		m := g.status(t, id)
		verify(t, m, statusPath+id)
		want(t, "status after", at(t, m.body, "transaction.status"), "SUCCESS")
		want(t, "payment code", at(t, m.body, "online_to_offline_info.payment_code"), code)
	}
}

func TestOpenRefuses(t *testing.T) {
	good := sandbox.Config{ClientID: clientID, SecretKey: secretKey}
	for name, change := range map[string]func(*sandbox.Config){
		"ClientID":        func(c *sandbox.Config) { c.ClientID = "" },
		"NotificationURL": func(c *sandbox.Config) { c.NotificationURL = "/payments/notifications" },
		"FramedBy":        func(c *sandbox.Config) { c.FramedBy = []string{"http://shop.example; script-src *"} },
		"PublicURL":       func(c *sandbox.Config) { c.PublicURL = "localhost:8081" },
		"state file":      func(c *sandbox.Config) { c.StateFile = filepath.Join(t.TempDir(), "no", "such", "folder") },
	} {
		cfg := good
		change(&cfg)
		if _, err := sandbox.Open(cfg); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: got error %v, want one that names it", name, err)
		}
	}
}

func TestUnroutedAddresses(t *testing.T) {
	g := open(t)
	for _, method := range []string{http.MethodGet, http.MethodPut, http.MethodPatch, http.MethodDelete} {
		want(t, method, do(t, g.signed(t, method, createPath, "r", "")).status, http.StatusMethodNotAllowed)
	}
	m := do(t, g.signed(t, http.MethodGet, "/doku-virtual-account/v2/payment-code", "r", ""))
	want(t, "status", m.status, http.StatusNotFound)
	want(t, "body", m.body, `{"message":"No static resource doku-virtual-account/v2/payment-code."}`)
	m = do(t, g.signed(t, http.MethodGet, "/", "r", ""))
	want(t, "root leads to", m.header.Get("Location"), "/simulator")
}
