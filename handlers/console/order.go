package console

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"warungjokul/handlers/web"
	"warungjokul/models"
	"warungjokul/views"
)

func (h *Handler) orderByNumber(c echo.Context) (models.Order, error) {
	o, err := h.Store.OrderByNumber(c.Request().Context(), c.Param("number"))
	if err != nil {
		return o, fmt.Errorf("order: %w", err)
	}
	return o, nil
}

func (h *Handler) showConsoleOrder(c echo.Context) error {
	o, err := h.orderByNumber(c)
	if err != nil {
		return err
	}
	notice := ""
	switch {
	case c.QueryParams().Has("cancelled"):
		notice = web.Lang(c).T("cancel.done")
	case o.ErasedAt != nil && c.QueryParam("erased") != "":
		n, _ := strconv.Atoi(c.QueryParam("erased")) // else it says 0
		notice = web.Lang(c).T("erase.done", n)
	}
	return h.consoleOrderPage(c, http.StatusOK, o, func(p *views.ConsoleOrderPage) { p.Notice = notice })
}

func (h *Handler) consoleOrderPage(c echo.Context, status int, o models.Order, change func(*views.ConsoleOrderPage)) error {
	frame, err := h.ConsolePage(c, "orders", web.Lang(c).T("order.title", o.Number))
	if err != nil {
		return err
	}
	history, err := h.Store.History(c.Request().Context(), o.ID)
	if err != nil {
		return fmt.Errorf("history: %w", err)
	}
	p := viewConsoleOrder(frame, o)
	for _, found := range history.Cases {
		if found.ClosedAt == nil {
			view := ViewCase(p.Lang, found)
			view.Back = o.Number
			p.Cases = append(p.Cases, view)
		}
	}
	if p.Same, err = h.sameHolder(c, p.Lang, o); err != nil {
		return err
	}
	p.Timeline = timeline(p.Lang, o, history, h.Now(), h.MailStays())
	if p.Inspector, err = h.inspector(c.Request().Context(), p.Lang, o); err != nil {
		return err
	}
	change(&p)
	return web.Render(c, status, views.ConsoleOrder(p))
}

func viewConsoleOrder(frame views.ConsolePage, o models.Order) views.ConsoleOrderPage {
	l := frame.Lang
	p := views.ConsoleOrderPage{ConsolePage: frame, Number: o.Number, Path: web.ConsoleOrder(o.Number), Status: statusName(o.Status), Test: o.Test,
		Total: views.Rupiah(o.Total), Placed: l.Moment(o.PlacedAt), CanCancel: o.Status == models.OrderAwaitingPayment && !o.HasUndecidedMoney(),
		Facts: []views.Figure{
			{Name: l.T("facts.name"), Value: o.CustomerName}, {Name: l.T("checkout.email"), Value: o.CustomerEmail},
			{Name: l.T("checkout.phone"), Value: o.CustomerPhone}, {Name: l.T("facts.language"), Value: views.Lang(o.Language).Pick("Bahasa Indonesia", "English")},
		}}
	if o.ErasedAt != nil {
		p.Facts = []views.Figure{{Name: l.T("facts.erased"), Value: l.T("facts.erased.on", l.Stamp(*o.ErasedAt), erasureText(l, o))}}
	}
	p.CanErase = o.ErasedAt == nil
	for _, line := range o.Lines {
		p.Lines = append(p.Lines, web.CartLine(l, line))
	}
	if shares, err := o.Shares(); err == nil { // lines that do not add up are in the report of mismatches
		for _, s := range shares {
			p.Shares = append(p.Shares, l.T("facts.seller", s.Account, views.Rupiah(s.Amount)))
		}
	}
	for _, payment := range o.Payments {
		p.Attempts = append(p.Attempts, viewAttempt(l, payment))
		for _, r := range payment.Receipts {
			p.Receipts = append(p.Receipts, views.ConsoleReceipt{Invoice: payment.InvoiceNumber, Source: sourceText(l, r.Source), Receipt: views.Receipt{
				Amount: views.Rupiah(r.Amount), At: l.Stamp(r.PaidAt), Till: r.TillTransaction, Store: models.TillIdentifier(r.Identifiers, "AGENT_STORE_ID"), Note: web.ReceiptNote(l, &r)}})
		}
	}
	if len(p.Receipts) > 1 {
		p.Received = views.Rupiah(o.Money().Applied)
	}
	return p
}

// erasureText is why the customer of an order was erased, and by whom.
func erasureText(l views.Lang, o models.Order) string {
	if o.ErasedAt == nil {
		return ""
	}
	why := l.T("erase.reason." + string(o.ErasureReason))
	if o.ErasedBy != "" {
		why += ", " + o.ErasedBy
	}
	return why
}

func sourceText(l views.Lang, s models.Source) string {
	if s == models.SourceStatusQuery {
		return l.T("source.query")
	}
	return l.T("source.notification")
}

func viewAttempt(l views.Lang, p models.Payment) views.Attempt {
	a := views.Attempt{Name: l.T("facts.attempt", p.Attempt), State: string(p.State), StateText: l.T("attempt." + string(p.State))}
	if p.State == models.PaymentPending && slices.ContainsFunc(p.Receipts, func(r models.Receipt) bool { return r.Status == models.ReceiptHeld }) {
		a.State, a.StateText = "attention", l.T("attempt.held")
	}
	fact := func(name, value string) {
		if value != "" {
			a.Facts = append(a.Facts, views.Figure{Name: name, Value: value})
		}
	}
	fact(l.T("facts.invoice"), p.InvoiceNumber)
	code := l.T("facts.none")
	if p.Code != "" {
		code = strings.Join(views.Fours(p.Code), " ")
	}
	if p.Reusable {
		code += " (" + l.T("facts.reusable") + ")"
	}
	fact(l.T("facts.code"), code)
	for _, t := range []struct {
		name string
		at   *time.Time
	}{{l.T("facts.issued"), p.CodeIssuedAt}, {l.T("facts.deadline"), p.ExpiresAt}} {
		if t.at != nil {
			fact(t.name, l.Stamp(*t.at))
		}
	}
	if p.CheckedAt != nil {
		fact(l.T("facts.answer"), p.CheckedStatus+", "+l.Stamp(*p.CheckedAt))
	}
	fact(l.T("facts.trouble"), p.LastError)
	return a
}

// mailboxPath is the address of a mail in a demo's mailbox, empty for one that is not there.
func mailboxPath(o models.Order, m models.Mail) string {
	if m.Held() || o.ErasedAt != nil {
		return ""
	}
	return fmt.Sprintf("/mailbox/%d", m.ID)
}

// timeline is what happened to an order, in order, out of what its rows say. In a demo whose mail stays, a mail leads to
// the mailbox.
func timeline(l views.Lang, o models.Order, history models.History, now time.Time, mailStays bool) []views.Event {
	type moment struct {
		at time.Time
		views.Event
	}
	var all []moment
	add := func(at *time.Time, kind, text, note string) {
		if at != nil {
			all = append(all, moment{*at, views.Event{At: l.Second(*at), Machine: views.Machine(*at), Text: text, Note: note, Kind: kind, Coming: at.After(now)}})
		}
	}
	add(&o.PlacedAt, "", l.T("event.placed"), "")
	for _, p := range o.Payments {
		add(&p.CreatedAt, "", l.T("event.attempt", p.Attempt, p.InvoiceNumber), "")
		issued := p.CreatedAt
		if p.CodeIssuedAt != nil { // by the gateway's clock, which tells whole seconds
			issued = latest(issued, *p.CodeIssuedAt)
			add(&issued, "", l.T("event.code", p.InvoiceNumber), "")
		}
		if p.State != models.PaymentPaid || p.Reusable {
			add(p.ExpiresAt, "", l.T("event.deadline", p.InvoiceNumber), "")
		}
		for _, r := range p.Receipts {
			add(&r.PaidAt, "good", l.T("event.receipt", views.Rupiah(r.Amount), p.InvoiceNumber), "")
			all[len(all)-1].at = beforeLearnt(latest(issued, r.PaidAt), r.CreatedAt)
			add(&r.CreatedAt, "", l.T("event.learnt", p.InvoiceNumber, sourceText(l, r.Source)), "")
		}
	}
	for _, c := range history.Cases {
		title := web.CaseTitle(l, c.Kind)
		add(&c.CreatedAt, "bad", l.T("event.case", title), "")
		if c.ClosedAt != nil {
			closed := ViewCase(l, c)
			add(c.ClosedAt, "", l.T("event.done", title), strings.Trim(closed.Decision+", "+closed.Decided+": "+closed.Reason, ": "))
		}
	}
	for _, m := range history.Mails {
		kind := l.T("mail." + string(m.Kind))
		switch {
		case m.Held():
			add(m.SentAt, "", l.T("limit.unsent", kind), "")
		case m.GivenUp():
			add(m.SentAt, "bad", l.T("event.unsent", kind), "")
		case mailStays && m.SentAt != nil:
			add(m.SentAt, "", l.T("event.mail.made", kind), "")
			all[len(all)-1].Mail = mailboxPath(o, m)
		default:
			add(m.SentAt, "", l.T("event.mail", kind), "")
		}
	}
	add(o.ErasedAt, "", l.T("event.erased"), erasureText(l, o))
	add(o.ExpiredAt, "bad", l.T("event.expired"), "")
	add(o.CancelledAt, "bad", l.T("event.cancelled"), strings.Trim(o.CancelledBy+": "+o.CancelledFor, ": "))
	slices.SortStableFunc(all, func(a, b moment) int { return a.at.Compare(b.at) })
	events := make([]views.Event, len(all))
	for i, m := range all {
		events[i] = m.Event
	}
	return events
}

// beforeLearnt is where a payment stands in a timeline: just before the shop learnt of it, where the gateway's date,
// which has whole seconds and is of another clock, cannot tell which of the two came first.
func beforeLearnt(paid, learnt time.Time) time.Time {
	if learnt.Sub(paid) < time.Second {
		return learnt.Add(-time.Nanosecond)
	}
	return paid
}

// askToCancel shows what cancelling means before it is done.
func (h *Handler) askToCancel(c echo.Context) error {
	o, err := h.orderByNumber(c)
	if err != nil {
		return err
	}
	if o.Status != models.OrderAwaitingPayment {
		return h.notCancelled(c, o)
	}
	frame, err := h.ConsolePage(c, "orders", web.Lang(c).T("cancel.title", o.Number))
	if err != nil {
		return err
	}
	p := views.CancelPage{ConsolePage: frame, Number: o.Number, Path: web.ConsoleOrder(o.Number)}
	if o.Payment().Code != "" {
		p.Text = p.T("cancel.code")
	}
	return web.Render(c, http.StatusOK, views.Cancel(p))
}

func (h *Handler) cancelOrder(c echo.Context) error {
	o, err := h.orderByNumber(c)
	if err != nil {
		return err
	}
	cancelled, err := h.Store.CancelOrder(c.Request().Context(), o.ID)
	if errors.Is(err, models.ErrMoneyUndecided) {
		return h.consoleOrderPage(c, http.StatusConflict, o, func(p *views.ConsoleOrderPage) { p.Problem = p.T("cancel.money") })
	}
	if err != nil {
		return fmt.Errorf("cancel order: %w", err)
	}
	if !cancelled {
		if o, err = h.orderByNumber(c); err != nil {
			return err
		}
		return h.notCancelled(c, o)
	}
	h.Log.InfoContext(c.Request().Context(), "order cancelled", "order_number", o.Number)
	h.Publish(c.Request().Context(), o.Token)
	h.MailDue.Set()
	return c.Redirect(http.StatusSeeOther, web.ConsoleOrder(o.Number)+"?cancelled")
}

func (h *Handler) notCancelled(c echo.Context, o models.Order) error {
	return h.consoleOrderPage(c, http.StatusConflict, o, func(p *views.ConsoleOrderPage) { p.Problem = p.T("cancel.late") })
}
