package handlers

import (
	"encoding/json"
	"fmt"
	"net/http"
	"runtime/debug"
	"slices"
	"sync"
	"time"

	"github.com/labstack/echo/v4"

	"warungjokul/models"
)

// heartbeat keeps proxies from closing a quiet stream.
const heartbeat = 15 * time.Second

// maxStreams is how many pages may be watched at once. A page that may not be
// asks for its status now and then instead.
const maxStreams = 5000

// streams knows who is watching which order.
type streams struct {
	mu       sync.Mutex
	open     int
	watchers map[string][]chan struct{}
	closed   chan struct{}
	looking  chan struct{} // holds one for each that looks
}

// maxLooking is how many streams may look at their orders at once. Many open pages
// have a beat in common: others' requests are not to stand in line behind them, nor
// is there to be room for all of them at once.
const maxLooking = 3

func newStreams() *streams {
	return &streams{watchers: map[string][]chan struct{}{}, closed: make(chan struct{}), looking: make(chan struct{}, maxLooking)}
}

// watch returns a channel that is told of changes, and what ends it. There is
// none when too many are watching.
func (s *streams) watch(token string) (changes <-chan struct{}, end func(), ok bool) {
	ch := make(chan struct{}, 1)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.open >= maxStreams {
		return nil, nil, false
	}
	s.open++
	s.watchers[token] = append(s.watchers[token], ch)
	return ch, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.open--
		s.watchers[token] = slices.DeleteFunc(s.watchers[token], func(other chan struct{}) bool { return other == ch })
		if len(s.watchers[token]) == 0 {
			delete(s.watchers, token)
		}
	}, true
}

// tell tells all who watch an order, or any order when the token is empty. It
// never waits: one untaken message is enough, for who takes it looks at what is
// there then.
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

func wake(watchers []chan struct{}) {
	for _, ch := range watchers {
		select {
		case ch <- struct{}{}:
		default:
		}
	}
}

// count is how many pages are watched.
func (s *streams) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.open
}

func (s *streams) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	select {
	case <-s.closed:
	default:
		close(s.closed)
	}
}

// orderEvents streams an order's status: now, at each change, and no more once
// it cannot change by itself.
func (h *Handler) orderEvents(c echo.Context) error {
	return h.stream(c, c.Param("token"), func() (glimpse, error) {
		o, err := h.order(c)
		return glimpse{seen: whatIsSeen(o), status: h.statusOf(o), last: !live(o, h.Now())}, err
	})
}

// glimpse is what a stream sees when it looks.
type glimpse struct {
	seen   string // differs when there is something new
	status any    // to be sent then
	last   bool   // nothing will be new any more
}

// stream looks now, and each time an order changes, and sends what is new, until
// it has seen the last of it.
func (h *Handler) stream(c echo.Context, token string, look func() (glimpse, error)) error {
	changes, end, ok := h.streams.watch(token)
	if !ok {
		return echo.NewHTTPError(http.StatusServiceUnavailable, "too many streams")
	}
	defer end()
	now, text, err := aside(look)
	if err != nil {
		return err
	}
	w := c.Response()
	w.Header().Set(echo.HeaderContentType, "text/event-stream")
	w.Header().Set(echo.HeaderCacheControl, "no-store")
	w.Header().Set("X-Accel-Buffering", "no") // nginx would hold events back
	w.WriteHeader(http.StatusOK)
	stream := http.NewResponseController(w)

	beat := time.NewTicker(heartbeat)
	defer beat.Stop()
	for sent := ""; ; {
		// What is told more than once is sent once. At each beat, too, is looked
		// whether there is anything new: a shop that was killed just after it
		// had kept a change tells nobody of it.
		if now.seen != sent {
			sent = now.seen
			fmt.Fprintf(w, "event: status\ndata: %s\n\n", text)
		} else {
			fmt.Fprint(w, ": still here\n\n")
		}
		// Each write gets its own time, the stream as a whole has all it needs.
		_ = stream.SetWriteDeadline(time.Now().Add(2 * heartbeat))
		if err := stream.Flush(); err != nil || now.last {
			return nil // the shopper left, or has seen it all
		}
		select {
		case <-changes:
		case <-beat.C:
		case <-h.streams.closed:
			return nil
		case <-c.Request().Context().Done():
			return nil
		}
		h.streams.looking <- struct{}{}
		now, text, err = aside(look)
		<-h.streams.looking
		if err != nil {
			return err
		}
	}
}

// aside looks on a stack of its own: the room that takes would otherwise stay with
// each of thousands of streams for as long as they last. The text is the status as
// an event carries it.
func aside(look func() (glimpse, error)) (now glimpse, text []byte, err error) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer func() {
			if p := recover(); p != nil {
				err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
			}
		}()
		if now, err = look(); err == nil {
			text, err = json.Marshal(now.status)
		}
	}()
	<-done
	return now, text, err
}

// whatIsSeen tells one state of an order's page from another.
func whatIsSeen(o models.Order) string {
	p, receipts := o.Payment(), 0
	for _, attempt := range o.Payments {
		receipts += len(attempt.Receipts)
	}
	state, _ := json.Marshal([]any{o.Status, o.Attention, p.State, p.Attempt, p.Code, p.ExpiresAt, p.Tries > 0,
		p.CheckedAt, p.CheckedStatus, len(p.Instructions), receipts}) // such values always encode
	return string(state)
}
