package models

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"gorm.io/gorm"

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

var payments = newTable("payments", "id", "order_id", "attempt", "invoice_number", "amount", "reusable", "request_id", "request_body", "state",
	"code", "how_to_pay_page", "how_to_pay_api", "instructions", "code_issued_at", "expires_at", "next_check_at", "leased_until", "tries",
	"last_error", "checked_at", "checked_status", "asked_at", "created_at")

func (p *Payment) fields() []any {
	return []any{&p.ID, &p.OrderID, &p.Attempt, &p.InvoiceNumber, &p.Amount, &p.Reusable, &p.RequestID, &p.RequestBody, &p.State,
		&p.Code, &p.HowToPayPage, &p.HowToPayAPI, &asJSON{&p.Instructions}, &p.CodeIssuedAt, &p.ExpiresAt, &p.NextCheckAt, &p.LeasedUntil, &p.Tries,
		&p.LastError, &p.CheckedAt, &p.CheckedStatus, &p.AskedAt, &p.CreatedAt}
}

// What a payment is looked up by.
const (
	byID      = "id = CAST($1 AS bigint)"
	byInvoice = "invoice_number = CAST($1 AS text)"
)

// paymentWhere loads the payment of which a condition holds, with its order.
func paymentWhere(db *gorm.DB, condition string, value any) (p Payment, err error) {
	query := "SELECT " + payments.of("p") + ", " + orders.of("o") + " FROM orders o JOIN payments p ON p.order_id = o.id WHERE p." + condition
	p.Order = &Order{}
	err = one(db, query, []any{value}, append(p.fields(), p.Order.fields()...)...)
	return p, err
}

// lockPayment loads a payment with its order for this transaction alone, and of both
// no more than what is decided by. The lock is the order's and the payment's; what
// they have is read once it is held. The order comes first, here as in whatever else
// locks both.
func lockPayment(tx *gorm.DB, condition string, value any) (p Payment, err error) {
	const query = "SELECT p.id, p.order_id, p.invoice_number, p.amount, p.reusable, p.state, p.code, p.next_check_at," +
		" o.id, o.number, o.total, o.status, o.stock_held FROM orders o JOIN payments p ON p.order_id = o.id WHERE p."
	o := &Order{}
	p.Order = o
	err = one(tx, locked(tx, query+condition), []any{value}, &p.ID, &p.OrderID, &p.InvoiceNumber, &p.Amount, &p.Reusable, &p.State, &p.Code, &p.NextCheckAt,
		&o.ID, &o.Number, &o.Total, &o.Status, &o.StockHeld)
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
	if _, err := add(tx, payments, p, ""); err != nil {
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
		err = one(tx, "SELECT COUNT(*) FROM payments WHERE order_id = $1 AND (attempt >= $2 OR "+mayBePaid+")", []any{o.ID, o.NextAttempt()}, &live)
		if err != nil || live > 0 {
			return err
		}
		revived, err := moveOrder(tx, current, OrderAwaitingPayment, "expired_at = $1, stock_held = $2", nil, true)
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

// mayBePaid is the condition that an attempt is not over.
const mayBePaid = "state IN ('creating', 'pending', 'paid')"

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
		moved, err := movePayment(tx, p, PaymentFailed, "last_error = $1, next_check_at = $2, leased_until = $2", reason, nil)
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
		if err := one(tx, "SELECT COUNT(*) FROM payments WHERE order_id = $1", []any{p.OrderID}, &attempts); err != nil {
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
	err := each(with(ctx, s.read), "SELECT id FROM payments WHERE next_check_at <= $1 AND (leased_until IS NULL OR leased_until <= $1 OR leased_until > $2)"+
		" ORDER BY next_check_at LIMIT $3", []any{now, now.Add(2 * lease), limit}, func(scan func(...any) error) error {
		due = append(due, 0)
		return scan(&due[len(due)-1])
	})
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
		n, err := execute(tx, "UPDATE payments SET leased_until = $1 WHERE id = $2 AND (leased_until IS NULL OR leased_until <= $3 OR leased_until > $4)"+
			" AND ($5 OR next_check_at <= $6)", now.Add(lease), id, now, now.Add(2*lease), due.IsZero(), due)
		if err != nil || n == 0 {
			return err
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
	return s.once(ctx, "UPDATE payments SET asked_at = $1 WHERE id = $2 AND (asked_at IS NULL OR asked_at <= $3 OR asked_at > $4)",
		now, id, now.Add(-interval), now.Add(interval))
}

// NextDue returns when ClaimDue will next have something, zero for never. It does not
// know of void leases: what has one is due sooner.
func (s *Store) NextDue(ctx context.Context) (time.Time, error) {
	return nextDue(with(ctx, s.read), "SELECT next_check_at, leased_until FROM payments WHERE next_check_at IS NOT NULL ORDER BY next_check_at LIMIT $1")
}

// looked is how far nextDue looks: at more than workers have leased at a time.
const looked = 200

// errSeen ends a look at rows that come by time.
var errSeen = errors.New("those that follow are later")

// nextDue finds what is due first in a list by time, of which each may be leased
// for longer than that.
func nextDue(db *gorm.DB, query string, values ...any) (next time.Time, err error) {
	err = each(db, query, append(values, looked), func(scan func(...any) error) error {
		var due time.Time
		var leased *time.Time
		if err := scan(&due, &leased); err != nil {
			return err
		}
		if !next.IsZero() && !due.Before(next) {
			return errSeen
		}
		if leased != nil && leased.After(due) {
			due = *leased
		}
		if next.IsZero() || due.Before(next) {
			next = due
		}
		return nil
	})
	if err == errSeen {
		err = nil
	}
	return next, err
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
		const set = "code = $1, how_to_pay_page = $2, how_to_pay_api = $3, code_issued_at = $4, expires_at = $5," +
			" leased_until = $6, tries = $7, last_error = $8"
		columns := []any{c.Code, c.HowToPayPage, c.HowToPayAPI, c.IssuedAt.UTC(), c.ExpiresAt.UTC(), nil, 0, ""}
		moved, err := movePayment(tx, p, PaymentPending, set+", next_check_at = $9", append(columns, nextCheckAt.UTC())...)
		if err != nil {
			return err
		}
		if issued = moved; !moved {
			issued, err = lateCode(tx, p, set, columns)
			return err
		}
		if err := keepWords(tx, p.OrderID, fold(c.Code)); err != nil {
			return err
		}
		return mailCode(tx, p, c.ExpiresAt, s.now())
	})
	return issued && err == nil, err
}

// lateCode keeps a code that came after its money: what the payment has already stays. A
// code for an attempt that is over, or that has another by now, changes nothing.
func lateCode(tx *gorm.DB, p Payment, set string, columns []any) (bool, error) {
	code := columns[0].(string)
	n, err := execute(tx, "UPDATE payments SET "+set+" WHERE id = $9 AND state = $10 AND code_issued_at IS NULL AND code IN ('', $1)",
		append(columns, p.ID, string(PaymentPaid))...)
	if err != nil || n == 0 {
		return false, err
	}
	return true, keepWords(tx, p.OrderID, fold(code))
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
	err := one(tx, "SELECT COUNT(*) FROM order_words w JOIN payments o ON o.order_id = w.order_id"+
		" WHERE w.word = $1 AND o.code = CAST($2 AS text) AND o.order_id <> $3 AND o.expires_at > $4",
		[]any{[]byte(fold(code)), code, p.OrderID, now.Add(-codeOver)}, &others)
	return others > 0, err
}

// SetInstructions keeps the gateway's steps for a payment.
func (s *Store) SetInstructions(ctx context.Context, id int64, list []Instruction) error {
	return s.update(ctx, "UPDATE payments SET instructions = $1 WHERE id = $2", asJSON{&list}, id)
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
	moved, err := movePayment(tx, p, PaymentFailed, "last_error = $1, next_check_at = $2, leased_until = $3", reason, giveUpAt.UTC(), nil)
	if err != nil || !moved {
		return err
	}
	return raiseOnce(tx, Case{Kind: kind, About: aboutPayment(p.ID), OrderID: &p.OrderID, PaymentID: &p.ID, Detail: reason})
}

// Postpone notes a call to the gateway that settled nothing, and when to call again, zero
// for never. It changes nothing where the payment is not in the state any more that it was
// in before the call: what moved it knew more.
func (s *Store) Postpone(ctx context.Context, p Payment, reason string, nextCheckAt time.Time) error {
	return s.update(ctx, "UPDATE payments SET tries = tries + 1, last_error = $1, next_check_at = $2, leased_until = $3 WHERE id = $4 AND state = $5",
		reason, orNever(nextCheckAt), nil, p.ID, string(p.State))
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
	_, err := execute(tx, "UPDATE payments SET next_check_at = $1 WHERE id = $2 AND (next_check_at IS NULL OR next_check_at > $1)", now.Add(Settling), p.ID)
	return err
}

// Invoice finds a payment with its order by its invoice number, or says
// ErrNotFound.
func (s *Store) Invoice(ctx context.Context, invoiceNumber string) (Payment, error) {
	return paymentWhere(with(ctx, s.read), byInvoice, invoiceNumber)
}

// TokenOf finds the token of the order an invoice number belongs to, or says
// ErrNotFound.
func (s *Store) TokenOf(ctx context.Context, invoiceNumber string) (string, error) {
	return tokenOf(with(ctx, s.read), invoiceNumber)
}

func tokenOf(db *gorm.DB, invoiceNumber string) (token string, err error) {
	err = one(db, "SELECT o.token FROM payments p JOIN orders o ON o.id = p.order_id WHERE p."+byInvoice, []any{invoiceNumber}, &token)
	return token, err
}

// Checked notes the gateway's word on a payment, for the shopper who asked. It changes
// nothing where the payment is not in the state any more that it was in before the call.
func (s *Store) Checked(ctx context.Context, p Payment, status string) error {
	return s.update(ctx, "UPDATE payments SET checked_at = $1, checked_status = $2 WHERE id = $3 AND state = $4", s.now(), status, p.ID, string(p.State))
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
	moved, err := movePayment(tx, p, PaymentExpired, "next_check_at = $1, leased_until = $2", now.Add(secondLook), nil)
	if err == nil && p.State == PaymentFailed {
		_, err = execute(tx, "UPDATE payments SET next_check_at = $1, leased_until = $1 WHERE id = $2", nil, id)
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
	_, err := movePayment(tx, p, end, "next_check_at = $1, leased_until = $1", nil)
	return err
}

// livePayments counts the attempts of an order that are not over.
func livePayments(tx *gorm.DB, orderID int64) (n int64, err error) {
	return n, one(tx, "SELECT COUNT(*) FROM payments WHERE order_id = $1 AND "+mayBePaid, []any{orderID}, &n)
}

// movePayment makes one allowed move of a payment that is locked, together with
// what else is set, and reports whether it was made.
func movePayment(tx *gorm.DB, p Payment, to PaymentState, set string, values ...any) (bool, error) {
	moved, err := move(tx, "payments", p.ID, "state", string(to), guard("state", paymentMoves, to), set, values)
	if moved {
		record(tx, Change{OrderID: p.OrderID, PaymentID: p.ID, Kind: ChangePayment, Subject: p.InvoiceNumber, Was: string(p.State), Became: string(to)})
	}
	return moved, err
}

func isOutOfStock(err error) bool {
	var e *OutOfStockError
	return errors.As(err, &e)
}
