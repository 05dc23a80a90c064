package console

import (
	"crypto/rand"
	"crypto/subtle"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/labstack/echo/v4"

	"warungjokul/handlers/web"
	"warungjokul/views"
)

// oneTimeKey opens the console once. Then another takes its place.
type oneTimeKey struct {
	mu   sync.Mutex
	text string
}

func newOneTimeKey() *oneTimeKey { return &oneTimeKey{text: rand.Text()} }

func (k *oneTimeKey) read() string {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.text
}

// spend reports whether given is the key, and changes the key then.
func (k *oneTimeKey) spend(given string) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	if subtle.ConstantTimeCompare([]byte(k.text), []byte(given)) == 0 {
		return false
	}
	k.text = rand.Text()
	return true
}

// byLink reports whether the console is opened by a one-time link.
func (h *Handler) byLink() bool { return h.Demo() && h.password.hash == nil }

// ConsolePath is where the console is: the path of the one-time link, where it is
// opened by one.
func (h *Handler) ConsolePath() string {
	if !h.byLink() {
		return web.ConsolePath
	}
	return web.LoginPath + "?" + url.Values{"key": {h.key.read()}}.Encode()
}

// useLink signs in whoever brings the key of the one-time link, and announces the
// next link.
func (h *Handler) useLink(c echo.Context) error {
	r := c.Request()
	if r.Method != http.MethodGet || !isLocal(r) || !h.key.spend(c.QueryParam("key")) {
		return h.lockedPage(c)
	}
	if h.LinkUsed != nil {
		h.LinkUsed()
	}
	secret, err := h.Store.OpenSession(r.Context(), h.password.credential, ConsoleSession)
	if err != nil {
		return fmt.Errorf("one-time link: %w", err)
	}
	h.Log.InfoContext(r.Context(), "console: one-time link used")
	h.setConsoleCookie(c, secret, int(ConsoleSession/time.Second))
	return c.Redirect(http.StatusSeeOther, web.ConsolePath)
}

// lockedPage says where the one-time link is.
func (h *Handler) lockedPage(c echo.Context) error {
	page := h.Page(c, web.Lang(c).T("locked.title"))
	page.Private = true
	c.Response().Header().Set("Cache-Control", "no-store")
	return web.Render(c, http.StatusForbidden, views.Locked(page))
}

// isLocal reports whether a request can be of a browser on this machine: both ends
// of its connection are loopback addresses, it names the listener by a loopback
// name, and it has no header but those that browsers send. A proxy may add nothing, so this
// opens no door: it is asked besides a key or a session.
func isLocal(r *http.Request) bool {
	local, _ := r.Context().Value(http.LocalAddrContextKey).(net.Addr)
	return local != nil && isLoopback(local.String()) && isLoopback(r.RemoteAddr) && web.IsLoopbackName(r) &&
		r.ProtoAtLeast(1, 1) && !isForwarded(r.Header)
}

func isLoopback(address string) bool {
	a, err := netip.ParseAddrPort(address)
	return err == nil && a.Addr().Unmap().IsLoopback()
}

// isForwarded reports whether a request has a header that no browser sends by itself: something has touched it on its
// way. What proxies add has too many names to list, what browsers send has few.
func isForwarded(header http.Header) bool {
	for name := range header {
		if !slices.Contains(browserHeaders, name) &&
			!slices.ContainsFunc(browserPrefixes, func(prefix string) bool { return strings.HasPrefix(name, prefix) }) {
			return true
		}
	}
	return false
}

// What browsers send, in Go's canonical spelling.
var (
	browserHeaders = []string{
		"Accept", "Cache-Control", "Connection", "Content-Length", "Content-Type", "Cookie", "Device-Memory", "Dnt", "Downlink", "Dpr",
		"Ect", "Keep-Alive", "Last-Event-Id", "Origin", "Pragma", "Priority", "Purpose", "Range", "Referer", "Rtt", "Save-Data",
		"Service-Worker", "Te", "Upgrade-Insecure-Requests", "User-Agent", "Viewport-Width", "Width", "X-Moz", "X-Purpose",
	}
	browserPrefixes = []string{"Accept-", "If-", "Sec-"}
)
