package sandbox

import (
	"bytes"
	"embed"
	"html/template"
	"io/fs"
	"net/http"
	"strings"
)

//go:embed pages
var pageFiles embed.FS

var pages = template.Must(template.ParseFS(pageFiles, "pages/*.html"))

// assets serves the stylesheet.
func assets() http.Handler {
	files, _ := fs.Sub(pageFiles, "pages/assets") // the path is right: it is embedded above
	server := http.StripPrefix("/simulator/assets/", http.FileServerFS(files))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "no-cache")
		server.ServeHTTP(w, r)
	})
}

// guard sets what every answer says to browsers, pages and data alike.
func guard(h http.Header) {
	h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "same-origin")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Permissions-Policy", "camera=(), geolocation=(), microphone=(), payment=(), usb=()")
}

// framedBy is who may show our pages in a frame, as the policy spells it.
func (s *Server) framedBy() string {
	if len(s.cfg.FramedBy) == 0 {
		return "'none'"
	}
	return strings.Join(s.cfg.FramedBy, " ")
}

// render writes a whole page or a clean error, never half of one.
func (s *Server) render(w http.ResponseWriter, name string, page any) {
	var b bytes.Buffer
	if err := pages.ExecuteTemplate(&b, name, page); err != nil {
		s.cannotShow(w, name, err)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors "+s.framedBy())
	_, _ = w.Write(b.Bytes()) // a reader that has gone needs no page
}

func (s *Server) cannotShow(w http.ResponseWriter, page string, err error) {
	s.log.Error("cannot show page", "page", page, "error", err)
	http.Error(w, "the page cannot be shown", http.StatusInternalServerError)
}
