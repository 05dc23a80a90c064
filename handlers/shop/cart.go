package shop

import (
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/labstack/echo/v4"

	"warungjokul/handlers/web"
	"warungjokul/models"
	"warungjokul/views"
)

func (h *Handler) writeCart(c echo.Context, items web.Cart) error {
	if len(items) == 0 {
		h.SetCookie(c, web.CartCookie, "", -1)
		return nil
	}
	value, err := h.Cookies.Encode(web.CartCookie, items)
	if err != nil {
		return fmt.Errorf("write cart: %w", err)
	}
	h.SetCookie(c, web.CartCookie, value, int(web.CartAge/time.Second))
	_, err = h.ensureBrowser(c) // now, before two forms of the checkout are asked for at once
	return err
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
	items := h.ReadCart(c)
	if len(items) >= web.MaxLines && items.Quantity(sku) == 0 {
		return echo.NewHTTPError(http.StatusUnprocessableEntity, "too many lines")
	}
	return h.cartChanged(c, items.With(sku, items.Quantity(sku)+quantity))
}

func (h *Handler) changeCart(c echo.Context) error {
	quantity, ok := readQuantity(c, "")
	if !ok {
		return echo.NewHTTPError(http.StatusUnprocessableEntity, "quantity")
	}
	items := h.ReadCart(c)
	if items.Quantity(c.Param("sku")) == 0 {
		return c.Redirect(http.StatusSeeOther, "/cart") // it is gone already
	}
	return h.cartChanged(c, items.With(c.Param("sku"), quantity))
}

func (h *Handler) cartChanged(c echo.Context, items web.Cart) error {
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
	return n, err == nil && n >= 0 && n <= web.MaxQuantity
}

func (h *Handler) showCart(c echo.Context) error {
	basket, err := h.basket(c)
	if err != nil {
		return err
	}
	page := h.Page(c, web.Lang(c).T("cart.title"))
	return web.Render(c, http.StatusOK, views.Cart(views.CartPage{
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
	items, ctx, l := h.ReadCart(c), c.Request().Context(), web.Lang(c)
	order, products, err := h.Store.DraftOrder(ctx, items)
	if err != nil {
		return basket{}, fmt.Errorf("price cart: %w", err)
	}
	b := basket{order: order}
	for _, line := range order.Lines {
		v := web.CartLine(l, line)
		v.URL = web.ProductURL(products[line.SKU].Slug)
		stock := products[line.SKU].Stock
		v.Less, v.More = fmt.Sprint(line.Quantity-1), fmt.Sprint(line.Quantity+1)
		if line.Quantity >= min(stock, web.MaxQuantity) {
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
		b.lines = append(b.lines, web.CartLine(l, line))
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
