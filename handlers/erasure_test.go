package handlers

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/url"
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

// A stranger who orders with a customer's email, or phone number, is not that customer: what is held on the one is not
// shown to the other, and nothing of the other is erased, unless somebody chooses so.
func TestStrangersWithADetailOfACustomer(t *testing.T) {
	w := newEnv(t)
	w.open()
	number := func(name, email, phone string) string {
		return w.orderOf("MNM-TEH", models.Customer{Name: name, Email: email, Phone: phone}).Number
	}
	victim := number("Korban Asli", "korban.asli@contoh.id", "081311112222")
	again := number("korban asli", "Korban.Asli+toko@contoh.id", "+62 813 1111 2222")
	byEmail := number("Penyerang", "korban.asli@contoh.id", "081599990000")
	byPhone := number("Korban Asli", "penyerang@contoh.id", "081311112222")
	for _, asked := range []string{victim, again, byEmail, byPhone} {
		export, page := w.see("/console/orders/"+asked+"/customer.json", http.StatusOK), w.see("/console/orders/"+asked+"/erase?lang=en", http.StatusOK)
		sure, others, _ := strings.Cut(page, `data-testid="others"`)
		_, sure, _ = strings.Cut(sure, "/erase\"")
		for _, other := range []string{victim, again, byEmail, byPhone} {
			same := asked == other || asked+other == victim+again || asked+other == again+victim
			related := same || asked != byEmail && asked != byPhone || other == victim || other == again
			if got := strings.Contains(export, other); got != same {
				t.Errorf("the export of %s holds %s: %v", asked, other, got)
			}
			if got := strings.Contains(sure, `value="`+other+`"`); got != same {
				t.Errorf("the page of %s takes %s for the same customer's: %v", asked, other, got)
			}
			if got := strings.Contains(others, `value="`+other+`"`); got != (related && !same) {
				t.Errorf("the page of %s lists %s apart: %v", asked, other, got)
			}
		}
		if strings.Contains(others, " checked") || !strings.Contains(page, "First check the identity of the person") {
			t.Errorf("the page of %s has chosen somebody else's order, or does not say to check the identity", asked)
		}
	}
	chosen := atHome.post(w, "/console/orders/"+byEmail+"/customer.json", url.Values{"order": {victim, byPhone}}).Body.String()
	if !strings.Contains(chosen, victim) || strings.Contains(chosen, again) || strings.Contains(chosen, byPhone) {
		t.Error("the export lacks what was chosen, or holds what shares nothing with the order or was not chosen")
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
