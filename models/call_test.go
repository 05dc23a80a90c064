package models

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"warungjokul/models/testdb"
)

func operations(t *testing.T, s *Store, o Order) (list []string) {
	t.Helper()
	calls, err := s.APICallsOf(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range calls {
		list = append(list, x.Operation)
	}
	return list
}

// A call is found by the payment it was about, whatever it was called; those that
// an earlier version has kept, by their names.
func TestExchangesOfAnOrder(t *testing.T) {
	databaseURL := testdb.URL(t)
	s, c := openAt(t, databaseURL)
	ctx := context.Background()
	o, other := place(t, s, "MNM-GAYO", 1), place(t, s, "MNM-GAYO", 1)
	p := o.Payment()
	code := IssuedCode{Code: "8888888812345678", IssuedAt: c.now(), ExpiresAt: c.now().Add(time.Hour), HowToPayAPI: "http://gateway/steps/1"}
	if _, err := s.IssueCode(ctx, nil, p.ID, code, c.now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	steps := APICall{Operation: "How to pay", URL: code.HowToPayAPI, StartedAt: c.now().Add(time.Second)}
	save := func(x APICall) {
		t.Helper()
		if err := s.SaveAPICall(ctx, &x); err != nil {
			t.Fatal(err)
		}
	}
	steps.PaymentID = &p.ID
	save(steps)
	save(APICall{PaymentID: &p.ID, Operation: "Generate payment code", StartedAt: c.now()})
	save(APICall{Operation: "Check status", InvoiceNumber: p.RequestID, StartedAt: c.now().Add(time.Minute)})
	save(APICall{Operation: "Check status", InvoiceNumber: "another's", StartedAt: c.now()})
	others := other.Payment().ID
	steps.PaymentID = &others
	save(steps)
	want := []string{"Generate payment code", "How to pay", "Check status"}
	if got := operations(t, s, o); !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// A call is saved once, in the transaction of the first change that succeeds, and is the actor of all of them.
func TestCallAndItsChanges(t *testing.T) {
	s, c := openStore(t)
	ctx := context.Background()
	o := withCode(t, s, c, "MNM-GAYO")
	p := o.Payment()
	call := &APICall{PaymentID: &p.ID, Operation: "Check status", StartedAt: c.now()}
	if err := s.Expire(ctx, call, 0); !errors.Is(err, ErrNotFound) {
		t.Fatal(err)
	}
	if got := operations(t, s, o); call.ID != 0 || len(got) != 0 {
		t.Errorf("after a change that failed there are %v, and the call has the ID %d", got, call.ID)
	}
	must(t, s.Expire(ctx, call, p.ID))
	must(t, s.Raise(ctx, call, p, CaseUnsettled, "a test"))
	must(t, s.SaveAPICall(ctx, call))
	if got := operations(t, s, o); len(got) != 1 {
		t.Errorf("saved %v", got)
	}
	events, err := s.AuditEventsOf(ctx, o.ID)
	if err != nil || call.ID == 0 {
		t.Fatal(call.ID, err)
	}
	by := 0
	for _, e := range events {
		if e.Actor == (Actor{ActorAPICall, call.ID}) {
			by++
		}
	}
	if by != 4 { // the payment, the order, its stock, and the case
		t.Errorf("%d of %d changes are by the call", by, len(events))
	}
}

// Calls that an earlier version has kept are found by their names.
func TestExchangesOfAnEarlierVersion(t *testing.T) {
	const now = "'2026-11-23 03:00:00+00:00'"
	call := func(operation, name, url string) string {
		return "INSERT INTO exchanges (operation, invoice_number, request_id, caused_by, method, url, request_header, string_to_sign, status, response_header," +
			" response_string_to_sign, verified, problem, started_at, duration) VALUES ('" + operation + "', '" + name + "', '', '', '', '" + url + "', '', '', 200, '', '', true, '', " + now + ", 0)"
	}
	databaseURL := databaseBefore(t, "0010", append(legacyOrder("awaiting_payment", "pending"),
		call("Generate payment code", "WJ-OLD00000-1", ""), call("How to pay", "", "http://gateway/steps/1"),
		call("Check status", "request-1", ""), call("Check status", "another", ""))...)
	s, _ := openAt(t, databaseURL)
	o, err := s.Order(context.Background(), "token")
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"Generate payment code", "How to pay", "Check status"}
	if got := operations(t, s, o); !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// All that is too old goes, however much it is, and nothing that is not.
func TestForgetExchanges(t *testing.T) {
	s, c := openStore(t)
	ctx := context.Background()
	keep := func(n int) {
		t.Helper()
		for range n / 500 {
			if err := s.write.CreateInBatches(slices.Repeat([]APICall{{Operation: "Check status", StartedAt: c.now()}}, 500), 500).Error; err != nil {
				t.Fatal(err)
			}
		}
	}
	keep(deleteAtOnce * 5 / 2)
	c.advance(apiCallAge)
	keep(500)
	c.advance(time.Minute)
	if err := s.DeleteOldAPICalls(ctx); err != nil {
		t.Fatal(err)
	}
	var left int64
	if err := s.read.Model(&APICall{}).Count(&left).Error; err != nil || left != 500 {
		t.Errorf("%d are left, %v", left, err)
	}
}
