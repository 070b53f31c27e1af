package portaltest

import (
	"slices"
	"testing"

	"keybridge/bridge"
)

// Run tries everything that a bridge.Portal promises. stand is called for each test. Left out are: the tests of
// organisations without Stand.Stranger, of credentials without Locked, of secure approval without Secure, of policies
// that do not exist without Unknown.
func Run(t *testing.T, stand func(t *testing.T) Stand) {
	for _, part := range []struct {
		name  string
		tests []test
	}{
		{"reading", reading},
		{"approving", approving},
		{"declining", declining},
		{"stopping", stopping},
		{"secure approval", secure},
		{"listing", listing},
		{"failing", failing},
	} {
		t.Run(part.name, func(t *testing.T) {
			for _, one := range part.tests {
				s := stand(t)
				if one.needs != nil && !one.needs(s) {
					continue
				}
				t.Run(one.name, func(t *testing.T) { one.try(t, watch(t, s)) })
			}
		})
	}
}

// test is one promise. needs, where it is set, says whether a stand has the levers for it.
type test struct {
	name  string
	needs func(Stand) bool
	try   func(*testing.T, Stand)
}

// does fails the test when a call that had to succeed did not, and returns its facts.
func does(t *testing.T, what string) func(bridge.KeyRequest, error) bridge.KeyRequest {
	t.Helper()
	return func(got bridge.KeyRequest, err error) bridge.KeyRequest {
		t.Helper()
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		return got
	}
}

// fails fails the test when a call did not end in an error of the kind.
func fails(t *testing.T, what string, kind bridge.Kind) func(bridge.KeyRequest, error) {
	t.Helper()
	return func(_ bridge.KeyRequest, err error) {
		t.Helper()
		if got := bridge.KindOf(err); got != kind {
			t.Fatalf("%s: error of kind %q (%v), want %q", what, got, err, kind)
		}
	}
}

func wantState(t *testing.T, got bridge.KeyRequest, want bridge.AccessState) {
	t.Helper()
	if got.State != want {
		t.Fatalf("state is %q, want %q", got.State, want)
	}
}

func wantDecided(t *testing.T, s Stand, key string, want Decided) {
	t.Helper()
	if got := s.Decided(t, key); got != want {
		t.Fatalf("decisions at the portal: %+v, want %+v", got, want)
	}
}

func wantAdmits(t *testing.T, s Stand, key string, want bool) {
	t.Helper()
	if got := s.Admits(t, key); got != want {
		t.Fatalf("the key opens the API: %t, want %t", got, want)
	}
}

func sorted(all []string) []string { return slices.Sorted(slices.Values(all)) }

// then is what the bridge would know after it has seen the facts.
func then(facts bridge.KeyRequest) bridge.Access {
	return bridge.Access{Have: facts.State, Keys: facts.Keys}
}

// granted makes a key request, approves it through the adapter and returns it with what is known then.
func granted(t *testing.T, s Stand, policies ...string) (key string, known bridge.Access) {
	t.Helper()
	key = s.Ask(t, policies...)
	facts := does(t, "approve")(s.Portal.Approve(t.Context(), key, bridge.Access{Have: bridge.Pending}))
	wantState(t, facts, bridge.Granted)
	if len(facts.Keys) != 1 {
		t.Fatalf("approving led to %d keys, want 1", len(facts.Keys))
	}
	return key, then(facts)
}
