package models

import (
	"context"
	"fmt"
	"time"

	"warungjokul/models/internal/db"
)

// IssuedCode is what the gateway gave for a payment.
type IssuedCode struct {
	Code         string
	IssuedAt     time.Time
	ExpiresAt    time.Time
	HowToPayPage string
	HowToPayAPI  string
}

// IssueCode stores the payment code that came: creating becomes pending. If the payment was
// paid before its code came, only what is missing is filled in. A code that another order
// still uses is not stored: the attempt fails and a case is raised. issued reports whether
// the code was stored.
func (s *Store) IssueCode(ctx context.Context, call *APICall, id int64, c IssuedCode, nextCheckAt time.Time) (issued bool, err error) {
	err = s.transactAfter(ctx, call, func(tx *transaction) error {
		issued = false
		p, err := lockPayment(tx, byID, id)
		if err != nil {
			return err
		}
		taken, err := codeTaken(tx, p, c.Code, s.now())
		if err != nil {
			return err
		}
		if taken {
			return refuse(tx, p, CaseCodeTaken, fmt.Sprintf("the gateway gave %s the code %s, which another order has", p.InvoiceNumber, c.Code),
				c.ExpiresAt)
		}
		columns := c.columns()
		columns["next_check_at"] = p.nextAfter(nextCheckAt, s.now())
		if issued, err = movePayment(tx, p, PaymentPending, columns); err != nil {
			return err
		}
		if !issued {
			issued, err = lateCode(tx, p, c)
			return err
		}
		if err := saveWords(tx, p.OrderID, fold(c.Code)); err != nil {
			return err
		}
		return mailCode(tx, p, c.ExpiresAt, s.now())
	})
	return issued && err == nil, err
}

// columns are what a payment stores of a code.
func (c IssuedCode) columns() map[string]any {
	return map[string]any{
		"code": c.Code, "how_to_pay_page": c.HowToPayPage, "how_to_pay_api": c.HowToPayAPI,
		"code_issued_at": c.IssuedAt.UTC(), "expires_at": c.ExpiresAt.UTC(),
		"leased_until": nil, "tries": 0, "last_error": "",
	}
}

// lateCode stores a code that came after its money: what the payment has already stays. A
// code for an attempt that is over changes nothing. Where the money named another code, a person is asked.
func lateCode(tx *transaction, p Payment, c IssuedCode) (bool, error) {
	stored := tx.Model(&Payment{}).Where("id = ? AND state = ? AND code_issued_at IS NULL", p.ID, PaymentPaid).
		Where("code IN ?", []string{"", c.Code}).Updates(c.columns())
	if stored.Error != nil {
		return false, stored.Error
	}
	if stored.RowsAffected == 0 {
		return false, raiseOtherCode(tx, p, c)
	}
	return true, saveWords(tx, p.OrderID, fold(c.Code))
}

// raiseOtherCode asks a person about money that named another code than the one that its payment gets now.
func raiseOtherCode(tx *transaction, p Payment, c IssuedCode) error {
	if p.State != PaymentPaid || p.Code == c.Code {
		return nil
	}
	var receipts []Receipt
	if err := tx.Where("payment_id = ?", p.ID).Order("id").Limit(1).Find(&receipts).Error; err != nil || len(receipts) == 0 {
		return err
	}
	return raiseOnce(tx, Case{
		Kind: CaseWrongCode, About: aboutPayment(p.ID), OrderID: &p.OrderID, PaymentID: &p.ID, ReceiptID: &receipts[0].ID,
		Detail: fmt.Sprintf("%s was paid under the code %s before the gateway gave it the code %s", p.InvoiceNumber, p.Code, c.Code),
	})
}

// codeOver is how long after its deadline a code is over for good, so that the gateway may
// give it to another order.
const codeOver = 24 * time.Hour

// codeTaken reports whether a payment of another order has a code that is not over.
func codeTaken(tx *transaction, p Payment, code string, now time.Time) (bool, error) {
	var others int64
	if err := db.AdvisoryLock(tx.DB, code); err != nil { // two orders may be given one code at once
		return false, err
	}
	err := tx.Model(&Payment{}).Joins("JOIN order_words ON order_words.order_id = payments.order_id").
		Where("order_words.word = ?", []byte(fold(code))).
		Where("payments.code = ? AND payments.order_id <> ? AND payments.expires_at > ?", code, p.OrderID, now.Add(-codeOver)).
		Count(&others).Error
	return others > 0, err
}

// SetInstructions keeps the gateway's steps for a payment.
func (s *Store) SetInstructions(ctx context.Context, call *APICall, id int64, list []Instruction) error {
	return s.transactAfter(ctx, call, func(tx *transaction) error {
		return tx.Model(&Payment{}).Where("id = ?", id).Select("instructions").Updates(Payment{Instructions: list}).Error
	})
}

// RefuseCode notes that the gateway will not give a code: creating becomes
// failed, and a person is told why. The order keeps its stock until giveUpAt,
// so that the shopper can try again.
func (s *Store) RefuseCode(ctx context.Context, call *APICall, p Payment, reason string, giveUpAt time.Time) error {
	return s.transactAfter(ctx, call, func(tx *transaction) error {
		p, err := lockPayment(tx, byID, p.ID)
		if err != nil {
			return err
		}
		return refuse(tx, p, CaseRefused, reason, giveUpAt)
	})
}

// refuse gives up an attempt that is waiting for its code, and asks a person why.
func refuse(tx *transaction, p Payment, kind CaseKind, reason string, giveUpAt time.Time) error {
	moved, err := movePayment(tx, p, PaymentFailed, map[string]any{"last_error": reason, "next_check_at": giveUpAt.UTC(), "leased_until": nil})
	if err != nil || !moved {
		return err
	}
	return raiseOnce(tx, Case{Kind: kind, About: aboutPayment(p.ID), OrderID: &p.OrderID, PaymentID: &p.ID, Detail: reason})
}
