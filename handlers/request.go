package handlers

import (
	"context"
	"crypto/rand"
	"log/slog"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"warungjokul/views"
)

// Every request, and every turn of the worker, has an id. It is in the lines that
// are logged on its behalf, in the records of the calls it made to the gateway,
// and in the answer. The gateway's Request-Id is another thing: it names one
// message to or from the gateway, and comes back when that is sent again.

// visit is the context of what is done on behalf of one request or turn.
type visit struct {
	context.Context
	id   string
	lang views.Lang // which a request is answered in
}

type visitKey struct{}

func (v *visit) Value(key any) any {
	if key == (visitKey{}) {
		return v
	}
	return v.Context.Value(key)
}

// visitOf is on whose behalf something is done, nil for nobody's.
func visitOf(ctx context.Context) *visit {
	v, _ := ctx.Value(visitKey{}).(*visit)
	return v
}

// requestID is on whose behalf something is done, empty for nobody's.
func requestID(ctx context.Context) string {
	if v := visitOf(ctx); v != nil {
		return v.id
	}
	return ""
}

// newID names a request, a turn or a checkout: by when it was made, and by 80 random
// bits that nobody guesses. Names of one time are neighbours, in a log that is
// sorted and in the indexes of the database, which then grow at their ends.
func newID() string { return nameAt(time.Now()) }

func nameAt(now time.Time) string {
	return strings.ToUpper(strconv.FormatInt(now.UnixMilli(), 32)) + rand.Text()[:nameEnd]
}

// nameEnd is how many random characters end a name.
const nameEnd = 16

// timeOf is when a name was made, zero if it is none.
func timeOf(name string) time.Time {
	ms, err := strconv.ParseInt(name[:max(0, len(name)-nameEnd)], 32, 64)
	if err != nil {
		return time.Time{}
	}
	return time.UnixMilli(ms)
}

// turn is ctx for something the shop does by itself.
func turn(ctx context.Context, kind string) context.Context {
	return &visit{Context: ctx, id: kind + "-" + newID()}
}

// safeID is what a request may be called by others: it goes into logs and
// headers as it stands.
var safeID = regexp.MustCompile(`^[A-Za-z0-9._-]{1,64}$`)

// identify gives a request its id: the one a proxy of ours has given it, or a new
// one.
func (h *Handler) identify(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		r := c.Request()
		id, trusted := r.Header.Get(echo.HeaderXRequestID), h.Proxies.trust(r.RemoteAddr)
		if id == "" || !safeID.MatchString(id) || !trusted {
			id = newID()
		}
		c.SetRequest(r.WithContext(&visit{Context: r.Context(), id: id}))
		if !trusted {
			h.warnOfProxy(c.Request())
		}
		c.Response().Header().Set(echo.HeaderXRequestID, id)
		return next(c)
	}
}

// WithRequestIDs has each line of a log say on behalf of which request, or turn
// of the worker, it was written.
func WithRequestIDs(log slog.Handler) slog.Handler { return requestLog{log} }

type requestLog struct{ slog.Handler }

func (l requestLog) Handle(ctx context.Context, line slog.Record) error {
	if id := requestID(ctx); id != "" {
		line = line.Clone()
		line.AddAttrs(slog.String("request_id", id))
	}
	return l.Handler.Handle(ctx, line)
}

func (l requestLog) WithAttrs(attrs []slog.Attr) slog.Handler {
	return requestLog{l.Handler.WithAttrs(attrs)}
}

func (l requestLog) WithGroup(name string) slog.Handler { return requestLog{l.Handler.WithGroup(name)} }
