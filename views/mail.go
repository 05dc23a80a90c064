package views

import "strings"

// Mail is a mail to a customer, in the customer's language.
type Mail struct {
	Lang
	Subject string
	Heading string
	Lead    string
	Code    string // the payment code while it can be paid, else empty
	Facts   []Fact // what to know, in order
	Contact string // where to write to, or empty
	Shop    string // its name
	Action  Fact   // what to press, and where it leads
}

// Fact is a name and what it stands for.
type Fact struct{ Name, Value string }

// NewMail writes the mail of a kind (code, reminder, paid, expired, cancelled, money,
// decided) about what an order's page shows. words are what it says besides, a sentence each.
func NewMail(p OrderPage, kind string, words ...string) Mail {
	m := Mail{
		Lang: p.Lang, Subject: p.T("mail."+kind+".subject", p.Number), Heading: p.T("mail." + kind),
		Lead: strings.Join(append([]string{p.T("mail."+kind+".text", p.Customer)}, words...), " "), Action: Fact{p.T("mail." + kind + ".go"), p.URL},
	}
	m.Contact, m.Shop = p.Contact, p.ShopName()
	if p.Code != nil {
		m.Code = p.Code.Digits
		m.Facts = append(m.Facts,
			Fact{p.T("amount.title"), p.Amount + ". " + p.T("amount.fee")},
			Fact{p.T("deadline.title"), p.Code.Deadline},
			Fact{strings.TrimSuffix(p.T("steps.say"), ":"), p.Say},
		)
	}
	for _, r := range p.Receipts {
		amount := r.Amount
		if r.Note != "" {
			amount += " (" + r.Note + ")"
		}
		m.Facts = append(m.Facts, Fact{p.T("receipt.title"), amount}, Fact{p.T("receipt.at"), r.At})
	}
	m.Facts = append(m.Facts, Fact{p.T("order.number"), p.Number})
	for _, line := range p.Lines {
		m.Facts = append(m.Facts, Fact{line.Name, line.Quantity + " × " + line.Each})
	}
	return m
}

// Text is the mail for programs, and people, that want no HTML.
func (m Mail) Text() string {
	var b strings.Builder
	b.WriteString(m.Heading + "\n\n" + m.Lead + "\n\n")
	if m.Code != "" {
		b.WriteString(m.T("code.title") + ": " + m.Code + "\n")
	}
	for _, f := range m.Facts {
		b.WriteString(f.Name + ": " + f.Value + "\n")
	}
	b.WriteString("\n" + m.Action.Name + ":\n" + m.Action.Value + "\n\n" + m.Shop + "\n")
	if m.Contact != "" {
		b.WriteString(m.T("contact") + " " + m.Contact + "\n")
	}
	return b.String()
}

// SentMail is a mail in the mailbox.
type SentMail struct{ Path, To, Subject, At, Text string }

// MailboxPage lists mails.
type MailboxPage struct {
	Page
	Mails []SentMail
}

// MailPage is one of them.
type MailPage struct {
	Page
	Mail SentMail
}
