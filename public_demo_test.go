package main

import (
	"context"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// publicDemo is a demo that other machines reach, with its gateway, being served.
func publicDemo(t *testing.T, more ...string) (*program, *journal) {
	t.Helper()
	s, err := readSettings(environ(t, append([]string{"PUBLIC_DEMO=yes", "ADDR=0.0.0.0:0"}, more...)...))
	if err != nil {
		t.Fatal(err)
	}
	log := &journal{}
	p := &program{settings: s, log: newLogger(s, log), out: io.Discard}
	t.Cleanup(p.close)
	if err := p.open(t.Context()); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- p.serve(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Errorf("stopped with %v", err)
		}
	})
	return p, log
}

// The till of a public demo is a part of the shop: a client is limited, requests are counted and logged by route.
func TestPublicDemoIsLimited(t *testing.T) {
	p, log := publicDemo(t, "TRUSTED_PROXIES=127.0.0.1")
	pay := func(client string) int {
		form := strings.NewReader(url.Values{"payment_code": {"8888888800000000"}, "action": {"pay"}}.Encode())
		r, err := http.NewRequest(http.MethodPost, address(p.shop)+"/simulator/payments", form)
		if err != nil {
			t.Fatal(err)
		}
		r.Header = http.Header{"Content-Type": {"application/x-www-form-urlencoded"}, "X-Forwarded-For": {client}}
		res, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		_ = res.Body.Close()
		return res.StatusCode
	}
	statuses := map[int]int{}
	for range 80 {
		statuses[pay("192.0.2.1")]++
	}
	if statuses[http.StatusTooManyRequests] == 0 || statuses[http.StatusOK] < 20 {
		t.Errorf("80 payments of one client at once: %v", statuses)
	}
	if status := pay("192.0.2.2"); status != http.StatusOK {
		t.Errorf("a payment of another client: HTTP %d", status)
	}
	_, metrics := get(t, address(p.shop)+"/metrics")
	for _, part := range []string{`method="POST",url="/simulator/payments"`, `method="GET",url="/simulator"`} {
		if !strings.Contains(metrics, part) {
			t.Errorf("no metric has %s", part)
		}
	}
	if !strings.Contains(log.String(), "route=/simulator/payments") {
		t.Error("the access log has no payment at the till")
	}
	if code, page := get(t, address(p.shop)+"/simulator/assets/sandbox.css"); code != http.StatusOK || !strings.Contains(page, ".till") {
		t.Errorf("the till's stylesheet: HTTP %d", code)
	}
}

// Where the gateway's own address is open to other machines, the till there is that of the shop: it is limited there.
func TestOneTillForStrangers(t *testing.T) {
	p, _ := publicDemo(t, "ADDR=127.0.0.1:0", "SANDBOX_ADDR=0.0.0.0:0")
	client := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	for _, path := range []string{"/simulator?payment_code=1&lang=en", "/simulator/payments", "/simulator/clock"} {
		res, err := client.Post(address(p.till)+path, "application/x-www-form-urlencoded", strings.NewReader("action=pay"))
		if err != nil {
			t.Fatal(err)
		}
		_ = res.Body.Close()
		_, query, _ := strings.Cut(path, "?")
		want := strings.TrimSuffix(address(p.shop)+"/simulator?"+query, "?")
		if got := res.Header.Get("Location"); res.StatusCode != http.StatusSeeOther || got != want {
			t.Errorf("%s at the gateway: %s to %q, want %q", path, res.Status, got, want)
		}
	}
	if code, page := get(t, address(p.till)+"/simulator"); code != http.StatusOK || !strings.Contains(page, `data-testid="code-input"`) {
		t.Errorf("the till by way of the gateway: HTTP %d", code)
	}
}
