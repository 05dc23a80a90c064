package handlers

import (
	"context"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/bcrypt"

	"warungjokul/handlers/console"
	"warungjokul/handlers/demo"
	"warungjokul/handlers/web"
)

const consolePassword = "rahasia-konsol-1"

// setPassword gives the console the cheapest bcrypt hash of consolePassword. Under
// the race detector a busy machine takes seconds to compare with the usual one.
func (w *env) setPassword() {
	w.t.Helper()
	cheap, err := bcrypt.GenerateFromPassword([]byte(consolePassword), bcrypt.MinCost)
	if err == nil {
		err = w.console.SetPassword(context.Background(), string(cheap))
	}
	if err != nil {
		w.t.Fatal(err)
	}
}

// consoleVisitor is somebody who asks for the console from somewhere.
type visitor struct {
	from, at, host string // both ends of the connection, and the host that is named
	header         http.Header
	session        string
	linked         bool // has used the one-time link
}

func (v visitor) get(w *env, path string) *httptest.ResponseRecorder {
	return v.do(w, httptest.NewRequest(http.MethodGet, path, nil))
}

func (v visitor) post(w *env, path string, form url.Values) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodPost, path, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return v.do(w, r)
}

func (v visitor) do(w *env, r *http.Request) *httptest.ResponseRecorder {
	r.RemoteAddr, r.Host = v.from, v.host
	if at, err := net.ResolveTCPAddr("tcp", v.at); err == nil {
		r = r.WithContext(context.WithValue(r.Context(), http.LocalAddrContextKey, at))
	}
	maps.Copy(r.Header, v.header)
	if v.linked {
		v.session = w.linkSession()
	}
	if v.session != "" {
		r.AddCookie(&http.Cookie{Name: console.ConsoleCookie, Value: v.session})
	}
	rec := httptest.NewRecorder()
	w.ServeHTTP(rec, r)
	return rec
}

// linkSession is a session as the one-time link opens it.
func (w *env) linkSession() string {
	w.t.Helper()
	session, err := w.Store.OpenSession(context.Background(), console.LinkCredential, console.ConsoleSession)
	if err != nil {
		w.t.Fatal(err)
	}
	return session
}

var (
	atHome  = visitor{from: "127.0.0.1:5000", at: "127.0.0.1:8080", host: "127.0.0.1:8080", linked: true}
	outside = visitor{from: "203.0.113.9:5000", at: "198.51.100.1:80", host: "example.com"}
)

// strangers are those for whom a one-time link is no good, and neither is a session
// that it opened.
func strangers() map[string]visitor {
	list := map[string]visitor{
		"from elsewhere":                    {from: "192.168.1.7:5000", at: "192.168.1.5:8080", host: "192.168.1.5:8080"},
		"from elsewhere, as localhost":      {from: "192.168.1.7:5000", at: "192.168.1.5:8080", host: "localhost:8080"},
		"from this machine, by its address": {from: "192.168.1.5:5000", at: "192.168.1.5:8080", host: "127.0.0.1:8080"},
		"by the shop's public name":         {from: "127.0.0.1:5000", at: "127.0.0.1:8080", host: "example.com"},
	}
	for _, name := range []string{"X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "Forwarded", "X-Real-Ip", "Via", "Cf-Connecting-Ip", "X-Request-Id",
		"CDN-Loop", "X-Amzn-Trace-Id", "X-Amz-Cf-Id", "X-Azure-ClientIP", "X-Varnish", "X-Scheme", "X-Forward-For", "DO-Connecting-IP", "Incap-Client-Ip", "Traceparent",
		"X-Client-Ip", "Proxy-Connection", "Front-End-Https", "X-Nobody-Knows-Yet"} {
		name = http.CanonicalHeaderKey(name)
		v := atHome
		v.header, v.linked = http.Header{name: {"127.0.0.1"}}, false
		list["through a proxy that sends "+name] = v
	}
	return list
}

// A browser at this machine is let in with all that browsers send.
func TestOneTimeLinkOfABrowser(t *testing.T) {
	w := newDemo(t)
	browser := atHome
	browser.linked = false
	browser.header = http.Header{}
	for _, name := range []string{"Accept", "Accept-Encoding", "Accept-Language", "Cache-Control", "Connection", "Cookie", "DNT", "Pragma", "Priority", "Referer", "Save-Data",
		"If-None-Match", "If-Modified-Since", "Sec-Ch-Ua", "Sec-Ch-Ua-Mobile", "Sec-Ch-Ua-Platform", "Sec-Fetch-Dest", "Sec-Fetch-Mode", "Sec-Fetch-Site", "Sec-Fetch-User",
		"Sec-GPC", "Sec-Purpose", "TE", "Upgrade-Insecure-Requests", "User-Agent"} {
		browser.header.Set(name, "x")
	}
	rec := browser.get(w, w.ConsolePath())
	if location := rec.Header().Get("Location"); location != "/console" {
		t.Fatalf("the link is HTTP %d to %q", rec.Code, location)
	}
	for _, c := range rec.Result().Cookies() {
		browser.session = c.Value
		if c.Name == console.ConsoleCookie {
			break
		}
	}
	if code := browser.get(w, "/console").Code; code != http.StatusOK {
		t.Errorf("the console behind it: HTTP %d", code)
	}
}

// In a demo without a password, the one-time link opens the console, the mailbox and
// the tour to one browser at this machine, and a fresh one is announced then.
func TestOneTimeLink(t *testing.T) {
	w := newDemo(t)
	var announced []string
	w.LinkUsed = func() { announced = append(announced, w.ConsolePath()) }
	browser := atHome
	browser.linked = false
	pages := []string{"/console", "/console/orders.csv", "/console/setup", demo.PanelPath, "/mailbox", "/mailbox/1", "/mailbox/1/html", "/tour", "/tour/till"}
	for _, path := range append(pages, web.LoginPath, web.LoginPath+"?key=", web.LoginPath+"?key=WRONG") {
		rec := browser.get(w, path)
		if page := rec.Body.String(); rec.Code != http.StatusForbidden || !strings.Contains(page, "tautan sekali pakai") || !strings.Contains(page, "one-time link") {
			t.Errorf("%s without the link: HTTP %d, want a page that says where it is", path, rec.Code)
		}
	}
	for _, path := range []string{demo.PanelPath + "/pay", demo.PanelPath + "/faults", "/tour", "/tour/reset", "/console/stock", "/console/logout-everywhere"} {
		if code := browser.post(w, path, nil).Code; code != http.StatusForbidden {
			t.Errorf("POST %s without the link: HTTP %d, want 403", path, code)
		}
	}
	link := w.ConsolePath()
	for name, stranger := range strangers() {
		if code := stranger.get(w, link).Code; code != http.StatusForbidden {
			t.Errorf("%s, with the link: HTTP %d, want 403", name, code)
		}
	}
	if w.ConsolePath() != link {
		t.Fatal("a stranger has spent the link")
	}
	rec := browser.get(w, link)
	if rec.Code != http.StatusSeeOther || rec.Header().Get("Location") != web.ConsolePath || len(announced) != 1 || announced[0] == link {
		t.Fatalf("the link: HTTP %d to %q, announced %v", rec.Code, rec.Header().Get("Location"), announced)
	}
	if code := browser.get(w, link).Code; code != http.StatusForbidden {
		t.Errorf("the link a second time: HTTP %d, want 403", code)
	}
	browser.session = sessionOf(t, rec, "/")
	for _, path := range pages {
		if code := browser.get(w, path).Code; code == http.StatusForbidden {
			t.Errorf("%s with the link: HTTP %d", path, code)
		}
	}
	beside := browser
	beside.header = http.Header{"Cookie": {console.ConsoleCookie + "=of-another-shop-on-this-machine"}}
	if code := beside.get(w, "/console").Code; code != http.StatusOK {
		t.Errorf("beside the session of another shop: HTTP %d", code)
	}
	for name, stranger := range strangers() {
		stranger.session = browser.session
		if code := stranger.get(w, "/console").Code; code != http.StatusForbidden {
			t.Errorf("%s, with a stolen session: HTTP %d, want 403", name, code)
		}
	}
	if rec := browser.post(w, "/console/logout", nil); rec.Code != http.StatusSeeOther || browser.get(w, "/console").Code != http.StatusForbidden {
		t.Error("signed out, and still in")
	}
}

// With a password it is asked for, from anywhere, and no link is good.
func TestPasswordOfADemo(t *testing.T) {
	w := newDemo(t)
	session, key := w.linkSession(), w.ConsolePath()
	w.setPassword()
	if w.ConsolePath() != web.ConsolePath {
		t.Errorf("a link is announced: %s", w.ConsolePath())
	}
	browser := atHome
	browser.linked, browser.session = false, session
	for _, path := range []string{"/console", "/console/orders.csv", demo.PanelPath, "/mailbox", "/tour"} {
		if rec := browser.get(w, path); rec.Code != http.StatusSeeOther || !strings.HasPrefix(rec.Header().Get("Location"), web.LoginPath+"?next=") {
			t.Errorf("%s: HTTP %d to %q, want the login", path, rec.Code, rec.Header().Get("Location"))
		}
	}
	if rec := browser.get(w, key); rec.Code != http.StatusOK || !strings.Contains(rec.Body.String(), `name="password"`) {
		t.Errorf("the link: HTTP %d, want the login", rec.Code)
	}
	rec := browser.post(w, web.LoginPath, url.Values{"password": {consolePassword}, "next": {"/tour"}})
	browser.session = sessionOf(t, rec, "/")
	if code := browser.get(w, rec.Header().Get("Location")).Code; code != http.StatusOK || rec.Header().Get("Location") != "/tour" {
		t.Errorf("signed in, to %q: HTTP %d", rec.Header().Get("Location"), code)
	}
}

// Outside of a demo there is no console without a password, wherever one asks from.
func TestNoConsoleWithoutAPassword(t *testing.T) {
	w := newEnv(t)
	for name, v := range map[string]visitor{"at this machine": atHome, "outside": outside} {
		for _, path := range []string{"/console", "/console/orders.csv", web.LoginPath, web.LoginPath + "?key="} {
			if got := v.get(w, path).Code; got != http.StatusNotFound {
				t.Errorf("%s, %s: HTTP %d, want 404", name, path, got)
			}
		}
	}
}

// One signs in with the password, for twelve hours, until one signs
// out; and cannot guess for long.
func TestConsoleLogin(t *testing.T) {
	w := newEnv(t)
	w.setPassword()
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
	w.clock.Advance(console.ConsoleSession)
	if got := in.get(w, "/console").Code; got != http.StatusSeeOther {
		t.Errorf("twelve hours later: HTTP %d, want the login", got)
	}
	if rec := outside.post(w, "/console/login", url.Values{"password": {consolePassword}, "next": {"https://evil.example/console"}}); rec.Header().Get("Location") != "/console" {
		t.Errorf("sent on to %q", rec.Header().Get("Location"))
	}
}

func signIn(t *testing.T, w *env, next string) visitor {
	t.Helper()
	rec := outside.post(w, "/console/login", url.Values{"password": {consolePassword}, "next": {next}})
	if rec.Code != http.StatusSeeOther || rec.Header().Get("Location") != next {
		t.Fatalf("sign in: HTTP %d to %q", rec.Code, rec.Header().Get("Location"))
	}
	v := outside
	v.session = sessionOf(t, rec, "/console")
	return v
}

// sessionOf is the session that an answer opens, for the pages below path.
func sessionOf(t *testing.T, rec *httptest.ResponseRecorder, path string) string {
	t.Helper()
	for _, c := range rec.Result().Cookies() {
		if c.Name == console.ConsoleCookie && c.HttpOnly && c.SameSite == http.SameSiteStrictMode && c.Path == path && time.Duration(c.MaxAge)*time.Second == console.ConsoleSession {
			return c.Value
		}
	}
	t.Fatalf("no session in %v", rec.Result().Cookies())
	return ""
}
