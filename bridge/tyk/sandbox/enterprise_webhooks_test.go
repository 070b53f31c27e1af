package sandbox_test

import (
	"bytes"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"keybridge/bridge/tyk/sandbox"
)

// listened is an Enterprise Portal with a webhook for every event, and its receiver.
func listened(t *testing.T) (*enterprise, *receiver) {
	t.Helper()
	now := time.Date(2026, 3, 1, 12, 0, 0, 123456000, time.FixedZone("", 3600))
	e, r := newEnterprise(t, sandbox.EnterpriseConfig{Now: func() time.Time { return now }}), newReceiver(t)
	if _, err := e.AddChannel(sandbox.Channel{URL: r.URL + "/hook", Headers: []sandbox.ChannelHeader{{Name: "X-Bridge-Secret", Value: "hush"}}}); err != nil {
		t.Fatal(err)
	}
	return e, r
}

// took returns what the receiver got so far, in the order of the events' names: they are sent side by side.
func (r *receiver) took(e *enterprise) []received {
	settle(e.t, e)
	r.mu.Lock()
	defer r.mu.Unlock()
	got := slices.Clone(r.got)
	r.got = nil
	slices.SortFunc(got, func(a, b received) int { return strings.Compare(a.event, b.event) })
	return got
}

func TestWebhooksTellOfAccessRequestsInTyksWords(t *testing.T) {
	e, r := listened(t)
	about := func(status string) map[string]any {
		return map[string]any{
			"ID": 1.0, "AppID": 1.0, "ByUser": 2.0, "Status": status, "ProductIDs": []any{1.0, 2.0}, "PlanID": 2.0,
			"CreatedAt": "2026-03-01T12:00:00.123+01:00",
		}
	}
	type told struct {
		Event   string
		Message map[string]any
	}
	check := func(what string, want ...told) {
		t.Helper()
		var got []told
		for _, one := range r.took(e) {
			got = append(got, told{one.event, one.message})
			if one.method != "POST" || one.path != "/hook" || one.headers.Get("X-Bridge-Secret") != "hush" || one.headers.Get("Content-Type") != "application/json" {
				t.Errorf("%s came as %s %s with %v", one.event, one.method, one.path, one.headers)
			}
			if !strings.Contains(one.body, `"Timestamp":"2026-03-01T12:00:00.123456+01:00"`) || !strings.HasPrefix(one.body, `{"Event":`) {
				t.Errorf("%s says %s", one.event, one.body)
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: %s", what, diff)
		}
	}
	issued := map[string]any{"ID": 1.0, "ByUser": 2.0, "AccessRequestID": 1.0, "AppID": 1.0, "CreatedAt": "2026-03-01T12:00:00.123+01:00"}

	e.ask(sandbox.PaidPlan, sandbox.ForecastProduct, sandbox.HistoryProduct)
	check("created", told{"AccessRequestCreated", about("pending")})
	e.must("PUT", "/access_requests/1/approve", "")
	check("approved", told{"AccessRequestApproved", about("approved")}, told{"CredentialRegistered", issued})
	e.set(func(c *sandbox.EnterpriseSettings) { c.DecisionsChange = true })
	e.must("PUT", "/access_requests/1/reject", "")
	check("rejected", told{"AccessRequestRejected", about("rejected")})
	e.must("DELETE", "/access_requests/1", "")
	check("deleted")

	auto := about("pending")
	auto["ID"], auto["PlanID"], auto["ProductIDs"] = 2.0, 1.0, []any{1.0}
	approved := map[string]any{}
	for name, value := range auto {
		approved[name] = value
	}
	approved["Status"] = "approved"
	issued["ID"], issued["AccessRequestID"] = 2.0, 2.0
	e.ask(sandbox.FreePlan, sandbox.ForecastProduct)
	check("approved automatically",
		told{"AccessRequestApproved", approved}, told{"AccessRequestCreated", auto}, told{"CredentialRegistered", issued})

	user := map[string]any{
		"ID": 2.0, "Email": "erin@example.com", "First": "Erin", "Last": "Engineer", "OrgID": 1.0, "Provider": "password",
		"Status": "inactive", "CreatedAt": "2026-03-01T12:00:00.123+01:00", "ByUser": 1.0, "CustomAttributes": []any{},
	}
	e.must("PUT", "/users/2", `{"Active":false}`)
	check("deactivated", told{"UserAccountDeactivated", user})
	e.must("PUT", "/users/2", `{"Active":true}`)
	user["Status"] = "active"
	check("activated", told{"UserAccountActivated", user})

	e.browser().post("/portal/register", url.Values{"first": {"Nina"}, "last": {"New"}, "email": {"nina@example.org"}, "password": {"newcomer"}})
	user["ID"], user["Email"], user["First"], user["Last"], user["ByUser"] = 3.0, "nina@example.org", "Nina", "New", 3.0
	check("signed up", told{"UserRegistered", user})
	e.must("POST", "/apps", `{"Name":"Boots","UserID":3}`)
	check("an app", told{"ApplicationRegistered", map[string]any{"ID": 2.0, "Name": "Boots", "UserID": 3.0, "CreatedAt": "2026-03-01T12:00:00.123+01:00"}})
	e.must("POST", "/organisations", `{"Name":"ACME"}`)
	check("an organisation", told{"OrganisationRegistered", map[string]any{"ID": 2.0, "Name": "ACME", "CreatedAt": "2026-03-01T12:00:00.123+01:00"}})
}

func TestWebhooksCanBeWhatTheSamplesShowAndWhatOlderReleasesSent(t *testing.T) {
	e, r := listened(t)
	e.set(func(c *sandbox.EnterpriseSettings) { c.Quirks.PublishedSamples = true })
	e.ask(sandbox.PaidPlan, sandbox.ForecastProduct)
	want := map[string]any{
		"ID": 0.0, "AppID": 1.0, "ByUser": 2.0, "Status": "approved", "ProductIDs": []any{1.0}, "PlanID": 2.0, "CreatedAt": "0001-01-01T00:00:00Z",
	}
	if got := r.took(e); len(got) != 1 || cmp.Diff(want, got[0].message) != "" {
		t.Errorf("created: %+v", got)
	}
	if hooks := e.Webhooks(); hooks[0].Request != "1" {
		t.Errorf("recorded as %+v", hooks[0])
	}
	e.must("PUT", "/access_requests/1/reject", "")
	if got := r.took(e); len(got) != 1 || cmp.Diff([]any{}, got[0].message["ProductIDs"]) != "" {
		t.Errorf("rejected: %+v", got)
	}

	e.set(func(c *sandbox.EnterpriseSettings) {
		c.Quirks = sandbox.EnterpriseQuirks{OldEvents: true, ByActor: true}
	})
	e.ask(sandbox.FreePlan, sandbox.ForecastProduct)
	e.call("PUT", "/access_requests/2/reject", "") // it was decided: nothing is sent
	e.ask(sandbox.PaidPlan, sandbox.ForecastProduct)
	e.must("PUT", "/access_requests/3/approve", "")
	var names []string
	for _, one := range r.took(e) {
		names = append(names, one.event)
		for _, member := range []string{`{"event":`, `,"message":`, `,"timestamp":`} {
			if !strings.Contains(one.body, member) {
				t.Errorf("%s lacks %s: %s", one.event, member, one.body)
			}
		}
		byAdmin := one.event == "AccessRequestApproved" && one.message["ID"] == 3.0
		if byAdmin && one.message["ByUser"] != 1.0 {
			t.Errorf("approved by %v", one.message["ByUser"])
		}
	}
	if diff := cmp.Diff([]string{
		"AccessRequestApproved", "AccessRequestApproved", "NewAccessRequest", "NewAccessRequest", "NewCredentialRegistration", "NewCredentialRegistration",
	}, names); diff != "" {
		t.Error(diff)
	}
}

func TestWebhooksAndTheirHeadersAreManagedThroughTheAPI(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	e := newEnterprise(t, sandbox.EnterpriseConfig{Now: func() time.Time { return now }})
	a := e.must("POST", "/webhooks", `{"Name":"bridge","URL":"http://a.example/hook","Method":"put","Timeout":3,"Events":["AccessRequestCreated"],"Headers":[{"Name":"X","Value":"y"}]}`)
	want := map[string]any{
		"ID": "1", "Name": "bridge", "URL": "http://a.example/hook", "Method": "PUT", "Timeout": 3.0, "Headers": []any{},
		"Events": []any{"AccessRequestCreated"}, "CreatedAt": "2026-03-01 12:00", "UpdatedAt": "2026-03-01 12:00",
	}
	if diff := cmp.Diff(any(want), parsed(t, a.body)); diff != "" || a.status != http.StatusCreated {
		t.Errorf("%d %s", a.status, diff)
	}
	a = e.must("POST", "/webhooks/1/headers", `{"Name":"X-Bridge-Secret","Value":"hush"}`)
	header := map[string]any{"ID": "1", "Name": "X-Bridge-Secret", "Value": "hush", "WebhookID": "1"}
	if diff := cmp.Diff(any(header), parsed(t, a.body)); diff != "" || a.status != http.StatusCreated {
		t.Errorf("%d %s", a.status, diff)
	}
	e.must("POST", "/webhooks/1/headers", `{"Name":"X-Other","Value":""}`)
	header["Value"] = "rotated"
	for _, call := range []string{"PUT", "GET"} {
		if diff := cmp.Diff(any(header), parsed(t, e.must(call, "/webhooks/1/headers/1", `{"Value":"rotated"}`).body)); diff != "" {
			t.Errorf("%s: %s", call, diff)
		}
	}
	e.must("DELETE", "/webhooks/1/headers/2", "")
	delete(header, "WebhookID")
	if diff := cmp.Diff(any([]any{header}), parsed(t, e.must("GET", "/webhooks/1/headers", "").body)); diff != "" {
		t.Error(diff)
	}
	e.must("PUT", "/webhooks/1", `{"Timeout":0,"Method":"POST"}`)
	want["Method"], want["Timeout"], want["Headers"] = "POST", 10.0, []any{header}
	if diff := cmp.Diff(any(want), parsed(t, e.must("GET", "/webhooks/1", "").body)); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(any([]any{want}), parsed(t, e.must("GET", "/webhooks", "").body)); diff != "" {
		t.Error(diff)
	}
	if channels := e.Channels(); len(channels) != 1 || channels[0].Headers[0].Value != "rotated" {
		t.Errorf("%+v", channels)
	}
	e.must("DELETE", "/webhooks/1", "")
	if len(e.Channels()) != 0 {
		t.Error("it is still there")
	}
	e.ask(sandbox.PaidPlan, sandbox.ForecastProduct)
	if hooks := e.Webhooks(); len(hooks) != 0 {
		t.Errorf("%+v", hooks)
	}
}

func TestAWebhookGetsTheEventsItIsConfiguredForByItsOwnMethod(t *testing.T) {
	e, first, second := newEnterprise(t, sandbox.EnterpriseConfig{}), newReceiver(t), newReceiver(t)
	e.must("POST", "/webhooks", `{"URL":"`+first.URL+`","Method":"PUT","Events":["AccessRequestRejected","AccessRequestCreated"]}`)
	e.must("POST", "/webhooks", `{"URL":"`+second.URL+`","Events":["CredentialRegistered"]}`)
	e.must("POST", "/webhooks", `{"URL":"`+second.URL+`","Events":[]}`)
	e.granted(sandbox.PaidPlan, sandbox.ForecastProduct)
	got, other := first.took(e), second.took(e)
	if len(got) != 1 || got[0].event != "AccessRequestCreated" || got[0].method != "PUT" || len(other) != 1 || other[0].event != "CredentialRegistered" {
		t.Errorf("%+v, %+v", got, other)
	}
}

func TestTestConnectionSendsHEADWithoutTheHeaders(t *testing.T) {
	e, r := listened(t)
	outcome, err := e.TestConnection(t.Context(), "1")
	if err != nil || outcome.Status != 204 || outcome.Event != sandbox.ConnectionTest || outcome.Method != http.MethodHead || outcome.Channel != "1" {
		t.Errorf("%+v %v", outcome, err)
	}
	got := r.took(e)
	if len(got) != 1 || got[0].method != http.MethodHead || got[0].headers.Get("X-Bridge-Secret") != "" || got[0].body != "" {
		t.Errorf("%+v", got)
	}
	r.status = 401
	if outcome, err = e.TestConnection(t.Context(), "1"); err != nil || outcome.Status != 401 {
		t.Errorf("%+v %v", outcome, err)
	}
	r.Close()
	if outcome, err = e.TestConnection(t.Context(), "1"); err != nil || outcome.Status != 0 || outcome.Error == "" {
		t.Errorf("%+v %v", outcome, err)
	}
}

func TestAPortalsWebhookIsAttemptedOnceWithinItsTimeOutAndReplayedWithItsHeaders(t *testing.T) {
	e, r := listened(t)
	r.status = 500
	e.set(func(c *sandbox.EnterpriseSettings) { c.HoldWebhooks = true })
	e.ask(sandbox.PaidPlan, sandbox.ForecastProduct)
	if got := r.took(e); len(got) != 0 || e.Webhooks()[0].Sent != 0 {
		t.Errorf("held, and sent: %+v", got)
	}
	e.must("DELETE", "/webhooks/1/headers/1", "")
	if err := e.Replay("1"); err != nil {
		t.Fatal(err)
	}
	if got := r.took(e); len(got) != 1 || got[0].headers.Get("X-Bridge-Secret") != "hush" {
		t.Errorf("replayed: %+v", got)
	}
	if hook := e.Webhooks()[0]; hook.Status != 500 || hook.Sent != 1 || hook.Channel != "1" || hook.Request != "1" {
		t.Errorf("%+v", hook)
	}

	var log bytes.Buffer
	slow := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body) // only then does the server notice that the client has gone
		<-r.Context().Done()
	}))
	defer slow.Close()
	late := newEnterprise(t, sandbox.EnterpriseConfig{
		Log:      slog.New(slog.NewJSONHandler(&log, nil)),
		Channels: []sandbox.Channel{{URL: slow.URL + "/canary", Timeout: 1, Headers: []sandbox.ChannelHeader{{Name: "X", Value: "canary"}}}},
	})
	began := time.Now()
	late.ask(sandbox.PaidPlan, sandbox.ForecastProduct)
	settle(t, late)
	if took, hook := time.Since(began), late.Webhooks()[0]; took > 4*time.Second || hook.Error == "" || hook.Status != 0 {
		t.Errorf("after %v: %+v", took, hook)
	}
	if strings.Contains(log.String(), "canary") || !strings.Contains(log.String(), "a webhook failed") {
		t.Errorf("the log says %s", log.String())
	}
}
