package conform_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"math"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"warungjokul/jokul"
	"warungjokul/jokul/conform"
)

// A fault is what an endpoint does wrong.
type fault string

const (
	anyMethod     fault = "takes any method"
	noLimit       fault = "has no limit on bodies"
	lowLimit      fault = "has a limit of 16 KiB on bodies"
	parsesFirst   fault = "parses before it verifies"
	amountNumber  fault = "takes an amount in quotes for none"
	needsTill     fault = "needs identifiers that are not documented"
	unknown404    fault = "does not acknowledge what it does not know"
	undoes        fault = "undoes what is paid"
	clockWins     fault = "lets the clock win over the money"
	firstOnly     fault = "takes the first message about an order for the last"
	anyAmount     fault = "pays whatever the amount"
	roundsAmount  fault = "rounds the amount"
	anyCode       fault = "pays whatever the code"
	anyStatus     fault = "pays whatever the status"
	perDelivery   fault = "counts each delivery"
	perRequestID  fault = "counts each Request-Id"
	races         fault = "looks whether it was paid, and pays a little later"
	young         fault = "refuses what is older than five minutes"
	noSignature   fault = "does not check what has no signature"
	anySignature  fault = "takes any signature"
	bareSignature fault = "takes a signature without its prefix"
	slash         fault = "takes a signature for the path with a slash"
	query         fault = "takes a signature for the path with a query"
	anyClient     fault = "takes anybody's Client-Id"
	formBody      fault = "url-decodes the body before it hashes it"
	respells      fault = "hashes what it encodes again"
	late          fault = "compares no amount, and pays after it has answered"
)

// found names, for each fault, every case that finds it. A case that is missing
// here passes, and so does every case where nothing is wrong.
var found = map[fault][]string{
	"nothing":     nil,
	anyMethod:     {"GET"},
	noLimit:       {"a body of 2 MiB"},
	lowLimit:      {"a body of 40 KiB"},
	parsesFirst:   {"signed, but not JSON", "no signature, not JSON", "an empty body, badly signed"},
	amountNumber:  {"amount as a string"},
	needsTill:     {"null ids, no identifiers"},
	unknown404:    {"an unknown invoice number"},
	undoes:        {"EXPIRED and FAILED after SUCCESS"},
	clockWins:     {"SUCCESS after EXPIRED"},
	firstOnly:     {"SUCCESS after EXPIRED", "PENDING before SUCCESS"},
	anyAmount:     {"less than the amount", "half a rupiah more"},
	roundsAmount:  {"half a rupiah more"},
	anyCode:       {"another payment code"},
	anyStatus:     {"a status nobody has documented", "EXPIRED and FAILED after SUCCESS", "SUCCESS after EXPIRED", "PENDING before SUCCESS"},
	perDelivery:   {"the same bytes three times", "signed afresh three times", "under another Request-Id", "twenty copies at once"},
	perRequestID:  {"under another Request-Id"},
	races:         {"twenty copies at once"},
	young:         {"dated five days ago"},
	noSignature:   {"no signature, not JSON", "no Signature"},
	anySignature:  {"signed with another key", "signature of another body", "signature without its prefix", "signed for the path with a slash", "signed for the path with a query", "an empty body, badly signed"},
	bareSignature: {"signature without its prefix"},
	slash:         {"signed for the path with a slash"},
	query:         {"signed for the path with a query"},
	anyClient:     {"another Client-Id, rightly signed"},
	formBody:      {"plus and percent in the body"},
	respells:      {"pretty-printed body", "slashes escaped", "amount with .00", "UTF-8 in the body"},
	late:          {"less than the amount", "half a rupiah more"},
}

// faulty is an endpoint that does all as it should but for one fault.
type faulty struct {
	fault
	mu     sync.Mutex
	orders map[string]*account
	others sync.WaitGroup // what is done after an answer
}

// account is what an endpoint knows of an order.
type account struct {
	conform.Order
	status   string
	payments map[string]int  // by what makes a payment the same
	met      []chan struct{} // each closed by whoever looks next
	told     bool
}

func startFaulty(t *testing.T, wrong fault) *httptest.Server {
	f := &faulty{fault: wrong, orders: map[string]*account{}}
	for _, o := range orders() {
		f.orders[o.InvoiceNumber] = &account{Order: o, status: "awaiting_payment", payments: map[string]int{}}
	}
	mux := http.NewServeMux()
	mux.HandleFunc(path, f.notified)
	mux.HandleFunc("GET /orders/{invoice}", f.show)
	server := httptest.NewServer(mux)
	t.Cleanup(func() { server.Close(); f.others.Wait() })
	return server
}

func (f *faulty) show(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	a, counted := f.orders[r.PathValue("invoice")], 0
	for _, n := range a.payments {
		counted += n
	}
	_ = json.NewEncoder(w).Encode(map[string]any{"order_status": a.status, "payments": counted})
}

// message is what a notification says, as far as this endpoint reads it.
type message struct {
	Order struct {
		InvoiceNumber string          `json:"invoice_number"`
		Amount        json.RawMessage `json:"amount"`
	} `json:"order"`
	Transaction struct {
		Status string `json:"status"`
	} `json:"transaction"`
	Code struct {
		PaymentCode string `json:"payment_code"`
	} `json:"online_to_offline_info"`
	Payment struct {
		Identifier []struct{ Name, Value string } `json:"identifier"`
	} `json:"online_to_offline_payment"`
}

func (f *faulty) notified(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPost {
		if f.fault != anyMethod {
			w.WriteHeader(http.StatusMethodNotAllowed)
		}
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, f.limit()))
	if err != nil {
		w.WriteHeader(http.StatusRequestEntityTooLarge)
		return
	}
	var m message
	err = json.Unmarshal(body, &m)
	switch {
	case err != nil && f.fault == parsesFirst:
		w.WriteHeader(http.StatusInternalServerError)
	case !f.genuine(r, body):
		w.WriteHeader(http.StatusUnauthorized)
	case err == nil: // else it is kept for a person
		w.WriteHeader(f.take(m, r.Header.Get(jokul.HeaderRequestID)))
	}
}

func (f *faulty) limit() int64 {
	switch f.fault {
	case noLimit:
		return math.MaxInt64
	case lowLimit:
		return 16 << 10
	}
	return jokul.MaxNotificationSize
}

// genuine verifies a notification.
func (f *faulty) genuine(r *http.Request, body []byte) bool {
	at, err := time.Parse(time.RFC3339, r.Header.Get(jokul.HeaderRequestTimestamp))
	if err != nil || f.fault == young && time.Since(at) > 5*time.Minute {
		return false
	}
	c := jokul.Component{ClientID: clientID, RequestID: r.Header.Get(jokul.HeaderRequestID),
		Timestamp: r.Header.Get(jokul.HeaderRequestTimestamp), Target: r.URL.Path, Digest: jokul.Digest(f.hashed(body))}
	if id := r.Header.Get(jokul.HeaderClientID); f.fault == anyClient {
		c.ClientID = id
	} else if id != clientID {
		return false
	}
	if c.RequestID == "" {
		return false
	}
	signature := r.Header.Get(jokul.HeaderSignature)
	fits := func(target, signature string) bool {
		c := c
		c.Target = target
		return jokul.Verify(key, c, signature) == nil
	}
	switch {
	case fits(c.Target, signature):
		return true
	case signature == "":
		return f.fault == noSignature
	case f.fault == bareSignature:
		return fits(c.Target, "HMACSHA256="+signature)
	case f.fault == slash:
		return fits(c.Target+"/", signature)
	case f.fault == query:
		return fits(c.Target+"?a=b", signature)
	}
	return f.fault == anySignature
}

// hashed is what the digest is made of.
func (f *faulty) hashed(body []byte) []byte {
	switch f.fault {
	case formBody:
		if decoded, err := url.QueryUnescape(string(body)); err == nil {
			return []byte(decoded)
		}
	case respells: // with members sorted by name
		var value any
		if json.Unmarshal(body, &value) == nil {
			again, _ := json.Marshal(value)
			return again
		}
	}
	return body
}

// take does what a genuine message asks for, and returns the answer's status.
func (f *faulty) take(m message, requestID string) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	a := f.orders[m.Order.InvoiceNumber]
	if a == nil {
		if f.fault == unknown404 {
			return http.StatusNotFound
		}
		return http.StatusOK
	}
	if a.told && f.fault == firstOnly {
		return http.StatusOK
	}
	a.told = true
	if s := m.Transaction.Status; s != string(jokul.TransactionSuccess) && f.fault != anyStatus {
		if a.status != "paid" && s != string(jokul.TransactionPending) || f.fault == undoes && s == string(jokul.TransactionFailed) {
			a.status = "over"
		}
		return http.StatusOK
	}
	if f.fits(a.Order, m) && !(f.fault == clockWins && a.status == "over") {
		f.pay(a, m, requestID)
	}
	return http.StatusOK
}

// fits compares a message with the order it is about.
func (f *faulty) fits(o conform.Order, m message) bool {
	text := string(m.Order.Amount)
	if f.fault != amountNumber {
		text = strings.Trim(text, `"`)
	}
	amount, err := strconv.ParseFloat(text, 64)
	exact := err == nil && amount == float64(o.Amount)
	switch f.fault {
	case anyAmount, late:
		exact = err == nil
	case roundsAmount:
		exact = err == nil && int64(amount) == o.Amount
	case needsTill:
		exact = exact && len(m.Payment.Identifier) > 0
	}
	return exact && (m.Code.PaymentCode == o.PaymentCode || f.fault == anyCode)
}

// pay marks an order paid, once for each payment. f.mu is held.
func (f *faulty) pay(a *account, m message, requestID string) {
	same := fmt.Sprint(m.Payment.Identifier) // what the till calls the payment
	switch f.fault {
	case perRequestID:
		same = requestID
	case late:
		f.others.Go(func() {
			time.Sleep(300 * time.Millisecond)
			f.mu.Lock()
			defer f.mu.Unlock()
			a.status, a.payments[same] = "paid", 1
		})
		return
	case races:
		if a.payments[same] > 0 {
			return
		}
		a.met = append(a.met, make(chan struct{}))
		if len(a.met) > 1 {
			close(a.met[len(a.met)-2]) // that one pays, too
		}
		f.wait(a.met[len(a.met)-1])
	}
	a.status = "paid"
	if f.fault == perDelivery || f.fault == races {
		a.payments[same]++
	} else {
		a.payments[same] = 1
	}
}

// wait lets others in until one of them has come, or none has for a while. f.mu is
// held before and afterwards.
func (f *faulty) wait(another chan struct{}) {
	f.mu.Unlock()
	defer f.mu.Lock()
	select {
	case <-another:
	case <-time.After(time.Second):
	}
}

// Each fault by itself is found by the cases that are there for it, and by no
// other; where there is no fault nothing is found. All are tried at once: the kit
// mostly waits.
func TestEachFaultIsFound(t *testing.T) {
	var all sync.WaitGroup
	for _, wrong := range slices.Sorted(maps.Keys(found)) {
		server := startFaulty(t, wrong)
		all.Go(func() {
			report, err := conform.Run(t.Context(), target(server.URL))
			if err != nil {
				t.Errorf("an endpoint that %s: %v", wrong, err)
				return
			}
			var failed []string
			for _, result := range report.Results {
				if result.Verdict != conform.Pass {
					failed = append(failed, result.Case)
				}
			}
			slices.Sort(failed)
			if want := slices.Sorted(slices.Values(found[wrong])); !slices.Equal(failed, want) {
				var text bytes.Buffer
				_ = report.WriteText(&text)
				t.Errorf("an endpoint that %s fails %q, want %q\n%s", wrong, failed, want, text.String())
			}
		})
	}
	all.Wait()
}
