package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"slices"
	"strings"
	"testing"

	"keybridge/bridge"
	"keybridge/bridge/people"
)

// These tests try every operation as every role, on requests of a portal within their
// scope and of one outside it, on the pages and at the API.

// leastRole is who may do what, written down once more: bridge.Person.May is held to it.
var leastRole = map[bridge.Operation]bridge.Role{
	bridge.MaySee: bridge.Viewer, bridge.MayExport: bridge.Viewer,
	bridge.MayNote: bridge.Reviewer, bridge.MayAssign: bridge.Reviewer, bridge.MayAsk: bridge.Reviewer, bridge.MayRetry: bridge.Reviewer,
	bridge.MayReview: bridge.Reviewer,
	bridge.MaySecond: bridge.Approver, bridge.MayWaive: bridge.Approver, bridge.MayRefund: bridge.Approver,
	bridge.MayCancel: bridge.Approver, bridge.MayCreate: bridge.Approver,
	bridge.MayManage: bridge.Admin, bridge.MayAudit: bridge.Admin, bridge.MayForget: bridge.Admin,
}

// attempt is a way to do an operation to a request. The method is POST where there is a
// form or a body.
type attempt struct {
	path string
	form url.Values // of a page
	body any        // of the API
}

// deeds are the attempts at one deed on a request.
func onRequest(name string, form url.Values, body any) func(bridge.Request) []attempt {
	return func(r bridge.Request) []attempt {
		return []attempt{
			{path: "/console/requests/" + string(r.ID) + "/" + name, form: form},
			{path: "/api/v1/requests/" + string(r.ID) + "/" + name, body: body},
		}
	}
}

// attempts are all of them, by operation. What is about no request is tried with each.
func attempts() map[bridge.Operation]func(bridge.Request) []attempt {
	why := url.Values{"text": {"Because."}, "amount": {"1.00"}}
	reason, text := map[string]any{"why": "Because."}, map[string]any{"text": "Because."}
	return map[bridge.Operation]func(bridge.Request) []attempt{
		bridge.MaySee: func(r bridge.Request) []attempt {
			return []attempt{
				{path: "/console/requests/" + string(r.ID)}, {path: "/api/v1/requests/" + string(r.ID)}, {path: "/api/v1/requests/" + string(r.ID) + "/history"},
			}
		},
		bridge.MayNote:   onRequest("note", why, text),
		bridge.MayAssign: onRequest("assign", url.Values{"to": {"matrix-admin"}}, map[string]any{"to": "matrix-admin"}),
		bridge.MayAsk:    onRequest("ask", why, text),
		bridge.MayRetry:  onRequest("retry", why, map[string]any{}),
		bridge.MayReview: onRequest("decline", why, reason),
		bridge.MaySecond: onRequest("approve", why, reason),
		bridge.MayWaive:  onRequest("waive", why, reason),
		bridge.MayRefund: onRequest("refund", why, map[string]any{"why": "Because.", "amount": map[string]any{"amount": "1.00", "currency": "EUR"}}),
		bridge.MayCancel: onRequest("end", why, reason),
		bridge.MayCreate: func(r bridge.Request) []attempt {
			return []attempt{{path: "/api/v1/requests", body: map[string]any{"portal": r.Portal, "developer": asker, "plan": r.Terms.Plan}}}
		},
		bridge.MayManage: func(bridge.Request) []attempt {
			return []attempt{
				{path: "/console/people"}, {path: "/console/people/add", form: url.Values{}}, {path: "/console/people/tokens", form: url.Values{}},
			}
		},
		bridge.MayAudit: func(bridge.Request) []attempt {
			return []attempt{{path: "/console/audit"}, {path: "/api/v1/audit"}}
		},
	}
}

// sitter is somebody who tries, at a page and with a program.
type sitter struct {
	bridge.Person
	*stand
	browser http.Client
	token   string
	refused int // so often they had to be
}

// seat hires somebody, signs them in, and gives them a token.
func (s *stand) seat(name string, role bridge.Role, portals ...string) *sitter {
	s.t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		s.t.Fatal(err)
	}
	who := &sitter{Person: bridge.Person{Name: name, Role: role, Portals: portals}, stand: s, browser: http.Client{Jar: jar}}
	who.browser.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	password := s.hire(name, role, portals...)
	if status := who.try(attempt{path: "/console/sign-in", form: url.Values{"name": {name}, "password": {password}}}, ""); status != http.StatusSeeOther {
		s.t.Fatalf("%s cannot sign in: %d", name, status)
	}
	if who.token, err = s.bridge.register.Issue(s.t.Context(), operator, people.TokenOrder{Name: name + "-token", For: name, Role: role, Portals: portals}); err != nil {
		s.t.Fatal(err)
	}
	return who
}

// try makes an attempt and returns the status.
func (w *sitter) try(a attempt, edition string) int {
	w.t.Helper()
	method, content, kind := http.MethodGet, "", ""
	switch {
	case a.form != nil:
		method, content, kind = http.MethodPost, a.form.Encode(), "application/x-www-form-urlencoded"
	case a.body != nil:
		text, err := json.Marshal(a.body)
		if err != nil {
			w.t.Fatal(err)
		}
		method, content, kind = http.MethodPost, string(text), "application/json"
	}
	req, err := http.NewRequestWithContext(w.t.Context(), method, w.url+a.path, strings.NewReader(content))
	if err != nil {
		w.t.Fatal(err)
	}
	req.Header.Set("Content-Type", kind)
	client := &w.browser
	if strings.HasPrefix(a.path, "/api/") {
		client = http.DefaultClient
		req.Header.Set("Authorization", "Bearer "+w.token)
		req.Header.Set("If-Match", `"`+edition+`"`)
	} else {
		req.Header.Set("Origin", w.url)
	}
	answer, err := client.Do(req)
	if err != nil {
		w.t.Fatal(err)
	}
	_ = answer.Body.Close() // nothing to lose
	return answer.StatusCode
}

// TestNobodyDoesWhatTheyMayNot tries everything as everybody. Whoever may is not refused;
// whoever may not is refused, and it stands in the house's own chain.
func TestNobodyDoesWhatTheyMayNot(t *testing.T) {
	t.Parallel()
	second := strings.Replace(partnerReviewed, "steps:", "two_persons: {above: 0, currency: EUR}, steps:", 1)
	s := startStand(t, choice{both: true, plans: append(of(twoPersonPlan), second)})
	first := s.seat("matrix-first", bridge.Reviewer)
	subjects := map[subject]bridge.Request{}
	for _, portal := range []string{demoPortal, demoEnterprise} {
		f := &far{stand: s, portal: portal, email: asker}
		subjects[subject{portal, false}] = f.comesTo(f.file(reviewed), bridge.StateReviewing)
		f.email = "second@example.com"
		r := f.comesTo(f.file(reviewed), bridge.StateReviewing)
		if status := first.try(attempt{path: "/api/v1/requests/" + string(r.ID) + "/approve", body: map[string]any{"why": "First."}}, r.Edition()); status != http.StatusOK {
			t.Fatalf("the first approval is answered with %d", status)
		}
		subjects[subject{portal, true}] = r
	}
	tries := attempts()
	for _, o := range bridge.Operations() {
		if tries[o] == nil && o != bridge.MayForget && o != bridge.MayExport { // see below
			t.Errorf("%q is not tried", o)
		}
	}
	var all []*sitter
	for _, role := range bridge.Roles {
		all = append(all, s.seat("matrix-"+string(role), role), s.seat("matrix-"+string(role)+"-of-one", role, demoPortal))
	}
	refusals := 0
	for _, w := range all {
		for _, o := range bridge.Operations() {
			for _, portal := range []string{demoPortal, demoEnterprise} {
				if tries[o] == nil {
					continue
				}
				r := subjects[subject{portal, o == bridge.MaySecond}]
				for _, a := range tries[o](r) {
					w.wantAsMay(o, r, a)
				}
			}
		}
	}
	for _, w := range all {
		w.wantRecorded()
		refusals += w.refused
	}
	t.Logf("%d people, %d operations, %d refusals, each of them recorded", len(all), len(tries), refusals)
}

// subject is which request something is tried on: of which portal, and one that somebody
// has approved already and that takes two.
type subject struct {
	portal string
	second bool
}

// wantAsMay makes an attempt, and checks that it is refused just where it has to be.
func (w *sitter) wantAsMay(o bridge.Operation, r bridge.Request, a attempt) {
	w.t.Helper()
	about := o != bridge.MayManage && o != bridge.MayAudit // some portal's request
	may := slices.Index(bridge.Roles, w.Role) >= slices.Index(bridge.Roles, leastRole[o])
	reaches := !about || len(w.Portals) == 0 || slices.Contains(w.Portals, r.Portal)
	if o == bridge.MayAudit && len(w.Portals) > 0 {
		may = false // it is about all portals
	}
	now, err := w.bridge.service.Get(w.t.Context(), r.ID)
	if err != nil {
		w.t.Fatal(err)
	}
	status := w.try(a, now.Edition())
	want := http.StatusForbidden
	if !reaches && (may || o != bridge.MayCreate) { // who may make none is told nothing by that
		want = http.StatusNotFound
	}
	if may && reaches {
		wrong := []int{http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound, http.StatusMethodNotAllowed}
		if slices.Contains(wrong, status) || status >= 500 {
			w.t.Errorf("%s may %s with %s, and %s answered %d", w.Name, o, r.Portal, a.path, status)
		}
		return
	}
	w.refused++
	if status != want {
		w.t.Errorf("%s may not %s with %s, and %s answered %d, want %d", w.Name, o, r.Portal, a.path, status, want)
	}
}

// wantRecorded waits until every refusal stands in the house's own chain.
func (w *sitter) wantRecorded() {
	w.t.Helper()
	var n int
	await(w.t, fmt.Sprintf("%d refusals of %s in the audit", w.refused, w.Name), func() bool {
		n = 0
		for after := uint64(0); ; {
			lines, err := w.bridge.store.House(w.t.Context(), after, 1000)
			if err != nil {
				w.t.Fatal(err)
			}
			for _, l := range lines {
				if after = l.Entry.Seq; l.Entry.What == bridge.WhatRefused && l.Entry.Actor.Name == w.Name {
					n++
				}
			}
			if len(lines) < 1000 {
				return n >= w.refused
			}
		}
	}, func() string { return fmt.Sprintf("there are %d", n) })
}
