package console

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"

	"github.com/labstack/echo/v4"

	"warungjokul/handlers/web"
	"warungjokul/models"
	"warungjokul/views"
)

const (
	cancelManyPath = web.OrdersPath + "/cancel"
	// mostCancelled is how many orders are cancelled at once. Each is a transaction of its own.
	mostCancelled = 100
)

// sameHolder are the links of an order's page to all unpaid orders of the same client, email or phone.
func (h *Handler) sameHolder(c echo.Context, l views.Lang, o models.Order) (links []views.CategoryLink, err error) {
	if o.Status != models.OrderAwaitingPayment {
		return nil, nil
	}
	counts, err := h.Store.CountSameHolder(c.Request().Context(), o.ID)
	if err != nil {
		return nil, fmt.Errorf("orders of the same holder: %w", err)
	}
	for _, kind := range []models.HolderKind{models.HolderClient, models.HolderEmail, models.HolderPhone} {
		if counts[kind] > 1 {
			address := cancelManyPath + "?" + url.Values{"same": {string(kind)}, "as": {o.Number}}.Encode()
			links = append(links, views.CategoryLink{URL: address, Name: sameText(l, kind, counts[kind])})
		}
	}
	return links, nil
}

func sameText(l views.Lang, kind models.HolderKind, n int64) string {
	switch kind {
	case models.HolderEmail:
		return l.T("cancelmany.email", l.Count(n))
	case models.HolderPhone:
		return l.T("cancelmany.phone", l.Count(n))
	}
	return l.T("cancelmany.client", l.Count(n))
}

// chosenOrders are the orders that were ticked in the list, or those with the same holder as one of them.
func (h *Handler) chosenOrders(c echo.Context) ([]models.Order, error) {
	ctx, kind := c.Request().Context(), models.HolderKind(web.FormText(c, "same", web.MaxNumber))
	if kind != "" {
		return h.Store.SameHolder(ctx, web.FormText(c, "as", web.MaxNumber), kind, mostCancelled)
	}
	numbers := c.Request().Form["order"]
	return h.Store.OrdersByNumber(ctx, numbers[:min(len(numbers), mostCancelled)])
}

// askToCancelMany shows which of the chosen orders would be cancelled.
func (h *Handler) askToCancelMany(c echo.Context) error {
	if err := c.Request().ParseForm(); err != nil {
		return echo.NewHTTPError(http.StatusUnprocessableEntity, "query").SetInternal(err)
	}
	return h.cancelManyPage(c, http.StatusOK, views.Field{}, views.Field{})
}

func (h *Handler) cancelManyPage(c echo.Context, status int, reason, by views.Field) error {
	orders, err := h.chosenOrders(c)
	if err != nil {
		return fmt.Errorf("chosen orders: %w", err)
	}
	frame, err := h.ConsolePage(c, "orders", web.Lang(c).T("cancelmany.title"))
	if err != nil {
		return err
	}
	p := views.CancelManyPage{ConsolePage: frame, Reason: reason, By: by}
	var waiting []models.Order
	for _, o := range orders {
		if o.Status == models.OrderAwaitingPayment {
			waiting = append(waiting, o)
		} else {
			p.Left = append(p.Left, o.Number)
		}
	}
	p.Orders = orderRows(p.Lang, waiting)
	return web.Render(c, status, views.CancelMany(p))
}

// cancelMany cancels the chosen orders, one after the other, and says what became of each. An order that was paid, or
// is over, or has money that nobody has decided about, is left as it is.
func (h *Handler) cancelMany(c echo.Context) error {
	l := web.Lang(c)
	reason, by := views.Field{Value: web.FormText(c, "reason", MaxReason)}, views.Field{Value: web.FormText(c, "by", MaxBy)}
	if !fits(reason.Value, MaxReason) {
		reason.Problem = l.T("cases.bad.reason", MaxReason)
	}
	if !fits(by.Value, MaxBy) {
		by.Problem = l.T("cases.bad.by", MaxBy)
	}
	if reason.Problem != "" || by.Problem != "" {
		return h.cancelManyPage(c, http.StatusUnprocessableEntity, reason, by)
	}
	orders, err := h.chosenOrders(c)
	if err != nil {
		return fmt.Errorf("chosen orders: %w", err)
	}
	frame, err := h.ConsolePage(c, "orders", l.T("cancelmany.done.title"))
	if err != nil {
		return err
	}
	p := views.CancelManyPage{ConsolePage: frame, Done: true}
	for _, o := range orders {
		cancelled, err := h.cancelOne(c, o, by.Value, reason.Value)
		if err != nil {
			return err
		}
		if cancelled {
			p.Cancelled = append(p.Cancelled, o.Number)
		} else {
			p.Left = append(p.Left, o.Number)
		}
	}
	return web.Render(c, http.StatusOK, views.CancelMany(p))
}

func (h *Handler) cancelOne(c echo.Context, o models.Order, by, reason string) (bool, error) {
	ctx := c.Request().Context()
	cancelled, err := h.Store.CancelOrderAs(ctx, o.ID, by, reason)
	if errors.Is(err, models.ErrMoneyUndecided) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("cancel order: %w", err)
	}
	if cancelled {
		h.Log.InfoContext(ctx, "order cancelled", "order_number", o.Number, "by", by, "reason", reason)
		h.Publish(ctx, o.Token)
		h.MailDue.Set()
	}
	return cancelled, nil
}
