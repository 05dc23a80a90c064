package demo

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/labstack/echo/v4"

	"warungjokul/handlers/web"
	"warungjokul/models"
	"warungjokul/views"
)

// showMailbox lists what was sent, or would have been.
func (h *Handler) showMailbox(c echo.Context) error {
	list, err := h.Store.Mails(c.Request().Context(), 100)
	if err != nil {
		return fmt.Errorf("mailbox: %w", err)
	}
	p := views.MailboxPage{Page: h.Page(c, web.Lang(c).T("mailbox.title"))}
	for _, m := range list {
		p.Mails = append(p.Mails, viewMail(p.Lang, m))
	}
	return web.Render(c, http.StatusOK, views.Mailbox(p))
}

func viewMail(l views.Lang, m models.Mail) views.SentMail {
	return views.SentMail{Path: fmt.Sprintf("/mailbox/%d", m.ID), To: m.Order.CustomerEmail, Subject: m.Subject, At: l.Moment(*m.SentAt), Text: m.Text}
}

func (h *Handler) mail(c echo.Context) (models.Mail, error) {
	id, err := strconv.ParseInt(c.Param("id"), 10, 64)
	if err != nil {
		return models.Mail{}, models.ErrNotFound
	}
	return h.Store.SentMail(c.Request().Context(), id)
}

func (h *Handler) showMail(c echo.Context) error {
	m, err := h.mail(c)
	if err != nil {
		return err
	}
	c.Response().Header().Set("Content-Security-Policy", web.Policy+"; frame-src 'self'")
	return web.Render(c, http.StatusOK, views.MailboxMail(views.MailPage{Page: h.Page(c, m.Subject), Mail: viewMail(web.Lang(c), m)}))
}

// showMailHTML is a mail as a mail program would draw it.
func (h *Handler) showMailHTML(c echo.Context) error {
	m, err := h.mail(c)
	if err != nil {
		return err
	}
	return showLetter(c, m.HTML)
}

// showLetter draws a mail's HTML. Its one style block is allowed by its hash.
func showLetter(c echo.Context, html string) error {
	_, style, _ := strings.Cut(html, "<style>")
	style, _, _ = strings.Cut(style, "</style>")
	digest := sha256.Sum256([]byte(style))
	c.Response().Header().Set("Content-Security-Policy",
		"default-src 'none'; style-src 'sha256-"+base64.StdEncoding.EncodeToString(digest[:])+"'; frame-ancestors 'self'; base-uri 'none'")
	c.Response().Header().Set("Cache-Control", "no-store")
	return c.Blob(http.StatusOK, echo.MIMETextHTMLCharsetUTF8, []byte(html))
}
