package models

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"
)

// Retirement is what RetireDemo does, or would do.
type Retirement struct {
	Former    Owner
	Orders    int64 // that become test orders
	Cancelled int64 // of those, orders that could still be paid, or be given a new code
}

// Retirement says what RetireDemo would do for the next owner. It is an error where it would be refused.
func (s *Store) Retirement(ctx context.Context, next Owner) (r Retirement, err error) {
	r.Former, err = s.Owner(ctx)
	switch {
	case errors.Is(err, ErrNotFound):
		err = errors.New("the database has recorded no owner yet; start the shop once with the settings its orders were made with")
	case err == nil && r.Former == next:
		err = fmt.Errorf("the database belongs to %s, as JOKUL_ENVIRONMENT and JOKUL_CLIENT_ID say; there is nothing to retire", next)
	case err == nil && r.Former.Environment == Production:
		err = fmt.Errorf("the database holds the orders of %s, which are real: they are not retired", r.Former)
	}
	if err != nil {
		return r, err
	}
	if err := s.read.WithContext(ctx).Model(&Order{}).Where(isReal).Count(&r.Orders).Error; err != nil {
		return r, err
	}
	return r, s.read.WithContext(ctx).Model(&Order{}).Where(isReal+" AND status IN ?", mayStillBePaid).Count(&r.Cancelled).Error
}

// mayStillBePaid are the statuses from which an order can become paid.
var mayStillBePaid = []OrderStatus{OrderAwaitingPayment, OrderExpired}

// RetireDemo hands a database over to its next owner. Every order of the former one, which must not be in production,
// becomes a test order and is over: if it was not paid it is cancelled, no code of it can be paid or made, no mail
// about it is sent, its stock is given back and its cases are closed. All rows stay. No shop may be running. What was
// begun and not ended is gone on with when it is called again.
func (s *Store) RetireDemo(ctx context.Context, next Owner) (Retirement, error) {
	r, err := s.Retirement(ctx, next)
	if err != nil {
		return r, err
	}
	return r, s.database.WhileStopped(ctx, func() error {
		for last := int64(0); ; {
			var ids []int64
			err := s.write.WithContext(ctx).Model(&Order{}).Where(isReal+" AND id > ?", last).Order("id").Limit(retiredAtOnce).Pluck("id", &ids).Error
			if err != nil {
				return err
			}
			if len(ids) == 0 {
				return s.handOver(ctx, r.Former, next)
			}
			if err := s.retireOrders(ctx, ids); err != nil {
				return err
			}
			last = ids[len(ids)-1]
		}
	})
}

// retiredAtOnce is how many orders become test orders in one transaction.
const retiredAtOnce = 100

func (s *Store) retireOrders(ctx context.Context, ids []int64) error {
	return s.transactAs(ctx, Actor{By: ActorStaff}, func(tx *transaction) error {
		for _, id := range ids {
			o, err := lockOrder(tx, id)
			if err == nil && !o.Test {
				err = retireOrder(tx, o, s.now())
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
}

func retireOrder(tx *transaction, o Order, now time.Time) error {
	if err := retirePayments(tx, o, now); err != nil {
		return err
	}
	if o.StockHeld {
		if err := giveBackStock(tx, o.ID); err != nil {
			return err
		}
	}
	if err := letGo(tx, o.ID); err != nil {
		return err
	}
	columns := map[string]any{"test": true, "stock_held": false}
	if slices.Contains(mayStillBePaid, o.Status) {
		columns["status"], columns["cancelled_at"] = OrderCancelled, now
		tx.audit(AuditEvent{OrderID: o.ID, Kind: AuditOrder, Subject: o.Number, Was: string(o.Status), Became: string(OrderCancelled)})
	}
	return tx.Model(&Order{}).Where("id = ? AND status = ?", o.ID, o.Status).Updates(columns).Error
}

// retirePayments ends every attempt to be paid for an order: nobody is asked about it any more, and a code that could
// be paid again and again is over now.
func retirePayments(tx *transaction, o Order, now time.Time) error {
	var attempts []Payment
	if err := tx.Where("order_id = ?", o.ID).Order("attempt").Find(&attempts).Error; err != nil {
		return err
	}
	for _, p := range attempts {
		if err := endPayment(tx, p); err != nil {
			return err
		}
	}
	all := tx.Model(&Payment{}).Where("order_id = ?", o.ID)
	if err := all.Updates(map[string]any{"next_check_at": nil, "leased_until": nil}).Error; err != nil {
		return err
	}
	return tx.Model(&Payment{}).Where("order_id = ? AND expires_at > ?", o.ID, now).Update("expires_at", now).Error
}

// handOver drops what is still to be done for the former owner, and records the next one.
func (s *Store) handOver(ctx context.Context, former, next Owner) error {
	return s.transact(ctx, func(tx *transaction) error {
		now := s.now()
		accounts := slices.Collect(maps.Keys(sellers)) // which only the embedded gateway knows
		err := errors.Join(
			tx.Model(&Mail{}).Where("sent_at IS NULL").Updates(map[string]any{"sent_at": now, "leased_until": nil}).Error,
			tx.Model(&Case{}).Where("closed_at IS NULL").
				Updates(map[string]any{"closed_at": now, "decision": DecisionNone, "reason": "retire-demo: " + former.String()}).Error,
			tx.Model(&Receipt{}).Where("status = ?", ReceiptHeld).Update("status", ReceiptKept).Error,
			tx.Model(&Product{}).Where("settlement_account IN ?", accounts).Update("settlement_account", "").Error,
		)
		if err != nil {
			return err
		}
		res := tx.Model(&owner{}).Where("id = ? AND environment = ? AND client_id = ?", theOwner, former.Environment, former.ClientID).
			Updates(map[string]any{"environment": next.Environment, "client_id": next.ClientID, "since": now})
		if res.Error == nil && res.RowsAffected == 0 {
			return errors.New("somebody else has retired the demo meanwhile")
		}
		return res.Error
	})
}
