package console

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"warungjokul/handlers/web"
	"warungjokul/models"
	"warungjokul/views"

	"github.com/labstack/echo/v4"
)

const ordersShown = 50

const latestShown = 8

// FigureDays is how many days the overview shows.
const FigureDays = 30

const lowStock = 5

func (h *Handler) showOverview(c echo.Context) error {
	ctx := c.Request().Context()
	frame, err := h.ConsolePage(c, "overview", web.Lang(c).T("console.overview"))
	if err != nil {
		return err
	}
	days, err := h.Store.Days(ctx, views.StartOfDay(h.Now()), FigureDays)
	if err != nil {
		return fmt.Errorf("figures: %w", err)
	}
	latest, err := h.Store.Orders(ctx, models.OrderFilter{}, "", latestShown)
	if err != nil {
		return fmt.Errorf("latest orders: %w", err)
	}
	products, err := h.Store.Products(ctx, "", "")
	if err != nil {
		return fmt.Errorf("stock: %w", err)
	}
	l := frame.Lang
	p := views.OverviewPage{ConsolePage: frame, Today: figures(l, days[len(days)-1].DailyStats), Month: figures(l, models.Sum(days)), Latest: orderRows(l, latest.Orders)}
	var drawn []views.ChartDay
	for _, d := range days {
		drawn = append(drawn, views.ChartDay{Start: d.Start, Placed: d.Placed, Paid: d.Paid, Expired: d.Expired, Received: views.Rupiah(d.Received),
			Converted: l.Percent(d.Converted, d.Placed), Wait: l.Wait(d.Median())})
	}
	p.Chart = views.NewChart(drawn)
	held, err := h.heldStock(c)
	if err != nil {
		return err
	}
	for _, product := range products {
		if line := held.line(l, product); product.Stock <= lowStock || line.MostHeld {
			p.Low = append(p.Low, line)
		}
	}
	return web.Render(c, http.StatusOK, views.Overview(p))
}

func figures(l views.Lang, f models.DailyStats) []views.Figure {
	list := []views.Figure{
		{Name: l.T("figure.placed"), Value: l.Count(f.Placed), Text: views.Rupiah(f.PlacedAmount)},
		{Name: l.T("figure.paid"), Value: l.Count(f.Paid), Text: l.T("figure.paid.text", views.Rupiah(f.Received))},
		{Name: l.T("figure.expired"), Value: l.Count(f.Expired), Text: l.T("figure.expired.text")},
		{Name: l.T("figure.converted"), Value: l.Percent(f.Converted, f.Placed), Text: l.T("figure.converted.of", l.Count(f.Converted), l.Count(f.Placed))},
		{Name: l.T("figure.wait"), Value: l.Wait(f.Median()), Text: l.T("figure.wait.text")},
	}
	if f.Unapplied > 0 {
		list = append(list, views.Figure{Name: l.T("figure.unapplied"), Value: views.Rupiah(f.Unapplied), Text: l.T("figure.unapplied.text", views.Rupiah(f.Undecided))})
	}
	if f.Refunded > 0 {
		list = append(list, views.Figure{Name: l.T("figure.refunded"), Value: views.Rupiah(f.Refunded), Text: l.T("figure.refunded.text")})
	}
	return list
}

// statusNames are what the console calls orders, in the order of its filters.
var statusNames = []struct {
	status models.OrderStatus
	name   string
}{
	{models.OrderAwaitingPayment, "awaiting"}, {models.OrderPaid, "paid"}, {models.OrderExpired, "expired"}, {models.OrderCancelled, "cancelled"},
}

const flagged = "attention" // a filter beside the statuses

func statusName(status models.OrderStatus) string {
	for _, s := range statusNames {
		if s.status == status {
			return s.name
		}
	}
	return string(status)
}

func orderRows(l views.Lang, orders []models.Order) (rows []views.OrderRow) {
	for _, o := range orders {
		rows = append(rows, views.OrderRow{Number: o.Number, Path: web.ConsoleOrder(o.Number), Placed: l.Stamp(o.PlacedAt), Machine: views.Machine(o.PlacedAt),
			Customer: o.CustomerName, Email: o.CustomerEmail, Total: views.Rupiah(o.Total), Status: statusName(o.Status), NeedsAttention: len(o.OpenCases) > 0, Test: o.Test})
	}
	return rows
}

// filter is what of the orders somebody asked to see.
type filter struct {
	status, search, from, to string
	models.OrderFilter
}

// readFilter takes what it knows of the query and leaves the rest out.
func readFilter(c echo.Context) filter {
	var f filter
	f.search, _ = web.SearchQuery(c.QueryParam("q"))
	f.Search = f.search
	if chosen := c.QueryParam("status"); chosen == flagged {
		f.status, f.Flagged = chosen, true
	} else {
		for _, s := range statusNames {
			if s.name == chosen {
				f.status, f.Status = chosen, s.status
			}
		}
	}
	if f.From = filterDay(c.QueryParam("from")); !f.From.IsZero() {
		f.from = c.QueryParam("from")
	}
	if last := filterDay(c.QueryParam("to")); !last.IsZero() {
		f.to, f.To = c.QueryParam("to"), last.AddDate(0, 0, 1)
	}
	return f
}

// filterDay reads a day of this century, zero for any other: databases do not agree on years of five digits.
func filterDay(s string) time.Time {
	day := views.ParseDay(s)
	if day.Year() < 2000 || day.Year() > 2100 {
		return time.Time{}
	}
	return day
}

// address is a page with this filter, but for another status, after a key.
func (f filter) address(path, status, after string) string {
	query := url.Values{}
	for name, value := range map[string]string{"status": status, "q": f.search, "from": f.from, "to": f.to, "after": after} {
		if value != "" {
			query.Set(name, value)
		}
	}
	if len(query) == 0 {
		return path
	}
	return path + "?" + query.Encode()
}

func (h *Handler) showOrders(c echo.Context) error {
	frame, err := h.ConsolePage(c, "orders", web.Lang(c).T("console.orders"))
	if err != nil {
		return err
	}
	f, after := readFilter(c), c.QueryParam("after")
	found, err := h.Store.Orders(c.Request().Context(), f.OrderFilter, after, ordersShown)
	if err != nil {
		return fmt.Errorf("orders: %w", err)
	}
	l := frame.Lang
	p := views.OrdersPage{ConsolePage: frame, Status: f.status, Search: f.search, From: f.from, To: f.to,
		Filtered: f.address("", f.status, "") != "", Orders: orderRows(l, found.Orders), CSV: f.address(web.OrdersCSV, f.status, "")}
	for i, o := range found.Orders {
		p.Orders[i].Choose = o.Status == models.OrderAwaitingPayment
		p.Choose = p.Choose || p.Orders[i].Choose
	}
	if after != "" {
		p.First = f.address(web.OrdersPath, f.status, "")
	}
	if found.Next != "" {
		p.Next = f.address(web.OrdersPath, f.status, found.Next)
	}
	p.Chips = []views.CategoryLink{{URL: f.address(web.OrdersPath, "", ""), Name: l.T("orders.all"), Current: f.status == ""}}
	for _, s := range statusNames {
		p.Chips = append(p.Chips, views.CategoryLink{URL: f.address(web.OrdersPath, s.name, ""), Name: l.T("status." + s.name), Current: f.status == s.name})
	}
	p.Chips = append(p.Chips, views.CategoryLink{URL: f.address(web.OrdersPath, flagged, ""), Name: l.T("status.attention"), Current: f.Flagged})
	return web.Render(c, http.StatusOK, views.Orders(p))
}

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

func stockLine(l views.Lang, p models.Product) views.StockLine {
	stock := strconv.FormatInt(p.Stock, 10)
	s := views.StockLine{SKU: p.SKU, Name: l.Pick(p.NameID, p.NameEN), Drawing: p.Drawing, Price: views.Rupiah(p.Price), Stock: stock, Seen: stock}
	switch {
	case p.Stock == 0:
		s.Tag, s.SoldOut = l.T("product.soldout"), true
	case p.Stock <= lowStock:
		s.Tag = l.T("product.last", p.Stock)
	}
	return s
}

// heldStock is what unpaid orders hold, by SKU.
type heldStock map[string]models.HeldStock

func (h *Handler) heldStock(c echo.Context) (heldStock, error) {
	list, err := h.Store.HeldStock(c.Request().Context())
	if err != nil {
		return nil, fmt.Errorf("held stock: %w", err)
	}
	held := heldStock{}
	for _, p := range list {
		held[p.SKU] = p
	}
	return held, nil
}

// line is a product's stock with the share of it that unpaid orders hold.
func (h heldStock) line(l views.Lang, p models.Product) views.StockLine {
	line := stockLine(l, p)
	if held := h[p.SKU]; held.Held > 0 {
		line.Held = l.T("stock.held", l.Count(held.Held), l.Percent(held.Held, held.Held+held.Stock))
		line.MostHeld = 2*held.Held >= held.Held+held.Stock
	}
	return line
}

func (h *Handler) showStock(c echo.Context) error {
	return h.stockPage(c, http.StatusOK, func(p *views.StockPage) {
		for _, line := range p.Lines {
			if line.SKU == c.QueryParam("saved") {
				p.Notice = p.T("stock.saved", line.Name, line.Stock)
			}
		}
	})
}

func (h *Handler) stockPage(c echo.Context, status int, change func(*views.StockPage)) error {
	frame, err := h.ConsolePage(c, "stock", web.Lang(c).T("console.stock"))
	if err != nil {
		return err
	}
	products, err := h.Store.Products(c.Request().Context(), "", "")
	if err != nil {
		return fmt.Errorf("stock: %w", err)
	}
	held, err := h.heldStock(c)
	if err != nil {
		return err
	}
	p := views.StockPage{ConsolePage: frame, Max: strconv.Itoa(models.MaxStock)}
	for _, product := range products {
		p.Lines = append(p.Lines, held.line(p.Lang, product))
	}
	change(&p)
	return web.Render(c, status, views.Stock(p))
}

// setStock sets a product's stock to what was written, if nobody changed it
// since the form was opened. Who was overtaken gets the form back with the
// difference they meant put on top of what is there now.
func (h *Handler) setStock(c echo.Context) error {
	sku := c.FormValue("sku")
	seen, err := strconv.ParseInt(c.FormValue("seen"), 10, 64)
	wanted, err2 := strconv.ParseInt(strings.TrimSpace(c.FormValue("stock")), 10, 64)
	if err = cmp.Or(err, err2); err != nil || wanted < 0 || wanted > models.MaxStock {
		return h.stockProblem(c, http.StatusUnprocessableEntity, sku, c.FormValue("stock"), func(p *views.StockPage, name string) string {
			return p.T("stock.bad", name, p.Lang.Count(models.MaxStock))
		})
	}
	product, changed, err := h.Store.SetStock(c.Request().Context(), sku, seen, wanted)
	if err != nil {
		return fmt.Errorf("set stock: %w", err)
	}
	if changed {
		h.Log.InfoContext(c.Request().Context(), "stock set", "sku", sku, "from", seen, "to", wanted)
		return c.Redirect(http.StatusSeeOther, "/console/stock?"+url.Values{"saved": {sku}}.Encode()+"#"+url.PathEscape(sku))
	}
	meant := strconv.FormatInt(max(product.Stock+wanted-seen, 0), 10)
	return h.stockProblem(c, http.StatusConflict, sku, meant, func(p *views.StockPage, name string) string {
		return p.T("stock.moved", name, p.Lang.Count(product.Stock))
	})
}

func (h *Handler) stockProblem(c echo.Context, status int, sku, written string, problem func(*views.StockPage, string) string) error {
	return h.stockPage(c, status, func(p *views.StockPage) {
		for i := range p.Lines {
			if line := &p.Lines[i]; line.SKU == sku {
				line.Problem, line.Stock = true, written
				p.Problem = problem(p, line.Name)
			}
		}
	})
}
