package sandbox

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"reflect"
	"sync"
	"time"
)

// The plans and products of the default Enterprise Portal, the demo developer's way in, and the admin who is told of
// requests. Forecasts and history are opened with a key; warnings with an OAuth client, so that they need a cart of their own.
const (
	FreePlan     = 1 // approved automatically
	PaidPlan     = 2
	ReviewedPlan = 3

	ForecastProduct = 1
	HistoryProduct  = 2
	WarningsProduct = 3

	EnterpriseEmail    = "erin@example.com"
	EnterprisePassword = "windy-morning" //nolint:gosec // there is nothing behind it
	EnterpriseApp      = "Umbrella"
	EnterpriseAdmin    = "portal-admin@example.com"
)

// EnterpriseConfig is what an Enterprise Developer Portal begins with. The zero value is a working portal.
type EnterpriseConfig struct {
	// Name is what the portal calls itself on its pages; empty means "Weather Enterprise Portal".
	Name string
	// Secret is an admin user's API token, expected in the header `Authorization` with no scheme word in front. Empty means
	// generated; see [Enterprise.Secret].
	Secret string
	// Organisation names the first consumer organisation, which developers who sign up belong to; empty means "Default
	// Organisation".
	Organisation string
	// URL is the public base URL for links in mails, with no slash at its end. Empty means the Host of the request that
	// caused the mail; see also the method SetURL.
	URL string
	// Settings are the initial settings; the zero value means [DefaultEnterpriseSettings] (for a portal with everything off,
	// call [Enterprise.SetSettings] afterwards).
	Settings EnterpriseSettings
	// Products and Plans are what catalogues offer; nil means three of each. Their ids are their places in the list,
	// counted from 1, whatever ID says.
	Products []Product
	Plans    []Plan
	// Catalogues list products and plans; nil means one, public, with all of them.
	Catalogues []Catalogue
	// Users are developers, beside the admin, who always is user 1; nil means one, [EnterpriseEmail] with
	// [EnterprisePassword] and the app [EnterpriseApp]. Their ids count from 2.
	Users []User
	// Channels are the webhooks configured from the start.
	Channels []Channel
	// Now is the clock; nil means time.Now. Its zone is the zone of the dates the portal writes.
	Now func() time.Time
	// Rand is where credentials and secrets come from; nil means crypto/rand.
	Rand io.Reader
	// Log receives what the sandbox could not do (a webhook that failed); nil means nothing is logged.
	Log *slog.Logger
	// HTTP sends the webhooks; nil means a client with a ten second time-out.
	HTTP *http.Client
}

// Enterprise is one Tyk Enterprise Developer Portal. It is safe for use by many goroutines. Make one with [NewEnterprise].
type Enterprise struct {
	*site
	secret string
	visits visits[shopper]

	mu       sync.Mutex // guards all below
	settings EnterpriseSettings

	// Records are never changed in place, always replaced: what was handed out stays as it was, with no copying under the
	// lock. Each shelf is in the order of its ids, which count from 1 and are not used again.
	organisations shelf[Organisation]
	users         shelf[User]
	apps          shelf[App]
	products      shelf[Product]
	plans         shelf[Plan]
	catalogues    shelf[Catalogue]
	requests      shelf[AccessRequest]
	channels      shelf[Channel]
	deleted       map[int]*AccessRequest

	emails      map[string]int // lower-case e-mail to user
	passwords   map[int]password
	requestsOf  map[int][]int // by app, oldest first
	live        map[string]*Credential
	credentials int // how many were issued
	headers     int // how many headers of webhooks there were
}

// NewEnterprise returns a portal that is ready to serve. It returns an error when the settings are wrong (see
// [Enterprise.SetSettings]), a catalogue or an app names what is not there, a webhook is wrong or a user has no e-mail
// address.
func NewEnterprise(cfg EnterpriseConfig) (*Enterprise, error) {
	e := &Enterprise{
		site: newSite(orElse(cfg.Name, "Weather Enterprise Portal"), cfg.URL, cfg.Now, cfg.Rand, cfg.Log, cfg.HTTP,
			func(w http.ResponseWriter, status int, message string) {
				writeJSON(w, status, saying("error", message))
			}),
		visits:  visits[shopper]{cookie: "enterprise_session"},
		deleted: map[int]*AccessRequest{}, emails: map[string]int{}, passwords: map[int]password{},
		requestsOf: map[int][]int{}, live: map[string]*Credential{},
	}
	e.secret = orElse(cfg.Secret, e.ids.secret(16))
	if err := e.furnish(cfg); err != nil {
		return nil, errors.Join(err, e.Close())
	}
	e.pages = parsePages("pages/enterprise", enterprisePages)
	e.handler = e.routes()
	return e, nil
}

// Secret returns the admin's API token, for the header `Authorization`.
func (e *Enterprise) Secret() string { return e.secret }

// ServeHTTP serves the portal's management API (/portal-api/), the admin's pages (/admin/), the live portal (/portal/), a
// gateway that honours its credentials (/gateway/) and the sandbox's own control (/sandbox/).
//
// A fault that cuts the connection panics with http.ErrAbortHandler, which net/http's server understands.
func (e *Enterprise) ServeHTTP(w http.ResponseWriter, r *http.Request) { e.handler.ServeHTTP(w, r) }

// furnish fills a new portal with what its configuration says.
func (e *Enterprise) furnish(cfg EnterpriseConfig) error {
	if reflect.DeepEqual(cfg.Settings, EnterpriseSettings{}) {
		cfg.Settings = DefaultEnterpriseSettings()
	}
	if err := e.SetSettings(cfg.Settings); err != nil {
		return err
	}
	e.AddOrganisation(orElse(cfg.Organisation, "Default Organisation"))
	if _, err := e.addUser(User{Email: EnterpriseAdmin, First: "Ada", Last: "Admin", Role: superAdmin}); err != nil {
		return err
	}
	if err := e.furnishCatalogues(cfg); err != nil {
		return err
	}
	if cfg.Users == nil {
		cfg.Users = []User{{
			Email: EnterpriseEmail, Password: EnterprisePassword, First: "Erin", Last: "Engineer",
			Apps: []App{{Name: EnterpriseApp, Description: "Tells whether to take one."}},
		}}
	}
	for _, user := range cfg.Users {
		if _, err := e.AddUser(user); err != nil {
			return fmt.Errorf("sandbox: user %q: %w", user.Email, err)
		}
	}
	for _, channel := range cfg.Channels {
		if _, err := e.AddChannel(channel); err != nil {
			return fmt.Errorf("sandbox: webhook %q: %w", channel.Name, err)
		}
	}
	return nil
}

func (e *Enterprise) furnishCatalogues(cfg EnterpriseConfig) error {
	if cfg.Products == nil {
		cfg.Products = weatherProducts()
	}
	if cfg.Plans == nil {
		cfg.Plans = weatherTiers()
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, product := range cfg.Products {
		e.products.add(product.whole)
	}
	for _, plan := range cfg.Plans {
		e.plans.add(plan.whole)
	}
	if cfg.Catalogues == nil {
		all := Catalogue{Name: "Weather Catalogue"}
		for id := range cfg.Products {
			all.Products = append(all.Products, id+1)
		}
		for id := range cfg.Plans {
			all.Plans = append(all.Plans, id+1)
		}
		cfg.Catalogues = []Catalogue{all}
	}
	for _, catalogue := range cfg.Catalogues {
		if err := e.stockedLocked(catalogue); err != nil {
			return err
		}
		e.catalogues.add(func(id int) Catalogue { catalogue.ID = id; return catalogue })
	}
	return nil
}

// stockedLocked returns an error when a catalogue lists what is not there.
func (e *Enterprise) stockedLocked(catalogue Catalogue) error {
	for _, id := range catalogue.Products {
		if e.products.get(id) == nil {
			return fmt.Errorf("sandbox: catalogue %q: there is no product %d", catalogue.Name, id)
		}
	}
	for _, id := range catalogue.Plans {
		if e.plans.get(id) == nil {
			return fmt.Errorf("sandbox: catalogue %q: there is no plan %d", catalogue.Name, id)
		}
	}
	return nil
}
