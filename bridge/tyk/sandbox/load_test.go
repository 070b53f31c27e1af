package sandbox_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"keybridge/bridge/tyk/sandbox"
)

func TestManyMayUseThePortalAtOnce(t *testing.T) {
	p, r := newPortal(t, sandbox.Config{}), newReceiver(t)
	p.set(func(c *sandbox.Settings) { c.Webhook = r.URL })
	const workers, each = 6, 12
	var wait sync.WaitGroup
	for worker := range workers {
		wait.Go(func() {
			for i := range each {
				request, err := p.CreateKeyRequest(sandbox.Ask{
					Email: fmt.Sprintf("dev-%d@example.org", worker%3), Policies: []string{sandbox.FreePolicy},
				})
				if err != nil {
					t.Error(err)
					return
				}
				// Two approve each request, and one of them has to be told that it came too late.
				var answers [2]answer
				var race sync.WaitGroup
				for n := range answers {
					race.Go(func() {
						var err error
						if answers[n], err = p.send("PUT", "/api/portal/requests/approve/"+request.ID, "", "authorization", p.Secret()); err != nil {
							t.Error(err)
						}
					})
				}
				race.Wait()
				if answers[0].status+answers[1].status != 200+400 {
					t.Errorf("request %d: %d and %d", i, answers[0].status, answers[1].status)
				}
				for _, path := range []string{"/api/portal/requests?p=-1", "/api/portal/developers", "/api/portal/requests/" + request.ID} {
					if a, err := p.send("GET", path, "", "authorization", p.Secret()); err != nil || a.status != 200 {
						t.Errorf("%s: %d %v", path, a.status, err)
					}
				}
			}
		})
	}
	wait.Wait()
	p.settle()
	keys := 0
	for _, d := range p.Developers() {
		keys += len(d.Keys)
	}
	if keys != workers*each || len(p.Mail()) != workers*each || len(r.events()) != 2*workers*each {
		t.Errorf("%d keys, %d mails, %d webhooks", keys, len(p.Mail()), len(r.events()))
	}
}

func TestThousandsOfRequestsStayQuick(t *testing.T) {
	p := newPortal(t, sandbox.Config{})
	const many = 5000
	began := time.Now()
	for i := range many {
		if _, err := p.CreateKeyRequest(sandbox.Ask{Email: fmt.Sprintf("dev-%d@example.org", i%100), Policies: []string{sandbox.PaidPolicy}}); err != nil {
			t.Fatal(err)
		}
	}
	created := time.Since(began)
	began = time.Now()
	for range 100 {
		if a := p.must("GET", "/api/portal/requests?approved=false&p=3", ""); strings.Count(a.body, `"apply_policies"`) != 10 {
			t.Fatal(a.body)
		}
	}
	// Bounds far above what it takes, against a scan that creeps in: a list by state costs what it shows.
	if listed := time.Since(began); created > 8*time.Second || listed > 4*time.Second {
		t.Errorf("%d requests took %v, 100 pages of them %v", many, created, listed)
	}
	b := p.browser().get("/admin/").shows(fmt.Sprintf(`<span class="tag">%d</span>`, many))
	if n := strings.Count(b.page, `id="approve-`); n != 50 {
		t.Errorf("the admin's page lists %d", n)
	}
}

// BenchmarkCreateReadApprove files a request, and reads and approves it by the API, without a network between.
func BenchmarkCreateReadApprove(b *testing.B) {
	s, err := sandbox.New(sandbox.Config{})
	if err != nil {
		b.Fatal(err)
	}
	call := func(method, path string) {
		w, r := httptest.NewRecorder(), httptest.NewRequest(method, path, nil)
		r.Header.Set("Authorization", s.Secret())
		if s.ServeHTTP(w, r); w.Code != http.StatusOK {
			b.Fatal(w.Code, w.Body)
		}
	}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		request, err := s.CreateKeyRequest(sandbox.Ask{Email: fmt.Sprintf("dev-%d@example.org", i%1000), Policies: []string{sandbox.PaidPolicy}})
		if err != nil {
			b.Fatal(err)
		}
		call("GET", "/api/portal/requests/"+request.ID)
		call("PUT", "/api/portal/requests/approve/"+request.ID)
	}
}
