package migrations

import (
	"time"

	"gorm.io/gorm"
)

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
func (r Rules) console(tx *gorm.DB) error {
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
	if err := r.FillWords(tx); err != nil {
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

// FillWords gives the orders there are the words they are found by, a thousand orders at a time. Today's rule says which
// words those are, or today's search would miss them.
func (r Rules) FillWords(tx *gorm.DB) error {
	type order struct {
		ID                          int64
		CustomerName, CustomerEmail string
	}
	type payment struct {
		OrderID             int64
		InvoiceNumber, Code string
	}
	type orderWord struct {
		Word    []byte
		OrderID int64
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
		texts := map[int64][]string{}
		for _, p := range payments {
			texts[p.OrderID] = append(texts[p.OrderID], p.InvoiceNumber, p.Code)
		}
		var rows []orderWord
		for _, o := range orders {
			for _, word := range r.Words(o.CustomerName, o.CustomerEmail, texts[o.ID]...) {
				rows = append(rows, orderWord{Word: word, OrderID: o.ID})
			}
		}
		if err := tx.CreateInBatches(&rows, 500).Error; err != nil {
			return err
		}
	}
}
