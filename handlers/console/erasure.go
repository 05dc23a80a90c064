package console

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/labstack/echo/v4"

	"warungjokul/handlers/web"
	"warungjokul/models"
	"warungjokul/payments/requestid"
	"warungjokul/views"
)

const (
	erasedAtOnce    = 20
	erasureInterval = time.Hour
	erasureRetry    = time.Minute
	erasureTimeout  = time.Minute // for one batch, the gateway of a demo included
)

// RunErasure erases the customers that are due, at the start and every hour, and scrubs the
// database's files when something was erased. A failure is retried after a minute: pending
// work is in the database.
func (h *Handler) RunErasure(ctx context.Context) {
	for ctx.Err() == nil {
		ctx := requestid.Begin(ctx, "erasure")
		pause := erasureInterval
		if err := errors.Join(h.EraseDue(ctx), h.ScrubFiles(ctx)); err != nil && ctx.Err() == nil {
			h.Log.ErrorContext(ctx, "erase customers", "error", err)
			pause = erasureRetry
		}
		timer := time.NewTimer(pause)
		select {
		case <-ctx.Done():
		case <-h.scrub:
		case <-timer.C:
		}
		timer.Stop()
	}
}

// EraseDue erases the customers of orders that have been over for PersonalDataDays, some at a time. Days end at
// midnight in Jakarta, so that there is one such round a day, when the shop is quiet.
func (h *Handler) EraseDue(ctx context.Context) error {
	if h.PersonalDataDays == 0 {
		return nil
	}
	before := views.StartOfDay(h.Now()).AddDate(0, 0, -h.PersonalDataDays)
	for after := int64(0); ; {
		due, next, err := h.Store.DueForErasure(ctx, before, after, 10*erasedAtOnce)
		if err != nil {
			return err
		}
		for some := range slices.Chunk(due, erasedAtOnce) {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			if _, err := h.erase(ctx, some, models.Erasure{Reason: models.ErasureTime}); err != nil {
				return err
			}
		}
		if after = next; next == 0 {
			return h.Store.EraseLate(ctx, before)
		}
	}
}

// erase erases the customers of orders. The gateway of a demo is ours, too, and comes first: what fails then is done
// again.
func (h *Handler) erase(ctx context.Context, orderIDs []int64, e models.Erasure) ([]models.Order, error) {
	ctx, cancel := context.WithTimeout(ctx, erasureTimeout)
	defer cancel()
	if h.EraseAtGateway != nil {
		invoices, err := h.Store.InvoiceNumbers(ctx, orderIDs)
		if err == nil && len(invoices) > 0 {
			err = h.EraseAtGateway(ctx, invoices)
		}
		if err != nil {
			return nil, err
		}
	}
	erased, err := h.Store.Erase(ctx, orderIDs, e)
	if len(erased) > 0 {
		h.Log.InfoContext(ctx, "customers erased", "orders", len(erased), "reason", e.Reason)
	}
	for _, o := range erased {
		h.Publish(ctx, o.Token)
	}
	return erased, err
}

// ScrubFiles removes what was erased from the database's files.
func (h *Handler) ScrubFiles(ctx context.Context) error {
	began := time.Now()
	scrubbed, err := h.Store.Scrub(ctx)
	if scrubbed {
		h.Log.InfoContext(ctx, "database scrubbed", "took", time.Since(began).Round(time.Millisecond))
	}
	return err
}

// askToErase shows what erasing the customer of an order means before it is done.
func (h *Handler) askToErase(c echo.Context) error {
	o, err := h.orderByNumber(c)
	if err != nil {
		return err
	}
	if o.ErasedAt != nil {
		return h.notErased(c, o, web.Lang(c).T("erase.already"))
	}
	return h.erasePage(c, http.StatusOK, o, views.ErasePage{})
}

// erasePage lists the customer's orders, and apart from them those that share only some details and may be somebody
// else's: nobody has chosen these yet.
func (h *Handler) erasePage(c echo.Context, status int, o models.Order, p views.ErasePage) error {
	var err error
	if p.ConsolePage, err = h.ConsolePage(c, "orders", web.Lang(c).T("erase.title", o.Number)); err != nil {
		return err
	}
	list, err := h.Store.CustomerOrders(c.Request().Context(), o)
	if err != nil {
		return fmt.Errorf("customer's orders: %w", err)
	}
	p.Number, p.Path, p.None = o.Number, web.ConsoleOrder(o.Number), true
	for i, row := range orderRows(p.Lang, list) {
		block, same := list[i].ErasureBlock(), list[i].Customer().IsSame(o.Customer())
		shown := views.ErasedOrder{OrderRow: row, Phone: list[i].CustomerPhone, Chosen: block == "" && same}
		if block != "" {
			shown.Why = p.T("erase.block." + string(block))
		} else {
			p.None = false
		}
		if same {
			p.Orders = append(p.Orders, shown)
		} else {
			p.Others = append(p.Others, shown)
		}
	}
	if len(list) == models.MaxCustomerOrders {
		p.More = p.T("erase.more", models.MaxCustomerOrders)
	}
	for _, r := range models.ErasureReasons() {
		p.Reasons = append(p.Reasons, views.DecisionChoice{Value: string(r), Name: p.T("erase.reason." + string(r)),
			Chosen: string(r) == p.Reason.Value})
	}
	return web.Render(c, status, views.Erase(p))
}

// eraseCustomer erases what was chosen of the customer's orders. It is done once: what was erased meanwhile is
// left out.
func (h *Handler) eraseCustomer(c echo.Context) error {
	o, err := h.orderByNumber(c)
	if err != nil {
		return err
	}
	if o.ErasedAt != nil {
		return h.notErased(c, o, web.Lang(c).T("erase.already"))
	}
	ctx := c.Request().Context()
	list, err := h.Store.CustomerOrders(ctx, o)
	if err != nil {
		return fmt.Errorf("customer's orders: %w", err)
	}
	form, err := c.FormParams()
	if err != nil {
		return err
	}
	var chosen []int64
	for _, order := range list {
		if slices.Contains(form["order"], order.Number) {
			chosen = append(chosen, order.ID)
		}
	}
	p, ok := h.readErasure(c, list, len(chosen))
	if !ok {
		return h.erasePage(c, http.StatusUnprocessableEntity, o, p)
	}
	why := models.Erasure{By: p.By.Value, Reason: models.ErasureReason(p.Reason.Value)}
	erased, err := h.erase(ctx, chosen, why)
	if err != nil {
		return fmt.Errorf("erase customer: %w", err)
	}
	if len(erased) == 0 {
		return h.notErased(c, o, web.Lang(c).T("erase.changed"))
	}
	h.scrub.Set()
	return c.Redirect(http.StatusSeeOther, fmt.Sprintf("%s?erased=%d", web.ConsoleOrder(o.Number), len(erased)))
}

// readErasure reads who erases and why, and says whether all of it will do.
func (h *Handler) readErasure(c echo.Context, list []models.Order, chosen int) (p views.ErasePage, ok bool) {
	l := web.Lang(c)
	p.By.Value, p.Reason.Value = web.FormText(c, "by", MaxBy), web.FormText(c, "reason", MaxReason)
	if !slices.Contains(models.ErasureReasons(), models.ErasureReason(p.Reason.Value)) {
		p.Reason.Problem = l.T("erase.bad.reason")
	}
	if !fits(p.By.Value, MaxBy) {
		p.By.Problem = l.T("cases.bad.by", MaxBy)
	}
	for _, o := range list {
		if o.Customer().IsIn(p.By.Value) {
			p.By.Problem = l.T("erase.by.customer")
		}
	}
	if chosen == 0 {
		p.Problem = l.T("erase.bad.orders")
	}
	return p, p.Reason.Problem == "" && p.By.Problem == "" && p.Problem == ""
}

func (h *Handler) notErased(c echo.Context, o models.Order, why string) error {
	return h.consoleOrderPage(c, http.StatusConflict, o, func(p *views.ConsoleOrderPage) { p.Problem = why })
}

// exportCustomer is everything that is held on the customer of an order, with all orders that are surely theirs.
func (h *Handler) exportCustomer(c echo.Context) error { return h.sendHeld(c, nil) }

// exportChosen is exportCustomer with the orders that were chosen of those that may be somebody else's.
func (h *Handler) exportChosen(c echo.Context) error {
	form, err := c.FormParams()
	if err != nil {
		return err
	}
	return h.sendHeld(c, form["order"])
}

// sendHeld sends what is held on the customer of an order. also are the numbers of orders that share only some details
// with it, of which somebody says that they are the same customer's.
func (h *Handler) sendHeld(c echo.Context, also []string) error {
	o, err := h.orderByNumber(c)
	if err != nil {
		return err
	}
	ctx := c.Request().Context()
	list := []models.Order{o}
	if o.ErasedAt == nil {
		similar, err := h.Store.CustomerOrders(ctx, o)
		if err != nil {
			return fmt.Errorf("customer's orders: %w", err)
		}
		for _, other := range similar {
			if other.ID != o.ID && (other.Customer().IsSame(o.Customer()) || slices.Contains(also, other.Number)) {
				list = append(list, other)
			}
		}
	}
	held, err := h.Store.Held(ctx, list)
	if err != nil {
		return fmt.Errorf("export customer: %w", err)
	}
	export := map[string]any{"shop": h.Shop.DisplayName(), "made_at": views.Machine(h.Now()), "held": held}
	text, err := json.MarshalIndent(export, "", "  ")
	if err != nil {
		return fmt.Errorf("export customer: %w", err)
	}
	c.Response().Header().Set(echo.HeaderContentDisposition, `attachment; filename="customer-`+o.Number+`.json"`)
	c.Response().Header().Set(echo.HeaderCacheControl, "no-store")
	h.Log.InfoContext(ctx, "customer's data exported", "order_number", o.Number, "orders", len(list))
	return c.Blob(http.StatusOK, echo.MIMEApplicationJSON, text)
}
