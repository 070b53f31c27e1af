package people_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"keybridge/bridge"
	"keybridge/bridge/people"
)

func TestWhoCanBeAdded(t *testing.T) {
	for _, c := range []struct {
		name string
		n    people.Newcomer
		want bridge.Kind
	}{
		{"all that there is", people.Newcomer{Name: "a.b-c_9", Display: "Ada Ünal", Email: "ada@example.com", Role: bridge.Viewer, Portals: []string{"x"}, Password: good}, ""},
		{"the least there is", people.Newcomer{Name: "0", Role: bridge.Admin}, ""},
		{"the longest name", people.Newcomer{Name: strings.Repeat("a", 64), Role: bridge.Viewer}, ""},
		{"a longer name", people.Newcomer{Name: strings.Repeat("a", 65), Role: bridge.Viewer}, bridge.Invalid},
		{"no name", people.Newcomer{Role: bridge.Viewer}, bridge.Invalid},
		{"an e-mail address for a name", people.Newcomer{Name: "ada@example.com", Role: bridge.Viewer}, bridge.Invalid},
		{"the name of the commands", people.Newcomer{Name: "operator", Role: bridge.Viewer}, bridge.Invalid},
		{"upper case", people.Newcomer{Name: "Ada", Role: bridge.Viewer}, bridge.Invalid},
		{"a line's end after the name", people.Newcomer{Name: "ada\n", Role: bridge.Viewer}, bridge.Invalid},
		{"a letter that looks like another", people.Newcomer{Name: "аda", Role: bridge.Viewer}, bridge.Invalid},
		{"no role", people.Newcomer{Name: "ada"}, bridge.Invalid},
		{"a role that is none", people.Newcomer{Name: "ada", Role: "root"}, bridge.Invalid},
		{"a portal without a name", people.Newcomer{Name: "ada", Role: bridge.Viewer, Portals: []string{""}}, bridge.Invalid},
		{"no address", people.Newcomer{Name: "ada", Role: bridge.Viewer, Email: "ada"}, bridge.Invalid},
		{"an address with a name", people.Newcomer{Name: "ada", Role: bridge.Viewer, Email: "Ada <ada@example.com>"}, bridge.Invalid},
		{"a control character", people.Newcomer{Name: "ada", Role: bridge.Viewer, Display: "A\x1bda"}, bridge.Invalid},
		{"a password that will not do", people.Newcomer{Name: "ada", Role: bridge.Viewer, Password: "short"}, bridge.Invalid},
	} {
		h := newHouse(t)
		_, err := h.Add(t.Context(), boss, c.n)
		if bridge.KindOf(err) != c.want {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
		users, err := h.List(t.Context())
		if err != nil || (len(users) == 1) != (c.want == "") {
			t.Errorf("%s: there are %d users, %v", c.name, len(users), err)
		}
	}
}

func TestANameIsNobodyElsesEver(t *testing.T) {
	h := newHouse(t)
	h.add("ada", bridge.Viewer)
	if err := h.Disable(t.Context(), boss, "ada"); err != nil {
		t.Fatal(err)
	}
	_, err := h.Add(t.Context(), boss, people.Newcomer{Name: "ada", Role: bridge.Admin, Password: "another set of words"})
	h.wantKind(err, bridge.Conflict)
	if u, err := h.Get(t.Context(), "ada"); err != nil || u.Role != bridge.Viewer || !u.Disabled {
		t.Errorf("%+v, %v", u, err)
	}
}

func TestUsersAreListedByNameWithWhatMayBeShown(t *testing.T) {
	h := newHouse(t)
	h.add("cleo", bridge.Admin)
	h.add("ada", bridge.Viewer)
	h.add("bob", bridge.Reviewer, "alpha")
	users, err := h.List(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	mark := bridge.Mark{At: start, By: boss.Actor()}
	want := []people.User{
		{Name: "ada", Email: "ada@example.com", Role: bridge.Viewer, Password: true, Created: mark, Changed: mark},
		{Name: "bob", Email: "bob@example.com", Role: bridge.Reviewer, Portals: []string{"alpha"}, Password: true, Created: mark, Changed: mark},
		{Name: "cleo", Email: "cleo@example.com", Role: bridge.Admin, Password: true, Created: mark, Changed: mark},
	}
	if diff := cmp.Diff(want, users); diff != "" {
		t.Error(diff)
	}
}

// operations are all that change somebody else.
var operations = map[string]func(h *house, by bridge.Person, name string) error{
	"add": func(h *house, by bridge.Person, _ string) error {
		_, err := h.Add(h.t.Context(), by, people.Newcomer{Name: "new", Role: bridge.Viewer, Portals: by.Portals})
		return err
	},
	"set role": func(h *house, by bridge.Person, name string) error {
		return h.SetRole(h.t.Context(), by, name, bridge.Viewer, by.Portals)
	},
	"set password": func(h *house, by bridge.Person, name string) error {
		return h.SetPassword(h.t.Context(), by, name, "another set of words")
	},
	"disable":   func(h *house, by bridge.Person, name string) error { return h.Disable(h.t.Context(), by, name) },
	"enable":    func(h *house, by bridge.Person, name string) error { return h.Enable(h.t.Context(), by, name) },
	"drop code": func(h *house, by bridge.Person, name string) error { return h.DropCode(h.t.Context(), by, name) },
	"sign out": func(h *house, by bridge.Person, name string) error {
		return h.SignOutEverywhere(h.t.Context(), by, name)
	},
	"issue": func(h *house, by bridge.Person, name string) error {
		_, err := h.Issue(h.t.Context(), by, people.TokenOrder{Name: "new", For: name, Role: bridge.Viewer})
		return err
	},
}

func TestOnlyAdminsManagePeopleAndRefusalsAreTold(t *testing.T) {
	for what, do := range operations {
		for _, role := range append([]bridge.Role{"", "root"}, bridge.Roles...) {
			h := newHouse(t)
			h.add("ada", bridge.Reviewer)
			h.told()
			before := h.shelf.everything()
			err := do(h, bridge.Person{Name: "cleo", Role: role}, "ada")
			if role == bridge.Admin {
				if err != nil {
					t.Errorf("%s by an admin: %v", what, err)
				}
				continue
			}
			h.wantKind(err, bridge.Denied)
			if h.shelf.everything() != before {
				t.Errorf("%s by %q was refused, and done", what, role)
			}
			if diff := cmp.Diff([]string{"cleo: refused  > manage people and tokens"}, h.told()); diff != "" {
				t.Errorf("%s by %q: %s", what, role, diff)
			}
		}
	}
}

func TestAnAdminOfSomePortalsManagesNobodyOfMore(t *testing.T) {
	for what, do := range operations {
		if what == "add" || what == "issue" { // see the tests of what can be given
			continue
		}
		for _, c := range []struct {
			name    string
			portals []string
			may     bool
		}{
			{"all portals", nil, false},
			{"another portal", []string{"beta"}, false},
			{"one portal more", []string{"alpha", "beta"}, false},
			{"the same portal", []string{"alpha"}, true},
		} {
			h := newHouse(t)
			h.add("ada", bridge.Admin, c.portals...)
			before := h.shelf.everything()
			err := do(h, bridge.Person{Name: "cleo", Role: bridge.Admin, Portals: []string{"alpha"}}, "ada")
			if c.may && err != nil || !c.may && bridge.KindOf(err) != bridge.Denied {
				t.Errorf("%s of a user of %s: %v", what, c.name, err)
			}
			if !c.may && h.shelf.everything() != before {
				t.Errorf("%s of a user of %s was refused, and done", what, c.name)
			}
		}
	}
}

func TestNobodyGivesMoreThanTheyHave(t *testing.T) {
	h := newHouse(t)
	some := bridge.Person{Name: "cleo", Role: bridge.Admin, Portals: []string{"alpha"}}
	for i, portals := range [][]string{nil, {"beta"}, {"alpha", "beta"}} {
		_, err := h.Add(t.Context(), some, people.Newcomer{Name: "new", Role: bridge.Viewer, Portals: portals})
		if bridge.KindOf(err) != bridge.Denied {
			t.Errorf("%d: %v", i, err)
		}
	}
	if _, err := h.Add(t.Context(), some, people.Newcomer{Name: "new", Role: bridge.Admin, Portals: []string{"alpha"}}); err != nil {
		t.Error(err)
	}
	h.wantKind(h.SetRole(t.Context(), some, "new", bridge.Viewer, nil), bridge.Denied)
}

func TestNobodyManagesThemselves(t *testing.T) {
	for what, do := range operations {
		if what == "add" || what == "issue" || what == "sign out" {
			continue
		}
		h := newHouse(t)
		ada := h.add("ada", bridge.Admin)
		before := h.shelf.everything()
		if err := do(h, ada, "ada"); bridge.KindOf(err) != bridge.Denied || h.shelf.everything() != before {
			t.Errorf("%s of oneself: %v", what, err)
		}
	}
}

func TestWhoIsNotThereIsNotFound(t *testing.T) {
	for _, name := range []string{"nobody", "", "ada@example.com", strings.Repeat("a", 300), "\xff"} {
		h := newHouse(t)
		for what, do := range operations {
			if what == "add" || what == "issue" && name == "" { // which is for the maker
				continue
			}
			if err := do(h, boss, name); bridge.KindOf(err) != bridge.NotFound {
				t.Errorf("%s of %q: %v", what, name, err)
			}
		}
		if _, err := h.Get(t.Context(), name); bridge.KindOf(err) != bridge.NotFound {
			t.Errorf("get %q: %v", name, err)
		}
	}
}

func TestWhatIsDoneTwiceIsToldOnce(t *testing.T) {
	h := newHouse(t)
	h.factor(h.add("ada", bridge.Viewer))
	h.told()
	for range 2 {
		for _, what := range []string{"set role", "disable", "enable", "drop code"} {
			if what == "enable" {
				continue
			}
			if err := operations[what](h, boss, "ada"); err != nil {
				t.Fatal(what, err)
			}
		}
	}
	if diff := cmp.Diff([]string{
		"operator: person ada: enabled > ada: disabled",
		"operator: person ada: second factor > ada: no second factor",
	}, h.told()); diff != "" {
		t.Error(diff)
	}
}
