package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/textproto"
	"os"
	"strings"
	"time"

	"warungjokul/jokul"
)

const verifyHelp = `
jokul verify looks at a message that your code refuses, or that the gateway refused:
it builds the string to sign line by line and compares. When the signature does not
fit it makes the usual mistakes one at a time (body re-serialised, another path, a
line feed too many, Client-Id, a decoded key, ...) and says which one gives the
signature that came.

  jokul verify --path /notifications --body body.json --headers headers.txt
  jokul verify --path /notifications --body body.json \
    --header 'Client-Id: MCH-1' --header 'Request-Id: 5b8e' \
    --header 'Request-Timestamp: 2026-01-01T09:00:00Z' --header 'Signature: HMACSHA256=...'

--path is the path of your Notification URL, or of the API called; body.json must
hold the bytes as they came over the wire. Headers are matched in any case. Exit
status: 0 it fits, 1 it does not, 2 something is missing. The right signature is
never shown.
`

// headerList collects --header flags.
type headerList struct{ textproto.MIMEHeader }

func (l headerList) String() string { return "" }

func (l headerList) Set(line string) error {
	name, value, ok := strings.Cut(line, ":")
	if !ok {
		return errors.New("must be 'Name: value'")
	}
	l.Add(name, strings.TrimSpace(value))
	return nil
}

func runVerify(_ context.Context, s streams, args []string) error {
	f := newFlags(s, "verify", verifyHelp)
	headers := headerList{textproto.MIMEHeader{}}
	f.Var(headers, "header", "one `header` as 'Name: value'; repeat it")
	list := f.String("headers", "", "`file` with the headers, one a line, as curl -i prints them")
	method := f.String("method", http.MethodPost, "HTTP `method`; a GET has no Digest line")
	path := f.String("path", "", "`path` that was called: the Request-Target")
	name := f.String("body", "", "`file` with the body as it came, - for standard input")
	response := f.Bool("response", false, "it is a response of the gateway: Response-Timestamp")
	if err := f.parse(args); err != nil {
		return err
	}
	if err := f.need("client-id", "secret", "path"); err != nil {
		return err
	}
	if err := readHeaders(headers, *list); err != nil {
		return err
	}
	var body []byte
	if *method != http.MethodGet {
		if err := f.need("body"); err != nil {
			return err
		}
		var err error
		if body, err = readBody(s, *name); err != nil {
			return err
		}
	}
	return verify(s.out, message{headers.MIMEHeader, body, *path, *method == http.MethodGet, *response}, *f.clientID, *f.secret)
}

// message is what came.
type message struct {
	header        textproto.MIMEHeader
	body          []byte
	path          string
	get, response bool
}

func (m message) timestampName() string {
	if m.response {
		return jokul.HeaderResponseTimestamp
	}
	return jokul.HeaderRequestTimestamp
}

func verify(w io.Writer, m message, clientID, secret string) error {
	if complaints := m.missing(); len(complaints) > 0 {
		fmt.Fprintln(w, "Refused before the signature is looked at:")
		for _, c := range complaints {
			fmt.Fprintln(w, "  -", c)
		}
		return errBad
	}
	c := jokul.Component{
		ClientID: m.header.Get(jokul.HeaderClientID), RequestID: m.header.Get(jokul.HeaderRequestID),
		Timestamp: m.header.Get(m.timestampName()), Target: m.path, Response: m.response,
	}
	if !m.get {
		c.Digest = jokul.Digest(m.body)
		describeBody(w, m.body)
	}
	describe(w, c)
	fmt.Fprintln(w)
	noteClock(w, c.Timestamp)
	causes := jokul.Diagnose(secret, c, m.header.Get(jokul.HeaderSignature), m.body, jokul.OtherTargets(m.path, http.Header(m.header), "")...)
	if c.ClientID != clientID {
		causes = append([]jokul.Cause{{Code: jokul.CauseMerchant, Certain: true, What: fmt.Sprintf("Client-Id is %q, not ours, %q", c.ClientID, clientID),
			Fix: "refuse it, even when the signature fits: it is for another merchant"}}, causes...)
	}
	if causes == nil {
		fmt.Fprintln(w, "The signature fits.")
		return nil
	}
	explain(w, causes)
	return errBad
}

func explain(w io.Writer, causes []jokul.Cause) {
	fmt.Fprintln(w, "It does not verify.")
	for _, c := range causes {
		how := "Possible"
		if c.Certain {
			how = "Certain"
		}
		fmt.Fprintf(w, "\n  %s: %s.\n  Instead: %s.\n", how, c.What, c.Fix)
	}
}

func (m message) missing() []string {
	var list []string
	for _, name := range []string{jokul.HeaderClientID, jokul.HeaderRequestID, m.timestampName(), jokul.HeaderSignature} {
		switch values := m.header.Values(name); {
		case len(values) == 0 || values[0] == "":
			list = append(list, "the header "+name+" is missing")
		case len(values) > 1:
			list = append(list, "the header "+name+" came more than once")
		}
	}
	return list
}

// noteClock tells of a timestamp the gateway would refuse in a request. A
// notification may be days old.
func noteClock(w io.Writer, timestamp string) {
	at, err := time.Parse(jokul.TimestampLayout, timestamp)
	switch {
	case err != nil || at.Format(jokul.TimestampLayout) != timestamp:
		fmt.Fprintf(w, "Note: the timestamp %q is not of the form 2026-01-01T09:00:00Z; the gateway takes no other.\n\n", timestamp)
	case time.Since(at).Abs() > time.Hour:
		fmt.Fprintf(w, "Note: the timestamp is %s from now. The gateway refuses requests that are more than an hour off;\nnotifications may come again after days and are good.\n\n",
			time.Since(at).Abs().Round(time.Minute))
	}
}

func readHeaders(into headerList, name string) error {
	if name == "" {
		return nil
	}
	file, err := os.Open(name)
	if err != nil {
		return fmt.Errorf("--headers: %w", err)
	}
	defer file.Close()
	lines := bufio.NewScanner(file)
	for lines.Scan() {
		if line := strings.TrimLeft(lines.Text(), "<> "); strings.Contains(line, ":") {
			_ = into.Set(line) // it has a colon
		}
	}
	return lines.Err()
}
