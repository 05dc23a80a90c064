package jokul_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"warungjokul/jokul"
	"warungjokul/jokul/sandbox"
)

// Every failed call is an *Error, whatever it failed by.
func TestEveryFailedCallIsAnError(t *testing.T) {
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	nobody := httptest.NewServer(nil)
	nobody.Close()
	for name, answer := range later {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			client, f, _ := behind(t, jokul.WithRetries(0))
			f.next(answer, answer) // some are answered with a send under another clock
			f.queries(answer)
			every(t, t.Context(), client, f.address)
		})
	}
	for name, answer := range map[string]http.HandlerFunc{
		"200 and HTML":       says(200, `<html>Hello</html>`),
		"200 without a word": says(200, ``),
		"200 and no answer":  says(200, `{}`),
		"204":                says(204, ``),
		"302":                says(302, ``),
		"signed nonsense":    func(w http.ResponseWriter, r *http.Request) { sign(w, r, `[1]`) },
		"a large answer":     says(200, strings.Repeat(" ", 2<<20)),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			client, f, _ := behind(t, jokul.WithRetries(0))
			f.next(answer, answer) // some are answered with a send under another clock
			f.queries(answer)
			every(t, t.Context(), client, f.address)
		})
	}
	t.Run("nobody there", func(t *testing.T) {
		every(t, t.Context(), newClient(t, jokul.WithBaseURL(nobody.URL), jokul.WithRetries(0)), nobody.URL)
	})
	t.Run("cancelled", func(t *testing.T) {
		client, f, _ := behind(t)
		every(t, gone, client, f.address)
	})
	t.Run("not to be sent", func(t *testing.T) {
		client, _, _ := behind(t, jokul.WithObserver(func(context.Context, jokul.Exchange) { t.Error("something was sent") }))
		for _, body := range []string{``, `x`, `{}`, `[]`, `{"order":{"amount":1}}`} {
			p := jokul.PreparedRequest{RequestID: "r-1", Body: []byte(body)}
			if _, err := client.GeneratePaymentCode(t.Context(), p.NeverSent()); outcomeOf(err) != jokul.OutcomeRefused {
				t.Errorf("%q: %v", body, err)
			}
			if _, err := client.GeneratePaymentCode(t.Context(), p); outcomeOf(err) != jokul.OutcomeUnknown {
				t.Errorf("%q, sent before: %v", body, err)
			}
		}
		if _, err := client.HowToPay(t.Context(), "https://example.com/"); outcomeOf(err) != jokul.OutcomeRefused {
			t.Errorf("another's address: %v", err)
		}
	})
}

// every makes each kind of call, all of which are to fail.
func every(t *testing.T, ctx context.Context, client *jokul.Client, address string) {
	t.Helper()
	_, generating := client.GeneratePaymentCode(ctx, prepare(t, client, request()))
	_, checking := client.CheckStatus(ctx, "INV-1")
	_, reading := client.HowToPay(ctx, address+"/orders/v1/status/how-to-pay")
	for call, err := range map[string]error{"GeneratePaymentCode": generating, "CheckStatus": checking, "HowToPay": reading} {
		if outcomeOf(err) == "" {
			// "200 and no answer" is a list of no instructions.
			if call == "HowToPay" && err == nil {
				continue
			}
			t.Errorf("%s: got %v, want an *Error", call, err)
		}
	}
}

// A 4xx counts as the gateway's only if it is in one of its envelopes: a proxy or a
// firewall knows nothing of a code.
func TestOnlyTheGatewayRefuses(t *testing.T) {
	for name, tc := range map[string]struct {
		answer http.HandlerFunc
		want   jokul.Outcome
	}{
		"HTML":                     {says(403, `<html><h1>403 Forbidden</h1></html>`), jokul.OutcomeUnknown},
		"nothing":                  {says(400, ``), jokul.OutcomeUnknown},
		"a word":                   {says(401, `Unauthorized`), jokul.OutcomeUnknown},
		"404 of a proxy":           {says(404, "404 page not found\n"), jokul.OutcomeUnknown},
		"405 of a proxy":           {says(405, ``), jokul.OutcomeUnknown},
		"413 of a proxy":           {says(413, `<html>Request Entity Too Large</html>`), jokul.OutcomeUnknown},
		"JSON of something else":   {says(403, `{"status":403,"reason":"blocked","ray":"8a1"}`), jokul.OutcomeUnknown},
		"a framework's JSON":       {says(400, `{"timestamp":"2026-11-24T02:00:00Z","status":400,"error":"Bad Request","path":"/x"}`), jokul.OutcomeUnknown},
		"an empty envelope":        {says(400, `{"error":{},"message":""}`), jokul.OutcomeUnknown},
		"a list":                   {says(400, `["no"]`), jokul.OutcomeUnknown},
		"API Gateway":              {says(403, `{"message":"Forbidden"}`), jokul.OutcomeUnknown},
		"API Gateway, no message":  {says(403, `{"message":null}`), jokul.OutcomeUnknown},
		"API Gateway, 401":         {says(401, `{"message":"Unauthorized"}`), jokul.OutcomeUnknown},
		"API Gateway, 413":         {says(413, `{"message":"Request Too Long"}`), jokul.OutcomeUnknown},
		"Kong":                     {says(404, `{"message":"no Route matched with those values"}`), jokul.OutcomeUnknown},
		"a firewall's code":        {says(400, `{"error":{"code":"1020","message":"Access denied"}}`), jokul.OutcomeUnknown},
		"a firewall's message":     {says(400, `{"error":{"message":"Access denied"}}`), jokul.OutcomeUnknown},
		"a firewall's type":        {says(400, `{"error":{"code":"waf","message":"Access denied","type":"access_denied"}}`), jokul.OutcomeUnknown},
		"a framework's list":       {says(400, `{"statusCode":400,"message":["no"],"error":"Bad Request"}`), jokul.OutcomeUnknown},
		"a list of 403":            {says(403, `{"message":["no"]}`), jokul.OutcomeUnknown},
		"a code we do not know":    {says(400, `{"error":{"code":"something_new"}}`), jokul.OutcomeUnknown},
		"403 with a code":          {says(403, `{"error":{"code":"not_allowed","message":"no"}}`), jokul.OutcomeUnknown},
		"different data":           {says(400, `{"error":{"message":"different request data"}}`), jokul.OutcomeUnknown},
		"a new code, in full":      {says(400, `{"error":{"code":"something_new","message":"no","type":"invalid_request_error"}}`), jokul.OutcomeRefused},
		"403, in full":             {says(403, `{"error":{"code":"not_allowed","message":"no","type":"invalid_request_error"}}`), jokul.OutcomeMisconfigured},
		"a message":                {says(400, `{"error":{"message":"customer is required"}}`), jokul.OutcomeRefused},
		"messages":                 {says(400, `{"message":["PAYMENT CHANNEL IS INACTIVE"]}`), jokul.OutcomeRefused},
		"error_messages":           {says(400, `{"error_messages":["no"]}`), jokul.OutcomeRefused},
		"no route":                 {says(404, `{"message":"No static resource x."}`), jokul.OutcomeRefused},
		"signed, without envelope": {func(w http.ResponseWriter, r *http.Request) { sign(status{w, 400}, r, `{"reason":"no"}`) }, jokul.OutcomeRefused},
		"our signature":            {says(400, `{"error":{"code":"invalid_signature"}}`), jokul.OutcomeMisconfigured},
		"our Client-Id":            {says(401, `{"error":{"code":"invalid_client_id"}}`), jokul.OutcomeMisconfigured},
		"not JSON, it says":        {says(400, `{"error":{"message":"Invalid JSON Format"}}`), jokul.OutcomeRefused},
		"a field's message":        {says(400, `{"error":{"message":"customer.email is not valid"}}`), jokul.OutcomeRefused},
	} {
		t.Run(name, func(t *testing.T) {
			client, f, _ := behind(t, jokul.WithRetries(0))
			f.next(tc.answer)
			if _, err := client.GeneratePaymentCode(t.Context(), prepare(t, client, request())); outcomeOf(err) != tc.want {
				t.Errorf("GeneratePaymentCode: got %v, want outcome %s", err, tc.want)
			}
			f.queries(tc.answer)
			if _, err := client.CheckStatus(t.Context(), "INV-1"); outcomeOf(err) != tc.want || jokul.IsNotFound(err) != (name == "no route") {
				t.Errorf("CheckStatus: got %v, want outcome %s", err, tc.want)
			}
		})
	}
}

// status answers with a status of its own.
type status struct {
	http.ResponseWriter
	code int
}

func (s status) Write(b []byte) (int, error) { s.WriteHeader(s.code); return s.ResponseWriter.Write(b) }

// deadlines notes by when each send must be over.
type deadlines struct {
	sends []time.Time
	http.RoundTripper
}

func (d *deadlines) RoundTrip(r *http.Request) (*http.Response, error) {
	by, _ := r.Context().Deadline()
	d.sends = append(d.sends, by)
	return d.RoundTripper.RoundTrip(r)
}

// Repeats, pauses and status queries are within one deadline, MaxCallTime after the
// call began, or the caller's where that is sooner; a longer timeout of the HTTP
// client does not stretch it.
func TestTotalTimeIsBounded(t *testing.T) {
	for name, call := range map[string]func(context.Context, *jokul.Client, string) error{
		"GeneratePaymentCode": func(ctx context.Context, c *jokul.Client, _ string) error {
			_, err := c.GeneratePaymentCode(ctx, prepare(t, c, request()))
			return err
		},
		"CheckStatus": func(ctx context.Context, c *jokul.Client, _ string) error {
			_, err := c.CheckStatus(ctx, "INV-1")
			return err
		},
		"HowToPay": func(ctx context.Context, c *jokul.Client, address string) error {
			_, err := c.HowToPay(ctx, address+"/how-to-pay")
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var seen deadlines
			seen.RoundTripper = http.DefaultTransport
			client, f, _ := behind(t, jokul.WithRetries(1), jokul.WithHTTPClient(&http.Client{Transport: &seen, Timeout: time.Hour}))
			f.next(later["500"], later["500"])
			f.queries(later["500"])
			before := time.Now()
			if err := call(t.Context(), client, f.address); err == nil {
				t.Fatal("no error")
			}
			if len(seen.sends) < 2 {
				t.Fatalf("%d sends", len(seen.sends))
			}
			for i, by := range seen.sends {
				if !by.Equal(seen.sends[0]) || by.Before(before) || by.After(time.Now().Add(jokul.MaxCallTime)) {
					t.Errorf("send %d has until %s, the first until %s", i+1, by, seen.sends[0])
				}
			}
			if name == "GeneratePaymentCode" && len(seen.sends) != 3 {
				t.Errorf("%d sends, want 2 and a status query", len(seen.sends))
			}
			sooner, cancel := context.WithTimeout(t.Context(), jokul.MaxCallTime/2)
			defer cancel()
			seen.sends = nil
			f.next(later["500"], later["500"])
			if err := call(sooner, client, f.address); err == nil {
				t.Fatal("no error")
			}
			for _, by := range seen.sends {
				if want, _ := sooner.Deadline(); !by.Equal(want) {
					t.Errorf("a send has until %s, the caller gave until %s", by, want)
				}
			}
		})
	}
}

// An observer may do with what it is given what it likes.
func TestAnObserverHasACopy(t *testing.T) {
	spoilt := func(_ context.Context, x jokul.Exchange) {
		for _, h := range []http.Header{x.RequestHeader, x.ResponseHeader} {
			for name := range h {
				h[name][0] = "spoilt"
			}
			if h != nil {
				h.Set("Retry-After", "4")
			}
		}
		for _, b := range [][]byte{x.RequestBody, x.ResponseBody} {
			for i := range b {
				b[i] = 'x'
			}
		}
		var e *jokul.Error
		if errors.As(x.Err, &e) {
			e.Outcome = jokul.OutcomeRefused
		}
	}
	slow := jokul.WithClock(func() time.Time { return time.Now().Add(-2 * time.Hour) }) // mended by a header of an answer
	client, f, gateway := behind(t, jokul.WithObserver(spoilt), slow)
	var bodies [][]byte
	pass := func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		bodies = append(bodies, body)
		if len(bodies) < 3 { // the third is out of time, the fourth is not
			drops(w, r)
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		f.gateway.ServeHTTP(w, r)
	}
	f.next(pass, pass, pass, pass)
	p := prepare(t, client, request())
	saved := bytes.Clone(p.Body)
	code, err := client.GeneratePaymentCode(t.Context(), p)
	if err != nil || code.InvoiceNumber != request().InvoiceNumber || !bytes.Equal(p.Body, saved) {
		t.Fatalf("got %+v, %v, and the request is now %s", code, err, p.Body)
	}
	for _, body := range bodies {
		if !bytes.Equal(body, saved) {
			t.Errorf("sent %s", body)
		}
	}
	t1, err := client.CheckStatus(t.Context(), p.RequestID)
	if err != nil || t1.PaymentCode != code.Code {
		t.Errorf("got %+v, %v", t1, err)
	}
	spoil(t, gateway, sandbox.Answer500, 0)
	if _, err := client.CheckStatus(t.Context(), "INV-1"); outcomeOf(err) != jokul.OutcomeUnknown {
		t.Errorf("the observer changed the error: %v", err)
	}
}

// Ids that a path cannot hold as they are are an error of their own, and nothing is
// sent; those that it can are signed as they are sent.
func TestCheckStatusIDs(t *testing.T) {
	var kept calls
	client, _, _ := behind(t, jokul.WithObserver(kept.observe))
	for _, id := range []string{"", " ", "A/1", "A?1", "A#1", "A%1", "A%2F1", "A 1", "é", "A\n", "A\x00", ".", "..", "A,1", "A\\1", strings.Repeat("9", 129)} {
		_, err := client.CheckStatus(t.Context(), id)
		if !errors.Is(err, jokul.ErrInvalidID) || outcomeOf(err) != jokul.OutcomeRefused || jokul.IsNotFound(err) {
			t.Errorf("%q: got %v, want ErrInvalidID", id, err)
		}
	}
	if len(kept.seen) != 0 {
		t.Errorf("%d calls were made", len(kept.seen))
	}
	for _, invoice := range []string{"INV_2021.0001~a-b", "...", "~", "_", "A.", strings.Repeat("9", 64)} {
		r := request()
		r.InvoiceNumber = invoice
		code, err := client.GeneratePaymentCode(t.Context(), prepare(t, client, r))
		if err != nil {
			t.Fatalf("%s: %v", invoice, err)
		}
		if told, err := client.CheckStatus(t.Context(), invoice); err != nil || told.PaymentCode != code.Code {
			t.Errorf("%s: got %+v, %v", invoice, told, err)
		}
	}
	for _, id := range []string{"A:1", "A@1", "A+1", "A=1", "A&1", "$"} {
		if _, err := client.CheckStatus(t.Context(), id); !jokul.IsNotFound(err) {
			t.Errorf("%s: got %v, want not found", id, err)
		}
	}
}

// What the sandbox refuses of a body, Prepare has refused.
func TestPrepareRefusesWhatTheGatewayRefuses(t *testing.T) {
	client, _ := setup(t)
	good := prepare(t, client, request())
	for name, tc := range map[string]struct{ old, bad string }{
		"blank name":                   {"Budi Santoso", "   "},
		"no name":                      {"Budi Santoso", ""},
		"a control character":          {"Budi Santoso", `Budi\u0007`},
		"a long name":                  {"Budi Santoso", strings.Repeat("n", 65)},
		"blank description":            {"Kopi Gayo 250 g", " "},
		"no description":               {"Kopi Gayo 250 g", ""},
		"an email without @":           {"budi@example.com", "budi.example.com"},
		"an email with a name":         {"budi@example.com", "Budi <budi@example.com>"},
		"a blank email":                {"budi@example.com", " "},
		"two emails":                   {"budi@example.com", "a@example.com, b@example.com"},
		"no invoice number":            {"WJ-7K4M9Q2P-1", ""},
		"a blank invoice number":       {"WJ-7K4M9Q2P-1", " "},
		"a long invoice number":        {"WJ-7K4M9Q2P-1", strings.Repeat("9", 65)},
		"an invoice number of 2 lines": {"WJ-7K4M9Q2P-1", `WJ\n1`},
	} {
		r := request()
		bad := strings.NewReplacer(`\u0007`, "\a", `\n`, "\n").Replace(tc.bad)
		for _, field := range []*string{&r.CustomerName, &r.Description, &r.CustomerEmail, &r.InvoiceNumber} {
			if *field == tc.old {
				*field = bad
			}
		}
		var refused *jokul.FieldError
		if _, err := client.Prepare(r); !errors.As(err, &refused) {
			t.Errorf("%s: Prepare says %v", name, err)
		}
		p := jokul.PreparedRequest{RequestID: jokul.NewRequestID(), Body: bytes.Replace(good.Body, []byte(tc.old), []byte(tc.bad), 1)}
		if _, err := client.GeneratePaymentCode(t.Context(), p.NeverSent()); outcomeOf(err) != jokul.OutcomeRefused {
			t.Errorf("%s: the gateway says %v", name, err)
		}
	}
}

// The life of a code is a difference of two of the gateway's dates, so its clock
// does not matter; and what was asked for is known from the request alone.
func TestValidFor(t *testing.T) {
	for name, offset := range map[string]time.Duration{"same clock": 0, "five hours slow": -5 * time.Hour, "five hours fast": 5 * time.Hour} {
		gateway, err := sandbox.Open(sandbox.Config{ClientID: testClientID, SecretKey: testSecret,
			Now: func() time.Time { return time.Now().Add(offset) }})
		if err != nil {
			t.Fatal(err)
		}
		server := httptest.NewServer(gateway)
		defer server.Close()
		client := newClient(t, jokul.WithBaseURL(server.URL), jokul.WithClock(func() time.Time { return time.Now().Add(offset) }))
		p := prepare(t, client, request())
		for range 2 { // the second is a replay
			code, err := client.GeneratePaymentCode(t.Context(), p)
			if err != nil || code.ValidFor() != time.Hour || p.ExpiresIn() != time.Hour {
				t.Fatalf("%s: %+v, %v", name, code, err)
			}
			if age := code.AnsweredAt.Sub(code.CreatedAt); age < 0 || age > time.Minute {
				t.Errorf("%s: the code was %s old when it was told", name, age)
			}
		}
	}
	noon := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	for want, code := range map[time.Duration]jokul.PaymentCode{
		time.Minute:  {CreatedAt: noon, ExpiresAt: noon.Add(time.Minute)},
		-time.Minute: {CreatedAt: noon, ExpiresAt: noon.Add(-time.Minute)},
		time.Second:  {AnsweredAt: noon, ExpiresAt: noon.Add(time.Second)},
		time.Hour:    {CreatedAt: noon, AnsweredAt: noon.Add(time.Minute), ExpiresAt: noon.Add(time.Hour)},
		0:            {ExpiresAt: noon},
	} {
		if got := code.ValidFor(); got != want {
			t.Errorf("%+v: got %s, want %s", code, got, want)
		}
	}
	if got := (jokul.PaymentCode{CreatedAt: noon}).ValidFor(); got != 0 {
		t.Errorf("no expiry: %s", got)
	}
	client := newClient(t)
	r := request()
	r.ExpiresIn = 0
	if got := prepare(t, client, r).ExpiresIn(); got != time.Hour {
		t.Errorf("left to the gateway: %s, want its 60 minutes", got)
	}
	if got := (jokul.PreparedRequest{Body: []byte("x")}).ExpiresIn(); got != 0 {
		t.Errorf("no request: %s", got)
	}
}
