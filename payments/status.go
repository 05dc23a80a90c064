package payments

import (
	"context"
	"fmt"
	"slices"
	"time"

	"warungjokul/jokul"
	"warungjokul/models"
)

const (
	// NoAnswer is what is saved of a status query that got no answer.
	NoAnswer = "away"

	// answerOverdue is how long after its deadline a payment without an end becomes a case.
	answerOverdue = 24 * time.Hour

	// maxChecked bounds how many payments one press of a button has the gateway asked about.
	maxChecked = 3
)

// CheckOrder asks the gateway about every payment of an order that money may have
// come for, because the shopper says to have paid. It reports false, and asks
// nothing, where that was done less than CheckInterval ago.
func (s *Service) CheckOrder(ctx context.Context, o models.Order) (granted bool, err error) {
	for _, p := range Unsettled(o) {
		granted, err := s.Store.MayCheck(ctx, p.ID, s.CheckInterval)
		if err != nil {
			return false, fmt.Errorf("check order: %w", err)
		}
		if !granted {
			return false, nil
		}
		if err := s.CheckNow(ctx, p.ID); err != nil {
			return false, err
		}
	}
	return true, nil
}

// Unsettled lists the payments of an order whose code may have been paid, the
// latest first.
func Unsettled(o models.Order) []models.Payment {
	var list []models.Payment
	if o.Test {
		return nil
	}
	for _, p := range slices.Backward(o.Payments) {
		if (p.State == models.PaymentPending || p.State == models.PaymentExpired) && len(list) < maxChecked {
			list = append(list, p)
		}
	}
	return list
}

// CheckNow asks the gateway about a payment at once, unless a worker is doing that
// already.
func (s *Service) CheckNow(ctx context.Context, id int64) error {
	p, ok, err := s.Store.Claim(ctx, id)
	if err != nil {
		return fmt.Errorf("check payment: %w", err)
	}
	if ok {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), checkoutTimeout)
		defer cancel()
		s.checkStatus(ctx, p)
	}
	return nil
}

// checkStatus asks the gateway what became of a payment and applies the answer.
// Only SUCCESS and EXPIRED settle anything. Every other answer, and none, changes
// nothing but when the gateway is asked again.
func (s *Service) checkStatus(ctx context.Context, p models.Payment) {
	calls := recorder{Service: s, payment: p}
	defer calls.save(ctx)
	t, err := s.Gateway.ObservedBy(calls.observe).CheckStatus(ctx, p.InvoiceNumber)
	s.Metrics.statusAnswered(t, err)
	ctx, cancel := Saving(ctx)
	defer cancel()
	answer := string(t.Status)
	if err != nil {
		answer = NoAnswer
		s.Log.WarnContext(ctx, "check status", "invoice_number", p.InvoiceNumber, "error", ErrorText(err, p.Order))
	}
	if err := s.Store.Checked(ctx, calls.last, p, answer); err != nil {
		s.Log.ErrorContext(ctx, "save answer", "invoice_number", p.InvoiceNumber, "error", err)
	}
	if err := s.applyStatus(ctx, calls.last, p, t, err); err != nil {
		s.Log.ErrorContext(ctx, "apply status", "invoice_number", p.InvoiceNumber, "error", err)
	}
	s.changed(ctx, p)
}

// applyStatus applies the gateway's answer to a call, and says when to ask again
// where that does not settle the payment. unanswered is why there is no answer, or nil.
func (s *Service) applyStatus(ctx context.Context, call *models.APICall, p models.Payment, t jokul.Transaction,
	unanswered error) error {
	reason := ""
	switch {
	case unanswered != nil:
		reason = ErrorText(unanswered, p.Order)
	case t.Status == jokul.TransactionSuccess:
		a := arrival(t)
		a.InvoiceNumber = p.InvoiceNumber
		effect, err := s.Store.ApplyStatus(ctx, call, a)
		if err != nil {
			return err
		}
		s.Metrics.moneyArrived(models.SourceStatusQuery, effect, t.Date, s.Now())
		if !p.Reusable { // the gateway's last word: what is left is a person's to decide
			return s.Store.Postpone(ctx, call, p, "", time.Time{})
		}
	case t.Status == jokul.TransactionExpired && p.State == models.PaymentPending:
		return s.Store.Expire(ctx, call, p.ID)
	case t.Status != jokul.TransactionPending && t.Status != jokul.TransactionExpired:
		s.Log.WarnContext(ctx, "unknown transaction status", "invoice_number", p.InvoiceNumber, "status", t.Status)
	}
	if p.State == models.PaymentPending && p.ExpiresAt != nil && s.Now().Sub(*p.ExpiresAt) > answerOverdue {
		if err := s.Store.Raise(ctx, call, p, models.CaseUnsettled, "no end of "+p.InvoiceNumber); err != nil {
			return err
		}
	}
	return s.Store.Postpone(ctx, call, p, reason, nextCheck(p, s.Now()))
}
