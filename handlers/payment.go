package handlers

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime/debug"
	"slices"
	"time"

	"warungjokul/jokul"
	"warungjokul/models"
)

const (
	checkoutTimeout = 4 * time.Second // for a code, before the shopper is sent on to the page
	callTimeout     = 20 * time.Second
	stepsTimeout    = 2 * time.Second // instructions are nice to have

	// An answer that is this late is a case for a person.
	codeOverdue   = 30 * time.Minute
	answerOverdue = 24 * time.Hour

	// maxAttempts ends the search for an invoice number the gateway will take.
	maxAttempts = 20

	// checkedAway stands for an answer that did not come.
	checkedAway = "away"
)

// preparePayment makes the order's next attempt: the request is built here,
// once, and kept before it is sent.
func (h *Handler) preparePayment(o models.Order) (models.Payment, error) {
	invoice := models.InvoiceNumber(o.Number, o.NextAttempt())
	shares, err := o.Shares()
	if err != nil {
		return models.Payment{}, err
	}
	prepared, err := h.Gateway.Prepare(jokul.PaymentCodeRequest{
		InvoiceNumber:  invoice,
		Amount:         o.Total,
		ExpiresIn:      h.PaymentExpiry,
		Reusable:       o.Reusable(),
		Info:           jokul.TillText(jokul.TillText(h.Shop.name(), jokul.MaxInfo-len(o.Number)-1)+" "+o.Number, jokul.MaxInfo),
		CustomerName:   tillName(o.CustomerName),
		CustomerEmail:  o.CustomerEmail,
		Description:    jokul.TillText(description(o), jokul.MaxDescription),
		FooterMessage:  jokul.TillText("Terima kasih sudah belanja di "+h.Shop.name(), jokul.MaxFooterMessage),
		AdditionalInfo: jokul.AdditionalInfo{Settlement: settlement(shares)},
	})
	return models.Payment{InvoiceNumber: invoice, RequestID: prepared.RequestID, RequestBody: prepared.Body}, err
}

// settlement tells the gateway which sellers get how much; rupiah rather than
// percentages, so that nothing is rounded.
func settlement(shares []models.Share) []jokul.SettlementShare {
	var list []jokul.SettlementShare
	for _, s := range shares {
		list = append(list, jokul.SettlementShare{BankAccountSettlementID: s.Account, Type: jokul.SettlementFix, Value: s.Amount})
	}
	return list
}

// tillName is a customer's name as a till can show it.
func tillName(name string) string {
	if plain := jokul.TillText(name, jokul.MaxCustomerName); plain != "" {
		return plain
	}
	return "Pelanggan"
}

// nameAtTill is the customer's name as the gateway was told with a payment's
// request: the till goes on showing it, whatever is corrected later. It is empty once
// the customer was erased.
func nameAtTill(p models.Payment, o models.Order) string {
	if o.ErasedAt != nil {
		return ""
	}
	var request struct{ Customer struct{ Name string } }
	if json.Unmarshal(p.RequestBody, &request) != nil || request.Customer.Name == "" {
		return tillName(o.CustomerName)
	}
	return request.Customer.Name
}

func description(o models.Order) string {
	text := "Pesanan " + o.Number + ":"
	for i, line := range o.Lines {
		if i > 0 {
			text += ","
		}
		text += fmt.Sprintf(" %d %s", line.Quantity, line.NameID)
	}
	return text
}

// prepared is a payment's request as it is kept, for a worker that cannot know
// whether it was sent before.
func prepared(p models.Payment) jokul.PreparedRequest {
	return jokul.PreparedRequest{RequestID: p.RequestID, Body: p.RequestBody}
}

// obtainCode sends a payment's request and keeps what comes of it. It may be
// called again and again: the request is the same each time. Only certainty that
// somebody else uses the invoice number brings an attempt with another.
func (h *Handler) obtainCode(ctx context.Context, p models.Payment, request jokul.PreparedRequest) {
	ctx = models.Turn(ctx, p.ID)
	defer h.endTurn(ctx)
	began, sent := time.Now(), h.Now()
	code, err := h.Gateway.GeneratePaymentCode(ctx, request)
	h.metrics.asked(began, err)
	keeping, cancel := toKeep(ctx)
	defer cancel()
	switch {
	case err == nil:
		err = h.keepCode(keeping, p, code, sent)
	case errors.Is(err, jokul.ErrInvoiceTaken) && p.Attempt < maxAttempts:
		h.changed(keeping, p)
		h.replace(ctx, p, err)
		return
	case !uncertain(err):
		h.Log.ErrorContext(ctx, "payment code refused", "invoice_number", p.InvoiceNumber, "error", errorText(err, p.Order))
		err = h.Store.RefuseCode(keeping, p, errorText(err, p.Order), h.Now().Add(h.PaymentExpiry))
	default:
		h.Log.WarnContext(ctx, "payment code not certain", "invoice_number", p.InvoiceNumber, "tries", p.Tries, "error", errorText(err, p.Order))
		err = h.tryLater(keeping, p, err)
	}
	if err != nil {
		h.Log.ErrorContext(ctx, "keep payment code", "invoice_number", p.InvoiceNumber, "error", err)
	}
	h.changed(keeping, p)
}

// toKeep is the time for keeping what was learnt, which is there even when the
// time for asking is over.
func toKeep(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(ctx), keepTimeout)
}

// uncertain reports whether the gateway may have acted all the same.
func uncertain(err error) bool {
	var refused *jokul.Error
	return err != nil && (!errors.As(err, &refused) || refused.Outcome == jokul.OutcomeUnknown)
}

func hasCode(err error, codes ...string) bool {
	var refused *jokul.Error
	return errors.As(err, &refused) && slices.Contains(codes, refused.Code)
}

// replace goes on with the order's next invoice number, because somebody has
// used this one.
func (h *Handler) replace(ctx context.Context, p models.Payment, taken error) {
	next, err := h.nextPayment(ctx, p, taken)
	if err != nil {
		h.Log.ErrorContext(ctx, "replace payment", "invoice_number", p.InvoiceNumber, "error", err)
		return // the lease ends, and the worker comes back to it
	}
	if next.State == models.PaymentCreating && next.ID != p.ID {
		h.Log.WarnContext(ctx, "invoice number taken", "invoice_number", p.InvoiceNumber, "next", next.InvoiceNumber)
		h.obtainCode(ctx, next, prepared(next).NeverSent())
	}
}

func (h *Handler) nextPayment(ctx context.Context, p models.Payment, taken error) (models.Payment, error) {
	p, err := h.Store.Invoice(ctx, p.InvoiceNumber)
	if err != nil {
		return p, err
	}
	o, err := h.Store.Order(ctx, p.Order.Token)
	if err != nil {
		return p, err
	}
	next, err := h.preparePayment(o)
	if err != nil {
		return p, err
	}
	if replaced, err := h.Store.ReplacePayment(ctx, p, next, errorText(taken, p.Order)); err != nil || !replaced {
		return p, err
	}
	return h.Store.Invoice(ctx, next.InvoiceNumber)
}

// tryLater leaves a request of unknown outcome to the worker, and tells a person
// once that takes too long.
func (h *Handler) tryLater(ctx context.Context, p models.Payment, uncertain error) error {
	defer wakeUp(h.wake) // due sooner than the worker thinks
	if h.Now().Sub(p.CreatedAt) > codeOverdue {
		if err := h.Store.Raise(ctx, p, models.CaseNoCode, "no payment code for "+p.InvoiceNumber); err != nil {
			return err
		}
	}
	return h.Store.Postpone(ctx, p, errorText(uncertain, p.Order), h.Now().Add(backoff(p.Tries)))
}

// keepCode keeps a code that came in answer to a request sent at a time by the
// shop's clock, with its deadline by that clock too. An expiry that cannot be
// believed is a case for a person.
func (h *Handler) keepCode(ctx context.Context, p models.Payment, code jokul.PaymentCode, sent time.Time) error {
	issued := models.IssuedCode{Code: code.Code, HowToPayPage: code.HowToPayPage, HowToPayAPI: code.HowToPayAPI}
	payable, believed := lifetime(p, code)
	issued.IssuedAt = issuedAt(p, code, sent)
	issued.ExpiresAt = issued.IssuedAt.Add(payable)
	now := h.Now()
	kept, err := h.Store.IssueCode(ctx, p.ID, issued, nextCheck(issued.IssuedAt, issued.ExpiresAt, now))
	if err != nil {
		return err
	}
	if !kept {
		h.Log.WarnContext(ctx, "payment code not issued: another order has it, or the payment is over",
			"invoice_number", p.InvoiceNumber)
		return nil
	}
	h.Log.InfoContext(ctx, "payment code issued", "invoice_number", p.InvoiceNumber, "replayed", code.Replayed)
	wakeUp(h.mailWake)
	if !believed {
		h.badExpiry(ctx, p, code)
	}
	if code.HowToPayAPI != "" { // the shopper has his code, and need not wait for how to use it
		h.later(ctx, func(ctx context.Context) { h.keepInstructions(ctx, p, code.HowToPayAPI) })
	}
	return nil
}

// expiryTolerance is how much longer than asked for a code may be payable: more is
// a date read in another zone, or a mistake.
const expiryTolerance = time.Hour

// lifetime is how long a code can be paid from when it was made: expired - created,
// both by the gateway's clock. Where it gave no dates, or none that can be believed,
// it is what was asked for (docs/protocol.md section 5).
func lifetime(p models.Payment, code jokul.PaymentCode) (d time.Duration, believed bool) {
	asked := prepared(p).ExpiresIn()
	switch d = code.ValidFor(); {
	case code.ExpiresAt.IsZero():
		return asked, true
	case d <= 0 || d > asked+expiryTolerance:
		return asked, false
	}
	return d, true
}

// issuedAt is when a code was made, by the shop's clock, and rather too early than
// too late, so that no page shows a deadline after the gateway's. The age that the
// gateway tells of a code counts back from when it was asked. Where that does not
// lie between the first send and the last, a first answer is to the last send, and
// any other to the first.
func issuedAt(p models.Payment, code jokul.PaymentCode, sent time.Time) time.Time {
	first, sent := p.CreatedAt.Truncate(time.Second), sent.Truncate(time.Second) // as the gateway's dates are
	made := sent.Add(code.CreatedAt.Sub(code.AnsweredAt))
	switch {
	case code.CreatedAt.IsZero():
		return first
	case !code.AnsweredAt.IsZero() && !made.Before(first) && !made.After(sent):
		return made
	case code.Replayed:
		return first
	}
	return sent
}

// badExpiry tells of a code whose dates cannot be believed. It can be paid; until
// when, a person has to find out.
func (h *Handler) badExpiry(ctx context.Context, p models.Payment, code jokul.PaymentCode) {
	detail := fmt.Sprintf("the gateway dates the code of %s from %s to %s; its page shows a deadline as asked for",
		p.InvoiceNumber, code.CreatedAt.Format(time.RFC3339), code.ExpiresAt.Format(time.RFC3339))
	h.Log.ErrorContext(ctx, "expiry of a payment code not believed", "invoice_number", p.InvoiceNumber,
		"created", code.CreatedAt, "expires", code.ExpiresAt)
	if err := h.Store.Raise(ctx, p, models.CaseBadExpiry, detail); err != nil {
		h.Log.ErrorContext(ctx, "keep case", "invoice_number", p.InvoiceNumber, "error", err)
	}
}

// keepInstructions asks the gateway how a code is paid, for the page to say it in
// the gateway's words.
func (h *Handler) keepInstructions(ctx context.Context, p models.Payment, address string) {
	ctx = models.Turn(ctx, p.ID)
	defer h.endTurn(ctx)
	asking, cancel := context.WithTimeout(ctx, stepsTimeout)
	defer cancel()
	list, err := h.Gateway.HowToPay(asking, address)
	if err != nil {
		h.Log.WarnContext(ctx, "no instructions from the gateway; ours are shown", "invoice_number", p.InvoiceNumber, "error", errorText(err, p.Order))
		return
	}
	var kept []models.Instruction
	for _, in := range list {
		for i := range in.Steps {
			in.Steps[i] = cleanText(in.Steps[i])
		}
		kept = append(kept, models.Instruction{Language: in.Language, Steps: in.Steps})
	}
	keeping, cancel := toKeep(ctx)
	defer cancel()
	if err := h.Store.SetInstructions(keeping, p.ID, kept); err != nil {
		h.Log.ErrorContext(ctx, "keep instructions", "invoice_number", p.InvoiceNumber, "error", err)
		return
	}
	h.changed(keeping, p)
}

// later does what nobody waits for but a stop.
func (h *Handler) later(ctx context.Context, do func(context.Context)) {
	ctx = context.WithoutCancel(ctx)
	h.doing.Go(func() {
		defer func() {
			if p := recover(); p != nil {
				h.Log.ErrorContext(ctx, "panic", "error", p, "stack", string(debug.Stack()))
			}
		}()
		do(ctx)
	})
}

// Finish waits for what is still being done when nothing more is asked for.
func (h *Handler) Finish() { h.doing.Wait() }

// checkNow asks the gateway about a payment at once, unless somebody else is at
// it already.
func (h *Handler) checkNow(ctx context.Context, id int64) error {
	p, ok, err := h.Store.Claim(ctx, id)
	if err != nil {
		return fmt.Errorf("check payment: %w", err)
	}
	if ok {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), checkoutTimeout)
		defer cancel()
		h.ask(ctx, p)
	}
	return nil
}

// ask asks the gateway what became of a payment and applies the answer. Only
// SUCCESS and EXPIRED settle anything; every other answer, and none at all,
// changes nothing but when to ask again.
func (h *Handler) ask(ctx context.Context, p models.Payment) {
	ctx = models.Turn(ctx, p.ID)
	defer h.endTurn(ctx)
	t, err := h.Gateway.CheckStatus(ctx, p.InvoiceNumber)
	h.metrics.answered(t, err)
	ctx, cancel := toKeep(ctx)
	defer cancel()
	answer := string(t.Status)
	if err != nil {
		answer = checkedAway
		h.Log.WarnContext(ctx, "check status", "invoice_number", p.InvoiceNumber, "error", errorText(err, p.Order))
	}
	if err := h.Store.Checked(ctx, p, answer); err != nil {
		h.Log.ErrorContext(ctx, "keep answer", "invoice_number", p.InvoiceNumber, "error", err)
	}
	if err := h.settle(ctx, p, t, err); err != nil {
		h.Log.ErrorContext(ctx, "apply status", "invoice_number", p.InvoiceNumber, "error", err)
	}
	h.changed(ctx, p)
}

// settle applies the gateway's answer, and says when to ask again where that is
// not the end of it.
func (h *Handler) settle(ctx context.Context, p models.Payment, t jokul.Transaction, asked error) error {
	said := ""
	switch {
	case asked != nil:
		said = errorText(asked, p.Order)
	case t.Status == jokul.TransactionSuccess:
		a := arrival(t)
		a.InvoiceNumber = p.InvoiceNumber
		effect, err := h.Store.ApplyStatus(ctx, a)
		if err != nil {
			return err
		}
		h.metrics.arrived(models.SourceStatusQuery, effect, t.Date, h.Now())
		if !p.Reusable { // the gateway's last word: what is left is a person's to decide
			return h.Store.Postpone(ctx, p, "", time.Time{})
		}
	case t.Status == jokul.TransactionExpired && p.State == models.PaymentPending:
		return h.Store.Expire(ctx, p.ID)
	case t.Status != jokul.TransactionPending && t.Status != jokul.TransactionExpired:
		h.Log.WarnContext(ctx, "unknown transaction status", "invoice_number", p.InvoiceNumber, "status", t.Status)
	}
	if p.State == models.PaymentPending && p.ExpiresAt != nil && h.Now().Sub(*p.ExpiresAt) > answerOverdue {
		if err := h.Store.Raise(ctx, p, models.CaseUnsettled, "no end of "+p.InvoiceNumber); err != nil {
			return err
		}
	}
	return h.Store.Postpone(ctx, p, said, askAgain(p, h.Now()))
}

// askAgain says when to ask about a payment next, zero for never.
func askAgain(p models.Payment, now time.Time) time.Time {
	var issued, expires time.Time
	if p.CodeIssuedAt != nil {
		issued = *p.CodeIssuedAt
	}
	if p.ExpiresAt != nil {
		expires = *p.ExpiresAt
	}
	switch ended := !now.Before(expires); {
	case p.State == models.PaymentExpired, p.State == models.PaymentPaid && ended:
		return lastLook(expires, now)
	case p.State == models.PaymentPaid && !p.Reusable:
		return time.Time{}
	}
	next := nextCheck(issued, expires, now)
	if p.AskedAt != nil && now.Sub(*p.AskedAt) < models.Settling && next.After(now.Add(models.Settling)) {
		next = now.Add(models.Settling) // the shopper says to have paid
	}
	return next
}

// The longest gaps between two turns to the gateway: while there is no code (what
// backoff makes of it, rounded up), while it may be paid, and after its deadline, where
// timetable has none that is longer.
const (
	longestCreating = 40 * time.Second
	longestOpen     = 30 * time.Minute
	longestOver     = 6 * time.Hour
)

// nextCheck says when to ask about a code that may still be paid. The gaps grow
// with its age, from 3 to 30 minutes; a minute after its deadline comes the
// question that ends it; and if that got no answer, more of them, ever rarer.
func nextCheck(issued, expires, now time.Time) time.Time {
	confirm := expires.Add(models.Settling)
	if !now.Before(confirm) {
		return now.Add(clamp(now.Sub(confirm), models.Settling, longestOver))
	}
	next := now.Add(clamp(now.Sub(issued), 3*time.Minute, longestOpen))
	if next.After(confirm) {
		return confirm
	}
	return next
}

// timetable is when the gateway sends a notification again that was not taken,
// counted from the first (docs/protocol.md section 7; the last two are the two
// readings of its third retry). Money that came at the deadline is told of then,
// if ever: an expired code is asked about at the same times.
var timetable = []time.Duration{30 * time.Minute, 6 * time.Hour, 12 * time.Hour, 17*time.Hour + 30*time.Minute}

// lastLook is the next of these times after the deadline, zero after the last.
func lastLook(expires, now time.Time) time.Time {
	for _, after := range timetable {
		if next := expires.Add(after + models.Settling); next.After(now) {
			return next
		}
	}
	return time.Time{}
}

func clamp(d, least, most time.Duration) time.Duration { return min(max(d, least), most) }

// backoff is how long to wait before sending a request again: doubling from a
// second to half a minute, by up to a fifth more so that many do not come at once.
func backoff(tries int64) time.Duration {
	d := time.Second << min(tries, 5)
	return min(d, 30*time.Second) + rand.N(d/5)
}

// arrival translates the gateway's word of a payment into the shop's.
func arrival(t jokul.Transaction) models.Arrival {
	a := models.Arrival{
		InvoiceNumber: t.InvoiceNumber, Amount: t.Amount, PaymentCode: t.PaymentCode,
		Channel: t.ChannelID, PaidAt: t.Date,
	}
	if len(t.Identifiers) > 0 {
		list, _ := json.Marshal(t.Identifiers) // strings always encode
		a.Identifiers = string(list)
	}
	return a
}

// changed tells of what may be new about a payment, the mailer too: there may be
// a mail to send.
func (h *Handler) changed(ctx context.Context, p models.Payment) {
	wakeUp(h.mailWake)
	if p.Order != nil {
		h.tell(ctx, p.Order.Token)
	} else if token, err := h.Store.TokenOf(ctx, p.InvoiceNumber); err == nil { // else who watches looks by itself, a little later
		h.tell(ctx, token)
	}
}

// tell tells the open pages of an order that something may be new, whichever shop
// they are connected to.
func (h *Handler) tell(ctx context.Context, token string) {
	if err := h.Store.Tell(ctx, token); err != nil {
		h.Log.WarnContext(ctx, "tell of a change", "error", err)
		h.streams.tell(token)
	}
}
