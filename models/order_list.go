package models

import (
	"context"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"time"

	"gorm.io/gorm"
)

// OrderFilter says which orders are wanted.
type OrderFilter struct {
	Status   OrderStatus // empty for all
	Flagged  bool        // only those a person must look at
	From, To time.Time   // placed from, and before; zero for ever
	Search   string      // beginnings of names, email, order and invoice numbers, codes
}

// conditions are what rows must fulfil, all of it.
type conditions struct {
	texts  []string
	values []any
}

func (c *conditions) and(text string, values ...any) {
	c.texts, c.values = append(c.texts, text), append(c.values, values...)
}

func (c *conditions) text() string { return strings.Join(c.texts, " AND ") }

func (f OrderFilter) conditions() (c conditions) {
	if f.Status != "" {
		c.and("orders.status = ?", f.Status)
	}
	if f.Flagged {
		c.and("orders.id IN (SELECT order_id FROM cases WHERE closed_at IS NULL)")
	}
	if !f.From.IsZero() {
		c.and("orders.placed_at >= ?", f.From.UTC())
	}
	if !f.To.IsZero() {
		c.and("orders.placed_at < ?", f.To.UTC())
	}
	return c
}

// OrderPage is some of the orders that were asked for, without their lines.
type OrderPage struct {
	Orders []Order
	Next   string // where the next page begins, empty at the end
}

// few reports whether the filter leaves so few of all orders that a search had
// better walk along those than along its words: what is open, what is flagged.
func (f OrderFilter) few() bool { return f.Flagged || f.Status == OrderAwaitingPayment }

// Orders lists orders, those of a search by the word they are found by, others
// the latest first. A page begins after a key, not after so many rows: it is as
// quick in the middle of a million orders as at their end, and orders placed
// meanwhile shift nothing. A key nobody gave is ErrNotFound.
func (s *Store) Orders(ctx context.Context, f OrderFilter, after string, limit int) (OrderPage, error) {
	terms := searchTerms(f.Search)
	find := s.latestOrders
	if len(terms) > 0 && !f.few() {
		find = s.foundOrders
	}
	p, err := find(ctx, f, terms, after, limit)
	if err != nil || len(p.Orders) == 0 {
		return p, err
	}
	return p, s.fillCases(ctx, p.Orders)
}

// endOfTime is later than any order.
var endOfTime = time.Date(9000, 1, 1, 0, 0, 0, 0, time.UTC)

func (s *Store) latestOrders(ctx context.Context, f OrderFilter, terms []string, after string, limit int) (OrderPage, error) {
	at, id := endOfTime, int64(0)
	if after != "" {
		var micros int64
		if _, err := fmt.Sscanf(after, "%d-%d", &micros, &id); err != nil {
			return OrderPage{}, ErrNotFound
		}
		// PostgreSQL refuses years far from ours.
		if at = time.UnixMicro(micros).UTC(); micros < 0 || at.After(endOfTime) {
			return OrderPage{}, ErrNotFound
		}
	}
	c := f.conditions()
	c.and("(orders.placed_at, orders.id) < (?, ?)", at, id)
	if len(terms) > 0 {
		c.andWords("orders.id", terms)
	}
	var p OrderPage
	err := s.read.WithContext(ctx).Where(c.text(), c.values...).Order("placed_at DESC, id DESC").Limit(limit + 1).Find(&p.Orders).Error
	if err == nil && len(p.Orders) > limit {
		p.Orders = p.Orders[:limit]
		last := p.Orders[limit-1]
		p.Next = fmt.Sprintf("%d-%d", last.PlacedAt.UnixMicro(), last.ID)
	}
	return p, err
}

func (s *Store) foundOrders(ctx context.Context, f OrderFilter, terms []string, after string, limit int) (OrderPage, error) {
	var from *cursor
	if after != "" {
		var word string
		from = &cursor{}
		if _, err := fmt.Sscanf(after, "%d-%s", &from.OrderID, &word); err != nil || len(word) > 2*maxWord {
			return OrderPage{}, ErrNotFound
		}
		var err error
		if from.Word, err = hex.DecodeString(word); err != nil {
			return OrderPage{}, ErrNotFound
		}
	}
	ids, next, err := s.search(ctx, f, terms, from, limit)
	if err != nil {
		return OrderPage{}, err
	}
	var p OrderPage
	if next != nil {
		p.Next = fmt.Sprintf("%d-%x", next.OrderID, next.Word)
	}
	if len(ids) == 0 {
		return p, nil
	}
	err = s.read.WithContext(ctx).Where("id IN ?", ids).Find(&p.Orders).Error
	slices.SortFunc(p.Orders, func(a, b Order) int { return slices.Index(ids, a.ID) - slices.Index(ids, b.ID) })
	return p, err
}

// exportBatch is how many orders an export has in hand.
const exportBatch = 200

// EachOrder gives the orders of a filter, whole, one after the other, and holds
// neither all of them nor the database meanwhile. It ends at the first error.
func (s *Store) EachOrder(ctx context.Context, f OrderFilter, give func(Order) error) error {
	for after := ""; ; {
		p, err := s.Orders(ctx, f, after, exportBatch)
		if err != nil {
			return err
		}
		if err := s.fill(ctx, p.Orders); err != nil {
			return err
		}
		for _, o := range p.Orders {
			if err := give(o); err != nil {
				return err
			}
		}
		if p.Next == "" {
			return nil
		}
		after = p.Next
	}
}

// fillCases gives orders of a list their open cases.
func (s *Store) fillCases(ctx context.Context, orders []Order) error {
	ids := make([]int64, len(orders))
	for i, o := range orders {
		ids[i] = o.ID
	}
	var open []Case
	if err := s.read.WithContext(ctx).Where("order_id IN ? AND closed_at IS NULL", ids).Order("id").Find(&open).Error; err != nil {
		return err
	}
	for i := range orders {
		for _, c := range open {
			if *c.OrderID == orders[i].ID {
				orders[i].OpenCases = append(orders[i].OpenCases, c)
			}
		}
	}
	return nil
}

// fill gives orders their lines, attempts and receipts.
func (s *Store) fill(ctx context.Context, orders []Order) error {
	if len(orders) == 0 {
		return nil
	}
	byID := make(map[int64]*Order, len(orders))
	ids := make([]int64, len(orders))
	for i := range orders {
		ids[i], byID[orders[i].ID] = orders[i].ID, &orders[i]
	}
	var lines []OrderLine
	if err := s.read.WithContext(ctx).Where("order_id IN ?", ids).Order("id").Find(&lines).Error; err != nil {
		return err
	}
	for _, l := range lines {
		byID[l.OrderID].Lines = append(byID[l.OrderID].Lines, l)
	}
	var payments []Payment
	err := s.read.WithContext(ctx).Omit("request_body", "instructions").Where("order_id IN ?", ids).
		Preload("Receipts", func(db *gorm.DB) *gorm.DB { return db.Order("paid_at, id") }).Order("attempt").Find(&payments).Error
	for _, p := range payments {
		byID[p.OrderID].Payments = append(byID[p.OrderID].Payments, p)
	}
	return err
}

// History is what else is known of an order: cases, and mails that were sent, or were not because of a limit.
type History struct {
	Cases []Case
	Mails []Mail
}

// History finds what else is known of an order.
func (s *Store) History(ctx context.Context, id int64) (h History, err error) {
	if err := wholeCases(s.read.WithContext(ctx)).Where("order_id = ?", id).Order("created_at, id").Find(&h.Cases).Error; err != nil {
		return h, err
	}
	return h, s.read.WithContext(ctx).Select("id", "kind", "sent_at", "subject", "last_error").
		Where("payment_id IN (SELECT id FROM payments WHERE order_id = ?) AND (subject <> '' OR last_error = ? OR sent_at IS NOT NULL AND last_error LIKE ?)", id, mailOverLimit, mailGivenUp+"%").Order("sent_at, id").Find(&h.Mails).Error
}
