package models

import (
	"context"
	"crypto/sha256"
	"fmt"
	"strconv"
	"strings"
	"time"

	"gorm.io/gorm/clause"
)

// Source is how the shop learnt of money.
type Source string

const (
	SourceNotification Source = "notification"
	SourceStatusQuery  Source = "status_query"
)

// ReceiptStatus says what became of money that arrived.
type ReceiptStatus string

const (
	// ReceiptApplied: it pays its order.
	ReceiptApplied ReceiptStatus = "applied"
	// ReceiptHeld: it does not fit, and an open case asks a person what to do with it.
	ReceiptHeld ReceiptStatus = "held"
	// ReceiptReturned: it was not applied, and a person noted that it was refunded.
	ReceiptReturned ReceiptStatus = "returned"
	// ReceiptKept: it was not applied, and a person decided that nothing is to be done.
	ReceiptKept ReceiptStatus = "kept"
	// ReceiptDuplicate: a person decided that it is another telling of money that has a
	// receipt. It is no money.
	ReceiptDuplicate ReceiptStatus = "duplicate"
)

// Receipt is one arrival of money. A reusable code has one for each payment.
type Receipt struct {
	ID            int64
	PaymentID     *int64 // nil where the invoice number is not ours
	InvoiceNumber string // as the gateway named it
	Amount        int64  // whole rupiah
	PaidAt        time.Time
	Source        Source // of the first telling
	Notified      bool   // a notification has told of it, too or first
	Status        ReceiptStatus

	// Identifiers are what the gateway named the payment by at the till, as JSON, and
	// TillTransaction is the one among them that identifies it, empty where there is none.
	Identifiers     string
	TillTransaction string
	PaymentCode     string // as the gateway named it, empty where it did not
	Channel         string // likewise

	// What people noted about refunds: the sum, and the day and way of the latest. The shop
	// moves no money.
	Refunded     int64 // whole rupiah
	RefundedOn   *time.Time
	RefundMethod string

	CreatedAt time.Time
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

	// TillTransaction is taken from Identifiers when the arrival is applied.
	TillTransaction string
	// Message names the message that tells of it.
	Message string
	// ToldBefore is the receipt that an earlier message with the same Request-Id told of.
	ToldBefore int64
}

// ChannelIndomaret is the one channel this shop takes money through.
const ChannelIndomaret = "ONLINE_TO_OFFLINE_INDOMARET"

// Effect is what an arrival, or a notification, changed.
type Effect string

const (
	EffectNone          Effect = "none"
	EffectPaid          Effect = "paid"
	EffectPaidLate      Effect = "paid_late"      // after the code had expired: a case asks a person
	EffectReceiptAdded  Effect = "receipt_added"  // another payment of a reusable code
	EffectSecondPayment Effect = "second_payment" // money for an order that was paid or cancelled: held
	EffectExpired       Effect = "expired"
	EffectFlagged       Effect = "flagged" // nothing was paid and a case asks a person
)

// applied is what became of an arrival: the shop's verdict, the effect, and the receipt
// it told of, 0 for none.
type applied struct {
	verdict Verdict
	effect  Effect
	receipt int64
}

// ApplyStatus applies what a status query found to be paid. It is the same code
// path as a notification's, so it does not matter which comes first.
func (s *Store) ApplyStatus(ctx context.Context, call *APICall, a Arrival) (Effect, error) {
	a.Source = SourceStatusQuery
	a.Message = fmt.Sprintf("status answer of %s, Rp %d, code %s, till transaction %s",
		a.InvoiceNumber, a.Amount, a.PaymentCode, TillIdentifier(a.Identifiers, tillTransaction))
	var done applied
	err := s.transactAfter(ctx, call, func(tx *transaction) (err error) {
		done, err = applyArrival(tx, a, s.now())
		return err
	})
	return done.effect, err
}

// maxIdentifiers is how many bytes of identifiers a receipt keeps; the notification is
// kept whole.
const maxIdentifiers = 4000

// maxTillTransaction is how long a till's transaction id may be to be kept as it is.
const maxTillTransaction = 200

// tidied is the arrival as it is compared and kept.
func (a Arrival) tidied() Arrival {
	a.PaidAt = a.PaidAt.UTC().Truncate(time.Microsecond) // no database keeps it any finer
	a.InvoiceNumber, a.PaymentCode, a.Channel = indexed(a.InvoiceNumber), indexed(a.PaymentCode), indexed(a.Channel)
	a.TillTransaction = TillIdentifier(a.Identifiers, tillTransaction)
	if len(a.TillTransaction) > maxTillTransaction {
		a.TillTransaction = fmt.Sprintf("sha256:%x", sha256.Sum256([]byte(a.TillTransaction)))
	}
	if len(a.Identifiers) > maxIdentifiers {
		a.Identifiers = fmt.Sprintf(`[{"name":"SHA-256","value":"%x"}]`, sha256.Sum256([]byte(a.Identifiers)))
	}
	return a
}

// applyArrival turns money into a receipt, a paid payment and a paid order, or into a
// receipt that is held and a case for a person.
func applyArrival(tx *transaction, a Arrival, now time.Time) (applied, error) {
	a = a.tidied()
	p, err := lockPayment(tx, byInvoice, a.InvoiceNumber)
	if err == ErrNotFound {
		return holdUnknown(tx, a, now)
	}
	if err != nil {
		return applied{}, err
	}
	if err := tx.Where("payment_id = ?", p.ID).Order("id").Find(&p.Receipts).Error; err != nil {
		return applied{}, err
	}
	switch like, i := recognise(p.Receipts, a, p.Reusable); {
	case like == sameMoney:
		return toldAgain(tx, p, p.Receipts[i], a, now)
	case like == unclearMoney && a.Source == SourceStatusQuery:
		return applied{verdict: VerdictNoted, effect: EffectFlagged}, raiseOnce(tx, Case{
			Kind: CaseUnclear, About: a.Message, OrderID: &p.OrderID, PaymentID: &p.ID,
			Detail: "a " + a.Message + " names another till transaction than the receipts do"})
	case like == unclearMoney:
		return hold(tx, p, a, VerdictHeld, CaseUnclear, now)
	}
	kind := misfit(p, a)
	if kind == "" && p.Code == "" && a.PaymentCode != "" { // its own code has not come yet
		taken, err := codeTaken(tx, p, a.PaymentCode, now)
		if err != nil {
			return applied{}, err
		}
		if taken {
			kind = CaseWrongCode
		}
	}
	if kind != "" {
		return hold(tx, p, a, VerdictMismatched, kind, now)
	}
	return take(tx, p, a, now)
}

// misfit returns the first thing about an arrival that does not fit, empty where all does.
func misfit(p Payment, a Arrival) CaseKind {
	if all := misfits(p, a); len(all) > 0 {
		return all[0]
	}
	return ""
}

// misfits compares an arrival with the payment it claims to be for. What the gateway left
// out is not a mismatch; what differs never pays by itself.
func misfits(p Payment, a Arrival) (all []CaseKind) {
	if a.Amount != p.Amount {
		all = append(all, CaseWrongAmount)
	}
	if a.PaymentCode != "" && p.Code != "" && a.PaymentCode != p.Code {
		all = append(all, CaseWrongCode)
	}
	if a.Channel != "" && !strings.EqualFold(a.Channel, ChannelIndomaret) {
		all = append(all, CaseWrongChannel)
	}
	return all
}

// newReceipt keeps an arrival.
func newReceipt(tx *transaction, p *Payment, a Arrival, status ReceiptStatus, now time.Time) (Receipt, error) {
	r := Receipt{
		InvoiceNumber: a.InvoiceNumber, Amount: a.Amount, PaidAt: a.PaidAt, Status: status, CreatedAt: now,
		Source: a.Source, Notified: a.Source == SourceNotification,
		Identifiers: a.Identifiers, TillTransaction: a.TillTransaction, PaymentCode: a.PaymentCode, Channel: a.Channel,
	}
	if a.PaidAt.IsZero() {
		r.PaidAt = now
	}
	change := AuditEvent{Kind: AuditReceipt, Subject: a.InvoiceNumber, Became: strconv.FormatInt(r.Amount, 10)}
	if p != nil {
		r.PaymentID, change.OrderID, change.PaymentID = &p.ID, p.OrderID, p.ID
	}
	created := tx.Clauses(clause.OnConflict{DoNothing: true}).Create(&r)
	if created.RowsAffected > 0 {
		tx.audit(change)
	}
	return r, created.Error
}

// take applies money that fits: it pays its order, unless that is over.
func take(tx *transaction, p Payment, a Arrival, now time.Time) (applied, error) {
	if err := markPaid(tx, p, a.PaymentCode); err != nil {
		return applied{}, err
	}
	switch {
	case p.Order.Status == OrderCancelled:
		return hold(tx, p, a, VerdictHeld, CasePaidCancelled, now)
	case !p.takesMoney():
		return hold(tx, p, a, VerdictHeld, CaseSecondPayment, now)
	}
	r, err := newReceipt(tx, &p, a, ReceiptApplied, now)
	if err != nil {
		return applied{}, err
	}
	effect, err := settleOrder(tx, p, r, now)
	return applied{VerdictApplied, effect, r.ID}, err
}

// takesMoney reports whether the order of a payment can still be paid by it: it is not
// over, or it was paid with this very code, which may be paid again for as long as the
// goods are held for it.
func (p Payment) takesMoney() bool {
	again := p.Order.Status == OrderPaid && p.State == PaymentPaid && p.Reusable && p.Order.StockHeld
	return again || p.Order.Status == OrderAwaitingPayment || p.Order.Status == OrderExpired
}

// settleOrder ends the order of a payment that money was applied to. Money after the
// deadline is a case: the goods may have gone to somebody else.
func settleOrder(tx *transaction, p Payment, r Receipt, now time.Time) (Effect, error) {
	if p.Order.Status == OrderPaid {
		return EffectReceiptAdded, nil
	}
	paid, err := payOrder(tx, *p.Order, r.PaidAt)
	if err != nil {
		return "", err
	}
	if !paid {
		return "", fmt.Errorf("order %s is %s and cannot be paid", p.Order.Number, p.Order.Status)
	}
	if err := enqueue(tx, Mail{OrderID: p.OrderID, PaymentID: p.ID, Kind: MailPaid, SendAt: now}); err != nil {
		return "", err
	}
	if p.State != PaymentExpired && p.State != PaymentFailed {
		return EffectPaid, nil
	}
	return EffectPaidLate, raiseOnce(tx, Case{
		Kind: CaseLatePayment, About: aboutReceipt(r.ID), OrderID: &p.OrderID, PaymentID: &p.ID, ReceiptID: &r.ID,
		Detail: fmt.Sprintf("Rp %d for %s at %s; the payment was %s already",
			r.Amount, p.InvoiceNumber, r.PaidAt.Format(time.RFC3339), p.State),
	})
}

// markPaid moves a payment that fitting money came for to paid. A reusable code is asked
// about for as long as it can be paid again, any other never more.
func markPaid(tx *transaction, p Payment, code string) error {
	if p.Code != "" {
		code = p.Code
	}
	next := p.NextCheckAt
	if !p.Reusable {
		next = nil
	}
	_, err := movePayment(tx, p, PaymentPaid, map[string]any{"next_check_at": next, "code": code, "leased_until": nil, "last_error": ""})
	if err != nil || code == p.Code { // it is found by its code already
		return err
	}
	return saveWords(tx, p.OrderID, fold(code))
}

// hold keeps money that is not applied, asks a person about it, and tells the customer.
func hold(tx *transaction, p Payment, a Arrival, verdict Verdict, kind CaseKind, now time.Time) (applied, error) {
	r, err := newReceipt(tx, &p, a, ReceiptHeld, now)
	if err != nil {
		return applied{}, err
	}
	c := Case{Kind: kind, About: aboutReceipt(r.ID), OrderID: &p.OrderID, PaymentID: &p.ID, ReceiptID: &r.ID,
		Detail: fmt.Sprintf("Rp %d arrived for %s, Rp %d was asked for; code %q, channel %q, till transaction %q, order %s",
			r.Amount, p.InvoiceNumber, p.Amount, r.PaymentCode, r.Channel, r.TillTransaction, p.Order.Status)}
	if err := raise(tx, &c); err != nil {
		return applied{}, err
	}
	effect := EffectFlagged
	if kind == CaseSecondPayment || kind == CasePaidCancelled {
		effect = EffectSecondPayment
	}
	mail := Mail{OrderID: p.OrderID, PaymentID: p.ID, CaseID: c.ID, Kind: MailMoney, SendAt: now}
	return applied{verdict, effect, r.ID}, enqueue(tx, mail)
}

// holdUnknown keeps money for an invoice number that is not ours.
func holdUnknown(tx *transaction, a Arrival, now time.Time) (applied, error) {
	var known []Receipt
	if err := tx.Where("invoice_number = ? AND payment_id IS NULL", a.InvoiceNumber).Order("id").Find(&known).Error; err != nil {
		return applied{}, err
	}
	if like, i := recognise(known, a, true); like == sameMoney {
		if err := learn(tx, known[i], a, true); err != nil || known[i].Amount == a.Amount || !a.certain(known[i], true) {
			return applied{VerdictRepeated, EffectNone, known[i].ID}, err
		}
		return applied{VerdictMismatched, EffectFlagged, known[i].ID}, raiseContradiction(tx, nil, known[i], a)
	}
	r, err := newReceipt(tx, nil, a, ReceiptHeld, now)
	if err != nil {
		return applied{}, err
	}
	if r.ID == 0 { // another telling of it was quicker, at the same time
		return applied{verdict: VerdictRepeated, effect: EffectNone}, nil
	}
	return applied{VerdictUnknownInvoice, EffectFlagged, r.ID}, raiseOnce(tx, Case{
		Kind: CaseUnknownInvoice, About: aboutReceipt(r.ID), ReceiptID: &r.ID,
		Detail: fmt.Sprintf("Rp %d for invoice number %s, which is not ours", a.Amount, a.InvoiceNumber),
	})
}
