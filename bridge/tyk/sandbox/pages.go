package sandbox

import (
	"bytes"
	"embed"
	"errors"
	"html/template"
	"net/http"
	"strconv"
	"strings"
	"time"
)

//go:embed pages
var pageFiles embed.FS

// sheet is what every page of a Classic Portal is made of.
type sheet struct {
	Portal    string     // the portal's name
	Title     string     // of the page
	Admin     bool       // the Dashboard's side rather than the portal's
	Developer *Developer // signed in, or nil
	Problem   string     // what went wrong, in a sentence; shown first
	Notice    string     // what went well
	Settings  Settings
	Body      any // the page's own
}

// pageSet holds the parsed templates by the name of their file.
type pageSet map[string]*template.Template

// classicPages are the pages of a Classic Portal.
var classicPages = []string{
	"home", "catalogue", "login", "register", "request", "waiting", "keys", "generate", "mail", "sorry", "admin",
}

// parsePages parses the named pages of a folder, each within the folder's layout and with the parts both portals share.
func parsePages(folder string, names []string) pageSet {
	words := template.FuncMap{
		"when":  func(t time.Time) string { return t.Format("2 January 2006, 15:04") },
		"lines": func(texts []string) string { return strings.Join(texts, "\n") },
		"short": func(id string) string { return id[:min(len(id), 12)] },
	}
	layout := template.Must(template.New("layout.html").Funcs(words).ParseFS(pageFiles, folder+"/layout.html", "pages/parts/*.html"))
	pages := pageSet{}
	for _, name := range names {
		pages[name] = template.Must(template.Must(layout.Clone()).ParseFS(pageFiles, folder+"/"+name+".html"))
	}
	return pages
}

// show renders a page, or a sentence when that fails.
func (s *Server) show(w http.ResponseWriter, status int, name string, page sheet) {
	page.Portal, page.Settings = s.name, s.Settings()
	s.render(w, status, name, page)
}

// render writes a page with the headers every page has.
func (s *site) render(w http.ResponseWriter, status int, name string, page any) {
	var out bytes.Buffer
	if err := s.pages[name].Execute(&out, page); err != nil {
		s.log.Error("a page cannot be shown", "page", name, "error", err)
		http.Error(w, "This page cannot be shown. Please go back.", http.StatusInternalServerError)
		return
	}
	header := w.Header()
	header.Set("Content-Type", "text/html; charset=utf-8")
	header.Set("Cache-Control", "no-store")
	header.Set("Referrer-Policy", "same-origin")
	header.Set("X-Content-Type-Options", "nosniff")
	// No form-action: browsers apply it to redirects too, and the request form's redirect leads to another host.
	header.Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; base-uri 'none'; frame-ancestors 'none'")
	w.WriteHeader(status)
	_, _ = out.WriteTo(w) //nolint:errcheck // a browser that hung up is no business of the portal's
}

// sorry shows an error to a person, with a way on.
func (s *Server) sorry(w http.ResponseWriter, r *http.Request, err error) {
	status, sentence := sayable(err)
	s.show(w, status, "sorry", sheet{
		Title: "That did not work", Developer: s.signedIn(r), Problem: sentence, Admin: strings.HasPrefix(r.URL.Path, "/admin/"),
	})
}

// sayable is what a person may read of an error, and the status it goes with.
func sayable(err error) (status int, sentence string) {
	var why *refusal
	if errors.As(err, &why) {
		return why.status, why.message
	}
	return http.StatusInternalServerError, "Something went wrong here. Please try again."
}

// formOf reads a posted form, within the limit every body has.
func formOf(w http.ResponseWriter, r *http.Request) error {
	r.Body = http.MaxBytesReader(w, r.Body, maxBody)
	err := r.ParseForm()
	var tooLarge *http.MaxBytesError
	if errors.As(err, &tooLarge) {
		return refuse(http.StatusRequestEntityTooLarge, "That was more than this form takes.")
	}
	if err != nil {
		return refuse(http.StatusBadRequest, "The form could not be read.")
	}
	return nil
}

// formNumber reads a whole number of a form; empty is 0.
func formNumber(r *http.Request, name string) (int, error) {
	text := strings.TrimSpace(r.PostFormValue(name))
	if text == "" {
		return 0, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		return 0, refuse(http.StatusBadRequest, "“"+name+"” must be a whole number.")
	}
	return n, nil
}

func (s *site) style(w http.ResponseWriter, _ *http.Request) {
	css, err := pageFiles.ReadFile("pages/style.css")
	if err != nil {
		http.Error(w, "the style sheet is missing", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/css; charset=utf-8")
	w.Header().Set("Cache-Control", "max-age=300")
	_, _ = w.Write(css) //nolint:errcheck // a browser that hung up is no business of the portal's
}
