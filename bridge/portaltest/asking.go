package portaltest

import (
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"keybridge/bridge"
)

var asking = []test{
	{name: "a key request that a person makes says who asks for what, and waits like any other", try: func(t *testing.T, s Stand) {
		key := asks(t, s, s.asking(s.Policies...))
		got := does(t, "read")(s.Portal.Read(t.Context(), key, bridge.Access{}))
		wantState(t, got, bridge.Pending)
		wantAsked(t, s, got, s.Policies...)
		wantDecided(t, s, key, Decided{})
		if diff := cmp.Diff([]string{key}, list(t, s.Portal)); diff != "" {
			t.Errorf("listed (-want +got):\n%s", diff)
		}
		wantState(t, does(t, "approve")(s.Portal.Approve(t.Context(), key, then(got))), bridge.Granted)
		wantAdmits(t, s, true, key)
		wantKeys(t, s, 1)
	}},
	{name: "the developer may be named by id, the app by its name", try: func(t *testing.T, s Stand) {
		ask := s.asking(s.Policies[0])
		ask.Developer, ask.App = s.Applicant.ID, s.Applicant.App
		wantAsked(t, s, does(t, "read")(s.Portal.Read(t.Context(), asks(t, s, ask), bridge.Access{})), s.Policies[0])
	}},
	{name: "asking again returns the one that waits, in whatever order the policies stand", try: func(t *testing.T, s Stand) {
		key := asks(t, s, s.asking(s.Policies...))
		turned := slices.Clone(s.Policies)
		slices.Reverse(turned)
		before := s.Writes()
		for _, policies := range [][]string{s.Policies, turned} {
			if again := asks(t, s, s.asking(policies...)); again != key {
				t.Errorf("another one was made")
			}
		}
		if s.Writes() != before {
			t.Error("asking for what waits wrote something")
		}
	}},
	{name: "what the developer has asked for already is what waits", try: func(t *testing.T, s Stand) {
		key := s.Ask(t, s.Policies...)
		if got := asks(t, s, s.asking(s.Policies...)); got != key {
			t.Error("another one was made")
		}
	}},
	{name: "what was decided is asked for anew, and what differs is another", try: func(t *testing.T, s Stand) {
		seen := map[string]bool{}
		for _, decide := range []act{s.Portal.Approve, acts(s.Portal)["decline"], s.Portal.Read} {
			key := asks(t, s, s.asking(s.Policies[0]))
			if seen[key] {
				t.Fatal("one that was decided was returned")
			}
			seen[key] = true
			got, err := decide(t.Context(), key, bridge.Access{})
			does(t, "decide")(got, err)
		}
		if len(s.Policies) > 1 && seen[asks(t, s, s.asking(s.Policies...))] {
			t.Error("one for other policies was returned")
		}
	}},
	{name: "many at once are one", try: func(t *testing.T, s Stand) {
		var mu sync.Mutex
		seen := map[string]int{}
		atOnce(8, func() {
			key, err := s.Portal.Create(t.Context(), s.asking(s.Policies[0]))
			if err != nil {
				t.Errorf("create: %v", err)
			}
			mu.Lock()
			defer mu.Unlock()
			seen[key]++
		})
		if len(seen) != 1 || len(list(t, s.Portal)) != 1 {
			t.Errorf("%d were made", len(seen))
		}
	}},
	{name: "one whose answer is lost is found, and none is made beside it", try: func(t *testing.T, s Stand) { lostAsking(t, s, CutAfter, 1) }},
	{name: "one that did not get through is made", try: func(t *testing.T, s Stand) { lostAsking(t, s, CutBefore, 0) }},
	{name: "an unknown developer is not found, and not repeated in the error", try: func(t *testing.T, s Stand) {
		for _, name := range []string{"nobody.knows@example.net", "424242", "5fffffffffffffffffffffff", "", " ", "../1", "a b@example.net\n", strings.Repeat("a", 5000) + "@example.net"} {
			ask := s.asking(s.Policies[0])
			ask.Developer = name
			_, err := s.Portal.Create(t.Context(), ask)
			fails(t, "create", bridge.NotFound)(bridge.KeyRequest{}, err)
			if text := err.Error() + bridge.Explain(err); strings.TrimSpace(name) != "" && strings.Contains(text, name) {
				t.Errorf("the error repeats it: %s", text)
			}
		}
		if keys := list(t, s.Portal); len(keys) != 0 {
			t.Errorf("%d requests wait", len(keys))
		}
	}},
	{name: "what is not offered cannot be asked for, and that is said", try: func(t *testing.T, s Stand) {
		unknown, nothing, plan, app := s.asking(s.Policies[0], s.Unknown), s.asking(), s.asking(s.Policies[0]), s.asking(s.Policies[0])
		plan.Plan, app.App = "424242", "no such app"
		for name, ask := range map[string]bridge.Asking{
			"a policy that does not exist": unknown, "nothing": nothing, "a plan that does not exist": plan, "an app that does not exist": app,
			"an ill-formed policy": s.asking("../1"),
		} {
			_, err := s.Portal.Create(t.Context(), ask)
			if bridge.KindOf(err) != bridge.Invalid || bridge.Explain(err) == bridge.Explain(&bridge.Error{}) {
				t.Errorf("%s: %v, want an error of kind invalid with a message", name, err)
			}
		}
		if keys := list(t, s.Portal); len(keys) != 0 {
			t.Errorf("%d requests wait", len(keys))
		}
	}},
	{name: "each failure has its kind, and nothing is asked for", try: func(t *testing.T, s Stand) {
		for _, trouble := range troubles {
			s.Break(t, trouble.fault)
			_, err := s.Portal.Create(t.Context(), s.asking(s.Policies[0]))
			fails(t, string(trouble.fault.Do), trouble.want)(bridge.KeyRequest{}, err)
			s.Mend()
		}
		if s.Locked != nil {
			_, err := s.Locked.Create(t.Context(), s.asking(s.Policies[0]))
			fails(t, "create", bridge.Refused)(bridge.KeyRequest{}, err)
		}
		if keys := list(t, s.Portal); len(keys) != 0 {
			t.Errorf("%d requests wait", len(keys))
		}
	}},
}

// asking is what Ask asks for, as a person asks for it.
func (s Stand) asking(policies ...string) bridge.Asking {
	ask := bridge.Asking{Developer: s.Applicant.Email, Policies: policies, Plan: s.Plan}
	if s.KeepsReasons {
		ask.Reasons = map[string]string{"why": "because"}
	}
	return ask
}

func asks(t *testing.T, s Stand, ask bridge.Asking) (key string) {
	t.Helper()
	key, err := s.Portal.Create(t.Context(), ask)
	if err != nil || key == "" {
		t.Fatalf("create: %q, %v", key, err)
	}
	return key
}

// lostAsking makes a key request whose answer is lost, which leaves so many, and asks again.
func lostAsking(t *testing.T, s Stand, trouble Trouble, left int) {
	t.Helper()
	s.Break(t, Fault{On: Asking, Do: trouble, Times: 1})
	_, err := s.Portal.Create(t.Context(), s.asking(s.Policies...))
	fails(t, "create", bridge.Unavailable)(bridge.KeyRequest{}, err)
	if keys := list(t, s.Portal); len(keys) != left {
		t.Errorf("%d requests wait, want %d", len(keys), left)
	}
	key := asks(t, s, s.asking(s.Policies...))
	if diff := cmp.Diff([]string{key}, list(t, s.Portal)); diff != "" {
		t.Errorf("listed (-want +got):\n%s", diff)
	}
}
