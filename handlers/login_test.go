package handlers

import (
	"net/http"
	"net/url"
	"testing"

	"warungjokul/handlers/console"
	"warungjokul/handlers/web"
)

// A guesser is told to wait. What a browser shows as its device must be of our making.
func TestGuessing(t *testing.T) {
	w := newEnv(t)
	w.setPassword()
	w.RateLimit = true
	guesser := visitor{from: "203.0.113.77:1", host: "example.com", header: http.Header{"Cookie": {console.DeviceCookie + "=made-up"}}}
	for i := range console.LoginTries + 1 {
		rec := guesser.post(w, web.LoginPath, url.Values{"password": {"wrong"}})
		if want := map[bool]int{false: http.StatusForbidden, true: http.StatusTooManyRequests}[i == console.LoginTries]; rec.Code != want {
			t.Errorf("guess %d: HTTP %d, want %d", i+1, rec.Code, want)
		}
	}
	if rec := guesser.post(w, web.LoginPath, url.Values{"password": {consolePassword}}); rec.Code != http.StatusTooManyRequests || len(rec.Result().Cookies()) != 0 {
		t.Errorf("the right one then: HTTP %d, cookies %v", rec.Code, rec.Result().Cookies())
	}
	rec := outside.post(w, web.LoginPath, url.Values{"password": {consolePassword}})
	for _, c := range rec.Result().Cookies() {
		if c.Name == console.DeviceCookie && c.Path == web.LoginPath && c.HttpOnly && c.SameSite == http.SameSiteStrictMode {
			guesser.header = http.Header{"Cookie": {console.DeviceCookie + "=" + c.Value}}
			if rec := guesser.post(w, web.LoginPath, url.Values{"password": {consolePassword}}); rec.Code != http.StatusSeeOther {
				t.Errorf("with the device of one who has signed in: HTTP %d", rec.Code)
			}
			return
		}
	}
	t.Errorf("no device in %v", rec.Result().Cookies())
}
