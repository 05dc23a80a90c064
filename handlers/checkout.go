package handlers

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/mail"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/labstack/echo/v4"

	"warungjokul/models"
	"warungjokul/views"
)

func (h *Handler) showCheckout(c echo.Context) error {
	b, err := h.basket(c)
	if err != nil {
		return err
	}
	if len(b.lines) == 0 || b.problem != "" {
		return c.Redirect(http.StatusSeeOther, "/cart")
	}
	return h.checkoutPage(c, http.StatusOK, checkoutForm{checkoutID: newID()}, b)
}

// checkoutForm is what the shopper filled in, and what is wrong with it.
type checkoutForm struct {
	checkoutID         string
	name, email, phone views.Field
	problem            string
}

func (h *Handler) checkoutPage(c echo.Context, status int, f checkoutForm, b basket) error {
	l := lang(c)
	p := views.CheckoutPage{
		Page: h.page(c, l.T("checkout.title")), CheckoutID: f.checkoutID,
		Name: f.name, Email: f.email, Phone: f.phone, Problem: f.problem,
		Lines: b.lines, Total: views.Rupiah(b.order.Total),
		Valid: l.T("checkout.valid", l.Span(h.PaymentExpiry)),
	}
	for _, line := range b.order.Lines {
		p.Goods = p.Goods || line.Kind == models.KindGoods
	}
	if h.Mail != nil {
		p.EmailHint = l.T("checkout.email.hint")
	}
	return render(c, status, views.Checkout(p))
}

// placeOrder keeps the order with its first payment, asks for the payment code
// and sends the shopper to the order's page. The order is safe before the
// gateway is spoken to: whatever happens then, the worker finishes it.
func (h *Handler) placeOrder(c echo.Context) error {
	ctx := c.Request().Context()
	form, ok := readCheckout(c)
	if form.checkoutID != "" {
		existing, err := h.Store.OrderByCheckoutID(ctx, form.checkoutID)
		if err == nil {
			return h.orderPlaced(c, existing)
		}
		if !errors.Is(err, models.ErrNotFound) {
			return fmt.Errorf("place order: %w", err)
		}
	}
	b, err := h.basket(c)
	if err != nil {
		return err
	}
	if len(b.lines) == 0 {
		return c.Redirect(http.StatusSeeOther, "/cart")
	}
	if b.problem != "" {
		form.problem, ok = b.problem, false
	}
	if !ok {
		if form.checkoutID == "" {
			form.checkoutID = newID()
		}
		return h.checkoutPage(c, http.StatusUnprocessableEntity, form, b)
	}
	return h.keepOrder(c, form, b)
}

func (h *Handler) keepOrder(c echo.Context, form checkoutForm, b basket) error {
	o := b.order
	o.CheckoutID, o.Language = form.checkoutID, string(lang(c))
	o.CustomerName, o.CustomerEmail, o.CustomerPhone = form.name.Value, form.email.Value, form.phone.Value
	placed, err := h.place(c.Request().Context(), o)
	var soldOut *models.OutOfStockError
	if errors.As(err, &soldOut) {
		form.problem = lang(c).T("checkout.soldout", nameOf(lang(c), o, soldOut.SKU))
		return h.checkoutPage(c, http.StatusUnprocessableEntity, form, b)
	}
	if err != nil {
		return err
	}
	return h.orderPlaced(c, placed)
}

// place keeps an order with its first payment, and asks for its code.
func (h *Handler) place(ctx context.Context, o models.Order) (models.Order, error) {
	payment, err := h.preparePayment(o)
	if err != nil {
		return o, fmt.Errorf("prepare payment: %w", err)
	}
	placed, fresh, err := h.Store.PlaceOrder(ctx, o, payment)
	if err != nil {
		return o, err
	}
	if fresh {
		h.metrics.placed.Inc()
		h.Log.InfoContext(ctx, "order placed", "order_number", placed.Number, "amount", placed.Total)
		h.obtainCodeSoon(ctx, placed)
	}
	return placed, nil
}

// obtainCodeSoon asks for the code of an order's new payment, which nobody else has
// sent, while the shopper waits a moment, even if they leave meanwhile. What that moment does not settle is the worker's.
func (h *Handler) obtainCodeSoon(ctx context.Context, o models.Order) {
	p := o.Payment()
	p.Order = &o
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), checkoutPatience)
	defer cancel()
	h.obtainCode(ctx, p, prepared(p).NeverSent())
}

// orderPlaced empties the cart and shows the order.
func (h *Handler) orderPlaced(c echo.Context, o models.Order) error {
	if err := h.writeCart(c, nil); err != nil {
		return err
	}
	return c.Redirect(http.StatusSeeOther, orderPath(o.Token))
}

func nameOf(l views.Lang, o models.Order, sku string) string {
	for _, line := range o.Lines {
		if line.SKU == sku {
			return l.Pick(line.NameID, line.NameEN)
		}
	}
	return sku
}

// phoneNumber is what is left of a phone number without its decoration.
var (
	phoneNumber = regexp.MustCompile(`^\+?[0-9]{8,15}$`)
	decoration  = strings.NewReplacer(" ", "", "-", "", ".", "", "(", "", ")", "")
)

// readCheckout reads the form and says whether all of it will do.
func readCheckout(c echo.Context) (checkoutForm, bool) {
	l := lang(c)
	f := checkoutForm{
		checkoutID: strings.TrimSpace(c.FormValue("checkout_id")),
		name:       views.Field{Value: strings.Join(strings.Fields(c.FormValue("name")), " ")},
		email:      views.Field{Value: strings.TrimSpace(c.FormValue("email"))},
		phone:      views.Field{Value: strings.TrimSpace(c.FormValue("phone"))},
	}
	if n := utf8.RuneCountInString(f.name.Value); n < 1 || n > 64 || !utf8.ValidString(f.name.Value) ||
		!strings.ContainsFunc(f.name.Value, unicode.IsLetter) || strings.ContainsFunc(f.name.Value, unicode.IsControl) {
		f.name.Problem = l.T("checkout.bad.name")
	}
	if !validEmail(f.email.Value) {
		f.email.Problem = l.T("checkout.bad.email")
	}
	if !phoneNumber.MatchString(decoration.Replace(f.phone.Value)) {
		f.phone.Problem = l.T("checkout.bad.phone")
	}
	if n := len(f.checkoutID); n < 1 || n > 64 || strings.ContainsFunc(f.checkoutID, unicode.IsControl) {
		f.checkoutID, f.problem = "", l.T("checkout.bad.form")
	}
	return f, f.problem == "" && f.name.Problem == "" && f.email.Problem == "" && f.phone.Problem == ""
}

// validEmail takes plain addresses with a dotted domain, in ASCII: the gateway
// takes no others.
func validEmail(s string) bool {
	address, err := mail.ParseAddress(s)
	if err != nil || address.Address != s || len(s) > 128 {
		return false
	}
	_, domain, _ := strings.Cut(s, "@")
	return strings.Contains(domain, ".") && !strings.ContainsFunc(s, func(r rune) bool { return r > unicode.MaxASCII })
}
