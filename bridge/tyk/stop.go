package tyk

import (
	"context"

	"keybridge/bridge"
)

// Suspend stops the keys that came of a request; the developer keeps them and they open nothing. What is stopped or gone
// is left as it is. Conflict while the request is pending; Invalid when the developer has not generated a key yet, or has
// an OAuth client, which Tyk cannot stop.
func (c *Classic) Suspend(ctx context.Context, key string, a bridge.Access) (bridge.KeyRequest, error) {
	return c.setInactive(ctx, key, a, true)
}

// Resume starts suspended keys again. What works or is gone is left as it is. Conflict while the request is pending;
// Invalid when the gateway has lost the key.
func (c *Classic) Resume(ctx context.Context, key string, a bridge.Access) (bridge.KeyRequest, error) {
	return c.setInactive(ctx, key, a, false)
}

func (c *Classic) setInactive(ctx context.Context, key string, a bridge.Access, inactive bool) (bridge.KeyRequest, error) {
	release, err := c.turn(ctx, key)
	if err != nil {
		return bridge.KeyRequest{}, err
	}
	defer release()
	s, err := c.stand(ctx, key, a)
	if err != nil || s.facts.State == bridge.Gone {
		return s.facts, err
	}
	if err := s.refuses(inactive); err != nil {
		return s.facts, err
	}
	wrote, err := c.writeAll(ctx, s.keys, inactive)
	if err != nil || !wrote {
		return s.facts, err
	}
	a.Keys = s.facts.Keys
	if s, err = c.stand(ctx, key, a); err != nil {
		return bridge.KeyRequest{}, err
	}
	if s.facts.State == opposite(inactive) {
		return s.facts, &bridge.Error{Kind: bridge.Unavailable, Msg: "the portal said that it changed the key, but the key is as it was"}
	}
	return s.facts, nil
}

func opposite(inactive bool) bridge.AccessState {
	if inactive {
		return bridge.Granted
	}
	return bridge.Suspended
}

// refuses says why nothing can be stopped or started; nil when it can.
func (s standing) refuses(inactive bool) error {
	switch {
	case s.facts.State == bridge.Pending:
		return conflict("the key request is not approved")
	case len(s.keys) == 0 && inactive:
		return invalid("the developer has not generated the key yet, so there is nothing to suspend; it is tried again")
	case s.oauth() && inactive:
		return invalid("the developer has an OAuth client, which Tyk cannot suspend; delete the client in the Tyk Dashboard if access has to stop")
	}
	for _, one := range s.keys {
		if !inactive && !one.oauth && one.session == nil {
			return invalid("the gateway does not know this key any more; let the developer ask for a new one")
		}
	}
	return nil
}

// writeAll writes the sessions that are not yet as wanted, and reports whether there were any.
func (c *Classic) writeAll(ctx context.Context, keys []held, inactive bool) (wrote bool, err error) {
	for _, one := range keys {
		if one.oauth || one.session == nil || one.session.inactive == inactive {
			continue
		}
		if err := c.writeSession(ctx, one.id, one.session, inactive); err != nil {
			return wrote, err
		}
		wrote = true
	}
	return wrote, nil
}

// Revoke removes the keys that came of a request, and the approved request itself unless Config.KeepRevoked says
// otherwise; where no key was generated yet, deleting the request is what keeps it from being generated. What is gone is
// left as it is. Conflict while the request is pending: that is for Decline. Invalid for an OAuth client, which a person
// has to delete.
func (c *Classic) Revoke(ctx context.Context, key string, a bridge.Access) (bridge.KeyRequest, error) {
	release, err := c.turn(ctx, key)
	if err != nil {
		return bridge.KeyRequest{}, err
	}
	defer release()
	s, err := c.stand(ctx, key, a)
	switch {
	case err != nil || s.facts.State == bridge.Gone:
		return s.facts, err
	case s.facts.State == bridge.Pending:
		return s.facts, conflict("the key request is not approved")
	case s.oauth():
		return s.facts, &bridge.Error{Kind: bridge.Invalid, Msg: "the developer has an OAuth client; delete it in the Tyk Dashboard, and this goes on by itself"}
	}
	for _, one := range s.keys {
		if err := c.deleteKey(ctx, one); err != nil {
			return s.facts, err
		}
	}
	if s.record != nil && (len(s.keys) == 0 || !c.keepRevoked) {
		if err := c.deleteRequest(ctx, key); err != nil {
			return s.facts, err
		}
	}
	a.Keys = s.facts.Keys
	s, err = c.stand(ctx, key, a)
	return s.facts, err
}

// deleteKey removes a key from its developer, where it is known who that is, and from the gateway if it is still there:
// the gateway's session is what opens the API.
func (c *Classic) deleteKey(ctx context.Context, one held) error {
	if isRecordID(one.holder) {
		err := c.remove(ctx, call{route: "/api/portal/developers/{id}/keys/{id}", ids: []string{one.holder, one.id}})
		if err != nil || one.session == nil {
			return err
		}
		left, err := c.sessionBy(ctx, one.id, one.session.hashed)
		if err != nil || left == nil {
			return err
		}
	}
	return c.remove(ctx, call{route: "/api/keys/{id}", ids: []string{one.id}, query: keyQuery(one.session.hashed)})
}
