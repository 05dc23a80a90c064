package console

import (
	"github.com/labstack/echo/v4"

	"warungjokul/handlers/web"
)

// ConsoleSearches is how many searches an office may make a minute.
const ConsoleSearches = 120

// Routes lists the console's addresses.
func (h *Handler) Routes(e *echo.Echo) (group *echo.Group) {
	e.GET(web.LoginPath, h.showLogin)
	e.POST(web.LoginPath, h.login)
	e.POST("/console/logout", h.logout)
	c := e.Group(web.ConsolePath, h.SignedInOnly)
	c.POST("/logout-everywhere", h.logoutEverywhere)
	h.orderConsole(c)
	h.messageConsole(c)
	c.GET("/setup", h.showSetup)
	c.RouteNotFound("", web.OtherMethod)
	c.RouteNotFound("/*", web.OtherMethod)
	return c
}

// orderConsole lists the console's addresses about orders, cases and stock.
func (h *Handler) orderConsole(c *echo.Group) {
	c.GET("", h.showOverview)
	searches := h.SearchLimited(ConsoleSearches)
	c.GET("/orders", h.showOrders, searches)
	c.GET("/orders.csv", h.exportOrders, searches)
	c.GET("/orders/cancel", h.askToCancelMany)
	c.POST("/orders/cancel", h.cancelMany)
	c.GET("/orders/:number", h.showConsoleOrder)
	c.GET("/orders/:number/cancel", h.askToCancel)
	c.POST("/orders/:number/cancel", h.cancelOrder)
	c.GET("/orders/:number/erase", h.askToErase)
	c.POST("/orders/:number/erase", h.eraseCustomer)
	c.GET("/orders/:number/customer.json", h.exportCustomer)
	c.POST("/orders/:number/customer.json", h.exportChosen)
	c.GET("/cases", h.showCases)
	c.GET("/cases/:id", h.showCase)
	c.POST("/cases/:id", h.decideCase)
	c.GET("/attention", movedToCases)
	c.GET("/attention/:id", movedToCases)
	c.GET("/stock", h.showStock)
	c.POST("/stock", h.setStock)
}

// messageConsole lists the console's addresses about what was said to and by the
// gateway.
func (h *Handler) messageConsole(c *echo.Group) {
	c.GET("/orders/:number/events", h.inspectorEvents)
	c.GET("/notifications", h.showInbox)
	c.GET("/notifications/:id", h.showDelivery)
	c.POST("/notifications/:id/replay", h.replay)
	c.POST("/notifications/:id/ask", h.askGateway)
}
