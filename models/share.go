package models

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"gorm.io/gorm"
)

// shared has those who write at the same time share one commit. To bring a commit
// to the disk costs as much as many changes do, and SQLite makes one at a time:
// whoever sees others waiting leaves the commit to the last of them, and returns
// when it is made. One who fails takes back what is his and no more: all who share
// the commit write once more then, each within a savepoint. Savepoints cost as much
// as a statement or two, and hardly anybody fails.
type shared struct {
	db      *gorm.DB      // with one connection
	check   func() error  // before each commit
	longest time.Duration // that a commit stays open for more; longestSharing but in tests

	waiting atomic.Int32
	waits   atomic.Int64 // how often somebody waited for a turn
	waited  atomic.Int64 // how long, all in all, in nanoseconds
	turn    sync.Mutex   // of whoever writes
	open    *commit      // what is written and not committed yet; nil: nothing
}

// commit is one commit of the database and whose changes are in it.
type commit struct {
	tx      *gorm.DB
	careful bool // whoever comes now writes within a savepoint
	members int
	began   time.Time
	made    chan struct{} // closed when it is made, or err says why not
	err     error
}

// errTakenBack: somebody who shared the commit has failed.
var errTakenBack = errors.New("taken back with another's change")

// Who came first does not wait for ever.
const (
	mostMembers    = 64
	longestSharing = 20 * time.Millisecond
)

// transact runs f as a transaction, twice where somebody fails. While it has its
// turn nothing interrupts it: SQLite would take back what all the others have
// written, too.
func (s *shared) transact(ctx context.Context, f func(tx *gorm.DB) error) error {
	err := s.join(ctx, false, f)
	if err == errTakenBack { // it had its turn: another's failure is no reason to leave now
		err = s.join(context.WithoutCancel(ctx), true, f)
	}
	return err
}

// join runs f as a part of the next commit, and returns when that is made. Nobody
// takes back a commit once somebody careful is in it.
func (s *shared) join(ctx context.Context, careful bool, f func(tx *gorm.DB) error) error {
	c, err := s.enter(ctx, careful)
	if err != nil {
		return err
	}
	if err = s.run(c, with(context.WithoutCancel(ctx), c.tx), f); err == nil {
		<-c.made
		err = c.err
	}
	return err
}

// enter waits for its turn and begins a commit where none is open.
func (s *shared) enter(ctx context.Context, careful bool) (*commit, error) {
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
	s.open.careful = s.open.careful || careful
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

// run runs f, and sees to it that nothing of it is kept where it fails or panics.
// What cannot be taken back by itself ends the commit for all.
func (s *shared) run(c *commit, tx *gorm.DB, f func(tx *gorm.DB) error) (err error) {
	defer s.leave()
	if !c.careful {
		c.err = errTakenBack
		if f(tx) == nil {
			c.err = nil
		}
		return c.err
	}
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
	if c == nil || c.err == nil && s.waiting.Load() > 0 && c.members < mostMembers && time.Since(c.began) < s.longest {
		return
	}
	s.finish()
}

// finish makes the commit that is open, if any.
func (s *shared) finish() {
	c := s.open
	if c == nil {
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

// between runs f while no transaction is open, and has writers wait meanwhile.
func (s *shared) between(f func() error) error {
	s.wait()
	defer s.turn.Unlock()
	s.finish()
	return f()
}
