// Package web is what the rooms of the shop share: the App that holds its parts,
// the middleware, pages and errors, event streams, limits on inputs, metrics. The
// rooms, which are shop, console and demo, know this package and not each other.
package web

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/gorilla/securecookie"
	"golang.org/x/time/rate"

	"warungjokul/jokul"
	"warungjokul/models"
	"warungjokul/payments"
	"warungjokul/views"
)

// Config is what the shop needs to run. All of it is required, but for
// SandboxURL, TillURL, Till, ControlKey, Mail, Contact, Shop, PersonalDataDays, ConsolePassword, LinkUsed and Proxies.
type Config struct {
	Store            *models.Store
	Gateway          *jokul.Client
	BaseURL          string                              // how browsers reach the shop
	NotificationPath string                              // the path of the Notification URL, as DOKU knows it
	PaymentExpiry    time.Duration                       // how long a payment code is good, whole minutes
	SandboxURL       string                              // of the embedded gateway, in a demo; empty when there is none
	TillURL          string                              // where the till of that gateway is; empty: under /simulator of the shop itself
	Till             http.Handler                        // serves /simulator to strangers, in a public demo; nil where it is none
	ControlKey       string                              // of the embedded gateway's control API; empty: it asks for none
	Mail             func(context.Context, Letter) error // nil: no mail is sent
	Contact          string                              // where shoppers may write to, or empty
	Shop             Shop                                // who it says it is; empty: the shop of the demo
	PersonalDataDays int                                 // how long after its end an order keeps its customer; 0: for ever
	RateLimit        bool
	ConsolePassword  string  // or its bcrypt hash; empty: there is no console, but in a demo, by a one-time link
	LinkUsed         func()  // the one-time link was used, and ConsolePath is another now
	Proxies          Proxies // whose forwarding headers count
	MetricsElsewhere bool    // metrics are served by OpsHandler alone
	Now              func() time.Time
	Log              *slog.Logger
	Setup            Setup // for the set-up check
}

// Shop is who the shop says it is.
type Shop struct {
	Name      string // on pages, in mails and at the till
	LegalName string // who answers for personal data
	Address   string // or empty
}

// DisplayName is the shop's name, or that of the demo where none is set.
func (s Shop) DisplayName() string {
	return cmp.Or(s.Name, views.Page{Lang: views.Indonesian}.ShopName())
}

// Letter is a mail ready to be sent.
type Letter struct {
	ID       string // the same for every try, so that a mail sent twice is seen to be one
	To       string
	Language string
	Subject  string
	Text     string
	HTML     string
}

// Setup is what the set-up check has to be told of the settings. It holds no
// secret.
type Setup struct {
	Environment string // embedded, sandbox or production
	GatewayURL  string
	PreviousKey bool   // there is a previous Secret Key, too
	Database    string // its kind, such as sqlite
	MailFrom    string // of mail that really leaves; empty when none does
}

// Environments that pages tell from others.
const (
	Embedded   = "embedded"
	Production = "production"
)

// App holds the parts of the shop that all rooms use.
type App struct {
	Config
	Payments *payments.Service
	Cookies  *securecookie.SecureCookie // carts, and the names of browsers
	Streams  *Streams
	Metrics  *Metrics
	MailDue  payments.Wake // a mail may have become due

	accepted Accepted

	// These bound the log lines that strangers can cause.
	Limits                 rate.Sometimes
	misdirected, untrusted rate.Sometimes
}

// CheckInterval is how often a shopper may have the gateway asked about a payment.
const CheckInterval = 10 * time.Second

// New returns an App. Cookies are signed with the shop's own key, which is the
// same for every process on one database.
func New(ctx context.Context, c Config) (*App, error) {
	if c.Store == nil || c.Gateway == nil || c.Now == nil || c.Log == nil {
		return nil, errors.New("handlers: a part is missing")
	}
	key, err := c.Store.Key(ctx, "cookies")
	if err != nil {
		return nil, err
	}
	h := &App{
		Config:  c,
		Cookies: securecookie.New(key, nil).SetSerializer(securecookie.JSONEncoder{}).MaxAge(int(CartAge / time.Second)),
		Streams: NewStreams(),
		Metrics: NewMetrics(c.Store, c.BaseURL),
		MailDue: payments.NewWake(),

		Limits:      rate.Sometimes{First: 10, Interval: time.Second},
		misdirected: rate.Sometimes{First: 10, Interval: time.Minute},
		untrusted:   rate.Sometimes{First: 1, Interval: time.Minute},
	}
	h.Payments = h.newPayments()
	return h, nil
}

// MailStays reports whether mails are written and do not leave: in a demo without a mail server they are in its mailbox.
func (h *App) MailStays() bool { return h.Demo() && h.Setup.MailFrom == "" }

// newPayments wires the payment flow.
func (h *App) newPayments() *payments.Service {
	interval := CheckInterval
	if !h.RateLimit {
		interval = 0
	}
	return payments.New(payments.Config{
		Store: h.Store, Gateway: h.Gateway, NotificationPath: h.NotificationPath, Expiry: h.PaymentExpiry,
		ShopName: h.Shop.DisplayName(), CheckInterval: interval, Changed: h.Publish, MailDue: h.MailDue.Set,
		Metrics: h.Metrics.Payments, Now: h.Now, Log: h.Log,
	})
}

// PublicDemo reports whether strangers pay at the till, with money that is free.
func (h *App) PublicDemo() bool { return h.Till != nil }

// Demo reports whether the gateway is our own and payments are made up.
func (h *App) Demo() bool { return h.SandboxURL != "" }

// Secure reports whether browsers reach the shop over https.
func (h *App) Secure() bool { return strings.HasPrefix(h.BaseURL, "https://") }

// Publish tells the open pages of an order that something may be new, in every
// process of the shop.
func (h *App) Publish(ctx context.Context, token string) {
	if err := h.Store.Publish(ctx, token); err != nil {
		h.Log.WarnContext(ctx, "publish a change", "error", err)
		h.Streams.Publish(token)
	}
}
