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

	"warungjokul/handlers/web"
)

// The addresses of one IPv6 subscriber are one client, as for all limits, and
// those of a proxy's clients are told apart. RATE_LIMIT=off lifts the bound.
func TestStreamsOfAClient(t *testing.T) {
	w := newEnv(t)
	w.RateLimit = true
	w.echo.IPExtractor = web.Proxies{netip.MustParsePrefix("127.0.0.1/32")}.ClientAddress()
	path := w.order("MNM-TEH") + "/events"
	for range web.MaxStreamsOfClient {
		w.Streams.Subscribe(fmt.Sprint(w.Streams.Count()), "2001:db8:1:2::/64")
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
	w := newEnv(t)
	var lines bytes.Buffer
	w.Log = slog.New(slog.NewTextHandler(&lines, &slog.HandlerOptions{Level: slog.LevelInfo}))
	w.Streams.Refused.Interval = 0
	order := w.order("MNM-TEH")
	for range web.MaxStreamsOfOrder {
		w.Streams.Subscribe(strings.TrimPrefix(order, "/orders/"), "")
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
	if n := strings.Count(lines.String(), "\n"); n != w.Streams.Refused.First || strings.Count(lines.String(), `msg="stream refused" reason=order`) != n {
		t.Errorf("%d requests are logged by %d lines:\n%s", requests, n, &lines)
	}
}

// The first look of a stream waits for its turn as later ones do, and no longer
// than its request lasts.
func TestFirstLooksTakeTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := &web.App{Streams: web.NewStreams()}
		var looks atomic.Int64
		slow := func(ctx context.Context) (web.Snapshot, error) {
			looks.Add(1)
			<-ctx.Done()
			return web.Snapshot{}, ctx.Err()
		}
		ctx, leave := context.WithCancel(t.Context())
		defer leave()
		const requests = 2 * web.MaxFetching
		ended := make(chan error, requests)
		for i := range requests {
			go func() {
				r := httptest.NewRequestWithContext(ctx, http.MethodGet, "/orders/x/events", nil)
				ended <- h.Stream(echo.New().NewContext(r, httptest.NewRecorder()), fmt.Sprint(i), slow)
			}()
		}
		synctest.Wait() // until nobody can go on
		if looks.Load() != web.MaxFetching || h.Streams.Count() != requests {
			t.Errorf("%d look at once, want %d; %d are counted, want %d", looks.Load(), web.MaxFetching, h.Streams.Count(), requests)
		}
		leave()
		for range requests {
			if err := <-ended; !errors.Is(err, context.Canceled) {
				t.Errorf("a request that has ended: %v", err)
			}
		}
		if h.Streams.Count() != 0 {
			t.Errorf("%d streams are left", h.Streams.Count())
		}
	})
}
