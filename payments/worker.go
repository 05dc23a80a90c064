package payments

import (
	"context"
	"errors"
	"time"

	"golang.org/x/sync/errgroup"

	"warungjokul/models"
	"warungjokul/payments/requestid"
)

const (
	batchSize    = 16
	maxSleep     = time.Minute // should a wake-up be missed
	troubleSleep = 5 * time.Second

	// stopTimeout is what a stop leaves to what is under way, less than it waits in all.
	stopTimeout = 7 * time.Second
)

// ErrStopped is the cause of a context that ended because the shop stops.
var ErrStopped = errors.New("the shop has stopped")

// Run processes due payments until ctx ends: it obtains codes that were requested
// and not given yet, and checks payments that no notification told of. Due times
// are in the database, so a restart forgets nothing, and a lease there keeps
// several processes from doing the same thing.
func (s *Service) Run(ctx context.Context) {
	var workers errgroup.Group
	workers.Go(func() error { s.runPayments(ctx); return nil })
	workers.Go(func() error { s.runClock(ctx); return nil })
	workers.Go(func() error { s.runRejections(ctx); return nil })
	_ = workers.Wait()
}

func (s *Service) runPayments(ctx context.Context) {
	for ctx.Err() == nil {
		ctx := requestid.Begin(ctx, "worker")
		busy, err := s.RunOnce(ctx)
		if err != nil && ctx.Err() == nil {
			s.Log.ErrorContext(ctx, "claim payments", "error", err)
		}
		if busy {
			continue
		}
		next, nextErr := s.Store.NextDue(ctx)
		s.due.Sleep(ctx, Until(next, s.Now(), err != nil || nextErr != nil))
	}
}

// RunOnce claims the payments that are due, a batch at most, and processes them at
// the same time. busy is false where none was due.
func (s *Service) RunOnce(ctx context.Context) (busy bool, err error) {
	due, err := s.Store.ClaimDue(ctx, batchSize)
	var group errgroup.Group
	for _, p := range due {
		group.Go(func() error {
			ctx, cancel := WithGrace(requestid.Begin(ctx, "payment"), callTimeout)
			defer cancel()
			s.process(ctx, p)
			return nil
		})
	}
	_ = group.Wait()
	return len(due) > 0, err
}

// process takes the next step for a payment in its state.
func (s *Service) process(ctx context.Context, p models.Payment) {
	switch p.State {
	case models.PaymentCreating:
		s.requestCode(ctx, p, savedRequest(p))
	case models.PaymentPending, models.PaymentExpired, models.PaymentPaid:
		s.checkStatus(ctx, p)
	default: // refused, and the shopper did not try again
		if err := s.Store.Expire(ctx, nil, p.ID); err != nil {
			s.Log.ErrorContext(ctx, "expire", "invoice_number", p.InvoiceNumber, "error", err)
		}
		s.changed(ctx, p)
	}
}

// runClock brings forward, now and every minute, what a clock that was ahead has
// put off. The minutes are counted by a timer, which no change of the clock moves.
func (s *Service) runClock(ctx context.Context) {
	minutely := time.NewTicker(maxSleep)
	defer minutely.Stop()
	for ctx.Err() == nil {
		s.BringForward(requestid.Begin(ctx, "clock"))
		select {
		case <-minutely.C:
		case <-ctx.Done():
		}
	}
}

// BringForward makes due what is put off for longer than it can be.
func (s *Service) BringForward(ctx context.Context) {
	n, err := s.Store.BringForward(ctx, models.Gaps{
		Creating: longestCreating, Open: longestPending, Over: longestOver, Failed: s.Expiry})
	if err != nil && ctx.Err() == nil {
		s.Log.ErrorContext(ctx, "bring forward", "error", err)
	}
	if n > 0 {
		s.Log.WarnContext(ctx, "brought forward what was due later than it can be; a clock may have been ahead", "rows", n)
		s.due.Set()
		s.MailDue()
	}
}

// WithGrace returns a context for one call, or one mail: timeout bounds it, and it
// outlives ctx by the time that a stop leaves. It ends with ErrStopped then.
func WithGrace(ctx context.Context, timeout time.Duration) (context.Context, context.CancelFunc) {
	call, end := context.WithTimeout(context.WithoutCancel(ctx), timeout)
	call, stop := context.WithCancelCause(call)
	release := context.AfterFunc(ctx, func() { time.AfterFunc(stopTimeout, func() { stop(ErrStopped) }) })
	return call, func() { release(); stop(nil); end() }
}

// Wake ends a worker's sleep before its time.
type Wake chan struct{}

// NewWake returns a Wake that is not set.
func NewWake() Wake { return make(Wake, 1) }

// Set ends the sleep, or the next one where the worker is at work.
func (w Wake) Set() {
	select {
	case w <- struct{}{}:
	default: // it is set already
	}
}

// Sleep returns after d, or before that when the Wake is set or ctx ends.
func (w Wake) Sleep(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-w:
	case <-timer.C:
	}
}

// Until returns how long a worker sleeps whose next task is due at next, zero
// where it has none. After trouble it tries again soon.
func Until(next, now time.Time, trouble bool) time.Duration {
	switch {
	case trouble:
		return troubleSleep
	case next.IsZero():
		return maxSleep
	}
	return clamp(next.Sub(now), time.Millisecond, maxSleep)
}
