package payments

import (
	"testing"

	"warungjokul/models"
)

// Errors that quote a customer are told without.
func TestWithoutPerson(t *testing.T) {
	c := models.Customer{Name: "José Budi", Email: "Jose.Budi@example.com", Phone: "+62 812-3456"}
	for text, want := range map[string]string{
		"550 5.1.1 <jose.budi@EXAMPLE.com>: Recipient address rejected": "550 5.1.1 <***>: Recipient address rejected",
		"550 other@example.com was forwarded to jose budi":              "550 *** was forwarded to ***",
		"customer.name José Budi, phone +628123456 is not allowed":      "customer.name ***, phone *** is not allowed",
		"HTTP 503 after 3 tries":                                        "HTTP 503 after 3 tries",
		"":                                                              "",
	} {
		if got := WithoutPerson(text, c); got != want {
			t.Errorf("%q became %q, want %q", text, got, want)
		}
	}
	if got := WithoutPerson("Pelanggan tidak dikenal", models.Customer{}); got != "Pelanggan tidak dikenal" {
		t.Errorf("nobody's name was taken out: %q", got)
	}
}
