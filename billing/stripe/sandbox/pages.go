package sandbox

import (
	"bytes"
	"net/http"
	"time"
)

func (s *Server) pageRoutes() map[string]http.HandlerFunc {
	return map[string]http.HandlerFunc{
		"GET /c/pay/{session}":         s.showCheckout,
		"POST /c/pay/{session}":        s.pressCheckout,
		"GET /p/session/{visit}":       s.showPortal,
		"POST /p/session/{visit}":      s.pressPortal,
		"GET /{$}":                     s.showDashboard,
		"POST /{$}":                    s.pressDashboard,
		"GET /sessions/{id}":           s.showObject,
		"GET /subscriptions/{id}":      s.showObject,
		"POST /sessions/{id}":          s.pressObject,
		"POST /subscriptions/{id}":     s.pressObject,
		"POST /events/{event}/deliver": s.pressDeliver,
		"GET /sandbox/style.css":       showStyle,
	}
}

// show renders a page. Rendering into memory first means that a page is whole
// or an error, never half of one.
func (s *Server) show(w http.ResponseWriter, status int, name string, of any) {
	var page bytes.Buffer
	if err := s.pages.ExecuteTemplate(&page, name, of); err != nil {
		s.log.Error("rendering a page", "page", name, "error", err)
		http.Error(w, "The page could not be shown.", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_, _ = page.WriteTo(w) // whoever asked may be gone
}

// trouble is a page for what is not there or not possible.
type trouble struct{ Title, Text, Back, BackText string }

func (s *Server) showTrouble(w http.ResponseWriter, status int, t trouble) {
	s.show(w, status, "trouble.html", t)
}

// goBack shows the page again that a button was pressed on. An empty reference
// is the page itself, so nothing of the request finds its way into it.
func goBack(w http.ResponseWriter) {
	w.Header().Set("Location", "?")
	w.WriteHeader(http.StatusSeeOther)
}

func showStyle(w http.ResponseWriter, _ *http.Request) {
	style, err := files.ReadFile("templates/style.css")
	if err != nil {
		http.Error(w, "no style", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/css; charset=utf-8")
	_, _ = w.Write(style)
}

func clockTime(unix int64) string {
	return time.Unix(unix, 0).UTC().Format("2 Jan 2006 15:04:05 UTC")
}
