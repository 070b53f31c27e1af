package sandbox

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

func (s *Server) portalRoutes(mux *http.ServeMux) {
	mux.HandleFunc("GET /portal/style.css", s.style)
	mux.HandleFunc("GET /portal/{$}", s.home)
	mux.HandleFunc("GET /portal/catalogue", s.catalogueOrLogin)
	mux.HandleFunc("GET /portal/login", s.loginForm)
	mux.HandleFunc("POST /portal/login", s.login)
	mux.HandleFunc("GET /portal/register", s.registerForm)
	mux.HandleFunc("POST /portal/register", s.register)
	mux.HandleFunc("POST /portal/logout", s.logout)
	mux.HandleFunc("GET /portal/request", s.member(s.requestForm))
	mux.HandleFunc("POST /portal/request", s.member(s.request))
	mux.HandleFunc("GET /portal/requests/{id}", s.member(s.waiting))
	mux.HandleFunc("GET /portal/keys", s.member(s.myKeys))
	mux.HandleFunc("GET /portal/generate/{id}", s.member(s.generateForm))
	mux.HandleFunc("POST /portal/generate/{id}", s.member(s.generateKey))
	mux.HandleFunc("GET /portal/mail", s.member(s.myMail))
	mux.HandleFunc("/portal/", func(w http.ResponseWriter, r *http.Request) {
		s.sorry(w, r, refuse(http.StatusNotFound, "There is no such page."))
	})
}

// member serves a page to whoever is signed in; others sign in first and come back.
func (s *Server) member(page memberPage[Developer]) http.HandlerFunc {
	return forMembers(s.signedIn, page, s.sorry)
}

// memberPage is a page for somebody who is signed in.
type memberPage[P any] func(http.ResponseWriter, *http.Request, *P) error

// forMembers serves a page to whoever is signed in. Others sign in first: they come back to what they read, or to the page
// they sent a form from.
func forMembers[P any](who func(*http.Request) *P, page memberPage[P], sorry func(http.ResponseWriter, *http.Request, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		person := who(r)
		if person == nil {
			http.Redirect(w, r, "/portal/login?next="+url.QueryEscape(comeBackTo(r)), http.StatusSeeOther)
			return
		}
		if err := page(w, r, person); err != nil {
			sorry(w, r, err)
		}
	}
}

func comeBackTo(r *http.Request) string {
	if r.Method == http.MethodGet || r.Method == http.MethodHead {
		return r.URL.RequestURI()
	}
	if from, err := url.Parse(r.Referer()); err == nil && from.Host == r.Host {
		return from.RequestURI()
	}
	return "/portal/"
}

func (s *Server) home(w http.ResponseWriter, r *http.Request) {
	s.show(w, http.StatusOK, "home", sheet{Title: "Weather for your app", Developer: s.signedIn(r)})
}

func (s *Server) catalogueOrLogin(w http.ResponseWriter, r *http.Request) {
	developer := s.signedIn(r)
	if developer == nil && s.Settings().CatalogueLoginOnly {
		http.Redirect(w, r, "/portal/login?next=/portal/catalogue", http.StatusSeeOther)
		return
	}
	shown := slices.DeleteFunc(s.Catalogue(), func(entry CatalogueEntry) bool { return !entry.Show })
	s.show(w, http.StatusOK, "catalogue", sheet{Title: "Catalogue", Developer: developer, Body: shown})
}

// wayBack is where a developer goes on after signing in: a page of this portal, never another host's.
func wayBack(next, otherwise string) string {
	if strings.HasPrefix(next, "/portal/") && !strings.ContainsAny(next, "\\\r\n") {
		return next
	}
	return otherwise
}

// entry is what the sign-in and sign-up forms show.
type entry struct {
	Next, Email, Name string
	Fields            []field
}

// field is a question of a form: its label, its name in the form, and the answer so far.
type field struct{ Label, Name, Answer string }

func fieldsOf(labels []string, r *http.Request) []field {
	fields := make([]field, len(labels))
	for i, label := range labels {
		name := "field_" + strconv.Itoa(i+1)
		fields[i] = field{Label: label, Name: name, Answer: strings.TrimSpace(r.PostFormValue(name))}
	}
	return fields
}

func (s *Server) loginForm(w http.ResponseWriter, r *http.Request) {
	s.show(w, http.StatusOK, "login", sheet{Title: "Sign in", Developer: s.signedIn(r), Body: entry{Next: wayBack(r.FormValue("next"), "/portal/catalogue")}})
}

func (s *Server) login(w http.ResponseWriter, r *http.Request) {
	if err := formOf(w, r); err != nil {
		s.sorry(w, r, err)
		return
	}
	if s.Settings().DisableLogin {
		s.sorry(w, r, refuse(http.StatusForbidden, "Signing in is switched off."))
		return
	}
	email, next := strings.TrimSpace(r.PostFormValue("email")), wayBack(r.PostFormValue("next"), "/portal/catalogue")
	developer, err := s.authenticate(email, r.PostFormValue("password"))
	if err != nil {
		s.show(w, http.StatusUnauthorized, "login", sheet{
			Title: "Sign in", Problem: "That e-mail address and password do not go together.", Body: entry{Next: next, Email: email},
		})
		return
	}
	s.signIn(w, r, developer.ID)
	http.Redirect(w, r, next, http.StatusSeeOther) //nolint:gosec // wayBack lets through paths of this portal only
}

func (s *Server) registerForm(w http.ResponseWriter, r *http.Request) {
	s.show(w, http.StatusOK, "register", sheet{
		Title: "Sign up", Developer: s.signedIn(r), Body: entry{Fields: fieldsOf(s.Settings().SignupFields, r)},
	})
}

func (s *Server) register(w http.ResponseWriter, r *http.Request) {
	if err := formOf(w, r); err != nil {
		s.sorry(w, r, err)
		return
	}
	settings := s.Settings()
	if settings.DisableSignup {
		s.sorry(w, r, refuse(http.StatusForbidden, "Signing up is switched off."))
		return
	}
	form := entry{
		Email: strings.TrimSpace(r.PostFormValue("email")), Name: strings.TrimSpace(r.PostFormValue("name")),
		Fields: fieldsOf(settings.SignupFields, r),
	}
	developer, err := s.signUp(form, r.PostFormValue("password"))
	if err != nil {
		s.show(w, http.StatusUnprocessableEntity, "register", sheet{Title: "Sign up", Problem: "Not signed up: " + err.Error() + ".", Body: form})
		return
	}
	s.post.add(welcomeMail(s.name, &developer, s.base(r), s.today()))
	if settings.DisableAutoLogin {
		http.Redirect(w, r, "/portal/login", http.StatusSeeOther)
		return
	}
	s.signIn(w, r, developer.ID)
	http.Redirect(w, r, "/portal/catalogue", http.StatusSeeOther)
}

func (s *Server) signUp(form entry, secret string) (Developer, error) {
	if len(secret) < 6 {
		return Developer{}, refuse(http.StatusUnprocessableEntity, "the password has to have six characters at least")
	}
	fields := map[string]string{"Name": form.Name}
	for _, question := range form.Fields {
		fields[question.Label] = question.Answer
	}
	return s.AddDeveloper(Developer{Email: form.Email, Password: secret, Fields: fields})
}

func (s *Server) logout(w http.ResponseWriter, r *http.Request) {
	s.visits.end(w, r)
	http.Redirect(w, r, "/portal/", http.StatusSeeOther)
}

func (s *Server) myMail(w http.ResponseWriter, _ *http.Request, developer *Developer) error {
	s.show(w, http.StatusOK, "mail", sheet{Title: "Mail", Developer: developer, Body: s.post.to(developer.Email)})
	return nil
}
