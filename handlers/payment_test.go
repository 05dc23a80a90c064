package handlers

import (
	"context"
	"errors"
	"strings"
	"testing"

	"warungjokul/jokul"
	"warungjokul/models"
	"warungjokul/views"
)

const createPath = "/indomaret-online-to-offline/v2/payment-code"

// What the till shows and prints of an order and its customer.
func TestTextsAtTheTill(t *testing.T) {
	for name, want := range map[string]string{"Budi Santoso": "Budi Santoso", "王小明": "Pelanggan", "": "Pelanggan"} {
		if got := tillName(name); got != want {
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
		if got := nameAtTill(models.Payment{RequestBody: []byte(body)}, corrected); got != want {
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
	w := newWorld(t)
	ctx := context.Background()
	order := w.order("MNM-TEH")
	p := w.whole(order).Payment()
	next, err := w.nextPayment(ctx, p, jokul.ErrInvoiceTaken)
	if err != nil || next.ID != p.ID || next.State != models.PaymentPending {
		t.Errorf("got payment %d in state %s, %v; want %d as it is", next.ID, next.State, err, p.ID)
	}
	asked := w.called(createPath)
	w.replace(ctx, p, errors.New("taken"))
	if got := w.whole(order); len(got.Payments) != 1 || got.Payment().Code != p.Code || w.called(createPath) != asked {
		t.Errorf("%d attempts, code %q; the gateway was asked %d times more", len(got.Payments), got.Payment().Code, w.called(createPath)-asked)
	}
}

// A shopper is sent to the gateway's own pages about a code, and to no other address that came with it. The code is
// shown all the same.
func TestOtherSitesAreNotLinked(t *testing.T) {
	for address, linked := range map[string]bool{
		"":                                    true, // the gateway's own
		"https://sandbox.doku.com/how-to-pay": true,
		"https://evil.example/a":              false,
		"https://doku.com.evil.example/a":     false,
		"javascript:alert(1)":                 false,
		"//evil.example/a":                    false,
		"https://sandbox.doku.com/" + strings.Repeat("a", 3000): false,
	} {
		w := newWorld(t)
		b := putBetween(w)
		b.set(b.redate(func(info map[string]any) {
			if address != "" {
				info["how_to_pay_page"] = address
			}
		}, 0), nil)
		order := w.order("MNM-TEH")
		page := w.get(order)
		if got := strings.Contains(page, `rel="noopener noreferrer">`+views.Indonesian.T("keep.howto")); got != linked {
			t.Errorf("%.40q: linked %v, want %v", address, got, linked)
		}
		if strings.Contains(page, "evil.example") || strings.Contains(page, "javascript:") || !strings.Contains(page, w.whole(order).Payment().Code[:4]) {
			t.Errorf("%.40q is on the page, or the code is not", address)
		}
	}
}
