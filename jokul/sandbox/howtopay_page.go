package sandbox

import (
	"errors"
	"html/template"
	"net/http"
	"time"
)

// A howToPayView is what the how-to-pay page shows, ready to print.
type howToPayView struct {
	Merchant string
	Mood     string // open, paid or over
	Notice   *text
	Groups   []string
	Barcode  template.HTML // empty once the code is not to be paid
	Amount   string
	Deadline string
	TimeLeft *text
	StepsID  []string
	StepsEN  []string
}

func (s *Server) howToPayPage(w http.ResponseWriter, r *http.Request) {
	p, f, now, err := s.howToPay(r)
	var view howToPayView
	if err == nil {
		view, err = s.howToPayView(p, f, now)
	}
	if err != nil {
		s.noHowToPay(w, r, err)
		return
	}
	s.render(w, "howtopay", view)
}

func (s *Server) howToPayView(p paymentCode, f Faults, now time.Time) (howToPayView, error) {
	view := howToPayView{
		Merchant: s.cfg.MerchantName,
		Mood:     "open",
		Groups:   groups(p.Code),
		Amount:   rupiah(p.Amount),
		Deadline: language("").date(p.ExpiresAt),
	}
	switch refusal := p.payable(now); {
	case errors.Is(refusal, ErrAlreadyPaid):
		view.Mood, view.Notice = "paid", &text{"Sudah dibayar. Jangan bayar lagi.", "Already paid. Do not pay again."}
		return view, nil
	case errors.Is(refusal, ErrExpired):
		view.Mood, view.Notice = "over", &text{"Kode sudah kedaluwarsa. Jangan bayar kode ini.", "The code has expired. Do not pay it."}
		return view, nil
	}
	view.StepsID, view.StepsEN = stepsID(f.Biller), stepsEN(f.Biller)
	remaining := p.ExpiresAt.Sub(now)
	view.TimeLeft = &text{language("").left(remaining), english.left(remaining)}
	var err error
	view.Barcode, err = barcodeSVG(p.Code)
	return view, err
}
