package models

import (
	"errors"
	"time"
)

// ErrRefund: a refund of no amount, of more than is left, of a part where the whole is needed, or without its day or way.
var ErrRefund = errors.New("a refund needs an amount of at most what is left, or the whole of it, a day and a way")

// Left is what of the money was not given back, in whole rupiah.
func (r Receipt) Left() int64 { return r.Amount - r.Refunded }

// KnownSince is the earliest time at which the money can have been given back: when it was paid, or when the shop
// learnt of it where the gateway dates it later. A gateway's clock may be ahead.
func (r Receipt) KnownSince() time.Time {
	if r.CreatedAt.Before(r.PaidAt) {
		return r.CreatedAt
	}
	return r.PaidAt
}

// NeedsRefund reports whether a decision must say how the money of the case was given back.
func (c Case) NeedsRefund(kind DecisionKind) bool {
	return c.Receipt != nil && (kind == DecisionRefund || kind == DecisionCancel || kind == DecisionPayAgain)
}

// NeedsWholeRefund reports whether a decision can be made only once all of the money of the case was given back: an
// order that is cancelled, or to be paid again, leaves no money of its customer behind.
func (c Case) NeedsWholeRefund(kind DecisionKind) bool {
	return c.NeedsRefund(kind) && kind != DecisionRefund
}

// checkRefund says why a decision cannot be made for what it says of a refund.
func (c Case) checkRefund(d Decision) error {
	if !c.NeedsRefund(d.Kind) {
		return nil
	}
	left := c.Receipt.Left()
	switch {
	case d.Refund < 1 || d.Refund > left,
		c.NeedsWholeRefund(d.Kind) && d.Refund != left,
		d.RefundedOn.IsZero() || d.RefundMethod == "":
		return ErrRefund
	}
	return nil
}
