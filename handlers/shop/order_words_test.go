package shop

import (
	"testing"
	"time"

	"warungjokul/models"
	"warungjokul/views"
)

// A test order says that it is one, whatever its status, and nothing else; it is not to be paid.
func TestWordsOfATestOrder(t *testing.T) {
	now := time.Now()
	deadline := now.Add(time.Hour)
	for _, status := range []models.OrderStatus{models.OrderPaid, models.OrderCancelled} {
		o := models.Order{Test: true, Status: status, StockHeld: true, Lines: []models.OrderLine{{Kind: models.KindOpen}},
			Payments: []models.Payment{{State: models.PaymentPaid, Reusable: true, Code: "8888888844445555", ExpiresAt: &deadline,
				Receipts: []models.Receipt{{Amount: 25_000, Status: models.ReceiptApplied}}}}}
		head, text := words(views.English, o, stateOf(o, now), now)
		if head != "Test order" || text != views.English.T("order.test") {
			t.Errorf("%s: %q, %q", status, head, text)
		}
		if payable(o, now) || showsCode(o) {
			t.Errorf("%s: its code is shown", status)
		}
		h := Handler{}
		var page views.OrderPage
		if h.viewMoney(&page, o); len(page.Receipts) > 0 || len(page.OldCodes) > 0 {
			t.Errorf("%s: money is shown: %+v", status, page)
		}
	}
}

// What was paid for is promised only while nothing speaks against sending it.
func TestWordsOfAPaidOrder(t *testing.T) {
	now := time.Now()
	sent := views.English.T("order.paid.goods")
	for name, tt := range map[string]struct {
		change func(*models.Order)
		want   string
	}{
		"paid":         {func(*models.Order) {}, " " + sent},
		"paid twice":   {func(o *models.Order) { o.OpenCases = []models.Case{{Kind: models.CaseSecondPayment}} }, " " + sent},
		"sold out":     {func(o *models.Order) { o.OpenCases = []models.Case{{Kind: models.CaseOutOfStock}} }, ""},
		"late":         {func(o *models.Order) { o.OpenCases = []models.Case{{Kind: models.CaseLatePayment}} }, ""},
		"phone erased": {func(o *models.Order) { o.ErasedAt = &now }, ""},
	} {
		o := models.Order{Status: models.OrderPaid, Lines: []models.OrderLine{{Kind: models.KindGoods}}}
		tt.change(&o)
		if _, text := words(views.English, o, views.StatePaid, now); text != views.English.T("order.paid.text")+tt.want {
			t.Errorf("%s: %q", name, text)
		}
	}
}
