package payments

import (
	"context"
	"slices"
	"testing"
	"time"

	"warungjokul/jokul"
	"warungjokul/models"
	"warungjokul/payments/testgateway"
)

// A code that another order has is not issued, and nothing is asked about it.
func TestCodeOfAnotherOrder(t *testing.T) {
	e := newEnv(t)
	b := putBetween(e)
	code := e.payment(e.order("MNM-TEH")).Code
	b.set(b.redate(func(info map[string]any) { info["payment_code"] = code }, 0), nil)
	o := e.place("MNM-TEH")
	e.requestLatestCode(t.Context(), o)
	e.Wait()
	if p := e.payment(o.Token); p.State != models.PaymentFailed || p.Code != "" {
		t.Errorf("payment %s with code %q", p.State, p.Code)
	}
	if got := e.operations(o.Token); !slices.Equal(got, []string{"Generate payment code"}) {
		t.Errorf("calls: %v", got)
	}
	if got := e.openCases(); !slices.Equal(got, []models.CaseKind{models.CaseCodeTaken}) {
		t.Errorf("cases: %v", got)
	}
	if !e.logged("payment code not issued") {
		t.Error("the log does not say so")
	}
}

// The first answer to a request, and a code that was made before, date from
// different sends where the gateway's dates do not fit.
func TestIssuedAt(t *testing.T) {
	first := time.Date(2026, 11, 24, 3, 0, 0, 0, time.UTC)
	sent := first.Add(10 * time.Minute)
	for name, tt := range map[string]struct {
		code jokul.PaymentCode
		want time.Time
	}{
		"no date":                     {jokul.PaymentCode{AnsweredAt: sent}, first},
		"made now":                    {jokul.PaymentCode{CreatedAt: sent, AnsweredAt: sent}, sent},
		"made at the first send":      {jokul.PaymentCode{CreatedAt: first, AnsweredAt: sent}, first},
		"made between":                {jokul.PaymentCode{CreatedAt: first.Add(time.Minute), AnsweredAt: sent}, first.Add(time.Minute)},
		"made too early":              {jokul.PaymentCode{CreatedAt: first.Add(-time.Second), AnsweredAt: sent}, sent},
		"made too early, given again": {jokul.PaymentCode{CreatedAt: first.Add(-time.Second), AnsweredAt: sent, Replayed: true}, first},
		"made later":                  {jokul.PaymentCode{CreatedAt: sent.Add(time.Second), AnsweredAt: sent}, sent},
		"made later, given again":     {jokul.PaymentCode{CreatedAt: sent.Add(time.Second), AnsweredAt: sent, Replayed: true}, first},
		"no date of the answer":       {jokul.PaymentCode{CreatedAt: sent}, sent},
	} {
		if got := issuedAt(models.Payment{CreatedAt: first}, tt.code, sent); !got.Equal(tt.want) {
			t.Errorf("%s: %v, want %v", name, got, tt.want)
		}
	}
}

// The gateway's steps are stored with the payment, and the call that brought them
// is recorded as the payment's.
func TestInstructions(t *testing.T) {
	e := newEnv(t)
	token := e.order("MNM-TEH")
	p := e.payment(token)
	if len(p.Instructions) < 2 || len(p.Instructions[0].Steps) == 0 {
		t.Errorf("stored: %+v", p.Instructions)
	}
	if got := e.operations(token); !slices.Equal(got, []string{"Generate payment code", "How to pay"}) {
		t.Errorf("calls: %v", got)
	}
	calls, err := e.Store.APICallsOf(t.Context(), e.get(token))
	if err != nil {
		t.Fatal(err)
	}
	for _, call := range calls {
		if call.PaymentID == nil || *call.PaymentID != p.ID {
			t.Errorf("%s: about payment %v", call.Operation, call.PaymentID)
		}
	}
	if n := e.changed.Load(); n < 2 { // the code, the steps
		t.Errorf("the pages were told %d times", n)
	}
}

// A code that comes without an address for instructions has none, and that is
// nothing to warn of.
func TestNoInstructions(t *testing.T) {
	e := newEnv(t)
	b := putBetween(e)
	b.set(b.redate(without("how_to_pay_api"), 0), nil)
	token := e.order("MNM-TEH")
	if got := e.operations(token); !slices.Equal(got, []string{"Generate payment code"}) {
		t.Errorf("calls: %v", got)
	}
	if e.logged("no instructions") {
		t.Error("the log warns of it")
	}
}

// A panic in the background ends neither the program nor what waits for it.
func TestPanicInTheBackground(t *testing.T) {
	e := newEnv(t)
	e.inBackground(t.Context(), func(context.Context) {})
	e.Wait()
	if e.logged("panic") {
		t.Error("the log tells of a panic that was none")
	}
	e.inBackground(t.Context(), func(context.Context) { panic("oops") })
	e.Wait()
	if !e.logged("oops") {
		t.Error("the log does not say so")
	}
}

// A code that the worker has obtained meanwhile is not requested again.
func TestCodeThatIsThereIsNotRequested(t *testing.T) {
	e := newEnv(t)
	o := e.get(e.order("MNM-TEH"))
	before := e.gateway.Calls(testgateway.CreatePath)
	e.requestLatestCode(t.Context(), o)
	if n := e.gateway.Calls(testgateway.CreatePath) - before; n != 0 {
		t.Errorf("requested %d times", n)
	}
}
