package handlers

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"warungjokul/jokul"
	"warungjokul/payments/testgateway"
	"warungjokul/static"
)

// nobody takes an answer and does nothing with it.
type nobody struct {
	header http.Header
	status int
}

func (n *nobody) Header() http.Header { return n.header }

func (n *nobody) WriteHeader(status int) { n.status = status }

func (n *nobody) Write(p []byte) (int, error) { return len(p), nil }

// What a request costs around its own work: pages that are kept already, a file,
// a message that is not believed. No socket takes part.
func BenchmarkRequests(b *testing.B) {
	w := newEnv(b)
	body := `{"order":{"invoice_number":"WJ-FORGED-1","amount":65000},"transaction":{"status":"SUCCESS"}}`
	c := jokul.Component{ClientID: testgateway.ClientID, RequestID: jokul.NewRequestID(), Timestamp: w.clock.Now().Format(jokul.TimestampLayout),
		Target: "/payments/notifications", Digest: jokul.Digest([]byte(body))}
	forged := http.Header{"Content-Type": {"application/json"}, jokul.HeaderClientID: {c.ClientID}, jokul.HeaderRequestID: {c.RequestID},
		jokul.HeaderRequestTimestamp: {c.Timestamp}, jokul.HeaderSignature: {jokul.Sign("another key", c)}}
	browser := http.Header{
		"Accept":          {"text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"},
		"Accept-Encoding": {"gzip, deflate, br, zstd"},
		"Accept-Language": {"id-ID,id;q=0.9,en;q=0.8"},
		"User-Agent":      {"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36"},
	}
	for _, each := range []struct {
		name, method, path, body string
		header                   http.Header
		status                   int
	}{
		{"catalogue", http.MethodGet, "/", "", browser, http.StatusOK},
		{"product", http.MethodGet, "/products/kopi-gayo", "", browser, http.StatusOK},
		{"file", http.MethodGet, static.URL("app.css"), "", browser, http.StatusOK},
		{"forgery", http.MethodPost, c.Target, body, forged, http.StatusUnauthorized},
	} {
		b.Run(each.name, func(b *testing.B) {
			ctx, cancel := context.WithCancel(b.Context()) // as a server's, which ends with the connection
			defer cancel()
			r := httptest.NewRequestWithContext(ctx, each.method, each.path, nil)
			r.Header, r.ContentLength = each.header, int64(len(each.body))
			answer, text := &nobody{header: http.Header{}}, strings.NewReader("")
			r.Body = io.NopCloser(text)
			b.ReportAllocs()
			for b.Loop() {
				text.Reset(each.body)
				clear(answer.header)
				w.ServeHTTP(answer, r)
			}
			if answer.status != each.status {
				b.Fatalf("HTTP %d", answer.status)
			}
		})
	}
}
