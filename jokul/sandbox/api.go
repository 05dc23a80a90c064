package sandbox

import (
	"context"
	"io"
	"net/http"
	"time"

	"warungjokul/jokul"
)

// A call is one signed call of a merchant.
type call struct {
	operation string // create or status
	request   *http.Request
	body      []byte
	requestID string
	component jokul.Component // what the merchant must have signed
	faults    Faults
}

// A reply is what the gateway has to say, before any fault spoils it.
type reply struct {
	status  int
	body    []byte
	verdict string // for /control/requests: ok, or the error in words
	bare    bool   // never signed: it comes from a machine in front of the gateway
}

func ok(body []byte) reply { return reply{status: http.StatusOK, body: body, verdict: "ok"} }

// refuse is the first error envelope of docs/protocol.md section 6.
func refuse(status int, code, message string) reply {
	type inner struct {
		Code    string `json:"code"`
		Message string `json:"message"`
		Type    string `json:"type"`
	}
	body := marshal(map[string]inner{"error": {code, message, "invalid_request_error"}})
	return reply{status: status, body: body, verdict: code + ": " + message}
}

// failed is the gateway's own fault; the cause goes to the log, not the wire.
func (s *Server) failed(err error) reply {
	s.log.Error("cannot answer", "error", err)
	body := marshal(gatewayMessage{"INTERNAL SERVER ERROR"})
	return reply{status: http.StatusInternalServerError, body: body, verdict: "internal error"}
}

// api turns handle into an endpoint: it reads the call, commits the faults that
// are set, checks the headers and the signature, and signs the answer.
func (s *Server) api(operation string, handle func(*call) reply) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
		if err != nil {
			writeJSON(w, http.StatusRequestEntityTooLarge, gatewayMessage{"Request body is too large or was cut short."})
			return
		}
		faults, err := s.takeFaults(operation)
		c := &call{operation: operation, request: r, body: body, faults: faults}
		c.describe()
		var rep reply
		switch {
		case err != nil:
			rep = s.failed(err)
		case !pause(r.Context(), time.Duration(faults.Delay)):
			return
		default:
			rep = s.handle(c, handle)
		}
		s.remember(c, rep)
		s.send(w, c, rep)
	}
}

// handle answers c, unless a fault strikes before anything is looked at.
func (s *Server) handle(c *call, handle func(*call) reply) reply {
	if rep, struck := faultBefore(c.faults.Answer); struck {
		return rep
	}
	if rep, good := s.checkHeaders(c); !good {
		return rep
	}
	return handle(c)
}

func (c *call) describe() {
	c.requestID = c.request.Header.Get(jokul.HeaderRequestID)
	c.component = jokul.Component{
		ClientID:  c.request.Header.Get(jokul.HeaderClientID),
		RequestID: c.requestID,
		Timestamp: c.request.Header.Get(jokul.HeaderRequestTimestamp),
		Target:    c.request.URL.EscapedPath(), // as sent, without the query
	}
	if c.request.Method != http.MethodGet && c.request.Method != http.MethodHead { // a GET has no Digest line
		c.component.Digest = jokul.Digest(c.body)
	}
}

// send signs rep and writes it, spoilt as the faults demand.
func (s *Server) send(w http.ResponseWriter, c *call, rep reply) {
	rep.body = spoil(c.faults.Answer, rep)
	if c.faults.Answer == AnswerReplay && rep.status == http.StatusOK {
		rep.status = http.StatusConflict
	}
	h := w.Header()
	h.Set("Content-Type", contentType(c.faults.Answer))
	if s.signs(c, rep) {
		s.sign(h, c, rep.body)
	}
	switch c.faults.Answer {
	case AnswerDrop, AnswerLostReply:
		panic(http.ErrAbortHandler) // how net/http closes a connection without an answer
	case AnswerCut:
		cutShort(w, rep)
	}
	w.WriteHeader(rep.status)
	_, _ = w.Write(rep.body) // a merchant that has gone will ask again
}

// signs: 200 and 409 are signed, other answers only when told to
// (docs/protocol.md section 3).
func (s *Server) signs(c *call, rep reply) bool {
	if rep.bare {
		return false
	}
	return rep.status == http.StatusOK || rep.status == http.StatusConflict || bool(c.faults.SignErrors)
}

func (s *Server) sign(h http.Header, c *call, body []byte) {
	component := jokul.Component{
		ClientID:  s.cfg.ClientID,
		RequestID: c.requestID,
		Timestamp: s.stamp(),
		Target:    c.component.Target,
		Digest:    jokul.Digest(body),
		Response:  true,
	}
	if c.operation == "status" && !c.faults.StatusDigest {
		component.Digest = ""
	}
	h.Set(jokul.HeaderClientID, component.ClientID)
	h.Set(jokul.HeaderRequestID, component.RequestID)
	h.Set(jokul.HeaderResponseTimestamp, component.Timestamp)
	switch c.faults.Answer {
	case AnswerUnsigned:
	case AnswerWrongSignature:
		h.Set(jokul.HeaderSignature, jokul.Sign(wrongKey(s.cfg.SecretKey), component))
	default:
		h.Set(jokul.HeaderSignature, jokul.Sign(s.cfg.SecretKey, component))
	}
}

// wrongKey is any key but the right one.
func wrongKey(secretKey string) string { return "not-" + secretKey }

// pause waits for d and reports whether the caller is still there.
func pause(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return ctx.Err() == nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
