package sandbox

import (
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
)

// ownHost answers 421 to those who name another host than this gateway, if it is
// told to. The gateway's API is exempt: its requests are signed, and its pages have
// addresses that nobody guesses.
func (s *Server) ownHost(next http.Handler) http.Handler {
	if !s.cfg.OwnHostOnly {
		return next
	}
	known := []string{"localhost"}
	for _, host := range s.cfg.Hosts {
		known = append(known, strings.ToLower(host))
	}
	if u, err := url.Parse(s.cfg.PublicURL); err == nil {
		known = append(known, strings.ToLower(u.Hostname()))
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		name, _, err := net.SplitHostPort(r.Host)
		if err != nil {
			name = strings.Trim(r.Host, "[]")
		}
		// No site has an address for its name, but one that is at that address.
		if _, err := netip.ParseAddr(name); err != nil && !slices.Contains(known, strings.ToLower(name)) {
			writeJSON(w, http.StatusMisdirectedRequest, controlError{"this gateway is not known by that host name: " +
				"use its address, or tell it the name (jokul sandbox --host NAME)"})
			return
		}
		next.ServeHTTP(w, r)
	})
}
