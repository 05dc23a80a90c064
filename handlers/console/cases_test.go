package console

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"warungjokul/models"
	"warungjokul/views"
)

// everyCase calls f with a case of every kind and state.
func everyCase(f func(models.Case)) {
	for _, kind := range models.CaseKinds() {
		for _, receipt := range []models.ReceiptStatus{"", models.ReceiptHeld, models.ReceiptApplied, models.ReceiptReturned,
			models.ReceiptKept, models.ReceiptDuplicate} {
			if kind == models.CaseUnknownInvoice || kind == models.CaseUnreadable {
				c := models.Case{Kind: kind}
				if receipt != "" {
					c.Receipt = &models.Receipt{Amount: 89_000, Status: receipt}
				}
				f(c)
				continue
			}
			for _, order := range []models.OrderStatus{models.OrderAwaitingPayment, models.OrderPaid, models.OrderExpired, models.OrderCancelled} {
				for _, state := range []models.PaymentState{models.PaymentCreating, models.PaymentPending, models.PaymentPaid,
					models.PaymentExpired, models.PaymentFailed} {
					for _, reusable := range []bool{false, true} {
						f(orderCase(kind, receipt, order, state, reusable))
					}
				}
			}
		}
	}
}

func orderCase(kind models.CaseKind, receipt models.ReceiptStatus, order models.OrderStatus, state models.PaymentState, reusable bool) models.Case {
	p := models.Payment{ID: 3, Amount: 90_000, State: state, Reusable: reusable}
	c := models.Case{Kind: kind, Told: 41_000, PaymentID: &p.ID, Payment: &p, Order: &models.Order{Status: order, Total: 90_000}}
	if receipt != "" {
		r := models.Receipt{ID: 7, Amount: 40_000, Status: receipt}
		c.ReceiptID, c.Receipt = &r.ID, &r
		p.Receipts = []models.Receipt{r}
	}
	c.Order.Payments = []models.Payment{p}
	return c
}

// acting are words that tell somebody to make a decision. Only the names of decisions that are offered may do that.
var acting = regexp.MustCompile(`(?i)\b(accept|refund|cancel|a new code|nothing to do|one payment, reported|` +
	`terima|kembalikan|batalkan|kode baru|tidak ada tindakan|satu pembayaran)\b`)

// The advice about a case names each decision that can be made, and no other, in both languages.
func TestAdviceNamesWhatIsOffered(t *testing.T) {
	quoted := regexp.MustCompile(`“([^”]*)”`)
	everyCase(func(c models.Case) {
		for _, l := range []views.Lang{views.Indonesian, views.English} {
			text := ViewCase(l, c).Todo
			var want, got []string
			for _, way := range c.Decisions() {
				want = append(want, decisionName(l, c, way))
			}
			for _, found := range quoted.FindAllStringSubmatch(text, -1) {
				got = append(got, found[1])
			}
			if len(got) == 0 || !slices.Equal(got, want) {
				t.Errorf("%s: the advice is %q, offered are %q", c.Kind, text, want)
			}
			if look := quoted.ReplaceAllString(text, ""); acting.MatchString(look) || strings.Contains(look, "todo.") {
				t.Errorf("%s: the advice asks for %q: %q", c.Kind, acting.FindString(look), text)
			}
		}
	})
}
