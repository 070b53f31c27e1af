package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	tyksandbox "keybridge/bridge/tyk/sandbox"

	"keybridge/bridge"
)

// posted is one webhook as somebody sends it. Zero members are those of the portal's
// own webhook.
type posted struct {
	method string // empty: POST
	portal string // empty: the portal whose turn it is
	secret string // empty: the portal's own; "-": none
	header string // the header that brings it; empty: where it belongs
	body   string
}

// send sends a webhook and returns the status of the answer.
func (f *far) send(p posted) int {
	f.t.Helper()
	to := f.url + "/webhooks/portal/" + firstText(p.portal, f.portal)
	secret, header := p.secret, p.header
	if f.portal == demoPortal {
		if secret = firstText(secret, standPortalHook); secret != "-" && header == "" {
			to += "?secret=" + secret
		}
	} else {
		secret, header = firstText(secret, standPartnersHook), firstText(header, webhookHeader)
		if header == "in the address" {
			to += "?secret=" + secret
		}
	}
	req, err := http.NewRequestWithContext(f.t.Context(), firstText(p.method, http.MethodPost), to, strings.NewReader(p.body))
	if err != nil {
		f.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	if secret != "-" && header != "" && header != "in the address" {
		req.Header.Set(header, secret)
	}
	answer, err := http.DefaultClient.Do(req)
	if err != nil {
		f.t.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }()
	_, _ = io.Copy(io.Discard, answer.Body) // nobody reads it
	return answer.StatusCode
}

// event is the portal's own word about a key request, with what it claims of it.
func (f *far) event(key, claims string) string {
	if f.portal == demoPortal {
		return fmt.Sprintf(`{"event":"key_request_event.submitted","data":{"id":%q,"approved":%t,"by_user":"x"}}`, key, claims == "approved")
	}
	name := map[string]string{"pending": "AccessRequestCreated", "approved": "AccessRequestApproved", "rejected": "AccessRequestRejected"}[claims]
	return fmt.Sprintf(`{"Event":%q,"Message":{"ID":%s,"AppID":1,"ByUser":2,"Status":%q,"ProductIDs":[1],"PlanID":2},"Timestamp":"2026-01-02T03:04:05Z"}`,
		name, key, claims)
}

func TestWebhooksThatAreNotThePortalsAreRefusedAndLeaveNothing(t *testing.T) {
	t.Parallel()
	other := map[string]string{demoPortal: standPartnersHook, demoEnterprise: standPortalHook}
	eachPortal(t, mailedStand(t, nil), func(t *testing.T, f *far) {
		f.holdAllWebhooks()
		f.isListed()
		key := f.file(paid) // which nobody has told of
		pending := f.event(key, "pending")
		for name, one := range map[string]struct {
			sent posted
			want int
		}{
			"no secret":                 {posted{secret: "-", body: pending}, http.StatusUnauthorized},
			"a wrong secret":            {posted{secret: "wrong-secret-0123456789", body: pending}, http.StatusUnauthorized},
			"the other portal's secret": {posted{secret: other[f.portal], body: pending}, http.StatusUnauthorized},
			"the secret where the other portal has it": {
				posted{header: map[string]string{demoPortal: webhookHeader, demoEnterprise: "in the address"}[f.portal], secret: f.ownSecret(), body: pending},
				http.StatusUnauthorized,
			},
			"for a portal that is not configured": {posted{portal: "nobody", body: pending}, http.StatusNotFound},
			"10 MB":                               {posted{body: `{"event":"` + strings.Repeat("x", 10<<20) + `"}`}, http.StatusRequestEntityTooLarge},
			"no JSON":                             {posted{body: "approve=1"}, http.StatusBadRequest},
			"nothing at all":                      {posted{}, http.StatusBadRequest},
			"half of a body":                      {posted{body: pending[:len(pending)/2]}, http.StatusBadRequest},
			"an event nobody listens to":          {posted{body: strings.NewReplacer("key_request_event.submitted", "token.created", "AccessRequestCreated", "BlogPostCreated").Replace(pending)}, http.StatusOK},
			"an id that is none":                  {posted{body: strings.NewReplacer(`"`+key+`"`, `"../../etc"`, `"ID":`+key, `"ID":-7`).Replace(pending)}, http.StatusBadRequest},
			"GET":                                 {posted{method: http.MethodGet}, http.StatusMethodNotAllowed},
			"HEAD, which tests the connection":    {posted{method: http.MethodHead, secret: "-"}, http.StatusOK},
		} {
			if got := f.send(one.sent); got != one.want {
				t.Errorf("%s is answered %d, want %d", name, got, one.want)
			}
		}
		if r := f.known(key); r.ID != "" {
			t.Errorf("the request is known all the same: %s", r.State())
		}
		if got := f.send(posted{body: pending}); got != http.StatusOK {
			t.Errorf("the portal's own is answered %d", got)
		}
		f.comesTo(key, bridge.StatePaying) // so the others failed for what was wrong with them
	})
}

// isListed waits until the portal was asked for what waits, as it is at the start.
func (f *far) isListed() {
	f.t.Helper()
	listed := regexp.MustCompile(`keybridge_calls_total{doing="list pending",outcome="ok",portal="` + f.portal + `"} [1-9]`)
	await(f.t, "the portal to be listed", func() bool { return listed.MatchString(f.metrics()) }, func() string { return f.metrics() })
}

// ownSecret is the secret of the portal's webhook.
func (f *far) ownSecret() string {
	if f.portal == demoPortal {
		return standPortalHook
	}
	return standPartnersHook
}

// TestWhatAWebhookClaimsIsReadBack has webhooks with the right secret say what is not
// so.
func TestWhatAWebhookClaimsIsReadBack(t *testing.T) {
	t.Parallel()
	eachPortal(t, mailedStand(t, nil), func(t *testing.T, f *far) {
		key := f.file(paid)
		open := f.opens(key)
		before := f.known(key)
		for _, claims := range []string{"approved", "rejected", "pending"} {
			for range 30 { // and again, and again
				if got := f.send(posted{body: f.event(key, claims)}); got != http.StatusOK {
					t.Fatalf("answered %d", got)
				}
			}
		}
		nobodys := map[string]string{demoPortal: "5ac07777cbb8c2d5300000ff", demoEnterprise: "999999"}[f.portal]
		if got := f.send(posted{body: f.event(nobodys, "approved")}); got != http.StatusOK {
			t.Errorf("a request that is not there is answered %d", got)
		}
		f.act(open.ID, "pay", nil)
		r := f.comesTo(key, bridge.StateActive)
		if r.ID != before.ID || f.keys() != 1 {
			t.Errorf("request %s after %s, %d keys", r.ID, before.ID, f.keys())
		}
		f.wantOneRequest(r)
		f.wantCheckouts(r.ID, "complete paid")
		if n := f.known(nobodys); n.Verdict.Outcome == bridge.Approve {
			t.Errorf("what is not there is %s", n.State())
		}
		writes := f.writes()
		if want := []string{"approve"}; !slices.Equal(writes, want) {
			t.Errorf("the portal was told %q, want %q", writes, want)
		}
	})
}

// writes are the decisions the bridge made in the portal, in order. Only one developer
// may have asked there.
func (f *far) writes() (all []string) {
	f.t.Helper()
	calls, under := f.Portal.Calls(), "/api/portal/requests"
	if f.portal == demoEnterprise {
		calls, under = f.Enterprise.Calls(), "/portal-api/"
	}
	for _, c := range calls {
		if c.Method == http.MethodGet || !strings.HasPrefix(c.Path, under) {
			continue
		}
		what := strings.ToLower(c.Method)
		for _, word := range []string{"approve", "reject"} {
			if strings.Contains(c.Path, word) {
				what = word
			}
		}
		all = append(all, what)
	}
	return all
}

// TestAWebhookThatDoesNotSayWhichIsLookedUp sends the sample that Tyk publishes.
func TestAWebhookThatDoesNotSayWhichIsLookedUp(t *testing.T) {
	t.Parallel()
	s := mailedStand(t, func(c *choice) { c.poll = "off" })
	f := &far{stand: s, portal: demoEnterprise, email: "zero@example.com"}
	settings := s.Enterprise.Settings()
	settings.Quirks.PublishedSamples = true
	if err := s.Enterprise.SetSettings(settings); err != nil {
		t.Fatal(err)
	}
	a, err := s.Enterprise.CreateAccessRequest(tyksandbox.AccessAsk{
		Email: f.email, Products: []int{tyksandbox.WarningsProduct}, Plan: tyksandbox.PaidPlan,
	})
	if err != nil {
		t.Fatal(err)
	}
	key := fmt.Sprint(a.ID)
	f.act(f.opens(key).ID, "pay", nil)
	f.comesTo(key, bridge.StateActive)
	if page, err := s.bridge.service.List(context.WithoutCancel(t.Context()), bridge.Filter{}); err != nil || len(page.Requests) != 1 {
		t.Errorf("%d requests, %v", len(page.Requests), err)
	}
}
