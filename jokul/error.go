package jokul

import (
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

	// OutcomeRefused: the gateway understood and declined. Sending the same
	// again gives the same answer.
	OutcomeRefused Outcome = "refused"

	// OutcomeMisconfigured: our credentials, clock or headers are wrong. Nothing
	// was done; a person has to mend the configuration.
	OutcomeMisconfigured Outcome = "misconfigured"
)

// Error is a call that did not give a trusted answer.
type Error struct {
	Outcome    Outcome
	HTTPStatus int    // 0 when no response was read
	Code       string // error.code of the gateway, if it gave one
	Message    string // for operators, never for buyers
	RequestID  string
	Err        error // the cause, when it was ours or the network's
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
	return b.String() + " (Request-Id " + e.RequestID + ")"
}

// Unwrap returns Err: errors.Is finds context.Canceled, ErrInvalidSignature and
// ErrMalformed through it.
func (e *Error) Unwrap() error { return e.Err }

// IsNotFound reports whether err is the gateway not knowing a transaction.
func IsNotFound(err error) bool {
	var e *Error
	return errors.As(err, &e) && e.HTTPStatus == http.StatusNotFound
}

// maxErrorMessage bounds what is kept of a message the gateway wrote.
const maxErrorMessage = 300

// decodeError makes an *Error of any answer that is not a success. It reads
// every envelope of docs/protocol.md section 6 and never fails: what it cannot
// read, an HTML page or half a body, leaves code and message empty.
func decodeError(httpStatus int, requestID string, body []byte) *Error {
	e := &Error{HTTPStatus: httpStatus, RequestID: requestID}
	var envelope struct {
		Error         json.RawMessage `json:"error"`
		Message       messages        `json:"message"`
		ErrorMessages messages        `json:"error_messages"`
	}
	if json.Unmarshal(body, &envelope) == nil {
		var inner struct {
			Code    loose    `json:"code"`
			Message messages `json:"message"`
		}
		if json.Unmarshal(envelope.Error, &inner) != nil {
			var text messages // {"error":"Bad Request"}
			_ = json.Unmarshal(envelope.Error, &text)
			inner.Message = text
		}
		e.Code = string(inner.Code)
		for _, m := range []messages{inner.Message, envelope.Message, envelope.ErrorMessages} {
			if e.Message == "" {
				e.Message = strings.Join(m, "; ")
			}
		}
	}
	e.Message = cut(strings.ToValidUTF8(e.Message, ""), maxErrorMessage)
	e.Outcome = outcome(httpStatus, e.Code)
	return e
}

// outcome reads an HTTP status and an error code. The header and credential
// codes mean the same under 400 and 401.
func outcome(httpStatus int, code string) Outcome {
	switch code {
	case CodeInvalidHeader, CodeTimeOutOfRange, CodeInvalidClientID, CodeInvalidSignature:
		return OutcomeMisconfigured
	case CodeIdempotentRequest:
		return OutcomeUnknown
	}
	switch {
	case httpStatus == http.StatusUnauthorized, httpStatus == http.StatusForbidden:
		return OutcomeMisconfigured
	case httpStatus == http.StatusRequestTimeout, httpStatus == http.StatusConflict,
		httpStatus == http.StatusTooManyRequests:
		return OutcomeUnknown
	case httpStatus >= 400 && httpStatus < 500:
		return OutcomeRefused
	default:
		return OutcomeUnknown
	}
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
