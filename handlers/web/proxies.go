package web

import (
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"strings"

	"github.com/labstack/echo/v4"
)

// Proxies are the peers whose word on a request is taken: whom it comes from
// (X-Forwarded-For) and what it is called (X-Request-Id).
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
	if err != nil {
		return false
	}
	ip := a.Addr().Unmap().WithZone("")
	for _, network := range p {
		if network.Contains(ip) {
			return true
		}
	}
	return false
}

// ClientAddress is who a request comes from: the last in X-Forwarded-For that is
// no proxy of ours, or what X-Real-IP says where that is missing, if its peer is a
// proxy of ours; else the peer.
func (p Proxies) ClientAddress() echo.IPExtractor {
	options := []echo.TrustOption{echo.TrustLoopback(false), echo.TrustLinkLocal(false), echo.TrustPrivateNet(false)}
	for _, network := range p {
		options = append(options, echo.TrustIPRange(&net.IPNet{
			IP: network.Addr().AsSlice(), Mask: net.CIDRMask(network.Bits(), network.Addr().BitLen())}))
	}
	forwarded := echo.ExtractIPFromXFFHeader(options...)
	return func(r *http.Request) string {
		if p.trust(r.RemoteAddr) && r.Header.Get(echo.HeaderXForwardedFor) == "" {
			if ip, err := netip.ParseAddr(r.Header.Get(echo.HeaderXRealIP)); err == nil {
				return ip.Unmap().WithZone("").String()
			}
		}
		return forwarded(r)
	}
}

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
