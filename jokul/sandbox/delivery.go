package sandbox

import (
	"cmp"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"time"

	"warungjokul/jokul"
)

// A Delivery is one notification and every attempt to bring it home.
type Delivery struct {
	ID            int                     `json:"id"`
	RequestID     string                  `json:"request_id"` // of every attempt that has none of its own
	InvoiceNumber string                  `json:"invoice_number"`
	PaymentCode   string                  `json:"payment_code"`
	TransactionID string                  `json:"transaction_id,omitempty"`
	Status        jokul.TransactionStatus `json:"transaction_status"` // of the event; a fault may make the body say otherwise
	URL           string                  `json:"url"`
	CreatedAt     time.Time               `json:"created_at"`
	State         DeliveryState           `json:"state"`
	NextAttemptAt *time.Time              `json:"next_attempt_at"` // on the sandbox's clock; null: none to come
	Attempts      []Attempt               `json:"attempts"`
	Body          json.RawMessage         `json:"body"` // of every attempt that has none of its own
}

// DeliveryState is where a Delivery stands.
type DeliveryState string

// The states.
const (
	DeliveryWaiting   DeliveryState = "waiting"   // an attempt is to come
	DeliveryDelivered DeliveryState = "delivered" // answered with a 2xx
	DeliveryGivenUp   DeliveryState = "given_up"  // the timetable has run out; Resend still works
)

// An Attempt is one request to the Notification URL and how it was answered.
type Attempt struct {
	Kind             string    `json:"kind"` // first, retry or resend
	At               time.Time `json:"at"`   // on the sandbox's clock
	RequestTimestamp string    `json:"request_timestamp"`
	ClientID         string    `json:"client_id"`
	WrongKey         bool      `json:"wrong_key,omitempty"` // signed with another key, by a fault
	HTTPStatus       int       `json:"http_status"`         // 0: no answer
	Error            string    `json:"error,omitempty"`     // why there was none
	DurationMS       int64     `json:"duration_ms"`

	RequestID string          `json:"request_id,omitempty"` // where a fault makes it another than the delivery's
	Body      json.RawMessage `json:"body,omitempty"`       // where a fault makes it another than the delivery's
}

const (
	kindFirst  = "first"
	kindRetry  = "retry"
	kindResend = "resend"
)

// Delivered reports whether the shop took it: any 2xx.
func (a Attempt) Delivered() bool {
	return a.HTTPStatus >= http.StatusOK && a.HTTPStatus < http.StatusMultipleChoices
}

// as is d as one of its attempts sends it.
func (d Delivery) as(a Attempt) Delivery {
	d.RequestID = cmp.Or(a.RequestID, d.RequestID)
	if len(a.Body) > 0 {
		d.Body = a.Body
	}
	return d
}

// ErrUnknownDelivery and ErrBeingSent are why a Resend is refused.
var (
	ErrUnknownDelivery = errors.New("no such delivery")
	ErrBeingSent       = errors.New("the delivery is being sent this moment")
)

// Deliveries returns the deliveries about an invoice number, or all when it is
// empty, oldest first.
func (s *Server) Deliveries(invoiceNumber string) []Delivery {
	s.mu.Lock()
	defer s.mu.Unlock()
	found := []Delivery{}
	for _, d := range s.state.deliveriesInOrder() {
		if invoiceNumber == "" || d.InvoiceNumber == invoiceNumber {
			found = append(found, d)
		}
	}
	return found
}

// queue makes a delivery of every event, unless nobody is to be told. s.mu is held.
func (s *Server) queue(events []event, f Faults) ([]Delivery, error) {
	deliveries := []Delivery{}
	for i, e := range events {
		url := s.notificationURL(e.code)
		if url == "" || f.Notify == NotifyNone {
			continue
		}
		requestID, err := s.newUUID()
		if err != nil {
			return nil, err
		}
		now := s.now()
		due := now
		if f.Notify == NotifyLate {
			due = now.Add(time.Duration(f.LateBy))
		}
		deliveries = append(deliveries, Delivery{
			ID:            s.state.lastDelivery + 1 + i,
			RequestID:     requestID,
			InvoiceNumber: e.code.InvoiceNumber,
			PaymentCode:   e.code.Code,
			TransactionID: e.transactionID,
			Status:        e.status,
			URL:           url,
			CreatedAt:     now,
			State:         DeliveryWaiting,
			NextAttemptAt: &due,
			Attempts:      []Attempt{},
			Body:          e.body(f),
		})
	}
	return deliveries, nil
}

func (s *Server) notificationURL(p paymentCode) string {
	if p.NotificationURL != "" {
		return p.NotificationURL
	}
	return s.cfg.NotificationURL
}

// after returns d with what attempts came to. A 2xx ends it; otherwise the
// timetable goes on, which a manual resend does not touch.
func (d Delivery) after(attempts []Attempt, schedule []Duration) Delivery {
	d.Attempts = append(slices.Clone(d.Attempts), attempts...)
	switch {
	case slices.ContainsFunc(attempts, Attempt.Delivered):
		d.State, d.NextAttemptAt = DeliveryDelivered, nil
	case attempts[0].Kind != kindResend:
		d.State, d.NextAttemptAt = d.next(schedule)
	}
	return d
}

// next reads the timetable: every later attempt counts from the first.
func (d Delivery) next(schedule []Duration) (DeliveryState, *time.Time) {
	retries := 0
	for _, a := range d.Attempts {
		if a.Kind == kindRetry {
			retries++
		}
	}
	first := slices.IndexFunc(d.Attempts, func(a Attempt) bool { return a.Kind == kindFirst })
	if first < 0 || retries >= len(schedule) {
		return DeliveryGivenUp, nil
	}
	due := d.Attempts[first].At.Add(time.Duration(schedule[retries]))
	return DeliveryWaiting, &due
}

// scheduledKind is what the next attempt by timetable is.
func (d Delivery) scheduledKind() string {
	if slices.ContainsFunc(d.Attempts, func(a Attempt) bool { return a.Kind == kindFirst }) {
		return kindRetry
	}
	return kindFirst
}
