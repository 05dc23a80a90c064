package models

import (
	"context"
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
	if _, err := s.IssueCode(ctx, p.ID, code, c.now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	steps := APICall{Operation: "How to pay", URL: code.HowToPayAPI, StartedAt: c.now().Add(time.Second)}
	keep := func(ctx context.Context, x APICall) {
		t.Helper()
		if err := s.SaveAPICall(ctx, x); err != nil {
			t.Fatal(err)
		}
	}
	turn := Turn(ctx, p.ID)
	keep(turn, steps)
	SaveWithChanges(turn, APICall{Operation: "Generate payment code", InvoiceNumber: p.InvoiceNumber, StartedAt: c.now()})
	if err := s.EndTurn(turn); err != nil {
		t.Fatal(err)
	}
	keep(ctx, APICall{Operation: "Check status", InvoiceNumber: p.RequestID, StartedAt: c.now().Add(time.Minute)})
	keep(ctx, APICall{Operation: "Check status", InvoiceNumber: "another's", StartedAt: c.now()})
	keep(Turn(ctx, other.Payment().ID), steps)
	want := []string{"Generate payment code", "How to pay", "Check status"}
	if got := operations(t, s, o); !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
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
