package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	tyksandbox "keybridge/bridge/tyk/sandbox"

	"keybridge/bridge"
	"keybridge/bridge/people"
)

// program is what calls the API of a whole bridge.
type program struct {
	*stand
	token string
}

// program lets a program come in as somebody.
func (s *stand) program(of string, role bridge.Role, portals ...string) program {
	s.t.Helper()
	token, err := s.bridge.register.Issue(s.t.Context(), operator, people.TokenOrder{Name: of + "-" + string(role), For: of, Role: role, Portals: portals})
	if err != nil {
		s.t.Fatal(err)
	}
	return program{s, token}
}

// calls sends a call and returns its status, the ETag and the body. headers are names and
// values in turn.
func (p program) calls(method, path, body string, headers ...string) (status int, etag string, answer map[string]any) {
	p.t.Helper()
	r, err := http.NewRequestWithContext(p.t.Context(), method, p.url+"/api/v1"+path, strings.NewReader(body))
	if err != nil {
		p.t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+p.token)
	r.Header.Set("Content-Type", "application/json")
	for pair := range slices.Chunk(headers, 2) {
		r.Header.Set(pair[0], pair[1])
	}
	w, err := http.DefaultClient.Do(r)
	if err != nil {
		p.t.Fatal(err)
	}
	defer func() { _ = w.Body.Close() }()
	text, err := io.ReadAll(w.Body)
	if err != nil {
		p.t.Fatal(err)
	}
	if err := json.Unmarshal(text, &answer); err != nil {
		p.t.Fatalf("%s %s: %d %s", method, path, w.StatusCode, text)
	}
	return w.StatusCode, w.Header.Get("ETag"), answer
}

func TestAProgramSeesDecidesAndCounts(t *testing.T) {
	t.Parallel()
	s := startStand(t, choice{plans: []string{reviewedPlan}})
	s.hire("rita", bridge.Reviewer)
	s.hire("vera", bridge.Viewer, "partners")
	s.hire("ada", bridge.Admin)
	rita := s.program("rita", bridge.Reviewer)
	key := s.ask(asker, tyksandbox.ReviewedPolicy)
	r := s.awaitState(key.ID, bridge.StateReviewing)
	path := "/requests/" + string(r.ID)

	_, _, list := rita.calls("GET", "/requests?portal="+demoPortal, "")
	if got := list["requests"].([]any); len(got) != 1 || got[0].(map[string]any)["id"] != string(r.ID) {
		t.Fatalf("what waits is %v", list)
	}
	_, etag, _ := rita.calls("GET", path, "")
	for _, want := range []int{http.StatusOK, http.StatusOK} { // and once more, because the answer was lost
		if status, _, said := rita.calls("POST", path+"/approve", `{"why": "By contract."}`, "If-Match", etag, "Idempotency-Key", "order-1"); status != want {
			t.Fatalf("%d %v", status, said)
		}
	}
	s.awaitState(key.ID, bridge.StateActive)
	s.wantOneKey(key.ID, asker)

	if status, _, said := s.program("vera", bridge.Viewer).calls("GET", path, ""); status != http.StatusNotFound {
		t.Errorf("who may not know of it is answered %d %v", status, said)
	}
	ada := s.program("ada", bridge.Admin)
	ada.awaits("/audit?limit=100", "who looked, and who was refused", func(audit map[string]any) bool {
		return audited(audit, "rita", "viewed", r.ID) && audited(audit, "vera", "refused", r.ID)
	})
	ada.awaits("/money", "the key, counted", func(money map[string]any) bool {
		text, err := json.Marshal(money["total"])
		return err == nil && bytes.Contains(text, []byte(`{"requests":1,"stage":"granted"}`))
	})
}

// awaits looks until what is answered is so, no faster than a token may.
func (p program) awaits(path, what string, so func(map[string]any) bool) {
	p.t.Helper()
	var last map[string]any
	await(p.t, what, func() bool {
		time.Sleep(150 * time.Millisecond)
		status, _, answer := p.calls("GET", path, "")
		last = answer
		return status == http.StatusOK && so(answer)
	}, func() string { return fmt.Sprint(last) })
}

// audited reports whether the audit has an entry of somebody about a request.
func audited(audit map[string]any, who, what string, id bridge.ID) bool {
	return slices.ContainsFunc(audit["entries"].([]any), func(each any) bool {
		e := each.(map[string]any)
		return e["actor"].(map[string]any)["name"] == who && e["what"] == what && e["request"] == string(id)
	})
}

func TestWhoIsSignedInAtTheConsoleIsNobodyToTheAPI(t *testing.T) {
	t.Parallel()
	s := startStand(t, choice{plans: []string{reviewedPlan}})
	password := s.hire("ada", bridge.Admin)
	form := url.Values{"name": {"ada"}, "password": {password}}.Encode()
	cookies, status := s.browses(http.MethodPost, "/console/sign-in", form, nil)
	if len(cookies) == 0 || status != http.StatusSeeOther {
		t.Fatalf("signing in is answered %d, with %d cookies", status, len(cookies))
	}
	for path, want := range map[string]int{
		"/console/you": http.StatusOK, "/api/v1/me": http.StatusUnauthorized, "/api/v1/requests": http.StatusUnauthorized, "/api/v1/openapi.json": http.StatusOK,
	} {
		if set, got := s.browses(http.MethodGet, path, "", cookies); got != want || len(set) > 0 && strings.HasPrefix(path, "/api/") {
			t.Errorf("%s is answered %d, want %d; cookies: %d", path, got, want, len(set))
		}
	}
}

// browses is what a browser sends, with the cookies it has; it returns those that are set.
func (s *stand) browses(method, path, form string, cookies []*http.Cookie) (set []*http.Cookie, status int) {
	s.t.Helper()
	r, err := http.NewRequestWithContext(s.t.Context(), method, s.url+path, strings.NewReader(form))
	if err != nil {
		s.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	for _, c := range cookies {
		r.AddCookie(c)
	}
	w, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		s.t.Fatal(err)
	}
	defer func() { _ = w.Body.Close() }()
	return w.Cookies(), w.StatusCode
}
