package handlers

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/labstack/echo/v4"

	"warungjokul/models"
	"warungjokul/views"
)

// The cart is kept by the browser, in a cookie only this shop can write. It
// holds what and how many; prices are looked up each time.
const (
	cartCookie  = "cart"
	cartAge     = 30 * 24 * time.Hour
	maxQuantity = 99
	maxLines    = 30 // keeps the cookie well below 4 KiB
)

type cart []models.Item

func (c cart) count() int64 {
	var n int64
	for _, item := range c {
		n += item.Quantity
	}
	return n
}

// with is the cart with so many of a product; none takes it out.
func (c cart) with(sku string, quantity int64) cart {
	i := slices.IndexFunc(c, func(item models.Item) bool { return item.SKU == sku })
	switch {
	case i < 0 && quantity > 0:
		return append(c, models.Item{SKU: sku, Quantity: min(quantity, maxQuantity)})
	case i >= 0 && quantity > 0:
		c[i].Quantity = min(quantity, maxQuantity)
	case i >= 0:
		return slices.Delete(c, i, i+1)
	}
	return c
}

func (c cart) quantity(sku string) int64 {
	for _, item := range c {
		if item.SKU == sku {
			return item.Quantity
		}
	}
	return 0
}

// readCart reads the cookie; one that is missing, old or not ours is an empty
// cart.
func (h *Handler) readCart(c echo.Context) cart {
	cookie, err := c.Cookie(cartCookie)
	if err != nil {
		return nil
	}
	var items cart
	if h.cookies.Decode(cartCookie, cookie.Value, &items) != nil {
		return nil
	}
	return items
}

func (h *Handler) writeCart(c echo.Context, items cart) error {
	if len(items) == 0 {
		h.setCookie(c, cartCookie, "", -1)
		return nil
	}
	value, err := h.cookies.Encode(cartCookie, items)
	if err != nil {
		return fmt.Errorf("write cart: %w", err)
	}
	h.setCookie(c, cartCookie, value, int(cartAge/time.Second))
	_, err = h.knowBrowser(c) // now, before two forms of the checkout are asked for at once
	return err
}

// setCookie has the browser keep a value for so many seconds.
func (h *Handler) setCookie(c echo.Context, name, value string, age int) {
	c.SetCookie(&http.Cookie{Name: name, Value: value, Path: "/", MaxAge: age,
		Secure: h.secure(), HttpOnly: true, SameSite: http.SameSiteLaxMode})
}

func (h *Handler) addToCart(c echo.Context) error {
	sku := c.FormValue("sku")
	quantity, ok := readQuantity(c, "1")
	if !ok || quantity == 0 {
		return echo.NewHTTPError(http.StatusUnprocessableEntity, "quantity")
	}
	products, err := h.Store.ProductsBySKU(c.Request().Context(), sku)
	if err != nil {
		return fmt.Errorf("add to cart: %w", err)
	}
	if _, ok := products[sku]; !ok {
		return echo.NewHTTPError(http.StatusUnprocessableEntity, "sku")
	}
	items := h.readCart(c)
	if len(items) >= maxLines && items.quantity(sku) == 0 {
		return echo.NewHTTPError(http.StatusUnprocessableEntity, "too many lines")
	}
	return h.cartChanged(c, items.with(sku, items.quantity(sku)+quantity))
}

func (h *Handler) changeCart(c echo.Context) error {
	quantity, ok := readQuantity(c, "")
	if !ok {
		return echo.NewHTTPError(http.StatusUnprocessableEntity, "quantity")
	}
	items := h.readCart(c)
	if items.quantity(c.Param("sku")) == 0 {
		return c.Redirect(http.StatusSeeOther, "/cart") // it is gone already
	}
	return h.cartChanged(c, items.with(c.Param("sku"), quantity))
}

func (h *Handler) cartChanged(c echo.Context, items cart) error {
	if err := h.writeCart(c, items); err != nil {
		return err
	}
	return c.Redirect(http.StatusSeeOther, "/cart")
}

// readQuantity reads the quantity of a form, 0 to 99.
func readQuantity(c echo.Context, missing string) (int64, bool) {
	value := c.FormValue("quantity")
	if value == "" {
		value = missing
	}
	n, err := strconv.ParseInt(value, 10, 64)
	return n, err == nil && n >= 0 && n <= maxQuantity
}

func (h *Handler) showCart(c echo.Context) error {
	basket, err := h.basket(c)
	if err != nil {
		return err
	}
	page := h.page(c, lang(c).T("cart.title"))
	return render(c, http.StatusOK, views.Cart(views.CartPage{
		Page: page, Lines: basket.lines, Total: views.Rupiah(basket.order.Total), Problem: basket.problem,
	}))
}

// basket is the cart as it can be ordered: priced, with what stands in the way.
type basket struct {
	order   models.Order
	lines   []views.CartLine
	problem string // why this cannot be ordered; empty when it can
}

func (h *Handler) basket(c echo.Context) (basket, error) {
	items, ctx, l := h.readCart(c), c.Request().Context(), lang(c)
	order, products, err := h.Store.DraftOrder(ctx, items)
	if err != nil {
		return basket{}, fmt.Errorf("price cart: %w", err)
	}
	b := basket{order: order}
	for _, line := range order.Lines {
		v := cartLine(l, line)
		v.URL = productURL(products[line.SKU].Slug)
		stock := products[line.SKU].Stock
		v.Less, v.More = fmt.Sprint(line.Quantity-1), fmt.Sprint(line.Quantity+1)
		if line.Quantity >= min(stock, maxQuantity) {
			v.More = ""
		}
		switch {
		case stock == 0:
			v.Problem = l.T("cart.gone")
		case stock < line.Quantity:
			v.Problem = l.T("cart.left", stock)
			v.Fix, v.FixSay = fmt.Sprint(stock), l.T("cart.fix", stock)
		case stock == line.Quantity:
			v.Remark = l.T("cart.all", stock)
		}
		if b.problem == "" && v.Problem != "" {
			b.problem = v.Name + ": " + v.Problem
		}
		b.lines = append(b.lines, v)
	}
	if b.problem == "" {
		b.problem = h.orderProblem(l, order)
	}
	return b, nil
}

// basketOf is an order's contents as the checkout shows them.
func basketOf(l views.Lang, o models.Order) basket {
	b := basket{order: o}
	for _, line := range o.Lines {
		b.lines = append(b.lines, cartLine(l, line))
	}
	return b
}

// orderProblem says why an order as a whole cannot be paid at the till.
func (h *Handler) orderProblem(l views.Lang, o models.Order) string {
	for _, line := range o.Lines {
		if line.Kind == models.KindOpen && len(o.Lines) > 1 {
			return l.T("cart.open", l.Pick(line.NameID, line.NameEN))
		}
	}
	minimum, maximum := h.Gateway.AmountLimits()
	if len(o.Lines) > 0 && (o.Total < minimum || o.Total > maximum) {
		return l.T("cart.limits", views.Rupiah(minimum), views.Rupiah(maximum), views.Rupiah(o.Total))
	}
	return ""
}

func cartLine(l views.Lang, line models.OrderLine) views.CartLine {
	return views.CartLine{
		SKU: line.SKU, Name: l.Pick(line.NameID, line.NameEN), Drawing: line.Drawing,
		Each: views.Rupiah(line.Price), Amount: views.Rupiah(line.Amount()), Quantity: fmt.Sprint(line.Quantity),
	}
}
