package handlers

import "github.com/labstack/echo/v4"

// messageConsole lists the console's addresses about what was said to and by the
// gateway.
func (h *Handler) messageConsole(c *echo.Group) {
}
