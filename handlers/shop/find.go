package shop

import (
	"errors"
	"fmt"
	"net/http"

	"github.com/labstack/echo/v4"

	"warungjokul/handlers/web"
	"warungjokul/models"
	"warungjokul/views"
)

func (h *Handler) showFindOrder(c echo.Context) error {
	return h.findPage(c, http.StatusOK, views.FindPage{})
}

// findOrder leads back to a lost order. An unknown number and a number with
// another email get the same answer, so that nobody learns which orders exist.
func (h *Handler) findOrder(c echo.Context) error {
	p := views.FindPage{Number: web.FormText(c, "order_number", web.MaxNumber), Email: web.FormText(c, "email", web.MaxEmail)}
	token, err := h.Store.FindOrder(c.Request().Context(), p.Number, p.Email)
	if errors.Is(err, models.ErrNotFound) {
		p.Problem = web.Lang(c).T("find.none")
		return h.findPage(c, http.StatusNotFound, p)
	}
	if err != nil {
		return fmt.Errorf("find order: %w", err)
	}
	return c.Redirect(http.StatusSeeOther, web.OrderPath(token))
}

func (h *Handler) findPage(c echo.Context, status int, p views.FindPage) error {
	p.Page = h.Page(c, web.Lang(c).T("find.title"))
	return web.Render(c, status, views.FindOrder(p))
}
