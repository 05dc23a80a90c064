package web

import (
	"bytes"
	"cmp"
	"context"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/a-h/templ"
	"github.com/labstack/echo/v4"
	"golang.org/x/text/language"

	"warungjokul/views"
)

// buffers are for rendering pages. Each is used by one request at a time.
var buffers = sync.Pool{New: func() any { return new(bytes.Buffer) }}

// GetBuffer returns an empty buffer from the pool, and what gives it back.
func GetBuffer() (b *bytes.Buffer, giveBack func()) {
	b = buffers.Get().(*bytes.Buffer)
	b.Reset()
	return b, func() {
		if b.Cap() <= maxBuffer { // one huge page does not stay for ever
			buffers.Put(b)
		}
	}
}

const maxBuffer = 256 << 10

// Render renders a page and then sends it: a component that fails half way gives a clean error page instead of half of
// its own. Rendering does no I/O, so it ignores the request's deadline: a request that timed out needs its page, too.
func Render(c echo.Context, status int, page templ.Component) error {
	drawn, giveBack := GetBuffer()
	defer giveBack()
	if err := page.Render(context.WithoutCancel(c.Request().Context()), drawn); err != nil {
		return err
	}
	PageHeader(c.Response().Header())
	return c.Blob(status, echo.MIMETextHTMLCharsetUTF8, drawn.Bytes())
}

// PageHeader sets the caching headers of a page that is one reader's own.
func PageHeader(header http.Header) {
	header.Add(echo.HeaderVary, "Accept-Language, Cookie")
	if header.Get("Cache-Control") == "" {
		header.Set("Cache-Control", "no-store")
	}
}

// Page is what every page shows around its content.
func (h *App) Page(c echo.Context, title string) views.Page {
	return views.Page{
		Lang:      Lang(c),
		Title:     title,
		CartCount: h.ReadCart(c).count(),
		Links:     languageLinks(c.Request()),
		Contact:   h.Contact,
		Shop:      h.Shop.Name,
		Demo:      h.Demo(),
	}
}

const (
	langCookie = "lang"

	// langKey is where the language of a request is in its echo.Context, once the middleware has chosen it. It is
	// the one value that a handler gets that way; whatever else it needs it reads itself, or its method's receiver has.
	langKey = "lang"
)

// chooseLanguage takes the language from ?lang=, which is remembered, else from
// the cookie, else from what the browser accepts, else Indonesian.
func (h *App) chooseLanguage(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		if l := asked(c.Request()); l != "" {
			c.Set(langKey, l)
			c.SetCookie(&http.Cookie{Name: langCookie, Value: string(l), Path: "/", MaxAge: 365 * 24 * 60 * 60,
				Secure: h.Secure(), HttpOnly: true, SameSite: http.SameSiteLaxMode})
			return next(c)
		}
		var l views.Lang
		if cookie, err := c.Cookie(langCookie); err == nil {
			l = known(cookie.Value)
		}
		if l == "" {
			l = h.accepted.lang(c.Request().Header.Get("Accept-Language"))
		}
		c.Set(langKey, l)
		return next(c)
	}
}

// asked returns the language that the query chooses, empty where it chooses none.
func asked(r *http.Request) views.Lang {
	if r.URL.RawQuery == "" {
		return ""
	}
	return known(r.URL.Query().Get("lang"))
}

func known(s string) views.Lang {
	for _, l := range views.Langs() {
		if string(l) == s {
			return l
		}
	}
	return ""
}

// Lang returns the language that a request is answered in.
func Lang(c echo.Context) views.Lang {
	if l, _ := c.Get(langKey).(views.Lang); l != "" {
		return l
	}
	return views.Indonesian
}

// Accepted caches the language that each Accept-Language header selects. Browsers send few different ones, and each
// takes time to parse.
type Accepted struct {
	mu    sync.RWMutex
	langs map[string]views.Lang
}

// Clients can send any number of headers of any length. Of a long one only the beginning is read.
const (
	maxAccepted       = 1000
	MaxAcceptedLength = 200
)

var matcher = language.NewMatcher([]language.Tag{language.Indonesian, language.English})

func (a *Accepted) lang(header string) views.Lang {
	if len(header) > MaxAcceptedLength {
		header = header[:max(0, strings.LastIndexByte(header[:MaxAcceptedLength], ','))]
	}
	a.mu.RLock()
	l, ok := a.langs[header]
	a.mu.RUnlock()
	if ok {
		return l
	}
	_, index := language.MatchStrings(matcher, header)
	l = views.Langs()[index]
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.langs == nil || len(a.langs) >= maxAccepted {
		a.langs = map[string]views.Lang{} // the common ones come back soon
	}
	a.langs[header] = l
	return l
}

// languageLinks returns a page's address in each language, or the start page's where that address cannot be a link.
func languageLinks(r *http.Request) map[views.Lang]string {
	links := map[views.Lang]string{}
	address, err := url.Parse(cmp.Or(OwnPath(r.URL.RequestURI()), OwnPath(r.URL.EscapedPath()), "/"))
	if err != nil { // ownPath has parsed it before
		return links
	}
	query := address.Query()
	for _, l := range views.Langs() {
		query.Set("lang", string(l))
		address.RawQuery = query.Encode()
		links[l] = address.String()
	}
	return links
}

// SetServerTime tells a page with a countdown the shop's time in a header. The page itself does not contain it, because
// the page may come from a cache.
func SetServerTime(c echo.Context, now time.Time) {
	c.Response().Header().Set("Server-Timing", `now;desc="`+views.Machine(now)+`"`)
}
