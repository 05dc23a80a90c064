// Package demo is what a shop with an embedded gateway has besides: the panel of the
// gateway, the guided tour, the mailbox, and the gallery of every page in every
// state. A shop that is not a demo has none of it.
package demo

import (
	"github.com/labstack/echo/v4"

	"warungjokul/handlers/web"
	"warungjokul/views"
)

// Handler serves the demo's pages. The panel is a page of the console.
type Handler struct {
	*web.App

	SignedInOnly echo.MiddlewareFunc // lets in who is signed in to the console
	ConsolePage  func(c echo.Context, section, title string) (views.ConsolePage, error)
}
