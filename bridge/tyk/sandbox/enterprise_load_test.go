package sandbox_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"keybridge/bridge/tyk/sandbox"
)

func TestManyMayUseAnEnterprisePortalAtOnce(t *testing.T) {
	e, r := newEnterprise(t, sandbox.EnterpriseConfig{}), newReceiver(t)
	if _, err := e.AddChannel(sandbox.Channel{URL: r.URL}); err != nil {
		t.Fatal(err)
	}
	const workers, each = 6, 8
	var wait sync.WaitGroup
	for worker := range workers {
		wait.Go(func() {
			for range each {
				request, err := e.CreateAccessRequest(sandbox.AccessAsk{
					Email: fmt.Sprintf("dev-%d@example.org", worker%3), Products: []int{1, 2}, Plan: sandbox.PaidPlan,
				})
				if err != nil {
					t.Error(err)
					return
				}
				// Two decide each request, and one of them has to be told that it came too late.
				var answers [2]answer
				var race sync.WaitGroup
				for n, act := range []string{"approve", "reject"} {
					race.Go(func() {
						var err error
						path := "/portal-api/access_requests/" + strconv.Itoa(request.ID) + "/" + act
						if answers[n], err = e.send("PUT", path, "", "Authorization", e.Secret()); err != nil {
							t.Error(err)
						}
					})
				}
				race.Wait()
				if answers[0].status+answers[1].status != 200+422 {
					t.Errorf("request %d: %d and %d", request.ID, answers[0].status, answers[1].status)
				}
				for _, path := range []string{"/portal-api/access_requests", "/portal-api/apps/1", "/portal-api/users", "/admin/access-requests"} {
					if a, err := e.send("GET", path, "", "Authorization", e.Secret()); err != nil || a.status != 200 {
						t.Errorf("%s: %d %v", path, a.status, err)
					}
				}
			}
		})
	}
	wait.Wait()
	settle(t, e)
	approved := 0
	for _, request := range e.AccessRequests() {
		if request.Status == sandbox.Pending || (request.Status == sandbox.Approved) != (len(request.Credentials) == 1) {
			t.Errorf("%+v", request)
		}
		approved += len(request.Credentials)
	}
	// Each was submitted and decided; three apps were made.
	if mails, events := len(e.Mail()), len(r.events()); mails != 2*workers*each || events != 3+2*workers*each+approved {
		t.Errorf("%d approved, %d mails, %d events", approved, mails, events)
	}
}

func TestThousandsOfAccessRequestsStayQuick(t *testing.T) {
	e := newEnterprise(t, sandbox.EnterpriseConfig{})
	const many = 5000
	began := time.Now()
	for i := range many {
		_, err := e.CreateAccessRequest(sandbox.AccessAsk{Email: fmt.Sprintf("dev-%d@example.org", i%20), Products: []int{1}, Plan: sandbox.PaidPlan})
		if err != nil {
			t.Fatal(err)
		}
	}
	created := time.Since(began)
	began = time.Now()
	for range 50 {
		if a := e.must("GET", "/access_requests?page=3&per_page=100", ""); strings.Count(a.body, `"pending"`) != 100 {
			t.Fatal(a.body)
		}
	}
	// Bounds far above what it takes, against a scan that creeps in: a page costs what it shows.
	if listed := time.Since(began); created > 8*time.Second || listed > 4*time.Second {
		t.Errorf("%d requests took %v, 50 pages of them %v", many, created, listed)
	}
	b := e.browser().get("/admin/access-requests").shows(fmt.Sprintf(`<span class="tag">%d</span>`, many))
	if n := strings.Count(b.page, `id="approve-`); n != 50 {
		t.Errorf("the admin's page lists %d", n)
	}
}

// FuzzEnterpriseBodies sends any text to every call that takes a body: none may break the portal, and it always answers
// in JSON.
func FuzzEnterpriseBodies(f *testing.F) {
	for i, body := range []string{
		`{"ProductIDs":[1,2],"PlanID":2,"ProvisionImmediately":true}`, `{"Name":"x","UserID":2,"URL":"http://a.example/{id}","Value":"\r"}`,
		`{"Email":"a@b.example","Active":false,"OrganisationID":1}`, `{"AutoApproveAccessRequests":null,"Timeout":-1,"Events":null}`,
		`{"email":"a@b.example","products":[3,3],"plan":1}`, `{"approve":{"subject":"{name}"}}`, `[]`, `null`, `"`, ``,
	} {
		for _, which := range []int{i, i + 4, i + 8} {
			f.Add(uint8(which), body)
		}
	}
	f.Fuzz(func(t *testing.T, which uint8, body string) {
		e, err := sandbox.NewEnterprise(sandbox.EnterpriseConfig{
			Secret: "s", Settings: sandbox.EnterpriseSettings{HoldWebhooks: true},
			Users:    []sandbox.User{{Email: sandbox.EnterpriseEmail, Apps: []sandbox.App{{Name: "x"}}}},
			Channels: []sandbox.Channel{{URL: "http://a.example/", Headers: []sandbox.ChannelHeader{{Name: "X", Value: "y"}}}},
		})
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = e.Close() }()
		calls := []string{
			"POST /portal-api/apps", "PUT /portal-api/apps/1", "PUT /portal-api/apps/1/provision", "POST /portal-api/users", "PUT /portal-api/users/2",
			"POST /portal-api/organisations", "PUT /portal-api/plans/2", "POST /portal-api/webhooks", "PUT /portal-api/webhooks/1",
			"POST /portal-api/webhooks/1/headers", "PUT /portal-api/webhooks/1/headers/1", "POST /sandbox/access_requests",
		}
		method, path, _ := strings.Cut(calls[int(which)%len(calls)], " ")
		send := func(method, path, body string) *httptest.ResponseRecorder {
			r := httptest.NewRequest(method, path, strings.NewReader(body))
			r.Header.Set("Authorization", "s")
			w := httptest.NewRecorder()
			e.ServeHTTP(w, r)
			return w
		}
		w := send(method, path, body)
		if w.Code >= http.StatusInternalServerError || !json.Valid(w.Body.Bytes()) {
			t.Errorf("%s %s with %q: %d %s", method, path, body, w.Code, w.Body)
		}
		for _, read := range []string{"/portal-api/access_requests", "/portal-api/apps/1", "/portal-api/users", "/portal-api/webhooks", "/admin/access-requests", "/admin/webhooks"} {
			if w := send(http.MethodGet, read, ""); w.Code >= http.StatusInternalServerError {
				t.Errorf("after %s %s with %q, %s answers %d", method, path, body, read, w.Code)
			}
		}
	})
}
