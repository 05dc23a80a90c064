// Command jokul helps to integrate DOKU's Jokul Direct, Indomaret
// online-to-offline, in any language: it is the gateway on your own machine, it
// signs and verifies line by line and says why a signature does not fit, it
// sends notifications, and it tries out your Notification URL.
package main

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

// Exit statuses.
const (
	exitGood  = 0
	exitBad   = 1 // the answer is no: does not verify, not acknowledged, a case failed; or a failure
	exitUsage = 2
)

// A command runs with its flags parsed. What it returns other than errBad is
// told on stderr, as a wrong use.
type command struct {
	name, summary, help string
	run                 func(ctx context.Context, s streams, args []string) error
}

type streams struct {
	in       io.Reader
	out, err io.Writer
}

// errBad ends a command that has said why on stdout.
var errBad = errors.New("bad")

// A failure is why a command that was used as it should be cannot do its work.
type failure struct{ error }

func commands() []command {
	return []command{
		{"sandbox", "be the gateway, on this machine", sandboxHelp, runSandbox},
		{"sign", "sign a request, line by line", signHelp, runSign},
		{"verify", "verify a signature, and say why it does not fit", verifyHelp, runVerify},
		{"notify", "send one signed notification to a URL", notifyHelp, runNotify},
		{"conform", "try out a Notification URL with signed cases", conformHelp, runConform},
	}
}

func run(ctx context.Context, args []string, in io.Reader, out, err io.Writer) int {
	s := streams{in, out, err}
	name := ""
	if len(args) > 0 {
		name, args = args[0], args[1:]
	}
	if name == "help" && len(args) > 0 {
		name, args = args[0], []string{"-h"}
	}
	for _, c := range commands() {
		if c.name == name {
			return status(s, c, c.run(ctx, s, args))
		}
	}
	if name == "" || name == "help" || name == "-h" || name == "--help" {
		fmt.Fprint(out, overview())
		return exitGood
	}
	fmt.Fprintf(err, "jokul: there is no command %q; see jokul help\n", name)
	return exitUsage
}

func status(s streams, c command, failed error) int {
	switch {
	case failed == nil, errors.Is(failed, flag.ErrHelp):
		return exitGood
	case errors.Is(failed, errBad):
		return exitBad
	case errors.As(failed, new(failure)):
		fmt.Fprintf(s.err, "jokul: %v\n", failed)
		return exitBad
	}
	fmt.Fprintf(s.err, "jokul %s: %v\nSee jokul help %s.\n", c.name, failed, c.name)
	return exitUsage
}

func overview() string {
	var b strings.Builder
	b.WriteString("jokul helps to integrate DOKU's Jokul Direct, Indomaret online-to-offline.\n\n")
	for _, c := range commands() {
		fmt.Fprintf(&b, "  jokul %-8s %s\n", c.name, c.summary)
	}
	b.WriteString(`
jokul help <command> explains one with an example. The order to use them in:

  1. jokul sandbox    point your program's base URL at it and ask for a code
  2. jokul sign       when it answers invalid_signature: compare line by line
  3. jokul notify     let your Notification URL hear of a payment
  4. jokul verify     when your code refuses it: learn why
  5. jokul conform    before going live: some forty notifications, kind and hostile

Client-Id and Secret Key are taken from JOKUL_CLIENT_ID and JOKUL_SECRET_KEY when
the flags --client-id and --secret are not given; a key in the environment stays
out of your shell's history. Neither is ever printed.
`)
	return b.String()
}

// flags is a flag set that prints help on -h and nothing by itself.
type flags struct {
	*flag.FlagSet
	clientID, secret *string
}

func newFlags(s streams, name, help string) flags {
	f := flag.NewFlagSet(name, flag.ContinueOnError)
	f.SetOutput(io.Discard)
	f.Usage = func() {
		fmt.Fprint(s.out, strings.TrimLeft(help, "\n"), "\nFlags:\n")
		f.SetOutput(s.out)
		f.PrintDefaults()
		f.SetOutput(io.Discard)
	}
	return flags{FlagSet: f,
		clientID: f.String("client-id", "", "the merchant's `Client-Id` (default $JOKUL_CLIENT_ID)"),
		secret:   f.String("secret", "", "the merchant's Secret `Key` (default $JOKUL_SECRET_KEY)"),
	}
}

// parse reads args and fills the credentials in from the environment.
func (f flags) parse(args []string) error {
	if err := f.Parse(args); err != nil {
		return err
	}
	if f.NArg() > 0 {
		return fmt.Errorf("%q is not expected: everything is given by flags", f.Arg(0))
	}
	*f.clientID = cmp.Or(*f.clientID, os.Getenv("JOKUL_CLIENT_ID"))
	*f.secret = cmp.Or(*f.secret, os.Getenv("JOKUL_SECRET_KEY"))
	return nil
}

// need names the first of the flags that has no value.
func (f flags) need(names ...string) error {
	for _, name := range names {
		if f.Lookup(name).Value.String() == "" {
			hint := map[string]string{"client-id": " (or JOKUL_CLIENT_ID)", "secret": " (or JOKUL_SECRET_KEY)"}[name]
			return fmt.Errorf("--%s%s is required", name, hint)
		}
	}
	return nil
}

// readBody reads a file, or stdin for "-".
func readBody(s streams, name string) ([]byte, error) {
	if name == "-" {
		return io.ReadAll(s.in)
	}
	body, err := os.ReadFile(name)
	if err != nil {
		return nil, fmt.Errorf("--body: %w", err)
	}
	return body, nil
}
