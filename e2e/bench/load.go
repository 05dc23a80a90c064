package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sync/atomic"
	"time"

	vegeta "github.com/tsenart/vegeta/v12/lib"

	"warungjokul/jokul"
)

// browser is what a browser sends along.
var browser = http.Header{
	"Accept":          {"text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"},
	"Accept-Encoding": {"gzip, deflate, br, zstd"},
	"Accept-Language": {"id-ID,id;q=0.9,en;q=0.8"},
	"User-Agent":      {"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36"},
}

// measurement is one turn of one server.
type measurement struct {
	latencies []time.Duration // of those that were answered as they should
	took      time.Duration
	used      counters
}

func (m measurement) rate() float64 { return float64(len(m.latencies)) / m.took.Seconds() }

// connections is how many clients there are; each waits for its answer before it
// asks again.
const connections = 32

// load has all clients ask a server for what next says, for so long.
func load(ctx context.Context, lasts time.Duration, status int, next vegeta.Targeter) (m measurement, err error) {
	transport := &http.Transport{MaxIdleConnsPerHost: connections, MaxConnsPerHost: connections}
	defer transport.CloseIdleConnections() // else the server keeps them for a while
	attacker := vegeta.NewAttacker(vegeta.Workers(connections), vegeta.MaxWorkers(connections), vegeta.MaxBody(0), vegeta.Client(
		&http.Client{Transport: transport, Timeout: patience, CheckRedirect: plain.CheckRedirect}))
	defer context.AfterFunc(ctx, func() { attacker.Stop() })()
	began := time.Now()
	var wrong error
	for r := range attacker.Attack(next, vegeta.Rate{}, lasts, "") {
		switch {
		case r.Error == vegeta.ErrNoTargets.Error(): // it was told to stop early
		case r.Error != "" && r.Code != uint16(status), r.Code != uint16(status):
			wrong = fmt.Errorf("%s %s: HTTP %d %s", r.Method, r.URL, r.Code, r.Error)
		default:
			m.latencies = append(m.latencies, r.Latency)
		}
	}
	m.took = time.Since(began)
	slices.Sort(m.latencies)
	return m, errors.Join(wrong, ctx.Err())
}

// around asks for addresses in turn.
func around(base string, addresses []string) vegeta.Targeter {
	var n atomic.Int64
	return func(t *vegeta.Target) error {
		t.Method, t.URL, t.Header = http.MethodGet, base+addresses[int(n.Add(1))%len(addresses)], browser
		return nil
	}
}

// post sends what next makes until there is nothing more.
func post(address string, next func(i int) (http.Header, []byte)) vegeta.Targeter {
	var n atomic.Int64
	return func(t *vegeta.Target) error {
		t.Method, t.URL = http.MethodPost, address
		if t.Header, t.Body = next(int(n.Add(1)) - 1); t.Header == nil {
			return vegeta.ErrNoTargets
		}
		return nil
	}
}

// told is the notification that an invoice was paid, signed as the gateway does.
func told(i invoice, at time.Time, key string) (http.Header, []byte) {
	body := fmt.Appendf(nil, `{"service":{"id":"ONLINE_TO_OFFLINE"},"acquirer":{"id":"INDOMARET"},"channel":{"id":"ONLINE_TO_OFFLINE_INDOMARET"},`+
		`"transaction":{"status":"SUCCESS","date":%q},"order":{"invoice_number":%q,"amount":65000},`+
		`"online_to_offline_info":{"payment_code":%q},"online_to_offline_payment":{"identifier":[{"name":"AGENT_TRX_ID","value":%q}]}}`,
		at.UTC().Format(time.RFC3339), i.number, i.code, i.requestID)
	c := jokul.Component{ClientID: clientID, RequestID: i.requestID, Timestamp: at.UTC().Format(jokul.TimestampLayout),
		Target: notify, Digest: jokul.Digest(body)}
	return http.Header{
		"Content-Type": {"application/json"}, jokul.HeaderClientID: {clientID}, jokul.HeaderRequestID: {c.RequestID},
		jokul.HeaderRequestTimestamp: {c.Timestamp}, jokul.HeaderSignature: {jokul.Sign(key, c)},
	}, body
}
