package models

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"gorm.io/gorm"
)

// Source is how the shop learnt of money.
type Source string

const (
	SourceNotification Source = "notification"
	SourceStatusQuery  Source = "status_query"
)

// Receipt is one arrival of money. A reusable code has one for each payment; a
// second one for any other code is a case for a person.
type Receipt struct {
	ID          int64
	PaymentID   int64
	Amount      int64 // whole rupiah
	PaidAt      time.Time
	Source      Source
	Identifiers string // JSON, as the gateway named the payment at the till
	CreatedAt   time.Time
}

var receipts = newTable("receipts", "id", "payment_id", "amount", "paid_at", "source", "identifiers", "created_at")

func (r *Receipt) fields() []any {
	return []any{&r.ID, &r.PaymentID, &r.Amount, &r.PaidAt, &r.Source, &r.Identifiers, &r.CreatedAt}
}

// Arrival is the gateway saying that an invoice number was paid.
type Arrival struct {
	InvoiceNumber string
	Amount        int64     // whole rupiah
	PaymentCode   string    // empty when the gateway left it out
	Channel       string    // empty when the gateway left it out
	PaidAt        time.Time // zero when the gateway left it out
	Identifiers   string    // JSON, or empty
	Source        Source
}

// ChannelIndomaret is the one channel this shop takes money through.
const ChannelIndomaret = "ONLINE_TO_OFFLINE_INDOMARET"

// Effect is what an arrival, or a notification, changed.
type Effect string

const (
	EffectNone          Effect = "none"
	EffectPaid          Effect = "paid"
	EffectPaidLate      Effect = "paid_late"      // after the code had expired: flagged
	EffectReceiptAdded  Effect = "receipt_added"  // another payment of a reusable code
	EffectSecondPayment Effect = "second_payment" // money for an order that was paid or cancelled: flagged
	EffectExpired       Effect = "expired"
	EffectFlagged       Effect = "flagged" // nothing was paid and a person must look
)

// ApplyStatus applies what a status query found to be paid. It is the same code
// path as a notification's, so it does not matter which comes first.
func (s *Store) ApplyStatus(ctx context.Context, a Arrival) (Effect, error) {
	a.Source = SourceStatusQuery
	effect := EffectNone
	err := s.transact(ctx, func(tx *gorm.DB) error {
		_, e, err := applyArrival(tx, a, s.now())
		effect = e
		return err
	})
	return effect, err
}

// applyArrival turns money into a receipt, a paid payment and a paid order, or
// into a case for a person. It reports a verdict on the arrival and its effect.
func applyArrival(tx *gorm.DB, a Arrival, now time.Time) (Verdict, Effect, error) {
	a.PaidAt = a.PaidAt.UTC().Truncate(time.Microsecond) // no database keeps it any finer
	if len(a.Identifiers) > maxIndexed {
		digest := sha256.Sum256([]byte(a.Identifiers)) // the notification is kept whole
		a.Identifiers = fmt.Sprintf(`[{"name":"SHA-256","value":"%x"}]`, digest)
	}
	p, err := lockPayment(tx, byInvoice, a.InvoiceNumber)
	if err == ErrNotFound {
		err := raise(tx, Attention{Kind: AttentionUnknownInvoice,
			Detail: fmt.Sprintf("Rp %d for invoice number %s, which is not ours", a.Amount, a.InvoiceNumber)})
		return VerdictUnknownInvoice, EffectFlagged, err
	}
	if err != nil {
		return "", "", err
	}
	if kind, detail := mismatch(p, a); kind != "" {
		err := raise(tx, Attention{OrderID: &p.OrderID, Kind: kind, Detail: detail})
		return VerdictMismatched, EffectFlagged, err
	}
	if p.State == PaymentPaid { // else there is none
		if p.Receipts, err = find[Receipt](tx, receipts.selectWhere("payment_id = CAST($1 AS bigint) ORDER BY id"), p.ID); err != nil {
			return "", "", err
		}
	}
	if p.knows(a) {
		return VerdictRepeated, EffectNone, nil
	}
	r := Receipt{PaymentID: p.ID, Amount: a.Amount, PaidAt: a.PaidAt, Source: a.Source,
		Identifiers: a.Identifiers, CreatedAt: now}
	if a.PaidAt.IsZero() {
		r.PaidAt = now
	}
	if _, err := add(tx, receipts, &r, ""); err != nil {
		return "", "", err
	}
	record(tx, Change{OrderID: p.OrderID, PaymentID: p.ID, Kind: ChangeReceipt, Subject: p.InvoiceNumber, Became: strconv.FormatInt(r.Amount, 10)})
	effect, err := payPayment(tx, p, r, a)
	return VerdictApplied, effect, err
}

// mismatch compares an arrival with the payment it claims to be for. What the
// gateway left out is not a mismatch; what differs never pays.
func mismatch(p Payment, a Arrival) (AttentionKind, string) {
	switch {
	case a.Amount != p.Amount:
		return AttentionWrongAmount, fmt.Sprintf("Rp %d arrived for %s, Rp %d was asked for", a.Amount, p.InvoiceNumber, p.Amount)
	case a.PaymentCode != "" && p.Code != "" && a.PaymentCode != p.Code:
		return AttentionWrongCode, fmt.Sprintf("%s was paid with code %s, its code is %s", p.InvoiceNumber, a.PaymentCode, p.Code)
	case a.Channel != "" && a.Channel != ChannelIndomaret:
		return AttentionWrongChannel, fmt.Sprintf("%s was paid through %s", p.InvoiceNumber, a.Channel)
	}
	return "", ""
}

// knows reports whether an arrival is one the payment has a receipt for: the
// same moment and the same till, as far as both say. The gateway tells of one
// payment several times, in notifications, retries and status replies.
func (p Payment) knows(a Arrival) bool {
	for _, r := range p.Receipts {
		sameTime := a.PaidAt.IsZero() || r.PaidAt.Equal(a.PaidAt)
		sameTill := a.Identifiers == "" || r.Identifiers == "" || r.Identifiers == a.Identifiers
		if sameTime && sameTill {
			return true
		}
	}
	return false
}

// payPayment moves a payment that has a new receipt, and its order, to paid. A
// reusable code is asked about for as long as it can be paid again.
func payPayment(tx *gorm.DB, p Payment, r Receipt, a Arrival) (Effect, error) {
	next, code := p.NextCheckAt, p.Code
	if !p.Reusable {
		next = nil
	}
	if code == "" {
		code = indexed(a.PaymentCode)
	}
	moved, err := movePayment(tx, p, PaymentPaid, "next_check_at = $1, code = $2, leased_until = $3, last_error = $4", next, code, nil, "")
	if err != nil {
		return "", err
	}
	if a.PaymentCode != p.Code { // else it is found by it already
		if err := keepWords(tx, p.OrderID, fold(a.PaymentCode)); err != nil {
			return "", err
		}
	}
	if !moved && p.Reusable {
		return EffectReceiptAdded, nil
	}
	paid := false
	if moved {
		if paid, err = payOrder(tx, *p.Order, r.PaidAt); err != nil {
			return "", err
		}
	}
	if paid {
		if err := enqueue(tx, p, MailPaid, r.CreatedAt); err != nil {
			return "", err
		}
	}
	return flagPayment(tx, p, r, paid)
}

// till tells a receipt from others of its payment, in the gateway's words.
func (r Receipt) till() (text string) {
	var list []struct{ Name, Value string }
	_ = json.Unmarshal([]byte(r.Identifiers), &list) // what cannot be read says nothing
	for _, i := range list {
		text += ", " + i.Name + " " + i.Value
	}
	return text
}

// flagPayment tells a person of money that came too late or once too often.
func flagPayment(tx *gorm.DB, p Payment, r Receipt, paid bool) (Effect, error) {
	detail := fmt.Sprintf("Rp %d for %s at %s%s", r.Amount, p.InvoiceNumber, r.PaidAt.Format(time.RFC3339), r.till())
	switch {
	case !paid && p.Order.Status == OrderCancelled:
		return EffectSecondPayment, raise(tx, Attention{OrderID: &p.OrderID, Kind: AttentionPaidCancelled,
			Detail: detail + "; the order was cancelled already"})
	case !paid:
		return EffectSecondPayment, raise(tx, Attention{OrderID: &p.OrderID, Kind: AttentionSecondPayment,
			Detail: detail + "; the order was paid already"})
	case p.State == PaymentExpired || p.State == PaymentFailed:
		return EffectPaidLate, raise(tx, Attention{OrderID: &p.OrderID, Kind: AttentionLatePayment,
			Detail: detail + fmt.Sprintf("; the payment was %s already", p.State)})
	}
	return EffectPaid, nil
}
