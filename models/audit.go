package models

import (
	"context"
	"time"

	"gorm.io/gorm"
)

// What a change is about.
type ChangeKind string

const (
	ChangePayment  ChangeKind = "payment.state"
	ChangeOrder    ChangeKind = "order.status"
	ChangeReceipt  ChangeKind = "receipt"  // money: the amount it became
	ChangeStock    ChangeKind = "stock"    // of the SKU that is its subject
	ChangeCase     ChangeKind = "case"     // of the kind that is its subject
	ChangeCustomer ChangeKind = "customer" // the customer's name, email or phone, which is its subject
	ChangeErased   ChangeKind = "erased"   // the customer's data was erased; it became the reason
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

func causeOf(ctx context.Context) Cause {
	if cause, named := ctx.Value(causeKey{}).(Cause); named {
		return cause
	}
	return Cause{By: CauseShop}
}

// journal gathers what a transaction changes, to be written in one statement at
// its end.
type journal struct {
	cause   Cause
	call    int64 // the turn's last
	changes []Change
}

type journalKey struct{}

func journalOf(tx *gorm.DB) *journal { return tx.Statement.Context.Value(journalKey{}).(*journal) }

// record notes changes in the transaction's journal.
func record(tx *gorm.DB, changes ...Change) {
	j := journalOf(tx)
	j.changes = append(j.changes, changes...)
}

// because names the cause of all that a transaction changes.
func because(tx *gorm.DB, c Cause) { journalOf(tx).cause = c }

// said names a call as the cause, where there was one.
func (j *journal) said(id int64) {
	if j.call = id; id != 0 {
		j.cause = Cause{CauseExchange, id}
	}
}

func (j *journal) write(tx *gorm.DB) error {
	if len(j.changes) == 0 {
		return nil
	}
	now := tx.NowFunc()
	for i := range j.changes {
		j.changes[i].Cause, j.changes[i].At = j.cause, now
	}
	return tx.Create(&j.changes).Error
}

// ChangesOf lists what changed about an order, in order.
func (s *Store) ChangesOf(ctx context.Context, orderID int64) ([]Change, error) {
	return gorm.G[Change](s.read).Where("order_id = ?", orderID).Order("id").Limit(MaxAbout).Find(ctx)
}

// ChangesByNotification lists what a notification has changed, in order.
func (s *Store) ChangesByNotification(ctx context.Context, id int64) ([]Change, error) {
	const by = "cause_by = 'notification' AND cause_id = ?" // as its index says it
	return gorm.G[Change](s.read).Where(by, id).Order("id").Limit(MaxAbout).Find(ctx)
}

// ForgetChanges drops the records that are too old: they go with the exchanges
// and are no part of the books.
func (s *Store) ForgetChanges(ctx context.Context) error {
	return deleteOlder[Change](ctx, s, "at", exchangesKept)
}
