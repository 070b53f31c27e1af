package people_test

import (
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"keybridge/bridge"
	"keybridge/bridge/people"
)

// issue makes a token of the operator's for somebody.
func (h *house) issue(o people.TokenOrder) string {
	h.t.Helper()
	secret, err := h.Issue(h.t.Context(), boss, o)
	if err != nil {
		h.t.Fatal(err)
	}
	return secret
}

func TestATokenActsAsItsOwnerWithWhatItWasGiven(t *testing.T) {
	h := newHouse(t)
	h.add("erp", bridge.Approver, "alpha", "beta")
	h.told()
	secret := h.issue(people.TokenOrder{Name: "erp-export", For: "erp", Role: bridge.Viewer, Portals: []string{"beta"}})
	if !regexp.MustCompile(`^kbt_[A-Za-z0-9_-]{56,}$`).MatchString(secret) {
		t.Errorf("secret %q", secret)
	}
	p, err := h.WhoByToken(t.Context(), secret)
	if err != nil {
		t.Fatal(err)
	}
	want := bridge.Person{Name: "erp", Role: bridge.Viewer, Portals: []string{"beta"}, Email: "erp@example.com"}
	if diff := cmp.Diff(want, p); diff != "" {
		t.Error(diff)
	}
	tokens, err := h.Tokens(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	wantTokens := []people.Token{{
		Name: "erp-export", Of: "erp", Role: bridge.Viewer, Portals: []string{"beta"},
		Made: bridge.Mark{At: start, By: boss.Actor()}, Expires: start.Add(90 * 24 * time.Hour), Used: start,
	}}
	if diff := cmp.Diff(wantTokens, tokens); diff != "" {
		t.Error(diff)
	}
	if err := h.Revoke(t.Context(), boss, "erp-export"); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{
		"operator: token  > erp-export: viewer at beta, of erp",
		"operator: token erp-export: viewer at beta, of erp > erp-export: revoked",
	}, h.told()); diff != "" {
		t.Error(diff)
	}
}

func TestATokenIsNeverWorthMoreThanItsOwner(t *testing.T) {
	for _, c := range []struct {
		name string
		do   func(h *house) error
		want bridge.Person // Name empty: refused
	}{
		{"as they are", func(*house) error { return nil },
			bridge.Person{Name: "erp", Role: bridge.Approver, Portals: []string{"alpha", "beta"}}},
		{"a lower role", func(h *house) error { return h.SetRole(t.Context(), boss, "erp", bridge.Viewer, nil) },
			bridge.Person{Name: "erp", Role: bridge.Viewer, Portals: []string{"alpha", "beta"}}},
		{"a higher role", func(h *house) error { return h.SetRole(t.Context(), boss, "erp", bridge.Admin, nil) },
			bridge.Person{Name: "erp", Role: bridge.Approver, Portals: []string{"alpha", "beta"}}},
		{"fewer portals", func(h *house) error {
			return h.SetRole(t.Context(), boss, "erp", bridge.Approver, []string{"beta", "gamma"})
		}, bridge.Person{Name: "erp", Role: bridge.Approver, Portals: []string{"beta"}}},
		{"no portal in common, which is not all of them", func(h *house) error {
			return h.SetRole(t.Context(), boss, "erp", bridge.Approver, []string{"gamma"})
		}, bridge.Person{}},
		{"a role that is none", func(h *house) error {
			h.damage("user", "erp", func(s string) string { return strings.Replace(s, `"role":"approver"`, `"role":"root"`, 1) })
			return nil
		}, bridge.Person{Name: "erp", Role: "root", Portals: []string{"alpha", "beta"}}},
		{"disabled", func(h *house) error { return h.Disable(t.Context(), boss, "erp") }, bridge.Person{}},
		{"revoked", func(h *house) error { return h.Revoke(t.Context(), boss, "t") }, bridge.Person{}},
		{"expired", func(h *house) error { h.pass(time.Hour); return nil }, bridge.Person{}},
		{"made anew under its name", func(h *house) error {
			if err := h.Revoke(t.Context(), boss, "t"); err != nil {
				return err
			}
			h.issue(people.TokenOrder{Name: "t", For: "erp", Role: bridge.Viewer})
			return nil
		}, bridge.Person{}},
	} {
		h := newHouse(t)
		if _, err := h.Add(t.Context(), boss, people.Newcomer{Name: "erp", Role: bridge.Approver}); err != nil {
			t.Fatal(err)
		}
		secret := h.issue(people.TokenOrder{Name: "t", For: "erp", Role: bridge.Approver, Portals: []string{"alpha", "beta"}, Expires: start.Add(time.Hour)})
		if err := c.do(h); err != nil {
			t.Fatal(c.name, err)
		}
		p, err := h.WhoByToken(t.Context(), secret)
		if diff := cmp.Diff(c.want, p); diff != "" || (c.want.Name == "") != (bridge.KindOf(err) == bridge.Refused) {
			t.Errorf("%s: %v %s", c.name, err, diff)
		}
		if p.Role == "root" && p.May(bridge.MaySee, "") == nil {
			t.Error("a role that is none may do something")
		}
	}
}

func TestWhichTokensCanBeMade(t *testing.T) {
	some := bridge.Person{Name: "cleo", Role: bridge.Admin, Portals: []string{"alpha"}}
	bob := bridge.Person{Name: "bob", Role: bridge.Reviewer, Portals: []string{"alpha"}}
	for _, c := range []struct {
		name string
		by   bridge.Person
		o    people.TokenOrder
		want bridge.Kind
	}{
		{"one's own", bridge.Person{Name: "ada", Role: bridge.Admin}, people.TokenOrder{Name: "t", Role: bridge.Admin}, ""},
		{"of nobody here", boss, people.TokenOrder{Name: "t", Role: bridge.Admin}, bridge.NotFound},
		{"the longest life", boss, people.TokenOrder{Name: "t", For: "ada", Role: bridge.Viewer, Expires: start.Add(366 * 24 * time.Hour)}, ""},
		{"a longer life", boss, people.TokenOrder{Name: "t", For: "ada", Role: bridge.Viewer, Expires: start.Add(366*24*time.Hour + 1)}, bridge.Invalid},
		{"over already", boss, people.TokenOrder{Name: "t", For: "ada", Role: bridge.Viewer, Expires: start}, bridge.Invalid},
		{"without a name", boss, people.TokenOrder{For: "ada", Role: bridge.Viewer}, bridge.Invalid},
		{"named by an address", boss, people.TokenOrder{Name: "a@b", For: "ada", Role: bridge.Viewer}, bridge.Invalid},
		{"without a role", boss, people.TokenOrder{Name: "t", For: "ada"}, bridge.Invalid},
		{"a portal without a name", boss, people.TokenOrder{Name: "t", For: "ada", Role: bridge.Viewer, Portals: []string{""}}, bridge.Invalid},
		{"more than the owner's role", boss, people.TokenOrder{Name: "t", For: "bob", Role: bridge.Approver}, bridge.Denied},
		{"more than the owner's portals", boss, people.TokenOrder{Name: "t", For: "bob", Role: bridge.Viewer, Portals: []string{"beta"}}, bridge.Denied},
		{"more than the maker's portals", some, people.TokenOrder{Name: "t", For: "ada", Role: bridge.Viewer, Portals: []string{"beta"}}, bridge.Denied},
		{"no portal in common", bridge.Person{Name: "cleo", Role: bridge.Admin, Portals: []string{"beta"}}, people.TokenOrder{Name: "t", For: "bob", Role: bridge.Viewer}, bridge.Denied},
		{"one's own, by who is no admin", bob, people.TokenOrder{Name: "t", Role: bridge.Reviewer}, ""},
		{"one's own, named", bob, people.TokenOrder{Name: "t", For: "bob", Role: bridge.Viewer, Portals: []string{"alpha"}}, ""},
		{"one's own, of more than one's role", bob, people.TokenOrder{Name: "t", Role: bridge.Approver}, bridge.Denied},
		{"one's own, of more than one's portals", bob, people.TokenOrder{Name: "t", Role: bridge.Viewer, Portals: []string{"alpha", "beta"}}, bridge.Denied},
		{"one's own, by who may do nothing", bridge.Person{Name: "bob"}, people.TokenOrder{Name: "t", Role: bridge.Viewer}, bridge.Denied},
		{"another's, by who is no admin", bob, people.TokenOrder{Name: "t", For: "ada", Role: bridge.Viewer}, bridge.Denied},
		{"of who is disabled", boss, people.TokenOrder{Name: "t", For: "gone", Role: bridge.Viewer}, bridge.Conflict},
		{"of a name that there is", boss, people.TokenOrder{Name: "taken", For: "ada", Role: bridge.Viewer}, bridge.Conflict},
	} {
		h := newHouse(t)
		h.add("ada", bridge.Admin)
		h.add("bob", bridge.Reviewer, "alpha")
		h.add("gone", bridge.Admin)
		if err := h.Disable(t.Context(), boss, "gone"); err != nil {
			t.Fatal(err)
		}
		h.issue(people.TokenOrder{Name: "taken", For: "ada", Role: bridge.Viewer})
		secret, err := h.Issue(t.Context(), c.by, c.o)
		if bridge.KindOf(err) != c.want || (secret == "") != (c.want != "") {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
	}
}

func TestATokenOfNoPortalsInParticularHasThoseOfMakerAndOwner(t *testing.T) {
	for _, c := range []struct{ maker, owner, want []string }{
		{nil, nil, nil},
		{nil, []string{"alpha"}, []string{"alpha"}},
		{[]string{"alpha"}, nil, []string{"alpha"}},
		{[]string{"beta", "alpha"}, []string{"beta", "gamma"}, []string{"beta"}},
	} {
		h := newHouse(t)
		h.add("erp", bridge.Reviewer, c.owner...)
		secret, err := h.Issue(t.Context(), bridge.Person{Name: "cleo", Role: bridge.Admin, Portals: c.maker}, people.TokenOrder{Name: "t", For: "erp", Role: bridge.Viewer})
		if err != nil {
			t.Fatal(err)
		}
		p, err := h.WhoByToken(t.Context(), secret)
		if diff := cmp.Diff(c.want, p.Portals); err != nil || diff != "" {
			t.Errorf("%v %s", err, diff)
		}
	}
}

func TestUseIsWrittenOnceAnHour(t *testing.T) {
	h := newHouse(t)
	h.add("erp", bridge.Viewer)
	secret := h.issue(people.TokenOrder{Name: "t", For: "erp", Role: bridge.Viewer})
	before := h.shelf.writes
	for range 3 * 60 {
		if _, err := h.WhoByToken(t.Context(), secret); err != nil {
			t.Fatal(err)
		}
		h.pass(time.Minute)
	}
	if n := h.shelf.writes - before; n != 3 {
		t.Errorf("%d writes in three hours, want 3", n)
	}
}

func TestRefusedTokensSayTheSameAndAreToldOnceAMinute(t *testing.T) {
	h := newHouse(t)
	h.add("erp", bridge.Viewer)
	secret := h.issue(people.TokenOrder{Name: "t", For: "erp", Role: bridge.Viewer})
	if err := h.Disable(t.Context(), boss, "erp"); err != nil {
		t.Fatal(err)
	}
	h.told()
	said := map[string]bool{}
	for range 10 {
		for _, s := range []string{secret, secret[:len(secret)-1], secret + "A", "kbt_", "", strings.ToUpper(secret), strings.Repeat("x", 10_000)} {
			_, err := h.WhoByToken(t.Context(), s)
			h.wantKind(err, bridge.Refused)
			said[bridge.Explain(err)] = true
		}
	}
	if diff := cmp.Diff([]string{
		"erp: refused  > token t (owner disabled, or with none of the token's portals)",
		": refused  > token (no token)",
	}, h.told()); diff != "" || len(said) != 1 {
		t.Errorf("%v %s", said, diff)
	}
}

func TestRevokingWhatIsNotThereIsNotFound(t *testing.T) {
	h := newHouse(t)
	for _, name := range []string{"", "t", "\xff", strings.Repeat("a", 300)} {
		h.wantKind(h.Revoke(t.Context(), boss, name), bridge.NotFound)
	}
	h.wantKind(h.Revoke(t.Context(), bridge.Person{Name: "ada", Role: bridge.Approver}, "t"), bridge.Denied)
}

func TestWhoRevokesWhichTokens(t *testing.T) {
	for _, c := range []struct {
		name string
		by   bridge.Person
		want bridge.Kind
		told string // beside what was told of making it
	}{
		{"its owner", bridge.Person{Name: "erp", Role: bridge.Viewer, Portals: []string{"alpha"}}, "", "erp: token t: reviewer at alpha, beta, of erp > t: revoked"},
		{"an admin of all portals", boss, "", "operator: token t: reviewer at alpha, beta, of erp > t: revoked"},
		{"an admin of its portals", bridge.Person{Name: "cleo", Role: bridge.Admin, Portals: []string{"alpha", "beta", "gamma"}}, "", "cleo: token t: reviewer at alpha, beta, of erp > t: revoked"},
		{"an admin of some of its portals", bridge.Person{Name: "cleo", Role: bridge.Admin, Portals: []string{"alpha"}}, bridge.Denied,
			"cleo: refused  > manage people and tokens (That token may do more than you. Ask an admin of all portals.)"},
		{"who is no admin", bridge.Person{Name: "cleo", Role: bridge.Approver}, bridge.Denied, "cleo: refused  > manage people and tokens"},
	} {
		h := newHouse(t)
		h.add("erp", bridge.Approver, "alpha", "beta")
		h.issue(people.TokenOrder{Name: "t", For: "erp", Role: bridge.Reviewer})
		h.told()
		err := h.Revoke(t.Context(), c.by, "t")
		tokens, failed := h.Tokens(t.Context())
		if bridge.KindOf(err) != c.want || failed != nil || (len(tokens) == 0) != (c.want == "") {
			t.Errorf("%s: %v, and %d are left", c.name, err, len(tokens))
		}
		if diff := cmp.Diff([]string{c.told}, h.told()); diff != "" {
			t.Errorf("%s: %s", c.name, diff)
		}
	}
}
