package handlers

import "github.com/labstack/echo/v4"

// demoConsole lists the set-up check, the panel of the embedded gateway, and the
// tour, which is no part of the console and in demos only.
func (h *Handler) demoConsole(e *echo.Echo, c *echo.Group) {
}
