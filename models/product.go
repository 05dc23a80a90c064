package models

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

// ProductKind says how a product is handed over and paid.
type ProductKind string

const (
	// KindGoods are sent to the customer.
	KindGoods ProductKind = "goods"
	// KindVoucher is worth its order number.
	KindVoucher ProductKind = "voucher"
	// KindOpen gets a payment code that may be paid again and again; each
	// payment adds a receipt. It is ordered by itself.
	KindOpen ProductKind = "open"
)

// Category groups products in the catalogue.
type Category string

// Categories in the order the catalogue shows them.
const (
	CategoryFood     Category = "food"
	CategoryDrinks   Category = "drinks"
	CategoryCrafts   Category = "crafts"
	CategoryVouchers Category = "vouchers"
)

// Categories lists all categories in the catalogue's order.
func Categories() []Category {
	return []Category{CategoryFood, CategoryDrinks, CategoryCrafts, CategoryVouchers}
}

// Product is something for sale. Its price and stock come from nowhere else.
type Product struct {
	ID       int64
	SKU      string
	Slug     string
	Category Category
	Kind     ProductKind
	NameID   string // Indonesian
	NameEN   string // English
	TextID   string
	TextEN   string
	Price    int64 // whole rupiah
	Stock    int64
	Drawing  string // file name under static/drawings

	// SettlementAccount is the seller's bank account at the gateway, empty for
	// the shop's own.
	SettlementAccount string

	// Position orders the catalogue.
	Position int64
}

// Products lists the catalogue, or what of it matches a query and a category. It is
// one and the same statement whatever is searched for.
func (s *Store) Products(ctx context.Context, query string, category Category) ([]Product, error) {
	list, err := gorm.G[Product](s.read).Order("position, id").Find(ctx)
	return Matching(list, query, category), err
}

// Matching returns the products of a category whose names and texts, in either
// language, contain every word of a query, without regard to case. An empty query
// or category matches all. Words after the first MaxTerms different ones are left out.
func Matching(list []Product, query string, category Category) []Product {
	words := distinct(strings.Fields(strings.ToLower(query)))
	var found []Product
	for _, p := range list {
		if (category == "" || p.Category == category) && p.contains(words) {
			found = append(found, p)
		}
	}
	return found
}

func (p Product) contains(words []string) bool {
	if len(words) == 0 {
		return true
	}
	text := strings.ToLower(strings.Join([]string{p.NameID, p.NameEN, p.TextID, p.TextEN}, " "))
	return !slices.ContainsFunc(words, func(word string) bool { return !strings.Contains(text, word) })
}

// Product finds one product by its slug, or says ErrNotFound.
func (s *Store) Product(ctx context.Context, slug string) (Product, error) {
	return gorm.G[Product](s.read).Where("slug = ?", slug).Take(ctx)
}

// ProductsBySKU finds products by SKU; unknown ones are absent.
func (s *Store) ProductsBySKU(ctx context.Context, skus ...string) (map[string]Product, error) {
	list, err := gorm.G[Product](s.read).Where("sku IN ?", skus).Find(ctx)
	bySKU := make(map[string]Product, len(list))
	for _, p := range list {
		bySKU[p.SKU] = p
	}
	return bySKU, err
}

// bySKU puts lines into the one order in which all transactions go about
// products: two that went about the same ones the other way round could wait for
// each other for ever.
func bySKU(lines []OrderLine) []OrderLine {
	return slices.SortedFunc(slices.Values(lines), func(a, b OrderLine) int { return strings.Compare(a.SKU, b.SKU) })
}

// takeStock takes what the lines need: the guard is in the statement, so two
// shoppers cannot both take the last piece. An error must end the transaction.
func takeStock(tx *transaction, orderID int64, lines []OrderLine) error {
	var taken []AuditEvent
	for _, l := range bySKU(lines) {
		left, moved, err := moveStock(tx, l.SKU, -l.Quantity)
		if err != nil {
			return err
		}
		if !moved {
			return &OutOfStockError{SKU: l.SKU}
		}
		taken = append(taken, stockChange(orderID, l.SKU, left, -l.Quantity))
	}
	tx.audit(taken...)
	return nil
}

// MaxStock is more than any shelf holds.
const MaxStock = 1_000_000

// SetStock sets a product's stock to what a person counted, if it still is what
// that person saw, and returns the product as it then stands. A sale in between
// is not overwritten: changed is false, and the person is to look again. Adding
// the difference instead would save that look, but a form sent twice would count
// twice, and nobody would notice.
func (s *Store) SetStock(ctx context.Context, sku string, seen, stock int64) (p Product, changed bool, err error) {
	return s.setStock(ctx, Actor{By: ActorStaff}, sku, seen, stock)
}

// setStock is SetStock by whoever it is.
func (s *Store) setStock(ctx context.Context, by Actor, sku string, seen, stock int64) (p Product, changed bool, err error) {
	if stock < 0 || stock > MaxStock {
		return Product{}, false, fmt.Errorf("a stock of %d", stock)
	}
	err = s.transactAs(ctx, by, func(tx *transaction) error {
		res := tx.Model(&Product{}).Where("sku = ? AND stock = ?", sku, seen).Update("stock", stock)
		if res.Error != nil {
			return res.Error
		}
		if changed = res.RowsAffected == 1; changed {
			tx.audit(stockChange(0, sku, stock, stock-seen))
		}
		p = Product{}
		return tx.Where("sku = ?", sku).Take(&p).Error
	})
	return p, changed && err == nil, err
}

func giveBackStock(tx *transaction, orderID int64) error {
	lines, err := linesOf(tx.DB, orderID)
	if err != nil {
		return err
	}
	for _, l := range bySKU(lines) {
		left, moved, err := moveStock(tx, l.SKU, l.Quantity)
		if err != nil {
			return err
		}
		if moved { // a product that is gone needs nothing back
			tx.audit(stockChange(orderID, l.SKU, left, l.Quantity))
		}
	}
	return nil
}

// moveStock adds to a product's stock, which never falls below nothing, and
// returns what is left.
func moveStock(tx *transaction, sku string, by int64) (left int64, moved bool, err error) {
	var p Product
	res := tx.Model(&p).Clauses(clause.Returning{Columns: []clause.Column{{Name: "stock"}}}).
		Where("sku = ? AND stock + ? >= 0", sku, by).Update("stock", gorm.Expr("stock + ?", by))
	return p.Stock, res.RowsAffected > 0, res.Error
}

func stockChange(orderID int64, sku string, left, by int64) AuditEvent {
	return AuditEvent{OrderID: orderID, Kind: AuditStock, Subject: sku,
		Was: strconv.FormatInt(left-by, 10), Became: strconv.FormatInt(left, 10)}
}

// OutOfStockError: there is not enough left of one product.
type OutOfStockError struct{ SKU string }

func (e *OutOfStockError) Error() string { return "not enough stock of " + e.SKU }

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
