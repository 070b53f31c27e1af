package portaltest

import (
	"errors"
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"

	"keybridge/bridge"
)

// list returns what waits.
func list(t *testing.T, p bridge.Portal) []string {
	t.Helper()
	var keys []string
	err := p.ListPending(t.Context(), func(key string) error {
		keys = append(keys, key)
		return nil
	})
	if err != nil {
		t.Fatalf("list pending: %v", err)
	}
	return keys
}

// askMany makes n key requests.
func askMany(t *testing.T, s Stand, n int) []string {
	t.Helper()
	keys := make([]string, n)
	for i := range keys {
		keys[i] = s.Ask(t, s.Policies[0])
	}
	return keys
}

var listing = []test{
	{name: "nothing waits at first", try: func(t *testing.T, s Stand) {
		if keys := list(t, s.Portal); len(keys) != 0 {
			t.Errorf("%d requests wait", len(keys))
		}
	}},
	{name: "all that waits is listed once, over several pages, and nothing else", try: func(t *testing.T, s Stand) {
		keys := askMany(t, s, 37)
		s.Approve(t, keys[0])
		s.Delete(t, keys[36])
		s.Decline(t, keys[35])
		wantState(t, does(t, "decline")(s.Portal.Decline(t.Context(), keys[34], bridge.Access{}, "")), bridge.Gone)
		if diff := cmp.Diff(sorted(keys[1:34]), sorted(list(t, s.Portal))); diff != "" {
			t.Errorf("listed (-want +got):\n%s", diff)
		}
	}},
	{name: "full pages end too", try: func(t *testing.T, s Stand) {
		keys := askMany(t, s, 20)
		if diff := cmp.Diff(sorted(keys), sorted(list(t, s.Portal))); diff != "" {
			t.Errorf("listed (-want +got):\n%s", diff)
		}
	}},
	{name: "what is listed may be decided at once", try: func(t *testing.T, s Stand) {
		keys := askMany(t, s, 25)
		seen := map[string]int{}
		err := s.Portal.ListPending(t.Context(), func(key string) error {
			seen[key]++
			_, err := s.Portal.Decline(t.Context(), key, bridge.Access{}, "")
			return err
		})
		if err != nil {
			t.Fatalf("list pending: %v", err)
		}
		for _, key := range keys {
			if seen[key] != 1 {
				t.Errorf("a request is listed %d times", seen[key])
			}
		}
		if left := list(t, s.Portal); len(left) != 0 {
			t.Errorf("%d still wait", len(left))
		}
	}},
	{name: "the listing ends where it is told to", try: func(t *testing.T, s Stand) {
		askMany(t, s, 12)
		enough, seen := errors.New("enough"), 0
		err := s.Portal.ListPending(t.Context(), func(string) error {
			if seen++; seen == 3 {
				return enough
			}
			return nil
		})
		if !errors.Is(err, enough) || seen != 3 {
			t.Errorf("%d seen and %v, want 3 and the error given", seen, err)
		}
	}},
	{name: "a listing that fails says so", try: func(t *testing.T, s Stand) {
		askMany(t, s, 2)
		s.Break(t, Fault{On: Listing, Do: ErrorBefore, Status: http.StatusBadGateway})
		err := s.Portal.ListPending(t.Context(), func(string) error { return nil })
		fails(t, "list pending", bridge.Unavailable)(bridge.KeyRequest{}, err)
	}},
}
