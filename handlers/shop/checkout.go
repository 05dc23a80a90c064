package shop

import (
	"errors"
	"fmt"
	"net/http"
	"net/mail"
	"regexp"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/labstack/echo/v4"

	"warungjokul/handlers/web"
	"warungjokul/models"
	"warungjokul/payments/requestid"
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
	return h.checkoutPage(c, http.StatusOK, checkoutForm{}, b)
}

// checkoutForm is what the shopper filled in, and what is wrong with it.
type checkoutForm struct {
	id                 string // issued by this shop for this browser; empty when the form has none that is
	stale              string // why the form places no order; empty when it does
	name, email, phone views.Field
	problem            string // with the order as a whole
	limit              string // on unpaid orders, that the order is over
}

func (f checkoutForm) complete() bool {
	return f.name.Problem == "" && f.email.Problem == "" && f.phone.Problem == ""
}

func (f checkoutForm) customer() models.Customer {
	return models.Customer{Name: f.name.Value, Email: f.email.Value, Phone: f.phone.Value}
}

// checkoutPage shows the form. One that is stale, or new, gets an ID to place an order with.
func (h *Handler) checkoutPage(c echo.Context, status int, f checkoutForm, b basket) error {
	l := web.Lang(c)
	if f.id == "" || f.stale != "" {
		f.id = requestid.New(h.Now())
	}
	browser, err := h.ensureBrowser(c)
	if err != nil {
		return err
	}
	p := views.CheckoutPage{
		Page: h.Page(c, l.T("checkout.title")), CheckoutID: h.forms.issue(browser, f.id), Stale: f.stale,
		Name: f.name, Email: f.email, Phone: f.phone, Problem: f.problem, Limit: f.limit,
		Lines: b.lines, Total: views.Rupiah(b.order.Total),
		Valid: l.T("checkout.valid", l.Span(h.PaymentExpiry)), EmailHint: l.T("checkout.email.hint"), Privacy: h.privacyNotice(l),
	}
	for _, line := range b.order.Lines {
		p.Goods = p.Goods || line.Kind == models.KindGoods
	}
	if h.Mail != nil {
		p.EmailHint = l.T("checkout.email.mail")
	}
	return web.Render(c, status, views.Checkout(p))
}

// placeOrder saves the order with its first payment, asks for the payment code
// and sends the shopper to the order's page. The order is safe before the
// gateway is spoken to: whatever happens then, the worker finishes it.
//
// The same form with the same cart is the same order, and with another cart
// another order. The cart is emptied only where the order holds what is in it.
func (h *Handler) placeOrder(c echo.Context) error {
	form := h.readCheckout(c)
	b, err := h.basket(c)
	if err != nil {
		return err
	}
	if form.id != "" {
		placed, err := h.Store.OrderByForm(c.Request().Context(), form.id, b.order.Lines)
		if err == nil {
			return h.placedBefore(c, form, placed, b)
		}
		if !errors.Is(err, models.ErrNotFound) {
			return fmt.Errorf("place order: %w", err)
		}
	}
	if len(b.lines) == 0 {
		return c.Redirect(http.StatusSeeOther, "/cart")
	}
	form.problem = b.problem
	if form.stale != "" || form.problem != "" || !form.complete() {
		return h.checkoutPage(c, http.StatusUnprocessableEntity, form, b)
	}
	return h.saveOrder(c, form, b)
}

func (h *Handler) saveOrder(c echo.Context, form checkoutForm, b basket) error {
	o := b.order
	o.FormID, o.Language, o.Client = form.id, string(web.Lang(c)), h.placer(c)
	o.CustomerName, o.CustomerEmail, o.CustomerPhone = form.name.Value, form.email.Value, form.phone.Value
	placed, fresh, err := h.Payments.PlaceOrder(c.Request().Context(), o)
	var soldOut *models.OutOfStockError
	if errors.As(err, &soldOut) {
		form.problem = web.Lang(c).T("checkout.soldout", nameOf(web.Lang(c), o, soldOut.SKU))
		return h.checkoutPage(c, http.StatusUnprocessableEntity, form, b)
	}
	if over, ok := h.limitOf(c.Request().Context(), web.Lang(c), o, err); ok {
		return h.limitPage(c, form, b, over)
	}
	if err != nil {
		return err
	}
	if !fresh { // the same form came at the same moment, perhaps with other details
		return h.placedBefore(c, form, placed, b)
	}
	return h.orderPlaced(c, placed, b)
}

// placedBefore answers a form that has placed its order before. While that waits
// to be paid it takes a correction of who orders; once it is over its page says
// what became of it.
func (h *Handler) placedBefore(c echo.Context, form checkoutForm, o models.Order, b basket) error {
	if o.Status != models.OrderAwaitingPayment || o.Customer() == form.customer() {
		return h.orderPlaced(c, o, b)
	}
	if !form.complete() {
		form.stale = ""
		return h.checkoutPage(c, http.StatusUnprocessableEntity, form, basketOf(web.Lang(c), o))
	}
	ctx := c.Request().Context()
	corrected, err := h.Store.CorrectCustomer(ctx, o.ID, form.customer())
	if over, ok := h.limitOf(ctx, web.Lang(c), o, err); ok {
		return h.limitPage(c, form, basketOf(web.Lang(c), o), over)
	}
	if err != nil {
		return err
	}
	if corrected {
		h.Log.InfoContext(ctx, "customer corrected", "order_number", o.Number)
		h.MailDue.Set()
	}
	return h.orderPlaced(c, o, b)
}

// orderPlaced shows the order. A cart that came with the form holds what the
// order does, and is emptied, unless the order is over: then it was filled anew.
func (h *Handler) orderPlaced(c echo.Context, o models.Order, b basket) error {
	if len(b.lines) > 0 && o.Status == models.OrderAwaitingPayment {
		if err := h.writeCart(c, nil); err != nil {
			return err
		}
	}
	return c.Redirect(http.StatusSeeOther, web.OrderPath(o.Token))
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

// readCheckout reads the form.
func (h *Handler) readCheckout(c echo.Context) checkoutForm {
	l := web.Lang(c)
	f := checkoutForm{
		name:  views.Field{Value: web.FormText(c, "name", web.MaxName)},
		email: views.Field{Value: web.FormText(c, "email", web.MaxEmail)},
		phone: views.Field{Value: web.FormText(c, "phone", web.MaxPhone)},
	}
	if utf8.RuneCountInString(f.name.Value) > web.MaxName || !strings.ContainsFunc(f.name.Value, unicode.IsLetter) ||
		strings.ContainsRune(f.name.Value, utf8.RuneError) {
		f.name.Problem = l.T("checkout.bad.name")
	} else if holdsAddress(f.name.Value) {
		f.name.Problem = l.T("limit.name")
	}
	if !validEmail(f.email.Value) {
		f.email.Problem = l.T("checkout.bad.email")
	}
	if !phoneNumber.MatchString(decoration.Replace(f.phone.Value)) {
		f.phone.Problem = l.T("checkout.bad.phone")
	}
	issued := time.Time{}
	if browser, ok := h.browser(c); ok {
		f.id, issued = h.forms.read(browser, strings.TrimSpace(c.FormValue("checkout_id")))
	}
	if h.Now().Sub(issued) > FormAge {
		f.stale = l.T("checkout.bad.form")
	}
	return f
}

// validEmail takes plain addresses at a domain that has a name, in ASCII: the gateway takes no others. An address in
// place of the domain may be one of our own network, and a % before the @ asks a server to send a mail on.
func validEmail(s string) bool {
	address, err := mail.ParseAddress(s)
	if err != nil || address.Address != s || len(s) > web.MaxEmail {
		return false
	}
	name, domain, _ := strings.Cut(s, "@")
	return !strings.ContainsAny(name, "%!") && domainName.MatchString(domain) && !strings.ContainsFunc(s, func(r rune) bool { return r > unicode.MaxASCII })
}

// domainName is a name of labels in letters, digits and hyphens, of which the last has a letter first.
var domainName = regexp.MustCompile(`^(?i:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.)+(?i:[a-z](?:[a-z0-9-]*[a-z0-9]))$`)
