package sandbox

import "net/http"

func (s *Server) routes() http.Handler {
	mux := http.NewServeMux()
	s.pageRoutes(mux)
	s.controlRoutes(mux)
	// Forms and control are what a browser may be tricked into posting to.
	return http.NewCrossOriginProtection().Handler(mux)
}
