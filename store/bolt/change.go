package bolt

import (
	"bytes"
	"context"
	"fmt"
	"time"

	"keybridge/bridge"
)

// Update changes one request; see bridge.Store. A change that leaves the record
// as it was writes nothing but the end of its claim. A panic of fn is returned as
// an error to its own caller and keeps nothing.
func (s *Store) Update(ctx context.Context, id bridge.ID, fn func(*bridge.Change) error) (bridge.Request, error) {
	var record []byte
	a := s.readAhead(ctx, func(*txn) bridge.ID { return id })
	err := s.write(ctx, func(t *txn) error {
		var err error
		record, err = t.update(id, fn, a)
		return err
	})
	if err != nil {
		return bridge.Request{}, err
	}
	// Decoded here and not by the committer, and from what was written, so that the
	// caller gets exactly what Get will say.
	return s.decoded.open([]byte(id), record)
}

// update runs fn on a request and writes what came of it. It returns the record as it is
// then, which stays valid after the transaction.
func (t *txn) update(id bridge.ID, fn func(*bridge.Change) error, a *ahead) ([]byte, error) {
	record := bytes.Clone(t.bucket(bucketRequest).Get([]byte(id)))
	if record == nil {
		return nil, errNotFound(fmt.Sprintf("request %q", id))
	}
	was, err := a.take([]byte(id), record)
	if err != nil {
		return nil, err
	}
	c := &bridge.Change{Request: was.request}
	if err := fn(c); err != nil {
		return nil, err
	}
	if err := was.check(c); err != nil {
		return nil, err
	}
	next, err := was.encode(c, record, t.now)
	if err != nil {
		return nil, err
	}
	if err := t.claimedRef(c.Request, was.indexed); err != nil {
		return nil, err
	}
	if next != nil {
		record = next
		if err := t.keep(c, next, was.indexed); err != nil {
			return nil, err
		}
	}
	if was.request.Forgotten.IsZero() && !c.Forgotten.IsZero() {
		if err := t.bringInStep([]byte(id)); err != nil {
			return nil, err
		}
	}
	return record, t.release(c)
}

// keep writes a request's record, indexes and new entries, and feeds these.
func (t *txn) keep(c *bridge.Change, record []byte, from indexed) error {
	id := []byte(c.ID)
	if err := t.put(bucketRequest, id, record); err != nil {
		return err
	}
	to, err := indexesOfRecord(&c.Request, record)
	if err != nil {
		return err
	}
	if err := t.reindex(c.Request, from, to); err != nil {
		return err
	}
	if err := t.retag(id, from.tags, to.tags); err != nil {
		return err
	}
	for _, e := range c.Entries {
		line, err := seal(e)
		if err != nil {
			return err
		}
		k := entryKey(id, e.Seq)
		if err := t.put(bucketHistory, k, line); err != nil {
			return err
		}
		if err := t.feed(k, e.Hash); err != nil {
			return err
		}
	}
	return nil
}

func entryKey(id []byte, seq uint64) []byte {
	return appendUint(append(make([]byte, 0, len(id)+8), id...), seq)
}

// release gives back the claim that a change ends.
func (t *txn) release(c *bridge.Change) error {
	if c.Done == nil {
		return nil
	}
	from, ok, err := t.slot([]byte(c.ID))
	if err != nil {
		return err
	}
	if !ok {
		return errInternal("request %s is not in the schedule", c.ID)
	}
	if to := from.released(*c.Done); to != from {
		return t.move([]byte(c.ID), from, to)
	}
	return nil
}

// original is what has to be known of a request from before a closure had it,
// because the closure may change it in place.
type original struct {
	request bridge.Request // only members that are values are looked at
	indexed indexed
}

func stateOf(r bridge.Request) original {
	o := original{request: r, indexed: indexesOf(&r)}
	o.indexed.tags.all() // what they are made of may change
	return o
}

// check refuses a change that would leave the store out of step with itself.
func (o original) check(c *bridge.Change) error {
	was := o.request
	if c.ID != was.ID || c.Portal != was.Portal || c.Key != was.Key {
		return errInternal("a change of request %s would make it another one: %q of %q, id %q", was.ID, c.Key, c.Portal, c.ID)
	}
	if err := storableRequest(c.Request); err != nil {
		return err
	}
	head := was.Head
	for _, e := range c.Entries {
		if e.Request != was.ID || e.Seq != head.Seq+1 || e.Prev != head.Hash {
			return errInternal("entry %d of request %s does not continue entry %d", e.Seq, was.ID, head.Seq)
		}
		head = bridge.Head{Seq: e.Seq, Hash: e.Hash}
	}
	if head != c.Head {
		return errInternal("the history of request %s ends at entry %d, the request says %d", was.ID, head.Seq, c.Head.Seq)
	}
	return nil
}

// encode returns the new record, or nil when nothing changed. Created, Updated
// and Revision are the store's, whatever the closure did to them.
func (o original) encode(c *bridge.Change, record []byte, now time.Time) ([]byte, error) {
	c.Created, c.Updated, c.Revision = o.request.Created, kept(now), o.request.Revision+1
	next, err := seal(c.Request)
	if err != nil {
		return nil, errInternal("encode request %s: %w", c.ID, err)
	}
	if sameBut(record, next) {
		c.Updated, c.Revision = o.request.Updated, o.request.Revision
		return nil, nil
	}
	return next, nil
}

// sameBut reports whether two records of a request differ in Updated and Revision at most,
// which stand side by side in what a record encloses. The names cannot be found in a text
// before them: there, their quotes would have a backslash. Encoding a request is half of
// what a change costs the committer, so it is done once.
func sameBut(a, b []byte) bool {
	aHead, aTail, aOK := withoutUpdated(a)
	bHead, bTail, bOK := withoutUpdated(b)
	return aOK && bOK && bytes.Equal(aHead, bHead) && bytes.Equal(aTail, bTail)
}

func withoutUpdated(record []byte) (head, tail []byte, ok bool) {
	head, rest, found := bytes.Cut(record[recordHead:], []byte(`,"updated":"`))
	_, tail, ok = bytes.Cut(rest, []byte(`,"applicant":`))
	return head, tail, found && ok
}

// kept is a time as the store gives it to records.
func kept(now time.Time) time.Time { return now.UTC().Truncate(time.Microsecond) }

// storableRequest refuses ids that would not come back as they went in.
func storableRequest(r bridge.Request) error {
	if !storable(r.Portal, r.Key, r.Applicant.ID) {
		return errInvalid("request %s: portal, key or applicant is not UTF-8", r.ID)
	}
	for _, ref := range r.Refs {
		if !storable(ref.System, string(ref.Kind), ref.ID) {
			return errInvalid("request %s: a ref is not UTF-8", r.ID)
		}
	}
	return nil
}

// Drop removes a request and everything that leads to it; see bridge.Store. The
// ids of its hints stay known, so that a duplicate does not bring it back, and the house
// keeps that it was dropped, because its lines stay in the ledger.
func (s *Store) Drop(ctx context.Context, id bridge.ID) error {
	return s.write(ctx, func(t *txn) error { return t.drop([]byte(id)) })
}

func (t *txn) drop(id []byte) error {
	record := t.bucket(bucketRequest).Get(id)
	if record == nil {
		return nil
	}
	r, err := openRequest(id, record)
	if err != nil {
		return err
	}
	from, _, err := t.slot(id)
	if err != nil {
		return err
	}
	at := indexesOf(&r)
	if err := t.untag(id, at.tags); err != nil {
		return err
	}
	if err := t.reindex(r, at, indexed{}); err != nil {
		return err
	}
	if err := t.delete(bucketKey, key(r.Portal, r.Key)); err != nil {
		return err
	}
	if err := t.dropHistory(id); err != nil {
		return err
	}
	if err := t.move(id, from, slot{}); err != nil {
		return err
	}
	if err := t.delete(bucketRequest, id); err != nil {
		return err
	}
	return t.record(bridge.Entry{
		Request: r.ID, At: t.now, Actor: bridge.Actor{Kind: bridge.ByClock}, What: bridge.WhatDropped,
		Before: fmt.Sprintf("%d entries", r.Head.Seq), Why: "it never was a key request",
	})
}

func (t *txn) dropHistory(id []byte) error {
	var lines [][]byte
	c := t.bucket(bucketHistory).Cursor()
	for k, _ := c.Seek(id); bytes.HasPrefix(k, id); k, _ = c.Next() {
		lines = append(lines, bytes.Clone(k))
	}
	for _, k := range lines {
		if err := t.delete(bucketHistory, k); err != nil {
			return err
		}
	}
	return nil
}
