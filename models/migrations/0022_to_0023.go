package migrations

import (
	"time"

	"gorm.io/gorm"
)

// casesAccountForMoney: a case says how much of its money was refunded by its decision, when and how, so that the money
// of a receipt may go back in several parts; by how much the decision lets
// what its order is paid with differ from what was asked for; and which amount a contradiction told of. Until now a receipt was refunded once, by one decision.
func casesAccountForMoney(tx *gorm.DB) error {
	type kase struct {
		RefundedOn *time.Time
	}
	if err := tx.Table("cases").Migrator().AddColumn(&kase{}, "RefundedOn"); err != nil {
		return err
	}
	const its = "FROM receipts r WHERE r.id = cases.receipt_id"
	return inOrder(tx,
		"ALTER TABLE cases ADD COLUMN refunded bigint NOT NULL DEFAULT 0",
		"ALTER TABLE cases ADD COLUMN refund_method text NOT NULL DEFAULT ''",
		"ALTER TABLE cases ADD COLUMN accepted_difference bigint NOT NULL DEFAULT 0",
		"ALTER TABLE cases ADD COLUMN told bigint NOT NULL DEFAULT 0",
		"UPDATE cases SET refunded = (SELECT r.refunded "+its+"), refunded_on = (SELECT r.refunded_on "+its+"),"+
			" refund_method = (SELECT r.refund_method "+its+")"+
			" WHERE decision IN ('refund', 'cancel', 'pay_again') AND EXISTS (SELECT 1 "+its+" AND r.refunded > 0)",
		"UPDATE cases SET accepted_difference = (SELECT r.amount - p.amount FROM receipts r JOIN payments p ON p.id = r.payment_id"+
			" WHERE r.id = cases.receipt_id) WHERE decision = 'accept' AND EXISTS (SELECT 1 "+its+" AND r.payment_id IS NOT NULL)",
		"CREATE INDEX cases_refunded ON cases (refunded_on) WHERE refunded > 0")
}

// receiptsCountWhenKnown: money counts on the day the shop learnt of it.
func receiptsCountWhenKnown(tx *gorm.DB) error {
	return inOrder(tx,
		"CREATE INDEX receipts_known ON receipts (created_at, status, amount)",
		"DROP INDEX receipts_paid")
}
