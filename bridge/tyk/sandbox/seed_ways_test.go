package sandbox_test

import (
	"net/url"
	"strings"
	"testing"

	"keybridge/bridge/tyk/sandbox"
)

// What seeds 000 and 001 say of a key request: what it holds, and the ways it goes.
func TestSeeds000And001(t *testing.T) {
	t.Run("a key request holds policy, developer, catalogue entry and reasons, and grants nothing yet", func(t *testing.T) {
		p := newPortal(t, sandbox.Config{})
		p.submitted(sandbox.PaidPolicy)
		request := p.list("?approved=false").Data[0]
		if request.ApplyPolicies[0] != sandbox.PaidPolicy || request.PortalDeveloper.Email != sandbox.DemoEmail ||
			request.CatalogueEntry.Name != "Weather Pro" || request.Fields["What will you build?"] != "an app & more" {
			t.Errorf("%+v", request)
		}
		if len(p.developer().Keys) != 0 {
			t.Errorf("keys: %v", p.developer().Keys)
		}
	})
	t.Run("the portal approves by itself", func(t *testing.T) {
		p := newPortal(t, sandbox.Config{})
		p.auto()
		p.submitted(sandbox.FreePolicy)
		if !p.list("").Data[0].Approved || len(p.developer().Keys) != 1 {
			t.Errorf("%+v", p.list(""))
		}
	})
	t.Run("an admin approves, and the key is mailed", func(t *testing.T) {
		p := newPortal(t, sandbox.Config{})
		p.submitted(sandbox.FreePolicy)
		p.browser().post("/admin/requests/"+p.KeyRequests()[0].ID+"/approve", url.Values{})
		if m := p.Mail(); len(m) != 1 || !strings.Contains(m[0].Text, "Your API key: ") {
			t.Errorf("%+v", m)
		}
	})
	t.Run("a third party gets it by redirect and by webhook", func(t *testing.T) {
		p, r := newPortal(t, sandbox.Config{}), newReceiver(t)
		p.set(func(c *sandbox.Settings) {
			c.RedirectOnKeyRequest, c.RedirectTo, c.Webhook = true, "http://bridge.example/", r.URL
		})
		id := queryOf(t, p.submitted(sandbox.PaidPolicy).left).Get("key_request_id")
		p.settle()
		if events := r.events(); len(events) != 1 || events[0] != "key_request_event.submitted "+id {
			t.Errorf("redirected with %q, webhooks %v", id, events)
		}
	})
	t.Run("declined, the request is deleted", func(t *testing.T) {
		p := newPortal(t, sandbox.Config{})
		p.submitted(sandbox.FreePolicy)
		p.browser().post("/admin/requests/"+p.KeyRequests()[0].ID+"/decline", url.Values{})
		if l := p.list("?p=-1"); len(l.Data) != 0 || len(p.Mail()) != 0 {
			t.Errorf("%+v, mails %v", l, p.Mail())
		}
	})
	t.Run("a key request may be created through the API", func(t *testing.T) {
		p := samplePortal(t)
		if _, known := p.KeyRequest(p.created(`"approved":false,`)); !known {
			t.Error("it is not there")
		}
	})
}
