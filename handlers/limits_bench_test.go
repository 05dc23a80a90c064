package handlers

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"

	"warungjokul/models"
)

// checkoutFrom places an order from an address, with details of its own, and returns what it was answered.
func (w *env) checkoutFrom(address string, n int) int {
	var cookies []*http.Cookie
	ask := func(method, path string, form url.Values) *httptest.ResponseRecorder {
		r := httptest.NewRequest(method, path, strings.NewReader(form.Encode()))
		r.RemoteAddr = address + ":1024"
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		for _, c := range cookies {
			r.AddCookie(c)
		}
		rec := httptest.NewRecorder()
		w.ServeHTTP(rec, r)
		cookies = append(cookies, rec.Result().Cookies()...)
		return rec
	}
	ask(http.MethodPost, "/cart/items", url.Values{"sku": {"MKN-KERUPUK"}, "quantity": {"1"}})
	id := checkoutID.FindStringSubmatch(ask(http.MethodGet, "/checkout", nil).Body.String())
	if id == nil {
		return 0
	}
	form := url.Values{"checkout_id": {id[1]}}
	return ask(http.MethodPost, "/checkout", filled(form, "Budi", fmt.Sprintf("n%d@example.com", n), fmt.Sprintf("0812%08d", n))).Code
}

// What an honest shopper's checkout takes, from the cart to the order with its code, alone and while one client sends
// checkouts as fast as it can.
func BenchmarkCheckoutInAFlood(b *testing.B) {
	for _, flooders := range []int{0, 8} {
		b.Run(fmt.Sprint(flooders), func(b *testing.B) {
			w := newEnv(b)
			w.RateLimit = true
			if _, _, err := w.Store.SetStock(context.Background(), "MKN-KERUPUK", 300, models.MaxStock); err != nil {
				b.Fatal(err)
			}
			ctx, stop := context.WithCancel(context.Background())
			var flood sync.WaitGroup
			for i := range flooders {
				flood.Go(func() {
					for n := 0; ctx.Err() == nil; n++ {
						w.checkoutFrom("203.0.113.9", 10_000_000+i*1_000_000+n)
					}
				})
			}
			n := 0
			for b.Loop() {
				if status := w.checkoutFrom(fmt.Sprintf("198.51.%d.%d", n/250%250, n%250), n); status != http.StatusSeeOther {
					b.Fatalf("an honest shopper: HTTP %d", status)
				}
				n++
			}
			stop()
			flood.Wait()
			w.Finish()
		})
	}
}
