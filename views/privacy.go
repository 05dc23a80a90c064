package views

import "github.com/a-h/templ"

// PrivacyPage says what becomes of a shopper's data.
type PrivacyPage struct {
	Page
	Sections []PrivacySection
}

// PrivacySection is one question about it, and the answer: texts, and then a list.
type PrivacySection struct {
	Title string
	Texts []string
	List  []string
}

// Privacy is what the shop does with data, as far as it depends on its settings.
type Privacy struct {
	LegalName, Address string // who answers for it
	Days               int    // how long it is kept after an order's end, 0 for ever
	Mail               bool   // mail is sent
}

// NewPrivacy writes the page.
func NewPrivacy(page Page, s Privacy) PrivacyPage {
	p := PrivacyPage{Page: page}
	section := func(title string, texts []string, list ...string) {
		p.Sections = append(p.Sections, PrivacySection{Title: title, Texts: texts, List: list})
	}
	who := []string{p.T("privacy.who.text", s.LegalName)}
	if s.Address != "" {
		who = append(who, s.Address)
	}
	section(p.T("privacy.who"), who)
	email := p.T("privacy.what.email")
	if s.Mail {
		email = p.T("privacy.what.email.mail")
	}
	section(p.T("privacy.what"), []string{p.T("privacy.what.text")},
		p.T("privacy.what.name"), email, p.T("privacy.what.phone"))
	section(p.T("privacy.basis"), []string{p.T("privacy.basis.text")})
	given := []string{p.T("privacy.given.doku"), p.T("privacy.given.till")}
	if s.Mail {
		given = append(given, p.T("privacy.given.mail"))
	}
	section(p.T("privacy.given"), []string{p.T("privacy.given.text")}, append(given, p.T("privacy.given.none"))...)
	kept := p.T("privacy.long.text", s.Days)
	if s.Days == 0 {
		kept = p.T("privacy.long.ever")
	}
	section(p.T("privacy.long"), []string{kept, p.T("privacy.long.stays"), p.T("privacy.long.open")},
		p.T("privacy.long.records"), p.T("privacy.long.backups"))
	section(p.T("privacy.cookies"), []string{p.T("privacy.cookies.text")})
	section(p.T("privacy.rights"), []string{p.T("privacy.rights.text")},
		p.T("privacy.rights.see"), p.T("privacy.rights.correct"), p.T("privacy.rights.erase"), p.T("privacy.rights.withdraw"), p.T("privacy.rights.complain"))
	return p
}

// ErasePage shows what erasing a customer comes to before it is done.
type ErasePage struct {
	ConsolePage
	Number, Path string
	Problem      string
	Orders       []ErasedOrder // surely of the customer
	Others       []ErasedOrder // with the same email or phone number only, or another name
	Reasons      []DecisionChoice
	Reason, By   Field
	None         bool   // nothing can be erased now
	More         string // that there are more orders than are shown, or empty
}

// ErasedOrder is an order of the customer, or of somebody who shares a detail.
type ErasedOrder struct {
	OrderRow
	Phone  string
	Why    string // it is left out, or empty
	Chosen bool
}

func samplePrivacy(p Page) templ.Component {
	p.Title, p.Contact = p.T("privacy.title"), "toko@example.com"
	return PrivacyNotice(NewPrivacy(p, Privacy{LegalName: "PT Warung Jokul Contoh",
		Address: "Jl. Contoh 1, Jakarta 10110", Days: 90, Mail: true}))
}

func sampleErase(p Page, change func(*ErasePage)) templ.Component {
	rows := sampleRows(p.Lang)
	v := ErasePage{ConsolePage: sampleConsole(p, "orders", p.T("erase.title", rows[2].Number)),
		Number: rows[2].Number, Path: rows[2].Path}
	for i, row := range rows[:3] {
		o := ErasedOrder{OrderRow: row, Phone: "0812-3456-7890", Chosen: i > 0}
		if i == 0 {
			o.Why = p.T("erase.block.open")
		}
		v.Orders = append(v.Orders, o)
	}
	other := ErasedOrder{OrderRow: rows[1], Phone: "0815-9999-0000"}
	other.Number, other.Customer, other.Path = "WJ-7K2M9QXD", "Somebody Else", "/console/orders/WJ-7K2M9QXD"
	v.Others = []ErasedOrder{other}
	for _, reason := range []string{"requested", "withdrawn", "unlawful"} {
		v.Reasons = append(v.Reasons, DecisionChoice{Value: reason, Name: p.T("erase.reason." + reason),
			Chosen: reason == "requested"})
	}
	change(&v)
	return Erase(v)
}
