package payments

import (
	"context"
	"fmt"
	"time"

	"warungjokul/jokul"
	"warungjokul/models"
)

// expiryTolerance is how much longer than asked for a code may be payable. More
// is a date read in another time zone, or a mistake.
const expiryTolerance = time.Hour

// lifetime returns how long a code can be paid from when it was made: expired -
// created, both by the gateway's clock. Where the gateway gave no dates, or dates
// that cannot be believed, it is what was asked for (docs/protocol.md section 5).
func lifetime(p models.Payment, code jokul.PaymentCode) (d time.Duration, believed bool) {
	asked := savedRequest(p).ExpiresIn()
	switch d = code.ValidFor(); {
	case code.ExpiresAt.IsZero():
		return asked, true
	case d <= 0 || d > asked+expiryTolerance:
		return asked, false
	}
	return d, true
}

// issuedAt returns when a code was made, by the shop's clock: too early rather
// than too late, so that no page shows a deadline after the gateway's. The code's
// age by the gateway's clock counts back from when the request was sent. Where
// that lies outside the time in which the request was sent, a first answer dates
// from the last send, and any other from the first.
func issuedAt(p models.Payment, code jokul.PaymentCode, sent time.Time) time.Time {
	first, sent := p.CreatedAt.Truncate(time.Second), sent.Truncate(time.Second) // as the gateway's dates are
	made := sent.Add(code.CreatedAt.Sub(code.AnsweredAt))
	switch {
	case code.CreatedAt.IsZero():
		return first
	case !made.Before(first) && !made.After(sent):
		return made
	case code.Replayed:
		return first
	}
	return sent
}

// reportExpiry opens a case about a code whose dates cannot be believed. It can be
// paid; until when, a person has to find out.
func (s *Service) reportExpiry(ctx context.Context, call *models.APICall, p models.Payment, code jokul.PaymentCode) {
	detail := fmt.Sprintf("the gateway dates the code of %s from %s to %s; its page shows a deadline as asked for",
		p.InvoiceNumber, code.CreatedAt.Format(time.RFC3339), code.ExpiresAt.Format(time.RFC3339))
	s.Log.ErrorContext(ctx, "expiry of a payment code not believed", "invoice_number", p.InvoiceNumber,
		"created", code.CreatedAt, "expires", code.ExpiresAt)
	if err := s.Store.Raise(ctx, call, p, models.CaseBadExpiry, detail); err != nil {
		s.Log.ErrorContext(ctx, "save case", "invoice_number", p.InvoiceNumber, "error", err)
	}
}
