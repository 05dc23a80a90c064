// Package conform tries out a Notification URL: it sends some forty
// notifications, signed as DOKU signs them, kind and hostile, and judges what
// came back. The endpoint may be written in any language; the command
// `jokul conform` is this package with flags.
//
// Run needs orders the endpoint knows and that are unpaid. Each case has one of
// its own where there are enough; where there are not, those that must not pay
// share the last. To see what a notification did it also
// needs an address that tells an order's status; without one it judges answers
// alone, and says so.
//
// What is right is docs/protocol.md sections 3 and 7.
package conform

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

const (
	patience    = 10 * time.Second // DOKU's, for an answer
	slow        = 2 * time.Second
	settle      = 5 * time.Second // for an effect after the answer
	lateEffect  = 2 * time.Second // after the last answer, for what must not happen
	lookAgain   = 50 * time.Millisecond
	maxStatus   = 64 << 10
	concurrency = 20
)

// Order is an unpaid order the endpoint knows.
type Order struct {
	InvoiceNumber string `json:"invoice_number"`
	Amount        int64  `json:"amount"` // whole rupiah
	PaymentCode   string `json:"payment_code"`
	StatusURL     string `json:"status_url,omitempty"` // wins over Target.StatusURL
}

// Target is the endpoint and how to see into it.
type Target struct {
	URL       string // the Notification URL, http or https
	ClientID  string
	SecretKey string
	Orders    []Order

	// StatusURL answers a GET with a JSON object about an order;
	// {invoice_number} in it is filled in. Empty: effects are not judged.
	StatusURL string

	// PaidField and PaidValue tell a paid order in that object; the defaults are
	// order_status and paid. CountField, if given, names how many payments were
	// counted: more than one for one payment fails.
	PaidField, PaidValue string
	CountField           string
}

// Verdict is what a case came to.
type Verdict string

// The verdicts.
const (
	Pass     Verdict = "pass"
	Fail     Verdict = "FAIL"
	Unjudged Verdict = "unjudged" // its effect cannot be seen: no order was left for it
)

// Result is one case.
type Result struct {
	Case     string  `json:"case"`
	Verdict  Verdict `json:"verdict"`
	Expected string  `json:"expected"`
	Came     string  `json:"came"`
	Why      string  `json:"why"`         // it matters
	Millis   int64   `json:"duration_ms"` // of the slowest answer
	Slow     bool    `json:"slow"`        // slower than 2 s; DOKU waits for some seconds only
}

// Report is all of them.
type Report struct {
	URL           string   `json:"url"`
	EffectsJudged bool     `json:"effects_judged"`
	Results       []Result `json:"results"`
}

// Count returns how many cases came to v.
func (r Report) Count(v Verdict) int {
	n := 0
	for _, result := range r.Results {
		if result.Verdict == v {
			n++
		}
	}
	return n
}

// OrdersWanted is how many orders Run needs for each case to have its own.
func OrdersWanted() int { return len(cases()) }

// Run tries every case, one after the other, and looks again at the end at what
// must not have been paid: an endpoint may answer first and work later. Its error
// is a Target that cannot be used, or the end of ctx; what the endpoint does wrong
// is in the Report.
func Run(ctx context.Context, t Target) (Report, error) {
	r, err := newRunner(t)
	if err != nil {
		return Report{}, err
	}
	report := Report{URL: t.URL, EffectsJudged: r.seesEffects()}
	list := cases()
	about := r.assign(list, t.Orders)
	for i, c := range list {
		report.Results = append(report.Results, r.try(ctx, c, about[i]))
		if ctx.Err() != nil {
			return report, ctx.Err()
		}
	}
	return report, r.lookLate(ctx, list, about, report.Results)
}

type runner struct {
	Target
	url    *url.URL
	client *http.Client
	paid   map[string]bool // orders that were paid though their case must not pay, by invoice number
}

func newRunner(t Target) (*runner, error) {
	u, err := url.Parse(t.URL)
	switch {
	case err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https"):
		return nil, fmt.Errorf("the Notification URL must be an http or https address, not %q", t.URL)
	case t.ClientID == "" || t.SecretKey == "":
		return nil, errors.New("Client-Id and Secret Key are required")
	case len(t.Orders) == 0:
		return nil, fmt.Errorf("at least one unpaid order is required, and %d to judge the effect of every case", OrdersWanted())
	}
	for _, o := range t.Orders {
		if o.InvoiceNumber == "" || o.Amount < 2 || o.PaymentCode == "" {
			return nil, fmt.Errorf("an order needs invoice_number, amount and payment_code: %+v", o)
		}
	}
	t.PaidField, t.PaidValue = cmp.Or(t.PaidField, "order_status"), cmp.Or(t.PaidValue, "paid")
	return &runner{Target: t, url: u, paid: map[string]bool{},
		client: &http.Client{Timeout: patience,
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }},
	}, nil
}

func (r *runner) seesEffects() bool { return r.StatusURL != "" || r.Orders[0].StatusURL != "" }

// try sends what a case sends about an order and judges it.
func (r *runner) try(ctx context.Context, c testCase, o Order) Result {
	result := Result{Case: c.name, Expected: c.expected(), Why: c.why, Verdict: Pass}
	if o.InvoiceNumber == "" {
		result.Verdict, result.Came = Unjudged, "no unpaid order was left for this case"
		return result
	}
	answers := c.send(ctx, r, o)
	result.Came = describe(answers)
	if complaint := c.judge(answers); complaint != "" {
		result.fail(complaint)
	} else if r.paid[o.InvoiceNumber] {
		result.Verdict, result.Came = Unjudged, result.Came+"; its order was paid by another case: give more orders"
	} else if complaint := r.judgeEffect(ctx, c, o); complaint != "" {
		result.fail(complaint)
	}
	for _, a := range answers {
		result.Millis = max(result.Millis, a.took.Milliseconds())
		result.Slow = result.Slow || a.took > slow && !c.slowSender
	}
	return result
}

func (r *Result) fail(complaint string) { r.Came, r.Verdict = r.Came+"; "+complaint, Fail }

// assign gives each case an order. The last one is for cases that must not pay:
// they share it when there is no other left. A case that pays may be left without
// one; where effects are not seen, any will do for its answer.
func (r *runner) assign(list []testCase, orders []Order) []Order {
	about, shared, fresh := make([]Order, len(list)), orders[len(orders)-1], orders[:len(orders)-1]
	for _, effect := range []effect{pays, leaves} {
		for i, c := range list {
			switch {
			case c.effect != effect:
			case len(fresh) > 0:
				about[i], fresh = fresh[0], fresh[1:]
			case effect == leaves || !r.seesEffects():
				about[i] = shared
			}
		}
	}
	return about
}

// judgeEffect looks at the order. An effect may follow the answer, so paid is
// waited for; what must not be paid is looked at once, and at the end again.
func (r *runner) judgeEffect(ctx context.Context, c testCase, o Order) string {
	if !r.seesEffects() {
		return ""
	}
	ctx, cancel := context.WithTimeout(ctx, settle)
	defer cancel()
	for {
		paid, count, err := r.look(ctx, o)
		switch {
		case err != nil:
			return "the order's status could not be read: " + err.Error()
		case paid && c.effect == leaves:
			r.paid[o.InvoiceNumber] = true
			return "the order was marked paid"
		case paid && count > 1:
			return fmt.Sprintf("one payment was counted %d times", count)
		case paid == (c.effect == pays):
			return ""
		}
		select {
		case <-ctx.Done():
			return "the order was not marked paid"
		case <-time.After(lookAgain):
		}
	}
}

// lookLate looks once more at the orders that must not be paid, when whatever an
// endpoint does after its answers has had time to happen.
func (r *runner) lookLate(ctx context.Context, list []testCase, about []Order, results []Result) error {
	if !r.seesEffects() {
		return nil
	}
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(lateEffect):
	}
	for i, c := range list {
		if c.effect != leaves || results[i].Verdict != Pass || r.paid[about[i].InvoiceNumber] {
			continue
		}
		if paid, _, err := r.look(ctx, about[i]); err == nil && paid {
			results[i].fail("the order was marked paid after the answer")
		}
	}
	return ctx.Err()
}

// look reads an order's status.
func (r *runner) look(ctx context.Context, o Order) (paid bool, count int64, err error) {
	address := cmp.Or(o.StatusURL, strings.ReplaceAll(r.StatusURL, "{invoice_number}", url.PathEscape(o.InvoiceNumber)))
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return false, 0, err
	}
	answer, err := r.client.Do(request)
	if err != nil {
		return false, 0, err
	}
	defer answer.Body.Close()
	var fields map[string]any
	if err := json.NewDecoder(io.LimitReader(answer.Body, maxStatus)).Decode(&fields); err != nil {
		return false, 0, fmt.Errorf("%s answers %s and no JSON object", address, answer.Status)
	}
	if _, known := fields[r.PaidField]; !known {
		return false, 0, fmt.Errorf("%s has no %q", address, r.PaidField)
	}
	n, _ := fields[r.CountField].(float64)
	return fmt.Sprint(fields[r.PaidField]) == r.PaidValue, int64(n), nil
}
