package sandbox

import (
	"cmp"
	"encoding/json"
	"maps"
	"slices"
	"strings"
)

// state is everything that survives a restart. It changes only through apply,
// which the journal replays: what was read back is what was there.
type state struct {
	codes      map[string]paymentCode // by payment code
	byInvoice  map[string]string      // payment code last issued for an invoice number
	byRequest  map[string]string      // payment code a create call was answered with
	deliveries map[int]Delivery
	waiting    map[int]bool // deliveries with an attempt to come: few, however many there are
	offset     Duration     // own clock ahead of wall time
	faults     Faults

	lastCode, lastPayment, lastDelivery int
}

// A change is one step from one state to the next and one line of the journal:
// what belongs together is written together or not at all.
type change struct {
	Code       *paymentCode `json:"code,omitempty"`
	Answer     *oldAnswer   `json:"answer,omitempty"`
	Deliveries []Delivery   `json:"deliveries,omitempty"`
	Offset     *Duration    `json:"offset,omitempty"`
	Faults     *Faults      `json:"faults,omitempty"`
}

func newState() state {
	return state{
		codes:      map[string]paymentCode{},
		byInvoice:  map[string]string{},
		byRequest:  map[string]string{},
		deliveries: map[int]Delivery{},
		waiting:    map[int]bool{},
		faults:     DefaultFaults(),
	}
}

func (st *state) apply(c change) {
	if c.Code != nil {
		st.applyCode(*c.Code)
	}
	if c.Answer != nil {
		st.applyAnswer(*c.Answer)
	}
	for _, d := range c.Deliveries {
		st.deliveries[d.ID] = d
		if delete(st.waiting, d.ID); d.NextAttemptAt != nil {
			st.waiting[d.ID] = true
		}
		st.lastDelivery = max(st.lastDelivery, d.ID)
	}
	if c.Offset != nil {
		st.offset = *c.Offset
	}
	if c.Faults != nil {
		st.faults = *c.Faults
	}
}

func (st *state) applyCode(p paymentCode) {
	st.codes[p.Code] = p
	if latest := st.codes[st.byInvoice[p.InvoiceNumber]]; p.Number >= latest.Number {
		st.byInvoice[p.InvoiceNumber] = p.Code
	}
	st.byRequest[p.RequestID] = p.Code
	st.lastCode = max(st.lastCode, p.Number)
	for _, payment := range p.Payments {
		st.lastPayment = max(st.lastPayment, payment.Number)
	}
}

// oldAnswer is how state files held the answer to a call before it was drawn from
// its code. They are read, and written no more.
type oldAnswer struct {
	ClientID  string `json:"client_id"`
	RequestID string `json:"request_id"`
	Digest    string `json:"digest"`
	Body      []byte `json:"body"`
}

func (st *state) applyAnswer(a oldAnswer) {
	p, known := st.codes[st.byRequest[a.RequestID]]
	var told paymentCodeReply
	if !known || json.Unmarshal(a.Body, &told) != nil {
		return
	}
	p.ClientID, p.Digest = a.ClientID, a.Digest
	p.Base, _, _ = strings.Cut(told.OnlineToOfflineInfo.HowToPayPage, howToPayPagePath)
	p.Promised, _ = parseStamp(told.OnlineToOfflineInfo.ExpiredDateUTC)
	st.codes[p.Code] = p
}

// find looks a code up by invoice number or by the Request-Id of its create call.
func (st *state) find(id string) (paymentCode, bool) {
	code, ok := st.byInvoice[id]
	if !ok {
		code, ok = st.byRequest[id]
	}
	return st.codes[code], ok
}

// changes tells the whole state in as few changes as rebuild it.
func (st *state) changes() []change {
	all := []change{{Offset: &st.offset, Faults: &st.faults}}
	for _, p := range st.codesInOrder() {
		all = append(all, change{Code: &p})
	}
	for _, d := range st.deliveriesInOrder() {
		all = append(all, change{Deliveries: []Delivery{d}})
	}
	return all
}

func (st *state) codesInOrder() []paymentCode {
	return slices.SortedFunc(maps.Values(st.codes), func(a, b paymentCode) int { return cmp.Compare(a.Number, b.Number) })
}

func (st *state) deliveriesInOrder() []Delivery {
	return slices.SortedFunc(maps.Values(st.deliveries), func(a, b Delivery) int { return cmp.Compare(a.ID, b.ID) })
}
