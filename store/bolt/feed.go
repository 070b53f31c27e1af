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

// The feed is the history of all requests, and the house's own entries, in the order of
// their commits. It holds no entry a second time: in a bucket a week, place → where the
// entry is and what its hash was (ledger.go).
//
// A place is the time of its commit in microseconds since 1970, or one more than the
// place before it where that is later. So places grow whatever the clock does, the week
// that a place belongs to follows from it, and a store that was restored from a backup
// gives none that were given after the backup, unless its clock is behind.
const feedSpan = 7 * 24 * time.Hour

// feedWeek is the name of the bucket that a place is in.
func feedWeek(place uint64) []byte { return appendUint(nil, feedWeekOf(place)) }

func feedWeekOf(place uint64) uint64 { return place / uint64(feedSpan/time.Microsecond) }

// weekFor is the bucket that a place belongs to.
func weekFor(all *bbolt.Bucket, place uint64) (*bbolt.Bucket, error) {
	if week := all.Bucket(feedWeek(place)); week != nil {
		return week, nil
	}
	return all.CreateBucket(feedWeek(place))
}

// Feed returns the entries after a place in the order in which they were committed,
// at most limit (1 to 1000, 0 for 100); Invalid for another limit. Entries of
// requests that were dropped, and the house's own, are passed over.
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
	w := feedWalk{after: after, end: s.ends.Load().ledger.Place}
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
	return s.ends.Load().ledger.Place, s.view(ctx, func(*bbolt.Tx) error { return nil })
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
	all, history := tx.Bucket(bucketLedger), tx.Bucket(bucketHistory)
	looked := 0
	weeks := all.Cursor()
	for name, _ := weeks.Seek(feedWeek(w.after)); name != nil; name, _ = weeks.Next() {
		c := all.Bucket(name).Cursor()
		for k, entry := c.Seek(appendUint(nil, w.after+1)); k != nil; k, entry = c.Next() {
			where, _, err := splitFed(entry)
			if len(k) != 8 || err != nil {
				return errInternal("feed: the place %x leads to no entry", k)
			}
			place := binary.BigEndian.Uint64(k)
			if place > w.end || len(w.found) == n || looked == pageMax {
				return nil
			}
			if record := history.Get(where); record != nil {
				w.found = append(w.found, fedEntry{place, bytes.Clone(where[:idLen]), bytes.Clone(record)})
			}
			w.after = place
			looked++
		}
	}
	w.after = math.MaxUint64
	return nil
}
