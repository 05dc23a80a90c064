package payments

import (
	"context"
	"io"
	"strings"
	"testing"
	"time"

	"warungjokul/jokul"
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
	calls, err := e.Store.APICallsOf(context.Background(), o)
	if err != nil || len(calls) != 3 { // the code, how to pay, the status
		t.Fatalf("%d calls, %v", len(calls), err)
	}
	changes, err := e.Store.AuditEventsOf(context.Background(), o.ID)
	if err != nil {
		t.Fatal(err)
	}
	code, query := calls[0], calls[2]
	if code.Operation != "Generate payment code" || query.Operation != "Check status" {
		t.Fatalf("%s, %s", code.Operation, query.Operation)
	}
	shopper := models.Actor{By: models.ActorShopper}
	asked, answered := models.Actor{By: models.ActorAPICall, ID: code.ID}, models.Actor{By: models.ActorAPICall, ID: query.ID}
	want := []models.Actor{shopper, shopper, shopper, asked, answered, answered, answered}
	for i, c := range changes {
		if i >= len(want) || c.Actor != want[i] {
			t.Errorf("change %d, %s to %s: because of %+v", i, c.Kind, c.Became, c.Actor)
		}
	}
	if len(changes) != len(want) {
		t.Errorf("%d changes, want %d", len(changes), len(want))
	}
}

// A call that failed is recorded at once, with why, and without the customer that
// its answer quotes.
func TestRecordOfAFailedCall(t *testing.T) {
	e := newEnv(t)
	b := putBetween(e)
	b.set(answered(400, `{"error":{"message":"customer.name Budi <budi@example.com> is not allowed"}}`), nil)
	o := e.get(e.order("MNM-TEH"))
	calls, err := e.Store.APICallsOf(t.Context(), o)
	if err != nil || len(calls) != 1 {
		t.Fatalf("%d calls, %v", len(calls), err)
	}
	call := calls[0]
	if call.Status != 400 || !strings.Contains(call.Problem, "is not allowed") || !strings.Contains(string(call.ResponseBody), "is not allowed") {
		t.Errorf("recorded HTTP %d, %q, %s", call.Status, call.Problem, call.ResponseBody)
	}
	for what, text := range map[string]string{"the problem": call.Problem, "the answer": string(call.ResponseBody), "the payment": o.Payment().LastError} {
		if strings.Contains(text, "Budi") || strings.Contains(text, "budi@") {
			t.Errorf("%s names the customer: %s", what, text)
		}
	}
}

// Only texts that say something are hidden: an empty one stands for every empty text.
func TestWithoutCustomer(t *testing.T) {
	for body, want := range map[string]string{
		`{"customer":{"name":"Budi","email":""},"order":{"note":"","name":"Budi"}}`: `{"customer":{"name":"***","email":""},"order":{"note":"","name":"***"}}`,
		`{"customer":{"name":"A"}}`: `{"customer":{"name":"***"}}`,
		`<html>Budi</html>`:         `<html>Budi</html>`,
		``:                          ``,
	} {
		if got := string(withoutCustomer([]byte(body))); got != want {
			t.Errorf("%s became %s, want %s", body, got, want)
		}
	}
}

// A call that is about no payment is recorded, and so is one that changed
// nothing.
func TestCallsThatChangeNothingAreRecorded(t *testing.T) {
	e := newEnv(t)
	token := e.order("MNM-TEH")
	p := e.payment(token)
	if _, err := e.Gateway.CheckStatus(t.Context(), p.InvoiceNumber); err != nil {
		t.Fatal(err)
	}
	if got := e.operations(token); len(got) != 3 {
		t.Errorf("calls: %v", got)
	}
	about := recorder{Service: e.Service, payment: p}
	for range 2 {
		if _, err := e.Gateway.ObservedBy(about.observe).CheckStatus(t.Context(), p.InvoiceNumber); err != nil {
			t.Fatal(err)
		}
	}
	if got := e.operations(token); len(got) != 4 {
		t.Errorf("calls: %v; the second is to be saved with what it changes", got)
	}
	about.save(t.Context())
	if got := e.operations(token); len(got) != 5 {
		t.Errorf("calls: %v", got)
	}
	calls, err := e.Store.APICallsOf(t.Context(), e.get(token))
	if err != nil {
		t.Fatal(err)
	}
	for i, call := range calls {
		if about := call.PaymentID != nil; about != (i != 2) {
			t.Errorf("call %d, %s: about a payment %v", i, call.Operation, about)
		}
	}
}

// A record that cannot be saved is a line in the log, and does not fail the call.
func TestRecordWithoutADatabase(t *testing.T) {
	e := newEnv(t)
	e.withoutDatabase()
	RecordAPICalls(e.Store, e.Log)(t.Context(), jokul.Exchange{Err: io.ErrUnexpectedEOF})
	if !e.logged("save API call") {
		t.Error("the log does not say so")
	}
}

// Wake has the worker look.
func TestWake(t *testing.T) {
	e := newEnv(t)
	e.Wake()
	e.Wake() // is nothing more
	e.due.Sleep(t.Context(), time.Hour)
	select {
	case <-e.due:
		t.Error("it is set after it was used")
	default:
	}
}
