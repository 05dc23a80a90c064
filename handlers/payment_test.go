package handlers

import (
	"strings"
	"testing"

	"warungjokul/views"
)

// A shopper is sent to the gateway's own pages about a code, and to no other address that came with it. The code is
// shown all the same.
func TestOtherSitesAreNotLinked(t *testing.T) {
	w := newWorld(t)
	order := w.order("MNM-TEH")
	for address, linked := range map[string]bool{
		"":                                    true, // the gateway's own
		"https://sandbox.doku.com/how-to-pay": true,
		"https://evil.example/a":              false,
		"https://doku.com.evil.example/a":     false,
		"javascript:alert(1)":                 false,
		"//evil.example/a":                    false,
		"https://sandbox.doku.com/" + strings.Repeat("a", 3000): false,
	} {
		o := w.whole(order)
		if address != "" {
			o.Payments[0].HowToPayPage = address
		}
		var text strings.Builder
		if err := views.Order(w.viewOrder(views.Page{Lang: views.Indonesian}, o, "")).Render(t.Context(), &text); err != nil {
			t.Fatal(err)
		}
		page := text.String()
		if got := strings.Contains(page, `rel="noopener noreferrer">`+views.Indonesian.T("keep.howto")); got != linked {
			t.Errorf("%.40q: linked %v, want %v", address, got, linked)
		}
		if strings.Contains(page, "evil.example") || strings.Contains(page, "javascript:") || !strings.Contains(page, o.Payment().Code[:4]) {
			t.Errorf("%.40q is on the page, or the code is not", address)
		}
	}
}
