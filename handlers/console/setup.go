package console

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/labstack/echo/v4"
	"golang.org/x/sync/errgroup"

	"warungjokul/handlers/web"
	"warungjokul/jokul"
	"warungjokul/models"
	"warungjokul/views"
)

const // examTimeout is for one question; the page has to come, whatever is away.
probeTimeout = 4 * time.Second

// showSetup tries out the set-up and says of each part whether it will do, and
// what to do where it will not.
func (h *Handler) showSetup(c echo.Context) error {
	frame, err := h.ConsolePage(c, "setup", web.Lang(c).T("setup.title"))
	if err != nil {
		return err
	}
	p := views.SetupPage{ConsolePage: frame, NotificationURL: h.notificationURL()}
	if h.Setup.Environment == web.Embedded { // DOKU cannot reach a demo
		p.NotificationURL, p.Example = frame.T("office.example")+h.NotificationPath, true
	}
	p.Groups = h.checkSetup(c.Request().Context(), frame.Lang)
	return web.Render(c, http.StatusOK, views.SetupCheck(p))
}

// checkSetup runs all checks at once and returns their findings in order.
func (h *Handler) checkSetup(ctx context.Context, l views.Lang) []views.SetupGroup {
	checks := []struct {
		group string
		run   func(context.Context, *report)
	}{
		{"settings", h.checkSettings},
		{"gateway", h.checkCredentials},
		{"gateway", h.checkClock},
		{"notification", h.checkNotificationURL},
		{"shop", h.checkShop},
	}
	reports := make([]report, len(checks))
	var all errgroup.Group
	for i, e := range checks {
		reports[i].l = l
		all.Go(func() error { e.run(ctx, &reports[i]); return nil })
	}
	_ = all.Wait()
	var groups []views.SetupGroup
	for i, e := range checks {
		if last := len(groups) - 1; last >= 0 && groups[last].Name == e.group {
			groups[last].Findings = append(groups[last].Findings, reports[i].list...)
			continue
		}
		title := l.T("exam." + e.group)
		if e.group == "gateway" && h.Setup.Environment == web.Embedded {
			title = l.T("exam.sandbox")
		}
		groups = append(groups, views.SetupGroup{Name: e.group, Title: title, Findings: reports[i].list})
	}
	return groups
}

// report collects findings. Each is a text named by what was looked at and what
// came out; where that is not good, a second text says what to do.
type report struct {
	l    views.Lang
	list []views.Finding
}

func (r *report) add(verdict views.Verdict, item, outcome string, blanks ...any) {
	f := views.Finding{Item: item, Verdict: verdict, Name: r.l.T("setup." + item), Found: r.l.T("setup."+item+"."+outcome, blanks...)}
	if verdict != views.Good {
		f.Fix = r.l.T("setup." + item + "." + outcome + ".fix")
	}
	r.list = append(r.list, f)
}

// clientIDs are the shapes seen (docs/protocol.md section 2).
var clientIDs = regexp.MustCompile(`^(MCH|BRN)-[0-9]{4}-[0-9]+$`)

func (h *Handler) checkSettings(ctx context.Context, r *report) {
	usual := map[string]string{"sandbox": jokul.SandboxURL, web.Production: jokul.ProductionURL}[h.Setup.Environment]
	if h.Setup.Environment != web.Embedded && h.Setup.GatewayURL != usual {
		r.add(views.Warn, "environment", "elsewhere", h.Setup.Environment, h.Setup.GatewayURL)
	} else {
		r.add(views.Good, "environment", h.Setup.Environment)
	}
	h.checkBaseURL(r)
	switch id := h.Gateway.ClientID(); {
	case clientIDs.MatchString(id), h.Setup.Environment == web.Embedded:
		r.add(views.Good, "client", "ok", id)
	default:
		r.add(views.Warn, "client", "odd", id)
	}
	r.add(views.Good, "secret", "ok") // odd ones do not start
	h.checkPreviousKey(ctx, r)
}

// KeyGrace is longer than the gateway sends a notification again by itself.
const KeyGrace = 3 * 24 * time.Hour

// checkPreviousKey says whether the previous Secret Key is still of use.
func (h *Handler) checkPreviousKey(ctx context.Context, r *report) {
	if !h.Setup.PreviousKey {
		return
	}
	last, err := h.Store.LastSignedWith(ctx, string(jokul.KeyPrevious))
	switch {
	case errors.Is(err, models.ErrNotFound):
		r.add(views.Warn, "previous", "never")
	case err != nil:
		r.add(views.Warn, "previous", "unknown")
	case h.Now().Sub(last.LastReceivedAt) < KeyGrace:
		r.add(views.Good, "previous", "used", r.l.Moment(last.LastReceivedAt))
	default:
		r.add(views.Warn, "previous", "idle", r.l.Moment(last.LastReceivedAt))
	}
}

// examineBaseURL holds the shop's address against what DOKU asks of a
// Notification URL (docs/protocol.md section 7).
func (h *Handler) checkBaseURL(r *report) {
	u, err := url.Parse(h.BaseURL)
	switch {
	case h.Setup.Environment == web.Embedded:
		r.add(views.Good, "base", "demo", h.BaseURL)
	case err != nil || u.Scheme != "https":
		r.add(views.Bad, "base", "http", h.BaseURL)
	case isPrivate(u.Hostname()):
		r.add(views.Bad, "base", "private", h.BaseURL)
	case u.Port() != "" && u.Port() != "443":
		r.add(views.Warn, "base", "port", h.BaseURL)
	default:
		r.add(views.Good, "base", "ok", h.BaseURL)
	}
}

// isPrivate reports whether a host means nothing outside of this network.
func isPrivate(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || strings.HasSuffix(host, ".local") || ip != nil && (ip.IsLoopback() || ip.IsPrivate() || ip.IsUnspecified() || ip.IsLinkLocalUnicast())
}

// checkCredentials asks the gateway about an invoice number that nobody uses. The answer
// says whether the credentials are right.
func (h *Handler) checkCredentials(ctx context.Context, r *report) {
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	_, err := h.Gateway.CheckStatus(ctx, models.TrialInvoice)
	var answer *jokul.Error
	switch {
	case err == nil, hasCode(err, jokul.CodeTransactionNotFound):
		outcome := "ok"
		if h.Setup.Environment == web.Embedded {
			outcome = "demo"
		}
		r.add(views.Good, "credentials", outcome)
	case hasCode(err, jokul.CodeInvalidSignature):
		r.add(views.Bad, "credentials", "signature")
	case hasCode(err, jokul.CodeInvalidClientID):
		r.add(views.Bad, "credentials", "client", h.Gateway.ClientID())
	case hasCode(err, jokul.CodeTimeOutOfRange):
		r.add(views.Bad, "credentials", "time")
	case errors.As(err, &answer) && answer.HTTPStatus != 0:
		r.add(views.Bad, "credentials", "other", strings.TrimSpace(fmt.Sprint("HTTP ", answer.HTTPStatus, " ", answer.Code, " ", answer.Message)))
	case errors.As(err, &answer):
		r.add(views.Bad, "credentials", "away", h.Setup.GatewayURL, reason(answer.Err))
	default:
		r.add(views.Bad, "credentials", "away", h.Setup.GatewayURL, reason(err))
	}
}

// How far two clocks may be apart: more than seconds is a server without NTP,
// and at an hour the gateway refuses what we sign.
const (
	clockGood = 30 * time.Second
	clockFair = 5 * time.Minute
)

// examineClock compares our clock with the Date of whatever the gateway answers.
func (h *Handler) checkClock(ctx context.Context, r *report) {
	asked := h.Now()
	answer := h.call(ctx, http.MethodGet, h.Setup.GatewayURL+"/", nil, nil)
	between := asked.Add(h.Now().Sub(asked) / 2)
	date, err := http.ParseTime(answer.header.Get("Date"))
	if err != nil {
		r.add(views.Warn, "clock", "unknown")
		return
	}
	ahead := between.Sub(date.Add(500 * time.Millisecond)).Round(time.Second) // a Date has no fractions
	verdict, outcome := views.Bad, "fast"
	if ahead < 0 {
		outcome = "slow"
	}
	switch {
	case ahead.Abs() < clockGood:
		verdict, outcome = views.Good, "ok"
	case ahead.Abs() < clockFair:
		verdict = views.Warn
	}
	r.add(verdict, "clock", outcome, r.l.Roughly(ahead.Abs()))
}

// The notifications the shop tries itself out with: genuine, about no order, and
// the same each time, so that they are kept once. The first is spelt as whoever
// encodes JSON spells it, the second as nobody but its sender would.
const (
	testBody   = `{"order":{"amount":10000,"invoice_number":"` + models.TrialInvoice + `"},"transaction":{"status":"PENDING"}}`
	testHeader = `{ "transaction" : {"status":"PENDING"}, "note":"caf\u00e9 \/ 王 <b>", "order": {"invoice_number":"` + models.TrialInvoice + `","amount":10000.00} }`
)

// examineNotificationURL comes to the shop as DOKU does, from outside.
func (h *Handler) checkNotificationURL(ctx context.Context, r *report) {
	var unsigned, forged, foreign, genuine, spelt probeAnswer
	signed := func(body string) http.Header {
		return h.Gateway.SignNotification(h.NotificationPath, models.TrialInvoice, []byte(body))
	}
	forgery, other := signed("another body"), signed(testBody)
	other.Set(jokul.HeaderClientID, "MCH-0000-0000000000000")
	nothing := http.Header{}
	for _, header := range []http.Header{nothing, forgery, other} {
		h.Payments.MarkTrial(header, []byte(testBody))
	}
	var all errgroup.Group
	for _, probe := range []struct {
		answer *probeAnswer
		header http.Header
		body   string
	}{
		{&unsigned, nothing, testBody},
		{&forged, forgery, testBody},
		{&foreign, other, testBody},
		{&genuine, signed(testBody), testBody},
		{&spelt, signed(testHeader), testHeader},
	} {
		all.Go(func() error {
			*probe.answer = h.call(ctx, http.MethodPost, h.notificationURL(), probe.header, []byte(probe.body))
			return nil
		})
	}
	_ = all.Wait()
	if !h.reportReach(ctx, r, unsigned) {
		for _, item := range []string{"forged", "genuine", "bytes"} {
			r.add(views.Warn, item, "untried")
		}
		return
	}
	if forged.status == http.StatusUnauthorized && foreign.status == http.StatusUnauthorized {
		r.add(views.Good, "forged", "ok")
	} else {
		r.add(views.Bad, "forged", "taken", forged.status, foreign.status)
	}
	reportGenuine(r, genuine, spelt)
}

// reportReach says whether the shop's own address leads to the shop, by the answer of its
// Notification URL to a message that is not signed.
func (h *Handler) reportReach(ctx context.Context, r *report, a probeAnswer) bool {
	address := h.notificationURL()
	switch {
	case a.status == http.StatusUnauthorized:
		r.add(views.Good, "reach", "ok", address)
		return true
	case a.err != nil:
		r.add(views.Bad, "reach", "away", address, reason(a.err))
	case a.status/100 == 3:
		r.add(views.Bad, "reach", "redirect", a.status, a.header.Get("Location"))
	case a.status/100 == 2:
		r.add(views.Bad, "reach", "open", a.status)
	case a.status == http.StatusForbidden:
		r.add(views.Bad, "reach", "guarded")
	case a.status == http.StatusNotFound:
		h.reportLost(ctx, r)
	default:
		r.add(views.Bad, "reach", "other", a.status)
	}
	return false
}

// reportLost says why nothing is found at the Notification URL.
func (h *Handler) reportLost(ctx context.Context, r *report) {
	well := func(prefix string) bool {
		a := h.call(ctx, http.MethodGet, strings.TrimSuffix(h.BaseURL, "/")+prefix+"/healthz", nil, nil)
		return a.status == http.StatusOK && string(a.body) == web.Healthy
	}
	steps := strings.Split(h.NotificationPath, "/")
	for i := 2; i < len(steps); i++ {
		if prefix := strings.Join(steps[:i], "/"); well(prefix) {
			r.add(views.Bad, "reach", "stripped", prefix, strings.TrimPrefix(h.NotificationPath, prefix))
			return
		}
	}
	if well("") {
		r.add(views.Bad, "reach", "blocked", h.NotificationPath)
		return
	}
	r.add(views.Bad, "reach", "elsewhere", h.BaseURL)
}

func reportGenuine(r *report, genuine, spelt probeAnswer) {
	switch {
	case genuine.status/100 == 2:
		r.add(views.Good, "genuine", "ok")
	case genuine.status == http.StatusUnauthorized:
		r.add(views.Bad, "genuine", "refused")
	case genuine.status == http.StatusServiceUnavailable:
		r.add(views.Bad, "genuine", "unkept")
	default:
		r.add(views.Bad, "genuine", "other", genuine.status)
	}
	switch {
	case spelt.status/100 == 2:
		r.add(views.Good, "bytes", "ok")
	case genuine.status/100 == 2:
		r.add(views.Bad, "bytes", "changed", spelt.status)
	default:
		r.add(views.Warn, "bytes", "untried")
	}
}

// checkShop checks what does not concern the gateway.
func (h *Handler) checkShop(ctx context.Context, r *report) {
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	if err := h.Store.TryWriting(ctx); err != nil {
		r.add(views.Bad, "database", "stuck", h.Setup.Database, err)
	} else {
		r.add(views.Good, "database", "ok", h.Setup.Database)
	}
	r.check("mail", h.Setup.MailFrom != "", h.Setup.Environment)
	r.check("password", h.password.hash != nil, h.Setup.Environment)
	r.check("limit", h.RateLimit, h.Setup.Environment)
	r.check("metrics", h.MetricsElsewhere, h.Setup.Environment)
}

// check reports a thing that a demo may do without.
func (r *report) check(item string, there bool, environment string) {
	switch {
	case there:
		r.add(views.Good, item, "ok")
	case environment == web.Embedded:
		r.add(views.Good, item, "demo")
	default:
		r.add(views.Warn, item, "missing")
	}
}

// hasCode reports whether the gateway refused a call with one of these codes.
func hasCode(err error, codes ...string) bool {
	var refused *jokul.Error
	return errors.As(err, &refused) && slices.Contains(codes, refused.Code)
}
