package jokul

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// read decodes the object that the gateway wrote without insisting on types: a
// field that is absent, null or of another kind than expected stays empty. What
// must not be empty is checked by name afterwards. As encoding/json has it, names
// may differ in case, and of a name given twice the last counts.
func read(body []byte, into any) error {
	err := json.Unmarshal(body, into)
	var kind *json.UnmarshalTypeError // of one field; the others were read
	if err != nil && !errors.As(err, &kind) || !isObject(body) {
		return fmt.Errorf("%w: not a JSON object", ErrMalformed)
	}
	return nil
}

func isObject(value []byte) bool {
	return bytes.HasPrefix(bytes.TrimLeft(value, " \t\r\n"), []byte("{"))
}

func missing(field string) error { return fmt.Errorf("%w: %s is missing", ErrMalformed, field) }

// loose reads a string, and takes any other scalar as its JSON text: the gateway
// is not of one mind about quotes. null is empty, and so is what is no scalar.
type loose string

// UnmarshalJSON is given what is JSON: most strings stand there as they are.
func (s *loose) UnmarshalJSON(b []byte) error {
	text := string(b)
	switch {
	case b[0] == '{' || b[0] == '[' || b[0] == 'n':
		text = ""
	case b[0] == '"' && bytes.IndexByte(b, '\\') < 0 && utf8.Valid(b):
		text = text[1 : len(text)-1]
	case b[0] == '"':
		if err := json.Unmarshal(b, &text); err != nil {
			return err
		}
	}
	*s = loose(strings.TrimSpace(text))
	return nil
}

// time reads an ISO 8601 date; any offset is brought to UTC.
func (s loose) time() time.Time {
	t, err := time.Parse(time.RFC3339, string(s))
	if err != nil {
		return time.Time{}
	}
	return t.UTC()
}

// wib reads a compact yyyyMMddHHmmss date, which is UTC+7.
func (s loose) wib() time.Time {
	t, err := time.ParseInLocation("20060102150405", string(s), wib)
	if err != nil {
		return time.Time{}
	}
	return t.UTC()
}

var wib = time.FixedZone("WIB", 7*60*60)

// amount reads whole rupiah from a number or a string, without floats: a decimal
// with nothing behind its point but zeros, at most 12 digits before it. 150000,
// "150000" and 150000.00 are all the same amount.
func (s loose) amount() (int64, bool) {
	whole, fraction, _ := strings.Cut(string(s), ".")
	digits := strings.TrimLeft(whole, "0")
	if whole == "" || len(digits) > 12 || strings.Trim(digits, "0123456789") != "" || strings.Trim(fraction, "0") != "" {
		return 0, false
	}
	n, err := strconv.ParseInt(whole, 10, 64)
	return n, err == nil
}
