package models

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"gorm.io/gorm"
)

// shared has those who write at the same time share one commit. To bring a commit
// to the disk costs as much as many changes do, and SQLite makes one at a time:
// whoever sees others waiting leaves the commit to the last of them, and returns
// when it is made. Each writes within a savepoint, so that one who fails takes
// back what is his and no more.
type shared struct {
	db    *gorm.DB     // with one connection
	check func() error // before each commit

	waiting atomic.Int32
	waits   atomic.Int64 // how often somebody waited for a turn
	waited  atomic.Int64 // how long, all in all, in nanoseconds
	turn    sync.Mutex   // of whoever writes
	open    *commit      // what is written and not committed yet; nil: nothing
}

// commit is one commit of the database and whose changes are in it.
type commit struct {
	tx      *gorm.DB
	members int
	began   time.Time
	made    chan struct{} // closed when it is made, or err says why not
	err     error
}

// Who came first does not wait for ever.
const (
	mostMembers    = 64
	longestSharing = 20 * time.Millisecond
)

// transact runs f as a transaction. While it has its turn nothing interrupts it:
// SQLite would take back what all the others have written, too.
func (s *shared) transact(ctx context.Context, f func(tx *gorm.DB) error) error {
	c, err := s.enter(ctx)
	if err != nil {
		return err
	}
	if err = s.run(c, c.tx.WithContext(context.WithoutCancel(ctx)), f); err == nil {
		<-c.made
		err = c.err
	}
	return err
}

// enter waits for its turn and begins a commit where none is open.
func (s *shared) enter(ctx context.Context) (*commit, error) {
	s.wait()
	err := ctx.Err()
	if err != nil {
		err = fmt.Errorf("%w: %w", ErrUnavailable, err)
	} else if s.open == nil {
		if tx := s.db.Begin(); tx.Error == nil {
			s.open = &commit{tx: tx, began: time.Now(), made: make(chan struct{})}
		} else {
			err = tx.Error
		}
	}
	if err != nil {
		s.leave()
		return nil, err
	}
	s.open.members++
	return s.open, nil
}

func (s *shared) wait() {
	if s.turn.TryLock() {
		return
	}
	began := time.Now()
	s.waiting.Add(1)
	s.turn.Lock()
	s.waiting.Add(-1)
	s.waits.Add(1)
	s.waited.Add(int64(time.Since(began)))
}

// run runs f within a savepoint. What cannot be taken back by itself, because the
// database has taken back everything, ends the commit for all.
func (s *shared) run(c *commit, tx *gorm.DB, f func(tx *gorm.DB) error) (err error) {
	defer s.leave()
	if c.err = savepoint(tx, "SAVEPOINT member"); c.err != nil {
		return c.err
	}
	kept := false
	defer func() { // also when f panics
		if !kept {
			c.err = savepoint(tx, "ROLLBACK TO member", "RELEASE member")
		}
	}()
	if err = f(tx); err != nil {
		return err
	}
	kept = true
	c.err = savepoint(tx, "RELEASE member")
	return c.err
}

func savepoint(tx *gorm.DB, statements ...string) error {
	for _, statement := range statements {
		if _, err := execute(tx, statement); err != nil {
			return fmt.Errorf("%w: %w", ErrUnavailable, err)
		}
	}
	return nil
}

// leave ends the turn, and makes the commit if nobody else is waiting to add to
// it, or if it has waited for long enough.
func (s *shared) leave() {
	defer s.turn.Unlock()
	c := s.open
	if c == nil || c.err == nil && s.waiting.Load() > 0 && c.members < mostMembers && time.Since(c.began) < longestSharing {
		return
	}
	s.open = nil
	defer close(c.made)
	if c.err == nil {
		c.err = s.check()
	}
	if c.err != nil {
		c.tx.Rollback()
		return
	}
	c.err = c.tx.Commit().Error
}
