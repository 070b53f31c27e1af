package people

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"slices"
	"strings"
	"time"

	"keybridge/bridge"
)

// Token is what a program holds to come in as its owner.
type Token struct {
	// Name is the token's own, as of a user. Of is its owner, whom history names.
	Name, Of string
	// Role and Portals are what was given to it. What it opens is never more than what
	// its owner may at the moment.
	Role    bridge.Role
	Portals []string
	// Made says when and by whom; Expires when it is over; Used when it was last used, to
	// the hour, zero: never.
	Made          bridge.Mark
	Expires, Used time.Time
}

// token is a Token as it is kept, under its name. Hash is the SHA-256 of the secret,
// lower-case hex; the secret is as random as a key, so it needs no slow one.
type token struct {
	Of      string      `json:"of"`
	Role    bridge.Role `json:"role"`
	Portals []string    `json:"portals,omitempty"`
	Made    bridge.Mark `json:"made"`
	Expires time.Time   `json:"expires"`
	Used    time.Time   `json:"used,omitzero"`
	Hash    string      `json:"hash"`
}

func (t token) public(name string) Token {
	return Token{Name: name, Of: t.Of, Role: t.Role, Portals: t.Portals, Made: t.Made, Expires: t.Expires, Used: t.Used}
}

// TokenOrder is a token to be made.
type TokenOrder struct {
	// Name is the token's, unique among tokens, formed as a user's.
	Name string
	// For is the user whose token it is. Empty: who makes it.
	For string
	// Role is at most that of the maker and of the owner. Portals are at most theirs;
	// none: as many as both have.
	Role    bridge.Role
	Portals []string
	// Expires is when it is over: at most 366 days from now. Zero: in 90 days.
	Expires time.Time
}

const (
	// tokenPrefix lets those who search for leaked secrets find one.
	tokenPrefix   = "kbt_"
	longestToken  = 200 // characters
	tokenLife     = 90 * 24 * time.Hour
	longestLife   = 366 * 24 * time.Hour
	usedEvery     = time.Hour
	refusedTokens = "token/"
)

// Issue makes a token and returns its secret, which is shown once and kept nowhere:
// "kbt_" and base64url of 32 random bytes and the token's name.
//
// Everybody makes tokens of their own; another's takes who manages people.
//
// Errors: Denied for who may not, or who would give more than they have; Invalid for
// what cannot be; Conflict where there is a token of that name; NotFound where there is
// no such owner.
func (g *Register) Issue(ctx context.Context, by bridge.Person, o TokenOrder) (secret string, err error) {
	if o.For == "" {
		o.For = by.Name
	}
	owner, err := g.orderable(ctx, by, &o)
	if err != nil {
		return "", err
	}
	secret = tokenPrefix + base64.RawURLEncoding.EncodeToString(append(g.chance(tokenLength), o.Name...))
	t := token{
		Of: o.For, Role: o.Role, Portals: o.Portals, Made: bridge.Mark{At: g.now(), By: by.Actor()},
		Expires: o.Expires.UTC(), Hash: hashOf(secret),
	}
	if rank(o.Role) > rank(owner.Role) || !covers(owner.Portals, o.Portals) {
		return "", g.denied(ctx, by, "Its owner may not do that: choose a role and portals that are theirs.")
	}
	err = change(ctx, g.cfg.Papers, kindToken, o.Name, func(old *token) (*token, error) {
		if old != nil {
			return nil, &bridge.Error{Kind: bridge.Conflict, Msg: "There is a token of that name. Revoke it first, or choose another name."}
		}
		return &t, nil
	})
	if err != nil {
		return "", err
	}
	g.record(ctx, by.Actor(), bridge.WhatToken, "", rights(o.Name, o.Role, o.Portals)+", of "+o.For, "")
	return secret, nil
}

// orderable checks and completes an order, and returns the owner.
func (g *Register) orderable(ctx context.Context, by bridge.Person, o *TokenOrder) (user, error) {
	if err := g.mayHold(ctx, by, o.For); err != nil {
		return user{}, err
	}
	now := g.now()
	if o.Expires.IsZero() {
		o.Expires = now.Add(tokenLife)
	}
	switch {
	case !validName(o.Name):
		return user{}, invalid("The name of a token has 1 to 64 of a-z, 0-9, dot, dash and underscore, and begins with a letter or digit.")
	case !o.Expires.After(now) || o.Expires.After(now.Add(longestLife)):
		return user{}, invalid("A token is over within 366 days.")
	}
	owner, found, err := g.user(ctx, o.For)
	switch {
	case err != nil:
		return user{}, err
	case !found:
		return user{}, noUser()
	case owner.Disabled:
		return user{}, &bridge.Error{Kind: bridge.Conflict, Msg: "Its owner is disabled."}
	}
	if o.Portals = scope(o.Portals); o.Portals == nil {
		both, any := common(by.Portals, owner.Portals)
		if !any {
			return user{}, g.denied(ctx, by, "You and its owner have no portal in common.")
		}
		o.Portals = scope(both)
	}
	return owner, g.has(ctx, by, o.Role, o.Portals)
}

// mayHold refuses, and tells of it, where a person may not make or revoke a token of
// somebody's: one's own is for everybody who may see anything here.
func (g *Register) mayHold(ctx context.Context, by bridge.Person, of string) error {
	if by.Name == of && by.May(bridge.MaySee, "") == nil {
		return nil
	}
	return g.may(ctx, by)
}

// common is what two scopes both hold. any is false where that is nothing, which must
// not be taken for the scope of all.
func common(a, b []string) (both []string, any bool) {
	switch {
	case len(a) == 0:
		return b, true
	case len(b) == 0:
		return a, true
	}
	for _, p := range a {
		if slices.Contains(b, p) {
			both = append(both, p)
		}
	}
	return both, len(both) > 0
}

func hashOf(secret string) string {
	sum := sha256.Sum256([]byte(secret))
	return hex.EncodeToString(sum[:])
}

// nameIn returns the name of the token that a secret says it is of; ok is false for what
// is no token.
func nameIn(secret string) (name string, ok bool) {
	rest, ok := strings.CutPrefix(secret, tokenPrefix)
	if !ok || len(secret) > longestToken {
		return "", false
	}
	b, err := base64.RawURLEncoding.Strict().DecodeString(rest)
	if err != nil || len(b) <= tokenLength {
		return "", false
	}
	name = string(b[tokenLength:])
	return name, validName(name)
}

// WhoByToken returns whom a token lets in: its owner, with what both it and they may do
// at this moment. Refused for what is no token, and for one that is revoked, expired or
// of a disabled owner, always with the same words.
func (g *Register) WhoByToken(ctx context.Context, secret string) (bridge.Person, error) {
	name, ok := nameIn(secret)
	if !ok {
		return bridge.Person{}, g.refuseToken(ctx, "", "", "no token")
	}
	t, found, err := read[token](ctx, g.cfg.Papers, kindToken, name)
	if err != nil {
		return bridge.Person{}, err
	}
	now := g.now()
	switch {
	case !found || subtle.ConstantTimeCompare([]byte(t.Hash), []byte(hashOf(secret))) != 1:
		return bridge.Person{}, g.refuseToken(ctx, "", "", "unknown or revoked token")
	case !now.Before(t.Expires):
		return bridge.Person{}, g.refuseToken(ctx, t.Of, name, "token expired")
	}
	owner, found, err := g.user(ctx, t.Of)
	if err != nil {
		return bridge.Person{}, err
	}
	portals, any := common(t.Portals, owner.Portals)
	if !found || owner.Disabled || !any {
		return bridge.Person{}, g.refuseToken(ctx, t.Of, name, "owner disabled, or with none of the token's portals")
	}
	if err := g.used(ctx, name, t, now); err != nil {
		return bridge.Person{}, err
	}
	role := t.Role
	if rank(owner.Role) < rank(role) {
		role = owner.Role
	}
	return bridge.Person{Name: t.Of, Role: role, Portals: portals, Email: owner.Email}, nil
}

// used notes that a token is used, at most once an hour.
func (g *Register) used(ctx context.Context, name string, t token, now time.Time) error {
	if now.Sub(t.Used) < usedEvery {
		return nil
	}
	return change(ctx, g.cfg.Papers, kindToken, name, func(old *token) (*token, error) {
		if old != nil && old.Hash == t.Hash && old.Used.Before(now) {
			old.Used = now
		}
		return old, nil
	})
}

// refuseToken tells of a token that was refused, at most once a minute for each, and all
// unknown ones together: a program that goes on trying, or a stranger, does not fill
// history.
func (g *Register) refuseToken(ctx context.Context, of, name, why string) error {
	if g.said.take(refusedTokens+name, onceAMinute, g.now()) == 0 {
		g.record(ctx, bridge.Actor{Kind: bridge.ByPerson, Name: of}, bridge.WhatRefused, "", strings.TrimSpace("token "+name), why)
	}
	return &bridge.Error{Kind: bridge.Refused, Msg: "This token opens nothing. It may have expired or been revoked: ask an admin for another."}
}

// Revoke removes a token: it opens nothing from now on. Everybody revokes their own.
//
// Errors: Denied for who may not, and for a token that may do more than they; NotFound
// where there is none.
func (g *Register) Revoke(ctx context.Context, by bridge.Person, name string) error {
	var was token
	err := noToken()
	if validName(name) {
		err = change(ctx, g.cfg.Papers, kindToken, name, func(old *token) (*token, error) {
			if old == nil {
				return nil, noToken()
			}
			if was = *old; !was.within(by) {
				return nil, &bridge.Error{Kind: bridge.Denied}
			}
			return nil, nil
		})
	}
	switch bridge.KindOf(err) {
	case bridge.NotFound, bridge.Denied:
		if refused := g.may(ctx, by); refused != nil { // nor are they told which tokens there are
			return refused
		}
		if bridge.KindOf(err) == bridge.Denied {
			return g.denied(ctx, by, "That token may do more than you. Ask an admin of all portals.")
		}
	}
	if err == nil {
		g.record(ctx, by.Actor(), bridge.WhatToken, rights(name, was.Role, was.Portals)+", of "+was.Of, name+": revoked", "")
	}
	return err
}

func noToken() error {
	return &bridge.Error{Kind: bridge.NotFound, Msg: "There is no token of that name."}
}

// Tokens returns all tokens in the order of their names, expired ones too. Like List it
// checks nobody.
func (g *Register) Tokens(ctx context.Context) ([]Token, error) {
	var all []Token
	err := walk(ctx, g.cfg.Papers, kindToken, func(name string, t token) error {
		all = append(all, t.public(name))
		return nil
	})
	return all, err
}
