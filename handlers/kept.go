package handlers

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/a-h/templ"
	"github.com/klauspost/compress/gzip"
	"github.com/labstack/echo/v4"
	"golang.org/x/sync/singleflight"
)

const (
	// keptFor is how long what everybody sees alike is kept. It is made anew from
	// the database then, so a shop needs not hear of what another one sold: two
	// of these, one made from another, are a stock of a second ago at most.
	keptFor = 500 * time.Millisecond

	// maxKept bounds how many things of a sort are kept.
	maxKept = 1000
)

// kept keeps things that are made from the database and are the same for
// everybody, under a name each. Who asks while one is being made waits for it.
type kept[T any] struct {
	now    func() time.Time
	mu     sync.RWMutex
	things map[string]thing[T]
	making singleflight.Group
}

type thing[T any] struct {
	value T
	asked time.Time // before it was made
}

func (k *kept[T]) get(ctx context.Context, name string, makeIt func(context.Context) (T, error)) (T, error) {
	if t, ok := k.fresh(name); ok {
		return t, nil
	}
	made, err, _ := k.making.Do(name, func() (any, error) {
		if t, ok := k.fresh(name); ok { // somebody has made it since
			return t, nil
		}
		// It is for others, too, who still want it when this one has left.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), requestTimeout)
		defer cancel()
		asked := k.now()
		value, err := makeIt(ctx)
		if err == nil {
			k.keep(name, thing[T]{value, asked})
		}
		return value, err
	})
	return made.(T), err
}

func (k *kept[T]) fresh(name string) (value T, ok bool) {
	k.mu.RLock()
	defer k.mu.RUnlock()
	t, ok := k.things[name]
	return t.value, ok && k.now().Sub(t.asked) < keptFor
}

func (k *kept[T]) keep(name string, t thing[T]) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.things == nil || len(k.things) >= maxKept {
		k.things = map[string]thing[T]{} // what is still wanted comes back soon enough
	}
	k.things[name] = t
}

// keptPage is a page as it is sent to everybody whose cart is empty.
type keptPage struct {
	tag          string
	header       http.Header // which says what the page is; all answers share its values
	plain, small keptText
}

// keptText is a page's text and the header of its own: small is compressed.
type keptText struct {
	header http.Header
	text   []byte
}

// publicPage answers with a page of the catalogue. Who has a cart gets one drawn
// for himself, for it says how full that is; so does who asks for anything that
// is not in the catalogue's own links.
func (h *Handler) publicPage(c echo.Context, draw func(context.Context) (templ.Component, error)) error {
	r := c.Request()
	_, err := c.Cookie(cartCookie)
	category, named := strings.CutPrefix(r.URL.RawQuery, "category=")
	if err == nil || r.URL.RawQuery != "" && !(named && isCategory(category)) {
		ctx, cancel := context.WithTimeout(r.Context(), requestTimeout)
		defer cancel()
		page, err := draw(ctx)
		if err != nil {
			return err
		}
		return render(c, http.StatusOK, page)
	}
	p, err := h.pages.get(r.Context(), string(lang(c))+r.URL.Path+"?"+category, func(ctx context.Context) (keptPage, error) {
		page, err := draw(ctx)
		if err != nil {
			return keptPage{}, err
		}
		return drawKept(ctx, page)
	})
	if err != nil {
		return err
	}
	return p.send(c)
}

func drawKept(ctx context.Context, page templ.Component) (keptPage, error) {
	var plain, small bytes.Buffer
	if err := page.Render(ctx, &plain); err != nil {
		return keptPage{}, err
	}
	w := gzip.NewWriter(&small)
	_, err := w.Write(plain.Bytes())
	sum := sha256.Sum256(plain.Bytes())
	p := keptPage{plain: newKeptText(plain.Bytes()), tag: fmt.Sprintf(`W/"%x"`, sum[:8])}
	p.header = http.Header{
		echo.HeaderVary:         {"Accept-Language, Cookie, Accept-Encoding"},
		echo.HeaderCacheControl: {"private, no-cache"},
		"Etag":                  {p.tag},
	}
	err = errors.Join(err, w.Close())
	p.small = newKeptText(small.Bytes())
	p.small.header.Set(echo.HeaderContentEncoding, "gzip")
	return p, err
}

func newKeptText(text []byte) keptText {
	return keptText{text: text, header: http.Header{
		echo.HeaderContentType:   {echo.MIMETextHTMLCharsetUTF8},
		echo.HeaderContentLength: {strconv.Itoa(len(text))},
	}}
}

// send sends the page, or says that the browser has it already. It must ask each
// time: whoever has filled a cart meanwhile gets another.
func (p keptPage) send(c echo.Context) error {
	header := c.Response().Header()
	maps.Copy(header, p.header)
	if strings.Contains(c.Request().Header.Get("If-None-Match"), p.tag) {
		return c.NoContent(http.StatusNotModified)
	}
	sent := p.plain
	if takesGzip(c.Request()) {
		sent = p.small
	}
	maps.Copy(header, sent.header)
	return c.Blob(http.StatusOK, echo.MIMETextHTMLCharsetUTF8, sent.text)
}
