package bolt

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"log/slog"
	"math"

	"go.etcd.io/bbolt"

	"keybridge/bridge"
)

// bucketOldFeed was the feed up to schema 5: a bucket a week, in each: place → id, number
// of an entry. It forgot after 35 to 42 days and had no entries of the house.
// bucketFrom has, while the ledger is built, for each request the number of the first
// entry that the old feed had, and its place.
var (
	bucketOldFeed = []byte("feed")
	bucketFrom    = []byte("ledger-from")
)

// ledgerLen is how many entries one transaction of buildLedger looks at.
const ledgerLen = 20_000

// buildLedger makes the ledger of a store that has none. Entries that the feed still has
// keep their places; the older ones, and the house's own, get places by their times, as
// near as can be told, in the order of their chain. Then the running hash is made. The old
// feed is left as it is until all is done, for an older program.
func buildLedger(tx *bbolt.Tx, log *slog.Logger, after []byte) (next []byte, err error) {
	return buildLedgerSome(tx, log, after, ledgerLen)
}

func buildLedgerSome(tx *bbolt.Tx, log *slog.Logger, after []byte, most int) (next []byte, err error) {
	b := ledgerBuilder{tx: tx, left: most}
	if after == nil {
		err = emptied(tx, bucketLedger, bucketCheckpoint, bucketFrom)
	} else {
		err = json.Unmarshal(after, &b.ledgerStep)
	}
	if err != nil {
		return nil, err
	}
	parts := []func() error{b.fed, b.histories, b.house, b.sum}
	for b.left > 0 && b.Part < len(parts) {
		part := b.Part
		if err := parts[part](); err != nil {
			return nil, err
		}
		if b.left > 0 {
			b.ledgerStep = ledgerStep{Part: part + 1, Sum: b.Sum}
		}
	}
	if b.left < most {
		log.Info("building the ledger", "part", min(b.Part+1, len(parts)), "of", len(parts), "entries", most-b.left)
	}
	if b.Part < len(parts) {
		return json.Marshal(b.ledgerStep)
	}
	return nil, b.finish()
}

// ledgerStep is how far the building is.
type ledgerStep struct {
	// Part counts from 0, At is the key it has come to, and Place the last place it gave.
	Part  int
	At    []byte
	Place uint64
	// Sum is the running hash so far.
	Sum bridge.Ledger
}

// ledgerBuilder does some of the building. Each part goes on until left is used up, and
// is over when some of it is left.
type ledgerBuilder struct {
	ledgerStep
	tx   *bbolt.Tx
	left int
}

// fed takes what the old feed has over, but for what was dropped, and notes with which
// entry of each request it begins.
func (b *ledgerBuilder) fed() error {
	history, from := b.tx.Bucket(bucketHistory), b.tx.Bucket(bucketFrom)
	return b.places(bucketOldFeed, func(place uint64, at []byte) error {
		record := history.Get(at)
		if len(at) != idLen+8 || record == nil {
			return nil
		}
		if id := at[:idLen]; from.Get(id) == nil {
			if err := from.Put(id, appendUint(bytes.Clone(at[idLen:]), place)); err != nil {
				return err
			}
		}
		var e bridge.Entry
		_ = unseal(record, &e) // a damaged one keeps its place, and whoever verifies is told
		return b.put(place, at, e.Hash)
	})
}

// places calls fn for the places of a feed that were not looked at yet, in their order.
func (b *ledgerBuilder) places(bucket []byte, fn func(place uint64, value []byte) error) error {
	all := b.tx.Bucket(bucket)
	weeks := all.Cursor()
	for name, _ := weeks.Seek(feedWeek(b.Place)); name != nil; name, _ = weeks.Next() {
		c := all.Bucket(name).Cursor()
		for k, value := c.Seek(appendUint(nil, b.Place+1)); k != nil && b.left > 0; k, value = c.Next() {
			if len(k) != 8 {
				return errInternal("the feed's place %x makes no sense", k)
			}
			b.Place = binary.BigEndian.Uint64(k)
			b.left--
			if err := fn(b.Place, value); err != nil {
				return err
			}
		}
	}
	return nil
}

// histories gives a place to every entry that the feed has forgotten: by its time, and
// before the one that follows it in its history. So it goes backwards, from the entry with
// which the feed begins.
func (b *ledgerBuilder) histories() error {
	from := b.tx.Bucket(bucketFrom)
	return b.back(bucketHistory, func(last, k, record []byte) error {
		if len(k) != idLen+8 {
			return errInternal("the entry %x of history makes no sense", k)
		}
		id := k[:idLen]
		if !bytes.HasPrefix(last, id) {
			b.Place = noPlace
		}
		if first := from.Get(id); first != nil && bytes.Compare(k[idLen:], first[:8]) >= 0 {
			b.Place = binary.BigEndian.Uint64(first[8:])
			return nil
		}
		return b.find(k, record)
	})
}

// house gives a place to every entry of the house, in the same way.
func (b *ledgerBuilder) house() error {
	return b.back(bucketHouse, func(last, k, record []byte) error {
		if last == nil {
			b.Place = noPlace
		}
		return b.find(k, record)
	})
}

// back calls fn for the entries of a bucket that were not looked at yet, from the last to
// the first, with the key of the one before.
func (b *ledgerBuilder) back(bucket []byte, fn func(last, k, record []byte) error) error {
	c := b.tx.Bucket(bucket).Cursor()
	k, record := c.Last()
	if b.At != nil {
		c.Seek(b.At)
		k, record = c.Prev()
	}
	for ; k != nil && b.left > 0; k, record = c.Prev() {
		if err := fn(b.At, k, record); err != nil {
			return err
		}
		b.At = bytes.Clone(k)
		b.left--
	}
	return nil
}

// noPlace is where nothing follows. An entry without a time that nothing follows is put
// at timeless, in 2005: before everything else.
const (
	noPlace  = math.MaxUint64
	timeless = 1 << 50
)

// find gives an entry the last free place at or before its time that is before the last
// one given.
func (b *ledgerBuilder) find(at, record []byte) error {
	var e bridge.Entry
	_ = unseal(record, &e) // a damaged one gets a place too, and whoever verifies is told
	place := b.Place - 1
	switch {
	case !e.At.IsZero():
		place = min(place, stamp(e.At))
	case b.Place == noPlace:
		place = timeless
	}
	for ; place > 0; place-- {
		week := b.tx.Bucket(bucketLedger).Bucket(feedWeek(place))
		if week == nil || week.Get(appendUint(nil, place)) == nil {
			break
		}
	}
	if place == 0 {
		return errInternal("there is no place for the entry %x", at)
	}
	b.Place = place
	return b.put(place, at, e.Hash)
}

func (b *ledgerBuilder) put(place uint64, at []byte, hash string) error {
	week, err := weekFor(b.tx.Bucket(bucketLedger), place)
	if err != nil {
		return err
	}
	return week.Put(appendUint(nil, place), fedValue(at, hash))
}

// sum makes the running hash and the checkpoints.
func (b *ledgerBuilder) sum() error {
	return b.places(bucketLedger, func(place uint64, value []byte) error {
		at, sum, err := splitFed(value)
		if err != nil {
			return err
		}
		if err := checkpoint(b.tx, b.Sum, place); err != nil {
			return err
		}
		b.Sum = b.Sum.Next(fedLine(place, at, hex.EncodeToString(sum)))
		return nil
	})
}

// finish keeps the end, and removes what is needed no more.
func (b *ledgerBuilder) finish() error {
	if b.Sum.Count > 0 {
		if err := putSealed(b.tx.Bucket(bucketMeta), metaLedger, b.Sum); err != nil {
			return err
		}
	}
	if err := b.tx.DeleteBucket(bucketFrom); err != nil {
		return err
	}
	return b.tx.DeleteBucket(bucketOldFeed)
}
