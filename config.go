package main

import (
	"errors"
	"fmt"
	"log/slog"
	"net/mail"
	"net/url"
	gopath "path"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/caarlos0/env/v11"

	"warungjokul/handlers/web"
	"warungjokul/jokul"
	"warungjokul/jokul/sandbox"
	"warungjokul/models"
)

// The gateways a shop can be run against.
const (
	embedded   = "embedded"        // a sandbox of our own, started beside the shop
	sandboxed  = "sandbox"         // DOKU's sandbox
	production = models.Production // DOKU
)

// settings is everything that can be set, and the one place it is read. Each that is tagged secret can also be given as
// NAME_FILE, the name of a file that holds it.
type settings struct {
	Addr              string        `env:"ADDR" envDefault:"127.0.0.1:8080"`
	BaseURL           string        `env:"BASE_URL"` // empty: the address listened on
	DatabaseURL       string        `env:"DATABASE_URL" envDefault:"sqlite:warung.db" secret:"yes"`
	Environment       string        `env:"JOKUL_ENVIRONMENT" envDefault:"embedded"`
	ClientID          string        `env:"JOKUL_CLIENT_ID"`
	SecretKey         string        `env:"JOKUL_SECRET_KEY" secret:"yes"`          // embedded, and empty: the gateway makes one
	PreviousSecretKey string        `env:"JOKUL_PREVIOUS_SECRET_KEY" secret:"yes"` // verifies what was signed before the key was changed
	GatewayURL        string        `env:"JOKUL_BASE_URL"`                         // empty: the environment's
	NotificationPath  string        `env:"NOTIFICATION_PATH" envDefault:"/payments/notifications"`
	PaymentExpiry     time.Duration `env:"PAYMENT_EXPIRY" envDefault:"60m"`
	SandboxAddr       string        `env:"SANDBOX_ADDR" envDefault:"127.0.0.1:8081"`
	SandboxState      string        `env:"SANDBOX_STATE" envDefault:"sandbox.state"`
	ConsolePassword   string        `env:"CONSOLE_PASSWORD" secret:"yes"` // or its bcrypt hash; empty: no console outside a demo
	OpsAddr           string        `env:"OPS_ADDR"`                      // empty: metrics are served by the shop
	SMTPURL           string        `env:"SMTP_URL" secret:"yes"`         // empty: no mail leaves
	MailFrom          string        `env:"MAIL_FROM"`
	LogLevel          slog.Level    `env:"LOG_LEVEL" envDefault:"info"`
	LogFormat         string        `env:"LOG_FORMAT"` // empty: text when embedded, else json
	RateLimit         string        `env:"RATE_LIMIT" envDefault:"on"`
	PublicDemo        string        `env:"PUBLIC_DEMO" envDefault:"no"` // yes: a demo may be reached from elsewhere
	TrustedProxies    string        `env:"TRUSTED_PROXIES"`             // empty: nobody's forwarding headers count
	PersonalDataDays  int           `env:"PERSONAL_DATA_DAYS" envDefault:"90"`
	ShopName          string        `env:"SHOP_NAME" envDefault:"Warung Jokul"`
	ShopLegalName     string        `env:"SHOP_LEGAL_NAME"` // who answers for personal data; empty: ShopName
	ShopAddress       string        `env:"SHOP_ADDRESS"`    // on /privacy, or empty
	ShopContact       string        `env:"SHOP_CONTACT"`    // an email address; empty: that of MailFrom

	trustedProxies web.Proxies // TrustedProxies, read
	warnings       []string    // what is odd about the settings and no reason not to start
}

// embeddedClientID is the merchant that the embedded gateway knows. Its Secret Key is made at random.
const embeddedClientID = sandbox.EmbeddedClientID

// readSettings reads the environment. What is wrong comes back as one sentence
// that names the setting and repeats no secret.
func readSettings(environ []string) (settings, error) {
	var s settings
	values := env.ToMap(environ)
	if err := checkNames(values); err != nil {
		return s, err
	}
	if environment, set := values["JOKUL_ENVIRONMENT"]; set && environment == "" {
		return s, errors.New("JOKUL_ENVIRONMENT is set and empty; set it to embedded, sandbox or production, or " +
			"remove it for a demo")
	}
	warnings, err := readSecretFiles(values)
	if err != nil {
		return s, err
	}
	s.warnings = append(nearMisses(values), warnings...)
	err = env.ParseWithOptions(&s, env.Options{Environment: values})
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
	if s.trustedProxies, err = web.ParseProxies(s.TrustedProxies); err != nil {
		return s, fmt.Errorf("TRUSTED_PROXIES must be addresses and networks such as 127.0.0.1,10.0.0.0/8: %w", err)
	}
	if err := s.check(); err != nil {
		return s, err
	}
	s.warn()
	return s, nil
}

// fill gives defaults that depend on other settings.
func (s *settings) fill() {
	switch s.Environment {
	case embedded:
		if s.SecretKey != "" || s.ClientID != "" {
			s.warnings = append(s.warnings, "the embedded gateway is known by the Client-Id and Secret Key that were "+
				"set; never set DOKU's for it")
		}
		s.ClientID = or(s.ClientID, embeddedClientID)
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
	if u, err := url.Parse(s.BaseURL); err == nil && isOrigin(s.BaseURL) { // scheme and host are the same in capitals
		u.Host = strings.ToLower(u.Host)
		s.BaseURL = u.String()
	}
}

func or(value, otherwise string) string {
	if value == "" {
		return otherwise
	}
	return value
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

// setup is what the set-up check is told: no secret.
func (s *settings) setup() web.Setup {
	kind, _, _ := strings.Cut(s.DatabaseURL, ":")
	setup := web.Setup{Environment: s.Environment, GatewayURL: s.GatewayURL, PreviousKey: s.PreviousSecretKey != "", Database: kind}
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
	plain := func(r rune) bool { return r > ' ' && r <= '~' && !strings.ContainsRune(`?#%:*\`, r) }
	return len(path) > 1 && path[0] == '/' && !strings.ContainsFunc(path, func(r rune) bool { return !plain(r) }) && gopath.Clean(path) == path
}

func isSMTP(address string) bool {
	u, err := url.Parse(address)
	return err == nil && (u.Scheme == "smtp" || u.Scheme == "smtps") && u.Hostname() != ""
}

func isAddress(address string) bool {
	_, err := mail.ParseAddress(address)
	return err == nil
}
