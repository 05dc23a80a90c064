package jokul

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
)

// CheckStatus asks what became of an invoice number. It also takes the
// Request-Id of a payment code request, which finds a code whose answer was
// lost. Ask no sooner than 60 seconds after a payment.
//
// Only the Status of the answer decides. A transaction the gateway does not
// know is an *Error for which IsNotFound is true; it says nothing against a
// code that was issued. Every question, a repeated one too (see WithRetries),
// has a Request-Id of its own.
//
// GET /orders/v1/status/{id}; docs/protocol.md section 8.
func (c *Client) CheckStatus(ctx context.Context, id string) (Transaction, error) {
	path := "/orders/v1/status/" + url.PathEscape(id)
	return retry(ctx, c, func() (Transaction, *Exchange, error) {
		x, err := c.call(ctx, "Check status", id, http.MethodGet, path, c.newRequestID(), nil)
		var t Transaction
		if err == nil {
			t, err = readTransaction(x, id)
		}
		return t, x, err
	})
}

func readTransaction(x *Exchange, id string) (Transaction, error) {
	if x.Status != http.StatusOK {
		return Transaction{}, decodeError(x.Status, x.RequestID, x.ResponseBody)
	}
	if !x.Verified {
		return Transaction{}, untrusted(x, ErrInvalidSignature)
	}
	t, err := decodeTransaction(x.ResponseBody)
	if err == nil && t.InvoiceNumber != id && t.OriginalRequestID != id {
		err = fmt.Errorf("%w: order.invoice_number is another order's", ErrMalformed)
	}
	if err != nil {
		return Transaction{}, untrusted(x, err)
	}
	return t, nil
}
