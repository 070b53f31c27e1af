package sandbox_test

import (
	"net/http"
	"strings"
	"testing"

	"keybridge/bridge/tyk/sandbox"
)

// control makes a call of the control API.
func (h host) control(method, path, body string) answer {
	h.t.Helper()
	a, err := h.send(method, path, body)
	if err != nil {
		h.t.Fatal(err)
	}
	return a
}

func TestControlReadsReplacesAndChangesTheSettings(t *testing.T) {
	p := newPortal(t, sandbox.Config{})
	a := p.control("PATCH", "/sandbox/settings", `{"webhook":"http://bridge.example/hook","signed_redirect":{"kind":"jwt-hs256","secret":"canary"},"quirks":{"underscore_id":true}}`)
	if a.status != 200 || strings.Contains(a.body, "canary") {
		t.Errorf("%d %s", a.status, a.body)
	}
	if c := p.Settings(); !c.RequireKeyApproval || c.Webhook == "" || !c.Quirks.UnderscoreID || c.SignedRedirect.Secret != "canary" {
		t.Errorf("changed: %+v", c)
	}
	if a := p.control("PUT", "/sandbox/settings", `{"secure_key_approval":true}`); a.status != 200 {
		t.Errorf("%d %s", a.status, a.body)
	}
	if c := p.Settings(); c.RequireKeyApproval || c.Webhook != "" || !c.SecureKeyApproval {
		t.Errorf("replaced: %+v", c)
	}
	if a := p.control("GET", "/sandbox/settings", ""); !strings.Contains(a.body, `"secure_key_approval":true`) {
		t.Errorf("read: %s", a.body)
	}
	if a := p.control("PATCH", "/sandbox/settings", `{"redirect_to":"nowhere"}`); a.status != 422 || !strings.Contains(a.body, "redirect_to") {
		t.Errorf("refused: %d %s", a.status, a.body)
	}
}

func TestControlSetsAndClearsFaults(t *testing.T) {
	p := newPortal(t, sandbox.Config{})
	body := `{"method":"GET","path":"/api/","kind":"too_many_requests","times":2,"delay_ms":5,"retry_after":3,"status":0}`
	if a := p.control("POST", "/sandbox/faults", body); a.status != 200 || !strings.Contains(a.body, `"id":"1"`) {
		t.Errorf("%d %s", a.status, a.body)
	}
	if a := p.control("GET", "/sandbox/faults", ""); strings.TrimSpace(a.body) != `[{"id":"1",`+body[1:]+`]` {
		t.Errorf("read: %s", a.body)
	}
	if a := p.control("POST", "/sandbox/faults", `{"kind":"x"}`); a.status != 422 {
		t.Errorf("refused: %d %s", a.status, a.body)
	}
	if a := p.control("DELETE", "/sandbox/faults", ""); strings.TrimSpace(a.body) != "[]" {
		t.Errorf("cleared: %s", a.body)
	}
}

func TestControlFilesARequestAndTellsWhereTheFormWouldLead(t *testing.T) {
	p, r := newPortal(t, sandbox.Config{}), newReceiver(t)
	p.set(func(c *sandbox.Settings) {
		c.RedirectOnKeyRequest, c.RedirectTo, c.Webhook = true, "http://bridge.example/handoff", r.URL
	})
	var made struct{ ID, Redirect string }
	a := p.control("POST", "/sandbox/requests", `{"email":"load-1@example.org","policies":["`+sandbox.PaidPolicy+`"],"fields":{"Why":"load"}}`)
	a.into(t, &made)
	if made.Redirect != "http://bridge.example/handoff?key_request_id="+made.ID {
		t.Errorf("%+v", made)
	}
	if a := p.control("PUT", "/sandbox/requests/"+made.ID, `{"fields":{"Why":"more load"}}`); a.status != 200 {
		t.Errorf("%d %s", a.status, a.body)
	}
	p.settle()
	if request, _ := p.KeyRequest(made.ID); request.Fields["Why"] != "more load" || request.PortalDeveloper.Email != "load-1@example.org" {
		t.Errorf("%+v", request)
	}
	var hooks []sandbox.Delivery
	p.control("GET", "/sandbox/webhooks", "").into(t, &hooks)
	if len(hooks) != 2 || hooks[1].Event != "key_request_event.updated" {
		t.Errorf("%+v", hooks)
	}
	if a := p.control("POST", "/sandbox/webhooks/1/replay", ""); a.status != 200 {
		t.Errorf("%d %s", a.status, a.body)
	}
	p.settle()
	if events := r.events(); len(events) != 3 {
		t.Errorf("%v", events)
	}
	for _, body := range []string{`{"email":"x"}`, `{"email":"dev@example.com"}`, `[]`} {
		if a := p.control("POST", "/sandbox/requests", body); a.status < 400 || a.status > 499 {
			t.Errorf("%s: %d %s", body, a.status, a.body)
		}
	}
	if a := p.control("PUT", "/sandbox/requests/x", `{}`); a.status != 404 {
		t.Errorf("a request that is not there: %d", a.status)
	}
}

func TestControlShowsMailsAndCalls(t *testing.T) {
	p := newPortal(t, sandbox.Config{})
	for _, path := range []string{"/sandbox/mail", "/sandbox/calls", "/sandbox/webhooks", "/sandbox/faults", "/sandbox/mail?to=dev@example.com"} {
		if a := p.control("GET", path, ""); strings.TrimSpace(a.body) != "[]" {
			t.Errorf("%s begins with %s", path, a.body)
		}
	}
	p.keyOf()
	var mails []sandbox.Message
	p.control("GET", "/sandbox/mail?to=DEV@example.com", "").into(t, &mails)
	if len(mails) != 1 || mails[0].Kind != sandbox.KeyMail {
		t.Errorf("%+v", mails)
	}
	var calls []sandbox.Call
	p.control("GET", "/sandbox/calls", "").into(t, &calls)
	if len(calls) != 1 || calls[0].Method != http.MethodPut {
		t.Errorf("%+v", calls)
	}
	p.control("DELETE", "/sandbox/calls", "")
	if len(p.Calls()) != 0 {
		t.Error("the calls were not forgotten")
	}
	if a := p.control("GET", "/sandbox/nothing", ""); a.status != 404 {
		t.Errorf("%d", a.status)
	}
}

func TestAnotherSitesFormsAreRefused(t *testing.T) {
	p := newPortal(t, sandbox.Config{})
	id := p.ask(sandbox.FreePolicy).ID
	for _, path := range []string{
		"/admin/requests/" + id + "/approve", "/admin/settings", "/admin/faults", "/portal/login", "/portal/register", "/portal/logout",
		"/portal/request", "/sandbox/faults", "/sandbox/requests",
	} {
		for _, header := range [][]string{{"Origin", "http://evil.example"}, {"Sec-Fetch-Site", "cross-site"}} {
			a, err := p.send("POST", path, "kind=latency", append(header, "Content-Type", "application/x-www-form-urlencoded")...)
			if err != nil {
				t.Fatal(err)
			}
			if a.status != http.StatusForbidden {
				t.Errorf("%s with %v: %d", path, header, a.status)
			}
		}
	}
	if request, _ := p.KeyRequest(id); request.Approved {
		t.Error("it was approved all the same")
	}
}
