package tyk_test

import (
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"keybridge/bridge"
	"keybridge/bridge/tyk"
)

// The ids of the stubbed Dashboard. Objects were made at 2024-01-01 (0x65920080) unless a test says otherwise.
const (
	org       = "53ac07777cbb8c2d53000002"
	requestID = "659200807af3f40001b27f40"
	devID     = "5a9ea3a019efc400011107ae"
	policy    = "5a9847db3602190001f44427"
	hash      = "2ac7b253c36e210d"
	older     = "1111111111111111"
	rawKey    = org + "15811f02c21540dd5257eb68d3d73f35"
)

// dashboard is the far end of a protocol with answers set by hand, for what the sandbox does not do: what Tyk's
// documents leave open, and what stands between us and a Dashboard.
type dashboard struct {
	*httptest.Server
	mu      sync.Mutex
	answers map[string]http.HandlerFunc // by method and path
	missing http.HandlerFunc            // for all others
	hits    []string
}

func newDashboard(t *testing.T) *dashboard {
	t.Helper()
	d := &dashboard{
		answers: map[string]http.HandlerFunc{}, missing: says(http.StatusNotFound, `{"Status":"Error","Message":"Not found","Meta":null}`),
	}
	d.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		d.mu.Lock()
		answer := d.answers[r.Method+" "+r.URL.Path]
		d.hits = append(d.hits, r.Method+" "+r.URL.RequestURI())
		d.mu.Unlock()
		if answer == nil {
			answer = d.missing
		}
		answer(w, r)
	}))
	t.Cleanup(d.Close)
	return d
}

func (d *dashboard) on(call string, answer http.HandlerFunc) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.answers[call] = answer
}

func (d *dashboard) hit(call string) int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return len(slices.DeleteFunc(slices.Clone(d.hits), func(h string) bool { return !strings.HasPrefix(h, call) }))
}

func says(status int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

func (d *dashboard) client(t *testing.T, change func(*tyk.Config)) *tyk.Classic {
	t.Helper()
	cfg := tyk.Config{Name: "main", URL: d.URL, Secret: func() string { return " secret\n" }, Organisation: org, Client: d.Client()}
	if change != nil {
		change(&cfg)
	}
	c, err := tyk.NewClassic(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

const (
	readRequest = "GET /api/portal/requests/" + requestID
	readDev     = "GET /api/portal/developers/" + devID
)

// request answers with a key request; more are further members, with a comma in front.
func (d *dashboard) request(approved bool, more string) {
	d.on(readRequest, says(200, fmt.Sprintf(`{"id":%q,"org_id":%q,"by_user":%q,"apply_policies":[%q],"approved":%t,"date_created":"2024-01-01T00:00:00Z"%s}`,
		requestID, org, devID, policy, approved, more)))
}

// developer answers with the developer, who has keys for the one policy, the last of them subscribed.
func (d *dashboard) developer(keys ...string) { d.on(readDev, says(200, developerWith(keys...))) }

func developerWith(keys ...string) string {
	var held []string
	subscription := ""
	for _, key := range keys {
		held = append(held, fmt.Sprintf(`%q:[%q]`, key, policy))
		subscription = fmt.Sprintf(`%q:%q`, policy, key)
	}
	return fmt.Sprintf(`{"id":%q,"org_id":%q,"email":"dana@example.com","keys":{%s},"subscriptions":{%s}}`,
		devID, org, strings.Join(held, ","), subscription)
}

// key answers with a key's session; more are further members, with a comma in front.
func (d *dashboard) key(id string, more string) {
	d.on("GET /api/keys/"+id, says(200, fmt.Sprintf(`{"api_model":{},"key_id":%q,"data":{"apply_policies":[%q]%s}}`, id, policy, more)))
}

// What the facts are, by what the portal says and what was known before.
func TestFactsOfAnApprovedRequest(t *testing.T) {
	known := func(keys ...string) bridge.Access { return bridge.Access{Have: bridge.Granted, Keys: keys} }
	for name, one := range map[string]struct {
		far   func(*dashboard)
		known bridge.Access
		state bridge.AccessState
		keys  []string
	}{
		"no key yet": {
			far:   func(d *dashboard) { d.developer() },
			state: bridge.Granted,
		},
		"a key from after the request": {
			far: func(d *dashboard) {
				d.developer(hash)
				d.key(hash, `,"date_created":"2024-01-02T00:00:00Z"`)
			},
			state: bridge.Granted, keys: []string{hash},
		},
		"a key of an unknown date": {
			far: func(d *dashboard) {
				d.developer(hash)
				d.key(hash, "")
			},
			state: bridge.Granted, keys: []string{hash},
		},
		"a key from before the request": {
			far: func(d *dashboard) {
				d.developer(older)
				d.key(older, `,"date_created":"2023-12-31T23:59:00Z"`)
			},
			state: bridge.Granted,
		},
		"a key from before the request, within what clocks differ": {
			far: func(d *dashboard) {
				d.developer(hash)
				d.key(hash, `,"date_created":"2023-12-31T23:59:57Z"`)
			},
			state: bridge.Granted, keys: []string{hash},
		},
		"a key from before the request that is known to be its own": {
			far: func(d *dashboard) {
				d.developer(older)
				d.key(older, `,"date_created":"2020-01-01T00:00:00Z"`)
			},
			known: known(older), state: bridge.Granted, keys: []string{older},
		},
		"a key the gateway does not know, and nothing shows whose it is": {
			far:   func(d *dashboard) { d.developer(hash) },
			state: bridge.Granted,
		},
		"a known key the gateway has lost": {
			far:   func(d *dashboard) { d.developer(hash) },
			known: known(hash), state: bridge.Suspended, keys: []string{hash},
		},
		"a stopped key": {
			far: func(d *dashboard) {
				d.developer(hash)
				d.key(hash, `,"is_inactive":true`)
			},
			known: known(hash), state: bridge.Suspended, keys: []string{hash},
		},
		"the known key is gone, another request's is there": {
			far: func(d *dashboard) {
				d.developer(older)
				d.key(older, "")
			},
			known: known(hash), state: bridge.Gone, keys: []string{hash},
		},
		"one of two known keys is gone": {
			far: func(d *dashboard) {
				d.developer(hash)
				d.key(hash, "")
			},
			known: known(hash, older), state: bridge.Granted, keys: []string{hash},
		},
		"the developer is gone, and no key is known": {
			far:   func(*dashboard) {},
			state: bridge.Gone,
		},
		"the developer is gone, and the key works": {
			far:   func(d *dashboard) { d.key(hash, "") },
			known: known(hash), state: bridge.Granted, keys: []string{hash},
		},
		"the developer is gone, and the key with them": {
			far:   func(*dashboard) {},
			known: known(hash), state: bridge.Gone, keys: []string{hash},
		},
		"the developer is another organisation's": {
			far: func(d *dashboard) {
				d.on(readDev, says(200, strings.Replace(developerWith(hash), org, "5ffffffffffffffffffffff0", 1)))
				d.key(hash, "")
			},
			state: bridge.Gone,
		},
		"the record came with an older developer": {
			far: func(d *dashboard) {
				d.request(true, `,"portal_developer":`+developerWith())
				d.developer(hash)
				d.key(hash, "")
			},
			state: bridge.Granted, keys: []string{hash},
		},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDashboard(t)
			d.request(true, "")
			one.far(d)
			got, err := d.client(t, nil).Read(t.Context(), requestID, one.known)
			if err != nil {
				t.Fatal(err)
			}
			if got.State != one.state {
				t.Errorf("%q, want %q", got.State, one.state)
			}
			if diff := cmp.Diff(one.keys, got.Keys); diff != "" {
				t.Errorf("keys (-want +got):\n%s", diff)
			}
		})
	}
}

// The key request's record may be deleted as a matter of housekeeping. What opens the API is the key.
func TestAKeyOutlivesTheRecordOfItsRequest(t *testing.T) {
	const hash = "0a1b2c3d4e5f6071"
	for name, one := range map[string]struct {
		far  func(*dashboard)
		want bridge.AccessState
	}{
		"the developer has it and it works":                      {func(d *dashboard) { d.developer(hash); d.key(hash, "") }, bridge.Granted},
		"the developer has it and the gateway has lost its keys": {func(d *dashboard) { d.developer(hash) }, bridge.Suspended},
		"the developer does not have it and it works":            {func(d *dashboard) { d.developer(); d.key(hash, "") }, bridge.Granted},
		"it is nowhere": {func(d *dashboard) { d.developer() }, bridge.Gone},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDashboard(t)
			one.far(d)
			got, err := d.client(t, nil).Read(t.Context(), requestID, bridge.Access{Keys: []string{hash}, Applicant: devID})
			if err != nil || got.State != one.want {
				t.Errorf("%q, %v, want %q", got.State, err, one.want)
			}
		})
	}
}

func TestPendingRequestOfADeveloperWhoIsGone(t *testing.T) {
	d := newDashboard(t)
	d.request(false, "")
	got, err := d.client(t, nil).Read(t.Context(), requestID, bridge.Access{})
	if err != nil || got.State != bridge.Pending || got.Applicant != (bridge.Applicant{ID: devID}) {
		t.Errorf("%+v, %v", got, err)
	}
}

// Only Tyk's own word that a record is missing counts; all else is a failure, because "gone" declines and refunds.
func TestNothingButTyksWordMakesARequestGone(t *testing.T) {
	page := "<html><body>404 Not Found</body></html>"
	for name, one := range map[string]struct {
		answer http.HandlerFunc
		want   bridge.Kind // "" is gone
	}{
		"404 with an envelope":               {says(404, `{"Status":"Error","Message":"Key request not found"}`), ""},
		"404 with another sentence":          {says(404, `{"Status":"Error","Message":"Could not retrieve key request"}`), ""},
		"400 that says not found":            {says(400, `{"Status":"Error","Message":"Key request not found"}`), ""},
		"500 that says not found":            {says(500, `{"Status":"Error","Message":"not found"}`), ""},
		"200 that says not found":            {says(200, `{"Status":"Error","Message":"not found"}`), ""},
		"in the gateway's lower case":        {says(404, `{"status":"error","message":"Key not found"}`), ""},
		"404 with a page":                    {says(404, page), bridge.Invalid},
		"404 with nothing":                   {says(404, ""), bridge.Invalid},
		"404 with a success":                 {says(404, `{"Status":"OK","Message":""}`), bridge.Invalid},
		"500 with a page":                    {says(500, page), bridge.Unavailable},
		"500 about a host not found":         {says(500, `{"Status":"Error","Message":"mongo: host not found"}`), bridge.Unavailable},
		"503 with a page":                    {says(503, page), bridge.Unavailable},
		"200 with a page":                    {says(200, page), bridge.Unavailable},
		"200 with nothing":                   {says(200, ""), bridge.Unavailable},
		"200 with half a record":             {says(200, `{"id":"659200`), bridge.Unavailable},
		"200 with no record":                 {says(200, `{}`), bridge.Unavailable},
		"200 with null":                      {says(200, `null`), bridge.Unavailable},
		"200 with another record":            {says(200, `{"id":"659200807af3f40001b27f41","approved":false}`), bridge.Unavailable},
		"200 with a success":                 {says(200, `{"Status":"OK","Message":"done"}`), bridge.Unavailable},
		"200 with an error":                  {says(200, `{"Status":"Error","Message":"Something else"}`), bridge.Invalid},
		"200 with an error about permission": {says(200, `{"Status":"Error","Message":"Not authorised"}`), bridge.Refused},
		"400 with an error":                  {says(400, `{"Status":"Error","Message":"Something else"}`), bridge.Invalid},
		"401":                                {says(401, `{"Status":"Error","Message":"Not authorised"}`), bridge.Refused},
		"403 with a page":                    {says(403, page), bridge.Refused},
		"408":                                {says(408, ""), bridge.Unavailable},
		"too large":                          {says(200, `{"id":"`+strings.Repeat("a", 5<<20)+`"}`), bridge.Invalid},
		"approved is no boolean":             {says(200, `{"id":"`+requestID+`","approved":"yes"}`), bridge.Unavailable},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDashboard(t)
			d.on(readRequest, one.answer)
			got, err := d.client(t, nil).Read(t.Context(), requestID, bridge.Access{Have: bridge.Pending})
			if kind := bridge.KindOf(err); kind != one.want {
				t.Fatalf("%q (%v), want %q", kind, err, one.want)
			}
			if one.want == "" && got.State != bridge.Gone {
				t.Errorf("%q, want gone", got.State)
			}
		})
	}
}

func TestAnAnswerWithoutEndIsGivenUp(t *testing.T) {
	d := newDashboard(t)
	var sent atomic.Int64
	d.on(readRequest, func(w http.ResponseWriter, _ *http.Request) {
		for chunk := []byte(strings.Repeat(" ", 64<<10)); sent.Load() < 256<<20; {
			n, err := w.Write(chunk)
			if sent.Add(int64(n)); err != nil {
				return
			}
		}
	})
	_, err := d.client(t, nil).Read(t.Context(), requestID, bridge.Access{})
	if bridge.KindOf(err) != bridge.Invalid || sent.Load() > 64<<20 {
		t.Errorf("%v, after %d bytes", err, sent.Load())
	}
}

func TestRedirectsStayWithinTheHost(t *testing.T) {
	elsewhere := newDashboard(t)
	elsewhere.request(true, "")
	to := func(url string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, url, http.StatusFound) }
	}
	t.Run("to another host", func(t *testing.T) {
		d := newDashboard(t)
		d.on(readRequest, to(elsewhere.URL+"/api/portal/requests/"+requestID))
		_, err := d.client(t, nil).Read(t.Context(), requestID, bridge.Access{})
		if bridge.KindOf(err) != bridge.Invalid || elsewhere.hit("") != 0 {
			t.Errorf("%v, and %d calls elsewhere", err, elsewhere.hit(""))
		}
	})
	t.Run("within the host", func(t *testing.T) {
		d := newDashboard(t)
		d.on(readRequest, to("/moved"))
		d.on("GET /moved", says(200, `{"id":"`+requestID+`","org_id":"`+org+`","approved":false}`))
		got, err := d.client(t, nil).Read(t.Context(), requestID, bridge.Access{})
		if err != nil || got.State != bridge.Pending {
			t.Errorf("%q, %v", got.State, err)
		}
	})
	t.Run("of a write", func(t *testing.T) {
		d := newDashboard(t)
		d.request(false, "")
		d.on("PUT /api/portal/requests/approve/"+requestID, to("/moved"))
		if _, err := d.client(t, nil).Approve(t.Context(), requestID, bridge.Access{}); err == nil || d.hit("GET /moved") != 0 {
			t.Errorf("%v, and a write became a reading", err)
		}
	})
}

// An answer of the approval is a live secret, whatever it looks like.
func TestTheApprovalsAnswerIsDropped(t *testing.T) {
	for name, one := range map[string]struct {
		status int
		body   string
	}{
		"key":            {200, `{"RawKey":"` + rawKey + `","Password":"` + rawKey + `"}`},
		"OAuth client":   {200, `{"client_id":"x","secret":"` + rawKey + `","policy_id":"x","redirect_uri":"x"}`},
		"in a message":   {200, `{"Status":"Error","Message":"Key ` + rawKey + ` was made, the mail failed"}`},
		"in a bad error": {400, `{"Status":"Error","Message":"` + rawKey + `"}`},
		"in no JSON":     {200, `RawKey: ` + rawKey},
		"in a page":      {500, `<html>` + rawKey},
		"in plain words": {400, `{"Status":"Error","Message":"opensesame"}`},
		"in a number":    {200, `{"id":1,"Status":["` + rawKey + `"],"Message":{"k":"` + rawKey + `"}}`},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDashboard(t)
			d.request(false, "")
			d.developer()
			d.on("PUT /api/portal/requests/approve/"+requestID, says(one.status, one.body))
			got, err := d.client(t, nil).Approve(t.Context(), requestID, bridge.Access{})
			if text := fmt.Sprintf("%+v %v %q %s", got, err, err, bridge.Explain(err)); strings.Contains(text, rawKey[:20]) || strings.Contains(text, "sesame") {
				t.Error("the key came out")
			}
		})
	}
}

func TestWhyARequestCannotBeApproved(t *testing.T) {
	for message, want := range map[string]string{
		"Policy not found":                        "make the policy again",
		"Developer not found":                     "decline the request",
		"Key request has already been processed.": "let the developer ask again",
		"Something odd":                           "look at it in the Tyk Dashboard",
	} {
		for _, status := range []int{200, 400, 404} {
			d := newDashboard(t)
			d.request(false, "")
			d.on("PUT /api/portal/requests/approve/"+requestID, says(status, `{"Status":"Error","Message":"`+message+`"}`))
			_, err := d.client(t, nil).Approve(t.Context(), requestID, bridge.Access{})
			if bridge.KindOf(err) != bridge.Invalid || !strings.Contains(bridge.Explain(err), want) {
				t.Errorf("%d %s: %v, want an invalid one with %q", status, message, err, want)
			}
		}
	}
}

func TestAnApprovalThatTakesNoEffectIsNoSuccess(t *testing.T) {
	d := newDashboard(t)
	d.request(false, "")
	d.on("PUT /api/portal/requests/approve/"+requestID, says(200, `{"RawKey":""}`))
	_, err := d.client(t, nil).Approve(t.Context(), requestID, bridge.Access{})
	if bridge.KindOf(err) != bridge.Unavailable {
		t.Errorf("%v, want unavailable", err)
	}
}

// The key that was there before the approval is another request's, though the gateway does not say how old it is.
func TestApprovingTakesOnlyWhatIsNew(t *testing.T) {
	for name, one := range map[string]struct {
		after, want []string
		reads       int // of the record: a key that works tells by itself that it was approved
	}{
		"a new key":     {[]string{older, hash}, []string{hash}, 1},
		"no key so far": {[]string{older}, nil, 2},
	} {
		d := newDashboard(t)
		d.request(false, "")
		d.developer(older)
		d.key(older, "")
		d.key(hash, "")
		d.on("PUT /api/portal/requests/approve/"+requestID, func(w http.ResponseWriter, r *http.Request) {
			d.request(true, "")
			d.developer(one.after...)
			says(200, `{"RawKey":"`+rawKey+`"}`)(w, r)
		})
		got, err := d.client(t, nil).Approve(t.Context(), requestID, bridge.Access{})
		if err != nil || got.State != bridge.Granted || !slices.Equal(got.Keys, one.want) {
			t.Errorf("%s: %q %v, %v", name, got.State, got.Keys, err)
		}
		if n := d.hit(readRequest); n != one.reads {
			t.Errorf("%s: the record was read %d times, want %d", name, n, one.reads)
		}
	}
}

// Between our reading and our deleting the admin approved: the key that came of it would be nobody's.
func TestDecliningFindsTheKeyOfAnApprovalInBetween(t *testing.T) {
	d := newDashboard(t)
	d.request(false, "")
	d.developer(older)
	d.key(older, "")
	d.key(hash, "")
	d.on("DELETE /api/portal/requests/"+requestID, func(w http.ResponseWriter, r *http.Request) {
		d.developer(older, hash)
		says(200, `{"Status":"OK","Message":"Data deleted","Meta":""}`)(w, r)
	})
	got, err := d.client(t, nil).Decline(t.Context(), requestID, bridge.Access{}, "")
	if err != nil || got.State != bridge.Granted || !slices.Equal(got.Keys, []string{hash}) {
		t.Errorf("%q %v, %v", got.State, got.Keys, err)
	}
}

func TestAPageIsNoDeletion(t *testing.T) {
	d := newDashboard(t)
	d.request(false, "")
	d.on("DELETE /api/portal/requests/"+requestID, says(200, "<html>please sign in</html>"))
	if _, err := d.client(t, nil).Decline(t.Context(), requestID, bridge.Access{}, ""); bridge.KindOf(err) != bridge.Unavailable {
		t.Errorf("%v, want unavailable", err)
	}
}

// A key's session goes back with suppress_reset, by itself, and with nothing changed but is_inactive.
func TestSuspendingWritesTheWholeSessionBack(t *testing.T) {
	d := newDashboard(t)
	d.request(true, "")
	d.developer(hash)
	const rest = `,"quota_max":9223372036854775807,"rate":0.10,"future":{"n":123456789012345678901234567890}`
	d.key(hash, rest+`,"is_inactive":false`)
	var sent, query string
	d.on("PUT /api/keys/"+hash, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		sent, query = string(body), r.URL.RawQuery
		d.key(hash, rest+`,"is_inactive":true`)
		says(200, `{"api_model":{},"data":{}}`)(w, r)
	})
	got, err := d.client(t, nil).Suspend(t.Context(), requestID, bridge.Access{Keys: []string{hash}})
	if err != nil || got.State != bridge.Suspended {
		t.Fatalf("%q, %v", got.State, err)
	}
	want := `{"apply_policies":["` + policy + `"],"future":{"n":123456789012345678901234567890},"is_inactive":true,"quota_max":9223372036854775807,"rate":0.10}` + "\n"
	if sent != want || query != "hashed=true&suppress_reset=1" {
		t.Errorf("sent to ?%s:\n%s", query, sent)
	}
}

func TestASuspensionThatTakesNoEffectIsNoSuccess(t *testing.T) {
	d := newDashboard(t)
	d.request(true, "")
	d.developer(hash)
	d.key(hash, "")
	d.on("PUT /api/keys/"+hash, says(200, `{"Status":"OK","Message":"Key updated"}`))
	_, err := d.client(t, nil).Suspend(t.Context(), requestID, bridge.Access{Keys: []string{hash}})
	if bridge.KindOf(err) != bridge.Unavailable {
		t.Errorf("%v, want unavailable", err)
	}
}

func TestResumingAKeyTheGatewayLostNeedsAPerson(t *testing.T) {
	d := newDashboard(t)
	d.request(true, "")
	d.developer(hash)
	_, err := d.client(t, nil).Resume(t.Context(), requestID, bridge.Access{Keys: []string{hash}})
	if bridge.KindOf(err) != bridge.Invalid {
		t.Errorf("%v, want invalid", err)
	}
}

// Without hashing the id of a key is the key: it is never handed out, and still found again.
func TestWithoutHashingAKeyIsKnownByItsDigest(t *testing.T) {
	for name, id := range map[string]string{"Tyk's own": rawKey, "an admin's own": "my/own key?", "one like a hash": older} {
		t.Run(name, func(t *testing.T) {
			d := newDashboard(t)
			d.request(true, "")
			d.developer(id)
			answer := fmt.Sprintf(`{"data":{"apply_policies":[%q]}}`, policy)
			d.on("GET /api/keys/"+id, func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Query().Get("hashed") != "" {
					says(400, `{"status":"error","message":"Key requested by hash but key hashing is not enabled"}`)(w, r)
					return
				}
				says(200, answer)(w, r)
			})
			c := d.client(t, nil)
			got, err := c.Read(t.Context(), requestID, bridge.Access{})
			if err != nil || len(got.Keys) != 1 || strings.Contains(got.Keys[0], id) || !strings.HasPrefix(got.Keys[0], "sha256:") {
				t.Fatalf("%d keys, %v", len(got.Keys), err)
			}
			again, err := c.Read(t.Context(), requestID, bridge.Access{Keys: got.Keys})
			if diff := cmp.Diff(got, again); diff != "" || err != nil {
				t.Errorf("facts (-before +now):\n%s%v", diff, err)
			}
			d.on(readRequest, nil)
			if orphan, err := c.Read(t.Context(), requestID, bridge.Access{Keys: got.Keys}); err != nil || orphan.State != bridge.Granted {
				t.Errorf("the record is deleted: %q, %v", orphan.State, err)
			}
			d.developer()
			if gone, err := c.Read(t.Context(), requestID, bridge.Access{Keys: got.Keys}); err != nil || gone.State != bridge.Gone {
				t.Errorf("the key is removed: %q, %v", gone.State, err)
			}
		})
	}
}

func TestRevokingTakesTheKeyFromTheGatewayToo(t *testing.T) {
	ok := says(200, `{"Status":"OK","Message":"Data deleted"}`)
	for name, keep := range map[string]bool{"and deletes the request": false, "and keeps the request where that is configured": true} {
		t.Run(name, func(t *testing.T) {
			d := newDashboard(t)
			d.request(true, "")
			d.developer(hash)
			d.key(hash, "")
			d.on("DELETE /api/portal/developers/"+devID+"/keys/"+hash, func(w http.ResponseWriter, r *http.Request) {
				d.developer()
				ok(w, r)
			})
			d.on("DELETE /api/keys/"+hash, func(w http.ResponseWriter, r *http.Request) {
				d.on("GET /api/keys/"+hash, nil)
				ok(w, r)
			})
			d.on("DELETE /api/portal/requests/"+requestID, func(w http.ResponseWriter, r *http.Request) {
				d.on(readRequest, nil)
				ok(w, r)
			})
			c := d.client(t, func(cfg *tyk.Config) { cfg.KeepRevoked = keep })
			got, err := c.Revoke(t.Context(), requestID, bridge.Access{Keys: []string{hash}})
			if err != nil || got.State != bridge.Gone || !slices.Equal(got.Keys, []string{hash}) {
				t.Fatalf("%q %v, %v", got.State, got.Keys, err)
			}
			if d.hit("DELETE /api/keys/"+hash+"?hashed=true") != 1 {
				t.Error("the gateway keeps the key")
			}
			if kept := d.hit("DELETE /api/portal/requests/") == 0; kept != keep {
				t.Errorf("the request is kept: %t", kept)
			}
		})
	}
}

func TestRevokingAKeyThatWasNeverGeneratedDeletesTheRequest(t *testing.T) {
	d := newDashboard(t)
	d.request(true, "")
	d.developer()
	d.on("DELETE /api/portal/requests/"+requestID, func(w http.ResponseWriter, r *http.Request) {
		d.on(readRequest, nil)
		says(200, `{"Status":"OK","Message":"Data deleted"}`)(w, r)
	})
	c := d.client(t, func(cfg *tyk.Config) { cfg.KeepRevoked = true }) // which is about keys that were there
	if got, err := c.Revoke(t.Context(), requestID, bridge.Access{}); err != nil || got.State != bridge.Gone {
		t.Errorf("%q, %v", got.State, err)
	}
}

func TestAnOAuthClientIsAPersonsToStop(t *testing.T) {
	with := `{"id":"` + devID + `","org_id":"` + org + `","oauth_clients":{"` + policy + `":[
		{"client_id":"theirs","secret":"` + rawKey + `","redirect_uri":"https://other.example"},
		{"client_id":"c1","secret":"` + rawKey + `","redirect_uri":"https://app.example"}]}}`
	d := newDashboard(t)
	d.request(true, `,"oauth_info":{"redirect_uri":"https://app.example"}`)
	d.on(readDev, says(200, with))
	c := d.client(t, nil)
	got, err := c.Read(t.Context(), requestID, bridge.Access{})
	if err != nil || got.State != bridge.Granted || !slices.Equal(got.Keys, []string{"oauth:c1@" + devID}) {
		t.Fatalf("%q %v, %v", got.State, got.Keys, err)
	}
	known := bridge.Access{Keys: got.Keys}
	if _, err := c.Suspend(t.Context(), requestID, known); bridge.KindOf(err) != bridge.Invalid {
		t.Errorf("suspend: %v, want invalid", err)
	}
	if _, err := c.Revoke(t.Context(), requestID, known); bridge.KindOf(err) != bridge.Invalid || d.hit("DELETE") != 0 {
		t.Errorf("revoke: %v, want invalid and nothing deleted", err)
	}
	d.developer()
	if got, err := c.Revoke(t.Context(), requestID, known); err != nil || got.State != bridge.Gone {
		t.Errorf("once a person deleted it: %q, %v", got.State, err)
	}
}

// While the pages are read, requests are decided and new ones come in. None is given twice, none that stays is lost when
// pages grow, and the reading ends whatever is said of the number of pages.
func TestPagesThatShiftWhileTheyAreRead(t *testing.T) {
	entry := func(i int) string { return fmt.Sprintf(`{"_id":"k%03d","approved":false,"org_id":%q}`, i, org) }
	pageOf := func(from, to int) string {
		var all []string
		for i := from; i < to; i++ {
			all = append(all, entry(i))
		}
		return strings.Join(all, ",")
	}
	for name, one := range map[string]struct {
		page func(p string) string
		want int
	}{
		"a page repeats because ten came in": {func(p string) string {
			return fmt.Sprintf(`{"Data":[%s],"Pages":4}`, map[string]string{"0": pageOf(0, 10), "1": pageOf(0, 10), "2": pageOf(10, 20), "3": pageOf(20, 25)}[p])
		}, 25},
		"the parameter p is not known": {func(string) string { return `{"Data":[` + pageOf(0, 7) + `],"Pages":0}` }, 7},
		"the pages never end":          {func(string) string { return `{"Data":[` + pageOf(0, 10) + `],"Pages":3}` }, 10},
		"entries are odd": {func(string) string {
			return `{"Data":[{},{"id":7},null,"x",{"id":"../../x","approved":false},{"id":"done","approved":true},
				{"id":"foreign","org_id":"other","approved":false},` + pageOf(0, 3) + `],"Pages":1}`
		}, 4}, // "7" may be an id
	} {
		t.Run(name, func(t *testing.T) {
			d := newDashboard(t)
			d.on("GET /api/portal/requests", func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Query().Get("approved") != "false" {
					t.Error("not only pending ones are asked for")
				}
				says(200, one.page(r.URL.Query().Get("p")))(w, r)
			})
			seen := map[string]int{}
			err := d.client(t, nil).ListPending(t.Context(), func(key string) error {
				seen[key]++
				return nil
			})
			if err != nil || len(seen) != one.want || slices.Max(slices.Collect(maps.Values(seen))) != 1 {
				t.Errorf("%v, %v", seen, err)
			}
			if hits := d.hit(""); hits > 5 {
				t.Errorf("%d pages were read", hits)
			}
		})
	}
}

func TestAListingThatBreaksOffGivesWhatItHas(t *testing.T) {
	d := newDashboard(t)
	d.on("GET /api/portal/requests", func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Get("p") == "1" {
			w.Header().Set("Retry-After", "30")
			says(503, "")(w, r)
			return
		}
		says(200, `{"Data":[{"id":"k1","approved":false}],"Pages":9}`)(w, r)
	})
	var keys []string
	err := d.client(t, nil).ListPending(t.Context(), func(key string) error {
		keys = append(keys, key)
		return nil
	})
	e, ok := err.(*bridge.Error) //nolint:errorlint // every error of this package is one
	if !ok || e.Kind != bridge.Unavailable || e.RetryAfter != 30*time.Second || !slices.Equal(keys, []string{"k1"}) {
		t.Errorf("%v and %v", keys, err)
	}
}

func TestTheCallsThemselves(t *testing.T) {
	d := newDashboard(t)
	d.on(readRequest, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "secret" || r.Header.Get("User-Agent") != "keybridge" || r.Header.Get("Accept") != "application/json" {
			t.Errorf("headers: %v", r.Header)
		}
		says(200, `{"id":"`+requestID+`"}`)(w, r)
	})
	if _, err := d.client(t, nil).Read(t.Context(), requestID, bridge.Access{}); err != nil {
		t.Error(err)
	}
	none := d.client(t, func(c *tyk.Config) { c.Secret = func() string { return "\n" } })
	if _, err := none.Read(t.Context(), requestID, bridge.Access{}); bridge.KindOf(err) != bridge.Refused {
		t.Errorf("without a secret: %v, want refused", err)
	}
	d.on(readRequest, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	slow := d.client(t, func(c *tyk.Config) { c.Timeout = 20 * time.Millisecond })
	if _, err := slow.Read(t.Context(), requestID, bridge.Access{}); bridge.KindOf(err) != bridge.Unavailable {
		t.Errorf("after the time-out: %v, want unavailable", err)
	}
}

// Every answer is read to its end, also those that are errors, so one connection does for all calls.
func TestTheConnectionIsUsedAgain(t *testing.T) {
	d := newDashboard(t)
	var callers sync.Map
	c := d.client(t, nil)
	for _, answer := range []http.HandlerFunc{
		says(200, `{"id":"`+requestID+`"}`), says(404, `{"Status":"Error","Message":"not found"}`),
		says(500, strings.Repeat("x", 100_000)), says(429, ""), says(401, "{}"), says(302, "moved"), says(200, "<html>"),
	} {
		d.on(readRequest, func(w http.ResponseWriter, r *http.Request) {
			callers.Store(r.RemoteAddr, true)
			answer(w, r)
		})
		for range 3 {
			_, _ = c.Read(t.Context(), requestID, bridge.Access{})
		}
	}
	opened := 0
	callers.Range(func(any, any) bool { opened++; return true })
	if opened != 1 {
		t.Errorf("%d connections were opened", opened)
	}
}

// An error of the connection quotes no address: ids stand in it, and without hashing keys.
func TestErrorsQuoteNoAddress(t *testing.T) {
	d := newDashboard(t)
	d.request(true, "")
	d.developer(rawKey)
	d.on("GET /api/keys/"+rawKey, func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
	_, err := d.client(t, nil).Read(t.Context(), requestID, bridge.Access{})
	if bridge.KindOf(err) != bridge.Unavailable || strings.Contains(fmt.Sprint(err), rawKey) || !strings.Contains(err.Error(), "GET /api/keys/{id}") {
		t.Errorf("%v", strings.ReplaceAll(fmt.Sprint(err), rawKey, "(the key)"))
	}
}

func TestConfig(t *testing.T) {
	secret := func() string { return "s" }
	for name, one := range map[string]struct {
		cfg  tyk.Config
		want []string
	}{
		"all is missing":  {tyk.Config{}, []string{"url is missing", "name is missing", "secret is missing"}},
		"no address":      {tyk.Config{Name: "a", Secret: secret, URL: "dashboard:3000"}, []string{"not an absolute http or https address"}},
		"another scheme":  {tyk.Config{Name: "a", Secret: secret, URL: "ftp://x"}, []string{"not an absolute"}},
		"a user in it":    {tyk.Config{Name: "a", Secret: secret, URL: "https://u:pass@x"}, []string{"may not hold a user"}},
		"a query in it":   {tyk.Config{Name: "a", Secret: secret, URL: "https://x/?p=1"}, []string{"may not hold"}},
		"a negative time": {tyk.Config{Name: "a", Secret: secret, URL: "https://x", Timeout: -1}, []string{"timeout is negative"}},
		"all is well":     {tyk.Config{Name: "a", Secret: secret, URL: "https://x/path/"}, nil},
	} {
		_, err := tyk.NewClassic(one.cfg)
		if (err == nil) != (one.want == nil) {
			t.Errorf("%s: %v", name, err)
		}
		for _, want := range one.want {
			if !strings.Contains(fmt.Sprint(err), want) || strings.Contains(fmt.Sprint(err), "pass") {
				t.Errorf("%s: %v, want %q", name, err, want)
			}
		}
	}
}
