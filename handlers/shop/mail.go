package shop

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"
	"golang.org/x/sync/errgroup"

	"warungjokul/handlers/web"
	"warungjokul/models"
	"warungjokul/payments"
	"warungjokul/payments/requestid"
	"warungjokul/views"
)

const (
	mailBatch   = 8
	mailTimeout = time.Minute // as long as its lease
)

// RunMail sends mails that are due, until ctx ends. What is due is in the database, and a
// lease there keeps several processes from sending it twice.
func (h *Handler) RunMail(ctx context.Context) {
	for ctx.Err() == nil {
		ctx := requestid.Begin(ctx, "mailer")
		busy, err := h.SendDueMails(ctx)
		if err != nil && ctx.Err() == nil {
			h.Log.ErrorContext(ctx, "look after mails", "error", err)
		}
		if !busy {
			next, nextErr := h.Store.NextMail(ctx)
			h.MailDue.Sleep(ctx, payments.Until(next, h.Now(), err != nil || nextErr != nil))
		}
	}
}

// SendDueMails claims the mails that are due, a batch at most, and sends them at the same
// time. busy is false where none was due.
func (h *Handler) SendDueMails(ctx context.Context) (busy bool, err error) {
	due, err := h.Store.ClaimMails(ctx, mailBatch)
	var group errgroup.Group
	for _, m := range due { // all at once: one after the other they might outlast their lease
		group.Go(func() error {
			h.sendMail(requestid.Begin(ctx, "mail"), m)
			return nil
		})
	}
	return len(due) > 0, errors.Join(err, group.Wait())
}

func (h *Handler) sendMail(ctx context.Context, m models.Mail) {
	sending, cancel := payments.WithGrace(ctx, mailTimeout)
	defer cancel()
	if m.TooLate(h.Now()) {
		h.giveUpMail(ctx, m)
		return
	}
	err := h.deliverBounded(sending, &m)
	keeping, cancel := payments.Saving(ctx)
	defer cancel()
	if errors.Is(err, errOverLimit) {
		h.Metrics.MailsHeld.Inc()
		h.Limits.Do(func() {
			h.Log.WarnContext(ctx, "mail not sent: too many went to its recipient, or because of one client", "order_number", m.Order.Number, "kind", m.Kind)
		})
		err = h.Store.HoldMail(keeping, m)
	} else if err != nil && context.Cause(sending) == payments.ErrStopped {
		h.Log.WarnContext(ctx, "mail left for the next start", "order_number", m.Order.Number, "kind", m.Kind)
		err = h.Store.PostponeMail(keeping, m, payments.ErrStopped.Error(), h.Now())
	} else if err != nil {
		said := payments.ErrorText(err, m.Order)
		h.Log.WarnContext(ctx, "mail not sent", "order_number", m.Order.Number, "kind", m.Kind, "tries", m.Tries, "error", said)
		err = h.Store.PostponeMail(keeping, m, said, h.Now().Add(min(time.Minute<<min(m.Tries, 6), models.MailPause)))
	} else {
		h.Log.InfoContext(ctx, "mail", "order_number", m.Order.Number, "kind", m.Kind, "sent", m.Subject != "" && !h.MailStays())
		err = h.Store.MailSent(keeping, m)
	}
	if err != nil {
		h.Log.ErrorContext(ctx, "keep mail", "order_number", m.Order.Number, "error", err)
	}
}

// giveUpMail ends the tries to send a mail about money. Staff see it on the order's page of the console.
func (h *Handler) giveUpMail(ctx context.Context, m models.Mail) {
	keeping, cancel := payments.Saving(ctx)
	defer cancel()
	err := h.Store.GiveUpMail(keeping, m)
	h.Metrics.MailsGivenUp.Inc()
	h.Log.ErrorContext(ctx, "mail given up", "order_number", m.Order.Number, "kind", m.Kind, "tries", m.Tries, "keep", err)
}

// errOverLimit: as many mails were sent as strangers may cause.
var errOverLimit = errors.New("too many mails")

// isBounded reports whether mails of a kind count against what a recipient may be sent: those that a stranger can
// cause. In a public demo that is each of them, for money is free there.
func (h *Handler) isBounded(kind models.MailKind) bool { return kind.Bounded() || h.PublicDemo() }

// deliverBounded delivers a mail within what its recipient may be sent and what one client may cause. A mail that is
// not sent after all, because it
// is not wanted any more or because of an error, is not counted.
func (h *Handler) deliverBounded(ctx context.Context, m *models.Mail) error {
	if !h.RateLimit || !h.isBounded(m.Kind) || !m.Wanted(h.Now()) {
		return h.deliver(ctx, m)
	}
	counted, allowed, err := h.Store.CountMail(ctx, *m)
	if err != nil {
		return err
	}
	if !allowed {
		return errOverLimit
	}
	if err = h.deliver(ctx, m); err == nil && m.Subject != "" {
		return nil
	}
	keeping, cancel := payments.Saving(ctx)
	defer cancel()
	return errors.Join(err, h.Store.UncountMail(keeping, counted))
}

// deliver writes a mail and hands it over, unless there is no reason for it any
// more.
func (h *Handler) deliver(ctx context.Context, m *models.Mail) error {
	if !m.Wanted(h.Now()) {
		m.Subject, m.Text, m.HTML = "", "", "" // of the time before, when it was sent
		return nil
	}
	l := views.Lang(m.Order.Language)
	v := h.viewOrder(views.Page{Lang: l, Contact: h.Contact, Shop: h.Shop.Name}, *m.Order, "")
	v.Customer = mailName(m.Order.CustomerName) // as corrected since, whatever the till shows
	letter := views.NewMail(v, string(m.Kind), mailWords(l, *m)...)
	html, giveBack := web.GetBuffer()
	defer giveBack()
	if err := views.MailHTML(letter).Render(ctx, html); err != nil {
		return err
	}
	m.Subject, m.Text, m.HTML = letter.Subject, letter.Text(), html.String()
	return h.handOver(ctx, web.Letter{
		ID: fmt.Sprintf("%d.%d.%s.%s", m.ID, m.SendAt.Unix(), m.Kind, m.Order.Number), To: m.Order.CustomerEmail, Language: m.Order.Language,
		Subject: m.Subject, Text: m.Text, HTML: m.HTML,
	})
}

// mailWords is what a mail about a case says of it.
func mailWords(l views.Lang, m models.Mail) []string {
	switch m.Kind {
	case models.MailMoney:
		words := []string{web.ShopperCase(l, *m.Order, *m.Case)}
		if advice := web.CaseAdvice(l, m.Case.Kind); advice != "" {
			words = append(words, advice)
		}
		return words
	case models.MailDecided:
		return web.DecisionWords(l, *m.Case, m.Case.Decision)
	}
	return nil
}

// handOver gives a letter to the mail server. One that does not answer in time is
// left, whatever it does about the letter: a connection that hangs heeds no context.
func (h *Handler) handOver(ctx context.Context, l web.Letter) error {
	taken := make(chan error, 2)
	forget := context.AfterFunc(ctx, func() { taken <- context.Cause(ctx) })
	defer forget()
	go func() { taken <- h.Mail(ctx, l) }()
	return <-taken
}

// mailAgain sends the customer the code once more.
func (h *Handler) mailAgain(c echo.Context) error {
	if h.Mail == nil {
		return models.ErrNotFound
	}
	o, err := h.order(c)
	if err != nil {
		return err
	}
	if !o.CodeMail().Wanted(h.Now()) {
		return h.orderPage(c, http.StatusConflict, o, web.Lang(c).T("keep.again.none"))
	}
	if h.RateLimit {
		allowed, err := h.Store.MailAllowed(c.Request().Context(), o)
		if err != nil {
			return fmt.Errorf("mail again: %w", err)
		}
		if !allowed {
			c.Response().Header().Set("Retry-After", "3600")
			return h.orderPage(c, http.StatusTooManyRequests, o, web.Lang(c).T("limit.mail"))
		}
	}
	again, err := h.Store.MailAgain(c.Request().Context(), o.Payment().ID)
	if err != nil {
		return fmt.Errorf("mail again: %w", err)
	}
	if !again {
		c.Response().Header().Set("Retry-After", "60")
		return h.orderPage(c, http.StatusTooManyRequests, o, web.Lang(c).T("keep.again.soon"))
	}
	h.MailDue.Set()
	return c.Redirect(http.StatusSeeOther, web.OrderPath(o.Token)+"?mailed")
}
