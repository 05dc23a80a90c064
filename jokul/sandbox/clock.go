package sandbox

import (
	"errors"
	"fmt"
	"time"

	"warungjokul/jokul"
)

// maxOffset keeps dates within what time.Duration and four-digit years can hold.
const maxOffset = 200 * 365 * 24 * time.Hour

// wib is the zone of the gateway's compact dates and of every till on Java.
var wib = time.FixedZone("WIB", 7*60*60)

// Advance moves the sandbox's clock forward by d and returns the new time.
// Codes expire and deliveries fall due as if the time had passed.
//
// Signed headers stay on wall time: the 3600 s window and the stamps of replies
// and notifications compare with the merchant's clock, which nobody moved.
func (s *Server) Advance(d time.Duration) (time.Time, error) {
	if d < 0 {
		return time.Time{}, errors.New("the clock only moves forward")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if d > maxOffset-time.Duration(s.state.offset) {
		return time.Time{}, fmt.Errorf("the clock may be at most %s ahead", maxOffset)
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
