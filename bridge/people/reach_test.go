package people_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"keybridge/bridge"
	"keybridge/bridge/people"
)

// reachHouse has people and tokens of several scopes.
func reachHouse(t *testing.T) *house {
	h := newHouse(t)
	h.add("all", bridge.Admin)
	h.add("alpha", bridge.Admin, "alpha")
	h.add("both", bridge.Viewer, "alpha", "beta")
	h.add("rosa", bridge.Reviewer, "alpha")
	for name, of := range map[string]string{"t-all": "all", "t-alpha": "alpha", "t-both": "both", "t-rosa": "rosa"} {
		h.issue(people.TokenOrder{Name: name, For: of, Role: bridge.Viewer})
	}
	h.told()
	return h
}

func TestEverybodySeesThemselvesAndWhomTheyManage(t *testing.T) {
	h := reachHouse(t)
	for _, c := range []struct {
		name          string
		by            bridge.Person
		users, tokens []string
	}{
		{"an admin of all portals", bridge.Person{Name: "all", Role: bridge.Admin},
			[]string{"all", "alpha", "both", "rosa"}, []string{"t-all", "t-alpha", "t-both", "t-rosa"}},
		{"an admin of some", bridge.Person{Name: "alpha", Role: bridge.Admin, Portals: []string{"alpha"}},
			[]string{"alpha", "rosa"}, []string{"t-alpha", "t-rosa"}},
		{"who is no admin", bridge.Person{Name: "rosa", Role: bridge.Reviewer, Portals: []string{"alpha"}}, nil, []string{"t-rosa"}},
		{"who has no role", bridge.Person{Name: "both"}, nil, []string{"t-both"}},
	} {
		users, err := h.UsersFor(t.Context(), c.by)
		if (bridge.KindOf(err) == bridge.Denied) != (c.users == nil) {
			t.Errorf("%s: %v", c.name, err)
		}
		var names []string
		for _, u := range users {
			names = append(names, u.Name)
		}
		if diff := cmp.Diff(c.users, names); diff != "" {
			t.Errorf("%s: %s", c.name, diff)
		}
		for _, name := range []string{"all", "alpha", "both", "rosa", "nobody", "\xff"} {
			want := bridge.NotFound
			for _, seen := range append(c.users, c.by.Name) {
				if seen == name {
					want = ""
				}
			}
			if want != "" && c.users == nil {
				want = bridge.Denied
			}
			if _, err := h.UserFor(t.Context(), c.by, name); bridge.KindOf(err) != want {
				t.Errorf("%s sees %s: %v, want %q", c.name, name, err, want)
			}
		}
		tokens, err := h.TokensFor(t.Context(), c.by)
		if err != nil {
			t.Fatal(err)
		}
		names = nil
		for _, token := range tokens {
			names = append(names, token.Name)
		}
		if diff := cmp.Diff(c.tokens, names); diff != "" {
			t.Errorf("%s: %s", c.name, diff)
		}
	}
}

func TestThatSomebodyLookedForOthersIsTold(t *testing.T) {
	h := reachHouse(t)
	rosa := bridge.Person{Name: "rosa", Role: bridge.Reviewer}
	h.wantKind(h.MayManage(t.Context(), rosa), bridge.Denied)
	_, err := h.UserFor(t.Context(), rosa, "all")
	h.wantKind(err, bridge.Denied)
	_, err = h.UsersFor(t.Context(), rosa)
	h.wantKind(err, bridge.Denied)
	told := "rosa: refused  > manage people and tokens"
	if diff := cmp.Diff([]string{told, told, told}, h.told()); diff != "" {
		t.Error(diff)
	}
}
