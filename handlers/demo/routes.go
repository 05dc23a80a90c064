package demo

import (
	"github.com/labstack/echo/v4"

	"warungjokul/handlers/web"
)

// What a client may do at the till of a public demo a minute: a class that tries it out behind one address.
const (
	tillRequests = 240
	tillPayments = 30
)

// tillRoutes lists the till of a public demo. What it refuses is listed, too, to be refused there in its own words.
func (h *Handler) tillRoutes(e *echo.Echo) {
	till, limited := echo.WrapHandler(h.Till), h.Limited(tillRequests)
	e.GET("/simulator", till, limited)
	e.GET("/simulator/assets/*", till)
	e.POST("/simulator/payments", till, limited, h.Limited(tillPayments))
	e.POST("/simulator/clock", till, limited)
	e.POST("/simulator/deliveries/:id/resend", till, limited)
}

// Routes lists the panel of the embedded gateway, which is a part of the
// console c, and the tour, which is not.
func (h *Handler) Routes(e *echo.Echo, c *echo.Group) {
	e.GET("/gallery", h.showGallery)
	e.GET("/gallery/:name", h.showSample)
	e.GET("/mailbox", h.showMailbox, h.SignedInOnly)
	e.GET("/mailbox/:id", h.showMail, h.SignedInOnly)
	e.GET("/mailbox/:id/html", h.showMailHTML, h.SignedInOnly)

	c.GET("/sandbox", h.showPanel)
	c.POST("/sandbox/pay", h.actOnCode)
	c.POST("/sandbox/faults", h.chooseFaults)
	c.POST("/sandbox/calm", h.calmFaults)
	c.POST("/sandbox/clock", h.moveClock)
	c.POST("/sandbox/deliveries/:id/resend", h.sendAgain)
	c.POST("/sandbox/deliveries/:id/next", h.jumpToNext)

	if h.PublicDemo() {
		h.tillRoutes(e)
	}

	tour := e.Group("/tour", h.SignedInOnly)
	tour.GET("", h.showTour)
	tour.POST("", h.goOn, h.Limited(60))
	tour.POST("/reset", h.startOver, h.Limited(60))
	tour.GET("/shop", h.tourShop)
	tour.GET("/till", h.tourTill)
	tour.RouteNotFound("", web.OtherMethod)
	tour.RouteNotFound("/*", web.OtherMethod)
}
