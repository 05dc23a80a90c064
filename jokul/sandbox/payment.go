package sandbox

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"time"

	"warungjokul/jokul"
)

// Why the till or the sandbox refuses.
var (
	ErrUnknownCode   = errors.New("no such payment code")
	ErrExpired       = errors.New("the payment code has expired")
	ErrAlreadyPaid   = errors.New("the payment code has already been paid")
	ErrPaidOften     = fmt.Errorf("the payment code has been paid %d times, and takes no more", maxPayments)
	ErrUnknownAction = errors.New("action must be one of pay, pay_twice, pay_late, pay_wrong_amount, expire")
)

// An Action is what can happen to a payment code.
type Action string

// The actions.
const (
	ActionPay            Action = "pay"
	ActionPayTwice       Action = "pay_twice"        // two payments, even of a single-use code
	ActionPayLate        Action = "pay_late"         // pays an expired code; one that has not expired yet does so first
	ActionPayWrongAmount Action = "pay_wrong_amount" // pays another amount; status queries say so too
	ActionExpire         Action = "expire"           // lets the code expire now
)

var actions = []Action{ActionPay, ActionPayTwice, ActionPayLate, ActionPayWrongAmount, ActionExpire}

// Result is what an Action came to.
type Result struct {
	PaymentCode   string                  `json:"payment_code"`
	InvoiceNumber string                  `json:"invoice_number"`
	Amount        int64                   `json:"amount"` // what was asked for
	Status        jokul.TransactionStatus `json:"status"`
	Payments      []Payment               `json:"payments"`   // those of this action
	Delivery      *Delivery               `json:"delivery"`   // the last of Deliveries, or null
	Deliveries    []Delivery              `json:"deliveries"` // one per notification of this action, after its first attempt
}

// Pay pays a code at the till. When it returns the shop has been told, unless
// there is no Notification URL or a fault keeps it from being told.
func (s *Server) Pay(ctx context.Context, paymentCode string) (Result, error) {
	return s.Act(ctx, paymentCode, ActionPay)
}

// Act makes action happen to a payment code. The first attempt of every
// notification it causes is made before Act returns; cancelling ctx does not
// interrupt it, for the money has changed hands.
//
// ActionExpire and ActionPayLate bring a code's expiry forward to now and move no
// clock: the deadline that the merchant was told is still to come. A merchant takes
// such a payment for late if it has heard of the expiry, by asking or by PushExpired.
func (s *Server) Act(ctx context.Context, paymentCode string, action Action) (Result, error) {
	return s.perform(ctx, paymentCode, action, "")
}

// perform is Act with a fault of its own: notify may say NotifyNone or
// NotifyLate for this action alone; "" leaves it to the faults that are set.
func (s *Server) perform(ctx context.Context, paymentCode string, action Action, notify string) (Result, error) {
	result, err := s.act(paymentCode, action, notify)
	if err != nil {
		return Result{}, err
	}
	for i, d := range result.Deliveries {
		if !s.claimed(d.ID) { // it is for later
			continue
		}
		result.Deliveries[i], err = s.attempt(context.WithoutCancel(ctx), d.ID, kindFirst)
		if err != nil {
			return Result{}, err
		}
	}
	if n := len(result.Deliveries); n > 0 {
		result.Delivery = &result.Deliveries[n-1]
	}
	return result, nil
}

// act changes the state and queues what the shop is to be told.
func (s *Server) act(paymentCode string, action Action, notify string) (Result, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p, found, err := s.find(s.state.byCode, paymentCode)
	if err != nil {
		return Result{}, err
	}
	if !found {
		return Result{}, ErrUnknownCode
	}
	was := p
	p, events, err := s.happen(p, action)
	if err != nil {
		return Result{}, err
	}
	f := s.state.faults
	f.Notify = cmp.Or(notify, f.Notify)
	deliveries, err := s.queue(events, f)
	if err != nil {
		return Result{}, err
	}
	c := p.changeFrom(was)
	c.Deliveries = deliveries
	if err := s.commit(c); err != nil {
		return Result{}, err
	}
	s.claimDue(deliveries)
	s.wakeRun()
	s.log.Info("till", "action", string(action), "invoice_number", p.InvoiceNumber, "notifications", len(deliveries))
	return Result{
		PaymentCode:   p.Code,
		InvoiceNumber: p.InvoiceNumber,
		Amount:        p.Amount,
		Status:        p.transactionStatus(s.now(), 0),
		Payments:      append([]Payment{}, p.Payments[len(was.Payments):]...),
		Deliveries:    deliveries,
	}, nil
}

// happen returns p as action leaves it and what is to be told. s.mu is held.
func (s *Server) happen(p paymentCode, action Action) (paymentCode, []event, error) {
	refusal := p.payable(s.now())
	if action == ActionPayLate && errors.Is(refusal, ErrExpired) {
		refusal = nil
	}
	if refusal != nil {
		return p, nil, refusal
	}
	switch action {
	case ActionPay:
		return s.paid(p, nil, p.Amount)
	case ActionPayLate:
		p, events := s.expire(p)
		return s.paid(p, events, p.Amount)
	case ActionPayTwice:
		return s.paid(p, nil, p.Amount, p.Amount)
	case ActionPayWrongAmount:
		return s.paid(p, nil, otherAmount(p.Amount))
	case ActionExpire:
		p, events := s.expire(p)
		return p, events, nil
	}
	return p, nil, ErrUnknownAction
}

// paid adds a payment of each amount, and what is to be told of it to events. s.mu
// is held.
func (s *Server) paid(p paymentCode, events []event, amounts ...int64) (paymentCode, []event, error) {
	p.Payments = slices.Clone(p.Payments)
	for i, amount := range amounts {
		number := s.state.lastPayment + 1 + i
		id, err := s.newTransactionID(number)
		if err != nil {
			return p, nil, err
		}
		payment := Payment{Number: number, TransactionID: id, Amount: amount, PaidAt: s.now().Truncate(time.Second)}
		p.Payments = append(p.Payments, payment)
		events = append(events, event{p, jokul.TransactionSuccess, amount, payment.PaidAt, id})
	}
	return p, events, nil
}

// newTransactionID is the till's id of a payment: its number, which no other payment
// of the state file has, and six random digits, so that not even a state file that
// is deleted makes it come again.
func (s *Server) newTransactionID(number int) (string, error) {
	n, err := rand.Int(s.random, big.NewInt(1_000_000))
	if err != nil {
		return "", fmt.Errorf("sandbox: draw a transaction id: %w", err)
	}
	return fmt.Sprintf("IDM%09d%06d", number, n), nil
}

// expire lets p expire now, unless it has, and tells EXPIRED, once and only if
// told to. s.mu is held.
func (s *Server) expire(p paymentCode) (paymentCode, []event) {
	if !p.expired(s.now()) {
		p.ExpiresAt = s.now().Truncate(time.Second)
	}
	if !bool(s.state.faults.PushExpired) || p.ExpiryTold || len(p.Payments) > 0 {
		return p, nil
	}
	p.ExpiryTold = true
	return p, []event{{code: p, status: jokul.TransactionExpired, amount: p.Amount, date: p.ExpiresAt}}
}
