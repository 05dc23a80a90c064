package handlers

import (
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/labstack/echo/v4"
	"golang.org/x/crypto/bcrypt"

	"warungjokul/models"
	"warungjokul/views"
)

// The console is what merchants and developers see of the shop. In a demo it is
// open to whoever sits at this machine; everybody else must sign in, and where
// there is no password there is no console.
const (
	consoleCookie  = "console"
	consoleSession = 12 * time.Hour
	consoleLogins  = 5 // a minute and client
)

// consoleRoutes lists the console's addresses.
func (h *Handler) consoleRoutes(e *echo.Echo) {
	e.GET("/console/login", h.showLogin)
	e.POST("/console/login", h.login, h.limited(consoleLogins))
	e.POST("/console/logout", h.logout)
	c := e.Group("/console", h.staffOnly)
	h.orderConsole(c)
	h.messageConsole(c)
	h.demoConsole(e, c)
	c.RouteNotFound("", otherMethod)
	c.RouteNotFound("/*", otherMethod)
}

// staffOnly lets in who is signed in, and in a demo who sits at this machine.
func (h *Handler) staffOnly(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		c.SetRequest(c.Request().WithContext(models.Because(c.Request().Context(), models.Cause{By: models.CauseStaff})))
		if h.atThisMachine(c) {
			return next(c)
		}
		if h.password == nil {
			return models.ErrNotFound
		}
		in, err := h.signedIn(c)
		if err != nil {
			return fmt.Errorf("session: %w", err)
		}
		if !in {
			return c.Redirect(http.StatusSeeOther, "/console/login?"+url.Values{"next": {nextPage(c.Request().URL.EscapedPath())}}.Encode())
		}
		return next(c)
	}
}

// atThisMachine reports whether a demo is looked at from the machine it runs on:
// the connection comes from it, through no proxy, and the browser was sent to it
// by its own name, not by that of a site that lets it resolve to here.
func (h *Handler) atThisMachine(c echo.Context) bool {
	r := c.Request()
	if !h.demo() || r.Header.Get(echo.HeaderXForwardedFor) != "" || r.Header.Get("Forwarded") != "" {
		return false
	}
	from, _, _ := net.SplitHostPort(r.RemoteAddr)
	at := r.Host
	if name, _, err := net.SplitHostPort(r.Host); err == nil {
		at = name
	}
	return isLoopback(from) && (at == "localhost" || isLoopback(strings.Trim(at, "[]")))
}

func isLoopback(address string) bool {
	ip := net.ParseIP(address)
	return ip != nil && ip.IsLoopback()
}

func (h *Handler) signedIn(c echo.Context) (bool, error) {
	cookie, err := c.Cookie(consoleCookie)
	if err != nil {
		return false, nil
	}
	return h.Store.InSession(c.Request().Context(), cookie.Value)
}

func (h *Handler) showLogin(c echo.Context) error {
	if h.password == nil {
		return models.ErrNotFound
	}
	return h.loginPage(c, http.StatusOK, nextPage(c.QueryParam("next")), "")
}

func (h *Handler) loginPage(c echo.Context, status int, next, problem string) error {
	p := views.LoginPage{Page: h.page(c, lang(c).T("login.title")), Next: next, Problem: problem}
	p.Private, p.Console = true, true
	return render(c, status, views.Login(p))
}

// login compares the password with the hash that was made of it at the start,
// and signs in.
func (h *Handler) login(c echo.Context) error {
	if h.password == nil {
		return models.ErrNotFound
	}
	next := nextPage(c.FormValue("next"))
	if bcrypt.CompareHashAndPassword(h.password, []byte(c.FormValue("password"))) != nil {
		h.Log.WarnContext(c.Request().Context(), "console: wrong password", "from", c.RealIP())
		return h.loginPage(c, http.StatusForbidden, next, lang(c).T("login.wrong"))
	}
	secret, err := h.Store.OpenSession(c.Request().Context(), consoleSession)
	if err != nil {
		return fmt.Errorf("sign in: %w", err)
	}
	h.setConsoleCookie(c, secret, int(consoleSession/time.Second))
	h.Log.InfoContext(c.Request().Context(), "console: signed in", "from", c.RealIP())
	return c.Redirect(http.StatusSeeOther, next)
}

// nextPage is the page of the console to show after signing in.
func nextPage(asked string) string {
	if next := ownPath(asked); next == "/console" || strings.HasPrefix(next, "/console/") {
		return next
	}
	return "/console"
}

func (h *Handler) logout(c echo.Context) error {
	if cookie, err := c.Cookie(consoleCookie); err == nil {
		if err := h.Store.CloseSession(c.Request().Context(), cookie.Value); err != nil {
			return fmt.Errorf("sign out: %w", err)
		}
	}
	h.setConsoleCookie(c, "", -1)
	return c.Redirect(http.StatusSeeOther, "/console")
}

func (h *Handler) setConsoleCookie(c echo.Context, value string, age int) {
	c.SetCookie(&http.Cookie{Name: consoleCookie, Value: value, Path: "/console", MaxAge: age,
		Secure: h.secure(), HttpOnly: true, SameSite: http.SameSiteStrictMode})
}

// consolePage is what every page of the console shows around its content.
func (h *Handler) consolePage(c echo.Context, section, title string) (views.ConsolePage, error) {
	open, err := h.Store.CountOpenCases(c.Request().Context())
	if err != nil {
		return views.ConsolePage{}, fmt.Errorf("open cases: %w", err)
	}
	p := views.ConsolePage{Page: h.page(c, title), Section: section, OpenCases: open, SignedIn: !h.atThisMachine(c)}
	p.Private, p.Console = true, true
	return p, nil
}

// hashPassword is what is kept of the console's password: nothing when there is
// none. A bcrypt hash is taken as it stands.
func hashPassword(password string) ([]byte, error) {
	if password == "" {
		return nil, nil
	}
	if _, err := bcrypt.Cost([]byte(password)); err == nil {
		return []byte(password), nil
	}
	return bcrypt.GenerateFromPassword([]byte(password), bcrypt.DefaultCost)
}
