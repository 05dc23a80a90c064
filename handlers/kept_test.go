package handlers

import (
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"warungjokul/views"
)

// visit gets a page as a browser does, with what it sends along.
func (w *world) visit(path string, header http.Header) *http.Response {
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
	w := newWorld(t)
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
	w := newWorld(t)
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
	w := newWorld(t)
	pages := func() string { return text(t, w.visit("/", nil)) + text(t, w.visit("/products/kopi-gayo", nil)) }
	before := pages()
	other := &world{t: t, clock: w.clock, Handler: w.anotherShop(w.gateway.URL)}
	other.order("MNM-GAYO")
	if pages() != before {
		t.Error("nothing was kept")
	}
	w.clock.Advance(time.Second)
	if pages() == before {
		t.Error("after a second the stock of before is shown")
	}
}

// Many who ask at once have one made; one that cannot be made is not kept.
func TestKept(t *testing.T) {
	now := time.Now()
	k := kept[int]{now: func() time.Time { return now }}
	made := 0
	make := func() (int, error) {
		return k.get(t.Context(), "n", func(context.Context) (int, error) {
			if made++; made == 1 {
				return 0, errors.New("away")
			}
			return made, nil
		})
	}
	if _, err := make(); err == nil {
		t.Fatal("no error")
	}
	var all sync.WaitGroup
	for range 50 {
		all.Go(func() {
			if n, err := make(); n != 2 || err != nil {
				t.Errorf("got %d, %v", n, err)
			}
		})
	}
	all.Wait()
	now = now.Add(keptFor)
	if n, _ := make(); n != 3 {
		t.Errorf("kept too long: got %d", n)
	}
	for i := range 3 * maxKept {
		_, _ = k.get(t.Context(), strings.Repeat("x", i), func(context.Context) (int, error) { return i, nil })
	}
	if len(k.things) > maxKept {
		t.Errorf("%d things are kept", len(k.things))
	}
}

// What is answered early is answered to the right method only.
func TestFilesAreOnlyRead(t *testing.T) {
	w := newWorld(t)
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

// Every visitor may say differently what languages he reads, and at any length.
func TestAcceptedIsBounded(t *testing.T) {
	var a accepted
	for i := range 3 * maxAccepted {
		if got := a.lang(fmt.Sprintf("en;q=0.%03d, id;q=0.1", i%1000)); i%1000 > 100 && got != views.English {
			t.Fatalf("%d: %s", i, got)
		}
		a.lang(fmt.Sprint("en-x-", i))
		a.lang(strings.Repeat("id, ", maxAcceptedLength) + fmt.Sprint(i))
	}
	if len(a.langs) == 0 || len(a.langs) > maxAccepted {
		t.Errorf("%d are remembered", len(a.langs))
	}
	for header := range a.langs {
		if len(header) > maxAcceptedLength {
			t.Errorf("one of %d bytes is remembered", len(header))
		}
	}
}
