package handlers

import (
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/labstack/echo/v4"

	"warungjokul/handlers/web"
	"warungjokul/jokul"
	"warungjokul/payments"
)

// receiveNotification answers the gateway at the Notification URL. 200 means that
// the notification is saved, 401 that it is not the gateway's, 503 that it has to
// be sent again (docs/protocol.md section 7). What is done is in payments.
func (h *Handler) receiveNotification(c echo.Context) error {
	received := h.Now()
	body, err := io.ReadAll(http.MaxBytesReader(c.Response(), c.Request().Body, jokul.MaxNotificationSize))
	if err != nil {
		h.Metrics.Payments.NotificationUnread()
		return fmt.Errorf("read notification: %w", web.BodyError(err))
	}
	_, err = h.Payments.ReceiveNotification(c.Request().Context(), payments.Delivery{
		Header: c.Request().Header, Body: body, Sender: c.RealIP(), ReceivedAt: received})
	var rejected *payments.NotGenuineError
	switch {
	case errors.As(err, &rejected):
		return c.NoContent(http.StatusUnauthorized)
	case err != nil:
		return echo.NewHTTPError(http.StatusServiceUnavailable).SetInternal(err)
	}
	return c.NoContent(http.StatusOK)
}
