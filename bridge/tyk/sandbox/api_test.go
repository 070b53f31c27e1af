package sandbox_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"keybridge/bridge/tyk/sandbox"
)

func TestEveryCallNeedsTheSecretWithNothingInFrontOfIt(t *testing.T) {
	p := newPortal(t, sandbox.Config{})
	for _, call := range []string{
		"GET /api/portal/requests", "POST /api/portal/requests", "GET /api/portal/requests/x", "PUT /api/portal/requests/approve/x",
		"DELETE /api/portal/requests/x", "GET /api/portal/developers", "GET /api/keys/x", "GET /api/portal/catalogue",
		"GET /api/portal/configuration", "GET /api/portal/policies", "GET /api/nowhere",
	} {
		method, path, _ := strings.Cut(call, " ")
		for _, header := range []string{"", "wrong", "Bearer " + p.Secret(), p.Secret() + " "} {
			a, err := p.send(method, path, "{}", "authorization", header)
			if err != nil {
				t.Fatal(err)
			}
			if strings.TrimSpace(header) == p.Secret() {
				continue // net/http trims what surrounds a header's value
			}
			if a.status != http.StatusUnauthorized || a.body != `{"Status":"Error","Message":"Not authorised","Meta":null}`+"\n" {
				t.Errorf("%s with %q: %d %s", call, header, a.status, a.body)
			}
		}
	}
}

func TestErrorsAreEnvelopes(t *testing.T) {
	p := newPortal(t, sandbox.Config{})
	developer := p.developer().ID
	approved := p.ask(sandbox.FreePolicy).ID
	p.must("PUT", "/api/portal/requests/approve/"+approved, "")
	unknown := p.ask("5e2744897c1f8800018bdfff").ID
	var keyID string
	for keyID = range p.developer().Keys {
	}
	huge := `{"by_user":"` + strings.Repeat("x", 1<<20) + `"}`
	for _, c := range []struct {
		what, method, path, body string
		status                   int
		message                  string
	}{
		{"a path that is none", "GET", "/api/nowhere", "", 404, "Not found"},
		{"a request that is not there", "GET", "/api/portal/requests/x", "", 404, "Key request not found"},
		{"declining what is not there", "DELETE", "/api/portal/requests/x", "", 404, "Key request not found"},
		{"approving what is not there", "PUT", "/api/portal/requests/approve/x", "", 404, "Key request not found"},
		{"approving twice", "PUT", "/api/portal/requests/approve/" + approved, "", 400, "Key request has already been processed."},
		{"approving for a policy that is not there", "PUT", "/api/portal/requests/approve/" + unknown, "", 400, "Policy not found"},
		{"a page that is none", "GET", "/api/portal/requests?p=x", "", 400, "p must be a page number, or -1 for no paging"},
		{"a page before the first", "GET", "/api/portal/requests?p=-2", "", 400, "p must be a page number, or -1 for no paging"},
		{"approved neither true nor false", "GET", "/api/portal/requests?approved=maybe", "", 400, "approved must be true or false"},
		{"a body that is no JSON", "POST", "/api/portal/requests", "{", 400, "Request malformed"},
		{"two bodies", "POST", "/api/portal/requests", "{}{}", 400, "Request malformed"},
		{"a field that is no text", "POST", "/api/portal/requests", `{"fields":{"a":1}}`, 400, "Request malformed"},
		{"a body above the limit", "POST", "/api/portal/requests", huge, 413, "Request body too large"},
		{"a request for nothing", "POST", "/api/portal/requests", `{"by_user":"` + developer + `","approved":false}`, 400, "apply_policies, for_plan or for_api is needed"},
		{"a request of a version to come", "POST", "/api/portal/requests", `{"version":"v3","for_plan":"x"}`, 400, "version must be v2, or empty for a legacy request"},
		{"a request by nobody", "POST", "/api/portal/requests", `{"version":"v2","for_plan":"x","by_user":"x"}`, 400, "by_user names no developer"},
		{"a developer who is not there", "GET", "/api/portal/developers/x", "", 404, "Developer not found"},
		{"an address nobody has", "GET", "/api/portal/developers/email/no%40body.example", "", 404, "Developer not found"},
		{"a developer with no address", "POST", "/api/portal/developers", `{"password":"x"}`, 400, "the e-mail address is missing or not one"},
		{"an address that is taken", "POST", "/api/portal/developers", `{"email":"DEV@example.com"}`, 400, "a developer with this e-mail address is signed up already"},
		{"changing a developer who is not there", "PUT", "/api/portal/developers/x", `{"email":"a@b.example"}`, 404, "Developer not found"},
		{"taking a developer's address away", "PUT", "/api/portal/developers/" + developer, `{}`, 400, "the e-mail address is missing or not one"},
		{"deleting a developer who is not there", "DELETE", "/api/portal/developers/x", "", 404, "Developer not found"},
		{"a wrong password", "POST", "/api/portal/developers/verify_credentials", `{"username":"dev@example.com","password":"x"}`, 401, "Not authorised"},
		{"a key for nothing", "POST", "/api/portal/developers/" + developer + "/keys", `{}`, 400, "apply_policies is needed"},
		{"a key for a policy that is not there", "POST", "/api/portal/developers/" + developer + "/keys", `{"apply_policies":["x"]}`, 400, "Policy not found"},
		{"a key for nobody", "POST", "/api/portal/developers/x/keys", `{"apply_policies":["` + sandbox.FreePolicy + `"]}`, 404, "Developer not found"},
		{"revoking a key that is not there", "DELETE", "/api/portal/developers/" + developer + "/keys/x", "", 404, "Key not found"},
		{"a key that is not there", "GET", "/api/keys/x?hashed=true", "", 404, "Key not found"},
		{"a hash that is not called one", "GET", "/api/keys/" + keyID, "", 404, "Key not found"},
		{"a session that grants nothing", "PUT", "/api/keys/" + keyID + "?hashed=true", `{"is_inactive":true}`, 400, "The session grants nothing: apply_policies and access_rights are empty"},
		{"a session that is stopped in words", "PUT", "/api/keys/" + keyID + "?hashed=true", `{"is_inactive":"yes"}`, 400, "is_inactive must be true or false"},
		{"a session for a policy that is not there", "PUT", "/api/keys/" + keyID + "?hashed=true", `{"apply_policies":["x"]}`, 400, "Policy not found"},
		{"a policy that is not there", "GET", "/api/portal/policies/x", "", 404, "Policy not found"},
		{"an OAuth client that is not there", "DELETE", "/api/portal/developers/oauth/x", "", 404, "OAuth client not found"},
		{"a configuration with a redirect to nowhere", "PUT", "/api/portal/configuration", `{"redirect_on_key_request":true}`, 400, "sandbox settings: redirect_to is not an absolute http or https URL"},
	} {
		t.Run(c.what, func(t *testing.T) {
			a := p.call(c.method, c.path, c.body)
			if a.status != c.status {
				t.Errorf("status %d, want %d: %s", a.status, c.status, a.body)
			}
			if diff := cmp.Diff(envelope{"Error", c.message}, a.envelope(t)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestOlderDashboardsSayOtherwiseThatARecordIsNotThere(t *testing.T) {
	p := newPortal(t, sandbox.Config{})
	for _, status := range []int{400, 404, 500} {
		p.set(func(c *sandbox.Settings) { c.Quirks.MissingStatus = status })
		if a := p.call("GET", "/api/portal/requests/x", ""); a.status != status || a.envelope(t).Status != "Error" {
			t.Errorf("%d: %d %s", status, a.status, a.body)
		}
	}
	p.set(func(c *sandbox.Settings) { c.Quirks.ErrorsUnder200 = true })
	if a := p.call("GET", "/api/portal/requests/x", ""); a.status != 200 || a.envelope(t).Status != "Error" {
		t.Errorf("under 200: %d %s", a.status, a.body)
	}
	if a := p.call("POST", "/api/portal/developers/verify_credentials", "{}"); a.status != 401 {
		t.Errorf("401 stays: %d", a.status)
	}
}

func TestQuirksOfOneRequestAndOfLists(t *testing.T) {
	p := newPortal(t, sandbox.Config{})
	first, second := p.ask(sandbox.FreePolicy).ID, p.ask(sandbox.PaidPolicy).ID
	p.set(func(c *sandbox.Settings) {
		c.Quirks.OmitDeveloper, c.Quirks.NoPageCount, c.Quirks.OldestFirst, c.Quirks.ZeroDates = true, true, true, true
	})
	if body := p.must("GET", "/api/portal/requests/"+first, "").body; strings.Contains(body, "portal_developer") || strings.Contains(body, "catalogue") {
		t.Errorf("one request still holds its developer: %s", body)
	}
	l := p.list("?p=0")
	if l.Pages != 0 || l.Data[0].ID != first || l.Data[1].ID != second || l.Data[0].PortalDeveloper == nil {
		t.Errorf("the list reads %+v", l)
	}
	id := p.must("POST", "/api/portal/requests", `{"by_user":"`+p.developer().ID+`","for_plan":"x","approved":false}`).envelope(t).Message
	if body := p.must("GET", "/api/portal/requests/"+id, "").body; !strings.Contains(body, `"date_created":"0001-01-01T00:00:00Z"`) {
		t.Errorf("the date that was not sent: %s", body)
	}
}

func TestAnApprovalGivesOneKeyForAllPoliciesAndTheDeveloperHasIt(t *testing.T) {
	for _, hashed := range []bool{true, false} {
		t.Run(fmt.Sprintf("hashed keys %v", hashed), func(t *testing.T) {
			p := newPortal(t, sandbox.Config{})
			p.set(func(c *sandbox.Settings) { c.HashedKeys = hashed })
			id := p.ask(sandbox.FreePolicy, sandbox.PaidPolicy).ID
			var issued struct{ RawKey string }
			p.must("PUT", "/api/portal/requests/approve/"+id, "").into(t, &issued)
			d := p.developer()
			keyID := d.Subscriptions[sandbox.PaidPolicy]
			if hashed == (keyID == issued.RawKey) || keyID == "" {
				t.Errorf("the key is called %q", keyID)
			}
			want := map[string]string{sandbox.FreePolicy: keyID, sandbox.PaidPolicy: keyID}
			if diff := cmp.Diff(want, d.Subscriptions); diff != "" {
				t.Error(diff)
			}
			if diff := cmp.Diff(map[string][]string{keyID: {sandbox.FreePolicy, sandbox.PaidPolicy}}, d.Keys); diff != "" {
				t.Error(diff)
			}
			if !p.Admits(issued.RawKey, sandbox.FreePolicy) || !p.Admits(issued.RawKey, sandbox.PaidPolicy) || p.Admits(issued.RawKey, sandbox.ReviewedPolicy) {
				t.Error("the key opens something else than was asked for")
			}
			body := p.must("GET", "/api/portal/requests/"+id, "").body
			if strings.Contains(body, issued.RawKey) == hashed {
				t.Errorf("the raw key is where it should not be, or not where Tyk has it: %s", body)
			}
		})
	}
}

func TestAnOAuthRequestIsApprovedWithAClientThatCanBeRevoked(t *testing.T) {
	p := newPortal(t, sandbox.Config{})
	body := `{"by_user":"` + p.developer().ID + `","for_plan":"` + sandbox.PaidPolicy + `","version":"v2","approved":false,"oauth_info":{"redirect_uri":"http://new1.com,http://new2.com"}}`
	id := p.must("POST", "/api/portal/requests", body).envelope(t).Message
	if read := p.must("GET", "/api/portal/requests/"+id, "").body; !strings.Contains(read, `"oauth_info":{"redirect_uri":"http://new1.com,http://new2.com"}`) {
		t.Errorf("oauth_info is lost: %s", read)
	}
	var client map[string]string
	p.must("PUT", "/api/portal/requests/approve/"+id, "").into(t, &client)
	if client["client_id"] == "" || client["secret"] == "" || client["policy_id"] != sandbox.PaidPolicy || client["redirect_uri"] != "http://new1.com,http://new2.com" {
		t.Errorf("the answer is %v", client)
	}
	held := p.developer().OAuthClients[sandbox.PaidPolicy]
	if len(held) != 1 || held[0].ClientID != client["client_id"] || len(p.developer().Keys) != 0 {
		t.Errorf("the developer reads %+v", p.developer())
	}
	if mail := p.Mail(); !strings.Contains(mail[len(mail)-1].Text, client["secret"]) {
		t.Error("the client was not mailed")
	}
	p.must("DELETE", "/api/portal/developers/oauth/"+client["client_id"], "")
	if len(p.developer().OAuthClients) != 0 {
		t.Errorf("the client is still there: %+v", p.developer().OAuthClients)
	}
}

func TestDeletingAnApprovedRequestLeavesItsKeyUnlessSetOtherwise(t *testing.T) {
	p := newPortal(t, sandbox.Config{})
	for _, revokes := range []bool{false, true} {
		p.set(func(c *sandbox.Settings) { c.DeleteRevokesKey = revokes })
		id := p.ask(sandbox.FreePolicy).ID
		var issued struct{ RawKey string }
		p.must("PUT", "/api/portal/requests/approve/"+id, "").into(t, &issued)
		p.must("DELETE", "/api/portal/requests/"+id, "")
		if p.Admits(issued.RawKey, sandbox.FreePolicy) == revokes {
			t.Errorf("delete revokes %v: the key does the opposite", revokes)
		}
	}
}

func TestADeveloperIsReadByIDAndAddressListedChangedAndDeleted(t *testing.T) {
	p := newPortal(t, sandbox.Config{})
	id := p.must("POST", "/api/portal/developers", `{"email":"apidev@example.com","password":"supersecret","inactive":false,
		"org_id":"x","keys":{"a-key":["a-policy"]},"fields":{"Name":"John Snow"}}`).envelope(t).Message
	byID := p.must("GET", "/api/portal/developers/"+id, "").body
	if byAddress := p.must("GET", "/api/portal/developers/email/apidev%40example.com", "").body; byAddress != byID {
		t.Errorf("read by address: %s\nby id: %s", byAddress, byID)
	}
	var d sandbox.Developer
	p.must("GET", "/api/portal/developers/"+id, "").into(t, &d)
	if d.OrgID != p.Org() || d.Fields["Name"] != "John Snow" || d.Password != "" || d.DateCreated.IsZero() {
		t.Errorf("the developer reads %+v", d)
	}
	credentials := `{"username":"apidev@example.com","password":"supersecret"}`
	p.must("POST", "/api/portal/developers/verify_credentials", credentials)

	changed := strings.Replace(byID, "John Snow", "Jon Snow", 1)
	changed = strings.Replace(changed, `"inactive":false`, `"inactive":true`, 1)
	p.must("PUT", "/api/portal/developers/"+id, changed)
	if d, _ := p.Developer("apidev@example.com"); d.Fields["Name"] != "Jon Snow" || !d.Inactive || d.Keys["a-key"] == nil {
		t.Errorf("changed: %+v", d)
	}
	if a := p.call("POST", "/api/portal/developers/verify_credentials", credentials); a.status != 401 {
		t.Errorf("an inactive developer gets in: %d", a.status)
	}
	var l struct {
		Data  []sandbox.Developer
		Pages int
	}
	p.must("GET", "/api/portal/developers/", "").into(t, &l)
	if len(l.Data) != 2 || l.Pages != 1 {
		t.Errorf("the list reads %+v", l)
	}
	if e := p.must("DELETE", "/api/portal/developers/"+id, "").envelope(t); e.Message != "Data deleted" {
		t.Errorf("%+v", e)
	}
	if a := p.call("GET", "/api/portal/developers/"+id, ""); a.status != 404 {
		t.Errorf("still there: %d", a.status)
	}
}

func TestARequestOfADeveloperWhoIsGoneCannotBeApproved(t *testing.T) {
	p := newPortal(t, sandbox.Config{})
	id := p.ask(sandbox.FreePolicy).ID
	p.must("DELETE", "/api/portal/developers/"+p.developer().ID, "")
	if a := p.call("PUT", "/api/portal/requests/approve/"+id, ""); a.status != 400 || a.envelope(t).Message != "Developer not found" {
		t.Errorf("%d %s", a.status, a.body)
	}
	if body := p.must("GET", "/api/portal/requests/"+id, "").body; strings.Contains(body, "portal_developer") {
		t.Errorf("the developer is still shown: %s", body)
	}
}

func TestADevelopersKeyIsIssuedChangedAndRevoked(t *testing.T) {
	p := newPortal(t, sandbox.Config{})
	developer := "/api/portal/developers/" + p.developer().ID
	for _, form := range []string{"/keys", "/subscriptions"} {
		for _, revoke := range []string{developer + "/keys/%s", "/api/portal/developers/key/" + sandbox.FreePolicy + "/%s/" + p.developer().ID} {
			body := `{"apply_policies":["` + sandbox.FreePolicy + `"]}`
			if form == "/subscriptions" {
				body = `{"policy_id":"` + sandbox.FreePolicy + `"}`
			}
			var issued struct{ RawKey string }
			p.must("POST", developer+form, body).into(t, &issued)
			keyID := p.developer().Subscriptions[sandbox.FreePolicy]
			p.must("PUT", developer+"/keys/"+keyID, `{"apply_policies":["`+sandbox.PaidPolicy+`"]}`)
			if p.Admits(issued.RawKey, sandbox.FreePolicy) || !p.Admits(issued.RawKey, sandbox.PaidPolicy) {
				t.Error("the key's policies did not change")
			}
			if diff := cmp.Diff(map[string]string{sandbox.PaidPolicy: keyID}, p.developer().Subscriptions); diff != "" {
				t.Error(diff)
			}
			p.must("DELETE", fmt.Sprintf(revoke, keyID), "")
			if p.Admits(issued.RawKey, sandbox.PaidPolicy) || len(p.developer().Keys) != 0 || len(p.developer().Subscriptions) != 0 {
				t.Errorf("the key was not revoked: %+v", p.developer())
			}
		}
	}
}

// keyOf approves a request for the free plan and returns the key and what it is called.
func (p *portal) keyOf() (raw, id string) {
	p.t.Helper()
	var issued struct{ RawKey string }
	p.must("PUT", "/api/portal/requests/approve/"+p.ask(sandbox.FreePolicy).ID, "").into(p.t, &issued)
	return issued.RawKey, p.developer().Subscriptions[sandbox.FreePolicy]
}

func TestAKeyIsStoppedAndStartedByWritingItsSessionBack(t *testing.T) {
	p := newPortal(t, sandbox.Config{})
	raw, id := p.keyOf()
	path := "/api/keys/" + id + "?hashed=true&suppress_reset=1"
	for i, stopped := range []bool{true, false, true} {
		var detail struct {
			APIModel any            `json:"api_model"`
			KeyID    string         `json:"key_id"`
			KeyHash  string         `json:"key_hash"`
			Data     map[string]any `json:"data"`
		}
		read := p.must("GET", path, "")
		read.into(t, &detail)
		if detail.KeyID != id || detail.KeyHash != id || detail.APIModel == nil || strings.Contains(read.body, raw) {
			t.Errorf("the key reads %s", read.body)
		}
		body := strings.Replace(read.body, fmt.Sprintf(`"is_inactive":%v`, !stopped), fmt.Sprintf(`"is_inactive":%v`, stopped), 1)
		if i == 2 { // the bare session, as the documents' sample of a PUT has it
			body = strings.TrimSuffix(strings.TrimSpace(body[strings.Index(body, `"data":`)+len(`"data":`):]), "}")
		}
		p.must("PUT", path, body)
		if p.Admits(raw, sandbox.FreePolicy) == stopped {
			t.Errorf("stopped %v: the gateway does the opposite", stopped)
		}
	}
}

func TestWritingASessionReplacesItWholeAndResetsTheQuotaUnlessSuppressed(t *testing.T) {
	p := newPortal(t, sandbox.Config{Policies: []sandbox.Policy{{ID: sandbox.FreePolicy, QuotaMax: 3, QuotaRate: 60}}})
	raw, id := p.keyOf()
	for range 2 {
		if !p.Admits(raw, sandbox.FreePolicy) {
			t.Fatal("the key does not work")
		}
	}
	session := `{"apply_policies":["` + sandbox.FreePolicy + `"],"quota_max":3,"quota_remaining":3,"tags":["a"]}`
	remaining := func() any {
		var detail struct{ Data map[string]any }
		p.must("GET", "/api/keys/"+id+"?hashed=true", "").into(t, &detail)
		if _, kept := detail.Data["rate"]; kept {
			t.Error("a member that was not sent is still there")
		}
		return detail.Data["quota_remaining"]
	}
	p.must("PUT", "/api/keys/"+id+"?hashed=true&suppress_reset=1", session)
	if left := remaining(); left != 1.0 {
		t.Errorf("with suppress_reset %v calls are left", left)
	}
	p.must("PUT", "/api/keys/"+id+"?hashed=true", session)
	if left := remaining(); left != 3.0 {
		t.Errorf("without suppress_reset %v calls are left", left)
	}
	for range 3 {
		p.Admits(raw, sandbox.FreePolicy)
	}
	if p.Admits(raw, sandbox.FreePolicy) {
		t.Error("the quota is spent, and the key still works")
	}
	p.must("POST", "/api/portal/developers/"+p.developer().ID+"/keys/"+id+"/reset_quota", "")
	if !p.Admits(raw, sandbox.FreePolicy) {
		t.Error("the quota was not reset")
	}
}

func TestAKeyIsDeletedAndTheDeveloperNoLongerHasIt(t *testing.T) {
	p := newPortal(t, sandbox.Config{})
	for _, path := range []string{"/api/keys/", "/api/apis/some-api/keys/"} {
		raw, id := p.keyOf()
		p.must("DELETE", path+id+"?hashed=true", "")
		if p.Admits(raw, sandbox.FreePolicy) || len(p.developer().Keys) != 0 || len(p.developer().Subscriptions) != 0 {
			t.Errorf("%s: %+v", path, p.developer())
		}
	}
	if err := p.RevokeKey("x"); err == nil {
		t.Error("a key that is not there was revoked")
	}
}

func TestAKeyIsNamedByItsHashOnlyWhereKeysAreHashed(t *testing.T) {
	p := newPortal(t, sandbox.Config{})
	raw, hash := p.keyOf()
	for query, status := range map[string]int{raw: 200, raw + "?hashed=true": 404, hash: 404, hash + "?hashed=true": 200, hash + "?hashed=1": 200} {
		if a := p.call("GET", "/api/keys/"+query, ""); a.status != status {
			t.Errorf("hashed keys, %s: %d %s", query, a.status, a.body)
		}
	}
	p.set(func(c *sandbox.Settings) { c.HashedKeys = false })
	raw, id := p.keyOf()
	if id != raw {
		t.Errorf("without hashing the key is called %q, not %q", id, raw)
	}
	p.must("GET", "/api/keys/"+raw, "")
	if a := p.call("GET", "/api/keys/"+raw+"?hashed=true", ""); a.status != 400 || !strings.Contains(a.body, "key hashing is not enabled") {
		t.Errorf("%d %s", a.status, a.body)
	}
}

func TestTheGatewaySaysWhyItRefuses(t *testing.T) {
	p := newPortal(t, sandbox.Config{})
	raw, id := p.keyOf()
	try := func(key, policy string) answer {
		a, err := p.send("GET", "/gateway/"+policy, "", "Authorization", key)
		if err != nil {
			t.Fatal(err)
		}
		return a
	}
	for _, c := range []struct {
		key, policy string
		status      int
	}{{raw, sandbox.FreePolicy, 200}, {raw, sandbox.PaidPolicy, 403}, {"", sandbox.FreePolicy, 401}, {"x", sandbox.FreePolicy, 403}} {
		if a := try(c.key, c.policy); a.status != c.status {
			t.Errorf("%+v: %d %s", c, a.status, a.body)
		}
	}
	if err := p.SuspendKey(id, true); err != nil {
		t.Fatal(err)
	}
	if a := try(raw, sandbox.FreePolicy); a.status != 403 || !strings.Contains(a.body, "inactive") {
		t.Errorf("suspended: %d %s", a.status, a.body)
	}
}

func TestPoliciesCatalogueAndConfigurationAreReadAndReplaced(t *testing.T) {
	p := newPortal(t, sandbox.Config{})
	var policies struct{ Data []sandbox.Policy }
	p.must("GET", "/api/portal/policies/", "").into(t, &policies)
	if len(policies.Data) != 3 || policies.Data[1].ID != sandbox.PaidPolicy || policies.Data[1].Name != "Weather Pro" {
		t.Errorf("the policies are %+v", policies)
	}
	var policy sandbox.Policy
	p.must("GET", "/api/portal/policies/"+sandbox.FreePolicy, "").into(t, &policy)
	if policy.OrgID != p.Org() || !policy.Active {
		t.Errorf("the policy is %+v", policy)
	}

	catalogue := p.must("GET", "/api/portal/catalogue", "").body
	for _, member := range []string{`"apis":[`, `"policy_id":"` + sandbox.FreePolicy, `"version":"v2"`, `"show":true`, `"signup_fields":[]`, `"key_request_fields":[]`, `"fields":{}`} {
		if !strings.Contains(catalogue, member) {
			t.Errorf("the catalogue lacks %s: %s", member, catalogue)
		}
	}
	p.must("PUT", "/api/portal/catalogue", strings.Replace(catalogue, "Weather Free", "Weather Gratis", 1))
	if name := p.Catalogue()[0].Name; name != "Weather Gratis" {
		t.Errorf("the first offer is %q", name)
	}

	var configuration sandbox.Configuration
	read := p.must("GET", "/api/portal/configuration", "")
	read.into(t, &configuration)
	if !configuration.RequireKeyApproval || !configuration.HashKeys || len(configuration.KeyRequestFields) != 2 || configuration.OrgID != p.Org() {
		t.Errorf("the configuration is %+v", configuration)
	}
	changed := strings.Replace(read.body, `"redirect_on_key_request":false,"redirect_to":""`, `"redirect_on_key_request":true,"redirect_to":"https://bridge.example/"`, 1)
	changed = strings.Replace(changed, `"mail_from_name":""`, `"mail_from_name":"The weather"`, 1)
	p.must("PUT", "/api/portal/configuration", changed)
	if c := p.Settings(); !c.RedirectOnKeyRequest || c.RedirectTo != "https://bridge.example/" || !c.HashedKeys {
		t.Errorf("the settings are %+v", c)
	}
	if again := p.must("GET", "/api/portal/configuration", "").body; !strings.Contains(again, "The weather") {
		t.Errorf("what the settings do not hold is lost: %s", again)
	}
}

func TestTheOrganisationsWebhookIsSetThroughTheAdminAPI(t *testing.T) {
	p := newPortal(t, sandbox.Config{AdminSecret: "12345"})
	send := func(method, path, body, secret string) answer {
		a, err := p.send(method, path, body, "admin-auth", secret)
		if err != nil {
			t.Fatal(err)
		}
		return a
	}
	path := "/admin/organisations/" + p.Org()
	if a := send("GET", path, "", "wrong"); a.status != 401 {
		t.Errorf("without the secret: %d", a.status)
	}
	if a := send("GET", "/admin/organisations/x", "", "12345"); a.status != 404 {
		t.Errorf("another organisation: %d", a.status)
	}
	if a := send("GET", "/admin/organisations/", "", "12345"); a.status != 200 || !strings.Contains(a.body, p.Org()) {
		t.Errorf("the list: %d %s", a.status, a.body)
	}
	body := `{"owner_name":"Jively","event_options":{"key_request_event":{"webhook":"http://bridge.example/hook","email":""}}}`
	if a := send("PUT", path, body, "12345"); a.status != 200 || a.envelope(t).Message != "Org updated" {
		t.Errorf("%d %s", a.status, a.body)
	}
	if hook := p.Settings().Webhook; hook != "http://bridge.example/hook" {
		t.Errorf("the webhook is %q", hook)
	}
	if a := send("GET", path, "", "12345"); !strings.Contains(a.body, "Jively") || !strings.Contains(a.body, "http://bridge.example/hook") {
		t.Errorf("read back: %s", a.body)
	}
	if a := send("PUT", path, `{"event_options":{"key_request_event":{"webhook":"nowhere"}}}`, "12345"); a.status != 400 {
		t.Errorf("a webhook that is no URL: %d", a.status)
	}
	if a := send("PUT", path, `{"owner_name":"Jively"}`, "12345"); a.status != 200 || p.Settings().Webhook != "" {
		t.Errorf("without event_options: %d, webhook %q", a.status, p.Settings().Webhook)
	}
}

func TestSettingsThatCannotWorkAreRefusedAndChangeNothing(t *testing.T) {
	p := newPortal(t, sandbox.Config{})
	for what, change := range map[string]func(*sandbox.Settings){
		"a redirect to nowhere":    func(c *sandbox.Settings) { c.RedirectOnKeyRequest = true },
		"a redirect to a script":   func(c *sandbox.Settings) { c.RedirectTo = "javascript:alert(1)" },
		"a webhook that is no URL": func(c *sandbox.Settings) { c.Webhook = "/hook" },
		"a proof of no kind":       func(c *sandbox.Settings) { c.SignedRedirect = sandbox.SignedRedirect{Kind: "none"} },
		"a proof without a secret": func(c *sandbox.Settings) { c.SignedRedirect = sandbox.SignedRedirect{Kind: sandbox.SignedJWT} },
		"a token that lives a week": func(c *sandbox.Settings) {
			c.SignedRedirect = sandbox.SignedRedirect{Kind: sandbox.SignedJWT, Secret: "x", Lifetime: 604800}
		},
		"a status that says else": func(c *sandbox.Settings) { c.Quirks.MissingStatus = 302 },
	} {
		before := p.Settings()
		settings := p.Settings()
		change(&settings)
		if err := p.SetSettings(settings); err == nil {
			t.Errorf("%s was accepted", what)
		}
		if diff := cmp.Diff(before, p.Settings()); diff != "" {
			t.Errorf("%s changed: %s", what, diff)
		}
	}
	if _, err := sandbox.New(sandbox.Config{Settings: sandbox.Settings{Webhook: "x"}}); err == nil {
		t.Error("New accepted wrong settings")
	}
	if _, err := sandbox.New(sandbox.Config{Developers: []sandbox.Developer{{Email: "nobody"}}}); err == nil {
		t.Error("New accepted a developer without an address")
	}
}

func TestTheClocksZoneIsTheZoneOfDates(t *testing.T) {
	zone := time.FixedZone("", -4*3600)
	p := newPortal(t, sandbox.Config{Now: func() time.Time { return time.Date(2015, 5, 8, 4, 49, 20, 992123456, zone) }})
	if body := p.must("GET", "/api/portal/requests/"+p.ask(sandbox.FreePolicy).ID, "").body; !strings.Contains(body, `"date_created":"2015-05-08T04:49:20.992-04:00"`) {
		t.Error(body)
	}
}
