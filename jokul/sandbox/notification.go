package sandbox

import (
	"encoding/json"
	"strconv"
	"time"

	"warungjokul/jokul"
)

// What the gateway calls this channel (docs/protocol.md section 7).
const (
	serviceID  = "ONLINE_TO_OFFLINE"
	acquirerID = "INDOMARET"
	channelID  = "ONLINE_TO_OFFLINE_INDOMARET"
	storeID    = "SANDBOX-TILL-1"

	storeIDName       = "AGENT_STORE_ID"
	transactionIDName = "AGENT_TRX_ID"
)

// notificationHead begins the default body: DOKU's sample of the sibling channel
// with Indomaret's names. Quoted names in braces are filled in.
const notificationHead = `{"service":{"id":"` + serviceID + `"},"acquirer":{"id":"` + acquirerID + `"},` +
	`"channel":{"id":"` + channelID + `"},` +
	`"transaction":{"status":"{status}","date":"{date}","original_request_id":"{original_request_id}"},` +
	`"order":{"invoice_number":"{invoice_number}","amount":"{amount}"},` +
	`"online_to_offline_info":{"payment_code":"{payment_code}"}`

var (
	notificationBody       = newTemplate([]byte(notificationHead + `,"online_to_offline_payment":{"identifier":"{identifier}"}}`))
	notificationBodyUnpaid = newTemplate([]byte(notificationHead + `}`)) // nothing was paid: EXPIRED
)

func identifiers(transactionID string) []identifier {
	return []identifier{{"AGENT_ID", acquirerID}, {storeIDName, storeID}, {transactionIDName, transactionID}}
}

// An event is what a notification tells of.
type event struct {
	code   paymentCode
	status jokul.TransactionStatus
	amount int64
	date   time.Time

	transactionID string // empty when nothing was paid
}

// values are what a template may ask for.
func (e event) values() map[string]any {
	return map[string]any{
		"status":              e.status,
		"date":                dateUTC(e.date),
		"original_request_id": e.code.RequestID,
		"invoice_number":      e.code.InvoiceNumber,
		"amount":              e.amount,
		"payment_code":        e.code.Code,
		"identifier":          identifiers(e.transactionID),
		"store_id":            storeID,
		"transaction_id":      e.transactionID,
		"customer_name":       e.code.CustomerName,
		"customer_email":      e.code.CustomerEmail,
	}
}

// body writes the notification of e, with what f puts wrong in it. What the
// state says of the payment stays true.
func (e event) body(f Faults) []byte {
	values := e.values()
	switch f.Notify {
	case NotifyWrongAmount:
		values["amount"] = otherAmount(e.amount)
	case NotifyOtherCode:
		values["payment_code"] = otherCode(e.code.Code)
	case NotifyAmountString:
		values["amount"] = strconv.FormatInt(e.amount, 10)
	case NotifyAmountDecimal:
		values["amount"] = json.Number(strconv.FormatInt(e.amount, 10) + ".00")
	case NotifyFailed:
		values["status"] = jokul.TransactionFailed
	case NotifyExpired:
		values["status"] = jokul.TransactionExpired
	}
	body := e.template(f).fill(values)
	if f.Notify == NotifyUnknownFields {
		body = withUnknownFields(body)
	}
	return body
}

func (e event) template(f Faults) jsonTemplate {
	switch {
	case len(f.NotificationTemplate) > 0:
		return newTemplate(f.NotificationTemplate)
	case e.transactionID == "":
		return notificationBodyUnpaid
	}
	return notificationBody
}

// otherAmount is less than was asked, the dangerous direction, where it can be.
func otherAmount(amount int64) int64 {
	if amount > 1000 {
		return amount - 1000
	}
	return amount + 1000
}

// otherCode changes the last digit.
func otherCode(code string) string {
	last := len(code) - 1
	return code[:last] + string('0'+(code[last]-'0'+1)%10)
}

func sampleNotification() map[string]any { return event{}.values() }
