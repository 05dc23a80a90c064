package sandbox

import (
	"net/http"
	"time"

	"warungjokul/jokul"
)

// maxRequests is how many calls are remembered. They are kept in memory only.
const maxRequests = 200

// A Request is a call the gateway received and what it thought of it.
type Request struct {
	At           time.Time         `json:"at"` // wall time
	Method       string            `json:"method"`
	Path         string            `json:"path"`
	Headers      map[string]string `json:"headers"` // the signed ones; Signature is masked
	Body         string            `json:"body"`
	StringToSign string            `json:"string_to_sign"` // what the merchant must have signed
	HTTPStatus   int               `json:"http_status"`    // of the answer before Fault spoilt it; 0: none
	Verdict      string            `json:"verdict"`        // ok, or what was wrong
	Fault        string            `json:"fault,omitempty"`
}

// Requests returns the latest signed calls, oldest first.
func (s *Server) Requests() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Request{}, s.requests...)
}

// remember keeps c and its verdict. The log gets neither body nor signature.
func (s *Server) remember(c *call, rep reply) {
	r := Request{
		At:           s.cfg.Now().UTC(),
		Method:       c.request.Method,
		Path:         c.component.Target,
		Headers:      maskedHeaders(c.request.Header),
		Body:         string(c.body),
		StringToSign: c.component.String(),
		HTTPStatus:   rep.status,
		Verdict:      rep.verdict,
		Fault:        c.faults.Answer,
	}
	s.log.Info("call", "method", r.Method, "path", r.Path, "request_id", c.requestID, "http_status", r.HTTPStatus, "verdict", r.Verdict)
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.requests) == maxRequests {
		s.requests = s.requests[1:] // its place goes when append next needs a larger array
	}
	s.requests = append(s.requests, r)
}

func maskedHeaders(h http.Header) map[string]string {
	masked := map[string]string{}
	for _, name := range signedHeaders {
		if value := h.Get(name); value != "" {
			masked[name] = value
		}
	}
	if masked[jokul.HeaderSignature] != "" {
		masked[jokul.HeaderSignature] = "HMACSHA256=********"
	}
	return masked
}
