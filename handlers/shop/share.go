package shop

import (
	"net/http"
	"net/url"
	"time"

	ics "github.com/arran4/golang-ical"
	"github.com/labstack/echo/v4"

	"warungjokul/handlers/web"
	"warungjokul/models"
	"warungjokul/static"
	"warungjokul/views"
)

// shareLinks returns the links by which a shopper takes the code along.
func shareLinks(v views.OrderPage) *views.ShareLinks {
	text := v.T("keep.message", v.Code.Digits, v.Amount, v.Code.Deadline, v.Say, v.Number, v.ShopName(), v.URL)
	subject := v.T("keep.subject", v.Number)
	return &views.ShareLinks{
		Text:     text,
		WhatsApp: "https://wa.me/?text=" + url.PathEscape(text),
		Mail:     "mailto:?subject=" + url.PathEscape(subject) + "&body=" + url.PathEscape(text),
		Calendar: v.Path + "/calendar.ics",
	}
}

// showCashier is the view to hold up at the till.
func (h *Handler) showCashier(c echo.Context) error {
	o, err := h.order(c)
	if err != nil {
		return err
	}
	web.SetServerTime(c, h.Now())
	return web.Render(c, http.StatusOK, views.Cashier(h.viewOrder(h.Page(c, ""), o, "")))
}

// alarm is how long before the deadline a calendar reminds: half an hour, or
// halfway where there is less than an hour.
func alarm(p models.Payment) time.Duration {
	return min(30*time.Minute, p.ExpiresAt.Sub(*p.CodeIssuedAt)/2)
}

// orderCalendar is the deadline as a calendar file with an alarm.
func (h *Handler) orderCalendar(c echo.Context) error {
	o, err := h.order(c)
	if err != nil {
		return err
	}
	v := h.viewOrder(h.Page(c, ""), o, "")
	if v.Code == nil {
		return models.ErrNotFound
	}
	payment := o.Payment()
	file := ics.NewCalendarFor(v.ShopName())
	file.SetMethod(ics.MethodPublish)
	event := file.AddEvent(payment.InvoiceNumber + "@warung-jokul")
	event.SetDtStampTime(h.Now())
	event.SetStartAt(payment.ExpiresAt.Add(-alarm(payment)))
	event.SetEndAt(*payment.ExpiresAt)
	event.SetSummary(v.T("keep.event", v.Number))
	event.SetDescription(v.Keep.Text)
	event.SetURL(v.URL)
	reminder := event.AddAlarm()
	reminder.SetAction(ics.ActionDisplay)
	reminder.SetTrigger("PT0S")
	reminder.SetDescription(v.T("keep.event", v.Number))
	c.Response().Header().Set("Cache-Control", "no-store")
	c.Response().Header().Set("Content-Disposition", `attachment; filename="`+v.Number+`.ics"`)
	return c.Blob(http.StatusOK, "text/calendar; charset=utf-8", []byte(file.Serialize(ics.WithNewLineWindows)))
}

// serviceWorker is served from the root, for that is how far it may reach. It
// must not be kept: the next version replaces it.
func serviceWorker(c echo.Context) error {
	c.Response().Header().Set("Cache-Control", "no-cache")
	return c.Blob(http.StatusOK, "text/javascript; charset=utf-8", static.ServiceWorker())
}
