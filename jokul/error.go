package jokul

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
)

// What can be wrong with a message that claims to come from the gateway.
// Nothing of it may be trusted, stored or shown.
var (
	// ErrInvalidSignature: the signature does not fit the bytes received.
	ErrInvalidSignature = errors.New("jokul: invalid signature")

	// ErrMissingHeader: one of the four signed headers is absent, empty or
	// given more than once. It is wrapped with the header's name.
	ErrMissingHeader = errors.New("jokul: missing header")

	// ErrWrongClientID: signed for another merchant.
	ErrWrongClientID = errors.New("jokul: wrong Client-Id")
)

// ErrMalformed: the message is genuine, its signature fits, but it lacks
// something this package depends on. It is wrapped with the field's name.
var ErrMalformed = errors.New("jokul: malformed message")

// ErrInvoiceTaken: it is certain that the invoice number belongs to a request
// other than this one, so a new invoice number and a new Prepare cannot make a
// second code for the same attempt. It is certain when the gateway refused the
// only send there ever was with CodeDuplicateInvoice, or when a signed answer
// names the other request. CodeDuplicateInvoice alone is not: an earlier send of
// the same request may have used the number.
var ErrInvoiceTaken = errors.New("jokul: the invoice number belongs to another request")

// ErrInvalidID: an id cannot be asked for, because it is empty, longer than 128
// characters or not spelt the same in a path. Nothing was sent.
var ErrInvalidID = errors.New("jokul: not an id that can be asked for")

// Codes of *Error that callers act on (docs/protocol.md section 6).
const (
	CodeInvalidHeader       = "invalid_header_request"
	CodeTimeOutOfRange      = "request_time_out_of_range"
	CodeInvalidClientID     = "invalid_client_id"
	CodeInvalidSignature    = "invalid_signature"
	CodeIdempotentRequest   = "idempotent_request"
	CodeDuplicateInvoice    = "duplicate_invoice_number"
	CodeTransactionNotFound = "data_not_found"
)

// An Outcome says what a failed call means for the thing that was asked.
type Outcome string

const (
	// OutcomeUnknown: the gateway may or may not have acted. Send the same
	// PreparedRequest again, later: same Request-Id, same bytes.
	OutcomeUnknown Outcome = "unknown"

	// OutcomeRefused: the gateway understood and declined, or this package did
	// before it sent anything (ErrInvalidID, an address that is not the
	// gateway's). Nothing was done. Sending the same again gives the same answer.
	OutcomeRefused Outcome = "refused"

	// OutcomeMisconfigured: our credentials, clock or headers are wrong. Nothing
	// was done; a person has to mend the configuration.
	OutcomeMisconfigured Outcome = "misconfigured"
)

// Error is a call that did not give a trusted answer. HTTPStatus, Code and
// Message are those of the answer that decided its Outcome. Where an earlier send
// decided it, they are empty, and Err wraps the last answer and what is known of
// the earlier send.
type Error struct {
	Outcome    Outcome
	HTTPStatus int    // 0 when no response was read
	Code       string // error.code of the gateway, if it gave one
	Message    string // for operators, never for buyers
	RequestID  string // empty for a call that has none
	Err        error  // the cause, when it was ours, the network's or an earlier send's
}

// Error gives outcome, HTTP status, code, message and Request-Id in one line.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString("jokul: " + string(e.Outcome))
	if e.HTTPStatus != 0 {
		fmt.Fprintf(&b, ", HTTP %d", e.HTTPStatus)
	}
	for _, s := range []string{e.Code, e.Message} {
		if s != "" {
			b.WriteString(", " + s)
		}
	}
	if e.Err != nil {
		b.WriteString(": " + e.Err.Error())
	}
	if e.RequestID != "" {
		b.WriteString(" (Request-Id " + e.RequestID + ")")
	}
	return b.String()
}

// Unwrap returns Err: errors.Is finds context.Canceled, ErrInvalidSignature,
// ErrMalformed, ErrInvoiceTaken and ErrInvalidID through it.
func (e *Error) Unwrap() error { return e.Err }

// IsNotFound reports whether err is the gateway not knowing a transaction. A 404
// that is not the gateway's own, such as a proxy's page or JSON, does not count.
func IsNotFound(err error) bool {
	var e *Error
	return errors.As(err, &e) && e.HTTPStatus == http.StatusNotFound && e.Outcome == OutcomeRefused
}

// certain reports whether err says for certain that nothing was done.
func certain(err error) bool {
	var e *Error
	return errors.As(err, &e) && e.Outcome != OutcomeUnknown
}

// maxErrorMessage bounds what is kept of a message the gateway wrote.
const maxErrorMessage = 300

// decodeError makes an *Error of any answer that is not a success. It reads
// every envelope of docs/protocol.md section 6 and never fails: what it cannot
// read, an HTML page or half a body, leaves code and message empty. The outcome is
// unknown unless the answer is signed or in one of the gateway's own envelopes.
func decodeError(x *Exchange) *Error {
	e := &Error{HTTPStatus: x.Status, RequestID: x.RequestID}
	var envelope struct {
		Error         json.RawMessage `json:"error"`
		Message       messages        `json:"message"`
		ErrorMessages messages        `json:"error_messages"`
	}
	var words messages // {"error":"Bad Request"}, which is nobody's in particular
	if json.Unmarshal(x.ResponseBody, &envelope) == nil {
		var inner struct {
			Code    loose    `json:"code"`
			Message messages `json:"message"`
		}
		if json.Unmarshal(envelope.Error, &inner) != nil {
			_ = json.Unmarshal(envelope.Error, &words)
		}
		e.Code = string(inner.Code)
		for _, m := range []messages{inner.Message, envelope.Message, envelope.ErrorMessages} {
			if e.Message == "" {
				e.Message = strings.Join(m, "; ")
			}
		}
	}
	e.Outcome = outcome(x.Status, e.Code, x.Verified || isGatewayError(x.Status, x.ResponseBody))
	e.Message = cut(strings.ToValidUTF8(cmp.Or(e.Message, strings.Join(words, "; ")), ""), maxErrorMessage)
	return e
}

// outcome reads an HTTP status and an error code. The header and credential
// codes mean the same under 400 and 401. A 4xx refuses only if it is the
// gateway's: a proxy or a firewall may stand where the answer to a call that was
// carried out should have been.
func outcome(httpStatus int, code string, gateways bool) Outcome {
	if httpStatus < 400 || httpStatus >= 500 || !gateways {
		return OutcomeUnknown
	}
	switch code {
	case CodeInvalidHeader, CodeTimeOutOfRange, CodeInvalidClientID, CodeInvalidSignature:
		return OutcomeMisconfigured
	case CodeIdempotentRequest:
		return OutcomeUnknown
	}
	switch httpStatus {
	case http.StatusUnauthorized, http.StatusForbidden:
		return OutcomeMisconfigured
	case http.StatusRequestTimeout, http.StatusConflict, http.StatusTooManyRequests:
		return OutcomeUnknown
	}
	return OutcomeRefused
}

// messages reads a string or an array of strings; anything else is nothing.
type messages []string

func (m *messages) UnmarshalJSON(b []byte) error {
	var one string
	if json.Unmarshal(b, &one) == nil {
		if one != "" {
			*m = messages{one}
		}
		return nil
	}
	var many []loose
	if json.Unmarshal(b, &many) == nil {
		for _, s := range many {
			*m = append(*m, string(s))
		}
	}
	return nil
}

// cut shortens s to at most n characters.
func cut(s string, n int) string {
	for i := range s {
		if n == 0 {
			return s[:i]
		}
		n--
	}
	return s
}
