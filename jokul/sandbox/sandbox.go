package sandbox

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"
)

// maxBody bounds every body read: a merchant's, a page's, a notification's answer.
const maxBody = 64 << 10

// Config is what a Server needs to know. ClientID is required.
type Config struct {
	ClientID  string // the one merchant this gateway knows
	SecretKey string // signs both ways, and is never logged, stored or shown; empty: one made at random, kept in StateFile

	NotificationURL string // where payments are told; empty: nothing is delivered
	PublicURL       string // base of the how-to-pay links; empty: taken from the request's Host
	StateFile       string // journal that survives a restart, for one Server at a time; empty: everything is forgotten at the end
	MerchantName    string // shown at the till and on the how-to-pay page; empty: the Client-Id

	// OwnHostOnly has the simulator and the control API answer only those who name this gateway by an address, by
	// localhost, by PublicURL's host or by one of Hosts: a web site that lets its own name resolve to this machine
	// (DNS rebinding) may not drive it. Set it wherever browsers are about; tests may leave it out.
	OwnHostOnly bool
	Hosts       []string // names without port, such as that of a service in a network of containers

	// ControlKey is what the control API demands as a bearer token (Authorization: Bearer KEY). Set it where strangers reach
	// this gateway: its simulator is a PublicTill then, and its faults, clock and ledger are not theirs. Empty: it asks for
	// nothing, and the simulator does everything.
	ControlKey string

	FramedBy []string // origins whose pages may show ours in a frame; none: nobody's

	Now func() time.Time // wall time; nil: time.Now
	Log *slog.Logger     // nil: nothing is logged
}

// Server is the gateway. It is an http.Handler; make one with Open. Everything
// it does over HTTP is also a method, safe for use by several goroutines.
type Server struct {
	cfg     Config
	log     *slog.Logger
	random  io.Reader
	client  *http.Client // sends notifications
	handler http.Handler
	wake    chan struct{} // tells Run that what is due has changed

	mu       sync.Mutex // never held over network I/O
	state    state
	journal  *journal
	inFlight map[string]chan struct{} // Request-Ids of create calls being answered
	sending  map[int]bool             // deliveries being attempted
	requests []Request

	nextExpiry time.Time // before it no code expires that is told of; zero: look
}

// Open makes a Server and reads its state file, if it has one. It fails when
// another Server, of this process or another, has that file open: the file with
// ".lock" after its name is locked until Close, or until the process ends.
func Open(cfg Config) (*Server, error) {
	if err := cfg.check(); err != nil {
		return nil, err
	}
	s := &Server{
		cfg:      cfg.withDefaults(),
		random:   rand.Reader,
		client:   notificationClient(),
		wake:     make(chan struct{}, 1),
		inFlight: map[string]chan struct{}{},
		sending:  map[int]bool{},
	}
	s.log = s.cfg.Log
	s.handler = s.routes()
	var err error
	if s.journal, s.state, err = openJournal(cfg.StateFile); err != nil {
		return nil, fmt.Errorf("sandbox: %w", err)
	}
	if err := s.chooseKey(); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// ServeHTTP serves the gateway's API, the simulator and the control API.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	guard(w.Header())
	s.handler.ServeHTTP(w, r)
}

// Close closes the state file. Stop Run and the HTTP server first.
func (s *Server) Close() error {
	s.client.CloseIdleConnections()
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.journal.close()
}

func (c Config) check() error {
	if c.ClientID == "" {
		return errors.New("sandbox: ClientID is empty: choose the Client-Id the merchant will send")
	}
	for name, address := range map[string]string{"NotificationURL": c.NotificationURL, "PublicURL": c.PublicURL} {
		if address == "" {
			continue
		}
		if u, err := url.Parse(address); err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") {
			return fmt.Errorf("sandbox: %s must be an absolute http or https address, not %q", name, address)
		}
	}
	for _, origin := range c.FramedBy {
		if !isOrigin(origin) {
			return fmt.Errorf("sandbox: FramedBy must hold origins such as http://127.0.0.1:8080, not %q", origin)
		}
	}
	return nil
}

// isOrigin takes what can stand in a header as it is.
func isOrigin(origin string) bool {
	u, err := url.Parse(origin)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != "" && origin == u.Scheme+"://"+u.Host &&
		!strings.ContainsAny(u.Host, " ;,'*@")
}

func (c Config) withDefaults() Config {
	if c.MerchantName == "" {
		c.MerchantName = c.ClientID
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	return c
}

// commit writes c to the journal and then makes it so. s.mu is held.
func (s *Server) commit(c change) error {
	at, err := s.journal.write(c)
	if err != nil {
		return fmt.Errorf("sandbox: keep state: %w", err)
	}
	s.state.apply(c, at)
	return nil
}

// find reads the payment code that one of the state's indexes has under a name.
// s.mu is held.
func (s *Server) find(index map[string]int, name string) (p paymentCode, found bool, err error) {
	i, found := index[name]
	if !found {
		return p, false, nil
	}
	p, err = s.read(s.state.codes[i])
	return p, err == nil, err
}

// read reads what is not held of a payment code. s.mu is held.
func (s *Server) read(held heldCode) (paymentCode, error) {
	p := held.whole
	if p == nil {
		read, err := s.journal.code(held.at)
		if err != nil {
			return read, fmt.Errorf("sandbox: read state: %w", err)
		}
		p = &read
	}
	whole := *p
	whole.Payments = held.payments
	return whole, nil
}
