package sandbox

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// The states of an [AccessRequest].
const (
	Pending  = "pending"
	Approved = "approved"
	Rejected = "rejected"
)

// AccessRequest is a developer's wish for access: several products, one plan, one app. What an [Enterprise] hands out is a
// copy, which holds the credentials: they are secrets.
type AccessRequest struct {
	ID                              int
	Status                          string
	UserID, AppID, PlanID           int
	ProductIDs                      []int
	Catalogue                       string // the name of the one that lists all of it, if there is one
	AuthType                        string
	DCREnabled                      bool
	ProvisionImmediately            bool // it was approved automatically
	CreatedAt, UpdatedAt, DeletedAt time.Time
	Credentials                     []Credential
}

func (a *AccessRequest) clone() AccessRequest {
	c := *a
	c.ProductIDs, c.Credentials = slices.Clone(a.ProductIDs), slices.Clone(a.Credentials)
	return c
}

// AccessAsk is what [Enterprise.CreateAccessRequest] makes an access request of.
type AccessAsk struct {
	// Email says who asks; somebody who is not known yet becomes a user first, without a password.
	Email string `json:"email"`
	// App names the app; one the user does not have yet is made. Empty means their first one, or "My app".
	App string `json:"app"`
	// Products are the ids of what is asked for, Plan is the id of the plan.
	Products []int `json:"products"`
	Plan     int   `json:"plan"`
}

// CreateAccessRequest files an access request as the cart does: webhooks and mails are sent, and with a plan that approves
// automatically it comes back approved. It returns an error when the address is none, what is asked for is not there, or
// the products are not called in the same way.
func (e *Enterprise) CreateAccessRequest(ask AccessAsk) (AccessRequest, error) {
	if _, known := e.User(ask.Email); !known {
		if _, err := e.AddUser(User{Email: ask.Email}); err != nil && !errors.Is(err, errUserTaken) {
			return AccessRequest{}, fmt.Errorf("sandbox: access request: %w", err)
		}
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	filed := wish{products: ask.Products, plan: ask.Plan}
	if err := e.fitLocked(filed); err != nil {
		return AccessRequest{}, fmt.Errorf("sandbox: access request: %w", err)
	}
	user := e.emails[strings.ToLower(ask.Email)]
	mine := e.appsOfLocked(user)
	place := slices.IndexFunc(mine, func(app *App) bool { return ask.App == "" || app.Name == ask.App })
	if place >= 0 {
		filed.app = mine[place]
	} else {
		filed.app = e.registerAppLocked(App{UserID: user, Name: orElse(ask.App, "My app")})
	}
	filed.actor = user
	request, err := e.fileLocked(filed, e.base(nil))
	if err != nil {
		return AccessRequest{}, fmt.Errorf("sandbox: access request: %w", err)
	}
	return request.clone(), nil
}

// wish is what an access request is made of.
type wish struct {
	app         *App
	products    []int
	plan        int
	immediately bool // approve it, whatever the plan says
	actor       int  // the user who files it
}

// fitLocked returns an error when a wish is for what is not there, or for products that are not called in the same way.
func (e *Enterprise) fitLocked(w wish) error {
	if len(w.products) == 0 {
		return refuse(http.StatusUnprocessableEntity, "Choose a product first.")
	}
	if e.plans.get(w.plan) == nil {
		return refuse(http.StatusUnprocessableEntity, "There is no such plan.")
	}
	for _, id := range w.products {
		product := e.products.get(id)
		if product == nil {
			return refuse(http.StatusUnprocessableEntity, "There is no such product.")
		}
		if product.AuthType != e.products.get(w.products[0]).AuthType {
			return refuse(http.StatusUnprocessableEntity, "All products of one request have to use the same authentication method.")
		}
	}
	return nil
}

// fileLocked makes an access request. With a plan that approves automatically it is approved at once; when that fails it
// stays pending, and only whoever wanted it immediately is told.
func (e *Enterprise) fileLocked(w wish, base string) (*AccessRequest, error) {
	if err := e.fitLocked(w); err != nil {
		return nil, err
	}
	w.products = slices.Compact(slices.Sorted(slices.Values(w.products)))
	first := e.products.get(w.products[0])
	request := e.requests.add(func(id int) AccessRequest {
		return AccessRequest{
			ID: id, Status: Pending, UserID: w.app.UserID, AppID: w.app.ID, PlanID: w.plan, ProductIDs: w.products,
			Catalogue: e.catalogueOfLocked(w), AuthType: first.AuthType, DCREnabled: first.DCREnabled,
			CreatedAt: e.today(), UpdatedAt: e.today(),
		}
	})
	e.requestsOf[w.app.ID] = append(e.requestsOf[w.app.ID], request.ID)
	e.announceRequestLocked("AccessRequestCreated", request, w.actor)
	var failed error
	if w.immediately || e.plans.get(w.plan).AutoApprove {
		if failed = e.grantLocked(request, w.actor, base); failed == nil {
			return e.requests.change(request.ID, func(a *AccessRequest) { a.ProvisionImmediately = true }), nil
		}
	}
	if w.immediately {
		return nil, failed
	}
	e.submittedMailLocked(request, base)
	return request, nil
}

// catalogueOfLocked returns the name of the first catalogue that lists all of a wish.
func (e *Enterprise) catalogueOfLocked(w wish) string {
	for _, catalogue := range e.catalogues.all() {
		lacks := func(id int) bool { return !slices.Contains(catalogue.Products, id) }
		if slices.Contains(catalogue.Plans, w.plan) && !slices.ContainsFunc(w.products, lacks) {
			return catalogue.Name
		}
	}
	return ""
}

// AccessRequests returns all access requests, newest first.
func (e *Enterprise) AccessRequests() []AccessRequest {
	e.mu.Lock()
	defer e.mu.Unlock()
	all := make([]AccessRequest, 0, len(e.requests.ids))
	for _, request := range e.requests.all() {
		all = append(all, request.clone())
	}
	slices.Reverse(all)
	return all
}

// AccessRequest returns the access request with the id, and whether there is one.
func (e *Enterprise) AccessRequest(id int) (AccessRequest, bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if request := e.requests.get(id); request != nil {
		return request.clone(), true
	}
	return AccessRequest{}, false
}

// Approve approves an access request as the portal's admin does: credentials are issued to the app, a mail and webhooks are
// sent. It returns an error when there is no such request, it was decided before (see
// [EnterpriseSettings].RepeatsSucceed and DecisionsChange) or provisioning fails.
func (e *Enterprise) Approve(id int) error { return e.decide(id, Approved, e.base(nil)) }

// Reject rejects an access request as the portal's admin does; a mail and a webhook are sent. It returns an error when there
// is no such request or it was decided before.
func (e *Enterprise) Reject(id int) error { return e.decide(id, Rejected, e.base(nil)) }

func (e *Enterprise) decide(id int, status, base string) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	request := e.requests.get(id)
	switch {
	case request == nil:
		return notThere("record not found")
	case request.Status == status && e.settings.RepeatsSucceed:
		return nil
	case request.Status != Pending && (request.Status == status || !e.settings.DecisionsChange):
		return refuse(http.StatusUnprocessableEntity, "Access request is already "+request.Status)
	case status == Approved:
		return e.grantLocked(request, adminID, base)
	}
	e.revokeLocked(request)
	rejected := e.requests.change(id, func(a *AccessRequest) { a.Status, a.UpdatedAt = Rejected, e.today() })
	e.decisionMailLocked(RejectMail, rejected, base)
	e.announceRequestLocked("AccessRequestRejected", rejected, adminID)
	return nil
}

// grantLocked issues the credentials of a request and marks it approved.
func (e *Enterprise) grantLocked(request *AccessRequest, actor int, base string) error {
	if e.settings.ProvisioningFails {
		return refuse(http.StatusUnprocessableEntity, "Provisioning failed: the gateway cannot be reached")
	}
	credential := e.issueLocked(request)
	approved := e.requests.change(request.ID, func(a *AccessRequest) {
		a.Status, a.UpdatedAt, a.Credentials = Approved, e.today(), append(slices.Clone(a.Credentials), *credential)
	})
	e.announceCredentialLocked(credential, approved, actor)
	e.decisionMailLocked(ApproveMail, approved, base)
	e.announceRequestLocked("AccessRequestApproved", approved, actor)
	return nil
}

// DeleteAccessRequest deletes an access request and revokes its credentials, as the portal's admin does. No mail and no
// webhook is sent. It returns an error when there is no such request.
func (e *Enterprise) DeleteAccessRequest(id int) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	request := e.requests.get(id)
	if request == nil {
		return notThere("record not found")
	}
	e.dropRequestLocked(request)
	return nil
}

func (e *Enterprise) dropRequestLocked(request *AccessRequest) {
	e.revokeLocked(request)
	gone := *e.requests.get(request.ID)
	gone.DeletedAt = e.today()
	e.deleted[gone.ID] = &gone
	e.requests.remove(gone.ID)
	e.requestsOf[gone.AppID] = slices.DeleteFunc(slices.Clone(e.requestsOf[gone.AppID]), func(id int) bool { return id == gone.ID })
}

// bareRequest is an access request as the OpenAPI description has it below an app.
type bareRequest struct {
	Catalogue   string
	Client      string
	CreatedAt   string
	UpdatedAt   string
	DeletedAt   string
	Plan        string
	Products    any // text, or a list of texts
	User        string
	Credentials []spokenCredential `json:",omitzero"`
}

// spokenRequest is an access request as the API speaks of it.
type spokenRequest struct {
	bareRequest
	ID                   int
	Status               string
	AuthType             string
	DCREnabled           bool
	ProvisionImmediately bool
}

func (e *Enterprise) productNamesLocked(request *AccessRequest) []string {
	names := make([]string, len(request.ProductIDs))
	for i, id := range request.ProductIDs {
		product := e.products.get(id)
		names[i] = product.Name
		if e.settings.DisplayNames {
			names[i] = product.DisplayName
		}
	}
	return names
}

func (e *Enterprise) spokenRequestLocked(request *AccessRequest) spokenRequest {
	plan := e.plans.get(request.PlanID)
	spoken := spokenRequest{
		ID: request.ID, Status: request.Status, AuthType: request.AuthType, DCREnabled: request.DCREnabled,
		ProvisionImmediately: request.ProvisionImmediately,
		bareRequest: bareRequest{
			Catalogue: request.Catalogue, CreatedAt: stamp(request.CreatedAt), UpdatedAt: stamp(request.UpdatedAt),
			DeletedAt: stamp(request.DeletedAt), Plan: plan.Name, User: descriptor(request.UserID),
			Credentials: make([]spokenCredential, len(request.Credentials)),
		},
	}
	if app := e.apps.get(request.AppID); app != nil {
		spoken.Client = app.Name
	}
	names := e.productNamesLocked(request)
	spoken.Products = strings.Join(names, ", ")
	if e.settings.ProductsAsList {
		spoken.Products = names
	}
	if e.settings.DisplayNames {
		spoken.Plan = plan.DisplayName
	}
	for i, credential := range request.Credentials {
		spoken.Credentials[i] = e.spokenCredential(credential)
	}
	return spoken
}

func (e *Enterprise) getAccessRequests(r *http.Request) (any, error) {
	return pageOfShelf(e, r, &e.requests, func(request *AccessRequest) spokenRequest {
		spoken := e.spokenRequestLocked(request)
		if e.settings.Quirks.ListOmitsCredentials {
			spoken.Credentials = nil
		}
		return spoken
	})
}

func (e *Enterprise) getAccessRequest(r *http.Request) (any, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	request, err := foundIn(r, "id", &e.requests)
	if err == nil {
		return e.spokenRequestLocked(request), nil
	}
	id, notNumber := strconv.Atoi(r.PathValue("id"))
	if gone := e.deleted[id]; notNumber == nil && gone != nil && e.settings.Quirks.DeletedStayReadable {
		return e.spokenRequestLocked(gone), nil
	}
	return nil, err
}

func (e *Enterprise) deleteAccessRequest(r *http.Request) (any, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	request, err := foundIn(r, "id", &e.requests)
	if err != nil {
		return nil, err
	}
	e.dropRequestLocked(request)
	return saying("ok", ""), nil
}

func (e *Enterprise) putApproval(r *http.Request) (any, error) {
	return e.putDecision(r, Approved, "Approve")
}

func (e *Enterprise) putRejection(r *http.Request) (any, error) {
	return e.putDecision(r, Rejected, "Reject")
}

func (e *Enterprise) putDecision(r *http.Request, status, action string) (any, error) {
	id, err := strconv.Atoi(r.PathValue("id"))
	if err != nil {
		return nil, notThere("record not found")
	}
	if err := e.decide(id, status, e.base(r)); err != nil {
		return nil, err
	}
	return saying("ok", "Action "+action+": Executed successfully"), nil
}
