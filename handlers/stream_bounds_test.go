package handlers

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/labstack/echo/v4"
)

// Each bound ends what it is for, leaves others their streams, and there is room
// again afterwards.
func TestStreamsAreBounded(t *testing.T) {
	var (
		oneClient = func(int) string { return "192.0.2.1" }
		clients   = func(i int) string { return fmt.Sprint("client ", i) }
		nobody    = func(int) string { return "" } // RATE_LIMIT=off
		oneOrder  = func(int) string { return "order" }
		orders    = func(i int) string { return fmt.Sprint("order ", i) }
	)
	for name, tt := range map[string]struct {
		client, token func(int) string
		bound         int
		refused       string
	}{
		"one client, many orders": {oneClient, orders, maxStreamsOfClient, refusedClient},
		"many clients, one order": {clients, oneOrder, maxStreamsOfOrder, refusedOrder},
		"many of both":            {clients, orders, maxStreams, refusedTotal},
		"clients without bounds":  {nobody, orders, maxStreams, refusedTotal},
		"one order without them":  {nobody, oneOrder, maxStreamsOfOrder, refusedOrder},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStreams()
			var ends []func()
			for i := range tt.bound {
				_, end, refused := s.watch(tt.token(i), tt.client(i))
				if refused != "" {
					t.Fatalf("refused after %d: %s", i, refused)
				}
				ends = append(ends, end)
			}
			if _, _, refused := s.watch(tt.token(tt.bound), tt.client(tt.bound)); refused != tt.refused {
				t.Errorf("one more is refused for %q, want %q", refused, tt.refused)
			}
			if _, _, refused := s.watch("another order", "another client"); (refused == "") != (tt.refused != refusedTotal) {
				t.Errorf("another client and order are refused for %q", refused)
			}
			for _, end := range ends {
				end()
			}
			if _, _, refused := s.watch(tt.token(0), tt.client(0)); refused != "" {
				t.Errorf("afterwards refused for %q", refused)
			}
			if len(s.watchers) > 2 || len(s.clients) > 2 {
				t.Errorf("%d orders and %d clients are remembered", len(s.watchers), len(s.clients))
			}
		})
	}
}

// The addresses of one IPv6 subscriber are one client, as for all limits, and
// those of a proxy's clients are told apart. RATE_LIMIT=off lifts the bound.
func TestStreamsOfAClient(t *testing.T) {
	w := newWorld(t)
	w.RateLimit = true
	w.echo.IPExtractor = Proxies{netip.MustParsePrefix("127.0.0.1/32")}.clientAddress()
	path := w.order("MNM-TEH") + "/events"
	for range maxStreamsOfClient {
		w.streams.watch(fmt.Sprint(w.streams.count()), "2001:db8:1:2::/64")
	}
	open := func(from string) int {
		r := httptest.NewRequest(http.MethodGet, path, nil)
		r.RemoteAddr = "127.0.0.1:1"
		r.Header.Set("X-Forwarded-For", from)
		rec := httptest.NewRecorder()
		w.ServeHTTP(rec, r)
		if refused := rec.Code == http.StatusTooManyRequests; refused && rec.Header().Get("Retry-After") == "" {
			t.Error("nobody says when to try again")
		}
		return rec.Code
	}
	if got := open("2001:db8:1:2:aaaa::1"); got != http.StatusTooManyRequests {
		t.Errorf("the same subscriber: HTTP %d, want 429", got)
	}
	if got := open("2001:db8:1:3::1"); got == http.StatusTooManyRequests { // 500: a recorder has no connection to give
		t.Error("the next subscriber is refused, too")
	}
	w.RateLimit = false
	if got := open("2001:db8:1:2:aaaa::1"); got == http.StatusTooManyRequests {
		t.Error("refused though the limits are off")
	}
}

// A refused stream is counted each time, by its reason; of many, few are logged,
// by one line each, and none as an error.
func TestRefusedStreamsAreCountedAndSampled(t *testing.T) {
	w := newWorld(t)
	var lines bytes.Buffer
	w.Log = slog.New(slog.NewTextHandler(&lines, &slog.HandlerOptions{Level: slog.LevelInfo}))
	w.streams.refused.Interval = 0
	order := w.order("MNM-TEH")
	for range maxStreamsOfOrder {
		w.streams.watch(strings.TrimPrefix(order, "/orders/"), "")
	}
	lines.Reset()
	at := w.figures()
	const requests = 40
	for range requests {
		if res := w.visit(order+"/events", nil); res.StatusCode != http.StatusTooManyRequests || res.Header.Get("Content-Type") != "application/json" {
			t.Fatalf("HTTP %d, %s", res.StatusCode, res.Header.Get("Content-Type"))
		}
	}
	w.moved("refused", at, map[string]float64{`shop_streams_refused_total{reason="order"}`: requests, `shop_streams_refused_total{reason="client"}`: 0,
		`shop_streams_refused_total{reason="total"}`: 0, "shop_streams": 0})
	if n := strings.Count(lines.String(), "\n"); n != w.streams.refused.First || strings.Count(lines.String(), `msg="stream refused" reason=order`) != n {
		t.Errorf("%d requests are logged by %d lines:\n%s", requests, n, &lines)
	}
}

// The first look of a stream waits for its turn as later ones do, and no longer
// than its request lasts.
func TestFirstLooksTakeTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := &Handler{streams: newStreams()}
		var looks atomic.Int64
		slow := func(ctx context.Context) (glimpse, error) {
			looks.Add(1)
			<-ctx.Done()
			return glimpse{}, ctx.Err()
		}
		ctx, leave := context.WithCancel(t.Context())
		defer leave()
		const requests = 2 * maxLooking
		ended := make(chan error, requests)
		for i := range requests {
			go func() {
				r := httptest.NewRequestWithContext(ctx, http.MethodGet, "/orders/x/events", nil)
				ended <- h.stream(echo.New().NewContext(r, httptest.NewRecorder()), fmt.Sprint(i), slow)
			}()
		}
		synctest.Wait() // until nobody can go on
		if looks.Load() != maxLooking || h.streams.count() != requests {
			t.Errorf("%d look at once, want %d; %d are counted, want %d", looks.Load(), maxLooking, h.streams.count(), requests)
		}
		leave()
		for range requests {
			if err := <-ended; !errors.Is(err, context.Canceled) {
				t.Errorf("a request that has ended: %v", err)
			}
		}
		if h.streams.count() != 0 {
			t.Errorf("%d streams are left", h.streams.count())
		}
	})
}
