package main

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"

	"keybridge/bridge"
)

// shown is the secret that the page shows once.
func (v *visit) shown() string {
	v.t.Helper()
	v.at("secret")
	return strings.ReplaceAll(says[string](v, `document.getElementById("secret").textContent`), " ", "")
}

// proves types one's password once more, and confirms.
func (v *visit) proves(password string) {
	v.t.Helper()
	v.fill("again", password)
	v.press("confirm")
}

// code is what an authenticator shows, some periods from now.
func (v *visit) code(secret string, periods int) string {
	v.t.Helper()
	code, err := totp.GenerateCode(secret, time.Now().Add(time.Duration(periods)*30*time.Second))
	if err != nil {
		v.t.Fatal(err)
	}
	return code
}

// Somebody is added, makes the house their own, and is shut out: on the pages alone.
func TestThePeopleOfTheHouseInABrowser(t *testing.T) {
	t.Parallel()
	b := startChromium(t)
	ada := b.visit(t, choice{plans: []string{reviewedPlan}})
	admin := ada.hire("ada", bridge.Admin)
	ada.enters("ada", admin, "/console/people")
	ada.sees("People")
	ada.press("add")
	ada.at("confirm")
	ada.fill("name", "nora")
	ada.choose("role", "reviewer")
	ada.submits(`document.querySelector("[name=scope][value=all]").click()`)
	ada.proves(admin)
	first := ada.shown()

	nora := b.tab(ada.stand)
	nora.enters("nora", first, "/console/you")
	nora.sees("You")
	nora.press("password")
	nora.sees("Change your password")
	const password = "nineteen paper lanterns"
	nora.fill("old", first)
	nora.fill("new", password)
	nora.fill("repeated", password)
	nora.press("confirm")
	nora.sees("Your password is changed")
	nora.enters("nora", password, "/console/you")
	nora.press("factor")
	secret := nora.shown()
	nora.fill("code", nora.code(secret, 0))
	nora.proves(password)
	nora.at("flash")
	nora.leaves()
	nora.enters("nora", password, "/console/you")
	nora.fill("code", nora.code(secret, 1)) // the one of now was used
	nora.press("sign-in")
	nora.sees("You")
	nora.press("token")
	nora.at("confirm")
	nora.fill("name", "nightly")
	nora.submits(`document.querySelector("[name=scope][value=all]").click()`)
	nora.proves(password)
	token := nora.shown()
	if p, err := ada.bridge.register.WhoByToken(t.Context(), token); err != nil || p.Name != "nora" || p.Role != bridge.Viewer {
		t.Errorf("her token lets in %+v, %v", p, err)
	}

	ada.open(ada.url + "/console/people/users/nora")
	ada.press("disable")
	ada.at("confirm")
	ada.proves(admin)
	ada.at("flash")
	nora.open(nora.url + "/console/you")
	nora.at("sign-in")
	if _, err := ada.bridge.register.WhoByToken(t.Context(), token); bridge.KindOf(err) != bridge.Refused {
		t.Errorf("her token, when she is disabled: %v", err)
	}
	lines, err := ada.bridge.store.House(t.Context(), 0, 0)
	if err != nil {
		t.Fatal(err)
	}
	var told []string
	for _, l := range lines {
		told = append(told, strings.TrimSpace(l.Entry.Actor.Name+": "+string(l.Entry.What)+" "+l.Entry.After))
	}
	for _, want := range []string{
		"ada: person nora: reviewer at all portals", "nora: person nora: new password", "nora: person nora: second factor",
		"nora: token nightly: viewer at all portals, of nora", "ada: person nora: disabled",
	} {
		if !slices.Contains(told, want) {
			t.Errorf("the house's entries lack %q: %q", want, told)
		}
	}
}

// housePages are the pages about oneself and the people of the house, as an admin opens them
// who has a password.
func housePages(password string) []page {
	asks := func(name, address, then string, fill func(*visit)) page {
		return page{name, func(v *visit) {
			v.open(v.url + address)
			v.at("confirm")
			fill(v)
			v.press("confirm")
			v.at(then)
		}}
	}
	return []page{
		to("you", "/console/you"), to("you-password", "/console/you/password"), to("you-factor", "/console/you/factor"), to("you-token", "/console/you/tokens"),
		asks("you-token-problem", "/console/you/tokens", "problem", func(v *visit) {
			v.fill("name", "t")
			v.submits(`document.querySelector("[name=scope][value=some]").click()`)
			v.fill("again", "not it")
		}),
		asks("person-made", "/console/people/add", "secret", func(v *visit) {
			v.fill("name", "new")
			v.submits(`document.querySelector("[name=scope][value=all]").click()`)
			v.fill("again", password)
		}),
		asks("you-token-made", "/console/you/tokens", "secret", func(v *visit) {
			v.fill("name", "mine")
			v.submits(`document.querySelector("[name=scope][value=all]").click()`)
			v.fill("again", password)
		}),
		to("you-with-token", "/console/you"), to("people", "/console/people"), to("person", "/console/people/users/new"),
		to("person-role", "/console/people/users/new/role"), to("person-disable", "/console/people/users/new/disable"),
		to("person-yourself", "/console/people/users/admin/disable"), to("token-revoke", "/console/people/tokens/mine/revoke"),
	}
}
