package tyk

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"keybridge/bridge"
)

// clockGrace is how much earlier than its key request a key may seem to have been made: the Dashboard and the gateway
// have clocks of their own.
const clockGrace = 5 * time.Second

// standing is how a key request stands in the portal: everything that was read of it, and the facts that follow.
type standing struct {
	record *keyRequest // nil: not there, or another organisation's
	holder *developer  // nil: unknown
	keys   []held
	facts  bridge.KeyRequest
}

// held is a key, or an OAuth client, that a developer has because of the request.
type held struct {
	id      string // the portal's own, which may be the key itself
	name    string // how it is known outside; see known
	holder  string // the developer; empty: unknown
	oauth   bool
	session *session // nil: the gateway does not know the key
}

func (h held) works() bool { return h.oauth || h.session != nil && !h.session.inactive }

// works reports whether something that came of the request works.
func (s standing) works() bool { return slices.ContainsFunc(s.keys, held.works) }

// oauth reports whether an OAuth client came of the request.
func (s standing) oauth() bool {
	return slices.ContainsFunc(s.keys, func(h held) bool { return h.oauth })
}

// stand reads how a key request stands. before are the ids of the keys that its developer had before it was approved,
// where that is known: none of them came of it.
func (c *Classic) stand(ctx context.Context, key string, a bridge.Access, before ...string) (standing, error) {
	if !isRecordID(key) {
		return gone(a), nil
	}
	record, err := c.keyRequest(ctx, key)
	switch {
	case errors.Is(err, errMissing):
		return c.survivors(ctx, a)
	case err != nil:
		return standing{}, err
	case c.foreign(string(record.OrgID)):
		return gone(a), nil
	}
	s := standing{record: record, holder: record.embedded()}
	if s.holder == nil || record.Approved { // what came with the record may be older than the keys
		if s.holder, err = c.developer(ctx, string(record.ByUser)); err != nil {
			return standing{}, err
		}
	}
	if record.Approved {
		if s.keys, err = c.keysOf(ctx, s, a, before); err != nil {
			return standing{}, err
		}
	}
	return s.conclude(a), nil
}

func gone(a bridge.Access) standing {
	return standing{facts: bridge.KeyRequest{State: bridge.Gone, Keys: a.Keys}}
}

// survivors is how things stand when the record was deleted: only keys known from before can tell. The developer's record
// is asked first, where it is known who that is: a gateway whose Redis is down knows no key at all.
func (c *Classic) survivors(ctx context.Context, a bridge.Access) (standing, error) {
	holder, err := c.developer(ctx, a.Applicant)
	if err != nil {
		return standing{}, err
	}
	var keys []held
	left := slices.Clone(a.Keys)
	if holder != nil && len(left) > 0 {
		if keys, err = c.named(ctx, holder, left); err != nil {
			return standing{}, err
		}
		left = slices.DeleteFunc(left, func(name string) bool {
			return slices.ContainsFunc(keys, func(h held) bool { return h.name == name })
		})
	}
	others, err := c.byName(ctx, left)
	if err != nil {
		return standing{}, err
	}
	return standing{keys: append(keys, others...)}.conclude(a), nil
}

// keysOf returns what came of an approved request: what is known from before and still there, or else what the developer
// has for what was asked. Of the latter a key that the gateway does not know is left out: nothing shows whose it was.
func (c *Classic) keysOf(ctx context.Context, s standing, a bridge.Access, before []string) ([]held, error) {
	switch {
	case s.holder == nil:
		return c.byName(ctx, a.Keys)
	case len(a.Keys) > 0:
		return c.named(ctx, s.holder, a.Keys)
	}
	var keys []held
	for _, id := range s.holder.keysFor(s.record) {
		if slices.Contains(before, id) {
			continue
		}
		one, err := c.hold(ctx, id, s.holder.id())
		if err != nil {
			return nil, err
		}
		if one.session != nil && !one.older(s.record.since()) {
			keys = append(keys, one)
		}
	}
	for _, id := range s.holder.clientsFor(s.record) {
		if !slices.Contains(before, id) {
			keys = append(keys, holdClient(id, s.holder.id()))
		}
	}
	return keys, nil
}

// older reports whether the gateway says that the key was there before a request was made.
func (h held) older(since time.Time) bool {
	return !h.session.created.IsZero() && h.session.created.Before(since.Add(-clockGrace))
}

// named returns those of a developer's keys and clients that are known by the names.
func (c *Classic) named(ctx context.Context, d *developer, names []string) ([]held, error) {
	var keys []held
	for _, id := range d.keyIDs() {
		if !slices.Contains(names, id) && !slices.Contains(names, known(id, false, d.id())) {
			continue
		}
		one, err := c.hold(ctx, id, d.id())
		if err != nil {
			return nil, err
		}
		if slices.Contains(names, id) {
			one.name = id // as it was known before
		}
		keys = append(keys, one)
	}
	for _, id := range d.clientIDs() {
		if slices.Contains(names, knownClient(id, d.id())) {
			keys = append(keys, holdClient(id, d.id()))
		}
	}
	return keys, nil
}

// byName finds keys when no record leads to their developer: through the developer in the name, or, for a hash, at the
// gateway alone.
func (c *Classic) byName(ctx context.Context, names []string) ([]held, error) {
	var keys []held
	for _, name := range names {
		found, err := c.search(ctx, name)
		if err != nil {
			return nil, err
		}
		keys = append(keys, found...)
	}
	return keys, nil
}

func (c *Classic) search(ctx context.Context, name string) ([]held, error) {
	if holder := holderOf(name); holder != "" {
		d, err := c.developer(ctx, holder)
		if err != nil || d == nil {
			return nil, err
		}
		return c.named(ctx, d, []string{name})
	}
	if !isKeyID(name) {
		return nil, nil
	}
	s, err := c.session(ctx, name)
	if err != nil || s == nil {
		return nil, err
	}
	return []held{{id: name, name: name, holder: s.holder, session: s}}, nil
}

// hold reads what the gateway says of a key.
func (c *Classic) hold(ctx context.Context, id, holder string) (held, error) {
	s, err := c.session(ctx, id)
	if err != nil {
		return held{}, err
	}
	hashed := looksHashed(id)
	if s != nil {
		hashed = hashed && s.hashed
	}
	return held{id: id, name: known(id, hashed, holder), holder: holder, session: s}, nil
}

func holdClient(id, holder string) held {
	return held{id: id, name: knownClient(id, holder), holder: holder, oauth: true}
}

// conclude draws the facts from what was read.
func (s standing) conclude(a bridge.Access) standing {
	s.facts = bridge.KeyRequest{State: s.state(a), Keys: a.Keys}
	if s.record != nil {
		s.facts.Asked = s.record.asked()
		s.facts.Applicant = bridge.Applicant{ID: cut(string(s.record.ByUser), maxName)}
	}
	if s.holder != nil {
		s.facts.Applicant = s.holder.applicant()
		s.facts.Inactive = s.holder.Inactive == "true"
	}
	if len(s.keys) == 0 {
		return s
	}
	s.facts.Keys = nil
	for _, key := range s.keys {
		s.facts.Keys = append(s.facts.Keys, key.name)
	}
	slices.SortFunc(s.facts.Keys, strings.Compare)
	return s
}

func (s standing) state(a bridge.Access) bridge.AccessState {
	switch {
	case s.works():
		return bridge.Granted
	case len(s.keys) > 0:
		return bridge.Suspended
	case s.record == nil, len(a.Keys) > 0 && s.record.Approved:
		return bridge.Gone
	case !s.record.Approved:
		return bridge.Pending
	case s.holder == nil: // approved, nobody to generate a key, and none known
		return bridge.Gone
	}
	return bridge.Granted
}
