package payments

import (
	"time"

	"warungjokul/models"
)

// The longest gaps between two calls about a payment: while it has no code (the
// longest backoff, rounded up), while it may be paid, and after its deadline, where
// resendTimes has no gap that is longer.
const (
	longestCreating = 40 * time.Second
	longestPending  = 30 * time.Minute
	longestOver     = 6 * time.Hour
)

// nextCheck returns when the gateway is asked about a payment next, zero for never.
func nextCheck(p models.Payment, now time.Time) time.Time {
	var issued, expires time.Time
	if p.CodeIssuedAt != nil {
		issued = *p.CodeIssuedAt
	}
	if p.ExpiresAt != nil {
		expires = *p.ExpiresAt
	}
	switch ended := !now.Before(expires); {
	case p.State == models.PaymentExpired, p.State == models.PaymentPaid && ended:
		return nextLateCheck(expires, now)
	case p.State == models.PaymentPaid && !p.Reusable:
		return time.Time{}
	}
	next := nextPendingCheck(issued, expires, now)
	if p.AskedAt != nil && now.Sub(*p.AskedAt) < models.Settling && next.After(now.Add(models.Settling)) {
		next = now.Add(models.Settling) // the shopper says to have paid
	}
	return next
}

// nextPendingCheck returns when the gateway is asked about a code that may still
// be paid. The gaps grow with the code's age, from 3 to 30 minutes. A minute after
// the deadline comes the check that ends it. If that gets no answer, others
// follow, ever rarer.
func nextPendingCheck(issued, expires, now time.Time) time.Time {
	confirm := expires.Add(models.Settling)
	if !now.Before(confirm) {
		return now.Add(clamp(now.Sub(confirm), models.Settling, longestOver))
	}
	next := now.Add(clamp(now.Sub(issued), 3*time.Minute, longestPending))
	if next.After(confirm) {
		return confirm
	}
	return next
}

// resendTimes is when the gateway sends a notification again that was not taken,
// counted from the first (docs/protocol.md section 7; the last two are the two
// readings of its third retry). Money that came at the deadline is told of then, if
// ever, so an expired code is checked at the same times.
func resendTimes() []time.Duration {
	return []time.Duration{30 * time.Minute, 6 * time.Hour, 12 * time.Hour, 17*time.Hour + 30*time.Minute}
}

// nextLateCheck returns the next of these times after the deadline, zero after the
// last.
func nextLateCheck(expires, now time.Time) time.Time {
	for _, after := range resendTimes() {
		if next := expires.Add(after + models.Settling); next.After(now) {
			return next
		}
	}
	return time.Time{}
}

func clamp(d, least, most time.Duration) time.Duration { return min(max(d, least), most) }
