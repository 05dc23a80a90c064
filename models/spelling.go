package models

import (
	"encoding/base64"
	"encoding/json"
	"html"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// What came from elsewhere spells a customer as it likes: a phone number with its country and in groups, an email with
// a tag, and any of it escaped. The functions of this file find them.

// readings is how many times over a text may be escaped.
const readings = 2

// readable is a text folded, and behind it the same as it reads without the escapes of JSON, addresses, HTML and base64.
func readable(text string) string {
	var all []string
	read(text, readings, &all)
	return strings.Join(all, "\n")
}

func read(text string, depth int, all *[]string) {
	folded := foldAll(text)
	if slices.Contains(*all, folded) {
		return
	}
	*all = append(*all, folded)
	if depth == 0 {
		return
	}
	for _, other := range []string{jsonTexts(text), unescaped(text), html.UnescapeString(text), decoded(text)} {
		if other != "" && other != text {
			read(other, depth-1, all)
		}
	}
}

// jsonTexts are the texts within JSON, as far as it can be read.
func jsonTexts(text string) string {
	var all []string
	for decoder := json.NewDecoder(strings.NewReader(text)); ; {
		token, err := decoder.Token()
		if err != nil {
			return strings.Join(all, "\n")
		}
		if s, ok := token.(string); ok {
			all = append(all, s)
		}
	}
}

var escape = regexp.MustCompile(`(?:\\u[0-9a-fA-F]{4})+|(?:%[0-9a-fA-F]{2})+`)

// unescaped is a text whose \u002e and %2e are read, wherever they stand.
func unescaped(text string) string {
	return escape.ReplaceAllStringFunc(text, func(escaped string) string {
		plain, err := url.PathUnescape(escaped)
		if escaped[0] == '\\' {
			plain, err = strconv.Unquote(`"` + escaped + `"`)
			if err != nil { // halves of a letter, which only JSON knows
				err = json.Unmarshal([]byte(`"`+escaped+`"`), &plain)
			}
		}
		if err != nil {
			return escaped
		}
		return plain
	})
}

var base64Text = regexp.MustCompile(`[A-Za-z0-9+/_-]{8,}={0,2}`)

// decoded are the texts that base64 within a text stands for.
func decoded(text string) string {
	var all []string
	for _, found := range base64Text.FindAllString(text, -1) {
		found = strings.NewReplacer("-", "+", "_", "/").Replace(strings.TrimRight(found, "="))
		plain, err := base64.RawStdEncoding.DecodeString(found)
		if err == nil && utf8.Valid(plain) {
			all = append(all, string(plain))
		}
	}
	return strings.Join(all, "\n")
}

// names reports whether a readable text mentions a detail of one of some customers as words of their own.
func names(text string, customers []Customer) bool {
	isPart := func(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) }
	for _, c := range customers {
		for _, detail := range []string{c.Name, c.Email, c.Phone} {
			detail = fold(detail)
			for rest := text; detail != ""; {
				before, after, found := strings.Cut(rest, detail)
				if !found {
					break
				}
				last, _ := utf8.DecodeLastRuneInString(before)
				next, _ := utf8.DecodeRuneInString(after)
				if !isPart(last) && !isPart(next) {
					return true
				}
				rest = after
			}
		}
		if hasEmail(text, c.Email) || hasPhone(text, c.Phone, true) {
			return true
		}
	}
	return false
}

// mentions reports whether a readable text has the name, the email or the phone number of one of some customers in it,
// if only as a part of another word.
func mentions(text string, customers ...Customer) bool {
	for _, c := range customers {
		for _, detail := range []string{c.Name, c.Email, c.Phone} {
			if detail = fold(detail); detail != "" && strings.Contains(text, detail) {
				return true
			}
		}
		if hasEmail(text, c.Email) || hasPhone(text, c.Phone, false) {
			return true
		}
	}
	return false
}

var emailInText = regexp.MustCompile(`[a-z0-9.!#$%&'*+/?^_{|}~-]+@[a-z0-9-]+(?:\.[a-z0-9-]+)+`)

// hasEmail reports whether a readable text has an email in it that leads to the same mailbox.
func hasEmail(text, email string) bool {
	if email == "" || !strings.Contains(text, "@") {
		return false
	}
	normal := NormalEmail(email)
	return slices.ContainsFunc(emailInText.FindAllString(text, -1), func(found string) bool { return NormalEmail(found) == normal })
}

// leastPhone is how many digits of a phone number, without its country, tell it from other numbers.
const leastPhone = 7

// betweenDigits is what stands between the digits of a number.
const betweenDigits = `[\s.()/_+-]*`

// hasPhone reports whether a readable text has a phone number in it, with its country or without. Where it must be whole
// it is no part of a longer number.
func hasPhone(text, phone string, whole bool) bool {
	local := strings.TrimPrefix(NormalPhone(phone), "62")
	if len(local) < leastPhone || !strings.Contains(digitsOf(text), local) {
		return false
	}
	pattern := strings.Join(strings.Split(local, ""), betweenDigits)
	if whole {
		pattern = `(?:^|[^0-9])(?:(?:0` + betweenDigits + `0` + betweenDigits + `)?6` + betweenDigits + `2` + betweenDigits + `)?(?:0` + betweenDigits + `)?` +
			pattern + `(?:[^0-9]|$)`
	}
	found, _ := regexp.MatchString(pattern, text) // of digits alone, it always compiles
	return found
}

func digitsOf(text string) string {
	return strings.Map(func(r rune) rune {
		if r < '0' || r > '9' {
			return -1
		}
		return r
	}, text)
}
