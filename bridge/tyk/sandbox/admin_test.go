package sandbox_test

import (
	"encoding/json"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"keybridge/bridge/tyk/sandbox"
)

func TestTheAdminApprovesAndDeclines(t *testing.T) {
	p := newPortal(t, sandbox.Config{})
	first, second := p.ask(sandbox.FreePolicy).ID, p.ask(sandbox.PaidPolicy).ID
	b := p.browser().get("/admin/").shows("approve-" + first).shows("decline-" + second).shows("Why: to try")
	b.post("/admin/requests/"+first+"/approve", url.Values{}).shows("The key request was approved.")
	b.post("/admin/requests/"+second+"/decline", url.Values{}).shows("declined").shows("No key request is waiting.")
	if request, known := p.KeyRequest(first); !known || !request.Approved {
		t.Errorf("%+v", request)
	}
	if _, known := p.KeyRequest(second); known {
		t.Error("the declined request is still there")
	}
	if m := p.Mail(); len(m) != 1 || m[0].Link != p.url+"/portal/keys" {
		t.Errorf("%+v", m)
	}
	if b.post("/admin/requests/"+first+"/approve", url.Values{}).shows("already been processed").shows("Back to the Dashboard"); b.status != 400 {
		t.Errorf("twice: %d", b.status)
	}
	if b.get("/admin/nowhere"); b.status != 404 {
		t.Errorf("a page that is none: %d", b.status)
	}
}

func TestTheAdminSuspendsResumesAndRemovesAKey(t *testing.T) {
	for _, hashed := range []bool{true, false} {
		p := newPortal(t, sandbox.Config{})
		p.set(func(c *sandbox.Settings) { c.HashedKeys = hashed })
		raw, _ := p.keyOf()
		b := p.browser().get("/admin/")
		if strings.Contains(b.page, raw) {
			t.Error("the admin sees the raw key")
		}
		key := b.page[strings.Index(b.page, `id="suspend-`)+len(`id="suspend-`):][:16]
		b.post("/admin/keys/"+key+"/suspend", url.Values{}).shows("resume-" + key).shows(`data-status="suspended"`)
		if p.Admits(raw, sandbox.FreePolicy) {
			t.Error("suspended, and it works")
		}
		b.post("/admin/keys/"+key+"/resume", url.Values{}).shows("suspend-" + key)
		if !p.Admits(raw, sandbox.FreePolicy) {
			t.Error("resumed, and it does not work")
		}
		b.post("/admin/keys/"+key+"/remove", url.Values{}).shows("The key was removed.")
		if p.Admits(raw, sandbox.FreePolicy) || len(p.developer().Keys) != 0 {
			t.Error("removed, and it is still there")
		}
		if b.post("/admin/keys/"+key+"/suspend", url.Values{}); b.status != 404 {
			t.Errorf("a key that is gone: %d", b.status)
		}
	}
}

func TestTheSettingsFormHoldsEverySetting(t *testing.T) {
	p := newPortal(t, sandbox.Config{})
	want := sandbox.Settings{
		RequireKeyApproval: true, SecureKeyApproval: true, RedirectOnKeyRequest: true, EnableMultiSelection: true,
		DisableLogin: true, DisableSignup: true, DisableAutoLogin: true, CatalogueLoginOnly: true, HideTokenData: true,
		HoldWebhooks: true, HashedKeys: true, OmittedApprovalIsPending: true, DeleteRevokesKey: true,
		RedirectTo: "http://bridge.example/handoff", RedirectParameter: "id",
		Webhook: "http://bridge.example/hook", UpdateEvent: "changed",
		KeyRequestFields: []string{"Why", "How many"}, SignupFields: []string{"Company"},
		SignedRedirect: sandbox.SignedRedirect{
			Kind: sandbox.SignedJWT, Secret: "hush", Issuer: "portal", Audience: "bridge", Portal: "weather", Parameter: "t", Lifetime: 60,
		},
		Quirks: sandbox.Quirks{
			UnderscoreID: true, ErrorsUnder200: true, MissingStatus: 400, ForPlanOnly: true, OmitDeveloper: true,
			NoPageCount: true, OldestFirst: true, ZeroDates: true,
		},
	}
	form := url.Values{
		"redirect_to": {want.RedirectTo}, "redirect_parameter": {"id"}, "webhook": {want.Webhook}, "update_event": {"changed"},
		"key_request_fields": {"Why\r\nHow many\r\n"}, "signup_fields": {"Company"}, "missing_status": {"400"},
		"signed_redirect": {sandbox.SignedJWT}, "signed_secret": {"hush"}, "signed_issuer": {"portal"}, "signed_audience": {"bridge"},
		"signed_portal": {"weather"}, "signed_parameter": {"t"}, "signed_lifetime": {"60"},
	}
	for _, name := range switches(t, want) {
		form.Set(name, "on")
	}
	b := p.browser().post("/admin/settings", form).shows("The settings were saved.")
	if diff := cmp.Diff(want, p.Settings()); diff != "" {
		t.Error(diff)
	}
	if strings.Contains(b.page, "hush") {
		t.Error("the secret is shown")
	}
	form.Del("signed_secret")
	b.post("/admin/settings", form)
	if diff := cmp.Diff(want, p.Settings()); diff != "" {
		t.Errorf("an empty secret changed: %s", diff)
	}
	for name, wrong := range map[string]string{"redirect_to": "nowhere", "signed_lifetime": "long", "missing_status": "200"} {
		bad := url.Values{}
		for k, v := range form {
			bad[k] = v
		}
		bad.Set(name, wrong)
		if b.post("/admin/settings", bad); b.status < 400 || b.status > 499 {
			t.Errorf("%s %q: %d", name, wrong, b.status)
		}
	}
}

// switches are the JSON names of the settings that are on, the quirks included: the form names its boxes so.
func switches(t *testing.T, settings any) []string {
	t.Helper()
	text, err := json.Marshal(settings)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	var collect func(map[string]any)
	collect = func(members map[string]any) {
		for name, value := range members {
			if value == true {
				names = append(names, name)
			}
			if within, is := value.(map[string]any); is {
				collect(within)
			}
		}
	}
	var members map[string]any
	answer{body: string(text)}.into(t, &members)
	collect(members)
	return names
}

func TestTheAdminSetsAndClearsFaultsAndReplaysWebhooks(t *testing.T) {
	p, r := newPortal(t, sandbox.Config{}), newReceiver(t)
	b := p.browser()
	b.post("/admin/faults", url.Values{"kind": {"latency"}, "method": {"GET"}, "path": {"/api/"}, "times": {"2"}, "delay_ms": {"15"}}).shows("fault-1")
	want := []sandbox.Fault{{ID: "1", Method: "GET", Path: "/api/", Kind: sandbox.Latency, Times: 2, Delay: 15 * time.Millisecond}}
	if diff := cmp.Diff(want, p.Faults()); diff != "" {
		t.Error(diff)
	}
	if b.post("/admin/faults", url.Values{"kind": {"latency"}, "times": {"often"}}); b.status != 400 {
		t.Errorf("%d", b.status)
	}
	if b.post("/admin/faults", url.Values{"kind": {"explode"}}).shows("there is no kind"); b.status != 422 {
		t.Errorf("%d", b.status)
	}
	b.post("/admin/faults/clear", url.Values{}).shows("Nothing goes wrong on purpose.")

	p.set(func(c *sandbox.Settings) { c.Webhook, c.HoldWebhooks = r.URL, true })
	p.ask(sandbox.FreePolicy)
	b.get("/admin/").shows("held")
	b.post("/admin/webhooks/1/replay", url.Values{}).shows("The webhook was sent again.")
	p.settle()
	b.get("/admin/").shows("204")
}
