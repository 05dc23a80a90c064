package console

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"warungjokul/handlers/web"
	"warungjokul/models"
	"warungjokul/views"
)

const (
	inboxPath = "/console/notifications"
	inboxPage = 50 // notifications on a page

	// clockOff is how far from ours the clock in a notification may be without
	// a remark.
	clockOff = time.Hour

	keyCheckTimeout = 4 * time.Second // for a call that tests the Secret Key
)

func deliveryPath(id int64) string { return inboxPath + "/" + strconv.FormatInt(id, 10) }

func rejectionPath(id int64) string { return inboxPath + "/r" + strconv.FormatInt(id, 10) }

// showInbox lists what came to the Notification URL. What was rejected stands
// on the first page, and by itself.
func (h *Handler) showInbox(c echo.Context) error {
	ctx, l := c.Request().Context(), web.Lang(c)
	h.Payments.SaveRejections(ctx)
	p := views.InboxPage{URL: h.notificationURL(), About: strings.ToUpper(web.CutText(web.CleanText(c.QueryParam("q")), web.MaxNumber))}
	var err error
	if p.ConsolePage, err = h.ConsolePage(c, "notifications", l.T("console.notifications")); err != nil {
		return err
	}
	if p.Counts, err = h.inboxCounts(ctx, l); err != nil {
		return err
	}
	shown := c.QueryParam("show")
	for _, key := range []string{"all", "applied", "repeated", "flagged", "rejected"} {
		query := url.Values{"show": {key}}
		if p.About != "" {
			query.Set("q", p.About)
		}
		p.Filters = append(p.Filters, views.CategoryLink{URL: inboxPath + "?" + query.Encode(), Name: l.T("inbox.filter." + key), Current: key == shown || key == "all" && shown == ""})
	}
	before, _ := strconv.ParseInt(c.QueryParam("before"), 10, 64)
	if err := h.listDeliveries(ctx, &p, shown, before); err != nil {
		return err
	}
	return web.Render(c, http.StatusOK, views.Inbox(p))
}

// notificationURL is the address the gateway is to know.
func (h *Handler) notificationURL() string {
	return strings.TrimSuffix(h.BaseURL, "/") + h.NotificationPath
}

func (h *Handler) inboxCounts(ctx context.Context, l views.Lang) ([]views.Fact, error) {
	verdicts, err := h.Store.VerdictCounts(ctx)
	if err != nil {
		return nil, fmt.Errorf("count notifications: %w", err)
	}
	rejected, err := h.Store.RejectionCounts(ctx)
	if err != nil {
		return nil, fmt.Errorf("count rejections: %w", err)
	}
	var list []views.Fact
	repeats, sum := int64(0), int64(0)
	for _, v := range verdicts {
		repeats += v.Deliveries - v.Messages
		if v.Verdict == models.VerdictRepeated {
			repeats += v.Messages
			continue
		}
		list = append(list, views.Fact{Name: l.T("inbox.verdict." + string(v.Verdict)), Value: fmt.Sprint(v.Messages)})
	}
	for _, r := range rejected {
		sum += r.Count
	}
	return append(list, views.Fact{Name: l.T("inbox.verdict.repeated"), Value: fmt.Sprint(repeats)},
		views.Fact{Name: l.T("inbox.verdict.rejected"), Value: fmt.Sprint(sum)}), nil
}

// listDeliveries fills a page: notifications by what is asked for, and among
// them, by their times, the samples of what was rejected.
func (h *Handler) listDeliveries(ctx context.Context, p *views.InboxPage, shown string, before int64) error {
	var list []models.Notification
	var rejected []models.Rejection
	var err error
	if shown != "rejected" {
		kind := models.InboxKind(shown)
		if shown == "all" {
			kind = models.InboxAll
		}
		if list, err = h.Store.Notifications(ctx, kind, p.About, before, inboxPage); err != nil {
			return fmt.Errorf("notifications: %w", err)
		}
	}
	if (shown == "rejected" || shown == "all" || shown == "") && before == 0 {
		if rejected, err = h.Store.Rejections(ctx); err != nil {
			return fmt.Errorf("rejections: %w", err)
		}
	}
	for _, r := range rejected {
		p.Sampled = true
		if !strings.HasPrefix(r.InvoiceNumber, p.About) {
			continue
		}
		for len(list) > 0 && list[0].ReceivedAt.After(r.ReceivedAt) {
			p.Deliveries, list = append(p.Deliveries, notificationLine(p.Lang, list[0])), list[1:]
		}
		p.Deliveries = append(p.Deliveries, views.InboxLine{Path: rejectionPath(r.ID), About: r.InvoiceNumber, At: p.Lang.Moment(r.ReceivedAt),
			Effect: p.Lang.T("inbox.reason." + r.Reason), Sign: rejectedSign(p.Lang)})
	}
	for i, n := range list {
		p.Deliveries = append(p.Deliveries, notificationLine(p.Lang, n))
		if i+1 == len(list) && len(p.Deliveries) >= inboxPage {
			p.Older = inboxPath + "?" + url.Values{"show": {shown}, "q": {p.About}, "before": {fmt.Sprint(n.ID)}}.Encode()
		}
	}
	return nil
}

func notificationLine(l views.Lang, n models.Notification) views.InboxLine {
	line := views.InboxLine{Path: deliveryPath(n.ID), About: n.InvoiceNumber, Status: n.TransactionStatus, At: l.Moment(n.ReceivedAt),
		Effect: l.T("inbox.effect." + string(n.Effect)), Sign: verdictSign(l, n.Verdict)}
	if n.Deliveries > 1 {
		line.Times = l.T("inbox.times", n.Deliveries)
	}
	return line
}

func verdictSign(l views.Lang, v models.Verdict) views.Sign {
	sign := views.Sign{Text: l.T("inbox.verdict." + string(v))}
	switch v {
	case models.VerdictApplied:
		sign.Good = true
	case models.VerdictHeld, models.VerdictMismatched, models.VerdictUnknownInvoice, models.VerdictUnreadable:
		sign.Bad = true
	}
	return sign
}

func rejectedSign(l views.Lang) views.Sign {
	return views.Sign{Text: l.T("inbox.verdict.rejected"), Bad: true}
}
