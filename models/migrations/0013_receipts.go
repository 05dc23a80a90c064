package migrations

import (
	"time"

	"gorm.io/gorm"
)

// receiptsHaveAStatus: money that is not applied is money, too, with or without an order of
// ours, and the till's transaction id tells receipts apart. Of the receipts there are, those
// that tell of one till transaction are one, and those beyond what an order takes were
// never applied.
func (r Rules) receiptsHaveAStatus(tx *gorm.DB) error {
	if err := widenReceipts(tx); err != nil {
		return err
	}
	if err := inOrder(tx,
		"ALTER TABLE notifications ADD COLUMN receipt_id bigint",
		"UPDATE receipts SET invoice_number = (SELECT invoice_number FROM payments WHERE payments.id = payment_id)",
		"UPDATE receipts SET notified = true WHERE source = 'notification'",
	); err != nil {
		return err
	}
	if err := r.fillTillTransactions(tx); err != nil {
		return err
	}
	const order = "(SELECT order_id FROM payments WHERE payments.id = receipts.payment_id)"
	asked := func(kind string) string {
		return "EXISTS (SELECT 1 FROM attentions a WHERE a.order_id = " + order + " AND a.kind = '" + kind + "' AND a.done_at IS NULL)"
	}
	return inOrder(tx,
		"UPDATE receipts SET status = 'duplicate' WHERE till_transaction <> '' AND EXISTS (SELECT 1 FROM receipts e"+
			" WHERE e.payment_id = receipts.payment_id AND e.till_transaction = receipts.till_transaction AND e.id < receipts.id)",
		"UPDATE receipts SET status = CASE WHEN "+asked("paid_cancelled")+" THEN 'held' ELSE 'kept' END"+
			" WHERE status = 'applied' AND (SELECT status FROM orders WHERE orders.id = "+order+") = 'cancelled'",
		"UPDATE receipts SET status = CASE WHEN "+asked("second_payment")+" THEN 'held' ELSE 'kept' END"+
			" WHERE status = 'applied' AND NOT (SELECT reusable FROM payments WHERE payments.id = receipts.payment_id)"+
			" AND EXISTS (SELECT 1 FROM receipts e JOIN payments ep ON ep.id = e.payment_id"+
			" WHERE ep.order_id = "+order+" AND e.status = 'applied' AND e.id < receipts.id)",
		"CREATE INDEX receipts_of_payment ON receipts (payment_id)",
		"CREATE INDEX receipts_paid ON receipts (paid_at, status, amount)",
		"CREATE INDEX receipts_refunded ON receipts (refunded_on, refunded) WHERE refunded > 0",
		"CREATE INDEX receipts_held ON receipts (payment_id) WHERE status = 'held'",
		"CREATE UNIQUE INDEX receipts_unknown ON receipts (invoice_number, till_transaction) WHERE payment_id IS NULL AND till_transaction <> ''",
		"CREATE INDEX receipts_of_none ON receipts (invoice_number) WHERE payment_id IS NULL",
	)
}

// widenReceipts lets receipts be without a payment. SQLite cannot change a column: there
// the table is made anew.
func widenReceipts(tx *gorm.DB) error {
	columns := []string{"invoice_number text NOT NULL DEFAULT ''", "notified boolean NOT NULL DEFAULT false", "status text NOT NULL DEFAULT 'applied'",
		"till_transaction text NOT NULL DEFAULT ''", "payment_code text NOT NULL DEFAULT ''", "channel text NOT NULL DEFAULT ''",
		"refunded bigint NOT NULL DEFAULT 0", "refunded_on timestamptz", "refund_method text NOT NULL DEFAULT ''"}
	statements := []string{"DROP INDEX receipts_once", "DROP INDEX receipts_paid"}
	if tx.Name() == "postgres" {
		statements = append(statements, "ALTER TABLE receipts ALTER COLUMN payment_id DROP NOT NULL")
		for _, c := range columns {
			statements = append(statements, "ALTER TABLE receipts ADD COLUMN "+c)
		}
		return inOrder(tx, statements...)
	}
	type payment struct {
		ID int64 `gorm:"primaryKey"`
	}
	type receipt struct {
		ID              int64     `gorm:"primaryKey"`
		PaymentID       *int64    `gorm:""`
		Payment         *payment  `gorm:"constraint:OnDelete:RESTRICT"`
		Amount          int64     `gorm:"not null"`
		PaidAt          time.Time `gorm:"not null"`
		Source          string    `gorm:"not null"`
		Identifiers     string    `gorm:"not null"`
		CreatedAt       time.Time `gorm:"not null"`
		InvoiceNumber   string    `gorm:"not null;default:''"`
		Notified        bool      `gorm:"not null;default:false"`
		Status          string    `gorm:"not null;default:'applied'"`
		TillTransaction string    `gorm:"not null;default:''"`
		PaymentCode     string    `gorm:"not null;default:''"`
		Channel         string    `gorm:"not null;default:''"`
		Refunded        int64     `gorm:"not null;default:0"`
		RefundedOn      *time.Time
		RefundMethod    string `gorm:"not null;default:''"`
	}
	if err := inOrder(tx, append(statements, "ALTER TABLE receipts RENAME TO receipts_before")...); err != nil {
		return err
	}
	if err := tx.Migrator().CreateTable(&receipt{}); err != nil {
		return err
	}
	return inOrder(tx,
		"INSERT INTO receipts (id, payment_id, amount, paid_at, source, identifiers, created_at)"+
			" SELECT id, payment_id, amount, paid_at, source, identifiers, created_at FROM receipts_before",
		"DROP TABLE receipts_before")
}

// fillTillTransactions reads the till's transaction ids out of the identifiers of the
// receipts there are, some at a time.
func (r Rules) fillTillTransactions(tx *gorm.DB) error {
	type receipt struct {
		ID          int64
		Identifiers string
	}
	for last := int64(0); ; {
		var some []receipt
		err := tx.Table("receipts").Select("id, identifiers").Where("id > ? AND identifiers <> ''", last).Order("id").Limit(1000).Scan(&some).Error
		if err != nil || len(some) == 0 {
			return err
		}
		for _, receipt := range some {
			last = receipt.ID
			if id := r.TillTransaction(receipt.Identifiers); id != "" {
				if err := tx.Exec("UPDATE receipts SET till_transaction = ? WHERE id = ?", id, receipt.ID).Error; err != nil {
					return err
				}
			}
		}
	}
}
