package console

import (
	"cmp"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/labstack/echo/v4"

	"warungjokul/handlers/web"
	"warungjokul/models"
	"warungjokul/views"
)

const lowStock = 5

func stockLine(l views.Lang, p models.Product) views.StockLine {
	stock := strconv.FormatInt(p.Stock, 10)
	s := views.StockLine{SKU: p.SKU, Name: l.Pick(p.NameID, p.NameEN), Drawing: p.Drawing, Price: views.Rupiah(p.Price), Stock: stock, Seen: stock}
	switch {
	case p.Stock == 0:
		s.Tag, s.SoldOut = l.T("product.soldout"), true
	case p.Stock <= lowStock:
		s.Tag = l.T("product.last", p.Stock)
	}
	return s
}

// heldStock is what unpaid orders hold, by SKU.
type heldStock map[string]models.HeldStock

func (h *Handler) heldStock(c echo.Context) (heldStock, error) {
	list, err := h.Store.HeldStock(c.Request().Context())
	if err != nil {
		return nil, fmt.Errorf("held stock: %w", err)
	}
	held := heldStock{}
	for _, p := range list {
		held[p.SKU] = p
	}
	return held, nil
}

// line is a product's stock with the share of it that unpaid orders hold.
func (h heldStock) line(l views.Lang, p models.Product) views.StockLine {
	line := stockLine(l, p)
	if held := h[p.SKU]; held.Held > 0 {
		line.Held = l.T("stock.held", l.Count(held.Held), l.Percent(held.Held, held.Held+held.Stock))
		line.MostHeld = 2*held.Held >= held.Held+held.Stock
	}
	return line
}

func (h *Handler) showStock(c echo.Context) error {
	return h.stockPage(c, http.StatusOK, func(p *views.StockPage) {
		for _, line := range p.Lines {
			if line.SKU == c.QueryParam("saved") {
				p.Notice = p.T("stock.saved", line.Name, line.Stock)
			}
		}
	})
}

func (h *Handler) stockPage(c echo.Context, status int, change func(*views.StockPage)) error {
	frame, err := h.ConsolePage(c, "stock", web.Lang(c).T("console.stock"))
	if err != nil {
		return err
	}
	products, err := h.Store.Products(c.Request().Context(), "", "")
	if err != nil {
		return fmt.Errorf("stock: %w", err)
	}
	held, err := h.heldStock(c)
	if err != nil {
		return err
	}
	p := views.StockPage{ConsolePage: frame, Max: strconv.Itoa(models.MaxStock)}
	for _, product := range products {
		p.Lines = append(p.Lines, held.line(p.Lang, product))
	}
	change(&p)
	return web.Render(c, status, views.Stock(p))
}

// setStock sets a product's stock to what was written, if nobody changed it
// since the form was opened. Who was overtaken gets the form back with the
// difference they meant put on top of what is there now.
func (h *Handler) setStock(c echo.Context) error {
	sku := c.FormValue("sku")
	seen, err := strconv.ParseInt(c.FormValue("seen"), 10, 64)
	wanted, err2 := strconv.ParseInt(strings.TrimSpace(c.FormValue("stock")), 10, 64)
	if err = cmp.Or(err, err2); err != nil || wanted < 0 || wanted > models.MaxStock {
		return h.stockProblem(c, http.StatusUnprocessableEntity, sku, c.FormValue("stock"), func(p *views.StockPage, name string) string {
			return p.T("stock.bad", name, p.Lang.Count(models.MaxStock))
		})
	}
	product, changed, err := h.Store.SetStock(c.Request().Context(), sku, seen, wanted)
	if err != nil {
		return fmt.Errorf("set stock: %w", err)
	}
	if changed {
		h.Log.InfoContext(c.Request().Context(), "stock set", "sku", sku, "from", seen, "to", wanted)
		return c.Redirect(http.StatusSeeOther, "/console/stock?"+url.Values{"saved": {sku}}.Encode()+"#"+url.PathEscape(sku))
	}
	meant := strconv.FormatInt(max(product.Stock+wanted-seen, 0), 10)
	return h.stockProblem(c, http.StatusConflict, sku, meant, func(p *views.StockPage, name string) string {
		return p.T("stock.moved", name, p.Lang.Count(product.Stock))
	})
}

func (h *Handler) stockProblem(c echo.Context, status int, sku, written string, problem func(*views.StockPage, string) string) error {
	return h.stockPage(c, status, func(p *views.StockPage) {
		for i := range p.Lines {
			if line := &p.Lines[i]; line.SKU == sku {
				line.Problem, line.Stock = true, written
				p.Problem = problem(p, line.Name)
			}
		}
	})
}
