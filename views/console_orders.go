package views

import (
	"fmt"
	"strconv"
	"time"

	"github.com/a-h/templ"
)

// OverviewPage is how the shop is doing.
type OverviewPage struct {
	ConsolePage
	Today, Month []Figure
	Chart        Chart
	Latest       []OrderRow
	Low          []StockLine // what is nearly sold out
}

// Figure is one number and what it is about.
type Figure struct{ Name, Value, Text string }

// ChartDay is one day of a chart.
type ChartDay struct {
	Start                 time.Time
	Placed, Paid, Expired int64
	Received              string
	Converted, Wait       string
}

// Bar is a rectangle of a chart.
type Bar struct{ X, Y, Width, Height string }

// Chart is the orders of some days as bars, three for each, and as a table.
type Chart struct {
	Days                  []ChartDay
	Most                  int64 // the top of the scale
	Placed, Paid, Expired []Bar
}

// A chart is drawn in units of its own; the page stretches it.
const (
	dayWidth    = 24
	chartHeight = 120
)

// NewChart draws days.
func NewChart(days []ChartDay) Chart {
	c := Chart{Days: days}
	for _, d := range days {
		c.Most = max(c.Most, roundUp(max(d.Placed, d.Paid, d.Expired)))
	}
	for i, d := range days {
		bar := func(n int64, from, width int) Bar {
			height := int(n * chartHeight / c.Most)
			if n > 0 {
				height = max(height, 1) // one of thousands can be seen, too
			}
			return Bar{X: strconv.Itoa(i*dayWidth + from), Y: strconv.Itoa(chartHeight - height), Width: strconv.Itoa(width), Height: strconv.Itoa(height)}
		}
		c.Placed = append(c.Placed, bar(d.Placed, 2, 20))
		c.Paid = append(c.Paid, bar(d.Paid, 5, 7))
		c.Expired = append(c.Expired, bar(d.Expired, 13, 6))
	}
	return c
}

// roundUp is the first of 4, 6, 8, 10, 20, 40, 60, 80, 100, 200... that is
// enough: numbers that can be halved.
func roundUp(n int64) int64 {
	for unit := int64(1); ; unit *= 10 {
		for _, top := range []int64{4, 6, 8, 10, 20} {
			if top*unit >= n {
				return top * unit
			}
		}
	}
}

func (c Chart) viewBox() string { return fmt.Sprintf("0 0 %d %d", dayWidth*len(c.Days), chartHeight) }

// statuses are what an order can be called in the console, and filtered by.
var statuses = []string{"awaiting", "paid", "expired", "cancelled", "attention"}

// OrderRow is one order of a list.
type OrderRow struct {
	Number, Path    string
	Placed, Machine string
	Customer, Email string
	Total           string
	Status          string // of statuses
	NeedsAttention  bool
	Test            bool // nobody owes or is owed anything for it
	Choose          bool // it can be ticked, to cancel it with others
}

// OrdersPage is a list of orders.
type OrdersPage struct {
	ConsolePage
	Chips    []CategoryLink
	Status   string // as chosen, to keep it in the search form
	Search   string
	From, To string // 2026-11-23
	Filtered bool
	Orders   []OrderRow
	CSV      string // addresses
	First    string // empty on the first page
	Next     string // empty on the last
	Choose   bool   // some of the orders can be ticked
}

// ConsoleOrderPage is everything known of an order.
type ConsoleOrderPage struct {
	ConsolePage
	Number, Path string
	Status       string // of statuses
	Test         bool   // nobody owes or is owed anything for it
	Notice       string
	Problem      string
	Total        string
	Placed       string
	Facts        []Figure // about the customer
	Lines        []CartLine
	Shares       []string // of the sellers
	Attempts     []Attempt
	Receipts     []ConsoleReceipt
	Received     string // the sum of several receipts, or empty
	Cases        []Case
	Timeline     []Event
	CanCancel    bool
	Same         []CategoryLink // all unpaid orders of the same client, email or phone
	CanErase     bool           // the customer's data is still there

	Inspector InspectorView
}

// Attempt is one try to be paid.
type Attempt struct {
	Name, State string // the state for styles; StateText for people
	StateText   string
	Facts       []Figure
}

// ConsoleReceipt is one arrival of money, with how it was learnt.
type ConsoleReceipt struct {
	Receipt
	Invoice, Source string
}

// Event is one thing that happened to an order.
type Event struct {
	At, Machine, Text string
	Note              string // somebody's, or what exactly happened
	Kind              string // of a dot's colour: good, bad, or neither
	Coming            bool   // it has not happened yet
	Mail              string // address of a mail in a demo's mailbox, or empty
}

// CancelPage asks whether an order is really to be cancelled.
type CancelPage struct {
	ConsolePage
	Number, Path, Text string
}

// CancelManyPage asks whether several orders are really to be cancelled, or says what became of them.
type CancelManyPage struct {
	ConsolePage
	Orders     []OrderRow // that would be cancelled
	Left       []string   // numbers of orders that stay as they are
	Reason, By Field

	Done      bool
	Cancelled []string // numbers
}

// StockLine is one product's stock.
type StockLine struct {
	SKU, Name, Drawing, Price string
	Stock, Seen               string // to write, and what it was written in view of
	Tag                       string // a short remark, or empty
	SoldOut                   bool
	Held                      string // what unpaid orders hold of it, or empty
	MostHeld                  bool   // they hold half of it or more
	Problem                   bool
}

// StockPage is what can be sold, to be set.
type StockPage struct {
	ConsolePage
	Notice, Problem string
	Max             string // the most one may write
	Lines           []StockLine
}

// orderSamples are the console's pages about orders, cases and stock.
func orderSamples() []Sample {
	return []Sample{
		{Name: "console-overview", Draw: func(p Page) templ.Component { return Overview(sampleOverview(p)) }},
		{Name: "console-overview-new", Draw: func(p Page) templ.Component {
			v := OverviewPage{ConsolePage: sampleConsole(p, "overview", p.T("console.overview"))}
			v.OpenCases = 0
			v.Today, v.Month = sampleFigures(p.Lang, 0), sampleFigures(p.Lang, 0)
			v.Chart = NewChart(sampleDays(p.Lang, 0))
			return Overview(v)
		}},
		{Name: "console-orders", Draw: func(p Page) templ.Component { return Orders(sampleOrders(p)) }},
		{Name: "console-orders-found", Draw: func(p Page) templ.Component {
			v := sampleOrders(p)
			v.Filtered, v.Search, v.From, v.To, v.Orders, v.Next = true, `"budi"`, "2026-11-01", "2026-11-23", v.Orders[:1], ""
			return Orders(v)
		}},
		{Name: "console-orders-empty", Draw: func(p Page) templ.Component {
			return Orders(OrdersPage{ConsolePage: sampleConsole(p, "orders", p.T("console.orders")), Chips: sampleChips(p.Lang, ""), CSV: "/console/orders.csv"})
		}},
		{Name: "console-orders-nomatch", Draw: func(p Page) templ.Component {
			return Orders(OrdersPage{ConsolePage: sampleConsole(p, "orders", p.T("console.orders")), Chips: sampleChips(p.Lang, "paid"),
				Status: "paid", Search: "<i>durian</i>", Filtered: true, CSV: "/console/orders.csv"})
		}},
		{Name: "console-erase", Draw: func(p Page) templ.Component { return sampleErase(p, func(*ErasePage) {}) }},
		{Name: "console-erase-problem", Draw: func(p Page) templ.Component {
			return sampleErase(p, func(v *ErasePage) {
				v.Problem, v.By.Problem, v.Reason.Problem = v.T("erase.bad.orders"), v.T("erase.by.customer"), v.T("erase.bad.reason")
			})
		}},
		{Name: "console-erase-none", Draw: func(p Page) templ.Component {
			return sampleErase(p, func(v *ErasePage) { v.Orders, v.Others, v.None = v.Orders[:1], nil, true })
		}},
		{Name: "console-order-erased", Draw: func(p Page) templ.Component {
			v := sampleConsoleOrder(p, "paid")
			v.Facts = []Figure{{Name: v.T("facts.erased"), Value: v.T("facts.erased.on", v.Lang.Stamp(sampleTime), v.T("erase.reason.requested")+", Sari")}}
			return ConsoleOrder(v)
		}},
		{Name: "console-order-waiting", Draw: func(p Page) templ.Component { return ConsoleOrder(sampleConsoleOrder(p, "awaiting")) }},
		{Name: "console-order-paid", Draw: func(p Page) templ.Component {
			v := sampleConsoleOrder(p, "paid")
			v.Problem = p.T("cancel.late")
			return ConsoleOrder(v)
		}},
		{Name: "console-order-cancelled", Draw: func(p Page) templ.Component {
			v := sampleConsoleOrder(p, "cancelled")
			v.Notice = p.T("cancel.done")
			return ConsoleOrder(v)
		}},
		{Name: "console-order-attention", Draw: func(p Page) templ.Component {
			v := sampleConsoleOrder(p, "paid")
			v.Cases = sampleCases(p.Lang)[:1]
			v.Cases[0].Back = v.Number
			v.Facts[0].Value = `<b>Budi</b> "Santoso"`
			return ConsoleOrder(v)
		}},
		{Name: "console-cancel", Draw: func(p Page) templ.Component {
			return Cancel(CancelPage{ConsolePage: sampleConsole(p, "orders", p.T("cancel.title", "WJ-7K4M9Q2P")), Number: "WJ-7K4M9Q2P", Path: "/console/orders/WJ-7K4M9Q2P", Text: p.T("cancel.code")})
		}},
		{Name: "console-cancel-many", Draw: func(p Page) templ.Component { return CancelMany(sampleCancelMany(p)) }},
		{Name: "console-cancel-many-problem", Draw: func(p Page) templ.Component {
			v := sampleCancelMany(p)
			v.Reason.Problem, v.By = p.T("cases.bad.reason", 500), Field{Value: "Siti"}
			return CancelMany(v)
		}},
		{Name: "console-cancel-many-none", Draw: func(p Page) templ.Component {
			return CancelMany(CancelManyPage{ConsolePage: sampleConsole(p, "orders", p.T("cancelmany.title"))})
		}},
		{Name: "console-cancel-many-done", Draw: func(p Page) templ.Component {
			return CancelMany(CancelManyPage{ConsolePage: sampleConsole(p, "orders", p.T("cancelmany.done.title")), Done: true,
				Cancelled: []string{"WJ-7K4M9Q2P", "WJ-M0N3PS4R"}, Left: []string{"WJ-QX1C0W8N"}})
		}},
		{Name: "console-stock", Draw: func(p Page) templ.Component {
			v := sampleStock(p)
			v.Notice = p.T("stock.saved", v.Lines[0].Name, v.Lines[0].Stock)
			return Stock(v)
		}},
		{Name: "console-stock-problem", Draw: func(p Page) templ.Component {
			v := sampleStock(p)
			v.Lines[1].Problem = true
			v.Problem = p.T("stock.moved", v.Lines[1].Name, "3")
			return Stock(v)
		}},
	}
}

// sampleDays is a month in which weekends are busy.
func sampleDays(l Lang, scale int64) []ChartDay {
	days := make([]ChartDay, 30)
	for i := range days {
		placed := scale * int64(20+i%7*4+i/3)
		paid := placed * 7 / 10
		days[i] = ChartDay{Start: sampleTime.AddDate(0, 0, i-29), Placed: placed, Paid: paid, Expired: placed / 5,
			Received: Rupiah(paid * 90_000), Converted: l.Percent(paid, placed), Wait: l.Wait(time.Duration(scale*int64(12+i%5)) * time.Minute)}
	}
	return days
}

func sampleFigures(l Lang, scale int64) []Figure {
	return []Figure{
		{l.T("figure.placed"), l.Count(58 * scale), Rupiah(5_220_000 * scale)},
		{l.T("figure.paid"), l.Count(41 * scale), l.T("figure.paid.text", Rupiah(3_690_000*scale))},
		{l.T("figure.expired"), l.Count(11 * scale), l.T("figure.expired.text")},
		{l.T("figure.converted"), l.Percent(40*scale, 58*scale), l.T("figure.converted.of", l.Count(40*scale), l.Count(58*scale))},
		{l.T("figure.wait"), l.Wait(time.Duration(17*scale) * time.Minute), l.T("figure.wait.text")},
	}
}

func sampleOverview(p Page) OverviewPage {
	v := OverviewPage{ConsolePage: sampleConsole(p, "overview", p.T("console.overview")),
		Today: sampleFigures(p.Lang, 1), Month: sampleFigures(p.Lang, 28), Chart: NewChart(sampleDays(p.Lang, 1)), Latest: sampleRows(p.Lang)}
	v.Low = sampleStock(p).Lines[1:]
	return v
}

func sampleCancelMany(p Page) CancelManyPage {
	v := CancelManyPage{ConsolePage: sampleConsole(p, "orders", p.T("cancelmany.title")), Orders: sampleRows(p.Lang)[:2], Left: []string{"WJ-2B6ZT9HD"}}
	v.Orders[1].Status, v.Orders[1].NeedsAttention = "awaiting", false
	return v
}

func sampleRows(l Lang) []OrderRow {
	row := func(number, name, email string, total int64, status string, minutes int) OrderRow {
		at := sampleTime.Add(-time.Duration(minutes) * time.Minute)
		return OrderRow{Number: number, Path: "/console/orders/" + number, Placed: l.Stamp(at), Machine: Machine(at), Customer: name, Email: email, Total: Rupiah(total), Status: status}
	}
	rows := []OrderRow{
		row("WJ-7K4M9Q2P", `<b>Budi</b> Santoso`, "budi@example.com", 90_000, "awaiting", 5),
		row("WJ-QX1C0W8N", "Siti Nurhaliza binti Tarudin Kusumawardhani", "siti.nurhaliza.kusumawardhani@contoh-perusahaan.example", 3_090_000, "paid", 61),
		row("WJ-2B6ZT9HD", "Made Wirawan", "made@example.com", 22_000, "expired", 180),
		row("WJ-M0N3PS4R", "Yohana", "yo@example.com", 1_500_000, "cancelled", 1600),
	}
	rows[1].NeedsAttention = true
	return rows
}

func sampleChips(l Lang, current string) []CategoryLink {
	chips := []CategoryLink{{URL: "/console/orders", Name: l.T("orders.all"), Current: current == ""}}
	for _, s := range statuses {
		chips = append(chips, CategoryLink{URL: "/console/orders?status=" + s, Name: l.T("status." + s), Current: s == current})
	}
	return chips
}

func sampleOrders(p Page) OrdersPage {
	v := OrdersPage{ConsolePage: sampleConsole(p, "orders", p.T("console.orders")), Chips: sampleChips(p.Lang, ""), Orders: sampleRows(p.Lang),
		CSV: "/console/orders.csv", First: "/console/orders", Next: "/console/orders?after=1", Choose: true}
	v.Orders[0].Choose = true
	return v
}

func sampleConsoleOrder(p Page, status string) ConsoleOrderPage {
	l, placed := p.Lang, sampleTime.Add(-time.Hour)
	event := func(at time.Time, kind, text string) Event {
		return Event{At: l.Stamp(at), Machine: Machine(at), Text: text, Kind: kind}
	}
	number := "WJ-7K4M9Q2P"
	v := ConsoleOrderPage{ConsolePage: sampleConsole(p, "orders", l.T("order.title", number)), Inspector: InspectorView{Lang: l}, Number: number, Path: "/console/orders/" + number,
		Status: status, Total: Rupiah(3_090_000), Placed: l.Moment(placed), Lines: sampleLines(l),
		Facts:  []Figure{{Name: l.T("facts.name"), Value: "Budi Santoso"}, {Name: l.T("checkout.email"), Value: "budi@example.com"}, {Name: l.T("checkout.phone"), Value: "+6281234567890"}, {Name: l.T("facts.language"), Value: "Bahasa Indonesia"}},
		Shares: []string{l.T("facts.seller", "SBA-0000-CONTOH-GAYO", Rupiah(90_000))},
		Attempts: []Attempt{{Name: l.T("facts.attempt", 1), State: "pending", StateText: l.T("attempt.pending"), Facts: []Figure{
			{Name: l.T("facts.invoice"), Value: number + "-1"}, {Name: l.T("facts.code"), Value: "8888 8888 4444 5555"},
			{Name: l.T("facts.issued"), Value: l.Stamp(placed)}, {Name: l.T("facts.deadline"), Value: l.Stamp(sampleTime)}}}},
		Timeline: []Event{event(placed, "", l.T("event.placed")), event(placed, "", l.T("event.attempt", 1, number+"-1")), event(placed, "", l.T("event.code", number+"-1")),
			event(placed.Add(time.Minute), "", l.T("event.mail", l.T("mail.code")))},
	}
	switch status {
	case "awaiting":
		v.CanCancel = true
		v.Same = []CategoryLink{{URL: "/console/orders/cancel?as=WJ-7K4M9Q2P&same=client", Name: p.T("cancelmany.client", "6")},
			{URL: "/console/orders/cancel?as=WJ-7K4M9Q2P&same=email", Name: p.T("cancelmany.email", "2")}}
		coming := event(sampleTime, "", l.T("event.deadline", number+"-1"))
		coming.Coming = true
		v.Timeline = append(v.Timeline, coming)
	case "paid":
		v.CanErase = true
		v.Attempts[0].State, v.Attempts[0].StateText = "paid", l.T("attempt.paid")
		v.Receipts = []ConsoleReceipt{{Receipt{Amount: Rupiah(3_090_000), At: l.Stamp(sampleTime), Till: "IDM000000001", Store: "T4KB"}, number + "-1", l.T("source.notification")}}
		v.Timeline = append(v.Timeline, event(sampleTime, "good", l.T("event.receipt", Rupiah(3_090_000), number+"-1")))
		late := event(sampleTime, "bad", l.T("event.case", l.T("case.late_payment")))
		late.Note = "Rp 3090000 for WJ-7K4M9Q2P-1 at 2026-11-23T06:05:00Z; the payment was expired already"
		v.Timeline = append(v.Timeline, late)
	case "cancelled":
		v.Timeline = append(v.Timeline, event(sampleTime, "bad", l.T("event.cancelled")))
	}
	return v
}

func sampleStock(p Page) StockPage {
	l := p.Lang
	return StockPage{ConsolePage: sampleConsole(p, "stock", p.T("console.stock")), Max: "1000000", Lines: []StockLine{
		{SKU: "MNM-GAYO", Name: l.Pick("Kopi Gayo 250 g", "Gayo Coffee 250 g"), Drawing: "kopi-gayo.svg", Price: Rupiah(90_000), Stock: "60", Seen: "60"},
		{SKU: "KRJ-BATIK", Name: l.Pick("Kain Batik Tulis Kawung", "Hand-drawn Kawung Batik"), Drawing: "kain-batik-kawung.svg", Price: Rupiah(1_500_000), Stock: "3", Seen: "3", Tag: l.T("product.last", 3),
			Held: l.T("stock.held", l.Count(5), l.Percent(5, 8)), MostHeld: true},
		{SKU: "MKN-NASTAR", Name: l.Pick("Nastar Nanas 500 g", "Pineapple Nastar 500 g"), Drawing: "nastar.svg", Price: Rupiah(95_000), Stock: "0", Seen: "0", Tag: l.T("product.soldout"), SoldOut: true},
	}}
}
