package sandbox

import (
	"net/http"
	"time"

	"warungjokul/jokul"
)

// clockWindow is how far Request-Timestamp may be from wall time, either way.
const clockWindow = 3600 // seconds

// maxRequestID is the documented length of a Request-Id.
const maxRequestID = 128

// signedHeaders in the order the gateway misses them.
var signedHeaders = []string{jokul.HeaderClientID, jokul.HeaderRequestID, jokul.HeaderRequestTimestamp, jokul.HeaderSignature}

// checkHeaders refuses in the gateway's order, all before the body is looked at:
// presence, shape, time window, Client-Id, signature (docs/protocol.md section 2).
func (s *Server) checkHeaders(c *call) (refusal reply, good bool) {
	for _, name := range signedHeaders {
		if c.request.Header.Get(name) == "" {
			return invalidHeader("Header " + name + " is required"), false
		}
		if len(c.request.Header.Values(name)) > 1 {
			return invalidHeader("Invalid format Header " + name), false
		}
	}
	if !isRequestID(c.requestID) {
		return invalidHeader("Invalid format Header Request-Id"), false
	}
	sent, err := parseStamp(c.component.Timestamp)
	switch {
	case err != nil:
		return invalidHeader("Invalid format Header Request-Timestamp"), false
	case !s.inWindow(sent):
		return refuse(http.StatusBadRequest, jokul.CodeTimeOutOfRange, "Header Request-Timestamp is not in +- 3600 second of now"), false
	case c.component.ClientID != s.cfg.ClientID:
		return refuse(http.StatusBadRequest, jokul.CodeInvalidClientID, "Invalid Client-Id"), false
	case jokul.Verify(s.cfg.SecretKey, c.component, c.request.Header.Get(jokul.HeaderSignature)) != nil:
		return refuse(http.StatusBadRequest, jokul.CodeInvalidSignature, "Invalid Header Signature"), false
	}
	return reply{}, true
}

func invalidHeader(message string) reply {
	return refuse(http.StatusBadRequest, jokul.CodeInvalidHeader, message)
}

func isRequestID(id string) bool {
	for i := range len(id) {
		if id[i] < ' ' || id[i] > '~' {
			return false
		}
	}
	return len(id) >= 1 && len(id) <= maxRequestID
}

// parseStamp takes the one form the gateway takes. time.Parse alone would let
// fractions of a second pass.
func parseStamp(value string) (time.Time, error) {
	t, err := time.Parse(jokul.TimestampLayout, value)
	if err == nil && t.Format(jokul.TimestampLayout) != value {
		err = &time.ParseError{Layout: jokul.TimestampLayout, Value: value}
	}
	return t, err
}

func (s *Server) inWindow(sent time.Time) bool {
	seconds := s.cfg.Now().Unix() - sent.Unix()
	return -clockWindow <= seconds && seconds <= clockWindow
}
