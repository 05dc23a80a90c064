package conform_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"warungjokul/jokul/conform"
)

const (
	clientID = "MCH-0000-00000000000001"
	key      = "SK-only-for-tests"
	path     = "/notifications"
)

func orders() []conform.Order {
	var list []conform.Order
	for n := range conform.OrdersWanted() {
		list = append(list, conform.Order{InvoiceNumber: fmt.Sprint("INV-", n), Amount: 90_000, PaymentCode: fmt.Sprintf("88888888%08d", n)})
	}
	return list
}

func target(base string) conform.Target {
	return conform.Target{URL: base + path, ClientID: clientID, SecretKey: key, Orders: orders(),
		StatusURL: base + "/orders/{invoice_number}", CountField: "payments"}
}

func TestAGoodEndpointPassesWhole(t *testing.T) {
	report, text := tell(t, target(startFaulty(t, "nothing").URL))
	if report.Count(conform.Pass) != len(report.Results) || len(report.Results) < 25 {
		t.Errorf("%s", text)
	}
}

// With too few orders, cases that pay are left unjudged, and so are those whose
// order was paid by another case's fault: none of them is called failed.
func TestWithTooFewOrders(t *testing.T) {
	to := target(startFaulty(t, "nothing").URL)
	to.Orders = to.Orders[:2]
	report, text := tell(t, to)
	if report.Count(conform.Unjudged) < 15 || report.Count(conform.Fail) != 0 {
		t.Errorf("%s", text)
	}
	to = target(startFaulty(t, anyCode).URL)
	to.Orders = to.Orders[:2]
	report, text = tell(t, to)
	for _, result := range report.Results {
		if (result.Verdict == conform.Fail) != (result.Case == "another payment code") {
			t.Errorf("%s", text)
			break
		}
	}
}

// Answers can be judged with one order, and the report says that it is answers
// alone.
func TestWithoutStatus(t *testing.T) {
	to := target(startFaulty(t, "nothing").URL)
	to.StatusURL, to.Orders = "", to.Orders[:1]
	report, text := tell(t, to)
	if report.Count(conform.Pass) != len(report.Results) || !strings.Contains(text, "Answers only") {
		t.Errorf("%s", text)
	}
}

func tell(t *testing.T, to conform.Target) (conform.Report, string) {
	t.Helper()
	report, err := conform.Run(t.Context(), to)
	if err != nil {
		t.Fatal(err)
	}
	var text bytes.Buffer
	if err := report.WriteText(&text); err != nil {
		t.Fatal(err)
	}
	return report, text.String()
}

func TestRefusesATargetItCannotUse(t *testing.T) {
	for name, change := range map[string]func(*conform.Target){
		"no URL":        func(t *conform.Target) { t.URL = "" },
		"a bare path":   func(t *conform.Target) { t.URL = path },
		"no key":        func(t *conform.Target) { t.SecretKey = "" },
		"no orders":     func(t *conform.Target) { t.Orders = nil },
		"half an order": func(t *conform.Target) { t.Orders[3].PaymentCode = "" },
	} {
		to := target("http://127.0.0.1:1")
		change(&to)
		if _, err := conform.Run(t.Context(), to); err == nil {
			t.Errorf("%s passes", name)
		}
	}
}
