package handlers

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"warungjokul/views"
)

// orderConsole lists the console's addresses about orders, cases and stock.
func (h *Handler) orderConsole(c *echo.Group) {
	c.GET("", h.showOverview)
}

func (h *Handler) showOverview(c echo.Context) error {
	p, err := h.consolePage(c, "overview", lang(c).T("console.overview"))
	if err != nil {
		return err
	}
	return render(c, http.StatusOK, views.Overview(views.OverviewPage{ConsolePage: p}))
}
