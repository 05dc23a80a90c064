// Package jokul is a client for DOKU's Jokul Direct API, Indomaret
// online-to-offline: a web order paid in cash at an Indomaret till. It needs
// the standard library and nothing else.
//
// # The loop
//
// The shop asks for a payment code, the shopper reads it out or shows it at the
// till and pays, DOKU sends a signed notification to the shop's Notification
// URL. A notification may be late, repeated or never come; CheckStatus asks
// for the same truth.
//
// # A payment code
//
//	client, err := jokul.New(clientID, secretKey, jokul.WithBaseURL(jokul.ProductionURL))
//	if err != nil {
//		return err
//	}
//	prepared, err := client.Prepare(jokul.PaymentCodeRequest{
//		InvoiceNumber: "WJ-261123-7K4M9Q-1",
//		Amount:        90_000, // whole rupiah
//		ExpiresIn:     time.Hour,
//		CustomerName:  "Budi Santoso",
//		Description:   "Kopi Gayo 250 g",
//	})
//	if err != nil {
//		return err // nothing was sent
//	}
//	// Save prepared.RequestID and prepared.Body here, then:
//	code, err := client.GeneratePaymentCode(ctx, prepared)
//
// Save first, then send. When the answer is lost, to a timeout, a crash or a
// 5xx, nobody knows whether a code exists; sending the same PreparedRequest
// again does: the Request-Id is the idempotency key, and the gateway gives its
// first answer once more, under HTTP 409, which this package takes for the
// success it is. The timestamp and the signature are made afresh on each send.
// GeneratePaymentCode repeats by itself for at most MaxCallTime, see WithRetries,
// and where a repeat does not tell either it asks by status query; what is still
// unknown then is yours to send again from what you saved, minutes or hours later:
//
//	code, err := client.GeneratePaymentCode(ctx, jokul.PreparedRequest{RequestID: id, Body: body})
//
// A request put together so counts as sent before. From a send of unknown outcome
// on, no answer makes the request refused: it ends with its code, or stays unknown
// with that answer wrapped. A second code that can be paid never comes of it.
//
// Count the deadline from when you sent: PaymentCode.ValidFor is how long the code
// is payable, whatever your clock and the gateway's say.
//
// Texts go to tills and receipts. Prepare takes printable ASCII within the
// gateway's limits and refuses the rest with a *FieldError that has the field's
// dotted path; TillText is the step that transliterates and cuts.
//
// # Split settlement, sub accounts, another Notification URL
//
// PaymentCodeRequest.AdditionalInfo carries them. Shares are checked to add up
// to no more than the amount, to the rupiah.
//
// # A code that is paid again and again
//
// With PaymentCodeRequest.Reusable each payment has a notification with a
// Request-Id of its own, and CheckStatus tells of the latest only: count
// notifications, by their identifiers, not statuses.
//
// # A failed call
//
// Every failed call is an *Error. Its Outcome says what to do: send the same
// again (OutcomeUnknown), give up (OutcomeRefused), or call a person
// (OutcomeMisconfigured). Texts in it are for operators; buyers get words of
// your own. A 4xx is a refusal only where it is signed or in an envelope of the
// gateway's: a proxy's or a firewall's page or JSON has an unknown outcome. Where errors.Is finds ErrInvoiceTaken
// the invoice number is somebody else's for certain: Prepare again with a new one.
// CodeDuplicateInvoice alone does not say so.
//
// # A notification
//
//	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, jokul.MaxNotificationSize))
//	...
//	n, err := client.ParseNotification("/payments/notifications", r.Header, body)
//	switch {
//	case errors.Is(err, jokul.ErrMalformed):
//		// Genuine but not understood: keep it for a person, answer 200.
//	case err != nil:
//		// Not from DOKU: answer 401, keep nothing.
//	}
//	// Find what you stored by n.InvoiceNumber, compare it by n.Settles, keep n,
//	// and only then answer 200.
//
// The target is the path of the Notification URL as DOKU knows it; behind a
// proxy that rewrites paths it is not the path your handler sees. The body must
// be the bytes that arrived: a body that was decoded and encoded again has
// another digest. Answer 2xx for everything that is kept, repeats and mismatches
// included: anything else means "send it again", which DOKU does after 30
// minutes, 6 and 12 hours. The body of your answer does not matter.
//
// Only TransactionSuccess pays, and it pays whatever your clock says.
// Transaction.Settles is the whole comparison: status, invoice number, amount, code
// and channel. Money that differs is kept for a person, and pays nothing. A
// notification may never come: CheckStatus what is unpaid, at least 60 seconds
// after a payment could have been made, and once more after it has expired.
//
// # A new Secret Key
//
// When the key is changed in DOKU's Back Office, messages that were signed before are
// still under way. WithPreviousSecretKey has those verified, too, for as long as they
// come; requests are signed with the new key alone.
//
// # Units
//
// Amounts are whole rupiah. Times are UTC. Expiry is counted in whole minutes.
//
// # The gateway's pages
//
//   - Indomaret: https://developers.doku.com/accept-payments/direct-api/non-snap/convenience-store/indomaret
//   - signatures: https://developers.doku.com/get-started-with-doku-api/signature-component/non-snap
//   - notifications: https://developers.doku.com/get-started-with-doku-api/notification
//   - check status: https://developers.doku.com/getting-started-with-doku-api/check-status-api/non-snap
//
// The wire in one place, with what is documented, observed and unknown, is
// docs/protocol.md of this repository; comments here cite its sections.
// Package jokul/sandbox is a gateway to try all this against, offline;
// examples/merchant is a whole merchant in one file; the command cmd/jokul runs
// the gateway for a merchant in any language, signs, verifies and explains, and
// tries out a Notification URL.
package jokul
