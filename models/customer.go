package models

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"gorm.io/gorm"
)

// MaxCustomerOrders is how many orders of one customer are dealt with at a time.
const MaxCustomerOrders = 200

// contact is an email and a phone number as NormalEmail and NormalPhone return them.
type contact struct{ email, phone string }

// bareNumber is a column's phone number without its decoration.
const bareNumber = "REPLACE(REPLACE(REPLACE(REPLACE(REPLACE(REPLACE(%s," +
	" ' ', ''), '-', ''), '.', ''), '(', ''), ')', ''), '+', '')"

// mayBeEmail is the condition that a column may have the contact's email: the part before the @, without allSeparators,
// begins alike. Which it has is for NormalEmail to say.
func (c contact) mayBeEmail(db *gorm.DB, column string) *gorm.DB {
	if c.email == "" {
		return db.Where("1 = 0")
	}
	name, _, _ := strings.Cut(c.email, "@")
	name = without(name, allSeparators)
	const begins = "substr(REPLACE(REPLACE(REPLACE(lower(%s), '.', ''), '-', ''), '_', ''), 1, ?) IN ?"
	return db.Where(fmt.Sprintf(begins, column), utf8.RuneCountInString(name)+1, []string{name + "@", name + "+"})
}

// mayBePhone is the condition that a column may have the contact's phone number: it ends alike. Which it has is for
// NormalPhone to say.
func (c contact) mayBePhone(db *gorm.DB, column string) *gorm.DB {
	local := strings.TrimPrefix(c.phone, "62")
	if local == "" {
		return db.Where("1 = 0")
	}
	return db.Where(fmt.Sprintf(bareNumber, column)+" LIKE ?", "%"+local)
}

// isIn reports whether an email or a phone number is the contact's.
func (c contact) isIn(email, phone string) bool {
	return c.email != "" && NormalEmail(email) == c.email || c.phone != "" && NormalPhone(phone) == c.phone
}

// IsSame reports whether two customers have the same email, phone number and name, however they are spelled. One who
// shares less may be somebody else: a stranger can order with anybody's email.
func (c Customer) IsSame(other Customer) bool {
	name := func(c Customer) string { return strings.Join(strings.Fields(foldAll(c.Name)), " ") }
	return NormalEmail(c.Email) == NormalEmail(other.Email) && NormalPhone(c.Phone) == NormalPhone(other.Phone) && name(c) == name(other)
}

// ordersOf lists the orders that were not erased and have a contact, or had it before their customer was corrected.
func ordersOf(db *gorm.DB, c contact) (ids []int64, err error) {
	var now []Order
	err = db.Select("id", "customer_email", "customer_phone").Where("erased_at IS NULL").
		Where(c.mayBeEmail(db, "customer_email").Or(c.mayBePhone(db, "customer_phone"))).Find(&now).Error
	if err != nil {
		return nil, err
	}
	for _, o := range now {
		if c.isIn(o.CustomerEmail, o.CustomerPhone) {
			ids = append(ids, o.ID)
		}
	}
	var before []AuditEvent
	err = db.Select("order_id", "subject", "was").Where("kind = ?", AuditCustomer).
		Where("order_id IN (SELECT id FROM orders WHERE erased_at IS NULL)").
		Where(c.mayBeEmail(db, "was").Or(c.mayBePhone(db, "was"))).Find(&before).Error
	for _, was := range before {
		if was.Subject == "email" && c.isIn(was.Was, "") || was.Subject == "phone" && c.isIn("", was.Was) {
			ids = append(ids, was.OrderID)
		}
	}
	return ids, err
}

// CustomerOrders lists the orders with the same email or phone number as an order, however it is spelled, now or before
// a correction, that one among them, the oldest first, each whole. It knows none of orders whose customer was erased,
// and no more than MaxCustomerOrders.
func (s *Store) CustomerOrders(ctx context.Context, o Order) ([]Order, error) {
	db := s.read.WithContext(ctx)
	ids, err := ordersOf(db, contact{NormalEmail(o.CustomerEmail), NormalPhone(o.CustomerPhone)})
	if err != nil {
		return nil, err
	}
	if o.ErasedAt == nil {
		ids = append(ids, o.ID)
	}
	slices.Sort(ids)
	ids = slices.Compact(ids)
	list := make([]Order, min(len(ids), MaxCustomerOrders))
	for i := range list {
		if list[i], err = wholeOrder(db, "id = ?", ids[i]); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// InvoiceNumbers lists the invoice numbers of orders.
func (s *Store) InvoiceNumbers(ctx context.Context, orderIDs []int64) (list []string, err error) {
	payments := s.read.WithContext(ctx).Model(&Payment{}).Where("order_id IN ?", orderIDs)
	return list, payments.Order("id").Pluck("invoice_number", &list).Error
}

// DueForErasure lists orders whose customer is due to be erased: those that ended before a time, that nothing was
// decided about and no money came for since, and that ErasureBlock has nothing against. It begins behind the order
// with the ID after, and returns the ID to go on behind, 0 at the end.
func (s *Store) DueForErasure(ctx context.Context, before time.Time, after int64, limit int) (due []int64, next int64,
	err error) {
	db := s.read.WithContext(ctx)
	before = before.UTC()
	var some []Order
	still := db.Select("id", "placed_at").Where("erased_at IS NULL AND id > ?", after)
	err = still.Order("id").Limit(limit).Find(&some).Error
	if err != nil {
		return nil, 0, err
	}
	var ids []int64
	for _, o := range some {
		if !o.PlacedAt.Before(before) { // IDs are given out as time goes by: those behind it are younger
			break
		}
		ids = append(ids, o.ID)
	}
	if len(ids) == 0 {
		return nil, 0, nil
	}
	if len(ids) == limit {
		next = ids[limit-1]
	}
	err = db.Model(&Order{}).Where("id IN ? AND status <> ?", ids, OrderAwaitingPayment).
		Where(overSince, map[string]any{"before": before, "held": ReceiptHeld, "creating": PaymentCreating}).
		Order("id").Pluck("id", &due).Error
	return due, next, err
}

// overSince is the condition that an order ended before a time, and that nothing was decided about it, no money came for
// it and no code of it could be paid since.
const overSince = "(paid_at IS NULL OR paid_at < @before) AND (expired_at IS NULL OR expired_at < @before)" +
	" AND (cancelled_at IS NULL OR cancelled_at < @before)" +
	" AND NOT EXISTS (SELECT 1 FROM cases WHERE cases.order_id = orders.id AND (closed_at IS NULL OR closed_at >= @before))" +
	" AND NOT EXISTS (SELECT 1 FROM payments JOIN receipts ON receipts.payment_id = payments.id" +
	" WHERE payments.order_id = orders.id AND (receipts.status = @held OR receipts.created_at >= @before))" +
	" AND NOT EXISTS (SELECT 1 FROM payments" +
	" WHERE payments.order_id = orders.id AND (state = @creating OR expires_at >= @before))"

// EraseLate erases what came about nobody's order, or about one whose customer was erased already, and is older than a
// time: texts of cases, ways of refunds, and notifications that no order of ours belongs to.
func (s *Store) EraseLate(ctx context.Context, before time.Time) error {
	before = before.UTC()
	return s.transact(ctx, func(tx *transaction) error {
		cases := tx.Model(&Case{}).Where("closed_at < ? AND (detail <> '' OR reason <> '' OR refund_method <> '')", before).
			Where("order_id IS NULL OR order_id IN (SELECT id FROM orders WHERE erased_at IS NOT NULL)").
			Updates(map[string]any{"detail": "", "reason": "", "refund_method": ""})
		if cases.Error != nil {
			return cases.Error
		}
		receipts := tx.Model(&Receipt{}).Where("refunded > 0 AND refunded_on < ? AND refund_method <> ''", before).
			Where("payment_id IS NULL OR payment_id IN (SELECT p.id FROM orders o"+
				" JOIN payments p ON p.order_id = o.id WHERE o.erased_at IS NOT NULL)").
			Update("refund_method", "")
		if receipts.Error != nil {
			return receipts.Error
		}
		notifications := ofStrays(tx).Where("received_at < ?", before).Update("body", []byte{})
		if notifications.Error != nil {
			return notifications.Error
		}
		return wantScrub(tx, int(cases.RowsAffected+receipts.RowsAffected+notifications.RowsAffected))
	})
}

// keysOfOthers are the columns that are no customer's data but a key to it: who has one of them sees the order, or
// could place another. They are exported as stars.
var keysOfOthers = []string{"token", "checkout_id", "form_id", "header"}

// Held returns everything that is held about orders, by table, each row with its columns by name. Messages are texts.
// The orders' addresses are stars, wherever they stand.
func (s *Store) Held(ctx context.Context, list []Order) (map[string][]map[string]any, error) {
	all := map[string][]map[string]any{}
	for _, h := range held {
		all[h.table] = []map[string]any{}
		for _, o := range list {
			var rows []map[string]any
			err := s.read.WithContext(ctx).Table(h.table).Where(h.of, map[string]any{"order": o.ID}).Order("1").Find(&rows).Error
			if err != nil {
				return nil, err
			}
			for _, row := range rows {
				all[h.table] = append(all[h.table], readableRow(row, o.Token))
			}
		}
	}
	return all, nil
}

func readableRow(row map[string]any, token string) map[string]any {
	for column, value := range row {
		if bytes, ok := value.([]byte); ok {
			value = string(bytes)
		}
		if text, ok := value.(string); ok {
			value = strings.ReplaceAll(text, token, "***")
		}
		if slices.Contains(keysOfOthers, column) {
			value = "***"
		}
		row[column] = value
	}
	return row
}
