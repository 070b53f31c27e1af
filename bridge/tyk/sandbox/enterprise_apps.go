package sandbox

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// App is a developer's app: what access is granted to, and where its credentials are kept.
type App struct {
	ID           int
	UserID       int
	Name         string
	Description  string
	RedirectURLs string // of OAuth clients, with commas between them
	CreatedAt    time.Time
}

// Apps returns the apps of the user with the e-mail address, oldest first.
func (e *Enterprise) Apps(email string) []App {
	e.mu.Lock()
	defer e.mu.Unlock()
	var mine []App
	for _, app := range e.appsOfLocked(e.emails[strings.ToLower(email)]) {
		mine = append(mine, *app)
	}
	return mine
}

func (e *Enterprise) appsOfLocked(user int) []*App {
	return slices.DeleteFunc(e.apps.all(), func(app *App) bool { return app.UserID != user })
}

func (e *Enterprise) addAppLocked(app App) *App {
	app.CreatedAt = e.today()
	return e.apps.add(func(id int) App { app.ID = id; return app })
}

// registerAppLocked makes an app as the cart, the page of apps and the API do: the webhook is sent.
func (e *Enterprise) registerAppLocked(app App) *App {
	record := e.addAppLocked(app)
	e.announceLocked("ApplicationRegistered", "", struct {
		ID        int
		Name      string
		UserID    int
		CreatedAt time.Time
	}{record.ID, record.Name, record.UserID, record.CreatedAt})
	return record
}

// dropAppLocked removes an app with its access requests and their credentials.
func (e *Enterprise) dropAppLocked(app *App) {
	for _, id := range slices.Clone(e.requestsOf[app.ID]) {
		e.dropRequestLocked(e.requests.get(id))
	}
	delete(e.requestsOf, app.ID)
	e.apps.remove(app.ID)
}

// appInList is an app in a list, as the API speaks of it.
type appInList struct {
	ID           int
	Name         string
	Description  string
	RedirectURLs string
	UserID       int
	Visibility   string
	CreatedAt    string
}

// wholeApp is one app as the API speaks of it. Within it, Products of an access request always is a list.
type wholeApp struct {
	appInList
	AccessRequests []spokenRequest
}

func spokenApp(a *App) appInList {
	return appInList{a.ID, a.Name, a.Description, a.RedirectURLs, a.UserID, "personal", stamp(a.CreatedAt)}
}

func (e *Enterprise) spokenAppLocked(a *App) wholeApp {
	spoken := wholeApp{appInList: spokenApp(a), AccessRequests: []spokenRequest{}}
	for _, id := range e.requestsOf[a.ID] {
		request := e.requests.get(id)
		one := e.spokenRequestLocked(request)
		one.Products = e.productNamesLocked(request)
		spoken.AccessRequests = append(spoken.AccessRequests, one)
	}
	return spoken
}

func (e *Enterprise) getApps(r *http.Request) (any, error) {
	return pageOfShelf(e, r, &e.apps, spokenApp)
}

func (e *Enterprise) getApp(r *http.Request) (any, error) {
	return oneOfShelf(e, r, &e.apps, e.spokenAppLocked)
}

func (e *Enterprise) postApp(r *http.Request) (any, error) {
	var sent App
	if err := readJSON(r, &sent); err != nil {
		return nil, err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if strings.TrimSpace(sent.Name) == "" || e.users.get(sent.UserID) == nil {
		return nil, refuse(http.StatusUnprocessableEntity, "Name and the UserID of a user are needed")
	}
	return e.spokenAppLocked(e.registerAppLocked(sent)), nil
}

// putApp changes what is sent of an app.
func (e *Enterprise) putApp(r *http.Request) (any, error) {
	var sent struct{ Name, Description, RedirectURLs *string }
	if err := readJSON(r, &sent); err != nil {
		return nil, err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	app, err := foundIn(r, "id", &e.apps)
	if err != nil {
		return nil, err
	}
	if sent.Name != nil && strings.TrimSpace(*sent.Name) == "" {
		return nil, refuse(http.StatusUnprocessableEntity, "Name cannot be empty")
	}
	return e.spokenAppLocked(e.apps.change(app.ID, func(a *App) {
		put(&a.Name, sent.Name)
		put(&a.Description, sent.Description)
		put(&a.RedirectURLs, sent.RedirectURLs)
	})), nil
}

func (e *Enterprise) deleteApp(r *http.Request) (any, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	app, err := foundIn(r, "id", &e.apps)
	if err != nil {
		return nil, err
	}
	e.dropAppLocked(app)
	return saying("ok", ""), nil
}

// putProvision makes an access request for an app. Tyk's OpenAPI description has no body for it; this one is what
// public tools built on the portal send. The answer does not tell the new request's id, as described.
func (e *Enterprise) putProvision(r *http.Request) (any, error) {
	var sent struct {
		ProductIDs           []int
		PlanID               int
		ProvisionImmediately bool
	}
	if err := readJSON(r, &sent); err != nil {
		return nil, err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	app, err := foundIn(r, "id", &e.apps)
	if err != nil {
		return nil, err
	}
	if _, err := e.fileLocked(wish{
		app: app, products: sent.ProductIDs, plan: sent.PlanID, immediately: sent.ProvisionImmediately, actor: adminID,
	}, e.base(r)); err != nil {
		return nil, err
	}
	return saying("ok", "Action Provision: Executed successfully"), nil
}

// requestOfAppLocked returns the access request a path below an app names.
func (e *Enterprise) requestOfAppLocked(r *http.Request) (*AccessRequest, error) {
	request, err := foundIn(r, "request", &e.requests)
	if err != nil || strconv.Itoa(request.AppID) != r.PathValue("id") {
		return nil, notThere("record not found")
	}
	return request, nil
}

func (e *Enterprise) getRequestsOfApp(r *http.Request) (any, error) {
	p, err := pageOfList(r)
	if err != nil {
		return nil, err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	app, err := foundIn(r, "id", &e.apps)
	if err != nil {
		return nil, err
	}
	ids := slices.Clone(e.requestsOf[app.ID])
	if !e.settings.Quirks.OldestFirst {
		slices.Reverse(ids)
	}
	from, to := p.window(len(ids))
	spoken := []spokenRequest{}
	for _, id := range ids[from:to] {
		spoken = append(spoken, e.spokenRequestLocked(e.requests.get(id)))
	}
	return spoken, nil
}

func (e *Enterprise) getRequestOfApp(r *http.Request) (any, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	request, err := e.requestOfAppLocked(r)
	if err != nil {
		return nil, err
	}
	spoken := e.spokenRequestLocked(request)
	if e.settings.Quirks.BareAppRequests {
		return spoken.bareRequest, nil
	}
	return spoken, nil
}

func (e *Enterprise) deleteRequestOfApp(r *http.Request) (any, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	request, err := e.requestOfAppLocked(r)
	if err != nil {
		return nil, err
	}
	e.dropRequestLocked(request)
	return saying("ok", ""), nil
}
