package sandbox

import (
	"net/mail"
)

// codeInvalidRequest names body validation errors; DOKU's own name is not known
// (docs/protocol.md section 6).
const codeInvalidRequest = "invalid_request"

// Widest values of the two numbers: twelve and eight digits.
const (
	maxAmount  = 999_999_999_999
	maxMinutes = 99_999_999
)

const defaultMinutes = 60

// An order is a create body that passed: the code to be, without what the
// gateway adds.
type order struct {
	paymentCode
	minutes int64
}

// members of each object of a create body, for strict mode. additional_info is
// left to its owner.
var createMembers = map[string][]string{
	"":                       {"order", "online_to_offline_info", "customer", "indomaret_info", "additional_info"},
	"order":                  {"invoice_number", "amount"},
	"online_to_offline_info": {"expired_time", "reusable_status", "info"},
	"customer":               {"name", "email"},
	"indomaret_info":         {"receipt"},
	"indomaret_info.receipt": {"description", "footer_message"},
}

// readOrder checks every field of docs/protocol.md section 4 in its order.
// Lengths are counted in characters.
func (s *Server) readOrder(c *call) (order, error) {
	f, err := readFields(c.body, bool(c.faults.Strict))
	if err != nil {
		return order{}, err
	}
	var o order
	o.InvoiceNumber = f.text("order.invoice_number", true, 64)
	o.Amount = f.number("order.amount", true, 12, 0)
	f.between("order.amount", o.Amount, c.faults.MinAmount, c.faults.MaxAmount)
	o.minutes = f.number("online_to_offline_info.expired_time", false, 8, defaultMinutes)
	f.between("online_to_offline_info.expired_time", o.minutes, 1, c.faults.MaxExpiredTime)
	o.Reusable = f.flag("online_to_offline_info.reusable_status")
	o.Info = f.text("online_to_offline_info.info", false, 32)
	o.CustomerName = f.text("customer.name", true, 64)
	o.CustomerEmail = f.email("customer.email", 128)
	o.Description = f.text("indomaret_info.receipt.description", true, 128)
	o.FooterMessage = f.text("indomaret_info.receipt.footer_message", false, 255)
	o.AdditionalInfo, o.NotificationURL = s.readAdditionalInfo(f, o.Amount, bool(c.faults.Settlement))
	f.known(createMembers)
	return o, f.err
}

func (f *fields) email(path string, limit int) string {
	email := f.text(path, false, limit)
	if email == "" {
		return ""
	}
	if parsed, err := mail.ParseAddress(email); err != nil || parsed.Address != email {
		f.fail(path, "is not valid")
	}
	return email
}
