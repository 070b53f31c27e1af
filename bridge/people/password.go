package people

import (
	"bufio"
	"bytes"
	"context"
	_ "embed"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"keybridge/bridge"
)

// The bounds of a password, in characters (NIST SP 800-63B asks for 64 to be allowed).
const (
	ShortestPassword = 12
	LongestPassword  = 200
)

// worst are the stems of the worst passwords: what is left of them in lower case without
// the digits and marks that people put around them.
//
//go:embed worst.txt
var worst []byte

// normal is a password as it is hashed, so that the same characters typed on another
// keyboard are the same (NFKC, as NIST SP 800-63B asks). ok is false for what cannot be a
// password; it is not worth hashing, whoever it would be of.
func normal(password string) (_ string, ok bool) {
	if len(password) > 4*LongestPassword || !utf8.ValidString(password) {
		return "", false
	}
	password = norm.NFKC.String(password)
	return password, password != "" && utf8.RuneCountInString(password) <= LongestPassword
}

// acceptable returns a new password as it is hashed, or says why it will not do: Invalid.
// There are no rules of what it has to be made of.
func acceptable(password, name string) (string, error) {
	normalised, ok := normal(password)
	runes := []rune(normalised)
	switch {
	case !ok:
		return "", invalid("A password has at most 200 characters.")
	case len(runes) < ShortestPassword:
		return "", invalid("A password has at least 12 characters. A few words that only you would put together are easy to keep.")
	case stem(name) != "" && stem(normalised) == stem(name) || strings.EqualFold(normalised, name):
		return "", invalid("The password may not be the name.")
	case guessable(runes), isWorst(stem(normalised)):
		return "", invalid("That password is among the first that others would try. Choose another.")
	}
	return normalised, nil
}

// stem is a password without what people put around a word.
func stem(s string) string {
	return strings.TrimFunc(strings.ToLower(s), func(r rune) bool { return !unicode.IsLetter(r) })
}

// guessable reports whether a password is few characters again and again, or characters
// in a row, upwards or downwards.
func guessable(p []rune) bool {
	for unit := 1; unit <= len(p)/3; unit++ {
		again := true
		for i := unit; i < len(p) && again; i++ {
			again = p[i] == p[i-unit]
		}
		if again {
			return true
		}
	}
	steps := map[rune]int{}
	for i := 1; i < len(p); i++ {
		steps[p[i]-p[i-1]]++
	}
	// 0 follows 9, and one more step may be out of line.
	return max(steps[1], steps[-1]) >= len(p)-3
}

func isWorst(stem string) bool {
	lines := bufio.NewScanner(bytes.NewReader(worst))
	for lines.Scan() {
		if lines.Text() == stem {
			return true
		}
	}
	return false
}

// SetPassword gives a user a new password, and ends their sessions. Their tokens stay.
// Invalid for one that will not do. One's own is changed by ChangePassword.
func (g *Register) SetPassword(ctx context.Context, by bridge.Person, name, password string) error {
	if err := g.may(ctx, by); err != nil {
		return err
	}
	if by.Name == name {
		return g.denied(ctx, by, "Your own password is changed with the one you have.")
	}
	password, err := acceptable(password, name)
	if err != nil {
		return err
	}
	hash, err := g.hashed(ctx, password)
	if err != nil {
		return err
	}
	err = g.manage(ctx, by, name, func(u *user) error { return u.setPassword(hash) })
	if err == nil {
		g.tries.clear(keyOf(name))
		g.record(ctx, by.Actor(), bridge.WhatPerson, "", name+": new password", "")
	}
	return err
}

// ChangePassword gives who sits at the console, and knows their password, a new one. It
// ends their sessions, this one too: they sign in again. A wrong old one is Refused and
// counts as a failed sign-in does. address is as in Attempt.
func (g *Register) ChangePassword(ctx context.Context, by bridge.Person, old, password, address string) error {
	password, err := acceptable(password, by.Name)
	if err != nil {
		return err
	}
	return g.attempt(ctx, keyOf(by.Name), by.Name, address, func() error {
		u, err := g.provePassword(ctx, by.Name, old)
		if err != nil {
			return err
		}
		hash, err := g.hashed(ctx, password)
		if err != nil {
			return err
		}
		err = g.same(ctx, by.Name, u, func(u *user) error {
			u.Changed = bridge.Mark{At: g.now(), By: by.Actor()}
			return u.setPassword(hash)
		})
		if err == nil {
			g.record(ctx, by.Actor(), bridge.WhatPerson, "", by.Name+": new password", "")
		}
		return err
	})
}

func (u *user) setPassword(hash string) error {
	if u.From != "" {
		return &bridge.Error{Kind: bridge.Conflict, Msg: "They sign in elsewhere, and have no password here."}
	}
	u.Hash = hash
	u.Epoch++
	return nil
}
