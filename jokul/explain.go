package jokul

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strings"
)

// An Explanation says how a notification was checked and, when it does not
// verify, why. It holds neither the Secret Key nor the signature that was
// expected.
type Explanation struct {
	Err       error     // of the check; nil when the signature fits
	Key       Key       // the key it fits
	Component Component // what was hashed here
	Causes    []Cause   // the likeliest first
}

// ExplainNotification checks a notification as ParseNotification does and looks
// for the reason where that fails. Like Diagnose it is for the merchant's own
// eyes.
func (c *Client) ExplainNotification(target string, header http.Header, body []byte, targets ...string) Explanation {
	key, err := c.verifyNotification(target, header, body)
	e := Explanation{Err: err, Key: key, Component: Component{
		ClientID: header.Get(HeaderClientID), RequestID: header.Get(HeaderRequestID),
		Timestamp: header.Get(HeaderRequestTimestamp), Target: target, Digest: Digest(body),
	}}
	switch {
	case errors.Is(e.Err, ErrMissingHeader):
		e.Causes = []Cause{{CauseMissing, true, e.Err.Error(), "pass on the four headers as they come: Client-Id, Request-Id, Request-Timestamp, Signature", ""}}
	case errors.Is(e.Err, ErrWrongClientID):
		e.Causes = []Cause{{CauseMerchant, true, "Client-Id is not ours", "refuse it, even when the signature fits: it is for another merchant, or one side has another merchant's settings", ""}}
	case e.Err != nil:
		e.Causes = c.diagnose(e.Component, header.Get(HeaderSignature), body, targets)
	}
	return e
}

// diagnose tries the mistakes with the Secret Key, and where none of them gives the
// signature with the previous one.
func (c *Client) diagnose(component Component, signature string, body []byte, targets []string) []Cause {
	causes := Diagnose(c.secretKey, component, signature, body, targets...)
	if c.previousKey != "" && !slices.ContainsFunc(causes, isCertain) {
		if old := Diagnose(c.previousKey, component, signature, body, targets...); slices.ContainsFunc(old, isCertain) {
			return old
		}
	}
	return causes
}

func isCertain(cause Cause) bool { return cause.Certain }

// KnowsSignature reports whether a signature that was masked when it was kept
// looks like one this client would make over what it covers: whether the
// gateway's key was the same as ours, or as our previous one.
func (c *Client) KnowsSignature(stringToSign, masked string) bool {
	return c.KeyOfSignature(stringToSign, masked) != ""
}

// KeyOfSignature returns the key that a signature looks to be made with that was
// masked when it was kept, empty when it looks to be of neither.
func (c *Client) KeyOfSignature(stringToSign, masked string) Key {
	masked = strings.TrimSuffix(masked, "…")
	if len(masked) <= len(signaturePrefix) {
		return ""
	}
	without, _, _ := strings.Cut(stringToSign, "\nDigest:") // of a GET it may have been signed so
	madeWith := func(key string) bool {
		return strings.HasPrefix(sign(key, []byte(stringToSign)), masked) || strings.HasPrefix(sign(key, []byte(without)), masked)
	}
	switch {
	case madeWith(c.secretKey):
		return KeyCurrent
	case c.previousKey != "" && madeWith(c.previousKey):
		return KeyPrevious
	}
	return ""
}

// pathHeaders are where proxies tell which path was called before they changed
// it.
var pathHeaders = []string{"X-Original-Uri", "X-Original-Url", "X-Original-Path", "X-Forwarded-Uri", "X-Forwarded-Path",
	"X-Rewrite-Url", "X-Envoy-Original-Path", "X-Replaced-Path"}

// commonPrefixes are what shops stand under, behind a proxy.
var commonPrefixes = []string{"api", "shop", "store", "toko", "warung", "app", "web", "site", "www", "backend", "server", "service", "services",
	"gateway", "gw", "proxy", "prefix", "public", "doku", "jokul", "pay", "payment", "payments", "checkout", "order", "orders", "webhook", "webhooks",
	"callback", "callbacks", "notify", "notification", "notifications", "hook", "hooks", "merchant", "v1", "v2", "v3", "id", "en", "demo",
	"dev", "staging", "sandbox", "test", "prod", "production", "jokul-direct", "ecommerce", "commerce", "woocommerce", "magento", "index.php"}

// OtherTargets are the paths by which a sender may know target, as far as the
// headers of a message and the shop's address tell, and then those that are
// common.
func OtherTargets(target string, header http.Header, baseURL string) []string {
	var list []string
	add := func(p string) {
		if strings.HasPrefix(p, "/") && p != target && !slices.Contains(list, p) {
			list = append(list, p)
		}
	}
	for _, name := range pathHeaders {
		for _, value := range header.Values(name) {
			if u, err := url.Parse(value); err == nil {
				add(u.EscapedPath())
			}
		}
	}
	prefixes := []string{header.Get("X-Forwarded-Prefix"), header.Get("X-Script-Name")}
	if u, err := url.Parse(baseURL); err == nil {
		prefixes = append(prefixes, u.EscapedPath())
	}
	prefixes = append(prefixes, commonPrefixes...)
	for _, first := range commonPrefixes {
		for _, second := range commonPrefixes {
			prefixes = append(prefixes, first+"/"+second)
		}
	}
	for _, prefix := range prefixes {
		if prefix = strings.Trim(prefix, "/"); prefix != "" {
			add(path.Join("/", prefix) + target)
		}
	}
	for rest := target; strings.Count(rest, "/") > 1; { // or one was put in front on the way
		rest = rest[1+strings.Index(rest[1:], "/"):]
		add(rest)
	}
	return list
}

func wrongTargets(key string, c Component, targets []string) []mistake {
	var list []mistake
	for _, t := range targets {
		wrong := c
		wrong.Target = t
		list = append(list, mistake{code: CausePrefix, key: key, text: wrong.String(), target: t, what: "the path that was signed is " + t,
			fix: "have the proxy pass the path on as it is called, and verify with the path of the Notification URL as DOKU knows it"})
	}
	return list
}

// memberOrder is the order in which DOKU writes the members of a notification
// (docs/protocol.md section 7).
var memberOrder = []string{"service", "acquirer", "channel", "transaction", "order", "online_to_offline_info", "online_to_offline_payment", "customer",
	"additional_info", "id", "status", "date", "original_request_id", "invoice_number", "amount", "payment_code", "identifier", "name", "email", "value"}

// inDOKUsOrder writes JSON anew with its members in DOKU's order, without spaces
// and needless escapes: what a body was before a proxy sorted it. It is nil when
// body is no JSON.
func inDOKUsOrder(body []byte) []byte {
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	ordered, err := reorder(d, 0)
	if err != nil {
		return nil
	}
	return ordered
}

// maxDepth is deeper than any message of the gateway.
const maxDepth = 20

func reorder(d *json.Decoder, depth int) ([]byte, error) {
	token, err := d.Token()
	if err != nil || depth > maxDepth {
		return nil, errors.Join(err, io.ErrUnexpectedEOF)
	}
	open, nested := token.(json.Delim)
	if !nested {
		return plainJSON(token), nil
	}
	type member struct {
		rank int
		text []byte
	}
	var members []member
	for d.More() {
		m := member{rank: len(memberOrder)}
		if open == '{' {
			name, err := d.Token()
			if err != nil {
				return nil, err
			}
			if i := slices.Index(memberOrder, name.(string)); i >= 0 {
				m.rank = i
			}
			m.text = append(plainJSON(name), ':')
		}
		value, err := reorder(d, depth+1)
		if err != nil {
			return nil, err
		}
		m.text = append(m.text, value...)
		members = append(members, m)
	}
	end, err := d.Token()
	if err != nil {
		return nil, err
	}
	if open == '{' {
		slices.SortStableFunc(members, func(a, b member) int { return a.rank - b.rank })
	}
	text := []byte(open.String())
	for i, m := range members {
		if i > 0 {
			text = append(text, ',')
		}
		text = append(text, m.text...)
	}
	return append(text, end.(json.Delim).String()...), nil
}

// plainJSON encodes without escaping <, > and &.
func plainJSON(v any) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	_ = e.Encode(v) // what was decoded encodes
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}

// looksRewritten reports whether a body has been through other hands, by its
// looks: it is laid out, or has its members in the alphabet's order.
func looksRewritten(body []byte) bool {
	var compact bytes.Buffer
	var top map[string]json.RawMessage
	if json.Compact(&compact, body) != nil || json.Unmarshal(body, &top) != nil {
		return false
	}
	if len(bytes.TrimSpace(body)) != compact.Len() {
		return true
	}
	sorted, _ := json.Marshal(top) // by name; what was decoded encodes
	return len(top) > 3 && bytes.Equal(unescapeHTML(sorted), unescapeHTML(compact.Bytes()))
}
