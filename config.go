package main

import (
	"errors"
	"fmt"
	"log/slog"
	"net/mail"
	"net/url"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/caarlos0/env/v11"

	"warungjokul/handlers"
	"warungjokul/jokul"
	"warungjokul/models"
)

// The gateways a shop can be run against.
const (
	embedded   = "embedded"        // a sandbox of our own, started beside the shop
	sandboxed  = "sandbox"         // DOKU's sandbox
	production = models.Production // DOKU
)

// settings is everything that can be set, and the one place it is read.
type settings struct {
	Addr             string        `env:"ADDR" envDefault:"127.0.0.1:8080"`
	BaseURL          string        `env:"BASE_URL"` // empty: the address listened on
	DatabaseURL      string        `env:"DATABASE_URL" envDefault:"sqlite:warung.db"`
	Environment      string        `env:"JOKUL_ENVIRONMENT" envDefault:"embedded"`
	ClientID         string        `env:"JOKUL_CLIENT_ID"`
	SecretKey        string        `env:"JOKUL_SECRET_KEY"`
	GatewayURL       string        `env:"JOKUL_BASE_URL"` // empty: the environment's
	NotificationPath string        `env:"NOTIFICATION_PATH" envDefault:"/payments/notifications"`
	PaymentExpiry    time.Duration `env:"PAYMENT_EXPIRY" envDefault:"60m"`
	SandboxAddr      string        `env:"SANDBOX_ADDR" envDefault:"127.0.0.1:8081"`
	SandboxState     string        `env:"SANDBOX_STATE" envDefault:"sandbox.state"`
	ConsolePassword  string        `env:"CONSOLE_PASSWORD"` // or its bcrypt hash; empty: no console outside this machine
	OpsAddr          string        `env:"OPS_ADDR"`         // empty: metrics are served by the shop
	SMTPURL          string        `env:"SMTP_URL"`         // empty: no mail leaves
	MailFrom         string        `env:"MAIL_FROM"`
	LogLevel         slog.Level    `env:"LOG_LEVEL" envDefault:"info"`
	LogFormat        string        `env:"LOG_FORMAT"` // empty: text when embedded, else json
	RateLimit        string        `env:"RATE_LIMIT" envDefault:"on"`
	PersonalDataDays int           `env:"PERSONAL_DATA_DAYS" envDefault:"90"`
	ShopName         string        `env:"SHOP_NAME" envDefault:"Warung Jokul"`
	ShopLegalName    string        `env:"SHOP_LEGAL_NAME"` // who answers for personal data; empty: ShopName
	ShopAddress      string        `env:"SHOP_ADDRESS"`    // on /privacy, or empty
	ShopContact      string        `env:"SHOP_CONTACT"`    // an email address; empty: that of MailFrom
}

// Credentials of the embedded sandbox, which knows no other merchant. They open
// nothing outside of this process.
const (
	embeddedClientID  = "MCH-0000-EMBEDDED"
	embeddedSecretKey = "SK-embedded-not-a-secret"
)

// readSettings reads the environment. What is wrong comes back as one sentence
// that names the setting and repeats no secret.
func readSettings(environ []string) (settings, error) {
	var s settings
	err := env.ParseWithOptions(&s, env.Options{Environment: env.ToMap(environ)})
	var several env.AggregateError
	if errors.As(err, &several) && len(several.Errors) > 0 {
		err = several.Errors[0]
	}
	var unreadable env.ParseError
	if errors.As(err, &unreadable) {
		names := map[string]string{"PaymentExpiry": "PAYMENT_EXPIRY must be a duration such as 60m", "LogLevel": "LOG_LEVEL must be debug, info, warn or error",
			"PersonalDataDays": badDataDays}
		return s, errors.New(names[unreadable.Name])
	}
	if err != nil {
		return s, err
	}
	s.fill()
	return s, s.check()
}

// fill gives defaults that depend on other settings.
func (s *settings) fill() {
	switch s.Environment {
	case embedded:
		if s.ClientID == "" && s.SecretKey == "" {
			s.ClientID, s.SecretKey = embeddedClientID, embeddedSecretKey
		}
		if s.LogFormat == "" {
			s.LogFormat = "text"
		}
	case sandboxed:
		s.GatewayURL = or(s.GatewayURL, jokul.SandboxURL)
	case production:
		s.GatewayURL = or(s.GatewayURL, jokul.ProductionURL)
	}
	s.LogFormat = or(s.LogFormat, "json")
	s.BaseURL = strings.TrimSuffix(s.BaseURL, "/")
}

func or(value, otherwise string) string {
	if value == "" {
		return otherwise
	}
	return value
}

func (s *settings) check() error {
	switch {
	case s.Environment != embedded && s.Environment != sandboxed && s.Environment != production:
		return fmt.Errorf("JOKUL_ENVIRONMENT must be embedded, sandbox or production, not %q", s.Environment)
	case s.ClientID == "":
		return errors.New("JOKUL_CLIENT_ID is missing; DOKU's Back Office shows it")
	case s.SecretKey == "":
		return errors.New("JOKUL_SECRET_KEY is missing; DOKU's Back Office shows it")
	case s.BaseURL == "" && s.Environment != embedded:
		return errors.New("BASE_URL is missing; it is the address shoppers see, such as https://shop.example.com")
	case s.BaseURL != "" && !isOrigin(s.BaseURL):
		return errors.New("BASE_URL must be http(s)://host with no path")
	case s.GatewayURL != "" && !isOrigin(s.GatewayURL):
		return errors.New("JOKUL_BASE_URL must be http(s)://host with no path")
	case !isPath(s.NotificationPath):
		return fmt.Errorf("NOTIFICATION_PATH must be a plain path such as /payments/notifications, not %q", s.NotificationPath)
	case s.PaymentExpiry < time.Minute || s.PaymentExpiry > 24*time.Hour || s.PaymentExpiry%time.Minute != 0:
		return fmt.Errorf("PAYMENT_EXPIRY must be whole minutes from 1m to 24h, not %s", s.PaymentExpiry)
	case s.SMTPURL != "" && !isSMTP(s.SMTPURL):
		return errors.New("SMTP_URL must be smtp:// or smtps:// with a host, such as smtps://user:password@mail.example.com")
	case s.SMTPURL != "" && !isAddress(s.MailFrom):
		return errors.New("MAIL_FROM must be a mail address, such as Warung Jokul <toko@example.com>")
	case s.ConsolePassword != "" && (len(s.ConsolePassword) < 8 || len(s.ConsolePassword) > 72):
		return errors.New("CONSOLE_PASSWORD must be 8 to 72 bytes long, or a bcrypt hash")
	case s.LogFormat != "text" && s.LogFormat != "json":
		return fmt.Errorf("LOG_FORMAT must be text or json, not %q", s.LogFormat)
	case s.RateLimit != "on" && s.RateLimit != "off":
		return fmt.Errorf("RATE_LIMIT must be on or off, not %q", s.RateLimit)
	}
	return s.checkPrivacy()
}

// Personal data is kept for longer than a code can be paid and its money be given back, and not for longer than the
// books are, which in Indonesia is ten years.
const (
	leastDataDays = 14
	mostDataDays  = 3650
	badDataDays   = "PERSONAL_DATA_DAYS must be whole days from 14 to 3650"
)

// checkPrivacy checks what /privacy says.
func (s *settings) checkPrivacy() error {
	if s.PersonalDataDays < leastDataDays || s.PersonalDataDays > mostDataDays {
		return fmt.Errorf("%s, not %d", badDataDays, s.PersonalDataDays)
	}
	for name, text := range map[string]string{"SHOP_NAME": s.ShopName, "SHOP_LEGAL_NAME": s.ShopLegalName, "SHOP_ADDRESS": s.ShopAddress} {
		if strings.ContainsFunc(text, unicode.IsControl) || utf8.RuneCountInString(text) > maxShopText || !utf8.ValidString(text) {
			return fmt.Errorf("%s must be one line of at most %d letters", name, maxShopText)
		}
	}
	if strings.TrimSpace(s.ShopName) == "" {
		return errors.New("SHOP_NAME must not be empty")
	}
	if s.ShopContact != "" && !isAddress(s.ShopContact) {
		return errors.New("SHOP_CONTACT must be a mail address, such as toko@example.com")
	}
	return nil
}

// maxShopText is how long a text about the shop may be.
const maxShopText = 200

// owner is whose orders are in the database.
func (s *settings) owner() models.Owner {
	return models.Owner{Environment: s.Environment, ClientID: s.ClientID}
}

// setup is what the set-up check is told: no secret, and of the Secret Key only
// whether it looks pasted with something around it.
func (s *settings) setup() handlers.Setup {
	kind, _, _ := strings.Cut(s.DatabaseURL, ":")
	setup := handlers.Setup{Environment: s.Environment, GatewayURL: s.GatewayURL, Database: kind, OddSecret: s.SecretKey != strings.Trim(s.SecretKey, " \t\r\n\"'`")}
	if s.SMTPURL != "" {
		setup.MailFrom = s.MailFrom
	}
	return setup
}

func isOrigin(address string) bool {
	u, err := url.Parse(address)
	return err == nil && (u.Scheme == "https" || u.Scheme == "http") && u.Host != "" &&
		u.Path == "" && u.RawQuery == "" && u.Fragment == "" && u.User == nil
}

// isPath takes paths that mean themselves: signed as they stand, and routed as
// they stand.
func isPath(path string) bool {
	return len(path) > 1 && path[0] == '/' && !strings.ContainsAny(path, "?#%:* ") && path == strings.TrimSuffix(path, "/")
}

func isSMTP(address string) bool {
	u, err := url.Parse(address)
	return err == nil && (u.Scheme == "smtp" || u.Scheme == "smtps") && u.Hostname() != ""
}

func isAddress(address string) bool {
	_, err := mail.ParseAddress(address)
	return err == nil
}
