package jokul

import (
	"encoding/json"
	"fmt"
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

// decodeTransaction reads the body of docs/protocol.md sections 7 and 8. On an
// error it returns what could be read, too.
func decodeTransaction(body []byte) (Transaction, error) {
	root, err := readObject(body)
	if err != nil {
		return Transaction{}, err
	}
	order, transaction := root.object("order"), root.object("transaction")
	amount, amountRead := order.amount("amount")
	t := Transaction{
		InvoiceNumber:     order.text("invoice_number"),
		Amount:            amount,
		PaymentCode:       root.object("online_to_offline_info").text("payment_code"),
		Status:            TransactionStatus(transaction.text("status")),
		Date:              transaction.time("date"),
		OriginalRequestID: transaction.text("original_request_id"),
		ServiceID:         root.object("service").text("id"),
		AcquirerID:        root.object("acquirer").text("id"),
		ChannelID:         root.object("channel").text("id"),
		Identifiers:       identifiers(root.object("online_to_offline_payment")),
		OrderStatus:       order.text("status"),
	}
	if root.object("additional_info") != nil {
		var raw map[string]json.RawMessage
		_ = json.Unmarshal(body, &raw) // readObject has read it
		t.AdditionalInfo = raw["additional_info"]
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

// identifiers reads the list under either spelling the gateway's pages use.
func identifiers(payment object) []Identifier {
	items := payment.list("identifier")
	if len(items) == 0 {
		items = payment.list("identifer")
	}
	var list []Identifier
	for _, entry := range items {
		item, _ := entry.(map[string]any)
		list = append(list, Identifier{Name: object(item).text("name"), Value: object(item).text("value")})
	}
	return list
}
