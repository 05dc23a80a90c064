package demo

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/labstack/echo/v4"

	"warungjokul/handlers/web"
	"warungjokul/models"
	"warungjokul/payments/requestid"
	"warungjokul/views"
)

// The tour tells the story of a payment in six steps, each of which really
// happens: an order through the checkout, a code, the till, the notification,
// paid, and a second order whose notification gets lost. The shopper's page and
// the till stand beside each other in frames.
const (
	TourCookie = "tour"
	tourSteps  = 6
)

// TourPath is where a step of the tour is.
func TourPath(step int) string { return "/tour?step=" + strconv.Itoa(step) }

func toStep(c echo.Context, step int) error {
	return c.Redirect(http.StatusSeeOther, TourPath(step))
}

// StepOf reads which step is asked for.
func StepOf(value string) int {
	step, err := strconv.Atoi(value)
	if err != nil {
		return 1
	}
	return min(max(step, 1), tourSteps)
}

// reachable is the step itself, or the one that has to come first.
func reachable(step int, s scene) int {
	switch {
	case step == 1, step == tourSteps:
		return step
	case !s.begun():
		return 1
	case step > 3 && !s.pocketed():
		return 3
	case step > 4 && !s.paid():
		return 4
	}
	return step
}

func (h *Handler) showTour(c echo.Context) error {
	step := StepOf(c.QueryParam("step"))
	s, err := h.sceneOf(c, step)
	if err != nil {
		return err
	}
	if furthest := reachable(step, s); furthest != step {
		return toStep(c, furthest)
	}
	p, err := h.viewTour(c, step, s)
	if err != nil {
		return err
	}
	c.Response().Header().Set("Content-Security-Policy", web.Policy+strings.TrimSuffix("; frame-src 'self' "+h.TillURL, " "))
	return web.Render(c, http.StatusOK, views.Tour(p))
}

func (h *Handler) viewTour(c echo.Context, step int, s scene) (views.TourPage, error) {
	l := web.Lang(c)
	act := actOf(step, s)
	key := "tour." + act
	p := views.TourPage{
		Page: h.Page(c, l.T("tour.title")), Step: step, Act: act,
		Heading: l.T(key), Text: l.T(key + ".text"), Go: l.T(key + ".go"),
		Shop: fmt.Sprint("/tour/shop?step=", step), Till: fmt.Sprint("/tour/till?step=", step),
	}
	p.Console, p.Private = true, true
	p.Links = map[views.Lang]string{}
	for _, each := range views.Langs() {
		p.Links[each] = TourPath(step) + "&lang=" + string(each)
	}
	if s.begun() && step > 1 {
		p.Inspect = "/console/orders/" + s.order.Number
	}
	f, err := h.faults(c.Request().Context())
	if err != nil {
		return p, fmt.Errorf("tour: %w", err)
	}
	p.Misbehaves = said(f["answer"])+said(f["notify"]) != ""
	p.Wire, err = h.tourWire(c.Request().Context(), l, act, s)
	return p, err
}

// actOf is what is played in a step: four of them have two sides, before and
// after the thing has happened.
func actOf(step int, s scene) string {
	switch step {
	case 1:
		return "order"
	case 2:
		return "code"
	case 3:
		return "till"
	case 4:
		if s.paid() {
			return "told"
		}
		return "held"
	case 5:
		return "paid"
	}
	switch {
	case !s.pocketed():
		return "lose"
	case s.paid():
		return "found"
	}
	return "lost"
}

// tourWire is what has just gone over the wire, in one sentence.
func (h *Handler) tourWire(ctx context.Context, l views.Lang, act string, s scene) (string, error) {
	if !s.begun() || act == "order" {
		return l.T("wire.none"), nil
	}
	payment := s.order.Payment()
	invoices := []string{payment.InvoiceNumber}
	switch act {
	case "held":
		return l.T("wire.held", views.Rupiah(payment.Amount), h.NotificationPath), nil
	case "till":
		return l.T("wire.till", strings.Join(views.Fours(payment.Code), " "), views.Rupiah(payment.Amount)), nil
	case "lost":
		return l.T("wire.lost", views.Rupiah(payment.Amount)), nil
	case "told", "paid":
		notifications, err := h.Store.NotificationsAbout(ctx, invoices)
		if err != nil || len(notifications) == 0 {
			return "", err
		}
		last := notifications[len(notifications)-1]
		return l.T("wire.told", h.NotificationPath, last.TransactionStatus, max(1, last.Duration.Milliseconds())), nil
	}
	calls, err := h.Store.APICallsOf(ctx, s.order)
	calls = slices.DeleteFunc(calls, func(x models.APICall) bool { return x.StringToSign == "" }) // how to pay is not asked signed
	if err != nil || len(calls) == 0 {
		return "", err
	}
	last := calls[len(calls)-1]
	address, err := url.Parse(last.URL)
	if err != nil {
		return "", err
	}
	if !last.Verified {
		return l.T("wire.doubtful", last.Method, address.Path), nil
	}
	return l.T("wire.asked", last.Method, address.Path, last.Status, max(1, last.Duration.Milliseconds())), nil
}

// goOn does what a step's button says, and shows what came of it. Pressed twice,
// it finds the thing done.
func (h *Handler) goOn(c echo.Context) error {
	ctx, step := c.Request().Context(), StepOf(c.FormValue("step"))
	s, err := h.sceneOf(c, step)
	if err != nil {
		return err
	}
	switch step {
	case 1:
		err = h.tourOrder(c, &s, func(t *tour, token string) { t.First = token })
	case 3:
		err = h.pocket(ctx, s, "late")
	case 4:
		err = h.letGo(ctx, s)
	case 6:
		return h.loseOrFind(c, s)
	}
	if err != nil {
		return fmt.Errorf("tour: %w", err)
	}
	return toStep(c, step+1)
}

// loseOrFind is the last step: an order whose notification never comes, and then
// the question that finds its money.
func (h *Handler) loseOrFind(c echo.Context, s scene) error {
	ctx := c.Request().Context()
	err := h.tourOrder(c, &s, func(t *tour, token string) { t.Second = token })
	switch {
	case err != nil:
	case s.pocketed():
		_, err = h.Payments.CheckOrder(ctx, s.order)
	default:
		err = h.pocket(ctx, s, "none")
	}
	if err != nil {
		return fmt.Errorf("tour: %w", err)
	}
	return toStep(c, tourSteps)
}

// pocket has the till take the money, its notification held back or lost. Money
// that somebody has paid by hand is there already.
func (h *Handler) pocket(ctx context.Context, s scene, notify string) error {
	if s.pocketed() || s.order.Payment().Code == "" {
		return nil
	}
	err := h.act(ctx, s.order.Payment().Code, "pay", notify)
	if errors.Is(err, errNotPossible) {
		return nil
	}
	return err
}

// letGo sends the notifications that are held back.
func (h *Handler) letGo(ctx context.Context, s scene) error {
	for _, id := range s.held {
		if err := h.resend(ctx, id); err != nil && !errors.Is(err, errNotPossible) {
			return err
		}
	}
	return nil
}

// tourOrder places an order as the checkout does, unless there is one.
func (h *Handler) tourOrder(c echo.Context, s *scene, remember func(*tour, string)) error {
	if s.begun() {
		return nil
	}
	ctx := c.Request().Context()
	product, err := h.tourProduct(ctx)
	if err != nil {
		return err
	}
	o, _, err := h.Store.DraftOrder(ctx, []models.Item{{SKU: product.SKU, Quantity: 1}})
	if err != nil {
		return err
	}
	o.FormID, o.Language = requestid.New(h.Now()), string(web.Lang(c))
	o.CustomerName, o.CustomerEmail, o.CustomerPhone = "Siti Rahma", "siti@example.com", "081234567890"
	if s.order, _, err = h.Payments.PlaceOrder(ctx, o); err != nil {
		return err
	}
	t := h.readTour(c)
	remember(&t, s.order.Token)
	if err := h.writeTour(c, t); err != nil {
		return err
	}
	placed, err := h.scene(ctx, s.order.Token)
	*s = placed
	return err
}

// tourProduct is the first thing in the catalogue that there is one of.
func (h *Handler) tourProduct(ctx context.Context) (models.Product, error) {
	products, err := h.Store.Products(ctx, "", "")
	if err != nil {
		return models.Product{}, err
	}
	least, most := h.Gateway.AmountLimits()
	i := slices.IndexFunc(products, func(p models.Product) bool {
		return p.Kind == models.KindGoods && p.Stock > 0 && p.Price >= least && p.Price <= most
	})
	if i < 0 {
		return models.Product{}, models.ErrNotFound
	}
	return products[i], nil
}

// startOver forgets the tour's orders, sends what was held back of them, and has
// the gateway behave.
func (h *Handler) startOver(c echo.Context) error {
	ctx := c.Request().Context()
	if err := h.clearFaults(ctx); err != nil {
		return fmt.Errorf("tour: %w", err)
	}
	for _, step := range []int{1, tourSteps} {
		s, err := h.sceneOf(c, step)
		if err == nil {
			err = h.letGo(ctx, s)
		}
		if err != nil {
			return fmt.Errorf("tour: %w", err)
		}
	}
	if err := h.writeTour(c, tour{}); err != nil {
		return err
	}
	return toStep(c, 1)
}

// tourShop is the shopper's page of a step: the tour's own page need not know
// the order's token.
func (h *Handler) tourShop(c echo.Context) error {
	step := StepOf(c.QueryParam("step"))
	s, err := h.sceneOf(c, step)
	if err != nil {
		return err
	}
	if step > 1 && s.begun() {
		return frame(c, web.OrderPath(s.order.Token))
	}
	product, err := h.tourProduct(c.Request().Context())
	if errors.Is(err, models.ErrNotFound) {
		return frame(c, "/")
	}
	if err != nil {
		return err
	}
	return frame(c, web.ProductURL(product.Slug))
}

// tourTill is the till of a step: idle, with the code typed in, or with its
// receipt.
func (h *Handler) tourTill(c echo.Context) error {
	step := StepOf(c.QueryParam("step"))
	s, err := h.sceneOf(c, step)
	if err != nil {
		return err
	}
	query := url.Values{"lang": {string(web.Lang(c))}}
	switch {
	case step >= 4 && s.pocketed():
		query.Set("receipt", s.account.Payments[len(s.account.Payments)-1].TransactionID)
	case step >= 3 && s.begun():
		query.Set("payment_code", s.order.Payment().Code)
	}
	return frame(c, h.TillURL+"/simulator?"+query.Encode())
}

func frame(c echo.Context, address string) error {
	c.Response().Header().Set("Cache-Control", "no-store")
	return c.Redirect(http.StatusSeeOther, address)
}
