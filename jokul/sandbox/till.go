package sandbox

import (
	"errors"
	"strings"
	"time"
)

// maxWaiting is how many waiting codes the till lists.
const maxWaiting = 10

// A tillView is what the simulator shows, ready to print.
type tillView struct {
	language
	now           time.Time
	Merchant      string
	ShortTime     string
	LongTime      string
	Languages     []languageLink
	Public        bool   // of PublicTill, which lists nobody's codes
	Framed        bool   // in another page, whose focus is not ours
	Here          string // the query this page can be found under
	Keys          []string
	Code          string
	Mood          string // idle, ask, no or yes
	DisplayText   string
	DisplayAmount string
	Unknown       bool
	Inquiry       *inquiryView
	Receipt       *receiptView
	Waiting       []waitingView
}

type languageLink struct {
	Code, Name, URL string
	Current         bool
}

type waitingView struct{ URL, Code, Amount, Customer, TimeLeft string }

type inquiryView struct {
	language
	Code       string
	Heading    string
	Reason     string // why the till refuses
	Amount     string
	Customer   string
	Merchant   string
	Info       string
	Status     string
	Deadline   string
	TimeLeft   string
	Payable    bool
	ReceiptURL string // of the latest payment
	Others     []Action
}

// newTill is an idle till. s.mu is held.
func (s till) newTill(lang language) (*tillView, error) {
	now := s.now()
	v := &tillView{
		language:    lang,
		now:         now,
		Public:      s.public,
		Merchant:    s.cfg.MerchantName,
		ShortTime:   now.In(wib).Format("15.04"),
		LongTime:    lang.date(now),
		Keys:        strings.Split("123456789", ""),
		Mood:        "idle",
		DisplayText: lang.say("display-idle"),
	}
	v.at("", "")
	if s.public { // whose codes these are is nobody else's business
		return v, nil
	}
	waiting, err := s.waitingCodes(maxWaiting)
	for _, p := range waiting {
		v.Waiting = append(v.Waiting, waitingView{
			URL:      lang.inquiryURL(p.Code),
			Code:     grouped(p.Code),
			Amount:   rupiah(p.Amount),
			Customer: p.CustomerName,
			TimeLeft: lang.left(p.ExpiresAt.Sub(now)),
		})
	}
	return v, err
}

// at notes under which address this page can be found, in either language.
func (v *tillView) at(name, value string) {
	_, v.Here, _ = strings.Cut(v.tillURL(name, value), "?")
	v.Languages = []languageLink{
		{"id", "ID", language("").tillURL(name, value), v.language != english},
		{"en", "EN", english.tillURL(name, value), v.language == english},
	}
}

// Busy: something is shown beside the keypad.
func (v *tillView) Busy() bool { return v.Unknown || v.Inquiry != nil || v.Receipt != nil }

// CanPay: the next thing to press is the pay button.
func (v *tillView) CanPay() bool { return v.Inquiry != nil && v.Inquiry.Payable }

// CodeGrouped is the code as the field shows it.
func (v *tillView) CodeGrouped() string {
	if v.Code == "" {
		return ""
	}
	return grouped(v.Code)
}

// press is one key of the keypad, which works without a script.
func (v *tillView) press(code, key string) {
	switch {
	case key == "clear":
		code = ""
	case key == "back":
		code = code[:max(len(code)-1, 0)]
	default:
		code = digits(code + key)
	}
	v.Code = code
	if code != "" {
		v.DisplayText, v.DisplayAmount = v.say("display-typing"), grouped(code)
	}
}

// lookUp is the inquiry: what the till learns of a code. s.mu is held.
func (s *Server) lookUp(v *tillView, code string) error {
	if code == "" {
		return nil
	}
	v.Code = code
	v.at("payment_code", code)
	p, found, err := s.find(s.state.byCode, code)
	if !found {
		v.Unknown, v.Mood, v.DisplayText = true, "no", v.say("display-unknown")
		return err
	}
	v.Inquiry = v.inquiry(p)
	if v.Public {
		v.Inquiry.Others = nil
	}
	switch refusal := p.payable(v.now); {
	case errors.Is(refusal, ErrExpired):
		v.Mood, v.DisplayText = "no", v.say("display-expired")
	case errors.Is(refusal, ErrAlreadyPaid):
		v.Mood, v.DisplayText = "no", v.say("display-paid")
	case errors.Is(refusal, ErrPaidOften):
		v.Mood, v.DisplayText = "no", v.say("display-often")
	default:
		v.Mood, v.DisplayText = "ask", p.CustomerName
		v.DisplayAmount = rupiah(p.Amount)
	}
	return nil
}

func (v *tillView) inquiry(p paymentCode) *inquiryView {
	i := &inquiryView{
		language: v.language,
		Code:     p.Code,
		Heading:  v.say("inquiry"),
		Amount:   rupiah(p.Amount),
		Customer: p.CustomerName,
		Merchant: v.Merchant,
		Info:     p.Info,
		Status:   v.say("waiting-to-be-paid"),
		Deadline: v.date(p.ExpiresAt),
		TimeLeft: v.left(p.ExpiresAt.Sub(v.now)),
		Payable:  true,
		Others:   []Action{ActionPayWrongAmount, ActionPayTwice, ActionPayLate, ActionExpire},
	}
	if p.Reusable {
		i.Status += " · " + v.say("reusable")
	}
	if n := len(p.Payments); n > 0 {
		i.ReceiptURL = v.receiptURL(p.Payments[n-1].TransactionID)
	}
	switch refusal := p.payable(v.now); {
	case errors.Is(refusal, ErrExpired):
		i.refuse("expired", ActionPayLate)
	case errors.Is(refusal, ErrAlreadyPaid):
		i.refuse("paid")
	case errors.Is(refusal, ErrPaidOften):
		i.refuse("often")
	}
	return i
}

// refuse says why the till does not take the money, and what can still happen.
func (i *inquiryView) refuse(key string, others ...Action) {
	i.Payable, i.TimeLeft = false, ""
	i.Heading, i.Status, i.Reason = i.say(key), i.say(key), i.say(key+"-why")
	i.Others = others
}
