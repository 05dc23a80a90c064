package handlers

import (
	"context"
	"errors"
	"time"

	"golang.org/x/sync/errgroup"

	"warungjokul/models"
	"warungjokul/views"
)

const (
	batch        = 16
	idle         = time.Minute // the longest sleep, should a message be missed
	housekeeping = time.Hour

	// stopTimeout is what a stop leaves the workers, less than it waits in all.
	stopTimeout = 7 * time.Second
)

// Work looks after payments until ctx ends: it finishes codes that were asked
// for and not given yet, and asks about payments no notification told of. What
// is due is in the database, so a restart forgets nothing, and a lease there
// keeps several shops from doing the same.
func (h *Handler) Work(ctx context.Context) error {
	var workers errgroup.Group
	workers.Go(func() error { h.workPayments(ctx); return nil })
	workers.Go(func() error { h.Store.Watch(ctx, h.streams.tell); return nil })
	workers.Go(func() error { h.workHouse(ctx); return nil })
	workers.Go(func() error { h.workRejections(ctx); return nil })
	workers.Go(func() error { h.workErasure(ctx); return nil })
	workers.Go(func() error { h.workClock(ctx); return nil })
	if h.Mail != nil {
		workers.Go(func() error { h.workMail(ctx); return nil })
	}
	return workers.Wait()
}

func (h *Handler) workPayments(ctx context.Context) {
	for ctx.Err() == nil {
		ctx := turn(ctx, "worker")
		busy, err := h.round(ctx)
		if err != nil && ctx.Err() == nil {
			h.Log.ErrorContext(ctx, "look after payments", "error", err)
		}
		if busy {
			continue
		}
		next, nextErr := h.Store.NextDue(ctx)
		h.wait(ctx, h.wake, next, err != nil || nextErr != nil)
	}
}

// workHouse keeps house now and every hour, beside the payments: among a million
// orders the report takes seconds.
func (h *Handler) workHouse(ctx context.Context) {
	hourly := time.NewTicker(housekeeping)
	defer hourly.Stop()
	for ctx.Err() == nil {
		h.keepHouse(turn(ctx, "house"))
		select {
		case <-hourly.C:
		case <-ctx.Done():
		}
	}
}

// workClock brings forward, now and every minute, what a clock that was ahead has put
// off. Minutes are counted by timers, which no clock that is set changes.
func (h *Handler) workClock(ctx context.Context) {
	minutely := time.NewTicker(idle)
	defer minutely.Stop()
	for ctx.Err() == nil {
		h.bringForward(turn(ctx, "clock"))
		select {
		case <-minutely.C:
		case <-ctx.Done():
		}
	}
}

func (h *Handler) bringForward(ctx context.Context) {
	n, err := h.Store.BringForward(ctx, models.Gaps{Creating: longestCreating, Open: longestOpen, Over: longestOver, Failed: h.PaymentExpiry})
	if err != nil && ctx.Err() == nil {
		h.Log.ErrorContext(ctx, "bring forward", "error", err)
	}
	if n > 0 {
		h.Log.WarnContext(ctx, "brought forward what was due later than it can be; a clock may have been ahead", "turns", n)
		wakeUp(h.wake)
		wakeUp(h.mailWake)
	}
}

// keepHouse forgets what is too old, counts the days before anybody asks for the
// figures, and reports where the books do not agree.
func (h *Handler) keepHouse(ctx context.Context) {
	if err := h.Store.ForgetExchanges(ctx); err != nil {
		h.Log.ErrorContext(ctx, "forget old exchanges", "error", err)
	}
	if err := h.Store.ForgetMails(ctx); err != nil {
		h.Log.ErrorContext(ctx, "forget old mails", "error", err)
	}
	if err := h.Store.ForgetMailSends(ctx); err != nil {
		h.Log.ErrorContext(ctx, "forget counted mails", "error", err)
	}
	if err := h.Store.ForgetHolders(ctx); err != nil {
		h.Log.ErrorContext(ctx, "forget holders of orders that ended", "error", err)
	}
	if err := h.Store.RefreshDays(ctx, views.StartOfDay(h.Now()), figureDays); err != nil {
		h.Log.ErrorContext(ctx, "count days", "error", err)
	}
	if err := h.Store.ForgetChanges(ctx); err != nil {
		h.Log.ErrorContext(ctx, "forget old changes", "error", err)
	}
	if err := h.Store.ForgetRejections(ctx); err != nil {
		h.Log.ErrorContext(ctx, "forget old rejections", "error", err)
	}
	if err := h.Store.CloseAnswered(ctx); err != nil {
		h.Log.ErrorContext(ctx, "close answered cases", "error", err)
	}
	report, err := h.Store.Mismatches(ctx)
	if err != nil {
		h.Log.ErrorContext(ctx, "report mismatches", "error", err)
		return
	}
	h.metrics.report(report)
	for _, m := range report {
		h.Log.WarnContext(ctx, "mismatch", "kind", m.Kind, "order_number", m.OrderNumber, "invoice_number", m.InvoiceNumber,
			"detail", m.Detail, "since", m.Since)
	}
}

// round takes what is due and turns to the gateway with it, some at a time.
func (h *Handler) round(ctx context.Context) (busy bool, err error) {
	due, err := h.Store.ClaimDue(ctx, batch)
	var group errgroup.Group
	for _, p := range due {
		group.Go(func() error {
			ctx, cancel := finishing(turn(ctx, "payment"), callTimeout)
			defer cancel()
			h.attend(ctx, p)
			return nil
		})
	}
	_ = group.Wait()
	return len(due) > 0, err
}

// errStopped is why something under way was ended, or left.
var errStopped = errors.New("the shop has stopped")

// finishing is the time for one turn to the gateway, or for one mail: when the shop
// stops, what is under way may still come to its end, within the time a stop has.
func finishing(ctx context.Context, patience time.Duration) (context.Context, context.CancelFunc) {
	turn, end := context.WithTimeout(context.WithoutCancel(ctx), patience)
	turn, stop := context.WithCancelCause(turn)
	release := context.AfterFunc(ctx, func() { time.AfterFunc(stopTimeout, func() { stop(errStopped) }) })
	return turn, func() { release(); stop(nil); end() }
}

// attend does what a payment's state asks for.
func (h *Handler) attend(ctx context.Context, p models.Payment) {
	switch p.State {
	case models.PaymentCreating:
		h.obtainCode(ctx, p, prepared(p))
	case models.PaymentPending, models.PaymentExpired, models.PaymentPaid:
		h.ask(ctx, p)
	default: // a refused payment nobody tried again
		if err := h.Store.Expire(ctx, p.ID); err != nil {
			h.Log.ErrorContext(ctx, "expire", "invoice_number", p.InvoiceNumber, "error", err)
		}
		h.changed(ctx, p)
	}
}

// wait waits until something is due, or is said to be.
func (h *Handler) wait(ctx context.Context, wake chan struct{}, next time.Time, trouble bool) {
	duration := idle
	switch {
	case trouble:
		duration = 5 * time.Second
	case !next.IsZero():
		duration = clamp(next.Sub(h.Now()), time.Millisecond, idle)
	}
	timer := time.NewTimer(duration)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-wake:
	case <-timer.C:
	}
}

// wakeUp has a worker check again, because something may be due before its next check.
func wakeUp(worker chan struct{}) {
	select {
	case worker <- struct{}{}:
	default: // it has been told already
	}
}
