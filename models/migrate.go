package models

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/go-gormigrate/gormigrate/v2"
	"gorm.io/gorm"
)

// migrate brings the database to the newest schema, each step in a transaction
// of its own. It refuses, and changes nothing, where a newer shop was at work
// or the schema is not what the steps taken make of it.
func migrate(db *gorm.DB) error {
	options := *gormigrate.DefaultOptions
	options.UseTransaction = true
	options.ValidateUnknownMigrations = true
	if err := checkSteps(db, options); err != nil {
		return err
	}
	for _, step := range migrations {
		if err := gormigrate.New(db, &options, migrations).MigrateTo(step.ID); err != nil {
			return fmt.Errorf("migrate: %w", err)
		}
	}
	return checkSchema(db)
}

// migrations are numbered and go forward only. Each spells its tables out in
// types of its own, frozen on the day it shipped: changing a type of this
// package never changes a migration. A step only adds, and touches one table at a
// time if it can: shops of the version before go on serving meanwhile.
var migrations = []*gormigrate.Migration{
	{ID: "0001_the_whole_loop", Migrate: theWholeLoop},
	{ID: "0002_lines_know_their_seller", Migrate: linesKnowTheirSeller},
	{ID: "0003_attention_says_what_to_do", Migrate: attentionSaysWhatToDo},
	{ID: "0004_mails", Migrate: mailsAreKept},
	{ID: "0005_sessions", Migrate: sessions},
	{ID: "0006_console", Migrate: console},
	{ID: "0007_what_changed", Migrate: whatChanged},
	{ID: "0008_exchanges_know_their_cause", Migrate: exchangesKnowTheirCause},
	{ID: "0009_codes_are_words", Migrate: codesAreWords},
	{ID: "0010_exchanges_know_their_payment", Migrate: exchangesKnowTheirPayment},
	{ID: "0011_records_are_found_by_id", Migrate: recordsAreFoundByID},
	{ID: "0012_indexes_that_are_asked", Migrate: indexesThatAreAsked},
	{ID: "0013_receipts_have_a_status", Migrate: receiptsHaveAStatus},
	{ID: "0014_cases", Migrate: createCases},
	{ID: "0015_paid_payments_are_not_due", Migrate: paidPaymentsAreNotDue},
	{ID: "0016_orders_know_their_form", Migrate: ordersKnowTheirForm},
	{ID: "0017_databases_have_an_owner", Migrate: databasesHaveAnOwner},
	{ID: "0018_notifications_know_their_key", Migrate: notificationsKnowTheirKey},
	{ID: "0019_sessions_have_a_credential", Migrate: sessionsHaveACredential},
	{ID: "0020_limits", Migrate: createLimits},
	{ID: "0021_orders_are_erased", Migrate: ordersAreErased},
}

var (
	errNewerDatabase = errors.New("the database was made by a newer version of this shop; start that version, or another database")
	errHalfMigrated  = errors.New("the database is half migrated, or another program's; restore the backup made before the upgrade")
)

// checkSteps holds the steps a database has taken against those known: they must
// be the first ones, all of them, and there are no tables without a step.
func checkSteps(db *gorm.DB, options gormigrate.Options) error {
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
		return errHalfMigrated
	}
	for i, id := range taken {
		switch known := slices.IndexFunc(migrations, func(m *gormigrate.Migration) bool { return m.ID == id }); {
		case known < 0:
			return errNewerDatabase
		case known != i:
			return errHalfMigrated
		}
	}
	return nil
}

// tables are the types kept, one table each.
var tables = []any{&key{}, &Product{}, &Order{}, &OrderLine{}, &Payment{}, &Receipt{}, &Notification{}, &Exchange{}, &Case{}, &Mail{}, &Session{},
	&orderWord{}, &Change{}, &Rejection{}, &RejectionCount{}, &owner{}, &orderHolder{}, &mailSend{}}

// learnSchema has GORM read every type before there are several goroutines. Left
// to itself it reads a type at its first use, and reading one that others refer
// to changes those, which may be in use by then: a data race at each start.
func learnSchema(db *gorm.DB) error {
	for _, table := range tables {
		if err := (&gorm.Statement{DB: db}).Parse(table); err != nil {
			return err
		}
	}
	return nil
}

// checkSchema looks for every column this version reads or writes.
func checkSchema(db *gorm.DB) error {
	for _, table := range tables {
		statement := &gorm.Statement{DB: db}
		if err := statement.Parse(table); err != nil {
			return err
		}
		var rows []map[string]any
		err := db.Table(statement.Table).Select(statement.Schema.DBNames).Limit(1).Find(&rows).Error
		if errors.Is(err, ErrUnavailable) {
			return err
		}
		if err != nil {
			return fmt.Errorf("%w (%w)", errHalfMigrated, err)
		}
	}
	return nil
}

func theWholeLoop(tx *gorm.DB) error {
	type key struct {
		Name  string `gorm:"primaryKey"`
		Value []byte `gorm:"not null"`
	}
	type product struct {
		ID                int64  `gorm:"primaryKey"`
		SKU               string `gorm:"not null;uniqueIndex"`
		Slug              string `gorm:"not null;uniqueIndex"`
		Category          string `gorm:"not null;index"`
		Kind              string `gorm:"not null;check:kind IN ('goods','voucher','open')"`
		NameID            string `gorm:"not null"`
		NameEN            string `gorm:"not null"`
		TextID            string `gorm:"not null"`
		TextEN            string `gorm:"not null"`
		Price             int64  `gorm:"not null;check:price > 0"`
		Stock             int64  `gorm:"not null;check:stock >= 0"`
		Drawing           string `gorm:"not null"`
		SettlementAccount string `gorm:"not null"`
		Position          int64  `gorm:"not null"`
	}
	type order struct {
		ID            int64     `gorm:"primaryKey"`
		Token         string    `gorm:"not null;uniqueIndex"`
		Number        string    `gorm:"not null;uniqueIndex"`
		CheckoutID    string    `gorm:"not null;uniqueIndex"`
		CustomerName  string    `gorm:"not null"`
		CustomerEmail string    `gorm:"not null"`
		CustomerPhone string    `gorm:"not null"`
		Language      string    `gorm:"not null"`
		Total         int64     `gorm:"not null;check:total > 0"`
		Status        string    `gorm:"not null;index;check:status IN ('awaiting_payment','paid','expired','cancelled')"`
		StockHeld     bool      `gorm:"not null"`
		Attention     string    `gorm:"not null"`
		PlacedAt      time.Time `gorm:"not null"`
		PaidAt        *time.Time
		ExpiredAt     *time.Time
	}
	type orderLine struct {
		ID        int64     `gorm:"primaryKey"`
		OrderID   int64     `gorm:"not null;index"`
		Order     *order    `gorm:"constraint:OnDelete:RESTRICT"`
		SKU       string    `gorm:"not null"`
		NameID    string    `gorm:"not null"`
		NameEN    string    `gorm:"not null"`
		Kind      string    `gorm:"not null"`
		Drawing   string    `gorm:"not null"`
		Price     int64     `gorm:"not null;check:price > 0"`
		Quantity  int64     `gorm:"not null;check:quantity > 0"`
		CreatedAt time.Time `gorm:"not null"`
	}
	type payment struct {
		ID            int64  `gorm:"primaryKey"`
		OrderID       int64  `gorm:"not null;uniqueIndex:payments_order_attempt"`
		Order         *order `gorm:"constraint:OnDelete:RESTRICT"`
		Attempt       int64  `gorm:"not null;uniqueIndex:payments_order_attempt"`
		InvoiceNumber string `gorm:"not null;uniqueIndex"`
		Amount        int64  `gorm:"not null;check:amount > 0"`
		Reusable      bool   `gorm:"not null"`
		RequestID     string `gorm:"not null;uniqueIndex"`
		RequestBody   []byte `gorm:"not null"`
		State         string `gorm:"not null;check:state IN ('creating','pending','paid','expired','failed')"`
		Code          string `gorm:"not null;index"`
		HowToPayPage  string `gorm:"not null"`
		HowToPayAPI   string `gorm:"not null"`
		Instructions  string
		CodeIssuedAt  *time.Time
		ExpiresAt     *time.Time
		NextCheckAt   *time.Time `gorm:"index"`
		LeasedUntil   *time.Time
		Tries         int64  `gorm:"not null"`
		LastError     string `gorm:"not null"`
		CheckedAt     *time.Time
		CheckedStatus string `gorm:"not null"`
		AskedAt       *time.Time
		CreatedAt     time.Time `gorm:"not null"`
	}
	type receipt struct {
		ID          int64     `gorm:"primaryKey"`
		PaymentID   int64     `gorm:"not null;uniqueIndex:receipts_once"`
		Payment     *payment  `gorm:"constraint:OnDelete:RESTRICT"`
		Amount      int64     `gorm:"not null"`
		PaidAt      time.Time `gorm:"not null;uniqueIndex:receipts_once"`
		Source      string    `gorm:"not null;check:source IN ('notification','status_query')"`
		Identifiers string    `gorm:"not null;uniqueIndex:receipts_once"`
		CreatedAt   time.Time `gorm:"not null"`
	}
	type notification struct {
		ID                int64  `gorm:"primaryKey"`
		RequestID         string `gorm:"not null;uniqueIndex:notifications_once"`
		Digest            string `gorm:"not null;uniqueIndex:notifications_once"`
		Header            string `gorm:"not null"`
		Body              []byte
		InvoiceNumber     string    `gorm:"not null;index"`
		TransactionStatus string    `gorm:"not null"`
		Verdict           string    `gorm:"not null"`
		Effect            string    `gorm:"not null"`
		Deliveries        int64     `gorm:"not null"`
		ReceivedAt        time.Time `gorm:"not null;index"`
		LastReceivedAt    time.Time `gorm:"not null"`
		Duration          int64     `gorm:"not null"`
	}
	type exchange struct {
		ID                   int64  `gorm:"primaryKey"`
		Operation            string `gorm:"not null"`
		InvoiceNumber        string `gorm:"not null;index"`
		RequestID            string `gorm:"not null"`
		Method               string `gorm:"not null"`
		URL                  string `gorm:"not null"`
		RequestHeader        string `gorm:"not null"`
		RequestBody          []byte
		StringToSign         string `gorm:"not null"`
		Status               int    `gorm:"not null"`
		ResponseHeader       string `gorm:"not null"`
		ResponseBody         []byte
		ResponseStringToSign string    `gorm:"not null"`
		Verified             bool      `gorm:"not null"`
		Problem              string    `gorm:"not null"`
		StartedAt            time.Time `gorm:"not null;index"`
		Duration             int64     `gorm:"not null"`
	}
	type attention struct {
		ID        int64     `gorm:"primaryKey"`
		OrderID   *int64    `gorm:"index"`
		Order     *order    `gorm:"constraint:OnDelete:RESTRICT"`
		Kind      string    `gorm:"not null"`
		Detail    string    `gorm:"not null"`
		CreatedAt time.Time `gorm:"not null"`
		DoneAt    *time.Time
	}
	return tx.Migrator().CreateTable(&key{}, &product{}, &order{}, &orderLine{}, &payment{},
		&receipt{}, &notification{}, &exchange{}, &attention{})
}

// linesKnowTheirSeller: lines placed before were all the shop's own.
func linesKnowTheirSeller(tx *gorm.DB) error {
	return tx.Exec("ALTER TABLE order_lines ADD COLUMN settlement_account text NOT NULL DEFAULT ''").Error
}

// attentionSaysWhatToDo: a case is a row once, however often it is found, and
// tells a person what to do.
func attentionSaysWhatToDo(tx *gorm.DB) error {
	return inOrder(tx,
		"ALTER TABLE attentions ADD COLUMN advice text NOT NULL DEFAULT ''",
		"DELETE FROM attentions WHERE id NOT IN (SELECT MIN(id) FROM attentions GROUP BY order_id, kind, detail)",
		"CREATE UNIQUE INDEX attentions_once ON attentions (COALESCE(order_id, 0), kind, detail)",
		"CREATE INDEX attentions_open ON attentions (created_at) WHERE done_at IS NULL",
	)
}

// mailsAreKept: one of each kind for a payment.
func mailsAreKept(tx *gorm.DB) error {
	type order struct {
		ID int64 `gorm:"primaryKey"`
	}
	type payment struct {
		ID int64 `gorm:"primaryKey"`
	}
	type mail struct {
		ID          int64     `gorm:"primaryKey"`
		OrderID     int64     `gorm:"not null;index"`
		Order       *order    `gorm:"constraint:OnDelete:RESTRICT"`
		PaymentID   int64     `gorm:"not null;uniqueIndex:mails_once"`
		Payment     *payment  `gorm:"constraint:OnDelete:RESTRICT"`
		Kind        string    `gorm:"not null;uniqueIndex:mails_once"`
		SendAt      time.Time `gorm:"not null;index:mails_due,where:sent_at IS NULL"`
		LeasedUntil *time.Time
		Tries       int64  `gorm:"not null"`
		LastError   string `gorm:"not null"`
		SentAt      *time.Time
		Subject     string `gorm:"not null"`
		Text        string `gorm:"not null"`
		HTML        string `gorm:"not null"`
	}
	return tx.Migrator().CreateTable(&mail{})
}

// sessions: who is signed in to the console.
func sessions(tx *gorm.DB) error {
	type session struct {
		Hash      string    `gorm:"primaryKey"`
		CreatedAt time.Time `gorm:"not null"`
		ExpiresAt time.Time `gorm:"not null;index"`
	}
	return tx.Migrator().CreateTable(&session{})
}

// console: what lists, searches and figures find their rows by, among a million
// orders too.
func console(tx *gorm.DB) error {
	type order struct {
		CancelledAt *time.Time
	}
	type orderWord struct {
		Word    []byte `gorm:"not null"`
		OrderID int64  `gorm:"not null"`
	}
	if err := tx.Migrator().AddColumn(&order{}, "CancelledAt"); err != nil {
		return err
	}
	if err := tx.Migrator().CreateTable(&orderWord{}); err != nil {
		return err
	}
	if err := fillWords(tx); err != nil {
		return err
	}
	return inOrder(tx,
		"ALTER TABLE attentions ADD COLUMN note text NOT NULL DEFAULT ''",
		"CREATE INDEX attentions_done ON attentions (done_at, id) WHERE done_at IS NOT NULL",
		"CREATE UNIQUE INDEX order_words_found ON order_words (word, order_id DESC)",
		"CREATE INDEX order_words_held ON order_words (order_id, word)",
		"CREATE INDEX orders_placed ON orders (placed_at, id)",
		"CREATE INDEX orders_status_placed ON orders (status, placed_at, id)",
		"DROP INDEX idx_orders_status", // which the one before includes
		"CREATE INDEX orders_flagged ON orders (placed_at, id) WHERE attention <> ''",
		"CREATE INDEX orders_paid ON orders (paid_at) WHERE paid_at IS NOT NULL",
		"CREATE INDEX orders_expired ON orders (expired_at) WHERE expired_at IS NOT NULL",
		"CREATE INDEX receipts_paid ON receipts (paid_at, amount)",
		"CREATE INDEX payments_state_created ON payments (state, created_at)",
		"CREATE INDEX payments_paid_there ON payments (id) WHERE checked_status = 'SUCCESS' AND state <> 'paid'",
	)
}

// fillWords gives the orders there are their words, some at a time. Which words
// those are is said by today's wordRows, or today's search would miss them.
func fillWords(tx *gorm.DB) error {
	type order struct {
		ID                          int64
		CustomerName, CustomerEmail string
	}
	type payment struct {
		OrderID             int64
		InvoiceNumber, Code string
	}
	for last := int64(0); ; {
		var orders []order
		err := tx.Table("orders").Select("id, customer_name, customer_email").Where("id > ?", last).Order("id").Limit(1000).Scan(&orders).Error
		if err != nil || len(orders) == 0 {
			return err
		}
		from := last
		last = orders[len(orders)-1].ID
		var payments []payment
		err = tx.Table("payments").Select("order_id, invoice_number, code").Where("order_id > ? AND order_id <= ?", from, last).Scan(&payments).Error
		if err != nil {
			return err
		}
		words := map[int64][]string{}
		for _, p := range payments {
			words[p.OrderID] = append(words[p.OrderID], fold(p.InvoiceNumber), fold(p.Code))
		}
		var rows []orderWord
		for _, o := range orders {
			list := append(nameWords(o.CustomerName), fold(o.CustomerEmail))
			rows = append(rows, wordRows(o.ID, append(list, words[o.ID]...))...)
		}
		if err := tx.CreateInBatches(&rows, 500).Error; err != nil {
			return err
		}
	}
}

// whatChanged: each change of the books with its cause, and what of the
// deliveries that did not verify is kept.
func whatChanged(tx *gorm.DB) error {
	type change struct {
		ID        int64     `gorm:"primaryKey"`
		OrderID   int64     `gorm:"not null;index"`
		PaymentID int64     `gorm:"not null"`
		Kind      string    `gorm:"not null"`
		Subject   string    `gorm:"not null"`
		Was       string    `gorm:"not null"`
		Became    string    `gorm:"not null"`
		CauseBy   string    `gorm:"not null;index:changes_by"`
		CauseID   int64     `gorm:"not null;index:changes_by"`
		At        time.Time `gorm:"not null;index"`
	}
	type rejection struct {
		ID            int64  `gorm:"primaryKey"`
		Reason        string `gorm:"not null;index"`
		InvoiceNumber string `gorm:"not null;index"`
		Sender        string `gorm:"not null"`
		Header        string `gorm:"not null"`
		Body          []byte
		Size          int64     `gorm:"not null"`
		ReceivedAt    time.Time `gorm:"not null"`
	}
	type rejectionCount struct {
		Reason string    `gorm:"primaryKey"`
		Count  int64     `gorm:"not null"`
		LastAt time.Time `gorm:"not null"`
	}
	if err := tx.Migrator().CreateTable(&change{}, &rejection{}, &rejectionCount{}); err != nil {
		return err
	}
	// what the inbox counts and lists by
	return inOrder(tx,
		"CREATE INDEX notifications_verdicts ON notifications (verdict, id, deliveries)",
		"CREATE INDEX notifications_repeated ON notifications (id) WHERE deliveries > 1",
	)
}

// exchangesKnowTheirCause: a line of the log leads to the calls made for it. Of
// those made before nobody knows, and the index does without them.
func exchangesKnowTheirCause(tx *gorm.DB) error {
	return inOrder(tx,
		"ALTER TABLE exchanges ADD COLUMN caused_by text NOT NULL DEFAULT ''",
		"CREATE INDEX exchanges_caused_by ON exchanges (caused_by) WHERE caused_by <> ''",
	)
}

// codesAreWords: a code is one of the words its order is found by, and nothing
// asks for it alone. An index of codes would be written to for nobody.
func codesAreWords(tx *gorm.DB) error { return tx.Exec("DROP INDEX idx_payments_code").Error }

// exchangesKnowTheirPayment: what was said about a payment is found by its ID, which
// grows, not by names drawn by lot, and how to pay by one look, not by as many as
// there are orders. Earlier calls keep their names, in an index no new one enters.
func exchangesKnowTheirPayment(tx *gorm.DB) error {
	return inOrder(tx,
		"ALTER TABLE exchanges ADD COLUMN payment_id bigint",
		"CREATE INDEX exchanges_of_payment ON exchanges (payment_id) WHERE payment_id IS NOT NULL",
		"CREATE INDEX exchanges_of_none ON exchanges (invoice_number) WHERE payment_id IS NULL")
}

// recordsAreFoundByID: earlier calls that had no name learn their payment, and what
// is old is found by its ID, which says as much as a time does.
func recordsAreFoundByID(tx *gorm.DB) error {
	return inOrder(tx,
		"UPDATE exchanges SET payment_id = p.id FROM payments p WHERE exchanges.invoice_number = '' AND exchanges.payment_id IS NULL"+
			" AND p.how_to_pay_api <> '' AND p.how_to_pay_api = exchanges.url",
		"DROP INDEX idx_exchanges_invoice_number",
		"DROP INDEX idx_exchanges_started_at",
		"DROP INDEX idx_changes_at")
}

// indexesThatAreAsked: mails are found by their payment, changes by their cause where
// that is a notification, and notifications by their time never. What an index is not
// asked for is written to it all the same.
func indexesThatAreAsked(tx *gorm.DB) error {
	return inOrder(tx,
		"DROP INDEX idx_notifications_received_at",
		"DROP INDEX idx_mails_order_id",
		"CREATE INDEX changes_by_notification ON changes (cause_id) WHERE cause_by = 'notification'",
		"DROP INDEX changes_by")
}

// receiptsHaveAStatus: money that is not applied is money, too, with or without an order of
// ours, and the till's transaction id tells receipts apart. Of the receipts there are, those
// that tell of one till transaction are one, and those beyond what an order takes were
// never applied.
func receiptsHaveAStatus(tx *gorm.DB) error {
	if err := widenReceipts(tx); err != nil {
		return err
	}
	if err := inOrder(tx,
		"ALTER TABLE notifications ADD COLUMN receipt_id bigint",
		"UPDATE receipts SET invoice_number = (SELECT invoice_number FROM payments WHERE payments.id = payment_id)",
		"UPDATE receipts SET notified = true WHERE source = 'notification'",
	); err != nil {
		return err
	}
	if err := fillTillTransactions(tx); err != nil {
		return err
	}
	const order = "(SELECT order_id FROM payments WHERE payments.id = receipts.payment_id)"
	asked := func(kind string) string {
		return "EXISTS (SELECT 1 FROM attentions a WHERE a.order_id = " + order + " AND a.kind = '" + kind + "' AND a.done_at IS NULL)"
	}
	return inOrder(tx,
		"UPDATE receipts SET status = 'duplicate' WHERE till_transaction <> '' AND EXISTS (SELECT 1 FROM receipts e"+
			" WHERE e.payment_id = receipts.payment_id AND e.till_transaction = receipts.till_transaction AND e.id < receipts.id)",
		"UPDATE receipts SET status = CASE WHEN "+asked("paid_cancelled")+" THEN 'held' ELSE 'kept' END"+
			" WHERE status = 'applied' AND (SELECT status FROM orders WHERE orders.id = "+order+") = 'cancelled'",
		"UPDATE receipts SET status = CASE WHEN "+asked("second_payment")+" THEN 'held' ELSE 'kept' END"+
			" WHERE status = 'applied' AND NOT (SELECT reusable FROM payments WHERE payments.id = receipts.payment_id)"+
			" AND EXISTS (SELECT 1 FROM receipts e JOIN payments ep ON ep.id = e.payment_id"+
			" WHERE ep.order_id = "+order+" AND e.status = 'applied' AND e.id < receipts.id)",
		"CREATE INDEX receipts_of_payment ON receipts (payment_id)",
		"CREATE INDEX receipts_paid ON receipts (paid_at, status, amount)",
		"CREATE INDEX receipts_refunded ON receipts (refunded_on, refunded) WHERE refunded > 0",
		"CREATE INDEX receipts_held ON receipts (payment_id) WHERE status = 'held'",
		"CREATE UNIQUE INDEX receipts_unknown ON receipts (invoice_number, till_transaction) WHERE payment_id IS NULL AND till_transaction <> ''",
		"CREATE INDEX receipts_of_none ON receipts (invoice_number) WHERE payment_id IS NULL",
	)
}

// widenReceipts lets receipts be without a payment. SQLite cannot change a column: there
// the table is made anew.
func widenReceipts(tx *gorm.DB) error {
	columns := []string{"invoice_number text NOT NULL DEFAULT ''", "notified boolean NOT NULL DEFAULT false", "status text NOT NULL DEFAULT 'applied'",
		"till_transaction text NOT NULL DEFAULT ''", "payment_code text NOT NULL DEFAULT ''", "channel text NOT NULL DEFAULT ''",
		"refunded bigint NOT NULL DEFAULT 0", "refunded_on timestamptz", "refund_method text NOT NULL DEFAULT ''"}
	statements := []string{"DROP INDEX receipts_once", "DROP INDEX receipts_paid"}
	if tx.Name() == "postgres" {
		statements = append(statements, "ALTER TABLE receipts ALTER COLUMN payment_id DROP NOT NULL")
		for _, c := range columns {
			statements = append(statements, "ALTER TABLE receipts ADD COLUMN "+c)
		}
		return inOrder(tx, statements...)
	}
	type payment struct {
		ID int64 `gorm:"primaryKey"`
	}
	type receipt struct {
		ID              int64     `gorm:"primaryKey"`
		PaymentID       *int64    `gorm:""`
		Payment         *payment  `gorm:"constraint:OnDelete:RESTRICT"`
		Amount          int64     `gorm:"not null"`
		PaidAt          time.Time `gorm:"not null"`
		Source          string    `gorm:"not null"`
		Identifiers     string    `gorm:"not null"`
		CreatedAt       time.Time `gorm:"not null"`
		InvoiceNumber   string    `gorm:"not null;default:''"`
		Notified        bool      `gorm:"not null;default:false"`
		Status          string    `gorm:"not null;default:'applied'"`
		TillTransaction string    `gorm:"not null;default:''"`
		PaymentCode     string    `gorm:"not null;default:''"`
		Channel         string    `gorm:"not null;default:''"`
		Refunded        int64     `gorm:"not null;default:0"`
		RefundedOn      *time.Time
		RefundMethod    string `gorm:"not null;default:''"`
	}
	if err := inOrder(tx, append(statements, "ALTER TABLE receipts RENAME TO receipts_before")...); err != nil {
		return err
	}
	if err := tx.Migrator().CreateTable(&receipt{}); err != nil {
		return err
	}
	return inOrder(tx,
		"INSERT INTO receipts (id, payment_id, amount, paid_at, source, identifiers, created_at)"+
			" SELECT id, payment_id, amount, paid_at, source, identifiers, created_at FROM receipts_before",
		"DROP TABLE receipts_before")
}

// fillTillTransactions reads the till's transaction ids out of the identifiers of the
// receipts there are, some at a time.
func fillTillTransactions(tx *gorm.DB) error {
	type receipt struct {
		ID          int64
		Identifiers string
	}
	for last := int64(0); ; {
		var some []receipt
		err := tx.Table("receipts").Select("id, identifiers").Where("id > ? AND identifiers <> ''", last).Order("id").Limit(1000).Scan(&some).Error
		if err != nil || len(some) == 0 {
			return err
		}
		for _, r := range some {
			last = r.ID
			if id := TillIdentifier(r.Identifiers, tillTransaction); id != "" {
				if err := tx.Exec("UPDATE receipts SET till_transaction = ? WHERE id = ?", id, r.ID).Error; err != nil {
					return err
				}
			}
		}
	}
}

// createCases: a case is about one thing, and ends with a decision. What was flagged before
// is a case about itself, but for money that is held: each arrival has its own.
func createCases(tx *gorm.DB) error {
	type order struct {
		ID int64 `gorm:"primaryKey"`
	}
	type payment struct {
		ID int64 `gorm:"primaryKey"`
	}
	type receipt struct {
		ID int64 `gorm:"primaryKey"`
	}
	type kase struct {
		ID             int64    `gorm:"primaryKey"`
		Kind           string   `gorm:"not null;uniqueIndex:cases_once"`
		About          string   `gorm:"not null;uniqueIndex:cases_once"`
		OrderID        *int64   `gorm:""`
		Order          *order   `gorm:"constraint:OnDelete:RESTRICT"`
		PaymentID      *int64   `gorm:""`
		Payment        *payment `gorm:"constraint:OnDelete:RESTRICT"`
		ReceiptID      *int64   `gorm:""`
		Receipt        *receipt `gorm:"constraint:OnDelete:RESTRICT"`
		NotificationID *int64
		Detail         string    `gorm:"not null"`
		CreatedAt      time.Time `gorm:"not null"`
		ClosedAt       *time.Time
		Decision       string `gorm:"not null"`
		DecidedBy      string `gorm:"not null"`
		Reason         string `gorm:"not null"`
	}
	if err := tx.Table("cases").Migrator().CreateTable(&kase{}); err != nil {
		return err
	}
	const ofMoney = "kind IN ('second_payment', 'paid_cancelled')"
	return inOrder(tx,
		"INSERT INTO cases (kind, about, order_id, payment_id, detail, created_at, closed_at, decision, decided_by, reason)"+
			" SELECT a.kind, 'attention ' || a.id, a.order_id, (SELECT MAX(id) FROM payments WHERE order_id = a.order_id),"+
			" a.detail, a.created_at, a.done_at, CASE WHEN a.done_at IS NULL THEN '' ELSE 'none' END, '', a.note FROM attentions a ORDER BY a.id",
		"UPDATE cases SET closed_at = created_at, decision = 'settled', reason = 'each payment that is held has a case of its own'"+
			" WHERE closed_at IS NULL AND "+ofMoney,
		"INSERT INTO cases (kind, about, order_id, payment_id, receipt_id, detail, created_at, decision, decided_by, reason)"+
			" SELECT CASE o.status WHEN 'cancelled' THEN 'paid_cancelled' ELSE 'second_payment' END, 'receipt ' || r.id, o.id, p.id, r.id,"+
			" 'Rp ' || r.amount || ' for ' || p.invoice_number, r.created_at, '', '', ''"+
			" FROM receipts r JOIN payments p ON p.id = r.payment_id JOIN orders o ON o.id = p.order_id WHERE r.status = 'held'",
		"CREATE INDEX cases_open ON cases (created_at, id) WHERE closed_at IS NULL",
		"CREATE INDEX cases_of_order ON cases (order_id)",
		"CREATE INDEX cases_of_receipt ON cases (receipt_id) WHERE receipt_id IS NOT NULL",
		"CREATE INDEX cases_open_of_order ON cases (order_id) WHERE closed_at IS NULL",
		"CREATE INDEX cases_closed ON cases (closed_at, id) WHERE closed_at IS NOT NULL",
		"DROP INDEX orders_flagged",
		"ALTER TABLE mails ADD COLUMN case_id bigint NOT NULL DEFAULT 0",
		"DROP INDEX mails_once",
		"CREATE UNIQUE INDEX mails_once ON mails (payment_id, kind, case_id)",
		noMoreAttention(tx))
}

// noMoreAttention: what an order shows follows from its open cases. Shops of the version
// before still write the column on PostgreSQL, where several may serve.
func noMoreAttention(tx *gorm.DB) string {
	if tx.Name() == "postgres" {
		return "ALTER TABLE orders ALTER COLUMN attention SET DEFAULT ''"
	}
	return "ALTER TABLE orders DROP COLUMN attention"
}

// paidPaymentsAreNotDue: an answer that was under way while a notification paid its order
// put the payment back on the list.
func paidPaymentsAreNotDue(tx *gorm.DB) error {
	return tx.Exec("UPDATE payments SET next_check_at = NULL, leased_until = NULL WHERE state = 'paid' AND NOT reusable AND next_check_at IS NOT NULL").Error
}

// ordersKnowTheirForm: one form may place several orders, each with contents of
// its own. Of orders placed before, checkout_id is the form's ID alone, which
// nobody asks for any more. It stays unique: shops of the version before rely on it.
func ordersKnowTheirForm(tx *gorm.DB) error {
	return inOrder(tx,
		"ALTER TABLE orders ADD COLUMN form_id text NOT NULL DEFAULT ''",
		"CREATE INDEX orders_by_form ON orders (form_id) WHERE form_id <> ''")
}

// databasesHaveAnOwner: the one row of owners says which environment and Client-Id
// the orders belong to, but for those that are marked as test orders.
func databasesHaveAnOwner(tx *gorm.DB) error {
	type owner struct {
		ID          int64     `gorm:"primaryKey"`
		Environment string    `gorm:"not null"`
		ClientID    string    `gorm:"not null"`
		Since       time.Time `gorm:"not null"`
	}
	if err := tx.Migrator().CreateTable(&owner{}); err != nil {
		return err
	}
	return inOrder(tx,
		"ALTER TABLE orders ADD COLUMN test boolean NOT NULL DEFAULT false",
		"CREATE INDEX orders_test ON orders (status) WHERE test")
}

// sessionsHaveACredential: a session ends when the password it was opened with
// does. Those opened before belong to none, so everybody signs in once more.
func sessionsHaveACredential(tx *gorm.DB) error {
	return tx.Exec("ALTER TABLE sessions ADD COLUMN credential text NOT NULL DEFAULT ''").Error
}

// createLimits: what an unpaid order is counted by, and the mails sent to each recipient in the last day. Both name
// people by keyed hashes. An order that staff cancelled says who did it and why.
func createLimits(tx *gorm.DB) error {
	type order struct {
		ID int64 `gorm:"primaryKey"`
	}
	type orderHolder struct {
		OrderID int64  `gorm:"primaryKey;autoIncrement:false"`
		Order   *order `gorm:"constraint:OnDelete:CASCADE"`
		Kind    string `gorm:"primaryKey"`
		Holder  string `gorm:"not null;index:order_holders_by_holder"`
	}
	type mailSend struct {
		ID        int64     `gorm:"primaryKey"`
		Recipient string    `gorm:"not null;index:mail_sends_of_recipient,priority:1"`
		SentAt    time.Time `gorm:"not null;index:mail_sends_of_recipient,priority:2"`
	}
	for _, table := range []any{&orderHolder{}, &mailSend{}} {
		if err := tx.Migrator().CreateTable(table); err != nil {
			return err
		}
	}
	return inOrder(tx,
		"ALTER TABLE orders ADD COLUMN cancelled_by text NOT NULL DEFAULT ''",
		"ALTER TABLE orders ADD COLUMN cancelled_for text NOT NULL DEFAULT ''")
}

// notificationsKnowTheirKey: signed_with says which of the merchant's Secret Keys the signature fitted.
func notificationsKnowTheirKey(tx *gorm.DB) error {
	return inOrder(tx,
		"ALTER TABLE notifications ADD COLUMN signed_with text NOT NULL DEFAULT ''",
		"CREATE INDEX notifications_previous_key ON notifications (last_received_at) WHERE signed_with = 'previous'")
}

// ordersAreErased: an order says when, by whom and why its customer's data was erased. Orders that still have it are
// found by an index that grows at its end. What was flagged before there were cases is in those, and was kept twice.
func ordersAreErased(tx *gorm.DB) error {
	type order struct {
		ErasedAt *time.Time
	}
	if err := tx.Migrator().AddColumn(&order{}, "ErasedAt"); err != nil {
		return err
	}
	return inOrder(tx,
		"ALTER TABLE orders ADD COLUMN erased_by text NOT NULL DEFAULT ''",
		"ALTER TABLE orders ADD COLUMN erasure_reason text NOT NULL DEFAULT ''",
		"DELETE FROM attentions",
		"CREATE INDEX orders_not_erased ON orders (id) WHERE erased_at IS NULL")
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
