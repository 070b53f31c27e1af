package bolt

import (
	"bytes"
	"context"
	"fmt"
	"hash/maphash"
	"maps"
	"slices"

	"go.etcd.io/bbolt"

	"keybridge/bridge"
)

// Finding is something in a store that is not as it should be.
type Finding struct {
	// Request is the request it is about, where there is one.
	Request bridge.ID
	// Where is the bucket it was found in.
	Where string
	// What is wrong, in words for an operator. It names ids and no personal data.
	What string
}

// String puts it in one line.
func (f Finding) String() string {
	if f.Request == "" {
		return fmt.Sprintf("%s: %s", f.Where, f.What)
	}
	return fmt.Sprintf("%s of request %s: %s", f.Where, f.Request, f.What)
}

// Check walks everything in the store and returns what is wrong: records that do
// not match their checksums, indexes that do not lead where they should, in both
// directions, and histories whose chain is broken. It changes nothing. The store
// goes on meanwhile: Check reads some hundred entries at a time. The error is that
// of ctx or of a store that was closed; damage is no error but a finding.
//
// progress, which may be nil, is told how many of total entries were looked at.
func (s *Store) Check(ctx context.Context, progress func(done, total int64)) ([]Finding, error) {
	c := &checker{ctx: ctx, progress: progress, view: func(fn func(*bbolt.Tx) error) error { return s.view(ctx, fn) }}
	c.everything()
	return c.findings, c.err
}

// CheckFile is Check for a file that no process has open, and looks at bbolt's
// pages as well. Of a file of an older schema it looks at the pages and the checksums
// of requests and histories; what that schema lacks is made when the store is opened. A
// file that is damaged badly enough ends the process with a memory fault in the middle of
// it, so run it in a process of its own. Errors: Unavailable when another process has
// the file, Internal when it cannot be walked at all: it is no store, cut short, or newer
// than this program.
func CheckFile(ctx context.Context, path string, progress func(done, total int64)) ([]Finding, error) {
	db, err := openFile(path, &bbolt.Options{ReadOnly: true, Timeout: lockWait, PreLoadFreelist: true})
	if err != nil {
		return nil, err
	}
	defer func() { _ = db.Close() }()
	at, err := schemaOf(db)
	if err != nil {
		return nil, err
	}
	c := &checker{ctx: ctx, progress: progress, view: db.View}
	if err := bothRoots(path); err != nil {
		c.find([]byte("pages"), nil, "%v", err)
	}
	c.pages()
	switch {
	case at > len(migrations):
		return nil, errNewer(path, at, len(migrations))
	case at < len(migrations):
		c.count()
		c.sums(bucketRequest, bucketHistory)
	default:
		c.everything()
	}
	return c.findings, c.err
}

// sums compares the records of buckets with their checksums.
func (c *checker) sums(buckets ...[]byte) {
	for _, bucket := range buckets {
		c.sweep(bucket, func(_ *bbolt.Tx, k, v []byte) {
			if _, err := body(v); err != nil {
				c.find(bucket, k[:min(len(k), idLen)], "%v", err)
			}
		})
	}
}

// checker walks a store.
type checker struct {
	ctx         context.Context //nolint:containedctx // of the one walk it is made for
	view        func(func(*bbolt.Tx) error) error
	progress    func(done, total int64)
	done, total int64
	findings    []Finding
	// tagged is the sum over a request's tags that were not seen in the index yet.
	tagged map[bridge.ID]uint64
	seed   maphash.Seed
	// heads are the ends of histories that were not met in the ledger yet, dropped the
	// requests that the house says were dropped, up to its entry housed.
	heads   map[bridge.ID]uint64
	dropped map[bridge.ID]bool
	housed  uint64
	err     error
}

// mostFindings is how many are kept: of a file that is damaged all over, nobody reads
// more.
const mostFindings = 1000

func (c *checker) find(bucket, id []byte, format string, args ...any) {
	switch len(c.findings) {
	case mostFindings:
		c.findings = append(c.findings, Finding{Where: "store", What: "and more"})
		return
	case mostFindings + 1:
		return
	}
	c.findings = append(c.findings, Finding{Request: bridge.ID(id), Where: string(bucket), What: fmt.Sprintf(format, args...)})
}

// pages has bbolt look at its own structure.
func (c *checker) pages() {
	pages := []byte("pages")
	err := guard("check pages", func() error {
		return c.view(func(tx *bbolt.Tx) error {
			for err := range tx.Check() {
				c.find(pages, nil, "%v", err)
			}
			return nil
		})
	})
	if err != nil {
		c.find(pages, nil, "%v", err)
	}
}

func (c *checker) everything() {
	c.tagged, c.seed = map[bridge.ID]uint64{}, maphash.MakeSeed()
	c.heads, c.dropped = map[bridge.ID]uint64{}, map[bridge.ID]bool{}
	c.count()
	c.sweep(bucketRequest, c.request)
	c.sweep(bucketHistory, c.entry)
	c.sweep(bucketKey, func(tx *bbolt.Tx, k, id []byte) {
		c.leads(tx, bucketKey, id, func(r bridge.Request) bool { return bytes.Equal(k, key(r.Portal, r.Key)) })
	})
	c.sweep(bucketRef, func(tx *bbolt.Tx, k, id []byte) {
		c.leads(tx, bucketRef, id, func(r bridge.Request) bool {
			return slices.ContainsFunc(r.Refs, func(ref bridge.Ref) bool { return bytes.Equal(k, refKey(ref)) })
		})
	})
	c.sweep(bucketApplicant, func(tx *bbolt.Tx, k, _ []byte) {
		c.leads(tx, bucketApplicant, tail(k), func(r bridge.Request) bool { return bytes.Equal(k, indexesOf(&r).applicant) })
	})
	c.tags()
	c.sweep(bucketStale, func(tx *bbolt.Tx, id, record []byte) {
		if tx.Bucket(bucketRequest).Get(id) == nil {
			c.find(bucketStale, id, "there is no such request")
		}
		if _, err := decodeTags(record); err != nil {
			c.find(bucketStale, id, "%v", err)
		}
	})
	c.sweep(bucketDay, func(_ *bbolt.Tx, day, ids []byte) {
		if len(day) != 8 || len(ids) != 2*idLen || bytes.Compare(ids[:idLen], ids[idLen:]) > 0 {
			c.find(bucketDay, nil, "the day %x makes no sense", day)
		}
	})
	c.sweep(bucketSchedule, func(tx *bbolt.Tx, id, _ []byte) {
		if tx.Bucket(bucketRequest).Get(id) == nil {
			c.find(bucketSchedule, id, "there is no such request")
		}
	})
	c.sweep(bucketDue, c.due)
	c.sweep(bucketLease, c.lease)
	c.sweep(bucketIntake, func(_ *bbolt.Tx, place, record []byte) {
		if _, err := decodeWaiting(place, record); err != nil {
			c.find(bucketIntake, nil, "%v", err)
		}
	})
	c.house()
	c.ledger()
	c.sweep(bucketBookmark, func(_ *bbolt.Tx, name, record []byte) {
		if _, err := body(record); err != nil {
			c.find(bucketBookmark, nil, "%q: %v", name, err)
		}
	})
	c.sweep(bucketPaper, func(_ *bbolt.Tx, k, record []byte) {
		if _, err := body(record); err != nil {
			kind, _, _ := bytes.Cut(k, []byte{0, 1})
			c.find(bucketPaper, nil, "one of the kind %q: %v", kind, err)
		}
	})
}

// tail is the id that ends an index's key.
func tail(k []byte) []byte { return k[max(0, len(k)-idLen):] }

// count finds out how much there is to look at.
func (c *checker) count() {
	err := guard("count", func() error {
		return c.view(func(tx *bbolt.Tx) error {
			return tx.ForEach(func(name []byte, b *bbolt.Bucket) error {
				if !bytes.Equal(name, bucketMeta) && !bytes.Equal(name, bucketSeen) {
					c.total += int64(b.Stats().KeyN)
				}
				return c.ctx.Err()
			})
		})
	})
	if err != nil && c.ctx.Err() == nil {
		c.find([]byte("pages"), nil, "%v", err)
	}
}

// sweepLen is how many entries are looked at in one transaction.
const sweepLen = 256

// sweep calls fn for every entry of a bucket.
func (c *checker) sweep(bucket []byte, fn func(tx *bbolt.Tx, k, v []byte)) {
	c.walk(bucket, func(tx *bbolt.Tx) *bbolt.Bucket { return tx.Bucket(bucket) }, fn)
}

// walk calls fn for every entry of a bucket, or of one in it. A page that makes no
// sense is a finding and ends the walk.
func (c *checker) walk(bucket []byte, in func(*bbolt.Tx) *bbolt.Bucket, fn func(tx *bbolt.Tx, k, v []byte)) {
	var from []byte
	for more := true; more && c.err == nil; {
		err := guard("check", func() error {
			return c.view(func(tx *bbolt.Tx) error {
				from, more = c.some(tx, bucket, in(tx), from, fn)
				return nil
			})
		})
		switch {
		case c.ctx.Err() != nil:
			c.err = c.ctx.Err()
		case bridge.KindOf(err) == bridge.Unavailable:
			c.err = err
		case err != nil:
			c.find(bucket, nil, "after %q: %v", from, err)
			return
		}
		if c.progress != nil {
			c.progress(c.done, max(c.total, c.done))
		}
	}
}

// some calls fn for the next entries from a key on, and returns where to go on.
func (c *checker) some(tx *bbolt.Tx, bucket []byte, b *bbolt.Bucket, from []byte, fn func(tx *bbolt.Tx, k, v []byte)) (next []byte, more bool) {
	if b == nil {
		c.find(bucket, nil, "it is missing")
		return nil, false
	}
	cur := b.Cursor()
	k, v := cur.Seek(from)
	for range sweepLen {
		if k == nil {
			return nil, false
		}
		fn(tx, k, v)
		c.done++
		last := k
		if k, v = cur.Next(); k != nil && bytes.Compare(k, last) <= 0 {
			c.find(bucket, nil, "%q comes after %q", k, last)
			return nil, false // a damaged page may lead round in a circle
		}
	}
	return bytes.Clone(k), k != nil
}

// request checks a record and whether everything leads to it that should.
func (c *checker) request(tx *bbolt.Tx, id, record []byte) {
	r, err := openRequest(id, record)
	if err != nil {
		c.find(bucketRequest, id, "%v", err)
		return
	}
	c.present(tx, bucketKey, key(r.Portal, r.Key), id)
	x := indexesOf(&r)
	for _, k := range x.refs {
		c.present(tx, bucketRef, k, id)
	}
	for _, tag := range c.indexed(tx, id, x.tags.all()) {
		k := tagKey(tag, id)
		c.present(tx, bucketTag, k, id)
		c.tagged[r.ID] += maphash.Bytes(c.seed, k)
	}
	if !onItsDay(tx, r) {
		c.find(bucketDay, id, "the day it was created on does not reach to it")
	}
	if x.applicant != nil {
		c.present(tx, bucketApplicant, x.applicant, id)
	}
	c.slot(tx, r)
	if r.Head.Seq > 0 {
		c.heads[r.ID] = r.Head.Seq
	}
	entries, err := openHistory(r.ID, historyOf(tx, id))
	if err == nil {
		err = bridge.VerifyHistory(entries, r.Head)
	}
	if err != nil {
		c.find(bucketHistory, id, "%v", err)
	}
}

// present checks that an index has an entry for a request. An entry that leads to
// another request is found from the other side.
func (c *checker) present(tx *bbolt.Tx, bucket, k, id []byte) {
	if tx.Bucket(bucket).Get(k) == nil {
		c.find(bucket, id, "the entry %q is missing", k)
	}
}

// tags checks the index of tags from its side. A request has some thirty of them, and
// decoding its record for each would take hours. So each entry is subtracted from the
// sum that the requests' sweep made, and only where something is left over, because an
// entry is wrong or the request was changed meanwhile, is it looked at.
func (c *checker) tags() {
	began := c.done
	c.sweep(bucketTag, func(_ *bbolt.Tx, k, _ []byte) { c.tagged[bridge.ID(tail(k))] -= maphash.Bytes(c.seed, k) })
	maps.DeleteFunc(c.tagged, func(_ bridge.ID, left uint64) bool { return left == 0 })
	if len(c.tagged) == 0 {
		return
	}
	c.total += c.done - began
	c.sweep(bucketTag, func(tx *bbolt.Tx, k, _ []byte) {
		if _, suspect := c.tagged[bridge.ID(tail(k))]; !suspect {
			return
		}
		c.leads(tx, bucketTag, tail(k), func(r bridge.Request) bool {
			return slices.ContainsFunc(c.indexed(tx, []byte(r.ID), r.Tags()), func(tag bridge.Tag) bool { return bytes.Equal(k, tagKey(tag, []byte(r.ID))) })
		})
	})
}

// indexed are the tags that the index should have of a request, whose own are given.
func (c *checker) indexed(tx *bbolt.Tx, id []byte, its []bridge.Tag) []bridge.Tag {
	tags, stale, err := indexedTags(tx, id)
	if !stale || err != nil { // which is a finding of its own
		return its
	}
	return tags
}

// slot checks a request's place in the schedule.
func (c *checker) slot(tx *bbolt.Tx, r bridge.Request) {
	id := []byte(r.ID)
	s, err := decodeSlot(tx.Bucket(bucketSchedule).Get(id))
	switch {
	case err != nil:
		c.find(bucketSchedule, id, "%v", err)
		return
	case s.portal != r.Portal:
		c.find(bucketSchedule, id, "it is of portal %q", s.portal)
	}
	if s.at() != 0 {
		c.present(tx, bucketDue, dueKey(s.portal, s.at(), id), id)
	}
	if s.lease != 0 {
		c.present(tx, bucketLease, id, id)
	}
}

// entry checks a line of history whose request may be gone; the chain was checked
// with its request.
func (c *checker) entry(tx *bbolt.Tx, k, _ []byte) {
	if len(k) != idLen+8 || tx.Bucket(bucketRequest).Get(k[:idLen]) == nil {
		c.find(bucketHistory, k[:min(len(k), idLen)], "there is no such request")
	}
}

// leads checks that an entry of an index leads to a request that it belongs to.
func (c *checker) leads(tx *bbolt.Tx, bucket, id []byte, belongs func(bridge.Request) bool) {
	record := tx.Bucket(bucketRequest).Get(id)
	if record == nil {
		c.find(bucket, id, "an entry leads to it, and there is no such request")
		return
	}
	r, err := openRequest(id, record)
	if err == nil && !belongs(r) {
		c.find(bucket, id, "an entry leads to it that is not its own")
	}
}

func (c *checker) due(tx *bbolt.Tx, k, _ []byte) {
	id := tail(k)
	s, err := decodeSlot(tx.Bucket(bucketSchedule).Get(id))
	if err != nil || !bytes.Equal(k, dueKey(s.portal, s.at(), id)) {
		c.find(bucketDue, id, "it is due by the entry %q, and the schedule does not say so", k)
	}
}

func (c *checker) lease(tx *bbolt.Tx, id, _ []byte) {
	s, err := decodeSlot(tx.Bucket(bucketSchedule).Get(id))
	if err != nil || s.lease == 0 {
		c.find(bucketLease, id, "it counts as claimed, and the schedule does not say so")
	}
}
