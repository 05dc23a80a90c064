package payments

import (
	"context"
	"errors"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"warungjokul/jokul"
	"warungjokul/jokul/sandbox"
	"warungjokul/models"
	"warungjokul/payments/testgateway"
)

// Payments whose code may have been paid are checked, the latest first, and three at most.
func TestUnsettled(t *testing.T) {
	var o models.Order
	for i, state := range []models.PaymentState{models.PaymentExpired, models.PaymentExpired, models.PaymentFailed, models.PaymentPaid,
		models.PaymentCreating, models.PaymentExpired, models.PaymentPending} {
		o.Payments = append(o.Payments, models.Payment{ID: int64(i), State: state})
	}
	var ids []int64
	for _, p := range Unsettled(o) {
		ids = append(ids, p.ID)
	}
	if len(ids) != 3 || ids[0] != 6 || ids[1] != 5 || ids[2] != 1 {
		t.Errorf("got %v, want 6, 5 and 1", ids)
	}
	o.Test = true
	if list := Unsettled(o); len(list) != 0 {
		t.Errorf("of a test order %d are checked", len(list))
	}
}

// A shopper who presses again at once is told to wait, and the gateway is not asked.
func TestCheckOrderTooSoon(t *testing.T) {
	e := newEnv(t)
	e.CheckInterval = 10 * time.Second
	o := e.get(e.order("MNM-TEH"))
	for press, want := range []bool{true, false} {
		if granted, err := e.CheckOrder(t.Context(), o); granted != want || err != nil {
			t.Errorf("press %d: %v, %v", press+1, granted, err)
		}
	}
	if n := e.gateway.StatusQueries(o.Payment().InvoiceNumber); n != 1 {
		t.Errorf("asked %d times", n)
	}
}

// What the gateway answered, and that it did not, is saved and shown.
func TestAnswersAreSaved(t *testing.T) {
	e := newEnv(t)
	token := e.order("MNM-TEH")
	for _, step := range []struct {
		fault  func(*sandbox.Faults)
		status string
		failed bool
	}{{noFault, "PENDING", false}, {answer(sandbox.Answer500), NoAnswer, true}, {noFault, "PENDING", false}} {
		e.gateway.SetFault(step.fault)
		changed := e.changed.Load()
		e.check(token)
		p := e.payment(token)
		if p.CheckedStatus != step.status || p.CheckedAt == nil || (p.LastError != "") != step.failed {
			t.Errorf("saved %q at %v, error %q; want %q", p.CheckedStatus, p.CheckedAt, p.LastError, step.status)
		}
		if n := e.changed.Load() - changed; n != 1 {
			t.Errorf("the pages were told %d times", n)
		}
	}
	if e.logged("unknown transaction status") {
		t.Error("PENDING is logged as unknown")
	}
}

// A status that nobody knows is a line in the log, and changes nothing.
func TestUnknownStatus(t *testing.T) {
	e := newEnv(t)
	token := e.order("MNM-TEH")
	server := httptest.NewServer(statusOnly{e, e.payment(token).Code, "NEW"})
	t.Cleanup(server.Close)
	client, err := jokul.New(testgateway.ClientID, testgateway.SecretKey, jokul.WithBaseURL(server.URL), jokul.WithClock(e.clock.Now), jokul.WithRetries(0))
	if err != nil {
		t.Fatal(err)
	}
	e.Gateway = client
	e.check(token)
	if p := e.payment(token); p.State != models.PaymentPending || p.CheckedStatus != "NEW" || !e.logged("unknown transaction status") {
		t.Errorf("payment %s, answer %q", p.State, p.CheckedStatus)
	}
}

// Run obtains the code of an order whose process died before it asked, and ends with its
// context.
func TestRun(t *testing.T) {
	e := newEnv(t)
	o := e.place("MNM-TEH")
	e.clock.Advance(time.Minute) // the lease of the process that died is over
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan bool)
	go func() { e.Run(ctx); close(ended) }()
	for begun := time.Now(); e.payment(o.Token).State != models.PaymentPending; {
		if time.Since(begun) > time.Minute {
			t.Fatal("no code after a minute")
		}
	}
	stop()
	<-ended
}

// A worker sleeps until its next task, a minute at most, and five seconds after trouble.
func TestUntil(t *testing.T) {
	now := time.Date(2026, 11, 24, 3, 0, 0, 0, time.UTC)
	for name, tt := range map[string]struct {
		next    time.Time
		trouble bool
		want    time.Duration
	}{
		"nothing":       {time.Time{}, false, time.Minute},
		"soon":          {now.Add(3 * time.Second), false, 3 * time.Second},
		"late":          {now.Add(time.Hour), false, time.Minute},
		"overdue":       {now.Add(-time.Hour), false, time.Millisecond},
		"trouble":       {now, true, 5 * time.Second},
		"trouble alone": {time.Time{}, true, 5 * time.Second},
	} {
		if got := Until(tt.next, now, tt.trouble); got != tt.want {
			t.Errorf("%s: %s, want %s", name, got, tt.want)
		}
	}
}

// What is under way outlives a stop, and its own timeout bounds it.
func TestWithGrace(t *testing.T) {
	stopping, stop := context.WithCancel(t.Context())
	stop()
	call, end := WithGrace(stopping, time.Hour)
	if call.Err() != nil {
		t.Error("a stop ends it at once")
	}
	end()
	if !errors.Is(call.Err(), context.Canceled) {
		t.Errorf("ended by %v", call.Err())
	}
	short, end := WithGrace(t.Context(), time.Nanosecond)
	defer end()
	<-short.Done()
	if err := short.Err(); err == nil || !strings.Contains(err.Error(), "deadline") {
		t.Errorf("ended by %v", err)
	}
}
