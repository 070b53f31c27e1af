package sandbox_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"keybridge/bridge/tyk/sandbox"
)

func TestTheEnterpriseAdminDecidesDeletesAndRevokes(t *testing.T) {
	e := newEnterprise(t, sandbox.EnterpriseConfig{})
	e.ask(sandbox.PaidPlan, sandbox.ForecastProduct)
	e.ask(sandbox.PaidPlan, sandbox.HistoryProduct)
	b := e.browser().get("/admin/access-requests").shows(`id="approve-1"`).shows(`id="reject-2"`)
	b.post("/admin/access-requests/1/approve", url.Values{}).shows("approved").shows(`id="revoke-1"`)
	key := e.request(1).Credentials[0].Key
	if strings.Contains(b.page, key) {
		t.Error("the admin sees the key")
	}
	if mails := e.Mail(); mails[len(mails)-1].Link != e.url+"/portal/apps/1" {
		t.Errorf("%+v", mails[len(mails)-1])
	}
	if b.post("/admin/access-requests/1/approve", url.Values{}).shows("already approved").shows("Back to the admin"); b.status != 422 {
		t.Errorf("twice: %d", b.status)
	}
	b.post("/admin/access-requests/1/revoke", url.Values{}).shows("The credential was deleted.")
	if e.Admits(key, sandbox.ForecastProduct) || e.request(1).Status != sandbox.Approved {
		t.Error("revoked, and something else happened")
	}
	b.post("/admin/access-requests/2/delete", url.Values{}).shows("No access request is waiting.")
	for _, path := range []string{
		"/admin/access-requests/2/approve", "/admin/access-requests/x/reject", "/admin/access-requests/x/delete", "/admin/access-requests/9/delete",
		"/admin/access-requests/x/revoke", "/admin/access-requests/9/revoke", "/admin/users/9/activate", "/admin/users/1/deactivate",
		"/admin/plans/x/save", "/admin/plans/9/save", "/admin/channels/9/remove", "/admin/channels/9/test", "/admin/channels/9/header",
		"/admin/channels/9/headers/1/unheader", "/admin/webhooks/9/replay",
	} {
		form := url.Values{}
		if strings.HasSuffix(path, "/header") {
			form.Set("name", "X")
		}
		if b.post(path, form); b.status != 404 {
			t.Errorf("%s: %d", path, b.status)
		}
	}
	if b.get("/admin/nowhere"); b.status != 404 {
		t.Errorf("a page that is none: %d", b.status)
	}
}

func TestTheEnterpriseAdminDeactivatesAndActivatesUsers(t *testing.T) {
	e := newEnterprise(t, sandbox.EnterpriseConfig{})
	b := e.browser()
	b.post("/admin/users/2/deactivate", url.Values{}).shows(`id="user-2" data-status="inactive"`).shows("The user was deactivated.")
	if b.get("/admin/users"); strings.Contains(b.page, "deactivate-1") {
		t.Error("the admin can be deactivated")
	}
	b.post("/admin/users/2/activate", url.Values{}).shows(`id="user-2" data-status="active"`)
}

func TestTheEnterpriseAdminConfiguresWebhooks(t *testing.T) {
	e, r := newEnterprise(t, sandbox.EnterpriseConfig{}), newReceiver(t)
	b := e.browser()
	b.post("/admin/channels/add", url.Values{
		"name": {"bridge"}, "url": {r.URL + "/hook"}, "method": {"PUT"}, "timeout": {"5"}, "event": {"AccessRequestCreated", "UserRegistered"},
	}).shows("The webhook was added.").shows("PUT " + r.URL + "/hook").shows("AccessRequestCreated, UserRegistered")
	b.post("/admin/channels/1/header", url.Values{"name": {"X-Bridge-Secret"}, "value": {"canary"}}).shows("The header was added.").shows("X-Bridge-Secret")
	if strings.Contains(b.page, "canary") {
		t.Error("the header's value is shown")
	}
	b.post("/admin/channels/1/test", url.Values{}).shows("tested with HEAD").shows(sandbox.ConnectionTest).shows("<td>204</td>")
	if got := r.took(e); len(got) != 1 || got[0].method != "HEAD" || got[0].headers.Get("X-Bridge-Secret") != "" {
		t.Errorf("%+v", got)
	}
	e.ask(sandbox.PaidPlan, sandbox.ForecastProduct)
	if got := r.took(e); len(got) != 1 || got[0].headers.Get("X-Bridge-Secret") != "canary" {
		t.Errorf("%+v", got)
	}
	b.post("/admin/webhooks/2/replay", url.Values{}).shows("The webhook was sent again.")
	if got := r.took(e); len(got) != 1 || got[0].event != "AccessRequestCreated" {
		t.Errorf("%+v", got)
	}
	b.post("/admin/channels/1/headers/1/unheader", url.Values{}).shows("The header was deleted.")
	for _, form := range []url.Values{
		{"url": {"nowhere"}}, {"url": {r.URL}, "event": {"x"}}, {"url": {r.URL}, "timeout": {"long"}}, {"url": {r.URL}, "timeout": {"99"}},
	} {
		if b.post("/admin/channels/add", form); b.status != 422 && b.status != 400 {
			t.Errorf("%v: %d", form, b.status)
		}
	}
	if b.post("/admin/channels/1/header", url.Values{"name": {"X Y"}}); b.status != 422 {
		t.Errorf("a header that is none: %d", b.status)
	}
	b.post("/admin/channels/1/remove", url.Values{}).shows("No webhook is configured.")
}

func TestTheEnterpriseSettingsFormsHoldEverySetting(t *testing.T) {
	e := newEnterprise(t, sandbox.EnterpriseConfig{})
	want := sandbox.EnterpriseSettings{
		DisableSignup: true, InactiveSignup: true, EmailService: true, HoldWebhooks: true, ProductsAsList: true, DisplayNames: true,
		ProvisioningFails: true, RepeatsSucceed: true, DecisionsChange: true, DeactivationRevokes: true,
		Approve:   sandbox.MailTemplate{Subject: "yes", Text: "you\nmay"},
		Reject:    sandbox.MailTemplate{Subject: "no", Text: "you may not"},
		ThemeLink: "http://bridge.example/{id}", ThemeLinkText: "Pay", ThemeLinkParameter: "ar",
		SignedLink: sandbox.SignedRedirect{
			Kind: sandbox.SignedJWT, Secret: "hush", Issuer: "portal", Audience: "bridge", Portal: "weather", Parameter: "t", Lifetime: 60,
		},
		Quirks: sandbox.EnterpriseQuirks{
			PublishedSamples: true, OldEvents: true, ByActor: true, ListOmitsCredentials: true, BareAppRequests: true,
			DeletedStayReadable: true, NewPlans: true, MissingStatus: 422, OldestFirst: true,
		},
	}
	b := e.browser()
	b.post("/admin/emails/templates", url.Values{
		"approve_subject": {"yes"}, "approve_text": {"you\r\nmay"}, "reject_subject": {" no "}, "reject_text": {"you may not"},
	}).shows("The e-mail templates were saved.")
	form := url.Values{
		"theme_link": {want.ThemeLink}, "theme_link_text": {"Pay"}, "theme_link_parameter": {"ar"}, "missing_status": {"422"},
		"signed_redirect": {sandbox.SignedJWT}, "signed_secret": {"hush"}, "signed_issuer": {"portal"}, "signed_audience": {"bridge"},
		"signed_portal": {"weather"}, "signed_parameter": {"t"}, "signed_lifetime": {"60"},
	}
	for _, name := range switches(t, want) {
		form.Set(name, "on")
	}
	b.post("/admin/settings/save", form).shows("Your changes were saved.")
	if strings.Contains(b.page, "hush") {
		t.Error("the secret is shown")
	}
	form.Del("signed_secret")
	b.post("/admin/settings/save", form)
	if diff := cmp.Diff(want, e.Settings()); diff != "" {
		t.Error(diff)
	}
	for name, wrong := range map[string]string{"theme_link": "nowhere", "signed_lifetime": "long", "missing_status": "500"} {
		bad := url.Values{}
		for k, v := range form {
			bad[k] = v
		}
		bad.Set(name, wrong)
		if b.post("/admin/settings/save", bad); b.status != 400 && b.status != 422 {
			t.Errorf("%s %q: %d", name, wrong, b.status)
		}
	}
	for _, subject := range []string{"", "two\r\nlines"} {
		if b.post("/admin/emails/templates", url.Values{"approve_subject": {subject}, "reject_subject": {"x"}}).shows("subject"); b.status != 422 {
			t.Errorf("subject %q: %d", subject, b.status)
		}
	}
	if diff := cmp.Diff(want, e.Settings()); diff != "" {
		t.Errorf("what was refused changed: %s", diff)
	}
}

func TestTheEnterpriseAdminSetsAndClearsFaults(t *testing.T) {
	e := newEnterprise(t, sandbox.EnterpriseConfig{})
	b := e.browser().get("/admin/faults").shows(`value="/portal-api/"`)
	b.post("/admin/faults", url.Values{"kind": {"latency"}, "path": {"/portal-api/"}, "times": {"2"}, "delay_ms": {"15"}}).shows("fault-1").shows("The fault was set.")
	want := []sandbox.Fault{{ID: "1", Path: "/portal-api/", Kind: sandbox.Latency, Times: 2, Delay: 15 * time.Millisecond}}
	if diff := cmp.Diff(want, e.Faults()); diff != "" {
		t.Error(diff)
	}
	b.post("/admin/faults/clear", url.Values{}).shows("Nothing goes wrong on purpose.")
}

func TestTheEnterpriseControlDoesWhatTheClassicOneDoes(t *testing.T) {
	e, r := newEnterprise(t, sandbox.EnterpriseConfig{}), newReceiver(t)
	for _, path := range []string{"/sandbox/mail", "/sandbox/calls", "/sandbox/webhooks", "/sandbox/faults"} {
		if a := e.control("GET", path, ""); strings.TrimSpace(a.body) != "[]" {
			t.Errorf("%s begins with %s", path, a.body)
		}
	}
	a := e.control("PATCH", "/sandbox/settings", `{"theme_link":"http://b.example/{id}","signed_link":{"kind":"jwt-hs256","secret":"canary"},"quirks":{"by_actor":true}}`)
	if c := e.Settings(); a.status != 200 || strings.Contains(a.body, "canary") || !c.EmailService || !c.Quirks.ByActor || c.SignedLink.Secret != "canary" {
		t.Errorf("%s, %+v", a.body, c)
	}
	if a := e.control("PUT", "/sandbox/settings", `{"theme_link":"http://b.example/{id}"}`); a.status != 200 || e.Settings().EmailService {
		t.Errorf("%d %s", a.status, a.body)
	}
	if a := e.control("PUT", "/sandbox/settings", `{"quirks":{"missing_status":500}}`); a.status != 422 || !strings.Contains(a.body, "missing_status") {
		t.Errorf("%d %s", a.status, a.body)
	}
	if a := e.control("GET", "/sandbox/settings", ""); !strings.Contains(a.body, `"theme_link":"http://b.example/{id}"`) {
		t.Error(a.body)
	}

	e.must("POST", "/webhooks", `{"URL":"`+r.URL+`","Events":["AccessRequestCreated"]}`)
	a = e.control("POST", "/sandbox/access_requests", `{"email":"load@example.org","app":"Load","products":[1,2],"plan":2}`)
	if strings.TrimSpace(a.body) != `{"id":1,"status":"pending","link":"http://b.example/1"}` {
		t.Errorf("%d %s", a.status, a.body)
	}
	a = e.control("POST", "/sandbox/access_requests", `{"email":"load@example.org","products":[1],"plan":1}`)
	if strings.TrimSpace(a.body) != `{"id":2,"status":"approved","link":""}` {
		t.Errorf("%d %s", a.status, a.body)
	}
	if apps := e.Apps("load@example.org"); len(apps) != 1 || apps[0].Name != "Load" {
		t.Errorf("%+v", apps)
	}
	for _, body := range []string{`{"email":"x"}`, `{"email":"a@b.example"}`, `[]`} {
		if a := e.control("POST", "/sandbox/access_requests", body); a.status < 400 || a.status > 499 {
			t.Errorf("%s: %d %s", body, a.status, a.body)
		}
	}
	var tested sandbox.Delivery
	e.control("POST", "/sandbox/channels/1/test", "").into(t, &tested)
	if tested.Status != 204 || tested.Method != http.MethodHead {
		t.Errorf("%+v", tested)
	}
	if a := e.control("POST", "/sandbox/channels/9/test", ""); a.status != 404 {
		t.Errorf("%d", a.status)
	}
	e.control("POST", "/sandbox/webhooks/1/replay", "")
	settle(t, e)
	var hooks []sandbox.Delivery
	e.control("GET", "/sandbox/webhooks", "").into(t, &hooks)
	if len(hooks) != 3 || hooks[0].Sent != 2 || hooks[0].Channel != "1" || hooks[1].Request != "2" {
		t.Errorf("%+v", hooks)
	}
	if a := e.control("GET", "/sandbox/nothing", ""); a.status != 404 {
		t.Errorf("%d", a.status)
	}
}
