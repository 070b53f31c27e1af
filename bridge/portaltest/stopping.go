package portaltest

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"keybridge/bridge"
)

var stopping = []test{
	{name: "suspending stops the key and keeps its id", try: func(t *testing.T, s Stand) {
		key, known := granted(t, s, s.Policies[0])
		got := does(t, "suspend")(s.Portal.Suspend(t.Context(), key, known))
		wantState(t, got, bridge.Suspended)
		wantAdmits(t, s, false, key)
		wantAsked(t, s, got, s.Policies[0])
		if diff := cmp.Diff(known.Keys, got.Keys); diff != "" {
			t.Errorf("keys (-before +now):\n%s", diff)
		}
		wantState(t, does(t, "read")(s.Portal.Read(t.Context(), key, then(got))), bridge.Suspended)
	}},
	{name: "what is so already is not written again", try: func(t *testing.T, s Stand) {
		key, known := granted(t, s, s.Policies[0])
		before := s.Writes()
		wantState(t, does(t, "resume")(s.Portal.Resume(t.Context(), key, known)), bridge.Granted)
		if s.Writes() != before {
			t.Error("resuming what is granted wrote something")
		}
		known = then(does(t, "suspend")(s.Portal.Suspend(t.Context(), key, known)))
		before = s.Writes()
		wantState(t, does(t, "suspend")(s.Portal.Suspend(t.Context(), key, known)), bridge.Suspended)
		if s.Writes() != before {
			t.Error("suspending what is suspended wrote something")
		}
	}},
	{name: "a suspension whose answer is lost is found", try: func(t *testing.T, s Stand) {
		key, known := granted(t, s, s.Policies[0])
		s.Break(t, Fault{On: Stopping, Do: CutAfter, Times: 1})
		fails(t, "suspend", bridge.Unavailable)(s.Portal.Suspend(t.Context(), key, known))
		wantState(t, does(t, "read")(s.Portal.Read(t.Context(), key, known)), bridge.Suspended)
		wantState(t, does(t, "suspend again")(s.Portal.Suspend(t.Context(), key, known)), bridge.Suspended)
	}},
	{name: "a suspension that did not get through is repeated", try: func(t *testing.T, s Stand) {
		key, known := granted(t, s, s.Policies[0])
		s.Break(t, Fault{On: Stopping, Do: CutBefore, Times: 1})
		fails(t, "suspend", bridge.Unavailable)(s.Portal.Suspend(t.Context(), key, known))
		wantAdmits(t, s, true, key)
		wantState(t, does(t, "suspend again")(s.Portal.Suspend(t.Context(), key, known)), bridge.Suspended)
		wantAdmits(t, s, false, key)
	}},
	{name: "revoking ends the key, and may be repeated", try: func(t *testing.T, s Stand) {
		key, known := granted(t, s, s.Policies[0])
		for range 3 {
			wantState(t, does(t, "revoke")(s.Portal.Revoke(t.Context(), key, known)), bridge.Gone)
			wantAdmits(t, s, false, key)
		}
		wantState(t, does(t, "read")(s.Portal.Read(t.Context(), key, known)), bridge.Gone)
		wantKeys(t, s, 0)
	}},
	{name: "a suspended key can be revoked", try: func(t *testing.T, s Stand) {
		key, known := granted(t, s, s.Policies[0])
		known = then(does(t, "suspend")(s.Portal.Suspend(t.Context(), key, known)))
		wantState(t, does(t, "revoke")(s.Portal.Revoke(t.Context(), key, known)), bridge.Gone)
		wantKeys(t, s, 0)
	}},
	{name: "a key the admin removed is neither suspended nor resumed nor revoked", try: func(t *testing.T, s Stand) {
		key, known := granted(t, s, s.Policies[0])
		s.Remove(t, key)
		for name, act := range acts(s.Portal) {
			got, err := act(t.Context(), key, known)
			wantState(t, does(t, name)(got, err), bridge.Gone)
		}
	}},
	{name: "what is pending is not stopped", try: func(t *testing.T, s Stand) {
		key := s.Ask(t, s.Policies[0])
		for _, name := range []string{"suspend", "resume", "revoke"} {
			got, err := acts(s.Portal)[name](t.Context(), key, bridge.Access{Have: bridge.Pending})
			fails(t, name, bridge.Conflict)(got, err)
		}
		wantDecided(t, s, key, Decided{})
	}},
}

var secure = []test{
	{name: "what is approved is granted before the key is generated", needs: isSecure, try: func(t *testing.T, s Stand) {
		s.Secure(t)
		key := s.Ask(t, s.Policies[0])
		got := does(t, "approve")(s.Portal.Approve(t.Context(), key, bridge.Access{}))
		wantState(t, got, bridge.Granted)
		if len(got.Keys) != 0 || s.Keys(t) != 0 {
			t.Errorf("%d keys in the facts, %d at the portal, want none yet", len(got.Keys), s.Keys(t))
		}
		s.Generate(t, key)
		got = does(t, "read")(s.Portal.Read(t.Context(), key, then(got)))
		wantState(t, got, bridge.Granted)
		if len(got.Keys) != 1 {
			t.Errorf("%d keys in the facts once it is generated, want 1", len(got.Keys))
		}
		wantState(t, does(t, "suspend")(s.Portal.Suspend(t.Context(), key, then(got))), bridge.Suspended)
	}},
	{name: "a key that is not generated yet cannot be suspended, and that is said", needs: isSecure, try: func(t *testing.T, s Stand) {
		s.Secure(t)
		key := s.Ask(t, s.Policies[0])
		got := does(t, "approve")(s.Portal.Approve(t.Context(), key, bridge.Access{}))
		fails(t, "suspend", bridge.Invalid)(s.Portal.Suspend(t.Context(), key, then(got)))
	}},
	{name: "revoking keeps a key from being generated", needs: isSecure, try: func(t *testing.T, s Stand) {
		s.Secure(t)
		key := s.Ask(t, s.Policies[0])
		got := does(t, "approve")(s.Portal.Approve(t.Context(), key, bridge.Access{}))
		got = does(t, "revoke")(s.Portal.Revoke(t.Context(), key, then(got)))
		wantState(t, got, bridge.Gone)
		wantState(t, does(t, "read")(s.Portal.Read(t.Context(), key, then(got))), bridge.Gone)
		wantDecided(t, s, key, Decided{Approved: 1, Declined: 1})
	}},
	{name: "a key from before the approval is not taken for the one to come", needs: isSecure, try: func(t *testing.T, s Stand) {
		_, before := granted(t, s, s.Policies[0])
		s.Secure(t)
		key := s.Ask(t, s.Policies[0])
		got := does(t, "approve")(s.Portal.Approve(t.Context(), key, bridge.Access{}))
		wantState(t, got, bridge.Granted)
		if len(got.Keys) != 0 {
			t.Errorf("facts name %v, the other request has %v", got.Keys, before.Keys)
		}
	}},
}

func isSecure(s Stand) bool { return s.Secure != nil && s.Generate != nil }
