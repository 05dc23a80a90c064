package sandbox_test

import (
	"encoding/json"
	"net/http"
	"testing"
	"time"

	"warungjokul/jokul/sandbox"
)

func TestLedger(t *testing.T) {
	g := open(t)
	g.issue(t, "INV-UNPAID")
	g.issue(t, "INV-ONCE")
	g.issue(t, "INV-TWICE")
	g.control(t, "POST", "payments", `{"invoice_number":"INV-ONCE","action":"pay"}`)
	g.control(t, "POST", "payments", `{"invoice_number":"INV-TWICE","action":"pay_twice"}`)
	if _, err := g.Advance(2 * time.Hour); err != nil {
		t.Fatal(err)
	}

	m := g.control(t, "GET", "payments", "")
	want(t, "status", m.status, http.StatusOK)
	var told struct{ Ledger []sandbox.Account }
	if err := json.Unmarshal([]byte(m.body), &told); err != nil || len(told.Ledger) != 3 {
		t.Fatalf("%d accounts, %v: %s", len(told.Ledger), err, m.body)
	}
	for i, wanted := range []struct {
		invoice, status string
		payments        int
	}{{"INV-UNPAID", "EXPIRED", 0}, {"INV-ONCE", "SUCCESS", 1}, {"INV-TWICE", "SUCCESS", 2}} {
		a := told.Ledger[i]
		want(t, "invoice number", a.InvoiceNumber, wanted.invoice)
		want(t, "status of "+a.InvoiceNumber, string(a.Status), wanted.status)
		want(t, "payments of "+a.InvoiceNumber, len(a.Payments), wanted.payments)
		want(t, "amount asked for", a.Amount, int64(150_000))
		for _, p := range a.Payments {
			want(t, "amount paid", p.Amount, int64(150_000))
		}
	}
}
