package jokul

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"strings"
)

// signaturePrefix names the algorithm in front of every signature.
const signaturePrefix = "HMACSHA256="

// Header names of the signed parts, spelt as the gateway spells them
// (docs/protocol.md section 2).
const (
	HeaderClientID          = "Client-Id"
	HeaderRequestID         = "Request-Id"
	HeaderRequestTimestamp  = "Request-Timestamp"
	HeaderResponseTimestamp = "Response-Timestamp"
	HeaderSignature         = "Signature"
)

// TimestampLayout is the only form the gateway takes in Request-Timestamp:
// UTC, whole seconds, a literal Z.
const TimestampLayout = "2006-01-02T15:04:05Z"

// A Component holds the parts a signature covers. Its String is the string to
// sign (docs/protocol.md section 3).
type Component struct {
	ClientID  string
	RequestID string

	// Timestamp is the value of Request-Timestamp, or of Response-Timestamp
	// when Response is set.
	Timestamp string

	// Target is the path that was called, without host or query: the API path
	// for calls to the gateway and their responses, the path of the Notification
	// URL for notifications.
	Target string

	// Digest is Digest(body) of the raw body. Leave it empty for a GET, which
	// has no Digest line; an empty POST body still has a digest.
	Digest string

	// Response labels the timestamp line Response-Timestamp.
	Response bool
}

// String joins the lines with a single LF, no space after a colon and no LF at
// the end.
func (c Component) String() string { return string(c.bytes()) }

func (c Component) bytes() []byte {
	timestamp := HeaderRequestTimestamp
	if c.Response {
		timestamp = HeaderResponseTimestamp
	}
	b := make([]byte, 0, len(c.ClientID)+len(c.RequestID)+len(c.Timestamp)+len(c.Target)+len(c.Digest)+80)
	b = line(b, HeaderClientID, c.ClientID)
	b = line(b, HeaderRequestID, c.RequestID)
	b = line(b, timestamp, c.Timestamp)
	b = line(b, "Request-Target", c.Target)
	if c.Digest != "" {
		b = line(b, "Digest", c.Digest)
	}
	return b
}

// line appends one line, after an LF unless it is the first.
func line(b []byte, name, value string) []byte {
	if len(b) > 0 {
		b = append(b, '\n')
	}
	b = append(b, name...)
	b = append(b, ':')
	return append(b, value...)
}

// Digest returns the base64 SHA-256 of a body, taken over the bytes on the
// wire: hash the buffer you send or the buffer you read, never a re-encoding.
func Digest(body []byte) string {
	sum := sha256.Sum256(body)
	return base64.StdEncoding.EncodeToString(sum[:])
}

// Sign returns the Signature header for c. The Secret Key is used as it
// stands: it is neither hex nor base64.
func Sign(secretKey string, c Component) string { return sign(secretKey, c.bytes()) }

func sign(secretKey string, text []byte) string {
	return signaturePrefix + base64.StdEncoding.EncodeToString(mac(secretKey, text))
}

// Verify reports whether signature was made over c with secretKey, in constant
// time. It returns ErrInvalidSignature and nothing more when it was not, and
// also when secretKey is empty. The base64 padding may be missing.
func Verify(secretKey string, c Component, signature string) error {
	encoded, ok := strings.CutPrefix(signature, signaturePrefix)
	encoded = strings.TrimSuffix(encoded, "=")
	if !ok || secretKey == "" || len(encoded) != base64.RawStdEncoding.EncodedLen(sha256.Size) {
		return ErrInvalidSignature
	}
	received, err := base64.RawStdEncoding.Strict().DecodeString(encoded)
	if err != nil || !hmac.Equal(received, mac(secretKey, c.bytes())) {
		return ErrInvalidSignature
	}
	return nil
}

func mac(secretKey string, message []byte) []byte {
	h := hmac.New(sha256.New, []byte(secretKey))
	h.Write(message)
	return h.Sum(nil)
}
