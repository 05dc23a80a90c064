package models

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"testing"
	"time"

	"warungjokul/models/testdb"
)

func operations(t *testing.T, s *Store, o Order) (list []string) {
	t.Helper()
	exchanges, err := s.ExchangesOf(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range exchanges {
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
	if err := s.IssueCode(ctx, p.ID, code, c.now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	steps := Exchange{Operation: "How to pay", URL: code.HowToPayAPI, StartedAt: c.now().Add(time.Second)}
	keep := func(ctx context.Context, x Exchange) {
		t.Helper()
		if err := s.KeepExchange(ctx, x); err != nil {
			t.Fatal(err)
		}
	}
	turn := Turn(ctx, p.ID)
	keep(turn, steps)
	KeepWithChanges(turn, Exchange{Operation: "Generate payment code", InvoiceNumber: p.InvoiceNumber, StartedAt: c.now()})
	if err := s.EndTurn(turn); err != nil {
		t.Fatal(err)
	}
	keep(ctx, Exchange{Operation: "Check status", InvoiceNumber: p.RequestID, StartedAt: c.now().Add(time.Minute)})
	keep(ctx, Exchange{Operation: "Check status", InvoiceNumber: "another's", StartedAt: c.now()})
	keep(Turn(ctx, other.Payment().ID), steps)
	want := []string{"Generate payment code", "How to pay", "Check status"}
	if got := operations(t, s, o); !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}

	// As it was before calls knew their payment.
	err := inOrder(s.write, "DROP INDEX exchanges_of_payment", "DROP INDEX exchanges_of_none", "DELETE FROM exchanges WHERE payment_id = "+fmt.Sprint(other.Payment().ID),
		"ALTER TABLE exchanges DROP COLUMN payment_id", "CREATE INDEX idx_exchanges_invoice_number ON exchanges (invoice_number)",
		"CREATE INDEX idx_exchanges_started_at ON exchanges (started_at)", "CREATE INDEX idx_changes_at ON changes (at)",
		"CREATE INDEX idx_notifications_received_at ON notifications (received_at)", "CREATE INDEX idx_mails_order_id ON mails (order_id)",
		"CREATE INDEX changes_by ON changes (cause_by, cause_id)", "DROP INDEX changes_by_notification",
		"DROP INDEX orders_by_form", "ALTER TABLE orders DROP COLUMN form_id", "DROP INDEX orders_test", "ALTER TABLE orders DROP COLUMN test",
		"DROP TABLE owners", "DELETE FROM migrations WHERE id >= '0010'")
	if err != nil {
		t.Fatal(err)
	}
	if s, err = Open(ctx, databaseURL, c.now, slog.New(slog.DiscardHandler)); err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if got := operations(t, s, o); !slices.Equal(got, want) {
		t.Errorf("after an upgrade: got %v, want %v", got, want)
	}
}

// All that is too old goes, however much it is, and nothing that is not.
func TestForgetExchanges(t *testing.T) {
	s, c := openStore(t)
	ctx := context.Background()
	keep := func(n int) {
		t.Helper()
		for range n / 500 {
			if err := addMany(s.write, exchanges, slices.Repeat([]Exchange{{Operation: "Check status", StartedAt: c.now()}}, 500)); err != nil {
				t.Fatal(err)
			}
		}
	}
	keep(forgottenAtOnce * 5 / 2)
	c.advance(exchangesKept)
	keep(500)
	c.advance(time.Minute)
	if err := s.ForgetExchanges(ctx); err != nil {
		t.Fatal(err)
	}
	var left int64
	if err := s.read.Model(&Exchange{}).Count(&left).Error; err != nil || left != 500 {
		t.Errorf("%d are left, %v", left, err)
	}
}
