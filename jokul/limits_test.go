package jokul_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"warungjokul/jokul"
)

// Every limit of docs/protocol.md section 4 at its edge: the last value that
// passes and the first that does not.
func TestFieldLimits(t *testing.T) {
	type change = func(*jokul.PaymentCodeRequest)
	x := strings.Repeat
	invoice := func(s string) change { return func(r *jokul.PaymentCodeRequest) { r.InvoiceNumber = s } }
	amount := func(n int64) change { return func(r *jokul.PaymentCodeRequest) { r.Amount = n } }
	expires := func(d time.Duration) change { return func(r *jokul.PaymentCodeRequest) { r.ExpiresIn = d } }
	info := func(s string) change { return func(r *jokul.PaymentCodeRequest) { r.Info = s } }
	name := func(s string) change { return func(r *jokul.PaymentCodeRequest) { r.CustomerName = s } }
	email := func(s string) change { return func(r *jokul.PaymentCodeRequest) { r.CustomerEmail = s } }
	description := func(s string) change { return func(r *jokul.PaymentCodeRequest) { r.Description = s } }
	footer := func(s string) change { return func(r *jokul.PaymentCodeRequest) { r.FooterMessage = s } }
	for _, tc := range []struct {
		field        string
		good, refuse []change
	}{
		{"order.invoice_number",
			[]change{invoice("A"), invoice(x("9", 64)), invoice("WJ-1"), invoice("INV_2021.0001~a"), invoice("..."), invoice("~")},
			[]change{invoice(""), invoice(x("9", 65)), invoice("A/1"), invoice("A 1"), invoice("A%1"), invoice("é"), invoice("A\n"),
				invoice("A?1"), invoice("A#1"), invoice("A+1"), invoice("."), invoice("..")}},
		{"order.amount",
			[]change{amount(10_000), amount(5_000_000)},
			[]change{amount(9_999), amount(5_000_001), amount(0), amount(-10_000)}},
		{"online_to_offline_info.expired_time",
			[]change{expires(0), expires(time.Minute), expires(99_999_999 * time.Minute)},
			[]change{expires(-time.Minute), expires(59 * time.Second), expires(time.Minute + 1), expires(100_000_000 * time.Minute)}},
		{"online_to_offline_info.info", []change{info(""), info(x("i", 32))}, []change{info(x("i", 33)), info("é"), info("a\tb")}},
		{"customer.name", []change{name("B"), name(x("n", 64))}, []change{name(""), name("  "), name(x("n", 65)), name("José"), name("a\x00")}},
		{"customer.email", []change{email(""), email("a@b"), email(x("e", 116) + "@example.com")},
			[]change{email(x("e", 117) + "@example.com"), email("é@example.com"), email("budi"), email("budi@"), email("@example.com"), email(" "),
				email("Budi <budi@example.com>"), email("a@b, c@d"), email("budi@example.com\n")}},
		{"indomaret_info.receipt.description", []change{description("K"), description(x("d", 128))},
			[]change{description(""), description(" "), description(x("d", 129)), description("–"), description("a\x7f")}},
		{"indomaret_info.receipt.footer_message", []change{footer(""), footer(x("f", 255))}, []change{footer(x("f", 256)), footer("\u00a0")}},
	} {
		client := newClient(t)
		for i, good := range tc.good {
			r := request()
			good(&r)
			if _, err := client.Prepare(r); err != nil {
				t.Errorf("%s, good value %d: %v", tc.field, i, err)
			}
		}
		for i, refuse := range tc.refuse {
			r := request()
			refuse(&r)
			var e *jokul.FieldError
			if p, err := client.Prepare(r); !errors.As(err, &e) || e.Field != tc.field || p.Body != nil {
				t.Errorf("%s, bad value %d: got %v, want an error of that field and no request", tc.field, i, err)
			}
		}
	}
}

func TestAmountLimitsAreTheMerchants(t *testing.T) {
	client := newClient(t, jokul.WithAmountLimits(1, 999_999_999_999))
	for _, amount := range []int64{1, 999_999_999_999} {
		r := request()
		r.Amount = amount
		if _, err := client.Prepare(r); err != nil {
			t.Errorf("%d: %v", amount, err)
		}
	}
}

// What is wrong at construction is said at construction.
func TestNewRefuses(t *testing.T) {
	for name, opt := range map[string]jokul.Option{
		"a base URL with a path":    jokul.WithBaseURL("https://api.doku.com/v1"),
		"a base URL without a host": jokul.WithBaseURL("api.doku.com"),
		"limits in reverse":         jokul.WithAmountLimits(2, 1),
		"limits from nothing":       jokul.WithAmountLimits(0, 1),
		"13 digits":                 jokul.WithAmountLimits(1, 1_000_000_000_000),
		"fewer than no retries":     jokul.WithRetries(-1),
		"retries without end":       jokul.WithRetries(11),
		"a path for an address":     jokul.WithNotificationURL("/payments/notifications"),
	} {
		if _, err := jokul.New(testClientID, testSecret, opt); err == nil {
			t.Errorf("%s passes", name)
		}
	}
}

// A credential that was copied with something around it is refused by name, in
// words, and without showing it.
func TestNewRefusesCredentials(t *testing.T) {
	around := map[string]string{
		"must not be empty": "",
		"white space":       " x", "white space ": "x\n", "white space  ": "\u00a0x", "white space   ": " ",
		"invisible character": "\ufeffx", "invisible character ": "x\u200b",
		"quotation mark": `"x"`, "quotation mark ": "'x'", "quotation mark  ": "“x”", "quotation mark   ": `x"`,
	}
	for words, value := range around {
		if value != "" {
			value = strings.Replace(value, "x", testSecret, 1)
		}
		for name, credentials := range map[string][2]string{"Client-Id": {value, testSecret}, "Secret Key": {testClientID, value}} {
			_, err := jokul.New(credentials[0], credentials[1])
			if err == nil || !strings.Contains(err.Error(), name+" ") || !strings.Contains(err.Error(), strings.TrimSpace(words)) {
				t.Errorf("%s %q: got %v, want %s", name, value, err, words)
			} else if strings.Contains(err.Error(), testSecret) {
				t.Errorf("%s %q: the error shows it: %v", name, value, err)
			}
		}
	}
	if _, err := jokul.New("MCH\n1", testSecret); err == nil {
		t.Error("a Client-Id of two lines passes")
	}
	if _, err := jokul.New(testClientID, `SK-with "quotes" and spaces within`); err != nil {
		t.Errorf("what is within a Secret Key is its own: %v", err)
	}
}

// A name of any script, cut and spelt for the till, always passes Prepare.
func FuzzTillText(f *testing.F) {
	for _, s := range []string{"José", "王小明", "a\x00b", "  x  ", strings.Repeat("é ", 70), "\xff"} {
		f.Add(s, 64)
	}
	f.Fuzz(func(t *testing.T, s string, limit int) {
		if limit < 0 || limit > 300 {
			return
		}
		got := jokul.TillText(s, limit)
		if len(got) > limit || got != strings.TrimSpace(got) {
			t.Fatalf("%q", got)
		}
		if r := request(); limit <= jokul.MaxInfo {
			r.Info = got
			if _, err := newClient(t).Prepare(r); err != nil {
				t.Fatal(err)
			}
		}
	})
}
