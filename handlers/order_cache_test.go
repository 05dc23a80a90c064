package handlers

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"warungjokul/handlers/console"
	"warungjokul/handlers/web"
	"warungjokul/jokul/sandbox"
	"warungjokul/models"
)

var takingGzip = http.Header{"Accept-Encoding": {"gzip"}}

// rename gives the shop another name, which every page that is drawn anew shows.
func (w *env) rename() { w.Shop.Name = "Toko " + rand.Text() }

// isCached reports whether a page was drawn before the shop was renamed.
func (w *env) isCached(page string) bool { return !strings.Contains(page, w.Shop.Name) }

// A kept page is sent as it is, with all that a drawn one says, and what time it
// is now.
func TestOrderPagesAreKept(t *testing.T) {
	w := newEnv(t)
	order := w.order("MNM-GAYO")
	drawn := w.visit(order, takingGzip)
	w.clock.Advance(time.Minute)
	kept := w.visit(order, takingGzip)
	for name := range drawn.Header {
		changes := name == "X-Request-Id" || name == "Server-Timing"
		if (fmt.Sprint(drawn.Header[name]) == fmt.Sprint(kept.Header[name])) == changes {
			t.Errorf("%s was %q, is %q", name, drawn.Header[name], kept.Header[name])
		}
	}
	if got := kept.Header.Get("Server-Timing"); got != `now;desc="2026-11-24T03:01:00Z"` || kept.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("Server-Timing %s, Cache-Control %s", got, kept.Header.Get("Cache-Control"))
	}
	if page := text(t, kept); page != text(t, drawn) || page != w.get(order) || !strings.Contains(page, "data-code=") {
		t.Error("the kept page is not the drawn one")
	}
	w.rename()
	if !w.isCached(text(t, w.visit(order, takingGzip))) {
		t.Error("nothing was kept")
	}
	for _, path := range []string{"/orders/nobodys", order + "x"} {
		if res := w.visit(path, takingGzip); res.StatusCode != http.StatusNotFound {
			t.Errorf("%s: HTTP %d", path, res.StatusCode)
		}
	}
}

// Whatever changes an order, here, in another shop or by the clock alone, is on
// its page at once.
func TestKeptOrderPagesAreNeverOld(t *testing.T) {
	w := newEnv(t)
	other := w.anotherShop(w.gateway.URL).Store
	ctx := context.Background()
	w.gateway.SetFault(func(f *sandbox.Faults) { f.Answer = sandbox.Answer500 })
	order := w.order("MNM-GAYO")
	payment := func() models.Payment { return w.stored(order).Payment() }
	for _, step := range []struct {
		name string
		do   func() error
	}{
		{"a code", func() error { w.gateway.SetFault(noFault); w.pass(time.Minute, time.Second); return nil }},
		{"other instructions", func() error {
			return other.SetInstructions(ctx, nil, payment().ID, []models.Instruction{{Language: "id", Steps: []string{"Bilang DOKU"}}})
		}},
		{"an answer", func() error { return other.Checked(ctx, nil, payment(), "PENDING") }},
		{"wrong money", func() error {
			p := payment()
			_, err := other.ApplyStatus(ctx, nil, models.Arrival{InvoiceNumber: p.InvoiceNumber, Amount: p.Amount - 1})
			return err
		}},
		{"settled", func() error {
			open, err := other.OpenCases(ctx, 1)
			if err == nil {
				_, err = other.Decide(ctx, open[0].ID, models.Decision{Kind: models.DecisionNone, By: "Sari", Reason: "a test"})
			}
			return err
		}},
		{"another code", func() error { w.post(order+"/payments", nil, nil); return nil }},
		{"past its deadline", func() error { w.clock.Advance(time.Hour); return nil }},
		{"expired", func() error { return other.Expire(ctx, nil, payment().ID) }},
		{"another code", func() error { w.post(order+"/payments", nil, nil); return nil }},
		{"paid", func() error { w.gateway.Do(payment().Code, sandbox.ActionPay); return nil }},
	} {
		before := text(t, w.visit(order, takingGzip))
		w.rename()
		if !w.isCached(text(t, w.visit(order, takingGzip))) {
			t.Errorf("before %s: nothing was kept", step.name)
		}
		if err := step.do(); err != nil {
			t.Fatalf("%s: %v", step.name, err)
		}
		if after := text(t, w.visit(order, takingGzip)); w.isCached(after) || after == before || after != w.get(order) {
			t.Errorf("%s is not on the page", step.name)
		}
	}
}

// What is kept for one is for those who would be drawn the same.
func TestKeptOrderPagesAreForTheSameEyes(t *testing.T) {
	w := newEnv(t)
	w.open()
	w.setPassword()
	session := sessionOf(t, outside.post(w, web.LoginPath, url.Values{"password": {consolePassword}}), "/")
	order := w.order("MNM-GAYO")
	cart := w.post("/cart/items", url.Values{"sku": {"MNM-GAYO"}, "quantity": {"7"}}, nil).Result().Cookies()[0]
	ways := map[string]func(*http.Request){
		"as it is":       func(*http.Request) {},
		"in English":     func(r *http.Request) { r.Header.Set("Accept-Language", "en") },
		"signed in":      func(r *http.Request) { r.AddCookie(&http.Cookie{Name: console.ConsoleCookie, Value: session}) },
		"with a cart":    func(r *http.Request) { r.AddCookie(cart) },
		"after a mail":   func(r *http.Request) { r.URL.RawQuery = "mailed" },
		"not compressed": func(r *http.Request) { r.Header.Del("Accept-Encoding") },
		"turned English": func(r *http.Request) { r.URL.RawQuery = "lang=en" },
	}
	look := func(way func(*http.Request)) string {
		r := httptest.NewRequest(http.MethodGet, order, nil)
		r.Header = takingGzip.Clone()
		way(r)
		rec := httptest.NewRecorder()
		w.ServeHTTP(rec, r)
		return text(t, rec.Result())
	}
	seen := map[string]string{}
	for range 2 {
		for name, way := range ways {
			page := look(way)
			if first, again := seen[name]; again && page != first {
				t.Errorf("%s: another page the second time", name)
			}
			seen[name] = page
		}
	}
	for name, part := range map[string]string{"in English": `<html lang="en"`, "signed in": `data-testid="inspect"`,
		"with a cart": count + ">7<", "after a mail": "b***@example.com", "turned English": `<html lang="en"`} {
		if !strings.Contains(seen[name], part) || strings.Contains(seen["as it is"], part) {
			t.Errorf("%s: %s is not there, or is for all", name, part)
		}
	}
	w.rename()
	for name, way := range ways {
		kept := name == "as it is" || name == "in English" || name == "signed in"
		if w.isCached(look(way)) != kept {
			t.Errorf("%s: kept %v, want %v", name, !kept, kept)
		}
	}
}
