package handlers

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/url"

	"warungjokul/models"
	"warungjokul/views"
)

// wire is what was said about an order, for a developer to read beside its page.
func (h *Handler) wire(ctx context.Context, l views.Lang, o models.Order) ([]views.Message, error) {
	var invoices []string
	for _, p := range o.Payments {
		invoices = append(invoices, p.InvoiceNumber)
	}
	exchanges, err := h.Store.ExchangesOf(ctx, o)
	if err != nil {
		return nil, fmt.Errorf("exchanges: %w", err)
	}
	notifications, err := h.Store.NotificationsAbout(ctx, invoices)
	if err != nil {
		return nil, fmt.Errorf("notifications: %w", err)
	}
	var list []views.Message
	for _, x := range exchanges {
		address, _ := url.Parse(x.URL)
		list = append(list, views.Message{
			Title: x.Method + " " + address.EscapedPath(), At: l.Moment(x.StartedAt), Signed: x.StringToSign,
			Sent: laidOut(x.RequestBody), Got: fmt.Sprintf("HTTP %d\n%s", x.Status, laidOut(x.ResponseBody)),
		})
	}
	for _, n := range notifications {
		list = append(list, views.Message{
			Title: "POST " + h.NotificationPath, At: l.Moment(n.ReceivedAt), Sent: laidOut(withoutCustomer(n.Body)),
			Got: fmt.Sprintf("%s, %s (%s)", n.Verdict, n.Effect, n.Duration),
		})
	}
	return list, nil
}

// laidOut is JSON for the eye, and anything else as it is.
func laidOut(body []byte) string {
	var text bytes.Buffer
	if json.Indent(&text, body, "", "  ") != nil {
		return string(body)
	}
	return text.String()
}
