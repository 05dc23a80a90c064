package shop

import (
	"context"
	"fmt"
	"net/http"

	"github.com/labstack/echo/v4"

	"warungjokul/handlers/web"
)

// orderEvents streams an order's status: now, at each change, and no more once
// it cannot change by itself.
func (h *Handler) orderEvents(c echo.Context) error {
	token := c.Param("token")
	if c.Request().Method == http.MethodHead {
		return h.headOfEvents(c)
	}
	return h.Stream(c, token, func(ctx context.Context) (web.Snapshot, error) {
		o, err := h.Store.Order(ctx, token)
		if err != nil {
			return web.Snapshot{}, fmt.Errorf("order: %w", err)
		}
		return web.Snapshot{Version: string(o.Version()), Status: h.statusOf(o), Final: !live(o, h.Now())}, nil
	})
}

// headOfEvents answers HEAD: as GET, and no stream is opened.
func (h *Handler) headOfEvents(c echo.Context) error {
	if _, err := h.order(c); err != nil {
		return err
	}
	web.EventsHeader(c.Response().Header())
	return c.NoContent(http.StatusOK)
}
