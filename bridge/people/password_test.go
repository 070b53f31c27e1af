package people_test

import (
	"strings"
	"testing"

	"keybridge/bridge"
	"keybridge/bridge/people"
)

func TestWhichPasswordsWillDo(t *testing.T) {
	for _, c := range []struct {
		password string
		good     bool
	}{
		{good, true},
		{"abcdefghijkx"[:11], false},
		{"kwmvzfuy rte", true}, // twelve
		{"kwmvzfuy rt", false}, // eleven
		{"ééééüüüüññaj", true},
		{strings.Repeat("correct horse ", 14), false},
		{words(200), true},
		{words(201), false},
		{"918273645091", true},
		{"no-digit-here-no-capital", true},
		{"", false},
		{"\xff\xfe" + good, false},
		// the name, and the name with something put around it
		{"grace.hopper", false},
		{"Grace.Hopper", false},
		{"grace.hopper2026!", false},
		{"grace.hopper likes tea", true},
		// the worst
		{"password1234", false},
		{"Password2026!", false},
		{"1234Password!", false},
		{"passwordpassword", false},
		{"qwertyuiop123", false},
		{"1q2w3e4r5t6y", false},
		{"keybridge2026", false},
		{"letmein!!!!!!", false},
		// in a row, and again and again
		{"123456789012", false},
		{"098765432109", false},
		{"abcdefghijkl", false},
		{"lkjihgfedcba", false},
		{"aaaaaaaaaaaa", false},
		{"abababababab", false},
		{"xyz1xyz1xyz1", false},
		{"🦊🦊🦊🦊🦊🦊🦊🦊🦊🦊🦊🦊", false},
	} {
		h := newHouse(t)
		_, err := h.Add(t.Context(), boss, people.Newcomer{Name: "grace.hopper", Role: bridge.Viewer, Password: c.password})
		if c.password == "" {
			if err != nil {
				t.Errorf("a user without a password: %v", err)
			}
			err = h.SetPassword(t.Context(), boss, "grace.hopper", "")
		}
		if c.good && err != nil || !c.good && bridge.KindOf(err) != bridge.Invalid {
			t.Errorf("%q: %v, want good: %t", c.password, err, c.good)
		}
		if err != nil && c.password != "" && strings.Contains(err.Error(), c.password) {
			t.Errorf("%v repeats the password", err)
		}
	}
}

// words is a passphrase of n characters that does not repeat itself.
func words(n int) string {
	var s strings.Builder
	for i := 0; s.Len() < n; i++ {
		s.WriteString(strings.Repeat(string(rune('a'+i%26)), i%5+1))
		s.WriteByte(" -."[i%3])
	}
	return s.String()[:n]
}

func TestAPasswordIsTheSameOnEveryKeyboard(t *testing.T) {
	h := newHouse(t)
	composed, decomposed := "caf\u00e9 on the corner", "cafe\u0301 on the corner"
	if _, err := h.Add(t.Context(), boss, people.Newcomer{Name: "ada", Role: bridge.Viewer, Password: composed}); err != nil {
		t.Fatal(err)
	}
	if _, _, err := h.SignIn(t.Context(), people.Attempt{Name: "ada", Password: decomposed}); err != nil {
		t.Error(err)
	}
	_, _, err := h.SignIn(t.Context(), people.Attempt{Name: "ada", Password: "cafe on the corner"})
	h.wantKind(err, bridge.Refused)
	_, _, err = h.SignIn(t.Context(), people.Attempt{Name: "ada", Password: strings.ToUpper(composed)})
	h.wantKind(err, bridge.Refused)
}

func TestAPasswordIsHashedAnewWhenItShouldCostMore(t *testing.T) {
	h := newHouse(t)
	h.add("ada", bridge.Viewer)
	before := h.in("ada")
	dear := people.Cost{Memory: 64, Passes: 2, Threads: 1}
	h.restart(func(c *people.Config) { c.Cost = dear })
	_, _, err := h.SignIn(t.Context(), people.Attempt{Name: "ada", Password: "wrong"})
	h.wantKind(err, bridge.Refused)
	if !strings.Contains(h.shelf.everything(), "m=32,t=1,p=1") {
		t.Error("a wrong password changed the hash")
	}
	h.in("ada")
	if kept := h.shelf.everything(); !strings.Contains(kept, "m=64,t=2,p=1") || strings.Contains(kept, "m=32") {
		t.Errorf("not hashed anew: %s", kept)
	}
	count, cost := h.CountHashes()
	h.in("ada")
	if count.Load() != 1 || cost.Load() != dear {
		t.Errorf("%d hashes at %v, want one at %v", count.Load(), cost.Load(), dear)
	}
	h.wantIn(before, true) // it is the same password
}

func TestOnesOwnPasswordTakesTheOneBefore(t *testing.T) {
	h := newHouse(t)
	ada := h.add("ada", bridge.Viewer)
	h.wantKind(h.ChangePassword(t.Context(), ada, "wrong", "another set of words", ""), bridge.Refused)
	h.wantKind(h.ChangePassword(t.Context(), ada, good, "short", ""), bridge.Invalid)
	h.in("ada")
	for range 4 {
		_ = h.ChangePassword(t.Context(), ada, "wrong", "another set of words", "")
	}
	h.wantKind(h.ChangePassword(t.Context(), ada, good, "another set of words", ""), bridge.Limited)
}

func TestTwoUsersWithOnePasswordHaveTwoHashes(t *testing.T) {
	h := newHouse(t)
	h.add("ada", bridge.Viewer)
	h.add("bob", bridge.Viewer)
	kept := h.shelf.everything()
	_, first, _ := strings.Cut(kept, "$argon2id$")
	_, second, _ := strings.Cut(first, "$argon2id$")
	if first, second = first[:60], second[:60]; first == second || !strings.HasPrefix(first, "v=19$m=32,t=1,p=1$") {
		t.Errorf("%q and %q", first, second)
	}
}

func TestADamagedHashLetsNobodyInAndIsNotRepeated(t *testing.T) {
	for _, damage := range []string{
		"", "$", "$argon2id$v=19$m=32,t=1,p=1$$", "$argon2i$v=19$m=32,t=1,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAA",
		"$argon2id$v=19$m=4294967295,t=1,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
		"$argon2id$v=19$m=0,t=0,p=0$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
	} {
		h := newHouse(t)
		h.add("ada", bridge.Viewer)
		h.damage("user", "ada", func(s string) string {
			i := strings.Index(s, "$argon2id")
			return s[:i] + damage + s[i+strings.Index(s[i:], `"`):]
		})
		_, _, err := h.SignIn(t.Context(), people.Attempt{Name: "ada", Password: good})
		if want := map[bool]bridge.Kind{true: bridge.Refused, false: bridge.Internal}[damage == ""]; bridge.KindOf(err) != want {
			t.Errorf("%q: %v, want %q", damage, err, want)
		}
		if damage != "" && len(damage) > 1 && strings.Contains(err.Error(), damage) {
			t.Errorf("%v repeats what was kept", err)
		}
	}
}
