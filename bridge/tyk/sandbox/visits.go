package sandbox

import (
	"maps"
	"net/http"
	"sync"
)

// visits are the browsers signed in at a portal, each known by the token in its cookie. V is what the portal keeps of one
// until its person signs out or the sandbox ends.
type visits[V any] struct {
	cookie string // its name: cookies are shared by all ports of a host, so two portals need two names
	mu     sync.Mutex
	open   map[string]*V
}

func (v *visits[V]) begin(w http.ResponseWriter, r *http.Request, token string, visit V) {
	v.mu.Lock()
	if v.open == nil {
		v.open = map[string]*V{}
	}
	v.open[token] = &visit
	v.mu.Unlock()
	http.SetCookie(w, &http.Cookie{ //nolint:gosec // Secure follows the connection: the sandbox mostly speaks plain HTTP on loopback
		Name: v.cookie, Value: token, Path: "/portal/", HttpOnly: true, SameSite: http.SameSiteLaxMode, Secure: r.TLS != nil,
	})
}

func (v *visits[V]) end(w http.ResponseWriter, r *http.Request) {
	if cookie, err := r.Cookie(v.cookie); err == nil {
		v.mu.Lock()
		delete(v.open, cookie.Value)
		v.mu.Unlock()
	}
	http.SetCookie(w, &http.Cookie{ //nolint:gosec // Secure follows the connection: the sandbox mostly speaks plain HTTP on loopback
		Name: v.cookie, Path: "/portal/", MaxAge: -1, HttpOnly: true, SameSite: http.SameSiteLaxMode, Secure: r.TLS != nil,
	})
}

// during lets look read and change the visit a request belongs to, and tells whether there is one. look must not block.
func (v *visits[V]) during(r *http.Request, look func(*V)) bool {
	cookie, err := r.Cookie(v.cookie)
	if err != nil {
		return false
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	visit := v.open[cookie.Value]
	if visit == nil {
		return false
	}
	look(visit)
	return true
}

// drop ends the visits that which picks.
func (v *visits[V]) drop(which func(*V) bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	maps.DeleteFunc(v.open, func(_ string, visit *V) bool { return which(visit) })
}
