package handlers

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/labstack/echo/v4"
	"golang.org/x/sync/errgroup"

	"warungjokul/jokul"
	"warungjokul/models"
	"warungjokul/views"
)

// Setup is what the set-up check has to be told of the settings. It holds no
// secret.
type Setup struct {
	Environment string // embedded, sandbox or production
	GatewayURL  string
	PreviousKey bool   // there is a previous Secret Key, too
	Database    string // its kind, such as sqlite
	MailFrom    string // of mail that really leaves; empty when none does
}

const (
	embedded   = "embedded"
	production = "production"

	// examTimeout is for one question; the page has to come, whatever is away.
	examTimeout = 4 * time.Second
)

// showSetup tries out the set-up and says of each part whether it will do, and
// what to do where it will not.
func (h *Handler) showSetup(c echo.Context) error {
	frame, err := h.consolePage(c, "setup", lang(c).T("setup.title"))
	if err != nil {
		return err
	}
	p := views.SetupPage{ConsolePage: frame, NotificationURL: h.notificationURL()}
	p.Groups = h.examine(c.Request().Context(), frame.Lang)
	return render(c, http.StatusOK, views.SetupCheck(p))
}

// examine asks everything at once and gives the answers in order.
func (h *Handler) examine(ctx context.Context, l views.Lang) []views.SetupGroup {
	exams := []struct {
		group string
		exam  func(context.Context, *report)
	}{
		{"settings", h.examineSettings},
		{"gateway", h.examineCredentials},
		{"gateway", h.examineClock},
		{"notification", h.examineNotificationURL},
		{"shop", h.examineShop},
	}
	reports := make([]report, len(exams))
	var all errgroup.Group
	for i, e := range exams {
		reports[i].l = l
		all.Go(func() error { e.exam(ctx, &reports[i]); return nil })
	}
	_ = all.Wait()
	var groups []views.SetupGroup
	for i, e := range exams {
		if last := len(groups) - 1; last >= 0 && groups[last].Name == e.group {
			groups[last].Findings = append(groups[last].Findings, reports[i].list...)
			continue
		}
		groups = append(groups, views.SetupGroup{Name: e.group, Title: l.T("exam." + e.group), Findings: reports[i].list})
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

func (h *Handler) examineSettings(ctx context.Context, r *report) {
	usual := map[string]string{"sandbox": jokul.SandboxURL, production: jokul.ProductionURL}[h.Setup.Environment]
	if h.Setup.Environment != embedded && h.Setup.GatewayURL != usual {
		r.add(views.Warn, "environment", "elsewhere", h.Setup.Environment, h.Setup.GatewayURL)
	} else {
		r.add(views.Good, "environment", h.Setup.Environment)
	}
	h.examineBaseURL(r)
	switch id := h.Gateway.ClientID(); {
	case clientIDs.MatchString(id), h.Setup.Environment == embedded:
		r.add(views.Good, "client", "ok", id)
	default:
		r.add(views.Warn, "client", "odd", id)
	}
	r.add(views.Good, "secret", "ok") // odd ones do not start
	h.examinePreviousKey(ctx, r)
}

// keyGrace is longer than the gateway sends a notification again by itself.
const keyGrace = 3 * 24 * time.Hour

// examinePreviousKey says whether the previous Secret Key is still of use.
func (h *Handler) examinePreviousKey(ctx context.Context, r *report) {
	if !h.Setup.PreviousKey {
		return
	}
	last, err := h.Store.LastSignedWith(ctx, string(jokul.KeyPrevious))
	switch {
	case errors.Is(err, models.ErrNotFound):
		r.add(views.Warn, "previous", "never")
	case err != nil:
		r.add(views.Warn, "previous", "unknown")
	case h.Now().Sub(last.LastReceivedAt) < keyGrace:
		r.add(views.Good, "previous", "used", r.l.Moment(last.LastReceivedAt))
	default:
		r.add(views.Warn, "previous", "idle", r.l.Moment(last.LastReceivedAt))
	}
}

// examineBaseURL holds the shop's address against what DOKU asks of a
// Notification URL (docs/protocol.md section 7).
func (h *Handler) examineBaseURL(r *report) {
	u, err := url.Parse(h.BaseURL)
	switch {
	case h.Setup.Environment == embedded:
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

// examineCredentials asks the gateway about an invoice number nobody has: that
// it does not know it is the answer of one that accepts who asks.
func (h *Handler) examineCredentials(ctx context.Context, r *report) {
	ctx, cancel := context.WithTimeout(ctx, examTimeout)
	defer cancel()
	_, err := h.Gateway.CheckStatus(ctx, models.TrialInvoice)
	var answer *jokul.Error
	switch {
	case err == nil, hasCode(err, jokul.CodeTransactionNotFound):
		r.add(views.Good, "credentials", "ok")
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
func (h *Handler) examineClock(ctx context.Context, r *report) {
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

// examAnswer is what came of a call.
type examAnswer struct {
	status int // 0: nothing came
	header http.Header
	body   []byte
	err    error
}

// examiner follows no redirect, as DOKU does not.
var examiner = &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}

// call asks an address of the settings; there are no others.
func (h *Handler) call(ctx context.Context, method, address string, header http.Header, body []byte) (a examAnswer) {
	ctx, cancel := context.WithTimeout(ctx, examTimeout)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, method, address, bytes.NewReader(body))
	if err != nil {
		return examAnswer{err: err}
	}
	for name, values := range header {
		r.Header[name] = values
	}
	r.Header.Set("User-Agent", "warung-jokul-setup-check")
	res, err := examiner.Do(r)
	if err != nil {
		return examAnswer{err: err}
	}
	defer res.Body.Close()
	a.status, a.header = res.StatusCode, res.Header
	a.body, a.err = io.ReadAll(io.LimitReader(res.Body, 4<<10))
	return a
}

// reason is a network's error without the address, which is said beside it.
func reason(err error) string {
	var wrapped *url.Error
	switch {
	case errors.As(err, &wrapped) && wrapped.Timeout():
		return "timeout"
	case errors.As(err, &wrapped):
		return wrapped.Err.Error()
	}
	return fmt.Sprint(err)
}

// The notifications the shop tries itself out with: genuine, about no order, and
// the same each time, so that they are kept once. The first is spelt as whoever
// encodes JSON spells it, the second as nobody but its sender would.
const (
	trial      = `{"order":{"amount":10000,"invoice_number":"` + models.TrialInvoice + `"},"transaction":{"status":"PENDING"}}`
	trialSpelt = `{ "transaction" : {"status":"PENDING"}, "note":"caf\u00e9 \/ 王 <b>", "order": {"invoice_number":"` + models.TrialInvoice + `","amount":10000.00} }`
)

// examineNotificationURL comes to the shop as DOKU does, from outside.
func (h *Handler) examineNotificationURL(ctx context.Context, r *report) {
	var unsigned, forged, foreign, genuine, spelt examAnswer
	signed := func(body string) http.Header {
		return h.Gateway.SignNotification(h.NotificationPath, models.TrialInvoice, []byte(body))
	}
	other := signed(trial)
	other.Set(jokul.HeaderClientID, "MCH-0000-0000000000000")
	var all errgroup.Group
	for _, knock := range []struct {
		answer *examAnswer
		header http.Header
		body   string
	}{
		{&unsigned, nil, trial},
		{&forged, signed("another body"), trial},
		{&foreign, other, trial},
		{&genuine, signed(trial), trial},
		{&spelt, signed(trialSpelt), trialSpelt},
	} {
		all.Go(func() error {
			*knock.answer = h.call(ctx, http.MethodPost, h.notificationURL(), knock.header, []byte(knock.body))
			return nil
		})
	}
	_ = all.Wait()
	if !h.judgeReach(ctx, r, unsigned) {
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
	judgeGenuine(r, genuine, spelt)
}

// judgeReach says whether the shop's own address leads to the shop, by what is
// said there to a stranger.
func (h *Handler) judgeReach(ctx context.Context, r *report, a examAnswer) bool {
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
		h.judgeLost(ctx, r)
	default:
		r.add(views.Bad, "reach", "other", a.status)
	}
	return false
}

// judgeLost tells why nothing is found at the Notification URL: by where else
// this shop, or one like it, says that it is well.
func (h *Handler) judgeLost(ctx context.Context, r *report) {
	well := func(prefix string) bool {
		a := h.call(ctx, http.MethodGet, strings.TrimSuffix(h.BaseURL, "/")+prefix+"/healthz", nil, nil)
		return a.status == http.StatusOK && string(a.body) == healthy
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

func judgeGenuine(r *report, genuine, spelt examAnswer) {
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

// examineShop looks at what does not concern the gateway.
func (h *Handler) examineShop(ctx context.Context, r *report) {
	ctx, cancel := context.WithTimeout(ctx, examTimeout)
	defer cancel()
	if err := h.Store.TryWriting(ctx); err != nil {
		r.add(views.Bad, "database", "stuck", h.Setup.Database, err)
	} else {
		r.add(views.Good, "database", "ok", h.Setup.Database)
	}
	r.judge("mail", h.Setup.MailFrom != "", h.Setup.Environment)
	r.judge("password", h.password.hash != nil, h.Setup.Environment)
	r.judge("limit", h.RateLimit, h.Setup.Environment)
	r.judge("metrics", h.MetricsElsewhere, h.Setup.Environment)
}

// judge is a thing a demo may do without.
func (r *report) judge(item string, there bool, environment string) {
	switch {
	case there:
		r.add(views.Good, item, "ok")
	case environment == embedded:
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
