package jokul_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"warungjokul/jokul"
)

// A notification of the gateway that is good, and one thing broken at a time.
func TestExplainNotification(t *testing.T) {
	const target, secret = "/payments/notifications", "SK-mine"
	client, err := jokul.New("MCH-1", secret)
	if err != nil {
		t.Fatal(err)
	}
	body := []byte(`{"service":{"id":"ONLINE_TO_OFFLINE"},"channel":{"id":"X"},"transaction":{"status":"SUCCESS","date":"2026-11-23T03:00:00Z"},` +
		`"order":{"invoice_number":"INV<1>/é","amount":90000}}`)
	sorted := func(b []byte) []byte {
		var v any
		if err := json.Unmarshal(b, &v); err != nil {
			t.Fatal(err)
		}
		b, _ = json.Marshal(v)
		return b
	}
	indented := func(b []byte) []byte {
		var out bytes.Buffer
		_ = json.Indent(&out, b, "", "\t")
		return out.Bytes()
	}
	type delivery struct {
		merchant, key, path string // as the sender knows them
		header              http.Header
		body                []byte
	}
	for name, c := range map[string]struct {
		change  func(*delivery)
		code    jokul.CauseCode
		line    string
		certain bool
		base    string
	}{
		"good":                      {func(*delivery) {}, "", "", false, ""},
		"another key":               {func(d *delivery) { d.key = "SK-other" }, jokul.CauseKeyChanged, "", false, ""},
		"a key with a line feed":    {func(d *delivery) { d.key += "\n" }, jokul.CauseKeyForm, "", true, ""},
		"another merchant":          {func(d *delivery) { d.merchant = "MCH-2" }, jokul.CauseMerchant, "Client-Id", true, ""},
		"a prefix nobody tells of":  {func(d *delivery) { d.path = "/toko" + target }, jokul.CausePrefix, "Request-Target", true, ""},
		"two of them":               {func(d *delivery) { d.path = "/api/v1" + target }, jokul.CausePrefix, "Request-Target", true, ""},
		"a prefix put in front":     {func(d *delivery) { d.path = "/notifications" }, jokul.CausePrefix, "Request-Target", true, ""},
		"a prefix of the address":   {func(d *delivery) { d.path = "/qwerty" + target }, jokul.CausePrefix, "Request-Target", true, "https://shop.example/qwerty/"},
		"a prefix in a header":      {func(d *delivery) { d.path = "/qwerty" + target; d.header.Set("X-Forwarded-Prefix", "/qwerty") }, jokul.CausePrefix, "Request-Target", true, ""},
		"the path in a header":      {func(d *delivery) { d.path = "/a/b"; d.header.Set("X-Original-URI", "/a/b?c=d") }, jokul.CausePrefix, "Request-Target", true, ""},
		"a slash more":              {func(d *delivery) { d.path = target + "/" }, jokul.CausePath, "Request-Target", true, ""},
		"the body sorted":           {func(d *delivery) { d.body = sorted(d.body) }, jokul.CauseBody, "Digest", true, ""},
		"sorted and laid out":       {func(d *delivery) { d.body = indented(sorted(d.body)) }, jokul.CauseBody, "Digest", true, ""},
		"the body laid out":         {func(d *delivery) { d.body = indented(d.body) }, jokul.CauseBody, "Digest", true, ""},
		"a line feed more":          {func(d *delivery) { d.body = append(d.body, '\n') }, jokul.CauseBodyEnds, "Digest", true, ""},
		"sorted, an amount changed": {func(d *delivery) { d.body = bytes.ReplaceAll(sorted(d.body), []byte("90000"), []byte("9e4")) }, jokul.CauseKeyChanged, "", false, ""},
		"no signature":              {func(d *delivery) { d.header.Set(jokul.HeaderSignature, "") }, jokul.CauseMissing, "", true, ""},
	} {
		d := delivery{"MCH-1", secret, target, http.Header{}, bytes.Clone(body)}
		c.change(&d)
		full := jokul.Sign(d.key, jokul.Component{ClientID: d.merchant, RequestID: "r-1", Timestamp: "2026-11-23T03:00:01Z", Target: d.path, Digest: jokul.Digest(body)})
		for name, value := range map[string]string{"Client-Id": d.merchant, "Request-Id": "r-1", "Request-Timestamp": "2026-11-23T03:00:01Z", "Signature": full} {
			if d.header.Values(name) == nil {
				d.header.Set(name, value)
			}
		}
		e := client.ExplainNotification(target, d.header, d.body, jokul.OtherTargets(target, d.header, c.base)...)
		if c.code == "" {
			if e.Err != nil || e.Causes != nil {
				t.Errorf("%s: %+v", name, e)
			}
			continue
		}
		if _, err := client.ParseNotification(target, d.header, d.body); e.Err == nil || !errors.Is(e.Err, err) && e.Err.Error() != err.Error() {
			t.Errorf("%s: explains %v, refused for %v", name, e.Err, err)
		}
		if len(e.Causes) == 0 || e.Causes[0].Code != c.code || e.Causes[0].Certain != c.certain || e.Causes[0].Code.Line() != c.line {
			t.Errorf("%s: %+v", name, e.Causes)
			continue
		}
		if c.code == jokul.CausePrefix && e.Causes[0].Target != d.path {
			t.Errorf("%s: found %q", name, e.Causes[0].Target)
		}
		expected := jokul.Sign(secret, e.Component)
		if text := fmt.Sprintf("%+v", e); strings.Contains(text, secret) || strings.Contains(text, expected[11:]) {
			t.Errorf("%s: the explanation gives a secret away", name)
		}
	}
	// What was changed beyond recognition still looks changed.
	e := client.ExplainNotification(target, http.Header{"Client-Id": {"MCH-1"}, "Request-Id": {"r"}, "Request-Timestamp": {"t"}, "Signature": {"HMACSHA256=" + strings.Repeat("A", 43) + "="}}, sorted(body))
	if len(e.Causes) != 4 || e.Causes[1].Code != jokul.CauseBodyChanged {
		t.Errorf("%+v", e.Causes)
	}
}

func TestKnowsSignature(t *testing.T) {
	client, err := jokul.New("MCH-1", "SK-mine")
	if err != nil {
		t.Fatal(err)
	}
	c := jokul.Component{ClientID: "MCH-1", RequestID: "r", Timestamp: "t", Target: "/a", Digest: "d", Response: true}
	bare := c
	bare.Digest = ""
	for name, k := range map[string]struct {
		masked string
		want   bool
	}{
		"ours":               {jokul.MaskSignature(jokul.Sign("SK-mine", c)), true},
		"without its digest": {jokul.MaskSignature(jokul.Sign("SK-mine", bare)), true},
		"another's":          {jokul.MaskSignature(jokul.Sign("SK-other", c)), false},
		"nothing":            {"…", false},
		"no more":            {"HMACSHA256=…", false},
	} {
		if got := client.KnowsSignature(c.String(), k.masked); got != k.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

// No path is tried that a stranger makes up without end.
func TestOtherTargetsAreBounded(t *testing.T) {
	header := http.Header{}
	for i := range 1000 {
		header.Add("X-Original-Uri", fmt.Sprint("/", i, "?x"))
	}
	if n := len(jokul.OtherTargets("/a", header, "")); n > 5000 {
		t.Errorf("%d paths", n)
	}
}
