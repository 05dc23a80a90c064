package web

import (
	"fmt"
	"testing"
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
		"one client, many orders": {oneClient, orders, MaxStreamsOfClient, refusedClient},
		"many clients, one order": {clients, oneOrder, MaxStreamsOfOrder, refusedOrder},
		"many of both":            {clients, orders, maxStreams, refusedTotal},
		"clients without bounds":  {nobody, orders, maxStreams, refusedTotal},
		"one order without them":  {nobody, oneOrder, MaxStreamsOfOrder, refusedOrder},
	} {
		t.Run(name, func(t *testing.T) {
			s := NewStreams()
			var ends []func()
			for i := range tt.bound {
				_, end, refused := s.Subscribe(tt.token(i), tt.client(i))
				if refused != "" {
					t.Fatalf("refused after %d: %s", i, refused)
				}
				ends = append(ends, end)
			}
			if _, _, refused := s.Subscribe(tt.token(tt.bound), tt.client(tt.bound)); refused != tt.refused {
				t.Errorf("one more is refused for %q, want %q", refused, tt.refused)
			}
			if _, _, refused := s.Subscribe("another order", "another client"); (refused == "") != (tt.refused != refusedTotal) {
				t.Errorf("another client and order are refused for %q", refused)
			}
			for _, end := range ends {
				end()
			}
			if _, _, refused := s.Subscribe(tt.token(0), tt.client(0)); refused != "" {
				t.Errorf("afterwards refused for %q", refused)
			}
			if len(s.subscribers) > 2 || len(s.clients) > 2 {
				t.Errorf("%d orders and %d clients are remembered", len(s.subscribers), len(s.clients))
			}
		})
	}
}
