package sandbox

import (
	"bytes"
	"embed"
	"errors"
	"html/template"
	"net/http"
	"time"
)

//go:embed pages
var pageFiles embed.FS

// sheet is what every page is made of.
type sheet struct {
	Title   string
	Problem string // what went wrong, in a sentence; shown first
	Notice  string // what went well
	Body    any    // the page's own
}

// parsePages parses the pages by the name of their file, each within the layout.
func parsePages() map[string]*template.Template {
	words := template.FuncMap{
		"when":  func(t time.Time) string { return t.Format("2 January 2006, 15:04:05") },
		"clock": func(t time.Time) string { return t.Format("15:04:05") },
		"count": func(i int) int { return i + 1 },
		"says":  func(k FaultKind) string { return kindWords[k] },
		"is":    func(s Stage) string { return stageWords[s] },
	}
	layout := template.Must(template.New("layout.html").Funcs(words).ParseFS(pageFiles, "pages/layout.html"))
	pages := map[string]*template.Template{}
	for _, name := range []string{"mailbox", "mail", "faults", "sorry"} {
		pages[name] = template.Must(template.Must(layout.Clone()).ParseFS(pageFiles, "pages/"+name+".html"))
	}
	return pages
}

func (s *Server) pageRoutes(mux *http.ServeMux) {
	mux.HandleFunc("GET /{$}", s.showMailbox)
	mux.HandleFunc("POST /empty", s.empty)
	mux.HandleFunc("GET /mails/{number}", s.showMail)
	mux.HandleFunc("GET /mails/{number}/html", s.sendHTML)
	mux.HandleFunc("GET /mails/{number}/raw", s.sendRaw)
	mux.HandleFunc("GET /faults", s.showFaults)
	mux.HandleFunc("POST /faults", s.pressFault)
	mux.HandleFunc("POST /faults/clear", s.pressClear)
	mux.HandleFunc("GET /sandbox/style.css", s.style)
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		s.sorry(w, refuse(http.StatusNotFound, "There is no such page."))
	})
}

// show renders a page with the headers every page has, or a sentence when that fails.
func (s *Server) show(w http.ResponseWriter, status int, name string, page sheet) {
	var out bytes.Buffer
	if err := s.pages[name].Execute(&out, page); err != nil {
		s.log.Error("a page cannot be shown", "page", name, "error", err)
		http.Error(w, "This page cannot be shown. Please go back.", http.StatusInternalServerError)
		return
	}
	header := w.Header()
	header.Set("Content-Type", "text/html; charset=utf-8")
	header.Set("Cache-Control", "no-store")
	header.Set("Referrer-Policy", "same-origin") // a link in a mail is followed without one, being another host's
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("Content-Security-Policy",
		"default-src 'none'; style-src 'self'; frame-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'")
	w.WriteHeader(status)
	_, _ = out.WriteTo(w) // a browser that hung up is no business of the sandbox's
}

// sorry shows an error to a person, with a way on.
func (s *Server) sorry(w http.ResponseWriter, err error) {
	status, sentence := sayable(err)
	s.show(w, status, "sorry", sheet{Title: "That did not work", Problem: sentence})
}

// sayable is what a person may read of an error, and the status it goes with.
func sayable(err error) (status int, sentence string) {
	var why *refusal
	if errors.As(err, &why) {
		return why.status, why.message
	}
	return http.StatusUnprocessableEntity, err.Error()
}

func (s *Server) style(w http.ResponseWriter, _ *http.Request) {
	css, err := pageFiles.ReadFile("pages/style.css")
	if err != nil {
		http.Error(w, "the style sheet is missing", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/css; charset=utf-8")
	w.Header().Set("Cache-Control", "max-age=300")
	_, _ = w.Write(css) // a browser that hung up is no business of the sandbox's
}
