package models

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

// OrderStatus is the shop's own word on an order.
type OrderStatus string

const (
	OrderAwaitingPayment OrderStatus = "awaiting_payment"
	OrderPaid            OrderStatus = "paid"
	OrderExpired         OrderStatus = "expired"
	OrderCancelled       OrderStatus = "cancelled"
)

// orderMoves are the allowed moves of an order: from each status, to these.
// An order that is paid never moves. An expired one can still be paid, because
// money beats the clock, and comes back to life with a new payment code.
var orderMoves = map[OrderStatus][]OrderStatus{
	OrderAwaitingPayment: {OrderPaid, OrderExpired, OrderCancelled},
	OrderExpired:         {OrderPaid, OrderAwaitingPayment},
}

// Order is what one shopper wants to buy.
type Order struct {
	ID         int64
	Token      string // the public address: whoever has it sees the order
	Number     string
	CheckoutID string // made by the checkout form: one form, one order

	CustomerName  string
	CustomerEmail string
	CustomerPhone string
	Language      string // "id" or "en"

	Lines     []OrderLine
	Payments  []Payment // by attempt
	Total     int64     // whole rupiah
	Status    OrderStatus
	StockHeld bool // its lines are taken out of stock

	// Attention is the latest reason a person must look at this order.
	Attention AttentionKind

	PlacedAt    time.Time
	PaidAt      *time.Time
	ExpiredAt   *time.Time
	CancelledAt *time.Time
}

// OrderLine is one product of an order, with the name and price of that moment.
type OrderLine struct {
	ID        int64
	OrderID   int64
	SKU       string
	NameID    string
	NameEN    string
	Kind      ProductKind
	Drawing   string
	Price     int64 // whole rupiah, each
	Quantity  int64
	CreatedAt time.Time

	// SettlementAccount is the seller's bank account at the gateway, empty for
	// the shop's own.
	SettlementAccount string
}

// Amount is what the line costs, in whole rupiah.
func (l OrderLine) Amount() int64 { return l.Price * l.Quantity }

// Reusable reports whether the order's payment code may be paid again and
// again: it is for a product of kind open, which is ordered by itself.
func (o Order) Reusable() bool { return len(o.Lines) == 1 && o.Lines[0].Kind == KindOpen }

// Share is what one seller gets of an order.
type Share struct {
	Account string // the seller's bank account at the gateway
	Amount  int64  // whole rupiah
}

// Shares splits the order's money among the sellers of its lines, in the order
// of the lines. What is left of the total is the shop's own. It is an error if
// the lines do not add up to the total, to the rupiah.
func (o Order) Shares() ([]Share, error) {
	var shares []Share
	left := o.Total
	for _, l := range o.Lines {
		left -= l.Amount()
		if l.SettlementAccount == "" {
			continue
		}
		i := slices.IndexFunc(shares, func(s Share) bool { return s.Account == l.SettlementAccount })
		if i < 0 {
			i, shares = len(shares), append(shares, Share{Account: l.SettlementAccount})
		}
		shares[i].Amount += l.Amount()
	}
	if left != 0 {
		return nil, fmt.Errorf("the lines of order %s differ from its total by %d rupiah", o.Number, left)
	}
	return shares, nil
}

// Payment returns the attempt that counts: the one that was paid, else the
// latest.
func (o Order) Payment() Payment {
	for _, p := range o.Payments {
		if p.State == PaymentPaid {
			return p
		}
	}
	if len(o.Payments) == 0 {
		return Payment{}
	}
	return o.Payments[len(o.Payments)-1]
}

// NextAttempt is the number of the attempt that would come next.
func (o Order) NextAttempt() int64 { return int64(len(o.Payments)) + 1 }

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
// number. Nothing is kept yet; unknown products are left out.
func (s *Store) DraftOrder(ctx context.Context, items []Item) (Order, error) {
	skus := make([]string, len(items))
	for i, item := range items {
		skus[i] = item.SKU
	}
	products, err := s.ProductsBySKU(ctx, skus...)
	if err != nil {
		return Order{}, err
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
	return o, nil
}

// PlaceOrder keeps a drafted order together with its first attempt to be paid,
// and takes its stock, in one transaction. The payment comes with its Request-Id
// and the exact bytes of its request: both are durable before anything is sent.
//
// If an order with the same CheckoutID exists, that one is returned and placed
// is false. Too little stock is an *OutOfStockError and nothing is kept.
func (s *Store) PlaceOrder(ctx context.Context, o Order, p Payment) (order Order, placed bool, err error) {
	now := s.now()
	o.Status, o.StockHeld, o.PlacedAt = OrderAwaitingPayment, true, now
	err = s.transact(ctx, func(tx *gorm.DB) error {
		placed = false
		res := tx.Omit(clause.Associations).
			Clauses(clause.OnConflict{Columns: []clause.Column{{Name: "checkout_id"}}, DoNothing: true}).
			Create(&o)
		if res.Error != nil || res.RowsAffected == 0 {
			return res.Error
		}
		placed = true
		if err := record(tx, Change{OrderID: o.ID, Kind: ChangeOrder, Subject: o.Number, Became: string(o.Status)}); err != nil {
			return err
		}
		if err := takeStock(tx, o.ID, o.Lines); err != nil {
			return err
		}
		for i := range o.Lines {
			o.Lines[i].OrderID = o.ID
		}
		if err := tx.Create(&o.Lines).Error; err != nil {
			return err
		}
		if err := keepWords(tx, o.ID, append(nameWords(o.CustomerName), fold(o.CustomerEmail))...); err != nil {
			return err
		}
		return createPayment(tx, &p, o, 1, now)
	})
	if err != nil {
		return Order{}, false, fmt.Errorf("place order: %w", err)
	}
	order, err = s.OrderByCheckoutID(ctx, o.CheckoutID)
	return order, placed, err
}

// Order finds an order with its lines, attempts and receipts by its token, or
// says ErrNotFound.
func (s *Store) Order(ctx context.Context, token string) (Order, error) {
	return first[Order](s.wholeOrder(ctx).Where("token = ?", token))
}

// FindOrder returns the token of the order with that number, written as people
// write it, placed with that email; or ErrNotFound, without saying which of the
// two is wrong.
func (s *Store) FindOrder(ctx context.Context, number, email string) (token string, err error) {
	number = strings.ToUpper(strings.Join(strings.Fields(number), ""))
	o, err := first[Order](s.read.WithContext(ctx).Select("token").
		Where("number = ? AND lower(customer_email) = ?", number, strings.ToLower(strings.TrimSpace(email))))
	return o.Token, err
}

// OrderByCheckoutID finds the order a checkout form has placed, or says
// ErrNotFound.
func (s *Store) OrderByCheckoutID(ctx context.Context, checkoutID string) (Order, error) {
	return first[Order](s.wholeOrder(ctx).Where("checkout_id = ?", checkoutID))
}

// OrderByNumber finds an order by the number people know it by, or says
// ErrNotFound.
func (s *Store) OrderByNumber(ctx context.Context, number string) (Order, error) {
	return first[Order](s.wholeOrder(ctx).Where("number = ?", number))
}

func (s *Store) wholeOrder(ctx context.Context) *gorm.DB {
	return s.read.WithContext(ctx).Preload("Lines", inOrder).
		Preload("Payments", func(db *gorm.DB) *gorm.DB { return db.Order("attempt") }).
		Preload("Payments.Receipts", func(db *gorm.DB) *gorm.DB { return db.Order("paid_at, id") })
}

func inOrder(db *gorm.DB) *gorm.DB { return db.Order("id") }

// lockOrder loads an order with its lines for this transaction alone: every
// other one that would change the order, its payments or its receipts waits.
// SQLite, with one writer at a time, does without the lock. It leaves room for
// rows that only refer to the order.
func lockOrder(tx *gorm.DB, id int64) (Order, error) {
	return first[Order](locked(tx).Preload("Lines", inOrder).Where("id = ?", id))
}

// moveOrder makes one allowed move and reports whether it was made. Another
// move that came first, or an order that is already there, is no error.
func moveOrder(tx *gorm.DB, id int64, to OrderStatus, changes map[string]any) (bool, error) {
	was, err := first[Order](locked(tx).Select("number", "status").Where("id = ?", id))
	if err != nil {
		return false, err
	}
	changes["status"] = to
	res := tx.Model(&Order{}).Where("id = ? AND status IN ?", id, sources(orderMoves, to)).Updates(changes)
	if res.Error != nil || res.RowsAffected == 0 {
		return false, res.Error
	}
	return true, record(tx, Change{OrderID: id, Kind: ChangeOrder, Subject: was.Number, Was: string(was.Status), Became: string(to)})
}

// sources lists the statuses that may move to one.
func sources[S ~string](moves map[S][]S, to S) []S {
	var from []S
	for status, targets := range moves {
		for _, t := range targets {
			if t == to {
				from = append(from, status)
			}
		}
	}
	return from
}

// expireOrder ends an order that nobody can pay any more, and gives its stock
// back exactly once: only the statement that made the move does it.
func expireOrder(tx *gorm.DB, o Order, now time.Time) (bool, error) {
	moved, err := moveOrder(tx, o.ID, OrderExpired, map[string]any{"expired_at": now, "stock_held": false})
	if err != nil || !moved {
		return moved, err
	}
	return true, giveBackStock(tx, o.ID, o.Lines)
}

// CancelOrder ends an order nobody wants any more and gives its stock back, and
// reports whether it did: an order that is paid or has expired stays what it is.
// Its payment code cannot be called back; money that comes for it is flagged.
func (s *Store) CancelOrder(ctx context.Context, id int64) (cancelled bool, err error) {
	err = s.transact(ctx, func(tx *gorm.DB) error {
		o, err := lockOrder(tx, id)
		if err != nil {
			return err
		}
		cancelled, err = moveOrder(tx, id, OrderCancelled, map[string]any{"stock_held": false, "cancelled_at": s.now()})
		if err != nil || !cancelled {
			return err
		}
		return giveBackStock(tx, o.ID, o.Lines)
	})
	return cancelled && err == nil, err
}

// payOrder ends an order well. If its stock was given back it is taken again,
// and if that cannot be had a person must decide.
func payOrder(tx *gorm.DB, o Order, paidAt time.Time) (bool, error) {
	moved, err := moveOrder(tx, o.ID, OrderPaid, map[string]any{"paid_at": paidAt})
	if err != nil || !moved || o.StockHeld {
		return moved, err
	}
	err = tx.Transaction(func(tx *gorm.DB) error { return takeStock(tx, o.ID, o.Lines) })
	if isOutOfStock(err) {
		return true, raise(tx, Attention{OrderID: &o.ID, Kind: AttentionOutOfStock, Detail: err.Error()})
	}
	if err != nil {
		return true, err
	}
	return true, tx.Model(&Order{}).Where("id = ?", o.ID).Update("stock_held", true).Error
}
