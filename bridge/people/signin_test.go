package people_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"keybridge/bridge"
	"keybridge/bridge/people"
)

func TestWhoSignsInIsWhoTheyWereAddedAs(t *testing.T) {
	h := newHouse(t)
	want := h.add("ada", bridge.Approver, "beta", "alpha", "beta")
	token, s, err := h.SignIn(t.Context(), people.Attempt{Name: " Ada ", Password: good, Address: "192.0.2.1:4000"})
	if err != nil {
		t.Fatal(err)
	}
	p, _, err := h.Who(t.Context(), token)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, p); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"alpha", "beta"}, p.Portals); diff != "" {
		t.Error(diff)
	}
	if s.Name != "ada" || s.Way != "password" || !s.Ends.Equal(start.Add(30*time.Minute)) || !s.Last.Equal(start.Add(12*time.Hour)) {
		t.Errorf("session %+v", s)
	}
	u, err := h.Get(t.Context(), "ada")
	if err != nil || !u.SignedIn.Equal(start) || !u.Password || u.Factor {
		t.Errorf("user %+v, %v", u, err)
	}
	wantTold := []string{
		"operator: person  > ada: approver at alpha, beta",
		"ada: signed in  > signed in (password)",
	}
	if diff := cmp.Diff(wantTold, h.told()); diff != "" {
		t.Error(diff)
	}
}

func TestEveryRefusalSaysTheSameAndCostsTheSame(t *testing.T) {
	h := newHouse(t)
	h.add("ada", bridge.Viewer)
	h.add("gone", bridge.Viewer)
	if err := h.Disable(t.Context(), boss, "gone"); err != nil {
		t.Fatal(err)
	}
	if _, err := h.Add(t.Context(), boss, people.Newcomer{Name: "robot", Role: bridge.Viewer}); err != nil {
		t.Fatal(err)
	}
	h.told()
	count, cost := h.CountHashes()
	said := map[string]bool{}
	for _, c := range []struct {
		a      people.Attempt
		hashes int64
		told   string
	}{
		{people.Attempt{Name: "ada", Password: "wrong"}, 1, "ada: refused  > sign-in (wrong password)"},
		{people.Attempt{Name: "nobody", Password: "wrong"}, 1, ": refused  > sign-in (unknown name)"},
		{people.Attempt{Name: "nobody", Password: good}, 1, ": refused  > sign-in (unknown name)"},
		{people.Attempt{Name: "ada@example.com", Password: good}, 1, ": refused  > sign-in (unknown name)"},
		{people.Attempt{Name: "gone", Password: good}, 1, "gone: refused  > sign-in (disabled)"},
		{people.Attempt{Name: "gone", Password: "wrong"}, 1, "gone: refused  > sign-in (wrong password)"},
		{people.Attempt{Name: "robot", Password: good}, 1, "robot: refused  > sign-in (wrong password)"},
		// What no user can have is not hashed, whoever it would be of.
		{people.Attempt{Name: "ada"}, 0, "ada: refused  > sign-in (wrong password)"},
		{people.Attempt{Name: "nobody"}, 0, ": refused  > sign-in (wrong password)"},
		{people.Attempt{Name: "ada", Password: strings.Repeat("é", 201)}, 0, "ada: refused  > sign-in (wrong password)"},
		{people.Attempt{Name: "nobody", Password: strings.Repeat("é", 201)}, 0, ": refused  > sign-in (wrong password)"},
		{people.Attempt{Half: "bm90aGluZw"}, 0, ": refused  > sign-in (a sealed name that is not ours)"},
	} {
		h.pass(time.Hour) // whatever was counted is forgotten
		count.Store(0)
		token, _, err := h.SignIn(t.Context(), c.a)
		h.wantKind(err, bridge.Refused)
		said[bridge.Explain(err)] = true
		if token != "" || count.Load() != c.hashes {
			t.Errorf("%+v: token %q after %d hashes, want none after %d", c.a, token, count.Load(), c.hashes)
		}
		if c.hashes > 0 && cost.Load() != cheap {
			t.Errorf("%+v: hashed at the cost %v", c.a, cost.Load())
		}
		if got := h.told(); len(got) != 1 || got[0] != c.told {
			t.Errorf("%+v: told %q, want %q", c.a, got, c.told)
		}
	}
	if len(said) != 1 {
		t.Errorf("refusals are told apart: %v", said)
	}
}

func TestANameWaitsLongerAndLongerWhetherOrNotThereIsSuchAUser(t *testing.T) {
	want := []time.Duration{
		0, 0, 0, time.Second, 2 * time.Second, 4 * time.Second, 8 * time.Second, 16 * time.Second, 30 * time.Second,
		15 * time.Minute, 15 * time.Minute, 15 * time.Minute,
	}
	for _, name := range []string{"ada", "nobody"} {
		h := newHouse(t)
		h.add("ada", bridge.Viewer)
		count, _ := h.CountHashes()
		var waits []time.Duration // after the first, second, … failure
		for len(waits) <= len(want) {
			before := count.Load()
			_, _, err := h.SignIn(t.Context(), people.Attempt{Name: name, Password: "wrong"})
			if bridge.KindOf(err) == bridge.Refused {
				waits = append(waits, 0)
				continue
			}
			h.wantKind(err, bridge.Limited)
			if count.Load() != before {
				t.Errorf("%s: a password was looked at though the name had to wait", name)
			}
			wait := bridgeError(t, err).RetryAfter
			waits[len(waits)-1] = wait
			h.pass(wait)
		}
		if diff := cmp.Diff(want, waits[:len(want)]); diff != "" {
			t.Errorf("%s: waits %s", name, diff)
		}
	}
}

func TestALockIsNeverForGood(t *testing.T) {
	h := newHouse(t)
	h.add("ada", bridge.Viewer)
	lock := func() {
		for range 12 {
			_, _, _ = h.SignIn(t.Context(), people.Attempt{Name: "ada", Password: "wrong"})
			h.pass(30 * time.Second)
		}
		_, _, err := h.SignIn(t.Context(), people.Attempt{Name: "ada", Password: good})
		h.wantKind(err, bridge.Limited)
	}
	lock()
	h.pass(15 * time.Minute)
	h.in("ada")
	for range 9 {
		_, _, _ = h.SignIn(t.Context(), people.Attempt{Name: "ada", Password: "wrong"})
		h.pass(30 * time.Second)
	}
	h.pass(time.Hour) // nothing is held against anybody now: three are free again
	for range 3 {
		_, _, err := h.SignIn(t.Context(), people.Attempt{Name: "ada", Password: "wrong"})
		h.wantKind(err, bridge.Refused)
	}
	h.in("ada")
	lock()
	if err := h.SetPassword(t.Context(), boss, "ada", "another set of words"); err != nil {
		t.Fatal(err)
	}
	if _, _, err := h.SignIn(t.Context(), people.Attempt{Name: "ada", Password: "another set of words"}); err != nil {
		t.Errorf("after an admin gave a new password: %v", err)
	}
}

func TestManyAtOnceAreNoMoreThanManyInTurn(t *testing.T) {
	h := newHouse(t)
	h.add("ada", bridge.Viewer)
	count, _ := h.CountHashes()
	var all sync.WaitGroup
	for i := range 50 {
		all.Go(func() {
			_, _, err := h.SignIn(t.Context(), people.Attempt{Name: "ada", Password: fmt.Sprint("guess ", i)})
			if err == nil {
				t.Error("a guess was right")
			}
		})
	}
	all.Wait()
	if got := count.Load(); got != 4 {
		t.Errorf("%d passwords were looked at, want 4: three are free, and the fourth begins the wait", got)
	}
}

func TestAnAddressIsSlowedDownAcrossNames(t *testing.T) {
	for _, c := range []struct {
		name   string
		of     func(i int) string
		slowed bool
	}{
		{"one address", func(int) string { return "192.0.2.7" }, true},
		{"one address from many ports", func(i int) string { return fmt.Sprintf("192.0.2.7:%d", 1024+i) }, true},
		{"one address in two ways to write it", func(i int) string { return []string{"192.0.2.7", "::ffff:192.0.2.7"}[i%2] }, true},
		{"one subscriber's IPv6 network", func(i int) string { return fmt.Sprintf("[2001:db8:1:2::%x]:443", i+1) }, true},
		{"no address at all", func(i int) string { return fmt.Sprint("garbage ", i) }, true},
		{"many addresses", func(i int) string { return fmt.Sprintf("192.0.2.%d", i+1) }, false},
		{"many IPv6 networks", func(i int) string { return fmt.Sprintf("2001:db8:1:%x::1", i) }, false},
		{"none known", func(int) string { return "" }, false},
	} {
		h := newHouse(t)
		h.add("ada", bridge.Viewer)
		for i := range 21 {
			_, _, err := h.SignIn(t.Context(), people.Attempt{Name: fmt.Sprint("name", i), Password: "wrong", Address: c.of(i)})
			h.wantKind(err, bridge.Refused)
		}
		_, _, err := h.SignIn(t.Context(), people.Attempt{Name: "ada", Password: good, Address: c.of(21)})
		if got := bridge.KindOf(err) == bridge.Limited; got != c.slowed {
			t.Errorf("%s: %v, want slowed down: %t", c.name, err, c.slowed)
		}
	}
}

func TestSuccessForgetsTheNamesFailuresAndNotTheAddresss(t *testing.T) {
	h := newHouse(t)
	h.add("ada", bridge.Viewer)
	address := "192.0.2.7"
	for i := range 20 {
		_, _, err := h.SignIn(t.Context(), people.Attempt{Name: fmt.Sprint("victim", i), Password: "wrong", Address: address})
		h.wantKind(err, bridge.Refused)
		if _, _, err := h.SignIn(t.Context(), people.Attempt{Name: "ada", Password: good, Address: address}); err != nil {
			t.Fatalf("after %d failures with other names: %v", i+1, err)
		}
	}
	_, _, err := h.SignIn(t.Context(), people.Attempt{Name: "victim", Password: "wrong", Address: address})
	h.wantKind(err, bridge.Refused)
	_, _, err = h.SignIn(t.Context(), people.Attempt{Name: "ada", Password: good, Address: address})
	h.wantKind(err, bridge.Limited)
}

func TestWhoIsTurnedAwayForANameDoesNotSlowDownTheirHouse(t *testing.T) {
	h := newHouse(t)
	h.add("ada", bridge.Viewer)
	h.add("bob", bridge.Viewer)
	address := "192.0.2.7"
	for range 100 { // the fourth begins a wait, and nothing after it is looked at
		_, _, _ = h.SignIn(t.Context(), people.Attempt{Name: "ada", Password: "wrong", Address: address})
	}
	if _, _, err := h.SignIn(t.Context(), people.Attempt{Name: "bob", Password: good, Address: address}); err != nil {
		t.Error(err)
	}
}

func TestWhatIsRememberedOfStrangersIsBounded(t *testing.T) {
	h := newHouse(t)
	h.add("ada", bridge.Viewer)
	for range 4 {
		_, _, err := h.SignIn(t.Context(), people.Attempt{Name: "ada", Password: "wrong"})
		h.wantKind(err, bridge.Refused)
	}
	for i := range people.MostTries + 50 {
		_, _, _ = h.SignIn(t.Context(), people.Attempt{Name: fmt.Sprint("n", i)})
	}
	if n := h.Remembered(); n > people.MostTries {
		t.Errorf("%d names are remembered, want at most %d", n, people.MostTries)
	}
	_, _, err := h.SignIn(t.Context(), people.Attempt{Name: "ada", Password: good})
	h.wantKind(err, bridge.Limited) // and the name that somebody is after is still among them
}

func TestBeingTurnedAwayIsToldOnceAMinute(t *testing.T) {
	h := newHouse(t)
	h.add("ada", bridge.Viewer)
	for range 100 {
		_, _, _ = h.SignIn(t.Context(), people.Attempt{Name: "ada", Password: "wrong"})
	}
	line := "ada: refused  > sign-in (too many failed attempts)"
	if got := h.told(); len(got) != 6 || got[5] != line {
		t.Errorf("told %q, want one user, four failures, and once that they are turned away", got)
	}
}

func TestNothingAStrangerTypesIsTold(t *testing.T) {
	h := newHouse(t)
	h.add("ada", bridge.Viewer)
	for _, a := range []people.Attempt{
		{Name: "canary", Password: "x"}, {Name: "canary@example.com", Password: "x"}, {Name: "ada", Password: "canary"},
		{Half: "canary"}, {Name: "ada", Password: good, Before: "canary"},
	} {
		_, _, err := h.SignIn(t.Context(), a)
		if err != nil && strings.Contains(err.Error(), "canary") {
			t.Errorf("%v repeats what was typed", err)
		}
	}
	_, err := h.WhoByToken(t.Context(), "kbt_canary")
	h.wantKind(err, bridge.Refused)
	if lines := h.told(); slices.ContainsFunc(lines, func(s string) bool { return strings.Contains(s, "canary") }) {
		t.Errorf("told %q", lines)
	}
}

func TestAStoreThatFailsIsNobodysFailure(t *testing.T) {
	h := newHouse(t)
	h.add("ada", bridge.Viewer)
	h.shelf.broken = &bridge.Error{Kind: bridge.Unavailable}
	for range 30 {
		_, _, err := h.SignIn(t.Context(), people.Attempt{Name: "ada", Password: good, Address: "192.0.2.1"})
		h.wantKind(err, bridge.Unavailable)
	}
	h.shelf.broken = nil
	h.in("ada")
}

func TestPasswordsWaitTheirTurnAndNotForever(t *testing.T) {
	h := newHouse(t, func(c *people.Config) { c.AtOnce = 1 })
	h.add("ada", bridge.Viewer)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	release := h.HoldTurn(t.Context())
	_, _, err := h.SignIn(ctx, people.Attempt{Name: "ada", Password: good})
	h.wantKind(err, bridge.Limited)
	release()
	h.in("ada")
}
