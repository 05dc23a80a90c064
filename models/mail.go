package models

import (
	"context"
	"strings"
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
	// moneyMailStale is how late a mail about money, or about what was decided of it, may be.
	moneyMailStale = 7 * 24 * time.Hour

	mailsKept = 30 * 24 * time.Hour
	mailLease = time.Minute
	mailAgain = time.Minute // between the same mail and itself, when a customer asks for it

	// A reminder comes when a quarter of the time is left, and not for codes
	// that are over before anybody could have forgotten them.
	reminderPart  = 4
	leastToRemind = 20 * time.Minute
)

// MailPause is the longest from one try to send a mail to the next.
const MailPause = time.Hour

// enqueue has a mail sent, once.
func enqueue(tx *transaction, m Mail) error {
	m.SendAt = m.SendAt.UTC()
	return tx.Omit(clause.Associations).Clauses(clause.OnConflict{DoNothing: true}).Create(&m).Error
}

// mailCode has the customer told of a code, and reminded of it.
func mailCode(tx *transaction, p Payment, expiresAt, now time.Time) error {
	err := enqueue(tx, Mail{OrderID: p.OrderID, PaymentID: p.ID, Kind: MailCode, SendAt: now})
	if left := expiresAt.Sub(now); err == nil && left >= leastToRemind {
		err = enqueue(tx, Mail{OrderID: p.OrderID, PaymentID: p.ID, Kind: MailReminder, SendAt: expiresAt.Add(-left / reminderPart)})
	}
	return err
}

// CodeMail is the mail with the code of an order that was loaded whole, as far as Wanted asks.
func (o Order) CodeMail() Mail {
	p := o.Payment()
	return Mail{Kind: MailCode, Order: &o, Payment: &p}
}

// MailAgain has the mail about a payment's code sent once more, because the
// customer asks for it, and reports whether it will be: it was sent before, and
// not just now. That a clock that was ahead has sent it later than now holds nobody up.
func (s *Store) MailAgain(ctx context.Context, paymentID int64) (bool, error) {
	now := s.now()
	again := s.write.WithContext(ctx).Model(&Mail{}).Where("payment_id = ? AND kind = ?", paymentID, MailCode).
		Where("sent_at <= ? OR sent_at > ?", now.Add(-mailAgain), now.Add(mailAgain)).
		Updates(map[string]any{"sent_at": nil, "send_at": now, "leased_until": nil, "tries": 0})
	return again.RowsAffected > 0, again.Error
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
		return m.Order.Status == OrderPaid && !m.Order.Refunded()
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

// TooLate reports whether a mail about money has been tried for so long that it is given up.
func (m Mail) TooLate(now time.Time) bool {
	return m.CaseID != 0 && m.Wanted(now) && !now.Before(m.SendAt.Add(moneyMailStale))
}

// mailGivenUp is what the error of a mail begins with that could not be sent for days.
const mailGivenUp = "given up"

// GivenUp reports whether a mail about money could not be sent, and is not tried any more.
func (m Mail) GivenUp() bool { return m.Subject == "" && strings.HasPrefix(m.LastError, mailGivenUp) }

// GiveUpMail notes that a mail is not tried any more, under the condition of MailSent.
func (s *Store) GiveUpMail(ctx context.Context, m Mail) error {
	return s.updateLeased(ctx, m, map[string]any{"sent_at": s.now(), "last_error": strings.TrimSuffix(mailGivenUp+": "+m.LastError, ": "),
		"leased_until": nil, "subject": "", "text": "", "html": ""})
}

// ClaimMails leases up to limit mails whose time has come, each with its order
// and payment.
func (s *Store) ClaimMails(ctx context.Context, limit int) ([]Mail, error) {
	claimed, err := s.leaseMails(ctx, limit)
	if err != nil || len(claimed) == 0 {
		return nil, err
	}
	for i := range claimed {
		m := &claimed[i]
		o, err := wholeOrder(s.read.WithContext(ctx), "id = ?", m.OrderID)
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

// unsent is a condition for mails that are still to be sent.
type unsent struct {
	unsent string
	since  time.Time
}

// unsentMails are the conditions, each with an index of its own: those that are not stale, and of the others those
// about money.
func unsentMails(now time.Time) []unsent {
	stale := now.Add(-mailStale)
	return []unsent{{"sent_at IS NULL AND send_at > ?", stale}, {"sent_at IS NULL AND case_id <> 0 AND send_at <= ?", stale}}
}

// leaseMails leases the mails that are due, unless another shop has done so.
func (s *Store) leaseMails(ctx context.Context, limit int) (leased []Mail, err error) {
	now := s.now()
	const free = "(leased_until IS NULL OR leased_until <= ?)"
	var due []int64
	for _, c := range unsentMails(now) {
		var more []int64
		err = s.read.WithContext(ctx).Model(&Mail{}).Where(c.unsent, c.since).Where(free, now).Where("send_at <= ?", now).
			Order("send_at, id").Limit(limit-len(due)).Pluck("id", &more).Error
		if err != nil {
			return nil, err
		}
		due = append(due, more...)
	}
	if len(due) == 0 {
		return nil, nil
	}
	return leased, s.transact(ctx, func(tx *transaction) error {
		leased = nil
		for _, id := range due {
			taken := tx.Model(&Mail{}).Where("id = ? AND sent_at IS NULL", id).Where(free, now).Update("leased_until", now.Add(mailLease))
			if taken.Error != nil {
				return taken.Error
			}
			if taken.RowsAffected == 0 {
				continue
			}
			var m Mail
			if err := tx.Where("id = ?", id).Take(&m).Error; err != nil {
				return err
			}
			leased = append(leased, m)
		}
		return nil
	})
}

// NextMail returns when ClaimMails will next have something, zero for never.
func (s *Store) NextMail(ctx context.Context) (time.Time, error) {
	var next time.Time
	for _, c := range unsentMails(s.now()) {
		due, err := nextDue(s.read.WithContext(ctx), &Mail{}, "send_at", c.unsent, c.since)
		if err != nil {
			return next, err
		}
		if !due.IsZero() && (next.IsZero() || due.Before(next)) {
			next = due
		}
	}
	return next, nil
}

// MailSent keeps what was sent. Empty texts: it was not wanted any more. Nothing is kept where the lease is not
// the one the mail was claimed with: its address was corrected meanwhile, and it is still to be sent there.
func (s *Store) MailSent(ctx context.Context, m Mail) error {
	return s.updateLeased(ctx, m, map[string]any{"sent_at": s.now(), "last_error": "", "subject": m.Subject, "text": m.Text,
		"html": m.HTML, "leased_until": nil})
}

// PostponeMail notes a try that failed, and when to try again, under the condition of MailSent.
func (s *Store) PostponeMail(ctx context.Context, m Mail, reason string, at time.Time) error {
	return s.updateLeased(ctx, m, map[string]any{"tries": gorm.Expr("tries + 1"), "last_error": reason, "leased_until": at.UTC()})
}

// updateLeased changes a mail that still has the lease it was claimed with.
func (s *Store) updateLeased(ctx context.Context, m Mail, columns map[string]any) error {
	return s.write.WithContext(ctx).Model(&Mail{}).Where("id = ? AND leased_until = ?", m.ID, m.LeasedUntil).Updates(columns).Error
}

// Mails lists what was sent, the latest first.
func (s *Store) Mails(ctx context.Context, limit int) ([]Mail, error) {
	return gorm.G[Mail](s.read).Preload("Order", nil).Where("text <> ''").Order("sent_at DESC, id DESC").Limit(limit).Find(ctx)
}

// sentFor is the condition that a mail was sent about an order's payments.
const sentFor = "payment_id IN (SELECT id FROM payments WHERE order_id = ?) AND subject <> ''"

// MailsOf lists what was sent about an order, in order.
func (s *Store) MailsOf(ctx context.Context, orderID int64) ([]Mail, error) {
	return gorm.G[Mail](s.read).Where(sentFor, orderID).Order("sent_at, id").Find(ctx)
}

// SentMail finds a mail that was sent, or says ErrNotFound.
func (s *Store) SentMail(ctx context.Context, id int64) (Mail, error) {
	return gorm.G[Mail](s.read).Preload("Order", nil).Where("id = ? AND text <> ''", id).Take(ctx)
}

// DeleteOldMails deletes mails of a month ago, sent or not.
func (s *Store) DeleteOldMails(ctx context.Context) error {
	return deleteOlder[Mail](ctx, s, "send_at", mailsKept)
}
