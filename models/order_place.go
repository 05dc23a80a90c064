package models

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"

	"gorm.io/gorm/clause"
)

// Item is a wish for some pieces of a product.
type Item struct {
	SKU      string
	Quantity int64
}

// Customer is who orders.
type Customer struct {
	Name  string
	Email string
	Phone string
}

// DraftOrder prices items from the catalogue and gives the order its token and
// number, and returns the products by SKU besides. Nothing is kept yet; unknown
// products are left out.
func (s *Store) DraftOrder(ctx context.Context, items []Item) (Order, map[string]Product, error) {
	skus := make([]string, len(items))
	for i, item := range items {
		skus[i] = item.SKU
	}
	products, err := s.ProductsBySKU(ctx, skus...)
	if err != nil {
		return Order{}, nil, err
	}
	o := Order{Token: newToken(), Number: newOrderNumber(), Status: OrderAwaitingPayment}
	for _, item := range items {
		p, known := products[item.SKU]
		if !known || item.Quantity < 1 {
			continue
		}
		line := OrderLine{SKU: p.SKU, NameID: p.NameID, NameEN: p.NameEN, Kind: p.Kind,
			Drawing: p.Drawing, Price: p.Price, Quantity: item.Quantity, SettlementAccount: p.SettlementAccount}
		o.Lines = append(o.Lines, line)
		o.Total += line.Amount()
	}
	return o, products, nil
}

// PlaceOrder keeps a drafted order together with its first attempt to be paid,
// and takes its stock, in one transaction. The payment comes with its Request-Id
// and the exact bytes of its request: both are durable before anything is sent.
//
// If the same form has placed an order with the same contents, that one is
// returned and placed is false; with other contents it is another order. Too
// little stock is an *OutOfStockError and nothing is kept. An order over a limit
// is an *OpenOrdersError or a *ScarceError and nothing is kept.
func (s *Store) PlaceOrder(ctx context.Context, o Order, p Payment) (order Order, placed bool, err error) {
	if o.FormID == "" {
		return Order{}, false, errors.New("place order: the form that places it is missing")
	}
	now := s.now()
	o.CheckoutID = checkoutID(o.FormID, o.Lines)
	o.Status, o.StockHeld, o.PlacedAt = OrderAwaitingPayment, true, now
	if err := s.checkBefore(ctx, o); err != nil {
		// The same form may have placed it a moment ago: that order is never refused.
		if order, found := s.OrderByForm(ctx, o.FormID, o.Lines); found == nil {
			return order, false, nil
		}
		return Order{}, false, fmt.Errorf("place order: %w", err)
	}
	err = s.transactAs(ctx, Actor{By: ActorShopper}, func(tx *transaction) error {
		existing := clause.OnConflict{Columns: []clause.Column{{Name: "checkout_id"}}, DoNothing: true}
		created := tx.Omit(clause.Associations).Clauses(existing).Create(&o)
		if placed = created.RowsAffected > 0; created.Error != nil || !placed {
			return created.Error
		}
		tx.audit(AuditEvent{OrderID: o.ID, Kind: AuditOrder, Subject: o.Number, Became: string(o.Status)})
		if err := s.hold(tx, o); err != nil {
			return err
		}
		if err := takeStock(tx, o.ID, o.Lines); err != nil {
			return err
		}
		for i := range o.Lines {
			o.Lines[i].OrderID, o.Lines[i].CreatedAt = o.ID, now
		}
		if err := tx.Create(&o.Lines).Error; err != nil {
			return err
		}
		if err := s.checkScarce(tx, o); err != nil {
			return err
		}
		return createPayment(tx, &p, o, 1, now, customerWords(o)...)
	})
	if err != nil {
		return Order{}, false, fmt.Errorf("place order: %w", err)
	}
	if !placed {
		order, err = s.OrderByForm(ctx, o.FormID, o.Lines)
		return order, false, err
	}
	o.Payments = []Payment{p}
	return o, true, nil
}

// customerWords are the words a customer's orders are found by.
func customerWords(o Order) []string { return append(nameWords(o.CustomerName), fold(o.CustomerEmail)) }

// checkoutID is unique for a form and what is ordered with it: which products
// and how many of each, in any sequence. Prices are not part of it.
func checkoutID(formID string, lines []OrderLine) string {
	digest := sha256.New()
	for _, l := range bySKU(lines) {
		fmt.Fprintf(digest, "%q %d\n", l.SKU, l.Quantity)
	}
	return fmt.Sprintf("%s.%x", formID, digest.Sum(nil)[:16])
}
