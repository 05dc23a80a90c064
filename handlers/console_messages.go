package handlers

import "github.com/labstack/echo/v4"

// messageConsole lists the console's addresses about what was said to and by the
// gateway.
func (h *Handler) messageConsole(c *echo.Group) {
	c.GET("/orders/:number/events", h.inspectorEvents)
	c.GET("/notifications", h.showInbox)
	c.GET("/notifications/:id", h.showDelivery)
	c.POST("/notifications/:id/replay", h.replay)
	c.POST("/notifications/:id/ask", h.askGateway)
}
