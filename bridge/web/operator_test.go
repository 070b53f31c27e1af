package web_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"

	"keybridge/bridge"
	"keybridge/bridge/web"
)

func newOperator(t *testing.T) (*web.Operator, *gallery) {
	t.Helper()
	g := newGallery(t, quietPortal)
	return &web.Operator{Service: g.service, Person: bridge.Person{Name: "operator", Role: bridge.Admin}, Now: g.now}, g
}

// told decodes an answer that has to be of a status.
func told[T any](t *testing.T, o *web.Operator, want int, method, path, body string) T {
	t.Helper()
	var out T
	got, header, text := ask(o, method, path, body)
	if got != want {
		t.Errorf("%s %s is answered %d: %s", method, path, got, text)
	}
	kind := "application/json"
	if want >= 400 {
		kind = "application/problem+json"
	}
	if header.Get("Content-Type") != kind || header.Get("Cache-Control") != "no-store" {
		t.Errorf("%s %s: %v", method, path, header)
	}
	if err := json.Unmarshal([]byte(text), &out); err != nil {
		t.Errorf("%s %s: %v: %s", method, path, err, text)
	}
	return out
}

func TestOperatorsListRequests(t *testing.T) {
	o, g := newOperator(t)
	if page := told[map[string]any](t, o, 200, "GET", "/v1/requests", ""); fmt.Sprint(page["requests"]) != "[]" {
		t.Errorf("an empty list is %v, and not []", page)
	}
	for i := range 5 {
		g.put(func(r *bridge.Request) {
			r.Key = fmt.Sprint("k", i)
			if i == 3 {
				active(r)
			}
		})
	}
	var keys []string
	after := ""
	for pages := 0; pages < 10; pages++ {
		page := told[web.RequestPage](t, o, 200, "GET", "/v1/requests?limit=2&after="+after, "")
		for _, r := range page.Requests {
			keys = append(keys, r.Key)
		}
		if after = page.Next; after == "" {
			break
		}
	}
	if len(keys) != 5 {
		t.Errorf("in pages of two they are %v", keys)
	}
	if page := told[web.RequestPage](t, o, 200, "GET", "/v1/requests?state=active&portal=main", ""); len(page.Requests) != 1 || page.Requests[0].Key != "k3" {
		t.Errorf("the active ones are %+v", page.Requests)
	}
	if page := told[web.RequestPage](t, o, 200, "GET", "/v1/requests?portal=other", ""); len(page.Requests) != 0 {
		t.Errorf("another portal has %d", len(page.Requests))
	}
	for _, bad := range []string{"limit=0", "limit=1001", "limit=x", "limit=-1", "state=nonsense"} {
		told[map[string]any](t, o, 400, "GET", "/v1/requests?"+bad, "")
	}
}

func TestOperatorsReadARequest(t *testing.T) {
	o, g := newOperator(t)
	said := []bridge.Told{{Kind: bridge.TellApproved, At: noon, ID: "m1"}}
	g.put(all(active, inactive, func(r *bridge.Request) {
		r.Told, r.Waived = said, bridge.Mark{At: noon, By: bridge.Actor{Kind: bridge.ByPerson, Name: "anna"}, Why: "a sale"}
	}))
	id := string(idOf(asked().Key))
	r := told[web.RequestView](t, o, 200, "GET", "/v1/requests/"+id, "")
	if r.State != bridge.StateActive || r.Access != (web.HaveWant{Have: "granted", Want: "suspended"}) || r.Collected != "EUR 49.00" || len(r.Price) != 1 || r.Returned != "" {
		t.Errorf("it is %+v", r)
	}
	if !r.Inactive.Equal(noon) || r.Waived.Why != "a sale" || len(r.Told) != 1 || r.Told[0] != said[0] {
		t.Errorf("inactive since %s, waived %+v, told %+v", r.Inactive, r.Waived, r.Told)
	}
	told[map[string]any](t, o, 404, "GET", "/v1/requests/01HF7YAT00ABCDEFGHJKMNPQRS", "")
	for _, path := range []string{"/", "/v1", "/v1/requests/", "/v2/requests", "/v1/requests/" + id + "/history"} {
		told[map[string]any](t, o, 404, "GET", path, "")
	}
}

// Who has to find out what happened is shown the history, and where it is broken.
func TestABrokenHistoryIsShownAsItIs(t *testing.T) {
	o, g := newOperator(t)
	id := idOf("broken")
	first := bridge.Entry{Request: id, Seq: 1, At: noon, Actor: bridge.Actor{Kind: bridge.ByClock}, What: bridge.WhatReceived, Hash: "0000"}
	r := asked()
	r.ID, r.Key, r.Head = id, "broken", bridge.Head{Seq: 1, Hash: "0000"}
	_, err := g.store.Accept(t.Context(), bridge.Hint{
		Source: "test", At: noon, Portal: r.Portal, Key: r.Key, Intake: &bridge.Change{Request: r, Entries: []bridge.Entry{first}},
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	got := told[web.RequestView](t, o, 200, "GET", "/v1/requests/"+string(id), "")
	if len(got.History) != 1 || !strings.Contains(got.Broken, "entry 1 was altered") {
		t.Errorf("it shows %+v, broken: %q", got.History, got.Broken)
	}
	if whole := told[web.RequestView](t, o, 200, "POST", "/v1/requests/"+string(id)+"/retry", ""); len(whole.History) != 2 || whole.Broken == "" {
		t.Errorf("after a command: %+v, broken: %q", whole.History, whole.Broken)
	}
}

func TestOperatorsDecide(t *testing.T) {
	o, g := newOperator(t)
	review := all(steps(bridge.Review), func(r *bridge.Request) { r.Payment = bridge.Payment{} })
	g.put(review)
	g.put(all(review, func(r *bridge.Request) { r.Key = "second" }))
	first, second := "/v1/requests/"+string(idOf(asked().Key)), "/v1/requests/"+string(idOf("second"))

	yes := told[web.RequestView](t, o, 200, "POST", first+"/approve", `{"why":"known customer"}`)
	if yes.Verdict.Outcome != bridge.Approve || yes.Stage != bridge.StateApproving || yes.Next != "approve key" || len(yes.History) == 0 {
		t.Errorf("approved, it is %+v", yes)
	}
	if last := yes.History[len(yes.History)-1]; last.Actor != (bridge.Actor{Kind: bridge.ByPerson, Name: "operator"}) {
		t.Errorf("the history names %+v", last.Actor)
	}
	no := told[web.RequestView](t, o, 200, "POST", second+"/decline", `{"why":"not for resale"}`)
	if no.Verdict.Outcome != bridge.Decline || no.Verdict.Mark.Why != "not for resale" {
		t.Errorf("declined, it is %+v", no.Verdict)
	}
	told[map[string]any](t, o, 409, "POST", second+"/approve", "")
	told[map[string]any](t, o, 409, "POST", first+"/decline", `{"why":"too late"}`)
	told[map[string]any](t, o, 400, "POST", first+"/decline", "")
	if again := told[web.RequestView](t, o, 200, "POST", first+"/retry", ""); again.Failures != 0 {
		t.Errorf("tried again, it has %d failures", again.Failures)
	}
	told[map[string]any](t, o, 404, "POST", first+"/explode", "")
	told[map[string]any](t, o, 404, "POST", "/v1/requests/01HF7YAT00ABCDEFGHJKMNPQRS/retry", "")
	told[map[string]any](t, o, 400, "POST", first+"/approve", `{"why":`)
	told[map[string]any](t, o, 400, "POST", first+"/approve", `["why"]`)
	told[map[string]any](t, o, 400, "POST", first+"/approve", `{"why":"x"} {"why":"y"}`)
	if no := told[map[string]any](t, o, 400, "POST", first+"/approve", `{"wy":"x"}`); !strings.Contains(fmt.Sprint(no["detail"]), `"wy"`) {
		t.Errorf("a word misspelt is answered %v", no["detail"])
	}
	told[map[string]any](t, o, 400, "POST", first+"/approve", `{"why":"`+strings.Repeat("x", 65<<10)+`"}`)
}

func TestOperatorsLookAfterARequest(t *testing.T) {
	o, g := newOperator(t)
	g.put(all(active, func(r *bridge.Request) { r.Payment.Collected = bridge.NewAmount(4900, "eur") }))
	g.put(all(steps(bridge.Review), func(r *bridge.Request) { r.Key, r.Payment, r.Arrival.Trust = "second", bridge.Payment{}, bridge.Signed }))
	living, open := "/v1/requests/"+string(idOf(asked().Key)), "/v1/requests/"+string(idOf("second"))
	for _, one := range []struct{ path, body, what string }{
		{living + "/note", `{"text":"hm"}`, "note: note"},
		{living + "/assign", `{"to":"rita"}`, "assigned: rita"},
		{living + "/refund", `{"amount":"12.50","why":"sorry"}`, "payment: refund payment of 12.50 EUR"},
		{living + "/end", `{"why":"no longer needed"}`, "ended: "},
		{open + "/ask", `{"text":"What for?"}`, "note: question"},
	} {
		r := told[web.RequestView](t, o, 200, "POST", one.path, one.body)
		if last := r.History[len(r.History)-1]; string(last.What)+": "+last.After != one.what || last.Actor.Name != "operator" {
			t.Errorf("%s: the last entry is %+v", one.path, last)
		}
	}
	told[map[string]any](t, o, 400, "POST", living+"/refund", `{"amount":"1,50"}`)
	told[map[string]any](t, o, 400, "POST", living+"/note", "")
	told[map[string]any](t, o, 409, "POST", living+"/waive", `{"why":"a friend"}`)
}

func TestWhatAnOperatorMayNotDoIsRefused(t *testing.T) {
	o, g := newOperator(t)
	o.Person.Role = bridge.Viewer
	g.put(all(steps(bridge.Review), func(r *bridge.Request) { r.Payment = bridge.Payment{} }))
	path := "/v1/requests/" + string(idOf(asked().Key))
	told[web.RequestView](t, o, 200, "GET", path, "")
	told[map[string]any](t, o, 403, "POST", path+"/approve", "")
	o.Person.Portals = []string{"other"}
	told[map[string]any](t, o, 404, "GET", path, "")
}

func TestACommandThatIsAddedIsAnsweredAsTheOthers(t *testing.T) {
	o, _ := newOperator(t)
	o.Handle("GET /v1/things/{name}", func(r *http.Request) (any, error) {
		if name := r.PathValue("name"); name != "none" {
			return map[string]string{"name": name}, nil
		}
		return nil, &bridge.Error{Kind: bridge.NotFound, Msg: "There is no such thing."}
	})
	if thing := told[map[string]string](t, o, 200, "GET", "/v1/things/one", ""); thing["name"] != "one" {
		t.Errorf("%v", thing)
	}
	told[map[string]any](t, o, 404, "GET", "/v1/things/none", "")
	told[web.RequestPage](t, o, 200, "GET", "/v1/requests", "")
}

func TestOneOfTwoDecisionsAtOnceHolds(t *testing.T) {
	o, g := newOperator(t)
	g.put(all(steps(bridge.Review), func(r *bridge.Request) { r.Payment = bridge.Payment{} }))
	path := "/v1/requests/" + string(idOf(asked().Key))
	var all sync.WaitGroup
	var mu sync.Mutex
	got := map[int]int{}
	for i := range 8 {
		all.Go(func() {
			status, _, _ := ask(o, "POST", path+[]string{"/approve", "/decline"}[i%2], `{"why":"first"}`)
			mu.Lock()
			defer mu.Unlock()
			got[status]++
		})
	}
	all.Wait()
	if got[200] != 1 || got[409] != 7 {
		t.Errorf("eight decisions were answered %v", got)
	}
}

func TestOperatorsBackUp(t *testing.T) {
	o, _ := newOperator(t)
	if no := told[map[string]any](t, o, 501, "POST", "/v1/backup", `{"path":"/tmp/x"}`); !strings.Contains(fmt.Sprint(no["detail"]), "database") {
		t.Errorf("it says %v", no)
	}
	var to []string
	o.Backup = func(_ context.Context, path string) error {
		to = append(to, path)
		if path == "/full" {
			return &bridge.Error{Kind: bridge.Unavailable, Msg: "the disk is full", Err: errors.New("canary")}
		}
		return nil
	}
	if done := told[map[string]string](t, o, 200, "POST", "/v1/backup", `{"path":"/tmp/x"}`); done["path"] != "/tmp/x" {
		t.Errorf("it says %v", done)
	}
	if no := told[map[string]any](t, o, 503, "POST", "/v1/backup", `{"path":"/full"}`); no["detail"] != "the disk is full" {
		t.Errorf("it says %v", no)
	}
	told[map[string]any](t, o, 400, "POST", "/v1/backup", `{}`)
	if len(to) != 2 {
		t.Errorf("backups went to %v", to)
	}
}
