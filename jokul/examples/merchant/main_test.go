package main

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"warungjokul/jokul"
	"warungjokul/jokul/sandbox"
)

// The merchant against the sandbox, over sockets: told by notification, and
// finding out by itself when no notification comes.
func TestMerchant(t *testing.T) {
	var shop http.Handler
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { shop.ServeHTTP(w, r) }))
	defer server.Close()
	till, err := sandbox.Open(sandbox.Config{ClientID: "MCH-1", SecretKey: "SK-only-for-tests", NotificationURL: server.URL + notifications})
	if err != nil {
		t.Fatal(err)
	}
	gateway := httptest.NewServer(till)
	defer gateway.Close()
	doku, err := jokul.New("MCH-1", "SK-only-for-tests", jokul.WithBaseURL(gateway.URL))
	if err != nil {
		t.Fatal(err)
	}
	shop = newMerchant(doku)

	ask := func(method, invoice string) string {
		t.Helper()
		request, err := http.NewRequestWithContext(t.Context(), method, server.URL+"/orders/"+invoice, nil)
		if err != nil {
			t.Fatal(err)
		}
		answer, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		defer answer.Body.Close()
		body, err := io.ReadAll(answer.Body)
		if err != nil {
			t.Fatal(err)
		}
		return strings.TrimSpace(string(body))
	}
	buy := func(invoice string) string {
		t.Helper()
		code := ask("POST", invoice)
		if again := ask("POST", invoice); again != code || len(code) != 16 {
			t.Fatalf("posting twice gave %q and %q", code, again)
		}
		if got := ask("GET", invoice); got != "paid: false" {
			t.Fatalf("before payment: %s", got)
		}
		return code
	}

	code := buy("INV-1")
	result, err := till.Pay(t.Context(), code)
	if err != nil || result.Delivery.Attempts[0].HTTPStatus != 200 {
		t.Fatalf("%+v, %v", result, err)
	}
	if _, err := till.Advance(2 * time.Hour); err != nil {
		t.Fatal(err)
	}
	if got := ask("GET", "INV-1"); got != "paid: true" {
		t.Errorf("after the notification: %s", got)
	}

	silent := sandbox.DefaultFaults()
	silent.Notify = sandbox.NotifyNone
	if err := till.SetFaults(silent); err != nil {
		t.Fatal(err)
	}
	if _, err := till.Pay(t.Context(), buy("INV-2")); err != nil {
		t.Fatal(err)
	}
	if got := ask("GET", "INV-2"); got != "paid: true" {
		t.Errorf("with no notification: %s", got)
	}

	early := sandbox.DefaultFaults()
	early.Notify = sandbox.NotifyBeforeReply
	if err := till.SetFaults(early); err != nil {
		t.Fatal(err)
	}
	ask("POST", "INV-4")
	if got := till.Deliveries("INV-4"); len(got) != 1 || got[0].Attempts[0].HTTPStatus != 200 {
		t.Errorf("a notification before the answer: %+v", got)
	}
	if got := ask("GET", "INV-4"); got != "paid: true" {
		t.Errorf("paid before the answer: %s", got)
	}

	if err := till.SetFaults(sandbox.DefaultFaults()); err != nil {
		t.Fatal(err)
	}
	if _, err := till.Act(t.Context(), buy("INV-3"), sandbox.ActionPayWrongAmount); err != nil {
		t.Fatal(err)
	}
	if got := ask("GET", "INV-3"); got != "paid: false" {
		t.Errorf("after a wrong amount: %s", got)
	}
}
