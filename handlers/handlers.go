// Package handlers is whatever reacts: to a shopper's request, to the gateway's
// notification, to the clock. It is the only package that knows both the shop's
// models and the gateway, and translates between them.
package handlers

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

	"github.com/gorilla/securecookie"
	"github.com/labstack/echo/v4"
	"github.com/labstack/echo/v4/middleware"
	"golang.org/x/time/rate"

	"warungjokul/jokul"
	"warungjokul/models"
	"warungjokul/payments"
	"warungjokul/static"
)

// Config is what the shop needs to run. All of it is required, but for
// SandboxURL, TillURL, ControlKey, Mail, Contact, Shop, PersonalDataDays, ConsolePassword, LinkUsed and Proxies.
type Config struct {
	Store            *models.Store
	Gateway          *jokul.Client
	BaseURL          string                              // how browsers reach the shop
	NotificationPath string                              // the path of the Notification URL, as DOKU knows it
	PaymentExpiry    time.Duration                       // how long a payment code is good, whole minutes
	SandboxURL       string                              // of the embedded gateway, in a demo; empty when there is none
	TillURL          string                              // where the till of that gateway is; empty: under /simulator of the shop itself
	ControlKey       string                              // of the embedded gateway's control API; empty: it asks for none
	Mail             func(context.Context, Letter) error // nil: no mail is sent
	Contact          string                              // where shoppers may write to, or empty
	Shop             Shop                                // who it says it is; empty: the shop of the demo
	PersonalDataDays int                                 // how long after its end an order keeps its customer; 0: for ever
	RateLimit        bool
	ConsolePassword  string  // or its bcrypt hash; empty: there is no console, but in a demo, by a one-time link
	LinkUsed         func()  // the one-time link was used, and ConsolePath is another now
	Proxies          Proxies // whose forwarding headers count
	MetricsElsewhere bool    // metrics are served by OpsHandler alone
	Now              func() time.Time
	Log              *slog.Logger
	Setup            Setup // for the set-up check
}

// Handler is the shop: an http.Handler and the worker that looks after payments.
type Handler struct {
	Config
	Payments *payments.Service
	echo     *echo.Echo
	cookies  *securecookie.SecureCookie
	forms    forms
	password password // of the console
	key      *oneTimeKey
	logins   *logins
	devices  *securecookie.SecureCookie // that have signed in before
	streams  *streams
	products kept[[]models.Product]
	pages    kept[keptPage]
	orders   orderPages
	accepted accepted
	mailDue  payments.Wake // a mail may have become due
	scrub    payments.Wake // what was erased is to be removed from the database's files
	metrics  *metrics

	eraseAtGateway func(ctx context.Context, invoices []string) error // at the embedded gateway of a demo

	// These bound the log lines that strangers can cause.
	limits, misdirected, untrusted, refusedLogins rate.Sometimes
}

// New builds the shop.
func New(ctx context.Context, c Config) (*Handler, error) {
	if c.Store == nil || c.Gateway == nil || c.Now == nil || c.Log == nil {
		return nil, errors.New("handlers: a part is missing")
	}
	key, err := c.Store.Key(ctx, "cookies")
	if err != nil {
		return nil, err
	}
	formKey, err := c.Store.Key(ctx, "forms")
	if err != nil {
		return nil, err
	}
	password, err := readPassword(ctx, c.Store, c.ConsolePassword)
	if err != nil {
		return nil, err
	}
	if err := c.Store.CloseOtherSessions(ctx, password.credential); err != nil {
		return nil, err
	}
	c.ConsolePassword = ""
	h := &Handler{
		Config:   c,
		password: password,
		key:      newOneTimeKey(),
		logins:   newLogins(c.Now),
		devices:  securecookie.New(key, nil).SetSerializer(securecookie.JSONEncoder{}).MaxAge(deviceCookieDays * 24 * 60 * 60),
		cookies:  securecookie.New(key, nil).SetSerializer(securecookie.JSONEncoder{}).MaxAge(int(cartAge / time.Second)),
		forms:    forms{formKey},
		streams:  newStreams(),
		products: kept[[]models.Product]{now: c.Now},
		pages:    kept[keptPage]{now: c.Now},

		limits:        rate.Sometimes{First: 10, Interval: time.Second},
		misdirected:   rate.Sometimes{First: 10, Interval: time.Minute},
		untrusted:     rate.Sometimes{First: 1, Interval: time.Minute},
		refusedLogins: rate.Sometimes{First: 10, Interval: time.Minute},

		mailDue: payments.NewWake(),
		scrub:   payments.NewWake(),
		metrics: newMetrics(c.Store, c.BaseURL),
	}
	h.Payments = h.newPayments()
	if h.demo() {
		h.eraseAtGateway = h.eraseAtSandbox
	}
	h.echo = h.routes()
	return h, nil
}

// newPayments wires the payment flow.
func (h *Handler) newPayments() *payments.Service {
	interval := checkInterval
	if !h.RateLimit {
		interval = 0
	}
	return payments.New(payments.Config{
		Store: h.Store, Gateway: h.Gateway, NotificationPath: h.NotificationPath, Expiry: h.PaymentExpiry,
		ShopName: h.Shop.displayName(), CheckInterval: interval, Changed: h.publish, MailDue: h.mailDue.Set,
		Metrics: h.metrics.payments, Now: h.Now, Log: h.Log,
	})
}

// ServeHTTP serves the shop.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) { h.echo.ServeHTTP(w, r) }

// Close ends the open event streams, which would otherwise hold a stop up.
func (h *Handler) Close() { h.streams.close() }

const (
	catalogueRoute = "/"
	productRoute   = "/products/:slug"
	staticRoute    = "/static/*"
)

// routes lists every address of the shop.
func (h *Handler) routes() *echo.Echo {
	e := echo.New()
	e.HTTPErrorHandler = h.showError
	e.IPExtractor = h.Proxies.clientAddress()
	e.Use(h.layers())

	h.shopRoutes(e)
	if h.NotificationPath != "" {
		e.POST(h.NotificationPath, h.receiveNotification)
	}

	c := h.consoleRoutes(e)
	if h.demo() { // with made-up payments, made-up pages
		h.demoConsole(e, c)
	}

	e.GET("/healthz", func(c echo.Context) error { return c.String(http.StatusOK, healthy) })
	e.GET("/readyz", h.ready)
	e.GET("/favicon.ico", func(c echo.Context) error {
		return c.Redirect(http.StatusFound, static.URL("drawings/favicon.svg"))
	})
	e.GET(staticRoute, echo.NotFoundHandler) // light has answered before
	h.metricsRoutes(e)
	answerHead(e)
	return e
}

// answerHead has every route that answers GET answer HEAD alike. The server sends no body then, whatever a handler
// writes. Other methods are answered by Echo: 405 with what is allowed, OPTIONS with the same and no body.
func answerHead(e *echo.Echo) {
	for _, route := range e.Routes() {
		if route.Method != http.MethodGet {
			continue
		}
		c := e.NewContext(nil, nil)
		e.Router().Find(route.Method, route.Path, c)
		e.Add(http.MethodHead, route.Path, c.Handler())
	}
}

// otherMethod answers in a group of routes as Echo does outside of one: an address that knows other methods says which,
// and every other one is not found. Echo takes both for not found in a group.
func otherMethod(c echo.Context) error {
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

// metricsRoutes serves the metrics where OpsHandler does not: to everybody in a demo, otherwise to who is signed in.
func (h *Handler) metricsRoutes(e *echo.Echo) {
	const ofConsole = "/console/metrics"
	serve := echo.WrapHandler(http.HandlerFunc(h.serveMetrics))
	switch {
	case h.MetricsElsewhere:
	case h.demo():
		e.GET("/metrics", serve)
	default:
		e.GET("/metrics", func(c echo.Context) error { return c.Redirect(http.StatusSeeOther, ofConsole) })
		e.GET(ofConsole, serve, h.staffOnly)
	}
}

// RouteAt returns the route of the shop that a path is on, whatever its method, and empty when it is on none. The
// Notification URL must be on none: the one of the two that is declared later would win.
func RouteAt(path string) string {
	h := &Handler{Config: Config{SandboxURL: "http://a.demo.has.all.pages"}}
	e := h.routes()
	c := e.NewContext(nil, nil)
	e.Router().Find(http.MethodPost, path, c)
	return c.Path()
}

// maxFormSize is more than any form of this shop fills, in bytes.
const maxFormSize = 32 << 10

// layers are put around all routes at once: Echo would put them around the route
// of each request anew.
func (h *Handler) layers() echo.MiddlewareFunc {
	all := func(c echo.Context) error { return c.Handler()(c) }
	for _, layer := range slices.Backward(h.around()) {
		all = layer(all)
	}
	return func(echo.HandlerFunc) echo.HandlerFunc { return all }
}

// around is the middleware, outermost first.
func (h *Handler) around() []echo.MiddlewareFunc {
	notification := func(c echo.Context) bool { return c.Path() == h.NotificationPath }
	return []echo.MiddlewareFunc{
		// All that follows is done, and logged, on behalf of this request.
		h.identify,
		// Tells of what the client got, so it stands outside of what makes it.
		h.account,
		// A panic ends one request, not the shop.
		middleware.RecoverWithConfig(middleware.RecoverConfig{LogErrorFunc: func(c echo.Context, err error, stack []byte) error {
			h.Log.ErrorContext(c.Request().Context(), "panic", "error", err, "stack", string(stack))
			return err
		}}),
		h.guard,
		h.knownHost,
		h.light,
		shortParams,
		h.bounded,
		// The notification caps its own body, and has no browser to protect.
		h.readForm(notification),
		h.sameOrigin(notification),
		h.chooseLanguage,
	}
}

// light answers with files, which need nothing that pages need.
func (h *Handler) light(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		if c.Path() == staticRoute && isRead(c.Request()) {
			static.ServeHTTP(c.Response(), c.Request())
			return nil
		}
		return next(c)
	}
}

// requestTimeout is more than any page needs of the database and the gateway.
const requestTimeout = 10 * time.Second

// bounded ends what takes too long, but for exports, which last, and for what sees
// to it itself.
func (h *Handler) bounded(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		switch c.Path() {
		case ordersCSV, catalogueRoute, productRoute, h.NotificationPath:
			return next(c)
		}
		ctx := models.Because(c.Request().Context(), models.Cause{By: models.CauseShopper}) // until somebody else is named
		ctx, cancel := context.WithTimeout(ctx, requestTimeout)
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
	policy = ownFiles + "; frame-ancestors 'none'"
)

// permissions are what no page of ours asks a browser for.
const permissions = "accelerometer=(), camera=(), display-capture=(), geolocation=(), gyroscope=(), magnetometer=(), microphone=(), " +
	"midi=(), payment=(), usb=()"

// guard sets the headers that keep a page from doing what it should not. All
// answers share their values.
func (h *Handler) guard(next echo.HandlerFunc) echo.HandlerFunc {
	always := http.Header{
		"Content-Security-Policy": {policy},
		"X-Content-Type-Options":  {"nosniff"},
		"Referrer-Policy":         {"same-origin"}, // an order's address is its key
		// No window of another site reaches into ours, and none shows our files as its own.
		"Cross-Origin-Opener-Policy":   {"same-origin"},
		"Cross-Origin-Resource-Policy": {"same-origin"},
		"Permissions-Policy":           {permissions},
	}
	if h.secure() {
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
func (h *Handler) readForm(skip middleware.Skipper) echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			r := c.Request()
			if r.Method != http.MethodPost || skip(c) {
				return next(c)
			}
			r.Body = http.MaxBytesReader(c.Response(), r.Body, maxFormSize)
			if err := r.ParseForm(); err != nil {
				return fmt.Errorf("read form: %w", bodyError(err))
			}
			return next(c)
		}
	}
}

// sameOrigin refuses forms that another site had a browser send.
func (h *Handler) sameOrigin(skip middleware.Skipper) echo.MiddlewareFunc {
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

// limited allows a client so many requests a minute.
func (h *Handler) limited(perMinute int) echo.MiddlewareFunc {
	store := middleware.NewRateLimiterMemoryStoreWithConfig(middleware.RateLimiterMemoryStoreConfig{
		Rate: rate.Limit(perMinute) / 60, Burst: perMinute, ExpiresIn: 5 * time.Minute,
	})
	return middleware.RateLimiterWithConfig(middleware.RateLimiterConfig{
		Skipper:             func(echo.Context) bool { return !h.RateLimit },
		IdentifierExtractor: func(c echo.Context) (string, error) { return client(c.RealIP()), nil },
		DenyHandler: func(c echo.Context, _ string, _ error) error {
			h.warnOfOneClient(c)
			c.Response().Header().Set("Retry-After", "60")
			return echo.NewHTTPError(http.StatusTooManyRequests, "rate limit")
		},
		Store: store,
	})
}

// What a client may search for a minute: in the catalogue a family behind one address, in the console an office.
const (
	catalogueSearches = 300
	consoleSearches   = 120
)

// searchLimited allows a client so many searches a minute, and any number of other requests.
func (h *Handler) searchLimited(perMinute int) echo.MiddlewareFunc {
	limited := h.limited(perMinute)
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

// client is what is counted as one: an IPv4 address, or the /64 network that an
// IPv6 subscriber has to himself.
func client(address string) string {
	ip, err := netip.ParseAddr(address)
	if err != nil || ip.Unmap().Is4() {
		return address
	}
	network, _ := ip.WithZone("").Prefix(64) // fits every IPv6 address
	return network.String()
}

// account logs and counts what the client got.
func (h *Handler) account(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		began := time.Now()
		if err := next(c); err != nil {
			c.Error(err)
		}
		took := time.Since(began)
		h.metrics.requests.count(c, took)
		h.logRequest(c, took)
		return nil
	}
}

// logRequest logs by route, not by path: an order's token is never logged.
func (h *Handler) logRequest(c echo.Context, took time.Duration) {
	level := slog.LevelDebug
	if c.Response().Status >= http.StatusInternalServerError {
		level = slog.LevelWarn
	}
	if ctx := c.Request().Context(); h.Log.Enabled(ctx, level) {
		h.Log.Log(ctx, level, "request", "method", c.Request().Method, "route", c.Path(),
			"status", c.Response().Status, "duration", took.Round(time.Microsecond))
	}
}

// demo reports whether the gateway is our own and payments are made up.
func (h *Handler) demo() bool { return h.SandboxURL != "" }

func (h *Handler) secure() bool { return strings.HasPrefix(h.BaseURL, "https://") }

// healthy is what /healthz says.
const healthy = "ok\n"

// ready reports whether the shop can serve: whether its database answers.
func (h *Handler) ready(c echo.Context) error {
	if err := h.Store.Ping(c.Request().Context()); err != nil {
		h.Log.ErrorContext(c.Request().Context(), "not ready", "error", err)
		return c.String(http.StatusServiceUnavailable, "database away\n")
	}
	return c.String(http.StatusOK, "ready\n")
}
