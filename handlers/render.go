package handlers

import (
	"bytes"
	"context"
	"net/http"
	"net/url"

	"github.com/a-h/templ"
	"github.com/labstack/echo/v4"
	"golang.org/x/text/language"

	"warungjokul/views"
)

// render writes a page whole: a component that fails half way gives a clean
// error page instead of half of its own. Drawing one asks nobody anything, so it
// does not stop for a request whose time is up: that one needs its page too.
func render(c echo.Context, status int, page templ.Component) error {
	var buffer bytes.Buffer
	if err := page.Render(context.WithoutCancel(c.Request().Context()), &buffer); err != nil {
		return err
	}
	c.Response().Header().Add("Vary", "Accept-Language, Cookie")
	if c.Response().Header().Get("Cache-Control") == "" {
		c.Response().Header().Set("Cache-Control", "no-store")
	}
	return c.HTMLBlob(status, buffer.Bytes())
}

// page is what every page shows around its content.
func (h *Handler) page(c echo.Context, title string) views.Page {
	return views.Page{
		Lang:      lang(c),
		Title:     title,
		CartCount: h.readCart(c).count(),
		Links:     languageLinks(c.Request()),
		Contact:   h.Contact,
		Demo:      h.demo(),
	}
}

const (
	langCookie = "lang"
	langKey    = "lang" // in the echo.Context
)

var matcher = language.NewMatcher([]language.Tag{language.Indonesian, language.English})

// chooseLanguage takes the language from ?lang=, which is remembered, else from
// the cookie, else from what the browser accepts, else Indonesian.
func (h *Handler) chooseLanguage(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		chosen, ok := known(c.QueryParam("lang"))
		if ok {
			c.SetCookie(&http.Cookie{Name: langCookie, Value: string(chosen), Path: "/", MaxAge: 365 * 24 * 60 * 60,
				Secure: h.secure(), HttpOnly: true, SameSite: http.SameSiteLaxMode})
		} else if cookie, err := c.Cookie(langCookie); err == nil {
			chosen, ok = known(cookie.Value)
		}
		if !ok {
			_, index := language.MatchStrings(matcher, c.Request().Header.Get("Accept-Language"))
			chosen = views.Langs()[index]
		}
		c.Set(langKey, chosen)
		return next(c)
	}
}

func known(s string) (views.Lang, bool) {
	for _, l := range views.Langs() {
		if string(l) == s {
			return l, true
		}
	}
	return "", false
}

func lang(c echo.Context) views.Lang {
	if l, ok := c.Get(langKey).(views.Lang); ok {
		return l
	}
	return views.Indonesian
}

func languageLinks(r *http.Request) map[views.Lang]string {
	links := map[views.Lang]string{}
	for _, l := range views.Langs() {
		query := r.URL.Query()
		query.Set("lang", string(l))
		links[l] = (&url.URL{Path: r.URL.Path, RawQuery: query.Encode()}).String()
	}
	return links
}
