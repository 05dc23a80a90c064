package jokul

import (
	"context"
	"errors"
	"fmt"
	"net/http"
)

// errSentBefore stands for a send of an earlier call, whose error is not known
// here.
var errSentBefore = errors.New("jokul: it was sent before, or may have been")

// A failure is what sending a request came to when it did not come to a code.
type failure struct {
	last   *Error // of the last send
	before bool   // a send before the last one had an unknown outcome
	lost   error  // of that send
}

// settle gives the result of a request that sending brought no code for. Where a
// code may exist all the same, or the last answer speaks of one, it asks by status
// query first (docs/protocol.md section 9).
func (c *Client) settle(ctx context.Context, p PreparedRequest, asked wireRequest, f failure) (PaymentCode, error) {
	if !f.before && f.last.HTTPStatus != http.StatusConflict && !hasCode(f.last, CodeIdempotentRequest, CodeDuplicateInvoice) {
		return PaymentCode{}, f.last
	}
	whose := f.last.Code == CodeDuplicateInvoice && (f.before || !certain(f.last))
	code, err := c.find(ctx, p.RequestID, asked, whose)
	if err != nil {
		return PaymentCode{}, f.verdict(err)
	}
	return code, nil
}

// verdict is the error to end with when the status queries, which ended with
// queried, brought no code either. After a send of unknown outcome it is never
// certain that nothing was done.
func (f failure) verdict(queried error) *Error {
	answered := certain(f.last)
	switch {
	case answered && !f.before && f.last.Code == CodeDuplicateInvoice:
		taken := *f.last
		taken.Err = ErrInvoiceTaken
		return &taken
	case answered && !f.before, !answered && !errors.Is(queried, ErrInvoiceTaken):
		return f.last
	case f.before:
		return f.unknown(fmt.Errorf("%w; of an earlier send: %w; of a status query: %w", f.last, f.lost, queried))
	}
	return f.unknown(fmt.Errorf("%w; of a status query: %w", f.last, queried))
}

func (f failure) unknown(err error) *Error {
	return &Error{Outcome: OutcomeUnknown, RequestID: f.last.RequestID, Err: err}
}

// find looks by status query for the code of a request: by its Request-Id, and
// where the gateway does not know that, and whose the invoice number is matters, by
// the invoice number.
func (c *Client) find(ctx context.Context, requestID string, asked wireRequest, whose bool) (PaymentCode, error) {
	invoiceNumber := asked.Order.InvoiceNumber
	t, err := c.statusOnce(ctx, requestID, requestID, invoiceNumber)
	if whose && IsNotFound(err) {
		t, err = c.statusOnce(ctx, invoiceNumber, invoiceNumber)
		switch {
		case err != nil:
		case t.OriginalRequestID == "":
			err = fmt.Errorf("%w, so whose the invoice number is stays open", missing("transaction.original_request_id"))
		case t.OriginalRequestID != requestID:
			err = fmt.Errorf("%w, %s", ErrInvoiceTaken, cut(t.OriginalRequestID, maxRequestID))
		}
	}
	if err != nil {
		return PaymentCode{}, err
	}
	return codeOf(t, requestID, asked)
}

// statusOnce sends one status query, unless the time for the call is over.
func (c *Client) statusOnce(ctx context.Context, id string, names ...string) (Transaction, error) {
	if !standsInPath(id, maxRequestID) {
		return Transaction{}, ErrInvalidID
	}
	if err := ctx.Err(); err != nil {
		return Transaction{}, err
	}
	t, x, err := c.status(ctx, id, names...)
	c.report(ctx, x, err)
	return t, err
}

// codeOf reads the code of a request from a status answer about it. What the
// answer leaves out is not compared, except the invoice number.
func codeOf(t Transaction, requestID string, asked wireRequest) (PaymentCode, error) {
	switch {
	case t.InvoiceNumber != asked.Order.InvoiceNumber:
		return PaymentCode{}, fmt.Errorf("%w: order.invoice_number is another order's", ErrMalformed)
	case t.OriginalRequestID != "" && t.OriginalRequestID != requestID:
		return PaymentCode{}, fmt.Errorf("%w: transaction.original_request_id is another request's", ErrMalformed)
	case t.Amount != 0 && t.Amount != asked.Order.Amount:
		return PaymentCode{}, fmt.Errorf("%w: order.amount is %d rupiah, and %d were asked for", ErrMalformed, t.Amount, asked.Order.Amount)
	}
	return PaymentCode{InvoiceNumber: t.InvoiceNumber, Code: t.PaymentCode}, checkCode(t.PaymentCode)
}
