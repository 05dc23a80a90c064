package jokul

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"time"
	"unicode"
)

// DOKU's API hosts (docs/protocol.md section 1).
const (
	SandboxURL    = "https://api-sandbox.doku.com"
	ProductionURL = "https://api.doku.com"
)

const (
	defaultTimeout  = 10 * time.Second
	maxResponseSize = 1 << 20

	// maxResponseHeader is the same for the headers of an answer. Real ones have
	// about 1 KiB.
	maxResponseHeader = 64 << 10
)

// Client calls the gateway for one merchant. It is safe for concurrent use.
type Client struct {
	clientID    string
	secretKey   string
	previousKey string // empty: there is none
	base        *url.URL
	http        *http.Client

	minAmount, maxAmount int64
	notificationURL      *url.URL      // the one configured in Back Office; nil when not told
	sends                int           // of one call, retries included
	skew                 *atomic.Int64 // of our clock, in seconds, as the gateway showed it

	now          func() time.Time
	newRequestID func() string
	observe      func(context.Context, Exchange)
	log          *slog.Logger
}

// An Option changes a default of New.
type Option func(*Client) error

// WithBaseURL sets the gateway's address; the default is SandboxURL.
func WithBaseURL(base string) Option {
	return func(c *Client) error {
		u, err := url.Parse(base)
		if err != nil || u.Host == "" || (u.Scheme != "https" && u.Scheme != "http") || strings.Trim(u.Path, "/") != "" {
			return fmt.Errorf("base URL %q must be http(s)://host with no path", base)
		}
		c.base = &url.URL{Scheme: u.Scheme, Host: u.Host}
		return nil
	}
}

// WithHTTPClient sets the HTTP client to send with; the default gives each send
// 10 seconds. Redirects are never followed: a signature covers one path.
func WithHTTPClient(h *http.Client) Option {
	return func(c *Client) error {
		own := *h
		c.http = &own
		return nil
	}
}

// WithAmountLimits sets what Prepare takes, in whole rupiah. The defaults,
// DefaultMinAmount to DefaultMaxAmount, are not DOKU's word: confirm yours
// with DOKU before going live (docs/protocol.md section 10).
func WithAmountLimits(minimum, maximum int64) Option {
	return func(c *Client) error {
		if minimum < 1 || maximum < minimum || maximum > maxAmountField {
			return fmt.Errorf("amount limits %d to %d are not within 1 to %d", minimum, maximum, int64(maxAmountField))
		}
		c.minAmount, c.maxAmount = minimum, maximum
		return nil
	}
}

// WithNotificationURL tells the client which Notification URL is configured for
// the channel in DOKU's Back Office. AdditionalInfo.OverrideNotificationURL
// needs it: an override may differ from it in the host only.
func WithNotificationURL(address string) Option {
	return func(c *Client) error {
		u, err := url.Parse(address)
		if err != nil || u.Host == "" || (u.Scheme != "https" && u.Scheme != "http") {
			return fmt.Errorf("Notification URL %q must be an http(s) address", address)
		}
		c.notificationURL = u
		return nil
	}
}

// WithClock sets the clock that stamps requests; the default is time.Now.
func WithClock(now func() time.Time) Option {
	return func(c *Client) error { c.now = now; return nil }
}

// WithRequestIDs sets what makes Request-Ids: at most 128 printable ASCII
// characters, never the same twice. The default makes random UUIDs.
func WithRequestIDs(next func() string) Option {
	return func(c *Client) error { c.newRequestID = next; return nil }
}

// WithObserver has every call reported after it ended, failed ones too, and each
// repeat by itself. What observe is given is a copy, and its own to keep and to
// change. observe must be safe for concurrent use. For the record of one call in
// the hands of who makes it, see Client.ObservedBy.
func WithObserver(observe func(context.Context, Exchange)) Option {
	return func(c *Client) error { c.observe = observe; return nil }
}

// WithLogger sets where oddities of answers are noted; the default is nowhere.
func WithLogger(log *slog.Logger) Option {
	return func(c *Client) error { c.log = log; return nil }
}

// New returns a client for the merchant known to DOKU as clientID. Both
// credentials are in DOKU's Back Office; an empty one, or one with white space or
// quotes around it, is an error now rather than a refused, or worse an accepted,
// message later. The error names which one it is and never shows the Secret Key.
func New(clientID, secretKey string, opts ...Option) (*Client, error) {
	if err := cmp.Or(checkCredential("Client-Id", clientID), checkCredential("Secret Key", secretKey)); err != nil {
		return nil, fmt.Errorf("jokul: %w", err)
	}
	if strings.ContainsFunc(clientID, notPrintableASCII) {
		return nil, errors.New("jokul: Client-Id must be printable ASCII")
	}
	c := &Client{
		clientID:     clientID,
		secretKey:    secretKey,
		http:         defaultHTTPClient(),
		minAmount:    DefaultMinAmount,
		maxAmount:    DefaultMaxAmount,
		sends:        1 + DefaultRetries,
		skew:         &atomic.Int64{},
		now:          time.Now,
		newRequestID: NewRequestID,
		observe:      func(context.Context, Exchange) {},
		log:          slog.New(slog.DiscardHandler),
	}
	for _, opt := range append([]Option{WithBaseURL(SandboxURL)}, opts...) {
		if err := opt(c); err != nil {
			return nil, fmt.Errorf("jokul: %w", err)
		}
	}
	c.http.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return c, nil
}

// quotes are the marks that get around a value on its way from a page or a file.
const quotes = "\"'`´‘’‚“”„«»"

// checkCredential refuses what copying leaves around a credential. Its errors do
// not show the value.
func checkCredential(name, value string) error {
	bare := strings.TrimFunc(value, func(r rune) bool { return !unicode.IsPrint(r) || unicode.IsSpace(r) })
	switch {
	case value == "":
		return fmt.Errorf("%s must not be empty", name)
	case bare != value:
		return fmt.Errorf("%s has white space or an invisible character in front of it or behind it", name)
	case strings.Trim(value, quotes) != value:
		return fmt.Errorf("%s has a quotation mark in front of it or behind it", name)
	}
	return nil
}

// defaultHTTPClient keeps all its connections for the one host it calls.
// http.DefaultTransport keeps two for a host: of more calls at a time, each would
// open a connection and close it again.
func defaultHTTPClient() *http.Client {
	h := &http.Client{Timeout: defaultTimeout}
	if standard, ok := http.DefaultTransport.(*http.Transport); ok {
		transport := standard.Clone()
		transport.MaxIdleConnsPerHost = transport.MaxIdleConns
		transport.MaxResponseHeaderBytes = maxResponseHeader
		h.Transport = transport
	}
	return h
}

// ClientID returns the merchant's Client-Id.
func (c *Client) ClientID() string { return c.clientID }

// AmountLimits returns the smallest and largest amount Prepare takes, in whole
// rupiah: refuse others before a shopper gets this far.
func (c *Client) AmountLimits() (minimum, maximum int64) { return c.minAmount, c.maxAmount }

// ObservedBy returns a client that is c in everything, but reports its calls to
// observe, in place of the observer of c. It is cheap: make one for each call whose
// record its caller wants.
//
//	var last jokul.Exchange
//	record := func(_ context.Context, x jokul.Exchange) { last = x }
//	t, err := client.ObservedBy(record).CheckStatus(ctx, id)
//
// observe is called before the call returns, by the same goroutine.
func (c *Client) ObservedBy(observe func(context.Context, Exchange)) *Client {
	observed := *c
	observed.observe = observe
	return &observed
}

// Exchange is one call as it went over the wire, for logs and inspectors. It
// holds no secret: the Signature headers are masked. Bodies carry the personal
// data that was sent.
type Exchange struct {
	Operation string // the documented name of the call, such as "Generate payment code"
	Method    string
	URL       string
	RequestID string

	// InvoiceNumber is what the call was about: an invoice number, or the
	// Request-Id a status was asked for by. Empty for instructions.
	InvoiceNumber string

	RequestHeader http.Header
	RequestBody   []byte
	StringToSign  string // what the request's signature covers; empty when it has none

	Status               int // 0 when no response came
	ResponseHeader       http.Header
	ResponseBody         []byte
	ResponseStringToSign string // what the response's signature should cover
	Verified             bool   // the response's signature fits
	Key                  Key    // the key it fits; empty when it fits none

	StartedAt time.Time
	Duration  time.Duration
	Err       error // no or half a response, or one that is not to be trusted
}

// call signs and sends one request and reads the answer. GETs have no body and
// no Digest line.
func (c *Client) call(ctx context.Context, operation, invoiceNumber, method, path, requestID string, body []byte) (*Exchange, error) {
	component := Component{
		ClientID:  c.clientID,
		RequestID: requestID,
		Timestamp: c.stamp(),
		Target:    path,
	}
	if method != http.MethodGet {
		component.Digest = Digest(body)
	}
	header := http.Header{
		HeaderClientID:         {component.ClientID},
		HeaderRequestID:        {component.RequestID},
		HeaderRequestTimestamp: {component.Timestamp},
		HeaderSignature:        {Sign(c.secretKey, component)},
		"Accept":               {"application/json"},
	}
	if method != http.MethodGet {
		header.Set("Content-Type", "application/json")
	}
	x := &Exchange{Operation: operation, InvoiceNumber: invoiceNumber, Method: method, URL: c.base.String() + path,
		RequestID: requestID, StringToSign: component.String()}
	c.send(ctx, x, header, body)
	if x.Err != nil {
		return x, untrusted(x, x.Err)
	}
	c.verifyResponse(x, path)
	return x, nil
}

// send does the round trip and writes what happened into x.
func (c *Client) send(ctx context.Context, x *Exchange, header http.Header, body []byte) {
	x.StartedAt = c.now().UTC()
	started := time.Now()
	defer func() { x.Duration = time.Since(started) }()

	x.RequestHeader, x.RequestBody = header.Clone(), body
	mask(x.RequestHeader)
	req, err := http.NewRequestWithContext(ctx, x.Method, x.URL, bytes.NewReader(body))
	if err != nil {
		x.Err = err
		return
	}
	req.Header = header
	res, err := c.http.Do(req)
	if err != nil {
		x.Err = err
		return
	}
	defer res.Body.Close()
	x.Status, x.ResponseHeader = res.StatusCode, res.Header
	x.ResponseBody, err = io.ReadAll(io.LimitReader(res.Body, maxResponseSize+1))
	switch {
	case err != nil:
		x.Err = fmt.Errorf("read response: %w", err)
	case len(x.ResponseBody) > maxResponseSize:
		x.Err = fmt.Errorf("response is larger than %d bytes", maxResponseSize)
	}
}

// verifyResponse sets x.Verified. The responses to a POST sign their digest;
// for a GET the gateway does not say, so both forms count
// (docs/protocol.md section 3).
func (c *Client) verifyResponse(x *Exchange, path string) {
	signature := x.ResponseHeader.Get(HeaderSignature)
	component := Component{
		ClientID:  x.ResponseHeader.Get(HeaderClientID),
		RequestID: x.ResponseHeader.Get(HeaderRequestID),
		Timestamp: x.ResponseHeader.Get(HeaderResponseTimestamp),
		Target:    path,
		Digest:    Digest(x.ResponseBody),
		Response:  true,
	}
	x.ResponseStringToSign = component.String()
	if component.ClientID != c.clientID || component.RequestID != x.RequestID {
		return
	}
	x.Key = c.keyOf(component, signature)
	if x.Key == "" && x.Method == http.MethodGet {
		component.Digest = ""
		x.Key = c.keyOf(component, signature)
	}
	x.Verified = x.Key != ""
}

// untrusted is the error of an answer that did not come, or cannot be relied on:
// the outcome of the call is unknown.
func untrusted(x *Exchange, err error) *Error {
	return &Error{Outcome: OutcomeUnknown, HTTPStatus: x.Status, RequestID: x.RequestID, Err: err}
}

// report hands a copy of a finished exchange to the observer, with the verdict on
// it.
func (c *Client) report(ctx context.Context, x *Exchange, err error) {
	told := *x
	if told.Err == nil {
		told.Err = err
	}
	if e, ok := told.Err.(*Error); ok {
		own := *e
		told.Err = &own
	}
	told.RequestHeader, told.RequestBody = x.RequestHeader.Clone(), bytes.Clone(x.RequestBody)
	told.ResponseHeader, told.ResponseBody = x.ResponseHeader.Clone(), bytes.Clone(x.ResponseBody)
	mask(told.ResponseHeader)
	c.observe(ctx, told)
}

// mask shortens the signature in h.
func mask(h http.Header) {
	if s := h.Get(HeaderSignature); s != "" {
		h.Set(HeaderSignature, MaskSignature(s))
	}
}

// MaskSignature shortens a signature: enough to compare by eye, not enough to
// use.
func MaskSignature(s string) string { return cut(s, len(signaturePrefix)+4) + "…" }

func notPrintableASCII(r rune) bool { return r < ' ' || r > '~' }

// NewRequestID returns a random UUID, version 4: what the client names its
// requests by unless WithRequestIDs says otherwise.
func NewRequestID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails, says crypto/rand
	b[6] = b[6]&0x0f | 0x40
	b[8] = b[8]&0x3f | 0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}
