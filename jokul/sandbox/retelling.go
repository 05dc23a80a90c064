package sandbox

import (
	"bytes"
	"encoding/json"
	"slices"
	"time"
)

// Values of Faults.Retelling: ways in which what the gateway tells of one payment
// differs from one message to the next, in what does not matter. Each works alone
// and together with the others. Amount, code and invoice number stay the same, and
// so does the value of AGENT_TRX_ID wherever it is told. The ledger is not affected.
const (
	// Notifications. The first attempt is as usual where nothing else is said.
	RetellDate            = "date"              // attempts after the first: transaction.date is when they are sent, on the sandbox's clock
	RetellRequestID       = "request_id"        // attempts after the first: a new Request-Id each
	RetellAtOnce          = "at_once"           // the first attempt is three at once, each with its own Request-Id
	RetellMore            = "more"              // attempts after the first: one identifier more
	RetellNoTransactionID = "no_transaction_id" // no identifier AGENT_TRX_ID in any attempt

	// Notifications and status answers.
	RetellOrder = "order" // the identifiers in another order each time
	RetellCase  = "case"  // AGENT_TRX_ID spelt in another case each time: agent_trx_id, Agent_Trx_Id
	RetellFewer = "fewer" // the first attempt and every status answer: one identifier less, AGENT_STORE_ID

	// Status answers.
	RetellStatusDate            = "status_date"              // transaction.date is a second later than the payment's
	RetellStatusNoTransactionID = "status_no_transaction_id" // no identifier AGENT_TRX_ID
	RetellStatusNoIdentifiers   = "status_no_identifiers"    // no online_to_offline_payment
)

// copiesAtOnce is how many notifications RetellAtOnce sends at once.
const copiesAtOnce = 3

// spellings of the name of the till's transaction id, the usual one first.
var spellings = []string{transactionIDName, "agent_trx_id", "Agent_Trx_Id"}

func (f Faults) retells(way string) bool { return slices.Contains(f.Retelling, way) }

// retold is the body of a notification as attempt n sends it, at a time. The first
// attempt is number 0. A body that lacks a member keeps lacking it.
func retold(body []byte, n int, at time.Time, f Faults) []byte {
	if n > 0 && f.retells(RetellDate) {
		body = edit(body, func([]byte) []byte { return marshal(dateUTC(at)) }, "transaction", "date")
	}
	return edit(body, func(raw []byte) []byte { return retoldIdentifiers(raw, n, f) }, "online_to_offline_payment", "identifier")
}

func retoldIdentifiers(raw []byte, n int, f Faults) []byte {
	var usual []identifier
	if json.Unmarshal(raw, &usual) != nil {
		return raw
	}
	list := slices.Clone(usual)
	if n == 0 && f.retells(RetellFewer) {
		list = without(list, storeIDName)
	}
	if n > 0 && f.retells(RetellMore) {
		list = append(list, identifier{"AGENT_TERMINAL_ID", "1"})
	}
	if f.retells(RetellNoTransactionID) {
		list = without(list, transactionIDName)
	}
	if list = rearranged(list, n, f); slices.Equal(list, usual) {
		return raw
	}
	return marshal(list)
}

// toldByStatus are the identifiers of a payment in a status answer, nil for none.
func toldByStatus(p Payment, f Faults) *statusPayment {
	list := identifiers(p.TransactionID)
	switch {
	case f.retells(RetellStatusNoIdentifiers):
		return nil
	case f.retells(RetellStatusNoTransactionID):
		list = without(list, transactionIDName)
	}
	if f.retells(RetellFewer) {
		list = without(list, storeIDName)
	}
	return &statusPayment{rearranged(list, 1, f)}
}

// rearranged spells and orders identifiers as the n-th message does.
func rearranged(list []identifier, n int, f Faults) []identifier {
	for i := range list {
		if f.retells(RetellCase) && list[i].Name == transactionIDName {
			list[i].Name = spellings[n%len(spellings)]
		}
	}
	if f.retells(RetellOrder) && len(list) > 0 {
		first := n % len(list)
		list = slices.Concat(list[first:], list[:first])
	}
	return list
}

func without(list []identifier, name string) []identifier {
	return slices.DeleteFunc(list, func(i identifier) bool { return i.Name == name })
}

// edit changes the value at a path in a JSON object and leaves every other byte of
// it alone. It returns the object as it is when it has no such value.
func edit(object []byte, change func([]byte) []byte, path ...string) []byte {
	if len(path) == 0 {
		return change(object)
	}
	members := map[string]json.RawMessage{}
	if json.Unmarshal(object, &members) != nil || members[path[0]] == nil {
		return object
	}
	value := members[path[0]]
	return bytes.Replace(object, value, edit(value, change, path[1:]...), 1)
}
