package sandbox

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// enterprisePages are the pages of an Enterprise Portal.
var enterprisePages = []string{
	"home", "catalogues", "product", "login", "register", "cart", "request", "apps", "app", "mail", "sorry",
	"access_requests", "users", "plans", "webhooks", "emails", "settings", "breakage",
}

// enterpriseSheet is what every page of an Enterprise Portal is made of.
type enterpriseSheet struct {
	Portal   string // the portal's name
	Title    string // of the page
	Section  string // of the admin's pages; empty in the live portal
	User     *User  // signed in, or nil
	InCart   int    // products in the cart
	Problem  string // what went wrong, in a sentence; shown first
	Notice   string // what went well
	Settings EnterpriseSettings
	Body     any // the page's own
}

// shopper is a developer signed in at the portal, with what they have put in their cart.
type shopper struct {
	user int
	cart []cartItem
}

func (e *Enterprise) routes() http.Handler {
	mux := http.NewServeMux()
	e.portalAPI(mux)
	mux.HandleFunc("GET /gateway/{product}", e.gateway)
	pages := http.NewServeMux()
	e.livePortal(pages)
	e.adminPortal(pages)
	e.controlRoutes(pages, e.ownControls())
	// Pages and control are what a browser may be tricked into posting to; the API asks for a header no form can send.
	guarded := http.NewCrossOriginProtection().Handler(pages)
	mux.Handle("/portal/", guarded)
	mux.Handle("/admin/", guarded)
	mux.Handle("/sandbox/", guarded)
	mux.Handle("GET /{$}", http.RedirectHandler("/portal/", http.StatusSeeOther))
	return e.observed(mux)
}

func (e *Enterprise) livePortal(mux *http.ServeMux) {
	member := func(page memberPage[User]) http.HandlerFunc { return forMembers(e.signedIn, page, e.sorry) }
	mux.HandleFunc("GET /portal/style.css", e.style)
	mux.HandleFunc("GET /portal/{$}", e.home)
	mux.HandleFunc("GET /portal/catalogues", e.cataloguePage)
	mux.HandleFunc("GET /portal/catalogue-products/{path}", e.productPage)
	mux.HandleFunc("GET /portal/login", e.loginForm)
	mux.HandleFunc("POST /portal/login", e.login)
	mux.HandleFunc("GET /portal/register", e.registerForm)
	mux.HandleFunc("POST /portal/register", e.signUp)
	mux.HandleFunc("POST /portal/logout", e.logout)
	mux.HandleFunc("GET /portal/cart", member(e.cartPage))
	mux.HandleFunc("POST /portal/cart", member(e.addToCart))
	mux.HandleFunc("POST /portal/cart/remove", member(e.removeFromCart))
	mux.HandleFunc("POST /portal/cart/submit", member(e.submitCart))
	mux.HandleFunc("GET /portal/requests/{id}", member(e.requestPage))
	mux.HandleFunc("GET /portal/apps", member(e.appsPage))
	mux.HandleFunc("POST /portal/apps", member(e.createApp))
	mux.HandleFunc("GET /portal/apps/{id}", member(e.appPage))
	mux.HandleFunc("GET /portal/mail", member(e.mailPage))
	mux.HandleFunc("/portal/", func(w http.ResponseWriter, r *http.Request) {
		e.sorry(w, r, refuse(http.StatusNotFound, "There is no such page."))
	})
}

// show renders a page of the live portal or, with a section, of the admin.
func (e *Enterprise) show(w http.ResponseWriter, r *http.Request, status int, name string, page enterpriseSheet) {
	page.Portal, page.Settings = e.name, e.Settings()
	if page.Section == "" {
		page.User = e.signedIn(r)
		e.visits.during(r, func(s *shopper) { page.InCart = len(s.cart) })
	}
	e.render(w, status, name, page)
}

// sorry shows an error to a person, with a way on.
func (e *Enterprise) sorry(w http.ResponseWriter, r *http.Request, err error) {
	status, sentence := sayable(err)
	page := enterpriseSheet{Title: "That did not work", Problem: sentence}
	if strings.HasPrefix(r.URL.Path, "/admin/") {
		page.Section = "sorry"
	}
	e.show(w, r, status, "sorry", page)
}

// signedIn returns the user of a request, or nil.
func (e *Enterprise) signedIn(r *http.Request) *User {
	var id int
	if !e.visits.during(r, func(s *shopper) { id = s.user }) {
		return nil
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.users.get(id)
}

func (e *Enterprise) home(w http.ResponseWriter, r *http.Request) {
	e.show(w, r, http.StatusOK, "home", enterpriseSheet{Title: "Weather for your company"})
}

func (e *Enterprise) loginForm(w http.ResponseWriter, r *http.Request) {
	e.show(w, r, http.StatusOK, "login", enterpriseSheet{
		Title: "Sign in", Body: entry{Next: wayBack(r.FormValue("next"), "/portal/catalogues")},
	})
}

func (e *Enterprise) login(w http.ResponseWriter, r *http.Request) {
	if err := formOf(w, r); err != nil {
		e.sorry(w, r, err)
		return
	}
	email, next := strings.TrimSpace(r.PostFormValue("email")), wayBack(r.PostFormValue("next"), "/portal/catalogues")
	user, err := e.authenticate(email, r.PostFormValue("password"))
	if err != nil {
		status, sentence := sayable(err)
		e.show(w, r, status, "login", enterpriseSheet{Title: "Sign in", Problem: sentence, Body: entry{Next: next, Email: email}})
		return
	}
	e.visits.begin(w, r, e.ids.secret(32), shopper{user: user.ID})
	http.Redirect(w, r, next, http.StatusSeeOther) //nolint:gosec // wayBack lets through paths of this portal only
}

func (e *Enterprise) logout(w http.ResponseWriter, r *http.Request) {
	e.visits.end(w, r)
	http.Redirect(w, r, "/portal/", http.StatusSeeOther)
}

// signUpForm is what the sign-up form shows.
type signUpForm struct{ First, Last, Email string }

func (e *Enterprise) registerForm(w http.ResponseWriter, r *http.Request) {
	e.show(w, r, http.StatusOK, "register", enterpriseSheet{Title: "Sign up", Body: signUpForm{}})
}

func (e *Enterprise) signUp(w http.ResponseWriter, r *http.Request) {
	if err := formOf(w, r); err != nil {
		e.sorry(w, r, err)
		return
	}
	settings := e.Settings()
	if settings.DisableSignup {
		e.sorry(w, r, refuse(http.StatusForbidden, "Signing up is switched off."))
		return
	}
	text := func(name string) string { return strings.TrimSpace(r.PostFormValue(name)) }
	form := signUpForm{First: text("first"), Last: text("last"), Email: text("email")}
	user, err := e.registerWith(form, r.PostFormValue("password"), settings.InactiveSignup, e.base(r)) //nolint:contextcheck // a webhook outlives what caused it
	if err != nil {
		e.show(w, r, http.StatusUnprocessableEntity, "register", enterpriseSheet{
			Title: "Sign up", Problem: "Not signed up: " + err.Error() + ".", Body: form,
		})
		return
	}
	if user.Inactive {
		http.Redirect(w, r, "/portal/login", http.StatusSeeOther)
		return
	}
	e.visits.begin(w, r, e.ids.secret(32), shopper{user: user.ID})
	http.Redirect(w, r, "/portal/catalogues", http.StatusSeeOther)
}

func (e *Enterprise) registerWith(form signUpForm, secret string, inactive bool, base string) (*User, error) {
	if len(secret) < 6 {
		return nil, refuse(http.StatusUnprocessableEntity, "the password has to have six characters at least")
	}
	return e.register(User{Email: form.Email, First: form.First, Last: form.Last, Password: secret, Inactive: inactive}, 0, base)
}

// shownCatalogue is a catalogue as the page of catalogues shows it.
type shownCatalogue struct {
	ID       int
	Name     string
	Products []*Product
}

func (e *Enterprise) cataloguePage(w http.ResponseWriter, r *http.Request) {
	user := e.signedIn(r)
	e.mu.Lock()
	var shown []shownCatalogue
	for _, catalogue := range e.visibleLocked(user) {
		one := shownCatalogue{ID: catalogue.ID, Name: catalogue.Name}
		for _, id := range catalogue.Products {
			one.Products = append(one.Products, e.products.get(id))
		}
		shown = append(shown, one)
	}
	e.mu.Unlock()
	e.show(w, r, http.StatusOK, "catalogues", enterpriseSheet{Title: "Catalogues", Body: shown})
}

// visibleLocked returns the catalogues somebody may see: nobody in particular sees the public ones.
func (e *Enterprise) visibleLocked(user *User) []*Catalogue {
	return slices.DeleteFunc(e.catalogues.all(), func(c *Catalogue) bool { return c.Private && user == nil })
}

// offer is a product with the plans it may be had with.
type offer struct {
	Product *Product
	Plans   []*Plan
}

// offerLocked returns what is offered for a product to somebody, or nil.
func (e *Enterprise) offerLocked(user *User, which func(*Product) bool) *offer {
	var found *offer
	for _, catalogue := range e.visibleLocked(user) {
		for _, id := range catalogue.Products {
			if product := e.products.get(id); which(product) {
				if found == nil {
					found = &offer{Product: product}
				}
				for _, plan := range catalogue.Plans {
					found.Plans = append(found.Plans, e.plans.get(plan))
				}
			}
		}
	}
	if found != nil {
		slices.SortFunc(found.Plans, func(a, b *Plan) int { return a.ID - b.ID })
		found.Plans = slices.Compact(found.Plans)
	}
	return found
}

func (e *Enterprise) productPage(w http.ResponseWriter, r *http.Request) {
	user := e.signedIn(r)
	e.mu.Lock()
	found := e.offerLocked(user, func(p *Product) bool { return p.Path == r.PathValue("path") })
	e.mu.Unlock()
	if found == nil {
		e.sorry(w, r, notThere("There is no such product."))
		return
	}
	e.show(w, r, http.StatusOK, "product", enterpriseSheet{Title: found.Product.DisplayName, Body: found})
}

func (e *Enterprise) mailPage(w http.ResponseWriter, r *http.Request, user *User) error {
	e.show(w, r, http.StatusOK, "mail", enterpriseSheet{Title: "Mail", Body: e.post.to(user.Email)})
	return nil
}

// shownRequest is an access request as pages show it.
type shownRequest struct {
	AccessRequest
	By       string // the user's name and address
	App      string
	Plan     string
	Products []string
	Link     string // the customised theme's, or empty
}

func (e *Enterprise) shownRequestLocked(request *AccessRequest) shownRequest {
	user := e.users.get(request.UserID)
	shown := shownRequest{
		AccessRequest: request.clone(), By: user.Name() + ", " + user.Email, App: e.apps.get(request.AppID).Name,
		Plan: e.plans.get(request.PlanID).DisplayName,
	}
	for _, id := range request.ProductIDs {
		shown.Products = append(shown.Products, e.products.get(id).DisplayName)
	}
	return shown
}

// requestPage says how an access request stands. It is where the cart leads, and where a customised theme puts its link.
func (e *Enterprise) requestPage(w http.ResponseWriter, r *http.Request, user *User) error {
	e.mu.Lock()
	request, err := foundIn(r, "id", &e.requests)
	if err != nil || request.UserID != user.ID {
		e.mu.Unlock()
		return notThere("This access request is not there, or not yours.")
	}
	shown := e.shownRequestLocked(request)
	settings := e.settings
	e.mu.Unlock()
	if shown.Link, err = e.themeLink(settings, &shown.AccessRequest, user); err != nil {
		return err
	}
	titles := map[string]string{Pending: "Waiting for approval", Approved: "Approved", Rejected: "Rejected"}
	e.show(w, r, http.StatusOK, "request", enterpriseSheet{Title: titles[shown.Status], Body: shown})
	return nil
}

// ThemeLink returns the link a customised theme shows its developer for an access request, or "" where there is none: no
// link is set, or the request is not pending. A signed link is made anew each time. It returns an error when there is no
// such request.
func (e *Enterprise) ThemeLink(id int) (string, error) {
	e.mu.Lock()
	request, settings := e.requests.get(id), e.settings
	if request == nil {
		e.mu.Unlock()
		return "", notThere("record not found")
	}
	user := e.users.get(request.UserID)
	e.mu.Unlock()
	return e.themeLink(settings, request, user)
}

func (e *Enterprise) themeLink(settings EnterpriseSettings, request *AccessRequest, user *User) (string, error) {
	if settings.ThemeLink == "" || request.Status != Pending {
		return "", nil
	}
	id := strconv.Itoa(request.ID)
	to := strings.ReplaceAll(settings.ThemeLink, "{id}", id)
	if to != settings.ThemeLink && settings.SignedLink.Kind == "" {
		return to, nil
	}
	return e.lead(to, orElse(settings.ThemeLinkParameter, "request_id"), settings.SignedLink,
		bearer{Request: id, Email: user.Email, Name: user.Name()})
}

func (e *Enterprise) appsPage(w http.ResponseWriter, r *http.Request, user *User) error {
	e.mu.Lock()
	mine := e.appsOfLocked(user.ID)
	e.mu.Unlock()
	e.show(w, r, http.StatusOK, "apps", enterpriseSheet{Title: "My apps", Body: mine})
	return nil
}

func (e *Enterprise) createApp(w http.ResponseWriter, r *http.Request, user *User) error {
	if err := formOf(w, r); err != nil {
		return err
	}
	name := strings.TrimSpace(r.PostFormValue("app_name"))
	if name == "" {
		return refuse(http.StatusUnprocessableEntity, "The app needs a name.")
	}
	e.mu.Lock()
	app := e.registerAppLocked(App{UserID: user.ID, Name: name, Description: strings.TrimSpace(r.PostFormValue("description"))})
	e.mu.Unlock()
	http.Redirect(w, r, "/portal/apps/"+strconv.Itoa(app.ID), http.StatusSeeOther)
	return nil
}

// shownApp is what the page of an app shows.
type shownApp struct {
	*App
	Requests []shownRequest
}

// appPage shows an app with its access requests and their credentials, as often as its developer asks: that is where an
// Enterprise Portal keeps them.
func (e *Enterprise) appPage(w http.ResponseWriter, r *http.Request, user *User) error {
	e.mu.Lock()
	app, err := foundIn(r, "id", &e.apps)
	if err != nil || app.UserID != user.ID {
		e.mu.Unlock()
		return notThere("This app is not there, or not yours.")
	}
	shown := shownApp{App: app}
	for _, id := range slices.Backward(e.requestsOf[app.ID]) {
		shown.Requests = append(shown.Requests, e.shownRequestLocked(e.requests.get(id)))
	}
	e.mu.Unlock()
	e.show(w, r, http.StatusOK, "app", enterpriseSheet{Title: app.Name, Body: shown})
	return nil
}
