package sandbox_test

import (
	"context"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"

	"warungjokul/jokul"
	"warungjokul/jokul/sandbox"
)

// A shop asks for a code, a buyer pays it at the till, the shop is told.
func Example() {
	ctx := context.Background()
	var client *jokul.Client
	shop := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(http.MaxBytesReader(w, r.Body, jokul.MaxNotificationSize))
		n, err := client.ParseNotification("/payments/notifications", r.Header, body)
		if err != nil {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		fmt.Println("the shop is told:", n.InvoiceNumber, n.Status)
	}))
	defer shop.Close()

	gateway, err := sandbox.Open(sandbox.Config{
		ClientID:        "MCH-0001-10791114622547",
		SecretKey:       "SK-only-for-tests",
		NotificationURL: shop.URL + "/payments/notifications",
	})
	if err != nil {
		log.Fatal(err)
	}
	defer gateway.Close()
	server := httptest.NewServer(gateway)
	defer server.Close()

	client, err = jokul.New("MCH-0001-10791114622547", "SK-only-for-tests", jokul.WithBaseURL(server.URL))
	if err != nil {
		log.Fatal(err)
	}
	request, err := client.Prepare(jokul.PaymentCodeRequest{
		InvoiceNumber: "INV-1",
		Amount:        90_000,
		CustomerName:  "Budi",
		Description:   "Kopi Gayo 250 g",
	})
	if err != nil {
		log.Fatal(err)
	}
	code, err := client.GeneratePaymentCode(ctx, request)
	if err != nil {
		log.Fatal(err)
	}
	result, err := gateway.Pay(ctx, code.Code)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("the shop answered:", result.Delivery.Attempts[0].HTTPStatus)
	// Output:
	// the shop is told: INV-1 SUCCESS
	// the shop answered: 200
}
