package handlers

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/labstack/echo/v4"
	"golang.org/x/sync/errgroup"

	"warungjokul/models"
	"warungjokul/payments"
	"warungjokul/payments/requestid"
	"warungjokul/views"
)

// Letter is a mail ready to be sent.
type Letter struct {
	ID       string // the same for every try, so that a mail sent twice is seen to be one
	To       string
	Language string
	Subject  string
	Text     string
	HTML     string
}

const (
	mailBatch   = 8
	mailTimeout = time.Minute // as long as its lease
)

// workMail sends what is due until ctx ends. As with payments, what is due is in
// the database, and a lease there keeps several shops from sending it twice.
func (h *Handler) workMail(ctx context.Context) {
	for ctx.Err() == nil {
		ctx := requestid.Begin(ctx, "mailer")
		busy, err := h.mailRound(ctx)
		if err != nil && ctx.Err() == nil {
			h.Log.ErrorContext(ctx, "look after mails", "error", err)
		}
		if !busy {
			next, nextErr := h.Store.NextMail(ctx)
			h.mailDue.Sleep(ctx, payments.Until(next, h.Now(), err != nil || nextErr != nil))
		}
	}
}

func (h *Handler) mailRound(ctx context.Context) (busy bool, err error) {
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
	err := h.deliverBounded(sending, &m)
	keeping, cancel := payments.Saving(ctx)
	defer cancel()
	if errors.Is(err, errRecipientFull) {
		h.metrics.mailsHeld.Inc()
		h.limits.Do(func() {
			h.Log.WarnContext(ctx, "mail not sent: its recipient has had too many", "order_number", m.Order.Number, "kind", m.Kind)
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
		h.Log.InfoContext(ctx, "mail", "order_number", m.Order.Number, "kind", m.Kind, "sent", m.Subject != "")
		err = h.Store.MailSent(keeping, m)
	}
	if err != nil {
		h.Log.ErrorContext(ctx, "keep mail", "order_number", m.Order.Number, "error", err)
	}
}

// errRecipientFull: a recipient has had as many mails as strangers may cause.
var errRecipientFull = errors.New("the recipient has had too many mails")

// deliverBounded delivers a mail within what its recipient may be sent. A mail that is not sent after all, because it
// is not wanted any more or because of an error, is not counted.
func (h *Handler) deliverBounded(ctx context.Context, m *models.Mail) error {
	if !h.RateLimit || !m.Kind.Bounded() || !m.Wanted(h.Now()) {
		return h.deliver(ctx, m)
	}
	counted, allowed, err := h.Store.CountMail(ctx, m.Order.CustomerEmail)
	if err != nil {
		return err
	}
	if !allowed {
		return errRecipientFull
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
		return nil
	}
	l := views.Lang(m.Order.Language)
	v := h.viewOrder(views.Page{Lang: l, Contact: h.Contact, Shop: h.Shop.Name}, *m.Order, "")
	v.Customer = mailName(m.Order.CustomerName) // as corrected since, whatever the till shows
	letter := views.NewMail(v, string(m.Kind), mailWords(l, *m)...)
	html, giveBack := borrow()
	defer giveBack()
	if err := views.MailHTML(letter).Render(ctx, html); err != nil {
		return err
	}
	m.Subject, m.Text, m.HTML = letter.Subject, letter.Text(), html.String()
	return h.handOver(ctx, Letter{
		ID: fmt.Sprintf("%d.%d.%s.%s", m.ID, m.SendAt.Unix(), m.Kind, m.Order.Number), To: m.Order.CustomerEmail, Language: m.Order.Language,
		Subject: m.Subject, Text: m.Text, HTML: m.HTML,
	})
}

// mailWords is what a mail about a case says of it.
func mailWords(l views.Lang, m models.Mail) []string {
	switch m.Kind {
	case models.MailMoney:
		return []string{shopperCase(l, *m.Order, *m.Case)}
	case models.MailDecided:
		return decisionWords(l, *m.Case, m.Case.Decision)
	}
	return nil
}

// handOver gives a letter to the mail server. One that does not answer in time is
// left, whatever it does about the letter: a connection that hangs heeds no context.
func (h *Handler) handOver(ctx context.Context, l Letter) error {
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
	if h.RateLimit {
		allowed, err := h.Store.MailAllowed(c.Request().Context(), o.CustomerEmail)
		if err != nil {
			return fmt.Errorf("mail again: %w", err)
		}
		if !allowed {
			c.Response().Header().Set("Retry-After", "3600")
			return h.orderPage(c, http.StatusTooManyRequests, o, lang(c).T("limit.mail"))
		}
	}
	again, err := h.Store.MailAgain(c.Request().Context(), o.Payment().ID)
	if err != nil {
		return fmt.Errorf("mail again: %w", err)
	}
	if !again {
		c.Response().Header().Set("Retry-After", "60")
		return h.orderPage(c, http.StatusTooManyRequests, o, lang(c).T("keep.again.soon"))
	}
	h.mailDue.Set()
	return c.Redirect(http.StatusSeeOther, orderPath(o.Token)+"?mailed")
}

// showMailbox lists what was sent, or would have been.
func (h *Handler) showMailbox(c echo.Context) error {
	list, err := h.Store.Mails(c.Request().Context(), 100)
	if err != nil {
		return fmt.Errorf("mailbox: %w", err)
	}
	p := views.MailboxPage{Page: h.page(c, lang(c).T("mailbox.title"))}
	for _, m := range list {
		p.Mails = append(p.Mails, viewMail(p.Lang, m))
	}
	return render(c, http.StatusOK, views.Mailbox(p))
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
	c.Response().Header().Set("Content-Security-Policy", policy+"; frame-src 'self'")
	return render(c, http.StatusOK, views.MailboxMail(views.MailPage{Page: h.page(c, m.Subject), Mail: viewMail(lang(c), m)}))
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
	return send(c, http.StatusOK, echo.MIMETextHTMLCharsetUTF8, []byte(html))
}
