package e2e_test

import (
	"context"
	"encoding/csv"
	"io"
	"net/http"
	"strings"
	"testing"

	cdpnetwork "github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
)

const (
	consolePassword = "rahasia-warung-1"

	// consoleHash is the cheapest bcrypt hash of it: comparing with the usual one
	// takes a busy machine many seconds under the race detector.
	consoleHash = "$2a$04$RQb6dB3OapWsyOZR/th2vePJqhu94/BJrK8KxPQVG4Ff2lShaWDba"
)

// A merchant's morning, in a browser, outside of any demo: signs in, sees how
// the shop is doing, finds an order by a name, decides its case, sets
// the stock, takes the orders home, and signs out.
func TestMerchant(t *testing.T) {
	p := newPair(t, "", "CONSOLE_PASSWORD="+consoleHash)
	v := visit(t, p.program())
	order := v.order("MNM-GAYO")
	s := v.await(order, "a code", hasCode)
	act(t, p.program(), s.PaymentCode, "pay_twice")
	v.await(order, "paid", isPaid)
	orderNumber := strings.TrimSuffix(s.InvoiceNumber, "-1")
	token := strings.TrimPrefix(order, "/orders/")

	tab := browse(t)
	run := func(step string, actions ...chromedp.Action) {
		t.Helper()
		var page string
		if err := inTime(tab, append(actions, chromedp.OuterHTML("html", &page, chromedp.ByQuery))...); err != nil {
			t.Fatalf("%s: %v", step, err)
		}
		if strings.Contains(page, token) {
			t.Errorf("%s: the page holds the order's token", step)
		}
	}
	run("sign in", chromedp.Navigate(p.shop.base+"/console?lang=en"),
		chromedp.SendKeys(`input[name="password"]`, consolePassword, chromedp.ByQuery),
		click(id("login")),
		chromedp.WaitVisible(`.figures`, chromedp.ByQuery))
	run("find by name", chromedp.Navigate(p.shop.base+"/console/orders?lang=en"),
		chromedp.SendKeys(`input[name="q"]`, "bud", chromedp.ByQuery),
		click(id("search")),
		chromedp.WaitVisible(id("order-row"), chromedp.ByQuery),
		click(id("order-row")+` a`),
		chromedp.WaitVisible(id("console-order")+`[data-status="paid"]`, chromedp.ByQuery))
	var heading, timeline string
	run("decide the case", chromedp.Text("h1", &heading, chromedp.ByQuery),
		click(id("decide")),
		decide("refund", "proof 123"),
		chromedp.Navigate(p.shop.base+"/console/orders/"+orderNumber+"?lang=en"),
		chromedp.WaitVisible(id("console-order"), chromedp.ByQuery),
		chromedp.WaitNotPresent(id("case"), chromedp.ByQuery),
		chromedp.Text(`.timeline`, &timeline, chromedp.ByQuery))
	if !strings.Contains(heading, orderNumber) || !strings.Contains(timeline, "by Sari") || !strings.Contains(timeline, "proof 123") {
		t.Errorf("the page is about %q, its timeline says:\n%s", heading, timeline)
	}
	field := `#stock-MNM-TEH`
	run("set the stock", chromedp.Navigate(p.shop.base+"/console/stock?lang=en"),
		chromedp.SetValue(field, "77", chromedp.ByQuery),
		click(`#MNM-TEH `+id("save-stock")),
		chromedp.WaitVisible(id("notice"), chromedp.ByQuery))
	if got := number(t, p.sql(t), "SELECT stock FROM products WHERE sku = 'MNM-TEH'"); got != 77 {
		t.Errorf("the stock is %d, want 77", got)
	}

	rows := download(t, tab, p.shop.base+"/console/orders.csv?q=bud")
	if len(rows) != 2 || rows[1][0] != orderNumber {
		t.Errorf("exported %v", rows)
	}
	run("sign out", chromedp.Navigate(p.shop.base+"/console?lang=en"), // a page that is not about to scroll to what was changed
		click(id("logout")), chromedp.WaitVisible(id("login"), chromedp.ByQuery))
}

// download reads a CSV file as the browser in the tab would, with its cookies.
func download(t *testing.T, tab context.Context, address string) [][]string {
	t.Helper()
	req, err := http.NewRequest(http.MethodGet, address, nil)
	if err != nil {
		t.Fatal(err)
	}
	err = inTime(tab, chromedp.ActionFunc(func(ctx context.Context) error {
		cookies, err := cdpnetwork.GetCookies().Do(ctx)
		for _, c := range cookies {
			req.AddCookie(&http.Cookie{Name: c.Name, Value: c.Value})
		}
		return err
	}))
	if err != nil {
		t.Fatal(err)
	}
	res, err := (&http.Client{Timeout: patience}).Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(body), "/orders/") || res.StatusCode != http.StatusOK {
		t.Errorf("export: %s", res.Status)
	}
	rows, err := csv.NewReader(strings.NewReader(string(body))).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	return rows
}
