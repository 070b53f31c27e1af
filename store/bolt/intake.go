package bolt

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"time"

	"go.etcd.io/bbolt"

	"keybridge/bridge"
)

// The intake is where a hint at a known request waits until it is entered: its id among
// those that were seen, its request in the schedule. Both lie all over the file, a page or
// two for each hint, and nobody needs them before the next claim. What its sender waits
// for is one line at the end of one bucket:
//
//	intake  place → when it is due, id of the request, source and id of the hint
//
// A line that waits counts as much as one that was entered: duplicates are told from it,
// and it survives whatever ends the process. Entering it twice would do no harm, and does
// not happen: a line is entered and removed in one commit.
var bucketIntake = []byte("intake")

const (
	// enterAtOnce is how many lines a claim enters, which is what a hint that shares its
	// commit waits for.
	enterAtOnce = 512
	// intakeMost is how many lines may wait, and intakeAge for how long, before hints
	// enter those of others in their own commits: for a store from which nobody claims,
	// or not as fast as hints come.
	intakeMost = 100_000
	intakeAge  = time.Minute
)

// intake is what the committer knows of the lines that wait. It is ahead of the disk by
// the transaction under way, and read anew where that is given up.
type intake struct {
	// ids has the request of each hint with an id, by the key that it is seen by.
	ids   map[string]bridge.ID
	lines int
	last  uint64
	// since is when lines were last entered, or the first of them came.
	since time.Time
}

// waiting is a hint that waits. Its record encloses what it said in one byte and when in seven, big-endian, which
// is enough for two thousand years; 26 bytes; and the rest. Lines of before said nothing.
type waiting struct {
	when   uint64
	said   bridge.Said
	id     []byte
	seenAs []byte // nil: it has no id
}

const lineHead = 8 + idLen

func (l waiting) encode() []byte {
	b := make([]byte, 0, lineHead+len(l.seenAs))
	return enclose(append(append(appendUint(b, uint64(l.said)<<56|l.when), l.id...), l.seenAs...))
}

// decodeWaiting returns a line that points into its record.
func decodeWaiting(place, record []byte) (waiting, error) {
	b, err := body(record)
	if err != nil {
		return waiting{}, fmt.Errorf("a hint that waits at %x: %w", place, err)
	}
	if len(place) != 8 || len(b) < lineHead {
		return waiting{}, fmt.Errorf("a hint that waits at %x: the line makes no sense", place)
	}
	when := binary.BigEndian.Uint64(b)
	return waiting{when: when << 8 >> 8, said: bridge.Said(when >> 56), id: b[8:lineHead], seenAs: b[lineHead:]}, nil
}

// readIntake finds out what waits.
func readIntake(tx *bbolt.Tx, now time.Time) (*intake, error) {
	in := &intake{ids: map[string]bridge.ID{}, since: now}
	c := tx.Bucket(bucketIntake).Cursor()
	for place, record := c.First(); place != nil; place, record = c.Next() {
		l, err := decodeWaiting(place, record)
		if err != nil {
			return nil, err
		}
		in.lines++
		in.last = binary.BigEndian.Uint64(place)
		if len(l.seenAs) > 0 {
			in.ids[string(l.seenAs)] = bridge.ID(l.id)
		}
	}
	return in, nil
}

// reread has the committer forget what a transaction that was given up did to the intake.
func (s *Store) reread() error {
	return guard("read what waits", func() error {
		return s.db.View(func(tx *bbolt.Tx) (err error) {
			s.intake, err = readIntake(tx, s.intake.since)
			return err
		})
	})
}

// known returns the request that a hint led to when it was first accepted, and whether it
// was, be it that it waits or that it was entered.
func (t *txn) known(seenAs []byte) (id bridge.ID, ok bool) {
	if id, ok := t.intake.ids[string(seenAs)]; ok {
		return id, true
	}
	entered, ok := t.seen(seenAs)
	return bridge.ID(entered), ok
}

// wait adds a line for a hint.
func (t *txn) wait(l waiting) error {
	t.took = true
	in := t.intake
	if in.lines == 0 {
		in.since = t.now
	}
	in.last++
	in.lines++
	if len(l.seenAs) > 0 {
		in.ids[string(l.seenAs)] = bridge.ID(l.id)
	}
	t.wrote = true
	b := t.bucket(bucketIntake)
	b.FillPercent = 1 // lines are only ever added at the end
	return b.Put(appendUint(nil, in.last), l.encode())
}

// enter enters the lines that have waited longest, at most so many.
func (t *txn) enter(most int) error {
	if t.intake.lines == 0 {
		return nil
	}
	t.took = true
	t.intake.since = t.now
	places, lines, err := t.oldestLines(most)
	if err != nil {
		return err
	}
	for i, l := range lines {
		if err := t.enterLine(l); err != nil {
			return err
		}
		if err := t.delete(bucketIntake, places[i]); err != nil {
			return err
		}
	}
	return nil
}

// oldestLines returns copies, because the buckets are changed afterwards.
func (t *txn) oldestLines(most int) (places [][]byte, lines []waiting, err error) {
	c := t.bucket(bucketIntake).Cursor()
	for place, record := c.First(); place != nil && len(lines) < most; place, record = c.Next() {
		l, err := decodeWaiting(place, bytes.Clone(record))
		if err != nil {
			return nil, nil, errInternal("%w", err)
		}
		places, lines = append(places, bytes.Clone(place)), append(lines, l)
	}
	return places, lines, nil
}

// enterLine marks the request due, unless it was dropped since, and the hint as seen. Where
// the request's place in the schedule is damaged it cannot be due, which a check finds: it
// may not keep all others from being entered.
func (t *txn) enterLine(l waiting) error {
	t.intake.lines--
	from, there, err := t.slot(l.id)
	switch {
	case err != nil:
		t.log.Error("a hint leads to a request that cannot be made due", "request", string(l.id), "error", err)
	case there:
		if err := t.move(l.id, from, from.hinted(l.when, l.said)); err != nil {
			return err
		}
	}
	if len(l.seenAs) == 0 {
		return nil
	}
	delete(t.intake.ids, string(l.seenAs))
	return t.see(l.seenAs, string(l.id))
}

// catchUp enters lines where too many wait, or for too long. A group may bring more than
// enterAtOnce of them, and no more than intakeMost may be left.
func (t *txn) catchUp() error {
	in := t.intake
	if in.lines <= intakeMost && (in.lines == 0 || t.now.Sub(in.since) <= intakeAge) {
		return nil
	}
	return t.enter(max(enterAtOnce, in.lines-intakeMost))
}
