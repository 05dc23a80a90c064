package handlers

import (
	"compress/gzip"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"
)

// visit gets a page as a browser does, with what it sends along.
func (w *env) visit(path string, header http.Header) *http.Response {
	r := httptest.NewRequest(http.MethodGet, path, nil)
	r.Header = header
	rec := httptest.NewRecorder()
	w.ServeHTTP(rec, r)
	return rec.Result()
}

func text(t *testing.T, res *http.Response) string {
	t.Helper()
	body := io.Reader(res.Body)
	if res.Header.Get("Content-Encoding") == "gzip" {
		var err error
		if body, err = gzip.NewReader(res.Body); err != nil {
			t.Fatal(err)
		}
	}
	b, err := io.ReadAll(body)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

const count = `data-testid="cart-count"`

// A page that is kept for all shows nobody's cart, and who has a cart is shown
// his own.
func TestKeptPagesShowNobodysCart(t *testing.T) {
	w := newEnv(t)
	cart := w.post("/cart/items", url.Values{"sku": {"MNM-GAYO"}, "quantity": {"7"}}, nil).Result().Cookies()[0]
	full := http.Header{"Cookie": {cart.Name + "=" + cart.Value}}
	for _, path := range []string{"/", "/?category=food", "/products/kopi-gayo"} {
		for range 2 { // in both orders, kept and not yet
			if res := w.visit(path, full); !strings.Contains(text(t, res), count+">7<") || res.Header.Get("Cache-Control") != "no-store" || res.Header.Get("ETag") != "" {
				t.Errorf("%s with a cart: %v, or its count is missing", path, res.Header)
			}
			if res := w.visit(path, nil); strings.Contains(text(t, res), count) || res.Header.Get("ETag") == "" {
				t.Errorf("%s without a cart: %v, or somebody's count", path, res.Header)
			}
		}
		english := w.visit(path, http.Header{"Accept-Language": {"en"}})
		if !strings.Contains(text(t, english), `lang="en"`) {
			t.Errorf("%s is not in English", path)
		}
	}
	if page := text(t, w.visit("/?q=kopi", nil)); !strings.Contains(page, `value="kopi"`) {
		t.Error("a search shows another page")
	}
}

// Browsers that have a kept page are told so, and get it compressed otherwise.
func TestKeptPagesHaveTags(t *testing.T) {
	w := newEnv(t)
	plain := w.visit("/", nil)
	small := w.visit("/", http.Header{"Accept-Encoding": {"gzip"}})
	if small.Header.Get("Content-Encoding") != "gzip" || text(t, small) != text(t, plain) {
		t.Errorf("compressed: %v, or another page", small.Header)
	}
	if vary := small.Header.Get("Vary"); !strings.Contains(vary, "Cookie") || !strings.Contains(vary, "Accept-Language") || !strings.Contains(vary, "Accept-Encoding") {
		t.Errorf("Vary: %s", vary)
	}
	again := w.visit("/", http.Header{"If-None-Match": {small.Header.Get("ETag")}})
	if again.StatusCode != http.StatusNotModified || text(t, again) != "" {
		t.Errorf("asked again: HTTP %d", again.StatusCode)
	}
	if policy := again.Header.Get("Content-Security-Policy"); policy == "" {
		t.Error("without a policy")
	}
}

// What another shop on the database sells is gone from here after a second, and
// no word of it needs to come.
func TestKeptStockIsASecondOldAtMost(t *testing.T) {
	w := newEnv(t)
	pages := func() string { return text(t, w.visit("/", nil)) + text(t, w.visit("/products/kopi-gayo", nil)) }
	before := pages()
	other := &env{t: t, clock: w.clock, Handler: w.anotherShop(w.gateway.URL)}
	other.order("MNM-GAYO")
	if pages() != before {
		t.Error("nothing was kept")
	}
	w.clock.Advance(time.Second)
	if pages() == before {
		t.Error("after a second the stock of before is shown")
	}
}

// What is answered early is answered to the right method only.
func TestFilesAreOnlyRead(t *testing.T) {
	w := newEnv(t)
	for path, want := range map[string]int{"/static/app.css": http.StatusMethodNotAllowed, "/orders/x/events": http.StatusMethodNotAllowed} {
		if got := w.post(path, nil, nil).Code; got != want {
			t.Errorf("POST %s: HTTP %d, want %d", path, got, want)
		}
	}
	if res := w.visit("/static/app.css", nil); res.StatusCode != http.StatusOK || res.Header.Get("X-Content-Type-Options") != "nosniff" || res.Header.Get("Content-Security-Policy") == "" {
		t.Errorf("HTTP %d, %v", res.StatusCode, res.Header)
	}
	if res := w.visit("/orders/x/events", nil); res.StatusCode != http.StatusNotFound || res.Header.Get("Content-Type") != "application/json" {
		t.Errorf("HTTP %d, %v", res.StatusCode, res.Header)
	}
}
