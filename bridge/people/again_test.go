package people_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"keybridge/bridge"
	"keybridge/bridge/people"
)

func TestWhoHasAPasswordShowsItAgain(t *testing.T) {
	h := newHouse(t)
	h.add("ada", bridge.Viewer)
	token := h.in("ada")
	if err := h.ProveAgain(t.Context(), token, good, "192.0.2.1"); err != nil {
		t.Error(err)
	}
	h.told()
	for _, wrong := range []string{"", good + ".", strings.Repeat("x", 10_000), "\xff"} {
		h.wantKind(h.ProveAgain(t.Context(), token, wrong, "192.0.2.1"), bridge.Refused)
		h.pass(time.Minute)
	}
	if told := h.told(); len(told) != 4 || told[0] != "ada: refused  > sign-in (wrong password)" {
		t.Errorf("told %q", told)
	}
	h.wantIn(token, true)
	h.wantKind(h.ProveAgain(t.Context(), "", good, ""), bridge.Refused)
	if err := h.Disable(t.Context(), boss, "ada"); err != nil {
		t.Fatal(err)
	}
	h.wantKind(h.ProveAgain(t.Context(), token, good, ""), bridge.Refused)
}

// Otherwise a stolen session would be a way to guess passwords.
func TestGuessingAPasswordInASessionIsSlowedDownLikeSigningIn(t *testing.T) {
	h := newHouse(t)
	h.add("ada", bridge.Viewer)
	token := h.in("ada")
	tries := 0
	for ; bridge.KindOf(h.ProveAgain(t.Context(), token, "wrong", "192.0.2.1")) == bridge.Refused; tries++ {
		if tries > 20 {
			t.Fatal("nothing slows down guessing")
		}
	}
	_, _, err := h.SignIn(t.Context(), people.Attempt{Name: "ada", Password: good})
	h.wantKind(err, bridge.Limited)
	if tries != 4 {
		t.Errorf("%d tries at once, want 4", tries)
	}
}

func TestWhoComesFromTheProviderHasToHaveJustCome(t *testing.T) {
	h, p := sso(t)
	token, _, err := h.Finish(t.Context(), p.leave())
	if err != nil {
		t.Fatal(err)
	}
	h.pass(15*time.Minute - time.Millisecond)
	if err := h.ProveAgain(t.Context(), token, "", ""); err != nil {
		t.Error(err)
	}
	h.pass(time.Millisecond)
	err = h.ProveAgain(t.Context(), token, good, "")
	if _, is := errors.AsType[people.SignInAgainError](err); !is || bridge.KindOf(err) != bridge.Denied {
		t.Errorf("after a quarter of an hour: %v", err)
	}
	again, _, err := h.Finish(t.Context(), p.leave())
	if err != nil {
		t.Fatal(err)
	}
	if err := h.ProveAgain(t.Context(), again, "", ""); err != nil {
		t.Error(err)
	}
}

func TestASecondFactorIsGivenUpByWhoStillHasIt(t *testing.T) {
	h := newHouse(t)
	ada := h.add("ada", bridge.Viewer)
	h.wantKind(h.GiveUpCode(t.Context(), ada, good, "000000", ""), bridge.Conflict)
	secret := h.factor(ada)
	used := h.code(secret)
	h.told()
	for name, c := range map[string][2]string{
		"the code that was used": {good, used}, "no code": {good, ""}, "a wrong code": {good, "000000"}, "a wrong password": {"wrong", h.code(secret)},
	} {
		h.wantKind(h.GiveUpCode(t.Context(), ada, c[0], c[1], ""), bridge.Refused)
		if u, err := h.Get(t.Context(), "ada"); err != nil || !u.Factor {
			t.Fatalf("with %s the factor is gone, %v", name, err)
		}
		h.pass(time.Hour)
	}
	h.told()
	token, _, err := h.SignIn(t.Context(), people.Attempt{Name: "ada", Password: good, Code: h.code(secret)})
	if err != nil {
		t.Fatal(err)
	}
	h.pass(time.Minute)
	h.told()
	if err := h.GiveUpCode(t.Context(), ada, good, h.code(secret), ""); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"ada: person ada: second factor > ada: no second factor"}, h.told()); diff != "" {
		t.Error(diff)
	}
	h.wantIn(token, true)
	h.wantIn(h.in("ada"), true)
	h.factor(ada) // another may be taken
}
