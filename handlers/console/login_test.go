package console

import (
	"fmt"
	"testing"

	"warungjokul/payments/testgateway"
)

// Each address has a few tries, and all strangers together some more. Neither touches those
// who have signed in before: their browsers and their addresses have tries of their own.
func TestLoginTries(t *testing.T) {
	clock := testgateway.NewClock()
	l := newLogins(clock.Now)
	l.remember("198.51.100.7")
	admitted := func(tries int, device, address func(int) string) (n int) {
		for i := range tries {
			if _, ok := l.admit(device(i), address(i), true); ok {
				n++
			}
		}
		return n
	}
	always := func(s string) func(int) string { return func(int) string { return s } }
	each := func(s string) func(int) string { return func(i int) string { return fmt.Sprint(s, i) } }
	if n := admitted(100, always(""), always("203.0.113.1")); n != LoginTries {
		t.Errorf("one address: %d tries, want %d", n, LoginTries)
	}
	if n := admitted(500, always(""), each("203.0.113.")); n > strangersTries || n < strangersTries-LoginTries {
		t.Errorf("500 addresses: %d tries, want no more than %d with the first", n, strangersTries)
	}
	if n := admitted(100, always("a device"), each("203.0.113.")); n != LoginTries {
		t.Errorf("a browser that has signed in before: %d tries, want %d", n, LoginTries)
	}
	if n := admitted(100, always(""), always("198.51.100.7")); n != LoginTries {
		t.Errorf("an address that has signed in before: %d tries, want %d", n, LoginTries)
	}
	clock.Advance(knownFor)
	if l.knows("198.51.100.7") {
		t.Error("an address is known for ever")
	}
	for i := range 2 * maxKnown {
		l.remember(fmt.Sprint(i))
	}
	if len(l.known) != maxKnown || !l.knows(fmt.Sprint(2*maxKnown-1)) {
		t.Errorf("%d addresses are known, want %d and the latest among them", len(l.known), maxKnown)
	}
	for range 100 {
		if _, ok := l.admit("", "203.0.113.1", false); !ok {
			t.Fatal("a try is refused where limits are lifted")
		}
	}
}
