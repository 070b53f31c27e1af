package people_test

import (
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"keybridge/bridge"
	"keybridge/bridge/people"
)

// What happens between reading and writing: each of these does one thing while another is
// about to write what it read before.

// during does something while the next change of a paper of a kind is about to be made.
func (h *house) during(kind string, fn func()) { h.shelf.kind, h.shelf.meanwhile = kind, fn }

// must fails the test on an error.
func (h *house) must(err error) {
	h.t.Helper()
	if err != nil {
		h.t.Fatal(err)
	}
}

func TestASessionThatIsEndedWhileItIsRenewedStaysEnded(t *testing.T) {
	h := newHouse(t)
	h.add("ada", bridge.Viewer)
	token := h.in("ada")
	h.pass(2 * time.Minute)
	h.during("session", func() { h.must(h.SignOut(t.Context(), token)) })
	h.wantIn(token, false)
	h.wantIn(token, false)
}

func TestACodeThatAnotherUsesFirstIsUsed(t *testing.T) {
	h := newHouse(t)
	secret := h.factor(h.add("ada", bridge.Viewer))
	h.pass(time.Minute)
	a := people.Attempt{Name: "ada", Password: good, Code: h.code(secret)}
	h.during("user", func() {
		_, _, err := h.SignIn(t.Context(), a)
		h.must(err)
	})
	_, _, err := h.SignIn(t.Context(), a)
	h.wantKind(err, bridge.Refused)
}

func TestWhatChangesWhileSomebodySignsInIsNotUndone(t *testing.T) {
	for _, c := range []struct {
		name     string
		factor   bool
		do       func(h *house, ada bridge.Person) error
		disabled bool
		has      bool
	}{
		{"disabled", false, func(h *house, _ bridge.Person) error { return h.Disable(t.Context(), boss, "ada") }, true, false},
		{"the second factor dropped", true, func(h *house, _ bridge.Person) error { return h.DropCode(t.Context(), boss, "ada") }, false, false},
		{"a second factor taken", false, func(h *house, ada bridge.Person) error { h.factor(ada); return nil }, false, true},
		{"a new password", false, func(h *house, _ bridge.Person) error {
			return h.SetPassword(t.Context(), boss, "ada", "another set of words")
		}, false, false},
	} {
		h := newHouse(t)
		ada := h.add("ada", bridge.Viewer)
		a := people.Attempt{Name: "ada", Password: good}
		if c.factor {
			secret := h.factor(ada)
			h.pass(time.Minute)
			a.Code = h.code(secret)
		}
		h.during("user", func() { h.must(c.do(h, ada)) })
		if _, _, err := h.SignIn(t.Context(), a); bridge.KindOf(err) != bridge.Refused {
			t.Errorf("%s: %v", c.name, err)
		}
		if u, err := h.Get(t.Context(), "ada"); err != nil || u.Disabled != c.disabled || u.Factor != c.has || !u.SignedIn.IsZero() {
			t.Errorf("%s: %+v, %v", c.name, u, err)
		}
	}
}

func TestWhoIsShutOutWhileTheyChangeTheirPasswordHasTheOldOne(t *testing.T) {
	h := newHouse(t)
	ada := h.add("ada", bridge.Viewer)
	h.during("user", func() { h.must(h.Disable(t.Context(), boss, "ada")) })
	h.wantKind(h.ChangePassword(t.Context(), ada, good, "another set of words", ""), bridge.Refused)
	h.must(h.Enable(t.Context(), boss, "ada"))
	h.in("ada")
}

func TestWhatIsSealedForOnePurposeOpensForNoOther(t *testing.T) {
	h, p := sso(t)
	h.factor(h.add("bob", bridge.Viewer))
	h.pass(time.Minute)
	r := p.leave()
	r.State, r.Sealed = "", h.half("bob") // which holds no state
	_, _, err := h.Finish(t.Context(), r)
	h.wantKind(err, bridge.Refused)
	if p.calls["token"] != 0 {
		t.Error("it was taken for what Begin seals")
	}
}

func TestWhoWasShutOutOrMayDoLessMeanwhileChangesNobody(t *testing.T) {
	ada := bridge.Person{Name: "ada", Role: bridge.Admin}
	for _, c := range []struct {
		name string
		to   func(h *house) error // what becomes of ada
		do   func(h *house) error // what ada does to bob
		want bridge.Kind
	}{
		{"shut out, and shuts out", shutOut("ada"), func(h *house) error { return h.Disable(h.t.Context(), ada, "bob") }, bridge.Denied},
		{"another role, and gives one", roleOf("ada", bridge.Approver), func(h *house) error {
			return h.SetRole(h.t.Context(), ada, "bob", bridge.Viewer, nil)
		}, bridge.Denied},
		{"fewer portals, and a password", roleOf("ada", bridge.Admin, "alpha"), func(h *house) error {
			return h.SetPassword(h.t.Context(), ada, "bob", "another set of words")
		}, bridge.Denied},
		{"signed out, and shuts out", func(h *house) error { return h.SignOutEverywhere(h.t.Context(), boss, "ada") }, func(h *house) error {
			return h.Disable(h.t.Context(), ada, "bob")
		}, ""},
	} {
		h := newHouse(t)
		h.add("ada", bridge.Admin)
		h.add("bob", bridge.Admin)
		before, err := h.Get(t.Context(), "bob")
		h.must(err)
		h.told()
		h.during("user", func() { h.must(c.to(h)) })
		if err := c.do(h); bridge.KindOf(err) != c.want {
			t.Errorf("%s: %v", c.name, err)
		}
		after, err := h.Get(t.Context(), "bob")
		h.must(err)
		if changed := after.Changed != before.Changed; changed != (c.want == "") {
			t.Errorf("%s: bob was %+v, and is %+v", c.name, before, after)
		}
		if refused := strings.Contains(strings.Join(h.told(), "\n"), "ada: refused"); refused != (c.want != "") {
			t.Errorf("%s: told of a refusal: %v", c.name, refused)
		}
	}
}

func shutOut(name string) func(*house) error {
	return func(h *house) error { return h.Disable(h.t.Context(), boss, name) }
}

func roleOf(name string, role bridge.Role, portals ...string) func(*house) error {
	return func(h *house) error { return h.SetRole(h.t.Context(), boss, name, role, portals) }
}

func TestOneAdminIsLeftOfTwoWhoShutEachOtherOutInOneMoment(t *testing.T) {
	h := newHouse(t)
	store := h.openBolt(filepath.Join(t.TempDir(), "keybridge.db"))
	t.Cleanup(func() { _ = store.Close() })
	both := []bridge.Person{h.add("ada", bridge.Admin), h.add("bob", bridge.Admin)}
	for range 50 {
		errs := make([]error, 2)
		var at sync.WaitGroup
		for i, by := range both {
			at.Go(func() { errs[i] = h.Disable(t.Context(), by, both[1-i].Name) })
		}
		at.Wait()
		out := 0
		for i, p := range both {
			u, err := h.Get(t.Context(), p.Name)
			h.must(err)
			if u.Disabled {
				out++
			}
			if u.Disabled == (errs[i] == nil) {
				t.Errorf("%s is disabled: %v, and was told %v", p.Name, u.Disabled, errs[i])
			}
			h.must(h.Enable(t.Context(), boss, p.Name))
		}
		if out != 1 {
			t.Fatalf("%d of the two are shut out", out)
		}
	}
}
