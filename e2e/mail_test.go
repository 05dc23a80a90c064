package e2e_test

import (
	"bufio"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net"
	"net/http"
	"net/mail"
	"strings"
	"testing"
	"time"
)

// mailServer speaks enough SMTP to take mail, and keeps what it was given.
func mailServer(t *testing.T) (address string, taken chan string) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return listener.Addr().String(), takeMail(t, listener)
}

func takeMail(t *testing.T, listener net.Listener) chan string {
	t.Cleanup(func() { listener.Close() })
	taken := make(chan string, 1000) // nobody may be reading yet
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go serveMail(conn, taken)
		}
	}()
	return taken
}

func serveMail(conn net.Conn, taken chan string) {
	defer conn.Close()
	in := bufio.NewReader(conn)
	say := func(line string) { fmt.Fprint(conn, line+"\r\n") }
	say("220 mail.example ESMTP")
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			return
		}
		switch word := strings.ToUpper(strings.Fields(line + " .")[0]); word {
		case "EHLO", "HELO":
			say("250 mail.example")
		case "DATA":
			say("354 go on")
			var message strings.Builder
			for {
				line, err := in.ReadString('\n')
				if err != nil {
					return
				}
				if line == ".\r\n" {
					break
				}
				message.WriteString(strings.TrimPrefix(line, "."))
			}
			taken <- message.String()
			say("250 taken")
		case "QUIT":
			say("221 bye")
			return
		default:
			say("250 fine")
		}
	}
}

// A mail leaves by SMTP, whole, in both forms, in the customer's language.
func TestMailLeaves(t *testing.T) {
	server, taken := mailServer(t)
	p := newPair(t, "", "SMTP_URL=smtp://"+server, "MAIL_FROM=Warung Jokul <toko@example.com>")
	v := visit(t, p.program()) // in English
	order := v.order("MNM-TEH")
	s := v.await(order, "a code", hasCode)
	code := receive(t, taken)
	if code.subject != "Payment code for order "+strings.TrimSuffix(s.InvoiceNumber, "-1") || code.to != "<budi@example.com>" ||
		!strings.Contains(code.text, "Indomaret payment code: "+s.PaymentCode) || !strings.Contains(strings.ReplaceAll(code.html, "</span><span>", ""), s.PaymentCode) ||
		!strings.Contains(code.text, p.shop.base+order) || !strings.Contains(code.html, `lang="en"`) {
		t.Errorf("got %+v", code)
	}
	act(t, p.program(), s.PaymentCode, "pay")
	if paid := receive(t, taken); !strings.Contains(paid.subject, "is paid") || strings.Contains(paid.text, s.PaymentCode) || strings.Contains(paid.html, s.PaymentCode[12:]) {
		t.Errorf("got %+v", paid)
	}
	if status, _ := v.get("/mailbox"); status != http.StatusNotFound {
		t.Errorf("/mailbox outside embedded mode: HTTP %d", status)
	}
}

type received struct{ subject, to, text, html string }

func receive(t *testing.T, taken chan string) (r received) {
	t.Helper()
	var raw string
	select {
	case raw = <-taken:
	case <-time.After(patience):
		t.Fatal("no mail came")
	}
	message, err := mail.ReadMessage(strings.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	decode := mime.WordDecoder{}
	r.subject, _ = decode.DecodeHeader(message.Header.Get("Subject"))
	r.to = message.Header.Get("To")
	_, params, err := mime.ParseMediaType(message.Header.Get("Content-Type"))
	if err != nil {
		t.Fatal(err)
	}
	for parts := multipart.NewReader(message.Body, params["boundary"]); ; {
		part, err := parts.NextRawPart()
		if err == io.EOF {
			return r
		}
		if err != nil {
			t.Fatal(err)
		}
		var body io.Reader = part
		if part.Header.Get("Content-Transfer-Encoding") == "quoted-printable" {
			body = quotedprintable.NewReader(part)
		}
		content, err := io.ReadAll(body)
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasPrefix(part.Header.Get("Content-Type"), "text/html") {
			r.html = string(content)
		} else {
			r.text = string(content)
		}
	}
}

// In embedded mode without a mail server, the mailbox shows what would have left.
func TestMailbox(t *testing.T) {
	p := start(t, t.TempDir())
	v := visit(t, p)
	v.open(p)
	if _, page := v.get("/mailbox"); !strings.Contains(page, "No mail yet") {
		t.Error("the empty mailbox does not say so")
	}
	s := v.await(v.order("MNM-TEH"), "a code", hasCode)
	for deadline := time.Now().Add(patience); ; pause(50 * time.Millisecond) {
		if _, page := v.get("/mailbox"); strings.Contains(page, "Payment code for order") {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("no mail in the mailbox")
		}
	}
	if status, page := v.get("/mailbox/1"); status != http.StatusOK || !strings.Contains(page, s.PaymentCode) || !strings.Contains(page, `src="/mailbox/1/html"`) {
		t.Errorf("the mail: HTTP %d", status)
	}
	res, err := v.Get(v.shop + "/mailbox/1/html")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	policy := res.Header.Get("Content-Security-Policy")
	if res.StatusCode != http.StatusOK || strings.Contains(policy, "unsafe") || !strings.Contains(policy, "style-src 'sha256-") {
		t.Errorf("the letter: %s, policy %q", res.Status, policy)
	}
	for _, nothing := range []string{"/mailbox/2", "/mailbox/x", "/mailbox/2/html"} {
		if status, _ := v.get(nothing); status != http.StatusNotFound {
			t.Errorf("%s: HTTP %d", nothing, status)
		}
	}
}
