package tyk

import (
	"context"
	"errors"
	"net/http"

	"keybridge/bridge"
)

// Read returns the facts of an access request: how it stands in the portal and which credentials came of it. a is what an
// earlier reading said; its Keys lead to the access request that took its place, where there is one. It changes nothing.
func (e *Enterprise) Read(ctx context.Context, key string, a bridge.Access) (bridge.KeyRequest, error) {
	g, err := e.grant(ctx, key, a)
	return g.facts, err
}

// Approve approves an access request that is pending; the portal then provisions credentials and tells the developer. One
// that is approved or gone is left as it is. Invalid when the portal refuses, Unavailable when it cannot provision now or
// no answer came, and then it may have been approved: Read tells.
func (e *Enterprise) Approve(ctx context.Context, key string, a bridge.Access) (bridge.KeyRequest, error) {
	return e.decide(ctx, key, a, "approve", func(g grant, refusal error) (bridge.KeyRequest, error) {
		if g.facts.State == bridge.Pending {
			return bridge.KeyRequest{}, e.undecided(decision("approve", g.key), refusal)
		}
		return g.facts, nil
	})
}

// Decline rejects a pending access request; the portal tells the developer and has no place for a reason. One that is gone
// is left as it is; one that was approved is a Conflict and stays.
func (e *Enterprise) Decline(ctx context.Context, key string, a bridge.Access, _ string) (bridge.KeyRequest, error) {
	return e.decide(ctx, key, a, "reject", func(g grant, refusal error) (bridge.KeyRequest, error) {
		switch g.facts.State {
		case bridge.Gone:
			return g.facts, nil
		case bridge.Pending:
			return bridge.KeyRequest{}, e.undecided(decision("reject", g.key), refusal)
		}
		return g.facts, conflict("the access request was approved in the portal meanwhile")
	})
}

// decide decides a pending access request and then tells how it stands and what the portal's refusal was, if it was one.
// What is not pending is not decided again. A refusal may mean that somebody else was quicker: reading it tells.
func (e *Enterprise) decide(ctx context.Context, key string, a bridge.Access, how string, then func(grant, error) (bridge.KeyRequest, error)) (bridge.KeyRequest, error) {
	release, err := e.turn(ctx, key)
	if err != nil {
		return bridge.KeyRequest{}, err
	}
	defer release()
	g, err := e.grant(ctx, key, a)
	if err != nil {
		return bridge.KeyRequest{}, err
	}
	if g.facts.State != bridge.Pending {
		return then(g, nil)
	}
	_, refusal := e.do(ctx, decision(how, g.record.ID))
	if refusal != nil && !definite(refusal) {
		return bridge.KeyRequest{}, refusal
	}
	if g, err = e.grant(ctx, key, a); err != nil {
		return bridge.KeyRequest{}, err
	}
	return then(g, refusal)
}

func decision(how string, id number) call {
	return call{method: http.MethodPut, route: "/access_requests/{id}/" + how, ids: []string{id.String()}}
}

// undecided is the error for an access request that is still pending after it was to be decided. why is the portal's
// answer; nil when that was a success.
func (e *Enterprise) undecided(decide call, why error) error {
	switch {
	case why == nil:
		return e.failure(decide, bridge.Unavailable, "the portal said that it decided the access request, but it is still pending", nil)
	case errors.Is(why, errBroken):
		return e.failure(decide, bridge.Unavailable, "the portal cannot provision access now", why)
	}
	return e.failure(decide, bridge.Invalid, "the portal does not decide this access request; look at it in the portal, "+
		"and approve or reject it there", why)
}
