// Package views turns values into pages: templ components, the values they
// show, the formats of money and time, and both languages. It knows no
// database, no gateway and no clock: what is not in its values is not on its
// pages.
package views

import (
	"strings"

	"warungjokul/static"
)

// Page is what every page shows around its own content.
type Page struct {
	Lang      Lang
	Title     string
	CartCount int64
	Search    string

	// Links are the addresses of this page in each language.
	Links map[Lang]string

	// Contact is where a shopper may write to, or empty.
	Contact string

	// Shop is the shop's name, empty for that of the demo.
	Shop string

	// Demo: payments are simulated, and the page says so.
	Demo bool

	// Private pages are one shopper's, and not for search engines; in a demo
	// nobody's.
	Private bool

	// Console: the page is for the shop's people.
	Console bool

	// Refresh makes a browser without script load the page again every so many
	// seconds; 0 for never.
	Refresh string
}

// T is Lang.T.
func (p Page) T(key string, blanks ...any) string { return p.Lang.T(key, blanks...) }

// ShopName is the shop's name.
func (p Page) ShopName() string {
	if p.Shop != "" {
		return p.Shop
	}
	return p.T("shop.name")
}

func asset(name string) string { return static.URL(name) }

func drawing(name string) string { return static.URL("drawings/" + name) }

// shape names a product's drawing in a transition from page to page.
func shape(drawing string) string { return strings.TrimSuffix(drawing, ".svg") }

// Card is one product in the catalogue.
type Card struct {
	URL, Name, Price, Drawing string
	Tag                       string // a short remark, or empty
	SoldOut                   bool
}

// CategoryLink is one category to choose.
type CategoryLink struct {
	URL, Name string
	Current   bool
}

// CataloguePage is the shop's home, a category or a search.
type CataloguePage struct {
	Page
	Heading    string
	Notice     string // of a search that was too long
	Home       bool   // with the hero
	Categories []CategoryLink
	Cards      []Card
}

// ProductPage is one product.
type ProductPage struct {
	Page
	SKU, Name, Text, Price, Drawing string
	Category                        CategoryLink
	Stock, Remark                   string
	Goods                           bool   // to be sent
	Max                             string // most that can be ordered; empty when sold out
	Related                         []Card
}

// CartLine is one product in the cart.
type CartLine struct {
	SKU, URL, Name, Drawing string
	Each, Amount            string
	Quantity, Less, More    string // More is empty when there is no more
	Remark                  string // why there is no more, or empty
	Problem                 string
	Fix, FixSay             string // how many would do, and as words; or empty
}

// CartPage is the cart.
type CartPage struct {
	Page
	Lines   []CartLine
	Total   string
	Problem string // why it cannot be ordered as it is
}

// Field is one input of the checkout form.
type Field struct{ Value, Problem string }

// CheckoutPage is the form that places an order.
type CheckoutPage struct {
	Page
	CheckoutID         string
	Stale              string // why the form as it was sent placed no order, and that it is to be sent again
	Name, Email, Phone Field
	EmailHint          string // what the address is for
	Problem            string // with the order as a whole
	Limit              string // on unpaid orders, that the order is over; finding one's own orders helps
	Lines              []CartLine
	Total, Valid       string
	Privacy            string // what becomes of what is filled in
	Goods              bool   // there is something to be sent
}

// Problems reports whether anything must be mended.
func (p CheckoutPage) Problems() bool {
	return p.Stale != "" || p.Problem != "" || p.Limit != "" || p.Name.Problem != "" || p.Email.Problem != "" || p.Phone.Problem != ""
}

// FindPage is the form that leads back to a lost order.
type FindPage struct {
	Page
	Number, Email string
	Problem       string
}

// ErrorPage says what went wrong and where to go.
type ErrorPage struct {
	Page
	Heading, Text string
	Again         string // address to try once more, or empty
	Back          string // of the page before, or empty
}
