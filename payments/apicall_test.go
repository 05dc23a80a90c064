package payments

import (
	"context"
	"testing"
	"warungjokul/jokul/sandbox"
	"warungjokul/models"
)

// What changes because the gateway said so names the call it said it in.
func TestChangesNameTheCall(t *testing.T) {
	e := newEnv(t)
	order := e.order("MNM-GAYO")
	e.gateway.SetFault(func(f *sandbox.Faults) { f.Notify = sandbox.NotifyNone })
	e.gateway.Do(e.payment(order).Code, sandbox.ActionPay)
	e.clock.Advance(2 * models.Settling)
	e.check(order)

	o := e.get(order)
	exchanges, err := e.Store.ExchangesOf(context.Background(), o)
	if err != nil || len(exchanges) != 3 { // the code, how to pay, the status
		t.Fatalf("%d calls, %v", len(exchanges), err)
	}
	changes, err := e.Store.ChangesOf(context.Background(), o.ID)
	if err != nil {
		t.Fatal(err)
	}
	code, query := exchanges[0], exchanges[2]
	if code.Operation != "Generate payment code" || query.Operation != "Check status" {
		t.Fatalf("%s, %s", code.Operation, query.Operation)
	}
	shopper := models.Cause{By: models.CauseShopper}
	asked, answered := models.Cause{By: models.CauseExchange, ID: code.ID}, models.Cause{By: models.CauseExchange, ID: query.ID}
	want := []models.Cause{shopper, shopper, shopper, asked, answered, answered, answered}
	for i, c := range changes {
		if i >= len(want) || c.Cause != want[i] {
			t.Errorf("change %d, %s to %s: because of %+v", i, c.Kind, c.Became, c.Cause)
		}
	}
	if len(changes) != len(want) {
		t.Errorf("%d changes, want %d", len(changes), len(want))
	}
}
