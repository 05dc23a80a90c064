package jokul

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"html"
	"net/url"
	"strings"
)

// A Cause is a reason why a signature does not fit. Its texts hold neither the
// Secret Key nor a signature.
type Cause struct {
	// Certain: done this way, the received signature comes out. Otherwise the
	// cause is what is left when everything that can be tried was tried.
	Certain bool

	What string // what was done
	Fix  string // what to do instead
}

// Diagnose tells why signature does not fit c, whose Digest should be that of
// body, the bytes as received: it makes the mistakes that are often made, one at
// a time, and looks which one gives the signature received. It returns nil when
// the signature fits. It is for tools and tests, where secretKey is your own:
// never answer a stranger with it.
func Diagnose(secretKey string, c Component, signature string, body []byte) []Cause {
	if Verify(secretKey, c, signature) == nil {
		return nil
	}
	received, form := readLoosely(signature)
	if received == nil {
		return []Cause{{true, "the signature is not HMACSHA256= and the base64 of 32 bytes", "send the header whole, as " + signaturePrefix + "<44 characters>"}}
	}
	for _, m := range mistakes(secretKey, c, body) {
		if hmac.Equal(received, mac(m.key, []byte(m.text))) {
			return append(form, Cause{true, m.what, m.fix})
		}
	}
	if form != nil && hmac.Equal(received, mac(secretKey, c.bytes())) {
		return form
	}
	return append(form, guesses...)
}

// guesses are what remains when no mistake gives the signature.
var guesses = []Cause{
	{false, "signed with another Secret Key", "compare the keys of both sides: DOKU's sandbox and production have one each, and so has every merchant"},
	{false, "the body was changed on the way, or is not the one that was signed", "hash the bytes on the wire, before any framework, proxy or log has decoded them"},
	{false, "the Request-Target is another path", "sign the path that is called, without host and query; for a notification the path of the Notification URL as DOKU knows it"},
	{false, "a header was changed on the way", "compare Client-Id, Request-Id and timestamp with what was sent, character by character"},
}

// mistake is one way to go wrong: what would be hashed with which key.
type mistake struct {
	key, text string
	what, fix string
}

func mistakes(key string, c Component, body []byte) []mistake {
	var list []mistake
	text := c.String()
	add := func(text, what, fix string) { list = append(list, mistake{key, text, what, fix}) }
	for _, m := range []struct{ text, what, fix string }{
		{text + "\n", "the string to sign ends with a line feed", "join the lines with LF; none after the last"},
		{strings.ReplaceAll(text, "\n", "\r\n"), "the lines are joined with CR LF", "join the lines with LF alone"},
		{strings.ReplaceAll(text, "\n", `\n`), `the lines are joined with a backslash and an n`, "join the lines with the LF character; single quotes do not make one"},
		{strings.ReplaceAll(text, "\n", ""), "the lines are not separated", "join the lines with LF"},
		{spaced(text), "there is a space after the colons", "write name, colon, value, with no space"},
	} {
		add(m.text, m.what, m.fix)
	}
	for _, m := range wrongComponents(c, body) {
		add(m.c.String(), m.what, m.fix)
	}
	for _, b := range wrongBodies(body) {
		if wrong := c; !bytes.Equal(b.bytes, body) && c.Digest != "" {
			wrong.Digest = Digest(b.bytes)
			add(wrong.String(), "the digest is that of "+b.what, "hash the very bytes that are sent or received, and encode JSON once only")
		}
	}
	for _, k := range wrongKeys(key) {
		if wrong := string(k.bytes); wrong != "" && wrong != key {
			list = append(list, mistake{wrong, text, "the Secret Key was " + k.what, "use the key's characters as they stand, as UTF-8 bytes"})
		}
	}
	return list
}

func spaced(text string) string {
	lines := strings.Split(text, "\n")
	for i, l := range lines {
		lines[i] = strings.Replace(l, ":", ": ", 1)
	}
	return strings.Join(lines, "\n")
}

type wrongComponent struct {
	c         Component
	what, fix string
}

func wrongComponents(c Component, body []byte) []wrongComponent {
	var list []wrongComponent
	add := func(what, fix string, change func(*Component)) {
		wrong := c
		if change(&wrong); wrong != c {
			list = append(list, wrongComponent{wrong, what, fix})
		}
	}
	const path = "sign the path exactly as it is called, without host and query"
	add("the path was signed with a slash more", path, func(c *Component) { c.Target += "/" })
	add("the path was signed with a slash less", path, func(c *Component) { c.Target = strings.TrimSuffix(c.Target, "/") })
	add("the path was signed without its first slash", path, func(c *Component) { c.Target = strings.TrimPrefix(c.Target, "/") })
	add("the path was signed without its query", path, func(c *Component) { c.Target, _, _ = strings.Cut(c.Target, "?") })
	add("the path was signed in small letters", path, func(c *Component) { c.Target = strings.ToLower(c.Target) })
	add("the path was signed percent-decoded", path, func(c *Component) { c.Target, _ = url.PathUnescape(c.Target) })
	add("only the end of the path was signed", path, func(c *Component) { c.Target = c.Target[strings.LastIndex(c.Target, "/")+1:] })
	const id = "sign Client-Id as it is sent, to the letter"
	add("Client-Id was signed in small letters", id, func(c *Component) { c.ClientID = strings.ToLower(c.ClientID) })
	add("Client-Id was signed in capitals", id, func(c *Component) { c.ClientID = strings.ToUpper(c.ClientID) })
	add("Client-Id was signed without the spaces around it", id, func(c *Component) { c.ClientID = strings.TrimSpace(c.ClientID) })
	add("Client-Id was signed as \"Array\"", "a header read as a list was put into the string: take its first value", func(c *Component) { c.ClientID = "Array" })
	add("the digest line is missing", "everything but a GET request has a Digest line", func(c *Component) { c.Digest = "" })
	add("a GET was signed with a digest line", "a GET has no Digest line", func(c *Component) { c.Digest = Digest(body) })
	add("the digest is in hex", "encode the 32 bytes of SHA-256 in base64", func(c *Component) {
		sum := sha256.Sum256(body)
		c.Digest = hex.EncodeToString(sum[:])
	})
	add("the digest is the base64 of hex", "encode the 32 bytes of SHA-256 in base64, not their hex text", func(c *Component) {
		sum := sha256.Sum256(body)
		c.Digest = base64.StdEncoding.EncodeToString([]byte(hex.EncodeToString(sum[:])))
	})
	add("the timestamp line has the wrong name", "requests and notifications have Request-Timestamp, responses Response-Timestamp",
		func(c *Component) { c.Response = !c.Response })
	return list
}

// altered is what became of some bytes, and by what.
type altered struct {
	what  string
	bytes []byte
}

// wrongBodies are the bytes a body becomes on its way through other hands.
func wrongBodies(body []byte) []altered {
	list := []altered{
		{"the body with a line feed at its end", append(bytes.Clone(body), '\n')},
		{"the body without the line feed at its end", bytes.TrimRight(body, "\r\n")},
		{"the body with LF for CR LF", bytes.ReplaceAll(body, []byte("\r\n"), []byte("\n"))},
		{"the body with CR LF for LF", bytes.ReplaceAll(body, []byte("\n"), []byte("\r\n"))},
		{"the body after a byte order mark", append([]byte("\ufeff"), body...)},
		{"no body at all", []byte{}},
	}
	if decoded, err := url.QueryUnescape(string(body)); err == nil {
		list = append(list, altered{"the url-decoded body", []byte(decoded)})
	}
	return append(list, reserialised(body)...)
}

// reserialised is what JSON libraries make of a body they decode and encode.
func reserialised(body []byte) []altered {
	var compact, two, four bytes.Buffer
	if json.Compact(&compact, body) != nil {
		return nil
	}
	_ = json.Indent(&two, body, "", "  ") // it compacts, so it indents
	_ = json.Indent(&four, body, "", "    ")
	list := []altered{
		{"the body re-serialised without spaces", compact.Bytes()},
		{"the body re-serialised with two spaces' indent", two.Bytes()},
		{"the body re-serialised with four", four.Bytes()},
		{"the body re-serialised with slashes escaped", bytes.ReplaceAll(bytes.ReplaceAll(compact.Bytes(), []byte(`\/`), []byte("/")), []byte("/"), []byte(`\/`))},
		{"the body re-serialised with slashes unescaped", bytes.ReplaceAll(compact.Bytes(), []byte(`\/`), []byte("/"))},
		{"the body re-serialised with spaces", spacedJSON(compact.Bytes())},
	}
	var value any
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.UseNumber()
	if decoder.Decode(&value) == nil {
		sorted, _ := json.Marshal(value) // what was decoded encodes
		list = append(list,
			altered{"the body re-serialised with its members sorted", unescapeHTML(sorted)},
			altered{"the body re-serialised with its members sorted and <, > and & escaped", sorted})
	}
	var escaped bytes.Buffer
	json.HTMLEscape(&escaped, compact.Bytes())
	return append(list, altered{"the body re-serialised with <, > and & escaped", escaped.Bytes()})
}

func unescapeHTML(b []byte) []byte {
	for escape, plain := range map[string]string{`\u003c`: "<", `\u003e`: ">", `\u0026`: "&"} {
		b = bytes.ReplaceAll(b, []byte(escape), []byte(plain))
	}
	return b
}

// spacedJSON puts a space after each comma and colon outside of strings, as
// Python does.
func spacedJSON(compact []byte) []byte {
	var b []byte
	inString := false
	for i, c := range compact {
		b = append(b, c)
		if c == '"' && (i == 0 || compact[i-1] != '\\') {
			inString = !inString
		}
		if !inString && (c == ',' || c == ':') {
			b = append(b, ' ')
		}
	}
	return b
}

func wrongKeys(key string) []altered {
	list := []altered{
		{"used without the spaces around it", []byte(strings.TrimSpace(key))},
		{"used with a line feed at its end", []byte(key + "\n")},
		{"freed of HTML entities", []byte(html.UnescapeString(key))},
		{"escaped for HTML", []byte(html.EscapeString(key))},
		{"written in base64 first", []byte(base64.StdEncoding.EncodeToString([]byte(key)))},
	}
	if b, err := base64.StdEncoding.DecodeString(key); err == nil {
		list = append(list, altered{"base64-decoded", b})
	}
	if b, err := hex.DecodeString(key); err == nil {
		list = append(list, altered{"hex-decoded", b})
	}
	return list
}

// readLoosely reads the 32 bytes of a signature in any spelling, and says what
// is wrong with the spelling.
func readLoosely(signature string) (received []byte, form []Cause) {
	encoded, ok := strings.CutPrefix(signature, signaturePrefix)
	if !ok {
		form = []Cause{{true, "the signature does not begin with " + signaturePrefix, "put " + signaturePrefix + " in front of the base64, spelt so"}}
		if i := strings.IndexByte(encoded, '='); i > 0 && i < len(encoded)-2 {
			encoded = encoded[i+1:]
		}
	}
	encoded = strings.TrimSpace(encoded)
	plain := strings.TrimRight(encoded, "=")
	for _, e := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
		if b, err := e.DecodeString(plain); err == nil && len(b) == sha256.Size {
			if e == base64.RawURLEncoding && strings.ContainsAny(plain, "-_") {
				form = append(form, Cause{true, "the signature is in the base64 of URLs", "use the standard alphabet, with + and /"})
			}
			return b, form
		}
	}
	b, err := hex.DecodeString(encoded)
	if err != nil || len(b) != sha256.Size {
		return nil, nil
	}
	return b, append(form, Cause{true, "the signature is in hex", "encode the 32 bytes of the HMAC in base64"})
}
