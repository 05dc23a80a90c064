package shop

import (
	"context"
	"fmt"
	"net/url"
	"slices"

	"github.com/a-h/templ"
	"github.com/labstack/echo/v4"

	"warungjokul/handlers/web"
	"warungjokul/models"
	"warungjokul/views"
)

// few is when a stock is worth mentioning in the catalogue.
const few = 10

// catalogue is all there is to buy, as it was a moment ago.
func (h *Handler) catalogue(ctx context.Context) ([]models.Product, error) {
	return h.products.Get(ctx, "", func(ctx context.Context) ([]models.Product, error) {
		return h.Store.Products(ctx, "", "")
	})
}

func (h *Handler) showCatalogue(c echo.Context) error {
	return h.publicPage(c, func(ctx context.Context) (templ.Component, error) {
		query, cut := web.SearchQuery(c.QueryParam("q"))
		category := models.Category(c.QueryParam("category"))
		products, err := h.catalogue(ctx)
		if err != nil {
			return nil, fmt.Errorf("catalogue: %w", err)
		}
		page := h.viewCatalogue(c, query, category, models.Matching(products, query, category))
		if cut {
			page.Notice = page.T("catalogue.cut", query)
		}
		return views.Catalogue(page), nil
	})
}

func (h *Handler) viewCatalogue(c echo.Context, query string, category models.Category, products []models.Product) views.CataloguePage {
	p := views.CataloguePage{Page: h.Page(c, ""), Home: query == "" && category == ""}
	p.Search = query
	p.Heading = p.T("catalogue.title")
	p.Categories = []views.CategoryLink{{URL: "/", Name: p.T("catalogue.all"), Current: p.Home}}
	for _, each := range models.Categories() {
		link := categoryLink(p.Lang, each)
		link.Current = each == category
		if link.Current {
			p.Heading = link.Name
		}
		p.Categories = append(p.Categories, link)
	}
	if query != "" {
		p.Heading = p.T("catalogue.found", query)
	}
	p.Title = p.Heading
	for _, product := range products {
		p.Cards = append(p.Cards, card(p.Lang, product))
	}
	return p
}

func isCategory(name string) bool { return slices.Contains(models.Categories(), models.Category(name)) }

func (h *Handler) showProduct(c echo.Context) error {
	return h.publicPage(c, func(ctx context.Context) (templ.Component, error) {
		products, err := h.catalogue(ctx)
		if err != nil {
			return nil, fmt.Errorf("product: %w", err)
		}
		i := slices.IndexFunc(products, func(p models.Product) bool { return p.Slug == c.Param("slug") })
		if i < 0 {
			return nil, fmt.Errorf("product: %w", models.ErrNotFound)
		}
		return views.Product(h.viewProduct(c, products[i], products)), nil
	})
}

func (h *Handler) viewProduct(c echo.Context, product models.Product, products []models.Product) views.ProductPage {
	p := views.ProductPage{Page: h.Page(c, "")}
	p.Title = p.Lang.Pick(product.NameID, product.NameEN)
	p.Name, p.Text = p.Title, p.Lang.Pick(product.TextID, product.TextEN)
	p.SKU, p.Price, p.Drawing = product.SKU, views.Rupiah(product.Price), product.Drawing
	p.Category = categoryLink(p.Lang, product.Category)
	p.Remark, p.Goods = remark(p.Lang, product.Kind), product.Kind == models.KindGoods
	p.Related = related(p.Lang, product, products)
	p.Stock = p.T("product.stock", product.Stock)
	switch {
	case product.Stock == 0:
		p.Stock = p.T("product.soldout")
	case product.Stock < few:
		p.Stock = p.T("product.last", product.Stock)
	}
	if product.Stock > 0 {
		p.Max = fmt.Sprint(min(product.Stock, web.MaxQuantity))
	}
	return p
}

// related are a few others of a product's category that can be had.
func related(l views.Lang, product models.Product, products []models.Product) []views.Card {
	const most = 4
	var cards []views.Card
	for _, other := range products {
		if other.Category == product.Category && other.ID != product.ID && other.Stock > 0 && len(cards) < most {
			cards = append(cards, card(l, other))
		}
	}
	return cards
}

func card(l views.Lang, product models.Product) views.Card {
	v := views.Card{
		URL:     web.ProductURL(product.Slug),
		Name:    l.Pick(product.NameID, product.NameEN),
		Price:   views.Rupiah(product.Price),
		Drawing: product.Drawing,
		SoldOut: product.Stock == 0,
	}
	switch {
	case v.SoldOut:
		v.Tag = l.T("product.soldout")
	case product.Stock < few:
		v.Tag = l.T("product.last", product.Stock)
	case product.Kind == models.KindOpen:
		v.Tag = l.T("product.open")
	}
	return v
}

func remark(l views.Lang, kind models.ProductKind) string {
	switch kind {
	case models.KindOpen:
		return l.T("product.open")
	case models.KindVoucher:
		return l.T("product.voucher")
	}
	return ""
}

func categoryLink(l views.Lang, category models.Category) views.CategoryLink {
	return views.CategoryLink{
		URL:  "/?category=" + url.QueryEscape(string(category)),
		Name: l.T("category." + string(category)),
	}
}
