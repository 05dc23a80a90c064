package jokul_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"warungjokul/jokul"
	"warungjokul/jokul/sandbox"
)

// setup gives a client and the real sandbox it speaks to, over a socket.
func setup(t testing.TB, opts ...jokul.Option) (*jokul.Client, *sandbox.Server) {
	t.Helper()
	gateway, err := sandbox.Open(sandbox.Config{ClientID: testClientID, SecretKey: testSecret})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(gateway)
	t.Cleanup(func() { server.Close(); _ = gateway.Close() })
	return newClient(t, append([]jokul.Option{jokul.WithBaseURL(server.URL)}, opts...)...), gateway
}

func request() jokul.PaymentCodeRequest {
	return jokul.PaymentCodeRequest{InvoiceNumber: "WJ-7K4M9Q2P-1", Amount: 90_000, ExpiresIn: time.Hour,
		CustomerName: "Budi Santoso", CustomerEmail: "budi@example.com", Description: "Kopi Gayo 250 g"}
}

func prepare(t testing.TB, c *jokul.Client, r jokul.PaymentCodeRequest) jokul.PreparedRequest {
	t.Helper()
	p, err := c.Prepare(r)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestGeneratePaymentCode(t *testing.T) {
	var mu sync.Mutex
	var seen []jokul.Exchange
	client, gateway := setup(t, jokul.WithObserver(func(_ context.Context, x jokul.Exchange) {
		mu.Lock()
		defer mu.Unlock()
		seen = append(seen, x)
	}))
	ctx := context.Background()
	p := prepare(t, client, request())
	code, err := client.GeneratePaymentCode(ctx, p)
	if err != nil {
		t.Fatal(err)
	}
	if len(code.Code) != 16 || code.InvoiceNumber != "WJ-7K4M9Q2P-1" || code.ExpiresAt.Sub(code.CreatedAt) != time.Hour || code.Replayed {
		t.Errorf("got %+v", code)
	}
	again, err := client.GeneratePaymentCode(ctx, p)
	if err != nil || again.Code != code.Code || !again.Replayed {
		t.Errorf("the same request again: %+v, %v", again, err)
	}
	instructions, err := client.HowToPay(ctx, code.HowToPayAPI)
	if err != nil || len(instructions) != 2 || len(instructions[0].Steps) == 0 {
		t.Errorf("instructions: %+v, %v", instructions, err)
	}
	if _, err := gateway.Pay(ctx, code.Code); err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{"WJ-7K4M9Q2P-1", p.RequestID} {
		got, err := client.CheckStatus(ctx, id)
		if err != nil || got.Status != jokul.TransactionSuccess || got.Amount != 90_000 || got.PaymentCode != code.Code {
			t.Errorf("status by %s: %+v, %v", id, got, err)
		}
	}
	if _, err := client.CheckStatus(ctx, "WJ-NOBODY-1"); !jokul.IsNotFound(err) {
		t.Errorf("unknown invoice number: %v", err)
	}
	mu.Lock()
	defer mu.Unlock()
	if len(seen) != 6 || !seen[0].Verified || !bytes.Equal(seen[0].RequestBody, p.Body) || seen[0].InvoiceNumber != "WJ-7K4M9Q2P-1" {
		t.Errorf("the observer saw %d calls, the first %+v", len(seen), seen[0])
	}
	if s := seen[0].RequestHeader.Get(jokul.HeaderSignature); len(s) > 20 {
		t.Errorf("the observer was given a whole signature: %d characters", len(s))
	}
}

// An answer that was cut short had a signature, too.
func TestNoWholeSignatureOfHalfAnAnswer(t *testing.T) {
	var seen jokul.Exchange
	client, gateway := setup(t, jokul.WithRetries(0), jokul.WithObserver(func(_ context.Context, x jokul.Exchange) { seen = x }))
	spoil(t, gateway, sandbox.AnswerCut, 1)
	if _, err := client.GeneratePaymentCode(t.Context(), prepare(t, client, request())); err == nil {
		t.Fatal("half an answer is no error")
	}
	if s := seen.ResponseHeader.Get(jokul.HeaderSignature); s == "" || len(s) > 20 {
		t.Errorf("the observer was given %q", s)
	}
}

func TestOutcomes(t *testing.T) {
	for answer, want := range map[string]jokul.Outcome{
		"500": jokul.OutcomeUnknown, "503_html": jokul.OutcomeUnknown, "429": jokul.OutcomeUnknown, "drop": jokul.OutcomeUnknown,
		"cut": jokul.OutcomeUnknown, "lost_reply": jokul.OutcomeUnknown, "unsigned": jokul.OutcomeUnknown,
		"wrong_signature": jokul.OutcomeUnknown, "other_invoice": jokul.OutcomeUnknown, "malformed": jokul.OutcomeUnknown,
		"missing_fields": jokul.OutcomeUnknown, "idempotent_request": jokul.OutcomeUnknown,
	} {
		t.Run(answer, func(t *testing.T) {
			client, gateway := setup(t, jokul.WithRetries(0))
			spoil(t, gateway, answer, 1)
			p := prepare(t, client, request())
			code, err := client.GeneratePaymentCode(context.Background(), p)
			var e *jokul.Error
			if !errors.As(err, &e) || e.Outcome != want || e.RequestID != p.RequestID || code != (jokul.PaymentCode{}) {
				t.Fatalf("got %+v, %v; want outcome %s", code, err, want)
			}
			if strings.Contains(err.Error(), testSecret) || strings.Contains(err.Error(), "HMACSHA256") {
				t.Errorf("a secret in an error: %v", err)
			}
			if code, err = client.GeneratePaymentCode(context.Background(), p); err != nil || code.Code == "" {
				t.Errorf("the same request again: %+v, %v", code, err)
			}
		})
	}
	t.Run("a Request-Id that is too long", func(t *testing.T) {
		client, _ := setup(t)
		p := prepare(t, client, request())
		p.RequestID = strings.Repeat("x", 129)
		var e *jokul.Error
		if _, err := client.GeneratePaymentCode(context.Background(), p); !errors.As(err, &e) || e.Outcome != jokul.OutcomeMisconfigured {
			t.Errorf("got %v, want %s", err, jokul.OutcomeMisconfigured)
		}
	})
	t.Run("duplicate invoice number", func(t *testing.T) {
		client, _ := setup(t)
		if _, err := client.GeneratePaymentCode(context.Background(), prepare(t, client, request())); err != nil {
			t.Fatal(err)
		}
		var e *jokul.Error
		_, err := client.GeneratePaymentCode(context.Background(), prepare(t, client, request()))
		if !errors.As(err, &e) || e.Outcome != jokul.OutcomeRefused || e.Code != jokul.CodeDuplicateInvoice {
			t.Errorf("got %v, want %s", err, jokul.CodeDuplicateInvoice)
		}
	})
	t.Run("cancelled", func(t *testing.T) {
		client, _ := setup(t)
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		if _, err := client.GeneratePaymentCode(ctx, prepare(t, client, request())); !errors.Is(err, context.Canceled) {
			t.Errorf("got %v, want context.Canceled", err)
		}
	})
}

func TestPrepareRefuses(t *testing.T) {
	client := newClient(t)
	for field, change := range map[string]func(*jokul.PaymentCodeRequest){
		"order.invoice_number":                  func(r *jokul.PaymentCodeRequest) { r.InvoiceNumber = "WJ/1" },
		"order.amount":                          func(r *jokul.PaymentCodeRequest) { r.Amount = 9_999 },
		"online_to_offline_info.expired_time":   func(r *jokul.PaymentCodeRequest) { r.ExpiresIn = 90 * time.Second },
		"online_to_offline_info.info":           func(r *jokul.PaymentCodeRequest) { r.Info = strings.Repeat("x", 33) },
		"customer.name":                         func(r *jokul.PaymentCodeRequest) { r.CustomerName = "" },
		"customer.email":                        func(r *jokul.PaymentCodeRequest) { r.CustomerEmail = "büdi@example.com" },
		"indomaret_info.receipt.description":    func(r *jokul.PaymentCodeRequest) { r.Description = "a\nb" },
		"indomaret_info.receipt.footer_message": func(r *jokul.PaymentCodeRequest) { r.FooterMessage = strings.Repeat("x", 256) },
	} {
		r := request()
		change(&r)
		var e *jokul.FieldError
		if _, err := client.Prepare(r); !errors.As(err, &e) || e.Field != field {
			t.Errorf("got %v, want an error of %s", err, field)
		}
	}
}

// Addresses in a message must not send the client anywhere but to the gateway.
func TestHowToPayAsksTheGatewayOnly(t *testing.T) {
	asked := false
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked = true }))
	defer other.Close()
	client, _ := setup(t)
	for _, address := range []string{other.URL, "http://api.doku.com/x", "https://doku.com.example/x", "https://u@api.doku.com/x",
		"https://api.doku.com:8443/x", "file:///etc/passwd", "", "://"} {
		if _, err := client.HowToPay(context.Background(), address); err == nil {
			t.Errorf("asked %q", address)
		}
	}
	if asked {
		t.Error("a stranger was asked")
	}
}

func TestTillText(t *testing.T) {
	for in, want := range map[string]string{"  José\tÑandú ": "Jose Nandu", "王小明": "", "“Siti” – R’": `"Siti" - R'`, strings.Repeat("é", 70): strings.Repeat("e", 64)} {
		if got := jokul.TillText(in, 64); got != want {
			t.Errorf("%q: got %q, want %q", in, got, want)
		}
	}
}

// Calls made at once keep their connections for those that come after.
func TestConnectionsAreKept(t *testing.T) {
	const atOnce = 32
	arrived, answer := make(chan struct{}), make(chan struct{})
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		arrived <- struct{}{}
		<-answer
		w.WriteHeader(http.StatusNotFound)
		_, _ = io.WriteString(w, `{"error":{"code":"data_not_found","message":"Transaction not found"}}`)
	}))
	var opened atomic.Int64
	server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			opened.Add(1)
		}
	}
	server.Start()
	defer server.Close()
	client := newClient(t, jokul.WithBaseURL(server.URL))
	for range 3 {
		var calls sync.WaitGroup
		for range atOnce {
			calls.Go(func() {
				if _, err := client.CheckStatus(t.Context(), "WJ-1"); !jokul.IsNotFound(err) {
					t.Error(err)
				}
			})
		}
		for range atOnce {
			<-arrived
		}
		for range atOnce {
			answer <- struct{}{}
		}
		calls.Wait()
	}
	if n := opened.Load(); n != atOnce {
		t.Errorf("%d connections for %d calls at once, three times", n, atOnce)
	}
}

// Only the gateway's own addresses are linked to or fetched.
func TestIsGateway(t *testing.T) {
	client, err := jokul.New("MCH-1", "SK-1", jokul.WithBaseURL("http://127.0.0.1:8081"))
	if err != nil {
		t.Fatal(err)
	}
	longest := "https://jokul.doku.com/" + strings.Repeat("a", 2048-len("https://jokul.doku.com/"))
	for address, want := range map[string]bool{
		"http://127.0.0.1:8081/how-to-pay/1": true,
		"https://jokul.doku.com/how-to-pay":  true,
		"https://sandbox.doku.com/x?y=z":     true,
		longest:                              true,
		longest + "a":                        false,
		"":                                   false,
		"/how-to-pay":                        false,
		"//jokul.doku.com/x":                 false,
		"http://jokul.doku.com/x":            false,
		"https://jokul.doku.com:8443/x":      false,
		"https://doku.com.evil.example/x":    false,
		"https://evildoku.com/x":             false,
		"https://jokul.doku.com@evil.test/x": false,
		"https://me@jokul.doku.com/x":        false,
		`https://evil.test\.doku.com/x`:      false,
		"https://evil.test%2f.doku.com/x":    false,
		"javascript:alert(1)//.doku.com":     false,
		"http://127.0.0.1:8082/x":            false,
		"https://jokul.doku.com/\r\nx":       false,
	} {
		if got := client.IsGateway(address); got != want {
			t.Errorf("%.60q: %v, want %v", address, got, want)
		}
	}
}
