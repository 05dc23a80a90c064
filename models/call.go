package models

import (
	"context"
	"slices"
	"strings"
	"time"

	"gorm.io/gorm"
)

// APICall is one call to the gateway as it went over the wire. Secrets, whole signatures and
// customers are never in it.
type APICall struct {
	ID            int64
	PaymentID     *int64 // nil where it was about none
	Operation     string
	InvoiceNumber string
	RequestID     string // the gateway's name for it
	CausedBy      string // the request to the shop, or the worker's turn, on whose behalf it was made
	Method        string
	URL           string

	RequestHeader string // JSON
	RequestBody   []byte
	StringToSign  string

	Status               int
	ResponseHeader       string // JSON
	ResponseBody         []byte
	ResponseStringToSign string
	Verified             bool
	Problem              string

	StartedAt time.Time
	Duration  time.Duration
}

// exchangesKept is how long exchanges can be looked up. They hold the customer's
// name and address, so not for ever.
const apiCallAge = 30 * 24 * time.Hour

// SaveAPICall saves a call to the gateway at once.
func (s *Store) SaveAPICall(ctx context.Context, x APICall) error {
	t := turnOf(ctx)
	if t != nil {
		x.PaymentID = &t.payment
	}
	err := s.write.WithContext(ctx).Create(&x).Error
	if t != nil && err == nil {
		t.id = x.ID
	}
	return err
}

// turn is a turn to the gateway about a payment: what it last said is the cause of
// what is changed afterwards.
type turn struct {
	payment int64
	id      int64    // of the last call that was kept
	waiting *APICall // or the call itself, which is kept with what it changes first
}

type turnKey struct{}

// Turn returns a context for a turn to the gateway about a payment, and for what is
// changed because of it.
func Turn(ctx context.Context, paymentID int64) context.Context {
	return context.WithValue(ctx, turnKey{}, &turn{payment: paymentID})
}

func turnOf(ctx context.Context) *turn {
	t, _ := ctx.Value(turnKey{}).(*turn)
	return t
}

// SaveWithChanges has a call saved by the first transaction that changes anything because of
// it. It reports false, and saves nothing, where ctx is not of a Turn. A Turn ends with EndTurn.
func SaveWithChanges(ctx context.Context, x APICall) bool {
	t := turnOf(ctx)
	if t != nil {
		x.PaymentID, t.waiting = &t.payment, &x
	}
	return t != nil
}

// EndTurn records the call that nothing was changed because of.
func (s *Store) EndTurn(ctx context.Context) error {
	if t := turnOf(ctx); t == nil || t.waiting == nil {
		return nil
	}
	return s.transact(ctx, func(*transaction) error { return nil })
}

// keep records the call that is waiting. It is kept once the transaction is.
func (t *turn) keep(tx *transaction) (id int64, err error) {
	if t.waiting == nil {
		return t.id, nil
	}
	x := *t.waiting
	err = tx.Create(&x).Error
	return x.ID, err
}

// DeleteOldAPICalls deletes the calls that are older than apiCallAge.
func (s *Store) DeleteOldAPICalls(ctx context.Context) error {
	return deleteOlder[APICall](ctx, s, "started_at", apiCallAge)
}

// APICallsOf lists the calls made for an order, in order.
func (s *Store) APICallsOf(ctx context.Context, o Order) ([]APICall, error) {
	var payments []int64
	var names []string // of calls kept before they knew their payment
	for _, p := range o.Payments {
		payments, names = append(payments, p.ID), append(names, p.InvoiceNumber, p.RequestID)
	}
	list, err := gorm.G[APICall](s.read).Where("payment_id IN ? OR (payment_id IS NULL AND invoice_number IN ?)", payments, names).
		Order("started_at DESC, id DESC").Limit(MaxAbout).Find(ctx)
	slices.Reverse(list)
	return list, err
}

// LastSigned returns the latest call whose answer was signed, or was a refusal
// with that word in it; or ErrNotFound.
func (s *Store) LastSigned(ctx context.Context, refusal string) (APICall, error) {
	return gorm.G[APICall](s.read).
		Where(`response_header LIKE '%"Signature"%' OR problem LIKE ? ESCAPE '\'`, "%"+escapeLike.Replace(refusal)+"%").
		Order("id DESC").Take(ctx)
}

// APICallsCausedBy lists the calls made on behalf of one request to the shop, or of one run of
// its worker, in order. Its id is in the log.
func (s *Store) APICallsCausedBy(ctx context.Context, id string) ([]APICall, error) {
	return gorm.G[APICall](s.read).Where("caused_by = ? AND caused_by <> ''", id).Order("started_at, id").Limit(MaxAbout).Find(ctx)
}

// NotificationsAbout lists the notifications about some invoice numbers, in the
// order in which they came.
func (s *Store) NotificationsAbout(ctx context.Context, invoiceNumbers []string) ([]Notification, error) {
	return gorm.G[Notification](s.read).Where("invoice_number IN ?", invoiceNumbers).Order("received_at, id").Limit(MaxAbout).Find(ctx)
}

// MaxAbout bounds what a page about one order shows of each thing.
const MaxAbout = 200

// escapeLike takes the meaning from what LIKE would read as a pattern.
var escapeLike = strings.NewReplacer(`\`, `\\`, "%", `\%`, "_", `\_`)

// TableName is the name that the table has had since the first version.
func (APICall) TableName() string { return "exchanges" }
