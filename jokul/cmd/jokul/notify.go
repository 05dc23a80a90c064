package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"warungjokul/jokul"
	"warungjokul/jokul/conform"
)

const notifyHelp = `
jokul notify sends one notification, signed as DOKU signs, to any URL and says what
DOKU would make of the answer. Use it while you write your Notification URL.

  jokul notify --url http://127.0.0.1:9000/notifications --invoice INV-1 --amount 90000 --code 8888888812345678

A retry of DOKU's has the same Request-Id and body: give --request-id twice the
same to see that yours counts it once. --body sends bytes of your own instead. Exit
status: 0 acknowledged with a 2xx, 1 not, 2 something is missing.
`

func runNotify(ctx context.Context, s streams, args []string) error {
	f := newFlags(s, "notify", notifyHelp)
	address := f.String("url", "", "Notification `URL`")
	invoice := f.String("invoice", "", "invoice `number`")
	amount := f.Int64("amount", 0, "`rupiah`, whole")
	code := f.String("code", "", "payment `code`")
	state := f.String("status", string(jokul.TransactionSuccess), "transaction `status`: SUCCESS, FAILED, EXPIRED")
	original := f.String("original-request-id", "", "Request-`Id` of the payment code request")
	requestID := f.String("request-id", "", "Request-`Id` of the notification (default a random UUID)")
	name := f.String("body", "", "`file` with a body to send instead, - for standard input")
	if err := f.parse(args); err != nil {
		return err
	}
	if err := f.need("client-id", "secret", "url"); err != nil {
		return err
	}
	target, err := url.Parse(*address)
	if err != nil || target.Host == "" {
		return fmt.Errorf("--url must be an http or https address, not %q", *address)
	}
	var body []byte
	if *name != "" {
		body, err = readBody(s, *name)
	} else if err = f.need("invoice", "code"); err == nil {
		body, err = json.Marshal(conform.Body(conform.Order{InvoiceNumber: *invoice, Amount: *amount, PaymentCode: *code}, *state, *original))
	}
	if err != nil {
		return err
	}
	return notify(ctx, s.out, target, conform.Sign(*f.clientID, *f.secret, cmp.Or(*requestID, jokul.NewRequestID()), target, body), body)
}

// notify sends it and reads the answer as DOKU does: the status alone counts.
func notify(ctx context.Context, w io.Writer, target *url.URL, header http.Header, body []byte) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, target.String(), bytes.NewReader(body))
	if err != nil {
		return err
	}
	request.Header = header
	fmt.Fprintf(w, "POST %s\nRequest-Id: %s\nRequest-Timestamp: %s\n\n%s\n\n", target, header.Get(jokul.HeaderRequestID),
		header.Get(jokul.HeaderRequestTimestamp), body)
	client := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	began := time.Now()
	answer, err := client.Do(request)
	took := time.Since(began).Round(time.Millisecond)
	if err != nil {
		fmt.Fprintf(w, "No answer after %s: %v.\nDOKU would send it again 30 minutes, 6 and 12 hours after the first.\n", took, err)
		return errBad
	}
	answer.Body.Close()
	if answer.StatusCode/100 == 2 {
		fmt.Fprintf(w, "%s after %s: acknowledged. DOKU would not send it again.\n", answer.Status, took)
		return nil
	}
	fmt.Fprintf(w, "%s after %s: not acknowledged.\nDOKU would send it again 30 minutes, 6 and 12 hours after the first.\n", answer.Status, took)
	return errBad
}
