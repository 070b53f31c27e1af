package people

import (
	"context"
	"slices"

	"keybridge/bridge"
)

// Sessions returns the sessions that somebody has open, the latest first. token is that of
// the one they sit in, which is marked; empty: none is.
func (g *Register) Sessions(ctx context.Context, by bridge.Person, token string) ([]Session, error) {
	here, _ := sessionKey(token)
	var all []Session
	err := g.eachOpen(ctx, by, func(key string, s session) error {
		open := g.public(s)
		open.ID, open.Here = key, key == here
		all = append(all, open)
		return nil
	})
	slices.SortStableFunc(all, func(a, b Session) int { return b.Opened.Compare(a.Opened) })
	return all, err
}

// EndSession ends one of the sessions that somebody has open, by its ID. It may be
// repeated: NotFound for one that is not there, or not any more, or somebody else's.
func (g *Register) EndSession(ctx context.Context, by bridge.Person, id string) error {
	if !validName(id) { // what is no name of a paper is none of ours
		return noSession()
	}
	err := change(ctx, g.cfg.Papers, kindSession, id, func(old *session) (*session, error) {
		if old == nil || old.User != by.Name {
			return nil, noSession()
		}
		return nil, nil
	})
	if err == nil {
		g.record(ctx, by.Actor(), bridge.WhatSignedIn, "signed in", "signed out", "by another session of theirs")
	}
	return err
}

// EndOthers ends all sessions of somebody but the one whose token it is. One that is opened
// while this goes on may stay. It may be repeated.
func (g *Register) EndOthers(ctx context.Context, by bridge.Person, token string) error {
	here, _ := sessionKey(token)
	return g.eachOpen(ctx, by, func(key string, _ session) error {
		if key == here {
			return nil
		}
		err := g.EndSession(ctx, by, key)
		if bridge.KindOf(err) == bridge.NotFound { // ended meanwhile
			return nil
		}
		return err
	})
}

// eachOpen calls yield with every session that somebody has open, and the key it is kept
// under.
func (g *Register) eachOpen(ctx context.Context, by bridge.Person, yield func(key string, s session) error) error {
	u, found, err := g.user(ctx, by.Name)
	if err != nil {
		return err
	}
	return walk(ctx, g.cfg.Papers, kindSession, func(key string, s session) error {
		if s.User != by.Name || !g.lives(s, u, found) {
			return nil
		}
		return yield(key, s)
	})
}

func noSession() error {
	return &bridge.Error{Kind: bridge.NotFound, Msg: "That session is over already."}
}
