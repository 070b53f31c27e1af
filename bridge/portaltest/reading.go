package portaltest

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"keybridge/bridge"
)

var reading = []test{
	{name: "a pending request says who asks, for what and why", try: func(t *testing.T, s Stand) {
		key := s.Ask(t, s.Policies...)
		got := does(t, "read")(s.Portal.Read(t.Context(), key, bridge.Access{}))
		wantState(t, got, bridge.Pending)
		wantAsked(t, s, got, s.Policies...)
		if len(got.Keys) != 0 {
			t.Errorf("a pending request has %d keys", len(got.Keys))
		}
	}},
	{name: "a request the admin approved is granted, with its key", try: func(t *testing.T, s Stand) {
		key := s.Ask(t, s.Policies[0])
		s.Approve(t, key)
		got := does(t, "read")(s.Portal.Read(t.Context(), key, bridge.Access{Have: bridge.Pending}))
		wantState(t, got, bridge.Granted)
		if len(got.Keys) != 1 {
			t.Errorf("%d keys, want 1", len(got.Keys))
		}
	}},
	{name: "several policies in one request are one key", try: func(t *testing.T, s Stand) {
		_, known := granted(t, s, s.Policies...)
		if n := s.Keys(t); n != 1 || len(known.Keys) != 1 {
			t.Errorf("%d keys at the portal, %d in the facts, want 1", n, len(known.Keys))
		}
	}},
	{name: "a key keeps its id from reading to reading", try: func(t *testing.T, s Stand) {
		key, known := granted(t, s, s.Policies[0])
		for _, a := range []bridge.Access{known, {}, known} {
			got := does(t, "read")(s.Portal.Read(t.Context(), key, a))
			if diff := cmp.Diff(known.Keys, got.Keys); diff != "" {
				t.Fatalf("keys (-before +now):\n%s", diff)
			}
		}
	}},
	{name: "a key the admin suspended is suspended, and granted again once resumed", try: func(t *testing.T, s Stand) {
		key, known := granted(t, s, s.Policies[0])
		s.Suspend(t, key)
		wantState(t, does(t, "read")(s.Portal.Read(t.Context(), key, known)), bridge.Suspended)
		if s.Resume == nil {
			return
		}
		s.Resume(t, key)
		wantState(t, does(t, "read")(s.Portal.Read(t.Context(), key, known)), bridge.Granted)
	}},
	{name: "a key the admin removed is gone, and stays gone", try: func(t *testing.T, s Stand) {
		key, known := granted(t, s, s.Policies[0])
		s.Remove(t, key)
		got := does(t, "read")(s.Portal.Read(t.Context(), key, known))
		wantState(t, got, bridge.Gone)
		wantState(t, does(t, "read")(s.Portal.Read(t.Context(), key, then(got))), bridge.Gone)
	}},
	{name: "a request the admin declined is gone", try: func(t *testing.T, s Stand) {
		key := s.Ask(t, s.Policies[0])
		s.Decline(t, key)
		for name, act := range acts(s.Portal) {
			got, err := act(t.Context(), key, bridge.Access{Have: bridge.Pending})
			wantState(t, does(t, name)(got, err), bridge.Gone)
		}
		wantDecided(t, s, key, Decided{Declined: 1})
		wantKeys(t, s, 0)
	}},
	{name: "a request the admin deleted is gone", try: func(t *testing.T, s Stand) {
		key := s.Ask(t, s.Policies[0])
		s.Delete(t, key)
		wantState(t, does(t, "read")(s.Portal.Read(t.Context(), key, bridge.Access{Have: bridge.Pending})), bridge.Gone)
	}},
	{name: "access is what the key opens, though the record of the request was deleted", try: func(t *testing.T, s Stand) {
		key, known := granted(t, s, s.Policies[0])
		s.Delete(t, key)
		want := bridge.Gone
		if s.Admits(t, key) {
			want = bridge.Granted
		}
		wantState(t, does(t, "read")(s.Portal.Read(t.Context(), key, known)), want)
		wantState(t, does(t, "revoke")(s.Portal.Revoke(t.Context(), key, known)), bridge.Gone)
		wantAdmits(t, s, false, key)
	}},
	{name: "each request of a developer for one policy has its own key", try: func(t *testing.T, s Stand) {
		first, knownFirst := granted(t, s, s.Policies[0])
		second, knownSecond := granted(t, s, s.Policies[0])
		if cmp.Equal(knownFirst.Keys, knownSecond.Keys) {
			t.Fatal("both requests have the same key")
		}
		wantState(t, does(t, "revoke")(s.Portal.Revoke(t.Context(), second, knownSecond)), bridge.Gone)
		wantState(t, does(t, "read")(s.Portal.Read(t.Context(), first, knownFirst)), bridge.Granted)
		wantAdmits(t, s, true, first)
		wantAdmits(t, s, false, second)
	}},
	{name: "a request that was never there is gone", try: func(t *testing.T, s Stand) {
		key := s.Ask(t, s.Policies[0])
		s.Delete(t, key)
		for name, act := range acts(s.Portal) {
			got, err := act(t.Context(), key, bridge.Access{})
			wantState(t, does(t, name)(got, err), bridge.Gone)
		}
		wantDecided(t, s, key, Decided{Declined: 1})
	}},
	{name: "an ill-formed id is gone and reaches nobody", try: func(t *testing.T, s Stand) {
		before := s.Calls()
		for _, key := range []string{
			"", ".", "..", "../../x", "a/b", "a?b=c", "a#b", "%2e%2e", "a b", "a\nb", "ä", "\x00", "a%2Fb", strings.Repeat("a", 5000),
		} {
			for name, act := range acts(s.Portal) {
				got, err := act(t.Context(), key, bridge.Access{})
				wantState(t, does(t, name)(got, err), bridge.Gone)
			}
		}
		if calls := s.Calls() - before; calls != 0 {
			t.Errorf("%d calls were made", calls)
		}
	}},
	{name: "keys with ill-formed ids are not there, and do no harm", try: func(t *testing.T, s Stand) {
		key := s.Ask(t, s.Policies[0])
		s.Delete(t, key)
		known := bridge.Access{Have: bridge.Granted, Keys: []string{"", "..", "../../x", "a\nb", strings.Repeat("a", 5000)}}
		wantState(t, does(t, "read")(s.Portal.Read(t.Context(), key, known)), bridge.Gone)
		wantState(t, does(t, "revoke")(s.Portal.Revoke(t.Context(), key, known)), bridge.Gone)
	}},
	{
		name:  "a request of another organisation is as one that is not there",
		needs: func(s Stand) bool { return s.Stranger != nil },
		try: func(t *testing.T, s Stand) {
			key := s.Ask(t, s.Policies[0])
			for name, act := range acts(s.Stranger) {
				got, err := act(t.Context(), key, bridge.Access{})
				wantState(t, does(t, name)(got, err), bridge.Gone)
				if got.Applicant != (bridge.Applicant{}) || got.Asked.Policies != nil {
					t.Errorf("%s tells a stranger who asked for what", name)
				}
			}
			wantDecided(t, s, key, Decided{})
			if listed := list(t, s.Stranger); len(listed) != 0 {
				t.Errorf("%d requests are listed for a stranger", len(listed))
			}
		},
	},
}
