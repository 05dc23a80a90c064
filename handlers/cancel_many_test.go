package handlers

import (
	"context"
	"fmt"
	"html"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"warungjokul/jokul/sandbox"
	"warungjokul/models"
)

// Staff choose orders in the list, see what would be cancelled, say who and why, and each order that still waits is
// cancelled; the others are left and named.
func TestCancelMany(t *testing.T) {
	w := newEnv(t)
	w.open()
	before := w.stockOf("MNM-TEH")
	first, second, paid := w.orderAs("MNM-TEH", "Budi", "budi@example.com"), w.orderAs("MNM-TEH", "Siti", "siti@example.com"), w.orderAs("MNM-TEH", "Made", "made@example.com")
	list := w.see("/console/orders?lang=en", http.StatusOK)
	if n := strings.Count(list, `type="checkbox" name="order"`); n != 3 || !strings.Contains(list, `action="/console/orders/cancel"`) {
		t.Errorf("%d orders can be ticked", n)
	}
	w.gateway.Do(paid.Payment().Code, sandbox.ActionPay)
	chosen := url.Values{"order": {first.Number, second.Number, paid.Number, "WJ-NOSUCH00"}}
	preview := w.see("/console/orders/cancel?lang=en&"+chosen.Encode(), http.StatusOK)
	for _, part := range []string{"Orders that will be cancelled: 2", first.Number, second.Number, "Left as they are", paid.Number, "Yes, cancel these orders (2)"} {
		if !strings.Contains(preview, part) {
			t.Errorf("the preview lacks %q", part)
		}
	}
	if rec := atHome.post(w, "/console/orders/cancel", chosen); rec.Code != http.StatusUnprocessableEntity || w.stockOf("MNM-TEH") != before-3 {
		t.Errorf("without a reason and a name: HTTP %d", rec.Code)
	}
	chosen.Set("reason", "fake")
	chosen.Set("by", "Rina")
	rec := atHome.post(w, "/console/orders/cancel?lang=en", chosen)
	if rec.Code != http.StatusOK || !strings.Contains(rec.Body.String(), "Orders cancelled, with their stock given back: 2") ||
		!strings.Contains(rec.Body.String(), `<li><a href="/console/orders/`+paid.Number) {
		t.Errorf("cancelled: HTTP %d", rec.Code)
	}
	if w.stockOf("MNM-TEH") != before-1 {
		t.Errorf("%d of %d are left", w.stockOf("MNM-TEH"), before)
	}
	for number, want := range map[string]models.OrderStatus{first.Number: models.OrderCancelled, second.Number: models.OrderCancelled, paid.Number: models.OrderPaid} {
		o, err := w.Store.OrderByNumber(context.Background(), number)
		if err != nil || o.Status != want || want == models.OrderCancelled && (o.CancelledBy != "Rina" || o.CancelledFor != "fake") {
			t.Errorf("%s is %s, by %q for %q, %v", number, o.Status, o.CancelledBy, o.CancelledFor, err)
		}
	}
	if page := w.see("/console/orders/"+first.Number+"?lang=en", http.StatusOK); !strings.Contains(page, "Rina: fake") {
		t.Error("the order does not say who cancelled it and why")
	}
	rec = atHome.post(w, "/console/orders/cancel?lang=en", chosen)
	if rec.Code != http.StatusOK || !strings.Contains(rec.Body.String(), "given back: 0") || w.stockOf("MNM-TEH") != before-1 {
		t.Errorf("the same form again: HTTP %d", rec.Code)
	}
}

var sameLink = regexp.MustCompile(`href="(/console/orders/cancel\?as=[^"]+)">([^<]+)<`)

// From one order of a flood staff reach all of them, by client, email or phone.
func TestCancelAllOfOneVisitor(t *testing.T) {
	w := newEnv(t)
	w.limits()
	w.open()
	shop := w.serve(w.Handler)
	for i := range 6 {
		w.browse(shop).checkout("MKN-KERUPUK", "1", "Bot", fmt.Sprintf("bot+%d@example.com", i%2), fmt.Sprintf("0813%08d", i))
	}
	other := w.orderAs("MNM-TEH", "Budi", "budi@example.com") // from another address
	bots, err := w.Store.Orders(context.Background(), models.OrderFilter{Search: "bot"}, "", 1)
	if err != nil || len(bots.Orders) == 0 {
		t.Fatal(err)
	}
	page := w.see("/console/orders/"+bots.Orders[0].Number+"?lang=en", http.StatusOK)
	found := sameLink.FindAllStringSubmatch(page, -1)
	if len(found) != 2 || found[0][2] != "6 from the same internet connection" || found[1][2] != "6 with the same email" {
		t.Fatalf("the page leads to %q", found)
	}
	preview := w.see(html.UnescapeString(found[0][1])+"&lang=en", http.StatusOK)
	if !strings.Contains(preview, "Orders that will be cancelled: 6") || strings.Contains(preview, other.Number) {
		t.Error("the preview shows other orders")
	}
	if page := w.see("/console/orders/"+other.Number+"?lang=en", http.StatusOK); sameLink.MatchString(page) {
		t.Error("an order by itself leads to others")
	}
	overview := w.see("/console?lang=en", http.StatusOK)
	stock := w.see("/console/stock?lang=en", http.StatusOK)
	if !strings.Contains(stock, "6 held by unpaid orders (2.0%)") || strings.Contains(overview, "held by unpaid orders") {
		t.Errorf("the stock that is held is not shown: %q", regexp.MustCompile(`[^>]*held by[^<]*`).FindAllString(stock+overview, -1))
	}
}
