package jokul

import (
	"errors"
	"fmt"
	"strings"
)

// Why a Transaction does not settle what was asked for. Settles wraps them with
// what it found.
var (
	// ErrNotPaid: the status is not TransactionSuccess. Wait, and ask again.
	ErrNotPaid = errors.New("jokul: not paid")

	// ErrOtherInvoice: it is about another invoice number, or none was given.
	ErrOtherInvoice = errors.New("jokul: another invoice number")

	// ErrOtherAmount: more or less was paid than was asked for, or nothing was
	// asked for.
	ErrOtherAmount = errors.New("jokul: another amount")

	// ErrOtherCode: another payment code was paid.
	ErrOtherCode = errors.New("jokul: another payment code")

	// ErrOtherChannel: it was not paid at Indomaret.
	ErrOtherChannel = errors.New("jokul: another channel")
)

// Settles compares t with what you asked for: the invoice number, the payment code
// and the amount in whole rupiah. It returns nil when t is the payment of just
// that: TransactionSuccess, the same invoice number and amount, the same code
// where both are known (pass "" for one you do not have yet), and ChannelIndomaret,
// in any case, where t names a channel.
//
// Otherwise it returns one of ErrOtherInvoice, ErrNotPaid, ErrOtherAmount,
// ErrOtherCode and ErrOtherChannel, looked for in this order. The last three are
// money that came and is not what was asked for: keep it and tell a person, and
// do not ask the shopper to pay. Settles does not know what was paid before: the
// same payment told twice settles twice. docs/protocol.md sections 7 and 8.
func (t Transaction) Settles(invoiceNumber, paymentCode string, amount int64) error {
	switch {
	case invoiceNumber == "" || t.InvoiceNumber != invoiceNumber:
		return fmt.Errorf("%w: %q instead of %q", ErrOtherInvoice, t.InvoiceNumber, invoiceNumber)
	case t.Status != TransactionSuccess:
		return fmt.Errorf("%w: %s is %q", ErrNotPaid, invoiceNumber, t.Status)
	case amount < 1 || t.Amount != amount:
		return fmt.Errorf("%w: %s was paid with %d rupiah instead of %d", ErrOtherAmount, invoiceNumber, t.Amount, amount)
	case paymentCode != "" && t.PaymentCode != "" && t.PaymentCode != paymentCode:
		return fmt.Errorf("%w: %s was paid with code %s instead of %s", ErrOtherCode, invoiceNumber, t.PaymentCode, paymentCode)
	case t.ChannelID != "" && !strings.EqualFold(t.ChannelID, ChannelIndomaret):
		return fmt.Errorf("%w: %s was paid through %s", ErrOtherChannel, invoiceNumber, t.ChannelID)
	}
	return nil
}
