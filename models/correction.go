package models

import (
	"context"
	"errors"
	"fmt"
)

// Customer returns who the order is for.
func (o Order) Customer() Customer { return Customer{o.CustomerName, o.CustomerEmail, o.CustomerPhone} }

// CorrectCustomer replaces the customer of an order that is waiting to be paid, and reports whether it did: an order
// that is over, or has these very details, stays as it is. Each detail that changes is recorded, the order is found
// by the new ones, and the mails that still matter go to the new address. The request of a payment stays as it
// was made: it may be sent again under the same Request-Id, which takes the same bytes. An email or a phone number
// with too many unpaid orders is an *OpenOrdersError, an email that was corrected too often ErrTooManyCorrections; then
// nothing is changed.
func (s *Store) CorrectCustomer(ctx context.Context, orderID int64, to Customer) (corrected bool, err error) {
	err = s.transactAs(ctx, Actor{By: ActorShopper}, func(tx *transaction) error {
		corrected = false
		o, err := lockOrder(tx, orderID)
		if err != nil || o.Status != OrderAwaitingPayment || o.Customer() == to {
			return err
		}
		corrected = true
		return s.correctCustomer(tx, o, to)
	})
	if err != nil {
		return false, fmt.Errorf("correct customer: %w", err)
	}
	return corrected, nil
}

func (s *Store) correctCustomer(tx *transaction, o Order, to Customer) error {
	err := tx.Model(&Order{}).Where("id = ?", o.ID).
		Updates(map[string]any{"customer_name": to.Name, "customer_email": to.Email, "customer_phone": to.Phone}).Error
	if err != nil {
		return err
	}
	for _, detail := range []struct{ name, was, became string }{
		{"name", o.CustomerName, to.Name}, {"email", o.CustomerEmail, to.Email}, {"phone", o.CustomerPhone, to.Phone},
	} {
		if detail.was != detail.became {
			tx.audit(AuditEvent{OrderID: o.ID, Kind: AuditCustomer, Subject: detail.name, Was: detail.was, Became: detail.became})
		}
	}
	readdressed, renumbered := o.CustomerEmail != to.Email, o.CustomerPhone != to.Phone
	if readdressed {
		if err := checkCorrections(tx, o.ID); err != nil {
			return err
		}
	}
	o.CustomerName, o.CustomerEmail, o.CustomerPhone = to.Name, to.Email, to.Phone
	if readdressed || renumbered {
		if err := s.holdAnew(tx, o); err != nil {
			return err
		}
	}
	if err := replaceWords(tx, o); err != nil || !readdressed {
		return err
	}
	return readdressMails(tx, o.ID)
}

// mostCorrections is how often the email of one order can be corrected: each correction sends a mail to an address
// that may be a stranger's.
const mostCorrections = 3

// ErrTooManyCorrections refuses another correction of an order's email.
var ErrTooManyCorrections = errors.New("the email of this order was corrected too often")

// checkCorrections refuses another correction of the email of an order that is locked, if limits count for it at all.
// Corrections of the transaction itself are recorded at its end, and not counted.
func checkCorrections(tx *transaction, orderID int64) error {
	var holders, corrections int64
	if err := tx.Model(&orderHolder{}).Where("order_id = ?", orderID).Count(&holders).Error; err != nil || holders == 0 {
		return err
	}
	err := tx.Model(&AuditEvent{}).Where("order_id = ? AND kind = ? AND subject = ?", orderID, AuditCustomer, "email").
		Count(&corrections).Error
	if err == nil && corrections >= mostCorrections {
		err = ErrTooManyCorrections
	}
	return err
}

// replaceWords has an order found by its customer's words as they are now, and by those of its payments.
func replaceWords(tx *transaction, o Order) error {
	if err := tx.Where("order_id = ?", o.ID).Delete(&orderWord{}).Error; err != nil {
		return err
	}
	var attempts []Payment
	if err := tx.Select("invoice_number", "code").Where("order_id = ?", o.ID).Find(&attempts).Error; err != nil {
		return err
	}
	words := customerWords(o)
	for _, p := range attempts {
		words = append(words, fold(p.InvoiceNumber), fold(p.Code))
	}
	return saveWords(tx, o.ID, words...)
}

// readdressMails has what still matters sent to an order's new address: the mail with its current code, or while money
// for it is undecided the one that says so, and what was decided. It is sent whether it was sent to another address
// before, is being sent now, or has failed. Without the lease it was claimed with, what is being sent now does not count.
func readdressMails(tx *transaction, orderID int64) error {
	again := map[string]any{"sent_at": nil, "send_at": tx.NowFunc(), "leased_until": nil, "tries": 0}
	pending := tx.Model(&Payment{}).Select("id").Where("order_id = ? AND state = ?", orderID, PaymentPending)
	open := tx.Model(&Case{}).Select("id").Where("order_id = ? AND closed_at IS NULL", orderID)
	undecided, err := hasUndecidedMoney(tx, orderID)
	if err == nil && !undecided {
		err = tx.Model(&Mail{}).Where("payment_id IN (?) AND kind = ?", pending, MailCode).Updates(again).Error
	}
	if err != nil {
		return err
	}
	attempts := tx.Model(&Payment{}).Select("id").Where("order_id = ?", orderID)
	return tx.Model(&Mail{}).Where("payment_id IN (?) AND (kind = ? OR kind = ? AND case_id IN (?))", attempts, MailDecided, MailMoney, open).
		Updates(again).Error
}
