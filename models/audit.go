package models

import (
	"context"
	"time"

	"gorm.io/gorm"
)

// What a change is about.
type AuditKind string

const (
	AuditPayment  AuditKind = "payment.state"
	AuditOrder    AuditKind = "order.status"
	AuditReceipt  AuditKind = "receipt"  // money: the amount it became
	AuditStock    AuditKind = "stock"    // of the SKU that is its subject
	AuditCase     AuditKind = "case"     // of the kind that is its subject
	AuditCustomer AuditKind = "customer" // the customer's name, email or phone, which is its subject
	AuditErased   AuditKind = "erased"   // the customer's data was erased; it became the reason
)

// ActorKind says who or what changes the books.
type ActorKind string

const (
	ActorShop         ActorKind = "shop" // by itself, when a time has come
	ActorShopper      ActorKind = "shopper"
	ActorStaff        ActorKind = "staff"
	ActorNotification ActorKind = "notification" // the ID is its
	ActorAPICall      ActorKind = "exchange"     // the gateway's answer; the ID is the exchange's
)

// Actor is who or what changes the books.
type Actor struct {
	By ActorKind
	ID int64
}

// AuditEvent is one thing that changed in the books. It is written in the transaction that
// changed it, so that what a page says of it is true.
type AuditEvent struct {
	ID        int64
	OrderID   int64 // 0 when it belongs to none
	PaymentID int64
	Kind      AuditKind
	Subject   string
	Was       string // empty when it is new
	Became    string
	Actor     Actor `gorm:"embedded;embeddedPrefix:cause_"`
	At        time.Time
}

// AuditEventsOf lists what changed about an order, in order.
func (s *Store) AuditEventsOf(ctx context.Context, orderID int64) ([]AuditEvent, error) {
	return gorm.G[AuditEvent](s.read).Where("order_id = ?", orderID).Order("id").Limit(MaxAbout).Find(ctx)
}

// AuditEventsByNotification lists what a notification has changed, in order.
func (s *Store) AuditEventsByNotification(ctx context.Context, id int64) ([]AuditEvent, error) {
	const by = "cause_by = 'notification' AND cause_id = ?" // as its index says it
	return gorm.G[AuditEvent](s.read).Where(by, id).Order("id").Limit(MaxAbout).Find(ctx)
}

// DeleteOldAuditEvents deletes the events that are older than apiCallAge. They are no part of
// the books.
func (s *Store) DeleteOldAuditEvents(ctx context.Context) error {
	return deleteOlder[AuditEvent](ctx, s, "at", apiCallAge)
}

// TableName is the name that the table has had since the first version.
func (AuditEvent) TableName() string { return "changes" }
