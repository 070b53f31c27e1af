package bolt

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"time"

	"go.etcd.io/bbolt"

	"keybridge/bridge"
)

// Stats is how a store is, for metrics.
type Stats struct {
	// FileSize is the size of the file and MaxSize what it may grow to, in bytes; 0
	// is no limit.
	FileSize, MaxSize int64
	// DiskSize is the size of the disk it lies on and DiskFree what is free there, in
	// bytes; both 0 where the system does not tell.
	DiskSize, DiskFree int64
	// FreePages of PageSize bytes within the file wait to be used again.
	FreePages, PageSize int
	// Queued is how many writes wait for the committer.
	Queued int
	// Claimed is how many requests are claimed, NeedAttention how many need a person.
	// Each is counted up to CountMost.
	Claimed, NeedAttention int
	// Due is what can be claimed now, by portal. A portal without any is not listed.
	Due map[string]Backlog
}

// CountMost is how far Stats counts: so much takes milliseconds.
const CountMost = 100_000

// Backlog is what is due.
type Backlog struct {
	// Count is how many requests are, up to CountMost.
	Count int
	// Oldest is when the first of it was due.
	Oldest time.Time
}

// Stats counts. Its cost is that of what is due, claimed or needs attention, up to
// CountMost each, and not of all there is.
func (s *Store) Stats(ctx context.Context) (Stats, error) {
	stats := Stats{MaxSize: s.maxSize, Queued: len(s.queue)}
	err := s.view(ctx, func(tx *bbolt.Tx) error {
		stats.PageSize = s.db.Info().PageSize
		stats.FreePages = s.db.Stats().FreePageN
		stats.Claimed = count(tx.Bucket(bucketLease), nil, CountMost)
		stats.NeedAttention = countIDs((&tagIndex{tx: tx, decoded: &s.decoded, order: true}).of(bridge.TagAttention), CountMost)
		stats.Due = backlogs(tx.Bucket(bucketDue), stamp(s.now()), CountMost)
		return addWaiting(stats.Due, tx, stamp(s.now()), CountMost)
	})
	if err != nil {
		return Stats{}, err
	}
	st, err := os.Stat(s.path)
	if err != nil {
		return Stats{}, fmt.Errorf("stats: %w", err)
	}
	stats.FileSize = st.Size()
	stats.DiskSize, stats.DiskFree, err = disk(s.path)
	return stats, err
}

func count(b *bbolt.Bucket, prefix []byte, most int) int {
	n := 0
	c := b.Cursor()
	for k, _ := c.Seek(prefix); k != nil && bytes.HasPrefix(k, prefix) && n < most; k, _ = c.Next() {
		n++
	}
	return n
}

func countIDs(all ids, most int) int {
	n := 0
	var bound []byte
	for id := all.from(nil); id != nil && n < most; id = all.from(bound) {
		n++
		bound = order(true).past(id, bound)
	}
	return n
}

// backlogs walks what is due of each portal, up to most, and goes past the rest. What
// is claimed stands at the end of its lease, so it is due only once that lapsed.
func backlogs(due *bbolt.Bucket, now uint64, most int) map[string]Backlog {
	out := map[string]Backlog{}
	c := due.Cursor()
	for k, _ := c.First(); k != nil; {
		prefix := k[:len(k)-idLen-8]
		at := dueAt(k, prefix)
		b, ok := out[portalOf(prefix)]
		if at > now || b.Count == most {
			k, _ = c.Seek(appendUint(bytes.Clone(prefix), ^uint64(0)))
			continue
		}
		if !ok {
			b.Oldest = moment(at)
		}
		b.Count++
		out[portalOf(prefix)] = b
		k, _ = c.Next()
	}
	return out
}

// addWaiting adds the requests that are due by what waits in the intake and by nothing
// else. A claimed one is due again only when its claim ends.
func addWaiting(due map[string]Backlog, tx *bbolt.Tx, now uint64, most int) error {
	counted := map[string]bool{}
	t := &txn{tx: tx}
	c := tx.Bucket(bucketIntake).Cursor()
	for place, record := c.First(); record != nil && len(counted) < most; place, record = c.Next() {
		l, err := decodeWaiting(place, record)
		if err != nil {
			return errInternal("%w", err)
		}
		s, there, err := t.slot(l.id)
		if err != nil || !there || s.lease != 0 || s.due != 0 && s.due <= now {
			continue // a damaged one cannot be claimed either
		}
		b := due[s.portal]
		if !counted[string(l.id)] && b.Count < most {
			b.Count++
			counted[string(l.id)] = true
		}
		if at := moment(l.when); b.Oldest.IsZero() || at.Before(b.Oldest) {
			b.Oldest = at
		}
		due[s.portal] = b
	}
	return nil
}

// portalOf reads a portal's name back from its part of a key. Names are short and
// have no zero bytes, so nothing in them was escaped.
func portalOf(prefix []byte) string { return string(bytes.TrimSuffix(prefix, []byte{0, 1})) }
