package jokul

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
)

// CheckStatus asks what became of an invoice number. It also takes the
// Request-Id of a payment code request, which finds a code whose answer was
// lost. Ask no sooner than 60 seconds after a payment.
//
// Only the Status of the answer decides; Transaction.Settles compares it with
// what you asked for. A transaction the gateway does not know is an *Error for
// which IsNotFound is true; it says nothing against a code that was issued. Every
// question, a repeated one too (see WithRetries), has a Request-Id of its own.
//
// An id is 1 to 128 characters that stand in a path as they are, so no space, "/",
// "?", "#" or "%"; any other is ErrInvalidID, and nothing is sent.
//
// GET /orders/v1/status/{id}; docs/protocol.md section 8.
func (c *Client) CheckStatus(ctx context.Context, id string) (Transaction, error) {
	if !standsInPath(id, maxRequestID) {
		return Transaction{}, &Error{Outcome: OutcomeRefused, Err: fmt.Errorf("%w: %q", ErrInvalidID, cut(id, maxRequestID))}
	}
	ctx, cancel := context.WithTimeout(ctx, MaxCallTime)
	defer cancel()
	return retry(ctx, c, func() (Transaction, *Exchange, error) { return c.status(ctx, id, id) })
}

// status sends one status query. The answer must be about one of names, invoice
// numbers or Request-Ids.
func (c *Client) status(ctx context.Context, id string, names ...string) (Transaction, *Exchange, error) {
	x, err := c.call(ctx, "Check status", id, http.MethodGet, "/orders/v1/status/"+id, c.newRequestID(), nil)
	if err != nil {
		return Transaction{}, x, err
	}
	t, err := readTransaction(x, names)
	return t, x, err
}

// standsInPath reports whether an id is spelt the same in a path: whether a
// signature covers percent-encoded paths is not documented (docs/protocol.md
// section 3), and "." and ".." are not names there.
func standsInPath(id string, longest int) bool {
	return id != "" && len(id) <= longest && id != "." && id != ".." && url.PathEscape(id) == id
}

func readTransaction(x *Exchange, names []string) (Transaction, error) {
	if x.Status != http.StatusOK {
		return Transaction{}, decodeError(x)
	}
	if !x.Verified {
		return Transaction{}, untrusted(x, ErrInvalidSignature)
	}
	t, err := decodeTransaction(x.ResponseBody)
	if err == nil && !slices.Contains(names, t.InvoiceNumber) && !slices.Contains(names, t.OriginalRequestID) {
		err = fmt.Errorf("%w: order.invoice_number is another order's", ErrMalformed)
	}
	if err != nil {
		return Transaction{}, untrusted(x, err)
	}
	return t, nil
}
