package jokul

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// object reads what the gateway wrote without insisting on types: a field that
// is absent, null or of another kind than expected reads as empty. What must
// not be empty is checked by name afterwards.
type object map[string]json.RawMessage

func readObject(body []byte) (object, error) {
	var o object
	if err := json.Unmarshal(body, &o); err != nil || o == nil {
		return nil, fmt.Errorf("%w: not a JSON object", ErrMalformed)
	}
	return o, nil
}

func missing(field string) error { return fmt.Errorf("%w: %s is missing", ErrMalformed, field) }

func (o object) object(name string) object {
	var inner object
	_ = json.Unmarshal(o[name], &inner)
	return inner
}

func (o object) text(name string) string {
	var s looseString
	_ = json.Unmarshal(o[name], &s)
	return strings.TrimSpace(string(s))
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
	t, err := time.ParseInLocation("20060102150405", o.text(name), time.FixedZone("WIB", 7*60*60))
	if err != nil {
		return time.Time{}
	}
	return t.UTC()
}

// wholeRupiah is a decimal with nothing behind its point but zeros, at most 12
// digits before it: 150000, "150000" and 150000.00 are all the same amount.
var wholeRupiah = regexp.MustCompile(`^0*([0-9]{1,12})(\.0*)?$`)

// amount reads whole rupiah from a number or a string, without floats.
func (o object) amount(name string) (int64, bool) {
	m := wholeRupiah.FindStringSubmatch(o.text(name))
	if m == nil {
		return 0, false
	}
	n, err := strconv.ParseInt(m[1], 10, 64)
	return n, err == nil
}
