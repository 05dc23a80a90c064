package models

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"gorm.io/gorm"
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

// Products lists the catalogue. A query matches names and texts in either
// language, without regard to case; an empty query or category matches all.
func (s *Store) Products(ctx context.Context, query string, category Category) ([]Product, error) {
	db := s.read.WithContext(ctx).Order("position, id")
	if category != "" {
		db = db.Where("category = ?", category)
	}
	for _, word := range strings.Fields(strings.ToLower(query)) {
		like := "%" + strings.NewReplacer(`\`, `\\`, "%", `\%`, "_", `\_`).Replace(word) + "%"
		db = db.Where(`lower(name_id || ' ' || name_en || ' ' || text_id || ' ' || text_en) LIKE ? ESCAPE '\'`, like)
	}
	var products []Product
	return products, db.Find(&products).Error
}

// Product finds one product by its slug, or says ErrNotFound.
func (s *Store) Product(ctx context.Context, slug string) (Product, error) {
	return first[Product](s.read.WithContext(ctx).Where("slug = ?", slug))
}

// ProductsBySKU finds products by SKU; unknown ones are absent.
func (s *Store) ProductsBySKU(ctx context.Context, skus ...string) (map[string]Product, error) {
	var products []Product
	if err := s.read.WithContext(ctx).Where("sku IN ?", skus).Find(&products).Error; err != nil {
		return nil, err
	}
	bySKU := make(map[string]Product, len(products))
	for _, p := range products {
		bySKU[p.SKU] = p
	}
	return bySKU, nil
}

// bySKU puts lines into the one order in which all transactions go about
// products: two that went about the same ones the other way round could wait for
// each other for ever.
func bySKU(lines []OrderLine) []OrderLine {
	return slices.SortedFunc(slices.Values(lines), func(a, b OrderLine) int { return strings.Compare(a.SKU, b.SKU) })
}

// takeStock takes what the lines need: the guard is in the statement, so two
// shoppers cannot both take the last piece. An error must end the transaction.
func takeStock(tx *gorm.DB, lines []OrderLine) error {
	for _, l := range bySKU(lines) {
		res := tx.Model(&Product{}).
			Where("sku = ? AND stock >= ?", l.SKU, l.Quantity).
			Update("stock", gorm.Expr("stock - ?", l.Quantity))
		if res.Error != nil {
			return res.Error
		}
		if res.RowsAffected == 0 {
			return &OutOfStockError{SKU: l.SKU}
		}
	}
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
	if stock < 0 || stock > MaxStock {
		return Product{}, false, fmt.Errorf("a stock of %d", stock)
	}
	err = s.transact(ctx, func(tx *gorm.DB) error {
		res := tx.Model(&Product{}).Where("sku = ? AND stock = ?", sku, seen).Update("stock", stock)
		if res.Error != nil {
			return res.Error
		}
		changed = res.RowsAffected == 1
		p, err = first[Product](tx.Where("sku = ?", sku))
		return err
	})
	return p, changed && err == nil, err
}

func giveBackStock(tx *gorm.DB, lines []OrderLine) error {
	for _, l := range bySKU(lines) {
		err := tx.Model(&Product{}).Where("sku = ?", l.SKU).
			Update("stock", gorm.Expr("stock + ?", l.Quantity)).Error
		if err != nil {
			return err
		}
	}
	return nil
}

// OutOfStockError: there is not enough left of one product.
type OutOfStockError struct{ SKU string }

func (e *OutOfStockError) Error() string { return "not enough stock of " + e.SKU }
