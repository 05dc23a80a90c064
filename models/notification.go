package models

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"warungjokul/models/internal/db"
)

// Verdict is what the shop thought of a notification that verified.
type Verdict string

const (
	VerdictApplied        Verdict = "applied"
	VerdictRepeated       Verdict = "repeated"        // of a payment known already
	VerdictHeld           Verdict = "held"            // money that is not applied: a case asks a person
	VerdictMismatched     Verdict = "mismatched"      // likewise, for its amount, code or channel differ
	VerdictUnknownInvoice Verdict = "unknown_invoice" // likewise, for the invoice number is not ours
	VerdictUnreadable     Verdict = "unreadable"      // genuine and not understood: a case
	VerdictNoted          Verdict = "noted"           // a transaction status that changes nothing
)

// Notification is one message of the gateway, as it came. The record settles
// arguments: it is kept whole, in one transaction with what it caused.
type Notification struct {
	ID        int64
	RequestID string // with BodyDigest, the name of the message
	Digest    string
	Header    string // JSON; the four signed headers as they came
	Body      []byte

	SignedWith string // which Secret Key it fitted when it came last, in the gateway client's words; empty: before that was recorded

	InvoiceNumber     string
	TransactionStatus string
	Verdict           Verdict
	Effect            Effect
	ReceiptID         *int64 // the money it tells of, nil for none

	// Deliveries counts how often exactly this message came.
	Deliveries     int64
	ReceivedAt     time.Time
	LastReceivedAt time.Time
	Duration       time.Duration // from the last byte received to the commit

	// OrderToken names the order it is about, where there is one, when it is
	// applied; it is not kept.
	OrderToken string `gorm:"-"`
}

// What a notification asks of the shop.
type notificationAct string

const (
	actPay    notificationAct = "pay"
	actExpire notificationAct = "expire"
	actNote   notificationAct = "note"
	actFlag   notificationAct = "flag"
)

// TrialInvoice is the invoice number of the notification that the shop sends
// itself to try out its Notification URL. No order has it.
const TrialInvoice = "SETUP-CHECK"

// NotificationEvent is a verified notification, translated: what it says, in
// the shop's words.
type NotificationEvent struct {
	act     notificationAct
	arrival Arrival
	problem string
	paid    bool // money came, of which more cannot be read
}

// PaidEvent says that money came.
func PaidEvent(a Arrival) NotificationEvent {
	a.Source = SourceNotification
	return NotificationEvent{act: actPay, arrival: a}
}

// ExpiredEvent says that a code can no longer be paid.
func ExpiredEvent(invoiceNumber string) NotificationEvent {
	return NotificationEvent{act: actExpire, arrival: Arrival{InvoiceNumber: invoiceNumber}}
}

// NotedEvent says something that changes nothing.
func NotedEvent(invoiceNumber string) NotificationEvent {
	return NotificationEvent{act: actNote, arrival: Arrival{InvoiceNumber: invoiceNumber}}
}

// UnreadableEvent says something nobody here understands.
func UnreadableEvent(invoiceNumber, problem string) NotificationEvent {
	return NotificationEvent{act: actFlag, arrival: Arrival{InvoiceNumber: invoiceNumber}, problem: problem}
}

// UnreadablePaidEvent says that money came, and nobody here understands how much.
func UnreadablePaidEvent(invoiceNumber, problem string) NotificationEvent {
	e := UnreadableEvent(invoiceNumber, problem)
	e.paid = true
	return e
}

// ApplyNotification keeps a verified notification and does what it asks for, in
// one transaction, and returns it with its verdict and effect. The same message
// again is counted and changes nothing.
func (s *Store) ApplyNotification(ctx context.Context, n Notification, e NotificationEvent, received time.Time) (Notification, error) {
	digest := sha256.Sum256(n.Body)
	n.Digest = hex.EncodeToString(digest[:])
	n.InvoiceNumber = indexed(e.arrival.InvoiceNumber)
	n.ReceivedAt, n.LastReceivedAt, n.Deliveries = received.UTC(), received.UTC(), 1
	e.arrival.Message = "notification " + n.RequestID + " " + n.Digest[:12]
	body := n.Body
	err := s.transact(ctx, func(tx *transaction) (err error) {
		n.ID, n.Body = 0, body
		k, err := knownOf(tx, n)
		if err != nil {
			return err
		}
		n.ID, n.OrderToken, e.arrival.ToldBefore = k.MessageID, k.OrderToken, k.ReceiptID
		if n.ID != 0 { // exactly this message came before, whatever its verdict was
			n.Verdict, n.Effect = VerdictRepeated, EffectNone
			return tx.Model(&Notification{}).Where("id = ?", n.ID).Updates(map[string]any{
				"deliveries": gorm.Expr("deliveries + 1"), "last_received_at": n.LastReceivedAt, "signed_with": n.SignedWith}).Error
		}
		done, err := applyEvent(tx, n, e, s.now())
		if err != nil {
			return err
		}
		n.Verdict, n.Effect, n.ReceiptID = done.verdict, done.effect, nil
		if done.receipt != 0 {
			n.ReceiptID = &done.receipt
		}
		if k.Erased && !isPlain(n.Body) {
			n.Body = []byte{}
		}
		n.Duration = s.now().Sub(n.ReceivedAt)
		created := tx.Clauses(clause.OnConflict{DoNothing: true}).Create(&n)
		err = created.Error
		if err == nil && created.RowsAffected == 0 { // it came twice at once: look again
			return fmt.Errorf("%w: %w", ErrUnavailable, db.ErrConflict)
		}
		if err == nil && (slices.Contains(flaggedVerdicts, n.Verdict) || n.Effect == EffectPaidLate) {
			err = tx.Model(&Case{}).Where("notification_id IS NULL AND (about = ? OR receipt_id = ?)", e.arrival.Message, n.ReceiptID).
				Update("notification_id", n.ID).Error
		}
		tx.actor = Actor{ActorNotification, n.ID}
		return err
	})
	return n, err
}

// applyEvent does what a notification asks for. One that settles nothing is a
// hint all the same: the gateway is asked what it knows.
func applyEvent(tx *transaction, n Notification, e NotificationEvent, now time.Time) (applied, error) {
	done, err := settleEvent(tx, n, e, now)
	if err != nil || done.verdict == VerdictApplied || done.verdict == VerdictRepeated {
		return done, err
	}
	p, err := lockPayment(tx, byInvoice, e.arrival.InvoiceNumber)
	if err == nil && p.State != PaymentPaid {
		err = checkSoon(tx, p, now)
	}
	if err == ErrNotFound {
		err = nil
	}
	return done, err
}

func settleEvent(tx *transaction, n Notification, e NotificationEvent, now time.Time) (applied, error) {
	message := Case{About: e.arrival.Message}
	switch e.act {
	case actPay:
		return applyArrival(tx, e.arrival, now)
	case actFlag:
		p, err := paymentWhere(tx.DB, byInvoice, e.arrival.InvoiceNumber)
		if err == nil {
			message.OrderID = &p.OrderID
			if e.paid {
				message.PaymentID = &p.ID
			}
		} else if err != ErrNotFound {
			return applied{}, err
		}
		message.Kind, message.Detail = CaseUnreadable, fmt.Sprintf("genuine notification %s could not be read: %s", n.RequestID, e.problem)
		return applied{verdict: VerdictUnreadable, effect: EffectFlagged}, raiseOnce(tx, message)
	}
	p, err := lockPayment(tx, byInvoice, e.arrival.InvoiceNumber)
	switch {
	case err == ErrNotFound && e.act == actNote && e.arrival.InvoiceNumber == TrialInvoice:
		return applied{verdict: VerdictNoted, effect: EffectNone}, nil
	case err == ErrNotFound:
		message.Kind, message.Detail = CaseUnknownInvoice, fmt.Sprintf("a notification about invoice number %s, which is not ours", e.arrival.InvoiceNumber)
		return applied{verdict: VerdictUnknownInvoice, effect: EffectFlagged}, raiseOnce(tx, message)
	case err != nil:
		return applied{}, err
	case e.act == actNote:
		return applied{verdict: VerdictNoted, effect: EffectNone}, nil
	}
	moved, err := expirePayment(tx, p.ID, now)
	if err != nil || !moved {
		return applied{verdict: VerdictNoted, effect: EffectNone}, err
	}
	return applied{verdict: VerdictApplied, effect: EffectExpired}, nil
}

// InboxKind is a part of the notifications to look at.
type InboxKind string

const (
	InboxAll      InboxKind = ""
	InboxApplied  InboxKind = "applied"
	InboxRepeated InboxKind = "repeated"
	InboxFlagged  InboxKind = "flagged" // a person was told
)

// maxAttempts is more than one order has.
const maxAttempts = 30

var flaggedVerdicts = []Verdict{VerdictHeld, VerdictMismatched, VerdictUnknownInvoice, VerdictUnreadable}

// Notifications lists a page of what came, the latest first: older than before,
// where that is not zero, and about an order or invoice number where one is given.
func (s *Store) Notifications(ctx context.Context, kind InboxKind, about string, before int64, limit int) ([]Notification, error) {
	query := gorm.G[Notification](s.read).Order("id DESC").Limit(limit)
	switch kind {
	case InboxApplied:
		query = query.Where("verdict = ?", VerdictApplied)
	case InboxRepeated:
		query = query.Where("verdict = ? OR deliveries > 1", VerdictRepeated)
	case InboxFlagged:
		query = query.Where("verdict IN ?", flaggedVerdicts)
	}
	if about != "" {
		names := []string{about}
		for attempt := range int64(maxAttempts) {
			names = append(names, InvoiceNumber(about, attempt+1))
		}
		query = query.Where("invoice_number IN ?", names)
	}
	if before != 0 {
		query = query.Where("id < ?", before)
	}
	return query.Find(ctx)
}

// Notification finds one, or says ErrNotFound.
func (s *Store) Notification(ctx context.Context, id int64) (Notification, error) {
	return gorm.G[Notification](s.read).Where("id = ?", id).Take(ctx)
}

// SameNotification finds the row that a message is kept in, or says ErrNotFound.
func (s *Store) SameNotification(ctx context.Context, n Notification) (Notification, error) {
	return gorm.G[Notification](s.read).Where("request_id = ? AND digest = ?", n.RequestID, n.Digest).Take(ctx)
}

// VerdictCount is how many messages had a verdict, and how often they came.
type VerdictCount struct {
	Verdict              Verdict
	Messages, Deliveries int64
}

// VerdictCounts says how many notifications came, by the verdict on them.
func (s *Store) VerdictCounts(ctx context.Context) ([]VerdictCount, error) {
	var list []VerdictCount
	return list, s.read.WithContext(ctx).Model(&Notification{}).
		Select("verdict, COUNT(*) AS messages, SUM(deliveries) AS deliveries").Group("verdict").Order("verdict").Scan(&list).Error
}

// LastSignedWith returns the notification that came last of those that fitted a Secret Key, or says ErrNotFound.
func (s *Store) LastSignedWith(ctx context.Context, key string) (Notification, error) {
	with := gorm.G[Notification](s.read).Where("signed_with = ?", key)
	if key == "previous" {
		with = with.Where("signed_with = 'previous'") // the condition of its index
	}
	return with.Order("last_received_at DESC").Take(ctx)
}
