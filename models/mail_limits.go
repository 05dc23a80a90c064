package models

import (
	"context"
	"time"

	"gorm.io/gorm"

	"warungjokul/models/internal/db"
)

// Strangers can have mails sent to an address that is not theirs: by ordering, and by pressing the buttons of an
// order's page. Such mails are bounded for each recipient. A mail that follows from money is always sent, and counts
// nothing, unless money is free, as in a public demo.

// mailSend is one bounded mail that was sent in the last day, or is being sent. The recipient is a keyed hash.
type mailSend struct {
	ID        int64
	Recipient string
	SentAt    time.Time
}

// mailLimits are how many bounded mails one recipient is sent within so long. Five orders of a family within an hour
// fit: each has a mail with the code and one that reminds of it.
var mailLimits = []struct {
	within time.Duration
	most   int64
}{{time.Hour, 10}, {24 * time.Hour, 30}}

// longestMailLimit is how long it is remembered that a mail was sent.
const longestMailLimit = 24 * time.Hour

// Bounded reports whether a stranger can cause mails of this kind without paying.
func (k MailKind) Bounded() bool {
	switch k {
	case MailPaid, MailMoney, MailDecided:
		return false
	}
	return true
}

// MailAllowed reports whether another bounded mail may go to an address now.
func (s *Store) MailAllowed(ctx context.Context, email string) (bool, error) {
	return mailAllowed(s.read.WithContext(ctx), s.recipient(email), s.now())
}

// CountMail counts a bounded mail that is about to be sent to an address, and returns its number for UncountMail.
// allowed is false, and nothing is counted, where the address has had its share.
func (s *Store) CountMail(ctx context.Context, email string) (id int64, allowed bool, err error) {
	err = s.transact(ctx, func(tx *transaction) error {
		m := mailSend{Recipient: s.recipient(email), SentAt: s.now()}
		if err := db.AdvisoryLock(tx.DB, m.Recipient); err != nil {
			return err
		}
		if allowed, err = mailAllowed(tx.DB, m.Recipient, m.SentAt); err != nil || !allowed {
			return err
		}
		err := tx.Create(&m).Error
		id = m.ID
		return err
	})
	return id, allowed && err == nil, err
}

// UncountMail takes back what CountMail counted: the mail was not sent after all.
func (s *Store) UncountMail(ctx context.Context, id int64) error {
	return s.transact(ctx, func(tx *transaction) error { return tx.Delete(&mailSend{}, id).Error })
}

func (s *Store) recipient(email string) string { return s.keyedHash("recipient", NormalEmail(email)) }

func mailAllowed(db *gorm.DB, recipient string, now time.Time) (bool, error) {
	for _, limit := range mailLimits {
		var sent int64
		err := db.Model(&mailSend{}).Where("recipient = ? AND sent_at > ?", recipient, now.Add(-limit.within)).Count(&sent).Error
		if err != nil || sent >= limit.most {
			return false, err
		}
	}
	return true, nil
}

// mailAllowedAt returns when the limits let another mail go to a recipient, if none goes there before.
func mailAllowedAt(db *gorm.DB, recipient string, now time.Time) (time.Time, error) {
	at := now
	for _, limit := range mailLimits {
		var counted []time.Time
		err := db.Model(&mailSend{}).Where("recipient = ? AND sent_at > ?", recipient, now.Add(-limit.within)).
			Order("sent_at DESC").Offset(int(limit.most)-1).Limit(1).Pluck("sent_at", &counted).Error
		if err != nil {
			return at, err
		}
		if len(counted) > 0 && counted[0].Add(limit.within).After(at) {
			at = counted[0].Add(limit.within)
		}
	}
	return at, nil
}

// mailOverLimit is the error of a mail that was not sent because its recipient has had too many.
const mailOverLimit = "the recipient has had too many mails"

// HoldMail notes that a mail is not sent, because its recipient has had too many. A mail with a code is sent once the
// recipient may have another, if its code can still be paid then.
func (s *Store) HoldMail(ctx context.Context, m Mail) error {
	return s.transact(ctx, func(tx *transaction) error {
		if m.Kind == MailCode {
			at, err := mailAllowedAt(tx.DB, s.recipient(m.Order.CustomerEmail), s.now())
			if err != nil {
				return err
			}
			if at.Before(*m.Payment.ExpiresAt) {
				return tx.Model(&Mail{}).Where("id = ? AND leased_until = ?", m.ID, m.LeasedUntil).
					Updates(map[string]any{"send_at": at.UTC(), "leased_until": nil, "last_error": mailOverLimit}).Error
			}
		}
		return tx.Model(&Mail{}).Where("id = ? AND leased_until = ?", m.ID, m.LeasedUntil).
			Updates(map[string]any{"sent_at": s.now(), "leased_until": nil, "last_error": mailOverLimit, "subject": "", "text": "", "html": ""}).Error
	})
}

// Held reports whether a mail was not sent because its recipient had had too many.
func (m Mail) Held() bool { return m.Subject == "" && m.LastError == mailOverLimit }

// DeleteOldMailSends deletes the counts that no limit looks at any more.
func (s *Store) DeleteOldMailSends(ctx context.Context) error {
	return deleteOlder[mailSend](ctx, s, "sent_at", longestMailLimit)
}
