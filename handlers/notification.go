package handlers

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"warungjokul/jokul"
	"warungjokul/models"
)

// keepTimeout is how long keeping anything may take. The gateway waits ten
// seconds for the answer to a notification at most, and a late 200 is none.
const keepTimeout = 5 * time.Second

// receiveNotification keeps what the gateway says happened, does what follows
// from it, and answers only once that is durable. The order of things is
// docs/protocol.md section 7: cap, verify, parse, keep and apply, answer.
//
// 2xx means kept, repeats and mismatches included, because a retry would not
// mend them. 401 means it is not from the gateway. 503 means send it again.
func (h *Handler) receiveNotification(c echo.Context) error {
	received := h.Now()
	ctx, cancel := context.WithTimeout(c.Request().Context(), keepTimeout)
	defer cancel()
	body, err := io.ReadAll(http.MaxBytesReader(c.Response(), c.Request().Body, jokul.MaxNotificationSize))
	if err != nil {
		h.metrics.notifications.WithLabelValues(verdictUnread).Inc()
		return fmt.Errorf("read notification: %w", bodyError(err))
	}
	_, err = h.takeNotification(ctx, c.Request().Header, body, received)
	var rejected notGenuine
	switch {
	case errors.As(err, &rejected):
		h.rejections.add(err, c.Request().Header, body, c.RealIP(), received)
		h.rejected.Do(func() { // anybody can send these, as many as they like
			h.Log.WarnContext(ctx, "notification rejected", "error", err, "from", c.RealIP(), "bytes", len(body))
		})
		return c.NoContent(http.StatusUnauthorized)
	case err != nil:
		return echo.NewHTTPError(http.StatusServiceUnavailable).SetInternal(err)
	}
	return c.NoContent(http.StatusOK)
}

// takeNotification verifies a notification, keeps it, and does what it asks for.
func (h *Handler) takeNotification(ctx context.Context, header http.Header, body []byte, received time.Time) (models.Notification, error) {
	n, err := h.Gateway.ParseNotification(h.NotificationPath, header, body)
	if err != nil && !errors.Is(err, jokul.ErrMalformed) {
		h.metrics.notifications.WithLabelValues(verdictRejected).Inc()
		return models.Notification{}, notGenuine{err}
	}
	h.metrics.signedWith.WithLabelValues(string(n.Key)).Inc()
	defer func(began time.Time) { h.metrics.notification.Observe(time.Since(began).Seconds()) }(time.Now())
	kept, err := h.Store.ApplyNotification(ctx, models.Notification{
		RequestID: n.RequestID, Header: signedHeaders(header), Body: body, TransactionStatus: string(n.Status), SignedWith: string(n.Key),
	}, event(n, err), received)
	if err != nil {
		h.metrics.notifications.WithLabelValues(verdictNotKept).Inc()
		return kept, fmt.Errorf("keep notification %s: %w", n.RequestID, err)
	}
	h.metrics.notifications.WithLabelValues(string(kept.Verdict)).Inc()
	h.metrics.arrived(models.SourceNotification, kept.Effect, n.Date, h.Now())
	h.Log.InfoContext(ctx, "notification", "invoice_number", n.InvoiceNumber, "doku_request_id", n.RequestID,
		"transaction_status", n.Status, "verdict", kept.Verdict, "effect", kept.Effect)
	if kept.Effect != models.EffectNone {
		wakeUp(h.mailWake)
	}
	if kept.OrderToken != "" { // a repeat, too, is something to see
		h.tell(ctx, kept.OrderToken)
	}
	return kept, nil
}

// notGenuine is why a message is not the gateway's, or not for us.
type notGenuine struct{ error }

func (e notGenuine) Unwrap() error { return e.error }

// bodyError is a body that did not come whole: too large, or cut off.
func bodyError(err error) error {
	var tooLarge *http.MaxBytesError
	if errors.As(err, &tooLarge) {
		return err
	}
	return echo.NewHTTPError(http.StatusBadRequest, "body").SetInternal(err)
}

// event translates a genuine notification into what the shop has to do.
func event(n jokul.Notification, unreadable error) models.NotificationEvent {
	switch {
	case unreadable != nil:
		return models.UnreadableEvent(n.InvoiceNumber, unreadable.Error())
	case n.Status == jokul.TransactionSuccess:
		return models.PaidEvent(arrival(n.Transaction))
	case n.Status == jokul.TransactionExpired:
		return models.ExpiredEvent(n.InvoiceNumber)
	}
	return models.NotedEvent(n.InvoiceNumber)
}

// signedHeaders are the four headers the signature stands on, as JSON.
func signedHeaders(header http.Header) string {
	text, _ := json.Marshal(struct { // strings always encode
		ClientID         string `json:"Client-Id"`
		RequestID        string `json:"Request-Id"`
		RequestTimestamp string `json:"Request-Timestamp"`
		Signature        string
	}{
		header.Get(jokul.HeaderClientID), header.Get(jokul.HeaderRequestID),
		header.Get(jokul.HeaderRequestTimestamp), header.Get(jokul.HeaderSignature),
	})
	return string(text)
}
