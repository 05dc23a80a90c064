// Package console is what merchants and developers see: orders, cases, stock,
// notifications and what was said over the wire, the set-up check. They sign in
// with the console's password. In a demo without one they open it by a one-time
// link; elsewhere there is no console without a password.
package console

import (
	"context"
	"time"

	"github.com/gorilla/securecookie"
	"golang.org/x/time/rate"

	"warungjokul/handlers/web"
	"warungjokul/payments"
)

// Handler serves the console.
type Handler struct {
	*web.App

	// EraseAtGateway erases the customers of invoice numbers from the embedded
	// gateway of a demo; nil where there is none.
	EraseAtGateway func(ctx context.Context, invoices []string) error

	password password
	key      *oneTimeKey
	logins   *logins
	devices  *securecookie.SecureCookie // browsers that have signed in before
	scrub    payments.Wake              // what was erased is to be removed from the database's files

	refusedLogins rate.Sometimes // bounds the log lines that strangers can cause
}

// New returns the console's Handler.
func New(ctx context.Context, app *web.App) (*Handler, error) {
	key, err := app.Store.Key(ctx, "cookies")
	if err != nil {
		return nil, err
	}
	h := &Handler{
		App:     app,
		key:     newOneTimeKey(),
		logins:  newLogins(app.Now),
		devices: securecookie.New(key, nil).SetSerializer(securecookie.JSONEncoder{}).MaxAge(deviceCookieDays * 24 * 60 * 60),
		scrub:   payments.NewWake(),

		refusedLogins: rate.Sometimes{First: 10, Interval: time.Minute},
	}
	err = h.SetPassword(ctx, app.ConsolePassword)
	app.ConsolePassword = "" // its hash is enough from now on
	return h, err
}

// SetPassword sets the password, given as itself or as its bcrypt hash, and ends the
// sessions that were opened with another one. An empty one leaves the one-time link.
func (h *Handler) SetPassword(ctx context.Context, configured string) (err error) {
	if h.password, err = readPassword(ctx, h.Store, configured); err != nil {
		return err
	}
	return h.Store.CloseOtherSessions(ctx, h.password.credential)
}
