package handlers

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"

	"warungjokul/handlers/console"
	"warungjokul/handlers/shop"
	"warungjokul/handlers/web"
	"warungjokul/jokul"
	"warungjokul/models"
	"warungjokul/payments/testgateway"
)

// whatItIs are the headers of an answer that say what it is.
var whatItIs = []string{"Content-Type", "Cache-Control", "Etag", "Vary", "Location", "Content-Disposition", "Content-Length", "Last-Modified", "X-Accel-Buffering"}

// onEveryAnswer are headers.
var onEveryAnswer = map[string]string{
	"X-Content-Type-Options": "nosniff", "Referrer-Policy": "same-origin", "Cross-Origin-Opener-Policy": "same-origin",
	"Cross-Origin-Resource-Policy": "same-origin", "Permissions-Policy": web.Permissions,
}

// Each address that answers GET answers HEAD with the same status and headers and no body, and OPTIONS with what it
// allows. Every other method is refused with the same list.
func TestHeadAndOptionsEverywhere(t *testing.T) {
	w := newInputEnv(t)
	paths := map[string][]string{} // and what it allows
	for _, r := range w.echo.Routes() {
		path := strings.NewReplacer(":token", w.token, ":number", w.number, ":slug", "teh-melati", ":sku", "MNM-TEH", ":id", "1", ":name", "error-404").Replace(r.Path)
		if r.Path == web.StaticRoute {
			path = "/static/app.css"
		}
		if strings.HasPrefix(r.Method, "echo") { // Echo's own answer to what is not found in a group
			continue
		}
		paths[path] = append(paths[path], r.Method)
	}
	if len(paths) < 40 {
		t.Fatalf("only %d addresses: %v", len(paths), paths)
	}
	for path, methods := range paths {
		if slices.Contains(methods, http.MethodGet) {
			w.compareHead(path)
		}
		for _, method := range []string{http.MethodPut, http.MethodDelete, http.MethodPatch, http.MethodGet, http.MethodHead, http.MethodPost} {
			if slices.Contains(methods, method) {
				continue
			}
			res, _ := w.send(method, path, "", nil, w.cookies)
			w.allows(method+" "+path, res, http.StatusMethodNotAllowed, methods)
		}
		res, body := w.send(http.MethodOptions, path, "", nil, w.cookies)
		w.allows("OPTIONS "+path, res, http.StatusNoContent, methods)
		if body != "" {
			t.Errorf("OPTIONS %s has a body", path)
		}
	}
}

func (w *inputEnv) compareHead(path string) {
	w.t.Helper()
	if strings.HasSuffix(path, "/events") {
		res, body := w.send(http.MethodHead, path, "", nil, w.cookies)
		if got := res.Header.Get("Content-Type"); res.StatusCode != http.StatusOK || got != "text/event-stream" || body != "" {
			w.t.Errorf("HEAD %s: HTTP %d %s", path, res.StatusCode, got)
		}
		return
	}
	plain := http.Header{"Accept-Encoding": {"identity"}}
	get, page := w.send(http.MethodGet, path, "", plain, w.cookies)
	head, body := w.send(http.MethodHead, path, "", plain, w.cookies)
	if head.StatusCode != get.StatusCode || body != "" {
		w.t.Errorf("HEAD %s: HTTP %d with %d bytes, GET: HTTP %d", path, head.StatusCode, len(body), get.StatusCode)
	}
	for _, name := range whatItIs {
		a, b := get.Header.Values(name), head.Header.Values(name)
		if name == "Content-Length" && (len(page) == 0 || strings.HasPrefix(path, "/console") || path == "/metrics") { // figures change, exports are not counted
			continue
		}
		if !slices.Equal(a, b) {
			w.t.Errorf("HEAD %s: %s %q, GET: %q (%d bytes)", path, name, b, a, len(page))
		}
	}
	for name, want := range onEveryAnswer {
		if a, b := get.Header.Get(name), head.Header.Get(name); a != want || b != want {
			w.t.Errorf("%s: %s is %q and %q, want %q", path, name, a, b, want)
		}
	}
	if csp := get.Header.Get("Content-Security-Policy"); !strings.Contains(csp, "default-src 'none'") || !strings.Contains(csp, "frame-ancestors") {
		w.t.Errorf("%s: policy %q", path, csp)
	}
}

func (w *inputEnv) allows(what string, res *http.Response, status int, methods []string) {
	w.t.Helper()
	allowed := strings.Split(res.Header.Get("Allow"), ", ")
	for _, method := range methods {
		if !slices.Contains(allowed, method) {
			w.t.Errorf("%s: allows %q, not %s", what, allowed, method)
		}
	}
	if res.StatusCode != status || len(allowed) != len(methods)+1 || res.Header.Get("Cross-Origin-Opener-Policy") == "" {
		w.t.Errorf("%s: HTTP %d, allows %q, want %d and %q", what, res.StatusCode, allowed, status, methods)
	}
}

// The listener for whoever runs the shop answers HEAD as well, and says what it allows.
func TestHeadOfOps(t *testing.T) {
	w := newInputEnv(t)
	w.at = w.serve(w.OpsHandler())
	for _, path := range []string{"/healthz", "/readyz", "/metrics", "/debug/pprof/"} {
		if strings.HasPrefix(path, "/debug") {
			w.host = "localhost" // profiles are for those who ask by address
		}
		get, _ := w.send(http.MethodGet, path, "", nil, nil)
		head, body := w.send(http.MethodHead, path, "", nil, nil)
		if head.StatusCode != http.StatusOK || body != "" || head.Header.Get("Content-Type") != get.Header.Get("Content-Type") ||
			get.Header.Get("Cross-Origin-Resource-Policy") != "same-origin" {
			t.Errorf("HEAD %s: HTTP %d %v", path, head.StatusCode, head.Header)
		}
		for name, want := range onEveryAnswer {
			if got := get.Header.Get(name); got != want {
				t.Errorf("%s: %s is %q, want %q", path, name, got, want)
			}
		}
		if csp := get.Header.Get("Content-Security-Policy"); !strings.Contains(csp, "default-src 'none'") || !strings.Contains(csp, "frame-ancestors '") {
			t.Errorf("%s: policy %q", path, csp)
		}
		if res, _ := w.send(http.MethodPost, path, "", nil, nil); res.StatusCode != http.StatusMethodNotAllowed || !strings.Contains(res.Header.Get("Allow"), "HEAD") {
			t.Errorf("POST %s: HTTP %d, allows %q", path, res.StatusCode, res.Header.Get("Allow"))
		}
	}
}

// A search that is too long is a search for its first words, and the page says so.
func TestALongSearchIsCut(t *testing.T) {
	w := newInputEnv(t)
	for query, want := range map[string]struct {
		shown, notice string
	}{
		"teh":                        {"“teh”", ""},
		"teh" + of("+teh", 1000):     {"“teh”", "first words only: “teh”"},
		"a+b+c+d+e+f+g+h+i+j":        {"“a b c d e f g h”", "first words only: “a b c d e f g h”"},
		of("x", 4000):                {"“" + of("x", web.MaxSearch) + "”", "first words only"},
		"teh%00%E2%80%AE%E2%80%8B+a": {"“teh a”", ""},
	} {
		res, page := w.send(http.MethodGet, "/?lang=en&q="+query, "", nil, nil)
		if res.StatusCode != http.StatusOK || !strings.Contains(page, want.shown) || strings.Contains(page, "first words only") != (want.notice != "") ||
			!strings.Contains(page, want.notice) {
			t.Errorf("%.40q: HTTP %d, %v", query, res.StatusCode, strings.Contains(page, want.shown))
		}
		if len(page) > 100_000 || strings.Contains(page, of("x", web.MaxSearch+1)) {
			t.Errorf("%.40q: the page repeats all of it", query)
		}
	}
}

// Searches are counted for each client, and nothing else of the catalogue is.
func TestSearchesAreCounted(t *testing.T) {
	w := newInputEnv(t)
	w.RateLimit = true
	for path, most := range map[string]int{"/?q=teh": shop.CatalogueSearches, "/console/orders?q=budi": console.ConsoleSearches} {
		for n := range most + 1 {
			want := http.StatusOK
			if n == most {
				want = http.StatusTooManyRequests
			}
			res, page := w.send(http.MethodGet, path, "", nil, w.cookies)
			if res.StatusCode == http.StatusOK && n == most { // a slow machine has been given more meanwhile
				continue
			}
			if res.StatusCode != want {
				t.Fatalf("%s: request %d: HTTP %d", path, n, res.StatusCode)
			}
			if n == most && (res.Header.Get("Retry-After") == "" || !strings.Contains(page, "Pelan-pelan")) {
				t.Errorf("%s: the refusal does not say what to do", path)
			}
		}
		plain, _, _ := strings.Cut(path, "?")
		if res, _ := w.send(http.MethodGet, plain, "", nil, w.cookies); res.StatusCode != http.StatusOK {
			t.Errorf("%s without a search: HTTP %d", plain, res.StatusCode)
		}
	}
}

// A path of the request becomes a link only where it is one of the shop's own.
func TestLinksLeadNowhereElse(t *testing.T) {
	w := newInputEnv(t)
	for _, path := range []string{"//evil.example/a", "///evil.example", "/%2f/evil.example", "/%5cevil.example", "/%09/evil.example", "/x//evil.example",
		"/orders/%2f%2fevil.example/payments", "/find-order//evil.example", "/console/login?next=//evil.example", `/console/login?next=/%5cevil.example`,
		"/console/login?next=https://evil.example/console", "/console//evil.example", "/cart?x=//evil.example", "/products/%2f%2fevil.example"} {
		for _, session := range []map[string]string{nil, w.cookies} {
			res, page := w.send(http.MethodGet, path, "", http.Header{"Referer": {"http://example.com//evil.example"}}, session)
			for _, link := range []string{`="//`, `="/\`, `="/%5c`, `="/%09`, `="/%2f/`, `value="//`, `="https://evil`} {
				if strings.Contains(strings.ToLower(page), link) {
					t.Errorf("%s: the page has a link %s", path, link)
				}
			}
			if to := res.Header.Get("Location"); strings.HasPrefix(to, "//") || strings.Contains(to, "evil.example") && !strings.HasPrefix(to, "/orders/") {
				t.Errorf("%s: redirected to %q", path, to)
			}
		}
	}
	for next, want := range map[string]string{"//evil.example": "/console", "/console/orders?q=budi": "/console/orders?q=budi", "/consolers": "/console",
		`/console\evil`: "/console", "/console//evil.example": "/console", "javascript:alert(1)": "/console", "": "/console"} {
		res, _ := w.send(http.MethodPost, "/console/login", "password="+consolePassword+"&next="+strings.NewReplacer("?", "%3f", "=", "%3d", `\`, "%5c").Replace(next), nil, nil)
		if to := res.Header.Get("Location"); to != want {
			t.Errorf("next %q leads to %q, want %q", next, to, want)
		}
	}
	back := func(referer string) string {
		_, page := w.send(http.MethodPost, "/cart/items", "sku=x", http.Header{"Referer": {referer}}, nil)
		return page
	}
	if !strings.Contains(back("http://example.com/products/teh-melati"), `href="/products/teh-melati"`) {
		t.Error("an error does not lead back")
	}
	for _, referer := range []string{"http://example.com//evil.example", `http://example.com/\evil.example`, "http://evil.example/a", "http://example.com/%2f%2fevil.example"} {
		if page := back(referer); strings.Contains(page, "evil") {
			t.Errorf("an error leads back to %s", referer)
		}
	}
}

// A notification is read up to its bounds, and nothing past them is believed or kept.
func TestNotificationsAreBounded(t *testing.T) {
	w := newInputEnv(t)
	invoice := w.stored("/orders/" + w.token).Payment().InvoiceNumber
	pad := func(size int) string {
		body := `{"order":{"invoice_number":` + strconv.Quote(invoice) + `,"amount":1},"transaction":{"status":"PENDING"},"x":"`
		return body + of("x", size-len(body)-2) + `"}`
	}
	send := func(body, id string, change func(http.Header)) int {
		c := jokul.Component{ClientID: testgateway.ClientID, RequestID: id, Timestamp: w.clock.Now().UTC().Format(jokul.TimestampLayout),
			Target: "/payments/notifications", Digest: jokul.Digest([]byte(body))}
		header := http.Header{jokul.HeaderClientID: {c.ClientID}, jokul.HeaderRequestID: {c.RequestID}, jokul.HeaderRequestTimestamp: {c.Timestamp},
			jokul.HeaderSignature: {jokul.Sign(testgateway.SecretKey, c)}}
		change(header)
		res, _ := w.send(http.MethodPost, "/payments/notifications", body, header, nil)
		return res.StatusCode
	}
	none := func(http.Header) {}
	if got := send(pad(jokul.MaxNotificationSize), of("i", 128), none); got != http.StatusOK {
		t.Errorf("the largest body and the longest Request-Id: HTTP %d", got)
	}
	before := w.kept() + w.messages()
	if got := send(pad(jokul.MaxNotificationSize+1), "a", none); got != http.StatusRequestEntityTooLarge {
		t.Errorf("a byte more: HTTP %d", got)
	}
	if got := send(pad(1000), of("i", 129), none); got != http.StatusUnauthorized {
		t.Errorf("a longer Request-Id: HTTP %d", got)
	}
	for _, name := range []string{jokul.HeaderClientID, jokul.HeaderRequestID, jokul.HeaderRequestTimestamp, jokul.HeaderSignature} {
		for value, change := range map[string]func(http.Header){
			"none": func(h http.Header) { h.Del(name) }, "two": func(h http.Header) { h.Add(name, h.Get(name)) },
			"long": func(h http.Header) { h.Set(name, of("x", 9000)) }, "not UTF-8": func(h http.Header) { h.Set(name, "\xff\xfe") },
		} {
			if got := send(pad(1000), "b", change); got != http.StatusUnauthorized {
				t.Errorf("%s, %s: HTTP %d", name, value, got)
			}
		}
	}
	if after := w.kept() + w.messages(); after != before {
		t.Errorf("this changed\n%s\nto\n%s", before, after)
	}
}

// messages are the notifications that are kept.
func (w *inputEnv) messages() (ids string) {
	w.t.Helper()
	list, err := w.Store.Notifications(w.t.Context(), models.InboxAll, "", 0, 100)
	if err != nil {
		w.t.Fatal(err)
	}
	for _, n := range list {
		ids += " " + n.RequestID
	}
	return ids
}
