package bolt

import (
	"context"
	"slices"

	"keybridge/bridge"
)

// idLen is the length of a ULID in its text form.
const idLen = 26

// Accept takes a hint; see bridge.Store. What the hint carries decides how its
// request is found: its id, else portal and key, else its refs. A hint at a known
// request without then writes one line, which is entered later, and reads no record.
func (s *Store) Accept(ctx context.Context, h bridge.Hint, then func(*bridge.Change) error) (bridge.Accepted, error) {
	if h.Intake != nil {
		if err := checkIntake(h); err != nil {
			return bridge.Accepted{}, err
		}
	}
	var before *ahead
	if then != nil {
		before = s.readAhead(ctx, func(t *txn) bridge.ID {
			if _, dup := t.seen(seenKey(h.Source, h.ID)); dup && h.ID != "" {
				return ""
			}
			return t.lead(h)
		})
	}
	var a bridge.Accepted
	err := s.write(ctx, func(t *txn) error {
		var err error
		a, err = t.accept(h, then, before)
		return err
	})
	if err != nil {
		return bridge.Accepted{}, err
	}
	return a, nil
}

func checkIntake(h bridge.Hint) error {
	r := h.Intake.Request
	switch {
	case len(r.ID) != idLen:
		return errInvalid("intake: the id %q is not a ULID", r.ID)
	case r.Portal == "" || r.Key == "":
		return errInvalid("intake of request %s: portal and key are needed", r.ID)
	case h.Portal != r.Portal || h.Key != r.Key:
		return errInvalid("intake of request %s: it is of another key request than the hint", r.ID)
	}
	return storableRequest(r)
}

func (t *txn) accept(h bridge.Hint, then func(*bridge.Change) error, before *ahead) (bridge.Accepted, error) {
	var seenAs []byte
	if h.ID != "" {
		seenAs = seenKey(h.Source, h.ID)
		if id, ok := t.known(seenAs); ok {
			return t.duplicate(id), nil
		}
	}
	id := t.lead(h)
	a := bridge.Accepted{Request: id}
	var err error
	switch {
	case id != "" && then == nil:
		return a, t.wait(waiting{when: dueFrom(h.At, t.now), said: h.Said, id: []byte(id), seenAs: seenAs})
	case id != "":
		err = t.hint(h, id, then, before)
	case h.Portal != "" && h.Key != "" && h.Intake != nil:
		a = bridge.Accepted{Request: h.Intake.ID, Created: true}
		err = t.create(h, then)
	default:
		return bridge.Accepted{}, nil
	}
	if err == nil && seenAs != nil {
		err = t.see(seenAs, string(a.Request))
	}
	return a, err
}

// duplicate names the request a hint led to, unless that was dropped since.
func (t *txn) duplicate(id bridge.ID) bridge.Accepted {
	a := bridge.Accepted{Duplicate: true}
	if t.bucket(bucketSchedule).Get([]byte(id)) != nil {
		a.Request = id
	}
	return a
}

// lead returns the request a hint leads to, or "".
func (t *txn) lead(h bridge.Hint) bridge.ID {
	if h.Request != "" && t.bucket(bucketSchedule).Get([]byte(h.Request)) != nil {
		return h.Request
	}
	if h.Portal != "" && h.Key != "" {
		if id := t.bucket(bucketKey).Get(key(h.Portal, h.Key)); id != nil {
			return bridge.ID(id)
		}
	}
	for _, ref := range h.Refs {
		if id := t.bucket(bucketRef).Get(refKey(ref)); id != nil {
			return bridge.ID(id)
		}
	}
	return ""
}

// hint applies then to a known request and marks it due.
func (t *txn) hint(h bridge.Hint, id bridge.ID, then func(*bridge.Change) error, before *ahead) error {
	if _, err := t.update(id, then, before); err != nil {
		return err
	}
	from, ok, err := t.slot([]byte(id))
	if err != nil {
		return err
	}
	if !ok {
		return errInternal("request %s is not in the schedule", id)
	}
	return t.move([]byte(id), from, from.hinted(dueFrom(h.At, t.now), h.Said))
}

// create stores the hint's intake, with then applied to it.
func (t *txn) create(h bridge.Hint, then func(*bridge.Change) error) error {
	c := &bridge.Change{Request: h.Intake.Clone(), Entries: slices.Clone(h.Intake.Entries)}
	c.Created, c.Updated, c.Revision = kept(t.now), kept(t.now), 1
	was := original{request: c.Request}
	was.request.Head = bridge.Head{}
	if then != nil {
		if err := then(c); err != nil {
			return err
		}
	}
	if err := was.check(c); err != nil {
		return err
	}
	id := []byte(c.ID)
	if t.bucket(bucketRequest).Get(id) != nil {
		return errInternal("request %s exists already and is of another key request", c.ID)
	}
	if err := t.claimedRef(c.Request, indexed{}); err != nil {
		return err
	}
	c.Created, c.Updated, c.Revision = was.request.Created, was.request.Updated, 1
	record, err := seal(c.Request)
	if err != nil {
		return errInternal("encode request %s: %w", c.ID, err)
	}
	if err := t.put(bucketKey, key(c.Portal, c.Key), id); err != nil {
		return err
	}
	if err := t.keep(c, record, indexed{}); err != nil {
		return err
	}
	if err := t.onDay(c.Created, id); err != nil {
		return err
	}
	return t.move(id, slot{}, slot{portal: c.Portal}.hinted(dueFrom(h.At, t.now), h.Said))
}
