package migrations

import (
	"time"

	"gorm.io/gorm"
)

// whatChanged: each change of the books with its cause, and what of the
// deliveries that did not verify is kept.
func whatChanged(tx *gorm.DB) error {
	type change struct {
		ID        int64     `gorm:"primaryKey"`
		OrderID   int64     `gorm:"not null;index"`
		PaymentID int64     `gorm:"not null"`
		Kind      string    `gorm:"not null"`
		Subject   string    `gorm:"not null"`
		Was       string    `gorm:"not null"`
		Became    string    `gorm:"not null"`
		CauseBy   string    `gorm:"not null;index:changes_by"`
		CauseID   int64     `gorm:"not null;index:changes_by"`
		At        time.Time `gorm:"not null;index"`
	}
	type rejection struct {
		ID            int64  `gorm:"primaryKey"`
		Reason        string `gorm:"not null;index"`
		InvoiceNumber string `gorm:"not null;index"`
		Sender        string `gorm:"not null"`
		Header        string `gorm:"not null"`
		Body          []byte
		Size          int64     `gorm:"not null"`
		ReceivedAt    time.Time `gorm:"not null"`
	}
	type rejectionCount struct {
		Reason string    `gorm:"primaryKey"`
		Count  int64     `gorm:"not null"`
		LastAt time.Time `gorm:"not null"`
	}
	if err := tx.Migrator().CreateTable(&change{}, &rejection{}, &rejectionCount{}); err != nil {
		return err
	}
	// what the inbox counts and lists by
	return inOrder(tx,
		"CREATE INDEX notifications_verdicts ON notifications (verdict, id, deliveries)",
		"CREATE INDEX notifications_repeated ON notifications (id) WHERE deliveries > 1",
	)
}

// exchangesKnowTheirCause: a line of the log leads to the calls made for it. Of
// those made before nobody knows, and the index does without them.
func exchangesKnowTheirCause(tx *gorm.DB) error {
	return inOrder(tx,
		"ALTER TABLE exchanges ADD COLUMN caused_by text NOT NULL DEFAULT ''",
		"CREATE INDEX exchanges_caused_by ON exchanges (caused_by) WHERE caused_by <> ''",
	)
}

// codesAreWords: a code is one of the words its order is found by, and nothing
// asks for it alone. An index of codes would be written to for nobody.
func codesAreWords(tx *gorm.DB) error { return tx.Exec("DROP INDEX idx_payments_code").Error }

// exchangesKnowTheirPayment: what was said about a payment is found by its ID, which
// grows, not by names drawn by lot, and how to pay by one look, not by as many as
// there are orders. Earlier calls keep their names, in an index no new one enters.
func exchangesKnowTheirPayment(tx *gorm.DB) error {
	return inOrder(tx,
		"ALTER TABLE exchanges ADD COLUMN payment_id bigint",
		"CREATE INDEX exchanges_of_payment ON exchanges (payment_id) WHERE payment_id IS NOT NULL",
		"CREATE INDEX exchanges_of_none ON exchanges (invoice_number) WHERE payment_id IS NULL")
}

// recordsAreFoundByID: earlier calls that had no name learn their payment, and what
// is old is found by its ID, which says as much as a time does.
func recordsAreFoundByID(tx *gorm.DB) error {
	return inOrder(tx,
		"UPDATE exchanges SET payment_id = p.id FROM payments p WHERE exchanges.invoice_number = '' AND exchanges.payment_id IS NULL"+
			" AND p.how_to_pay_api <> '' AND p.how_to_pay_api = exchanges.url",
		"DROP INDEX idx_exchanges_invoice_number",
		"DROP INDEX idx_exchanges_started_at",
		"DROP INDEX idx_changes_at")
}

// indexesThatAreAsked: mails are found by their payment, changes by their cause where
// that is a notification, and notifications by their time never. What an index is not
// asked for is written to it all the same.
func indexesThatAreAsked(tx *gorm.DB) error {
	return inOrder(tx,
		"DROP INDEX idx_notifications_received_at",
		"DROP INDEX idx_mails_order_id",
		"CREATE INDEX changes_by_notification ON changes (cause_id) WHERE cause_by = 'notification'",
		"DROP INDEX changes_by")
}
