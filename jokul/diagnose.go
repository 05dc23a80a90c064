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
	Code CauseCode

	// Certain: done this way, the received signature comes out. Otherwise the
	// cause is what is left when everything that can be tried was tried.
	Certain bool

	What string // what was done
	Fix  string // what to do instead

	// Target is the path that was signed, where that is found out.
	Target string
}

// A CauseCode names the kind of a cause, for programs and translations.
type CauseCode string

// The kinds of causes. Those that end in Changed are what is left when
// everything was tried.
const (
	CauseForm          CauseCode = "form"      // the signature is not written as it should be
	CauseLines         CauseCode = "lines"     // the string to sign is not put together as it should be
	CausePath          CauseCode = "path"      // the same path, spelt otherwise
	CausePrefix        CauseCode = "prefix"    // another path: a prefix was taken away or put in front
	CauseClientID      CauseCode = "client_id" // spelt otherwise
	CauseMerchant      CauseCode = "merchant"  // another merchant's
	CauseDigest        CauseCode = "digest"    // encoded otherwise, or left out
	CauseTimestamp     CauseCode = "timestamp" // under the name of a response
	CauseBody          CauseCode = "body"      // decoded and encoded again
	CauseBodyEnds      CauseCode = "body_ends" // something more or less at its ends, or other line ends
	CauseBodyLost      CauseCode = "body_lost" // empty, or url-decoded
	CauseKeyForm       CauseCode = "key_form"  // the Secret Key decoded, encoded or trimmed
	CauseMissing       CauseCode = "missing"   // a header is not there, or there twice
	CauseKeyChanged    CauseCode = "key"
	CauseBodyChanged   CauseCode = "body_changed"
	CausePathChanged   CauseCode = "path_changed"
	CauseHeaderChanged CauseCode = "header_changed"
)

// Line is the line of the string to sign that differs, empty when it is none of
// them or all.
func (c CauseCode) Line() string {
	switch c {
	case CausePath, CausePrefix, CausePathChanged:
		return "Request-Target"
	case CauseClientID, CauseMerchant:
		return HeaderClientID
	case CauseTimestamp:
		return HeaderRequestTimestamp
	case CauseDigest, CauseBody, CauseBodyEnds, CauseBodyLost, CauseBodyChanged:
		return "Digest"
	}
	return ""
}

// Diagnose tells why signature does not fit c, whose Digest should be that of
// body, the bytes as received: it makes the mistakes that are often made, one at
// a time, and looks which one gives the signature received. It returns nil when
// the signature fits. It is for tools and tests, where secretKey is your own:
// never answer a stranger with it. Other paths that the sender may know the
// target by are tried, too.
func Diagnose(secretKey string, c Component, signature string, body []byte, targets ...string) []Cause {
	if Verify(secretKey, c, signature) == nil {
		return nil
	}
	received, form := readLoosely(signature)
	if received == nil {
		return []Cause{{CauseForm, true, "the signature is not HMACSHA256= and the base64 of 32 bytes", "send the header whole, as " + signaturePrefix + "<44 characters>", ""}}
	}
	for _, m := range append(mistakes(secretKey, c, body), wrongTargets(secretKey, c, targets)...) {
		if hmac.Equal(received, mac(m.key, []byte(m.text))) {
			return append(form, Cause{m.code, true, m.what, m.fix, m.target})
		}
	}
	if form != nil && hmac.Equal(received, mac(secretKey, c.bytes())) {
		return form
	}
	if looksRewritten(body) {
		return append(form, guesses[0], guesses[2], guesses[1], guesses[3])
	}
	return append(form, guesses...)
}

// guesses are what remains when no mistake gives the signature.
var guesses = []Cause{
	{CauseKeyChanged, false, "signed with another Secret Key", "compare the keys of both sides: DOKU's sandbox and production have one each, and so has every merchant", ""},
	{CausePathChanged, false, "the Request-Target is another path", "sign the path that is called, without host and query; for a notification the path of the Notification URL as DOKU knows it", ""},
	{CauseBodyChanged, false, "the body was changed on the way, or is not the one that was signed", "hash the bytes on the wire, before any framework, proxy or log has decoded them", ""},
	{CauseHeaderChanged, false, "a header was changed on the way", "compare Client-Id, Request-Id and timestamp with what was sent, character by character", ""},
}

// mistake is one way to go wrong: what would be hashed with which key.
type mistake struct {
	code              CauseCode
	key, text         string
	what, fix, target string
}

func mistakes(key string, c Component, body []byte) []mistake {
	var list []mistake
	text := c.String()
	add := func(code CauseCode, text, what, fix string) {
		list = append(list, mistake{code: code, key: key, text: text, what: what, fix: fix})
	}
	for _, m := range []struct{ text, what, fix string }{
		{text + "\n", "the string to sign ends with a line feed", "join the lines with LF; none after the last"},
		{strings.ReplaceAll(text, "\n", "\r\n"), "the lines are joined with CR LF", "join the lines with LF alone"},
		{strings.ReplaceAll(text, "\n", `\n`), `the lines are joined with a backslash and an n`, "join the lines with the LF character; single quotes do not make one"},
		{strings.ReplaceAll(text, "\n", ""), "the lines are not separated", "join the lines with LF"},
		{spaced(text), "there is a space after the colons", "write name, colon, value, with no space"},
	} {
		add(CauseLines, m.text, m.what, m.fix)
	}
	for _, m := range wrongComponents(c, body) {
		add(m.code, m.c.String(), m.what, m.fix)
	}
	for _, b := range wrongBodies(body) {
		if wrong := c; !bytes.Equal(b.bytes, body) && c.Digest != "" {
			wrong.Digest = Digest(b.bytes)
			add(b.code, wrong.String(), "the digest is that of "+b.what, "hash the very bytes that are sent or received, and encode JSON once only")
		}
	}
	for _, k := range wrongKeys(key) {
		if wrong := string(k.bytes); wrong != "" && wrong != key {
			list = append(list, mistake{code: CauseKeyForm, key: wrong, text: text, what: "the Secret Key was " + k.what,
				fix: "use the key's characters as they stand, as UTF-8 bytes"})
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
	code      CauseCode
	c         Component
	what, fix string
}

func wrongComponents(c Component, body []byte) []wrongComponent {
	var list []wrongComponent
	add := func(code CauseCode, what, fix string, change func(*Component)) {
		wrong := c
		if change(&wrong); wrong != c {
			list = append(list, wrongComponent{code, wrong, what, fix})
		}
	}
	const path = "sign the path exactly as it is called, without host and query"
	add(CausePath, "the path was signed with a slash more", path, func(c *Component) { c.Target += "/" })
	add(CausePath, "the path was signed with a slash less", path, func(c *Component) { c.Target = strings.TrimSuffix(c.Target, "/") })
	add(CausePath, "the path was signed without its first slash", path, func(c *Component) { c.Target = strings.TrimPrefix(c.Target, "/") })
	add(CausePath, "the path was signed without its query", path, func(c *Component) { c.Target, _, _ = strings.Cut(c.Target, "?") })
	add(CausePath, "the path was signed in small letters", path, func(c *Component) { c.Target = strings.ToLower(c.Target) })
	add(CausePath, "the path was signed percent-decoded", path, func(c *Component) { c.Target, _ = url.PathUnescape(c.Target) })
	add(CausePath, "only the end of the path was signed", path, func(c *Component) { c.Target = c.Target[strings.LastIndex(c.Target, "/")+1:] })
	const id = "sign Client-Id as it is sent, to the letter"
	add(CauseClientID, "Client-Id was signed in small letters", id, func(c *Component) { c.ClientID = strings.ToLower(c.ClientID) })
	add(CauseClientID, "Client-Id was signed in capitals", id, func(c *Component) { c.ClientID = strings.ToUpper(c.ClientID) })
	add(CauseClientID, "Client-Id was signed without the spaces around it", id, func(c *Component) { c.ClientID = strings.TrimSpace(c.ClientID) })
	add(CauseClientID, "Client-Id was signed as \"Array\"", "a header read as a list was put into the string: take its first value", func(c *Component) { c.ClientID = "Array" })
	add(CauseDigest, "the digest line is missing", "everything but a GET request has a Digest line", func(c *Component) { c.Digest = "" })
	add(CauseDigest, "a GET was signed with a digest line", "a GET has no Digest line", func(c *Component) { c.Digest = Digest(body) })
	add(CauseDigest, "the digest is in hex", "encode the 32 bytes of SHA-256 in base64", func(c *Component) {
		sum := sha256.Sum256(body)
		c.Digest = hex.EncodeToString(sum[:])
	})
	add(CauseDigest, "the digest is the base64 of hex", "encode the 32 bytes of SHA-256 in base64, not their hex text", func(c *Component) {
		sum := sha256.Sum256(body)
		c.Digest = base64.StdEncoding.EncodeToString([]byte(hex.EncodeToString(sum[:])))
	})
	add(CauseTimestamp, "the timestamp line has the wrong name", "requests and notifications have Request-Timestamp, responses Response-Timestamp",
		func(c *Component) { c.Response = !c.Response })
	return list
}

// altered is what became of some bytes, and by what.
type altered struct {
	code  CauseCode
	what  string
	bytes []byte
}

// wrongBodies are the bytes a body becomes on its way through other hands.
func wrongBodies(body []byte) []altered {
	list := []altered{
		{CauseBodyEnds, "the body with a line feed at its end", append(bytes.Clone(body), '\n')},
		{CauseBodyEnds, "the body without the line feed at its end", bytes.TrimRight(body, "\r\n")},
		{CauseBodyEnds, "the body with LF for CR LF", bytes.ReplaceAll(body, []byte("\r\n"), []byte("\n"))},
		{CauseBodyEnds, "the body with CR LF for LF", bytes.ReplaceAll(body, []byte("\n"), []byte("\r\n"))},
		{CauseBodyEnds, "the body after a byte order mark", append([]byte("\ufeff"), body...)},
		{CauseBodyLost, "no body at all", []byte{}},
	}
	if decoded, err := url.QueryUnescape(string(body)); err == nil {
		list = append(list, altered{CauseBodyLost, "the url-decoded body", []byte(decoded)})
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
		{CauseBody, "the body re-serialised without spaces", compact.Bytes()},
		{CauseBody, "the body re-serialised with two spaces' indent", two.Bytes()},
		{CauseBody, "the body re-serialised with four", four.Bytes()},
		{CauseBody, "the body re-serialised with slashes escaped", bytes.ReplaceAll(bytes.ReplaceAll(compact.Bytes(), []byte(`\/`), []byte("/")), []byte("/"), []byte(`\/`))},
		{CauseBody, "the body re-serialised with slashes unescaped", bytes.ReplaceAll(compact.Bytes(), []byte(`\/`), []byte("/"))},
		{CauseBody, "the body re-serialised with spaces", spacedJSON(compact.Bytes())},
	}
	var value any
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.UseNumber()
	if decoder.Decode(&value) == nil {
		sorted, _ := json.Marshal(value) // what was decoded encodes
		list = append(list,
			altered{CauseBody, "the body re-serialised with its members sorted", unescapeHTML(sorted)},
			altered{CauseBody, "the body re-serialised with its members sorted and <, > and & escaped", sorted})
	}
	var escaped bytes.Buffer
	json.HTMLEscape(&escaped, compact.Bytes())
	list = append(list, altered{CauseBody, "the body re-serialised with <, > and & escaped", escaped.Bytes()})
	if ordered := inDOKUsOrder(body); ordered != nil {
		list = append(list, altered{CauseBody, "the body with its members in DOKU's order; on the way they were sorted or escaped", ordered})
	}
	return list
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
		{CauseKeyForm, "used without the spaces around it", []byte(strings.TrimSpace(key))},
		{CauseKeyForm, "used with a line feed at its end", []byte(key + "\n")},
		{CauseKeyForm, "freed of HTML entities", []byte(html.UnescapeString(key))},
		{CauseKeyForm, "escaped for HTML", []byte(html.EscapeString(key))},
		{CauseKeyForm, "written in base64 first", []byte(base64.StdEncoding.EncodeToString([]byte(key)))},
	}
	if b, err := base64.StdEncoding.DecodeString(key); err == nil {
		list = append(list, altered{CauseKeyForm, "base64-decoded", b})
	}
	if b, err := hex.DecodeString(key); err == nil {
		list = append(list, altered{CauseKeyForm, "hex-decoded", b})
	}
	return list
}

// readLoosely reads the 32 bytes of a signature in any spelling, and says what
// is wrong with the spelling.
func readLoosely(signature string) (received []byte, form []Cause) {
	encoded, ok := strings.CutPrefix(signature, signaturePrefix)
	if !ok {
		form = []Cause{{CauseForm, true, "the signature does not begin with " + signaturePrefix, "put " + signaturePrefix + " in front of the base64, spelt so", ""}}
		if i := strings.IndexByte(encoded, '='); i > 0 && i < len(encoded)-2 {
			encoded = encoded[i+1:]
		}
	}
	encoded = strings.TrimSpace(encoded)
	plain := strings.TrimRight(encoded, "=")
	for _, e := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
		if b, err := e.DecodeString(plain); err == nil && len(b) == sha256.Size {
			if e == base64.RawURLEncoding && strings.ContainsAny(plain, "-_") {
				form = append(form, Cause{CauseForm, true, "the signature is in the base64 of URLs", "use the standard alphabet, with + and /", ""})
			}
			return b, form
		}
	}
	b, err := hex.DecodeString(encoded)
	if err != nil || len(b) != sha256.Size {
		return nil, nil
	}
	return b, append(form, Cause{CauseForm, true, "the signature is in hex", "encode the 32 bytes of the HMAC in base64", ""})
}
