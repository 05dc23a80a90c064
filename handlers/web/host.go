package web

import (
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"github.com/labstack/echo/v4"
)

// knownHost answers 421 to requests for a host that this shop is not. A site of
// somebody else may let its name resolve to this machine, and a browser would
// then take our pages for pages of that site (DNS rebinding). What programs ask
// for by any name is exempt: a notification is proved by its signature, and
// probes learn nothing.
func (h *App) knownHost(next echo.HandlerFunc) echo.HandlerFunc {
	var public string
	if base, err := url.Parse(h.BaseURL); err == nil {
		public = base.Hostname()
	}
	exempt := []string{h.NotificationPath, "/healthz", "/readyz", "/metrics"}
	return func(c echo.Context) error {
		r := c.Request()
		name, _ := SplitHost(r)
		if slices.Contains(exempt, c.Path()) || strings.EqualFold(name, public) || isOwnHost(r) {
			return next(c)
		}
		h.misdirected.Do(func() { // anybody can send these, as many as they like
			h.Log.WarnContext(r.Context(), "request for a host that is not this shop's",
				"host", r.Host[:min(len(r.Host), 100)], "from", r.RemoteAddr)
		})
		return c.String(http.StatusMisdirectedRequest, misdirected)
	}
}

const misdirected = "This shop is not known by that host name. " +
	"Open it at its BASE_URL, or on its own machine at the address its start printed.\n"

// isOwnHost reports whether a request names the listener that it came to: by a
// loopback name and the listener's port, or by the address that was connected to.
func isOwnHost(r *http.Request) bool {
	if IsLoopbackName(r) {
		return true
	}
	name, port := SplitHost(r)
	local, ok := localAddr(r)
	ip, err := netip.ParseAddr(name)
	return ok && err == nil && netip.AddrPortFrom(ip.Unmap(), local.Port()) == local && port == fmt.Sprint(local.Port())
}

// IsLoopbackName reports whether a request names the listener by a loopback name
// and the listener's port.
func IsLoopbackName(r *http.Request) bool {
	name, port := SplitHost(r)
	local, ok := localAddr(r)
	return ok && port == fmt.Sprint(local.Port()) &&
		slices.Contains([]string{"localhost", "127.0.0.1", "::1"}, strings.ToLower(name))
}

// localAddr is where a request was received.
func localAddr(r *http.Request) (netip.AddrPort, bool) {
	local, _ := r.Context().Value(http.LocalAddrContextKey).(net.Addr)
	if local == nil {
		return netip.AddrPort{}, false
	}
	a, err := netip.ParseAddrPort(local.String())
	return netip.AddrPortFrom(a.Addr().Unmap().WithZone(""), a.Port()), err == nil
}

// SplitHost is the Host of a request: its name, without brackets, and its port.
func SplitHost(r *http.Request) (name, port string) {
	name, port, err := net.SplitHostPort(r.Host)
	if err != nil {
		return strings.Trim(r.Host, "[]"), "80"
	}
	return name, port
}
