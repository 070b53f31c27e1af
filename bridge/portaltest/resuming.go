package portaltest

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"keybridge/bridge"
)

var resuming = []test{
	{name: "resuming starts the key again, or gives another one, as often as it is suspended", try: func(t *testing.T, s Stand) {
		key, known := granted(t, s, s.Policies[0])
		var also []string
		for range 3 {
			known = then(does(t, "suspend")(s.Portal.Suspend(t.Context(), key, known)))
			wantAdmits(t, s, false, key, also...)
			got := does(t, "resume")(s.Portal.Resume(t.Context(), key, known))
			wantState(t, got, bridge.Granted)
			wantAsked(t, s, got, s.Policies[0])
			wantRenewed(t, s, known, also, got)
			known, also = then(got), got.Also
			wantAdmits(t, s, true, key, also...)
			wantKeys(t, s, 1)
			if diff := cmp.Diff(got, does(t, "read")(s.Portal.Read(t.Context(), key, known))); diff != "" {
				t.Errorf("facts (-as resumed +as read):\n%s", diff)
			}
		}
	}},
	{name: "a key given anew is known by its own request too, and a hint at that one is understood", try: func(t *testing.T, s Stand) {
		_, facts := resumed(t, s)
		for _, id := range facts.Also {
			got := does(t, "read")(s.Portal.Read(t.Context(), id, bridge.Access{}))
			wantState(t, got, bridge.Granted)
			wantAsked(t, s, got, s.Policies[0])
		}
		if pending := list(t, s.Portal); len(pending) != 0 {
			t.Errorf("%d requests wait", len(pending))
		}
	}},
	{name: "a key given anew can be suspended and revoked", try: func(t *testing.T, s Stand) {
		key, facts := resumed(t, s)
		known := then(does(t, "suspend")(s.Portal.Suspend(t.Context(), key, then(facts))))
		wantAdmits(t, s, false, key, facts.Also...)
		wantState(t, does(t, "revoke")(s.Portal.Revoke(t.Context(), key, known)), bridge.Gone)
		wantState(t, does(t, "read")(s.Portal.Read(t.Context(), key, known)), bridge.Gone)
		for _, id := range facts.Also {
			wantState(t, does(t, "read")(s.Portal.Read(t.Context(), id, bridge.Access{})), bridge.Gone)
		}
		wantKeys(t, s, 0)
	}},
	{name: "a working key given anew is revoked, with all that came before it", try: func(t *testing.T, s Stand) {
		key, facts := resumed(t, s)
		for range 2 {
			wantState(t, does(t, "revoke")(s.Portal.Revoke(t.Context(), key, then(facts))), bridge.Gone)
			wantAdmits(t, s, false, key, facts.Also...)
		}
		wantState(t, does(t, "read")(s.Portal.Read(t.Context(), key, bridge.Access{})), bridge.Gone)
		wantKeys(t, s, 0)
	}},
	{name: "a key given anew that the admin removes is gone", try: func(t *testing.T, s Stand) {
		key, facts := resumed(t, s)
		last := key
		if s.Renews {
			last = facts.Also[len(facts.Also)-1]
		}
		s.Remove(t, last)
		wantState(t, does(t, "read")(s.Portal.Read(t.Context(), key, then(facts))), bridge.Gone)
	}},
	{name: "a resumption whose answer is lost is found, and none is made beside it", try: func(t *testing.T, s Stand) {
		key, known := lostResumption(t, s, CutAfter)
		read := does(t, "read")(s.Portal.Read(t.Context(), key, known))
		wantState(t, read, bridge.Granted)
		before := s.Writes()
		for _, a := range []bridge.Access{known, {Have: read.State, Keys: read.Keys}} {
			got := does(t, "resume again")(s.Portal.Resume(t.Context(), key, a))
			wantState(t, got, bridge.Granted)
			wantAdmits(t, s, true, key, got.Also...)
			if diff := cmp.Diff(read, got); diff != "" {
				t.Errorf("facts (-as read +as resumed):\n%s", diff)
			}
		}
		if s.Writes() != before {
			t.Error("resuming what was resumed wrote something")
		}
		wantKeys(t, s, 1)
	}},
	{name: "a resumption that did not get through is repeated", try: func(t *testing.T, s Stand) {
		key, known := lostResumption(t, s, CutBefore)
		wantState(t, does(t, "read")(s.Portal.Read(t.Context(), key, known)), bridge.Suspended)
		got := does(t, "resume again")(s.Portal.Resume(t.Context(), key, known))
		wantState(t, got, bridge.Granted)
		wantAdmits(t, s, true, key, got.Also...)
		wantKeys(t, s, 1)
	}},
	{name: "the key of a resumption whose answer is lost can be stopped", try: func(t *testing.T, s Stand) {
		for name, want := range map[string]bridge.AccessState{"suspend": bridge.Suspended, "revoke": bridge.Gone} {
			key, known := lostResumption(t, s, CutAfter)
			got, err := acts(s.Portal)[name](t.Context(), key, known)
			wantState(t, does(t, name)(got, err), want)
			wantAdmits(t, s, false, key, got.Also...)
		}
	}},
	{name: "many resumptions at once are one", try: func(t *testing.T, s Stand) {
		key, known := granted(t, s, s.Policies[0])
		known = then(does(t, "suspend")(s.Portal.Suspend(t.Context(), key, known)))
		known.Since = time.Now()
		atOnce(8, func() {
			if got, err := s.Portal.Resume(t.Context(), key, known); err != nil || got.State != bridge.Granted {
				t.Errorf("resume: %q, %v", got.State, err)
			}
		})
		wantKeys(t, s, 1)
	}},
	{name: "the developer's other requests are left alone", try: func(t *testing.T, s Stand) {
		key, known := granted(t, s, s.Policies[0])
		known = then(does(t, "suspend")(s.Portal.Suspend(t.Context(), key, known)))
		other := s.Ask(t, s.Policies[0])
		got := does(t, "resume")(s.Portal.Resume(t.Context(), key, known))
		wantState(t, got, bridge.Granted)
		wantState(t, does(t, "revoke")(s.Portal.Revoke(t.Context(), key, then(got))), bridge.Gone)
		wantState(t, does(t, "read")(s.Portal.Read(t.Context(), other, bridge.Access{})), bridge.Pending)
		wantDecided(t, s, other, Decided{})
	}},
}

// resumed makes a key request whose key was suspended and resumed, and returns it with its facts.
func resumed(t *testing.T, s Stand) (key string, facts bridge.KeyRequest) {
	t.Helper()
	key, known := granted(t, s, s.Policies[0])
	known = then(does(t, "suspend")(s.Portal.Suspend(t.Context(), key, known)))
	return key, does(t, "resume")(s.Portal.Resume(t.Context(), key, known))
}

// lostResumption makes a key request whose resumption was not answered, and returns it with what the bridge then knows.
func lostResumption(t *testing.T, s Stand, trouble Trouble) (key string, known bridge.Access) {
	t.Helper()
	key, known = granted(t, s, s.Policies[0])
	known = then(does(t, "suspend")(s.Portal.Suspend(t.Context(), key, known)))
	began := time.Now()
	s.Break(t, Fault{On: Resuming, Do: trouble, Times: 1})
	fails(t, "resume", bridge.Unavailable)(s.Portal.Resume(t.Context(), key, known))
	known.Since = began
	return key, known
}

// wantRenewed compares the keys before and after a resumption: the same, or, where keys are given anew, one more, of one
// more request.
func wantRenewed(t *testing.T, s Stand, before bridge.Access, also []string, got bridge.KeyRequest) {
	t.Helper()
	more := 0
	if s.Renews {
		more = 1
	}
	if len(got.Keys) != len(before.Keys)+more || !cmp.Equal(before.Keys, got.Keys[:len(before.Keys)]) {
		t.Errorf("keys are %v, and were %v", got.Keys, before.Keys)
	}
	if len(got.Also) != len(also)+more || len(also) > 0 && !cmp.Equal(also, got.Also[:len(also)]) {
		t.Errorf("the other requests are %v, and were %v", got.Also, also)
	}
}
