package payments

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"warungjokul/jokul"
	"warungjokul/models"
)

// Delivery is a message that came to the Notification URL: the bytes as they came.
type Delivery struct {
	Header     http.Header
	Body       []byte // at most jokul.MaxNotificationSize
	Sender     string // the client's address
	ReceivedAt time.Time
}

// NotGenuineError says why a delivery is not the gateway's, or not for this
// merchant. Answer 401.
type NotGenuineError struct{ Err error }

func (e *NotGenuineError) Error() string { return e.Err.Error() }

func (e *NotGenuineError) Unwrap() error { return e.Err }

// ReceiveNotification takes a delivery: it verifies the signature over the bytes
// as they came, parses them, and saves them in one transaction with what follows
// from them (docs/protocol.md section 7). When it returns nil that is on the disk:
// answer 200, for repeats and mismatches too, because sending them again would
// mend neither. A *NotGenuineError is answered 401 and counted; any other error
// means that nothing was saved: answer 503, and the gateway sends it again.
func (s *Service) ReceiveNotification(ctx context.Context, d Delivery) (models.Notification, error) {
	ctx, cancel := context.WithTimeout(ctx, saveTimeout)
	defer cancel()
	n, err := s.ApplyNotification(ctx, d)
	var rejected *NotGenuineError
	if errors.As(err, &rejected) && !s.isTrial(d) {
		s.rejections.add(err, d)
		s.rejected.Do(func() { // anybody can send these, as many as they like
			s.Log.WarnContext(ctx, "notification rejected", "error", err, "from", d.Sender, "bytes", len(d.Body))
		})
	}
	return n, err
}

// ApplyNotification does the same for a delivery that a person has looked up, to
// apply it once more: a rejection is returned, and not counted.
func (s *Service) ApplyNotification(ctx context.Context, d Delivery) (models.Notification, error) {
	n, err := s.Gateway.ParseNotification(s.NotificationPath, d.Header, d.Body)
	if err != nil && !errors.Is(err, jokul.ErrMalformed) {
		verdict := verdictRejected
		if s.isTrial(d) {
			verdict = verdictTrial
		}
		s.Metrics.notifications.WithLabelValues(verdict).Inc()
		return models.Notification{}, &NotGenuineError{err}
	}
	s.Metrics.signedWith.WithLabelValues(string(n.Key)).Inc()
	defer func(began time.Time) { s.Metrics.notification.Observe(time.Since(began).Seconds()) }(time.Now())
	saved, err := s.Store.ApplyNotification(ctx, models.Notification{
		RequestID: n.RequestID, Header: signedHeaders(d.Header), Body: d.Body, TransactionStatus: string(n.Status), SignedWith: string(n.Key),
	}, event(n, err), d.ReceivedAt)
	if err != nil {
		s.Metrics.notifications.WithLabelValues(verdictNotSaved).Inc()
		return saved, fmt.Errorf("save notification %s: %w", n.RequestID, err)
	}
	s.Metrics.notifications.WithLabelValues(string(saved.Verdict)).Inc()
	s.Metrics.moneyArrived(models.SourceNotification, saved.Effect, n.Date, s.Now())
	s.Log.InfoContext(ctx, "notification", "invoice_number", n.InvoiceNumber, "doku_request_id", n.RequestID,
		"transaction_status", n.Status, "verdict", saved.Verdict, "effect", saved.Effect)
	if saved.Effect != models.EffectNone {
		s.MailDue()
	}
	if saved.OrderToken != "" { // the console shows repeats, too
		s.Changed(ctx, saved.OrderToken)
	}
	return saved, nil
}

// event translates a genuine notification into what the shop has to do.
// unreadable is why it could not be understood, or nil.
func event(n jokul.Notification, unreadable error) models.NotificationEvent {
	switch {
	case unreadable != nil && n.Status == jokul.TransactionSuccess:
		return models.UnreadablePaidEvent(n.InvoiceNumber, unreadable.Error())
	case unreadable != nil:
		return models.UnreadableEvent(n.InvoiceNumber, unreadable.Error())
	case n.Status == jokul.TransactionSuccess:
		return models.PaidEvent(arrival(n.Transaction))
	case n.Status == jokul.TransactionExpired:
		return models.ExpiredEvent(n.InvoiceNumber)
	}
	return models.NotedEvent(n.InvoiceNumber)
}

// arrival translates what the gateway says of a payment into the shop's words.
func arrival(t jokul.Transaction) models.Arrival {
	a := models.Arrival{
		InvoiceNumber: t.InvoiceNumber, Amount: t.Amount, PaymentCode: t.PaymentCode,
		Channel: t.ChannelID, PaidAt: t.Date,
	}
	if len(t.Identifiers) > 0 {
		list, _ := json.Marshal(t.Identifiers) // strings always encode
		a.Identifiers = string(list)
	}
	return a
}

// signedHeaders returns the four headers that the signature covers, as JSON.
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
