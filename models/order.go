package models

import (
	"cmp"
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
	FormID     string // of the checkout form that placed it; one form places several orders when the cart changes between
	CheckoutID string // FormID and a digest of the contents, unique: the same form with the same contents is one order

	CustomerName  string
	CustomerEmail string
	CustomerPhone string
	Language      string // "id" or "en"

	Lines     []OrderLine
	Payments  []Payment // by attempt
	Total     int64     // whole rupiah
	Status    OrderStatus
	StockHeld bool // its lines are taken out of stock

	// Client is the address of who places the order, for the limits on unpaid orders. Only a keyed hash of it is
	// kept, for as long as the order waits to be paid. Without a client there are no limits.
	Client string `gorm:"-"`

	// CancelledBy and CancelledFor are who of the staff cancelled it, and for what reason, where they said.
	CancelledBy  string
	CancelledFor string

	// Test says that the order was made against a gateway where no money moves, by a former owner of the
	// database: it is no revenue, and it is over. RetireDemo sets it.
	Test bool

	// OpenCases are what a person must still decide about it, the oldest first.
	OpenCases []Case

	PlacedAt    time.Time
	PaidAt      *time.Time
	ExpiredAt   *time.Time
	CancelledAt *time.Time

	// ErasedAt is when the customer's data was erased, nil while it is kept. ErasedBy is who decided it, empty for
	// the shop itself, and ErasureReason why.
	ErasedAt      *time.Time
	ErasedBy      string
	ErasureReason ErasureReason
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

// Payment returns the attempt that counts: the one whose money was applied to the order,
// else one that was paid, else the latest.
func (o Order) Payment() Payment {
	for _, p := range o.Payments {
		if slices.ContainsFunc(p.Receipts, func(r Receipt) bool { return r.Status == ReceiptApplied }) {
			return p
		}
	}
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

// HasUndecidedMoney reports whether money has come for the order that nobody has decided
// about yet. Its code must not be paid meanwhile.
func (o Order) HasUndecidedMoney() bool {
	if slices.ContainsFunc(o.OpenCases, Case.isUnreadMoney) {
		return true
	}
	return slices.ContainsFunc(o.Payments, func(p Payment) bool {
		return slices.ContainsFunc(p.Receipts, func(r Receipt) bool { return r.Status == ReceiptHeld })
	})
}

// Money is what came for an order, in whole rupiah: Applied and Unapplied are all of it. Of the unapplied, what is
// neither Undecided nor Kept was given back.
type Money struct {
	Applied   int64 // it pays the order
	Unapplied int64 // it came and pays nothing, whether or not it was given back
	Undecided int64 // of the unapplied: a case asks a person
	Kept      int64 // of the unapplied: decided about, and not given back
	Refunded  int64 // of either

	AppliedRefunded int64 // of the applied
}

// Money adds up what came for an order that was loaded with its receipts.
func (o Order) Money() (m Money) {
	for _, p := range o.Payments {
		for _, r := range p.Receipts {
			switch r.Status {
			case ReceiptApplied:
				m.Applied += r.Amount
				m.AppliedRefunded += r.Refunded
			case ReceiptHeld:
				m.Undecided += r.Amount
				m.Unapplied += r.Amount
			case ReceiptReturned, ReceiptKept:
				m.Unapplied += r.Amount
				m.Kept += r.Left()
			}
			m.Refunded += r.Refunded
		}
	}
	return m
}

// Refunded reports whether all of the money that paid for the order was given back.
func (o Order) Refunded() bool {
	m := o.Money()
	return m.Applied > 0 && m.AppliedRefunded >= m.Applied
}

// NextAttempt is the number of the attempt that would come next.
func (o Order) NextAttempt() int64 { return int64(len(o.Payments)) + 1 }

// Order finds an order with its lines, attempts and receipts by its token, or
// says ErrNotFound.
func (s *Store) Order(ctx context.Context, token string) (Order, error) {
	return wholeOrder(s.read.WithContext(ctx), "token = ?", token)
}

// FindOrder returns the token of the order with that number, written as people
// write it, placed with that email; or ErrNotFound, without saying which of the
// two is wrong.
func (s *Store) FindOrder(ctx context.Context, number, email string) (token string, err error) {
	number = strings.ToUpper(strings.Join(strings.Fields(number), ""))
	o, err := gorm.G[Order](s.read).Select("token").Where("number = ? AND lower(customer_email) = ? AND erased_at IS NULL",
		number, strings.ToLower(strings.TrimSpace(email))).Take(ctx)
	return o.Token, err
}

// OrderByForm finds the order that a checkout form has placed with these
// contents, or says ErrNotFound. Without any lines it is the latest order that
// the form has placed: whoever goes back to a form that was sent has an empty cart.
func (s *Store) OrderByForm(ctx context.Context, formID string, lines []OrderLine) (Order, error) {
	orders := s.read.WithContext(ctx)
	if len(lines) > 0 {
		return wholeOrder(orders, "checkout_id = ?", checkoutID(formID, lines))
	}
	return wholeOrder(orders.Order("id DESC"), "form_id <> '' AND form_id = ?", formID)
}

// OrderByNumber finds an order by the number people know it by, or says
// ErrNotFound.
func (s *Store) OrderByNumber(ctx context.Context, number string) (Order, error) {
	return wholeOrder(s.read.WithContext(ctx), "number = ?", number)
}

// wholeOrder loads the order for which a condition holds, with all that belongs to it.
func wholeOrder(db *gorm.DB, condition string, value any) (o Order, err error) {
	return o, withDetails(db).Where(condition, value).Take(&o).Error
}

// withDetails preloads what belongs to an order.
func withDetails(db *gorm.DB) *gorm.DB {
	return db.Preload("Lines", orderBy("id")).Preload("Payments", orderBy("attempt")).
		Preload("Payments.Receipts", orderBy("paid_at, id")).Preload("OpenCases", openCases)
}

func orderBy(columns string) func(*gorm.DB) *gorm.DB {
	return func(db *gorm.DB) *gorm.DB { return db.Order(columns) }
}

func openCases(db *gorm.DB) *gorm.DB { return db.Where("closed_at IS NULL").Order("id") }

func linesOf(db *gorm.DB, orderID int64) (lines []OrderLine, err error) {
	return lines, db.Where("order_id = ?", orderID).Order("id").Find(&lines).Error
}

// forUpdate locks the rows of a query until the transaction ends, except against rows that only refer to them. SQLite,
// with one writer at a time, ignores it.
func forUpdate(tx *transaction) *gorm.DB {
	return tx.Clauses(clause.Locking{Strength: "NO KEY UPDATE"})
}

// lockOrder loads an order and locks it: every other transaction that would change the order, its payments or its
// receipts waits. Its lines never change.
func lockOrder(tx *transaction, id int64) (o Order, err error) {
	return o, forUpdate(tx).Where("id = ?", id).Take(&o).Error
}

// sources returns the states from which a move to another one is allowed.
func sources[S ~string](moves map[S][]S, to S) (from []S) {
	for state, targets := range moves {
		if slices.Contains(targets, to) {
			from = append(from, state)
		}
	}
	slices.Sort(from) // the same statement each time
	return from
}

// moveOrder makes one allowed move of an order that is locked, together with other columns, and reports whether it was
// made: an order that is there already, or cannot get there, is no error.
func moveOrder(tx *transaction, o Order, to OrderStatus, columns map[string]any) (bool, error) {
	columns["status"] = to
	moved := tx.Model(&Order{}).Where("id = ? AND status IN ?", o.ID, sources(orderMoves, to)).Updates(columns)
	if moved.Error != nil || moved.RowsAffected == 0 {
		return false, moved.Error
	}
	tx.audit(AuditEvent{OrderID: o.ID, Kind: AuditOrder, Subject: o.Number, Was: string(o.Status), Became: string(to)})
	if to == OrderAwaitingPayment {
		return true, nil
	}
	return true, letGo(tx, o.ID)
}

// expireOrder ends an order that nobody can pay any more, and gives its stock
// back exactly once: only the statement that made the move does it.
func expireOrder(tx *transaction, o Order, now time.Time) (bool, error) {
	moved, err := moveOrder(tx, o, OrderExpired, map[string]any{"expired_at": now, "stock_held": false})
	if err != nil || !moved {
		return moved, err
	}
	return true, giveBackStock(tx, o.ID)
}

// CancelOrder ends an order nobody wants any more, gives its stock back, and has the
// shopper told not to pay its code. It reports whether it did: an order that is paid or has
// expired stays what it is. Its payment code cannot be called back; money that comes for it
// is held. It is ErrMoneyUndecided where money came already: its case decides.
func (s *Store) CancelOrder(ctx context.Context, id int64) (cancelled bool, err error) {
	return s.CancelOrderAs(ctx, id, "", "")
}

// CancelOrderAs does what CancelOrder does, and keeps who of the staff cancelled the order and why.
func (s *Store) CancelOrderAs(ctx context.Context, id int64, by, reason string) (cancelled bool, err error) {
	err = s.transactAs(ctx, Actor{By: ActorStaff}, func(tx *transaction) error {
		cancelled = false
		o, err := lockOrder(tx, id)
		if err != nil {
			return err
		}
		if undecided, err := hasUndecidedMoney(tx, id); err != nil || undecided {
			return cmp.Or(err, ErrMoneyUndecided)
		}
		if cancelled, err = cancelOrder(tx, o, s.now()); err != nil || !cancelled {
			return err
		}
		said := map[string]any{"cancelled_by": by, "cancelled_for": reason}
		if err := tx.Model(&Order{}).Where("id = ?", id).Updates(said).Error; err != nil {
			return err
		}
		var last Payment
		if err := tx.Select("id").Where("order_id = ?", id).Order("attempt DESC").Take(&last).Error; err != nil {
			return err
		}
		return enqueue(tx, Mail{OrderID: id, PaymentID: last.ID, Kind: MailCancelled, SendAt: s.now()})
	})
	return cancelled && err == nil, err
}

// cancelOrder ends an order that is locked, and gives its stock back.
func cancelOrder(tx *transaction, o Order, now time.Time) (bool, error) {
	cancelled, err := moveOrder(tx, o, OrderCancelled, map[string]any{"cancelled_at": now, "stock_held": false})
	if err != nil || !cancelled {
		return false, err
	}
	return true, giveBackStock(tx, o.ID)
}

// payOrder ends an order well. If its stock was given back it is taken again,
// and if that cannot be had a person must decide. A gateway's date that lies ahead
// is not taken: the order is paid now.
func payOrder(tx *transaction, o Order, paidAt time.Time) (bool, error) {
	if now := tx.NowFunc(); paidAt.After(now) {
		paidAt = now
	}
	moved, err := moveOrder(tx, o, OrderPaid, map[string]any{"paid_at": paidAt})
	if err != nil || !moved || o.StockHeld {
		return moved, err
	}
	if o.Lines, err = linesOf(tx.DB, o.ID); err != nil {
		return true, err
	}
	err = tx.Transaction(func(tx *transaction) error { return takeStock(tx, o.ID, o.Lines) })
	if isOutOfStock(err) {
		return true, raiseOutOfStock(tx, o, err)
	}
	if err != nil {
		return true, err
	}
	return true, tx.Model(&Order{}).Where("id = ?", o.ID).Update("stock_held", true).Error
}

// raiseOutOfStock asks a person about a paid order whose goods were sold meanwhile. The
// money is that of the order's latest receipt.
func raiseOutOfStock(tx *transaction, o Order, soldOut error) error {
	c := Case{Kind: CaseOutOfStock, About: aboutOrder(o.ID), OrderID: &o.ID, Detail: soldOut.Error()}
	var r Receipt
	err := tx.Where("status = ? AND payment_id IN (SELECT id FROM payments WHERE order_id = ?)", ReceiptApplied, o.ID).
		Order("id DESC").Take(&r).Error
	if err == nil {
		c.ReceiptID, c.PaymentID = &r.ID, r.PaymentID
	} else if err != ErrNotFound {
		return err
	}
	return raiseOnce(tx, c)
}
