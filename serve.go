package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"
)

func (p *program) listen() (err error) {
	if p.shop, err = listen("ADDR", p.Addr); err != nil {
		return err
	}
	if p.Environment == embedded {
		if p.till, err = listen("SANDBOX_ADDR", p.SandboxAddr); err != nil {
			return err
		}
	}
	if p.OpsAddr != "" {
		p.ops, err = listen("OPS_ADDR", p.OpsAddr)
	}
	return err
}

func listen(setting, addr string) (net.Listener, error) {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("%s: cannot listen on %s: %w", setting, addr, errors.Unwrap(err))
	}
	return l, nil
}

// isLoopback reports whether this machine reaches a listener by a loopback address.
func isLoopback(l net.Listener) bool {
	a, ok := l.Addr().(*net.TCPAddr)
	return ok && (a.IP.IsLoopback() || a.IP.IsUnspecified())
}

// address is how this machine reaches a listener.
func address(l net.Listener) string {
	host, port, _ := net.SplitHostPort(l.Addr().String())
	if ip := net.ParseIP(host); ip == nil || ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	return "http://" + net.JoinHostPort(host, port)
}

// announce prints where everything is.
func (p *program) announce() {
	fmt.Fprintf(p.out, "%-15s %s\n", p.ShopName, p.BaseURL)
	if p.till != nil {
		fmt.Fprintf(p.out, "Till simulator  %s\n", or(p.tillURL(), p.BaseURL)+"/simulator")
		fmt.Fprintf(p.out, "Guided tour     %s/tour\n", p.BaseURL)
		p.announceConsole()
		fmt.Fprintf(p.out, "Gateway's key   of %s: ./warung sandbox-key\n", p.ClientID)
	}
}

// announceConsole prints how a demo's console is opened: by a one-time link, which
// is good on this machine alone, or where a password is asked for.
func (p *program) announceConsole() {
	path, base := p.handler.ConsolePath(), p.BaseURL
	if strings.Contains(path, "?") { // the link
		if u, err := url.Parse(p.BaseURL); err != nil || u.Hostname() != "localhost" || u.Port() != portOf(p.shop) {
			base = address(p.shop)
		}
		if !isLoopback(p.shop) {
			fmt.Fprintln(p.out, "Console         closed: set CONSOLE_PASSWORD, or listen on 127.0.0.1 for a one-time link")
			return
		}
	}
	fmt.Fprintf(p.out, "Console         %s\n", base+path)
}

func portOf(l net.Listener) string {
	_, port, _ := net.SplitHostPort(l.Addr().String())
	return port
}

// serve runs all parts until ctx ends or one of them fails. The sandbox ends
// after the shop, so that a checkout under way still gets its code.
func (p *program) serve(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	after, shopEnded := context.WithCancel(context.WithoutCancel(ctx))
	group.Go(func() error {
		defer shopEnded()
		return p.serveShop(ctx)
	})
	if p.sandbox != nil {
		group.Go(func() error { return p.sandbox.Run(after) })
		group.Go(func() error { return p.serveHTTP(after, p.till, p.gateway()) })
	}
	return group.Wait()
}

func (p *program) serveShop(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	context.AfterFunc(ctx, p.handler.Close)
	group.Go(func() error { return p.handler.Work(ctx) })
	group.Go(func() error { return p.serveHTTP(ctx, p.shop, p.handler) })
	if p.ops != nil {
		group.Go(func() error { return p.serveHTTP(ctx, p.ops, p.handler.OpsHandler()) })
	}
	defer p.handler.Finish()
	return group.Wait()
}

// patience is how long a stop waits for requests under way.
const stopTimeout = 10 * time.Second

// serveHTTP serves on a listener until ctx ends, and then until the requests
// under way have their answers. Those that have none by then, for they were never
// sent whole or nobody reads the answer, are cut off, which is no error.
func (p *program) serveHTTP(ctx context.Context, l net.Listener, h http.Handler) error {
	var underWay atomic.Int64
	server := &http.Server{
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			underWay.Add(1)
			defer underWay.Add(-1)
			h.ServeHTTP(w, r)
		}),
		// A client that trickles its request does not hold a connection for ever.
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       15 * time.Second,
		WriteTimeout:      30 * time.Second,
		IdleTimeout:       60 * time.Second,
		MaxHeaderBytes:    16 << 10,
		ErrorLog:          slog.NewLogLogger(p.log.Handler(), slog.LevelDebug),
	}
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(l) }()
	select {
	case err := <-failed:
		return fmt.Errorf("serve %s: %w", l.Addr(), err)
	case <-ctx.Done():
	}
	ending, cancel := context.WithTimeout(context.Background(), stopTimeout)
	defer cancel()
	err := server.Shutdown(ending)
	if errors.Is(err, context.DeadlineExceeded) {
		p.log.Warn("requests cut off", "address", l.Addr().String(), "requests", underWay.Load(), "after", stopTimeout)
		err = server.Close()
	}
	if err != nil {
		return fmt.Errorf("stop serving %s: %w", l.Addr(), err)
	}
	return nil
}

// close may be called again.
func (p *program) close() {
	for _, l := range []net.Listener{p.shop, p.till, p.ops} {
		if l != nil {
			_ = l.Close() // closed already when it was served
		}
	}
	if p.sandbox != nil {
		if err := p.sandbox.Close(); err != nil {
			p.log.Error("close sandbox", "error", err)
		}
	}
	if p.store != nil {
		if err := p.store.Close(); err != nil {
			p.log.Error("close store", "error", err)
		}
	}
	if p.unlock != nil { // last, when nothing of the shop is at work any more
		if err := p.unlock(); err != nil {
			p.log.Error("unlock database", "error", err)
		}
	}
}
