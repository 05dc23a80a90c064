package payments

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"warungjokul/jokul"
	"warungjokul/jokul/sandbox"
	"warungjokul/models"
	"warungjokul/payments/testgateway"
)

// A between stands between the shop and its gateway. It answers the requests for a
// code, and the status queries, instead of the gateway where it is told to.
type between struct {
	e *env

	mu             sync.Mutex
	create, status http.HandlerFunc // nil: the gateway's own
}

// putBetween has a payment flow speak to its gateway through a between.
func putBetween(e *env) *between {
	b := &between{e: e}
	server := httptest.NewServer(b)
	e.t.Cleanup(server.Close)
	e.Service = e.newService(server.URL)
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
		answer = b.e.gateway.ServeHTTP
	}
	answer(w, r)
}

// lost has the gateway make the code, and nothing of its answer arrive.
func (b *between) lost(w http.ResponseWriter, r *http.Request) {
	b.e.gateway.ServeHTTP(httptest.NewRecorder(), r)
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
					e := newEnv(t)
					b := putBetween(e)
					order := ""
					if how == "the process died" {
						order = e.died()
					} else {
						b.set(b.lost, nil)
						order = e.order("MNM-TEH")
					}
					var status http.HandlerFunc
					switch asks {
					case "cannot be asked":
						status = dropped
					case "knows nothing":
						status = answered(404, `{"error":{"code":"data_not_found","message":"Transaction not found"}}`)
					}
					b.set(repeat, status)
					e.pass(2*time.Minute, 20*time.Second)
					want := models.PaymentCreating
					if asks == "can be asked" {
						want = models.PaymentPending
					}
					if o := e.get(order); len(o.Payments) != 1 || o.Payment().State != want {
						t.Fatalf("%d payments, the last %s: %s; want one, %s", len(o.Payments), o.Payment().State, o.Payment().LastError, want)
					}
					b.set(nil, nil)
					e.pass(time.Minute, 20*time.Second)
					o, ledger := e.get(order), e.ledger()
					if len(o.Payments) != 1 || len(ledger) != 1 || o.Payment().Code != ledger[0].PaymentCode {
						t.Fatalf("%d payments, %d codes, code %q", len(o.Payments), len(ledger), o.Payment().Code)
					}
					e.gateway.Do(ledger[0].PaymentCode, sandbox.ActionPay)
					if o := e.get(order); o.Status != models.OrderPaid || len(o.OpenCases) > 0 {
						t.Errorf("order %s, open cases %v", o.Status, o.OpenCases)
					}
				})
			}
		}
	}
}

// died places an order by a shop that dies after it has sent the request: what it
// kept says nothing of the send. The path of the order's page is returned once the
// lease is over.
func (e *env) died() string {
	e.t.Helper()
	ctx := context.Background()
	o, _, err := e.Store.DraftOrder(ctx, []models.Item{{SKU: "MNM-TEH", Quantity: 1}})
	if err != nil {
		e.t.Fatal(err)
	}
	o.FormID, o.CustomerName, o.CustomerEmail, o.CustomerPhone = jokul.NewRequestID(), "Budi", "budi@example.com", "081234567890"
	payment, err := e.Prepare(o)
	if err != nil {
		e.t.Fatal(err)
	}
	placed, _, err := e.Store.PlaceOrder(ctx, o, payment)
	if err != nil {
		e.t.Fatal(err)
	}
	if _, err := e.Gateway.GeneratePaymentCode(ctx, savedRequest(placed.Payment())); err != nil {
		e.t.Fatal(err)
	}
	e.clock.Advance(time.Minute)
	return placed.Token
}

// A refusal of the first send is certain: the shopper can try again at once.
func TestARefusalOfTheFirstSendIsOne(t *testing.T) {
	e := newEnv(t)
	b := putBetween(e)
	b.set(answered(400, `{"message":["PAYMENT CHANNEL IS INACTIVE"]}`), nil)
	order := e.order("MNM-TEH")
	if p := e.payment(order); p.State != models.PaymentFailed {
		t.Fatalf("payment %s: %s", p.State, p.LastError)
	}
	b.set(nil, nil)
	e.newCode(order)
	if s := e.payment(order); s.Attempt != 2 || s.State != models.PaymentPending {
		t.Errorf("got %+v", s)
	}
}

// redate has the gateway answer with other dates, signed by it.
func (b *between) redate(change func(info map[string]any), stamp time.Duration) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		rec := httptest.NewRecorder()
		b.e.gateway.ServeHTTP(rec, r)
		var message map[string]map[string]any
		if err := json.Unmarshal(rec.Body.Bytes(), &message); err != nil {
			b.e.t.Error(err)
		}
		change(message["online_to_offline_info"])
		body, _ := json.Marshal(message) // it was JSON
		c := jokul.Component{ClientID: testgateway.ClientID, RequestID: r.Header.Get(jokul.HeaderRequestID), Target: r.URL.Path, Digest: jokul.Digest(body),
			Timestamp: b.e.clock.Now().Add(stamp).UTC().Format(jokul.TimestampLayout), Response: true}
		maps.Copy(w.Header(), rec.Header())
		w.Header().Set(jokul.HeaderResponseTimestamp, c.Timestamp)
		w.Header().Set(jokul.HeaderSignature, jokul.Sign(testgateway.SecretKey, c))
		w.WriteHeader(rec.Code)
		_, _ = io.Copy(w, bytes.NewReader(body))
	}
}

// under200 has the gateway repeat its first answer without saying that it does.
func (b *between) under200(w http.ResponseWriter, r *http.Request) {
	b.redate(shifted(0), 0)(always200{w}, r)
}

type always200 struct{ http.ResponseWriter }

func (w always200) WriteHeader(int) { w.ResponseWriter.WriteHeader(http.StatusOK) }

// shifted moves dates of an answer.
func shifted(by time.Duration, names ...string) func(map[string]any) {
	return func(info map[string]any) {
		for _, name := range names {
			layout := jokul.TimestampLayout
			if !strings.HasSuffix(name, "_utc") {
				layout = "20060102150405"
			}
			t, _ := time.Parse(layout, info[name].(string))
			info[name] = t.Add(by).Format(layout)
		}
	}
}

var (
	created = []string{"created_date", "created_date_utc"}
	expired = []string{"expired_date", "expired_date_utc"}
	dates   = slices.Concat(created, expired)
)

func without(names ...string) func(map[string]any) {
	return func(info map[string]any) {
		for _, name := range names {
			delete(info, name)
		}
	}
}

// A deadline is counted from expired - created, so that a gateway whose clock is
// off hides no code and promises none too long; dates that cannot be believed are a
// case, and the code is payable for as long as was asked.
func TestDeadlinesByTheShopsClock(t *testing.T) {
	const day = 24 * time.Hour
	for name, tc := range map[string]struct {
		change  func(map[string]any)
		stamp   time.Duration // by which the Response-Timestamp is off
		payable time.Duration
		doubted bool
	}{
		"as it should be":              {shifted(0, dates...), 0, time.Hour, false},
		"five hours fast":              {shifted(5*time.Hour, dates...), 5 * time.Hour, time.Hour, false},
		"five hours slow":              {shifted(-5*time.Hour, dates...), -5 * time.Hour, time.Hour, false},
		"only its dates are off":       {shifted(-5*time.Hour, dates...), 0, time.Hour, false},
		"half an hour only":            {shifted(-30*time.Minute, expired...), 0, 30 * time.Minute, false},
		"a little more than asked":     {shifted(time.Hour, expired...), 0, 2 * time.Hour, false},
		"no dates":                     {without(dates...), 0, time.Hour, false},
		"no date of making":            {without(created...), 0, time.Hour, false},
		"no date of making, and slow":  {func(i map[string]any) { shifted(-5*time.Hour, expired...)(i); without(created...)(i) }, -5 * time.Hour, time.Hour, false},
		"no end":                       {without(expired...), 0, time.Hour, false},
		"over before it was made":      {shifted(-2*time.Hour, expired...), 0, time.Hour, true},
		"over when it was made":        {shifted(-time.Hour, expired...), 0, time.Hour, true},
		"a second more than tolerable": {shifted(time.Hour+time.Second, expired...), 0, time.Hour, true},
		"an end in another zone":       {shifted(7*time.Hour, expired...), 0, time.Hour, true},
		"years":                        {shifted(3*365*day, expired...), 0, time.Hour, true},
	} {
		t.Run(name, func(t *testing.T) {
			e := newEnv(t)
			b := putBetween(e)
			b.set(b.redate(tc.change, tc.stamp), nil)
			placed := e.clock.Now()
			order := e.order("MNM-TEH")
			p := e.payment(order)
			if p.State != models.PaymentPending || !p.ExpiresAt.Equal(placed.Add(tc.payable)) || !p.CodeIssuedAt.Equal(placed) {
				t.Errorf("payment %s, from %s to %s; want from %s for %s", p.State, p.CodeIssuedAt, p.ExpiresAt, placed, tc.payable)
			}
			var doubts []models.CaseKind
			if tc.doubted {
				doubts = append(doubts, models.CaseBadExpiry)
			}
			if cases := e.openCases(); !slices.Equal(cases, doubts) {
				t.Errorf("cases: %v, want %v", cases, doubts)
			}
			if p.Code == "" {
				t.Error("the code is gone")
			}
		})
	}
}

// A code that is told of late is as old as the gateway says, by whichever clock;
// where that does not fit, as old as its payment.
func TestDeadlinesOfLateAnswers(t *testing.T) {
	for name, tc := range map[string]struct {
		made    time.Duration // after the order, at the latest
		shift   time.Duration // of the gateway's clock
		change  func(map[string]any)
		expires time.Duration // after the order
	}{
		"made at once":                         {0, 0, shifted(0), time.Hour},
		"made at once, five hours fast":        {0, 5 * time.Hour, shifted(5*time.Hour, dates...), time.Hour},
		"made after an outage":                 {40 * time.Minute, 0, shifted(0), 100 * time.Minute},
		"made after an outage, five hours off": {40 * time.Minute, -5 * time.Hour, shifted(-5*time.Hour, dates...), 100 * time.Minute},
		"given again under 200":                {0, 0, nil, time.Hour},
		"dates and stamp do not agree":         {40 * time.Minute, 0, shifted(5*time.Hour, dates...), time.Hour},
		"no dates":                             {40 * time.Minute, 0, without(dates...), time.Hour},
	} {
		t.Run(name, func(t *testing.T) {
			e := newEnv(t)
			b := putBetween(e)
			placed := e.clock.Now()
			b.set(answered(500, ``), nil)
			if tc.made == 0 {
				b.set(b.lost, nil)
			}
			order := e.order("MNM-TEH")
			if tc.made > 0 {
				e.pass(tc.made-time.Minute, time.Minute)
				e.clock.Advance(time.Minute)
				b.set(b.lost, dropped)
				e.work(e.Service)
			}
			b.set(b.redate(tc.change, tc.shift), nil)
			if tc.change == nil {
				b.set(b.under200, nil)
			}
			e.pass(2*time.Minute, time.Minute)
			p := e.payment(order)
			if p.State != models.PaymentPending || !p.ExpiresAt.Equal(placed.Add(tc.expires)) {
				t.Errorf("payment %s until %s, want %s", p.State, p.ExpiresAt, placed.Add(tc.expires))
			}
		})
	}
}

// A code found by status query has no dates: it is payable for as long as was asked,
// counted from the payment.
func TestDeadlineOfAFoundCode(t *testing.T) {
	e := newEnv(t)
	b := putBetween(e)
	placed := e.clock.Now()
	b.set(b.lost, nil)
	order := e.order("MNM-TEH")
	b.set(after["429"], nil)
	e.pass(time.Minute, 20*time.Second)
	if p := e.payment(order); p.State != models.PaymentPending || !p.ExpiresAt.Equal(placed.Add(time.Hour)) {
		t.Errorf("payment %s until %v", p.State, p.ExpiresAt)
	}
}
