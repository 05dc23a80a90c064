package handlers

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"warungjokul/jokul"
	"warungjokul/jokul/sandbox"
	"warungjokul/models"
)

// A between stands between the shop and its gateway. It answers the requests for a
// code, and the status queries, instead of the gateway where it is told to.
type between struct {
	w *world

	mu             sync.Mutex
	create, status http.HandlerFunc // nil: the gateway's own
}

// putBetween has the shop of a world speak to its gateway through a between.
func putBetween(w *world) *between {
	b := &between{w: w}
	server := httptest.NewServer(b)
	w.t.Cleanup(server.Close)
	w.Handler = w.anotherShop(server.URL)
	return b
}

func (b *between) set(create, status http.HandlerFunc) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.create, b.status = create, status
}

func (b *between) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	b.mu.Lock()
	answer := b.status
	if r.Method == http.MethodPost {
		answer = b.create
	}
	b.mu.Unlock()
	if answer == nil {
		answer = b.w.gateway.ServeHTTP
	}
	answer(w, r)
}

// lost has the gateway make the code, and nothing of its answer arrive.
func (b *between) lost(w http.ResponseWriter, r *http.Request) {
	b.w.gateway.ServeHTTP(httptest.NewRecorder(), r)
	dropped(w, r)
}

func dropped(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }

func answered(status int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

// after are the answers that a repeat may get.
var after = map[string]http.HandlerFunc{
	"400":               answered(400, `{"error":{"message":"customer.email is not valid"}}`),
	"400 duplicate":     answered(400, `{"error":{"code":"duplicate_invoice_number","message":"order.invoice_number already exists"}}`),
	"400 our signature": answered(400, `{"error":{"code":"invalid_signature","message":"Invalid Header Signature"}}`),
	"401":               answered(401, `{"error":{"code":"invalid_client_id","message":"Invalid Client-Id"}}`),
	"403 of a firewall": answered(403, `<html>Forbidden</html>`),
	"409 without code":  answered(409, `{"error":{"code":"idempotent_request","message":"different request data"}}`),
	"409 duplicate":     answered(409, `{"error":{"code":"duplicate_invoice_number","message":"exists"}}`),
	"429":               answered(429, `{"message":["TOO MANY REQUESTS"]}`),
	"500":               answered(500, `{"message":"INTERNAL SERVER ERROR"}`),
	"nothing":           dropped,
}

// A code was made and the shop did not learn of it, because the answer was lost or
// the process died. Whatever a repeat is told, the payment gets that code, at once
// or when the gateway is itself again; it is never refused, and never gets a second
// attempt, which would be a second live code.
func TestALostCodeIsNeverMadeTwice(t *testing.T) {
	for name, repeat := range after {
		for how, questions := range map[string][]string{
			"the answer was lost": {"can be asked", "cannot be asked"},
			"the process died":    {"can be asked", "knows nothing"},
		} {
			for _, asks := range questions {
				t.Run(name+", "+how+", "+asks, func(t *testing.T) {
					w := newWorld(t)
					b := putBetween(w)
					order := ""
					if how == "the process died" {
						order = w.died()
					} else {
						b.set(b.lost, nil)
						order = w.order("MNM-TEH")
					}
					var status http.HandlerFunc
					switch asks {
					case "cannot be asked":
						status = dropped
					case "knows nothing":
						status = answered(404, `{"error":{"code":"data_not_found","message":"Transaction not found"}}`)
					}
					b.set(repeat, status)
					w.pass(2*time.Minute, 20*time.Second)
					want := models.PaymentCreating
					if asks == "can be asked" {
						want = models.PaymentPending
					}
					if o := w.whole(order); len(o.Payments) != 1 || o.Payment().State != want {
						t.Fatalf("%d payments, the last %s: %s; want one, %s", len(o.Payments), o.Payment().State, o.Payment().LastError, want)
					}
					b.set(nil, nil)
					w.pass(time.Minute, 20*time.Second)
					o, ledger := w.whole(order), w.ledger()
					if len(o.Payments) != 1 || len(ledger) != 1 || o.Payment().Code != ledger[0].PaymentCode {
						t.Fatalf("%d payments, %d codes, code %q", len(o.Payments), len(ledger), o.Payment().Code)
					}
					w.act(ledger[0].PaymentCode, sandbox.ActionPay)
					if o := w.whole(order); o.Status != models.OrderPaid || o.Attention != "" {
						t.Errorf("order %s, attention %q", o.Status, o.Attention)
					}
				})
			}
		}
	}
}

// died places an order by a shop that dies after it has sent the request: what it
// kept says nothing of the send. The path of the order's page is returned once the
// lease is over.
func (w *world) died() string {
	w.t.Helper()
	ctx := context.Background()
	o, _, err := w.Store.DraftOrder(ctx, []models.Item{{SKU: "MNM-TEH", Quantity: 1}})
	if err != nil {
		w.t.Fatal(err)
	}
	o.CheckoutID, o.CustomerName, o.CustomerEmail, o.CustomerPhone = jokul.NewRequestID(), "Budi", "budi@example.com", "081234567890"
	payment, err := w.preparePayment(o)
	if err != nil {
		w.t.Fatal(err)
	}
	placed, _, err := w.Store.PlaceOrder(ctx, o, payment)
	if err != nil {
		w.t.Fatal(err)
	}
	if _, err := w.Gateway.GeneratePaymentCode(ctx, prepared(placed.Payment())); err != nil {
		w.t.Fatal(err)
	}
	w.clock.advance(time.Minute)
	return orderPath(placed.Token)
}

// A refusal of the first send is certain: the shopper can try again at once.
func TestARefusalOfTheFirstSendIsOne(t *testing.T) {
	w := newWorld(t)
	b := putBetween(w)
	b.set(answered(400, `{"message":["PAYMENT CHANNEL IS INACTIVE"]}`), nil)
	order := w.order("MNM-TEH")
	if p := w.whole(order).Payment(); p.State != models.PaymentFailed {
		t.Fatalf("payment %s: %s", p.State, p.LastError)
	}
	b.set(nil, nil)
	if res := w.post(order+"/payments", nil, nil); res.Code != http.StatusSeeOther {
		t.Fatalf("new code: HTTP %d", res.Code)
	}
	if s := w.status(order); s.Attempt != 2 || s.PaymentStatus != models.PaymentPending {
		t.Errorf("got %+v", s)
	}
}
