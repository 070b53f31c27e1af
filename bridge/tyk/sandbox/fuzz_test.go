package sandbox_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"keybridge/bridge/tyk/sandbox"
)

// FuzzBodies sends any text to every call that takes a body: none may break the portal, and what it says of a refusal is
// always an envelope.
func FuzzBodies(f *testing.F) {
	for _, body := range []string{
		`{"by_user":"` + sampleUser + `","for_plan":"` + samplePolicy + `","version":"v2","approved":false,"fields":{"a":"b"}}`,
		`{"email":"a@b.example","password":"x","keys":{"k":["p"]},"fields":null,"oauth_clients":{"p":null}}`,
		`{"data":{"apply_policies":["` + samplePolicy + `"],"quota_max":1e400,"is_inactive":null}}`,
		`{"apis":[{"policy_id":"` + samplePolicy + `","config":{"override":true,"redirect_on_key_request":true}}]}`,
		`{"event_options":{"key_request_event":{"webhook":7}}}`, `[]`, `null`, `"`, ``,
	} {
		for which := range 9 {
			f.Add(uint8(which), body)
		}
	}
	f.Fuzz(func(t *testing.T, which uint8, body string) {
		s, err := sandbox.New(sandbox.Config{
			Org: sampleOrg, Secret: "s", AdminSecret: "s",
			Developers: []sandbox.Developer{{ID: sampleUser, Email: "dev@example.com"}},
			Catalogue:  []sandbox.CatalogueEntry{{Name: "New catalogue", Show: true, PolicyID: samplePolicy, Version: "v2"}},
		})
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = s.Close() }()
		request, err := s.CreateKeyRequest(sandbox.Ask{Email: "dev@example.com", Policies: []string{samplePolicy}})
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Approve(request.ID); err != nil {
			t.Fatal(err)
		}
		developer, _ := s.Developer("dev@example.com")
		key := developer.Subscriptions[samplePolicy]
		calls := []string{
			"POST /api/portal/requests", "POST /api/portal/developers", "PUT /api/portal/developers/" + sampleUser,
			"POST /api/portal/developers/" + sampleUser + "/keys", "PUT /api/keys/" + key + "?hashed=true", "PUT /api/portal/catalogue",
			"PUT /api/portal/configuration", "PUT /admin/organisations/" + sampleOrg, "POST /sandbox/requests",
		}
		method, path, _ := strings.Cut(calls[int(which)%len(calls)], " ")
		send := func(method, path, body string) *httptest.ResponseRecorder {
			r := httptest.NewRequest(method, path, strings.NewReader(body))
			r.Header.Set("authorization", "s")
			r.Header.Set("admin-auth", "s")
			w := httptest.NewRecorder()
			s.ServeHTTP(w, r)
			return w
		}
		w := send(method, path, body)
		if w.Code >= http.StatusInternalServerError || !json.Valid(w.Body.Bytes()) {
			t.Errorf("%s %s with %q: %d %s", method, path, body, w.Code, w.Body)
		}
		for _, read := range []string{
			"/api/portal/requests?p=-1", "/api/portal/developers?p=-1", "/api/portal/catalogue", "/api/portal/configuration",
			"/api/keys/" + key + "?hashed=true", "/admin/organisations", "/admin/",
		} {
			if w := send(http.MethodGet, read, ""); w.Code >= http.StatusInternalServerError {
				t.Errorf("after %s %s with %q, %s answers %d", method, path, body, read, w.Code)
			}
		}
	})
}
