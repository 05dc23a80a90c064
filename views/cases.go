package views

import (
	"strings"
	"time"

	"github.com/a-h/templ"
)

// CaseKinds are the kinds of cases these pages have words for.
var CaseKinds = []string{"wrong_amount", "wrong_code", "wrong_channel", "contradiction", "unclear_payment", "late_payment", "second_payment", "paid_cancelled",
	"out_of_stock", "unknown_invoice", "unreadable_notification", "refused", "no_code", "unsettled", "code_taken", "bad_expiry"}

// decisionKinds are the ways in which a person can end a case.
var decisionKinds = []string{"accept", "refund", "cancel", "pay_again", "duplicate", "correct", "none"}

// Case is something no program can settle.
type Case struct {
	ID           string
	Title, Todo  string
	Facts        []Fact // what happened, in the page's language
	Detail       string // what happened, in English, as it was noted
	Open         bool   // that note is what the case is about
	At, Machine  string
	Number, Path string // of the order, empty without one
	Message      string // address of the notification it is about, empty without one
	Back         string // the order whose page it stands on, empty elsewhere

	// How it ended; Decision is empty while it is open.
	Decision, Decided, Reason string
}

// CasesPage lists cases.
type CasesPage struct {
	ConsolePage
	Chips  []CategoryLink
	Closed bool // these are closed
	Notice string
	Cases  []Case
	More   string // says that there are more; empty when all are shown
}

// DecisionChoice is one way to end a case.
type DecisionChoice struct {
	Value, Name, Hint string
	Chosen            bool
}

// DecisionForm is what a person decides, as filled in so far.
type DecisionForm struct {
	Decision, Refund, RefundedOn, Method, Reason, By Field
}

// CasePage is one case and the form that ends it.
type CasePage struct {
	ConsolePage
	Case    Case
	Choices []DecisionChoice
	Form    DecisionForm
	Refunds bool   // some choice needs to know of a refund
	Today   string // 2026-11-23, the latest day of a refund
	Problem string
}

// DecisionPage shows what a decision comes to before it is made.
type DecisionPage struct {
	ConsolePage
	Case           Case
	Decision, Does string
	Facts          []Fact
	Subject        string   // of the mail to the customer, empty where none goes out
	Words          []string // of the mail, or why there is none
	Form           []Fact   // the form's fields, to be sent again
}

// Advice says what to do about a case of a kind: what to look up, and then which of the decisions that are offered, by
// their names, there is to choose from.
func Advice(l Lang, kind string, offered []string) string {
	text := l.T("todo." + kind)
	if len(offered) == 0 {
		return text
	}
	quoted := make([]string, len(offered))
	for i, name := range offered {
		quoted[i] = l.T("todo.quoted", name)
	}
	last := len(quoted) - 1
	list := quoted[last]
	if last > 0 {
		list = strings.Join(quoted[:last], ", ") + " " + l.T("todo.or") + " " + list
	}
	return text + " " + l.T("todo.choose", list)
}

// CasePath is where a case is shown.
func (c Case) CasePath() string { return "/console/cases/" + c.ID }

// caseSamples are the console's pages about cases.
func caseSamples() []Sample {
	closed := func(p Page) Case {
		c := sampleCases(p.Lang)[0]
		c.Decision, c.Decided = p.T("decision.refund"), p.T("cases.decided.by", `<b>Budi</b>`, p.Lang.Stamp(sampleTime.Add(time.Hour)))
		c.Reason = `Dikembalikan lewat transfer, bukti <i>8888</i>`
		return c
	}
	list := func(p Page) CasesPage {
		return CasesPage{ConsolePage: sampleConsole(p, "attention", p.T("console.attention")), Chips: sampleCaseChips(p.Lang, false)}
	}
	return []Sample{
		{Name: "console-cases", Draw: func(p Page) templ.Component {
			v := list(p)
			v.Notice, v.Cases = p.T("cases.done"), sampleCases(p.Lang)
			return Cases(v)
		}},
		{Name: "console-cases-closed", Draw: func(p Page) templ.Component {
			v := list(p)
			v.Chips, v.Closed, v.Cases = sampleCaseChips(p.Lang, true), true, []Case{closed(p)}
			return Cases(v)
		}},
		{Name: "console-cases-empty", Draw: func(p Page) templ.Component {
			v := list(p)
			v.OpenCases = 0
			return Cases(v)
		}},
		{Name: "console-case", Draw: func(p Page) templ.Component { return CaseDecision(sampleCasePage(p)) }},
		{Name: "console-case-problem", Draw: func(p Page) templ.Component {
			v := sampleCasePage(p)
			v.Problem = p.T("cases.gone")
			v.Form.Refund = Field{Value: "9000000", Problem: p.T("cases.bad.refund", Rupiah(89_000))}
			v.Form.Reason = Field{Problem: p.T("cases.bad.reason", 500)}
			return CaseDecision(v)
		}},
		{Name: "console-case-closed", Draw: func(p Page) templ.Component {
			return CaseDecision(CasePage{ConsolePage: sampleConsole(p, "attention", p.T("case.wrong_amount")), Case: closed(p)})
		}},
		{Name: "console-case-preview", Draw: func(p Page) templ.Component { return CasePreview(sampleDecision(p)) }},
		{Name: "console-case-preview-untold", Draw: func(p Page) templ.Component {
			v := sampleDecision(p)
			v.Decision, v.Does, v.Subject, v.Words = p.T("decision.none"), p.T("decision.none.hint"), "", []string{p.T("cases.words.none")}
			return CasePreview(v)
		}},
	}
}

func sampleCases(l Lang) []Case {
	advice := func(kind string, ways ...string) string {
		for i, way := range ways {
			ways[i] = l.T("decision." + way)
		}
		return Advice(l, kind, ways)
	}
	cases := []Case{
		{ID: "1", Title: l.T("case.wrong_amount"), Todo: advice("wrong_amount", "accept", "refund", "pay_again", "cancel", "none"), Number: "WJ-7K4M9Q2P", Path: "/console/orders/WJ-7K4M9Q2P",
			Message: "/console/notifications/12", Detail: "Rp 89000 arrived for WJ-7K4M9Q2P-1, Rp 90000 was asked for",
			Facts: []Fact{{l.T("cases.received"), Rupiah(89_000)}, {l.T("cases.asked"), Rupiah(90_000)}, {l.T("cases.difference"), "-" + Rupiah(1_000)},
				{l.T("receipt.at"), l.Stamp(sampleTime)}, {l.T("receipt.till"), "IDM000000001"}, {l.T("facts.invoice"), "WJ-7K4M9Q2P-1"}}},
		{ID: "2", Title: l.T("case.unknown_invoice"), Todo: advice("unknown_invoice", "refund", "duplicate", "none"), Detail: "Rp 50000 for invoice number <i>8888</i>, which is not ours",
			Facts: []Fact{{l.T("cases.received"), Rupiah(50_000)}, {l.T("facts.invoice"), "<i>8888</i>"}}},
	}
	for i := range cases {
		cases[i].At, cases[i].Machine = l.Stamp(sampleTime), Machine(sampleTime)
	}
	return cases
}

func sampleCaseChips(l Lang, closed bool) []CategoryLink {
	return []CategoryLink{{URL: "/console/cases", Name: l.T("cases.open"), Current: !closed},
		{URL: "/console/cases?closed", Name: l.T("cases.closed"), Current: closed}}
}

func sampleCasePage(p Page) CasePage {
	v := CasePage{ConsolePage: sampleConsole(p, "attention", p.T("case.wrong_amount")), Case: sampleCases(p.Lang)[0], Refunds: true, Today: "2026-11-23"}
	for _, way := range []string{"accept", "refund", "pay_again", "cancel", "none"} {
		v.Choices = append(v.Choices, DecisionChoice{Value: way, Name: p.T("decision." + way), Hint: p.T("decision." + way + ".hint"), Chosen: way == "refund"})
	}
	v.Form = DecisionForm{Refund: Field{Value: "89000"}, RefundedOn: Field{Value: "2026-11-23"}, By: Field{Value: "Sari"}}
	return v
}

func sampleDecision(p Page) DecisionPage {
	l := p.Lang
	return DecisionPage{ConsolePage: sampleConsole(p, "attention", p.T("cases.preview.title")), Case: sampleCases(l)[0],
		Decision: l.T("decision.refund"), Does: l.T("decision.refund.hint"),
		Facts: []Fact{{l.T("cases.refund"), Rupiah(89_000)}, {l.T("cases.refunded.on"), l.Day(sampleTime)}, {l.T("cases.method"), "transfer BCA"},
			{l.T("cases.reason"), "Selisih Rp 1.000"}, {l.T("cases.by"), "Sari"}},
		Subject: l.T("mail.decided.subject", "WJ-7K4M9Q2P"),
		Words:   []string{l.T("words.refund", Rupiah(89_000), l.Day(sampleTime), "transfer BCA"), l.T("words.code.over")},
		Form:    []Fact{{"decision", "refund"}, {"refund", "89000"}}}
}
