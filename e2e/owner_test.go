package e2e_test

import (
	"errors"
	"net/http"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// refused starts the program and returns the one sentence it ends with.
func refused(t *testing.T, dir string, environ []string, args ...string) string {
	t.Helper()
	c := exec.CommandContext(t.Context(), binary, args...)
	c.Dir, c.Env = dir, append(environ[:len(environ):len(environ)], "LOG_LEVEL=error")
	out, err := c.CombinedOutput()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != 1 || strings.Count(string(out), "\n") != 1 {
		t.Errorf("%v and %q, want exit 1 and one sentence", err, out)
	}
	return string(out)
}

// A second shop in one folder is refused while the first one runs, by which nobody is disturbed who reads the
// database or copies it. After a kill the next start finds nothing in its way.
func TestASecondShopInOneFolder(t *testing.T) {
	dir, ofFile := t.TempDir(), "DATABASE_URL=sqlite:warung.db"
	p := start(t, dir, ofFile)
	v := visit(t, p)
	order := v.order("MNM-TEH")
	if said := refused(t, dir, p.cmd.Env); !strings.HasPrefix(said, "warung: DATABASE_URL sqlite:warung.db: another shop is running") {
		t.Errorf("the second said %q", said)
	}
	if said := refused(t, dir, append(p.cmd.Env, "JOKUL_ENVIRONMENT=production", "BASE_URL=https://shop.example.com"), "retire-demo", "--yes"); !strings.Contains(said, "another shop is running") {
		t.Errorf("retire-demo said %q", said)
	}
	backup := exec.Command(binary, "backup", "copy.db")
	backup.Dir, backup.Env = dir, p.cmd.Env
	if out, err := backup.CombinedOutput(); err != nil {
		t.Errorf("backup: %v, %s", err, out)
	}
	if n := number(t, openSQL(t, "sqlite:"+filepath.Join(dir, "warung.db")), "SELECT COUNT(*) FROM orders"); n != 1 {
		t.Errorf("beside the shop there are %d orders", n)
	}
	v.await(order, "a code", hasCode)
	p.kill()
	next := start(t, dir, ofFile)
	v.shop = next.shop
	v.await(order, "a code", hasCode)
}

// A shop that was tried out opens for good: its database is refused, the demo is retired, and then no page shows a
// code of the demo, nor makes one for its orders, and nothing of it is revenue. The new shop sells.
func TestADemoBecomesAShop(t *testing.T) {
	p := newPair(t, "", "RATE_LIMIT=off")
	v := visit(t, p.program())
	waiting, paid, expired := v.order("MNM-TEH"), v.order("MNM-GAYO"), v.order("MKN-TEMPE")
	reusable := v.order("VCR-CELENGAN")
	codes := map[string]string{}
	for _, order := range []string{waiting, paid, expired, reusable} {
		codes[order] = v.await(order, "a code", hasCode).PaymentCode
	}
	for _, order := range []string{paid, reusable} {
		act(t, p.program(), codes[order], "pay")
		v.await(order, "paid", isPaid)
	}
	act(t, p.program(), codes[expired], "expire")
	v.post(expired+"/check", nil)
	v.await(expired, "expired", func(s status) bool { return s.OrderStatus == "expired" })
	if err := p.shop.stop(); err != nil {
		t.Fatal(err)
	}

	// The same gateway goes on as that of the real shop, with the same keys: only the books tell them apart.
	front, doku := overTLS(t, p.shop.base), overTLS(t, p.gateway.base)
	p.shop.environ = append(p.shop.environ, "JOKUL_ENVIRONMENT=production", "BASE_URL=https://shop.example.com", "JOKUL_BASE_URL="+doku.URL, "SSL_CERT_FILE="+front.trusted)
	if said := refused(t, p.dir, p.shop.environ); !strings.Contains(said, "retire-demo --yes") || !strings.Contains(said, "sandbox "+clientID) {
		t.Errorf("on the demo's database the shop said %q", said)
	}
	if said := refused(t, p.dir, p.shop.environ, "retire-demo"); !strings.Contains(said, "4 orders") || !strings.Contains(said, "say --yes") {
		t.Errorf("without --yes: %q", said)
	}
	retire := exec.Command(binary, "retire-demo", "--yes")
	retire.Dir, retire.Env = p.dir, p.shop.environ
	if out, err := retire.CombinedOutput(); err != nil || !strings.Contains(string(out), "The 4 orders of sandbox "+clientID+" are test orders now; the 2 of them that were not paid are cancelled.") {
		t.Fatalf("retire-demo: %v, %s", err, out)
	}
	if err := p.shop.start(); err != nil {
		t.Fatal(err)
	}
	v.shop, v.Transport = "https://shop.example.com", front.Client().Transport // which finds every host of example.com at front
	for order, code := range codes {
		for _, path := range []string{order, order + "/cashier"} {
			if status, page := v.get(path); status != http.StatusOK || strings.Contains(page, `data-code="`) {
				t.Errorf("%s: HTTP %d, and it shows a code", path, status)
			}
		}
		if _, page := v.get(order + "?lang=en"); !strings.Contains(page, "This is a test order") {
			t.Error("the page does not say that this was a test")
		}
		v.post(order+"/payments", nil)
		v.post(order+"/check", nil)
		if s := v.status(order); s.Attempt != 1 || s.PaymentStatus == "pending" || s.OrderStatus == "awaiting_payment" {
			t.Errorf("the order is %+v, its code was %s", s, code)
		}
	}
	db := p.sql(t)
	if n := number(t, db, "SELECT COUNT(*) FROM payments WHERE next_check_at IS NOT NULL"); n != 0 {
		t.Errorf("%d payments of the demo are still asked about", n)
	}
	sold := v.order("MNM-JAHE")
	act(t, p.program(), v.await(sold, "a code", hasCode).PaymentCode, "pay")
	v.await(sold, "paid", isPaid)
	if metrics := p.metrics(t); !strings.Contains(metrics, `shop_orders{status="paid"} 1`) || !strings.Contains(metrics, `shop_orders{status="cancelled"} 0`) {
		t.Error("the demo's orders are counted as the shop's")
	}
	if n := number(t, db, "SELECT COUNT(*) FROM orders WHERE test"); n != 4 {
		t.Errorf("%d test orders are kept, want 4", n)
	}
}
