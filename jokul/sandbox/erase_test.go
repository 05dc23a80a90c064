package sandbox_test

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"warungjokul/jokul/sandbox"
)

// Of an erased customer neither the state file nor any answer holds anything. What was issued and paid stays.
func TestErase(t *testing.T) {
	path := filepath.Join(t.TempDir(), "sandbox.state")
	g := open(t, func(c *sandbox.Config) { c.StateFile = path })
	g.faults(t, func(f *sandbox.Faults) {
		f.NotificationTemplate = json.RawMessage(`{"order":{"invoice_number":"{invoice_number}"},"payer":"{customer_name} <{customer_email}>"}`)
	})
	first := g.create(t, "request-1", orderFor("INV-1"))
	code := paymentCode(t, first)
	kept := g.issue(t, "INV-2")
	g.shop.answer(500)
	g.act(t, code, sandbox.ActionPay)
	const name, email = "Taufik Ismail", "taufik@doku.com" // of orderFor
	if !strings.Contains(fileText(t, path), name) || !strings.Contains(fileText(t, path), email) {
		t.Fatalf("the state file holds neither %q nor %q: nothing is tested", name, email)
	}
	erased, err := g.Erase("INV-1", "INV-2", "INV-NONE")
	if err != nil || erased != 2 {
		t.Fatalf("erased %d, %v, want 2", erased, err)
	}
	for range 2 {
		if text := fileText(t, path); strings.Contains(text, name) || strings.Contains(text, email) {
			t.Errorf("the state file holds %q or %q", name, email)
		}
		requests, _ := json.Marshal(g.Requests())
		deliveries, _ := json.Marshal(g.Deliveries(""))
		for what, text := range map[string]string{"requests": string(requests), "deliveries": string(deliveries)} {
			if strings.Contains(text, name) || strings.Contains(text, email) {
				t.Errorf("%s hold %q or %q: %s", what, name, email, text)
			}
		}
		want(t, "payment", at(t, g.status(t, "INV-1").body, "transaction.status"), "SUCCESS")
		again := g.create(t, "request-1", orderFor("INV-1"))
		want(t, "repeated", again.status, http.StatusConflict)
		want(t, "first answer", again.body, first.body)
		if _, err := g.Erase("INV-1"); err != nil { // the repeat was remembered
			t.Fatal(err)
		}
		g = reopen(t, g, path)
	}
	g.faults(t, func(f *sandbox.Faults) { f.NotificationTemplate = nil })
	g.act(t, kept, sandbox.ActionPay)
	want(t, "paid after it", at(t, g.status(t, "INV-2").body, "transaction.status"), "SUCCESS")
}

func fileText(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
