package sandbox

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"warungjokul/jokul"
)

// Why the till or the sandbox refuses.
var (
	ErrUnknownCode   = errors.New("no such payment code")
	ErrExpired       = errors.New("the payment code has expired")
	ErrAlreadyPaid   = errors.New("the payment code has already been paid")
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
	paid := len(p.Payments)
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
	if err := s.commit(change{Code: &p, Deliveries: deliveries}); err != nil {
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
		Payments:      append([]Payment{}, p.Payments[paid:]...),
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
		p, paid := s.paid(p, p.Amount)
		return p, []event{paid}, nil
	case ActionPayLate:
		p, events := s.expire(p)
		p, paid := s.paid(p, p.Amount)
		return p, append(events, paid), nil
	case ActionPayTwice:
		p, first := s.paid(p, p.Amount)
		p, second := s.paid(p, p.Amount)
		return p, []event{first, second}, nil
	case ActionPayWrongAmount:
		p, paid := s.paid(p, otherAmount(p.Amount))
		return p, []event{paid}, nil
	case ActionExpire:
		p, events := s.expire(p)
		return p, events, nil
	}
	return p, nil, ErrUnknownAction
}

// paid adds one payment. s.mu is held.
func (s *Server) paid(p paymentCode, amount int64) (paymentCode, event) {
	number := s.state.lastPayment + 1
	if n := len(p.Payments); n > 0 {
		number = max(number, p.Payments[n-1].Number+1) // the first of two is not committed yet
	}
	payment := Payment{
		Number:        number,
		TransactionID: fmt.Sprintf("IDM%09d", number),
		Amount:        amount,
		PaidAt:        s.now().Truncate(time.Second),
	}
	p.Payments = append(slices.Clone(p.Payments), payment)
	return p, event{p, jokul.TransactionSuccess, amount, payment.PaidAt, payment.TransactionID}
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
