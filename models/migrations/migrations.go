// Package migrations brings a database to the newest schema in numbered steps that go forward only. Each step spells its
// tables out in types of its own, frozen on the day it shipped: changing a type of package models never changes a step.
// A step only adds, and touches one table at a time if it can: shops of the version before go on serving meanwhile.
package migrations

import (
	"errors"
	"fmt"
	"slices"

	"github.com/go-gormigrate/gormigrate/v2"
	"gorm.io/gorm"
)

// Rules are the rules of the current version by which steps fill new columns and tables from old ones.
type Rules struct {
	// Words returns the words that an order is found by: those of its customer, its invoice numbers and codes.
	Words func(customerName, customerEmail string, texts ...string) [][]byte
	// TillTransaction returns the till's transaction id among the identifiers of a receipt, empty for none.
	TillTransaction func(identifiers string) string
}

var (
	// ErrNewer: a newer version was at work on the database.
	ErrNewer = errors.New("the database was made by a newer version of this shop; start that version, or another database")
	// ErrHalfMigrated: the schema is not what the recorded steps make of it.
	ErrHalfMigrated = errors.New("the database is half migrated, or another program's; restore the backup made before the upgrade")
)

// Run brings a database to the newest schema, each step in a transaction of its own. If the database is not of this
// version or an earlier one, it changes nothing and returns ErrNewer or ErrHalfMigrated.
func Run(db *gorm.DB, r Rules) error {
	options := Options()
	if err := checkSteps(db, r, options); err != nil {
		return err
	}
	for _, step := range r.Steps() {
		if err := gormigrate.New(db, options, r.Steps()).MigrateTo(step.ID); err != nil {
			return fmt.Errorf("migrate: %w", err)
		}
	}
	return nil
}

// Options are those of gormigrate.
func Options() *gormigrate.Options {
	options := *gormigrate.DefaultOptions
	options.UseTransaction = true
	options.ValidateUnknownMigrations = true
	return &options
}

// Steps returns all steps in order.
func (r Rules) Steps() []*gormigrate.Migration {
	return []*gormigrate.Migration{
		{ID: "0001_the_whole_loop", Migrate: theWholeLoop},
		{ID: "0002_lines_know_their_seller", Migrate: linesKnowTheirSeller},
		{ID: "0003_attention_says_what_to_do", Migrate: attentionSaysWhatToDo},
		{ID: "0004_mails", Migrate: mailsAreKept},
		{ID: "0005_sessions", Migrate: sessions},
		{ID: "0006_console", Migrate: r.console},
		{ID: "0007_what_changed", Migrate: whatChanged},
		{ID: "0008_exchanges_know_their_cause", Migrate: exchangesKnowTheirCause},
		{ID: "0009_codes_are_words", Migrate: codesAreWords},
		{ID: "0010_exchanges_know_their_payment", Migrate: exchangesKnowTheirPayment},
		{ID: "0011_records_are_found_by_id", Migrate: recordsAreFoundByID},
		{ID: "0012_indexes_that_are_asked", Migrate: indexesThatAreAsked},
		{ID: "0013_receipts_have_a_status", Migrate: r.receiptsHaveAStatus},
		{ID: "0014_cases", Migrate: createCases},
		{ID: "0015_paid_payments_are_not_due", Migrate: paidPaymentsAreNotDue},
		{ID: "0016_orders_know_their_form", Migrate: ordersKnowTheirForm},
		{ID: "0017_databases_have_an_owner", Migrate: databasesHaveAnOwner},
		{ID: "0018_notifications_know_their_key", Migrate: notificationsKnowTheirKey},
		{ID: "0019_sessions_have_a_credential", Migrate: sessionsHaveACredential},
		{ID: "0020_limits", Migrate: createLimits},
		{ID: "0021_orders_are_erased", Migrate: ordersAreErased},
		{ID: "0022_cases_account_for_money", Migrate: casesAccountForMoney},
		{ID: "0023_receipts_count_when_known", Migrate: receiptsCountWhenKnown},
		{ID: "0024_mails_about_cases", Migrate: mailsAboutCases},
	}
}

// checkSteps compares the steps a database has taken with those known: they must be the first ones without a gap, and
// there are no tables without a step.
func checkSteps(db *gorm.DB, r Rules, options *gormigrate.Options) error {
	var taken []string
	if db.Migrator().HasTable(options.TableName) {
		err := db.Table(options.TableName).Order(options.IDColumnName).Pluck(options.IDColumnName, &taken).Error
		if err != nil {
			return err
		}
	}
	tables, err := db.Migrator().GetTables()
	if err != nil {
		return err
	}
	if len(taken) == 0 && len(slices.DeleteFunc(tables, func(name string) bool { return name == options.TableName })) > 0 {
		return ErrHalfMigrated
	}
	for i, id := range taken {
		switch known := slices.IndexFunc(r.Steps(), func(m *gormigrate.Migration) bool { return m.ID == id }); {
		case known < 0:
			return ErrNewer
		case known != i:
			return ErrHalfMigrated
		}
	}
	return nil
}

// inOrder runs statements.
func inOrder(tx *gorm.DB, statements ...string) error {
	for _, statement := range statements {
		if err := tx.Exec(statement).Error; err != nil {
			return err
		}
	}
	return nil
}
