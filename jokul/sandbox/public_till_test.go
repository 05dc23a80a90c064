package sandbox_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"
	"time"

	"warungjokul/jokul/sandbox"
)

// public is the same gateway by its till for strangers.
func (g *gateway) public(t *testing.T) *gateway {
	t.Helper()
	server := httptest.NewServer(g.PublicTill())
	t.Cleanup(server.Close)
	return &gateway{Server: g.Server, http: server, clock: g.clock, shop: g.shop}
}

// Strangers look up a code that they know and pay it. They move no clock, send nothing again and let no code expire,
// and the page offers none of it.
func TestPublicTill(t *testing.T) {
	g := open(t)
	others := g.act(t, g.issue(t, "INV-1"), sandbox.ActionPay).Delivery
	g.shop.next(t)
	code := g.issue(t, "INV-2")
	strangers := g.public(t)
	for _, form := range []struct {
		path   string
		values url.Values
	}{
		{"/simulator/clock", url.Values{"advance": {"1660000h"}}},
		{"/simulator/clock", url.Values{"advance": {"30m"}}},
		{"/simulator/deliveries/1/resend", url.Values{"back": {""}}},
		{"/simulator/payments", url.Values{"payment_code": {code}, "action": {"expire"}}},
		{"/simulator/payments", url.Values{"payment_code": {code}, "action": {"pay_late"}}},
		{"/simulator/payments", url.Values{"payment_code": {code}, "action": {"pay_twice"}}},
		{"/simulator/payments", url.Values{"payment_code": {code}, "action": {"pay_wrong_amount"}}},
	} {
		res, text := strangers.ask(t, http.MethodPost, form.path, form.values.Encode(), "")
		want(t, form.path+" "+form.values.Encode(), res.StatusCode, http.StatusForbidden)
		want(t, "the reason", text, "this till is everybody's: it looks up a code and pays it, and nothing else\n")
	}
	want(t, "the other visitor's attempts", len(g.Deliveries(others.InvoiceNumber)[0].Attempts), 1)
	g.shop.none(t)
	for _, path := range []string{"/control/clock", "/control/payments", "/", "/orders/v1/status/INV-2"} {
		res, _ := strangers.ask(t, http.MethodGet, path, "", "")
		want(t, path, res.StatusCode, http.StatusNotFound)
	}

	inquiry := strangers.page(t, "?payment_code="+code)
	says(t, inquiry, `data-testid="pay"`, "24 November 2026, 10.30 WIB")
	receipt := strangers.submit(t, "/simulator/payments", url.Values{"payment_code": {code}, "action": {"pay"}}).body
	says(t, receipt, `data-testid="receipt"`, "notifikasi ke toko: 200 dalam")
	for _, page := range []string{inquiry, receipt} {
		saysNot(t, page, "/simulator/clock", "/resend", `value="expire"`, `value="pay_twice"`, `value="pay_late"`)
	}
}

// A gateway that strangers reach has the till for strangers at its own address as well.
func TestPublicTillWithAControlKey(t *testing.T) {
	g := open(t, func(c *sandbox.Config) { c.ControlKey = "control" })
	res, _ := g.ask(t, http.MethodPost, "/simulator/clock", "advance=30m", "")
	want(t, "the clock", res.StatusCode, http.StatusForbidden)
	says(t, g.page(t, ""), `data-testid="code-input"`)
}

// The clock moves by what is useful, in steps and in all, and says so beyond. It never moves back.
func TestTheClockHasABound(t *testing.T) {
	g := open(t)
	const step = 30 * 24 * time.Hour
	if _, err := g.Advance(step + 1); err == nil || err.Error() != "the clock moves at most 30 days at a time" {
		t.Errorf("31 days at once: %v", err)
	}
	for range 12 {
		if _, err := g.Advance(step); err != nil {
			t.Fatal(err)
		}
	}
	const beyond = "the clock may be at most 366 days ahead, and is 360 now; a new state file begins at today"
	if _, err := g.Advance(7 * 24 * time.Hour); err == nil || err.Error() != beyond {
		t.Errorf("more than a year in all: %v", err)
	}
	res, text := g.ask(t, http.MethodPost, "/simulator/clock", "advance=168h", "")
	want(t, "at the till", res.StatusCode, http.StatusBadRequest)
	want(t, "in words", text, beyond+"\n")
	if _, err := g.Pay(context.Background(), g.issue(t, "INV-1")); err != nil {
		t.Errorf("a year ahead: %v", err)
	}
}

// The till for strangers lists nobody: neither codes nor names are on a page that did not ask for that code.
func TestPublicTillListsNobody(t *testing.T) {
	g := open(t)
	code := g.issue(t, "INV-1")
	own := g.act(t, g.issue(t, "INV-2"), sandbox.ActionPay).Payments[0].TransactionID
	strangers := g.public(t)
	for _, query := range []string{"", "?lang=en", "?payment_code=1", "?key=1", "?receipt=1"} {
		page := strangers.page(t, query)
		saysNot(t, page, code, code[8:12]+" "+code[12:], "Taufik Ismail", "INV-1", own)
	}
	says(t, strangers.page(t, ""), "Ketik kode dari halaman pesanan Anda")
	says(t, strangers.page(t, "?lang=en"), "Type the code from your order page")
	says(t, strangers.page(t, "?payment_code="+code), "Taufik Ismail")
	says(t, g.page(t, ""), "Taufik Ismail") // the till of whoever runs the gateway
}
