package models

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"time"
)

// toldAgain takes another telling of money that has a receipt. It books nothing, unless
// the earlier telling did not fit and this one does: then the gateway has put itself
// right. Where it contradicts what was applied, a case asks a person.
func toldAgain(tx *transaction, p Payment, r Receipt, a Arrival, now time.Time) (applied, error) {
	if err := learn(tx, r, a, p.Reusable); err != nil {
		return applied{}, err
	}
	repeated := applied{VerdictRepeated, EffectNone, r.ID}
	if !a.certain(r, p.Reusable) {
		return repeated, nil
	}
	kind, before := misfit(p, a), misfits(p, Arrival{Amount: r.Amount, PaymentCode: r.PaymentCode, Channel: r.Channel})
	if kind == "" && r.Status == ReceiptHeld && corrects(before, a) && p.takesMoney() {
		asked, err := isAskedAbout(tx, r, CaseUnclear)
		if err != nil || asked { // whether it is money at all is not settled by its amount
			return repeated, err
		}
		return corrected(tx, p, r, a, now)
	}
	if kind != "" && !slices.Contains(before, kind) || a.Amount != r.Amount {
		return applied{VerdictMismatched, EffectFlagged, r.ID}, raiseContradiction(tx, &p, r, a)
	}
	return repeated, nil
}

// raiseContradiction asks a person about a telling that contradicts the receipt of the same
// money, once for each thing that is told.
func raiseContradiction(tx *transaction, p *Payment, r Receipt, a Arrival) error {
	told := fmt.Sprintf("Rp %d, code %q, channel %q", a.Amount, a.PaymentCode, a.Channel)
	c := Case{Kind: CaseContradiction, About: aboutReceipt(r.ID) + ": " + told, ReceiptID: &r.ID, Told: a.Amount,
		Detail: fmt.Sprintf("a %s says %s; the receipt says Rp %d, code %q, channel %q",
			a.Message, told, r.Amount, r.PaymentCode, r.Channel)}
	if p != nil {
		c.OrderID, c.PaymentID = &p.OrderID, &p.ID
	}
	return raiseOnce(tx, c)
}

// isAskedAbout reports whether an open case of a kind is about a receipt.
func isAskedAbout(tx *transaction, r Receipt, kind CaseKind) (bool, error) {
	var open int64
	err := tx.Model(&Case{}).Where("receipt_id = ? AND kind = ? AND closed_at IS NULL", r.ID, kind).Count(&open).Error
	return open > 0, err
}

// learn keeps what another telling says more of a receipt.
func learn(tx *transaction, r Receipt, a Arrival, reusable bool) error {
	if !r.learn(a, reusable) {
		return nil
	}
	return tx.Model(&Receipt{}).Where("id = ?", r.ID).
		Updates(map[string]any{"notified": r.Notified, "paid_at": r.PaidAt,
			"till_transaction": r.TillTransaction, "identifiers": r.Identifiers}).Error
}

// corrects reports whether a telling that fits states rightly everything that an earlier one had stated wrongly. What
// it leaves out corrects nothing.
func corrects(wrong []CaseKind, a Arrival) bool {
	for _, kind := range wrong {
		if kind == CaseWrongCode && a.PaymentCode == "" || kind == CaseWrongChannel && a.Channel == "" {
			return false
		}
	}
	return len(wrong) > 0
}

// corrected applies money that was held because it was told wrongly at first, and closes
// the case about it.
func corrected(tx *transaction, p Payment, r Receipt, a Arrival, now time.Time) (applied, error) {
	if err := markPaid(tx, p, a.PaymentCode); err != nil {
		return applied{}, err
	}
	tx.audit(AuditEvent{OrderID: p.OrderID, PaymentID: p.ID, Kind: AuditReceipt, Subject: p.InvoiceNumber,
		Was: strconv.FormatInt(r.Amount, 10), Became: strconv.FormatInt(a.Amount, 10)})
	r.Amount, r.PaymentCode, r.Channel = a.Amount, cmp.Or(a.PaymentCode, r.PaymentCode), cmp.Or(a.Channel, r.Channel)
	err := tx.Model(&Receipt{}).Where("id = ? AND status = ?", r.ID, ReceiptHeld).
		Updates(map[string]any{"status": ReceiptApplied, "amount": r.Amount,
			"payment_code": r.PaymentCode, "channel": r.Channel}).Error
	if err != nil {
		return applied{}, err
	}
	if err := closeSettled(tx, r.ID, "a "+a.Message+" fits the order", now); err != nil {
		return applied{}, err
	}
	effect, err := settleOrder(tx, p, r, now)
	return applied{VerdictApplied, effect, r.ID}, err
}
