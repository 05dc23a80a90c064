package console

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"warungjokul/handlers/web"
	"warungjokul/jokul"
	"warungjokul/models"
	"warungjokul/payments"
	"warungjokul/views"
)

// delivery is a notification that was kept or a sample of those that were not:
// one of the two.
type delivery struct {
	kept     *models.Notification
	rejected *models.Rejection
}

func (h *Handler) delivery(c echo.Context) (d delivery, err error) {
	ctx, name := c.Request().Context(), c.Param("id")
	number, rejected := strings.CutPrefix(name, "r")
	id, err := strconv.ParseInt(number, 10, 64)
	if err != nil {
		return d, models.ErrNotFound
	}
	if rejected {
		h.Payments.SaveRejections(ctx)
		r, err := h.Store.Rejection(ctx, id)
		return delivery{rejected: &r}, err
	}
	n, err := h.Store.Notification(ctx, id)
	return delivery{kept: &n}, err
}

func (d delivery) path() string {
	if d.rejected != nil {
		return rejectionPath(d.rejected.ID)
	}
	return deliveryPath(d.kept.ID)
}

// message is what came, as far as it was kept.
func (d delivery) message() (http.Header, []byte) {
	if d.rejected != nil {
		return keptHeader(d.rejected.Header), d.rejected.Body
	}
	return notificationHeader(*d.kept), d.kept.Body
}

// whole reports whether all of it was kept, so that it can be run again.
func (d delivery) whole() bool { return d.rejected == nil || d.rejected.Whole() }

// notificationHeader is the signed headers of a notification, as they are kept.
func notificationHeader(n models.Notification) http.Header {
	var kept map[string]string
	_ = json.Unmarshal([]byte(n.Header), &kept) // written by us
	h := http.Header{}
	for name, value := range kept {
		h.Set(name, value)
	}
	return h
}

// showDelivery shows one notification, or one that was rejected, with the
// reason.
func (h *Handler) showDelivery(c echo.Context) error {
	d, err := h.delivery(c)
	if err != nil {
		return fmt.Errorf("delivery: %w", err)
	}
	l := web.Lang(c)
	p := views.DeliveryPage{Replay: d.path() + "/replay", Notice: replayNotice(c)}
	title := ""
	if d.rejected != nil {
		title = l.T("inbox.one.rejected", d.rejected.ID)
	} else {
		title = l.T("inbox.one", d.kept.ID)
	}
	if p.ConsolePage, err = h.ConsolePage(c, "notifications", title); err != nil {
		return err
	}
	ctx := c.Request().Context()
	if d.rejected != nil {
		err = h.viewRejection(ctx, &p, *d.rejected)
	} else {
		err = h.viewNotification(ctx, &p, *d.kept)
	}
	if err != nil {
		return err
	}
	return web.Render(c, http.StatusOK, views.Delivery(p))
}

func (h *Handler) viewNotification(ctx context.Context, p *views.DeliveryPage, n models.Notification) error {
	l := p.Lang
	changes, err := h.Store.AuditEventsByNotification(ctx, n.ID)
	if err != nil {
		return fmt.Errorf("changes: %w", err)
	}
	p.Sign, p.Effect, p.ReplayText = verdictSign(l, n.Verdict), l.T("inbox.effect."+string(n.Effect)), l.T("replay.accepted")
	p.Facts = []views.Fact{{Name: l.T("inbox.came"), Value: l.Moment(n.ReceivedAt)}, {Name: l.T("inbox.took"), Value: took(n.Duration)},
		{Name: l.T("inbox.deliveries"), Value: fmt.Sprint(n.Deliveries)}}
	if n.Deliveries > 1 {
		p.Facts = append(p.Facts, views.Fact{Name: l.T("inbox.last"), Value: l.Moment(n.LastReceivedAt)})
	}
	switch jokul.Key(n.SignedWith) {
	case jokul.KeyCurrent:
		p.Facts = append(p.Facts, views.Fact{Name: l.T("inbox.key"), Value: l.T("inbox.key.current")})
	case jokul.KeyPrevious:
		p.Facts = append(p.Facts, views.Fact{Name: l.T("inbox.key"), Value: l.T("inbox.key.previous")})
	}
	p.Message, p.Changes, p.Source = h.notificationMessage(l, n), changeLines(l, changes), notificationSource
	p.Curl = h.notificationCurl(notificationHeader(n), n.Body)
	return h.nameOrder(ctx, p, n.InvoiceNumber)
}

// nameOrder links to the order an invoice number belongs to, if it is ours.
func (h *Handler) nameOrder(ctx context.Context, p *views.DeliveryPage, invoiceNumber string) error {
	payment, err := h.Store.Invoice(ctx, invoiceNumber)
	if errors.Is(err, models.ErrNotFound) {
		return nil
	}
	if err == nil {
		p.Order = payment.Order.Number
	}
	return err
}

// notificationMessage is a notification as it came, checked again with the
// settings of now.
func (h *Handler) notificationMessage(l views.Lang, n models.Notification) views.Message {
	header := notificationHeader(n)
	e := h.Gateway.ExplainNotification(h.NotificationPath, header, n.Body)
	m := bodyMessage(l, l.T("inspect.request"), "POST "+h.notificationURL(), header, n.Body, e.Component.String())
	m.Check = signatureFits(l, e.Key)
	if e.Err != nil {
		m.Check = &views.Sign{Text: l.T("inspect.check.fitted")}
	}
	return m
}

// signatureFits says that a signature fits, and with which key where that is not the usual one.
func signatureFits(l views.Lang, key jokul.Key) *views.Sign {
	if key == jokul.KeyPrevious {
		return &views.Sign{Text: l.T("inspect.check.previous"), Good: true}
	}
	return &views.Sign{Text: l.T("inspect.check.fits"), Good: true}
}

// viewRejection says what came, and why it does not verify.
func (h *Handler) viewRejection(ctx context.Context, p *views.DeliveryPage, r models.Rejection) error {
	l, header := p.Lang, keptHeader(r.Header)
	p.Sign, p.Effect, p.ReplayText, p.Source = rejectedSign(l), l.T("inbox.reason."+r.Reason), l.T("replay.rejected"), rejectionSource
	p.Facts = []views.Fact{{Name: l.T("inbox.came"), Value: l.Moment(r.ReceivedAt)}, {Name: l.T("inbox.sender"), Value: r.Sender}}
	p.Message = bodyMessage(l, l.T("inspect.request"), "POST "+h.notificationURL(), header, r.Body, "")
	if !r.Whole() {
		p.Replay, p.ReplayText = "", l.T("replay.clipped")
		p.Message.Remark = l.T("inbox.clipped", len(r.Body), r.Size)
	} else {
		p.Message.Digest = jokul.Digest(r.Body)
		p.Curl = h.notificationCurl(header, r.Body)
	}
	if err := h.explain(ctx, p, r, header); err != nil {
		return err
	}
	return h.nameOrder(ctx, p, r.InvoiceNumber)
}

// explain looks for the reason why a delivery does not verify, with the settings
// of now: when they were mended since, it says so.
func (h *Handler) explain(ctx context.Context, p *views.DeliveryPage, r models.Rejection, header http.Header) error {
	l := p.Lang
	e := h.Gateway.ExplainNotification(h.NotificationPath, header, r.Body, jokul.OtherTargets(h.NotificationPath, header, h.BaseURL)...)
	if e.Err == nil {
		p.Message.Check, p.ReplayText = signatureFits(l, e.Key), l.T("explain.fits")
		p.Message.Signed = signedLines(l, e.Component.String())
		return nil
	}
	p.Message.Check = &views.Sign{Text: l.T("inspect.check.bad"), Bad: true}
	proof, err := h.proveKey(ctx)
	if err != nil {
		return err
	}
	causes := rankCauses(e.Causes, proof, r.ReceivedAt)
	for _, c := range causes {
		key := "explain." + string(c.Code)
		p.Causes = append(p.Causes, views.CauseLine{Code: string(c.Code), Certain: c.Certain,
			What: l.T(key), Why: l.T(key + ".why"), Fix: l.T(key + ".fix"), Detail: c.What})
	}
	p.Lines = signedLines(l, e.Component.String())
	if line := causes[0].Code.Line(); line != "" {
		markLine(l, p.Lines, line, causes[0], h.Gateway.ClientID())
	}
	if !causes[0].Certain {
		p.KeyProof = proof.text(l, r.ReceivedAt)
		if r.InvoiceNumber != "" && r.Reason == payments.RejectedSignature {
			p.Ask = rejectionPath(r.ID) + "/ask"
		}
	}
	if at, err := time.Parse(jokul.TimestampLayout, header.Get(jokul.HeaderRequestTimestamp)); err == nil && r.ReceivedAt.Sub(at).Abs() > clockOff {
		p.Clock = l.T("explain.clock", l.Span(r.ReceivedAt.Sub(at).Abs().Round(time.Hour)))
	}
	return nil
}

// markLine marks the line of the string to sign that differs, and says what it
// was where that is known.
func markLine(l views.Lang, lines []views.SignedLine, name string, c jokul.Cause, clientID string) {
	for i := range lines {
		if !strings.HasPrefix(lines[i].Text, name+":") {
			continue
		}
		lines[i].Differs = l.T("explain.differs.maybe")
		switch {
		case c.Target != "":
			lines[i].Differs = l.T("explain.differs.target", c.Target)
		case c.Code == jokul.CauseMerchant:
			lines[i].Differs = l.T("explain.differs.merchant", clientID)
		case c.Certain:
			lines[i].Differs = l.T("explain.differs")
		}
	}
}

// keyProof is whether our Secret Key is the gateway's, by the last answer that it
// signed, or in which it refused our signature.
type keyProof struct {
	known, fits bool
	at          time.Time
}

func (h *Handler) proveKey(ctx context.Context) (keyProof, error) {
	x, err := h.Store.LastSigned(ctx, jokul.CodeInvalidSignature)
	if errors.Is(err, models.ErrNotFound) {
		return keyProof{}, nil
	}
	if err != nil {
		return keyProof{}, fmt.Errorf("last answer: %w", err)
	}
	if masked := keptHeader(x.ResponseHeader).Get(jokul.HeaderSignature); masked != "" {
		return keyProof{known: true, fits: h.Gateway.KnowsSignature(x.ResponseStringToSign, masked), at: x.StartedAt}, nil
	}
	// A refusal speaks of the key we had then: is that the one we have?
	masked := keptHeader(x.RequestHeader).Get(jokul.HeaderSignature)
	return keyProof{known: h.Gateway.KnowsSignature(x.StringToSign, masked), at: x.StartedAt}, nil
}

func (k keyProof) text(l views.Lang, received time.Time) string {
	switch {
	case !k.known:
		return ""
	case !k.fits:
		return l.T("explain.proof.bad", l.Moment(k.at))
	case k.at.Before(received):
		return l.T("explain.proof.early", l.Moment(k.at))
	}
	return l.T("explain.proof.good", l.Moment(k.at))
}

// weigh puts guesses in order by what is known of the key: proven after the
// delivery it is none, proven before it, a body that looks changed comes first.
func rankCauses(causes []jokul.Cause, proof keyProof, received time.Time) []jokul.Cause {
	if len(causes) < 2 || causes[0].Code != jokul.CauseKeyChanged || !proof.fits {
		return causes
	}
	if !proof.at.Before(received) {
		return causes[1:]
	}
	if causes[1].Code == jokul.CauseBodyChanged {
		return append([]jokul.Cause{causes[1], causes[0]}, causes[2:]...)
	}
	return causes
}

// replay runs a delivery through the handler again, as if it came now.
func (h *Handler) replay(c echo.Context) error {
	d, err := h.delivery(c)
	if err != nil {
		return fmt.Errorf("delivery: %w", err)
	}
	if !d.whole() {
		return echo.NewHTTPError(http.StatusUnprocessableEntity, "only a part of the body was kept")
	}
	header, body := d.message()
	ctx := c.Request().Context()
	n, err := h.Payments.ApplyNotification(ctx, payments.Delivery{Header: header, Body: body, ReceivedAt: h.Now()})
	var rejected *payments.NotGenuineError
	if errors.As(err, &rejected) {
		return c.Redirect(http.StatusSeeOther, d.path()+"?"+url.Values{"rejected": {payments.RejectionReason(err)}}.Encode())
	}
	if err != nil {
		return fmt.Errorf("replay: %w", err)
	}
	h.Log.InfoContext(ctx, "notification run again", "doku_request_id", n.RequestID, "verdict", n.Verdict, "effect", n.Effect)
	kept, err := h.Store.SameNotification(ctx, n)
	if err != nil {
		return fmt.Errorf("replay: %w", err)
	}
	query := url.Values{"verdict": {string(n.Verdict)}, "effect": {string(n.Effect)}}
	return c.Redirect(http.StatusSeeOther, deliveryPath(kept.ID)+"?"+query.Encode())
}

// replayNotice is what came of a replay, or of asking the gateway.
func replayNotice(c echo.Context) string {
	l := web.Lang(c)
	if reason := l.T("inbox.reason." + c.QueryParam("rejected")); reason != "" {
		return l.T("replay.refused", reason)
	}
	verdict, effect := l.T("inbox.verdict."+c.QueryParam("verdict")), l.T("inbox.effect."+c.QueryParam("effect"))
	switch {
	case verdict != "" && effect != "":
		return l.T("replay.done", verdict, effect)
	case c.QueryParams().Has("asked"):
		return l.T("replay.asked")
	}
	return ""
}

// askGateway has the gateway say something, so that there is an answer to hold
// our Secret Key against. What it says does not matter.
func (h *Handler) askGateway(c echo.Context) error {
	d, err := h.delivery(c)
	if err != nil {
		return fmt.Errorf("delivery: %w", err)
	}
	if d.rejected == nil || d.rejected.InvoiceNumber == "" {
		return models.ErrNotFound
	}
	ctx, cancel := context.WithTimeout(c.Request().Context(), keyCheckTimeout)
	defer cancel()
	if _, err := h.Gateway.CheckStatus(ctx, d.rejected.InvoiceNumber); err != nil {
		h.Log.InfoContext(ctx, "asked to test the key", "error", err)
	}
	return c.Redirect(http.StatusSeeOther, d.path()+"?asked")
}
