package shop

import (
	"cmp"
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"

	"warungjokul/handlers/web"
)

// CatalogueSearches is how many searches a client may make a minute: a family behind one address.
const CatalogueSearches = 300

// Routes lists the addresses of the shop.
func (h *Handler) Routes(e *echo.Echo) {
	e.GET(web.CatalogueRoute, h.showCatalogue, h.SearchLimited(CatalogueSearches))
	e.GET(web.ProductRoute, h.showProduct)
	e.GET("/cart", h.showCart)
	e.POST("/cart/items", h.addToCart)
	e.POST("/cart/items/:sku", h.changeCart)
	e.GET("/checkout", h.showCheckout)
	e.POST("/checkout", h.placeOrder, h.Limited(30))
	e.GET("/orders/:token", h.showOrder)
	e.GET("/orders/:token/status", h.orderStatus)
	e.GET("/orders/:token/events", h.orderEvents)
	e.GET("/orders/:token/cashier", h.showCashier)
	e.GET("/orders/:token/calendar.ics", h.orderCalendar)
	e.POST("/orders/:token/payments", h.newCode, h.Limited(10))
	e.POST("/orders/:token/check", h.checkOrder, h.Limited(20))
	e.POST("/orders/:token/mail", h.mailAgain, h.Limited(5))
	// A form that was turned down shows the page under the form's own address. Who
	// asks for that again, be it the page itself or a language, means the page.
	for _, form := range []string{"payments", "check", "mail"} {
		e.GET("/orders/:token/"+form, func(c echo.Context) error {
			return c.Redirect(http.StatusSeeOther, cmp.Or(web.OwnPath(strings.TrimSuffix(c.Request().URL.EscapedPath(), "/"+form)), "/"))
		})
	}
	e.GET("/find-order", h.showFindOrder)
	e.POST("/find-order", h.findOrder, h.Limited(10))

	e.GET(web.PrivacyPath, h.showPrivacy)
	e.GET("/sw.js", serviceWorker)
}
