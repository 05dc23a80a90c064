package models

import (
	"context"
	"fmt"
	"time"

	"gorm.io/gorm"
)

// MismatchKind says where the books and the gateway, or the books and
// themselves, do not agree.
type MismatchKind string

const (
	// MismatchMoney: an order's receipts do not add up to what it says of itself.
	MismatchMoney MismatchKind = "money"
	// MismatchPaidThere: the gateway calls it paid, the shop does not.
	MismatchPaidThere MismatchKind = "paid_there"
	// MismatchOverdue: long past its deadline, and the gateway confirms neither
	// money nor expiry.
	MismatchOverdue MismatchKind = "overdue"
	// MismatchNoCode: asked for, and the gateway has not answered yet.
	MismatchNoCode MismatchKind = "no_code"
	// MismatchStock: an order holds stock it should have given back, or the
	// other way round.
	MismatchStock MismatchKind = "stock"
	// MismatchUndecided: money came that pays no order, and nobody has decided about it.
	MismatchUndecided MismatchKind = "undecided"
	// MismatchNotNotified: paid, but only a status query told: the Notification
	// URL is not set for this channel, or does not work.
	MismatchNotNotified MismatchKind = "not_notified"
)

// Mismatch is one line of the reconciliation report.
type Mismatch struct {
	Kind          MismatchKind
	OrderNumber   string
	InvoiceNumber string // empty when it is about the order as a whole
	Detail        string
	Since         time.Time
}

// What is normal for a while is no mismatch yet.
const (
	codeOverdue    = 5 * time.Minute
	answerOverdue  = time.Hour
	maxMismatches  = 1000 // of each kind; nobody reads more
	notNotifiedAge = 7 * 24 * time.Hour
)

// Mismatches is the reconciliation report: everything that does not agree, and
// nothing that does. At most a thousand lines of each kind.
func (s *Store) Mismatches(ctx context.Context) ([]Mismatch, error) {
	var report []Mismatch
	for _, find := range []func(*gorm.DB, time.Time) ([]Mismatch, error){
		moneyMismatches, paidThere, overdueAnswers, missingCodes, stockMismatches, notNotified, undecidedReceipts,
	} {
		found, err := find(s.read.WithContext(ctx).Limit(maxMismatches), s.now())
		if err != nil {
			return nil, fmt.Errorf("mismatches: %w", err)
		}
		report = append(report, found...)
	}
	return report, nil
}

// moneyMismatches compares what was applied to each order with its total and the difference that people have accepted.
// A reusable code may be paid any number of times: its order is paid with something.
func moneyMismatches(db *gorm.DB, _ time.Time) ([]Mismatch, error) {
	var rows []struct {
		Number                    string
		Status                    string
		Total, Received, Accepted int64
		PlacedAt                  time.Time
	}
	const (
		received = "COALESCE(SUM(receipts.amount), 0)"
		accepted = "COALESCE(MAX(accepted.difference), 0)"
	)
	err := db.Table("orders").
		Select("orders.number, orders.status, orders.total, orders.placed_at, "+received+" AS received, "+accepted+" AS accepted").
		Joins("LEFT JOIN payments ON payments.order_id = orders.id").
		Joins("LEFT JOIN receipts ON receipts.payment_id = payments.id AND receipts.status = ?", ReceiptApplied).
		Joins("LEFT JOIN (SELECT order_id, SUM(accepted_difference) AS difference FROM cases WHERE accepted_difference <> 0"+
			" GROUP BY order_id) accepted ON accepted.order_id = orders.id").
		Where(isReal).
		Group("orders.id, orders.number, orders.status, orders.total, orders.placed_at").
		Having("(orders.status = ?) <> ("+received+" > 0) OR ("+received+" <> orders.total + "+accepted+
			" AND "+received+" > 0 AND MAX(CASE WHEN payments.reusable THEN 1 ELSE 0 END) = 0)", OrderPaid).
		Order("orders.id").Find(&rows).Error
	var found []Mismatch
	for _, r := range rows {
		found = append(found, Mismatch{Kind: MismatchMoney, OrderNumber: r.Number, Since: r.PlacedAt,
			Detail: fmt.Sprintf("order %s of Rp %d, %+d accepted, has receipts of Rp %d", r.Status, r.Total, r.Accepted, r.Received)})
	}
	return found, err
}

func paidThere(db *gorm.DB, _ time.Time) ([]Mismatch, error) {
	return ofPayments(db.Where("payments.checked_status = 'SUCCESS' AND payments.state <> 'paid' AND NOT EXISTS (SELECT 1 FROM receipts WHERE payment_id = payments.id)"), MismatchPaidThere, // as its index says it
		func(p Payment) (time.Time, string) {
			return *p.CheckedAt, fmt.Sprintf("SUCCESS at the gateway, %s here: %s", p.State, p.LastError)
		})
}

func overdueAnswers(db *gorm.DB, now time.Time) ([]Mismatch, error) {
	return ofPayments(db.Where("payments.state = ? AND payments.expires_at < ?", PaymentPending, now.Add(-answerOverdue)), MismatchOverdue,
		func(p Payment) (time.Time, string) {
			return *p.ExpiresAt, fmt.Sprintf("past its deadline; the gateway's last answer was %q %s", p.CheckedStatus, p.LastError)
		})
}

func missingCodes(db *gorm.DB, now time.Time) ([]Mismatch, error) {
	return ofPayments(db.Where("payments.state = ? AND payments.created_at < ?", PaymentCreating, now.Add(-codeOverdue)), MismatchNoCode,
		func(p Payment) (time.Time, string) {
			return p.CreatedAt, fmt.Sprintf("no payment code after %d tries: %s", p.Tries, p.LastError)
		})
}

func notNotified(db *gorm.DB, now time.Time) ([]Mismatch, error) {
	const told = "EXISTS (SELECT 1 FROM receipts WHERE receipts.payment_id = payments.id AND receipts.notified = ?)"
	return ofPayments(db.Where("payments.state = ? AND payments.created_at > ? AND "+told+" AND NOT "+told,
		PaymentPaid, now.Add(-notNotifiedAge), false, true), MismatchNotNotified,
		func(p Payment) (time.Time, string) {
			return p.CreatedAt, "paid, but no notification came; see the Notification URL of the channel in DOKU's Back Office"
		})
}

// ofPayments makes a line of each payment a query finds, but for those of test orders.
func ofPayments(query *gorm.DB, kind MismatchKind, line func(Payment) (time.Time, string)) ([]Mismatch, error) {
	var rows []Payment
	err := query.Joins("Order").Where(`NOT "Order"."test"`).Order("payments.id").Find(&rows).Error
	var found []Mismatch
	for _, p := range rows {
		since, detail := line(p)
		found = append(found, Mismatch{Kind: kind, OrderNumber: p.Order.Number, InvoiceNumber: p.InvoiceNumber, Detail: detail, Since: since})
	}
	return found, err
}

// stockMismatches: an order that waits holds its stock, one that ended unpaid
// does not. A paid one may do without: that is a case of its own.
func stockMismatches(db *gorm.DB, _ time.Time) ([]Mismatch, error) {
	var rows []Order
	err := db.Where("(status = ? AND NOT stock_held) OR (status IN ? AND stock_held)",
		OrderAwaitingPayment, []OrderStatus{OrderExpired, OrderCancelled}).Order("id").Find(&rows).Error
	var found []Mismatch
	for _, o := range rows {
		found = append(found, Mismatch{Kind: MismatchStock, OrderNumber: o.Number, Since: o.PlacedAt,
			Detail: fmt.Sprintf("order %s, stock held %v", o.Status, o.StockHeld)})
	}
	return found, err
}

// undecidedReceipts are money that is held: each has an open case.
func undecidedReceipts(db *gorm.DB, _ time.Time) ([]Mismatch, error) {
	var rows []struct {
		Number, InvoiceNumber string
		Amount                int64
		CreatedAt             time.Time
	}
	err := db.Table("receipts").Select("COALESCE(orders.number, '') AS number, receipts.invoice_number, receipts.amount, receipts.created_at").
		Joins("LEFT JOIN payments ON payments.id = receipts.payment_id").Joins("LEFT JOIN orders ON orders.id = payments.order_id").
		Where("receipts.status = 'held'").Order("receipts.id").Find(&rows).Error
	var found []Mismatch
	for _, r := range rows {
		found = append(found, Mismatch{Kind: MismatchUndecided, OrderNumber: r.Number, InvoiceNumber: r.InvoiceNumber, Since: r.CreatedAt,
			Detail: fmt.Sprintf("Rp %d came that pays no order; its case is open", r.Amount)})
	}
	return found, err
}
