package jokul

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strconv"
	"time"
)

// DefaultRetries is how often a call of unknown outcome is made again.
const DefaultRetries = 2

// MaxCallTime is the longest a call takes, its repeats, its pauses and its status
// queries included, whatever the timeout of the HTTP client.
const MaxCallTime = 30 * time.Second

const (
	firstPause = 300 * time.Millisecond
	maxPause   = 5 * time.Second
)

// WithRetries sets how often a call is made again when its outcome is unknown:
// no answer, half of one, a 5xx, a 429, an answer whose signature does not fit.
// The default is DefaultRetries; 0 leaves retrying to the caller.
//
// A repeated GeneratePaymentCode sends the same Request-Id and the same bytes
// under a fresh timestamp and signature, so it cannot make a second code. The
// pause before a repeat is 0.3 s, then twice the one before, at most 5 s, each
// shortened at random by up to half; a Retry-After of up to 5 s is kept to. The
// context's deadline, or MaxCallTime where that comes sooner, bounds it all: it
// ends a pause or a send at once, and no pause is begun that would outlast it.
// Beyond that it is for the caller to send the saved PreparedRequest again.
//
// Apart from this count, a call refused for its timestamp
// (CodeTimeOutOfRange) is sent again once under the gateway's time, which the
// client then keeps to; mend the clock all the same. And GeneratePaymentCode ends
// with up to two status queries where sending again did not tell the outcome.
// docs/protocol.md sections 2 and 9.
func WithRetries(n int) Option {
	return func(c *Client) error {
		if n < 0 || n > 10 {
			return fmt.Errorf("retries: %d is not within 0 to 10", n)
		}
		c.sends = 1 + n
		return nil
	}
}

// retry makes a call until its outcome is known or its sends are used up, and
// reports each one to the observer.
func retry[T any](ctx context.Context, c *Client, once func() (T, *Exchange, error)) (T, error) {
	corrected := false
	for sent := 1; ; sent++ {
		result, x, err := once()
		c.report(ctx, x, err)
		switch {
		case err == nil:
			return result, nil
		case !corrected && hasCode(err, CodeTimeOutOfRange) && c.correctClock(ctx, x):
			corrected = true
			sent-- // refused at the door: this one does not count
		case sent >= c.sends || !worthRepeating(err) || !pause(ctx, sent, x):
			return result, err
		}
	}
}

// worthRepeating reports whether the same call may end better. A Request-Id
// said to be used up will not: that calls for a status query.
func worthRepeating(err error) bool {
	var e *Error
	return errors.As(err, &e) && e.Outcome == OutcomeUnknown && e.Code != CodeIdempotentRequest
}

func hasCode(err error, codes ...string) bool {
	var e *Error
	return errors.As(err, &e) && slices.Contains(codes, e.Code)
}

// pauseAfter is how long to wait after so many sends, the last of which was
// answered with Retry-After: retryAfter, empty for none.
func pauseAfter(sent int, retryAfter string) time.Duration {
	wait := min(firstPause<<(sent-1), maxPause)
	wait -= rand.N(wait / 2)
	if after, err := strconv.Atoi(retryAfter); err == nil && after > 0 {
		wait = max(wait, time.Duration(min(after, int(maxPause/time.Second)))*time.Second)
	}
	return wait
}

// pause waits before the next send and reports whether there is to be one.
func pause(ctx context.Context, sent int, x *Exchange) bool {
	wait := pauseAfter(sent, x.ResponseHeader.Get("Retry-After"))
	if deadline, ok := ctx.Deadline(); ok && time.Until(deadline) <= wait {
		return false
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// correctClock takes over the gateway's time from the Date of its answer, if it
// has one.
func (c *Client) correctClock(ctx context.Context, x *Exchange) bool {
	date, err := http.ParseTime(x.ResponseHeader.Get("Date"))
	if err != nil {
		return false
	}
	skew := int64(date.Sub(c.now()) / time.Second)
	if c.skew.Swap(skew) != skew {
		c.log.WarnContext(ctx, "our clock is off; requests are stamped with the gateway's time", "seconds", skew)
	}
	return true
}

// stamp is the Request-Timestamp of a request sent now.
func (c *Client) stamp() string {
	return c.now().Add(time.Duration(c.skew.Load()) * time.Second).UTC().Format(TimestampLayout)
}
