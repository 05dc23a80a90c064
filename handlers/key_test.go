package handlers

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"warungjokul/handlers/console"
	"warungjokul/jokul"
	"warungjokul/payments/testgateway"
)

// After the Secret Key was changed, a notification that was signed before still pays. The inbox says which key it fitted,
// the set-up check when the previous one was of use last, and a metric counts by key.
func TestWhichKeyFitted(t *testing.T) {
	w := newEnv(t)
	var err error
	w.SandboxURL, w.Setup.PreviousKey = w.gateway.URL, true // there is a console
	if w.Gateway, err = jokul.New(testgateway.ClientID, "SK-new", jokul.WithBaseURL(w.gateway.URL), jokul.WithPreviousSecretKey(testgateway.SecretKey), jokul.WithRetries(0),
		jokul.WithClock(w.clock.Now)); err != nil {
		t.Fatal(err)
	}
	w.Payments.Gateway = w.Gateway
	finds := func(what, text string) {
		t.Helper()
		if page := w.getPage("/console/setup"); !strings.Contains(page, text) {
			t.Errorf("%s: the set-up check does not say %q", what, text)
		}
	}
	finds("before", "No notification signed with it has come.")
	at := w.figures()
	body := `{"order":{"invoice_number":"SETUP-CHECK","amount":10000},"transaction":{"status":"PENDING"}}`
	if got := w.send(body, false); got != http.StatusOK { // signed with what is the previous key by now
		t.Fatalf("HTTP %d", got)
	}
	if got := w.send(body, true); got != http.StatusUnauthorized {
		t.Errorf("with a third key: HTTP %d", got)
	}
	at = w.moved("signed before the change", at, map[string]float64{`shop_notifications_signed_total{key="previous"}`: 1, `shop_notifications_signed_total{key="current"}`: 0})
	if page := w.getPage("/console/notifications/1"); !strings.Contains(page, "Signature fits the previous Secret Key") || !strings.Contains(page, "the previous Secret Key</dd>") {
		t.Error("the notification's page does not say which key fitted")
	}
	finds("signed before the change", "Leave it until there has been none for three days")
	w.clock.Advance(console.KeyGrace)
	finds("three days later", "more than three days ago")

	r := httptest.NewRequest(http.MethodPost, w.NotificationPath, strings.NewReader(body))
	r.Header = w.Gateway.SignNotification(w.NotificationPath, jokul.NewRequestID(), []byte(body))
	rec := httptest.NewRecorder()
	w.ServeHTTP(rec, r)
	w.moved("signed with the new key", at, map[string]float64{`shop_notifications_signed_total{key="previous"}`: 0, `shop_notifications_signed_total{key="current"}`: 1})
	finds("signed with the new key", "more than three days ago")

	// A message that comes again counts for the key that it fits this time.
	w.clock.Advance(time.Hour)
	again := httptest.NewRequest(http.MethodPost, w.NotificationPath, strings.NewReader(body))
	old, err := jokul.New(testgateway.ClientID, testgateway.SecretKey)
	if err != nil {
		t.Fatal(err)
	}
	again.Header = old.SignNotification(w.NotificationPath, r.Header.Get(jokul.HeaderRequestID), []byte(body))
	w.ServeHTTP(httptest.NewRecorder(), again)
	finds("sent again by who has the previous key", "Leave it until there has been none for three days")
}
