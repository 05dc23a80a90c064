package main

import (
	"context"
	"fmt"
	netmail "net/mail"
	"net/url"
	"strconv"

	"github.com/wneessen/go-mail"

	"warungjokul/handlers/web"
)

// newMailer returns what sends mail: nil when none is to be sent, and in
// embedded mode without a server one that leaves it at the mailbox page.
func newMailer(s settings) (func(context.Context, web.Letter) error, error) {
	if s.SMTPURL == "" {
		if s.Environment != embedded {
			return nil, nil
		}
		return func(context.Context, web.Letter) error { return nil }, nil
	}
	client, domain, err := smtpClient(s.SMTPURL)
	if err != nil {
		return nil, fmt.Errorf("SMTP_URL: %w", err)
	}
	return func(ctx context.Context, l web.Letter) error {
		m := mail.NewMsg()
		if err := m.From(s.MailFrom); err != nil {
			return err
		}
		if err := m.To(l.To); err != nil {
			return err
		}
		m.SetMessageIDWithValue(l.ID + "@" + domain)
		m.SetDate()
		m.SetGenHeader(mail.HeaderContentLang, l.Language)
		m.SetGenHeader("Auto-Submitted", "auto-generated")
		m.Subject(l.Subject)
		m.SetBodyString(mail.TypeTextPlain, l.Text)
		m.AddAlternativeString(mail.TypeTextHTML, l.HTML)
		err := client.DialAndSendWithContext(ctx, m)
		if m.IsDelivered() { // what goes wrong after that is no reason to send it again
			return nil
		}
		return err
	}, nil
}

// contact is where shoppers may write to: SHOP_CONTACT, or whom their mails are from.
func contact(s settings) string {
	address, err := netmail.ParseAddress(or(s.ShopContact, s.MailFrom))
	if err != nil {
		return ""
	}
	return address.Address
}

// smtpClient reads smtp://user:password@host:port, or smtps for TLS from the
// start; smtp goes over to TLS where the server can.
func smtpClient(address string) (*mail.Client, string, error) {
	u, err := url.Parse(address)
	if err != nil {
		return nil, "", err
	}
	options := []mail.Option{mail.WithTLSPortPolicy(mail.TLSOpportunistic)}
	if u.Scheme == "smtps" {
		options = []mail.Option{mail.WithSSLPort(false)}
	}
	if port, err := strconv.Atoi(u.Port()); err == nil {
		options = append(options, mail.WithPort(port))
	}
	if u.User != nil {
		password, _ := u.User.Password()
		options = append(options, mail.WithSMTPAuth(mail.SMTPAuthAutoDiscover), mail.WithUsername(u.User.Username()), mail.WithPassword(password))
	}
	client, err := mail.NewClient(u.Hostname(), options...)
	return client, u.Hostname(), err
}
