package sandbox_test

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"warungjokul/jokul"
	"warungjokul/jokul/sandbox"
)

// everyWay is all that Faults.Retelling takes.
var everyWay = []string{sandbox.RetellDate, sandbox.RetellRequestID, sandbox.RetellAtOnce, sandbox.RetellMore, sandbox.RetellNoTransactionID,
	sandbox.RetellOrder, sandbox.RetellCase, sandbox.RetellFewer, sandbox.RetellStatusDate, sandbox.RetellStatusNoTransactionID,
	sandbox.RetellStatusNoIdentifiers}

const paidAt = "2026-11-24T03:30:15Z"

// A telling is what one message says of a payment, in short.
type telling struct {
	requestID   string
	date        string
	identifiers string // names, and the value of the till's transaction id
}

func tellingOf(t *testing.T, body, requestID string) telling {
	t.Helper()
	var m struct {
		Transaction struct{ Date string }
		Order       struct {
			InvoiceNumber string `json:"invoice_number"`
			Amount        int64
		}
		Info struct {
			Code string `json:"payment_code"`
		} `json:"online_to_offline_info"`
		Payment struct {
			Identifier []struct{ Name, Value string }
		} `json:"online_to_offline_payment"`
	}
	if err := json.Unmarshal([]byte(body), &m); err != nil {
		t.Fatalf("%v: %s", err, body)
	}
	if m.Order.InvoiceNumber != "INV-1" || m.Order.Amount != 150_000 || m.Info.Code == "" {
		t.Errorf("what matters differs: %s", body)
	}
	var names []string
	for _, i := range m.Payment.Identifier {
		if strings.EqualFold(i.Name, "AGENT_TRX_ID") {
			i.Name += "=" + i.Value
		}
		names = append(names, i.Name)
	}
	return telling{requestID, m.Transaction.Date, strings.Join(names, " ")}
}

// tell pays INV-1 a minute after its code was issued, has it told four times, a
// minute apart, and asks for its status. Of Request-Ids it says which are alike.
func tell(t *testing.T, ways ...string) (g *gateway, told []telling, status telling) {
	t.Helper()
	g = open(t)
	g.faults(t, func(f *sandbox.Faults) { f.Retelling = ways })
	d := g.act(t, g.issue(t, "INV-1"), sandbox.ActionPay).Delivery
	for range 3 {
		g.advance(t, time.Minute)
		if _, err := g.Resend(context.Background(), d.ID); err != nil {
			t.Fatal(err)
		}
	}
	var ids []string
	for range len(g.Deliveries("INV-1")[0].Attempts) {
		a := g.shop.next(t)
		if a.err != nil {
			t.Errorf("a notification is not signed as it should be: %v", a.err)
		}
		id := a.header.Get(jokul.HeaderRequestID)
		if !slices.Contains(ids, id) {
			ids = append(ids, id)
		}
		told = append(told, tellingOf(t, string(a.body), string(rune('A'+slices.Index(ids, id)))))
	}
	g.shop.none(t)
	m := g.status(t, "INV-1")
	verify(t, m, statusPath+"INV-1")
	return g, told, tellingOf(t, m.body, "")
}

// Each way alone: what it changes in attempt n, counted from 0, and in a status
// answer. Nothing else changes.
func TestRetelling(t *testing.T) {
	ids := []string{"A", "B", "C", "D", "E", "F"}
	dates := []string{paidAt, "2026-11-24T03:31:15Z", "2026-11-24T03:32:15Z", "2026-11-24T03:33:15Z"}
	orders := []string{"AGENT_ID AGENT_STORE_ID AGENT_TRX_ID=*", "AGENT_STORE_ID AGENT_TRX_ID=* AGENT_ID", "AGENT_TRX_ID=* AGENT_ID AGENT_STORE_ID"}
	cases := []string{"AGENT_ID AGENT_STORE_ID AGENT_TRX_ID=*", "AGENT_ID AGENT_STORE_ID agent_trx_id=*", "AGENT_ID AGENT_STORE_ID Agent_Trx_Id=*"}
	for way, changes := range map[string]struct {
		attempt func(n int, m *telling)
		status  func(m *telling)
	}{
		"":                      {},
		sandbox.RetellDate:      {attempt: func(n int, m *telling) { m.date = dates[n] }},
		sandbox.RetellRequestID: {attempt: func(n int, m *telling) { m.requestID = ids[n] }},
		sandbox.RetellMore: {attempt: func(n int, m *telling) {
			if n > 0 {
				m.identifiers += " AGENT_TERMINAL_ID"
			}
		}},
		sandbox.RetellNoTransactionID: {attempt: func(_ int, m *telling) { m.identifiers = "AGENT_ID AGENT_STORE_ID" }},
		sandbox.RetellOrder: {
			attempt: func(n int, m *telling) { m.identifiers = orders[n%3] },
			status:  func(m *telling) { m.identifiers = orders[1] },
		},
		sandbox.RetellCase: {
			attempt: func(n int, m *telling) { m.identifiers = cases[n%3] },
			status:  func(m *telling) { m.identifiers = cases[1] },
		},
		sandbox.RetellFewer: {
			attempt: func(n int, m *telling) {
				if n == 0 {
					m.identifiers = "AGENT_ID AGENT_TRX_ID=*"
				}
			},
			status: func(m *telling) { m.identifiers = "AGENT_ID AGENT_TRX_ID=*" },
		},
		sandbox.RetellStatusDate:            {status: func(m *telling) { m.date = "2026-11-24T03:30:16Z" }},
		sandbox.RetellStatusNoTransactionID: {status: func(m *telling) { m.identifiers = "AGENT_ID AGENT_STORE_ID" }},
		sandbox.RetellStatusNoIdentifiers:   {status: func(m *telling) { m.identifiers = "" }},
	} {
		t.Run(way, func(t *testing.T) {
			g, told, status := tell(t, strings.Fields(way)...)
			var wanted []telling
			for n := range 4 {
				wanted = append(wanted, telling{"A", paidAt, orders[0]})
				if changes.attempt != nil {
					changes.attempt(n, &wanted[n])
				}
			}
			wanted = append(wanted, telling{"", paidAt, orders[0]})
			if changes.status != nil {
				changes.status(&wanted[4])
			}
			id := theOnePayment(t, g)
			for i := range wanted {
				wanted[i].identifiers = strings.ReplaceAll(wanted[i].identifiers, "*", id)
			}
			if got := append(told, status); !slices.Equal(got, wanted) {
				t.Errorf("told\n%v, want\n%v", got, wanted)
			}
		})
	}
}

// The first attempt is three at once, which come in any order.
func TestRetellingAtOnce(t *testing.T) {
	g, told, _ := tell(t, sandbox.RetellAtOnce)
	theOnePayment(t, g)
	ids := map[string]bool{}
	for _, message := range told {
		ids[message.requestID] = true
		message.requestID = told[0].requestID
		want(t, "all but the Request-Id", message, told[0])
	}
	want(t, "messages", len(told), 3+3)
	want(t, "Request-Ids", len(ids), 3)
}

// theOnePayment returns the till's transaction id of the one payment there is, as
// the ledger has it.
func theOnePayment(t *testing.T, g *gateway) string {
	t.Helper()
	ledger, err := g.Ledger()
	if err != nil {
		t.Fatal(err)
	}
	if len(ledger) != 1 || len(ledger[0].Payments) != 1 || ledger[0].Payments[0].Amount != 150_000 || ledger[0].Payments[0].TransactionID == "" {
		t.Fatalf("the ledger has %+v, want one payment", ledger)
	}
	return ledger[0].Payments[0].TransactionID
}

// All ways work together, and one payment stays one in the ledger.
func TestRetellingInEveryWay(t *testing.T) {
	g, told, status := tell(t, everyWay...)
	theOnePayment(t, g)
	seen := map[telling]bool{}
	for _, message := range append(told, status) {
		seen[message] = true
		if strings.Contains(strings.ToUpper(message.identifiers), "AGENT_TRX_ID") {
			t.Errorf("a message has a till transaction id: %v", message)
		}
	}
	want(t, "different messages", len(seen), 3+3+1)
	want(t, "status", status.identifiers, "")

	f := g.Faults()
	f.Retelling = slices.DeleteFunc(slices.Clone(everyWay), func(way string) bool { return strings.Contains(way, "no_") })
	if err := g.SetFaults(f); err != nil {
		t.Fatal(err)
	}
	last := tellingOf(t, g.status(t, "INV-1").body, "")
	want(t, "status", last, telling{"", "2026-11-24T03:30:16Z", "agent_trx_id=" + theOnePayment(t, g) + " AGENT_ID"})
}

// Each attempt is listed with what it said, where that is not the delivery's.
func TestRetellingIsListed(t *testing.T) {
	path := t.TempDir() + "/sandbox.state"
	g := open(t, func(c *sandbox.Config) { c.StateFile = path })
	g.faults(t, func(f *sandbox.Faults) { f.Retelling = []string{sandbox.RetellRequestID, sandbox.RetellCase} })
	d := g.act(t, g.issue(t, "INV-1"), sandbox.ActionPay).Delivery
	first := g.shop.next(t)
	if _, err := g.Resend(context.Background(), d.ID); err != nil {
		t.Fatal(err)
	}
	second := g.shop.next(t)

	again := reopen(t, g, path)
	want(t, "faults survive", strings.Join(again.Faults().Retelling, " "), "request_id case")
	listed := again.Deliveries("INV-1")[0]
	want(t, "the delivery's Request-Id", listed.RequestID, first.header.Get(jokul.HeaderRequestID))
	want(t, "the delivery's body", string(listed.Body), string(first.body))
	want(t, "the first attempt's own Request-Id", listed.Attempts[0].RequestID, "")
	want(t, "the first attempt's own body", string(listed.Attempts[0].Body), "")
	want(t, "the second attempt's own Request-Id", listed.Attempts[1].RequestID, second.header.Get(jokul.HeaderRequestID))
	want(t, "the second attempt's own body", string(listed.Attempts[1].Body), string(second.body))
}

// Byte-identical retries stay so, and a body of a template is left alone but for
// what it has.
func TestRetellingAndOtherFaults(t *testing.T) {
	g := open(t)
	g.faults(t, func(f *sandbox.Faults) { f.Retelling, f.Retry = everyWay, "verbatim" })
	d := g.act(t, g.issue(t, "INV-1"), sandbox.ActionPay).Delivery
	sent := map[string]string{} // bodies by Request-Id, in whatever order they came
	for range 3 {
		a := g.shop.next(t)
		sent[a.header.Get(jokul.HeaderRequestID)] = string(a.body)
	}
	want(t, "Request-Ids at once", len(sent), 3)
	if _, err := g.Resend(context.Background(), d.ID); err != nil {
		t.Fatal(err)
	}
	resent := g.shop.next(t)
	want(t, "Request-Id", resent.header.Get(jokul.HeaderRequestID), d.RequestID)
	want(t, "body", string(resent.body), sent[d.RequestID])

	g.faults(t, func(f *sandbox.Faults) {
		f.Retelling = everyWay
		f.NotificationTemplate = json.RawMessage(`{"order":{"amount":"{amount}"},"transaction":{"date":"{date}"},"note":"{date}"}`)
	})
	d = g.act(t, g.issue(t, "INV-2"), sandbox.ActionPay).Delivery
	for range 3 {
		want(t, "template", string(g.shop.next(t).body),
			`{"order":{"amount":150000},"transaction":{"date":"`+paidAt+`"},"note":"`+paidAt+`"}`)
	}
	g.advance(t, time.Minute)
	if _, err := g.Resend(context.Background(), d.ID); err != nil {
		t.Fatal(err)
	}
	want(t, "template, dated anew", string(g.shop.next(t).body),
		`{"order":{"amount":150000},"transaction":{"date":"2026-11-24T03:31:15Z"},"note":"`+paidAt+`"}`)
}

func TestRetellingOverHTTP(t *testing.T) {
	g := open(t)
	put := func(body string) message {
		t.Helper()
		req, err := http.NewRequest(http.MethodPut, g.http.URL+"/control/faults", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", "application/json")
		return do(t, req)
	}
	text, err := json.Marshal(map[string]any{"retelling": everyWay})
	if err != nil {
		t.Fatal(err)
	}
	m := put(string(text))
	want(t, "all at once", m.status, http.StatusOK)
	want(t, "set", len(g.Faults().Retelling), len(everyWay))
	m = put(`{"retelling":["date","louder"]}`)
	if m.status != http.StatusBadRequest || !strings.Contains(m.body, `retelling: \"louder\" is not one of date, request_id`) {
		t.Errorf("HTTP %d %s", m.status, m.body)
	}
	if m := get(t, g.http.URL+"/control/faults"); !strings.Contains(m.body, `"retelling":["date"`) {
		t.Errorf("got %s", m.body)
	}
	put(`{}`)
	if m := get(t, g.http.URL+"/control/faults"); !strings.Contains(m.body, `"retelling":[]`) {
		t.Errorf("left out: got %s", m.body)
	}
}
