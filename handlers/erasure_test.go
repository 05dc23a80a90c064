package handlers

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
	"warungjokul/handlers/web"
	"warungjokul/models"
	"warungjokul/views"
)

// eraseNow erases the customers that are due, as the worker does.
func eraseNow(t *testing.T, w *env) {
	t.Helper()
	if err := w.console.EraseDue(context.Background()); err != nil {
		t.Fatal(err)
	}
	if err := w.console.ScrubFiles(context.Background()); err != nil {
		t.Fatal(err)
	}
}

func pageOf(w *env, path string) string {
	rec := httptest.NewRecorder()
	w.ServeHTTP(rec, httptest.NewRequest(http.MethodGet, path, nil))
	return rec.Body.String()
}

// Ninety days after an order has ended, at midnight in Jakarta, its customer is erased. An order that waits keeps its own,
// and one that was expired needs no second code.
func TestErasedByTime(t *testing.T) {
	w := newEnv(t)
	w.PersonalDataDays = 90
	ended := w.order("MNM-GAYO")
	o, err := w.Store.Order(context.Background(), strings.TrimPrefix(ended, "/orders/"))
	if err != nil {
		t.Fatal(err)
	}
	w.clock.Advance(2 * time.Hour)
	if err := w.Store.Expire(context.Background(), nil, o.Payment().ID); err != nil {
		t.Fatal(err)
	}
	waiting := w.order("MNM-GAYO")
	midnight := views.StartOfDay(w.clock.Now()).AddDate(0, 0, 91)
	for _, step := range []struct {
		now  time.Time
		kept bool
	}{{midnight.Add(-time.Minute), true}, {midnight, false}} {
		w.clock.Advance(step.now.Sub(w.clock.Now()))
		eraseNow(t, w)
		if got := strings.Contains(pageOf(w, ended), "Budi"); got != step.kept {
			t.Errorf("at %s the page shows the name: %v, want %v", step.now, got, step.kept)
		}
	}
	if page := pageOf(w, ended); strings.Contains(page, `data-testid="new-code"`) || !strings.Contains(page, `data-testid="erased"`) {
		t.Error("the page offers a new code, or does not say that the data was erased")
	}
	if !strings.Contains(pageOf(w, waiting), "Budi") {
		t.Error("an order that waits was erased")
	}
	if o, err = w.Store.Order(context.Background(), o.Token); err != nil || o.ErasureReason != models.ErasureTime || o.ErasedBy != "" {
		t.Errorf("the order says %q by %q, %v", o.ErasureReason, o.ErasedBy, err)
	}
	if code := w.post(ended+"/payments", nil, nil).Code; code != http.StatusSeeOther {
		t.Errorf("a new code: HTTP %d", code)
	}
	if o, _ = w.Store.Order(context.Background(), o.Token); len(o.Payments) != 1 {
		t.Errorf("%d payments, want 1", len(o.Payments))
	}
}

// What /privacy says is what the settings are, in both languages, and every form says what a field is for.
func TestPrivacyPage(t *testing.T) {
	w := newEnv(t)
	w.PersonalDataDays, w.Shop, w.Contact = 45, web.Shop{Name: "Toko Uji", LegalName: "PT Uji Coba", Address: "Jl. Uji 1"}, "privasi@uji.example"
	for language, wants := range map[string][]string{
		"id": {"PT Uji Coba", "Jl. Uji 1", "privasi@uji.example", "45 hari", "Toko Uji", "DOKU"},
		"en": {"PT Uji Coba", "Jl. Uji 1", "privasi@uji.example", "45 days", "Toko Uji", "DOKU"},
	} {
		page := pageOf(w, "/privacy?lang="+language)
		for _, want := range wants {
			if !strings.Contains(page, want) {
				t.Errorf("%s: %q is not on the page", language, want)
			}
		}
	}
	for path, fields := range map[string][]string{"/find-order": {"order_number", "email"}} {
		page := pageOf(w, path)
		for _, field := range fields {
			if !strings.Contains(page, `aria-describedby="`+field+`-hint"`) || !strings.Contains(page, `id="`+field+`-hint"`) {
				t.Errorf("%s: %s does not say what it is for", path, field)
			}
		}
		if !strings.Contains(page, `href="/privacy"`) {
			t.Errorf("%s does not link to the privacy page", path)
		}
	}
}
