package portaltest

import (
	"context"
	"net/http"
	"sync"
	"testing"

	"keybridge/bridge"
)

type act func(context.Context, string, bridge.Access) (bridge.KeyRequest, error)

// acts are all calls about one key request, by name.
func acts(p bridge.Portal) map[string]act {
	return map[string]act{
		"read": p.Read, "approve": p.Approve, "suspend": p.Suspend, "resume": p.Resume, "revoke": p.Revoke,
		"decline": func(ctx context.Context, key string, a bridge.Access) (bridge.KeyRequest, error) {
			return p.Decline(ctx, key, a, "because")
		},
	}
}

// atOnce makes n calls at the same time and waits for all.
func atOnce(n int, call func()) {
	var all sync.WaitGroup
	for range n {
		all.Go(call)
	}
	all.Wait()
}

var approving = []test{
	{name: "approving grants one key that opens the API", try: func(t *testing.T, s Stand) {
		key, _ := granted(t, s, s.Policies[0])
		wantDecided(t, s, key, Decided{Approved: 1})
		wantAdmits(t, s, true, key)
	}},
	{name: "approving again changes nothing", try: func(t *testing.T, s Stand) {
		key, known := granted(t, s, s.Policies[0])
		before := s.Writes()
		for _, a := range []bridge.Access{known, {Have: bridge.Pending}} {
			wantState(t, does(t, "approve")(s.Portal.Approve(t.Context(), key, a)), bridge.Granted)
		}
		wantDecided(t, s, key, Decided{Approved: 1})
		if s.Writes() != before {
			t.Error("approving what is approved wrote something")
		}
	}},
	{name: "many approvals at once are one decision and one key", try: func(t *testing.T, s Stand) {
		key := s.Ask(t, s.Policies[0])
		atOnce(16, func() {
			if got, err := s.Portal.Approve(t.Context(), key, bridge.Access{Have: bridge.Pending}); err != nil || got.State != bridge.Granted {
				t.Errorf("approve: %q, %v", got.State, err)
			}
		})
		wantDecided(t, s, key, Decided{Approved: 1})
		wantKeys(t, s, 1)
	}},
	{name: "what the admin approved is not approved again", try: func(t *testing.T, s Stand) {
		key := s.Ask(t, s.Policies[0])
		s.Approve(t, key)
		wantState(t, does(t, "approve")(s.Portal.Approve(t.Context(), key, bridge.Access{Have: bridge.Pending})), bridge.Granted)
		wantDecided(t, s, key, Decided{Approved: 1})
	}},
	{name: "what the admin deleted is not approved", try: func(t *testing.T, s Stand) {
		key := s.Ask(t, s.Policies[0])
		s.Delete(t, key)
		wantState(t, does(t, "approve")(s.Portal.Approve(t.Context(), key, bridge.Access{Have: bridge.Pending})), bridge.Gone)
		wantDecided(t, s, key, Decided{Declined: 1})
	}},
	{name: "an approval cut off before the work is repeated", try: func(t *testing.T, s Stand) {
		lostApproval(t, s, Fault{On: Approving, Do: CutBefore, Times: 1}, bridge.Pending)
	}},
	{name: "an approval cut off after the work is found and not repeated", try: func(t *testing.T, s Stand) {
		lostApproval(t, s, Fault{On: Approving, Do: CutAfter, Times: 1}, bridge.Granted)
	}},
	{name: "an approval answered 500 before the work is repeated", try: func(t *testing.T, s Stand) {
		lostApproval(t, s, Fault{On: Approving, Do: ErrorBefore, Status: http.StatusInternalServerError, Times: 1}, bridge.Pending)
	}},
	{name: "an approval answered 500 after the work is found and not repeated", try: func(t *testing.T, s Stand) {
		lostApproval(t, s, Fault{On: Approving, Do: ErrorAfter, Status: http.StatusInternalServerError, Times: 1}, bridge.Granted)
	}},
	{
		name:  "a policy that does not exist can never be approved, and the message says so",
		needs: func(s Stand) bool { return s.TakesUnknown },
		try: func(t *testing.T, s Stand) {
			key := s.Ask(t, s.Unknown)
			got := does(t, "read")(s.Portal.Read(t.Context(), key, bridge.Access{}))
			wantState(t, got, bridge.Pending)
			_, err := s.Portal.Approve(t.Context(), key, then(got))
			if bridge.KindOf(err) != bridge.Invalid || bridge.Explain(err) == bridge.Explain(&bridge.Error{}) {
				t.Errorf("approve: %v, want an error of kind invalid with a message", err)
			}
			wantDecided(t, s, key, Decided{})
			wantState(t, does(t, "decline")(s.Portal.Decline(t.Context(), key, then(got), "")), bridge.Gone)
		},
	},
}

// lostApproval tries an approval whose answer is lost: it fails as unavailable, reading shows the state, approving once
// more grants, and the portal has decided once.
func lostApproval(t *testing.T, s Stand, f Fault, left bridge.AccessState) {
	t.Helper()
	key := s.Ask(t, s.Policies[0])
	s.Break(t, f)
	pending := bridge.Access{Have: bridge.Pending}
	fails(t, "approve", bridge.Unavailable)(s.Portal.Approve(t.Context(), key, pending))
	wantState(t, does(t, "read")(s.Portal.Read(t.Context(), key, pending)), left)
	got := does(t, "approve again")(s.Portal.Approve(t.Context(), key, pending))
	wantState(t, got, bridge.Granted)
	if len(got.Keys) != 1 {
		t.Errorf("%d keys in the facts, want 1", len(got.Keys))
	}
	wantDecided(t, s, key, Decided{Approved: 1})
	wantKeys(t, s, 1)
}

var declining = []test{
	{name: "declining ends the request, once", try: func(t *testing.T, s Stand) {
		key := s.Ask(t, s.Policies[0])
		for range 3 {
			wantState(t, does(t, "decline")(s.Portal.Decline(t.Context(), key, bridge.Access{}, "because")), bridge.Gone)
		}
		wantState(t, does(t, "read")(s.Portal.Read(t.Context(), key, bridge.Access{})), bridge.Gone)
		wantDecided(t, s, key, Decided{Declined: 1})
		wantKeys(t, s, 0)
	}},
	{name: "what is left of a declined request is gone, and says who asked as long as it is on record", try: func(t *testing.T, s Stand) {
		key := s.Ask(t, s.Policies[0])
		wantState(t, does(t, "decline")(s.Portal.Decline(t.Context(), key, bridge.Access{}, "")), bridge.Gone)
		got := does(t, "read")(s.Portal.Read(t.Context(), key, bridge.Access{}))
		wantState(t, got, bridge.Gone)
		if s.KeepsDeclined {
			wantAsked(t, s, got, s.Policies[0])
		} else if got.Applicant != (bridge.Applicant{}) {
			t.Error("a record that is not there says who asked")
		}
	}},
	{name: "what was declined is not approved", try: func(t *testing.T, s Stand) {
		key := s.Ask(t, s.Policies[0])
		wantState(t, does(t, "decline")(s.Portal.Decline(t.Context(), key, bridge.Access{}, "")), bridge.Gone)
		wantState(t, does(t, "approve")(s.Portal.Approve(t.Context(), key, bridge.Access{})), bridge.Gone)
		wantDecided(t, s, key, Decided{Declined: 1})
		wantKeys(t, s, 0)
	}},
	{
		name:  "what was declined and the admin approved after all is granted",
		needs: func(s Stand) bool { return s.Reconsiders },
		try: func(t *testing.T, s Stand) {
			key := s.Ask(t, s.Policies[0])
			wantState(t, does(t, "decline")(s.Portal.Decline(t.Context(), key, bridge.Access{}, "")), bridge.Gone)
			s.Approve(t, key)
			wantState(t, does(t, "read")(s.Portal.Read(t.Context(), key, bridge.Access{Have: bridge.Gone})), bridge.Granted)
		},
	},
	{name: "many at once are one decision", try: func(t *testing.T, s Stand) {
		key := s.Ask(t, s.Policies[0])
		atOnce(8, func() {
			if got, err := s.Portal.Decline(t.Context(), key, bridge.Access{}, ""); err != nil || got.State != bridge.Gone {
				t.Errorf("decline: %q, %v", got.State, err)
			}
		})
		wantDecided(t, s, key, Decided{Declined: 1})
	}},
	{name: "what the admin approved meanwhile is not declined", try: func(t *testing.T, s Stand) {
		key := s.Ask(t, s.Policies[0])
		s.Approve(t, key)
		fails(t, "decline", bridge.Conflict)(s.Portal.Decline(t.Context(), key, bridge.Access{Have: bridge.Pending}, ""))
		wantDecided(t, s, key, Decided{Approved: 1})
		wantAdmits(t, s, true, key)
	}},
	{name: "approvals and refusals at once end in one of the two", try: func(t *testing.T, s Stand) {
		key := s.Ask(t, s.Policies[0])
		var all sync.WaitGroup
		for range 4 {
			all.Go(func() { race(t, s.Portal.Approve, key) })
			all.Go(func() { race(t, acts(s.Portal)["decline"], key) })
		}
		all.Wait()
		got := does(t, "read")(s.Portal.Read(t.Context(), key, bridge.Access{}))
		want := map[Decided]bridge.AccessState{{Approved: 1}: bridge.Granted, {Declined: 1}: bridge.Gone}
		if decided := s.Decided(t, key); want[decided] != got.State {
			t.Errorf("%+v at the portal, and %q is read", decided, got.State)
		}
	}},
	{name: "a refusal cut off after the work is found", try: func(t *testing.T, s Stand) {
		key := s.Ask(t, s.Policies[0])
		s.Break(t, Fault{On: Declining, Do: CutAfter, Times: 1})
		fails(t, "decline", bridge.Unavailable)(s.Portal.Decline(t.Context(), key, bridge.Access{}, ""))
		wantState(t, does(t, "decline again")(s.Portal.Decline(t.Context(), key, bridge.Access{}, "")), bridge.Gone)
		wantDecided(t, s, key, Decided{Declined: 1})
	}},
	{name: "a refusal cut off before the work is repeated", try: func(t *testing.T, s Stand) {
		key := s.Ask(t, s.Policies[0])
		s.Break(t, Fault{On: Declining, Do: CutBefore, Times: 1})
		fails(t, "decline", bridge.Unavailable)(s.Portal.Decline(t.Context(), key, bridge.Access{}, ""))
		wantState(t, does(t, "read")(s.Portal.Read(t.Context(), key, bridge.Access{})), bridge.Pending)
		wantState(t, does(t, "decline again")(s.Portal.Decline(t.Context(), key, bridge.Access{}, "")), bridge.Gone)
	}},
}

// race makes a call that may lose to another: then it is a conflict.
func race(t *testing.T, act act, key string) {
	if _, err := act(t.Context(), key, bridge.Access{}); err != nil && bridge.KindOf(err) != bridge.Conflict {
		t.Errorf("a call that lost failed: %v", err)
	}
}
