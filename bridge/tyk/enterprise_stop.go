package tyk

import (
	"context"
	"errors"
	"net/http"
	"slices"

	"keybridge/bridge"
)

// Suspend deletes the credentials of an access request, which stays approved: the portal knows no other way to stop them.
// What has none any more or is gone is left as it is. Conflict while the request is pending; Invalid while its credentials
// are still on their way.
func (e *Enterprise) Suspend(ctx context.Context, key string, a bridge.Access) (bridge.KeyRequest, error) {
	release, err := e.turn(ctx, key)
	if err != nil {
		return bridge.KeyRequest{}, err
	}
	defer release()
	g, err := e.grant(ctx, key, a)
	switch {
	case err != nil || g.facts.State == bridge.Gone || g.facts.State == bridge.Suspended:
		return g.facts, err
	case g.facts.State == bridge.Pending:
		return g.facts, conflict("the access request is not approved")
	case len(g.live) == 0:
		return g.facts, invalid("the portal has not provisioned the credentials yet, so there is nothing to suspend; it is tried again")
	}
	of, err := e.appOf(ctx, g.record)
	if err != nil {
		return g.facts, err
	}
	for _, one := range g.live {
		gone := call{
			route: "/apps/{id}/access-requests/{id}/credentials/{id}",
			ids:   []string{of.ID.String(), one.request.String(), one.credential.String()},
		}
		if err := e.remove(ctx, gone); err != nil {
			return g.facts, err
		}
	}
	if g, err = e.grantBy(ctx, g.key, g.record.ID, g.keys); err != nil {
		return bridge.KeyRequest{}, err
	}
	if g.facts.State == bridge.Granted {
		return g.facts, &bridge.Error{Kind: bridge.Unavailable, Msg: "the portal said that it deleted the credentials, but they are there"}
	}
	return g.facts, nil
}

// Revoke deletes an access request and those that took its place; their credentials go with them. What is gone is left as
// it is. Conflict while the request is pending: that is for Decline.
func (e *Enterprise) Revoke(ctx context.Context, key string, a bridge.Access) (bridge.KeyRequest, error) {
	release, err := e.turn(ctx, key)
	if err != nil {
		return bridge.KeyRequest{}, err
	}
	defer release()
	g, err := e.grant(ctx, key, a)
	switch {
	case err != nil || g.facts.State == bridge.Gone:
		return g.facts, err
	case g.facts.State == bridge.Pending:
		return g.facts, conflict("the access request is not approved")
	}
	for _, id := range g.revocable() {
		if err := e.remove(ctx, call{route: "/access_requests/{id}", ids: []string{id.String()}}); err != nil {
			return g.facts, err
		}
	}
	now, err := e.grantBy(ctx, g.key, g.record.ID, g.keys)
	if err == nil && now.facts.State != bridge.Gone {
		err = &bridge.Error{Kind: bridge.Unavailable, Msg: "the portal said that it deleted the access request, but it is there"}
	}
	return now.facts, err
}

// revocable are the access requests to delete. The one that counts comes last: as long as it is there, the key request is not
// gone, and what broke off is taken up again.
func (g grant) revocable() []number {
	others := slices.DeleteFunc(g.requests(), func(id number) bool { return id == g.record.ID })
	return append(others, g.record.ID)
}

// remove makes a deleting call; what is gone already is no error.
func (a *api) remove(ctx context.Context, call call) error {
	call.method = http.MethodDelete
	_, err := a.do(ctx, call)
	if errors.Is(err, errMissing) || errors.Is(err, errDeveloper) {
		return nil
	}
	return err
}
