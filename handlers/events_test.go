package handlers

import (
	"bufio"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"warungjokul/jokul/sandbox"
	"warungjokul/models/testdb"
)

// A stream says how the order is, and at each change; it ends with the shop, and
// after that none begins.
func TestStream(t *testing.T) {
	w := newEnv(t)
	w.Streams.Beat = time.Hour // it hears what it is told, and does not look by itself
	shop := httptest.NewServer(w.Handler)
	t.Cleanup(shop.Close)
	order := w.order("MNM-TEH")
	open := func() *http.Response {
		res, err := http.Get(shop.URL + order + "/events")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { res.Body.Close() })
		return res
	}
	res := open()
	if res.StatusCode != http.StatusOK || res.Header.Get("Content-Type") != "text/event-stream" || res.Header.Get("Content-Security-Policy") == "" ||
		res.Header.Get("X-Request-Id") == "" || w.Streams.Count() != 1 {
		t.Fatalf("HTTP %d, %v, %d streams", res.StatusCode, res.Header, w.Streams.Count())
	}
	lines := bufio.NewReader(res.Body)
	next := func() string {
		for {
			line, err := lines.ReadString('\n')
			if err != nil {
				t.Fatal(err)
			}
			if data, ok := strings.CutPrefix(line, "data: "); ok {
				return data
			}
		}
	}
	if event := next(); !strings.Contains(event, `"awaiting_payment"`) {
		t.Errorf("at first: %s", event)
	}
	second := open()
	w.gateway.SetFault(func(f *sandbox.Faults) { f.Notify = sandbox.NotifyNone })
	w.gateway.Do(*w.status(order).PaymentCode, sandbox.ActionPay)
	w.post(order+"/check", nil, nil)
	w.Streams.Publish(strings.TrimPrefix(order, "/orders/")) // as the database does, were the worker running
	if event := next(); !strings.Contains(event, `"order_status":"paid"`) {
		t.Errorf("when it was paid: %s", event)
	}
	w.Close()
	if _, err := io.Copy(io.Discard, second.Body); err != nil {
		t.Error(err)
	}
	if res := open(); res.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("after the end: HTTP %d", res.StatusCode)
	}
}

// Whichever shop is told of a payment, every open page of the order hears of it.
func TestStreamsHearWhateverShopIsTold(t *testing.T) {
	w := newEnv(t)
	shops := []*Handler{w.Handler}
	if testdb.Server() != "" { // several shops on one database
		shops = append(shops, w.anotherShop(w.gateway.URL))
	}
	order := w.order("MNM-TEH")
	ctx, cancel := context.WithCancel(context.Background())
	var watching sync.WaitGroup
	defer watching.Wait()
	defer cancel()
	var streams []*bufio.Scanner
	for _, h := range shops {
		h.Streams.Beat = time.Hour
		server := httptest.NewServer(h)
		t.Cleanup(server.Close)
		res, err := http.Get(server.URL + order + "/events")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { res.Body.Close() })
		lines := bufio.NewScanner(res.Body)
		streams = append(streams, lines)
		watching.Go(func() { h.Store.Subscribe(ctx, h.Streams.Publish) })
		w.tellUntilHeard(strings.TrimPrefix(order, "/orders/"), lines)
	}
	w.gateway.Do(*w.status(order).PaymentCode, sandbox.ActionPay)
	for i, lines := range streams {
		last := ""
		for lines.Scan() {
			if data, ok := strings.CutPrefix(lines.Text(), "data: "); ok {
				last = data
			}
		}
		if !strings.Contains(last, `"order_status":"paid"`) {
			t.Errorf("shop %d told its stream last: %s", i+1, last)
		}
	}
}

// tellUntilHeard tells of an order until a stream of it has looked, because its
// shop has begun to watch.
func (w *env) tellUntilHeard(token string, lines *bufio.Scanner) {
	received := make(chan struct{})
	var telling sync.WaitGroup
	telling.Go(func() {
		for {
			if err := w.Store.Publish(context.Background(), token); err != nil {
				w.t.Error(err)
			}
			select {
			case <-received:
				return
			case <-time.After(10 * time.Millisecond):
			}
		}
	})
	for lines.Scan() && lines.Text() != ": still here" {
	}
	close(received)
	telling.Wait()
}
