package e2e_test

import (
	"bufio"
	"encoding/csv"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"warungjokul/e2e/servers"
	"warungjokul/models/testdb"
)

// TestBounds sends the real program what no browser sends, on both databases, directly and behind nginx: searches
// without end, bytes that are no text, paths that are another site's, names that do not show. Nothing of it is an error
// of the shop's, nothing changes, and shoppers are served afterwards as before.
func TestBounds(t *testing.T) {
	t.Parallel()
	for name, database := range map[string]func(*testing.T) string{
		"SQLite":     func(t *testing.T) string { return "sqlite:" + t.TempDir() + "/warung.db" },
		"PostgreSQL": func(t *testing.T) string { return testdb.On(t, sharedPostgres(t)) },
	} {
		t.Run(name, func(t *testing.T) {
			b := newBounds(t, database(t))
			v := visit(t, b.p.program())
			victim := v.order("MNM-GAYO")
			code := v.await(victim, "a code", hasCode)
			before := b.p.snapshot(t)
			b.searches()
			b.bytes(victim)
			b.links()
			b.methods(victim)
			if after := b.p.snapshot(t); after != before {
				t.Errorf("the stored data became\n%s\nwas\n%s", after, before)
			}
			b.names()
			act(t, b.p.program(), code.PaymentCode, "pay")
			v.await(victim, "paid after all that", isPaid)
		})
	}
}

// bounds is a shop outside of a demo, with nginx in front of it.
type bounds struct {
	*testing.T
	p     *pair
	doors map[string]string // the addresses it is reached at
}

func newBounds(t *testing.T, database string) bounds {
	t.Helper()
	servers.Need(t, "nginx", "nginx")
	front := strings.TrimPrefix(fixedPort(t), "http://")
	p := newPairOn(t, database, "", "BASE_URL=http://"+front, "CONSOLE_PASSWORD="+consoleHash, "RATE_LIMIT=off")
	shop := strings.TrimPrefix(p.shop.base, "http://")
	nginx, err := servers.StartNginx(t.TempDir(), "../docs/operate.md", front, []string{shop})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nginx.Stop)
	return bounds{t, p, map[string]string{"directly": shop, "behind nginx": front}}
}

// raw asks for an address as it is written: clients tidy addresses up.
func (b bounds) raw(door, method, target string) (*http.Response, string) {
	b.Helper()
	conn, err := net.Dial("tcp", b.doors[door])
	if err != nil {
		b.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprintf(conn, "%s %s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n", method, target, b.doors[door])
	res, err := http.ReadResponse(bufio.NewReader(conn), &http.Request{Method: method})
	if err != nil {
		b.Fatalf("%s, %s %.60s: %v", door, method, target, err)
	}
	defer res.Body.Close()
	page, err := io.ReadAll(res.Body)
	if err != nil {
		b.Fatalf("%s, %s %.60s: %v", door, method, target, err)
	}
	return res, string(page)
}

// searches are of every length, up to what a server takes for an address.
func (b bounds) searches() {
	words := strings.Builder{}
	for n := range 1000 {
		fmt.Fprintf(&words, "w%d+", n)
		if n%97 == 0 || n == 999 {
			if res, _ := b.raw("directly", "GET", "/?q="+words.String()); res.StatusCode != http.StatusOK {
				b.Errorf("a search for %d words: %s", n+1, res.Status)
			}
		}
	}
	for _, long := range []string{strings.Repeat("kopi+", 1500), strings.Repeat("x", 7500), strings.Repeat("%25", 2500), strings.Repeat("%CC%81", 1200)} {
		for door := range b.doors {
			if res, page := b.raw(door, "GET", "/?lang=en&q="+long); res.StatusCode != http.StatusOK || !strings.Contains(page, "first words only") || len(page) > 100_000 {
				b.Errorf("%s, a search of %d bytes: %s, %d bytes", door, len(long), res.Status, len(page))
			}
		}
	}
	if res, _ := b.raw("directly", "GET", "/?q="+strings.Repeat("kopi+", 15<<10/5)); res.StatusCode != http.StatusOK {
		b.Errorf("a search of 15 KB: %s", res.Status)
	}
	if res, _ := b.raw("directly", "GET", "/?q="+strings.Repeat("x", 64<<10)); res.StatusCode != http.StatusRequestHeaderFieldsTooLarge {
		b.Errorf("a search of 64 KB: %s", res.Status)
	}
	v := b.staff("directly")
	for _, query := range []string{strings.Repeat("budi+", 1500), strings.Repeat("x", 15_000), strings.Repeat("%C3%A9", 2500), words.String()} {
		for _, path := range []string{"/console/orders", "/console/orders.csv", "/console/notifications"} {
			if status, _ := v.get(path + "?q=" + query); status != http.StatusOK {
				b.Errorf("%s?q=%.20s...: HTTP %d", path, query, status)
			}
		}
	}
}

// staff is signed in to the console.
func (b bounds) staff(door string) visitor {
	b.Helper()
	v := visit(b.T, &program{shop: "http://" + b.doors[door], sandbox: b.p.gateway.base})
	if res := v.post("/console/login", url.Values{"password": {consolePassword}}); res.StatusCode != http.StatusSeeOther {
		b.Fatalf("sign in: %s", res.Status)
	}
	return v
}

// bytes are what is no text, or none that a database knows, wherever text is taken.
func (b bounds) bytes(victim string) {
	v := b.staff("directly")
	for _, value := range []string{"%00", "a%00b", "%FF%FE", "%ED%A0%80", "%C0%80", "%E2%80%AE", "%0D%0AX-Evil:1", "9223372036854775808", "-9223372036854775808-1"} {
		for _, target := range []string{"/?q=", "/?category=", "/?lang=", "/?lang=en&lang=", "/products/", "/orders/", victim + "?mailed=", "/console/orders?q=",
			"/console/orders?status=", "/console/orders?from=", "/console/orders?after=", "/console/orders/", "/console/cases/", "/console/notifications?q=",
			"/console/notifications?before=", "/console/notifications?show=", "/console/notifications/", "/console/stock?saved=", "/console/login?next="} {
			if status, _ := v.get(target + value); status >= 500 {
				b.Errorf("GET %s%s: HTTP %d", target, value, status)
			}
		}
		raw, _ := url.QueryUnescape(value)
		for path, form := range map[string]url.Values{
			"/cart/items":    {"sku": {raw}, "quantity": {"1"}},
			"/find-order":    {"order_number": {raw}, "email": {raw}},
			"/checkout":      {"name": {raw}, "email": {raw}, "phone": {raw}, "checkout_id": {raw}},
			"/console/stock": {"sku": {raw}, "seen": {"1"}, "stock": {"1"}},
			"/console/login": {"password": {raw}, "next": {raw}},
		} {
			if res := v.post(path, form); res.StatusCode >= 500 || res.Header.Get("X-Evil") != "" {
				b.Errorf("POST %s with %s: %s", path, value, res.Status)
			}
		}
	}
}

var anotherSite = regexp.MustCompile(`(?i)(href|src|action|value)="(//|/\\|/%5c|/%2f|https?://evil)`)

// links are made of paths that browsers read as another site's.
func (b bounds) links() {
	for door := range b.doors {
		for _, target := range []string{"//evil.example/a", "///evil.example", "/%2f/evil.example", "/%2F%2Fevil.example", "/%5cevil.example", `/\evil.example`,
			"/x//evil.example", "/.//evil.example", "/%09/evil.example", "http://evil.example//evil.example", "/console/login?next=//evil.example",
			"/console/login?next=%2F%5Cevil.example", "/find-order?next=//evil.example", "/console//evil.example", "/orders//evil.example/payments"} {
			res, page := b.raw(door, "GET", target)
			if found := anotherSite.FindString(page); res.StatusCode >= 500 || found != "" {
				b.Errorf("%s, GET %s: %s with %s", door, target, res.Status, found)
			}
			if to := res.Header.Get("Location"); strings.HasPrefix(to, "//") || strings.HasPrefix(to, `/\`) || strings.Contains(to, "://evil") {
				b.Errorf("%s, GET %s leads to %q", door, target, to)
			}
		}
	}
}

// methods are answered at every listener.
func (b bounds) methods(victim string) {
	b.doors["gateway"] = strings.TrimPrefix(b.p.gateway.base, "http://")
	defer delete(b.doors, "gateway")
	for door, paths := range map[string][]string{"directly": {"/", "/healthz", "/readyz", "/cart", victim, victim + "/status", victim + "/events", "/sw.js", "/static/app.css", "/favicon.ico"},
		"behind nginx": {"/", "/healthz", victim}, "gateway": {"/simulator", "/control/clock"}} {
		for _, path := range paths {
			head, body := b.raw(door, "HEAD", path)
			if head.StatusCode >= 400 || body != "" || head.Header.Get("Cross-Origin-Opener-Policy") != "same-origin" ||
				head.Header.Get("Cross-Origin-Resource-Policy") != "same-origin" || head.Header.Get("Permissions-Policy") == "" {
				b.Errorf("%s, HEAD %s: %s %v", door, path, head.Status, head.Header)
			}
			if res, _ := b.raw(door, "DELETE", path); res.StatusCode != http.StatusMethodNotAllowed || !strings.Contains(strings.Join(res.Header.Values("Allow"), ", "), "HEAD") {
				b.Errorf("%s, DELETE %s: %s, allows %q", door, path, res.Status, res.Header.Values("Allow"))
			}
		}
	}
}

// names are cleaned when they come in, refused where nothing is left, and text in an export.
func (b bounds) names() {
	v := visit(b.T, b.p.program())
	v.fill("MNM-TEH", "1")
	form := v.customer()
	for _, nothing := range []string{"\u200b\u202e", "\u3164\u115f", "\ufeff \u00ad", "\u2800"} {
		form.Set("name", nothing)
		if res := v.post("/checkout", form); res.StatusCode != http.StatusUnprocessableEntity {
			b.Errorf("the name %q: %s", nothing, res.Status)
		}
	}
	form.Set("name", "\u202e\u200b＝HYPERLINK(\u2066\u00ad1)\ufeff ")
	if res := v.post("/checkout", form); res.StatusCode != http.StatusSeeOther {
		b.Fatalf("checkout: %s", res.Status)
	}
	_, text := b.staff("behind nginx").get("/console/orders.csv")
	rows, err := csv.NewReader(strings.NewReader(text)).ReadAll()
	if err != nil || len(rows) < 2 {
		b.Fatalf("the export: %v\n%s", err, text)
	}
	var names []string
	for _, row := range rows[1:] {
		names = append(names, row[slices.Index(rows[0], "customer_name")])
	}
	if !slices.Contains(names, "'＝HYPERLINK(1)") {
		b.Errorf("the export names %q", names)
	}
}
