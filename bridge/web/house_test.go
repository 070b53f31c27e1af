package web_test

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/oklog/ulid/v2"
	"golang.org/x/net/html"

	"keybridge/billing/stripe"
	stripesandbox "keybridge/billing/stripe/sandbox"
	"keybridge/bridge"
	"keybridge/bridge/tyk"
	tyksandbox "keybridge/bridge/tyk/sandbox"
	"keybridge/bridge/web"
	"keybridge/store/bolt"
	"keybridge/webhooks"
)

// What must not be found where it does not belong.
const (
	developer    = "dana-canary@example.com"
	stripeSecret = "whsec_canary_0123456789abcdef0123456789"
	portalSecret = "portal-webhook-canary-0123456789"
	querySecret  = "query-secret-canary-0123456789-0123456789"
)

// house is the public listener with everything behind it that production has: the
// verifiers, the store, the worker, the clients of Tyk and Stripe. At the far ends of
// the protocols stand the sandboxes.
type house struct {
	*httptest.Server
	t       testing.TB
	store   *bolt.Store
	file    string // of the store
	service *bridge.Service
	pages   *web.Server
	links   web.Links
	portal  *tyksandbox.Server
	stripe  *stripesandbox.Server
	log     *logbook
	metrics *web.Metrics

	ahead   atomic.Int64 // the bridge's clock
	mu      sync.Mutex
	counts  map[string]int
	secrets []string // what was sent and must not be logged
}

// housing is how a house differs from the usual one. The zero value is the usual one.
type housing struct {
	// still has no worker.
	still bool
	// deaf loses every event of Stripe.
	deaf bool
	// organisation is whose key requests are worked on; empty: those of the portal.
	organisation string
	// lags is how often the portal does not find what is there.
	lags int64
}

func newHouse(t testing.TB, how housing) *house {
	t.Helper()
	h := &house{t: t, counts: map[string]int{}, log: &logbook{}, metrics: web.NewMetrics()}
	h.Server = httptest.NewUnstartedServer(nil)
	base := "http://" + h.Listener.Addr().String()
	log := slog.New(slog.NewJSONHandler(h.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	var err error
	if h.portal, err = tyksandbox.New(tyksandbox.Config{}); err != nil {
		t.Fatal(err)
	}
	dashboard := httptest.NewServer(lagging(h.portal, how.lags))
	stripeAPI := httptest.NewUnstartedServer(nil)
	stripeURL := "http://" + stripeAPI.Listener.Addr().String()
	config := stripesandbox.Config{URL: stripeURL, Patience: time.Second}
	if !how.deaf {
		config.Endpoints = []stripesandbox.Endpoint{{URL: base + "/webhooks/stripe", Secret: stripeSecret}}
	}
	h.stripe = stripesandbox.New(config)
	stripeAPI.Config.Handler = h.stripe
	stripeAPI.Start()
	h.file = filepath.Join(t.TempDir(), "keybridge.db")
	if h.store, err = bolt.Open(bolt.Config{Path: h.file, Now: h.now, Log: log}); err != nil {
		t.Fatal(err)
	}
	h.links = web.Links{Base: base, Secrets: [][]byte{[]byte("page-secret-canary-0123456789-0123456789")}}
	h.service = h.domain(how, dashboard.URL, stripeURL, log)
	h.pages = h.listener(log)
	h.Config.Handler = h.pages
	h.Start()
	ctx, stop := context.WithCancel(context.Background())
	var worker sync.WaitGroup
	if !how.still {
		worker.Go(func() { bridge.NewWorker(h.service).Run(ctx) })
	}
	t.Cleanup(func() {
		h.stripe.Close()
		h.portal.ClearFaults()
		h.stripe.ClearFaults()
		dashboard.CloseClientConnections()
		stripeAPI.CloseClientConnections()
		stop()
		worker.Wait()
		h.Close()
		dashboard.Close()
		stripeAPI.Close()
		_ = h.portal.Close()
		_ = h.store.Close()
		h.nothingLogged()
	})
	return h
}

// lagging is a portal that reads key requests from a copy, which does not have them the first
// times.
func lagging(portal http.Handler, times int64) http.Handler {
	const requests = "/api/portal/requests/"
	var left atomic.Int64
	left.Store(times)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, requests) && left.Add(-1) >= 0 {
			r = r.Clone(r.Context())
			r.URL.Path = requests + "5f7c1e0a8d3b2c0001a4e9d1" // which is nobody's
		}
		portal.ServeHTTP(w, r)
	})
}

func (h *house) now() time.Time { return time.Now().Add(time.Duration(h.ahead.Load())) }

// domain makes the service over every portal of the tests, all of which are one.
func (h *house) domain(how housing, dashboard, stripeURL string, log *slog.Logger) *bridge.Service {
	h.t.Helper()
	portal, err := tyk.NewClassic(tyk.Config{
		Name: "main", URL: dashboard, Secret: h.portal.Secret, Log: log,
		Organisation: cmp.Or(how.organisation, h.portal.Org()), Timeout: 2 * time.Second,
	})
	if err != nil {
		h.t.Fatal(err)
	}
	provider, err := stripe.New(stripe.Config{Name: "stripe", Key: h.stripe.Key(), URL: stripeURL, Log: log})
	if err != nil {
		h.t.Fatal(err)
	}
	cfg := bridge.Config{
		Store: h.store, Portals: map[string]bridge.Site{}, Providers: map[string]bridge.Provider{"stripe": provider},
		Page: h.links.Page, NewID: func() bridge.ID { return bridge.ID(ulid.Make().String()) }, Now: h.now, Log: log,
		Changed: h.metrics.Changed, Tried: h.metrics.Try, Hinted: h.metrics.Hinted,
	}
	for name := range portalKeys(h.t) {
		cfg.Portals[name] = bridge.Site{Portal: unlisted{portal}}
		if name == "main" {
			cfg.Portals[name] = bridge.Site{Portal: portal}
		}
		cfg.Plans = append(cfg.Plans, plans(name)...)
	}
	service, err := bridge.New(cfg)
	if err != nil {
		h.t.Fatal(err)
	}
	return service
}

// unlisted is a portal that is not asked for what waits: all portals of a house are one,
// and what waits there would be taken in for each.
type unlisted struct{ bridge.Portal }

func (unlisted) ListPending(context.Context, func(string) error) error { return nil }

// plans are what a portal's policies demand: nothing, a payment, a card and a payment.
func plans(portal string) []bridge.Plan {
	pro := []bridge.Price{{Name: "Weather Pro", Amount: bridge.NewAmount(4900, "EUR")}}
	return []bridge.Plan{
		{Name: portal + " Free", Portal: portal, Policies: []string{tyksandbox.FreePolicy}},
		{Name: portal + " Pro", Portal: portal, Policies: []string{tyksandbox.PaidPolicy}, Terms: bridge.Terms{
			Provider: "stripe", Steps: []bridge.StepKind{bridge.Paying}, Lines: pro,
		}},
		{Name: portal + " Checked", Portal: portal, Policies: []string{tyksandbox.ReviewedPolicy}, Terms: bridge.Terms{
			Provider: "stripe", Steps: []bridge.StepKind{bridge.Validation, bridge.Paying}, Lines: pro,
		}},
	}
}

// listener makes the server under test.
func (h *house) listener(log *slog.Logger) *web.Server {
	h.t.Helper()
	receiver := webhooks.Receiver{Accept: h.service.Accept, Observe: h.metrics.Hint, Log: log}
	events, err := webhooks.Stripe(webhooks.StripeConfig{Receiver: receiver, Name: "stripe", Secrets: []string{stripeSecret}})
	if err != nil {
		h.t.Fatal(err)
	}
	cfg := web.Config{
		Service: h.service, Portals: map[string]web.Portal{}, Links: h.links, Stripe: events, Log: log, Now: h.now,
		TrustedProxies: []string{"127.0.0.1"},
		Count: func(portal, how, outcome string) {
			h.metrics.Handoff(portal, how, outcome)
			h.mu.Lock()
			defer h.mu.Unlock()
			h.counts[portal+" "+how+" "+outcome]++
		},
	}
	for name, key := range portalKeys(h.t) {
		cfg.Portals[name] = h.doors(name, key, receiver)
	}
	server, err := web.New(cfg)
	if err != nil {
		h.t.Fatal(err)
	}
	return server
}

// doors are the ways into one portal: all of them into main, none into closed, and a
// token into each of the others.
func (h *house) doors(name string, key portalKey, receiver webhooks.Receiver) web.Portal {
	h.t.Helper()
	out := web.Portal{
		Title: "portal.example", Home: "https://portal.example/portal/", Returns: []string{"https://apps.example/team"},
	}
	if name == "closed" {
		return out
	}
	tokens, err := webhooks.NewTokenVerifier(webhooks.TokenConfig{
		Portal: name, Algorithm: key.algorithm, Keys: []webhooks.TokenKey{{Text: key.public}},
		Issuer: "https://portal.example", Audience: "https://bridge.example",
	})
	if err != nil {
		h.t.Fatal(err)
	}
	out.Token = func(token string) (web.Handoff, error) { return handed(tokens.Verify(token, h.now())) }
	if name != "main" {
		return out
	}
	queries, err := webhooks.NewQueryVerifier(webhooks.QueryConfig{Portal: name, Secrets: []string{querySecret}})
	if err != nil {
		h.t.Fatal(err)
	}
	out.Query = func(path, raw string) (web.Handoff, error) { return handed(queries.Verify(path, raw, h.now())) }
	out.Bare = func(query url.Values) (string, error) { return webhooks.BareKey(query, nil) }
	out.Webhook, err = webhooks.Tyk(webhooks.TykConfig{
		Receiver: receiver, Portal: name, Secrets: []string{portalSecret}, Intake: h.service.Intake,
	})
	if err != nil {
		h.t.Fatal(err)
	}
	return out
}

func handed(h webhooks.Handoff, err error) (web.Handoff, error) {
	return web.Handoff{Key: h.Key, ID: h.ID, Return: h.Return}, err
}

// asks files a key request in the portal and returns its id.
func (h *house) asks(policy string) string {
	h.t.Helper()
	made, err := h.portal.CreateKeyRequest(tyksandbox.Ask{Email: developer, Policies: []string{policy}})
	if err != nil {
		h.t.Fatal(err)
	}
	return made.ID
}

// kept is how many requests the store holds.
func (h *house) kept() int {
	h.t.Helper()
	page, err := h.store.List(context.Background(), bridge.Filter{Limit: 1000})
	if err != nil {
		h.t.Fatal(err)
	}
	return len(page.Requests)
}

func (h *house) counted(what string) int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.counts[what]
}

// eventually waits until a request of the portal is as it should be.
func (h *house) eventually(portal, key string, what string, so func(bridge.Request) bool) bridge.Request {
	h.t.Helper()
	var r bridge.Request
	var err error
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if r, err = h.service.GetKey(context.Background(), portal, key); err == nil && so(r) {
			return r
		}
	}
	h.t.Fatalf("the request did not come to be %s: it is %s (%v)", what, r.State(), err)
	return r
}

func isState(want bridge.State) func(bridge.Request) bool {
	return func(r bridge.Request) bool { return r.State() == want }
}

// secret remembers something that must not be found in the log, and returns it.
func (h *house) secret(text string) string {
	h.mu.Lock()
	defer h.mu.Unlock()
	if text != "" {
		h.secrets = append(h.secrets, text)
	}
	return text
}

// nothingLogged looks through the log for what does not belong there.
func (h *house) nothingLogged() {
	text := h.log.String()
	if !strings.Contains(text, `"route":"/handoff/:portal"`) && !strings.Contains(text, `"route":"/r/:token"`) {
		h.t.Error("the log holds no line of any page: this would find nothing")
	}
	for _, secret := range append(h.secrets, "canary", developer, "/r/0", "/r/A", "signature=", "token=", h.portal.Secret(), h.stripe.Key()) {
		if i := strings.Index(text, secret); i >= 0 {
			h.t.Errorf("the log holds %q: %s", secret, text[max(0, i-200):min(len(text), i+100)])
		}
	}
}

// logbook is a log that can be read while it is written.
type logbook struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *logbook) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *logbook) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// browser is a person's browser: it keeps cookies, and stops where it is redirected
// so that a test sees where to.
type browser struct {
	h    *house
	http *http.Client
	// from is the address that a trusted proxy says it comes from; empty: none says.
	from string
}

var addresses atomic.Int64

// browser returns a new one, in a network of its own.
func (h *house) browser() *browser {
	jar, err := cookiejar.New(nil)
	if err != nil {
		h.t.Fatal(err)
	}
	n := addresses.Add(1)
	return &browser{h: h, from: fmt.Sprintf("10.%d.%d.%d", n>>16&255, n>>8&255, n&255), http: &http.Client{
		Jar: jar, Timeout: 20 * time.Second,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// answer is what a browser got.
type answer struct {
	status int
	header http.Header
	body   string
	page   *html.Node
	took   time.Duration
}

// title is the heading of a page.
func (a answer) title() string {
	for n := range a.page.Descendants() {
		if n.Data == "h1" {
			return textOf(n)
		}
	}
	return ""
}

// byID returns an element, nil where there is none.
func (a answer) byID(id string) *html.Node {
	for n := range a.page.Descendants() {
		if n.Type == html.ElementNode && attribute(n, "id") == id {
			return n
		}
	}
	return nil
}

// refresh is where a page goes on by itself, and empty where it stays.
func (a answer) refresh() string {
	_, to, _ := strings.Cut(a.metaRefresh(), "; url=")
	return to
}

// metaRefresh is after how many seconds, and where, a page goes on by itself.
func (a answer) metaRefresh() string {
	for n := range a.page.Descendants() {
		if n.Data == "meta" && attribute(n, "http-equiv") == "refresh" {
			return attribute(n, "content")
		}
	}
	return ""
}

func (a answer) to() string { return a.header.Get("Location") }

func (b *browser) get(address string) answer { return b.do(http.MethodGet, address, nil) }

// do sends a request. An address without a host is one of the house.
func (b *browser) do(method, address string, header http.Header) answer {
	b.h.t.Helper()
	if strings.HasPrefix(address, "/") {
		address = b.h.URL + address
	}
	req, err := http.NewRequestWithContext(context.Background(), method, address, http.NoBody)
	if err != nil {
		b.h.t.Fatal(err)
	}
	if header != nil {
		req.Header = header.Clone()
	}
	if b.from != "" {
		req.Header.Set("X-Forwarded-For", b.from)
	}
	begin := time.Now()
	got, err := b.http.Do(req)
	if err != nil {
		b.h.t.Fatal(err)
	}
	defer func() { _ = got.Body.Close() }()
	raw, err := io.ReadAll(got.Body)
	if err != nil {
		b.h.t.Fatal(err)
	}
	page, err := html.Parse(bytes.NewReader(raw))
	if err != nil {
		b.h.t.Fatal(err)
	}
	return answer{status: got.StatusCode, header: got.Header, body: string(raw), page: page, took: time.Since(begin)}
}
