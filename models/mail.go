package models

import (
	"context"
	"time"

	"gorm.io/gorm"
)

// MailKind says what a mail to the customer is about.
type MailKind string

const (
	MailCode     MailKind = "code"     // here is your payment code
	MailReminder MailKind = "reminder" // its deadline is near
	MailPaid     MailKind = "paid"
	MailExpired  MailKind = "expired" // make a new code

	MailCancelled MailKind = "cancelled" // the code must not be paid any more
	MailMoney     MailKind = "money"     // money came that is not applied: a person is looking at it
	MailDecided   MailKind = "decided"   // what was decided about it
)

// Mail is one mail that is due, or was sent. Of each kind there is one for a payment and
// a case at most; it is written in the transaction that gave the reason.
type Mail struct {
	ID        int64
	OrderID   int64
	Order     *Order
	PaymentID int64
	Payment   *Payment
	CaseID    int64 // the case it is about, 0 for none
	Case      *Case `gorm:"-"`
	Kind      MailKind

	SendAt      time.Time
	LeasedUntil *time.Time
	Tries       int64
	LastError   string

	// What was sent, as it was sent. Without a subject nothing was: the reason
	// for the mail had gone. Without a text it was erased.
	SentAt  *time.Time
	Subject string
	Text    string
	HTML    string
}

const (
	// mailStale is how late a mail may be. A shop that gets its first mail
	// server, or had none for days, does not write to customers of last week.
	mailStale = 6 * time.Hour
	mailsKept = 30 * 24 * time.Hour
	mailLease = time.Minute
	mailAgain = time.Minute // between the same mail and itself, when a customer asks for it

	// A reminder comes when a quarter of the time is left, and not for codes
	// that are over before anybody could have forgotten them.
	reminderPart  = 4
	leastToRemind = 20 * time.Minute
)

var mails = newTable("mails", "id", "order_id", "payment_id", "case_id", "kind", "send_at", "leased_until", "tries", "last_error", "sent_at",
	"subject", "text", "html")

func (m *Mail) fields() []any {
	return []any{&m.ID, &m.OrderID, &m.PaymentID, &m.CaseID, &m.Kind, &m.SendAt, &m.LeasedUntil, &m.Tries, &m.LastError, &m.SentAt,
		&m.Subject, &m.Text, &m.HTML}
}

// MailPause is the longest from one try to send a mail to the next.
const MailPause = time.Hour

// enqueue has a mail sent, once.
func enqueue(tx *gorm.DB, m Mail) error {
	m.SendAt = m.SendAt.UTC()
	_, err := add(tx, mails, &m, onlyOnce)
	return err
}

// mailCode has the customer told of a code, and reminded of it.
func mailCode(tx *gorm.DB, p Payment, expiresAt, now time.Time) error {
	err := enqueue(tx, Mail{OrderID: p.OrderID, PaymentID: p.ID, Kind: MailCode, SendAt: now})
	if left := expiresAt.Sub(now); err == nil && left >= leastToRemind {
		err = enqueue(tx, Mail{OrderID: p.OrderID, PaymentID: p.ID, Kind: MailReminder, SendAt: expiresAt.Add(-left / reminderPart)})
	}
	return err
}

// MailAgain has the mail about a payment's code sent once more, because the
// customer asks for it, and reports whether it will be: it was sent before, and
// not just now. That a clock that was ahead has sent it later than now holds nobody up.
func (s *Store) MailAgain(ctx context.Context, paymentID int64) (bool, error) {
	now := s.now()
	return s.once(ctx, "UPDATE mails SET sent_at = $1, send_at = $2, leased_until = $1, tries = $3 WHERE payment_id = $4 AND kind = $5"+
		" AND (sent_at <= $6 OR sent_at > $7)", nil, now, 0, paymentID, MailCode, now.Add(-mailAgain), now.Add(mailAgain))
}

// Wanted reports whether there is still a reason for the mail.
func (m Mail) Wanted(now time.Time) bool {
	if m.Order.ErasedAt != nil { // there is no address any more
		return false
	}
	switch m.Kind {
	case MailCode, MailReminder:
		return m.Payment.State == PaymentPending && m.Order.Status == OrderAwaitingPayment && now.Before(*m.Payment.ExpiresAt) &&
			!m.Order.HasUndecidedMoney()
	case MailPaid:
		return m.Order.Status == OrderPaid
	case MailExpired:
		return m.Order.Status == OrderExpired
	case MailCancelled:
		return m.Order.Status == OrderCancelled
	case MailMoney:
		return m.Case.ClosedAt == nil
	case MailDecided:
		return true
	}
	return false
}

// ClaimMails leases up to limit mails whose time has come, each with its order
// and payment.
func (s *Store) ClaimMails(ctx context.Context, limit int) ([]Mail, error) {
	now := s.now()
	var due []int64
	err := each(with(ctx, s.read), "SELECT id FROM mails WHERE sent_at IS NULL AND send_at <= $1 AND send_at > $2"+
		" AND (leased_until IS NULL OR leased_until <= $1) ORDER BY send_at, id LIMIT $3", []any{now, now.Add(-mailStale), limit},
		func(scan func(...any) error) error {
			due = append(due, 0)
			return scan(&due[len(due)-1])
		})
	if err != nil || len(due) == 0 {
		return nil, err
	}
	var claimed []Mail
	err = s.transact(ctx, func(tx *gorm.DB) error {
		claimed = nil
		for _, id := range due {
			var m Mail
			err := one(tx, "UPDATE mails SET leased_until = $1 WHERE id = $2 AND sent_at IS NULL AND (leased_until IS NULL OR leased_until <= $3) RETURNING "+
				mails.columns, []any{now.Add(mailLease), id, now}, m.fields()...)
			if err == nil {
				claimed = append(claimed, m)
			} else if err != ErrNotFound { // another shop has it
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	for i := range claimed {
		m := &claimed[i]
		o, err := wholeOrder(with(ctx, s.read), "id = $1", m.OrderID)
		if err != nil {
			return claimed[:i], err
		}
		if m.CaseID != 0 {
			c, err := s.Case(ctx, m.CaseID)
			if err != nil {
				return claimed[:i], err
			}
			m.Case = &c
		}
		m.Order = &o
		for j := range o.Payments {
			if o.Payments[j].ID == m.PaymentID {
				m.Payment = &o.Payments[j]
			}
		}
	}
	return claimed, nil
}

// NextMail returns when ClaimMails will next have something, zero for never.
func (s *Store) NextMail(ctx context.Context) (time.Time, error) {
	return nextDue(with(ctx, s.read), "SELECT send_at, leased_until FROM mails WHERE sent_at IS NULL AND send_at > $1 ORDER BY send_at LIMIT $2",
		s.now().Add(-mailStale))
}

// MailSent keeps what was sent. Empty texts: it was not wanted any more. Nothing is kept where the lease is not
// the one the mail was claimed with: its address was corrected meanwhile, and it is still to be sent there.
func (s *Store) MailSent(ctx context.Context, m Mail) error {
	_, err := s.once(ctx, "UPDATE mails SET sent_at = $1, leased_until = $2, last_error = $3, subject = $4, text = $5, html = $6"+
		" WHERE id = $7 AND leased_until = $8", s.now(), nil, "", m.Subject, m.Text, m.HTML, m.ID, m.LeasedUntil)
	return err
}

// PostponeMail notes a try that failed, and when to try again, under the condition of MailSent.
func (s *Store) PostponeMail(ctx context.Context, m Mail, reason string, at time.Time) error {
	_, err := s.once(ctx, "UPDATE mails SET tries = tries + 1, last_error = $1, leased_until = $2 WHERE id = $3 AND leased_until = $4",
		reason, at.UTC(), m.ID, m.LeasedUntil)
	return err
}

// Mails lists what was sent, the latest first.
func (s *Store) Mails(ctx context.Context, limit int) ([]Mail, error) {
	var list []Mail
	return list, with(ctx, s.read).Preload("Order").Where("text <> ''").Order("sent_at DESC, id DESC").Limit(limit).Find(&list).Error
}

// sentFor is the condition that a mail was sent about an order's payments.
const sentFor = "payment_id IN (SELECT id FROM payments WHERE order_id = ?) AND subject <> ''"

// MailsOf lists what was sent about an order, in order.
func (s *Store) MailsOf(ctx context.Context, orderID int64) ([]Mail, error) {
	var list []Mail
	return list, with(ctx, s.read).Where(sentFor, orderID).Order("sent_at, id").Find(&list).Error
}

// SentMail finds a mail that was sent, or says ErrNotFound.
func (s *Store) SentMail(ctx context.Context, id int64) (Mail, error) {
	return first[Mail](with(ctx, s.read).Preload("Order").Where("id = ? AND text <> ''", id))
}

// ForgetMails drops mails of a month ago, sent or not.
func (s *Store) ForgetMails(ctx context.Context) error {
	return s.forget(ctx, "mails", "send_at", mailsKept)
}
