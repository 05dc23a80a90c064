package models

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/go-gormigrate/gormigrate/v2"

	"warungjokul/models/internal/db"
	"warungjokul/models/migrations"
	"warungjokul/models/testdb"
)

// databaseBefore is a database as it was before the step whose ID begins like that, filled
// by statements.
func databaseBefore(t *testing.T, id string, statements ...string) string {
	t.Helper()
	databaseURL := testdb.URL(t)
	database, err := db.Parse(databaseURL)
	if err != nil {
		t.Fatal(err)
	}
	write, _, err := database.Open(time.Now, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	steps := migrationRules().Steps()
	for i, step := range steps {
		if strings.HasPrefix(step.ID, id) {
			break
		}
		if err := gormigrate.New(write, migrations.Options(), steps[:i+1]).Migrate(); err != nil {
			t.Fatal(err)
		}
	}
	for _, statement := range statements {
		if err := write.Exec(statement).Error; err != nil {
			t.Fatal(err)
		}
	}
	if err := database.Close(); err != nil {
		t.Fatal(err)
	}
	return databaseURL
}

// legacyOrder are the statements that keep order 1 with payment 1, as versions before 0013 did.
func legacyOrder(status, state string) []string {
	const now = "'2026-11-23 03:00:00+00:00'"
	return []string{
		"INSERT INTO orders (token, number, checkout_id, customer_name, customer_email, customer_phone, language, total, status, stock_held, attention, placed_at)" +
			" VALUES ('token', 'WJ-OLD00000', 'c', 'Budi', 'budi@example.com', '0812', 'id', 90000, '" + status + "', true, '', " + now + ")",
		"INSERT INTO payments (order_id, attempt, invoice_number, amount, reusable, request_id, request_body, state, code, how_to_pay_page, how_to_pay_api," +
			" tries, last_error, checked_status, created_at, next_check_at) VALUES (1, 1, 'WJ-OLD00000-1', 90000, false, 'request-1', '{}', '" + state + "'," +
			" '8888', '', 'http://gateway/steps/1', 0, '', '', " + now + ", " + now + ")",
	}
}

func legacyReceipt(paidAt, identifiers string) string {
	return fmt.Sprintf("INSERT INTO receipts (payment_id, amount, paid_at, source, identifiers, created_at)"+
		" VALUES (1, 90000, '%s', 'notification', '%s', '%s')", paidAt, identifiers, paidAt)
}

// An upgrade puts right what earlier versions got wrong: one payment that was booked twice
// is one, its case is closed, a paid payment is asked about no more; a real second payment
// is held, and its case can be decided.
func TestUpgradeOfTheBooks(t *testing.T) {
	statements := append(legacyOrder("paid", "paid"),
		legacyReceipt("2026-11-23 03:00:00+00:00", `[{"name":"AGENT_ID","value":"INDOMARET"},{"name":"AGENT_TRX_ID","value":"1"}]`),
		legacyReceipt("2026-11-23 03:00:01+00:00", `[{"name":"AGENT_TRX_ID","value":"1"},{"name":"AGENT_ID","value":"INDOMARET"}]`))
	second := "INSERT INTO attentions (order_id, kind, detail, created_at, advice) VALUES (1, 'second_payment', 'x', '2026-11-23 03:00:02+00:00', '')"
	t.Run("told twice", func(t *testing.T) {
		s, _ := openAt(t, databaseBefore(t, "0013", append(statements, second)...))
		o := reload(t, s, Order{Token: "token"})
		p := o.Payment()
		if len(p.Receipts) != 2 || p.Receipts[0].Status != ReceiptApplied || p.Receipts[1].Status != ReceiptDuplicate {
			t.Errorf("receipts %+v", p.Receipts)
		}
		if p.NextCheckAt != nil || len(o.OpenCases) != 0 || p.Receipts[0].TillTransaction != "1" || p.Receipts[0].InvoiceNumber != p.InvoiceNumber {
			t.Errorf("next check %v, open cases %v", p.NextCheckAt, o.OpenCases)
		}
	})
	t.Run("paid twice", func(t *testing.T) {
		s, _ := openAt(t, databaseBefore(t, "0013", append(statements, second,
			legacyReceipt("2026-11-23 03:00:03+00:00", `[{"name":"AGENT_TRX_ID","value":"2"}]`))...))
		o := reload(t, s, Order{Token: "token"})
		if got := o.Payment().Receipts; len(got) != 3 || got[2].Status != ReceiptHeld || len(o.OpenCases) != 1 {
			t.Fatalf("receipts %+v, open cases %+v", got, o.OpenCases)
		}
		decision := Decision{Kind: DecisionRefund, By: "Sari", Refund: 90_000, RefundedOn: time.Now(), RefundMethod: "transfer"}
		if _, err := s.Decide(context.Background(), o.OpenCases[0].ID, decision); err != nil {
			t.Error(err)
		}
	})
}

// Refunds and accepted differences from before a case accounted for its money are its own after the upgrade.
func TestUpgradeOfDecisions(t *testing.T) {
	const now = "'2026-11-23 03:00:00+00:00'"
	statements := []string{
		"INSERT INTO orders (token, number, checkout_id, customer_name, customer_email, customer_phone, language, total, status, stock_held, placed_at, paid_at)" +
			" VALUES ('token', 'WJ-OLD00000', 'c', 'Budi', 'budi@example.com', '0812', 'id', 90000, 'paid', true, " + now + ", " + now + ")",
		"INSERT INTO payments (order_id, attempt, invoice_number, amount, reusable, request_id, request_body, state, code, how_to_pay_page, how_to_pay_api," +
			" tries, last_error, checked_status, created_at) VALUES (1, 1, 'WJ-OLD00000-1', 90000, false, 'request-1', '{}', 'paid', '8888', '', '', 0, '', '', " + now + ")",
	}
	for i, r := range []string{"89000, 'applied', 0, NULL", "90000, 'returned', 90000, " + now} {
		statements = append(statements,
			"INSERT INTO receipts (payment_id, invoice_number, paid_at, source, notified, identifiers, created_at, amount, status, refunded, refunded_on)"+
				" VALUES (1, 'WJ-OLD00000-1', "+now+", 'notification', true, '', "+now+", "+r+")",
			fmt.Sprintf("INSERT INTO cases (kind, about, order_id, payment_id, receipt_id, detail, created_at, closed_at, decision, decided_by, reason)"+
				" VALUES ('wrong_amount', 'receipt %[1]d', 1, 1, %[1]d, '', %[2]s, %[2]s, '%[3]s', 'Sari', '')", i+1, now, []string{"accept", "refund"}[i]))
	}
	s, c := openAt(t, databaseBefore(t, "0022", statements...))
	days, err := s.Days(context.Background(), c.now().Truncate(oneDay), 1)
	if err != nil || days[0].Refunded != 90_000 || days[0].Received != 89_000 || days[0].Unapplied != 90_000 {
		t.Errorf("the day has %+v, %v", days[0].DailyStats, err)
	}
	list := casesOf(t, s)
	if list[0].AcceptedDifference != -1000 || list[0].Refunded != 0 || list[1].AcceptedDifference != 0 || list[1].Refunded != 90_000 {
		t.Errorf("cases %+v", list)
	}
	if report, err := s.Mismatches(context.Background()); err != nil || len(report) != 0 {
		t.Errorf("mismatches %+v, %v", report, err)
	}
}
