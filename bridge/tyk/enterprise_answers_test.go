package tyk_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"keybridge/bridge"
	"keybridge/bridge/tyk"
	"keybridge/bridge/tyk/sandbox"
)

// newFar is an Enterprise Portal with answers set by hand, for what its stand-in does not do: the shapes that Tyk's documents
// allow, and what stands between us and a portal. It has products, plans, a user and an app unless a test says otherwise.
func newFar(t *testing.T) *dashboard {
	t.Helper()
	d := newDashboard(t)
	d.missing = says(404, `{"errors":["record not found"]}`)
	d.list("/products", `{"ID":1,"Name":"weather_forecast","DisplayName":"Weather Forecast"}`, `{"ID":2,"Name":"weather_history","DisplayName":"Weather History"}`,
		`{"ID":10,"Name":"tides, tables","DisplayName":"Tides"}`)
	d.list("/plans", `{"ID":2,"Name":"pro_plan","DisplayName":"Pro"}`, `{"ID":3,"Name":"enterprise_plan","DisplayName":"Enterprise"}`)
	d.list("/apps", `{"ID":4,"Name":"Umbrella","UserID":7}`, `{"ID":5,"Name":"Umbrella","UserID":8}`)
	d.list("/users", `{"ID":7,"Email":"Erin@example.com"}`)
	d.on("GET /portal-api/users/7", says(200, `{"ID":7,"Active":true,"Email":"erin@example.com","First":"Erin","Last":"Engineer","Organisation":"Weather Ltd","OrganisationID":1}`))
	return d
}

// list answers with a list of one page.
func (d *dashboard) list(path string, records ...string) {
	d.on("GET /portal-api"+path, func(w http.ResponseWriter, r *http.Request) {
		body := `[]`
		if r.URL.Query().Get("page") == "1" {
			body = `[` + strings.Join(records, ",") + `]`
		}
		says(200, body)(w, r)
	})
}

const readAccess = "GET /portal-api/access_requests/17"

// now is when it is in these tests.
var now = time.Date(2026, 3, 1, 12, 0, 30, 0, time.UTC)

// access is an access request as the portal writes it; the members given come last and win.
func access(id int, members string) string {
	return fmt.Sprintf(`{"ID":%d,"Status":"pending","User":"User#7","Client":"Umbrella","Products":"weather_forecast","Plan":"pro_plan",
		"CreatedAt":"2026-03-01 11:00","UpdatedAt":"2026-03-01 11:00","DeletedAt":"","Credentials":[]%s}`, id, members)
}

func (d *dashboard) enterprise(t *testing.T, change func(*tyk.EnterpriseConfig)) *tyk.Enterprise {
	t.Helper()
	cfg := tyk.EnterpriseConfig{
		Name: "main", URL: d.URL, Secret: func() string { return " secret\n" }, Client: d.Client(), Now: func() time.Time { return now },
	}
	if change != nil {
		change(&cfg)
	}
	e, err := tyk.NewEnterprise(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// What the facts are, by how the portal writes it and what was known before.
func TestFactsOfAnAccessRequest(t *testing.T) {
	erin := bridge.Applicant{ID: "7", Email: "erin@example.com", Name: "Erin Engineer", Organisation: "Weather Ltd", App: "Umbrella"}
	asked := bridge.Asked{
		Policies: []string{"1"}, Plan: "2", Entry: "Weather Forecast (plan Pro)", At: time.Date(2026, 3, 1, 11, 0, 0, 0, time.UTC),
	}
	type facts = bridge.KeyRequest
	for name, one := range map[string]struct {
		members string
		far     func(*dashboard)
		zone    *time.Location
		known   []string
		want    func(*facts)
	}{
		"as documented": {want: func(*facts) {}},
		"products as text": {
			members: `,"Products":"weather_history, weather_forecast"`,
			want: func(f *facts) {
				f.Asked.Policies, f.Asked.Entry = []string{"1", "2"}, "Weather History, Weather Forecast (plan Pro)"
			},
		},
		"products as a list, one with a comma in its name": {
			members: `,"Products":["weather_forecast","tides, tables"]`,
			want: func(f *facts) {
				f.Asked.Policies, f.Asked.Entry = []string{"1", "10"}, "Weather Forecast, Tides (plan Pro)"
			},
		},
		"products as text, one with a comma in its name": {
			members: `,"Products":"weather_forecast, tides, tables,weather_history"`,
			want: func(f *facts) {
				f.Asked.Policies, f.Asked.Entry = []string{"1", "2", "10"}, "Weather Forecast, Tides, Weather History (plan Pro)"
			},
		},
		"names as developers see them": {members: `,"Products":["Weather Forecast"],"Plan":"Pro"`, want: func(*facts) {}},
		"plan and product by id":       {members: `,"Products":[1],"Plan":2`, want: func(*facts) {}},
		"plan and product by id in text": {
			members: `,"Products":"1, 2","Plan":"2"`,
			want: func(f *facts) {
				f.Asked.Policies, f.Asked.Entry = []string{"1", "2"}, "Weather Forecast, Weather History (plan Pro)"
			},
		},
		"a product and a plan that are not offered any more": {
			members: `,"Products":["weather_forecast","rain"],"Plan":"77"`,
			want: func(f *facts) {
				f.Asked.Policies, f.Asked.Plan, f.Asked.Entry = []string{"1", "rain"}, `"77"`, "Weather Forecast, rain (plan 77)"
			},
		},
		"a name that two plans have": {
			far: func(d *dashboard) {
				d.list("/plans", `{"ID":2,"Name":"pro_plan"}`, `{"ID":3,"Name":"x","DisplayName":"pro_plan"}`)
			},
			want: func(f *facts) { f.Asked.Plan, f.Asked.Entry = "pro_plan", "Weather Forecast (plan pro_plan)" },
		},
		"plans of newer portals": {
			far: func(d *dashboard) {
				d.on("GET /portal-api/plans", says(200, `{"data":[{"ID":2,"Name":"pro_plan","DisplayName":"Pro","Quota":7}]}`))
			},
			want: func(*facts) {},
		},
		"a date with a zone of its own": {members: `,"CreatedAt":"2026-03-01T13:00:00+02:00"`, want: func(*facts) {}},
		"a date with seconds":           {members: `,"CreatedAt":"2026-03-01 11:00:00"`, want: func(*facts) {}},
		"a date in the portal's zone": {
			members: `,"CreatedAt":"2026-03-01 16:30"`, zone: time.FixedZone("", 5*60*60+30*60), want: func(*facts) {},
		},
		"no date":                      {members: `,"CreatedAt":""`, want: func(f *facts) { f.Asked.At = time.Time{} }},
		"a status in another case":     {members: `,"Status":"Pending"`, want: func(*facts) {}},
		"never deleted, in some years": {members: `,"DeletedAt":"0001-01-01 00:00"`, want: func(*facts) {}},
		"never deleted, in an epoch":   {members: `,"DeletedAt":"1970-01-01 00:00"`, want: func(*facts) {}},
		"a user by number":             {members: `,"User":7`, want: func(*facts) {}},
		"a user who is not there": {
			members: `,"User":"User#9"`, want: func(f *facts) { f.Applicant = bridge.Applicant{ID: "9", App: "Umbrella"} },
		},
		"a user in another shape": {
			members: `,"User":{"ID":7,"JWTToken":"` + rawKey + `"},"Client":{"Name":"` + rawKey + `"}`,
			want:    func(f *facts) { f.Applicant = bridge.Applicant{} },
		},
		"an account that is deactivated": {
			far: func(d *dashboard) {
				d.on("GET /portal-api/users/7", says(200, `{"ID":7,"Active":false,"Email":"erin@example.com"}`))
			},
			want: func(f *facts) {
				f.Inactive, f.Applicant = true, bridge.Applicant{ID: "7", Email: "erin@example.com", App: "Umbrella"}
			},
		},
		"rejected": {members: `,"Status":"rejected"`, want: func(f *facts) { f.State = bridge.Gone }},
		"approved, with credentials": {
			members: `,"Status":"approved","Credentials":[{"ID":12,"Credential":"` + rawKey + `"},{"ID":9,"OAuthClientSecret":"` + rawKey + `"}]`,
			want:    func(f *facts) { f.State, f.Keys = bridge.Granted, []string{"17/9", "17/12"} },
		},
		"approved, and the credentials are on their way": {
			members: `,"Status":"approved","UpdatedAt":"2026-03-01 11:55"`,
			want:    func(f *facts) { f.State = bridge.Granted },
		},
		"approved, and the credentials were deleted before anybody saw them": {
			members: `,"Status":"approved","UpdatedAt":"2026-03-01 11:40"`,
			want:    func(f *facts) { f.State = bridge.Suspended },
		},
		"approved, and the credentials were deleted": {
			members: `,"Status":"approved","UpdatedAt":"2026-03-01 12:00"`, known: []string{"17/9", "x", "17/x", "3/4"},
			want: func(f *facts) { f.State, f.Keys = bridge.Suspended, []string{"17/9"} },
		},
		"approved, and another credential was made": {
			members: `,"Status":"approved","Credentials":[{"ID":12}]`, known: []string{"17/9"},
			want: func(f *facts) { f.State, f.Keys = bridge.Granted, []string{"17/9", "17/12"} },
		},
		"approved, and its place was taken": {
			members: `,"Status":"approved"`, known: []string{"17/9", "21/11"},
			far: func(d *dashboard) {
				d.on("GET /portal-api/access_requests/21", says(200, access(21, `,"Status":"approved","Credentials":[{"ID":11}]`)))
			},
			want: func(f *facts) { f.State, f.Keys, f.Also = bridge.Granted, []string{"17/9", "21/11"}, []string{"21"} },
		},
		"approved, and what took its place is gone": {
			members: `,"Status":"approved","Credentials":[{"ID":9}]`, known: []string{"17/9", "21/11"},
			want: func(f *facts) {
				*f = facts{State: bridge.Gone, Keys: []string{"17/9", "21/11"}, Also: []string{"21"}}
			},
		},
		"a record that says nothing of credentials": {
			members: `,"Status":"approved","Credentials":null`,
			far: func(d *dashboard) {
				d.list("/apps/4/access-requests/17/credentials", `{"ID":9,"Credential":"`+rawKey+`"}`)
			},
			want: func(f *facts) { f.State, f.Keys = bridge.Granted, []string{"17/9"} },
		},
		"a record that says nothing of credentials, of a developer with two apps of one name": {
			members: `,"Status":"approved","Credentials":null`,
			far: func(d *dashboard) {
				d.list("/apps", `{"ID":3,"Name":"Umbrella","UserID":7}`, `{"ID":4,"Name":"Umbrella","UserID":7}`)
				d.on("GET /portal-api/apps/4/access-requests/17", says(200, `{"Client":"Umbrella"}`))
				d.list("/apps/4/access-requests/17/credentials", `{"ID":9}`)
			},
			want: func(f *facts) { f.State, f.Keys = bridge.Granted, []string{"17/9"} },
		},
	} {
		t.Run(name, func(t *testing.T) {
			d := newFar(t)
			d.on(readAccess, says(200, access(17, one.members)))
			if one.far != nil {
				one.far(d)
			}
			e := d.enterprise(t, func(c *tyk.EnterpriseConfig) { c.Zone = one.zone })
			got, err := e.Read(t.Context(), "17", bridge.Access{Keys: one.known})
			if err != nil {
				t.Fatal(err)
			}
			want := facts{State: bridge.Pending, Applicant: erin, Asked: asked}
			one.want(&want)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("facts (-want +got):\n%s", diff)
			}
			if strings.Contains(fmt.Sprint(got), rawKey) {
				t.Error("a secret came out")
			}
		})
	}
}

func TestNothingButThePortalsWordMakesAnAccessRequestGone(t *testing.T) {
	page := "<html><body>404 Not Found</body></html>"
	for name, one := range map[string]struct {
		answer http.HandlerFunc
		want   bridge.Kind // "" is gone
	}{
		"404 as documented":              {says(404, `{"errors":["record not found"]}`), ""},
		"404 with another sentence":      {says(404, `{"errors":["Could not retrieve it"]}`), ""},
		"404 with status and message":    {says(404, `{"status":"error","message":"record not found"}`), ""},
		"422 that says not found":        {says(422, `{"errors":["record not found"]}`), ""},
		"400 that says not found":        {says(400, `{"status":"error","errors":["record not found"]}`), ""},
		"deleted, and still readable":    {says(200, access(17, `,"DeletedAt":"2026-03-01 11:30"`)), ""},
		"404 with a page":                {says(404, page), bridge.Invalid},
		"404 with nothing":               {says(404, ""), bridge.Invalid},
		"404 of a proxy that has JSON":   {says(404, `{"error":"Not Found","status":404}`), bridge.Invalid},
		"404 of a gateway":               {says(404, `{"message":"no Route matched with those values"}`), bridge.Invalid},
		"404 with no errors":             {says(404, `{"errors":[]}`), bridge.Invalid},
		"404 with a record":              {says(404, access(17, "")), bridge.Invalid},
		"500 with a page":                {says(500, page), bridge.Unavailable},
		"500 about a host not found":     {says(500, `{"errors":["database host not found"]}`), bridge.Unavailable},
		"503 with a page":                {says(503, page), bridge.Unavailable},
		"200 with a page":                {says(200, page), bridge.Unavailable},
		"200 with nothing":               {says(200, ""), bridge.Unavailable},
		"200 with half a record":         {says(200, `{"ID":17,"Sta`), bridge.Unavailable},
		"200 with no record":             {says(200, `{}`), bridge.Unavailable},
		"200 with null":                  {says(200, `null`), bridge.Unavailable},
		"200 with a list":                {says(200, `[]`), bridge.Unavailable},
		"200 with another record":        {says(200, access(18, "")), bridge.Unavailable},
		"200 with a status of its own":   {says(200, access(17, `,"Status":"archived"`)), bridge.Unavailable},
		"200 with nameless credentials":  {says(200, access(17, `,"Status":"approved","Credentials":[{"Credential":"x"}]`)), bridge.Unavailable},
		"200 with credentials as text":   {says(200, access(17, `,"Status":"approved","Credentials":"none"`)), bridge.Unavailable},
		"200 with a success":             {says(200, `{"status":"ok","message":"done"}`), bridge.Unavailable},
		"200 with an error":              {says(200, `{"errors":["Something else"]}`), bridge.Invalid},
		"422 with an error":              {says(422, `{"errors":["Something else"]}`), bridge.Invalid},
		"401":                            {says(401, `{"errors":["Unauthorized"]}`), bridge.Refused},
		"403 with a page":                {says(403, page), bridge.Refused},
		"408":                            {says(408, ""), bridge.Unavailable},
		"a redirect to a page to log in": {says(302, ""), bridge.Invalid},
	} {
		t.Run(name, func(t *testing.T) {
			d := newFar(t)
			d.on(readAccess, one.answer)
			got, err := d.enterprise(t, nil).Read(t.Context(), "17", bridge.Access{Have: bridge.Pending})
			if kind := bridge.KindOf(err); kind != one.want {
				t.Fatalf("%q (%v), want %q", kind, err, one.want)
			}
			if one.want == "" && got.State != bridge.Gone {
				t.Errorf("%q, want gone", got.State)
			}
		})
	}
}

// A portal that cannot tell a part of the facts tells none: half of them would be believed.
func TestFactsAreWholeOrNone(t *testing.T) {
	for call, approved := range map[string]bool{
		"GET /portal-api/users/7": false, "GET /portal-api/products": false, "GET /portal-api/plans": false,
		"GET /portal-api/apps": true, "GET /portal-api/apps/4/access-requests/17/credentials": true,
	} {
		d := newFar(t)
		d.on(readAccess, says(200, access(17, "")))
		if approved {
			d.on(readAccess, says(200, access(17, `,"Status":"approved","Credentials":null`)))
		}
		d.on(call, says(503, ""))
		if got, err := d.enterprise(t, nil).Read(t.Context(), "17", bridge.Access{}); bridge.KindOf(err) != bridge.Unavailable || got.State != "" {
			t.Errorf("without %s: %q, %v", call, got.State, err)
		}
	}
}

func TestAnAccessRequestsIdIsDecimal(t *testing.T) {
	d := newFar(t)
	e := d.enterprise(t, nil)
	for _, key := range []string{"0", "-1", "+7", "007", " 7", "7 ", "7/1", "1e3", "0x1", "１７", "9223372036854775808", strings.Repeat("9", 400), "User#7"} {
		got, err := e.Read(t.Context(), key, bridge.Access{Keys: []string{"17/9"}})
		if err != nil || got.State != bridge.Gone {
			t.Errorf("%q: %q, %v", key, got.State, err)
		}
	}
	if hits := d.hit(""); hits != 0 {
		t.Errorf("%d calls were made", hits)
	}
}

func TestNamesAreRememberedForAMinuteAndAccountsAreNot(t *testing.T) {
	d := newFar(t)
	d.on(readAccess, says(200, access(17, "")))
	at := now
	e := d.enterprise(t, func(c *tyk.EnterpriseConfig) { c.Now = func() time.Time { return at } })
	read := func() bridge.KeyRequest {
		t.Helper()
		got, err := e.Read(t.Context(), "17", bridge.Access{})
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	for range 3 {
		read()
	}
	if lists, users := d.hit("GET /portal-api/plans?"), d.hit("GET /portal-api/users/7"); lists != 2 || users != 3 {
		t.Errorf("%d readings of plans and %d of the user, want 2 pages and 3", lists, users)
	}
	d.list("/plans", `{"ID":3,"Name":"pro_plan"}`)
	if got := read().Asked.Plan; got != "2" {
		t.Errorf("plan %s within the minute, want the one remembered", got)
	}
	at = now.Add(time.Minute)
	if got := read().Asked.Plan; got != "3" {
		t.Errorf("plan %s after a minute, want 3", got)
	}
	d.on(readAccess, says(200, access(17, `,"Plan":"new_plan"`)))
	d.list("/plans", `{"ID":9,"Name":"new_plan"}`)
	if got := read().Asked.Plan; got != "9" {
		t.Errorf("plan %s, want the one that is new", got)
	}
}

func TestTheEnterpriseCallsThemselves(t *testing.T) {
	for _, path := range []string{"", "/", "/portal-api", "/portal-api/"} {
		d := newFar(t)
		d.on(readAccess, func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("Authorization") != "secret" || r.Header.Get("User-Agent") != "keybridge" || r.Header.Get("Accept") != "application/json" {
				t.Errorf("headers: %v", r.Header)
			}
			says(200, access(17, ""))(w, r)
		})
		e := d.enterprise(t, func(c *tyk.EnterpriseConfig) { c.URL += path })
		if got, err := e.Read(t.Context(), "17", bridge.Access{}); err != nil || got.State != bridge.Pending {
			t.Errorf("%q: %q, %v", path, got.State, err)
		}
	}
}

func TestAnEnterpriseListEndsWhereItEnds(t *testing.T) {
	page := func(from, to int) string {
		var all []string
		for i := from; i < to; i++ {
			all = append(all, access(i, ""))
		}
		return `[` + strings.Join(all, ",") + `]`
	}
	for name, one := range map[string]struct {
		pages map[string]string
		other string
		want  int
		calls int
	}{
		"a short page is the last":          {map[string]string{"1": page(1, 21), "2": page(21, 41), "3": page(41, 50)}, `[]`, 49, 3},
		"a page that brings nothing new":    {nil, page(1, 8), 7, 2},
		"null is an empty page":             {map[string]string{"1": page(1, 21)}, `null`, 20, 2},
		"ten came in while it was read":     {map[string]string{"1": page(11, 31), "2": page(21, 41)}, `[]`, 30, 3},
		"entries that cannot be read":       {map[string]string{"1": `[null,7,"x",{},{"ID":0},{"ID":5},{"ID":6,"Status":"odd"},` + page(7, 9)[1:]}, `[]`, 2, 2},
		"those that are decided or deleted": {map[string]string{"1": `[` + access(1, `,"Status":"approved"`) + `,` + access(2, `,"Status":"rejected"`) + `,` + access(3, `,"DeletedAt":"2026-03-01 11:00"`) + `]`}, `[]`, 0, 2},
	} {
		t.Run(name, func(t *testing.T) {
			d := newFar(t)
			d.on("GET /portal-api/access_requests", func(w http.ResponseWriter, r *http.Request) {
				body, ok := one.pages[r.URL.Query().Get("page")]
				if !ok {
					body = one.other
				}
				says(200, body)(w, r)
			})
			seen := map[string]bool{}
			err := d.enterprise(t, nil).ListPending(t.Context(), func(key string) error {
				if seen[key] {
					t.Errorf("%s is listed twice", key)
				}
				seen[key] = true
				return nil
			})
			if err != nil || len(seen) != one.want || d.hit("") != one.calls {
				t.Errorf("%d listed with %d calls, %v; want %d with %d", len(seen), d.hit(""), err, one.want, one.calls)
			}
		})
	}
}

func TestAnEnterpriseListingThatBreaksOffGivesWhatItHas(t *testing.T) {
	d := newFar(t)
	d.on("GET /portal-api/access_requests", func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Get("page") == "2" {
			w.Header().Set("Retry-After", "30")
			says(503, "")(w, r)
			return
		}
		says(200, `[`+access(17, "")+`]`)(w, r)
	})
	var keys []string
	err := d.enterprise(t, nil).ListPending(t.Context(), func(key string) error {
		keys = append(keys, key)
		return nil
	})
	e, ok := errors.AsType[*bridge.Error](err)
	if !ok || e.Kind != bridge.Unavailable || e.RetryAfter != 30*time.Second || !cmp.Equal(keys, []string{"17"}) {
		t.Errorf("%v and %v", keys, err)
	}
}

// Whatever the portal says to a decision, reading it again tells what became of it.
func TestWhatTheAnswerToADecisionMeans(t *testing.T) {
	said := func(message string) http.HandlerFunc {
		return says(422, `{"status":"error","message":"`+message+`"}`)
	}
	for name, one := range map[string]struct {
		answer http.HandlerFunc
		after  string // the status afterwards
		kinds  map[string]bridge.Kind
	}{
		"done":                         {says(200, `{"status":"ok"}`), "", map[string]bridge.Kind{"approve": "", "reject": ""}},
		"done, and nothing changed":    {says(200, `{"status":"ok"}`), "pending", map[string]bridge.Kind{"approve": bridge.Unavailable, "reject": bridge.Unavailable}},
		"approved meanwhile":           {said("Access request is already approved"), "approved", map[string]bridge.Kind{"approve": "", "reject": bridge.Conflict}},
		"rejected meanwhile":           {said("Access request is already rejected"), "rejected", map[string]bridge.Kind{"approve": "", "reject": ""}},
		"the gateway is away":          {said("Provisioning failed: the gateway cannot be reached"), "pending", map[string]bridge.Kind{"approve": bridge.Unavailable, "reject": bridge.Unavailable}},
		"refused":                      {said("Nope"), "pending", map[string]bridge.Kind{"approve": bridge.Invalid, "reject": bridge.Invalid}},
		"a page instead of an answer":  {says(200, "<html>"), "pending", map[string]bridge.Kind{"approve": bridge.Unavailable, "reject": bridge.Unavailable}},
		"not there, says the decision": {said("record not found"), "pending", map[string]bridge.Kind{"approve": bridge.Invalid, "reject": bridge.Invalid}},
	} {
		for how, want := range one.kinds {
			d := newFar(t)
			d.on(readAccess, says(200, access(17, "")))
			d.on("PUT /portal-api/access_requests/17/"+how, func(w http.ResponseWriter, r *http.Request) {
				status := one.after
				if status == "" {
					status = map[string]string{"approve": "approved", "reject": "rejected"}[how]
				}
				d.on(readAccess, says(200, access(17, `,"Status":"`+status+`","Credentials":[{"ID":9}]`)))
				one.answer(w, r)
			})
			e := d.enterprise(t, nil)
			decide := e.Approve
			if how == "reject" {
				decide = func(ctx context.Context, key string, a bridge.Access) (bridge.KeyRequest, error) {
					return e.Decline(ctx, key, a, "because")
				}
			}
			_, err := decide(t.Context(), "17", bridge.Access{})
			if kind := bridge.KindOf(err); kind != want || want != "" && bridge.Explain(err) == bridge.Explain(&bridge.Error{}) {
				t.Errorf("%s: %s: %q (%v), want %q", name, how, kind, err, want)
			}
			if writes := d.hit("PUT"); writes != 1 {
				t.Errorf("%s: %s: %d writes", name, how, writes)
			}
		}
	}
}

func TestASuspensionOfCredentialsThatTakesNoEffectIsNoSuccess(t *testing.T) {
	d := newFar(t)
	d.on(readAccess, says(200, access(17, `,"Status":"approved","Credentials":[{"ID":9}]`)))
	d.on("DELETE /portal-api/apps/4/access-requests/17/credentials/9", says(200, `{"status":"ok"}`))
	if _, err := d.enterprise(t, nil).Suspend(t.Context(), "17", bridge.Access{}); bridge.KindOf(err) != bridge.Unavailable {
		t.Errorf("suspend: %v", err)
	}
	d.on("DELETE /portal-api/access_requests/17", says(200, `{"status":"ok"}`))
	if _, err := d.enterprise(t, nil).Revoke(t.Context(), "17", bridge.Access{}); bridge.KindOf(err) != bridge.Unavailable {
		t.Errorf("revoke: %v", err)
	}
	d.on(readAccess, says(200, access(17, `,"Status":"approved","UpdatedAt":"2026-03-01 12:00"`)))
	if _, err := d.enterprise(t, nil).Suspend(t.Context(), "17", bridge.Access{}); bridge.KindOf(err) != bridge.Invalid {
		t.Errorf("suspend what is not there yet: %v", err)
	}
}

func TestEnterpriseCallsAreLoggedWithoutIds(t *testing.T) {
	f := newEnterpriseEnd(t, sandbox.EnterpriseConfig{})
	e := f.client(t, nil)
	key := f.ask(t, "1")
	facts, err := e.Approve(t.Context(), key, bridge.Access{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := e.Suspend(t.Context(), key, bridge.Access{Keys: facts.Keys}); err != nil {
		t.Fatal(err)
	}
	log := f.log.String()
	for _, want := range []string{
		"portal=main", "method=PUT", "route=/access_requests/{id}/approve", "route=/apps/{id}/access-requests/{id}/credentials/{id}", "status=200", "took=",
	} {
		if !strings.Contains(log, want) {
			t.Errorf("the log does not say %s", want)
		}
	}
	for _, no := range []string{"/access_requests/1", "/users/2", "/apps/1", fmt.Sprint(f.server.URL)} {
		if strings.Contains(log, no) {
			t.Errorf("the log holds %s", no)
		}
	}
}

func TestEnterpriseConfig(t *testing.T) {
	_, err := tyk.NewEnterprise(tyk.EnterpriseConfig{URL: "ftp://a:b@c.example", Timeout: -1})
	for _, want := range []string{"tyk enterprise portal", "url is not", "name is missing", "secret is missing", "timeout is negative"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v does not say %q", err, want)
		}
	}
	if strings.Contains(fmt.Sprint(err), "a:b") {
		t.Error("the error quotes the address")
	}
}
