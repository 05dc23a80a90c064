package models

import (
	"context"
	"slices"
	"time"

	"gorm.io/gorm"
)

// Exchange is one call to the gateway as it went over the wire. Secrets and
// whole signatures are never in it.
type Exchange struct {
	ID            int64
	Operation     string
	InvoiceNumber string
	RequestID     string // the gateway's name for it
	CausedBy      string // the request to the shop, or the worker's turn, on whose behalf it was made
	Method        string
	URL           string

	RequestHeader string // JSON
	RequestBody   []byte
	StringToSign  string

	Status               int
	ResponseHeader       string // JSON
	ResponseBody         []byte
	ResponseStringToSign string
	Verified             bool
	Problem              string

	StartedAt time.Time
	Duration  time.Duration
}

// exchangesKept is how long exchanges can be looked up. They hold the customer's
// name and address, so not for ever.
const exchangesKept = 30 * 24 * time.Hour

// KeepExchange records a call to the gateway and returns the record's ID.
func (s *Store) KeepExchange(ctx context.Context, x Exchange) (int64, error) {
	err := s.database.once(ctx, s.write, func(tx *gorm.DB) error {
		_, err := add(tx, exchanges, &x, "")
		return err
	})
	return x.ID, err
}

var exchanges = newTable("exchanges", "id", "operation", "invoice_number", "request_id", "caused_by", "method", "url", "request_header",
	"request_body", "string_to_sign", "status", "response_header", "response_body", "response_string_to_sign", "verified", "problem",
	"started_at", "duration")

func (x *Exchange) fields() []any {
	return []any{&x.ID, &x.Operation, &x.InvoiceNumber, &x.RequestID, &x.CausedBy, &x.Method, &x.URL, &x.RequestHeader,
		&x.RequestBody, &x.StringToSign, &x.Status, &x.ResponseHeader, &x.ResponseBody, &x.ResponseStringToSign, &x.Verified, &x.Problem,
		&x.StartedAt, &x.Duration}
}

// ForgetExchanges drops the records that are too old.
func (s *Store) ForgetExchanges(ctx context.Context) error {
	_, err := s.once(ctx, "DELETE FROM exchanges WHERE started_at < $1", s.now().Add(-exchangesKept))
	return err
}

// ExchangesOf lists the calls made for an order, in order: about its invoice
// numbers, about its Request-Ids, and for its instructions.
func (s *Store) ExchangesOf(ctx context.Context, o Order) ([]Exchange, error) {
	var names, addresses []string
	for _, p := range o.Payments {
		names = append(names, p.InvoiceNumber, p.RequestID)
		if p.HowToPayAPI != "" {
			addresses = append(addresses, p.HowToPayAPI)
		}
	}
	var list []Exchange
	err := s.read.WithContext(ctx).Where("invoice_number IN ? OR (invoice_number = '' AND url IN ?)", names, addresses).
		Order("started_at DESC, id DESC").Limit(MaxAbout).Find(&list).Error
	slices.Reverse(list)
	return list, err
}

// LastSigned returns the latest call whose answer was signed, or was a refusal
// with that word in it; or ErrNotFound.
func (s *Store) LastSigned(ctx context.Context, refusal string) (Exchange, error) {
	return first[Exchange](s.read.WithContext(ctx).
		Where(`response_header LIKE '%"Signature"%' OR problem LIKE ? ESCAPE '\'`, "%"+escapeLike.Replace(refusal)+"%").
		Order("started_at DESC, id DESC"))
}

// ExchangesCausedBy lists the calls made on behalf of one request to the shop, or
// one turn of its worker, in order: its id is in the log.
func (s *Store) ExchangesCausedBy(ctx context.Context, id string) ([]Exchange, error) {
	var list []Exchange
	return list, s.read.WithContext(ctx).Where("caused_by = ? AND caused_by <> ''", id).Order("started_at, id").Limit(MaxAbout).Find(&list).Error
}

// NotificationsAbout lists the notifications about some invoice numbers, in the
// order in which they came.
func (s *Store) NotificationsAbout(ctx context.Context, invoiceNumbers []string) ([]Notification, error) {
	var list []Notification
	return list, s.read.WithContext(ctx).Where("invoice_number IN ?", invoiceNumbers).Order("received_at, id").Limit(MaxAbout).Find(&list).Error
}

// MaxAbout bounds what a page about one order shows of each thing.
const MaxAbout = 200
