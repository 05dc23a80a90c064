package console

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/labstack/echo/v4"

	"warungjokul/handlers/web"
	"warungjokul/models"
	"warungjokul/views"
)

const (
	casesShown = 100
	casesPath  = "/console/cases"

	// Bounds of what staff write about a decision, in letters.
	MaxReason = 500
	MaxMethod = 100
	MaxBy     = 60
)

// movedToCases redirects /console/attention to /console/cases.
func movedToCases(c echo.Context) error {
	address := casesPath
	if c.QueryParams().Has("done") {
		address += "?closed"
	}
	return c.Redirect(http.StatusMovedPermanently, address)
}

// ViewCase is a case as the console shows it.
func ViewCase(l views.Lang, c models.Case) views.Case {
	v := views.Case{ID: strconv.FormatInt(c.ID, 10), Title: web.CaseTitle(l, c.Kind), Todo: advice(l, c),
		Facts: caseFacts(l, c), Detail: c.Detail, Open: c.Receipt == nil || c.Kind == models.CaseContradiction, At: l.Stamp(c.CreatedAt), Machine: views.Machine(c.CreatedAt)}
	if c.Order != nil {
		v.Number, v.Path = c.Order.Number, web.ConsoleOrder(c.Order.Number)
	}
	if c.NotificationID != nil {
		v.Message = deliveryPath(*c.NotificationID)
	}
	if c.ClosedAt != nil {
		v.Decision, v.Reason = l.T("decision."+string(c.Decision)), c.Reason
		v.Decided = l.T("cases.decided.by", c.DecidedBy, l.Stamp(*c.ClosedAt))
		if c.DecidedBy == "" {
			v.Decided = l.T("cases.decided.shop", l.Stamp(*c.ClosedAt))
		}
	}
	return v
}

// advice says what to do about a case, and names only decisions that it offers.
func advice(l views.Lang, c models.Case) string {
	var offered []string
	for _, way := range c.Decisions() {
		offered = append(offered, decisionName(l, c, way))
	}
	return views.Advice(l, string(c.Kind), offered)
}

// decisionName is what a decision about a case is called.
func decisionName(l views.Lang, c models.Case, way models.DecisionKind) string {
	if way == models.DecisionAccept && c.IsFurtherPart() {
		return l.T("decision.further")
	}
	return l.T("decision." + string(way))
}

// caseFacts says what happened.
func caseFacts(l views.Lang, c models.Case) (facts []views.Fact) {
	add := func(name, value string) {
		if value != "" {
			facts = append(facts, views.Fact{Name: name, Value: value})
		}
	}
	invoice := ""
	if c.Payment != nil {
		invoice = c.Payment.InvoiceNumber
	}
	if r := c.Receipt; r != nil {
		invoice = r.InvoiceNumber
		add(l.T("cases.received"), views.Rupiah(r.Amount))
		if c.Payment != nil {
			add(l.T("cases.asked"), views.Rupiah(c.Payment.Amount))
		}
		if d := c.Difference(); d != 0 {
			add(l.T("cases.difference"), web.SignedRupiah(d))
		}
		if c.Kind == models.CaseContradiction {
			add(l.T("cases.told"), views.Rupiah(c.Told))
		}
		add(l.T("receipt.at"), l.Stamp(r.PaidAt))
		add(l.T("receipt.till"), r.TillTransaction)
		if c.Payment != nil && r.PaymentCode != c.Payment.Code {
			add(l.T("cases.code"), r.PaymentCode)
		}
		if r.Channel != models.ChannelIndomaret {
			add(l.T("cases.channel"), r.Channel)
		}
	}
	add(l.T("facts.invoice"), invoice)
	if c.Receipt == nil && c.Payment != nil {
		add(l.T("cases.asked"), views.Rupiah(c.Payment.Amount))
		if c.Payment.ExpiresAt != nil {
			add(l.T("facts.deadline"), l.Stamp(*c.Payment.ExpiresAt))
		}
		add(l.T("facts.trouble"), c.Payment.LastError)
	}
	if note := web.ReceiptNote(l, c.Receipt); note != "" {
		add(l.T("cases.refund.done"), note)
	}
	return facts
}

// decisionHint says what a decision does.
func decisionHint(l views.Lang, c models.Case, way models.DecisionKind) string {
	hint := l.T("decision." + string(way) + ".hint")
	held := c.Receipt != nil && c.Receipt.Status == models.ReceiptHeld
	switch {
	case way == models.DecisionAccept && c.IsFurtherPart():
		hint = l.T("decision.further.hint", views.Rupiah(c.Order.Money().Applied), views.Rupiah(c.Payment.Amount),
			web.SignedRupiah(c.DifferenceOnceAccepted()))
	case way == models.DecisionCorrect:
		hint = l.T("decision.correct.hint", views.Rupiah(c.Receipt.Amount), views.Rupiah(c.Told))
	case c.Kind == models.CaseContradiction: // its money is not decided here
	case held && c.NeedsWholeRefund(way):
		hint += " " + l.T("decision.held.refunded", views.Rupiah(c.Receipt.Left()))
	case way == models.DecisionRefund && c.Receipt.Refunded > 0:
		hint += " " + l.T("decision.refund.left", views.Rupiah(c.Receipt.Refunded), views.Rupiah(c.Receipt.Left()))
	case held && way == models.DecisionNone:
		hint += " " + l.T("decision.held.kept")
	}
	return hint
}

func (h *Handler) showCases(c echo.Context) error {
	frame, err := h.ConsolePage(c, "attention", web.Lang(c).T("console.attention"))
	if err != nil {
		return err
	}
	p := views.CasesPage{ConsolePage: frame, Closed: c.QueryParams().Has("closed"), Notice: caseNotice(c)}
	list := h.Store.OpenCases
	if p.Closed {
		list = h.Store.ClosedCases
	}
	cases, err := list(c.Request().Context(), casesShown)
	if err != nil {
		return fmt.Errorf("cases: %w", err)
	}
	for _, found := range cases {
		p.Cases = append(p.Cases, ViewCase(p.Lang, found))
	}
	if len(cases) == casesShown {
		p.More = p.T("cases.first", casesShown)
	}
	p.Chips = []views.CategoryLink{{URL: casesPath, Name: p.T("cases.open"), Current: !p.Closed},
		{URL: casesPath + "?closed", Name: p.T("cases.closed"), Current: p.Closed}}
	return web.Render(c, http.StatusOK, views.Cases(p))
}

// caseNotice says what came of a decision that led here.
func caseNotice(c echo.Context) string {
	switch {
	case c.QueryParams().Has("decided"):
		return web.Lang(c).T("cases.done")
	case c.QueryParams().Has("already"):
		return web.Lang(c).T("cases.already")
	}
	return ""
}

// caseOf finds the case that an address names.
func (h *Handler) caseOf(c echo.Context) (models.Case, error) {
	id, err := strconv.ParseInt(c.Param("id"), 10, 64)
	if err != nil {
		return models.Case{}, models.ErrNotFound
	}
	found, err := h.Store.Case(c.Request().Context(), id)
	if err != nil {
		return found, fmt.Errorf("case: %w", err)
	}
	return found, nil
}

func (h *Handler) showCase(c echo.Context) error {
	found, err := h.caseOf(c)
	if err != nil {
		return err
	}
	form := views.DecisionForm{RefundedOn: views.Field{Value: views.FormatDay(h.Now())}}
	if found.Receipt != nil {
		form.Refund.Value = strconv.FormatInt(found.Receipt.Left(), 10)
	}
	if ways := found.Decisions(); len(ways) > 0 {
		form.Decision.Value = string(ways[0])
	}
	return h.casePage(c, http.StatusOK, found, form, "")
}

func (h *Handler) casePage(c echo.Context, status int, found models.Case, form views.DecisionForm,
	problem string) error {
	frame, err := h.ConsolePage(c, "attention", web.CaseTitle(web.Lang(c), found.Kind))
	if err != nil {
		return err
	}
	p := views.CasePage{ConsolePage: frame, Case: ViewCase(frame.Lang, found), Form: form, Problem: problem,
		Today: views.FormatDay(h.Now())}
	for _, way := range found.Decisions() {
		p.Refunds = p.Refunds || found.NeedsRefund(way)
		p.Choices = append(p.Choices, views.DecisionChoice{Value: string(way), Name: decisionName(p.Lang, found, way),
			Hint: decisionHint(p.Lang, found, way), Chosen: string(way) == form.Decision.Value})
	}
	return web.Render(c, status, views.CaseDecision(p))
}

// decideCase ends a case. What was filled in is shown once more, with what the shopper
// will read, before it is done.
func (h *Handler) decideCase(c echo.Context) error {
	found, err := h.caseOf(c)
	if err != nil {
		return err
	}
	if found.ClosedAt != nil {
		return c.Redirect(http.StatusSeeOther, casesPath+"?already")
	}
	d, form, ok := h.readDecision(c, found)
	switch {
	case !ok:
		return h.casePage(c, http.StatusUnprocessableEntity, found, form, "")
	case c.FormValue("confirm") == "no":
		return h.casePage(c, http.StatusOK, found, form, "")
	case c.FormValue("confirm") != "yes":
		return h.previewDecision(c, found, d, form)
	}
	err = h.Payments.Decide(c.Request().Context(), found, d)
	switch {
	case errors.Is(err, models.ErrDecided):
		return c.Redirect(http.StatusSeeOther, casesPath+"?already")
	case errors.Is(err, models.ErrNotOffered), errors.Is(err, models.ErrRefund):
		if found, err = h.caseOf(c); err != nil {
			return err
		}
		return h.casePage(c, http.StatusConflict, found, form, web.Lang(c).T("cases.gone"))
	case err != nil:
		return fmt.Errorf("decide case: %w", err)
	}
	return c.Redirect(http.StatusSeeOther, casesPath+"?decided")
}

func (h *Handler) previewDecision(c echo.Context, found models.Case, d models.Decision, form views.DecisionForm) error {
	frame, err := h.ConsolePage(c, "attention", web.Lang(c).T("cases.preview.title"))
	if err != nil {
		return err
	}
	l := frame.Lang
	p := views.DecisionPage{ConsolePage: frame, Case: ViewCase(l, found), Decision: decisionName(l, found, d.Kind),
		Does: decisionHint(l, found, d.Kind)}
	if found.NeedsRefund(d.Kind) {
		refunded := *found.Receipt
		refunded.Refunded += d.Refund
		found.Receipt = &refunded
		found.Refunded, found.RefundedOn, found.RefundMethod = d.Refund, &d.RefundedOn, d.RefundMethod
		p.Facts = append(p.Facts, views.Fact{Name: l.T("cases.refund"), Value: views.Rupiah(d.Refund)},
			views.Fact{Name: l.T("cases.refunded.on"), Value: l.Day(d.RefundedOn)},
			views.Fact{Name: l.T("cases.method"), Value: d.RefundMethod})
	}
	if diff := found.DifferenceOnceAccepted(); d.Kind == models.DecisionAccept && (diff != 0 || found.IsFurtherPart()) {
		p.Facts = append(p.Facts, views.Fact{Name: l.T("cases.difference"), Value: web.SignedRupiah(diff)})
	}
	p.Facts = append(p.Facts, views.Fact{Name: l.T("cases.reason"), Value: d.Reason},
		views.Fact{Name: l.T("cases.by"), Value: d.By})
	p.Form = []views.Fact{{Name: "decision", Value: form.Decision.Value}, {Name: "refund", Value: form.Refund.Value},
		{Name: "refunded_on", Value: form.RefundedOn.Value}, {Name: "refund_method", Value: form.Method.Value},
		{Name: "reason", Value: form.Reason.Value}, {Name: "by", Value: form.By.Value}}
	p.Words = []string{l.T("cases.words.none")}
	if found.TellsShopper(d.Kind) {
		theirs := views.Lang(found.Order.Language)
		p.Words = web.DecisionWords(theirs, found, d.Kind)
		if h.Mail == nil {
			p.Words = append(p.Words, l.T("cases.words.nomail"))
		} else {
			p.Subject = theirs.T("mail.decided.subject", found.Order.Number)
		}
	}
	return web.Render(c, http.StatusOK, views.CasePreview(p))
}

// readDecision reads the form and says whether all of it will do.
func (h *Handler) readDecision(c echo.Context, found models.Case) (d models.Decision, form views.DecisionForm,
	ok bool) {
	l := web.Lang(c)
	read := func(name string) views.Field {
		return views.Field{Value: web.FormText(c, name, MaxReason)}
	}
	form = views.DecisionForm{Decision: read("decision"), Refund: read("refund"), RefundedOn: read("refunded_on"),
		Method: read("refund_method"), Reason: read("reason"), By: read("by")}
	d = models.Decision{Kind: models.DecisionKind(form.Decision.Value), Reason: form.Reason.Value, By: form.By.Value}
	if !slices.Contains(found.Decisions(), d.Kind) {
		form.Decision.Problem = l.T("cases.bad.decision")
	}
	if !fits(d.Reason, MaxReason) {
		form.Reason.Problem = l.T("cases.bad.reason", MaxReason)
	}
	if !fits(d.By, MaxBy) {
		form.By.Problem = l.T("cases.bad.by", MaxBy)
	}
	if found.NeedsRefund(d.Kind) {
		h.readRefund(l, &d, &form, found)
	}
	for _, f := range []views.Field{form.Decision, form.Refund, form.RefundedOn, form.Method, form.Reason, form.By} {
		if f.Problem != "" {
			return d, form, false
		}
	}
	return d, form, true
}

// readRefund reads how money was given back: at most what is left of it, or the whole, and on no day before the money
// came or after today.
func (h *Handler) readRefund(l views.Lang, d *models.Decision, form *views.DecisionForm, c models.Case) {
	digits := strings.NewReplacer("Rp", "", ".", "", " ", "", "\u00a0", "").Replace(form.Refund.Value)
	amount, err := strconv.ParseInt(digits, 10, 64)
	switch left := c.Receipt.Left(); {
	case c.NeedsWholeRefund(d.Kind) && (err != nil || amount != left):
		form.Refund.Problem = l.T("cases.bad.whole", views.Rupiah(left))
	case err != nil || amount < 1 || amount > left:
		form.Refund.Problem = l.T("cases.bad.refund", views.Rupiah(left))
	}
	on := views.ParseDay(form.RefundedOn.Value)
	if on.IsZero() || on.After(h.Now()) || on.Before(views.StartOfDay(c.Receipt.KnownSince())) {
		form.RefundedOn.Problem = l.T("cases.bad.day")
	}
	if !fits(form.Method.Value, MaxMethod) {
		form.Method.Problem = l.T("cases.bad.method", MaxMethod)
	}
	d.Refund, d.RefundedOn, d.RefundMethod = amount, on, form.Method.Value
}

// fits reports whether a text is there, readable, and no longer than so many letters.
func fits(text string, most int) bool {
	n := utf8.RuneCountInString(text)
	return n > 0 && n <= most && !strings.ContainsRune(text, utf8.RuneError)
}
