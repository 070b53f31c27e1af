package people_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"keybridge/bridge"
	"keybridge/bridge/people"
)

// ids are the names of somebody's sessions, the latest first.
func (h *house) ids(p bridge.Person) (ids []string) {
	h.t.Helper()
	all, err := h.Sessions(h.t.Context(), p, "")
	if err != nil {
		h.t.Fatal(err)
	}
	for _, s := range all {
		ids = append(ids, s.ID)
	}
	return ids
}

func TestOnesOwnSessionsAreListed(t *testing.T) {
	h := newHouse(t)
	ada := h.add("ada", bridge.Viewer)
	h.add("bob", bridge.Viewer)
	h.in("bob")
	h.in("ada")
	h.pass(10 * time.Minute)
	late := h.in("ada")
	want := []people.Session{
		{Name: "ada", Way: "password", Opened: start.Add(10 * time.Minute), Seen: start.Add(10 * time.Minute), Ends: start.Add(40 * time.Minute), Last: start.Add(10*time.Minute + 12*time.Hour), Here: true},
		{Name: "ada", Way: "password", Opened: start, Seen: start, Ends: start.Add(30 * time.Minute), Last: start.Add(12 * time.Hour)},
	}
	for _, c := range []struct {
		name string
		do   func() error
		want []people.Session
	}{
		{"as they are", func() error { return nil }, want},
		{"one unused for too long", func() error { h.pass(25 * time.Minute); return nil }, want[:1]},
		{"signed out of the other", func() error { return h.SignOut(t.Context(), late) }, nil},
	} {
		if err := c.do(); err != nil {
			t.Fatal(err)
		}
		got, err := h.Sessions(t.Context(), ada, late)
		if diff := cmp.Diff(c.want, got, cmpopts.IgnoreFields(people.Session{}, "ID")); err != nil || diff != "" {
			t.Errorf("%s: %v %s", c.name, err, diff)
		}
	}
	h.in("ada")
	if err := h.SignOutEverywhere(t.Context(), ada, "ada"); err != nil {
		t.Fatal(err)
	}
	if got, err := h.Sessions(t.Context(), ada, late); err != nil || len(got) != 0 {
		t.Errorf("signed out everywhere: %+v, %v", got, err)
	}
}

func TestOneSessionIsEndedAndTheOthersStay(t *testing.T) {
	h := newHouse(t)
	ada, bob := h.add("ada", bridge.Viewer), h.add("bob", bridge.Admin)
	first := h.in("ada")
	h.pass(time.Second)
	second, of := h.in("ada"), h.in("bob")
	h.told()
	id := h.ids(ada)[1]
	if err := h.EndSession(t.Context(), ada, id); err != nil {
		t.Fatal(err)
	}
	h.wantIn(first, false)
	h.wantIn(second, true)
	h.wantIn(of, true)
	if diff := cmp.Diff([]string{"ada: signed in signed in > signed out (by another session of theirs)"}, h.told()); diff != "" {
		t.Error(diff)
	}
	for name, other := range map[string]string{
		"one that is over": id, "somebody else's": h.ids(bob)[0], "a token": second, "nothing": "", "no name": "\xff", "too long": strings.Repeat("a", 300),
	} {
		if err := h.EndSession(t.Context(), ada, other); bridge.KindOf(err) != bridge.NotFound {
			t.Errorf("%s: %v", name, err)
		}
	}
	// Nor does an admin end one of another's: they sign them out everywhere.
	h.wantKind(h.EndSession(t.Context(), bob, h.ids(ada)[0]), bridge.NotFound)
	h.wantIn(second, true)
	h.wantIn(of, true)
}

func TestAllOtherSessionsAreEndedAndNobodyElses(t *testing.T) {
	h := newHouse(t)
	ada := h.add("ada", bridge.Viewer)
	h.add("bob", bridge.Viewer)
	others := []string{h.in("ada"), h.in("ada")}
	here, of := h.in("ada"), h.in("bob")
	for range 2 { // it may be repeated
		if err := h.EndOthers(t.Context(), ada, here); err != nil {
			t.Fatal(err)
		}
	}
	h.wantIn(here, true)
	h.wantIn(of, true)
	for _, token := range others {
		h.wantIn(token, false)
	}
	// A token of no session keeps none.
	if err := h.EndOthers(t.Context(), ada, "nothing"); err != nil {
		t.Fatal(err)
	}
	h.wantIn(here, false)
}

// What names a session on a page lets nobody in.
func TestTheNameOfASessionOpensNothing(t *testing.T) {
	h := newHouse(t)
	ada := h.add("ada", bridge.Viewer)
	token := h.in("ada")
	id := h.ids(ada)[0]
	h.wantIn(id, false)
	if strings.Contains(id, token) || strings.Contains(token, id) {
		t.Errorf("the name %s holds the token", id)
	}
}
