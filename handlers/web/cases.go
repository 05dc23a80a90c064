package web

import (
	"slices"

	"warungjokul/models"
	"warungjokul/views"
)

// CaseTitle is what the pages call a kind of case.
func CaseTitle(l views.Lang, kind models.CaseKind) string {
	if !slices.Contains(views.CaseKinds, string(kind)) {
		return l.T("case.other")
	}
	return l.T("case." + string(kind))
}

// SignedRupiah is an amount that may be below zero.
func SignedRupiah(amount int64) string {
	switch {
	case amount < 0:
		return "-" + views.Rupiah(-amount)
	case amount > 0:
		return "+" + views.Rupiah(amount)
	}
	return views.Rupiah(0)
}

// ReceiptNote says what became of money that does not simply pay its order.
func ReceiptNote(l views.Lang, r *models.Receipt) string {
	switch {
	case r == nil:
		return ""
	case r.Refunded > 0:
		note := l.T("receipt.refunded", views.Rupiah(r.Refunded), l.Day(*r.RefundedOn), r.RefundMethod)
		if r.RefundMethod == "" { // it was erased
			note = l.T("receipt.returned", views.Rupiah(r.Refunded), l.Day(*r.RefundedOn))
		}
		if r.Status == models.ReceiptReturned && r.Left() > 0 {
			note += "; " + l.T("receipt.rest", views.Rupiah(r.Left()))
		}
		return note
	case r.Status == models.ReceiptHeld, r.Status == models.ReceiptKept, r.Status == models.ReceiptDuplicate:
		return l.T("receipt." + string(r.Status))
	}
	return ""
}

// ShopperCase is what the shopper reads about an open case, empty where it is no concern
// of theirs.
func ShopperCase(l views.Lang, o models.Order, c models.Case) string {
	key := "order.case." + string(c.Kind)
	switch c.Kind {
	case models.CaseContradiction: // the money has a case of its own
		return ""
	case models.CaseLatePayment, models.CaseOutOfStock:
		return l.T(key)
	case models.CaseUnreadable:
		if c.PaymentID != nil { // money came
			return l.T(key)
		}
	}
	for _, p := range o.Payments {
		for _, r := range p.Receipts {
			if c.ReceiptID == nil || r.ID != *c.ReceiptID || r.Status != models.ReceiptHeld {
				continue
			}
			if c.Kind == models.CaseWrongAmount {
				return l.T(key, views.Rupiah(r.Amount), views.Rupiah(p.Amount))
			}
			return l.T(key, views.Rupiah(r.Amount))
		}
	}
	return ""
}

// CaseAdvice is what the shopper should do while an open case of a kind is looked at, where the case itself does not
// say so.
func CaseAdvice(l views.Lang, kind models.CaseKind) string {
	switch kind {
	case models.CaseWrongAmount, models.CaseWrongCode, models.CaseWrongChannel:
		return l.T("order.case.wait")
	}
	return ""
}

// DecisionWords is what the shopper reads about a decision. The case and its receipt must
// hold what was noted of a refund.
func DecisionWords(l views.Lang, c models.Case, kind models.DecisionKind) (words []string) {
	r := c.Receipt
	if c.NeedsRefund(kind) {
		words = append(words, l.T("words.refund", views.Rupiah(c.Refunded), l.Day(*c.RefundedOn), c.RefundMethod))
		if r.Status != models.ReceiptApplied && r.Left() > 0 {
			words = append(words, l.T("words.rest", views.Rupiah(r.Left())))
		}
	}
	switch kind {
	case models.DecisionAccept:
		words = append(words, l.T("words.accept", views.Rupiah(r.Amount)))
	case models.DecisionRefund:
		words = append(words, wordsOfTheEnd(l, c)...)
	case models.DecisionCancel:
		words = append(words, l.T("words.cancel"))
	case models.DecisionPayAgain:
		words = append(words, l.T("words.again"), l.T("words.code.over"))
	case models.DecisionCorrect:
		words = append(words, l.T("words.correct", views.Rupiah(c.Told)))
	case models.DecisionDuplicate:
		words = append(words, l.T("words.duplicate"))
	case models.DecisionNone:
		if r != nil && (r.Status == models.ReceiptHeld || r.Status == models.ReceiptKept) {
			words = append(words, l.T("words.none", views.Rupiah(r.Amount)))
			words = append(words, wordsOfTheEnd(l, c)...)
		} else {
			words = append(words, l.T("words.none.applied"))
		}
	}
	return words
}

// wordsOfTheEnd are what the shopper reads about an order that goes on without the money of a case: a single-use code
// that money came for is not to be paid again, and an order that has no other is over.
func wordsOfTheEnd(l views.Lang, c models.Case) (words []string) {
	if c.Order == nil || c.Order.Status == models.OrderPaid || c.Payment.Reusable {
		return nil
	}
	if c.EndsOrder() {
		words = append(words, l.T("words.over"))
	}
	return append(words, l.T("words.code.over"))
}
