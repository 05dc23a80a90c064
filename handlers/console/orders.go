package console

import (
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/labstack/echo/v4"

	"warungjokul/handlers/web"
	"warungjokul/models"
	"warungjokul/views"
)

const ordersShown = 50

const latestShown = 8

// FigureDays is how many days the overview shows.
const FigureDays = 30

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
