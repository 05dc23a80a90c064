package models

import (
	"context"
	"time"

	"gorm.io/gorm"
)

// Gaps are the longest times from one turn to the gateway about a payment to the
// next.
type Gaps struct {
	Creating time.Duration // while there is no code
	Open     time.Duration // while the code may be paid
	Over     time.Duration // after its deadline
	Failed   time.Duration // from a refusal until the order is given up
}

// skew is more than the clocks of shops on one database may differ by.
const skew = 10 * time.Second

// late is a kind of row whose time, in a column, is further away than a gap.
type late struct {
	gap    time.Duration
	table  any
	column string
	where  string
	values []any // of the condition
}

// bringForward sets the time of the rows that are late to the end of their gap.
func (l late) bringForward(db *gorm.DB, now time.Time) *gorm.DB {
	return db.Model(l.table).Where(l.column+" > ?", now.Add(l.gap+skew)).Where(l.where, l.values...).Update(l.column, now.Add(l.gap))
}

// lateTurns are the ways to be late. In a CASE, a state is not looked up by its own
// index: so late are few, in most states are very many.
func lateTurns(g Gaps, now time.Time) []late {
	const turn = "next_check_at"
	return []late{
		{g.Creating, &Payment{}, turn, "CASE WHEN state = 'creating' THEN TRUE ELSE FALSE END", nil},
		{g.Open, &Payment{}, turn, "CASE WHEN state IN ('pending', 'paid') AND expires_at > ? THEN TRUE ELSE FALSE END", []any{now}},
		{g.Over, &Payment{}, turn, "CASE WHEN state IN ('pending', 'paid', 'expired') THEN TRUE ELSE FALSE END", nil},
		{g.Failed, &Payment{}, turn, "CASE WHEN state = 'failed' THEN TRUE ELSE FALSE END", nil},
		{0, &Mail{}, "send_at", "sent_at IS NULL AND kind <> 'reminder'", nil},
		{mailLease, &Mail{}, "leased_until", "sent_at IS NULL AND tries = 0", nil},
		{MailPause, &Mail{}, "leased_until", "sent_at IS NULL", nil},
	}
}

// BringForward undoes what a clock that was ahead, and was set back, has put off.
// Where the next turn to the gateway is further away than the longest gap, it comes
// after that gap; so does a mail that was tried before. A mail that waits for no time
// of its own is due at once. It reports how many times something was brought forward.
func (s *Store) BringForward(ctx context.Context, g Gaps) (brought int64, err error) {
	now := s.now()
	err = s.transact(ctx, func(tx *transaction) error {
		brought = 0
		for _, l := range lateTurns(g, now) {
			moved := l.bringForward(tx.DB, now)
			if moved.Error != nil {
				return moved.Error
			}
			brought += moved.RowsAffected
		}
		return nil
	})
	return brought, err
}
