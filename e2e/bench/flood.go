package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"
)

// flood is something that one client does again and again, as fast as it can, on
// many connections.
type flood struct {
	name    string
	request func(ctx context.Context, s *shop, i int) (*http.Request, error)
	holds   bool // answers are held open
}

var floods = []flood{
	{name: "none"},
	{name: "streams", holds: true, request: func(ctx context.Context, s *shop, i int) (*http.Request, error) {
		return http.NewRequestWithContext(ctx, http.MethodGet, s.base+"/orders/"+s.tokens[i%len(s.tokens)]+"/events", nil)
	}},
	{name: "search", request: func(ctx context.Context, s *shop, i int) (*http.Request, error) {
		words := url.Values{"q": {strings.Repeat(fmt.Sprintf("kopi%d ", i), 20)}}
		return http.NewRequestWithContext(ctx, http.MethodGet, s.base+"/?"+words.Encode(), nil)
	}},
	{name: "checkouts", request: func(ctx context.Context, s *shop, _ int) (*http.Request, error) {
		form, err := s.checkoutForm(ctx)
		if err != nil {
			return nil, err
		}
		req, err := formRequest(ctx, s.base+"/checkout", form)
		if err == nil {
			req.Header.Set("Cookie", s.cookies)
		}
		return req, err
	}},
	{name: "mails", request: func(ctx context.Context, s *shop, i int) (*http.Request, error) {
		return formRequest(ctx, s.base+"/orders/"+s.tokens[i%len(s.tokens)]+"/mail", nil)
	}},
	{name: "logins", request: func(ctx context.Context, s *shop, i int) (*http.Request, error) {
		return formRequest(ctx, s.base+"/console/login", url.Values{"password": {fmt.Sprint("guess ", i)}})
	}},
	{name: "junk notifications", request: func(ctx context.Context, s *shop, i int) (*http.Request, error) {
		header, body := told(invoice{number: fmt.Sprintf("WJ-JUNK%d-1", i), requestID: fmt.Sprintf("junk-%d", i)}, time.Now(), "another key")
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.base+notify, strings.NewReader(string(body)))
		if err == nil {
			req.Header = header
		}
		return req, err
	}},
}

func formRequest(ctx context.Context, address string, form url.Values) (*http.Request, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, address, strings.NewReader(form.Encode()))
	if err == nil {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	return req, err
}

// flooded is what honest shoppers saw meanwhile, and what the flood got.
type flooded struct {
	pages, checkouts []time.Duration
	statuses         map[int]int
	memory           float64 // MB of the shop, at the end
}

// clientFrom is an HTTP client with an address of this machine, which stands for a
// client of its own.
func clientFrom(ip string) *http.Client {
	dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(ip)}}
	jar, _ := cookiejar.New(nil) // fails for options only
	return &http.Client{Jar: jar, Timeout: patience, CheckRedirect: plain.CheckRedirect,
		Transport: &http.Transport{DialContext: dialer.DialContext, MaxIdleConnsPerHost: connections}}
}

// floodAll has a shop with its limits on suffer each flood in turn.
func (b *bench) floodAll(ctx context.Context, w io.Writer) error {
	s := &shop{binary: b.binary, dir: filepath.Join(b.dir, "flooded"), orders: b.small}
	defer s.stop()
	if err := s.open(ctx, b.tokens); err != nil {
		return err
	}
	s.environ = []string{"RATE_LIMIT=on", "CONSOLE_PASSWORD=only-for-the-benchmark"}
	var text strings.Builder
	b.describe(&text)
	fmt.Fprint(&text, "| one client floods the shop with | page p50 ms | page p99 ms | checkout p50 ms | checkout p99 ms | honest orders | its answers | memory MB |\n"+
		"|---|---:|---:|---:|---:|---:|---|---:|\n")
	for _, f := range floods {
		if err := errors.Join(s.stop(), s.start(ctx)); err != nil {
			return err
		}
		got, err := b.suffer(ctx, s, f)
		if err != nil {
			return fmt.Errorf("%s: %w", f.name, err)
		}
		ms := func(list []time.Duration, q float64) float64 { return float64(at(list, q).Microseconds()) / 1000 }
		fmt.Fprintf(&text, "| %s | %.1f | %.1f | %.1f | %.1f | %d | %s | %.0f |\n", f.name, ms(got.pages, 0.5), ms(got.pages, 0.99),
			ms(got.checkouts, 0.5), ms(got.checkouts, 0.99), len(got.checkouts), counts(got.statuses), got.memory)
	}
	fmt.Fprint(w, text.String())
	if b.write == "" {
		return nil
	}
	return put(b.write, text.String())
}

// counts lists the statuses with how many answers had them.
func counts(statuses map[int]int) string {
	var list []string
	for status, n := range statuses {
		list = append(list, fmt.Sprintf("%d: %d", status, n))
	}
	slices.Sort(list)
	return strings.Join(list, ", ")
}

// suffer has honest shoppers order, one after another, each from an address of
// their own, while the flood lasts.
func (b *bench) suffer(ctx context.Context, s *shop, f flood) (got flooded, err error) {
	lasting, end := context.WithTimeout(ctx, time.Duration(b.rounds)*b.time)
	defer end()
	got.statuses = map[int]int{}
	var (
		attack sync.WaitGroup
		mu     sync.Mutex
		next   int
	)
	client := clientFrom("127.0.0.2")
	for range connections {
		if f.request == nil {
			break
		}
		attack.Go(func() {
			for lasting.Err() == nil {
				mu.Lock()
				i := next
				next++
				mu.Unlock()
				status := f.send(lasting, client, s, i)
				mu.Lock()
				if status != 0 {
					got.statuses[status]++
				}
				mu.Unlock()
			}
		})
	}
	for i := 0; lasting.Err() == nil && err == nil; i++ {
		err = got.order(ctx, s, i)
	}
	got.memory = memory(s.cmd.Process.Pid)
	end()
	attack.Wait()
	slices.Sort(got.pages)
	slices.Sort(got.checkouts)
	return got, err
}

// send sends one request of the flood and returns the status of the answer, 0 for
// none.
func (f flood) send(ctx context.Context, client *http.Client, s *shop, i int) int {
	req, err := f.request(ctx, s, i)
	if err != nil {
		return 0
	}
	res, err := client.Do(req)
	if err != nil {
		return 0
	}
	if f.holds && res.StatusCode == http.StatusOK {
		context.AfterFunc(ctx, func() { _ = res.Body.Close() })
		return res.StatusCode
	}
	_, _ = io.Copy(io.Discard, res.Body)
	_ = res.Body.Close()
	return res.StatusCode
}

// order has one honest shopper fill a cart, check out and look at the order.
func (got *flooded) order(ctx context.Context, s *shop, i int) error {
	client := clientFrom(fmt.Sprintf("127.1.%d.%d", i/250, 1+i%250))
	defer client.CloseIdleConnections()
	do := func(req *http.Request, err error) (*http.Response, []byte, error) {
		if err != nil {
			return nil, nil, err
		}
		res, err := client.Do(req)
		if err != nil {
			return nil, nil, err
		}
		defer res.Body.Close()
		body, err := io.ReadAll(res.Body)
		return res, body, err
	}
	if _, _, err := do(formRequest(ctx, s.base+"/cart/items", url.Values{"sku": {"MNM-GAYO"}, "quantity": {"1"}})); err != nil {
		return err
	}
	_, page, err := do(http.NewRequestWithContext(ctx, http.MethodGet, s.base+"/checkout", nil))
	id := checkoutID.FindSubmatch(page)
	if err != nil || id == nil {
		return fmt.Errorf("no form at the checkout: %w", err)
	}
	form := url.Values{"name": {"Siti Rahma"}, "email": {fmt.Sprintf("siti%d@example.com", i)}, "phone": {fmt.Sprintf("08123%07d", i)}, "checkout_id": {string(id[1])}}
	began := time.Now()
	res, _, err := do(formRequest(ctx, s.base+"/checkout", form))
	if err != nil || res.StatusCode != http.StatusSeeOther {
		return fmt.Errorf("an honest checkout failed: %v, %w", res, err)
	}
	got.checkouts = append(got.checkouts, time.Since(began))
	began = time.Now()
	res, _, err = do(http.NewRequestWithContext(ctx, http.MethodGet, s.base+res.Header.Get("Location"), nil))
	if err != nil || res.StatusCode != http.StatusOK {
		return fmt.Errorf("the page of an honest order failed: %v, %w", res, err)
	}
	got.pages = append(got.pages, time.Since(began))
	return nil
}
