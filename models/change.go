package models

import (
	"context"
	"time"

	"gorm.io/gorm"
)

// What a change is about.
type ChangeKind string

const (
	ChangePayment   ChangeKind = "payment.state"
	ChangeOrder     ChangeKind = "order.status"
	ChangeReceipt   ChangeKind = "receipt"   // money: the amount it became
	ChangeStock     ChangeKind = "stock"     // of the SKU that is its subject
	ChangeAttention ChangeKind = "attention" // a case of the kind that is its subject
)

// CauseKind says who or what changes the books.
type CauseKind string

const (
	CauseShop         CauseKind = "shop" // by itself, when a time has come
	CauseShopper      CauseKind = "shopper"
	CauseStaff        CauseKind = "staff"
	CauseNotification CauseKind = "notification" // the ID is its
	CauseExchange     CauseKind = "exchange"     // the gateway's answer; the ID is the exchange's
)

// Cause is who or what changes the books.
type Cause struct {
	By CauseKind
	ID int64
}

// Change is one thing that changed in the books: written in the transaction
// that changed it, by what changed it, so that what a page tells of it is true.
type Change struct {
	ID        int64
	OrderID   int64 // 0 when it belongs to none
	PaymentID int64
	Kind      ChangeKind
	Subject   string
	Was       string // empty when it is new
	Became    string
	Cause     Cause `gorm:"embedded;embeddedPrefix:cause_"`
	At        time.Time
}

type causeKey struct{}

// Because names the cause of what is changed with the context it returns. With
// no cause named the shop does it by itself.
func Because(ctx context.Context, c Cause) context.Context {
	return context.WithValue(ctx, causeKey{}, c)
}

// record writes changes down.
func record(tx *gorm.DB, changes ...Change) error {
	if len(changes) == 0 {
		return nil
	}
	cause, named := tx.Statement.Context.Value(causeKey{}).(Cause)
	if !named {
		cause = Cause{By: CauseShop}
	}
	for i := range changes {
		changes[i].Cause, changes[i].At = cause, tx.NowFunc()
	}
	return tx.Create(&changes).Error
}

// ChangesOf lists what changed about an order, in order.
func (s *Store) ChangesOf(ctx context.Context, orderID int64) ([]Change, error) {
	var list []Change
	return list, s.read.WithContext(ctx).Where("order_id = ?", orderID).Order("id").Limit(MaxAbout).Find(&list).Error
}

// ChangesBy lists what a cause with an ID has changed, in order.
func (s *Store) ChangesBy(ctx context.Context, c Cause) ([]Change, error) {
	var list []Change
	return list, s.read.WithContext(ctx).Where("cause_by = ? AND cause_id = ?", c.By, c.ID).Order("id").Limit(MaxAbout).Find(&list).Error
}

// ForgetChanges drops the records that are too old: they go with the exchanges
// and are no part of the books.
func (s *Store) ForgetChanges(ctx context.Context) error {
	return s.write.WithContext(ctx).Where("at < ?", s.now().Add(-exchangesKept)).Delete(&Change{}).Error
}
