package models

import "context"

// HeldStock is how much of a product unpaid orders hold.
type HeldStock struct {
	SKU   string
	Held  int64 // pieces
	Stock int64 // pieces that can still be ordered
}

// Share is the part of all pieces that is held, from 0 to 1.
func (h HeldStock) Share() float64 {
	if h.Held == 0 {
		return 0
	}
	return float64(h.Held) / float64(h.Held+h.Stock)
}

// HeldStock lists every product with what unpaid orders hold of it, in the order of the catalogue.
func (s *Store) HeldStock(ctx context.Context) ([]HeldStock, error) {
	db := s.read.WithContext(ctx)
	held := db.Table("orders AS o").Select("l.sku, SUM(l.quantity) AS held").
		Joins("JOIN order_lines l ON l.order_id = o.id").Where("o.status = ? AND o.stock_held", OrderAwaitingPayment).Group("l.sku")
	var list []HeldStock
	return list, db.Table("products AS p").Select("p.sku, p.stock, CAST(COALESCE(h.held, 0) AS bigint) AS held").
		Joins("LEFT JOIN (?) h ON h.sku = p.sku", held).Order("p.position, p.id").Find(&list).Error
}
