package portaltest

import (
	"context"
	"encoding/json"
	"strings"
	"sync"
	"testing"

	"keybridge/bridge"
)

// watched passes calls on to an adapter and keeps what comes back.
type watched struct {
	bridge.Portal
	mu     sync.Mutex
	facts  []string
	errors []string
}

// watch wraps the adapters of a stand, and has what came back through them searched for secrets when the test is over.
func watch(t *testing.T, s Stand) Stand {
	var all []*watched
	for _, portal := range []*bridge.Portal{&s.Portal, &s.Stranger, &s.Locked} {
		if *portal != nil {
			one := &watched{Portal: *portal}
			*portal = one
			all = append(all, one)
		}
	}
	t.Cleanup(func() {
		secrets := s.Secrets()
		if len(secrets) == 0 {
			t.Error("the stand names no secrets, so nothing was searched for")
		}
		for _, one := range all {
			search(t, "facts", one.facts, secrets)
			search(t, "an error", one.errors, append(secrets, s.Applicant.Email))
		}
		search(t, "the log", []string{s.Log()}, append(secrets, s.Applicant.Email))
	})
	return s
}

func search(t *testing.T, where string, texts, secrets []string) {
	t.Helper()
	for _, secret := range secrets {
		for _, text := range texts {
			if secret != "" && strings.Contains(text, secret) {
				t.Errorf("a secret or an e-mail address is in %s", where)
				return
			}
		}
	}
}

func (w *watched) saw(got bridge.KeyRequest, err error) (bridge.KeyRequest, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	text, _ := json.Marshal(got) //nolint:errcheck // strings and times always encode
	w.facts = append(w.facts, string(text))
	if err != nil {
		w.errors = append(w.errors, err.Error(), bridge.Explain(err))
	}
	return got, err
}

func (w *watched) Read(ctx context.Context, key string, a bridge.Access) (bridge.KeyRequest, error) {
	return w.saw(w.Portal.Read(ctx, key, a))
}

func (w *watched) Approve(ctx context.Context, key string, a bridge.Access) (bridge.KeyRequest, error) {
	return w.saw(w.Portal.Approve(ctx, key, a))
}

func (w *watched) Decline(ctx context.Context, key string, a bridge.Access, why string) (bridge.KeyRequest, error) {
	return w.saw(w.Portal.Decline(ctx, key, a, why))
}

func (w *watched) Suspend(ctx context.Context, key string, a bridge.Access) (bridge.KeyRequest, error) {
	return w.saw(w.Portal.Suspend(ctx, key, a))
}

func (w *watched) Resume(ctx context.Context, key string, a bridge.Access) (bridge.KeyRequest, error) {
	return w.saw(w.Portal.Resume(ctx, key, a))
}

func (w *watched) Revoke(ctx context.Context, key string, a bridge.Access) (bridge.KeyRequest, error) {
	return w.saw(w.Portal.Revoke(ctx, key, a))
}

func (w *watched) Create(ctx context.Context, a bridge.Asking) (string, error) {
	key, err := w.Portal.Create(ctx, a)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.facts = append(w.facts, key)
	if err != nil {
		w.errors = append(w.errors, err.Error(), bridge.Explain(err))
	}
	return key, err
}

func (w *watched) ListPending(ctx context.Context, yield func(string) error) error {
	err := w.Portal.ListPending(ctx, func(key string) error {
		w.mu.Lock()
		w.facts = append(w.facts, key)
		w.mu.Unlock()
		return yield(key)
	})
	if err != nil {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.errors = append(w.errors, err.Error(), bridge.Explain(err))
	}
	return err
}
