package payments

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"net/http"

	"warungjokul/jokul"
	"warungjokul/models"
	"warungjokul/payments/requestid"
)

// RecordAPICalls returns an observer for the jokul.Client of a Service, which saves
// every call that is about no payment, such as one of the set-up check. A record that
// cannot be saved does not fail the call.
func RecordAPICalls(store *models.Store, log *slog.Logger) func(context.Context, jokul.Exchange) {
	return func(ctx context.Context, x jokul.Exchange) {
		call := apiCall(ctx, x)
		saveAPICall(ctx, store, log, &call)
	}
}

// recorder records the calls about one payment. A call whose answer can be used is
// left in last, for the methods of models.Store to save it together with what it
// changes. Any other is saved at once: the client may be about to repeat it.
type recorder struct {
	*Service
	payment models.Payment
	last    *models.APICall // nil before there was one
}

// observe is the observer of the calls.
func (r *recorder) observe(ctx context.Context, x jokul.Exchange) {
	r.save(ctx) // in case another one follows an answer that can be used
	call := apiCall(ctx, x)
	call.PaymentID, r.last = &r.payment.ID, &call
	if x.Err != nil {
		r.save(ctx)
	}
}

// save saves the last call, unless it is saved already.
func (r *recorder) save(ctx context.Context) {
	if r.last != nil {
		saveAPICall(ctx, r.Store, r.Log, r.last)
	}
}

func saveAPICall(ctx context.Context, store *models.Store, log *slog.Logger, call *models.APICall) {
	ctx, cancel := Saving(ctx)
	defer cancel()
	if err := store.SaveAPICall(ctx, call); err != nil {
		log.ErrorContext(ctx, "save API call", "doku_request_id", call.RequestID, "error", err)
	}
}

// apiCall is the record of a call, without the customer it is about.
func apiCall(ctx context.Context, x jokul.Exchange) models.APICall {
	call := models.APICall{
		Operation: x.Operation, InvoiceNumber: x.InvoiceNumber, RequestID: x.RequestID, Method: x.Method, URL: x.URL,
		RequestHeader: headerJSON(x.RequestHeader), RequestBody: withoutCustomer(x.RequestBody), StringToSign: x.StringToSign,
		Status: x.Status, ResponseHeader: headerJSON(x.ResponseHeader), ResponseBody: withoutCustomer(x.ResponseBody),
		ResponseStringToSign: x.ResponseStringToSign, Verified: x.Verified,
		StartedAt: x.StartedAt, Duration: x.Duration, CausedBy: requestid.From(ctx),
	}
	if x.Err != nil {
		call.Problem = WithoutPerson(x.Err.Error(), customerIn(x.RequestBody))
		call.ResponseBody = []byte(WithoutPerson(string(call.ResponseBody), customerIn(x.RequestBody)))
	}
	return call
}

// withoutCustomer replaces the texts within "customer" by stars, and leaves every
// other byte as it is. The bytes that were sent are saved once, with the payment;
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
