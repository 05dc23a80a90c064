package sandbox

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Faults is everything the sandbox can be told to do otherwise: faults it
// commits, and switches for what DOKU's documents leave open (docs/protocol.md
// section 12). It is the body of PUT /control/faults; names left out have their
// default.
type Faults struct {
	// Answering create and status calls.
	Delay        Duration `json:"delay"`         // wait this long (wall time, at most 10m) before answering; default "0s"
	Answer       string   `json:"answer"`        // how the answer goes wrong, one of the Answer constants; "" (default): it does not
	AnswerOn     string   `json:"answer_on"`     // which calls Answer spoils: all (default), create, status
	Times        int      `json:"times"`         // how many calls Answer spoils before it clears itself; 0 (default): until cleared
	SignErrors   Switch   `json:"sign_errors"`   // sign every error answer; default off: of answers only 200 and 409 are signed
	StatusDigest Switch   `json:"status_digest"` // the signature of a status answer covers a Digest line; default on
	StatusLag    Switch   `json:"lag"`           // status queries say PENDING for 60 s of the sandbox's clock after a payment; default off

	// Taking create calls.
	Idempotency      string `json:"idempotency"`       // a repeated create call: replay (default: 409 with the first body), error
	DuplicateInvoice string `json:"duplicate_invoice"` // an invoice number used before: reject (default), accept: a second code
	Strict           Switch `json:"strict"`            // refuse unknown fields and numbers in quotes; default off
	Settlement       Switch `json:"settlement"`        // take additional_info.settlement; default on; off: 400
	MinAmount        int64  `json:"min_amount"`        // least order.amount; default 10000
	MaxAmount        int64  `json:"max_amount"`        // greatest order.amount; default 5000000
	MaxExpiredTime   int64  `json:"max_expired_time"`  // longest expired_time in minutes; default 99999999
	CodePrefix       string `json:"code_prefix"`       // digits every code starts with; default "88888888"
	CodeLength       int    `json:"code_length"`       // digits of a code, prefix included; default 16

	// Notifying.
	Notify               string          `json:"notify"`                          // how notifications go wrong, one of the Notify constants; "" (default): they do not
	LateBy               Duration        `json:"late_by"`                         // how late notify=late is, on the sandbox's clock; default "10m0s"
	Retry                string          `json:"retry"`                           // later attempts: resign (default: fresh timestamp and signature), verbatim (as the first, Retelling or not)
	Schedule             []Duration      `json:"schedule"`                        // later attempts, counted from the first; default ["30m0s","6h0m0s","12h0m0s"]
	Retelling            []string        `json:"retelling"`                       // how messages about one payment differ, of the Retell constants; default []: they do not
	PushExpired          Switch          `json:"push_expired"`                    // send an EXPIRED notification when a code expires unpaid; default off
	NotificationTemplate json.RawMessage `json:"notification_template,omitempty"` // JSON object to send instead; strings such as "{amount}" are filled in

	// How to pay.
	Biller           string          `json:"biller"`                        // what to ask for at the till; default "DOKU"
	HowToPayTemplate json.RawMessage `json:"how_to_pay_template,omitempty"` // JSON object the how-to-pay API answers instead, filled in alike
}

// Values of Faults.Answer. Unless it says otherwise the call is carried out and
// only its answer suffers.
const (
	Answer500            = "500"                // nothing is done
	Answer503HTML        = "503_html"           // nothing is done; a proxy's HTML page
	Answer429            = "429"                // nothing is done
	AnswerDrop           = "drop"               // nothing is done; the connection is closed without an answer
	AnswerCut            = "cut"                // the answer stops half way
	AnswerLostReply      = "lost_reply"         // the code is issued; the connection is closed without an answer
	AnswerUnsigned       = "unsigned"           // no Signature header
	AnswerWrongSignature = "wrong_signature"    // signed with another key
	AnswerOtherInvoice   = "other_invoice"      // rightly signed, but about somebody else's invoice
	AnswerMalformed      = "malformed"          // rightly signed, but not JSON
	AnswerMissingFields  = "missing_fields"     // rightly signed, but only the invoice number
	AnswerReplay         = "replay"             // the right body under 409, as if the call had been made before
	AnswerIdempotent     = "idempotent_request" // nothing is done; 409 idempotent_request
)

// Values of Faults.Notify. What a status query says stays the truth.
const (
	NotifyNone           = "none"            // no notification at all
	NotifyLate           = "late"            // the first attempt waits for LateBy
	NotifyTwice          = "twice"           // the first attempt is two at once, same Request-Id
	NotifyBeforeReply    = "before_reply"    // a create call is paid and notified before its answer leaves
	NotifyWrongSignature = "wrong_signature" // signed with another key
	NotifyWrongClientID  = "wrong_client_id" // rightly signed, for another merchant
	NotifyWrongAmount    = "wrong_amount"    // another amount than was paid
	NotifyOtherCode      = "other_code"      // another payment code
	NotifyUnknownFields  = "unknown_fields"  // members no document mentions
	NotifyAmountString   = "amount_string"   // "amount":"150000"
	NotifyAmountDecimal  = "amount_decimal"  // "amount":150000.00
	NotifyFailed         = "failed"          // transaction.status FAILED
	NotifyExpired        = "expired"         // transaction.status EXPIRED
)

// choices are the values each word may take; the first is the default.
var choices = map[string][]string{
	"answer": {"", Answer500, Answer503HTML, Answer429, AnswerDrop, AnswerCut, AnswerLostReply, AnswerUnsigned,
		AnswerWrongSignature, AnswerOtherInvoice, AnswerMalformed, AnswerMissingFields, AnswerReplay, AnswerIdempotent},
	"answer_on": {"all", "create", "status"},
	"notify": {"", NotifyNone, NotifyLate, NotifyTwice, NotifyBeforeReply, NotifyWrongSignature, NotifyWrongClientID,
		NotifyWrongAmount, NotifyOtherCode, NotifyUnknownFields, NotifyAmountString, NotifyAmountDecimal, NotifyFailed, NotifyExpired},
	"retry": {"resign", "verbatim"},
	"retelling": {RetellDate, RetellRequestID, RetellAtOnce, RetellMore, RetellNoTransactionID, RetellOrder, RetellCase, RetellFewer,
		RetellStatusDate, RetellStatusNoTransactionID, RetellStatusNoIdentifiers},
	"idempotency":       {"replay", "error"},
	"duplicate_invoice": {"reject", "accept"},
}

// DefaultFaults commits no fault and takes the default of every open question.
func DefaultFaults() Faults {
	return Faults{
		AnswerOn:         "all",
		StatusDigest:     true,
		Idempotency:      "replay",
		DuplicateInvoice: "reject",
		Settlement:       true,
		MinAmount:        10_000,
		MaxAmount:        5_000_000,
		MaxExpiredTime:   maxMinutes,
		CodePrefix:       "88888888",
		CodeLength:       16,
		LateBy:           Duration(10 * time.Minute),
		Retry:            "resign",
		Retelling:        []string{},
		Schedule:         []Duration{Duration(30 * time.Minute), Duration(6 * time.Hour), Duration(12 * time.Hour)},
		Biller:           "DOKU",
	}
}

// Faults returns what is set now.
func (s *Server) Faults() Faults {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.state.faults
}

// SetFaults replaces every fault and switch. Start from DefaultFaults.
func (s *Server) SetFaults(f Faults) error {
	if err := f.check(); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.commit(change{Faults: &f}); err != nil {
		return err
	}
	s.nextExpiry = time.Time{} // it may not have been told of until now
	s.wakeRun()
	return nil
}

// takeFaults returns the faults a call meets and counts one of Times down.
func (s *Server) takeFaults(operation string) (Faults, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f := s.state.faults
	if f.AnswerOn != "all" && f.AnswerOn != operation {
		f.Answer = ""
	}
	if f.Answer == "" || f.Times == 0 {
		return f, nil
	}
	left := s.state.faults
	if left.Times--; left.Times == 0 {
		left.Answer = ""
	}
	return f, s.commit(change{Faults: &left})
}

func (f Faults) check() error {
	for name, value := range map[string]string{"answer": f.Answer, "answer_on": f.AnswerOn, "notify": f.Notify,
		"retry": f.Retry, "idempotency": f.Idempotency, "duplicate_invoice": f.DuplicateInvoice} {
		if !slices.Contains(choices[name], value) {
			return notOneOf(name, value)
		}
	}
	for _, way := range f.Retelling {
		if !slices.Contains(choices["retelling"], way) {
			return notOneOf("retelling", way)
		}
	}
	return errors.Join(f.checkNumbers(), f.checkTimes(), f.checkCode(),
		checkTemplate("notification_template", f.NotificationTemplate, sampleNotification()),
		checkTemplate("how_to_pay_template", f.HowToPayTemplate, sampleHowToPay()))
}

func notOneOf(name, value string) error {
	return fmt.Errorf("%s: %q is not one of %s", name, value, strings.Join(choices[name], ", "))
}

func (f Faults) checkNumbers() error {
	switch {
	case f.Times < 0:
		return errors.New("times may not be negative")
	case f.MinAmount < 1 || f.MaxAmount < f.MinAmount || f.MaxAmount > maxAmount:
		return fmt.Errorf("min_amount and max_amount must be in order, between 1 and %d", maxAmount)
	case f.MaxExpiredTime < 1 || f.MaxExpiredTime > maxMinutes:
		return fmt.Errorf("max_expired_time must be between 1 and %d minutes", maxMinutes)
	case f.Biller == "" || len(f.Biller) > 64:
		return errors.New("biller must be 1 to 64 characters")
	}
	return nil
}

func (f Faults) checkTimes() error {
	if f.Delay < 0 || f.Delay > Duration(10*time.Minute) {
		return errors.New("delay must be between 0s and 10m")
	}
	if f.LateBy < 0 || len(f.Schedule) > 20 {
		return errors.New("late_by may not be negative, schedule not longer than 20")
	}
	for i, d := range f.Schedule {
		if d < 0 || (i > 0 && d < f.Schedule[i-1]) {
			return errors.New("schedule must hold times after the first attempt, in ascending order")
		}
	}
	return nil
}

func (f Faults) checkCode() error {
	if strings.Trim(f.CodePrefix, "0123456789") != "" {
		return errors.New("code_prefix must be digits")
	}
	if f.CodeLength > 32 || f.CodeLength <= len(f.CodePrefix) {
		return errors.New("code_length must be greater than the length of code_prefix, and at most 32")
	}
	return nil
}
