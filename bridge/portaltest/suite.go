package portaltest

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"keybridge/bridge"
)

// Run tries everything that a bridge.Portal promises. stand is called for each test, and once more. Left out are: the
// tests of organisations without Stand.Stranger, of credentials without Locked, of secure approval without Secure, of
// approving what does not exist without TakesUnknown and of approving what was declined without Reconsiders.
func Run(t *testing.T, stand func(t *testing.T) Stand) {
	like := stand(t)
	for _, part := range []struct {
		name  string
		tests []test
	}{
		{"reading", reading},
		{"approving", approving},
		{"declining", declining},
		{"stopping", stopping},
		{"resuming", resuming},
		{"asking", asking},
		{"deactivating", deactivating},
		{"secure approval", secure},
		{"listing", listing},
		{"failing", failing},
	} {
		t.Run(part.name, func(t *testing.T) {
			for _, one := range part.tests {
				if one.needs == nil || one.needs(like) {
					t.Run(one.name, func(t *testing.T) { one.try(t, watch(t, stand(t))) })
				}
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

// wantAdmits looks at the keys of a key request and of those in its facts' Also.
func wantAdmits(t *testing.T, s Stand, want bool, key string, also ...string) {
	t.Helper()
	if got := s.Admits(t, append([]string{key}, also...)...); got != want {
		t.Fatalf("the key opens the API: %t, want %t", got, want)
	}
}

func wantKeys(t *testing.T, s Stand, want int) {
	t.Helper()
	if got := s.Keys(t); got != want {
		t.Fatalf("the applicant has %d keys, want %d", got, want)
	}
}

// wantAsked compares what a key request is for with what the stand asks for.
func wantAsked(t *testing.T, s Stand, got bridge.KeyRequest, policies ...string) {
	t.Helper()
	if got.Applicant.ID != s.Applicant.ID || got.Applicant.Email != s.Applicant.Email || got.Applicant.App != s.Applicant.App {
		t.Error("the applicant is not who asked")
	}
	if diff := cmp.Diff(sorted(policies), sorted(got.Asked.Policies)); diff != "" {
		t.Errorf("policies (-want +got):\n%s", diff)
	}
	if got.Asked.Plan != s.Plan {
		t.Errorf("plan %q, want %q", got.Asked.Plan, s.Plan)
	}
	reasons := map[string]string{"why": "because"}
	if !s.KeepsReasons {
		reasons = nil
	}
	if diff := cmp.Diff(reasons, got.Asked.Reasons); diff != "" {
		t.Errorf("reasons (-want +got):\n%s", diff)
	}
	if age := time.Since(got.Asked.At); age < -time.Minute || age > 2*time.Minute { // some portals' dates have no seconds
		t.Errorf("asked %v ago, want now", age)
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
