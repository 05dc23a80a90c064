package migrations

import (
	"time"

	"gorm.io/gorm"
)

// createCases: a case is about one thing, and ends with a decision. What was flagged before
// is a case about itself, but for money that is held: each arrival has its own.
func createCases(tx *gorm.DB) error {
	type order struct {
		ID int64 `gorm:"primaryKey"`
	}
	type payment struct {
		ID int64 `gorm:"primaryKey"`
	}
	type receipt struct {
		ID int64 `gorm:"primaryKey"`
	}
	type kase struct {
		ID             int64    `gorm:"primaryKey"`
		Kind           string   `gorm:"not null;uniqueIndex:cases_once"`
		About          string   `gorm:"not null;uniqueIndex:cases_once"`
		OrderID        *int64   `gorm:""`
		Order          *order   `gorm:"constraint:OnDelete:RESTRICT"`
		PaymentID      *int64   `gorm:""`
		Payment        *payment `gorm:"constraint:OnDelete:RESTRICT"`
		ReceiptID      *int64   `gorm:""`
		Receipt        *receipt `gorm:"constraint:OnDelete:RESTRICT"`
		NotificationID *int64
		Detail         string    `gorm:"not null"`
		CreatedAt      time.Time `gorm:"not null"`
		ClosedAt       *time.Time
		Decision       string `gorm:"not null"`
		DecidedBy      string `gorm:"not null"`
		Reason         string `gorm:"not null"`
	}
	if err := tx.Table("cases").Migrator().CreateTable(&kase{}); err != nil {
		return err
	}
	const ofMoney = "kind IN ('second_payment', 'paid_cancelled')"
	return inOrder(tx,
		"INSERT INTO cases (kind, about, order_id, payment_id, detail, created_at, closed_at, decision, decided_by, reason)"+
			" SELECT a.kind, 'attention ' || a.id, a.order_id, (SELECT MAX(id) FROM payments WHERE order_id = a.order_id),"+
			" a.detail, a.created_at, a.done_at, CASE WHEN a.done_at IS NULL THEN '' ELSE 'none' END, '', a.note FROM attentions a ORDER BY a.id",
		"UPDATE cases SET closed_at = created_at, decision = 'settled', reason = 'each payment that is held has a case of its own'"+
			" WHERE closed_at IS NULL AND "+ofMoney,
		"INSERT INTO cases (kind, about, order_id, payment_id, receipt_id, detail, created_at, decision, decided_by, reason)"+
			" SELECT CASE o.status WHEN 'cancelled' THEN 'paid_cancelled' ELSE 'second_payment' END, 'receipt ' || r.id, o.id, p.id, r.id,"+
			" 'Rp ' || r.amount || ' for ' || p.invoice_number, r.created_at, '', '', ''"+
			" FROM receipts r JOIN payments p ON p.id = r.payment_id JOIN orders o ON o.id = p.order_id WHERE r.status = 'held'",
		"CREATE INDEX cases_open ON cases (created_at, id) WHERE closed_at IS NULL",
		"CREATE INDEX cases_of_order ON cases (order_id)",
		"CREATE INDEX cases_of_receipt ON cases (receipt_id) WHERE receipt_id IS NOT NULL",
		"CREATE INDEX cases_open_of_order ON cases (order_id) WHERE closed_at IS NULL",
		"CREATE INDEX cases_closed ON cases (closed_at, id) WHERE closed_at IS NOT NULL",
		"DROP INDEX orders_flagged",
		"ALTER TABLE mails ADD COLUMN case_id bigint NOT NULL DEFAULT 0",
		"DROP INDEX mails_once",
		"CREATE UNIQUE INDEX mails_once ON mails (payment_id, kind, case_id)",
		noMoreAttention(tx))
}

// noMoreAttention: what an order shows follows from its open cases. Shops of the version
// before still write the column on PostgreSQL, where several may serve.
func noMoreAttention(tx *gorm.DB) string {
	if tx.Name() == "postgres" {
		return "ALTER TABLE orders ALTER COLUMN attention SET DEFAULT ''"
	}
	return "ALTER TABLE orders DROP COLUMN attention"
}
