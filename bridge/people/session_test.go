package people_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"keybridge/bridge"
	"keybridge/bridge/people"
)

func TestASessionEndsUnusedAndAtTheLatest(t *testing.T) {
	h := newHouse(t)
	h.add("ada", bridge.Viewer)
	unused := h.in("ada")
	h.pass(30*time.Minute - time.Millisecond)
	h.wantIn(unused, true)
	h.pass(30 * time.Minute)
	h.wantIn(unused, false)

	busy := h.in("ada")
	for range 12*60/20 - 1 {
		h.pass(20 * time.Minute)
		h.wantIn(busy, true)
	}
	_, s, err := h.Who(t.Context(), busy)
	if err != nil || !s.Ends.Equal(s.Opened.Add(12*time.Hour)) {
		t.Errorf("session %+v, %v: want it to end 12 hours after it was opened", s, err)
	}
	h.pass(20*time.Minute - time.Millisecond)
	h.wantIn(busy, true)
	h.pass(time.Millisecond)
	h.wantIn(busy, false)
}

// A page that looks again by itself keeps nobody in who has left.
func TestAGlanceKeepsNoSessionFromEnding(t *testing.T) {
	h := newHouse(t)
	h.add("ada", bridge.Viewer)
	left := h.in("ada")
	for range 30 {
		if p, _, err := h.Glance(t.Context(), left); err != nil || p.Name != "ada" {
			t.Fatalf("%v: %v", p, err)
		}
		h.pass(time.Minute)
	}
	if p, _, err := h.Glance(t.Context(), left); bridge.KindOf(err) != bridge.Refused {
		t.Errorf("after half an hour a glance sees %v, %v", p, err)
	}
	h.wantIn(left, false)
}

func TestBeingHereIsWrittenOnceAMinute(t *testing.T) {
	h := newHouse(t)
	h.add("ada", bridge.Viewer)
	token := h.in("ada")
	before := h.shelf.writes
	for range 300 { // five minutes
		h.pass(time.Second)
		h.wantIn(token, true)
	}
	if n := h.shelf.writes - before; n != 5 {
		t.Errorf("%d writes in five minutes, want 5", n)
	}
}

func TestWhatEndsASession(t *testing.T) {
	for _, c := range []struct {
		name string
		do   func(h *house, ada bridge.Person, token string) error
		ends bool
	}{
		{"sign-out", func(h *house, _ bridge.Person, token string) error { return h.SignOut(t.Context(), token) }, true},
		{"sign-out everywhere", func(h *house, ada bridge.Person, _ string) error { return h.SignOutEverywhere(t.Context(), ada, "ada") }, true},
		{"sign-out everywhere by an admin", func(h *house, _ bridge.Person, _ string) error { return h.SignOutEverywhere(t.Context(), boss, "ada") }, true},
		{"being disabled", func(h *house, _ bridge.Person, _ string) error { return h.Disable(t.Context(), boss, "ada") }, true},
		{"being disabled and enabled again", func(h *house, _ bridge.Person, _ string) error {
			if err := h.Disable(t.Context(), boss, "ada"); err != nil {
				return err
			}
			return h.Enable(t.Context(), boss, "ada")
		}, true},
		{"a new password from an admin", func(h *house, _ bridge.Person, _ string) error {
			return h.SetPassword(t.Context(), boss, "ada", "another set of words")
		}, true},
		{"a new password of their own", func(h *house, ada bridge.Person, _ string) error {
			return h.ChangePassword(t.Context(), ada, good, "another set of words", "")
		}, true},
		{"being enabled while they are", func(h *house, _ bridge.Person, _ string) error { return h.Enable(t.Context(), boss, "ada") }, false},
		{"another role", func(h *house, _ bridge.Person, _ string) error {
			return h.SetRole(t.Context(), boss, "ada", bridge.Reviewer, nil)
		}, true},
		{"another scope", func(h *house, _ bridge.Person, _ string) error {
			return h.SetRole(t.Context(), boss, "ada", bridge.Viewer, []string{"alpha"})
		}, true},
		{"the same role again", func(h *house, _ bridge.Person, _ string) error {
			return h.SetRole(t.Context(), boss, "ada", bridge.Viewer, nil)
		}, false},
		{"somebody else's sign-out", func(h *house, _ bridge.Person, _ string) error {
			h.add("bob", bridge.Viewer)
			return h.SignOut(t.Context(), h.in("bob"))
		}, false},
		{"a wrong password of somebody who tries", func(h *house, _ bridge.Person, _ string) error {
			_, _, err := h.SignIn(t.Context(), people.Attempt{Name: "ada", Password: "wrong"})
			h.wantKind(err, bridge.Refused)
			return nil
		}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := newHouse(t)
			h.t = t
			ada := h.add("ada", bridge.Viewer)
			here, there := h.in("ada"), h.in("ada")
			if err := c.do(h, ada, here); err != nil {
				t.Fatal(err)
			}
			h.wantIn(here, !c.ends)
			h.wantIn(there, !c.ends || c.name == "sign-out")
		})
	}
}

// A session of before is over; and were it not, it would open no more than the new one.
func TestOtherRightsTakeAnotherSession(t *testing.T) {
	h := newHouse(t)
	h.add("ada", bridge.Approver)
	before := h.in("ada")
	if err := h.SetRole(t.Context(), boss, "ada", bridge.Viewer, []string{"alpha"}); err != nil {
		t.Fatal(err)
	}
	h.wantIn(before, false)
	p, _, err := h.Who(t.Context(), h.in("ada"))
	if err != nil || p.Role != bridge.Viewer || !slices.Equal(p.Portals, []string{"alpha"}) {
		t.Errorf("%+v, %v", p, err)
	}
}

func TestEachSignInOpensASessionOfItsOwnAndEndsTheOneBefore(t *testing.T) {
	h := newHouse(t)
	h.add("ada", bridge.Viewer)
	first := h.in("ada")
	second, _, err := h.SignIn(t.Context(), people.Attempt{Name: "ada", Password: good, Before: first})
	if err != nil {
		t.Fatal(err)
	}
	if first == second || len(first) != 43 || len(second) != 43 {
		t.Errorf("tokens %q and %q", first, second)
	}
	h.wantIn(first, false)
	h.wantIn(second, true)
	// A token that somebody planted in the browser is worth nothing before and after.
	planted := strings.Repeat("A", 43)
	h.wantIn(planted, false)
	if _, _, err := h.SignIn(t.Context(), people.Attempt{Name: "ada", Password: good, Before: planted}); err != nil {
		t.Fatal(err)
	}
	h.wantIn(planted, false)
}

func TestSigningOutTwiceIsNoErrorAndToldOnce(t *testing.T) {
	h := newHouse(t)
	h.add("ada", bridge.Viewer)
	token := h.in("ada")
	h.told()
	for range 2 {
		if err := h.SignOut(t.Context(), token); err != nil {
			t.Fatal(err)
		}
	}
	if got := h.told(); len(got) != 1 || got[0] != "ada: signed in signed in > signed out" {
		t.Errorf("told %q", got)
	}
}

func TestSomebodyElseIsSignedOutByAnAdminOnly(t *testing.T) {
	h := newHouse(t)
	h.add("ada", bridge.Viewer)
	bob := h.add("bob", bridge.Approver)
	token := h.in("ada")
	h.wantKind(h.SignOutEverywhere(t.Context(), bob, "ada"), bridge.Denied)
	h.wantKind(h.SignOutEverywhere(t.Context(), boss, "nobody"), bridge.NotFound)
	h.wantIn(token, true)
}

func TestTheStoreHoldsNothingThatLetsAnybodyIn(t *testing.T) {
	h := newHouse(t)
	ada := h.add("ada", bridge.Admin)
	secret := h.factor(ada)
	h.pass(time.Minute)
	token, _, err := h.SignIn(t.Context(), people.Attempt{Name: "ada", Password: good, Code: h.code(secret)})
	if err != nil {
		t.Fatal(err)
	}
	key, err := h.Issue(t.Context(), ada, people.TokenOrder{Name: "export", Role: bridge.Viewer})
	if err != nil {
		t.Fatal(err)
	}
	kept := h.shelf.everything()
	told := strings.Join(h.told(), "\n")
	for what, s := range map[string]string{"password": good, "second factor": secret, "session's token": token, "API token": key, "API token's end": key[20:]} {
		if strings.Contains(kept, s) {
			t.Errorf("the %s is kept in clear", what)
		}
		if strings.Contains(told, s) {
			t.Errorf("the %s is told", what)
		}
	}
	if strings.Contains(told, "@") {
		t.Errorf("an e-mail address is told: %s", told)
	}
}

func TestSweepingRemovesWhatHasEndedAndNothingElse(t *testing.T) {
	h := newHouse(t)
	ada := h.add("ada", bridge.Viewer)
	h.add("bob", bridge.Viewer)
	for range 250 { // more than a page
		if _, _, err := h.SignIn(t.Context(), people.Attempt{Name: "bob", Password: good}); err != nil {
			t.Fatal(err)
		}
	}
	h.pass(20 * time.Minute)
	ended, bobs := h.in("ada"), h.in("bob")
	if err := h.SignOutEverywhere(t.Context(), ada, "ada"); err != nil {
		t.Fatal(err)
	}
	living := h.in("ada")
	h.pass(10 * time.Minute)
	removed, err := h.Sweep(t.Context())
	if err != nil || removed != 251 {
		t.Errorf("%d removed, %v; want bob's 250 and ada's first", removed, err)
	}
	if n := strings.Count(h.shelf.everything(), "session "); n != 2 {
		t.Errorf("%d sessions are left, want 2", n)
	}
	h.wantIn(living, true)
	h.wantIn(bobs, true)
	h.wantIn(ended, false)
}

func TestSweepingGoesOnUntilItIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, func(c *people.Config) { c.Now = time.Now })
		h.add("ada", bridge.Viewer)
		h.in("ada")
		ctx, cancel := context.WithCancel(t.Context())
		failures := 0
		done := make(chan struct{})
		go func() {
			defer close(done)
			h.Run(ctx, func(error) { failures++ })
		}()
		time.Sleep(25 * time.Minute)
		synctest.Wait()
		if n := strings.Count(h.shelf.everything(), "session "); n != 1 {
			t.Errorf("%d sessions after 25 minutes, want 1", n)
		}
		h.breakShelf(&bridge.Error{Kind: bridge.Unavailable})
		time.Sleep(10 * time.Minute)
		synctest.Wait()
		h.breakShelf(nil)
		time.Sleep(10 * time.Minute)
		synctest.Wait()
		if n := strings.Count(h.shelf.everything(), "session "); n != 0 || failures != 1 {
			t.Errorf("%d sessions after 45 minutes and %d failures, want none and 1", n, failures)
		}
		cancel()
		<-done
	})
}
