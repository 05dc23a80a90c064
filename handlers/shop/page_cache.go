package shop

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"maps"
	"net/http"
	"strconv"
	"strings"

	"github.com/a-h/templ"
	"github.com/labstack/echo/v4"

	"warungjokul/handlers/web"
)

// cachedPage is a page as it is sent to everybody whose cart is empty.
type cachedPage struct {
	tag          string
	header       http.Header // which says what the page is; all answers share its values
	plain, small encodedText
}

// encodedText is a page in one encoding, with the headers that name it.
type encodedText struct {
	header http.Header
	text   []byte
}

// publicPage answers with a page of the catalogue from the cache. A shopper with a cart gets
// a page of their own, because it says how full that is; so does a request for anything that
// is not among the catalogue's own links.
func (h *Handler) publicPage(c echo.Context, draw func(context.Context) (templ.Component, error)) error {
	r := c.Request()
	_, err := c.Cookie(web.CartCookie)
	category, named := strings.CutPrefix(r.URL.RawQuery, "category=")
	if err == nil || r.URL.RawQuery != "" && !(named && isCategory(category)) {
		ctx, cancel := context.WithTimeout(r.Context(), web.RequestTimeout)
		defer cancel()
		page, err := draw(ctx)
		if err != nil {
			return err
		}
		return web.Render(c, http.StatusOK, page)
	}
	p, err := h.pages.Get(r.Context(), string(web.Lang(c))+r.URL.Path+"?"+category, func(ctx context.Context) (cachedPage, error) {
		page, err := draw(ctx)
		if err != nil {
			return cachedPage{}, err
		}
		return renderCached(ctx, page)
	})
	if err != nil {
		return err
	}
	return p.send(c)
}

func renderCached(ctx context.Context, page templ.Component) (cachedPage, error) {
	var plain bytes.Buffer
	if err := page.Render(ctx, &plain); err != nil {
		return cachedPage{}, err
	}
	compressed, err := gzipped(plain.Bytes())
	sum := sha256.Sum256(plain.Bytes())
	p := cachedPage{plain: newEncodedText(plain.Bytes()), small: newEncodedText(compressed), tag: fmt.Sprintf(`W/"%x"`, sum[:8])}
	p.header = http.Header{
		echo.HeaderVary:         {"Accept-Language, Cookie, Accept-Encoding"},
		echo.HeaderCacheControl: {"private, no-cache"},
		"Etag":                  {p.tag},
	}
	p.small.header.Set(echo.HeaderContentEncoding, "gzip")
	return p, err
}

func newEncodedText(text []byte) encodedText {
	return encodedText{text: text, header: http.Header{
		echo.HeaderContentType:   {echo.MIMETextHTMLCharsetUTF8},
		echo.HeaderContentLength: {strconv.Itoa(len(text))},
	}}
}

// send sends the page, or 304 where the browser has it already. Browsers revalidate it each time, because a visitor who
// has filled a cart gets another page.
func (p cachedPage) send(c echo.Context) error {
	header := c.Response().Header()
	maps.Copy(header, p.header)
	if strings.Contains(c.Request().Header.Get("If-None-Match"), p.tag) {
		return c.NoContent(http.StatusNotModified)
	}
	sent := p.plain
	if acceptsGzip(c.Request()) {
		sent = p.small
	}
	maps.Copy(header, sent.header)
	return c.Blob(http.StatusOK, echo.MIMETextHTMLCharsetUTF8, sent.text)
}
