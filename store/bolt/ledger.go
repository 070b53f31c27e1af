package bolt

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"go.etcd.io/bbolt"

	"keybridge/bridge"
)

// The ledger is the feed with a running hash over it (bridge.Ledger). A line of it is, in
// the bucket of its week,
//
//	place → id, number, hash of the entry    of a request's history
//	place → number, hash of the entry        of the house's own
//
// so that what was there can be told when it is gone. The end lies in bucketMeta and is
// written once a commit; what it was at the end of each day (UTC, by places) lies in
// bucketCheckpoint, so that a difference can be dated.
var (
	bucketLedger     = []byte("ledger")
	bucketCheckpoint = []byte("checkpoint")
	metaLedger       = []byte("ledger")
)

// fedHash is how many bytes of a line are the entry's hash.
const fedHash = sha256.Size

// ends are the ends of the ledger and of the house's chain.
type ends struct {
	ledger bridge.Ledger
	house  bridge.Head
}

// endsOf reads both.
func endsOf(tx *bbolt.Tx) (e ends, err error) {
	if e.house, err = houseHead(tx); err == nil {
		e.ledger, err = ledgerEnd(tx)
	}
	return e, err
}

func ledgerEnd(tx *bbolt.Tx) (l bridge.Ledger, err error) {
	record := tx.Bucket(bucketMeta).Get(metaLedger)
	if record == nil {
		return l, nil
	}
	if err := unsealExactly(record, &l); err != nil {
		return l, errInternal("the end of the ledger: %w", err)
	}
	return l, nil
}

// end is the end as it is in this transaction.
func (t *txn) end() (*ends, error) {
	if t.ends == nil {
		e, err := endsOf(t.tx)
		if err != nil {
			return nil, err
		}
		t.ends, t.was = &e, e
	}
	return t.ends, nil
}

// settle does what is done once, before a transaction is committed: it catches up with the
// intake and with what became stale, and writes the ends that were moved.
func (t *txn) settle() error {
	if err := t.catchUp(); err != nil {
		return err
	}
	if err := t.freshen(); err != nil {
		return err
	}
	if t.ends == nil || *t.ends == t.was {
		return nil
	}
	if err := putSealed(t.tx.Bucket(bucketMeta), metaLedger, t.ends.ledger); err != nil {
		return err
	}
	return putSealed(t.tx.Bucket(bucketMeta), metaHouse, t.ends.house)
}

func putSealed(b *bbolt.Bucket, k []byte, v any) error {
	record, err := seal(v)
	if err != nil {
		return err
	}
	return b.Put(k, record)
}

// feed adds an entry to the ledger's end: where it is (see fedAt), and its hash.
func (t *txn) feed(at []byte, hash string) error {
	t.wrote = true
	e, err := t.end()
	if err != nil {
		return err
	}
	line := fedLine(max(e.ledger.Place+1, stamp(t.now)), at, hash)
	if err := checkpoint(t.tx, e.ledger, line.Place); err != nil {
		return err
	}
	week, err := weekFor(t.bucket(bucketLedger), line.Place)
	if err != nil {
		return err
	}
	week.FillPercent = 1 // places are only ever added at the end
	e.ledger = e.ledger.Next(line)
	return week.Put(appendUint(nil, line.Place), fedValue(at, hash))
}

// checkpoint keeps the end of a day when the first line of another one comes.
func checkpoint(tx *bbolt.Tx, at bridge.Ledger, next uint64) error {
	if at.Count == 0 || dayOfPlace(at.Place) == dayOfPlace(next) {
		return nil
	}
	return putSealed(tx.Bucket(bucketCheckpoint), appendUint(nil, at.Place), at)
}

func dayOfPlace(place uint64) uint64 { return place / uint64(24*time.Hour/time.Microsecond) }

// fedAt is where an entry is, as a line of the feed has it: its key in history, or its
// number in the house's chain.
func fedAt(id bridge.ID, seq uint64) []byte {
	if id == "" {
		return appendUint(nil, seq)
	}
	return entryKey([]byte(id), seq)
}

func fedValue(at []byte, hash string) []byte {
	out := append(make([]byte, 0, len(at)+fedHash), at...)
	sum, err := hex.DecodeString(hash)
	if err != nil || len(sum) != fedHash {
		sum = make([]byte, fedHash) // what is no hash is nobody's
	}
	return append(out, sum...)
}

// splitFed takes a line of the feed apart.
func splitFed(value []byte) (at, sum []byte, err error) {
	switch len(value) {
	case 8 + fedHash, idLen + 8 + fedHash:
		return value[:len(value)-fedHash], value[len(value)-fedHash:], nil
	}
	return nil, nil, errors.New("it leads to no entry")
}

func fedLine(place uint64, at []byte, hash string) bridge.LedgerLine {
	n := len(at) - 8
	return bridge.LedgerLine{Place: place, Request: bridge.ID(at[:n]), Seq: binary.BigEndian.Uint64(at[n:]), Hash: hash}
}

// LedgerEnd returns the ends of the ledger and of the house's chain, as the last commit
// that is on the disk left them: what is signed on the strength of them cannot be taken
// back by a power cut. Zero while there are no entries.
func (s *Store) LedgerEnd(ctx context.Context) (bridge.Ledger, bridge.Head, error) {
	e := s.ends.Load()
	return e.ledger, e.house, s.view(ctx, func(*bbolt.Tx) error { return nil })
}

// Ledger returns the lines of the ledger after a place, at most limit (1 to 1000, 0 for
// 100); Invalid for another limit. A line that makes no sense is returned with its Damage,
// and ends the page.
func (s *Store) Ledger(ctx context.Context, after uint64, limit int) ([]bridge.LedgerLine, error) {
	if limit < 0 || limit > pageMax {
		return nil, errInvalid("ledger: the limit is 1 to %d", pageMax)
	}
	if limit == 0 {
		limit = pageDefault
	}
	end := s.ends.Load().ledger.Place
	var found []foundLine
	err := s.view(ctx, func(tx *bbolt.Tx) error {
		found = linesAfter(tx, after, end, limit)
		return nil
	})
	if err != nil {
		return nil, err
	}
	lines := make([]bridge.LedgerLine, len(found))
	for i, f := range found {
		lines[i] = f.open()
	}
	return lines, nil
}

// foundLine is a line as it was found: copies of its place, its value, and the record of
// the entry it leads to.
type foundLine struct{ place, value, record []byte }

// linesAfter copies the lines after a place, up to another.
func linesAfter(tx *bbolt.Tx, after, end uint64, limit int) (found []foundLine) {
	if after >= end {
		return nil
	}
	all := tx.Bucket(bucketLedger)
	weeks := all.Cursor()
	for name, _ := weeks.Seek(feedWeek(after)); name != nil; name, _ = weeks.Next() {
		c := all.Bucket(name).Cursor()
		for k, value := c.Seek(appendUint(nil, after+1)); k != nil; k, value = c.Next() {
			if len(found) == limit || len(k) == 8 && binary.BigEndian.Uint64(k) > end {
				return found
			}
			f := foundLine{place: bytes.Clone(k), value: bytes.Clone(value)}
			at, _, err := splitFed(value)
			if err == nil {
				f.record = bytes.Clone(recordAt(tx, at))
			}
			found = append(found, f)
			if err != nil || len(k) != 8 {
				return found
			}
		}
	}
	return found
}

// recordAt is the record of the entry that a line of the feed leads to.
func recordAt(tx *bbolt.Tx, at []byte) []byte {
	bucket := bucketHistory
	if len(at) == 8 {
		bucket = bucketHouse
	}
	if entries := tx.Bucket(bucket); entries != nil {
		return entries.Get(at)
	}
	return nil
}

func (f foundLine) open() bridge.LedgerLine {
	at, sum, err := splitFed(f.value)
	if err != nil || len(f.place) != 8 {
		return bridge.LedgerLine{Damage: fmt.Sprintf("the line at place %x of the ledger makes no sense", f.place)}
	}
	line := fedLine(binary.BigEndian.Uint64(f.place), at, hex.EncodeToString(sum))
	if f.record == nil {
		return line
	}
	var e bridge.Entry
	if err := unsealExactly(f.record, &e); err != nil {
		line.Damage = err.Error()
		return line
	}
	line.Entry = &e
	return line
}

// unsealExactly is unseal for what has to be as it was written to the byte. JSON can say
// the same in many ways, and only one of them is what was written here.
func unsealExactly(record []byte, v any) error {
	if err := unseal(record, v); err != nil {
		return err
	}
	again, err := seal(v)
	if err == nil && !bytes.Equal(again, record) {
		err = errors.New("the record is not written as a record is")
	}
	return err
}

// Checkpoints returns what the end of the ledger was at the end of each day, from the
// first one at or after a place, at most limit (1 to 1000, 0 for 100); Invalid for another
// limit, Internal for one that is damaged. The day that is not over has none.
func (s *Store) Checkpoints(ctx context.Context, from uint64, limit int) ([]bridge.Ledger, error) {
	if limit < 0 || limit > pageMax {
		return nil, errInvalid("checkpoints: the limit is 1 to %d", pageMax)
	}
	if limit == 0 {
		limit = pageDefault
	}
	end := s.ends.Load().ledger.Place
	var found [][]byte
	err := s.view(ctx, func(tx *bbolt.Tx) error {
		c := tx.Bucket(bucketCheckpoint).Cursor()
		for k, record := c.Seek(appendUint(nil, from)); k != nil && len(found) < limit; k, record = c.Next() {
			found = append(found, bytes.Clone(record))
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	var points []bridge.Ledger
	for _, record := range found {
		var l bridge.Ledger
		if err := unsealExactly(record, &l); err != nil {
			return nil, errInternal("a checkpoint of the ledger: %w", err)
		}
		if l.Place <= end { // one of a commit that is not on the disk yet is not told of
			points = append(points, l)
		}
	}
	return points, nil
}
