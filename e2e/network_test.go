package e2e_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// network carries notifications from the gateway to the shop, and does to them
// what networks do.
type network struct {
	server *httptest.Server
	shop   string
	chance *chance
	client http.Client
	calm   atomic.Bool

	mu      sync.Mutex
	swallow map[string]bool // invoice numbers nothing is ever told of

	fates struct{ delivered, lost, answerLost, delayed, doubled, swallowed atomic.Int64 }
}

func newNetwork(t *testing.T, c *chance) *network {
	n := &network{chance: c, swallow: map[string]bool{}}
	n.client.Timeout = patience
	n.server = httptest.NewServer(n)
	t.Cleanup(n.server.Close)
	return n
}

// neverTell has every notification of an invoice number disappear.
func (n *network) neverTell(invoiceNumber string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.swallow[invoiceNumber] = true
}

func (n *network) swallows(body []byte) bool {
	var message struct {
		Order struct {
			InvoiceNumber string `json:"invoice_number"`
		}
	}
	_ = json.Unmarshal(body, &message)
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.swallow[message.Order.InvoiceNumber]
}

func (n *network) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	fate := n.chance.float()
	switch {
	case n.swallows(body):
		n.fates.swallowed.Add(1)
		panic(http.ErrAbortHandler)
	case n.calm.Load():
		fate = 1
	case fate < 0.15:
		n.fates.lost.Add(1)
		panic(http.ErrAbortHandler)
	case fate < 0.30: // others overtake it
		n.fates.delayed.Add(1)
		pause(n.chance.between(0, 2*time.Second))
	case fate < 0.40:
		n.fates.doubled.Add(1)
		twin := make(chan int)
		go func() { twin <- n.forward(r, body) }()
		defer func() { <-twin }()
	}
	status := n.forward(r, body)
	if status != 0 {
		n.fates.delivered.Add(1)
	}
	if fate > 0.40 && fate < 0.55 {
		n.fates.answerLost.Add(1)
		status = 0
	}
	if status == 0 {
		panic(http.ErrAbortHandler)
	}
	w.WriteHeader(status)
}

// forward returns the shop's answer, 0 for none.
func (n *network) forward(r *http.Request, body []byte) int {
	req, err := http.NewRequest(r.Method, n.shop+r.URL.Path, bytes.NewReader(body))
	if err != nil {
		return 0
	}
	req.Header = r.Header.Clone()
	res, err := n.client.Do(req)
	if err != nil {
		return 0
	}
	defer res.Body.Close()
	return res.StatusCode
}
