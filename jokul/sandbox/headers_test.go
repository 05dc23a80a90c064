package sandbox_test

import (
	"encoding/json"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"warungjokul/jokul"
	"warungjokul/jokul/sandbox"
)

// Each case spoils one header and everything the gateway checks after it: the
// first thing wrong is what it says.
func TestHeadersAreCheckedInTheGatewaysOrder(t *testing.T) {
	g := open(t)
	stamp := func(d time.Duration) string {
		return g.clock.Now().UTC().Add(d).Format(jokul.TimestampLayout)
	}
	later := map[string]string{ // wrong values, in the order they are looked at
		jokul.HeaderRequestID:        strings.Repeat("x", 129),
		jokul.HeaderRequestTimestamp: "yesterday",
		jokul.HeaderClientID:         "MCH-9999",
		jokul.HeaderSignature:        "HMACSHA256=AAAA",
	}
	for _, tc := range []struct {
		name    string
		set     map[string]string // "" takes the header away
		code    string
		message string
	}{
		{"no Client-Id", with(later, jokul.HeaderClientID, "", jokul.HeaderRequestID, ""), jokul.CodeInvalidHeader, "Header Client-Id is required"},
		{"no Request-Id", with(later, jokul.HeaderRequestID, "", jokul.HeaderRequestTimestamp, ""), jokul.CodeInvalidHeader, "Header Request-Id is required"},
		{"no Request-Timestamp", with(later, jokul.HeaderRequestTimestamp, "", jokul.HeaderSignature, ""), jokul.CodeInvalidHeader, "Header Request-Timestamp is required"},
		{"no Signature", with(later, jokul.HeaderSignature, ""), jokul.CodeInvalidHeader, "Header Signature is required"},
		{"Request-Id of 129", later, jokul.CodeInvalidHeader, "Invalid format Header Request-Id"},
		{"Request-Id beyond ASCII", with(later, jokul.HeaderRequestID, "nomor-é"), jokul.CodeInvalidHeader, "Invalid format Header Request-Id"},
		{"timestamp in words", with(later, jokul.HeaderRequestID, "r"), jokul.CodeInvalidHeader, "Invalid format Header Request-Timestamp"},
		{"timestamp with offset", with(later, jokul.HeaderRequestID, "r", jokul.HeaderRequestTimestamp, "2026-11-24T10:30:15+07:00"), jokul.CodeInvalidHeader, "Invalid format Header Request-Timestamp"},
		{"timestamp with fraction", with(later, jokul.HeaderRequestID, "r", jokul.HeaderRequestTimestamp, "2026-11-24T03:30:15.4Z"), jokul.CodeInvalidHeader, "Invalid format Header Request-Timestamp"},
		{"3601 s behind", with(later, jokul.HeaderRequestID, "r", jokul.HeaderRequestTimestamp, stamp(-3601*time.Second)), jokul.CodeTimeOutOfRange, "Header Request-Timestamp is not in +- 3600 second of now"},
		{"3601 s ahead", with(later, jokul.HeaderRequestID, "r", jokul.HeaderRequestTimestamp, stamp(3601*time.Second)), jokul.CodeTimeOutOfRange, "Header Request-Timestamp is not in +- 3600 second of now"},
		{"another Client-Id", with(later, jokul.HeaderRequestID, "r", jokul.HeaderRequestTimestamp, stamp(0)), jokul.CodeInvalidClientID, "Invalid Client-Id"},
		{"another signature", map[string]string{jokul.HeaderSignature: "HMACSHA256=AAAA"}, jokul.CodeInvalidSignature, "Invalid Header Signature"},
		{"another Request-Id signed", map[string]string{jokul.HeaderRequestID: "other"}, jokul.CodeInvalidSignature, "Invalid Header Signature"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			req := g.signed(t, http.MethodPost, createPath, "request", "not even JSON")
			for name, value := range tc.set {
				req.Header.Del(name)
				if value != "" {
					req.Header.Set(name, value)
				}
			}
			m := do(t, req)
			want(t, "status", m.status, http.StatusBadRequest)
			want(t, "code", at(t, m.body, "error.code"), tc.code)
			want(t, "message", at(t, m.body, "error.message"), tc.message)
			want(t, "signature", m.header.Get(jokul.HeaderSignature), "")
		})
	}
}

// with returns a copy of values with pairs set.
func with(values map[string]string, pairs ...string) map[string]string {
	copied := map[string]string{}
	for name, value := range values {
		copied[name] = value
	}
	for i := 0; i < len(pairs); i += 2 {
		copied[pairs[i]] = pairs[i+1]
	}
	return copied
}

func TestAHeaderGivenTwiceIsRefused(t *testing.T) {
	g := open(t)
	req := g.signed(t, http.MethodPost, createPath, "request", orderFor("INV-1"))
	req.Header.Add(jokul.HeaderRequestID, "another")
	want(t, "message", at(t, do(t, req).body, "error.message"), "Invalid format Header Request-Id")
}

func TestTheWindowTakes3600SecondsEitherWay(t *testing.T) {
	for name, d := range map[string]time.Duration{"behind": -time.Hour, "ahead": time.Hour} {
		g := open(t)
		g.clock.now = g.clock.now.Add(d)
		req := g.signed(t, http.MethodPost, createPath, "request", orderFor("INV-1"))
		g.clock.now = start
		want(t, name, do(t, req).status, http.StatusOK)
	}
}

func TestTheWindowFollowsWallTime(t *testing.T) {
	g := open(t)
	if _, err := g.Advance(48 * time.Hour); err != nil {
		t.Fatal(err)
	}
	m := g.create(t, "request", orderFor("INV-1"))
	want(t, "status", m.status, http.StatusOK)
	want(t, "stamp", m.header.Get(jokul.HeaderResponseTimestamp), "2026-11-24T03:30:15Z")
	want(t, "created", at(t, m.body, "online_to_offline_info.created_date_utc"), "2026-11-26T03:30:15Z")
}

func TestAGETSignedWithADigestIsRefused(t *testing.T) {
	g := open(t)
	g.issue(t, "INV-1")
	req := g.signed(t, http.MethodGet, statusPath+"INV-1", "status", "")
	c := jokul.Component{ClientID: clientID, RequestID: "status", Target: statusPath + "INV-1",
		Timestamp: req.Header.Get(jokul.HeaderRequestTimestamp), Digest: jokul.Digest(nil)}
	req.Header.Set(jokul.HeaderSignature, jokul.Sign(secretKey, c))
	want(t, "code", at(t, do(t, req).body, "error.code"), jokul.CodeInvalidSignature)
}

// The vectors were signed by the gateway's own published code.
func TestVectorsAreAccepted(t *testing.T) {
	var vectors struct {
		Core []struct {
			ID      string            `json:"id"`
			Method  string            `json:"method"`
			Kind    string            `json:"kind"`
			Secret  string            `json:"secret"`
			Headers map[string]string `json:"headers"`
			Target  string            `json:"request_target"`
			Body    string            `json:"body"`
		} `json:"core"`
	}
	text, err := os.ReadFile("../testdata/vectors.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &vectors); err != nil {
		t.Fatal(err)
	}
	var g *gateway
	for _, v := range vectors.Core[:2] { // the create call, then the status query about it
		if g == nil {
			g = open(t, func(c *sandbox.Config) { c.ClientID, c.SecretKey = v.Headers[jokul.HeaderClientID], v.Secret })
		}
		g.clock.now, err = time.Parse(time.RFC3339, v.Headers[jokul.HeaderRequestTimestamp])
		if err != nil {
			t.Fatal(err)
		}
		req, err := http.NewRequest(v.Method, g.http.URL+v.Target, strings.NewReader(v.Body))
		if err != nil {
			t.Fatal(err)
		}
		for name, value := range v.Headers {
			req.Header.Set(name, value)
		}
		m := do(t, req)
		want(t, v.ID, m.status, http.StatusOK)
		if err := jokul.Verify(v.Secret, responseComponent(m, v.Target), m.header.Get(jokul.HeaderSignature)); err != nil {
			t.Errorf("%s: answer: %v", v.ID, err)
		}
	}
}
