package tyk

import (
	"context"
	"errors"
	"net/http"

	"keybridge/bridge"
)

// Read returns the facts of a key request: how it stands in the portal and which keys came of it. a is what an earlier
// reading said; its Keys tell the request's own keys from others of the developer. It changes nothing.
func (c *Classic) Read(ctx context.Context, key string, a bridge.Access) (bridge.KeyRequest, error) {
	s, err := c.stand(ctx, key, a)
	return s.facts, err
}

// Approve approves a key request that is pending; the portal then mails the developer the key, or the link to generate
// it. A request that is approved or gone is left as it is. Invalid when it can never be approved, which the message
// explains; Unavailable when no answer came, and then it may have been approved: Read tells.
func (c *Classic) Approve(ctx context.Context, key string, a bridge.Access) (bridge.KeyRequest, error) {
	release, err := c.turn(ctx, key)
	if err != nil {
		return bridge.KeyRequest{}, err
	}
	defer release()
	s, err := c.stand(ctx, key, a)
	if err != nil || s.facts.State != bridge.Pending {
		return s.facts, err
	}
	before := s.holder.everything()
	approve := call{method: http.MethodPut, route: "/api/portal/requests/approve/{id}", ids: []string{key}, wipe: true}
	_, refusal := c.do(ctx, approve)
	if refusal != nil && !definite(refusal) {
		return bridge.KeyRequest{}, refusal
	}
	if refusal == nil {
		if came, err := c.came(ctx, s, a, before); err != nil || came.works() {
			return came.facts, err
		}
	}
	s, err = c.stand(ctx, key, a, before...)
	if err == nil && s.facts.State == bridge.Pending {
		return bridge.KeyRequest{}, c.unapproved(approve, refusal)
	}
	return s.facts, err
}

// came is how a request stands that was just approved, by what its developer has now. Where none of that works, only the
// record tells whether it was approved: under secure approval the developer generates the key later.
func (c *Classic) came(ctx context.Context, s standing, a bridge.Access, before []string) (standing, error) {
	record := *s.record
	record.Approved = true
	holder, err := c.developer(ctx, string(record.ByUser))
	if err != nil {
		return standing{}, err
	}
	now := standing{record: &record, holder: holder}
	if now.keys, err = c.keysOf(ctx, now, a, before); err != nil {
		return standing{}, err
	}
	return now.conclude(a), nil
}

// everything is the ids of all keys and clients a developer has.
func (d *developer) everything() []string {
	if d == nil {
		return nil
	}
	return append(d.keyIDs(), d.clientIDs()...)
}

// definite reports whether an error is the Dashboard's word on the request itself, so that reading it again says what
// became of it. Errors of credentials, limits and outages say nothing about the request.
func definite(err error) bool {
	switch bridge.KindOf(err) {
	case bridge.Invalid, bridge.NotFound, bridge.Conflict:
		return true
	}
	return false
}

// unapproved is the error for a request that is still pending after it was to be approved. why is the Dashboard's answer;
// nil when that was a success.
func (c *Classic) unapproved(approve call, why error) error {
	kind, say := bridge.Invalid, "the portal does not approve this key request; look at it in the Tyk Dashboard, "+
		"and approve or delete it there"
	switch {
	case why == nil:
		kind, say = bridge.Unavailable, "the portal said that it approved the key request, but it is still pending"
	case errors.Is(why, errPolicy):
		say = "a policy that this key request asks for does not exist in the portal any more; " +
			"make the policy again in the Tyk Dashboard, or decline the request"
	case errors.Is(why, errDeveloper):
		say = "the developer who made this key request does not exist in the portal any more; decline the request"
	case errors.Is(why, errProcessed):
		say = "the portal says that this key request has been processed, and lists it as pending; " +
			"delete it in the Tyk Dashboard and let the developer ask again"
	}
	return c.failure(approve, kind, say, why)
}

// Decline deletes a pending key request, which is how Tyk declines one. Tyk has no place for a reason. A request that is
// gone is left as it is; one that was approved is a Conflict and stays.
func (c *Classic) Decline(ctx context.Context, key string, a bridge.Access, _ string) (bridge.KeyRequest, error) {
	release, err := c.turn(ctx, key)
	if err != nil {
		return bridge.KeyRequest{}, err
	}
	defer release()
	s, err := c.stand(ctx, key, a)
	switch {
	case err != nil || s.facts.State == bridge.Gone:
		return s.facts, err
	case s.facts.State != bridge.Pending:
		return s.facts, conflict("the key request was approved in the portal meanwhile")
	}
	if err := c.deleteRequest(ctx, key); err != nil {
		return bridge.KeyRequest{}, err
	}
	return c.declined(ctx, s)
}

// declined returns the facts after a pending request was deleted. An admin may have approved it between our reading and
// our deleting; then the developer has a key that was not there before, and nothing in the portal leads to it any more.
func (c *Classic) declined(ctx context.Context, s standing) (bridge.KeyRequest, error) {
	s.facts.State = bridge.Gone
	if s.holder == nil {
		return s.facts, nil
	}
	now, err := c.developer(ctx, s.holder.id())
	if err != nil || now == nil {
		return s.facts, err
	}
	before := s.holder.everything()
	s.record.Approved, s.holder = true, now
	if s.keys, err = c.keysOf(ctx, s, bridge.Access{}, before); err != nil {
		return bridge.KeyRequest{}, err
	}
	if len(s.keys) == 0 {
		return s.facts, nil
	}
	return s.conclude(bridge.Access{}).facts, nil
}

func (c *Classic) deleteRequest(ctx context.Context, key string) error {
	return c.remove(ctx, call{route: "/api/portal/requests/{id}", ids: []string{key}})
}

func conflict(say string) error { return &bridge.Error{Kind: bridge.Conflict, Msg: say} }
