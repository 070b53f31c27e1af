package bolt

import (
	"bytes"
	"context"
	"encoding/binary"
	"math"
	"time"

	"go.etcd.io/bbolt"

	"keybridge/bridge"
)

// The feed is the history of all requests in the order of its commits. It holds no
// entry a second time: in a bucket a week, place → the key of the entry in history.
//
// A place is the time of its commit in microseconds since 1970, or one more than the
// place before it where that is later. So places grow whatever the clock does, the week
// that a place belongs to follows from it, and a store that was restored from a backup
// gives none that were given after the backup, unless its clock is behind.
const (
	feedSpan = 7 * 24 * time.Hour
	// feedKeep is how many whole weeks are kept beside the one under way: an entry
	// stays in the feed for 35 to 42 days.
	feedKeep = 5
)

var bucketFeed = []byte("feed")

// feedWeek is the name of the bucket that a place is in.
func feedWeek(place uint64) []byte { return appendUint(nil, feedWeekOf(place)) }

func feedWeekOf(place uint64) uint64 { return place / uint64(feedSpan/time.Microsecond) }

// feed adds an entry of history to the feed's end. The first one of a week makes the
// week's bucket and drops those that are old enough, in the same commit.
func (t *txn) feed(entry []byte) error {
	t.wrote = true
	all := t.bucket(bucketFeed)
	if t.fed == 0 {
		t.fed = feedEnd(all)
	}
	place := max(t.fed+1, stamp(t.now))
	name := feedWeek(place)
	week := all.Bucket(name)
	if week == nil {
		if err := forgetBefore(all, feedWeekOf(place), feedKeep); err != nil {
			return err
		}
		var err error
		if week, err = all.CreateBucket(name); err != nil {
			return err
		}
	}
	week.FillPercent = 1 // places are only ever added at the end
	t.fed = place
	return week.Put(appendUint(nil, place), entry)
}

// feedEnd is the newest place; 0 when there is none. (Weeks are dropped only when a
// new one begins, so what was fed once has an end from then on.)
func feedEnd(all *bbolt.Bucket) uint64 {
	name, _ := all.Cursor().Last()
	if name == nil {
		return 0
	}
	place, _ := all.Bucket(name).Cursor().Last()
	if len(place) != 8 {
		return 0
	}
	return binary.BigEndian.Uint64(place)
}

// Feed returns the entries after a place in the order in which they were committed,
// at most limit (1 to 1000, 0 for 100); Invalid for another limit. Entries of
// requests that were dropped are passed over. Who asks for what comes after a place
// that is forgotten gets the oldest there is.
//
// An entry is returned once its commit is on the disk and not before: what is told
// to others on the strength of it cannot be taken back by a power cut. Those before
// a damaged one are returned, and then the error that names its request.
func (s *Store) Feed(ctx context.Context, after uint64, limit int) ([]bridge.Line, error) {
	if limit < 0 || limit > pageMax {
		return nil, errInvalid("feed: the limit is 1 to %d", pageMax)
	}
	if limit == 0 {
		limit = pageDefault
	}
	var lines []bridge.Line
	w := feedWalk{after: after, end: s.fed.Load()}
	for more := true; more; more = len(lines) < limit && w.after < w.end {
		w.found = nil
		if err := s.view(ctx, func(tx *bbolt.Tx) error { return w.some(tx, limit-len(lines)) }); err != nil {
			return nil, err
		}
		for _, f := range w.found {
			line := bridge.Line{Place: f.place}
			if err := unseal(f.record, &line.Entry); err != nil {
				if len(lines) > 0 {
					return lines, nil
				}
				return nil, damagedRecord(string(f.id), err)
			}
			lines = append(lines, line)
		}
	}
	return lines, nil
}

// FeedEnd returns the place of the newest entry, 0 when the feed is empty: who
// begins to read there gets what is committed from now on.
func (s *Store) FeedEnd(ctx context.Context) (uint64, error) {
	return s.fed.Load(), s.view(ctx, func(*bbolt.Tx) error { return nil })
}

// feedWalk reads the feed from a place to its end, some of it in each transaction.
type feedWalk struct {
	after, end uint64
	found      []fedEntry
}

// fedEntry is an entry as it was found.
type fedEntry struct {
	place      uint64
	id, record []byte
}

// some finds the next n entries, looking at no more than a bounded number of places,
// and moves on.
func (w *feedWalk) some(tx *bbolt.Tx, n int) error {
	if w.after >= w.end {
		return nil
	}
	all, history := tx.Bucket(bucketFeed), tx.Bucket(bucketHistory)
	looked := 0
	weeks := all.Cursor()
	for name, _ := weeks.Seek(feedWeek(w.after)); name != nil; name, _ = weeks.Next() {
		c := all.Bucket(name).Cursor()
		for k, entry := c.Seek(appendUint(nil, w.after+1)); k != nil; k, entry = c.Next() {
			if len(k) != 8 || len(entry) != idLen+8 {
				return errInternal("feed: the place %x leads to no entry", k)
			}
			place := binary.BigEndian.Uint64(k)
			if place > w.end || len(w.found) == n || looked == pageMax {
				return nil
			}
			if record := history.Get(entry); record != nil {
				w.found = append(w.found, fedEntry{place, bytes.Clone(entry[:idLen]), bytes.Clone(record)})
			}
			w.after = place
			looked++
		}
	}
	w.after = math.MaxUint64
	return nil
}

// feed checks the feed from its side: each place is in its week, and leads to an
// entry unless the request was dropped. Not every entry is in the feed, because old
// places are forgotten.
func (c *checker) feed() {
	var weeks [][]byte
	c.sweep(bucketFeed, func(_ *bbolt.Tx, name, _ []byte) { weeks = append(weeks, bytes.Clone(name)) })
	for _, week := range weeks {
		c.walk(bucketFeed, func(tx *bbolt.Tx) *bbolt.Bucket { return tx.Bucket(bucketFeed).Bucket(week) }, func(tx *bbolt.Tx, k, entry []byte) {
			switch {
			case len(k) != 8 || !bytes.Equal(week, feedWeek(binary.BigEndian.Uint64(k))):
				c.find(bucketFeed, nil, "the place %x is not in its week", k)
			case len(entry) != idLen+8:
				c.find(bucketFeed, nil, "the place %x leads to no entry", k)
			case tx.Bucket(bucketHistory).Get(entry) == nil && tx.Bucket(bucketRequest).Get(entry[:idLen]) != nil:
				c.find(bucketFeed, entry[:idLen], "the place %x leads to an entry that is not there", k)
			}
		})
	}
}
