package main

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"log"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	stripesandbox "keybridge/billing/stripe/sandbox"
	mailsandbox "keybridge/bridge/notify/mail/sandbox"
	tyksandbox "keybridge/bridge/tyk/sandbox"

	"keybridge/bridge"
	"keybridge/bridge/web"
)

// The developer of these tests. All of it is personal: the store may hold it and the
// operator may read it, and it is nowhere else.
const (
	canaryEmail    = "canary.person.qx7@example.net"
	canaryName     = "Canary Person Qx7"
	canaryPassword = "canary-password-qx7"
	canaryReason   = "canary-reason-qx7"
)

// canary is a text that must not turn up, but for the places it may be in.
type canary struct {
	what string // what it is, for the message of the test; the text itself is not told
	text string
	in   []string // places
}

// The places that are searched.
const (
	inStore    = "the store's file"
	inBackup   = "the backup"
	inLog      = "the log"
	inMetrics  = "the metrics"
	inAnswers  = "what the bridge answered"
	inOperator = "what the operator was told"
	inHistory  = "the history"
	inMails    = "the mails"
	inOutgoing = "the outgoing webhooks"
)

// cage is a stand of which all that leaves the bridge is kept.
type cage struct {
	*stand
	answers  *tap
	heard    *logbook                 // what net/http had to say
	links    []string                 // addresses of hand-offs
	pages    []string                 // addresses of developers' pages
	shown    []string                 // keys the portal showed
	also     map[string]func() []byte // further places
	operator strings.Builder
}

// TestNoSecretIsKeptLoggedOrShown takes requests through every kind of hand-off, through
// approvals, suspensions, refunds and failures, and then searches the store's bytes, a
// backup, the log, the metrics, every answer with its headers, and the operator's
// commands for keys, client secrets, credentials, cards and people.
func TestNoSecretIsKeptLoggedOrShown(t *testing.T) {
	heard := hear(t)
	oauth := func(k *cage) {
		offers := k.Portal.Catalogue()
		for i := range offers {
			offers[i].AuthType = "oauth"
		}
		k.Portal.SetCatalogue(offers)
		k.paid()
	}
	for _, c := range []struct {
		name   string
		choice choice
		walk   func(*cage)
	}{
		{"bare ids and hashed keys", choice{}, (*cage).disputed},
		{"signed tokens and keys that are not hashed", choice{handoff: tokenHandoff, settings: unhashed}, (*cage).disputed},
		{"signed queries and secure approval", choice{handoff: queryHandoff, delivery: "link", settings: secured}, (*cage).generated},
		{"an OAuth client", choice{handoff: tokenHandoff}, oauth},
		{"a subscription", choice{plans: []string{monthlyPlan}, settings: unhashed}, (*cage).disputed},
		{"a failure of every call", choice{handoff: tokenHandoff, settings: unhashed}, (*cage).failing},
		{"refusals", choice{handoff: tokenHandoff, plans: []string{reviewedPlan}}, (*cage).refused},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			k := startCage(t, c.choice, heard)
			c.walk(k)
			k.search()
		})
	}
}

// TestNoSecretIsInWhatIsSentToOthers takes a request of an Enterprise Portal through a
// payment by the mailed link, a suspension and new credentials, and searches the mails
// and the outgoing webhooks as well. The applicant's mails may name the applicant;
// accounting did not ask for that.
func TestNoSecretIsInWhatIsSentToOthers(t *testing.T) {
	books := newAccountant(t)
	heard := hear(t)
	k := startCage(t, choice{
		both: true, handoff: "{}", plans: append(of(paidPlan), partnerPaid),
		more: "outgoing: [{name: accounting, url: " + books.URL + ", secret_file: outgoing.secret}]",
	}, heard)
	mails := func() []byte {
		var all bytes.Buffer
		for _, m := range k.Mail.Mails(mailsandbox.Filter{}) {
			all.Write(m.Raw)
			all.WriteString(m.Text + m.HTML) // without the encoding, that is
		}
		return all.Bytes()
	}
	k.also = map[string]func() []byte{inMails: mails, inOutgoing: books.bodies}
	f := &far{stand: k.stand, portal: demoEnterprise, email: canaryEmail}
	if _, err := k.Enterprise.AddUser(tyksandbox.User{
		Email: canaryEmail, Password: canaryPassword, First: "Canary", Last: "Person Qx7", Apps: []tyksandbox.App{{Name: "Kite"}},
	}); err != nil {
		t.Fatal(err)
	}
	key := f.file(paid)
	start := f.told(bridge.TellStart)
	k.pages = append(k.pages, start.Links[slices.IndexFunc(start.Links, func(link string) bool { return strings.HasPrefix(link, k.url) })])
	f.payFromMail(start)
	r := f.comesTo(key, bridge.StateActive)
	k.credentials()
	charge, _ := r.Ref(bridge.RefCharge)
	k.act(charge.ID, "dispute", nil)
	f.comesTo(key, bridge.StateSuspended)
	k.act(charge.ID, "win", nil)
	f.comesTo(key, bridge.StateActive)
	k.credentials()
	f.told(bridge.TellStart, bridge.TellApproved, bridge.TellSuspended, bridge.TellResumed)
	await(t, "accounting to be told of the resumption", func() bool { return len(books.of(r.ID)) > 8 }, nil)
	await(t, "the key request of the resumption to be known as one of this request", func() bool {
		page, err := k.bridge.service.List(t.Context(), bridge.Filter{})
		return err == nil && len(page.Requests) == 1
	}, nil)
	k.search()
}

// credentials notes the credentials there are now in the Enterprise Portal.
func (k *cage) credentials() {
	k.t.Helper()
	before := len(k.shown)
	for _, a := range k.Enterprise.AccessRequests() {
		for _, c := range a.Credentials {
			k.shown = append(k.shown, c.Secret())
		}
	}
	if len(k.shown) == before {
		k.t.Error("there are no credentials, so this shows nothing")
	}
}

func unhashed(s *tyksandbox.Settings) { s.HashedKeys = false }

func secured(s *tyksandbox.Settings) { s.SecureKeyApproval = true }

// hear keeps what net/http has to say while a test runs. There is one logger of it for all
// that runs, so the test must not run beside others; its parts may, and share it.
func hear(t *testing.T) *logbook {
	t.Helper()
	heard := &logbook{}
	log.SetOutput(heard)
	t.Cleanup(func() { log.SetOutput(os.Stderr) })
	return heard
}

// startCage starts a stand whose developer is a canary.
func startCage(t *testing.T, c choice, heard *logbook) *cage {
	t.Helper()
	k := &cage{answers: &tap{}, heard: heard}
	c.listen = func(l net.Listener) net.Listener {
		k.answers.Listener = l
		return k.answers
	}
	k.stand = startStand(t, c)
	_, err := k.Portal.AddDeveloper(tyksandbox.Developer{
		Email: canaryEmail, Password: canaryPassword, Fields: map[string]string{"Name": canaryName},
	})
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// arrive asks for a policy and follows the portal's redirect to the bridge.
func (k *cage) arrive(policy string) (*visitor, asked) {
	k.t.Helper()
	a := k.ask(canaryEmail, policy)
	k.links = append(k.links, a.Redirect)
	v := browse(k.t)
	if err := v.open(a.Redirect); err != nil {
		k.t.Fatal(err)
	}
	return v, a
}

// paid takes a request to its key, with a card that is declined first and every page on
// the way.
func (k *cage) paid() asked {
	k.t.Helper()
	v, a := k.arrive(tyksandbox.PaidPolicy)
	c := k.awaitCheckout(a.ID)
	page, _, _ := strings.Cut(c.Success, "/return")
	k.pages = append(k.pages, page)
	payer := stripesandbox.Args{"email": canaryEmail, "name": canaryName}
	if err := k.Stripe.Act(c.ID, "decline", payer); !errors.Is(err, stripesandbox.ErrDeclined) {
		k.t.Fatal(err)
	}
	k.openAll(v, page, c.Success)
	k.act(c.ID, "pay", payer)
	k.openAll(v, c.Success, page, k.url+"/")
	k.awaitState(a.ID, bridge.StateActive)
	k.openAll(v, page)
	return a
}

// openAll opens pages that there are.
func (k *cage) openAll(v *visitor, addresses ...string) {
	k.t.Helper()
	for _, address := range addresses {
		if err := v.open(address); err != nil {
			k.t.Fatal(err)
		}
	}
}

// disputed: paid, suspended for a dispute, resumed, and revoked for a refund.
func (k *cage) disputed() {
	k.t.Helper()
	a := k.paid()
	session := k.checkouts(k.request(a.ID).ID)[0].ID
	for _, step := range []struct {
		action string
		state  bridge.State
	}{{"dispute", bridge.StateSuspended}, {"win", bridge.StateActive}, {"refund", bridge.StateEnded}} {
		k.act(session, step.action, nil)
		k.awaitState(a.ID, step.state)
	}
}

// generated: the developer makes the key under secure approval, and the bridge reads
// what came of it.
func (k *cage) generated() {
	k.t.Helper()
	a := k.paid()
	v := browse(k.t)
	k.openAll(v, k.PortalURL+"/portal/generate/"+a.ID)
	if err := v.submit("sign-in", map[string]string{"email": canaryEmail, "password": canaryPassword}); err != nil {
		k.t.Fatal(err)
	}
	if err := v.submit("generate-key", nil); err != nil {
		k.t.Fatal(err)
	}
	k.shown = append(k.shown, text(find(v.page, "raw-key")))
	k.operate("requests", "retry", string(k.request(a.ID).ID))
	await(k.t, "the bridge to know of the key", func() bool { return len(k.request(a.ID).Access.Keys) == 1 }, nil)
}

// failing: every call fails in some way before it succeeds, and errors are logged.
func (k *cage) failing() {
	k.t.Helper()
	settings := k.Portal.Settings()
	settings.Quirks.ErrorsUnder200 = true
	if err := k.Portal.SetSettings(settings); err != nil {
		k.t.Fatal(err)
	}
	for path, kind := range map[string]tyksandbox.FaultKind{
		"/api/portal/requests/approve": tyksandbox.ErrorAfter, "/api/portal/developers": tyksandbox.CutAfter,
		"/api/keys": tyksandbox.ErrorBefore, "/api/portal/requests": tyksandbox.TooManyRequests,
	} {
		k.portalFault(tyksandbox.Fault{Path: path, Kind: kind, Times: 1})
	}
	k.Stripe.Fault(stripesandbox.Fault{Method: http.MethodPost, Kind: stripesandbox.ErrorAfter, Times: 1})
	k.Stripe.Fault(stripesandbox.Fault{Method: http.MethodGet, Kind: stripesandbox.CutAfter, Times: 1, Skip: 1})
	k.paid()
}

// refused: hand-offs and webhooks that are not believed, pages that are not there, and
// a request that a person declines.
func (k *cage) refused() {
	k.t.Helper()
	v, a := k.arrive(tyksandbox.ReviewedPolicy)
	r := k.awaitState(a.ID, bridge.StateReviewing)
	k.pages = append(k.pages, k.url+v.at.Path)
	stranger, other := browse(k.t), k.ask(canaryEmail, tyksandbox.ReviewedPolicy)
	forged := other.Redirect[:len(other.Redirect)-8] + "AAAAAAAA"
	k.links = append(k.links, forged, other.Redirect)
	k.wantRefused(stranger, a.Redirect, forged, k.url+"/handoff/weather?key_request_id="+a.ID,
		k.url+"/handoff/other?token=x", k.url+v.at.Path[:len(v.at.Path)-8]+"AAAAAAAA", k.url+"/nowhere?email="+canaryEmail)
	for _, address := range []string{"/webhooks/stripe", "/webhooks/portal/weather?secret=wrong", "/webhooks/portal/weather"} {
		body := fmt.Sprintf(`{"id":"evt_1","data":{"email":%q}}`, canaryEmail)
		answer, err := http.Post(k.url+address, "application/json", strings.NewReader(body))
		if err != nil {
			k.t.Fatal(err)
		}
		_ = answer.Body.Close()
	}
	k.operate("requests", "decline", string(r.ID), "--why", "not this time")
	k.awaitState(a.ID, bridge.StateDeclined)
	k.openAll(v, k.url+v.at.Path)
}

// wantRefused opens what must not open.
func (k *cage) wantRefused(v *visitor, addresses ...string) {
	k.t.Helper()
	for i, address := range addresses {
		if err := v.open(address); err == nil {
			k.t.Errorf("address %d of those to refuse was opened: %s", i, text(find(v.page, "title")))
		}
	}
}

// search looks for every canary in every place it must not be in.
func (k *cage) search() {
	k.t.Helper()
	canaries := k.canaries()
	places := k.places()
	for place, content := range places {
		if len(content) < 200 {
			k.t.Errorf("%s holds %d bytes only, so this shows nothing", place, len(content))
		}
		for _, c := range canaries {
			if allowed(c, place) {
				continue
			}
			for form, text := range forms(c.text) {
				if at := bytes.Index(content, []byte(text)); at >= 0 {
					k.t.Errorf("%s (%s) is in %s, after %q", c.what, form, place, beside(content[max(0, at-80):at]))
				}
			}
		}
	}
	k.wantFound(places)
	k.t.Logf("%d canaries, in %d forms each, were looked for in %s", len(canaries), len(forms(canaryEmail)), sizes(places))
}

func allowed(c canary, place string) bool {
	for _, p := range c.in {
		if p == place {
			return true
		}
	}
	return false
}

// wantFound shows that the search finds what is there.
func (k *cage) wantFound(places map[string][]byte) {
	k.t.Helper()
	for place, text := range map[string]string{
		inStore: canaryEmail, inBackup: canaryEmail, inOperator: canaryEmail, inLog: `"msg":"answered"`,
		inMetrics: "keybridge_hints_total", inAnswers: "<h1", inHistory: `"received"`,
	} {
		if len(k.also) > 0 && place == inLog {
			text = `"msg":"mail sent"`
		}
		if !bytes.Contains(places[place], []byte(text)) {
			k.t.Errorf("%s does not hold %q, so nothing would be found there", place, text)
		}
	}
}

// canaries are all that is searched for.
func (k *cage) canaries() []canary {
	k.t.Helper()
	person := []string{inStore, inBackup, inOperator, inMails}
	all := []canary{
		{what: "the e-mail address", text: canaryEmail, in: person},
		{what: "the developer's name", text: canaryName, in: person},
		{what: "a reason", text: canaryReason, in: person},
		{what: "the password", text: canaryPassword},
		{what: "the Dashboard's credential", text: k.Portal.Secret()},
		{what: "the Dashboard's admin secret", text: k.Portal.AdminSecret()},
		{what: "Stripe's key", text: k.Stripe.Key()},
		{what: "the portal webhook's secret", text: standPortalHook},
		{what: "Stripe's webhook secret", text: standStripeHook},
		{what: "the page secret", text: standPageSecret},
		{what: "the hand-off secret", text: standHandoffSecret},
		{what: "the Enterprise Portal's credential", text: k.Enterprise.Secret()},
		{what: "the Enterprise Portal's webhook's secret", text: standPartnersHook},
		{what: "the mail server's password", text: mailPassword},
		{what: "the secret of the outgoing webhooks", text: strings.TrimPrefix(standOutgoing, "whsec_")},
		{what: "a card number", text: "4242424242424242"},
	}
	for _, link := range k.links {
		all = append(all, k.proof(link)...)
	}
	for _, page := range k.pages {
		all = append(all, canary{what: "a page's token", text: strings.TrimPrefix(page, k.url+"/r/"), in: []string{inAnswers, inMails}})
	}
	return append(append(all, k.keys()...), k.cards()...)
}

// proof is what a hand-off's address proves its origin with. A signature may be
// remembered, so that it works once.
func (k *cage) proof(link string) []canary {
	k.t.Helper()
	u, err := url.Parse(link)
	if err != nil {
		k.t.Fatal(err)
	}
	var all []canary
	if token := u.Query().Get("token"); token != "" {
		parts := strings.Split(token, ".")
		all = append(all, canary{what: "a hand-off token", text: token},
			canary{what: "the claims of a token", text: parts[1]}, canary{what: "the signature of a token", text: parts[2]})
	}
	if signature := u.Query().Get("signature"); signature != "" {
		all = append(all, canary{what: "the signature of a query", text: signature, in: []string{inStore, inBackup}})
	}
	return all
}

var issued = regexp.MustCompile(`(?:Your API key|Your client secret): (\S+)`)

// keys are the keys and client secrets that the portal gave out, whole and without the
// organisation they begin with.
func (k *cage) keys() []canary {
	k.t.Helper()
	found := k.shown
	for _, mail := range k.Portal.Mail() {
		for _, m := range issued.FindAllStringSubmatch(mail.Text, -1) {
			found = append(found, m[1])
		}
	}
	var all []canary
	for _, key := range found {
		all = append(all, canary{what: "a raw key or client secret", text: key},
			canary{what: "the secret part of a key", text: strings.TrimPrefix(key, k.Portal.Org())})
	}
	if len(all) == 0 && k.choice.plans == nil {
		k.t.Error("the portal gave out no key, so this shows nothing")
	}
	return all
}

// cards are the secrets of payments at Stripe.
func (k *cage) cards() []canary {
	k.t.Helper()
	type secretive struct {
		Secret string `json:"client_secret"`
		Card   struct {
			Fingerprint string `json:"fingerprint"`
		} `json:"card"`
	}
	var all []canary
	for _, kind := range []string{"payment_intent", "setup_intent", "payment_method"} {
		for _, o := range objects[secretive](k.stand, kind) {
			if o.Secret != "" {
				all = append(all, canary{what: "the client secret of a " + kind, text: o.Secret})
			}
			if o.Card.Fingerprint != "" {
				all = append(all, canary{what: "the fingerprint of a card", text: o.Card.Fingerprint})
			}
		}
	}
	return all
}

// places are the contents of everything there is to search. The bridge is stopped on the
// way, so that everything has been written.
func (k *cage) places() map[string][]byte {
	k.t.Helper()
	backup := filepath.Join(k.folder, "backup.db")
	k.operator.WriteString(k.operate("backup", backup))
	k.operator.WriteString(k.operate("requests", "list"))
	listed := k.operate("requests", "list", "--json")
	k.operator.WriteString(listed)
	var page web.RequestPage
	if err := json.Unmarshal([]byte(listed), &page); err != nil {
		k.t.Fatal(err)
	}
	var history bytes.Buffer
	for _, r := range page.Requests {
		k.operator.WriteString(k.operate("requests", "show", string(r.ID)))
		shown := k.operate("requests", "show", "--json", string(r.ID))
		k.operator.WriteString(shown)
		if err := json.Unmarshal([]byte(shown), &r); err != nil {
			k.t.Fatal(err)
		}
		if err := json.NewEncoder(&history).Encode(r.History); err != nil {
			k.t.Fatal(err)
		}
	}
	places := map[string][]byte{inMetrics: []byte(k.metrics()), inHistory: history.Bytes(), inOperator: []byte(k.operator.String())}
	if err := k.stopBridge(); err != nil {
		k.t.Errorf("stopping: %v", err)
	}
	places[inStore] = k.file(filepath.Join(k.cfg.Data, storeFile))
	places[inBackup] = k.file(backup)
	places[inLog] = []byte(k.log.String() + k.heard.String())
	places[inAnswers] = k.answers.all()
	for place, content := range k.also {
		places[place] = content()
	}
	return places
}

func (k *cage) file(path string) []byte {
	k.t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		k.t.Fatal(err)
	}
	return content
}

// forms are the ways in which a text may be written.
func forms(text string) map[string]string {
	quoted, _ := json.Marshal(text) // a string always encodes
	return map[string]string{
		"as it is":           text,
		"in JSON":            strings.Trim(string(quoted), `"`),
		"in HTML":            html.EscapeString(text),
		"in a URL":           url.QueryEscape(text),
		"in a path":          url.PathEscape(text),
		"in hex":             hex.EncodeToString([]byte(text)),
		"in base64":          strings.TrimRight(base64.StdEncoding.EncodeToString([]byte(text)), "="),
		"in base64 for URLs": strings.TrimRight(base64.URLEncoding.EncodeToString([]byte(text)), "="),
	}
}

// beside makes what stands before a canary fit a line.
func beside(content []byte) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return '·'
		}
		return r
	}, string(content))
}

func sizes(places map[string][]byte) string {
	var all []string
	for place, content := range places {
		all = append(all, fmt.Sprintf("%s (%d KiB)", place, len(content)>>10))
	}
	return strings.Join(all, ", ")
}

// tap keeps every byte that a listener's connections answer.
type tap struct {
	net.Listener
	mu   sync.Mutex
	said bytes.Buffer
}

// Accept waits for a connection and listens in.
func (l *tap) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	return &tapped{conn, l}, err
}

func (l *tap) all() []byte {
	l.mu.Lock()
	defer l.mu.Unlock()
	return bytes.Clone(l.said.Bytes())
}

type tapped struct {
	net.Conn
	tap *tap
}

// Write keeps what is answered.
func (c *tapped) Write(b []byte) (int, error) {
	c.tap.mu.Lock()
	c.tap.said.Write(b)
	c.tap.mu.Unlock()
	return c.Conn.Write(b)
}
