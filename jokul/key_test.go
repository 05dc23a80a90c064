package jokul_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"warungjokul/jokul"
)

const oldSecret = "SK-contoh-lama-bukan-rahasia"

// signedWith makes the headers of a notification that was signed with a key.
func signedWith(t *testing.T, key string, body []byte) http.Header {
	t.Helper()
	sender, err := jokul.New(testClientID, key)
	if err != nil {
		t.Fatal(err)
	}
	return sender.SignNotification(testTarget, "key-1", body)
}

// After the Secret Key was changed, notifications that were signed before the change
// are still genuine, and it is said which key they fit. No third key is.
func TestPreviousSecretKey(t *testing.T) {
	body := []byte(`{"order":{"invoice_number":"WJ-1","amount":10000},"transaction":{"status":"SUCCESS"}}`)
	for _, tt := range []struct {
		name, key string
		options   []jokul.Option
		want      jokul.Key
	}{
		{"the key", testSecret, []jokul.Option{jokul.WithPreviousSecretKey(oldSecret)}, jokul.KeyCurrent},
		{"the previous key", oldSecret, []jokul.Option{jokul.WithPreviousSecretKey(oldSecret)}, jokul.KeyPrevious},
		{"a third key", "SK-third", []jokul.Option{jokul.WithPreviousSecretKey(oldSecret)}, ""},
		{"the key, without a previous one", testSecret, nil, jokul.KeyCurrent},
		{"the previous key, once it is removed", oldSecret, nil, ""},
		{"the previous key, when it is set to nothing", oldSecret, []jokul.Option{jokul.WithPreviousSecretKey("")}, ""},
	} {
		client, header := newClient(t, tt.options...), signedWith(t, tt.key, body)
		n, err := client.ParseNotification(testTarget, header, body)
		if n.Key != tt.want || (tt.want == "") != errors.Is(err, jokul.ErrInvalidSignature) {
			t.Errorf("%s: got %q, %v, want %q", tt.name, n.Key, err, tt.want)
		}
		if e := client.ExplainNotification(testTarget, header, body); e.Key != tt.want || (e.Err == nil) != (tt.want != "") {
			t.Errorf("%s: explained as %q, %v, want %q", tt.name, e.Key, e.Err, tt.want)
		}
	}
}

// A mistake that was made with the previous key is found out as one made with the key.
func TestPreviousSecretKeyIsDiagnosed(t *testing.T) {
	sent, received := []byte(`{"order": {"amount": 10000}}`), []byte(`{"order":{"amount":10000}}`)
	client := newClient(t, jokul.WithPreviousSecretKey(oldSecret))
	for _, key := range []string{testSecret, oldSecret} {
		e := client.ExplainNotification(testTarget, signedWith(t, key, sent), received)
		if len(e.Causes) == 0 || !e.Causes[0].Certain || e.Causes[0].Code != jokul.CauseBody {
			t.Errorf("%s: got %+v", key, e.Causes)
		}
	}
	if e := client.ExplainNotification(testTarget, signedWith(t, "SK-third", sent), sent); len(e.Causes) == 0 || e.Causes[0].Code != jokul.CauseKeyChanged {
		t.Errorf("a third key: got %+v", e.Causes)
	}
}

// Requests are signed with the Secret Key alone; a response may be signed with either.
func TestPreviousSecretKeyInCalls(t *testing.T) {
	for key, want := range map[string]jokul.Key{testSecret: jokul.KeyCurrent, oldSecret: jokul.KeyPrevious, "SK-third": ""} {
		gateway := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			component := jokul.Component{ClientID: r.Header.Get(jokul.HeaderClientID), RequestID: r.Header.Get(jokul.HeaderRequestID),
				Timestamp: r.Header.Get(jokul.HeaderRequestTimestamp), Target: r.URL.Path}
			if err := jokul.Verify(testSecret, component, r.Header.Get(jokul.HeaderSignature)); err != nil {
				t.Errorf("the request: %v", err)
			}
			answer, _ := json.Marshal(map[string]any{"order": map[string]any{"invoice_number": "WJ-1", "amount": 10000}, "transaction": map[string]string{"status": "PENDING"}})
			component.Response, component.Digest = true, jokul.Digest(answer)
			w.Header().Set(jokul.HeaderClientID, component.ClientID)
			w.Header().Set(jokul.HeaderRequestID, component.RequestID)
			w.Header().Set(jokul.HeaderResponseTimestamp, component.Timestamp)
			w.Header().Set(jokul.HeaderSignature, jokul.Sign(key, component))
			_, _ = io.WriteString(w, string(answer))
		}))
		var seen jokul.Exchange
		client := newClient(t, jokul.WithBaseURL(gateway.URL), jokul.WithPreviousSecretKey(oldSecret), jokul.WithRetries(0),
			jokul.WithObserver(func(_ context.Context, x jokul.Exchange) { seen = x }))
		_, _ = client.CheckStatus(t.Context(), "WJ-1") // what was seen of it is looked at
		if seen.Key != want || seen.Verified != (want != "") {
			t.Errorf("signed with %s: got %q, verified %v, want %q", key, seen.Key, seen.Verified, want)
		}
		if again := client.KeyOfSignature(seen.ResponseStringToSign, seen.ResponseHeader.Get(jokul.HeaderSignature)); again != want {
			t.Errorf("signed with %s: the signature that was kept is of %q, want %q", key, again, want)
		}
		gateway.Close()
	}
}

// A previous key that is none is refused, and not shown.
func TestOddPreviousSecretKey(t *testing.T) {
	for _, key := range []string{testSecret, " " + oldSecret, oldSecret + "\n", `"` + oldSecret + `"`} {
		_, err := jokul.New(testClientID, testSecret, jokul.WithPreviousSecretKey(key))
		if err == nil || !strings.HasPrefix(err.Error(), "jokul: ") || !strings.Contains(err.Error(), "previous Secret Key") || strings.Contains(err.Error(), "SK-") {
			t.Errorf("%q: got %v", key, err)
		}
	}
}
