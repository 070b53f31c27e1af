package api_test

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"keybridge/bridge"
	"keybridge/bridge/web/api"
)

// page is a page of requests.
type page struct {
	Requests []struct {
		ID     bridge.ID
		Portal string
	}
	Next string
}

// ids lists a filter's requests, following next to the end.
func (h *house) ids(who, query string) (all []bridge.ID, pages int) {
	h.t.Helper()
	for path := "/requests?" + query; path != ""; pages++ {
		if pages > 100 {
			h.t.Fatal("the list has no end")
		}
		var p page
		h.want(http.StatusOK, get(who, path)).into(&p)
		for _, r := range p.Requests {
			all = append(all, r.ID)
		}
		path = strings.TrimPrefix(p.Next, api.Base)
	}
	return all, pages
}

func TestAListIsWhatTheConsolesFilterSays(t *testing.T) {
	h := newHouse(t)
	old := h.put("old", func(r *bridge.Request) { r.Created = noon.AddDate(0, 0, -9) })
	waits := h.put("waits", func(r *bridge.Request) { r.Assigned = "rosa" })
	pays := h.put("pays", paying)
	alive := h.put("alive", paid, func(r *bridge.Request) { r.Terms.Plan, r.Terms.Lines[0].Amount.Minor = "Weather Max", 99900 })
	far := h.put("far", otherPortal)
	sorted := func(ids ...bridge.ID) []bridge.ID { slices.Sort(ids); return ids }
	for query, want := range map[string][]bridge.ID{
		"":                          sorted(old, waits, far),
		"show=waits":                sorted(old, waits, far),
		"show=attention":            nil,
		"show=all":                  sorted(old, waits, pays, alive, far),
		"show=all&state=active":     {alive},
		"show=all&portal=other":     {far},
		"show=all&plan=Weather+Max": {alive},
		"show=all&currency=eur&most=50&portal=main": sorted(old, waits, pays),
		"show=all&currency=EUR&least=50":            {alive},
		"age=7":                                     {old},
		"assigned=me":                               {waits},
		"assigned=to+rosa":                          {waits},
		"q=rainradar&show=all&limit=100":            sorted(old, waits, pays, alive, far),
		"q=nobody":                                  nil,
	} {
		got, _ := h.ids("reviewer", query)
		slices.Sort(got)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%q: %s", query, diff)
		}
	}
}

func TestAListIsReadPageByPageInItsOrder(t *testing.T) {
	h := newHouse(t)
	var put []bridge.ID
	for i := range 7 {
		put = append(put, h.put(fmt.Sprint("k", i), func(r *bridge.Request) { r.Created = noon.Add(time.Duration(i-10) * time.Hour) }))
	}
	got, pages := h.ids("viewer", "limit=2")
	if diff := cmp.Diff(put, got); diff != "" || pages != 4 {
		t.Errorf("what waits comes oldest first, in %d pages: %s", pages, diff)
	}
	got, _ = h.ids("viewer", "limit=3&show=all")
	slices.Reverse(got)
	if diff := cmp.Diff(put, got); diff != "" {
		t.Errorf("all come newest first: %s", diff)
	}
}

func TestACursorIsGoodForItsFilterAndPersonAlone(t *testing.T) {
	h := newHouse(t)
	for i := range 3 {
		h.put(fmt.Sprint("k", i))
	}
	var p page
	h.want(http.StatusOK, get("viewer", "/requests?limit=1&show=all")).into(&p)
	next, err := url.Parse(p.Next)
	if err != nil {
		t.Fatal(err)
	}
	cursor := next.Query().Get("cursor")
	h.want(http.StatusOK, get("viewer", "/requests?limit=2&show=all&cursor="+cursor))
	for name, c := range map[string]call{
		"another filter":      get("viewer", "/requests?show=waits&cursor="+cursor),
		"another person":      get("reviewer", "/requests?show=all&cursor="+cursor),
		"another list":        get("admin", "/audit?cursor="+cursor),
		"a letter changed":    get("viewer", "/requests?show=all&cursor=A"+cursor[1:]),
		"cut off":             get("viewer", "/requests?show=all&cursor="+cursor[:len(cursor)-4]),
		"nothing of the kind": get("viewer", "/requests?show=all&cursor=01JPA2B3C4D5E6F7G8H9JKMNPQ"),
	} {
		a := h.send(c)
		if a.status != http.StatusBadRequest {
			t.Errorf("%s: %d %s", name, a.status, a.body)
		}
	}
}

func TestACursorThatWasMadeUpOpensNothing(t *testing.T) {
	h := newHouse(t)
	there := h.put("there") // in main, which olga is not to know of
	for i := range 2 {
		h.put(fmt.Sprint("k", i), otherPortal)
	}
	var p page
	h.want(http.StatusOK, get("other", "/requests?limit=1&show=all")).into(&p)
	next, err := url.Parse(p.Next)
	if err != nil {
		t.Fatal(err)
	}
	good, err := base64.RawURLEncoding.DecodeString(next.Query().Get("cursor"))
	if err != nil {
		t.Fatal(err)
	}
	begin := good[:len(good)-26] // whose and which list it is of; a request's id follows
	for place, want := range map[string]int{
		string(there): http.StatusOK, strings.Repeat("Z", 26): http.StatusOK, "x": http.StatusBadRequest, strings.Repeat("x", 200): http.StatusBadRequest,
	} {
		cursor := base64.RawURLEncoding.EncodeToString(append(slices.Clone(begin), place...))
		a := h.want(want, get("other", "/requests?show=all&cursor="+cursor))
		if strings.Contains(string(a.body), `"portal":"main"`) {
			t.Errorf("olga is shown %s", a.body)
		}
	}
}

func TestAListRefusesWhatItDoesNotKnowByName(t *testing.T) {
	h := newHouse(t)
	for query, want := range map[string][]string{
		"limit=0":                          {"query limit"},
		"limit=101":                        {"query limit"},
		"limit=ten":                        {"query limit"},
		"show=some":                        {"query show"},
		"state=asleep":                     {"query state"},
		"portall=main&statee=active":       {"query portall", "query statee"},
		"least=5":                          {"query currency"},
		"currency=EUR&least=1,250":         {"query least"},
		"currency=EURO":                    {"query currency"},
		"age=-1&limit=0":                   {"query age", "query limit"},
		"q=a":                              {"query q"},
		"state=active&state=paying":        {"query state"},
		"plan=" + strings.Repeat("x", 201): {"query plan"},
		"cursor=%00":                       {"query cursor"},
		"cursor=":                          nil,
		"limit=1;show=all":                 nil,
		"q=%zz":                            nil,
	} {
		a := h.send(get("viewer", "/requests?"+query))
		if a.status == http.StatusOK {
			if query != "cursor=" {
				t.Errorf("%q is answered", query)
			}
			continue
		}
		if diff := cmp.Diff(want, a.faults()); diff != "" || a.status != http.StatusBadRequest {
			t.Errorf("%q: %d %s", query, a.status, diff)
		}
	}
}

func TestARequestIsShownInFullAndItsViewRecorded(t *testing.T) {
	h := newHouse(t)
	id := h.put("alive", paid)
	a := h.want(http.StatusOK, get("viewer", of(id)))
	var got struct {
		ID        bridge.ID
		State     bridge.State
		Edition   string
		Total     map[string]any
		Applicant bridge.Applicant
		Payment   struct {
			Collected map[string]any
			PaidUntil string `json:"paid_until"`
		}
	}
	a.into(&got)
	want := map[string]any{"amount": "49.00", "currency": "EUR", "minor": 4900.0}
	if got.ID != id || got.State != bridge.StateActive || got.Applicant.Email != "dana@applicant.example" || got.Payment.PaidUntil != "2026-04-14T12:00:00Z" {
		t.Errorf("the request is %s", a.body)
	}
	if diff := cmp.Diff(want, got.Payment.Collected); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(want, got.Total); diff != "" {
		t.Error(diff)
	}
	if tag := a.header.Get("ETag"); tag != h.etag(id) || tag != `"`+got.Edition+`"` {
		t.Errorf("the tag is %s, the edition %s", tag, got.Edition)
	}
	viewed := bridge.Entry{Request: id, At: noon, Actor: bridge.Actor{Kind: bridge.ByPerson, Name: "vera"}, What: bridge.WhatViewed}
	if diff := cmp.Diff([]bridge.Entry{viewed}, h.recorded()); diff != "" {
		t.Error(diff)
	}
}

func TestWhoHasAnEditionIsShownNothingAndLookedAtNothing(t *testing.T) {
	h := newHouse(t)
	id := h.put("k")
	for tag, want := range map[string]int{
		h.etag(id):               http.StatusNotModified,
		"W/" + h.etag(id):        http.StatusNotModified,
		`"other", ` + h.etag(id): http.StatusNotModified,
		"*":                      http.StatusNotModified,
		`"0-0"`:                  http.StatusOK,
		h.get(id).Edition():      http.StatusOK, // without quotes it is no tag
		"":                       http.StatusOK,
	} {
		a := h.want(want, get("viewer", of(id)).with("If-None-Match", tag))
		viewed := len(h.recorded()) > 0
		if a.header.Get("ETag") != h.etag(id) || viewed != (want == http.StatusOK) || (len(a.body) > 0) != viewed {
			t.Errorf("%s: tag %s, viewed %t, %d bytes", tag, a.header.Get("ETag"), viewed, len(a.body))
		}
	}
}

func TestAHistoryIsShownWithItsChain(t *testing.T) {
	h := newHouse(t)
	id := h.put("k")
	h.want(http.StatusOK, post("reviewer", of(id)+"/note", `{"text": "A word."}`))
	var got struct {
		Entries []bridge.Entry
		Broken  string
	}
	h.want(http.StatusOK, get("viewer", of(id)+"/history")).into(&got)
	for i := range got.Entries {
		got.Entries[i].Request = id
	}
	if err := bridge.VerifyHistory(got.Entries, h.get(id).Head); err != nil || len(got.Entries) != 2 || got.Broken != "" {
		t.Errorf("%d entries, broken %q: %v", len(got.Entries), got.Broken, err)
	}
}

func TestAHistoryThatIsBrokenIsShownAndSaidToBeBroken(t *testing.T) {
	h := newHouse(t)
	id := h.put("k")
	h.want(http.StatusOK, post("reviewer", of(id)+"/note", `{"text": "A word."}`))
	for name, alter := range map[string]func([]bridge.Entry) []bridge.Entry{
		"an entry was altered":    func(e []bridge.Entry) []bridge.Entry { e[0].Actor.Name = "nobody"; return e },
		"the last one is missing": func(e []bridge.Entry) []bridge.Entry { return e[:1] },
		"two are swapped":         func(e []bridge.Entry) []bridge.Entry { return []bridge.Entry{e[1], e[0]} },
	} {
		h.alter = alter
		var got struct {
			Entries []bridge.Entry
			Broken  string
		}
		h.want(http.StatusOK, get("viewer", of(id)+"/history")).into(&got)
		if got.Broken == "" || len(got.Entries) == 0 {
			t.Errorf("%s: %d entries, broken %q", name, len(got.Entries), got.Broken)
		}
	}
	h.alter = func([]bridge.Entry) []bridge.Entry { return nil }
	h.want(http.StatusInternalServerError, get("viewer", of(id)+"/history"))
}

func TestHEADIsAnsweredAsGETWithoutItsBody(t *testing.T) {
	h := newHouse(t)
	c := get("viewer", "/me")
	c.method = http.MethodHead
	if a := h.send(c); a.status != http.StatusOK {
		t.Errorf("HEAD is answered %d", a.status)
	}
}
