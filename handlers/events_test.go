package handlers

import (
	"fmt"
	"testing"
)

// Strangers can open streams: there is an end to it, and room again afterwards.
func TestStreamsAreBounded(t *testing.T) {
	s := newStreams()
	var ends []func()
	for i := range maxStreams {
		_, end, ok := s.watch(fmt.Sprint(i % 7))
		if !ok {
			t.Fatalf("no room after %d", i)
		}
		ends = append(ends, end)
	}
	if _, _, ok := s.watch("one more"); ok {
		t.Error("there is no end to it")
	}
	for _, end := range ends {
		end()
	}
	if _, _, ok := s.watch("one more"); !ok || len(s.watchers) != 1 {
		t.Errorf("room afterwards: %v, %d orders are watched", ok, len(s.watchers))
	}
}
