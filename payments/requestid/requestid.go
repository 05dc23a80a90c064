// Package requestid names what is done on behalf of one request to the shop, or
// of one run of its worker. The name is in the log lines and the records of API
// calls that it causes. It is not the gateway's Request-Id, which names one message
// and comes back when that is sent again.
package requestid

import (
	"context"
	"crypto/rand"
	"log/slog"
	"strconv"
	"strings"
	"time"
)

type key struct{}

// With returns a context for what is done under a name.
func With(ctx context.Context, id string) context.Context { return context.WithValue(ctx, key{}, id) }

// From returns the name that ctx was given, or empty.
func From(ctx context.Context) string {
	id, _ := ctx.Value(key{}).(string)
	return id
}

// Begin returns a context for something the shop does by itself.
func Begin(ctx context.Context, kind string) context.Context {
	return With(ctx, kind+"-"+New(time.Now()))
}

// randomLength is how many random characters, of 5 bits each, end an id.
const randomLength = 16

// New returns a new id: the time, and 80 random bits. IDs of one time sort beside
// each other, so an index of them grows at its end.
func New(now time.Time) string {
	return strings.ToUpper(strconv.FormatInt(now.UnixMilli(), 32)) + rand.Text()[:randomLength]
}

// Time returns when an id was made, or zero for a text that is none.
func Time(id string) time.Time {
	ms, err := strconv.ParseInt(id[:max(0, len(id)-randomLength)], 32, 64)
	if err != nil {
		return time.Time{}
	}
	return time.UnixMilli(ms)
}

// LogHandler adds the id to every line of a log that is written under one, as
// request_id.
func LogHandler(next slog.Handler) slog.Handler { return logHandler{next} }

type logHandler struct{ slog.Handler }

func (h logHandler) Handle(ctx context.Context, line slog.Record) error {
	if id := From(ctx); id != "" {
		line = line.Clone()
		line.AddAttrs(slog.String("request_id", id))
	}
	return h.Handler.Handle(ctx, line)
}

func (h logHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return logHandler{h.Handler.WithAttrs(attrs)}
}

func (h logHandler) WithGroup(name string) slog.Handler { return logHandler{h.Handler.WithGroup(name)} }
