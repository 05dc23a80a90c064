package views

import (
	"slices"
	"time"

	"github.com/a-h/templ"
)

// Choice is something that can be chosen, with a sentence on what it does.
type Choice struct {
	Value, Title, Text string
	On                 bool
}

// Rule is how often, or how much.
type Rule struct {
	Name, Title string
	Choices     []Choice
}

// PanelPage is the embedded gateway, and what can be done to it.
type PanelPage struct {
	ConsolePage
	Notice string   // what was just done
	Till   string   // address of the till simulator
	On     []string // faults that are on
	Clock  string   // the gateway's time
	Ahead  string   // of the shop's, or empty
	Codes  []PanelCode

	Answers, Notify []Choice // faults of which one can be on
	Retellings      []Choice // faults of which any number can
	Switches        []Choice // likewise
	Rules           []Rule
}

// PanelCode is a payment code at the gateway.
type PanelCode struct {
	Order, Invoice, Code, Amount, Deadline string

	Status     string // PENDING, SUCCESS, EXPIRED
	Says       string // the same in words
	Actions    []Choice
	Payments   []string
	Deliveries []PanelDelivery
}

// PanelDelivery is a notification on its timetable.
type PanelDelivery struct {
	Path             string // of what can be done to it
	State, Title     string
	Attempts, Coming []PanelAttempt
}

// PanelAttempt is a time the shop was told, or will be.
type PanelAttempt struct {
	At, Text string
	Good     bool
}

// clockSteps are how far the gateway's clock can be moved at once.
func clockSteps(l Lang) (list []Choice) {
	for _, d := range []time.Duration{10 * time.Minute, time.Hour, 6 * time.Hour, 24 * time.Hour} {
		list = append(list, Choice{Value: d.String(), Title: "+ " + l.Span(d)})
	}
	return list
}

// none reports whether nothing of a list is chosen.
func none(list []Choice) bool {
	return !slices.ContainsFunc(list, func(c Choice) bool { return c.On })
}

// Verdict is what the set-up check thinks of something.
type Verdict string

// The verdicts.
const (
	Good Verdict = "ok"
	Warn Verdict = "warn"
	Bad  Verdict = "bad"
)

func (v Verdict) sign() string {
	return map[Verdict]string{Good: "✓", Warn: "!", Bad: "✗"}[v]
}

// Finding is what the set-up check found of one thing, and what to do about it.
type Finding struct {
	Item    string // for tests to look for
	Verdict Verdict
	Name    string
	Found   string
	Fix     string // empty when all is well
}

// SetupGroup is the findings about one part of the set-up.
type SetupGroup struct {
	Name, Title string
	Findings    []Finding
}

// SetupPage is the set-up check.
type SetupPage struct {
	ConsolePage
	Groups          []SetupGroup
	NotificationURL string
	Example         bool // the address is an example, not the shop's
}

// TourPage is one step of the story of a payment.
type TourPage struct {
	Page
	Step          int
	Act           string // what is played in it
	Heading, Text string
	Go            string // on the button that does it
	Shop, Till    string // addresses of the frames
	Wire          string // what has just gone over the wire
	Inspect       string // where to read it to the letter; empty when there is nothing
	Misbehaves    bool   // the gateway has been told to
}

// names are the steps, in a word each.
func (p TourPage) names() []string {
	return []string{p.T("step.order"), p.T("step.code"), p.T("step.till"), p.T("step.notification"), p.T("step.paid"), p.T("step.lost")}
}

func (p SetupPage) count(v Verdict) (n int) {
	for _, g := range p.Groups {
		for _, f := range g.Findings {
			if f.Verdict == v {
				n++
			}
		}
	}
	return n
}

// Worst is the verdict on the whole.
func (p SetupPage) Worst() Verdict {
	switch {
	case p.count(Bad) > 0:
		return Bad
	case p.count(Warn) > 0:
		return Warn
	}
	return Good
}

// Summary is the same in a sentence.
func (p SetupPage) Summary() string {
	switch p.Worst() {
	case Bad:
		return p.T("exam.bad", p.count(Bad), p.count(Warn))
	case Warn:
		return p.T("exam.warn", p.count(Warn))
	}
	return p.T("exam.good")
}

// Roughly prints how long something is in the unit that fits it.
func (l Lang) Roughly(d time.Duration) string {
	if d < 100*time.Second {
		return l.T("unit.seconds", int(d/time.Second))
	}
	d = d.Round(time.Minute)
	if hours := d.Truncate(time.Hour); hours > time.Hour && hours < d {
		return l.Span(hours) + " " + l.Span(d-hours)
	}
	return l.Span(d)
}

// demoSamples are the set-up check, the panel of the embedded gateway, and the tour.
func demoSamples() []Sample {
	return []Sample{
		{Name: "sandbox-empty", Draw: panelOf(func(p *PanelPage) { p.Codes = nil })},
		{Name: "sandbox-codes", Draw: panelOf(nil)},
		{Name: "sandbox-faults", Draw: panelOf(func(p *PanelPage) {
			p.Notice = p.T("panel.did.faults")
			p.Answers[5].On, p.Switches[0].On = true, true
			p.On = []string{p.Answers[5].Title, p.Switches[0].Title}
		})},
		{Name: "sandbox-retries", Draw: panelOf(func(p *PanelPage) {
			p.Ahead = p.T("panel.ahead", p.Lang.Roughly(30*time.Minute))
			p.Codes = []PanelCode{retriedCode(p.Lang)}
		})},
		{Name: "setup-good", Draw: setupOf(nil)},
		{Name: "setup-problems", Draw: setupOf(map[string]string{
			"base": "private", "client": "odd", "credentials": "signature", "clock": "fast", "reach": "stripped",
			"forged": "untried", "genuine": "untried", "bytes": "untried", "mail": "missing",
		})},
		tourIn(1, "order", "product"), tourIn(2, "code", "order-waiting"), tourIn(3, "till", "order-waiting"), tourIn(4, "held", "order-waiting"),
		tourIn(5, "paid", "order-paid"), tourIn(6, "lose", "product"), tourIn(6, "lost", "order-waiting"), tourIn(6, "found", "order-paid"),
	}
}

func panelOf(change func(*PanelPage)) func(Page) templ.Component {
	return func(page Page) templ.Component {
		p := PanelPage{ConsolePage: sampleConsole(page, "sandbox", page.T("panel.title")), Till: "http://127.0.0.1:8081/simulator", Clock: page.Lang.Moment(sampleTime)}
		choices := func(group string, values ...string) (list []Choice) {
			for _, value := range values {
				list = append(list, Choice{Value: value, Title: p.T("fault." + group + value), Text: p.T("fault." + group + value + ".text")})
			}
			return list
		}
		p.Answers = choices("answer.", "500", "503_html", "429", "drop", "cut", "lost_reply", "unsigned")
		p.Notify = choices("notify.", "none", "late", "twice", "wrong_signature")
		p.Retellings = choices("retelling.", "date", "request_id", "order")
		for _, name := range []string{"retry", "lag"} {
			p.Switches = append(p.Switches, Choice{Value: name, Title: p.T("switch." + name), Text: p.T("switch." + name + ".text")})
		}
		p.Rules = []Rule{{Name: "answer_on", Title: p.T("rule.answer_on"), Choices: []Choice{{Value: "all", Title: p.T("rule.answer_on.all"), On: true}, {Value: "create", Title: p.T("rule.answer_on.create")}}}}
		p.Codes = sampleCodes(p.Lang)
		if change != nil {
			change(&p)
		}
		return Panel(p)
	}
}

func sampleCodes(l Lang) []PanelCode {
	code := func(order, status string, actions ...string) PanelCode {
		c := PanelCode{Order: order, Invoice: order + "-1", Code: "8888888844445555", Amount: Rupiah(90_000), Status: status,
			Says: l.T("panel.status." + status), Deadline: l.Moment(sampleTime)}
		for _, action := range actions {
			c.Actions = append(c.Actions, Choice{Value: action, Title: l.T("panel.do." + action)})
		}
		return c
	}
	paid := code("WJ-3C8R5T7W", "SUCCESS")
	paid.Payments = []string{l.T("panel.payment", paid.Amount, l.Moment(sampleTime), "IDM000000001")}
	paid.Deliveries = []PanelDelivery{{Path: "/console/sandbox/deliveries/1", State: "delivered", Title: l.T("panel.delivery.delivered", "SUCCESS"),
		Attempts: []PanelAttempt{{At: l.Moment(sampleTime), Text: l.T("panel.attempt.first") + ": " + l.T("panel.answer", 200, 3), Good: true}}}}
	return []PanelCode{
		code("WJ-7K4M9Q2P", "PENDING", "pay", "pay_twice", "pay_late", "pay_wrong_amount", "expire"), paid, code("WJ-5N2B8V4X", "EXPIRED", "pay_late"),
	}
}

// retriedCode is paid, and its shop does not answer.
func retriedCode(l Lang) PanelCode {
	c := sampleCodes(l)[1]
	c.Deliveries = []PanelDelivery{{Path: "/console/sandbox/deliveries/1", State: "waiting", Title: l.T("panel.delivery.waiting", "SUCCESS"),
		Attempts: []PanelAttempt{
			{At: l.Moment(sampleTime), Text: l.T("panel.attempt.first") + ": " + l.T("panel.answer", 503, 12)},
			{At: l.Moment(sampleTime.Add(30 * time.Minute)), Text: l.T("panel.attempt.retry") + ": " + l.T("panel.noanswer", "connection refused")},
		},
		Coming: []PanelAttempt{
			{At: l.Moment(sampleTime.Add(6 * time.Hour)), Text: l.T("panel.in", l.Roughly(330*time.Minute))},
			{At: l.Moment(sampleTime.Add(12 * time.Hour)), Text: l.T("panel.later")},
		}}}
	return c
}

// setupOf is the set-up check with some outcomes that are not good.
func setupOf(outcomes map[string]string) func(Page) templ.Component {
	return func(page Page) templ.Component {
		p := SetupPage{ConsolePage: sampleConsole(page, "setup", page.T("setup.title")), NotificationURL: "https://toko.example/payments/notifications"}
		group := func(name string, items ...string) {
			g := SetupGroup{Name: name, Title: p.T("exam." + name)}
			for _, item := range items {
				g.Findings = append(g.Findings, sampleFinding(p.Lang, item, outcomes[item]))
			}
			p.Groups = append(p.Groups, g)
		}
		group("settings", "base", "client", "secret")
		group("gateway", "credentials", "clock")
		group("notification", "reach", "forged", "genuine", "bytes")
		group("shop", "database", "mail", "password", "limit", "metrics")
		return SetupCheck(p)
	}
}

func sampleFinding(l Lang, item, outcome string) Finding {
	f := Finding{Item: item, Verdict: Good, Name: l.T("setup." + item)}
	blanks := map[string][]any{"base": {"https://toko.example"}, "base.private": {"https://10.0.0.7"}, "client": {"MCH-0001-10791114622547"}, "client.odd": {"MCH0001"},
		"clock": {l.Roughly(time.Second)}, "clock.fast": {l.Roughly(2 * time.Hour)}, "reach": {"https://toko.example/payments/notifications"},
		"reach.stripped": {"/toko", "/payments/notifications"}, "database": {"sqlite"}}
	if outcome == "" {
		f.Found = l.T("setup."+item+".ok", blanks[item]...)
		return f
	}
	f.Verdict = Bad
	if outcome == "untried" || outcome == "odd" || outcome == "missing" {
		f.Verdict = Warn
	}
	f.Found, f.Fix = l.T("setup."+item+"."+outcome, blanks[item+"."+outcome]...), l.T("setup."+item+"."+outcome+".fix")
	return f
}

// tourIn is a step of the tour, with other samples in its frames.
func tourIn(step int, act, shop string) Sample {
	return Sample{Name: "tour-" + act, Frames: true, Draw: func(page Page) templ.Component {
		p := TourPage{Page: page, Step: step, Act: act, Shop: "/gallery/" + shop, Till: "/gallery/cashier-waiting", Wire: page.T("wire.none")}
		p.Title, p.Console, p.Private = page.T("tour.title"), true, true
		p.Heading, p.Text, p.Go = p.T("tour."+act), p.T("tour."+act+".text"), p.T("tour."+act+".go")
		if step > 1 {
			p.Wire, p.Inspect = p.T("wire.asked", "POST", "/indomaret-online-to-offline/v2/payment-code", 200, 12), "/console/orders/WJ-7K4M9Q2P"
		}
		p.Misbehaves = act == "held"
		return Tour(p)
	}}
}
