package sandbox

import (
	"encoding/json"
	"fmt"
	"math/big"
	"slices"
	"time"
)

// A receiptView is the slip of one payment and what the shop was told of it.
type receiptView struct {
	language
	Here          string
	Store         string
	Time          string
	Merchant      string
	Description   string
	Code          string
	Customer      string
	Invoice       string
	TransactionID string
	Amount        string
	Asked         string // when another amount was paid
	Late          string // when it was paid after the deadline
	Footer        string
	Account       string // sub account the money lands in
	Split         []shareView
	Earlier       []receiptLink
	Delivery      deliveryView
}

// A shareView is one line of a split: who gets what.
type shareView struct{ Account, Share, Amount string }

type receiptLink struct{ TransactionID, URL string }

type deliveryView struct {
	ID       int    // of what can be sent again; 0: nothing
	Mood     string // yes, no or none
	Heading  string
	Attempts []attemptView
	Coming   []string
}

type attemptView struct{ Mood, Time, Text string }

// showReceipt puts the slip of a transaction beside the till, ready for the
// next customer. s.mu is held.
func (s *Server) showReceipt(v *tillView, transactionID string) error {
	p, _, err := s.find(s.state.byPayment, transactionID)
	i := slices.IndexFunc(p.Payments, func(paid Payment) bool { return paid.TransactionID == transactionID })
	if i < 0 {
		return err
	}
	paid := p.Payments[i]
	v.at("receipt", transactionID)
	v.Mood, v.DisplayText, v.DisplayAmount = "yes", v.say("display-thanks"), rupiah(paid.Amount)
	r := &receiptView{
		language:      v.language,
		Here:          v.Here,
		Store:         storeID,
		Time:          v.date(paid.PaidAt),
		Merchant:      v.Merchant,
		Description:   p.Description,
		Code:          grouped(p.Code),
		Customer:      p.CustomerName,
		Invoice:       p.InvoiceNumber,
		TransactionID: paid.TransactionID,
		Amount:        rupiah(paid.Amount),
		Footer:        p.FooterMessage,
		Delivery:      v.deliveryOf(s.state, transactionID),
	}
	if paid.Amount != p.Amount {
		r.Asked = rupiah(p.Amount)
	}
	if p.expired(paid.PaidAt) {
		r.Late = v.say("late")
	}
	for _, other := range p.Payments {
		if other.TransactionID != transactionID {
			r.Earlier = append(r.Earlier, receiptLink{other.TransactionID, v.receiptURL(other.TransactionID)})
		}
	}
	if v.Public {
		r.Delivery.ID = 0 // nothing to resend
	}
	r.Account, r.Split = v.split(p.AdditionalInfo, paid.Amount)
	v.Receipt = r
	return nil
}

// split reads account and settlement as they were checked on arrival, and works
// out what each share of a payment comes to: percentages in whole rupiah, rounded
// down, and the rest to the merchant.
func (l language) split(additionalInfo json.RawMessage, paid int64) (account string, list []shareView) {
	var info struct {
		Account struct {
			ID string `json:"id"`
		} `json:"account"`
		Settlement []struct {
			Account string      `json:"bank_account_settlement_id"`
			Value   json.Number `json:"value"` // reads quoted digits, too
			Type    string      `json:"type"`
		} `json:"settlement"`
	}
	_ = json.Unmarshal(additionalInfo, &info) // empty when there is none
	rest := paid
	for _, s := range info.Settlement {
		amount, share := rupiahOf(s.Value.String(), s.Type, paid), ""
		if s.Type == "PERCENTAGE" {
			share = s.Value.String() + " %"
		}
		rest -= amount
		list = append(list, shareView{s.Account, share, rupiah(amount)})
	}
	if list != nil {
		list = append(list, shareView{Account: l.say("split-rest"), Amount: rupiah(rest)})
	}
	return info.Account.ID, list
}

func rupiahOf(value, kind string, paid int64) int64 {
	n, _ := new(big.Rat).SetString(value) // checked on arrival
	if n == nil {
		return 0
	}
	if kind == "PERCENTAGE" {
		n.Mul(n, big.NewRat(paid, 100))
	}
	return new(big.Int).Quo(n.Num(), n.Denom()).Int64()
}

func (l language) deliveryOf(st state, transactionID string) deliveryView {
	for _, d := range st.deliveries {
		if d.TransactionID == transactionID {
			return l.delivery(d, st.faults.Schedule)
		}
	}
	return deliveryView{Mood: "none", Heading: l.say("silent")}
}

func (l language) delivery(d Delivery, schedule []Duration) deliveryView {
	view := deliveryView{ID: d.ID, Mood: "no"}
	switch {
	case d.State == DeliveryDelivered:
		view.Mood, view.Heading = "yes", l.say("told")
	case d.State == DeliveryGivenUp:
		view.Heading = l.say("gave-up")
	case len(d.Attempts) == 0:
		view.Mood, view.Heading = "none", l.say("late-told")
	default:
		view.Heading = l.say("not-told")
	}
	for _, a := range d.Attempts {
		view.Attempts = append(view.Attempts, l.attempt(a))
	}
	for _, due := range d.coming(schedule) {
		view.Coming = append(view.Coming, l.seconds(due))
	}
	return view
}

func (l language) attempt(a Attempt) attemptView {
	view := attemptView{Mood: "no", Time: l.seconds(a.At)}
	if a.HTTPStatus == 0 {
		view.Text = l.of(text{"tidak dijawab: " + a.Error, "no answer: " + a.Error})
		return view
	}
	if a.Delivered() {
		view.Mood = "yes"
	}
	view.Text = l.of(text{
		fmt.Sprintf("notifikasi ke toko: %d dalam %d ms", a.HTTPStatus, a.DurationMS),
		fmt.Sprintf("notification to the shop: %d in %d ms", a.HTTPStatus, a.DurationMS),
	})
	return view
}

// coming lists when a waiting delivery will be tried again: the next attempt,
// and those after it should that one fail too.
func (d Delivery) coming(schedule []Duration) []time.Time {
	if d.State != DeliveryWaiting || d.NextAttemptAt == nil {
		return nil
	}
	times := []time.Time{*d.NextAttemptAt}
	first, tried := *d.NextAttemptAt, 0
	for _, a := range d.Attempts {
		switch a.Kind {
		case kindFirst:
			first, tried = a.At, 1
		case kindRetry:
			tried++
		}
	}
	for i := tried; i < len(schedule); i++ {
		times = append(times, first.Add(time.Duration(schedule[i])))
	}
	return times
}
