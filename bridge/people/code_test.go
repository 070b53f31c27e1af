package people_test

import (
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"keybridge/bridge"
	"keybridge/bridge/people"
)

// half signs in with the password and returns what stands for it.
func (h *house) half(name string) string {
	h.t.Helper()
	_, _, err := h.SignIn(h.t.Context(), people.Attempt{Name: name, Password: good})
	needed, is := errors.AsType[people.CodeNeededError](err)
	if !is || bridge.KindOf(err) != bridge.Denied {
		h.t.Fatalf("%v does not ask for a code", err)
	}
	return needed.Half
}

func TestTheCodeIsAskedForAfterThePassword(t *testing.T) {
	h := newHouse(t)
	secret := h.factor(h.add("ada", bridge.Viewer))
	h.pass(time.Minute)
	for _, a := range []people.Attempt{
		{Name: "ada", Password: "wrong"},
		{Name: "ada", Password: "wrong", Code: h.code(secret)},
		{Name: "nobody", Password: good, Code: h.code(secret)},
	} {
		_, _, err := h.SignIn(t.Context(), a)
		if _, is := errors.AsType[people.CodeNeededError](err); is || bridge.KindOf(err) != bridge.Refused {
			t.Errorf("%+v: %v", a, err)
		}
	}
	half := h.half("ada")
	if strings.Contains(half, "ada") {
		t.Errorf("%q names somebody", half)
	}
	token, s, err := h.SignIn(t.Context(), people.Attempt{Half: half, Code: " " + h.code(secret)[:3] + " " + h.code(secret)[3:]})
	if err != nil || s.Name != "ada" || s.Way != "password and code" {
		t.Fatalf("%+v, %v", s, err)
	}
	h.wantIn(token, true)
}

func TestACodeWorksOnceAndOnlyInItsTime(t *testing.T) {
	h := newHouse(t)
	secret := h.factor(h.add("ada", bridge.Viewer))
	used := h.code(secret)
	try := func(code string) bridge.Kind {
		t.Helper()
		_, _, err := h.SignIn(t.Context(), people.Attempt{Name: "ada", Password: good, Code: code})
		return bridge.KindOf(err)
	}
	if try(used) != bridge.Refused {
		t.Error("the code that set it up was taken again")
	}
	h.pass(30 * time.Second)
	first := h.code(secret)
	if got := try(first); got != "" {
		t.Errorf("the present code: %s", got)
	}
	if try(first) != bridge.Refused {
		t.Error("a code was taken twice")
	}
	h.pass(30 * time.Second)
	if try(first) != bridge.Refused {
		t.Error("a code was taken twice, in the next period")
	}
	skipped := h.code(secret)
	h.pass(30 * time.Second)
	if got := try(skipped); got != "" {
		t.Errorf("a code of the period before: %s", got)
	}
	stale := h.code(secret)
	h.pass(time.Minute)
	if try(stale) != bridge.Refused {
		t.Error("a code two periods old was taken")
	}
	h.pass(time.Hour)
	for _, code := range []string{"", "0", "000000000000", strings.Repeat(" ", 1000), "abcdef", "１２３４５６"} {
		if got := try(code); got != bridge.Refused && (code != "" || got != bridge.Denied) {
			t.Errorf("code %q: %s", code, got)
		}
		h.pass(time.Hour)
	}
}

func TestGuessingCodesIsSlowedDown(t *testing.T) {
	h := newHouse(t)
	h.factor(h.add("ada", bridge.Viewer))
	h.pass(time.Minute)
	half := h.half("ada")
	for range 4 {
		_, _, err := h.SignIn(t.Context(), people.Attempt{Half: half, Code: "000000"})
		h.wantKind(err, bridge.Refused)
	}
	_, _, err := h.SignIn(t.Context(), people.Attempt{Half: half, Code: "000000"})
	h.wantKind(err, bridge.Limited)
	h.pass(time.Second)
	h.half("ada") // typing the right password again does not wash the wrong codes away
	_, _, err = h.SignIn(t.Context(), people.Attempt{Half: half, Code: "000000"})
	h.wantKind(err, bridge.Refused)
	_, _, err = h.SignIn(t.Context(), people.Attempt{Half: half, Code: "000000"})
	if wait := bridgeError(t, err).RetryAfter; wait != 2*time.Second {
		t.Errorf("the wait after the fifth failure is %s, want 2s", wait)
	}
}

func TestWhatStandsForThePasswordEndsWithItAndSoon(t *testing.T) {
	for _, c := range []struct {
		name string
		do   func(h *house) error
	}{
		{"five minutes", func(h *house) error { h.pass(5 * time.Minute); return nil }},
		{"a new password", func(h *house) error { return h.SetPassword(t.Context(), boss, "ada", "another set of words") }},
		{"being disabled", func(h *house) error { return h.Disable(t.Context(), boss, "ada") }},
		{"other secrets of the house", func(h *house) error {
			h.restart(func(c *people.Config) { c.Secrets = [][]byte{newSecret} })
			return nil
		}},
	} {
		h := newHouse(t)
		secret := h.factor(h.add("ada", bridge.Viewer))
		h.pass(time.Minute)
		half := h.half("ada")
		if err := c.do(h); err != nil {
			t.Fatal(err)
		}
		_, _, err := h.SignIn(t.Context(), people.Attempt{Half: half, Code: h.code(secret)})
		if bridge.KindOf(err) != bridge.Refused {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

func TestASecretOfTheHouseCanBeReplaced(t *testing.T) {
	h := newHouse(t)
	secret := h.factor(h.add("ada", bridge.Viewer))
	sign := func() error {
		h.pass(time.Minute)
		_, _, err := h.SignIn(t.Context(), people.Attempt{Name: "ada", Password: good, Code: h.code(secret)})
		return err
	}
	h.restart(func(c *people.Config) { c.Secrets = [][]byte{newSecret, oldSecret} })
	if err := sign(); err != nil {
		t.Fatal(err)
	}
	h.restart(func(c *people.Config) { c.Secrets = [][]byte{newSecret} })
	if err := sign(); err != nil {
		t.Errorf("the second factor was not sealed anew: %v", err)
	}
	h.restart(func(c *people.Config) { c.Secrets = [][]byte{oldSecret} })
	h.wantKind(sign(), bridge.Internal)
}

func TestASealedFactorOfOneIsNobodyElses(t *testing.T) {
	h := newHouse(t)
	ada, bob := h.add("ada", bridge.Viewer), h.add("bob", bridge.Viewer)
	o, err := h.OfferCode(t.Context(), ada)
	if err != nil {
		t.Fatal(err)
	}
	h.wantKind(h.TakeCode(t.Context(), bob, o.Sealed, h.code(o.Secret), ""), bridge.Invalid)
	if u, err := h.Get(t.Context(), "bob"); err != nil || u.Factor {
		t.Errorf("%+v, %v", u, err)
	}
}

func TestAFactorIsTakenWithItsCodeInTimeAndOnce(t *testing.T) {
	h := newHouse(t)
	ada := h.add("ada", bridge.Viewer)
	o, err := h.OfferCode(t.Context(), ada)
	if err != nil {
		t.Fatal(err)
	}
	h.wantKind(h.TakeCode(t.Context(), ada, o.Sealed, "000000", ""), bridge.Invalid)
	h.in("ada") // nothing was taken
	h.pass(15 * time.Minute)
	h.wantKind(h.TakeCode(t.Context(), ada, o.Sealed, h.code(o.Secret), ""), bridge.Invalid)
	h.factor(ada)
	_, err = h.OfferCode(t.Context(), ada)
	h.wantKind(err, bridge.Conflict)
	if err := h.DropCode(t.Context(), boss, "ada"); err != nil {
		t.Fatal(err)
	}
	h.in("ada")
	_, err = h.OfferCode(t.Context(), bridge.Person{Name: "nobody"})
	h.wantKind(err, bridge.NotFound)
}

func TestOneCodeLetsOneInHoweverManyComeAtOnce(t *testing.T) {
	h := newHouse(t)
	secret := h.factor(h.add("ada", bridge.Viewer))
	h.pass(time.Minute)
	half, code := h.half("ada"), h.code(secret)
	var in atomic.Int64
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			switch _, _, err := h.SignIn(t.Context(), people.Attempt{Half: half, Code: code}); bridge.KindOf(err) {
			case "":
				in.Add(1)
			case bridge.Refused, bridge.Limited:
			default:
				t.Error(err)
			}
		})
	}
	all.Wait()
	if in.Load() != 1 {
		t.Errorf("%d came in with one code", in.Load())
	}
}
