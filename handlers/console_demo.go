package handlers

import "github.com/labstack/echo/v4"

// demoConsole lists the set-up check and, in demos only, the panel of the
// embedded gateway and the tour, which is no part of the console.
func (h *Handler) demoConsole(e *echo.Echo, c *echo.Group) {
	c.GET("/setup", h.showSetup)
	if !h.demo() {
		return
	}
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
