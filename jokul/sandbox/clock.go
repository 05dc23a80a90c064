package sandbox

import (
	"errors"
	"fmt"
	"time"

	"warungjokul/jokul"
)

const (
	// maxStep is how far one step moves the clock: codes, retries and their rules are over within days.
	maxStep = 30 * 24 * time.Hour

	// maxOffset is how far the clock may be ahead in all. It never moves back, so that a slip must not cost the state.
	maxOffset = 366 * 24 * time.Hour
)

const day = 24 * time.Hour

// wib is the zone of the gateway's compact dates and of every till on Java.
var wib = time.FixedZone("WIB", 7*60*60)

// Advance moves the sandbox's clock forward by d and returns the new time.
// Codes expire and deliveries fall due as if the time had passed. It moves by 30 days
// at most, and is 366 days ahead at most.
//
// Signed headers stay on wall time: the 3600 s window and the stamps of replies
// and notifications compare with the merchant's clock, which nobody moved.
func (s *Server) Advance(d time.Duration) (time.Time, error) {
	if d < 0 {
		return time.Time{}, errors.New("the clock only moves forward")
	}
	if d > maxStep {
		return time.Time{}, fmt.Errorf("the clock moves at most %d days at a time", maxStep/day)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if ahead := time.Duration(s.state.offset); d > maxOffset-ahead {
		return time.Time{}, fmt.Errorf("the clock may be at most %d days ahead, and is %d now; a new state file begins at today",
			maxOffset/day, ahead/day)
	}
	offset := s.state.offset + Duration(d)
	if err := s.commit(change{Offset: &offset}); err != nil {
		return time.Time{}, err
	}
	s.wakeRun()
	return s.now(), nil
}

// now is the sandbox's own time: codes, payments and the retry timetable follow
// it. s.mu is held.
func (s *Server) now() time.Time {
	return s.cfg.Now().UTC().Add(time.Duration(s.state.offset))
}

// stamp is wall time as signed headers carry it.
func (s *Server) stamp() string { return s.cfg.Now().UTC().Format(jokul.TimestampLayout) }

func compactWIB(t time.Time) string { return t.In(wib).Format("20060102150405") }

func dateUTC(t time.Time) string { return t.UTC().Format(jokul.TimestampLayout) }
