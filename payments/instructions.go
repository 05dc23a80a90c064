package payments

import (
	"context"
	"time"

	"warungjokul/models"
)

// instructionsTimeout is short: pages have steps of their own.
const instructionsTimeout = 2 * time.Second

// fetchInstructions asks the gateway how a code is paid and saves its steps, for
// the order's page to show in place of the shop's own.
func (s *Service) fetchInstructions(ctx context.Context, p models.Payment, address string) {
	calls := recorder{Service: s, payment: p}
	defer calls.save(ctx)
	callCtx, cancel := context.WithTimeout(ctx, instructionsTimeout)
	defer cancel()
	list, err := s.Gateway.ObservedBy(calls.observe).HowToPay(callCtx, address)
	if err != nil {
		s.Log.WarnContext(ctx, "no instructions from the gateway; the shop's own are shown", "invoice_number", p.InvoiceNumber,
			"error", ErrorText(err, p.Order))
		return
	}
	var steps []models.Instruction
	for _, in := range list {
		steps = append(steps, models.Instruction{Language: in.Language, Steps: in.Steps})
	}
	saveCtx, cancel := Saving(ctx)
	defer cancel()
	if err := s.Store.SetInstructions(saveCtx, calls.last, p.ID, steps); err != nil {
		s.Log.ErrorContext(ctx, "save instructions", "invoice_number", p.InvoiceNumber, "error", err)
		return
	}
	s.changed(saveCtx, p)
}
