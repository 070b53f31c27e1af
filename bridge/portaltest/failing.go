package portaltest

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"time"

	"keybridge/bridge"
)

// troubles are the ways in which any call may fail, the kind of error each is, and how long it then says to wait.
var troubles = []struct {
	fault Fault
	want  bridge.Kind
	after time.Duration
}{
	{Fault{Do: Limit, RetryAfter: 7 * time.Second}, bridge.Limited, 7 * time.Second},
	{Fault{Do: ErrorBefore, Status: http.StatusInternalServerError}, bridge.Unavailable, 0},
	{Fault{Do: ErrorBefore, Status: http.StatusBadGateway}, bridge.Unavailable, 0},
	{Fault{Do: ErrorBefore, Status: http.StatusServiceUnavailable}, bridge.Unavailable, 0},
	{Fault{Do: ErrorBefore, Status: http.StatusUnauthorized}, bridge.Refused, 0},
	{Fault{Do: ErrorBefore, Status: http.StatusForbidden}, bridge.Refused, 0},
	{Fault{Do: ErrorBefore, Status: http.StatusUnprocessableEntity}, bridge.Invalid, 0},
	{Fault{Do: CutBefore}, bridge.Unavailable, 0},
}

var failing = []test{
	{name: "each failure has its kind, and the portal is as it was", try: func(t *testing.T, s Stand) {
		key := s.Ask(t, s.Policies[0])
		for _, trouble := range troubles {
			s.Break(t, trouble.fault)
			for name, act := range acts(s.Portal) {
				_, err := act(t.Context(), key, bridge.Access{})
				fails(t, string(trouble.fault.Do)+": "+name, trouble.want)(bridge.KeyRequest{}, err)
				if e, ok := errors.AsType[*bridge.Error](err); !ok || e.RetryAfter != trouble.after {
					t.Errorf("%s: retry after %v, want %v", name, e.RetryAfter, trouble.after)
				}
			}
			s.Mend()
		}
		wantDecided(t, s, key, Decided{})
		wantState(t, does(t, "read")(s.Portal.Read(t.Context(), key, bridge.Access{})), bridge.Pending)
	}},
	{name: "a failure is never taken for an answer: what is granted stays so", try: func(t *testing.T, s Stand) {
		key, known := granted(t, s, s.Policies[0])
		for _, status := range []int{400, 409, 422, 500, 502, 503, 504} {
			s.Break(t, Fault{Do: ErrorBefore, Status: status})
			if got, err := s.Portal.Read(t.Context(), key, known); err == nil {
				t.Errorf("status %d is read as %q", status, got.State)
			}
			s.Mend()
		}
	}},
	{name: "nobody waits for a slow portal longer than they want to", try: func(t *testing.T, s Stand) {
		key := s.Ask(t, s.Policies[0])
		s.Break(t, Fault{Do: Slow, Delay: time.Minute})
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		began := time.Now()
		fails(t, "read", bridge.Unavailable)(s.Portal.Read(ctx, key, bridge.Access{}))
		if took := time.Since(began); took > 10*time.Second {
			t.Errorf("it took %v", took)
		}
	}},
	{name: "a call that is given up is unavailable", try: func(t *testing.T, s Stand) {
		key := s.Ask(t, s.Policies[0])
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		for name, act := range acts(s.Portal) {
			_, err := act(ctx, key, bridge.Access{})
			fails(t, name, bridge.Unavailable)(bridge.KeyRequest{}, err)
			if !errors.Is(err, context.Canceled) {
				t.Errorf("%s: %v does not say that it was cancelled", name, err)
			}
		}
		wantDecided(t, s, key, Decided{})
	}},
	{
		name:  "wrong credentials are refused, and the message says where to look",
		needs: func(s Stand) bool { return s.Locked != nil },
		try: func(t *testing.T, s Stand) {
			key := s.Ask(t, s.Policies[0])
			for name, act := range acts(s.Locked) {
				_, err := act(t.Context(), key, bridge.Access{})
				fails(t, name, bridge.Refused)(bridge.KeyRequest{}, err)
				if e, ok := errors.AsType[*bridge.Error](err); !ok || e.Msg == "" {
					t.Errorf("%s: no message", name)
				}
			}
			wantDecided(t, s, key, Decided{})
		},
	},
}
