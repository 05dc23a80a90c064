// Package sandbox is the gateway without the gateway: an HTTP server that
// behaves, for the Indomaret online-to-offline channel of Jokul Direct, as DOKU
// does, on one machine and with no account.
//
// It does not imitate: any other channel, Back Office and its accounts (there
// is one merchant, the one in Config), settlement and fees (split settlement is
// checked and stored, no money moves), refunds, rate limits, TLS, or the look of
// DOKU's own pages. Where DOKU's documents leave something open it takes the
// default of docs/protocol.md section 12 and offers the other answer as a switch
// in Faults: it is evidence of how a client behaves, never of how DOKU does.
//
// It does: check headers and signatures in the gateway's order, issue payment
// codes, answer a repeated Request-Id with the first answer, sign what it
// answers, let codes expire, take payments at a simulated till (/simulator, or
// /control for programs), send signed notifications and send them again on the
// gateway's timetable, answer status queries, show how-to-pay pages, keep all
// of it over a restart, and misbehave in every way it is told to.
//
// In a test:
//
//	gateway, err := sandbox.Open(sandbox.Config{
//		ClientID:        "MCH-0001-10791114622547",
//		SecretKey:       "SK-only-for-tests",
//		NotificationURL: shop.URL + "/payments/notifications",
//	})
//	...
//	server := httptest.NewServer(gateway)           // point the client at server.URL
//	...                                             // let the shop ask for a code
//	result, err := gateway.Pay(ctx, code)           // the shop has been told when this returns
//	_, err = gateway.Advance(2 * time.Hour)         // codes expire; Run sends what is due
package sandbox
