package views

import (
	"slices"
	"strings"
	"time"

	"github.com/a-h/templ"
)

// Sample is one page of the shop in one state, with made-up content.
type Sample struct {
	Name string // in the gallery's addresses, such as order-waiting
	Draw func(Page) templ.Component

	Letter bool // a mail, which carries its own style
	Frames bool // it shows other samples in frames
}

// Samples lists every page in every state it has. The gallery shows them, and
// tests take their pages from here.
func Samples() []Sample {
	var samples []Sample
	page := func(name string, draw func(Page) templ.Component) {
		samples = append(samples, Sample{Name: name, Draw: draw})
	}
	letter := func(name string, draw func(Page) templ.Component) {
		samples = append(samples, Sample{Name: name, Draw: draw, Letter: true})
	}
	page("parts", Parts)
	page("home", home)
	page("category", category)
	page("search-empty", searchEmpty)
	page("search-cut", searchCut)
	page("product", product)
	page("product-few", productFew)
	page("product-soldout", productSoldOut)
	page("cart", fullCart)
	page("cart-problem", problemCart)
	page("cart-empty", emptyCart)
	page("checkout", checkout)
	page("checkout-problems", checkoutProblems)
	page("checkout-limit", checkoutLimit)
	page("find", find)
	page("find-none", findNone)
	page("privacy", samplePrivacy)
	page("mailbox", mailbox)
	page("mailbox-empty", emptyMailbox)
	letter("mail-code", mailOf("code", StateWaiting))
	letter("mail-reminder", mailOf("reminder", StateWaiting))
	letter("mail-paid", mailOf("paid", StatePaid))
	letter("mail-expired", mailOf("expired", StateExpired))
	letter("mail-cancelled", mailOf("cancelled", StateCancelled))
	letter("mail-money", mailOf("money", StateChecking, func(l Lang) []string {
		return []string{l.T("order.case.wrong_amount", Rupiah(89_000), Rupiah(90_000))}
	}))
	letter("mail-decided", mailOf("decided", StateExpired, func(l Lang) []string {
		return []string{l.T("words.refund", Rupiah(89_000), l.Day(sampleTime), "transfer BCA"), l.T("words.over")}
	}))
	for _, state := range orderStates {
		page("order-"+string(state), orderIn(state, nil))
	}
	page("order-slow", orderIn(StatePreparing, func(p *OrderPage) { p.Slow = true }))
	page("order-asked", orderIn(StateWaiting, func(p *OrderPage) {
		p.CheckedSay = p.T("check.answer", p.Lang.Clock(sampleTime), p.T("check.PENDING"))
		p.Notice = p.T("check.soon")
	}))
	page("order-superseded", orderIn(StateWaiting, func(p *OrderPage) { p.OldCodes = []OldCode{{Digits: "8888 8888 1111 2222", Taken: true}} }))
	page("order-underneath", orderIn(StateWaiting, func(p *OrderPage) { p.Inspector = "/console/orders/" + p.Number + "#inspector" }))
	page("order-mailed", orderIn(StateWaiting, func(p *OrderPage) { p.Notice = p.T("keep.again.done", "b***@example.com") }))
	page("order-reusable", orderIn(StatePaid, func(p *OrderPage) {
		p.Text = p.T("order.paid.text") + " " + p.T("order.paid.open")
		payable(p)
		p.Receipts = append(p.Receipts, Receipt{Amount: Rupiah(90_000), At: p.Lang.Moment(sampleTime.Add(time.Hour)), Till: "IDM000000002"})
		p.Received = Rupiah(180_000)
	}))
	page("order-unreadable", orderIn(StateChecking, func(p *OrderPage) {
		p.Cases = nil
		underReview("unreadable_notification")(p)
	}))
	page("order-late", orderIn(StatePaid, unsure("late_payment")))
	page("order-out-of-stock", orderIn(StatePaid, unsure("out_of_stock")))
	page("order-twice", orderIn(StatePaid, func(p *OrderPage) {
		underReview("second_payment", Rupiah(90_000))(p)
		p.Receipts = append(p.Receipts, p.Receipts...)
		p.Receipts[1].Till, p.Receipts[1].Note = "IDM000000002", p.T("receipt.held")
	}))
	page("order-paid-cancelled", orderIn(StateCancelled, underReview("paid_cancelled", Rupiah(90_000))))
	page("order-refunded", orderIn(StateExpired, closed))
	page("order-kept", orderIn(StateExpired, func(p *OrderPage) {
		closed(p)
		p.Receipts[0].Note = p.T("receipt.kept")
	}))
	page("order-refunded-reusable", orderIn(StatePaid, refunded))
	page("order-test", orderIn(StateCancelled, testOrder))
	page("order-erased", orderIn(StatePaid, func(p *OrderPage) { p.Erased, p.Customer, p.Text = true, "", p.T("order.paid.text") }))
	page("order-soldout", orderIn(StateExpired, func(p *OrderPage) { p.SoldOut, p.Notice = true, p.T("order.soldout") }))
	page("order-hostile", orderIn(StateWaiting, hostile))
	for _, state := range orderStates {
		page("cashier-"+string(state), cashierIn(state, nil))
	}
	page("cashier-closed", cashierIn(StateExpired, closed))
	page("cashier-test", cashierIn(StateCancelled, testOrder))
	page("cashier-hostile", cashierIn(StateWaiting, hostile))
	for _, status := range []string{"403", "404", "405", "413", "422", "429", "500", "503"} {
		page("error-"+status, errorOf(status))
	}
	page("login", func(p Page) templ.Component {
		p.Title, p.Console, p.Private = p.T("login.title"), true, true
		return Login(LoginPage{Page: p, Next: "/console", Problem: p.T("login.wrong")})
	})
	page("locked", func(p Page) templ.Component {
		p.Title, p.Private = p.T("locked.title"), true
		return Locked(p)
	})
	return slices.Concat(samples, orderSamples(), caseSamples(), messageSamples(), demoSamples())
}

// sampleKind is the samples of one kind of page: order-waiting is an order.
type sampleKind struct {
	Name    string
	Samples []Sample
}

func sampleKinds() []sampleKind {
	var kinds []sampleKind
	for _, s := range Samples() {
		name, _, _ := strings.Cut(s.Name, "-")
		if len(kinds) == 0 || kinds[len(kinds)-1].Name != name {
			kinds = append(kinds, sampleKind{Name: name})
		}
		last := &kinds[len(kinds)-1]
		last.Samples = append(last.Samples, s)
	}
	return kinds
}

// sampleTime is the deadline of everything in the gallery.
var sampleTime = time.Date(2026, 11, 23, 6, 5, 0, 0, time.UTC)

// SampleNow is what time it is there.
func SampleNow() time.Time { return sampleTime.Add(-time.Hour) }

var orderStates = []OrderState{StatePreparing, StateWaiting, StateChecking, StateOverdue, StatePaid, StateExpired, StateFailed, StateCancelled}

func orderIn(state OrderState, change func(*OrderPage)) func(Page) templ.Component {
	return func(page Page) templ.Component { return Order(SampleOrder(page, state, change)) }
}

func cashierIn(state OrderState, change func(*OrderPage)) func(Page) templ.Component {
	return func(page Page) templ.Component { return Cashier(SampleOrder(page, state, change)) }
}

// underReview is what a page says of a case our staff are looking at.
func underReview(kind string, amounts ...any) func(*OrderPage) {
	return func(p *OrderPage) { p.Cases = append(p.Cases, p.T("order.case."+kind, amounts...)) }
}

// unsure is a paid order that our staff are looking at: nothing is promised meanwhile.
func unsure(kind string) func(*OrderPage) {
	return func(p *OrderPage) {
		underReview(kind)(p)
		p.Text = p.T("order.paid.text")
	}
}

// closed is an order that ended with a decision about money that did not pay it.
func closed(p *OrderPage) {
	p.Head, p.Text = p.T("order.closed"), p.T("order.decided.text")
	p.CanCheck, p.CheckedSay, p.OldCodes[0].Taken = false, "", true
	p.Receipts = []Receipt{{Amount: Rupiah(89_000), At: p.Lang.Moment(sampleTime), Till: "IDM000000001",
		Note: p.T("receipt.refunded", Rupiah(89_000), p.Lang.Day(sampleTime), "transfer BCA")}}
}

// refunded is an order that was paid, and whose money was given back.
func refunded(p *OrderPage) {
	p.Title = p.T("order.title", p.Number)
	p.Head, p.Text = p.T("order.refunded"), p.T("order.refunded.text")
	p.Receipts[0].Note = p.T("receipt.refunded", Rupiah(90_000), p.Lang.Day(sampleTime), "transfer BCA")
}

// testOrder is an order from before the shop opened.
func testOrder(p *OrderPage) {
	p.Head, p.Text = p.T("order.test.title"), p.T("order.test")
}

// hostile is a customer, and a gateway, who try to be more than text.
func hostile(p *OrderPage) {
	p.Customer = `<b>Budi</b> "Santoso"`
	p.Steps = []string{"<script>alert(1)</script>", p.T("steps.2")}
	p.OldCodes = []OldCode{{Digits: `<i>8888</i>`}}
}

// SampleOrder is an order's page in a state.
func SampleOrder(page Page, state OrderState, change func(*OrderPage)) OrderPage {
	l := page.Lang
	page.Private = true
	p := OrderPage{
		Page: page, State: state, Number: "WJ-7K4M9Q2P", Path: "/orders/contoh", URL: "https://warung.example/orders/contoh",
		Text: l.T("order." + string(state) + ".text"), Amount: Rupiah(90_000), AmountDigits: "90000",
		Customer: "Budi Santoso", Placed: l.Moment(sampleTime.Add(-time.Hour)), Say: "Mau bayar DOKU",
		Lines: sampleLines(l)[:1], Watched: "1",
	}
	p.Title = l.T("order.title", p.Number)
	switch state {
	case StateWaiting:
		p.CanCheck = true
		payable(&p)
	case StatePaid:
		p.Title = l.T("order.paidtitle", p.Number)
		p.Text += " " + l.T("order.paid.goods")
		p.Receipts = []Receipt{{Amount: Rupiah(90_000), At: l.Moment(sampleTime), Till: "IDM000000001", Store: "T4KB"}}
	case StateExpired:
		p.CanCheck, p.CheckedSay = true, l.T("check.answer", l.Clock(sampleTime), l.T("check.EXPIRED"))
		p.OldCodes = []OldCode{{Digits: "8888 8888 4444 5555"}}
	case StateChecking:
		underReview("wrong_amount", Rupiah(89_000), Rupiah(90_000))(&p)
		p.Receipts = []Receipt{{Amount: Rupiah(89_000), At: l.Moment(sampleTime), Till: "IDM000000001", Note: l.T("receipt.held")}}
	case StateOverdue:
		p.CanCheck = true
	}
	if change != nil {
		change(&p)
	}
	return p
}

// payable gives a page a code, how to pay it, and what keeps it.
func payable(p *OrderPage) {
	const code = "8888888844445555"
	p.Simulator = "http://127.0.0.1:8081/simulator?payment_code=" + code
	p.Steps = []string{p.T("steps.1"), p.T("steps.2"), p.T("steps.3", "DOKU"), p.T("steps.4"), p.T("steps.5"), p.T("steps.6")}
	p.Code = &Code{Digits: code, Deadline: p.Lang.Moment(sampleTime), Expires: Machine(sampleTime)}
	p.Keep = &ShareLinks{Text: p.T("keep.message", code, p.Amount, p.Code.Deadline, p.Say, p.Number, p.ShopName(), p.URL),
		WhatsApp: "https://wa.me/?text=" + code, Mail: "mailto:?body=" + code, Calendar: p.Path + "/calendar.ics", Again: p.Path + "/mail"}
}

func sampleLines(l Lang) []CartLine {
	return []CartLine{
		{SKU: "MNM-GAYO", URL: "/products/kopi-gayo", Name: l.Pick("Kopi Gayo 250\u00a0g", "Gayo Coffee 250\u00a0g"), Drawing: "kopi-gayo.svg",
			Each: Rupiah(90_000), Amount: Rupiah(90_000), Quantity: "1", Less: "0", More: "2"},
		{SKU: "KRJ-BATIK", URL: "/products/kain-batik-kawung", Name: l.Pick("Kain Batik Tulis Kawung", "Hand-drawn Kawung Batik"), Drawing: "kain-batik-kawung.svg",
			Each: Rupiah(1_500_000), Amount: Rupiah(3_000_000), Quantity: "2", Less: "1", Remark: l.T("cart.all", 2)},
	}
}

func sampleCards(l Lang) []Card {
	return []Card{
		{URL: "/products/rendang-daging", Name: l.Pick("Rendang Daging 250\u00a0g", "Beef Rendang 250\u00a0g"), Price: Rupiah(85_000), Drawing: "rendang-daging.svg"},
		{URL: "/products/sambal-bawang", Name: l.Pick("Sambal Bawang 150\u00a0g", "Shallot Sambal 150\u00a0g"), Price: Rupiah(32_000), Drawing: "sambal-bawang.svg", Tag: l.T("product.last", 3)},
		{URL: "/products/nastar", Name: l.Pick("Nastar Nanas 500\u00a0g", "Pineapple Nastar 500\u00a0g"), Price: Rupiah(95_000), Drawing: "nastar.svg", Tag: l.T("product.soldout"), SoldOut: true},
		{URL: "/products/celengan", Name: l.Pick("Celengan Warung", "Warung Money Box"), Price: Rupiah(25_000), Drawing: "celengan.svg", Tag: l.T("product.open")},
	}
}

func sampleCategories(l Lang, current string) []CategoryLink {
	links := []CategoryLink{{URL: "/", Name: l.T("catalogue.all"), Current: current == ""}}
	for _, name := range []string{"food", "drinks", "crafts", "vouchers"} {
		links = append(links, CategoryLink{URL: "/?category=" + name, Name: l.T("category." + name), Current: name == current})
	}
	return links
}

func home(p Page) templ.Component {
	p.Title = p.T("catalogue.title")
	return Catalogue(CataloguePage{Page: p, Heading: p.Title, Home: true, Categories: sampleCategories(p.Lang, ""), Cards: sampleCards(p.Lang)})
}

func category(p Page) templ.Component {
	p.Title = p.T("category.food")
	return Catalogue(CataloguePage{Page: p, Heading: p.Title, Categories: sampleCategories(p.Lang, "food"), Cards: sampleCards(p.Lang)})
}

func searchEmpty(p Page) templ.Component {
	p.Search = "<i>durian</i>"
	p.Title = p.T("catalogue.found", p.Search)
	return Catalogue(CataloguePage{Page: p, Heading: p.Title, Categories: sampleCategories(p.Lang, "-")})
}

func searchCut(p Page) templ.Component {
	p.Search = p.Lang.Pick("kopi sambal rendang dari mana saja boleh asal", "coffee or sambal or rendang from anywhere at")
	p.Title = p.T("catalogue.found", p.Search)
	return Catalogue(CataloguePage{Page: p, Heading: p.Title, Notice: p.T("catalogue.cut", p.Search), Categories: sampleCategories(p.Lang, "-"), Cards: sampleCards(p.Lang)})
}

func sampleProduct(p Page) ProductPage {
	p.Title = p.Lang.Pick("Kopi Gayo 250\u00a0g", "Gayo Coffee 250\u00a0g")
	return ProductPage{Page: p, SKU: "MNM-GAYO", Name: p.Title, Price: Rupiah(90_000), Drawing: "kopi-gayo.svg",
		Text: p.Lang.Pick("Arabika dari dataran tinggi Aceh, disangrai sedang: cokelat, rempah, dan sedikit jeruk. Biji utuh.",
			"Arabica from the Aceh highlands, medium roast: chocolate, spice and a little citrus. Whole beans."),
		Goods: true, Category: CategoryLink{URL: "/?category=drinks", Name: p.T("category.drinks")}, Stock: p.T("product.stock", 60), Max: "60",
		Related: sampleCards(p.Lang)}
}

func product(p Page) templ.Component { return Product(sampleProduct(p)) }

func productFew(page Page) templ.Component {
	p := sampleProduct(page)
	p.Stock, p.Max, p.Remark = p.T("product.last", 3), "3", p.T("product.open")
	return Product(p)
}

func productSoldOut(page Page) templ.Component {
	p := sampleProduct(page)
	p.Stock, p.Max = p.T("product.soldout"), ""
	return Product(p)
}

func fullCart(p Page) templ.Component {
	p.Title, p.CartCount = p.T("cart.title"), 3
	return Cart(CartPage{Page: p, Lines: sampleLines(p.Lang), Total: Rupiah(3_090_000)})
}

func problemCart(p Page) templ.Component {
	p.Title, p.CartCount = p.T("cart.title"), 3
	lines := sampleLines(p.Lang)
	lines[1].Remark, lines[1].Problem, lines[1].Fix, lines[1].FixSay = "", p.T("cart.left", 1), "1", p.T("cart.fix", 1)
	return Cart(CartPage{Page: p, Lines: lines, Total: Rupiah(3_090_000), Problem: lines[1].Name + ": " + lines[1].Problem})
}

func emptyCart(p Page) templ.Component {
	p.Title = p.T("cart.title")
	return Cart(CartPage{Page: p})
}

func sampleCheckout(p Page) CheckoutPage {
	p.Title, p.CartCount = p.T("checkout.title"), 3
	return CheckoutPage{Page: p, CheckoutID: "contoh", Lines: sampleLines(p.Lang), Total: Rupiah(3_090_000),
		Valid: p.T("checkout.valid", p.Lang.Span(time.Hour)), EmailHint: p.T("checkout.email.mail"), Privacy: p.T("checkout.privacy", 90), Goods: true}
}

func checkout(p Page) templ.Component { return Checkout(sampleCheckout(p)) }

func checkoutProblems(page Page) templ.Component {
	p := sampleCheckout(page)
	p.Problem = p.T("checkout.soldout", p.Lines[1].Name)
	p.Name = Field{Problem: p.T("checkout.bad.name")}
	p.Email = Field{Value: `budi"@`, Problem: p.T("checkout.bad.email")}
	p.Phone = Field{Value: "nol delapan", Problem: p.T("checkout.bad.phone")}
	return Checkout(p)
}

func checkoutLimit(page Page) templ.Component {
	p := sampleCheckout(page)
	p.Limit = p.T("limit.open", p.Lang.Span(time.Hour))
	p.Name, p.Email, p.Phone = Field{Value: "Budi Santoso"}, Field{Value: "budi@example.com"}, Field{Value: "081234567890"}
	return Checkout(p)
}

func find(p Page) templ.Component {
	p.Title = p.T("find.title")
	return FindOrder(FindPage{Page: p})
}

func findNone(p Page) templ.Component {
	p.Title = p.T("find.title")
	return FindOrder(FindPage{Page: p, Number: "WJ-00000000", Email: "budi@example.com", Problem: p.T("find.none")})
}

func errorOf(status string) func(Page) templ.Component {
	return func(p Page) templ.Component {
		p.Title = p.T("error." + status)
		e := ErrorPage{Page: p, Heading: p.Title, Text: p.T("error." + status + ".text")}
		switch status {
		case "405", "413", "422":
			e.Back = "/cart"
		case "429", "500", "503":
			e.Again = "/checkout"
		}
		return Error(e)
	}
}

func mailOf(kind string, state OrderState, says ...func(Lang) []string) func(Page) templ.Component {
	return func(p Page) templ.Component {
		var words []string
		for _, say := range says {
			words = append(words, say(p.Lang)...)
		}
		return MailHTML(NewMail(SampleOrder(p, state, nil), kind, words...))
	}
}

func mailbox(p Page) templ.Component {
	p.Title = p.T("mailbox.title")
	var list []SentMail
	for _, kind := range []string{"paid", "reminder", "code"} {
		list = append(list, SentMail{Path: "/mailbox", To: "budi@example.com", Subject: p.T("mail."+kind+".subject", "WJ-7K4M9Q2P"), At: p.Lang.Moment(sampleTime)})
	}
	return Mailbox(MailboxPage{Page: p, Mails: list})
}

func emptyMailbox(p Page) templ.Component {
	p.Title = p.T("mailbox.title")
	return Mailbox(MailboxPage{Page: p})
}
