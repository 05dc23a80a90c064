package sandbox_test

import (
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"testing"
	"time"

	"warungjokul/jokul/sandbox"
)

// issueReusable gets a code that can be paid more than once.
func (g *gateway) issueReusable(t *testing.T, invoice string) string {
	t.Helper()
	return paymentCode(t, g.create(t, "request-"+invoice, edited(t, members{"order.invoice_number": invoice, "online_to_offline_info.reusable_status": true})))
}

// Each payment of a reusable code adds as much to the state file as the first, and all of them are there after a
// restart, in order, and after the restart that follows.
func TestPaymentsOfOneCodeGrowTheStateEvenly(t *testing.T) {
	path := filepath.Join(t.TempDir(), "sandbox.state")
	g := open(t, func(c *sandbox.Config) { c.StateFile = path })
	code := g.issueReusable(t, "INV-1")
	grows := func() int64 {
		t.Helper()
		before, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		for range 10 {
			g.act(t, code, sandbox.ActionPay)
			g.shop.next(t)
		}
		after, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		return after.Size() - before.Size()
	}
	first, last := grows(), int64(0)
	for range 7 {
		last = grows()
	}
	if last > first+first/20 {
		t.Errorf("the first ten payments add %d bytes, the last ten of eighty %d", first, last)
	}
	g.act(t, g.issue(t, "INV-2"), sandbox.ActionPayLate) // which changes more than the payments
	before := fmt.Sprint(g.ledger(t))
	for range 2 {
		g = reopen(t, g, path)
		if after := fmt.Sprint(g.ledger(t)); after != before {
			t.Errorf("the books were\n%s\nand are after a restart\n%s", before, after)
		}
	}
	for _, p := range g.ledger(t)[0].Payments {
		says(t, g.page(t, "?receipt="+p.TransactionID), `data-testid="receipt"`)
	}
	if _, err := g.Erase("INV-1"); err != nil {
		t.Fatal(err)
	}
	if after := fmt.Sprint(g.ledger(t)); after != before {
		t.Errorf("the books were\n%s\nand are after erasing the customer\n%s", before, after)
	}
}

func (g *gateway) ledger(t *testing.T) []sandbox.Account {
	t.Helper()
	ledger, err := g.Ledger()
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range ledger {
		for i := range a.Payments { // read from a file, they have another zone
			a.Payments[i].PaidAt = a.Payments[i].PaidAt.Round(time.Second).UTC()
		}
	}
	return ledger
}

// A reusable code takes a hundred payments, and is refused in words then, at the till and for programs.
func TestAReusableCodeHasABound(t *testing.T) {
	g := open(t)
	code := g.issueReusable(t, "INV-1")
	for range 100 {
		g.act(t, code, sandbox.ActionPay)
		g.shop.next(t)
	}
	_, err := g.Pay(t.Context(), code)
	want(t, "the 101st payment", fmt.Sprint(err), "the payment code has been paid 100 times, and takes no more")
	page := g.submit(t, "/simulator/payments", url.Values{"payment_code": {code}, "action": {"pay"}}).body
	says(t, page, "Kode sudah dibayar 100 kali", "Kasir simulasi ini menerima paling banyak 100 pembayaran untuk satu kode")
	says(t, g.page(t, "?lang=en&payment_code="+code), "This simulated till takes 100 payments of one code at most")
	saysNot(t, page, `data-testid="pay"`, `value="pay_twice"`)
	m := g.control(t, "POST", "payments", `{"payment_code":"`+code+`","action":"pay"}`)
	want(t, "for programs", m.status, http.StatusConflict)
	want(t, "payments", len(g.ledger(t)[0].Payments), 100)
	g.shop.none(t)
}
