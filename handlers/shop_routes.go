package handlers

import (
	"cmp"
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"
)

// shopRoutes lists the addresses of the shop.
func (h *Handler) shopRoutes(e *echo.Echo) {
	e.GET(catalogueRoute, h.showCatalogue, h.searchLimited(catalogueSearches))
	e.GET(productRoute, h.showProduct)
	e.GET("/cart", h.showCart)
	e.POST("/cart/items", h.addToCart)
	e.POST("/cart/items/:sku", h.changeCart)
	e.GET("/checkout", h.showCheckout)
	e.POST("/checkout", h.placeOrder, h.limited(30))
	e.GET("/orders/:token", h.showOrder)
	e.GET("/orders/:token/status", h.orderStatus)
	e.GET("/orders/:token/events", h.orderEvents)
	e.GET("/orders/:token/cashier", h.showCashier)
	e.GET("/orders/:token/calendar.ics", h.orderCalendar)
	e.POST("/orders/:token/payments", h.newCode, h.limited(10))
	e.POST("/orders/:token/check", h.checkOrder, h.limited(20))
	e.POST("/orders/:token/mail", h.mailAgain, h.limited(5))
	// A form that was turned down shows the page under the form's own address. Who
	// asks for that again, be it the page itself or a language, means the page.
	for _, form := range []string{"payments", "check", "mail"} {
		e.GET("/orders/:token/"+form, func(c echo.Context) error {
			return c.Redirect(http.StatusSeeOther, cmp.Or(ownPath(strings.TrimSuffix(c.Request().URL.EscapedPath(), "/"+form)), "/"))
		})
	}
	e.GET("/find-order", h.showFindOrder)
	e.POST("/find-order", h.findOrder, h.limited(10))

	e.GET(privacyPath, h.showPrivacy)
	e.GET("/sw.js", serviceWorker)
}
