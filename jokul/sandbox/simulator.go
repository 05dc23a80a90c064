package sandbox

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// till is the simulator as it is served to somebody.
type till struct {
	*Server
	public bool // to strangers: see PublicTill
}

// PublicTill serves the simulator, under /simulator, to strangers: they do what shoppers do at a till, which is to look
// up a code that they know, and to pay it. No page lists the codes of others. What changes the clock, the expiry or the deliveries of others is refused.
// Whoever serves it says how often a client may ask.
func (s *Server) PublicTill() http.Handler {
	routes := s.ownHost(sameOrigin(till{Server: s, public: true}.routes()))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		guard(w.Header())
		routes.ServeHTTP(w, r)
	})
}

func (s till) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /simulator", s.showTill)
	mux.HandleFunc("POST /simulator/payments", s.payAtTill)
	mux.HandleFunc("POST /simulator/deliveries/{id}/resend", s.notInPublic(s.resendFromTill))
	mux.HandleFunc("POST /simulator/clock", s.notInPublic(s.advanceFromTill))
	mux.Handle("GET /simulator/assets/", assets())
	return mux // which answers 405 with what is allowed
}

// notInPublic refuses to strangers what h does.
func (s till) notInPublic(h http.HandlerFunc) http.HandlerFunc {
	if s.public {
		return refuseStranger
	}
	return h
}

func refuseStranger(w http.ResponseWriter, _ *http.Request) {
	http.Error(w, "this till is everybody's: it looks up a code and pays it, and nothing else", http.StatusForbidden)
}

// showTill shows the till with what its address asks for: a code being typed, a
// code looked up, or a receipt.
func (s till) showTill(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	s.mu.Lock()
	page, err := s.newTill(languageOf(query.Get("lang")))
	page.Framed = r.Header.Get("Sec-Fetch-Dest") == "iframe"
	switch key, receipt := query.Get("key"), query.Get("receipt"); {
	case err != nil:
	case key != "":
		page.press(digits(query.Get("payment_code")), key)
	case receipt != "":
		err = s.showReceipt(page, receipt)
	default:
		err = s.lookUp(page, digits(query.Get("payment_code")))
	}
	s.mu.Unlock()
	if err != nil {
		s.cannotShow(w, "simulator", err)
		return
	}
	s.render(w, "simulator", page)
}

// payAtTill makes something happen and shows what came of it. A refusal is what
// the till says of the code when it is looked up again.
func (s till) payAtTill(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, maxBody)
	code, action := digits(r.PostFormValue("payment_code")), Action(r.PostFormValue("action"))
	if s.public && action != ActionPay {
		refuseStranger(w, r)
		return
	}
	result, err := s.Act(r.Context(), code, action)
	switch {
	case errors.Is(err, ErrUnknownCode), errors.Is(err, ErrExpired), errors.Is(err, ErrAlreadyPaid), errors.Is(err, ErrPaidOften):
	case errors.Is(err, ErrUnknownAction):
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	case err != nil:
		s.log.Error("till", "error", err)
		http.Error(w, "the payment could not be kept", http.StatusInternalServerError)
		return
	}
	lang := languageOf(r.PostFormValue("lang"))
	address := lang.inquiryURL(code)
	if n := len(result.Payments); n > 0 {
		address = lang.receiptURL(result.Payments[n-1].TransactionID)
	}
	http.Redirect(w, r, address, http.StatusSeeOther)
}

func (s till) resendFromTill(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, maxBody)
	id, _ := strconv.Atoi(r.PathValue("id")) // 0 is no delivery
	if _, err := s.Resend(r.Context(), id); err != nil && !errors.Is(err, ErrBeingSent) {
		http.Error(w, err.Error(), controlStatus(err))
		return
	}
	s.backToTill(w, r)
}

func (s till) advanceFromTill(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, maxBody)
	d, err := time.ParseDuration(r.PostFormValue("advance"))
	if err == nil {
		_, err = s.Advance(d)
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	s.backToTill(w, r)
}

// maxBack is more than the query of any page of the till has, in bytes.
const maxBack = 512

// backToTill returns to the page the form was on. Only its query is taken: the
// form cannot send anyone elsewhere.
func (s till) backToTill(w http.ResponseWriter, r *http.Request) {
	back := r.PostFormValue("back")
	query, err := url.ParseQuery(back)
	if err != nil || len(back) > maxBack {
		query = nil
	}
	http.Redirect(w, r, "/simulator?"+query.Encode(), http.StatusSeeOther)
}

// digits keeps what a till can read: a scanner or a person may add spaces.
func digits(typed string) string {
	keep := func(r rune) rune {
		if r < '0' || r > '9' {
			return -1
		}
		return r
	}
	typed = strings.Map(keep, typed)
	return typed[:min(len(typed), 32)]
}

func languageOf(name string) language {
	if name == "en" {
		return english
	}
	return ""
}

// tillURL is an address of the simulator that keeps the language.
func (l language) tillURL(name, value string) string {
	query := url.Values{}
	if value != "" {
		query.Set(name, value)
	}
	if l == english {
		query.Set("lang", "en")
	}
	return strings.TrimSuffix("/simulator?"+query.Encode(), "?")
}

func (l language) inquiryURL(code string) string { return l.tillURL("payment_code", code) }

func (l language) receiptURL(transactionID string) string {
	return l.tillURL("receipt", transactionID)
}

// waitingCodes are the latest codes that can be paid. s.mu is held.
func (s *Server) waitingCodes(limit int) ([]paymentCode, error) {
	now := s.now()
	var waiting []paymentCode
	for _, held := range slices.Backward(s.state.codes) {
		if len(waiting) == limit {
			break
		}
		if !held.open() || !now.Before(held.expiresAt) {
			continue
		}
		p, err := s.read(held)
		if err != nil {
			return nil, err
		}
		waiting = append(waiting, p)
	}
	return waiting, nil
}
