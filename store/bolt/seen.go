package bolt

import (
	"encoding/binary"
	"time"

	"go.etcd.io/bbolt"
)

// The ids of hints lie in a bucket for each week, named by the number of the week
// since 1970. An id is looked up in all buckets there are, the newest first, and
// forgotten together with its week.
const (
	seenSpan = 7 * 24 * time.Hour
	// seenKeep is how many whole weeks are kept beside the one under way: an id is
	// remembered for 35 to 42 days.
	seenKeep = 5
)

var bucketSeen = []byte("seen")

// seenKey is how a hint's id is kept. Ids of one source that are close in time
// tend to begin alike, so keeping the text keeps them on the same pages.
func seenKey(source, id string) []byte { return key(source, id) }

// seenWeeks are the open buckets of a transaction, the newest first.
func (t *txn) seenWeeks() []*bbolt.Bucket {
	if t.weeks == nil {
		t.weeks = openWeeks(t.bucket(bucketSeen))
	}
	return t.weeks
}

func openWeeks(all *bbolt.Bucket) []*bbolt.Bucket {
	weeks := []*bbolt.Bucket{}
	c := all.Cursor()
	for name, _ := c.Last(); name != nil; name, _ = c.Prev() {
		weeks = append(weeks, all.Bucket(name))
	}
	return weeks
}

// seen returns the id of the request that a hint led to when it was first
// accepted, and whether it was accepted before.
func (t *txn) seen(k []byte) (id []byte, ok bool) {
	for _, week := range t.seenWeeks() {
		if v := week.Get(k); v != nil {
			return v, true
		}
	}
	return nil, false
}

// see remembers that a hint led to a request. The first id of a week makes the
// week's bucket and drops those that are old enough, in the same commit.
func (t *txn) see(k []byte, id string) error {
	t.wrote = true
	if t.week == nil {
		if err := t.beginWeek(); err != nil {
			return err
		}
	}
	return t.week.Put(k, []byte(id))
}

func (t *txn) beginWeek() error {
	now := weekOf(t.now)
	name := appendUint(nil, now)
	all := t.bucket(bucketSeen)
	if week := all.Bucket(name); week != nil {
		t.week = week
		return nil
	}
	if err := forgetBefore(all, now, seenKeep); err != nil {
		return err
	}
	week, err := all.CreateBucket(name)
	t.week = week
	t.weeks = nil
	return err
}

// forgetBefore drops the weeks that nobody has to remember in week now, when keep
// whole weeks are remembered beside it.
func forgetBefore(all *bbolt.Bucket, now, keep uint64) error {
	var old [][]byte
	c := all.Cursor()
	for name, _ := c.First(); name != nil; name, _ = c.Next() {
		if binary.BigEndian.Uint64(name)+keep < now {
			old = append(old, append([]byte(nil), name...))
		}
	}
	for _, name := range old {
		if err := all.DeleteBucket(name); err != nil {
			return err
		}
	}
	return nil
}

func weekOf(now time.Time) uint64 { return stamp(now) / uint64(seenSpan/time.Microsecond) }
