package people

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"time"

	"keybridge/bridge"
)

// Session is that somebody is in.
type Session struct {
	// Name is the user's. Way is how they came in, in words.
	Name, Way string
	// Opened is when; Seen when they were last here, to the minute; Ends when the session
	// does if they do not come again, and Last when it does at the latest: the cookie's.
	Opened, Seen, Ends, Last time.Time
	// ID names it among its user's, and lets nobody in. Here: it is the one that was asked
	// with. Only Sessions fills them in.
	ID   string
	Here bool
}

// session is a Session as it is kept, under the SHA-256 of its token: who reads the store
// cannot take anybody's place.
type session struct {
	User   string    `json:"user"`
	Epoch  uint64    `json:"epoch"`
	Way    string    `json:"way"`
	Opened time.Time `json:"opened"`
	Seen   time.Time `json:"seen"`
}

const (
	tokenLength = 32 // bytes, 256 bit
	// seenEvery is how often it is written at most that somebody is still here.
	seenEvery = time.Minute
	sweep     = 10 * time.Minute
)

// last is when a session ends at the latest.
func (g *Register) last(s session) time.Time { return s.Opened.Add(g.cfg.Absolute) }

// ends is when a session does unless somebody comes again.
func (g *Register) ends(s session) time.Time {
	idle, last := s.Seen.Add(g.cfg.Idle), g.last(s)
	if last.Before(idle) {
		return last
	}
	return idle
}

// lives reports whether a session is still one of its user, who may not be there.
func (g *Register) lives(s session, u user, found bool) bool {
	return found && !u.Disabled && s.Epoch == u.Epoch && g.now().Before(g.ends(s))
}

func (g *Register) public(s session) Session {
	return Session{Name: s.User, Way: s.Way, Opened: s.Opened, Seen: s.Seen, Ends: g.ends(s), Last: g.last(s)}
}

// openSession opens a session for who has shown who they are, and ends the one that the
// browser had before.
func (g *Register) openSession(ctx context.Context, name string, u user, way, before string) (string, Session, error) {
	token := base64.RawURLEncoding.EncodeToString(g.chance(tokenLength))
	key, _ := sessionKey(token)
	now := g.now()
	s := session{User: name, Epoch: u.Epoch, Way: way, Opened: now, Seen: now}
	err := change(ctx, g.cfg.Papers, kindSession, key, func(old *session) (*session, error) {
		if old != nil { // 256 random bits that were there: the source of randomness repeats itself
			return nil, errors.New("a session's token is not new")
		}
		return &s, nil
	})
	if err != nil {
		return "", Session{}, err
	}
	g.record(ctx, bridge.Actor{Kind: bridge.ByPerson, Name: name}, bridge.WhatSignedIn, "", "signed in", way)
	if err := g.SignOut(ctx, before); err != nil {
		return "", Session{}, err
	}
	return token, g.public(s), nil
}

// sessionKey is what a token is kept under; ok is false for what is no token.
func sessionKey(token string) (key string, ok bool) {
	b, err := base64.RawURLEncoding.Strict().DecodeString(token)
	if err != nil || len(b) != tokenLength || len(token) != base64.RawURLEncoding.EncodedLen(tokenLength) {
		return "", false
	}
	sum := sha256.Sum256([]byte(token))
	return hex.EncodeToString(sum[:]), true
}

// out is the error for who is not in.
func out() error {
	return &bridge.Error{Kind: bridge.Refused, Msg: "You are not signed in, or no longer. Please sign in."}
}

// Who returns who holds a session's token, with the rights they have at this moment, and
// keeps the session from ending. Refused for a token of no session, or of one that ended.
func (g *Register) Who(ctx context.Context, token string) (bridge.Person, Session, error) {
	s, u, key, err := g.session(ctx, token)
	if err != nil {
		return bridge.Person{}, Session{}, err
	}
	if now := g.now(); now.Sub(s.Seen) >= seenEvery {
		there := false
		err = change(ctx, g.cfg.Papers, kindSession, key, func(old *session) (*session, error) {
			if there = old != nil; there && old.Seen.Before(now) {
				old.Seen = now
			}
			return old, nil // what was ended meanwhile stays ended
		})
		if err == nil && !there {
			err = out()
		}
		if err != nil {
			return bridge.Person{}, Session{}, err
		}
		s.Seen = now
	}
	return u.public(s.User).Person(), g.public(s), nil
}

// Glance is Who for a page that looks again by itself: it does not keep the session from
// ending, because nobody need be there.
func (g *Register) Glance(ctx context.Context, token string) (bridge.Person, Session, error) {
	s, u, _, err := g.session(ctx, token)
	if err != nil {
		return bridge.Person{}, Session{}, err
	}
	return u.public(s.User).Person(), g.public(s), nil
}

// session returns the session of a token, with its user.
func (g *Register) session(ctx context.Context, token string) (s session, u user, key string, err error) {
	key, ok := sessionKey(token)
	if !ok {
		return s, u, "", out()
	}
	s, found, err := read[session](ctx, g.cfg.Papers, kindSession, key)
	if err == nil && !found {
		err = out()
	}
	if err != nil {
		return s, u, "", err
	}
	u, found, err = g.user(ctx, s.User)
	if err == nil && !g.lives(s, u, found) {
		err = out()
	}
	return s, u, key, err
}

// SignOut ends a session. A token of none is no error, so it may be repeated.
func (g *Register) SignOut(ctx context.Context, token string) error {
	key, ok := sessionKey(token)
	if !ok {
		return nil
	}
	var ended session
	lived := false
	err := change(ctx, g.cfg.Papers, kindSession, key, func(old *session) (*session, error) {
		if lived = old != nil; lived {
			ended = *old
		}
		return nil, nil
	})
	if err == nil && lived {
		g.record(ctx, bridge.Actor{Kind: bridge.ByPerson, Name: ended.User}, bridge.WhatSignedIn, "signed in", "signed out", "")
	}
	return err
}

// SignOutEverywhere ends all of a user's sessions: their own for anybody, another's for
// who manages them. NotFound where there is no such user.
func (g *Register) SignOutEverywhere(ctx context.Context, by bridge.Person, name string) error {
	end := func(u *user) error {
		u.Epoch++
		return nil
	}
	var err error
	if by.Name == name {
		err = g.ownOnly(ctx, name, end)
	} else if err = g.may(ctx, by); err == nil {
		err = g.manage(ctx, by, name, end)
	}
	if err == nil {
		g.record(ctx, by.Actor(), bridge.WhatSignedIn, "", name+": signed out everywhere", "")
	}
	return err
}

// ownOnly changes a user at their own word, which takes no rights.
func (g *Register) ownOnly(ctx context.Context, name string, fn func(*user) error) error {
	if !validName(name) {
		return noUser()
	}
	return change(ctx, g.cfg.Papers, kindUser, name, func(u *user) (*user, error) {
		if u == nil {
			return nil, noUser()
		}
		return u, fn(u)
	})
}

// Sweep removes the sessions that have ended, and returns how many.
func (g *Register) Sweep(ctx context.Context) (removed int, err error) {
	err = walk(ctx, g.cfg.Papers, kindSession, func(key string, s session) error {
		// The user is read after the session, each time: one that was read before it could
		// not know of the epoch that the session is of.
		u, found, err := g.user(ctx, s.User)
		if err != nil || g.lives(s, u, found) {
			return err
		}
		gone := false
		err = change(ctx, g.cfg.Papers, kindSession, key, func(old *session) (*session, error) {
			if gone = old != nil && !g.lives(*old, u, found); gone {
				return nil, nil
			}
			return old, nil
		})
		if gone && err == nil {
			removed++
		}
		return err
	})
	return removed, err
}

// Run sweeps every ten minutes until ctx is done, and tells failed of what went wrong.
func (g *Register) Run(ctx context.Context, failed func(error)) {
	ticker := time.NewTicker(sweep)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		if _, err := g.Sweep(ctx); err != nil && ctx.Err() == nil {
			failed(err)
		}
	}
}
