package web

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"net/http"
	"net/url"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"time"
	"warungjokul/views"

	"github.com/a-h/templ"
	"github.com/klauspost/compress/gzip"
	"github.com/labstack/echo/v4"
	"golang.org/x/text/language"
)

// buffers are for drawing and compressing pages: each is used by one request at a
// time, and again by another.
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

// Render writes a page whole: a component that fails half way gives a clean
// error page instead of half of its own. Drawing one asks nobody anything, so it
// does not stop for a request whose time is up: that one needs its page too.
func Render(c echo.Context, status int, page templ.Component) error {
	drawn, giveBack := GetBuffer()
	defer giveBack()
	if err := page.Render(context.WithoutCancel(c.Request().Context()), drawn); err != nil {
		return err
	}
	PageHeader(c.Response().Header())
	return SendText(c, status, echo.MIMETextHTMLCharsetUTF8, drawn.Bytes())
}

// PageHeader is what is said of every page that is one reader's.
func PageHeader(header http.Header) {
	header.Add(echo.HeaderVary, "Accept-Language, Cookie")
	if header.Get("Cache-Control") == "" {
		header.Set("Cache-Control", "no-store")
	}
}

// minGzip is from when on compressing gains anything, in bytes.
const minGzip = 1024

// Compressing is a good part of what a page costs. The fastest level takes a
// fifth of the time of the usual one, and a page comes out a tenth larger. There
// are half as many compressors as processors: twice as many make no difference,
// and each holds three quarters of a megabyte.
var compressors = makeCompressors(max(1, runtime.GOMAXPROCS(0)/2))

func makeCompressors(n int) chan *gzip.Writer {
	all := make(chan *gzip.Writer, n)
	for range n {
		w, _ := gzip.NewWriterLevel(nil, gzip.BestSpeed) // a level that exists
		all <- w
	}
	return all
}

// Compress writes text to small, compressed with gzip.
func Compress(small *bytes.Buffer, text []byte) error {
	w := <-compressors
	defer func() { compressors <- w }()
	w.Reset(small)
	_, err := w.Write(text)
	return errors.Join(err, w.Close())
}

// SendText answers with text, compressed where that gains something and the client accepts
// it. Nothing else of the shop compresses as it goes, but the exports.
func SendText(c echo.Context, status int, contentType string, text []byte) error {
	if len(text) < minGzip || !AcceptsGzip(c.Request()) {
		return SendEncoded(c, status, contentType, "", text)
	}
	small, giveBack := GetBuffer()
	defer giveBack()
	if err := Compress(small, text); err != nil {
		return err
	}
	return SendEncoded(c, status, contentType, "gzip", small.Bytes())
}

// SendEncoded answers with text that is in an encoding already, or, where encoding is empty,
// in none.
func SendEncoded(c echo.Context, status int, contentType, encoding string, text []byte) error {
	header := c.Response().Header()
	header.Add(echo.HeaderVary, echo.HeaderAcceptEncoding)
	if encoding != "" {
		header.Set(echo.HeaderContentEncoding, encoding)
	}
	header.Set(echo.HeaderContentLength, strconv.Itoa(len(text)))
	return c.Blob(status, contentType, text)
}

// AcceptsGzip reports whether a client accepts gzip.
func AcceptsGzip(r *http.Request) bool {
	return strings.Contains(r.Header.Get(echo.HeaderAcceptEncoding), "gzip")
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
	langKey    = "lang" // of a request's language in its echo.Context
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

// asked is the language that an address asks for, empty for none.
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

// Accepted remembers what languages browsers accept come to: there are few
// different ones, and each takes time to read.
type Accepted struct {
	mu    sync.RWMutex
	langs map[string]views.Lang
}

// Strangers can send as many as they like, and as long ones: of a long one the
// beginning is read, which takes a thousandth of the time.
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
		a.langs = map[string]views.Lang{} // what is still sent comes back soon enough
	}
	a.langs[header] = l
	return l
}

// languageLinks are a page's address in each language; the start page's where that address cannot be a link.
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

// SetServerTime tells a page that counts down what time it is. The page itself does
// not say so, because it may come from a cache.
func SetServerTime(c echo.Context, now time.Time) {
	c.Response().Header().Set("Server-Timing", `now;desc="`+views.Machine(now)+`"`)
}
