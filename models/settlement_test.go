package models

import (
	"context"
	"slices"
	"testing"
)

func TestShares(t *testing.T) {
	line := func(account string, price, quantity int64) OrderLine {
		return OrderLine{Price: price, Quantity: quantity, SettlementAccount: account}
	}
	for name, tc := range map[string]struct {
		lines []OrderLine
		total int64
		want  []Share
		wrong bool
	}{
		"the shop's own":           {[]OrderLine{line("", 10_000, 2)}, 20_000, nil, false},
		"one seller":               {[]OrderLine{line("A", 10_001, 3)}, 30_003, []Share{{"A", 30_003}}, false},
		"several, in line order":   {[]OrderLine{line("B", 7, 1), line("", 5, 1), line("A", 3, 2), line("B", 11, 1)}, 29, []Share{{"B", 18}, {"A", 6}}, false},
		"a rupiah above the total": {[]OrderLine{line("A", 10_000, 1)}, 9_999, nil, true},
		"a rupiah below the total": {[]OrderLine{line("A", 10_000, 1)}, 10_001, nil, true},
	} {
		got, err := Order{Lines: tc.lines, Total: tc.total}.Shares()
		if !slices.Equal(got, tc.want) || (err != nil) != tc.wrong {
			t.Errorf("%s: got %v, %v; want %v", name, got, err, tc.want)
		}
	}
}

// A line keeps the seller of the moment it was ordered, whatever becomes of the
// product; and a seller the merchant has named is not overwritten.
func TestLinesKeepTheirSeller(t *testing.T) {
	s, _ := openStore(t)
	ctx := context.Background()
	product := func(sku string) Product {
		t.Helper()
		found, err := s.ProductsBySKU(ctx, sku)
		if err != nil {
			t.Fatal(err)
		}
		return found[sku]
	}
	set(t, s, &Product{}, product("KRJ-BATIK").ID, "settlement_account", "SBA-OF-THE-MERCHANT")
	for range 2 {
		if err := s.NameSellers(ctx); err != nil {
			t.Fatal(err)
		}
	}
	if got := product("KRJ-BATIK").SettlementAccount; got != "SBA-OF-THE-MERCHANT" {
		t.Errorf("the merchant's account became %q", got)
	}
	o := place(t, s, "MNM-GAYO", 2)
	set(t, s, &Product{}, product("MNM-GAYO").ID, "settlement_account", "SBA-ANOTHER")
	shares, err := reload(t, s, o).Shares()
	if want := []Share{{"SBA-0000-CONTOH-GAYO", 180_000}}; err != nil || !slices.Equal(shares, want) {
		t.Errorf("got %v, %v; want %v", shares, err, want)
	}
}
