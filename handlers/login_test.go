package handlers

import (
	"fmt"
	"net/http"
	"net/url"
	"testing"
	"warungjokul/payments/testgateway"
)

// Each address has a few tries, and all strangers together some more. Neither touches those
// who have signed in before: their browsers and their addresses have tries of their own.
func TestLoginTries(t *testing.T) {
	clock := testgateway.NewClock()
	l := newLogins(clock.Now)
	l.remember("198.51.100.7")
	admitted := func(tries int, device, address func(int) string) (n int) {
		for i := range tries {
			if _, ok := l.admit(device(i), address(i), true); ok {
				n++
			}
		}
		return n
	}
	always := func(s string) func(int) string { return func(int) string { return s } }
	each := func(s string) func(int) string { return func(i int) string { return fmt.Sprint(s, i) } }
	if n := admitted(100, always(""), always("203.0.113.1")); n != loginTries {
		t.Errorf("one address: %d tries, want %d", n, loginTries)
	}
	if n := admitted(500, always(""), each("203.0.113.")); n > strangersTries || n < strangersTries-loginTries {
		t.Errorf("500 addresses: %d tries, want no more than %d with the first", n, strangersTries)
	}
	if n := admitted(100, always("a device"), each("203.0.113.")); n != loginTries {
		t.Errorf("a browser that has signed in before: %d tries, want %d", n, loginTries)
	}
	if n := admitted(100, always(""), always("198.51.100.7")); n != loginTries {
		t.Errorf("an address that has signed in before: %d tries, want %d", n, loginTries)
	}
	clock.Advance(knownFor)
	if l.knows("198.51.100.7") {
		t.Error("an address is known for ever")
	}
	for i := range 2 * maxKnown {
		l.remember(fmt.Sprint(i))
	}
	if len(l.known) != maxKnown || !l.knows(fmt.Sprint(2*maxKnown-1)) {
		t.Errorf("%d addresses are known, want %d and the latest among them", len(l.known), maxKnown)
	}
	for range 100 {
		if _, ok := l.admit("", "203.0.113.1", false); !ok {
			t.Fatal("a try is refused where limits are lifted")
		}
	}
}

// A guesser is told to wait. What a browser shows as its device must be of our making.
func TestGuessing(t *testing.T) {
	w := newWorld(t)
	w.password, w.RateLimit = cheapPassword(t), true
	guesser := consoleVisitor{from: "203.0.113.77:1", host: "example.com", header: http.Header{"Cookie": {deviceCookie + "=made-up"}}}
	for i := range loginTries + 1 {
		rec := guesser.post(w, loginPath, url.Values{"password": {"wrong"}})
		if want := map[bool]int{false: http.StatusForbidden, true: http.StatusTooManyRequests}[i == loginTries]; rec.Code != want {
			t.Errorf("guess %d: HTTP %d, want %d", i+1, rec.Code, want)
		}
	}
	if rec := guesser.post(w, loginPath, url.Values{"password": {consolePassword}}); rec.Code != http.StatusTooManyRequests || len(rec.Result().Cookies()) != 0 {
		t.Errorf("the right one then: HTTP %d, cookies %v", rec.Code, rec.Result().Cookies())
	}
	rec := outside.post(w, loginPath, url.Values{"password": {consolePassword}})
	for _, c := range rec.Result().Cookies() {
		if c.Name == deviceCookie && c.Path == loginPath && c.HttpOnly && c.SameSite == http.SameSiteStrictMode {
			guesser.header = http.Header{"Cookie": {deviceCookie + "=" + c.Value}}
			if rec := guesser.post(w, loginPath, url.Values{"password": {consolePassword}}); rec.Code != http.StatusSeeOther {
				t.Errorf("with the device of one who has signed in: HTTP %d", rec.Code)
			}
			return
		}
	}
	t.Errorf("no device in %v", rec.Result().Cookies())
}
