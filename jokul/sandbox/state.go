package sandbox

import (
	"cmp"
	"encoding/json"
	"iter"
	"maps"
	"slices"
	"strings"
	"time"
)

// state is everything that survives a restart. It changes only through apply,
// which the journal replays: what was read back is what was there. Of payment
// codes, which become many, it holds what is asked of all at once; the rest is
// read from the journal when it is wanted.
type state struct {
	codes      []heldCode           // in the order of issue; the indexes name their places here
	byCode     map[string]int       // by payment code
	byInvoice  map[string]int       // the last issued for an invoice number
	byRequest  map[string]int       // what a create call was answered with
	byPayment  map[string]int       // by transaction id
	answers    map[string]oldAnswer // read from an old file, by Request-Id
	deliveries map[int]Delivery
	waiting    map[int]bool // deliveries with an attempt to come: few, however many there are
	secretKey  string       // made at random; empty: the configuration has always given one
	offset     Duration     // own clock ahead of wall time
	faults     Faults

	lastPayment, lastDelivery int
}

// heldCode is what is held of a paymentCode in memory, and where the rest is.
type heldCode struct {
	at        place        // in the journal
	whole     *paymentCode // where there is no journal
	payments  []Payment    // all of them; what is at that place, or whole, lacks the latest
	reusable  bool
	expiresAt time.Time
	silent    bool // its expiry will not be told: it has been, or somebody has paid
}

// open is paymentCode.open.
func (h heldCode) open() bool { return paymentCode{Reusable: h.reusable, Payments: h.payments}.open() }

// A change is one step from one state to the next and one line of the journal:
// what belongs together is written together or not at all.
type change struct {
	Code       *paymentCode `json:"code,omitempty"`
	Paid       *paidCode    `json:"paid,omitempty"`
	Answer     *oldAnswer   `json:"answer,omitempty"`
	Deliveries []Delivery   `json:"deliveries,omitempty"`
	SecretKey  string       `json:"secret_key,omitempty"`
	Offset     *Duration    `json:"offset,omitempty"`
	Faults     *Faults      `json:"faults,omitempty"`
}

// A paidCode is what was paid for a code, without the code and what was paid before: a code that is paid again and
// again would fill the file with itself.
type paidCode struct {
	Code     string    `json:"code"`
	Payments []Payment `json:"payments"`
}

// changeFrom is the shortest change that makes p of what it was.
func (p paymentCode) changeFrom(was paymentCode) change {
	paid := p.Payments[len(was.Payments):]
	if len(paid) == 0 || !p.ExpiresAt.Equal(was.ExpiresAt) || p.ExpiryTold != was.ExpiryTold {
		return change{Code: &p}
	}
	return change{Paid: &paidCode{p.Code, paid}}
}

func newState() state {
	return state{
		byCode:     map[string]int{},
		byInvoice:  map[string]int{},
		byRequest:  map[string]int{},
		byPayment:  map[string]int{},
		answers:    map[string]oldAnswer{},
		deliveries: map[int]Delivery{},
		waiting:    map[int]bool{},
		faults:     DefaultFaults(),
	}
}

// apply makes c so, which is in the journal at a place.
func (st *state) apply(c change, at place) {
	if c.Code != nil {
		st.applyCode(*c.Code, at)
	}
	if c.Paid != nil {
		st.applyPaid(*c.Paid)
	}
	if c.Answer != nil {
		st.answers[c.Answer.RequestID] = *c.Answer
	}
	for _, d := range c.Deliveries {
		st.deliveries[d.ID] = d
		if delete(st.waiting, d.ID); d.NextAttemptAt != nil {
			st.waiting[d.ID] = true
		}
		st.lastDelivery = max(st.lastDelivery, d.ID)
	}
	if c.SecretKey != "" {
		st.secretKey = c.SecretKey
	}
	if c.Offset != nil {
		st.offset = *c.Offset
	}
	if c.Faults != nil {
		st.faults = *c.Faults
	}
}

func (st *state) applyCode(p paymentCode, at place) {
	i, known := st.byCode[p.Code]
	if !known {
		i = len(st.codes)
		st.codes = append(st.codes, heldCode{})
		st.byCode[p.Code], st.byInvoice[p.InvoiceNumber], st.byRequest[p.RequestID] = i, i, i
	}
	st.codes[i] = heldCode{at: at, payments: p.Payments, reusable: p.Reusable, expiresAt: p.ExpiresAt, silent: p.ExpiryTold || len(p.Payments) > 0}
	if at == (place{}) {
		whole := p
		st.codes[i].whole = &whole
	}
	st.indexPayments(i, p.Payments)
}

func (st *state) applyPaid(paid paidCode) {
	i, known := st.byCode[paid.Code]
	if !known {
		return // nothing writes such a line
	}
	held := &st.codes[i]
	held.payments, held.silent = slices.Concat(held.payments, paid.Payments), true // others may be reading what there was
	st.indexPayments(i, paid.Payments)
}

func (st *state) indexPayments(code int, payments []Payment) {
	for _, payment := range payments {
		st.byPayment[payment.TransactionID] = code
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

// with is p with what its answer said, if that was held apart.
func (p paymentCode) with(a oldAnswer, apart bool) paymentCode {
	var told paymentCodeReply
	if !apart || json.Unmarshal(a.Body, &told) != nil {
		return p
	}
	p.ClientID, p.Digest = a.ClientID, a.Digest
	p.Base, _, _ = strings.Cut(told.OnlineToOfflineInfo.HowToPayPage, howToPayPagePath)
	p.Promised, _ = parseStamp(told.OnlineToOfflineInfo.ExpiredDateUTC)
	return p
}

// changes tells the whole state, whose codes are in j, in as few changes as
// rebuild it.
func (st *state) changes(j *journal) iter.Seq2[change, error] {
	return func(yield func(change, error) bool) {
		if !yield(change{SecretKey: st.secretKey, Offset: &st.offset, Faults: &st.faults}, nil) {
			return
		}
		for _, held := range st.codes {
			p, err := j.code(held.at)
			p.Payments = held.payments
			a, apart := st.answers[p.RequestID]
			p = p.with(a, apart)
			if !yield(change{Code: &p}, err) {
				return
			}
		}
		for _, d := range st.deliveriesInOrder() {
			if !yield(change{Deliveries: []Delivery{d}}, nil) {
				return
			}
		}
	}
}

func (st *state) deliveriesInOrder() []Delivery {
	return slices.SortedFunc(maps.Values(st.deliveries), func(a, b Delivery) int { return cmp.Compare(a.ID, b.ID) })
}
