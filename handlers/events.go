package handlers

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"runtime/debug"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/labstack/echo/v4"
	"golang.org/x/time/rate"
)

// heartbeat keeps proxies from closing a quiet stream.
const heartbeat = 15 * time.Second

// streams knows who is watching which order.
type streams struct {
	mu       sync.Mutex
	open     int
	watchers map[string][]*stream
	clients  map[string]int // open streams by client, where they are bounded
	closed   bool
	looking  chan struct{}  // holds one for each that looks
	beat     time.Duration  // the longest a stream waits before it looks by itself
	refused  rate.Sometimes // bounds the log lines strangers can cause
}

// stream is a page that is told of changes. It waits in one place, for its browser
// to leave, and who has something to tell cuts that short.
type stream struct {
	conn net.Conn    // nil until there is one; streams' mu guards it
	told atomic.Bool // of something that was not looked at yet
}

// maxLooking is how many streams may look at their orders at once. Many open pages
// have a beat in common; others' requests are not to stand in line behind them.
const maxLooking = 3

func newStreams() *streams {
	return &streams{watchers: map[string][]*stream{}, clients: map[string]int{}, looking: make(chan struct{}, maxLooking),
		beat: heartbeat, refused: rate.Sometimes{First: 10, Interval: time.Second}}
}

// watch returns a stream that is told of changes from now on, and what ends it.
// There is none where refused names the reason. A client without a name is not
// bounded.
func (s *streams) watch(token, client string) (one *stream, end func(), refused string) {
	one = &stream{}
	s.mu.Lock()
	defer s.mu.Unlock()
	if reason := s.full(token, client); reason != "" {
		return nil, nil, reason
	}
	s.open++
	s.watchers[token] = append(s.watchers[token], one)
	if client != "" {
		s.clients[client]++
	}
	return one, func() { s.end(token, client, one) }, ""
}

func (s *streams) end(token, client string, one *stream) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.open--
	s.watchers[token] = slices.DeleteFunc(s.watchers[token], func(other *stream) bool { return other == one })
	if len(s.watchers[token]) == 0 {
		delete(s.watchers, token)
	}
	if s.clients[client]--; s.clients[client] <= 0 {
		delete(s.clients, client)
	}
}

// connect gives a stream its connection.
func (s *streams) connect(one *stream, conn net.Conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	one.conn = conn
	if s.closed {
		_ = conn.Close()
	}
}

// tell tells all who watch an order, or any order when the token is empty. It
// never waits: who is told looks at what is there then.
func (s *streams) tell(token string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if token != "" {
		wake(s.watchers[token])
		return
	}
	for _, watchers := range s.watchers {
		wake(watchers)
	}
}

var longAgo = time.Unix(1, 0)

func wake(watchers []*stream) {
	for _, one := range watchers {
		one.told.Store(true)
		if one.conn != nil {
			_ = one.conn.SetReadDeadline(longAgo)
		}
	}
}

// wait waits for something to look at: until the stream is told, or the next beat.
// It reports whether the browser is still there.
func (one *stream) wait(beat time.Duration) bool {
	_ = one.conn.SetReadDeadline(time.Now().Add(beat))
	if !one.told.Load() { // who tells now moves the deadline after us
		var none [1]byte // browsers say nothing more
		if _, err := one.conn.Read(none[:]); !errors.Is(err, os.ErrDeadlineExceeded) {
			return false
		}
	}
	one.told.Store(false)
	return true
}

// send sends something, which the browser has to take in time.
func (one *stream) send(text []byte) error {
	_ = one.conn.SetWriteDeadline(time.Now().Add(2 * heartbeat))
	_, err := one.conn.Write(text)
	return err
}

// count is how many pages are watched.
func (s *streams) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.open
}

// close ends all streams, and those that come.
func (s *streams) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	for _, watchers := range s.watchers {
		for _, one := range watchers {
			if one.conn != nil {
				_ = one.conn.Close()
			}
		}
	}
}

// orderEvents streams an order's status: now, at each change, and no more once
// it cannot change by itself.
func (h *Handler) orderEvents(c echo.Context) error {
	token := c.Param("token")
	return h.stream(c, token, func(ctx context.Context) (glimpse, error) {
		o, err := h.Store.Order(ctx, token)
		if err != nil {
			return glimpse{}, fmt.Errorf("order: %w", err)
		}
		return glimpse{seen: string(o.Glance()), status: h.statusOf(o), last: !live(o, h.Now())}, nil
	})
}

// glimpse is what a stream sees when it looks.
type glimpse struct {
	seen   string // differs when there is something new
	status any    // to be sent then
	last   bool   // nothing will be new any more
}

// stream looks now, and each time an order changes, and sends what is new, until
// it has seen the last of it. It is counted before it looks, so no more wait for
// their first look than may have a stream.
func (h *Handler) stream(c echo.Context, token string, look func(context.Context) (glimpse, error)) error {
	who := ""
	if h.RateLimit {
		who = client(c.RealIP())
	}
	one, end, refused := h.streams.watch(token, who)
	if refused != "" {
		return h.refuseStream(c, refused)
	}
	now, event, err := h.streams.look(c.Request().Context(), look)
	if err == nil {
		err = h.takeOver(c, one)
	}
	if err != nil {
		end()
		return err
	}
	ctx := context.WithoutCancel(c.Request().Context()) // it lasts for longer than the request
	go func() {
		defer one.conn.Close()
		defer end()
		h.follow(ctx, one, now, event, look)
	}()
	return nil
}

// takeOver takes the connection from the server and answers that events follow,
// for as long as it lasts. What serving takes, buffers, stacks, all that is known
// of the request, would stay with each of thousands of streams.
func (h *Handler) takeOver(c echo.Context, one *stream) error {
	header := c.Response().Header()
	header.Set(echo.HeaderContentType, "text/event-stream")
	header.Set(echo.HeaderCacheControl, "no-store")
	header.Set("X-Accel-Buffering", "no") // nginx would hold events back
	header.Set(echo.HeaderConnection, "close")
	header.Set("Date", time.Now().UTC().Format(http.TimeFormat))
	conn, w, err := c.Response().Hijack()
	if err != nil {
		return fmt.Errorf("stream: %w", err)
	}
	h.streams.connect(one, conn)
	fmt.Fprint(w, "HTTP/1.1 200 OK\r\n")
	_ = header.Write(w)
	fmt.Fprint(w, "\r\n")
	_ = w.Flush() // who has left already is noticed when he is told something
	return nil
}

// follow sends what is new until the browser leaves. What is told more than once
// is sent once. At each beat, too, is looked whether there is anything new: a shop
// that was killed just after it had kept a change tells nobody of it.
func (h *Handler) follow(ctx context.Context, one *stream, now glimpse, event []byte, look func(context.Context) (glimpse, error)) {
	for sent := ""; ; {
		if now.seen == sent {
			event = []byte(": still here\n\n")
		}
		sent = now.seen
		if err := one.send(event); err != nil || now.last || !one.wait(h.streams.beat) {
			return // the shopper left, or has seen it all
		}
		var err error
		if now, event, err = h.streams.look(ctx, look); err != nil {
			h.Log.ErrorContext(ctx, "stream", "error", err)
			return
		}
	}
}

// look looks once it is its turn, for the first time as for all later ones.
func (s *streams) look(ctx context.Context, look func(context.Context) (glimpse, error)) (now glimpse, event []byte, err error) {
	select {
	case s.looking <- struct{}{}:
	case <-ctx.Done():
		return now, nil, ctx.Err()
	}
	defer func() { <-s.looking }()
	return aside(ctx, look)
}

// aside looks, in bounded time, and makes an event of what it sees: on a stack of
// its own, for the room that takes would otherwise stay with each of thousands of
// streams for as long as they last.
func aside(ctx context.Context, look func(context.Context) (glimpse, error)) (now glimpse, event []byte, err error) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer func() {
			if p := recover(); p != nil {
				err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
			}
		}()
		ctx, cancel := context.WithTimeout(ctx, requestTimeout)
		defer cancel()
		if now, err = look(ctx); err != nil {
			return
		}
		var text []byte
		text, err = json.Marshal(now.status)
		event = fmt.Appendf(nil, "event: status\ndata: %s\n\n", text)
	}()
	<-done
	return now, event, err
}
