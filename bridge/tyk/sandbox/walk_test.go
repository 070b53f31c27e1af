package sandbox_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"keybridge/bridge/tyk/sandbox"
)

func TestADeveloperWalksFromSignUpToARedirectAndSeesTheKeyAfterTheApproval(t *testing.T) {
	p := newPortal(t, sandbox.Config{})
	p.set(func(c *sandbox.Settings) {
		c.RedirectOnKeyRequest, c.RedirectTo = true, "http://bridge.example/handoff/weather?lang=en"
	})
	b := p.browser()
	b.get("/portal/").shows("open-catalogue")
	b.get("/portal/catalogue").shows("Weather Free").shows("Weather Pro").shows("Weather Enterprise")
	b.get("/portal/request?policy=" + sandbox.PaidPolicy).shows("Sign in")
	b.post("/portal/register", url.Values{"name": {"Ada"}, "email": {"ada@example.org"}, "password": {"lovelace"}}).shows("Sign out")
	b.get("/portal/request?policy=" + sandbox.PaidPolicy).shows("submit-request")
	b.post("/portal/request", url.Values{"policy": {sandbox.PaidPolicy}, "field_1": {"A hat that knows rain"}, "field_2": {"10"}})
	if b.status != http.StatusSeeOther {
		t.Fatalf("the browser was not redirected: %d", b.status)
	}
	left, err := url.Parse(b.left)
	if err != nil {
		t.Fatal(err)
	}
	id := left.Query().Get("key_request_id")
	if !strings.HasPrefix(b.left, "http://bridge.example/handoff/weather?") || left.Query().Get("lang") != "en" || id == "" {
		t.Fatalf("the redirect leads to %s", b.left)
	}
	request, known := p.KeyRequest(id)
	if !known || request.Approved || request.Fields["What will you build?"] != "A hat that knows rain" || request.PortalDeveloper.Email != "ada@example.org" {
		t.Fatalf("the key request reads %+v", request)
	}
	b.get("/portal/keys").shows("waiting for approval")

	var answered struct{ RawKey string }
	p.must("PUT", "/api/portal/requests/approve/"+id, "").into(t, &answered)
	b.get("/portal/keys").shows("active")
	b.get("/portal/mail").shows(answered.RawKey).shows("Welcome")
	if !p.Admits(answered.RawKey, sandbox.PaidPolicy) || p.Admits(answered.RawKey, sandbox.FreePolicy) {
		t.Error("the key does not open what it was asked for, and that alone")
	}
}
