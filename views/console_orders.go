package views

import "github.com/a-h/templ"

// OverviewPage is how the shop is doing.
type OverviewPage struct {
	ConsolePage
}

// orderSamples are the console's pages about orders, cases and stock.
func orderSamples() []Sample {
	return []Sample{
		{Name: "console-overview", Draw: func(p Page) templ.Component {
			return Overview(OverviewPage{sampleConsole(p, "overview", p.T("console.overview"))})
		}},
	}
}
