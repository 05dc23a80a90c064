package models

import (
	"context"
	"time"

	"gorm.io/gorm"
)

// lease is how long one worker may be busy with a payment before another may
// take it over: longer than any call to the gateway is allowed to take. A lease of
// more than twice that from now was written by a clock that was ahead, and is void.
const lease = 30 * time.Second

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
	err = s.transact(ctx, func(tx *transaction) error {
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
		p, err = paymentWhere(tx.DB, byID, id)
		return err
	})
	return p, claimed && err == nil, err
}

// MayCheck notes that a shopper wants the gateway asked about a payment, and reports whether
// that is granted: at most once every interval. A time further ahead than that was written by a
// clock that was ahead, and delays nobody.
func (s *Store) MayCheck(ctx context.Context, id int64, interval time.Duration) (bool, error) {
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

// Postpone notes a call to the gateway that settled nothing, and when to call again, zero
// for never. It changes nothing where the payment is not in the state any more that it was
// in before the call: what moved it knew more. Nor does it put off what was brought forward
// since the payment was claimed: that answer was asked for before.
func (s *Store) Postpone(ctx context.Context, call *APICall, p Payment, reason string, nextCheckAt time.Time) error {
	next := orNever(nextCheckAt)
	return s.transactAfter(ctx, call, func(tx *transaction) error {
		return tx.Model(&Payment{}).Where("id = ? AND state = ?", p.ID, p.State).Updates(map[string]any{
			"tries": gorm.Expr("tries + 1"), "last_error": reason, "leased_until": nil,
			"next_check_at": gorm.Expr("CASE WHEN next_check_at IS NOT DISTINCT FROM ? OR next_check_at > ? THEN ? ELSE next_check_at END",
				p.NextCheckAt, next, next)}).Error
	})
}

// nextAfter is when to turn to the gateway again after an answer that moved p: at the time
// given, or sooner where a hint came while that answer was under way.
func (p Payment) nextAfter(at, now time.Time) time.Time {
	at = at.UTC()
	if hint := p.NextCheckAt; p.leased(now) && hint != nil && hint.After(now) && hint.Before(at) {
		return hint.UTC()
	}
	return at
}

// leased reports whether somebody is busy with p.
func (p Payment) leased(now time.Time) bool {
	return p.LeasedUntil != nil && p.LeasedUntil.After(now) && !p.LeasedUntil.After(now.Add(2*lease))
}

func orNever(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}

// checkSoon has the gateway asked about a payment it has hinted at, once its answer can be
// trusted. That is never put off, but where somebody is busy with the payment, the question
// under way was asked before the hint. It always sets another time then, which is how
// Postpone knows.
func checkSoon(tx *transaction, p Payment, now time.Time) error {
	at := now.Add(Settling)
	hinted := tx.Model(&Payment{}).Where("id = ?", p.ID)
	if !p.leased(now) {
		hinted = hinted.Where("next_check_at IS NULL OR next_check_at > ?", at)
	} else if p.NextCheckAt != nil && !p.NextCheckAt.After(at) {
		at = at.Add(time.Millisecond)
	}
	return hinted.Update("next_check_at", at).Error
}

// Checked notes the gateway's word on a payment, for the shopper who asked. It changes
// nothing where the payment is not in the state any more that it was in before the call.
func (s *Store) Checked(ctx context.Context, call *APICall, p Payment, status string) error {
	return s.transactAfter(ctx, call, func(tx *transaction) error {
		return tx.Model(&Payment{}).Where("id = ? AND state = ?", p.ID, p.State).
			Updates(map[string]any{"checked_at": s.now(), "checked_status": status}).Error
	})
}
