package sandbox

import (
	"context"
	"net/http"

	"warungjokul/jokul"
)

// repeated answers a call whose Request-Id has issued a code before: it gets the
// same bytes again, for ever (docs/protocol.md section 9). Only calls that issued
// a code are remembered. s.mu is held.
func (s *Server) repeated(c *call) (rep reply, repeat bool, err error) {
	first, before, err := s.find(s.state.byRequest, c.requestID)
	switch {
	case !before || first.ClientID != s.cfg.ClientID:
		return reply{}, false, err
	case first.Digest != c.component.Digest:
		return refuse(http.StatusConflict, jokul.CodeIdempotentRequest, "different request data"), true, nil
	case c.faults.Idempotency == "error":
		return refuse(http.StatusConflict, jokul.CodeIdempotentRequest, "Request-Id has been used before"), true, nil
	}
	return reply{status: http.StatusConflict, body: first.answer(), verdict: "repeated: the first answer again"}, true, nil
}

// enter lets one call of a Request-Id through at a time; the next waits until
// leave. It fails when the waiting caller goes away.
func (s *Server) enter(ctx context.Context, requestID string) (leave func(), err error) {
	for {
		s.mu.Lock()
		ahead, busy := s.inFlight[requestID]
		if !busy {
			done := make(chan struct{})
			s.inFlight[requestID] = done
			s.mu.Unlock()
			return func() { s.leave(requestID, done) }, nil
		}
		s.mu.Unlock()
		select {
		case <-ahead:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

func (s *Server) leave(requestID string, done chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.inFlight, requestID)
	close(done)
}
