package jokul_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"warungjokul/jokul"
	"warungjokul/jokul/sandbox"
)

// gateway starts the sandbox and a client of it; in a program of yours the base
// URL is jokul.ProductionURL.
func gateway(notificationURL string) (client *jokul.Client, till *sandbox.Server, stop func()) {
	till, err := sandbox.Open(sandbox.Config{ClientID: testClientID, SecretKey: testSecret, NotificationURL: notificationURL})
	if err != nil {
		log.Fatal(err)
	}
	server := httptest.NewServer(till)
	client, err = jokul.New(testClientID, testSecret, jokul.WithBaseURL(server.URL))
	if err != nil {
		log.Fatal(err)
	}
	return client, till, server.Close
}

func ExampleClient_GeneratePaymentCode() {
	client, _, stop := gateway("")
	defer stop()

	prepared, err := client.Prepare(jokul.PaymentCodeRequest{
		InvoiceNumber: "WJ-261124-7K4M9Q-1",
		Amount:        90_000,
		ExpiresIn:     2 * time.Hour,
		CustomerName:  jokul.TillText("José Santoso", jokul.MaxCustomerName),
		Description:   jokul.TillText("Kopi Gayo – 250 g", jokul.MaxDescription),
	})
	if err != nil {
		log.Fatal(err) // a limit is broken; nothing was sent
	}
	// Save prepared.RequestID and prepared.Body with the order here.
	code, err := client.GeneratePaymentCode(context.Background(), prepared)
	var failed *jokul.Error
	switch {
	case errors.Is(err, jokul.ErrInvoiceTaken):
		log.Fatal("prepare again, with another invoice number")
	case errors.As(err, &failed) && failed.Outcome == jokul.OutcomeUnknown:
		log.Fatal("keep the order; send the saved request again later")
	case err != nil:
		log.Fatal("show the shopper another way to pay, and tell a person: ", err)
	}
	fmt.Println(code.InvoiceNumber, len(code.Code), "digits, payable for", code.ValidFor())
	// Output: WJ-261124-7K4M9Q-1 16 digits, payable for 2h0m0s
}

// The shop was restarted with no answer to a request: it sends what it saved again.
func ExampleClient_GeneratePaymentCode_again() {
	client, _, stop := gateway("")
	defer stop()
	prepared, err := client.Prepare(jokul.PaymentCodeRequest{
		InvoiceNumber: "INV-1", Amount: 90_000, CustomerName: "Budi", Description: "Kopi",
	})
	if err != nil {
		log.Fatal(err)
	}
	requestID, body := prepared.RequestID, prepared.Body // as they were saved
	first, err := client.GeneratePaymentCode(context.Background(), prepared)
	if err != nil {
		log.Fatal(err)
	}

	again := jokul.PreparedRequest{RequestID: requestID, Body: body}
	code, err := client.GeneratePaymentCode(context.Background(), again)
	if err != nil {
		log.Fatal(err) // its outcome is unknown, whatever the gateway said
	}
	fmt.Println(code.Code == first.Code, code.Replayed)
	// Output: true true
}

func ExampleTransaction_Settles() {
	told := jokul.Transaction{InvoiceNumber: "INV-1", Amount: 89_000, Status: jokul.TransactionSuccess}
	switch err := told.Settles("INV-1", "8888888844445555", 90_000); {
	case err == nil:
		fmt.Println("deliver")
	case errors.Is(err, jokul.ErrNotPaid):
		fmt.Println("wait")
	default:
		fmt.Println("tell a person:", err)
	}
	// Output: tell a person: jokul: another amount: INV-1 was paid with 89000 rupiah instead of 90000
}

func ExampleClient_CheckStatus() {
	client, till, stop := gateway("")
	defer stop()
	ctx := context.Background()
	prepared, err := client.Prepare(jokul.PaymentCodeRequest{
		InvoiceNumber: "INV-1", Amount: 90_000, CustomerName: "Budi", Description: "Kopi",
	})
	if err != nil {
		log.Fatal(err)
	}
	code, err := client.GeneratePaymentCode(ctx, prepared)
	if err != nil {
		log.Fatal(err)
	}
	ask := func(id string) {
		t, err := client.CheckStatus(ctx, id)
		switch {
		case jokul.IsNotFound(err):
			fmt.Println(id, "is not known; that says nothing against a code that was issued")
		case err != nil:
			log.Fatal(err)
		default:
			fmt.Println(t.InvoiceNumber, t.Status, t.Amount)
		}
	}
	ask("INV-1")
	if _, err := till.Pay(ctx, code.Code); err != nil {
		log.Fatal(err)
	}
	ask("INV-1")
	ask("INV-2")
	// Output:
	// INV-1 PENDING 90000
	// INV-1 SUCCESS 90000
	// INV-2 is not known; that says nothing against a code that was issued
}

// A Notification URL in net/http.
func ExampleClient_ParseNotification() {
	client, err := jokul.New(testClientID, testSecret)
	if err != nil {
		log.Fatal(err)
	}
	const target = "/payments/notifications" // the path of the Notification URL as DOKU knows it
	mux := http.NewServeMux()
	mux.HandleFunc("POST "+target, func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, jokul.MaxNotificationSize))
		if err != nil {
			w.WriteHeader(http.StatusRequestEntityTooLarge)
			return
		}
		n, err := client.ParseNotification(target, r.Header, body)
		if err != nil && !errors.Is(err, jokul.ErrMalformed) {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		// Find the order by n.InvoiceNumber, compare it with n.Settles, keep it all
		// in one transaction, and only then let the 200 go out.
		fmt.Println(n.InvoiceNumber, n.Status, n.Amount, err)
	})
	deliver(mux, `{"order":{"invoice_number":"INV-1","amount":90000},"transaction":{"status":"SUCCESS"}}`, testSecret)
	deliver(mux, `{"order":{"invoice_number":"INV-2"}}`, testSecret)
	deliver(mux, `{"order":{"invoice_number":"INV-1","amount":1}}`, "somebody else's key")
	// Output:
	// INV-1 SUCCESS 90000 <nil>
	// answered 200
	// INV-2  0 jokul: malformed message: transaction.status is missing
	// answered 200
	// answered 401
}

// The same in Echo. Do not Bind: the signature covers the bytes that arrived.
func ExampleClient_ParseNotification_echo() {
	client, err := jokul.New(testClientID, testSecret)
	if err != nil {
		log.Fatal(err)
	}
	const target = "/payments/notifications"
	e := echo.New()
	e.POST(target, func(c echo.Context) error {
		body, err := io.ReadAll(http.MaxBytesReader(c.Response(), c.Request().Body, jokul.MaxNotificationSize))
		if err != nil {
			return c.NoContent(http.StatusRequestEntityTooLarge)
		}
		n, err := client.ParseNotification(target, c.Request().Header, body)
		if err != nil && !errors.Is(err, jokul.ErrMalformed) {
			return c.NoContent(http.StatusUnauthorized)
		}
		fmt.Println(n.InvoiceNumber, n.Status, n.Amount)
		return c.NoContent(http.StatusOK)
	})
	deliver(e, `{"order":{"invoice_number":"INV-1","amount":"90000.00"},"transaction":{"status":"SUCCESS"}}`, testSecret)
	deliver(e, `{"order":{"invoice_number":"INV-1","amount":"90000.00"}}`, "somebody else's key")
	// Output:
	// INV-1 SUCCESS 90000
	// answered 200
	// answered 401
}

// deliver sends a notification as DOKU would, over a real socket.
func deliver(shop http.Handler, body, key string) {
	server := httptest.NewServer(shop)
	defer server.Close()
	component := jokul.Component{
		ClientID:  testClientID,
		RequestID: "0c7c2a7e-0000-4000-8000-000000000001",
		Timestamp: "2026-11-24T02:00:00Z",
		Target:    "/payments/notifications",
		Digest:    jokul.Digest([]byte(body)),
	}
	request, err := http.NewRequest(http.MethodPost, server.URL+component.Target, strings.NewReader(body))
	if err != nil {
		log.Fatal(err)
	}
	request.Header.Set(jokul.HeaderClientID, component.ClientID)
	request.Header.Set(jokul.HeaderRequestID, component.RequestID)
	request.Header.Set(jokul.HeaderRequestTimestamp, component.Timestamp)
	request.Header.Set(jokul.HeaderSignature, jokul.Sign(key, component))
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		log.Fatal(err)
	}
	answer.Body.Close()
	fmt.Println("answered", answer.StatusCode)
}

func ExampleComponent() {
	get := jokul.Component{
		ClientID:  "MCH-0000-00000000000001",
		RequestID: "22222222-2222-4222-8222-222222222222",
		Timestamp: "2026-01-01T09:00:00Z",
		Target:    "/orders/v1/status/INV-1", // a GET: no Digest
	}
	fmt.Println(get)
	// Output:
	// Client-Id:MCH-0000-00000000000001
	// Request-Id:22222222-2222-4222-8222-222222222222
	// Request-Timestamp:2026-01-01T09:00:00Z
	// Request-Target:/orders/v1/status/INV-1
}

func ExampleTillText() {
	fmt.Println(jokul.TillText("Café “Ñandú” – 100 %", jokul.MaxInfo))
	// Output: Cafe "Nandu" - 100 %
}
