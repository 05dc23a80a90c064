package models

import (
	"bytes"
	"errors"
	"sync"
	"testing"
	"time"
)

// A session is good for its credential alone, and ends with it, by itself, or with all others.
func TestSessions(t *testing.T) {
	s, clock := openStore(t)
	ctx := t.Context()
	open := func(credential string) string {
		t.Helper()
		secret, err := s.OpenSession(ctx, credential, time.Hour)
		if err != nil {
			t.Fatal(err)
		}
		return secret
	}
	in := func(secret, credential string) bool {
		t.Helper()
		in, err := s.InSession(ctx, secret, credential)
		if err != nil {
			t.Fatal(err)
		}
		return in
	}
	old, one, two := open("old"), open("new"), open("new")
	if !in(old, "old") || in(old, "new") || !in(one, "new") || in("made up", "new") {
		t.Error("a session is good for another credential, or not for its own")
	}
	if err := s.CloseOtherSessions(ctx, "new"); err != nil || in(old, "old") || !in(one, "new") {
		t.Errorf("another credential: %v", err)
	}
	if err := s.CloseSession(ctx, one); err != nil || in(one, "new") || !in(two, "new") {
		t.Errorf("one signs out: %v", err)
	}
	if err := s.CloseSessions(ctx); err != nil || in(two, "new") {
		t.Errorf("all sign out: %v", err)
	}
	last := open("new")
	clock.advance(time.Hour)
	if in(last, "new") {
		t.Error("a session does not end by itself")
	}
}

// Shops that start at once with one password have one hash of it, at the next start too. Another
// password has another.
func TestPasswordHash(t *testing.T) {
	s, _ := openStore(t)
	made := byte('a')
	var mu sync.Mutex
	hash := func(password string) []byte { // a made-up hash: the password, and a salt
		got, err := s.PasswordHash(t.Context(), func(hash []byte) bool { return bytes.HasPrefix(hash, []byte(password)) },
			func() ([]byte, error) {
				mu.Lock()
				defer mu.Unlock()
				made++
				return append([]byte(password), made), nil
			})
		if err != nil {
			t.Error(err)
		}
		return got
	}
	var all sync.WaitGroup
	hashes := make([][]byte, 8)
	for i := range hashes {
		all.Go(func() { hashes[i] = hash("first") })
	}
	all.Wait()
	for _, h := range append(hashes, hash("first")) {
		if !bytes.Equal(h, hashes[0]) || len(h) == 0 {
			t.Errorf("one password has the hashes %q and %q", hashes[0], h)
		}
	}
	second := hash("second")
	if again := hash("second"); !bytes.Equal(again, second) || bytes.Equal(second, hashes[0]) {
		t.Errorf("another password has %q, then %q", second, again)
	}
	broken := errors.New("no entropy")
	_, err := s.PasswordHash(t.Context(), func([]byte) bool { return false }, func() ([]byte, error) { return nil, broken })
	if !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
}
