package webhooks_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/google/go-cmp/cmp"

	"keybridge/bridge"
	"keybridge/bridge/tyk/sandbox"
	"keybridge/webhooks"
)

const (
	enterpriseSecret = "enterprise-secret-in-a-header"
	secondULID       = "01HF7YAT01ABCDEFGHJKMNPQRS"
)

// office is a bench with an Enterprise Portal's developers behind it.
type office struct {
	bench
	requests map[string][]bridge.ID
	lost     error // what asking for them returns
	looks    int
}

func (o *office) config() webhooks.TykEnterpriseConfig {
	return webhooks.TykEnterpriseConfig{
		Receiver: o.receiver(), Portal: "main", Secrets: []string{"another-secret-that-is-live", enterpriseSecret},
		Intake: func(portal, key string) *bridge.Change {
			return &bridge.Change{Request: bridge.Request{Portal: portal, Key: key}}
		},
		Requests: func(ctx context.Context, portal, applicant string) ([]bridge.ID, error) {
			if _, ok := ctx.Deadline(); !ok || portal != "main" {
				return nil, errors.New("no deadline, or another portal")
			}
			return o.requests[applicant], o.lost
		},
		Look: func() {
			o.mu.Lock()
			defer o.mu.Unlock()
			o.looks++
		},
	}
}

func (o *office) handler(t testing.TB) http.Handler {
	t.Helper()
	h, err := webhooks.TykEnterprise(o.config())
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// deliver sends an event as the portal does.
func (o *office) deliver(t testing.TB, body string) *httptest.ResponseRecorder {
	t.Helper()
	w := httptest.NewRecorder()
	o.handler(t).ServeHTTP(w, told(body))
	return w
}

func told(body string) *http.Request {
	r := httptest.NewRequest(http.MethodPost, "/webhooks/portal/main", strings.NewReader(body))
	r.Header.Set(webhooks.SecretHeader, enterpriseSecret)
	return r
}

// aboutRequest is an event about an access request.
func aboutRequest(event, id string) string {
	return `{"Event":"` + event + `","Message":{"ID":` + id + `,"AppID":1,"ByUser":2,"Status":"pending","ProductIDs":[1,2],"PlanID":2,"CreatedAt":"2026-03-01T12:00:00.123+01:00"},"Timestamp":"2026-03-01T12:00:00.123456+01:00"}`
}

// Bodies with the members and the peculiarities of those that Tyk publishes.
const (
	publishedCreated    = `{"Event":"AccessRequestCreated","Message":{"ID":0,"AppID":1,"ByUser":2,"Status":"approved","ProductIDs":[1],"PlanID":2,"CreatedAt":"0001-01-01T00:00:00Z"},"Timestamp":"2026-03-01T12:00:00.123456+01:00"}`
	publishedCredential = `{"Event":"CredentialRegistered","Message":{"ID":1,"ByUser":3,"AccessRequestID":1,"AppID":3,"CreatedAt":"2026-03-01T12:00:00.123+01:00"},"Timestamp":"2026-03-01T12:00:00.123456+01:00"}`
	deactivated         = `{"Event":"UserAccountDeactivated","Message":{"ID":7,"Email":"canary@example.com","First":"canary","Last":"User","OrgID":7,"Provider":"password","Status":"inactive","CreatedAt":"2026-03-01T11:00:00Z","ByUser":1,"CustomAttributes":[{"Identifier":"a","Value":"false"}]},"Timestamp":"2026-03-01T12:00:00+01:00"}`
)

// at is a hint at an access request, here a hint at a request that is known here.
func at(what, key string, intake bool) bridge.Hint {
	h := bridge.Hint{
		Source: "portal/main", What: what, Said: saidOf(what), At: now, Portal: "main", Key: key,
		Refs: []bridge.Ref{{System: "main", Kind: bridge.RefRequest, ID: key}},
	}
	if intake {
		h.Intake = &bridge.Change{Request: bridge.Request{Portal: "main", Key: key}}
	}
	return h
}

func here(what string, id bridge.ID) bridge.Hint {
	return bridge.Hint{Source: "portal/main", What: what, Said: saidOf(what), At: now, Request: id}
}

func saidOf(what string) bridge.Said {
	if what == "AccessRequestApproved" {
		return bridge.SaidGranted
	}
	return bridge.SaidPortal
}

func TestEnterpriseEventsLeadToRequests(t *testing.T) {
	const created, credential, off = "AccessRequestCreated", "CredentialRegistered", "UserAccountDeactivated"
	first := bridge.Accepted{Request: requestULID}
	for _, c := range []struct {
		name, body string
		answers    []bridge.Accepted
		hints      []bridge.Hint
		looks      int
		outcome    string
	}{
		{"created", aboutRequest(created, "41"), nil, []bridge.Hint{at(created, "41", true)}, 0, "accepted"},
		{"created, the id as text", aboutRequest(created, `"41"`), nil, []bridge.Hint{at(created, "41", true)}, 0, "accepted"},
		{"created, the largest id", aboutRequest(created, "9223372036854775807"), nil, []bridge.Hint{at(created, "9223372036854775807", true)}, 0, "accepted"},
		{"approved", aboutRequest("AccessRequestApproved", "41"), nil, []bridge.Hint{at("AccessRequestApproved", "41", false)}, 0, "accepted"},
		{"rejected", aboutRequest("AccessRequestRejected", "41"), nil, []bridge.Hint{at("AccessRequestRejected", "41", false)}, 0, "accepted"},
		{"approved, and not known here", aboutRequest("AccessRequestApproved", "41"), []bridge.Accepted{{}}, []bridge.Hint{at("AccessRequestApproved", "41", false)}, 0, "unknown"},
		{"created, as 1.9 said it", `{"event":"NewAccessRequest","message":{"ID":41},"timestamp":"x"}`, nil, []bridge.Hint{at("NewAccessRequest", "41", true)}, 0, "accepted"},
		{"the message before the event", `{"Message":{"ID":41},"Event":"AccessRequestCreated"}`, nil, []bridge.Hint{at(created, "41", true)}, 0, "accepted"},
		{"names with escapes", `{"\u0045vent":"AccessRequestCreated","Message":{"I\u0044":41}}`, nil, []bridge.Hint{at(created, "41", true)}, 0, "accepted"},
		{"created a thousand years ago", strings.Replace(aboutRequest(created, "41"), `"Timestamp":"2026`, `"Timestamp":"1026`, 1), nil, []bridge.Hint{at(created, "41", true)}, 0, "accepted"},
		{"other members hold ids too", `{"Event":"AccessRequestCreated","ID":1,"Other":{"ID":2},"Message":{"Old":{"ID":3},"ID":41,"id":4,"Id":5}}`, nil, []bridge.Hint{at(created, "41", true)}, 0, "accepted"},

		{"the published sample", publishedCreated, nil, []bridge.Hint{here(created, requestULID), here(created, secondULID)}, 1, "accepted"},
		{"an id of 0, of a developer who is not known", strings.Replace(publishedCreated, `"ByUser":2`, `"ByUser":9`, 1), nil, nil, 1, "accepted"},
		{"an id of 0, and nobody", `{"Event":"AccessRequestCreated","Message":{"ID":0}}`, nil, nil, 1, "accepted"},
		{"an id of 0, and a user who is none", `{"Event":"AccessRequestCreated","Message":{"ID":"0","ByUser":-2}}`, nil, nil, 1, "accepted"},
		{"approved, an id of 0", aboutRequest("AccessRequestApproved", "0"), nil, []bridge.Hint{here("AccessRequestApproved", requestULID), here("AccessRequestApproved", secondULID)}, 1, "accepted"},

		{"a credential of a known request", strings.Replace(publishedCredential, `"ByUser":3`, `"ByUser":2`, 1), []bridge.Accepted{first}, []bridge.Hint{at(credential, "1", false)}, 0, "accepted"},
		{"a credential of an unknown request", strings.Replace(publishedCredential, `"ByUser":3`, `"ByUser":2`, 1), []bridge.Accepted{{}, first}, []bridge.Hint{at(credential, "1", false), here(credential, requestULID), here(credential, secondULID)}, 0, "accepted"},
		{"a credential made by an admin", publishedCredential, []bridge.Accepted{first}, []bridge.Hint{at(credential, "1", false)}, 0, "accepted"},
		{"a credential of nothing that is known", publishedCredential, []bridge.Accepted{{}}, []bridge.Hint{at(credential, "1", false)}, 0, "unknown"},
		{"a credential, as 1.9 said it", `{"event":"NewCredentialRegistration","message":{"ByUser":2}}`, nil, []bridge.Hint{here("NewCredentialRegistration", requestULID), here("NewCredentialRegistration", secondULID)}, 0, "accepted"},
		{"deactivated", deactivated, nil, []bridge.Hint{here(off, requestULID)}, 0, "accepted"},
		{"activated", strings.Replace(deactivated, "Deactivated", "Activated", 1), nil, []bridge.Hint{here("UserAccountActivated", requestULID)}, 0, "accepted"},
		{"deactivated, and not known here", strings.Replace(deactivated, `"ID":7`, `"ID":8`, 1), nil, nil, 0, "unknown"},
		{"deactivated, requests that are gone meanwhile", deactivated, []bridge.Accepted{{}}, []bridge.Hint{here(off, requestULID)}, 0, "unknown"},
	} {
		t.Run(c.name, func(t *testing.T) {
			o := &office{requests: map[string][]bridge.ID{"2": {requestULID, secondULID}, "7": {requestULID}}}
			o.answers = c.answers
			w := o.deliver(t, c.body)
			slices.SortFunc(o.hints, func(a, b bridge.Hint) int { return strings.Compare(string(a.Request), string(b.Request)) })
			if diff := cmp.Diff(c.hints, o.hints); diff != "" {
				t.Errorf("hints (-want +got):\n%s", diff)
			}
			if w.Code != 200 || w.Body.String() != c.outcome+"\n" || o.looks != c.looks {
				t.Errorf("answered %d %q after %d looks, want %q after %d", w.Code, w.Body, o.looks, c.outcome, c.looks)
			}
			if diff := cmp.Diff([]string{"portal/main " + c.outcome}, o.outcomes); diff != "" {
				t.Error(diff)
			}
			checkSilence(t, w.Body.String()+o.log.String())
		})
	}
}

func TestEnterpriseEventsThatAreNoneAreMalformed(t *testing.T) {
	for name, body := range map[string]string{
		"nothing":                        "",
		"no JSON":                        "hello",
		"a list":                         "[" + aboutRequest("AccessRequestCreated", "41") + "]",
		"null":                           "null",
		"two":                            aboutRequest("AccessRequestCreated", "41") + aboutRequest("AccessRequestCreated", "41"),
		"cut off":                        strings.TrimSuffix(aboutRequest("AccessRequestCreated", "41"), "}"),
		"a comma too many":               `{"Event":"AccessRequestCreated","Message":{"ID":41,}}`,
		"too deep":                       `{"Event":"X","Message":` + strings.Repeat("[", 100) + strings.Repeat("]", 100) + `}`,
		"no event":                       `{"Message":{"ID":41}}`,
		"an event that is no text":       `{"Event":1,"Message":{"ID":41}}`,
		"an empty event":                 `{"Event":"","Message":{"ID":41}}`,
		"an event that is markup":        `{"Event":"<b>","Message":{"ID":41}}`,
		"an event of 65 letters":         `{"Event":"` + strings.Repeat("E", 65) + `","Message":{"ID":41}}`,
		"two events":                     `{"Event":"UserRegistered","Event":"AccessRequestCreated","Message":{"ID":41}}`,
		"two events, one of 1.9":         `{"Event":"UserRegistered","event":"NewAccessRequest","Message":{"ID":41}}`,
		"two events, the first is none":  `{"Event":null,"Event":"AccessRequestCreated","Message":{"ID":41}}`,
		"two messages":                   `{"Event":"AccessRequestCreated","Message":{"ID":41},"message":{"ID":42}}`,
		"two ids":                        `{"Event":"AccessRequestCreated","Message":{"ID":41,"ID":42}}`,
		"two ids, the first is none":     `{"Event":"AccessRequestCreated","Message":{"ID":null,"I\u0044":42}}`,
		"no message":                     `{"Event":"AccessRequestCreated"}`,
		"a message that is text":         `{"Event":"AccessRequestCreated","Message":"41"}`,
		"a message that is a list":       `{"Event":"AccessRequestCreated","Message":[{"ID":41}]}`,
		"a message in another case":      `{"Event":"AccessRequestCreated","MESSAGE":{"ID":41}}`,
		"no id":                          `{"Event":"AccessRequestCreated","Message":{"ByUser":2}}`,
		"approved, no id":                `{"Event":"AccessRequestApproved","Message":{"ByUser":2}}`,
		"an id in another case":          `{"Event":"AccessRequestCreated","Message":{"id":41}}`,
		"a user who is no user":          strings.Replace(deactivated, `"ID":7`, `"ID":"erin"`, 1),
		"a user with the id 0":           strings.Replace(deactivated, `"ID":7`, `"ID":0`, 1),
		"a user only as who did it":      strings.Replace(deactivated, `"ID":7,`, ``, 1),
		"a credential of nobody":         `{"Event":"CredentialRegistered","Message":{"ID":1}}`,
		"a credential of nobody, with 0": `{"Event":"CredentialRegistered","Message":{"ID":1,"ByUser":0,"AccessRequestID":0}}`,
		"a credential of -1":             `{"Event":"CredentialRegistered","Message":{"ID":1,"ByUser":-1,"AccessRequestID":-1}}`,
	} {
		t.Run(name, func(t *testing.T) { checkMalformed(t, body) })
	}
	for _, id := range []string{
		"-1", "-0", "1.0", "41.5", "1e3", "9223372036854775808", strings.Repeat("9", 400), "null", "true", "[41]", `{"ID":41}`,
		`""`, `"-1"`, `"+41"`, `" 41"`, `"41\n"`, `"041"`, `"00"`, `"4_1"`, `"0x29"`, `"1e3"`, `"٤١"`, `"User#41"`, `"../41"`, `"9223372036854775808"`,
	} {
		for _, event := range []string{"AccessRequestCreated", "AccessRequestApproved", "AccessRequestRejected", "UserAccountActivated"} {
			t.Run(event+" of "+id, func(t *testing.T) { checkMalformed(t, aboutRequest(event, id)) })
		}
	}
}

func checkMalformed(t *testing.T, body string) {
	t.Helper()
	o := &office{requests: map[string][]bridge.ID{"2": {requestULID}, "7": {requestULID}}}
	w := o.deliver(t, body)
	if w.Code != 400 || len(o.hints) != 0 || o.looks != 0 || !slices.Equal(o.outcomes, []string{"portal/main malformed"}) {
		t.Errorf("answered %d with %v and %d looks, observed %v", w.Code, o.hints, o.looks, o.outcomes)
	}
	checkAnswer(t, w)
	checkSilence(t, w.Body.String()+o.log.String())
}

func TestEnterpriseReceiverAnswers(t *testing.T) {
	good := aboutRequest("AccessRequestCreated", "41")
	with := func(change func(*http.Request)) *http.Request {
		r := told(good)
		change(r)
		return r
	}
	headers := func(values ...string) *http.Request {
		return with(func(r *http.Request) { r.Header[webhooks.SecretHeader] = values })
	}
	method := func(name string) *http.Request { return with(func(r *http.Request) { r.Method = name }) }
	chunked := func(body string) *http.Request {
		r := told(body)
		r.ContentLength = -1
		return r
	}
	for _, c := range []struct {
		name    string
		request *http.Request
		err     error
		status  int
		outcome string
		hints   int
	}{
		{"the secret", told(good), nil, 200, "accepted", 1},
		{"the other live secret", headers("another-secret-that-is-live"), nil, 200, "accepted", 1},
		{"PUT", method("PUT"), nil, 200, "accepted", 1},
		{"PATCH", method("PATCH"), nil, 200, "accepted", 1},
		{"another type of content", with(func(r *http.Request) { r.Header.Set("Content-Type", "text/plain") }), nil, 200, "accepted", 1},
		{"an event nobody listens to", told(`{"Event":"PasswordReset","Message":{"Email":"canary@example.com"}}`), nil, 200, "ignored", 0},
		{"an event nobody has heard of", told(`{"Event":"PlanetDiscovered","Message":[1,2],"More":null}`), nil, 200, "ignored", 0},
		{"an event in another case", told(aboutRequest("accessRequestCreated", "41")), nil, 200, "ignored", 0},
		{"a body just at the limit", told(good + strings.Repeat(" ", 256<<10-len(good))), nil, 200, "accepted", 1},

		{"no secret", headers(), nil, 401, "refused", 0},
		{"an empty secret", headers(""), nil, 401, "refused", 0},
		{"a wrong secret", headers(enterpriseSecret + "x"), nil, 401, "refused", 0},
		{"part of the secret", headers(enterpriseSecret[:20]), nil, 401, "refused", 0},
		{"the secret in another case", headers(strings.ToUpper(enterpriseSecret)), nil, 401, "refused", 0},
		{"the secret with a space", headers(" " + enterpriseSecret), nil, 401, "refused", 0},
		{"the secret with a scheme", headers("Bearer " + enterpriseSecret), nil, 401, "refused", 0},
		{"the secret twice", headers(enterpriseSecret, enterpriseSecret), nil, 401, "refused", 0},
		{"the secret after a wrong one", headers("wrong-secret-0123456789", enterpriseSecret), nil, 401, "refused", 0},
		{"the secret twice, joined by a proxy", headers(enterpriseSecret + ", " + enterpriseSecret), nil, 401, "refused", 0},
		{"both live secrets", headers("another-secret-that-is-live", enterpriseSecret), nil, 401, "refused", 0},
		{"the secret of another portal", headers("enterprise-secret-of-the-other"), nil, 401, "refused", 0},
		{"the secret in another header", with(func(r *http.Request) {
			r.Header.Del(webhooks.SecretHeader)
			r.Header.Set("Authorization", enterpriseSecret)
		}), nil, 401, "refused", 0},
		{"the secret in the address", with(func(r *http.Request) {
			r.Header.Del(webhooks.SecretHeader)
			r.URL.RawQuery = "secret=" + enterpriseSecret
		}), nil, 401, "refused", 0},
		{"a wrong secret and a body that must not be read", with(func(r *http.Request) {
			r.Header.Set(webhooks.SecretHeader, "wrong-secret-0123456789")
			r.Body = io.NopCloser(iotest.ErrReader(errors.New("read")))
		}), nil, 401, "refused", 0},

		{"too large", told(strings.Repeat("x", 256<<10+1)), nil, 413, "too_large", 0},
		{"10 MB of unknown length", chunked(good + strings.Repeat(" ", 10<<20)), nil, 413, "too_large", 0},
		{"a body that is cut off", with(func(r *http.Request) {
			r.Body = io.NopCloser(io.MultiReader(strings.NewReader(good[:20]), errorReader{io.ErrUnexpectedEOF}))
		}), nil, 400, "malformed", 0},
		{"the store is unavailable", told(good), &bridge.Error{Kind: bridge.Unavailable, RetryAfter: time.Minute}, 503, "unavailable", 1},
		{"a test of the connection", with(func(r *http.Request) { r.Method, r.Header, r.Body = "HEAD", http.Header{}, http.NoBody }), nil, 200, "", 0},
		{"HEAD with an event", method("HEAD"), nil, 200, "", 0},
		{"GET", method("GET"), nil, 405, "", 0},
		{"DELETE", method("DELETE"), nil, 405, "", 0},
		{"OPTIONS", method("OPTIONS"), nil, 405, "", 0},
		{"a method of lower case", method("post"), nil, 405, "", 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			o := &office{}
			o.err = c.err
			w := httptest.NewRecorder()
			o.handler(t).ServeHTTP(w, c.request)
			if w.Code != c.status || len(o.hints) != c.hints || o.looks != 0 {
				t.Fatalf("answered %d with %d hints, want %d with %d: %s", w.Code, len(o.hints), c.status, c.hints, w.Body)
			}
			var want []string
			if c.outcome != "" {
				want = []string{"portal/main " + c.outcome}
			}
			if diff := cmp.Diff(want, o.outcomes); diff != "" {
				t.Errorf("observed (-want +got):\n%s", diff)
			}
			checkAnswer(t, w)
			checkSilence(t, w.Body.String()+o.log.String())
		})
	}
}

func TestASecretMayBeSentAsAuthorization(t *testing.T) {
	o := &office{}
	c := o.config()
	c.Header = "authorization"
	handler, err := webhooks.TykEnterprise(c)
	if err != nil {
		t.Fatal(err)
	}
	for value, status := range map[string]int{
		enterpriseSecret:                       200,
		"Bearer " + enterpriseSecret:           200,
		"bearer " + enterpriseSecret:           200,
		"Bearer  " + enterpriseSecret:          401,
		"Bearer Bearer " + enterpriseSecret:    401,
		"Bearer, " + enterpriseSecret:          401,
		"Bearer":                               401,
		"Bearer ":                              401,
		"Basic " + enterpriseSecret:            401,
		enterpriseSecret + " ":                 401,
		"Bearer another-secret-that-is-dead":   401,
		"Bearer " + enterpriseSecret + ",more": 401,
	} {
		r := told(aboutRequest("AccessRequestCreated", "41"))
		r.Header = http.Header{"Authorization": {value}}
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		if w.Code != status {
			t.Errorf("%q: answered %d, want %d", value, w.Code, status)
		}
	}
	if len(o.hints) != 3 {
		t.Errorf("%d hints", len(o.hints))
	}
}

func TestAnotherPortalsSecretIsWrong(t *testing.T) {
	east, west := &office{}, &office{}
	c := west.config()
	c.Portal, c.Secrets = "west", []string{"secret-of-the-west-0123456789"}
	handler, err := webhooks.TykEnterprise(c)
	if err != nil {
		t.Fatal(err)
	}
	event := aboutRequest("AccessRequestCreated", "41")
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, told(event))
	if east.deliver(t, event).Code != 200 || w.Code != 401 || len(west.hints) != 0 {
		t.Errorf("answered %d with %v", w.Code, west.hints)
	}
}

// Nothing tells two deliveries of one event from two events, so each is a hint. It
// leads to the same request, whose portal is read.
func TestAReplayedEnterpriseEventIsAHintEachTime(t *testing.T) {
	o := &office{}
	handler := o.handler(t)
	for range 100 {
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, told(aboutRequest("AccessRequestCreated", "41")))
		if w.Code != 200 {
			t.Fatalf("answered %d", w.Code)
		}
	}
	if len(o.hints) != 100 {
		t.Fatalf("%d hints", len(o.hints))
	}
	for _, h := range o.hints {
		if diff := cmp.Diff(at("AccessRequestCreated", "41", true), h); diff != "" {
			t.Fatal(diff)
		}
	}
}

func TestASlowEnterpriseBodyIsNotWaitedFor(t *testing.T) {
	o := &office{}
	c := o.config()
	c.BodyWithin = 50 * time.Millisecond
	handler, err := webhooks.TykEnterprise(c)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(handler)
	defer server.Close()
	for secret, status := range map[string]string{enterpriseSecret: "408", "wrong-secret-0123456789": "401"} {
		conn, err := net.Dial("tcp", server.Listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
		_, _ = io.WriteString(conn, "POST / HTTP/1.1\r\nHost: x\r\n"+webhooks.SecretHeader+": "+secret+"\r\nContent-Length: 100\r\n\r\n{")
		answer, err := io.ReadAll(conn)
		if err != nil || !strings.HasPrefix(string(answer), "HTTP/1.1 "+status+" ") {
			t.Errorf("answered %q, %v", answer, err)
		}
		_ = conn.Close()
	}
}

func TestAnEnterpriseReceiverIsNotMadeWithoutWhatItNeeds(t *testing.T) {
	secrets := func(texts ...string) func(*webhooks.TykEnterpriseConfig) {
		return func(c *webhooks.TykEnterpriseConfig) { c.Secrets = texts }
	}
	header := func(name string) func(*webhooks.TykEnterpriseConfig) {
		return func(c *webhooks.TykEnterpriseConfig) { c.Header = name }
	}
	for name, change := range map[string]func(*webhooks.TykEnterpriseConfig){
		"no Accept":                   func(c *webhooks.TykEnterpriseConfig) { c.Accept = nil },
		"no portal":                   func(c *webhooks.TykEnterpriseConfig) { c.Portal = "" },
		"no Intake":                   func(c *webhooks.TykEnterpriseConfig) { c.Intake = nil },
		"no Requests":                 func(c *webhooks.TykEnterpriseConfig) { c.Requests = nil },
		"no Look":                     func(c *webhooks.TykEnterpriseConfig) { c.Look = nil },
		"no secrets":                  secrets(),
		"a short secret":              secrets("canary"),
		"a secret with a line end":    secrets("canary-canary-canary\n"),
		"a secret with a space":       secrets("canary canary canary"),
		"a secret with a comma":       secrets("canary,canary,canary"),
		"a secret of another script":  secrets("canary-ключ-canary"),
		"one secret that will not do": secrets(enterpriseSecret, "canary canary canary"),
		"a header with a space":       header("X Canary"),
		"a header with a line end":    header("X-Canary\r\n"),
		"a header with a colon":       header("X-Canary:"),
		"a header of 65 letters":      header(strings.Repeat("x", 65)),
		"Host":                        header("host"),
		"Content-Length":              header("content-length"),
		"User-Agent":                  header("User-Agent"),
	} {
		t.Run(name, func(t *testing.T) {
			c := (&office{}).config()
			change(&c)
			_, err := webhooks.TykEnterprise(c)
			if err == nil {
				t.Fatal("made")
			}
			if strings.Contains(strings.ToLower(err.Error()), "canary") {
				t.Errorf("the error repeats what was configured: %v", err)
			}
		})
	}
}

func TestOnlyListenedEnterpriseEventsAreListed(t *testing.T) {
	names := webhooks.EnterpriseEvents()
	if len(names) != 6 || !slices.IsSorted(names) {
		t.Errorf("%q", names)
	}
	for _, name := range names {
		o := &office{requests: map[string][]bridge.ID{"2": {requestULID}, "41": {requestULID}}}
		if w := o.deliver(t, aboutRequest(name, "41")); w.Body.String() != "accepted\n" {
			t.Errorf("%s: %s", name, w.Body)
		}
	}
}

// TestTheSandboxIsUnderstood: an Enterprise Portal that speaks each of the dialects
// is told something by every event that is listened to.
func TestTheSandboxIsUnderstood(t *testing.T) {
	for name, quirks := range map[string]sandbox.EnterpriseQuirks{
		"as documented":     {},
		"published samples": {PublishedSamples: true},
		"1.9":               {OldEvents: true},
		"by who acted":      {ByActor: true},
	} {
		t.Run(name, func(t *testing.T) {
			o := &office{requests: map[string][]bridge.ID{"2": {secondULID}}}
			server := httptest.NewServer(o.handler(t))
			defer server.Close()
			settings := sandbox.DefaultEnterpriseSettings()
			settings.Quirks = quirks
			portal, err := sandbox.NewEnterprise(sandbox.EnterpriseConfig{Settings: settings, Channels: []sandbox.Channel{{
				URL: server.URL, Headers: []sandbox.ChannelHeader{{Name: webhooks.SecretHeader, Value: enterpriseSecret}},
			}}})
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = portal.Close() }()
			run(t, portal)
			checkDeliveries(t, portal, o)
		})
	}
}

// run lets happen what there are events for, and tests the connection.
func run(t *testing.T, portal *sandbox.Enterprise) {
	t.Helper()
	for range 2 {
		if _, err := portal.CreateAccessRequest(sandbox.AccessAsk{
			Email: sandbox.EnterpriseEmail, Products: []int{sandbox.ForecastProduct}, Plan: sandbox.PaidPlan,
		}); err != nil {
			t.Fatal(err)
		}
	}
	tested, err := portal.TestConnection(t.Context(), "1")
	if err := errors.Join(
		err, portal.Approve(1), portal.Reject(2),
		portal.Deactivate(sandbox.EnterpriseEmail), portal.Activate(sandbox.EnterpriseEmail),
	); err != nil || tested.Status != 200 {
		t.Fatalf("%+v, %v", tested, err)
	}
}

// checkDeliveries waits until all were sent, and sees that each was believed and led
// somewhere.
func checkDeliveries(t *testing.T, portal *sandbox.Enterprise, o *office) {
	t.Helper()
	if err := portal.Settle(t.Context()); err != nil {
		t.Fatal(err)
	}
	sent := portal.Webhooks()
	if len(sent) != 8 { // and the test
		t.Errorf("%d deliveries", len(sent))
	}
	for _, one := range sent {
		if one.Status != 200 {
			t.Errorf("%s was answered %d: %s", one.Event, one.Status, one.Body)
		}
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, outcome := range o.outcomes {
		if outcome != "portal/main accepted" {
			t.Errorf("observed %s", outcome)
		}
	}
	for _, id := range []string{"1", "2"} {
		if !slices.ContainsFunc(o.hints, func(h bridge.Hint) bool { return h.Key == id }) {
			t.Errorf("no hint at access request %s", id)
		}
	}
	if !slices.ContainsFunc(o.hints, func(h bridge.Hint) bool { return h.Request == secondULID && h.What == "UserAccountDeactivated" }) {
		t.Error("no hint at the developer's request")
	}
}

// FuzzTykEnterpriseWebhook: whatever is sent, the answer is one of those documented,
// and a hint is taken only with the secret, from JSON, with an id that encoding/json
// reads there too.
func FuzzTykEnterpriseWebhook(f *testing.F) {
	f.Add(enterpriseSecret, []byte(aboutRequest("AccessRequestCreated", "41")))
	f.Add(enterpriseSecret, []byte(publishedCreated))
	f.Add(enterpriseSecret, []byte(publishedCredential))
	f.Add(enterpriseSecret, []byte(deactivated))
	f.Add("another-secret-that-is-live", []byte(`{"message":{"ID":"1"},"event":"NewAccessRequest"}`))
	f.Add("Bearer "+enterpriseSecret, []byte(`{}`))
	f.Fuzz(func(t *testing.T, secret string, body []byte) {
		o := &office{requests: map[string][]bridge.ID{"2": {secondULID}, "7": {secondULID}}}
		r := told(string(body))
		r.Header[webhooks.SecretHeader] = []string{secret}
		w := httptest.NewRecorder()
		o.handler(t).ServeHTTP(w, r)
		if w.Code != 200 && w.Code != 400 && w.Code != 401 && w.Code != 413 || len(o.outcomes) != 1 {
			t.Fatalf("answered %d, %v", w.Code, o.outcomes)
		}
		if (w.Code == 401) != (secret != enterpriseSecret && secret != "another-secret-that-is-live") {
			t.Fatalf("answered %d to %q", w.Code, secret)
		}
		if w.Code != 200 && (len(o.hints) != 0 || o.looks != 0) {
			t.Fatalf("answered %d, and took %v", w.Code, o.hints)
		}
		for _, h := range o.hints {
			checkTaken(t, h, body)
		}
	})
}

// checkTaken sees that a hint holds what encoding/json reads at the same place.
func checkTaken(t *testing.T, h bridge.Hint, body []byte) {
	t.Helper()
	var all map[string]json.RawMessage
	if err := json.Unmarshal(body, &all); err != nil {
		t.Fatalf("took %+v from what is not JSON: %q", h, body)
	}
	var what string
	if json.Unmarshal(all["Event"], &what) != nil || what == "" {
		_ = json.Unmarshal(all["event"], &what)
	}
	if what != h.What || h.Source != "portal/main" {
		t.Fatalf("took %+v from %q", h, body)
	}
	if h.Request != "" {
		if h.Key != "" || h.Intake != nil {
			t.Fatalf("took %+v from %q", h, body)
		}
		return
	}
	message, ok := all["Message"]
	if !ok {
		message = all["message"]
	}
	var members map[string]json.RawMessage
	_ = json.Unmarshal(message, &members)
	id := members["ID"]
	if strings.Contains(h.What, "Credential") {
		id = members["AccessRequestID"]
	}
	var text string
	if json.Unmarshal(id, &text) != nil {
		text = string(id)
	}
	n, err := strconv.ParseInt(h.Key, 10, 64)
	if err != nil || n < 1 || h.Key != fmt.Sprint(n) || text != h.Key || h.Portal != "main" {
		t.Fatalf("took %+v from %q", h, body)
	}
	if created := h.What == "AccessRequestCreated" || h.What == "NewAccessRequest"; created != (h.Intake != nil) {
		t.Fatalf("took %+v, created %t", h, created)
	}
}
