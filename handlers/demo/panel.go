package demo

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/labstack/echo/v4"
	"golang.org/x/sync/errgroup"

	"warungjokul/handlers/web"
	"warungjokul/models"
	"warungjokul/views"
)

// PanelPath is where the panel of the embedded gateway is.
const PanelPath = "/console/sandbox"

// maxShown is how many codes the panel lists, the latest first.
const maxShown = 10

// What the panel offers of the faults. The rest, limits, templates and the shape
// of codes, is configuration and stays as it is.
var (
	FaultAnswers = []string{"500", "503_html", "429", "drop", "cut", "lost_reply", "unsigned", "wrong_signature", "other_invoice",
		"malformed", "missing_fields", "replay", "idempotent_request"}
	FaultNotify = []string{"none", "late", "twice", "before_reply", "wrong_signature", "wrong_client_id", "wrong_amount", "other_code",
		"unknown_fields", "amount_string", "amount_decimal", "failed", "expired"}

	// FaultRetellings are ways in which messages about one payment differ. Any
	// number of them can be on.
	FaultRetellings = []string{"date", "request_id", "at_once", "more", "no_transaction_id", "order", "case", "fewer",
		"status_date", "status_no_transaction_id", "status_no_identifiers"}

	// FaultRules say how often and how much; the first value is the usual one.
	FaultRules = []struct {
		Name   string
		Values []string
	}{
		{"answer_on", []string{"all", "create", "status"}},
		{"times", []string{"0", "1", "3"}},
		{"delay", []string{"0s", "2s", "15s"}},
		{"late_by", []string{"10m0s", "1m0s", "1h0m0s"}},
	}

	// FaultSwitches are questions DOKU's documents leave open, and the other
	// answer to each.
	FaultSwitches = []struct {
		Name       string
		Usual, Odd any
	}{
		{"retry", "resign", "verbatim"},
		{"idempotency", "replay", "error"},
		{"duplicate_invoice", "reject", "accept"},
		{"push_expired", false, true},
		{"lag", false, true},
		{"status_digest", true, false},
		{"sign_errors", false, true},
		{"strict", false, true},
		{"settlement", true, false},
	}
)

// panel is what the gateway tells of itself.
type panel struct {
	ledger     []gatewayAccount
	deliveries []gatewayDelivery
	faults     faults
	clock      gatewayClock
}

func (h *Handler) readPanel(ctx context.Context) (p panel, err error) {
	var group errgroup.Group
	group.Go(func() (err error) { p.ledger, err = h.ledger(ctx); return err })
	group.Go(func() (err error) { p.deliveries, err = h.deliveries(ctx, ""); return err })
	group.Go(func() (err error) { p.faults, err = h.faults(ctx); return err })
	group.Go(func() (err error) { p.clock, err = h.GatewayClock(ctx); return err })
	return p, group.Wait()
}

// showPanel shows the embedded gateway and what can be done to it.
func (h *Handler) showPanel(c echo.Context) error {
	read, err := h.readPanel(c.Request().Context())
	if err != nil {
		return fmt.Errorf("sandbox panel: %w", err)
	}
	frame, err := h.ConsolePage(c, "sandbox", web.Lang(c).T("panel.title"))
	if err != nil {
		return err
	}
	p := views.PanelPage{ConsolePage: frame, Till: h.TillURL + "/simulator?lang=" + string(frame.Lang)}
	if did := c.QueryParam("did"); slices.Contains(deeds, did) {
		p.Notice = p.T("panel.did." + did)
	}
	p.Clock = p.Lang.Moment(read.clock.Now)
	if ahead := read.clock.Now.Sub(read.clock.Wall).Round(time.Second); ahead > 0 {
		p.Ahead = p.T("panel.ahead", p.Lang.Roughly(ahead))
	}
	viewFaults(&p, read.faults)
	for _, a := range slices.Backward(read.ledger) {
		if len(p.Codes) < maxShown {
			p.Codes = append(p.Codes, viewAccount(p.Lang, a, read))
		}
	}
	return web.Render(c, http.StatusOK, views.Panel(p))
}

// deeds are what the panel can say it did.
var deeds = []string{"pay", "pay_twice", "pay_late", "pay_wrong_amount", "expire", "faults", "calm", "clock", "clock_far", "resend", "next", "refused", "not_late"}

// viewFaults shows what is on, and everything that can be.
func viewFaults(p *views.PanelPage, f faults) {
	choose := func(group string, values []string) (list []views.Choice) {
		set, several := f[group].([]any)
		for _, value := range values {
			key := group + "." + value
			on := said(f[group]) == value || several && slices.Contains(set, any(value))
			choice := views.Choice{Value: value, Title: p.T("fault." + key), Text: p.T("fault." + key + ".text"), On: on}
			if choice.On {
				p.On = append(p.On, choice.Title)
			}
			list = append(list, choice)
		}
		return list
	}
	p.Answers, p.Notify, p.Retellings = choose("answer", FaultAnswers), choose("notify", FaultNotify), choose("retelling", FaultRetellings)
	for _, rule := range FaultRules {
		r := views.Rule{Name: rule.Name, Title: p.T("rule." + rule.Name)}
		for _, value := range rule.Values {
			r.Choices = append(r.Choices, views.Choice{Value: value, Title: p.T("rule." + rule.Name + "." + value), On: said(f[rule.Name]) == value})
		}
		if delay, err := time.ParseDuration(said(f["delay"])); rule.Name == "delay" && err == nil && delay > 0 {
			p.On = append(p.On, p.T("panel.delayed", p.Lang.Roughly(delay)))
		}
		p.Rules = append(p.Rules, r)
	}
	for _, s := range FaultSwitches {
		choice := views.Choice{Value: s.Name, Title: p.T("switch." + s.Name), Text: p.T("switch." + s.Name + ".text"), On: said(f[s.Name]) == said(s.Odd)}
		if choice.On {
			p.On = append(p.On, choice.Title)
		}
		p.Switches = append(p.Switches, choice)
	}
}

// said is a fault's value as a form carries it.
func said(value any) string {
	if value == nil {
		return ""
	}
	return fmt.Sprint(value)
}

// actionsOn are what can happen to a code in a state.
var actionsOn = map[string][]string{
	"PENDING": {"pay", "pay_twice", "pay_late", "pay_wrong_amount", "expire"},
	"EXPIRED": {"pay_late"},
}

func viewAccount(l views.Lang, a gatewayAccount, read panel) views.PanelCode {
	v := views.PanelCode{
		Order: OrderNumber(a.InvoiceNumber), Invoice: a.InvoiceNumber, Code: a.PaymentCode, Amount: views.Rupiah(a.Amount),
		Status: a.Status, Says: l.T("panel.status." + a.Status), Deadline: l.Moment(a.ExpiresAt),
	}
	allowed := actionsOn[a.Status]
	if a.Reusable && a.ExpiresAt.After(read.clock.Now) {
		allowed = actionsOn["PENDING"]
	}
	if len(a.Payments) > 0 { // to the shop the payment is paid, and never late
		allowed = slices.DeleteFunc(slices.Clone(allowed), func(action string) bool { return action == "pay_late" })
	}
	for _, action := range allowed {
		v.Actions = append(v.Actions, views.Choice{Value: action, Title: l.T("panel.do." + action)})
	}
	for _, p := range a.Payments {
		v.Payments = append(v.Payments, l.T("panel.payment", views.Rupiah(p.Amount), l.Moment(p.PaidAt), p.TransactionID))
	}
	for _, d := range read.deliveries {
		if d.InvoiceNumber == a.InvoiceNumber {
			v.Deliveries = append(v.Deliveries, viewDelivery(l, d, read))
		}
	}
	return v
}

// viewDelivery is a notification on its timetable: what was, and what is to come.
func viewDelivery(l views.Lang, d gatewayDelivery, read panel) views.PanelDelivery {
	v := views.PanelDelivery{Path: fmt.Sprintf("%s/deliveries/%d", PanelPath, d.ID), State: d.State, Title: l.T("panel.delivery."+d.State, d.Status)}
	for _, a := range d.Attempts {
		answer := l.T("panel.answer", a.HTTPStatus, a.DurationMS)
		if a.HTTPStatus == 0 {
			answer = l.T("panel.noanswer", a.Error)
		}
		v.Attempts = append(v.Attempts, views.PanelAttempt{At: l.Moment(a.At), Text: l.T("panel.attempt."+a.Kind) + ": " + answer, Good: a.HTTPStatus/100 == 2})
	}
	for i, at := range d.coming(read.faults) {
		step := views.PanelAttempt{At: l.Moment(at), Text: l.T("panel.later")}
		if left := at.Sub(read.clock.Now).Round(time.Second); i == 0 && left > 0 {
			step.Text = l.T("panel.in", l.Roughly(left))
		}
		v.Coming = append(v.Coming, step)
	}
	return v
}

// coming are the attempts that follow if nobody answers 2xx: the next as the
// gateway says, the others by its timetable, which counts from the first.
func (d gatewayDelivery) coming(f faults) []time.Time {
	if d.NextAttemptAt == nil {
		return nil
	}
	list := []time.Time{*d.NextAttemptAt}
	first := *d.NextAttemptAt
	if i := slices.IndexFunc(d.Attempts, func(a gatewayAttempt) bool { return a.Kind == "first" }); i >= 0 {
		first = d.Attempts[i].At
	}
	schedule, _ := f["schedule"].([]any)
	for _, after := range schedule {
		gap, err := time.ParseDuration(said(after))
		if at := first.Add(gap); err == nil && at.After(*d.NextAttemptAt) {
			list = append(list, at)
		}
	}
	return list
}

// did goes back to the panel and says what was done there, or that the gateway
// would not.
func (h *Handler) did(c echo.Context, deed string, err error) error {
	switch {
	case errors.Is(err, errNotPossible):
		deed = "refused"
	case errors.Is(err, errNotLate):
		deed = "not_late"
	case err != nil:
		return fmt.Errorf("sandbox panel: %w", err)
	}
	return c.Redirect(http.StatusSeeOther, PanelPath+"?"+url.Values{"did": {deed}}.Encode())
}

func (h *Handler) actOnCode(c echo.Context) error {
	ctx, action, code := c.Request().Context(), c.FormValue("action"), c.FormValue("payment_code")
	if action == "pay_late" {
		return h.did(c, action, h.payLate(ctx, code))
	}
	return h.did(c, action, h.act(ctx, code, action, ""))
}

// chooseFaults puts the form's faults in place of those that are set.
func (h *Handler) chooseFaults(c echo.Context) error {
	ctx := c.Request().Context()
	f, err := h.faults(ctx)
	if err != nil {
		return fmt.Errorf("sandbox panel: %w", err)
	}
	f["answer"], f["notify"] = c.FormValue("answer"), c.FormValue("notify")
	for _, rule := range FaultRules {
		if value := c.FormValue(rule.Name); slices.Contains(rule.Values, value) {
			f[rule.Name] = value
		}
	}
	if times, err := strconv.Atoi(said(f["times"])); err == nil {
		f["times"] = times
	}
	f["retelling"] = c.Request().PostForm["retelling"]
	chosen := c.Request().PostForm["switch"]
	for _, s := range FaultSwitches {
		f[s.Name] = s.Usual
		if slices.Contains(chosen, s.Name) {
			f[s.Name] = s.Odd
		}
	}
	return h.did(c, "faults", h.setFaults(ctx, f))
}

func (h *Handler) calmFaults(c echo.Context) error {
	return h.did(c, "calm", h.clearFaults(c.Request().Context()))
}

func (h *Handler) moveClock(c echo.Context) error {
	d, err := time.ParseDuration(c.FormValue("advance"))
	if err != nil {
		return echo.NewHTTPError(http.StatusUnprocessableEntity, "advance")
	}
	err = h.advance(c.Request().Context(), d)
	if errors.Is(err, errNotPossible) {
		return h.did(c, "clock_far", nil)
	}
	return h.did(c, "clock", err)
}

func (h *Handler) sendAgain(c echo.Context) error {
	id, err := strconv.Atoi(c.Param("id"))
	if err != nil {
		return models.ErrNotFound
	}
	return h.did(c, "resend", h.resend(c.Request().Context(), id))
}

// jumpToNext moves the gateway's clock to a notification's next attempt, and
// waits a moment for it to be made.
func (h *Handler) jumpToNext(c echo.Context) error {
	ctx := c.Request().Context()
	d, err := h.atGateway(ctx, c.Param("id"))
	if err != nil {
		return h.did(c, "next", err)
	}
	clock, err := h.GatewayClock(ctx)
	if err == nil && d.NextAttemptAt == nil {
		err = errNotPossible
	}
	if err == nil {
		err = h.advance(ctx, max(0, d.NextAttemptAt.Sub(clock.Now)))
	}
	if err == nil {
		err = h.awaitAttempt(ctx, d)
	}
	return h.did(c, "next", err)
}

func (h *Handler) atGateway(ctx context.Context, id string) (gatewayDelivery, error) {
	list, err := h.deliveries(ctx, "")
	for _, d := range list {
		if strconv.Itoa(d.ID) == id {
			return d, nil
		}
	}
	if err == nil {
		err = errNotPossible
	}
	return gatewayDelivery{}, err
}

// attemptTimeout is how long the panel waits for what it has set off.
const attemptTimeout = 3 * time.Second

// awaitAttempt waits until a delivery has been tried once more. What takes longer
// shows when the page is loaded again.
func (h *Handler) awaitAttempt(ctx context.Context, before gatewayDelivery) error {
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for end := time.After(attemptTimeout); ; {
		now, err := h.atGateway(ctx, strconv.Itoa(before.ID))
		if err != nil || len(now.Attempts) > len(before.Attempts) {
			return err
		}
		select {
		case <-tick.C:
		case <-end:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
