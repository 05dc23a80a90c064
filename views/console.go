package views

// ConsolePage is what every page of the console shows around its own content.
type ConsolePage struct {
	Page
	Section   string // of the menu
	OpenCases int64  // cases nobody has decided yet
	Simulator string // address of the till simulator; empty outside demo mode
}

// LoginPage asks for the console's password.
type LoginPage struct {
	Page
	Next    string // where to go then
	Problem string
}

// section is an entry of the console's menu.
type section struct{ Name, Path string }

// sections lists the menu; what needs the embedded gateway is in demos only.
func (p ConsolePage) sections() []section {
	list := []section{
		{"overview", "/console"},
		{"orders", "/console/orders"},
		{"attention", "/console/cases"},
		{"notifications", "/console/notifications"},
		{"stock", "/console/stock"},
		{"setup", "/console/setup"},
	}
	if p.Demo {
		list = append(list, section{"sandbox", "/console/sandbox"})
	}
	return list
}

// sampleConsole is the frame of a console page in the gallery.
func sampleConsole(page Page, section, title string) ConsolePage {
	page.Private, page.Console, page.Title = true, true, title
	return ConsolePage{Page: page, Section: section, OpenCases: 2, Simulator: "http://127.0.0.1:8081/simulator"}
}
