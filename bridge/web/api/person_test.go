package api_test

import (
	"bytes"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"keybridge/bridge"
	"keybridge/bridge/web/api"
)

func TestATokenIsToldWhatItMay(t *testing.T) {
	h := newHouse(t)
	for who, p := range people {
		var got struct {
			Name    string
			Role    bridge.Role
			Portals []string
			May     []bridge.Operation
		}
		a := h.want(http.StatusOK, get(strings.TrimPrefix(who, "kbt_"), "/me"))
		a.into(&got)
		may := map[bridge.Operation]bool{}
		for _, o := range got.May {
			may[o] = true
		}
		for _, o := range bridge.Operations() {
			if may[o] != (p.May(o, "") == nil) {
				t.Errorf("%s: may %q: %t", who, o, may[o])
			}
		}
		if got.Name != p.Name || got.Role != p.Role || cmp.Diff(p.Portals, got.Portals) != "" || bytes.Contains(a.body, []byte("@")) {
			t.Errorf("%s: %s", who, a.body)
		}
	}
}

func TestPortalsAreThoseOfThePersonWithTheirPlans(t *testing.T) {
	h := newHouse(t)
	type plan struct {
		Name  string
		Steps []bridge.StepKind
		Above map[string]any `json:"two_persons_above"`
	}
	var got struct {
		Portals []struct {
			Name, Title string
			Plans       []plan
		}
	}
	h.want(http.StatusOK, get("viewer", "/portals")).into(&got)
	if len(got.Portals) != 2 || got.Portals[0].Title != "portal.example" {
		t.Fatalf("%+v", got)
	}
	want := []plan{{"Weather Pro", []bridge.StepKind{bridge.Review, bridge.Paying}, map[string]any{"amount": "100.00", "currency": "EUR", "minor": 10000.0}}}
	if diff := cmp.Diff(want, got.Portals[0].Plans); diff != "" {
		t.Error(diff)
	}
	h.want(http.StatusOK, get("other", "/portals")).into(&got)
	if len(got.Portals) != 1 || got.Portals[0].Name != "other" {
		t.Errorf("olga sees %+v", got)
	}
}

func TestTheAuditIsReadFromItsBeginningToItsEnd(t *testing.T) {
	h := newHouse(t)
	for i := range 5 {
		err := h.store.Record(t.Context(), bridge.Entry{At: noon, Actor: bridge.Actor{Kind: bridge.ByPerson, Name: "rosa"}, What: bridge.WhatViewed, After: fmt.Sprint(i)})
		if err != nil {
			t.Fatal(err)
		}
	}
	var all []bridge.Entry
	pages := 0
	for path := "/audit?limit=2"; path != ""; pages++ {
		var p struct {
			Entries []bridge.Entry
			Next    string
		}
		h.want(http.StatusOK, get("admin", path)).into(&p)
		all = append(all, p.Entries...)
		path = strings.TrimPrefix(p.Next, api.Base)
	}
	end, err := h.store.HouseEnd(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if got, err := (bridge.Head{}).Verify(all); err != nil || got != end || pages != 3 {
		t.Errorf("%d entries on %d pages, to %d of %d: %v", len(all), pages, got.Seq, end.Seq, err)
	}
}
