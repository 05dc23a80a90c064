package jokul

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
)

// object reads what the gateway wrote without insisting on types: a field that
// is absent, null or of another kind than expected reads as empty. What must
// not be empty is checked by name afterwards.
type object map[string]any

func readObject(body []byte) (object, error) {
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.UseNumber() // amounts stay as they are written
	var o object
	if dec.Decode(&o) != nil || o == nil || !atEnd(dec) {
		return nil, fmt.Errorf("%w: not a JSON object", ErrMalformed)
	}
	return o, nil
}

func atEnd(dec *json.Decoder) bool {
	_, err := dec.Token()
	return errors.Is(err, io.EOF)
}

func missing(field string) error { return fmt.Errorf("%w: %s is missing", ErrMalformed, field) }

func (o object) object(name string) object {
	inner, _ := o[name].(map[string]any)
	return inner
}

func (o object) list(name string) []any {
	list, _ := o[name].([]any)
	return list
}

// text reads a string, and takes any other scalar as its JSON text, as
// looseString does.
func (o object) text(name string) string { return scalar(o[name]) }

func scalar(value any) string {
	switch v := value.(type) {
	case string:
		return strings.TrimSpace(v)
	case json.Number:
		return v.String()
	case bool:
		return strconv.FormatBool(v)
	}
	return ""
}

// time reads an ISO 8601 date; any offset is brought to UTC.
func (o object) time(name string) time.Time {
	t, err := time.Parse(time.RFC3339, o.text(name))
	if err != nil {
		return time.Time{}
	}
	return t.UTC()
}

// wib reads a compact yyyyMMddHHmmss date, which is UTC+7.
func (o object) wib(name string) time.Time {
	t, err := time.ParseInLocation("20060102150405", o.text(name), wib)
	if err != nil {
		return time.Time{}
	}
	return t.UTC()
}

var wib = time.FixedZone("WIB", 7*60*60)

// amount reads whole rupiah from a number or a string, without floats: a decimal
// with nothing behind its point but zeros, at most 12 digits before it. 150000,
// "150000" and 150000.00 are all the same amount.
func (o object) amount(name string) (int64, bool) {
	whole, fraction, _ := strings.Cut(o.text(name), ".")
	digits := strings.TrimLeft(whole, "0")
	if whole == "" || len(digits) > 12 || strings.Trim(digits, "0123456789") != "" || strings.Trim(fraction, "0") != "" {
		return 0, false
	}
	n, err := strconv.ParseInt(whole, 10, 64)
	return n, err == nil
}
