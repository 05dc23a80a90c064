package jokul_test

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"strings"
	"testing"

	"warungjokul/jokul"
)

// vector is one entry of testdata/vectors.json: signatures made with the
// gateway's own published code.
type vector struct {
	ID             string            `json:"id"`
	Kind           string            `json:"kind"`
	Method         string            `json:"method"`
	Secret         string            `json:"secret"`
	Headers        map[string]string `json:"headers"`
	RequestTarget  string            `json:"request_target"`
	BodyBase64     string            `json:"body_base64"`
	Digest         string            `json:"digest"`
	ComponentLines []string          `json:"component_lines"`
	Signature      string            `json:"signature"`
}

func (v vector) body(t testing.TB) []byte {
	t.Helper()
	body, err := base64.StdEncoding.DecodeString(v.BodyBase64)
	if err != nil {
		t.Fatalf("vector %s: %v", v.ID, err)
	}
	return body
}

func (v vector) component(t testing.TB) jokul.Component {
	c := jokul.Component{
		ClientID:  v.Headers["Client-Id"],
		RequestID: v.Headers["Request-Id"],
		Timestamp: v.Headers["Request-Timestamp"],
		Target:    v.RequestTarget,
		Response:  v.Kind == "response",
	}
	if c.Response {
		c.Timestamp = v.Headers["Response-Timestamp"]
	}
	if v.Method != http.MethodGet {
		c.Digest = jokul.Digest(v.body(t))
	}
	return c
}

func (v vector) header() http.Header {
	h := http.Header{}
	for name, value := range v.Headers {
		h.Set(name, value)
	}
	return h
}

type vectors struct {
	Core      []vector `json:"core"`
	Extra     []vector `json:"extra"`
	Published []struct {
		ID             string   `json:"id"`
		ComponentLines []string `json:"component_lines"`
	} `json:"published_examples"`
}

func readVectors(t testing.TB) vectors {
	t.Helper()
	raw, err := os.ReadFile("testdata/vectors.json")
	if err != nil {
		t.Fatal(err)
	}
	var all vectors
	if err := json.Unmarshal(raw, &all); err != nil {
		t.Fatal(err)
	}
	if len(all.Core) != 4 || len(all.Extra) != 2 {
		t.Fatalf("got %d core and %d extra vectors, want 4 and 2", len(all.Core), len(all.Extra))
	}
	return all
}

func notificationVector(t testing.TB) vector {
	t.Helper()
	for _, v := range readVectors(t).Core {
		if v.Kind == "notification" {
			return v
		}
	}
	t.Fatal("no notification vector")
	return vector{}
}

func TestVectors(t *testing.T) {
	all := readVectors(t)
	for _, v := range append(all.Core, all.Extra...) {
		t.Run(v.ID, func(t *testing.T) {
			c := v.component(t)
			if c.Digest != v.Digest {
				t.Errorf("digest: got %q, want %q", c.Digest, v.Digest)
			}
			if got, want := c.String(), strings.Join(v.ComponentLines, "\n"); got != want {
				t.Errorf("string to sign: got %q, want %q", got, want)
			}
			if got := jokul.Sign(v.Secret, c); got != v.Signature {
				t.Errorf("signature: got %q, want %q", got, v.Signature)
			}
			if err := jokul.Verify(v.Secret, c, v.Signature); err != nil {
				t.Errorf("verify: %v", err)
			}
		})
	}
}

// The published examples have no known secret; their lines still show the
// form of the string to sign.
func TestPublishedComponents(t *testing.T) {
	for _, p := range readVectors(t).Published {
		if len(p.ComponentLines) == 0 {
			continue
		}
		part := func(i int) string {
			if i >= len(p.ComponentLines) {
				return ""
			}
			_, value, _ := strings.Cut(p.ComponentLines[i], ":")
			return value
		}
		c := jokul.Component{ClientID: part(0), RequestID: part(1), Timestamp: part(2), Target: part(3), Digest: part(4)}
		if got, want := c.String(), strings.Join(p.ComponentLines, "\n"); got != want {
			t.Errorf("%s: got %q, want %q", p.ID, got, want)
		}
	}
}

func TestVerifyRejects(t *testing.T) {
	v := notificationVector(t)
	good := v.component(t)
	with := func(change func(*jokul.Component)) jokul.Component {
		c := good
		change(&c)
		return c
	}
	encoded := strings.TrimPrefix(v.Signature, "HMACSHA256=")
	mac, _ := base64.StdEncoding.DecodeString(encoded)
	decodedSecret, _ := base64.RawStdEncoding.DecodeString(strings.ReplaceAll(v.Secret, "-", ""))
	body := v.body(t)

	tests := []struct {
		name      string
		secret    string
		component jokul.Component
		signature string
	}{
		{"target without its leading slash", v.Secret, with(func(c *jokul.Component) { c.Target = c.Target[1:] }), v.Signature},
		{"target with a query", v.Secret, with(func(c *jokul.Component) { c.Target += "?task=notify" }), v.Signature},
		{"body without its trailing newline", v.Secret, with(func(c *jokul.Component) {
			c.Digest = jokul.Digest([]byte(strings.TrimSuffix(string(body), "\n")))
		}), v.Signature},
		{"newline after the last line", v.Secret, with(func(c *jokul.Component) { c.Digest += "\n" }), v.Signature},
		{"CRLF between lines", v.Secret, with(func(c *jokul.Component) { c.ClientID += "\r" }), v.Signature},
		{"space after a colon", v.Secret, with(func(c *jokul.Component) { c.ClientID = " " + c.ClientID }), v.Signature},
		{"no Digest line", v.Secret, with(func(c *jokul.Component) { c.Digest = "" }), v.Signature},
		{"response label", v.Secret, with(func(c *jokul.Component) { c.Response = true }), v.Signature},
		{"secret decoded from base64", string(decodedSecret), good, v.Signature},
		{"another secret", v.Secret + "x", good, v.Signature},
		{"empty secret", "", good, jokul.Sign("", good)},
		{"empty signature", v.Secret, good, ""},
		{"prefix alone", v.Secret, good, "HMACSHA256="},
		{"no prefix", v.Secret, good, encoded},
		{"prefix in lower case", v.Secret, good, "hmacsha256=" + encoded},
		{"hex instead of base64", v.Secret, good, "HMACSHA256=" + hex.EncodeToString(mac)},
		{"one byte short", v.Secret, good, "HMACSHA256=" + base64.StdEncoding.EncodeToString(mac[:31])},
		{"newline within", v.Secret, good, "HMACSHA256=" + encoded[:10] + "\n" + encoded[10:]},
		{"stray bits in the last character", v.Secret, good, "HMACSHA256=" + nonCanonical(encoded)},
		{"two paddings", v.Secret, good, v.Signature + "="},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if err := jokul.Verify(tt.secret, tt.component, tt.signature); !errors.Is(err, jokul.ErrInvalidSignature) {
				t.Errorf("got %v, want ErrInvalidSignature", err)
			}
		})
	}
	t.Run("any flipped bit", func(t *testing.T) {
		for i := range mac {
			flipped := append([]byte(nil), mac...)
			flipped[i] ^= 1
			if jokul.Verify(v.Secret, good, "HMACSHA256="+base64.StdEncoding.EncodeToString(flipped)) == nil {
				t.Errorf("byte %d of the signature flipped: accepted", i)
			}
		}
		for i := range body {
			flipped := append([]byte(nil), body...)
			flipped[i] ^= 1
			if jokul.Verify(v.Secret, with(func(c *jokul.Component) { c.Digest = jokul.Digest(flipped) }), v.Signature) == nil {
				t.Errorf("byte %d of the body flipped: accepted", i)
			}
		}
	})
	t.Run("accepts a signature without its padding", func(t *testing.T) {
		if err := jokul.Verify(v.Secret, good, strings.TrimSuffix(v.Signature, "=")); err != nil {
			t.Error(err)
		}
	})
}

// nonCanonical sets the two unused bits of the last base64 character: the same
// bytes in another spelling.
func nonCanonical(encoded string) string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
	last := strings.IndexByte(alphabet, encoded[42])
	return encoded[:42] + string(alphabet[last|1]) + "="
}

func FuzzVerify(f *testing.F) {
	v := notificationVector(f)
	f.Add(v.Secret, v.Signature)
	f.Add("", "HMACSHA256=")
	f.Add(v.Secret, "HMACSHA256=====")
	c := v.component(f)
	f.Fuzz(func(t *testing.T, secret, signature string) {
		if jokul.Verify(secret, c, signature) == nil && strings.TrimSuffix(signature, "=") != strings.TrimSuffix(jokul.Sign(secret, c), "=") {
			t.Errorf("accepted %q, which Sign does not make", signature)
		}
	})
}
