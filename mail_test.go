package main

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"strings"
	"testing"

	"warungjokul/handlers/web"
)

// A server that has taken a mail and then ends the connection has taken it: it is
// not sent again.
func TestMailThatWasTaken(t *testing.T) {
	server, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	for what, tt := range map[string]struct {
		endsAt string
		taken  bool
	}{
		"before the mail":  {"MAIL", false},
		"before its text":  {"DATA", false},
		"after its text":   {".", false},
		"after taking it":  {"RSET", true},
		"instead of a bye": {"QUIT", true},
		"not at all":       {"nowhere", true},
	} {
		t.Run(what, func(t *testing.T) {
			go hangUp(server, tt.endsAt)
			send, err := newMailer(settings{SMTPURL: "smtp://" + server.Addr().String(), MailFrom: "toko@example.com"})
			if err != nil {
				t.Fatal(err)
			}
			err = send(context.Background(), web.Letter{ID: "1", To: "budi@example.com", Language: "id", Subject: "Kode", Text: "kode", HTML: "<p>kode"})
			if taken := err == nil; taken != tt.taken {
				t.Errorf("the mail was taken: %v, want %v (%v)", taken, tt.taken, err)
			}
		})
	}
}

// hangUp takes mail on one connection, and ends it instead of answering a command.
func hangUp(server net.Listener, endsAt string) {
	conn, err := server.Accept()
	if err != nil {
		return
	}
	defer conn.Close()
	fmt.Fprint(conn, "220 mail.example\r\n")
	for lines, text := bufio.NewScanner(conn), false; lines.Scan(); {
		command, _, _ := strings.Cut(lines.Text(), " ")
		switch {
		case command == endsAt:
			return
		case text && command != ".":
			continue
		case command == "DATA":
			text = true
			fmt.Fprint(conn, "354 go on\r\n")
		default:
			text = false
			fmt.Fprint(conn, "250 fine\r\n")
		}
	}
}
