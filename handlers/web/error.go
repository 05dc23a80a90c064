package web

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"syscall"

	"github.com/labstack/echo/v4"

	"warungjokul/models"
	"warungjokul/views"
)

// statusOf turns an error into the one HTTP status it means.
func statusOf(err error) int {
	var (
		known    *echo.HTTPError
		tooLarge *http.MaxBytesError
	)
	switch {
	case errors.As(err, &known):
		return known.Code
	case errors.Is(err, models.ErrNotFound):
		return http.StatusNotFound
	case errors.As(err, &tooLarge):
		return http.StatusRequestEntityTooLarge
	case errors.Is(err, models.ErrUnavailable), errors.Is(err, context.DeadlineExceeded):
		return http.StatusServiceUnavailable
	default:
		return http.StatusInternalServerError
	}
}

// StatusClientClosed is what a request counts as whose client left before it had its answer: nginx's number for that.
// Nobody receives it.
const StatusClientClosed = 499

// clientLeft reports whether an error means only that the client of a request has left: what was done for it was
// cancelled, or the answer could not be written. The HTTP server cancels the client's context in both cases. An error
// that would also have met a client that stayed stays an error.
func clientLeft(client context.Context, err error) bool {
	return errors.Is(client.Err(), context.Canceled) &&
		(errors.Is(err, context.Canceled) || connectionLost(err) && !errors.Is(err, models.ErrUnavailable))
}

// connectionLost reports whether the other side of a connection was gone.
func connectionLost(err error) bool {
	return errors.Is(err, syscall.EPIPE) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, net.ErrClosed)
}

// ShowError logs an error that is ours, once, and tells the client what to do
// next: people a page, programs a line of JSON.
func (h *App) ShowError(err error, c echo.Context) {
	status := statusOf(err)
	if status >= http.StatusInternalServerError {
		h.Log.ErrorContext(c.Request().Context(), "request failed", "method", c.Request().Method, "route", c.Path(), "error", err)
	}
	if c.Response().Committed {
		return
	}
	if status == http.StatusServiceUnavailable {
		c.Response().Header().Set("Retry-After", "10")
	}
	if wantsJSON(c) {
		err = c.JSON(status, map[string]string{"error": strings.ToLower(http.StatusText(status))})
	} else {
		err = h.errorPage(c, status)
	}
	if err != nil && !connectionLost(err) {
		h.Log.ErrorContext(c.Request().Context(), "show error", "error", err)
	}
}

func wantsJSON(c echo.Context) bool {
	return strings.HasSuffix(c.Path(), "/status") || strings.HasSuffix(c.Path(), "/events") ||
		strings.HasPrefix(c.Request().Header.Get(echo.HeaderAccept), echo.MIMEApplicationJSON)
}

// pageBefore is the page of ours that a form was on, or empty.
func pageBefore(r *http.Request) string {
	before, err := url.Parse(r.Referer())
	if err != nil || before.Host != r.Host {
		return ""
	}
	return OwnPath(before.RequestURI())
}

func (h *App) errorPage(c echo.Context, status int) error {
	page := h.Page(c, "")
	kind := status
	switch status {
	case 403, 404, 405, 413, 422, 429, 503:
	default:
		kind = http.StatusInternalServerError
		if status < kind {
			kind = http.StatusUnprocessableEntity
		}
	}
	name := strconv.Itoa(kind)
	p := views.ErrorPage{Page: page, Heading: page.T("error." + name), Text: page.T("error." + name + ".text")}
	p.Title = p.Heading
	switch read := isRead(c.Request()); {
	case read && (status == http.StatusTooManyRequests || status >= http.StatusInternalServerError):
		p.Again = OwnPath(c.Request().URL.RequestURI())
	case !read:
		p.Back = pageBefore(c.Request())
	}
	return Render(c, status, views.Error(p))
}
