package portaltest

import (
	"testing"

	"keybridge/bridge"
)

var deactivating = []test{
	{name: "a developer whose account is deactivated is inactive, at once and until it is activated", try: func(t *testing.T, s Stand) {
		key := s.Ask(t, s.Policies[0])
		for _, inactive := range []bool{false, true, false} {
			if inactive {
				s.Deactivate(t)
			} else {
				s.Activate(t)
			}
			got := does(t, "read")(s.Portal.Read(t.Context(), key, bridge.Access{Have: bridge.Pending}))
			wantState(t, got, bridge.Pending)
			if got.Inactive != inactive {
				t.Errorf("inactive: %t, want %t", got.Inactive, inactive)
			}
		}
	}},
	{name: "the state is what the key opens, also of a developer whose account is deactivated", try: func(t *testing.T, s Stand) {
		key, known := granted(t, s, s.Policies[0])
		s.Deactivate(t)
		want := bridge.Suspended
		if s.Admits(t, key) {
			want = bridge.Granted
		}
		got := does(t, "read")(s.Portal.Read(t.Context(), key, known))
		wantState(t, got, want)
		if !got.Inactive {
			t.Error("the account counts as active")
		}
	}},
	{name: "the keys of a deactivated account can be suspended, resumed once it is active, and revoked", try: func(t *testing.T, s Stand) {
		key, known := granted(t, s, s.Policies[0])
		s.Deactivate(t)
		got := does(t, "suspend")(s.Portal.Suspend(t.Context(), key, known))
		wantState(t, got, bridge.Suspended)
		wantAdmits(t, s, false, key)
		s.Activate(t)
		got = does(t, "resume")(s.Portal.Resume(t.Context(), key, then(got)))
		wantState(t, got, bridge.Granted)
		if got.Inactive {
			t.Error("the account counts as deactivated")
		}
		wantAdmits(t, s, true, key, got.Also...)
		s.Deactivate(t)
		got = does(t, "revoke")(s.Portal.Revoke(t.Context(), key, then(got)))
		wantState(t, got, bridge.Gone)
		wantAdmits(t, s, false, key, got.Also...)
	}},
}
