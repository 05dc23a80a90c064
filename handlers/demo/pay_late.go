package demo

import (
	"context"
	"errors"
	"slices"

	"warungjokul/models"
)

// errNotLate says that the shop still takes a code for good, so that money for it
// would not be late.
var errNotLate = errors.New("the shop does not know yet that the code has expired")

// payLate lets a code expire at the gateway, has the shop ask about it, and only
// then pays it: the money is late by the shop's books as well. No clock is moved.
func (h *Handler) payLate(ctx context.Context, code string) error {
	list, err := h.ledger(ctx)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(list, func(a gatewayAccount) bool { return a.PaymentCode == code })
	if i < 0 {
		return errNotPossible
	}
	if list[i].Status == "PENDING" {
		if err := h.act(ctx, code, "expire", ""); err != nil {
			return err
		}
	}
	if err := h.learnExpiry(ctx, list[i].InvoiceNumber); err != nil {
		return err
	}
	return h.act(ctx, code, "pay_late", "")
}

// learnExpiry has the shop ask about a payment that it takes for good, and returns
// errNotLate when it still does. A payment that is not the shop's is left alone.
func (h *Handler) learnExpiry(ctx context.Context, invoice string) error {
	p, err := h.Store.Invoice(ctx, invoice)
	switch {
	case errors.Is(err, models.ErrNotFound):
		return nil
	case err == nil && p.State == models.PaymentPending:
		if err = h.Payments.CheckNow(ctx, p.ID); err == nil {
			p, err = h.Store.Invoice(ctx, invoice)
		}
	}
	if err == nil && (p.State == models.PaymentPending || p.State == models.PaymentCreating) {
		err = errNotLate
	}
	return err
}
