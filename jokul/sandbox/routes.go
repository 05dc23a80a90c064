package sandbox

import (
	"net/http"
	"strings"
)

// Paths of the gateway's API, as on DOKU's hosts (docs/protocol.md section 1).
const (
	createPath       = "/indomaret-online-to-offline/v2/payment-code"
	howToPayPagePath = "/indomaret-online-to-offline/v2/how-to-pay-page/"
	howToPayAPIPath  = "/indomaret-online-to-offline/v2/how-to-pay-api/"
	statusPath       = "/orders/v1/status/"
)

func (s *Server) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc(createPath, only(http.MethodPost, s.api("create", s.create)))
	mux.HandleFunc(statusPath+"{id}", only(http.MethodGet, s.api("status", s.status)))
	mux.HandleFunc(howToPayPagePath+"{code}/{token}", only(http.MethodGet, s.howToPayPage))
	mux.HandleFunc(howToPayAPIPath+"{code}/{token}", only(http.MethodGet, s.howToPayAPI))
	mux.Handle("/control/", s.ownHost(sameOrigin(s.withControlKey(s.controlRoutes()))))
	simulator := s.PublicTill()
	if s.cfg.ControlKey == "" {
		simulator = s.ownHost(sameOrigin(till{Server: s}.routes()))
	}
	mux.Handle("/simulator", simulator)
	mux.Handle("/simulator/", simulator)
	mux.Handle("GET /{$}", http.RedirectHandler("/simulator", http.StatusSeeOther))
	mux.HandleFunc("/", notFound)
	return mux
}

// sameOrigin keeps web pages of other origins from driving the sandbox through
// the browser of whoever runs it. Programs send neither header and pass.
func sameOrigin(h http.Handler) http.Handler {
	guard := http.NewCrossOriginProtection()
	guard.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		writeJSON(w, http.StatusForbidden, controlError{"this page belongs to another site and may not drive the sandbox"})
	}))
	return guard.Handler(h)
}

// only refuses other methods as the gateway words it: there is no endpoint to
// update or cancel a code (docs/protocol.md section 1).
func only(method string, h http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if r.Method != method && !(method == http.MethodGet && r.Method == http.MethodHead) {
			w.Header().Set("Allow", allowed(method))
			writeJSON(w, http.StatusMethodNotAllowed, gatewayMessage{"Request method '" + r.Method + "' is not supported."})
			return
		}
		h(w, r)
	}
}

// allowed is a method as an Allow header names it: whatever answers GET answers HEAD.
func allowed(method string) string {
	if method == http.MethodGet {
		return "GET, HEAD"
	}
	return method
}

func notFound(w http.ResponseWriter, r *http.Request) {
	path := strings.TrimPrefix(r.URL.Path, "/")
	writeJSON(w, http.StatusNotFound, gatewayMessage{"No static resource " + path + "."})
}

// gatewayMessage is the second error envelope of docs/protocol.md section 6.
type gatewayMessage struct {
	Message string `json:"message"`
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(marshal(v)) // a caller that has gone cannot be helped
}
