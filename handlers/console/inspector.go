package console

import (
	"bytes"
	"cmp"
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
	"warungjokul/handlers/web"
	"warungjokul/jokul"
	"warungjokul/models"
	"warungjokul/payments"
	"warungjokul/views"

	"github.com/labstack/echo/v4"
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

// because lists what a cause changed.
func (s *timelineBuilder) because(c models.Actor) []views.ChangeLine {
	var list []models.AuditEvent
	for _, change := range s.changes {
		if change.Actor == c {
			list = append(list, change)
		}
	}
	return changeLines(s.lang, list)
}

func changeLines(l views.Lang, list []models.AuditEvent) []views.ChangeLine {
	var lines []views.ChangeLine
	for _, c := range list {
		line := views.ChangeLine{What: l.T("inspect.change." + string(c.Kind)), Was: changeValue(l, c.Kind, c.Was), Became: changeValue(l, c.Kind, c.Became)}
		switch c.Kind {
		case models.AuditPayment, models.AuditStock, models.AuditCase:
			line.What = l.T("inspect.change."+string(c.Kind), changeSubject(l, c))
		case models.AuditCustomer:
			line.What = l.T("inspect.change.customer." + c.Subject)
		}
		lines = append(lines, line)
	}
	return lines
}

// titles say where it was done.
var titles = map[models.ActorKind]string{models.ActorShop: "worker", models.ActorShopper: "/orders/:token", models.ActorStaff: "/console"}

// together is how far apart the rows of one doing may lie.
const together = time.Second

// tellDoings tells what people did, and the shop by itself: each run of changes
// they caused.
func (s *timelineBuilder) addChanges() {
	placed := false
	for i := 0; i < len(s.changes); {
		first, end := s.changes[i], i+1
		for end < len(s.changes) && s.changes[end].Actor == first.Actor && s.changes[end].At.Sub(first.At) < together {
			end++
		}
		run := s.changes[i:end]
		i = end
		if first.Actor.ID != 0 { // told with the message that caused it
			continue
		}
		step := views.Step{From: views.LaneShop, To: views.LaneShop, Changes: changeLines(s.lang, run),
			Title: titles[first.Actor.By], Label: s.lang.T("inspect.by." + string(first.Actor.By)), Text: s.lang.T("inspect.by." + string(first.Actor.By) + ".text")}
		switch {
		case first.Kind == models.AuditOrder && first.Was == "":
			placed = true
			step = s.placing(step)
		case first.Actor.By == models.ActorShopper && last(run).Kind == models.AuditPayment && last(run).Was == "":
			step.From, step.Title, step.Answer = views.LaneShopper, "POST /orders/:token/payments", "303"
			step.Label, step.Text = s.lang.T("inspect.newcode"), s.lang.T("inspect.newcode.text")
			step.Source = sources((*payments.Service).NewCode, (*models.Store).AddPayment)
		case first.Kind == models.AuditCustomer:
			step.From, step.Title, step.Answer = views.LaneShopper, "POST /checkout", "303"
			step.Label, step.Text = s.lang.T("inspect.corrected"), s.lang.T("inspect.corrected.text")
			step.Source = sources((*models.Store).CorrectCustomer)
		case first.Actor.By == models.ActorShop:
			step.Source = sources((*payments.Service).RunOnce)
		}
		s.add(first.At, step)
	}
	if !placed { // before there were records of changes, or they were forgotten
		s.add(s.order.PlacedAt, s.placing(views.Step{To: views.LaneShop}))
	}
}

func last(list []models.AuditEvent) models.AuditEvent { return list[len(list)-1] }

func (s *timelineBuilder) placing(step views.Step) views.Step {
	step.From, step.Title, step.Answer = views.LaneShopper, "POST /checkout", "303"
	step.Label, step.Text = s.lang.T("inspect.placed"), s.lang.T("inspect.placed.text")
	step.Source = sources((*payments.Service).PlaceOrder, (*models.Store).PlaceOrder)
	return step
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

func requestMessage(l views.Lang, x models.APICall, body []byte) views.Message {
	m := bodyMessage(l, l.T("inspect.request"), x.Method+" "+x.URL, keptHeader(x.RequestHeader), body, x.StringToSign)
	m.Check = &views.Sign{Text: l.T("inspect.check.none")}
	if x.StringToSign != "" {
		m.Check = &views.Sign{Text: l.T("inspect.check.ours"), Good: true}
	}
	return m
}

func (h *Handler) responseMessage(l views.Lang, x models.APICall) views.Message {
	if x.Status == 0 {
		return views.Message{Title: l.T("inspect.response"), Head: l.T("inspect.nothing")}
	}
	header := keptHeader(x.ResponseHeader)
	m := bodyMessage(l, l.T("inspect.response"), "HTTP "+strconv.Itoa(x.Status), header, x.ResponseBody, x.ResponseStringToSign)
	switch {
	case header.Get(jokul.HeaderSignature) == "":
		m.Check, m.Signed = &views.Sign{Text: l.T("inspect.check.none")}, nil
	case x.Verified:
		m.Check = signatureFits(l, h.Gateway.KeyOfSignature(x.ResponseStringToSign, header.Get(jokul.HeaderSignature)))
	default:
		m.Check = &views.Sign{Text: l.T("inspect.check.bad"), Bad: true}
	}
	return m
}

// bodyMessage is a message with its body, and what its signature covers.
func bodyMessage(l views.Lang, title, head string, header http.Header, body []byte, signed string) views.Message {
	m := views.Message{Title: title, Head: head, Headers: headerFacts(header), Pretty: laidOut(body), Raw: string(body), Size: strconv.Itoa(len(body)),
		Signed: signedLines(l, signed)}
	if _, digest, ok := strings.Cut(signed, "\nDigest:"); ok {
		m.Digest = jokul.Digest(body)
		if m.Digest != digest {
			m.Remark = l.T("inspect.digest.other")
		}
	}
	return m
}

func signedLines(l views.Lang, signed string) []views.SignedLine {
	if signed == "" {
		return nil
	}
	var lines []views.SignedLine
	for line := range strings.SplitSeq(signed, "\n") {
		name, _, _ := strings.Cut(line, ":")
		lines = append(lines, views.SignedLine{Text: line, From: l.T("signed." + name)})
	}
	return lines
}

// keptHeader reads headers as they are kept.
func keptHeader(text string) http.Header {
	var h http.Header
	_ = json.Unmarshal([]byte(text), &h) // written by us
	return h
}

// headerFacts lists headers for a page: the signed ones first, signatures masked.
func headerFacts(h http.Header) []views.Fact {
	first := []string{jokul.HeaderClientID, jokul.HeaderRequestID, jokul.HeaderRequestTimestamp, jokul.HeaderResponseTimestamp, jokul.HeaderSignature}
	var list []views.Fact
	for name, values := range h {
		for _, value := range values {
			if name == jokul.HeaderSignature {
				value = jokul.MaskSignature(strings.TrimSuffix(value, "…"))
			}
			list = append(list, views.Fact{Name: name, Value: value})
		}
	}
	rank := func(f views.Fact) int {
		if i := slices.Index(first, f.Name); i >= 0 {
			return i
		}
		return len(first)
	}
	slices.SortFunc(list, func(a, b views.Fact) int {
		return cmp.Or(rank(a)-rank(b), strings.Compare(a.Name, b.Name), strings.Compare(a.Value, b.Value))
	})
	return list
}

// laidOut is JSON for the eye, and anything else as it is.
func laidOut(body []byte) string {
	var text bytes.Buffer
	if json.Indent(&text, body, "", "  ") != nil {
		return string(body)
	}
	return text.String()
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

// callCurl is a call as a command. The signature is made where it is run, and
// so is the time, for the gateway takes no old one.
func (h *Handler) callCurl(x models.APICall, body []byte) string {
	if x.StringToSign == "" {
		return "curl -i " + quoted(x.URL)
	}
	address, _ := url.Parse(x.URL)
	return curlCommand(x.Method, x.URL, address.EscapedPath(), "$(date -u +%FT%TZ)", keptHeader(x.RequestHeader), body)
}

// notificationCurl is a notification as a command, to the shop itself.
func (h *Handler) notificationCurl(header http.Header, body []byte) string {
	return curlCommand(http.MethodPost, strings.TrimSuffix(h.BaseURL, "/")+h.NotificationPath, h.NotificationPath,
		quoted(header.Get(jokul.HeaderRequestTimestamp)), header, body)
}

func curlCommand(method, address, target, timestamp string, header http.Header, body []byte) string {
	var b strings.Builder
	fmt.Fprintf(&b, "at=%s\n", timestamp)
	sign := fmt.Sprintf(`go run ./jokul/cmd/jokul sign --quiet --method %s --client-id %s --path %s --request-id %s --timestamp "$at"`,
		method, quoted(header.Get(jokul.HeaderClientID)), quoted(target), quoted(header.Get(jokul.HeaderRequestID)))
	if method != http.MethodGet {
		fmt.Fprintf(&b, "body=%s\n", quoted(string(body)))
		sign = `printf %s "$body" | ` + sign + " --body -"
	}
	fmt.Fprintf(&b, "signature=$(%s)\ncurl -i -X %s %s", sign, method, quoted(address))
	for _, f := range headerFacts(header) {
		switch f.Name {
		case jokul.HeaderSignature:
			f.Value = `"Signature: $signature"`
		case jokul.HeaderRequestTimestamp:
			f.Value = `"Request-Timestamp: $at"`
		default:
			f.Value = quoted(f.Name + ": " + f.Value)
		}
		fmt.Fprintf(&b, " \\\n  -H %s", f.Value)
	}
	if method != http.MethodGet {
		if header.Get("Content-Type") == "" {
			fmt.Fprint(&b, " \\\n  -H 'Content-Type: application/json'")
		}
		fmt.Fprint(&b, " \\\n  --data-binary \"$body\"")
	}
	return b.String()
}

// quoted is s as one word of a shell, whatever is in it.
func quoted(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }
