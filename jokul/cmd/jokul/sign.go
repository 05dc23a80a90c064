package main

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"warungjokul/jokul"
)

const signHelp = `
jokul sign signs a request to the gateway and shows every step: the string to sign
line by line, the digest, the signature, and the request as a curl command. Compare
it with what your own code makes of the same Request-Id, timestamp and body.

  jokul sign --path /indomaret-online-to-offline/v2/payment-code --body request.json
  jokul sign --method GET --path /orders/v1/status/INV-1

The body is signed as its bytes lie in the file: editors that add a line feed at
the end have changed it. With --quiet the signature alone is printed, for use in a
command: curl -H "Signature: $(jokul sign --quiet ...)".
`

func runSign(_ context.Context, s streams, args []string) error {
	f := newFlags(s, "sign", signHelp)
	method := f.String("method", http.MethodPost, "HTTP `method`; a GET has no body and no Digest line")
	path := f.String("path", "", "`path` that is called, without host and query: the Request-Target")
	name := f.String("body", "", "`file` with the body, - for standard input")
	requestID := f.String("request-id", "", "Request-`Id` (default a random UUID)")
	timestamp := f.String("timestamp", "", "UTC `time` such as 2026-01-01T09:00:00Z (default now)")
	base := f.String("base-url", "http://127.0.0.1:8081", "`address` the curl command calls; DOKU's sandbox is https://api-sandbox.doku.com")
	response := f.Bool("response", false, "sign a response: Response-Timestamp, and --path the path that was called")
	quiet := f.Bool("quiet", false, "print the signature alone")
	if err := f.parse(args); err != nil {
		return err
	}
	if err := f.need("client-id", "secret", "path"); err != nil {
		return err
	}
	if !strings.HasPrefix(*path, "/") || strings.Contains(*path, "?") {
		return fmt.Errorf("--path must begin with / and have no query, not %q", *path)
	}
	c := jokul.Component{
		ClientID:  *f.clientID,
		RequestID: cmp.Or(*requestID, jokul.NewRequestID()),
		Timestamp: cmp.Or(*timestamp, time.Now().UTC().Format(jokul.TimestampLayout)),
		Target:    *path,
		Response:  *response,
	}
	if *method != http.MethodGet {
		if err := f.need("body"); err != nil {
			return err
		}
		body, err := readBody(s, *name)
		if err != nil {
			return err
		}
		c.Digest = jokul.Digest(body)
		if !*quiet {
			describeBody(s.out, body)
		}
	}
	if *quiet {
		fmt.Fprintln(s.out, jokul.Sign(*f.secret, c))
		return nil
	}
	describe(s.out, c)
	fmt.Fprintf(s.out, "\nHMAC-SHA256 of that under the Secret Key, in base64:\n\n  Signature: %s\n", jokul.Sign(*f.secret, c))
	if !*response {
		curl(s.out, c, *method, *base, *name, jokul.Sign(*f.secret, c))
	}
	return nil
}

// describe prints the string to sign, a line a row.
func describe(w io.Writer, c jokul.Component) {
	fmt.Fprintln(w, "The string to sign, its lines joined by one LF each and none at the end:")
	fmt.Fprintln(w)
	for i, line := range strings.Split(c.String(), "\n") {
		fmt.Fprintf(w, "  %d  %q\n", i+1, line)
	}
}

func describeBody(w io.Writer, body []byte) {
	fmt.Fprintf(w, "The body has %d bytes", len(body))
	if bytes.HasSuffix(body, []byte("\n")) {
		fmt.Fprint(w, ", the last of them a line feed")
	}
	fmt.Fprintf(w, "; the base64 of their SHA-256 is the digest:\n\n  %s\n\n", jokul.Digest(body))
}

func curl(w io.Writer, c jokul.Component, method, base, body, signature string) {
	fmt.Fprintf(w, "\nAs a command, good for an hour:\n\n  curl -X %s %s%s \\\n", method, strings.TrimSuffix(base, "/"), c.Target)
	for _, h := range [][2]string{{jokul.HeaderClientID, c.ClientID}, {jokul.HeaderRequestID, c.RequestID},
		{jokul.HeaderRequestTimestamp, c.Timestamp}, {jokul.HeaderSignature, signature}} {
		fmt.Fprintf(w, "    -H '%s: %s'", h[0], h[1])
		if h[0] != jokul.HeaderSignature || method != http.MethodGet {
			fmt.Fprint(w, ` \`)
		}
		fmt.Fprintln(w)
	}
	if method != http.MethodGet {
		fmt.Fprintf(w, "    -H 'Content-Type: application/json' --data-binary @%s\n", body)
	}
}
