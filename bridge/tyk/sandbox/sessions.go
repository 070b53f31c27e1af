package sandbox

import "net/http"

// visit is a developer signed in at the portal.
type visit struct {
	developer string
	issued    any // the key or client to be shown once, on the next page of keys
}

func (s *Server) signIn(w http.ResponseWriter, r *http.Request, developer string) {
	s.visits.begin(w, r, s.ids.secret(32), visit{developer: developer})
	s.mu.Lock()
	defer s.mu.Unlock()
	s.changeDeveloperLocked(developer, func(d *Developer) { d.LastLogin = s.today() })
}

// signedIn returns the developer of a request, or nil.
func (s *Server) signedIn(r *http.Request) *Developer {
	var id string
	if !s.visits.during(r, func(v *visit) { id = v.developer }) {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.developers[id]
}

// keepForShowing puts a live secret aside until the developer's next page of keys, which shows it once.
func (s *Server) keepForShowing(r *http.Request, issued any) {
	s.visits.during(r, func(v *visit) { v.issued = issued })
}

func (s *Server) showOnce(r *http.Request) (issued any) {
	s.visits.during(r, func(v *visit) { issued, v.issued = v.issued, nil })
	return issued
}
