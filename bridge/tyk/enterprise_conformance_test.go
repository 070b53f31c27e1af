package tyk_test

import (
	"bytes"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"keybridge/bridge"
	"keybridge/bridge/portaltest"
	"keybridge/bridge/tyk"
	"keybridge/bridge/tyk/sandbox"
)

// Each quirk of the portal's releases, and each setting that changes what a client sees, has to pass the whole suite.
func TestEnterpriseConformance(t *testing.T) {
	client := func(name string) sandbox.Product {
		return sandbox.Product{Name: name, AuthType: "oauth2.0", DCREnabled: true}
	}
	for _, variant := range []struct {
		name     string
		change   func(*sandbox.EnterpriseSettings)
		products []sandbox.Product
		zone     *time.Location // the portal does not say in which it is
	}{
		{name: "as documented", change: func(*sandbox.EnterpriseSettings) {}},
		{name: "lists of another kind", change: func(s *sandbox.EnterpriseSettings) {
			s.ProductsAsList = true
			s.Quirks.ListOmitsCredentials, s.Quirks.NewPlans, s.Quirks.OldestFirst = true, true, true
		}},
		{name: "names as developers see them, hours before us", zone: time.FixedZone("", -11*60*60), change: func(s *sandbox.EnterpriseSettings) {
			s.DisplayNames, s.RepeatsSucceed, s.Quirks.BareAppRequests = true, true, true
			s.Quirks.MissingStatus = http.StatusBadRequest
		}},
		{name: "decisions change, and deactivating revokes", change: func(s *sandbox.EnterpriseSettings) {
			s.DecisionsChange, s.DeactivationRevokes = true, true
			s.Quirks.MissingStatus = http.StatusUnprocessableEntity
		}},
		{
			name: "OAuth clients by dynamic registration, hours after us", zone: time.FixedZone("", 13*60*60),
			products: []sandbox.Product{client("Tides, tables"), client("Tides")},
			change:   func(s *sandbox.EnterpriseSettings) { s.Quirks.DeletedStayReadable = true },
		},
		{name: "every quirk at once", change: func(s *sandbox.EnterpriseSettings) {
			s.ProductsAsList, s.RepeatsSucceed, s.DecisionsChange, s.DeactivationRevokes = true, true, true, true
			s.Quirks = sandbox.EnterpriseQuirks{
				PublishedSamples: true, OldEvents: true, ByActor: true, ListOmitsCredentials: true, BareAppRequests: true,
				DeletedStayReadable: true, NewPlans: true, MissingStatus: http.StatusBadRequest, OldestFirst: true,
			}
		}},
	} {
		t.Run(variant.name, func(t *testing.T) {
			t.Parallel()
			portaltest.Run(t, func(t *testing.T) portaltest.Stand {
				cfg := sandbox.EnterpriseConfig{Settings: sandbox.DefaultEnterpriseSettings(), Products: variant.products}
				variant.change(&cfg.Settings)
				if variant.zone != nil {
					cfg.Now = func() time.Time { return time.Now().In(variant.zone) }
				}
				f := newEnterpriseEnd(t, cfg)
				f.zone = variant.zone
				return f.stand(t)
			})
		})
	}
}

// enterpriseEnd is a sandbox and what the suite's levers do to it.
type enterpriseEnd struct {
	portal *sandbox.Enterprise
	server *httptest.Server
	zone   *time.Location
	log    *lockedBuffer
	wire   *wire
}

func newEnterpriseEnd(t *testing.T, cfg sandbox.EnterpriseConfig) *enterpriseEnd {
	t.Helper()
	if cfg.Settings.Approve.Subject == "" {
		cfg.Settings = sandbox.DefaultEnterpriseSettings()
	}
	cfg.Settings.HoldWebhooks = true // events count the decisions
	cfg.Users = []sandbox.User{{     // without a password, which takes its time to be hashed
		Email: sandbox.EnterpriseEmail, First: "Erin", Last: "Engineer", Apps: []sandbox.App{{Name: sandbox.EnterpriseApp}},
	}}
	cfg.Channels = []sandbox.Channel{{URL: "http://localhost/hook"}}
	portal, err := sandbox.NewEnterprise(cfg)
	if err != nil {
		t.Fatal(err)
	}
	wire := &wire{}
	server := httptest.NewServer(http.StripPrefix(underPath, wire.taps(portal)))
	t.Cleanup(func() {
		server.CloseClientConnections() // those that a fault holds up
		server.Close()
		_ = portal.Close()
	})
	return &enterpriseEnd{portal: portal, server: server, log: &lockedBuffer{}, wire: wire}
}

// client returns a client of the portal; change may be nil.
func (f *enterpriseEnd) client(t *testing.T, change func(*tyk.EnterpriseConfig)) *tyk.Enterprise {
	t.Helper()
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	cfg := tyk.EnterpriseConfig{
		Name: "main", URL: f.server.URL + underPath + "/", Secret: f.portal.Secret, Zone: f.zone,
		Client: &http.Client{Transport: transport},
		Log:    slog.New(slog.NewTextHandler(f.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	}
	if change != nil {
		change(&cfg)
	}
	e, err := tyk.NewEnterprise(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

var enterpriseMoments = moments{
	portaltest.Always:    {Path: "/portal-api/"},
	portaltest.Approving: {Method: http.MethodPut, Path: "/portal-api/access_requests/"},
	portaltest.Declining: {Method: http.MethodPut, Path: "/portal-api/access_requests/"},
	portaltest.Stopping:  {Method: http.MethodDelete, Path: "/portal-api/apps/"},
	portaltest.Resuming:  {Method: http.MethodPut, Path: "/portal-api/apps/"},
	portaltest.Asking:    {Method: http.MethodPut, Path: "/portal-api/apps/"},
	portaltest.Listing:   {Method: http.MethodGet, Path: "/portal-api/access_requests"},
}

func (f *enterpriseEnd) stand(t *testing.T) portaltest.Stand {
	erin, _ := f.portal.User(sandbox.EnterpriseEmail)
	decides := func(decide func(int) error) func(testing.TB, string) {
		return func(t testing.TB, key string) {
			t.Helper()
			if err := decide(idOf(t, key)); err != nil {
				t.Fatal(err)
			}
		}
	}
	account := func(change func(string) error) func(testing.TB) {
		return func(t testing.TB) {
			t.Helper()
			if err := change(sandbox.EnterpriseEmail); err != nil {
				t.Fatal(err)
			}
		}
	}
	return portaltest.Stand{
		Portal: f.client(t, nil),
		Locked: f.client(t, func(c *tyk.EnterpriseConfig) { c.Secret = func() string { return "wrong" } }),

		Applicant: bridge.Applicant{ID: strconv.Itoa(erin.ID), Email: erin.Email, App: sandbox.EnterpriseApp},
		Policies:  []string{strconv.Itoa(sandbox.ForecastProduct), strconv.Itoa(sandbox.HistoryProduct)},
		Plan:      strconv.Itoa(sandbox.PaidPlan),
		Unknown:   "424242",

		KeepsDeclined: true,
		Reconsiders:   f.portal.Settings().DecisionsChange,
		Renews:        true,

		Ask:     f.ask,
		Approve: decides(f.portal.Approve),
		Decline: decides(f.portal.Reject),
		Delete:  decides(f.portal.DeleteAccessRequest),
		Suspend: func(t testing.TB, key string) {
			for _, one := range f.credentials(t, key) {
				if err := f.portal.RevokeCredential(one.ID); err != nil {
					t.Fatal(err)
				}
			}
		},
		Remove: decides(f.portal.DeleteAccessRequest),

		Deactivate: account(f.portal.Deactivate),
		Activate:   account(f.portal.Activate),

		Admits: func(t testing.TB, requests ...string) bool {
			for _, one := range f.credentials(t, requests...) {
				if f.portal.Admits(one.Secret(), sandbox.ForecastProduct) {
					return true
				}
			}
			return false
		},
		Keys: func(testing.TB) int {
			keys := 0
			for _, request := range f.portal.AccessRequests() {
				keys += len(request.Credentials)
			}
			return keys
		},
		Decided: f.decided,
		Calls:   func() int { return calls(f.portal) },
		Writes:  func() int { return writes(f.portal) },
		Break:   func(t testing.TB, fault portaltest.Fault) { breaks(t, f.portal, fault, enterpriseMoments) },
		Mend:    f.portal.ClearFaults,
		Secrets: func() []string {
			return append(f.wire.secrets(), f.portal.Secret())
		},
		Log: f.log.String,
	}
}

func idOf(t testing.TB, key string) int {
	t.Helper()
	id, err := strconv.Atoi(key)
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// ask files an access request of the demo developer's for the paid plan.
func (f *enterpriseEnd) ask(t testing.TB, policies ...string) string {
	t.Helper()
	var products []int
	for _, policy := range policies {
		products = append(products, idOf(t, policy))
	}
	r, err := f.portal.CreateAccessRequest(sandbox.AccessAsk{Email: sandbox.EnterpriseEmail, Products: products, Plan: sandbox.PaidPlan})
	if err != nil {
		t.Fatal(err)
	}
	return strconv.Itoa(r.ID)
}

// credentials are those of access requests, as far as they are there.
func (f *enterpriseEnd) credentials(t testing.TB, requests ...string) []sandbox.Credential {
	t.Helper()
	var all []sandbox.Credential
	for _, key := range requests {
		r, _ := f.portal.AccessRequest(idOf(t, key))
		all = append(all, r.Credentials...)
	}
	return all
}

func (f *enterpriseEnd) decided(t testing.TB, key string) portaltest.Decided {
	var d portaltest.Decided
	for _, delivery := range f.portal.Webhooks() {
		switch {
		case delivery.Request != key:
		case delivery.Event == "AccessRequestApproved":
			d.Approved++
		case delivery.Event == "AccessRequestRejected":
			d.Declined++
		}
	}
	if _, there := f.portal.AccessRequest(idOf(t, key)); !there {
		d.Declined++ // a second deletion is refused by the portal
	}
	return d
}

// wire remembers the secrets that a portal has sent to its client: whatever the client tells, it was told them.
type wire struct {
	mu   sync.Mutex
	seen []string
}

var secretMember = regexp.MustCompile(`"(?:Credential|OAuthClientSecret|JWTToken)":"([^"]+)"`)

func (w *wire) taps(portal http.Handler) http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		tap := &tap{ResponseWriter: rw}
		defer func() {
			w.mu.Lock()
			defer w.mu.Unlock()
			for _, found := range secretMember.FindAllSubmatch(tap.body.Bytes(), -1) {
				if secret := string(found[1]); !slices.Contains(w.seen, secret) {
					w.seen = append(w.seen, secret)
				}
			}
		}()
		portal.ServeHTTP(tap, r)
	})
}

func (w *wire) secrets() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.seen)
}

type tap struct {
	http.ResponseWriter
	body bytes.Buffer
}

func (t *tap) Write(b []byte) (int, error) {
	t.body.Write(b)
	return t.ResponseWriter.Write(b)
}
