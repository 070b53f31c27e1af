package bolt

import (
	"bytes"
	"cmp"
	"log/slog"
	"slices"
	"time"

	"go.etcd.io/bbolt"

	"keybridge/bridge"
)

// What lists are made from (see walk.go):
//
//	tag  tag, id → nothing, for each of bridge.Request.Tags, as soon as stale.go has it so
//	day  day since 1970 → the least and the greatest id of what was created then
//
// Whoever changes what Tags returns for a record that is stored has to add a migration
// that builds the index anew; a test notices.
var (
	bucketTag = []byte("tag")
	bucketDay = []byte("day")
)

func tagKey(tag bridge.Tag, id []byte) []byte { return append(key(string(tag)), id...) }

// first says which list has the tag that comes first: negative the one, positive the
// other, 0 both.
func first(from, to []bridge.Tag) int {
	switch {
	case len(from) == 0:
		return 1
	case len(to) == 0:
		return -1
	}
	return cmp.Compare(from[0], to[0])
}

const dayLen = 24 * time.Hour

func dayOf(at time.Time) []byte { return appendUint(nil, stamp(at)/uint64(dayLen/time.Microsecond)) }

// onDay notes that a request was created on a day. The day stays as wide as it is when
// a request is dropped.
func (t *txn) onDay(at time.Time, id []byte) error {
	day := dayOf(at)
	was := t.bucket(bucketDay).Get(day)
	least, greatest := id, id
	if len(was) == 2*idLen {
		least, greatest = lesser(was[:idLen], id), greater(was[idLen:], id)
	}
	if now := slices.Concat(least, greatest); !bytes.Equal(was, now) {
		return t.put(bucketDay, day, now)
	}
	return nil
}

// daysBetween returns the least and the greatest id of what was created from one day to
// another; nil when nothing was. Zero times are no bounds.
func daysBetween(tx *bbolt.Tx, from, before time.Time) (least, greatest []byte) {
	last := appendUint(nil, ^uint64(0))
	if !before.IsZero() {
		last = dayOf(before)
	}
	c := tx.Bucket(bucketDay).Cursor()
	for day, ids := c.Seek(dayOf(from)); day != nil && bytes.Compare(day, last) <= 0; day, ids = c.Next() {
		if len(ids) != 2*idLen {
			continue
		}
		least, greatest = lesser(least, ids[:idLen]), greater(greatest, ids[idLen:])
	}
	return least, greatest
}

func lesser(a, b []byte) []byte {
	if a == nil || bytes.Compare(b, a) < 0 {
		return b
	}
	return a
}

func greater(a, b []byte) []byte {
	if bytes.Compare(b, a) > 0 {
		return b
	}
	return a
}

// onItsDay reports whether a request's day is wide enough for it.
func onItsDay(tx *bbolt.Tx, r bridge.Request) bool {
	day := tx.Bucket(bucketDay).Get(dayOf(r.Created))
	return len(day) == 2*idLen && string(day[:idLen]) <= string(r.ID) && string(r.ID) <= string(day[idLen:])
}

// buildLen is how many requests one transaction of buildTags indexes: at some thirty
// entries each it takes about a hundred megabytes for a moment.
const buildLen = 10_000

// buildTags makes the indexes of this file for some more requests, and returns the place
// to go on after; nil at the end. It begins by removing what an earlier try left, which
// an older program may have let go out of step. A damaged record is left out, like
// everything that would lead to it; Check names it.
func buildTags(tx *bbolt.Tx, log *slog.Logger, after []byte) (next []byte, err error) {
	return buildSome(tx, log, after, buildLen)
}

func buildSome(tx *bbolt.Tx, log *slog.Logger, after []byte, most int) (next []byte, err error) {
	if after == nil {
		if err := emptied(tx, bucketTag, bucketDay); err != nil {
			return nil, err
		}
	}
	b := builder{t: &txn{tx: tx}}
	c := tx.Bucket(bucketRequest).Cursor()
	id, record := c.Seek(order(true).past(after, nil))
	for ; id != nil && b.n < most; id, record = c.Next() {
		next = bytes.Clone(id)
		switch r, err := openRequest(id, record); {
		case err != nil:
			log.Error("a damaged request is left out of lists", "request", string(id), "error", err)
		default:
			if err := b.add(r); err != nil {
				return nil, err
			}
		}
		b.n++
	}
	if b.n > 0 {
		log.Info("indexed for lists", "requests", b.n, "up to", string(next))
	}
	if id == nil {
		next = nil
	}
	return next, b.write()
}

// emptied makes buckets that are there and hold nothing.
func emptied(tx *bbolt.Tx, names ...[]byte) error {
	for _, name := range names {
		if tx.Bucket(name) == nil {
			continue
		}
		if err := tx.DeleteBucket(name); err != nil {
			return err
		}
	}
	return makeBuckets(tx, names...)
}

// builder gathers entries of the index.
type builder struct {
	t    *txn
	n    int
	keys [][]byte
}

func (b *builder) add(r bridge.Request) error {
	for _, tag := range r.Tags() {
		b.keys = append(b.keys, tagKey(tag, []byte(r.ID)))
	}
	return b.t.onDay(r.Created, []byte(r.ID))
}

// write writes the entries in their order: in any other, bbolt moves most of what it
// has to make room for each.
func (b *builder) write() error {
	slices.SortFunc(b.keys, bytes.Compare)
	for _, k := range b.keys {
		if err := b.t.put(bucketTag, k, []byte{}); err != nil {
			return err
		}
	}
	return nil
}
