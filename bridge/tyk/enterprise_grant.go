package tyk

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"keybridge/bridge"
)

// How the dates of an Enterprise Portal are dealt with.
const (
	// settling is how long after its approval an access request may be without credentials that are on their way.
	settling = 10 * time.Minute
	// dateGrace is how much earlier than it was made an access request may seem to have been made: dates have minutes and
	// no seconds, and the portal has a clock of its own.
	dateGrace = 2 * time.Minute
)

// grant is how a key request stands in the portal: the access request that counts now, which is its own or, once its keys
// were given anew, the last that took its place, and the facts that follow.
type grant struct {
	key    number
	record *accessRequest // nil: not there
	user   *user          // nil: unknown
	wish   wish
	at     time.Time // when it was asked for
	// left is an access request that a resumption made whose answer was lost, and that has no credentials yet.
	left  *accessRequest
	keys  []keyName // all credentials there ever were, in the order in which they came
	live  []keyName // those there are
	facts bridge.KeyRequest
}

// keyName is how a credential is known outside this package: "<access request>/<credential>", ids both.
type keyName struct{ request, credential number }

func (k keyName) String() string { return k.request.String() + "/" + k.credential.String() }

// keyNamed reads the name of a credential; ok is false for what is none.
func keyNamed(text string) (k keyName, ok bool) {
	request, id, _ := strings.Cut(text, "/")
	k = keyName{numberIn(request), numberIn(id)}
	return k, k.request != 0 && k.credential != 0
}

// namesOf returns the credentials that names stand for, without those that came before the key request: they are not its
// own.
func namesOf(key number, names []string) []keyName {
	var all []keyName
	for _, name := range names {
		if k, ok := keyNamed(name); ok && k.request >= key {
			all = append(all, k)
		}
	}
	return inOrder(all)
}

func inOrder(all []keyName) []keyName {
	slices.SortFunc(all, func(a, b keyName) int {
		return cmp.Or(cmp.Compare(a.request, b.request), cmp.Compare(a.credential, b.credential))
	})
	return slices.Compact(all)
}

// grant reads how a key request stands. What a lost resumption made (bridge.Access.Since) is found here, for every call.
func (e *Enterprise) grant(ctx context.Context, key string, a bridge.Access) (grant, error) {
	id := numberIn(key)
	if id == 0 {
		return grant{facts: bridge.KeyRequest{State: bridge.Gone, Keys: a.Keys}}, nil
	}
	known := namesOf(id, a.Keys)
	current := id
	if len(known) > 0 {
		current = known[len(known)-1].request
	}
	g, err := e.grantBy(ctx, id, current, known)
	if err != nil || g.facts.State != bridge.Suspended || a.Since.IsZero() {
		return g, err
	}
	left, err := e.madeSince(ctx, g, a.Since)
	if err != nil || left == nil {
		return g, err
	}
	made, err := e.grantBy(ctx, id, left.ID, known)
	if err != nil || len(made.live) > 0 {
		return made, err
	}
	g.left = left
	return g.conclude(bridge.Suspended), nil
}

// grantBy reads how a key request stands by the access request that counts now. known are the credentials seen before.
func (e *Enterprise) grantBy(ctx context.Context, key, current number, known []keyName) (grant, error) {
	g := grant{key: key, keys: known}
	record, err := e.accessRequest(ctx, current)
	switch {
	case err != nil:
		return grant{}, err
	case record == nil, record.deleted():
		return g.conclude(bridge.Gone), nil
	}
	g.record, g.at = record, e.date(record.CreatedAt)
	if g.user, err = e.user(ctx, record.user()); err != nil {
		return grant{}, err
	}
	if g.wish, err = e.wishOf(ctx, record); err != nil {
		return grant{}, err
	}
	if record.state() != bridge.Granted {
		return g.conclude(record.state()), nil
	}
	credentials, err := e.credentialsOf(ctx, record)
	if err != nil {
		return grant{}, err
	}
	for _, one := range credentials {
		g.live = append(g.live, keyName{record.ID, one.ID})
	}
	g.keys = inOrder(append(slices.Clone(known), g.live...))
	switch {
	case len(g.live) > 0, len(g.keys) == 0 && e.isSettling(record):
		return g.conclude(bridge.Granted), nil
	}
	return g.conclude(bridge.Suspended), nil
}

// isSettling reports whether an approval is so recent that its credentials may be on their way.
func (e *Enterprise) isSettling(r *accessRequest) bool {
	at := e.date(cmp.Or(r.UpdatedAt, r.CreatedAt))
	return e.now().Sub(at) < settling+dateGrace
}

// conclude draws the facts from what was read.
func (g grant) conclude(state bridge.AccessState) grant {
	g.facts = bridge.KeyRequest{State: state}
	for _, k := range g.keys {
		g.facts.Keys = append(g.facts.Keys, k.String())
	}
	g.facts.Also = g.successors()
	if g.record == nil {
		return g
	}
	g.facts.Asked = bridge.Asked{Policies: g.wish.products, Plan: g.wish.plan, Entry: g.wish.entry(), At: g.at}
	if id := g.record.user(); id != 0 {
		g.facts.Applicant.ID = id.String()
	}
	if g.user != nil {
		g.facts.Applicant = g.user.applicant()
		g.facts.Inactive = g.user.inactive()
	}
	g.facts.Applicant.App = cut(string(g.record.Client), maxName)
	return g
}

// requests are the access requests of the key request, the first one first: its own, and those that took its place. What a
// lost resumption seems to have left waiting is not among them before it is approved: it may be the developer's own.
func (g grant) requests() []number {
	ids := []number{g.key}
	for _, k := range g.keys {
		ids = append(ids, k.request)
	}
	if g.record != nil {
		ids = append(ids, g.record.ID)
	}
	if g.left != nil && g.left.state() == bridge.Granted {
		ids = append(ids, g.left.ID)
	}
	slices.Sort(ids)
	return slices.Compact(ids)
}

func (g grant) successors() []string {
	var also []string
	for _, id := range g.requests()[1:] {
		also = append(also, id.String())
	}
	return also
}
