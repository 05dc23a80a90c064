package handlers

import (
	"bytes"
	"net/http"

	"github.com/labstack/echo/v4"

	"warungjokul/models"
	"warungjokul/views"
)

func (h *Handler) showGallery(c echo.Context) error {
	return render(c, http.StatusOK, views.Gallery(h.page(c, lang(c).T("gallery.title"))))
}

// showSample shows one page in one state, with made-up content.
func (h *Handler) showSample(c echo.Context) error {
	for _, s := range views.Samples() {
		if s.Name != c.Param("name") {
			continue
		}
		if s.Frames {
			c.Response().Header().Set("Content-Security-Policy", policy+"; frame-src 'self'")
		}
		tellTime(c, views.SampleNow())
		page := s.Draw(h.page(c, s.Name))
		if !s.Letter {
			return render(c, http.StatusOK, page)
		}
		var html bytes.Buffer
		if err := page.Render(c.Request().Context(), &html); err != nil {
			return err
		}
		return showLetter(c, html.String())
	}
	return models.ErrNotFound
}
