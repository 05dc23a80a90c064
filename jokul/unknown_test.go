package jokul_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"warungjokul/jokul"
	"warungjokul/jokul/sandbox"
)

// front stands between the client and the sandbox, as a proxy or another state of
// the gateway would: it answers the creates that are on its list, the n-th with
// the n-th answer, and passes everything else on.
type front struct {
	gateway http.Handler
	address string

	mu      sync.Mutex
	creates []http.HandlerFunc // nil: pass on
	status  http.HandlerFunc   // nil: pass on
}

func (f *front) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	answer := f.status
	if r.Method == http.MethodPost {
		answer = nil
		if len(f.creates) > 0 {
			answer, f.creates = f.creates[0], f.creates[1:]
		}
	}
	f.mu.Unlock()
	if answer == nil {
		answer = f.gateway.ServeHTTP
	}
	answer(w, r)
}

func (f *front) next(answers ...http.HandlerFunc) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.creates = answers
}

func (f *front) queries(answer http.HandlerFunc) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.status = answer
}

// behind gives a client of the sandbox behind a front.
func behind(t *testing.T, opts ...jokul.Option) (*jokul.Client, *front, *sandbox.Server) {
	t.Helper()
	gateway, err := sandbox.Open(sandbox.Config{ClientID: testClientID, SecretKey: testSecret})
	if err != nil {
		t.Fatal(err)
	}
	f := &front{gateway: gateway}
	server := httptest.NewServer(f)
	f.address = server.URL
	t.Cleanup(func() { server.Close(); _ = gateway.Close() })
	return newClient(t, append([]jokul.Option{jokul.WithBaseURL(f.address)}, opts...)...), f, gateway
}

func says(status int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		_, _ = w.Write([]byte(body))
	}
}

func drops(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }

// lost has the gateway carry the call out, and nothing of its answer arrive.
func (f *front) lost(w http.ResponseWriter, r *http.Request) {
	f.gateway.ServeHTTP(httptest.NewRecorder(), r)
	drops(w, r)
}

// later are the answers a repeat may get, whatever became of the first send.
var later = map[string]http.HandlerFunc{
	"400":                          says(400, `{"error":{"message":"customer.email is not valid"}}`),
	"400 without a word":           says(400, ``),
	"400 duplicate_invoice_number": says(400, `{"error":{"code":"duplicate_invoice_number","message":"order.invoice_number already exists"}}`),
	"400 invalid_signature":        says(400, `{"error":{"code":"invalid_signature","message":"Invalid Header Signature"}}`),
	"400 channel inactive":         says(400, `{"message":["PAYMENT CHANNEL IS INACTIVE"]}`),
	"400 out of time":              says(400, `{"error":{"code":"request_time_out_of_range","message":"Header Request-Timestamp is not in range"}}`),
	"401 invalid_client_id":        says(401, `{"error":{"code":"invalid_client_id","message":"Invalid Client-Id"}}`),
	"401 and HTML":                 says(401, `<html>Unauthorized</html>`),
	"403 and HTML":                 says(403, `<html>Forbidden</html>`),
	"404":                          says(404, `{"message":"No static resource x."}`),
	"409 idempotent_request":       says(409, `{"error":{"code":"idempotent_request","message":"different request data"}}`),
	"409 duplicate_invoice_number": says(409, `{"error":{"code":"duplicate_invoice_number","message":"exists"}}`),
	"409 without a word":           says(409, ``),
	"422":                          says(422, `{"error":{"message":"no"}}`),
	"429":                          says(429, `{"message":["TOO MANY REQUESTS"]}`),
	"500":                          says(500, `{"message":"INTERNAL SERVER ERROR"}`),
	"503 and HTML":                 says(503, `<html>Unavailable</html>`),
	"nothing":                      drops,
}

// The code was made and its answer lost. Whatever a repeat is told, within the call
// or in a later one, after a restart or not, the caller ends with that code where
// the gateway can be asked, and with "unknown" where not: never with advice that
// makes a second live code.
func TestALostCodeIsNeverRefused(t *testing.T) {
	for name, repeat := range later {
		for _, asks := range []string{"can be asked", "cannot be asked", "knows nothing"} {
			for _, how := range []string{"in one call", "in a later call", "after a restart"} {
				t.Run(name+", "+how+", "+asks, func(t *testing.T) {
					t.Parallel()
					ctx := t.Context()
					client, f, gateway := behind(t, jokul.WithRetries(1))
					f.next(f.lost, repeat, repeat)
					p := prepare(t, client, request())
					if how != "in one call" {
						client = newClient(t, jokul.WithBaseURL(f.address), jokul.WithRetries(0))
						if _, err := client.GeneratePaymentCode(ctx, p); outcomeOf(err) != jokul.OutcomeUnknown {
							t.Fatalf("the first send: %v", err)
						}
					}
					if how == "after a restart" {
						p = jokul.PreparedRequest{RequestID: p.RequestID, Body: p.Body}
					}
					switch asks {
					case "cannot be asked":
						f.queries(drops)
					case "knows nothing":
						f.queries(says(404, `{"error":{"code":"data_not_found","message":"Transaction not found"}}`))
					}
					code, err := client.GeneratePaymentCode(ctx, p)
					ledger, ledgerErr := gateway.Ledger()
					if ledgerErr != nil || len(ledger) != 1 {
						t.Fatalf("the gateway has %d codes, %v", len(ledger), ledgerErr)
					}
					switch {
					case asks == "can be asked":
						if err != nil || code.Code != ledger[0].PaymentCode || code.InvoiceNumber != request().InvoiceNumber {
							t.Errorf("got %+v, %v; want code %s", code, err, ledger[0].PaymentCode)
						}
					case outcomeOf(err) != jokul.OutcomeUnknown || errors.Is(err, jokul.ErrInvoiceTaken):
						t.Errorf("got %v, want outcome unknown", err)
					}
				})
			}
		}
	}
}

// The gateway has made the code, and something between it and us answers in JSON of
// its own. Whatever it says, under whatever 4xx, that refuses nothing; the answer is
// within reach. The gateway's own words, under any of its statuses, stay what they are.
func TestJSONOfOthersRefusesNothing(t *testing.T) {
	r := rand.New(rand.NewPCG(21, 1))
	for range 300 {
		body, status := strangersBody(r), 400+r.IntN(100)
		client, f, gateway := behind(t, jokul.WithRetries(0))
		f.next(func(w http.ResponseWriter, r *http.Request) {
			f.gateway.ServeHTTP(httptest.NewRecorder(), r)
			says(status, body)(w, r)
		})
		f.queries(drops)
		_, err := client.GeneratePaymentCode(t.Context(), prepare(t, client, request()))
		if ledger, _ := gateway.Ledger(); len(ledger) != 1 {
			t.Fatalf("the gateway has %d codes", len(ledger))
		}
		var e *jokul.Error
		if !errors.As(err, &e) || e.Outcome != jokul.OutcomeUnknown || e.HTTPStatus != status {
			t.Errorf("%d %s: got %v, want outcome unknown of that answer", status, body, err)
		}
	}
}

// strangersBody is JSON that looks like the gateway's errors, but is in none of the
// envelopes of docs/protocol.md section 6.
func strangersBody(r *rand.Rand) string {
	pick := func(list ...string) string { return list[r.IntN(len(list))] }
	code := `"code":` + pick(`"1020"`, `"Forbidden"`, `403`, `"AccessDenied"`, `null`, `""`, `"INVALID_SIGNATURE"`, `"x invalid_signature"`, `["invalid_signature"]`)
	message := `"message":` + pick(`"Forbidden"`, `"Access denied"`, `null`, `""`, `{"text":"no"}`, `"customers only"`, `"orders are closed"`, `"no Route matched with those values"`)
	kind := `"type":` + pick(`"about:blank"`, `"access_denied"`, `null`, `403`)
	inner := pick(code, message, code+","+message, code+","+message+","+kind, message+","+kind, kind, "")
	outer := pick(`"error":{`+inner+`}`, `"error":"`+pick("blocked", "invalid_signature", "Forbidden")+`"`, message, `"error_messages":`+pick(`null`, `[]`, `"no"`, `{}`), `"errors":[{`+inner+`}]`)
	more := pick(`"status":403`, `"ray":"8a1"`, `"requestId":"r-1"`, `"statusCode":400,"message":["no"]`)
	switch r.IntN(5) {
	case 0:
		return "{" + outer + "," + more + "}"
	case 1:
		return "{" + more + "}"
	case 2:
		return "[{" + outer + "}]"
	}
	return "{" + outer + "}"
}

// The last answer and what went before are both within reach of the error.
func TestUnknownWrapsBoth(t *testing.T) {
	client, f, _ := behind(t, jokul.WithRetries(1))
	f.next(says(200, `{}`), says(400, `{"error":{"code":"invalid_signature","message":"Invalid Header Signature"}}`))
	_, err := client.GeneratePaymentCode(t.Context(), prepare(t, client, request()))
	var whole, last *jokul.Error
	if !errors.As(err, &whole) || whole.Outcome != jokul.OutcomeUnknown || whole.Code != "" || whole.RequestID == "" {
		t.Fatalf("got %+v", err)
	}
	if !errors.As(whole.Err, &last) || last.Code != jokul.CodeInvalidSignature || last.Outcome != jokul.OutcomeMisconfigured || last.HTTPStatus != 400 {
		t.Errorf("the last answer is not within reach: %+v", last)
	}
	if !errors.Is(err, jokul.ErrInvalidSignature) {
		t.Errorf("the earlier send is not within reach: %v", err)
	}
	if text := err.Error(); !strings.Contains(text, "Invalid Header Signature") || !strings.Contains(text, "data_not_found") {
		t.Errorf("the text does not tell the whole of it: %s", text)
	}
}

// What is certain stays certain: a refusal of the only send, also when the same
// request is sent again after it, and a refusal for the clock that was mended.
func TestCertainRefusals(t *testing.T) {
	refusal := says(400, `{"message":["PAYMENT CHANNEL IS INACTIVE"]}`)
	client, f, _ := behind(t)
	f.next(refusal, refusal)
	p := prepare(t, client, request())
	for range 2 {
		if _, err := client.GeneratePaymentCode(t.Context(), p); outcomeOf(err) != jokul.OutcomeRefused {
			t.Errorf("got %v, want outcome refused", err)
		}
	}
	if code, err := client.GeneratePaymentCode(t.Context(), p); err != nil || code.Code == "" {
		t.Errorf("the channel is active again: %+v, %v", code, err)
	}
	f.next(says(401, `{"error":{"code":"invalid_client_id"}}`))
	f.queries(drops)
	if _, err := client.GeneratePaymentCode(t.Context(), p); outcomeOf(err) != jokul.OutcomeUnknown {
		t.Errorf("there is a code, and the answer is %v", err)
	}
	saved := jokul.PreparedRequest{RequestID: jokul.NewRequestID(), Body: p.Body}
	f.next(refusal, refusal)
	if _, err := client.GeneratePaymentCode(t.Context(), saved.NeverSent()); outcomeOf(err) != jokul.OutcomeRefused {
		t.Errorf("never sent before: %v, want outcome refused", err)
	}
	if _, err := client.GeneratePaymentCode(t.Context(), saved); outcomeOf(err) != jokul.OutcomeUnknown {
		t.Errorf("sent before, or not: %v, want outcome unknown", err)
	}
}

// An invoice number that somebody else has used is told from one that our own lost
// send has: certain after the only send, and after an unknown one where a signed
// answer names the other request. Then, and only then, a new number is right.
func TestInvoiceTaken(t *testing.T) {
	other := func(t *testing.T, client *jokul.Client) {
		t.Helper()
		if _, err := client.GeneratePaymentCode(t.Context(), prepare(t, client, request())); err != nil {
			t.Fatal(err)
		}
	}
	t.Run("the only send", func(t *testing.T) {
		client, f, _ := behind(t)
		other(t, client)
		f.queries(drops)
		_, err := client.GeneratePaymentCode(t.Context(), prepare(t, client, request()))
		var e *jokul.Error
		if !errors.As(err, &e) || e.Outcome != jokul.OutcomeRefused || e.Code != jokul.CodeDuplicateInvoice || !errors.Is(err, jokul.ErrInvoiceTaken) {
			t.Errorf("got %v", err)
		}
	})
	t.Run("after an unknown one", func(t *testing.T) {
		client, f, _ := behind(t, jokul.WithRetries(1))
		other(t, client)
		f.next(drops)
		_, err := client.GeneratePaymentCode(t.Context(), prepare(t, client, request()))
		if outcomeOf(err) != jokul.OutcomeUnknown || !errors.Is(err, jokul.ErrInvoiceTaken) {
			t.Errorf("got %v", err)
		}
	})
	t.Run("under 409", func(t *testing.T) {
		client, f, _ := behind(t)
		other(t, client)
		f.next(later["409 duplicate_invoice_number"], later["409 duplicate_invoice_number"], later["409 duplicate_invoice_number"])
		_, err := client.GeneratePaymentCode(t.Context(), prepare(t, client, request()))
		if outcomeOf(err) != jokul.OutcomeUnknown || !errors.Is(err, jokul.ErrInvoiceTaken) {
			t.Errorf("got %v", err)
		}
	})
	const byInvoice = `{"order":{"invoice_number":"WJ-7K4M9Q2P-1","amount":90000},"transaction":{"status":"PENDING"%s},"online_to_offline_info":{"payment_code":"73"}}`
	another, nobody := fmt.Sprintf(byInvoice, `,"original_request_id":"x"`), fmt.Sprintf(byInvoice, "")
	for name, tc := range map[string]struct {
		byRequest, byInvoice http.HandlerFunc // answers to the status queries; nil: the gateway's
	}{
		"an unsigned answer names another":      {nil, says(200, another)},
		"nobody is named":                       {nil, func(w http.ResponseWriter, r *http.Request) { sign(w, r, nobody) }},
		"the Request-Id could not be asked for": {later["500"], nil},
	} {
		t.Run(name, func(t *testing.T) {
			client, f, _ := behind(t, jokul.WithRetries(1))
			other(t, client)
			f.next(drops)
			f.queries(func(w http.ResponseWriter, r *http.Request) {
				answer := tc.byRequest
				if strings.HasSuffix(r.URL.Path, request().InvoiceNumber) {
					answer = tc.byInvoice
				}
				if answer == nil {
					answer = f.gateway.ServeHTTP
				}
				answer(w, r)
			})
			code, err := client.GeneratePaymentCode(t.Context(), prepare(t, client, request()))
			if outcomeOf(err) != jokul.OutcomeUnknown || errors.Is(err, jokul.ErrInvoiceTaken) {
				t.Errorf("got %+v, %v", code, err)
			}
		})
	}
}

// A code is taken from a status answer only if it is of this request: of its
// invoice number, its Request-Id and its amount.
func TestOnlyItsOwnCodeIsFound(t *testing.T) {
	for name, tc := range map[string]struct {
		answer string
		want   string
	}{
		"all of it":          {`{"order":{"invoice_number":"WJ-7K4M9Q2P-1","amount":90000},"transaction":{"status":"PENDING","original_request_id":"ID"},"online_to_offline_info":{"payment_code":"73"}}`, "73"},
		"no amount, no id":   {`{"order":{"invoice_number":"WJ-7K4M9Q2P-1"},"transaction":{"status":"PENDING"},"online_to_offline_info":{"payment_code":"73"}}`, "73"},
		"paid already":       {`{"order":{"invoice_number":"WJ-7K4M9Q2P-1","amount":90000},"transaction":{"status":"SUCCESS"},"online_to_offline_info":{"payment_code":"73"}}`, "73"},
		"another invoice":    {`{"order":{"invoice_number":"WJ-7K4M9Q2P-2"},"transaction":{"status":"PENDING","original_request_id":"ID"},"online_to_offline_info":{"payment_code":"73"}}`, ""},
		"another amount":     {`{"order":{"invoice_number":"WJ-7K4M9Q2P-1","amount":90001},"transaction":{"status":"PENDING","original_request_id":"ID"},"online_to_offline_info":{"payment_code":"73"}}`, ""},
		"another request":    {`{"order":{"invoice_number":"WJ-7K4M9Q2P-1"},"transaction":{"status":"PENDING","original_request_id":"x"},"online_to_offline_info":{"payment_code":"73"}}`, ""},
		"no code":            {`{"order":{"invoice_number":"WJ-7K4M9Q2P-1"},"transaction":{"status":"PENDING"}}`, ""},
		"a code of 33":       {`{"order":{"invoice_number":"WJ-7K4M9Q2P-1"},"transaction":{"status":"PENDING"},"online_to_offline_info":{"payment_code":"999999999999999999999999999999999"}}`, ""},
		"no status":          {`{"order":{"invoice_number":"WJ-7K4M9Q2P-1"},"online_to_offline_info":{"payment_code":"73"}}`, ""},
		"not a JSON object ": {`[]`, ""},
	} {
		t.Run(name, func(t *testing.T) {
			client, f, _ := behind(t)
			p := prepare(t, client, request())
			p = jokul.PreparedRequest{RequestID: p.RequestID, Body: p.Body}
			f.next(later["400"])
			f.queries(func(w http.ResponseWriter, r *http.Request) {
				sign(w, r, strings.Replace(tc.answer, `"ID"`, `"`+p.RequestID+`"`, 1))
			})
			code, err := client.GeneratePaymentCode(t.Context(), p)
			if code.Code != tc.want || (err == nil) != (tc.want != "") || err != nil && outcomeOf(err) != jokul.OutcomeUnknown {
				t.Errorf("got %+v, %v; want code %q", code, err, tc.want)
			}
		})
	}
}

// sign answers as the gateway does.
func sign(w http.ResponseWriter, r *http.Request, body string) {
	c := jokul.Component{ClientID: testClientID, RequestID: r.Header.Get(jokul.HeaderRequestID), Timestamp: "2026-11-24T02:00:00Z",
		Target: r.URL.EscapedPath(), Digest: jokul.Digest([]byte(body)), Response: true}
	w.Header().Set(jokul.HeaderClientID, c.ClientID)
	w.Header().Set(jokul.HeaderRequestID, c.RequestID)
	w.Header().Set(jokul.HeaderResponseTimestamp, c.Timestamp)
	w.Header().Set(jokul.HeaderSignature, jokul.Sign(testSecret, c))
	_, _ = w.Write([]byte(body))
}

func outcomeOf(err error) jokul.Outcome {
	var e *jokul.Error
	if !errors.As(err, &e) {
		return ""
	}
	return e.Outcome
}

// Two at once of one request: while the outcome of one is open, the other's
// refusal is not certain.
func TestTwoAtOnce(t *testing.T) {
	client, f, _ := behind(t, jokul.WithRetries(0))
	arrived, answer := make(chan struct{}), make(chan struct{})
	f.next(func(w http.ResponseWriter, r *http.Request) {
		close(arrived)
		<-answer
		f.lost(w, r)
	}, later["400"])
	f.queries(drops)
	p := prepare(t, client, request())
	first := make(chan error)
	go func() {
		_, err := client.GeneratePaymentCode(t.Context(), p)
		first <- err
	}()
	<-arrived
	_, second := client.GeneratePaymentCode(t.Context(), p)
	close(answer)
	for _, err := range []error{<-first, second} {
		if outcomeOf(err) != jokul.OutcomeUnknown {
			t.Errorf("got %v, want outcome unknown", err)
		}
	}
}

// The status queries that settle a call are reported like every other.
func TestSettlingIsObserved(t *testing.T) {
	var kept calls
	client, f, _ := behind(t, jokul.WithRetries(1), jokul.WithObserver(kept.observe))
	f.next(f.lost, later["429"])
	p := prepare(t, client, request())
	if _, err := client.GeneratePaymentCode(t.Context(), p); err != nil {
		t.Fatal(err)
	}
	var told []string
	for _, x := range kept.seen {
		told = append(told, x.Operation+" "+x.InvoiceNumber)
	}
	want := []string{"Generate payment code WJ-7K4M9Q2P-1", "Generate payment code WJ-7K4M9Q2P-1", "Check status " + p.RequestID}
	if !slices.Equal(told, want) {
		t.Errorf("the observer was told of %v, want %v", told, want)
	}
}

// No status query is sent when the time for the call is over.
func TestNoQueryAfterTheDeadline(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	var kept calls
	client, f, _ := behind(t, jokul.WithObserver(kept.observe))
	f.next(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body) // the server sees the caller leave once it has read all
		cancel()
		<-r.Context().Done()
	})
	saved := prepare(t, client, request())
	saved = jokul.PreparedRequest{RequestID: saved.RequestID, Body: saved.Body}
	if _, err := client.GeneratePaymentCode(ctx, saved); outcomeOf(err) != jokul.OutcomeUnknown || !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if len(kept.seen) != 1 {
		t.Errorf("%d calls, want 1", len(kept.seen))
	}
}
