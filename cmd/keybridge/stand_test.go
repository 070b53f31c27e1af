package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"text/template"
	"time"

	stripesandbox "keybridge/billing/stripe/sandbox"
	tyksandbox "keybridge/bridge/tyk/sandbox"

	"keybridge/bridge"
)

// The plans that tests choose from, as lines of a configuration file. The sandbox
// portal has three policies: what each of them demands is the test's to say.
const (
	freePlan     = `{name: Weather Free, policies: ["` + tyksandbox.FreePolicy + `"], steps: []}`
	paidPlan     = `{name: Weather Pro, policies: ["` + tyksandbox.PaidPolicy + `"], steps: [payment], price: {amount: "49.00", currency: EUR}}`
	cardPlan     = `{name: Weather Card, policies: ["` + tyksandbox.FreePolicy + `"], steps: [{validation: card}]}`
	monthlyPlan  = `{name: Weather Monthly, policies: ["` + tyksandbox.PaidPolicy + `"], steps: [payment], price: {amount: "19.00", currency: EUR, interval: month}}`
	reviewedPlan = `{name: Weather Enterprise, policies: ["` + tyksandbox.ReviewedPolicy + `"], steps: [review]}`
	heldPlan     = `{name: Weather Held, policies: ["` + tyksandbox.ReviewedPolicy + `"], steps: [payment, review], hold: true, price: {amount: "99.00", currency: EUR}}`
)

// standConfig is the configuration file of a stand.
const standConfig = `
listen: 127.0.0.1:0
public_url: {{.URL}}
operations: 127.0.0.1:0
data: data
shutdown: {{.Shutdown}}
pages: {service_name: Weather keys, secret_file: page.key}
portals:
  - name: weather
    title: Weather Developer Portal
    url: {{.Portal}}
    secret_file: dashboard.secret
    organisation: "{{.Organisation}}"
    home: {{.Portal}}/portal/keys
    webhook_secret_file: portal-webhook.secret
    key_delivery: {{.Delivery}}
    handoff: {{.Handoff}}
    poll: {{.Poll}}
{{with .Enterprise}}  - name: partners
    kind: tyk-enterprise
    title: Weather Partner Portal
    url: {{.URL}}
    secret_file: enterprise.secret
    home: {{.URL}}/portal/apps
    webhook_secret_file: enterprise-webhook.secret
    handoff: {{.Handoff}}
    poll: {{$.Poll}}
{{end}}{{with .Mail}}mail:
  {host: {{.Host}}, port: {{.Port}}, username: {{.User}}, password_file: mail.secret, ca_file: mail-ca.pem, from: Weather keys <keys@weather.example>{{.More}}}
{{end}}{{.More}}
stripe: {url: {{.Stripe}}, key_file: stripe.key, webhook_secret_file: stripe-webhook.secret}
plans:
{{range .Plans}}  - {{.}}
{{end}}`

// The plans of the Enterprise Portal.
const (
	partnerFree     = `{name: Partner Free, portal: partners, portal_plans: ["1"], steps: []}`
	partnerPaid     = `{name: Partner Paid, portal: partners, portal_plans: ["2"], steps: [payment], price: {amount: "19.00", currency: EUR}}`
	partnerMonthly  = `{name: Partner Monthly, portal: partners, portal_plans: ["2"], steps: [payment], price: {amount: "19.00", currency: EUR, interval: month}}`
	partnerReviewed = `{name: Partner Reviewed, portal: partners, portal_plans: ["3"], steps: [review]}`
)

// of says that a plan is for the Classic Portal, which has to be said where there are
// two.
func of(plans ...string) []string {
	for i, plan := range plans {
		plans[i] = strings.Replace(plan, "{name:", "{portal: weather, name:", 1)
	}
	return plans
}

// The ways a stand's portal may hand browsers over.
const (
	bareHandoff  = `{bare: {}}`
	tokenHandoff = `{token: {algorithm: HS256, secret_file: handoff.secret, issuer: weather-portal}}`
	queryHandoff = `{query: {secret_file: handoff.secret}}`
)

// choice is what a test chooses of its stand. Zero members are the demo's.
type choice struct {
	plans    []string      // none: the paid plan
	handoff  string        // empty: bareHandoff
	delivery string        // empty: mail
	shutdown time.Duration // zero: 20s, as the configuration has it
	// settings changes how the portal behaves.
	settings func(*tyksandbox.Settings)
	// both adds the Enterprise Portal; enterprise is how it may hand browsers over (empty:
	// not at all). mail has applicants told; both does so too.
	both       bool
	enterprise string
	mail       bool
	// subjects are those of mails, as a YAML mapping; empty: the built-in ones.
	subjects string
	// poll is how often portals are asked; empty: 5m. more are further lines of the file.
	poll, more string
	// stripeEvents are those that Stripe sends; none: all there are.
	stripeEvents []string
	// listen wraps the listener of the bridge.
	listen func(net.Listener) net.Listener
}

// stand is a bridge between the two sandboxes, on loopback, wired as demo and serve
// wire it: the same functions, a configuration file, a data folder.
type stand struct {
	*sandboxes
	t      testing.TB
	choice choice
	folder string // of the configuration file; its own, and short because of the socket in it
	url    string // where the bridge answers, the same after a restart
	cfg    *config
	bridge *running
	log    *logbook
}

// The secrets of a stand that are chosen here; the others are the sandboxes' own.
const (
	standPageSecret    = "page-secret-Zq81-canary-Zq81-canary-Zq81"
	standPortalHook    = "portal-hook-secret-Vx52-canary"
	standStripeHook    = "whsec_stripe_hook_Wm37_canary"
	standHandoffSecret = "handoff-secret-Kt94-canary-Kt94-canary-Kt94"
	standPartnersHook  = "partners-hook-secret-Rb63-canary"
)

// startStand starts everything, and stops it when the test ends.
func startStand(t testing.TB, chosen choice) *stand {
	t.Helper()
	s := &stand{t: t, choice: chosen, folder: shortFolder(t), log: &logbook{}}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("the end of the bridge's log:\n%s", s.log.end(8<<10))
		}
	})
	var err error
	if s.sandboxes, err = startSandboxes(sandboxAddrs{}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Stop)
	s.start()
	if err := s.Connect(connection{
		Bridge: s.url, Portal: demoPortal, PortalSecret: standPortalHook,
		Enterprise: demoEnterprise, EnterpriseSecret: standPartnersHook, StripeSecret: standStripeHook,
		StripeEvents: s.choice.stripeEvents,
	}); err != nil {
		t.Fatal(err)
	}
	s.signRedirects()
	return s
}

// in is the stand for a part of its test.
func (s *stand) in(t testing.TB) *stand {
	part := *s
	part.t = t
	return &part
}

// start starts the bridge at its address, which it is given at the first start.
func (s *stand) start() {
	s.t.Helper()
	if s.url == "" {
		s.url = "http://" + ownAddress(s.t)
	}
	listener, err := net.Listen("tcp", strings.TrimPrefix(s.url, "http://"))
	if err != nil {
		s.t.Fatal(err)
	}
	s.configure()
	if s.choice.listen != nil {
		listener = s.choice.listen(listener)
	}
	log := slog.New(slog.NewJSONHandler(s.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	b, err := startBridge(s.cfg, log, listener, nil)
	if err != nil {
		s.t.Fatal(err)
	}
	s.bridge = b
	s.t.Cleanup(func() {
		if s.bridge == b {
			_ = b.Stop() // a test that cares stops it itself
		}
	})
}

// stopBridge stops the bridge and says how that went.
func (s *stand) stopBridge() error {
	b := s.bridge
	s.bridge = nil
	return b.Stop()
}

// resumeBridge starts the bridge again, on the same data and at the same address.
func (s *stand) resumeBridge() {
	s.t.Helper()
	s.start()
}

// configure writes the configuration file with its secrets and reads it as serve
// would.
func (s *stand) configure() {
	s.t.Helper()
	c := s.choice
	if c.plans == nil {
		c.plans = []string{paidPlan}
	}
	if c.shutdown == 0 {
		c.shutdown = 20 * time.Second // more than the 5 s that an http.Server waits for a connection on which nothing was asked
	}
	var text strings.Builder
	err := template.Must(template.New("").Parse(standConfig)).Execute(&text, map[string]any{
		"URL": s.url, "Portal": s.PortalURL, "Stripe": s.StripeURL, "Organisation": s.Portal.Org(), "Shutdown": c.shutdown,
		"Delivery": firstText(c.delivery, "mail"), "Handoff": firstText(c.handoff, bareHandoff), "Plans": c.plans,
		"Enterprise": s.enterpriseSection(), "Mail": s.mailSection(), "Poll": firstText(c.poll, "5m"), "More": c.more,
	})
	if err != nil {
		s.t.Fatal(err)
	}
	for name, content := range map[string]string{
		"keybridge.yaml": text.String(), "page.key": standPageSecret, "handoff.secret": standHandoffSecret,
		"dashboard.secret": s.Portal.Secret(), "portal-webhook.secret": standPortalHook,
		"stripe.key": s.Stripe.Key(), "stripe-webhook.secret": standStripeHook,
		"enterprise.secret": s.Enterprise.Secret(), "enterprise-webhook.secret": standPartnersHook,
		"outgoing.secret": standOutgoing, "mail.secret": mailPassword, "mail-ca.pem": string(s.Mail.CA()),
	} {
		if err := os.WriteFile(filepath.Join(s.folder, name), []byte(content), 0o600); err != nil {
			s.t.Fatal(err)
		}
	}
	if s.cfg, err = loadConfig(filepath.Join(s.folder, "keybridge.yaml"), os.LookupEnv); err != nil {
		s.t.Fatal(err)
	}
}

// enterpriseSection is what the file says of the Enterprise Portal; nil for nothing.
func (s *stand) enterpriseSection() map[string]string {
	if !s.choice.both {
		return nil
	}
	return map[string]string{"URL": s.EnterpriseURL, "Handoff": firstText(s.choice.enterprise, "{}")}
}

// mailSection is what the file says of the mail server; nil for nothing.
func (s *stand) mailSection() map[string]string {
	if !s.choice.both && !s.choice.mail {
		return nil
	}
	host, port, err := net.SplitHostPort(s.Mail.Addr())
	if err != nil {
		s.t.Fatal(err)
	}
	section := map[string]string{"Host": host, "Port": port, "User": mailUser, "More": ""}
	if s.choice.subjects != "" {
		section["More"] = ", subjects: " + s.choice.subjects
	}
	return section
}

// signRedirects makes the portal hand browsers over as the configuration expects,
// and behave as the test wants.
func (s *stand) signRedirects() {
	s.t.Helper()
	settings := s.Portal.Settings()
	how := tyksandbox.SignedRedirect{Secret: standHandoffSecret, Issuer: "weather-portal", Audience: s.url, Portal: demoPortal}
	switch s.choice.handoff {
	case tokenHandoff:
		how.Kind = tyksandbox.SignedJWT
	case queryHandoff:
		how.Kind = tyksandbox.SignedQuery
	}
	settings.SignedRedirect = how
	if s.choice.settings != nil {
		s.choice.settings(&settings)
	}
	if err := s.Portal.SetSettings(settings); err != nil {
		s.t.Fatal(err)
	}
}

// asked is a key request that was filed, with the address the portal's form would
// have led to.
type asked struct {
	ID       string `json:"id"`
	Redirect string `json:"redirect"`
}

// ask files a key request as the portal's form does.
func (s *stand) ask(email string, policies ...string) asked {
	s.t.Helper()
	var a asked
	s.call(http.MethodPost, s.PortalURL+"/sandbox/requests", tyksandbox.Ask{
		Email: email, Policies: policies, Fields: map[string]string{"What will you build?": canaryReason},
	}, &a)
	return a
}

// dashboard asks the Dashboard API, as any other client of it would.
func (s *stand) dashboard(path string, into any) int {
	s.t.Helper()
	return s.call(http.MethodGet, s.PortalURL+"/api/portal/"+path, nil, into)
}

// call makes one JSON call with the Dashboard's credential. into stays as it is
// unless the answer is a 200.
func (s *stand) call(method, address string, body, into any) int {
	s.t.Helper()
	text, err := json.Marshal(body)
	if err != nil {
		s.t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(s.t.Context(), method, address, bytes.NewReader(text))
	if err != nil {
		s.t.Fatal(err)
	}
	req.Header.Set("Authorization", s.Portal.Secret())
	answer, err := http.DefaultClient.Do(req)
	if err != nil {
		s.t.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }()
	if answer.StatusCode == http.StatusOK {
		if err := json.NewDecoder(answer.Body).Decode(into); err != nil {
			s.t.Fatalf("%s %s: %v", method, address, err)
		}
	}
	return answer.StatusCode
}

// approved asks the Dashboard API whether a key request is approved.
func (s *stand) approved(key string) bool {
	s.t.Helper()
	var k struct {
		Approved bool `json:"approved"`
	}
	return s.dashboard("requests/"+key, &k) == http.StatusOK && k.Approved
}

// keysOf asks the Dashboard API how many keys a developer has.
func (s *stand) keysOf(email string) int {
	s.t.Helper()
	var d struct {
		Keys map[string][]string `json:"keys"`
	}
	if status := s.dashboard("developers/email/"+url.PathEscape(email), &d); status != http.StatusOK {
		s.t.Fatalf("the Dashboard knows no developer %s: %d", email, status)
	}
	return len(d.Keys)
}

// wantOneKey checks that the Dashboard shows the request approved and the developer
// with exactly one key, and that one approval was enough.
func (s *stand) wantOneKey(key, email string) {
	s.t.Helper()
	if !s.approved(key) {
		s.t.Errorf("the Dashboard does not show the key request as approved")
	}
	if n := s.keysOf(email); n != 1 {
		s.t.Errorf("the developer has %d keys, want exactly one", n)
	}
	if n := s.approvals(key); n != 1 {
		s.t.Errorf("the key request was approved by %d calls, want one", n)
	}
}

// approvals counts the calls that approved a key request or tried to.
func (s *stand) approvals(key string) int {
	n := 0
	for _, c := range s.Portal.Calls() {
		if c.Method == http.MethodPut && c.Path == "/api/portal/requests/approve/"+key {
			n++
		}
	}
	return n
}

// request returns the record of a key request; the zero one where there is none yet.
func (s *stand) request(key string) bridge.Request {
	r, err := s.bridge.service.GetKey(s.t.Context(), demoPortal, key)
	if err != nil && bridge.KindOf(err) != bridge.NotFound {
		s.t.Fatal(err)
	}
	return r
}

// awaitState waits until a request is in a state, and returns it.
func (s *stand) awaitState(key string, want bridge.State) bridge.Request {
	s.t.Helper()
	var r bridge.Request
	await(s.t, fmt.Sprintf("the request to be %q", want), func() bool {
		r = s.request(key)
		return r.Stage() == want
	}, func() string { return fmt.Sprintf("it is %q: %s %s", r.State(), r.Work.Doing, r.Work.Error) })
	return r
}

// awaitCheckout waits until a request can be paid, and returns the session.
func (s *stand) awaitCheckout(key string) checkout {
	s.t.Helper()
	var open checkout
	await(s.t, "an open checkout", func() bool {
		now := s.request(key).Payment.Checkout
		if now.State != bridge.CheckoutOpen {
			return false
		}
		open = s.checkout(now.ID)
		return open.Status == "open"
	}, func() string {
		r := s.request(key)
		return fmt.Sprintf("it is %q: %s %s", r.State(), r.Work.Doing, r.Work.Error)
	})
	return open
}

// checkout returns a session.
func (s *stand) checkout(id string) checkout {
	s.t.Helper()
	raw, err := s.Stripe.Object(id)
	if err != nil {
		s.t.Fatal(err)
	}
	var c checkout
	if err := json.Unmarshal(raw, &c); err != nil {
		s.t.Fatal(err)
	}
	return c
}

// checkout is one session at Stripe.
type checkout struct {
	ID            string `json:"id"`
	Reference     string `json:"client_reference_id"`
	Status        string `json:"status"`
	Payment       string `json:"payment_status"`
	Success       string `json:"success_url"`
	Intent        string `json:"payment_intent"`
	Setup         string `json:"setup_intent"`
	Customer      string `json:"customer"`
	Subscription  string `json:"subscription"`
	Invoice       string `json:"invoice"`
	CustomerEmail string `json:"customer_email"`
}

// checkouts are the sessions of a request, oldest first.
func (s *stand) checkouts(id bridge.ID) []checkout {
	s.t.Helper()
	var mine []checkout
	for _, c := range objects[checkout](s, "checkout.session") {
		if c.Reference == string(id) {
			mine = append(mine, c)
		}
	}
	return mine
}

// objects are all objects of a kind at Stripe, oldest first.
func objects[T any](s *stand, kind string) []T {
	s.t.Helper()
	var all []T
	for _, raw := range s.Stripe.Objects(kind) {
		var one T
		if err := json.Unmarshal(raw, &one); err != nil {
			s.t.Fatal(err)
		}
		all = append(all, one)
	}
	return all
}

// wantCheckouts checks the sessions of a request by status and payment status, as
// "complete paid".
func (s *stand) wantCheckouts(id bridge.ID, want ...string) {
	s.t.Helper()
	var got []string
	for _, c := range s.checkouts(id) {
		got = append(got, c.Status+" "+c.Payment)
	}
	if !slices.Equal(got, want) {
		s.t.Errorf("the checkouts at Stripe are %q, want %q", got, want)
	}
}

// act has a person, a bank or time do something at Stripe.
func (s *stand) act(id, action string, args stripesandbox.Args) {
	s.t.Helper()
	if err := s.Stripe.Act(id, action, args); err != nil {
		s.t.Fatal(err)
	}
}

// portalFault makes the portal misbehave.
func (s *stand) portalFault(f tyksandbox.Fault) {
	s.t.Helper()
	if _, err := s.Portal.Fault(f); err != nil {
		s.t.Fatal(err)
	}
}

// operate runs a command of an operator and returns what it prints.
func (s *stand) operate(args ...string) string {
	s.t.Helper()
	var out, errOut strings.Builder
	args = append(args, "--data", s.cfg.Data)
	if code := run(s.t.Context(), args, &out, &errOut); code != 0 {
		s.t.Fatalf("keybridge %v ended with %d: %s", args, code, errOut.String())
	}
	return out.String()
}

// metrics returns what the operations listener says of itself.
func (s *stand) metrics() string {
	s.t.Helper()
	answer, err := http.Get(s.bridge.Operations + "/metrics")
	if err != nil {
		s.t.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return string(text)
}

// patience is how long a test waits for what has to come to pass: far longer than it
// takes, because the machine may be slow and busy, and only a test that fails waits for
// it.
const patience = 2 * time.Minute

// The pauses between two looks of await: short at first, for what is there at once, and
// then longer, because who looks takes time from those that are waited for.
const shortestPause, longestPause = 2 * time.Millisecond, 100 * time.Millisecond

// await waits until something is so. how says how it is instead; it may be nil.
func await(t testing.TB, what string, so func() bool, how func() string) {
	t.Helper()
	pause := shortestPause
	for deadline := time.Now().Add(patience); !so(); pause = min(pause*3/2, longestPause) {
		if time.Now().After(deadline) {
			fail(t, what, how)
		}
		time.Sleep(pause)
	}
}

// fail ends a test that waited in vain.
func fail(t testing.TB, what string, how func() string) {
	t.Helper()
	instead := ""
	if how != nil {
		instead = "; " + how()
	}
	t.Fatalf("waited too long for %s%s", what, instead)
}

func firstText(texts ...string) string {
	for _, text := range texts {
		if text != "" {
			return text
		}
	}
	return ""
}

// logbook keeps what is logged.
type logbook struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *logbook) Write(line []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(line)
}

func (l *logbook) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

func (l *logbook) end(size int) string {
	text := l.String()
	return text[max(0, len(text)-size):]
}

// browse is a browser without JavaScript for a test.
func browse(t testing.TB) *visitor {
	t.Helper()
	v, err := newVisitor(context.WithoutCancel(t.Context()))
	if err != nil {
		t.Fatal(err)
	}
	return v
}
