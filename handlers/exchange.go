package handlers

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"net/http"

	"warungjokul/jokul"
	"warungjokul/models"
)

// KeepExchanges is what a jokul.Client reports its calls to: each becomes a row
// that shows what was said. An answer that can be used is kept with what it
// changes, which is next; what went wrong at once. A row that cannot be kept does
// not fail the call.
func KeepExchanges(store *models.Store, log *slog.Logger) func(context.Context, jokul.Exchange) {
	return func(ctx context.Context, x jokul.Exchange) {
		row := models.Exchange{
			Operation: x.Operation, InvoiceNumber: x.InvoiceNumber, RequestID: x.RequestID, Method: x.Method, URL: x.URL,
			RequestHeader: headerJSON(x.RequestHeader), RequestBody: withoutCustomer(x.RequestBody), StringToSign: x.StringToSign,
			Status: x.Status, ResponseHeader: headerJSON(x.ResponseHeader), ResponseBody: withoutCustomer(x.ResponseBody),
			ResponseStringToSign: x.ResponseStringToSign, Verified: x.Verified,
			StartedAt: x.StartedAt, Duration: x.Duration, CausedBy: requestID(ctx),
		}
		if x.Err != nil {
			row.Problem = withoutPerson(x.Err.Error(), customerIn(x.RequestBody))
			row.ResponseBody = []byte(withoutPerson(string(row.ResponseBody), customerIn(x.RequestBody)))
		} else if models.KeepWithChanges(ctx, row) {
			return
		}
		ctx, cancel := toKeep(ctx)
		defer cancel()
		if err := store.KeepExchange(ctx, row); err != nil {
			log.ErrorContext(ctx, "keep exchange", "doku_request_id", x.RequestID, "error", err)
		}
	}
}

// endTurn keeps the answer that changed nothing.
func (h *Handler) endTurn(ctx context.Context) {
	ctx, cancel := toKeep(ctx)
	defer cancel()
	if err := h.Store.EndTurn(ctx); err != nil {
		h.Log.ErrorContext(ctx, "keep exchange", "error", err)
	}
}

// withoutCustomer hides who ordered: texts within "customer" become stars, every
// other byte stays. The bytes that were sent are kept once, with the payment;
// the record of a call does without the person.
func withoutCustomer(body []byte) []byte {
	var message struct{ Customer map[string]json.RawMessage }
	if json.Unmarshal(body, &message) != nil {
		return body
	}
	for _, value := range message.Customer {
		if len(value) > len(`""`) {
			body = bytes.ReplaceAll(body, value, []byte(`"***"`))
		}
	}
	return body
}

func headerJSON(h http.Header) string {
	text, _ := json.Marshal(h) // strings always encode
	return string(text)
}
