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

// late is what is put off for longer than it can be: for more than gap, counted in
// a column of a table, where a condition holds.
type late struct {
	gap           time.Duration
	table, column string
	where         string
	values        []any // of the condition, from $3
}

// statement has what is late come after its gap, $1. It is late after $2.
func (l late) statement() string {
	return "UPDATE " + l.table + " SET " + l.column + " = $1 WHERE " + l.column + " > $2 AND " + l.where
}

// lateTurns are the ways to be late. In a CASE, a state is not looked up by its own
// index: so late are few, in most states are very many.
func lateTurns(g Gaps, now time.Time) []late {
	const turn = "next_check_at"
	return []late{
		{g.Creating, "payments", turn, "CASE WHEN state = 'creating' THEN TRUE ELSE FALSE END", nil},
		{g.Open, "payments", turn, "CASE WHEN state IN ('pending', 'paid') AND expires_at > $3 THEN TRUE ELSE FALSE END", []any{now}},
		{g.Over, "payments", turn, "CASE WHEN state IN ('pending', 'paid', 'expired') THEN TRUE ELSE FALSE END", nil},
		{g.Failed, "payments", turn, "CASE WHEN state = 'failed' THEN TRUE ELSE FALSE END", nil},
		{0, "mails", "send_at", "sent_at IS NULL AND kind <> 'reminder'", nil},
		{mailLease, "mails", "leased_until", "sent_at IS NULL AND tries = 0", nil},
		{MailPause, "mails", "leased_until", "sent_at IS NULL", nil},
	}
}

// BringForward undoes what a clock that was ahead, and was set back, has put off.
// Where the next turn to the gateway is further away than the longest gap, it comes
// after that gap; so does a mail that was tried before. A mail that waits for no time
// of its own is due at once. It reports how many times something was brought forward.
func (s *Store) BringForward(ctx context.Context, g Gaps) (brought int64, err error) {
	now := s.now()
	err = s.transact(ctx, func(tx *gorm.DB) error {
		brought = 0
		for _, l := range lateTurns(g, now) {
			n, err := execute(tx, l.statement(), append([]any{now.Add(l.gap), now.Add(l.gap + skew)}, l.values...)...)
			if err != nil {
				return err
			}
			brought += n
		}
		return nil
	})
	return brought, err
}
