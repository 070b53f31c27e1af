package sandbox

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
)

// Product is an API product: what an access request asks for. Name is what the gateway knows it by, DisplayName what
// developers read.
type Product struct {
	ID          int
	Name        string
	DisplayName string
	Description string
	// Path is the last part of its page's address; empty means its name in lower case, with hyphens.
	Path string
	// AuthType is how its APIs are called: "authToken", "jwt", "oauth2.0" …; empty means "authToken". One access request
	// holds products of one kind only.
	AuthType string
	// DCREnabled tells that an access request makes an OAuth client at the identity provider, in place of a key.
	DCREnabled bool
	Scopes     string
}

func (p Product) whole(id int) Product {
	p.ID = id
	p.AuthType = orElse(p.AuthType, "authToken")
	p.DisplayName = orElse(p.DisplayName, p.Name)
	p.Path = orElse(p.Path, pathOf(p.Name))
	return p
}

// pathOf makes a part of an address of a name.
func pathOf(name string) string {
	return strings.Join(strings.FieldsFunc(strings.ToLower(name), func(c rune) bool {
		return (c < 'a' || c > 'z') && (c < '0' || c > '9')
	}), "-")
}

// Plan is a subscription plan: how much of a product may be used.
type Plan struct {
	ID          int
	Name        string
	DisplayName string
	Description string
	// AutoApprove approves access requests with this plan at once (AutoApproveAccessRequests).
	AutoApprove bool
	// RateLimit is how many calls a minute are let through, Quota how many a day; 0 means no limit.
	RateLimit, Quota int
}

func (p Plan) whole(id int) Plan {
	p.ID = id
	p.DisplayName = orElse(p.DisplayName, p.Name)
	return p
}

// Catalogue lists products and the plans they may be had with.
type Catalogue struct {
	ID   int
	Name string
	// Private catalogues are shown to those signed in only. Which team sees which (audiences) is not modelled.
	Private  bool
	Products []int
	Plans    []int
}

func weatherProducts() []Product {
	return []Product{
		{Name: "weather_forecast", DisplayName: "Weather Forecast", Description: "Hourly forecasts for every place, ten days ahead."},
		{Name: "weather_history", DisplayName: "Weather History", Description: "What the weather was, hour by hour, since 1990."},
		{
			Name: "weather_warnings", DisplayName: "Weather Warnings", Description: "Severe weather warnings, called with an OAuth client.",
			AuthType: "oauth2.0", DCREnabled: true, Scopes: "warnings",
		},
	}
}

func weatherTiers() []Plan {
	return []Plan{
		{Name: "free_plan", DisplayName: "Free", Description: "For trying things out. Approved at once.", AutoApprove: true, RateLimit: 10, Quota: 1000},
		{Name: "pro_plan", DisplayName: "Pro", Description: "For apps with users. Payment is asked for before access is granted.", RateLimit: 1000, Quota: 100_000},
		{Name: "enterprise_plan", DisplayName: "Enterprise", Description: "No limits. Somebody looks at each request before access is granted."},
	}
}

// Products returns the products in the order of their ids.
func (e *Enterprise) Products() []Product {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.products.copies()
}

// Plans returns the plans in the order of their ids.
func (e *Enterprise) Plans() []Plan {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.plans.copies()
}

// SetAutoApprove decides whether access requests with a plan are approved at once. It returns an error when there is no
// such plan.
func (e *Enterprise) SetAutoApprove(plan int, on bool) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.plans.get(plan) == nil {
		return notThere("There is no such plan.")
	}
	e.plans.change(plan, func(p *Plan) { p.AutoApprove = on })
	return nil
}

// listedInLocked returns the names of the catalogues that list something.
func (e *Enterprise) listedInLocked(lists func(*Catalogue) bool) []string {
	names := []string{}
	for _, catalogue := range e.catalogues.all() {
		if lists(catalogue) {
			names = append(names, catalogue.Name)
		}
	}
	return names
}

// spokenProduct is a product as the API speaks of it.
type spokenProduct struct {
	ID                  int
	APIDetails          []any
	AuthType            string
	AuthTypes           []string
	Catalogues          []string
	Content             string
	DCREnabled          bool
	Description         string
	DisplayName         string
	Feature             bool
	IsDocumentationOnly bool
	Name                string
	Path                string
	ReferenceID         string
	Scopes              string
	Tags                []string
}

func (e *Enterprise) spokenProductLocked(p *Product) spokenProduct {
	return spokenProduct{
		ID: p.ID, APIDetails: []any{}, AuthType: p.AuthType, AuthTypes: []string{p.AuthType}, Tags: []string{},
		Catalogues: e.listedInLocked(func(c *Catalogue) bool { return slices.Contains(c.Products, p.ID) }),
		DCREnabled: p.DCREnabled, Description: p.Description, DisplayName: p.DisplayName, Name: p.Name, Path: p.Path,
		ReferenceID: fmt.Sprintf("%024x", 0x9000+p.ID), Scopes: p.Scopes,
	}
}

// spokenPlan is a plan as the API speaks of it.
type spokenPlan struct {
	ID                        int
	AuthType                  string
	AutoApproveAccessRequests bool
	Catalogues                []string
	DisplayName               string
	Name                      string
	Description               string
	ReferenceID               string
	Quota                     any // text, or with Quirks.NewPlans a number
	RateLimit                 any
	JWTScope                  string
}

func (e *Enterprise) spokenPlanLocked(p *Plan) spokenPlan {
	spoken := spokenPlan{
		ID: p.ID, AutoApproveAccessRequests: p.AutoApprove, DisplayName: p.DisplayName, Name: p.Name, Description: p.Description,
		Catalogues:  e.listedInLocked(func(c *Catalogue) bool { return slices.Contains(c.Plans, p.ID) }),
		ReferenceID: fmt.Sprintf("%024x", 0x8000+p.ID), Quota: "unlimited", RateLimit: "unlimited",
	}
	if p.Quota > 0 {
		spoken.Quota = fmt.Sprintf("%d calls / 1 day(s)", p.Quota)
	}
	if p.RateLimit > 0 {
		spoken.RateLimit = fmt.Sprintf("%d calls / 1 minute(s)", p.RateLimit)
	}
	if e.settings.Quirks.NewPlans {
		spoken.Quota, spoken.RateLimit = p.Quota, p.RateLimit
	}
	return spoken
}

func (e *Enterprise) getProducts(r *http.Request) (any, error) {
	return pageOfShelf(e, r, &e.products, e.spokenProductLocked)
}

func (e *Enterprise) getProduct(r *http.Request) (any, error) {
	return oneOfShelf(e, r, &e.products, e.spokenProductLocked)
}

func (e *Enterprise) getPlans(r *http.Request) (any, error) {
	plans, err := pageOfShelf(e, r, &e.plans, e.spokenPlanLocked)
	if err != nil || !e.Settings().Quirks.NewPlans {
		return plans, err
	}
	return map[string]any{"data": plans}, nil
}

func (e *Enterprise) getPlan(r *http.Request) (any, error) {
	return oneOfShelf(e, r, &e.plans, e.spokenPlanLocked)
}

// putPlan changes the members that are sent.
func (e *Enterprise) putPlan(r *http.Request) (any, error) {
	var sent struct {
		DisplayName, Description  *string
		AutoApproveAccessRequests *bool
	}
	if err := readJSON(r, &sent); err != nil {
		return nil, err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	plan, err := foundIn(r, "id", &e.plans)
	if err != nil {
		return nil, err
	}
	return e.spokenPlanLocked(e.plans.change(plan.ID, func(p *Plan) {
		put(&p.DisplayName, sent.DisplayName)
		put(&p.Description, sent.Description)
		put(&p.AutoApprove, sent.AutoApproveAccessRequests)
	})), nil
}

// put takes over what was sent.
func put[T any](into, sent *T) {
	if sent != nil {
		*into = *sent
	}
}

// spokenCatalogue is a catalogue as the API speaks of it.
type spokenCatalogue struct {
	ID               int
	Name             string
	NameWithSlug     string
	VisibilityStatus string
	Products         []string
	Plans            []string
}

func (e *Enterprise) spokenCatalogueLocked(c *Catalogue) spokenCatalogue {
	spoken := spokenCatalogue{
		ID: c.ID, Name: c.Name, NameWithSlug: pathOf(c.Name), VisibilityStatus: "Public", Products: []string{}, Plans: []string{},
	}
	if c.Private {
		spoken.VisibilityStatus = "Private"
	}
	for _, id := range c.Products {
		spoken.Products = append(spoken.Products, e.products.get(id).Name)
	}
	for _, id := range c.Plans {
		spoken.Plans = append(spoken.Plans, e.plans.get(id).Name)
	}
	return spoken
}

func (e *Enterprise) getCatalogues(r *http.Request) (any, error) {
	return pageOfShelf(e, r, &e.catalogues, e.spokenCatalogueLocked)
}

func (e *Enterprise) getCatalogue(r *http.Request) (any, error) {
	return oneOfShelf(e, r, &e.catalogues, e.spokenCatalogueLocked)
}
