package handlers

import (
	"context"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
)

// Pages that are told at once do not all look at once: others' requests need the
// database too.
func TestFewStreamsLookAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const pages = 4 * maxLooking
		h := &Handler{streams: newStreams()}
		var inside, looks atomic.Int64
		leave := make(chan struct{})
		look := func(context.Context) (glimpse, error) {
			inside.Add(1)
			<-leave
			inside.Add(-1)
			looks.Add(1)
			return glimpse{seen: "news", last: true}, nil
		}
		var following sync.WaitGroup
		for range pages {
			one, end, refused := h.streams.watch("token", "")
			if refused != "" {
				t.Fatal("no room")
			}
			shop, browser := net.Pipe()
			h.streams.connect(one, shop)
			go func() { // the browser takes what is sent
				for err := error(nil); err == nil; _, err = browser.Read(make([]byte, 100)) {
				}
			}()
			following.Go(func() {
				defer end()
				defer shop.Close()
				h.follow(t.Context(), one, glimpse{seen: "first"}, []byte("data: first\n\n"), look)
			})
		}
		synctest.Wait()
		h.streams.tell("token")
		for looked := range int64(pages) {
			synctest.Wait() // until nobody can go on
			if n, most := inside.Load(), min(maxLooking, pages-looked); n != most {
				t.Fatalf("%d look at once after %d have looked, want %d", n, looked, most)
			}
			leave <- struct{}{}
		}
		following.Wait()
	})
}
