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
//
// Methods of Store that change something because of what the gateway answered take the call,
// nil for none. They save it in the same transaction, unless it is saved already, and record
// it as the actor of their changes.
type APICall struct {
	ID            int64  // 0 until it is saved
	PaymentID     *int64 // nil where it was about none
	Operation     string
	InvoiceNumber string
	RequestID     string // the gateway's name for it
	CausedBy      string // the request to the shop, or the run of its worker, on whose behalf it was made
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

// apiCallAge is how long calls can be looked up, and what they changed.
const apiCallAge = 30 * 24 * time.Hour

// SaveAPICall saves a call that has changed nothing, or nothing yet, unless it is saved already.
func (s *Store) SaveAPICall(ctx context.Context, call *APICall) error {
	id, err := call.save(s.write.WithContext(ctx))
	if err == nil {
		call.ID = id
	}
	return err
}

// save saves the call, unless it is saved already, and returns its ID. The call itself has no ID before the
// transaction has succeeded.
func (x APICall) save(db *gorm.DB) (id int64, err error) {
	if x.ID == 0 {
		err = db.Create(&x).Error
	}
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
