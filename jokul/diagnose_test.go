package jokul_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"strings"
	"testing"

	"warungjokul/jokul"
)

// hmacOf is an independent signature over any text.
func hmacOf(key, text string) []byte {
	h := hmac.New(sha256.New, []byte(key))
	h.Write([]byte(text))
	return h.Sum(nil)
}

func TestDiagnose(t *testing.T) {
	const key = "c2VjcmV0LWtleQ=="
	body := []byte("{\"order\": {\"invoice_number\": \"INV/1\", \"note\": \"a<b\"},\n \"amount\": 5}\n")
	right := jokul.Component{ClientID: "MCH-1", RequestID: "r-1", Timestamp: "2026-01-01T00:00:00Z", Target: "/a/B%20c/", Digest: jokul.Digest(body)}
	sign := func(change func(*jokul.Component)) string {
		c := right
		change(&c)
		return jokul.Sign(key, c)
	}
	overBody := func(b string) string {
		return sign(func(c *jokul.Component) { c.Digest = jokul.Digest([]byte(b)) })
	}
	overText := func(text string) string {
		return "HMACSHA256=" + base64.StdEncoding.EncodeToString(hmacOf(key, text))
	}
	good := hmacOf(key, right.String())
	encoded := base64.StdEncoding.EncodeToString(good)
	sum := sha256.Sum256(body)
	for want, signature := range map[string]string{
		"ends with a line feed":     overText(right.String() + "\n"),
		"joined with CR LF":         overText(strings.ReplaceAll(right.String(), "\n", "\r\n")),
		"backslash and an n":        overText(strings.ReplaceAll(right.String(), "\n", `\n`)),
		"not separated":             overText(strings.ReplaceAll(right.String(), "\n", "")),
		"space after the colons":    overText("Client-Id: MCH-1\nRequest-Id: r-1\nRequest-Timestamp: 2026-01-01T00:00:00Z\nRequest-Target: /a/B%20c/\nDigest: " + right.Digest),
		"slash more":                sign(func(c *jokul.Component) { c.Target += "/" }),
		"slash less":                sign(func(c *jokul.Component) { c.Target = "/a/B%20c" }),
		"without its first slash":   sign(func(c *jokul.Component) { c.Target = "a/B%20c/" }),
		"small letters":             sign(func(c *jokul.Component) { c.Target = "/a/b%20c/" }),
		"percent-decoded":           sign(func(c *jokul.Component) { c.Target = "/a/B c/" }),
		"Client-Id was signed in s": sign(func(c *jokul.Component) { c.ClientID = "mch-1" }),
		`as "Array"`:                sign(func(c *jokul.Component) { c.ClientID = "Array" }),
		"digest line is missing":    sign(func(c *jokul.Component) { c.Digest = "" }),
		"digest is in hex":          sign(func(c *jokul.Component) { c.Digest = hex.EncodeToString(sum[:]) }),
		"base64 of hex": sign(func(c *jokul.Component) {
			c.Digest = base64.StdEncoding.EncodeToString([]byte(hex.EncodeToString(sum[:])))
		}),
		"timestamp line":           sign(func(c *jokul.Component) { c.Response = true }),
		"line feed at its end":     overBody(string(body) + "\n"),
		"without the line feed":    overBody(strings.TrimSpace(string(body))),
		"CR LF for LF":             overBody(strings.ReplaceAll(string(body), "\n", "\r\n")),
		"byte order mark":          overBody("\ufeff" + string(body)),
		"no body at all":           overBody(""),
		"without spaces":           overBody(`{"order":{"invoice_number":"INV/1","note":"a<b"},"amount":5}`),
		"slashes escaped":          overBody(`{"order":{"invoice_number":"INV\/1","note":"a<b"},"amount":5}`),
		"with spaces":              overBody(`{"order": {"invoice_number": "INV/1", "note": "a<b"}, "amount": 5}`),
		"its members sorted":       overBody(`{"amount":5,"order":{"invoice_number":"INV/1","note":"a<b"}}`),
		"& escaped":                overBody(`{"order":{"invoice_number":"INV/1","note":"a\u003cb"},"amount":5}`),
		"Secret Key was base64":    "HMACSHA256=" + base64.StdEncoding.EncodeToString(hmacOf("secret-key", right.String())),
		"Secret Key was used with": "HMACSHA256=" + base64.StdEncoding.EncodeToString(hmacOf(key+"\n", right.String())),
		"does not begin with":      encoded,
		"does not begin with HMAC": "HMACHSHA256=" + encoded,
		"in hex":                   "HMACSHA256=" + hex.EncodeToString(good),
		"not HMACSHA256= and the":  "HMACSHA256=c2hvcnQ=",
	} {
		causes := jokul.Diagnose(key, right, signature, body)
		if len(causes) == 0 || !causes[0].Certain || !strings.Contains(fmt.Sprint(causes), want) {
			t.Errorf("want a certain cause with %q, got %v", want, causes)
		}
	}
}

func TestDiagnoseDecodedBody(t *testing.T) {
	body := []byte(`{"email":"a+b@example.com"}`)
	c := jokul.Component{ClientID: "MCH-1", Digest: jokul.Digest([]byte(`{"email":"a b@example.com"}`))}
	signature := jokul.Sign("k", c)
	c.Digest = jokul.Digest(body)
	if causes := jokul.Diagnose("k", c, signature, body); len(causes) != 1 || !strings.Contains(causes[0].What, "url-decoded") {
		t.Errorf("got %v", causes)
	}
}

func TestDiagnoseOfVectors(t *testing.T) {
	for _, v := range readVectors(t).Core {
		c := v.component(t)
		if causes := jokul.Diagnose(v.Secret, c, v.Headers["Signature"], v.body(t)); causes != nil {
			t.Errorf("%s fits, and yet: %v", v.ID, causes)
		}
		causes := jokul.Diagnose("another key", c, v.Headers["Signature"], v.body(t))
		if len(causes) < 2 || causes[0].Certain || !strings.Contains(causes[0].What, "another Secret Key") {
			t.Errorf("%s under another key: %v", v.ID, causes)
		}
		if strings.Contains(fmt.Sprint(causes), v.Secret) || strings.Contains(fmt.Sprint(causes), v.Headers["Signature"]) {
			t.Errorf("%s: a cause gives a secret away", v.ID)
		}
	}
}
