package demo

import (
	"bytes"
	"net/http"

	"github.com/labstack/echo/v4"

	"warungjokul/handlers/web"
	"warungjokul/models"
	"warungjokul/views"
)

func (h *Handler) showGallery(c echo.Context) error {
	return web.Render(c, http.StatusOK, views.Gallery(h.Page(c, web.Lang(c).T("gallery.title"))))
}

// showSample shows one page in one state, with made-up content.
func (h *Handler) showSample(c echo.Context) error {
	for _, s := range views.Samples() {
		if s.Name != c.Param("name") {
			continue
		}
		if s.Frames {
			c.Response().Header().Set("Content-Security-Policy", web.Policy+"; frame-src 'self'")
		}
		web.SetServerTime(c, views.SampleNow())
		page := s.Draw(h.Page(c, s.Name))
		if !s.Letter {
			return web.Render(c, http.StatusOK, page)
		}
		var html bytes.Buffer
		if err := page.Render(c.Request().Context(), &html); err != nil {
			return err
		}
		return showLetter(c, html.String())
	}
	return models.ErrNotFound
}
