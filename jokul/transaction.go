package jokul

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"
)

// TransactionStatus is the gateway's word on a payment; your order's status is
// a word of your own. Values not listed here are kept as they came: treat them
// as TransactionPending and tell an operator.
type TransactionStatus string

// The transaction statuses documented for online-to-offline
// (docs/protocol.md section 8).
const (
	TransactionPending TransactionStatus = "PENDING"
	TransactionSuccess TransactionStatus = "SUCCESS"
	TransactionFailed  TransactionStatus = "FAILED"
	TransactionExpired TransactionStatus = "EXPIRED"
)

// ChannelIndomaret is the channel.id of this product.
const ChannelIndomaret = "ONLINE_TO_OFFLINE_INDOMARET"

// Transaction is what the gateway says of one invoice number, in a notification
// or in answer to CheckStatus. Fields other than InvoiceNumber and Status may
// be empty; Amount is always there when Status is TransactionSuccess.
type Transaction struct {
	InvoiceNumber string
	Amount        int64 // whole rupiah
	PaymentCode   string

	Status            TransactionStatus
	Date              time.Time // UTC; of the payment, once there is one
	OriginalRequestID string    // Request-Id of the payment code request

	ServiceID  string
	AcquirerID string
	ChannelID  string

	// Identifiers name the payment at the acquirer, such as the store and the
	// till's transaction number. Which ones Indomaret gives is not documented:
	// keep them, require none.
	Identifiers []Identifier

	// OrderStatus is order.status, a second word some status queries carry,
	// such as ORDER_GENERATED. Nothing is decided by it.
	OrderStatus string

	// AdditionalInfo is the request's additional_info as a status query echoes
	// it, a JSON object; nil when there is none.
	AdditionalInfo json.RawMessage
}

// Identifier is one name and value of a Transaction.
type Identifier struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// transactionBody is what a notification and the answer to a status query say
// (docs/protocol.md sections 7 and 8).
type transactionBody struct {
	Order struct {
		InvoiceNumber loose `json:"invoice_number"`
		Amount        loose `json:"amount"`
		Status        loose `json:"status"`
	} `json:"order"`
	Transaction struct {
		Status            loose `json:"status"`
		Date              loose `json:"date"`
		OriginalRequestID loose `json:"original_request_id"`
	} `json:"transaction"`
	Service  named `json:"service"`
	Acquirer named `json:"acquirer"`
	Channel  named `json:"channel"`
	Info     struct {
		PaymentCode loose `json:"payment_code"`
	} `json:"online_to_offline_info"`
	Payment struct {
		Identifier []identifier `json:"identifier"`
		Identifer  []identifier `json:"identifer"` // as some of the gateway's pages spell it
	} `json:"online_to_offline_payment"`
	AdditionalInfo json.RawMessage `json:"additional_info"`
}

type named struct {
	ID loose `json:"id"`
}

type identifier struct {
	Name  loose `json:"name"`
	Value loose `json:"value"`
}

// decodeTransaction reads a transactionBody. On an error it returns what could
// be read, too.
func decodeTransaction(body []byte) (Transaction, error) {
	var told transactionBody
	if err := read(body, &told); err != nil {
		return Transaction{}, err
	}
	amount, amountRead := told.Order.Amount.amount()
	t := Transaction{
		InvoiceNumber:     string(told.Order.InvoiceNumber),
		Amount:            amount,
		PaymentCode:       string(told.Info.PaymentCode),
		Status:            TransactionStatus(strings.ToUpper(strings.TrimSpace(string(told.Transaction.Status)))),
		Date:              told.Transaction.Date.time(),
		OriginalRequestID: string(told.Transaction.OriginalRequestID),
		ServiceID:         string(told.Service.ID),
		AcquirerID:        string(told.Acquirer.ID),
		ChannelID:         string(told.Channel.ID),
		OrderStatus:       string(told.Order.Status),
	}
	identifiers := told.Payment.Identifier
	if len(identifiers) == 0 {
		identifiers = told.Payment.Identifer
	}
	for _, i := range identifiers {
		t.Identifiers = append(t.Identifiers, Identifier{Name: string(i.Name), Value: string(i.Value)})
	}
	if isObject(told.AdditionalInfo) {
		t.AdditionalInfo = told.AdditionalInfo
	}
	switch {
	case t.InvoiceNumber == "":
		return t, missing("order.invoice_number")
	case t.Status == "":
		return t, missing("transaction.status")
	case t.Status == TransactionSuccess && !amountRead:
		return t, fmt.Errorf("%w: order.amount is missing or not whole rupiah", ErrMalformed)
	}
	return t, nil
}
