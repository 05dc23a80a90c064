package models

import (
	"context"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

// AttentionKind says why a person must look.
type AttentionKind string

const (
	AttentionWrongAmount    AttentionKind = "wrong_amount"
	AttentionWrongCode      AttentionKind = "wrong_code"
	AttentionWrongChannel   AttentionKind = "wrong_channel"
	AttentionLatePayment    AttentionKind = "late_payment"
	AttentionSecondPayment  AttentionKind = "second_payment"
	AttentionPaidCancelled  AttentionKind = "paid_cancelled"
	AttentionOutOfStock     AttentionKind = "out_of_stock"
	AttentionUnknownInvoice AttentionKind = "unknown_invoice"
	AttentionUnreadable     AttentionKind = "unreadable_notification"
	AttentionRefused        AttentionKind = "refused"   // the gateway will not give a code
	AttentionNoCode         AttentionKind = "no_code"   // and has not said so either
	AttentionUnsettled      AttentionKind = "unsettled" // neither money nor expiry is confirmed
)

// advice is what to do about each kind.
var advice = map[AttentionKind]string{
	AttentionWrongAmount:    "Look the invoice number up in DOKU's Back Office. Return the money, or collect the rest, and settle the order by hand.",
	AttentionWrongCode:      "Look the invoice number up in DOKU's Back Office and ask DOKU whose payment this is before anything is handed over.",
	AttentionWrongChannel:   "Look the invoice number up in DOKU's Back Office and ask DOKU why it was paid another way; the order is not paid until that is clear.",
	AttentionLatePayment:    "The order is paid. Make sure the goods can still be sent, and tell the customer.",
	AttentionSecondPayment:  "The order was paid before. Return this money to the customer; the till's receipt proves the payment.",
	AttentionPaidCancelled:  "The order was cancelled before its money came. Return the money, or place the order anew with the customer.",
	AttentionOutOfStock:     "The order is paid and its goods were sold meanwhile. Restock and send, or offer a replacement or the money back.",
	AttentionUnknownInvoice: "No order has this invoice number. Look it up in DOKU's Back Office: another shop on the same account, or orders made after the backup this database was restored from.",
	AttentionUnreadable:     "Read the body in table notifications and settle what it says by hand; then have the shop taught to read it.",
	AttentionRefused:        "Read DOKU's answer. If it names the Client-Id, the signature or the channel, mend the settings: every order will fail until then.",
	AttentionNoCode:         "DOKU has given no payment code for this order for half an hour. See whether DOKU is reachable and what it answers in table exchanges; the shop goes on trying.",
	AttentionUnsettled:      "The code's deadline passed a day ago and DOKU confirms neither money nor expiry. Ask DOKU about the invoice number; the stock is held until then.",
}

// Attention is a case no program can settle: what happened, and what a person
// is to do. It is raised in the transaction that found it, and once.
type Attention struct {
	ID        int64
	OrderID   *int64 // nil when it belongs to no order
	Order     *Order
	Kind      AttentionKind
	Detail    string // what happened
	Advice    string // what to do
	CreatedAt time.Time
	DoneAt    *time.Time
	Note      string // what was done, by who did it
}

// Attentions lists the cases nobody has done yet, the oldest first.
func (s *Store) Attentions(ctx context.Context, limit int) ([]Attention, error) {
	var list []Attention
	err := with(ctx, s.read).Preload("Order").Where("done_at IS NULL").Order("created_at, id").Limit(limit).Find(&list).Error
	return list, err
}

// DoneAttentions lists the cases that were done, the latest first.
func (s *Store) DoneAttentions(ctx context.Context, limit int) ([]Attention, error) {
	var list []Attention
	err := with(ctx, s.read).Preload("Order").Where("done_at IS NOT NULL").Order("done_at DESC, id DESC").Limit(limit).Find(&list).Error
	return list, err
}

// DoneAttention closes a case with a note of what was done, and takes the flag
// off its order when it was the last one open. done is false when somebody else
// was quicker: their note stands.
func (s *Store) DoneAttention(ctx context.Context, id int64, note string) (done bool, err error) {
	err = s.transact(ctx, func(tx *gorm.DB) error {
		a, err := first[Attention](tx.Where("id = ?", id))
		if err != nil {
			return err
		}
		if a.OrderID != nil { // lock the order where rows have locks: another case may be about to be raised
			if err := tx.Model(&Order{}).Where("id = ?", *a.OrderID).Update("attention", gorm.Expr("attention")).Error; err != nil {
				return err
			}
		}
		res := tx.Model(&Attention{}).Where("id = ? AND done_at IS NULL", id).Updates(map[string]any{"done_at": s.now(), "note": note})
		done = res.RowsAffected == 1
		if res.Error != nil || !done || a.OrderID == nil {
			return res.Error
		}
		return tx.Model(&Order{}).
			Where("id = ? AND NOT EXISTS (SELECT 1 FROM attentions WHERE order_id = ? AND done_at IS NULL)", *a.OrderID, *a.OrderID).
			Update("attention", "").Error
	})
	return done && err == nil, err
}

// OpenAttentions counts the cases nobody has done yet.
func (s *Store) OpenAttentions(ctx context.Context) (n int64, err error) {
	return n, with(ctx, s.read).Model(&Attention{}).Where("done_at IS NULL").Count(&n).Error
}

// Raise keeps a case found outside of any other change.
func (s *Store) Raise(ctx context.Context, a Attention) error {
	return s.transact(ctx, func(tx *gorm.DB) error {
		if a.OrderID != nil {
			if _, err := lockOrder(tx, *a.OrderID); err != nil {
				return err
			}
		}
		return raise(tx, a)
	})
}

// raise keeps a case, unless it is known already, and flags its order.
func raise(tx *gorm.DB, a Attention) error {
	a.Advice, a.Detail = advice[a.Kind], indexed(a.Detail)
	res := tx.Omit("Order").Clauses(clause.OnConflict{DoNothing: true}).Create(&a)
	if res.Error != nil || res.RowsAffected == 0 {
		return res.Error
	}
	change := Change{Kind: ChangeAttention, Subject: string(a.Kind), Became: "open"}
	if a.OrderID == nil {
		record(tx, change)
		return nil
	}
	change.OrderID = *a.OrderID
	record(tx, change)
	return tx.Model(&Order{}).Where("id = ?", *a.OrderID).Update("attention", a.Kind).Error
}
