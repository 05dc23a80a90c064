package web

import (
	"regexp"
	"time"

	"github.com/labstack/echo/v4"

	"warungjokul/payments/requestid"
)

// safeID is what a request may be called by others: it goes into logs and
// headers as it stands.
var safeID = regexp.MustCompile(`^[A-Za-z0-9._-]{1,64}$`)

// identify gives a request its id: the one that a trusted proxy has given it, or a
// new one.
func (h *App) identify(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		r := c.Request()
		id, trusted := r.Header.Get(echo.HeaderXRequestID), h.Proxies.trust(r.RemoteAddr)
		if id == "" || !safeID.MatchString(id) || !trusted {
			id = requestid.New(time.Now())
		}
		c.SetRequest(r.WithContext(requestid.With(r.Context(), id)))
		if trusted {
			h.warnOfDispute(c.Request())
		} else {
			h.warnOfProxy(c.Request())
		}
		c.Response().Header().Set(echo.HeaderXRequestID, id)
		return next(c)
	}
}
