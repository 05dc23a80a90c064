// Package handlers is the shop over HTTP. This file wires the rooms together and
// serves them:
//
//	web      what the rooms share
//	shop     what shoppers see
//	console  what merchants see
//	demo     what a shop with an embedded gateway has besides
//
// The payment flow is in package payments.
package handlers

import (
	"context"
	"net/http"

	"github.com/klauspost/compress/gzhttp"
	"github.com/klauspost/compress/gzip"
	"github.com/labstack/echo/v4"

	"warungjokul/handlers/console"
	"warungjokul/handlers/demo"
	"warungjokul/handlers/shop"
	"warungjokul/handlers/web"
	"warungjokul/static"
)

// Handler is the shop: an http.Handler, and the worker behind it.
type Handler struct {
	*web.App
	shop    *shop.Handler
	console *console.Handler
	demo    *demo.Handler // nil where the shop is no demo
	echo    *echo.Echo
	serve   http.Handler // echo, with its answers compressed
}

// New builds the shop.
func New(ctx context.Context, c web.Config) (*Handler, error) {
	app, err := web.New(ctx, c)
	if err != nil {
		return nil, err
	}
	h := &Handler{App: app}
	if h.console, err = console.New(ctx, app); err != nil {
		return nil, err
	}
	if h.shop, err = shop.New(ctx, app, h.console.MayInspect); err != nil {
		return nil, err
	}
	return h, h.route()
}

// route builds the router and puts the middleware around it. Pages that a cache holds compressed pass the compression
// as they are.
func (h *Handler) route() error {
	h.echo = h.routes()
	h.echo.Use(h.AllMiddleware())
	compress, err := gzhttp.NewWrapper(gzhttp.CompressionLevel(gzip.BestSpeed), gzhttp.EnableZstd(false))
	if err != nil {
		return err
	}
	h.serve = compress(h.echo)
	return nil
}

// ServeHTTP serves the shop.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) { h.serve.ServeHTTP(w, r) }

// ConsolePath is where the console is: the path of the one-time link, where it is
// opened by one.
func (h *Handler) ConsolePath() string { return h.console.ConsolePath() }

// Close ends the open event streams, which would otherwise hold a stop up.
func (h *Handler) Close() { h.Streams.Close() }

// routes lists every address of the shop. Each room lists its own.
func (h *Handler) routes() *echo.Echo {
	e := echo.New()
	e.HTTPErrorHandler = h.ShowError
	e.IPExtractor = h.Proxies.ClientAddress()

	h.shop.Routes(e)
	if h.NotificationPath != "" {
		e.POST(h.NotificationPath, h.receiveNotification)
	}
	staff := h.console.Routes(e)
	if h.Demo() {
		h.demo = &demo.Handler{App: h.App, SignedInOnly: h.console.SignedInOnly, ConsolePage: h.console.ConsolePage}
		h.console.EraseAtGateway = h.demo.EraseAtSandbox
		h.demo.Routes(e, staff)
	}

	e.GET("/healthz", func(c echo.Context) error { return c.String(http.StatusOK, web.Healthy) })
	e.GET("/readyz", h.Ready)
	e.GET("/favicon.ico", func(c echo.Context) error {
		return c.Redirect(http.StatusFound, static.URL("drawings/favicon.svg"))
	})
	e.GET(web.StaticRoute, echo.NotFoundHandler) // the middleware has answered before
	h.metricsRoutes(e)
	web.AnswerHead(e)
	return e
}

// metricsRoutes serves the metrics where OpsHandler does not: to everybody in a demo, otherwise to signed-in staff.
func (h *Handler) metricsRoutes(e *echo.Echo) {
	const ofConsole = "/console/metrics"
	serve := echo.WrapHandler(http.HandlerFunc(h.ServeMetrics))
	switch {
	case h.MetricsElsewhere:
	case h.Demo():
		e.GET("/metrics", serve)
	default:
		e.GET("/metrics", func(c echo.Context) error { return c.Redirect(http.StatusSeeOther, ofConsole) })
		e.GET(ofConsole, serve, h.console.SignedInOnly)
	}
}

// RouteAt returns the route of the shop that a path is on, whatever its method, and empty when it is on none. The
// Notification URL must be on none: the one of the two that is declared later would win.
func RouteAt(path string) string {
	app := &web.App{Config: web.Config{SandboxURL: "http://a.demo.has.all.pages", Till: http.NotFoundHandler()}}
	h := &Handler{App: app, shop: &shop.Handler{App: app}, console: &console.Handler{App: app}}
	e := h.routes()
	c := e.NewContext(nil, nil)
	e.Router().Find(http.MethodPost, path, c)
	return c.Path()
}
