package e2e_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"testing"

	"warungjokul/jokul"
)

// An order of two sellers and the shop itself asks the gateway to split its
// money, to the rupiah; one of the shop's own goods alone asks for nothing.
func TestSettlement(t *testing.T) {
	p := start(t, t.TempDir())
	gateway, err := jokul.New(clientID, secret, jokul.WithBaseURL(p.sandbox))
	if err != nil {
		t.Fatal(err)
	}
	v := visit(t, p)
	for sku, quantity := range map[string]string{"MNM-GAYO": "2", "KRJ-PANDAN": "1", "KRJ-BATIK": "1", "MKN-SAMBAL": "3"} {
		v.fill(sku, quantity)
	}
	res := v.post("/checkout", v.customer())
	if res.StatusCode != http.StatusSeeOther {
		t.Fatalf("checkout: %s", res.Status)
	}
	s := v.await(res.Header.Get("Location"), "a code", hasCode)
	if want := int64(2*90_000 + 275_000 + 1_500_000 + 3*32_000); s.Amount != want {
		t.Fatalf("the order costs %d, want %d", s.Amount, want)
	}
	got := split(t, gateway, s.InvoiceNumber)
	slices.Sort(got)
	want := []string{"SBA-0000-CONTOH-BATIK FIX 1775000", "SBA-0000-CONTOH-GAYO FIX 180000"}
	if !slices.Equal(got, want) {
		t.Errorf("the gateway was asked to split %v, want %v", got, want)
	}
	own := visit(t, p)
	s = own.await(own.order("MKN-SAMBAL"), "a code", hasCode)
	if got := split(t, gateway, s.InvoiceNumber); len(got) != 0 {
		t.Errorf("the shop's own goods are split: %v", got)
	}
}

// split reads the settlement list the gateway keeps for an invoice number.
func split(t *testing.T, gateway *jokul.Client, invoiceNumber string) []string {
	t.Helper()
	status, err := gateway.CheckStatus(t.Context(), invoiceNumber)
	if err != nil {
		t.Fatal(err)
	}
	var info struct {
		Settlement []struct {
			Account string `json:"bank_account_settlement_id"`
			Type    string `json:"type"`
			Value   int64  `json:"value"`
		} `json:"settlement"`
	}
	if status.AdditionalInfo != nil {
		if err := json.Unmarshal(status.AdditionalInfo, &info); err != nil {
			t.Fatal(err)
		}
	}
	var list []string
	for _, share := range info.Settlement {
		list = append(list, fmt.Sprint(share.Account, " ", share.Type, " ", share.Value))
	}
	return list
}
