package web

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

// Streams are the open event streams, by the order they are about.
type Streams struct {
	mu          sync.Mutex
	open        int
	subscribers map[string][]*stream
	clients     map[string]int // open streams by client, where they are bounded
	closed      bool
	fetching    chan struct{}  // holds one for each that looks
	Beat        time.Duration  // the longest a stream waits before it looks by itself
	Refused     rate.Sometimes // bounds the log lines strangers can cause
}

// stream is one open page. It blocks on reading from its browser, which says nothing more:
// the read ends when the browser leaves, at the heartbeat, or when publish moves the deadline.
type stream struct {
	conn    net.Conn    // nil until there is one; streams' mu guards it
	pending atomic.Bool // of something that was not looked at yet
}

// MaxFetching is how many streams may fetch their orders at once. Thousands of open pages
// have the same heartbeat; other requests must not queue behind them.
const MaxFetching = 3

// NewStreams returns Streams without any.
func NewStreams() *Streams {
	return &Streams{subscribers: map[string][]*stream{}, clients: map[string]int{}, fetching: make(chan struct{}, MaxFetching),
		Beat: heartbeat, Refused: rate.Sometimes{First: 10, Interval: time.Second}}
}

// Subscribe returns a stream that is notified of changes from now on, and a function that ends it. It
// returns none where refused names the reason. A client without a name is not bounded.
func (s *Streams) Subscribe(token, client string) (one *stream, end func(), refused string) {
	one = &stream{}
	s.mu.Lock()
	defer s.mu.Unlock()
	if reason := s.full(token, client); reason != "" {
		return nil, nil, reason
	}
	s.open++
	s.subscribers[token] = append(s.subscribers[token], one)
	if client != "" {
		s.clients[client]++
	}
	return one, func() { s.unsubscribe(token, client, one) }, ""
}

func (s *Streams) unsubscribe(token, client string, one *stream) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.open--
	s.subscribers[token] = slices.DeleteFunc(s.subscribers[token], func(other *stream) bool { return other == one })
	if len(s.subscribers[token]) == 0 {
		delete(s.subscribers, token)
	}
	if s.clients[client]--; s.clients[client] <= 0 {
		delete(s.clients, client)
	}
}

// connect gives a stream its connection.
func (s *Streams) connect(one *stream, conn net.Conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	one.conn = conn
	if s.closed {
		_ = conn.Close()
	}
}

// Publish wakes the streams of an order, or all streams where the token is empty. It never
// blocks: a stream fetches what is there by then.
func (s *Streams) Publish(token string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if token != "" {
		wakeAll(s.subscribers[token])
		return
	}
	for _, watchers := range s.subscribers {
		wakeAll(watchers)
	}
}

var longAgo = time.Unix(1, 0)

func wakeAll(watchers []*stream) {
	for _, one := range watchers {
		one.pending.Store(true)
		if one.conn != nil {
			_ = one.conn.SetReadDeadline(longAgo)
		}
	}
}

// wait returns when the stream is notified of a change, or after a heartbeat. It reports whether the browser is still
// connected.
func (one *stream) wait(beat time.Duration) bool {
	_ = one.conn.SetReadDeadline(time.Now().Add(beat))
	if !one.pending.Load() { // a notification from now on moves the deadline again
		var none [1]byte // browsers say nothing more
		if _, err := one.conn.Read(none[:]); !errors.Is(err, os.ErrDeadlineExceeded) {
			return false
		}
	}
	one.pending.Store(false)
	return true
}

// send writes an event. A browser that does not read it within two heartbeats is given up.
func (one *stream) send(text []byte) error {
	_ = one.conn.SetWriteDeadline(time.Now().Add(2 * heartbeat))
	_, err := one.conn.Write(text)
	return err
}

// Count returns the number of open streams.
func (s *Streams) Count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.open
}

// Close ends all streams and refuses new ones.
func (s *Streams) Close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	for _, watchers := range s.subscribers {
		for _, one := range watchers {
			if one.conn != nil {
				_ = one.conn.Close()
			}
		}
	}
}

// EventsHeader sets the headers of an event stream.
func EventsHeader(header http.Header) {
	header.Set(echo.HeaderContentType, "text/event-stream")
	header.Set(echo.HeaderCacheControl, "no-store")
	header.Set("X-Accel-Buffering", "no") // nginx would hold events back
}

// Snapshot is the state that a stream sends.
type Snapshot struct {
	Version string // differs when there is something new
	Status  any    // to be sent then
	Final   bool   // nothing will be new any more
}

// Stream answers with events: the snapshot of now, and each new one until a final one. The
// stream is counted before its first fetch, so no more wait for that than may have a stream.
func (h *App) Stream(c echo.Context, token string, look func(context.Context) (Snapshot, error)) error {
	who := ""
	if h.RateLimit {
		who = Client(c.RealIP())
	}
	one, end, refused := h.Streams.Subscribe(token, who)
	if refused != "" {
		return h.refuseStream(c, refused)
	}
	now, event, err := h.Streams.fetch(c.Request().Context(), look)
	if err == nil {
		err = h.hijack(c, one)
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

// hijack takes the connection from the server and answers that events follow. The server's
// buffers, its stack and all it knows of the request would otherwise stay with each of
// thousands of streams.
func (h *App) hijack(c echo.Context, one *stream) error {
	header := c.Response().Header()
	EventsHeader(header)
	header.Set(echo.HeaderConnection, "close")
	header.Set("Date", time.Now().UTC().Format(http.TimeFormat))
	conn, w, err := c.Response().Hijack()
	if err != nil {
		return fmt.Errorf("stream: %w", err)
	}
	h.Streams.connect(one, conn)
	fmt.Fprint(w, "HTTP/1.1 200 OK\r\n")
	_ = header.Write(w)
	fmt.Fprint(w, "\r\n")
	_ = w.Flush() // a browser that has left is noticed at the first event
	return nil
}

// follow sends each new snapshot until the browser leaves. It fetches at each heartbeat, too, because a process that
// was killed just after a commit has published nothing.
func (h *App) follow(ctx context.Context, one *stream, now Snapshot, event []byte, look func(context.Context) (Snapshot, error)) {
	for sent := ""; ; {
		if now.Version == sent {
			event = []byte(": still here\n\n")
		}
		sent = now.Version
		if err := one.send(event); err != nil || now.Final || !one.wait(h.Streams.Beat) {
			return // the shopper left, or nothing can change any more
		}
		var err error
		if now, event, err = h.Streams.fetch(ctx, look); err != nil {
			h.Log.ErrorContext(ctx, "stream", "error", err)
			return
		}
	}
}

// fetch fetches a snapshot and encodes it as an event. A semaphore bounds how many do so at once.
func (s *Streams) fetch(ctx context.Context, look func(context.Context) (Snapshot, error)) (now Snapshot, event []byte, err error) {
	select {
	case s.fetching <- struct{}{}:
	case <-ctx.Done():
		return now, nil, ctx.Err()
	}
	defer func() { <-s.fetching }()
	return fetchApart(ctx, look)
}

// fetchApart fetches on a goroutine of its own, so that the stacks of idle streams stay
// small.
func fetchApart(ctx context.Context, look func(context.Context) (Snapshot, error)) (now Snapshot, event []byte, err error) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer func() {
			if p := recover(); p != nil {
				err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
			}
		}()
		ctx, cancel := context.WithTimeout(ctx, RequestTimeout)
		defer cancel()
		if now, err = look(ctx); err != nil {
			return
		}
		var text []byte
		text, err = json.Marshal(now.Status)
		event = fmt.Appendf(nil, "event: status\ndata: %s\n\n", text)
	}()
	<-done
	return now, event, err
}
