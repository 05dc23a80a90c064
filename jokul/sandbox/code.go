package sandbox

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/big"
	"time"

	"warungjokul/jokul"
)

// A paymentCode is one issued code and everything that became of it. Values are
// never changed in place: a changed copy is committed.
type paymentCode struct {
	Number        int    `json:"number"` // order of issue
	Code          string `json:"code"`
	Token         string `json:"token"` // guards the how-to-pay links
	InvoiceNumber string `json:"invoice_number"`
	RequestID     string `json:"request_id"`

	// Whose call it was, and what the answer to it said that is not said here.
	ClientID string    `json:"client_id"`
	Digest   string    `json:"digest"`   // of the call's body
	Base     string    `json:"base"`     // address its links begin with
	Promised time.Time `json:"promised"` // when it would expire; ExpiresAt may be brought forward

	Amount        int64  `json:"amount"`
	Reusable      bool   `json:"reusable"`
	Info          string `json:"info,omitempty"`
	CustomerName  string `json:"customer_name"`
	CustomerEmail string `json:"customer_email,omitempty"`
	Description   string `json:"description"`
	FooterMessage string `json:"footer_message,omitempty"`

	AdditionalInfo  json.RawMessage `json:"additional_info,omitempty"`
	NotificationURL string          `json:"notification_url,omitempty"` // the override, when given

	CreatedAt  time.Time `json:"created_at"`
	ExpiresAt  time.Time `json:"expires_at"`
	ExpiryTold bool      `json:"expiry_told,omitempty"` // EXPIRED has been pushed
	Payments   []Payment `json:"payments,omitempty"`
}

// Payment is one payment at the till.
type Payment struct {
	Number        int       `json:"number"`
	TransactionID string    `json:"transaction_id"` // AGENT_TRX_ID of the notification; no other payment has it
	Amount        int64     `json:"amount"`
	PaidAt        time.Time `json:"paid_at"`
}

// maxPayments is how many payments of one reusable code the till takes. DOKU's documents name no limit; strangers pay
// at a till with money that is free.
const maxPayments = 100

// open reports whether the code takes money until it expires.
func (p paymentCode) open() bool {
	return len(p.Payments) == 0 || p.Reusable && len(p.Payments) < maxPayments
}

func (p paymentCode) expired(now time.Time) bool { return !now.Before(p.ExpiresAt) }

// payable says what a till would: nil, or the reason it refuses.
func (p paymentCode) payable(now time.Time) error {
	switch {
	case !p.open() && p.Reusable:
		return ErrPaidOften
	case !p.open():
		return ErrAlreadyPaid
	case p.expired(now):
		return ErrExpired
	}
	return nil
}

// settled returns the latest payment that a status query may already report.
func (p paymentCode) settled(now time.Time, lag time.Duration) *Payment {
	for i := len(p.Payments) - 1; i >= 0; i-- {
		if !now.Before(p.Payments[i].PaidAt.Add(lag)) {
			return &p.Payments[i]
		}
	}
	return nil
}

// transactionStatus is what a status query says. Money wins over the clock.
func (p paymentCode) transactionStatus(now time.Time, lag time.Duration) jokul.TransactionStatus {
	switch {
	case p.settled(now, lag) != nil:
		return jokul.TransactionSuccess
	case p.expired(now) && len(p.Payments) == 0:
		return jokul.TransactionExpired
	}
	return jokul.TransactionPending
}

// newCode draws a code nobody has: the company's prefix and random digits.
// s.mu is held.
func (s *Server) newCode(f Faults) (string, error) {
	digits := f.CodeLength - len(f.CodePrefix)
	limit := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(digits)), nil)
	for range 1000 {
		n, err := rand.Int(s.random, limit)
		if err != nil {
			return "", fmt.Errorf("sandbox: draw a payment code: %w", err)
		}
		code := fmt.Sprintf("%s%0*d", f.CodePrefix, digits, n)
		if _, taken := s.state.byCode[code]; !taken {
			return code, nil
		}
	}
	return "", errors.New("sandbox: no free payment code of that length and prefix")
}

// newToken returns 43 base64url characters, like the links of the live channels.
func (s *Server) newToken() (string, error) {
	b, err := s.randomBytes(32)
	return base64.RawURLEncoding.EncodeToString(b), err
}

// newUUID returns a random (version 4) UUID.
func (s *Server) newUUID() (string, error) {
	b, err := s.randomBytes(16)
	if err != nil {
		return "", err
	}
	b[6] = b[6]&0x0f | 0x40
	b[8] = b[8]&0x3f | 0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:]), nil
}

func (s *Server) randomBytes(n int) ([]byte, error) {
	b := make([]byte, n)
	_, err := io.ReadFull(s.random, b)
	return b, err
}
