package web

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"warungjokul/views"
)

// Many who ask at once have one made; one that cannot be made is not kept.
func TestKept(t *testing.T) {
	now := time.Now()
	k := Cache[int]{Now: func() time.Time { return now }}
	made := 0
	make := func() (int, error) {
		return k.Get(t.Context(), "n", func(context.Context) (int, error) {
			if made++; made == 1 {
				return 0, errors.New("away")
			}
			return made, nil
		})
	}
	if _, err := make(); err == nil {
		t.Fatal("no error")
	}
	var all sync.WaitGroup
	for range 50 {
		all.Go(func() {
			if n, err := make(); n != 2 || err != nil {
				t.Errorf("got %d, %v", n, err)
			}
		})
	}
	all.Wait()
	now = now.Add(cacheAge)
	if n, _ := make(); n != 3 {
		t.Errorf("kept too long: got %d", n)
	}
	for i := range 3 * maxCached {
		_, _ = k.Get(t.Context(), strings.Repeat("x", i), func(context.Context) (int, error) { return i, nil })
	}
	if len(k.entries) > maxCached {
		t.Errorf("%d things are kept", len(k.entries))
	}
}

// Every visitor may say differently what languages he reads, and at any length.
func TestAcceptedIsBounded(t *testing.T) {
	var a Accepted
	for i := range 3 * maxAccepted {
		if got := a.lang(fmt.Sprintf("en;q=0.%03d, id;q=0.1", i%1000)); i%1000 > 100 && got != views.English {
			t.Fatalf("%d: %s", i, got)
		}
		a.lang(fmt.Sprint("en-x-", i))
		a.lang(strings.Repeat("id, ", MaxAcceptedLength) + fmt.Sprint(i))
	}
	if len(a.langs) == 0 || len(a.langs) > maxAccepted {
		t.Errorf("%d are remembered", len(a.langs))
	}
	for header := range a.langs {
		if len(header) > MaxAcceptedLength {
			t.Errorf("one of %d bytes is remembered", len(header))
		}
	}
}
