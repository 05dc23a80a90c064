package web

import (
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/labstack/echo/v4"

	"warungjokul/models"
	"warungjokul/views"
)

// The cart is kept by the browser, in a cookie only this shop can write. It
// holds what and how many; prices are looked up each time.
const (
	CartCookie  = "cart"
	CartAge     = 30 * 24 * time.Hour
	MaxQuantity = 99
	MaxLines    = 30 // keeps the cookie well below 4 KiB
)

// Cart lists what a shopper wants to buy: products and quantities. Prices are looked up each
// time.
type Cart []models.Item

func (c Cart) count() int64 {
	var n int64
	for _, item := range c {
		n += item.Quantity
	}
	return n
}

// With is the cart with so many of a product; none takes it out.
func (c Cart) With(sku string, quantity int64) Cart {
	i := slices.IndexFunc(c, func(item models.Item) bool { return item.SKU == sku })
	switch {
	case i < 0 && quantity > 0:
		return append(c, models.Item{SKU: sku, Quantity: min(quantity, MaxQuantity)})
	case i >= 0 && quantity > 0:
		c[i].Quantity = min(quantity, MaxQuantity)
	case i >= 0:
		return slices.Delete(c, i, i+1)
	}
	return c
}

// Quantity returns how many pieces of a product are in the cart.
func (c Cart) Quantity(sku string) int64 {
	for _, item := range c {
		if item.SKU == sku {
			return item.Quantity
		}
	}
	return 0
}

// ReadCart reads the cookie; one that is missing, old or not ours is an empty
// cart.
func (h *App) ReadCart(c echo.Context) Cart {
	cookie, err := c.Cookie(CartCookie)
	if err != nil {
		return nil
	}
	var items Cart
	if h.Cookies.Decode(CartCookie, cookie.Value, &items) != nil {
		return nil
	}
	return items
}

// SetCookie sets a cookie that the browser keeps for some seconds.
func (h *App) SetCookie(c echo.Context, name, value string, age int) {
	c.SetCookie(&http.Cookie{Name: name, Value: value, Path: "/", MaxAge: age,
		Secure: h.Secure(), HttpOnly: true, SameSite: http.SameSiteLaxMode})
}

// CartLine is a line of an order as carts and orders show it.
func CartLine(l views.Lang, line models.OrderLine) views.CartLine {
	return views.CartLine{
		SKU: line.SKU, Name: l.Pick(line.NameID, line.NameEN), Drawing: line.Drawing,
		Each: views.Rupiah(line.Price), Amount: views.Rupiah(line.Amount()), Quantity: fmt.Sprint(line.Quantity),
	}
}
