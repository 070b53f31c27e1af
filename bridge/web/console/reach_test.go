package console_test

import (
	"fmt"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strings"
	"testing"

	"keybridge/bridge/web/console"
)

// Whatever an admin of one portal sends, nobody has more than that portal by it, and nothing
// goes wrong on our side.
func TestNoFormGivesMoreThanOneHas(t *testing.T) {
	h := newHome(t)
	olga := h.in("olga")
	n := 0
	for _, scope := range []string{"all", "some", "", "ALL"} {
		for _, portals := range [][]string{{"other"}, {"main"}, {"other", "main"}, nil, {""}, {"other "}, {"\x00"}, {"\xff"}, {"*"}, {strings.Repeat("x", 10_000)}} {
			for _, role := range []string{"viewer", "admin", "root", ""} {
				n++
				form := url.Values{"name": {fmt.Sprintf("new-%d", n)}, "role": {role}, "scope": {scope}, "portal": portals, "days": {"7"}, "kind": {"program"}, "for": {"otto"}}
				for _, path := range []string{"/people/add", "/people/users/otto/role", "/people/tokens", "/you/tokens"} {
					if got := olga.does("/console"+path, form); got.StatusCode >= http.StatusInternalServerError {
						t.Errorf("%s with %s %q %s: %d", path, scope, portals, role, got.StatusCode)
					}
				}
			}
		}
	}
	users, err := h.List(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	added := 0
	for _, u := range users {
		if u.Changed.By.Name == "olga" {
			added++
		}
		if u.Changed.By.Name == "olga" && !slices.Equal(u.Portals, []string{"other"}) {
			t.Errorf("%s has %v", u.Name, u.Portals)
		}
	}
	tokens, err := h.Tokens(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range tokens {
		if !slices.Equal(o.Portals, []string{"other"}) {
			t.Errorf("the token %s has %v", o.Name, o.Portals)
		}
	}
	if added != 5 || len(tokens) != 4 { // the forms that are right were taken: two scopes, two roles; otto too
		t.Errorf("%d users and %d tokens", added, len(tokens))
	}
}

// Whatever the address says where to go on, it is a page of the console, and as it is written.
func FuzzOneGoesOnInTheConsole(f *testing.F) {
	for _, next := range []string{
		"/console/", "/console/you/factor", "/console/people/users/anna/role", "/console/?show=all&at=x", "//evil.example/console/you",
		"/console/people/users/..%2f..%2f", "/console/you?next=//evil.example", "https://evil.example/console/you", "/console/people/users/a..b", "/\\evil.example",
	} {
		f.Add(next)
	}
	f.Fuzz(func(t *testing.T, next string) {
		got := console.OnlyHere(next)
		u, err := url.Parse(got)
		if err != nil || u.Scheme != "" || u.Host != "" || u.User != nil || !strings.HasPrefix(u.Path, "/console/") || strings.Contains(got, `\`) {
			t.Fatalf("%q leads to %q", next, got)
		}
		if clean := path.Clean(u.Path); clean != strings.TrimSuffix(u.Path, "/") {
			t.Errorf("%q leads to %q, which is %q", next, u.Path, clean)
		}
		if again := console.OnlyHere(got); again != got {
			t.Errorf("%q leads to %q, and that to %q", next, got, again)
		}
	})
}
