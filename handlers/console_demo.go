package handlers

import "github.com/labstack/echo/v4"

// demoConsole lists the panel of the embedded gateway, which is a part of the
// console c, and the tour, which is not.
func (h *Handler) demoConsole(e *echo.Echo, c *echo.Group) {
	e.GET("/gallery", h.showGallery)
	e.GET("/gallery/:name", h.showSample)
	e.GET("/mailbox", h.showMailbox, h.signedInOnly)
	e.GET("/mailbox/:id", h.showMail, h.signedInOnly)
	e.GET("/mailbox/:id/html", h.showMailHTML, h.signedInOnly)

	c.GET("/sandbox", h.showPanel)
	c.POST("/sandbox/pay", h.actOnCode)
	c.POST("/sandbox/faults", h.chooseFaults)
	c.POST("/sandbox/calm", h.calmFaults)
	c.POST("/sandbox/clock", h.moveClock)
	c.POST("/sandbox/deliveries/:id/resend", h.sendAgain)
	c.POST("/sandbox/deliveries/:id/next", h.jumpToNext)

	tour := e.Group("/tour", h.signedInOnly)
	tour.GET("", h.showTour)
	tour.POST("", h.goOn, h.limited(60))
	tour.POST("/reset", h.startOver, h.limited(60))
	tour.GET("/shop", h.tourShop)
	tour.GET("/till", h.tourTill)
	tour.RouteNotFound("", otherMethod)
	tour.RouteNotFound("/*", otherMethod)
}
