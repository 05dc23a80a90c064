package e2e_test

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"warungjokul/e2e/servers"
)

// privatePages are pages of a demo that show customers' data or drive the till.
var privatePages = []string{"/console", "/console/orders", "/console/orders.csv", "/console/setup", "/console/sandbox",
	"/mailbox", "/mailbox/1", "/tour", "/tour/till"}

// privateForms are forms that change something there.
var privateForms = []string{"/console/stock", "/console/sandbox/pay", "/console/sandbox/faults", "/tour", "/tour/reset",
	"/console/logout-everywhere"}

const silentFront = "nginx in HTTP/1.1, two lines"

// fronts are ways to put something in front of a shop that do not say whom they speak for,
// or hardly: each is an address that leads to the shop.
func fronts(t *testing.T, shop string) map[string]string {
	t.Helper()
	at := strings.TrimPrefix(shop, "http://")
	list := map[string]string{"a plain TCP forward": forward(t, at)}
	if outside := otherAddress(); outside != "" {
		_, port, _ := net.SplitHostPort(at)
		list["another address of this machine"] = net.JoinHostPort(outside, port)
	}
	servers.Need(t, "nginx", "nginx")
	for name, lines := range map[string]string{
		"nginx in two lines":         "",
		"nginx with Host $host":      "proxy_set_header Host $host;",
		"nginx with Host $http_host": "proxy_http_version 1.1; proxy_set_header Host $http_host;",
		"nginx with X-Real-IP":       "proxy_set_header X-Real-IP $remote_addr;",
		"nginx with X-Forwarded-For": "proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;",
		silentFront:                  "proxy_http_version 1.1;",
	} {
		listen := fixedPort(t)
		block := fmt.Sprintf("server {\nlisten %s;\nlocation / { proxy_pass %s; %s }\n}\n", listen, shop, lines)
		nginx, err := servers.RunNginx(t.TempDir(), block, "http://"+listen)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(nginx.Stop)
		list[name] = listen
	}
	return list
}

// forward carries bytes to an address as a tunnel does, and returns where it listens.
func forward(t *testing.T, to string) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			in, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer in.Close()
				out, err := net.Dial("tcp", to)
				if err != nil {
					return
				}
				defer out.Close()
				go func() { _, _ = io.Copy(out, in); out.(*net.TCPConn).CloseWrite() }()
				_, _ = io.Copy(in, out)
			}()
		}
	}()
	return l.Addr().String()
}

// otherAddress is an address of this machine that is no loopback address, or empty.
func otherAddress() string {
	addresses, _ := net.InterfaceAddrs()
	for _, a := range addresses {
		if n, ok := a.(*net.IPNet); ok && n.IP.To4() != nil && !n.IP.IsLoopback() {
			return n.IP.String()
		}
	}
	return ""
}

// asked sends a request to an address under the name of a host, and returns the answer's
// status, body and where it leads.
func asked(t *testing.T, method, address, host, path string, header http.Header) (status int, body, location string) {
	t.Helper()
	r, err := http.NewRequest(method, "http://"+address+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Host = host
	if header != nil {
		r.Header = header
	}
	client := http.Client{Timeout: patience, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	res, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, string(text), res.Header.Get("Location")
}

// isClosed reports whether an answer lets nobody in.
func isClosed(status int) bool {
	return status == http.StatusForbidden || status == http.StatusMisdirectedRequest
}

// localNames are Hosts by which a browser on this machine would ask for the shop, and those
// that a front is asked by.
func localNames(shop, front string) []string {
	_, port, _ := net.SplitHostPort(strings.TrimPrefix(shop, "http://"))
	return []string{front, "localhost", "localhost:" + port, "127.0.0.1:" + port, "[::1]:" + port}
}

// Whatever stands in front of a demo without a password, and by whatever name it is asked, no
// stranger gets to the console, the mailbox or the till, and no proxy's visitor spends the link.
func TestNoFrontOpensADemo(t *testing.T) {
	p := start(t, t.TempDir(), "ADDR=0.0.0.0:0", "PUBLIC_DEMO=yes", "RATE_LIMIT=off")
	v := visit(t, p)
	v.await(v.order("MNM-TEH"), "a code", hasCode)
	link, err := url.Parse(p.link())
	if err != nil {
		t.Fatal(err)
	}
	for name, front := range fronts(t, p.shop) {
		for _, host := range localNames(p.shop, front) {
			for _, path := range privatePages {
				status, body, _ := asked(t, http.MethodGet, front, host, path, nil)
				if !isClosed(status) || strings.Contains(body, "Budi") {
					t.Errorf("%s, as %s: GET %s is HTTP %d", name, host, path, status)
				}
			}
			for _, path := range privateForms {
				if status, _, _ := asked(t, http.MethodPost, front, host, path, nil); !isClosed(status) {
					t.Errorf("%s, as %s: POST %s is HTTP %d", name, host, path, status)
				}
			}
		}
		if name == silentFront { // nothing tells it from a browser here: the key is what keeps strangers out
			continue
		}
		if status, _, location := asked(t, http.MethodGet, front, front, link.RequestURI(), nil); location == "/console" {
			t.Errorf("%s, with the link: HTTP %d to the console", name, status)
		}
	}
	shop := strings.TrimPrefix(p.shop, "http://")
	if _, _, location := asked(t, http.MethodGet, shop, shop, link.RequestURI(), nil); location != "/console" {
		t.Error("the link does not open the console at its own machine any more")
	}
	if _, _, location := asked(t, http.MethodGet, shop, shop, link.RequestURI(), nil); location == "/console" {
		t.Error("the link opens the console twice")
	}
	if again := p.link(); again == link.String() || !strings.HasPrefix(again, p.shop+"/console/login?key=") {
		t.Errorf("the terminal shows %q after %q", again, link)
	}
}

// Strangers use the till of a public demo, at the shop's own address, and nothing else of its gateway.
func TestPublicDemo(t *testing.T) {
	gateway := fixedPort(t)
	_, port, _ := net.SplitHostPort(gateway)
	p := start(t, t.TempDir(), "ADDR=0.0.0.0:0", "SANDBOX_ADDR=0.0.0.0:"+port, "CONSOLE_PASSWORD="+consoleHash)
	v := visit(t, p)
	path := v.order("MNM-TEH")
	code := v.await(path, "a code", hasCode).PaymentCode
	page := v.look(path)
	if !strings.Contains(page, `href="/simulator?payment_code=`+code) || strings.Contains(page, "how-to-pay-page") {
		t.Error("the order page does not link the till at the shop, or links a page that nobody elsewhere reaches")
	}
	if till := v.look("/simulator?payment_code=" + code); !strings.Contains(till, code) {
		t.Errorf("the till does not know the code %s", code)
	}
	refusedAtTheTill(t, v, code)
	if till := v.look("/simulator"); strings.Contains(till, "Budi") || strings.Contains(till, "payment_code=8") {
		t.Error("the till of a public demo lists codes and names")
	}
	shop := strings.TrimPrefix(p.shop, "http://")
	if status, _, _ := asked(t, http.MethodGet, shop, "evil.example", "/simulator", nil); status != http.StatusMisdirectedRequest {
		t.Errorf("the till by a stranger's name: HTTP %d, want 421", status)
	}
	if status, _, _ := asked(t, http.MethodGet, shop, shop, "/control/payments", nil); status != http.StatusNotFound {
		t.Errorf("the gateway's control at the shop: HTTP %d, want 404", status)
	}
	for _, header := range []http.Header{nil, {"Authorization": {"Bearer "}}, {"Authorization": {"Bearer " + secret}}} {
		if status, body, _ := asked(t, http.MethodGet, gateway, gateway, "/control/payments", header); status != http.StatusUnauthorized || strings.Contains(body, code) {
			t.Errorf("the gateway's control with %v: HTTP %d, want 401", header, status)
		}
	}
	if panel := signIn(t, p).look("/console/sandbox"); !strings.Contains(panel, code) || !strings.Contains(panel, `href="/simulator?lang=`) {
		t.Error("staff do not see the code in the panel, or the way to the till")
	}
}

// refusedAtTheTill presses what the till of a public demo has for nobody, on the code of another visitor, which can
// still be paid then. The page offers none of it.
func refusedAtTheTill(t *testing.T, v visitor, code string) {
	t.Helper()
	till := v.look("/simulator?payment_code=" + code)
	for _, part := range []string{"/simulator/clock", "/resend", `value="expire"`, `value="pay_twice"`} {
		if strings.Contains(till, part) {
			t.Errorf("the till of a public demo offers %q", part)
		}
	}
	for _, form := range []struct {
		path   string
		values url.Values
	}{
		{"/simulator/clock", url.Values{"advance": {"1660000h"}}},
		{"/simulator/clock", url.Values{"advance": {"30m"}}},
		{"/simulator/deliveries/1/resend", nil},
		{"/simulator/payments", url.Values{"payment_code": {code}, "action": {"expire"}}},
		{"/simulator/payments", url.Values{"payment_code": {code}, "action": {"pay_late"}}},
		{"/simulator/payments", url.Values{"payment_code": {code}, "action": {"pay_twice"}}},
		{"/simulator/payments", url.Values{"payment_code": {code}, "action": {"pay_wrong_amount"}}},
	} {
		if res := v.post(form.path, form.values); res.StatusCode != http.StatusForbidden {
			t.Errorf("POST %s %v: %s, want 403", form.path, form.values, res.Status)
		}
	}
	if till := v.look("/simulator?payment_code=" + code); !strings.Contains(till, `data-testid="pay"`) {
		t.Error("the code cannot be paid any more")
	}
}

// With a password it is asked for, by whatever way one comes.
func TestAPasswordIsAlwaysAskedFor(t *testing.T) {
	demo := start(t, t.TempDir(), "ADDR=0.0.0.0:0", "PUBLIC_DEMO=yes", "CONSOLE_PASSWORD="+consoleHash, "RATE_LIMIT=off")
	if at := demo.link(); at != demo.shop+"/console" {
		t.Errorf("the terminal shows %q, want the console", at)
	}
	ways := fronts(t, demo.shop)
	ways["directly"] = strings.TrimPrefix(demo.shop, "http://")
	for name, front := range ways {
		for _, host := range localNames(demo.shop, front) {
			for _, path := range privatePages {
				status, _, location := asked(t, http.MethodGet, front, host, path, nil)
				if status != http.StatusMisdirectedRequest && !strings.HasPrefix(location, "/console/login?next=") {
					t.Errorf("%s, as %s: %s is HTTP %d to %q, want the login", name, host, path, status, location)
				}
			}
		}
	}
	signIn(t, demo).look("/mailbox")
}

// A site that lets its own name resolve to this machine reaches neither the shop nor the
// gateway's control, and a page of another site drives neither. What programs ask for by
// whatever name is answered.
func TestRebindingAndCrossSite(t *testing.T) {
	p := start(t, t.TempDir())
	v := visit(t, p)
	code := v.await(v.order("MNM-TEH"), "a code", hasCode).PaymentCode
	shop, till := strings.TrimPrefix(p.shop, "http://"), strings.TrimPrefix(p.sandbox, "http://")
	_, shopPort, _ := net.SplitHostPort(shop)
	_, tillPort, _ := net.SplitHostPort(till)
	for _, name := range []string{"evil.example", "127.0.0.1.evil.example", "localhost.evil.example", "evil.localhost"} {
		for _, path := range append(privatePages, "/", "/cart", "/gallery", "/static/app.css") {
			status, body, _ := asked(t, http.MethodGet, shop, name+":"+shopPort, path, nil)
			if status != http.StatusMisdirectedRequest || strings.Contains(body, "evil") {
				t.Errorf("the shop as %s: %s is HTTP %d, want 421", name, path, status)
			}
		}
		for _, path := range []string{"/control/payments", "/control/requests", "/control/deliveries",
			"/simulator", "/simulator?payment_code=" + code} {
			status, body, _ := asked(t, http.MethodGet, till, name+":"+tillPort, path, nil)
			if status != http.StatusMisdirectedRequest || strings.Contains(body, "Budi") {
				t.Errorf("the gateway as %s: %s is HTTP %d, want 421", name, path, status)
			}
		}
		own := http.Header{"Origin": {"http://" + name + ":" + tillPort}, "Sec-Fetch-Site": {"same-origin"}}
		status, _, _ := asked(t, http.MethodPost, till, name+":"+tillPort, "/control/payments", own)
		if status != http.StatusMisdirectedRequest {
			t.Errorf("the gateway as %s: a payment is HTTP %d, want 421", name, status)
		}
	}
	for what, header := range map[string]http.Header{
		"another site":        {"Origin": {"http://evil.example"}, "Sec-Fetch-Site": {"cross-site"}},
		"an old browser":      {"Origin": {"http://evil.example"}},
		"a sandboxed frame":   {"Origin": {"null"}},
		"another port":        {"Origin": {"http://127.0.0.1:1"}, "Sec-Fetch-Site": {"same-site"}},
		"the shop's own page": {"Origin": {p.shop}, "Sec-Fetch-Site": {"same-site"}},
	} {
		body := strings.NewReader(`{"payment_code":"` + code + `","action":"pay"}`)
		r, err := http.NewRequest(http.MethodPost, p.sandbox+"/control/payments", body)
		if err != nil {
			t.Fatal(err)
		}
		r.Header = header
		res, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		_ = res.Body.Close()
		if res.StatusCode != http.StatusForbidden {
			t.Errorf("a payment from %s: %s, want 403", what, res.Status)
		}
	}
	for path, want := range map[string]int{"/healthz": http.StatusOK, "/readyz": http.StatusOK} {
		if status, _, _ := asked(t, http.MethodGet, shop, "10.1.2.3:8080", path, nil); status != want {
			t.Errorf("a probe by another address: %s is HTTP %d, want %d", path, status, want)
		}
	}
	if status, _, _ := asked(t, http.MethodPost, shop, "203.0.113.5", path, nil); status != http.StatusUnauthorized {
		t.Errorf("an unsigned notification by another name: HTTP %d, want 401", status)
	}
	if !strings.Contains(p.logs.String(), "request for a host that is not this shop's") {
		t.Error("the log does not say so")
	}
}

// Sessions outlive a restart, but not their password, and end everywhere at a word.
func TestSessionsEndWithTheirPassword(t *testing.T) {
	p := newPair(t, "", "CONSOLE_PASSWORD="+consoleHash)
	restart := func(password string) {
		t.Helper()
		if err := p.shop.stop(); err != nil {
			t.Fatal(err)
		}
		p.shop.environ = append(p.shop.environ, "CONSOLE_PASSWORD="+password)
		if err := p.shop.start(); err != nil {
			t.Fatal(err)
		}
	}
	in := func(v visitor) bool { status, _ := v.get("/console"); return status == http.StatusOK }
	one, two := signIn(t, p.program()), signIn(t, p.program())
	restart(consoleHash)
	if !in(one) || !in(two) {
		t.Error("a restart has ended sessions")
	}
	if res := one.post("/console/logout-everywhere", nil); res.StatusCode != http.StatusSeeOther || in(one) || in(two) {
		t.Errorf("signed out everywhere (%s), and still in: %v, %v", res.Status, in(one), in(two))
	}
	one = signIn(t, p.program())
	restart("another-password")
	if in(one) {
		t.Error("a session has outlived its password")
	}
	restart(consoleHash)
	if in(one) {
		t.Error("a session that had ended is back with its password")
	}
}

// guess tries to sign in from an address that a proxy tells of, in X-Forwarded-For or another header.
func guess(t *testing.T, client *http.Client, shop, from, password string, header ...string) int {
	t.Helper()
	header = append(header, "X-Forwarded-For")
	form := strings.NewReader(url.Values{"password": {password}}.Encode())
	r, err := http.NewRequest(http.MethodPost, shop+"/console/login", form)
	if err != nil {
		t.Fatal(err)
	}
	r.Header = http.Header{"Content-Type": {"application/x-www-form-urlencoded"}}
	r.Header.Set(header[0], from)
	res, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	page := bytes.Contains(text, []byte("</html>"))
	if res.StatusCode == http.StatusTooManyRequests && (res.Header.Get("Retry-After") == "" || !page) {
		t.Error("429 without Retry-After or a page")
	}
	return res.StatusCode
}

// Guessers with many addresses are held up, and do not hold up those who have signed in before,
// be it that their browser has or that their address has.
func TestGuessersDoNotLockStaffOut(t *testing.T) {
	p := newPair(t, "", "CONSOLE_PASSWORD="+consoleHash, "TRUSTED_PROXIES=127.0.0.1")
	staff, colleague := visit(t, p.program()), visit(t, p.program())
	if status := guess(t, staff.Client, p.shop.base, "198.51.100.7", consolePassword); status != http.StatusSeeOther {
		t.Fatalf("sign in: HTTP %d", status)
	}
	held := false
	for i := 0; i < 2000 && !held; i++ {
		from := fmt.Sprintf("203.0.113.%d", i%250)
		held = guess(t, plain, p.shop.base, from, fmt.Sprint("guess-", i)) == http.StatusTooManyRequests
	}
	if !held {
		t.Error("guessers are never held up")
	}
	if status := guess(t, staff.Client, p.shop.base, "192.0.2.77", consolePassword); status != http.StatusSeeOther {
		t.Errorf("a browser that has signed in before, from elsewhere: HTTP %d", status)
	}
	if status := guess(t, colleague.Client, p.shop.base, "198.51.100.7", consolePassword); status != http.StatusSeeOther {
		t.Errorf("another browser at an address that has signed in before: HTTP %d", status)
	}
}

// Behind a proxy that sets one of the two headers, a visitor who sends the other one is one client all the same. A proxy
// that sets neither is none to trust.
func TestVisitorsDoNotChooseTheirAddress(t *testing.T) {
	p := newPair(t, "", "CONSOLE_PASSWORD="+consoleHash, "TRUSTED_PROXIES=127.0.0.2")
	servers.Need(t, "nginx", "nginx")
	for set, sent := range map[string]string{
		"X-Real-IP $remote_addr":                     "X-Forwarded-For",
		"X-Forwarded-For $remote_addr":               "X-Real-IP",
		"X-Forwarded-For $proxy_add_x_forwarded_for": "X-Forwarded-For",
	} {
		listen := fixedPort(t)
		lines := "proxy_bind 127.0.0.2; proxy_set_header Host $host; proxy_set_header " + set + ";"
		block := fmt.Sprintf("server {\nlisten %s;\nlocation / { proxy_pass %s; %s }\n}\n", listen, p.shop.base, lines)
		nginx, err := servers.RunNginx(t.TempDir(), block, "http://"+listen)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(nginx.Stop)
		held := 0
		for i := range 10 {
			status := guess(t, plain, "http://"+listen, fmt.Sprintf("203.0.113.%d", i), "wrong", sent)
			if status == http.StatusTooManyRequests {
				held++
			}
		}
		if held == 0 {
			t.Errorf("behind %q, whoever sends another %s each time is never held up", set, sent)
		}
	}
	if said := p.shop.logs.String(); !strings.Contains(said, "that differ") || strings.Contains(said, "203.0.113.") {
		t.Errorf("the log does not say that the headers differ, or has an address that a visitor made up:\n%s", said)
	}
}

// Without TRUSTED_PROXIES nobody chooses an address by a header, and the log says what is ignored.
func TestAnUntrustedProxyIsSaid(t *testing.T) {
	p := newPair(t, "", "CONSOLE_PASSWORD="+consoleHash)
	held := false
	for i := 0; i < 200 && !held; i++ {
		held = guess(t, plain, p.shop.base, fmt.Sprintf("203.0.113.%d", i), "wrong") == http.StatusTooManyRequests
	}
	if !held {
		t.Error("whoever sends another X-Forwarded-For each time is never held up")
	}
	if said := p.shop.logs.String(); !strings.Contains(said, "TRUSTED_PROXIES") || strings.Contains(said, "from=203.0.113.") {
		t.Errorf("the log does not say that the header is ignored:\n%s", said)
	}
}
