package jokul

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

// Every envelope of docs/protocol.md section 6, and what is none.
var errorBodies = map[string]struct{ body, code, message string }{
	"direct channels":       {`{"error":{"code":"invalid_signature","message":"Invalid Header Signature","type":"invalid_request_error"}}`, "invalid_signature", "Invalid Header Signature"},
	"body validation":       {`{"error":{"message":"customer is required"}}`, "", "customer is required"},
	"message in a list":     {`{"error":{"code":"x","message":["a","b"]}}`, "x", "a; b"},
	"business errors":       {`{"message":["PAYMENT CHANNEL IS INACTIVE"]}`, "", "PAYMENT CHANNEL IS INACTIVE"},
	"error messages":        {`{"error_messages":["one","two"]}`, "", "one; two"},
	"no route":              {`{"message":"No static resource x."}`, "", "No static resource x."},
	"error as text":         {`{"error":"Bad Request"}`, "", "Bad Request"},
	"code as number":        {`{"error":{"code":4001,"message":"no"}}`, "4001", "no"},
	"nothing said":          {`{"error":{"code":null,"message":null}}`, "", ""},
	"error of another kind": {`{"error":[{}],"message":{"a":1}}`, "", ""},
	"HTML":                  {`<html><body><h1>503</h1></body></html>`, "", ""},
	"cut short":             {`{"error":{"code":"invalid_sig`, "", ""},
	"empty":                 {``, "", ""},
	"null":                  {`null`, "", ""},
	"a list":                {`["x"]`, "", ""},
	"not UTF-8":             {"{\"message\":\"a\xff\xfeb\"}", "", "a\uFFFD\uFFFDb"},
}

func TestDecodeErrorReadsEveryEnvelope(t *testing.T) {
	for name, tc := range errorBodies {
		e := decodeError(&Exchange{Status: http.StatusBadRequest, RequestID: "r-1", ResponseBody: []byte(tc.body)})
		if e.Code != tc.code || e.Message != tc.message || e.HTTPStatus != 400 || e.RequestID != "r-1" {
			t.Errorf("%s: got %+v, want code %q, message %q", name, e, tc.code, tc.message)
		}
		if !strings.Contains(e.Error(), "r-1") {
			t.Errorf("%s: %q does not name the Request-Id", name, e)
		}
	}
}

// The table of docs/protocol.md section 6: what each answer means for the thing
// that was asked.
func TestOutcomeOfEveryAnswer(t *testing.T) {
	for _, tc := range []struct {
		status int
		code   string
		want   Outcome
	}{
		{400, CodeInvalidHeader, OutcomeMisconfigured}, {401, CodeInvalidHeader, OutcomeMisconfigured},
		{400, CodeTimeOutOfRange, OutcomeMisconfigured}, {400, CodeInvalidClientID, OutcomeMisconfigured},
		{400, CodeInvalidSignature, OutcomeMisconfigured}, {401, CodeInvalidSignature, OutcomeMisconfigured},
		{401, "", OutcomeMisconfigured}, {403, "", OutcomeMisconfigured},
		{400, "", OutcomeRefused}, {400, CodeDuplicateInvoice, OutcomeRefused}, {404, CodeTransactionNotFound, OutcomeRefused},
		{405, "", OutcomeRefused}, {422, "", OutcomeRefused},
		{400, CodeIdempotentRequest, OutcomeUnknown}, {409, CodeIdempotentRequest, OutcomeUnknown}, {409, "", OutcomeUnknown},
		{408, "", OutcomeUnknown}, {429, "", OutcomeUnknown}, {500, "", OutcomeUnknown}, {502, "", OutcomeUnknown},
		{503, "", OutcomeUnknown}, {500, CodeInvalidSignature, OutcomeUnknown}, {301, "", OutcomeUnknown}, {200, "", OutcomeUnknown},
	} {
		if got := outcome(tc.status, tc.code, true); got != tc.want {
			t.Errorf("HTTP %d %s: got %s, want %s", tc.status, tc.code, got, tc.want)
		}
		if got := outcome(tc.status, "", false); got != OutcomeUnknown {
			t.Errorf("HTTP %d that is not the gateway's: got %s", tc.status, got)
		}
	}
}

// The pause before a repeat, as WithRetries has it.
func TestPauses(t *testing.T) {
	const ms = time.Millisecond
	for sent, longest := range []time.Duration{1: 300 * ms, 2: 600 * ms, 3: 1200 * ms, 4: 2400 * ms, 5: 4800 * ms, 6: 5000 * ms, 10: 5000 * ms} {
		if longest == 0 {
			continue
		}
		for range 200 {
			if got := pauseAfter(sent, ""); got > longest || got < longest/2 {
				t.Fatalf("after %d sends: %s, want %s to %s", sent, got, longest/2, longest)
			}
		}
	}
	for retryAfter, want := range map[string]time.Duration{"1": 1000 * ms, "5": 5000 * ms, "6": 5000 * ms, "9223372036854775807": 5000 * ms} {
		if got := pauseAfter(1, retryAfter); got != want {
			t.Errorf("Retry-After %s: %s, want %s", retryAfter, got, want)
		}
	}
	for _, retryAfter := range []string{"0", "-1", "soon", "Wed, 21 Oct 2026 07:28:00 GMT"} {
		if got := pauseAfter(1, retryAfter); got > 300*ms {
			t.Errorf("Retry-After %s: %s", retryAfter, got)
		}
	}
}

func FuzzDecodeError(f *testing.F) {
	for _, tc := range errorBodies {
		f.Add(400, []byte(tc.body))
	}
	f.Add(409, []byte(`{"error":{"code":"idempotent_request"}}`))
	f.Fuzz(func(t *testing.T, status int, body []byte) {
		e := decodeError(&Exchange{Status: status, RequestID: "r-1", ResponseBody: body})
		if e == nil || e.Outcome == "" || e.RequestID != "r-1" || e.HTTPStatus != status {
			t.Fatalf("got %+v", e)
		}
		if utf8.RuneCountInString(e.Message) > maxErrorMessage || !utf8.ValidString(e.Message) {
			t.Fatalf("message of %d characters, valid %v", utf8.RuneCountInString(e.Message), utf8.ValidString(e.Message))
		}
	})
}

// wrap is a create answer with these members of online_to_offline_info.
func wrap(info string) string {
	return `{"order":{"invoice_number":"INV-1"},"online_to_offline_info":{` + info + `}}`
}

// docs/protocol.md section 5.
func TestDecodePaymentCode(t *testing.T) {
	const (
		utc = `"payment_code":"1","created_date_utc":"2021-06-24T07:10:49Z","expired_date_utc":"2021-06-24T08:10:49Z"`
		wib = `"payment_code":"1","created_date":"20210624141049","expired_date":"20210624151049"`
	)
	created, expires := time.Date(2021, 6, 24, 7, 10, 49, 0, time.UTC), time.Date(2021, 6, 24, 8, 10, 49, 0, time.UTC)
	for name, tc := range map[string]struct {
		info             string
		created, expires time.Time
	}{
		"both dates":              {utc + `,` + wib[len(`"payment_code":"1",`):], created, expires},
		"UTC only":                {utc, created, expires},
		"compact dates, as WIB":   {wib, created, expires},
		"compact dates, unquoted": {`"payment_code":"1","created_date":20210624141049,"expired_date":20210624151049`, created, expires},
		"an offset":               {`"payment_code":"1","expired_date_utc":"2021-06-24T15:10:49+07:00"`, time.Time{}, expires},
		"no dates":                {`"payment_code":"1"`, time.Time{}, time.Time{}},
		"null dates":              {`"payment_code":"1","expired_date_utc":null,"expired_date":""`, time.Time{}, time.Time{}},
		"the earlier counts":      {`"payment_code":"1","expired_date_utc":"2021-06-24T09:10:49Z","expired_date":"20210624151049"`, time.Time{}, expires},
		"the earlier counts, too": {`"payment_code":"1","expired_date_utc":"2021-06-24T08:10:49Z","expired_date":"20210624161049"`, time.Time{}, expires},
	} {
		code, err := decodePaymentCode([]byte(wrap(tc.info)))
		if err != nil || !code.CreatedAt.Equal(tc.created) || !code.ExpiresAt.Equal(tc.expires) {
			t.Errorf("%s: got %s to %s, %v; want %s to %s", name, code.CreatedAt, code.ExpiresAt, err, tc.created, tc.expires)
		}
	}
}

// A payment code is text: its leading zeros, and any length up to 32.
func TestPaymentCodeIsText(t *testing.T) {
	for in, want := range map[string]string{`"0000123"`: "0000123", `"73"`: "73", `8888888844445555`: "8888888844445555",
		`"` + strings.Repeat("9", 32) + `"`: strings.Repeat("9", 32)} {
		if code, err := decodePaymentCode([]byte(wrap(`"payment_code":` + in))); err != nil || code.Code != want {
			t.Errorf("%s: got %q, %v", in, code.Code, err)
		}
	}
	for name, body := range map[string]string{
		"no code":              wrap(``),
		"null code":            wrap(`"payment_code":null`),
		"empty code":           wrap(`"payment_code":""`),
		"33 characters":        wrap(`"payment_code":"` + strings.Repeat("9", 33) + `"`),
		"a line break":         wrap(`"payment_code":"12\n34"`),
		"no invoice number":    `{"online_to_offline_info":{"payment_code":"1"}}`,
		"nothing":              ``,
		"a list":               `[]`,
		"info of another kind": `{"order":{"invoice_number":"INV-1"},"online_to_offline_info":"x"}`,
	} {
		if code, err := decodePaymentCode([]byte(body)); !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: got %+v, %v; want ErrMalformed", name, code, err)
		}
	}
}

// Whole rupiah, exactly, from a number or a string; nothing else is money.
func TestAmounts(t *testing.T) {
	for in, want := range map[string]int64{`150000`: 150_000, `"150000"`: 150_000, `150000.00`: 150_000, `"150000.0"`: 150_000,
		`"000150000"`: 150_000, `0`: 0, `999999999999`: 999_999_999_999, `" 39000 "`: 39_000, `20000.`: -1, `150000.50`: -1, `"150.000"`: 150,
		`"150,000"`: -1, `1e5`: -1, `-1`: -1, `1000000000000`: -1, `"Rp 5"`: -1, `null`: -1, `""`: -1, `true`: -1, `[5]`: -1, `{}`: -1} {
		if !strings.HasSuffix(in, ".") { // not JSON
			var o struct {
				Amount loose `json:"amount"`
			}
			if err := read([]byte(`{"amount":`+in+`}`), &o); err != nil {
				t.Fatal(err)
			}
			got, ok := o.Amount.amount()
			if !ok {
				got = -1
			}
			if got != want {
				t.Errorf("%s: got %d, want %d", in, got, want)
			}
		}
	}
}

func FuzzDecodeResponse(f *testing.F) {
	f.Add([]byte(wrap(`"payment_code":"1","created_date_utc":"2021-06-24T07:10:49Z","expired_date":"20210624151049"`)))
	f.Add([]byte(`{"order":{"invoice_number":"INV-1","amount":"150000.00"},"transaction":{"status":"SUCCESS"},"service":{"id":null}}`))
	f.Add([]byte(`{"payment_instruction":[{"channel":"Indomaret","language":"ID","step":["a","b"]},{"step":3}]}`))
	f.Add([]byte(`{"online_to_offline_payment":{"identifer":[{"name":"A","value":1}]}}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		if code, err := decodePaymentCode(body); err == nil && (code.Code == "" || len(code.Code) > 32 || code.InvoiceNumber == "") {
			t.Fatalf("code %+v", code)
		}
		tr, err := decodeTransaction(body)
		if err == nil && (tr.InvoiceNumber == "" || tr.Status == "" || tr.Amount < 0 || tr.Amount > maxAmountField) {
			t.Fatalf("transaction %+v", tr)
		}
		list, _ := decodeInstructions(body)
		for _, in := range list {
			if len(list) > maxInstructions || len(in.Steps) == 0 || len(in.Steps) > maxSteps {
				t.Fatalf("instructions %+v", list)
			}
		}
	})
}
