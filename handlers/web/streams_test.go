package web

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
		const pages = 4 * MaxFetching
		h := &App{Streams: NewStreams()}
		var inside, looks atomic.Int64
		leave := make(chan struct{})
		look := func(context.Context) (Snapshot, error) {
			inside.Add(1)
			<-leave
			inside.Add(-1)
			looks.Add(1)
			return Snapshot{Version: "news", Final: true}, nil
		}
		var following sync.WaitGroup
		for range pages {
			one, end, refused := h.Streams.Subscribe("token", "")
			if refused != "" {
				t.Fatal("no room")
			}
			shop, browser := net.Pipe()
			h.Streams.connect(one, shop)
			go func() { // the browser takes what is sent
				for err := error(nil); err == nil; _, err = browser.Read(make([]byte, 100)) {
				}
			}()
			following.Go(func() {
				defer end()
				defer shop.Close()
				h.follow(t.Context(), one, Snapshot{Version: "first"}, []byte("data: first\n\n"), look)
			})
		}
		synctest.Wait()
		h.Streams.Publish("token")
		for looked := range int64(pages) {
			synctest.Wait() // until nobody can go on
			if n, most := inside.Load(), min(MaxFetching, pages-looked); n != most {
				t.Fatalf("%d look at once after %d have looked, want %d", n, looked, most)
			}
			leave <- struct{}{}
		}
		following.Wait()
	})
}
