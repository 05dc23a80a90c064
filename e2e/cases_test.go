package e2e_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// decide fills in the form of a case, looks at the preview, and confirms it.
func decide(decision, reason string) chromedp.Tasks {
	return chromedp.Tasks{
		chromedp.WaitVisible(id("decision"), chromedp.ByQuery),
		chromedp.Click(`input[value="`+decision+`"]`, chromedp.ByQuery),
		fillIn("refund_method", "bank transfer"),
		fillIn("reason", reason),
		fillIn("by", "Sari"),
		click(id("preview")),
		chromedp.WaitVisible(id("decision-preview"), chromedp.ByQuery),
		click(id("confirm")),
		chromedp.WaitVisible(id("notice"), chromedp.ByQuery),
	}
}

// fillIn sets a field where the form has it.
func fillIn(name, value string) chromedp.Action {
	return chromedp.Evaluate(fmt.Sprintf(`{ const field = document.querySelector('[name=%q]'); if (field) field.value = %q }`, name, value), nil)
}

// caseOfMoney is one way in which money does not fit, and how it can end.
type caseOfMoney struct {
	name    string
	cause   func(t *testing.T, p *pair, v visitor, order string, s status)
	page    string // what the shopper reads meanwhile
	mail    string // the subject of the mail about it, empty for none
	endings []ending
}

// ending is a decision and what follows from it.
type ending struct {
	decision, status string
	page             string // what the shopper's page says afterwards
	mail             string // what the mail says
	export           string // the columns not_applied and refunded
	payable          bool
}

const price = 90_000 // of MNM-GAYO

// wrongly has a notification tell of the payment with another amount or code.
func wrongly(amount int64, code string) func(*testing.T, *pair, visitor, string, status) {
	return func(t *testing.T, p *pair, v visitor, order string, s status) {
		if code == "" {
			code = s.PaymentCode
		}
		body := fmt.Sprintf(`{"order":{"invoice_number":%q,"amount":%d},"transaction":{"status":"SUCCESS","date":%q},
			"channel":{"id":"ONLINE_TO_OFFLINE_INDOMARET"},"online_to_offline_info":{"payment_code":%q},
			"online_to_offline_payment":{"identifier":[{"name":"AGENT_TRX_ID","value":%q}]}}`, s.InvoiceNumber, amount, time.Now().UTC().Format(time.RFC3339), code, "T"+s.InvoiceNumber)
		if got := notify(t, p.program(), body, genuine); got != http.StatusOK {
			t.Fatalf("HTTP %d", got)
		}
	}
}

func acting(actions ...string) func(*testing.T, *pair, visitor, string, status) {
	return func(t *testing.T, p *pair, v visitor, order string, s status) {
		for _, action := range actions {
			act(t, p.program(), s.PaymentCode, action)
		}
	}
}

// cancelledThenPaid is an order that staff cancel before its money comes.
func cancelledThenPaid(t *testing.T, p *pair, v visitor, order string, s status) {
	execute(t, p.sql(t), "UPDATE orders SET status = 'cancelled', cancelled_at = placed_at, stock_held = $1 WHERE number = $2", false,
		strings.TrimSuffix(s.InvoiceNumber, "-1"))
	act(t, p.program(), s.PaymentCode, "pay")
}

// expiredThenPaid is an order whose code had expired, here and there, before its money came.
func expiredThenPaid(t *testing.T, p *pair, v visitor, order string, s status) {
	execute(t, p.sql(t), "UPDATE payments SET state = 'expired' WHERE invoice_number = $1", s.InvoiceNumber)
	execute(t, p.sql(t), "UPDATE orders SET status = 'expired' WHERE number = $1", strings.TrimSuffix(s.InvoiceNumber, "-1"))
	act(t, p.program(), s.PaymentCode, "pay_late")
}

var misfitEndings = []ending{
	{"accept", "paid", "Rp\u00a089.000", "We have accepted your payment of Rp\u00a089.000", "0,0", false},
	{"refund", "expired", "Rp\u00a089.000 refunded on", "Rp\u00a089.000 was refunded to you on", "89000,89000", false},
	{"pay_again", "awaiting_payment", "Rp\u00a089.000 refunded on", "pay with the new code", "89000,89000", true},
	{"cancel", "cancelled", "Rp\u00a089.000 refunded on", "This order was cancelled", "89000,89000", false},
	{"none", "expired", "on record, not used for this order", "is on record and not used for this order", "89000,0", false},
}

func casesOfMoney() []caseOfMoney {
	whole := func(endings []ending) (list []ending) {
		for _, e := range endings {
			for _, text := range []*string{&e.page, &e.mail, &e.export} {
				*text = strings.NewReplacer("89.000", "90.000", "89000", "90000").Replace(*text)
			}
			list = append(list, e)
		}
		return list
	}
	return []caseOfMoney{
		{"wrong amount", wrongly(89_000, ""), "Rp\u00a089.000 received, Rp\u00a090.000 was asked for", "A payment for order", misfitEndings},
		{"wrong code", wrongly(price, "8888888800000000"), "We received Rp\u00a090.000 under a code that is not this order's", "A payment for order", whole(misfitEndings)},
		{"late", expiredThenPaid, "Your payment came after its code had ended", "", []ending{
			{"none", "paid", "Rp\u00a090.000", "are handling it as usual", "0,0", false},
			{"refund", "paid", "Rp\u00a090.000 refunded on", "Rp\u00a090.000 was refunded to you on", "0,90000", false},
		}},
		{"second", acting("pay_twice"), "Another Rp\u00a090.000 was received after this order was paid", "A payment for order", []ending{
			{"refund", "paid", "Rp\u00a090.000 refunded on", "Rp\u00a090.000 was refunded to you on", "90000,90000", false},
			{"duplicate", "paid", "Rp\u00a090.000", "your payment came once and was recorded twice", "0,0", false},
			{"none", "paid", "on record, not used for this order", "is on record and not used for this order", "90000,0", false},
		}},
		{"cancelled", cancelledThenPaid, "Rp\u00a090.000 was received after this order was cancelled", "A payment for order", []ending{
			{"refund", "cancelled", "Rp\u00a090.000 refunded on", "Rp\u00a090.000 was refunded to you on", "90000,90000", false},
			{"none", "cancelled", "on record, not used for this order", "is on record and not used for this order", "90000,0", false},
		}},
	}
}

// From the till through the case to each decision, in a browser: the shopper's page, the
// mails, the console's sums and the export say the same.
func TestCasesInABrowser(t *testing.T) {
	server, taken := mailServer(t)
	p := newPair(t, "", "CONSOLE_PASSWORD="+consolePassword, "SMTP_URL=smtp://"+server, "MAIL_FROM=Warung Jokul <toko@example.com>", "RATE_LIMIT=off")
	v := visit(t, p.program())
	tab := browse(t)
	run := func(t *testing.T, actions ...chromedp.Action) {
		t.Helper()
		if err := inTime(tab, actions...); err != nil {
			t.Fatal(err)
		}
	}
	run(t, chromedp.Navigate(p.shop.base+"/console?lang=en"), chromedp.SendKeys(`input[name="password"]`, consolePassword, chromedp.ByQuery),
		click(id("login")), chromedp.WaitVisible(`.figures`, chromedp.ByQuery))
	for _, kind := range casesOfMoney() {
		for _, end := range kind.endings {
			t.Run(kind.name+"/"+end.decision, func(t *testing.T) {
				order := v.order("MNM-GAYO")
				s := v.await(order, "a code", hasCode)
				number := strings.TrimSuffix(s.InvoiceNumber, "-1")
				mail := func(subject string) received {
					t.Helper()
					for {
						if m := receive(t, taken); strings.Contains(m.subject, subject) && strings.Contains(m.subject, number) {
							return m
						}
					}
				}
				kind.cause(t, p, v, order, s)
				var page string
				run(t, chromedp.Navigate(p.shop.base+order+"?lang=en"), chromedp.WaitVisible(id("attention"), chromedp.ByQuery),
					chromedp.OuterHTML("main", &page, chromedp.ByQuery))
				if !strings.Contains(text(page), kind.page) || strings.Contains(page, "data-code=") || strings.Contains(page, id("new-code")) {
					t.Errorf("before the decision the page lacks %q, or invites to pay:\n%s", kind.page, page)
				}
				if kind.mail != "" {
					if m := mail(kind.mail); !strings.Contains(m.text, kind.page) {
						t.Errorf("the mail about the money says:\n%s", m.text)
					}
				}
				run(t, chromedp.Navigate(p.shop.base+"/console/orders/"+number+"?lang=en"), click(id("decide")), decide(end.decision, "agreed by phone"))
				if m := mail("News about order"); !strings.Contains(m.text, end.mail) {
					t.Errorf("the mail about the decision says:\n%s", m.text)
				}
				if end.payable {
					v.await(order, "a new code", func(now status) bool { return hasCode(now) && now.PaymentCode != s.PaymentCode })
				}
				run(t, chromedp.Navigate(p.shop.base+order+"?lang=en"), chromedp.WaitVisible(id("order-state"), chromedp.ByQuery),
					chromedp.OuterHTML("main", &page, chromedp.ByQuery))
				if !strings.Contains(text(page), end.page) || strings.Contains(page, "data-code=") != end.payable || strings.Contains(page, `data-testid="attention"`) {
					t.Errorf("after the decision the page lacks %q, or shows a code (want %v), or still says that we are looking:\n%s", end.page, end.payable, page)
				}
				if now := v.status(order); now.OrderStatus != end.status {
					t.Errorf("the order is %s, want %s", now.OrderStatus, end.status)
				}
				run(t, chromedp.Navigate(p.shop.base+"/console/orders/"+number+"?lang=en"), chromedp.WaitVisible(id("console-order"), chromedp.ByQuery))
				rows := download(t, tab, p.shop.base+"/console/orders.csv?q="+number)
				if len(rows) != 2 || strings.Join(rows[1][len(rows[1])-2:], ",") != end.export {
					t.Errorf("exported %v, want it to end with %s", rows, end.export)
				}
			})
		}
	}
	sums := map[string]int64{}
	each(t, p.sql(t), "SELECT status, SUM(amount), SUM(refunded) FROM receipts GROUP BY status", func(scan func(...any) error) error {
		var status string
		var amount, refunded int64
		err := scan(&status, &amount, &refunded)
		sums[status] = amount
		sums["refunded"] += refunded
		return err
	})
	var figures string
	run(t, chromedp.Sleep(0), chromedp.Navigate(p.shop.base+"/console?lang=en"), chromedp.WaitVisible(`.figures`, chromedp.ByQuery))
	for _, want := range []int64{sums["returned"] + sums["kept"], sums["refunded"]} {
		deadline := time.Now().Add(time.Minute) // today's figures are counted anew every ten seconds
		for !strings.Contains(figures, thousands(want)) && time.Now().Before(deadline) {
			run(t, chromedp.Reload(), chromedp.WaitVisible(`.figures`, chromedp.ByQuery), chromedp.Text("main", &figures, chromedp.ByQuery))
		}
		if !strings.Contains(figures, thousands(want)) {
			t.Errorf("the overview does not say Rp %s:\n%s", thousands(want), figures)
		}
	}
}

// thousands is an amount as pages write it: 90.000.
func thousands(n int64) string {
	text := fmt.Sprint(n)
	for i := len(text) - 3; i > 0; i -= 3 {
		text = text[:i] + "." + text[i:]
	}
	return text
}

// text is a page with its spaces as they were written.
func text(page string) string { return strings.ReplaceAll(page, "&nbsp;", "\u00a0") }
