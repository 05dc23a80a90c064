package models

import (
	"context"
	"errors"

	"gorm.io/gorm"

	"warungjokul/models/internal/db"
)

// transaction is one transaction of the database. Queries are made with it as with any *gorm.DB. It collects what
// changes in the books, to be recorded in one statement at its end.
type transaction struct {
	*gorm.DB
	actor  Actor        // who or what causes all of its changes
	events []AuditEvent // so far
}

// audit records changes at the end of the transaction.
func (tx *transaction) audit(changes ...AuditEvent) { tx.events = append(tx.events, changes...) }

// Transaction runs f within a savepoint. If f fails, what it has changed is undone, and not recorded.
func (tx *transaction) Transaction(f func(tx *transaction) error) error {
	inner := transaction{actor: tx.actor}
	err := tx.DB.Transaction(func(savepoint *gorm.DB) error {
		inner.DB = savepoint
		return f(&inner)
	})
	if err == nil {
		tx.audit(inner.events...)
	}
	return err
}

// saveEvents records what the transaction has changed.
func (tx *transaction) saveEvents() error {
	if len(tx.events) == 0 {
		return nil
	}
	now := tx.NowFunc()
	for i := range tx.events {
		tx.events[i].Actor, tx.events[i].At = tx.actor, now
	}
	return tx.Create(&tx.events).Error
}

// tries is how often a transaction is begun that comes into another's way. Locks
// are taken in one order, an order's first and then those of products by SKU,
// so that only a migration while serving should ever be in the way.
const tries = 3

// transact runs f in one transaction, or several times until one succeeds. What it has changed when transact returns
// nil is on the disk, and will be found there. It is changed by the shop itself.
func (s *Store) transact(ctx context.Context, f func(tx *transaction) error) error {
	return s.transactAs(ctx, Actor{By: ActorShop}, f)
}

// transactAs does what transact does for what somebody else changes.
func (s *Store) transactAs(ctx context.Context, by Actor, f func(tx *transaction) error) (err error) {
	for range tries {
		err = s.write.WithContext(ctx).Transaction(func(begun *gorm.DB) error {
			tx := &transaction{DB: begun, actor: by}
			if err := f(tx); err != nil {
				return err
			}
			return tx.saveEvents()
		})
		if !errors.Is(err, db.ErrConflict) {
			break
		}
	}
	return err
}

// transactAfter does what transact does for what changes because of a call to the gateway, nil for none.
func (s *Store) transactAfter(ctx context.Context, call *APICall, f func(tx *transaction) error) error {
	if call == nil {
		return s.transact(ctx, f)
	}
	var id int64
	err := s.transact(ctx, func(tx *transaction) (err error) {
		if id, err = call.save(tx.DB); err != nil {
			return err
		}
		tx.actor = Actor{ActorAPICall, id}
		return f(tx)
	})
	if err == nil {
		call.ID = id
	}
	return err
}
