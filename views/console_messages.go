package views

import (
	"bytes"
	"encoding/json"
	"strconv"
	"strings"
	"time"

	"github.com/a-h/templ"
)

// InboxPage lists what came to the Notification URL.
type InboxPage struct {
	ConsolePage
	URL        string
	Counts     []Fact
	About      string // what is looked for
	Filters    []CategoryLink
	Deliveries []InboxLine
	Older      string // address of what came before, or empty
	Sampled    bool   // of the rejected ones not all are here
}

// InboxLine is one notification in the list.
type InboxLine struct {
	Path, About, Status, Effect, At string
	Sign                            Sign
	Times                           string // how often it came, where that is more than once
}

// DeliveryPage is one notification, or one that was rejected.
type DeliveryPage struct {
	ConsolePage
	Sign    Sign
	Effect  string
	Facts   []Fact
	Notice  string // the answer to what was just done, or empty
	Order   string // the number of the order it is about, or empty
	Message Message
	Changes []ChangeLine
	Curl    string
	Source  []Source

	Replay, ReplayText string // where to run it again, empty when that cannot be

	Causes   []CauseLine
	Lines    []SignedLine
	KeyProof string // what is known of the Secret Key
	Clock    string // a remark on its timestamp, or empty
	Ask      string // where to have the gateway asked, to know more of the key
}

// CauseLine is a reason why a signature does not fit.
type CauseLine struct {
	Code           string
	Certain        bool
	What, Why, Fix string
	Detail         string // in the words of the client package
}

// messageSamples are the console's pages about what was said to and by the gateway.
func messageSamples() []Sample {
	list := []Sample{
		{Name: "inspector", Draw: inspectorOf(sampleSteps)},
		{Name: "inspector-empty", Draw: inspectorOf(func(Lang) []Step { return nil })},
		{Name: "inbox", Draw: func(p Page) templ.Component { return Inbox(sampleInbox(p)) }},
		{Name: "inbox-empty", Draw: func(p Page) templ.Component {
			inbox := sampleInbox(p)
			inbox.Deliveries, inbox.Older, inbox.Sampled = nil, "", false
			for i := range inbox.Counts {
				inbox.Counts[i].Value = "0"
			}
			return Inbox(inbox)
		}},
		{Name: "delivery", Draw: func(p Page) templ.Component { return Delivery(sampleDelivery(p)) }},
		{Name: "delivery-replayed", Draw: func(p Page) templ.Component {
			d := sampleDelivery(p)
			d.Notice = d.T("replay.done", d.T("inbox.verdict.repeated"), d.T("inbox.effect.none"))
			return Delivery(d)
		}},
	}
	for _, code := range []string{"key", "prefix", "body", "merchant", "missing"} {
		list = append(list, Sample{Name: "delivery-rejected-" + code, Draw: func(p Page) templ.Component { return Delivery(sampleRejected(p, code)) }})
	}
	return append(list, Sample{Name: "delivery-rejected-causes", Draw: func(p Page) templ.Component { // all there are
		d := sampleRejected(p, sampleCauses[0])
		for _, code := range sampleCauses[1:] {
			d.Causes = append(d.Causes, sampleRejected(p, code).Causes...)
		}
		return Delivery(d)
	}})
}

// sampleCauses are the reasons the explainer knows.
var sampleCauses = []string{"key", "key_form", "prefix", "path", "body", "body_ends", "body_lost", "merchant", "client_id", "digest", "timestamp", "lines", "form", "missing"}

// inspectorOf is an order's page with those steps on it.
func inspectorOf(steps func(Lang) []Step) func(Page) templ.Component {
	return func(p Page) templ.Component {
		order := sampleConsoleOrder(p, "paid")
		order.Inspector = InspectorView{Lang: p.Lang, Watched: "1", Steps: steps(p.Lang)}
		return ConsoleOrder(order)
	}
}

const (
	sampleRequest = `{"order":{"invoice_number":"WJ-7K4M9Q2P-1","amount":90000},"online_to_offline_info":{"expired_time":60,"reusable_status":false,"info":"Warung Jokul WJ-7K4M9Q2P"},"customer":{"name":"Budi Santoso","email":"budi@example.com"}}`
	sampleAnswer  = `{"order":{"invoice_number":"WJ-7K4M9Q2P-1"},"online_to_offline_info":{"payment_code":"8888888844445555","created_date":"20261123120500","expired_date":"20261123130500"}}`
	sampleNotice  = `{"service":{"id":"ONLINE_TO_OFFLINE"},"acquirer":{"id":"INDOMARET"},"channel":{"id":"ONLINE_TO_OFFLINE_INDOMARET"},"transaction":{"status":"SUCCESS","date":"2026-11-23T05:07:30Z","original_request_id":"5b8e438f-fac1-4103-9e0e-ebfdc38b5acb"},"order":{"invoice_number":"WJ-7K4M9Q2P-1","amount":90000},"online_to_offline_info":{"payment_code":"8888888844445555"}}`
	samplePath    = "/indomaret-online-to-offline/v2/payment-code"
)

// sampleMessage is a message as the handlers would show it.
func sampleMessage(l Lang, title, head, body, target, timestamp string, fits bool) Message {
	m := Message{Title: title, Head: head, Raw: body, Pretty: sampleIndent(body), Size: strconv.Itoa(len(body)),
		Headers: []Fact{{"Client-Id", "MCH-0000-00000000000001"}, {"Request-Id", "5b8e438f-fac1-4103-9e0e-ebfdc38b5acb"},
			{timestamp, "2026-11-23T05:05:00Z"}, {"Signature", "HMACSHA256=k3Qf…"}, {"Content-Type", "application/json"}},
		Digest: "5WIYK2TJg6iiZ0d5v4IXSR0EkYEkYOezJIma3Ufli5s=",
		Check:  &Sign{Text: l.T("inspect.check.fits"), Good: true}}
	if !fits {
		m.Check = &Sign{Text: l.T("inspect.check.bad"), Bad: true}
	}
	for _, line := range []string{"Client-Id:MCH-0000-00000000000001", "Request-Id:5b8e438f-fac1-4103-9e0e-ebfdc38b5acb",
		timestamp + ":2026-11-23T05:05:00Z", "Request-Target:" + target, "Digest:" + m.Digest} {
		name, _, _ := strings.Cut(line, ":")
		m.Signed = append(m.Signed, SignedLine{Text: line, From: l.T("signed." + name)})
	}
	return m
}

func sampleIndent(body string) string {
	var text bytes.Buffer
	_ = json.Indent(&text, []byte(body), "", "  ") // it is JSON
	return text.String()
}

func sampleSteps(l Lang) []Step {
	at := func(seconds int) string {
		return l.Instant(sampleTime.Add(-time.Hour + time.Duration(seconds)*time.Second))
	}
	state := l.T("inspect.change.payment.state", "WJ-7K4M9Q2P-1")
	order := l.T("inspect.change.order.status")
	request := sampleMessage(l, l.T("inspect.request"), "POST http://127.0.0.1:8081"+samplePath, sampleRequest, samplePath, "Request-Timestamp", true)
	request.Check = &Sign{Text: l.T("inspect.check.ours"), Good: true}
	response := sampleMessage(l, l.T("inspect.response"), "HTTP 200", sampleAnswer, samplePath, "Response-Timestamp", true)
	notified := sampleMessage(l, l.T("inspect.request"), "POST http://127.0.0.1:8080/payments/notifications", sampleNotice, "/payments/notifications", "Request-Timestamp", true)
	curl := "at=$(date -u +%FT%TZ)\nbody='" + sampleRequest + "'\ncurl -i -X POST 'http://127.0.0.1:8081" + samplePath + "' \\\n  -H \"Request-Timestamp: $at\" \\\n  --data-binary \"$body\""
	steps := []Step{
		{From: LaneShopper, To: LaneShop, Title: "POST /checkout", Label: l.T("inspect.placed"), Answer: "303", At: at(-2), Text: l.T("inspect.placed.text"),
			Changes: []ChangeLine{{order, "", l.T("status.awaiting")}, {l.T("inspect.change.stock", "MNM-GAYO"), "60", "59"}, {state, "", l.T("attempt.creating")}},
			Source:  []Source{{"handlers/shop/checkout.go", "(*Handler).placeOrder"}, {"models/order_place.go", "(*Store).PlaceOrder"}}},
		{From: LaneShop, To: LaneDOKU, Title: "POST " + samplePath, Label: l.T("inspect.call.code"), Answer: "✗ HTTP 503", Failed: true, At: at(-2), Took: "812 ms",
			Text: l.T("inspect.call.failed"), Signs: []Sign{{Text: "HTTP 503", Bad: true}}, Request: &request, Facts: []Fact{{l.T("inspect.problem"), "HTTP 503: outcome unknown"}}, Curl: curl},
		{From: LaneShop, To: LaneDOKU, Title: "POST " + samplePath, Label: l.T("inspect.call.code"), Answer: "✓ HTTP 200 · 45 ms", At: at(-1), Took: "45 ms",
			Text: l.T("inspect.call.code.text"), Signs: []Sign{{Text: "HTTP 200", Good: true}, {Text: l.T("inspect.check.fits"), Good: true}},
			Request: &request, Response: &response, Changes: []ChangeLine{{state, l.T("attempt.creating"), l.T("attempt.pending")}}, Curl: curl,
			Source: []Source{{"payments/order.go", "(*Service).PlaceOrder"}, {"jokul/payment_code.go", "(*Client).GeneratePaymentCode"}, {"jokul/signature.go", "Sign"}}},
		{From: LaneShop, To: LaneShopper, Title: l.T("mail.code.subject", "WJ-7K4M9Q2P"), Label: l.T("inspect.mail"), At: at(0), Text: l.T("inspect.mail.text")},
		{From: LaneTill, To: LaneDOKU, Title: Rupiah(90_000), Label: l.T("inspect.till", Rupiah(90_000)), Told: true, At: at(150), Text: l.T("inspect.till.text", "6"),
			Facts: []Fact{{"AGENT_ID", "INDOMARET"}, {"AGENT_STORE_ID", "T4KB"}, {"AGENT_TRX_ID", "IDM000000001"}}},
		{From: LaneDOKU, To: LaneShop, Title: "POST /payments/notifications", Label: l.T("inspect.notified", "SUCCESS"), Answer: "✓ HTTP 200 · " + l.T("inbox.verdict.applied"), At: at(151), Took: "3 ms",
			Text: l.T("inbox.effect.paid"), Signs: []Sign{{Text: l.T("inbox.verdict.applied"), Good: true}, {Text: l.T("inspect.check.fits"), Good: true}}, Request: &notified,
			Changes: []ChangeLine{{l.T("inspect.change.receipt"), "", Rupiah(90_000)}, {state, l.T("attempt.pending"), l.T("attempt.paid")}, {order, l.T("status.awaiting"), l.T("status.paid")}},
			Link:    "/console/notifications/1",
			Source:  []Source{{"handlers/notification.go", "(*Handler).receiveNotification"}, {"jokul/notification.go", "(*Client).ParseNotification"}, {"models/notification.go", "(*Store).ApplyNotification"}}},
		{From: LaneDOKU, To: LaneShop, Title: "POST /payments/notifications", Label: l.T("inspect.again"), Answer: "✓ HTTP 200 · " + l.T("inbox.verdict.repeated"), At: at(211),
			Text: l.T("inspect.again.text", 1), Link: "/console/notifications/1"},
		{From: LaneDOKU, To: LaneShop, Title: "POST /payments/notifications", Label: l.T("inspect.rejected"), Answer: "✗ HTTP 401", Failed: true, At: at(260),
			Text: l.T("inspect.rejected.text"), Signs: []Sign{{Text: l.T("inbox.reason.signature"), Bad: true}}, Link: "/console/notifications/r1"},
		{From: LaneShop, To: LaneShop, Title: "<script>alert(1)</script>", Label: l.T("inspect.by.shop"), At: at(3600), Text: l.T("inspect.by.shop.text"),
			Changes: []ChangeLine{{l.T("inspect.change.case", l.T("case.second_payment")), "", l.T("inspect.open")}}},
	}
	for i := range steps {
		steps[i].Number = strconv.Itoa(i + 1)
	}
	return steps
}

func sampleInbox(page Page) InboxPage {
	l := page.Lang
	p := InboxPage{ConsolePage: sampleConsole(page, "notifications", l.T("console.notifications")), URL: "https://warung.example/payments/notifications",
		Counts: []Fact{{l.T("inbox.verdict.applied"), "128"}, {l.T("inbox.verdict.repeated"), "9"}, {l.T("inbox.verdict.mismatched"), "1"}, {l.T("inbox.verdict.rejected"), "2.041"}},
		Older:  "/console/notifications?before=3", Sampled: true}
	for _, key := range []string{"all", "applied", "repeated", "flagged", "rejected"} {
		p.Filters = append(p.Filters, CategoryLink{URL: "/console/notifications?show=" + key, Name: l.T("inbox.filter." + key), Current: key == "all"})
	}
	line := func(path, about, status, verdict, effect, times string, good, bad bool) {
		p.Deliveries = append(p.Deliveries, InboxLine{Path: "/console/notifications/" + path, About: about, Status: status, Effect: effect,
			At: l.Moment(sampleTime), Sign: Sign{Text: l.T("inbox.verdict." + verdict), Good: good, Bad: bad}, Times: times})
	}
	line("r3", "WJ-7K4M9Q2P-1", "", "rejected", l.T("inbox.reason.signature"), "", false, true)
	line("12", "WJ-7K4M9Q2P-1", "SUCCESS", "applied", l.T("inbox.effect.paid"), l.T("inbox.times", 3), true, false)
	line("11", "WJ-HM3X20TR-2", "SUCCESS", "mismatched", l.T("inbox.effect.flagged"), "", false, true)
	line("10", "WJ-HM3X20TR-1", "EXPIRED", "noted", l.T("inbox.effect.none"), "", false, false)
	line("r2", "<i>8888</i>", "", "rejected", l.T("inbox.reason.merchant"), "", false, true)
	return p
}

func sampleDelivery(page Page) DeliveryPage {
	l := page.Lang
	steps := sampleSteps(l)
	return DeliveryPage{ConsolePage: sampleConsole(page, "notifications", l.T("inbox.one", 12)), Sign: Sign{Text: l.T("inbox.verdict.applied"), Good: true},
		Effect: l.T("inbox.effect.paid"), Order: "WJ-7K4M9Q2P", Message: *steps[5].Request, Changes: steps[5].Changes, Curl: steps[1].Curl, Source: steps[5].Source,
		Facts:  []Fact{{l.T("inbox.came"), l.Moment(sampleTime)}, {l.T("inbox.deliveries"), "3"}, {l.T("inbox.last"), l.Moment(sampleTime.Add(time.Minute))}, {l.T("inbox.took"), "3 ms"}},
		Replay: "/console/notifications/12/replay", ReplayText: l.T("replay.accepted")}
}

func sampleRejected(page Page, code string) DeliveryPage {
	l := page.Lang
	p := sampleDelivery(page)
	p.Title, p.Sign, p.Effect = l.T("inbox.one.rejected", 3), Sign{Text: l.T("inbox.verdict.rejected"), Bad: true}, l.T("inbox.reason.signature")
	p.Changes, p.Replay, p.ReplayText = nil, "/console/notifications/r3/replay", l.T("replay.rejected")
	p.Facts = []Fact{{l.T("inbox.came"), l.Moment(sampleTime)}, {l.T("inbox.sender"), "103.10.128.11"}}
	p.Message.Check = &Sign{Text: l.T("inspect.check.bad"), Bad: true}
	p.Lines, p.Message.Signed = p.Message.Signed, nil
	certain := code != "key"
	p.Causes = []CauseLine{{Code: code, Certain: certain, What: l.T("explain." + code), Why: l.T("explain." + code + ".why"), Fix: l.T("explain." + code + ".fix"), Detail: "jokul: " + code}}
	line := map[string]int{"prefix": 3, "path": 3, "merchant": 0, "client_id": 0, "timestamp": 2, "body": 4, "body_ends": 4, "body_lost": 4, "digest": 4}
	if i, ok := line[code]; ok {
		p.Lines[i].Differs = l.T("explain.differs")
	}
	switch code {
	case "prefix":
		p.Lines[3].Differs = l.T("explain.differs.target", "/toko/payments/notifications")
	case "merchant":
		p.Lines[0].Differs = l.T("explain.differs.merchant", "MCH-0000-00000000000002")
	}
	if code == "key" {
		for _, other := range []string{"path_changed", "body_changed", "header_changed"} {
			p.Causes = append(p.Causes, CauseLine{Code: other, What: l.T("explain." + other), Why: l.T("explain." + other + ".why"), Fix: l.T("explain." + other + ".fix")})
		}
		p.KeyProof, p.Ask = l.T("explain.proof.bad", l.Moment(sampleTime)), "/console/notifications/r3/ask"
		p.Clock = l.T("explain.clock", l.Span(2*time.Hour))
	}
	return p
}
