package models

import (
	"context"
	"testing"
)

// Restocking puts the pieces back that were sold. What unpaid orders hold is not put back, for they may give it back
// themselves; what a merchant put there beyond the first stock stays, and so do products of the merchant's own.
func TestRestock(t *testing.T) {
	s, c := openStore(t)
	ctx := context.Background()
	restocks := func(want int) {
		t.Helper()
		if filled, err := s.Restock(ctx); err != nil || filled != want {
			t.Errorf("%d products were filled, %v, want %d", filled, err, want)
		}
	}
	restocks(0)
	paid, waiting := place(t, s, "KRJ-BATIK", 3), place(t, s, "KRJ-BATIK", 2)
	pay(t, s, c, paid)
	if _, changed, err := s.SetStock(ctx, "MNM-TEH", 150, 400); err != nil || !changed {
		t.Fatal(changed, err)
	}
	if _, changed, err := s.SetStock(ctx, "MNM-GAYO", 60, 0); err != nil || !changed {
		t.Fatal(changed, err)
	}
	if err := s.write.Create(&Product{SKU: "OWN", Slug: "own", Category: CategoryFood, Kind: KindGoods, Price: 1}).Error; err != nil {
		t.Fatal(err)
	}
	restocks(2)
	restocks(0)
	for sku, want := range map[string]int64{"KRJ-BATIK": 6 - 2, "MNM-TEH": 400, "MNM-GAYO": 60, "OWN": 0} {
		if got := stock(t, s, sku); got != want {
			t.Errorf("%s: %d pieces, want %d", sku, got, want)
		}
	}
	var byShop []AuditEvent
	if err := s.read.Where("kind = ? AND cause_by = ?", AuditStock, ActorShop).Order("subject").Find(&byShop).Error; err != nil {
		t.Fatal(err)
	}
	if len(byShop) != 2 || byShop[0].Subject != "KRJ-BATIK" || byShop[0].Was != "1" || byShop[0].Became != "4" {
		t.Errorf("the history of the stock says %+v", byShop)
	}
	if cancelled, err := s.CancelOrder(ctx, waiting.ID); err != nil || !cancelled {
		t.Fatal(cancelled, err)
	}
	if got := stock(t, s, "KRJ-BATIK"); got != 6 {
		t.Errorf("%d pieces once the other order is over, want 6", got)
	}
}
