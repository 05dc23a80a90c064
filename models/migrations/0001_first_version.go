package migrations

import (
	"time"

	"gorm.io/gorm"
)

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
