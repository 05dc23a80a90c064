package payments

import (
	"context"
	"errors"
	"strings"
	"testing"
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
	if _, replaced, err := e.nextPayment(ctx, p, jokul.ErrInvoiceTaken); err != nil || replaced {
		t.Errorf("replaced %v, %v", replaced, err)
	}
	asked := e.gateway.Calls(testgateway.CreatePath)
	e.replace(ctx, p, errors.New("taken"))
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
