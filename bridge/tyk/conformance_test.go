package tyk_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"keybridge/bridge"
	"keybridge/bridge/portaltest"
	"keybridge/bridge/tyk"
	"keybridge/bridge/tyk/sandbox"
)

// Each quirk of the Dashboard's versions, and each setting that changes what a client sees, has to pass the whole suite.
func TestClassicConformance(t *testing.T) {
	for _, variant := range []struct {
		name   string
		change func(*sandbox.Settings)
	}{
		{"as documented", func(*sandbox.Settings) {}},
		{"lists of another kind", func(s *sandbox.Settings) {
			s.Quirks.UnderscoreID, s.Quirks.NoPageCount, s.Quirks.OldestFirst = true, true, true
		}},
		{"errors under 200", func(s *sandbox.Settings) { s.Quirks.ErrorsUnder200 = true }},
		{"for_plan only, missing is 400", func(s *sandbox.Settings) {
			s.Quirks.ForPlanOnly, s.Quirks.MissingStatus = true, http.StatusBadRequest
		}},
		{"developer omitted, missing is 500", func(s *sandbox.Settings) {
			s.Quirks.OmitDeveloper, s.Quirks.MissingStatus = true, http.StatusInternalServerError
		}},
		{"keys not hashed", func(s *sandbox.Settings) { s.HashedKeys = false }},
		{"deleting revokes", func(s *sandbox.Settings) { s.DeleteRevokesKey = true }},
		{"every quirk at once", func(s *sandbox.Settings) {
			s.HashedKeys = false
			s.Quirks = sandbox.Quirks{
				UnderscoreID: true, ErrorsUnder200: true, MissingStatus: http.StatusInternalServerError,
				OmitDeveloper: true, NoPageCount: true, OldestFirst: true,
			}
		}},
	} {
		t.Run(variant.name, func(t *testing.T) {
			t.Parallel()
			portaltest.Run(t, func(t *testing.T) portaltest.Stand {
				settings := sandbox.DefaultSettings()
				variant.change(&settings)
				return newFarEnd(t, settings).stand(t)
			})
		})
	}
}

// farEnd is a sandbox and what the suite's levers do to it.
type farEnd struct {
	portal *sandbox.Server
	server *httptest.Server
	log    *lockedBuffer
}

// underPath is where the Dashboard answers: behind a path, as behind a proxy.
const underPath = "/dash/board"

func newFarEnd(t *testing.T, settings sandbox.Settings) *farEnd {
	t.Helper()
	settings.Webhook, settings.HoldWebhooks = "http://localhost/hook", true // events count the decisions
	portal, err := sandbox.New(sandbox.Config{Settings: settings})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(http.StripPrefix(underPath, portal))
	t.Cleanup(func() {
		server.CloseClientConnections() // those that a fault holds up
		server.Close()
		_ = portal.Close()
	})
	return &farEnd{portal: portal, server: server, log: &lockedBuffer{}}
}

// client returns a client of the portal; change may be nil.
func (f *farEnd) client(t *testing.T, change func(*tyk.Config)) *tyk.Classic {
	t.Helper()
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	cfg := tyk.Config{
		Name: "main", URL: f.server.URL + underPath + "/", Secret: f.portal.Secret, Organisation: f.portal.Org(),
		Client: &http.Client{Transport: transport},
		Log:    slog.New(slog.NewTextHandler(f.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	}
	if change != nil {
		change(&cfg)
	}
	c, err := tyk.NewClassic(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func (f *farEnd) stand(t *testing.T) portaltest.Stand {
	developer, _ := f.portal.Developer(sandbox.DemoEmail)
	must := func(t testing.TB, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	policies := []string{sandbox.PaidPolicy, sandbox.FreePolicy}
	if f.portal.Settings().Quirks.ForPlanOnly {
		policies = policies[:1] // such a Dashboard knows one policy a request
	}
	return portaltest.Stand{
		Portal:   f.client(t, nil),
		Stranger: f.client(t, func(c *tyk.Config) { c.Organisation = "5ffffffffffffffffffffff0" }),
		Locked:   f.client(t, func(c *tyk.Config) { c.Secret = func() string { return "wrong" } }),

		Applicant: bridge.Applicant{ID: developer.ID, Email: developer.Email},
		Policies:  policies,
		Unknown:   "5fffffffffffffffffffffff",

		TakesUnknown: true,
		KeepsReasons: true,

		Ask: func(t testing.TB, policies ...string) string {
			r, err := f.portal.CreateKeyRequest(sandbox.Ask{
				Email: sandbox.DemoEmail, Policies: policies, Fields: map[string]string{"why": "because"},
			})
			must(t, err)
			return r.ID
		},
		Approve: func(t testing.TB, key string) { must(t, f.portal.Approve(key)) },
		Decline: func(t testing.TB, key string) { must(t, f.portal.Decline(key)) },
		Delete:  func(t testing.TB, key string) { must(t, f.portal.Decline(key)) },
		Suspend: func(t testing.TB, key string) { must(t, f.portal.SuspendKey(f.keyID(t, key), true)) },
		Resume:  func(t testing.TB, key string) { must(t, f.portal.SuspendKey(f.keyID(t, key), false)) },
		Remove:  func(t testing.TB, key string) { must(t, f.portal.RevokeKey(f.keyID(t, key))) },

		Deactivate: func(t testing.TB) { f.account(t, true) },
		Activate:   func(t testing.TB) { f.account(t, false) },

		Secure:   f.secure,
		Generate: f.generate,
		Admits: func(t testing.TB, requests ...string) bool {
			return slices.ContainsFunc(requests, func(key string) bool { return f.portal.Admits(f.rawKey(t, key), sandbox.PaidPolicy) })
		},
		Keys: func(testing.TB) int {
			d, _ := f.portal.Developer(sandbox.DemoEmail)
			return len(d.Keys)
		},
		Decided: f.decided,
		Calls:   func() int { return calls(f.portal) },
		Writes:  func() int { return writes(f.portal) },
		Break:   func(t testing.TB, fault portaltest.Fault) { breaks(t, f.portal, fault, classicMoments) },
		Mend:    f.portal.ClearFaults,
		Secrets: f.secrets,
		Log:     f.log.String,
	}
}

// approvals are the ids of the key requests in the order in which they were approved.
func (f *farEnd) approvals() []string {
	var keys []string
	for _, delivery := range f.portal.Webhooks() {
		if delivery.Event == "key_request_event.updated" {
			keys = append(keys, delivery.Request)
		}
	}
	return keys
}

func (f *farEnd) decided(_ testing.TB, key string) portaltest.Decided {
	var d portaltest.Decided
	for _, approved := range f.approvals() {
		if approved == key {
			d.Approved++
		}
	}
	if _, there := f.portal.KeyRequest(key); !there {
		d.Declined = 1 // a second deletion is refused by the portal
	}
	return d
}

var keyMail = regexp.MustCompile(`Your API key: (\S+)`)

// rawKeys are the keys that were mailed, oldest first.
func (f *farEnd) rawKeys() []string {
	var raw []string
	for _, mail := range f.portal.Mail() {
		if found := keyMail.FindStringSubmatch(mail.Text); found != nil {
			raw = append(raw, found[1])
		}
	}
	return raw
}

// rawKey is the key that came of a request: mails and approvals are in one order.
func (f *farEnd) rawKey(t testing.TB, key string) string {
	t.Helper()
	raw := f.rawKeys()
	i := slices.Index(f.approvals(), key)
	if i < 0 || i >= len(raw) {
		t.Fatalf("no key came of the request")
	}
	return raw[i]
}

// keyID is what the portal's admin calls a request's key; the sandbox takes the key itself as well.
func (f *farEnd) keyID(t testing.TB, key string) string { return f.rawKey(t, key) }

func (f *farEnd) secrets() []string {
	return append(f.rawKeys(), f.portal.Secret(), f.portal.AdminSecret(), sandbox.DemoPassword)
}

func (f *farEnd) secure(t testing.TB) {
	settings := f.portal.Settings()
	settings.SecureKeyApproval = true
	if err := f.portal.SetSettings(settings); err != nil {
		t.Fatal(err)
	}
}

// generate signs in at the portal and generates the key, as the developer does.
func (f *farEnd) generate(t testing.TB, key string) {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	pages := httptest.NewServer(f.portal) // at its own root, for the cookies and links
	defer pages.Close()
	browser := &http.Client{Jar: jar}
	defer browser.CloseIdleConnections()
	for _, step := range []struct {
		path string
		form url.Values
	}{
		{"/portal/login", url.Values{"email": {sandbox.DemoEmail}, "password": {sandbox.DemoPassword}}},
		{"/portal/generate/" + key, nil},
	} {
		response, err := browser.PostForm(pages.URL+step.path, step.form)
		if err != nil {
			t.Fatal(err)
		}
		_ = response.Body.Close()
		if response.StatusCode != http.StatusOK {
			t.Fatalf("%s: status %d", step.path, response.StatusCode)
		}
	}
}

// account deactivates the demo developer or activates them again, as the Dashboard's admin does.
func (f *farEnd) account(t testing.TB, inactive bool) {
	t.Helper()
	d, _ := f.portal.Developer(sandbox.DemoEmail)
	d.Inactive = inactive
	body, err := json.Marshal(d)
	if err != nil {
		t.Fatal(err)
	}
	request := httptest.NewRequest(http.MethodPut, "/api/portal/developers/"+d.ID, bytes.NewReader(body))
	request.Header.Set("Authorization", f.portal.Secret())
	answer := httptest.NewRecorder()
	f.portal.ServeHTTP(answer, request)
	if answer.Code != http.StatusOK {
		t.Fatalf("%d %s", answer.Code, answer.Body)
	}
}

// site is what both sandboxes have.
type site interface {
	Fault(f sandbox.Fault) (string, error)
	Calls() []sandbox.Call
}

func calls(s site) int { return len(s.Calls()) }

func writes(s site) int {
	return len(slices.DeleteFunc(s.Calls(), func(c sandbox.Call) bool { return c.Method == http.MethodGet }))
}

// moments are the calls that the suite's faults meet.
type moments map[portaltest.Moment]sandbox.Fault

var classicMoments = moments{
	portaltest.Always:    {Path: "/api/"},
	portaltest.Approving: {Method: http.MethodPut, Path: "/api/portal/requests/approve/"},
	portaltest.Declining: {Method: http.MethodDelete, Path: "/api/portal/requests/"},
	portaltest.Stopping:  {Method: http.MethodPut, Path: "/api/keys/"},
	portaltest.Resuming:  {Method: http.MethodPut, Path: "/api/keys/"},
	portaltest.Asking:    {Method: http.MethodPost, Path: "/api/portal/requests"},
	portaltest.Listing:   {Method: http.MethodGet, Path: "/api/portal/requests"},
}

func breaks(t testing.TB, s site, fault portaltest.Fault, on moments) {
	t.Helper()
	set, there := on[fault.On]
	if !there {
		t.Fatalf("no calls are known for %q", fault.On)
	}
	set.Times, set.Status, set.Delay, set.RetryAfter = fault.Times, fault.Status, fault.Delay, int(fault.RetryAfter.Seconds())
	set.Kind = map[portaltest.Trouble]sandbox.FaultKind{
		portaltest.CutBefore: sandbox.CutBefore, portaltest.CutAfter: sandbox.CutAfter,
		portaltest.ErrorBefore: sandbox.ErrorBefore, portaltest.ErrorAfter: sandbox.ErrorAfter,
		portaltest.Limit: sandbox.TooManyRequests, portaltest.Slow: sandbox.Latency,
	}[fault.Do]
	if _, err := s.Fault(set); err != nil {
		t.Fatal(err)
	}
}

// lockedBuffer is a log that several goroutines write.
type lockedBuffer struct {
	mu  sync.Mutex
	all bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.all.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.all.String()
}

func TestCallsAreLoggedWithoutIds(t *testing.T) {
	f := newFarEnd(t, sandbox.DefaultSettings())
	r, err := f.portal.CreateKeyRequest(sandbox.Ask{Email: sandbox.DemoEmail, Policies: []string{sandbox.FreePolicy}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.client(t, nil).Approve(t.Context(), r.ID, bridge.Access{}); err != nil {
		t.Fatal(err)
	}
	log := f.log.String()
	for _, want := range []string{"portal=main", "method=PUT", "route=/api/portal/requests/approve/{id}", "status=200", "took="} {
		if !strings.Contains(log, want) {
			t.Errorf("the log does not say %s", want)
		}
	}
	d, _ := f.portal.Developer(sandbox.DemoEmail)
	for _, no := range []string{r.ID, d.ID, d.Subscriptions[sandbox.FreePolicy], fmt.Sprint(f.server.URL)} {
		if strings.Contains(log, no) {
			t.Errorf("the log holds an id or the address")
		}
	}
}
