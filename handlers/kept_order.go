package handlers

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/a-h/templ"
	"github.com/labstack/echo/v4"

	"warungjokul/models"
	"warungjokul/views"
)

// maxOrderPages bounds the pages of orders that are kept, in bytes.
const maxOrderPages = 4 << 20

// orderPages keeps pages of orders as they were drawn, compressed, each with the
// glance at the very order it was drawn from. It is sent again if a look at the
// database finds the same: whatever has changed since, here or by another shop,
// makes another glance. So nobody needs to be told, and no page is older than
// the event that has it asked for.
//
// That glance is the order's own: one that was read before the order, or after,
// might be of another moment, and stand for what is not on the page.
type orderPages struct {
	mu    sync.Mutex
	pages map[orderPageName]orderPage
	bytes int
}

// orderPageName is which order's page, and for whom.
type orderPageName struct {
	token     string
	lang      views.Lang
	inspector bool // it leads to what happened underneath
}

type orderPage struct {
	glance models.Glance
	until  time.Time // the deadline, where it was drawn before that; else zero
	small  []byte
}

// holds reports whether a page, if there is one, is what would be drawn now.
func (p orderPage) holds(glance models.Glance, now time.Time) bool {
	return p.glance == glance && (p.until.IsZero() || now.Before(p.until))
}

func (k *orderPages) get(name orderPageName) orderPage {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.pages[name]
}

func (k *orderPages) keep(name orderPageName, p orderPage) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.drop(name)
	for old := range k.pages {
		if k.bytes+len(p.small) <= maxOrderPages {
			break
		}
		k.drop(old) // any: it is drawn again when it is asked for
	}
	if k.pages == nil {
		k.pages = map[orderPageName]orderPage{}
	}
	k.pages[name] = p
	k.bytes += len(p.small)
}

func (k *orderPages) drop(name orderPageName) {
	k.bytes -= len(k.pages[name].small)
	delete(k.pages, name)
}

// keptName says which kept page answers a request, if one may: a page for those
// whose cart is empty, and who want it compressed and without a notice.
func (h *Handler) keptName(c echo.Context) (name orderPageName, ok bool) {
	r := c.Request()
	if _, err := c.Cookie(cartCookie); err == nil || r.URL.RawQuery != "" || !takesGzip(r) {
		return name, false
	}
	return orderPageName{token: c.Param("token"), lang: lang(c), inspector: h.mayInspect(c)}, true
}

// keptOrderPage sends the page that is kept, or draws it.
func (h *Handler) keptOrderPage(c echo.Context, name orderPageName) error {
	glance, err := h.Store.Glance(c.Request().Context(), name.token)
	if err != nil {
		return fmt.Errorf("order: %w", err)
	}
	now, p := h.Now(), h.orders.get(name)
	if !p.holds(glance, now) {
		o, err := h.order(c)
		if err != nil {
			return err
		}
		p = orderPage{glance: o.Glance()}
		if deadline := o.Payment().ExpiresAt; deadline != nil && now.Before(*deadline) {
			p.until = *deadline
		}
		if p.small, err = drawSmall(c.Request().Context(), h.drawOrder(c, o, "")); err != nil {
			return err
		}
		h.orders.keep(name, p)
	}
	tellTime(c, now)
	pageHeader(c.Response().Header())
	return sendAs(c, http.StatusOK, echo.MIMETextHTMLCharsetUTF8, "gzip", p.small)
}

// drawSmall draws a page and compresses it.
func drawSmall(ctx context.Context, page templ.Component) ([]byte, error) {
	drawn, giveBack := borrow()
	defer giveBack()
	if err := page.Render(context.WithoutCancel(ctx), drawn); err != nil {
		return nil, err
	}
	small, giveBackSmall := borrow()
	defer giveBackSmall()
	err := compress(small, drawn.Bytes())
	return bytes.Clone(small.Bytes()), err
}
