// Package shop is what shoppers see: the catalogue, the cart, the checkout, the
// order's page in every state, and the mails about it.
package shop

import (
	"context"

	"github.com/labstack/echo/v4"

	"warungjokul/handlers/web"
	"warungjokul/models"
)

// Handler serves shoppers.
type Handler struct {
	*web.App

	// MayInspect reports whether an order's page leads to what happened underneath.
	MayInspect func(echo.Context) bool

	forms    forms
	products web.Cache[[]models.Product]
	pages    web.Cache[cachedPage]
	orders   pageCache
}

// New returns the shop's Handler. Checkout forms are signed with the shop's own
// key, so that every process on one database reads what another has issued.
func New(ctx context.Context, app *web.App, mayInspect func(echo.Context) bool) (*Handler, error) {
	key, err := app.Store.Key(ctx, "forms")
	if err != nil {
		return nil, err
	}
	return &Handler{App: app, MayInspect: mayInspect, forms: forms{key},
		products: web.Cache[[]models.Product]{Now: app.Now}, pages: web.Cache[cachedPage]{Now: app.Now}}, nil
}
