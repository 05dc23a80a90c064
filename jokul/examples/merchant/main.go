// Merchant is the least a merchant needs: it asks for a payment code, hears of
// payments, and asks when it hears nothing. Start `jokul sandbox`, then this:
//
//	go run ./jokul/cmd/jokul sandbox --notification-url http://127.0.0.1:9000/notifications
//	JOKUL_CLIENT_ID=... JOKUL_SECRET_KEY=... go run ./jokul/examples/merchant
//	curl -X POST http://127.0.0.1:9000/orders/INV-1     # answers with the payment code
//	curl http://127.0.0.1:9000/orders/INV-1             # paid: false; pay at the simulator; paid: true
//
// A real one keeps orders in a database and answers a notification only after
// the commit; the shop in this repository does.
package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"sync"
	"time"

	"warungjokul/jokul"
)

const (
	notifications = "/notifications"
	price         = 90_000 // whole rupiah
)

type order struct {
	invoice string
	request jokul.PreparedRequest
	code    string
	paid    bool
}

type merchant struct {
	doku   *jokul.Client
	mu     sync.Mutex
	orders map[string]*order // by invoice number
}

func main() {
	doku, err := jokul.New(os.Getenv("JOKUL_CLIENT_ID"), os.Getenv("JOKUL_SECRET_KEY"),
		jokul.WithBaseURL(cmp.Or(os.Getenv("JOKUL_BASE_URL"), "http://127.0.0.1:8081")))
	if err != nil {
		log.Fatal(err)
	}
	server := http.Server{Addr: "127.0.0.1:9000", Handler: newMerchant(doku), ReadTimeout: 10 * time.Second}
	log.Fatal(server.ListenAndServe())
}

func newMerchant(doku *jokul.Client) http.Handler {
	m := &merchant{doku: doku, orders: map[string]*order{}}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /orders/{invoice}", m.place)
	mux.HandleFunc("GET /orders/{invoice}", m.show)
	mux.HandleFunc("POST "+notifications, m.notified)
	return mux
}

// place saves the request before it is sent: posting again repeats it, and gets
// the same code. No lock is held while the gateway is asked, for it may notify
// before it answers.
func (m *merchant) place(w http.ResponseWriter, r *http.Request) {
	o, err := m.order(r.PathValue("invoice"))
	if err != nil {
		http.Error(w, err.Error(), http.StatusUnprocessableEntity)
		return
	}
	code, err := m.doku.GeneratePaymentCode(r.Context(), o.request)
	if err != nil {
		log.Print(err)
		http.Error(w, "no payment code yet, try again", http.StatusBadGateway)
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	o.code = code.Code
	fmt.Fprintln(w, o.code)
}

func (m *merchant) order(invoice string) (*order, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if o := m.orders[invoice]; o != nil {
		return o, nil
	}
	request, err := m.doku.Prepare(jokul.PaymentCodeRequest{
		InvoiceNumber: invoice, Amount: price, CustomerName: "Budi", Description: "Kopi Gayo",
	})
	if err != nil {
		return nil, err
	}
	m.orders[invoice] = &order{invoice: invoice, request: request}
	return m.orders[invoice], nil
}

// show asks the gateway first: a notification may never come.
func (m *merchant) show(w http.ResponseWriter, r *http.Request) {
	t, err := m.doku.CheckStatus(r.Context(), r.PathValue("invoice"))
	m.mu.Lock()
	defer m.mu.Unlock()
	o := m.orders[r.PathValue("invoice")]
	if o == nil {
		http.NotFound(w, r)
		return
	}
	if err == nil {
		err = o.hear(t)
	}
	if err != nil && !errors.Is(err, jokul.ErrNotPaid) {
		log.Print(err)
	}
	fmt.Fprintln(w, "paid:", o.paid)
}

func (m *merchant) notified(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, jokul.MaxNotificationSize))
	if err != nil {
		w.WriteHeader(http.StatusRequestEntityTooLarge)
		return
	}
	n, err := m.doku.ParseNotification(notifications, r.Header, body)
	if err != nil && !errors.Is(err, jokul.ErrMalformed) {
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	o := m.orders[n.InvoiceNumber]
	switch {
	case err != nil:
	case o == nil:
		err = errors.New("no such order")
	default:
		err = o.hear(n.Transaction)
	}
	if err != nil && !errors.Is(err, jokul.ErrNotPaid) {
		log.Printf("for a person: %+v, %v", n, err) // and a 200: a repeat cannot mend it
	}
}

// hear lets a payment count if it is what was asked for. What is paid stays paid.
func (o *order) hear(t jokul.Transaction) error {
	err := t.Settles(o.invoice, o.code, price)
	o.paid = o.paid || err == nil
	return err
}
