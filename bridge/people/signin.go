package people

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"time"

	"keybridge/bridge"
)

// Attempt is what somebody sends to come in.
type Attempt struct {
	// Name and Password as they were typed; case and space around the name do not matter.
	Name, Password string
	// Code is the second factor's: six digits. Empty at first.
	Code string
	// Half stands for Name and Password when the code is sent after them; see CodeNeededError.
	Half string
	// Address is where the browser is: an IP address, with a port or without. Empty: it
	// is not counted by address.
	Address string
	// Before is the session's token that the browser had until now, if any: it is ended.
	Before string
}

// CodeNeededError is the cause of the error that asks for the second factor, after the
// password was right (errors.AsType).
type CodeNeededError struct {
	// Half is to be sent back with the code, in place of name and password. It is sealed,
	// names nobody, and is good for five minutes.
	Half string
}

func (CodeNeededError) Error() string { return "the second factor is needed" }

// half is what CodeNeededError.Half holds.
type half struct {
	Name  string
	Epoch uint64
	Until time.Time
}

const halfLife = 5 * time.Minute

// refusal is why somebody was not let in. It is for history alone.
type refusal struct {
	name string // of the user it was about; empty where there is none
	why  string
	// say is what they are told, who have shown at the OpenID provider who they are; empty:
	// what everybody is told.
	say string
	err error // the cause, for the log
}

func (r *refusal) Error() string { return r.why }

// The ways in.
const (
	byPassword = "password"
	byCode     = "password and code"
	byOpenID   = "single sign-on"
)

// SignIn opens a session, and returns the token for the cookie: 43 characters that are
// kept nowhere. Each sign-in makes a new one.
//
// Errors: Denied with the cause CodeNeededError after the right password of who has a second
// factor; Refused for anything that is wrong, always with the same words; Limited with
// Error.RetryAfter after too many failures of the name or from the address, or while too
// many sign in at once.
func (g *Register) SignIn(ctx context.Context, a Attempt) (token string, s Session, err error) {
	h, wrong := g.openHalf(a.Half)
	name := typed(a.Name)
	if a.Half != "" {
		name = h.Name
	}
	err = g.attempt(ctx, keyOf(name), name, a.Address, func() error {
		if wrong != nil {
			return wrong
		}
		u, way, err := g.prove(ctx, name, h, a)
		if err != nil {
			return err
		}
		token, s, err = g.openSession(ctx, name, u, way, a.Before)
		return err
	})
	return token, s, err
}

// typed is a name as it was typed, or none if it is longer than any name with the space
// around it could be.
func typed(name string) string {
	if len(name) > 4*longestName {
		return ""
	}
	return strings.ToLower(strings.TrimSpace(name))
}

// attempt counts what somebody tries under a key and from an address, tells of it when it
// is refused, and says to them no more than that it was.
func (g *Register) attempt(ctx context.Context, key, name, address string, fn func() error) error {
	t, err := g.try(key, address)
	if err != nil {
		g.turnedAway(ctx, name)
		return err
	}
	err = fn()
	switch refused, is := errors.AsType[*refusal](err); {
	case err == nil:
		t.succeed()
	case is:
		g.record(ctx, bridge.Actor{Kind: bridge.ByPerson, Name: refused.name}, bridge.WhatRefused, "", "sign-in", refused.why)
		return refused.error()
	default:
		t.undo()
	}
	return err
}

// error is what they are told.
func (r *refusal) error() error {
	if r.say != "" {
		return &bridge.Error{Kind: bridge.Denied, Msg: r.say, Err: r.err}
	}
	return &bridge.Error{Kind: bridge.Refused, Msg: "That did not let you in. Check what you typed, or begin again.", Err: r.err}
}

// turnedAway tells that somebody was not even looked at, at most once a minute for each
// name, so that nobody can fill history from outside.
func (g *Register) turnedAway(ctx context.Context, name string) {
	if g.said.take(keyOf(name), onceAMinute, g.now()) > 0 {
		return
	}
	if _, found, err := g.user(ctx, name); err != nil || !found {
		name = ""
	}
	g.record(ctx, bridge.Actor{Kind: bridge.ByPerson, Name: name}, bridge.WhatRefused, "", "sign-in", "too many failed attempts")
}

// onceAMinute lets one through and the next after a minute.
var onceAMinute = pace{locked: 1, lock: time.Minute}

// prove finds out whether somebody is who they say, and notes that they were here.
func (g *Register) prove(ctx context.Context, name string, h half, a Attempt) (u user, way string, err error) {
	if a.Half == "" {
		u, err = g.provePassword(ctx, name, a.Password)
	} else {
		u, err = g.proveHalf(ctx, h)
	}
	if err != nil {
		return user{}, "", err
	}
	factor := u.Factor
	way = byPassword
	if factor != "" {
		way = byCode
		if a.Code == "" {
			return user{}, "", g.askCode(name, u)
		}
		if err := g.checkCode(name, &u, a.Code); err != nil {
			return user{}, "", err
		}
	}
	return u, way, g.same(ctx, name, u, func(now *user) error {
		switch {
		case factor != "" && u.Step <= now.Step:
			return &refusal{name: name, why: "code used before"}
		case factor != now.Factor:
			return &refusal{name: name, why: "changed meanwhile"}
		}
		now.Factor, now.Step, now.SignedIn = u.Factor, u.Step, g.now()
		return nil
	})
}

// provePassword returns the user whose password it is, with the hash made anew where it
// should cost something else now. Whether or not there is one, the work is the same.
func (g *Register) provePassword(ctx context.Context, name, password string) (user, error) {
	u, found, err := g.user(ctx, name)
	if err != nil {
		return user{}, err
	}
	known := ""
	if found {
		known = name
	}
	password, ok := normal(password)
	if !ok {
		return user{}, &refusal{name: known, why: "wrong password"}
	}
	match, current, err := g.matches(ctx, password, u.Hash)
	switch {
	case err != nil:
		return user{}, err
	case !found:
		return user{}, &refusal{name: "", why: "unknown name"}
	case !match:
		return user{}, &refusal{name: known, why: "wrong password"}
	case u.Disabled:
		return user{}, &refusal{name: known, why: "disabled"}
	case current:
		return u, nil
	}
	return u, g.rehash(ctx, name, u, password)
}

// rehash makes the hash of a password that was right anew, because it should cost
// something else now.
func (g *Register) rehash(ctx context.Context, name string, u user, password string) error {
	hash, err := g.hashed(ctx, password)
	if err != nil {
		return err
	}
	return g.same(ctx, name, u, func(now *user) error {
		now.Hash = hash
		return nil
	})
}

// same changes a user who is still the one that was looked at: refused when they were
// disabled, or everything of theirs was ended, meanwhile.
func (g *Register) same(ctx context.Context, name string, was user, fn func(*user) error) error {
	return change(ctx, g.cfg.Papers, kindUser, name, func(u *user) (*user, error) {
		if u == nil || u.Disabled || u.Epoch != was.Epoch {
			return nil, &refusal{name: name, why: "changed meanwhile"}
		}
		return u, fn(u)
	})
}

// askCode asks for the second factor.
func (g *Register) askCode(name string, u user) error {
	b, err := json.Marshal(half{Name: name, Epoch: u.Epoch, Until: g.now().Add(halfLife)})
	if err != nil {
		return err
	}
	return &bridge.Error{
		Kind: bridge.Denied, Msg: "Type the code that your authenticator shows.",
		Err: CodeNeededError{Half: g.seal(sealHalf, "", b)},
	}
}

// openHalf opens what askCode sealed.
func (g *Register) openHalf(sealed string) (h half, err error) {
	if sealed == "" {
		return half{}, nil
	}
	b, err := g.open(sealHalf, "", sealed)
	if err != nil || json.Unmarshal(b, &h) != nil {
		return half{}, &refusal{name: "", why: "a sealed name that is not ours"}
	}
	if !g.now().Before(h.Until) {
		return h, &refusal{name: h.Name, why: "the code came too late"}
	}
	return h, nil
}

// proveHalf returns the user whose password was right before.
func (g *Register) proveHalf(ctx context.Context, h half) (user, error) {
	u, found, err := g.user(ctx, h.Name)
	if err == nil && (!found || u.Disabled || u.Epoch != h.Epoch) {
		err = &refusal{name: h.Name, why: "changed meanwhile"}
	}
	return u, err
}
