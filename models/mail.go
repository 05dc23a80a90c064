package models

import (
	"context"
	"errors"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

// MailKind says what a mail to the customer is about.
type MailKind string

const (
	MailCode     MailKind = "code"     // here is your payment code
	MailReminder MailKind = "reminder" // its deadline is near
	MailPaid     MailKind = "paid"
	MailExpired  MailKind = "expired" // make a new code
)

// Mail is one mail that is due, or was sent. Of each kind there is one for a
// payment at most; it is written in the transaction that gave the reason.
type Mail struct {
	ID        int64
	OrderID   int64
	Order     *Order
	PaymentID int64
	Payment   *Payment
	Kind      MailKind

	SendAt      time.Time
	LeasedUntil *time.Time
	Tries       int64
	LastError   string

	// What was sent, as it was sent. Without a subject nothing was: the reason
	// for the mail had gone.
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

// enqueue has a mail sent, once.
func enqueue(tx *gorm.DB, orderID, paymentID int64, kind MailKind, at time.Time) error {
	m := Mail{OrderID: orderID, PaymentID: paymentID, Kind: kind, SendAt: at.UTC()}
	return tx.Omit("Order", "Payment").Clauses(clause.OnConflict{DoNothing: true}).Create(&m).Error
}

// mailCode has the customer told of a code, and reminded of it.
func mailCode(tx *gorm.DB, id int64, c IssuedCode, now time.Time) error {
	p, err := first[Payment](tx.Where("id = ?", id))
	if err != nil {
		return err
	}
	err = enqueue(tx, p.OrderID, p.ID, MailCode, now)
	if left := c.ExpiresAt.Sub(now); err == nil && left >= leastToRemind {
		err = enqueue(tx, p.OrderID, p.ID, MailReminder, c.ExpiresAt.Add(-left/reminderPart))
	}
	return err
}

// MailAgain has the mail about a payment's code sent once more, because the
// customer asks for it, and reports whether it will be: it was sent before, and
// not just now.
func (s *Store) MailAgain(ctx context.Context, paymentID int64) (bool, error) {
	now := s.now()
	res := s.write.WithContext(ctx).Model(&Mail{}).
		Where("payment_id = ? AND kind = ? AND sent_at <= ?", paymentID, MailCode, now.Add(-mailAgain)).
		Updates(map[string]any{"sent_at": nil, "send_at": now, "leased_until": nil, "tries": 0})
	return res.RowsAffected == 1, res.Error
}

// Wanted reports whether there is still a reason for the mail.
func (m Mail) Wanted(now time.Time) bool {
	switch m.Kind {
	case MailCode, MailReminder:
		return m.Payment.State == PaymentPending && m.Order.Status == OrderAwaitingPayment && now.Before(*m.Payment.ExpiresAt)
	case MailPaid:
		return m.Order.Status == OrderPaid
	case MailExpired:
		return m.Order.Status == OrderExpired
	}
	return false
}

// ClaimMails leases up to limit mails whose time has come, each with its order
// and payment.
func (s *Store) ClaimMails(ctx context.Context, limit int) ([]Mail, error) {
	now := s.now()
	var due []int64
	err := s.read.WithContext(ctx).Model(&Mail{}).
		Where("sent_at IS NULL AND send_at <= ? AND send_at > ? AND (leased_until IS NULL OR leased_until <= ?)", now, now.Add(-mailStale), now).
		Order("send_at, id").Limit(limit).Pluck("id", &due).Error
	if err != nil {
		return nil, err
	}
	var claimed []Mail
	for _, id := range due {
		res := s.write.WithContext(ctx).Model(&Mail{}).
			Where("id = ? AND sent_at IS NULL AND (leased_until IS NULL OR leased_until <= ?)", id, now).
			Update("leased_until", now.Add(mailLease))
		if res.Error != nil {
			return claimed, res.Error
		}
		if res.RowsAffected == 0 {
			continue
		}
		m, err := first[Mail](s.write.WithContext(ctx).Preload("Order.Lines").Preload("Order.Payments").Preload("Payment").Where("id = ?", id))
		if err != nil {
			return claimed, err
		}
		claimed = append(claimed, m)
	}
	return claimed, nil
}

// NextMail returns when ClaimMails will next have something, zero for never.
func (s *Store) NextMail(ctx context.Context) (time.Time, error) {
	m, err := first[Mail](s.read.WithContext(ctx).Where("sent_at IS NULL AND send_at > ?", s.now().Add(-mailStale)).
		Order("CASE WHEN leased_until > send_at THEN leased_until ELSE send_at END"))
	if errors.Is(err, ErrNotFound) {
		return time.Time{}, nil
	}
	if err == nil && m.LeasedUntil != nil && m.LeasedUntil.After(m.SendAt) {
		return *m.LeasedUntil, nil
	}
	return m.SendAt, err
}

// MailSent keeps what was sent. Empty texts: it was not wanted any more.
func (s *Store) MailSent(ctx context.Context, m Mail) error {
	return s.write.WithContext(ctx).Model(&Mail{}).Where("id = ?", m.ID).Updates(map[string]any{
		"sent_at": s.now(), "leased_until": nil, "last_error": "", "subject": m.Subject, "text": m.Text, "html": m.HTML,
	}).Error
}

// PostponeMail notes a try that failed, and when to try again.
func (s *Store) PostponeMail(ctx context.Context, id int64, reason string, at time.Time) error {
	return s.write.WithContext(ctx).Model(&Mail{}).Where("id = ?", id).Updates(map[string]any{
		"tries": gorm.Expr("tries + 1"), "last_error": reason, "leased_until": at.UTC(),
	}).Error
}

// Mails lists what was sent, the latest first.
func (s *Store) Mails(ctx context.Context, limit int) ([]Mail, error) {
	var list []Mail
	return list, s.read.WithContext(ctx).Preload("Order").Where("subject <> ''").Order("sent_at DESC, id DESC").Limit(limit).Find(&list).Error
}

// MailsOf lists what was sent about an order, in order.
func (s *Store) MailsOf(ctx context.Context, orderID int64) ([]Mail, error) {
	var list []Mail
	return list, s.read.WithContext(ctx).Where("order_id = ? AND subject <> ''", orderID).Order("sent_at, id").Find(&list).Error
}

// SentMail finds a mail that was sent, or says ErrNotFound.
func (s *Store) SentMail(ctx context.Context, id int64) (Mail, error) {
	return first[Mail](s.read.WithContext(ctx).Preload("Order").Where("id = ? AND subject <> ''", id))
}

// ForgetMails drops mails of a month ago, sent or not.
func (s *Store) ForgetMails(ctx context.Context) error {
	return s.write.WithContext(ctx).Where("send_at < ?", s.now().Add(-mailsKept)).Delete(&Mail{}).Error
}
