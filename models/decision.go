package models

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"
)

// DecisionKind is how a case ends.
type DecisionKind string

const (
	// DecisionAccept: the money is applied to its order, though it does not fit.
	DecisionAccept DecisionKind = "accept"
	// DecisionRefund: the money, or a part of it, was given back, on a day and in a way that
	// are noted.
	DecisionRefund DecisionKind = "refund"
	// DecisionCancel: the order is cancelled, and all of the money that was held was given back.
	DecisionCancel DecisionKind = "cancel"
	// DecisionPayAgain: the shopper gets a new payment code, and all of the money that was
	// held was given back.
	DecisionPayAgain DecisionKind = "pay_again"
	// DecisionDuplicate: no second money came; one payment was told twice.
	DecisionDuplicate DecisionKind = "duplicate"
	// DecisionCorrect: the amount of the money on record becomes the one that the gateway told
	// later.
	DecisionCorrect DecisionKind = "correct"
	// DecisionNone: nothing is to be done. Money that was held is kept, unapplied.
	DecisionNone DecisionKind = "none"
	// DecisionSettled: the gateway's own word has settled it. Nobody can choose it.
	DecisionSettled DecisionKind = "settled"
)

// Decision is what a person decides about a case.
type Decision struct {
	Kind   DecisionKind
	By     string // who decides
	Reason string

	// How the money was given back, for those kinds that need it.
	Refund       int64 // whole rupiah, at most what is left of what came
	RefundedOn   time.Time
	RefundMethod string

	// Next is the payment that DecisionPayAgain asks a code for.
	Next Payment
}

var (
	// ErrDecided: somebody else has decided the case already.
	ErrDecided = errors.New("the case is already closed")
	// ErrNotOffered: the case cannot end in that way, or not any more.
	ErrNotOffered = errors.New("the case cannot end with this decision")
)

// moneyKinds are the cases about money that did not fit its order.
var moneyKinds = []CaseKind{CaseWrongAmount, CaseWrongCode, CaseWrongChannel, CaseUnclear}

// Decisions returns the ways in which an open case can end, given what it is about, the
// likeliest first. The case must have been loaded whole.
func (c Case) Decisions() []DecisionKind {
	if c.ClosedAt != nil {
		return nil
	}
	switch {
	case c.canCorrect():
		return []DecisionKind{DecisionNone, DecisionCorrect}
	case c.Kind == CaseContradiction:
		return []DecisionKind{DecisionNone}
	case c.Receipt != nil && c.Receipt.Status == ReceiptHeld:
		return c.moneyDecisions()
	case c.Receipt != nil && c.Receipt.Status == ReceiptApplied && c.Receipt.Left() > 0: // late, or out of stock
		return []DecisionKind{DecisionNone, DecisionRefund}
	case c.Order == nil, c.Order.Status != OrderAwaitingPayment, c.otherMoneyUndecided():
		return []DecisionKind{DecisionNone}
	case c.Payment != nil && c.Payment.State == PaymentFailed && !c.otherCodeLive():
		return []DecisionKind{DecisionPayAgain, DecisionCancel, DecisionNone}
	}
	return []DecisionKind{DecisionNone, DecisionCancel}
}

// otherMoneyUndecided reports whether other money for the order than that of the case is
// held: until it is decided, the order is neither cancelled nor asked to be paid again.
func (c Case) otherMoneyUndecided() bool {
	return slices.ContainsFunc(c.Order.Payments, func(p Payment) bool {
		return slices.ContainsFunc(p.Receipts, func(r Receipt) bool {
			return r.Status == ReceiptHeld && (c.ReceiptID == nil || r.ID != *c.ReceiptID)
		})
	})
}

// otherCodeLive reports whether another attempt than that of the case may be paid.
func (c Case) otherCodeLive() bool {
	return slices.ContainsFunc(c.Order.Payments, func(p Payment) bool {
		live := p.State == PaymentCreating || p.State == PaymentPending || p.State == PaymentPaid
		return live && (c.PaymentID == nil || p.ID != *c.PaymentID)
	})
}

// moneyDecisions are the ways to end a case about money that is held.
func (c Case) moneyDecisions() []DecisionKind {
	var ways []DecisionKind
	if c.canAccept() {
		ways = append(ways, DecisionAccept)
	}
	ways = append(ways, DecisionRefund)
	if c.Order != nil && c.Order.Status == OrderAwaitingPayment && !c.otherMoneyUndecided() {
		if !c.Payment.Reusable && !c.otherCodeLive() {
			ways = append(ways, DecisionPayAgain)
		}
		ways = append(ways, DecisionCancel)
	}
	if c.Kind == CaseUnclear || c.Kind == CaseSecondPayment || c.Kind == CaseUnknownInvoice {
		ways = append(ways, DecisionDuplicate)
	}
	return append(ways, DecisionNone)
}

// canAccept reports whether the order can still take the money of the case.
func (c Case) canAccept() bool {
	if c.IsFurtherPart() {
		return true
	}
	if !slices.Contains(moneyKinds, c.Kind) { // those are about a payment of an order
		return false
	}
	p := *c.Payment
	p.Order = c.Order
	return p.takesMoney()
}

// EndsOrder reports whether the order of a case that gives its money no use is over, or will be: nothing else can be
// paid for it, and no other money for it is undecided.
func (c Case) EndsOrder() bool {
	waits := c.Order.Status == OrderAwaitingPayment && (c.otherCodeLive() || c.otherMoneyUndecided())
	return c.Order.Status != OrderPaid && c.Order.Status != OrderCancelled && !waits
}

// Difference is by how much the money of the case exceeds what was asked for, in whole
// rupiah; negative where it falls short, 0 where there is nothing to compare.
func (c Case) Difference() int64 {
	if c.Receipt == nil || c.Payment == nil {
		return 0
	}
	return c.Receipt.Amount - c.Payment.Amount
}

// canCorrect reports whether the case is about another amount of money on record, and that can be its amount: no less
// than what was refunded of it.
func (c Case) canCorrect() bool {
	return c.Kind == CaseContradiction && c.Receipt != nil && c.Receipt.Status != ReceiptDuplicate &&
		c.Told > 0 && c.Told != c.Receipt.Amount && c.Told >= c.Receipt.Refunded
}

// correct gives money on record the amount that the gateway told later.
func (c Case) correct(tx *transaction) error {
	res := tx.Model(&Receipt{}).Where("id = ? AND amount = ? AND refunded = ?", c.Receipt.ID, c.Receipt.Amount, c.Receipt.Refunded).
		Update("amount", c.Told)
	if res.Error == nil && res.RowsAffected == 0 {
		res.Error = ErrNotOffered
	}
	if res.Error != nil {
		return res.Error
	}
	change := AuditEvent{Kind: AuditReceipt, Subject: c.Receipt.InvoiceNumber,
		Was: strconv.FormatInt(c.Receipt.Amount, 10), Became: strconv.FormatInt(c.Told, 10)}
	if c.Payment != nil {
		change.OrderID, change.PaymentID = c.Payment.OrderID, c.Payment.ID
	}
	tx.audit(change)
	return nil
}

// IsFurtherPart reports whether the held money of the case can be counted towards an order that is paid already, with
// less than was asked for: two payments may make up one.
func (c Case) IsFurtherPart() bool {
	if c.Receipt == nil || c.Receipt.Status != ReceiptHeld || c.Payment == nil || c.Payment.Reusable {
		return false
	}
	return c.Order.Status == OrderPaid && c.Order.Money().Applied < c.Payment.Amount
}

// DifferenceOnceAccepted is by how much the money that is applied to the order exceeds what was asked for once the money
// of the case is accepted, in whole rupiah; negative where it still falls short.
func (c Case) DifferenceOnceAccepted() int64 {
	if c.Receipt == nil || c.Payment == nil || c.Payment.Reusable {
		return c.Difference()
	}
	return c.Order.Money().Applied + c.Receipt.Amount - c.Payment.Amount
}

// acceptedDifference is by how much the applied money of the order differs from what was asked for because the money of
// the case is accepted, on top of differences that were accepted before.
func (c Case) acceptedDifference() int64 {
	if !c.Payment.Reusable && c.Order.Money().Applied > 0 { // all of it was too little, or is more now
		return c.Receipt.Amount
	}
	return c.Difference()
}

// TellsShopper reports whether the shopper is told of a decision by mail.
func (c Case) TellsShopper(kind DecisionKind) bool {
	switch {
	case c.Order == nil || kind == DecisionSettled || c.Kind == CaseContradiction && kind != DecisionCorrect:
		return false
	case kind == DecisionNone && c.Receipt != nil && c.Receipt.Refunded > 0: // the shopper was told of the refund
		return false
	}
	return c.Receipt != nil || kind == DecisionCancel || kind == DecisionPayAgain
}

// Decide ends a case: it does what the decision says, records who decided and why, and has
// the shopper told, all in one transaction. It returns the case as it is then. The errors
// are ErrNotFound, ErrDecided, ErrNotOffered and ErrRefund; with each of them nothing has
// changed.
func (s *Store) Decide(ctx context.Context, id int64, d Decision) (c Case, err error) {
	err = s.transactAs(ctx, Actor{By: ActorStaff}, func(tx *transaction) error {
		if c, err = wholeCase(tx.DB, id); err != nil {
			return err
		}
		if c.OrderID != nil { // what is decided by is read once the order is locked
			if _, err = lockOrder(tx, *c.OrderID); err != nil {
				return err
			}
			if c, err = wholeCase(tx.DB, id); err != nil {
				return err
			}
		}
		if err := c.check(d); err != nil {
			return err
		}
		now := s.now()
		if err := c.carryOut(tx, d, now); err != nil {
			return err
		}
		closed, err := closeCase(tx, c, d, now)
		if err != nil {
			return err
		}
		if !closed {
			return ErrDecided
		}
		if c.TellsShopper(d.Kind) {
			err = enqueue(tx, Mail{OrderID: *c.OrderID, PaymentID: *c.PaymentID, CaseID: c.ID, Kind: MailDecided, SendAt: now})
		}
		if err == nil {
			c, err = wholeCase(tx.DB, id)
		}
		return err
	})
	return c, err
}

// check says why a decision cannot be made.
func (c Case) check(d Decision) error {
	switch {
	case c.ClosedAt != nil:
		return ErrDecided
	case !slices.Contains(c.Decisions(), d.Kind):
		return ErrNotOffered
	}
	return c.checkRefund(d)
}

// carryOut does what a decision says. The order of the case is locked.
func (c Case) carryOut(tx *transaction, d Decision, now time.Time) error {
	if c.Kind == CaseContradiction { // the money has, or had, a case of its own
		if d.Kind == DecisionCorrect {
			return c.correct(tx)
		}
		return nil
	}
	if err := c.settleMoney(tx, d); err != nil {
		return err
	}
	switch {
	case d.Kind == DecisionAccept:
		return c.accept(tx)
	case d.Kind == DecisionCancel:
		_, err := cancelOrder(tx, *c.Order, now)
		return err
	case d.Kind == DecisionRefund && c.Receipt.Status == ReceiptApplied && c.Order.Status == OrderPaid:
		return c.takeBackGoods(tx, d)
	case c.Order == nil || c.Order.Status != OrderAwaitingPayment:
		return nil
	case d.Kind == DecisionPayAgain:
		return c.payAgain(tx, d, now)
	case c.Receipt != nil:
		return c.goOn(tx, d, now)
	}
	return nil
}

// settleMoney notes what became of the money of a case.
func (c Case) settleMoney(tx *transaction, d Decision) error {
	if c.Receipt == nil {
		return nil
	}
	changes := map[string]any{}
	if c.NeedsRefund(d.Kind) {
		on := d.RefundedOn.UTC()
		changes["refunded"] = c.Receipt.Refunded + d.Refund
		changes["refunded_on"], changes["refund_method"] = &on, d.RefundMethod // the latest
	}
	became := c.Receipt.Status
	if became == ReceiptHeld {
		became = statusAfter[d.Kind]
		changes["status"] = became
	}
	if len(changes) == 0 {
		return nil
	}
	res := tx.Model(&Receipt{}).Where("id = ? AND status = ? AND refunded = ?", c.Receipt.ID, c.Receipt.Status,
		c.Receipt.Refunded).Updates(changes)
	if res.Error == nil && res.RowsAffected == 0 {
		res.Error = ErrNotOffered
	}
	if res.Error != nil {
		return res.Error
	}
	change := AuditEvent{Kind: AuditReceipt, Subject: c.Receipt.InvoiceNumber,
		Was: string(c.Receipt.Status), Became: string(became)}
	if c.NeedsRefund(d.Kind) {
		change.Became += " " + strconv.FormatInt(d.Refund, 10)
	}
	if c.Payment != nil {
		change.OrderID, change.PaymentID = c.Payment.OrderID, c.Payment.ID
	}
	tx.audit(change)
	return nil
}

// statusAfter is what becomes of money that was held, by the decision about it.
var statusAfter = map[DecisionKind]ReceiptStatus{
	DecisionAccept:    ReceiptApplied,
	DecisionRefund:    ReceiptReturned,
	DecisionCancel:    ReceiptReturned,
	DecisionPayAgain:  ReceiptReturned,
	DecisionDuplicate: ReceiptDuplicate,
	DecisionNone:      ReceiptKept,
}

// takeBackGoods gives the stock of a paid order back when all of the money that paid for it was refunded.
func (c Case) takeBackGoods(tx *transaction, d Decision) error {
	money := c.Order.Money()
	if !c.Order.StockHeld || money.AppliedRefunded+d.Refund < money.Applied {
		return nil
	}
	released := tx.Model(&Order{}).Where("id = ? AND stock_held", c.Order.ID).Update("stock_held", false)
	if released.Error != nil || released.RowsAffected == 0 {
		return released.Error
	}
	return giveBackStock(tx, c.Order.ID)
}

// accept pays the order of a case with its money.
func (c Case) accept(tx *transaction) error {
	p, err := lockPayment(tx, byID, c.Payment.ID)
	if err != nil {
		return err
	}
	if err := markPaid(tx, p, c.Receipt.PaymentCode); err != nil {
		return err
	}
	if p.Order.Status == OrderPaid { // one more payment of a reusable code
		return nil
	}
	paid, err := payOrder(tx, *p.Order, c.Receipt.PaidAt)
	if err == nil && !paid {
		err = ErrNotOffered
	}
	return err
}

// payAgain gives up the code of a case and adds the next attempt to be paid.
func (c Case) payAgain(tx *transaction, d Decision, now time.Time) error {
	if err := endPayment(tx, *c.Payment); err != nil {
		return err
	}
	live, err := livePayments(tx, c.Order.ID)
	if err != nil {
		return err
	}
	if live > 0 || d.Next.InvoiceNumber != InvoiceNumber(c.Order.Number, c.Order.NextAttempt()) {
		return ErrNotOffered // somebody was quicker: there is a newer attempt
	}
	return createPayment(tx, &d.Next, *c.Order, c.Order.NextAttempt(), now)
}

// goOn lets an order go on once its money is decided: a single-use code that was paid once
// cannot be paid again, and an order that nothing can be paid for any more ends. The mail
// about the decision says so.
func (c Case) goOn(tx *transaction, d Decision, now time.Time) error {
	if !c.Payment.Reusable && d.Kind != DecisionDuplicate {
		if err := endPayment(tx, *c.Payment); err != nil {
			return err
		}
	}
	_, err := expireIfOver(tx, *c.Order, now)
	return err
}

// String is the decision in a line of the log.
func (d Decision) String() string { return fmt.Sprintf("%s by %q", d.Kind, d.By) }
