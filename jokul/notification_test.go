package jokul_test

import (
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"warungjokul/jokul"
)

const (
	testClientID = "MCH-0000-00000000000001"
	testSecret   = "SK-contoh-bukan-rahasia-0001"
	testTarget   = "/payments/notifications"
)

func newClient(t testing.TB, opts ...jokul.Option) *jokul.Client {
	t.Helper()
	c, err := jokul.New(testClientID, testSecret, opts...)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// signed makes the headers of a genuine notification.
func signed(target string, body []byte) http.Header {
	c := jokul.Component{ClientID: testClientID, RequestID: "b7d2c9a0-0000-4000-8000-000000000001",
		Timestamp: "2026-01-01T09:10:00Z", Target: target, Digest: jokul.Digest(body)}
	h := http.Header{}
	h.Set(jokul.HeaderClientID, c.ClientID)
	h.Set(jokul.HeaderRequestID, c.RequestID)
	h.Set(jokul.HeaderRequestTimestamp, c.Timestamp)
	h.Set(jokul.HeaderSignature, jokul.Sign(testSecret, c))
	return h
}

func TestParseNotificationVector(t *testing.T) {
	v := notificationVector(t)
	client, err := jokul.New(v.Headers["Client-Id"], v.Secret)
	if err != nil {
		t.Fatal(err)
	}
	n, err := client.ParseNotification(v.RequestTarget, v.header(), v.body(t))
	if err != nil {
		t.Fatal(err)
	}
	if n.RequestID != v.Headers["Request-Id"] || n.Status != jokul.TransactionSuccess || n.InvoiceNumber == "" || n.Amount == 0 {
		t.Errorf("got %+v", n)
	}
	lower := http.Header{}
	for name, value := range v.Headers {
		lower.Set(name, value) // Set canonicalises, as net/http does with what arrives in any case
	}
	if _, err := client.ParseNotification(v.RequestTarget, lower, v.body(t)); err != nil {
		t.Errorf("header names in another case: %v", err)
	}
}

func TestParseNotificationReads(t *testing.T) {
	const head = `{"order":{"invoice_number":"WJ-1-1","amount":`
	const tail = `},"transaction":{"status":"SUCCESS","date":"2026-01-01T09:09:58Z"}}`
	client := newClient(t)

	for _, amount := range []string{`90000`, `"90000"`, `90000.00`, `"90000.0"`, `090000e0`} {
		body := []byte(head + amount + tail)
		n, err := client.ParseNotification(testTarget, signed(testTarget, body), body)
		if amount == `090000e0` {
			if !errors.Is(err, jokul.ErrMalformed) {
				t.Errorf("amount %s: got %v, want ErrMalformed", amount, err)
			}
			continue
		}
		if err != nil || n.Amount != 90_000 {
			t.Errorf("amount %s: got %d, %v", amount, n.Amount, err)
		}
	}

	body := []byte(`{"service":{"id":"ONLINE_TO_OFFLINE"},"acquirer":{"id":null},"channel":{"id":"ONLINE_TO_OFFLINE_INDOMARET"},
		"transaction":{"status":"SUCCESS","date":"2026-01-01T16:09:58+07:00","original_request_id":"r-1","new":{"x":[1]}},
		"order":{"invoice_number":"WJ-1-1","amount":90000,"currency":"IDR"},"online_to_offline_info":{"payment_code":8888888800000017},
		"online_to_offline_payment":{"identifer":[{"name":"AGENT_TRX_ID","value":1246}]},"unknown":true}`)
	n, err := client.ParseNotification(testTarget, signed(testTarget, body), body)
	if err != nil {
		t.Fatal(err)
	}
	want := jokul.Notification{RequestID: "b7d2c9a0-0000-4000-8000-000000000001", Key: jokul.KeyCurrent, Transaction: jokul.Transaction{
		InvoiceNumber: "WJ-1-1", Amount: 90_000, PaymentCode: "8888888800000017", Status: jokul.TransactionSuccess,
		Date: time.Date(2026, 1, 1, 9, 9, 58, 0, time.UTC), OriginalRequestID: "r-1",
		ServiceID: "ONLINE_TO_OFFLINE", ChannelID: jokul.ChannelIndomaret,
		Identifiers: []jokul.Identifier{{Name: "AGENT_TRX_ID", Value: "1246"}},
	}}
	if diff := cmp.Diff(want, n); diff != "" {
		t.Errorf("notification (-want +got):\n%s", diff)
	}

	// Of a name given twice, whatever its case, the last counts.
	body = []byte(`{"order":{"invoice_number":"WJ-1-1","amount":1,"Amount":90000},"transaction":{"status":"SUCCESS"},"Transaction":{"status":"FAILED"}}`)
	n, err = client.ParseNotification(testTarget, signed(testTarget, body), body)
	if err != nil || n.Amount != 90_000 || n.Status != jokul.TransactionFailed {
		t.Errorf("names given twice: got %d, %s, %v", n.Amount, n.Status, err)
	}
}

func TestParseNotificationMalformed(t *testing.T) {
	client := newClient(t)
	for name, body := range map[string]string{
		"empty":               ``,
		"not JSON":            `order=1`,
		"array":               `[]`,
		"null":                `null`,
		"trailing garbage":    `{"order":{"invoice_number":"A","amount":1},"transaction":{"status":"SUCCESS"}} x`,
		"no invoice number":   `{"order":{"amount":1},"transaction":{"status":"SUCCESS"}}`,
		"no status":           `{"order":{"invoice_number":"A","amount":1}}`,
		"no amount":           `{"order":{"invoice_number":"A"},"transaction":{"status":"SUCCESS"}}`,
		"amount with sen":     `{"order":{"invoice_number":"A","amount":90000.50},"transaction":{"status":"SUCCESS"}}`,
		"negative amount":     `{"order":{"invoice_number":"A","amount":-90000},"transaction":{"status":"SUCCESS"}}`,
		"amount of 13 digits": `{"order":{"invoice_number":"A","amount":1234567890123},"transaction":{"status":"SUCCESS"}}`,
		"amount object":       `{"order":{"invoice_number":"A","amount":{}},"transaction":{"status":"SUCCESS"}}`,
	} {
		t.Run(name, func(t *testing.T) {
			n, err := client.ParseNotification(testTarget, signed(testTarget, []byte(body)), []byte(body))
			if !errors.Is(err, jokul.ErrMalformed) {
				t.Fatalf("got %v, want ErrMalformed", err)
			}
			if n.RequestID == "" {
				t.Error("the Request-Id of a genuine notification is lost")
			}
		})
	}
}

func TestParseNotificationRefuses(t *testing.T) {
	client := newClient(t)
	body := []byte(`{"order":{"invoice_number":"A","amount":90000},"transaction":{"status":"SUCCESS"}}`)
	for _, name := range []string{jokul.HeaderClientID, jokul.HeaderRequestID, jokul.HeaderRequestTimestamp, jokul.HeaderSignature} {
		t.Run("no "+name, func(t *testing.T) {
			h := signed(testTarget, body)
			h.Del(name)
			refused(t, client, h, body, jokul.ErrMissingHeader)
		})
		t.Run(name+" twice", func(t *testing.T) {
			h := signed(testTarget, body)
			h.Add(name, h.Get(name))
			refused(t, client, h, body, jokul.ErrMissingHeader)
		})
	}
	t.Run("another merchant, signed with our secret", func(t *testing.T) {
		h := signed(testTarget, body)
		c := jokul.Component{ClientID: "MCH-0000-00000000000002", RequestID: h.Get(jokul.HeaderRequestID),
			Timestamp: h.Get(jokul.HeaderRequestTimestamp), Target: testTarget, Digest: jokul.Digest(body)}
		h.Set(jokul.HeaderClientID, c.ClientID)
		h.Set(jokul.HeaderSignature, jokul.Sign(testSecret, c))
		refused(t, client, h, body, jokul.ErrWrongClientID)
	})
	t.Run("another path", func(t *testing.T) {
		refused(t, client, signed(testTarget+"/", body), body, jokul.ErrInvalidSignature)
	})
	t.Run("re-encoded body", func(t *testing.T) {
		h := signed(testTarget, body)
		refused(t, client, h, append([]byte(" "), body...), jokul.ErrInvalidSignature)
	})
	t.Run("verified before parsed", func(t *testing.T) {
		h := signed(testTarget, body)
		h.Set(jokul.HeaderSignature, "HMACSHA256=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=")
		refused(t, client, h, []byte("not JSON"), jokul.ErrInvalidSignature)
	})
}

func refused(t *testing.T, client *jokul.Client, h http.Header, body []byte, want error) {
	t.Helper()
	n, err := client.ParseNotification(testTarget, h, body)
	if !errors.Is(err, want) {
		t.Errorf("got %v, want %v", err, want)
	}
	if diff := cmp.Diff(jokul.Notification{}, n); diff != "" {
		t.Errorf("something of an untrusted message came back:\n%s", diff)
	}
}

func FuzzParseNotification(f *testing.F) {
	f.Add([]byte(`{"order":{"invoice_number":"A","amount":"90000.00"},"transaction":{"status":"SUCCESS"}}`))
	f.Add([]byte(`{"online_to_offline_payment":{"identifer":[{"name":1,"value":null}]}}`))
	f.Add(notificationVector(f).body(f))
	client := newClient(f)
	f.Fuzz(func(t *testing.T, body []byte) {
		n, err := client.ParseNotification(testTarget, signed(testTarget, body), body)
		if err != nil && !errors.Is(err, jokul.ErrMalformed) {
			t.Errorf("genuine message refused: %v", err)
		}
		if err == nil && n.Status == jokul.TransactionSuccess && n.Amount < 0 {
			t.Errorf("amount %d", n.Amount)
		}
	})
}

func TestSignNotification(t *testing.T) {
	client, body := newClient(t), []byte(`{"order":{"invoice_number":"INV-1"},"transaction":{"status":"PENDING"}}`)
	header := client.SignNotification(testTarget, "a request", body)
	n, err := client.ParseNotification(testTarget, header, body)
	if err != nil || n.RequestID != "a request" || n.InvoiceNumber != "INV-1" {
		t.Errorf("got %+v, %v", n, err)
	}
	for target, body := range map[string][]byte{"/another/path": body, testTarget: []byte("{}")} {
		if _, err := client.ParseNotification(target, header, body); !errors.Is(err, jokul.ErrInvalidSignature) {
			t.Errorf("%s: got %v, want ErrInvalidSignature", target, err)
		}
	}
}
