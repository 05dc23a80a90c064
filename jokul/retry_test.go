package jokul_test

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
	"time"

	"warungjokul/jokul"
	"warungjokul/jokul/sandbox"
)

// calls keeps what a client's observer is told.
type calls struct {
	mu   sync.Mutex
	seen []jokul.Exchange
}

func (c *calls) observe(_ context.Context, x jokul.Exchange) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.seen = append(c.seen, x)
}

// sends are the calls that asked for a code, without the status queries.
func (c *calls) sends() (list []jokul.Exchange) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, x := range c.seen {
		if x.Method == http.MethodPost {
			list = append(list, x)
		}
	}
	return list
}

func spoil(t testing.TB, gateway *sandbox.Server, answer string, times int) {
	t.Helper()
	faults := sandbox.DefaultFaults()
	faults.Answer, faults.Times = answer, times
	if err := gateway.SetFaults(faults); err != nil {
		t.Fatal(err)
	}
}

// Every fault that leaves the outcome open is outlived by the client itself, and
// whatever the gateway did the first time there is one code.
func TestRetryOutlivesEveryFault(t *testing.T) {
	for _, answer := range []string{sandbox.Answer500, sandbox.Answer503HTML, sandbox.Answer429, sandbox.AnswerDrop, sandbox.AnswerCut,
		sandbox.AnswerLostReply, sandbox.AnswerUnsigned, sandbox.AnswerWrongSignature, sandbox.AnswerOtherInvoice,
		sandbox.AnswerMalformed, sandbox.AnswerMissingFields} {
		t.Run(answer, func(t *testing.T) {
			t.Parallel()
			var kept calls
			client, gateway := setup(t, jokul.WithObserver(kept.observe))
			spoil(t, gateway, answer, 1)
			code, err := client.GeneratePaymentCode(t.Context(), prepare(t, client, request()))
			if err != nil {
				t.Fatal(err)
			}
			if len(kept.seen) != 2 {
				t.Fatalf("sent %d times, want twice", len(kept.seen))
			}
			first, second := kept.seen[0], kept.seen[1]
			if first.RequestID != second.RequestID || !bytes.Equal(first.RequestBody, second.RequestBody) {
				t.Error("the repeat has another Request-Id or body")
			}
			status, err := client.CheckStatus(t.Context(), first.RequestID)
			if err != nil || status.PaymentCode != code.Code {
				t.Errorf("the gateway knows %s of this Request-Id, %v; want %s", status.PaymentCode, err, code.Code)
			}
		})
	}
}

func TestRetryStampsAfresh(t *testing.T) {
	var kept calls
	now := time.Now()
	clock := func() time.Time { now = now.Add(time.Second); return now }
	client, gateway := setup(t, jokul.WithObserver(kept.observe), jokul.WithClock(clock))
	spoil(t, gateway, sandbox.Answer500, 1)
	if _, err := client.GeneratePaymentCode(t.Context(), prepare(t, client, request())); err != nil {
		t.Fatal(err)
	}
	a, b := kept.seen[0].RequestHeader, kept.seen[1].RequestHeader
	if a.Get(jokul.HeaderRequestTimestamp) == b.Get(jokul.HeaderRequestTimestamp) || a.Get(jokul.HeaderSignature) == b.Get(jokul.HeaderSignature) {
		t.Errorf("the repeat was not stamped and signed afresh: %v, %v", a, b)
	}
}

func TestRetryGivesUp(t *testing.T) {
	for name, tc := range map[string]struct {
		answer string
		opts   []jokul.Option
		sends  int
	}{
		"after its count":              {sandbox.Answer500, nil, 1 + jokul.DefaultRetries},
		"at once when switched off":    {sandbox.Answer500, []jokul.Option{jokul.WithRetries(0)}, 1},
		"at once on a used Request-Id": {sandbox.AnswerIdempotent, nil, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var kept calls
			client, gateway := setup(t, append(tc.opts, jokul.WithObserver(kept.observe))...)
			spoil(t, gateway, tc.answer, 0)
			_, err := client.GeneratePaymentCode(t.Context(), prepare(t, client, request()))
			var e *jokul.Error
			if !errors.As(err, &e) || e.Outcome != jokul.OutcomeUnknown || len(kept.sends()) != tc.sends {
				t.Errorf("got %v after %d sends, want outcome unknown after %d", err, len(kept.sends()), tc.sends)
			}
		})
	}
}

func TestRefusalsAreNotRetried(t *testing.T) {
	var kept calls
	client, _ := setup(t, jokul.WithObserver(kept.observe))
	for range 2 { // the second has a new Request-Id for a known invoice number
		_, _ = client.GeneratePaymentCode(t.Context(), prepare(t, client, request()))
	}
	if sends := len(kept.sends()); sends != 2 || len(kept.seen) != 3 {
		t.Errorf("%d sends and %d calls, want 2 and a status query", sends, len(kept.seen))
	}
}

// A status query is a new question each time, so a repeat has its own id.
func TestRetriedStatusQueryHasANewRequestID(t *testing.T) {
	var kept calls
	client, gateway := setup(t, jokul.WithObserver(kept.observe))
	spoil(t, gateway, sandbox.Answer503HTML, 1)
	if _, err := client.CheckStatus(t.Context(), "WJ-NOBODY-1"); !jokul.IsNotFound(err) {
		t.Errorf("got %v, want not found", err)
	}
	if len(kept.seen) != 2 || kept.seen[0].RequestID == kept.seen[1].RequestID {
		t.Errorf("%d sends, Request-Ids not both fresh", len(kept.seen))
	}
}

// Cancelling ends a call that hangs and a pause that has begun.
func TestCancellingStopsACall(t *testing.T) {
	t.Run("that hangs", func(t *testing.T) {
		arrived, release := make(chan struct{}), make(chan struct{})
		server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			close(arrived)
			select {
			case <-release:
			case <-r.Context().Done():
			}
		}))
		defer server.Close()
		defer close(release)
		cancelled(t, newClient(t, jokul.WithBaseURL(server.URL)), arrived)
	})
	t.Run("that pauses", func(t *testing.T) {
		answered := make(chan struct{})
		var once sync.Once
		client, gateway := setup(t, jokul.WithObserver(func(context.Context, jokul.Exchange) { once.Do(func() { close(answered) }) }),
			jokul.WithRetries(10))
		spoil(t, gateway, sandbox.Answer500, 0)
		cancelled(t, client, answered)
	})
}

func cancelled(t *testing.T, client *jokul.Client, when <-chan struct{}) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		_, err := client.GeneratePaymentCode(ctx, prepare(t, client, request()))
		ended <- err
	}()
	<-when
	cancel()
	var e *jokul.Error
	if err := <-ended; !errors.As(err, &e) || e.Outcome != jokul.OutcomeUnknown {
		t.Errorf("got %v, want outcome unknown", err)
	}
}

// A clock two hours off is mended once, and stays mended.
func TestClockSkewIsCorrectedOnce(t *testing.T) {
	for name, offset := range map[string]time.Duration{"slow": -2 * time.Hour, "fast": 26 * time.Hour} {
		t.Run(name, func(t *testing.T) {
			var kept calls
			clock := func() time.Time { return time.Now().Add(offset) }
			client, _ := setup(t, jokul.WithObserver(kept.observe), jokul.WithClock(clock), jokul.WithRetries(0))
			p := prepare(t, client, request())
			if _, err := client.GeneratePaymentCode(t.Context(), p); err != nil {
				t.Fatal(err)
			}
			if _, err := client.CheckStatus(t.Context(), p.RequestID); err != nil {
				t.Fatal(err)
			}
			if got := statuses(kept.seen); !slices.Equal(got, []int{400, 200, 200}) {
				t.Errorf("the gateway answered %v, want 400 once", got)
			}
			if kept.seen[0].RequestID != kept.seen[1].RequestID {
				t.Error("the corrected request has another Request-Id")
			}
		})
	}
}

// Calls that are refused together are all corrected, not only the first.
func TestClockSkewOfManyCalls(t *testing.T) {
	client, _ := setup(t, jokul.WithClock(func() time.Time { return time.Now().Add(-2 * time.Hour) }), jokul.WithRetries(0))
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			if _, err := client.CheckStatus(t.Context(), "WJ-NOBODY-1"); !jokul.IsNotFound(err) {
				t.Errorf("got %v, want not found", err)
			}
		})
	}
	all.Wait()
}

// Where the gateway's own clock is the one that is off, there is no second round.
func TestClockSkewIsNotChasedForEver(t *testing.T) {
	var kept calls
	gateway, err := sandbox.Open(sandbox.Config{ClientID: testClientID, SecretKey: testSecret,
		Now: func() time.Time { return time.Now().Add(5 * time.Hour) }})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(gateway) // its Date header tells the true time
	defer server.Close()
	client := newClient(t, jokul.WithBaseURL(server.URL), jokul.WithObserver(kept.observe),
		jokul.WithClock(func() time.Time { return time.Now().Add(-5 * time.Hour) }))
	_, err = client.GeneratePaymentCode(t.Context(), prepare(t, client, request()))
	var e *jokul.Error
	if !errors.As(err, &e) || e.Outcome != jokul.OutcomeMisconfigured || e.Code != jokul.CodeTimeOutOfRange || len(kept.seen) != 2 {
		t.Errorf("got %v after %d sends, want %s after 2", err, len(kept.seen), jokul.CodeTimeOutOfRange)
	}
}

// What one call's observer is told, the client's own is not; the rest the two clients share, the gateway's time among it.
func TestObservedBy(t *testing.T) {
	var own, one calls
	client, _ := setup(t, jokul.WithObserver(own.observe), jokul.WithClock(func() time.Time { return time.Now().Add(-2 * time.Hour) }))
	p := prepare(t, client, request())
	if _, err := client.ObservedBy(one.observe).GeneratePaymentCode(t.Context(), p); err != nil {
		t.Fatal(err)
	}
	if got := statuses(one.seen); len(own.seen) != 0 || !slices.Equal(got, []int{http.StatusBadRequest, http.StatusOK}) {
		t.Errorf("its observer was told of %v, the client's of %d calls", got, len(own.seen))
	}
	if _, err := client.CheckStatus(t.Context(), p.RequestID); err != nil {
		t.Fatal(err)
	}
	if got := statuses(own.seen); len(one.seen) != 2 || !slices.Equal(got, []int{http.StatusOK}) {
		t.Errorf("the client's observer was told of %v, the other of %d calls", got, len(one.seen))
	}
}

func statuses(list []jokul.Exchange) []int {
	var codes []int
	for _, x := range list {
		codes = append(codes, x.Status)
	}
	return codes
}
