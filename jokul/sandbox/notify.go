package sandbox

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"sync"
	"time"

	"warungjokul/jokul"
)

// notificationTimeout is how long the shop has to answer.
const notificationTimeout = 10 * time.Second

// maxIdleConnections is how many connections to the shop are kept for the next
// notifications; http.DefaultTransport would keep two.
const maxIdleConnections = 100

// notificationClient follows no redirect: a 3xx is a failure.
func notificationClient() *http.Client {
	return &http.Client{
		Transport: &http.Transport{
			Proxy:               http.ProxyFromEnvironment,
			MaxIdleConnsPerHost: maxIdleConnections,
			IdleConnTimeout:     90 * time.Second,
		},
		Timeout:       notificationTimeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// claimed reports whether a delivery is marked as being sent.
func (s *Server) claimed(id int) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.sending[id]
}

// claimDue marks those that are due, so that Run leaves them to the caller.
// s.mu is held.
func (s *Server) claimDue(deliveries []Delivery) {
	for _, d := range deliveries {
		if !d.NextAttemptAt.After(s.now()) {
			s.sending[d.ID] = true
		}
	}
}

// attempt sends a claimed delivery, keeps how it went and gives up the claim. An
// attempt that ctx ended is not kept: it stays due, and the Request-Id tells the
// shop if it arrives twice.
func (s *Server) attempt(ctx context.Context, id int, kind string) (Delivery, error) {
	defer s.release(id)
	d, f := s.prepare(id)
	attempts, err := s.newAttempts(d, kind, f)
	if err != nil {
		return d, err
	}
	s.try(ctx, d, attempts)
	if ctx.Err() != nil {
		return d, ctx.Err()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	d = d.after(attempts, s.state.faults.Schedule)
	last := attempts[len(attempts)-1]
	s.log.Info("notification", "invoice_number", d.InvoiceNumber, "request_id", d.as(last).RequestID, "kind", kind,
		"http_status", last.HTTPStatus, "error", last.Error, "state", string(d.State))
	return d, s.commit(change{Deliveries: []Delivery{d}})
}

// prepare reads a delivery, its address as configured now: a shop that moved
// between restarts is found again.
func (s *Server) prepare(id int) (Delivery, Faults) {
	s.mu.Lock()
	defer s.mu.Unlock()
	d := s.state.deliveries[id]
	p, found, err := s.find(s.state.byCode, d.PaymentCode)
	if err != nil {
		s.log.Error("notification goes where it was to go at first", "invoice_number", d.InvoiceNumber, "error", err)
	}
	if address := s.notificationURL(p); found && address != "" {
		d.URL = address
	}
	return d, s.state.faults
}

func (s *Server) release(id int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.sending, id)
	s.wakeRun()
}

// newAttempts makes what is to be sent now: one attempt, or several at once if the
// faults say so.
func (s *Server) newAttempts(d Delivery, kind string, f Faults) ([]Attempt, error) {
	copies := 1
	switch {
	case kind != kindFirst:
	case f.retells(RetellAtOnce):
		copies = copiesAtOnce
	case f.Notify == NotifyTwice:
		copies = 2
	}
	attempts := make([]Attempt, copies)
	for i := range attempts {
		var err error
		if attempts[i], err = s.newAttempt(d, kind, len(d.Attempts)+i, f); err != nil {
			return nil, err
		}
	}
	return attempts, nil
}

// newAttempt decides how attempt n signs and what it says: as ever, in other words,
// or exactly as the first.
func (s *Server) newAttempt(d Delivery, kind string, n int, f Faults) (a Attempt, err error) {
	s.mu.Lock()
	a = Attempt{Kind: kind, At: s.now(), RequestTimestamp: s.stamp(), ClientID: s.cfg.ClientID}
	s.mu.Unlock()
	switch f.Notify {
	case NotifyWrongSignature:
		a.WrongKey = true
	case NotifyWrongClientID:
		a.ClientID = "MCH-0000-0000000000000"
	}
	if f.Retry == "verbatim" && len(d.Attempts) > 0 {
		first := d.Attempts[0]
		a.RequestTimestamp, a.ClientID, a.WrongKey = first.RequestTimestamp, first.ClientID, first.WrongKey
		a.RequestID, a.Body = first.RequestID, first.Body
		return a, nil
	}
	if n > 0 && (f.retells(RetellRequestID) || kind == kindFirst && f.retells(RetellAtOnce)) {
		a.RequestID, err = s.newUUID()
	}
	if body := retold(d.Body, n, a.At, f); !bytes.Equal(body, d.Body) {
		a.Body = body
	}
	return a, err
}

// try makes attempts of d, all at once, and fills in how they went.
func (s *Server) try(ctx context.Context, d Delivery, attempts []Attempt) {
	var posts sync.WaitGroup
	for i, a := range attempts {
		posts.Go(func() { attempts[i] = s.post(ctx, d.as(a), a) })
	}
	posts.Wait()
}

// post sends one signed request and fills in how it was answered.
func (s *Server) post(ctx context.Context, d Delivery, a Attempt) Attempt {
	begin := time.Now()
	status, err := s.exchange(ctx, d, a)
	a.DurationMS = time.Since(begin).Milliseconds()
	a.HTTPStatus = status
	if err != nil {
		a.Error = plainNetworkError(err)
	}
	return a
}

func (s *Server) exchange(ctx context.Context, d Delivery, a Attempt) (int, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, d.URL, bytes.NewReader(d.Body))
	if err != nil {
		return 0, err
	}
	s.signNotification(req, d, a)
	res, err := s.client.Do(req)
	if err != nil {
		return 0, err
	}
	defer res.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(res.Body, maxBody)) // a body is not required, only the status counts
	return res.StatusCode, nil
}

// signNotification signs as a POST, target the path of the merchant's own
// Notification URL (docs/protocol.md section 3).
func (s *Server) signNotification(req *http.Request, d Delivery, a Attempt) {
	component := jokul.Component{
		ClientID:  a.ClientID,
		RequestID: d.RequestID,
		Timestamp: a.RequestTimestamp,
		Target:    target(req.URL),
		Digest:    jokul.Digest(d.Body),
	}
	key := s.cfg.SecretKey
	if a.WrongKey {
		key = wrongKey(key)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set(jokul.HeaderClientID, component.ClientID)
	req.Header.Set(jokul.HeaderRequestID, component.RequestID)
	req.Header.Set(jokul.HeaderRequestTimestamp, component.Timestamp)
	req.Header.Set(jokul.HeaderSignature, jokul.Sign(key, component))
}

// target is the path of an address as it goes over the wire.
func target(u *url.URL) string {
	if path := u.EscapedPath(); path != "" {
		return path
	}
	return "/"
}

func plainNetworkError(err error) string {
	var wrapped *url.Error
	switch {
	case errors.As(err, &wrapped) && wrapped.Timeout():
		return "no answer in time"
	case errors.As(err, &wrapped):
		return wrapped.Err.Error()
	}
	return err.Error()
}
