package shop

import (
	"strings"
	"testing"

	"warungjokul/handlers/web"
	"warungjokul/jokul"
	"warungjokul/models"
)

// A shopper is sent to the gateway's own page about a code, and to no other address that came with it.
func TestOtherSitesAreNotLinked(t *testing.T) {
	client, err := jokul.New("MCH-1", "SK-1")
	if err != nil {
		t.Fatal(err)
	}
	h := &Handler{App: &web.App{Config: web.Config{Gateway: client}}}
	for address, linked := range map[string]bool{
		jokul.SandboxURL + "/how-to-pay/1":    true,
		"https://sandbox.doku.com/how-to-pay": true,
		"":                                    false,
		"https://evil.example/a":              false,
		"https://doku.com.evil.example/a":     false,
		"javascript:alert(1)":                 false,
		"//evil.example/a":                    false,
		"https://sandbox.doku.com/" + strings.Repeat("a", 3000): false,
	} {
		if got := h.howToPayPage(models.Payment{HowToPayPage: address}); (got == address && got != "") != linked || got != "" && got != address {
			t.Errorf("%.40q: linked as %q, want %v", address, got, linked)
		}
	}
	h.SandboxURL, h.TillURL = "http://127.0.0.1:1", "" // a public demo
	if got := h.howToPayPage(models.Payment{HowToPayPage: jokul.SandboxURL + "/how-to-pay/1"}); got != "" {
		t.Errorf("a public demo links %q", got)
	}
}
