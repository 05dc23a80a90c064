package models

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

// PaymentState is where one attempt to be paid stands.
type PaymentState string

const (
	// PaymentCreating: we may or may not have a payment code yet.
	PaymentCreating PaymentState = "creating"
	// PaymentPending: there is a code and it can be paid.
	PaymentPending PaymentState = "pending"
	PaymentPaid    PaymentState = "paid"
	PaymentExpired PaymentState = "expired"
	// PaymentFailed: the gateway refused to give a code.
	PaymentFailed PaymentState = "failed"
)

// paymentMoves are the allowed moves of a payment: from each state, to these.
// SUCCESS beats the clock and our own belief, so a payment becomes paid from
// anywhere; from expired and failed a person is told.
var paymentMoves = map[PaymentState][]PaymentState{
	PaymentCreating: {PaymentPending, PaymentFailed, PaymentPaid},
	PaymentPending:  {PaymentPaid, PaymentExpired},
	PaymentExpired:  {PaymentPaid},
	PaymentFailed:   {PaymentPaid},
}

// Payment is one attempt to be paid for an order, with an invoice number and,
// when the gateway has answered, a payment code of its own.
type Payment struct {
	ID            int64
	OrderID       int64
	Order         *Order
	Attempt       int64
	InvoiceNumber string
	Amount        int64 // whole rupiah
	Reusable      bool  // the code may be paid again and again

	// RequestID and RequestBody are what the code is asked for with, kept from
	// before the first send: every repeat uses the same two.
	RequestID   string
	RequestBody []byte

	State        PaymentState
	Code         string
	HowToPayPage string
	HowToPayAPI  string
	Instructions []Instruction `gorm:"serializer:json"`
	CodeIssuedAt *time.Time
	ExpiresAt    *time.Time

	// NextCheckAt is when to turn to the gateway again, nil for never;
	// LeasedUntil keeps others from doing the same meanwhile.
	NextCheckAt *time.Time
	LeasedUntil *time.Time
	Tries       int64
	LastError   string

	// CheckedAt and CheckedStatus are the gateway's last answer on this payment.
	CheckedAt     *time.Time
	CheckedStatus string

	// AskedAt is when a shopper last had us ask.
	AskedAt *time.Time

	Receipts  []Receipt
	CreatedAt time.Time
}

// Instruction is how to pay, in one language, in the gateway's words.
type Instruction struct {
	Language string
	Steps    []string
}

const (
	// Settling is how long after a hint of payment, or a deadline, the gateway's
	// answer means something: not before 60 s, say its pages
	// (docs/protocol.md section 8).
	Settling = 60 * time.Second

	// secondLook is when to ask again about a code the gateway calls expired: a
	// notification it could not deliver comes again half an hour later.
	secondLook = 30*time.Minute + Settling
)

// paymentWhere loads the payment for which a condition holds, with its order.
func paymentWhere(db *gorm.DB, condition string, value any) (p Payment, err error) {
	return p, db.InnerJoins("Order").Where("payments."+condition, value).Take(&p).Error
}

// Conditions by which a payment is found.
const (
	byID      = "id = ?"
	byInvoice = "invoice_number = ?"
)

// lockPayment locks the order of a payment, as lockOrder does, and then loads the payment: whatever moves a payment
// holds the lock of its order. Of both it loads what transitions are decided by.
func lockPayment(tx *transaction, condition string, value any) (p Payment, err error) {
	var o Order
	orderID := tx.Model(&Payment{}).Select("order_id").Where(condition, value)
	err = forUpdate(tx).Select("id", "number", "total", "status", "stock_held").Where("id = (?)", orderID).Take(&o).Error
	if err != nil {
		return p, err
	}
	err = tx.Select("id", "order_id", "invoice_number", "amount", "reusable", "state", "code", "next_check_at", "leased_until").
		Where(condition, value).Take(&p).Error
	p.Order = &o
	return p, err
}

// createPayment keeps a new attempt in state creating, leased to whoever made
// it, who is expected to send its request next. The order is found by its invoice
// number from now on, and by more words.
func createPayment(tx *transaction, p *Payment, o Order, attempt int64, now time.Time, words ...string) error {
	leasedUntil := now.Add(lease)
	p.OrderID, p.Attempt, p.State = o.ID, attempt, PaymentCreating
	p.Amount, p.Reusable = o.Total, o.Reusable()
	p.NextCheckAt, p.LeasedUntil, p.CreatedAt = &now, &leasedUntil, now
	if err := tx.Omit(clause.Associations).Create(p).Error; err != nil {
		return err
	}
	tx.audit(AuditEvent{OrderID: o.ID, PaymentID: p.ID, Kind: AuditPayment, Subject: p.InvoiceNumber, Became: string(p.State)})
	return saveWords(tx, o.ID, append(words, fold(p.InvoiceNumber))...)
}

// InvoiceNumber names an attempt: the order number and which attempt it is.
func InvoiceNumber(orderNumber string, attempt int64) string {
	return fmt.Sprintf("%s-%d", orderNumber, attempt)
}

// AddPayment keeps another attempt for an order whose last code has expired or
// was refused, taking its stock again if it was given back. When there is no room for
// another attempt, because the order is paid, or its code still good, or somebody was
// quicker, added is false. It is ErrMoneyUndecided where money came that nobody has decided
// about, and *OutOfStockError where the goods cannot be had any more. An expired order waits to
// be paid again: over a limit it is an *OpenOrdersError or a *ScarceError.
func (s *Store) AddPayment(ctx context.Context, o Order, p Payment) (added bool, err error) {
	now := s.now()
	err = s.transactAs(ctx, Actor{By: ActorShopper}, func(tx *transaction) error {
		added = false
		current, err := lockOrder(tx, o.ID)
		if err != nil {
			return err
		}
		if undecided, err := hasUndecidedMoney(tx, o.ID); err != nil || undecided && current.Status != OrderPaid {
			return cmp.Or(err, ErrMoneyUndecided)
		}
		if current.ErasedAt != nil { // nobody can be told of a code any more
			return nil
		}
		var live int64
		err = tx.Model(&Payment{}).Where("order_id = ? AND (attempt >= ? OR state IN ?)", o.ID, o.NextAttempt(), liveStates()).Count(&live).Error
		if err != nil || live > 0 {
			return err
		}
		revived, err := moveOrder(tx, current, OrderAwaitingPayment, map[string]any{"expired_at": nil, "stock_held": true})
		if err != nil {
			return err
		}
		if revived {
			err := s.hold(tx, o)
			if err == nil {
				err = takeStock(tx, o.ID, o.Lines)
			}
			if err == nil {
				err = s.checkScarce(tx, o)
			}
			if err != nil {
				return err
			}
		} else if current.Status != OrderAwaitingPayment {
			return nil
		}
		added = true
		return createPayment(tx, &p, o, o.NextAttempt(), now)
	})
	return added && err == nil, err
}

// liveStates are the states of an attempt that is not over.
func liveStates() []PaymentState {
	return []PaymentState{PaymentCreating, PaymentPending, PaymentPaid}
}

// ReplacePayment gives up an attempt whose invoice number the gateway will not
// take, and keeps the next in its place: same order, same stock. It reports
// false when the old one was not waiting for its code any more.
func (s *Store) ReplacePayment(ctx context.Context, call *APICall, old, next Payment, reason string) (replaced bool, err error) {
	err = s.transactAfter(ctx, call, func(tx *transaction) error {
		replaced = false
		p, err := lockPayment(tx, byID, old.ID)
		if err != nil {
			return err
		}
		moved, err := movePayment(tx, p, PaymentFailed, map[string]any{"last_error": reason, "next_check_at": nil, "leased_until": nil})
		if err != nil || !moved {
			return err
		}
		if p.Order.Status != OrderAwaitingPayment { // nothing is to be paid any more
			return nil
		}
		if p.Order.Lines, err = linesOf(tx.DB, p.OrderID); err != nil {
			return err
		}
		var attempts int64
		if err := tx.Model(&Payment{}).Where("order_id = ?", p.OrderID).Count(&attempts).Error; err != nil {
			return err
		}
		replaced = true
		return createPayment(tx, &next, *p.Order, attempts+1, s.now())
	})
	return replaced && err == nil, err
}

// Invoice finds a payment with its order by its invoice number, or says
// ErrNotFound.
func (s *Store) Invoice(ctx context.Context, invoiceNumber string) (Payment, error) {
	return paymentWhere(s.read.WithContext(ctx), byInvoice, invoiceNumber)
}

// TokenOf finds the token of the order an invoice number belongs to, or says
// ErrNotFound.
func (s *Store) TokenOf(ctx context.Context, invoiceNumber string) (string, error) {
	return tokenOf(s.read.WithContext(ctx), invoiceNumber)
}

func tokenOf(db *gorm.DB, invoiceNumber string) (token string, err error) {
	var o Order
	err = db.Select("orders.token").Joins("JOIN payments ON payments.order_id = orders.id").
		Where("payments.invoice_number = ?", invoiceNumber).Take(&o).Error
	return o.Token, err
}

// Expire ends a payment that can no longer be paid and, if it was the order's
// last hope, the order with it. A failed payment stays failed. An expired one is
// asked about again later: money that was under way may still turn up.
func (s *Store) Expire(ctx context.Context, call *APICall, id int64) error {
	return s.transactAfter(ctx, call, func(tx *transaction) error {
		_, err := expirePayment(tx, id, s.now())
		return err
	})
}

func expirePayment(tx *transaction, id int64, now time.Time) (bool, error) {
	p, err := lockPayment(tx, byID, id)
	if err != nil {
		return false, err
	}
	moved, err := movePayment(tx, p, PaymentExpired, map[string]any{"next_check_at": p.nextAfter(now.Add(secondLook), now), "leased_until": nil})
	if err == nil && p.State == PaymentFailed {
		err = tx.Model(&Payment{}).Where("id = ?", id).Updates(map[string]any{"next_check_at": nil, "leased_until": nil}).Error
	}
	if err != nil {
		return false, err
	}
	ended, err := expireIfOver(tx, *p.Order, now)
	if err != nil || !ended {
		return moved, err
	}
	return moved, enqueue(tx, Mail{OrderID: p.OrderID, PaymentID: p.ID, Kind: MailExpired, SendAt: now})
}

// expireIfOver ends an order that nothing can be paid for any more, and reports whether it
// did. Money that nobody has decided about holds it, and its goods.
func expireIfOver(tx *transaction, o Order, now time.Time) (bool, error) {
	live, err := livePayments(tx, o.ID)
	if err != nil || live > 0 {
		return false, err
	}
	if undecided, err := hasUndecidedMoney(tx, o.ID); err != nil || undecided {
		return false, err
	}
	return expireOrder(tx, o, now)
}

// endPayment gives up an attempt that may not be paid any more, in whatever state it is.
func endPayment(tx *transaction, p Payment) error {
	end, goesOn := map[PaymentState]PaymentState{PaymentCreating: PaymentFailed, PaymentPending: PaymentExpired}[p.State]
	if !goesOn {
		return nil
	}
	_, err := movePayment(tx, p, end, map[string]any{"next_check_at": nil, "leased_until": nil})
	return err
}

// livePayments counts the attempts of an order that are not over.
func livePayments(tx *transaction, orderID int64) (n int64, err error) {
	return n, tx.Model(&Payment{}).Where("order_id = ? AND state IN ?", orderID, liveStates()).Count(&n).Error
}

// movePayment makes one allowed move of a payment whose order is locked, together with other columns, and reports
// whether it was made.
func movePayment(tx *transaction, p Payment, to PaymentState, columns map[string]any) (bool, error) {
	columns["state"] = to
	moved := tx.Model(&Payment{}).Where("id = ? AND state IN ?", p.ID, sources(paymentMoves, to)).Updates(columns)
	if moved.Error != nil || moved.RowsAffected == 0 {
		return false, moved.Error
	}
	tx.audit(AuditEvent{OrderID: p.OrderID, PaymentID: p.ID, Kind: AuditPayment, Subject: p.InvoiceNumber,
		Was: string(p.State), Became: string(to)})
	return true, nil
}

func isOutOfStock(err error) bool {
	var e *OutOfStockError
	return errors.As(err, &e)
}
