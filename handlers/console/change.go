package console

import (
	"strconv"
	"strings"

	"warungjokul/handlers/web"
	"warungjokul/models"
	"warungjokul/views"
)

// changeValue is what something in the books was or became, in the words of the pages. A value of another version of
// the shop stays as it is.
func changeValue(l views.Lang, kind models.AuditKind, value string) string {
	text := ""
	switch kind {
	case models.AuditPayment:
		text = l.T("attempt." + value)
	case models.AuditOrder:
		text = l.T("status." + statusName(models.OrderStatus(value)))
	case models.AuditCase:
		if text = l.T("decision." + value); value == "open" {
			text = l.T("inspect.open")
		}
	case models.AuditErased:
		text = l.T("erase.reason." + value)
	case models.AuditReceipt:
		text = receiptChange(l, value)
	}
	if text == "" {
		return value
	}
	return text
}

// receiptChange is what a receipt was or became: an amount, or a status with what was refunded.
func receiptChange(l views.Lang, value string) string {
	status, digits, found := strings.Cut(value, " ")
	if !found {
		status, digits = "", value
	}
	amount, err := strconv.ParseInt(digits, 10, 64)
	if err != nil {
		return l.T("inspect.receipt." + value)
	}
	return strings.TrimSpace(l.T("inspect.receipt."+status) + " " + views.Rupiah(amount))
}

// changeSubject names what changed, where there are several of its kind.
func changeSubject(l views.Lang, c models.AuditEvent) string {
	if c.Kind == models.AuditCase {
		return web.CaseTitle(l, models.CaseKind(c.Subject))
	}
	return c.Subject
}
