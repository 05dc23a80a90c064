package handlers

import (
	"context"
	"time"

	"golang.org/x/sync/errgroup"

	"warungjokul/handlers/console"
	"warungjokul/payments/requestid"
	"warungjokul/views"
)

const maintenanceInterval = time.Hour

// Work runs the background work until ctx ends: the payment flow's
// work, mails, erasure and maintenance, and it passes on what other processes of
// this shop tell the open pages.
func (h *Handler) Work(ctx context.Context) error {
	var workers errgroup.Group
	workers.Go(func() error { h.Payments.Run(ctx); return nil })
	workers.Go(func() error { h.Store.Subscribe(ctx, h.Streams.Publish); return nil })
	workers.Go(func() error { h.runMaintenance(ctx); return nil })
	workers.Go(func() error { h.console.RunErasure(ctx); return nil })
	if h.Mail != nil {
		workers.Go(func() error { h.shop.RunMail(ctx); return nil })
	}
	return workers.Wait()
}

// Finish waits for what is still being done when no request comes any more.
func (h *Handler) Finish() { h.Payments.Wait() }

// runMaintenance maintains the database now and every hour, beside the payments:
// among a million orders the report takes seconds.
func (h *Handler) runMaintenance(ctx context.Context) {
	hourly := time.NewTicker(maintenanceInterval)
	defer hourly.Stop()
	for ctx.Err() == nil {
		h.maintain(requestid.Begin(ctx, "maintenance"))
		select {
		case <-hourly.C:
		case <-ctx.Done():
		}
	}
}

// maintain deletes what is too old, counts the days before anybody asks for them,
// and reports where the books and the gateway do not agree.
func (h *Handler) maintain(ctx context.Context) {
	for _, task := range []struct {
		name string
		do   func(context.Context) error
	}{
		{"delete old API calls", h.Store.DeleteOldAPICalls},
		{"delete old mails", h.Store.DeleteOldMails},
		{"delete old counts of mails", h.Store.DeleteOldMailSends},
		{"delete holders of orders that ended", h.Store.DeleteOldHolders},
		{"delete old audit events", h.Store.DeleteOldAuditEvents},
		{"delete old rejections", h.Store.DeleteOldRejections},
		{"close answered cases", h.Store.CloseAnswered},
		{"count days", func(ctx context.Context) error {
			return h.Store.RefreshDays(ctx, views.StartOfDay(h.Now()), console.FigureDays)
		}},
		{"restock a public demo", h.restock},
	} {
		if err := task.do(ctx); err != nil {
			h.Log.ErrorContext(ctx, task.name, "error", err)
		}
	}
	report, err := h.Store.Mismatches(ctx)
	if err != nil {
		h.Log.ErrorContext(ctx, "report mismatches", "error", err)
		return
	}
	h.Metrics.Report(report)
	for _, m := range report {
		h.Log.WarnContext(ctx, "mismatch", "kind", m.Kind, "order_number", m.OrderNumber, "invoice_number", m.InvoiceNumber,
			"detail", m.Detail, "since", m.Since)
	}
}

// restock fills the shelves of a public demo, which anybody empties with money that is free.
func (h *Handler) restock(ctx context.Context) error {
	if !h.PublicDemo() {
		return nil
	}
	filled, err := h.Store.Restock(ctx)
	if filled > 0 {
		h.Log.InfoContext(ctx, "public demo restocked", "products", filled)
	}
	return err
}
