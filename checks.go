package main

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"
	"time"
	"unicode"

	"warungjokul/handlers"
	"warungjokul/jokul"
	"warungjokul/jokul/sandbox"
)

// check refuses settings with which the shop would not do what was meant, or would do it unsafely. The error is one
// sentence that begins with the setting's name and repeats no secret.
func (s *settings) check() error {
	for _, check := range []func() error{s.checkChoices, s.checkDemo, s.checkGateway, s.checkCredentials,
		s.checkPassword, s.checkValues,
		s.checkPrivacy} {
		if err := check(); err != nil {
			return err
		}
	}
	return nil
}

// checkChoices looks at the settings that have one of a few values.
func (s *settings) checkChoices() error {
	switch {
	case s.Environment != embedded && s.Environment != sandboxed && s.Environment != production:
		return fmt.Errorf("JOKUL_ENVIRONMENT must be embedded, sandbox or production, not %q", s.Environment)
	case s.PublicDemo != "yes" && s.PublicDemo != "no":
		return fmt.Errorf("PUBLIC_DEMO must be yes or no, not %q", s.PublicDemo)
	case s.LogFormat != "text" && s.LogFormat != "json":
		return fmt.Errorf("LOG_FORMAT must be text or json, not %q", s.LogFormat)
	case s.RateLimit != "on" && s.RateLimit != "off":
		return fmt.Errorf("RATE_LIMIT must be on or off, not %q", s.RateLimit)
	}
	return nil
}

// checkDemo refuses a demo that looks as if a real shop was meant, for in a demo anybody can make payments up, unless
// PUBLIC_DEMO says that it is meant.
func (s *settings) checkDemo() error {
	if s.Environment != embedded || s.PublicDemo == "yes" {
		return nil
	}
	const isDemo = ", but JOKUL_ENVIRONMENT is embedded, a demo in which payments are made up;" +
		" set JOKUL_ENVIRONMENT to sandbox or production, whichever the credentials are of," +
		" or PUBLIC_DEMO=yes to show a demo to strangers"
	switch {
	case s.SecretKey != "":
		return errors.New("JOKUL_SECRET_KEY is set" + isDemo)
	case s.PreviousSecretKey != "":
		return errors.New("JOKUL_PREVIOUS_SECRET_KEY is set" + isDemo)
	case s.ClientID != embeddedClientID:
		return errors.New("JOKUL_CLIENT_ID is set" + isDemo)
	case s.GatewayURL != "" && isOrigin(s.GatewayURL) && !isLocal(hostOf(s.GatewayURL)):
		return errors.New("JOKUL_BASE_URL is another machine's" + isDemo)
	case s.BaseURL != "" && isOrigin(s.BaseURL) && !isLocal(hostOf(s.BaseURL)):
		return errors.New("BASE_URL is a public address" + isDemo)
	}
	for _, l := range []struct{ name, address string }{{"ADDR", s.Addr}, {"SANDBOX_ADDR", s.SandboxAddr}, {"OPS_ADDR", s.OpsAddr}} {
		if host, _, err := net.SplitHostPort(l.address); err == nil && !isLocal(host) {
			return errors.New(l.name + " can be reached from other machines" + isDemo)
		}
	}
	return nil
}

// checkGateway looks at the addresses of the shop and of the gateway, which must be of one world.
func (s *settings) checkGateway() error {
	host := hostOf(s.GatewayURL)
	ofDOKU := host == hostOf(jokul.SandboxURL) || host == hostOf(jokul.ProductionURL)
	switch {
	case s.BaseURL == "" && s.Environment != embedded:
		return errors.New("BASE_URL is missing; it is the address shoppers see, such as https://shop.example.com")
	case s.BaseURL != "" && !isOrigin(s.BaseURL):
		return errors.New("BASE_URL must be http(s)://host with no path")
	case s.GatewayURL != "" && !isOrigin(s.GatewayURL):
		return errors.New("JOKUL_BASE_URL must be http(s)://host with no path")
	case s.Environment == production && !isHTTPS(s.BaseURL):
		return errors.New("BASE_URL must begin with https:// in production: over http anybody on the way reads " +
			"and changes what shoppers see")
	case s.Environment == production && !isPublic(hostOf(s.BaseURL)):
		return errors.New("BASE_URL is an address that neither shoppers nor DOKU reach from elsewhere; in " +
			"production it must be the public one, such as https://shop.example.com")
	case (s.Environment == production || ofDOKU) && !isHTTPS(s.GatewayURL):
		return errors.New("JOKUL_BASE_URL must begin with https://: over http anybody on the way reads and " +
			"changes what the gateway says")
	case s.Environment == production && host == hostOf(jokul.SandboxURL):
		return errors.New("JOKUL_BASE_URL is DOKU's sandbox, but JOKUL_ENVIRONMENT is production; remove one of them")
	case s.Environment == production && host != dokuDomain && !strings.HasSuffix(host, "."+dokuDomain) && !isLocal(host):
		return errors.New("JOKUL_BASE_URL is no host of DOKU's, but JOKUL_ENVIRONMENT is production; remove " +
			"JOKUL_BASE_URL, or set JOKUL_ENVIRONMENT=sandbox to try another gateway")
	case s.Environment != production && host == hostOf(jokul.ProductionURL):
		return fmt.Errorf("JOKUL_BASE_URL is DOKU's production, but JOKUL_ENVIRONMENT is %s; remove "+
			"JOKUL_BASE_URL, or set JOKUL_ENVIRONMENT=production", s.Environment)
	}
	return nil
}

// dokuDomain is the domain of all of DOKU's hosts.
const dokuDomain = "doku.com"

// checkCredentials wants them whole and of the world that the shop is in.
func (s *settings) checkCredentials() error {
	if s.Environment != embedded && s.ClientID == "" {
		return errors.New("JOKUL_CLIENT_ID is missing; DOKU's Back Office shows it")
	}
	if s.Environment != embedded && s.SecretKey == "" {
		return errors.New("JOKUL_SECRET_KEY is missing; DOKU's Back Office shows it")
	}
	for _, c := range []struct{ name, value string }{
		{"JOKUL_CLIENT_ID", s.ClientID}, {"JOKUL_SECRET_KEY", s.SecretKey},
		{"JOKUL_PREVIOUS_SECRET_KEY", s.PreviousSecretKey},
	} {
		switch {
		case strings.ContainsFunc(c.value, func(r rune) bool { return unicode.IsSpace(r) || !unicode.IsPrint(r) }):
			return errors.New(c.name + " has a blank or an invisible character in it; copy it once more from DOKU's Back Office")
		case strings.Trim(c.value, quotes) != c.value:
			return errors.New(c.name + " has a quotation mark in front of it or behind it; give it without")
		}
	}
	if s.PreviousSecretKey != "" && s.PreviousSecretKey == s.SecretKey {
		return errors.New("JOKUL_PREVIOUS_SECRET_KEY is JOKUL_SECRET_KEY itself; set the one before it, or none")
	}
	if s.Environment == production || s.Environment == sandboxed && hostOf(s.GatewayURL) == hostOf(jokul.SandboxURL) {
		return s.refuseDemoCredentials()
	}
	return nil
}

// quotes are the marks that get around a value on its way from a page or a file.
const quotes = "\"'`´‘’‚“”„«»"

// refuseDemoCredentials refuses those of the gateways that are run offline, which DOKU does not know and everybody may,
// and what examples have in their place.
func (s *settings) refuseDemoCredentials() error {
	for _, c := range []struct{ name, value string }{
		{"JOKUL_CLIENT_ID", s.ClientID}, {"JOKUL_SECRET_KEY", s.SecretKey},
		{"JOKUL_PREVIOUS_SECRET_KEY", s.PreviousSecretKey},
	} {
		if isPlaceholder(c.value) {
			return errors.New(c.name + " is what examples have in its place; DOKU's Back Office shows yours")
		}
	}
	if sandbox.IsOfflineClientID(s.ClientID) {
		return errors.New("JOKUL_CLIENT_ID is the demo's; DOKU's Back Office shows yours")
	}
	if sandbox.IsOfflineKey(s.SecretKey) {
		return errors.New("JOKUL_SECRET_KEY is the demo's; DOKU's Back Office shows yours")
	}
	if sandbox.IsOfflineKey(s.PreviousSecretKey) {
		return errors.New("JOKUL_PREVIOUS_SECRET_KEY is the demo's; remove it")
	}
	return nil
}

// How long a payment code may be good.
const (
	shortestExpiry = time.Minute
	longestExpiry  = 168 * time.Hour
)

func (s *settings) checkValues() error {
	switch {
	case !isPath(s.NotificationPath):
		return fmt.Errorf("NOTIFICATION_PATH must be a plain path such as /payments/notifications, not %q", s.NotificationPath)
	case handlers.RouteAt(s.NotificationPath) != "":
		return fmt.Errorf("NOTIFICATION_PATH %s is an address of the shop itself (%s); choose another, such as "+
			"/payments/notifications",
			s.NotificationPath, handlers.RouteAt(s.NotificationPath))
	case s.Environment == embedded && isTill(s.NotificationPath):
		return fmt.Errorf("NOTIFICATION_PATH %s is an address of the demo's till; choose another, such as "+
			"/payments/notifications", s.NotificationPath)
	case s.PaymentExpiry < shortestExpiry || s.PaymentExpiry > longestExpiry || s.PaymentExpiry%time.Minute != 0:
		return fmt.Errorf("PAYMENT_EXPIRY must be whole minutes from 1m to 168h, not %s", s.PaymentExpiry)
	case s.SMTPURL != "" && !isSMTP(s.SMTPURL):
		return errors.New("SMTP_URL must be smtp:// or smtps:// with a host, such as smtps://user:password@mail.example.com")
	case s.SMTPURL != "" && !isAddress(s.MailFrom):
		return errors.New("MAIL_FROM must be a mail address, such as Warung Jokul <toko@example.com>")
	}
	return nil
}

// hostOf returns the host of an address as it is compared with another.
func hostOf(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return strings.TrimSuffix(strings.ToLower(u.Hostname()), ".")
}

// isLocal reports whether a host is this machine by a name that no other machine can use.
func isLocal(host string) bool {
	host = strings.ToLower(host)
	ip := net.ParseIP(host)
	return host == "localhost" || strings.HasSuffix(host, ".localhost") || ip != nil && ip.IsLoopback()
}

// warn notes what may be meant, and is worth a line in the log.
func (s *settings) warn() {
	if host, _, err := net.SplitHostPort(s.OpsAddr); err == nil && !isLocal(host) {
		s.warnings = append(s.warnings, "OPS_ADDR can be reached from other machines: metrics and profiles are "+
			"there without a password")
	}
	if s.Environment != embedded && s.RateLimit == "off" {
		s.warnings = append(s.warnings, "RATE_LIMIT is off: nothing bounds what one visitor can do")
	}
}

func isHTTPS(address string) bool {
	u, err := url.Parse(address)
	return err == nil && u.Scheme == "https"
}
