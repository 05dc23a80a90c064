package console

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"warungjokul/jokul"
	"warungjokul/models"
	"warungjokul/views"
)

func requestMessage(l views.Lang, x models.APICall, body []byte) views.Message {
	m := bodyMessage(l, l.T("inspect.request"), x.Method+" "+x.URL, keptHeader(x.RequestHeader), body, x.StringToSign)
	m.Check = &views.Sign{Text: l.T("inspect.check.none")}
	if x.StringToSign != "" {
		m.Check = &views.Sign{Text: l.T("inspect.check.ours"), Good: true}
	}
	return m
}

func (h *Handler) responseMessage(l views.Lang, x models.APICall) views.Message {
	if x.Status == 0 {
		return views.Message{Title: l.T("inspect.response"), Head: l.T("inspect.nothing")}
	}
	header := keptHeader(x.ResponseHeader)
	m := bodyMessage(l, l.T("inspect.response"), "HTTP "+strconv.Itoa(x.Status), header, x.ResponseBody, x.ResponseStringToSign)
	switch {
	case header.Get(jokul.HeaderSignature) == "":
		m.Check, m.Signed = &views.Sign{Text: l.T("inspect.check.none")}, nil
	case x.Verified:
		m.Check = signatureFits(l, h.Gateway.KeyOfSignature(x.ResponseStringToSign, header.Get(jokul.HeaderSignature)))
	default:
		m.Check = &views.Sign{Text: l.T("inspect.check.bad"), Bad: true}
	}
	return m
}

// bodyMessage is a message with its body, and what its signature covers.
func bodyMessage(l views.Lang, title, head string, header http.Header, body []byte, signed string) views.Message {
	m := views.Message{Title: title, Head: head, Headers: headerFacts(header), Pretty: laidOut(body), Raw: string(body), Size: strconv.Itoa(len(body)),
		Signed: signedLines(l, signed)}
	if _, digest, ok := strings.Cut(signed, "\nDigest:"); ok {
		m.Digest = jokul.Digest(body)
		if m.Digest != digest {
			m.Remark = l.T("inspect.digest.other")
		}
	}
	return m
}

func signedLines(l views.Lang, signed string) []views.SignedLine {
	if signed == "" {
		return nil
	}
	var lines []views.SignedLine
	for line := range strings.SplitSeq(signed, "\n") {
		name, _, _ := strings.Cut(line, ":")
		lines = append(lines, views.SignedLine{Text: line, From: l.T("signed." + name)})
	}
	return lines
}

// keptHeader reads headers as they are kept.
func keptHeader(text string) http.Header {
	var h http.Header
	_ = json.Unmarshal([]byte(text), &h) // written by us
	return h
}

// headerFacts lists headers for a page: the signed ones first, signatures masked.
func headerFacts(h http.Header) []views.Fact {
	first := []string{jokul.HeaderClientID, jokul.HeaderRequestID, jokul.HeaderRequestTimestamp, jokul.HeaderResponseTimestamp, jokul.HeaderSignature}
	var list []views.Fact
	for name, values := range h {
		for _, value := range values {
			if name == jokul.HeaderSignature {
				value = jokul.MaskSignature(strings.TrimSuffix(value, "…"))
			}
			list = append(list, views.Fact{Name: name, Value: value})
		}
	}
	rank := func(f views.Fact) int {
		if i := slices.Index(first, f.Name); i >= 0 {
			return i
		}
		return len(first)
	}
	slices.SortFunc(list, func(a, b views.Fact) int {
		return cmp.Or(rank(a)-rank(b), strings.Compare(a.Name, b.Name), strings.Compare(a.Value, b.Value))
	})
	return list
}

// laidOut is JSON for the eye, and anything else as it is.
func laidOut(body []byte) string {
	var text bytes.Buffer
	if json.Indent(&text, body, "", "  ") != nil {
		return string(body)
	}
	return text.String()
}

// callCurl is a call as a command. The signature is made where it is run, and
// so is the time, for the gateway takes no old one.
func (h *Handler) callCurl(x models.APICall, body []byte) string {
	if x.StringToSign == "" {
		return "curl -i " + quoted(x.URL)
	}
	address, _ := url.Parse(x.URL)
	return curlCommand(x.Method, x.URL, address.EscapedPath(), "$(date -u +%FT%TZ)", keptHeader(x.RequestHeader), body)
}

// notificationCurl is a notification as a command, to the shop itself.
func (h *Handler) notificationCurl(header http.Header, body []byte) string {
	return curlCommand(http.MethodPost, strings.TrimSuffix(h.BaseURL, "/")+h.NotificationPath, h.NotificationPath,
		quoted(header.Get(jokul.HeaderRequestTimestamp)), header, body)
}

func curlCommand(method, address, target, timestamp string, header http.Header, body []byte) string {
	var b strings.Builder
	fmt.Fprintf(&b, "at=%s\n", timestamp)
	sign := fmt.Sprintf(`go run ./jokul/cmd/jokul sign --quiet --method %s --client-id %s --path %s --request-id %s --timestamp "$at"`,
		method, quoted(header.Get(jokul.HeaderClientID)), quoted(target), quoted(header.Get(jokul.HeaderRequestID)))
	if method != http.MethodGet {
		fmt.Fprintf(&b, "body=%s\n", quoted(string(body)))
		sign = `printf %s "$body" | ` + sign + " --body -"
	}
	fmt.Fprintf(&b, "signature=$(%s)\ncurl -i -X %s %s", sign, method, quoted(address))
	for _, f := range headerFacts(header) {
		switch f.Name {
		case jokul.HeaderSignature:
			f.Value = `"Signature: $signature"`
		case jokul.HeaderRequestTimestamp:
			f.Value = `"Request-Timestamp: $at"`
		default:
			f.Value = quoted(f.Name + ": " + f.Value)
		}
		fmt.Fprintf(&b, " \\\n  -H %s", f.Value)
	}
	if method != http.MethodGet {
		if header.Get("Content-Type") == "" {
			fmt.Fprint(&b, " \\\n  -H 'Content-Type: application/json'")
		}
		fmt.Fprint(&b, " \\\n  --data-binary \"$body\"")
	}
	return b.String()
}

// quoted is s as one word of a shell, whatever is in it.
func quoted(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }
