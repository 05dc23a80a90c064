package jokul

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/mail"
	"strings"
	"sync/atomic"
	"time"
	"unicode/utf8"
)

const paymentCodePath = "/indomaret-online-to-offline/v2/payment-code"

// Limits of a payment code request (docs/protocol.md sections 4 and 10).
const (
	DefaultMinAmount = 10_000    // whole rupiah
	DefaultMaxAmount = 5_000_000 // whole rupiah

	maxInvoiceNumber = 64
	maxAmountField   = 999_999_999_999 // 12 digits
	maxMinutes       = 99_999_999      // 8 digits
	defaultMinutes   = 60              // where expired_time is left out
	MaxInfo          = 32
	MaxCustomerName  = 64
	maxCustomerEmail = 128
	MaxDescription   = 128
	MaxFooterMessage = 255
)

// PaymentCodeRequest is what to ask a payment code for. The texts are for tills
// and receipts, so they must be printable ASCII: pass them through TillText.
type PaymentCodeRequest struct {
	// InvoiceNumber names this attempt to be paid, uniquely among all you ever
	// asked for: 1 to 64 letters, digits and "-", "_", ".", "~", of which "." and
	// ".." alone are no names. The gateway's guide allows more, but a status query
	// has the number in its path, where those need escaping. A second attempt for
	// the same order needs another number.
	InvoiceNumber string

	// Amount in whole rupiah, within the client's AmountLimits.
	Amount int64

	// ExpiresIn is how long the code can be paid, in whole minutes, from 1
	// minute on. Zero leaves it to the gateway: 60 minutes.
	ExpiresIn time.Duration

	// Reusable asks for a code that may be paid more than once. Each payment
	// is notified by itself.
	Reusable bool

	// Info and CustomerName are on the cashier's screen at inquiry: at most 32
	// and 64 characters. CustomerName is required, and not blank.
	Info         string
	CustomerName string

	// CustomerEmail is optional: a bare address of at most 128 characters.
	CustomerEmail string

	// Description (required, not blank, at most 128 characters) and FooterMessage
	// (at most 255) are printed on the till's receipt.
	Description   string
	FooterMessage string

	// AdditionalInfo is for what only some merchants need.
	AdditionalInfo AdditionalInfo
}

// FieldError is a request that was not sent because of one field.
type FieldError struct {
	Field   string // the dotted path on the wire, such as order.amount
	Problem string
}

// Error names the field and what is wrong with it.
func (e *FieldError) Error() string { return "jokul: " + e.Field + " " + e.Problem }

// PreparedRequest is a request as it is sent, byte for byte, and the Request-Id
// it is sent under. Save both before the first send and keep them together:
// the same pair is a safe repeat, the same Request-Id with other bytes is an
// error at the gateway.
//
// A PreparedRequest also knows whether an earlier send of it may have made a code,
// because that decides what a refusal is worth. What Prepare returns was never
// sent, and its copies share what becomes of their sends. One put together from
// what was saved, PreparedRequest{RequestID: id, Body: body}, counts as sent
// before: the process may have died after its first send. Where you know better,
// see NeverSent.
type PreparedRequest struct {
	RequestID string
	Body      []byte

	sends *sends // nil: nobody knows of any, so there may have been one
}

// sends counts the sends of one request that may have been carried out.
type sends struct{ open atomic.Int64 }

// NeverSent is p for a caller who is certain that it was never sent, such as one
// who saved it and sends it within the same request of a shopper. A refusal is
// then certain, too; had p been sent after all, it could lead to a second code.
func (p PreparedRequest) NeverSent() PreparedRequest {
	p.sends = &sends{}
	return p
}

// ExpiresIn is how long the code is asked to be payable, in whole minutes: as in
// PaymentCodeRequest, but the gateway's 60 minutes where that was zero. It is zero
// where Body is not that of a payment code request.
func (p PreparedRequest) ExpiresIn() time.Duration {
	asked, err := p.read()
	if err != nil {
		return 0
	}
	return time.Duration(cmp.Or(asked.Info.ExpiredTime, defaultMinutes)) * time.Minute
}

func (p PreparedRequest) read() (asked wireRequest, err error) {
	err = json.Unmarshal(p.Body, &asked)
	if err == nil && asked.Order.InvoiceNumber == "" {
		err = missing("order.invoice_number")
	}
	return asked, err
}

// PaymentCode is the gateway's answer: what the shopper takes to the till.
type PaymentCode struct {
	InvoiceNumber string

	// Code is digits in every sample seen, 16 of them for Indomaret; treat it
	// as text of 1 to 32 characters, leading zeros included.
	Code string

	// CreatedAt and ExpiresAt are UTC, by the gateway's clock; see ValidFor. They
	// are zero when the gateway left them out, as it does in answer to a status
	// query.
	CreatedAt time.Time
	ExpiresAt time.Time

	// AnsweredAt is when the gateway gave this answer, UTC, by the same clock; zero
	// when it did not say. AnsweredAt - CreatedAt is the age of a replayed code.
	AnsweredAt time.Time

	// HowToPayPage and HowToPayAPI are opaque addresses, either may be empty:
	// the first is for people, the second for HowToPay. They are as they came:
	// see Client.IsGateway before you link to the first.
	HowToPayPage string
	HowToPayAPI  string

	// Replayed: the gateway gave this answer before and repeated it.
	Replayed bool
}

// ValidFor is how long the code can be paid from when it was made: ExpiresAt -
// CreatedAt, to the second. Both are by the gateway's clock, so the difference
// holds where your clock and the gateway's do not agree: count it from when you
// sent the request. Where the gateway left CreatedAt out, AnsweredAt stands in for
// it. It is zero where there are no dates, and otherwise as the gateway has it: not
// believing what is not positive, or far more than was asked for, is the caller's
// part. docs/protocol.md section 5.
func (c PaymentCode) ValidFor() time.Duration {
	from := c.CreatedAt
	if from.IsZero() {
		from = c.AnsweredAt
	}
	if from.IsZero() || c.ExpiresAt.IsZero() {
		return 0
	}
	return c.ExpiresAt.Sub(from)
}

// Prepare checks r against the gateway's limits and turns it into the bytes to
// send. It sends nothing; a broken limit is a *FieldError.
func (c *Client) Prepare(r PaymentCodeRequest) (PreparedRequest, error) {
	if err := c.check(r); err != nil {
		return PreparedRequest{}, err
	}
	var wire wireRequest
	wire.Order.InvoiceNumber = r.InvoiceNumber
	wire.Order.Amount = r.Amount
	wire.Info.ExpiredTime = int64(r.ExpiresIn / time.Minute)
	wire.Info.ReusableStatus = r.Reusable
	wire.Info.Info = r.Info
	wire.Customer.Name = r.CustomerName
	wire.Customer.Email = r.CustomerEmail
	wire.Indomaret.Receipt.Description = r.Description
	wire.Indomaret.Receipt.FooterMessage = r.FooterMessage
	wire.AdditionalInfo = r.AdditionalInfo.wire()
	body, err := json.Marshal(wire)
	if err != nil {
		return PreparedRequest{}, fmt.Errorf("jokul: encode payment code request: %w", err)
	}
	return PreparedRequest{RequestID: c.newRequestID(), Body: body}.NeverSent(), nil
}

func (c *Client) check(r PaymentCodeRequest) error {
	minutes := r.ExpiresIn / time.Minute
	switch {
	case !standsInPath(r.InvoiceNumber, maxInvoiceNumber) || strings.ContainsFunc(r.InvoiceNumber, notOfInvoice):
		return &FieldError{"order.invoice_number", `must be 1 to 64 letters, digits and "-", "_", ".", "~", and not "." or ".."`}
	case r.Amount < c.minAmount || r.Amount > c.maxAmount:
		return &FieldError{"order.amount", fmt.Sprintf("must be %d to %d rupiah", c.minAmount, c.maxAmount)}
	case r.ExpiresIn < 0 || r.ExpiresIn%time.Minute != 0 || minutes > maxMinutes:
		return &FieldError{"online_to_offline_info.expired_time", "must be whole minutes, 1 to 99999999"}
	}
	return cmp.Or(
		checkText("online_to_offline_info.info", r.Info, 0, MaxInfo),
		checkNotBlank("customer.name", r.CustomerName, MaxCustomerName),
		checkEmail(r.CustomerEmail),
		checkNotBlank("indomaret_info.receipt.description", r.Description, MaxDescription),
		checkText("indomaret_info.receipt.footer_message", r.FooterMessage, 0, MaxFooterMessage),
		c.checkAdditionalInfo(r.AdditionalInfo, r.Amount),
	)
}

func checkText(field, s string, minimum, maximum int) error {
	if n := utf8.RuneCountInString(s); n < minimum || n > maximum {
		return &FieldError{field, fmt.Sprintf("must have %d to %d characters", minimum, maximum)}
	}
	if strings.ContainsFunc(s, notPrintableASCII) {
		return &FieldError{field, "must be printable ASCII"}
	}
	return nil
}

// notOfInvoice reports whether r is not one of RFC 3986's unreserved characters,
// which are the ones that every path has as they are.
func notOfInvoice(r rune) bool {
	return !strings.ContainsRune("-_.~", r) && (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z')
}

// checkNotBlank checks a text that the gateway requires.
func checkNotBlank(field, s string, maximum int) error {
	if err := checkText(field, s, 1, maximum); err != nil {
		return err
	}
	if strings.TrimSpace(s) == "" {
		return &FieldError{field, "must not be blank"}
	}
	return nil
}

func checkEmail(s string) error {
	const field = "customer.email"
	if err := checkText(field, s, 0, maxCustomerEmail); err != nil || s == "" {
		return err
	}
	if address, err := mail.ParseAddress(s); err != nil || address.Address != s {
		return &FieldError{field, "must be an email address"}
	}
	return nil
}

// GeneratePaymentCode asks the gateway for the payment code of p. Calling it
// again with the same p is always safe and gives the same code; it does so by
// itself, see WithRetries. The answer's signature is verified and its invoice
// number compared; an answer that fails either is an *Error of OutcomeUnknown,
// as is no answer at all.
//
// Once a send of p had an unknown outcome, in this call or in an earlier one (see
// PreparedRequest), a code may exist, and no later answer can say otherwise: a
// refusal, too, is an *Error of OutcomeUnknown then, which wraps it. Before it says
// so, or passes on CodeIdempotentRequest, CodeDuplicateInvoice or a 409 without a
// code, GeneratePaymentCode asks for the status of p's Request-Id. Where the
// gateway knows a code of p's invoice number and amount by it, that is the result,
// without dates and how-to-pay addresses.
//
// A new invoice number is right where errors.Is finds ErrInvoiceTaken or the
// outcome is OutcomeRefused, and nowhere else.
//
// POST /indomaret-online-to-offline/v2/payment-code; docs/protocol.md sections
// 4, 5, 8 and 9.
func (c *Client) GeneratePaymentCode(ctx context.Context, p PreparedRequest) (PaymentCode, error) {
	asked, err := p.read()
	if err != nil {
		return PaymentCode{}, p.unreadable(err)
	}
	ctx, cancel := context.WithTimeout(ctx, MaxCallTime)
	defer cancel()
	if p.sends == nil {
		p = p.NeverSent()
		p.sends.open.Store(1)
	}
	lost := errSentBefore // or the last send of unknown outcome before the one that failed now
	var failed *Error
	code, err := retry(ctx, c, func() (PaymentCode, *Exchange, error) {
		if failed != nil && !certain(failed) {
			lost = failed
		}
		p.sends.open.Add(1)
		code, x, err := c.sendPrepared(ctx, p, asked.Order.InvoiceNumber)
		if errors.As(err, &failed) && certain(failed) {
			p.sends.open.Add(-1)
		}
		return code, x, err
	})
	if err == nil {
		return code, nil
	}
	before := p.sends.open.Load()
	if !certain(failed) {
		before--
	}
	return c.settle(ctx, p, asked, failure{last: failed, before: before > 0, lost: lost})
}

func (c *Client) sendPrepared(ctx context.Context, p PreparedRequest, invoiceNumber string) (PaymentCode, *Exchange, error) {
	x, err := c.call(ctx, "Generate payment code", invoiceNumber, http.MethodPost, paymentCodePath, p.RequestID, p.Body)
	if err != nil {
		return PaymentCode{}, x, err
	}
	code, err := c.readPaymentCode(ctx, x)
	return code, x, err
}

// unreadable is the error of a request that cannot be sent.
func (p PreparedRequest) unreadable(err error) error {
	e := &Error{Outcome: OutcomeRefused, RequestID: p.RequestID, Err: fmt.Errorf("not a prepared request: %w", err)}
	if p.sends == nil || p.sends.open.Load() > 0 {
		e.Outcome = OutcomeUnknown
	}
	return e
}

func (c *Client) readPaymentCode(ctx context.Context, x *Exchange) (PaymentCode, error) {
	if x.Status != http.StatusOK && x.Status != http.StatusConflict {
		return PaymentCode{}, decodeError(x)
	}
	answer, err := decodePaymentCode(x.ResponseBody)
	if x.Status == http.StatusConflict && err != nil {
		return PaymentCode{}, decodeError(x)
	}
	if !x.Verified {
		return PaymentCode{}, untrusted(x, ErrInvalidSignature)
	}
	if err != nil {
		return PaymentCode{}, untrusted(x, err)
	}
	if answer.InvoiceNumber != x.InvoiceNumber {
		return PaymentCode{}, untrusted(x, fmt.Errorf("%w: order.invoice_number is another order's", ErrMalformed))
	}
	answer.Replayed = x.Status == http.StatusConflict
	answer.AnsweredAt = loose(x.ResponseHeader.Get(HeaderResponseTimestamp)).time()
	c.noteDisagreement(ctx, answer.info, x.RequestID)
	return answer.PaymentCode, nil
}

// wireRequest mirrors the request body of docs/protocol.md section 4.
type wireRequest struct {
	Order struct {
		InvoiceNumber string `json:"invoice_number"`
		Amount        int64  `json:"amount"`
	} `json:"order"`
	Info struct {
		ExpiredTime    int64  `json:"expired_time,omitempty"`
		ReusableStatus bool   `json:"reusable_status"`
		Info           string `json:"info,omitempty"`
	} `json:"online_to_offline_info"`
	Customer struct {
		Name  string `json:"name"`
		Email string `json:"email,omitempty"`
	} `json:"customer"`
	Indomaret struct {
		Receipt struct {
			Description   string `json:"description"`
			FooterMessage string `json:"footer_message,omitempty"`
		} `json:"receipt"`
	} `json:"indomaret_info"`
	AdditionalInfo *wireAdditionalInfo `json:"additional_info,omitempty"`
}

// A codeAnswer is a PaymentCode and the online_to_offline_info it was read from.
type codeAnswer struct {
	PaymentCode
	info codeInfo
}

type codeInfo struct {
	PaymentCode    loose `json:"payment_code"`
	HowToPayPage   loose `json:"how_to_pay_page"`
	HowToPayAPI    loose `json:"how_to_pay_api"`
	CreatedDate    loose `json:"created_date"`
	CreatedDateUTC loose `json:"created_date_utc"`
	ExpiredDate    loose `json:"expired_date"`
	ExpiredDateUTC loose `json:"expired_date_utc"`
}

// decodePaymentCode reads the response body of docs/protocol.md section 5.
func decodePaymentCode(body []byte) (codeAnswer, error) {
	var told struct {
		Order struct {
			InvoiceNumber loose `json:"invoice_number"`
		} `json:"order"`
		Info codeInfo `json:"online_to_offline_info"`
	}
	if err := read(body, &told); err != nil {
		return codeAnswer{}, err
	}
	info := told.Info
	code := PaymentCode{
		InvoiceNumber: string(told.Order.InvoiceNumber),
		Code:          string(info.PaymentCode),
		HowToPayPage:  string(info.HowToPayPage),
		HowToPayAPI:   string(info.HowToPayAPI),
		CreatedAt:     earlier(info.CreatedDateUTC.time(), info.CreatedDate.wib()),
		ExpiresAt:     earlier(info.ExpiredDateUTC.time(), info.ExpiredDate.wib()),
	}
	if code.InvoiceNumber == "" {
		return codeAnswer{}, missing("order.invoice_number")
	}
	return codeAnswer{code, info}, checkCode(code.Code)
}

func checkCode(code string) error {
	switch {
	case code == "":
		return missing("online_to_offline_info.payment_code")
	case len(code) > 32 || strings.ContainsFunc(code, notPrintableASCII):
		return fmt.Errorf("%w: online_to_offline_info.payment_code is not 1 to 32 printable characters", ErrMalformed)
	}
	return nil
}

// earlier picks the stricter of two readings of one moment; a zero one does
// not count.
func earlier(a, b time.Time) time.Time {
	if a.IsZero() || (!b.IsZero() && b.Before(a)) {
		return b
	}
	return a
}

// noteDisagreement logs an answer whose UTC and UTC+7 dates name two moments.
func (c *Client) noteDisagreement(ctx context.Context, info codeInfo, requestID string) {
	for _, date := range []struct {
		field    string
		utc, wib loose
	}{
		{"created_date", info.CreatedDateUTC, info.CreatedDate},
		{"expired_date", info.ExpiredDateUTC, info.ExpiredDate},
	} {
		utc, wib := date.utc.time(), date.wib.wib()
		if !utc.IsZero() && !wib.IsZero() && !utc.Equal(wib) {
			c.log.WarnContext(ctx, "gateway gives two moments for one date; the earlier counts",
				"field", date.field, "utc", utc, "wib", wib, "doku_request_id", requestID)
		}
	}
}
