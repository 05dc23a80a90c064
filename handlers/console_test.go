package handlers

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/bcrypt"
)

const consolePassword = "rahasia-konsol-1"

// cheapPassword returns the cheapest bcrypt hash of the password. Under the race detector
// a busy machine takes seconds to compare with the usual one.
func cheapPassword(t *testing.T) []byte {
	t.Helper()
	cheap, err := bcrypt.GenerateFromPassword([]byte(consolePassword), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	kept, err := hashPassword(string(cheap))
	if err != nil {
		t.Fatal(err)
	}
	return kept
}

// consoleVisitor is somebody who asks for the console from somewhere.
type consoleVisitor struct {
	from, host, forwarded, session string
}

func (v consoleVisitor) get(w *world, path string) *httptest.ResponseRecorder {
	return v.do(w, httptest.NewRequest(http.MethodGet, path, nil))
}

func (v consoleVisitor) post(w *world, path string, form url.Values) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodPost, path, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return v.do(w, r)
}

func (v consoleVisitor) do(w *world, r *http.Request) *httptest.ResponseRecorder {
	r.RemoteAddr, r.Host = v.from, v.host
	if v.forwarded != "" {
		r.Header.Set("X-Forwarded-For", v.forwarded)
	}
	if v.session != "" {
		r.AddCookie(&http.Cookie{Name: consoleCookie, Value: v.session})
	}
	rec := httptest.NewRecorder()
	w.ServeHTTP(rec, r)
	return rec
}

var (
	atHome  = consoleVisitor{from: "127.0.0.1:5000", host: "127.0.0.1:8080"}
	outside = consoleVisitor{from: "203.0.113.9:5000", host: "shop.example"}
)

// In a demo the console is open at the machine it runs on, and nowhere else.
func TestConsoleAtThisMachine(t *testing.T) {
	w := newWorld(t)
	for name, c := range map[string]struct {
		consoleVisitor
		sandbox string
		want    int
	}{
		"at home":                              {atHome, "http://127.0.0.1:8081", http.StatusOK},
		"at home, by name":                     {consoleVisitor{from: "[::1]:5000", host: "localhost:8080"}, "http://127.0.0.1:8081", http.StatusOK},
		"at home, without a demo":              {atHome, "", http.StatusNotFound},
		"from elsewhere":                       {consoleVisitor{from: "192.168.1.7:5000", host: "192.168.1.5:8080"}, "http://127.0.0.1:8081", http.StatusNotFound},
		"through a proxy":                      {consoleVisitor{from: "127.0.0.1:5000", host: "127.0.0.1:8080", forwarded: "203.0.113.9"}, "http://127.0.0.1:8081", http.StatusNotFound},
		"through a proxy, claiming to be here": {consoleVisitor{from: "127.0.0.1:5000", host: "127.0.0.1:8080", forwarded: "127.0.0.1"}, "http://127.0.0.1:8081", http.StatusNotFound},
		"by a site that resolves to here":      {consoleVisitor{from: "127.0.0.1:5000", host: "evil.example:8080"}, "http://127.0.0.1:8081", http.StatusNotFound},
	} {
		w.SandboxURL = c.sandbox
		if got := c.get(w, "/console").Code; got != c.want {
			t.Errorf("%s: HTTP %d, want %d", name, got, c.want)
		}
	}
}

// Elsewhere one signs in with the password, for twelve hours, until one signs
// out; and cannot guess for long.
func TestConsoleLogin(t *testing.T) {
	w := newWorld(t)
	for _, path := range []string{"/console", "/console/login"} {
		if got := outside.get(w, path).Code; got != http.StatusNotFound {
			t.Errorf("%s without a password: HTTP %d, want 404", path, got)
		}
	}
	w.password = cheapPassword(t)
	if rec := outside.get(w, "/console"); rec.Code != http.StatusSeeOther || rec.Header().Get("Location") != "/console/login?next=%2Fconsole" {
		t.Errorf("not signed in: HTTP %d to %q", rec.Code, rec.Header().Get("Location"))
	}
	in := signIn(t, w, "/console")
	if got := in.get(w, "/console").Code; got != http.StatusOK {
		t.Errorf("signed in: HTTP %d", got)
	}
	forged := outside
	forged.session = "AAAAAAAAAAAAAAAAAAAAAA"
	if got := forged.get(w, "/console").Code; got != http.StatusSeeOther {
		t.Errorf("a made-up session: HTTP %d", got)
	}
	if got := in.post(w, "/console/logout", nil).Code; got != http.StatusSeeOther {
		t.Errorf("sign out: HTTP %d", got)
	}
	if got := in.get(w, "/console").Code; got != http.StatusSeeOther {
		t.Errorf("signed out, with the old cookie: HTTP %d, want the login", got)
	}
	in = signIn(t, w, "/console")
	w.clock.advance(consoleSession)
	if got := in.get(w, "/console").Code; got != http.StatusSeeOther {
		t.Errorf("twelve hours later: HTTP %d, want the login", got)
	}
	if rec := outside.post(w, "/console/login", url.Values{"password": {consolePassword}, "next": {"https://evil.example/console"}}); rec.Header().Get("Location") != "/console" {
		t.Errorf("sent on to %q", rec.Header().Get("Location"))
	}
	w.RateLimit = true
	guesser := consoleVisitor{from: "203.0.113.77:1", host: "shop.example"}
	for i := range consoleLogins + 1 {
		rec := guesser.post(w, "/console/login", url.Values{"password": {"wrong"}})
		if want := map[bool]int{false: http.StatusForbidden, true: http.StatusTooManyRequests}[i == consoleLogins]; rec.Code != want {
			t.Errorf("guess %d: HTTP %d, want %d", i+1, rec.Code, want)
		}
	}
}

func signIn(t *testing.T, w *world, next string) consoleVisitor {
	t.Helper()
	rec := outside.post(w, "/console/login", url.Values{"password": {consolePassword}, "next": {next}})
	if rec.Code != http.StatusSeeOther || rec.Header().Get("Location") != next {
		t.Fatalf("sign in: HTTP %d to %q", rec.Code, rec.Header().Get("Location"))
	}
	for _, c := range rec.Result().Cookies() {
		if c.Name == consoleCookie && c.HttpOnly && c.SameSite == http.SameSiteStrictMode && c.Path == "/console" && time.Duration(c.MaxAge)*time.Second == consoleSession {
			v := outside
			v.session = c.Value
			return v
		}
	}
	t.Fatalf("no session in %v", rec.Result().Cookies())
	return consoleVisitor{}
}

func TestHashPassword(t *testing.T) {
	first, err := hashPassword(consolePassword)
	if err != nil || strings.Contains(string(first), consolePassword) {
		t.Fatalf("%q, %v", first, err)
	}
	if again, err := hashPassword(string(first)); err != nil || string(again) != string(first) {
		t.Errorf("a hash is not taken as it stands: %q, %v", again, err)
	}
	if none, err := hashPassword(""); err != nil || none != nil {
		t.Errorf("no password: %q, %v", none, err)
	}
}
