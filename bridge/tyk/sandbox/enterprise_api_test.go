package sandbox_test

import (
	"fmt"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"keybridge/bridge/tyk/sandbox"
)

func TestEveryPortalCallNeedsTheTokenWithNothingInFrontOfIt(t *testing.T) {
	e := newEnterprise(t, sandbox.EnterpriseConfig{})
	for _, call := range []string{
		"GET /access_requests", "GET /access_requests/1", "PUT /access_requests/1/approve", "PUT /access_requests/1/reject",
		"DELETE /access_requests/1", "PUT /apps/1/provision", "GET /apps/1/access-requests/1/credentials", "GET /users/1", "GET /plans",
		"POST /webhooks", "GET /nowhere",
	} {
		method, path, _ := strings.Cut(call, " ")
		for _, header := range []string{"", "wrong", "Bearer " + e.Secret()} {
			a, err := e.send(method, "/portal-api"+path, "{}", "Authorization", header)
			if err != nil {
				t.Fatal(err)
			}
			if a.status != http.StatusUnauthorized || strings.TrimSpace(a.body) != `{"errors":["Unauthorized"]}` {
				t.Errorf("%s with %q: %d %s", call, header, a.status, a.body)
			}
		}
	}
}

func TestAnAccessRequestHasTheMembersTykDocuments(t *testing.T) {
	now := time.Date(2026, 3, 1, 14, 5, 59, 0, time.FixedZone("", 2*3600))
	e := newEnterprise(t, sandbox.EnterpriseConfig{Now: func() time.Time { return now }})
	request, key := e.granted(sandbox.PaidPlan, sandbox.ForecastProduct, sandbox.HistoryProduct)
	credential := map[string]any{
		"ID": 1.0, "AccessRequest": "AccessRequest#1", "Credential": key, "CredentialHash": request.Credentials[0].Hash,
		"DCRRegistrationAccessToken": "", "DCRRegistrationClientURI": "", "DCRResponse": "", "Expires": "1970-01-01 02:00", "GrantType": "",
		"JWKSURI": "", "OAuthClientID": "", "OAuthClientSecret": "", "RedirectURI": "", "ResponseType": "", "Scope": "", "TokenEndpoints": "",
	}
	want := map[string]any{
		"ID": 1.0, "Status": "approved", "User": "User#2", "Client": "Umbrella", "Products": "weather_forecast, weather_history",
		"Plan": "pro_plan", "Catalogue": "Weather Catalogue", "AuthType": "authToken", "DCREnabled": false, "ProvisionImmediately": false,
		"CreatedAt": "2026-03-01 14:05", "UpdatedAt": "2026-03-01 14:05", "DeletedAt": "", "Credentials": []any{credential},
	}
	read := func(path string) any { return parsed(t, e.must("GET", path, "").body) }
	if diff := cmp.Diff(want, read("/access_requests/1")); diff != "" {
		t.Error(diff)
	}
	for _, path := range []string{"/access_requests", "/apps/1/access-requests"} {
		if diff := cmp.Diff([]any{want}, read(path)); diff != "" {
			t.Errorf("%s: %s", path, diff)
		}
	}
	if diff := cmp.Diff(want, read("/apps/1/access-requests/1")); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]any{credential}, read("/apps/1/access-requests/1/credentials")); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(any(credential), read("/apps/1/access-requests/1/credentials/1")); diff != "" {
		t.Error(diff)
	}
	want["Products"] = []any{"weather_forecast", "weather_history"}
	app, _ := read("/apps/1").(map[string]any)
	if diff := cmp.Diff([]any{want}, app["AccessRequests"]); diff != "" {
		t.Errorf("within its app: %s", diff)
	}

	e.set(func(c *sandbox.EnterpriseSettings) { c.ProductsAsList, c.DisplayNames = true, true })
	want["Products"], want["Plan"] = []any{"Weather Forecast", "Weather History"}, "Pro"
	if diff := cmp.Diff(want, read("/access_requests/1")); diff != "" {
		t.Errorf("as a list of display names: %s", diff)
	}
	e.set(func(c *sandbox.EnterpriseSettings) {
		c.Quirks.ListOmitsCredentials, c.Quirks.BareAppRequests = true, true
	})
	delete(want, "Credentials")
	if diff := cmp.Diff([]any{want}, read("/access_requests")); diff != "" {
		t.Errorf("without credentials: %s", diff)
	}
	bare, _ := read("/apps/1/access-requests/1").(map[string]any)
	for _, member := range []string{"ID", "Status", "AuthType", "DCREnabled", "ProvisionImmediately"} {
		if _, there := bare[member]; there {
			t.Errorf("the bare request has %s", member)
		}
	}
	if bare["User"] != "User#2" || len(bare) != 9 {
		t.Errorf("the bare request reads %v", bare)
	}
}

func TestListsArePagedFromOneWithTwentyToThePage(t *testing.T) {
	e := newEnterprise(t, sandbox.EnterpriseConfig{})
	for range 45 {
		e.ask(sandbox.PaidPlan, sandbox.ForecastProduct)
	}
	ids := func(path string) []int {
		var list []struct{ ID int }
		e.must("GET", path, "").into(t, &list)
		ids := []int{}
		for _, one := range list {
			ids = append(ids, one.ID)
		}
		return ids
	}
	for query, want := range map[string][3]int{ // how many, the first, the last
		"": {20, 45, 26}, "?page=1": {20, 45, 26}, "?page=3": {5, 5, 1}, "?page=2&per_page=30": {15, 15, 1},
		"?per_page=100": {45, 45, 1}, "?page=2&per_page=10&limit=3": {3, 35, 33}, "?status=approved": {20, 45, 26},
	} {
		for _, path := range []string{"/access_requests", "/apps/1/access-requests"} {
			got := ids(path + query)
			if len(got) != want[0] || got[0] != want[1] || got[len(got)-1] != want[2] {
				t.Errorf("%s%s: %v, want %v", path, query, got, want)
			}
		}
	}
	if got := ids("/access_requests?page=4"); len(got) != 0 {
		t.Errorf("past the end: %v", got)
	}
	e.set(func(c *sandbox.EnterpriseSettings) { c.Quirks.OldestFirst = true })
	for _, path := range []string{"/access_requests", "/apps/1/access-requests"} {
		if got := ids(path + "?page=2"); got[0] != 21 || got[19] != 40 {
			t.Errorf("oldest first: %v", got)
		}
	}
}

// decision is how the portal answers an approval or a rejection.
type decision struct{ Status, Message string }

func TestDecisionsAnswer200Or422WithStatusAndMessage(t *testing.T) {
	for _, c := range []struct {
		name    string
		set     func(*sandbox.EnterpriseSettings)
		before  []string // decisions that were made
		act     string
		status  int
		says    string
		becomes string
		keys    int
	}{
		{"approve what is pending", nil, nil, "approve", 200, "Action Approve: Executed successfully", sandbox.Approved, 1},
		{"reject what is pending", nil, nil, "reject", 200, "Action Reject: Executed successfully", sandbox.Rejected, 0},
		{"approve twice", nil, []string{"approve"}, "approve", 422, "Access request is already approved", sandbox.Approved, 1},
		{"reject twice", nil, []string{"reject"}, "reject", 422, "Access request is already rejected", sandbox.Rejected, 0},
		{"reject what is approved", nil, []string{"approve"}, "reject", 422, "Access request is already approved", sandbox.Approved, 1},
		{"approve what is rejected", nil, []string{"reject"}, "approve", 422, "Access request is already rejected", sandbox.Rejected, 0},
		{
			"approve twice where repeats succeed", func(c *sandbox.EnterpriseSettings) { c.RepeatsSucceed = true },
			[]string{"approve"}, "approve", 200, "Action Approve: Executed successfully", sandbox.Approved, 1,
		},
		{
			"reject twice where repeats succeed", func(c *sandbox.EnterpriseSettings) { c.RepeatsSucceed = true },
			[]string{"reject"}, "reject", 200, "Action Reject: Executed successfully", sandbox.Rejected, 0,
		},
		{
			"repeats do not change a decision", func(c *sandbox.EnterpriseSettings) { c.RepeatsSucceed = true },
			[]string{"approve"}, "reject", 422, "Access request is already approved", sandbox.Approved, 1,
		},
		{
			"reject what is approved where decisions change", func(c *sandbox.EnterpriseSettings) { c.DecisionsChange = true },
			[]string{"approve"}, "reject", 200, "Action Reject: Executed successfully", sandbox.Rejected, 0,
		},
		{
			"approve what is rejected where decisions change", func(c *sandbox.EnterpriseSettings) { c.DecisionsChange = true },
			[]string{"reject"}, "approve", 200, "Action Approve: Executed successfully", sandbox.Approved, 1,
		},
		{
			"approve twice where decisions change", func(c *sandbox.EnterpriseSettings) { c.DecisionsChange = true },
			[]string{"approve"}, "approve", 422, "Access request is already approved", sandbox.Approved, 1,
		},
		{
			"approve while provisioning fails", func(c *sandbox.EnterpriseSettings) { c.ProvisioningFails = true },
			nil, "approve", 422, "Provisioning failed: the gateway cannot be reached", sandbox.Pending, 0,
		},
		{
			"reject while provisioning fails", func(c *sandbox.EnterpriseSettings) { c.ProvisioningFails = true },
			nil, "reject", 200, "Action Reject: Executed successfully", sandbox.Rejected, 0,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			e := newEnterprise(t, sandbox.EnterpriseConfig{})
			if c.set != nil {
				e.set(c.set)
			}
			e.ask(sandbox.PaidPlan, sandbox.ForecastProduct)
			for _, before := range c.before {
				e.must("PUT", "/access_requests/1/"+before, "")
			}
			mails := len(e.Mail())
			a := e.call("PUT", "/access_requests/1/"+c.act, "")
			want := decision{"ok", c.says}
			if c.status != 200 {
				want.Status = "error"
			}
			var got decision
			a.into(t, &got)
			if diff := cmp.Diff(want, got); diff != "" || a.status != c.status {
				t.Errorf("%d %s", a.status, diff)
			}
			request := e.request(1)
			if request.Status != c.becomes || len(request.Credentials) != c.keys {
				t.Errorf("it became %+v", request)
			}
			done := c.status == 200 && (len(c.before) == 0 || c.before[0] != c.act)
			if told := len(e.Mail()) - mails; (told == 1) != done {
				t.Errorf("%d mails were sent", told)
			}
		})
	}
}

func TestAnAccessRequestThatIsDeletedIsGoneAndItsCredentialsRevoked(t *testing.T) {
	for _, path := range []string{"/access_requests/1", "/apps/1/access-requests/1"} {
		e := newEnterprise(t, sandbox.EnterpriseConfig{})
		_, key := e.granted(sandbox.PaidPlan, sandbox.ForecastProduct)
		mails := len(e.Mail())
		if a := e.must("DELETE", path, ""); strings.TrimSpace(a.body) != `{"status":"ok"}` {
			t.Errorf("%s answers %s", path, a.body)
		}
		if e.Admits(key, sandbox.ForecastProduct) {
			t.Errorf("%s left the key alive", path)
		}
		for _, gone := range []string{"/access_requests/1", "/apps/1/access-requests/1", "/apps/1/access-requests/1/credentials"} {
			if a := e.call("GET", gone, ""); a.status != 404 || strings.TrimSpace(a.body) != `{"errors":["record not found"]}` {
				t.Errorf("%s: %d %s", gone, a.status, a.body)
			}
		}
		if a := e.must("GET", "/access_requests", ""); strings.TrimSpace(a.body) != "[]" || len(e.Mail()) != mails {
			t.Errorf("listed: %s; mails %v", a.body, kinds(e.Mail()))
		}
		e.set(func(c *sandbox.EnterpriseSettings) { c.Quirks.DeletedStayReadable = true })
		var read struct{ DeletedAt, Client string }
		e.must("GET", "/access_requests/1", "").into(t, &read)
		if !regexp.MustCompile(`^\d{4}-\d\d-\d\d \d\d:\d\d$`).MatchString(read.DeletedAt) || read.Client != "Umbrella" {
			t.Errorf("deleted, it reads %+v", read)
		}
	}
}

func TestDeletingCredentialsSuspendsAndANewProvisionResumes(t *testing.T) {
	e := newEnterprise(t, sandbox.EnterpriseConfig{})
	request, key := e.granted(sandbox.PaidPlan, sandbox.ForecastProduct)
	path := fmt.Sprintf("/apps/1/access-requests/1/credentials/%d", request.Credentials[0].ID)
	e.must("DELETE", path, "")
	if e.Admits(key, sandbox.ForecastProduct) {
		t.Error("the key lives on")
	}
	if request := e.request(1); request.Status != sandbox.Approved || len(request.Credentials) != 0 {
		t.Errorf("the request became %+v", request)
	}
	if a := e.call("DELETE", path, ""); a.status != 404 {
		t.Errorf("deleted twice: %d", a.status)
	}
	if a := e.must("GET", "/apps/1/access-requests/1/credentials", ""); strings.TrimSpace(a.body) != "[]" {
		t.Errorf("still listed: %s", a.body)
	}
	a := e.must("PUT", "/apps/1/provision", `{"ProductIDs":[1],"PlanID":2,"ProvisionImmediately":true}`)
	if strings.TrimSpace(a.body) != `{"status":"ok","message":"Action Provision: Executed successfully"}` {
		t.Errorf("the provision answers %s", a.body)
	}
	resumed := e.request(2)
	if resumed.Status != sandbox.Approved || !resumed.ProvisionImmediately || !e.Admits(resumed.Credentials[0].Key, sandbox.ForecastProduct) {
		t.Errorf("%+v", resumed)
	}
}

func TestProvisionMakesAnAccessRequestOrSaysWhyNot(t *testing.T) {
	for _, c := range []struct {
		name, body, app string
		set             func(*sandbox.EnterpriseSettings)
		status          int
		errors          []string
		requests        []string
	}{
		{"it waits", `{"ProductIDs":[1,2,1],"PlanID":2}`, "1", nil, 200, nil, []string{"pending"}},
		{"the plan approves", `{"ProductIDs":[1],"PlanID":1}`, "1", nil, 200, nil, []string{"approved"}},
		{"immediately", `{"ProductIDs":[3],"PlanID":3,"ProvisionImmediately":true}`, "1", nil, 200, nil, []string{"approved"}},
		{
			"the plan approves and provisioning fails", `{"ProductIDs":[1],"PlanID":1}`, "1",
			func(c *sandbox.EnterpriseSettings) { c.ProvisioningFails = true }, 200, nil, []string{"pending"},
		},
		{
			"immediately and provisioning fails", `{"ProductIDs":[1],"PlanID":2,"ProvisionImmediately":true}`, "1",
			func(c *sandbox.EnterpriseSettings) { c.ProvisioningFails = true }, 422,
			[]string{"Provisioning failed: the gateway cannot be reached"}, []string{"pending"},
		},
		{"no products", `{"PlanID":2}`, "1", nil, 422, []string{"Choose a product first."}, nil},
		{"no plan", `{"ProductIDs":[1]}`, "1", nil, 422, []string{"There is no such plan."}, nil},
		{"a product that is not there", `{"ProductIDs":[1,9],"PlanID":2}`, "1", nil, 422, []string{"There is no such product."}, nil},
		{
			"two ways to authenticate", `{"ProductIDs":[1,3],"PlanID":2}`, "1", nil, 422,
			[]string{"All products of one request have to use the same authentication method."}, nil,
		},
		{"an app that is not there", `{"ProductIDs":[1],"PlanID":2}`, "9", nil, 422, []string{"record not found"}, nil},
		{"no body", ``, "1", nil, 422, []string{"Request malformed"}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			e := newEnterprise(t, sandbox.EnterpriseConfig{})
			if c.set != nil {
				e.set(c.set)
			}
			a := e.call("PUT", "/apps/"+c.app+"/provision", c.body)
			var said struct {
				Status string
				Errors []string
			}
			a.into(t, &said)
			if diff := cmp.Diff(c.errors, said.Errors); diff != "" || a.status != c.status || (said.Status == "ok") != (c.status == 200) {
				t.Errorf("%d %s %s", a.status, a.body, diff)
			}
			var got []string
			for _, request := range e.AccessRequests() {
				got = append(got, request.Status)
			}
			if diff := cmp.Diff(c.requests, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestADynamicallyRegisteredClientIsIssuedAndRotated(t *testing.T) {
	e := newEnterprise(t, sandbox.EnterpriseConfig{})
	request, secret := e.granted(sandbox.PaidPlan, sandbox.WarningsProduct)
	var read struct {
		AuthType   string
		DCREnabled bool
	}
	e.must("GET", "/access_requests/1", "").into(t, &read)
	if read.AuthType != "oauth2.0" || !read.DCREnabled || request.Credentials[0].Key != "" || secret != request.Credentials[0].OAuthClientSecret {
		t.Errorf("%+v, %+v", read, request)
	}
	a := e.must("PUT", "/apps/1/access-requests/1/credentials/1/rotate", "")
	if !strings.Contains(a.body, `"status":"ok"`) {
		t.Error(a.body)
	}
	rotated := e.request(1).Credentials[0]
	if rotated.ID != 1 || e.Admits(secret, sandbox.WarningsProduct) || !e.Admits(rotated.Secret(), sandbox.WarningsProduct) {
		t.Errorf("it was rotated to %+v", rotated)
	}
	if a := e.call("PUT", "/apps/1/access-requests/1/credentials/7/rotate", ""); a.status != 422 || !strings.Contains(a.body, `"errors"`) {
		t.Errorf("%d %s", a.status, a.body)
	}
}

func TestTheGatewayHonoursCredentials(t *testing.T) {
	e := newEnterprise(t, sandbox.EnterpriseConfig{})
	_, key := e.granted(sandbox.PaidPlan, sandbox.ForecastProduct)
	for _, c := range []struct {
		path, key string
		status    int
	}{
		{"/gateway/1", key, 200}, {"/gateway/2", key, 403}, {"/gateway/x", key, 403}, {"/gateway/1", "", 401}, {"/gateway/1", "x", 403},
	} {
		if a, err := e.send("GET", c.path, "", "Authorization", c.key); err != nil || a.status != c.status {
			t.Errorf("%s: %d %v, want %d", c.path, a.status, err, c.status)
		}
	}
}

func TestUsersAppsOffersAndOrganisationsAreRead(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	e := newEnterprise(t, sandbox.EnterpriseConfig{Secret: "token", Now: func() time.Time { return now }})
	inList := map[string]any{
		"ID": 2.0, "Active": true, "Email": "erin@example.com", "First": "Erin", "Last": "Engineer", "OrganisationID": 1.0,
		"Role": "consumer-team-member", "Provider": "password",
	}
	whole := map[string]any{
		"JWTToken": "", "APITokenCreatedAt": "", "Organisation": "Default Organisation", "ResetPassword": false,
		"CreatedAt": "2026-03-01 12:00", "UpdatedAt": "2026-03-01 12:00",
		"Teams": []any{map[string]any{"ID": 1.0, "Name": "Default Organisation All users", "Default": true}},
	}
	for name, value := range inList {
		whole[name] = value
	}
	app := map[string]any{
		"ID": 1.0, "Name": "Umbrella", "Description": "Tells whether to take one.", "RedirectURLs": "", "UserID": 2.0,
		"Visibility": "personal", "CreatedAt": "2026-03-01 12:00", "AccessRequests": []any{},
	}
	plan := map[string]any{
		"ID": 1.0, "AuthType": "", "AutoApproveAccessRequests": true, "Catalogues": []any{"Weather Catalogue"}, "DisplayName": "Free",
		"Name": "free_plan", "Description": "For trying things out. Approved at once.", "ReferenceID": "000000000000000000008001",
		"Quota": "1000 calls / 1 day(s)", "RateLimit": "10 calls / 1 minute(s)", "JWTScope": "",
	}
	product := map[string]any{
		"ID": 3.0, "APIDetails": []any{}, "AuthType": "oauth2.0", "AuthTypes": []any{"oauth2.0"}, "Catalogues": []any{"Weather Catalogue"},
		"Content": "", "DCREnabled": true, "Description": "Severe weather warnings, called with an OAuth client.",
		"DisplayName": "Weather Warnings", "Feature": false, "IsDocumentationOnly": false, "Name": "weather_warnings",
		"Path": "weather-warnings", "ReferenceID": "000000000000000000009003", "Scopes": "warnings", "Tags": []any{},
	}
	catalogue := map[string]any{
		"ID": 1.0, "Name": "Weather Catalogue", "NameWithSlug": "weather-catalogue", "VisibilityStatus": "Public",
		"Products": []any{"weather_forecast", "weather_history", "weather_warnings"}, "Plans": []any{"free_plan", "pro_plan", "enterprise_plan"},
	}
	organisation := map[string]any{
		"ID": 1.0, "Name": "Default Organisation", "CreatedAt": "2026-03-01 12:00", "UpdatedAt": "2026-03-01 12:00",
		"Teams": whole["Teams"], "Users": []any{inList},
	}
	for path, want := range map[string]any{
		"/users/2": whole, "/apps/1": app, "/plans/1": plan, "/products/3": product, "/catalogues/1": catalogue, "/organisations/1": organisation,
	} {
		if diff := cmp.Diff(want, parsed(t, e.must("GET", path, "").body)); diff != "" {
			t.Errorf("%s: %s", path, diff)
		}
	}
	for path, want := range map[string]int{"/users": 2, "/apps": 1, "/plans": 3, "/products": 3, "/catalogues": 1, "/organisations": 1} {
		if list, _ := parsed(t, e.must("GET", path, "").body).([]any); len(list) != want {
			t.Errorf("%s lists %v", path, list)
		}
	}
	var admin struct{ JWTToken, Role, Organisation string }
	e.must("GET", "/users/1", "").into(t, &admin)
	if admin.JWTToken != "token" || admin.Role != "super-admin" || admin.Organisation != "" {
		t.Errorf("the admin reads %+v", admin)
	}
	e.set(func(c *sandbox.EnterpriseSettings) { c.Quirks.NewPlans = true })
	var plans struct {
		Data []struct{ ID, RateLimit, Quota int }
	}
	e.must("GET", "/plans", "").into(t, &plans)
	if len(plans.Data) != 3 || plans.Data[2].ID != 1 || plans.Data[2].Quota != 1000 || plans.Data[0].RateLimit != 0 {
		t.Errorf("as 1.14 describes them: %+v", plans)
	}
}

func TestUsersAreMadeChangedDeactivatedAndDeleted(t *testing.T) {
	e := newEnterprise(t, sandbox.EnterpriseConfig{})
	a := e.must("POST", "/users", `{"Email":"new@example.org","First":"Nina","Last":"New","Password":"newcomer","OrganisationID":1}`)
	var made struct {
		ID     int
		Active bool
	}
	a.into(t, &made)
	if made.ID != 3 || !made.Active {
		t.Fatalf("%s", a.body)
	}
	b := e.browser().signInAs("new@example.org", "newcomer")
	e.must("PUT", "/users/3", `{"First":"Nora","Active":false}`)
	if user, _ := e.User("NEW@example.org"); !user.Inactive || user.Name() != "Nora New" {
		t.Errorf("%+v", user)
	}
	if b.get("/portal/apps"); b.at.Path != "/portal/login" {
		t.Errorf("still signed in, at %s", b.at)
	}
	if b.post("/portal/login", map[string][]string{"email": {"new@example.org"}, "password": {"newcomer"}}).shows("not active"); b.status != 403 {
		t.Errorf("signed in: %d", b.status)
	}
	e.must("PUT", "/users/3", `{"Active":true}`)
	e.must("PUT", "/users/3", `{"Active":true}`)
	b.signInAs("new@example.org", "newcomer")
	if diff := cmp.Diff([]string{"welcome_dev", "deactivate", "activate"}, kindsTo(e.Mail(), "new@example.org")); diff != "" {
		t.Error(diff)
	}

	request, err := e.CreateAccessRequest(sandbox.AccessAsk{Email: "new@example.org", App: "Boots", Products: []int{1}, Plan: 1})
	if err != nil {
		t.Fatal(err)
	}
	e.must("DELETE", "/users/3", "")
	if _, known := e.User("new@example.org"); known || e.Admits(request.Credentials[0].Key, 1) || len(e.AccessRequests()) != 0 {
		t.Error("something of the user is left")
	}
	if b.get("/portal/apps"); b.at.Path != "/portal/login" {
		t.Errorf("still signed in, at %s", b.at)
	}
}

func kindsTo(mails []sandbox.Message, to string) []string {
	var kinds []string
	for _, m := range mails {
		if m.To == to {
			kinds = append(kinds, m.Kind)
		}
	}
	return kinds
}

func TestDeactivationLeavesCredentialsUnlessSetOtherwise(t *testing.T) {
	for _, revokes := range []bool{false, true} {
		e := newEnterprise(t, sandbox.EnterpriseConfig{})
		e.set(func(c *sandbox.EnterpriseSettings) { c.DeactivationRevokes = revokes })
		_, key := e.granted(sandbox.PaidPlan, sandbox.ForecastProduct)
		if err := e.Deactivate(sandbox.EnterpriseEmail); err != nil {
			t.Fatal(err)
		}
		if e.Admits(key, sandbox.ForecastProduct) == revokes {
			t.Errorf("revokes %v, and the key says otherwise", revokes)
		}
		if err := e.Activate(sandbox.EnterpriseEmail); err != nil {
			t.Fatal(err)
		}
		if user, _ := e.User(sandbox.EnterpriseEmail); user.Inactive {
			t.Error("not activated")
		}
	}
}

func TestAppsPlansAndOrganisationsAreChanged(t *testing.T) {
	e := newEnterprise(t, sandbox.EnterpriseConfig{})
	var app struct {
		ID   int
		Name string
	}
	e.must("POST", "/apps", `{"Name":"Boots","UserID":2,"RedirectURLs":"http://a.example/"}`).into(t, &app)
	e.must("PUT", "/apps/2", `{"Name":"Wellingtons"}`).into(t, &app)
	if apps := e.Apps(sandbox.EnterpriseEmail); app.ID != 2 || len(apps) != 2 || apps[1].Name != "Wellingtons" || apps[1].RedirectURLs != "http://a.example/" {
		t.Errorf("%+v", apps)
	}
	_, key := e.granted(sandbox.FreePlan, sandbox.ForecastProduct)
	e.must("DELETE", "/apps/1", "")
	if e.Admits(key, sandbox.ForecastProduct) || len(e.AccessRequests()) != 0 || len(e.Apps(sandbox.EnterpriseEmail)) != 1 {
		t.Error("something of the app is left")
	}
	e.must("PUT", "/plans/2", `{"AutoApproveAccessRequests":true,"DisplayName":"Professional"}`)
	if plan := e.Plans()[1]; !plan.AutoApprove || plan.DisplayName != "Professional" || plan.Description == "" {
		t.Errorf("%+v", plan)
	}
	var organisation struct {
		ID    int
		Users []any
	}
	e.must("POST", "/organisations", `{"Name":"ACME"}`).into(t, &organisation)
	if organisation.ID != 2 || organisation.Users == nil || len(organisation.Users) != 0 {
		t.Errorf("%+v", organisation)
	}
}

func TestWhatThePortalRefuses(t *testing.T) {
	e := newEnterprise(t, sandbox.EnterpriseConfig{})
	request, _ := e.granted(sandbox.FreePlan, sandbox.ForecastProduct)
	e.must("POST", "/apps", `{"Name":"Boots","UserID":2}`)
	e.must("POST", "/webhooks", `{"URL":"http://a.example/"}`)
	below := "/apps/1/access-requests/" + strconv.Itoa(request.ID)
	const missing = "record not found"
	for _, c := range []struct {
		call, body string
		status     int
		message    string
	}{
		{"GET /nowhere", "", 404, "Not found"},
		{"GET /access_requests/9", "", 404, missing},
		{"GET /access_requests/one", "", 404, missing},
		{"DELETE /access_requests/9", "", 404, missing},
		{"GET /access_requests?page=0", "", 422, "page must be a number from 1"},
		{"GET /access_requests?per_page=many", "", 422, "per_page must be a number from 1"},
		{"GET /users?limit=-1", "", 422, "limit must be a number from 1"},
		{"GET /apps/9", "", 404, missing},
		{"DELETE /apps/9", "", 404, missing},
		{"PUT /apps/9", "{}", 422, missing},
		{"PUT /apps/1", `{"Name":" "}`, 422, "Name cannot be empty"},
		{"PUT /apps/1", `{"Name":7}`, 422, "Request malformed"},
		{"POST /apps", `{"Name":"x","UserID":9}`, 422, "Name and the UserID of a user are needed"},
		{"POST /apps", `{"UserID":2}`, 422, "Name and the UserID of a user are needed"},
		{"GET /apps/9/access-requests", "", 404, missing},
		{"GET /apps/1/access-requests?page=x", "", 422, "page must be a number from 1"},
		{"GET /apps/2/access-requests/1", "", 404, missing},
		{"DELETE /apps/2/access-requests/1", "", 404, missing},
		{"GET /apps/2/access-requests/1/credentials", "", 404, missing},
		{"GET " + below + "/credentials?page=x", "", 422, "page must be a number from 1"},
		{"GET " + below + "/credentials/9", "", 404, missing},
		{"DELETE " + below + "/credentials/9", "", 404, missing},
		{"GET /users/9", "", 404, missing},
		{"PUT /users/9", "{}", 422, missing},
		{"DELETE /users/9", "", 404, missing},
		{"DELETE /users/1", "", 422, "the admin stays"},
		{"PUT /users/1", `{"Active":false}`, 422, "the admin stays active"},
		{"POST /users", `{"Email":"ERIN@example.com"}`, 422, "a user with this e-mail address is there already"},
		{"POST /users", `{"First":"x"}`, 422, "the e-mail address is missing or not one"},
		{"POST /users", `{"Email":"a@b.example","OrganisationID":9}`, 422, "there is no such organisation"},
		{"POST /users", `{"Email":"a@b.example","Role":"super-admin"}`, 422, "this portal has one admin"},
		{"GET /organisations/9", "", 404, missing},
		{"POST /organisations", `{}`, 422, "Name is needed"},
		{"POST /organisations", `{"Name":"Default Organisation"}`, 422, "an organisation with that name already exists"},
		{"GET /plans/9", "", 404, missing},
		{"PUT /plans/9", "{}", 404, missing},
		{"GET /products/9", "", 404, missing},
		{"GET /catalogues/9", "", 404, missing},
		{"GET /webhooks/9", "", 404, missing},
		{"DELETE /webhooks/9", "", 404, missing},
		{"PUT /webhooks/9", "{}", 422, missing},
		{"PUT /webhooks/1", `{"URL":"ftp://a.example/"}`, 422, "URL is not an absolute http or https URL"},
		{"POST /webhooks", `{}`, 422, "URL is not an absolute http or https URL"},
		{"POST /webhooks", `{"URL":"http://a.example/","Method":"TRACE"}`, 422, "Method is none of GET, POST, PUT, PATCH, DELETE"},
		{"POST /webhooks", `{"URL":"http://a.example/","Timeout":61}`, 422, "Timeout is not within 0 and 60"},
		{"POST /webhooks", `{"URL":"http://a.example/","Events":["x"]}`, 422, `there is no event "x"`},
		{"GET /webhooks/9/headers", "", 404, missing},
		{"GET /webhooks/1/headers?page=x", "", 422, "page must be a number from 1"},
		{"POST /webhooks/9/headers", `{"Name":"a","Value":"b"}`, 422, missing},
		{"POST /webhooks/1/headers", `{"Name":"a b","Value":"c"}`, 422, "Name is not the name of a header"},
		{"POST /webhooks/1/headers", `{"Name":"a","Value":"b\r\nX: c"}`, 422, "Value cannot be sent in a header"},
		{"GET /webhooks/1/headers/9", "", 404, missing},
		{"PUT /webhooks/1/headers/9", "{}", 422, missing},
		{"DELETE /webhooks/1/headers/9", "", 404, missing},
	} {
		method, path, _ := strings.Cut(c.call, " ")
		a := e.call(method, path, c.body)
		var said struct{ Errors []string }
		a.into(t, &said)
		if a.status != c.status || cmp.Diff([]string{c.message}, said.Errors) != "" {
			t.Errorf("%s %s: %d %s, want %d %s", c.call, c.body, a.status, a.body, c.status, c.message)
		}
	}
	for _, act := range []string{"approve", "reject"} {
		for _, id := range []string{"9", "one"} {
			a := e.call("PUT", "/access_requests/"+id+"/"+act, "")
			if a.status != 422 || strings.TrimSpace(a.body) != `{"status":"error","message":"record not found"}` {
				t.Errorf("%s %s: %d %s", act, id, a.status, a.body)
			}
		}
	}
	for _, status := range []int{400, 404, 422} {
		e.set(func(c *sandbox.EnterpriseSettings) { c.Quirks.MissingStatus = status })
		if a := e.call("GET", "/access_requests/9", ""); a.status != status {
			t.Errorf("missing: %d, want %d", a.status, status)
		}
	}
}

func TestGoCallsSayWhatIsNotThere(t *testing.T) {
	e := newEnterprise(t, sandbox.EnterpriseConfig{})
	_, link := e.ThemeLink(9)
	_, test := e.TestConnection(t.Context(), "9")
	for name, err := range map[string]error{
		"approve": e.Approve(9), "reject": e.Reject(9), "delete": e.DeleteAccessRequest(9), "revoke": e.RevokeCredential(9),
		"activate": e.Activate("x"), "deactivate": e.Deactivate("x"), "auto": e.SetAutoApprove(9, true), "channel": e.RemoveChannel("9"),
		"link": link, "test": test,
	} {
		if err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	for _, ask := range []sandbox.AccessAsk{
		{Email: "x", Products: []int{1}, Plan: 1}, {Email: "a@b.example", Plan: 1}, {Email: "a@b.example", Products: []int{1}},
	} {
		if _, err := e.CreateAccessRequest(ask); err == nil {
			t.Errorf("%+v was filed", ask)
		}
	}
	if n := len(e.Apps("a@b.example")); n != 0 {
		t.Errorf("%d apps were made for nothing", n)
	}
}

func TestFaultsStrikeAnEnterprisePortalInItsOwnWords(t *testing.T) {
	e := newEnterprise(t, sandbox.EnterpriseConfig{})
	e.ask(sandbox.PaidPlan, sandbox.ForecastProduct)
	for _, c := range []struct {
		fault  sandbox.Fault
		status int
		says   string
	}{
		{sandbox.Fault{Kind: sandbox.ErrorBefore, Status: 503}, 503, `{"status":"error","message":"Fault on demand"}`},
		{sandbox.Fault{Kind: sandbox.TooManyRequests, RetryAfter: 3}, 429, `{"status":"error","message":"Too many requests"}`},
		{sandbox.Fault{Kind: sandbox.ErrorAfter, Status: 502}, 502, `{"status":"error","message":"Fault on demand"}`},
		{sandbox.Fault{Kind: sandbox.Latency, Delay: time.Millisecond}, 422, `{"status":"error","message":"Access request is already approved"}`},
	} {
		c.fault.Path, c.fault.Times = "/portal-api/access_requests/1/approve", 1
		if _, err := e.Fault(c.fault); err != nil {
			t.Fatal(err)
		}
		if a := e.call("PUT", "/access_requests/1/approve", ""); a.status != c.status || strings.TrimSpace(a.body) != c.says {
			t.Errorf("%s: %d %s", c.fault.Kind, a.status, a.body)
		}
	}
	if e.request(1).Status != sandbox.Approved {
		t.Error("the answer was lost, and the work with it")
	}
	calls := e.Calls()
	if len(calls) != 4 || calls[0].Path != "/portal-api/access_requests/1/approve" || calls[0].Status != 503 {
		t.Errorf("%+v", calls)
	}
}
