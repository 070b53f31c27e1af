package bolt

import (
	"bytes"
	"context"
	"strings"

	"go.etcd.io/bbolt"

	"keybridge/bridge"
)

// bucketHouse has the house's own entries (who signed in, looked at what, was refused):
// number → record. They are one chain, kept for good. Its end lies in bucketMeta as
// well, so that entries that were cut off at the end are missed.
var (
	bucketHouse = []byte("house")
	metaHouse   = []byte("house")
)

// houseEntry is how many bytes an entry may take.
const houseEntry = 64 << 10

// Record adds an entry that is of no request's history to the end of the house's chain,
// and gives it its Seq, Prev and Hash. Request may name what was looked at, and need not
// be there. A zero At is now. Text that is not UTF-8 is made so. Invalid for an entry of
// more than 64 KiB. A repetition is a second entry.
func (s *Store) Record(ctx context.Context, e bridge.Entry) error {
	for _, text := range []*string{
		(*string)(&e.Request), (*string)(&e.Actor.Kind), &e.Actor.Name, (*string)(&e.What), &e.Before, &e.After, &e.Why,
	} {
		*text = strings.ToValidUTF8(*text, "\uFFFD")
	}
	return s.write(ctx, func(t *txn) error { return t.record(e) })
}

func (t *txn) record(e bridge.Entry) error {
	end, err := t.end()
	if err != nil {
		return err
	}
	if e.At.IsZero() {
		e.At = t.now
	}
	head, e := end.house.Next(e)
	line, err := seal(e)
	if err != nil {
		return err
	}
	if len(line) > houseEntry {
		return errInvalid("record: the entry is larger than %d bytes", houseEntry)
	}
	t.bucket(bucketHouse).FillPercent = 1 // entries are only ever added at the end
	if err := t.put(bucketHouse, appendUint(nil, e.Seq), line); err != nil {
		return err
	}
	end.house = head
	return t.feed(fedAt("", e.Seq), e.Hash)
}

// houseHead is the end of the house's chain.
func houseHead(tx *bbolt.Tx) (head bridge.Head, err error) {
	record := tx.Bucket(bucketMeta).Get(metaHouse)
	if record == nil {
		return bridge.Head{}, nil
	}
	if err := unsealExactly(record, &head); err != nil {
		return bridge.Head{}, errInternal("the end of the house's chain: %w", err)
	}
	return head, nil
}

// HouseEnd returns the end of the house's chain, for who signs it or compares it with one
// that was signed; zero while there are no entries.
func (s *Store) HouseEnd(ctx context.Context) (head bridge.Head, err error) {
	err = s.view(ctx, func(tx *bbolt.Tx) error {
		head, err = houseHead(tx)
		return err
	})
	return head, err
}

// House returns the house's own entries after a place, which is their Seq, at most limit
// (1 to 1000, 0 for 100), the oldest first; Invalid for another limit, Internal where
// one is damaged.
func (s *Store) House(ctx context.Context, after uint64, limit int) ([]bridge.Line, error) {
	if limit < 0 || limit > pageMax {
		return nil, errInvalid("house: the limit is 1 to %d", pageMax)
	}
	if limit == 0 {
		limit = pageDefault
	}
	if after == ^uint64(0) {
		return nil, nil
	}
	var found [][]byte
	err := s.view(ctx, func(tx *bbolt.Tx) error {
		c := tx.Bucket(bucketHouse).Cursor()
		for k, record := c.Seek(appendUint(nil, after+1)); k != nil && len(found) < limit; k, record = c.Next() {
			found = append(found, bytes.Clone(record))
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	lines := make([]bridge.Line, len(found))
	for i, record := range found {
		if err := unseal(record, &lines[i].Entry); err != nil {
			return nil, errInternal("the house's entry after %d: %w", after, err)
		}
		lines[i].Place = lines[i].Entry.Seq
		after = lines[i].Place
	}
	return lines, nil
}

// house checks the house's chain. Each entry that does not continue the one before it is
// named; the walk goes on from it as it is.
func (c *checker) house() {
	var at bridge.Head
	c.sweep(bucketHouse, func(_ *bbolt.Tx, k, record []byte) {
		var e bridge.Entry
		err := unseal(record, &e)
		switch {
		case err != nil:
			e = bridge.Entry{Seq: at.Seq + 1}
			c.find(bucketHouse, nil, "entry %d: %v", e.Seq, err)
		case !bytes.Equal(k, appendUint(nil, e.Seq)):
			c.find(bucketHouse, nil, "entry %d follows entry %d", e.Seq, at.Seq)
		default:
			if _, err := at.Verify([]bridge.Entry{e}); err != nil {
				c.find(bucketHouse, nil, "%v", err)
			}
			c.noteDropped(e)
		}
		at = bridge.Head{Seq: e.Seq, Hash: e.Hash}
	})
	if at.Seq > 0 {
		c.heads[""] = at.Seq
	}
	if c.err == nil {
		c.err = guard("check", func() error { return c.view(func(tx *bbolt.Tx) error { c.houseEnd(tx, at); return nil }) })
	}
}

// houseEnd checks that the chain ends where it is known to. What was added since the walk
// is there and not looked at.
func (c *checker) houseEnd(tx *bbolt.Tx, at bridge.Head) {
	entries := tx.Bucket(bucketHouse)
	if entries == nil {
		return // which was found
	}
	head, err := houseHead(tx)
	switch {
	case err != nil:
		c.find(bucketHouse, nil, "%v", err)
	case head.Seq > at.Seq && entries.Get(appendUint(nil, head.Seq)) != nil:
	case head != at:
		c.find(bucketHouse, nil, "it ends at entry %d, and should at %d", at.Seq, head.Seq)
	}
}
