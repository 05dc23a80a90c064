package sandbox_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"warungjokul/jokul/sandbox"
)

// A gateway that is told to answers by its own names only, where it can be driven; a signed call and a how-to-pay page
// are asked for by any name, and so is everything in tests that do not care.
func TestOwnHostOnly(t *testing.T) {
	gateway := func(only bool) http.Handler {
		t.Helper()
		s, err := sandbox.Open(sandbox.Config{ClientID: "MCH-1", SecretKey: "SK-1", PublicURL: "http://till.example:8081", OwnHostOnly: only, Hosts: []string{"Gateway"}})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { s.Close() })
		return s
	}
	only, any := gateway(true), gateway(false)
	for host, known := range map[string]bool{"127.0.0.1:8081": true, "[::1]:8081": true, "10.1.2.3": true, "localhost:8081": true, "LOCALHOST": true,
		"till.example": true, "gateway:8081": true, "evil.example:8081": false, "localhost.evil.example": false, "": false} {
		for _, path := range []string{"/control/payments", "/control/nothing", "/simulator", "/simulator/assets/till.css", "/orders/v1/status/1", "/nothing"} {
			ask := func(s http.Handler) int {
				r, rec := httptest.NewRequest(http.MethodGet, path, nil), httptest.NewRecorder()
				r.Host = host
				s.ServeHTTP(rec, r)
				return rec.Code
			}
			want := !known && (strings.HasPrefix(path, "/control/") || strings.HasPrefix(path, "/simulator"))
			if got := ask(only) == http.StatusMisdirectedRequest; got != want {
				t.Errorf("as %q, %s: misdirected %v, want %v", host, path, got, want)
			}
			if ask(any) == http.StatusMisdirectedRequest {
				t.Errorf("as %q, %s: misdirected by a gateway that takes any name", host, path)
			}
		}
	}
}

// Who does not bring the control key, whole, drives nothing; the till and the signed calls need none.
func TestControlKey(t *testing.T) {
	s, err := sandbox.Open(sandbox.Config{ClientID: "MCH-1", SecretKey: "SK-1", ControlKey: "open-sesame"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	ask := func(path, authorization string) int {
		r, rec := httptest.NewRequest(http.MethodGet, path, nil), httptest.NewRecorder()
		r.Header.Set("Authorization", authorization)
		s.ServeHTTP(rec, r)
		return rec.Code
	}
	for authorization, want := range map[string]int{
		"Bearer open-sesame": http.StatusOK, "": http.StatusUnauthorized, "Bearer": http.StatusUnauthorized, "Bearer ": http.StatusUnauthorized,
		"open-sesame": http.StatusUnauthorized, "Bearer open-sesam": http.StatusUnauthorized, "Bearer open-sesame-": http.StatusUnauthorized,
		"Bearer SK-1": http.StatusUnauthorized, "Bearer " + strings.Repeat("o", 10000): http.StatusUnauthorized,
	} {
		if got := ask("/control/payments", authorization); got != want {
			t.Errorf("%.40q: HTTP %d, want %d", authorization, got, want)
		}
	}
	if got := ask("/simulator", ""); got != http.StatusOK {
		t.Errorf("the till: HTTP %d", got)
	}
}
