package sandbox

import (
	"container/list"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"reflect"
	"sync"
	"time"
)

// The policies of the default catalogue, and the demo developer's way in.
const (
	FreePolicy     = "5e2744897c1f8800018bdf01"
	PaidPolicy     = "5e2744897c1f8800018bdf02"
	ReviewedPolicy = "5e2744897c1f8800018bdf03"

	DemoEmail    = "dev@example.com"
	DemoPassword = "sunny-afternoon" //nolint:gosec // there is nothing behind it
)

// Config is what a sandbox begins with. The zero value is a working portal.
type Config struct {
	// Name is what the portal calls itself on its pages; empty means "Weather Developer Portal".
	Name string
	// Secret is the API access key of a Dashboard user, expected in the header `authorization` with no scheme word in
	// front. Empty means generated; see [Server.Secret].
	Secret string
	// AdminSecret is the admin_secret of the Dashboard, expected in the header `admin-auth` by /admin/organisations.
	// Empty means generated; see [Server.AdminSecret].
	AdminSecret string
	// Org is the organisation's id, 24 hexadecimal digits. Empty means generated.
	Org string
	// URL is the public base URL for links in mails, with no slash at its end. Empty means the Host of the request that
	// caused the mail; see also [Server.SetURL].
	URL string
	// Settings are the initial portal settings; the zero value means [DefaultSettings] (for a portal with everything off,
	// call [Server.SetSettings] afterwards).
	Settings Settings
	// Catalogue is what developers can ask for; nil means three plans: free, paid, reviewed.
	Catalogue []CatalogueEntry
	// Policies are known beside those the catalogue names (which need not be repeated here).
	Policies []Policy
	// Developers are signed up from the start; nil means one, [DemoEmail] with [DemoPassword]. An empty ID is generated.
	Developers []Developer
	// Now is the clock; nil means time.Now. Its zone is the zone of the dates the portal writes.
	Now func() time.Time
	// Rand is where keys, ids and secrets come from; nil means crypto/rand.
	Rand io.Reader
	// Log receives what the sandbox could not do (a webhook that failed); nil means nothing is logged.
	Log *slog.Logger
	// HTTP sends the webhooks; nil means a client with a ten second time-out.
	HTTP *http.Client
}

// Server is one Tyk Classic Portal with its Dashboard API. It is safe for use by many goroutines. Make one with [New].
type Server struct {
	*site
	secret      string
	adminSecret string
	org         string
	visits      visits[visit]

	mu            sync.Mutex // guards all below
	settings      Settings
	configuration Configuration // members of the portal's configuration that Settings does not hold
	organisation  map[string]any
	catalogue     []CatalogueEntry
	catalogueID   string
	policies      map[string]Policy
	policyOrder   []string

	// Records are never changed in place, always replaced: what was handed out stays as it was, with no copying under
	// the lock.
	requests map[string]*requestRecord
	// Lists are of *requestRecord, newest first: listAll, listPending, listApproved, and each developer's.
	lists      [3]*list.List
	requestsOf map[string]*list.List

	developers      map[string]*Developer
	developerOrder  []string
	developerEmails map[string]string // lower-case e-mail to id
	passwords       map[string]password

	keys       map[string]*key // by raw key
	keysByHash map[string]*key
}

// New returns a portal that is ready to serve. It returns an error when the settings are wrong (see [Server.SetSettings]),
// an id is given twice or a developer has no e-mail address.
func New(cfg Config) (*Server, error) {
	s := &Server{
		site: newSite(orElse(cfg.Name, "Weather Developer Portal"), cfg.URL, cfg.Now, cfg.Rand, cfg.Log, cfg.HTTP,
			func(w http.ResponseWriter, status int, message string) {
				writeJSON(w, status, envelope{Status: "Error", Message: message})
			}),
		visits:   visits[visit]{cookie: "portal_session"},
		policies: map[string]Policy{}, requests: map[string]*requestRecord{}, requestsOf: map[string]*list.List{},
		developers: map[string]*Developer{}, developerEmails: map[string]string{}, passwords: map[string]password{},
		keys: map[string]*key{}, keysByHash: map[string]*key{},
	}
	for i := range s.lists {
		s.lists[i] = list.New()
	}
	s.secret = orElse(cfg.Secret, s.ids.secret(16))
	s.adminSecret = orElse(cfg.AdminSecret, s.ids.secret(16))
	s.org = orElse(cfg.Org, s.ids.objectID())
	s.catalogueID = s.ids.objectID()
	s.configuration = Configuration{ID: s.ids.objectID(), OrgID: s.org}
	if err := s.furnish(cfg); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	s.pages = parsePages("pages", classicPages)
	s.handler = s.routes()
	return s, nil
}

// furnish fills a new portal with its settings, catalogue, policies and developers.
func (s *Server) furnish(cfg Config) error {
	if reflect.DeepEqual(cfg.Settings, Settings{}) {
		cfg.Settings = DefaultSettings()
	}
	if err := s.SetSettings(cfg.Settings); err != nil {
		return err
	}
	if cfg.Catalogue == nil {
		cfg.Catalogue = weatherPlans()
	}
	s.catalogue = cfg.Catalogue
	for _, policy := range cfg.Policies {
		s.addPolicy(policy)
	}
	for _, entry := range cfg.Catalogue {
		if entry.PolicyID != "" {
			s.addPolicy(Policy{ID: entry.PolicyID, Name: entry.Name})
		}
	}
	if cfg.Developers == nil {
		cfg.Developers = []Developer{{Email: DemoEmail, Password: DemoPassword, Fields: map[string]string{"Name": "Dana Developer"}}}
	}
	for _, developer := range cfg.Developers {
		if _, err := s.AddDeveloper(developer); err != nil {
			return fmt.Errorf("sandbox: developer %q: %w", developer.Email, err)
		}
	}
	return nil
}

// Secret returns the Dashboard API access key, for the header `authorization`.
func (s *Server) Secret() string { return s.secret }

// AdminSecret returns the Dashboard's admin secret, for the header `admin-auth`.
func (s *Server) AdminSecret() string { return s.adminSecret }

// Org returns the organisation's id.
func (s *Server) Org() string { return s.org }
