package console

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/labstack/echo/v4/middleware"
	"golang.org/x/crypto/bcrypt"
	"golang.org/x/time/rate"

	"warungjokul/handlers/web"
	"warungjokul/models"
	"warungjokul/views"
)

// password is the console's.
type password struct {
	hash       []byte // bcrypt; nil: there is none
	credential string // names what sessions are opened with: another password has another one
}

// LinkCredential is what sessions are opened with where there is no password.
const LinkCredential = "one-time link"

// readPassword is the password that is configured, as itself or as its bcrypt hash. The
// hash of one that is configured as itself is kept: it is the same at the next start, and
// for every shop on the database.
func readPassword(ctx context.Context, store *models.Store, configured string) (password, error) {
	if configured == "" {
		return password{credential: LinkCredential}, nil
	}
	given := []byte(configured)
	if _, err := bcrypt.Cost(given); err == nil {
		return passwordOf(given), nil
	}
	hash, err := store.PasswordHash(ctx,
		func(hash []byte) bool { return bcrypt.CompareHashAndPassword(hash, given) == nil },
		func() ([]byte, error) { return bcrypt.GenerateFromPassword(given, bcrypt.DefaultCost) })
	return passwordOf(hash), err
}

func passwordOf(hash []byte) password {
	sum := sha256.Sum256(hash)
	return password{hash, hex.EncodeToString(sum[:])}
}

const (
	LoginTries       = 5  // a minute and device, or address
	strangersTries   = 30 // a minute of all who have not signed in before
	knownFor         = 30 * 24 * time.Hour
	maxKnown         = 1000 // addresses
	DeviceCookie     = "device"
	deviceCookieDays = 90
)

// logins bounds how often a password is compared. A browser that has signed in
// before has tries of its own, and so has an address that somebody signed in from
// since the start. Everybody else shares a bound, whatever their number: it keeps
// guesses few, and guessers cannot use up the tries of the shop's people.
type logins struct {
	tries *middleware.RateLimiterMemoryStore // by device or address
	all   *rate.Limiter                      // of strangers
	now   func() time.Time

	// Comparing is slow on purpose: one at a time for each sort.
	comparing, comparingKnown chan struct{}

	mu    sync.Mutex
	known map[string]time.Time // addresses, and when somebody signed in from there
}

func newLogins(now func() time.Time) *logins {
	return &logins{
		now: now, all: rate.NewLimiter(rate.Limit(strangersTries)/60, strangersTries),
		tries: middleware.NewRateLimiterMemoryStoreWithConfig(middleware.RateLimiterMemoryStoreConfig{
			Rate: rate.Limit(LoginTries) / 60, Burst: LoginTries, ExpiresIn: 5 * time.Minute,
		}),
		comparing: make(chan struct{}, 1), comparingKnown: make(chan struct{}, 1), known: map[string]time.Time{},
	}
}

// admit reports whether a password may be compared, and in which queue. device is
// empty for a browser that has not signed in before. Nothing is counted where
// limits are lifted.
func (l *logins) admit(device, address string, limited bool) (queue chan struct{}, ok bool) {
	who := "address " + address
	switch {
	case device != "":
		queue, who = l.comparingKnown, "device "+device
	case l.knows(address):
		queue, who = l.comparingKnown, "known address "+address
	default:
		queue = l.comparing
	}
	if !limited {
		return queue, true
	}
	ok, _ = l.tries.Allow(who) // it never fails
	return queue, ok && (queue == l.comparingKnown || l.all.Allow())
}

func (l *logins) knows(address string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	at, known := l.known[address]
	return known && l.now().Sub(at) < knownFor
}

// remember notes that somebody signed in from an address.
func (l *logins) remember(address string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.known) >= maxKnown {
		for any := range l.known {
			delete(l.known, any)
			break
		}
	}
	l.known[address] = l.now()
}

// fits compares a password with the hash, when it is its turn.
func (p password) fits(ctx context.Context, given string, queue chan struct{}) (bool, error) {
	select {
	case queue <- struct{}{}:
		defer func() { <-queue }()
		return bcrypt.CompareHashAndPassword(p.hash, []byte(given)) == nil, nil
	case <-ctx.Done():
		return false, ctx.Err()
	}
}

func (h *Handler) showLogin(c echo.Context) error {
	switch {
	case h.password.hash != nil:
		return h.loginPage(c, http.StatusOK, nextPage(c.QueryParam("next")), "")
	case h.Demo():
		return h.useLink(c)
	}
	return models.ErrNotFound
}

func (h *Handler) loginPage(c echo.Context, status int, next, problem string) error {
	p := views.LoginPage{Page: h.Page(c, web.Lang(c).T("login.title")), Next: next, Problem: problem}
	p.Private, p.Console = true, true
	return web.Render(c, status, views.Login(p))
}

// login compares the password with the hash that was made of it at the start,
// and signs in.
func (h *Handler) login(c echo.Context) error {
	if h.password.hash == nil {
		return models.ErrNotFound
	}
	ctx, next, from := c.Request().Context(), nextPage(c.FormValue("next")), web.Client(c.RealIP())
	queue, ok := h.logins.admit(h.device(c), from, h.RateLimit)
	if !ok {
		h.refusedLogins.Do(func() { h.Log.WarnContext(ctx, "console: too many tries to sign in", "from", c.RealIP()) })
		c.Response().Header().Set("Retry-After", "60")
		return h.loginPage(c, http.StatusTooManyRequests, next, web.Lang(c).T("login.wait"))
	}
	fits, err := h.password.fits(ctx, c.FormValue("password"), queue)
	if err != nil {
		return fmt.Errorf("compare password: %w", err)
	}
	if !fits {
		h.Log.WarnContext(ctx, "console: wrong password", "from", c.RealIP())
		return h.loginPage(c, http.StatusForbidden, next, web.Lang(c).T("login.wrong"))
	}
	secret, err := h.Store.OpenSession(ctx, h.password.credential, ConsoleSession)
	if err != nil {
		return fmt.Errorf("sign in: %w", err)
	}
	h.logins.remember(from)
	if err := h.rememberDevice(c); err != nil {
		return err
	}
	h.setConsoleCookie(c, secret, int(ConsoleSession/time.Second))
	h.Log.InfoContext(ctx, "console: signed in", "from", c.RealIP())
	return c.Redirect(http.StatusSeeOther, next)
}

// device is the name of a browser that has signed in before, or empty.
func (h *Handler) device(c echo.Context) (name string) {
	cookie, err := c.Cookie(DeviceCookie)
	if err != nil || h.devices.Decode(DeviceCookie, cookie.Value, &name) != nil {
		return ""
	}
	return name
}

// rememberDevice gives the browser a name by which it is known at the next sign-in.
// It opens nothing.
func (h *Handler) rememberDevice(c echo.Context) error {
	name := h.device(c)
	if name == "" {
		name = rand.Text()
	}
	value, err := h.devices.Encode(DeviceCookie, name)
	if err != nil {
		return fmt.Errorf("remember device: %w", err)
	}
	c.SetCookie(&http.Cookie{Name: DeviceCookie, Value: value, Path: web.LoginPath, MaxAge: deviceCookieDays * 24 * 60 * 60,
		Secure: h.Secure(), HttpOnly: true, SameSite: http.SameSiteStrictMode})
	return nil
}
