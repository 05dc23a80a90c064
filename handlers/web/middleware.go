package web

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/labstack/echo/v4/middleware"
	"golang.org/x/time/rate"

	"warungjokul/models"
	"warungjokul/static"
)

// AnswerHead has every route that answers GET answer HEAD alike. The server sends no body then, whatever a handler
// writes. Other methods are answered by Echo: 405 with what is allowed, OPTIONS with the same and no body.
func AnswerHead(e *echo.Echo) {
	for _, route := range e.Routes() {
		if route.Method != http.MethodGet {
			continue
		}
		c := e.NewContext(nil, nil)
		e.Router().Find(route.Method, route.Path, c)
		e.Add(http.MethodHead, route.Path, c.Handler())
	}
}

// OtherMethod answers in a group of routes as Echo does outside of one: an address that knows other methods says which,
// and every other one is not found. Echo takes both for not found in a group.
func OtherMethod(c echo.Context) error {
	known := map[string][]string{}
	for _, route := range c.Echo().Routes() {
		known[route.Path] = append(known[route.Path], route.Method)
	}
	allowed := []string{http.MethodOptions}
	for _, method := range []string{http.MethodGet, http.MethodHead, http.MethodPost} {
		found := c.Echo().NewContext(nil, nil)
		c.Echo().Router().Find(method, echo.GetPath(c.Request()), found)
		if slices.Contains(known[found.Path()], method) {
			allowed = append(allowed, method)
		}
	}
	if len(allowed) == 1 {
		return models.ErrNotFound
	}
	c.Response().Header().Set(echo.HeaderAllow, strings.Join(allowed, ", "))
	if c.Request().Method == http.MethodOptions {
		return c.NoContent(http.StatusNoContent)
	}
	return echo.ErrMethodNotAllowed
}

// isRead reports whether a request only reads.
func isRead(r *http.Request) bool { return r.Method == http.MethodGet || r.Method == http.MethodHead }

// MaxFormSize is more than any form of this shop fills, in bytes.
const MaxFormSize = 32 << 10

// AllMiddleware returns all middleware as one. Echo would wrap the handler of each request
// in each of them anew.
func (h *App) AllMiddleware() echo.MiddlewareFunc {
	all := func(c echo.Context) error { return c.Handler()(c) }
	for _, layer := range slices.Backward(h.middleware()) {
		all = layer(all)
	}
	return func(echo.HandlerFunc) echo.HandlerFunc { return all }
}

// middleware lists the middleware, the outermost first.
func (h *App) middleware() []echo.MiddlewareFunc {
	notification := func(c echo.Context) bool { return c.Path() == h.NotificationPath }
	return []echo.MiddlewareFunc{
		// All that follows is done, and logged, on behalf of this request.
		h.identify,
		// These tell of what the client got, so they stand outside of what makes it.
		h.Metrics.requests,
		h.accessLog,
		// A panic ends one request, not the shop.
		middleware.RecoverWithConfig(middleware.RecoverConfig{LogErrorFunc: func(c echo.Context, err error, stack []byte) error {
			h.Log.ErrorContext(c.Request().Context(), "panic", "error", err, "stack", string(stack))
			return err
		}}),
		h.securityHeaders,
		h.knownHost,
		h.staticFiles,
		shortParams,
		h.timeout,
		// The notification caps its own body, and has no browser to protect.
		h.readForm(notification),
		h.sameOrigin(notification),
		h.chooseLanguage,
	}
}

// staticFiles answers requests for files, which need nothing of what pages need.
func (h *App) staticFiles(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		if c.Path() == StaticRoute && isRead(c.Request()) {
			static.ServeHTTP(c.Response(), c.Request())
			return nil
		}
		return next(c)
	}
}

// RequestTimeout is more than any page needs of the database and the gateway.
const RequestTimeout = 10 * time.Second

// timeout bounds how long a request takes. Exports last longer; what has a timeout of its
// own is left alone.
func (h *App) timeout(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		switch c.Path() {
		case OrdersCSV, CatalogueRoute, ProductRoute, h.NotificationPath:
			return next(c)
		}
		ctx, cancel := context.WithTimeout(c.Request().Context(), RequestTimeout)
		defer cancel()
		c.SetRequest(c.Request().WithContext(ctx))
		return next(c)
	}
}

// ownFiles is what a page may load: our own files, and no inline code. policy
// says besides that no page may show it in a frame.
const (
	ownFiles = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; " +
		"form-action 'self'; base-uri 'none'"
	Policy = ownFiles + "; frame-ancestors 'none'"
)

// Permissions are what no page of ours asks a browser for.
const Permissions = "accelerometer=(), camera=(), display-capture=(), geolocation=(), gyroscope=(), magnetometer=(), microphone=(), " +
	"midi=(), payment=(), usb=()"

// SafeHeaders returns the headers that keep browsers from misusing an answer.
func SafeHeaders() http.Header {
	return http.Header{
		"Content-Security-Policy": {Policy},
		"X-Content-Type-Options":  {"nosniff"},
		"Referrer-Policy":         {"same-origin"}, // an order's address is its key
		// No window of another site reaches into ours, and none shows our files as its own.
		"Cross-Origin-Opener-Policy":   {"same-origin"},
		"Cross-Origin-Resource-Policy": {"same-origin"},
		"Permissions-Policy":           {Permissions},
	}
}

// securityHeaders sets SafeHeaders on every answer. All share their values.
func (h *App) securityHeaders(next echo.HandlerFunc) echo.HandlerFunc {
	always := SafeHeaders()
	if h.Secure() {
		always.Set("Strict-Transport-Security", "max-age=31536000")
	}
	framed := []string{ownFiles + "; frame-ancestors 'self'"}
	return func(c echo.Context) error {
		header := c.Response().Header()
		maps.Copy(header, always)
		if h.framed(c.Path()) {
			header["Content-Security-Policy"] = framed
		}
		return next(c)
	}
}

// readForm reads a form before anything is done with it: one that is too large
// or cut short is refused, instead of being taken for an empty one.
func (h *App) readForm(skip middleware.Skipper) echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			r := c.Request()
			if r.Method != http.MethodPost || skip(c) {
				return next(c)
			}
			r.Body = http.MaxBytesReader(c.Response(), r.Body, MaxFormSize)
			if err := r.ParseForm(); err != nil {
				return fmt.Errorf("read form: %w", BodyError(err))
			}
			return next(c)
		}
	}
}

// sameOrigin refuses forms that another site had a browser send.
func (h *App) sameOrigin(skip middleware.Skipper) echo.MiddlewareFunc {
	protection := http.NewCrossOriginProtection()
	// Behind a proxy that leaves the port out of Host a form's origin is not its host.
	_ = protection.AddTrustedOrigin(h.BaseURL) // it is an origin, or empty where only the routes are wanted
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			if !skip(c) && protection.Check(c.Request()) != nil {
				return echo.NewHTTPError(http.StatusForbidden, "cross-origin request")
			}
			return next(c)
		}
	}
}

// Limited allows a client so many requests a minute.
func (h *App) Limited(perMinute int) echo.MiddlewareFunc {
	store := middleware.NewRateLimiterMemoryStoreWithConfig(middleware.RateLimiterMemoryStoreConfig{
		Rate: rate.Limit(perMinute) / 60, Burst: perMinute, ExpiresIn: 5 * time.Minute,
	})
	return middleware.RateLimiterWithConfig(middleware.RateLimiterConfig{
		Skipper:             func(echo.Context) bool { return !h.RateLimit },
		IdentifierExtractor: func(c echo.Context) (string, error) { return Client(c.RealIP()), nil },
		DenyHandler: func(c echo.Context, _ string, _ error) error {
			h.warnOfOneClient(c)
			c.Response().Header().Set("Retry-After", "60")
			return echo.NewHTTPError(http.StatusTooManyRequests, "rate limit")
		},
		Store: store,
	})
}

// SearchLimited allows a client so many searches a minute, and any number of other requests.
func (h *App) SearchLimited(perMinute int) echo.MiddlewareFunc {
	limited := h.Limited(perMinute)
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		search := limited(next)
		return func(c echo.Context) error {
			if c.Request().URL.RawQuery == "" || c.QueryParam("q") == "" {
				return next(c)
			}
			return search(c)
		}
	}
}

// Client is what is counted as one: an IPv4 address, or the /64 network that an
// IPv6 subscriber has to himself.
func Client(address string) string {
	ip, err := netip.ParseAddr(address)
	if err != nil || ip.Unmap().Is4() {
		return address
	}
	network, _ := ip.WithZone("").Prefix(64) // fits every IPv6 address
	return network.String()
}

// accessLog logs what the client got, and shows it an error. For a client that has left there is nothing to show.
func (h *App) accessLog(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		began, client := time.Now(), c.Request().Context() // layers further in bound theirs
		switch err := next(c); {
		case err != nil && clientLeft(client, err):
			c.Response().Status = StatusClientClosed
		case err != nil:
			c.Error(err)
		}
		h.logRequest(c, time.Since(began))
		return nil
	}
}

// logRequest logs by route, not by path: an order's token is never logged.
func (h *App) logRequest(c echo.Context, took time.Duration) {
	level := slog.LevelDebug
	if c.Response().Status >= http.StatusInternalServerError {
		level = slog.LevelWarn
	}
	if ctx := c.Request().Context(); h.Log.Enabled(ctx, level) {
		h.Log.Log(ctx, level, "request", "method", c.Request().Method, "route", c.Path(),
			"status", c.Response().Status, "duration", took.Round(time.Microsecond))
	}
}

// Healthy is what /healthz says.
const Healthy = "ok\n"

// Ready reports whether the shop can serve: whether its database answers.
func (h *App) Ready(c echo.Context) error {
	if err := h.Store.Ping(c.Request().Context()); err != nil {
		h.Log.ErrorContext(c.Request().Context(), "not ready", "error", err)
		return c.String(http.StatusServiceUnavailable, "database away\n")
	}
	return c.String(http.StatusOK, "ready\n")
}

// framed reports whether the tour may show a route in a frame.
func (h *App) framed(route string) bool {
	return h.Demo() && route != "/tour" && !strings.HasPrefix(route, "/console")
}

// BodyError is the error of a body that did not come whole: 413 where it is too
// large, 400 where it was cut off.
func BodyError(err error) error {
	var tooLarge *http.MaxBytesError
	if errors.As(err, &tooLarge) {
		return err
	}
	return echo.NewHTTPError(http.StatusBadRequest, "body").SetInternal(err)
}
