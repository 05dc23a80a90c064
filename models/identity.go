package models

import (
	"encoding/json"
	"slices"
	"strings"
)

// One arrival of money is told several times: by a notification, by its resends, and by
// status answers. What is told differs in what does not matter: the date may be that of
// the telling, identifiers come in another order, spelt in another case, one more or one
// less. The functions of this file decide which tellings are of the same money. The rule
// and its table of cases are in docs/protocol.md section 13.

// tillTransaction is the identifier by which a till names one payment.
const tillTransaction = "AGENT_TRX_ID"

// TillIdentifier returns the value the gateway gave under a name, whatever the case of
// the name and its place in the list; empty where it gave none, and the first in
// alphabetical order where it gave several. list is the identifiers as JSON.
func TillIdentifier(list, name string) string {
	values := tillIdentifiersNamed(list, name)
	if len(values) == 0 {
		return ""
	}
	return slices.Min(values)
}

// tillIdentifiersNamed returns every value the gateway gave under a name.
func tillIdentifiersNamed(list, name string) (values []string) {
	var identifiers []struct{ Name, Value string }
	_ = json.Unmarshal([]byte(list), &identifiers) // what cannot be read names nothing
	for _, i := range identifiers {
		if value := strings.TrimSpace(i.Value); value != "" && strings.EqualFold(strings.TrimSpace(i.Name), name) {
			values = append(values, value)
		}
	}
	return values
}

// sameTillTransaction reports whether an arrival names the till transaction of a receipt: in any case, and where
// either has several, one of them.
func sameTillTransaction(r Receipt, a Arrival) bool {
	if a.TillTransaction == "" {
		return false
	}
	known := append(tillIdentifiersNamed(r.Identifiers, tillTransaction), r.TillTransaction)
	told := append(tillIdentifiersNamed(a.Identifiers, tillTransaction), a.TillTransaction)
	return slices.ContainsFunc(told, func(id string) bool {
		return slices.ContainsFunc(known, func(other string) bool { return strings.EqualFold(id, other) })
	})
}

// likeness says whether an arrival is money the shop has a receipt for.
type likeness string

const (
	newMoney  likeness = "new"
	sameMoney likeness = "same"
	// unclearMoney: nobody can tell. A person has to.
	unclearMoney likeness = "unclear"
)

// recognise finds the receipt that an arrival is another telling of. It returns the index
// of that receipt where it is the same money, and -1 otherwise.
//
// The till's transaction id decides wherever both tellings have one. Where one of them
// lacks it, the kind of code decides: a single-use code is paid once, and only a second
// transaction id proves otherwise; a reusable code is paid often, and what cannot be told
// apart is neither dropped nor booked. A status answer never adds money that a
// notification may be telling, too.
func recognise(receipts []Receipt, a Arrival, reusable bool) (likeness, int) {
	unnamed := -1 // the likeliest of the receipts that no transaction id tells from the arrival
	for i, r := range receipts {
		switch {
		case sameTillTransaction(r, a):
			return sameMoney, i
		case r.Status == ReceiptDuplicate || a.TillTransaction != "" && r.TillTransaction != "":
			continue // no money, or another transaction
		case unnamed < 0 || closer(r, receipts[unnamed], a):
			unnamed = i
		}
	}
	for i, r := range receipts {
		if r.ID == a.ToldBefore && (a.TillTransaction == "" || r.TillTransaction == "") {
			return sameMoney, i
		}
	}
	switch {
	case unnamed < 0 && len(receipts) > 0 && !reusable && a.Source == SourceStatusQuery:
		return unclearMoney, -1
	case unnamed < 0:
		return newMoney, -1
	case !reusable || a.Source == SourceStatusQuery || a.firstNotifies(receipts[unnamed]):
		return sameMoney, unnamed
	}
	return apart(receipts, a), -1
}

// certain reports whether an arrival is known to be another telling of a receipt, and not
// only taken for one because nothing tells them apart.
func (a Arrival) certain(r Receipt, reusable bool) bool {
	return sameTillTransaction(r, a) || !reusable || a.ToldBefore == r.ID
}

// firstNotifies reports whether a notification of a reusable code is the first one of money that only status answers
// have told of. Where those named a till transaction and the notification names none, it must be of the same second:
// it may be of a later payment, whose own notification is lost.
func (a Arrival) firstNotifies(r Receipt) bool {
	return !r.Notified && r.Amount == a.Amount && (r.TillTransaction == "" || a.PaidAt.Unix() == r.PaidAt.Unix())
}

// closer reports whether an arrival is rather another telling of r than of best: of the
// same amount, then of one that no notification has told of.
func closer(r, best Receipt, a Arrival) bool {
	if fits, fitted := r.Amount == a.Amount, best.Amount == a.Amount; fits != fitted {
		return fits
	}
	if first, before := a.firstNotifies(r), a.firstNotifies(best); first != before {
		return first
	}
	return !r.Notified && best.Notified
}

// apart decides about a notification of a reusable code that no transaction id and no
// Request-Id tells from others: two payments without ids, at different seconds, are two.
func apart(receipts []Receipt, a Arrival) likeness {
	for _, r := range receipts {
		if a.TillTransaction != "" && r.TillTransaction != "" || r.Status == ReceiptDuplicate {
			continue // two ids, or no money
		}
		if !r.Notified && r.TillTransaction == "" {
			continue // another amount that only a status answer told of
		}
		oneNamed := a.TillTransaction != r.TillTransaction
		sameSecond := a.PaidAt.IsZero() || a.PaidAt.Unix() == r.PaidAt.Unix()
		if oneNamed || sameSecond {
			return unclearMoney
		}
	}
	return newMoney
}

// learn adds to a receipt what another telling of the same money says more of it, and
// reports whether that is anything. A status answer about a reusable code may be of a later
// payment than the receipt it cannot be told from: it names none that a notification told of.
func (r *Receipt) learn(a Arrival, reusable bool) bool {
	notification := a.Source == SourceNotification
	named := r.TillTransaction == "" && a.TillTransaction != "" && (notification || !r.Notified || !reusable)
	if named {
		r.TillTransaction, r.Identifiers = a.TillTransaction, a.Identifiers
	}
	notified := notification && !r.Notified
	if notified && !a.PaidAt.IsZero() { // further notifications are compared with this one
		r.PaidAt = a.PaidAt
	}
	r.Notified = r.Notified || notification
	return named || notified
}
