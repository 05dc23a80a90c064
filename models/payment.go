package models

import (
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

// lease is how long one worker may be busy with a payment before another may
// take it over: longer than any call to the gateway is allowed to take.
const lease = 30 * time.Second

// createPayment keeps a new attempt in state creating, leased to whoever made
// it, who is expected to send its request next.
func createPayment(tx *gorm.DB, p *Payment, o Order, attempt int64, now time.Time) error {
	leasedUntil := now.Add(lease)
	p.OrderID, p.Attempt, p.State = o.ID, attempt, PaymentCreating
	p.Amount, p.Reusable = o.Total, o.Reusable()
	p.NextCheckAt, p.LeasedUntil, p.CreatedAt = &now, &leasedUntil, now
	if err := tx.Omit("Order", "Receipts").Create(p).Error; err != nil {
		return err
	}
	if err := keepWords(tx, o.ID, fold(p.InvoiceNumber)); err != nil {
		return err
	}
	return record(tx, Change{OrderID: o.ID, PaymentID: p.ID, Kind: ChangePayment, Subject: p.InvoiceNumber, Became: string(p.State)})
}

// InvoiceNumber names an attempt: the order number and which attempt it is.
func InvoiceNumber(orderNumber string, attempt int64) string {
	return fmt.Sprintf("%s-%d", orderNumber, attempt)
}

// AddPayment keeps another attempt for an order whose last code has expired or
// was refused, taking its stock again if it was given back. The order comes back
// as it then stands. When there is no room for another attempt, because the
// order is paid, or its code still good, or somebody was quicker, added is false.
func (s *Store) AddPayment(ctx context.Context, o Order, p Payment) (added bool, err error) {
	now := s.now()
	err = s.transact(ctx, func(tx *gorm.DB) error {
		added = false
		current, err := lockOrder(tx, o.ID)
		if err != nil {
			return err
		}
		var live int64
		err = tx.Model(&Payment{}).Where("order_id = ? AND (attempt >= ? OR state IN ?)",
			o.ID, o.NextAttempt(), []PaymentState{PaymentCreating, PaymentPending, PaymentPaid}).Count(&live).Error
		if err != nil || live > 0 {
			return err
		}
		revived, err := moveOrder(tx, o.ID, OrderAwaitingPayment, map[string]any{"expired_at": nil, "stock_held": true})
		if err != nil {
			return err
		}
		if revived {
			if err := takeStock(tx, o.ID, o.Lines); err != nil {
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

// ReplacePayment gives up an attempt whose invoice number the gateway will not
// take, and keeps the next in its place: same order, same stock. It reports
// false when the old one was not waiting for its code any more.
func (s *Store) ReplacePayment(ctx context.Context, old, next Payment, reason string) (replaced bool, err error) {
	err = s.transact(ctx, func(tx *gorm.DB) error {
		replaced = false
		o, err := lockOrder(tx, old.OrderID)
		if err != nil {
			return err
		}
		moved, err := movePayment(tx, old.ID, PaymentFailed, map[string]any{
			"last_error": reason, "next_check_at": nil, "leased_until": nil,
		})
		if err != nil || !moved {
			return err
		}
		var attempts int64
		if err := tx.Model(&Payment{}).Where("order_id = ?", o.ID).Count(&attempts).Error; err != nil {
			return err
		}
		replaced = true
		return createPayment(tx, &next, o, attempts+1, s.now())
	})
	return replaced && err == nil, err
}

// ClaimDue leases up to limit payments whose time to ask the gateway has come,
// the most overdue first.
func (s *Store) ClaimDue(ctx context.Context, limit int) ([]Payment, error) {
	now := s.now()
	var due []int64
	err := s.read.WithContext(ctx).Model(&Payment{}).
		Where("next_check_at <= ? AND (leased_until IS NULL OR leased_until <= ?)", now, now).
		Order("next_check_at").Limit(limit).Pluck("id", &due).Error
	if err != nil {
		return nil, err
	}
	var claimed []Payment
	for _, id := range due {
		p, ok, err := s.claim(ctx, id, "next_check_at <= ?", now)
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
	return s.claim(ctx, id)
}

// claim leases a payment if more conditions hold as well: that it is still due,
// for one, when another shop may have been with it since it was seen to be.
func (s *Store) claim(ctx context.Context, id int64, more ...any) (Payment, bool, error) {
	now := s.now()
	query := s.write.WithContext(ctx).Model(&Payment{}).Where("id = ? AND (leased_until IS NULL OR leased_until <= ?)", id, now)
	if len(more) > 0 {
		query = query.Where(more[0], more[1:]...)
	}
	res := query.Update("leased_until", now.Add(lease))
	if res.Error != nil || res.RowsAffected == 0 {
		return Payment{}, false, res.Error
	}
	p, err := first[Payment](s.write.WithContext(ctx).Preload("Order").Where("id = ?", id))
	return p, err == nil, err
}

// Ask notes that a shopper wants the gateway asked, and reports whether that is
// granted: at most once every interval.
func (s *Store) Ask(ctx context.Context, id int64, interval time.Duration) (bool, error) {
	now := s.now()
	res := s.write.WithContext(ctx).Model(&Payment{}).
		Where("id = ? AND (asked_at IS NULL OR asked_at <= ?)", id, now.Add(-interval)).
		Update("asked_at", now)
	return res.RowsAffected == 1, res.Error
}

// NextDue returns when ClaimDue will next have something, zero for never.
func (s *Store) NextDue(ctx context.Context) (time.Time, error) {
	p, err := first[Payment](s.read.WithContext(ctx).Where("next_check_at IS NOT NULL").
		Order("CASE WHEN leased_until > next_check_at THEN leased_until ELSE next_check_at END"))
	if errors.Is(err, ErrNotFound) {
		return time.Time{}, nil
	}
	if err != nil {
		return time.Time{}, err
	}
	next := *p.NextCheckAt
	if p.LeasedUntil != nil && p.LeasedUntil.After(next) {
		next = *p.LeasedUntil
	}
	return next, nil
}

// IssuedCode is what the gateway gave for a payment.
type IssuedCode struct {
	Code         string
	IssuedAt     time.Time
	ExpiresAt    time.Time
	HowToPayPage string
	HowToPayAPI  string
}

// IssueCode keeps the payment code that came: creating becomes pending. The
// code is kept, too, when the money was quicker than the code.
func (s *Store) IssueCode(ctx context.Context, id int64, c IssuedCode, nextCheckAt time.Time) error {
	columns := map[string]any{
		"code": c.Code, "how_to_pay_page": c.HowToPayPage, "how_to_pay_api": c.HowToPayAPI,
		"code_issued_at": c.IssuedAt.UTC(), "expires_at": c.ExpiresAt.UTC(),
		"leased_until": nil, "tries": 0, "last_error": "",
	}
	return s.transact(ctx, func(tx *gorm.DB) error {
		if _, err := lockPayment(tx, "id = ?", id); err != nil {
			return err
		}
		if err := tx.Model(&Payment{}).Where("id = ?", id).Updates(columns).Error; err != nil {
			return err
		}
		p, err := first[Payment](tx.Select("order_id").Where("id = ?", id))
		if err != nil {
			return err
		}
		if err := keepWords(tx, p.OrderID, fold(c.Code)); err != nil {
			return err
		}
		moved, err := movePayment(tx, id, PaymentPending, map[string]any{"next_check_at": nextCheckAt.UTC()})
		if err != nil || !moved {
			return err
		}
		return mailCode(tx, id, c, s.now())
	})
}

// SetInstructions keeps the gateway's steps for a payment.
func (s *Store) SetInstructions(ctx context.Context, id int64, list []Instruction) error {
	return s.write.WithContext(ctx).Model(&Payment{ID: id}).Select("Instructions").
		Updates(&Payment{Instructions: list}).Error
}

// RefuseCode notes that the gateway will not give a code: creating becomes
// failed, and a person is told why. The order keeps its stock until giveUpAt,
// so that the shopper can try again.
func (s *Store) RefuseCode(ctx context.Context, p Payment, reason string, giveUpAt time.Time) error {
	return s.transact(ctx, func(tx *gorm.DB) error {
		if _, err := lockOrder(tx, p.OrderID); err != nil {
			return err
		}
		moved, err := movePayment(tx, p.ID, PaymentFailed, map[string]any{
			"last_error": reason, "next_check_at": giveUpAt.UTC(), "leased_until": nil,
		})
		if err != nil || !moved {
			return err
		}
		return raise(tx, Attention{OrderID: &p.OrderID, Kind: AttentionRefused, Detail: reason})
	})
}

// Postpone notes a turn to the gateway that settled nothing, and when to turn
// again, zero for never.
func (s *Store) Postpone(ctx context.Context, id int64, reason string, nextCheckAt time.Time) error {
	return s.transact(ctx, func(tx *gorm.DB) error {
		return tx.Model(&Payment{}).Where("id = ?", id).Updates(map[string]any{
			"tries": gorm.Expr("tries + 1"), "last_error": reason,
			"next_check_at": orNever(nextCheckAt), "leased_until": nil,
		}).Error
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
	return tx.Model(&Payment{}).Where("id = ? AND (next_check_at IS NULL OR next_check_at > ?)", p.ID, now.Add(Settling)).
		Update("next_check_at", now.Add(Settling)).Error
}

// Invoice finds a payment with its order by its invoice number, or says
// ErrNotFound.
func (s *Store) Invoice(ctx context.Context, invoiceNumber string) (Payment, error) {
	return first[Payment](s.read.WithContext(ctx).Preload("Order").Where("invoice_number = ?", invoiceNumber))
}

// Checked notes the gateway's word on a payment, for the shopper who asked.
func (s *Store) Checked(ctx context.Context, id int64, status string) error {
	return s.write.WithContext(ctx).Model(&Payment{}).Where("id = ?", id).Updates(map[string]any{
		"checked_at": s.now(), "checked_status": status,
	}).Error
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
	p, err := lockPayment(tx, "id = ?", id)
	if err != nil {
		return false, err
	}
	moved, err := movePayment(tx, id, PaymentExpired, map[string]any{"next_check_at": now.Add(secondLook), "leased_until": nil})
	if err != nil {
		return false, err
	}
	err = tx.Model(&Payment{}).Where("id = ? AND state = ?", id, PaymentFailed).
		Updates(map[string]any{"next_check_at": nil, "leased_until": nil}).Error
	if err != nil {
		return false, err
	}
	var live int64
	err = tx.Model(&Payment{}).Where("order_id = ? AND state IN ?", p.OrderID,
		[]PaymentState{PaymentCreating, PaymentPending, PaymentPaid}).Count(&live).Error
	if err != nil || live > 0 {
		return moved, err
	}
	ended, err := expireOrder(tx, *p.Order, now)
	if err != nil || !ended {
		return moved, err
	}
	return moved, enqueue(tx, p.OrderID, p.ID, MailExpired, now)
}

// movePayment makes one allowed move and reports whether it was made. The guard
// is the UPDATE's; what was there before is read, and locked, for the record.
func movePayment(tx *gorm.DB, id int64, to PaymentState, changes map[string]any) (bool, error) {
	was, err := first[Payment](locked(tx).Select("order_id", "invoice_number", "state").Where("id = ?", id))
	if err != nil {
		return false, err
	}
	changes["state"] = to
	res := tx.Model(&Payment{}).Where("id = ? AND state IN ?", id, sources(paymentMoves, to)).Updates(changes)
	if res.Error != nil || res.RowsAffected == 0 {
		return false, res.Error
	}
	return true, record(tx, Change{OrderID: was.OrderID, PaymentID: id, Kind: ChangePayment, Subject: was.InvoiceNumber,
		Was: string(was.State), Became: string(to)})
}

// locked keeps the rows a query reads for this transaction alone, where a
// database has row locks, with room for rows that only refer to them.
func locked(tx *gorm.DB) *gorm.DB { return tx.Clauses(clause.Locking{Strength: "NO KEY UPDATE"}) }

func isOutOfStock(err error) bool {
	var e *OutOfStockError
	return errors.As(err, &e)
}
