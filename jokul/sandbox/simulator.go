package sandbox

import "net/http"

func (s *Server) howToPayPage(w http.ResponseWriter, r *http.Request) { notFound(w, r) }
func (s *Server) simulatorRoutes() http.Handler                       { return http.HandlerFunc(notFound) }
