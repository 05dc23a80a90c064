package shop

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/a-h/templ"
	"github.com/labstack/echo/v4"

	"warungjokul/handlers/web"
	"warungjokul/models"
	"warungjokul/payments"
	"warungjokul/views"
)

// billerName is what to ask for at the till. DOKU's own word for Indomaret is
// not published (docs/protocol.md section 10).
const billerName = "DOKU"

func (h *Handler) order(c echo.Context) (models.Order, error) {
	o, err := h.Store.Order(c.Request().Context(), c.Param("token"))
	if err != nil {
		return o, fmt.Errorf("order: %w", err)
	}
	return o, nil
}

func (h *Handler) showOrder(c echo.Context) error {
	if name, ok := h.pageCacheKey(c); ok {
		return h.sendCachedOrder(c, name)
	}
	o, err := h.order(c)
	if err != nil {
		return err
	}
	notice := ""
	if c.QueryParams().Has("mailed") && o.CodeMail().Wanted(h.Now()) {
		notice = web.Lang(c).T("keep.again.done", mask(o.CustomerEmail))
	}
	return h.orderPage(c, http.StatusOK, o, notice)
}

// mask shortens a mail address to what its owner recognises.
func mask(email string) string {
	name, domain, _ := strings.Cut(email, "@")
	return name[:min(len(name), 1)] + "***@" + domain
}

// checkOrder asks the gateway because the shopper says to have paid: about every
// code of the order that money may have come for.
func (h *Handler) checkOrder(c echo.Context) error {
	o, err := h.order(c)
	if err != nil {
		return err
	}
	granted, err := h.Payments.CheckOrder(c.Request().Context(), o)
	if err != nil {
		return err
	}
	if !granted {
		c.Response().Header().Set("Retry-After", fmt.Sprint(int(web.CheckInterval/time.Second)))
		return h.orderPage(c, http.StatusTooManyRequests, o, web.Lang(c).T("check.soon"))
	}
	return c.Redirect(http.StatusSeeOther, web.OrderPath(o.Token))
}

// newCode makes the next attempt to be paid, where the last has come to nothing.
func (h *Handler) newCode(c echo.Context) error {
	o, err := h.order(c)
	if err != nil {
		return err
	}
	ctx := c.Request().Context()
	if p := o.Payment(); p.State == models.PaymentPending && overdue(p, h.Now()) {
		if err := h.Payments.CheckNow(ctx, p.ID); err != nil {
			return err
		}
		if o, err = h.order(c); err != nil {
			return err
		}
	}
	o.Client = h.placer(c)
	_, err = h.Payments.NewCode(ctx, o)
	if errors.Is(err, models.ErrMoneyUndecided) {
		return h.orderPage(c, http.StatusConflict, o, web.Lang(c).T("order.undecided"))
	}
	var soldOut *models.OutOfStockError
	if errors.As(err, &soldOut) {
		v := h.viewOrder(h.Page(c, ""), o, web.Lang(c).T("order.soldout"))
		v.SoldOut = true
		return web.Render(c, http.StatusConflict, views.Order(v))
	}
	if _, ok := h.limitOf(ctx, web.Lang(c), o, err); ok {
		return h.orderPage(c, http.StatusTooManyRequests, o, web.Lang(c).T("limit.code"))
	}
	if err != nil {
		return fmt.Errorf("new code: %w", err)
	}
	return c.Redirect(http.StatusSeeOther, web.OrderPath(o.Token))
}

// Status is what programs and scripts see of an order.
type Status struct {
	OrderStatus   models.OrderStatus  `json:"order_status"`
	PaymentStatus models.PaymentState `json:"payment_status"`
	InvoiceNumber string              `json:"invoice_number"`
	PaymentCode   *string             `json:"payment_code"`
	Amount        int64               `json:"amount"`
	ExpiresAt     *time.Time          `json:"expires_at"`
	PaidAt        *time.Time          `json:"paid_at"`
	Attempt       int64               `json:"attempt"`
	ServerTime    time.Time           `json:"server_time"`
}

func (h *Handler) statusOf(o models.Order) Status {
	p := o.Payment()
	s := Status{
		OrderStatus: o.Status, PaymentStatus: p.State, InvoiceNumber: p.InvoiceNumber, Amount: p.Amount,
		ExpiresAt: p.ExpiresAt, PaidAt: o.PaidAt, Attempt: p.Attempt, ServerTime: h.Now().UTC(),
	}
	if p.Code != "" && showsCode(o) {
		s.PaymentCode = &p.Code
	}
	return s
}

// showsCode reports whether programs are told the code of an order: not where it must not be paid.
func showsCode(o models.Order) bool {
	switch o.Status {
	case models.OrderAwaitingPayment:
		return !o.HasUndecidedMoney()
	case models.OrderPaid:
		return !o.Test && !o.Refunded()
	}
	return false
}

// payable reports whether an order's code is shown to be paid: for the first time, or once more where the code may be
// paid again and the goods are held for it.
func payable(o models.Order, now time.Time) bool {
	p := o.Payment()
	if o.Test || p.Code == "" || o.HasUndecidedMoney() {
		return false
	}
	again := o.Status == models.OrderPaid && p.Reusable && o.StockHeld && !overdue(p, now)
	return again || stateOf(o, now) == views.StateWaiting
}

func (h *Handler) orderStatus(c echo.Context) error {
	o, err := h.order(c)
	if err != nil {
		return err
	}
	c.Response().Header().Set("Cache-Control", "no-store")
	return c.JSON(http.StatusOK, h.statusOf(o))
}

// live reports whether an order can still change by itself.
func live(o models.Order, now time.Time) bool {
	p := o.Payment()
	if o.Status == models.OrderPaid {
		return p.Reusable && !overdue(p, now)
	}
	return o.Status == models.OrderAwaitingPayment && p.State != models.PaymentFailed
}

func overdue(p models.Payment, now time.Time) bool {
	return p.ExpiresAt != nil && !now.Before(*p.ExpiresAt)
}

// stateOf says what the order's page looks like now.
func stateOf(o models.Order, now time.Time) views.OrderState {
	switch o.Status {
	case models.OrderPaid:
		return views.StatePaid
	case models.OrderExpired:
		if o.HasUndecidedMoney() {
			return views.StateChecking
		}
		return views.StateExpired
	case models.OrderCancelled:
		return views.StateCancelled
	}
	p := o.Payment()
	switch {
	case o.HasUndecidedMoney():
		return views.StateChecking
	case p.State == models.PaymentFailed:
		return views.StateFailed
	case p.State == models.PaymentCreating:
		return views.StatePreparing
	case overdue(p, now):
		return views.StateOverdue
	}
	return views.StateWaiting
}

func (h *Handler) orderPage(c echo.Context, httpStatus int, o models.Order, notice string) error {
	web.SetServerTime(c, h.Now())
	return web.Render(c, httpStatus, h.drawOrder(c, o, notice))
}

func (h *Handler) drawOrder(c echo.Context, o models.Order, notice string) templ.Component {
	v := h.viewOrder(h.Page(c, ""), o, notice)
	if h.MayInspect(c) {
		v.Inspector = web.InspectorPath(o.Number)
	}
	return views.Order(v)
}

func (h *Handler) viewOrder(page views.Page, o models.Order, notice string) views.OrderPage {
	now, payment := h.Now(), o.Payment()
	v := views.OrderPage{
		Page: page, State: stateOf(o, now), Number: o.Number, Path: web.OrderPath(o.Token),
		Notice: notice,
		Amount: views.Rupiah(o.Total), AmountDigits: fmt.Sprint(o.Total),
		Customer: payments.NameAtTill(payment, o), Erased: o.ErasedAt != nil, Placed: page.Lang.Moment(o.PlacedAt),
		HowToPayPage: h.howToPayPage(payment), Say: "Mau bayar " + billerName,
		Slow: payment.Tries > 0, Live: live(o, now), Watched: string(o.Version()),
	}
	v.URL = strings.TrimSuffix(h.BaseURL, "/") + v.Path
	v.Private = true
	v.Page.Links = orderLinks(v.Path)
	v.Title = page.T("order.title", o.Number)
	v.Head, v.Text = words(page.Lang, o, v.State, now)
	if v.State == views.StatePaid && v.Head == "" {
		v.Title = page.T("order.paidtitle", o.Number)
	}
	if payable(o, now) {
		v.Code = viewCode(page.Lang, payment)
		v.Steps, v.StepsByDOKU = steps(page.Lang, payment)
		v.Simulator = h.simulatorLink(page.Lang, payment.Code)
	}
	if v.Code != nil {
		v.Keep = shareLinks(v)
		if h.Mail != nil && o.CodeMail().Wanted(now) {
			v.Keep.Again = v.Path + "/mail"
		}
	}
	if v.Live {
		v.Page.Refresh = "15"
	}
	for _, c := range o.OpenCases {
		text := web.ShopperCase(page.Lang, o, c)
		if advice := web.CaseAdvice(page.Lang, c.Kind); text != "" && advice != "" && v.State != views.StateChecking { // which says it on top
			text += " " + advice
		}
		if text != "" && !slices.Contains(v.Cases, text) {
			v.Cases = append(v.Cases, text)
		}
	}
	v.CanCheck = o.Status != models.OrderPaid && v.State != views.StateChecking && len(payments.Unsettled(o)) > 0
	v.CheckedSay = checkedText(page.Lang, payment)
	for _, line := range o.Lines {
		v.Lines = append(v.Lines, web.CartLine(page.Lang, line))
	}
	h.viewMoney(&v, o)
	return v
}

// words say where an order stands: a headline where it is not that of its state, and a text.
func words(l views.Lang, o models.Order, state views.OrderState, now time.Time) (head, text string) {
	text = l.T("order." + string(state) + ".text")
	switch {
	case o.Test:
		return l.T("order.test.title"), l.T("order.test")
	case o.Status == models.OrderPaid && o.Refunded():
		return l.T("order.refunded"), l.T("order.refunded.text")
	case state == views.StateExpired && o.Money().Unapplied > 0:
		return l.T("order.closed"), l.T("order.decided.text")
	case state == views.StatePaid && mayBeSent(o):
		if kind := o.Lines[0].Kind; kind != models.KindOpen || payable(o, now) {
			text += " " + l.T("order.paid."+string(kind))
		}
	}
	return "", text
}

// mayBeSent reports whether nothing is known that speaks against sending what was paid for.
func mayBeSent(o models.Order) bool {
	return o.ErasedAt == nil && !slices.ContainsFunc(o.OpenCases, func(c models.Case) bool {
		return c.Kind == models.CaseLatePayment || c.Kind == models.CaseOutOfStock
	})
}

// viewMoney adds the receipts and the codes that must not be paid any more.
func (h *Handler) viewMoney(v *views.OrderPage, o models.Order) {
	if o.Test { // no money moved
		return
	}
	applied := 0
	for _, p := range o.Payments {
		for _, r := range p.Receipts {
			if r.Status == models.ReceiptDuplicate {
				continue
			}
			if r.Status == models.ReceiptApplied {
				applied++
			}
			v.Receipts = append(v.Receipts, views.Receipt{
				Amount: views.Rupiah(r.Amount), At: v.Lang.Moment(r.PaidAt), Note: web.ReceiptNote(v.Lang, &r),
				Till: r.TillTransaction, Store: models.TillIdentifier(r.Identifiers, "AGENT_STORE_ID"),
			})
		}
		if p.Code != "" && p.ID != o.Payment().ID {
			v.OldCodes = append(v.OldCodes, h.oldCode(p))
		}
	}
	if current := o.Payment(); v.State == views.StateExpired && current.Code != "" {
		v.OldCodes = append(v.OldCodes, h.oldCode(current))
	}
	if applied > 1 {
		v.Received = views.Rupiah(o.Money().Applied)
	}
}

// oldCode is a code that must not be paid any more. The gateway goes on taking it until its deadline.
func (h *Handler) oldCode(p models.Payment) views.OldCode {
	taken := p.State != models.PaymentPaid && p.ExpiresAt != nil && !overdue(p, h.Now())
	return views.OldCode{Digits: strings.Join(views.Fours(p.Code), " "), Taken: taken}
}

func viewCode(l views.Lang, p models.Payment) *views.Code {
	code := &views.Code{Digits: p.Code}
	if p.ExpiresAt != nil {
		code.Deadline, code.Expires = l.Moment(*p.ExpiresAt), views.Machine(*p.ExpiresAt)
	}
	return code
}

// cleanLines returns the gateway's lines as a page may show them.
func cleanLines(lines []string) []string {
	clean := make([]string, len(lines))
	for i, line := range lines {
		clean[i] = web.CleanText(line)
	}
	return clean
}

// steps are the gateway's own in the page's language, or ours.
func steps(l views.Lang, p models.Payment) (list []string, byDOKU bool) {
	for _, in := range p.Instructions {
		if strings.EqualFold(in.Language, string(l)) {
			return cleanLines(in.Steps), true
		}
	}
	last := l.T("steps.6")
	if p.State == models.PaymentPaid { // it is paid once more
		last = l.T("steps.again")
	}
	return []string{l.T("steps.1"), l.T("steps.2"), l.T("steps.3", billerName), l.T("steps.4"), l.T("steps.5"), last}, false
}

func checkedText(l views.Lang, p models.Payment) string {
	if p.CheckedAt == nil {
		return ""
	}
	answer := l.T("check.other")
	if known := []string{"PENDING", "SUCCESS", "EXPIRED", payments.NoAnswer}; slices.Contains(known, p.CheckedStatus) {
		answer = l.T("check." + p.CheckedStatus)
	}
	return l.T("check.answer", l.Clock(*p.CheckedAt), answer)
}

// simulatorLink is the till with a code typed in, in a demo. It speaks the language of the order's page.
func (h *Handler) simulatorLink(l views.Lang, code string) string {
	if !h.Demo() {
		return ""
	}
	return h.TillURL + "/simulator?payment_code=" + url.QueryEscape(code) + "&lang=" + string(l)
}

// howToPayPage is the gateway's page about a code, empty where the address that came with the code is not the gateway's:
// a shopper is sent nowhere else. The page of a demo's gateway is for those at its machine, as its till is.
func (h *Handler) howToPayPage(p models.Payment) string {
	if h.Demo() && h.TillURL == "" || !h.Gateway.IsGateway(p.HowToPayPage) {
		return ""
	}
	return p.HowToPayPage
}

func orderLinks(path string) map[views.Lang]string {
	links := map[views.Lang]string{}
	for _, l := range views.Langs() {
		links[l] = path + "?lang=" + string(l)
	}
	return links
}
