// Package payments is the payment flow of the shop. It knows the shop's models
// and the gateway's client, and neither a web framework nor SQL. Read its files in
// the order in which a payment happens:
//
//	payments.go      Service: what the flow needs, and what it tells the rest of the shop
//	order.go         an order is placed, or gets another code: save first, then call
//	code.go          the gateway is asked for a payment code, and its answer is saved
//	deadline.go      until when the code can be paid, by the shop's clock
//	instructions.go  the gateway's own words on how to pay
//	notification.go  the gateway says that money came: verify, parse, apply, answer
//	rejection.go     messages that are not the gateway's
//	status.go        the gateway is asked, where no notification came
//	schedule.go      when it is asked next
//	worker.go        due payments are processed, after a restart too
//	decision.go      a person decides about money that does not fit
//	apicall.go       every call to the gateway is recorded
//	personal.go      records and log lines name no customer
//	metrics.go       what is counted
//
// Amounts are whole rupiah. Times are UTC. Whatever happens is one guarded
// transaction of models: of two that learn of the same thing, one changes it.
package payments

import (
	"context"
	"errors"
	"log/slog"
	"runtime/debug"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"warungjokul/jokul"
	"warungjokul/models"
)

// Config is what a Service needs. All of it is required.
type Config struct {
	Store   *models.Store
	Gateway *jokul.Client

	NotificationPath string        // the path of the Notification URL, as DOKU knows it
	Expiry           time.Duration // how long a payment code can be paid, in whole minutes
	ShopName         string        // what the till and the receipt call the shop
	CheckInterval    time.Duration // how often a shopper may have the gateway asked about a payment; 0: always

	Changed func(ctx context.Context, token string) // called when an order's pages may show something new
	MailDue func()                                  // called when a mail may have become due

	Metrics *Metrics
	Now     func() time.Time
	Log     *slog.Logger
}

// Service runs the payment flow. It is safe for concurrent use, by several
// processes on one database too.
type Service struct {
	Config
	due        Wake // something may have become due
	rejections *rejections
	background sync.WaitGroup

	rejected rate.Sometimes // bounds the log lines that strangers can cause
}

// New returns a Service. Run does its work in the background.
func New(c Config) *Service {
	return &Service{
		Config:     c,
		due:        NewWake(),
		rejections: newRejections(),
		rejected:   rate.Sometimes{First: 10, Interval: time.Second},
	}
}

// Wait returns when everything is finished that was begun in the background.
func (s *Service) Wait() { s.background.Wait() }

// Wake has the worker look for payments that have become due.
func (s *Service) Wake() { s.due.Set() }

const (
	checkoutTimeout = 4 * time.Second  // for a code, before the shopper is led to the order's page
	callTimeout     = 20 * time.Second // for one turn of the worker
	saveTimeout     = 5 * time.Second  // for one transaction; the gateway waits ten seconds for an answer at most
)

// Saving returns a context for saving what was learnt, which must not fail because
// the caller has left or the time for asking is over.
func Saving(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(ctx), saveTimeout)
}

// inBackground runs f on its own goroutine. Wait waits for it.
func (s *Service) inBackground(ctx context.Context, f func(context.Context)) {
	ctx = context.WithoutCancel(ctx)
	s.background.Go(func() {
		defer func() {
			if p := recover(); p != nil {
				s.Log.ErrorContext(ctx, "panic", "error", p, "stack", string(debug.Stack()))
			}
		}()
		f(ctx)
	})
}

// changed tells the open pages of a payment's order, and the mailer.
func (s *Service) changed(ctx context.Context, p models.Payment) {
	s.MailDue()
	if p.Order != nil {
		s.Changed(ctx, p.Order.Token)
		return
	}
	token, err := s.Store.TokenOf(ctx, p.InvoiceNumber)
	switch {
	case err == nil:
		s.Changed(ctx, token)
	case !errors.Is(err, models.ErrNotFound): // open pages find out by themselves, a little later
		s.Log.WarnContext(ctx, "find order of payment", "invoice_number", p.InvoiceNumber, "error", err)
	}
}
