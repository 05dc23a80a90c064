package web

import (
	"net/http"

	"github.com/labstack/echo/v4"
)

// Bounds on the streams that are open at the same time. A page that gets no
// stream asks for the page now and then instead.
const (
	// maxStreams is the bound of the whole shop.
	maxStreams = 5000

	// MaxStreamsOfClient is the bound of one address. A household, an office or the
	// customers of a mobile network may share one; a browser takes two at most.
	MaxStreamsOfClient = 100

	// MaxStreamsOfOrder is the bound of one order: the shopper's devices, those of
	// friends who were sent the link, and staff.
	MaxStreamsOfOrder = 20
)

// Reasons for which a stream is refused, as the metric names them.
const (
	refusedTotal    = "total"
	refusedClient   = "client"
	refusedOrder    = "order"
	refusedStopping = "stopping" // the shop is being stopped
)

// full names the bound that one more stream would pass, or is empty.
func (s *Streams) full(token, client string) string {
	switch {
	case s.closed:
		return refusedStopping
	case s.clients[client] >= MaxStreamsOfClient:
		return refusedClient
	case len(s.subscribers[token]) >= MaxStreamsOfOrder:
		return refusedOrder
	case s.open >= maxStreams:
		return refusedTotal
	}
	return ""
}

// refuseStream answers a request for a stream that there is no room for. Anybody
// can cause as many as they like, so each is counted, and a sample is logged. The
// status is 429, which is no error of the shop, except while it is being stopped.
func (h *App) refuseStream(c echo.Context, reason string) error {
	h.Metrics.streamsRefused.WithLabelValues(reason).Inc()
	h.Streams.Refused.Do(func() {
		h.Log.WarnContext(c.Request().Context(), "stream refused", "reason", reason)
	})
	status := http.StatusTooManyRequests
	if reason == refusedStopping {
		status = http.StatusServiceUnavailable
	}
	c.Response().Header().Set("Retry-After", "30") // seconds
	return c.JSON(status, map[string]string{"error": "too many streams"})
}
