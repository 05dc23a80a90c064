package e2e_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
)

// told is one message about a payment: a notification that is sent by hand, or a status
// answer of the sandbox to a question that the shopper's press brings.
type told struct {
	query       bool
	date        string
	identifiers string // of a notification, as JSON
	retelling   string // of a status answer, how it differs
}

func (m told) tell(t *testing.T, p *pair, v visitor, order string, s status) {
	t.Helper()
	if m.query {
		control(t, p.program(), http.MethodPut, "/control/faults", map[string]any{"notify": "none", "retelling": []string{m.retelling}})
		if state := control(t, p.program(), http.MethodGet, "/control/payments?invoice_number="+s.InvoiceNumber, nil); !strings.Contains(fmt.Sprint(state), "transaction_id") {
			act(t, p.program(), s.PaymentCode, "pay")
		}
		v.post(order+"/check", nil)
		return
	}
	body := fmt.Sprintf(`{"order":{"invoice_number":%q,"amount":%d},"transaction":{"status":"SUCCESS","date":%q},"channel":{"id":"ONLINE_TO_OFFLINE_INDOMARET"},
		"online_to_offline_info":{"payment_code":%q},"online_to_offline_payment":{"identifier":%s}}`, s.InvoiceNumber, s.Amount, m.date, s.PaymentCode, m.identifiers)
	if got := notify(t, p.program(), body, genuine); got != http.StatusOK {
		t.Fatalf("HTTP %d", got)
	}
}

// One payment that is told in two spellings is booked once, and two are booked twice: by
// signed notifications and status queries over HTTP. docs/protocol.md section 13 has the rule.
func TestToldTwiceOverHTTP(t *testing.T) {
	const (
		at, later = "2026-11-27T03:00:00Z", "2026-11-27T03:00:01Z"
		agent     = `{"name":"AGENT_ID","value":"INDOMARET"}`
		first     = `{"name":"AGENT_TRX_ID","value":"0001"}`
		second    = `{"name":"AGENT_TRX_ID","value":"0002"}`
		small     = `{"name":"agent_trx_id","value":" 0001 "}`
		store     = `{"name":"AGENT_STORE_ID","value":"T4KB"}`
	)
	list := func(identifiers ...string) string { return "[" + strings.Join(identifiers, ",") + "]" }
	p := newPair(t, "", "RATE_LIMIT=off")
	v := visit(t, p.program())
	for name, tt := range map[string]struct {
		sku           string
		told          []told
		applied, held int64
		kind          string // of the open case
	}{
		"the same transaction a second later":    {"MNM-GAYO", []told{{date: at, identifiers: list(agent, first)}, {date: later, identifiers: list(agent, first)}}, 1, 0, ""},
		"identifiers in another order":           {"MNM-GAYO", []told{{date: at, identifiers: list(agent, first)}, {date: at, identifiers: list(first, agent)}}, 1, 0, ""},
		"one identifier more, in another case":   {"MNM-GAYO", []told{{date: at, identifiers: list(agent, first)}, {date: later, identifiers: list(store, small, agent)}}, 1, 0, ""},
		"two transactions of a single-use code":  {"MNM-GAYO", []told{{date: at, identifiers: list(agent, first)}, {date: at, identifiers: list(agent, second)}}, 1, 1, "second_payment"},
		"status answer first, without the id":    {"VCR-CELENGAN", []told{{query: true, retelling: "status_no_transaction_id"}, {date: at, identifiers: list(agent, first)}}, 1, 0, ""},
		"status answer first, no identifiers":    {"MNM-GAYO", []told{{query: true, retelling: "status_no_identifiers"}, {date: at, identifiers: list(agent, first)}}, 1, 0, ""},
		"status answer afterwards, another date": {"VCR-CELENGAN", []told{{date: at, identifiers: list(agent, first)}, {query: true, retelling: "status_no_identifiers"}}, 1, 0, ""},
		"two of a reusable code, a second apart": {"VCR-CELENGAN", []told{{date: at, identifiers: list(agent, first)}, {date: later, identifiers: list(agent, second)}}, 2, 0, ""},
		"one second, no id, another Request-Id":  {"VCR-CELENGAN", []told{{date: at, identifiers: list(agent)}, {date: at, identifiers: list(agent)}}, 1, 1, "unclear_payment"},
	} {
		t.Run(name, func(t *testing.T) {
			control(t, p.program(), http.MethodDelete, "/control/faults", nil)
			order := v.order(tt.sku)
			s := v.await(order, "a code", hasCode)
			for _, m := range tt.told {
				m.tell(t, p, v, order, s)
			}
			v.await(order, "paid", isPaid)
			db := p.sql(t)
			count := func(query string) int64 {
				return number(t, db, strings.ReplaceAll(query, "?", "'"+s.InvoiceNumber+"'"))
			}
			if applied, held := count("SELECT COUNT(*) FROM receipts WHERE invoice_number = ? AND status = 'applied'"), count("SELECT COUNT(*) FROM receipts WHERE invoice_number = ? AND status <> 'applied'"); applied != tt.applied || held != tt.held {
				t.Errorf("%d receipts applied and %d not, want %d and %d", applied, held, tt.applied, tt.held)
			}
			open := count("SELECT COUNT(*) FROM cases JOIN payments ON payments.id = payment_id WHERE invoice_number = ? AND closed_at IS NULL")
			if want := int64(len(tt.kind)); (open > 0) != (want > 0) || want > 0 && count("SELECT COUNT(*) FROM cases JOIN payments ON payments.id = payment_id WHERE invoice_number = ? AND closed_at IS NULL AND kind = '"+tt.kind+"'") != 1 {
				t.Errorf("%d open cases, want one of kind %q", open, tt.kind)
			}
			_, page := v.get(order)
			if flagged := strings.Contains(page, `data-testid="attention"`); flagged != (tt.kind != "") {
				t.Errorf("the page says that we are looking: %v", flagged)
			}
		})
	}
}
