package sandbox

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// fields reads a request body by dotted path. The first thing wrong is kept in
// err, worded as the gateway does: "order.amount is required".
type fields struct {
	root   map[string]any
	strict bool
	err    error
}

var errInvalidJSON = errors.New("Invalid JSON Format") // the gateway's own words

func readFields(body []byte, strict bool) (*fields, error) {
	f := &fields{strict: strict}
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.UseNumber() // whole rupiah stay whole
	if !utf8.Valid(body) || dec.Decode(&f.root) != nil || f.root == nil {
		return nil, errInvalidJSON
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, errInvalidJSON
	}
	return f, nil
}

func (f *fields) fail(path, what string) {
	if f.err == nil {
		f.err = errors.New(path + " " + what)
	}
}

// find returns the value at path, nil if it is absent or null. What is missing
// is named by its outermost missing part: "customer is required".
func (f *fields) find(path string, required bool) any {
	var value any = f.root
	walked := ""
	for rest := path; rest != ""; {
		object, isObject := value.(map[string]any)
		if !isObject {
			f.fail(walked, "must be an object")
			return nil
		}
		var name string
		name, rest, _ = strings.Cut(rest, ".")
		walked = strings.TrimSuffix(path[:len(path)-len(rest)], ".")
		if value = object[name]; value == nil {
			if required {
				f.fail(walked, "is required")
			}
			return nil
		}
	}
	return value
}

// text reads a string of at most limit characters.
func (f *fields) text(path string, required bool, limit int) string {
	value := f.find(path, required)
	if value == nil {
		return ""
	}
	text, isText := value.(string)
	switch {
	case !isText:
		f.fail(path, "must be a string")
	case required && strings.TrimSpace(text) == "":
		f.fail(path, "is required")
	case utf8.RuneCountInString(text) > limit:
		f.fail(path, "must be at most "+strconv.Itoa(limit)+" characters")
	case strings.ContainsFunc(text, unicode.IsControl):
		f.fail(path, "must not contain control characters")
	}
	return text
}

// number reads a whole number of at most digits digits, in quotes too unless
// strict. It returns fallback when the number is absent and may be.
func (f *fields) number(path string, required bool, digits int, fallback int64) int64 {
	value := f.find(path, required)
	if value == nil {
		return fallback
	}
	var written string
	switch v := value.(type) {
	case json.Number:
		written = v.String()
	case string:
		written = v
		if f.strict {
			f.fail(path, "must be a number")
		}
	default:
		f.fail(path, "must be a number")
		return 0
	}
	if written == "" || strings.Trim(written, "0123456789") != "" {
		f.fail(path, "must be a whole number")
		return 0
	}
	if len(written) > digits {
		f.fail(path, "must be at most "+strconv.Itoa(digits)+" digits")
		return 0
	}
	n, _ := strconv.ParseInt(written, 10, 64) // digits only, at most 12
	return n
}

func (f *fields) between(path string, n, low, high int64) {
	if n < low || n > high {
		f.fail(path, "must be between "+strconv.FormatInt(low, 10)+" and "+strconv.FormatInt(high, 10))
	}
}

// flag reads a boolean, or its word in quotes: the guide types the field string
// and samples a boolean.
func (f *fields) flag(path string) bool {
	switch f.find(path, true) {
	case nil: // find has said so
	case true, "true":
		return true
	case false, "false":
	default:
		f.fail(path, "must be true or false")
	}
	return false
}

// known refuses members that no document mentions, when strict.
func (f *fields) known(members map[string][]string) {
	if !f.strict {
		return
	}
	for _, path := range slices.Sorted(maps.Keys(members)) {
		var value any = f.root
		if path != "" {
			value = f.find(path, false)
		}
		object, _ := value.(map[string]any)
		for _, name := range slices.Sorted(maps.Keys(object)) {
			if !slices.Contains(members[path], name) {
				f.fail(strings.TrimPrefix(path+"."+name, "."), "is not known")
			}
		}
	}
}
