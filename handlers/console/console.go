package console

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"warungjokul/handlers/web"
	"warungjokul/models"
	"warungjokul/views"
)

// The cookie of a session, and how long a session lasts.
const (
	ConsoleCookie  = "console"
	ConsoleSession = 12 * time.Hour
)

// SignedInOnly lets signed-in staff in and redirects everybody else to the sign-in page.
func (h *Handler) SignedInOnly(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		if h.password.hash == nil && !h.Demo() {
			return models.ErrNotFound
		}
		in, err := h.signedIn(c)
		switch {
		case err != nil:
			return fmt.Errorf("session: %w", err)
		case in:
			return next(c)
		case h.byLink():
			return h.lockedPage(c)
		}
		return c.Redirect(http.StatusSeeOther, web.LoginPath+"?"+url.Values{"next": {nextPage(c.Request().URL.EscapedPath())}}.Encode())
	}
}

// signedIn reports whether a browser is signed in. A session that a one-time link
// opened is good only where the link is.
func (h *Handler) signedIn(c echo.Context) (bool, error) {
	if h.byLink() && !isLocal(c.Request()) {
		return false, nil
	}
	for _, cookie := range consoleCookies(c) {
		in, err := h.Store.InSession(c.Request().Context(), cookie.Value, h.password.credential)
		if in || err != nil {
			return in, err
		}
	}
	return false, nil
}

// consoleCookies are the sessions that a browser brings. On one machine it may have some
// of other shops: cookies know no ports.
func consoleCookies(c echo.Context) []*http.Cookie {
	const most = 4
	list := c.Request().CookiesNamed(ConsoleCookie)
	return list[:min(len(list), most)]
}

// MayInspect reports whether an order's page leads to what happened underneath: in
// a demo, for whoever is signed in.
func (h *Handler) MayInspect(c echo.Context) bool {
	if !h.Demo() {
		return false
	}
	in, err := h.signedIn(c) // without an answer the page is drawn for a shopper
	return in && err == nil
}

// nextPage is the page to show after signing in: the one that somebody was on the way to, if it is
// one of those that ask to sign in.
func nextPage(asked string) string {
	next := web.OwnPath(asked)
	for _, path := range []string{web.ConsolePath, "/mailbox", "/tour"} {
		if next == path || strings.HasPrefix(next, path+"/") {
			return next
		}
	}
	return web.ConsolePath
}

func (h *Handler) logout(c echo.Context) error {
	for _, cookie := range consoleCookies(c) {
		if err := h.Store.CloseSession(c.Request().Context(), cookie.Value); err != nil {
			return fmt.Errorf("sign out: %w", err)
		}
	}
	h.setConsoleCookie(c, "", -1)
	return c.Redirect(http.StatusSeeOther, web.ConsolePath)
}

// logoutEverywhere ends all sessions, wherever they were opened.
func (h *Handler) logoutEverywhere(c echo.Context) error {
	if err := h.Store.CloseSessions(c.Request().Context()); err != nil {
		return fmt.Errorf("sign out everywhere: %w", err)
	}
	h.Log.InfoContext(c.Request().Context(), "console: signed out everywhere", "from", c.RealIP())
	h.setConsoleCookie(c, "", -1)
	return c.Redirect(http.StatusSeeOther, web.ConsolePath)
}

// setConsoleCookie sets the cookie of a session for all pages that ask for one: in
// a demo, the shop's as well.
func (h *Handler) setConsoleCookie(c echo.Context, value string, age int) {
	path := web.ConsolePath
	if h.Demo() {
		path = "/"
	}
	c.SetCookie(&http.Cookie{Name: ConsoleCookie, Value: value, Path: path, MaxAge: age,
		Secure: h.Secure() && !h.byLink(), HttpOnly: true, SameSite: http.SameSiteStrictMode})
}

// ConsolePage is what every page of the console shows around its content.
func (h *Handler) ConsolePage(c echo.Context, section, title string) (views.ConsolePage, error) {
	open, err := h.Store.CountOpenCases(c.Request().Context())
	if err != nil {
		return views.ConsolePage{}, fmt.Errorf("open cases: %w", err)
	}
	p := views.ConsolePage{Page: h.Page(c, title), Section: section, OpenCases: open}
	p.Private, p.Console = true, true
	if h.Demo() {
		p.Simulator = h.TillURL + "/simulator?lang=" + string(p.Lang)
	}
	return p, nil
}
