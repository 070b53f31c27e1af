package bolt

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"time"

	"keybridge/bridge"
)

// The schedule keeps when each request is due, apart from its record, so that a
// hint writes a few bytes. Three buckets are one thing:
//
//	schedule  id → slot
//	due       portal, time, id → nothing: what is due in the order of time
//	lease     id → nothing: which requests are claimed
var (
	bucketSchedule = []byte("schedule")
	bucketDue      = []byte("due")
	bucketLease    = []byte("lease")
)

// slot is a request's place in the schedule. Its record is a format byte, one of what was
// said, three big-endian numbers of eight bytes, and the portal's name. The format before
// had no byte of what was said.
type slot struct {
	// due is when to look at the request: 0 is never. While it is claimed, due is
	// when the first hint since the claim came.
	due uint64
	// lease is until when the request is claimed; 0 when it is not.
	lease uint64
	// hints counts the hints there have been.
	hints uint64
	// said is what those said that came since it was claimed; see saidAnything.
	said   bridge.Said
	portal string
}

const (
	slotFormat = 2
	slotHead   = 2 + 3*8
	slotBefore = 1 // the format before
)

// slotFill is how full a page of the schedule is left when it is split. Ids come nearly in
// their order and a place keeps its size, so what is left free is for those that come late.
const slotFill = 0.9

// saidAnything stands for a hint that may have been about anything. It is kept like what
// else was said, and leaves a claim without saying anything.
const saidAnything bridge.Said = 1 << 7

func (s slot) encode() []byte {
	b := make([]byte, 2, slotHead+len(s.portal))
	b[0], b[1] = slotFormat, byte(s.said)
	b = appendUint(b, s.due)
	b = appendUint(b, s.lease)
	b = appendUint(b, s.hints)
	return append(b, s.portal...)
}

func decodeSlot(b []byte) (slot, error) {
	said := saidAnything
	switch {
	case len(b) >= slotHead && b[0] == slotFormat:
		said, b = bridge.Said(b[1]), b[2:]
	case len(b) >= slotHead-1 && b[0] == slotBefore:
		b = b[1:]
	default:
		return slot{}, errors.New("the entry in the schedule makes no sense")
	}
	return slot{
		due:    binary.BigEndian.Uint64(b),
		lease:  binary.BigEndian.Uint64(b[8:]),
		hints:  binary.BigEndian.Uint64(b[16:]),
		said:   said,
		portal: string(b[24:]),
	}, nil
}

// at is where the slot stands in the order of time: a claimed request comes up
// again when its lease lapses.
func (s slot) at() uint64 {
	if s.lease != 0 {
		return s.lease
	}
	return s.due
}

func dueKey(portal string, at uint64, id []byte) []byte {
	return append(appendUint(key(portal), at), id...)
}

// slot returns a request's place in the schedule. Every request has one.
func (t *txn) slot(id []byte) (s slot, ok bool, err error) {
	b := t.bucket(bucketSchedule).Get(id)
	if b == nil {
		return slot{}, false, nil
	}
	s, err = decodeSlot(b)
	if err != nil {
		return slot{}, false, damagedRecord(string(id), err)
	}
	return s, true, nil
}

// move replaces a request's place in the schedule and keeps the two indexes in
// step. A zero slot stands for "none".
func (t *txn) move(id []byte, from, to slot) error {
	if to.portal != "" {
		t.bucket(bucketSchedule).FillPercent = slotFill
		if err := t.put(bucketSchedule, id, to.encode()); err != nil {
			return err
		}
	} else if err := t.delete(bucketSchedule, id); err != nil {
		return err
	}
	if err := t.moveDue(id, from, to); err != nil {
		return err
	}
	switch {
	case from.lease == 0 && to.lease != 0:
		return t.put(bucketLease, id, []byte{})
	case from.lease != 0 && to.lease == 0:
		return t.delete(bucketLease, id)
	}
	return nil
}

func (t *txn) moveDue(id []byte, from, to slot) error {
	if from.at() == to.at() {
		return nil
	}
	if from.at() != 0 {
		if err := t.delete(bucketDue, dueKey(from.portal, from.at(), id)); err != nil {
			return err
		}
	}
	if to.at() != 0 {
		return t.put(bucketDue, dueKey(to.portal, to.at(), id), []byte{})
	}
	return nil
}

// dueFrom is since when a hint of a time has its request due. One without a time, or
// from the future, counts as now.
func dueFrom(at, now time.Time) uint64 {
	if at.IsZero() {
		return stamp(now)
	}
	return min(stamp(now), stamp(at))
}

// hinted is the slot after a hint that has it due from a time on: due then, or earlier if
// it was due earlier already.
func (s slot) hinted(when uint64, said bridge.Said) slot {
	s.hints++
	if s.said |= said; said == 0 {
		s.said |= saidAnything
	}
	if s.due == 0 || when < s.due {
		s.due = when
	}
	return s
}

// released is the slot after a claim was given back. Somebody else's lease stays.
func (s slot) released(d bridge.Done) slot {
	if s.lease == 0 || s.lease != stamp(d.Claim.Until) {
		return s
	}
	s.lease = 0
	if s.hints == d.Claim.Hints || s.due == 0 {
		s.due = stamp(d.Due)
	}
	return s
}

// told is what a claim of the slot is told of what was said.
func (s slot) told() bridge.Said {
	if s.lease != 0 || s.said&saidAnything != 0 {
		return 0 // who had it may have known more, and did nothing about it
	}
	return s.said
}

// Claim takes up to limit requests of a portal that are due at now, the longest
// due first, and leases them until lease. Times are kept to the microsecond. next
// is when the portal's next request is due, which is not after now when more than
// limit were due; a claimed request counts with the end of its lease.
//
// First it enters what waits in the intake, the oldest lines if there are many: then next
// says that there is more, and what is claimed is the longest due of what was entered.
//
// A Claim that finds nothing writes nothing.
func (s *Store) Claim(ctx context.Context, portal string, now, lease time.Time, limit int) ([]bridge.Claim, time.Time, error) {
	if now.IsZero() || lease.IsZero() {
		return nil, time.Time{}, errInvalid("claim: now and lease are needed")
	}
	var claims []bridge.Claim
	var next time.Time
	err := s.write(ctx, func(t *txn) error {
		if err := t.enter(enterAtOnce); err != nil {
			return err
		}
		var err error
		claims, err = t.claim(portal, stamp(now), stamp(lease), limit)
		if next = t.nextDue(portal); t.intake.lines > 0 && (next.IsZero() || next.After(now)) {
			next = moment(stamp(now)) // what still waits may be this portal's
		}
		return err
	})
	if err != nil {
		return nil, time.Time{}, err
	}
	return claims, next, nil
}

func (t *txn) claim(portal string, now, lease uint64, limit int) ([]bridge.Claim, error) {
	var claims []bridge.Claim
	for _, k := range t.dueKeys(portal, now, limit) {
		id := tail(k)
		from, ok, err := t.slot(id)
		if !ok || !bytes.Equal(k, dueKey(from.portal, from.at(), id)) {
			if err := t.strike(bucketDue, k, id, err); err != nil {
				return nil, err
			}
			if !ok || from.lease != 0 {
				continue // nobody knows when it is due, or somebody has it
			}
		}
		to := from
		to.portal, to.lease, to.due, to.said = portal, lease, 0, 0
		if err := t.move(id, from, to); err != nil {
			return nil, err
		}
		claims = append(claims, bridge.Claim{
			Request: bridge.ID(id), Portal: portal, Hints: to.hints, Said: from.told(), Until: moment(lease),
		})
	}
	return claims, nil
}

// strike removes an entry of an index that the schedule does not know, because one of the
// two is damaged. It would come up again and again, and may not keep all others from being
// claimed. A check finds the request, and a hint has it due again.
func (t *txn) strike(bucket, k, id []byte, err error) error {
	if err == nil {
		err = errors.New("the schedule does not say so")
	}
	t.log.Error("the schedule is damaged", "request", string(id), "index", string(bucket), "error", err)
	return t.delete(bucket, k)
}

// dueKeys returns copies, because the index is changed afterwards.
func (t *txn) dueKeys(portal string, now uint64, limit int) [][]byte {
	var keys [][]byte
	prefix := key(portal)
	c := t.bucket(bucketDue).Cursor()
	for k, _ := c.Seek(prefix); bytes.HasPrefix(k, prefix) && len(keys) < limit; k, _ = c.Next() {
		if dueAt(k, prefix) > now {
			break
		}
		keys = append(keys, bytes.Clone(k))
	}
	return keys
}

func (t *txn) nextDue(portal string) time.Time {
	prefix := key(portal)
	k, _ := t.bucket(bucketDue).Cursor().Seek(prefix)
	if !bytes.HasPrefix(k, prefix) {
		return time.Time{}
	}
	return moment(dueAt(k, prefix))
}

// dueAt is the time in a key of the index of what is due.
func dueAt(k, prefix []byte) uint64 { return binary.BigEndian.Uint64(k[len(prefix):]) }

// freeLeases gives back every claim there is. It runs when the file is opened:
// only one process can have it open, so whoever held a lease is gone, and what it
// was working on is due.
func (t *txn) freeLeases() error {
	var ids [][]byte
	c := t.bucket(bucketLease).Cursor()
	for id, _ := c.First(); id != nil; id, _ = c.Next() {
		ids = append(ids, bytes.Clone(id))
	}
	for _, id := range ids {
		from, ok, err := t.slot(id)
		if !ok || from.lease == 0 {
			if err := t.strike(bucketLease, id, id, err); err != nil {
				return err
			}
			continue
		}
		to := from
		to.lease = 0
		if to.due == 0 {
			to.due = min(stamp(t.now), from.lease)
		}
		if err := t.move(id, from, to); err != nil {
			return err
		}
	}
	return nil
}
