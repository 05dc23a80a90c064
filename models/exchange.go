package models

import (
	"context"
	"time"
)

// Exchange is one call to the gateway as it went over the wire. Secrets and
// whole signatures are never in it.
type Exchange struct {
	ID            int64
	Operation     string
	InvoiceNumber string
	RequestID     string
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

// KeepExchange records a call to the gateway.
func (s *Store) KeepExchange(ctx context.Context, x Exchange) error {
	return s.write.WithContext(ctx).Create(&x).Error
}

// ForgetExchanges drops the records that are too old.
func (s *Store) ForgetExchanges(ctx context.Context) error {
	return s.write.WithContext(ctx).Where("started_at < ?", s.now().Add(-exchangesKept)).Delete(&Exchange{}).Error
}

// ExchangesAbout lists the calls about some invoice numbers, in order.
func (s *Store) ExchangesAbout(ctx context.Context, invoiceNumbers []string) ([]Exchange, error) {
	var list []Exchange
	return list, s.read.WithContext(ctx).Where("invoice_number IN ?", invoiceNumbers).Order("started_at, id").Limit(maxAbout).Find(&list).Error
}

// NotificationsAbout lists the notifications about some invoice numbers, in the
// order in which they came.
func (s *Store) NotificationsAbout(ctx context.Context, invoiceNumbers []string) ([]Notification, error) {
	var list []Notification
	return list, s.read.WithContext(ctx).Where("invoice_number IN ?", invoiceNumbers).Order("received_at, id").Limit(maxAbout).Find(&list).Error
}

// maxAbout is more than one order has in a demo.
const maxAbout = 50
