package models

import (
	"cmp"
	"context"
	"slices"
	"time"

	"gorm.io/gorm"

	"warungjokul/models/internal/db"
)

// Strangers can have mails sent to an address that is not theirs: by ordering, and by pressing the buttons of an
// order's page. Such mails are bounded for each recipient, and for each client whose orders cause them: one mailbox has
// more addresses than anybody can list, and a domain of one's own has any number. A mail that follows from money is
// always sent, and counts
// nothing, unless money is free, as in a public demo.

// mailSend counts one bounded mail that was sent in the last day, or is being sent, for whom it counts: its recipient,
// or the client that ordered. Either is a keyed hash.
type mailSend struct {
	ID        int64
	Recipient string
	SentAt    time.Time
}

// mailLimit is how many bounded mails are sent within so long.
type mailLimit struct {
	within time.Duration
	most   int64
}

// Five orders of a family within an hour fit: each has a mail with the code and one that reminds of it. A client may
// be an office, or some phones behind one address of a mobile network.
var (
	recipientLimits = []mailLimit{{time.Hour, 10}, {24 * time.Hour, 30}}
	clientLimits    = []mailLimit{{time.Hour, 30}, {24 * time.Hour, 200}}
)

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

// counted is who a bounded mail counts for, and within which limits.
type counted struct {
	who    string
	limits []mailLimit
}

// countedFor is who a bounded mail about an order counts for, in the order in which they are locked: its recipient, and
// the client that ordered, as long as the order waits to be paid and limits count for it at all.
func (s *Store) countedFor(tx *gorm.DB, o Order) ([]counted, error) {
	list := []counted{{s.keyedHash("recipient", NormalEmail(o.CustomerEmail)), recipientLimits}}
	var clients []string
	err := tx.Model(&orderHolder{}).Where("order_id = ? AND kind = ?", o.ID, HolderClient).Pluck("holder", &clients).Error
	for _, client := range clients {
		list = append(list, counted{client, clientLimits})
	}
	slices.SortFunc(list, func(a, b counted) int { return cmp.Compare(a.who, b.who) })
	return list, err
}

// MailAllowed reports whether another bounded mail about an order may be sent now.
func (s *Store) MailAllowed(ctx context.Context, o Order) (bool, error) {
	tx := s.read.WithContext(ctx)
	list, err := s.countedFor(tx, o)
	if err != nil {
		return false, err
	}
	at, err := mailAllowedAt(tx, list, s.now())
	return !at.After(s.now()), err
}

// CountMail counts a bounded mail that is about to be sent, and returns what UncountMail takes back. allowed is false,
// and nothing is counted, where its recipient or the client that ordered has had its share, and where it says that a
// code is over that no mail has told of.
func (s *Store) CountMail(ctx context.Context, m Mail) (ids []int64, allowed bool, err error) {
	err = s.transact(ctx, func(tx *transaction) error {
		ids, allowed = nil, false
		list, err := s.countedFor(tx.DB, *m.Order)
		if err != nil {
			return err
		}
		for _, c := range list {
			if err := db.AdvisoryLock(tx.DB, c.who); err != nil {
				return err
			}
		}
		now := s.now()
		at, err := mailAllowedAt(tx.DB, list, now)
		if err != nil || at.After(now) {
			return err
		}
		if unknown, err := isCodeUnknown(tx.DB, m); err != nil || unknown {
			return err
		}
		for _, c := range list {
			send := mailSend{Recipient: c.who, SentAt: now}
			if err := tx.Create(&send).Error; err != nil {
				return err
			}
			ids = append(ids, send.ID)
		}
		allowed = true
		return nil
	})
	return ids, allowed && err == nil, err
}

// isCodeUnknown reports whether a mail says that a code is over, and the mail with that code was held back. The client
// that ordered is not known any more by then, and would be counted no more.
func isCodeUnknown(tx *gorm.DB, m Mail) (bool, error) {
	if m.Kind != MailExpired {
		return false, nil
	}
	var held int64
	err := tx.Model(&Mail{}).Where("payment_id = ? AND kind = ? AND subject = '' AND last_error = ?", m.PaymentID, MailCode, mailOverLimit).
		Count(&held).Error
	return held > 0, err
}

// UncountMail takes back what CountMail counted: the mail was not sent after all.
func (s *Store) UncountMail(ctx context.Context, ids []int64) error {
	return s.transact(ctx, func(tx *transaction) error { return tx.Where("id IN ?", ids).Delete(&mailSend{}).Error })
}

// mailAllowedAt returns when another mail may be sent that counts for all of a list, if none is sent before: now, or
// later.
func mailAllowedAt(db *gorm.DB, list []counted, now time.Time) (time.Time, error) {
	at := now
	for _, c := range list {
		for _, limit := range c.limits {
			var sent []time.Time
			err := db.Model(&mailSend{}).Where("recipient = ? AND sent_at > ?", c.who, now.Add(-limit.within)).
				Order("sent_at DESC").Offset(int(limit.most)-1).Limit(1).Pluck("sent_at", &sent).Error
			if err != nil {
				return at, err
			}
			if len(sent) > 0 && sent[0].Add(limit.within).After(at) {
				at = sent[0].Add(limit.within)
			}
		}
	}
	return at, nil
}

// mailOverLimit is the error of a mail that was not sent because its recipient, or the client that ordered, has had
// too many.
const mailOverLimit = "the recipient has had too many mails"

// HoldMail notes that a mail is not sent, because it is over a limit. A mail with a code is sent once there is room for
// another, if its code can still be paid then.
func (s *Store) HoldMail(ctx context.Context, m Mail) error {
	return s.transact(ctx, func(tx *transaction) error {
		if m.Kind == MailCode {
			list, err := s.countedFor(tx.DB, *m.Order)
			if err != nil {
				return err
			}
			at, err := mailAllowedAt(tx.DB, list, s.now())
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
