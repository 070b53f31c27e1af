package console_test

import (
	"cmp"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"keybridge/bridge"
	staff "keybridge/bridge/people"
)

// settled is a home where something has happened already.
func settled(t *testing.T) *home {
	t.Helper()
	h := newHome(t)
	for _, o := range []staff.TokenOrder{
		{Name: "erp-export", For: "erp", Role: bridge.Viewer, Portals: []string{"main"}},
		{Name: "old", For: "anna", Role: bridge.Reviewer, Expires: noon.Add(time.Hour)},
	} {
		if _, err := h.Issue(t.Context(), commands, o); err != nil {
			t.Fatal(err)
		}
	}
	h.pass(2 * time.Hour)
	if err := h.Disable(t.Context(), commands, "vera"); err != nil {
		t.Fatal(err)
	}
	h.told()
	return h
}

func TestThePagesAboutPeople(t *testing.T) {
	h := settled(t)
	adam := h.in("adam")
	for name, path := range map[string]string{
		"people":               "",
		"person":               "/users/anna",
		"person-you":           "/users/adam",
		"person-disabled":      "/users/vera",
		"person-program":       "/users/erp",
		"sheet-role":           "/users/rosa/role",
		"sheet-set-password":   "/users/anna/password",
		"sheet-sign-out":       "/users/anna/sign-out",
		"sheet-disable":        "/users/anna/disable",
		"sheet-enable":         "/users/vera/enable",
		"sheet-add":            "/add",
		"sheet-token-program":  "/tokens?for=erp",
		"sheet-revoke-program": "/tokens/erp-export/revoke",
	} {
		golden(t, name, http.StatusOK, adam.get("/console/people"+path))
	}
	golden(t, "people-some", http.StatusOK, h.in("olga").get("/console/people"))
	for name, is := range map[string]struct {
		path   string
		status int
	}{
		"error-person-nobody": {"/users/nobody", 404}, "error-person-yourself": {"/users/adam/disable", 403},
		"error-person-no-factor": {"/users/anna/drop-code", 409}, "error-token-nobody": {"/tokens/nothing/revoke", 404},
	} {
		golden(t, name, is.status, adam.get("/console/people"+is.path))
	}
	golden(t, "error-people-denied", http.StatusForbidden, h.in("anna").get("/console/people"))
}

func TestThePagesAfterSomethingWasTyped(t *testing.T) {
	h := settled(t)
	adam := h.in("adam")
	role := url.Values{"role": {"viewer"}, "scope": {"some"}, "portal": {"main"}}
	golden(t, "sheet-role-wrong-password", http.StatusForbidden, adam.does("/console/people/users/anna/role", with(role, "again", "not it")))
	golden(t, "sheet-role-no-portal", http.StatusBadRequest, adam.does("/console/people/users/anna/role", with(role, "portal", "")))
	golden(t, "sheet-add-invalid", http.StatusBadRequest, adam.does("/console/people/add", with(role, "name", `"><b>`)))
	golden(t, "sheet-add-taken", http.StatusConflict, adam.does("/console/people/add", with(role, "name", "anna")))
	golden(t, "done-added", http.StatusOK, adam.does("/console/people/add", with(role, "name", "nora", "display", "Nora", "email", "nora@house.example")))
	golden(t, "done-password", http.StatusOK, adam.does("/console/people/users/anna/password", nil))
	token := url.Values{"name": {"nightly"}, "for": {"erp"}, "role": {"viewer"}, "scope": {"all"}, "days": {"30"}}
	golden(t, "sheet-token-taken", http.StatusConflict, adam.does("/console/people/tokens", with(token, "name", "erp-export")))
	golden(t, "done-token", http.StatusOK, adam.does("/console/people/tokens", token))
	adam.does("/console/people/users/rosa/role", role)
	golden(t, "person-done", http.StatusOK, adam.get("/console/people/users/rosa?done=role"))
	adam.does("/console/people/tokens/erp-export/revoke", nil)
	golden(t, "people-done", http.StatusOK, adam.get("/console/people?done=revoke&name=erp-export"))
}

// with returns a form with other values.
func with(form url.Values, pairs ...string) url.Values {
	out := url.Values{}
	for name, values := range form {
		out[name] = values
	}
	for i := 0; i < len(pairs); i += 2 {
		out[pairs[i]] = []string{pairs[i+1]}
		if pairs[i+1] == "" {
			delete(out, pairs[i])
		}
	}
	return out
}

// change is a form of the pages about people, that is right.
type change struct {
	path string
	form url.Values
	// want is what history says of it.
	want string
}

// changes are all of them.
func changes() []change {
	role := url.Values{"role": {"viewer"}, "scope": {"some"}, "portal": {"main"}}
	return []change{
		{"/add", with(role, "name", "nora", "kind", "person"), "adam: person  > nora: viewer at main"},
		{"/add", with(role, "name", "crm", "kind", "program", "scope", "all", "portal", ""), "adam: person  > crm: viewer at all portals"},
		{"/users/anna/role", role, "adam: person anna: approver at all portals > anna: viewer at main"},
		{"/users/anna/password", nil, "adam: person  > anna: new password"},
		{"/users/otto/drop-code", nil, "adam: person otto: second factor > otto: no second factor"},
		{"/users/rosa/sign-out", nil, "adam: signed in  > rosa: signed out everywhere"},
		{"/users/anna/disable", nil, "adam: person anna: enabled > anna: disabled"},
		{"/users/anna/enable", nil, "adam: person anna: disabled > anna: enabled"},
		{"/tokens", url.Values{"name": {"nightly"}, "for": {"erp"}, "role": {"viewer"}, "scope": {"all"}, "days": {"7"}}, "adam: token  > nightly: viewer at all portals, of erp"},
		{"/tokens/nightly/revoke", nil, "adam: token nightly: viewer at all portals, of erp > nightly: revoked"},
	}
}

func TestEachChangeIsMadeOnceAndToldOnce(t *testing.T) {
	h := newHome(t)
	h.factor(h.in("otto"))
	adam := h.in("adam")
	h.told()
	for _, is := range changes() {
		got := adam.does("/console/people"+is.path, is.form)
		if got.StatusCode != http.StatusOK && got.StatusCode != http.StatusSeeOther {
			t.Errorf("%s: %d", is.path, got.StatusCode)
		}
		if told := h.told(); !slices.Equal(told, []string{is.want}) {
			t.Errorf("%s: told %q, want %q", is.path, told, is.want)
		}
		if to := got.Header.Get("Location"); strings.Contains(to, given) || strings.Contains(to, password) {
			t.Errorf("%s leads to %s", is.path, to)
		}
	}
	if log := h.log.String(); strings.Contains(log, password) || strings.Contains(log, given) || strings.Contains(log, "kbt_") || strings.Contains(log, "@") {
		t.Errorf("the log holds a secret or an address:\n%s", log)
	}
}

// possible is a home in which each of the changes could be made, though they are not made one
// after the other.
func possible(t *testing.T, h *home, path string) {
	t.Helper()
	var err error
	switch path {
	case "/users/anna/enable":
		err = h.Disable(t.Context(), commands, "anna")
	case "/users/otto/drop-code":
		h.factor(h.in("otto"))
	case "/tokens/nightly/revoke":
		_, err = h.Issue(t.Context(), commands, staff.TokenOrder{Name: "nightly", For: "erp", Role: bridge.Viewer})
	}
	if err != nil {
		t.Fatal(err)
	}
}

func TestNoChangeIsMadeForWhoMayNotOrDoesNotShowThemselves(t *testing.T) {
	for _, is := range changes() {
		h := newHome(t)
		possible(t, h, is.path)
		adam, path := h.in("adam"), "/console/people"+is.path
		lesser := []visitor{h.in("vera"), h.in("rosa")}
		if !strings.Contains(is.path, "anna") {
			lesser = append(lesser, h.in("anna"))
		}
		h.told()
		before := h.everything()
		for i, v := range lesser {
			if got := v.does(path, is.form); got.StatusCode != http.StatusForbidden {
				t.Errorf("%s by %d: %d", is.path, i, got.StatusCode)
			}
			if told := h.told(); len(told) != 1 || !strings.HasSuffix(told[0], "refused  > manage people and tokens") {
				t.Errorf("%s by %d: told %q", is.path, i, told)
			}
		}
		for name, again := range map[string]string{"a wrong password": "not it", "none": "", "another's": given} {
			got := adam.post(path, with(is.form, "again", again))
			if page := textOf(t, got); got.StatusCode != http.StatusForbidden || !strings.Contains(page, "That is not your password. Nothing was done.") {
				t.Errorf("%s with %s: %d", is.path, name, got.StatusCode)
			}
		}
		for from, header := range map[string]http.Header{
			"another site": {"Sec-Fetch-Site": {"cross-site"}}, "an old browser": {"Origin": {"https://evil.example"}},
		} {
			if got := adam.send(http.MethodPost, path, with(is.form, "again", password), header); got.StatusCode != http.StatusForbidden {
				t.Errorf("%s from %s: %d", is.path, from, got.StatusCode)
			}
		}
		for _, method := range []string{http.MethodGet, http.MethodHead} {
			adam.send(method, path+"?"+with(is.form, "again", password).Encode(), nil, nil)
		}
		if got := h.as("stolen").does(path, is.form); got.StatusCode != http.StatusUnauthorized {
			t.Errorf("%s by nobody: %d", is.path, got.StatusCode)
		}
		if h.everything() != before {
			t.Errorf("%s was made", is.path)
		}
	}
}

func TestNobodyGivesMoreThanTheyHaveOnAnyPage(t *testing.T) {
	h := newHome(t)
	all, main := url.Values{"scope": {"all"}}, url.Values{"scope": {"some"}, "portal": {"main"}}
	if _, err := h.Add(t.Context(), commands, staff.Newcomer{Name: "bot", Role: bridge.Viewer, Portals: []string{"other"}}); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, who, path string
		form            url.Values
		status          int
	}{
		{"another portal to a newcomer", "olga", "/people/add", with(main, "name", "nora", "role", "viewer"), 403},
		{"another portal to a user", "olga", "/people/users/otto/role", with(main, "role", "viewer"), 403},
		{"both portals to a user", "olga", "/people/users/otto/role", url.Values{"scope": {"some"}, "portal": {"main", "other"}, "role": {"viewer"}}, 403},
		{"another portal to a program's token", "olga", "/people/tokens", with(main, "name", "t", "for", "bot", "role", "viewer", "days", "7"), 403},
		{"another portal to their own token", "olga", "/you/tokens", with(main, "name", "t", "role", "viewer", "days", "7"), 403},
		{"a user of more", "olga", "/people/users/anna/disable", nil, 404},
		{"a user of elsewhere", "olga", "/people/users/rosa/password", nil, 404},
		{"a higher role to their own token", "anna", "/you/tokens", with(all, "name", "t", "role", "admin", "days", "7"), 403},
		{"a program of more", "olga", "/people/tokens", with(all, "name", "t", "for", "erp", "role", "viewer", "days", "7"), 400},
		{"a token to another person", "adam", "/people/tokens", with(all, "name", "t", "for", "anna", "role", "viewer", "days", "7"), 400},
		{"a token for ever", "adam", "/you/tokens", with(all, "name", "t", "role", "viewer", "days", "100000"), 400},
		{"a role that is none", "adam", "/people/users/anna/role", with(all, "role", "root"), 400},
		{"a portal that is none", "adam", "/people/users/anna/role", url.Values{"scope": {"some"}, "portal": {"nowhere"}, "role": {"viewer"}}, 400},
		{"all portals and single ones", "adam", "/people/users/anna/role", with(main, "scope", "all", "role", "viewer"), 400},
		{"no portal said", "adam", "/people/users/anna/role", url.Values{"role": {"viewer"}}, 400},
		{"their own role", "adam", "/people/users/adam/role", with(all, "role", "viewer"), 403},
		{"their own end", "adam", "/people/users/adam/disable", nil, 403},
		{"their own new password", "adam", "/people/users/adam/password", nil, 403},
		{"another's token", "rosa", "/you/tokens/of-eve/revoke", nil, 404},
		{"an act that is none", "adam", "/people/users/anna/promote", nil, 404},
	} {
		t.Run(c.name, func(t *testing.T) {
			if err := h.Revoke(t.Context(), commands, "of-eve"); bridge.KindOf(err) != bridge.NotFound && err != nil {
				t.Fatal(err)
			}
			if _, err := h.Issue(t.Context(), commands, staff.TokenOrder{Name: "of-eve", For: "eve", Role: bridge.Viewer}); err != nil {
				t.Fatal(err)
			}
			v := h.in(c.who)
			before := h.everything()
			h.told()
			if got := v.does("/console"+c.path, c.form); got.StatusCode != c.status {
				t.Errorf("%d, want %d", got.StatusCode, c.status)
			}
			if h.everything() != before {
				t.Error("it was done")
			}
			told := h.told()
			if c.status == http.StatusForbidden && (len(told) != 1 || !strings.HasPrefix(told[0], c.who+": refused  > ")) {
				t.Errorf("told %q", told)
			}
		})
	}
}

func TestAnAdminOfSomePortalsGivesAllOfTheirsAndNoMore(t *testing.T) {
	h := newHome(t)
	olga := h.in("olga")
	if page := textOf(t, olga.get("/console/people/add")); !strings.Contains(page, "All of yours") || strings.Contains(page, "portal.example") {
		t.Error("the page offers more than she has")
	}
	olga.does("/console/people/add", url.Values{"name": {"nora"}, "role": {"admin"}, "scope": {"all"}})
	if u, err := h.Get(t.Context(), "nora"); err != nil || !slices.Equal(u.Portals, []string{"other"}) {
		t.Errorf("%+v, %v", u, err)
	}
}

func TestWhatEndsWhenRightsChange(t *testing.T) {
	role := url.Values{"role": {"reviewer"}, "scope": {"all"}}
	for _, c := range []struct {
		do   string
		form url.Values
		// out: their sessions end. shut: their tokens open nothing.
		out, shut bool
	}{
		{"role", role, true, false}, {"password", nil, true, false}, {"sign-out", nil, true, false}, {"disable", nil, true, true},
		{"role", with(role, "role", "approver"), false, false}, // which they have
	} {
		h := newHome(t)
		anna, adam := h.in("anna"), h.in("adam")
		secret := shown(t, anna.does("/console/you/tokens", url.Values{"name": {"t"}, "role": {"approver"}, "scope": {"all"}, "days": {"7"}}))
		if got := adam.does("/console/people/users/anna/"+c.do, c.form); got.StatusCode >= 400 {
			t.Fatalf("%s: %d", c.do, got.StatusCode)
		}
		if anna.isIn() == c.out || !adam.isIn() {
			t.Errorf("%s: anna is in: %t, adam: %t", c.do, anna.isIn(), adam.isIn())
		}
		p, err := h.WhoByToken(t.Context(), secret)
		if (bridge.KindOf(err) == bridge.Refused) != c.shut {
			t.Errorf("%s: her token lets in %+v, %v", c.do, p, err)
		}
		if want := bridge.Role(cmp.Or(c.form.Get("role"), "approver")); !c.shut && p.Role != want {
			t.Errorf("%s: her token may what a %s may, want %s", c.do, p.Role, want)
		}
	}
}

// Who sits at somebody else's desk does not get to guess.
func TestThePasswordIsNotGuessedOnAForm(t *testing.T) {
	h := newHome(t)
	adam := h.in("adam")
	path := "/console/people/users/anna/disable"
	var got *http.Response
	for range 11 {
		got = adam.post(path, url.Values{"again": {"a guess"}})
	}
	if wait := got.Header.Get("Retry-After"); got.StatusCode != http.StatusTooManyRequests || wait == "" || !strings.Contains(textOf(t, got), "Try again in "+wait+" s.") {
		t.Errorf("%d, to be tried again in %q", got.StatusCode, wait)
	}
	if got := adam.does(path, nil); got.StatusCode != http.StatusTooManyRequests {
		t.Errorf("with the right one, after too many: %d", got.StatusCode)
	}
	if u, err := h.Get(t.Context(), "anna"); err != nil || u.Disabled || !adam.isIn() {
		t.Errorf("%+v, %v; he is in: %t", u, err, adam.isIn())
	}
}

// An address can be made up, and what it says was done was not.
func TestAPageSaysOnlyOfWhatWasDoneThatItWas(t *testing.T) {
	h := settled(t)
	adam := h.in("adam")
	for _, path := range []string{
		"/people/users/anna?done=disable", "/people/users/anna?done=role", "/people/users/vera?done=disable", "/people/users/vera?done=enable",
		"/people/users/anna?done=nothing", "/people?done=revoke&name=erp-export", "/you?done=factor", "/you?done=others", "/you?done=nothing", "/you?done=revoke", "/you?done=session", "/people?done=revoke",
	} {
		if path == "/you?done=others" {
			h.in("adam")
		}
		if strings.Contains(textOf(t, adam.get("/console"+path)), `id="flash"`) {
			t.Errorf("%s says that something was done", path)
		}
	}
}

func TestWithoutAHouseThereAreNoPagesAboutIt(t *testing.T) {
	o := newOffice(t)
	for _, path := range []string{"/console/you", "/console/people", "/console/people/users/anna"} {
		if got := o.as("admin").get(path); got.StatusCode != http.StatusNotFound {
			t.Errorf("%s: %d", path, got.StatusCode)
		}
	}
}
