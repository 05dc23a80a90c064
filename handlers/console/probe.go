package console

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
)

// probeAnswer is the answer to a call of a check.
type probeAnswer struct {
	status int // 0: nothing came
	header http.Header
	body   []byte
	err    error
}

// examiner follows no redirect, as DOKU does not.
var prober = &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}

// call asks an address of the settings; there are no others.
func (h *Handler) call(ctx context.Context, method, address string, header http.Header, body []byte) (a probeAnswer) {
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, method, address, bytes.NewReader(body))
	if err != nil {
		return probeAnswer{err: err}
	}
	for name, values := range header {
		r.Header[name] = values
	}
	r.Header.Set("User-Agent", "warung-jokul-setup-check")
	res, err := prober.Do(r)
	if err != nil {
		return probeAnswer{err: err}
	}
	defer res.Body.Close()
	a.status, a.header = res.StatusCode, res.Header
	a.body, a.err = io.ReadAll(io.LimitReader(res.Body, 4<<10))
	return a
}

// reason is a network's error without the address, which is said beside it.
func reason(err error) string {
	var wrapped *url.Error
	switch {
	case errors.As(err, &wrapped) && wrapped.Timeout():
		return "timeout"
	case errors.As(err, &wrapped):
		return wrapped.Err.Error()
	}
	return fmt.Sprint(err)
}
