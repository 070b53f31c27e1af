package people_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"keybridge/bridge"
	"keybridge/bridge/people"
)

// known are the lines that a stranger's attempt can leave behind, whatever they sent.
var known = []string{
	": refused  > sign-in (unknown name)", ": refused  > sign-in (wrong password)", "ada: refused  > sign-in (wrong password)",
	"ada: refused  > sign-in (wrong code)", "ada: refused  > sign-in (code used before)",
	": refused  > sign-in (a sealed name that is not ours)", "ada: refused  > sign-in (the code came too late)",
	": refused  > sign-in (not the browser that was sent to the sign-in provider)",
	": refused  > token (no token)", ": refused  > token (unknown or revoked token)",
}

func (h *house) wantNothingElseTold() {
	h.t.Helper()
	for _, line := range h.told() {
		if !slices.Contains(known, line) {
			h.t.Errorf("told %q", line)
		}
	}
}

func FuzzNobodyComesInByWhatTheyType(f *testing.F) {
	h := newHouse(f)
	h.factor(h.add("ada", bridge.Admin))
	h.pass(time.Minute)
	half := h.half("ada")
	for _, seed := range [][4]string{
		{"ada", good, "", ""}, {"ADA ", good, "000000", ""}, {"ada\x00", good, "", ""}, {"", "", "", half}, {"bob", "", "1", half + "A"},
		{"ada", strings.Repeat("a", 1000), "", ""}, {strings.Repeat("a", 1000), good, " 1 2 3 4 5 6", ""}, {"\xff", "\xff", "\xff", "\xff"},
	} {
		f.Add(seed[0], seed[1], seed[2], seed[3])
	}
	h.told()
	f.Fuzz(func(t *testing.T, name, password, code, half string) {
		h.t = t
		h.pass(2 * time.Hour)
		token, _, err := h.SignIn(t.Context(), people.Attempt{Name: name, Password: password, Code: code, Half: half})
		_, asked := errors.AsType[people.CodeNeededError](err)
		switch {
		case token != "" || err == nil:
			t.Error("in")
		case asked:
			if strings.ToLower(strings.TrimSpace(name)) != "ada" || half != "" || code != "" {
				t.Errorf("%q was asked for a code", name)
			}
		default:
			h.wantKind(err, bridge.Refused)
		}
		h.wantNothingElseTold()
	})
}

func FuzzAPasswordThatWillDoLetsIn(f *testing.F) {
	for _, seed := range []string{good, "kwmvzfuy rte", "caf\u00e9 on the corner", "ﬁﬁﬁ ligatures", strings.Repeat("ﷺ ", 12) + "x", " leading and trailing ", "\x00\x01\x02 controls ok"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, password string) {
		h := newHouse(t)
		_, err := h.Add(t.Context(), boss, people.Newcomer{Name: "ada", Role: bridge.Viewer, Password: password})
		if password == "" || err != nil {
			if err != nil {
				h.wantKind(err, bridge.Invalid)
			}
			return
		}
		if _, _, err := h.SignIn(t.Context(), people.Attempt{Name: "ada", Password: password}); err != nil {
			t.Errorf("%q was taken and does not let in: %v", password, err)
		}
		if strings.Contains(h.shelf.everything(), password) {
			t.Errorf("%q is kept", password)
		}
	})
}

func FuzzNoTokenIsGuessed(f *testing.F) {
	h := newHouse(f)
	h.add("ada", bridge.Viewer)
	session := h.in("ada")
	secret := h.issue(people.TokenOrder{Name: "t", For: "ada", Role: bridge.Viewer})
	for _, seed := range []string{"", session, secret, session + "=", session[:42], secret + "=", "kbt_", "KBT_" + secret[4:], "\xff", session + "\n", secret + "\r\n"} {
		f.Add(seed)
	}
	h.told()
	f.Fuzz(func(t *testing.T, token string) {
		h.t = t
		if _, _, err := h.Who(t.Context(), token); (err == nil) != (token == session) {
			t.Errorf("session %q: %v", token, err)
		}
		if _, err := h.WhoByToken(t.Context(), token); (err == nil) != (token == secret) {
			t.Errorf("token %q: %v", token, err)
		}
		if token != session {
			if err := h.SignOut(t.Context(), token); err != nil {
				t.Errorf("sign out %q: %v", token, err)
			}
		}
		h.wantNothingElseTold()
	})
}

func FuzzNobodyComesBackWhoDidNotLeave(f *testing.F) {
	h, p := sso(f)
	r := p.leave()
	for _, seed := range [][3]string{
		{"", "", ""}, {r.Code, r.State, ""}, {r.Code, "", r.Sealed}, {r.Code, r.State + "x", r.Sealed}, {r.Code, r.State, r.Sealed + "A"},
		{r.Code, r.State, r.Sealed[:len(r.Sealed)-1]}, {"\xff", "\x00", "\n"}, {r.Code, r.State, strings.Repeat("A", 10_000)},
	} {
		f.Add(seed[0], seed[1], seed[2])
	}
	f.Fuzz(func(t *testing.T, code, state, sealed string) {
		if state == r.State && sealed == r.Sealed {
			return // they did
		}
		h.t = t
		_, _, err := h.Finish(t.Context(), people.Returned{Code: code, State: state, Sealed: sealed})
		h.wantKind(err, bridge.Refused)
		h.wantNothingElseTold()
	})
}

func FuzzANameIsWhatNamesAre(f *testing.F) {
	for _, seed := range []string{"ada", "a", "", "Ada", "ada@example.com", "a/b", "..", "0", "-a", "ada\n", "аda", strings.Repeat("a", 65)} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, name string) {
		h := newHouse(t)
		_, err := h.Add(t.Context(), boss, people.Newcomer{Name: name, Role: bridge.Viewer})
		if err != nil {
			h.wantKind(err, bridge.Invalid)
			return
		}
		for _, r := range name {
			if !strings.ContainsRune("abcdefghijklmnopqrstuvwxyz0123456789._-", r) {
				t.Errorf("%q is a name", name)
			}
		}
		if u, err := h.Get(t.Context(), name); err != nil || u.Name != name {
			t.Errorf("%+v, %v", u, err)
		}
	})
}
