package models

import (
	"context"
	"errors"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"
)

// caseOf is an open case of a kind about a receipt of a status, for an order with one
// attempt to be paid.
func caseOf(kind CaseKind, receipt ReceiptStatus, order OrderStatus, state PaymentState) Case {
	id, paymentID := int64(7), int64(3)
	c := Case{Kind: kind, Order: &Order{Status: order}, PaymentID: &paymentID}
	c.Payment = &Payment{ID: paymentID, State: state, Amount: 90_000}
	if receipt != "" {
		c.ReceiptID, c.Receipt = &id, &Receipt{ID: id, Status: receipt, Amount: 89_000}
		c.Order.Payments = []Payment{{ID: paymentID, State: state, Receipts: []Receipt{*c.Receipt}}}
		return c
	}
	c.Order.Payments = []Payment{{ID: paymentID, State: state}}
	return c
}

// A case offers what can still be done, and nothing else.
func TestWhatACaseOffers(t *testing.T) {
	const (
		accept, refund, cancel = DecisionAccept, DecisionRefund, DecisionCancel
		again, once, none      = DecisionPayAgain, DecisionDuplicate, DecisionNone
	)
	change := func(c Case, what func(*Case)) Case {
		order, payment := *c.Order, *c.Payment
		c.Order, c.Payment = &order, &payment
		if c.Receipt != nil {
			receipt := *c.Receipt
			c.Receipt = &receipt
		}
		what(&c)
		return c
	}
	held := func(kind CaseKind, order OrderStatus, state PaymentState) Case {
		return caseOf(kind, ReceiptHeld, order, state)
	}
	waiting := held(CaseWrongAmount, OrderAwaitingPayment, PaymentPending)
	failed := caseOf(CaseRefused, "", OrderAwaitingPayment, PaymentFailed)
	otherCode := func(state PaymentState) func(*Case) {
		return func(c *Case) { c.Order.Payments = append(c.Order.Payments, Payment{ID: 4, State: state}) }
	}
	otherMoney := func(status ReceiptStatus) func(*Case) {
		return func(c *Case) {
			c.Order.Payments = append(c.Order.Payments, Payment{ID: 4, State: PaymentExpired, Receipts: []Receipt{{ID: 8, Status: status}}})
		}
	}
	otherPart := func(amount int64) func(*Case) {
		return func(c *Case) {
			c.Order.Payments = append(c.Order.Payments, Payment{ID: 4, State: PaymentPaid, Receipts: []Receipt{{ID: 8, Amount: amount, Status: ReceiptApplied}}})
		}
	}
	reusable := func(c *Case) { c.Payment.Reusable, c.Order.StockHeld = true, true }
	for name, tt := range map[string]struct {
		c    Case
		want []DecisionKind
	}{
		"closed":                     {change(waiting, func(c *Case) { c.ClosedAt = &time.Time{} }), nil},
		"wrong amount":               {waiting, []DecisionKind{accept, refund, again, cancel, none}},
		"wrong code":                 {held(CaseWrongCode, OrderAwaitingPayment, PaymentPending), []DecisionKind{accept, refund, again, cancel, none}},
		"wrong channel":              {held(CaseWrongChannel, OrderAwaitingPayment, PaymentPending), []DecisionKind{accept, refund, again, cancel, none}},
		"wrong amount, reusable":     {change(waiting, reusable), []DecisionKind{accept, refund, cancel, none}},
		"a newer code":               {change(waiting, otherCode(PaymentPending)), []DecisionKind{accept, refund, cancel, none}},
		"a newer code on its way":    {change(waiting, otherCode(PaymentCreating)), []DecisionKind{accept, refund, cancel, none}},
		"another code paid":          {change(waiting, otherCode(PaymentPaid)), []DecisionKind{accept, refund, cancel, none}},
		"an older code":              {change(waiting, otherCode(PaymentExpired)), []DecisionKind{accept, refund, again, cancel, none}},
		"other money held":           {change(waiting, otherMoney(ReceiptHeld)), []DecisionKind{accept, refund, none}},
		"other money returned":       {change(waiting, otherMoney(ReceiptReturned)), []DecisionKind{accept, refund, again, cancel, none}},
		"wrong amount, expired":      {held(CaseWrongAmount, OrderExpired, PaymentExpired), []DecisionKind{accept, refund, none}},
		"wrong amount, cancelled":    {held(CaseWrongAmount, OrderCancelled, PaymentPending), []DecisionKind{refund, none}},
		"wrong amount, paid":         {change(held(CaseWrongAmount, OrderPaid, PaymentPaid), otherPart(90_000)), []DecisionKind{refund, none}},
		"a further part":             {change(held(CaseWrongAmount, OrderPaid, PaymentPaid), otherPart(89_999)), []DecisionKind{accept, refund, none}},
		"a second payment of a part": {change(held(CaseSecondPayment, OrderPaid, PaymentPaid), otherPart(1)), []DecisionKind{accept, refund, once, none}},
		"wrong amount, paid again":   {change(held(CaseWrongAmount, OrderPaid, PaymentPaid), reusable), []DecisionKind{accept, refund, none}},
		"paid again, goods let go":   {change(held(CaseWrongAmount, OrderPaid, PaymentPaid), func(c *Case) { c.Payment.Reusable = true }), []DecisionKind{refund, none}},
		"unclear":                    {change(held(CaseUnclear, OrderPaid, PaymentPaid), reusable), []DecisionKind{accept, refund, once, none}},
		"second payment":             {change(held(CaseSecondPayment, OrderPaid, PaymentPaid), otherPart(90_000)), []DecisionKind{refund, once, none}},
		"cancelled":                  {held(CasePaidCancelled, OrderCancelled, PaymentPaid), []DecisionKind{refund, none}},
		"unknown invoice":            {Case{Kind: CaseUnknownInvoice, Receipt: &Receipt{Status: ReceiptHeld}}, []DecisionKind{refund, once, none}},
		"late":                       {caseOf(CaseLatePayment, ReceiptApplied, OrderPaid, PaymentPaid), []DecisionKind{none, refund}},
		"late and given back":        {change(caseOf(CaseLatePayment, ReceiptApplied, OrderPaid, PaymentPaid), func(c *Case) { c.Receipt.Refunded = c.Receipt.Amount }), []DecisionKind{none}},
		"late, a part given back":    {change(caseOf(CaseLatePayment, ReceiptApplied, OrderPaid, PaymentPaid), func(c *Case) { c.Receipt.Refunded = 1 }), []DecisionKind{none, refund}},
		"late, decided elsewhere":    {caseOf(CaseLatePayment, ReceiptKept, OrderPaid, PaymentPaid), []DecisionKind{none}},
		"contradiction":              {caseOf(CaseContradiction, "", OrderAwaitingPayment, PaymentPending), []DecisionKind{none}},
		"unreadable":                 {Case{Kind: CaseUnreadable}, []DecisionKind{none}},
		"refused":                    {failed, []DecisionKind{again, cancel, none}},
		"refused, a newer code":      {change(failed, otherCode(PaymentPending)), []DecisionKind{none, cancel}},
		"refused, an older code":     {change(failed, otherCode(PaymentExpired)), []DecisionKind{again, cancel, none}},
		"refused, money held":        {change(failed, otherMoney(ReceiptHeld)), []DecisionKind{none}},
		"no code yet":                {caseOf(CaseNoCode, "", OrderAwaitingPayment, PaymentCreating), []DecisionKind{none, cancel}},
		"no code, of a paid order":   {caseOf(CaseNoCode, "", OrderPaid, PaymentCreating), []DecisionKind{none}},
		"about an order, not a code": {change(caseOf(CaseNoCode, "", OrderAwaitingPayment, PaymentFailed), func(c *Case) { c.Payment, c.PaymentID = nil, nil }), []DecisionKind{none, cancel}},
	} {
		if got := tt.c.Decisions(); !slices.Equal(got, tt.want) {
			t.Errorf("%s: offered %v, want %v", name, got, tt.want)
		}
	}
}

// Giving money back needs an amount of at most what came, a day and a way.
func TestWhatADecisionMustSay(t *testing.T) {
	c := caseOf(CaseWrongAmount, ReceiptHeld, OrderAwaitingPayment, PaymentPending)
	whole := Decision{Refund: 89_000, RefundedOn: time.Unix(1, 0), RefundMethod: "transfer"}
	change := func(what func(*Decision)) Decision { d := whole; what(&d); return d }
	for name, tt := range map[string]struct {
		d    Decision
		want error
	}{
		"whole":        {whole, nil},
		"nothing":      {change(func(d *Decision) { d.Refund = 0 }), ErrRefund},
		"less":         {change(func(d *Decision) { d.Refund = -1 }), ErrRefund},
		"too much":     {change(func(d *Decision) { d.Refund = 89_001 }), ErrRefund},
		"without day":  {change(func(d *Decision) { d.RefundedOn = time.Time{} }), ErrRefund},
		"without way":  {change(func(d *Decision) { d.RefundMethod = "" }), ErrRefund},
		"nothing said": {Decision{}, ErrRefund},
	} {
		for _, kind := range []DecisionKind{DecisionRefund, DecisionCancel, DecisionPayAgain} {
			tt.d.Kind = kind
			if err := c.check(tt.d); !errors.Is(err, tt.want) {
				t.Errorf("%s, %s: %v, want %v", kind, name, err, tt.want)
			}
		}
	}
	for kind, want := range map[DecisionKind]error{DecisionRefund: nil, DecisionCancel: ErrRefund, DecisionPayAgain: ErrRefund} {
		part := change(func(d *Decision) { d.Kind, d.Refund = kind, 88_999 })
		if err := c.check(part); !errors.Is(err, want) {
			t.Errorf("%s, with a part refunded: %v, want %v", kind, err, want)
		}
	}
	for _, kind := range []DecisionKind{DecisionAccept, DecisionNone} {
		if err := c.check(Decision{Kind: kind}); err != nil {
			t.Errorf("%s needs nothing: %v", kind, err)
		}
	}
	if err := c.check(Decision{Kind: DecisionSettled}); !errors.Is(err, ErrNotOffered) {
		t.Errorf("settled: %v", err)
	}
	if err := caseOf(CaseRefused, "", OrderAwaitingPayment, PaymentFailed).check(Decision{Kind: DecisionCancel}); err != nil {
		t.Errorf("where no money came there is none to give back: %v", err)
	}
	c.ClosedAt = &time.Time{}
	if err := c.check(whole); !errors.Is(err, ErrDecided) {
		t.Errorf("closed: %v", err)
	}
}

// The shopper is told of what happens to money and to the order, and of nothing twice.
func TestWhoIsTold(t *testing.T) {
	money := caseOf(CaseWrongAmount, ReceiptHeld, OrderAwaitingPayment, PaymentPending)
	refused := caseOf(CaseRefused, "", OrderAwaitingPayment, PaymentFailed)
	refunded := caseOf(CaseLatePayment, ReceiptApplied, OrderPaid, PaymentPaid)
	refunded.Receipt.Refunded = 1
	for row, tt := range []struct {
		c    Case
		kind DecisionKind
		want bool
	}{
		{money, DecisionNone, true}, {money, DecisionRefund, true}, {money, DecisionSettled, false},
		{refused, DecisionNone, false}, {refused, DecisionCancel, true}, {refused, DecisionPayAgain, true}, {refused, DecisionSettled, false},
		{refunded, DecisionNone, false}, {refunded, DecisionRefund, true},
		{Case{Receipt: money.Receipt}, DecisionRefund, false},
	} {
		if got := tt.c.TellsShopper(tt.kind); got != tt.want {
			t.Errorf("row %d: %v, want %v", row, got, tt.want)
		}
	}
	if d := money.Difference(); d != -1000 {
		t.Errorf("difference %d, want -1000", d)
	}
	for _, c := range []Case{refused, {Receipt: money.Receipt}} {
		if d := c.Difference(); d != 0 {
			t.Errorf("difference %d of nothing to compare", d)
		}
	}
}

// Each decision about a wrong amount, once: what becomes of the order, the money and the
// code, who has decided and why, and what the shopper is told.
func TestDecide(t *testing.T) {
	ctx := context.Background()
	for kind, want := range map[DecisionKind]struct {
		order    OrderStatus
		payments []PaymentState
		receipt  ReceiptStatus
		refunded int64
	}{
		DecisionAccept:   {OrderPaid, []PaymentState{PaymentPaid}, ReceiptApplied, 0},
		DecisionRefund:   {OrderExpired, []PaymentState{PaymentExpired}, ReceiptReturned, 89_000},
		DecisionCancel:   {OrderCancelled, []PaymentState{PaymentPending}, ReceiptReturned, 89_000},
		DecisionPayAgain: {OrderAwaitingPayment, []PaymentState{PaymentExpired, PaymentCreating}, ReceiptReturned, 89_000},
		DecisionNone:     {OrderExpired, []PaymentState{PaymentExpired}, ReceiptKept, 0},
	} {
		t.Run(string(kind), func(t *testing.T) {
			s, c := openStore(t)
			before := stock(t, s, "MNM-GAYO")
			o := withCode(t, s, c, "MNM-GAYO")
			wrong := paid(o.Payment(), c.now())
			wrong.Amount = 89_000
			deliver(t, s, c, "wrong", "{}", PaidEvent(wrong))
			open := only(t, s)
			d := Decision{Kind: kind, By: "Sari", Reason: "agreed", Refund: wrong.Amount, RefundedOn: c.now(), RefundMethod: "transfer"}
			d.Next = attempt(o, o.NextAttempt())
			closed, err := s.Decide(ctx, open.ID, d)
			if err != nil {
				t.Fatal(err)
			}
			if closed.ClosedAt == nil || closed.Decision != kind || closed.DecidedBy != "Sari" || closed.Reason != "agreed" {
				t.Errorf("closed %v with %s by %q because %q", closed.ClosedAt, closed.Decision, closed.DecidedBy, closed.Reason)
			}
			got := reload(t, s, o)
			var states []PaymentState
			for _, p := range got.Payments {
				states = append(states, p.State)
			}
			if got.Status != want.order || !slices.Equal(states, want.payments) {
				t.Errorf("order %s, payments %v; want %s, %v", got.Status, states, want.order, want.payments)
			}
			r := got.Payments[0].Receipts[0]
			if r.Status != want.receipt || r.Refunded != want.refunded || (r.RefundedOn == nil) != (want.refunded == 0) || r.Amount != wrong.Amount {
				t.Errorf("receipt %+v", r)
			}
			became := string(want.receipt)
			if want.refunded > 0 {
				became += " 89000"
			}
			changes, err := s.AuditEventsOf(ctx, o.ID)
			written := func(c AuditEvent) bool {
				return c.Kind == AuditReceipt && c.Subject == o.Payment().InvoiceNumber && c.PaymentID == o.Payment().ID && c.Was == "held" && c.Became == became
			}
			if err != nil || !slices.ContainsFunc(changes, written) {
				t.Errorf("no change to %q is written: %+v, %v", became, changes, err)
			}
			held := got.Status == OrderPaid || got.Status == OrderAwaitingPayment
			if got.StockHeld != held || (stock(t, s, "MNM-GAYO") == before) == held {
				t.Errorf("order %s, stock held %v, %d left, was %d", got.Status, got.StockHeld, stock(t, s, "MNM-GAYO"), before)
			}
			var told int64
			if err := s.read.Model(&Mail{}).Where("case_id = ? AND kind = ?", open.ID, MailDecided).Count(&told).Error; err != nil || told != 1 {
				t.Errorf("%d mails about the decision, %v", told, err)
			}
			if _, err := s.Decide(ctx, open.ID, d); !errors.Is(err, ErrDecided) {
				t.Errorf("decided again: %v", err)
			}
		})
	}
}

// Money for nobody is decided, too, and nobody is told.
func TestDecideAboutMoneyForNobody(t *testing.T) {
	s, c := openStore(t)
	deliver(t, s, c, "else", "{}", PaidEvent(Arrival{InvoiceNumber: "ELSE-1", Amount: 10_000}))
	decideRefund(t, s, only(t, s))
	var r Receipt
	var mails int64
	if err := s.read.First(&r).Error; err != nil || r.Status != ReceiptReturned || r.Refunded != 10_000 {
		t.Errorf("receipt %+v, %v", r, err)
	}
	if err := s.read.Model(&Mail{}).Count(&mails).Error; err != nil || mails != 0 {
		t.Errorf("%d mails, %v", mails, err)
	}
}

// What is decided about other money touches no goods that were paid for, and no code that the
// gateway is still asked about.
func TestWhatADecisionLeavesAlone(t *testing.T) {
	ctx := context.Background()
	t.Run("the goods, when a second payment is refunded", func(t *testing.T) {
		s, c := openStore(t)
		o := withCode(t, s, c, "MNM-GAYO")
		for i := range 2 {
			deliver(t, s, c, string(rune('a'+i)), "{}", PaidEvent(numbered(paid(o.Payment(), c.now()), i)))
		}
		before := stock(t, s, "MNM-GAYO")
		decideRefund(t, s, only(t, s))
		if got := reload(t, s, o); got.Status != OrderPaid || !got.StockHeld || stock(t, s, "MNM-GAYO") != before {
			t.Errorf("order %s, stock held %v, %d left, was %d", got.Status, got.StockHeld, stock(t, s, "MNM-GAYO"), before)
		}
	})
	t.Run("the code of a cancelled order", func(t *testing.T) {
		s, c := openStore(t)
		o := withCode(t, s, c, "MNM-GAYO")
		if _, err := s.CancelOrder(ctx, o.ID); err != nil {
			t.Fatal(err)
		}
		wrong := paid(o.Payment(), c.now())
		wrong.Amount--
		deliver(t, s, c, "wrong", "{}", PaidEvent(wrong))
		decideRefund(t, s, only(t, s))
		if got := reload(t, s, o); got.Status != OrderCancelled || got.Payment().State != PaymentPending {
			t.Errorf("order %s, payment %s", got.Status, got.Payment().State)
		}
	})
	t.Run("a code that is on its way", func(t *testing.T) {
		s, _ := openStore(t)
		o := place(t, s, "MNM-GAYO", 1)
		if err := s.Raise(ctx, nil, o.Payment(), CaseNoCode, "why"); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Decide(ctx, only(t, s).ID, Decision{Kind: DecisionNone, By: "Sari", Reason: "x"}); err != nil {
			t.Fatal(err)
		}
		if got := reload(t, s, o); got.Status != OrderAwaitingPayment || got.Payment().State != PaymentCreating {
			t.Errorf("order %s, payment %s", got.Status, got.Payment().State)
		}
	})
	for kind, refunded := range map[DecisionKind]int64{DecisionNone: 0, DecisionRefund: 7} {
		t.Run("late money that was applied, by "+string(kind), func(t *testing.T) {
			s, c := openStore(t)
			o := withCode(t, s, c, "MNM-GAYO")
			if err := s.Expire(ctx, nil, o.Payment().ID); err != nil {
				t.Fatal(err)
			}
			deliver(t, s, c, "late", "{}", PaidEvent(paid(o.Payment(), c.now())))
			d := Decision{Kind: kind, By: "Sari", Reason: "x", Refund: refunded, RefundedOn: c.now(), RefundMethod: "cash"}
			if _, err := s.Decide(ctx, only(t, s).ID, d); err != nil {
				t.Fatal(err)
			}
			got := reload(t, s, o)
			if r := got.Payment().Receipts[0]; got.Status != OrderPaid || !got.StockHeld || r.Status != ReceiptApplied || r.Refunded != refunded {
				t.Errorf("order %s, stock held %v, receipt %+v", got.Status, got.StockHeld, r)
			}
		})
	}
	t.Run("the shopper, where nothing changes", func(t *testing.T) {
		s, c := openStore(t)
		o := place(t, s, "MNM-GAYO", 1)
		if err := s.RefuseCode(ctx, nil, o.Payment(), "no", c.now().Add(time.Hour)); err != nil {
			t.Fatal(err)
		}
		open := only(t, s)
		if _, err := s.Decide(ctx, open.ID, Decision{Kind: DecisionNone, By: "Sari", Reason: "x"}); err != nil {
			t.Fatal(err)
		}
		var told int64
		if err := s.read.Model(&Mail{}).Where("case_id = ?", open.ID).Count(&told).Error; err != nil || told != 0 {
			t.Errorf("%d mails, %v", told, err)
		}
	})
}

// Of many decisions at once about one case, one is carried out.
func TestDecideAtOnce(t *testing.T) {
	s, c := openStore(t)
	o := withCode(t, s, c, "MNM-GAYO")
	wrong := paid(o.Payment(), c.now())
	wrong.Amount--
	deliver(t, s, c, "wrong", "{}", PaidEvent(wrong))
	deliver(t, s, c, "else", "{}", PaidEvent(Arrival{InvoiceNumber: "ELSE-1", Amount: 10_000}))
	for i, open := range casesOf(t, s) {
		came := []int64{wrong.Amount, 10_000}[i]
		var carried atomic.Int32
		var people errgroup.Group
		for i := range 12 {
			d := Decision{Kind: []DecisionKind{DecisionNone, DecisionRefund, DecisionCancel}[i%3], By: "Sari", Reason: "x", Refund: came, RefundedOn: c.now(), RefundMethod: "cash"}
			people.Go(func() error {
				_, err := s.Decide(context.Background(), open.ID, d)
				if err == nil {
					carried.Add(1)
				} else if !errors.Is(err, ErrDecided) && !errors.Is(err, ErrNotOffered) {
					return err
				}
				return nil
			})
		}
		if err := people.Wait(); err != nil || carried.Load() != 1 {
			t.Errorf("%s: %d decisions were carried out, %v", open.Kind, carried.Load(), err)
		}
	}
}
