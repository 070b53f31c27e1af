package tyk

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"slices"
	"time"

	"github.com/go-json-experiment/json/v1"

	"keybridge/bridge"
)

// What keeps keys from being given anew.
var (
	// errUnoffered: a product or plan of the access request is not offered any more.
	errUnoffered = errors.New("not offered")
	// errLate: the new access request has no credentials yet.
	errLate = errors.New("no credentials yet")
)

// Resume gives suspended keys anew. The portal has no call for that: another access request is made for the same app,
// products and plan, with credentials of its own, and approved if it was left waiting. Its id is in the facts' Also. Where
// an earlier call may have made one already (bridge.Access.Since) that one is taken. What works or is gone is left as it
// is. Conflict while the request is pending; Invalid when what was asked for is not offered any more.
func (e *Enterprise) Resume(ctx context.Context, key string, a bridge.Access) (bridge.KeyRequest, error) {
	release, err := e.turn(ctx, key)
	if err != nil {
		return bridge.KeyRequest{}, err
	}
	defer release()
	g, err := e.grant(ctx, key, a)
	switch {
	case err != nil || g.facts.State == bridge.Gone || g.facts.State == bridge.Granted:
		return g.facts, err
	case g.facts.State == bridge.Pending:
		return g.facts, conflict("the access request is not approved")
	case g.left != nil:
		return e.finish(ctx, g, g.left)
	}
	o, err := e.again(ctx, g)
	if err != nil {
		return g.facts, err
	}
	made, err := e.provision(ctx, o)
	if err != nil {
		return g.facts, err
	}
	return e.finish(ctx, g, made)
}

// order is an access request to be made.
type order struct {
	app  app
	wish wish
	// immediately: it is not to wait for a decision.
	immediately bool
}

// again is the order for the same as an access request was for, by the names that are so now.
func (e *Enterprise) again(ctx context.Context, g grant) (order, error) {
	c, err := e.catalogue(ctx, true)
	if err != nil {
		return order{}, err
	}
	o := order{wish: c.wish(g.record), immediately: true}
	if !o.wish.known {
		return order{}, e.failure(call{method: http.MethodGet, route: "/products"}, bridge.Invalid, "a product or the plan of this "+
			"access request is not offered in the portal any more; let the developer ask for access again", errUnoffered)
	}
	o.app, err = e.appOf(ctx, g.record)
	return o, err
}

// madeSince returns the access request that a resumption made whose answer was lost; nil when there is none. It is for the
// same app, products and plan as the one whose credentials were deleted, came after it, and was made since then. Of several
// the one that is nearest to having credentials is taken.
func (e *Enterprise) madeSince(ctx context.Context, g grant, since time.Time) (*accessRequest, error) {
	o, err := e.again(ctx, g)
	switch {
	case errors.Is(err, errUnoffered), errors.Is(err, errAppless):
		return nil, nil // then nothing can have been made
	case err != nil:
		return nil, err
	}
	all, err := e.alike(ctx, o)
	if err != nil {
		return nil, err
	}
	earliest := since.Truncate(time.Minute).Add(-dateGrace)
	var best *accessRequest
	bestRank := 0
	for _, r := range all {
		if r.ID <= g.record.ID || e.date(r.CreatedAt).Before(earliest) {
			continue
		}
		rank, err := e.rank(ctx, r)
		if err != nil {
			return nil, err
		}
		if rank > bestRank {
			best, bestRank = r, rank
		}
	}
	return best, nil
}

// rank says how near an access request is to having credentials: 3 has them, 0 will not.
func (e *Enterprise) rank(ctx context.Context, r *accessRequest) (int, error) {
	if r.state() != bridge.Granted {
		return map[bridge.AccessState]int{bridge.Pending: 1}[r.state()], nil
	}
	credentials, err := e.credentialsOf(ctx, r)
	switch {
	case err != nil:
		return 0, err
	case len(credentials) > 0:
		return 3, nil
	case e.isSettling(r):
		return 2, nil
	}
	return 0, nil
}

// alike returns the access requests of an order's app that are for the same, oldest first.
func (e *Enterprise) alike(ctx context.Context, o order) ([]*accessRequest, error) {
	all, err := e.requestsOf(ctx, o.app)
	if err != nil {
		return nil, err
	}
	c, err := e.catalogue(ctx, false)
	if err != nil {
		return nil, err
	}
	all = slices.DeleteFunc(all, func(r *accessRequest) bool { return !c.wish(r).like(o.wish) })
	slices.SortFunc(all, func(a, b *accessRequest) int { return cmp.Compare(a.ID, b.ID) })
	return all, nil
}

// provision makes an access request. The portal's answer does not say which it is: it is the one that was not there
// before. The error is Invalid only when the portal refused and left nothing behind.
func (e *Enterprise) provision(ctx context.Context, o order) (*accessRequest, error) {
	release, err := e.turn(ctx, "app "+o.app.ID.String())
	if err != nil {
		return nil, err
	}
	defer release()
	before, err := e.alike(ctx, o)
	if err != nil {
		return nil, err
	}
	put, err := o.call()
	if err != nil {
		return nil, e.failure(put, bridge.Internal, "", err)
	}
	_, refusal := e.do(ctx, put)
	if refusal != nil && !definite(refusal) {
		return nil, refusal
	}
	after, err := e.alike(ctx, o)
	if err != nil {
		return nil, e.unsure(put, "it is not known yet what came of a new access request", err)
	}
	made := newOf(before, after)
	switch {
	case made != nil:
		return made, nil
	case refusal == nil:
		return nil, e.unsure(put, "the portal said that it made an access request, but there is no new one", errMissing)
	}
	return nil, e.unprovisioned(put, refusal)
}

// newOf returns the access request that was made between two readings; nil when none was. The developer may have made one
// in that moment too, which waits: so one that is approved is taken before one that is not.
func newOf(before, after []*accessRequest) *accessRequest {
	var made *accessRequest
	for _, r := range after {
		old := slices.ContainsFunc(before, func(b *accessRequest) bool { return b.ID == r.ID })
		if !old && (made == nil || made.state() != bridge.Granted) {
			made = r
		}
	}
	return made
}

// call is the call that provisions. Tyk describes no body for it; this is what tools built on the portal send.
func (o order) call() (call, error) {
	put := call{method: http.MethodPut, route: "/apps/{id}/provision", ids: []string{o.app.ID.String()}}
	sent := struct {
		ProductIDs           []number
		PlanID               number
		ProvisionImmediately bool
	}{PlanID: numberIn(o.wish.plan), ProvisionImmediately: o.immediately}
	for _, id := range o.wish.products {
		sent.ProductIDs = append(sent.ProductIDs, numberIn(id))
	}
	body, err := json.Marshal(sent)
	put.body = body
	return put, err
}

// unprovisioned is the error for an access request that the portal refused to make.
func (e *Enterprise) unprovisioned(put call, why error) error {
	if errors.Is(why, errBroken) {
		return e.unsure(put, "the portal cannot provision access now", why)
	}
	return e.failure(put, bridge.Invalid, "the portal does not make an access request for this app with these products and this plan; "+
		"all products of one have to use the same way to authenticate", why)
}

// unsure is the error when a call may have had its effect: never one that says no.
func (e *Enterprise) unsure(call call, say string, why error) error {
	if definite(why) || bridge.KindOf(why) == bridge.Internal {
		return e.failure(call, bridge.Unavailable, say, why)
	}
	return why
}

// finish approves what a resumption has made, if it waits, and returns the facts with its credentials. It may be repeated
// until they are there.
func (e *Enterprise) finish(ctx context.Context, g grant, made *accessRequest) (bridge.KeyRequest, error) {
	approve := decision("approve", made.ID)
	var refusal error
	if made.state() == bridge.Pending {
		if _, refusal = e.do(ctx, approve); refusal != nil && !definite(refusal) {
			return g.facts, refusal
		}
	}
	now, err := e.grantBy(ctx, g.key, made.ID, g.keys)
	switch {
	case err != nil:
		return g.facts, e.unsure(approve, "it is not known yet whether the keys were given anew", err)
	case now.facts.State == bridge.Gone:
		return g.facts, conflict("the access request made to give the keys anew was turned down in the portal")
	case len(now.live) > 0:
		return now.facts, nil
	}
	if refusal == nil {
		refusal = errLate
	}
	return g.facts, e.unsure(approve, "the portal made an access request to give the keys anew, and has not provisioned it yet", refusal)
}
