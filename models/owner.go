package models

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

// Production is the environment in which money moves. In any other an order is a test.
const Production = "production"

// isReal is the condition that an order is no test order, and isRevenue that a receipt is not of one.
const (
	isReal    = "NOT orders.test"
	isRevenue = "(receipts.payment_id IS NULL OR" +
		" receipts.payment_id NOT IN (SELECT payments.id FROM orders JOIN payments ON payments.order_id = orders.id WHERE orders.test))"
)

// Owner is whose orders a database holds: an environment (embedded, sandbox or production) and the Client-Id there.
type Owner struct {
	Environment string
	ClientID    string
}

func (o Owner) String() string { return o.Environment + " " + o.ClientID }

// owner is the one row of its table.
type owner struct {
	ID          int64
	Environment string
	ClientID    string
	Since       time.Time
}

// theOwner is the row's ID: of several shops that start at once, one inserts it.
const theOwner = 1

// Owner returns whose orders the database holds, or says ErrNotFound: no shop that records it was started yet.
func (s *Store) Owner(ctx context.Context) (Owner, error) { return ownerOf(s.write.WithContext(ctx)) }

func ownerOf(db *gorm.DB) (Owner, error) {
	var row owner
	err := db.Where("id = ?", theOwner).Take(&row).Error
	return Owner{row.Environment, row.ClientID}, err
}

// checkOwner refuses a database that is another's before anything in it is changed, its schema included.
func checkOwner(db *gorm.DB, o Owner) error {
	if !db.Migrator().HasTable(&owner{}) {
		return nil
	}
	recorded, err := ownerOf(db)
	if err == ErrNotFound || err == nil && recorded == o {
		return nil
	}
	if err == nil {
		err = otherOwner(recorded, o)
	}
	return err
}

// recordOwner records an owner where there is none, and refuses a database that is another's. It says in the log when
// it gives an owner to orders from before owners were recorded.
func (s *Store) recordOwner(ctx context.Context, o Owner, log *slog.Logger) error {
	res := s.write.WithContext(ctx).Clauses(clause.OnConflict{DoNothing: true}).
		Create(&owner{ID: theOwner, Environment: o.Environment, ClientID: o.ClientID, Since: s.now()})
	if res.Error != nil {
		return res.Error
	}
	if res.RowsAffected > 0 {
		var orders int64
		if err := s.write.WithContext(ctx).Model(&Order{}).Count(&orders).Error; err != nil {
			return err
		}
		if orders > 0 {
			log.InfoContext(ctx, "the orders in the database belong to these settings from now on",
				"environment", o.Environment, "client_id", o.ClientID, "orders", orders)
		}
	}
	return checkOwner(s.write.WithContext(ctx), o)
}

// otherOwner says in one sentence what to do with a database that is another's.
func otherOwner(recorded, given Owner) error {
	advice := "set another DATABASE_URL, or make its orders test orders for good with: warung retire-demo --yes"
	if recorded.Environment == Production {
		advice = "set those again, or another DATABASE_URL"
	}
	return fmt.Errorf("it holds the orders of %s, and JOKUL_ENVIRONMENT and JOKUL_CLIENT_ID say %s; %s", recorded, given, advice)
}
