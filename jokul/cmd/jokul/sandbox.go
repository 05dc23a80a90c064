package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"time"

	"warungjokul/jokul/sandbox"
)

const sandboxHelp = `
jokul sandbox is the gateway on your own machine, for a program in any language.
It issues payment codes, checks your signatures in the gateway's order, takes
payments at a simulated till, and tells your Notification URL, with the retries
after 30 minutes, 6 and 12 hours (on a clock you can move).

  jokul sandbox --notification-url http://127.0.0.1:9000/notifications

Then give your program the base URL, Client-Id and Secret Key it prints, and pay in
the browser or by the curl lines it prints. With --state it remembers everything
over a restart; a state file is one sandbox's at a time. It ends on Ctrl-C.

It is not DOKU: where DOKU's pages leave something open it takes one of the
answers and has a switch for the other, at /control/faults.
`

func runSandbox(ctx context.Context, s streams, args []string) error {
	f := newFlags(s, "sandbox", sandboxHelp)
	addr := f.String("addr", "127.0.0.1:8081", "`address` to listen on; port 0 picks a free one")
	notify := f.String("notification-url", "", "your Notification `URL`; empty: nobody is told")
	hosts := f.String("host", "", "further `names` of this machine, separated by commas, under which the simulator and /control answer")
	state := f.String("state", "", "`file` to keep everything in; empty: it is forgotten")
	if err := f.parse(args); err != nil {
		return err
	}
	listener, err := net.Listen("tcp", *addr)
	if err != nil {
		return fmt.Errorf("--addr: %w", err)
	}
	defer listener.Close()
	base := "http://" + listener.Addr().String()
	gateway, err := sandbox.Open(sandbox.Config{
		ClientID: cmp.Or(*f.clientID, sandbox.StandaloneClientID), SecretKey: cmp.Or(*f.secret, sandbox.StandaloneSecretKey),
		NotificationURL: *notify, StateFile: *state, OwnHostOnly: true, Hosts: names(*hosts),
		Log: slog.New(slog.NewTextHandler(s.err, nil)),
	})
	if err != nil {
		return failure{err}
	}
	defer gateway.Close()
	introduce(s, f, base, *notify)
	return serve(ctx, listener, gateway)
}

// names reads names separated by commas.
func names(list string) []string {
	return strings.FieldsFunc(list, func(r rune) bool { return r == ',' || r == ' ' })
}

func introduce(s streams, f flags, base, notify string) {
	secret := "(as given)"
	if *f.secret == "" {
		secret = sandbox.StandaloneSecretKey
	}
	fmt.Fprintf(s.out, `The gateway listens.

  Base URL          %[1]s
  Client-Id         %[2]s
  Secret Key        %[3]s
  Notification URL  %[4]s
  Simulator         %[1]s/simulator

Pay a code, let 30 minutes pass, see what was told:

  curl -d '{"payment_code":"CODE","action":"pay"}' -H 'Content-Type: application/json' %[1]s/control/payments
  curl -d '{"advance":"30m"}' -H 'Content-Type: application/json' %[1]s/control/clock
  curl %[1]s/control/payments
  curl %[1]s/control/deliveries
  curl %[1]s/control/requests

`, base, cmp.Or(*f.clientID, sandbox.StandaloneClientID), secret, cmp.Or(notify, "none: payments are not told"))
}

// serve ends when ctx does, giving requests under way five seconds.
func serve(ctx context.Context, listener net.Listener, gateway *sandbox.Server) error {
	server := &http.Server{Handler: gateway, ReadHeaderTimeout: 10 * time.Second, IdleTimeout: time.Minute}
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	go func() { stop(gateway.Run(ctx)) }()
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		<-ctx.Done()
		ending, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		_ = server.Shutdown(ending) // what is late is cut off
	}()
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	<-ended // Serve returns when Shutdown begins
	if err := context.Cause(ctx); !errors.Is(err, context.Canceled) {
		return err
	}
	return nil
}
