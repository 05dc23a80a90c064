package sandbox

import (
	"context"
	"errors"
	"time"
)

// Run sends what falls due, one after the other in the order it fell due, until
// ctx ends. It sleeps until the next due time and wakes when something is queued
// or the clock is moved. It returns nil when ctx has ended, and an error when
// the state file cannot be read or written.
func (s *Server) Run(ctx context.Context) error {
	for {
		id, kind, wait, err := s.nextDue()
		switch {
		case err != nil:
			return err
		case ctx.Err() != nil:
			s.release(id)
			return nil
		case id == 0:
			s.sleep(ctx, wait)
			continue
		}
		if _, err := s.attempt(ctx, id, kind); err != nil && !errors.Is(err, ctx.Err()) {
			return err
		}
	}
}

// never is how long Run sleeps when nothing is to come.
const never = time.Duration(1<<63 - 1)

// nextDue claims the delivery that is due the longest, or says how long to wait.
func (s *Server) nextDue() (id int, kind string, wait time.Duration, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	wait, err = s.tellExpired()
	if err != nil {
		return 0, "", 0, err
	}
	now := s.now()
	var next Delivery
	for id := range s.state.waiting {
		d := s.state.deliveries[id]
		if !s.sending[id] && (next.ID == 0 || d.before(next)) {
			next = d
		}
	}
	if next.ID == 0 {
		return 0, "", wait, nil
	}
	if until := next.NextAttemptAt.Sub(now); until > 0 {
		return 0, "", min(wait, until), nil
	}
	s.sending[next.ID] = true
	return next.ID, next.scheduledKind(), 0, nil
}

// before: due earlier, or at the same time and made earlier.
func (d Delivery) before(other Delivery) bool {
	if d.NextAttemptAt.Equal(*other.NextAttemptAt) {
		return d.ID < other.ID
	}
	return d.NextAttemptAt.Before(*other.NextAttemptAt)
}

// tellExpired queues EXPIRED for codes that have run out, if that is told at
// all, and says how long until the next one does. s.mu is held.
func (s *Server) tellExpired() (time.Duration, error) {
	if !s.state.faults.PushExpired {
		return never, nil
	}
	now := s.now()
	if now.Before(s.nextExpiry) {
		return s.nextExpiry.Sub(now), nil
	}
	next := now.Add(never)
	for _, held := range s.state.codes {
		if held.silent {
			continue
		}
		if now.Before(held.expiresAt) {
			next = earlier(next, held.expiresAt)
			continue
		}
		p, err := s.read(held)
		if err != nil {
			return 0, err
		}
		p, events := s.expire(p)
		deliveries, err := s.queue(events, s.state.faults)
		if err != nil {
			return 0, err
		}
		if err := s.commit(change{Code: &p, Deliveries: deliveries}); err != nil {
			return 0, err
		}
	}
	s.nextExpiry = next
	return next.Sub(now), nil
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

// Resend sends a delivery again, as the plane icon of Back Office does. It is
// freshly signed and does not count against the timetable.
func (s *Server) Resend(ctx context.Context, id int) (Delivery, error) {
	s.mu.Lock()
	_, known := s.state.deliveries[id]
	switch {
	case !known:
		s.mu.Unlock()
		return Delivery{}, ErrUnknownDelivery
	case s.sending[id]:
		s.mu.Unlock()
		return Delivery{}, ErrBeingSent
	}
	s.sending[id] = true
	s.mu.Unlock()
	return s.attempt(context.WithoutCancel(ctx), id, kindResend)
}

func (s *Server) sleep(ctx context.Context, wait time.Duration) {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-s.wake:
	case <-timer.C:
	}
}

// wakeRun makes Run look again. A token already waiting says the same.
func (s *Server) wakeRun() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}
