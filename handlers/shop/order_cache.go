package shop

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/a-h/templ"
	"github.com/klauspost/compress/gzip"
	"github.com/labstack/echo/v4"

	"warungjokul/handlers/web"
	"warungjokul/models"
	"warungjokul/views"
)

// maxOrderPages bounds the cached order pages, in bytes.
const maxOrderPages = 4 << 20

// pageCache holds order pages as they were rendered, compressed, each with the version of
// the very order it was rendered from. A page is sent again while the database holds the same
// version: whatever changes the order, here or in another process, changes that. So no page
// is older than the event that has it fetched, and nothing has to be invalidated.
type pageCache struct {
	mu    sync.Mutex
	pages map[pageKey]cachedOrder
	bytes int
}

// pageKey names an order's page, and for whom it was rendered.
type pageKey struct {
	token     string
	lang      views.Lang
	inspector bool // it leads to what happened underneath
}

type cachedOrder struct {
	version models.OrderVersion
	until   time.Time // the next deadline of its codes, zero where there is none
	gzipped []byte
}

// holds reports whether a page, if there is one, is what would be drawn now.
func (p cachedOrder) holds(version models.OrderVersion, now time.Time) bool {
	return p.version == version && (p.until.IsZero() || now.Before(p.until))
}

func (k *pageCache) get(name pageKey) cachedOrder {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.pages[name]
}

func (k *pageCache) put(name pageKey, p cachedOrder) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.drop(name)
	for old := range k.pages {
		if k.bytes+len(p.gzipped) <= maxOrderPages {
			break
		}
		k.drop(old) // any: it is drawn again when it is asked for
	}
	if k.pages == nil {
		k.pages = map[pageKey]cachedOrder{}
	}
	k.pages[name] = p
	k.bytes += len(p.gzipped)
}

func (k *pageCache) drop(name pageKey) {
	k.bytes -= len(k.pages[name].gzipped)
	delete(k.pages, name)
}

// pageCacheKey returns the key of the cached page that answers a request. Shoppers with a
// cart, requests with a query and clients without gzip are answered without the cache.
func (h *Handler) pageCacheKey(c echo.Context) (name pageKey, ok bool) {
	r := c.Request()
	if _, err := c.Cookie(web.CartCookie); err == nil || r.URL.RawQuery != "" || !acceptsGzip(r) {
		return name, false
	}
	return pageKey{token: c.Param("token"), lang: web.Lang(c), inspector: h.MayInspect(c)}, true
}

// sendCachedOrder sends the cached page, and renders it first where it is missing or old.
func (h *Handler) sendCachedOrder(c echo.Context, name pageKey) error {
	version, err := h.Store.OrderVersion(c.Request().Context(), name.token)
	if err != nil {
		return fmt.Errorf("order: %w", err)
	}
	now, p := h.Now(), h.orders.get(name)
	if !p.holds(version, now) {
		o, err := h.order(c)
		if err != nil {
			return err
		}
		p = cachedOrder{version: o.Version()}
		for _, attempt := range o.Payments {
			if deadline := attempt.ExpiresAt; deadline != nil && now.Before(*deadline) && (p.until.IsZero() || deadline.Before(p.until)) {
				p.until = *deadline
			}
		}
		if p.gzipped, err = renderGzip(c.Request().Context(), h.drawOrder(c, o, "")); err != nil {
			return err
		}
		h.orders.put(name, p)
	}
	web.SetServerTime(c, now)
	web.PageHeader(c.Response().Header())
	c.Response().Header().Set(echo.HeaderContentEncoding, "gzip")
	c.Response().Header().Set(echo.HeaderContentLength, strconv.Itoa(len(p.gzipped)))
	return c.Blob(http.StatusOK, echo.MIMETextHTMLCharsetUTF8, p.gzipped)
}

// renderGzip renders a page and compresses it.
func renderGzip(ctx context.Context, page templ.Component) ([]byte, error) {
	rendered, giveBack := web.GetBuffer()
	defer giveBack()
	if err := page.Render(context.WithoutCancel(ctx), rendered); err != nil {
		return nil, err
	}
	return gzipped(rendered.Bytes())
}

// compressors are reused, because each holds three quarters of a megabyte. The fastest level takes a fifth of the time
// of the usual one, and its pages are a tenth larger.
var compressors = sync.Pool{New: func() any {
	w, _ := gzip.NewWriterLevel(nil, gzip.BestSpeed) // a level that exists
	return w
}}

// gzipped compresses a page that is cached. All others are compressed as they are sent.
func gzipped(page []byte) ([]byte, error) {
	w := compressors.Get().(*gzip.Writer)
	defer compressors.Put(w)
	var compressed bytes.Buffer
	w.Reset(&compressed)
	_, err := w.Write(page)
	err = errors.Join(err, w.Close())
	return compressed.Bytes(), err
}

// acceptsGzip reports whether a client accepts gzip.
func acceptsGzip(r *http.Request) bool {
	return strings.Contains(r.Header.Get(echo.HeaderAcceptEncoding), "gzip")
}
