package models

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"warungjokul/models/internal/db"
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

// lease is how long one worker may be busy with a payment before another may
// take it over: longer than any call to the gateway is allowed to take. A lease of
// more than twice that from now was written by a clock that was ahead, and is void.
const lease = 30 * time.Second

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
func lockPayment(tx *gorm.DB, condition string, value any) (p Payment, err error) {
	var o Order
	orderID := tx.Model(&Payment{}).Select("order_id").Where(condition, value)
	err = forUpdate(tx).Select("id", "number", "total", "status", "stock_held").Where("id = (?)", orderID).Take(&o).Error
	if err != nil {
		return p, err
	}
	err = tx.Select("id", "order_id", "invoice_number", "amount", "reusable", "state", "code", "next_check_at").
		Where(condition, value).Take(&p).Error
	p.Order = &o
	return p, err
}

// createPayment keeps a new attempt in state creating, leased to whoever made
// it, who is expected to send its request next. The order is found by its invoice
// number from now on, and by more words.
func createPayment(tx *gorm.DB, p *Payment, o Order, attempt int64, now time.Time, words ...string) error {
	leasedUntil := now.Add(lease)
	p.OrderID, p.Attempt, p.State = o.ID, attempt, PaymentCreating
	p.Amount, p.Reusable = o.Total, o.Reusable()
	p.NextCheckAt, p.LeasedUntil, p.CreatedAt = &now, &leasedUntil, now
	if err := tx.Omit(clause.Associations).Create(p).Error; err != nil {
		return err
	}
	record(tx, Change{OrderID: o.ID, PaymentID: p.ID, Kind: ChangePayment, Subject: p.InvoiceNumber, Became: string(p.State)})
	return keepWords(tx, o.ID, append(words, fold(p.InvoiceNumber))...)
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
	err = s.transact(ctx, func(tx *gorm.DB) error {
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
func (s *Store) ReplacePayment(ctx context.Context, old, next Payment, reason string) (replaced bool, err error) {
	err = s.transact(ctx, func(tx *gorm.DB) error {
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
		if p.Order.Lines, err = linesOf(tx, p.OrderID); err != nil {
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

// ClaimDue leases up to limit payments whose time to ask the gateway has come,
// the most overdue first.
func (s *Store) ClaimDue(ctx context.Context, limit int) ([]Payment, error) {
	now := s.now()
	var due []int64
	err := s.read.WithContext(ctx).Model(&Payment{}).Where("next_check_at <= ?", now).
		Where("leased_until IS NULL OR leased_until <= ? OR leased_until > ?", now, now.Add(2*lease)).
		Order("next_check_at").Limit(limit).Pluck("id", &due).Error
	if err != nil {
		return nil, err
	}
	var claimed []Payment
	for _, id := range due {
		p, ok, err := s.claim(ctx, id, now)
		if err != nil {
			return claimed, err
		}
		if ok {
			claimed = append(claimed, p)
		}
	}
	return claimed, nil
}

// Claim leases one payment for 30 seconds, unless somebody else has it.
func (s *Store) Claim(ctx context.Context, id int64) (Payment, bool, error) {
	return s.claim(ctx, id, time.Time{})
}

// claim leases a payment. Where due is not zero it must be due by then still: when
// another shop may have been with it since it was seen to be.
func (s *Store) claim(ctx context.Context, id int64, due time.Time) (p Payment, claimed bool, err error) {
	now := s.now()
	err = s.transact(ctx, func(tx *gorm.DB) error {
		p, claimed = Payment{}, false
		free := tx.Model(&Payment{}).Where("id = ?", id).
			Where("leased_until IS NULL OR leased_until <= ? OR leased_until > ?", now, now.Add(2*lease))
		if !due.IsZero() {
			free = free.Where("next_check_at <= ?", due)
		}
		leased := free.Update("leased_until", now.Add(lease))
		if leased.Error != nil || leased.RowsAffected == 0 {
			return leased.Error
		}
		claimed = true
		p, err = paymentWhere(tx, byID, id)
		return err
	})
	return p, claimed && err == nil, err
}

// Ask notes that a shopper wants the gateway asked, and reports whether that is
// granted: at most once every interval. A moment further ahead than that was written
// by a clock that was ahead, and holds nobody up.
func (s *Store) Ask(ctx context.Context, id int64, interval time.Duration) (bool, error) {
	now := s.now()
	granted := s.write.WithContext(ctx).Model(&Payment{}).Where("id = ?", id).
		Where("asked_at IS NULL OR asked_at <= ? OR asked_at > ?", now.Add(-interval), now.Add(interval)).Update("asked_at", now)
	return granted.RowsAffected > 0, granted.Error
}

// NextDue returns when ClaimDue will next have something, zero for never. It does not
// know of void leases: what has one is due sooner.
func (s *Store) NextDue(ctx context.Context) (time.Time, error) {
	return nextDue(s.read.WithContext(ctx), &Payment{}, "next_check_at", "next_check_at IS NOT NULL")
}

// maxLeased is how many of the rows that are due first nextDue reads: more than workers have leased at a time.
const maxLeased = 200

// nextDue returns when the first row of a table is due by the time in a column, or its lease ends if that is later;
// zero if there is none.
func nextDue(db *gorm.DB, table any, column, condition string, values ...any) (time.Time, error) {
	var next []struct {
		Due         time.Time
		LeasedUntil *time.Time
	}
	first := db.Model(table).Select(column+" AS due", "leased_until").Where(condition, values...).Order(column).Limit(maxLeased)
	err := db.Table("(?) AS listed", first).Order("CASE WHEN leased_until > due THEN leased_until ELSE due END").Limit(1).Find(&next).Error
	if err != nil || len(next) == 0 {
		return time.Time{}, err
	}
	if leased := next[0].LeasedUntil; leased != nil && leased.After(next[0].Due) {
		return *leased, nil
	}
	return next[0].Due, nil
}

// IssuedCode is what the gateway gave for a payment.
type IssuedCode struct {
	Code         string
	IssuedAt     time.Time
	ExpiresAt    time.Time
	HowToPayPage string
	HowToPayAPI  string
}

// IssueCode stores the payment code that came: creating becomes pending. If the payment was
// paid before its code came, only what is missing is filled in. A code that another order
// still uses is not stored: the attempt fails and a case is raised. issued reports whether
// the code was stored.
func (s *Store) IssueCode(ctx context.Context, id int64, c IssuedCode, nextCheckAt time.Time) (issued bool, err error) {
	err = s.transact(ctx, func(tx *gorm.DB) error {
		issued = false
		p, err := lockPayment(tx, byID, id)
		if err != nil {
			return err
		}
		taken, err := codeTaken(tx, p, c.Code, s.now())
		if err != nil {
			return err
		}
		if taken {
			return refuse(tx, p, CaseCodeTaken, fmt.Sprintf("the gateway gave %s the code %s, which another order has", p.InvoiceNumber, c.Code),
				c.ExpiresAt)
		}
		columns := c.columns()
		columns["next_check_at"] = nextCheckAt.UTC()
		if issued, err = movePayment(tx, p, PaymentPending, columns); err != nil {
			return err
		}
		if !issued {
			issued, err = lateCode(tx, p, c)
			return err
		}
		if err := keepWords(tx, p.OrderID, fold(c.Code)); err != nil {
			return err
		}
		return mailCode(tx, p, c.ExpiresAt, s.now())
	})
	return issued && err == nil, err
}

// columns are what a payment stores of a code.
func (c IssuedCode) columns() map[string]any {
	return map[string]any{
		"code": c.Code, "how_to_pay_page": c.HowToPayPage, "how_to_pay_api": c.HowToPayAPI,
		"code_issued_at": c.IssuedAt.UTC(), "expires_at": c.ExpiresAt.UTC(),
		"leased_until": nil, "tries": 0, "last_error": "",
	}
}

// lateCode stores a code that came after its money: what the payment has already stays. A
// code for an attempt that is over, or that has another by now, changes nothing.
func lateCode(tx *gorm.DB, p Payment, c IssuedCode) (bool, error) {
	stored := tx.Model(&Payment{}).Where("id = ? AND state = ? AND code_issued_at IS NULL", p.ID, PaymentPaid).
		Where("code IN ?", []string{"", c.Code}).Updates(c.columns())
	if stored.Error != nil || stored.RowsAffected == 0 {
		return false, stored.Error
	}
	return true, keepWords(tx, p.OrderID, fold(c.Code))
}

// codeOver is how long after its deadline a code is over for good, so that the gateway may
// give it to another order.
const codeOver = 24 * time.Hour

// codeTaken reports whether a payment of another order has a code that is not over.
func codeTaken(tx *gorm.DB, p Payment, code string, now time.Time) (bool, error) {
	var others int64
	if err := db.AdvisoryLock(tx, code); err != nil { // two orders may be given one code at once
		return false, err
	}
	err := tx.Model(&Payment{}).Joins("JOIN order_words ON order_words.order_id = payments.order_id").
		Where("order_words.word = ?", []byte(fold(code))).
		Where("payments.code = ? AND payments.order_id <> ? AND payments.expires_at > ?", code, p.OrderID, now.Add(-codeOver)).
		Count(&others).Error
	return others > 0, err
}

// SetInstructions keeps the gateway's steps for a payment.
func (s *Store) SetInstructions(ctx context.Context, id int64, list []Instruction) error {
	return s.transact(ctx, func(tx *gorm.DB) error {
		return tx.Model(&Payment{}).Where("id = ?", id).Select("instructions").Updates(Payment{Instructions: list}).Error
	})
}

// RefuseCode notes that the gateway will not give a code: creating becomes
// failed, and a person is told why. The order keeps its stock until giveUpAt,
// so that the shopper can try again.
func (s *Store) RefuseCode(ctx context.Context, p Payment, reason string, giveUpAt time.Time) error {
	return s.transact(ctx, func(tx *gorm.DB) error {
		p, err := lockPayment(tx, byID, p.ID)
		if err != nil {
			return err
		}
		return refuse(tx, p, CaseRefused, reason, giveUpAt)
	})
}

// refuse gives up an attempt that is waiting for its code, and asks a person why.
func refuse(tx *gorm.DB, p Payment, kind CaseKind, reason string, giveUpAt time.Time) error {
	moved, err := movePayment(tx, p, PaymentFailed, map[string]any{"last_error": reason, "next_check_at": giveUpAt.UTC(), "leased_until": nil})
	if err != nil || !moved {
		return err
	}
	return raiseOnce(tx, Case{Kind: kind, About: aboutPayment(p.ID), OrderID: &p.OrderID, PaymentID: &p.ID, Detail: reason})
}

// Postpone notes a call to the gateway that settled nothing, and when to call again, zero
// for never. It changes nothing where the payment is not in the state any more that it was
// in before the call: what moved it knew more.
func (s *Store) Postpone(ctx context.Context, p Payment, reason string, nextCheckAt time.Time) error {
	return s.transact(ctx, func(tx *gorm.DB) error {
		return tx.Model(&Payment{}).Where("id = ? AND state = ?", p.ID, p.State).Updates(map[string]any{
			"tries": gorm.Expr("tries + 1"), "last_error": reason, "next_check_at": orNever(nextCheckAt), "leased_until": nil}).Error
	})
}

func orNever(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}

// checkSoon has the gateway asked about a payment it has hinted at, once its
// answer can be trusted.
func checkSoon(tx *gorm.DB, p Payment, now time.Time) error {
	at := now.Add(Settling)
	return tx.Model(&Payment{}).Where("id = ? AND (next_check_at IS NULL OR next_check_at > ?)", p.ID, at).Update("next_check_at", at).Error
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

// Checked notes the gateway's word on a payment, for the shopper who asked. It changes
// nothing where the payment is not in the state any more that it was in before the call.
func (s *Store) Checked(ctx context.Context, p Payment, status string) error {
	return s.transact(ctx, func(tx *gorm.DB) error {
		return tx.Model(&Payment{}).Where("id = ? AND state = ?", p.ID, p.State).
			Updates(map[string]any{"checked_at": s.now(), "checked_status": status}).Error
	})
}

// Expire ends a payment that can no longer be paid and, if it was the order's
// last hope, the order with it. A failed payment stays failed. An expired one is
// asked about again later: money that was under way may still turn up.
func (s *Store) Expire(ctx context.Context, id int64) error {
	return s.transact(ctx, func(tx *gorm.DB) error {
		_, err := expirePayment(tx, id, s.now())
		return err
	})
}

func expirePayment(tx *gorm.DB, id int64, now time.Time) (bool, error) {
	p, err := lockPayment(tx, byID, id)
	if err != nil {
		return false, err
	}
	moved, err := movePayment(tx, p, PaymentExpired, map[string]any{"next_check_at": now.Add(secondLook), "leased_until": nil})
	if err == nil && p.State == PaymentFailed {
		err = tx.Model(&Payment{}).Where("id = ?", id).Updates(map[string]any{"next_check_at": nil, "leased_until": nil}).Error
	}
	if err != nil {
		return false, err
	}
	return moved, expireIfOver(tx, p, *p.Order, now)
}

// expireIfOver ends an order that nothing can be paid for any more. Money that nobody has
// decided about holds it, and its goods.
func expireIfOver(tx *gorm.DB, p Payment, o Order, now time.Time) error {
	live, err := livePayments(tx, o.ID)
	if err != nil || live > 0 {
		return err
	}
	if undecided, err := hasUndecidedMoney(tx, o.ID); err != nil || undecided {
		return err
	}
	ended, err := expireOrder(tx, o, now)
	if err != nil || !ended {
		return err
	}
	return enqueue(tx, Mail{OrderID: o.ID, PaymentID: p.ID, Kind: MailExpired, SendAt: now})
}

// endPayment gives up an attempt that may not be paid any more, in whatever state it is.
func endPayment(tx *gorm.DB, p Payment) error {
	end, goesOn := map[PaymentState]PaymentState{PaymentCreating: PaymentFailed, PaymentPending: PaymentExpired}[p.State]
	if !goesOn {
		return nil
	}
	_, err := movePayment(tx, p, end, map[string]any{"next_check_at": nil, "leased_until": nil})
	return err
}

// livePayments counts the attempts of an order that are not over.
func livePayments(tx *gorm.DB, orderID int64) (n int64, err error) {
	return n, tx.Model(&Payment{}).Where("order_id = ? AND state IN ?", orderID, liveStates()).Count(&n).Error
}

// movePayment makes one allowed move of a payment whose order is locked, together with other columns, and reports
// whether it was made.
func movePayment(tx *gorm.DB, p Payment, to PaymentState, columns map[string]any) (bool, error) {
	columns["state"] = to
	moved := tx.Model(&Payment{}).Where("id = ? AND state IN ?", p.ID, sources(paymentMoves, to)).Updates(columns)
	if moved.Error != nil || moved.RowsAffected == 0 {
		return false, moved.Error
	}
	record(tx, Change{OrderID: p.OrderID, PaymentID: p.ID, Kind: ChangePayment, Subject: p.InvoiceNumber,
		Was: string(p.State), Became: string(to)})
	return true, nil
}

func isOutOfStock(err error) bool {
	var e *OutOfStockError
	return errors.As(err, &e)
}
