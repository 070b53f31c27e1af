package tyk_test

import (
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"keybridge/bridge"
	"keybridge/bridge/tyk"
	"keybridge/bridge/tyk/sandbox"
)

// office is a sandbox whose clock the test owns, with a client that has the same clock.
type office struct {
	*enterpriseEnd
	client *tyk.Enterprise
	at     time.Time
}

func newOffice(t *testing.T) *office {
	t.Helper()
	o := &office{at: now}
	o.enterpriseEnd = newEnterpriseEnd(t, sandbox.EnterpriseConfig{Now: func() time.Time { return o.at }})
	o.client = o.enterpriseEnd.client(t, func(c *tyk.EnterpriseConfig) { c.Now = func() time.Time { return o.at } })
	return o
}

func (o *office) set(t *testing.T, change func(*sandbox.EnterpriseSettings)) {
	t.Helper()
	settings := o.portal.Settings()
	change(&settings)
	if err := o.portal.SetSettings(settings); err != nil {
		t.Fatal(err)
	}
}

// suspended makes an access request whose credentials were deleted, and returns it with what is known then.
func (o *office) suspended(t *testing.T) (key string, known bridge.Access) {
	t.Helper()
	key = o.ask(t, "1")
	got, err := o.client.Approve(t.Context(), key, bridge.Access{})
	if err == nil {
		got, err = o.client.Suspend(t.Context(), key, bridge.Access{Keys: got.Keys})
	}
	if err != nil || got.State != bridge.Suspended {
		t.Fatalf("%q, %v", got.State, err)
	}
	return key, bridge.Access{Have: got.State, Keys: got.Keys}
}

// statuses are those of all access requests, the newest first.
func (o *office) statuses() []string {
	var all []string
	for _, r := range o.portal.AccessRequests() {
		all = append(all, r.Status)
	}
	return all
}

func TestAProvisionThatThePortalLeavesWaitingIsNotRepeated(t *testing.T) {
	o := newOffice(t)
	key, known := o.suspended(t)
	o.set(t, func(s *sandbox.EnterpriseSettings) { s.ProvisioningFails = true })
	began := o.at
	for range 3 { // the bridge does not learn what the first call did, and says so from then on
		_, err := o.client.Resume(t.Context(), key, known)
		if bridge.KindOf(err) != bridge.Unavailable || bridge.Explain(err) == bridge.Explain(&bridge.Error{}) {
			t.Fatalf("resume: %v, want unavailable with a message", err)
		}
		known.Since = began
	}
	if diff := cmp.Diff([]string{"pending", "approved"}, o.statuses()); diff != "" {
		t.Fatalf("access requests (-want +got):\n%s", diff)
	}
	got, err := o.client.Read(t.Context(), key, known)
	if err != nil || got.State != bridge.Suspended || got.Also != nil {
		t.Errorf("read meanwhile: %q, also %v, %v", got.State, got.Also, err)
	}
	o.set(t, func(s *sandbox.EnterpriseSettings) { s.ProvisioningFails = false })
	got, err = o.client.Resume(t.Context(), key, known)
	if err != nil || got.State != bridge.Granted || !slices.Equal(got.Also, []string{"2"}) || !slices.Equal(got.Keys, []string{"1/1", "2/2"}) {
		t.Errorf("resumed: %+v, %v", got, err)
	}
	if diff := cmp.Diff([]string{"approved", "approved"}, o.statuses()); diff != "" {
		t.Errorf("access requests (-want +got):\n%s", diff)
	}
}

// What a lost resumption made goes with the rest, also while its credentials are on their way. What waits stays: the
// developer may have asked for it, and it opens nothing.
func TestRevokingAfterALostResumption(t *testing.T) {
	for name, one := range map[string]struct {
		fails bool // provisioning
		empty bool // it has no credentials yet
		left  []string
	}{
		"that worked":                   {},
		"that is still being worked on": {empty: true},
		"that was left waiting":         {fails: true, left: []string{"pending"}},
	} {
		t.Run(name, func(t *testing.T) {
			o := newOffice(t)
			key, known := o.suspended(t)
			o.set(t, func(s *sandbox.EnterpriseSettings) { s.ProvisioningFails = one.fails })
			if _, err := o.portal.Fault(sandbox.Fault{Method: http.MethodPut, Path: "/portal-api/apps/", Kind: sandbox.CutAfter, Times: 1}); err != nil {
				t.Fatal(err)
			}
			if _, err := o.client.Resume(t.Context(), key, known); bridge.KindOf(err) != bridge.Unavailable {
				t.Fatal(err)
			}
			if one.empty {
				for _, credential := range o.credentials(t, "2") {
					if err := o.portal.RevokeCredential(credential.ID); err != nil {
						t.Fatal(err)
					}
				}
			}
			known.Since = o.at
			o.breakOff(t, "/portal-api/access_requests/1")
			if _, err := o.client.Revoke(t.Context(), key, known); err == nil {
				t.Error("a revocation that breaks off is a success")
			}
			got, err := o.client.Revoke(t.Context(), key, known)
			if err != nil || got.State != bridge.Gone {
				t.Errorf("%q, %v", got.State, err)
			}
			if diff := cmp.Diff(one.left, o.statuses()); diff != "" {
				t.Errorf("access requests (-want +got):\n%s", diff)
			}
		})
	}
}

// breakOff lets the next deletion of something go wrong.
func (o *office) breakOff(t *testing.T, path string) {
	t.Helper()
	if _, err := o.portal.Fault(sandbox.Fault{Method: http.MethodDelete, Path: path, Kind: sandbox.CutBefore, Times: 1}); err != nil {
		t.Fatal(err)
	}
}

func TestARevocationThatBreaksOffIsTakenUpAgain(t *testing.T) {
	for _, at := range []string{"1", "2"} {
		o := newOffice(t)
		key, known := o.suspended(t)
		got, err := o.client.Resume(t.Context(), key, known)
		if err != nil {
			t.Fatal(err)
		}
		known = bridge.Access{Have: got.State, Keys: got.Keys}
		o.breakOff(t, "/portal-api/access_requests/"+at)
		if _, err := o.client.Revoke(t.Context(), key, known); bridge.KindOf(err) != bridge.Unavailable {
			t.Errorf("broken off at %s: %v", at, err)
		}
		if got, err := o.client.Read(t.Context(), key, known); err != nil || got.State != bridge.Granted {
			t.Errorf("broken off at %s: %q, %v", at, got.State, err)
		}
		if got, err := o.client.Revoke(t.Context(), key, known); err != nil || got.State != bridge.Gone || len(o.statuses()) != 0 {
			t.Errorf("taken up after %s: %q, %v, left are %v", at, got.State, err, o.statuses())
		}
	}
}

// What is taken for the work of a call whose answer was lost is for the same, came after, and was made since then.
func TestWhatALostResumptionIsNotTakenToHaveMade(t *testing.T) {
	for name, one := range map[string]struct {
		made    func(t *testing.T, o *office)
		adopted bool
	}{
		"made since, for the same":      {func(t *testing.T, o *office) { o.ask(t, "1") }, true},
		"made in the minute before":     {func(t *testing.T, o *office) { o.at = now.Add(time.Hour - 40*time.Second); o.ask(t, "1") }, true},
		"made long before":              {func(t *testing.T, o *office) { o.at = now.Add(time.Hour - 5*time.Minute); o.ask(t, "1") }, false},
		"for other products":            {func(t *testing.T, o *office) { o.ask(t, "1", "2") }, false},
		"rejected":                      {func(t *testing.T, o *office) { _ = o.portal.Reject(idOf(t, o.ask(t, "1"))) }, false},
		"for another plan":              {func(t *testing.T, o *office) { o.file(t, sandbox.EnterpriseEmail, "", sandbox.ReviewedPlan) }, false},
		"for another app":               {func(t *testing.T, o *office) { o.file(t, sandbox.EnterpriseEmail, "Raincoat", sandbox.PaidPlan) }, false},
		"of another developer":          {func(t *testing.T, o *office) { o.file(t, "otto@example.com", "Umbrella", sandbox.PaidPlan) }, false},
		"with credentials long deleted": {func(t *testing.T, o *office) { o.emptied(t) }, false},
	} {
		t.Run(name, func(t *testing.T) {
			o := newOffice(t)
			key, known := o.suspended(t)
			o.at = now.Add(time.Hour)
			known.Since = o.at
			one.made(t, o)
			if later := now.Add(time.Hour + time.Minute); o.at.Before(later) {
				o.at = later
			}
			before := len(o.statuses())
			got, err := o.client.Resume(t.Context(), key, known)
			if err != nil || got.State != bridge.Granted || len(got.Also) != 1 {
				t.Fatalf("%q, also %v, %v", got.State, got.Also, err)
			}
			if adopted := len(o.statuses()) == before; adopted != one.adopted {
				t.Errorf("adopted: %t, want %t", adopted, one.adopted)
			}
		})
	}
}

// file files an access request as the cart does.
func (o *office) file(t *testing.T, email, app string, plan int) {
	t.Helper()
	if _, err := o.portal.CreateAccessRequest(sandbox.AccessAsk{Email: email, App: app, Products: []int{1}, Plan: plan}); err != nil {
		t.Fatal(err)
	}
}

// emptied makes an access request that was approved and lost its credentials a quarter of an hour ago.
func (o *office) emptied(t *testing.T) {
	t.Helper()
	at := o.at
	key := o.ask(t, "1")
	if err := o.portal.Approve(idOf(t, key)); err != nil {
		t.Fatal(err)
	}
	for _, one := range o.credentials(t, key) {
		if err := o.portal.RevokeCredential(one.ID); err != nil {
			t.Fatal(err)
		}
	}
	o.at = at.Add(15 * time.Minute)
}

func TestNothingIsAdoptedWhereNothingWasLost(t *testing.T) {
	o := newOffice(t)
	key, known := o.suspended(t)
	o.ask(t, "1")
	if got, err := o.client.Resume(t.Context(), key, known); err != nil || !slices.Equal(got.Also, []string{"3"}) {
		t.Errorf("also %v, %v; want the third", got.Also, err)
	}
	if diff := cmp.Diff([]string{"approved", "pending", "approved"}, o.statuses()); diff != "" {
		t.Errorf("access requests (-want +got):\n%s", diff)
	}
}

// The portal takes ids, and names stand in its records: what they mean now is looked up before anything is made.
func TestWhatIsNotOfferedAnyMoreIsNotGivenAnew(t *testing.T) {
	d := newFar(t)
	d.on(readAccess, says(200, access(17, `,"Status":"approved","Products":"rain"`)))
	_, err := d.enterprise(t, nil).Resume(t.Context(), "17", bridge.Access{Keys: []string{"17/9"}})
	if bridge.KindOf(err) != bridge.Invalid || !strings.Contains(bridge.Explain(err), "not offered") || d.hit("PUT") != 0 {
		t.Errorf("%v, %d writes", err, d.hit("PUT"))
	}
	// A reading after a lost resumption is not kept from its answer by that.
	got, err := d.enterprise(t, nil).Read(t.Context(), "17", bridge.Access{Keys: []string{"17/9"}, Since: now})
	if err != nil || got.State != bridge.Suspended {
		t.Errorf("read: %q, %v", got.State, err)
	}
}

// The call that provisions, by what it says and how the portal answers.
func TestWhatTheAnswerToAProvisionMeans(t *testing.T) {
	const live = `,"Status":"approved","Credentials":[{"ID":11}]`
	done := says(200, `{"status":"ok"}`)
	refused := func(why string) http.HandlerFunc { return says(422, `{"status":"error","errors":["`+why+`"]}`) }
	for name, one := range map[string]struct {
		answer http.HandlerFunc
		makes  string // the access request that is there afterwards
		beside string // one that the developer made in that moment
		want   bridge.Kind
	}{
		"done":                           {answer: done, makes: live},
		"done, and left to be approved":  {answer: done, makes: `,"Status":"pending"`},
		"done, and nothing is there":     {answer: done, want: bridge.Unavailable},
		"done, and the developer asked":  {answer: done, makes: live, beside: access(22, "")},
		"refused":                        {answer: refused("Use one method."), want: bridge.Invalid},
		"refused, and made all the same": {answer: refused("Something"), makes: live},
		"the gateway is away":            {answer: refused("the gateway cannot be reached"), want: bridge.Unavailable},
		"no credentials yet":             {answer: done, makes: `,"Status":"approved"`, want: bridge.Unavailable},
		"turned down at once":            {answer: done, makes: `,"Status":"rejected"`, want: bridge.Conflict},
		"no answer":                      {answer: says(502, ""), makes: live, want: bridge.Unavailable},
	} {
		t.Run(name, func(t *testing.T) {
			d := newFar(t)
			d.on(readAccess, says(200, access(17, `,"Status":"approved"`)))
			d.list("/apps/4/access-requests", access(17, `,"Status":"approved"`))
			d.on("PUT /portal-api/apps/4/provision", func(w http.ResponseWriter, r *http.Request) {
				if body := bodyOf(t, r); body != `{"ProductIDs":[1],"PlanID":2,"ProvisionImmediately":true}` {
					t.Errorf("sent %s", body)
				}
				if one.makes != "" {
					made := []string{access(21, one.makes), access(17, `,"Status":"approved"`)}
					if one.beside != "" {
						made = append([]string{one.beside}, made...)
					}
					d.list("/apps/4/access-requests", made...)
					d.on("GET /portal-api/access_requests/21", says(200, access(21, one.makes)))
				}
				one.answer(w, r)
			})
			d.on("PUT /portal-api/access_requests/21/approve", func(w http.ResponseWriter, r *http.Request) {
				d.on("GET /portal-api/access_requests/21", says(200, access(21, live)))
				says(200, `{"status":"ok"}`)(w, r)
			})
			got, err := d.enterprise(t, nil).Resume(t.Context(), "17", bridge.Access{Keys: []string{"17/9"}})
			if kind := bridge.KindOf(err); kind != one.want {
				t.Fatalf("%q (%v), want %q", kind, err, one.want)
			}
			if one.want == "" && (got.State != bridge.Granted || !slices.Equal(got.Keys, []string{"17/9", "21/11"})) {
				t.Errorf("%+v", got)
			}
		})
	}
}

func TestAskingForAnEnterpriseApp(t *testing.T) {
	o := newOffice(t)
	if _, err := o.portal.AddUser(sandbox.User{Email: "lone@example.com"}); err != nil {
		t.Fatal(err)
	}
	two, err := o.portal.AddUser(sandbox.User{Email: "two@example.com", Apps: []sandbox.App{{Name: "Raincoat"}, {Name: "Boots"}}})
	if err != nil {
		t.Fatal(err)
	}
	ids := map[string]string{}
	for _, app := range o.portal.Apps(two.Email) {
		ids[app.Name] = strconv.Itoa(app.ID)
	}
	for name, one := range map[string]struct {
		developer, app string
		want           string // the app
		says           []string
	}{
		"the only app":           {sandbox.EnterpriseEmail, "", sandbox.EnterpriseApp, nil},
		"in another case":        {"ERIN@example.com", "umbrella", sandbox.EnterpriseApp, nil},
		"by its name":            {two.Email, "Boots", "Boots", nil},
		"by its id":              {two.Email, ids["Raincoat"], "Raincoat", nil},
		"several and none named": {two.Email, "", "", []string{"several apps", "Raincoat (" + ids["Raincoat"] + ")", "Boots"}},
		"none of that name":      {two.Email, "Gloves", "", []string{"no such app", "Raincoat", "Boots"}},
		"another developer's":    {two.Email, "1", "", []string{"no such app"}},
		"no app at all":          {"lone@example.com", "", "", []string{"has no app"}},
	} {
		t.Run(name, func(t *testing.T) {
			key, err := o.client.Create(t.Context(), bridge.Asking{Developer: one.developer, Policies: []string{"1"}, Plan: "2", App: one.app})
			if one.want == "" {
				for _, words := range one.says {
					if bridge.KindOf(err) != bridge.Invalid || !strings.Contains(bridge.Explain(err), words) {
						t.Errorf("%q does not say %q", bridge.Explain(err), words)
					}
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if got, err := o.client.Read(t.Context(), key, bridge.Access{}); err != nil || got.Applicant.App != one.want || got.State != bridge.Pending {
				t.Errorf("%+v, %v", got, err)
			}
		})
	}
}

func TestAskingWithAPlanThatApprovesByItselfGrants(t *testing.T) {
	o := newOffice(t)
	key, err := o.client.Create(t.Context(), bridge.Asking{Developer: sandbox.EnterpriseEmail, Policies: []string{"1"}, Plan: strconv.Itoa(sandbox.FreePlan)})
	if err != nil {
		t.Fatal(err)
	}
	if got, err := o.client.Read(t.Context(), key, bridge.Access{}); err != nil || got.State != bridge.Granted {
		t.Errorf("%q, %v", got.State, err)
	}
}

func TestProductsThatDoNotGoTogetherAreRefusedInWords(t *testing.T) {
	o := newOffice(t)
	_, err := o.client.Create(t.Context(), bridge.Asking{
		Developer: sandbox.EnterpriseEmail, Policies: []string{"1", strconv.Itoa(sandbox.WarningsProduct)}, Plan: "2",
	})
	if bridge.KindOf(err) != bridge.Invalid || !strings.Contains(bridge.Explain(err), "authenticate") || len(o.statuses()) != 0 {
		t.Errorf("%v, and %v", err, o.statuses())
	}
}

func bodyOf(t *testing.T, r *http.Request) string {
	t.Helper()
	body, err := io.ReadAll(r.Body)
	if err != nil {
		t.Error(err)
	}
	return string(body)
}
