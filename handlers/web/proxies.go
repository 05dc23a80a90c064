package web

import (
	"fmt"
	"net/http"
	"net/netip"
	"slices"
	"strings"

	"github.com/labstack/echo/v4"
)

// Proxies are the peers whose word on a request is taken: whom it comes from
// (X-Forwarded-For or X-Real-IP) and what it is called (X-Request-Id).
type Proxies []netip.Prefix

// ParseProxies reads addresses and networks separated by commas.
func ParseProxies(list string) (Proxies, error) {
	var p Proxies
	for each := range strings.SplitSeq(list, ",") {
		each = strings.TrimSpace(each)
		if each == "" {
			continue
		}
		network, err := netip.ParsePrefix(each)
		if !strings.Contains(each, "/") {
			var address netip.Addr
			if address, err = netip.ParseAddr(each); err == nil {
				network = netip.PrefixFrom(address.WithZone(""), address.BitLen())
			}
		}
		if err != nil {
			return nil, fmt.Errorf("%q is neither an address nor a network", each)
		}
		if network.Addr().Is4In6() {
			network = netip.PrefixFrom(network.Addr().Unmap(), network.Bits()-96)
		}
		if network.Bits() < 8 {
			return nil, fmt.Errorf("%q is half the internet: everybody in it could choose their own address", each)
		}
		p = append(p, network.Masked())
	}
	return p, nil
}

// trust reports whether a peer, address and port, is one of them.
func (p Proxies) trust(peer string) bool {
	a, err := netip.ParseAddrPort(peer)
	return err == nil && p.contain(plain(a.Addr()))
}

func (p Proxies) contain(ip netip.Addr) bool {
	return slices.ContainsFunc(p, func(network netip.Prefix) bool { return network.Contains(ip) })
}

// ClientAddress is who a request comes from: what its peer says, if that is a proxy of ours, else the peer itself. A
// proxy says it in X-Forwarded-For, whose last address that is no proxy of ours counts, or in X-Real-IP. Whichever
// header a proxy does not set itself it passes on as the visitor wrote it, and nothing tells the two apart. So where
// both are there and differ neither is believed: the request counts as the proxy's own.
func (p Proxies) ClientAddress() echo.IPExtractor {
	return func(r *http.Request) string {
		address, _ := p.client(r)
		return address
	}
}

// client is who a request comes from. differ reports that the headers of a proxy of ours do not agree on it.
func (p Proxies) client(r *http.Request) (address string, differ bool) {
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr, false
	}
	proxy := plain(peer.Addr())
	if !p.contain(proxy) {
		return proxy.String(), false
	}
	chain := listed(r.Header.Values(echo.HeaderXForwardedFor))
	real := listed(r.Header.Values(echo.HeaderXRealIP))
	if len(chain) == 0 {
		chain = real
	}
	if len(chain) == 0 {
		return proxy.String(), false
	}
	first := p.firstOf(chain)
	for _, each := range real { // the client, or the proxy that is next to ours
		if ip := read(each); !ip.IsValid() || ip != first && ip != read(chain[len(chain)-1]) {
			return proxy.String(), true
		}
	}
	if !first.IsValid() {
		return proxy.String(), false
	}
	return first.String(), false
}

// firstOf is the last address of a chain that is no proxy of ours, or the first of all where each is. It is invalid
// where what stands there is no address.
func (p Proxies) firstOf(chain []string) (ip netip.Addr) {
	for _, each := range slices.Backward(chain) {
		if ip = read(each); !ip.IsValid() || !p.contain(ip) {
			return ip
		}
	}
	return ip
}

// listed are the elements of a header that is a list, over all its lines, without empty ones.
func listed(lines []string) (list []string) {
	for each := range strings.SplitSeq(strings.Join(lines, ","), ",") {
		if each = strings.TrimSpace(each); each != "" {
			list = append(list, each)
		}
	}
	return list
}

// read is the address that a header says, invalid where it says none.
func read(text string) netip.Addr {
	ip, err := netip.ParseAddr(strings.TrimSuffix(strings.TrimPrefix(text, "["), "]"))
	if err != nil {
		return netip.Addr{}
	}
	return plain(ip)
}

// plain is an address in the one form in which it is compared and counted.
func plain(ip netip.Addr) netip.Addr { return ip.Unmap().WithZone("") }

// warnOfProxy says that a proxy seems to stand in front of the shop which it is
// not told of.
func (h *App) warnOfProxy(r *http.Request) {
	for _, name := range []string{echo.HeaderXForwardedFor, echo.HeaderXRealIP, "Forwarded"} {
		if len(r.Header[http.CanonicalHeaderKey(name)]) == 0 {
			continue
		}
		h.untrusted.Do(func() { // anybody can send these, as many as they like
			h.Log.WarnContext(r.Context(), "a forwarding header is ignored, for its peer is not in TRUSTED_PROXIES: "+
				"if that is your proxy, all its visitors count as one client", "header", name, "peer", r.RemoteAddr)
		})
		return
	}
}

// warnOfDispute says that a proxy of ours sends two headers that name different clients.
func (h *App) warnOfDispute(r *http.Request) {
	if _, differ := h.Proxies.client(r); !differ {
		return
	}
	h.untrusted.Do(func() { // anybody can send what a proxy passes on, as often as they like
		h.Log.WarnContext(r.Context(), "a proxy in TRUSTED_PROXIES sent X-Forwarded-For and X-Real-IP that differ, one of which its visitor "+
			"may have written: the request counts as the proxy's own; have the proxy set both", "peer", r.RemoteAddr)
	})
}

// warnOfOneClient says that a limit was reached by a client on this machine or in a
// private network, which may be a proxy that does not say whom it forwards.
func (h *App) warnOfOneClient(c echo.Context) {
	ip, err := netip.ParseAddr(c.RealIP())
	if err != nil || !ip.IsLoopback() && !ip.IsPrivate() {
		return
	}
	h.untrusted.Do(func() {
		h.Log.WarnContext(c.Request().Context(), "a limit was reached by an address of this machine or a private network: "+
			"if that is a proxy, have it send X-Forwarded-For and name it in TRUSTED_PROXIES, or all its visitors count as one client", "client", ip.String())
	})
}
