package migrations

import (
	"time"

	"gorm.io/gorm"
)

// paidPaymentsAreNotDue: an answer that was under way while a notification paid its order
// put the payment back on the list.
func paidPaymentsAreNotDue(tx *gorm.DB) error {
	return tx.Exec("UPDATE payments SET next_check_at = NULL, leased_until = NULL WHERE state = 'paid' AND NOT reusable AND next_check_at IS NOT NULL").Error
}

// ordersKnowTheirForm: one form may place several orders, each with contents of
// its own. Of orders placed before, checkout_id is the form's ID alone, which
// nobody asks for any more. It stays unique: shops of the version before rely on it.
func ordersKnowTheirForm(tx *gorm.DB) error {
	return inOrder(tx,
		"ALTER TABLE orders ADD COLUMN form_id text NOT NULL DEFAULT ''",
		"CREATE INDEX orders_by_form ON orders (form_id) WHERE form_id <> ''")
}

// databasesHaveAnOwner: the one row of owners says which environment and Client-Id
// the orders belong to, but for those that are marked as test orders.
func databasesHaveAnOwner(tx *gorm.DB) error {
	type owner struct {
		ID          int64     `gorm:"primaryKey"`
		Environment string    `gorm:"not null"`
		ClientID    string    `gorm:"not null"`
		Since       time.Time `gorm:"not null"`
	}
	if err := tx.Migrator().CreateTable(&owner{}); err != nil {
		return err
	}
	return inOrder(tx,
		"ALTER TABLE orders ADD COLUMN test boolean NOT NULL DEFAULT false",
		"CREATE INDEX orders_test ON orders (status) WHERE test")
}

// sessionsHaveACredential: a session ends when the password it was opened with
// does. Those opened before belong to none, so everybody signs in once more.
func sessionsHaveACredential(tx *gorm.DB) error {
	return tx.Exec("ALTER TABLE sessions ADD COLUMN credential text NOT NULL DEFAULT ''").Error
}

// createLimits: what an unpaid order is counted by, and the mails sent to each recipient in the last day. Both name
// people by keyed hashes. An order that staff cancelled says who did it and why.
func createLimits(tx *gorm.DB) error {
	type order struct {
		ID int64 `gorm:"primaryKey"`
	}
	type orderHolder struct {
		OrderID int64  `gorm:"primaryKey;autoIncrement:false"`
		Order   *order `gorm:"constraint:OnDelete:CASCADE"`
		Kind    string `gorm:"primaryKey"`
		Holder  string `gorm:"not null;index:order_holders_by_holder"`
	}
	type mailSend struct {
		ID        int64     `gorm:"primaryKey"`
		Recipient string    `gorm:"not null;index:mail_sends_of_recipient,priority:1"`
		SentAt    time.Time `gorm:"not null;index:mail_sends_of_recipient,priority:2"`
	}
	for _, table := range []any{&orderHolder{}, &mailSend{}} {
		if err := tx.Migrator().CreateTable(table); err != nil {
			return err
		}
	}
	return inOrder(tx,
		"ALTER TABLE orders ADD COLUMN cancelled_by text NOT NULL DEFAULT ''",
		"ALTER TABLE orders ADD COLUMN cancelled_for text NOT NULL DEFAULT ''")
}

// notificationsKnowTheirKey: signed_with says which of the merchant's Secret Keys the signature fitted.
func notificationsKnowTheirKey(tx *gorm.DB) error {
	return inOrder(tx,
		"ALTER TABLE notifications ADD COLUMN signed_with text NOT NULL DEFAULT ''",
		"CREATE INDEX notifications_previous_key ON notifications (last_received_at) WHERE signed_with = 'previous'")
}

// ordersAreErased: an order says when, by whom and why its customer's data was erased. Orders that still have it are
// found by an index that grows at its end. What was flagged before there were cases is in those, and was kept twice.
func ordersAreErased(tx *gorm.DB) error {
	type order struct {
		ErasedAt *time.Time
	}
	if err := tx.Migrator().AddColumn(&order{}, "ErasedAt"); err != nil {
		return err
	}
	return inOrder(tx,
		"ALTER TABLE orders ADD COLUMN erased_by text NOT NULL DEFAULT ''",
		"ALTER TABLE orders ADD COLUMN erasure_reason text NOT NULL DEFAULT ''",
		"DELETE FROM attentions",
		"CREATE INDEX orders_not_erased ON orders (id) WHERE erased_at IS NULL")
}
