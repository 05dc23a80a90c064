package conform

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"warungjokul/jokul"
)

// Body is a notification about o, as docs/protocol.md section 7 shapes it, with
// a till transaction of its own.
func Body(o Order, status, originalRequestID string) map[string]any {
	return map[string]any{
		"service":  map[string]any{"id": "ONLINE_TO_OFFLINE"},
		"acquirer": map[string]any{"id": "INDOMARET"},
		"channel":  map[string]any{"id": jokul.ChannelIndomaret},
		"transaction": map[string]any{"status": status, "date": time.Now().UTC().Format(jokul.TimestampLayout),
			"original_request_id": originalRequestID},
		"order":                  map[string]any{"invoice_number": o.InvoiceNumber, "amount": o.Amount},
		"online_to_offline_info": map[string]any{"payment_code": o.PaymentCode},
		"online_to_offline_payment": map[string]any{"identifier": []any{
			map[string]any{"name": "AGENT_ID", "value": "INDOMARET"},
			map[string]any{"name": "AGENT_TRX_ID", "value": rand.Text()[:12]},
		}},
	}
}

// Sign returns the headers of a notification to target with this body, stamped
// now.
func Sign(clientID, secretKey, requestID string, target *url.URL, body []byte) http.Header {
	c := jokul.Component{ClientID: clientID, RequestID: requestID, Timestamp: time.Now().UTC().Format(jokul.TimestampLayout),
		Target: pathOf(target), Digest: jokul.Digest(body)}
	return headers(c, jokul.Sign(secretKey, c))
}

func headers(c jokul.Component, signature string) http.Header {
	h := http.Header{"Content-Type": {"application/json"}}
	h.Set(jokul.HeaderClientID, c.ClientID)
	h.Set(jokul.HeaderRequestID, c.RequestID)
	h.Set(jokul.HeaderRequestTimestamp, c.Timestamp)
	h.Set(jokul.HeaderSignature, signature)
	return h
}

func pathOf(u *url.URL) string {
	if path := u.EscapedPath(); path != "" {
		return path
	}
	return "/"
}

// encode writes JSON without escaping <, > and &.
func encode(body map[string]any) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	_ = e.Encode(body) // maps of plain values
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}

// A delivery is a notification to be sent, and what is wrong with it.
type delivery struct {
	method                     string
	clientID, key              string
	requestID, target          string
	at                         time.Time
	body, signedBody           []byte // signedBody nil: body
	without                    string // a header to leave out
	smallHeaders, bare, slowly bool
}

func (r *runner) delivery(body []byte) *delivery {
	return &delivery{method: http.MethodPost, clientID: r.ClientID, key: r.SecretKey, requestID: jokul.NewRequestID(),
		target: pathOf(r.url), at: time.Now(), body: body}
}

func (d *delivery) header() http.Header {
	signed := d.body
	if d.signedBody != nil {
		signed = d.signedBody
	}
	c := jokul.Component{ClientID: d.clientID, RequestID: d.requestID, Timestamp: d.at.UTC().Format(jokul.TimestampLayout),
		Target: d.target, Digest: jokul.Digest(signed)}
	signature := jokul.Sign(d.key, c)
	if d.bare {
		_, signature, _ = strings.Cut(signature, "=")
	}
	h := headers(c, signature)
	h.Del(d.without)
	if !d.smallHeaders {
		return h
	}
	small := http.Header{}
	for name, values := range h {
		small[strings.ToLower(name)] = values
	}
	return small
}

// answer is what came back.
type answer struct {
	status int // 0: nothing
	took   time.Duration
	hungUp bool // the connection was closed on us
	err    error
}

func (r *runner) post(ctx context.Context, d *delivery) answer {
	var body io.Reader = bytes.NewReader(d.body)
	if d.slowly {
		body = &dripping{ctx: ctx, rest: d.body}
	}
	if d.method == http.MethodGet {
		body = nil
	}
	request, err := http.NewRequestWithContext(ctx, d.method, r.URL, body)
	if err != nil {
		return answer{err: err}
	}
	request.Header = d.header()
	request.ContentLength = int64(len(d.body))
	if d.method == http.MethodGet {
		request.ContentLength = 0
	}
	began := time.Now()
	response, err := r.client.Do(request)
	a := answer{took: time.Since(began), err: err}
	if err != nil {
		a.hungUp = a.took < patience && ctx.Err() == nil
		return a
	}
	defer response.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(response.Body, maxStatus)) // only the status counts
	a.status = response.StatusCode
	return a
}

// dripping gives its bytes in six pieces, a quarter of a second apart.
type dripping struct {
	ctx   context.Context
	rest  []byte
	piece int
}

func (d *dripping) Read(p []byte) (int, error) {
	if len(d.rest) == 0 {
		return 0, io.EOF
	}
	if d.piece == 0 {
		d.piece = len(d.rest)/6 + 1
	} else {
		select {
		case <-d.ctx.Done():
			return 0, d.ctx.Err()
		case <-time.After(250 * time.Millisecond):
		}
	}
	n := copy(p, d.rest[:min(d.piece, len(d.rest))])
	d.rest = d.rest[n:]
	return n, nil
}

// describe tells answers in a few words: "200", "3 times 200".
func describe(answers []answer) string {
	var words []string
	counts := map[string]int{}
	for _, a := range answers {
		word := fmt.Sprint(a.status)
		if a.status == 0 {
			word = "no answer (" + plain(a.err) + ")"
		}
		if counts[word]++; counts[word] == 1 {
			words = append(words, word)
		}
	}
	for i, word := range words {
		if n := counts[word]; n > 1 {
			words[i] = fmt.Sprintf("%d times %s", n, word)
		}
	}
	return strings.Join(words, ", ")
}

func plain(err error) string {
	if e, ok := err.(*url.Error); ok {
		return e.Err.Error()
	}
	return fmt.Sprint(err)
}
