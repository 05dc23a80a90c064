// Package testgateway runs a sandbox gateway for tests: on a real socket, with a
// clock that the test moves, and a count of the calls it received.
package testgateway

import (
	"context"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"warungjokul/jokul"
	"warungjokul/jokul/sandbox"
)

// Credentials of the one merchant that a Gateway knows.
const (
	ClientID  = "MCH-0000-00000000000001"
	SecretKey = "SK-contoh-bukan-rahasia-0001"
)

// CreatePath is where payment codes are requested.
const CreatePath = "/indomaret-online-to-offline/v2/payment-code"

// Clock is the time of the shop and the gateway. A test moves it.
type Clock struct {
	mu  sync.Mutex
	now time.Time
}

// NewClock returns a clock that stands at ten in the morning, Jakarta time.
func NewClock() *Clock { return &Clock{now: time.Date(2026, 11, 24, 3, 0, 0, 0, time.UTC)} }

// Now returns the clock's time.
func (c *Clock) Now() time.Time { c.mu.Lock(); defer c.mu.Unlock(); return c.now }

// Advance moves the clock.
func (c *Clock) Advance(d time.Duration) { c.mu.Lock(); defer c.mu.Unlock(); c.now = c.now.Add(d) }

// Gateway is a sandbox with its address.
type Gateway struct {
	*sandbox.Server
	URL string

	t     testing.TB
	clock *Clock
	mu    sync.Mutex
	calls map[string]int // by path and by Request-Id
}

// Open starts a gateway that sends notifications to notificationURL. The test's
// end stops it.
func Open(t testing.TB, clock *Clock, notificationURL string) *Gateway {
	t.Helper()
	server, err := sandbox.Open(sandbox.Config{ClientID: ClientID, SecretKey: SecretKey, Now: clock.Now, NotificationURL: notificationURL})
	if err != nil {
		t.Fatal(err)
	}
	g := &Gateway{Server: server, t: t, clock: clock, calls: map[string]int{}}
	listener := httptest.NewServer(g.Counted(server))
	t.Cleanup(listener.Close)
	g.URL = listener.URL
	return g
}

// Counted returns a handler that counts requests before next answers them.
func (g *Gateway) Counted(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		g.mu.Lock()
		g.calls[r.URL.Path]++
		g.calls[r.Header.Get(jokul.HeaderRequestID)]++
		g.mu.Unlock()
		next.ServeHTTP(w, r)
	})
}

// Calls returns how often a path was called, or a Request-Id sent.
func (g *Gateway) Calls(key string) int { g.mu.Lock(); defer g.mu.Unlock(); return g.calls[key] }

// StatusQueries returns how often the status of an invoice number, or of a
// Request-Id, was asked for.
func (g *Gateway) StatusQueries(id string) int { return g.Calls("/orders/v1/status/" + id) }

// SetFault replaces the faults by the default ones with a change.
func (g *Gateway) SetFault(change func(*sandbox.Faults)) {
	g.t.Helper()
	f := sandbox.DefaultFaults()
	change(&f)
	if err := g.SetFaults(f); err != nil {
		g.t.Fatal(err)
	}
}

// Do performs an action on a payment code.
func (g *Gateway) Do(code string, action sandbox.Action) {
	g.t.Helper()
	if _, err := g.Act(context.Background(), code, action); err != nil {
		g.t.Fatal(err)
	}
}

// Take issues a code to another user of the merchant's account, by the gateway's clock.
func (g *Gateway) Take(request jokul.PaymentCodeRequest) {
	g.t.Helper()
	client, err := jokul.New(ClientID, SecretKey, jokul.WithBaseURL(g.URL), jokul.WithClock(g.clock.Now))
	if err != nil {
		g.t.Fatal(err)
	}
	prepared, err := client.Prepare(request)
	if err == nil {
		_, err = client.GeneratePaymentCode(context.Background(), prepared)
	}
	if err != nil {
		g.t.Fatal(err)
	}
}
