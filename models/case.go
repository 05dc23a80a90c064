package models

import (
	"context"
	"errors"
	"fmt"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

// CaseKind says why a person must look.
type CaseKind string

const (
	CaseWrongAmount    CaseKind = "wrong_amount"
	CaseWrongCode      CaseKind = "wrong_code"
	CaseWrongChannel   CaseKind = "wrong_channel"
	CaseContradiction  CaseKind = "contradiction"   // a message contradicts the receipt of the same money
	CaseUnclear        CaseKind = "unclear_payment" // one payment told twice, or two payments
	CaseLatePayment    CaseKind = "late_payment"
	CaseSecondPayment  CaseKind = "second_payment"
	CasePaidCancelled  CaseKind = "paid_cancelled"
	CaseOutOfStock     CaseKind = "out_of_stock"
	CaseUnknownInvoice CaseKind = "unknown_invoice"
	CaseUnreadable     CaseKind = "unreadable_notification"
	CaseRefused        CaseKind = "refused"    // the gateway will not give a code
	CaseNoCode         CaseKind = "no_code"    // and has not said so either
	CaseUnsettled      CaseKind = "unsettled"  // neither money nor expiry is confirmed
	CaseCodeTaken      CaseKind = "code_taken" // the gateway gave a code that another order has
	CaseBadExpiry      CaseKind = "bad_expiry" // the gateway's deadline cannot be true
)

// caseKinds lists every kind of case.
var caseKinds = []CaseKind{
	CaseWrongAmount, CaseWrongCode, CaseWrongChannel, CaseContradiction, CaseUnclear, CaseLatePayment, CaseSecondPayment,
	CasePaidCancelled, CaseOutOfStock, CaseUnknownInvoice, CaseUnreadable, CaseRefused, CaseNoCode, CaseUnsettled,
	CaseCodeTaken, CaseBadExpiry,
}

// CaseKinds returns every kind of case.
func CaseKinds() []CaseKind { return append([]CaseKind(nil), caseKinds...) }

// Case is something no program can settle. It is about one thing: an arrival of money, a
// message, a payment or an order. It is raised in the transaction that found it, once for
// that thing, and ends with a decision.
type Case struct {
	ID    int64
	Kind  CaseKind
	About string // names the thing; there is one case of a kind about it

	OrderID        *int64 // nil when it belongs to no order
	Order          *Order
	PaymentID      *int64
	Payment        *Payment
	ReceiptID      *int64 // the money it is about, nil for none
	Receipt        *Receipt
	Told           int64  // the amount that a message told of the money on record, of a contradiction; whole rupiah
	NotificationID *int64 // the message it is about, nil for none

	Detail    string // what happened, in English, for staff and developers
	CreatedAt time.Time

	// How it ended, nil and empty while it is open.
	ClosedAt  *time.Time
	Decision  DecisionKind
	DecidedBy string // who decided, as they named themselves; empty for the shop itself
	Reason    string

	// By how much the decision lets the money that is applied to the order differ from what was
	// asked for, in whole rupiah, where a person accepted that; on top of earlier ones.
	AcceptedDifference int64

	// What the decision gave back of its money. A receipt may be refunded in parts, by the
	// decisions of several cases. The shop moves no money.
	Refunded     int64 // whole rupiah
	RefundedOn   *time.Time
	RefundMethod string
}

// aboutReceipt, aboutPayment and aboutOrder name what a case is about.
func aboutReceipt(id int64) string { return fmt.Sprint("receipt ", id) }
func aboutPayment(id int64) string { return fmt.Sprint("payment ", id) }
func aboutOrder(id int64) string   { return fmt.Sprint("order ", id) }

// wholeCases preloads what a case is about.
func wholeCases(db *gorm.DB) *gorm.DB {
	return db.Preload("Order.Payments.Receipts").Preload("Order.Lines").Preload("Order").
		Preload("Payment").Preload("Receipt")
}

// OpenCases lists the cases nobody has decided yet, the oldest first.
func (s *Store) OpenCases(ctx context.Context, limit int) ([]Case, error) {
	var list []Case
	open := wholeCases(s.read.WithContext(ctx)).Where("closed_at IS NULL")
	return list, open.Order("created_at, id").Limit(limit).Find(&list).Error
}

// ClosedCases lists the cases that were decided, the latest first.
func (s *Store) ClosedCases(ctx context.Context, limit int) ([]Case, error) {
	var list []Case
	closed := wholeCases(s.read.WithContext(ctx)).Where("closed_at IS NOT NULL")
	return list, closed.Order("closed_at DESC, id DESC").Limit(limit).Find(&list).Error
}

// Case finds a case with all it is about, or says ErrNotFound.
func (s *Store) Case(ctx context.Context, id int64) (Case, error) {
	return wholeCase(s.read.WithContext(ctx), id)
}

func wholeCase(db *gorm.DB, id int64) (c Case, err error) {
	return c, wholeCases(db).Where("id = ?", id).Take(&c).Error
}

// CountOpenCases counts the cases nobody has decided yet.
func (s *Store) CountOpenCases(ctx context.Context) (n int64, err error) {
	return n, s.read.WithContext(ctx).Model(&Case{}).Where("closed_at IS NULL").Count(&n).Error
}

// Raise opens a case about a payment, found outside of any other change, unless there is
// one already. Trouble that goes on is another case, a day after the last one was closed,
// for as long as the order waits.
func (s *Store) Raise(ctx context.Context, call *APICall, p Payment, kind CaseKind, detail string) error {
	return s.transactAfter(ctx, call, func(tx *transaction) error {
		o, err := lockOrder(tx, p.OrderID)
		if err != nil {
			return err
		}
		c := Case{Kind: kind, About: aboutPayment(p.ID), OrderID: &p.OrderID, PaymentID: &p.ID, Detail: detail}
		if kind == CaseNoCode || kind == CaseUnsettled {
			last, err := lastCase(tx, c)
			switch {
			case err != nil:
				return err
			case last.ID == 0: // the first
			case last.ClosedAt == nil || tx.NowFunc().Sub(*last.ClosedAt) < oneDay || o.Status != OrderAwaitingPayment:
				return nil
			default:
				c.About += fmt.Sprint(", after case ", last.ID)
			}
		}
		return raise(tx, &c)
	})
}

// lastCase is the latest case of the same kind about the same payment, without an ID where there is none.
func lastCase(tx *transaction, c Case) (last Case, err error) {
	return last, tx.Where("order_id = ? AND payment_id = ? AND kind = ?", c.OrderID, c.PaymentID, c.Kind).
		Order("id DESC").Limit(1).Find(&last).Error
}

func raiseOnce(tx *transaction, c Case) error { return raise(tx, &c) }

// raise opens a case, unless there is one of that kind about the same thing; then c has
// no ID.
func raise(tx *transaction, c *Case) error {
	c.About, c.Detail, c.CreatedAt = indexed(c.About), indexed(c.Detail), tx.NowFunc()
	res := tx.Omit(clause.Associations).Clauses(clause.OnConflict{DoNothing: true}).Create(c)
	if res.Error != nil || res.RowsAffected == 0 {
		return res.Error
	}
	change := AuditEvent{Kind: AuditCase, Subject: string(c.Kind), Became: "open"}
	if c.OrderID != nil {
		change.OrderID = *c.OrderID
	}
	tx.audit(change)
	return nil
}

// closeCase closes a case if it is open, and reports whether it did. The caller holds the
// lock of its order, if it has one.
func closeCase(tx *transaction, c Case, d Decision, now time.Time) (bool, error) {
	columns := map[string]any{"closed_at": now, "decision": d.Kind, "decided_by": d.By, "reason": d.Reason}
	if c.NeedsRefund(d.Kind) {
		columns["refunded"], columns["refunded_on"], columns["refund_method"] = d.Refund, d.RefundedOn.UTC(), d.RefundMethod
	}
	switch {
	case d.Kind == DecisionAccept:
		columns["accepted_difference"] = c.acceptedDifference()
	case d.Kind == DecisionCorrect && c.Receipt.Status == ReceiptApplied:
		columns["accepted_difference"] = c.Told - c.Receipt.Amount
	}
	res := tx.Model(&Case{}).Where("id = ? AND closed_at IS NULL", c.ID).Updates(columns)
	if res.Error != nil || res.RowsAffected == 0 {
		return false, res.Error
	}
	change := AuditEvent{Kind: AuditCase, Subject: string(c.Kind), Was: "open", Became: string(d.Kind)}
	if c.OrderID != nil {
		change.OrderID = *c.OrderID
	}
	tx.audit(change)
	return true, nil
}

// answeredBy lists the states of a payment that answer what a case about it asks.
var answeredBy = map[CaseKind][]PaymentState{
	CaseNoCode:     {PaymentPending, PaymentPaid, PaymentExpired, PaymentFailed},
	CaseUnsettled:  {PaymentPaid, PaymentExpired, PaymentFailed},
	CaseUnreadable: {PaymentPaid, PaymentExpired},
}

// CloseAnswered closes the cases that the gateway has answered since: about a code that
// did not come, once there is one or the attempt is over, about an end that was not
// confirmed, and about money of which the amount could not be read, once either is.
func (s *Store) CloseAnswered(ctx context.Context) error {
	return s.transact(ctx, func(tx *transaction) error {
		for kind, states := range answeredBy {
			var answered []Case
			err := tx.Where("kind = ? AND closed_at IS NULL", kind).
				Where("payment_id IN (SELECT id FROM payments WHERE state IN ?)", states).Find(&answered).Error
			if err != nil {
				return err
			}
			for _, c := range answered {
				settled := Decision{Kind: DecisionSettled, Reason: "the gateway has answered since"}
				if _, err := closeCase(tx, c, settled, s.now()); err != nil {
					return err
				}
			}
		}
		return nil
	})
}

// closeSettled closes the open case about money that did not fit, once the gateway's own
// word has settled it.
func closeSettled(tx *transaction, receiptID int64, reason string, now time.Time) error {
	var open []Case
	err := tx.Where("closed_at IS NULL AND (receipt_id = ? AND kind IN ? OR kind = ? AND about LIKE ?)",
		receiptID, moneyKinds, CaseContradiction, aboutReceipt(receiptID)+": %").Find(&open).Error
	if err != nil {
		return err
	}
	for _, c := range open {
		if _, err := closeCase(tx, c, Decision{Kind: DecisionSettled, Reason: reason}, now); err != nil {
			return err
		}
	}
	return nil
}

// isUnreadMoney reports whether the case is about a message that money came, of which more could not be read. No
// receipt can be made of it.
func (c Case) isUnreadMoney() bool { return c.Kind == CaseUnreadable && c.PaymentID != nil }

// hasUndecidedMoney reports whether money for an order is held, or came and could not be read.
func hasUndecidedMoney(tx *transaction, orderID int64) (bool, error) {
	var held, unread int64
	err := tx.Model(&Receipt{}).Joins("JOIN payments ON payments.id = receipts.payment_id").
		Where("payments.order_id = ? AND receipts.status = ?", orderID, ReceiptHeld).Count(&held).Error
	if err != nil {
		return false, err
	}
	err = tx.Model(&Case{}).Where("order_id = ? AND kind = ?", orderID, CaseUnreadable).
		Where("payment_id IS NOT NULL AND closed_at IS NULL").Count(&unread).Error
	return held+unread > 0, err
}

// ErrMoneyUndecided: money has come for the order that nobody has decided about yet, so
// that it must not be asked for again.
var ErrMoneyUndecided = errors.New("money for this order is being looked at")
