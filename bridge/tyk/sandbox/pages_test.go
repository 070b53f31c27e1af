package sandbox_test

import (
	"encoding/binary"
	"flag"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"keybridge/bridge/tyk/sandbox"
)

var update = flag.Bool("update", false, "write the golden pages in testdata/pages anew")

// counting is a source of bytes that a test can foretell.
type counting struct{ n uint64 }

func (c *counting) Read(b []byte) (int, error) {
	for i := range b {
		var word [8]byte
		binary.BigEndian.PutUint64(word[:], c.n*0x9e3779b97f4a7c15)
		b[i] = word[0]
		c.n++
	}
	return len(b), nil
}

// stillPortal is a portal in which nothing is left to chance.
func stillPortal(t *testing.T) *portal {
	t.Helper()
	p := newPortal(t, sandbox.Config{
		Rand: &counting{}, Now: func() time.Time { return time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC) },
		URL: "http://portal.example", Org: sampleOrg,
	})
	return p
}

func TestEveryPageIsAsItShouldBe(t *testing.T) {
	for name, walk := range map[string]func(*portal) *browser{
		"home":              func(p *portal) *browser { return p.browser().get("/portal/") },
		"home_signed_in":    func(p *portal) *browser { return p.browser().signIn().get("/portal/") },
		"catalogue":         func(p *portal) *browser { return p.browser().get("/portal/catalogue") },
		"catalogue_several": func(p *portal) *browser { p.several(); return p.browser().signIn().get("/portal/catalogue") },
		"login":             func(p *portal) *browser { return p.browser().get("/portal/login?next=/portal/mail") },
		"login_wrong": func(p *portal) *browser {
			return p.browser().post("/portal/login", url.Values{"email": {"<dev>@example.com"}, "password": {"x"}})
		},
		"register": func(p *portal) *browser {
			p.set(func(c *sandbox.Settings) { c.SignupFields = []string{"Company"} })
			return p.browser().get("/portal/register")
		},
		"register_taken": func(p *portal) *browser {
			return p.browser().post("/portal/register", url.Values{"name": {"Ada"}, "email": {"dev@example.com"}, "password": {"lovelace"}})
		},
		"request": func(p *portal) *browser {
			return p.browser().signIn().get("/portal/request?policy=" + sandbox.PaidPolicy)
		},
		"request_several": func(p *portal) *browser {
			p.several()
			return p.browser().signIn().get("/portal/request?policy=" + sandbox.PaidPolicy + "&policy=" + sandbox.FreePolicy)
		},
		"waiting":    func(p *portal) *browser { return p.submitted(sandbox.ReviewedPolicy) },
		"keys_none":  func(p *portal) *browser { return p.browser().signIn().get("/portal/keys") },
		"keys_issue": func(p *portal) *browser { p.auto(); return p.submitted(sandbox.FreePolicy) },
		"keys_generate": func(p *portal) *browser {
			p.set(func(c *sandbox.Settings) { c.SecureKeyApproval = true })
			p.auto()
			return p.submitted(sandbox.FreePolicy)
		},
		"generate": func(p *portal) *browser {
			p.set(func(c *sandbox.Settings) { c.SecureKeyApproval = true })
			p.auto()
			return p.submitted(sandbox.FreePolicy).get("/portal/generate/" + p.KeyRequests()[0].ID)
		},
		"mail_none": func(p *portal) *browser { return p.browser().signIn().get("/portal/mail") },
		"mail":      func(p *portal) *browser { p.auto(); return p.submitted(sandbox.FreePolicy).get("/portal/mail") },
		"sorry":     func(p *portal) *browser { return p.browser().get("/portal/nowhere") },
		"admin":     func(p *portal) *browser { return p.busy().get("/admin/?done=approve") },
		"admin_new": func(p *portal) *browser { return p.browser().get("/admin/") },
	} {
		t.Run(name, func(t *testing.T) {
			p := stillPortal(t)
			got := walk(p).page
			checkMarkup(t, got)
			golden(t, filepath.Join("testdata", "pages", name+".html"), got)
		})
	}
}

func (p *portal) several() { p.set(func(c *sandbox.Settings) { c.EnableMultiSelection = true }) }
func (p *portal) auto()    { p.set(func(c *sandbox.Settings) { c.RequireKeyApproval = false }) }

// busy is a browser at a portal where something of everything is going on.
func (p *portal) busy() *browser {
	p.t.Helper()
	p.keyOf()
	_, id := p.keyOf()
	if err := p.SuspendKey(id, true); err != nil {
		p.t.Fatal(err)
	}
	p.set(func(c *sandbox.Settings) {
		c.Webhook, c.HoldWebhooks, c.RedirectTo = "http://bridge.example/hook", true, "http://bridge.example/handoff"
	})
	p.ask(sandbox.PaidPolicy)
	p.fault(sandbox.Fault{Path: "/api/", Kind: sandbox.Latency, Delay: time.Millisecond, Times: 3})
	return p.browser()
}

func golden(t *testing.T, file, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatalf("%v (run the tests with -update)", err)
	}
	if diff := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(got, "\n")); diff != "" {
		t.Errorf("%s: %s", file, diff)
	}
}

var (
	anID      = regexp.MustCompile(` id="([^"]*)"`)
	aLabel    = regexp.MustCompile(`<label for="([^"]*)"`)
	aField    = regexp.MustCompile(`<(?:input|select|textarea) [^>]*>`)
	labelText = regexp.MustCompile(`<label class="choice"><input`)
)

// checkMarkup looks for what makes a page unusable to some: ids that repeat, fields without a label, a missing title,
// language or heading, anything from elsewhere.
func checkMarkup(t *testing.T, page string) {
	t.Helper()
	ids := map[string]bool{}
	for _, found := range anID.FindAllStringSubmatch(page, -1) {
		if ids[found[1]] {
			t.Errorf("the id %q is there twice", found[1])
		}
		ids[found[1]] = true
	}
	labelled := map[string]bool{}
	for _, found := range aLabel.FindAllStringSubmatch(page, -1) {
		labelled[found[1]] = true
		if !ids[found[1]] {
			t.Errorf("the label for %q has no field", found[1])
		}
	}
	wrapped := len(labelText.FindAllString(page, -1))
	for _, found := range aField.FindAllString(page, -1) {
		if strings.Contains(found, `type="hidden"`) {
			continue
		}
		if strings.Contains(found, `type="checkbox"`) || strings.Contains(found, `type="radio"`) {
			wrapped--
			continue
		}
		if id := anID.FindStringSubmatch(found); id == nil || !labelled[id[1]] {
			t.Errorf("%s has no label", found)
		}
	}
	if wrapped != 0 {
		t.Errorf("%d boxes have no label", -wrapped)
	}
	for _, must := range []string{`<html lang="en">`, "<h1>", "<title>", `name="viewport"`, `href="#main"`, `<main id="main"`} {
		if strings.Count(page, must) != 1 {
			t.Errorf("%s is there %d times", must, strings.Count(page, must))
		}
	}
	for _, never := range []string{"<script", "style=", `src="http`, `rel="stylesheet" href="http`, "onclick"} {
		if strings.Contains(page, never) {
			t.Errorf("the page has %s", never)
		}
	}
}

func TestPagesMayNotBeFramedCachedOrScripted(t *testing.T) {
	p := newPortal(t, sandbox.Config{})
	a, err := p.send("GET", "/portal/", "")
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"Content-Type": "text/html; charset=utf-8", "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff",
		"Content-Security-Policy": "default-src 'none'; style-src 'self'; base-uri 'none'; frame-ancestors 'none'",
	} {
		if got := a.header.Get(name); got != want {
			t.Errorf("%s is %q", name, got)
		}
	}
	if css, err := p.send("GET", "/portal/style.css", ""); err != nil || css.header.Get("Content-Type") != "text/css; charset=utf-8" {
		t.Errorf("the style sheet: %v %v", css.header, err)
	}
	if home, err := p.send("GET", "/", ""); err != nil || home.header.Get("Location") != "/portal/" {
		t.Errorf("the way in: %v %v", home.header, err)
	}
}

func TestPagesForMembersAskToSignInAndLeadBack(t *testing.T) {
	p := newPortal(t, sandbox.Config{})
	for _, path := range []string{"/portal/keys", "/portal/mail", "/portal/request?policy=" + sandbox.FreePolicy} {
		b := p.browser().get(path)
		if b.at.Path != "/portal/login" || b.at.Query().Get("next") != path {
			t.Errorf("%s leads to %s", path, b.at)
		}
		b.post("/portal/login", url.Values{"email": {sandbox.DemoEmail}, "password": {sandbox.DemoPassword}, "next": {path}})
		if b.at.RequestURI() != path {
			t.Errorf("after signing in, %s leads to %s", path, b.at)
		}
	}
}

func TestSigningInLeadsToNoOtherHost(t *testing.T) {
	p := newPortal(t, sandbox.Config{})
	for _, next := range []string{"http://evil.example/portal/", "//evil.example/", "/portal/\\evil", "javascript:alert(1)", "/admin/", ""} {
		b := p.browser()
		b.post("/portal/login", url.Values{"email": {sandbox.DemoEmail}, "password": {sandbox.DemoPassword}, "next": {next}})
		if b.left != "" || b.at.Path != "/portal/catalogue" {
			t.Errorf("%q leads to %s %s", next, b.at, b.left)
		}
	}
}

func TestSigningOutEndsTheSession(t *testing.T) {
	p := newPortal(t, sandbox.Config{})
	b := p.browser().signIn()
	b.post("/portal/logout", url.Values{}).shows("nav-login")
	if b.get("/portal/keys"); b.at.Path != "/portal/login" {
		t.Errorf("still signed in at %s", b.at)
	}
}

func TestASwitchedOffPageStaysOffForWhoPostsToIt(t *testing.T) {
	p := newPortal(t, sandbox.Config{})
	p.set(func(c *sandbox.Settings) { c.DisableLogin, c.DisableSignup, c.CatalogueLoginOnly = true, true, true })
	b := p.browser()
	b.get("/portal/login").shows("switched off")
	b.get("/portal/register").shows("switched off")
	if b.get("/portal/catalogue"); b.at.Path != "/portal/login" {
		t.Errorf("the catalogue is shown at %s", b.at)
	}
	if b.post("/portal/login", url.Values{"email": {sandbox.DemoEmail}, "password": {sandbox.DemoPassword}}); b.status != 403 {
		t.Errorf("sign in: %d", b.status)
	}
	if b.post("/portal/register", url.Values{"email": {"a@b.example"}, "password": {"lovelace"}}); b.status != 403 {
		t.Errorf("sign up: %d", b.status)
	}
}

func TestSigningUpSignsInUnlessSetOtherwiseAndKeepsTheAnswers(t *testing.T) {
	p := newPortal(t, sandbox.Config{})
	p.set(func(c *sandbox.Settings) { c.SignupFields, c.DisableAutoLogin = []string{"Company"}, true })
	b := p.browser()
	b.post("/portal/register", url.Values{"name": {"Ada"}, "email": {"ada@example.org"}, "password": {"short"}, "field_1": {"Engines"}})
	if b.status != 422 || !strings.Contains(b.page, `value="Engines"`) {
		t.Errorf("a short password: %d %s", b.status, b.page)
	}
	b.post("/portal/register", url.Values{"name": {"Ada"}, "email": {"ada@example.org"}, "password": {"lovelace"}, "field_1": {"Engines"}})
	if d, _ := p.Developer("ada@example.org"); d.Fields["Company"] != "Engines" || b.at.Path != "/portal/login" {
		t.Errorf("%+v at %s", d, b.at)
	}
}

func TestTheRequestFormRefusesWhatTheCatalogueDoesNotOffer(t *testing.T) {
	p := newPortal(t, sandbox.Config{})
	entries := p.Catalogue()
	entries[2].Show = false
	p.SetCatalogue(entries)
	b := p.browser().signIn()
	for query, status := range map[string]int{
		"": 422, "?policy=unknown": 404, "?policy=" + sandbox.ReviewedPolicy: 404,
		"?policy=" + sandbox.FreePolicy + "&policy=" + sandbox.PaidPolicy: 422,
	} {
		if b.get("/portal/request" + query); b.status != status {
			t.Errorf("%q: %d", query, b.status)
		}
		form, err := url.ParseQuery(strings.TrimPrefix(query, "?"))
		if err != nil {
			t.Fatal(err)
		}
		if b.post("/portal/request", form); b.status != status {
			t.Errorf("posting %q: %d", query, b.status)
		}
	}
	if n := len(p.KeyRequests()); n != 0 {
		t.Errorf("%d requests were filed", n)
	}
	b.post("/portal/request", url.Values{"policy": {sandbox.FreePolicy}, "field_1": {strings.Repeat("x", 1<<20)}})
	if b.status != http.StatusRequestEntityTooLarge {
		t.Errorf("too much: %d", b.status)
	}
}

func TestWithoutApprovalTheKeyIsShownAtOnceAndOnlyOnce(t *testing.T) {
	p := newPortal(t, sandbox.Config{})
	p.auto()
	p.several()
	b := p.submitted(sandbox.FreePolicy, sandbox.PaidPolicy)
	raw := b.shown("raw-key")
	if !p.Admits(raw, sandbox.FreePolicy) || !p.Admits(raw, sandbox.PaidPolicy) {
		t.Errorf("the key %q does not work", raw)
	}
	if b.get("/portal/keys").shows("Weather Free, Weather Pro"); strings.Contains(b.page, raw) {
		t.Error("the key is shown twice")
	}
	if mails := p.Mail(); len(mails) != 1 || !strings.Contains(mails[0].Text, raw) {
		t.Errorf("%+v", mails)
	}
}

func TestAnOAuthPlanAsksForARedirectURIAndShowsTheClientOnce(t *testing.T) {
	p := newPortal(t, sandbox.Config{})
	entries := p.Catalogue()
	entries[0].AuthType = "oauth"
	p.SetCatalogue(entries)
	p.auto()
	b := p.browser().signIn()
	b.get("/portal/request?policy=" + sandbox.FreePolicy).shows("redirect_uri")
	b.post("/portal/request", url.Values{"policy": {sandbox.FreePolicy}, "redirect_uri": {"http://app.example/back"}})
	held := p.developer().OAuthClients[sandbox.FreePolicy]
	if len(held) != 1 || b.shown("client-id") != held[0].ClientID || b.shown("client-secret") != held[0].Secret || held[0].RedirectURI != "http://app.example/back" {
		t.Errorf("%+v\n%s", held, b.page)
	}
	if b.get("/portal/keys").shows(held[0].ClientID); strings.Contains(b.page, held[0].Secret) {
		t.Error("the secret is shown twice")
	}
}

func TestNobodySeesSomebodyElsesRequestsMailOrKeys(t *testing.T) {
	p := newPortal(t, sandbox.Config{})
	p.set(func(c *sandbox.Settings) { c.SecureKeyApproval = true })
	id := p.ask(sandbox.PaidPolicy).ID
	if err := p.Approve(id); err != nil {
		t.Fatal(err)
	}
	other := p.browser()
	other.post("/portal/register", url.Values{"name": {"Eve"}, "email": {"eve@example.org"}, "password": {"curious"}})
	for _, path := range []string{"/portal/requests/" + id, "/portal/generate/" + id} {
		if other.get(path); other.status != 404 || strings.Contains(other.page, "Weather Pro") {
			t.Errorf("%s: %d", path, other.status)
		}
	}
	if other.post("/portal/generate/"+id, url.Values{}); other.status != 404 || len(p.developer().Keys) != 0 {
		t.Errorf("generated by somebody else: %d", other.status)
	}
	for _, path := range []string{"/portal/keys", "/portal/mail"} {
		if other.get(path); strings.Contains(other.page, id) {
			t.Errorf("%s shows it", path)
		}
	}
}

func TestTheDeveloperSeesHowARequestStands(t *testing.T) {
	p := newPortal(t, sandbox.Config{})
	b := p.submitted(sandbox.ReviewedPolicy)
	id := p.KeyRequests()[0].ID
	b.shows(`data-status="waiting"`)
	if err := p.Approve(id); err != nil {
		t.Fatal(err)
	}
	b.get("/portal/requests/" + id).shows(`data-status="approved"`)
	if err := p.Decline(id); err != nil {
		t.Fatal(err)
	}
	if b.get("/portal/requests/" + id).shows("declined"); b.status != 404 {
		t.Errorf("status %d", b.status)
	}
}

func TestWhatPeopleTypeIsShownAsText(t *testing.T) {
	p := newPortal(t, sandbox.Config{})
	nasty := `<script>alert("x")</script>`
	b := p.browser()
	b.post("/portal/register", url.Values{"name": {nasty}, "email": {"eve@example.org"}, "password": {"curious"}})
	b.post("/portal/request", url.Values{"policy": {sandbox.FreePolicy}, "field_1": {nasty}})
	for _, path := range []string{"/portal/", "/portal/mail", "/portal/keys", "/admin/"} {
		if b.get(path); strings.Contains(b.page, "<script") {
			t.Errorf("%s shows it as it is", path)
		}
	}
}
