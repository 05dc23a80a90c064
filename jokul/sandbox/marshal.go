package sandbox

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"time"
)

// marshal encodes without escaping <, > and &, as the gateway does not: a
// client that re-encodes before it verifies finds out here.
func marshal(v any) []byte {
	return bytes.Clone(bytes.TrimSuffix(marshalLine(v), []byte("\n"))) // some are kept, with no room to grow
}

// marshalLine is marshal with a line break after it.
func marshalLine(v any) []byte {
	var b bytes.Buffer
	encode(newEncoder(&b), v)
	return b.Bytes()
}

func newEncoder(w io.Writer) *json.Encoder {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	return enc
}

func encode(enc *json.Encoder, v any) {
	if err := enc.Encode(v); err != nil {
		panic("sandbox: own value does not encode: " + err.Error())
	}
}

// decodeStrict reads exactly one JSON value into v and refuses unknown names.
func decodeStrict(r io.Reader, v any) error {
	dec := json.NewDecoder(r)
	dec.DisallowUnknownFields()
	if err := dec.Decode(v); err != nil {
		return plainJSONError(err)
	}
	var tooLarge *http.MaxBytesError
	switch _, err := dec.Token(); {
	case errors.Is(err, io.EOF):
		return nil
	case errors.As(err, &tooLarge):
		return err
	}
	return errors.New("something follows the JSON value")
}

func plainJSONError(err error) error {
	var wrongType *json.UnmarshalTypeError
	switch name, unknown := strings.CutPrefix(err.Error(), "json: unknown field "); {
	case unknown:
		return errors.New("unknown name " + name)
	case errors.As(err, &wrongType) && wrongType.Field != "":
		return errors.New(wrongType.Field + " may not be a JSON " + wrongType.Value)
	case errors.Is(err, io.EOF):
		return errors.New("the body is empty: send a JSON object")
	}
	return err
}

// Duration is a time.Duration that JSON knows in Go's notation, "1h30m".
type Duration time.Duration

// MarshalText writes d as time.Duration prints it.
func (d Duration) MarshalText() ([]byte, error) { return []byte(time.Duration(d).String()), nil }

// UnmarshalText reads what time.ParseDuration reads.
func (d *Duration) UnmarshalText(text []byte) error {
	parsed, err := time.ParseDuration(string(text))
	*d = Duration(parsed)
	return err
}

// Switch is a bool that JSON may also spell "on" or "off".
type Switch bool

// UnmarshalJSON reads true, false, "on" and "off".
func (s *Switch) UnmarshalJSON(b []byte) error {
	switch string(b) {
	case "true", `"on"`:
		*s = true
	case "false", `"off"`:
		*s = false
	default:
		return errors.New("a switch is true, false, \"on\" or \"off\", not " + string(b))
	}
	return nil
}
