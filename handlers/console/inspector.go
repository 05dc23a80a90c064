package console

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"path"
	"reflect"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"warungjokul/handlers/web"
	"warungjokul/jokul"
	"warungjokul/models"
	"warungjokul/payments"
	"warungjokul/views"
)

// inspectorEvents tells an inspector that there may be more. It goes on when the
// order has come to its end: the gateway may still send something.
func (h *Handler) inspectorEvents(c echo.Context) error {
	o, err := h.orderByNumber(c)
	if err != nil {
		return err
	}
	if c.Request().Method == http.MethodHead { // as GET, and no stream is opened
		web.EventsHeader(c.Response().Header())
		return c.NoContent(http.StatusOK)
	}
	l := web.Lang(c)
	return h.Stream(c, o.Token, func(ctx context.Context) (web.Snapshot, error) {
		s, err := h.readTimeline(ctx, l, o)
		return web.Snapshot{Version: s.watched(), Status: map[string]string{"server_time": views.Machine(h.Now())}}, err
	})
}

// timedStep is a step with its time.
type timedStep struct {
	at time.Time
	views.Step
}

// timelineBuilder holds what is known of an order, and makes steps of it.
type timelineBuilder struct {
	*Handler
	lang          views.Lang
	order         models.Order
	calls         []models.APICall
	notifications []models.Notification
	rejections    []models.Rejection
	changes       []models.AuditEvent
	mails         []models.Mail

	steps []timedStep
}

// inspector is what really happened to an order.
func (h *Handler) inspector(ctx context.Context, l views.Lang, o models.Order) (views.InspectorView, error) {
	s, err := h.readTimeline(ctx, l, o)
	if err != nil {
		return views.InspectorView{}, err
	}
	s.addChanges()
	s.addAPICalls()
	s.addNotifications()
	s.addRejections()
	s.addMails()
	s.addTill()
	v := views.InspectorView{Lang: l, Events: web.ConsoleOrder(o.Number) + "/events", Watched: s.watched()}
	v.Cut = len(s.calls) == models.MaxAbout || len(s.notifications) == models.MaxAbout || len(s.changes) == models.MaxAbout
	v.Steps = s.inOrder()
	return v, nil
}

// readTimeline reads what is known of an order.
func (h *Handler) readTimeline(ctx context.Context, l views.Lang, o models.Order) (timelineBuilder, error) {
	h.Payments.SaveRejections(ctx)
	s := timelineBuilder{Handler: h, lang: l, order: o}
	if err := s.read(ctx); err != nil {
		return s, fmt.Errorf("what happened to order %s: %w", o.Number, err)
	}
	return s, nil
}

func (s *timelineBuilder) read(ctx context.Context) (err error) {
	var invoices []string
	for _, p := range s.order.Payments {
		invoices = append(invoices, p.InvoiceNumber)
	}
	if s.calls, err = s.Store.APICallsOf(ctx, s.order); err != nil {
		return err
	}
	if s.notifications, err = s.Store.NotificationsAbout(ctx, invoices); err != nil {
		return err
	}
	if s.rejections, err = s.Store.RejectionsAbout(ctx, invoices); err != nil {
		return err
	}
	if s.changes, err = s.Store.AuditEventsOf(ctx, s.order.ID); err != nil {
		return err
	}
	s.mails, err = s.Store.MailsOf(ctx, s.order.ID)
	return err
}

// watched changes whenever there is more to show.
func (s *timelineBuilder) watched() string {
	deliveries := int64(0)
	for _, n := range s.notifications {
		deliveries += n.Deliveries
	}
	last := int64(0)
	for _, r := range s.rejections {
		last = max(last, r.ID)
	}
	return fmt.Sprint(len(s.calls), deliveries, last, len(s.changes), len(s.mails))
}

func (s *timelineBuilder) add(at time.Time, step views.Step) {
	step.At = s.lang.Instant(at)
	s.steps = append(s.steps, timedStep{at, step})
}

// inOrder numbers the steps in the order of their times, and has the till's say
// who told of it.
func (s *timelineBuilder) inOrder() []views.Step {
	slices.SortStableFunc(s.steps, func(a, b timedStep) int { return a.at.Compare(b.at) })
	var list []views.Step
	for i, t := range s.steps {
		t.Number = strconv.Itoa(i + 1)
		list = append(list, t.Step)
	}
	for i := range list {
		if list[i].Told && i+1 < len(list) && list[i].Text == "" {
			list[i].Text = s.lang.T("inspect.till.text", list[i+1].Number)
		}
	}
	return list
}

// callsKnown names the calls to the gateway, and the code that makes them.
var callsKnown = map[string]struct {
	key    string
	source []views.Source
}{
	"Generate payment code": {"code", sources((*payments.Service).PlaceOrder, (*jokul.Client).GeneratePaymentCode, jokul.Sign, (*models.Store).IssueCode)},
	"Check status":          {"status", sources((*payments.Service).CheckNow, (*jokul.Client).CheckStatus, jokul.Sign)},
	"How to pay":            {"howto", sources((*jokul.Client).HowToPay, (*models.Store).SetInstructions)},
}

func (s *timelineBuilder) addAPICalls() {
	l := s.lang
	for _, x := range s.calls {
		key, source := "other", []views.Source(nil)
		if known, ok := callsKnown[x.Operation]; ok {
			key, source = known.key, known.source
		}
		address, _ := url.Parse(x.URL)
		step := views.Step{From: views.LaneShop, To: views.LaneDOKU, Title: x.Method + " " + address.EscapedPath(), Label: l.T("inspect.call." + key),
			Took: took(x.Duration), Text: l.T("inspect.call." + key + ".text"), Source: source,
			Failed: x.Problem != "" || x.Status/100 != 2, Changes: s.because(models.Actor{By: models.ActorAPICall, ID: x.ID})}
		step.Answer = l.T("inspect.noanswer")
		if x.Status != 0 {
			step.Answer = "HTTP " + strconv.Itoa(x.Status)
			step.Signs = append(step.Signs, views.Sign{Text: step.Answer, Good: x.Status/100 == 2, Bad: x.Status/100 != 2})
			step.Answer += " · " + step.Took
		}
		step.Answer = map[bool]string{false: "✓ ", true: "✗ "}[step.Failed] + step.Answer
		if step.Failed {
			step.Text = l.T("inspect.call.asked")
			if key == "code" {
				step.Text = l.T("inspect.call.failed")
			}
		}
		if x.Problem != "" {
			step.Facts = append(step.Facts, views.Fact{Name: l.T("inspect.problem"), Value: x.Problem})
		}
		body := s.sent(x)
		request, response := requestMessage(l, x, body), s.responseMessage(l, x)
		step.Request, step.Response, step.Curl = &request, &response, s.callCurl(x, body)
		if response.Check != nil && x.Status != 0 {
			step.Signs = append(step.Signs, *response.Check)
		}
		s.add(x.StartedAt, step)
	}
}

// sent is the body of a call as it was sent. The record of the call does without
// the customer, the payment has the very bytes.
func (s *timelineBuilder) sent(x models.APICall) []byte {
	for _, p := range s.order.Payments {
		if p.RequestID == x.RequestID {
			return p.RequestBody
		}
	}
	return x.RequestBody
}

func took(d time.Duration) string {
	if d < 10*time.Millisecond {
		return fmt.Sprintf("%.1f ms", float64(d)/float64(time.Millisecond))
	}
	return fmt.Sprint(d.Milliseconds(), " ms")
}

func (s *timelineBuilder) addNotifications() {
	l := s.lang
	for _, n := range s.notifications {
		message := s.notificationMessage(l, n)
		verdict := verdictSign(l, n.Verdict)
		s.add(n.ReceivedAt, views.Step{From: views.LaneDOKU, To: views.LaneShop, Title: "POST " + s.NotificationPath,
			Label: l.T("inspect.notified", n.TransactionStatus), Answer: "✓ HTTP 200 · " + verdict.Text, Took: took(n.Duration),
			Text: l.T("inbox.effect." + string(n.Effect)), Signs: []views.Sign{verdict, *message.Check}, Link: deliveryPath(n.ID),
			Request: &message, Changes: s.because(models.Actor{By: models.ActorNotification, ID: n.ID}),
			Curl: s.notificationCurl(notificationHeader(n), n.Body), Source: notificationSource})
		if n.Deliveries > 1 {
			s.add(n.LastReceivedAt, views.Step{From: views.LaneDOKU, To: views.LaneShop, Title: "POST " + s.NotificationPath, Label: l.T("inspect.again"),
				Answer: "✓ HTTP 200 · " + l.T("inbox.verdict.repeated"), Text: l.T("inspect.again.text", n.Deliveries-1), Link: deliveryPath(n.ID),
				Source: notificationSource})
		}
	}
}

var notificationSource = sources((*payments.Service).ReceiveNotification, (*jokul.Client).ParseNotification, jokul.Verify, (*models.Store).ApplyNotification)

func (s *timelineBuilder) addRejections() {
	for _, r := range s.rejections {
		s.add(r.ReceivedAt, views.Step{From: views.LaneDOKU, To: views.LaneShop, Failed: true, Title: "POST " + s.NotificationPath,
			Label: s.lang.T("inspect.rejected"), Answer: "✗ HTTP 401", Text: s.lang.T("inspect.rejected.text"), Link: rejectionPath(r.ID),
			Signs: []views.Sign{{Text: s.lang.T("inbox.reason." + r.Reason), Bad: true}}, Source: rejectionSource})
	}
}

var rejectionSource = sources((*jokul.Client).ParseNotification, jokul.Verify, (*jokul.Client).ExplainNotification)

func (s *timelineBuilder) addMails() {
	for _, m := range s.mails {
		step := views.Step{From: views.LaneShop, To: views.LaneShopper, Title: m.Subject, Label: s.lang.T("inspect.mail"),
			Text: s.lang.T("inspect.mail.text"), Source: sources((*models.Store).MailSent)}
		if s.MailStays() {
			step.To, step.Mail = views.LaneShop, mailboxPath(s.order, m)
			step.Label, step.Text = s.lang.T("inspect.mail.made"), s.lang.T("inspect.mail.made.text")
		}
		s.add(*m.SentAt, step)
	}
}

// tellTill tells what happened at the till, which the shop knows from the
// gateway alone. Its clock has seconds only, so a payment is put after the code
// was given and before the message that told of it.
func (s *timelineBuilder) addTill() {
	tellers := s.eventSources()
	for _, p := range s.order.Payments {
		for i, r := range p.Receipts {
			at := r.PaidAt
			if p.CodeIssuedAt != nil {
				at = latest(at, s.issued(p))
			}
			step := views.Step{From: views.LaneTill, To: views.LaneDOKU, Told: true, Title: p.InvoiceNumber, Label: s.lang.T("inspect.till", views.Rupiah(r.Amount)),
				Text: s.lang.T("inspect.till.alone"), Facts: identifierFacts(r)}
			if list := tellers[p.ID]; len(list) == len(p.Receipts) {
				step.Text = "" // the next step told of it
				at = list[i].Add(-time.Nanosecond)
			}
			s.add(at, step)
			last := &s.steps[len(s.steps)-1]
			last.At = s.lang.Instant(r.PaidAt)
		}
	}
}

// tellers are the times of the messages that brought each payment's receipts.
func (s *timelineBuilder) eventSources() map[int64][]time.Time {
	times := map[models.Actor]time.Time{}
	for _, n := range s.notifications {
		times[models.Actor{By: models.ActorNotification, ID: n.ID}] = n.ReceivedAt
	}
	for _, x := range s.calls {
		times[models.Actor{By: models.ActorAPICall, ID: x.ID}] = x.StartedAt
	}
	tellers := map[int64][]time.Time{}
	for _, c := range s.changes {
		if at, ok := times[c.Actor]; ok && c.Kind == models.AuditReceipt {
			tellers[c.PaymentID] = append(tellers[c.PaymentID], at)
		}
	}
	return tellers
}

// issued is when the answer with a payment's code had come.
func (s *timelineBuilder) issued(p models.Payment) time.Time {
	at := time.Time{}
	for _, x := range s.calls {
		if x.RequestID == p.RequestID && x.Status == http.StatusOK {
			at = x.StartedAt.Add(x.Duration)
		}
	}
	return at
}

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func identifierFacts(r models.Receipt) []views.Fact {
	var list []views.Fact
	_ = json.Unmarshal([]byte(r.Identifiers), &list) // what cannot be read says nothing
	return list
}

// sources are where functions of ours are written, as the running program knows.
func sources(functions ...any) []views.Source {
	var list []views.Source
	for _, f := range functions {
		entry := reflect.ValueOf(f).Pointer()
		function := runtime.FuncForPC(entry)
		file, line := function.FileLine(entry)
		pkg, name, _ := strings.Cut(strings.TrimPrefix(function.Name(), "warungjokul/"), ".")
		list = append(list, views.Source{Place: fmt.Sprintf("%s/%s:%d", pkg, path.Base(file), line), Function: name})
	}
	return list
}
