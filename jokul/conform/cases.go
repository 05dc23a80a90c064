package conform

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"warungjokul/jokul"
)

// effect is what a case must do to its order.
type effect int

const (
	leaves effect = iota // it must not be paid
	pays
)

// verdicts on an answer.
type answerRule struct {
	words string
	good  func(answer) bool
}

var (
	acknowledged = answerRule{"2xx", func(a answer) bool { return a.status/100 == 2 }}
	refused      = answerRule{"4xx", func(a answer) bool { return a.status/100 == 4 }}
	notBroken    = answerRule{"2xx or 4xx", func(a answer) bool { return a.status/100 == 2 || a.status/100 == 4 }}
	turnedAway   = answerRule{"4xx, or the connection closed", func(a answer) bool { return a.status/100 == 4 || a.hungUp }}
)

// A testCase sends something about an order. Its why is for the reader of a
// report.
type testCase struct {
	name       string
	effect     effect
	rule       answerRule
	why        string
	send       func(ctx context.Context, r *runner, o Order) []answer
	slowSender bool
}

func (c testCase) expected() string {
	if c.effect == pays {
		return c.rule.words + ", the order paid"
	}
	return c.rule.words + ", the order as before"
}

func (c testCase) judge(answers []answer) string {
	for _, a := range answers {
		if !c.rule.good(a) {
			return "wanted " + c.rule.words
		}
	}
	return ""
}

func cases() []testCase {
	list := kindCases()
	list = append(list, repeatedCases()...)
	list = append(list, oddCases()...)
	list = append(list, mismatchedCases()...)
	return append(list, hostileCases()...)
}

// one sends a single delivery of the body made by change.
func one(change func(body map[string]any), deliver func(*delivery)) func(context.Context, *runner, Order) []answer {
	return func(ctx context.Context, r *runner, o Order) []answer {
		body := Body(o, success, "")
		if change != nil {
			change(body)
		}
		d := r.delivery(encode(body))
		if deliver != nil {
			deliver(d)
		}
		return []answer{r.post(ctx, d)}
	}
}

const success = string(jokul.TransactionSuccess)

func kindCases() []testCase {
	return []testCase{
		{name: "valid", effect: pays, rule: acknowledged, why: "the plain case: everything else is measured against it", send: one(nil, nil)},
		{name: "header names in small letters", effect: pays, rule: acknowledged,
			why:  "header names have no case; proxies and HTTP/2 send them small",
			send: one(nil, func(d *delivery) { d.smallHeaders = true })},
		{name: "dated five days ago", effect: pays, rule: acknowledged,
			why:  "DOKU sends again after hours, and by hand after days: age is no reason to refuse (section 7)",
			send: one(nil, func(d *delivery) { d.at = d.at.Add(-5 * 24 * time.Hour) })},
		{name: "slow sender", effect: pays, rule: acknowledged, slowSender: true,
			why:  "a body may arrive in pieces; a read is not a message",
			send: one(nil, func(d *delivery) { d.slowly = true })},
	}
}

func repeatedCases() []testCase {
	return []testCase{
		{name: "the same bytes three times", effect: pays, rule: acknowledged,
			why: "a retry may be byte-identical; it must be acknowledged and change nothing (section 7)", send: repeated(func(*delivery, int) {})},
		{name: "signed afresh three times", effect: pays, rule: acknowledged,
			why:  "a retry may have a new timestamp and signature under the same Request-Id",
			send: repeated(func(d *delivery, n int) { d.at = d.at.Add(time.Duration(n) * time.Second) })},
		{name: "under another Request-Id", effect: pays, rule: acknowledged,
			why:  "what is one payment is said by the till's transaction, not by the message: DOKU may send a payment again as a new message",
			send: repeated(func(d *delivery, _ int) { d.requestID = jokul.NewRequestID() })},
		{name: "twenty copies at once", effect: pays, rule: acknowledged,
			why: "two copies may race: only a guarded update or a unique key decides who is first", send: atOnce},
		{name: "EXPIRED and FAILED after SUCCESS", effect: pays, rule: acknowledged,
			why: "notifications may overtake each other; what is paid stays paid", send: inOrder(success, "EXPIRED", "FAILED")},
		{name: "SUCCESS after EXPIRED", effect: pays, rule: acknowledged,
			why: "paid in the last second: the money is there, so it wins over the clock", send: inOrder("EXPIRED", success)},
		{name: "PENDING before SUCCESS", effect: pays, rule: acknowledged,
			why: "a status that decides nothing must not use the payment up", send: inOrder("PENDING", success)},
	}
}

func repeated(change func(d *delivery, n int)) func(context.Context, *runner, Order) []answer {
	return func(ctx context.Context, r *runner, o Order) []answer {
		var answers []answer
		first := r.delivery(encode(Body(o, success, "")))
		for n := range 3 {
			again := *first
			change(&again, n)
			answers = append(answers, r.post(ctx, &again))
		}
		return answers
	}
}

func atOnce(ctx context.Context, r *runner, o Order) []answer {
	d := r.delivery(encode(Body(o, success, "")))
	answers := make([]answer, concurrency)
	var all sync.WaitGroup
	for i := range answers {
		all.Go(func() { answers[i] = r.post(ctx, d) })
	}
	all.Wait()
	return answers
}

func inOrder(statuses ...string) func(context.Context, *runner, Order) []answer {
	return func(ctx context.Context, r *runner, o Order) []answer {
		var answers []answer
		for _, status := range statuses {
			answers = append(answers, r.post(ctx, r.delivery(encode(Body(o, status, "")))))
		}
		return answers
	}
}

// withBody sends the order's notification in another spelling of the same JSON.
func withBody(spell func(compact []byte) []byte) func(context.Context, *runner, Order) []answer {
	return func(ctx context.Context, r *runner, o Order) []answer {
		body := Body(o, success, "")
		body["note"] = "café 王 / <b>&\u2028"
		return []answer{r.post(ctx, r.delivery(spell(encode(body))))}
	}
}

func oddCases() []testCase {
	const respelt = "the digest covers the bytes that came; code that decodes and encodes them first gets another"
	order := func(body map[string]any) map[string]any { return body["order"].(map[string]any) }
	return []testCase{
		{name: "fields nobody has documented", effect: pays, rule: acknowledged, why: "DOKU adds fields and says to parse leniently (section 7)",
			send: one(func(b map[string]any) {
				b["loyalty"] = map[string]any{"points": 7}
				order(b)["currency"] = "IDR"
			}, nil)},
		{name: "amount as a string", effect: pays, rule: acknowledged, why: "DOKU has sent amounts in quotes",
			send: one(func(b map[string]any) { order(b)["amount"] = fmt.Sprint(order(b)["amount"]) }, nil)},
		{name: "amount with .00", effect: pays, rule: acknowledged, why: "DOKU's samples of other channels have 20000.00",
			send: one(func(b map[string]any) { order(b)["amount"] = json.RawMessage(fmt.Sprint(order(b)["amount"], ".00")) }, nil)},
		{name: "null ids, no identifiers", effect: pays, rule: acknowledged, why: "which ids Indomaret's notifications carry is not documented: require none of them",
			send: one(func(b map[string]any) {
				b["service"], b["acquirer"] = map[string]any{"id": nil}, nil
				delete(b, "online_to_offline_payment")
			}, nil)},
		{name: "pretty-printed body", effect: pays, rule: acknowledged, why: respelt,
			send: withBody(func(b []byte) []byte {
				var pretty bytes.Buffer
				_ = json.Indent(&pretty, b, "", "  ") // encode made it
				return append(pretty.Bytes(), '\n')
			})},
		{name: "UTF-8 in the body", effect: pays, rule: acknowledged, why: respelt, send: withBody(func(b []byte) []byte { return b })},
		{name: "slashes escaped", effect: pays, rule: acknowledged, why: respelt,
			send: withBody(func(b []byte) []byte { return bytes.ReplaceAll(b, []byte("/"), []byte(`\/`)) })},
		{name: "plus and percent in the body", effect: pays, rule: acknowledged, why: "a body is not a form: url-decoding it changes the digest",
			send: one(func(b map[string]any) { b["note"] = "a+b %41" }, nil)},
		{name: "a body of 40 KiB", effect: pays, rule: acknowledged, why: "limits are good, but not below what a message may grow to",
			send: one(func(b map[string]any) { b["note"] = strings.Repeat("x", 40<<10) }, nil)},
	}
}

func mismatchedCases() []testCase {
	const person = "a retry cannot mend it: acknowledge, do not pay, tell a person (section 7)"
	order := func(body map[string]any) map[string]any { return body["order"].(map[string]any) }
	return []testCase{
		{name: "less than the amount", rule: acknowledged, why: person, send: one(func(b map[string]any) { order(b)["amount"] = order(b)["amount"].(int64) - 1 }, nil)},
		{name: "half a rupiah more", rule: notBroken, why: "money is compared exactly, not rounded",
			send: one(func(b map[string]any) { order(b)["amount"] = json.RawMessage(fmt.Sprint(order(b)["amount"], ".50")) }, nil)},
		{name: "another payment code", rule: acknowledged, why: person,
			send: one(func(b map[string]any) {
				b["online_to_offline_info"] = map[string]any{"payment_code": "0000000000000001"}
			}, nil)},
		{name: "an unknown invoice number", rule: acknowledged, why: person,
			send: one(func(b map[string]any) { order(b)["invoice_number"] = "NOBODYS-INVOICE-1" }, nil)},
		{name: "a status nobody has documented", rule: acknowledged, why: "only SUCCESS pays; anything else is kept",
			send: one(func(b map[string]any) { b["transaction"].(map[string]any)["status"] = "HELD" }, nil)},
		{name: "signed, but not JSON", rule: notBroken, why: "genuine and not understood: a 5xx would bring it back for ever",
			send: func(ctx context.Context, r *runner, _ Order) []answer {
				return []answer{r.post(ctx, r.delivery([]byte(`{"order":`)))}
			}},
	}
}

func hostileCases() []testCase {
	const forged = "anybody can post here: what does not verify is refused, keeps nothing and changes nothing"
	list := []testCase{
		{name: "signed with another key", rule: refused, why: forged, send: one(nil, func(d *delivery) { d.key = "another " + d.key })},
		{name: "signature of another body", rule: refused, why: forged,
			send: one(nil, func(d *delivery) { d.signedBody = append([]byte(" "), d.body...) })},
		{name: "signature without its prefix", rule: refused, why: forged, send: one(nil, func(d *delivery) { d.bare = true })},
		{name: "another Client-Id, rightly signed", rule: refused, why: "compare Client-Id with yours: a key may be shared, a merchant is not",
			send: one(nil, func(d *delivery) { d.clientID = "MCH-0000-0000000000000" })},
		{name: "signed for the path with a slash", rule: refused, why: "the Request-Target is the path of the Notification URL, to the letter (section 3)",
			send: one(nil, func(d *delivery) { d.target += "/" })},
		{name: "signed for the path with a query", rule: refused, why: "the Request-Target has no query (section 3)",
			send: one(nil, func(d *delivery) { d.target += "?a=b" })},
		{name: "no signature, not JSON", rule: refused, why: "verify before parsing: garbage must not reach a parser, let alone break it",
			send: one(nil, func(d *delivery) { d.body, d.without = []byte("<xml/>"), jokul.HeaderSignature })},
		{name: "an empty body, badly signed", rule: refused, why: forged,
			send: one(nil, func(d *delivery) { d.body, d.key = nil, "another "+d.key })},
		{name: "a body of 2 MiB", rule: turnedAway, why: "bodies are capped before they are read, and no message is so large: memory is not for strangers",
			send: one(func(b map[string]any) { b["note"] = strings.Repeat("x", 2<<20) }, nil)},
		{name: "GET", rule: refused, why: "a link preview must not look like a payment",
			send: one(nil, func(d *delivery) { d.method = http.MethodGet })},
	}
	for _, name := range []string{jokul.HeaderClientID, jokul.HeaderRequestID, jokul.HeaderRequestTimestamp, jokul.HeaderSignature} {
		list = append(list, testCase{name: "no " + name, rule: refused, why: "a missing header is a refusal, not an empty string",
			send: one(nil, func(d *delivery) { d.without = name })})
	}
	return list
}
