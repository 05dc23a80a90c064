package models

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"gorm.io/gorm"
)

// Stats are the counts that the metrics show.
type Stats struct {
	Orders    map[OrderStatus]int64 // of every status, without test orders
	Cases     map[CaseKind]int64    // open, of every kind
	Creating  int64                 // payments that have no code yet
	PaidAsked int64                 // paid payments of single-use codes that are still on the list to be asked about

	OldestCase time.Time // since when the oldest open case is open; zero when there is none

	// OldestDue is since when the most overdue payment waits for a turn to the
	// gateway; zero when all have theirs.
	OldestDue time.Time
}

// Stats counts. Each count reads an index alone, and only that of orders grows for ever: some
// hundred milliseconds for a million of them.
func (s *Store) Stats(ctx context.Context) (Stats, error) {
	now, db := s.now(), s.read.WithContext(ctx)
	stats := Stats{Orders: map[OrderStatus]int64{}, Cases: map[CaseKind]int64{}}
	tests := map[OrderStatus]int64{} // counted by an index of their own: the other one holds all orders
	for _, status := range []OrderStatus{OrderAwaitingPayment, OrderPaid, OrderExpired, OrderCancelled} {
		stats.Orders[status] = 0
	}
	for _, kind := range caseKinds {
		stats.Cases[kind] = 0
	}
	err := errors.Join(
		counts(db.Model(&Order{}), "status", stats.Orders),
		counts(db.Model(&Order{}).Where("orders.test"), "status", tests),
		counts(db.Model(&Case{}).Where("closed_at IS NULL"), "kind", stats.Cases),
		// Whatever has no code yet is due some time: the index on that is short.
		db.Model(&Payment{}).Where("next_check_at > ? AND state = ?", time.Unix(0, 0).UTC(), PaymentCreating).Count(&stats.Creating).Error,
		db.Model(&Payment{}).Where("next_check_at > ? AND state = ? AND NOT reusable", time.Unix(0, 0).UTC(), PaymentPaid).Count(&stats.PaidAsked).Error,
	)
	if err != nil {
		return stats, err
	}
	for status, n := range tests {
		stats.Orders[status] -= n
	}
	var oldest Case
	if err := db.Where("closed_at IS NULL").Order("created_at").Limit(1).Find(&oldest).Error; err != nil {
		return stats, err
	}
	stats.OldestCase = oldest.CreatedAt
	var due Payment
	err = db.Select("next_check_at").Where("next_check_at <= ? AND (leased_until IS NULL OR leased_until <= ?)", now, now).
		Order("next_check_at").Limit(1).Find(&due).Error
	if err != nil {
		return stats, err
	}
	if due.NextCheckAt != nil {
		stats.OldestDue = *due.NextCheckAt
	}
	return stats, nil
}

// counts counts the rows of a query by a column.
func counts[K ~string](query *gorm.DB, column string, into map[K]int64) error {
	var rows []struct {
		Name K
		N    int64
	}
	err := query.Select(column + " AS name, COUNT(*) AS n").Group(column).Find(&rows).Error
	for _, r := range rows {
		into[r.Name] = r.N
	}
	return err
}

// Pools are the pools of connections by what they are for, each with how it does:
// how many are in use, and how long was waited for one.
func (s *Store) Pools() map[string]func() sql.DBStats { return s.database.Stats() }
