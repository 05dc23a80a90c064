package payments

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"warungjokul/jokul"
	"warungjokul/models"
)

const (
	// codeOverdue is the age at which a payment without a code becomes a case.
	codeOverdue = 30 * time.Minute

	// maxAttempts ends the search for an invoice number that the gateway takes.
	maxAttempts = 20
)

// requestLatestCode asks for the code of the payment that was just added to an
// order, within checkoutTimeout, even if the shopper leaves meanwhile.
func (s *Service) requestLatestCode(ctx context.Context, o models.Order) {
	p := o.Payments[len(o.Payments)-1]
	if p.State != models.PaymentCreating { // the worker was quicker
		return
	}
	p.Order = &o
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), checkoutTimeout)
	defer cancel()
	s.requestCode(ctx, p, savedRequest(p).NeverSent())
}

// savedRequest is a payment's request as it was saved. Whether it was sent before
// is not known.
func savedRequest(p models.Payment) jokul.PreparedRequest {
	return jokul.PreparedRequest{RequestID: p.RequestID, Body: p.RequestBody}
}

// requestCode sends a payment's request and saves what came of it. It may be
// called again and again, because the request is the same each time. Only an
// answer that proves that the invoice number is somebody else's leads to another
// attempt, under another number.
func (s *Service) requestCode(ctx context.Context, p models.Payment, request jokul.PreparedRequest) {
	calls := recorder{Service: s, payment: p}
	defer calls.save(ctx)
	began, sent := time.Now(), s.Now()
	code, err := s.Gateway.ObservedBy(calls.observe).GeneratePaymentCode(ctx, request)
	s.Metrics.codeRequested(began, err)
	if errors.Is(err, jokul.ErrInvoiceTaken) && p.Attempt < maxAttempts {
		s.replace(ctx, calls.last, p, err)
		return
	}
	saveCtx, cancel := Saving(ctx)
	defer cancel()
	if err := s.saveAnswer(saveCtx, calls.last, p, code, sent, err); err != nil {
		s.Log.ErrorContext(ctx, "save payment code", "invoice_number", p.InvoiceNumber, "error", err)
	}
	s.changed(saveCtx, p)
}

// saveAnswer saves the gateway's answer to a request for a code, which call brought.
func (s *Service) saveAnswer(ctx context.Context, call *models.APICall, p models.Payment, code jokul.PaymentCode,
	sent time.Time, err error) error {
	switch {
	case err == nil:
		return s.saveCode(ctx, call, p, code, sent)
	case isUnknown(err):
		s.Log.WarnContext(ctx, "payment code not certain", "invoice_number", p.InvoiceNumber, "tries", p.Tries,
			"error", ErrorText(err, p.Order))
		return s.retryLater(ctx, call, p, err)
	}
	reason := ErrorText(err, p.Order)
	s.Log.ErrorContext(ctx, "payment code refused", "invoice_number", p.InvoiceNumber, "error", reason)
	return s.Store.RefuseCode(ctx, call, p, reason, s.Now().Add(s.Expiry))
}

// isUnknown reports whether the gateway may have acted in spite of an error.
func isUnknown(err error) bool {
	var refused *jokul.Error
	return err != nil && (!errors.As(err, &refused) || refused.Outcome == jokul.OutcomeUnknown)
}

// saveCode saves a code that came in answer to a request sent at a time by the
// shop's clock, with its deadline by that clock. An expiry that cannot be believed
// is a case.
func (s *Service) saveCode(ctx context.Context, call *models.APICall, p models.Payment, code jokul.PaymentCode,
	sent time.Time) error {
	lifetime, believed := lifetime(p, code)
	issued := models.IssuedCode{Code: code.Code, HowToPayPage: code.HowToPayPage, HowToPayAPI: code.HowToPayAPI}
	issued.IssuedAt = issuedAt(p, code, sent)
	issued.ExpiresAt = issued.IssuedAt.Add(lifetime)
	next := nextPendingCheck(issued.IssuedAt, issued.ExpiresAt, s.Now())
	saved, err := s.Store.IssueCode(ctx, call, p.ID, issued, next)
	if err != nil {
		return err
	}
	if !saved {
		s.Log.WarnContext(ctx, "payment code not issued: another order has it, or the payment is over",
			"invoice_number", p.InvoiceNumber)
		return nil
	}
	s.Log.InfoContext(ctx, "payment code issued", "invoice_number", p.InvoiceNumber, "replayed", code.Replayed)
	if !believed {
		s.reportExpiry(ctx, call, p, code)
	}
	if code.HowToPayAPI != "" { // the shopper has the code, and need not wait for how to use it
		s.inBackground(ctx, func(ctx context.Context) { s.fetchInstructions(ctx, p, code.HowToPayAPI) })
	}
	return nil
}

// replace goes on with the order's next invoice number, because somebody else uses
// this one.
func (s *Service) replace(ctx context.Context, call *models.APICall, p models.Payment, taken error) {
	next, replaced, err := s.nextPayment(ctx, call, p, taken)
	if err != nil {
		s.Log.ErrorContext(ctx, "replace payment", "invoice_number", p.InvoiceNumber, "error", err)
		return // the lease ends, and the worker comes back to it
	}
	if !replaced {
		return
	}
	s.Log.WarnContext(ctx, "invoice number taken", "invoice_number", p.InvoiceNumber, "next", next.InvoiceNumber)
	s.requestCode(ctx, next, savedRequest(next).NeverSent())
}

// nextPayment gives up a payment and saves the next one in its place. replaced is
// false where the payment was not waiting for its code any more.
func (s *Service) nextPayment(ctx context.Context, call *models.APICall, p models.Payment, taken error) (
	next models.Payment, replaced bool, err error) {
	if p, err = s.Store.Invoice(ctx, p.InvoiceNumber); err != nil {
		return p, false, err
	}
	o, err := s.Store.Order(ctx, p.Order.Token)
	if err != nil {
		return p, false, err
	}
	if next, err = s.Prepare(o); err != nil {
		return p, false, err
	}
	replaced, err = s.Store.ReplacePayment(ctx, call, p, next, ErrorText(taken, p.Order))
	if err != nil || !replaced {
		return p, false, err
	}
	next, err = s.Store.Invoice(ctx, next.InvoiceNumber)
	return next, err == nil, err
}

// retryLater leaves a request of unknown outcome to the worker. Once that takes
// too long it is a case.
func (s *Service) retryLater(ctx context.Context, call *models.APICall, p models.Payment, unknown error) error {
	defer s.due.Set() // it may be due sooner than the worker thinks
	if s.Now().Sub(p.CreatedAt) > codeOverdue {
		if err := s.Store.Raise(ctx, call, p, models.CaseNoCode, "no payment code for "+p.InvoiceNumber); err != nil {
			return err
		}
	}
	return s.Store.Postpone(ctx, call, p, ErrorText(unknown, p.Order), s.Now().Add(backoff(p.Tries)))
}

// backoff returns how long to wait before a request is sent again: from a second,
// doubled each time, to half a minute, and up to a fifth more, so that requests
// that failed together do not come back together.
func backoff(tries int64) time.Duration {
	d := time.Second << min(tries, 5)
	return min(d, 30*time.Second) + rand.N(d/5)
}
