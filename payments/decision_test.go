package payments

import (
	"errors"
	"slices"
	"testing"

	"warungjokul/jokul/sandbox"
	"warungjokul/models"
	"warungjokul/payments/testgateway"
)

// wrongAmount returns an order for which another amount was paid, and the case.
func (e *env) wrongAmount() (string, models.Case) {
	e.t.Helper()
	token := e.order("MNM-TEH")
	e.gateway.Do(e.payment(token).Code, sandbox.ActionPayWrongAmount)
	list, err := e.Store.OpenCases(e.t.Context(), 10)
	if err != nil || len(list) != 1 || list[0].Kind != models.CaseWrongAmount {
		e.t.Fatalf("cases %+v, %v", list, err)
	}
	c, err := e.Store.Case(e.t.Context(), list[0].ID)
	if err != nil {
		e.t.Fatal(err)
	}
	return token, c
}

func refund(c models.Case, kind models.DecisionKind) models.Decision {
	return models.Decision{Kind: kind, By: "Sari", Reason: "another amount", Refund: c.Receipt.Amount,
		RefundedOn: c.Receipt.PaidAt, RefundMethod: "transfer"}
}

// A customer who is to pay again gets a new code at once; everybody is told.
func TestPayAgain(t *testing.T) {
	e := newEnv(t)
	token, c := e.wrongAmount()
	changed, mails, requested := e.changed.Load(), e.mailDue.Load(), e.gateway.Calls(testgateway.CreatePath)
	if err := e.Decide(t.Context(), c, refund(c, models.DecisionPayAgain)); err != nil {
		t.Fatal(err)
	}
	e.Wait()
	if p := e.payment(token); p.Attempt != 2 || p.State != models.PaymentPending {
		t.Errorf("attempt %d is %s, want the second, with its code", p.Attempt, p.State)
	}
	if n := e.gateway.Calls(testgateway.CreatePath) - requested; n != 1 {
		t.Errorf("a code was requested %d times", n)
	}
	if e.changed.Load()-changed < 2 || e.mailDue.Load()-mails < 2 { // the decision, and the code
		t.Errorf("the pages were told %d times, the mailer %d times", e.changed.Load()-changed, e.mailDue.Load()-mails)
	}
	select {
	case <-e.due:
	default:
		t.Error("the worker does not know")
	}
	events, err := e.Store.AuditEventsOf(t.Context(), e.get(token).ID)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.ContainsFunc(events, func(c models.AuditEvent) bool {
		return c.Kind == models.AuditCase && c.Became != "" && c.Actor.By == models.ActorStaff
	}) {
		t.Errorf("nothing says that staff decided: %+v", events)
	}
	if err := e.Decide(t.Context(), c, refund(c, models.DecisionPayAgain)); !errors.Is(err, models.ErrDecided) {
		t.Errorf("decided twice: %v", err)
	}
}

// Any other decision requests no code. The pages and the mailer are told all the
// same.
func TestDecideWithoutACode(t *testing.T) {
	e := newEnv(t)
	token, c := e.wrongAmount()
	changed, mails, requested := e.changed.Load(), e.mailDue.Load(), e.gateway.Calls(testgateway.CreatePath)
	if err := e.Decide(t.Context(), c, models.Decision{Kind: models.DecisionAccept, By: "Sari", Reason: "close enough"}); err != nil {
		t.Fatal(err)
	}
	e.Wait()
	if o := e.get(token); o.Status != models.OrderPaid || len(o.Payments) != 1 {
		t.Errorf("order %s with %d payments", o.Status, len(o.Payments))
	}
	if n := e.gateway.Calls(testgateway.CreatePath) - requested; n != 0 {
		t.Errorf("a code was requested %d times", n)
	}
	if e.changed.Load()-changed != 1 || e.mailDue.Load()-mails != 1 {
		t.Errorf("the pages were told %d times, the mailer %d times", e.changed.Load()-changed, e.mailDue.Load()-mails)
	}
}

// A case about money of nobody's order is decided, too.
func TestDecideAboutNoOrder(t *testing.T) {
	e := newEnv(t)
	if _, err := e.Store.ApplyStatus(t.Context(), nil, models.Arrival{InvoiceNumber: "NOT-OURS", Amount: 10_000}); err != nil {
		t.Fatal(err)
	}
	list, err := e.Store.OpenCases(t.Context(), 10)
	if err != nil || len(list) != 1 {
		t.Fatal(list, err)
	}
	changed := e.changed.Load()
	if err := e.Decide(t.Context(), list[0], models.Decision{Kind: models.DecisionNone, By: "Sari", Reason: "another shop's"}); err != nil {
		t.Fatal(err)
	}
	if e.changed.Load() != changed || len(e.openCases()) != 0 {
		t.Errorf("told %d times, open %v", e.changed.Load()-changed, e.openCases())
	}
}
