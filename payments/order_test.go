package payments

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"warungjokul/jokul"
	"warungjokul/models"
	"warungjokul/payments/testgateway"
)

// What the till shows and prints of an order and its customer.
func TestTextsAtTheTill(t *testing.T) {
	for name, want := range map[string]string{"Budi Santoso": "Budi Santoso", "王小明": "Pelanggan", "": "Pelanggan"} {
		if got := TillName(name); got != want {
			t.Errorf("%q at the till is %q, want %q", name, got, want)
		}
	}
	corrected := models.Order{CustomerName: "Siti"}
	for body, want := range map[string]string{
		`{"customer":{"name":"Budi"}}`: "Budi", // as the gateway was told, whatever was corrected since
		`{"customer":{"name":""}}`:     "Siti",
		`{}`:                           "Siti",
		`{"customer":{"name":"Budi"}`:  "Siti",
		``:                             "Siti",
	} {
		if got := NameAtTill(models.Payment{RequestBody: []byte(body)}, corrected); got != want {
			t.Errorf("after the request %q the till shows %q, want %q", body, got, want)
		}
	}
	o := models.Order{Number: "WJ-1", Lines: []models.OrderLine{{Quantity: 2, NameID: "Teh"}, {Quantity: 1, NameID: "Kopi"}}}
	if got := description(o); got != "Pesanan WJ-1: 2 Teh, 1 Kopi" {
		t.Errorf("the receipt says %q", got)
	}
}

// An attempt that has its code by the time its invoice number is said to be taken is not
// replaced, and no code is requested again.
func TestReplaceAfterTheCode(t *testing.T) {
	e := newEnv(t)
	ctx := context.Background()
	order := e.order("MNM-TEH")
	p := e.payment(order)
	if _, replaced, err := e.nextPayment(ctx, nil, p, jokul.ErrInvoiceTaken); err != nil || replaced {
		t.Errorf("replaced %v, %v", replaced, err)
	}
	asked := e.gateway.Calls(testgateway.CreatePath)
	e.replace(ctx, nil, p, errors.New("taken"))
	if got := e.get(order); len(got.Payments) != 1 || got.Payment().Code != p.Code || e.gateway.Calls(testgateway.CreatePath) != asked {
		t.Errorf("%d attempts, code %q; the gateway was asked %d times more", len(got.Payments), got.Payment().Code, e.gateway.Calls(testgateway.CreatePath)-asked)
	}
}

// The request for a code sends DOKU what /privacy says, and not the phone number.
func TestWhatDOKUIsTold(t *testing.T) {
	e := newEnv(t)
	e.ShopName = "Toko Serba Ada Dengan Nama Yang Panjang"
	payment, err := e.Prepare(models.Order{Number: "WJ-7K4M9Q2P", Total: 10_000, Lines: []models.OrderLine{{SKU: "X", NameID: "Teh", Price: 10_000, Quantity: 1}},
		CustomerName: "Budi", CustomerEmail: "budi@example.com", CustomerPhone: "081234567890"})
	if err != nil {
		t.Fatal(err)
	}
	body := string(payment.RequestBody)
	for text, want := range map[string]bool{"Budi": true, "budi@example.com": true, "1234567890": false, "WJ-7K4M9Q2P\"": true, "Toko Serba Ada": true} {
		if strings.Contains(body, text) != want {
			t.Errorf("%q in the request: %v, want %v: %s", text, !want, want, body)
		}
	}
}

// A seller's share is told in rupiah.
func TestSettlement(t *testing.T) {
	got := settlement([]models.Share{{Account: "SBS-1", Amount: 30_000}, {Account: "SBS-2", Amount: 12_500}})
	want := []jokul.SettlementShare{
		{BankAccountSettlementID: "SBS-1", Type: jokul.SettlementFix, Value: 30_000},
		{BankAccountSettlementID: "SBS-2", Type: jokul.SettlementFix, Value: 12_500}}
	if !slices.Equal(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

// An erased customer has no name at the till.
func TestNameOfAnErasedCustomer(t *testing.T) {
	erased := time.Now()
	o := models.Order{CustomerName: "Siti", ErasedAt: &erased}
	if got := NameAtTill(models.Payment{RequestBody: []byte(`{"customer":{"name":"Budi"}}`)}, o); got != "" {
		t.Errorf("got %q", got)
	}
}

// The same form places one order, and its code is requested once.
func TestPlaceOrderOnce(t *testing.T) {
	e := newEnv(t)
	draft := e.draft("MNM-TEH")
	first, fresh, err := e.PlaceOrder(t.Context(), draft)
	if err != nil || !fresh {
		t.Fatal(fresh, err)
	}
	again, fresh, err := e.PlaceOrder(t.Context(), draft)
	if err != nil || fresh || again.Number != first.Number {
		t.Errorf("placed %s again: %v, %v", again.Number, fresh, err)
	}
	if n := e.gateway.Calls(testgateway.CreatePath); n != 1 {
		t.Errorf("a code was requested %d times", n)
	}
	if n := testutil.ToFloat64(e.Metrics.placed); n != 1 {
		t.Errorf("%v orders are counted", n)
	}
}

// A new code is added once, and not while the order can be paid.
func TestNewCode(t *testing.T) {
	e := newEnv(t)
	token := e.order("MNM-TEH")
	if added, err := e.NewCode(t.Context(), e.get(token)); added || err != nil {
		t.Errorf("a code beside one that can be paid: %v, %v", added, err)
	}
	e.pass(61*time.Minute, time.Minute)
	e.newCode(token)
	if p := e.payment(token); p.Attempt != 2 || p.State != models.PaymentPending {
		t.Errorf("attempt %d is %s", p.Attempt, p.State)
	}
}
