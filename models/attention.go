package models

import (
	"time"

	"gorm.io/gorm"
)

// AttentionKind says why a person must look.
type AttentionKind string

const (
	AttentionWrongAmount    AttentionKind = "wrong_amount"
	AttentionWrongCode      AttentionKind = "wrong_code"
	AttentionWrongChannel   AttentionKind = "wrong_channel"
	AttentionLatePayment    AttentionKind = "late_payment"
	AttentionSecondPayment  AttentionKind = "second_payment"
	AttentionOutOfStock     AttentionKind = "out_of_stock"
	AttentionUnknownInvoice AttentionKind = "unknown_invoice"
	AttentionUnreadable     AttentionKind = "unreadable_notification"
	AttentionRefused        AttentionKind = "refused"
)

// Attention is a case no program can settle: what happened, for a person to act
// on. It is raised in the transaction that found it.
type Attention struct {
	ID        int64
	OrderID   *int64 // nil when it belongs to no order
	Kind      AttentionKind
	Detail    string
	CreatedAt time.Time
	DoneAt    *time.Time
}

// raise keeps a case and flags its order.
func raise(tx *gorm.DB, a Attention) error {
	if err := tx.Create(&a).Error; err != nil || a.OrderID == nil {
		return err
	}
	return tx.Model(&Order{}).Where("id = ?", *a.OrderID).Update("attention", a.Kind).Error
}
