package demo

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"

	"github.com/labstack/echo/v4"

	"warungjokul/models"
)

// tour is what a browser has of it: the tokens of its two orders.
type tour struct{ First, Second string }

func (h *Handler) readTour(c echo.Context) (t tour) {
	cookie, err := c.Cookie(TourCookie)
	if err != nil || h.Cookies.Decode(TourCookie, cookie.Value, &t) != nil {
		return tour{}
	}
	return t
}

func (h *Handler) writeTour(c echo.Context, t tour) error {
	value, err := h.Cookies.Encode(TourCookie, t)
	if err != nil {
		return fmt.Errorf("write tour: %w", err)
	}
	cookie := &http.Cookie{Name: TourCookie, Value: value, Path: "/tour", Secure: h.Secure(), HttpOnly: true, SameSite: http.SameSiteLaxMode}
	if t == (tour{}) {
		cookie.Value, cookie.MaxAge = "", -1
	}
	c.SetCookie(cookie)
	return nil
}

// scene is where the story stands: an order, and what the gateway has of it.
type scene struct {
	order     models.Order // zero before there is one
	account   gatewayAccount
	delivered bool
	held      []int // notifications that wait to be sent
}

func (s scene) begun() bool { return s.order.ID != 0 }

// pocketed reports whether the till has the money.
func (s scene) pocketed() bool { return len(s.account.Payments) > 0 }

func (s scene) paid() bool { return s.order.Status == models.OrderPaid }

// scene looks an order of the tour up; one that is gone is none.
func (h *Handler) scene(ctx context.Context, token string) (s scene, err error) {
	if token == "" {
		return s, nil
	}
	s.order, err = h.Store.Order(ctx, token)
	if errors.Is(err, models.ErrNotFound) {
		return scene{}, nil
	}
	if err != nil {
		return s, fmt.Errorf("tour: %w", err)
	}
	invoice := s.order.Payment().InvoiceNumber
	ledger, err := h.ledger(ctx)
	if err != nil {
		return s, fmt.Errorf("tour: %w", err)
	}
	if i := slices.IndexFunc(ledger, func(a gatewayAccount) bool { return a.InvoiceNumber == invoice }); i >= 0 {
		s.account = ledger[i]
	}
	deliveries, err := h.deliveries(ctx, invoice)
	for _, d := range deliveries {
		switch d.State {
		case "delivered":
			s.delivered = true
		case "waiting":
			s.held = append(s.held, d.ID)
		}
	}
	return s, err
}

// sceneOf is the scene a step plays in.
func (h *Handler) sceneOf(c echo.Context, step int) (scene, error) {
	t := h.readTour(c)
	if step == tourSteps {
		return h.scene(c.Request().Context(), t.Second)
	}
	return h.scene(c.Request().Context(), t.First)
}
