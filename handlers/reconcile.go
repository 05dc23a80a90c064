package handlers

import (
	"context"
	"time"

	"golang.org/x/sync/errgroup"

	"warungjokul/models"
)

const (
	batch        = 16
	idle         = time.Minute // the longest sleep, should a message be missed
	housekeeping = time.Hour
)

// Work looks after payments until ctx ends: it finishes codes that were asked
// for and not given yet, and asks about payments no notification told of. What
// is due is in the database, so a restart forgets nothing, and a lease there
// keeps several shops from doing the same.
func (h *Handler) Work(ctx context.Context) error {
	var swept time.Time
	for ctx.Err() == nil {
		if h.Now().Sub(swept) > housekeeping {
			swept = h.Now()
			if err := h.Store.ForgetExchanges(ctx); err != nil {
				h.Log.Error("forget old exchanges", "error", err)
			}
		}
		busy, err := h.round(ctx)
		if err != nil && ctx.Err() == nil {
			h.Log.Error("look after payments", "error", err)
		}
		if busy {
			continue
		}
		h.sleep(ctx, err)
	}
	return nil
}

// round takes what is due and turns to the gateway with it, some at a time.
func (h *Handler) round(ctx context.Context) (busy bool, err error) {
	due, err := h.Store.ClaimDue(ctx, batch)
	var group errgroup.Group
	for _, p := range due {
		group.Go(func() error {
			ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), callPatience)
			defer cancel()
			h.attend(ctx, p)
			return nil
		})
	}
	_ = group.Wait()
	return len(due) > 0, err
}

// attend does what a payment's state asks for.
func (h *Handler) attend(ctx context.Context, p models.Payment) {
	switch p.State {
	case models.PaymentCreating:
		h.obtainCode(ctx, p)
	case models.PaymentPending:
		h.ask(ctx, p)
	default: // a refused payment nobody tried again
		if err := h.Store.Expire(ctx, p.ID); err != nil {
			h.Log.Error("expire", "invoice_number", p.InvoiceNumber, "error", err)
		}
		h.changed(ctx, p)
	}
}

// sleep waits until something is due, or is said to be.
func (h *Handler) sleep(ctx context.Context, trouble error) {
	wait := idle
	next, err := h.Store.NextDue(ctx)
	switch {
	case err != nil || trouble != nil:
		wait = 5 * time.Second
	case !next.IsZero():
		wait = clamp(next.Sub(h.Now()), time.Millisecond, idle)
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-h.wake:
	case <-timer.C:
	}
}

// poke has the worker look again: something may be due sooner than it thinks.
func (h *Handler) poke() {
	select {
	case h.wake <- struct{}{}:
	default:
	}
}
