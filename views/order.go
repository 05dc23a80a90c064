package views

import "github.com/a-h/templ"

// OrderState is what an order's page looks like.
type OrderState string

const (
	StatePreparing OrderState = "preparing" // a code is being asked for
	StateWaiting   OrderState = "waiting"   // the code can be paid
	StateChecking  OrderState = "checking"  // money came that does not fit: a person must look
	StateOverdue   OrderState = "overdue"   // past the deadline, not confirmed yet
	StatePaid      OrderState = "paid"
	StateExpired   OrderState = "expired"
	StateFailed    OrderState = "failed"
	StateCancelled OrderState = "cancelled"
)

// OrderPage is an order's one permanent page, in whatever state it is.
type OrderPage struct {
	Page
	State  OrderState
	Number string
	Path   string // /orders/{token}
	URL    string // the same, whole, to keep

	Head   string   // the headline, where it is not that of the state
	Text   string   // what the state means, in a sentence
	Cases  []string // what our staff are looking at, a sentence each
	Notice string   // the answer to what the shopper just did, or empty

	Amount       string // Rp 90.000
	AmountDigits string // 90000

	Slow bool // the gateway did not answer yet

	Code *Code       // only while it can be paid
	Keep *ShareLinks // likewise

	Steps        []string
	StepsByDOKU  bool
	Say          string
	HowToPayPage string
	Simulator    string // address of the simulator with the code filled in; empty outside demo mode

	Customer string // as the till shows it; empty once erased
	Erased   bool   // the customer's data was erased
	Placed   string
	Lines    []CartLine
	Receipts []Receipt
	Received string // the sum of several receipts, or empty
	OldCodes []OldCode

	CanCheck   bool
	CheckedSay string // what the gateway last answered, and when

	Inspector string // address of what happened underneath; empty for who may not look

	SoldOut bool   // so no new code can be made
	Live    bool   // the page changes by itself
	Watched string // what the script compares to see a change
}

// Heading says in a few words where the order stands.
func (p OrderPage) Heading() string {
	if p.Head != "" {
		return p.Head
	}
	if p.State == StatePaid && len(p.Cases) > 0 {
		return p.T("order.paidflagged")
	}
	return p.T("order." + string(p.State))
}

// Mood is the state as a class of its banner.
func (p OrderPage) Mood() string {
	if p.State == StatePaid && (len(p.Cases) > 0 || p.Head != "") { // nothing to be glad of
		return "flagged"
	}
	return string(p.State)
}

// howToPay names the gateway's page about paying. In a demo the gateway is the sandbox.
func (p OrderPage) howToPay() string {
	if p.Demo {
		return p.T("keep.howto.demo")
	}
	return p.T("keep.howto")
}

// gatewaySteps marks for tests where the page says whose steps it shows.
func gatewaySteps(p OrderPage) templ.Attributes {
	if p.StepsByDOKU {
		return templ.Attributes{"data-testid": "gateway-steps"}
	}
	return nil
}

// stepsBy says whose the steps are.
func (p OrderPage) stepsBy() string {
	if p.Demo {
		return p.T("steps.sandbox")
	}
	return p.T("steps.gateway")
}

// Code is a payment code that can be paid now.
type Code struct {
	Digits   string
	Deadline string
	Expires  string // for programs
}

// OldCode is a code that must not be paid any more.
type OldCode struct {
	Digits string
	Taken  bool // a till may still take it
}

// ShareLinks are the links by which a shopper takes a code along.
type ShareLinks struct {
	Text     string // everything that is needed at the till, to be sent
	WhatsApp string // addresses that send it
	Mail     string
	Calendar string // address of a calendar file
	Again    string // where to ask for the shop's own mail once more; empty when it sends none
}

// Receipt is one arrival of money.
type Receipt struct {
	Amount, At, Till, Store string
	Note                    string // what became of it where it does not pay the order, or was refunded
}

// CashierPath is the view to hold up at the till.
func (p OrderPage) CashierPath() string { return p.Path + "/cashier" }
