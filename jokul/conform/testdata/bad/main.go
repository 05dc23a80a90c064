// Bad is a Notification URL with faults planted on purpose, each one marked
// "fault". The kit's test counts how many it finds.
//
// It listens on a free port, prints its address, reads orders from the file
// named on its command line, and tells an order's status at /orders/{invoice}.
package main

import (
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/url"
	"os"
	"sync"
	"time"

	"warungjokul/jokul"
)

const key = "SK-only-for-tests"

type order struct {
	InvoiceNumber string `json:"invoice_number"`
	Amount        int64  `json:"amount"`
	Status        string `json:"order_status"`
	Payments      int    `json:"payments"`
}

var (
	mu     sync.Mutex
	orders = map[string]*order{}
)

func main() {
	raw, err := os.ReadFile(os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	var list []*order
	if err := json.Unmarshal(raw, &list); err != nil {
		log.Fatal(err)
	}
	for _, o := range list {
		orders[o.InvoiceNumber] = o
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	http.HandleFunc("GET /orders/{invoice}", show)
	http.HandleFunc("/notifications", notified) // fault: any method will do
	fmt.Println("http://" + listener.Addr().String())
	log.Fatal(http.Serve(listener, nil))
}

func show(w http.ResponseWriter, r *http.Request) {
	mu.Lock()
	defer mu.Unlock()
	_ = json.NewEncoder(w).Encode(orders[r.PathValue("invoice")])
}

func notified(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body) // fault: no limit
	if r.Method == http.MethodGet {
		return
	}
	var n struct {
		Order struct {
			InvoiceNumber string  `json:"invoice_number"`
			Amount        float64 `json:"amount"` // fault: a string is no amount
		} `json:"order"`
		Transaction struct {
			Status string `json:"status"`
		} `json:"transaction"`
	}
	if err := json.Unmarshal(body, &n); err != nil { // fault: parsed before it is verified
		w.WriteHeader(http.StatusInternalServerError)
		return
	}
	mu.Lock()
	o := orders[n.Order.InvoiceNumber]
	mu.Unlock()
	if o == nil { // fault: a stranger learns which invoices exist, and DOKU sends again
		w.WriteHeader(http.StatusNotFound)
		return
	}
	if !genuine(r, body) {
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	mu.Lock()
	defer mu.Unlock()
	if n.Transaction.Status != "SUCCESS" {
		o.Status = "failed" // fault: undoes what is paid, and knows no PENDING
		return
	}
	if o.Status == "failed" { // fault: the clock wins over the money
		return
	}
	o.Status = "paid" // fault: whatever the amount, whatever the code
	o.Payments++      // fault: once per delivery
}

func genuine(r *http.Request, body []byte) bool {
	at, err := time.Parse(time.RFC3339, r.Header.Get(jokul.HeaderRequestTimestamp))
	if err != nil || time.Since(at) > 5*time.Minute { // fault: a retry comes after hours
		return false
	}
	if r.Header.Get(jokul.HeaderSignature) == "" { // fault: no signature, no check
		return true
	}
	decoded, err := url.QueryUnescape(string(body)) // fault: a body is not a form
	if err != nil {
		decoded = string(body)
	}
	var value any
	_ = json.Unmarshal([]byte(decoded), &value)
	again, _ := json.Marshal(value) // fault: the digest of another spelling
	return jokul.Verify(key, jokul.Component{
		ClientID:  r.Header.Get(jokul.HeaderClientID), // fault: anybody's
		RequestID: r.Header.Get(jokul.HeaderRequestID),
		Timestamp: r.Header.Get(jokul.HeaderRequestTimestamp),
		Target:    r.URL.Path,
		Digest:    jokul.Digest(again),
	}, r.Header.Get(jokul.HeaderSignature)) == nil
}
