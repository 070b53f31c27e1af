package people_test

import (
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"keybridge/bridge"
	"keybridge/bridge/people"
	"keybridge/store/bolt"
)

// openBolt puts a house on the real store.
func (h *house) openBolt(path string) *bolt.Store {
	h.t.Helper()
	store, err := bolt.Open(bolt.Config{Path: path})
	if err != nil {
		h.t.Fatal(err)
	}
	h.restart(func(c *people.Config) { c.Papers = store })
	return store
}

func TestWhoIsInStaysInWhenTheBridgeStartsAgain(t *testing.T) {
	h := newHouse(t)
	path := filepath.Join(t.TempDir(), "keybridge.db")
	store := h.openBolt(path)
	secret := h.factor(h.add("ada", bridge.Reviewer, "alpha"))
	h.add("bob", bridge.Viewer)
	h.pass(time.Minute)
	code := h.code(secret)
	ada, _, err := h.SignIn(t.Context(), people.Attempt{Name: "ada", Password: good, Code: code})
	if err != nil {
		t.Fatal(err)
	}
	bob := h.in("bob")
	token := h.issue(people.TokenOrder{Name: "t", For: "ada", Role: bridge.Viewer})
	if err := h.Disable(t.Context(), boss, "bob"); err != nil {
		t.Fatal(err)
	}
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}

	store = h.openBolt(path)
	t.Cleanup(func() { _ = store.Close() })
	h.wantIn(ada, true)
	h.wantIn(bob, false)
	if p, err := h.WhoByToken(t.Context(), token); err != nil || p.Name != "ada" || p.Role != bridge.Viewer {
		t.Errorf("%+v, %v", p, err)
	}
	_, _, err = h.SignIn(t.Context(), people.Attempt{Name: "ada", Password: good, Code: code})
	h.wantKind(err, bridge.Refused) // the code was used before
	if n, err := h.Sweep(t.Context()); err != nil || n != 1 {
		t.Errorf("%d swept, %v; want bob's", n, err)
	}
	users, err := h.List(t.Context())
	if err != nil || len(users) != 2 || users[0].Name != "ada" || !users[1].Disabled {
		t.Errorf("%+v, %v", users, err)
	}
	if err := h.Revoke(t.Context(), boss, "t"); err != nil {
		t.Error(err)
	}
	if tokens, err := h.Tokens(t.Context()); err != nil || len(tokens) != 0 {
		t.Errorf("%+v, %v", tokens, err)
	}
}

func TestWhoIsShutOutIsOutWhateverHappensMeanwhile(t *testing.T) {
	h := newHouse(t)
	store := h.openBolt(filepath.Join(t.TempDir(), "keybridge.db"))
	t.Cleanup(func() { _ = store.Close() })
	h.add("ada", bridge.Viewer)
	token := h.issue(people.TokenOrder{Name: "t", For: "ada", Role: bridge.Viewer})
	h.in("ada")
	var shut atomic.Bool
	var mu sync.Mutex
	var sessions []string
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 20 {
				after := shut.Load()
				session, _, err := h.SignIn(t.Context(), people.Attempt{Name: "ada", Password: good})
				if _, tokenErr := h.WhoByToken(t.Context(), token); after && (err == nil || tokenErr == nil) {
					t.Errorf("let in after being shut out: %v, %v", err, tokenErr)
				}
				mu.Lock()
				sessions = append(sessions, session)
				mu.Unlock()
			}
		})
	}
	if err := h.Disable(t.Context(), boss, "ada"); err != nil {
		t.Error(err)
	}
	shut.Store(true)
	all.Wait()
	for _, session := range sessions {
		h.wantIn(session, false)
	}
	if _, err := h.Sweep(t.Context()); err != nil {
		t.Error(err)
	}
	if papers, err := store.Papers(t.Context(), "session", "", 10); err != nil || len(papers) != 0 {
		t.Errorf("%d sessions are left, %v", len(papers), err)
	}
}

func TestOneNameOneUserHoweverManyAddItAtOnce(t *testing.T) {
	h := newHouse(t)
	store := h.openBolt(filepath.Join(t.TempDir(), "keybridge.db"))
	t.Cleanup(func() { _ = store.Close() })
	h.add("owner", bridge.Admin)
	var users, tokens atomic.Int64
	var all sync.WaitGroup
	for range 10 {
		all.Go(func() {
			if _, err := h.Add(t.Context(), boss, people.Newcomer{Name: "ada", Role: bridge.Viewer}); err == nil {
				users.Add(1)
			}
			if _, err := h.Issue(t.Context(), boss, people.TokenOrder{Name: "t", For: "owner", Role: bridge.Viewer}); err == nil {
				tokens.Add(1)
			}
		})
	}
	all.Wait()
	if users.Load() != 1 || tokens.Load() != 1 {
		t.Errorf("%d users and %d tokens of one name", users.Load(), tokens.Load())
	}
}
