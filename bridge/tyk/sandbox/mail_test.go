package sandbox_test

import (
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"keybridge/bridge/tyk/sandbox"
)

func kinds(mails []sandbox.Message) []string {
	var kinds []string
	for _, m := range mails {
		kinds = append(kinds, m.Kind+" "+m.To)
	}
	return kinds
}

func TestSigningUpIsWelcomedByMail(t *testing.T) {
	p := newPortal(t, sandbox.Config{})
	p.browser().post("/portal/register", url.Values{"name": {"Ada"}, "email": {"ada@example.org"}, "password": {"lovelace"}})
	if diff := cmp.Diff([]string{"welcome ada@example.org"}, kinds(p.Mail())); diff != "" {
		t.Error(diff)
	}
	if m := p.Mail()[0]; m.Link != p.url+"/portal/catalogue" || !strings.Contains(m.Text, "Ada") {
		t.Errorf("%+v", m)
	}
}

func TestAnApprovalMailsTheKeyUnlessTokenDataIsHidden(t *testing.T) {
	p := newPortal(t, sandbox.Config{})
	p.SetURL("https://portal.example/")
	for _, hidden := range []bool{false, true} {
		p.set(func(c *sandbox.Settings) { c.HideTokenData = hidden })
		raw, _ := p.keyOf()
		mails := p.Mail()
		last := mails[len(mails)-1]
		if last.Kind != sandbox.KeyMail || last.To != sandbox.DemoEmail || last.Link != "https://portal.example/portal/keys" {
			t.Errorf("%+v", last)
		}
		if strings.Contains(last.Text, raw) == hidden {
			t.Errorf("hidden %v: %s", hidden, last.Text)
		}
	}
}

func TestDecliningMailsNobody(t *testing.T) {
	p := newPortal(t, sandbox.Config{})
	if err := p.Decline(p.ask(sandbox.FreePolicy).ID); err != nil {
		t.Fatal(err)
	}
	if mails := p.Mail(); len(mails) != 0 {
		t.Errorf("%v", kinds(mails))
	}
}

func TestSecureApprovalMailsALinkAndMakesTheKeyWhenItIsClicked(t *testing.T) {
	p := newPortal(t, sandbox.Config{})
	p.set(func(c *sandbox.Settings) { c.SecureKeyApproval = true })
	id := p.ask(sandbox.PaidPolicy).ID
	if a := p.must("PUT", "/api/portal/requests/approve/"+id, ""); strings.TrimSpace(a.body) != `{"RawKey":"","Password":""}` {
		t.Errorf("the approval answers %s", a.body)
	}
	request, _ := p.KeyRequest(id)
	if !request.Approved || len(p.developer().Keys) != 0 {
		t.Errorf("approved %v, keys %v", request.Approved, p.developer().Keys)
	}
	mails := p.Mail()
	if len(mails) != 1 || mails[0].Kind != sandbox.GenerateMail || mails[0].Link != p.url+"/portal/generate/"+id {
		t.Fatalf("%+v", mails)
	}
	if a := p.call("PUT", "/api/portal/requests/approve/"+id, ""); a.status != 400 {
		t.Errorf("approved twice: %d", a.status)
	}

	b := p.browser()
	b.get("/portal/generate/" + id).shows("Sign in")
	b.post("/portal/login", url.Values{"email": {sandbox.DemoEmail}, "password": {sandbox.DemoPassword}, "next": {"/portal/generate/" + id}})
	b.shows("generate-key")
	raw := b.post("/portal/generate/"+id, url.Values{}).shown("raw-key")
	if !p.Admits(raw, sandbox.PaidPolicy) {
		t.Errorf("the key %q does not work", raw)
	}
	if b.get("/portal/keys").shown("raw-key") != "" {
		t.Error("the key is shown twice")
	}
	if b.post("/portal/generate/"+id, url.Values{}); b.status != 409 {
		t.Errorf("generated twice: %d", b.status)
	}
	if len(p.developer().Keys) != 1 || len(p.Mail()) != 1 {
		t.Errorf("keys %v, mails %v", p.developer().Keys, kinds(p.Mail()))
	}
}
