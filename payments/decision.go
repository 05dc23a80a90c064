package payments

import (
	"context"

	"warungjokul/models"
)

// Decide ends a case with a person's decision, and does what follows from it: the
// order's pages show it, the customer is told, and a new code is requested where
// the customer is to pay again. It fails as Store.Decide does: with
// models.ErrDecided, models.ErrNotOffered or models.ErrRefund.
func (s *Service) Decide(ctx context.Context, c models.Case, d models.Decision) (err error) {
	if d.Kind == models.DecisionPayAgain {
		if d.Next, err = s.Prepare(*c.Order); err != nil {
			return err
		}
	}
	done, err := s.Store.Decide(ctx, c.ID, d)
	if err != nil {
		return err
	}
	s.Log.InfoContext(ctx, "case decided", "id", done.ID, "kind", done.Kind, "decision", d.Kind, "by", d.By)
	s.MailDue()
	s.due.Set()
	if done.Order == nil {
		return nil
	}
	s.Changed(ctx, done.Order.Token)
	if d.Kind == models.DecisionPayAgain {
		if o, err := s.Store.Order(ctx, done.Order.Token); err == nil { // else the worker requests it
			s.requestLatestCode(ctx, o)
		}
	}
	return nil
}
