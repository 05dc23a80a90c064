package handlers

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"warungjokul/jokul"
	"warungjokul/models"
)

const (
	checkoutPatience = 4 * time.Second // for a code, before the shopper is sent on to the page
	callPatience     = 20 * time.Second
	stepsPatience    = 2 * time.Second // instructions are nice to have

	// settling is how long after a hint of payment, or a deadline, the gateway
	// is asked: its pages say not before 60 s (docs/protocol.md section 8).
	settling = 60 * time.Second

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
		Info:           jokul.TillText("Warung Jokul "+o.Number, jokul.MaxInfo),
		CustomerName:   tillName(o.CustomerName),
		CustomerEmail:  o.CustomerEmail,
		Description:    jokul.TillText(description(o), jokul.MaxDescription),
		FooterMessage:  "Terima kasih sudah belanja di Warung Jokul",
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

// obtainCode sends a payment's request and keeps what comes of it. It may be
// called again and again: the request is the same each time.
func (h *Handler) obtainCode(ctx context.Context, p models.Payment) {
	code, err := h.Gateway.GeneratePaymentCode(ctx, jokul.PreparedRequest{RequestID: p.RequestID, Body: p.RequestBody})
	if err != nil && p.Tries > 0 {
		code, err = h.recoverCode(ctx, p, err)
	}
	// What was learnt is kept even when the time for asking is over.
	ctx = context.WithoutCancel(ctx)
	var refused *jokul.Error
	switch {
	case err == nil:
		err = h.keepCode(ctx, p, code)
	case errors.As(err, &refused) && refused.Outcome != jokul.OutcomeUnknown:
		h.Log.Error("payment code refused", "invoice_number", p.InvoiceNumber, "error", err)
		err = h.Store.RefuseCode(ctx, p, err.Error(), h.Now().Add(h.PaymentExpiry))
	default:
		h.Log.Warn("payment code not certain", "invoice_number", p.InvoiceNumber, "tries", p.Tries, "error", err)
		err = h.Store.Postpone(ctx, p.ID, err.Error(), h.Now().Add(backoff(p.Tries)))
		h.poke() // due sooner than the worker thinks
	}
	if err != nil {
		h.Log.Error("keep payment code", "invoice_number", p.InvoiceNumber, "error", err)
	}
	h.changed(ctx, p)
}

// recoverCode looks for a code whose answer was lost, by the Request-Id it was
// asked for with. If that finds none, the first error stands.
func (h *Handler) recoverCode(ctx context.Context, p models.Payment, lost error) (jokul.PaymentCode, error) {
	t, err := h.Gateway.CheckStatus(ctx, p.RequestID)
	if err != nil || t.InvoiceNumber != p.InvoiceNumber || t.PaymentCode == "" {
		return jokul.PaymentCode{}, lost
	}
	return jokul.PaymentCode{InvoiceNumber: t.InvoiceNumber, Code: t.PaymentCode}, nil
}

func (h *Handler) keepCode(ctx context.Context, p models.Payment, code jokul.PaymentCode) error {
	issued := models.IssuedCode{
		Code: code.Code, IssuedAt: code.CreatedAt, ExpiresAt: code.ExpiresAt,
		HowToPayPage: code.HowToPayPage, HowToPayAPI: code.HowToPayAPI,
	}
	now := h.Now()
	if issued.IssuedAt.IsZero() {
		issued.IssuedAt = now
	}
	if issued.ExpiresAt.IsZero() {
		issued.ExpiresAt = p.CreatedAt.Add(h.PaymentExpiry)
	}
	if err := h.Store.IssueCode(ctx, p.ID, issued, nextCheck(issued.IssuedAt, issued.ExpiresAt, now)); err != nil {
		return err
	}
	h.Log.Info("payment code issued", "invoice_number", p.InvoiceNumber, "replayed", code.Replayed)
	h.poke()
	if code.HowToPayAPI == "" {
		return nil
	}
	return h.keepInstructions(ctx, p, code.HowToPayAPI)
}

func (h *Handler) keepInstructions(ctx context.Context, p models.Payment, address string) error {
	asking, cancel := context.WithTimeout(ctx, stepsPatience)
	defer cancel()
	list, err := h.Gateway.HowToPay(asking, address)
	if err != nil {
		h.Log.Warn("no instructions from the gateway; ours are shown", "invoice_number", p.InvoiceNumber, "error", err)
		return nil
	}
	var kept []models.Instruction
	for _, in := range list {
		kept = append(kept, models.Instruction{Language: in.Language, Steps: in.Steps})
	}
	return h.Store.SetInstructions(ctx, p.ID, kept)
}

// checkNow asks the gateway about a payment at once, unless somebody else is at
// it already.
func (h *Handler) checkNow(ctx context.Context, id int64) error {
	p, ok, err := h.Store.Claim(ctx, id)
	if err != nil {
		return fmt.Errorf("check payment: %w", err)
	}
	if ok {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), checkoutPatience)
		defer cancel()
		h.ask(ctx, p)
	}
	return nil
}

// ask asks the gateway what became of a payment and applies the answer. Only
// SUCCESS and EXPIRED settle anything; every other answer, and none at all,
// changes nothing but when to ask again.
func (h *Handler) ask(ctx context.Context, p models.Payment) {
	t, err := h.Gateway.CheckStatus(ctx, p.InvoiceNumber)
	ctx = context.WithoutCancel(ctx)
	answer := string(t.Status)
	if err != nil {
		answer = checkedAway
		h.Log.Warn("check status", "invoice_number", p.InvoiceNumber, "error", err)
	}
	if err := h.Store.Checked(ctx, p.ID, answer); err != nil {
		h.Log.Error("keep answer", "invoice_number", p.InvoiceNumber, "error", err)
	}
	if err := h.settle(ctx, p, t, err); err != nil {
		h.Log.Error("apply status", "invoice_number", p.InvoiceNumber, "error", err)
	}
	h.changed(ctx, p)
}

func (h *Handler) settle(ctx context.Context, p models.Payment, t jokul.Transaction, asked error) error {
	now := h.Now()
	reason := ""
	switch {
	case asked != nil:
		reason = asked.Error()
	case t.Status == jokul.TransactionSuccess:
		a := arrival(t)
		a.InvoiceNumber = p.InvoiceNumber
		effect, err := h.Store.ApplyStatus(ctx, a)
		if err != nil || effect != models.EffectFlagged {
			return err
		}
		reason = "paid, but not as asked"
	case t.Status == jokul.TransactionExpired:
		return h.Store.Expire(ctx, p.ID)
	case t.Status != jokul.TransactionPending:
		h.Log.Warn("unknown transaction status", "invoice_number", p.InvoiceNumber, "status", t.Status)
	}
	var issued, expires time.Time
	if p.CodeIssuedAt != nil {
		issued = *p.CodeIssuedAt
	}
	if p.ExpiresAt != nil {
		expires = *p.ExpiresAt
	}
	next := nextCheck(issued, expires, now)
	if p.AskedAt != nil && now.Sub(*p.AskedAt) < settling && next.After(now.Add(settling)) {
		next = now.Add(settling) // the shopper says to have paid
	}
	defer h.poke()
	return h.Store.Postpone(ctx, p.ID, reason, next)
}

// nextCheck says when to ask about a code next. While it can be paid, the gaps
// grow with its age, from 3 to 30 minutes; a minute after its deadline comes the
// question that ends it; and if that got no answer, more of them, ever rarer.
func nextCheck(issued, expires, now time.Time) time.Time {
	confirm := expires.Add(settling)
	if !now.Before(confirm) {
		return now.Add(clamp(now.Sub(confirm), settling, 6*time.Hour))
	}
	next := now.Add(clamp(now.Sub(issued), 3*time.Minute, 30*time.Minute))
	if next.After(confirm) {
		return confirm
	}
	return next
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

// changed tells an order's open pages that something may be new.
func (h *Handler) changed(ctx context.Context, p models.Payment) {
	if p.Order != nil {
		h.streams.tell(p.Order.Token)
		return
	}
	if p, err := h.Store.Invoice(ctx, p.InvoiceNumber); err == nil {
		h.streams.tell(p.Order.Token)
	}
}
