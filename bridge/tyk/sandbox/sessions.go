package sandbox

import "net/http"

// sessionCookie names the cookie of a developer who is signed in.
const sessionCookie = "portal_session"

// session is a developer signed in at the portal. It lives until they sign out or the sandbox ends.
type session struct {
	developer string
	issued    any // the key or client to be shown once, on the next page of keys
}

func (s *Server) signIn(w http.ResponseWriter, r *http.Request, developer string) {
	token := s.ids.secret(32)
	s.mu.Lock()
	s.sessions[token] = &session{developer: developer}
	s.changeDeveloperLocked(developer, func(d *Developer) { d.LastLogin = s.today() })
	s.mu.Unlock()
	http.SetCookie(w, &http.Cookie{ //nolint:gosec // Secure follows the connection: the sandbox mostly speaks plain HTTP on loopback
		Name: sessionCookie, Value: token, Path: "/portal/", HttpOnly: true, SameSite: http.SameSiteLaxMode, Secure: r.TLS != nil,
	})
}

func (s *Server) signOut(w http.ResponseWriter, r *http.Request) {
	if cookie, err := r.Cookie(sessionCookie); err == nil {
		s.mu.Lock()
		delete(s.sessions, cookie.Value)
		s.mu.Unlock()
	}
	http.SetCookie(w, &http.Cookie{ //nolint:gosec // Secure follows the connection: the sandbox mostly speaks plain HTTP on loopback
		Name: sessionCookie, Path: "/portal/", MaxAge: -1, HttpOnly: true, SameSite: http.SameSiteLaxMode, Secure: r.TLS != nil,
	})
}

// signedIn returns the developer of a request, or nil.
func (s *Server) signedIn(r *http.Request) *Developer {
	s.mu.Lock()
	defer s.mu.Unlock()
	if one := s.sessionLockedOf(r); one != nil {
		return s.developers[one.developer]
	}
	return nil
}

func (s *Server) sessionLockedOf(r *http.Request) *session {
	cookie, err := r.Cookie(sessionCookie)
	if err != nil {
		return nil
	}
	return s.sessions[cookie.Value]
}

// keepForShowing puts a live secret aside until the developer's next page of keys, which shows it once.
func (s *Server) keepForShowing(r *http.Request, issued any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if one := s.sessionLockedOf(r); one != nil {
		one.issued = issued
	}
}

func (s *Server) showOnce(r *http.Request) any {
	s.mu.Lock()
	defer s.mu.Unlock()
	one := s.sessionLockedOf(r)
	if one == nil {
		return nil
	}
	issued := one.issued
	one.issued = nil
	return issued
}
