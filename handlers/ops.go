package handlers

import (
	"maps"
	"net/http"
	"net/http/pprof"
	"net/netip"

	"warungjokul/handlers/web"
)

// OpsHandler serves the people who run the shop, on an address of its own: metrics,
// health, and profiles, which tell more than a stranger should know.
func (h *Handler) OpsHandler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /metrics", h.ServeMetrics)
	for _, path := range []string{"/healthz", "/readyz"} {
		mux.Handle("GET "+path, h.echo)
	}
	mux.HandleFunc("GET /debug/pprof/", byAddress(pprof.Index))
	mux.HandleFunc("GET /debug/pprof/cmdline", byAddress(pprof.Cmdline))
	mux.HandleFunc("GET /debug/pprof/profile", byAddress(pprof.Profile))
	mux.HandleFunc("GET /debug/pprof/symbol", byAddress(pprof.Symbol))
	mux.HandleFunc("POST /debug/pprof/symbol", byAddress(pprof.Symbol))
	mux.HandleFunc("GET /debug/pprof/trace", byAddress(pprof.Trace))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		maps.Copy(w.Header(), web.SafeHeaders())
		w.Header().Set("Content-Security-Policy", profilePolicy)
		mux.ServeHTTP(w, r)
	})
}

// profilePolicy is web.Policy with the inline styles of the list of profiles.
const profilePolicy = "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// byAddress answers those who name the listener by an address or as localhost: no
// web site reads a profile by a name that it lets resolve to here.
func byAddress(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		name, _ := web.SplitHost(r)
		if _, err := netip.ParseAddr(name); err != nil && name != "localhost" {
			http.Error(w, "profiles are served by address, such as http://127.0.0.1:9090/debug/pprof/", http.StatusMisdirectedRequest)
			return
		}
		next(w, r)
	}
}
