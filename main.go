// Warung Jokul is a web shop whose orders are paid in cash at Indomaret tills,
// through DOKU's Jokul Direct API. This package reads the settings, wires the
// parts together, serves, and stops.
package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/gofrs/flock"

	"warungjokul/handlers"
	"warungjokul/handlers/web"
	"warungjokul/jokul"
	"warungjokul/jokul/sandbox"
	"warungjokul/models"
	"warungjokul/payments"
	"warungjokul/payments/requestid"
)

func main() {
	for _, log := range []*os.File{os.Stdout, os.Stderr} {
		makePrivate(log)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the program at once
	if err := run(ctx, os.Args[1:], os.Environ(), os.Stdout, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "warung:", err)
		os.Exit(1)
	}
}

// makePrivate has a log that goes to a file be read by its owner alone, whatever the shell has made of it. Terminals,
// pipes and the files of other owners are left as they are.
func makePrivate(log *os.File) {
	if info, err := log.Stat(); err == nil && info.Mode().IsRegular() {
		_ = log.Chmod(0o600) // another owner's
	}
}

const usage = `Usage:
  warung                     serve the shop; settings come from the environment and .env, see docs/operate.md
  warung backup FILE         copy the SQLite database of a shop, also of one that is running
  warung retire-demo --yes   hand the database of a demo over to other settings; without --yes, say what it would do
  warung sandbox-key         print the Secret Key of the embedded gateway
  warung help                print this
`

// run is the program: it serves until ctx ends or something breaks, or runs the
// command that args name.
func run(ctx context.Context, args, environ []string, stdout, stderr io.Writer) error {
	if len(args) == 1 && slices.Contains([]string{"help", "-h", "-help", "--help"}, args[0]) {
		_, err := io.WriteString(stdout, usage)
		return err
	}
	environ, notes, err := addEnvFile(environ, envFile)
	if err != nil {
		return err
	}
	s, err := readSettings(environ)
	if err != nil {
		return err
	}
	log := newLogger(s, stderr)
	for _, note := range notes {
		log.InfoContext(ctx, note)
	}
	for _, warning := range s.warnings {
		log.WarnContext(ctx, warning)
	}
	switch {
	case len(args) == 2 && args[0] == "backup":
		return models.Backup(ctx, s.DatabaseURL, args[1])
	case len(args) > 0 && args[0] == "retire-demo":
		return retireDemo(ctx, s, args[1:], stdout, log)
	case len(args) == 1 && args[0] == "sandbox-key":
		return printSandboxKey(s, stdout)
	case len(args) > 0:
		return fmt.Errorf("%q is no command with these arguments; warung help lists them", args[0])
	}
	p := &program{settings: s, log: log, out: stdout}
	defer p.close()
	if err := p.open(ctx); err != nil {
		return err
	}
	p.announce()
	return p.serve(ctx)
}

// program is the parts and how they hang together.
type program struct {
	settings
	log *slog.Logger
	out io.Writer // the terminal it was started in

	shop, till, ops net.Listener // till and ops only where they are wanted

	unlock  func() error // lets another shop have the database; nil: it is not ours
	store   *models.Store
	sandbox *sandbox.Server

	controlKey string // of the sandbox's control API, where strangers reach it
	handler    *handlers.Handler
}

// open builds everything. First it makes sure that no other shop works on the
// same files, before an address is taken or anything is written. Then come the
// listeners: addresses must be known before anybody can be told of them.
func (p *program) open(ctx context.Context) (err error) {
	if p.unlock, err = models.Lock(p.DatabaseURL); err != nil {
		return err
	}
	if err := p.checkSandboxState(); err != nil {
		return err
	}
	if err := p.listen(); err != nil {
		return err
	}
	p.BaseURL = or(p.BaseURL, address(p.shop))
	if p.store, err = models.OpenAs(ctx, p.DatabaseURL, p.owner(), time.Now, p.log); err != nil {
		return err
	}
	if err := p.openSandbox(ctx); err != nil {
		return err
	}
	gateway, err := jokul.New(p.ClientID, p.SecretKey, jokul.WithPreviousSecretKey(p.PreviousSecretKey), jokul.WithBaseURL(p.GatewayURL),
		jokul.WithObserver(payments.RecordAPICalls(p.store, p.log)), jokul.WithLogger(p.log))
	if err != nil {
		return err
	}
	mailer, err := newMailer(p.settings)
	if err != nil {
		return err
	}
	p.handler, err = handlers.New(ctx, web.Config{
		Mail: mailer, Contact: contact(p.settings), Shop: p.shopDetails(), PersonalDataDays: p.PersonalDataDays,
		Store: p.store, Gateway: gateway, BaseURL: p.BaseURL, NotificationPath: p.NotificationPath,
		PaymentExpiry: p.PaymentExpiry, SandboxURL: p.sandboxURL(), TillURL: p.tillURL(), Till: p.publicTill(), ControlKey: p.controlKey,
		RateLimit: p.RateLimit == "on", ConsolePassword: p.ConsolePassword,
		LinkUsed: p.announceConsole, Proxies: p.trustedProxies,
		MetricsElsewhere: p.ops != nil, Now: time.Now, Log: p.log, Setup: p.setup(),
	})
	return err
}

// checkSandboxState refuses a state file that another program's sandbox has
// locked. The lock itself is taken, and held, by sandbox.Open.
func (p *program) checkSandboxState() error {
	if p.Environment != embedded || p.SandboxState == "" {
		return nil
	}
	file := p.SandboxState
	if target, err := filepath.EvalSymlinks(file); err == nil {
		file = target
	}
	lock := flock.New(file+".lock", flock.SetPermissions(0o600))
	free, err := lock.TryLock()
	if err != nil {
		return fmt.Errorf("SANDBOX_STATE %s: %w", p.SandboxState, err)
	}
	if !free {
		return fmt.Errorf("SANDBOX_STATE %s: another sandbox is running on this file; stop it first, and wait for its end", p.SandboxState)
	}
	return lock.Unlock()
}

// openSandbox starts a gateway of our own in embedded mode. The shop reaches it
// over its socket, as it would reach DOKU.
func (p *program) openSandbox(ctx context.Context) (err error) {
	if p.Environment != embedded {
		return nil
	}
	if err := p.store.NameSellers(ctx); err != nil {
		return err
	}
	if !p.till.Addr().(*net.TCPAddr).IP.IsLoopback() {
		p.controlKey = rand.Text() // its faults, clock and ledger are the shop's; its till is everybody's
	}
	p.sandbox, err = sandbox.Open(sandbox.Config{
		ClientID: p.ClientID, SecretKey: p.SecretKey,
		NotificationURL: address(p.shop) + p.NotificationPath,
		PublicURL:       address(p.till), ControlKey: p.controlKey, StateFile: p.SandboxState, MerchantName: p.ShopName, FramedBy: p.framedBy(), OwnHostOnly: true,
		Hosts: []string{hostOf(p.BaseURL)},
		Log:   p.log.WithGroup("gateway"),
	})
	if err != nil {
		return err
	}
	p.SecretKey = p.sandbox.SecretKey()
	p.GatewayURL = or(p.GatewayURL, address(p.till))
	return nil
}

// printSandboxKey prints the Secret Key that the embedded gateway has made, for programs that sign as its merchant.
func printSandboxKey(s settings, w io.Writer) error {
	switch {
	case s.Environment != embedded:
		return fmt.Errorf("sandbox-key is for the embedded gateway, but JOKUL_ENVIRONMENT is %s", s.Environment)
	case s.SecretKey != "":
		return errors.New("sandbox-key has nothing to print: the embedded gateway takes JOKUL_SECRET_KEY")
	case s.SandboxState == "":
		return errors.New("sandbox-key has nothing to print: without SANDBOX_STATE each start makes a key that is kept nowhere")
	}
	key, err := sandbox.StoredKey(s.SandboxState)
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("sandbox-key found no SANDBOX_STATE %s; the first start makes it", s.SandboxState)
	}
	if err != nil {
		return fmt.Errorf("sandbox-key: %w", err)
	}
	_, err = fmt.Fprintln(w, key)
	return err
}

// shopDetails is who the shop says it is.
func (p *program) shopDetails() web.Shop {
	return web.Shop{Name: p.ShopName, LegalName: or(p.ShopLegalName, p.ShopName), Address: p.ShopAddress}
}

// framedBy is the shop by each of its names: the tour shows the till beside it.
func (p *program) framedBy() []string {
	_, port, _ := net.SplitHostPort(p.shop.Addr().String())
	return slices.Compact([]string{p.BaseURL, address(p.shop), "http://localhost:" + port})
}

func (p *program) sandboxURL() string {
	if p.till == nil {
		return ""
	}
	return address(p.till)
}

// isPublic reports whether the demo is for browsers on other machines, too: the shop, or the gateway's own address.
func (p *program) isPublic() bool {
	return !isLocal(hostOf(p.BaseURL)) || !p.shop.Addr().(*net.TCPAddr).IP.IsLoopback() || p.controlKey != ""
}

// tillURL is where the till of a demo is: at the gateway's own address, which browsers on this machine reach. It is
// empty in a public demo, where the shop serves the till itself (publicTill).
func (p *program) tillURL() string {
	if p.isPublic() {
		return ""
	}
	return p.sandboxURL()
}

// publicTill is the till that the shop of a public demo serves, and nil elsewhere.
func (p *program) publicTill() http.Handler {
	if p.sandbox == nil || !p.isPublic() {
		return nil
	}
	return p.sandbox.PublicTill()
}

// gateway serves the embedded gateway at its own address. Where strangers reach that, they are sent to the till of the
// shop, which limits each client.
func (p *program) gateway() http.Handler {
	if p.controlKey == "" {
		return p.sandbox
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !isTill(r.URL.Path) || strings.HasPrefix(r.URL.Path, "/simulator/assets/") { // which how-to-pay pages load
			p.sandbox.ServeHTTP(w, r)
			return
		}
		http.Redirect(w, r, strings.TrimSuffix(p.BaseURL+"/simulator?"+r.URL.RawQuery, "?"), http.StatusSeeOther)
	})
}

// isTill reports whether a path is of the till.
func isTill(path string) bool { return path == "/simulator" || strings.HasPrefix(path, "/simulator/") }

func newLogger(s settings, w io.Writer) *slog.Logger {
	options := &slog.HandlerOptions{Level: s.LogLevel}
	if s.LogFormat == "json" {
		return slog.New(requestid.LogHandler(slog.NewJSONHandler(w, options)))
	}
	return slog.New(requestid.LogHandler(slog.NewTextHandler(w, options)))
}
